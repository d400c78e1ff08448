//! WAV files.

use super::{Case, Coding, Numbers, chunk, number, samples};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Riff,
    Rifx,
    Rf64,
    Bw64,
}

/// Sizes of a data chunk whose writer did not know it.
const UNKNOWN: [u64; 7] = [0, 0x7FFF_F000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x7FFF_EFFC, 0xFFFF_FFF8];

/// A file with one or two things about it that are odd.
pub fn case(numbers: &mut Numbers) -> Case {
    let form = numbers.of(&[Form::Riff, Form::Riff, Form::Riff, Form::Rf64, Form::Bw64, Form::Rifx]);
    let big = form == Form::Rifx;
    let extensible = numbers.one_in(2);
    let coding = coding(numbers, extensible);
    let channels = numbers.of(&[1, 1, 2, 2, 2, 3, 6, 8, 18, 19, 20, 26, 27, 32, 64]);
    let frames = 1 + numbers.below(60);
    let (mut data, values) = samples(numbers, coding, big, frames * channels);
    let rate = numbers.of(&[8_000, 22_050, 44_100, 48_000, 96_000, 192_000, 44_101]);

    let mut head = Vec::new();
    let mut about =
        format!("{form:?} {coding:?} {channels} channels, {frames} frames, extensible {extensible}");
    let mut kind = kind(coding);
    let format = format_chunk(numbers, coding, channels, rate, extensible, big);
    about += &format!(", fmt of {}", format.len());
    let mut chunks = Vec::new();
    if numbers.one_in(3) {
        chunks.push(odd_chunk(numbers, big, &mut about));
    }
    chunks.push(chunk(b"fmt ", &format, big, true));
    for _ in 0..numbers.below(3) {
        chunks.push(odd_chunk(numbers, big, &mut about));
    }

    // The end: a length that is not known, a chunk behind the samples, or a part of a frame.
    let (mut size, mut unknown) = (data.len() as u64, None);
    let mut tail = Vec::new();
    match numbers.below(6) {
        0 => {
            size = numbers.of(&UNKNOWN);
            unknown = Some(size);
            kind = "unknown length";
            about += &format!(", data size {size:#x}");
        }
        1 | 2 => {
            if data.len() % 2 == 1 {
                tail.push(0);
            }
            let body = numbers.bytes(4 + 2 * channels * 8);
            tail.extend(chunk(b"LIST", &body, big, true));
            about += ", chunk behind";
        }
        3 if coding.bytes() * channels > 1 => {
            let part = 1 + numbers.below(coding.bytes() * channels - 1);
            data.extend(numbers.bytes(part));
            size = data.len() as u64;
            kind = "a part of a frame at the end";
        }
        _ => {}
    }
    let large = matches!(form, Form::Rf64 | Form::Bw64);
    let padded = chunks.iter().any(|chunk| chunk[4..8] != number(chunk.len() as u64 - 8, 4, big)[..]);
    let inner: usize = chunks.iter().map(Vec::len).sum::<usize>() + data.len() + tail.len() + 12;
    if large {
        let mut ds64 = Vec::new();
        let known = if kind == "unknown length" { 0 } else { size };
        for value in [inner as u64 + 36, known, frames as u64] {
            ds64.extend(number(value, 8, false));
        }
        ds64.extend(number(0, 4, false));
        chunks.insert(0, chunk(b"ds64", &ds64, false, true));
        size = 0xFFFF_FFFF;
    }
    let stated = match numbers.below(8) {
        0 => 0,
        1 => 0xFFFF_FFFF,
        2 => inner as u64 / 2,
        3 => inner as u64 + 1_000,
        _ => inner as u64,
    };
    about += &format!(", RIFF size {stated} of {inner}");
    head.extend(match form {
        Form::Riff => b"RIFF",
        Form::Rifx => b"RIFX",
        Form::Rf64 => b"RF64",
        Form::Bw64 => b"BW64",
    });
    head.extend(number(if large { 0xFFFF_FFFF } else { stated }, 4, big));
    head.extend(b"WAVE");
    head.extend(chunks.concat());
    head.extend(b"data");
    head.extend(number(size, 4, big));
    head.extend(data);
    head.extend(tail);
    Case {
        kind,
        bytes: head,
        extension: "wav",
        channels,
        rate: rate as f64,
        samples: values,
        not_sndfile: match form {
            Form::Bw64 => Some("does not know BW64"),
            Form::Rf64 if kind == "unknown length" => Some("plays nothing of RF64 whose length is 0"),
            Form::Rf64 if padded => Some("takes the pad byte of a chunk in RF64 for the next one's first"),
            _ if unknown == Some(0) => Some("plays nothing where the length is 0"),
            _ => None,
        },
        not_ffmpeg: match (form, coding) {
            (_, Coding::Int(bytes, valid)) if extensible && valid.div_ceil(8) < bytes => {
                Some("takes the container to be as large as the valid bits")
            }
            (Form::Rifx, _) => Some("reads RIFX only of 16 bits and without further fields"),
            (Form::Rf64 | Form::Bw64, _) if kind == "unknown length" => {
                Some("plays nothing of RF64 whose length is 0")
            }
            _ => None,
        },
        about,
    }
}

fn coding(numbers: &mut Numbers, extensible: bool) -> Coding {
    let bytes = numbers.of(&[1, 2, 3, 4]);
    let valid = if numbers.one_in(2) { 8 * bytes } else { 8 * bytes - numbers.below(8) };
    match numbers.below(8) {
        0 => Coding::Float(4),
        1 => Coding::Float(8),
        2 => Coding::ALaw,
        3 => Coding::MuLaw,
        _ if bytes == 1 => Coding::Unsigned(valid),
        // As few valid bits as fit in a smaller container too.
        _ if extensible && numbers.one_in(2) => Coding::Int(bytes, 1 + numbers.below(8 * bytes)),
        _ => Coding::Int(bytes, valid),
    }
}

fn kind(coding: Coding) -> &'static str {
    match coding {
        Coding::Int(bytes, valid) if 8 * bytes == valid => "whole containers",
        Coding::Unsigned(8) => "whole containers",
        Coding::Int(bytes, valid) if valid.div_ceil(8) < bytes => "fewer valid bytes",
        Coding::Int(..) | Coding::Unsigned(_) => "fewer valid bits",
        Coding::Float(_) => "float",
        Coding::ALaw | Coding::MuLaw => "A-law and mu-law",
    }
}

fn format_chunk(
    numbers: &mut Numbers,
    coding: Coding,
    channels: usize,
    rate: u32,
    extensible: bool,
    big: bool,
) -> Vec<u8> {
    let tag = match coding {
        Coding::Int(..) | Coding::Unsigned(_) => 1,
        Coding::Float(_) => 3,
        Coding::ALaw => 6,
        Coding::MuLaw => 7,
    };
    let (bits, valid) = match coding {
        Coding::Int(bytes, valid) if extensible => (8 * bytes, valid),
        Coding::Unsigned(valid) if extensible => (8, valid),
        Coding::Int(_, valid) | Coding::Unsigned(valid) => (valid, valid),
        // Some writers leave it 0.
        other => (8 * other.bytes(), if numbers.one_in(4) { 0 } else { 8 * other.bytes() }),
    };
    let block = channels * coding.bytes();
    let mut body = Vec::new();
    let mut put = |value: u64, size: usize| body.extend(number(value, size, big));
    put(if extensible { 0xFFFE } else { tag }, 2);
    put(channels as u64, 2);
    put(rate as u64, 4);
    put(rate as u64 * block as u64, 4);
    put(block as u64, 2);
    put(bits as u64, 2);
    if extensible {
        let mask = if channels <= 18 && numbers.one_in(2) { (1 << channels) - 1 } else { 0 };
        put(22, 2);
        put(valid as u64, 2);
        put(mask, 4);
        put(tag, 4);
        put(0, 2);
        put(0x10, 2);
        body.extend([0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]);
        if numbers.one_in(4) {
            body.extend([0; 10]);
        }
        return body;
    }
    match numbers.below(5) {
        0 => body.extend([0; 2]),
        1 => body.resize(numbers.of(&[20, 22, 24, 26, 28]), 0),
        2 => body.resize(numbers.of(&[40, 50]), 0),
        _ => {}
    }
    body
}

/// A chunk that is not needed, in one of the shapes that writers give it.
fn odd_chunk(numbers: &mut Numbers, big: bool, about: &mut String) -> Vec<u8> {
    let shape = numbers.below(8);
    *about += &format!(", chunk {shape}");
    let entry = |text: &[u8]| chunk(b"ISFT", text, big, true);
    match shape {
        // An odd entry in a list: padded, but not counted in the size of the list or counted.
        0 => chunk(b"LIST", &[b"INFO".to_vec(), entry(b"abc")].concat(), big, true),
        1 => {
            let body = [b"INFO".to_vec(), chunk(b"ISFT", b"abc", big, false)].concat();
            chunk(b"LIST", &body, big, true)
        }
        // An entry longer than its list.
        2 => {
            let body = [b"INFOINAM".to_vec(), number(9, 4, big), b"abcd".to_vec()].concat();
            chunk(b"LIST", &body, big, true)
        }
        3 => chunk(b"fact", &number(5, numbers.of(&[4, 8]), big), big, true),
        4 => chunk(b"fact", &[number(5, 8, big), number(0, 4, big)].concat(), big, true),
        5 => chunk(b"bext", &vec![0; 602 + numbers.below(8)], big, true),
        6 => chunk(b"JUNK", &vec![0; numbers.below(40)], big, true),
        _ => chunk(numbers.of(&[b"abcd", b"PAD ", b"iXML"]), &vec![b'x'; numbers.below(40)], big, true),
    }
}
