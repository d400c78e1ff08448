//! Seeks in files, which take with them what is heard after them.

use std::sync::Arc;

use super::{Host, Place};
use crate::action::{ActionId, Command, FileSeek};
use crate::error::{Result, fail};
use crate::file::playing::Reading;
use crate::queue::FILE_SEEKS;
use crate::realtime::source::Reel;
use crate::request::{Control, Turn};

impl Host {
    /// How the file is read in which `turn` would go elsewhere; `None` if the action plays no file.
    pub fn seeks_in(&self, action: i64, turn: &Turn) -> Result<Option<Arc<Reading>>> {
        let id = self.turning(action, Control::Seek, turn)?.id;
        Ok(self.tasks(id).next().and_then(|task| task.reads()).cloned())
    }

    /// Asks an action to go on with `reel`.
    pub fn seek_file(&mut self, action: i64, turn: Turn, reel: Reel) -> Result<()> {
        let live = self.turning(action, Control::Seek, &turn)?;
        if self.seeks_sent + self.seeks.len() >= FILE_SEEKS {
            fail!(PoolFull, "{FILE_SEEKS} seeks in files wait to be done, as many as a stream keeps ready");
        }
        let turn = self.numbered(turn);
        self.files.push((live.id, reel.task.clone()));
        let seek = Box::new(FileSeek { id: live.id, turn, reel });
        if live.place == Place::Sent {
            self.send_seek(live.thread, seek);
        } else {
            self.drop_waiting_seeks(live.id);
            self.seeks.push(seek);
        }
        Ok(())
    }

    fn send_seek(&mut self, thread: usize, seek: Box<FileSeek>) {
        self.seeks_sent += 1;
        self.ends[thread].send(Command::Seek(seek));
    }

    /// Sends what was asked of an action before that was sent.
    pub(super) fn send_waiting_seek(&mut self, id: ActionId) {
        let Some(at) = self.seeks.iter().position(|seek| seek.id == id) else { return };
        let thread = self.live[id.slot() as usize].map_or(0, |live| live.thread);
        let seek = self.seeks.swap_remove(at);
        self.send_seek(thread, seek);
    }

    /// Takes the seeks that a callback is through with.
    pub(super) fn take_seeks(&mut self, thread: usize) {
        while let Some(seek) = self.ends[thread].take_seek() {
            self.seeks_sent -= 1;
            self.drop_seek(seek);
        }
    }

    /// Forgets the seeks of an action that were not sent.
    pub(super) fn drop_waiting_seeks(&mut self, id: ActionId) {
        while let Some(at) = self.seeks.iter().position(|seek| seek.id == id) {
            let seek = self.seeks.swap_remove(at);
            self.drop_seek(seek);
        }
    }

    /// Lets go of what a seek holds: what was heard before it, or would have been after it.
    pub(super) fn drop_seek(&mut self, seek: Box<FileSeek>) {
        seek.reel.task.stop();
        self.files.retain(|(_, task)| !Arc::ptr_eq(task, &seek.reel.task));
        self.over.push(seek);
    }
}
