//! Handles: numbers in the shape of pointers, so that a stale or foreign one is an error and not a crash.
//!
//! A handle holds a place in a table, the generation of what is in that place, and the kind of the table.
//! Looking one up is wait-free: the visitor is counted in, and counted out when its guard is dropped.
//! Removing waits until no visitor is left. A generation has 40 bits where a pointer has 64; on 32-bit
//! systems it has 8, and a handle that is stale by a multiple of 256 generations is not noticed.

use std::cell::UnsafeCell;
use std::ops::Deref;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::error::{Result, fail};

const KIND_BITS: u32 = 4;
const INDEX_BITS: u32 = 20;
const GENERATION_BITS: u32 = usize::BITS - KIND_BITS - INDEX_BITS;
const GENERATIONS: u64 = 1 << GENERATION_BITS;

/// Entries are made this many at a time.
const CHUNK: usize = 1024;
const CHUNKS: usize = (1 << INDEX_BITS) / CHUNK;

/// Visitors are counted in the low bits of an entry's state; then comes whether it is in use, then its
/// generation.
const LIVE: u64 = 1 << 23;
const VISITORS: u64 = LIVE - 1;
const GENERATION_SHIFT: u32 = 24;

/// How long a removal waits for visitors. One that stays longer keeps its entry for ever.
const REMOVE_DEADLINE: Duration = Duration::from_secs(10);

/// All handles of one kind.
pub struct Table<T> {
    chunks: [AtomicPtr<[Entry<T>; CHUNK]>; CHUNKS],
    free: OnceLock<Mutex<Free>>,
    kind: usize,
    noun: &'static str,
}

struct Free {
    entries: Vec<usize>,
    made: usize,
}

struct Entry<T> {
    state: AtomicU64,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: the value of an entry is written only while it is not live and has no visitors, so shared access
// follows the rules of `T` itself.
unsafe impl<T: Send + Sync> Sync for Table<T> {}

/// A visitor's hold on what a handle stands for.
pub struct Visit<'a, T> {
    value: &'a T,
    _visit: Uncount<'a, T>,
}

/// Counts a visitor out when it is dropped.
struct Uncount<'a, T>(&'a Entry<T>);

impl<T> Deref for Visit<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

impl<T> Drop for Uncount<'_, T> {
    fn drop(&mut self) {
        // Release: what the visitor did comes before the removal that sees it gone.
        self.0.state.fetch_sub(1, Ordering::Release);
    }
}

impl<T> Table<T> {
    /// An empty table; `kind` (1 to 15) tells its handles from those of others.
    pub const fn new(kind: usize, noun: &'static str) -> Self {
        assert!(kind > 0 && kind < 1 << KIND_BITS);
        Self {
            chunks: [const { AtomicPtr::new(std::ptr::null_mut()) }; CHUNKS],
            free: OnceLock::new(),
            kind,
            noun,
        }
    }

    /// Puts `value` in and gives its handle. Not realtime-safe.
    pub fn insert<H>(&self, value: T) -> Result<*mut H> {
        let index = self.take_free()?;
        let entry = self.entry(index).expect("a free entry is in a chunk that was made");
        // Relaxed: the entry is this thread's alone until its handle is out.
        let generation = entry.state.load(Ordering::Relaxed) >> GENERATION_SHIFT;
        // SAFETY: the entry is not live, so no visitor looks at its value.
        unsafe { *entry.value.get() = Some(value) };
        // Release: whoever gets in sees the value. Added, since stale visitors may be coming and going.
        entry.state.fetch_add(LIVE, Ordering::Release);
        let generation = (generation % GENERATIONS) as usize;
        let number = (generation << INDEX_BITS | index) << KIND_BITS | self.kind;
        Ok(std::ptr::without_provenance_mut(number))
    }

    /// Visits what `handle` stands for. Wait-free, but for the message of a failure.
    pub fn visit<H>(&self, handle: *const H) -> Result<Visit<'_, T>> {
        if handle.is_null() {
            fail!(NullPointer, "the {} handle is NULL", self.noun);
        }
        match self.try_visit(handle) {
            Some(visit) => Ok(visit),
            None => fail!(
                InvalidHandle,
                "{handle:p} is no {} handle, or one that was destroyed or released",
                self.noun
            ),
        }
    }

    /// Visits what `handle` stands for, if it stands for anything. Wait-free.
    pub fn try_visit<H>(&self, handle: *const H) -> Option<Visit<'_, T>> {
        let (index, generation) = self.split(handle)?;
        let entry = self.entry(index)?;
        // Acquire pairs with the Release in `insert`: inside, the value is there.
        let state = entry.state.fetch_add(1, Ordering::Acquire);
        let visit = Uncount(entry);
        if state & LIVE == 0 || (state >> GENERATION_SHIFT) % GENERATIONS != generation {
            return None;
        }
        // SAFETY: while this visitor is counted and the entry was live when it came, the value stays.
        let value = unsafe { (*entry.value.get()).as_ref() }?;
        Some(Visit { value, _visit: visit })
    }

    /// Takes out what `handle` stands for, once its visitors have left. `None` if there is nothing, or a
    /// visitor does not leave. Not realtime-safe.
    pub fn remove<H>(&self, handle: *const H) -> Option<T> {
        let (index, generation) = self.split(handle)?;
        let entry = self.entry(index)?;
        // Acquire on success: whoever removes sees what was inserted.
        let live = |state: u64| state & LIVE != 0 && (state >> GENERATION_SHIFT) % GENERATIONS == generation;
        entry
            .state
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |state| live(state).then_some(state & !LIVE))
            .ok()?;
        let deadline = Instant::now() + REMOVE_DEADLINE;
        // Acquire pairs with the Release of visitors that leave.
        while entry.state.load(Ordering::Acquire) & VISITORS != 0 {
            if Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        // SAFETY: the entry is not live and the visitors who saw it live have left; later ones do not look.
        let value = unsafe { (*entry.value.get()).take() };
        // Relaxed: the free list's lock orders this before the entry is used again.
        entry.state.fetch_add(1 << GENERATION_SHIFT, Ordering::Relaxed);
        self.free().lock().unwrap_or_else(|e| e.into_inner()).entries.push(index);
        value
    }

    fn split<H>(&self, handle: *const H) -> Option<(usize, u64)> {
        let number = handle.addr();
        let index = number >> KIND_BITS & ((1 << INDEX_BITS) - 1);
        let generation = (number >> (KIND_BITS + INDEX_BITS)) as u64;
        (number & ((1 << KIND_BITS) - 1) == self.kind).then_some((index, generation))
    }

    fn free(&self) -> &Mutex<Free> {
        self.free.get_or_init(|| Mutex::new(Free { entries: Vec::new(), made: 0 }))
    }

    fn take_free(&self) -> Result<usize> {
        let mut free = self.free().lock().unwrap_or_else(|e| e.into_inner());
        if free.entries.is_empty() {
            let chunk = free.made;
            if chunk == CHUNKS {
                fail!(OutOfMemory, "there are {} {} handles already", CHUNKS * CHUNK, self.noun);
            }
            // Generation 1, so that a handle is never mistaken for a small number.
            let fresh =
                || Entry { state: AtomicU64::new(1 << GENERATION_SHIFT), value: UnsafeCell::new(None) };
            let entries: Box<[Entry<T>; CHUNK]> = Box::new(std::array::from_fn(|_| fresh()));
            // Release: whoever finds the chunk finds its entries. It is never freed.
            self.chunks[chunk].store(Box::into_raw(entries), Ordering::Release);
            free.made += 1;
            free.entries.extend((chunk * CHUNK..(chunk + 1) * CHUNK).rev());
        }
        Ok(free.entries.pop().expect("filled above"))
    }

    fn entry(&self, index: usize) -> Option<&Entry<T>> {
        // Acquire pairs with the Release in `take_free`.
        let chunk = self.chunks.get(index / CHUNK)?.load(Ordering::Acquire);
        // SAFETY: a chunk that is not null came from a Box and is never freed.
        unsafe { chunk.as_ref() }.map(|entries| &entries[index % CHUNK])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    enum Handle {}

    #[test]
    fn a_handle_is_valid_until_it_is_removed_and_never_again() {
        static TABLE: Table<u32> = Table::new(1, "test");
        let mut old = Vec::new();
        for n in 0..3000 {
            let handle: *mut Handle = TABLE.insert(n).unwrap();
            assert!(!old.contains(&handle));
            assert_eq!(*TABLE.visit(handle).unwrap(), n);
            assert_eq!(TABLE.remove(handle), Some(n));
            assert_eq!(TABLE.remove(handle), None);
            old.push(handle);
        }
        assert!(old.iter().all(|&handle| TABLE.try_visit(handle).is_none()));
    }

    #[test]
    fn null_foreign_and_made_up_handles_are_refused() {
        static ONE: Table<u32> = Table::new(1, "one");
        static TWO: Table<u32> = Table::new(2, "two");
        let handle: *mut Handle = ONE.insert(5).unwrap();
        assert!(TWO.try_visit(handle).is_none());
        assert!(ONE.visit(std::ptr::null::<Handle>()).err().unwrap().message.contains("NULL"));
        let on_stack = 0u64;
        for number in [1, 2, 0x11, usize::MAX, usize::MAX >> 1, (&raw const on_stack).addr()] {
            assert!(ONE.try_visit(std::ptr::without_provenance::<Handle>(number)).is_none());
        }
    }

    #[test]
    fn a_removal_waits_for_visitors_and_keeps_new_ones_out() {
        static TABLE: Table<Arc<AtomicBool>> = Table::new(3, "test");
        let gone = Arc::new(AtomicBool::new(false));
        let handle: *mut Handle = TABLE.insert(gone.clone()).unwrap();
        let number = handle.addr();
        let visit = TABLE.visit(handle).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let handle = std::ptr::without_provenance::<Handle>(number);
                let value = TABLE.remove(handle).unwrap();
                value.store(true, Ordering::SeqCst);
            });
            while TABLE.try_visit(handle).is_some() {}
            std::thread::sleep(Duration::from_millis(20));
            assert!(!visit.load(Ordering::SeqCst), "removed under a visitor");
            drop(visit);
        });
        assert!(gone.load(Ordering::SeqCst));
    }
}
