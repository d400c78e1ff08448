//! A host for the device library: plays a ramp of frame numbers and keeps what is recorded.
#![allow(dead_code)] // Each test uses what it needs.

use sonset_devices_abi::{
    Api, Block, Callbacks, DEFAULT_INPUT, DEFAULT_OUTPUT, DeviceInfo, Lent, Request, Status, Stream,
    StreamInfo, Text, VERSION, direction, status,
};
use std::ffi::c_void;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Frame n is played as n times this, which 32-bit floats hold exactly for the first 16 million frames.
pub const STEP: f32 = 1.0 / (1 << 24) as f32;

/// What a stream's callbacks have done.
#[derive(Default)]
pub struct Log {
    pub played: AtomicU64,
    pub output_blocks: AtomicU64,
    pub input_blocks: AtomicU64,
    pub output_xruns: AtomicU32,
    pub input_xruns: AtomicU32,
    pub largest_piece: AtomicU32,
    /// Channel 1 of the input.
    pub recorded: Mutex<Vec<f32>>,
    pub losses: Mutex<Vec<(u32, Option<String>)>>,
}

/// An open stream with its log.
pub struct Host {
    api: &'static Api,
    stream: *mut Stream,
    pub log: Box<Log>,
}

pub fn api() -> &'static Api {
    // SAFETY: the table is a static of the crate that is linked in.
    let api = unsafe { &*sonset_devices::sonset_devices_api() };
    assert_eq!(api.version, VERSION);
    api
}

/// A request for the default devices at the rate and block they have.
pub fn request(host: u32, outputs: u32, inputs: u32) -> Request {
    Request {
        host,
        sample_rate_hz: 0,
        output_channels: outputs,
        input_channels: inputs,
        block_frames: 0,
        flags: 0,
        output_device: Lent::new(None),
        input_device: Lent::new(None),
    }
}

/// Devices of `host`: id, name, channels out and in, default rate, flags.
pub fn list(host: u32) -> Result<Vec<DeviceInfo>, (Status, String)> {
    unsafe extern "C" fn keep(user: *mut c_void, device: *const DeviceInfo) {
        // SAFETY: `user` is the vector below, and the device is lent for the call.
        unsafe { (*user.cast::<Vec<DeviceInfo>>()).push(*device) };
    }
    let (mut devices, mut error) = (Vec::<DeviceInfo>::new(), Text::default());
    // SAFETY: all pointers live for the call.
    let status = unsafe { (api().list)(host, keep, (&raw mut devices).cast(), &mut error) };
    if status == status::OK { Ok(devices) } else { Err((status, error.as_str().into())) }
}

pub fn is_default(device: &DeviceInfo) -> (bool, bool) {
    (device.flags & DEFAULT_OUTPUT != 0, device.flags & DEFAULT_INPUT != 0)
}

impl Host {
    pub fn open(request: &Request) -> Result<Self, (Status, String)> {
        let log = Box::<Log>::default();
        let user = (&raw const *log).cast_mut().cast();
        let callbacks = Callbacks { user, output, input, lost, xrun };
        let (mut stream, mut error) = (std::ptr::null_mut(), Text::default());
        // SAFETY: all pointers live for the call, and the log lives until the stream is closed.
        let status = unsafe { (api().open)(request, &callbacks, &mut stream, &mut error) };
        if status != status::OK {
            return Err((status, error.as_str().into()));
        }
        Ok(Self { api: api(), stream, log })
    }

    pub fn start(&mut self) {
        let mut error = Text::default();
        // SAFETY: the stream is open.
        let status = unsafe { (self.api.start)(self.stream, &mut error) };
        assert_eq!(status, status::OK, "{}", error.as_str());
    }

    pub fn stop(&mut self) {
        let mut error = Text::default();
        // SAFETY: the stream is open.
        let status = unsafe { (self.api.stop)(self.stream, &mut error) };
        assert_eq!(status, status::OK, "{}", error.as_str());
    }

    pub fn info(&self) -> StreamInfo {
        let mut info = StreamInfo::default();
        // SAFETY: the stream is open, and `info` is there to write to.
        unsafe { (self.api.info)(self.stream, &mut info) };
        info
    }

    /// The first loss, waited for.
    pub fn wait_for_loss(&self) -> (u32, Option<String>) {
        wait("the loss of the device", || !self.log.losses.lock().unwrap().is_empty());
        self.log.losses.lock().unwrap()[0].clone()
    }

    pub fn wait_for_input(&self, frames: usize) {
        let before = self.log.recorded.lock().unwrap().len();
        wait("input", || self.log.recorded.lock().unwrap().len() >= before + frames);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // SAFETY: the stream is open, and this is its last use.
        unsafe { (self.api.close)(self.stream) };
    }
}

/// Waits until `done`, at most ten seconds.
pub fn wait(what: &str, done: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The longest run of frames of the ramp that follow one another in `recorded`.
pub fn longest_run(recorded: &[f32]) -> usize {
    let (mut longest, mut run) = (0, 0);
    for pair in recorded.windows(2) {
        run = if pair[0] != 0.0 && pair[1] == pair[0] + STEP { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Where the frames of the ramp that are in `recorded` lie against where they were played: one value if none moved.
pub fn offsets(recorded: &[f32]) -> Vec<i64> {
    let heard = recorded.iter().enumerate().filter(|(_, value)| **value != 0.0);
    heard.map(|(index, value)| index as i64 - (value / STEP) as i64).collect()
}

unsafe extern "C" fn output(user: *mut c_void, samples: *mut f32, block: *const Block) {
    // SAFETY: `user` is the log, which outlives the stream, and the block is lent for the call.
    let (log, block) = unsafe { (&*user.cast::<Log>(), &*block) };
    // SAFETY: there are as many samples as the block says.
    let samples =
        unsafe { std::slice::from_raw_parts_mut(samples, (block.frames * block.channels) as usize) };
    for frame in samples.chunks_exact_mut(block.channels as usize) {
        let value = log.played.fetch_add(1, Ordering::Relaxed) as f32 * STEP;
        frame.fill(value);
    }
    log.largest_piece.fetch_max(block.frames, Ordering::Relaxed);
    log.output_xruns.fetch_add(u32::from(block.late_frames > 0), Ordering::Relaxed);
    log.output_blocks.fetch_add(u64::from(block.offset_frames == 0), Ordering::Relaxed);
}

unsafe extern "C" fn input(user: *mut c_void, samples: *const f32, block: *const Block) {
    // SAFETY: `user` is the log, which outlives the stream, and the block is lent for the call.
    let (log, block) = unsafe { (&*user.cast::<Log>(), &*block) };
    // SAFETY: there are as many samples as the block says.
    let samples = unsafe { std::slice::from_raw_parts(samples, (block.frames * block.channels) as usize) };
    let mut recorded = log.recorded.lock().unwrap();
    recorded.extend(samples.chunks_exact(block.channels as usize).map(|frame| frame[0]));
    log.input_blocks.fetch_add(u64::from(block.offset_frames == 0), Ordering::Relaxed);
}

unsafe extern "C" fn lost(user: *mut c_void, reason: u32, text: Lent) {
    // SAFETY: `user` is the log, which outlives the stream, and the text is lent for the call.
    let (log, text) = unsafe { (&*user.cast::<Log>(), text.get()) };
    log.losses.lock().unwrap().push((reason, text.map(str::to_owned)));
}

unsafe extern "C" fn xrun(user: *mut c_void, way: u32) {
    // SAFETY: `user` is the log, which outlives the stream.
    let log = unsafe { &*user.cast::<Log>() };
    let count = if way == direction::OUTPUT { &log.output_xruns } else { &log.input_xruns };
    count.fetch_add(1, Ordering::Relaxed);
}
