//! Sound at another rate, on the host side.
//!
//! A windowed sinc (rubato), in double precision. Output frame n is the input at time n / rate: the filter's
//! delay is taken off, and k frames become round(k × out / in). With f the lower of the two rates / 2:
//!
//! - tones up to 0.94 f keep their level within 0.001 dB, with nothing above −130 dB beside them;
//! - aliases of what lies above f are below −120 dB, images of what lies between 0.94 f and f below −100 dB.

use std::sync::Arc;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Async, FixedAsync, Indexing, Resampler as _};
use rubato::{SincInterpolationParameters, SincInterpolationType, WindowFunction, calculate_cutoff};

use crate::buffer::{Buffer, Origin};
use crate::error::{Code, Error, Result, fail};
use crate::rate::Rate;

/// Rates that sound is converted from and to, in hertz.
pub const RATES_HZ: std::ops::RangeInclusive<u32> = 8_000..=384_000;

/// Length of the filter in frames of the lower rate.
const SINC_LENGTH: usize = 512;

const WINDOW: WindowFunction = WindowFunction::BlackmanHarris2;

/// Coefficients in the table of filters at most, 2.6 MB: enough for 44.1 to 192 kHz and back without interpolation,
/// which takes up to five times as long.
const TABLE_LENGTH: usize = 2_232 * 147;

/// The same where it is interpolated, so that the table stays in the processor's cache. Half of them would do: cubic
/// interpolation between h steps to a frame of the lower rate errs by 3/128 (π / h)⁴ at most, −160 dB for h = 128.
const INTERPOLATED_LENGTH: usize = 1 << 17;

/// Zeros put before the input at most, of which one number aligns the output to some millionths of a frame.
const MOST_ZEROS: u64 = 1 << 19;

/// Frames of the higher rate worked at once.
const CHUNK_FRAMES: usize = 1024;

/// Converts a sound that comes in pieces.
pub struct Resampler {
    inner: Async<f64>,
    channels: usize,
    ratio: Ratio,
    /// Input not worked yet, interleaved.
    pending: Vec<f64>,
    output: Vec<f64>,
    /// Input frames worked at once.
    chunk: usize,
    /// Zeros before the input, in frames.
    lead: usize,
    /// Those of them that were not worked yet.
    lead_left: usize,
    /// Output frames before frame 0 that those bring.
    delay: u64,
    /// Those of them that are still to come.
    early: u64,
    taken: u64,
    given: u64,
}

/// Input and output rate without their common factor.
#[derive(Clone, Copy)]
struct Ratio {
    input: u64,
    output: u64,
}

impl Ratio {
    fn of(from: Rate, to_hz: u32) -> Self {
        let (numerator, denominator) = from.fraction();
        let (input, output) = (numerator as u128, denominator as u128 * to_hz as u128);
        let (mut a, mut b) = (input, output);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        // Of rates in RATES_HZ, whose denominators are small.
        Self { input: (input / a) as u64, output: (output / a) as u64 }
    }

    /// Length of the filter in input frames.
    fn filter_length(self) -> usize {
        let length = (SINC_LENGTH as u64 * self.input.max(self.output)).div_ceil(self.output) as usize;
        length.next_multiple_of(8)
    }

    /// How many frames `frames` of the input become.
    fn convert(self, frames: u64) -> u64 {
        let doubled = frames as u128 * 2 * self.output as u128 / self.input as u128;
        doubled.div_ceil(2) as u64
    }
}

/// How many frames `frames` at one rate become at another.
pub fn converted_frames(from: Rate, to_hz: u32, frames: u64) -> u64 {
    Ratio::of(from, to_hz).convert(frames)
}

/// The input frame, and the output frame at the same time, from which a conversion can begin and give `frame` of
/// the output as a conversion of the whole does: a filter's length before it or at the begin.
pub fn entry(from: Rate, to_hz: u32, frame: u64) -> (u64, u64) {
    let ratio = Ratio::of(from, to_hz);
    let before = ratio.convert(ratio.filter_length() as u64);
    let periods = frame.saturating_sub(before) / ratio.output;
    (periods * ratio.input, periods * ratio.output)
}

impl Resampler {
    /// From one rate to another, both within [`RATES_HZ`].
    pub fn new(from: impl Into<Rate>, to_hz: u32, channels: usize) -> Result<Self> {
        let from: Rate = from.into();
        for rate in [from.hz(), to_hz as f64] {
            if !(*RATES_HZ.start() as f64..=*RATES_HZ.end() as f64).contains(&rate) {
                fail!(InvalidArgument, "{rate} Hz: rates from 8000 to 384000 Hz are converted");
            }
        }
        let ratio = Ratio::of(from, to_hz);
        let length = ratio.filter_length();
        let steps = steps(ratio, length);
        // Where the table has room for every place of an output frame between two input frames, nothing is
        // interpolated.
        let exact = steps as u64 == ratio.output;
        let parameters = SincInterpolationParameters {
            sinc_len: length,
            f_cutoff: Some(calculate_cutoff(SINC_LENGTH, WINDOW)),
            oversampling_factor: steps,
            interpolation: if exact { SincInterpolationType::Nearest } else { SincInterpolationType::Cubic },
            window: WINDOW,
        };
        let times = ratio.output as f64 / ratio.input as f64;
        let chunk =
            (CHUNK_FRAMES as u64 * ratio.input / ratio.output).clamp(16, CHUNK_FRAMES as u64) as usize;
        let inner = Async::new_sinc(times, 1.0, &parameters, chunk, channels, FixedAsync::Input)
            .map_err(|error| Error::new(Code::Internal, format!("resampler: {error}")))?;
        let (lead, early) = alignment(ratio, length, steps);
        Ok(Self {
            output: vec![0.0; inner.output_frames_max() * channels],
            pending: Vec::new(),
            inner,
            channels,
            ratio,
            chunk,
            lead,
            lead_left: lead,
            delay: early,
            early,
            taken: 0,
            given: 0,
        })
    }

    /// Forgets all input: what comes next is frame 0.
    pub fn restart(&mut self) {
        self.inner.reset();
        self.pending.clear();
        self.lead_left = self.lead;
        (self.early, self.taken, self.given) = (self.delay, 0, 0);
    }

    /// Takes interleaved input, and appends to `out` what can be told of the output.
    pub fn feed(&mut self, input: &[f32], out: &mut Vec<f32>) -> Result<()> {
        // A chunk at a time, as they may be a filter's length times the ratio.
        while self.lead_left > 0 {
            let zeros = self.lead_left.min(self.chunk);
            self.pending.resize(self.pending.len() + zeros * self.channels, 0.0);
            self.lead_left -= zeros;
            self.work(out)?;
        }
        self.taken += (input.len() / self.channels) as u64;
        self.pending.extend(input.iter().map(|&sample| sample as f64));
        self.work(out)
    }

    /// Appends the rest of the output.
    pub fn finish(&mut self, out: &mut Vec<f32>) -> Result<()> {
        while self.given < self.ratio.convert(self.taken) {
            self.pending.resize(self.pending.len() + self.chunk * self.channels, 0.0);
            self.work(out)?;
        }
        Ok(())
    }

    fn work(&mut self, out: &mut Vec<f32>) -> Result<()> {
        let (mut at, size) = (0, self.chunk * self.channels);
        while self.pending.len() - at >= size {
            let chunk = &self.pending[at..at + size];
            let made = process(&mut self.inner, chunk, &mut self.output, self.channels)?;
            at += chunk.len();
            let skipped = self.early.min(made as u64);
            self.early -= skipped;
            // Beyond the end there are only the frames that zeros behind the input bring.
            let wanted = self.ratio.convert(self.taken).saturating_sub(self.given);
            let kept = (made as u64 - skipped).min(wanted);
            let first = skipped as usize * self.channels;
            let samples = &self.output[first..first + kept as usize * self.channels];
            out.extend(samples.iter().map(|&sample| sample as f32));
            self.given += kept;
        }
        self.pending.drain(..at);
        Ok(())
    }
}

fn process(inner: &mut Async<f64>, input: &[f64], output: &mut [f64], channels: usize) -> Result<usize> {
    let failed = |what: String| Error::new(Code::Internal, format!("resampler: {what}"));
    let room = output.len() / channels;
    let input =
        InterleavedSlice::new(input, channels, input.len() / channels).map_err(|e| failed(e.to_string()))?;
    let mut output = InterleavedSlice::new_mut(output, channels, room).map_err(|e| failed(e.to_string()))?;
    let done = inner.process_into_buffer(&input, &mut output, Some(&Indexing::new()));
    done.map(|(_, made)| made).map_err(|e| failed(e.to_string()))
}

/// Steps of the filter's table to an input frame: as many as there are places of an output frame, if there is room
/// for them. Else the number from half of what there is room for, of which a step is most nearly a whole number of
/// those places, as `alignment` needs it.
fn steps(ratio: Ratio, length: usize) -> usize {
    let places = ratio.output as usize;
    if places * length <= TABLE_LENGTH {
        return places;
    }
    let most = INTERPOLATED_LENGTH / length;
    let odd = |steps: &usize| {
        let rest = places % steps;
        rest.min(steps - rest) * TABLE_LENGTH / steps
    };
    (most.div_ceil(2)..=most).min_by_key(odd).unwrap_or(most)
}

/// How many zeros to put before the input, and how many output frames to drop, so that the next one lies at
/// time 0.
///
/// The filter's middle is at half its length; rubato's first output frame lies one output frame later, and its
/// table one step later. In units of 1/q input frames, with p/q input frames to an output frame, output k is at
/// (k + 1) p + q / steps − q length / 2, less q for each zero put before. p and q have no common factor, so some
/// number of zeros makes that 0 (within half a unit where a step is no whole number of them).
fn alignment(ratio: Ratio, length: usize, steps: usize) -> (usize, u64) {
    let (p, q) = (ratio.input, ratio.output);
    let step = (q + steps as u64 / 2) / steps as u64;
    let distance = |zeros: u64| (length as u64 / 2 + zeros) * q - step;
    let exact = (0..p.min(MOST_ZEROS)).find(|&zeros| distance(zeros) % p == 0);
    // A rate that is no whole number may have so large a p that not all are tried: then the nearest one is taken.
    let nearest = || (0..MOST_ZEROS).min_by_key(|&zeros| distance(zeros) % p);
    let zeros = exact.or_else(nearest).unwrap_or(0);
    (zeros as usize, distance(zeros) / p - 1)
}

/// A new buffer with the sound of `buffer` at another rate. BUFFER_BUSY while it is recorded into.
pub fn resample(buffer: &Arc<Buffer>, to_hz: u32) -> Result<Arc<Buffer>> {
    let from_hz = buffer.sample_rate_hz();
    if from_hz == 0 {
        fail!(InvalidArgument, "the buffer has no sample rate to convert from");
    }
    let held = buffer.hold()?;
    resampled(held.samples(), buffer.channels(), exact_rate(buffer), to_hz, buffer.origin())
}

/// The rate of a buffer, which is that of its file where it was not converted.
fn exact_rate(buffer: &Buffer) -> Rate {
    let whole = buffer.sample_rate_hz().into();
    let Origin { file_rate_hz, resampled_from_hz, .. } = buffer.origin();
    if resampled_from_hz == 0 { Rate::nearest(file_rate_hz).unwrap_or(whole) } else { whole }
}

/// A buffer with interleaved `samples` from `origin`, converted to another rate; copied if it is the same one.
pub fn resampled(
    samples: &[f32],
    channels: usize,
    from: Rate,
    to_hz: u32,
    origin: Origin,
) -> Result<Arc<Buffer>> {
    let frames = (samples.len() / channels) as u64;
    let mut resampler = Resampler::new(from, to_hz, channels)?;
    if from == to_hz.into() {
        return Buffer::copy_from(
            samples,
            frames as i64,
            channels as i32,
            to_hz as i32,
            Origin { resampled_from_hz: 0, ..origin },
        );
    }
    let converted = resampler.ratio.convert(frames);
    if converted == 0 {
        fail!(
            InvalidArgument,
            "{frames} frames at {} Hz are less than half a frame at {to_hz} Hz",
            from.hz()
        );
    }
    let mut out = Vec::new();
    let size = converted as usize * channels;
    if out.try_reserve_exact(size).is_err() {
        fail!(OutOfMemory, "no memory for {size} samples at {to_hz} Hz");
    }
    for part in samples.chunks(CHUNK_FRAMES * channels) {
        resampler.feed(part, &mut out)?;
    }
    resampler.finish(&mut out)?;
    let origin = Origin { resampled_from_hz: from.whole_hz(), ..origin };
    Buffer::copy_from(&out, converted as i64, channels as i32, to_hz as i32, origin)
}
