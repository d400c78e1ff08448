//! What goes wrong in the device library: a status for sonset and a sentence for people.

use sonset_devices_abi::Status;

/// A failure.
#[derive(Debug)]
pub struct Fault {
    /// One of [`sonset_devices_abi::status`].
    pub status: Status,
    /// What was wrong, with the values.
    pub message: String,
}

impl Fault {
    /// A failure of kind `status`, described by `message`.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}
