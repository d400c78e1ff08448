//! sonset starts and stops sounds and recordings at an exact sample, and says what really happened.
//!
//! ```text
//! host thread(s)                    audio callback thread                 device
//!
//! capi → stream ── queue ────────▶  realtime: take commands               ◀── backend
//!                                             start what is due (schedule)
//!                                             mix and record               ──▶ output frames
//!                                             retire what has ended        ◀── input frames
//! receipt ◀────── queue ──────────
//! ```
//!
//! The callback never allocates, frees, locks, waits or calls the operating system; everything that it needs
//! is allocated when the stream is opened. The C interface in [`capi`] is what programs use; the modules
//! below it are public for the project's own tests and benches, and no stable interface.

#![cfg_attr(sonset_rtsan, feature(sanitize))]
// Where it is needed, a module says `allow`.
#![deny(unsafe_code)]

pub mod action;
pub mod backend;
pub mod buffer;
pub mod capi;
pub mod clock;
pub mod device;
pub mod downmix;
pub mod error;
pub mod file;
pub mod mailbox;
pub mod memory;
pub mod options;
pub mod plausible;
pub mod process;
pub mod queue;
pub mod rate;
pub mod realtime;
pub mod receipt;
pub mod request;
pub mod ring;
pub mod resample;
pub mod seqlock;
pub mod shared;
pub mod stream;
mod sync;
