//! The callback and nothing else.
pub mod block;
pub mod engine;
pub mod gate;
