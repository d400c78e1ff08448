//! The demuxer for bare rows of MPEG and ADTS frames.

use std::io;

use symphonia::core::audio::{Channels, Position};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3};
use symphonia::core::errors::{Error, Result, SeekErrorKind, seek_error};
use symphonia::core::formats::prelude::*;
use symphonia::core::formats::well_known::{FORMAT_ID_ADTS, FORMAT_ID_MP1, FORMAT_ID_MP2, FORMAT_ID_MP3};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::{Metadata, MetadataLog};

use super::media::Source;
use super::mpeg::{self, Coding, Header};
use super::row::{MARKED_FRAMES, Next, Row, Stream};

/// Reads one stream of a row, whose places are counted from its first frame of sound on.
pub struct RowReader {
    row: Row,
    stream: Stream,
    about: FormatInfo,
    media: MediaInfo,
    tracks: Vec<Track>,
    metadata: MetadataLog,
    /// Number of the frame that comes next.
    next: u64,
}

impl RowReader {
    /// For `stream` in a file or, with no count of its frames, a pipe.
    pub fn new(source: Source, stream: &Stream) -> io::Result<Self> {
        let row = Row::new(source, stream.begin, stream.first)?;
        let mut track = Track::new(0);
        track.with_codec_params(CodecParameters::Audio(parameters(&stream.first)));
        if let Some(base) = TimeBase::try_from_recip(stream.first.sample_rate_hz) {
            track.with_time_base(base);
        }
        Ok(Self {
            row,
            stream: stream.clone(),
            about: about(&stream.first),
            media: MediaInfo::from_track(&track),
            tracks: vec![track],
            metadata: MetadataLog::default(),
            next: 0,
        })
    }
}

fn parameters(first: &Header) -> AudioCodecParameters {
    let mut parameters = AudioCodecParameters::new();
    let codec = match first.coding {
        Coding::Adts => CODEC_ID_AAC,
        Coding::Layer(1) => CODEC_ID_MP1,
        Coding::Layer(2) => CODEC_ID_MP2,
        Coding::Layer(_) => CODEC_ID_MP3,
    };
    parameters.for_codec(codec).with_sample_rate(first.sample_rate_hz);
    let channels = match first.channels {
        0 => return parameters,
        1 => Channels::Positioned(Position::FRONT_LEFT),
        2 => Channels::Positioned(Position::FRONT_LEFT | Position::FRONT_RIGHT),
        more => Channels::Discrete(more as u16),
    };
    parameters.with_channels(channels);
    parameters
}

fn about(first: &Header) -> FormatInfo {
    let (format, short_name, long_name) = match first.coding {
        Coding::Adts => (FORMAT_ID_ADTS, "aac", "ADTS"),
        Coding::Layer(1) => (FORMAT_ID_MP1, "mp1", "MPEG audio, layer I"),
        Coding::Layer(2) => (FORMAT_ID_MP2, "mp2", "MPEG audio, layer II"),
        Coding::Layer(_) => (FORMAT_ID_MP3, "mp3", "MPEG audio, layer III"),
    };
    FormatInfo { format, short_name, long_name }
}

impl FormatReader for RowReader {
    fn format_info(&self) -> &FormatInfo {
        &self.about
    }

    fn media_info(&self) -> &MediaInfo {
        &self.media
    }

    fn metadata(&mut self) -> Metadata<'_> {
        self.metadata.metadata()
    }

    fn seek(&mut self, _: SeekMode, to: SeekTo) -> Result<SeekedTo> {
        let SeekTo::Timestamp { ts, track_id } = to else { return seek_error(SeekErrorKind::Unseekable) };
        let frames = self.stream.first.frames as u64;
        let number = ts.get().max(0) as u64 / frames;
        let Some(&mark) = self.stream.marks.get((number / MARKED_FRAMES) as usize) else {
            return seek_error(SeekErrorKind::OutOfRange);
        };
        self.row.go_to(mark)?;
        for _ in 0..number % MARKED_FRAMES {
            if !matches!(self.row.next()?, Next::Frame(_)) {
                return seek_error(SeekErrorKind::OutOfRange);
            }
        }
        self.next = number;
        let actual = Timestamp::new((number * frames) as i64);
        Ok(SeekedTo { track_id, required_ts: ts, actual_ts: actual })
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        if self.stream.count == Some(self.next) && self.stream.broken.is_none() {
            return Ok(None);
        }
        let header = match self.row.next()? {
            Next::Frame(header) => header,
            Next::End => return Ok(None),
            Next::Broken(reason) | Next::Differs(reason) => return Err(broken(reason)),
        };
        let frame = self.row.frame();
        let stated = self.stream.tag.and_then(|tag| tag.count.filter(|_| tag.is_intact));
        if self.stream.count.is_none() && stated.is_some_and(|stated| self.next >= stated as u64) {
            return Err(broken("more frames follow than its tag states".into()));
        }
        if self.stream.count.is_none() && mpeg::tag(frame, &header).is_some() {
            return Err(broken(
                "another MP3 file is joined to it, which is read from files, not from pipes".into(),
            ));
        }
        let data = match header.coding {
            Coding::Adts if header.frames > 1024 => {
                return Err(Error::Unsupported("several AAC frames in one ADTS frame"));
            }
            Coding::Adts => &frame[header.header_bytes..],
            Coding::Layer(_) => frame,
        };
        let at = Timestamp::new((self.next * header.frames as u64) as i64);
        self.next += 1;
        Ok(Some(Packet::new(0, at, Duration::new(header.frames as u64), data)))
    }

    fn into_inner<'s>(self: Box<Self>) -> MediaSourceStream<'s>
    where
        Self: 's,
    {
        MediaSourceStream::new(Box::new(self.row.into_source()), Default::default())
    }
}

/// The demuxer's errors take no words of their own, but those of the system do.
fn broken(reason: String) -> Error {
    Error::IoError(io::Error::new(io::ErrorKind::InvalidData, reason))
}
