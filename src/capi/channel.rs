#![allow(non_camel_case_types)]

use std::ffi::c_char;

use super::buffer::{self, sonset_buffer};
use super::guard::{file_name, guard};
use super::stream::{get, sonset_stream};
use super::structs::{self, sized, switch};
use crate::error::{Result, fail};
use crate::stream::Channel;

/// What an output channel is for, how loud it may be, and how loud it is. All zeros: sound, up to the stream's
/// ceiling, not calibrated.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_channel_params {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// SONSET_CHANNEL_...
    pub role: i32,
    /// Largest magnitude that leaves the channel, above 0 and up to 1; 0 takes the stream's on an audio channel
    /// and 1 on a trigger line, which takes no other.
    pub ceiling: f64,
    /// Sound pressure level, in dB SPL, of a signal whose RMS is 1 on this channel: the level that a sound level
    /// meter shows for a tone, minus 20 log10 of the tone's RMS (its amplitude / sqrt 2). Used if
    /// has_calibration is 1.
    pub calibration_db_spl: f64,
    /// 1 if the channel is calibrated.
    pub has_calibration: i32,
    /// 0.
    pub reserved: i32,
}

/// How loud one channel of a sound is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_level {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// 1 if db_spl is known: the output channel is calibrated.
    pub has_db_spl: i32,
    /// Root mean square over all frames, linear, 1 is full scale.
    pub rms: f64,
    /// Largest magnitude, linear.
    pub peak: f64,
    /// Sound pressure level at unity gain, in dB SPL: calibration_db_spl + 20 log10(rms), -INFINITY for
    /// silence; 0 where it is not known. To play at another level, set gain_db to that level minus this one.
    pub db_spl: f64,
    /// The gain_db at which the peak reaches the ceiling (of the output channel, or 1), +INFINITY for silence.
    pub headroom_db: f64,
}

sized! {
    sonset_channel_params;
    sonset_level;
}

/// Sets params to their defaults.
///
/// Errors: NULL_POINTER. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_channel_params_init(params: *mut sonset_channel_params) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    unsafe { structs::init(params) }
}

/// Says what an output channel (from 1) is for: SONSET_CHANNEL_... A new role has no ceiling and no
/// calibration of its own. Before the stream starts or while it is stopped, and while no action is alive; INVALID_STATE
/// too while another thread starts or stops it. Whatever plays was checked against the role and the ceiling that its
/// channels have then.
///
/// Errors: INVALID_STATE, INVALID_ARGUMENT, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_set_channel_role(
    stream: *mut sonset_stream,
    channel: i32,
    role: i32,
) -> i32 {
    guard(|| {
        let stream = get(stream)?;
        stream.set_channel_role(channel, switch(role, "role (CHANNEL_AUDIO is 0, CHANNEL_TRIGGER is 1)")?)
    })
}

/// Says everything of an output channel (from 1) at once; params NULL stands for all zeros. A role or a
/// ceiling changes as by sonset_stream_set_channel_role(), the calibration at any time. The ceiling is digital, and the calibration is what was measured: neither
/// knows of an amplifier that is turned up afterwards.
///
/// Errors: INVALID_STATE, INVALID_ARGUMENT, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_set_channel(
    stream: *mut sonset_stream,
    channel: i32,
    params: *const sonset_channel_params,
) -> i32 {
    guard(|| {
        let stream = get(stream)?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let params = convert(&unsafe { structs::read(params) }?)?;
        stream.set_channel(channel, params)
    })
}

/// What is known of an output channel (from 1); its ceiling is the one that counts. Set
/// out_params->struct_size, or zero the struct, first.
///
/// Errors: INVALID_STATE without an output, INVALID_ARGUMENT, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_get_channel(
    stream: *const sonset_stream,
    channel: i32,
    out_params: *mut sonset_channel_params,
) -> i32 {
    guard(|| {
        let stream = get(stream)?;
        // SAFETY: the caller passes NULL or a struct that states its size.
        unsafe { structs::check_out(out_params) }?;
        let channel = stream.channel(channel)?;
        let params = sonset_channel_params {
            struct_size: 0,
            role: channel.trigger as i32,
            ceiling: channel.ceiling.unwrap_or_default(),
            calibration_db_spl: channel.calibration_db_spl.unwrap_or_default(),
            has_calibration: channel.calibration_db_spl.is_some() as i32,
            reserved: 0,
        };
        // SAFETY: checked above.
        unsafe { structs::write(out_params, &params) }
    })
}

/// Writes roles, ceilings and calibrations of all output channels to a JSON file, with the id of the device.
/// An older file at path is replaced whole.
///
/// Errors: FILE_IO, INVALID_STATE without an output, INVALID_HANDLE, NULL_POINTER, INVALID_ARGUMENT for an
/// empty path.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_save_channels(
    stream: *const sonset_stream,
    path: *const c_char,
) -> i32 {
    guard(|| {
        let stream = get(stream)?;
        // SAFETY: the caller passes NULL or a string that ends with a zero.
        stream.save_channels(unsafe { file_name(path) }?)
    })
}

/// Takes over what such a file says, wholly or not at all. The file must be of this backend and this device.
/// When it can be done is as for sonset_stream_set_channel().
///
/// Errors: FILE_NOT_FOUND, FILE_FORMAT, FILE_IO, INVALID_ARGUMENT for a file of another device or with channels
/// that the stream lacks, INVALID_STATE, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_load_channels(stream: *mut sonset_stream, path: *const c_char) -> i32 {
    guard(|| {
        let stream = get(stream)?;
        // SAFETY: the caller passes NULL or a string that ends with a zero.
        stream.load_channels(unsafe { file_name(path) }?)
    })
}

/// How loud a channel (from 1) of a buffer is on an output channel (from 1) at unity gain, with no ramps. Of a
/// buffer that is being recorded into, the frames done so far count. Set out_level->struct_size, or zero the
/// struct, first.
///
/// Errors: INVALID_STATE without an output, INVALID_ARGUMENT, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_get_level(
    stream: *const sonset_stream,
    channel: i32,
    buffer: *const sonset_buffer,
    buffer_channel: i32,
    out_level: *mut sonset_level,
) -> i32 {
    guard(|| {
        let stream = get(stream)?;
        let buffer = buffer::get(buffer)?;
        // SAFETY: the caller passes NULL or a struct that states its size.
        unsafe { structs::check_out(out_level) }?;
        let level = stream.level(channel, &buffer, buffer_channel)?;
        let level = sonset_level {
            struct_size: 0,
            has_db_spl: level.db_spl.is_some() as i32,
            rms: level.rms,
            peak: level.peak,
            db_spl: level.db_spl.unwrap_or_default(),
            headroom_db: level.headroom_db,
        };
        // SAFETY: checked above.
        unsafe { structs::write(out_level, &level) }
    })
}

fn convert(params: &sonset_channel_params) -> Result<Channel> {
    let trigger = switch(params.role, "role (CHANNEL_AUDIO is 0, CHANNEL_TRIGGER is 1)")?;
    let calibrated = switch(params.has_calibration, "has_calibration")?;
    if !calibrated && params.calibration_db_spl != 0.0 {
        fail!(
            InvalidArgument,
            "calibration_db_spl is {}, but has_calibration is 0",
            params.calibration_db_spl
        );
    }
    if params.reserved != 0 {
        fail!(InvalidArgument, "reserved is {}, not 0", params.reserved);
    }
    Ok(Channel {
        trigger,
        ceiling: (params.ceiling != 0.0).then_some(params.ceiling),
        calibration_db_spl: calibrated.then_some(params.calibration_db_spl),
    })
}
