//! What a host writes while it plays.

use std::sync::Arc;

use crate::action::FileSeek;
use crate::file::task::FileTask;
use crate::ring::RingReader;

/// The frames of a ring, as they come. One that is not there when it is due is silence. What a host writes sounds
/// so much later then: nothing of it is left out. A file keeps its time.
#[derive(Debug)]
pub struct RingSound {
    reader: RingReader,
    length: Option<i64>,
    ends_when_dry: bool,
    /// The worker that fills the ring from a file. A file keeps its time: what comes too late is left out.
    file: Option<Arc<FileTask>>,
    /// Frames to be thrown away before the first one that sounds; known once it starts.
    owed: Option<i64>,
    /// Seeks in the file: one whose fade has begun, and the last one asked for after that.
    seeks: [Option<Box<FileSeek>>; 2],
}

/// A file from one of its frames on: the ring into which it is read, and the worker that does.
#[derive(Debug)]
pub struct Reel {
    /// Where its frames come.
    pub reader: RingReader,
    /// Who reads them.
    pub task: Arc<FileTask>,
}

impl RingSound {
    /// A sound of `length` frames, silent ones counted; `None` to go on until the ring is finished.
    pub fn new(reader: RingReader, length: Option<i64>, ends_when_dry: bool) -> Self {
        Self { reader, length, ends_when_dry, file: None, owed: None, seeks: [None, None] }
    }

    /// The sound of a file, which ends where its worker says.
    pub fn of_file(reel: Reel, length: Option<i64>) -> Self {
        Self { file: Some(reel.task), ..Self::new(reel.reader, length, false) }
    }

    /// The worker of a file.
    pub fn file(&self) -> Option<&Arc<FileTask>> {
        self.file.as_ref()
    }

    /// Whether no more comes because the file cannot be read further.
    pub fn is_broken(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.has_failed())
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.reader.channels()
    }

    /// Frames of the whole sound, if that is known before it starts.
    pub fn length(&self) -> Option<i64> {
        self.length
    }

    /// Whether it is over with the first frame that is missing.
    pub fn ends_when_dry(&self) -> bool {
        self.ends_when_dry
    }

    /// Frames that are there to sound, if it starts with frame `skip` unless it has started, and whether no
    /// more will come.
    pub fn available(&self, skip: i64) -> (i64, bool) {
        let (frames, finished) = self.reader.available();
        ((frames - self.owed.unwrap_or(skip)).max(0), finished)
    }

    /// Hands on as many of the next `count` frames as are there. The first call says with `k` how many are
    /// left out before.
    pub fn read(&mut self, k: i64, count: usize, scratch: &mut [f32], mut take: impl FnMut(&[f32])) {
        let owed = self.owed.unwrap_or(k);
        let owed = owed - self.reader.discard(owed);
        self.owed = Some(owed);
        let count = if owed > 0 { 0 } else { count };
        let channels = self.reader.channels();
        let frames = self.reader.pop(&mut scratch[..count * channels]);
        if frames > 0 {
            take(&scratch[..frames as usize * channels]);
        }
    }

    /// Notes that the sound has been made up to `frame` of the stream, with `missing` frames of silence.
    pub fn made(&mut self, frame: i64, missing: i64) {
        if missing > 0 {
            self.reader.miss(missing);
        }
        if self.file.is_some() {
            self.owed = self.owed.map(|owed| owed + missing);
        }
        self.reader.publish_place(frame, self.owed.unwrap_or(0));
    }

    /// Keeps a seek until it is done. Gives back the one that it replaces: one that has not begun, as that with the
    /// serial `begun` has.
    pub fn keep_seek(&mut self, seek: Box<FileSeek>, begun: Option<u64>) -> Option<Box<FileSeek>> {
        let waits =
            |kept: &Option<Box<FileSeek>>| kept.as_ref().is_some_and(|k| Some(k.turn.serial) != begun);
        let place = self.seeks.iter().position(waits).or(self.seeks.iter().position(Option::is_none));
        match place.and_then(|place| self.seeks.get_mut(place)) {
            Some(place) => place.replace(seek),
            None => Some(seek),
        }
    }

    /// Goes on with what the seek with a serial brought. Gives it back, with what was heard so far.
    pub fn go_elsewhere(&mut self, serial: u64) -> Option<Box<FileSeek>> {
        let mut seek = self.seeks.iter_mut().find_map(|kept| kept.take_if(|k| k.turn.serial == serial))?;
        std::mem::swap(&mut self.reader, &mut seek.reel.reader);
        if let Some(file) = &mut self.file {
            std::mem::swap(file, &mut seek.reel.task);
        }
        self.owed = Some(0);
        Some(seek)
    }

    /// How many seeks are kept.
    pub fn kept_seeks(&self) -> usize {
        self.seeks.iter().flatten().count()
    }

    /// Notes that it stands still: when its next frame sounds is not known.
    pub fn stands(&self) {
        self.reader.unpublish_place();
    }
}
