//! A row of MPEG or ADTS frames, as it stands in a file, a pipe, or what several files were joined to.

use std::io::{self, Read, Seek, SeekFrom};

use super::media::Source;
use super::mpeg::{self, Header, Tag};

/// Bytes that are held ahead.
const AHEAD_BYTES: usize = 64 << 10;

/// What comes next in a row.
#[derive(Debug)]
pub enum Next {
    /// A frame, which [`Row::frame`] holds.
    Frame(Header),
    /// Nothing, or only what belongs to no frame.
    End,
    /// Something that no row goes on with.
    Broken(String),
    /// Another row, whose sound cannot be joined to that of this one.
    Differs(String),
}

/// Reads a row frame by frame.
pub struct Row {
    source: Source,
    ahead: Vec<u8>,
    /// How much of `ahead` is behind.
    taken: usize,
    /// Byte of the source at which `ahead` begins.
    begin: u64,
    over: bool,
    first: Header,
    frame: Vec<u8>,
}

impl Row {
    /// The row whose frames are like `first`, from byte `at` of `source` on.
    pub fn new(source: Source, at: u64, first: Header) -> io::Result<Self> {
        let mut row =
            Self { source, ahead: Vec::new(), taken: 0, begin: 0, over: false, first, frame: Vec::new() };
        if row.source.is_file() {
            row.go_to(at)?;
        } else {
            row.pass(at)?;
        }
        Ok(row)
    }

    /// Byte of the source at which what comes next stands.
    pub fn at(&self) -> u64 {
        self.begin + self.taken as u64
    }

    /// The frame that came last, header and all.
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// Goes to byte `at`, where a frame begins.
    pub fn go_to(&mut self, at: u64) -> io::Result<()> {
        self.source.seek(SeekFrom::Start(at))?;
        self.ahead.clear();
        (self.taken, self.begin, self.over) = (0, at, false);
        Ok(())
    }

    /// The source, wherever it was read to.
    pub fn into_source(self) -> Source {
        self.source
    }

    /// Goes on to the next frame, over tags.
    pub fn next(&mut self) -> io::Result<Next> {
        loop {
            let head = self.look(32)?;
            if head.is_empty() {
                return Ok(Next::End);
            }
            if let Some(header) = mpeg::header(head) {
                if header.continues(&self.first) {
                    return self.take(header);
                }
                if self.is_row()? {
                    return Ok(Next::Differs(differing(&self.first, &header)));
                }
            } else if let Some(bytes) = mpeg::tag_bytes(head) {
                self.pass(bytes)?;
                continue;
            }
            return self.beyond_junk();
        }
    }

    fn take(&mut self, header: Header) -> io::Result<Next> {
        let frame = self.look(header.bytes)?;
        if frame.len() < header.bytes {
            let (is, should) = (frame.len(), header.bytes);
            return Ok(Next::Broken(format!(
                "the file ends after {is} of the {should} bytes of an MPEG frame"
            )));
        }
        let frame = frame[..header.bytes].to_vec();
        self.taken += frame.len();
        self.frame = frame;
        Ok(Next::Frame(header))
    }

    /// What is neither frame nor tag: it ends the row, unless frames follow it or it is the begin of one.
    fn beyond_junk(&mut self) -> io::Result<Next> {
        let first = self.first;
        let mut junk = 0u64;
        loop {
            let part = self.look(AHEAD_BYTES)?;
            let over = part.len() < AHEAD_BYTES;
            if over && part.len() < mpeg::HEADER_BYTES && junk == 0 && part[0] == 0xFF {
                return Ok(Next::Broken("the file ends in the header of an MPEG frame".into()));
            }
            // A run that begins near the end of this part is found whole in the next one.
            let (last, step) =
                if over { (part.len(), part.len()) } else { (AHEAD_BYTES / 2, AHEAD_BYTES / 2) };
            let found = (0..last).find(|&at| {
                let rest = &part[at..];
                mpeg::header(rest).is_some_and(|header| {
                    let count = if header.continues(&first) { 2 } else { super::recognise::RUN_FRAMES };
                    mpeg::run_at(rest, count, over).is_some()
                })
            });
            if let Some(at) = found {
                let bytes = junk + at as u64;
                return Ok(Next::Broken(format!("{bytes} bytes are no MPEG frame, and frames follow them")));
            }
            if over {
                return Ok(Next::End);
            }
            junk += step as u64;
            self.taken += step;
        }
    }

    /// Whether another row of frames begins here.
    fn is_row(&mut self) -> io::Result<bool> {
        let part = self.look(AHEAD_BYTES)?;
        let over = part.len() < AHEAD_BYTES;
        Ok(mpeg::run_at(part, super::recognise::RUN_FRAMES, over).is_some())
    }

    /// At least `count` bytes from here on, as far as there are.
    fn look(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.ahead.len() - self.taken < count && !self.over {
            self.ahead.drain(..self.taken);
            self.begin += self.taken as u64;
            self.taken = 0;
            let missing = AHEAD_BYTES.max(count) - self.ahead.len();
            let got = (&mut self.source).take(missing as u64).read_to_end(&mut self.ahead)?;
            self.over = got < missing;
        }
        Ok(&self.ahead[self.taken..])
    }

    /// Leaves out `count` bytes.
    fn pass(&mut self, count: u64) -> io::Result<()> {
        if self.source.is_file() && count > AHEAD_BYTES as u64 {
            return self.go_to(self.at().saturating_add(count));
        }
        let mut left = count;
        while left > 0 {
            let there = self.look(1)?.len() as u64;
            if there == 0 {
                return Ok(());
            }
            let step = left.min(there);
            self.taken += step as usize;
            left -= step;
        }
        Ok(())
    }
}

/// Says that a row changes what cannot change within a sound.
fn differing(first: &Header, next: &Header) -> String {
    let say = |header: &Header| format!("{} Hz, {} channels", header.sample_rate_hz, header.channels);
    format!("several streams are joined that differ: {}, then {}", say(first), say(next))
}

/// One encoding within a row, from its first frame or tag on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Byte at which its first frame of sound stands.
    pub begin: u64,
    /// What its frames are like.
    pub first: Header,
    /// The tag in front.
    pub tag: Option<Tag>,
    /// Frames of sound, where they were counted.
    pub count: Option<u64>,
    /// Bytes of frames before it that its first one needs.
    pub reused_bytes: u16,
    /// Byte of every frame whose number is a multiple of [`MARKED_FRAMES`].
    pub marks: Vec<u64>,
    /// Why it breaks after `count` frames.
    pub broken: Option<String>,
}

/// Frames from one mark to the next.
pub const MARKED_FRAMES: u64 = 64;

/// All that was encoded at once, one after the other: a tag begins the next. Or why they are no sound together.
pub fn streams(row: &mut Row) -> io::Result<Result<Vec<Stream>, String>> {
    let mut all: Vec<Stream> = Vec::new();
    loop {
        let before = row.at();
        let header = match row.next()? {
            Next::Frame(header) => header,
            Next::End => return Ok(Ok(all)),
            Next::Differs(reason) => return Ok(Err(reason)),
            Next::Broken(reason) => {
                if all.is_empty() {
                    all.push(Stream::new(before, row.first, None));
                }
                if let Some(stream) = all.last_mut() {
                    stream.broken = Some(reason);
                }
                return Ok(Ok(all));
            }
        };
        let at = row.at() - header.bytes as u64;
        if let Some(tag) = mpeg::tag(row.frame(), &header) {
            all.push(Stream::new(row.at(), header, Some(tag)));
            continue;
        }
        if all.is_empty() {
            all.push(Stream::new(at, header, None));
        }
        if let Some(stream) = all.last_mut() {
            stream.note(at, row.frame(), &header);
        }
    }
}

impl Stream {
    /// A stream of which no frame has come.
    pub fn new(begin: u64, first: Header, tag: Option<Tag>) -> Self {
        Self { begin, first, tag, count: Some(0), reused_bytes: 0, marks: Vec::new(), broken: None }
    }

    fn note(&mut self, at: u64, frame: &[u8], header: &Header) {
        let count = self.count.unwrap_or(0);
        if count == 0 {
            (self.begin, self.first) = (at, *header);
            self.reused_bytes = mpeg::reused_bytes(frame, header);
        }
        if count.is_multiple_of(MARKED_FRAMES) {
            self.marks.push(at);
        }
        self.count = Some(count + 1);
    }
}
