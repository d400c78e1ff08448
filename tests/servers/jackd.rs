//! A private JACK server on the dummy driver.
//!
//! A client reaches it by the stream option `server=NAME` (or [`open_client`](super::recorder::open_client)),
//! which is what tests should use: nothing process-wide changes. For code that takes no server's name,
//! [`Jackd::make_default`] sets `JACK_DEFAULT_SERVER`.
#![allow(unsafe_code)]

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// Held as long as a server lives: libjack can serve one at a time in a process.
static TURN: Mutex<()> = Mutex::new(());

/// Told apart by process and by call.
static CALLS: AtomicU32 = AtomicU32::new(0);

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the server paces its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It waits for its clients (`-S`): exact even when a client stalls.
    Synchronous,
    /// It does not: a stalled client misses cycles.
    Asynchronous,
    /// Nor does this one, and what is sent to `loopback:playback_1` comes from `loopback:capture_1` a cycle later, as
    /// through a sound card: what the port does not hold by then is lost.
    Looped,
}

/// A running server. Dropping it ends the server and removes what it left behind.
pub struct Jackd {
    name: String,
    process: Child,
    realtime: bool,
    // Last: the next server starts when this one is gone.
    _turn: MutexGuard<'static, ()>,
}

impl Jackd {
    /// Starts a synchronous server, realtime where the system allows it, and waits until it answers.
    ///
    /// Waits for its turn first: a test holds one server at a time, and drops it before it starts the next.
    pub fn start(rate: u32, period: u32, channels: u32) -> Self {
        Self::start_as(Mode::Synchronous, rate, period, channels)
    }

    /// The same in either mode.
    pub fn start_as(mode: Mode, rate: u32, period: u32, channels: u32) -> Self {
        let turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // Relaxed: only the number counts.
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let name = format!("sonset-{}-{call}", std::process::id());
        let format = Format { mode, rate, period, channels };
        let (process, realtime) = match launch(&name, true, &format) {
            Ok(process) => (process, true),
            Err(_) => match launch(&name, false, &format) {
                Ok(process) => (process, false),
                Err(words) => panic!("jackd does not start; it says:\n{words}"),
            },
        };
        Self { name, process, realtime, _turn: turn }
    }

    /// The server's name, for the option `server`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the server runs with realtime priority.
    pub fn is_realtime(&self) -> bool {
        self.realtime
    }

    /// Makes the server the one that every JACK client of this process and its children finds, until the
    /// next call. The environment is process-wide: only for a test whose binary has no other test that
    /// reads it, and before threads are started that may.
    pub fn make_default(&self) {
        // SAFETY: tests that touch the environment hold a `Jackd`, and those take turns.
        unsafe { std::env::set_var("JACK_DEFAULT_SERVER", &self.name) };
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        self.signal(libc::SIGKILL);
        self.process.wait().expect("a child can be waited for");
    }

    /// Freezes it: connections stay, nothing answers.
    pub fn sigstop(&mut self) {
        self.signal(libc::SIGSTOP);
    }

    /// Lets it go on.
    pub fn sigcont(&mut self) {
        self.signal(libc::SIGCONT);
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.process.try_wait().expect("a child can be asked").is_none()
    }

    fn signal(&mut self, signal: i32) {
        if self.is_alive() {
            // SAFETY: the process was not waited for, so its id is not another's.
            unsafe { libc::kill(self.process.id() as i32, signal) };
        }
    }

    /// Ends it as a user does, so that it tidies up after itself. False if it did not, and was killed.
    fn end(&mut self) -> bool {
        self.sigcont();
        terminate(&mut self.process)
    }

    /// Frees what a server that was killed still holds: one of the eight places that all JACK servers of the
    /// machine share, and its shared memory. Only a server of the same name takes them over.
    fn bury(&self) {
        let format = Format { mode: Mode::Synchronous, rate: 48_000, period: 1_024, channels: 1 };
        if let Ok(mut heir) = launch(&self.name, false, &format) {
            terminate(&mut heir);
        }
    }
}

impl Drop for Jackd {
    fn drop(&mut self) {
        let was_killed = !self.is_alive();
        // One that was frozen may not find its way out.
        if !self.end() || was_killed {
            self.bury();
        }
        sweep(&self.name);
    }
}

/// What the dummy driver is told.
struct Format {
    mode: Mode,
    rate: u32,
    period: u32,
    channels: u32,
}

/// A server that answers, or what it said before it ended.
fn launch(name: &str, realtime: bool, format: &Format) -> Result<Child, String> {
    let log = log_path(name);
    let words = File::create(&log).expect("the temporary folder takes a file");
    let mut command = Command::new("jackd");
    match realtime {
        true => command.args(["-R", "-P", "70"]),
        false => command.arg("-r"),
    };
    match format.mode {
        Mode::Synchronous => command.arg("-S"),
        Mode::Asynchronous => &mut command,
        Mode::Looped => command.args(["-L", "1"]),
    };
    let (rate, period) = (format.rate.to_string(), format.period.to_string());
    let channels = format.channels.to_string();
    command.args(["-n", name, "-m", "-d", "dummy"]);
    command.args(["-r", &rate, "-p", &period, "-C", &channels, "-P", &channels]);
    command.stdin(Stdio::null()).stdout(words.try_clone().expect("a file can be shared")).stderr(words);
    let mut process = command.spawn().expect("jackd is not installed: run `make setup`");
    match answers(name, &mut process) {
        true => Ok(process),
        false => Err(fs::read_to_string(&log).unwrap_or_default()),
    }
}

/// Waits until the server answers a client of another process, so that this process's libjack is not
/// touched. False if the server ended, or had to be ended because it did not answer.
fn answers(name: &str, process: &mut Child) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end && process.try_wait().expect("a child can be asked").is_none() {
        let mut probe = Command::new("jack_lsp");
        probe.env("JACK_DEFAULT_SERVER", name).env("JACK_NO_START_SERVER", "1");
        probe.stdin(Stdio::null()).stderr(Stdio::null());
        let output = probe.output().expect("jack_lsp is not installed: run `make setup`");
        if output.status.success() && String::from_utf8_lossy(&output.stdout).contains("system:") {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    terminate(process);
    false
}

/// Asks the process to end, and makes it if it does not; then false.
fn terminate(process: &mut Child) -> bool {
    let end = Instant::now() + Duration::from_secs(2);
    if process.try_wait().expect("a child can be asked").is_some() {
        return true;
    }
    let mut by_itself = true;
    // SAFETY: the process was not waited for, so its id is not another's.
    unsafe { libc::kill(process.id() as i32, libc::SIGTERM) };
    while process.try_wait().expect("a child can be asked").is_none() {
        if Instant::now() >= end {
            by_itself = false;
            process.kill().expect("a child can be killed");
        }
        thread::sleep(Duration::from_millis(5));
    }
    by_itself
}

fn log_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("{name}.log"))
}

/// Removes the log, and the sockets and semaphores with the server's name, which a server that was killed
/// leaves behind. What is not there any more needs no removing.
fn sweep(name: &str) {
    let _ = fs::remove_file(log_path(name));
    let Ok(entries) = fs::read_dir("/dev/shm") else { return };
    for entry in entries.flatten() {
        let file = entry.file_name();
        let file = file.to_string_lossy();
        if file.starts_with("jack") && file.contains(&format!("_{name}_")) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
