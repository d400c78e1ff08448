//! A door that one thread at a time goes through, and that another can shut for good measure.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const SHUT: u32 = 0;
const OPEN: u32 = 1;
const INSIDE: u32 = 2;
const LEAVING: u32 = 3;

/// Lets the audio thread into the host's functions. Several hosts of cpal call once more after a pause has
/// been acknowledged, and some after the stream was dropped; behind a shut door that does no harm.
pub struct Door(AtomicU32);

impl Door {
    /// A door that is shut.
    pub fn new() -> Self {
        Self(AtomicU32::new(SHUT))
    }

    /// Opens the door, if it is shut.
    pub fn open(&self) {
        // Release: who enters sees what was prepared before the opening.
        let _ = self.0.compare_exchange(SHUT, OPEN, Ordering::Release, Ordering::Relaxed);
    }

    /// Runs `inside` if the door is open and nobody is in. Never waits.
    pub fn pass(&self, inside: impl FnOnce()) {
        // Acquire pairs with the Release in `open` and in the last `leave`.
        if self.0.compare_exchange(OPEN, INSIDE, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            inside();
            self.leave();
        }
    }

    fn leave(&self) {
        // Release: who shuts the door or enters next sees all that was done inside.
        if self.0.compare_exchange(INSIDE, OPEN, Ordering::Release, Ordering::Relaxed).is_err() {
            self.0.store(SHUT, Ordering::Release);
        }
    }

    /// Shuts the door and waits until nobody is inside.
    pub fn shut(&self) {
        loop {
            // Acquire pairs with the Release in `leave`.
            let (seen, next) = match self.0.load(Ordering::Acquire) {
                SHUT => return,
                OPEN => (OPEN, SHUT),
                INSIDE => (INSIDE, LEAVING),
                _ => {
                    std::thread::sleep(Duration::from_micros(100));
                    continue;
                }
            };
            // Where the state has changed meanwhile, the next round sees to it.
            let _ = self.0.compare_exchange(seen, next, Ordering::Acquire, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn a_door_lets_nobody_in_until_it_is_opened() {
        let door = Door::new();
        door.pass(|| panic!("the door is shut"));
        door.open();
        let mut passed = false;
        door.pass(|| passed = true);
        assert!(passed);
        door.shut();
        door.pass(|| panic!("the door is shut again"));
    }

    #[test]
    fn nobody_is_inside_once_a_door_is_shut() {
        let (door, inside, end) = (Door::new(), AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !end.load(Ordering::Relaxed) {
                    door.pass(|| {
                        inside.store(true, Ordering::Relaxed);
                        std::thread::yield_now();
                        inside.store(false, Ordering::Relaxed);
                    });
                }
            });
            for _ in 0..500 {
                door.open();
                std::thread::yield_now();
                door.shut();
                assert!(!inside.load(Ordering::Relaxed));
            }
            end.store(true, Ordering::Relaxed);
        });
    }
}
