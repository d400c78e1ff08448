//! A private JACK server on the dummy driver.
//!
//! A client reaches it by the stream option `server=NAME` (or [`open_client`](super::recorder::open_client)),
//! which is what tests should use: nothing process-wide changes. For code that takes no server's name,
//! [`Jackd::make_default`] sets `JACK_DEFAULT_SERVER`.

use std::fs;
use std::os::unix::process::ExitStatusExt;
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
    /// Waits for its turn first: a test holds one server at a time, and drops or shadows no `Jackd` it has
    /// yet to use.
    pub fn start(rate: u32, period: u32, channels: u32) -> Self {
        Self::start_as(Mode::Synchronous, rate, period, channels)
    }

    /// The same in either mode.
    pub fn start_as(mode: Mode, rate: u32, period: u32, channels: u32) -> Self {
        let turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // Relaxed: only the number counts.
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let name = format!("sonset-{}-{call}", std::process::id());
        let launch = |realtime| spawn(&name, realtime, mode, rate, period, channels);
        let (process, realtime) = match launch(true) {
            Some(process) => (process, true),
            None => match launch(false) {
                Some(process) => (process, false),
                None => panic!("jackd does not start on its dummy driver; run it by hand to see why"),
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

    /// Ends it as a user does, so that it tidies up itself; by force if it does not.
    fn end(&mut self) {
        if !self.is_alive() {
            return;
        }
        self.sigcont();
        self.signal(libc::SIGTERM);
        let end = Instant::now() + Duration::from_secs(2);
        while self.is_alive() && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
        if self.is_alive() {
            self.kill();
        }
    }
}

impl Drop for Jackd {
    fn drop(&mut self) {
        self.end();
        sweep(&self.name);
    }
}

/// A server that answers, or `None` if it ended before it did.
fn spawn(name: &str, realtime: bool, mode: Mode, rate: u32, period: u32, channels: u32) -> Option<Child> {
    let mut command = Command::new("jackd");
    match realtime {
        true => command.args(["-R", "-P", "70"]),
        false => command.arg("-r"),
    };
    if mode == Mode::Synchronous {
        command.arg("-S");
    }
    let (rate, period, channels) = (rate.to_string(), period.to_string(), channels.to_string());
    command.args(["-n", name, "-m", "-d", "dummy"]);
    command.args(["-r", &rate, "-p", &period, "-C", &channels, "-P", &channels]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = command.spawn().expect("jackd is not installed: run `make setup`");
    answers(name, &mut process).then_some(process)
}

/// Waits until the server answers a client of another process, so that this process's libjack is not
/// touched. False if the server ended.
fn answers(name: &str, process: &mut Child) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(status) = process.try_wait().expect("a child can be asked") {
            assert_eq!(status.signal(), None, "jackd was ended by a signal while it started");
            return false;
        }
        let mut probe = Command::new("jack_lsp");
        probe.env("JACK_DEFAULT_SERVER", name).env("JACK_NO_START_SERVER", "1");
        probe.stdin(Stdio::null()).stderr(Stdio::null());
        let output = probe.output().expect("jack_lsp is not installed: run `make setup`");
        if output.status.success() && String::from_utf8_lossy(&output.stdout).contains("system:") {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    process.kill().expect("a child can be killed");
    process.wait().expect("a child can be waited for");
    panic!("the JACK server '{name}' runs, but did not answer within {PATIENCE:?}");
}

/// Removes the sockets and semaphores with the server's name, which a server that was killed leaves behind.
/// Shared memory segments do not carry the name; the next server frees those of servers that are gone.
fn sweep(name: &str) {
    let Ok(entries) = fs::read_dir("/dev/shm") else { return };
    for entry in entries.flatten() {
        let file = entry.file_name();
        let file = file.to_string_lossy();
        let is_ours = file.starts_with("jack") && file.contains(&format!("_{name}_"));
        if is_ours && fs::remove_file(entry.path()).is_err() {
            // Gone already: its client has tidied up in the meantime.
        }
    }
}
