//! One direction of a stream, as its callback sees it.
//!
//! What the audio thread reaches from here allocates nothing, frees nothing, locks nothing and never waits.
//! Its only system calls are made once, in a half's first block, where the thread asks for its priority.

use sonset_devices_abi::{Block, Callbacks, Lent, UNKNOWN_NS, direction, granted, stamp};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

use crate::convert::{Wire, read_frames, write_frames};
use crate::door::Door;
use crate::priority;

/// Frames that are converted at a time.
const CHUNK_FRAMES: usize = 256;

/// What a system says of the time of a block: the fields of [`Block`].
#[derive(Clone, Copy, Debug)]
pub struct Told {
    delay_ns: i64,
    stamp: u32,
    news: News,
    late_frames: i64,
}

/// The frame, from a block's first on, that is at the converter when; and by how much that may be off.
#[derive(Clone, Copy, Debug, Default)]
pub struct News {
    pub frames: i64,
    pub ns: i64,
    pub error_ns: i64,
}

impl Told {
    /// How far the block's first frame is from the converter as its callback begins, or [`UNKNOWN_NS`].
    pub fn delay(delay_ns: i64) -> Self {
        Self { delay_ns, stamp: stamp::DELAY, news: News::default(), late_frames: 0 }
    }

    /// The same, about; and what is new, if anything is.
    pub fn stamped(delay_ns: i64, news: Option<News>) -> Self {
        let stamp = if news.is_some() { stamp::TIME } else { stamp::NONE };
        Self { delay_ns, stamp, news: news.unwrap_or_default(), late_frames: 0 }
    }

    /// The same of a block whose first `late_frames` will not be heard.
    pub fn late(self, late_frames: i64) -> Self {
        Self { late_frames, ..self }
    }
}

/// What the callback of one direction works with.
pub struct Half {
    callbacks: Callbacks,
    direction: u32,
    channels: usize,
    ask_priority: bool,
    blocks: Door,
    notices: Door,
    delay_ns: AtomicI64,
    realtime: AtomicU32,
    lost: AtomicBool,
}

// SAFETY: the host promises in `Callbacks` that its functions can be called from any thread.
unsafe impl Send for Half {}
// SAFETY: all shared state is atomic, and the doors let one thread at a time into the host's functions.
unsafe impl Sync for Half {}

impl Half {
    /// A half that lets notices through but no blocks yet. With `ask_priority` its thread asks the system
    /// for realtime priority in its first block.
    pub fn new(callbacks: Callbacks, direction: u32, channels: u32, ask_priority: bool) -> Self {
        let half = Self {
            callbacks,
            direction,
            channels: channels as usize,
            ask_priority,
            blocks: Door::new(),
            notices: Door::new(),
            delay_ns: AtomicI64::new(UNKNOWN_NS),
            realtime: AtomicU32::new(granted::UNKNOWN),
            lost: AtomicBool::new(false),
        };
        half.notices.open();
        half
    }

    /// Lets blocks through.
    pub fn open(&self) {
        self.blocks.open();
    }

    /// Lets no block through any more; none is inside on return.
    pub fn shut(&self) {
        self.blocks.shut();
    }

    /// Lets nothing through any more; the host's functions are not called again.
    pub fn close(&self) {
        self.blocks.shut();
        self.notices.shut();
    }

    /// The latest delay to or from the converter, or [`UNKNOWN_NS`].
    pub fn delay_ns(&self) -> i64 {
        // Relaxed: a number that orders nothing.
        self.delay_ns.load(Ordering::Relaxed)
    }

    /// One of [`granted`].
    pub fn realtime(&self) -> u32 {
        // Relaxed: a number that orders nothing.
        self.realtime.load(Ordering::Relaxed)
    }

    /// Fills a block of the device. While the door is shut it stays as it is, silent by cpal's contract.
    pub fn play(&self, bytes: &mut [u8], samples: Samples, scratch: &mut Scratch, told: Told) {
        self.blocks.pass(|| {
            self.begin(told.delay_ns);
            let frame_bytes = samples.wire.bytes() * samples.device_channels;
            let mut done = 0;
            for piece in bytes.chunks_mut(CHUNK_FRAMES * frame_bytes) {
                let frames = piece.len() / frame_bytes;
                let floats = &mut scratch.0[..frames * self.channels];
                let block = self.block(done, frames, told);
                // SAFETY: `floats` holds as many samples as `block` says, and the door lets one thread in.
                unsafe { (self.callbacks.output)(self.callbacks.user, floats.as_mut_ptr(), &block) };
                write_frames(samples.wire, floats, self.channels, piece, samples.device_channels);
                done += frames;
            }
        });
    }

    /// Fills a block of a device that takes samples as they are.
    pub fn play_plain(&self, samples: &mut [f32], told: Told) {
        self.blocks.pass(|| {
            self.begin(told.delay_ns);
            let block = self.block(0, samples.len() / self.channels, told);
            // SAFETY: `samples` is the whole block, and the door lets one thread in.
            unsafe { (self.callbacks.output)(self.callbacks.user, samples.as_mut_ptr(), &block) };
        });
    }

    /// Hands over a block of the device.
    pub fn record(&self, bytes: &[u8], samples: Samples, scratch: &mut Scratch, told: Told) {
        self.blocks.pass(|| {
            self.begin(told.delay_ns);
            let frame_bytes = samples.wire.bytes() * samples.device_channels;
            let mut done = 0;
            for piece in bytes.chunks(CHUNK_FRAMES * frame_bytes) {
                let frames = piece.len() / frame_bytes;
                let floats = &mut scratch.0[..frames * self.channels];
                read_frames(samples.wire, piece, samples.device_channels, floats, self.channels);
                let block = self.block(done, frames, told);
                // SAFETY: `floats` holds as many samples as `block` says, and the door lets one thread in.
                unsafe { (self.callbacks.input)(self.callbacks.user, floats.as_ptr(), &block) };
                done += frames;
            }
        });
    }

    /// Hands over a block of a device that brings samples as they are.
    pub fn record_plain(&self, samples: &[f32], told: Told) {
        self.blocks.pass(|| {
            self.begin(told.delay_ns);
            let block = self.block(0, samples.len() / self.channels, told);
            // SAFETY: `samples` is the whole block, and the door lets one thread in.
            unsafe { (self.callbacks.input)(self.callbacks.user, samples.as_ptr(), &block) };
        });
    }

    /// Counts an underflow or overflow.
    pub fn xrun(&self) {
        // SAFETY: the door lets one thread in, and none once the host has taken its functions back.
        self.notices.pass(|| unsafe { (self.callbacks.xrun)(self.callbacks.user, self.direction) });
    }

    /// Says that the device is lost, the first time. Text only where the thread may block.
    pub fn lose(&self, reason: u32, text: Option<&str>) {
        // Relaxed: all calls come from the one error callback of this half.
        if self.lost.swap(true, Ordering::Relaxed) {
            return;
        }
        // SAFETY: the door lets one thread in, and none once the host has taken its functions back.
        self.notices.pass(|| unsafe { (self.callbacks.lost)(self.callbacks.user, reason, Lent::new(text)) });
    }

    /// Whether the device is lost.
    pub fn is_lost(&self) -> bool {
        // Relaxed: a flag that orders nothing.
        self.lost.load(Ordering::Relaxed)
    }

    /// Notes that the system refused realtime priority.
    pub fn refuse_priority(&self) {
        // Relaxed: a number that orders nothing.
        self.realtime.store(granted::NO, Ordering::Relaxed);
    }

    fn begin(&self, delay_ns: i64) {
        // Relaxed: numbers that order nothing; only this thread goes from unknown to known.
        if self.realtime.load(Ordering::Relaxed) == granted::UNKNOWN {
            self.realtime.store(priority::of_this_thread(self.ask_priority), Ordering::Relaxed);
        }
        if delay_ns != UNKNOWN_NS {
            self.delay_ns.store(delay_ns, Ordering::Relaxed);
        }
    }

    fn block(&self, offset_frames: usize, frames: usize, told: Told) -> Block {
        Block {
            offset_frames: offset_frames as u32,
            frames: frames as u32,
            channels: self.channels as u32,
            stamp: told.stamp,
            delay_ns: told.delay_ns,
            stamp_frames: told.news.frames,
            stamp_ns: told.news.ns,
            stamp_error_ns: told.news.error_ns,
            late_frames: told.late_frames,
        }
    }

    /// Whether samples go between device and stream as they are.
    pub fn takes_as_they_are(&self, samples: Samples) -> bool {
        samples.wire == Wire::F32 && samples.device_channels == self.channels
    }

    /// Whether this is the output half.
    pub fn is_output(&self) -> bool {
        self.direction == direction::OUTPUT
    }

    /// Room for one piece of a block in this half.
    pub fn scratch(&self) -> Scratch {
        Scratch(vec![0.0; CHUNK_FRAMES * self.channels].into_boxed_slice())
    }
}

/// How the samples of a device lie in memory.
#[derive(Clone, Copy, Debug)]
pub struct Samples {
    /// Format of one sample.
    pub wire: Wire,
    /// Samples in a frame of the device, at least as many as the stream has.
    pub device_channels: usize,
}

/// Room for the samples of one piece of a block, as sonset works with them.
pub struct Scratch(Box<[f32]>);
