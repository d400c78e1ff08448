//! The queues between the host and one callback thread.
//!
//! Commands: each slot can have one `Start` and one `Control` under way, one `Control` of the action that was
//! in it before, and a batch header for each `Start`, so four times the slots can never be exceeded; beside them there
//! are at most so many seeks in files under way as the host counts. Reports: each slot has one. Seeks that are over
//! come back to be freed. No queue can be full, and the code that pushes says so.

use ringbuf::traits::{Consumer, Observer, Producer, Split};
use ringbuf::{HeapCons, HeapProd, HeapRb};

use crate::action::{Command, FileSeek};
use crate::memory::Ranges;
use crate::receipt::Report;

/// Commands taken in one callback; the rest comes in the next. Also the most actions of a batch.
pub const COMMANDS_PER_CALLBACK: usize = 1024;

/// Seeks in files that are under way at most: each holds as much of a file as is read ahead.
pub const FILE_SEEKS: usize = 64;

/// The host's ends.
pub struct HostEnds {
    commands: HeapProd<Command>,
    reports: HeapCons<Report>,
    seeks: HeapCons<Box<FileSeek>>,
}

/// The callback's ends.
pub struct CallbackEnds {
    commands: HeapCons<Command>,
    reports: HeapProd<Report>,
    seeks: HeapProd<Box<FileSeek>>,
}

/// The queues for a stream of `slots` actions.
pub fn queues(slots: usize) -> (HostEnds, CallbackEnds) {
    let (commands_in, commands_out) = HeapRb::new(4 * slots + FILE_SEEKS).split();
    let (reports_in, reports_out) = HeapRb::new(slots).split();
    let (seeks_in, seeks_out) = HeapRb::new(FILE_SEEKS).split();
    (
        HostEnds { commands: commands_in, reports: reports_out, seeks: seeks_out },
        CallbackEnds { commands: commands_out, reports: reports_in, seeks: seeks_in },
    )
}

impl HostEnds {
    /// Adds the room of all queues, which must be empty.
    pub fn add_memory(&self, callback: &CallbackEnds, ranges: &mut Ranges) {
        ranges.add(self.commands.vacant_slices().0);
        ranges.add(callback.reports.vacant_slices().0);
        ranges.add(callback.seeks.vacant_slices().0);
    }

    /// Hands one command over.
    pub fn send(&mut self, command: Command) {
        self.send_all(std::iter::once(command));
    }

    /// Hands all `commands` over with one release store, so that the callback sees all or none.
    pub fn send_all(&mut self, commands: impl ExactSizeIterator<Item = Command>) {
        let count = commands.len();
        let sent = self.commands.push_iter(commands);
        assert_eq!(sent, count, "the command queue is as large as all slots need");
    }

    /// Commands that were not taken yet.
    pub fn queued(&self) -> usize {
        self.commands.occupied_len()
    }

    /// Whether reports have come.
    pub fn has_reports(&self) -> bool {
        !self.reports.is_empty()
    }

    /// Takes the next report.
    pub fn receive(&mut self) -> Option<Report> {
        self.reports.try_pop()
    }

    /// Takes the next seek that is over.
    pub fn take_seek(&mut self) -> Option<Box<FileSeek>> {
        self.seeks.try_pop()
    }
}

impl CallbackEnds {
    /// The next command, left in the queue.
    pub fn peek(&self) -> Option<&Command> {
        self.commands.try_peek()
    }

    /// Takes the next command.
    pub fn take(&mut self) -> Option<Command> {
        self.commands.try_pop()
    }

    /// Hands a report over.
    pub fn report(&mut self, report: Report) {
        let unsent = self.reports.try_push(report);
        debug_assert!(unsent.is_ok(), "the report queue has a place for every slot");
        // Never reached; but were it, leaking is what the callback may do, and freeing is not.
        unsent.unwrap_or_else(std::mem::forget);
    }

    /// Gives a seek that is over back to be freed.
    pub fn give_back(&mut self, seek: Box<FileSeek>) {
        let unsent = self.seeks.try_push(seek);
        debug_assert!(unsent.is_ok(), "no more seeks are under way than this has places");
        // As for reports.
        unsent.unwrap_or_else(std::mem::forget);
    }
}
