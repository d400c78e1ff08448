#![allow(non_camel_case_types)]

use std::ffi::{CString, c_char};
use std::ops::Deref;

use super::backend;
use super::block::{self, Terms};
use super::device::direction;
use super::guard::{guard, guard_text, not_null, optional_text, write};
use super::handle::{Table, Visit};
use super::start::{host_clock, host_time};
use super::structs::{self, sized};
use crate::backend::Backend;
use crate::buffer::is_releasing;
use crate::device::Direction;
use crate::error::{Code, Result, fail};
use crate::realtime::block::{Input, Output};
use crate::stream::{Config, Info, Stream};

/// A stream to a device, or driven by the host.
pub struct sonset_stream;

/// What to open. All zeros: the system's default device, stereo output, its own rate and block size.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_stream_config {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// SONSET_BACKEND_...
    pub backend: i32,
    /// Rate in hertz, up to 768000; 0 takes the device's. A rate that the device lacks is refused, never converted.
    pub sample_rate_hz: i32,
    /// Output channels, 1 to 256; 0 opens no output, but 2 where input_channels is 0 too.
    pub output_channels: i32,
    /// Input channels, 1 to 256; 0 opens no input.
    pub input_channels: i32,
    /// Frames of a block; 0 takes the device's.
    pub block_frames: i32,
    /// Actions that can be alive at a time, up to 1048576; 0 is 1024. What sounds or records takes its time in each
    /// callback; whatever else is asked for is bounded. In each 256 frames 1024 actions start, the ends of 1024 are
    /// reported, 1024 that follow others or wait for a host time get their place, and 4096 pauses, resumes and seeks
    /// begin. Starts beyond that are late, and their late policy decides; reports beyond it come later and say the same.
    pub max_actions: i32,
    /// Round trip of the virtual backend in frames, at least one block; 0 is one block.
    pub virtual_latency_frames: i32,
    /// Frames of input kept for recordings that start in the past; 0 for none. At most 1048576 samples, all
    /// channels together: a recording copies its part of them in one callback, about 1 ns a sample.
    pub history_frames: i64,
    /// Largest magnitude that leaves an audio channel, above 0 and up to 1; 0 is 1. It is digital: the sound
    /// pressure is up to the amplifier.
    pub ceiling: f64,
    /// Fade of stop, close and, if nothing else is said, cancel, in milliseconds up to 10000; 0 is 5,
    /// -1 cuts.
    pub fade_ms: f64,
    /// Noise that keeps an output awake which goes to sleep on digital silence, and then swallows the begin of the
    /// next sound: its largest magnitude in decibels re full scale, -150 to -80; 0 for none. Of an output of 24 bits
    /// -138 is the last bit, of 16 bits -90. It is white, of triangular distribution (its RMS is 7.8 dB lower), the
    /// same in every run, and in each audio channel from 100 ms of zeros on until a sample is not zero; trigger lines
    /// never have it. What is recorded of the output contains it.
    pub dither_db: f64,
}

/// What is known of a stream. Latencies that are not known are -1.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_stream_info {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// SONSET_STREAM_...
    pub state: i32,
    /// SONSET_BACKEND_..., never the default.
    pub backend: i32,
    /// Rate in hertz.
    pub sample_rate_hz: i32,
    /// Rate at which the device itself runs; 0 if unknown.
    pub device_sample_rate_hz: i32,
    /// 1 if the operating system or the server converts between the two.
    pub os_resamples: i32,
    /// Output channels.
    pub output_channels: i32,
    /// Input channels.
    pub input_channels: i32,
    /// Frames of a block; 0 where it is unknown or varies.
    pub block_frames: i32,
    /// Actions that can be alive at a time.
    pub max_actions: i32,
    /// 1 if one callback serves both directions.
    pub duplex: i32,
    /// 1 if both directions are known to run from one clock.
    pub common_clock: i32,
    /// SONSET_SHARE_...
    pub share_mode: i32,
    /// SONSET_GRANTED_...: realtime priority of the callback's thread.
    pub realtime: i32,
    /// SONSET_GRANTED_...: whether all memory of the stream that its callbacks work with is locked into RAM. What is
    /// not has been touched all the same; buffers and rings say it of themselves.
    pub memory_locked: i32,
    /// SONSET_LATENCY_...
    pub latency_source: i32,
    /// From the callback to the converter.
    pub output_latency_frames: i64,
    /// From the converter to the callback.
    pub input_latency_frames: i64,
    /// From output frame n to the input frame number in which it comes back through a wire; -1 if unknown. As the
    /// backend reports it; where each direction has a callback of its own, as of now by the clock fits of
    /// both halves once they have settled: with the reported latencies and biases in it, and other after a slip. Where
    /// those are too small it can be negative; see has_round_trip.
    pub round_trip_frames: i64,
    /// Frames of the stream's fade (fade_ms).
    pub fade_frames: i64,
    /// Added to the output's latency by sonset_stream_set_latency_bias().
    pub output_latency_bias_ns: i64,
    /// Added to the input's latency likewise.
    pub input_latency_bias_ns: i64,
    /// SONSET_STAMPS_...: what the output's time stamps are worth.
    pub output_stamps: i32,
    /// The same of the input's.
    pub input_stamps: i32,
    /// SONSET_LATENCY_WARNING_...
    pub latency_warning: i32,
    /// 1 if there is no hardware: timing says nothing about this machine.
    pub is_virtual: i32,
    /// Largest magnitude of the noise in digital silence, in decibels re full scale; 0 without it.
    pub dither_db: f64,
    /// 1 if round_trip_frames is known.
    pub has_round_trip: i32,
    /// 0.
    pub reserved: i32,
}

/// Where one half of a stream is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_stream_time {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// 0.
    pub reserved: i32,
    /// First frame of the next block: what a start NOW gets, unless a block begins before the call is through.
    pub frame: i64,
    /// First frame that a call made now surely reaches: two blocks and 5 ms ahead of where the device is by the
    /// clock, so later than a start NOW by these. On a manual stream, or while the stream does not run, it is frame.
    pub earliest_frame: i64,
    /// Time of frame at the converter, by the clock MONOTONIC, latency and bias included; -1 if unknown.
    pub host_ns: i64,
    /// How much faster than its nominal rate the device runs by the host's clock, in parts per million.
    pub ppm: f64,
    /// Uncertainty of host_ns: 99 in 100 readings are nearer, but where a server filters its clock over more than
    /// twice the time that the stream has run, or 80 s. Of the clock fit only, not of the latency; -1 where it is not known.
    pub host_uncertainty_ns: i64,
    /// SONSET_LATENCY_...
    pub latency_source: i32,
    /// SONSET_STAMPS_...
    pub stamps: i32,
}

/// Counts of a stream since it was opened.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_stream_stats {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// 1 if the receipt log could not be written.
    pub log_failed: i32,
    /// Blocks made.
    pub callbacks: i64,
    /// Output underflows.
    pub output_xruns: i64,
    /// Input overflows.
    pub input_xruns: i64,
    /// Output samples that the guard limited to the ceiling.
    pub clipped_samples: i64,
    /// Samples that were NaN or infinite and became silence.
    pub nonfinite_samples: i64,
    /// Largest block in frames.
    pub largest_block_frames: i64,
    /// Actions that have not ended.
    pub live_actions: i64,
    /// Actions that can still be issued now.
    pub free_actions: i64,
    /// Receipts to be polled.
    pub receipts_waiting: i64,
    /// Receipts that were dropped before they were polled.
    pub receipts_dropped: i64,
    /// Steps found in the output's time stamps.
    pub output_discontinuities: i64,
    /// Steps found in the input's time stamps.
    pub input_discontinuities: i64,
}

sized! {
    sonset_stream_config;
    sonset_stream_info;
    sonset_stream_time;
    sonset_stream_stats;
}

/// A stream with the texts that it lends to C.
pub(super) struct Handle {
    stream: Stream,
    device_ids: [CString; 2],
    device_names: [CString; 2],
    sample_format: CString,
}

impl Deref for Handle {
    type Target = Stream;

    fn deref(&self) -> &Stream {
        &self.stream
    }
}

pub(super) static STREAMS: Table<Handle> = Table::new(3, "stream");

/// The stream that `handle` stands for.
pub(super) fn get(handle: *const sonset_stream) -> Result<Visit<'static, Handle>> {
    STREAMS.visit(handle)
}

/// Sets config to its defaults.
///
/// Errors: NULL_POINTER. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_config_init(config: *mut sonset_stream_config) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    unsafe { structs::init(config) }
}

/// Opens a stream. It makes no sound before sonset_stream_start(), but takes actions already. Destroy it with
/// sonset_stream_destroy().
///
/// config NULL stands for all zeros. A device is named by its id from a device list; NULL is the default one
/// of the backend, resolved now: it stays the same device for the stream's life. Where there is none, opening
/// fails: no stream falls back to silence by itself, and only its own id names the virtual device. An empty id
/// is an error. options is "key=value;key=value" or NULL:
///   manual   callbacks=duplex|separate
///   jack     client_name=NAME; server=NAME; autoconnect=on|off; output_ports=P,P,...; input_ports=P,P,...
///            (a client's name has at most 63 bytes; on, which is the default: channel k to the card's port k, and a
///            channel without one is refused with UNSUPPORTED_FORMAT, by jack-separate always)
///   virtual  none; a device id may carry a fault plan: "virtual:lose_at=FRAME,ppm=X,jitter_ns=X,..."
///   others   os_resample=on|off (whether the system may convert the rate, which is then said in the info)
///
/// Errors: NO_DEVICE, BACKEND_UNAVAILABLE, UNSUPPORTED_FORMAT, DEVICE_FAILED, INVALID_ARGUMENT, UNSUPPORTED,
/// OUT_OF_MEMORY, NULL_POINTER.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_open(
    config: *const sonset_stream_config,
    output_device: *const c_char,
    input_device: *const c_char,
    options: *const c_char,
    out_stream: *mut *mut sonset_stream,
) -> i32 {
    guard(|| {
        not_null(out_stream, "out_stream")?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let mut config = convert(&unsafe { structs::read(config) }?)?;
        // SAFETY: the caller passes NULL or a text.
        config.output_device = unsafe { optional_text(output_device, "output_device") }?.map(String::from);
        // SAFETY: the caller passes NULL or a text.
        config.input_device = unsafe { optional_text(input_device, "input_device") }?.map(String::from);
        // SAFETY: the caller passes NULL or a text.
        config.options = unsafe { optional_text(options, "options") }?.unwrap_or_default().into();
        let handle = STREAMS.insert(open(&config)?)?;
        // SAFETY: checked not to be null.
        unsafe { write(out_stream, handle) };
        Ok(())
    })
}

fn convert(config: &sonset_stream_config) -> Result<Config> {
    let count = |value: i32, name: &str| match u32::try_from(value) {
        Ok(value) => Ok(value),
        Err(_) => fail!(InvalidArgument, "{name} is {value}"),
    };
    let input_channels = count(config.input_channels, "input_channels")?;
    let output_channels = match count(config.output_channels, "output_channels")? {
        0 if input_channels == 0 => 2,
        channels => channels,
    };
    let sample_rate_hz = count(config.sample_rate_hz, "sample_rate_hz")?;
    if sample_rate_hz > 768_000 {
        fail!(InvalidArgument, "sample_rate_hz is {sample_rate_hz}: up to 768000, or 0 for the device's");
    }
    let ceiling = config.ceiling as f32;
    if !(0.0..=1.0).contains(&config.ceiling) || (ceiling == 0.0 && config.ceiling != 0.0) {
        fail!(InvalidArgument, "ceiling is {}: above 1e-45 and up to 1, or 0 for 1", config.ceiling);
    }
    Ok(Config {
        backend: backend::from_number(config.backend)?,
        sample_rate_hz,
        output_channels,
        input_channels,
        block_frames: count(config.block_frames, "block_frames")?,
        history_frames: match u32::try_from(config.history_frames) {
            Ok(frames) => frames,
            Err(_) => fail!(InvalidArgument, "history_frames is {}", config.history_frames),
        },
        max_actions: count(config.max_actions, "max_actions")?,
        ceiling,
        virtual_latency_frames: count(config.virtual_latency_frames, "virtual_latency_frames")?,
        fade_ms: config.fade_ms,
        dither_db: config.dither_db,
        ..Config::default()
    })
}

fn open(config: &Config) -> Result<Handle> {
    let stream = Stream::open(config)?;
    let opened = stream.info().opened;
    let text = |text: &str| CString::new(text.replace('\0', " ")).unwrap_or_default();
    Ok(Handle {
        device_ids: [text(&opened.output_device_id), text(&opened.input_device_id)],
        device_names: [text(&opened.output_device_name), text(&opened.input_device_name)],
        sample_format: text(&opened.sample_format),
        stream,
    })
}

/// Starts a stream. Frames count on from where they stopped. Nothing happens if it runs already.
///
/// Errors: DEVICE_FAILED, BACKEND_UNAVAILABLE, STREAM_CLOSED, DEVICE_LOST, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_start(stream: *mut sonset_stream) -> i32 {
    guard(|| get(stream)?.start())
}

/// Fades all sounds out (fade_ms), ends all actions as SONSET_OUTCOME_STREAM_STOPPED and stops the device;
/// batches that are not committed stay. The
/// stream can be started again. Nothing happens if it does not run. A manual stream cannot fade, since the
/// host makes its blocks: cancel everything and process a last block before stopping it.
///
/// Errors: DEVICE_FAILED where the device does not stop (the stream is then lost), INVALID_HANDLE,
/// NULL_POINTER.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_stop(stream: *mut sonset_stream) -> i32 {
    guard(|| get(stream)?.stop())
}

/// Stops a stream and closes its device for good. Every action has its receipt then; receipts and info stay
/// readable until the stream is destroyed. Nothing happens if it is closed already.
///
/// Errors: INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_close(stream: *mut sonset_stream) -> i32 {
    guard(|| {
        get(stream)?.close();
        Ok(())
    })
}

/// Closes a stream and destroys it, receipts too. Waits for calls of other threads that use it. NULL, or a
/// stream that was destroyed, does nothing. Not from within sonset_stream_process(). From within a release callback it
/// returns at once, and the stream is destroyed soon after, on another thread.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_destroy(stream: *mut sonset_stream) {
    guard(|| {
        // A release function may be called from a call that still uses the stream, which would wait for itself.
        if is_releasing() && STREAMS.try_visit(stream).is_ok() {
            let address = stream.addr();
            let later = move || destroy(std::ptr::without_provenance(address));
            let thread = std::thread::Builder::new().name("sonset destroy".into()).spawn(later);
            return match thread {
                Ok(_) => Ok(()),
                Err(error) => fail!(OutOfMemory, "no thread to destroy the stream on: {error}"),
            };
        }
        destroy(stream);
        Ok(())
    });
}

fn destroy(stream: *const sonset_stream) {
    if let Ok(open) = STREAMS.try_visit(stream) {
        open.close();
    }
    drop(STREAMS.remove(stream));
}

/// What is known of a stream. Set out_info->struct_size, or zero the struct, first.
///
/// Errors: INVALID_ARGUMENT for a wrong struct_size, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_get_info(
    stream: *mut sonset_stream,
    out_info: *mut sonset_stream_info,
) -> i32 {
    guard(|| {
        let stream = get(stream)?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        unsafe { structs::check_out(out_info) }?;
        let info = stream.info();
        let (format, opened) = (&info.format, &info.opened);
        let calibrated = info.bias_ns.iter().any(Option::is_some);
        let known = opened.output_latency_frames.is_some()
            || opened.input_latency_frames.is_some()
            || info.round_trip_frames.is_some();
        let info = sonset_stream_info {
            struct_size: 0,
            state: info.state as i32,
            backend: format.backend as i32,
            sample_rate_hz: format.sample_rate_hz as i32,
            device_sample_rate_hz: opened.device_rate_hz as i32,
            os_resamples: opened.os_resamples as i32,
            output_channels: format.output_channels as i32,
            input_channels: format.input_channels as i32,
            block_frames: opened.block_frames as i32,
            max_actions: info.max_actions as i32,
            duplex: opened.duplex as i32,
            common_clock: opened.common_clock as i32,
            share_mode: opened.share_mode as i32,
            realtime: opened.realtime as i32,
            memory_locked: if info.memory_locked { 1 } else { 2 },
            latency_source: if calibrated { 2 } else { known as i32 },
            output_latency_frames: opened.output_latency_frames.unwrap_or(-1),
            input_latency_frames: opened.input_latency_frames.unwrap_or(-1),
            round_trip_frames: info.round_trip_frames.unwrap_or(-1),
            fade_frames: format.fade_frames,
            output_latency_bias_ns: info.bias_ns[0].unwrap_or(0),
            input_latency_bias_ns: info.bias_ns[1].unwrap_or(0),
            output_stamps: info.stamps[0] as i32,
            input_stamps: info.stamps[1] as i32,
            latency_warning: latency_warning(&info),
            is_virtual: (format.backend == Backend::Virtual) as i32,
            dither_db: format.dither_db,
            has_round_trip: info.round_trip_frames.is_some() as i32,
            reserved: 0,
        };
        // SAFETY: as above.
        unsafe { structs::write(out_info, &info) }
    })
}

/// A manual stream is told the times at the converters, and has no latency of its own.
fn latency_warning(info: &Info) -> i32 {
    const MOST_S: f64 = 0.040;
    let (format, opened) = (&info.format, &info.opened);
    let halves = [
        (format.output_channels, opened.output_latency_frames, info.bias_ns[0]),
        (format.input_channels, opened.input_latency_frames, info.bias_ns[1]),
    ];
    let warning = |(channels, latency, bias): (u32, Option<i64>, Option<i64>)| match (latency, bias) {
        _ if channels == 0 || format.backend == Backend::Manual => 0,
        (None, None) => 2,
        _ => {
            let latency_s = latency.unwrap_or(0) as f64 / format.sample_rate_hz as f64;
            (latency_s + bias.unwrap_or(0) as f64 * 1e-9 > MOST_S) as i32
        }
    };
    halves.into_iter().map(warning).max().unwrap_or(0)
}

fn index(direction: Direction) -> usize {
    match direction {
        Direction::Output => 0,
        Direction::Input => 1,
    }
}

/// The id of the device that a stream was opened on, for a direction (SONSET_DIRECTION_...); empty where
/// there is none. Valid until the stream is destroyed. NULL, with a message, for wrong arguments.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_stream_get_device_id(stream: *const sonset_stream, direction: i32) -> *const c_char {
    guard_text(|| Ok(get(stream)?.device_ids[index(self::direction(direction)?)].as_ptr()))
}

/// The name of the device that a stream was opened on, for a direction (SONSET_DIRECTION_...); empty where
/// there is none. Valid until the stream is destroyed. NULL, with a message, for wrong arguments.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_stream_get_device_name(
    stream: *const sonset_stream,
    direction: i32,
) -> *const c_char {
    guard_text(|| Ok(get(stream)?.device_names[index(self::direction(direction)?)].as_ptr()))
}

/// The sample format that the device takes, such as "f32" or "i16". Valid until the stream is destroyed. NULL,
/// with a message, for a wrong handle.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_stream_get_sample_format(stream: *const sonset_stream) -> *const c_char {
    guard_text(|| Ok(get(stream)?.sample_format.as_ptr()))
}

/// Where a half of a stream (SONSET_DIRECTION_...) is. Set out_time->struct_size, or zero the struct, first.
///
/// Errors: INVALID_STATE where the stream has no such half, INVALID_ARGUMENT, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_get_time(
    stream: *mut sonset_stream,
    direction: i32,
    out_time: *mut sonset_stream_time,
) -> i32 {
    guard(|| {
        let stream = get(stream)?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        unsafe { structs::check_out(out_time) }?;
        let time = stream.time(self::direction(direction)?)?;
        let time = sonset_stream_time {
            struct_size: 0,
            reserved: 0,
            frame: time.frame,
            earliest_frame: time.earliest_frame,
            host_ns: time.host_ns,
            ppm: time.ppm,
            host_uncertainty_ns: time.uncertainty_ns,
            latency_source: time.latency_source as i32,
            stamps: time.stamps as i32,
        };
        // SAFETY: as above.
        unsafe { structs::write(out_time, &time) }
    })
}

/// The frame of a half (SONSET_DIRECTION_...) that is at the converter at a time of a clock (SONSET_CLOCK_...),
/// to the nearest; negative before frame 0. Latency and bias are in it. A time within a day ahead or an hour
/// past.
///
/// REALTIME is converted by what it is set to now: where it is set meanwhile, the result moves with it.
///
/// Errors: NO_CLOCK, TIME_RANGE, INVALID_STATE where the stream has no such half, INVALID_ARGUMENT,
/// INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_frame_at(
    stream: *mut sonset_stream,
    direction: i32,
    clock: i32,
    host_ns: i64,
    out_frame: *mut i64,
) -> i32 {
    guard(|| {
        let stream = get(stream)?;
        not_null(out_frame, "out_frame")?;
        let frame = stream.frame_at(self::direction(direction)?, host_time(clock, host_ns)?)?;
        // SAFETY: checked not to be null.
        unsafe { write(out_frame, frame) };
        Ok(())
    })
}

/// The time of a clock (SONSET_CLOCK_...) at which a frame of a half (SONSET_DIRECTION_...) is at the
/// converter; any frame, past or to come, that lies in the present run of the device: between a start or a
/// discontinuity and now the fit of now is right. Latency and bias are in it. How uncertain it is,
/// sonset_stream_get_time() tells.
///
/// Errors: NO_CLOCK, INVALID_STATE where the stream has no such half, INVALID_ARGUMENT also for a frame beyond 2^53
/// either way or a time beyond 2^62 ns, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_host_time_at(
    stream: *mut sonset_stream,
    direction: i32,
    clock: i32,
    frame: i64,
    out_host_ns: *mut i64,
) -> i32 {
    guard(|| {
        let stream = get(stream)?;
        not_null(out_host_ns, "out_host_ns")?;
        let ns = stream.host_time_at(self::direction(direction)?, host_clock(clock)?, frame)?;
        // SAFETY: checked not to be null.
        unsafe { write(out_host_ns, ns) };
        Ok(())
    })
}

/// States how much longer the way of a direction (SONSET_DIRECTION_...) is than the backend reports, as
/// measured with a microphone, an oscilloscope or a cable: sound is at the output's converter so much later,
/// and was at the input's so much earlier. May be negative, up to 10 s; replaces an earlier one, and is in every
/// conversion between frames and host times from now on. Frames that are settled do not move. A cable from
/// output to input gives the sum of both directions only: how it is split is an assumption.
///
/// Errors: INVALID_STATE where the stream has no such half, INVALID_ARGUMENT, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_set_latency_bias(
    stream: *mut sonset_stream,
    direction: i32,
    bias_ns: i64,
) -> i32 {
    guard(|| get(stream)?.set_latency_bias(self::direction(direction)?, bias_ns))
}

/// Counts of a stream. Set out_stats->struct_size, or zero the struct, first.
///
/// Errors: INVALID_ARGUMENT for a wrong struct_size, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_get_stats(
    stream: *mut sonset_stream,
    out_stats: *mut sonset_stream_stats,
) -> i32 {
    guard(|| {
        let stream = get(stream)?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        unsafe { structs::check_out(out_stats) }?;
        let stats = stream.stats();
        let stats = sonset_stream_stats {
            struct_size: 0,
            log_failed: stats.log_failed as i32,
            callbacks: stats.callbacks as i64,
            output_xruns: stats.output_xruns as i64,
            input_xruns: stats.input_xruns as i64,
            clipped_samples: stats.clipped as i64,
            nonfinite_samples: stats.nonfinite as i64,
            largest_block_frames: stats.largest_block as i64,
            live_actions: stats.live_actions as i64,
            free_actions: stats.free_actions as i64,
            receipts_waiting: stats.receipts_waiting as i64,
            receipts_dropped: stats.receipts_dropped as i64,
            output_discontinuities: stats.output_discontinuities as i64,
            input_discontinuities: stats.input_discontinuities as i64,
        };
        // SAFETY: as above.
        unsafe { structs::write(out_stats, &stats) }
    })
}

/// Runs one block of a manual stream: reads frames x input channels samples from in, and writes frames x
/// output channels to out. Call it from one thread at a time, from an audio callback or from a loop. frames
/// may be 0: then commands are taken and nothing else happens.
///
/// in is not read without input channels, and out not written without output channels; else they must not be
/// NULL. Both may be the same array, which then holds the larger of the two; arrays that overlap in any other way
/// are an error. output_host_ns is the time at which the block's first output frame reaches the converter,
/// input_host_ns that at which its first input frame left it, by the clock MONOTONIC; 0 where that is not
/// known, at most 2^62. flags is 0 or the sum of 1 (an output underflow lies just before this block) and 2 (an
/// input overflow).
///
/// After an error, out holds silence, so that a host that does not look at the result plays nothing old. It is left
/// as it was only where the room in it is not known: stream is NULL or no handle, out is NULL, or frames is negative.
///
/// Errors: INVALID_STATE for a stream that is not manual, does not run, is inside another call, or was opened
/// with callbacks=separate; INVALID_ARGUMENT for frames, times or flags out of range, and for arrays that overlap
/// in part; NULL_POINTER, INVALID_HANDLE. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_process(
    stream: *mut sonset_stream,
    in_samples: *const f32,
    out_samples: *mut f32,
    frames: i32,
    output_host_ns: i64,
    input_host_ns: i64,
    flags: u32,
) -> i32 {
    // SAFETY: the caller passes room for that many frames.
    let silence = |frames, channels| unsafe { block::silence(out_samples, frames, channels) };
    block::process(
        stream,
        &Terms { frames, output_host_ns, input_host_ns, flags },
        silence,
        |stream, shape| {
            if shape.separate {
                return Err(Code::InvalidState);
            }
            // SAFETY: the caller passes a block of this shape.
            unsafe { block::interleaved(stream, shape, in_samples, out_samples) }
        },
    )
}

/// Runs one block of the output half of a manual stream, for hosts with a callback for each direction: with
/// input channels too, the stream must be opened with callbacks=separate. Otherwise as
/// sonset_stream_process().
///
/// Errors: as sonset_stream_process(), and INVALID_STATE for a stream without an output.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_process_output(
    stream: *mut sonset_stream,
    out_samples: *mut f32,
    frames: i32,
    output_host_ns: i64,
    flags: u32,
) -> i32 {
    // SAFETY: the caller passes room for that many frames.
    let silence = |frames, channels| unsafe { block::silence(out_samples, frames, channels) };
    let terms = Terms { frames, output_host_ns, input_host_ns: 0, flags };
    block::process(stream, &terms, silence, |stream, shape| {
        if shape.outputs == 0 || (shape.inputs > 0 && !shape.separate) {
            return Err(Code::InvalidState);
        }
        // SAFETY: the caller passes a block of this shape.
        let output = unsafe { block::output(out_samples, shape.frames, shape.outputs) }?;
        stream.process(0, Input::None, output, shape.time)
    })
}

/// Runs one block of the input half of a manual stream, for hosts with a callback for each direction. After
/// each start its frames take the number that the output half has at the time; input before the output
/// half's first block is left out. No number comes twice. Otherwise as sonset_stream_process_output(), and on a thread of
/// its own if need be.
///
/// Errors: as sonset_stream_process(), and INVALID_STATE for a stream without an input.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_process_input(
    stream: *mut sonset_stream,
    in_samples: *const f32,
    frames: i32,
    input_host_ns: i64,
    flags: u32,
) -> i32 {
    let terms = Terms { frames, output_host_ns: 0, input_host_ns, flags };
    block::process(
        stream,
        &terms,
        |_, _| (),
        |stream, shape| {
            if shape.inputs == 0 || (shape.outputs > 0 && !shape.separate) {
                return Err(Code::InvalidState);
            }
            // SAFETY: the caller passes a block of this shape.
            let input = unsafe { block::input(in_samples, shape.frames, shape.inputs) }?;
            stream.process(shape.separate as usize, input, Output::None, shape.time)
        },
    )
}

/// As sonset_stream_process(), with one array of frames samples for each channel. An array may serve one channel of
/// each direction; arrays that overlap in any other way are an error.
///
/// Errors: as sonset_stream_process(); NULL_POINTER also for an array that is NULL.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_process_planar(
    stream: *mut sonset_stream,
    in_channels: *const *const f32,
    out_channels: *const *mut f32,
    frames: i32,
    output_host_ns: i64,
    input_host_ns: i64,
    flags: u32,
) -> i32 {
    // SAFETY: the caller passes an array of that many frames for each channel.
    let silence = |frames, channels| unsafe { block::silence_planar(out_channels, frames, channels) };
    block::process(
        stream,
        &Terms { frames, output_host_ns, input_host_ns, flags },
        silence,
        |stream, shape| {
            if shape.separate {
                return Err(Code::InvalidState);
            }
            // SAFETY: the caller passes a block of this shape.
            unsafe { block::planar(stream, shape, in_channels, out_channels) }
        },
    )
}
