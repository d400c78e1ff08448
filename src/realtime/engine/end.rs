//! The end of actions, and their reports.

use std::sync::atomic::Ordering::Relaxed;

use super::Engine;
use super::monitor::monitor;
use crate::action::Work;
use crate::realtime::track::{Ended, NO_SLOT, Over, Phase, Snapshot};
use crate::realtime::work::Step;
use crate::receipt::{LatencySource, Measured, NONE, Outcome, Report};
use crate::shared::Shared;

impl Engine {
    /// Ends what is over at `frame`.
    pub(super) fn retire(&mut self, frame: i64) {
        let mut list = std::mem::take(&mut self.playing);
        list.retain(|&slot| self.goes_on(slot, frame));
        self.playing = list;
        let mut list = std::mem::take(&mut self.recording);
        list.retain(|&slot| self.goes_on(slot, frame));
        self.recording = list;
        let mut list = std::mem::take(&mut self.copying);
        list.retain(|&slot| self.goes_on(slot, frame));
        self.copying = list;
        self.end_all();
    }

    /// Whether the action in `slot` goes on after `frame`. If not, it is about to end.
    fn goes_on(&mut self, slot: u32, frame: i64) -> bool {
        let track = &self.tracks[slot as usize];
        if track.phase != Phase::Active {
            return false;
        }
        let end = track.last_frame();
        if end <= frame {
            self.condemn(slot, track.outcome(), end);
        }
        end > frame
    }

    /// Marks the action in `slot` as about to end; the first reason counts. Its followers are told before its
    /// report is sent, since after that its slot may be another's.
    pub(super) fn condemn(&mut self, slot: u32, outcome: Outcome, frame: i64) {
        if matches!(self.tracks[slot as usize].phase, Phase::Idle | Phase::Ending) {
            return;
        }
        let over = self.over(slot, outcome, frame);
        let track = &mut self.tracks[slot as usize];
        let Some(action) = &track.action else { return };
        let (anchor, completed) = track.anchor(frame, outcome == Outcome::Completed);
        if track.phase != Phase::Active {
            // It takes no start from others, whenever its report comes.
            self.schedule.remove(slot);
        }
        track.ended = Some(Ended { id: action.id, end_frame: anchor, completed });
        track.phase = Phase::Ending;
        if track.first_follower == NO_SLOT {
            self.ending.push_back(over);
        } else {
            track.held = Some(over);
            self.tell_followers(slot);
        }
    }

    pub(super) fn end(&mut self, slot: u32, outcome: Outcome, frame: i64) {
        self.condemn(slot, outcome, frame);
        self.end_all();
    }

    /// Tells followers where they start and reports what is over, as far as the bounds of the chunk go.
    pub(super) fn end_all(&mut self) {
        self.lead();
        while !self.ending.is_empty() && self.work.take(Step::End) {
            if let Some(over) = self.ending.pop_front() {
                self.report(over);
            }
            self.lead();
        }
    }

    /// What is to be said of the end of the action in `slot`, as of now.
    fn over(&mut self, slot: u32, outcome: Outcome, frame: i64) -> Over {
        let track = &self.tracks[slot as usize];
        let nothing = Over {
            slot,
            outcome,
            frame,
            host_ns: NONE,
            uncertainty_ns: NONE,
            latency_source: LatencySource::Unknown,
            counts: Snapshot::default(),
        };
        let plays = track.action.as_ref().is_some_and(|action| action.work.plays());
        if !track.started {
            return nothing;
        }
        let discontinuities = self.discontinuities(plays);
        let (track, counters) = (&self.tracks[slot as usize], &self.shared.counters);
        let (half, before) = (self.half(plays), track.snapshot);
        let counts = Snapshot {
            xruns: xruns(&self.shared, plays) - before.xruns,
            discontinuities: discontinuities - before.discontinuities,
            clipped: counters.clipped.load(Relaxed) - before.clipped,
            nonfinite: counters.nonfinite.load(Relaxed) - before.nonfinite,
        };
        if track.start_host_ns == NONE {
            return Over { counts, ..nothing };
        }
        let host_ns = half.host_ns(frame);
        let uncertainty_ns = match host_ns {
            NONE => track.uncertainty_ns,
            _ => track.uncertainty_ns.max(half.uncertainty_ns()),
        };
        Over { host_ns, uncertainty_ns, latency_source: half.latency_source(), counts, ..nothing }
    }

    /// Steps in the stamps of a half so far, with one that is suspected: looked for once in a block.
    fn discontinuities(&mut self, plays: bool) -> u64 {
        let known = self.discontinuities[plays as usize];
        let counted = known.unwrap_or_else(|| self.half(plays).discontinuities_with_suspected());
        self.discontinuities[plays as usize] = Some(counted);
        counted
    }

    /// Writes the report of an action that is over, with all that was measured.
    fn report(&mut self, over: Over) {
        let Over { slot, outcome, frame, counts, .. } = over;
        self.timed.remove(slot);
        self.timed_cancels.remove(slot);
        self.drop_controls(slot);
        self.unlink(slot);
        let track = &mut self.tracks[slot as usize];
        self.monitors_ended |= monitor(track).is_some();
        let Some(action) = track.action.take() else { return };
        track.phase = Phase::Idle;
        let measured = Measured {
            requested_frame: track.requested,
            start_frame: if track.started { track.voice.start } else { NONE },
            end_frame: frame,
            done_frames: track.done,
            missing: track.missing,
            monitor_latency_ns: track.monitor_latency_ns,
            late_frames: track.late,
            start_host_ns: track.start_host_ns,
            end_host_ns: over.host_ns,
            host_uncertainty_ns: over.uncertainty_ns,
            latency_source: over.latency_source,
            xruns: counts.xruns,
            discontinuities: counts.discontinuities,
            clipped: counts.clipped,
            nonfinite: counts.nonfinite,
            input_peak: track.seen.peak,
            input_clipped: track.seen.clipped,
            all_zero: !matches!(action.work, Work::Play(_)) && track.done > 0 && !track.seen.sound,
            detection: track.detection,
            gain: track.gain_change,
            pauses: track.pauses_until(frame),
            seek_frame: track.seek_frame,
        };
        self.detectors -= action.detects() as u64;
        self.rings -= action.uses_ring() as u64;
        self.reports.push(Report { action, outcome, measured });
    }

    /// Sends what has ended, the first to end first, however the block was cut.
    pub(super) fn send_reports(&mut self) {
        if std::mem::take(&mut self.monitors_ended) {
            // Before their slots can be another's.
            self.monitors.retain(|&slot| monitor(&mut self.tracks[slot as usize]).is_some());
        }
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
