//! Values that belong together, from one writer to any number of readers, without waiting for either.

use crate::sync::{AtomicI64, AtomicU64, Ordering, fence};

/// `N` words that are published at once. The writer is wait-free; a reader that meets a half written value is told.
#[derive(Debug)]
pub struct Seqlock<const N: usize> {
    /// Odd while the words are being written; 0: none were yet.
    version: AtomicU64,
    words: [AtomicI64; N],
}

impl<const N: usize> Default for Seqlock<N> {
    fn default() -> Self {
        Self { version: AtomicU64::new(0), words: std::array::from_fn(|_| AtomicI64::new(0)) }
    }
}

impl<const N: usize> Seqlock<N> {
    /// Publishes `values`. One thread at a time. Realtime-safe.
    pub fn publish(&self, values: [i64; N]) {
        // Relaxed: only the writer changes it.
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        // Release fence: a reader that sees one of the words below sees the odd version too.
        fence(Ordering::Release);
        for (word, value) in self.words.iter().zip(values) {
            word.store(value, Ordering::Relaxed);
        }
        // Release: a reader that sees this version sees all words.
        self.version.store(version + 2, Ordering::Release);
    }

    /// Whether anything was published.
    pub fn is_written(&self) -> bool {
        // Acquire pairs with the Release store of an even version.
        self.version.load(Ordering::Acquire) > 0
    }

    /// Reads the last values, once; `None` if they are just being written, or none were yet. Realtime-safe.
    pub fn try_read(&self) -> Option<[i64; N]> {
        // Acquire pairs with the Release store of an even version.
        let before = self.version.load(Ordering::Acquire);
        let words = std::array::from_fn(|i| self.words[i].load(Ordering::Relaxed));
        // Acquire fence: the words are read before the version is looked at again.
        fence(Ordering::Acquire);
        let after = self.version.load(Ordering::Relaxed);
        (before == after && before & 1 == 0 && before > 0).then_some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_before_anything_was_published() {
        let lock = Seqlock::<2>::default();
        assert_eq!((lock.is_written(), lock.try_read()), (false, None));
        lock.publish([3, -4]);
        assert_eq!((lock.is_written(), lock.try_read()), (true, Some([3, -4])));
    }

    #[test]
    fn no_value_is_torn_or_goes_backwards_while_another_thread_writes() {
        const TIMES: i64 = if cfg!(miri) { 200 } else { 300_000 };
        let lock = Seqlock::<4>::default();
        std::thread::scope(|scope| {
            scope.spawn(|| (1..=TIMES).for_each(|n| lock.publish([n; 4])));
            let mut last = 0;
            while last < TIMES {
                if let Some(words) = lock.try_read() {
                    assert_eq!(words, [words[0]; 4], "torn");
                    assert!(words[0] >= last);
                    last = words[0];
                }
                // Miri's threads take turns.
                if cfg!(miri) {
                    std::thread::yield_now();
                }
            }
        });
    }
}
