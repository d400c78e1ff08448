//! The end of actions, and their reports.

use std::sync::atomic::Ordering::Relaxed;

use super::Engine;
use super::monitor::monitor;
use crate::action::{ActionId, Work};
use crate::realtime::track::{Ended, Phase};
use crate::receipt::{LatencySource, Measured, NONE, Outcome, Report};
use crate::shared::Shared;

impl Engine {
    /// Ends what is over at `frame`.
    pub(super) fn retire(&mut self, frame: i64) {
        for list in [&mut self.playing, &mut self.recording, &mut self.copying] {
            list.retain(|&slot| {
                let track = &mut self.tracks[slot as usize];
                let end = track.last_frame();
                if track.phase == Phase::Idle {
                    return false;
                }
                if end <= frame {
                    track.phase = Phase::Ending;
                    self.ending.push((slot, track.outcome(), end));
                }
                end > frame
            });
        }
        self.end_all();
    }

    /// Marks the action in `slot` as about to end; the first reason counts.
    pub(super) fn condemn(&mut self, slot: u32, outcome: Outcome, frame: i64) {
        let track = &mut self.tracks[slot as usize];
        if !matches!(track.phase, Phase::Idle | Phase::Ending) {
            track.phase = Phase::Ending;
            self.ending.push((slot, outcome, frame));
        }
    }

    pub(super) fn end(&mut self, slot: u32, outcome: Outcome, frame: i64) {
        self.condemn(slot, outcome, frame);
        self.end_all();
    }

    /// Ends all actions in `ending`, and those that cannot start because of them.
    pub(super) fn end_all(&mut self) {
        while let Some((slot, outcome, frame)) = self.ending.pop() {
            self.schedule.remove(slot);
            self.timed.remove(slot);
            self.timed_cancels.remove(slot);
            self.drop_controls(slot);
            self.unlink(slot);
            let (anchor, completed) = self.tracks[slot as usize].anchor(frame, outcome == Outcome::Completed);
            if let Some(id) = self.report(slot, outcome, frame) {
                self.tracks[slot as usize].ended = Some(Ended { id, end_frame: anchor, completed });
                self.release_followers(slot, anchor, completed);
            }
        }
    }

    /// Writes the report of the action in `slot` with all that was measured.
    pub(super) fn report(&mut self, slot: u32, outcome: Outcome, frame: i64) -> Option<ActionId> {
        let counters = &self.shared.counters;
        let track = &mut self.tracks[slot as usize];
        let hears = monitor(track).is_some();
        let action = track.action.take()?;
        let plays = action.work.plays();
        let started = track.started;
        track.phase = Phase::Idle;
        let snapshot = track.snapshot;
        let since = |now: u64, then: u64| if started { now - then } else { 0 };
        let start_host_ns = track.start_host_ns;
        let half = if plays { &self.playback } else { &self.capture };
        let end_host_ns = if started && start_host_ns != NONE { half.host_ns(frame) } else { NONE };
        let uncertainty_ns = match end_host_ns {
            NONE => track.uncertainty_ns,
            _ => track.uncertainty_ns.max(half.uncertainty_ns()),
        };
        let measured = Measured {
            requested_frame: track.requested,
            start_frame: if started { track.voice.start } else { NONE },
            end_frame: frame,
            done_frames: track.done,
            missing: track.missing,
            monitor_latency_ns: track.monitor_latency_ns,
            late_frames: track.late,
            start_host_ns,
            end_host_ns,
            host_uncertainty_ns: if start_host_ns == NONE { NONE } else { uncertainty_ns },
            latency_source: if start_host_ns == NONE {
                LatencySource::Unknown
            } else {
                half.latency_source()
            },
            xruns: since(xruns(&self.shared, plays), snapshot.xruns),
            discontinuities: since(half.discontinuities_with_suspected(), snapshot.discontinuities),
            clipped: since(counters.clipped.load(Relaxed), snapshot.clipped),
            nonfinite: since(counters.nonfinite.load(Relaxed), snapshot.nonfinite),
            input_peak: track.seen.peak,
            input_clipped: track.seen.clipped,
            all_zero: !matches!(action.work, Work::Play(_)) && track.done > 0 && !track.seen.sound,
            detection: track.detection,
            gain: track.gain_change,
            pauses: track.pauses_until(frame),
            seek_frame: track.seek_frame,
        };
        if hears {
            self.monitors.retain(|&other| other != slot);
        }
        let id = action.id;
        self.live -= 1;
        self.detectors -= action.detects() as u64;
        self.rings -= action.uses_ring() as u64;
        self.reports.push(Report { action, outcome, measured });
        Some(id)
    }

    /// Sends what has ended, the first to end first, however the block was cut.
    pub(super) fn send_reports(&mut self) {
        let order = |report: &Report| (report.measured.end_frame, report.action.id.sequence());
        self.reports.sort_unstable_by_key(order);
        for report in self.reports.drain(..) {
            self.shared.slot(report.action.id).publish_ended();
            self.queue.report(report);
        }
    }
}

/// Xruns so far of the half that plays or records.
pub(super) fn xruns(shared: &Shared, plays: bool) -> u64 {
    let counters = &shared.counters;
    // Relaxed: counters that order nothing.
    if plays { counters.output_xruns.load(Relaxed) } else { counters.input_xruns.load(Relaxed) }
}
