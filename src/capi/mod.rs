//! The C surface: one file for each noun. Every body has three steps inside one guard: check, call,
//! convert. No logic lives here.
// What a pointer of C must be is said in the header; what no check can see is the caller's word.
#![allow(unsafe_code, clippy::missing_safety_doc)]

mod block;
mod guard;
mod handle;
mod structs;
mod text;

// From here on in the order in which a reader of the header meets them.
mod constants;
mod version;
mod error;
mod clock;
mod backend;
mod device;
mod stream;
mod buffer;
mod file;
mod ring;
mod channel;
mod start;
mod play;
mod play_file;
mod input;
mod generate;
mod record;
mod record_file;
mod detect;
mod control;
mod results;

/// C code reaches these; so do the tests that call the C surface from Rust.
pub use self::{
    backend::*, buffer::*, channel::*, clock::*, constants::*, control::*, detect::*, device::*, error::*,
    file::*, generate::*, input::*, play::*, play_file::*, record::*, record_file::*, results::*, ring::*,
    stream::*, version::*,
};
