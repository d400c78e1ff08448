//! Real audio servers without a sound card, for tests.
//!
//! A test file says `mod servers;`. libjack keeps its view of the server in process-wide state, so one process
//! can use one JACK server at a time; [`jackd::Jackd`] sees to it that the tests of one binary take turns.

// Each test binary uses a part of this.
#![allow(dead_code)]

pub mod jackd;
// The recorder's callbacks are guarded like the stream's own.
#[path = "../../src/backend/jack/live.rs"]
#[allow(clippy::duplicate_mod)]
pub mod live;
pub mod passage;
pub mod pipewire;
pub mod pulse;
pub mod recorder;
