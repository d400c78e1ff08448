//! The file that keeps what a lab has measured and decided of a device's output channels: JSON, so that a
//! person, MATLAB, R and Python can read it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::backend::Backend;
use crate::error::{Result, fail};
use crate::stream::Channel;

/// What the file begins with; another number is another meaning.
const FORMAT: &str = "sonset channels 1";

/// The channels of one device.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    format: String,
    /// Name of the backend.
    pub backend: String,
    /// Id of the device.
    pub device: String,
    /// For the reader; devices are told apart by their id.
    device_name: String,
    /// When it was written, Unix time.
    saved_unix_s: u64,
    channels: Vec<Row>,
}

/// One channel.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// From 1.
    channel: i32,
    role: Role,
    #[serde(default)]
    ceiling: Option<f64>,
    #[serde(default)]
    calibration_db_spl: Option<f64>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Audio,
    Trigger,
}

impl Sheet {
    /// Describes `channels` of a device.
    pub fn new(backend: Backend, device: &str, device_name: &str, channels: &[Channel]) -> Self {
        let row = |(index, channel): (usize, &Channel)| Row {
            channel: index as i32 + 1,
            role: if channel.trigger { Role::Trigger } else { Role::Audio },
            ceiling: channel.ceiling,
            calibration_db_spl: channel.calibration_db_spl,
        };
        Self {
            format: FORMAT.into(),
            backend: backend.name().into(),
            device: device.into(),
            device_name: device_name.into(),
            saved_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            channels: channels.iter().enumerate().map(row).collect(),
        }
    }

    /// Writes the file in the place of an older one: a crash leaves the old one or the new one.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = match serde_json::to_string_pretty(self) {
            Ok(text) => text + "\n",
            Err(error) => fail!(Internal, "the channels cannot be written as JSON: {error}"),
        };
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let written = fs::write(&part, text).and_then(|()| fs::rename(&part, path));
        if let Err(error) = written {
            let _ = fs::remove_file(&part);
            fail!(FileIo, "'{}' cannot be written: {error}", path.display());
        }
        Ok(())
    }

    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fail!(FileNotFound, "'{}' is not there", path.display())
            }
            Err(error) => fail!(FileIo, "'{}' cannot be read: {error}", path.display()),
        };
        let sheet: Self = match serde_json::from_str(&text) {
            Ok(sheet) => sheet,
            Err(error) => fail!(FileFormat, "'{}' is no file of channels: {error}", path.display()),
        };
        if sheet.format != FORMAT {
            fail!(FileFormat, "'{}' has the format '{}', not '{FORMAT}'", path.display(), sheet.format);
        }
        Ok(sheet)
    }

    /// Its channels with their index, of a device with `count` of them.
    pub fn channels(&self, path: &Path, count: usize) -> Result<Vec<(usize, Channel)>> {
        let mut channels: Vec<(usize, Channel)> = Vec::with_capacity(self.channels.len());
        for row in &self.channels {
            let number = row.channel;
            if number < 1 || number as usize > count {
                fail!(
                    InvalidArgument,
                    "'{}' has channel {number}, and the stream has channels 1 to {count}",
                    path.display()
                );
            }
            let index = number as usize - 1;
            if channels.iter().any(|(other, _)| *other == index) {
                fail!(FileFormat, "'{}' has channel {number} twice", path.display());
            }
            let channel = Channel {
                trigger: matches!(row.role, Role::Trigger),
                ceiling: row.ceiling,
                calibration_db_spl: row.calibration_db_spl,
            };
            channels.push((index, channel));
        }
        Ok(channels)
    }
}
