//! What ringbuf asks for beside atomics.

pub use std::sync::Arc;
