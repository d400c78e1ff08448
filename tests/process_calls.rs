//! The calls by which a host of its own drives a stream: one array for both directions, and what is left in the output
//! after an error.

// Every pointer is null where that may be, or to as much as the function is told.
#![allow(clippy::undocumented_unsafe_blocks)]

use std::ptr::{null, null_mut};

use sonset::capi::*;
use sonset::error::Code;

const OK: i32 = 0;
const INVALID_ARGUMENT: i32 = Code::InvalidArgument as i32;

/// A manual stream by the C surface.
struct Host {
    stream: *mut sonset_stream,
    inputs: usize,
    outputs: usize,
}

impl Host {
    fn open(inputs: usize, outputs: usize, options: Option<&std::ffi::CStr>) -> Self {
        let mut config: sonset_stream_config = unsafe { std::mem::zeroed() };
        config.backend = 1;
        config.sample_rate_hz = 48_000;
        (config.input_channels, config.output_channels) = (inputs as i32, outputs as i32);
        let mut stream = null_mut();
        let options = options.map_or(null(), |options| options.as_ptr());
        assert_eq!(unsafe { sonset_stream_open(&config, null(), null(), options, &mut stream) }, OK);
        Self { stream, inputs, outputs }
    }

    fn running(inputs: usize, outputs: usize) -> Self {
        let host = Self::open(inputs, outputs, None);
        assert_eq!(unsafe { sonset_stream_start(host.stream) }, OK);
        host
    }

    /// Records the input and the output, and plays the input at half its level.
    fn busy(inputs: usize, outputs: usize, frames: usize) -> (Self, [Recording; 2]) {
        let host = Self::running(inputs, outputs);
        let recordings = [Recording::new(frames, inputs), Recording::new(frames, outputs)];
        let mut action = 0;
        let mut params: sonset_play_params = unsafe { std::mem::zeroed() };
        params.gain_db = -6.0;
        let channel = 1;
        unsafe {
            let [heard, sent] = [recordings[0].buffer, recordings[1].buffer];
            let record = sonset_stream_record_buffer(host.stream, heard, null(), 0, null(), &mut action);
            assert_eq!(record, OK);
            let record = sonset_stream_record_output(host.stream, sent, null(), 0, null(), &mut action);
            assert_eq!(record, OK);
            let play =
                sonset_stream_play_input(host.stream, null(), &channel, null(), 1, &params, &mut action);
            assert_eq!(play, OK);
        }
        (host, recordings)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        unsafe { sonset_stream_destroy(self.stream) };
    }
}

/// A buffer that is recorded into.
struct Recording {
    buffer: *mut sonset_buffer,
    samples: usize,
    frames: usize,
}

impl Recording {
    fn new(frames: usize, channels: usize) -> Self {
        let mut buffer = null_mut();
        let create = unsafe { sonset_buffer_create(null(), frames as i64, channels as i32, 0, &mut buffer) };
        assert_eq!(create, OK);
        Self { buffer, samples: frames * channels, frames }
    }

    fn bits(&self) -> Vec<u32> {
        let mut samples = vec![0.0f32; self.samples];
        let read = unsafe { sonset_buffer_read(self.buffer, 0, self.frames as i64, samples.as_mut_ptr()) };
        assert_eq!(read, OK);
        samples.into_iter().map(f32::to_bits).collect()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        sonset_buffer_release(self.buffer);
    }
}

/// A sample of the input that no other has.
fn sample(n: usize) -> f32 {
    ((n as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / 16_777_216.0 * 0.9 - 0.45
}

const SHAPES: [(usize, usize); 7] = [(1, 1), (2, 2), (2, 1), (1, 2), (1, 8), (8, 2), (5, 4)];
const SIZES: [usize; 6] = [1, 64, 256, 257, 1_000, 8_192];
const BLOCKS: usize = 3;

/// What comes out, and what is recorded of both directions, of blocks that `process` makes of their input.
fn heard(
    (inputs, outputs): (usize, usize),
    frames: usize,
    mut process: impl FnMut(&Host, &[f32]) -> Vec<f32>,
) -> [Vec<u32>; 3] {
    let (host, recordings) = Host::busy(inputs, outputs, frames * BLOCKS);
    let mut out = Vec::new();
    for block in 0..BLOCKS {
        let first = block * frames * inputs;
        let input: Vec<f32> = (first..first + frames * inputs).map(sample).collect();
        out.extend(process(&host, &input).into_iter().map(f32::to_bits));
    }
    let [input, output] = recordings.map(|recording| recording.bits());
    [out, input, output]
}

fn interleaved_apart(host: &Host, frames: usize, input: &[f32]) -> Vec<f32> {
    let mut out = vec![9.0; frames * host.outputs];
    let (input, output) = (input.as_ptr(), out.as_mut_ptr());
    assert_eq!(unsafe { sonset_stream_process(host.stream, input, output, frames as i32, 0, 0, 0) }, OK);
    out
}

fn interleaved_in_place(host: &Host, frames: usize, input: &[f32]) -> Vec<f32> {
    let mut both = input.to_vec();
    both.resize(frames * host.inputs.max(host.outputs), 9.0);
    let samples = both.as_mut_ptr();
    assert_eq!(unsafe { sonset_stream_process(host.stream, samples, samples, frames as i32, 0, 0, 0) }, OK);
    both.truncate(frames * host.outputs);
    both
}

/// One array for channel k of both directions, or for channel k of the input and channel `crossed` − k of the output.
fn planar_in_place(host: &Host, frames: usize, input: &[f32], crossed: bool) -> Vec<f32> {
    let channels = host.inputs.max(host.outputs);
    let mut planes: Vec<Vec<f32>> = (0..channels)
        .map(|channel| {
            input.iter().skip(channel.min(host.inputs - 1)).step_by(host.inputs).copied().collect()
        })
        .collect();
    let starts: Vec<*mut f32> = planes.iter_mut().map(|plane| plane.as_mut_ptr()).collect();
    let ins: Vec<*const f32> = starts[..host.inputs].iter().map(|start| start.cast_const()).collect();
    let place = |channel: usize| if crossed { channels - 1 - channel } else { channel };
    let outs: Vec<*mut f32> = (0..host.outputs).map(|channel| starts[place(channel)]).collect();
    let (ins, outs) = (ins.as_ptr(), outs.as_ptr());
    assert_eq!(unsafe { sonset_stream_process_planar(host.stream, ins, outs, frames as i32, 0, 0, 0) }, OK);
    (0..frames * host.outputs).map(|n| planes[place(n % host.outputs)][n / host.outputs]).collect()
}

#[test]
fn one_array_for_both_directions_gives_what_two_arrays_give() {
    for shape in SHAPES {
        for frames in SIZES {
            let apart = heard(shape, frames, |host, input| interleaved_apart(host, frames, input));
            let in_place = heard(shape, frames, |host, input| interleaved_in_place(host, frames, input));
            assert!(apart == in_place, "{shape:?} channels, {frames} frames");
            assert!(apart.iter().all(|bits| bits.iter().any(|&bits| bits != 0)), "nothing was heard");
        }
    }
}

#[test]
fn one_array_for_a_channel_of_each_direction_gives_what_two_arrays_give() {
    for shape in SHAPES {
        for frames in SIZES {
            let apart = heard(shape, frames, |host, input| interleaved_apart(host, frames, input));
            for crossed in [false, true] {
                let in_place =
                    heard(shape, frames, |host, input| planar_in_place(host, frames, input, crossed));
                assert!(apart == in_place, "{shape:?} channels, {frames} frames, crossed: {crossed}");
            }
        }
    }
}

#[test]
fn arrays_that_overlap_in_part_are_refused_and_the_output_is_silent() {
    let host = Host::running(2, 2);
    for offset in [1, 2, 63, 127] {
        let mut samples = vec![0.5f32; 400];
        let start = samples.as_mut_ptr();
        for (input, output) in [(0, offset), (offset, 0)] {
            samples.fill(0.5);
            let process = unsafe {
                sonset_stream_process(host.stream, start.add(input), start.add(output), 64, 0, 0, 0)
            };
            assert_eq!(process, INVALID_ARGUMENT, "input at {input}, output at {output}");
            assert!(samples[output..output + 128].iter().all(|&sample| sample == 0.0));
            assert!(samples[output + 128..].iter().all(|&sample| sample == 0.5));
        }
    }
    let mut samples = vec![0.5f32; 400];
    let start = samples.as_mut_ptr();
    let planar = |ins: [usize; 2], outs: [usize; 2]| {
        let ins = ins.map(|at| unsafe { start.add(at) }.cast_const());
        let outs = outs.map(|at| unsafe { start.add(at) });
        unsafe { sonset_stream_process_planar(host.stream, ins.as_ptr(), outs.as_ptr(), 64, 0, 0, 0) }
    };
    for (ins, outs) in
        [([0, 64], [1, 128]), ([0, 64], [128, 100]), ([0, 64], [128, 128]), ([0, 64], [191, 128])]
    {
        assert_eq!(planar(ins, outs), INVALID_ARGUMENT, "inputs at {ins:?}, outputs at {outs:?}");
    }
    for (ins, outs) in [([0, 0], [64, 128]), ([0, 64], [64, 0]), ([10, 40], [104, 168]), ([0, 64], [64, 128])]
    {
        assert_eq!(planar(ins, outs), OK, "inputs at {ins:?}, outputs at {outs:?}");
    }
    assert_eq!(
        unsafe { sonset_stream_process(host.stream, start, start.add(1), 0, 0, 0, 0) },
        OK,
        "no frames"
    );
}

/// What an error leaves in the output of each form of the call, and the code.
fn after(host: &Host, frames: i32, times: [i64; 2], flags: u32) -> Vec<(i32, bool)> {
    let samples = frames.max(0) as usize * 2;
    let input = vec![0.25f32; samples];
    let mut all = Vec::new();
    let mut check = |call: &mut dyn FnMut(*mut f32) -> i32| {
        let mut out = vec![9.0f32; samples + 1];
        let code = call(out.as_mut_ptr());
        assert_eq!(out[samples], 9.0, "written beyond the block");
        all.push((code, out[..samples].iter().all(|&sample| sample == 0.0)));
    };
    let (stream, source) = (host.stream, input.as_ptr());
    unsafe {
        check(&mut |out| sonset_stream_process(stream, source, out, frames, times[0], times[1], flags));
        check(&mut |out| sonset_stream_process_output(stream, out, frames, times[0], flags));
        check(&mut |out| {
            let (ins, outs) = ([source, source], [out, out.add(samples / 2)]);
            let (ins, outs) = (ins.as_ptr(), outs.as_ptr());
            sonset_stream_process_planar(stream, ins, outs, frames, times[0], times[1], flags)
        });
    }
    all
}

#[test]
fn whatever_is_wrong_leaves_silence_in_the_output() {
    let running = Host::running(2, 2);
    let separate = Host::open(2, 2, Some(c"callbacks=separate"));
    assert_eq!(unsafe { sonset_stream_start(separate.stream) }, OK);
    let never_started = Host::open(2, 2, None);
    let calls = [
        ("not started", &never_started, [0, 0], 0, [true; 3]),
        ("callbacks of the other kind", &separate, [0, 0], 0, [true, false, true]),
        ("unknown flags", &running, [0, 0], 4, [true; 3]),
        ("a negative time", &running, [-1, 0], 0, [true; 3]),
        ("the least time", &running, [i64::MIN, 0], 0, [true; 3]),
        ("the greatest time", &running, [i64::MAX, i64::MAX], 0, [true; 3]),
    ];
    for (what, host, times, flags, fails) in calls {
        for (form, (code, silent)) in after(host, 64, times, flags).into_iter().enumerate() {
            assert_eq!(code != OK, fails[form], "{what}: form {form} gives {code}");
            assert!(silent, "{what}: form {form} leaves what was in the output");
        }
    }
    let mut out = [9.0f32; 128];
    let process = |input, out| unsafe { sonset_stream_process(running.stream, input, out, 64, 0, 0, 0) };
    assert_eq!(process(null(), out.as_mut_ptr()), Code::NullPointer as i32);
    assert_eq!(out, [0.0; 128], "an input that is NULL");
    out.fill(9.0);
    let outs = [null_mut(), out.as_mut_ptr()];
    let ins = [null(), null()];
    let planar =
        unsafe { sonset_stream_process_planar(running.stream, ins.as_ptr(), outs.as_ptr(), 64, 0, 0, 0) };
    assert_eq!((planar, out[0], out[63], out[64]), (Code::NullPointer as i32, 0.0, 0.0, 9.0));
}

#[test]
fn the_output_is_left_alone_where_its_room_is_not_known() {
    let host = Host::running(1, 1);
    let (input, mut out) = ([0.0f32; 64], [9.0f32; 64]);
    let mut process = |stream, frames| unsafe {
        sonset_stream_process(stream, input.as_ptr(), out.as_mut_ptr(), frames, 0, 0, 0)
    };
    assert_eq!(process(host.stream, -1), INVALID_ARGUMENT);
    assert_eq!(process(null_mut(), 64), Code::NullPointer as i32);
    assert_eq!(process(std::ptr::without_provenance_mut(64), 64), Code::InvalidHandle as i32);
    assert_eq!(out, [9.0; 64]);
}
