//! Where the first frame of a FLAC file (RFC 9639) lies in the stream that it may have been cut out of, and where
//! the last one ends. No byte of the file says so, and what stands behind it, a tag or a line end, is no part of
//! the sound.

use std::io;
use std::ops::Range;

use symphonia::core::codecs::audio::well_known::CODEC_ID_FLAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

use super::media::{Source, sheltered};

/// Bytes at the end that are searched, and those that are if there is no frame in them.
const TAIL_BYTES: [u64; 3] = [64 << 10, 512 << 10, 4 << 20];
/// Places that look like the begin of a frame and are tried.
const MOST_TRIED: usize = 64;
/// The longest header of a frame.
const HEADER_BYTES: usize = 16;

/// The end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The byte behind the last whole frame.
    pub at: u64,
    /// Whether a frame begins there that is not whole.
    pub is_cut: bool,
}

/// The end of the stream whose mark stands at `within.start`; `None` if no frame is found.
pub fn end(source: &mut Source, within: Range<u64>) -> io::Result<Option<End>> {
    let head = source.peek(within.start, 8 + 34)?;
    let Some(format) = Format::of(&head) else { return Ok(None) };
    for length in TAIL_BYTES {
        let length = length.min(within.end - within.start);
        let tail = source.peek(within.end - length, length as usize)?;
        if let Some(end) = format.end_in(&tail) {
            return Ok(Some(End { at: within.end - length + end.at, ..end }));
        }
        if length == within.end - within.start {
            break;
        }
    }
    Ok(None)
}

/// Frame of the stream with which the first FLAC frame begins, which stands right behind the heads; `None` if what
/// stands there is none.
pub fn first_frame(source: &mut Source, begin: u64) -> io::Result<Option<u64>> {
    let Some(format) = Format::of(&source.peek(begin, 8 + 34)?) else { return Ok(None) };
    let mut at = begin + 4;
    loop {
        let head = source.peek(at, 4)?;
        let Some(&[kind, sizes @ ..]) = head.first_chunk::<4>() else { return Ok(None) };
        at += 4 + sizes.iter().fold(0, |size, &byte| size << 8 | byte as u64);
        if kind & 0x80 != 0 {
            break;
        }
    }
    let head = source.peek(at, HEADER_BYTES)?;
    Ok(format.is_header(&head).then(|| format.first_sample(&head)))
}

/// What all frames of a stream have in common.
struct Format {
    block: Range<u32>,
    channels: u8,
    info: [u8; 34],
}

impl Format {
    fn of(head: &[u8]) -> Option<Self> {
        let info: [u8; 34] = *head.strip_prefix(b"fLaC")?.get(4..)?.first_chunk()?;
        let block = |at: usize| u16::from_be_bytes([info[at], info[at + 1]]) as u32;
        Some(Self { block: block(0)..block(2) + 1, channels: (info[12] >> 1 & 7) + 1, info })
    }

    /// The end of the last whole frame in `tail`.
    fn end_in(&self, tail: &[u8]) -> Option<End> {
        let starts = (0..tail.len()).rev().filter(|&at| self.is_header(&tail[at..]));
        let mut decoder = self.decoder()?;
        for at in starts.take(MOST_TRIED) {
            if let Some(bytes) = frame_bytes(&tail[at..], &mut *decoder) {
                let rest = &tail[at + bytes..];
                let is_short = !rest.is_empty() && rest.len() < HEADER_BYTES;
                let begins = |mark: [u8; 2]| rest.starts_with(&mark[..rest.len().min(2)]);
                let is_cut_header = is_short && (begins([0xFF, 0xF8]) || begins([0xFF, 0xF9]));
                return Some(End { at: (at + bytes) as u64, is_cut: is_cut_header || self.is_header(rest) });
            }
        }
        None
    }

    /// Whether `bytes` begin with a header that a frame of this stream can have.
    fn is_header(&self, bytes: &[u8]) -> bool {
        let Some(&[0xFF, second, sizes, form, number, ..]) = bytes.get(..HEADER_BYTES.min(bytes.len()))
        else {
            return false;
        };
        // The number is coded as UTF-8 codes letters.
        let number_bytes = match number.leading_ones() {
            0 => 1,
            ones @ 2..=7 => ones as usize,
            _ => return false,
        };
        let size_bytes = match sizes >> 4 {
            6 => 1,
            7 => 2,
            _ => 0,
        };
        let rate_bytes = match sizes & 15 {
            12 => 1,
            13 | 14 => 2,
            _ => 0,
        };
        let length = 4 + number_bytes + size_bytes + rate_bytes;
        let channels = if form >> 4 < 8 { (form >> 4) + 1 } else { 2 };
        let is_valid = second & 0xFE == 0xF8 && sizes >> 4 != 0 && sizes & 15 != 15 && form & 1 == 0;
        let is_fixed = self.block.start + 1 == self.block.end;
        is_valid
            && form >> 4 < 11
            && channels == self.channels
            && (second & 1 == 0) == is_fixed
            && bytes.get(length).is_some_and(|&sum| sum == crc8(&bytes[..length]))
    }

    /// The number of the first sample of the frame with this valid header.
    fn first_sample(&self, header: &[u8]) -> u64 {
        let ones = header[4].leading_ones();
        let first = if ones == 0 { header[4] as u64 } else { (header[4] & (0x7F_u8 >> ones)) as u64 };
        let rest = header[5..].iter().take(ones.saturating_sub(1) as usize);
        let number = rest.fold(first, |number, &byte| number << 6 | (byte & 0x3F) as u64);
        if header[1] & 1 == 0 { number * self.block.start as u64 } else { number }
    }

    fn decoder(&self) -> Option<Box<dyn AudioDecoder>> {
        let mut parameters = AudioCodecParameters::new();
        parameters.for_codec(CODEC_ID_FLAC).with_extra_data(Box::from(&self.info[..]));
        let options = AudioDecoderOptions::default();
        sheltered(|| symphonia::default::get_codecs().make_audio_decoder(&parameters, &options)).ok()
    }
}

/// Bytes of the frame that `bytes` begin with: its checksum is right there, and no less of it can be decoded.
fn frame_bytes(bytes: &[u8], decoder: &mut dyn AudioDecoder) -> Option<usize> {
    let mut crc = 0u16;
    for (at, &byte) in bytes.iter().enumerate() {
        crc = crc << 8 ^ CRC16[(crc >> 8 ^ byte as u16) as usize];
        if crc == 0 && at >= HEADER_BYTES / 2 {
            let data = bytes[..=at].to_vec();
            let packet = Packet::new(0, Timestamp::ZERO, Duration::ZERO, data);
            if sheltered(|| decoder.decode(&packet).map(|_| ())).is_ok() {
                return Some(at + 1);
            }
        }
    }
    None
}

/// CRC-16 of a byte with the polynomial x^16 + x^15 + x^2 + 1, most significant bit first.
const CRC16: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { crc << 1 ^ 0x8005 } else { crc << 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// CRC-8 with the polynomial x^8 + x^2 + x + 1.
fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ byte, |crc: u8, _| if crc & 0x80 != 0 { crc << 1 ^ 0x07 } else { crc << 1 })
    })
}
