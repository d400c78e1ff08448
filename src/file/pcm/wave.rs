//! WAV files: RIFF, RIFX with the most significant byte first, and RF64 (EBU Tech 3306) and BW64 (ITU-R BS.2088) with
//! sizes above 4 GiB.

use symphonia::core::io::MediaSourceStream;

use super::chunks::{Body, Chunk, Chunks};
use super::{Coding, Failure, Layout, Result, byte_len, refused};
use crate::rate::Rate;

/// What holds the chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Riff,
    /// RIFX.
    BigEndian,
    /// RF64 and BW64.
    Large,
}

const PCM: u16 = 1;
const MS_ADPCM: u16 = 2;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
const IMA_ADPCM: u16 = 0x11;
const EXTENSIBLE: u16 = 0xFFFE;

/// What stands behind the format in the GUID of WAVE_FORMAT_EXTENSIBLE: that of Microsoft, and that of ambisonic sound.
const SUBTYPES: [(u16, u16, [u8; 8]); 2] = [
    (0x0000, 0x0010, [0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]),
    (0x0721, 0x11D3, [0x86, 0x44, 0xC8, 0xC1, 0xCA, 0, 0, 0]),
];

/// Sizes that writers put down who do not know the length, with some room for a whole number of blocks below:
/// 0x7FFFF000 (SoX, eSpeak), 0x7FFFFFFF, 0x80000000 (arecord), 0xFFFFFFFF (ffmpeg, LAME).
const UNKNOWN: [std::ops::RangeInclusive<u32>; 2] = [0x7FFF_E000..=0x8000_0000, 0xFFFF_E000..=0xFFFF_FFFF];

/// No file is larger: 64 PiB.
const MOST_BYTES: u64 = 1 << 56;

/// A size in the chunk whose real value is in the ds64 chunk.
const IN_DS64: u32 = u32::MAX;

/// Reads up to the samples. The first chunk stands at byte `at`.
pub fn read(stream: &mut MediaSourceStream<'static>, form: Form, at: u64) -> Result<Layout> {
    let mut chunks = Chunks::new(stream, form == Form::BigEndian, at);
    let (mut format, mut ds64) = (None, None);
    loop {
        let Some(chunk) = chunks.next()? else {
            return Err(Failure::Io(std::io::ErrorKind::UnexpectedEof.into()));
        };
        let mut size = chunk.size as u64;
        match &chunk.id {
            b"fmt " => format = Some(Format::read(&chunks.body(chunk)?)?),
            b"ds64" if form == Form::Large && ds64.is_none() => {
                ds64 = Some(chunks.body::<24>(chunk)?.u64(8)?)
            }
            b"data" => {
                let Some(format) = format else { return refused("has samples before it says what they are") };
                return format.layout(&mut chunks, chunk, ds64);
            }
            _ => {}
        }
        if form == Form::Large && chunk.size == IN_DS64 {
            size = large_size(&mut chunks, at, &chunk.id)?;
        }
        chunks.leave(chunk, size)?;
    }
}

/// The size of a chunk other than the samples, from the table of the ds64 chunk, which stands first.
fn large_size(chunks: &mut Chunks, at: u64, id: &[u8; 4]) -> Result<u64> {
    const ENTRIES: usize = 16;
    let head = Chunk { id: *b"ds64", size: u32::MAX, begin: at + 8 };
    let table = chunks.body::<{ 28 + 12 * ENTRIES }>(head)?;
    for entry in 0..ENTRIES.min(table.u32(24)? as usize) {
        if table.bytes::<4>(28 + 12 * entry)? == *id {
            return table.u64(32 + 12 * entry);
        }
    }
    refused(format!("has a chunk '{}' of unknown size", id.escape_ascii()))
}

/// What the fmt chunk says.
struct Format {
    coding: Coding,
    channels: u16,
    rate: Rate,
}

impl Format {
    /// Whatever its length is: what stands behind the fields that are known is no matter.
    fn read(body: &Body<40>) -> Result<Self> {
        let (stated, channels, rate) = (body.u16(0)?, body.u16(2)?, body.u32(4)?);
        let (block, bits) = (body.u16(12)?, body.u16(14)?);
        let tag = if stated == EXTENSIBLE { subtype(body)? } else { stated };
        if channels == 0 {
            return refused("has no channels");
        }
        let coding = match tag {
            // What counts is the container: how many of its bits are valid is no matter, as they are the upper ones.
            PCM => {
                let bytes = bits.div_ceil(8);
                if stated == PCM && Self::contradicts(body, channels, bytes)? {
                    return refused(format!(
                        "states {bits} bits in {} bytes of {channels} channels, which contradict each other",
                        block
                    ));
                }
                if !(1..=4).contains(&bytes) {
                    return refused(kind(tag, bits, channels));
                }
                Coding::Int { bytes, unsigned: bytes == 1 }
            }
            FLOAT if bits == 32 || bits == 64 => Coding::Float { bytes: bits / 8 },
            A_LAW => Coding::ALaw,
            MU_LAW => Coding::MuLaw,
            MS_ADPCM if bits == 4 && channels <= 2 && block > 7 * channels => Coding::MsAdpcm(block),
            IMA_ADPCM if bits == 4 && channels <= 2 && block > 4 * channels => Coding::ImaAdpcm(block),
            _ => return refused(kind(tag, bits, channels)),
        };
        let Some(rate) = Rate::nearest(rate as f64) else {
            return refused(format!("states a sample rate of {rate} Hz and {channels} channels"));
        };
        Ok(Self { coding, channels, rate })
    }

    /// Whether both the size of a frame and the bytes of a second say that a sample has a larger container than its
    /// bits need. Others read such files as if they did not, and nothing tells who is right. A size of a frame that
    /// fits nothing else is no matter.
    fn contradicts(body: &Body<40>, channels: u16, bytes: u16) -> Result<bool> {
        let (rate, second, block) = (body.u32(4)?, body.u32(8)?, body.u16(12)?);
        let larger = block % channels == 0 && (bytes + 1..=4).contains(&(block / channels));
        Ok(larger && rate.checked_mul(block as u32) == Some(second))
    }

    fn layout(self, chunks: &mut Chunks, data: Chunk, ds64: Option<u64>) -> Result<Layout> {
        let rest = byte_len(chunks.stream).map(|length| length.saturating_sub(data.begin));
        let stated = match ds64 {
            Some(u64::MAX) if data.size == IN_DS64 => 0,
            Some(size) if data.size == IN_DS64 || data.size == 0 => size.min(MOST_BYTES),
            _ => data.size as u64,
        };
        let beyond = rest.is_none_or(|rest| stated > rest);
        let unknown = match stated {
            0 => rest != Some(0) && !chunks.is_chunk(data.begin)?,
            size => beyond && u32::try_from(size).is_ok_and(|size| UNKNOWN.iter().any(|r| r.contains(&size))),
        };
        Ok(Layout {
            container: "wave",
            coding: self.coding,
            big_endian: chunks.big_endian,
            channels: self.channels,
            rate: self.rate,
            begin: data.begin,
            bytes: if unknown { rest } else { Some(stated) },
            to_end_of_file: unknown,
        })
    }
}

/// The format that the GUID of WAVE_FORMAT_EXTENSIBLE stands for.
fn subtype(body: &Body<40>) -> Result<u16> {
    let (tag, rest) = (body.u32(24)?, (body.u16(28)?, body.u16(30)?, body.bytes(32)?));
    match u16::try_from(tag) {
        Ok(tag) if SUBTYPES.contains(&rest) => Ok(tag),
        _ => refused(format!("has sound of a kind that is not read (WAVE subtype {tag:#010x})")),
    }
}

/// What is said of samples that are not read.
fn kind(tag: u16, bits: u16, channels: u16) -> String {
    let name = match tag {
        PCM => "PCM",
        FLOAT => "float",
        MS_ADPCM | IMA_ADPCM => "ADPCM",
        0x50 | 0x55 => "MPEG audio",
        0x31 => "GSM 6.10",
        0x160..=0x163 => "WMA",
        0xFF | 0x1600..=0x1610 => "AAC",
        0x2000 => "AC-3",
        0x2001 => "DTS",
        _ => "unknown",
    };
    format!(
        "has sound of a kind that is not read (WAVE format {tag:#06x}, {name}, {bits} bits, {channels} channels)"
    )
}
