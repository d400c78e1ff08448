//! What a host asks of actions and of the stream after they were sent: in mailboxes, as words.

use crate::action::{HostClock, HostTime, When};

/// A request to end an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// Silent from this frame on; `None` is now, with the fade after it.
    pub frame: Option<i64>,
    /// Frames over which a sound fades before that.
    pub fade_frames: i64,
}

/// The requests to end one action that count so far. Which of them is earlier depends on when the callback
/// takes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cancels {
    /// Frames of the shortest fade from now on.
    now: Option<i64>,
    /// The earliest frame, and the frames of the fade before it.
    at: Option<(i64, i64)>,
    /// The earliest time of each clock, likewise.
    host: [Option<(i64, i64)>; 2],
}

impl Cancels {
    /// These and one more.
    pub fn with(mut self, when: When, fade_frames: i64) -> Self {
        let earlier = |known: Option<(i64, i64)>, at: i64| match known {
            Some(known) if known.0 <= at => Some(known),
            _ => Some((at, fade_frames)),
        };
        match when {
            When::Now => self.now = Some(self.now.map_or(fade_frames, |now| now.min(fade_frames))),
            When::Frame(frame) => self.at = earlier(self.at, frame),
            When::Host(HostTime { clock: HostClock::Monotonic, ns }) => {
                self.host[0] = earlier(self.host[0], ns)
            }
            When::Host(HostTime { clock: HostClock::Realtime, ns }) => {
                self.host[1] = earlier(self.host[1], ns)
            }
        }
        self
    }

    /// The requests for a host time: the time, and the frames of the fade before it.
    pub fn at_host_times(&self) -> impl Iterator<Item = (HostTime, i64)> {
        [HostClock::Monotonic, HostClock::Realtime]
            .into_iter()
            .zip(self.host)
            .filter_map(|(clock, at)| at.map(|(ns, fade_frames)| (HostTime { clock, ns }, fade_frames)))
    }

    /// The request that ends the action first if all of them are taken at frame `taken`. One whose frame has
    /// passed cuts, so that it never ends later than one for a later frame, which `with` has dropped. What has
    /// not started, or cannot fade, would end now without a fade.
    pub fn earliest(self, taken: i64, fades: bool) -> Option<Cancel> {
        let now = self.now.map(|fade_frames| Cancel { frame: None, fade_frames });
        let at = self.at.map(|(frame, fade_frames)| Cancel { frame: Some(frame.max(taken)), fade_frames });
        let fade = |cancel: &Cancel| if fades { cancel.fade_frames } else { 0 };
        let end = |cancel: &Cancel| cancel.frame.unwrap_or(taken.saturating_add(fade(cancel)));
        [now, at].into_iter().flatten().min_by_key(end)
    }

    /// As words for a mailbox.
    pub fn to_words(self) -> [u64; 8] {
        let pairs = [self.at, self.host[0], self.host[1]];
        let bits = pairs.iter().rev().fold(0, |bits, pair| bits << 1 | pair.is_some() as u64);
        let [at, monotonic, realtime] = pairs.map(|pair| pair.unwrap_or_default());
        let which = self.now.is_some() as u64 | bits << 1;
        let values = [at.0, at.1, monotonic.0, monotonic.1, realtime.0, realtime.1].map(|value| value as u64);
        let [a, b, c, d, e, f] = values;
        [which, self.now.unwrap_or_default() as u64, a, b, c, d, e, f]
    }

    /// From the words of a mailbox.
    pub fn from_words(words: [u64; 8]) -> Self {
        let [which, now, pairs @ ..] = words;
        let pair = |index: usize| {
            let is_there = which & 2 << index != 0;
            is_there.then_some((pairs[2 * index] as i64, pairs[2 * index + 1] as i64))
        };
        Self { now: (which & 1 != 0).then_some(now as i64), at: pair(0), host: [pair(1), pair(2)] }
    }
}

/// A request to end everything issued so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Only actions with a smaller issue number.
    pub before_issue: u64,
    /// Frames over which sounds fade.
    pub fade_frames: i64,
}

impl Sweep {
    /// As words for a mailbox.
    pub fn to_words(self) -> [u64; 2] {
        [self.before_issue, self.fade_frames as u64]
    }

    /// From the words of a mailbox.
    pub fn from_words([before_issue, fade_frames]: [u64; 2]) -> Self {
        Self { before_issue, fade_frames: fade_frames as i64 }
    }
}

/// What else can be asked of an action; each kind has one request that waits at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Control {
    /// To change its gain.
    Gain = 0,
    /// To stand still.
    Pause = 1,
    /// To go on.
    Resume = 2,
    /// To go on elsewhere in the sound.
    Seek = 3,
    /// The last step of a seek, which nobody asks for by itself.
    Jump = 4,
}

/// How many kinds there are.
pub const CONTROLS: usize = 5;

impl Control {
    /// Each of them.
    pub const ALL: [Self; CONTROLS] = [Self::Gain, Self::Pause, Self::Resume, Self::Seek, Self::Jump];
    /// Those that are a [`Turn`].
    pub const TURNS: [Self; TURNS] = [Self::Pause, Self::Resume, Self::Seek];

    /// Which turn it is: its index in [`Self::TURNS`].
    pub fn turn(self) -> usize {
        (self as usize).wrapping_sub(1)
    }

    /// A number for this request to the action in `slot`.
    pub fn place(self, slot: u32) -> u32 {
        slot * CONTROLS as u32 + self as u32
    }

    /// The slot and the kind of a request from its number.
    pub fn at(place: u32) -> (u32, Self) {
        (place / CONTROLS as u32, Self::ALL[place as usize % CONTROLS])
    }
}

/// How many kinds are a [`Turn`].
pub const TURNS: usize = 3;

/// A request to an action to go another way from a frame on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// From where on.
    pub when: When,
    /// Frames of the fade that leads there or away from there.
    pub fade_frames: i64,
    /// Counts such requests: at one frame they are done in this order.
    pub serial: u64,
    /// Of a seek, the frame of the sound to go to.
    pub position: i64,
}

impl Turn {
    /// As words for a mailbox.
    pub fn to_words(self) -> [u64; 5] {
        let [kind, value] = self.when.to_words();
        [kind, value, self.fade_frames as u64, self.serial, self.position as u64]
    }

    /// From the words of a mailbox.
    pub fn from_words([kind, value, fade_frames, serial, position]: [u64; 5]) -> Self {
        Self {
            when: When::from_words([kind, value]),
            fade_frames: fade_frames as i64,
            serial,
            position: position as i64,
        }
    }
}

impl When {
    /// As words for a mailbox.
    pub fn to_words(self) -> [u64; 2] {
        let (kind, value) = match self {
            Self::Now => (0, 0),
            Self::Frame(frame) => (1, frame),
            Self::Host(HostTime { clock: HostClock::Monotonic, ns }) => (2, ns),
            Self::Host(HostTime { clock: HostClock::Realtime, ns }) => (3, ns),
        };
        [kind, value as u64]
    }

    /// From the words of a mailbox.
    pub fn from_words([kind, value]: [u64; 2]) -> Self {
        let ns = value as i64;
        match kind {
            0 => Self::Now,
            1 => Self::Frame(ns),
            2 => Self::Host(HostTime { clock: HostClock::Monotonic, ns }),
            _ => Self::Host(HostTime { clock: HostClock::Realtime, ns }),
        }
    }
}

/// A request to change a gain: the master's, or that of an action.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SetGain {
    /// Begin of the change.
    pub when: When,
    /// Linear gain to reach.
    pub gain: f64,
    /// Frames of the way there.
    pub ramp_frames: i64,
}

impl SetGain {
    /// As words for a mailbox.
    pub fn to_words(self) -> [u64; 4] {
        let [kind, value] = self.when.to_words();
        [kind, value, self.gain.to_bits(), self.ramp_frames as u64]
    }

    /// From the words of a mailbox.
    pub fn from_words([kind, value, gain, ramp_frames]: [u64; 4]) -> Self {
        Self {
            when: When::from_words([kind, value]),
            gain: f64::from_bits(gain),
            ramp_frames: ramp_frames as i64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_survive_the_mailbox() {
        let host = |clock, ns| When::Host(HostTime { clock, ns });
        let now = Cancels::default().with(When::Now, 7);
        let both = now.with(When::Frame(0), 2);
        let later = Cancels::default().with(host(HostClock::Realtime, i64::MAX), 3);
        let all = both.with(host(HostClock::Monotonic, -5), 4).with(host(HostClock::Realtime, 1 << 60), 0);
        for cancels in [Cancels::default(), now, both, later, all] {
            assert_eq!(Cancels::from_words(cancels.to_words()), cancels);
        }
        let sweep = Sweep { before_issue: 9, fade_frames: 3 };
        assert_eq!(Sweep::from_words(sweep.to_words()), sweep);
        for when in [When::Now, When::Frame(5), host(HostClock::Monotonic, 6), host(HostClock::Realtime, 7)] {
            let gain = SetGain { when, gain: 0.5, ramp_frames: 2 };
            assert_eq!(SetGain::from_words(gain.to_words()), gain);
            let turn = Turn { when, fade_frames: i64::MAX, serial: 9, position: 7 };
            assert_eq!(Turn::from_words(turn.to_words()), turn);
        }
    }

    #[test]
    fn of_several_cancels_the_one_that_ends_the_action_first_counts() {
        let cut = Cancel { frame: Some(50), fade_frames: 0 };
        let fade = Cancel { frame: None, fade_frames: 100 };
        let cancels = Cancels::default().with(When::Now, 100).with(When::Frame(50), 0);
        assert_eq!(cancels, Cancels::default().with(When::Frame(50), 0).with(When::Now, 100));
        assert_eq!(cancels.earliest(10, true), Some(cut));
        assert_eq!(cancels.earliest(60, true), Some(Cancel { frame: Some(60), fade_frames: 0 }));
        assert_eq!(cancels.with(When::Now, 5).earliest(10, true).unwrap().frame, None);
        assert_eq!(cancels.with(When::Frame(40), 9).earliest(0, true).unwrap().frame, Some(40));
        assert_eq!(cancels.earliest(10, false), Some(fade), "a recording does not fade");
        assert_eq!(Cancels::default().earliest(0, true), None);
        let host = |ns| When::Host(HostTime { clock: HostClock::Monotonic, ns });
        let cancels = Cancels::default().with(host(9), 1).with(host(5), 2).with(host(7), 3);
        assert_eq!(cancels.at_host_times().map(|(time, fade)| (time.ns, fade)).collect::<Vec<_>>(), [(5, 2)]);
    }
}
