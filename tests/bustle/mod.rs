//! A manual stream and commands of every kind, for tests of what the callback does to its surroundings.

// Each test file uses the part it needs.
#![allow(dead_code)]

pub mod separate;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sonset::action::{AfterPolicy, Kind, LatePolicy, RampShape};
use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::realtime::source::{Distribution, Spectrum, Waveform};
use sonset::receipt::Receipt;
use sonset::ring::Ring;
use sonset::stream::{
    Config, DetectParams, FileParams, InputParams, NoiseParams, PlayFileParams, PlayParams, PulseCode,
    PulseParams, RecordParams, Recorded, RingPolicy, StartAt, Stream, Timing, ToneParams,
};

/// Channels each way.
pub const CHANNELS: usize = 2;

/// Rings of a bustle.
const RINGS: usize = 5;

/// Numbers without a library: the same ones each time (Marsaglia's xorshift, 2003).
pub struct Random(pub u64);

impl Random {
    /// A number below `bound`.
    pub fn below(&mut self, bound: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as i64
    }
}

/// A started manual stream of two channels each way.
pub fn running(max_actions: u32, options: &str) -> Stream {
    started(&config(max_actions, options))
}

/// The same, with the noise that keeps outputs awake.
pub fn running_with_dither(max_actions: u32, options: &str) -> Stream {
    started(&Config { dither_db: -120.0, ..config(max_actions, options) })
}

fn config(max_actions: u32, options: &str) -> Config {
    Config {
        backend: Some(Backend::Manual),
        sample_rate_hz: 48_000,
        output_channels: CHANNELS as u32,
        input_channels: CHANNELS as u32,
        max_actions,
        options: options.into(),
        ..Config::default()
    }
}

fn started(config: &Config) -> Stream {
    let stream = Stream::open(config).unwrap();
    stream.start().unwrap();
    stream
}

/// One block of a duplex stream.
pub fn process(stream: &Stream, input: &[f32], output: &mut [f32]) {
    let (input, output) = (Input::Interleaved(input), Output::Interleaved(output));
    stream.process(0, input, output, BlockTime::default()).unwrap();
}

/// What commands work with.
pub struct Bustle {
    pub random: Random,
    sounds: Vec<Arc<Buffer>>,
    /// Ids of all actions that were issued, in that order.
    pub issued: Vec<i64>,
    /// The buffer of each recording, with the place of its action in `issued`; only if they are to be kept.
    pub recordings: Option<Vec<(usize, Arc<Buffer>)>>,
    /// Rings that are played and recorded into, in turn.
    pub rings: Vec<Arc<Ring>>,
    /// What was read from them: index of the first frame, and the bits.
    pub read: Vec<(i64, Vec<u32>)>,
    /// Where files are played from and recorded to, if any are.
    files: Option<PathBuf>,
    /// One action in so many is of a file.
    pub file_in: i64,
    /// How far ahead files are read, and how much is kept of those that are recorded.
    pub read_ahead_ms: i32,
}

/// The files that are played: one at the rate of the stream, one at another.
const FILES: [(&str, u32); 2] = [("a.wav", 48_000), ("b.wav", 44_100)];

/// Writes a WAV file of 16 bits.
pub fn write_wav(path: &Path, rate: u32, channels: usize, samples: impl IntoIterator<Item = i16>) {
    let spec = hound::WavSpec {
        channels: channels as u16,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples.into_iter().for_each(|sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
}

/// All samples of a buffer, interleaved.
pub fn samples(buffer: &Buffer) -> Vec<f32> {
    let mut samples = vec![0.0; buffer.frames() as usize * buffer.channels()];
    buffer.read(0, &mut samples).unwrap();
    samples
}

impl Bustle {
    /// With a seed that is not 0.
    pub fn new(seed: u64) -> Self {
        let sound = |frames: i64, channels: i64| {
            let samples: Vec<f32> = (0..frames * channels).map(|n| (n % 50) as f32 / 100.0).collect();
            Buffer::copy(&samples, frames, channels as i32, 0).unwrap()
        };
        Self {
            random: Random(seed),
            sounds: vec![sound(1, 1), sound(40, 2), sound(300, 1), sound(2_000, 2)],
            issued: Vec::new(),
            recordings: None,
            rings: (0..RINGS).map(|n| Ring::new(100 << n, 1 + n as i32 % 2, 0).unwrap()).collect(),
            read: Vec::new(),
            files: None,
            file_in: 100,
            read_ahead_ms: 100,
        }
    }

    /// Plays files too, now and then, and records into new ones in `folder`.
    pub fn with_files(seed: u64, folder: &Path) -> Self {
        FILES.iter().for_each(|(name, rate)| write_wav(&folder.join(name), *rate, 1, 0..3_000));
        Self { files: Some(folder.into()), ..Self::new(seed) }
    }

    /// Where the action with a place in `issued` is recorded to, if it is recorded to a file.
    pub fn recorded_file(&self, index: usize) -> Option<PathBuf> {
        Some(self.files.as_ref()?.join(format!("{index}.wav")))
    }

    fn timing(&mut self, frame: i64, batch: i64) -> Timing {
        let recent = self.issued.len().saturating_sub(1 + self.random.below(8) as usize);
        let start = match self.random.below(6) {
            0 | 1 => StartAt::Now,
            2 | 3 => StartAt::Frame((frame + self.random.below(600) - 100).max(0)),
            _ => match self.issued.get(recent) {
                Some(&action) => StartAt::After { action, offset: self.random.below(200) - 100 },
                None => StartAt::Now,
            },
        };
        Timing {
            start,
            late: [LatePolicy::Play, LatePolicy::Skip, LatePolicy::Drop][self.random.below(3) as usize],
            max_late_frames: self.random.below(3) * 50,
            after: [AfterPolicy::Completed, AfterPolicy::AnyEnd][self.random.below(2) as usize],
            batch,
            tag: self.issued.len() as i64,
        }
    }

    /// A voice key that may find something soon, later or never.
    fn detect(&mut self, stream: &Stream, timing: Timing) -> sonset::error::Result<i64> {
        let floor = self.random.below(4) == 0;
        let params = DetectParams {
            timing,
            threshold: if floor { 0.0 } else { 0.01 + self.random.below(90) as f64 / 100.0 },
            floor_multiple: if floor { 1.0 + self.random.below(3) as f64 } else { 0.0 },
            floor_frames: if floor { 1 + self.random.below(100) } else { 0 },
            high_pass_hz: [-1.0, 0.0, 3_000.0][self.random.below(3) as usize],
            minimum_frames: 1 + self.random.below(100),
            gap_frames: 1 + self.random.below(100),
            hold_off_frames: 1 + self.random.below(300),
            max_frames: if self.random.below(2) == 0 { 0 } else { 101 + self.random.below(1_000) },
            ..DetectParams::default()
        };
        stream.detect_level(Some(&[1, 2][..1 + self.random.below(2) as usize]), &params)
    }

    /// A file, played, half the time with a seek, or recorded.
    fn use_file(
        &mut self,
        stream: &Stream,
        folder: PathBuf,
        timing: Timing,
        frame: i64,
    ) -> sonset::error::Result<i64> {
        if self.random.below(2) == 0 {
            let path = folder.join(format!("{}.wav", self.issued.len()));
            let _ = std::fs::remove_file(&path);
            let max_frames = if self.random.below(2) == 0 { 0 } else { 1 + self.random.below(4_000) };
            let params = RecordParams { timing, max_frames, ..RecordParams::default() };
            let file = FileParams { buffer_ms: self.read_ahead_ms, ..FileParams::default() };
            return stream.record_file(&path, None, &params, &file);
        }
        let path = folder.join(FILES[self.random.below(2) as usize].0);
        let (resample, read_ahead_ms) = (true, self.read_ahead_ms);
        let file = PlayFileParams { resample, read_ahead_ms, ..PlayFileParams::default() };
        let params = PlayParams {
            timing,
            gain_db: -6.0,
            loop_count: self.random.below(3) - 1,
            offset_ramp_frames: self.random.below(100),
            ..PlayParams::default()
        };
        let action = stream.play_file(&path, &file, Some(&[1]), None, &params)?;
        if self.random.below(2) == 0 {
            let (at, to) = (frame + self.random.below(1_000), self.random.below(2_500));
            if let Err(error) = stream.seek(action, Some(at), to, self.random.below(100) - 1) {
                assert!([Code::PoolFull, Code::ActionEnded].contains(&error.code), "{error}");
            }
        }
        Ok(action)
    }

    /// Live input for a while, half the time without an end.
    fn monitor(&mut self, stream: &Stream, timing: Timing) -> sonset::error::Result<i64> {
        let input = InputParams {
            channel_count: 1 + self.random.below(CHANNELS as i64) as i32,
            delay_frames: self.random.below(2) * self.random.below(700),
            ..InputParams::default()
        };
        let params = PlayParams {
            timing,
            gain_db: -20.0,
            frame_count: (self.random.below(2) == 0).then(|| 1 + self.random.below(2_000)),
            ..PlayParams::default()
        };
        stream.play_input(&input, None, None, &params)
    }

    /// A tone, noise or pulses.
    fn make(&mut self, stream: &Stream, timing: Timing) -> sonset::error::Result<i64> {
        let frames = (self.random.below(4) != 0).then(|| 100 + self.random.below(2_000));
        let params =
            PlayParams { timing, frame_count: frames, onset_ramp_frames: 50, ..PlayParams::default() };
        match self.random.below(4) {
            0 => {
                let shapes = [Waveform::Sine, Waveform::Square, Waveform::Sawtooth, Waveform::Triangle];
                let tone = ToneParams {
                    waveform: shapes[self.random.below(4) as usize],
                    frequency_hz: 1.0 + self.random.below(23_998) as f64,
                    amplitude: 0.5,
                    ..ToneParams::default()
                };
                stream.play_tone(&tone, None, None, &params)
            }
            1 => {
                let noise = NoiseParams {
                    spectrum: [Spectrum::White, Spectrum::Pink][self.random.below(2) as usize],
                    source_channels: self.random.below(3) as i32,
                    seed: self.random.below(1_000),
                    ..NoiseParams::default()
                };
                stream.play_noise(&noise, None, None, &params)
            }
            2 => {
                let noise = NoiseParams { distribution: Distribution::Uniform, ..NoiseParams::default() };
                stream.play_noise(&noise, None, None, &params)
            }
            _ => {
                let pulse = PulseParams {
                    code: PulseCode::Serial,
                    code_value: self.random.below(256),
                    width_frames: 1 + self.random.below(40),
                    count: self.random.below(4) - 1,
                    interval_frames: 0,
                    level: 0.5,
                    ..PulseParams::default()
                };
                let repeats = !(0..=1).contains(&pulse.count);
                let interval_frames = if repeats { 10 * pulse.width_frames } else { 0 };
                let pulse = PulseParams { interval_frames, ..pulse };
                let params = PlayParams { frame_count: None, onset_ramp_frames: 0, ..params };
                stream.play_pulse(&pulse, Some(&[2]), None, &params)
            }
        }
    }

    /// Issues one play, recording or detector around `frame`; the error of a full pool is part of the bustle.
    pub fn issue(&mut self, stream: &Stream, frame: i64, batch: i64) -> Result<i64, Code> {
        let timing = self.timing(frame, batch);
        let kind = self.random.below(17);
        let files = self.files.clone().filter(|_| self.random.below(self.file_in) == 0);
        let action = if let Some(folder) = files {
            self.use_file(stream, folder, timing, frame)
        } else if kind > 10 {
            self.use_ring(stream, timing)
        } else if kind == 0 {
            self.detect(stream, timing)
        } else if kind == 10 {
            self.monitor(stream, timing)
        } else if kind < 3 {
            let recording = Buffer::zeros(1 + self.random.below(500), CHANNELS as i32, 0).unwrap();
            let params = RecordParams { timing, ..RecordParams::default() };
            let action = match self.random.below(2) {
                0 => stream.record_buffer(&recording, None, &params),
                _ => stream.record_output(&recording, None, &params),
            };
            if let (Ok(_), Some(recordings)) = (&action, &mut self.recordings) {
                recordings.push((self.issued.len(), recording));
            }
            action
        } else if kind == 3 {
            self.make(stream, timing)
        } else {
            let sound = self.sounds[self.random.below(4) as usize].clone();
            let looped = sound.frames() > 1 && self.random.below(3) == 0;
            let modulated = self.random.below(4) == 0;
            let params = PlayParams {
                timing,
                gain_db: -6.0,
                am_depth: if modulated { 0.5 } else { 0.0 },
                am_frequency_hz: if modulated { 40.0 } else { 0.0 },
                loop_count: if looped { self.random.below(6) - 1 } else { 0 },
                onset_ramp_frames: self.random.below(sound.frames() / 2 + 1),
                offset_ramp_frames: self.random.below(sound.frames() / 2 + 1),
                ramp_shape: [RampShape::RaisedCosine, RampShape::Linear][self.random.below(2) as usize],
                ..PlayParams::default()
            };
            stream.play_buffer(&sound, None, None, &params)
        };
        match action {
            Ok(action) => {
                self.issued.push(action);
                Ok(action)
            }
            Err(error) => {
                let expected = [
                    Code::NoClock,
                    Code::PoolFull,
                    Code::InvalidState,
                    Code::ActionEnded,
                    Code::BatchFull,
                    Code::RingBusy,
                ];
                assert!(expected.contains(&error.code), "{error}");
                Err(error.code)
            }
        }
    }

    /// Plays or records by way of a ring, if none does already with that ring.
    fn use_ring(&mut self, stream: &Stream, timing: Timing) -> sonset::error::Result<i64> {
        let ring = self.rings[self.random.below(RINGS as i64) as usize].clone();
        let policy = [RingPolicy::Continue, RingPolicy::End][self.random.below(2) as usize];
        let ends = self.random.below(2) == 0;
        if self.random.below(2) == 0 {
            let of = [Recorded::Input, Recorded::Output][self.random.below(2) as usize];
            let max_frames = if ends { 1 + self.random.below(2_000) } else { 0 };
            let params = RecordParams { timing, max_frames, ring: policy, ..RecordParams::default() };
            return stream.record_ring(of, &ring, None, &params);
        }
        let params = PlayParams {
            timing,
            gain_db: -6.0,
            frame_count: ends.then(|| 200 + self.random.below(2_000)),
            onset_ramp_frames: self.random.below(100),
            offset_ramp_frames: self.random.below(100),
            ring: policy,
            ..PlayParams::default()
        };
        stream.play_ring(&ring, None, None, &params)
    }

    /// What a host does with a ring: writes and reads what it can, finishes it, and begins anew.
    fn tend_ring(&mut self) {
        let ring = self.rings[self.random.below(RINGS as i64) as usize].clone();
        let frames = self.random.below(1_500) as usize;
        let mut samples: Vec<f32> = (0..frames * ring.channels()).map(|n| (n % 90) as f32 / 100.0).collect();
        match self.random.below(8) {
            0 => drop(ring.finish()),
            1 => drop(ring.reset()),
            2..6 => drop(ring.write(&samples)),
            _ => {
                if let Ok((first, frames)) = ring.read(&mut samples) {
                    samples.truncate(frames as usize * ring.channels());
                    self.read.push((first, samples.into_iter().map(f32::to_bits).collect()));
                }
            }
        }
    }

    /// One command of any kind around `frame`.
    pub fn command(&mut self, stream: &Stream, frame: i64) {
        match self.random.below(56) {
            0 => stream.cancel_all(self.random.below(100) - 1).unwrap(),
            1 => {
                stream.set_master_gain(None, -(self.random.below(20) as f64), self.random.below(300)).unwrap()
            }
            2..8 => self.cancel_one(stream, frame),
            8..10 => self.batch(stream, frame),
            40.. => self.control_one(stream, frame),
            10..18 => self.tend_ring(),
            _ => drop(self.issue(stream, frame, 0)),
        }
    }

    fn cancel_one(&mut self, stream: &Stream, frame: i64) {
        let recent = self.issued.len().saturating_sub(1 + self.random.below(40) as usize);
        let Some(&action) = self.issued.get(recent) else { return };
        let at = (self.random.below(2) == 0).then(|| frame + self.random.below(400));
        if let Err(error) = stream.cancel(action, at, self.random.below(100) - 1) {
            assert_eq!(error.code, Code::ActionEnded, "{error}");
        }
    }

    /// Asks something of an action beside its end.
    fn control_one(&mut self, stream: &Stream, frame: i64) {
        let recent = self.issued.len().saturating_sub(1 + self.random.below(20) as usize);
        let Some(&action) = self.issued.get(recent) else { return };
        let at = (self.random.below(3) > 0).then(|| frame + self.random.below(600) - 50);
        let at = at.map(|frame| frame.max(0));
        let fade = self.random.below(100) - 1;
        let asked = match self.random.below(8) {
            6 | 7 => stream.seek(action, at, self.random.below(300), fade),
            0 => stream.set_gain(action, at, -(self.random.below(12) as f64), fade, false),
            1 => stream.reschedule(action, at),
            2 | 3 => stream.pause(action, at, fade),
            _ => stream.resume(action, at, fade),
        };
        if let Err(error) = asked {
            let expected = [
                Code::ActionEnded,
                Code::Unsupported,
                Code::InvalidState,
                Code::InvalidArgument,
                Code::PoolFull,
            ];
            assert!(expected.contains(&error.code), "{error}");
        }
    }

    fn batch(&mut self, stream: &Stream, frame: i64) {
        let batch = stream.begin_batch().unwrap();
        for _ in 0..self.random.below(10) {
            let _ = self.issue(stream, frame, batch);
        }
        match self.random.below(5) {
            0 => stream.discard_batch(batch).unwrap(),
            _ => stream.commit_batch(batch).unwrap(),
        }
    }
}

/// Fails unless actions of every kind did what they are for, and files were sought in. Gives all receipts.
pub fn assert_every_kind_ran(stream: &Stream) -> Vec<Receipt> {
    let receipts: Vec<Receipt> = std::iter::from_fn(|| stream.poll_receipt().ok()).collect();
    for kind in [
        Kind::PlayBuffer,
        Kind::RecordBuffer,
        Kind::DetectLevel,
        Kind::PlayInput,
        Kind::PlayRing,
        Kind::RecordRing,
        Kind::PlayTone,
        Kind::PlayNoise,
        Kind::PlayPulse,
        Kind::PlayFile,
        Kind::RecordFile,
        Kind::RecordOutput,
    ] {
        let ran = |receipt: &&Receipt| receipt.asked.kind == kind && receipt.measured.done_frames > 0;
        let count = receipts.iter().filter(ran).count();
        assert!(count > 10, "{count} actions of kind {kind:?} did something");
    }
    let sought =
        |receipt: &&Receipt| receipt.asked.kind == Kind::PlayFile && receipt.measured.seek_frame >= 0;
    let count = receipts.iter().filter(sought).count();
    assert!(count > 10, "{count} files were sought in");
    let heard = receipts.iter().filter(|receipt| receipt.measured.detection.frame >= 0).count();
    assert!(heard > 10, "{heard} onsets were heard");
    receipts
}
