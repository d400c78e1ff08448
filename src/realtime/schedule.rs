//! What is due when: a 4-ary heap in fixed arrays, with the place of each slot known.
//!
//! An idle block looks at the top only. Inserting, moving and removing cost O(log n). Four children a node
//! keep the tree shallow and a node's children in one or two cache lines.

use crate::memory::Ranges;

/// Marks a slot that is not in the heap.
const ABSENT: u32 = u32::MAX;
const ARITY: usize = 4;

/// When a slot is due: by frame, and in one frame by sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// The frame.
    pub frame: i64,
    /// The sequence of the action.
    pub sequence: u64,
}

/// The heap.
#[derive(Debug)]
pub struct Schedule {
    entries: Box<[(Due, u32)]>,
    /// For each slot its index in `entries`, or [`ABSENT`].
    places: Box<[u32]>,
    len: usize,
}

impl Schedule {
    /// Room for `slots` entries, one a slot.
    pub fn new(slots: usize) -> Self {
        Self {
            entries: vec![(Due { frame: 0, sequence: 0 }, 0); slots].into(),
            places: vec![ABSENT; slots].into(),
            len: 0,
        }
    }

    /// Adds what it holds.
    pub fn add_memory(&self, ranges: &mut Ranges) {
        ranges.add(&self.entries[..]);
        ranges.add(&self.places[..]);
    }

    /// The slot that is due first.
    pub fn first(&self) -> Option<(Due, u32)> {
        (self.len > 0).then(|| self.entries[0])
    }

    /// How many slots are in.
    pub fn len(&self) -> usize {
        self.len
    }

    #[cfg(test)]
    fn contains(&self, slot: u32) -> bool {
        self.places[slot as usize] != ABSENT
    }

    /// Puts `slot` in, or moves it, to be due at `due`.
    pub fn set(&mut self, slot: u32, due: Due) {
        let place = match self.places[slot as usize] {
            ABSENT => {
                self.len += 1;
                self.len - 1
            }
            place => place as usize,
        };
        self.put(place, (due, slot));
        self.settle(place);
    }

    /// Takes `slot` out; nothing happens if it is not in.
    pub fn remove(&mut self, slot: u32) {
        let place = self.places[slot as usize];
        if place == ABSENT {
            return;
        }
        self.places[slot as usize] = ABSENT;
        self.len -= 1;
        if place as usize != self.len {
            self.put(place as usize, self.entries[self.len]);
            self.settle(place as usize);
        }
    }

    fn put(&mut self, place: usize, entry: (Due, u32)) {
        self.entries[place] = entry;
        self.places[entry.1 as usize] = place as u32;
    }

    /// Moves the entry at `place` up or down to where it belongs.
    fn settle(&mut self, place: usize) {
        let risen = self.rise(place);
        if risen == place {
            self.sink(place);
        }
    }

    fn rise(&mut self, mut place: usize) -> usize {
        let entry = self.entries[place];
        while place > 0 {
            let parent = (place - 1) / ARITY;
            if self.entries[parent].0 <= entry.0 {
                break;
            }
            self.put(place, self.entries[parent]);
            place = parent;
        }
        self.put(place, entry);
        place
    }

    fn sink(&mut self, mut place: usize) {
        let entry = self.entries[place];
        loop {
            let first = place * ARITY + 1;
            let children = first..(first + ARITY).min(self.len);
            let Some(least) = children.min_by_key(|&child| self.entries[child].0) else { break };
            if entry.0 <= self.entries[least].0 {
                break;
            }
            self.put(place, self.entries[least]);
            place = least;
        }
        self.put(place, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn agrees_with_an_ordered_map_under_any_sequence_of_calls(
            calls in prop::collection::vec((0u32..40, 0i64..20, 0u8..4), 1..400)
        ) {
            let mut schedule = Schedule::new(40);
            let mut model = BTreeMap::new();
            for (n, (slot, frame, what)) in calls.into_iter().enumerate() {
                let due = Due { frame, sequence: n as u64 };
                match what {
                    0 => {
                        schedule.remove(slot);
                        model.retain(|_, known| *known != slot);
                    }
                    1 => if let Some((due, slot)) = schedule.first() {
                        schedule.remove(slot);
                        prop_assert_eq!(model.remove(&due), Some(slot));
                    },
                    _ => {
                        schedule.set(slot, due);
                        model.retain(|_, known| *known != slot);
                        model.insert(due, slot);
                    }
                }
                let expected = model.iter().next().map(|(due, slot)| (*due, *slot));
                prop_assert_eq!(schedule.first(), expected);
                for slot in 0..40 {
                    prop_assert_eq!(schedule.contains(slot), model.values().any(|&known| known == slot));
                }
            }
        }
    }
}
