//! Sound files. Never touched from the callback.

pub mod wav;
