//! Programs for the oracle: what a host asks for, and before which block.

use std::sync::Arc;

use sonset::action::{AfterPolicy, LatePolicy, RampShape};
use sonset::stream::{DetectParams, PulseCode};

pub use super::made::Made;
use super::{INPUTS, OUTPUTS};

/// Blocks, each with the commands that come before it.
#[derive(Clone, Debug)]
pub struct Program {
    /// Actions that can live at a time.
    pub pool: usize,
    /// Whether output and input have blocks of their own, in turn.
    pub separate: bool,
    pub blocks: Vec<(Vec<Command>, usize)>,
}

#[derive(Clone, Debug)]
pub enum Command {
    Issue(Box<Issue>),
    Cancel {
        action: usize,
        frame: Option<i64>,
        fade: i64,
    },
    CancelAll {
        fade: i64,
    },
    /// Of all that was issued into one of the [`BATCHES`] since it was last committed or discarded.
    Commit {
        batch: usize,
    },
    Discard {
        batch: usize,
    },
    /// Stops the stream until the block comes; with halves of their own it starts at once.
    Stop,
    Gain {
        frame: Option<i64>,
        gain: f64,
        ramp: i64,
    },
    /// A request to one action.
    Control {
        action: usize,
        ask: Ask,
        /// Counts requests: of those for one frame the first is done first.
        serial: usize,
    },
}

/// What can be asked of an action beside its end; no frame is now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ask {
    Gain {
        frame: Option<i64>,
        gain: f64,
        ramp: i64,
    },
    Pause {
        frame: Option<i64>,
        fade: i64,
    },
    Resume {
        frame: Option<i64>,
        fade: i64,
    },
    Start {
        frame: Option<i64>,
    },
    /// To a frame of the sound, which has at least one.
    Seek {
        frame: Option<i64>,
        fade: i64,
        to: i64,
    },
}

/// Batches that can be open at a time.
pub const BATCHES: usize = 2;

#[derive(Clone, Debug)]
pub struct Issue {
    pub batch: Option<usize>,
    pub start: Start,
    pub late: LatePolicy,
    pub max_late: i64,
    pub after: AfterPolicy,
    pub work: Work,
}

#[derive(Clone, Debug)]
pub enum Start {
    Now,
    Frame(i64),
    After { action: usize, offset: i64 },
}

// A program has at most some hundred of them.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
pub enum Work {
    Play(Play),
    Record(Record),
    Detect(Detect),
}

impl Work {
    /// Whether it is of the input's half.
    pub fn captures(&self) -> bool {
        match self {
            Self::Play(_) => false,
            Self::Record(record) => !record.output,
            Self::Detect(_) => true,
        }
    }
}

/// A voice key, in the numbers of the call.
#[derive(Clone, Debug)]
pub struct Detect {
    /// Inputs from 1.
    pub channels: Vec<i32>,
    /// 0 for a multiple of the floor.
    pub threshold: f64,
    pub floor_multiple: f64,
    pub floor_frames: i64,
    pub high_pass_hz: f64,
    pub minimum: i64,
    pub gap: i64,
    pub hold_off: i64,
    /// 0 for no limit.
    pub frames: i64,
}

impl Detect {
    /// All but when.
    pub fn params(&self) -> DetectParams {
        DetectParams {
            threshold: self.threshold,
            floor_multiple: self.floor_multiple,
            floor_frames: self.floor_frames,
            high_pass_hz: self.high_pass_hz,
            minimum_frames: self.minimum,
            gap_frames: self.gap,
            hold_off_frames: self.hold_off,
            max_frames: self.frames,
            ..DetectParams::default()
        }
    }
}

/// Samples of one or two channels.
#[derive(Clone, Debug)]
pub struct Sound {
    pub frames: i64,
    pub channels: usize,
}

impl Sound {
    /// A sample that tells where it is from.
    pub fn at(&self, frame: i64, channel: usize) -> f32 {
        let n = frame * 31 + channel as i64 * 17 + self.frames;
        ((n * n + 3) % 257 - 128) as f32 / 256.0
    }

    /// All of them, interleaved.
    pub fn samples(&self) -> Vec<f32> {
        (0..self.frames).flat_map(|frame| (0..self.channels).map(move |c| self.at(frame, c))).collect()
    }
}

#[derive(Clone, Debug)]
pub struct Play {
    pub sound: Arc<Sound>,
    /// Outputs from 1; empty for the default ones.
    pub channels: Vec<i32>,
    /// One for each of them; empty for unity.
    pub gains: Vec<f32>,
    pub gain_db: f64,
    pub first_frame: i64,
    pub frame_count: i64,
    pub loop_count: i64,
    pub loop_first: i64,
    pub loop_frames: i64,
    pub stop: Option<i64>,
    pub onset: i64,
    pub offset: i64,
    pub shape: RampShape,
    pub am: Option<Am>,
    /// What is played in place of a buffer.
    pub made: Option<Made>,
    /// The input in place of the sound, whose channels it has.
    pub live: Option<Live>,
    /// If it comes from a ring, which has room for all of it.
    pub feed: Option<Feed>,
    /// Whether the sound is read from a file while it plays.
    pub file: bool,
}

/// Input that is played.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// First channel, from 0.
    pub first: usize,
    pub delay: i64,
}

/// What a host writes to a ring: so many frames before the block in which the action is issued, and so many
/// before each of the blocks that follow, until it says that that was all.
#[derive(Clone, Debug)]
pub struct Feed {
    pub first: i64,
    pub each: i64,
    pub blocks: i64,
    pub finishes: bool,
    pub ends_when_dry: bool,
    /// Whether frame_count limits it.
    pub limited: bool,
}

impl Feed {
    /// Frames that are written when `block` further blocks have begun, and whether that was all.
    pub fn written(&self, block: i64) -> (i64, bool) {
        (self.first + self.each * block.min(self.blocks), self.finishes && block >= self.blocks)
    }
}

/// What a host reads from a ring: as many frames as it holds when full, before each block.
#[derive(Clone, Debug)]
pub struct Drain {
    pub frames: i64,
    pub ends_when_full: bool,
    /// Reads before every such block only.
    pub period: i64,
}

/// Amplitude modulation, in Hz and cycles.
#[derive(Clone, Copy, Debug)]
pub struct Am {
    pub depth: f64,
    pub frequency: f64,
    pub phase: f64,
}

impl Play {
    /// First frame of the loop in the buffer, and the one after its last.
    pub fn loop_range(&self) -> (i64, i64) {
        (self.loop_first, self.loop_first + self.loop_frames)
    }

    /// Frames of the whole sound.
    pub fn length(&self) -> Option<i64> {
        match (&self.made, &self.feed) {
            (Some(made), _) => made.length(),
            (None, Some(feed)) => feed.limited.then_some(self.frame_count),
            (None, None) => {
                (self.loop_count >= 0).then(|| self.frame_count + self.loop_count * self.loop_frames)
            }
        }
    }

    /// A sample of the buffer, or of what is made, and what its rounding error is in proportion to.
    pub fn at(&self, frame: i64, channel: usize) -> (f64, f64) {
        match &self.made {
            Some(made) => {
                let sample = made.at(frame, channel);
                (sample, sample.abs().max(made.scale()))
            }
            None => {
                let sample = self.sound.at(frame, channel) as f64;
                (sample, sample)
            }
        }
    }

    /// Outputs from 0.
    pub fn targets(&self) -> Vec<usize> {
        match self.channels.is_empty() {
            // Mono goes to 1 and 2, stereo too.
            true => vec![0, 1],
            false => self.channels.iter().map(|&channel| channel as usize - 1).collect(),
        }
    }

    /// Output, channel of the sound and gain of each way.
    pub fn routes(&self) -> Vec<(usize, usize, f64)> {
        let all = 10f64.powf(self.gain_db / 20.0);
        let route = |(n, target)| {
            let source = if self.sound.channels == 1 { 0 } else { n };
            let on = self.made.as_ref().is_none_or(|made| made.is_on(n)) as i32 as f64;
            (target, source, on * self.gains.get(n).map_or(1.0, |&gain| gain as f64) * all)
        };
        self.targets().into_iter().enumerate().map(route).collect()
    }
}

#[derive(Clone, Debug)]
pub struct Record {
    /// Inputs from 1, one for each channel of the buffer.
    pub channels: Vec<i32>,
    pub frames: i64,
    /// Frames of the buffer beyond those.
    pub spare: i64,
    /// If it goes into a ring.
    pub drain: Option<Drain>,
    /// Whether it records what is sent, and not the input. Its channels are outputs then.
    pub output: bool,
    /// Whether it goes into a file.
    pub file: bool,
}

/// Numbers to be read one after another; 0 when they are used up.
pub struct Numbers<'a>(std::slice::Iter<'a, u16>);

impl Numbers<'_> {
    fn below(&mut self, bound: i64) -> i64 {
        self.0.next().map_or(0, |&number| number as i64 % bound)
    }

    fn one_in(&mut self, n: i64) -> bool {
        self.below(n) == n - 1
    }
}

/// What a program is read from: its kind, and the commands and frames of each block.
pub type Source = (u16, Vec<(Vec<[u16; 32]>, usize)>);

/// Reads a program from numbers: small ones make a small program, so that a failing one can be shrunk.
pub fn read((kind, blocks): &Source) -> Program {
    let (mut frame, mut issued, mut asked) = (0, 0, 0);
    let pool = [1_000, 1_000, 12, 4][*kind as usize % 4];
    let mut program = Program { pool, separate: kind % 3 == 2, blocks: Vec::new() };
    for (commands, frames) in blocks {
        let commands = commands.iter().map(|numbers| {
            let mut command = read_command(&mut Numbers(numbers.iter()), frame, issued);
            if let Command::Control { serial, .. } = &mut command {
                *serial = asked;
                asked += 1;
            }
            // Blocks without times have no clock, which live input across two callbacks needs.
            if let Command::Issue(issue) = &mut command
                && let Work::Play(play) = &mut issue.work
                && program.separate
            {
                play.live = None;
            }
            issued += matches!(command, Command::Issue(_)) as usize;
            command
        });
        // An input half of its own takes its frame from an output block that has frames.
        let frames = (*frames).max(program.separate as usize);
        program.blocks.push((commands.collect(), frames));
        frame += frames as i64;
    }
    program
}

fn read_command(n: &mut Numbers<'_>, frame: i64, issued: usize) -> Command {
    let kind = n.below(64);
    let fade = [0, 1, 17, 100, 700, 2_500][n.below(6) as usize];
    match kind {
        10..=18 if issued > 0 => {
            Command::Cancel { action: read_cancelled(n, issued), frame: read_cancel_frame(n, frame), fade }
        }
        19 if n.one_in(2) => Command::CancelAll { fade },
        20 => Command::Gain {
            frame: n.one_in(2).then(|| (frame + n.below(700) - 150).max(0)),
            gain: n.below(5) as f64 / 4.0,
            ramp: fade,
        },
        21..=25 => Command::Commit { batch: n.below(BATCHES as i64) as usize },
        26 if n.one_in(2) => Command::Discard { batch: n.below(BATCHES as i64) as usize },
        27 if n.one_in(4) => Command::Stop,
        28.. if issued > 0 => {
            Command::Control { action: read_cancelled(n, issued), ask: read_ask(n, frame, fade), serial: 0 }
        }
        _ => Command::Issue(Box::new(read_issue(n, frame, issued))),
    }
}

fn read_cancel_frame(n: &mut Numbers<'_>, frame: i64) -> Option<i64> {
    match n.below(6) {
        0 | 1 => None,
        2 => Some((frame - n.below(300)).max(0)),
        3 => Some(frame + n.below(40)),
        _ => Some(frame + n.below(1_200)),
    }
}

fn read_ask(n: &mut Numbers<'_>, frame: i64, fade: i64) -> Ask {
    let frame = read_cancel_frame(n, frame);
    match n.below(10) {
        0 => Ask::Gain { frame, gain: n.below(6) as f64 / 4.0, ramp: fade },
        1 => Ask::Start { frame },
        2..=4 => Ask::Pause { frame, fade },
        5..=7 => Ask::Resume { frame, fade },
        _ => Ask::Seek { frame, fade, to: n.below(4_000) },
    }
}

/// One of the last 16 actions, and mostly of the last few.
fn recent(n: &mut Numbers<'_>, issued: usize) -> usize {
    let most = if n.one_in(3) { 16 } else { 4 };
    issued - 1 - (n.below(most) as usize).min(issued - 1)
}

/// Half the time one of the first actions, so that one is cancelled again and again.
fn read_cancelled(n: &mut Numbers<'_>, issued: usize) -> usize {
    if n.one_in(2) { (n.below(3) as usize).min(issued - 1) } else { recent(n, issued) }
}

fn read_issue(n: &mut Numbers<'_>, frame: i64, issued: usize) -> Issue {
    let start = match n.below(5) {
        0 => Start::Now,
        1 | 2 => Start::Frame((frame + n.below(1_000) - 150).max(0)),
        _ if issued > 0 => Start::After { action: recent(n, issued), offset: n.below(400) - 150 },
        _ => Start::Now,
    };
    Issue {
        batch: n.one_in(5).then(|| n.below(BATCHES as i64) as usize),
        start,
        late: [LatePolicy::Play, LatePolicy::Skip, LatePolicy::Drop][n.below(3) as usize],
        max_late: n.below(3) * 60,
        after: [AfterPolicy::Completed, AfterPolicy::AnyEnd][n.below(2) as usize],
        work: match n.below(16) {
            12 => Work::Detect(read_detect(n)),
            13.. => Work::Record(read_record(n)),
            _ => Work::Play(read_play(n, frame)),
        },
    }
}

fn read_record(n: &mut Numbers<'_>) -> Record {
    let output = n.one_in(3);
    let most = if output { OUTPUTS } else { INPUTS } as i64;
    let channels = (0..1 + n.below(3)).map(|_| 1 + n.below(most) as i32).collect();
    let (frames, spare) = (1 + n.below(600), n.below(2) * 50);
    let drain = n.one_in(3).then(|| Drain {
        frames: 1 + n.below(500),
        ends_when_full: n.one_in(3),
        period: 1 + n.below(3),
    });
    let file = drain.is_none() && !output && n.one_in(3);
    Record { channels, frames, spare, drain, output, file }
}

/// The input has a peak of 12 loud frames, by these thresholds, every 143 frames.
fn read_detect(n: &mut Numbers<'_>) -> Detect {
    let over_floor = n.one_in(3);
    Detect {
        channels: if n.one_in(3) { vec![1, 2] } else { vec![1 + n.below(INPUTS as i64) as i32] },
        threshold: if over_floor { 0.0 } else { [0.3, 0.9, 0.95][n.below(3) as usize] },
        floor_multiple: if over_floor { 1.55 } else { 0.0 },
        floor_frames: if over_floor { 1 + n.below(300) } else { 0 },
        high_pass_hz: [-1.0, 100.0, 1_000.0][n.below(3) as usize],
        minimum: [1, 5, 11, 100, 600][n.below(5) as usize],
        gap: [1, 20, 125, 200, 500][n.below(5) as usize],
        hold_off: [1, 40, 125, 300][n.below(4) as usize],
        // A floor is measured before anything else.
        frames: [0, 0, if over_floor { 400 } else { 1 }, if over_floor { 301 } else { 150 }, 900]
            [n.below(5) as usize],
    }
}

fn read_feed(n: &mut Numbers<'_>) -> Feed {
    Feed {
        first: [0, 1, 100, 256, 700, 2_000][n.below(6) as usize],
        each: [0, 1, 50, 300, 1_000][n.below(5) as usize],
        blocks: n.below(6),
        finishes: n.one_in(2),
        ends_when_dry: n.one_in(3),
        limited: n.one_in(3),
    }
}

fn read_play(n: &mut Numbers<'_>, frame: i64) -> Play {
    let made = n.one_in(3).then(|| read_made(n));
    let (frames, channels) = match &made {
        Some(made) => (made.length().unwrap_or(500), made.channels()),
        None => {
            let frames = [1, 60, 255, 256, 257, 900, 2_000, 4_000][n.below(8) as usize];
            (frames, 1 + n.below(2) as usize)
        }
    };
    let sound = Arc::new(Sound { frames, channels });
    if made.is_some() {
        return read_made_play(n, frame, sound, made);
    }
    let first_frame = if n.one_in(3) { n.below(frames) } else { 0 };
    let frame_count = if n.one_in(3) { 1 + n.below(frames - first_frame) } else { frames - first_frame };
    let loop_count = [0, 0, 1, 3, -1][n.below(5) as usize];
    let loop_first = first_frame + if n.one_in(2) { n.below(frame_count) } else { 0 };
    let loop_most = first_frame + frame_count - loop_first;
    let loop_frames = if n.one_in(2) { 1 + n.below(loop_most) } else { loop_most };
    let ramps = n.one_in(2) as i64;
    let am = n.one_in(4).then(|| read_am(n));
    let (channels, gains) = read_channels(n, sound.channels);
    let feed = n.one_in(3).then(|| read_feed(n));
    let loop_count = if feed.is_some() { 0 } else { loop_count };
    let first_frame = if feed.is_some() { 0 } else { first_frame };
    let play = Play {
        feed,
        channels,
        gains,
        gain_db: -(n.below(3) as f64) * 6.0,
        first_frame,
        frame_count,
        loop_count,
        loop_first: if loop_count == 0 { 0 } else { loop_first },
        loop_frames: if loop_count == 0 { 0 } else { loop_frames },
        stop: n.one_in(5).then(|| frame + 1_000 + n.below(500)),
        onset: ramps * n.below(frame_count / 2 + 1),
        offset: ramps * n.below(frame_count / 2 + 1),
        shape: [RampShape::RaisedCosine, RampShape::Linear][n.below(2) as usize],
        am,
        made: None,
        sound,
        live: None,
        file: false,
    };
    match play.feed.is_none().then(|| n.below(12)) {
        Some(0 | 1) => live(n, play),
        Some(2) => Play { file: true, ..play },
        _ => play,
    }
}

/// The same with the input in place of its sound, as long as its part of it.
fn live(n: &mut Numbers<'_>, play: Play) -> Play {
    let first = n.below((INPUTS - play.sound.channels + 1) as i64) as usize;
    let delay = [0, 1, 255, 300, 1_000][n.below(5) as usize];
    let live = Some(Live { first, delay });
    Play { first_frame: 0, loop_count: 0, loop_first: 0, loop_frames: 0, live, ..play }
}

/// The play of a made sound, whose frames are those of `sound`.
fn read_made_play(n: &mut Numbers<'_>, frame: i64, sound: Arc<Sound>, made: Option<Made>) -> Play {
    let ramps = n.one_in(2) as i64;
    let is_pulse = matches!(made, Some(Made::Pulse { .. }));
    let (channels, gains) =
        if is_pulse { (vec![3, 1], Vec::new()) } else { read_channels(n, sound.channels) };
    let is_serial = matches!(made, Some(Made::Pulse { code: PulseCode::Serial, .. }));
    Play {
        channels: if is_serial { vec![3] } else { channels },
        gains,
        gain_db: -6.0 * n.below(2) as f64,
        first_frame: 0,
        frame_count: sound.frames,
        loop_count: 0,
        loop_first: 0,
        loop_frames: 0,
        stop: n.one_in(5).then(|| frame + 1_000 + n.below(500)),
        onset: ramps * n.below(sound.frames / 2 + 1),
        offset: ramps * n.below(sound.frames / 2 + 1),
        shape: RampShape::RaisedCosine,
        am: n.one_in(4).then(|| read_am(n)),
        made,
        sound,
        live: None,
        feed: None,
        file: false,
    }
}

fn read_made(n: &mut Numbers<'_>) -> Made {
    let frames = [None, Some(1), Some(257), Some(900)][n.below(4) as usize];
    match n.below(3) {
        0 => Made::Sine {
            frequency: [0.5, 440.5, 12_000.0, 23_999.0][n.below(4) as usize],
            phase: n.below(8) as f64 / 8.0 - 0.25,
            amplitude: (1 + n.below(4)) as f64 / 4.0,
            frames,
        },
        1 => Made::Noise {
            pink: n.one_in(2),
            channels: 1 + n.below(2) as usize,
            seed: n.below(1_000) - 500,
            rms: (1 + n.below(3)) as f64 / 8.0,
            frames,
        },
        _ => {
            let code = [PulseCode::None, PulseCode::Parallel, PulseCode::Serial][n.below(3) as usize];
            let (width, count) = (1 + n.below(100), [1, 4, -1][n.below(3) as usize]);
            Made::Pulse {
                code,
                value: if code == PulseCode::None { 0 } else { 1 + n.below(3) },
                width,
                count,
                interval: if count == 1 { 0 } else { 10 * width + n.below(300) },
                level: n.below(2) as f64 - 0.5,
            }
        }
    }
}

fn read_am(n: &mut Numbers<'_>) -> Am {
    Am {
        depth: (1 + n.below(4)) as f64 / 4.0,
        frequency: [4.0, 40.0, 1_234.5, 23_999.0][n.below(4) as usize],
        phase: n.below(8) as f64 / 8.0 - 0.25,
    }
}

fn read_channels(n: &mut Numbers<'_>, sound_channels: usize) -> (Vec<i32>, Vec<f32>) {
    if !n.one_in(2) {
        return (Vec::new(), Vec::new());
    }
    let mut all: Vec<i32> = (1..=OUTPUTS as i32).collect();
    all.rotate_left(n.below(OUTPUTS as i64) as usize);
    let count = if sound_channels == 1 { 1 + n.below(OUTPUTS as i64) as usize } else { 2 };
    all.truncate(count);
    let gains =
        if n.one_in(2) { all.iter().map(|_| n.below(9) as f32 / 4.0 - 1.0).collect() } else { Vec::new() };
    (all, gains)
}
