//! Which channel of a sound goes to which output, and how loud.

use super::params::PlayParams;
use super::play::Sound;
use super::submit::check_channel;
use super::{Stream, lock};
use crate::action::{Loudest, Route};
use crate::error::{Result, fail};
use crate::realtime::Line;

impl Stream {
    /// Where each channel of `sound` goes, and how near to a ceiling it comes. With the books locked, so that roles
    /// and ceilings are still those of its channels when the action is taken in.
    pub(super) fn routes(
        &self,
        sound: &Sound,
        channels: Option<&[i32]>,
        gains: Option<&[f32]>,
        params: &PlayParams,
    ) -> Result<(Box<[Route]>, Loudest)> {
        let lines = lock(&self.core.channels).lines.clone();
        let targets = match channels {
            Some(channels) => explicit_targets(channels, sound.peaks.len(), lines.len())?,
            None => default_targets(sound.peaks.len(), &lines)?,
        };
        if let Some(gains) = gains
            && gains.len() != targets.len()
        {
            fail!(InvalidArgument, "{} gains for {} channels", gains.len(), targets.len());
        }
        let gain_all = gain_of_db(params.gain_db)?;
        let mut routes = Vec::with_capacity(targets.len());
        let mut loudest = Loudest { peak: 0.0, ceiling: 1.0 };
        for (index, &target) in targets.iter().enumerate() {
            let gain = gains.map_or(1.0, |gains| gains[index]) as f64 * gain_all;
            if !gain.is_finite() || gain.abs() > f32::MAX as f64 {
                fail!(InvalidArgument, "the gain of channel {} is {gain}", target + 1);
            }
            let source = if sound.peaks.len() == 1 { 0 } else { index as u32 };
            let line = lines[target as usize];
            let route = Route { source, target, gain: gain as f32, trigger: line.trigger };
            let own_peak = sound.peaks[source as usize];
            let swell = if line.trigger { 1.0 } else { 1.0 + params.am_depth as f32 };
            let peak = own_peak * route.gain.abs() * swell;
            if peak > line.ceiling && !params.allow_clip {
                let modulated =
                    if swell > 1.0 { format!(" times 1 + am_depth = {swell}") } else { String::new() };
                fail!(
                    WouldClip,
                    "channel {}: peak {own_peak} times gain {}{modulated} is {peak}, above the ceiling of {}; lower the \
                     gain, or set allow_clip to let the output guard limit it",
                    target + 1,
                    route.gain,
                    line.ceiling
                );
            }
            let own = Loudest { peak: peak as f64, ceiling: line.ceiling as f64 };
            let nearer = own.peak * loudest.ceiling > loudest.peak * own.ceiling;
            if nearer && !line.trigger && !params.allow_clip {
                loudest = own;
            }
            routes.push(route);
        }
        Ok((routes.into(), loudest))
    }
}

/// 10^(db/20); −∞ dB is silence.
pub fn gain_of_db(db: f64) -> Result<f64> {
    let gain = 10f64.powf(db / 20.0);
    if !gain.is_finite() || gain > f32::MAX as f64 {
        fail!(InvalidArgument, "gain_db is {db}");
    }
    Ok(gain)
}

fn explicit_targets(channels: &[i32], own: usize, outputs: usize) -> Result<Vec<u32>> {
    if channels.is_empty() {
        fail!(InvalidArgument, "no channels are given; NULL with channel_count 0 means the default ones");
    }
    if own != 1 && channels.len() != own {
        fail!(InvalidArgument, "{} channels given for a sound of {own}", channels.len());
    }
    for (index, &channel) in channels.iter().enumerate() {
        check_channel(channel, outputs, "output")?;
        if channels[..index].contains(&channel) {
            fail!(InvalidArgument, "output channel {channel} is given twice");
        }
    }
    Ok(channels.iter().map(|&channel| channel as u32 - 1).collect())
}

/// A mono sound goes to channels 1 and 2, never further: a higher one may be a trigger line. Others go to
/// channels of the same number.
fn default_targets(own: usize, lines: &[Line]) -> Result<Vec<u32>> {
    let wanted = if own == 1 { lines.len().min(2) } else { own };
    if wanted > lines.len() {
        fail!(
            InvalidArgument,
            "a sound of {wanted} channels does not fit {} output channels; name the channels",
            lines.len()
        );
    }
    if let Some(trigger) = lines[..wanted].iter().position(|line| line.trigger) {
        fail!(
            InvalidArgument,
            "channel {} is a trigger line and never a default; name the channels",
            trigger + 1
        );
    }
    Ok((0..wanted as u32).collect())
}
