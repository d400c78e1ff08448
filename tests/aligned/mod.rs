//! Plays the numbers of its frames through a wire, and pulses at host times on top, while one recording goes on and
//! short ones begin at host times: what came back when, by frames and by stamps.

// Each test file uses the part it needs.
#![allow(dead_code)]

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use sonset::action::{HostClock, HostTime};
use sonset::buffer::Buffer;
use sonset::clock::monotonic_ns;
use sonset::device::Direction;
use sonset::realtime::clock::Stamps;
use sonset::receipt::{ActionState, Measured, Outcome, Receipt};
use sonset::stream::{PlayParams, RecordParams, StartAt, Stats, Stream, Timing};

use crate::sounds::{RATE, ended};

/// Frame numbers are distinct up to here, and exact in a float with a pulse on top.
const FRAMES: i64 = 1 << 20;
const UNIT: f32 = 0.5 / FRAMES as f32;
const PULSE: f32 = 0.5;
/// From one pulse to the next; no phase of a period comes back.
const APART_NS: i64 = 103_456_789;
/// A short recording begins this long before its pulse, more than a wire and three periods take, and lasts four times
/// that.
const LEAD_NS: i64 = 20_000_000;
/// How far ahead pulses are asked for.
const AHEAD_NS: i64 = 150_000_000;
const PATIENCE: Duration = Duration::from_secs(5);

/// Nanoseconds of a frame.
pub const FRAME_NS: f64 = 1e9 / RATE as f64;

/// The frame number that a sample holds, and whether a pulse lies on it. `None`: silence.
pub fn decode(sample: f32) -> Option<(i64, bool)> {
    let has_pulse = sample >= PULSE;
    let number = (if has_pulse { sample - PULSE } else { sample }) / UNIT;
    // Two pulses at once, which come of late ones, tell no number.
    (1.0..FRAMES as f32).contains(&number).then_some((number as i64, has_pulse))
}

/// One pulse and the recording around it.
#[derive(Clone, Debug)]
pub struct Pulse {
    pub played: Measured,
    pub recorded: Measured,
    /// The recording's frame with the pulse, if it is there.
    pub frame: Option<i64>,
    /// What the stamps said of it as soon as the long recording had it: time and uncertainty.
    pub asked: Option<(i64, i64)>,
}

impl Pulse {
    /// From the pulse's playback to its recording by the receipts, in frames.
    pub fn by_receipts(&self) -> Option<f64> {
        let ns = (self.recorded.start_host_ns - self.played.start_host_ns) as f64;
        Some(ns / FRAME_NS + (self.frame? - self.recorded.start_frame) as f64)
    }

    /// The uncertainty of that, by the receipts.
    pub fn stated(&self) -> f64 {
        (self.played.host_uncertainty_ns + self.recorded.host_uncertainty_ns) as f64 / FRAME_NS
    }

    /// The same by the stamps soon after, and its uncertainty.
    pub fn by_stamps(&self) -> Option<(f64, f64)> {
        let (host_ns, uncertainty_ns) = self.asked?;
        let apart = (host_ns - self.played.start_host_ns) as f64 / FRAME_NS;
        Some((apart, (self.played.host_uncertainty_ns + uncertainty_ns) as f64 / FRAME_NS))
    }
}

/// What a run came to.
pub struct Run {
    pub pulses: Vec<Pulse>,
    /// Of the playback and the recording that went on all the while.
    pub numbers: Measured,
    pub long: Measured,
    /// The samples of that recording.
    pub heard: Vec<f32>,
    /// When both had begun, and when they ended.
    pub before: Stats,
    pub after: Stats,
}

impl Run {
    /// The output frame that each input frame brought, where it brought one: (input frame, output frame).
    pub fn wire(&self) -> Vec<(i64, i64)> {
        let frames = (self.long.start_frame..).zip(&self.heard);
        frames.filter_map(|(frame, &x)| Some((frame, self.numbers.start_frame + decode(x)?.0))).collect()
    }

    /// Where what an input frame holds is no longer as many output frames away, and by how much more.
    pub fn changes(&self) -> Vec<(i64, i64)> {
        let wire = self.wire();
        let apart = wire.iter().map(|(input, output)| (*input, input - output)).collect::<Vec<_>>();
        let changes = apart.windows(2).map(|pair| (pair[1].0, pair[1].1 - pair[0].1));
        changes.filter(|(_, change)| *change != 0).collect()
    }

    /// What was played and not heard: from which output frame to which.
    pub fn holes(&self) -> Vec<Range<i64>> {
        let outputs: Vec<i64> = self.wire().iter().map(|(_, output)| *output).collect();
        outputs.windows(2).filter(|pair| pair[1] - pair[0] > 1).map(|pair| pair[0] + 1..pair[1]).collect()
    }

    /// Where the halves slipped against each other: changes that last, those nearer than `near` taken together. More
    /// frames away: the output lost some; fewer: the input did.
    pub fn slips(&self, near: i64) -> Vec<(i64, i64)> {
        let mut slips: Vec<(i64, i64)> = Vec::new();
        let mut last = i64::MIN;
        for (frame, change) in self.changes() {
            match slips.last_mut().filter(|_| frame - last <= near) {
                Some(slip) => slip.1 += change,
                None => slips.push((frame, change)),
            }
            last = frame;
        }
        slips.retain(|(_, change)| *change != 0);
        slips
    }
}

/// Tells whoever runs the tests, also where what a test prints is kept back.
pub fn say(words: &str) {
    let name = std::thread::current().name().unwrap_or("").to_owned();
    let _ = writeln!(std::io::stderr(), "{name}: {words}");
}

/// The middle one, or NaN.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Waits until the stamps of both halves have settled. False if they do not.
pub fn settled(stream: &Stream, patience: Duration) -> bool {
    let end = monotonic_ns() + patience.as_nanos() as i64;
    let ready = |direction| {
        let time = stream.time(direction).unwrap();
        matches!(time.stamps, Stamps::Usable | Stamps::Quantised)
    };
    while monotonic_ns() < end {
        if ready(Direction::Output) && ready(Direction::Input) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// Plays `count` pulses, and calls `between(k)` 20 to 50 ms after pulse k. `None` if the machine made the stamps useless
/// meanwhile, without which nothing begins at a host time.
pub fn run(stream: &Stream, count: usize, mut between: impl FnMut(usize)) -> Option<Run> {
    let mut lane = Lane::start(stream, count);
    let before = stream.stats();
    let begin = monotonic_ns() + 2 * AHEAD_NS;
    let due = |k: usize| begin + k as i64 * APART_NS;
    let (mut asked, mut passed) = (Vec::new(), 0);
    while monotonic_ns() < due(count) + AHEAD_NS {
        lane.listen(stream);
        if asked.len() < count && due(asked.len()) - AHEAD_NS < monotonic_ns() {
            asked.push(ask(stream, due(asked.len())));
        }
        let phase = 20_000_000 + 10_000_000 * (passed as i64 / 5 % 4);
        if passed < count && due(passed) + phase < monotonic_ns() {
            between(passed);
            passed += 1;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let received = asked.into_iter().map(|asked| receive(stream, asked)).collect::<Option<Vec<_>>>()?;
    Some(lane.finish(stream, received, before))
}

fn at(ns: i64) -> Timing {
    Timing { start: StartAt::HostTime(HostTime { ns, clock: HostClock::Monotonic }), ..Timing::default() }
}

/// A pulse at `ns`, and a recording around it.
fn ask(stream: &Stream, ns: i64) -> (i64, i64, Arc<Buffer>) {
    let sound = Buffer::copy(&[PULSE], 1, 1, 0).unwrap();
    let params = PlayParams { timing: at(ns), ..PlayParams::default() };
    let played = stream.play_buffer(&sound, None, None, &params).unwrap();
    let buffer = Buffer::zeros(4 * LEAD_NS * RATE as i64 / 1_000_000_000, 1, 0).unwrap();
    let params = RecordParams { timing: at(ns - LEAD_NS), ..RecordParams::default() };
    (played, stream.record_buffer(&buffer, None, &params).unwrap(), buffer)
}

fn receive(
    stream: &Stream,
    (played, recorded, buffer): (i64, i64, Arc<Buffer>),
) -> Option<(Pulse, Vec<f32>)> {
    let completed = |action| {
        let is_useless = stream.info().stamps.contains(&Stamps::Useless);
        if is_useless && stream.wait_action(action, ActionState::Ended, PATIENCE).is_err() {
            say(&format!("stamps {:?}: once more", stream.info().stamps));
            return None;
        }
        let receipt = ended(stream, action, PATIENCE);
        assert_eq!(receipt.outcome, Some(Outcome::Completed));
        Some(receipt.measured)
    };
    let pulse =
        Pulse { played: completed(played)?, recorded: completed(recorded)?, frame: None, asked: None };
    let mut samples = vec![0.0; buffer.frames() as usize];
    buffer.read(0, &mut samples).unwrap();
    Some((pulse, samples))
}

/// The playback and the recording that go on all the while.
struct Lane {
    numbers: i64,
    recorder: i64,
    buffer: Arc<Buffer>,
    heard: Vec<f32>,
    /// For each pulse the number under it, and what the stamps said of it.
    asked: Vec<(i64, (i64, i64))>,
}

impl Lane {
    fn start(stream: &Stream, count: usize) -> Self {
        let ns = (count as i64 + 2) * APART_NS + 8 * AHEAD_NS;
        let frames = ns * RATE as i64 / 1_000_000_000;
        assert!(frames < FRAMES, "{count} pulses are too many to count their frames");
        let buffer = Buffer::zeros(frames, 1, 0).unwrap();
        let recorder = stream.record_buffer(&buffer, None, &RecordParams::default()).unwrap();
        let samples: Vec<f32> = (0..frames).map(|number| number as f32 * UNIT).collect();
        let numbers = Buffer::copy(&samples, frames, 1, 0).unwrap();
        let numbers = stream.play_buffer(&numbers, None, None, &PlayParams::default()).unwrap();
        let started = |action| stream.wait_action(action, ActionState::Started, PATIENCE).unwrap();
        let _: [Receipt; 2] = [recorder, numbers].map(started);
        Self { numbers, recorder, buffer, heard: Vec::new(), asked: Vec::new() }
    }

    /// Looks at what is new, and asks at once for the time of each pulse in it.
    fn listen(&mut self, stream: &Stream) {
        let first = stream.action(self.recorder).unwrap().measured.start_frame + self.heard.len() as i64;
        let mut new = vec![0.0; self.buffer.readable_frames() as usize - self.heard.len()];
        self.buffer.read(self.heard.len() as i64, &mut new).unwrap();
        for (frame, sample) in (first..).zip(&new) {
            if let Some((number, true)) = decode(*sample)
                && let Ok(ns) = stream.host_time_at(Direction::Input, HostClock::Monotonic, frame)
            {
                let uncertainty_ns = stream.time(Direction::Input).unwrap().uncertainty_ns;
                self.asked.push((number, (ns, uncertainty_ns)));
            }
        }
        self.heard.extend(new);
    }

    fn finish(mut self, stream: &Stream, received: Vec<(Pulse, Vec<f32>)>, before: Stats) -> Run {
        self.listen(stream);
        let [numbers, long] = [self.numbers, self.recorder].map(|action| {
            // A server that runs fast may have come to the end.
            let _ = stream.cancel(action, None, -1);
            ended(stream, action, PATIENCE).measured
        });
        let place = |(mut pulse, samples): (Pulse, Vec<f32>)| {
            let number = pulse.played.start_frame - numbers.start_frame;
            let index = samples.iter().position(|&sample| decode(sample) == Some((number, true)));
            pulse.frame = index.map(|index| pulse.recorded.start_frame + index as i64);
            pulse.asked = self.asked.iter().find(|(asked, _)| *asked == number).map(|(_, asked)| *asked);
            pulse
        };
        let pulses = received.into_iter().map(place).collect();
        Run { pulses, numbers, long, heard: self.heard, before, after: stream.stats() }
    }
}
