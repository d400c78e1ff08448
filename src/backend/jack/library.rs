//! What the `jack` crate does not wrap of libjack: a server by name, and the callback's thread.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};

use ::jack::jack_sys::{self, jack_client_t, jack_options_t, jack_status_t};
use ::jack::{Client, ClientOptions, ClientStatus, LoggerType};

use super::Granted;
use crate::error::{Code, Error, Result, fail};

/// `jack_client_open` with its one optional argument, the server's name.
type OpenClient =
    unsafe extern "C" fn(*const c_char, jack_options_t, *mut jack_status_t, ...) -> *mut jack_client_t;

/// Opens a client on a running server: the one called `server`, or the one that `JACK_DEFAULT_SERVER`
/// names. Never starts a server.
pub fn open_client(name: &str, server: Option<&str>) -> Result<Client> {
    let library = jack_sys::library().map_err(|error| {
        Error::new(
            Code::BackendUnavailable,
            format!("libjack could not be loaded ({error}); install jackd2 or pipewire-jack"),
        )
    })?;
    check_client_name(name)?;
    let name = c_string("client_name", name)?;
    let server_name = server.map(|server| c_string("server", server)).transpose()?;
    ::jack::set_logger(LoggerType::None);

    // SAFETY: this is the function's type in every version of jack.h.
    let open = unsafe { library.get::<OpenClient>(b"jack_client_open\0") }.map_err(|error| {
        Error::new(Code::BackendUnavailable, format!("the libjack that was found is not usable: {error}"))
    })?;
    let mut status: jack_status_t = 0;
    let options = ClientOptions::NO_START_SERVER.bits();
    let client = match &server_name {
        // SAFETY: the strings outlive the call, and the option says that a server's name follows.
        Some(server) => unsafe {
            let options = options | ClientOptions::SERVER_NAME.bits();
            open(name.as_ptr(), options, &mut status, server.as_ptr())
        },
        // SAFETY: the name outlives the call, and the options announce no further argument.
        None => unsafe { open(name.as_ptr(), options, &mut status) },
    };
    if client.is_null() {
        return Err(refusal(ClientStatus::from_bits_truncate(status), server));
    }
    // SAFETY: the pointer is a client of which nobody else knows.
    Ok(unsafe { Client::from_raw(client) })
}

/// A name that is too long or holds a colon is cut or refused by libjack without saying why.
fn check_client_name(name: &str) -> Result<()> {
    // The size that libjack states includes the zero at the end; JACK 2 states 65, and its server takes 63.
    // SAFETY: the function takes nothing and returns a constant.
    let stated = unsafe { jack_sys::jack_client_name_size() };
    let most = (stated.saturating_sub(1) as usize).min(63);
    if name.len() > most {
        fail!(
            InvalidArgument,
            "option client_name={}… has {} bytes: JACK takes at most {most}",
            name.chars().take(20).collect::<String>(),
            name.len()
        );
    }
    if name.contains(':') {
        fail!(InvalidArgument, "option client_name={name}: JACK takes no ':' in the name of a client");
    }
    Ok(())
}

/// How a person would call the server.
pub fn server_label(server: Option<&str>) -> String {
    let default = || std::env::var("JACK_DEFAULT_SERVER").unwrap_or_else(|_| "default".into());
    format!("JACK server '{}'", server.map_or_else(default, Into::into))
}

fn c_string(key: &str, value: &str) -> Result<CString> {
    match CString::new(value) {
        Ok(text) if !value.is_empty() => Ok(text),
        _ => fail!(InvalidArgument, "option {key}={value:?}: a name is neither empty nor holds a NUL"),
    }
}

fn refusal(status: ClientStatus, server: Option<&str>) -> Error {
    let label = server_label(server);
    if status.contains(ClientStatus::VERSION_ERROR) {
        let message = format!("{label} and libjack are of different versions");
        return Error::new(Code::BackendUnavailable, message);
    }
    if status.intersects(ClientStatus::SERVER_FAILED | ClientStatus::SERVER_ERROR) {
        let message = format!("{label} does not answer; start it first, with jackd or QjackCtl for example");
        return Error::new(Code::BackendUnavailable, message);
    }
    Error::new(Code::DeviceFailed, format!("{label} refused the client: {status:?}"))
}

/// Whether the callback's thread has a realtime policy. The client must be active.
#[cfg(target_os = "linux")]
pub fn thread_is_realtime(client: &Client) -> Granted {
    type ThreadOf = unsafe extern "C" fn(*mut jack_client_t) -> libc::pthread_t;
    let Ok(library) = jack_sys::library() else { return Granted::Unknown };
    // SAFETY: this is the function's type in every version of jack.h for Unix.
    let Ok(thread_of) = (unsafe { library.get::<ThreadOf>(b"jack_client_thread_id\0") }) else {
        return Granted::Unknown;
    };
    let (mut policy, mut priority) = (0, libc::sched_param { sched_priority: 0 });
    // SAFETY: an active client's thread exists until it is deactivated, which the caller's hold prevents.
    let result = unsafe { libc::pthread_getschedparam(thread_of(client.raw()), &mut policy, &mut priority) };
    match (result, policy) {
        (0, libc::SCHED_FIFO | libc::SCHED_RR) => Granted::Yes,
        (0, _) => Granted::No,
        _ => Granted::Unknown,
    }
}

/// Only Linux tells a thread's realtime policy in a way that holds for JACK's threads.
#[cfg(not(target_os = "linux"))]
pub fn thread_is_realtime(_client: &Client) -> Granted {
    Granted::Unknown
}
