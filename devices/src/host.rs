//! Devices and streams through cpal. No other file of the project uses cpal.

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{BufferSize, Data, ErrorKind, HostId, SampleFormat, StreamConfig};
use sonset_devices_abi::{DeviceInfo, Text, UNKNOWN_NS, host, loss, status};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::choice::{Abilities, Offer};
use crate::convert::Wire;
use crate::fault::Fault;
use crate::half::{Half, Samples, Told};
use crate::system::{self, Device, Profile, System, describe, is_dummy};

/// How long a server may take to open a stream.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the closing of a stream is waited for.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Stamps further from now than this are no stamps.
const MAX_DELAY_NS: u128 = 10_000_000_000;

/// One of cpal's audio systems.
pub struct Host {
    number: u32,
    host: cpal::Host,
}

/// A device in one direction, found and pinned.
pub struct Found {
    device: cpal::Device,
    system: u32,
    profile: Profile,
    /// Whether a sound card is known to be behind it, and not a server.
    is_hardware: bool,
    /// Format that the device itself has; empty if unknown.
    native_format: String,
}

/// A built stream of one direction; dropping it closes it.
pub struct Running(cpal::Stream);

fn name_of(number: u32) -> &'static str {
    match number {
        host::ALSA => "ALSA",
        host::PULSEAUDIO => "PulseAudio",
        host::PIPEWIRE => "PipeWire",
        host::JACK => "JACK",
        host::WASAPI => "WASAPI",
        host::ASIO => "ASIO",
        host::COREAUDIO => "CoreAudio",
        _ => "",
    }
}

fn wire_of(format: SampleFormat) -> Option<Wire> {
    match format {
        SampleFormat::F32 => Some(Wire::F32),
        SampleFormat::F64 => Some(Wire::F64),
        SampleFormat::I32 => Some(Wire::I32),
        SampleFormat::I24 => Some(Wire::I24),
        SampleFormat::I16 => Some(Wire::I16),
        SampleFormat::U8 => Some(Wire::U8),
        _ => None,
    }
}

fn format_of(wire: Wire) -> SampleFormat {
    match wire {
        Wire::F32 => SampleFormat::F32,
        Wire::F64 => SampleFormat::F64,
        Wire::I32 => SampleFormat::I32,
        Wire::I24 => SampleFormat::I24,
        Wire::I16 => SampleFormat::I16,
        Wire::U8 => SampleFormat::U8,
    }
}

/// Turns what cpal says of an attempt to `attempt` into a fault.
fn fault(attempt: &str, error: &cpal::Error) -> Fault {
    let status = match error.kind() {
        ErrorKind::HostUnavailable => status::UNAVAILABLE,
        ErrorKind::DeviceNotAvailable => status::NO_DEVICE,
        ErrorKind::UnsupportedConfig | ErrorKind::InvalidInput => status::UNSUPPORTED_FORMAT,
        _ => status::FAILED,
    };
    Fault::new(status, format!("{attempt}: {error}"))
}

impl Host {
    /// Reaches audio system `number`, one of [`host`].
    pub fn reach(number: u32) -> Result<Self, Fault> {
        let name = name_of(number);
        let Ok(id) = HostId::from_str(name) else {
            let message = format!("this build of sonset's device library has no backend {name} ({number})");
            return Err(Fault::new(status::UNAVAILABLE, message));
        };
        #[cfg(target_os = "linux")]
        crate::alsa::silence();
        let host = cpal::host_from_id(id)
            .map_err(|error| Fault::new(status::UNAVAILABLE, format!("{name} cannot be used ({error})")))?;
        let system = Self { number, host };
        if number == host::JACK && system.devices()?.is_empty() {
            let message = "no JACK server answers; start one, or check JACK_DEFAULT_SERVER and libjack.so.0";
            return Err(Fault::new(status::UNAVAILABLE, message));
        }
        Ok(system)
    }

    fn devices(&self) -> Result<Vec<(String, cpal::Device)>, Fault> {
        let attempt = || format!("the devices of {} cannot be listed", name_of(self.number));
        let devices = self.host.devices().map_err(|error| fault(&attempt(), &error))?;
        let named = devices.filter_map(|device| Some((device.id().ok()?.id().to_owned(), device)));
        Ok(named.filter(|(id, _)| !self.hides(id)).collect())
    }

    #[cfg(target_os = "linux")]
    fn hides(&self, id: &str) -> bool {
        self.number == host::ALSA && crate::alsa::HIDDEN.contains(&id)
    }

    #[cfg(not(target_os = "linux"))]
    fn hides(&self, _id: &str) -> bool {
        false
    }

    /// The device that is the default now, by its id: a handle that follows the default is not wanted.
    fn default_device(&self, is_output: bool) -> Option<(String, cpal::Device)> {
        let device = match is_output {
            true => self.host.default_output_device()?,
            false => self.host.default_input_device()?,
        };
        let id = device.id().ok().filter(|id| !is_dummy(id.id()))?;
        let pinned = self.host.device_by_id(&id).filter(|device| self.serves(device, is_output));
        Some((id.id().to_owned(), pinned.unwrap_or(device)))
    }

    /// Whether `device` has the direction. cpal's JACK devices claim both and take one, and asking ALSA's
    /// means to open them.
    fn serves(&self, device: &cpal::Device, is_output: bool) -> bool {
        match (device.description(), is_output) {
            (Ok(description), true) => description.supports_output(),
            (Ok(description), false) => description.supports_input(),
            (Err(_), _) => false,
        }
    }
}

impl System for Host {
    fn find(&self, is_output: bool, id: Option<&str>, rate: u32) -> Result<Box<dyn Device>, Fault> {
        let direction = if is_output { "output" } else { "input" };
        let system = name_of(self.number);
        let (id, device) = match id {
            Some(id) => {
                let mut devices = self.devices()?.into_iter();
                devices.find(|(known, device)| known == id && self.serves(device, is_output)).ok_or_else(
                    || Fault::new(status::NO_DEVICE, format!("{system} has no {direction} device '{id}'")),
                )?
            }
            None => self.default_device(is_output).ok_or_else(|| {
                Fault::new(status::NO_DEVICE, format!("{system} has no default {direction} device"))
            })?,
        };
        Ok(Box::new(Found::new(self.number, device, id, is_output, rate)?))
    }

    fn list(&self, each: &mut dyn FnMut(&DeviceInfo)) -> Result<(), Fault> {
        let defaults = [true, false].map(|is_output| self.default_device(is_output).map(|(id, _)| id));
        for (id, device) in self.devices()? {
            if !Text::holds(&id) {
                continue;
            }
            let halves = [true, false].map(|is_output| {
                let serves = self.serves(&device, is_output);
                serves.then(|| Found::new(self.number, device.clone(), id.clone(), is_output, 0).ok())?
            });
            let halves = halves.each_ref().map(|half| half.as_ref().map(|half| half as &dyn Device));
            let info = describe(&id, &halves, &defaults);
            if info.output_channels + info.input_channels > 0 {
                each(&info);
            }
        }
        Ok(())
    }
}

impl Found {
    fn new(system: u32, device: cpal::Device, id: String, is_output: bool, rate: u32) -> Result<Self, Fault> {
        let name = device.to_string();
        let label = format!("{} device '{name}' ({id})", if is_output { "output" } else { "input" });
        let attempt = format!("{label} of {} cannot be opened", name_of(system));
        let offers = offers(&device, is_output).map_err(|error| fault(&attempt, &error))?;
        let own = match is_output {
            true => device.default_output_config(),
            false => device.default_input_config(),
        };
        let own = own.map_err(|error| fault(&attempt, &error))?;
        let abilities = Abilities { label, offers, default_rate: own.sample_rate(), ..Abilities::default() };
        let mut found = Self {
            device,
            system,
            profile: Profile { id, name, is_output, abilities },
            is_hardware: false,
            native_format: String::new(),
        };
        found.learn_native(&own, rate);
        Ok(found)
    }

    /// Finds out what the device does itself where the system in front of it takes more.
    fn learn_native(&mut self, own: &cpal::SupportedStreamConfig, rate: u32) {
        match self.system {
            host::WASAPI => {
                self.profile.abilities.native_rates = Some((own.sample_rate(), own.sample_rate()));
                self.profile.abilities.native_channels = Some(u32::from(own.channels()));
                self.native_format = own.sample_format().to_string();
            }
            host::ALSA => self.probe(rate),
            _ => {}
        }
    }

    #[cfg(target_os = "linux")]
    fn probe(&mut self, rate: u32) {
        let Some(probe) = crate::alsa::Probe::open(&self.profile.id, self.profile.is_output) else { return };
        if !probe.is_hardware() {
            return;
        }
        self.is_hardware = true;
        self.profile.abilities.native_rates = probe.range();
        let asked = [8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000, rate];
        let inside = |rate: &u32| probe.range().is_some_and(|(low, high)| (low..=high).contains(rate));
        self.profile.abilities.gaps =
            asked.into_iter().filter(|rate| inside(rate) && !probe.does(*rate)).collect();
    }

    #[cfg(not(target_os = "linux"))]
    fn probe(&mut self, _rate: u32) {}

    /// Whether blocks of this system all have one size.
    fn has_steady_blocks(&self) -> bool {
        matches!(self.system, host::ALSA | host::JACK | host::ASIO)
    }

    fn build_output(
        &self,
        config: StreamConfig,
        offer: Offer,
        half: Arc<Half>,
    ) -> Result<cpal::Stream, cpal::Error> {
        let samples = Samples { wire: offer.wire, device_channels: offer.channels as usize };
        let mut scratch = half.scratch();
        let stamps = self.stamps();
        let as_they_are = half.takes_as_they_are(samples);
        let notices = self.notices(half.clone());
        let data = move |data: &mut Data, info: &cpal::OutputCallbackInfo| {
            let time = info.timestamp();
            let told = stamps.told(time.playback.checked_duration_since(time.callback));
            match data.as_slice_mut::<f32>() {
                Some(floats) if as_they_are => half.play_plain(floats, told),
                _ => half.play(data.bytes_mut(), samples, &mut scratch, told),
            }
        };
        let format = format_of(offer.wire);
        self.device.build_output_stream_raw(config, format, data, notices, Some(OPEN_TIMEOUT))
    }

    fn build_input(
        &self,
        config: StreamConfig,
        offer: Offer,
        half: Arc<Half>,
    ) -> Result<cpal::Stream, cpal::Error> {
        let samples = Samples { wire: offer.wire, device_channels: offer.channels as usize };
        let mut scratch = half.scratch();
        let stamps = self.stamps();
        let as_they_are = half.takes_as_they_are(samples);
        let notices = self.notices(half.clone());
        let data = move |data: &Data, info: &cpal::InputCallbackInfo| {
            let time = info.timestamp();
            let told = stamps.told(time.callback.checked_duration_since(time.capture));
            match data.as_slice::<f32>() {
                Some(floats) if as_they_are => half.record_plain(floats, told),
                _ => half.record(data.bytes(), samples, &mut scratch, told),
            }
        };
        let format = format_of(offer.wire);
        self.device.build_input_stream_raw(config, format, data, notices, Some(OPEN_TIMEOUT))
    }

    fn stamps(&self) -> Stamps {
        Stamps {
            // ALSA's stamps are the kernel's; those of a server behind a plug-in wander by hundreds of ms.
            usable: self.system != host::ALSA || self.is_hardware,
            // Nothing that plays has no latency.
            zero_is_unknown: self.profile.is_output,
        }
    }

    /// The error callback of cpal. On the audio thread of ALSA, WASAPI and the like it passes no text on,
    /// since taking text takes a lock.
    fn notices(&self, half: Arc<Half>) -> impl FnMut(cpal::Error) + Send + 'static {
        let may_block = self.system == host::JACK;
        move |error| match error.kind() {
            ErrorKind::Xrun => half.xrun(),
            ErrorKind::RealtimeDenied => half.refuse_priority(),
            kind if may_block => half.lose(reason(kind), Some(&error.to_string())),
            kind => half.lose(reason(kind), None),
        }
    }
}

impl Device for Found {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn is_raw_hardware(&self) -> bool {
        self.system == host::ALSA && self.is_hardware && self.profile.id.starts_with("hw:")
    }

    /// A plug-in of ALSA may wait for a server or not wait at all, and JACK sees to its threads itself.
    fn asks_priority(&self) -> bool {
        self.is_raw_hardware()
    }

    fn format(&self, opened: Offer) -> String {
        match self.system {
            host::ALSA if !self.is_raw_hardware() => String::new(),
            host::PIPEWIRE => String::new(),
            _ if !self.native_format.is_empty() => self.native_format.clone(),
            _ => format_of(opened.wire).to_string(),
        }
    }

    fn rate(&self, rate: u32) -> u32 {
        let known = match self.system {
            host::ALSA => self.is_hardware,
            host::PIPEWIRE => false,
            _ => true,
        };
        match self.profile.abilities.native_rates {
            Some((low, high)) if low == high => low,
            _ if known && self.profile.abilities.is_native(rate) => rate,
            _ => 0,
        }
    }

    fn build(
        &self,
        offer: Offer,
        rate: u32,
        block_frames: u32,
        half: &Arc<Half>,
    ) -> Result<(Box<dyn system::Running>, u32), Fault> {
        let buffer_size =
            if block_frames == 0 { BufferSize::Default } else { BufferSize::Fixed(block_frames) };
        let config = StreamConfig { channels: offer.channels as u16, sample_rate: rate, buffer_size };
        let built = match self.profile.is_output {
            true => self.build_output(config, offer, half.clone()),
            false => self.build_input(config, offer, half.clone()),
        };
        let attempt = format!("{} cannot be opened at {rate} Hz", self.profile.abilities.label);
        let stream = built.map_err(|error| fault(&attempt, &error))?;
        let got = stream.buffer_size().unwrap_or(0);
        if !self.has_steady_blocks() {
            return Ok((Box::new(Running(stream)), 0));
        }
        if block_frames != 0 && got != block_frames {
            let label = &self.profile.abilities.label;
            let message = format!("{label} has blocks of {got} frames, not of {block_frames}");
            return Err(Fault::new(status::UNSUPPORTED_FORMAT, message));
        }
        Ok((Box::new(Running(stream)), got))
    }
}

fn reason(kind: ErrorKind) -> u32 {
    match kind {
        ErrorKind::DeviceNotAvailable => loss::GONE,
        ErrorKind::DeviceChanged | ErrorKind::StreamInvalidated => loss::CHANGED,
        ErrorKind::HostUnavailable => loss::SERVER,
        _ => loss::FAILED,
    }
}

impl system::Running for Running {
    fn play(&self, label: &str) -> Result<(), Fault> {
        self.0.play().map_err(|error| fault(&format!("{label} cannot be started"), &error))
    }

    fn pause(&self) -> bool {
        self.0.pause().is_ok()
    }

    /// Drivers and servers may make cpal wait for ever, so this is done on a thread that is left behind if it does
    /// not come back.
    fn close(self: Box<Self>) {
        let (done, wait) = channel();
        let closer = std::thread::Builder::new().name("sonset closing".into());
        let spawned = closer.spawn(move || {
            drop(self);
            // Nobody may be waiting any more.
            let _ = done.send(());
        });
        if spawned.is_ok() {
            let _ = wait.recv_timeout(CLOSE_TIMEOUT);
        }
    }
}

/// What a device can be opened with, in the formats that sonset speaks.
fn offers(device: &cpal::Device, is_output: bool) -> Result<Vec<Offer>, cpal::Error> {
    let ranges: Vec<_> = match is_output {
        true => device.supported_output_configs()?.collect(),
        false => device.supported_input_configs()?.collect(),
    };
    let offers = ranges.into_iter().filter_map(|range| {
        Some(Offer {
            channels: u32::from(range.channels()),
            min_rate: range.min_sample_rate(),
            max_rate: range.max_sample_rate(),
            wire: wire_of(range.sample_format())?,
        })
    });
    Ok(offers.collect())
}

/// Turns the stamps of cpal into delays, and tells which of them are worth nothing.
#[derive(Clone, Copy)]
struct Stamps {
    usable: bool,
    zero_is_unknown: bool,
}

impl Stamps {
    fn told(self, delay: Option<Duration>) -> Told {
        Told::delay(match delay.map(|delay| delay.as_nanos()) {
            Some(0) if self.zero_is_unknown => UNKNOWN_NS,
            Some(delay) if self.usable && delay <= MAX_DELAY_NS => delay as i64,
            _ => UNKNOWN_NS,
        })
    }
}
