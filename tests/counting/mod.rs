//! The system's allocator, which tells of each call.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};

/// With what it calls each time, which must not allocate.
pub struct Counting(pub fn());

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0();
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.0();
        // SAFETY: passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.0();
        // SAFETY: passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
