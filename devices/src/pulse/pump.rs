//! The thread of one half: serves the server's requests, or takes what it sends, and asks it for the time.

use pulseaudio::protocol::{
    Command, CorkStreamParams, LatencyParams, PlaybackLatency, RecordLatency, SampleSpec, TagStructReader,
};
use sonset_devices_abi::{UNKNOWN_NS, loss};
use std::io::{self, Cursor, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::SystemTime;

use super::clock::{Asked, Gate, Sight, monotonic_ns};
use super::inbox::Inbox;
use super::outbox::Outbox;
use super::running::Order;
use crate::half::{Half, News, Told};

/// Most frames that are asked of the half at a time.
const MOST_FRAMES: usize = 4_096;

/// The server is asked for the time no more often than this, ns.
const APART_NS: i64 = 4_000_000;

/// An underflow is that of frames which were known to be late if it is told so soon after them, ns.
const TOLD_NS: i64 = 1_000_000_000;

/// A stream as the server knows it.
pub struct Channel {
    /// Its number on its connection.
    pub number: u32,
    /// What it wants and has not been sent.
    pub requested_bytes: usize,
    /// What it keeps in its queue.
    pub queue_bytes: usize,
}

/// What the thread works with.
pub struct Pump {
    socket: UnixStream,
    outbox: Outbox,
    version: u16,
    orders: Receiver<Order>,
    bell: UnixStream,
    /// The order under way, and the number of its command.
    corking: Option<(u32, SyncSender<()>)>,
    is_corked: bool,
    channel: Channel,
    half: Arc<Half>,
    samples: Vec<f32>,
    channels: usize,
    rate: i64,
    /// Frames sent or received so far.
    frames: i64,
    question: Question,
    gate: Gate,
    /// The newest sight, and by how much it may be off, until the half has been told.
    sight: Option<Sight>,
    news: Option<i64>,
    /// When frames were last known to be late, ns.
    late_ns: Option<i64>,
}

/// What the server is asked for the time.
#[derive(Default)]
struct Question {
    /// Number of the command that is not yet answered.
    open: Option<u32>,
    sent_ns: i64,
}

/// Why the thread ends.
enum End {
    Ordered,
    Lost(u32, String),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Lost(loss::SERVER, format!("the PulseAudio server is gone: {error}"))
    }
}

impl Pump {
    /// For `half`, which has a `channel` with frames as in `spec` on `socket`, where the server speaks `version`. Obeys
    /// `orders` when `bell` rings.
    pub fn new(
        socket: UnixStream,
        version: u16,
        (channel, spec): (Channel, SampleSpec),
        half: Arc<Half>,
        (orders, bell): (Receiver<Order>, UnixStream),
    ) -> Self {
        let channels = usize::from(spec.channels);
        Self {
            socket,
            outbox: Outbox::new(version, 2 * MOST_FRAMES * 4 * channels),
            version,
            orders,
            bell,
            corking: None,
            is_corked: true,
            channel,
            half,
            samples: vec![0.0; MOST_FRAMES * channels],
            channels,
            rate: i64::from(spec.sample_rate),
            frames: 0,
            question: Question::default(),
            gate: Gate::default(),
            sight: None,
            news: None,
            late_ns: None,
        }
    }

    /// Runs until it is ordered to end, or the device is lost. `received` is what came before.
    pub fn run(mut self, received: &[u8]) {
        let mut inbox = Inbox::new(received);
        loop {
            match self.turn(&mut inbox) {
                Ok(()) => {}
                Err(End::Ordered) => return,
                Err(End::Lost(reason, text)) => return self.half.lose(reason, Some(&text)),
            }
        }
    }

    /// Does what there is to do, and waits for more.
    fn turn(&mut self, inbox: &mut Inbox) -> Result<(), End> {
        self.serve();
        self.outbox.send(&self.socket)?;
        let [socket, bell] = wait(&self.socket, !self.outbox.is_empty(), &self.bell)?;
        if bell {
            self.obey()?;
        }
        if socket {
            let goes_on = inbox.receive(&self.socket)?;
            while let Some((header, payload)) = inbox.next() {
                if header.channel == self.channel.number {
                    self.take(payload);
                } else if header.channel == u32::MAX {
                    self.hear(payload)?;
                }
            }
            if !goes_on {
                return Err(End::Lost(loss::SERVER, "the PulseAudio server is gone: it hung up".into()));
            }
        }
        Ok(())
    }

    fn obey(&mut self) -> Result<(), End> {
        // How often it was rung does not matter, and it goes on ringing until all is read.
        let _ = self.bell.read(&mut [0; 64]);
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::End => return Err(End::Ordered),
                Order::Cork(cork, done) => {
                    let params = CorkStreamParams { channel: self.channel.number, cork };
                    let number = self.outbox.put(&match self.half.is_output() {
                        true => Command::CorkPlaybackStream(params),
                        false => Command::CorkRecordStream(params),
                    });
                    self.corking = Some((number, done));
                    self.is_corked = cork;
                    // What was seen before says nothing of what comes.
                    (self.question, self.sight, self.news) = (Question::default(), None, None);
                }
            }
        }
        Ok(())
    }

    /// Sends what was requested.
    fn serve(&mut self) {
        let frame_bytes = 4 * self.channels;
        let mut has_served = false;
        while self.channel.requested_bytes >= frame_bytes {
            let frames = (self.channel.requested_bytes / frame_bytes).min(MOST_FRAMES);
            let late = self.late_frames().min(frames as i64);
            let told = self.told().late(late);
            let samples = &mut self.samples[..frames * self.channels];
            // So it stays behind a shut door.
            samples.fill(0.0);
            self.half.play_plain(samples, told);
            self.outbox.put_samples(self.channel.number, samples);
            self.frames += frames as i64;
            self.channel.requested_bytes -= frames * frame_bytes;
            has_served = true;
        }
        if has_served {
            self.ask();
        }
    }

    /// Asks for the time, unless that was done just now.
    fn ask(&mut self) {
        let now = monotonic_ns();
        if self.is_corked || self.question.open.is_some() || now - self.question.sent_ns < APART_NS {
            return;
        }
        let params = LatencyParams { channel: self.channel.number, now: SystemTime::UNIX_EPOCH };
        let open = self.outbox.put(&match self.half.is_output() {
            true => Command::GetPlaybackLatency(params),
            false => Command::GetRecordLatency(params),
        });
        self.question = Question { open: Some(open), sent_ns: now };
    }

    /// What is known of the time of the block that begins.
    fn told(&mut self) -> Told {
        let Some(sight) = self.sight else { return Told::stamped(UNKNOWN_NS, None) };
        let ahead = self.frames - sight.frame;
        let from_now = sight.converter_ns + ahead * 1_000_000_000 / self.rate - monotonic_ns();
        let delay = if self.half.is_output() { from_now } else { -from_now };
        let news = self.news.take();
        let news = news.map(|error_ns| News { frames: -ahead, ns: sight.converter_ns, error_ns });
        Told::stamped(delay.max(0), news)
    }

    /// How many of the frames that come next the server may have gone without already: it wants more than fits into
    /// its queue, or it has gone on since it was seen last, and mixes a block at a time.
    fn late_frames(&mut self) -> i64 {
        let frame_bytes = 4 * self.channels as i64;
        let beyond = (self.channel.requested_bytes as i64 - self.channel.queue_bytes as i64) / frame_bytes;
        let now = monotonic_ns();
        let passed = self.sight.map_or(0, |sight| {
            sight.frame + (now - sight.moment_ns) * self.rate / 1_000_000_000 - self.frames
        });
        let late = beyond.max(passed);
        if late <= 0 {
            return 0;
        }
        self.late_ns = Some(now);
        late + self.channel.queue_bytes as i64 / 2 / frame_bytes
    }

    /// Hears that the server went without frames, unless that was known before they were sent.
    fn hear_underflow(&mut self) {
        let known = self.late_ns.take().is_some_and(|then| monotonic_ns() - then < TOLD_NS);
        if !known {
            self.half.xrun();
        }
    }

    /// Hands recorded samples to the half.
    fn take(&mut self, payload: &[u8]) {
        let told = self.told();
        let frames = payload.len() / (4 * self.channels);
        self.samples.clear();
        let samples = payload.chunks_exact(4).take(frames * self.channels);
        self.samples
            .extend(samples.map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])));
        self.half.record_plain(&self.samples, told);
        self.frames += frames as i64;
        self.ask();
    }

    /// Hears what the server says.
    fn hear(&mut self, payload: &[u8]) -> Result<(), End> {
        let mut rest = Cursor::new(payload);
        let lost = |reason, text: &str| Err(End::Lost(reason, text.into()));
        // What is not understood is none of what matters here.
        let Ok((number, command)) = Command::read_tag_prefixed(&mut rest, self.version) else {
            return Ok(());
        };
        match command {
            Command::Reply | Command::Error(_) if self.question.open == Some(number) => {
                self.question.open = None;
                self.see(&mut rest);
            }
            Command::Reply if self.corking.as_ref().is_some_and(|(corking, _)| *corking == number) => {
                if let Some((_, done)) = self.corking.take() {
                    // Nobody may be waiting any more.
                    let _ = done.try_send(());
                }
            }
            Command::Request(request) if request.channel == self.channel.number => {
                self.channel.requested_bytes += request.length as usize;
            }
            Command::Underflow(_) => self.hear_underflow(),
            Command::Overflow(_) => self.half.xrun(),
            Command::PlaybackBufferAttrChanged(changed) => {
                self.channel.queue_bytes = changed.buffer_attr.target_length as usize;
            }
            Command::PlaybackStreamKilled(_) | Command::RecordStreamKilled(_) => {
                return lost(
                    loss::GONE,
                    "the PulseAudio server has ended the stream; its device may be gone",
                );
            }
            Command::PlaybackStreamMoved(_) | Command::RecordStreamMoved(_) => {
                return lost(loss::CHANGED, "the PulseAudio server has moved the stream to another device");
            }
            _ => {}
        }
        Ok(())
    }

    /// Sees in the answer which frame is at the converter when.
    fn see(&mut self, answer: &mut Cursor<&[u8]>) {
        let asked = Asked { sent_ns: self.question.sent_ns, read_ns: monotonic_ns() };
        let mut reader = TagStructReader::new(answer, self.version);
        let frame_bytes = 4 * self.channels as i64;
        let sight = match self.half.is_output() {
            true => {
                reader.read::<PlaybackLatency>().ok().and_then(|answer| asked.played(&answer, frame_bytes))
            }
            false => {
                reader.read::<RecordLatency>().ok().and_then(|answer| asked.recorded(&answer, frame_bytes))
            }
        };
        if let Some(sight) = sight.filter(|_| !self.is_corked)
            && let Some(error_ns) = self.gate.lets_in(&sight)
        {
            (self.sight, self.news) = (Some(sight), Some(error_ns));
        }
    }
}

/// Waits until the socket or the bell has something to read, or the socket takes more where there `is_more`; and says
/// which of them is to be read.
fn wait(socket: &UnixStream, is_more: bool, bell: &UnixStream) -> io::Result<[bool; 2]> {
    let poll = |fd: RawFd, events| libc::pollfd { fd, events, revents: 0 };
    let writes = if is_more { libc::POLLOUT } else { 0 };
    let mut both = [poll(socket.as_raw_fd(), libc::POLLIN | writes), poll(bell.as_raw_fd(), libc::POLLIN)];
    // SAFETY: `both` is an array of two that is there to read and write.
    if unsafe { libc::poll(both.as_mut_ptr(), 2, -1) } < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted { Ok([false; 2]) } else { Err(error) };
    }
    Ok(both.map(|one| one.revents & !libc::POLLOUT != 0))
}
