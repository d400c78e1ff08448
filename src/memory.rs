//! Keeping what the callback reads in RAM.
#![allow(unsafe_code)]

use std::collections::VecDeque;

/// A range of memory that the operating system was asked to keep in RAM, until this is dropped.
#[derive(Debug)]
pub struct Locked {
    #[cfg_attr(any(not(unix), miri), allow(dead_code))]
    address: usize,
    bytes: usize,
}

impl Locked {
    /// Asks for `values` to be kept in RAM; `None` if the system refuses (often a limit of a few MiB) or has
    /// no such call. Nothing else changes either way.
    pub fn request<T>(values: &[T]) -> Option<Self> {
        Self::range(values.as_ptr() as usize, std::mem::size_of_val(values))
    }

    fn range(address: usize, bytes: usize) -> Option<Self> {
        (bytes == 0 || lock(address, bytes)).then_some(Self { address, bytes })
    }
}

/// Memory of ours that a callback works with.
#[derive(Debug, Default)]
pub struct Ranges(Vec<(usize, usize)>);

impl Ranges {
    /// Adds a value; of what holds more on the heap, that must be added too.
    pub fn add<T: ?Sized>(&mut self, value: &T) {
        self.0.push((std::ptr::from_ref(value).addr(), size_of_val(value)));
    }

    /// Adds all the room of `values`, whatever is in it.
    pub fn add_room<T>(&mut self, values: &Vec<T>) {
        self.0.push((values.as_ptr().addr(), values.capacity() * size_of::<T>()));
    }

    /// Adds all the room of `values`, which must be empty.
    pub fn add_deque<T>(&mut self, values: &VecDeque<T>) {
        debug_assert!(values.is_empty(), "its room begins where its first value is");
        self.0.push((values.as_slices().0.as_ptr().addr(), values.capacity() * size_of::<T>()));
    }

    /// Lets the system give a page to all of it, so that a callback meets none that is not there yet, and asks for it
    /// to be kept in RAM. `None` if any of it is refused.
    pub fn ready(self) -> Option<Vec<Locked>> {
        let ready = |(address, bytes)| {
            populate(address, bytes);
            Locked::range(address, bytes)
        };
        // All of it has its pages, whatever is refused.
        self.0.into_iter().map(ready).collect::<Vec<_>>().into_iter().collect()
    }
}

/// Has all pages of a range that can be written given to us now. Where that cannot be asked for, locking does it.
#[cfg(all(target_os = "linux", not(miri)))]
fn populate(address: usize, bytes: usize) {
    // SAFETY: sysconf takes any number and touches no memory of ours.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(1) as usize;
    let first = address / page * page;
    // SAFETY: no value changes; a range that is not mapped, or a system that does not know this, is an error only.
    unsafe { libc::madvise(first as *mut _, address + bytes - first, libc::MADV_POPULATE_WRITE) };
}

#[cfg(any(not(target_os = "linux"), miri))]
fn populate(_address: usize, _bytes: usize) {}

impl Drop for Locked {
    fn drop(&mut self) {
        if self.bytes > 0 {
            unlock(self.address, self.bytes);
        }
    }
}

// Miri knows no such call.
#[cfg(all(unix, not(miri)))]
fn lock(address: usize, bytes: usize) -> bool {
    // SAFETY: mlock reads nothing; a range that is not mapped is its error, not ours.
    unsafe { libc::mlock(address as *const _, bytes) == 0 }
}

/// Unlocks the pages that lie wholly inside the range: the outer ones may hold other locked memory.
#[cfg(all(unix, not(miri)))]
fn unlock(address: usize, bytes: usize) {
    // SAFETY: sysconf takes any number and touches no memory of ours.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(1) as usize;
    let first = address.next_multiple_of(page);
    let last = (address + bytes) / page * page;
    if last > first {
        // SAFETY: munlock changes no memory, only whether it may be paged out.
        unsafe { libc::munlock(first as *const _, last - first) };
    }
}

#[cfg(any(not(unix), miri))]
fn lock(_address: usize, _bytes: usize) -> bool {
    false
}

#[cfg(any(not(unix), miri))]
fn unlock(_address: usize, _bytes: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_range_counts_as_locked_and_a_dropped_lock_leaves_the_memory_usable() {
        assert!(Locked::request::<f32>(&[]).is_some());
        let mut values = vec![0.0f32; 10_000];
        drop(Locked::request(&values));
        values[9_999] = 1.0;
        assert_eq!(values[9_999], 1.0);
    }

    #[test]
    #[cfg(all(target_os = "linux", not(miri)))]
    fn memory_that_is_made_ready_has_all_its_pages_and_its_values() {
        const PAGES: usize = 1_000;
        let mut values: Vec<u8> = vec![0; PAGES * 4_096];
        values[5_000] = 7;
        let mut ranges = Ranges::default();
        ranges.add(&values[..]);
        let _locked = ranges.ready();
        let before = page_faults();
        values.iter_mut().step_by(4_096).for_each(|value| *value += 1);
        assert!(page_faults() - before < PAGES as i64 / 10, "the pages came only when they were written");
        assert_eq!((values[5_000], values[4_096]), (7, 1));
    }

    #[cfg(all(target_os = "linux", not(miri)))]
    fn page_faults() -> i64 {
        // SAFETY: numbers, for which zeros are valid.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: the place is valid for the call.
        unsafe { libc::getrusage(libc::RUSAGE_THREAD, &mut usage) };
        usage.ru_minflt
    }
}
