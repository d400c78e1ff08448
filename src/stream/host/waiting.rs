//! Actions that wait here for one on the other callback thread, found by what they wait for, so that a call touches
//! those that it lets go and no others.

use std::collections::{BTreeMap, VecDeque};

use crate::action::{Action, ActionId};

/// What an action waits for, its own callback thread, and its id.
pub type Key = (ActionId, usize, ActionId);

/// The actions that wait.
#[derive(Default)]
pub struct Waiting {
    actions: BTreeMap<Key, Box<Action>>,
    /// For each thread, those whose followers on it can go.
    released: [VecDeque<ActionId>; 2],
    /// Detectors that something waits for: their followers can go before they end.
    detectors: Vec<ActionId>,
}

impl Waiting {
    /// Lets `action`, which is for `thread`, wait for `predecessor`.
    pub fn insert(&mut self, predecessor: ActionId, detects: bool, thread: usize, action: Box<Action>) {
        self.actions.insert((predecessor, thread, action.id), action);
        if detects && !self.detectors.contains(&predecessor) {
            self.detectors.push(predecessor);
        }
    }

    /// Takes one action out, if it waits.
    pub fn remove(&mut self, key: Key) -> Option<Box<Action>> {
        self.actions.remove(&key)
    }

    /// Lets the followers of `predecessor` on `thread` go.
    pub fn release(&mut self, predecessor: ActionId, thread: usize) {
        if self.first(predecessor, thread).is_some() {
            self.released[thread].push_back(predecessor);
        }
    }

    /// Lets all followers of `predecessor` go.
    pub fn release_all(&mut self, predecessor: ActionId) {
        (0..self.released.len()).for_each(|thread| self.release(predecessor, thread));
    }

    /// Lets the followers of detectors go that `found` says have found something.
    pub fn release_found(&mut self, mut found: impl FnMut(ActionId) -> bool) {
        for predecessor in std::mem::take(&mut self.detectors) {
            let waits = self.first(predecessor, 0).is_some() || self.first(predecessor, 1).is_some();
            if waits && found(predecessor) {
                self.release_all(predecessor);
            } else if waits {
                self.detectors.push(predecessor);
            }
        }
    }

    /// Takes out an action of `thread` that can go, those that were issued first before others.
    pub fn next(&mut self, thread: usize) -> Option<Box<Action>> {
        while let Some(&predecessor) = self.released[thread].front() {
            if let Some(key) = self.first(predecessor, thread) {
                return self.actions.remove(&key);
            }
            self.released[thread].pop_front();
        }
        None
    }

    /// Takes all out.
    pub fn take_all(&mut self) -> impl Iterator<Item = Box<Action>> + use<> {
        std::mem::take(self).actions.into_values()
    }

    fn first(&self, predecessor: ActionId, thread: usize) -> Option<Key> {
        let all = (predecessor, thread, ActionId::first())..(predecessor, thread + 1, ActionId::first());
        self.actions.range(all).next().map(|(key, _)| *key)
    }
}
