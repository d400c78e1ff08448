//! sonset
pub mod backend;
pub mod clock;
pub mod device;
pub mod error;
pub mod options;
pub mod realtime;
