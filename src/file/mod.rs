//! Sound files. Never touched from the callback.

pub mod channels;
pub mod growing;
pub mod wav;
