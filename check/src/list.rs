//! `sonset-check list`: backends and their devices.

use serde::Serialize;
use serde_json::json;
use sonset::backend::{self, Backend};

use crate::cli::ListArgs;
use crate::report;

/// A backend as it is now.
#[derive(Debug, Serialize)]
struct Listed {
    backend: &'static str,
    /// Why it cannot be used; `None` if it can.
    unavailable: Option<String>,
    devices: Vec<Device>,
}

#[derive(Debug, Serialize)]
struct Device {
    id: String,
    name: String,
    output_channels: u32,
    input_channels: u32,
    /// Zeros stand for unknown.
    default_rate_hz: u32,
    min_rate_hz: u32,
    max_rate_hz: u32,
    default_output: bool,
    default_input: bool,
}

impl From<sonset::device::Device> for Device {
    fn from(device: sonset::device::Device) -> Self {
        Self {
            id: device.id,
            name: device.name,
            output_channels: device.output_channels,
            input_channels: device.input_channels,
            default_rate_hz: device.default_rate_hz,
            min_rate_hz: device.min_rate_hz,
            max_rate_hz: device.max_rate_hz,
            default_output: device.is_default_output,
            default_input: device.is_default_input,
        }
    }
}

/// Lists everything, and gives the exit status.
pub fn run(args: &ListArgs) -> u8 {
    let backends: Vec<Listed> =
        backend::built_in().filter(|backend| *backend != Backend::Manual).map(look).collect();
    let Some(path) = &args.json else {
        report::say(&backends.iter().map(text).collect::<String>());
        return report::PASSED;
    };
    let list = json!({ "tool": "sonset-check", "version": env!("CARGO_PKG_VERSION"), "backends": backends });
    match report::write_json(path, &list) {
        Ok(()) => report::PASSED,
        Err(error) => {
            eprintln!("sonset-check: '{}' could not be written: {error}", path.display());
            report::NOT_MEASURED
        }
    }
}

fn look(backend: Backend) -> Listed {
    let (devices, unavailable) = match backend::devices(backend) {
        Ok(devices) => (devices.into_iter().map(Device::from).collect(), None),
        Err(error) => (Vec::new(), Some(error.message)),
    };
    Listed { backend: backend.name(), unavailable, devices }
}

/// A backend and its devices, for a person.
fn text(listed: &Listed) -> String {
    let devices = match &listed.unavailable {
        Some(why) => format!("  not available: {why}\n"),
        None if listed.devices.is_empty() => "  no devices\n".into(),
        None => listed.devices.iter().map(device_text).collect(),
    };
    format!("{}\n{devices}", listed.backend)
}

fn device_text(device: &Device) -> String {
    let default = match (device.default_output, device.default_input) {
        (true, true) => "  [default output and input]",
        (true, false) => "  [default output]",
        (false, true) => "  [default input]",
        (false, false) => "",
    };
    let hertz = |rate: u32| if rate == 0 { "unknown".into() } else { format!("{rate} Hz") };
    let Device { id, name, output_channels, input_channels, .. } = device;
    let (low, high) = (hertz(device.min_rate_hz), hertz(device.max_rate_hz));
    let rate = hertz(device.default_rate_hz);
    format!(
        "  {name}{default}\n    id        {id}\n    channels  {output_channels} out, {input_channels} in\n    \
         rate      {rate}, from {low} to {high}\n"
    )
}
