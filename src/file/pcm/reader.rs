//! Packets of uncompressed samples for the decoders of symphonia.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::errors::{Error, Result, SeekErrorKind, seek_error};
use symphonia::core::formats::prelude::*;
use symphonia::core::formats::well_known::{FORMAT_ID_AIFF, FORMAT_ID_WAVE};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::{Metadata, MetadataLog};

use super::{Layout, fill, go_to, refused};
use crate::realtime::block::MAX_CHANNELS;

/// Frames in a packet, or in a block if that has more.
const PACKET_FRAMES: u64 = 1_024;

const WAVE: FormatInfo = FormatInfo { format: FORMAT_ID_WAVE, short_name: "wave", long_name: "WAVE" };
const AIFF: FormatInfo = FormatInfo { format: FORMAT_ID_AIFF, short_name: "aiff", long_name: "AIFF" };

/// A demuxer for a file of uncompressed sound.
pub struct PcmReader {
    stream: MediaSourceStream<'static>,
    layout: Layout,
    tracks: Vec<Track>,
    about: MediaInfo,
    metadata: MetadataLog,
    /// Blocks in a packet.
    packet_blocks: u64,
    /// The block that is read next.
    next: u64,
}

impl PcmReader {
    pub(super) fn new(stream: MediaSourceStream<'static>, layout: Layout) -> super::Result<Self> {
        if layout.channels as usize > MAX_CHANNELS {
            return refused(format!("has {} channels, more than {MAX_CHANNELS}", layout.channels));
        }
        let (_, block_frames) = layout.block();
        let packet_blocks = (PACKET_FRAMES / block_frames).max(1);
        let Some(codec) = layout.coding.codec(layout.big_endian) else {
            return refused(format!("has samples of a kind that is not read ({:?})", layout.coding));
        };
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(codec)
            .with_sample_rate(layout.rate.whole_hz())
            .with_channels(Channels::Discrete(layout.channels))
            .with_frames_per_block(block_frames)
            .with_max_frames_per_packet(packet_blocks * block_frames);
        let mut track = Track::new(0);
        track.with_codec_params(CodecParameters::Audio(parameters));
        if let Some(base) = TimeBase::try_from_recip(layout.rate.whole_hz()) {
            track.with_time_base(base);
        }
        if let Some(frames) = layout.frames() {
            track.with_num_frames(frames);
        }
        let about = MediaInfo::from_track(&track);
        let metadata = MetadataLog::default();
        Ok(Self { stream, layout, tracks: vec![track], about, metadata, packet_blocks, next: 0 })
    }

    /// What the file says of its samples.
    pub fn layout(&self) -> Layout {
        self.layout
    }
}

impl FormatReader for PcmReader {
    fn format_info(&self) -> &FormatInfo {
        if self.layout.container == AIFF.short_name { &AIFF } else { &WAVE }
    }

    fn media_info(&self) -> &MediaInfo {
        &self.about
    }

    fn metadata(&mut self) -> Metadata<'_> {
        self.metadata.metadata()
    }

    /// To the block of a frame.
    fn seek(&mut self, _: SeekMode, to: SeekTo) -> Result<SeekedTo> {
        let SeekTo::Timestamp { ts, track_id } = to else { return seek_error(SeekErrorKind::Unseekable) };
        let Some(frame) =
            u64::try_from(ts.get()).ok().filter(|&at| self.layout.frames().is_none_or(|n| at <= n))
        else {
            return seek_error(SeekErrorKind::OutOfRange);
        };
        self.next = frame / self.layout.block().1;
        let actual = Timestamp::new((self.next * self.layout.block().1) as i64);
        Ok(SeekedTo { track_id, required_ts: ts, actual_ts: actual })
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        let (block_bytes, block_frames) = self.layout.block();
        let left =
            self.layout.bytes.map_or(u64::MAX, |bytes| (bytes / block_bytes).saturating_sub(self.next));
        let wanted = self.packet_blocks.min(left);
        if wanted == 0 {
            return Ok(None);
        }
        let at = self.layout.begin.saturating_add(self.next.saturating_mul(block_bytes));
        go_to(&mut self.stream, at).map_err(Error::IoError)?;
        let mut data = vec![0; (wanted * block_bytes) as usize];
        let got = fill(&mut self.stream, &mut data).map_err(Error::IoError)? as u64 / block_bytes;
        if got == 0 {
            return Ok(None);
        }
        data.truncate((got * block_bytes) as usize);
        let first = Timestamp::new((self.next * block_frames) as i64);
        self.next += got;
        Ok(Some(Packet::new(0, first, Duration::new(got * block_frames), data)))
    }

    fn into_inner<'s>(self: Box<Self>) -> MediaSourceStream<'s>
    where
        Self: 's,
    {
        self.stream
    }
}
