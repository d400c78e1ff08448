//! loom's atomics under the name of a crate that ringbuf can be built with.

pub use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
