//! Which action numbers belong to which stream.
//!
//! The sequence is one for the process. A stream takes numbers from it in blocks and remembers its blocks,
//! so that it can tell its own ended actions from another stream's and from numbers never given out.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::action::{ActionId, MAX_SEQUENCE};
use crate::error::{Result, fail};

/// Numbers taken at a time.
const BLOCK: u64 = 1024;

/// The first number that no stream has taken.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The numbers of one stream.
#[derive(Debug, Default)]
pub struct Ids {
    /// Its blocks as ranges `first..end`, ascending; neighbours are joined.
    blocks: Vec<(u64, u64)>,
    /// The next number of the last block.
    next: u64,
}

/// Whose a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This stream gave it out.
    Own,
    /// Another stream of the process has its block.
    Other,
    /// Nobody gave it out.
    Nobody,
}

impl Ids {
    /// A number that was never used.
    pub fn take(&mut self) -> Result<u64> {
        if self.blocks.last().is_none_or(|&(_, end)| self.next == end) {
            self.take_block()?;
        }
        self.next += 1;
        Ok(self.next - 1)
    }

    fn take_block(&mut self) -> Result<()> {
        // Relaxed: the numbers order nothing but themselves.
        let first = NEXT.fetch_add(BLOCK, Ordering::Relaxed);
        let end = first + BLOCK;
        if end > MAX_SEQUENCE {
            fail!(Internal, "all {MAX_SEQUENCE} action numbers of this process are used up");
        }
        match self.blocks.last_mut() {
            Some((_, last_end)) if *last_end == first => *last_end = end,
            _ => self.blocks.push((first, end)),
        }
        self.next = first;
        Ok(())
    }

    /// Whose `id` is.
    pub fn owner(&self, id: ActionId) -> Owner {
        let sequence = id.sequence();
        let own = self.blocks.partition_point(|&(first, _)| first <= sequence);
        let in_block = own > 0 && sequence < self.blocks[own - 1].1;
        // Relaxed: a number the caller has was given out before, which the caller's own order shows.
        match in_block {
            true if own < self.blocks.len() || sequence < self.next => Owner::Own,
            false if sequence < NEXT.load(Ordering::Relaxed) => Owner::Other,
            _ => Owner::Nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_numbers_are_told_from_other_streams_and_from_numbers_never_given_out() {
        let (mut one, mut two) = (Ids::default(), Ids::default());
        let mut seen = std::collections::HashSet::new();
        for _ in 0..3000 {
            let (a, b) = (one.take().unwrap(), two.take().unwrap());
            assert!(seen.insert(a) && seen.insert(b), "given out twice");
            assert_eq!(one.owner(ActionId::new(a, 0)), Owner::Own);
            assert_eq!(one.owner(ActionId::new(b, 0)), Owner::Other);
        }
        assert_eq!(one.owner(ActionId::new(one.next, 0)), Owner::Nobody);
        assert_eq!(one.owner(ActionId::new(MAX_SEQUENCE, 0)), Owner::Nobody);
    }
}
