//! What is known of a device: a snapshot, never a live object.

/// The direction of a half of a stream, or of a device's channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the host to the device.
    Output,
    /// From the device to the host.
    Input,
}

/// One device as its backend described it when the list was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Device {
    /// Names the device to `open`; stable as long as the device is.
    pub id: String,
    /// The name a person knows it by.
    pub name: String,
    /// Most output channels; 0 for a device without outputs.
    pub output_channels: u32,
    /// Most input channels; 0 for a device without inputs.
    pub input_channels: u32,
    /// The rate it runs at unless asked otherwise; 0 if unknown.
    pub default_rate_hz: u32,
    /// The lowest rate it says it does; 0 if unknown.
    pub min_rate_hz: u32,
    /// The highest rate it says it does; 0 if unknown.
    pub max_rate_hz: u32,
    /// Whether an output is opened on it when no device is named.
    pub is_default_output: bool,
    /// Whether an input is opened on it when no device is named.
    pub is_default_input: bool,
}
