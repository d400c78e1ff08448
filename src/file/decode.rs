//! A media file as frames: from any of its audio tracks, from any frame on.
//!
//! Frame 0 is what is heard at time 0 of the file, without the encoder's priming. Reading after a seek gives
//! the same samples as reading up to there. A file whose frames are not all there is an error that says where.
//! Where several streams follow each other, all of them are read as one sound.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::media::{Source, Track};
use super::outline::Outline;
use super::part::PartDecoder;
use super::unreadable;
use crate::error::{Result, fail};
use crate::plausible::{Meter, Plausibility};
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
    /// Number of frames that it decodes to, where that is known.
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
    outline: Arc<Outline>,
    tracks: Vec<Track>,
    info: Info,
    /// The first frame of each part, up to one whose length is not known.
    starts: Vec<u64>,
    /// Number of the part that is open, from 0.
    index: usize,
    part: PartDecoder,
    /// The frame that is read next.
    position: u64,
    meter: Meter,
}

impl Decoder {
    /// Opens audio track `track` (from 1) of a file, or for 0 the one that the file calls its default, else its
    /// first. What the file is, is found from its content, not its name.
    ///
    /// FILE_NOT_FOUND, FILE_IO, INVALID_ARGUMENT for a track that is not there, FILE_FORMAT for a file that is
    /// damaged, empty or of a kind that is not read.
    pub fn open(path: &Path, track: i32) -> Result<Self> {
        let mut source = Source::open(path)?;
        let outline = Arc::new(Outline::of(path, &mut source)?);
        let part = PartDecoder::open(path, source, &outline, 0, track, 0)?;
        let info = info_of(&part);
        let mut decoder = Self {
            path: path.to_path_buf(),
            outline,
            tracks: part.media.tracks.clone(),
            meter: Meter::new(info.channels),
            info,
            starts: vec![0],
            index: 0,
            part,
            position: 0,
        };
        decoder.join(track)?;
        Ok(decoder)
    }

    /// Looks at the parts behind the first one.
    fn join(&mut self, track: i32) -> Result<()> {
        for index in 1..self.outline.parts.len() {
            // What follows a part that breaks is never reached.
            let Some(start) = self.info.frames else { return Ok(()) };
            let source = Source::open(&self.path)?;
            let next = info_of(&PartDecoder::open(&self.path, source, &self.outline, index, track, start)?);
            let info = &mut self.info;
            if (next.sample_rate_hz, next.channels) != (info.sample_rate_hz, info.channels) {
                let differ = format!(
                    "{} Hz, {} channels, then from frame {start} on {} Hz, {} channels",
                    info.sample_rate_hz, info.channels, next.sample_rate_hz, next.channels
                );
                return Err(unreadable(&self.path, &format!("joins streams that differ: {differ}")));
            }
            self.starts.push(start);
            info.frames = next.frames.map(|frames| start + frames);
            info.onset_uncertain |= next.onset_uncertain;
            info.length_uncertain |= next.length_uncertain;
        }
        Ok(())
    }

    /// What is known of the track.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// All audio tracks of the file.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
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
            match self.part.read(&mut out[done * channels..]) {
                Ok(0) if self.index + 1 < self.starts.len() => self.enter(self.index + 1)?,
                Ok(0) => break,
                Ok(frames) => {
                    done += frames;
                    self.position += frames as u64;
                }
                Err(error) if done == 0 => return Err(error),
                // It comes again.
                Err(_) => break,
            }
        }
        self.meter.feed(&out[..done * channels]);
        Ok(done)
    }

    /// Whether what was read so far can be the sound that was meant; `is_whole` if no more will be.
    pub fn plausibility(&self, is_whole: bool) -> Plausibility {
        self.meter.judge(is_whole)
    }

    /// Makes `frame` the one that is read next; any frame up to the end may be named, an end that is not known
    /// is found by reading.
    ///
    /// Where a file tells the frames of its packets (all but Matroska), this takes about as long as reading the
    /// codec's overlap; else going forward decodes what lies between. A pipe goes forward only.
    pub fn seek(&mut self, frame: u64) -> Result<()> {
        if let Some(frames) = self.info.frames.filter(|&frames| frame > frames) {
            fail!(InvalidArgument, "frame {frame} of '{}', which has {frames}", self.path.display());
        }
        let index = self.starts.partition_point(|&start| start <= frame) - 1;
        if index != self.index {
            self.enter(index)?;
        }
        self.part.seek(frame - self.starts[index])?;
        self.position = frame;
        Ok(())
    }

    /// Opens part `index` at its begin.
    fn enter(&mut self, index: usize) -> Result<()> {
        let source = Source::open(&self.path)?;
        if source.length() != self.outline.length {
            return Err(unreadable(&self.path, "it was changed while it was read"));
        }
        let (track, start) = (self.info.track, self.starts[index]);
        self.part = PartDecoder::open(&self.path, source, &self.outline, index, track, start)?;
        self.index = index;
        Ok(())
    }
}

fn info_of(part: &PartDecoder) -> Info {
    let (media, timeline) = (&part.media, &part.timeline);
    Info {
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
    }
}
