//! A media file as frames: from any of its audio tracks, from any frame on.
//!
//! Frame 0 is what is heard at time 0 of the file, without the encoder's priming. Reading after a seek gives
//! the same samples as reading up to there. A file whose frames are not all there is an error that says where.

use std::path::{Path, PathBuf};

use super::media::{Block, Media, Track};
use super::timeline::Timeline;
use super::unreadable;
use crate::error::{Error, Result, fail};
use crate::rate::Rate;

/// What is known of an open track.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    /// Short name of the container.
    pub container: &'static str,
    /// Short name of the codec.
    pub codec: &'static str,
    /// Rate in whole hertz.
    pub sample_rate_hz: u32,
    /// The exact rate that the file states.
    pub rate: Rate,
    /// Number of channels.
    pub channels: usize,
    /// Number of frames, where the file tells it exactly.
    pub frames: Option<u64>,
    /// Number of this track among the audio tracks, from 1.
    pub track: i32,
    /// The file states no length, so that its sound goes up to its end.
    pub length_from_end_of_file: bool,
    /// The file does not say how many frames of an encoder's delay stand in front.
    pub onset_uncertain: bool,
    /// The file does not say which frames at the end belong to the sound.
    pub length_uncertain: bool,
}

/// Decodes one audio track of a file.
pub struct Decoder {
    path: PathBuf,
    media: Media,
    timeline: Timeline,
    info: Info,
    /// Frames decoded and not yet read: `block` from sample `taken` on.
    block: Vec<f32>,
    taken: usize,
    /// The frame that is read next.
    position: u64,
    failure: Option<Error>,
}

impl Decoder {
    /// Opens audio track `track` (from 1) of a file, or for 0 the one that the file calls its default, else its
    /// first. What the file is, is found from its content, not its name.
    ///
    /// FILE_NOT_FOUND, FILE_IO, INVALID_ARGUMENT for a track that is not there, FILE_FORMAT for a file that is
    /// damaged, empty or of a kind that is not read.
    pub fn open(path: &Path, track: i32) -> Result<Self> {
        let mut media = Media::open(path, track)?;
        let timeline = Timeline::of(path, &mut media)?;
        let info = Info {
            container: media.container,
            codec: media.codec(),
            sample_rate_hz: media.rate.whole_hz(),
            rate: media.rate,
            channels: media.channels,
            frames: timeline.frames,
            track: media.number,
            length_from_end_of_file: timeline.length_from_end_of_file,
            onset_uncertain: timeline.onset_uncertain,
            length_uncertain: timeline.length_uncertain,
        };
        let path = path.to_path_buf();
        let block = Vec::new();
        Ok(Self { path, media, timeline, info, block, taken: 0, position: 0, failure: None })
    }

    /// What is known of the track.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// All audio tracks of the file.
    pub fn tracks(&self) -> &[Track] {
        &self.media.tracks
    }

    /// The frame that is read next.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Fills `out` with the next frames, interleaved, and tells how many they are: fewer than fit only at the
    /// end, or where the file breaks, and then the next call gives the error (FILE_FORMAT, NON_FINITE).
    pub fn read(&mut self, out: &mut [f32]) -> Result<usize> {
        let channels = self.info.channels;
        let mut done = 0;
        while done < out.len() / channels {
            let rest = &mut out[done * channels..];
            match self.read_some(rest) {
                Ok(0) => break,
                Ok(frames) => {
                    done += frames;
                    self.position += frames as u64;
                }
                Err(error) if done == 0 => return Err(error),
                Err(error) => {
                    self.failure = Some(error);
                    break;
                }
            }
        }
        Ok(done)
    }

    /// Makes `frame` the one that is read next; any frame up to the end may be named, an end that is not known
    /// is found by reading.
    ///
    /// Where a file tells the frames of its packets (all but Matroska), this takes about as long as reading the
    /// codec's overlap; else going forward decodes what lies between. A pipe goes forward only.
    pub fn seek(&mut self, frame: u64) -> Result<()> {
        if let Some(frames) = self.timeline.frames.filter(|&frames| frame > frames) {
            fail!(InvalidArgument, "frame {frame} of '{}', which has {frames}", self.path.display());
        }
        let held = ((self.block.len() - self.taken) / self.info.channels) as u64;
        if self.failure.is_none() && (self.position..self.position + held).contains(&frame) {
            self.taken += (frame - self.position) as usize * self.info.channels;
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
        let near = forward && frame - self.position <= self.info.sample_rate_hz as u64;
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
        let mut media = Media::open(&self.path, self.info.track)?;
        let timeline = Timeline::of(&self.path, &mut media)?;
        if timeline != self.timeline || media.rate != self.info.rate {
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
        let channels = self.info.channels;
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
        if count == 0 || (self.taken == self.block.len() && !self.next_block()?) {
            return Ok(0);
        }
        let count = count.min((self.block.len() - self.taken) / channels);
        let samples = &self.block[self.taken..self.taken + count * channels];
        if let Some(bad) = samples.iter().position(|sample| !sample.is_finite()) {
            let frame = self.position + (bad / channels) as u64;
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
            self.taken = missed.max(0) as usize * self.info.channels;
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

    fn check_end(&self) -> Result<()> {
        match self.timeline.frames {
            Some(frames) if self.position < frames => {
                Err(self.broken(&format!("it ends, and should have {frames} frames")))
            }
            _ => Ok(()),
        }
    }

    fn broken(&self, reason: &str) -> Error {
        unreadable(&self.path, &format!("breaks at frame {}: {reason}", self.position))
    }
}
