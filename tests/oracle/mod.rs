//! A naive mixer and recorder in double precision, one frame after another: what the words of the header say
//! must come out. It shares no code with the library but the names of policies and outcomes.

mod heard;
mod made;
#[path = "../offline/mod.rs"]
mod offline;
pub mod program;

use std::collections::BTreeSet;

use heard::{Heard, heard};
use offline::Definition;
use program::{Am, Ask, Command, Detect, Issue, Live, Play, Program, Record, Start, Work};
use sonset::action::{AfterPolicy, LatePolicy, RampShape};
use sonset::receipt::Outcome;

/// Outputs of the stream; the last one is a trigger line.
pub const OUTPUTS: usize = 3;
/// Inputs of the stream.
pub const INPUTS: usize = 2;
const RATE: f64 = 48_000.0;
/// Ceiling of the audio channels.
pub const CEILING: f64 = 0.75;
const NEVER: i64 = i64::MAX;

/// What must come out.
pub struct Expected {
    /// Frame by frame.
    pub output: Vec<[f64; OUTPUTS]>,
    /// For each sample what was added up to it, without signs: the scale of its rounding errors.
    pub scale: Vec<[f64; OUTPUTS]>,
    /// What the program came to, by name.
    pub seen: BTreeSet<&'static str>,
    /// One for each action; none where the call must fail.
    pub receipts: Vec<Option<Receipt>>,
    /// The samples in receipts that are what was sent.
    pub copies: Vec<Copied>,
    /// The recordings into files that are over, and by when.
    pub files: Vec<(Moment, usize)>,
}

/// A block, and how many of the commands before it were given.
pub type Moment = (usize, usize);

/// A sample of a receipt that is one of the output.
#[derive(Clone, Copy)]
pub struct Copied {
    /// The action, and the sample in what it recorded.
    pub at: (usize, usize),
    pub frame: i64,
    pub channel: usize,
}

/// What must be in a receipt, and in the buffer of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Receipt {
    pub outcome: Option<Outcome>,
    pub requested: i64,
    pub start: i64,
    pub end: i64,
    pub done: i64,
    pub late: i64,
    /// Where it last stood still from, went on from, and how long it stood in all.
    pub pauses: (i64, i64, i64),
    /// Where it last went elsewhere.
    pub seek: i64,
    /// Where the last change of gain begins, and what it leads to.
    pub gain: (i64, f64),
    /// Frames that were missing, and the first of them.
    pub missing: (i64, i64),
    /// All frames; of a ring, each after its index.
    pub recorded: Vec<f32>,
    /// Begin and end of the sound that a voice key heard.
    pub heard: (i64, i64),
}

/// The input at `frame`, which everybody can compute.
pub fn input(frame: i64, channel: usize) -> f32 {
    ((frame * 7 + channel as i64 * 3) % 1_001 - 500) as f32 / 512.0
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// The call failed.
    Refused,
    Batched,
    /// The host keeps it until its predecessor, of the other half, has ended.
    Kept,
    Waiting,
    Scheduled,
    Active,
    Done,
}

/// A fade that ends an action early.
#[derive(Clone, Copy, Debug)]
struct Cut {
    begin: i64,
    end: i64,
    level: f64,
    outcome: Outcome,
}

struct Action {
    issue: Issue,
    state: State,
    /// The first frame of the callback that took it.
    taken: i64,
    start: i64,
    skip: i64,
    own_end: i64,
    cut: Option<Cut>,
    /// A frame from which on it may not sound, and a fade, from before it started.
    stored: Option<(i64, i64)>,
    /// Requests to end it at a frame from before it was sent.
    asked: Vec<(Option<i64>, i64)>,
    /// Other requests from before it was sent.
    asks: Vec<(Ask, usize)>,
    gain: Gain,
    /// The next frame of the sound.
    k: i64,
    /// A pause that it was asked for: its frame, its fade and its serial; a resume likewise.
    pause: Option<(i64, i64, usize)>,
    resume: Option<(i64, i64, usize)>,
    /// A seek that it was asked for: frame, fade, serial and the frame of the sound; and one whose fade has begun.
    seek: Option<(i64, i64, usize, i64)>,
    jump: Option<(i64, i64, usize, i64)>,
    /// Begin and end of the fade before the jump.
    fall: Option<(i64, i64)>,
    /// Begin and end of the fade into the pause in which it is.
    pausing: Option<(i64, i64)>,
    /// Begin and frames of the fade out of the last pause.
    rise: (i64, i64),
    /// Whether a callback has it or had it.
    sent: bool,
    /// Whether the host knows of no end yet, so that its place is taken.
    held: bool,
    swept: bool,
    receipt: Receipt,
    walk: Walk,
    ring: Level,
    /// What a voice key will hear, if it is let.
    heard: Heard,
}

/// What is in a ring.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Blocks since the action was issued.
    blocks: i64,
    /// Frames of the sound that were taken out, or were to be thrown away.
    taken: i64,
    /// Frames of a recording that wait to be read.
    held: i64,
}

impl Action {
    /// Whether it is in an open batch.
    fn is_in(&self, batch: usize) -> bool {
        self.state == State::Batched && self.issue.batch == Some(batch)
    }

    fn end(&self) -> i64 {
        let own = match (&self.issue.work, self.pausing) {
            (Work::Play(play), Some(_)) => play.stop.unwrap_or(NEVER),
            _ => self.own_end,
        };
        self.cut.map_or(own, |cut| cut.end.min(own))
    }

    /// Whether something can be asked of it.
    fn takes(&self, ask: Ask) -> bool {
        match ask {
            Ask::Gain { .. } => self.fades(),
            Ask::Seek { frame, to, .. } => {
                let started = matches!(self.state, State::Active | State::Done);
                let there = match &self.issue.work {
                    Work::Play(Play { feed: None, live: None, made: None, .. }) => {
                        self.length().is_none_or(|length| to < length)
                    }
                    _ => false,
                };
                there && (frame.is_some() || started)
            }
            Ask::Start { .. } => !matches!(self.state, State::Active | State::Done),
            Ask::Pause { frame, .. } | Ask::Resume { frame, .. } => {
                let started = matches!(self.state, State::Active | State::Done);
                let stands = match &self.issue.work {
                    Work::Play(play) => play.live.is_none(),
                    Work::Record(_) | Work::Detect(_) => false,
                };
                stands && (frame.is_some() || started)
            }
        }
    }

    /// Frames of the whole sound.
    fn length(&self) -> Option<i64> {
        match &self.issue.work {
            Work::Play(play) => play.length(),
            Work::Record(_) | Work::Detect(_) => None,
        }
    }

    /// Where it ends by itself if frame `now` is the one that it plays next.
    fn end_from_here(&self, now: i64) -> i64 {
        let Work::Play(play) = &self.issue.work else { return NEVER };
        let own = play.length().map_or(NEVER, |length| now + length - self.k);
        own.min(play.stop.unwrap_or(NEVER))
    }

    /// Frames that its ring has for it, and whether there will be no more.
    fn fed(&self) -> Option<(i64, bool)> {
        let Work::Play(Play { feed: Some(feed), .. }) = &self.issue.work else { return None };
        let (written, finished) = feed.written(self.ring.blocks);
        Some(((written - self.ring.taken).max(0), finished))
    }

    /// How it ends where its ring is dry or full and it is not to go on.
    fn ends_without_more(&self) -> Option<Outcome> {
        match &self.issue.work {
            Work::Play(Play { feed: Some(feed), .. }) if feed.ends_when_dry => {
                (self.fed() == Some((0, false))).then_some(Outcome::Underflow)
            }
            Work::Record(Record { drain: Some(drain), .. }) if drain.ends_when_full => {
                (self.ring.held == drain.frames).then_some(Outcome::Overflow)
            }
            _ => None,
        }
    }

    fn miss(&mut self, frame: i64, frames: i64) {
        let (count, first) = self.receipt.missing;
        self.receipt.missing = (count + frames, if first == -1 { frame } else { first });
    }

    fn fades(&self) -> bool {
        match &self.issue.work {
            Work::Play(play) => play.targets().iter().any(|&target| target != OUTPUTS - 1),
            Work::Record(_) | Work::Detect(_) => false,
        }
    }

    /// From where its followers count, and whether it does what they wait for, once that is known.
    fn anchor(&self) -> Option<(i64, bool)> {
        let detects = matches!(self.issue.work, Work::Detect(_));
        match self.state {
            _ if self.receipt.heard.0 != -1 => Some((self.receipt.heard.0, true)),
            State::Done => {
                let completes = self.receipt.outcome == Some(Outcome::Completed) && !detects;
                Some((self.receipt.end, completes))
            }
            State::Active if !detects && self.end() < NEVER => Some((self.end(), self.cut.is_none())),
            _ => None,
        }
    }
}

/// A ramp from silence at x = 0 to full level at x = 1.
fn ramp(shape: RampShape, index: i64, frames: i64) -> f64 {
    if index >= frames {
        return 1.0;
    }
    let x = (index as f64 + 0.5) / frames as f64;
    match shape {
        RampShape::Linear => x,
        RampShape::RaisedCosine => (1.0 - (std::f64::consts::PI * x).cos()) / 2.0,
    }
}

/// The factor of amplitude modulation at frame `k` of a sound.
fn swing(am: Am, k: i64) -> f64 {
    1.0 + am.depth * (std::f64::consts::TAU * (am.frequency * k as f64 / RATE + am.phase)).sin()
}

fn cut_level(cut: Option<Cut>, frame: i64) -> f64 {
    match cut {
        Some(cut) if frame >= cut.begin => {
            cut.level * ramp(RampShape::RaisedCosine, cut.end - 1 - frame, cut.end - cut.begin)
        }
        _ => 1.0,
    }
}

/// A walk through a sound, a frame at a time: how far it is, where in the buffer, and the passes still to come.
#[derive(Clone, Copy, Default)]
struct Walk {
    frames: i64,
    position: i64,
    passes: i64,
}

impl Walk {
    /// The frame of the buffer that frame `k` of the sound is. Frames must not go backwards.
    fn to(&mut self, play: &Play, k: i64) -> i64 {
        let (loop_first, loop_end) = play.loop_range();
        while self.frames < k {
            self.frames += 1;
            self.position += 1;
            if self.position == loop_end && self.passes != 0 {
                self.passes -= 1;
                self.position = loop_first;
            }
        }
        self.position
    }
}

/// A gain: a way from one gain to another, and one that is still to begin.
struct Gain {
    from: f64,
    to: f64,
    begin: i64,
    frames: i64,
    next: Option<(i64, f64, i64)>,
}

impl Default for Gain {
    fn default() -> Self {
        Gain { from: 1.0, to: 1.0, begin: 0, frames: 0, next: None }
    }
}

impl Gain {
    fn at(&mut self, frame: i64) -> f64 {
        if let Some((begin, to, frames)) = self.next.filter(|next| frame >= next.0) {
            self.next = None;
            let from = self.at(begin - 1);
            (self.from, self.to, self.begin, self.frames) = (from, to, begin, frames);
        }
        let passed = (frame - self.begin + 1).clamp(0, self.frames.max(1));
        self.from + (self.to - self.from) * passed as f64 / self.frames.max(1) as f64
    }
}

/// Runs a program.
pub fn run(program: &Program) -> Expected {
    let mut oracle = Oracle {
        pool: program.pool,
        separate: program.separate,
        actions: Vec::new(),
        gain: Gain::default(),
        output: Vec::new(),
        scale: Vec::new(),
        now: 0,
        commands: Vec::new(),
        controlled: Vec::new(),
        swept: None,
        regain: None,
        seen: BTreeSet::new(),
        copies: Vec::new(),
        files: Vec::new(),
        total: program.blocks.iter().map(|(_, frames)| *frames as i64).sum(),
    };
    for (block, (commands, frames)) in program.blocks.iter().enumerate() {
        oracle.tend_rings();
        oracle.take(block, commands);
        for _ in 0..*frames {
            oracle.frame();
        }
    }
    oracle.close();
    let receipt = |action: Action| (action.state != State::Refused).then_some(action.receipt);
    let receipts = oracle.actions.into_iter().map(receipt).collect();
    let Oracle { output, scale, seen, copies, files, .. } = oracle;
    Expected { output, scale, seen, receipts, copies, files }
}

struct Oracle {
    pool: usize,
    separate: bool,
    actions: Vec<Action>,
    gain: Gain,
    output: Vec<[f64; OUTPUTS]>,
    scale: Vec<[f64; OUTPUTS]>,
    now: i64,
    /// Those before the block at hand, and the actions whose cancels among them were looked at.
    commands: Vec<Command>,
    controlled: Vec<usize>,
    /// Requests to all actions, and to the gain, that no callback has taken yet.
    swept: Option<i64>,
    regain: Option<(Option<i64>, f64, i64)>,
    seen: BTreeSet<&'static str>,
    copies: Vec<Copied>,
    files: Vec<(Moment, usize)>,
    /// Frames of the program.
    total: i64,
}

impl Oracle {
    /// All commands that came before a block take effect at its first frame; those to all actions come last.
    fn take(&mut self, block: usize, commands: &[Command]) {
        let stops = |command: &Command| matches!(command, Command::Stop);
        let group = |commands: &[Command]| commands.iter().take_while(|c| !stops(c)).cloned().collect();
        self.commands = group(commands);
        self.book();
        let mut running = true;
        for (n, command) in commands.iter().enumerate() {
            self.note_files((block, n));
            if stops(command) && running {
                self.settle_requests();
                self.see_stop();
                self.stop();
                running = self.separate;
                continue;
            }
            // A stopped stream takes each cancel by itself.
            let end = if running { commands.len() } else { n + 1 };
            self.commands = group(&commands[n..end]);
            if !running {
                self.controlled.clear();
            }
            if self.take_one(command) && !running {
                self.see("cancelled while stopped", true);
                self.settle_requests();
                self.book();
            }
        }
        self.note_files((block, commands.len()));
        self.settle_requests();
    }

    /// Notes which recordings into files the host takes for over.
    fn note_files(&mut self, moment: Moment) {
        for (id, action) in self.actions.iter().enumerate() {
            let of_file = matches!(&action.issue.work, Work::Record(Record { file: true, .. }));
            let over = of_file && !action.held && action.state != State::Refused;
            if over && self.files.iter().all(|(_, noted)| *noted != id) {
                self.files.push((moment, id));
                self.seen.insert("recording into a file");
            }
        }
    }

    /// True if it is a request to end something that may be asked for.
    fn take_one(&mut self, command: &Command) -> bool {
        match command {
            Command::Issue(issue) => self.issue(Issue::clone(issue)),
            Command::Cancel { action, frame, fade } => {
                let held = self.actions[*action].held;
                self.ask(*action, *frame, *fade);
                return held;
            }
            // The shortest fade: what was issued between two of them has not started.
            Command::CancelAll { fade } => {
                self.swept = Some(self.swept.map_or(*fade, |other| other.min(*fade)));
                self.actions.iter_mut().for_each(|action| action.swept = action.sent);
                self.conclude(Outcome::Cancelled, |action| action.state == State::Kept);
                return true;
            }
            Command::Control { action, ask, serial } => return self.ask_for(*action, *ask, *serial),
            Command::Gain { frame, gain, ramp } => self.regain = Some((*frame, *gain, *ramp)),
            Command::Commit { batch } => {
                let count = self.actions.iter().filter(|action| action.is_in(*batch)).count();
                self.see("batch of several committed", count > 1);
                self.dispatch(|action| action.is_in(*batch));
            }
            Command::Discard { batch } => {
                self.see("batch discarded", self.actions.iter().any(|action| action.is_in(*batch)));
                self.conclude(Outcome::Cancelled, |action| action.is_in(*batch));
            }
            Command::Stop => {}
        }
        false
    }

    /// What a callback does after the commands that it finds.
    fn settle_requests(&mut self) {
        self.controlled.clear();
        if let Some((frame, to, ramp)) = self.regain.take() {
            self.see("gain for a frame that has passed", frame.is_some_and(|frame| frame < self.now));
            self.gain.next = Some((frame.map_or(self.now, |frame| frame.max(self.now)), to, ramp));
        }
        if let Some(fade) = self.swept.take() {
            self.sweep(fade);
        }
        self.end_what_is_over(self.now);
    }

    fn see_stop(&mut self) {
        let active = self.actions.iter().any(|action| action.state == State::Active);
        self.see("stopped and started while something sounds", active);
    }

    fn sweep(&mut self, fade: i64) {
        let sounds = |action: &Action| action.swept && action.state == State::Active;
        self.see("everything cancelled while something sounds", self.actions.iter().any(sounds));
        let swept: Vec<usize> = (0..self.actions.len()).filter(|&id| self.actions[id].swept).collect();
        for &id in &swept {
            // As one: none of them follows another that is swept with it.
            if matches!(self.actions[id].state, State::Waiting | State::Scheduled) {
                self.settle(id, Outcome::Cancelled, self.now);
            }
        }
        for id in 0..self.actions.len() {
            self.follow_if_orphaned(id);
        }
        for id in swept {
            self.actions[id].swept = false;
            self.cancel(id, None, fade);
        }
    }

    /// Notes that `what` occurs if it does.
    fn see(&mut self, what: &'static str, occurs: bool) {
        if occurs {
            self.seen.insert(what);
        }
    }

    /// The host learns what the callbacks have ended.
    fn book(&mut self) {
        for action in self.actions.iter_mut().filter(|action| action.state == State::Done) {
            action.held = false;
        }
        self.dispatch(|action| action.state == State::Kept);
    }

    /// Ends actions that no callback has.
    fn conclude(&mut self, outcome: Outcome, which: impl Fn(&Action) -> bool) {
        for id in 0..self.actions.len() {
            if which(&self.actions[id]) {
                self.settle(id, outcome, -1);
                self.actions[id].held = false;
            }
        }
        self.dispatch(|action| action.state == State::Kept);
    }

    fn is_refused(&mut self, issue: &Issue) -> bool {
        let elsewhere = match issue.start {
            Start::After { action, .. } => {
                let before = &self.actions[action];
                before.state == State::Batched && before.issue.batch != issue.batch
            }
            _ => false,
        };
        let full = self.actions.iter().filter(|action| action.held).count() >= self.pool;
        self.see("refused: predecessor in an open batch", elsewhere);
        self.see("refused: pool full", full);
        elsewhere || full
    }

    fn issue(&mut self, mut issue: Issue) {
        if let Start::After { action, .. } = issue.start
            && self.actions[action].state == State::Refused
        {
            issue.start = Start::Now;
        }
        let refused = self.is_refused(&issue);
        let live = matches!(&issue.work, Work::Play(Play { live: Some(_), .. }));
        self.see("live input", live && !refused);
        let (batched, id) = (issue.batch.is_some(), self.actions.len());
        let walk = match &issue.work {
            Work::Play(play) => Walk { frames: 0, position: play.first_frame, passes: play.loop_count },
            Work::Record(_) | Work::Detect(_) => Walk::default(),
        };
        self.actions.push(Action {
            issue,
            state: if refused { State::Refused } else { State::Batched },
            taken: -1,
            start: -1,
            skip: 0,
            own_end: NEVER,
            cut: None,
            stored: None,
            asked: Vec::new(),
            asks: Vec::new(),
            gain: Gain::default(),
            k: 0,
            pause: None,
            resume: None,
            seek: None,
            jump: None,
            fall: None,
            pausing: None,
            rise: (0, 0),
            sent: false,
            held: !refused,
            swept: false,
            receipt: Receipt {
                requested: -1,
                start: -1,
                end: -1,
                gain: (-1, 1.0),
                pauses: (-1, -1, 0),
                seek: -1,
                missing: (0, -1),
                heard: (-1, -1),
                ..Receipt::default()
            },
            walk,
            ring: Level::default(),
            heard: Heard::default(),
        });
        if !refused && !batched {
            self.send(id);
            self.dispatch(|action| action.state == State::Kept);
        }
    }

    /// Hands actions to the callbacks, and then what was asked of them before.
    fn dispatch(&mut self, which: impl Fn(&Action) -> bool) {
        let all: Vec<usize> = (0..self.actions.len()).filter(|&id| which(&self.actions[id])).collect();
        all.iter().for_each(|&id| self.send(id));
        self.pass_on(&all);
    }

    fn pass_on(&mut self, all: &[usize]) {
        for &id in all {
            if self.actions[id].sent
                && !(self.actions[id].asked.is_empty() && self.actions[id].asks.is_empty())
            {
                self.control(id);
            }
        }
    }

    /// Whether both are of one callback.
    fn together(&self, one: usize, other: usize) -> bool {
        let captures = |id: usize| self.actions[id].issue.work.captures();
        !self.separate || captures(one) == captures(other)
    }

    fn send(&mut self, id: usize) {
        self.actions[id].state = State::Waiting;
        self.actions[id].sent = true;
        self.actions[id].taken = self.now;
        match self.actions[id].issue.start {
            Start::Now => self.place(id, self.now),
            Start::Frame(frame) => self.place(id, frame),
            Start::After { action, .. } => {
                let before = &self.actions[action];
                let known = before.anchor().is_some();
                let heard = before.receipt.heard.0 != -1;
                if before.held && !heard && !(before.sent && self.together(id, action)) {
                    self.actions[id].state = State::Kept;
                    self.actions[id].sent = false;
                    self.see("kept until one of the other half ends", true);
                } else if known {
                    let booked = !before.held;
                    self.follow(id);
                    // The host itself has seen that it cannot start.
                    self.actions[id].held =
                        !(booked && self.actions[id].receipt.outcome == Some(Outcome::Predecessor));
                }
            }
        }
    }

    /// Lets an action follow its predecessor, whose end is known.
    fn follow(&mut self, id: usize) {
        let Start::After { action, offset } = self.actions[id].issue.start else { return };
        let Some((end, completes)) = self.actions[action].anchor() else { return };
        self.see_follow(id, action, end);
        if completes || self.actions[id].issue.after == AfterPolicy::AnyEnd {
            // What was never sent ends when its follower is.
            self.place(id, if end == -1 { self.now } else { end } + offset);
        } else {
            self.finish(id, Outcome::Predecessor, end);
        }
    }

    fn see_follow(&mut self, id: usize, before: usize, end: i64) {
        let records = |id: usize| matches!(self.actions[id].issue.work, Work::Record(_));
        let (one, other) = (records(before), records(id));
        let chain = matches!(self.actions[before].issue.start, Start::After { .. });
        let again = self.actions[id].state == State::Scheduled;
        let booked = !self.actions[before].held;
        let endless = self.actions[before].cut.is_some() && self.actions[before].own_end == NEVER;
        self.see("follows an action that was never sent", end == -1);
        self.see("follows one that ended before", end >= 0 && booked);
        self.see("play follows recording", one && !other);
        self.see("recording follows play", !one && other);
        self.see("follower of a follower", chain);
        self.see("start moved by a cut of the predecessor", again);
        self.see("follows an endless loop that was cut", endless);
        self.see("follows an onset", self.actions[before].receipt.heard.0 != -1);
        let deaf = matches!(self.actions[before].issue.work, Work::Detect(_));
        self.see(
            "follows a voice key that heard nothing",
            deaf && self.actions[before].receipt.heard.0 == -1,
        );
    }

    fn follow_if_orphaned(&mut self, id: usize) {
        if let Start::After { action, .. } = self.actions[id].issue.start
            && self.actions[id].state == State::Waiting
            && self.actions[action].state == State::Done
        {
            self.follow(id);
        }
    }

    /// Tells those who wait for `id`, or were placed by it, where it ends.
    fn tell_followers(&mut self, id: usize) {
        for follower in 0..self.actions.len() {
            let follows =
                matches!(self.actions[follower].issue.start, Start::After { action, .. } if action == id);
            if follows && matches!(self.actions[follower].state, State::Waiting | State::Scheduled) {
                self.follow(follower);
            }
        }
    }

    /// Decides when an action starts that was asked for at `requested`.
    fn place(&mut self, id: usize, requested: i64) {
        let now = self.now;
        let action = &mut self.actions[id];
        if let Work::Play(play) = &action.issue.work
            && play.stop.is_some_and(|stop| stop <= requested)
        {
            (action.receipt.requested, action.receipt.late) = (requested, 0);
            return self.finish(id, Outcome::StopBeforeStart, now);
        }
        let start = requested.max(now);
        let late = start - requested;
        (action.receipt.requested, action.receipt.late) = (requested, late);
        let too_late = action.issue.max_late > 0 && late > action.issue.max_late;
        if too_late || (late > 0 && action.issue.late == LatePolicy::Drop) {
            return self.finish(id, Outcome::DroppedLate, now);
        }
        action.skip = if action.issue.late == LatePolicy::Skip { late } else { 0 };
        action.start = start;
        action.own_end = match &action.issue.work {
            Work::Play(play) => {
                let own = play.length().map_or(NEVER, |length| start + length - action.skip);
                own.min(play.stop.unwrap_or(NEVER))
            }
            Work::Record(record) => start + record.frames - action.skip,
            Work::Detect(Detect { frames: 0, .. }) => NEVER,
            Work::Detect(detect) => start + detect.frames - action.skip,
        };
        if action.own_end <= start {
            return self.finish(id, Outcome::DroppedLate, now);
        }
        match action.stored {
            Some((frame, _)) if frame <= start => self.finish(id, Outcome::Cancelled, frame),
            _ => action.state = State::Scheduled,
        }
        self.see_late(id);
    }

    fn see_late(&mut self, id: usize) {
        let action = &self.actions[id];
        let late = action.receipt.late > 0;
        let before = matches!(action.issue.start, Start::After { offset, .. } if offset < 0);
        let (mut loops, mut stops) = (false, false);
        if let Work::Play(play) = &action.issue.work {
            (loops, stops) =
                (action.skip > 0 && play.loop_count != 0, action.skip > 0 && play.stop.is_some());
        }
        self.see("late loop skips", loops);
        self.see("late sound with a stop frame skips", stops);
        self.see("follower late by its negative offset", before && late);
    }

    /// A request to end an action.
    fn ask(&mut self, id: usize, frame: Option<i64>, fade: i64) {
        match self.actions[id].state {
            _ if !self.actions[id].held => {}
            State::Batched | State::Kept if frame.is_some() => {
                self.see("cancelled at a frame before it is sent", true);
                self.actions[id].asked.push((frame, fade));
            }
            State::Batched | State::Kept => {
                self.see("withdrawn before it is sent", true);
                self.settle(id, Outcome::Cancelled, -1);
                self.actions[id].held = false;
                self.dispatch(|action| action.state == State::Kept);
            }
            _ => self.control(id),
        }
    }

    /// A request for something else than the end. True if it may be asked for.
    fn ask_for(&mut self, id: usize, ask: Ask, serial: usize) -> bool {
        let action = &mut self.actions[id];
        if !action.held || !action.takes(ask) {
            return false;
        }
        if matches!(action.state, State::Batched | State::Kept) {
            match ask {
                Ask::Start { frame } => {
                    action.issue.start = frame.map_or(Start::Now, Start::Frame);
                    if action.state == State::Kept {
                        self.send(id);
                        self.pass_on(&[id]);
                        self.send_followers(id);
                    }
                    self.see("start changed of an action that is not sent", true);
                }
                _ => action.asks.push((ask, serial)),
            }
            self.see("asked of an action that is not sent", true);
        } else {
            self.control(id);
        }
        true
    }

    /// Sends what was kept because it follows `id`, which was, and what follows that.
    fn send_followers(&mut self, id: usize) {
        let mut all = vec![id];
        for follower in 0..self.actions.len() {
            let action = &self.actions[follower];
            let follows = matches!(action.issue.start, Start::After { action, .. } if all.contains(&action));
            if follows && action.state == State::Kept {
                all.push(follower);
            }
        }
        all.remove(0);
        all.iter().for_each(|&follower| self.send(follower));
        self.pass_on(&all);
    }

    /// Does what is asked of `id` beside its end: of each kind what was asked for last.
    fn control_otherwise(&mut self, id: usize) {
        let before = std::mem::take(&mut self.actions[id].asks);
        let action = &self.actions[id];
        let new = self.commands.iter().filter_map(|command| match command {
            Command::Control { action, ask, serial } if *action == id => Some((*ask, *serial)),
            _ => None,
        });
        let asks: Vec<(Ask, usize)> =
            before.into_iter().chain(new).filter(|&(ask, _)| action.takes(ask)).collect();
        if action.state == State::Done {
            return;
        }
        let last = |is_it: fn(&Ask) -> bool| asks.iter().rfind(|(ask, _)| is_it(ask)).copied();
        if let Some((Ask::Start { frame }, _)) = last(|ask| matches!(ask, Ask::Start { .. })) {
            self.restart(id, frame);
            if self.actions[id].state == State::Done {
                return;
            }
        }
        if let Some((Ask::Gain { frame, gain, ramp }, _)) = last(|ask| matches!(ask, Ask::Gain { .. })) {
            self.regain(id, frame, gain, ramp);
        }
        if let Some((Ask::Pause { frame, fade }, serial)) = last(|ask| matches!(ask, Ask::Pause { .. })) {
            let fade = if self.actions[id].fades() { fade } else { 0 };
            let frame = frame.map_or(self.now + fade, |frame| frame.max(self.now));
            self.see("pause replaced before it begins", self.actions[id].pause.is_some());
            self.actions[id].pause = Some((frame, fade, serial));
        }
        if let Some((Ask::Seek { frame, fade, to }, serial)) = last(|ask| matches!(ask, Ask::Seek { .. })) {
            let fade = if self.actions[id].fades() { fade } else { 0 };
            let frame = frame.map_or(self.now + fade, |frame| frame.max(self.now));
            self.actions[id].seek = Some((frame, fade, serial, to));
        }
        if let Some((Ask::Resume { frame, fade }, serial)) = last(|ask| matches!(ask, Ask::Resume { .. })) {
            let frame = frame.map_or(self.now, |frame| frame.max(self.now));
            self.actions[id].resume = Some((frame, fade, serial));
        }
    }

    fn restart(&mut self, id: usize, frame: Option<i64>) {
        let action = &mut self.actions[id];
        if !matches!(action.state, State::Waiting | State::Scheduled) {
            return;
        }
        let followed = matches!(action.issue.start, Start::After { .. });
        action.issue.start = frame.map_or(Start::Now, Start::Frame);
        self.see("start changed", true);
        self.see("start of a follower changed", followed);
        self.see("start changed to a frame that has passed", frame.is_some_and(|frame| frame < self.now));
        self.place(id, frame.unwrap_or(self.now));
    }

    fn regain(&mut self, id: usize, frame: Option<i64>, gain: f64, ramp: i64) {
        let begin = frame.unwrap_or(self.now).max(self.now);
        let action = &mut self.actions[id];
        let (again, active) = (action.gain.next.is_some(), action.state == State::Active);
        action.gain.next = Some((begin, gain, ramp));
        action.receipt.gain = (begin, gain);
        self.see("gain replaced before it begins", again);
        self.see("gain of a sound", active);
        self.see("gain of an action that has not started", !active);
    }

    /// Pauses something, or lets it go on, if that is to be done at this frame: the first that was asked for.
    fn turn(&mut self) -> bool {
        let now = self.now;
        let mut due: Vec<(usize, usize, &str)> = Vec::new();
        for (id, action) in self.actions.iter().enumerate().filter(|(_, action)| action.sent) {
            let plays = action.state == State::Active && action.pausing.is_none();
            if let Some((frame, fade, serial)) = action.pause
                && (frame <= now || (plays && frame - fade <= now))
            {
                due.push((serial, id, "pause"));
            }
            if let Some((frame, _, serial)) = action.resume
                && frame <= now
            {
                due.push((serial, id, "resume"));
            }
            if let Some((frame, _, serial, _)) = action.jump
                && frame <= now
            {
                due.push((serial, id, "jump"));
            }
            if let Some((frame, fade, serial, _)) = action.seek
                && action.jump.is_none()
                && (frame <= now || (action.state == State::Active && frame - fade <= now))
            {
                due.push((serial, id, "seek"));
            }
        }
        let Some(&(_, id, what)) = due.iter().min() else { return false };
        match what {
            "pause" => self.pause(id),
            "resume" => self.go_on(id),
            "seek" => self.seek(id),
            _ => self.jump(id),
        }
        true
    }

    fn pause(&mut self, id: usize) {
        let Some((frame, _, _)) = self.actions[id].pause.take() else { return };
        let action = &mut self.actions[id];
        let plays = action.state == State::Active && action.pausing.is_none();
        self.see("pause of what does not sound", !plays);
        let action = &mut self.actions[id];
        if !plays || frame >= action.end() {
            return;
        }
        action.pausing = Some((self.now, frame));
        action.receipt.pauses.0 = frame;
        let fades = frame > self.now;
        self.see("pause with a fade", fades);
        self.see("pause without a fade", !fades);
        self.move_followers(id);
    }

    fn go_on(&mut self, id: usize) {
        let Some((_, fade, serial)) = self.actions[id].resume.take() else { return };
        let now = self.now;
        let action = &mut self.actions[id];
        match action.pausing {
            Some((_, frame)) if frame > now => {
                action.resume = Some((frame, fade, serial));
                self.see("resume while it fades", true);
            }
            Some((_, frame)) if action.state == State::Active => {
                action.pausing = None;
                action.rise = (now, fade);
                action.fall = action.fall.filter(|_| action.jump.is_some());
                action.receipt.pauses.1 = now;
                action.receipt.pauses.2 += now - frame;
                action.own_end = action.end_from_here(now);
                let feeds = action.fed().is_some();
                self.see("resume", true);
                self.see("resume of a ring", feeds);
                self.move_followers(id);
            }
            _ => self.see("resume of what does not stand", true),
        }
    }

    fn seek(&mut self, id: usize) {
        let now = self.now;
        let Some((frame, fade, serial, to)) = self.actions[id].seek.take() else { return };
        let action = &mut self.actions[id];
        let frame = frame.max(now);
        if action.state == State::Active && frame < action.end() {
            action.jump = Some((frame, fade, serial, to));
            action.fall = Some((now, frame));
            self.see("seek with a fade", frame > now);
        } else {
            self.see("seek of what does not sound", true);
        }
    }

    fn jump(&mut self, id: usize) {
        let now = self.now;
        let Some((_, fade, _, to)) = self.actions[id].jump.take() else { return };
        let action = &mut self.actions[id];
        if action.state != State::Active {
            return;
        }
        let Work::Play(play) = &action.issue.work else { return };
        action.walk = Walk { frames: 0, position: play.first_frame, passes: play.loop_count };
        (action.k, action.skip, action.fall) = (to, 0, None);
        action.receipt.seek = now;
        if fade > 0 {
            action.rise = (now, fade);
        }
        let stands = action.pausing.is_some_and(|(_, frame)| frame <= now);
        action.own_end = action.end_from_here(now);
        let in_file = play.file;
        let misses = !stands && action.pausing.is_some_and(|(_, frame)| frame >= action.own_end);
        if misses {
            action.pausing = None;
            action.receipt.pauses.0 = -1;
        }
        self.see("seek", !stands);
        self.see("seek in a file", in_file);
        self.see("seek while it stands still", stands);
        self.move_followers(id);
    }

    /// Ends `id` by a request for a frame that its end has come to lie behind.
    fn cut_as_stored(&mut self, id: usize) {
        let (now, action) = (self.now, &mut self.actions[id]);
        if let Some((frame, fade)) = action.stored.filter(|(frame, _)| *frame < action.end()) {
            let fade = if action.fades() { fade } else { 0 };
            let fading = action.cut.is_some_and(|cut| cut.begin < now);
            let begin = if fading { now } else { (frame - fade).max(now) };
            let level = if fading { cut_level(action.cut, now) } else { 1.0 };
            action.cut = Some(Cut { begin, end: frame, level, outcome: Outcome::Stopped });
            self.see("pause puts the end off beyond a cancel", true);
        }
    }

    /// Tells the followers of `id` of its new end, or that it is not known.
    fn move_followers(&mut self, id: usize) {
        self.cut_as_stored(id);
        if self.actions[id].end() < NEVER {
            return self.tell_followers(id);
        }
        for follower in 0..self.actions.len() {
            let other = &mut self.actions[follower];
            let follows = matches!(other.issue.start, Start::After { action, .. } if action == id);
            if follows && other.state == State::Scheduled {
                other.state = State::Waiting;
                (other.receipt.requested, other.receipt.late) = (-1, 0);
                self.see("follower waits for a pause", true);
            }
        }
    }

    /// Ends `id` as the request does that ends it first, of those at hand.
    fn control(&mut self, id: usize) {
        if self.controlled.contains(&id) {
            return;
        }
        self.controlled.push(id);
        self.control_otherwise(id);
        let waits = self.actions[id].state == State::Waiting;
        self.see("cancel of a waiting follower", waits);
        let fades = self.actions[id].fades() && self.actions[id].state == State::Active;
        let new = self.commands.iter().filter_map(|command| match command {
            Command::Cancel { action, frame, fade } if *action == id => Some((*frame, *fade)),
            _ => None,
        });
        let requests: Vec<(Option<i64>, i64)> = self.actions[id].asked.iter().copied().chain(new).collect();
        // Of those with a frame the earliest, of those without the shortest, and of the two what ends first.
        let at = requests.iter().filter(|(frame, _)| frame.is_some()).min_by_key(|(frame, _)| *frame);
        let at = at.map(|(frame, fade)| (frame.map(|frame| frame.max(self.now)), *fade));
        let now = requests.iter().filter(|(frame, _)| frame.is_none()).min_by_key(|(_, fade)| *fade).copied();
        let end =
            |(frame, fade): &(Option<i64>, i64)| frame.unwrap_or(self.now + if fades { *fade } else { 0 });
        let first = [now, at].into_iter().flatten().min_by_key(end);
        let passed = requests.iter().any(|(frame, _)| frame.is_some_and(|frame| frame < self.now));
        self.see("several cancels at once", requests.len() > 1);
        self.see("cancel for a frame that has passed", passed);
        if let Some((frame, fade)) = first {
            self.cancel(id, frame, fade);
        }
    }

    fn cancel(&mut self, id: usize, frame: Option<i64>, fade: i64) {
        let now = self.now;
        let fade = if self.actions[id].fades() { fade } else { 0 };
        let action = &mut self.actions[id];
        match (action.state, frame) {
            (State::Done, _) => {}
            (State::Active, _) => {
                let end = frame.unwrap_or(now + fade);
                if end < action.end() {
                    // A fade under way goes on down from where it is; one that is to come is forgotten.
                    let fading = action.cut.is_some_and(|cut| cut.begin < now);
                    let begin = if fading { now } else { (end - fade).max(now) };
                    let level = if fading { cut_level(action.cut, now) } else { 1.0 };
                    let again = action.cut.is_some();
                    let onset =
                        matches!(&action.issue.work, Work::Play(play) if begin < action.start + play.onset);
                    action.cut = Some(Cut { begin, end, level, outcome: Outcome::Stopped });
                    self.see("end brought forward while it fades", fading);
                    self.see("end brought forward before it fades", again && !fading);
                    self.see("fade within the onset ramp", onset && begin < end);
                    self.tell_followers(id);
                } else {
                    let earlier = action.stored.is_some_and(|(stored, _)| stored <= end);
                    action.stored = if earlier { action.stored } else { Some((end, fade)) };
                    self.see("cancel for later than the end", true);
                }
            }
            (State::Scheduled, Some(frame)) if frame > action.start => {
                let earlier = action.stored.is_some_and(|(stored, _)| stored <= frame);
                action.stored = if earlier { action.stored } else { Some((frame, fade)) };
            }
            (State::Waiting, Some(frame)) if frame > now => {
                let earlier = action.stored.is_some_and(|(stored, _)| stored <= frame);
                action.stored = if earlier { action.stored } else { Some((frame, fade)) };
            }
            (_, frame) => self.finish(id, Outcome::Cancelled, frame.unwrap_or(now)),
        }
    }

    fn settle(&mut self, id: usize, outcome: Outcome, end: i64) {
        let action = &mut self.actions[id];
        action.state = State::Done;
        action.receipt.outcome = Some(outcome);
        action.receipt.end = end;
        if let Some((_, frame)) = action.pausing.take() {
            action.receipt.pauses.2 += (end - frame).max(0);
        }
    }

    fn finish(&mut self, id: usize, outcome: Outcome, end: i64) {
        self.settle(id, outcome, end);
        for follower in 0..self.actions.len() {
            self.follow_if_orphaned(follower);
        }
    }

    fn end_what_is_over(&mut self, frame: i64) {
        for id in 0..self.actions.len() {
            let action = &self.actions[id];
            if action.state == State::Active && action.end() <= frame {
                let outcome = action.cut.map_or(Outcome::Completed, |cut| cut.outcome);
                self.finish(id, outcome, action.end());
            }
        }
    }

    /// Starts the first, in the order of their numbers, that is due at this frame.
    fn start_first(&mut self) -> bool {
        let now = self.now;
        let due = self.actions.iter().position(|action| match action.state {
            State::Scheduled => action.start == now,
            State::Waiting => action.stored.is_some_and(|(frame, _)| frame == now),
            _ => false,
        });
        let Some(id) = due else { return false };
        if self.actions[id].state == State::Waiting {
            self.see("waiting follower cancelled at its frame", true);
            self.finish(id, Outcome::Cancelled, now);
            return true;
        }
        let modulated = matches!(&self.actions[id].issue.work, Work::Play(play) if play.am.is_some());
        self.see("modulated", modulated);
        if let Work::Play(Play { made: Some(made), .. }) = &self.actions[id].issue.work {
            self.seen.insert(made.name());
        }
        let of_file = matches!(&self.actions[id].issue.work, Work::Play(Play { file: true, .. }));
        self.see("file", of_file);
        if let Work::Detect(detect) = &self.actions[id].issue.work {
            self.actions[id].heard = what_is_heard(detect, now, self.total);
        }
        let action = &mut self.actions[id];
        action.state = State::Active;
        action.receipt.start = now;
        (action.k, action.ring.taken) = (action.skip, action.skip);
        if let Some((frames, true)) = action.fed() {
            action.own_end = action.own_end.min(now + frames);
        }
        if let Some((frame, fade)) = action.stored.filter(|(frame, _)| *frame < action.own_end) {
            let begin = (frame - fade).max(now);
            action.cut = Some(Cut { begin, end: frame, level: 1.0, outcome: Outcome::Stopped });
        }
        if self.actions[id].end() < NEVER {
            self.tell_followers(id);
        }
        true
    }

    /// Before a block the host writes, and reads what there is.
    fn tend_rings(&mut self) {
        for action in self.actions.iter_mut().filter(|action| action.state != State::Refused) {
            action.ring.blocks += 1;
            if let Work::Record(Record { drain: Some(drain), .. }) = &action.issue.work
                && action.ring.blocks % drain.period == 0
            {
                action.ring.held = 0;
            }
        }
    }

    /// Sees which actions end by their rings, now or, finished ones, later. True if one was found.
    fn look_at_rings(&mut self) -> bool {
        let now = self.now;
        for id in 0..self.actions.len() {
            let action = &mut self.actions[id];
            if action.state != State::Active || action.end() <= now {
                continue;
            }
            let stand = action.pausing.map_or(NEVER, |(_, frame)| frame);
            if stand <= now {
                continue;
            }
            if let Some((frames, true)) = action.fed()
                && now + frames < action.end()
                && now + frames <= stand
            {
                if let Some(fade) = action.pausing.take() {
                    action.fall = Some(fade);
                    action.receipt.pauses.0 = -1;
                    self.seen.insert("finished ring in a fade to a pause");
                }
                let action = &mut self.actions[id];
                action.own_end = now + frames;
                // A cut that it does not come to now may be one after a pause.
                if let Some(cut) = action.cut.take_if(|cut| cut.begin >= now + frames) {
                    action.stored = Some((cut.end, cut.end - cut.begin));
                }
                self.see("finished ring", true);
            } else if let Some(outcome) = action.ends_without_more()
                && action.cut.is_none_or(|cut| cut.begin > now)
            {
                action.cut = Some(Cut { begin: now, end: now, level: 1.0, outcome });
                action.miss(now, 0);
                self.see("ends with a dry ring", outcome == Outcome::Underflow);
                self.see("ends with a full ring", outcome == Outcome::Overflow);
            } else {
                continue;
            }
            self.tell_followers(id);
            return true;
        }
        false
    }

    /// Tells what voice keys have come to know by now, which can be followed from here on.
    fn hear(&mut self) {
        for id in 0..self.actions.len() {
            let action = &mut self.actions[id];
            if action.state != State::Active || action.receipt.done == 0 {
                continue;
            }
            let (start, done) = (action.receipt.start, action.receipt.done);
            let known = |event: Option<(i64, i64)>| event.filter(|(_, heard)| *heard == done);
            if let Some((onset, _)) = known(action.heard.onset) {
                action.receipt.heard.0 = start + onset;
                self.see("onset heard", true);
                self.tell_followers(id);
            }
            let action = &mut self.actions[id];
            if let Some((end, _)) = known(action.heard.end) {
                action.receipt.heard.1 = start + end;
                (action.own_end, action.cut) = (self.now, None);
                self.see("end of a sound heard", true);
            }
        }
    }

    fn frame(&mut self) {
        while self.turn() || self.start_first() || self.look_at_rings() {}
        let now = self.now;
        let (mut sums, mut scale) = ([0.0; OUTPUTS], [0.0; OUTPUTS]);
        let (mut dry, mut full) = (false, false);
        let mut copies = Vec::new();
        for (id, action) in self.actions.iter_mut().enumerate().filter(|(_, action)| action.sent) {
            let gain = action.gain.at(now);
            let (skip, own_end, cut, pausing) = (action.skip, action.own_end, action.cut, action.pausing);
            let stands = pausing.is_some_and(|(_, frame)| frame <= now);
            if action.state != State::Active || now >= action.end() || stands {
                continue;
            }
            let lacks = action.fed().is_some_and(|(frames, _)| frames == 0);
            let lost = match &action.issue.work {
                Work::Record(Record { drain: Some(drain), .. }) => action.ring.held == drain.frames,
                _ => false,
            };
            (dry, full) = (dry || lacks, full || lost);
            if lacks || lost {
                action.miss(now, 1);
                action.k += 1;
                continue;
            }
            match &action.issue.work {
                Work::Play(play) => {
                    let k = action.k;
                    let frame = match (&play.feed, &play.made) {
                        (Some(_), _) => action.ring.taken,
                        (None, Some(_)) => k,
                        (None, None) => action.walk.to(play, k),
                    };
                    action.ring.taken += 1;
                    let (rise, frames) = action.rise;
                    let fall = |(begin, end)| ramp(RampShape::RaisedCosine, end - 1 - now, end - begin);
                    let level = ramp(play.shape, k - skip, play.onset)
                        * ramp(play.shape, own_end.saturating_sub(1 + now), play.offset)
                        * cut_level(cut, now)
                        * pausing.map_or(1.0, fall)
                        * action.fall.map_or(1.0, fall)
                        * ramp(RampShape::RaisedCosine, now - rise, frames)
                        * gain;
                    let swing = play.am.map_or(1.0, |am| swing(am, k));
                    for (target, source, gain) in play.routes() {
                        let (level, swing) = if target == OUTPUTS - 1 { (1.0, 1.0) } else { (level, swing) };
                        let (sample, size) = match play.live {
                            Some(Live { first, delay }) if self.now - delay >= action.taken => {
                                let sample = input(self.now - delay, first + source) as f64;
                                (sample, sample)
                            }
                            Some(_) => (0.0, 0.0),
                            None => play.at(frame, source),
                        };
                        sums[target] += sample * gain * level * swing;
                        scale[target] += (size * gain * level).abs();
                    }
                }
                Work::Record(record) => {
                    if record.drain.is_some() {
                        action.receipt.recorded.push((now - action.start) as f32);
                    }
                    for channel in record.channels.iter().map(|&channel| channel as usize - 1) {
                        let at = (id, action.receipt.recorded.len());
                        if record.output {
                            copies.push(Copied { at, frame: now, channel });
                        }
                        let sample = if record.output { 0.0 } else { input(now, channel) };
                        action.receipt.recorded.push(sample);
                    }
                    action.ring.held += 1;
                }
                Work::Detect(_) => {}
            }
            action.k += 1;
            action.receipt.done += 1;
        }
        self.see("records what is sent", !copies.is_empty());
        self.copies.extend(copies);
        self.see("plays silence for want of frames", dry);
        self.see("loses frames for want of room", full);
        let gain = self.gain.at(now);
        for (channel, sum) in sums.iter_mut().enumerate() {
            let (gain, ceiling) = if channel == OUTPUTS - 1 { (1.0, 1.0) } else { (gain, CEILING) };
            *sum = (*sum * gain).clamp(-ceiling, ceiling);
        }
        self.output.push(sums);
        self.scale.push(scale);
        self.now += 1;
        self.hear();
        self.end_what_is_over(self.now);
    }

    /// The stream is stopped: everything but batches ends here.
    fn stop(&mut self) {
        for id in 0..self.actions.len() {
            let end = match self.actions[id].state {
                State::Active => self.actions[id].end().min(self.now),
                State::Waiting | State::Scheduled => self.now,
                State::Kept => -1,
                State::Batched | State::Refused => continue,
                State::Done => {
                    self.actions[id].held = false;
                    continue;
                }
            };
            self.settle(id, Outcome::StreamStopped, end);
            self.actions[id].held = false;
        }
    }

    fn close(&mut self) {
        self.stop();
        self.conclude(Outcome::StreamStopped, |action| action.state == State::Batched);
    }
}

/// What a voice key hears that starts at `start`, in a program of `total` frames.
fn what_is_heard(detect: &Detect, start: i64, total: i64) -> Heard {
    let definition = Definition::of(&detect.params(), RATE as u32);
    let frames = start..total;
    let channel = |&channel: &i32| frames.clone().map(|frame| input(frame, channel as usize - 1)).collect();
    let channels: Vec<Vec<f32>> = detect.channels.iter().map(channel).collect();
    heard(&definition, &channels)
}

/// Whether a recording ends with its buffer.
pub fn buffer_frames(record: &Record) -> i64 {
    record.frames + record.spare
}
