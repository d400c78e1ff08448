//! Handles: numbers in the shape of pointers, so that a stale or foreign one is an error and not a crash.
//!
//! A handle holds a place in a table, the generation of what is in that place, and the kind of the table.
//! Looking one up is wait-free: the visitor is counted in, and counted out when its guard is dropped.
//! Removing waits until no visitor is left. A generation has 40 bits where a pointer has 64; on 32-bit
//! systems it has 8, and a handle that is stale by a multiple of 256 generations is not noticed.
//!
//! A process that was forked has a copy of each table. What its parent put in can be told apart there, and is never
//! dropped: a thread of the parent may have been at work on it.

use std::cell::UnsafeCell;
use std::ops::Deref;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Code, Error, Result, fail};
use crate::process::{self, Process};

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
    free: AtomicPtr<Free>,
    kind: usize,
    noun: &'static str,
}

/// The entries that are free, for one process: in a fork, a thread that is not there may hold the lock.
struct Free {
    forks: u32,
    list: Mutex<FreeList>,
    /// What the parent had, which is never freed: kept here for leak checkers to find.
    _of_parent: *mut Free,
}

struct FreeList {
    entries: Vec<usize>,
    made: usize,
}

struct Entry<T> {
    state: AtomicU64,
    value: UnsafeCell<Option<Kept<T>>>,
}

/// A value, and which process put it in.
struct Kept<T> {
    value: T,
    maker: Process,
}

/// Why nothing can be visited.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// The handle stands for nothing.
    Nothing,
    /// This process is a fork of the one that made it, which has this number.
    OtherProcess(u32),
}

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
            free: AtomicPtr::new(std::ptr::null_mut()),
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
        unsafe { *entry.value.get() = Some(Kept { value, maker: Process::current() }) };
        // Release: whoever gets in sees the value. Added, since stale visitors may be coming and going.
        entry.state.fetch_add(LIVE, Ordering::Release);
        let generation = (generation % GENERATIONS) as usize;
        let number = (generation << INDEX_BITS | index) << KIND_BITS | self.kind;
        Ok(std::ptr::without_provenance_mut(number))
    }

    /// Visits what `handle` stands for. Wait-free, but for the message of a failure.
    pub fn visit<H>(&self, handle: *const H) -> Result<Visit<'_, T>> {
        self.try_visit(handle).map_err(|refusal| self.explain(handle, refusal))
    }

    /// The same for values that never change and have no locks, so that a fork may read what its parent made.
    pub fn visit_inherited<H>(&self, handle: *const H) -> Result<Visit<'_, T>> {
        let entered = self.enter(handle).map(|(visit, _)| visit);
        entered.ok_or_else(|| self.explain(handle, Refusal::Nothing))
    }

    /// Visits what `handle` stands for, whichever process made it. Wait-free.
    pub fn enter<H>(&self, handle: *const H) -> Option<(Visit<'_, T>, Process)> {
        let (index, generation) = self.split(handle)?;
        let entry = self.entry(index)?;
        // Acquire pairs with the Release in `insert`: inside, the value is there.
        let state = entry.state.fetch_add(1, Ordering::Acquire);
        let visit = Uncount(entry);
        if state & LIVE == 0 || (state >> GENERATION_SHIFT) % GENERATIONS != generation {
            return None;
        }
        // SAFETY: while this visitor is counted and the entry was live when it came, the value stays.
        let kept = unsafe { (*entry.value.get()).as_ref() }?;
        Some((Visit { value: &kept.value, _visit: visit }, kept.maker))
    }

    fn explain<H>(&self, handle: *const H, refusal: Refusal) -> Error {
        let noun = self.noun;
        match refusal {
            _ if handle.is_null() => Error::new(Code::NullPointer, format!("the {noun} handle is NULL")),
            Refusal::Nothing => Error::new(
                Code::InvalidHandle,
                format!("{handle:p} is no {noun} handle, or one that was destroyed or released"),
            ),
            Refusal::OtherProcess(maker) => Error::new(
                Code::InvalidState,
                format!(
                    "the {noun} was opened by process {maker}, of which process {} is a fork: each process opens \
                     its own",
                    std::process::id()
                ),
            ),
        }
    }

    /// Visits what `handle` stands for, if it stands for anything that this process made. Wait-free.
    pub fn try_visit<H>(&self, handle: *const H) -> std::result::Result<Visit<'_, T>, Refusal> {
        match self.enter(handle) {
            Some((visit, maker)) if maker.is_current() => Ok(visit),
            Some((_, maker)) => Err(Refusal::OtherProcess(maker.id)),
            None => Err(Refusal::Nothing),
        }
    }

    /// Takes out what `handle` stands for, once its visitors have left. `None` if there is nothing, a visitor does
    /// not leave, or another process made it; it is then forgotten. Not realtime-safe.
    pub fn remove<H>(&self, handle: *const H) -> Option<T> {
        let (index, generation) = self.split(handle)?;
        let entry = self.entry(index)?;
        let is_ours = self.try_visit(handle).is_ok();
        // Acquire on success: whoever removes sees what was inserted.
        let live = |state: u64| state & LIVE != 0 && (state >> GENERATION_SHIFT) % GENERATIONS == generation;
        entry
            .state
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |state| live(state).then_some(state & !LIVE))
            .ok()?;
        if !is_ours {
            return None;
        }
        let deadline = Instant::now() + REMOVE_DEADLINE;
        // Acquire pairs with the Release of visitors that leave.
        while entry.state.load(Ordering::Acquire) & VISITORS != 0 {
            if Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        // SAFETY: the entry is not live and the visitors who saw it live have left; later ones do not look.
        let kept = unsafe { (*entry.value.get()).take() };
        // Relaxed: the free list's lock orders this before the entry is used again.
        entry.state.fetch_add(1 << GENERATION_SHIFT, Ordering::Relaxed);
        self.free().lock().unwrap_or_else(|e| e.into_inner()).entries.push(index);
        kept.map(|kept| kept.value)
    }

    fn split<H>(&self, handle: *const H) -> Option<(usize, u64)> {
        let number = handle.addr();
        let index = number >> KIND_BITS & ((1 << INDEX_BITS) - 1);
        let generation = (number >> (KIND_BITS + INDEX_BITS)) as u64;
        (number & ((1 << KIND_BITS) - 1) == self.kind).then_some((index, generation))
    }

    /// The free entries of this process. A fork begins with none, behind all chunks that its parent made.
    fn free(&self) -> &Mutex<FreeList> {
        // Acquire pairs with the Release below: whoever finds a list finds it made.
        let found = self.free.load(Ordering::Acquire);
        // SAFETY: a list that is not null came from a Box and is never freed.
        if let Some(free) = unsafe { found.as_ref() }
            && free.forks == process::forks()
        {
            return &free.list;
        }
        // Counting has begun before the list is marked with the count.
        Process::current();
        let made = self.chunks.iter().take_while(|chunk| !chunk.load(Ordering::Acquire).is_null()).count();
        let list = Mutex::new(FreeList { entries: Vec::new(), made });
        let fresh = Box::into_raw(Box::new(Free { forks: process::forks(), list, _of_parent: found }));
        // Release publishes the list, Acquire takes that of a thread that was faster.
        let free = match self.free.compare_exchange(found, fresh, Ordering::Release, Ordering::Acquire) {
            Ok(_) => fresh,
            Err(other) => {
                // SAFETY: nobody else has seen it.
                drop(unsafe { Box::from_raw(fresh) });
                other
            }
        };
        // SAFETY: as above; the one of the parent stays too, since its lock may be held.
        &unsafe { &*free }.list
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
        assert!(old.iter().all(|&handle| TABLE.try_visit(handle).is_err()));
    }

    #[test]
    fn null_foreign_and_made_up_handles_are_refused() {
        static ONE: Table<u32> = Table::new(1, "one");
        static TWO: Table<u32> = Table::new(2, "two");
        let handle: *mut Handle = ONE.insert(5).unwrap();
        assert!(TWO.try_visit(handle).is_err());
        assert!(ONE.visit(std::ptr::null::<Handle>()).err().unwrap().message.contains("NULL"));
        let on_stack = 0u64;
        for number in [1, 2, 0x11, usize::MAX, usize::MAX >> 1, (&raw const on_stack).addr()] {
            assert!(ONE.try_visit(std::ptr::without_provenance::<Handle>(number)).is_err());
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
            while TABLE.try_visit(handle).is_ok() {}
            std::thread::sleep(Duration::from_millis(20));
            assert!(!visit.load(Ordering::SeqCst), "removed under a visitor");
            drop(visit);
        });
        assert!(gone.load(Ordering::SeqCst));
    }
}
