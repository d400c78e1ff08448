//! One of the sounds that follow each other in a file, as frames from any of its own on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::media::{Block, Media, Source};
use super::outline::{Coded, Outline, Part};
use super::timeline::Timeline;
use super::unreadable;
use crate::error::{Error, Result, fail};

/// Decodes one audio track of a part of a file.
pub struct PartDecoder {
    path: PathBuf,
    outline: Arc<Outline>,
    index: usize,
    /// The frame of the file that is its first one.
    base: u64,
    /// What it is decoded with.
    pub media: Media,
    /// Where its frames lie.
    pub timeline: Timeline,
    /// Frames decoded and not yet read: `block` from sample `taken` on.
    block: Vec<f32>,
    taken: usize,
    /// The frame that is read next.
    position: u64,
    failure: Option<Error>,
}

impl PartDecoder {
    /// Opens audio track `track` of part `index` of a file, of which frame `base` of the file is the first one.
    pub fn open(
        path: &Path,
        source: Source,
        outline: &Arc<Outline>,
        index: usize,
        track: i32,
        base: u64,
    ) -> Result<Self> {
        let (media, timeline) = opened(path, source, &outline.parts[index], track)?;
        Ok(Self {
            path: path.to_path_buf(),
            outline: outline.clone(),
            index,
            base,
            media,
            timeline,
            block: Vec::new(),
            taken: 0,
            position: 0,
            failure: None,
        })
    }

    fn part(&self) -> &Part {
        &self.outline.parts[self.index]
    }

    /// Fills `out` with the next frames, interleaved, and tells how many they are: fewer than fit only at the end,
    /// or where it breaks, and then the next call gives the error.
    pub fn read(&mut self, out: &mut [f32]) -> Result<usize> {
        let channels = self.media.channels;
        let mut done = 0;
        while done < out.len() / channels {
            let rest = &mut out[done * channels..];
            match self.read_some(rest) {
                Ok(0) => break,
                Ok(frames) => {
                    done += frames;
                    self.position += frames as u64;
                }
                Err(error) => {
                    self.failure = Some(error.clone());
                    if done == 0 {
                        return Err(error);
                    }
                    break;
                }
            }
        }
        Ok(done)
    }

    /// Makes `frame` the one that is read next.
    pub fn seek(&mut self, frame: u64) -> Result<()> {
        let held = ((self.block.len() - self.taken) / self.media.channels) as u64;
        if self.failure.is_none() && (self.position..self.position + held).contains(&frame) {
            self.taken += (frame - self.position) as usize * self.media.channels;
            self.position = frame;
            return Ok(());
        }
        let forward = self.failure.is_none() && frame >= self.position;
        if !(self.media.seekable || forward) {
            fail!(
                Unsupported,
                "'{}' is a pipe, in which frame {frame} cannot be gone back to",
                self.path.display()
            );
        }
        let near = forward && frame - self.position <= self.media.sample_rate_hz as u64;
        let sequential = forward && (near || !self.media.seekable || !self.media.states_frames());
        if !sequential {
            self.go_to(frame)?;
        }
        self.failure = None;
        self.block.clear();
        self.taken = 0;
        self.position = frame;
        Ok(())
    }

    /// Brings demuxer and decoder to a place from which `frame` will come out right.
    fn go_to(&mut self, frame: u64) -> Result<()> {
        let target = i64::try_from(frame).unwrap_or(i64::MAX).saturating_sub(self.timeline.shift);
        // Opened anew, as some demuxers cannot go back once they have met the end.
        self.reopen()?;
        let beyond_preroll = target > self.media.preroll_frames();
        if beyond_preroll && !self.media.seek(target) {
            // From the start: always right.
            self.reopen()?;
        }
        Ok(())
    }

    fn reopen(&mut self) -> Result<()> {
        let source = Source::open(&self.path)?;
        let length = source.length();
        let (mut media, timeline) = opened(&self.path, source, self.part(), self.media.number)?;
        if timeline != self.timeline
            || media.rate != self.media.rate
            // A recording that grows stays what it is.
            || (length != self.outline.length && self.part().coded != Coded::Contained)
        {
            return Err(unreadable(&self.path, "it was changed while it was read"));
        }
        media.inherit(&mut self.media);
        self.media = media;
        Ok(())
    }

    /// At least one frame, unless there is none left.
    fn read_some(&mut self, out: &mut [f32]) -> Result<usize> {
        if let Some(error) = &self.failure {
            return Err(error.clone());
        }
        let channels = self.media.channels;
        let mut count = out.len() / channels;
        if let Some(frames) = self.timeline.frames {
            count = count.min(frames.saturating_sub(self.position) as usize);
        }
        let silence = (self.timeline.shift as i128 - self.position as i128).max(0);
        if silence > 0 {
            let count = count.min(silence.min(usize::MAX as i128) as usize);
            out[..count * channels].fill(0.0);
            return Ok(count);
        }
        if count == 0 {
            return self.check_pipe().map(|()| 0);
        }
        if self.taken == self.block.len() && !self.next_block()? {
            return Ok(0);
        }
        let count = count.min((self.block.len() - self.taken) / channels);
        let samples = &self.block[self.taken..self.taken + count * channels];
        if let Some(bad) = samples.iter().position(|sample| !sample.is_finite()) {
            let frame = self.base + self.position + (bad / channels) as u64;
            fail!(NonFinite, "'{}': sample {} in frame {frame}", self.path.display(), samples[bad]);
        }
        out[..count * channels].copy_from_slice(samples);
        self.taken += count * channels;
        Ok(count)
    }

    /// Decodes until `block` begins with the frame that is read next. False at the end of the file.
    fn next_block(&mut self) -> Result<bool> {
        loop {
            self.taken = 0;
            let next = self.media.next_block(&mut self.block);
            let Some(block) = next.map_err(|reason| self.broken(&reason))? else {
                return self.check_end().map(|()| false);
            };
            let first = block.first.saturating_add(self.timeline.shift);
            let missed = self.position as i64 - first;
            if missed >= block.frames as i64 {
                continue;
            }
            self.check_block(&block, first)?;
            self.taken = missed.max(0) as usize * self.media.channels;
            return Ok(true);
        }
    }

    fn check_block(&self, block: &Block, first: i64) -> Result<()> {
        if let Some(fault) = &block.fault {
            return Err(self.broken(fault));
        }
        if first > self.position as i64 {
            let lost = first - self.position as i64;
            return Err(self.broken(&format!("{lost} frames are missing or cannot be decoded")));
        }
        Ok(())
    }

    /// Looks for another stream behind this one in a pipe, of which no outline could be had.
    fn check_pipe(&mut self) -> Result<()> {
        let may_go_on = matches!(self.media.container, "mp2" | "mp3" | "flac");
        while !self.media.seekable && may_go_on {
            match self.media.next_block(&mut self.block) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(reason) => return Err(self.broken(&reason)),
            }
        }
        Ok(())
    }

    fn check_end(&self) -> Result<()> {
        match (self.timeline.frames, self.part().is_cut) {
            (Some(frames), _) if self.position >= frames => Ok(()),
            (_, Some(reason)) => Err(self.broken(reason)),
            (Some(frames), None) => {
                let frames = self.base + frames;
                Err(self.broken(&format!("it ends, and should have {frames} frames")))
            }
            (None, None) => Ok(()),
        }
    }

    fn broken(&self, reason: &str) -> Error {
        unreadable(&self.path, &format!("breaks at frame {}: {reason}", self.base + self.position))
    }
}

/// A part of a file, open to be decoded.
fn opened(path: &Path, source: Source, part: &Part, track: i32) -> Result<(Media, Timeline)> {
    let mut media = Media::open(path, source, part, track)?;
    let mut timeline = Timeline::of(path, &mut media, part)?;
    if let Coded::Ogg(link) = &part.coded
        && link.stream(media.id).is_some_and(|stream| stream.pages == 1)
    {
        // What a single page states does not tell where it begins: its packets do.
        let packets = Media::open(path, Source::open(path)?, part, track)?;
        let (begin, frames) = packets.extent().map_err(|reason| unreadable(path, &reason))?;
        timeline.shift = -begin.max(0);
        timeline.frames = part.is_cut.is_none().then_some(frames);
    }
    Ok((media, timeline))
}
