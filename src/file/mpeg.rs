//! Frames of MPEG audio (ISO/IEC 11172-3, 13818-3) and of AAC in ADTS (13818-7), and the tag of an MP3 file that
//! tells what its encoder did (Xing, LAME, VBRI).

/// Bytes that a header is read from.
pub const HEADER_BYTES: usize = 9;
/// What decoders of layer III are late by, and LAME's tag leaves out.
const DECODER_DELAY_FRAMES: u32 = 529;

/// How the frames of a row are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// MPEG audio of this layer.
    Layer(u8),
    /// AAC in ADTS.
    Adts,
}

/// What the header of a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// How it is coded.
    pub coding: Coding,
    /// The bits of the header that are the same in all frames of a row.
    kind: u32,
    /// Rate in hertz.
    pub sample_rate_hz: u32,
    /// Number of channels; 0 where an ADTS header leaves it to the data.
    pub channels: usize,
    /// Bytes of the frame, header and all.
    pub bytes: usize,
    /// Bytes of the header, with its checksum.
    pub header_bytes: usize,
    /// Frames (in the sense of samples of all channels) that it decodes to.
    pub frames: u32,
}

impl Header {
    /// Whether `self` can stand in one row with `other`.
    pub fn continues(&self, other: &Self) -> bool {
        (self.coding, self.kind, self.sample_rate_hz, self.channels)
            == (other.coding, other.kind, other.sample_rate_hz, other.channels)
    }

    /// Bytes of side information behind the header, in layer III.
    fn side_bytes(&self) -> usize {
        match (self.frames, self.channels) {
            (1152, 1) => 17,
            (1152, _) => 32,
            (_, 1) => 9,
            _ => 17,
        }
    }
}

/// The header that `bytes` begin with.
pub fn header(bytes: &[u8]) -> Option<Header> {
    let word = u32::from_be_bytes(*bytes.first_chunk()?);
    match (word >> 21 == 0x7FF, word >> 17 & 3) {
        (true, 0) => adts_header(bytes),
        (true, _) => layer_header(word),
        _ => None,
    }
}

/// Kilobits per second of the layers I, II and III of MPEG 1, and of I, and II with III, of MPEG 2.
const BIT_RATES: [[u16; 14]; 5] = [
    [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

fn layer_header(word: u32) -> Option<Header> {
    let version = word >> 19 & 3;
    let layer = 4 - (word >> 17 & 3) as u8;
    let (is_first, rate_shift) = match version {
        3 => (true, 0),
        2 => (false, 1),
        0 => (false, 2),
        _ => return None,
    };
    let table = if is_first { layer as usize - 1 } else { if layer == 1 { 3 } else { 4 } };
    // Index 0 is a bit rate that is not stated, 15 is none.
    let kilobits = *BIT_RATES[table].get((word >> 12 & 15).checked_sub(1)? as usize)? as u32;
    let sample_rate_hz = [44_100, 48_000, 32_000].get((word >> 10 & 3) as usize)? >> rate_shift;
    let padding = word >> 9 & 1;
    let (bytes, frames) = match layer {
        1 => ((12_000 * kilobits / sample_rate_hz + padding) * 4, 384),
        3 if !is_first => (72_000 * kilobits / sample_rate_hz + padding, 576),
        _ => (144_000 * kilobits / sample_rate_hz + padding, 1152),
    };
    Some(Header {
        coding: Coding::Layer(layer),
        kind: version,
        sample_rate_hz,
        channels: if word >> 6 & 3 == 3 { 1 } else { 2 },
        bytes: bytes as usize,
        header_bytes: if word >> 16 & 1 == 0 { 6 } else { 4 },
        frames,
    })
}

/// Rates of AAC in hertz.
const AAC_RATES_HZ: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

fn adts_header(bytes: &[u8]) -> Option<Header> {
    let bytes = bytes.get(..7)?;
    if bytes[1] & 0xF0 != 0xF0 {
        return None;
    }
    let has_checksum = bytes[1] & 1 == 0;
    let configuration = (bytes[2] & 1) << 2 | bytes[3] >> 6;
    let length = (bytes[3] as usize & 3) << 11 | (bytes[4] as usize) << 3 | bytes[5] as usize >> 5;
    let header_bytes = if has_checksum { 9 } else { 7 };
    let blocks = bytes[6] as u32 & 3;
    (length > header_bytes).then_some(Header {
        coding: Coding::Adts,
        kind: (bytes[2] >> 6) as u32 | (blocks << 2),
        sample_rate_hz: *AAC_RATES_HZ.get((bytes[2] >> 2 & 15) as usize)?,
        channels: if configuration == 7 { 8 } else { configuration as usize },
        bytes: length,
        header_bytes,
        frames: 1024 * (blocks + 1),
    })
}

/// The first header of a row of at least `count` frames that `bytes` begin with. If the file is `over` behind
/// them, as many do as there are, the last of which ends with the file or, from the second on, is cut.
pub fn run_at(bytes: &[u8], count: usize, over: bool) -> Option<Header> {
    let first = header(bytes)?;
    let mut at = first.bytes;
    for seen in 1..count {
        let rest = bytes.get(at..).unwrap_or_default();
        match header(rest) {
            Some(next) if next.continues(&first) => at += next.bytes,
            _ => {
                let ends = at == bytes.len() || tag_bytes(rest).is_some();
                let is_cut = at > bytes.len() && seen > 1;
                return (over && (ends || is_cut)).then_some(first);
            }
        }
    }
    Some(first)
}

/// Bytes of the tag that `bytes` begin with, if they do: ID3v1, ID3v2 or APE.
pub fn tag_bytes(bytes: &[u8]) -> Option<u64> {
    if bytes.starts_with(b"TAG+") {
        return Some(227);
    }
    if bytes.starts_with(b"TAG") {
        return Some(128);
    }
    id3v2_bytes(bytes).or_else(|| ape_bytes(bytes))
}

/// Bytes of an ID3v2 tag that `bytes` begin with.
pub fn id3v2_bytes(bytes: &[u8]) -> Option<u64> {
    let head: &[u8; 10] = bytes.first_chunk()?;
    let sizes = &head[6..];
    if !head.starts_with(b"ID3") || head[3] == 0xFF || sizes.iter().any(|&byte| byte > 0x7F) {
        return None;
    }
    let body = sizes.iter().fold(0, |size, &byte| size << 7 | byte as u64);
    let footer = if head[5] & 0x10 != 0 { 10 } else { 0 };
    Some(10 + body + footer)
}

/// Bytes of an APE tag that `bytes` begin with.
fn ape_bytes(bytes: &[u8]) -> Option<u64> {
    let head: &[u8; 32] = bytes.first_chunk()?;
    let number = |at: usize| u32::from_le_bytes(*head[at..].first_chunk().expect("32 bytes"));
    let has_head = number(20) & 1 << 29 != 0;
    head.starts_with(b"APETAGEX").then(|| 32 + if has_head { number(12) as u64 } else { 0 })
}

/// What the tag in the first frame of an MP3 file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tag {
    /// Frames (of MPEG) that follow.
    pub count: Option<u32>,
    /// Priming and padding in frames (of samples).
    pub delay: Option<(u32, u32)>,
    /// Whether the encoder stated its own delay; copies of untagged files leave it at 0.
    pub has_encoder_delay: bool,
    /// Whether the tag's checksum is right, so that nobody has changed it.
    pub is_intact: bool,
}

/// The tag in a frame of layer III, if it is one.
pub fn tag(frame: &[u8], header: &Header) -> Option<Tag> {
    if header.coding != Coding::Layer(3) {
        return None;
    }
    xing(frame, header).or_else(|| vbri(frame, header))
}

fn xing(frame: &[u8], header: &Header) -> Option<Tag> {
    let begin = 4 + header.side_bytes();
    let number = |at: usize| Some(u32::from_be_bytes(*frame.get(at..)?.first_chunk()?));
    if !matches!(frame.get(begin..begin + 4)?, b"Xing" | b"Info") || !is_silent(frame, header, begin) {
        return None;
    }
    let flags = number(begin + 4)?;
    let mut at = begin + 8;
    let count = if flags & 1 != 0 { number(at) } else { None };
    for (bit, bytes) in [(1, 4), (2, 4), (4, 100), (8, 4)] {
        at += if flags & bit != 0 { bytes } else { 0 };
    }
    let mut tag = Tag { count, ..Tag::default() };
    let Some(lame) = frame.get(at..at + 24) else { return Some(tag) };
    if lame[..4].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'.') {
        let (delay, padding) = (number(at + 21)? >> 20, number(at + 21)? >> 8 & 0xFFF);
        // Other encoders than these may leave it at 0, which then says nothing.
        let is_known = [b"LAME", b"Lavf", b"Lavc"].iter().any(|known| lame.starts_with(*known));
        if is_known || delay > 0 {
            tag.has_encoder_delay = delay > 0;
            tag.delay = Some((delay + DECODER_DELAY_FRAMES, padding.saturating_sub(DECODER_DELAY_FRAMES)));
        }
    }
    tag.is_intact = is_intact(frame, at + 34);
    Some(tag)
}

/// Whether the checksum at `at` is that of what stands before it, as LAME writes it, or of the first 190 bytes, as
/// ffmpeg does: in stereo files of MPEG 1 they are the same.
fn is_intact(frame: &[u8], at: usize) -> bool {
    let Some(&[high, low]) = frame.get(at..at + 2) else { return false };
    let stated = u16::from_be_bytes([high, low]);
    let of_ffmpeg = || {
        let mut head = frame.get(..190)?.to_vec();
        if let Some(own) = head.get_mut(at..at + 2) {
            own.fill(0);
        }
        Some(crc16(&head))
    };
    stated != 0 && (stated == crc16(&frame[..at]) || of_ffmpeg() == Some(stated))
}

fn vbri(frame: &[u8], header: &Header) -> Option<Tag> {
    let begin = 4 + 32;
    if frame.get(begin..begin + 6)? != b"VBRI\0\x01" || !is_silent(frame, header, begin) {
        return None;
    }
    let count = u32::from_be_bytes(*frame.get(begin + 14..)?.first_chunk()?);
    Some(Tag { count: Some(count), ..Tag::default() })
}

/// Whether what stands between a frame's header and `end` is zero, as it is in a frame that holds a tag.
fn is_silent(frame: &[u8], header: &Header, end: usize) -> bool {
    frame[header.header_bytes.min(end)..end].iter().all(|&byte| byte == 0)
}

/// CRC-16 with the polynomial x^16 + x^15 + x^2 + 1, least significant bit first, from 0.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ byte as u16, |crc, _| if crc & 1 != 0 { crc >> 1 ^ 0xA001 } else { crc >> 1 })
    })
}

/// Bytes of earlier frames that a frame of layer III goes on using; 0 in the first frame of an encoding.
pub fn reused_bytes(frame: &[u8], header: &Header) -> u16 {
    let side = frame.get(header.header_bytes..header.header_bytes + 2).unwrap_or(&[0, 0]);
    match (header.coding, header.frames) {
        (Coding::Layer(3), 1152) => (side[0] as u16) << 1 | side[1] as u16 >> 7,
        (Coding::Layer(3), _) => side[0] as u16,
        _ => 0,
    }
}
