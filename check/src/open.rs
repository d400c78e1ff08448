//! The stream that is measured.

use sonset::backend::{Backend, built_in};
use sonset::stream::{Config, Info, Stream};

use crate::Failure;
use crate::cli::Device;

/// Opens the device with so many channels.
pub fn open(device: &Device, output_channels: u32, input_channels: u32) -> Result<Stream, Failure> {
    let config = Config {
        backend: device.backend.as_deref().map(backend).transpose()?,
        sample_rate_hz: device.rate,
        output_channels,
        input_channels,
        block_frames: device.block,
        output_device: device.output.clone(),
        input_device: device.input.clone(),
        options: device.options.clone(),
        ..Config::default()
    };
    Ok(Stream::open(&config)?)
}

/// The backend of this name, if this build can open it.
pub fn backend(name: &str) -> Result<Backend, Failure> {
    let names =
        || built_in().map(Backend::name).filter(|name| *name != "manual").collect::<Vec<_>>().join(", ");
    built_in()
        .find(|backend| backend.name() == name && *backend != Backend::Manual)
        .ok_or_else(|| Failure(format!("there is no backend '{name}'; this build has {}", names())))
}

/// One line on the device, rate and block.
pub fn describe(info: &Info) -> String {
    let opened = &info.opened;
    let names: Vec<&str> = [&opened.output_device_name, &opened.input_device_name]
        .into_iter()
        .map(String::as_str)
        .filter(|name| !name.is_empty())
        .collect();
    let names = match names[..] {
        [output, input] if output != input => format!("{output} / {input}"),
        [name, ..] => name.into(),
        [] => "no name".into(),
    };
    let block = match opened.block_frames {
        0 => "blocks that vary".into(),
        frames => format!("blocks of {frames}"),
    };
    format!("{}: {names}, {} Hz, {block}", info.format.backend.name(), opened.sample_rate_hz)
}

/// Whether there is no hardware behind the stream.
pub fn is_virtual(info: &Info) -> bool {
    matches!(info.format.backend, Backend::Virtual | Backend::Manual)
}
