//! From the server's answers to times of frames at the converter.
//!
//! The server answers from one moment: how many bytes of the stream its mixer has read or written, and how long the
//! device takes for them. Then it looks at its clock and sends the answer. That time stands for the moment: it is late
//! by what one thread of the server waits for another, mostly the same, and by no more than what lies between the
//! question and it.

use pulseaudio::protocol::{PlaybackLatency, RecordLatency};
use std::time::{SystemTime, UNIX_EPOCH};

/// What was seen of a stream at one moment. Times are ns of CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// The frame, counted from the stream's first, that the server was about to mix, or to receive.
    pub frame: i64,
    /// When that was.
    pub moment_ns: i64,
    /// When that frame is at the converter.
    pub converter_ns: i64,
    /// By how much both may be late.
    pub late_ns: i64,
}

/// When a question was sent and its answer read, ns of CLOCK_MONOTONIC.
pub struct Asked {
    pub sent_ns: i64,
    pub read_ns: i64,
}

/// CLOCK_MONOTONIC, as sonset reads it.
pub fn monotonic_ns() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is there to write to, and CLOCK_MONOTONIC always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

fn unix_ns(time: SystemTime) -> Option<i64> {
    time.duration_since(UNIX_EPOCH).ok().map(|time| time.as_nanos() as i64)
}

impl Asked {
    /// The server's `time` on our clock. A server on this machine shares Unix time with us; one that does not is held
    /// to what is certain.
    fn seen_ns(&self, time: SystemTime) -> i64 {
        let unix = unix_ns(SystemTime::now()).zip(unix_ns(time));
        let seen = unix.map_or(self.read_ns, |(now, then)| self.read_ns - (now - then));
        seen.clamp(self.sent_ns, self.read_ns)
    }

    /// What the answer about a playback stream with frames of `frame_bytes` tells; `None` while nothing plays.
    pub fn played(&self, answer: &PlaybackLatency, frame_bytes: i64) -> Option<Sight> {
        let sight = self.sight(
            answer.remote_time,
            answer.read_offset.div_euclid(frame_bytes),
            answer.sink_usec as i64,
        );
        answer.playing.then_some(sight)
    }

    /// What the answer about a record stream tells; `None` while nothing is recorded. What is monitored is at the
    /// converter later than the monitor sees it.
    pub fn recorded(&self, answer: &RecordLatency, frame_bytes: i64) -> Option<Sight> {
        let later = answer.sink_usec as i64 - answer.source_usec as i64;
        let sight = self.sight(answer.remote_time, answer.write_offset.div_euclid(frame_bytes), later);
        answer.playing.then_some(sight)
    }

    fn sight(&self, time: SystemTime, frame: i64, later_us: i64) -> Sight {
        let moment_ns = self.seen_ns(time);
        let late_ns = moment_ns - self.sent_ns;
        Sight { frame, moment_ns, converter_ns: moment_ns + later_us * 1_000, late_ns }
    }
}

/// Tells sights that came at once from those for which somebody had to wait, as the clock filter of NTP does (RFC 5905,
/// section 10): the longer it took, the less is known of the moment.
#[derive(Default)]
pub struct Gate {
    /// How late the newest sights may be, ns, in no order.
    late_ns: [i64; Self::SIGHTS],
    count: usize,
}

impl Gate {
    const SIGHTS: usize = 32;
    /// For what took no longer than this, ns, nobody had to wait.
    const SHORT_NS: i64 = 100_000;

    /// By how much the best of the newest sights may be late, if `sight` is worth to be believed with them.
    pub fn lets_in(&mut self, sight: &Sight) -> Option<i64> {
        self.late_ns[self.count % Self::SIGHTS] = sight.late_ns;
        self.count += 1;
        let least = *self.late_ns[..self.count.min(Self::SIGHTS)].iter().min()?;
        (sight.late_ns <= 2 * least + Self::SHORT_NS).then_some(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn asked_now() -> Asked {
        let now = monotonic_ns();
        Asked { sent_ns: now - 2_000_000, read_ns: now }
    }

    fn playing(time: SystemTime) -> PlaybackLatency {
        PlaybackLatency {
            sink_usec: 7_000,
            source_usec: 0,
            playing: true,
            local_time: time,
            remote_time: time,
            write_offset: 8 * 960,
            read_offset: 8 * 480,
            underrun_for: 0,
            playing_for: 8 * 480,
        }
    }

    #[test]
    fn a_frame_is_placed_by_the_servers_time_and_the_devices_latency() {
        let asked = asked_now();
        let sight = asked.played(&playing(SystemTime::now() - Duration::from_millis(1)), 8).unwrap();
        assert_eq!((sight.frame, sight.converter_ns - sight.moment_ns), (480, 7_000_000));
        // Asked 2 ms ago, looked at the clock 1 ms ago.
        let off = sight.moment_ns - (asked.read_ns - 1_000_000);
        assert!(off.abs() < 500_000, "{off} ns");
        assert_eq!(sight.late_ns, sight.moment_ns - asked.sent_ns);
    }

    #[test]
    fn a_server_with_another_clock_is_held_to_question_and_answer() {
        for other in [SystemTime::now() + Duration::from_secs(3_600), UNIX_EPOCH] {
            let asked = asked_now();
            let sight = asked.played(&playing(other), 8).unwrap();
            assert!((asked.sent_ns..=asked.read_ns).contains(&sight.moment_ns));
        }
    }

    #[test]
    fn what_does_not_play_has_no_time() {
        assert_eq!(
            asked_now().played(&PlaybackLatency { playing: false, ..playing(SystemTime::now()) }, 8),
            None
        );
    }

    #[test]
    fn answers_that_had_to_wait_are_left_out_until_all_have_to() {
        let mut gate = Gate::default();
        let mut lets_in = |late_us: i64| {
            gate.lets_in(&Sight { frame: 0, moment_ns: 0, converter_ns: 0, late_ns: late_us * 1_000 })
        };
        for _ in 0..20 {
            assert_eq!(lets_in(150), Some(150_000));
            assert_eq!(lets_in(390), Some(150_000));
            assert_eq!(lets_in(410), None);
            assert_eq!(lets_in(5_000), None);
        }
        let again = (0..40).position(|_| lets_in(5_000).is_some());
        assert_eq!(again, Some(30), "a server that has become slow is believed again");
    }
}
