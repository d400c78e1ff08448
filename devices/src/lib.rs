//! The device layer of sonset behind the C interface of [`sonset_devices_abi`].
//!
//! [`api`] is the way in; [`stream`] starts and stops the halves that a [`system`] builds of its devices, with
//! the formats that [`choice`] settles; [`half`] is what runs on the audio thread. The systems are cpal's
//! ([`host`]) and, for what cpal does not tell, PulseAudio by its own protocol ([`pulse`]).

#[cfg(target_os = "linux")]
mod alsa;
mod api;
mod choice;
mod convert;
mod door;
mod fault;
mod half;
mod host;
mod priority;
#[cfg(target_os = "linux")]
mod pulse;
mod stream;
mod system;

pub use api::sonset_devices_api;
