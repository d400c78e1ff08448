//! What each output channel is for, how loud it may be, and how loud it is.

use std::path::Path;

use super::{Core, State, Stream, lock};
use crate::backend::Backend;
use crate::buffer::Buffer;
use crate::error::{Result, fail};
use crate::file::channels::Sheet;
use crate::realtime::Line;

/// No amplifier gives or needs more, in dB either way of 0 dB SPL.
const MAX_DB_SPL: f64 = 300.0;

/// What is known of an output channel.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Channel {
    /// Whether it is a trigger line.
    pub trigger: bool,
    /// Largest magnitude that leaves it; `None` for the stream's on an audio channel, 1 on a trigger line.
    pub ceiling: Option<f64>,
    /// Sound pressure level in dB SPL of a signal whose RMS is 1, as measured.
    pub calibration_db_spl: Option<f64>,
}

/// What the host knows of the output channels. Locked for moments only; with the books locked where it is changed,
/// or where an action is admitted by it.
pub(super) struct Channels {
    known: Box<[Channel]>,
    /// What the callback needs of them.
    pub lines: Box<[Line]>,
    /// Of audio channels.
    ceiling: f32,
    /// Whether the callback has the lines, so that they stay as they are.
    fixed: bool,
}

impl Channels {
    /// These channels of a stream whose audio channels have `ceiling`.
    pub fn of(known: &[Channel], ceiling: f32) -> Self {
        Self { lines: lines(known, ceiling), known: known.into(), ceiling, fixed: false }
    }

    /// The lines, which stay as they are from now on.
    pub fn fix(&mut self) -> Box<[Line]> {
        self.fixed = true;
        self.lines.clone()
    }

    /// Lets the lines be changed again.
    pub fn release(&mut self) {
        self.fixed = false;
    }
}

fn lines(channels: &[Channel], ceiling: f32) -> Box<[Line]> {
    channels.iter().map(|channel| channel.line(ceiling)).collect()
}

/// How loud one channel of a sound is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Root mean square.
    pub rms: f64,
    /// Largest magnitude.
    pub peak: f64,
    /// Level at unity gain in dB SPL, on a calibrated channel.
    pub db_spl: Option<f64>,
    /// Gain in decibels at which the peak reaches the ceiling.
    pub headroom_db: f64,
}

impl Channel {
    fn check(&self, number: usize) -> Result<()> {
        if let Some(ceiling) = self.ceiling {
            if !(ceiling > 0.0 && ceiling <= 1.0) {
                fail!(InvalidArgument, "the ceiling of channel {number} is {ceiling}: above 0, up to 1");
            }
            if self.trigger && ceiling != 1.0 {
                fail!(
                    InvalidArgument,
                    "channel {number} is a trigger line with a ceiling of {ceiling}: ceilings are for audio channels"
                );
            }
        }
        if let Some(level) = self.calibration_db_spl {
            if level.is_nan() || level.abs() > MAX_DB_SPL {
                fail!(
                    InvalidArgument,
                    "the calibration of channel {number} is {level} dB SPL: at most {MAX_DB_SPL} either way"
                );
            }
            if self.trigger {
                fail!(InvalidArgument, "channel {number} is a trigger line: it has no sound pressure");
            }
        }
        Ok(())
    }

    /// What the callback needs of it, in a stream whose audio channels have `ceiling`.
    pub(super) fn line(&self, ceiling: f32) -> Line {
        let default = if self.trigger { 1.0 } else { ceiling };
        Line { ceiling: self.ceiling.map_or(default, |own| own as f32), trigger: self.trigger }
    }
}

impl Stream {
    /// What is known of output channel `number` (from 1); the ceiling is the one that counts.
    pub fn channel(&self, number: i32) -> Result<Channel> {
        let index = self.output_index(number)?;
        let channels = lock(&self.core.channels);
        let (channel, ceiling) = (channels.known[index], channels.lines[index].ceiling as f64);
        Ok(Channel { ceiling: channel.ceiling.or(Some(ceiling)), ..channel })
    }

    /// Declares output channel `number` (from 1). Its role and its ceiling only while no action lives.
    pub fn set_channel(&self, number: i32, channel: Channel) -> Result<()> {
        let index = self.output_index(number)?;
        channel.check(index + 1)?;
        self.core.change_channels(|channels| channels[index] = channel)
    }

    /// Declares output channel `number` (from 1) a trigger line or an audio channel. Only while no action lives.
    pub fn set_channel_role(&self, number: i32, trigger: bool) -> Result<()> {
        let index = self.output_index(number)?;
        self.core.change_channels(|channels| {
            let channel = &mut channels[index];
            if channel.trigger != trigger {
                *channel = Channel { trigger, ..Channel::default() };
            }
        })
    }

    /// Writes what is known of the channels to a file.
    pub fn save_channels(&self, path: &Path) -> Result<()> {
        let (backend, device, name) = self.output_identity()?;
        // Copied: what is written to a disk may take its time, and calls that play wait for the lock.
        let channels = lock(&self.core.channels).known.clone();
        Sheet::new(backend, &device, &name, &channels).save(path)
    }

    /// Takes over what a file says of the channels of this very device: all of it, or nothing.
    pub fn load_channels(&self, path: &Path) -> Result<()> {
        let (backend, device, _) = self.output_identity()?;
        let sheet = Sheet::load(path)?;
        if (sheet.backend.as_str(), &sheet.device) != (backend.name(), &device) {
            fail!(
                InvalidArgument,
                "'{}' is of device '{}' of {}, and the stream's is '{device}' of {}",
                path.display(),
                sheet.device,
                sheet.backend,
                backend.name()
            );
        }
        let count = self.core.format.output_channels as usize;
        let loaded = sheet.channels(path, count)?;
        for (index, channel) in &loaded {
            channel.check(index + 1)?;
        }
        self.core.change_channels(|channels| {
            loaded.iter().for_each(|(index, channel)| channels[*index] = *channel);
        })
    }

    /// How loud channel `buffer_channel` (from 1) of `buffer` is on output channel `number` (from 1).
    pub fn level(&self, number: i32, buffer: &Buffer, buffer_channel: i32) -> Result<Level> {
        let channel = self.channel(number)?;
        if buffer_channel < 1 || buffer_channel as usize > buffer.channels() {
            fail!(
                InvalidArgument,
                "buffer channel {buffer_channel}: the buffer has channels 1 to {}",
                buffer.channels()
            );
        }
        let source = buffer_channel as usize - 1;
        let (rms, peak) = (buffer.rms(source), buffer.peak(source) as f64);
        Ok(Level {
            rms,
            peak,
            db_spl: channel.calibration_db_spl.map(|unit| unit + 20.0 * rms.log10()),
            headroom_db: 20.0 * (channel.ceiling.unwrap_or(1.0) / peak).log10(),
        })
    }

    fn output_index(&self, number: i32) -> Result<usize> {
        super::submit::check_channel(number, self.core.format.output_channels as usize, "output")?;
        Ok(number as usize - 1)
    }

    fn output_identity(&self) -> Result<(Backend, String, String)> {
        self.check_output()?;
        let opened = self.info().opened;
        Ok((self.core.format.backend, opened.output_device_id, opened.output_device_name))
    }
}

impl Core {
    /// Changes the channels. Their role and their ceiling only while the callback does not have them, and no action
    /// was admitted by them.
    pub(super) fn change_channels(&self, change: impl FnOnce(&mut [Channel])) -> Result<()> {
        self.with_host(|host| {
            let mut channels = lock(&self.channels);
            let mut known = channels.known.clone();
            change(&mut known);
            let lines = lines(&known, channels.ceiling);
            if lines != channels.lines {
                self.check_lines_free(channels.fixed, host.slots().1)?;
                channels.lines = lines;
            }
            channels.known = known;
            Ok(())
        })
    }

    fn check_lines_free(&self, fixed: bool, live: usize) -> Result<()> {
        let state = self.state();
        if fixed && matches!(state, State::Open | State::Stopped) {
            fail!(
                InvalidState,
                "the role and the ceiling of a channel are set while the stream does not run; another thread starts it"
            );
        }
        if fixed {
            fail!(
                InvalidState,
                "the role and the ceiling of a channel are set before the stream starts ({state:?})"
            );
        }
        if live > 0 {
            fail!(
                InvalidState,
                "the role and the ceiling of a channel are set before any action; {live} have not ended"
            );
        }
        Ok(())
    }
}
