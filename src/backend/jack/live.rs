//! A JACK client with its callbacks, which JACK may end at any instruction.
//!
//! libjack 2 ends its threads by `pthread_cancel` with the cancel type ASYNCHRONOUS: a thread that happens to
//! be in a callback when its client is deactivated or closed is unwound from there, without a Rust exception,
//! and a `catch_unwind` in its way turns that into an abort. So each callback here holds cancellation off
//! while it runs, and takes it where no Rust frame is left to unwind but its own, which owns nothing.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use jack::jack_sys::{self, jack_nframes_t, jack_status_t};
use jack::{Client, Frames, ProcessScope};

/// What runs in the process callback.
pub trait Process: Send {
    /// One cycle. Realtime-safe.
    fn process(&mut self, client: &Client, scope: &ProcessScope);
}

/// What JACK tells outside the process callback, on a thread that runs beside it.
#[allow(unused_variables)]
pub trait Notify: Send + Sync {
    /// The server is gone.
    fn shutdown(&self, reason: &str) {}
    /// Cycles run as fast as they can from now on, or no more.
    fn freewheel(&self, is_on: bool) {}
    /// The server has this period now; also comes before the first cycle.
    fn period(&self, client: &Client, frames: Frames) {}
    /// The server has this rate now; also comes before the first cycle.
    fn sample_rate(&self, rate_hz: Frames) {}
    /// Ports or connections of the graph have changed.
    fn graph_order(&self, client: &Client) {}
    /// The server missed a cycle.
    fn xrun(&self) {}
}

/// What the callbacks work with.
struct Context<N, P> {
    client: ManuallyDrop<Client>,
    notify: N,
    process: P,
}

/// A client and what runs in its callbacks. Both live until it is dropped, whether it is active or not,
/// because notifications come as long as the client is open.
pub struct LiveClient<N: Notify, P: Process> {
    context: NonNull<Context<N, P>>,
    is_active: bool,
}

// SAFETY: the client may be used from any thread, and both handlers are Send.
unsafe impl<N: Notify, P: Process> Send for LiveClient<N, P> {}

impl<N: Notify, P: Process> LiveClient<N, P> {
    /// Registers the callbacks of a client that is not active.
    pub fn new(client: Client, notify: N, process: P) -> Self {
        let context = Context { client: ManuallyDrop::new(client), notify, process };
        let live = Self { context: NonNull::from(Box::leak(Box::new(context))), is_active: false };
        live.register();
        live
    }

    fn register(&self) {
        let (client, data) = (self.client().raw(), self.context.as_ptr().cast::<c_void>());
        // SAFETY: the functions have the types of jack.h but for the permission to unwind, which C code
        // compiled for cancellation has, and the data lives until the client is closed.
        unsafe {
            use std::mem::transmute;
            type Size = unsafe extern "C-unwind" fn(jack_nframes_t, *mut c_void) -> c_int;
            type Event = unsafe extern "C-unwind" fn(*mut c_void) -> c_int;
            type Mode = unsafe extern "C-unwind" fn(c_int, *mut c_void);
            type End = unsafe extern "C-unwind" fn(jack_status_t, *const c_char, *mut c_void);
            type CSize = unsafe extern "C" fn(jack_nframes_t, *mut c_void) -> c_int;
            type CEvent = unsafe extern "C" fn(*mut c_void) -> c_int;
            type CMode = unsafe extern "C" fn(c_int, *mut c_void);
            type CEnd = unsafe extern "C" fn(jack_status_t, *const c_char, *mut c_void);
            let size = |f: Size| Some(transmute::<Size, CSize>(f));
            let event = |f: Event| Some(transmute::<Event, CEvent>(f));
            let mode = |f: Mode| Some(transmute::<Mode, CMode>(f));
            let end = |f: End| Some(transmute::<End, CEnd>(f));
            jack_sys::jack_on_info_shutdown(client, end(on_shutdown::<N, P>), data);
            jack_sys::jack_set_process_callback(client, size(on_process::<N, P>), data);
            jack_sys::jack_set_freewheel_callback(client, mode(on_freewheel::<N, P>), data);
            jack_sys::jack_set_buffer_size_callback(client, size(on_period::<N, P>), data);
            jack_sys::jack_set_sample_rate_callback(client, size(on_sample_rate::<N, P>), data);
            jack_sys::jack_set_graph_order_callback(client, event(on_graph_order::<N, P>), data);
            jack_sys::jack_set_xrun_callback(client, event(on_xrun::<N, P>), data);
        }
    }

    /// The client.
    pub fn client(&self) -> &Client {
        // SAFETY: the context lives as long as self, and nobody writes to its client.
        unsafe { &(*self.context.as_ptr()).client }
    }

    /// Starts the process callback; nothing happens if it runs. False if JACK refuses.
    pub fn activate(&mut self) -> bool {
        if !self.is_active {
            // SAFETY: the client is open.
            self.is_active = unsafe { jack_sys::jack_activate(self.client().raw()) } == 0;
        }
        self.is_active
    }

    /// Ends the process callback; nothing happens if it does not run. False if JACK could not: the client is
    /// then good for nothing but to be dropped.
    pub fn deactivate(&mut self) -> bool {
        // SAFETY: the client is open.
        !std::mem::take(&mut self.is_active) || unsafe { jack_sys::jack_deactivate(self.client().raw()) } == 0
    }

    /// Whether the process callback runs.
    pub fn is_active(&self) -> bool {
        self.is_active
    }
}

impl<N: Notify, P: Process> Drop for LiveClient<N, P> {
    fn drop(&mut self) {
        self.deactivate();
        // SAFETY: the value in the context is never dropped, so this copy of it alone closes the client. Callbacks that
        // come while it closes read the one in the context.
        drop(ManuallyDrop::into_inner(unsafe { (&raw const (*self.context.as_ptr()).client).read() }));
        // SAFETY: it came from a box, and closing the client has ended all threads that knew it.
        drop(unsafe { Box::from_raw(self.context.as_ptr()) });
    }
}

/// Runs `body` with cancellation held off, and a panic kept from the C code. 0, or 1 after a panic, which
/// tells JACK to go on without the client. Owns nothing when the cancellation that came meanwhile unwinds it.
fn guarded(body: impl FnOnce()) -> c_int {
    let before = cancellation::hold();
    let result = catch_unwind(AssertUnwindSafe(body)).is_err() as c_int;
    cancellation::release(before);
    result
}

unsafe extern "C-unwind" fn on_process<N: Notify, P: Process>(frames: Frames, data: *mut c_void) -> c_int {
    let context = data.cast::<Context<N, P>>();
    guarded(|| {
        // SAFETY: the data is the context, and only the process callback touches its process handler.
        let (client, process) = unsafe { (&(*context).client, &mut (*context).process) };
        // SAFETY: this is the process callback of that client, in a cycle of so many frames.
        let scope = unsafe { ProcessScope::from_raw(frames, client.raw()) };
        process.process(client, &scope);
    })
}

/// Runs `body` with the client and the handler of notifications.
fn notified<N: Notify, P: Process>(data: *mut c_void, body: impl FnOnce(&Client, &N)) -> c_int {
    let context = data.cast::<Context<N, P>>();
    // SAFETY: the data is the context, and nobody writes to these two.
    guarded(|| unsafe { body(&(*context).client, &(*context).notify) })
}

unsafe extern "C-unwind" fn on_shutdown<N: Notify, P: Process>(
    _: jack_status_t,
    reason: *const c_char,
    data: *mut c_void,
) {
    notified::<N, P>(data, |_, notify| {
        let text = NonNull::new(reason.cast_mut()).map_or(c"", |text| {
            // SAFETY: jack.h promises a text that ends in a NUL and lives through the callback.
            unsafe { CStr::from_ptr(text.as_ptr()) }
        });
        notify.shutdown(&text.to_string_lossy());
    });
}

unsafe extern "C-unwind" fn on_freewheel<N: Notify, P: Process>(is_on: c_int, data: *mut c_void) {
    notified::<N, P>(data, |_, notify| notify.freewheel(is_on != 0));
}

unsafe extern "C-unwind" fn on_period<N: Notify, P: Process>(frames: Frames, data: *mut c_void) -> c_int {
    notified::<N, P>(data, |client, notify| notify.period(client, frames))
}

unsafe extern "C-unwind" fn on_sample_rate<N: Notify, P: Process>(hz: Frames, data: *mut c_void) -> c_int {
    notified::<N, P>(data, |_, notify| notify.sample_rate(hz))
}

unsafe extern "C-unwind" fn on_graph_order<N: Notify, P: Process>(data: *mut c_void) -> c_int {
    notified::<N, P>(data, |client, notify| notify.graph_order(client))
}

unsafe extern "C-unwind" fn on_xrun<N: Notify, P: Process>(data: *mut c_void) -> c_int {
    notified::<N, P>(data, |_, notify| notify.xrun())
}

/// Holding off `pthread_cancel`: no system call, a flag of the thread.
#[cfg(target_os = "linux")]
mod cancellation {
    use std::ffi::c_int;

    /// Of `pthread.h`, in glibc and musl.
    const PTHREAD_CANCEL_DISABLE: c_int = 1;

    unsafe extern "C-unwind" {
        fn pthread_setcancelstate(state: c_int, old_state: *mut c_int) -> c_int;
    }

    /// Holds it off; returns what was before.
    pub fn hold() -> c_int {
        let mut before = 0;
        // SAFETY: the place is valid for the call.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut before) };
        before
    }

    /// Goes back to what was before. May not return, if the thread was cancelled meanwhile.
    pub fn release(before: c_int) {
        let mut held = 0;
        // SAFETY: the place is valid for the call, and the frames that may be unwound own nothing.
        unsafe { pthread_setcancelstate(before, &mut held) };
    }
}

/// Elsewhere JACK ends its threads without unwinding them.
#[cfg(not(target_os = "linux"))]
mod cancellation {
    use std::ffi::c_int;

    pub fn hold() -> c_int {
        0
    }

    pub fn release(_: c_int) {}
}
