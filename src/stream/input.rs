//! Monitoring: playing the input.

use super::Stream;
use super::params::{InputParams, PlayParams};
use super::play::Sound;
use super::submit::MAX_FRAME;
use crate::action::Kind;
use crate::device::Direction;
use crate::error::{Result, fail};
use crate::realtime::source::{Monitor, Source};

/// Longest delay within one callback, in samples of all channels together.
const MAX_SAMPLES: i64 = 1 << 22;

impl Stream {
    /// Plays input channels on output `channels` (from 1; `None` for the default map) with `gains`.
    pub fn play_input(
        &self,
        input: &InputParams,
        channels: Option<&[i32]>,
        gains: Option<&[f32]>,
        params: &PlayParams,
    ) -> Result<i64> {
        self.check_output()?;
        let map = self.input_map(input)?;
        let length = monitor_length(params)?;
        self.check_delay(input.delay_frames, map.len())?;
        // How loud the input will be nobody knows: the guard limits it.
        let sound = Sound { peaks: vec![0.0; map.len()].into(), length };
        let delay = input.delay_frames;
        let monitor = match &self.core.shared.crossing {
            Some(crossing) => {
                self.check_clock(Direction::Output)?;
                self.check_clock(Direction::Input)?;
                Monitor::across(map, delay, length, crossing.clone(), self.format().sample_rate_hz)
            }
            None => Monitor::same(map, delay, length),
        };
        self.play(Kind::PlayInput, &sound, channels, gains, params, || Ok(Source::Input(monitor)))
    }

    fn input_map(&self, input: &InputParams) -> Result<Box<[u32]>> {
        let inputs = self.format().input_channels as i32;
        if inputs == 0 {
            fail!(InvalidState, "the stream has no input (input_channels is 0)");
        }
        let first = if input.first_channel == 0 { 1 } else { input.first_channel };
        let count = if input.channel_count == 0 { 1 } else { input.channel_count };
        if first < 1 || count < 1 || count > inputs || first > inputs - count + 1 {
            fail!(
                InvalidArgument,
                "{count} input channels from channel {first} on: the stream has channels 1 to {inputs}"
            );
        }
        Ok((first as u32 - 1..(first + count) as u32 - 1).collect())
    }

    fn check_delay(&self, delay: i64, channels: usize) -> Result<()> {
        let most = match &self.core.shared.crossing {
            Some(crossing) => crossing.longest_delay(),
            None => MAX_SAMPLES / channels as i64,
        };
        if !(0..=most).contains(&delay) {
            fail!(InvalidArgument, "delay_frames {delay}: 0 to {most} in this stream");
        }
        Ok(())
    }
}

/// Frames of a monitor that plays as `params` say; `None` without an end of its own.
fn monitor_length(params: &PlayParams) -> Result<Option<i64>> {
    for (field, value) in [
        ("loop_count", params.loop_count),
        ("loop_first_frame", params.loop_first_frame),
        ("loop_frames", params.loop_frames),
        ("first_frame", params.first_frame),
    ] {
        if value != 0 {
            fail!(InvalidArgument, "{field} is {value}, but live input has neither parts nor loops");
        }
    }
    match params.frame_count {
        Some(frames) if !(1..=MAX_FRAME).contains(&frames) => {
            fail!(InvalidArgument, "frame_count {frames}: 1 to {MAX_FRAME}")
        }
        frames => Ok(frames),
    }
}
