//! Files of uncompressed sound as writers make them, good ones and odd ones, with the samples that they hold.
#![allow(dead_code)]

pub mod aiff;
pub mod ffmpeg;
pub mod movie;
pub mod sndfile;
pub mod wave;

/// Numbers that are the same in every run (xorshift, Marsaglia 2003).
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn below(&mut self, end: usize) -> usize {
        ((self.next() >> 32) % end as u64) as usize
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}

/// How a sample is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// So many bytes, of which so many bits are valid.
    Int(usize, usize),
    /// The same in one byte whose silence is 128.
    Unsigned(usize),
    Float(usize),
    ALaw,
    MuLaw,
}

impl Coding {
    pub fn bytes(self) -> usize {
        match self {
            Coding::Int(bytes, _) | Coding::Float(bytes) => bytes,
            Coding::Unsigned(_) | Coding::ALaw | Coding::MuLaw => 1,
        }
    }
}

/// A file and what it holds.
pub struct Case {
    /// What is special about it; cases with the same words are counted together.
    pub kind: &'static str,
    pub bytes: Vec<u8>,
    pub extension: &'static str,
    pub channels: usize,
    /// The exact rate.
    pub rate: f64,
    pub samples: Vec<f32>,
    /// Oracles that do not read such a file, or not rightly: which, and why.
    pub not_sndfile: Option<&'static str>,
    pub not_ffmpeg: Option<&'static str>,
    /// All of it, for a message.
    pub about: String,
}

/// Random samples: their bytes, and their values.
pub fn samples(numbers: &mut Numbers, coding: Coding, big_endian: bool, count: usize) -> (Vec<u8>, Vec<f32>) {
    let (mut bytes, mut values) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (mut stored, value) = sample(numbers, coding);
        if big_endian {
            stored.reverse();
        }
        bytes.extend(stored);
        values.push(value);
    }
    (bytes, values)
}

/// One sample, least significant byte first.
fn sample(numbers: &mut Numbers, coding: Coding) -> (Vec<u8>, f32) {
    match coding {
        Coding::Int(size, valid) => {
            let unused = 64 - valid as u32;
            let value = (numbers.next() as i64 >> unused) << (8 * size - valid);
            (value.to_le_bytes()[..size].to_vec(), (value as f64 / 2f64.powi(8 * size as i32 - 1)) as f32)
        }
        Coding::Unsigned(valid) => {
            let value = (numbers.below(256) >> (8 - valid)) << (8 - valid);
            (vec![value as u8], (value as f32 - 128.0) / 128.0)
        }
        Coding::Float(size) => {
            let value = (numbers.next() as i64 as f64 / 2f64.powi(63)) * 1.5;
            match size {
                4 => ((value as f32).to_le_bytes().to_vec(), value as f32),
                _ => (value.to_le_bytes().to_vec(), value as f32),
            }
        }
        Coding::ALaw => {
            let code = numbers.below(256) as u8;
            (vec![code], a_law(code) as f32 / 32_768.0)
        }
        Coding::MuLaw => {
            let code = numbers.below(256) as u8;
            (vec![code], mu_law(code) as f32 / 32_768.0)
        }
    }
}

/// ITU-T G.711, table 1, in 16 bits.
fn a_law(code: u8) -> i32 {
    let code = (code ^ 0x55) as i32;
    let (segment, step) = (code >> 4 & 7, code & 15);
    let magnitude = match segment {
        0 => 16 * step + 8,
        _ => (16 * step + 0x108) << (segment - 1),
    };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

/// ITU-T G.711, table 2, in 16 bits.
fn mu_law(code: u8) -> i32 {
    let code = !code as i32;
    let magnitude = ((8 * (code & 15) + 0x84) << (code >> 4 & 7)) - 0x84;
    if code & 0x80 != 0 { -magnitude } else { magnitude }
}

/// The bytes of a number that has `size` of them.
pub fn number(value: u64, size: usize, big_endian: bool) -> Vec<u8> {
    let mut bytes = value.to_le_bytes()[..size].to_vec();
    if big_endian {
        bytes.reverse();
    }
    bytes
}

/// A chunk, padded or not.
pub fn chunk(id: &[u8; 4], body: &[u8], big_endian: bool, padded: bool) -> Vec<u8> {
    let mut bytes = id.to_vec();
    bytes.extend(number(body.len() as u64, 4, big_endian));
    bytes.extend(body);
    if padded && body.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}
