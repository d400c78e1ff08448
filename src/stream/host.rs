//! The host's books: slots, ids, what is under way, and receipts. One lock guards them; it is never held
//! over input or output, waits, or the release of a host's memory.

// Actions travel in their boxes, to the callback and back.
#![allow(clippy::vec_box)]

mod control;
mod seek;
mod waiting;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use self::waiting::Waiting;
use super::ids::{Ids, Owner};
use super::log::{FileLog, LOG_RECEIPTS, ReceiptLog};
use crate::action::{
    Action, ActionId, AfterPolicy, Command, FileSeek, Kind, Loudest, Play, Record, Start, When, Work,
};
use crate::clock;
use crate::error::{Code, Error, Result, fail};
use crate::file::task::FileTask;
use crate::queue::{COMMANDS_PER_CALLBACK, HostEnds};
use crate::realtime::half;
use crate::realtime::record::Sink;
use crate::realtime::source::Source;
use crate::receipt::{
    ActionState, Asked, Detection, LatencySource, Measured, NONE, Outcome, Receipt, Report,
};
use crate::request::{Cancels, Sweep};
use crate::shared::{Progress, Shared};

/// Receipts that are written with the lock held before others have their turn.
const BOOKED_AT_A_TIME: usize = 1024;

/// Where an action that has not ended is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a batch that is not committed.
    Batch(i64),
    /// Here, until its predecessor on the other callback thread has ended.
    Waiting,
    /// With the callback.
    Sent,
}

/// An action that has not ended.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// Its id.
    pub id: ActionId,
    /// What was asked for.
    pub asked: Asked,
    /// The callback thread it is for.
    pub thread: usize,
    /// Where it is.
    pub place: Place,
    /// The requests to end it.
    cancels: Option<Cancels>,
    /// Whether requests were left for it.
    requested: bool,
    /// The sound that it plays.
    sound: Option<Sounding>,
}

/// What the host knows of the sound of an action.
#[derive(Clone, Copy, Debug)]
struct Sounding {
    /// How near to a ceiling it comes; `None` if it plays on trigger lines only.
    loudest: Option<Loudest>,
    /// Whether it can stand still.
    can_stand: bool,
    /// The frames among which it can go elsewhere, if it can.
    seekable: Option<i64>,
}

impl Sounding {
    fn of(action: &Action) -> Option<Self> {
        match &action.work {
            Work::Play(play) => Some(Self {
                loudest: action.fades().then_some(play.loudest),
                can_stand: play.source.can_stand(),
                seekable: play.source.seekable(),
            }),
            Work::Record(_) | Work::Detect(_) => None,
        }
    }
}

/// The books.
pub struct Host {
    shared: Arc<Shared>,
    ends: Vec<HostEnds>,
    free: Vec<u32>,
    live: Box<[Option<Live>]>,
    ids: Ids,
    issue: u64,
    /// Counts requests for turns.
    turn: u64,
    batches: HashMap<i64, Vec<Box<Action>>>,
    waiting: Waiting,
    /// What waited when everything was ended, and how it ended: receipts to be written.
    withdrawn: VecDeque<(Box<Action>, Outcome)>,
    /// Receipts in memory.
    pub log: ReceiptLog,
    /// Receipts in a file, if asked for.
    pub file_log: Option<FileLog>,
    /// Files of actions that have no receipt yet; a seek adds what it reads.
    files: Vec<(ActionId, Arc<FileTask>)>,
    /// Ends of recordings whose files are not complete yet.
    unfinished: Vec<(ActionId, Outcome, Measured)>,
    /// Seeks in files that wait for their actions to be sent.
    seeks: Vec<Box<FileSeek>>,
    /// Seeks in files that the callbacks have.
    seeks_sent: usize,
    /// What is over, to be freed when the lock is not held.
    pub over: Vec<Box<dyn Send>>,
}

impl Host {
    /// Empty books for the queues of one or two callback threads.
    pub fn new(shared: Arc<Shared>, ends: Vec<HostEnds>) -> Self {
        let slots = shared.slots.len();
        Self {
            shared,
            ends,
            // Popped from the end: low slots first, so that the callback's arrays stay short.
            free: (0..slots as u32).rev().collect(),
            live: vec![None; slots].into(),
            ids: Ids::default(),
            issue: 1,
            turn: 1,
            batches: HashMap::new(),
            waiting: Waiting::default(),
            withdrawn: VecDeque::new(),
            log: ReceiptLog::default(),
            file_log: None,
            files: Vec::new(),
            unfinished: Vec::new(),
            seeks: Vec::new(),
            seeks_sent: 0,
            over: Vec::new(),
        }
    }

    /// Slots that are free, and actions that have not ended.
    pub fn slots(&self) -> (usize, usize) {
        (self.free.len(), self.live.len() - self.free.len())
    }

    /// Fails unless another action fits in, and into its batch if it names one.
    pub fn check_room(&self, batch: i64) -> Result<()> {
        if batch != 0 && self.batch(batch)?.len() == COMMANDS_PER_CALLBACK {
            fail!(
                BatchFull,
                "batch {batch} holds {COMMANDS_PER_CALLBACK} actions, as many as one callback takes"
            );
        }
        if self.free.is_empty() {
            fail!(PoolFull, "all {} actions of the stream are in use (max_actions)", self.live.len());
        }
        Ok(())
    }

    fn batch(&self, batch: i64) -> Result<&Vec<Box<Action>>> {
        self.batches.get(&batch).ok_or_else(|| no_batch(batch))
    }

    /// Reserves a slot and an id. There must be room.
    pub fn reserve(&mut self) -> Result<ActionId> {
        let sequence = self.ids.take()?;
        let Some(slot) = self.free.pop() else { fail!(PoolFull, "all actions of the stream are in use") };
        self.shared.slots[slot as usize].reset();
        Ok(ActionId::new(sequence, slot))
    }

    /// Takes an action in, for its batch or for the callback.
    pub fn enter(&mut self, action: Box<Action>, asked: Asked, thread: usize, batch: i64) {
        let place = if batch != 0 { Place::Batch(batch) } else { Place::Sent };
        let sound = Sounding::of(&action);
        let live = Live { id: action.id, asked, thread, place, cancels: None, requested: false, sound };
        self.live[action.id.slot() as usize] = Some(live);
        if let Some(task) = file_of(&action) {
            self.files.push((action.id, task.clone()));
        }
        match self.batches.get_mut(&batch) {
            Some(actions) => actions.push(action),
            None => self.dispatch(vec![action]),
        }
    }

    /// Fails unless `action` can be the predecessor of another one in `batch`.
    pub fn check_predecessor(&self, action: i64, batch: i64) -> Result<ActionId> {
        let (id, live) = self.find(action)?;
        match live.map(|live| live.place) {
            Some(Place::Batch(other)) if other != batch && self.batches.contains_key(&other) => {
                fail!(InvalidState, "action {action} is in batch {other}, which is not committed yet")
            }
            None if self.log.find(id).is_none() => {
                fail!(ActionEnded, "action {action} ended so long ago that its receipt is not kept")
            }
            _ => Ok(id),
        }
    }

    /// The id that `action` stands for, and its entry if it has not ended.
    pub fn find(&self, action: i64) -> Result<(ActionId, Option<Live>)> {
        let Some(id) = ActionId::from_value(action).filter(|id| (id.slot() as usize) < self.live.len())
        else {
            return self.not_here(action);
        };
        match self.live[id.slot() as usize].filter(|live| live.id == id) {
            Some(live) => Ok((id, Some(live))),
            None if self.log.find(id).is_some() || self.is_forgotten(id) => Ok((id, None)),
            None => self.not_here(action),
        }
    }

    /// Whether `id` may be an action of this stream whose receipt is not kept any more. Its number is, and no
    /// other action has that number.
    fn is_forgotten(&self, id: ActionId) -> bool {
        let lives = |live: &Live| live.id.sequence() == id.sequence();
        self.log.has_forgotten()
            && self.ids.owner(id) == Owner::Own
            && self.log.find_sequence(id.sequence()).is_none()
            && !self.live.iter().flatten().any(lives)
    }

    fn not_here<T>(&self, action: i64) -> Result<T> {
        match ActionId::from_value(action).map(|id| self.ids.owner(id)) {
            Some(Owner::Other) => fail!(OtherStream, "action {action} belongs to another stream"),
            _ => fail!(UnknownAction, "{action} is no action of this stream"),
        }
    }

    /// Everything that is known of `action`.
    pub fn receipt(&mut self, action: i64) -> Result<Receipt> {
        let (id, live) = self.find(action)?;
        match live {
            Some(live) => {
                let live = self.renewed(live);
                self.live[id.slot() as usize] = Some(live);
                Ok(self.interim(id, &live))
            }
            None => self.log.find(id).copied().ok_or_else(|| not_kept(action)),
        }
    }

    /// What went wrong with the file of an action; empty if nothing did, or it has none.
    pub fn failure(&self, action: i64) -> Result<String> {
        let (id, live) = self.find(action)?;
        if live.is_none() && self.log.find(id).is_none() {
            return Err(not_kept(action));
        }
        Ok(match live {
            Some(_) => self.failure_of(id).unwrap_or_default(),
            None => self.log.failure(id),
        })
    }

    /// What is known of an action that has not ended, or whose report is still on its way.
    fn interim(&self, id: ActionId, live: &Live) -> Receipt {
        let progress = self.shared.slot(id).progress();
        let measured = Measured {
            start_frame: progress.start_frame,
            start_host_ns: progress.start_host_ns,
            host_uncertainty_ns: progress.uncertainty_ns,
            latency_source: self.latency_source(live.asked.kind, progress.start_host_ns),
            end_frame: progress.end_frame,
            done_frames: progress.done_frames,
            missing: progress.missing,
            monitor_latency_ns: progress.monitor_latency_ns,
            gain: progress.gain,
            pauses: progress.pauses,
            seek_frame: progress.seek_frame,
            detection: Detection {
                frame: progress.detected_frame,
                host_ns: progress.detected_host_ns,
                reason: progress.detected_reason,
                ..Detection::default()
            },
            ..Measured::default()
        };
        Receipt {
            asked: live.asked,
            state: interim_state(live.asked.kind, &progress),
            outcome: None,
            measured,
            realtime_offset_ns: clock::realtime_offset_ns(),
        }
    }

    /// Where the latency in a host time that a callback published comes from.
    fn latency_source(&self, kind: Kind, host_ns: i64) -> LatencySource {
        let plays = !kind.captures();
        let half = if plays { &self.shared.playback } else { &self.shared.capture };
        match host_ns {
            NONE => LatencySource::Unknown,
            _ => half::calibrated(half.read().latency_source, &self.shared.biases, plays),
        }
    }

    /// Hands actions to their callback threads, each thread's with one release store.
    fn dispatch(&mut self, actions: Vec<Box<Action>>) {
        let mut starts: [Vec<Box<Action>>; 2] = [Vec::new(), Vec::new()];
        for action in actions {
            if let Some((thread, action)) = self.route(action) {
                starts[thread].push(action);
            }
        }
        self.send(starts);
    }

    /// Sends actions to each callback thread: as many as one callback takes with one release store.
    fn send(&mut self, starts: [Vec<Box<Action>>; 2]) {
        for (thread, actions) in starts.into_iter().enumerate() {
            let sent: Vec<ActionId> = actions.iter().map(|action| action.id).collect();
            let mut actions = actions.into_iter().map(Command::Start);
            while actions.len() > 0 {
                let count = actions.len().min(COMMANDS_PER_CALLBACK);
                let header = (count > 1).then_some(Command::Batch { count: count as u32 });
                let commands: Vec<_> = header.into_iter().chain(actions.by_ref().take(count)).collect();
                self.ends[thread].send_all(commands.into_iter());
            }
            for id in sent {
                self.announce(id);
                self.send_waiting_seek(id);
            }
        }
    }

    /// Decides where an action goes, now that it is issued.
    fn route(&mut self, mut action: Box<Action>) -> Option<(usize, Box<Action>)> {
        let slot = action.id.slot() as usize;
        let thread = self.live[slot].as_ref().map_or(0, |live| live.thread);
        if let Start::After { predecessor, offset } = action.start {
            let live = self.live[predecessor.slot() as usize].filter(|live| live.id == predecessor);
            match live.filter(|live| self.unfinished(live.id).is_none()) {
                Some(live) if live.place == Place::Sent && live.thread == thread => {}
                Some(live) => match self.onset(&live) {
                    Some(onset) => action.start = Start::AtFrame(onset.saturating_add(offset)),
                    None => {
                        self.set_place(slot, Place::Waiting);
                        let detects = live.asked.kind == Kind::DetectLevel;
                        self.waiting.insert(predecessor, detects, thread, action);
                        return None;
                    }
                },
                None => match self.start_after_ended(predecessor, offset, action.after) {
                    Some((start, later)) => {
                        action.start = start;
                        action.later = later;
                    }
                    None => {
                        let end = self.end_of(predecessor).map_or(NONE, |(_, measured)| measured.end_frame);
                        self.conclude(action, Outcome::Predecessor, end);
                        return None;
                    }
                },
            }
        }
        self.set_place(slot, Place::Sent);
        self.waiting.release(action.id, thread);
        action.issue = self.issue;
        self.issue += 1;
        Some((thread, action))
    }

    fn set_place(&mut self, slot: usize, place: Place) {
        if let Some(live) = &mut self.live[slot] {
            live.place = place;
        }
    }

    /// The onset that a detector has found, even if it has not ended.
    fn onset(&self, live: &Live) -> Option<i64> {
        let progress = self.shared.slot(live.id).progress();
        let found = live.asked.kind == Kind::DetectLevel && progress.detected_frame != NONE;
        found.then_some(progress.detected_frame)
    }

    /// Where an action starts that follows one that has ended, and how many frames later; `None` if it does
    /// not. One that was withdrawn before it was sent ended at no frame: for what follows it, it ends when
    /// that is sent.
    fn start_after_ended(
        &self,
        predecessor: ActionId,
        offset: i64,
        policy: AfterPolicy,
    ) -> Option<(Start, i64)> {
        let (completed, measured) = self.end_of(predecessor)?;
        if measured.detection.frame != NONE {
            return Some((Start::AtFrame(measured.detection.frame.saturating_add(offset)), 0));
        }
        let follows = completed || policy == AfterPolicy::AnyEnd;
        follows.then_some(match measured.end_frame {
            NONE => (Start::Now, offset),
            end => (Start::AtFrame(end.saturating_add(offset)), 0),
        })
    }

    /// What is known of the end of an action, if it has ended, and whether it did what its followers wait for: also
    /// of a recording whose file is not complete yet.
    fn end_of(&self, id: ActionId) -> Option<(bool, &Measured)> {
        if let Some((outcome, measured)) = self.unfinished(id) {
            return Some((outcome == Outcome::Completed, measured));
        }
        let receipt = self.log.find(id)?;
        let completed =
            receipt.outcome == Some(Outcome::Completed) && receipt.asked.kind != Kind::DetectLevel;
        Some((completed, &receipt.measured))
    }

    /// How a recording ended whose file is not complete yet.
    fn unfinished(&self, id: ActionId) -> Option<(Outcome, &Measured)> {
        let found = self.unfinished.iter().find(|(other, ..)| *other == id);
        found.map(|(_, outcome, measured)| (*outcome, measured))
    }

    /// Whether an action has ended whose file is not complete yet.
    pub fn is_unfinished(&self, id: ActionId) -> bool {
        self.unfinished(id).is_some()
    }

    /// Where an action that has not ended is in its life.
    pub fn state(&self, live: &Live) -> ActionState {
        interim_state(live.asked.kind, &self.shared.slot(live.id).progress())
    }

    /// Opens a batch under a number.
    pub fn begin_batch(&mut self, batch: i64) {
        self.batches.insert(batch, Vec::new());
    }

    /// Closes a batch and gives its actions, none of them sent.
    pub fn take_batch(&mut self, batch: i64) -> Result<Vec<Box<Action>>> {
        self.batches.remove(&batch).ok_or_else(|| no_batch(batch))
    }

    /// Sends the actions of a batch.
    pub fn commit(&mut self, actions: Vec<Box<Action>>) {
        self.dispatch(actions);
    }

    /// Ends actions that were never sent.
    pub fn discard(&mut self, actions: impl IntoIterator<Item = Box<Action>>, outcome: Outcome) {
        for action in actions {
            self.conclude(action, outcome, NONE);
        }
    }

    /// Asks for an action to end.
    pub fn cancel(&mut self, action: i64, when: When, fade_frames: i64) -> Result<()> {
        let (id, live) = self.find(action)?;
        let Some(live) = live else {
            fail!(ActionEnded, "action {action} has ended already");
        };
        if live.place != Place::Sent && when == When::Now {
            self.withdraw(&live);
            return Ok(());
        }
        let cancels = live.cancels.unwrap_or_default().with(when, fade_frames);
        if let Some(live) = &mut self.live[id.slot() as usize] {
            live.cancels = Some(cancels);
        }
        self.shared.slot(id).request_cancel(cancels);
        self.request(id);
        Ok(())
    }

    /// Ends an action that is still here.
    fn withdraw(&mut self, live: &Live) {
        let id = live.id;
        let action = match live.place {
            Place::Batch(batch) => self.batches.get_mut(&batch).and_then(|actions| {
                let index = actions.iter().position(|action| action.id == id)?;
                Some(actions.remove(index))
            }),
            Place::Waiting => self.take_waiting(live),
            Place::Sent => None,
        };
        if let Some(action) = action {
            self.conclude(action, Outcome::Cancelled, NONE);
        }
    }

    /// Takes out an action that waits for another.
    fn take_waiting(&mut self, live: &Live) -> Option<Box<Action>> {
        let predecessor = ActionId::from_value(live.asked.after_action)?;
        self.waiting.remove((predecessor, live.thread, live.id))
    }

    /// A request to end everything that was issued so far; what waits here ends at once.
    pub fn sweep(&mut self, fade_frames: i64, outcome: Outcome) -> Sweep {
        self.withdrawn.extend(self.waiting.take_all().map(|action| (action, outcome)));
        self.withdraw_some();
        Sweep { before_issue: self.issue, fade_frames }
    }

    /// Books what the callbacks reported, as much as is done with the lock held at a time. True if there was anything.
    pub fn drain(&mut self) -> bool {
        let mut any = self.withdraw_some();
        for thread in 0..self.ends.len() {
            for _ in 0..BOOKED_AT_A_TIME {
                let Some(report) = self.ends[thread].receive() else { break };
                // What a seek left behind is forgotten before the action has its receipt.
                self.take_seeks(thread);
                self.book(report);
                any = true;
            }
            self.take_seeks(thread);
        }
        any | self.see_to_files()
    }

    /// Whether there is more to book.
    pub fn is_behind(&self) -> bool {
        !self.withdrawn.is_empty() || self.ends.iter().any(HostEnds::has_reports)
    }

    /// Writes receipts of what waited when everything was ended. True if there was anything.
    fn withdraw_some(&mut self) -> bool {
        let some = self.withdrawn.len().min(BOOKED_AT_A_TIME);
        for (action, outcome) in self.withdrawn.drain(..some).collect::<Vec<_>>() {
            self.conclude(action, outcome, NONE);
        }
        some > 0
    }

    /// Sends what waited for actions that have ended or were sent, or for detectors that have found something: no more
    /// than a callback takes, so that what else is asked for is not far behind. True if there is more to do at once.
    pub fn settle(&mut self) -> bool {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.release_found(|id| {
            let live = self.live[id.slot() as usize].filter(|live| live.id == id);
            live.is_some_and(|live| self.onset(&live).is_some())
        });
        self.waiting = waiting;
        let mut starts: [Vec<Box<Action>>; 2] = [Vec::new(), Vec::new()];
        let mut left = BOOKED_AT_A_TIME;
        for thread in 0..self.ends.len() {
            let room = COMMANDS_PER_CALLBACK.saturating_sub(self.ends[thread].queued());
            while left > 0
                && starts[thread].len() < room
                && let Some(action) = self.waiting.next(thread)
            {
                left -= 1;
                if let Some((thread, action)) = self.route(action) {
                    starts[thread].push(action);
                }
            }
        }
        self.send(starts);
        left == 0
    }

    fn book(&mut self, report: Report) {
        let Report { mut action, outcome, measured } = report;
        self.seeks_sent -= action.file().map_or(0, |file| file.kept_seeks());
        self.file(action.id, outcome, measured);
        self.over.push(action);
    }

    /// Ends an action without the callback.
    fn conclude(&mut self, action: Box<Action>, outcome: Outcome, end_frame: i64) {
        self.file(action.id, outcome, Measured { end_frame, ..Measured::default() });
        self.over.push(action);
    }

    /// Writes the receipts of recordings whose files are complete now, and ends those whose file cannot be written.
    /// True if there was anything.
    fn see_to_files(&mut self) -> bool {
        if self.files.is_empty() {
            return false;
        }
        let failed: Vec<i64> = self
            .files
            .iter()
            .filter(|(_, task)| task.completes() && task.has_failed())
            .map(|(id, _)| id.value())
            .collect();
        for action in failed {
            // One that has ended already, or was told before, is told again in vain.
            let _ = self.cancel(action, When::Now, 0);
        }
        let unfinished = std::mem::take(&mut self.unfinished);
        let (open, complete): (Vec<_>, Vec<_>) =
            unfinished.into_iter().partition(|(id, ..)| self.is_being_written(*id));
        self.unfinished = open;
        let any = !complete.is_empty();
        for (id, outcome, measured) in complete {
            self.close(id, outcome, measured);
        }
        any
    }

    /// Whether a recording has ended whose file is not complete.
    pub fn has_open_files(&self) -> bool {
        !self.unfinished.is_empty()
    }

    /// Writes the receipt of an action and frees its slot; of a recording into a file, once that is complete.
    fn file(&mut self, id: ActionId, outcome: Outcome, measured: Measured) {
        self.tasks(id).for_each(|task| task.stop());
        if self.is_being_written(id) {
            // Those who follow it need not wait for the disk.
            self.waiting.release_all(id);
            return self.unfinished.push((id, outcome, measured));
        }
        self.close(id, outcome, measured);
    }

    /// Writes the receipt of an action that needs nothing more from files.
    fn close(&mut self, id: ActionId, outcome: Outcome, measured: Measured) {
        let spoiled = self.tasks(id).any(|task| task.completes() && task.has_failed());
        if let Some(failure) = self.failure_of(id) {
            self.log.explain(id, failure);
        }
        self.files.retain(|(file, _)| *file != id);
        self.drop_waiting_seeks(id);
        self.write_receipt(id, if spoiled { Outcome::FileError } else { outcome }, measured);
    }

    /// The workers of an action that has no receipt yet.
    fn tasks(&self, id: ActionId) -> impl Iterator<Item = &Arc<FileTask>> {
        self.files.iter().filter(move |(file, _)| *file == id).map(|(_, task)| task)
    }

    /// Whether the file of a recording is not complete yet.
    fn is_being_written(&self, id: ActionId) -> bool {
        self.tasks(id).any(|task| task.completes() && !task.is_done())
    }

    /// What went wrong with the files of an action that has no receipt yet.
    fn failure_of(&self, id: ActionId) -> Option<String> {
        self.tasks(id).find(|task| task.has_failed()).map(|task| task.failure())
    }

    fn write_receipt(&mut self, id: ActionId, outcome: Outcome, measured: Measured) {
        let Some(live) = self.live[id.slot() as usize].take() else { return };
        debug_assert_eq!(live.id, id);
        let live = self.renewed(live);
        let receipt = Receipt {
            asked: live.asked,
            state: ActionState::Ended,
            outcome: Some(outcome),
            measured,
            realtime_offset_ns: clock::realtime_offset_ns(),
        };
        if let Some(file_log) = &self.file_log {
            file_log.write(receipt);
        }
        self.log.push(receipt);
        self.waiting.release_all(id);
        self.free.push(id.slot());
    }

    /// Ends everything that is left when no callback will come any more: what is here, and what a callback
    /// that did not come back still holds, from what it had published.
    ///
    /// What has ended already and waits for its file only keeps its own outcome.
    pub fn end_all(&mut self, outcome: Outcome) {
        let batches = std::mem::take(&mut self.batches);
        batches.into_values().for_each(|actions| self.discard(actions, outcome));
        while self.withdraw_some() {}
        let waiting = self.waiting.take_all();
        self.discard(waiting, outcome);
        for slot in 0..self.live.len() {
            let live = self.live[slot].filter(|live| self.unfinished(live.id).is_none());
            if let Some(live) = live.map(|live| self.renewed(live)) {
                let mut measured = self.interim(live.id, &live).measured;
                if measured.start_frame != NONE {
                    measured.requested_frame = live.asked.requested_frame;
                    measured.end_frame =
                        measured.start_frame + measured.done_frames + measured.missing.frames;
                }
                self.file(live.id, outcome, measured);
            }
        }
    }
}

/// The state of an action whose report is not booked: it has not ended, and has started only if its slot says where.
fn interim_state(kind: Kind, progress: &Progress) -> ActionState {
    let onset = if kind == Kind::DetectLevel { progress.detected_frame } else { progress.start_frame };
    match progress.state {
        ActionState::Ended if onset == NONE => ActionState::Pending,
        ActionState::Ended => ActionState::Started,
        state => state,
    }
}

/// The file that an action is of.
fn file_of(action: &Action) -> Option<&Arc<FileTask>> {
    match &action.work {
        Work::Record(Record { sink: Sink::File { task, .. }, .. }) => Some(task),
        Work::Play(Play { source: Source::Ring(ring), .. }) => ring.file(),
        _ => None,
    }
}

fn not_kept(action: i64) -> Error {
    let message = format!("action {action} has ended, and its receipt is not among the last {LOG_RECEIPTS}");
    Error::new(Code::ActionEnded, message)
}

fn no_batch(batch: i64) -> Error {
    Error::new(Code::UnknownBatch, format!("{batch} is no open batch of this stream"))
}
