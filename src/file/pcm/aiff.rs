//! AIFF and AIFC files (Apple, 1989 and 1991).

use symphonia::core::io::MediaSourceStream;

use super::chunks::{Body, Chunk, Chunks};
use super::{Coding, Failure, Layout, Result, byte_len, is_seekable, refused};
use crate::rate::Rate;

/// Bytes of offset and block size in front of the samples.
const SSND_HEAD: u64 = 8;

/// Reads up to the samples. The first chunk stands at byte `at`.
pub fn read(stream: &mut MediaSourceStream<'static>, compressed: bool, at: u64) -> Result<Layout> {
    let mut chunks = Chunks::new(stream, true, at);
    let (mut common, mut sound) = (None, None);
    loop {
        if let (Some(common), Some(sound)) = (&common, sound) {
            return Common::layout(common, &mut chunks, sound);
        }
        let Some(chunk) = chunks.next()? else { break };
        match &chunk.id {
            b"COMM" if common.is_none() => common = Some(Common::read(&chunks.body(chunk)?, compressed)?),
            b"SSND" if sound.is_none() => {
                sound = Some(chunk);
                if common.is_none() && !is_seekable(chunks.stream) {
                    return refused(
                        "has samples before it says what they are, which a pipe cannot go back to",
                    );
                }
            }
            _ => {}
        }
        if common.is_none() || sound.is_none() {
            chunks.leave(chunk, chunk.size as u64)?;
        }
    }
    match common {
        Some(common) if common.frames == 0 => refused("holds no samples"),
        _ => Err(Failure::Io(std::io::ErrorKind::UnexpectedEof.into())),
    }
}

/// What the COMM chunk says.
struct Common {
    coding: Coding,
    big_endian: bool,
    channels: u16,
    frames: u32,
    rate: Rate,
}

impl Common {
    fn read(body: &Body<22>, compressed: bool) -> Result<Self> {
        let (channels, frames, bits) = (body.u16(0)?, body.u32(2)?, body.u16(6)?);
        let stated = extended(body.bytes(8)?);
        let kind = if compressed { body.bytes(18)? } else { *b"NONE" };
        if channels == 0 {
            return refused("has no channels");
        }
        let Some(rate) = Rate::nearest(stated) else {
            return refused(format!("states a sample rate of {stated} Hz and {channels} channels"));
        };
        let Some((coding, big_endian)) = coding(&kind, bits) else {
            let kind = kind.escape_ascii();
            return refused(format!(
                "has sound of a kind that is not read (AIFC '{kind}', {bits} bits, {channels} channels)"
            ));
        };
        Ok(Self { coding, big_endian, channels, frames, rate })
    }

    fn layout(&self, chunks: &mut Chunks, sound: Chunk) -> Result<Layout> {
        let head = chunks.body::<8>(sound)?;
        // The block size only says how the samples are aligned on the disk.
        let (offset, _) = (head.u32(0)? as u64, head.u32(4)?);
        let mut layout = Layout {
            container: "aiff",
            coding: self.coding,
            big_endian: self.big_endian,
            channels: self.channels,
            rate: self.rate,
            begin: sound.begin + SSND_HEAD + offset,
            bytes: None,
            to_end_of_file: false,
        };
        let rest = byte_len(chunks.stream).map(|length| length.saturating_sub(layout.begin));
        let chunk = (sound.size as u64).saturating_sub(SSND_HEAD);
        let wanted = self.frames as u64 * layout.block().0;
        // Writers that do not know the length leave it 0 or all ones.
        layout.to_end_of_file = match (sound.size, self.frames) {
            (0 | 8 | u32::MAX, 0 | u32::MAX) => rest != Some(0),
            _ => false,
        };
        layout.bytes = match (sound.size, layout.to_end_of_file) {
            (_, true) => rest,
            (0 | u32::MAX, false) => Some(wanted),
            _ if offset > chunk => {
                return refused(format!("has samples at {offset} in a chunk of {chunk} bytes"));
            }
            _ => Some(chunk - offset),
        };
        Ok(layout)
    }
}

/// How samples of a compression type are stored, and whether the most significant byte comes first.
fn coding(kind: &[u8; 4], bits: u16) -> Option<(Coding, bool)> {
    let int = |bytes: u16, big: bool| Some((Coding::Int { bytes, unsigned: false }, big));
    let stated = (1..=32).contains(&bits).then(|| bits.div_ceil(8));
    match kind {
        b"NONE" | b"none" | b"twos" | b"TWOS" => int(stated?, true),
        b"sowt" | b"SOWT" => int(stated?, false),
        b"in24" | b"IN24" => int(3, true),
        b"in32" | b"IN32" => int(4, true),
        b"42ni" | b"42NI" => int(3, false),
        b"23ni" | b"23NI" => int(4, false),
        b"raw " | b"RAW " if bits <= 8 => Some((Coding::Int { bytes: 1, unsigned: true }, true)),
        b"fl32" | b"FL32" => Some((Coding::Float { bytes: 4 }, true)),
        b"fl64" | b"FL64" => Some((Coding::Float { bytes: 8 }, true)),
        b"alaw" | b"ALAW" => Some((Coding::ALaw, true)),
        b"ulaw" | b"ULAW" => Some((Coding::MuLaw, true)),
        _ => None,
    }
}

/// A number of 80 bits (IEEE 754, extended): sign, exponent, and all 64 bits of the significand.
fn extended(bytes: [u8; 10]) -> f64 {
    let [e1, e0, significand @ ..] = bytes;
    let exponent = u16::from_be_bytes([e1 & 0x7F, e0]) as i32 - 16_383 - 63;
    let value = u64::from_be_bytes(significand) as f64 * 2f64.powi(exponent);
    if e1 & 0x80 != 0 { -value } else { value }
}
