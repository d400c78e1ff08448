//! sonset
pub mod action;
pub mod backend;
pub mod buffer;
pub mod clock;
pub mod device;
pub mod error;
pub mod mailbox;
pub mod memory;
pub mod options;
pub mod queue;
pub mod realtime;
pub mod receipt;
pub mod shared;
