//! One audio track of a media file as its demuxer and decoder give it: blocks of frames with their place in the
//! track. Whatever they do wrong with a hostile file ends here.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::LazyLock;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::*;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Fault;
use symphonia::core::formats::probe::Probe;
use symphonia::core::formats::well_known::{FORMAT_ID_FLAC, FORMAT_ID_ISOMP4, FORMAT_ID_MKV};
use symphonia::core::formats::{FormatReader, SeekMode, SeekTo, TrackFlags, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::packet::Packet;
use symphonia::core::units::{TimeBase, Timestamp};
use symphonia::default::{formats, meta};

use super::iso_pcm::{self, Described, Patch};
use super::outline::{Coded, Part};
use super::pcm::{self, Failure, Layout, Opened};
use super::row_reader::RowReader;
use super::{inaccessible, unreadable};
use crate::error::{Error, Result, fail};
use crate::rate::Rate;
use crate::realtime::block::MAX_CHANNELS;

/// Rates that are believed, as those of buffers.
const RATES_HZ: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// The containers that are known by a mark. Rows of MPEG frames have none: where any are sought, all files have some.
static PROBE: LazyLock<Probe> = LazyLock::new(|| {
    let mut probe = Probe::default();
    probe.register_format::<formats::FlacReader<'_>>();
    probe.register_format::<formats::IsoMp4Reader<'_>>();
    probe.register_format::<formats::OggReader<'_>>();
    probe.register_format::<formats::MkvReader<'_>>();
    probe.register_metadata::<meta::ApeReader<'_>>();
    probe.register_metadata::<meta::Id3v1Reader<'_>>();
    probe.register_metadata::<meta::Id3v2Reader<'_>>();
    probe
});

/// An audio track as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Its number among the file's audio tracks, from 1.
    pub number: i32,
    /// The codec's name, or `?` where there is no decoder for it.
    pub codec: &'static str,
    /// Rate in hertz, 0 where the file does not say.
    pub sample_rate_hz: u32,
    /// Number of channels, 0 where the file does not say.
    pub channels: usize,
    /// Language as the file spells it.
    pub language: Option<String>,
}

/// How the place of a block in its track is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Places {
    /// Packets state their frame.
    Stated,
    /// Packets state a coarser time: frames are counted from the first packet on.
    Counted,
}

/// An open track.
pub struct Media {
    reader: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    places: Places,
    /// The demuxer's number of the track.
    pub(super) id: u32,
    /// All audio tracks of the file.
    pub tracks: Vec<Track>,
    /// The one that is open, from 1.
    pub number: i32,
    /// Name of the container.
    pub container: &'static str,
    /// Exact rate.
    pub rate: Rate,
    /// Rate in whole hertz.
    pub sample_rate_hz: u32,
    /// Number of channels.
    pub channels: usize,
    /// What a file of uncompressed sound says of its samples.
    pub(super) pcm: Option<Layout>,
    /// Whether the file can be read from another place.
    pub seekable: bool,
    /// The first packet, read ahead.
    first: Option<Packet>,
    /// Frames counted so far.
    counted: i64,
    /// Time stamps of packets, and the frame that follows each: places to go back to. Only for `Counted`.
    landmarks: Vec<(i64, i64)>,
    /// A landmark that was sought, until its packet has come.
    sought: Option<(i64, i64)>,
    /// The first frame of the last packet of a FLAC file.
    flac_frame: i64,
}

/// Frames that belong together.
pub struct Block {
    /// The place of its first frame in the track, as decoded: negative in what the demuxer knows as priming.
    pub first: i64,
    /// Why there are no samples in it, if its packet could not be decoded.
    pub fault: Option<String>,
    /// Frames that the packet stands for.
    pub frames: usize,
}

impl Media {
    /// Opens audio track `number` (from 1) of a part of a file, or its default one for 0.
    pub fn open(path: &Path, source: Source, part: &Part, number: i32) -> Result<Self> {
        let seekable = source.is_seekable();
        let mut source = source.within(&part.bytes).map_err(|error| of_failure(path, error.into()))?;
        if let Coded::Row(stream) = &part.coded {
            let reader = RowReader::new(source, stream).map_err(|error| of_failure(path, error.into()))?;
            return Self::choose(path, Box::new(reader), number, seekable, &[]);
        }
        let mut described = Vec::new();
        if part.coded == Coded::Contained && source.is_file() {
            described = iso_pcm::descriptions(&mut source).unwrap_or_default();
            source.rewind().map_err(|error| of_failure(path, error.into()))?;
            source.patches = described.iter().flat_map(|one| one.patches.clone()).collect();
        }
        let stream = MediaSourceStream::new(Box::new(source), Default::default());
        let stream = match pcm::open(stream).map_err(|failure| of_failure(path, failure))? {
            Opened::Other(stream) => stream,
            Opened::Pcm(reader) => {
                let layout = reader.layout();
                let mut media = Self::choose(path, reader, number, seekable, &[])?;
                (media.rate, media.pcm) = (layout.rate, Some(layout));
                return Ok(media);
            }
        };
        let probed =
            sheltered(|| PROBE.probe(&Default::default(), stream, Default::default(), Default::default()));
        let reader = probed.map_err(|fault| match fault {
            Fault::IoError(error) => of_failure(path, Failure::Io(error)),
            Fault::Unsupported(what) => unreadable(path, &format!("is no sound file that is read ({what})")),
            fault => unreadable(path, &fault.to_string()),
        })?;
        Self::choose(path, reader, number, seekable, &described)
    }

    /// Of tracks of uncompressed sound in an MP4 or QuickTime file, what counts is how they are `described`.
    fn choose(
        path: &Path,
        reader: Box<dyn FormatReader>,
        number: i32,
        seekable: bool,
        described: &[Described],
    ) -> Result<Self> {
        let audio: Vec<_> =
            reader.tracks().iter().filter(|t| t.track_type() == Some(TrackType::Audio)).collect();
        let of = |track: &symphonia::core::formats::Track| described.iter().find(|d| d.track_id == track.id);
        let mut tracks: Vec<Track> = audio.iter().zip(1..).map(|(track, n)| describe(track, n)).collect();
        for (track, told) in audio.iter().zip(&mut tracks) {
            if let Some(Described { pcm: Ok(pcm), .. }) = of(track) {
                told.channels = pcm.channels as usize;
                told.codec = pcm.coding.codec(pcm.big_endian).map_or("?", short_name);
            }
        }
        let chosen = match number {
            0 => audio.iter().position(|track| track.flags.contains(TrackFlags::DEFAULT)).unwrap_or(0),
            n if n >= 1 && n as usize <= audio.len() => n as usize - 1,
            n if audio.is_empty() => {
                return Err(unreadable(path, &format!("has no audio track (track {n} asked for)")));
            }
            n => fail!(InvalidArgument, "'{}' has no audio track {n}, only {}", path.display(), audio.len()),
        };
        let Some(track) = audio.get(chosen) else {
            return Err(unreadable(path, "has no audio track that is read"));
        };
        let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
            return Err(unreadable(path, "does not say how its sound is coded"));
        };
        let format = reader.format_info();
        let is_iso = format.format == FORMAT_ID_ISOMP4;
        let mut parameters = parameters.clone();
        let mut rate = None;
        if is_iso && is_pcm(parameters.codec) {
            let clock = track.time_base.map_or(0, |base| base.denom.get());
            rate = correct(&mut parameters, of(track), clock).map_err(|reason| unreadable(path, &reason))?;
        }
        let (decoder, sample_rate_hz, channels) = decoder_of(path, &parameters, &tracks[chosen])?;
        let exact =
            track.time_base.is_some_and(|base| Some(base) == TimeBase::try_from_recip(sample_rate_hz));
        Ok(Self {
            decoder,
            places: if exact && format.format != FORMAT_ID_MKV { Places::Stated } else { Places::Counted },
            id: track.id,
            number: chosen as i32 + 1,
            tracks,
            container: format.short_name,
            rate: rate.unwrap_or(sample_rate_hz.into()),
            sample_rate_hz,
            channels,
            pcm: None,
            seekable,
            first: None,
            counted: 0,
            landmarks: Vec::new(),
            sought: None,
            flac_frame: 0,
            reader,
        })
    }

    /// The name of the codec.
    pub fn codec(&self) -> &'static str {
        self.decoder.codec_info().short_name
    }

    /// The track as the demuxer knows it.
    pub(super) fn track(&self) -> Option<&symphonia::core::formats::Track> {
        self.reader.tracks().iter().find(|track| track.id == self.id)
    }

    /// Whether the container is of the MP4 and QuickTime family.
    pub fn is_iso(&self) -> bool {
        self.reader.format_info().format == FORMAT_ID_ISOMP4
    }

    /// Whether the container is Matroska or WebM.
    pub fn is_matroska(&self) -> bool {
        self.reader.format_info().format == FORMAT_ID_MKV
    }

    /// Whether packets state their frame, so that the demuxer's counts are frames.
    pub fn states_frames(&self) -> bool {
        self.places == Places::Stated
    }

    /// Time stamp of the first packet in seconds, which stays to be decoded.
    pub fn first_packet_seconds(&mut self) -> std::result::Result<f64, String> {
        let packet = self.next_packet()?;
        let base = self.track().and_then(|track| track.time_base).unwrap_or_default();
        let ticks = packet.as_ref().map_or(0, |packet| packet.pts.get());
        self.first = packet;
        Ok(ticks as f64 * base.numer.get() as f64 / base.denom.get() as f64)
    }

    /// Frames that must be decoded ahead of one so that it comes out as if all had been: what the codec's
    /// overlap reaches back, and for MPEG its bit reservoir of up to 511 bytes, frames of 24 bytes at the least.
    pub fn preroll_frames(&self) -> i64 {
        match self.codec() {
            "mp1" | "mp2" | "mp3" => 32 * 1152,
            "aac" => 4 * 1024,
            "vorbis" => 2 * 8192,
            _ => 0,
        }
    }

    /// The place of the first frame that all its packets stand for, and how many there are.
    pub fn extent(mut self) -> std::result::Result<(i64, u64), String> {
        let mut extent: Option<(i64, u64)> = None;
        while let Some(packet) = self.next_packet()? {
            let begin = packet.pts.get().saturating_add_unsigned(packet.trim_start.get());
            let (begin, frames) = extent.unwrap_or((begin, 0));
            extent = Some((begin, frames.saturating_add(packet.dur.get())));
        }
        Ok(extent.unwrap_or_default())
    }

    /// Decodes the next packet of the track into `samples` (interleaved); `None` at the end.
    pub fn next_block(&mut self, samples: &mut Vec<f32>) -> std::result::Result<Option<Block>, String> {
        samples.clear();
        let Some(packet) = self.next_packet()? else { return Ok(None) };
        if self.reader.format_info().format == FORMAT_ID_FLAC {
            let at = packet.pts.get();
            if std::mem::replace(&mut self.flac_frame, at) > at {
                return Err("several FLAC streams stand in a row, of which only the first is read".into());
            }
        }
        let decoder = &mut self.decoder;
        let (rate, channels) = (self.sample_rate_hz, self.channels);
        let decoded = sheltered(|| {
            let buffer = decoder.decode(&packet)?;
            if buffer.spec().rate() != rate || buffer.spec().channels().count() != channels {
                return Err(Fault::DecodeError("its rate or number of channels changes"));
            }
            buffer.copy_to_vec_interleaved(samples);
            Ok(())
        });
        let mut fault = None;
        let mut frames = samples.len() / channels;
        match decoded {
            Ok(()) => {}
            Err(Fault::DecodeError(reason)) if self.states_frames() => {
                samples.clear();
                fault = Some(reason.to_string());
                frames = packet.dur.get() as usize;
            }
            Err(other) => return Err(other.to_string()),
        }
        if self.states_frames() && self.is_iso() {
            // The last packet of a track states a shorter duration than it decodes to.
            frames = frames.min(packet.dur.get() as usize);
            samples.truncate(frames * channels);
        }
        if self.states_frames() {
            return Ok(Some(Block { first: packet.pts.get(), fault, frames }));
        }
        if let Some((_, after)) = self.sought.take() {
            // Its own samples lack what the packet before it would add.
            samples.clear();
            self.counted = after;
            return Ok(Some(Block { first: after, fault, frames: 0 }));
        }
        let first = self.counted;
        self.counted += frames as i64;
        self.note_landmark(packet.pts.get());
        Ok(Some(Block { first, fault, frames }))
    }

    /// Remembers a packet, after which `counted` frames are decoded, every two seconds.
    fn note_landmark(&mut self, stamp: i64) {
        let spacing = 2 * self.sample_rate_hz as i64;
        let is_new = |&(at, after): &(i64, i64)| stamp > at && self.counted >= after.saturating_add(spacing);
        if self.landmarks.last().is_none_or(is_new) {
            self.landmarks.push((stamp, self.counted));
        }
    }

    fn next_packet(&mut self) -> std::result::Result<Option<Packet>, String> {
        if let Some(packet) = self.first.take() {
            return Ok(Some(packet));
        }
        loop {
            let reader = &mut self.reader;
            match sheltered(|| reader.next_packet()) {
                Ok(Some(packet)) if packet.track_id != self.id => {}
                Ok(Some(packet)) => match self.sought {
                    Some((stamp, _)) if packet.pts.get() < stamp => {}
                    Some((stamp, _)) if packet.pts.get() > stamp => return Err("a packet is gone".into()),
                    _ => return Ok(Some(packet)),
                },
                Ok(None) => return Ok(None),
                Err(Fault::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Ok(None);
                }
                Err(Fault::ResetRequired) => return Err("it consists of several streams in a row".into()),
                Err(fault) => return Err(fault.to_string()),
            }
        }
    }

    /// Takes over the places to go back to that `other` has found in the same track.
    pub fn inherit(&mut self, other: &mut Self) {
        self.landmarks = std::mem::take(&mut other.landmarks);
    }

    /// Goes to a packet at or before frame `target` of the track, so that frames from there on come out as
    /// if all had been decoded. False if that cannot be done, which leaves no defined place.
    pub fn seek(&mut self, target: i64) -> bool {
        let from = target - self.preroll_frames();
        let to = match self.places {
            Places::Stated => from,
            Places::Counted => {
                let index = self.landmarks.partition_point(|&(_, after)| after <= from);
                let Some(&landmark) = self.landmarks[..index].last() else { return false };
                self.sought = Some(landmark);
                landmark.0
            }
        };
        // The demuxer takes the size of a block for that of a frame.
        if self.codec().starts_with("adpcm") && self.pcm.is_none() {
            return false;
        }
        let to = SeekTo::Timestamp { ts: Timestamp::new(to), track_id: self.id };
        let (reader, decoder) = (&mut self.reader, &mut self.decoder);
        self.first = None;
        self.flac_frame = 0;
        let sought = sheltered(|| {
            reader.seek(SeekMode::Accurate, to)?;
            decoder.reset();
            Ok(())
        });
        // Demuxers promise a packet at or before the time asked for, and do not always keep it.
        let packet = self.next_packet().ok().flatten();
        let kept = packet.as_ref().is_some_and(|packet| self.sought.is_some() || packet.pts.get() <= from);
        self.first = packet;
        sought.is_ok() && kept
    }
}

/// What is told of a failure in front of the sound.
fn of_failure(path: &Path, failure: Failure) -> Error {
    match failure {
        Failure::Io(error) if error.raw_os_error().is_some() => inaccessible(path, "cannot be read", &error),
        Failure::Io(_) => unreadable(path, "ends before any sound, or is no sound file"),
        Failure::Refused(reason) => unreadable(path, &reason),
    }
}

fn short_name(codec: AudioCodecId) -> &'static str {
    symphonia::default::get_codecs()
        .get_audio_decoder(codec)
        .map_or("?", |decoder| decoder.codec.info.short_name)
}

fn is_pcm(codec: AudioCodecId) -> bool {
    short_name(codec).starts_with("pcm_")
}

/// Corrects what the demuxer of MP4 and QuickTime files says of uncompressed sound, and gives the exact rate where it
/// is no whole number. `clock` is the number of ticks in a second.
fn correct(
    parameters: &mut AudioCodecParameters,
    described: Option<&Described>,
    clock: u32,
) -> std::result::Result<Option<Rate>, String> {
    let refused = |reason: &str| Err(format!("has sound of a kind that is not surely understood ({reason})"));
    let Some(described) = described else {
        // In a pipe. The demuxer does not tell the byte order of all the others.
        return match parameters.codec {
            CODEC_ID_PCM_U8 | CODEC_ID_PCM_S16LE | CODEC_ID_PCM_S16BE => Ok(None),
            codec => {
                refused(&format!("{}, whose byte order a pipe does not tell in time", short_name(codec)))
            }
        };
    };
    let pcm = match &described.pcm {
        Ok(pcm) => pcm,
        Err(reason) => return refused(reason),
    };
    let Some(codec) = pcm.coding.codec(pcm.big_endian) else { return refused(&format!("{:?}", pcm.coding)) };
    parameters.for_codec(codec).with_channels(Channels::Discrete(pcm.channels));
    (parameters.bits_per_sample, parameters.bits_per_coded_sample) = (None, None);
    if pcm.rate_hz == 0.0 {
        parameters.with_sample_rate(clock);
    }
    Ok(Rate::nearest(pcm.rate_hz).filter(|rate| rate.fraction().1 > 1))
}

fn describe(track: &symphonia::core::formats::Track, number: i32) -> Track {
    let parameters = match &track.codec_params {
        Some(CodecParameters::Audio(parameters)) => Some(parameters),
        _ => None,
    };
    let known = parameters.and_then(|p| symphonia::default::get_codecs().get_audio_decoder(p.codec));
    Track {
        number,
        codec: known.map_or("?", |decoder| decoder.codec.info.short_name),
        sample_rate_hz: parameters.and_then(|p| p.sample_rate).unwrap_or(0),
        channels: parameters.and_then(|p| p.channels.as_ref()).map_or(0, |channels| channels.count()),
        language: track.language.clone(),
    }
}

/// Names of codecs that users meet and that there is no decoder for.
fn name_of(codec: AudioCodecId) -> &'static str {
    match codec {
        CODEC_ID_OPUS => "Opus",
        CODEC_ID_AC3 => "AC-3",
        CODEC_ID_EAC3 => "E-AC-3",
        CODEC_ID_DCA => "DTS",
        CODEC_ID_TRUEHD => "TrueHD",
        CODEC_ID_WMA => "WMA",
        CODEC_ID_SPEEX => "Speex",
        _ => "of an unknown codec",
    }
}

/// The decoder of a track, with the rate and the channels that it gives.
fn decoder_of(
    path: &Path,
    parameters: &AudioCodecParameters,
    track: &Track,
) -> Result<(Box<dyn AudioDecoder>, u32, usize)> {
    // Before the decoder, which makes room for as many channels as the header states.
    if track.channels > MAX_CHANNELS {
        return Err(unreadable(path, &format!("has {} channels, more than {MAX_CHANNELS}", track.channels)));
    }
    // Priming and padding are for the timeline to remove, except where only the decoder knows them: what comes
    // out of Vorbis before two blocks have met is nothing.
    let options = AudioDecoderOptions::default().gapless(parameters.codec == CODEC_ID_VORBIS);
    let decoder = sheltered(|| symphonia::default::get_codecs().make_audio_decoder(parameters, &options))
        .map_err(|fault| {
            let codec = if track.codec == "?" { name_of(parameters.codec) } else { track.codec };
            let what =
                format!("its sound ({codec}, {} channels) is of a kind that is not read", track.channels);
            unreadable(path, &format!("{what} ({fault})"))
        })?;
    let spec = decoder.codec_params();
    let rate = spec.sample_rate.or(parameters.sample_rate).unwrap_or(0);
    let channels = spec.channels.as_ref().or(parameters.channels.as_ref()).map_or(0, |c| c.count());
    if !RATES_HZ.contains(&rate) || !(1..=MAX_CHANNELS).contains(&channels) {
        return Err(unreadable(path, &format!("states a sample rate of {rate} Hz and {channels} channels")));
    }
    Ok((decoder, rate, channels))
}

/// Runs a piece of the demuxer or the decoder. They are written not to panic; should one do so over a hostile
/// file, that file is damaged, and the program goes on.
pub(super) fn sheltered<T>(
    work: impl FnOnce() -> symphonia::core::errors::Result<T>,
) -> symphonia::core::errors::Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or(Err(Fault::DecodeError("it is damaged in a way that its decoder cannot cope with")))
}

/// A file, a part of it, or a pipe, of which some bytes are read as others.
pub struct Source {
    file: File,
    /// Where it begins in the file.
    begin: u64,
    /// Its length; `None` for a pipe.
    length: Option<u64>,
    /// Bytes from `begin` on that come next.
    position: u64,
    /// The begin of a pipe, which was looked at and not yet read.
    head: Vec<u8>,
    patches: Vec<Patch>,
}

impl Source {
    /// All of a file, or of a pipe.
    pub fn open(path: &Path) -> Result<Self> {
        let cannot = |error: io::Error| inaccessible(path, "cannot be opened", &error);
        let file = File::open(path).map_err(cannot)?;
        let meta = file.metadata().map_err(cannot)?;
        if meta.is_dir() {
            fail!(FileFormat, "'{}' is a folder, not a sound file", path.display());
        }
        let length = meta.is_file().then_some(meta.len());
        Ok(Self { file, begin: 0, length, position: 0, head: Vec::new(), patches: Vec::new() })
    }

    /// Its length in bytes; `None` for a pipe.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Whether it is a file, in which one can go to any place, and no pipe.
    pub fn is_file(&self) -> bool {
        self.length.is_some()
    }

    /// Up to `count` bytes from byte `at` on, which stay to be read. In a pipe only before anything is read.
    pub fn peek(&mut self, at: u64, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if self.length.is_some() {
            let back = self.position;
            self.seek(SeekFrom::Start(at))?;
            self.by_ref().take(count as u64).read_to_end(&mut bytes)?;
            self.seek(SeekFrom::Start(back))?;
            return Ok(bytes);
        }
        let missing = (at + count as u64).saturating_sub(self.head.len() as u64);
        (&mut self.file).take(missing).read_to_end(&mut self.head)?;
        let from = self.head.len().min(at as usize);
        bytes.extend_from_slice(&self.head[from..self.head.len().min(from + count)]);
        Ok(bytes)
    }

    /// The part of it that stands at `bytes`, to be read from its begin; a pipe as it is.
    pub fn within(mut self, bytes: &Range<u64>) -> io::Result<Self> {
        if let Some(length) = self.length {
            self.begin = bytes.start;
            self.length = Some(bytes.end.min(length).saturating_sub(bytes.start));
            self.position = 0;
            self.file.seek(SeekFrom::Start(bytes.start))?;
        }
        Ok(self)
    }
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.length.map_or(u64::MAX, |length| length.saturating_sub(self.position));
        let room = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = match self.head.len() {
            0 => self.file.read(&mut out[..room])?,
            held => {
                let count = room.min(held);
                out[..count].copy_from_slice(&self.head[..count]);
                self.head.drain(..count);
                count
            }
        };
        for patch in &self.patches {
            for (at, &byte) in (patch.at..).zip(&patch.bytes) {
                if let Some(place) = at.checked_sub(self.position).filter(|&place| place < count as u64) {
                    out[place as usize] = byte;
                }
            }
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let from = |base: u64, by: i64| base.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput);
        let position = match (to, self.length) {
            (_, None) => return Err(io::ErrorKind::Unsupported.into()),
            (SeekFrom::Start(at), _) => at,
            (SeekFrom::Current(by), _) => from(self.position, by)?,
            (SeekFrom::End(by), Some(length)) => from(length, by)?,
        };
        if position != self.position {
            self.file.seek(SeekFrom::Start(self.begin.saturating_add(position)))?;
        }
        self.position = position;
        Ok(position)
    }
}

impl MediaSource for Source {
    fn is_seekable(&self) -> bool {
        self.length.is_some()
    }

    fn byte_len(&self) -> Option<u64> {
        self.length
    }
}
