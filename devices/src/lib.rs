//! The device layer of sonset: cpal behind the C interface of [`sonset_devices_abi`].
//!
//! [`api`] is the way in; [`stream`] starts and stops the halves that [`host`] builds of cpal's devices, with
//! the formats that [`choice`] settles; [`half`] is what runs on the audio thread.

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
mod stream;

pub use api::sonset_devices_api;
