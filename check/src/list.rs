//! The devices that are there.

use serde::Serialize;
use sonset::backend::{self, Backend, built_in};

use crate::cli::List;
use crate::report::write_json;
use crate::{Failure, Verdict, open};

/// One backend, with its devices or the reason why there are none.
#[derive(Debug, Serialize)]
struct Entry {
    backend: &'static str,
    devices: Vec<Device>,
    unavailable: Option<String>,
}

#[derive(Debug, Serialize)]
struct Device {
    id: String,
    name: String,
    output_channels: u32,
    input_channels: u32,
    default_sample_rate_hz: u32,
    is_default_output: bool,
    is_default_input: bool,
}

/// Lists them.
pub fn run(args: &List) -> Result<Verdict, Failure> {
    let wanted = args.backend.as_deref().map(open::backend).transpose()?;
    let entries: Vec<Entry> = built_in()
        .filter(|backend| *backend != Backend::Manual && wanted.is_none_or(|wanted| wanted == *backend))
        .map(entry)
        .collect();
    match &args.json {
        Some(path) => write_json(path, &entries)?,
        None => entries.iter().for_each(print),
    }
    Ok(Verdict::Pass)
}

fn entry(backend: Backend) -> Entry {
    let (devices, unavailable) = match backend::devices(backend) {
        Ok(devices) => (devices, None),
        Err(error) => (Vec::new(), Some(error.message)),
    };
    let device = |device: sonset::device::Device| Device {
        id: device.id,
        name: device.name,
        output_channels: device.output_channels,
        input_channels: device.input_channels,
        default_sample_rate_hz: device.default_rate_hz,
        is_default_output: device.is_default_output,
        is_default_input: device.is_default_input,
    };
    Entry { backend: backend.name(), devices: devices.into_iter().map(device).collect(), unavailable }
}

fn print(entry: &Entry) {
    println!("{}", entry.backend);
    if let Some(reason) = &entry.unavailable {
        println!("  not available: {reason}");
    } else if entry.devices.is_empty() {
        println!("  no devices");
    }
    for device in &entry.devices {
        let default = match (device.is_default_output, device.is_default_input) {
            (true, true) => ", default",
            (true, false) => ", default output",
            (false, true) => ", default input",
            (false, false) => "",
        };
        println!(
            "  {}  {} ({} out, {} in, {} Hz{default})",
            device.id,
            device.name,
            device.output_channels,
            device.input_channels,
            device.default_sample_rate_hz
        );
    }
}
