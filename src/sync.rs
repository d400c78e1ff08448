//! What threads share memory with: the standard library's, or those of the model checker (proof/models), which tries
//! every order in which threads may see each other's writes.

#[cfg(not(sonset_loom))]
pub use std::{
    sync::atomic::{
        AtomicBool, AtomicI32, AtomicI64, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering, fence,
    },
    sync::{Condvar, Mutex, MutexGuard},
};

#[cfg(sonset_loom)]
pub use loom::{
    sync::atomic::{
        AtomicBool, AtomicI32, AtomicI64, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering, fence,
    },
    sync::{Condvar, Mutex, MutexGuard},
};

/// Waits for another thread that will be ready soon.
#[cfg(not(sonset_loom))]
pub fn pause() {
    std::thread::sleep(std::time::Duration::from_micros(200));
}

#[cfg(sonset_loom)]
pub use loom::thread::yield_now as pause;
