//! The callback and nothing else.
//!
//! The law of this folder: nothing that [`engine::Engine::process`] reaches allocates, frees, locks, waits,
//! logs, panics or makes a system call, and none of it knows a device, a thread or a file. What it needs is
//! made when the engine is; what it is done with goes back to the host in a report.

pub mod block;
pub mod clock;
pub mod crossing;
pub mod detect;
mod dither;
pub mod engine;
mod envelope;
mod fpu;
mod gain;
pub mod gate;
pub mod half;
mod history;
mod master;
pub use master::Line;
mod mix;
pub mod record;
mod schedule;
pub mod sine;
pub mod source;
mod timed;
mod track;
pub mod work;
