//! The way of the input to monitors.

use std::sync::atomic::Ordering::Relaxed;

use super::{Engine, Role};
use crate::action::Work;
use crate::realtime::block::Input;
use crate::realtime::half::biased;
use crate::realtime::source::{Monitor, Source};
use crate::realtime::track::Track;
use crate::receipt::NONE;

impl Engine {
    /// Hands the block's input to the other callback, or tells monitors how to read what that handed over.
    pub(super) fn cross(&mut self, input: &Input<'_>, frames: usize) {
        if frames == 0 {
            return;
        }
        match self.role {
            Role::Only => {}
            Role::Capture => {
                if let Some(crossing) = &self.shared.crossing {
                    let nonfinite = crossing.write(input, frames, self.block);
                    self.shared.counters.nonfinite.fetch_add(nonfinite, Relaxed);
                }
            }
            Role::Playback => self.aim_monitors(frames),
        }
    }

    fn aim_monitors(&mut self, frames: usize) {
        if self.monitors.is_empty() {
            return;
        }
        // It is being written just now: the next block will do.
        let Some(capture) = self.shared.capture.try_read() else { return };
        let input = biased(capture.fit, &self.shared.biases, false);
        let output = self.playback.fit();
        let largest = self.shared.counters.largest_block.load(Relaxed) as i64;
        for &slot in &self.monitors {
            if let Some(monitor) = monitor(&mut self.tracks[slot as usize]) {
                monitor.aim(self.block, frames as i64, output, &input, largest);
            }
        }
    }

    /// Lets the monitor that was just taken into `slot`, if it is one, hear the input from now on, and what is
    /// kept of it from before.
    pub(super) fn let_hear(&mut self, slot: u32) {
        let Some(monitor) = monitor(&mut self.tracks[slot as usize]) else { return };
        let mut first = (self.frame - monitor.past()).max(self.history.oldest(self.frame));
        self.history.recall(first..self.frame, |input, channels, range| {
            let frames = range.len() as i64;
            monitor.feed(input, channels, range, first);
            first += frames;
        });
        self.monitors.push(slot);
    }

    /// Tells the monitor that starts in `slot` which frame is the first of its sound, and how late it is where one
    /// callback serves both directions.
    pub(super) fn begin_monitor(&mut self, slot: u32) {
        let track = &mut self.tracks[slot as usize];
        let (start, skip) = (track.voice.start, track.voice.skip);
        let Some(monitor) = monitor(track) else { return };
        let out_ns = self.playback.host_ns(start);
        let in_ns = self.capture.host_ns(start - monitor.delay());
        let known = self.role == Role::Only && out_ns != NONE && in_ns != NONE;
        monitor.begin(start - skip, known.then_some(out_ns.saturating_sub(in_ns)));
    }

    /// Gives the input of the chunk to monitors of the same callback.
    pub(super) fn feed_monitors(&mut self, input: &Input<'_>, chunk_end: i64) {
        let range = (self.frame - self.heard) as usize..(chunk_end - self.heard) as usize;
        for &slot in &self.monitors {
            if let Some(monitor) = monitor(&mut self.tracks[slot as usize]) {
                let nonfinite = monitor.feed(input, self.input_channels, range.clone(), self.frame);
                self.shared.counters.nonfinite.fetch_add(nonfinite, Relaxed);
            }
        }
    }
}

/// The monitor in a slot, if there is one.
pub(super) fn monitor(track: &mut Track) -> Option<&mut Monitor> {
    match &mut track.action.as_mut()?.work {
        Work::Play(play) => match &mut play.source {
            Source::Input(monitor) => Some(monitor),
            _ => None,
        },
        Work::Record(_) | Work::Detect(_) => None,
    }
}
