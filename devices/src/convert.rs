//! From the samples that sonset works with to those of a device, and back.
//!
//! A full-scale integer sample is 1.0 times the negative limit, so that a sound of n bits comes back bit for
//! bit; what lies beyond the limits is held at them. No function here allocates or calls out.

/// The sample formats of devices that sonset speaks. A sample of 24 bits fills four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// 32-bit integer.
    I32,
    /// 24-bit integer in the low bytes of four.
    I24,
    /// 16-bit integer.
    I16,
    /// 8-bit integer around 128.
    U8,
}

impl Wire {
    /// Bytes of one sample.
    pub fn bytes(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 | Self::I32 | Self::I24 => 4,
            Self::I16 => 2,
            Self::U8 => 1,
        }
    }
}

/// Nearest integer to `sample × scale` within the limits of such integers; NaN is 0.
fn quantise(sample: f32, scale: f64) -> i64 {
    let scaled = f64::from(sample) * scale;
    // The cast truncates, holds at the limits of i64 and turns NaN into 0.
    let nearest = (scaled + 0.5f64.copysign(scaled)) as i64;
    nearest.clamp(-(scale as i64), scale as i64 - 1)
}

/// Writes one device sample.
fn encode(wire: Wire, sample: f32, to: &mut [u8]) {
    match wire {
        Wire::F32 => to.copy_from_slice(&sample.to_ne_bytes()),
        Wire::F64 => to.copy_from_slice(&f64::from(sample).to_ne_bytes()),
        Wire::I32 => to.copy_from_slice(&(quantise(sample, 2_147_483_648.0) as i32).to_ne_bytes()),
        Wire::I24 => to.copy_from_slice(&(quantise(sample, 8_388_608.0) as i32).to_ne_bytes()),
        Wire::I16 => to.copy_from_slice(&(quantise(sample, 32_768.0) as i16).to_ne_bytes()),
        Wire::U8 => to[0] = (quantise(sample, 128.0) + 128) as u8,
    }
}

/// Reads one device sample.
fn decode(wire: Wire, from: &[u8]) -> f32 {
    let four = || [from[0], from[1], from[2], from[3]];
    match wire {
        Wire::F32 => f32::from_ne_bytes(four()),
        Wire::F64 => {
            f64::from_ne_bytes([from[0], from[1], from[2], from[3], from[4], from[5], from[6], from[7]])
                as f32
        }
        Wire::I32 => i32::from_ne_bytes(four()) as f32 / 2_147_483_648.0,
        // Drivers leave anything in the unused byte.
        Wire::I24 => ((i32::from_ne_bytes(four()) << 8) >> 8) as f32 / 8_388_608.0,
        Wire::I16 => f32::from(i16::from_ne_bytes([from[0], from[1]])) / 32_768.0,
        Wire::U8 => (f32::from(from[0]) - 128.0) / 128.0,
    }
}

/// Writes frames of `channels` samples into frames of `device_channels`, the rest of each silent.
pub fn write_frames(wire: Wire, from: &[f32], channels: usize, to: &mut [u8], device_channels: usize) {
    let bytes = wire.bytes();
    for (frame, out) in from.chunks_exact(channels).zip(to.chunks_exact_mut(device_channels * bytes)) {
        for (index, sample) in out.chunks_exact_mut(bytes).enumerate() {
            encode(wire, frame.get(index).copied().unwrap_or(0.0), sample);
        }
    }
}

/// Reads the first `channels` samples of frames of `device_channels`.
pub fn read_frames(wire: Wire, from: &[u8], device_channels: usize, to: &mut [f32], channels: usize) {
    let bytes = wire.bytes();
    for (frame, out) in from.chunks_exact(device_channels * bytes).zip(to.chunks_exact_mut(channels)) {
        for (sample, out) in frame.chunks_exact(bytes).zip(out) {
            *out = decode(wire, sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Wire; 6] = [Wire::F32, Wire::F64, Wire::I32, Wire::I24, Wire::I16, Wire::U8];

    fn there_and_back(wire: Wire, sample: f32) -> f32 {
        let (mut bytes, mut back) = ([0xAA; 8], [f32::NAN]);
        let bytes = &mut bytes[..wire.bytes()];
        write_frames(wire, &[sample], 1, bytes, 1);
        read_frames(wire, bytes, 1, &mut back, 1);
        back[0]
    }

    #[test]
    fn eight_bit_sounds_come_back_bit_for_bit_in_every_format() {
        for wire in ALL {
            for value in -128..128 {
                let sample = value as f32 / 128.0;
                assert_eq!(there_and_back(wire, sample), sample, "{wire:?}");
            }
        }
    }

    #[test]
    fn sixteen_bit_sounds_come_back_bit_for_bit_in_wider_formats() {
        for wire in &ALL[..5] {
            for value in i16::MIN..=i16::MAX {
                let sample = f32::from(value) / 32_768.0;
                assert_eq!(there_and_back(*wire, sample), sample, "{wire:?}");
            }
        }
    }

    #[test]
    fn samples_are_rounded_to_nearest_and_held_at_the_limits() {
        assert_eq!(there_and_back(Wire::I16, 0.6 / 32_768.0), 1.0 / 32_768.0);
        assert_eq!(there_and_back(Wire::I16, -0.6 / 32_768.0), -1.0 / 32_768.0);
        assert_eq!(there_and_back(Wire::I16, 0.4 / 32_768.0), 0.0);
        assert_eq!(there_and_back(Wire::I16, 1.0), 32_767.0 / 32_768.0);
        assert_eq!(there_and_back(Wire::I24, -7.0), -1.0);
        assert_eq!(there_and_back(Wire::I32, f32::INFINITY), 1.0);
        assert_eq!(there_and_back(Wire::I32, f32::NAN), 0.0);
    }

    #[test]
    fn channels_that_the_stream_lacks_are_silent() {
        let mut bytes = [0xAA; 16];
        write_frames(Wire::F32, &[0.5, 0.25], 1, &mut bytes, 2);
        let mut back = [1.0; 4];
        read_frames(Wire::F32, &bytes, 2, &mut back, 2);
        assert_eq!(back, [0.5, 0.0, 0.25, 0.0]);
        let mut first = [1.0; 2];
        read_frames(Wire::F32, &bytes, 2, &mut first, 1);
        assert_eq!(first, [0.5, 0.25]);
    }

    #[test]
    fn the_unused_byte_of_24_bits_does_not_count() {
        let mut out = [0.0];
        read_frames(Wire::I24, &0x7F00_0001u32.to_ne_bytes(), 1, &mut out, 1);
        assert_eq!(out[0], 1.0 / 8_388_608.0);
    }
}
