//! What libsndfile reads, in this process.

use std::ffi::{CString, c_char, c_int, c_void};
use std::path::Path;

use libloading::{Library, Symbol};

/// SF_INFO of sndfile.h.
#[repr(C)]
#[derive(Default)]
struct Info {
    frames: i64,
    sample_rate: c_int,
    channels: c_int,
    format: c_int,
    sections: c_int,
    seekable: c_int,
}

type Open = unsafe extern "C" fn(*const c_char, c_int, *mut Info) -> *mut c_void;
type Read = unsafe extern "C" fn(*mut c_void, *mut f32, i64) -> i64;
type Close = unsafe extern "C" fn(*mut c_void) -> c_int;
type Explain = unsafe extern "C" fn(*mut c_void) -> *const c_char;

const READ: c_int = 0x10;
const STEP_FRAMES: i64 = 1 << 14;
const MOST_SAMPLES: usize = 1 << 26;

/// The library.
pub struct SndFile(Library);

/// What it reads of a file.
pub struct Sound {
    pub channels: usize,
    pub rate: u32,
    pub samples: Vec<f32>,
}

impl SndFile {
    pub fn load() -> Self {
        // SAFETY: its initialisers do nothing beyond its own memory.
        Self(
            unsafe { Library::new("libsndfile.so.1") }
                .expect("libsndfile1 is installed by scripts/setup test"),
        )
    }

    /// Reads a whole file, or tells why it cannot.
    pub fn read(&self, path: &Path) -> Result<Sound, String> {
        let name = CString::new(path.to_str().unwrap()).unwrap();
        let mut info = Info::default();
        // SAFETY: the signatures are those of sndfile.h; name and info live for the calls; the buffer has room for
        // as many frames as are asked for.
        unsafe {
            let open: Symbol<Open> = self.0.get(b"sf_open\0").unwrap();
            let explain: Symbol<Explain> = self.0.get(b"sf_strerror\0").unwrap();
            let read: Symbol<Read> = self.0.get(b"sf_readf_float\0").unwrap();
            let close: Symbol<Close> = self.0.get(b"sf_close\0").unwrap();
            let file = open(name.as_ptr(), READ, &mut info);
            if file.is_null() {
                return Err(std::ffi::CStr::from_ptr(explain(file)).to_string_lossy().into_owned());
            }
            // Not info.frames, which may be an estimate.
            let channels = info.channels as usize;
            let mut samples = Vec::new();
            loop {
                let begin = samples.len();
                samples.resize(begin + STEP_FRAMES as usize * channels, 0.0);
                let done = read(file, samples[begin..].as_mut_ptr(), STEP_FRAMES).max(0) as usize;
                samples.truncate(begin + done * channels);
                if done == 0 || samples.len() > MOST_SAMPLES {
                    break;
                }
            }
            close(file);
            Ok(Sound { channels: info.channels as usize, rate: info.sample_rate as u32, samples })
        }
    }
}
