#![allow(non_camel_case_types)]

use std::ffi::{CString, c_char};

use super::backend;
use super::guard::{guard, guard_text, not_null, write};
use super::handle::{Table, Visit};
use super::structs::{self, sized};
use crate::device::{Device, Direction};
use crate::error::{Result, fail};

/// A snapshot of the devices of one backend.
pub struct sonset_device_list;

/// What a backend says of a device.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_device_info {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// SONSET_BACKEND_... of the list.
    pub backend: i32,
    /// Most output channels; 0 without outputs.
    pub output_channels: i32,
    /// Most input channels; 0 without inputs.
    pub input_channels: i32,
    /// The rate it runs at unless asked otherwise; 0 if unknown.
    pub default_sample_rate_hz: i32,
    /// Lowest rate; 0 if unknown.
    pub min_sample_rate_hz: i32,
    /// Highest rate; 0 if unknown.
    pub max_sample_rate_hz: i32,
    /// 1 if output is opened on it when no device is named.
    pub is_default_output: i32,
    /// 1 if input is opened on it when no device is named.
    pub is_default_input: i32,
    /// 0.
    pub reserved: i32,
}

sized! { sonset_device_info; }

struct List {
    backend: i32,
    devices: Vec<Entry>,
}

struct Entry {
    device: Device,
    id: CString,
    name: CString,
}

static LISTS: Table<List> = Table::new(1, "device list");

fn entry(device: Device) -> Entry {
    let text = |text: &str| CString::new(text.replace('\0', " ")).unwrap_or_default();
    Entry { id: text(&device.id), name: text(&device.name), device }
}

fn find(list: &List, index: i32) -> Result<&Entry> {
    match usize::try_from(index).ok().and_then(|index| list.devices.get(index)) {
        Some(entry) => Ok(entry),
        None => fail!(InvalidArgument, "device index {index}: the list has {} devices", list.devices.len()),
    }
}

/// The half that C means by a number.
pub(super) fn direction(number: i32) -> Result<Direction> {
    match number {
        1 => Ok(Direction::Output),
        2 => Ok(Direction::Input),
        _ => fail!(InvalidArgument, "{number} is no direction: OUTPUT is 1, INPUT is 2"),
    }
}

/// Lists the devices of a backend (SONSET_BACKEND_...) as they are now. A list never changes; make a new one
/// to see devices that came or went. Destroy it with sonset_device_list_destroy().
///
/// Errors: INVALID_ARGUMENT for a number that is no backend, BACKEND_UNAVAILABLE where this build does not have it
/// or its library or server is missing, NO_DEVICE for SONSET_BACKEND_DEFAULT where no backend has a default
/// device, NULL_POINTER.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_device_list_create(
    backend: i32,
    out_list: *mut *mut sonset_device_list,
) -> i32 {
    guard(|| {
        not_null(out_list, "out_list")?;
        let backend = match backend::from_number(backend)? {
            Some(backend) => backend,
            None => crate::backend::system_default()?,
        };
        let devices = crate::backend::devices(backend)?.into_iter().map(entry).collect();
        let handle = LISTS.insert(List { backend: backend as i32, devices })?;
        // SAFETY: checked not to be null.
        unsafe { write(out_list, handle) };
        Ok(())
    })
}

/// How many devices the list has.
///
/// Errors: NULL_POINTER, INVALID_HANDLE.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_device_list_count(
    list: *const sonset_device_list,
    out_count: *mut i32,
) -> i32 {
    guard(|| {
        let list = LISTS.visit_inherited(list)?;
        not_null(out_count, "out_count")?;
        // SAFETY: checked not to be null.
        unsafe { write(out_count, list.devices.len() as i32) };
        Ok(())
    })
}

/// The id of the device at an index from 0: what sonset_stream_open() takes. Valid until the list is
/// destroyed. NULL, with a message, for an index out of range.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_device_list_get_id(list: *const sonset_device_list, index: i32) -> *const c_char {
    get_text(list, index, |entry| entry.id.as_ptr())
}

/// The name of the device at an index from 0, for people. Valid until the list is destroyed. NULL, with a
/// message, for an index out of range.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_device_list_get_name(list: *const sonset_device_list, index: i32) -> *const c_char {
    get_text(list, index, |entry| entry.name.as_ptr())
}

fn get_text(
    list: *const sonset_device_list,
    index: i32,
    text: impl FnOnce(&Entry) -> *const c_char,
) -> *const c_char {
    guard_text(|| {
        let list: Visit<'_, List> = LISTS.visit_inherited(list)?;
        Ok(text(find(&list, index)?))
    })
}

/// What is known of the device at an index from 0. Set out_info->struct_size, or zero the struct, first.
///
/// Errors: INVALID_ARGUMENT for an index out of range, NULL_POINTER, INVALID_HANDLE.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_device_list_get_info(
    list: *const sonset_device_list,
    index: i32,
    out_info: *mut sonset_device_info,
) -> i32 {
    guard(|| {
        let list = LISTS.visit_inherited(list)?;
        let device = &find(&list, index)?.device;
        let info = sonset_device_info {
            struct_size: 0,
            backend: list.backend,
            output_channels: device.output_channels as i32,
            input_channels: device.input_channels as i32,
            default_sample_rate_hz: device.default_rate_hz as i32,
            min_sample_rate_hz: device.min_rate_hz as i32,
            max_sample_rate_hz: i32::try_from(device.max_rate_hz).unwrap_or(i32::MAX),
            is_default_output: device.is_default_output as i32,
            is_default_input: device.is_default_input as i32,
            reserved: 0,
        };
        // SAFETY: the caller passes a struct of the size that it states.
        unsafe { structs::write(out_info, &info) }
    })
}

/// The index of the default device for a direction (SONSET_DIRECTION_...).
///
/// Errors: NO_DEVICE where there is none, INVALID_ARGUMENT for a number that is no direction, NULL_POINTER,
/// INVALID_HANDLE.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_device_list_find_default(
    list: *const sonset_device_list,
    direction: i32,
    out_index: *mut i32,
) -> i32 {
    guard(|| {
        let list = LISTS.visit_inherited(list)?;
        let direction = self::direction(direction)?;
        not_null(out_index, "out_index")?;
        let is_default = |entry: &Entry| match direction {
            Direction::Output => entry.device.is_default_output,
            Direction::Input => entry.device.is_default_input,
        };
        let Some(index) = list.devices.iter().position(is_default) else {
            fail!(NoDevice, "none of the {} devices is the default for {direction:?}", list.devices.len());
        };
        // SAFETY: checked not to be null.
        unsafe { write(out_index, index as i32) };
        Ok(())
    })
}

/// Destroys a list, and with it the texts it gave. NULL, or a list that was destroyed, does nothing.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_device_list_destroy(list: *mut sonset_device_list) {
    drop(LISTS.remove(list));
}
