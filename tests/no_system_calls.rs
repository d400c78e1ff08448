//! The kernel's own word on the realtime law: a thread that may make no system call at all renders blocks.
//!
//! Each test runs itself again as a child process; the child's rendering thread locks itself in with seccomp,
//! and the first system call would kill the child.

#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod bustle;

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bustle::separate::Halves;
use bustle::{Bustle, CHANNELS, assert_every_kind_ran, process, running_with_dither};
use sonset::device::Direction;
use sonset::stream::Stream;

const CHILD: &str = "SONSET_TEST_NO_SYSTEM_CALLS";
const REQUESTS: u64 = 40_000;

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

/// Renders in a thread that is locked in, by calls of `callback`, while another one asks for things of every kind;
/// `violate` makes one system call there.
fn render_locked_in(stream: Stream, mut callback: impl FnMut(&Stream) + Send + 'static, violate: bool) -> ! {
    let stream: &'static Stream = Box::leak(Box::new(stream));
    let done: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    let asked: &'static AtomicU64 = Box::leak(Box::new(AtomicU64::new(0)));
    std::thread::spawn(move || {
        forbid_system_calls();
        // At most some blocks for each request, so that there is much to do.
        for block in 0..8 * REQUESTS {
            while block >= 8 * asked.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
            callback(stream);
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
    let folder = tempfile::tempdir().unwrap();
    let mut bustle = Bustle::with_files(0x5EC, folder.path());
    bustle.file_in = 20;
    for request in 1..=REQUESTS {
        let frame = stream.time(Direction::Output).map_or(0, |time| time.earliest_frame);
        bustle.command(stream, frame);
        asked.store(request, Ordering::SeqCst);
    }
    while !done.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_every_kind_ran(stream);
    drop(folder);
    std::process::exit(0);
}

fn one_callback(violate: bool) -> ! {
    let (input, mut output) = (vec![0.25; CHANNELS * 64], vec![0.0; CHANNELS * 64]);
    let callback = move |stream: &Stream| process(stream, &input, &mut output);
    render_locked_in(running_with_dither(64, ""), callback, violate)
}

#[test]
fn a_thread_without_system_calls_can_render_every_kind_of_action() {
    if is_child() {
        one_callback(false);
    }
    let status = run_child("a_thread_without_system_calls_can_render_every_kind_of_action");
    assert!(status.success(), "{status}");
}

#[test]
fn so_can_one_that_renders_two_halves_with_clocks_of_their_own() {
    if is_child() {
        let mut halves = Halves::new(0xD1CE);
        let callback = move |stream: &Stream| halves.step(stream, |run| run());
        render_locked_in(running_with_dither(64, "callbacks=separate"), callback, false);
    }
    let status = run_child("so_can_one_that_renders_two_halves_with_clocks_of_their_own");
    assert!(status.success(), "{status}");
}

#[test]
fn one_system_call_of_that_thread_would_be_noticed() {
    if is_child() {
        one_callback(true);
    }
    let status = run_child("one_system_call_of_that_thread_would_be_noticed");
    assert_eq!(status.signal(), Some(libc::SIGSYS), "{status}");
}
