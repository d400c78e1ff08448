//! PulseAudio by its own protocol, as PipeWire speaks it too.
//!
//! cpal tells neither which sample was at the converter when, nor that samples were lost, and lets the server drop
//! what a busy program is slow to take. Here each half of a stream has a connection and a thread of its own:
//!
//! ```text
//! link    connect, show the cookie, ask and be answered, before there is a stream
//! device  sinks and sources, and how they are opened
//! running the thread of a half, as the host sees it
//! pump    the thread itself: requests in, samples out, or the other way round; what the server has to say
//! inbox   its messages, one after another; outbox: those to it
//! clock   from the server's answers to: this frame was at the converter at that time
//! ```

mod clock;
mod device;
mod inbox;
mod link;
mod outbox;
mod pump;
mod running;

use pulseaudio::protocol::{self, Command, GetSinkInfo, GetSourceInfo};
use sonset_devices_abi::{DeviceInfo, Text, status};
use std::cell::RefCell;
use std::ffi::{CStr, CString};

use crate::fault::Fault;
use crate::system::{Device, System, describe, is_dummy};
use device::Found;
use link::Link;

/// A server that answers.
pub struct Server(RefCell<Link>);

impl Server {
    /// Reaches the server that the environment names.
    pub fn reach() -> Result<Self, Fault> {
        Ok(Self(RefCell::new(Link::connect()?)))
    }

    fn sink(&self, name: &CStr) -> Result<Found, Fault> {
        let command = Command::GetSinkInfo(GetSinkInfo { index: None, name: Some(name.to_owned()) });
        self.0.borrow_mut().ask::<protocol::SinkInfo>(&command).map(Found::sink)
    }

    fn source(&self, name: &CStr) -> Result<Found, Fault> {
        let command = Command::GetSourceInfo(GetSourceInfo { index: None, name: Some(name.to_owned()) });
        self.0.borrow_mut().ask::<protocol::SourceInfo>(&command).map(Found::source)
    }

    /// The device that is the default now: its own name, which stays its own when another becomes the default.
    fn default_device(&self, is_output: bool) -> Option<Found> {
        let found = match is_output {
            true => self.sink(protocol::DEFAULT_SINK),
            false => self.source(protocol::DEFAULT_SOURCE),
        };
        found.ok().filter(|found| !is_dummy(found.id()))
    }
}

impl System for Server {
    fn find(&self, is_output: bool, id: Option<&str>, _rate: u32) -> Result<Box<dyn Device>, Fault> {
        let direction = if is_output { "output" } else { "input" };
        let Some(id) = id else {
            let none =
                || Fault::new(status::NO_DEVICE, format!("PulseAudio has no default {direction} device"));
            return Ok(Box::new(self.default_device(is_output).ok_or_else(none)?));
        };
        let unknown =
            || Fault::new(status::NO_DEVICE, format!("PulseAudio has no {direction} device '{id}'"));
        // The names of defaults are no ids: a device is pinned.
        let name = CString::new(id).ok().filter(|_| !id.starts_with('@')).ok_or_else(unknown)?;
        let found = if is_output { self.sink(&name) } else { self.source(&name) };
        match found {
            Ok(found) => Ok(Box::new(found)),
            Err(fault) if fault.status == status::NO_DEVICE => Err(unknown()),
            Err(fault) => Err(fault),
        }
    }

    fn list(&self, each: &mut dyn FnMut(&DeviceInfo)) -> Result<(), Fault> {
        let defaults = [true, false].map(|way| self.default_device(way).map(|found| found.id().to_owned()));
        let sinks = self.0.borrow_mut().ask::<protocol::SinkInfoList>(&Command::GetSinkInfoList)?;
        let sources = self.0.borrow_mut().ask::<protocol::SourceInfoList>(&Command::GetSourceInfoList)?;
        let found = sinks.into_iter().map(Found::sink).chain(sources.into_iter().map(Found::source));
        for device in found.filter(|device| Text::holds(device.id())) {
            let half = |is_output| (device.is_output() == is_output).then_some(&device as &dyn Device);
            each(&describe(device.id(), &[half(true), half(false)], &defaults));
        }
        Ok(())
    }
}
