//! The kernel's own word on the realtime law: a thread that may make no system call at all renders blocks.
//!
//! Each test runs itself again as a child process; the child's rendering thread locks itself in with seccomp,
//! and the first system call would kill the child.

#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};

use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::stream::{Config, PlayParams, RecordParams, StartAt, Stream, Timing};

const CHILD: &str = "SONSET_TEST_NO_SYSTEM_CALLS";
const BLOCKS: usize = 200_000;

/// Runs the test `name` again as a child.
fn run_child(name: &str) -> ExitStatus {
    let this = std::env::current_exe().unwrap();
    Command::new(this).args(["--exact", name, "--nocapture"]).env(CHILD, "1").status().unwrap()
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// From here on any system call of this thread kills the process (SIGSYS).
fn forbid_system_calls() {
    let return_kill = libc::sock_filter {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k: libc::SECCOMP_RET_KILL_PROCESS,
    };
    let mut filter = [return_kill];
    let program = libc::sock_fprog { len: 1, filter: filter.as_mut_ptr() };
    // SAFETY: both calls take plain numbers and a program that lives for the call.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program), 0);
    }
}

fn open() -> Stream {
    let config = Config {
        backend: Some(Backend::Manual),
        sample_rate_hz: 48_000,
        output_channels: 2,
        input_channels: 2,
        max_actions: 64,
        ..Config::default()
    };
    let stream = Stream::open(&config).unwrap();
    stream.start().unwrap();
    stream
}

/// Issues actions of every kind until `done`.
fn keep_busy(stream: &Stream, done: &AtomicBool) {
    let tone: Vec<f32> = (0..2_000).map(|n| (n % 40) as f32 / 100.0).collect();
    let sound = Buffer::copy(&tone, 1_000, 2, 0).unwrap();
    let mut last = 0;
    for n in 0i64.. {
        if done.load(Ordering::SeqCst) {
            return;
        }
        let frame = stream.time(sonset::device::Direction::Output).unwrap().earliest_frame;
        let start = match n % 4 {
            0 => StartAt::Now,
            1 => StartAt::Frame(frame + 300),
            2 => StartAt::Frame((frame - 100).max(0)),
            _ if last != 0 => StartAt::After { action: last, offset: 7 },
            _ => StartAt::Now,
        };
        let timing = Timing { start, ..Timing::default() };
        let params = PlayParams {
            timing,
            onset_ramp_frames: 100,
            offset_ramp_frames: 50,
            loop_count: n % 3,
            gain_db: -6.0,
            ..PlayParams::default()
        };
        // A full pool and a predecessor that is long gone are part of the bustle.
        if let Ok(action) = stream.play_buffer(&sound, None, None, &params) {
            last = action;
            if n % 5 == 0 {
                let _ = stream.cancel(action, Some(frame + 500), 64);
            }
        }
        let recording = Buffer::zeros(500, 2, 0).unwrap();
        let params = RecordParams { timing: Timing::default(), ..RecordParams::default() };
        let _ = stream.record_buffer(&recording, None, &params);
        if n % 50 == 0 {
            stream.set_master_gain(None, -3.0, 200).unwrap();
            stream.cancel_all(0).unwrap();
        }
    }
}

/// Renders in a thread that is locked in; `violate` makes one system call there.
fn render_locked_in(violate: bool) -> ! {
    let stream: &'static Stream = Box::leak(Box::new(open()));
    let done: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    std::thread::spawn(move || {
        let input = vec![0.25; 2 * 64];
        let mut output = vec![0.0; 2 * 64];
        forbid_system_calls();
        for _ in 0..BLOCKS {
            let _ = stream.process(
                0,
                Input::Interleaved(&input),
                Output::Interleaved(&mut output),
                BlockTime::default(),
            );
        }
        if violate {
            // SAFETY: getppid has no preconditions.
            unsafe { libc::getppid() };
        }
        done.store(true, Ordering::SeqCst);
        // Even ending the thread would be a system call.
        loop {
            std::hint::spin_loop();
        }
    });
    keep_busy(stream, done);
    assert!(stream.stats().callbacks >= BLOCKS as u64);
    assert!(std::iter::from_fn(|| stream.poll_receipt().ok()).count() > 100, "too little happened");
    std::process::exit(0);
}

#[test]
fn a_thread_without_system_calls_can_render_every_kind_of_action() {
    if is_child() {
        render_locked_in(false);
    }
    let status = run_child("a_thread_without_system_calls_can_render_every_kind_of_action");
    assert!(status.success(), "{status}");
}

#[test]
fn one_system_call_of_that_thread_would_be_noticed() {
    if is_child() {
        render_locked_in(true);
    }
    let status = run_child("one_system_call_of_that_thread_would_be_noticed");
    assert_eq!(status.signal(), Some(libc::SIGSYS), "{status}");
}
