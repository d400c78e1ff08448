#![allow(non_camel_case_types)]

use super::guard::guard;
use super::play::{Arguments, sonset_play_params};
use super::stream::sonset_stream;
use super::structs::{self, sized};
use crate::error::{Result, fail};
use crate::stream::InputParams;

/// Which input to play, and how late. All zeros: input channel 1, as soon as can be.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_input_params {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// First input channel, from 1; 0 for 1.
    pub first_channel: i32,
    /// Input channels that follow one another from there; 0 for one. They are the channels of the sound.
    pub channel_count: i32,
    /// 0.
    pub reserved: i32,
    /// Frames by which the output is later than it must be.
    pub delay_frames: i64,
}

sized! { sonset_input_params; }

/// Sets params to their defaults.
///
/// Errors: NULL_POINTER. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_input_params_init(params: *mut sonset_input_params) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    unsafe { structs::init(params) }
}

/// Plays the input: a monitor, or delayed auditory feedback. input NULL stands for all zeros; channels, gains,
/// channel_count and params are as for sonset_stream_play_buffer(). It goes on until it is cancelled, or for
/// frame_count frames. The fields for parts and loops must be 0. Late policies PLAY and SKIP mean the same. How
/// loud the input will be is not known beforehand: the output guard limits it at the ceiling.
///
/// Where one callback serves both directions (duplex in sonset_stream_info), output frame n carries input frame
/// n - delay_frames, bit for bit; input from before the action was taken comes from the history, if history_frames
/// keeps it, and is silence else. delay_frames is at most 4194304 / channel_count.
///
/// Where each direction has its own callback, the time between the two converters is constant: what the
/// backends' blocks and latencies need, plus delay_frames, at most half a second or so; monitor_latency_ns of the
/// receipt says how long it is. Input is read between samples at the pace of the two clocks (an error below
/// -80 dB up to 0.4 of the rate), so that drift makes no click. A clock of both directions is needed. Input that is
/// not there in time is counted in missing_frames: it is faded out of over the last millisecond or so, at once only if
/// it breaks off, and into again over 5 ms. A slip of one direction by more than 2 ms is passed over in the same way.
///
/// Errors: NO_CLOCK, POOL_FULL, BATCH_FULL, UNKNOWN_BATCH, UNKNOWN_ACTION, OTHER_STREAM and ACTION_ENDED for
/// after_action, TIME_RANGE, UNSUPPORTED, INVALID_STATE without an input or an output, STREAM_CLOSED,
/// DEVICE_LOST, INVALID_ARGUMENT, NULL_POINTER, INVALID_HANDLE. Then nothing is played, and nothing has changed.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_play_input(
    stream: *mut sonset_stream,
    input: *const sonset_input_params,
    channels: *const i32,
    gains: *const f32,
    channel_count: i32,
    params: *const sonset_play_params,
    out_action: *mut i64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let input = convert(&unsafe { structs::read(input) }?)?;
        let arguments = Arguments { stream, channels, gains, channel_count, params, out_action };
        // SAFETY: the caller passes what the arguments' own comment asks for.
        unsafe {
            arguments
                .play(|stream, channels, gains, params| stream.play_input(&input, channels, gains, params))
        }
    })
}

fn convert(input: &sonset_input_params) -> Result<InputParams> {
    if input.reserved != 0 {
        fail!(InvalidArgument, "reserved is {}, not 0", input.reserved);
    }
    Ok(InputParams {
        first_channel: input.first_channel,
        channel_count: input.channel_count,
        delay_frames: input.delay_frames,
    })
}
