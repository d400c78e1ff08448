//! Progress while something runs, and its end before time.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Set by Ctrl-C.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Lets Ctrl-C end a measurement, which then shows what it has. A second one ends the program.
pub fn listen_for_ctrl_c() {
    // Without a handler Ctrl-C ends the program at once, which loses no device.
    let _ = ctrlc::set_handler(|| {
        // Relaxed: a flag that orders nothing.
        if STOPPED.swap(true, Ordering::Relaxed) {
            std::process::exit(2);
        }
    });
}

/// Whether Ctrl-C was pressed.
pub fn is_stopped() -> bool {
    // Relaxed: a flag that orders nothing.
    STOPPED.load(Ordering::Relaxed)
}

/// A bar on the terminal for something that takes so long.
pub struct Progress {
    bar: ProgressBar,
    began: Instant,
}

impl Progress {
    /// Shows a bar for `seconds`, if there is a terminal and `quiet` is not wanted.
    pub fn new(what: &str, seconds: f64, quiet: bool) -> Self {
        let bar = ProgressBar::new((seconds * 10.0).ceil() as u64);
        if quiet || !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:40}] {percent} %, {eta} left") {
            bar.set_style(style);
        }
        bar.set_message(what.to_string());
        Self { bar, began: Instant::now() }
    }

    /// Moves the bar.
    pub fn tick(&self) {
        self.bar.set_position((self.began.elapsed().as_secs_f64() * 10.0) as u64);
    }

    /// Seconds since it began.
    pub fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Waits a moment, and moves the bar.
    pub fn wait(&self, moment: Duration) {
        std::thread::sleep(moment);
        self.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
