//! The latest value of something, from one host thread at a time to the callback, without waiting.

use crate::sync::{AtomicU8, AtomicU64, Ordering};

/// Set in `middle` while it holds a value that was not taken yet.
const FRESH: u8 = 4;

/// A triple buffer of `N` words: the writer owns one copy, the reader another, and they swap theirs with the
/// one in the middle. Both ends are wait-free, and the reader never sees half a value.
#[derive(Debug)]
pub struct Mailbox<const N: usize> {
    copies: [[AtomicU64; N]; 3],
    middle: AtomicU8,
    writers: AtomicU8,
    readers: AtomicU8,
}

impl<const N: usize> Default for Mailbox<N> {
    fn default() -> Self {
        Self {
            copies: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))),
            middle: AtomicU8::new(0),
            writers: AtomicU8::new(1),
            readers: AtomicU8::new(2),
        }
    }
}

impl<const N: usize> Mailbox<N> {
    /// Leaves `value` for the reader, and gives back the one that it replaces if it was not taken. One thread
    /// at a time.
    pub fn put(&self, value: [u64; N]) -> Option<[u64; N]> {
        // Relaxed: only the writer uses its index and its copy; the swap below publishes them.
        let mine = self.writers.load(Ordering::Relaxed);
        for (place, word) in self.copies[mine as usize].iter().zip(value) {
            place.store(word, Ordering::Relaxed);
        }
        // Release publishes the words; Acquire makes sure that the copy taken over is not read any more.
        let taken = self.middle.swap(mine | FRESH, Ordering::AcqRel);
        let old = taken & !FRESH;
        self.writers.store(old, Ordering::Relaxed);
        // Relaxed: a value that was not taken is the writer's own.
        (taken != old).then(|| std::array::from_fn(|i| self.copies[old as usize][i].load(Ordering::Relaxed)))
    }

    /// Takes the latest value, if one came since the last call. One thread at a time. Realtime-safe.
    pub fn take(&self) -> Option<[u64; N]> {
        // Relaxed: a value that is missed now is found next time.
        if self.middle.load(Ordering::Relaxed) & FRESH == 0 {
            return None;
        }
        let mine = self.readers.load(Ordering::Relaxed);
        // Acquire sees the words that `put` released; Release hands the old copy back after its last read.
        let fresh = self.middle.swap(mine, Ordering::AcqRel) & !FRESH;
        self.readers.store(fresh, Ordering::Relaxed);
        Some(std::array::from_fn(|i| self.copies[fresh as usize][i].load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_value_is_taken_once() {
        let mailbox = Mailbox::<2>::default();
        assert_eq!(mailbox.take(), None);
        assert_eq!(mailbox.put([1, 2]), None);
        assert_eq!(mailbox.put([3, 4]), Some([1, 2]));
        assert_eq!(mailbox.take(), Some([3, 4]));
        assert_eq!(mailbox.take(), None);
        assert_eq!(mailbox.put([5, 6]), None);
        assert_eq!(mailbox.take(), Some([5, 6]));
    }

    #[test]
    fn no_value_is_torn_or_goes_backwards_while_another_thread_writes() {
        const TIMES: u64 = if cfg!(miri) { 200 } else { 200_000 };
        let mailbox = Mailbox::<4>::default();
        std::thread::scope(|scope| {
            scope.spawn(|| (1..=TIMES).for_each(|n| _ = mailbox.put([n; 4])));
            let mut last = 0;
            while last < TIMES {
                if let Some(value) = mailbox.take() {
                    assert!(value.iter().all(|&word| word == value[0]), "torn: {value:?}");
                    assert!(value[0] > last);
                    last = value[0];
                }
            }
        });
    }
}
