//! An open stream: one or two halves that start and stop together.

use sonset_devices_abi::{Callbacks, StreamInfo, Text, UNKNOWN_NS, direction, granted, host, share};
use std::sync::Arc;
use std::time::Duration;

use crate::choice::{Offer, agree_rate};
use crate::fault::Fault;
use crate::half::Half;
use crate::system::{self, Device, Running};

/// Longest time that a stopping stream waits for its last blocks to be heard.
const LAST_SOUND: Duration = Duration::from_millis(200);

/// What a stream is to be, with the text checked.
pub struct Wanted<'a> {
    /// One of [`host`].
    pub system: u32,
    /// Rate in hertz; 0 takes the device's own.
    pub rate: u32,
    /// Frames in a block; 0 takes the device's own.
    pub block_frames: u32,
    /// Whether a rate is fine that the system must convert.
    pub may_convert: bool,
    /// Channels and id of the output device.
    pub output: (u32, Option<&'a str>),
    /// Channels and id of the input device.
    pub input: (u32, Option<&'a str>),
}

/// An open stream.
pub struct Stream {
    system: u32,
    rate: u32,
    sides: Vec<Side>,
}

/// One direction of it.
struct Side {
    device: Box<dyn Device>,
    offer: Offer,
    channels: u32,
    asked_block: u32,
    block_frames: u32,
    half: Arc<Half>,
    running: Option<Box<dyn Running>>,
}

impl Stream {
    /// Opens what is `wanted`, not yet started.
    pub fn open(wanted: &Wanted<'_>, callbacks: Callbacks) -> Result<Self, Fault> {
        let system = system::reach(wanted.system)?;
        let mut devices = Vec::new();
        for (way, (channels, id)) in [(direction::OUTPUT, wanted.output), (direction::INPUT, wanted.input)] {
            if channels > 0 {
                devices.push((way, channels, system.find(way == direction::OUTPUT, id, wanted.rate)?));
            }
        }
        let abilities: Vec<_> = devices.iter().map(|(_, _, device)| device.abilities()).collect();
        let rate = agree_rate(&abilities, wanted.rate, wanted.may_convert)?;
        let mut sides = Vec::new();
        for (way, channels, device) in devices {
            let offer = device.abilities().pick(rate, channels)?;
            let ask = device.asks_priority();
            let half = Arc::new(Half::new(callbacks, way, channels, ask));
            let asked_block = wanted.block_frames;
            let mut side =
                Side { device, offer, channels, asked_block, block_frames: 0, half, running: None };
            side.build(rate)?;
            sides.push(side);
        }
        Ok(Self { system: wanted.system, rate, sides })
    }

    /// Starts the blocks of all halves, or of none.
    pub fn start(&mut self) -> Result<(), Fault> {
        let started = self.sides.iter_mut().try_for_each(|side| side.start(self.rate));
        if started.is_err() {
            self.stop();
        }
        started
    }

    /// Stops the blocks of all halves.
    pub fn stop(&mut self) {
        for side in &self.sides {
            side.half.shut();
        }
        // What the device still holds is played now, and not at the next start.
        let held = self.sides.iter().filter(|side| side.half.is_output() && side.running.is_some());
        let held = held.map(|side| side.half.delay_ns()).max().unwrap_or(0).max(0);
        std::thread::sleep(Duration::from_nanos(held as u64).min(LAST_SOUND));
        self.sides.iter_mut().for_each(Side::pause);
    }

    /// What the stream is.
    pub fn info(&self) -> StreamInfo {
        let (output, input) = (self.side(true), self.side(false));
        let text = |text: Option<&str>| Text::new(text.unwrap_or(""));
        let delay = |side: Option<&Side>| side.map_or(UNKNOWN_NS, |side| side.half.delay_ns());
        StreamInfo {
            sample_rate_hz: self.rate,
            device_rate_hz: self.device_rate(),
            converts_rate: self.sides.iter().any(|side| !side.device.abilities().is_native(self.rate)).into(),
            output_channels: output.map_or(0, |side| side.channels),
            input_channels: input.map_or(0, |side| side.channels),
            block_frames: self.same(|side| side.block_frames),
            common_clock: self.has_common_clock().into(),
            share_mode: self.share_mode(),
            realtime: self.realtime(),
            reserved: 0,
            output_delay_ns: delay(output),
            input_delay_ns: delay(input),
            output_id: text(output.map(|side| side.device.id())),
            output_name: text(output.map(|side| side.device.name())),
            input_id: text(input.map(|side| side.device.id())),
            input_name: text(input.map(|side| side.device.name())),
            sample_format: Text::new(&self.sample_format()),
        }
    }

    fn side(&self, is_output: bool) -> Option<&Side> {
        self.sides.iter().find(|side| side.half.is_output() == is_output)
    }

    /// The number that all halves have, or 0.
    fn same(&self, number: impl Fn(&Side) -> u32) -> u32 {
        let mut numbers = self.sides.iter().map(number);
        let first = numbers.next().unwrap_or(0);
        if numbers.all(|other| other == first) { first } else { 0 }
    }

    fn device_rate(&self) -> u32 {
        self.same(|side| side.device.rate(self.rate))
    }

    fn sample_format(&self) -> String {
        let mut formats: Vec<_> = self.sides.iter().map(|side| side.device.format(side.offer)).collect();
        formats.dedup();
        if formats.iter().any(String::is_empty) { String::new() } else { formats.join(" / ") }
    }

    /// JACK runs all ports from one clock, and a monitor of PulseAudio runs from that of its sink.
    fn has_common_clock(&self) -> bool {
        let (Some(output), Some(input)) = (self.side(true), self.side(false)) else { return true };
        let is_monitor = input.device.id() == format!("{}.monitor", output.device.id());
        self.system == host::JACK || (self.system == host::PULSEAUDIO && is_monitor)
    }

    fn share_mode(&self) -> u32 {
        match self.system {
            host::ALSA if self.sides.iter().all(|side| side.device.is_raw_hardware()) => share::EXCLUSIVE,
            host::ALSA | host::ASIO => share::UNKNOWN,
            _ => share::SHARED,
        }
    }

    fn realtime(&self) -> u32 {
        let all = |answer| self.sides.iter().all(|side| side.half.realtime() == answer);
        match self.sides.iter().any(|side| side.half.realtime() == granted::NO) {
            true => granted::NO,
            false if all(granted::YES) => granted::YES,
            false => granted::UNKNOWN,
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // The functions of the host are out of reach before anything else ends.
        for side in &self.sides {
            side.half.close();
        }
        self.sides.iter_mut().for_each(Side::close);
    }
}

impl Side {
    fn build(&mut self, rate: u32) -> Result<(), Fault> {
        let (running, block_frames) = self.device.build(self.offer, rate, self.asked_block, &self.half)?;
        self.running = Some(running);
        self.block_frames = block_frames;
        Ok(())
    }

    fn start(&mut self, rate: u32) -> Result<(), Fault> {
        if self.running.is_none() {
            self.build(rate)?;
        }
        self.half.open();
        match &self.running {
            Some(running) => running.play(&self.device.abilities().label),
            None => Ok(()),
        }
    }

    /// Pauses the device, or closes it where it cannot pause; the next start opens it again.
    fn pause(&mut self) {
        if self.half.is_lost() || self.running.as_ref().is_some_and(|running| !running.pause()) {
            self.close();
        }
    }

    fn close(&mut self) {
        if let Some(running) = self.running.take() {
            running.close();
        }
    }
}
