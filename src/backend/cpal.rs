//! Placeholder.
use crate::backend::{Callbacks, Driver, Notices, Request};
use crate::device::Device;
use crate::error::{Result, fail};
use std::sync::Arc;
/// Opens.
pub fn open(
    _backend: super::Backend,
    _request: &Request<'_>,
    _callbacks: Callbacks,
    _notices: &Arc<Notices>,
) -> Result<Box<dyn Driver>> {
    fail!(Unsupported, "not yet")
}
/// Lists.
pub fn devices(_backend: super::Backend) -> Result<Vec<Device>> {
    Ok(vec![])
}

/// The system's default.
pub fn system_default() -> Result<super::Backend> {
    fail!(NoDevice, "none")
}
