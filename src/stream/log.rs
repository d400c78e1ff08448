//! Receipts on the host side: the last of them in memory, all of them in a file if asked for.

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use crate::action::{ActionId, Kind};
use crate::error::{Code, Error, Result, fail};
use crate::receipt::{NONE, Outcome, Receipt};
use crate::stream::Format;

/// Receipts kept; older ones are dropped.
pub const LOG_RECEIPTS: usize = 100_000;

/// The last receipts of a stream, with a cursor for reading each once.
#[derive(Debug, Default)]
pub struct ReceiptLog {
    kept: VecDeque<Receipt>,
    /// By sequence: where the receipt of the action with that number is.
    places: HashMap<u64, u64>,
    /// Number of the oldest receipt kept, counted from 0.
    first: u64,
    /// Number of the next receipt to be polled.
    cursor: u64,
    dropped_unread: u64,
    /// By sequence: what went wrong with the files of actions whose receipts are kept.
    failures: HashMap<u64, String>,
}

impl ReceiptLog {
    /// Keeps `receipt`, and drops the oldest one if the log is full.
    pub fn push(&mut self, receipt: Receipt) {
        if self.kept.len() == LOG_RECEIPTS
            && let Some(oldest) = self.kept.pop_front()
        {
            self.places.remove(&oldest.sequence());
            self.failures.remove(&oldest.sequence());
            if self.cursor == self.first {
                self.cursor += 1;
                self.dropped_unread += 1;
            }
            self.first += 1;
        }
        self.places.insert(receipt.sequence(), self.first + self.kept.len() as u64);
        self.kept.push_back(receipt);
    }

    /// The receipt of `action`, if it is kept.
    pub fn find(&self, action: ActionId) -> Option<&Receipt> {
        self.find_sequence(action.sequence()).filter(|receipt| receipt.asked.action == action.value())
    }

    /// The receipt of the action with number `sequence`, if it is kept.
    pub fn find_sequence(&self, sequence: u64) -> Option<&Receipt> {
        let place = self.places.get(&sequence)?;
        self.kept.get((place - self.first) as usize)
    }

    /// Keeps what went wrong with the file of `action` as long as its receipt, which is pushed next.
    pub fn explain(&mut self, action: ActionId, failure: String) {
        self.failures.insert(action.sequence(), failure);
    }

    /// What went wrong with the file of `action`; empty if nothing did.
    pub fn failure(&self, action: ActionId) -> String {
        self.failures.get(&action.sequence()).cloned().unwrap_or_default()
    }

    /// The oldest receipt that was not polled yet.
    pub fn poll(&mut self) -> Option<Receipt> {
        let receipt = *self.kept.get((self.cursor - self.first) as usize)?;
        self.cursor += 1;
        Some(receipt)
    }

    /// Whether receipts were dropped, polled or not.
    pub fn has_forgotten(&self) -> bool {
        self.first > 0
    }

    /// Receipts that were not polled yet.
    pub fn waiting(&self) -> u64 {
        self.first + self.kept.len() as u64 - self.cursor
    }

    /// Receipts that were dropped before they were polled.
    pub fn dropped(&self) -> u64 {
        self.dropped_unread
    }
}

/// Writes receipts to a CSV file on a thread of its own. Each line is one write, so that the file is whole
/// lines even after the process was killed.
#[derive(Debug)]
pub struct FileLog {
    lines: Option<Sender<Receipt>>,
    writer: Option<JoinHandle<()>>,
    failed: Arc<AtomicBool>,
}

/// The fields of the receipt that C sees, and two of the stream.
const HEADER: &str = "action,tag,kind,state,outcome,after_action,requested_frame,requested_host_ns,start_clock,\
latency_source,start_frame,end_frame,done_frames,late_frames,start_host_ns,end_host_ns,realtime_offset_ns,\
host_uncertainty_ns,xruns,discontinuities,missing_frames,stream_clipped_samples,stream_nonfinite_samples,\
detected_frame,detected_end_frame,input_peak,input_clipped_samples,all_zero,detection,detected_host_ns,\
detected_end_host_ns,first_missing_frame,monitor_latency_ns,paused_frame,resumed_frame,paused_frames,seek_frame,gain_frame,\
gain,has_requested_frame,backend,sample_rate_hz\n";

impl FileLog {
    /// Creates `path`, which must not exist yet, for receipts of a stream of `format`.
    pub fn create(path: &Path, format: &Format) -> Result<Self> {
        let io = |error| Error::new(Code::FileIo, format!("receipt log '{}': {error}", path.display()));
        if path.exists() {
            fail!(FileIo, "receipt log '{}' exists already and is not overwritten", path.display());
        }
        let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(io)?;
        file.write_all(HEADER.as_bytes()).map_err(io)?;
        let (lines, incoming) = channel();
        let failed = Arc::new(AtomicBool::new(false));
        let flag = failed.clone();
        let of_stream = format!(",{},{}\n", format.backend.name(), format.sample_rate_hz);
        let writer = std::thread::Builder::new()
            .name("sonset receipts".into())
            .spawn(move || write_all(file, &incoming, &of_stream, &flag))
            .map_err(|error| Error::new(Code::OutOfMemory, format!("no thread for the log: {error}")))?;
        Ok(Self { lines: Some(lines), writer: Some(writer), failed })
    }

    /// Hands a receipt to the writer.
    pub fn write(&self, receipt: Receipt) {
        if let Some(lines) = &self.lines {
            // A writer that is gone has said so in `failed`.
            let _ = lines.send(receipt);
        }
    }

    /// Whether a line could not be written.
    pub fn failed(&self) -> bool {
        // Relaxed: a flag that orders nothing.
        self.failed.load(Ordering::Relaxed)
    }
}

impl Drop for FileLog {
    fn drop(&mut self) {
        drop(self.lines.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn write_all(mut file: File, lines: &Receiver<Receipt>, of_stream: &str, failed: &AtomicBool) {
    for receipt in lines {
        if file.write_all((line(&receipt) + of_stream).as_bytes()).is_err() {
            // Relaxed: a flag that orders nothing.
            return failed.store(true, Ordering::Relaxed);
        }
    }
}

/// The receipt as a row; kinds, states, outcomes and detections by their names in lower case.
fn line(receipt: &Receipt) -> String {
    let (asked, measured) = (&receipt.asked, &receipt.measured);
    let outcome = Outcome::name_of(receipt.outcome.map_or(0, |outcome| outcome as i32))
        .and_then(|name| name.to_str().ok())
        .and_then(|name| name.strip_prefix("SONSET_OUTCOME_"))
        .unwrap_or_default()
        .to_lowercase();
    let kind = match asked.kind {
        Kind::PlayBuffer => "play_buffer",
        Kind::RecordBuffer => "record_buffer",
        Kind::DetectLevel => "detect_level",
        Kind::PlayInput => "play_input",
        Kind::PlayRing => "play_ring",
        Kind::RecordRing => "record_ring",
        Kind::PlayFile => "play_file",
        Kind::RecordFile => "record_file",
        Kind::RecordOutput => "record_output",
        Kind::PlayTone => "play_tone",
        Kind::PlayNoise => "play_noise",
        Kind::PlayPulse => "play_pulse",
    };
    let numbers = [
        asked.after_action,
        receipt.requested_frame().unwrap_or(NONE),
        asked.requested_host_ns,
        asked.start_clock as i64,
        receipt.measured.latency_source as i64,
        measured.start_frame,
        measured.end_frame,
        measured.done_frames,
        measured.late_frames,
        measured.start_host_ns,
        measured.end_host_ns,
        receipt.realtime_offset_ns,
        receipt.measured.host_uncertainty_ns,
        measured.xruns as i64,
        measured.discontinuities as i64,
        measured.missing.frames,
        measured.clipped as i64,
        measured.nonfinite as i64,
        measured.detection.frame,
        measured.detection.end_frame,
    ];
    let numbers: String = numbers.iter().map(|number| format!(",{number}")).collect();
    format!(
        "{},{},{kind},ended,{outcome}{numbers},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}",
        asked.action,
        asked.tag,
        measured.input_peak,
        measured.input_clipped,
        measured.all_zero as i32,
        measured.detection.reason.name(),
        measured.detection.host_ns,
        measured.detection.end_host_ns,
        measured.missing.first_frame,
        measured.monitor_latency_ns,
        measured.pauses.frame,
        measured.pauses.resumed_frame,
        measured.pauses.frames,
        measured.seek_frame,
        measured.gain.frame,
        measured.gain.gain,
        receipt.requested_frame().is_some() as i32,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipt::{ActionState, Asked, Measured};

    fn id(n: i64) -> ActionId {
        ActionId::new(n as u64 + 1, 3)
    }

    fn receipt(n: i64) -> Receipt {
        Receipt {
            asked: Asked {
                action: id(n).value(),
                tag: 7,
                kind: Kind::PlayBuffer,
                after_action: 0,
                requested_frame: Some(5),
                requested_host_ns: NONE,
                start_clock: 0,
            },
            state: ActionState::Ended,
            outcome: Some(Outcome::Completed),
            measured: Measured::default(),
            realtime_offset_ns: 0,
        }
    }

    #[test]
    fn a_full_log_drops_the_oldest_and_counts_those_that_nobody_read() {
        let mut log = ReceiptLog::default();
        let total = LOG_RECEIPTS as i64 + 10;
        (0..3).for_each(|n| log.push(receipt(n)));
        assert_eq!(log.poll().map(|r| r.asked.action), Some(id(0).value()));
        [9, 10].into_iter().for_each(|n| log.explain(id(n), "disk full".into()));
        (3..total).for_each(|n| log.push(receipt(n)));
        assert_eq!((log.dropped(), log.waiting()), (9, LOG_RECEIPTS as u64));
        assert_eq!(log.find(id(9)), None);
        assert_eq!([9, 10].map(|n| log.failure(id(n))), ["", "disk full"]);
        assert_eq!(log.find(id(10)).map(|r| r.asked.action), Some(id(10).value()));
        assert_eq!(log.find(ActionId::new(11, 4)), None, "the number, but another slot");
        for n in 10..total {
            assert_eq!(log.poll().map(|r| r.asked.action), Some(id(n).value()));
        }
        assert_eq!(log.poll(), None);
        assert_eq!(log.find(id(total - 1)).map(|r| r.asked.action), Some(id(total - 1).value()));
    }

    #[test]
    fn the_file_has_a_header_and_a_line_for_each_receipt_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("receipts.csv");
        let format = Format {
            backend: crate::backend::Backend::Virtual,
            sample_rate_hz: 44_100,
            output_channels: 2,
            input_channels: 0,
            separate: false,
            fade_frames: 0,
            dither_db: 0.0,
        };
        let log = FileLog::create(&path, &format).unwrap();
        (1..=3).for_each(|n| log.write(receipt(n)));
        drop(log);
        let text = std::fs::read_to_string(&path).unwrap();
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(rows.len(), 4);
        assert!(rows.iter().all(|row| row.len() == rows[0].len()));
        let action = id(2).value().to_string();
        assert_eq!(rows[2][..5], [&action, "7", "play_buffer", "ended", "completed"]);
        assert_eq!(rows[0][rows[0].len() - 2..], ["backend", "sample_rate_hz"]);
        assert_eq!(rows[3][rows[0].len() - 2..], ["virtual", "44100"]);
        assert_eq!(FileLog::create(&path, &format).unwrap_err().code, Code::FileIo);
    }
}
