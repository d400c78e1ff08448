//! AIFF and AIFC files.

use super::{Case, Coding, Numbers, chunk, number, samples};

/// A compression type with how it stores samples and whether the most significant byte comes first.
const TYPES: [(&[u8; 4], Coding, bool); 28] = [
    (b"NONE", Coding::Int(1, 8), true),
    (b"NONE", Coding::Int(2, 16), true),
    (b"NONE", Coding::Int(2, 12), true),
    (b"NONE", Coding::Int(3, 24), true),
    (b"NONE", Coding::Int(3, 20), true),
    (b"NONE", Coding::Int(4, 32), true),
    (b"twos", Coding::Int(2, 16), true),
    (b"twos", Coding::Int(3, 24), true),
    (b"twos", Coding::Int(4, 32), true),
    (b"sowt", Coding::Int(2, 16), false),
    (b"sowt", Coding::Int(2, 16), false),
    (b"sowt", Coding::Int(2, 16), false),
    (b"sowt", Coding::Int(2, 16), false),
    (b"sowt", Coding::Int(3, 24), false),
    (b"sowt", Coding::Int(4, 32), false),
    (b"in24", Coding::Int(3, 24), true),
    (b"in32", Coding::Int(4, 32), true),
    (b"42ni", Coding::Int(3, 24), false),
    (b"23ni", Coding::Int(4, 32), false),
    (b"raw ", Coding::Unsigned(8), true),
    (b"fl32", Coding::Float(4), true),
    (b"FL32", Coding::Float(4), true),
    (b"fl64", Coding::Float(8), true),
    (b"FL64", Coding::Float(8), true),
    (b"alaw", Coding::ALaw, true),
    (b"ALAW", Coding::ALaw, true),
    (b"ulaw", Coding::MuLaw, true),
    (b"ULAW", Coding::MuLaw, true),
];

const SAMPLES_FIRST: &str = "AIFF with the samples first";

/// A number of 80 bits.
pub fn extended(value: f64) -> [u8; 10] {
    let exponent = value.log2().floor() as i32;
    let significand = (value * 2f64.powi(60 - exponent)) as u64 as u128 * 8;
    let mut bytes = [0; 10];
    bytes[..2].copy_from_slice(&((exponent + 16_383) as u16).to_be_bytes());
    bytes[2..].copy_from_slice(&(significand as u64).to_be_bytes());
    bytes
}

pub fn case(numbers: &mut Numbers) -> Case {
    let compressed = !numbers.one_in(4);
    let (kind, coding, big) = if compressed { numbers.of(&TYPES) } else { TYPES[numbers.below(6)] };
    let channels = numbers.of(&[1, 1, 2, 2, 2, 3, 6, 8, 20, 32, 64]);
    let frames = 1 + numbers.below(60);
    let (data, values) = samples(numbers, coding, big, frames * channels);
    let rate = numbers.of(&[8_000.0, 22_050.0, 44_100.0, 48_000.0, 96_000.0, 22_254.545_454_545_454]);
    let mut words = match coding {
        Coding::Float(_) => "AIFC float",
        Coding::ALaw | Coding::MuLaw => "AIFC A-law and mu-law",
        _ if !compressed => "AIFF",
        _ if !big => "AIFC least significant byte first",
        _ => "AIFC most significant byte first",
    };
    let mut about =
        format!("{} {coding:?} {channels} channels, {frames} frames, {rate} Hz", kind.escape_ascii());

    let bits = match coding {
        Coding::Int(_, valid) | Coding::Unsigned(valid) => valid,
        Coding::Float(bytes) => 8 * bytes,
        Coding::ALaw | Coding::MuLaw => numbers.of(&[8, 16]),
    };
    let mut common = number(channels as u64, 2, true);
    common.extend(number(frames as u64, 4, true));
    common.extend(number(bits as u64, 2, true));
    common.extend(extended(rate));
    if compressed {
        common.extend(kind);
        match numbers.below(4) {
            0 => {}
            1 => common.extend([0, 0]),
            2 => common.extend(b"\x03abc"),
            // As some writers count it: without the pad byte.
            _ => common.extend(b"\x04abcd"),
        }
    }
    about += &format!(", COMM of {}", common.len());
    let (offset, block) = match numbers.below(4) {
        0 => (numbers.below(40), 0),
        1 => (0, numbers.of(&[512, 4096])),
        _ => (0, 0),
    };
    let mut sound = number(offset as u64, 4, true);
    sound.extend(number(block, 4, true));
    sound.extend(vec![0x55; offset]);
    sound.extend(&data);
    about += &format!(", offset {offset}, block size {block}");
    let mut chunks = Vec::new();
    if compressed && numbers.one_in(2) {
        chunks.push(chunk(b"FVER", &0xA280_5140u32.to_be_bytes(), true, true));
    }
    let odd = |numbers: &mut Numbers, about: &mut String| -> Vec<u8> {
        let shape = numbers.below(5);
        *about += &format!(", chunk {shape}");
        match shape {
            0 => chunk(b"MARK", b"\0\x01\0\x01\0\0\0\x02\x03abc\0", true, true),
            // A name in it that is not padded to an even length.
            1 => chunk(b"MARK", b"\0\x01\0\x01\0\0\0\x02\x02ab", true, true),
            2 => chunk(b"ID3 ", &numbers.bytes(20), true, true),
            3 => chunk(b"NAME", &b"xyzxyz"[..1 + numbers.below(5)], true, true),
            _ => chunk(b"ANNO", &vec![b'y'; numbers.below(30)], true, true),
        }
    };
    if numbers.one_in(4) {
        chunks.push(odd(numbers, &mut about));
    }
    chunks.push(chunk(b"COMM", &common, true, true));
    if numbers.one_in(2) {
        chunks.push(odd(numbers, &mut about));
    }
    chunks.push(chunk(b"SSND", &sound, true, true));
    if numbers.one_in(8) {
        // The samples first.
        let last = chunks.len() - 1;
        let common = chunks.iter().position(|chunk| chunk.starts_with(b"COMM")).unwrap();
        chunks.swap(common, last);
        words = SAMPLES_FIRST;
    }
    if numbers.one_in(4) {
        chunks.push(odd(numbers, &mut about));
    }
    let needed = chunks.iter().rposition(|chunk| matches!(&chunk[..4], b"COMM" | b"SSND")).unwrap();
    let needed = 20 + chunks[..needed].iter().map(Vec::len).sum::<usize>() as u64;
    let inner = chunks.iter().map(Vec::len).sum::<usize>() as u64 + 4;
    let stated = match numbers.below(8) {
        0 => 0xFFFF_FFFF,
        1 => inner / 2,
        2 => inner + 1_000,
        3 => 0,
        _ => inner,
    };
    about += &format!(", FORM size {stated} of {inner}");
    let mut bytes = b"FORM".to_vec();
    bytes.extend(number(stated, 4, true));
    bytes.extend(if compressed { b"AIFC" } else { b"AIFF" });
    bytes.extend(chunks.concat());
    Case {
        kind: words,
        bytes,
        extension: "aif",
        channels,
        rate,
        samples: values,
        not_sndfile: match kind {
            b"42ni" => Some("does not know 42ni"),
            _ => None,
        },
        not_ffmpeg: match kind {
            b"42ni" | b"23ni" => Some("does not know 42ni and 23ni"),
            b"sowt" if coding != Coding::Int(2, 16) => Some("takes sowt for 16 bits"),
            _ if common.len() % 2 == 1 => Some("does not step over the pad byte of COMM"),
            _ if stated < needed => Some("looks for no chunk behind the end of FORM"),
            _ if stated == 0 => Some("reads no FORM of 0 bytes"),
            _ => None,
        },
        about,
    }
}
