//! Calls of the C surface from two threads, with arguments of every kind: no panic crosses it, nothing is read or
//! written where it must not, nothing hangs, and each action that was issued has exactly one receipt.
//!
//! Each half of an input is the program of one thread. The handles of both are in one table, dead ones included.
#![no_main]

use std::collections::HashSet;
use std::ffi::{CString, c_char};
use std::ptr::{null, null_mut};
use std::sync::{Mutex, OnceLock};

use libfuzzer_sys::fuzz_target;
use sonset::capi::*;

/// Samples of each array that is lent to a call.
const SAMPLES: usize = 4 * 4096;
/// Calls of a thread at most.
const MOST_CALLS: usize = 200;
/// Handles of a kind that are kept.
const HANDLES: usize = 6;
const MANUAL: i32 = 1;
const VIRTUAL: i32 = 2;

/// What one thread does next: bytes, and zeros when they are used up.
struct Program<'a>(&'a [u8]);

impl Program<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn below(&mut self, end: usize) -> usize {
        self.byte() as usize % end
    }

    /// Mostly a small number, else one at which something ends.
    fn number(&mut self) -> i64 {
        let small = self.byte() as i64;
        match self.byte() % 16 {
            0..8 => small % 8,
            8 => small * 100,
            9 => -small,
            10 => i64::MIN + small,
            11 => i64::MAX - small,
            12 => i32::MIN as i64 + small,
            13 => i32::MAX as i64 - small,
            14 => (1 << 53) + small - 128,
            _ => (1 << (small % 63)) - small % 3,
        }
    }

    fn int(&mut self) -> i32 {
        self.number() as i32
    }

    fn real(&mut self) -> f64 {
        let small = self.byte() as f64;
        match self.byte() % 10 {
            0..3 => small / 256.0,
            3 => -small,
            4 => f64::NAN,
            5 => f64::INFINITY,
            6 => f64::NEG_INFINITY,
            7 => f64::MAX,
            8 => 1e-300,
            _ => small * 100.0,
        }
    }

    /// Parameters of any kind: zeros but for a few fields.
    fn params<T>(&mut self) -> Params<T> {
        let mut params = Params { words: [0; 1024], kind: std::marker::PhantomData };
        let words = size_of::<T>() / 8;
        for _ in 0..self.below(6) {
            // The first word is the size, which is rarely of interest.
            let word = self.below(words);
            params.words[word] = match self.byte() % 4 {
                0 => self.number() as u64,
                1 => self.real().to_bits(),
                2 => self.int() as u32 as u64 | (self.int() as u32 as u64) << 32,
                _ => self.byte() as u64 % 5,
            };
        }
        if self.byte() % 8 != 0 {
            params.words[0] = params.words[0] & !0xFFFF_FFFF | size_of::<T>() as u64;
        }
        params
    }
}

/// A struct of C with as many bytes behind it as its size may claim.
struct Params<T> {
    words: [u64; 1024],
    kind: std::marker::PhantomData<T>,
}

impl<T> Params<T> {
    fn of(&self) -> *const T {
        self.words.as_ptr().cast()
    }

    fn out(&mut self) -> *mut T {
        self.words.as_mut_ptr().cast()
    }

    /// Puts a value into a word of it, if that was left 0.
    fn set(&mut self, word: usize, value: i64) {
        if self.words[word] == 0 {
            self.words[word] = value as u64;
        }
    }
}

/// A handle, and the channels each way if it is of a stream.
struct Handle<T>(*mut T, i32, i32);

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Handle<T> {}

impl<T> Default for Handle<T> {
    fn default() -> Self {
        Self(null_mut(), 0, 0)
    }
}

// Handles are numbers; any thread may use them.
unsafe impl<T> Send for Handle<T> {}

/// What both threads share.
#[derive(Default)]
struct World {
    streams: [Handle<sonset_stream>; HANDLES],
    buffers: [Handle<sonset_buffer>; HANDLES],
    rings: [Handle<sonset_ring>; HANDLES],
    actions: [i64; 8],
    batch: i64,
    /// Actions issued and receipts polled, by stream.
    issued: HashSet<(usize, i64)>,
    polled: HashSet<(usize, i64)>,
    opened: usize,
}

type Shared<'a> = &'a Mutex<World>;

fn stream(world: Shared, program: &mut Program) -> Handle<sonset_stream> {
    world.lock().unwrap().streams[program.below(HANDLES) % 3]
}

fn buffer(world: Shared, program: &mut Program) -> *mut sonset_buffer {
    world.lock().unwrap().buffers[program.below(HANDLES)].0
}

fn ring(world: Shared, program: &mut Program) -> *mut sonset_ring {
    world.lock().unwrap().rings[program.below(HANDLES)].0
}

/// One that was issued, or any number.
fn action(world: Shared, program: &mut Program) -> i64 {
    match program.byte() % 16 {
        0 => program.number(),
        n => world.lock().unwrap().actions[n as usize % 8],
    }
}

fn issued(world: Shared, stream: Handle<sonset_stream>, result: i32, action: i64, at: u8) {
    if result == 0 {
        let mut world = world.lock().unwrap();
        assert!(world.issued.insert((stream.0 as usize, action)), "id {action} was given out twice");
        world.actions[at as usize % 8] = action;
    }
}

fn polled(world: Shared, stream: *mut sonset_stream) -> bool {
    let mut receipt = Params::<sonset_receipt> { words: [0; 1024], kind: std::marker::PhantomData };
    receipt.words[0] = size_of::<sonset_receipt>() as u64;
    let result = unsafe { sonset_stream_poll_receipt(stream, receipt.out()) };
    if result == 0 {
        let action = unsafe { (*receipt.of()).action };
        let fresh = world.lock().unwrap().polled.insert((stream as usize, action));
        assert!(fresh, "a second receipt of {action}");
    }
    result == 0
}

/// Numbers of channels, which may be none, too many or too few.
fn channels(program: &mut Program) -> (Vec<i32>, i32) {
    let count = program.below(5);
    let list = (0..count)
        .map(|_| if program.byte() % 16 == 0 { program.int() } else { program.below(3) as i32 })
        .collect();
    (list, count as i32)
}

/// NULL for an empty list.
fn start<T>(list: &[T]) -> *const T {
    if list.is_empty() { null() } else { list.as_ptr() }
}

fn text(choices: &[&str], program: &mut Program) -> CString {
    let choice = choices[program.below(choices.len())];
    CString::new(choice).unwrap()
}

fn file(name: &str) -> CString {
    static FOLDER: OnceLock<std::path::PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().unwrap().keep());
    CString::new(folder.join(name).to_str().unwrap()).unwrap()
}

fn open(world: Shared, program: &mut Program) {
    let mut config = program.params::<sonset_stream_config>();
    let manual = program.byte() % 4 != 0;
    // backend, rate; outputs, inputs; block, actions.
    if program.byte() % 8 != 0 {
        let backend = if manual { MANUAL } else { VIRTUAL };
        config.words[0] = config.words[0] & 0xFFFF_FFFF | (backend as u64) << 32;
        let inputs = if manual { program.below(3) as u64 } else { 0 };
        config.words[1] = 48_000 | 2 << 32;
        config.words[2] = inputs | (config.words[2] & !0xFFFF_FFFF);
        config.words[3] = 1 + program.below(20) as u64;
    }
    let most_actions = config.words[3] as u32;
    if (5_000..1 << 21).contains(&most_actions) {
        config.words[3] -= most_actions as u64 - 5_000;
    }
    // Memory in proportion; what is refused is refused for any of these.
    config.words[4] = config.words[4].min(100_000);
    let options = text(&["", "", "", "callbacks=separate", "callbacks=separate ", "a=b", "ppm=50"], program);
    let device = text(&["", "virtual", "virtual:ppm=100", "none", "virtual:ppm=x"], program);
    let device = if program.byte() % 2 == 0 { null() } else { device.as_ptr() };
    let mut opened = null_mut();
    let backend = (config.words[0] >> 32) as i32;
    // No real device is opened here.
    if backend != MANUAL && backend != VIRTUAL {
        return;
    }
    let result = unsafe { sonset_stream_open(config.of(), device, null(), options.as_ptr(), &mut opened) };
    if result != 0 {
        return;
    }
    let mut info = Params::<sonset_stream_info> { words: [0; 1024], kind: std::marker::PhantomData };
    info.words[0] = size_of::<sonset_stream_info>() as u64;
    assert_eq!(unsafe { sonset_stream_get_info(opened, info.out()) }, 0);
    let (outputs, inputs) = unsafe { ((*info.of()).output_channels, (*info.of()).input_channels) };
    let old = {
        let mut world = world.lock().unwrap();
        world.opened += 1;
        let place = world.opened % 3;
        std::mem::replace(&mut world.streams[place], Handle(opened, outputs, inputs))
    };
    if program.byte() % 4 != 0 {
        unsafe { sonset_stream_start(opened) };
    }
    finish(world, old.0);
}

/// Closes a stream, looks at its receipts and destroys it.
fn finish(world: Shared, stream: *mut sonset_stream) {
    if stream.is_null() || unsafe { sonset_stream_close(stream) } != 0 {
        return;
    }
    while polled(world, stream) {}
    unsafe { sonset_stream_destroy(stream) };
}

fn make_buffer(world: Shared, program: &mut Program, samples: &[f32]) {
    let channels = if program.byte() % 16 == 0 { program.int() } else { 1 + program.below(3) as i32 };
    let frames = program.number();
    let fits = channels > 0
        && frames > 0
        && frames.checked_mul(channels as i64).is_some_and(|n| n <= SAMPLES as i64);
    let frames = if fits || frames <= 0 || channels <= 0 { frames } else { frames % 4096 };
    let fits = channels > 0 && frames.checked_mul(channels as i64).is_some_and(|n| n <= SAMPLES as i64);
    let rate = if program.byte() % 4 == 0 { program.int() } else { 0 };
    let from = if program.byte() % 2 == 0 || !fits { null() } else { samples.as_ptr() };
    if from.is_null() && !fits && channels > 0 && frames > 0 {
        return;
    }
    let mut made = null_mut();
    if unsafe { sonset_buffer_create(from, frames, channels, rate, &mut made) } == 0 {
        keep(&mut world.lock().unwrap().buffers, made, program.byte(), |old| sonset_buffer_release(old));
    }
}

fn keep<T>(place: &mut [Handle<T>; HANDLES], made: *mut T, at: u8, release: impl FnOnce(*mut T)) {
    let old = std::mem::replace(&mut place[at as usize % HANDLES], Handle(made, 0, 0));
    release(old.0);
}

fn play(world: Shared, program: &mut Program, samples: &[f32]) {
    let stream = stream(world, program);
    let (list, count) = channels(program);
    let gains: &[f32] = if program.byte() % 4 == 0 { &samples[..list.len()] } else { &[] };
    let mut params = program.params::<sonset_play_params>();
    if program.byte() % 4 == 0 {
        params.set(8, world.lock().unwrap().batch);
    }
    let (channels, gains, params) = (start(&list), start(gains), params.of());
    let mut action = 0;
    let at = program.byte();
    let result = unsafe {
        match program.byte() % 8 {
            0..3 => {
                let buffer = buffer(world, program);
                sonset_stream_play_buffer(stream.0, buffer, channels, gains, count, params, &mut action)
            }
            3 => {
                let ring = ring(world, program);
                sonset_stream_play_ring(stream.0, ring, channels, gains, count, params, &mut action)
            }
            4 => {
                let tone = program.params::<sonset_tone_params>();
                sonset_stream_play_tone(stream.0, tone.of(), channels, gains, count, params, &mut action)
            }
            5 => {
                let noise = program.params::<sonset_noise_params>();
                sonset_stream_play_noise(stream.0, noise.of(), channels, gains, count, params, &mut action)
            }
            6 => {
                let pulse = program.params::<sonset_pulse_params>();
                sonset_stream_play_pulse(stream.0, pulse.of(), channels, gains, count, params, &mut action)
            }
            _ if program.byte() % 4 == 0 => {
                let path = file(["seed.wav", "none.wav"][program.below(2)]);
                let mut how = program.params::<sonset_play_file_params>();
                how.words[1] %= 200;
                sonset_stream_play_file(
                    stream.0,
                    path.as_ptr(),
                    how.of(),
                    channels,
                    gains,
                    count,
                    params,
                    &mut action,
                )
            }
            _ => {
                let input = program.params::<sonset_input_params>();
                sonset_stream_play_input(stream.0, input.of(), channels, gains, count, params, &mut action)
            }
        }
    };
    issued(world, stream, result, action, at);
}

fn record(world: Shared, program: &mut Program) {
    let stream = stream(world, program);
    let (list, count) = channels(program);
    let params = program.params::<sonset_record_params>();
    let (channels, params) = (start(&list), params.of());
    let mut action = 0;
    let at = program.byte();
    let result = unsafe {
        match program.byte() % 8 {
            0 | 1 => sonset_stream_record_buffer(
                stream.0,
                buffer(world, program),
                channels,
                count,
                params,
                &mut action,
            ),
            2 => sonset_stream_record_output(
                stream.0,
                buffer(world, program),
                channels,
                count,
                params,
                &mut action,
            ),
            3 => sonset_stream_record_ring(
                stream.0,
                ring(world, program),
                channels,
                count,
                params,
                &mut action,
            ),
            4 => sonset_stream_record_output_ring(
                stream.0,
                ring(world, program),
                channels,
                count,
                params,
                &mut action,
            ),
            5 if program.byte() % 4 == 0 => {
                let mut how = program.params::<sonset_file_params>();
                how.words[1] %= 200;
                let path = file(["out-a.wav", "out-b.wav"][program.below(2)]);
                sonset_stream_record_file(
                    stream.0,
                    path.as_ptr(),
                    channels,
                    count,
                    params,
                    how.of(),
                    &mut action,
                )
            }
            _ => {
                let detect = program.params::<sonset_detect_params>();
                sonset_stream_detect_level(stream.0, channels, count, detect.of(), &mut action)
            }
        }
    };
    issued(world, stream, result, action, at);
}

fn process(world: Shared, program: &mut Program, samples: &mut [f32]) {
    let stream = stream(world, program);
    let widest = stream.1.max(stream.2).max(1) as usize;
    let frames = if program.byte() % 16 == 0 { program.int() } else { program.byte() as i32 * 2 };
    if frames as i64 > (SAMPLES / 2 / widest) as i64 {
        return;
    }
    let times = [program.number(), program.number()].map(|ns| if program.byte() % 4 == 0 { ns } else { 0 });
    let flags = if program.byte() % 8 == 0 { program.int() as u32 } else { 0 };
    let (input, output) = samples.split_at_mut(SAMPLES / 2);
    let input = if program.byte() % 16 == 0 { null() } else { input.as_ptr() };
    let output = if program.byte() % 16 == 0 { null_mut() } else { output.as_mut_ptr() };
    unsafe {
        match program.byte() % 8 {
            0 => sonset_stream_process_output(stream.0, output, frames, times[0], flags),
            1 => sonset_stream_process_input(stream.0, input, frames, times[1], flags),
            2 if widest <= 4 && frames >= 0 => {
                let planes = |base: *const f32| -> Vec<*const f32> {
                    (0..4)
                        .map(|n| if base.is_null() { null() } else { base.wrapping_add(n * frames as usize) })
                        .collect()
                };
                let (inputs, outputs) = (planes(input), planes(output));
                if frames as usize * 4 > SAMPLES / 2 {
                    return;
                }
                let outputs = outputs.as_ptr().cast::<*mut f32>();
                sonset_stream_process_planar(
                    stream.0,
                    inputs.as_ptr(),
                    outputs,
                    frames,
                    times[0],
                    times[1],
                    flags,
                )
            }
            _ => sonset_stream_process(stream.0, input, output, frames, times[0], times[1], flags),
        };
    }
}

fn use_ring(world: Shared, program: &mut Program, samples: &mut [f32]) {
    let mut frames = 0;
    let mut first = 0;
    // Rings have at most 3 channels.
    let count = program.number().min(SAMPLES as i64 / 4);
    unsafe {
        match program.byte() % 6 {
            0 => {
                let mut made = null_mut();
                let size = program.number();
                let size = if size > 0 && size < 1 << 55 { size % 5_000 } else { size };
                let wide = program.below(4) as i32;
                if sonset_ring_create(size, wide, 0, &mut made) == 0 {
                    keep(&mut world.lock().unwrap().rings, made, program.byte(), |old| {
                        sonset_ring_release(old)
                    });
                }
            }
            1 | 2 => _ = sonset_ring_write(ring(world, program), samples.as_ptr(), count, &mut frames),
            3 => {
                _ = sonset_ring_read(
                    ring(world, program),
                    samples.as_mut_ptr(),
                    count,
                    &mut first,
                    &mut frames,
                )
            }
            4 => _ = sonset_ring_finish(ring(world, program)),
            _ => {
                let mut info = program.params::<sonset_ring_info>();
                sonset_ring_get_info(ring(world, program), info.out());
            }
        }
    }
}

fn control(world: Shared, program: &mut Program) {
    let stream = stream(world, program).0;
    let action = action(world, program);
    unsafe {
        match program.byte() % 12 {
            0 | 1 => _ = sonset_stream_cancel(stream, action, program.params().of()),
            2 => _ = sonset_stream_cancel_all(stream, program.number()),
            3 => _ = sonset_stream_set_master_gain(stream, program.params().of()),
            4 => _ = sonset_stream_set_gain(stream, action, program.params().of()),
            5 => _ = sonset_stream_pause(stream, action, program.params().of()),
            6 => _ = sonset_stream_resume(stream, action, program.params().of()),
            7 => _ = sonset_stream_seek(stream, action, program.params().of()),
            8 => _ = sonset_stream_reschedule(stream, action, program.params().of()),
            9 => {
                let mut batch = 0;
                if sonset_stream_begin_batch(stream, &mut batch) == 0 {
                    world.lock().unwrap().batch = batch;
                }
            }
            10 => _ = sonset_stream_commit_batch(stream, world.lock().unwrap().batch),
            _ => _ = sonset_stream_discard_batch(stream, program.number()),
        }
    }
}

fn ask(world: Shared, program: &mut Program) {
    let stream = stream(world, program).0;
    let action = action(world, program);
    let direction = program.below(4) as i32;
    let clock = program.below(4) as i32;
    let mut number = 0;
    unsafe {
        match program.byte() % 14 {
            0 => _ = sonset_stream_get_action(stream, action, program.params().out()),
            1 => {
                let state = program.below(6) as i32;
                _ = sonset_stream_wait_action(
                    stream,
                    action,
                    state,
                    program.below(3) as i32 - 1,
                    program.params().out(),
                )
            }
            2 => _ = sonset_stream_get_time(stream, direction, program.params().out()),
            3 => _ = sonset_stream_frame_at(stream, direction, clock, program.number(), &mut number),
            4 => _ = sonset_stream_host_time_at(stream, direction, clock, program.number(), &mut number),
            5 => _ = sonset_stream_get_stats(stream, program.params().out()),
            6 => _ = sonset_stream_get_info(stream, program.params().out()),
            7 => _ = sonset_stream_set_latency_bias(stream, direction, program.number()),
            8 => _ = sonset_stream_set_channel_role(stream, program.int(), program.int()),
            9 => _ = sonset_stream_set_channel(stream, program.int(), program.params().of()),
            10 => _ = sonset_buffer_get_info(buffer(world, program), program.params().out()),
            11 => {
                let buffer = buffer(world, program);
                _ = sonset_stream_get_level(stream, 1, buffer, program.int(), program.params().out())
            }
            12 => {
                let text: *const c_char = sonset_error_last_message();
                assert!(!text.is_null());
            }
            _ => _ = polled(world, stream),
        }
    }
}

fn live(world: Shared, program: &mut Program, samples: &[f32]) {
    let handle = stream(world, program).0;
    unsafe {
        match program.byte() % 16 {
            0..4 => open(world, program),
            4..9 => make_buffer(world, program, samples),
            9 | 10 => _ = sonset_stream_start(handle),
            11 => _ = sonset_stream_stop(handle),
            12 => _ = sonset_stream_close(handle),
            13 => {
                let place = program.byte();
                keep(&mut world.lock().unwrap().buffers, null_mut(), place, |old| sonset_buffer_release(old));
            }
            14 => {
                // A dead handle stays in the table.
                let dead = world.lock().unwrap().buffers[program.below(HANDLES)].0;
                sonset_buffer_release(dead);
            }
            _ => {
                let first = program.number();
                // Buffers have at most 256 channels.
                let mut out = [0.0f32; 16 * 256];
                _ = sonset_buffer_read(
                    buffer(world, program),
                    first,
                    program.number().min(16),
                    out.as_mut_ptr(),
                );
            }
        }
    }
}

fn run(world: Shared, bytes: &[u8]) {
    let mut program = Program(bytes);
    let mut samples: Vec<f32> = (0..SAMPLES).map(|n| (n % 50) as f32 / 100.0).collect();
    for _ in 0..MOST_CALLS {
        if program.0.is_empty() {
            break;
        }
        match program.byte() % 16 {
            0 | 1 => live(world, &mut program, &samples),
            2..5 => play(world, &mut program, &samples),
            5 | 6 => record(world, &mut program),
            7..11 => process(world, &mut program, &mut samples),
            11 => use_ring(world, &mut program, &mut samples),
            12 | 13 => control(world, &mut program),
            _ => ask(world, &mut program),
        }
    }
}

/// The file that is played.
fn make_seed() {
    let samples = [0.25f32; 2_000];
    let mut made = null_mut();
    unsafe {
        assert_eq!(sonset_buffer_create(samples.as_ptr(), 1_000, 2, 48_000, &mut made), 0);
        assert_eq!(sonset_buffer_save_file(made, file("seed.wav").as_ptr(), 48_000), 0);
        sonset_buffer_release(made);
    }
}

fuzz_target!(init: make_seed(), |bytes: &[u8]| {
    let world = Mutex::new(World::default());
    // There is always a stream and a sound to begin with.
    open(&world, &mut Program(&[0, 1, 1, 1, 2, 9, 0, 0, 0, 1]));
    make_buffer(&world, &mut Program(&[1, 1, 100, 8, 1, 1, 0]), &[0.5; SAMPLES]);
    let (first, second) = bytes.split_at(bytes.len() / 2);
    std::thread::scope(|scope| {
        scope.spawn(|| run(&world, first));
        scope.spawn(|| run(&world, second));
    });
    let streams = world.lock().unwrap().streams;
    let closed: Vec<usize> = streams.iter().map(|stream| stream.0 as usize).filter(|&stream| stream != 0).collect();
    for stream in streams {
        finish(&world, stream.0);
    }
    let world = world.into_inner().unwrap();
    let of = |set: &HashSet<(usize, i64)>| set.iter().filter(|key| closed.contains(&key.0)).count();
    assert_eq!(of(&world.issued), of(&world.polled), "actions and receipts");
    world.buffers.iter().for_each(|buffer| sonset_buffer_release(buffer.0));
    world.rings.iter().for_each(|ring| sonset_ring_release(ring.0));
});
