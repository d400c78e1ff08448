//! What all audio systems have in common: they find devices, devices are opened, and what is opened runs.

use sonset_devices_abi::{DEFAULT_INPUT, DEFAULT_OUTPUT, DeviceInfo, Text, host};
use std::sync::Arc;

use crate::choice::{Abilities, Offer};
use crate::fault::Fault;
use crate::half::Half;
use crate::host::Host;

/// The sink that PulseAudio and PipeWire put up where there is no sound card.
const DUMMY_SINK: &str = "auto_null";

/// Whether the device `id` is there only because no other is.
pub fn is_dummy(id: &str) -> bool {
    id.strip_suffix(".monitor").unwrap_or(id) == DUMMY_SINK
}

/// An audio system that answers.
pub trait System {
    /// Finds the device with `id`, or the default one. `rate` is the rate it may be asked for, or 0.
    fn find(&self, is_output: bool, id: Option<&str>, rate: u32) -> Result<Box<dyn Device>, Fault>;

    /// Hands every device that can be opened to `each`.
    fn list(&self, each: &mut dyn FnMut(&DeviceInfo)) -> Result<(), Fault>;
}

/// What every device has, whatever system it is of.
pub struct Profile {
    pub id: String,
    pub name: String,
    pub is_output: bool,
    pub abilities: Abilities,
}

/// A device in one direction, found and pinned.
pub trait Device {
    /// What every device has.
    fn profile(&self) -> &Profile;

    /// Names the device for the next time.
    fn id(&self) -> &str {
        &self.profile().id
    }

    /// The name a person knows it by.
    fn name(&self) -> &str {
        &self.profile().name
    }

    /// What it can do.
    fn abilities(&self) -> &Abilities {
        &self.profile().abilities
    }

    /// The device's own sample format; empty if unknown.
    fn format(&self, opened: Offer) -> String;

    /// The rate that the device itself runs at when a stream has `rate`; 0 if unknown.
    fn rate(&self, rate: u32) -> u32;

    /// Whether samples go to the card as they are, which nobody else uses then.
    fn is_raw_hardware(&self) -> bool {
        false
    }

    /// Whether the audio thread may ask for realtime priority.
    fn asks_priority(&self) -> bool {
        false
    }

    /// Opens the device as `offer` says, not yet started, and returns the frames of its blocks, 0 if they
    /// vary.
    fn build(
        &self,
        offer: Offer,
        rate: u32,
        block_frames: u32,
        half: &Arc<Half>,
    ) -> Result<(Box<dyn Running>, u32), Fault>;
}

/// A built stream of one direction.
pub trait Running {
    /// Starts the blocks of the device `label`.
    fn play(&self, label: &str) -> Result<(), Fault>;

    /// Stops the blocks; false if this device cannot.
    fn pause(&self) -> bool;

    /// Closes the stream, within seconds whatever the device does.
    fn close(self: Box<Self>);
}

/// Reaches audio system `number`, one of [`host`].
pub fn reach(number: u32) -> Result<Box<dyn System>, Fault> {
    match number {
        #[cfg(target_os = "linux")]
        host::PULSEAUDIO => Ok(Box::new(crate::pulse::Server::reach()?)),
        _ => Ok(Box::new(Host::reach(number)?)),
    }
}

/// What the halves of device `id`, output and input, are together. `defaults` are the ids of the default
/// devices.
pub fn describe(id: &str, halves: &[Option<&dyn Device>; 2], defaults: &[Option<String>; 2]) -> DeviceInfo {
    let mut info = DeviceInfo { id: Text::new(id), ..DeviceInfo::default() };
    for (way, flag) in [DEFAULT_OUTPUT, DEFAULT_INPUT].into_iter().enumerate() {
        let Some(half) = halves[way] else { continue };
        let channels = half.abilities().most_channels();
        *[&mut info.output_channels, &mut info.input_channels][way] = channels;
        if info.max_rate_hz == 0 {
            (info.min_rate_hz, info.max_rate_hz) = half.abilities().rates();
            info.default_rate_hz = half.abilities().own_rate();
            info.name = Text::new(half.name());
        }
        if defaults[way].as_deref() == Some(id) && channels > 0 {
            info.flags |= flag;
        }
    }
    info
}
