//! Numbers at the ends of their types are errors or are taken as they are; none of them breaks the arithmetic. Tests
//! are built with overflow checks, so that whatever wraps around ends the test.

mod bustle;

use bustle::{CHANNELS, Random, running};
use sonset::action::{HostClock, HostTime, When};
use sonset::buffer::Buffer;
use sonset::device::Direction;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::ring::Ring;
use sonset::stream::{
    DetectParams, InputParams, NoiseParams, PlayParams, PulseCode, PulseParams, RecordParams, Recorded,
    StartAt, Stream, Timing, ToneParams,
};

/// Calls, each with a block after it.
const CALLS: usize = 60_000;

const EDGES: [i64; 16] = [
    i64::MIN,
    i64::MIN + 1,
    -(1 << 62),
    -(1 << 53) - 1,
    -1_000_000_000,
    -2,
    -1,
    0,
    1,
    255,
    1 << 31,
    1 << 53,
    (1 << 53) + 1,
    1 << 62,
    i64::MAX - 1,
    i64::MAX,
];

/// Extreme numbers, and some that are not.
struct Edges(Random);

impl Edges {
    fn edge(&mut self) -> i64 {
        EDGES[self.0.below(EDGES.len() as i64) as usize]
    }

    /// Mostly `usual`.
    fn or(&mut self, usual: i64) -> i64 {
        if self.0.below(4) == 0 { self.edge() } else { usual }
    }

    fn real(&mut self, usual: f64) -> f64 {
        const REALS: [f64; 8] =
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 1e-320, -0.0, 1e18];
        if self.0.below(8) == 0 { REALS[self.0.below(8) as usize] } else { usual }
    }

    fn time(&mut self) -> HostTime {
        let clock = [HostClock::Monotonic, HostClock::Realtime][self.0.below(2) as usize];
        HostTime { clock, ns: self.edge() }
    }

    fn when(&mut self, frame: i64) -> When {
        match self.0.below(4) {
            0 => When::Now,
            1 => When::Frame(frame + self.0.below(500)),
            2 => When::Frame(self.edge()),
            _ => When::Host(self.time()),
        }
    }

    fn timing(&mut self, frame: i64, action: i64) -> Timing {
        Timing {
            start: match self.0.below(5) {
                0 => StartAt::Now,
                1 => StartAt::Frame(self.or(frame + 100)),
                2 => StartAt::HostTime(self.time()),
                3 => StartAt::After { action, offset: self.or(10) },
                _ => StartAt::Frame(frame),
            },
            max_late_frames: self.or(0),
            tag: self.edge(),
            ..Timing::default()
        }
    }

    fn play(&mut self, timing: Timing) -> PlayParams {
        let mut params = PlayParams { timing, allow_clip: true, ..PlayParams::default() };
        match self.0.below(4) {
            0 => {
                params.loop_count = self.or(2);
                params.loop_first_frame = self.or(0);
                params.loop_frames = self.or(0);
            }
            1 => {
                params.first_frame = self.or(0);
                params.frame_count = Some(self.or(20));
                params.stop_frame = Some(self.edge());
            }
            2 => {
                params.onset_ramp_frames = self.or(5);
                params.offset_ramp_frames = self.or(5);
                params.gain_db = self.real(-6.0);
            }
            _ => {
                params.am_depth = self.real(0.5);
                params.am_frequency_hz = self.real(40.0);
                params.am_phase_cycles = self.real(0.25);
            }
        }
        params
    }

    fn block_time(&mut self) -> BlockTime {
        let sense = 1_000_000_000;
        BlockTime {
            callback_ns: self.or(sense),
            output_ns: self.or(sense),
            input_ns: self.or(sense),
            stamp_frames: self.or(0),
            stamp_error_ns: self.or(0),
            output_xruns: self.0.below(2) as u32,
            input_xruns: self.0.below(2) as u32,
            late_frames: self.or(0),
        }
    }

    /// One call of any kind; what it gives is its own affair.
    fn call(&mut self, stream: &Stream, issued: &mut Vec<i64>, frame: i64) {
        let recent = issued.len().saturating_sub(1 + self.0.below(20) as usize);
        let action = issued.get(recent).copied().unwrap_or(self.edge());
        let timing = self.timing(frame, action);
        let of = [Recorded::Input, Recorded::Output][self.0.below(2) as usize];
        let new = match self.0.below(16) {
            0 | 1 => {
                let sound = Buffer::copy(&[0.1; 50], 50, 1, 0).unwrap();
                stream.play_buffer(&sound, None, None, &self.play(timing))
            }
            2 => {
                let ring = Ring::new(64, 1, 0).unwrap();
                stream.play_ring(&ring, None, None, &self.play(timing))
            }
            3 => {
                let into = Buffer::zeros(100, CHANNELS as i32, 0).unwrap();
                let params = RecordParams { timing, max_frames: self.or(100), ..RecordParams::default() };
                match of {
                    Recorded::Input => stream.record_buffer(&into, None, &params),
                    Recorded::Output => stream.record_output(&into, None, &params),
                }
            }
            4 => {
                let ring = Ring::new(64, CHANNELS as i32, 0).unwrap();
                let params = RecordParams { timing, max_frames: self.or(100), ..RecordParams::default() };
                stream.record_ring(of, &ring, None, &params)
            }
            5 => {
                let params = DetectParams {
                    timing,
                    threshold: self.real(0.1),
                    minimum_frames: self.or(5),
                    gap_frames: self.or(5),
                    hold_off_frames: self.or(5),
                    max_frames: self.or(500),
                    ..DetectParams::default()
                };
                stream.detect_level(Some(&[1]), &params)
            }
            6 => {
                let input = InputParams { delay_frames: self.or(10), ..InputParams::default() };
                stream.play_input(&input, None, None, &PlayParams { timing, ..PlayParams::default() })
            }
            7 => {
                let tone = ToneParams {
                    frequency_hz: self.real(440.0),
                    phase_cycles: self.real(0.5),
                    amplitude: self.real(0.1),
                    ..ToneParams::default()
                };
                stream.play_tone(&tone, None, None, &self.play(timing))
            }
            8 => {
                let noise = NoiseParams { seed: self.edge(), rms: self.real(0.1), ..NoiseParams::default() };
                stream.play_noise(&noise, None, None, &self.play(timing))
            }
            9 => {
                let pulse = PulseParams {
                    code: PulseCode::Serial,
                    code_value: self.or(200),
                    width_frames: self.or(3),
                    count: self.or(2),
                    interval_frames: self.or(60),
                    level: self.real(0.5),
                    ..PulseParams::default()
                };
                let params = PlayParams { timing, ..PlayParams::default() };
                stream.play_pulse(&pulse, Some(&[1]), None, &params)
            }
            10 => return drop(stream.cancel(action, self.when(frame), self.or(20))),
            11 => return drop(stream.pause(action, self.when(frame), self.or(20))),
            12 => return drop(stream.resume(action, self.when(frame), self.or(20))),
            13 => return drop(stream.seek(action, self.when(frame), self.or(5), self.or(20))),
            14 => {
                let gain = self.real(-3.0);
                drop(stream.set_gain(action, self.when(frame), gain, self.or(20), true));
                return drop(stream.set_master_gain(self.when(frame), gain.min(0.0), self.or(20)));
            }
            _ => {
                drop(stream.reschedule(action, self.when(frame)));
                drop(stream.set_latency_bias(Direction::Output, self.edge()));
                drop(stream.frame_at(Direction::Output, self.time()));
                drop(stream.host_time_at(Direction::Input, HostClock::Monotonic, self.edge()));
                return drop(stream.cancel_all(self.or(10)));
            }
        };
        issued.extend(new);
    }
}

/// Runs random calls with blocks whose times are as wild.
fn run(seed: u64, options: &str) -> Vec<i64> {
    let stream = running(64, options);
    let mut edges = Edges(Random(seed));
    let (mut issued, mut frame) = (Vec::new(), 0);
    let input = [0.2; 64 * CHANNELS];
    for _ in 0..CALLS {
        edges.call(&stream, &mut issued, frame);
        let frames = 1 + edges.0.below(64) as usize;
        let mut out = [0.0; 64 * CHANNELS];
        let (input, output) = (
            Input::Interleaved(&input[..frames * CHANNELS]),
            Output::Interleaved(&mut out[..frames * CHANNELS]),
        );
        if options.is_empty() {
            stream.process(0, input, output, edges.block_time()).unwrap();
        } else {
            stream.process(0, Input::None, output, edges.block_time()).unwrap();
            stream.process(1, input, Output::None, edges.block_time()).unwrap();
        }
        frame += frames as i64;
        let _ =
            (stream.time(Direction::Output).unwrap(), stream.time(Direction::Input).unwrap(), stream.info());
    }
    stream.close();
    let receipts = std::iter::from_fn(|| stream.poll_receipt().ok());
    let mut ended: Vec<i64> = receipts.map(|receipt| receipt.asked.action).collect();
    ended.sort_unstable();
    assert!(ended == issued, "one receipt for each action");
    issued
}

#[test]
fn no_number_breaks_a_stream_with_one_callback() {
    assert!(run(0xED6E, "").len() > CALLS / 20);
}

#[test]
fn no_number_breaks_a_stream_with_two_callbacks() {
    assert!(run(0x0DD5, "callbacks=separate").len() > CALLS / 20);
}
