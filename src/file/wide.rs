//! WAV files of more channels than the demuxer has names for. Arrays of loudspeakers and electrodes need them.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use hound::{SampleFormat, WavReader};
use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::*;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};
use symphonia::core::errors::{Result, SeekErrorKind, seek_error};
use symphonia::core::formats::prelude::*;
use symphonia::core::formats::well_known::FORMAT_ID_WAVE;
use symphonia::core::io::{MediaSourceStream, ReadBytes};
use symphonia::core::meta::{Metadata, MetadataLog};

/// Positions of loudspeakers that WAVE has names for.
const NAMED_CHANNELS: u16 = 18;

const PACKET_FRAMES: u64 = 256;

const INFO: FormatInfo = FormatInfo { format: FORMAT_ID_WAVE, short_name: "wave", long_name: "WAVE" };

/// A demuxer for such files, whose header hound reads.
pub struct WideWav {
    stream: MediaSourceStream<'static>,
    tracks: Vec<Track>,
    about: MediaInfo,
    metadata: MetadataLog,
    frame_bytes: u64,
    begin: u64,
    frames: u64,
    next: u64,
}

impl WideWav {
    /// `None` for any other file.
    pub fn open(path: &Path) -> Option<Self> {
        let mut file = BufReader::new(path.is_file().then(|| File::open(path).ok())??);
        let mut start = [0; 12];
        file.read_exact(&mut start).ok()?;
        if !start.starts_with(b"RIFF") || !start.ends_with(b"WAVE") {
            return None;
        }
        file.rewind().ok()?;
        let header = WavReader::new(file).ok()?;
        let (spec, frames) = (header.spec(), header.duration() as u64);
        let mut file = header.into_inner();
        let begin = file.stream_position().ok()?;
        if spec.channels <= NAMED_CHANNELS {
            return None;
        }
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(codec(spec.sample_format, spec.bits_per_sample)?)
            .with_sample_rate(spec.sample_rate)
            .with_channels(Channels::Discrete(spec.channels))
            .with_max_frames_per_packet(PACKET_FRAMES);
        let mut track = Track::new(0);
        track.with_codec_params(CodecParameters::Audio(parameters)).with_num_frames(frames);
        let mut wide = Self {
            stream: MediaSourceStream::new(Box::new(File::open(path).ok()?), Default::default()),
            about: MediaInfo::from_track(&track),
            tracks: vec![track],
            metadata: Default::default(),
            frame_bytes: spec.channels as u64 * spec.bits_per_sample as u64 / 8,
            begin,
            frames,
            next: 0,
        };
        wide.go_to(0).ok()?;
        Some(wide)
    }

    fn go_to(&mut self, frame: u64) -> Result<()> {
        self.stream.seek(SeekFrom::Start(self.begin + frame * self.frame_bytes))?;
        self.next = frame;
        Ok(())
    }
}

fn codec(format: SampleFormat, bits: u16) -> Option<AudioCodecId> {
    match (format, bits) {
        (SampleFormat::Int, 8) => Some(CODEC_ID_PCM_U8),
        (SampleFormat::Int, 16) => Some(CODEC_ID_PCM_S16LE),
        (SampleFormat::Int, 24) => Some(CODEC_ID_PCM_S24LE),
        (SampleFormat::Int, 32) => Some(CODEC_ID_PCM_S32LE),
        (SampleFormat::Float, 32) => Some(CODEC_ID_PCM_F32LE),
        _ => None,
    }
}

impl FormatReader for WideWav {
    fn format_info(&self) -> &FormatInfo {
        &INFO
    }

    fn media_info(&self) -> &MediaInfo {
        &self.about
    }

    fn metadata(&mut self) -> Metadata<'_> {
        self.metadata.metadata()
    }

    fn seek(&mut self, _: SeekMode, to: SeekTo) -> Result<SeekedTo> {
        let SeekTo::Timestamp { ts, track_id } = to else { return seek_error(SeekErrorKind::Unseekable) };
        match u64::try_from(ts.get()) {
            Ok(frame) if frame <= self.frames => self.go_to(frame)?,
            _ => return seek_error(SeekErrorKind::OutOfRange),
        }
        Ok(SeekedTo { track_id, required_ts: ts, actual_ts: ts })
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        let frames = PACKET_FRAMES.min(self.frames - self.next);
        if frames == 0 {
            return Ok(None);
        }
        let data = self.stream.read_boxed_slice_exact((frames * self.frame_bytes) as usize)?;
        let packet = Packet::new(0, Timestamp::new(self.next as i64), Duration::new(frames), data);
        self.next += frames;
        Ok(Some(packet))
    }

    fn into_inner<'s>(self: Box<Self>) -> MediaSourceStream<'s>
    where
        Self: 's,
    {
        self.stream
    }
}
