//! Sounds with other channels than they were made with: always asked for, never done in silence.

use std::f32::consts::FRAC_1_SQRT_2;
use std::sync::Arc;

use crate::buffer::Buffer;
use crate::error::{Result, fail};
use crate::realtime::block::MAX_CHANNELS;

/// From left, right, centre, low frequencies, left and right surround to left and right, by Recommendation
/// ITU-R BS.775 (annex 4, table 2): low frequencies are left out.
pub const ITU_STEREO: [f32; 12] = [
    1.0,
    0.0,
    FRAC_1_SQRT_2,
    0.0,
    FRAC_1_SQRT_2,
    0.0, //
    0.0,
    1.0,
    FRAC_1_SQRT_2,
    0.0,
    0.0,
    FRAC_1_SQRT_2,
];

/// A new buffer of `channels` channels, each the sum of those of `buffer` times one row of `matrix`. Sums are made
/// in double precision.
pub fn mix(buffer: &Arc<Buffer>, matrix: &[f32], channels: i32) -> Result<Arc<Buffer>> {
    if !(1..=MAX_CHANNELS as i32).contains(&channels) {
        fail!(InvalidArgument, "channel_count {channels}: 1 to {MAX_CHANNELS}");
    }
    let own = buffer.channels();
    if matrix.len() != own * channels as usize {
        fail!(InvalidArgument, "{} gains for {channels} channels of {own}", matrix.len());
    }
    if let Some(at) = matrix.iter().position(|gain| !gain.is_finite()) {
        let (row, column) = (at / own + 1, at % own + 1);
        fail!(InvalidArgument, "the gain of channel {column} in channel {row} is {}", matrix[at]);
    }
    let held = buffer.hold()?;
    let sum = |frame: &[f32], row: &[f32]| -> f32 {
        frame.iter().zip(row).map(|(&sample, &gain)| sample as f64 * gain as f64).sum::<f64>() as f32
    };
    let frames = held.samples().chunks_exact(own);
    let samples: Vec<f32> =
        frames.flat_map(|frame| matrix.chunks_exact(own).map(move |row| sum(frame, row))).collect();
    Buffer::copy_from(&samples, buffer.frames(), channels, buffer.sample_rate_hz() as i32, buffer.origin())
}

/// The stereo sound of a 5.1 one, by [`ITU_STEREO`].
pub fn itu_stereo(buffer: &Arc<Buffer>) -> Result<Arc<Buffer>> {
    if buffer.channels() != 6 {
        fail!(
            InvalidArgument,
            "a buffer of {} channels: the ITU's stereo is that of the six channels of 5.1",
            buffer.channels()
        );
    }
    mix(buffer, &ITU_STEREO, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(buffer: &Buffer) -> Vec<f32> {
        let mut samples = vec![0.0; buffer.frames() as usize * buffer.channels()];
        buffer.read(0, &mut samples).unwrap();
        samples
    }

    #[test]
    fn each_channel_is_the_sum_that_its_row_says() {
        let buffer = Buffer::copy(&[1.0, 2.0, 3.0, 10.0, 20.0, 30.0], 2, 3, 44_100).unwrap();
        let mixed = mix(&buffer, &[1.0, 0.0, 0.5, 0.0, -1.0, 0.0], 2).unwrap();
        assert_eq!(samples(&mixed), [2.5, -2.0, 25.0, -20.0]);
        assert_eq!((mixed.sample_rate_hz(), mixed.peak(0)), (44_100, 25.0));
    }

    #[test]
    fn five_point_one_becomes_stereo_as_the_itu_says() {
        let sound = |channel: usize| {
            let frame: Vec<f32> = (0..6).map(|n| if n == channel { 1.0 } else { 0.0 }).collect();
            samples(&itu_stereo(&Buffer::copy(&frame, 1, 6, 0).unwrap()).unwrap())
        };
        let half = 0.5f32.sqrt();
        let expected = [[1.0, 0.0], [0.0, 1.0], [half, half], [0.0, 0.0], [half, 0.0], [0.0, half]];
        for (channel, expected) in expected.iter().enumerate() {
            let heard = sound(channel);
            assert!(heard.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-7), "{channel}: {heard:?}");
        }
    }

    #[test]
    fn what_cannot_be_mixed_is_refused_with_the_values() {
        let buffer = Buffer::zeros(3, 2, 0).unwrap();
        for (matrix, channels, said) in [
            (&[1.0, 0.0][..], 0, "channel_count 0"),
            (&[1.0, 0.0], 257, "257"),
            (&[1.0, 0.0, 1.0], 1, "3 gains for 1 channels of 2"),
            (&[1.0, 0.0, f32::NAN, 1.0], 2, "channel 1 in channel 2 is NaN"),
        ] {
            let error = mix(&buffer, matrix, channels).unwrap_err();
            assert!(error.message.contains(said), "{}", error.message);
        }
        assert!(itu_stereo(&buffer).unwrap_err().message.contains("2 channels"));
    }
}
