//! Files of uncompressed sound: WAV with RF64, BW64 and RIFX, AIFF and AIFC.
//!
//! One reader for all of them: [`wave`] and [`aiff`] find out from the chunks ([`chunks`]) how the samples are stored,
//! which is a [`Layout`], and [`reader`] makes packets of them. The sizes of a sample's container and of what is
//! valid in it are two things; samples stand at the upper end of the container, so that its size alone tells the scale.

mod aiff;
mod chunks;
mod reader;
mod wave;

use std::io;

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known::*;
use symphonia::core::io::{MediaSourceStream, ReadBytes, SeekBuffered};

use crate::rate::Rate;
pub use reader::PcmReader;

/// Why a file cannot be read.
#[derive(Debug)]
pub enum Failure {
    /// The system does not let it be read, or it ends too early.
    Io(io::Error),
    /// What it says cannot be used.
    Refused(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

type Result<T> = std::result::Result<T, Failure>;

fn refused<T>(reason: impl Into<String>) -> Result<T> {
    Err(Failure::Refused(reason.into()))
}

/// How a sample is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// A whole number in a container of 1 to 4 bytes.
    Int {
        /// Of the container.
        bytes: u16,
        /// Silence is half of full scale, as in WAV files of one byte.
        unsigned: bool,
    },
    /// IEEE 754 in 4 or 8 bytes.
    Float {
        /// Of the container.
        bytes: u16,
    },
    /// ITU-T G.711.
    ALaw,
    /// ITU-T G.711.
    MuLaw,
    /// Blocks of so many bytes.
    MsAdpcm(u16),
    /// Blocks of so many bytes.
    ImaAdpcm(u16),
}

/// What a file says of its samples.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Short name of the container.
    pub container: &'static str,
    /// How a sample is stored.
    pub coding: Coding,
    /// Whether the most significant byte comes first.
    pub big_endian: bool,
    /// Number of channels.
    pub channels: u16,
    /// Exact rate.
    pub rate: Rate,
    /// First byte of the samples.
    pub begin: u64,
    /// Bytes of samples; `None` for all that comes out of a pipe.
    pub bytes: Option<u64>,
    /// The file states no length: `bytes` are all up to its end.
    pub to_end_of_file: bool,
}

impl Coding {
    /// Bytes of a sample; 0 where several make a block.
    pub fn bytes(self) -> usize {
        match self {
            Coding::Int { bytes, .. } | Coding::Float { bytes } => bytes as usize,
            Coding::ALaw | Coding::MuLaw => 1,
            Coding::MsAdpcm(_) | Coding::ImaAdpcm(_) => 0,
        }
    }

    /// The codec that reads it; `None` where there is none.
    pub fn codec(self, big_endian: bool) -> Option<AudioCodecId> {
        Some(match (self, big_endian) {
            (Coding::Int { bytes: 1, unsigned: true }, _) => CODEC_ID_PCM_U8,
            (Coding::Int { bytes: 1, unsigned: false }, _) => CODEC_ID_PCM_S8,
            (Coding::Int { bytes: 2, .. }, false) => CODEC_ID_PCM_S16LE,
            (Coding::Int { bytes: 2, .. }, true) => CODEC_ID_PCM_S16BE,
            (Coding::Int { bytes: 3, .. }, false) => CODEC_ID_PCM_S24LE,
            (Coding::Int { bytes: 3, .. }, true) => CODEC_ID_PCM_S24BE,
            (Coding::Int { bytes: 4, .. }, false) => CODEC_ID_PCM_S32LE,
            (Coding::Int { bytes: 4, .. }, true) => CODEC_ID_PCM_S32BE,
            (Coding::Float { bytes: 4 }, false) => CODEC_ID_PCM_F32LE,
            (Coding::Float { bytes: 4 }, true) => CODEC_ID_PCM_F32BE,
            (Coding::Float { bytes: 8 }, false) => CODEC_ID_PCM_F64LE,
            (Coding::Float { bytes: 8 }, true) => CODEC_ID_PCM_F64BE,
            (Coding::ALaw, _) => CODEC_ID_PCM_ALAW,
            (Coding::MuLaw, _) => CODEC_ID_PCM_MULAW,
            (Coding::MsAdpcm(_), _) => CODEC_ID_ADPCM_MS,
            (Coding::ImaAdpcm(_), _) => CODEC_ID_ADPCM_IMA_WAV,
            (Coding::Int { .. } | Coding::Float { .. }, _) => return None,
        })
    }
}

impl Layout {
    /// Bytes and frames of the least that can be decoded.
    pub fn block(&self) -> (u64, u64) {
        let channels = self.channels as u64;
        // After the first samples of a block, 4 bits each.
        let adpcm = |block: u16, head: u64, first: u64| {
            let rest = (block as u64).saturating_sub(head * channels);
            (block as u64, rest * 2 / channels + first)
        };
        match self.coding {
            Coding::Int { bytes, .. } | Coding::Float { bytes } => (bytes as u64 * channels, 1),
            Coding::ALaw | Coding::MuLaw => (channels, 1),
            Coding::MsAdpcm(block) => adpcm(block, 7, 2),
            Coding::ImaAdpcm(block) => adpcm(block, 4, 1),
        }
    }

    /// Number of frames, but for a pipe of unknown length.
    pub fn frames(&self) -> Option<u64> {
        let (bytes, frames) = self.block();
        Some((self.bytes? / bytes).saturating_mul(frames))
    }

    /// Whether which frames of the last block belong to the sound is not said.
    pub fn is_adpcm(&self) -> bool {
        matches!(self.coding, Coding::MsAdpcm(_) | Coding::ImaAdpcm(_))
    }
}

/// What a source turned out to be.
pub enum Opened {
    /// A file of uncompressed sound.
    Pcm(Box<PcmReader>),
    /// Something else, from its first byte on.
    Other(MediaSourceStream<'static>),
}

/// Looks whether a source is a file of uncompressed sound, and opens it.
pub fn open(mut stream: MediaSourceStream<'static>) -> Result<Opened> {
    let start = skip_id3(&mut stream)?;
    let mut head = [0; 12];
    let got = fill(&mut stream, &mut head)?;
    if let Some(kind) = Kind::of(&head[..got]) {
        let layout = match kind {
            Kind::Wave(form) => wave::read(&mut stream, form, start + 12)?,
            Kind::Aiff { compressed } => aiff::read(&mut stream, compressed, start + 12)?,
        };
        return Ok(Opened::Pcm(Box::new(PcmReader::new(stream, layout)?)));
    }
    go_to(&mut stream, 0)?;
    Ok(Opened::Other(stream))
}

enum Kind {
    Wave(wave::Form),
    Aiff { compressed: bool },
}

impl Kind {
    fn of(head: &[u8]) -> Option<Self> {
        let (group, kind) = (head.first_chunk::<4>()?, head.last_chunk::<4>().filter(|_| head.len() == 12)?);
        Some(match (group, kind) {
            (b"RIFF", b"WAVE") => Self::Wave(wave::Form::Riff),
            (b"RIFX", b"WAVE") => Self::Wave(wave::Form::BigEndian),
            (b"RF64" | b"BW64", b"WAVE") => Self::Wave(wave::Form::Large),
            (b"FORM", b"AIFF") => Self::Aiff { compressed: false },
            (b"FORM", b"AIFC") => Self::Aiff { compressed: true },
            _ => return None,
        })
    }
}

/// Steps over an ID3v2 tag in front of a file (id3.org, ID3v2.4.0, 3.1), and tells where it ends. Only over a short
/// one: a pipe cannot go back further.
fn skip_id3(stream: &mut MediaSourceStream) -> Result<u64> {
    let mut head = [0; 10];
    stream.ensure_seekback_buffer(64);
    let got = fill(stream, &mut head)?;
    let is_tag = got == 10 && head.starts_with(b"ID3") && head[6..].iter().all(|&byte| byte < 0x80);
    let size = head[6..].iter().fold(10, |size, &byte| size << 7 | byte as u64) & 0x0FFF_FFFF;
    let start = if is_tag && is_seekable(stream) { 10 + size } else { 0 };
    go_to(stream, start)?;
    Ok(start)
}

fn is_seekable(stream: &MediaSourceStream) -> bool {
    use symphonia::core::io::MediaSource;
    stream.is_seekable()
}

fn byte_len(stream: &MediaSourceStream) -> Option<u64> {
    use symphonia::core::io::MediaSource;
    stream.byte_len()
}

/// Reads as many bytes as there are and fit.
fn fill(stream: &mut MediaSourceStream, out: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < out.len() {
        match io::Read::read(stream, &mut out[done..]) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Makes `target` the byte that is read next. A pipe goes back by a few bytes, and forward by reading.
fn go_to(stream: &mut MediaSourceStream, target: u64) -> io::Result<()> {
    if target > i64::MAX as u64 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if stream.seek_buffered(target) == target {
        return Ok(());
    }
    if is_seekable(stream) {
        return io::Seek::seek(stream, io::SeekFrom::Start(target)).map(|_| ());
    }
    match target.checked_sub(stream.pos()) {
        Some(ahead) => stream.ignore_bytes(ahead),
        None => Err(io::ErrorKind::Unsupported.into()),
    }
}
