//! The priority of the audio thread: asked for and read once, in the first block of a half.

use sonset_devices_abi::granted;

/// Low among realtime priorities: above all ordinary threads, below the kernel's and a server's own.
#[cfg(target_os = "linux")]
const PRIORITY: i32 = 10;

/// Whether the calling thread runs at realtime priority, after asking for it if `ask`. One or two system
/// calls; the answer is never "unknown", so that nobody has to ask again.
#[cfg(target_os = "linux")]
pub fn of_this_thread(ask: bool) -> u32 {
    if !is_realtime() && ask {
        let wanted = libc::sched_param { sched_priority: PRIORITY };
        // SAFETY: 0 is the calling thread, and `wanted` is a valid parameter to read.
        unsafe { libc::sched_setscheduler(0, libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, &wanted) };
    }
    if is_realtime() { granted::YES } else { granted::NO }
}

#[cfg(target_os = "linux")]
fn is_realtime() -> bool {
    // SAFETY: 0 is the calling thread; the call touches no memory.
    let policy = unsafe { libc::sched_getscheduler(0) } & !libc::SCHED_RESET_ON_FORK;
    policy == libc::SCHED_FIFO || policy == libc::SCHED_RR
}

/// Elsewhere the system's own audio threads are prioritised, and cpal reports a refusal.
#[cfg(not(target_os = "linux"))]
pub fn of_this_thread(_ask: bool) -> u32 {
    granted::UNKNOWN
}
