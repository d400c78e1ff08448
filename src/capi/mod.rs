//! The C surface: one file for each noun. Every body has three steps inside one guard: check, call,
//! convert. No logic lives here.
#![allow(clippy::missing_safety_doc)]

mod backend;
mod buffer;
mod clock;
mod constants;
mod control;
mod device;
mod error;

mod guard;
mod handle;
mod play;
mod record;
mod results;
mod start;
mod stream;
mod structs;
mod version;

/// C code reaches these; so do the tests that call the C surface from Rust.
pub use self::{
    backend::*, buffer::*, clock::*, constants::*, control::*, device::*, error::*, play::*, record::*,
    results::*, stream::*, version::*,
};
