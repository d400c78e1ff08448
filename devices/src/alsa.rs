//! What cpal does not tell about ALSA: whether hardware is behind a device, and which rates it does without
//! conversion. Also keeps libasound from printing.

use alsa_sys as sys;
use std::ffi::{CString, c_char, c_int, c_uint};
use std::ptr::null_mut;
use std::sync::Once;

/// Devices of libasound that no stream is opened on: `null` swallows blocks without any timing, and the
/// others are back ways to systems that have backends of their own.
pub const HIDDEN: [&str; 3] = ["null", "jack", "oss"];

/// From here on libasound prints nothing.
pub fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        type Plain = unsafe extern "C" fn(*const c_char, c_int, *const c_char, c_int, *const c_char);
        unsafe extern "C" fn ignore(
            _file: *const c_char,
            _line: c_int,
            _function: *const c_char,
            _error: c_int,
            _format: *const c_char,
        ) {
        }
        // SAFETY: the types differ in the variable arguments only, which in the C calling convention of
        // Linux the caller passes and clears, so that a function may leave them alone.
        let handler = unsafe {
            std::mem::transmute::<Option<Plain>, sys::snd_lib_error_handler_t>(Some(ignore as Plain))
        };
        // SAFETY: the handler is a function of this library, which is never unloaded.
        unsafe { sys::snd_lib_error_set_handler(handler) };
    });
}

/// A device opened without the conversion of rates that plug-ins do.
pub struct Probe {
    pcm: *mut sys::snd_pcm_t,
    params: *mut sys::snd_pcm_hw_params_t,
}

impl Probe {
    /// Opens `id`; `None` if that fails.
    pub fn open(id: &str, output: bool) -> Option<Self> {
        let id = CString::new(id).ok()?;
        let stream = if output { sys::SND_PCM_STREAM_PLAYBACK } else { sys::SND_PCM_STREAM_CAPTURE };
        let mut probe = Self { pcm: null_mut(), params: null_mut() };
        // SAFETY: the pointers are valid for the calls, and each call succeeds before the next is made;
        // what was allocated is freed when `probe` drops.
        let ready = unsafe {
            sys::snd_pcm_open(&mut probe.pcm, id.as_ptr(), stream, sys::SND_PCM_NONBLOCK as c_int) >= 0
                && sys::snd_pcm_hw_params_malloc(&mut probe.params) >= 0
                && sys::snd_pcm_hw_params_any(probe.pcm, probe.params) >= 0
                && sys::snd_pcm_hw_params_set_rate_resample(probe.pcm, probe.params, 0) >= 0
        };
        ready.then_some(probe)
    }

    /// Whether a sound card is behind the device, and not a server.
    pub fn is_hardware(&self) -> bool {
        let mut info = null_mut();
        // SAFETY: `info` is allocated before it is filled, read and freed, and the device is open.
        unsafe {
            if sys::snd_pcm_info_malloc(&mut info) < 0 {
                return false;
            }
            let known = sys::snd_pcm_info(self.pcm, info) >= 0 && sys::snd_pcm_info_get_card(info) >= 0;
            sys::snd_pcm_info_free(info);
            known
        }
    }

    /// Whether the device does `rate` itself.
    pub fn does(&self, rate: u32) -> bool {
        // SAFETY: device and parameters are valid until `self` drops.
        unsafe { sys::snd_pcm_hw_params_test_rate(self.pcm, self.params, rate as c_uint, 0) >= 0 }
    }

    /// The lowest and the highest rate that the device does itself.
    pub fn range(&self) -> Option<(u32, u32)> {
        let (mut low, mut high, mut sub) = (0, 0, 0);
        // SAFETY: the parameters are valid until `self` drops, and the numbers are there to write to.
        let known = unsafe {
            sys::snd_pcm_hw_params_get_rate_min(self.params, &mut low, &mut sub) >= 0
                && sys::snd_pcm_hw_params_get_rate_max(self.params, &mut high, &mut sub) >= 0
        };
        known.then_some((low, high))
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // SAFETY: each pointer is null or was allocated by `open`, and is used no more.
        unsafe {
            if !self.params.is_null() {
                sys::snd_pcm_hw_params_free(self.params);
            }
            if !self.pcm.is_null() {
                sys::snd_pcm_close(self.pcm);
            }
        }
    }
}
