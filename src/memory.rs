//! Keeping what the callback reads in RAM.
#![allow(unsafe_code)]

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
        let (address, bytes) = (values.as_ptr() as usize, std::mem::size_of_val(values));
        (bytes == 0 || lock(address, bytes)).then_some(Self { address, bytes })
    }
}

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
}
