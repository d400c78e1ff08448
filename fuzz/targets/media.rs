//! Media files of any content: read to the end, from the middle and from the start again. No panic, no hang, no memory
//! out of proportion (libFuzzer's own limits), and what is read twice is the same unless a read failed.
#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use sonset::file::decode::Decoder;

/// Frames read at most: a header may promise any length.
const MOST_FRAMES: usize = 200_000;

/// The file that each input is written to.
fn path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        // A panic of a decoder is caught and told as an error; the library's own are not, and must end the run.
        std::panic::set_hook(Box::new(|info| {
            let file = info.location().map_or("", |location| location.file());
            if !file.contains("symphonia") {
                eprintln!("{info}");
                std::process::abort();
            }
        }));
        tempfile::tempdir().unwrap().keep().join("input")
    })
}

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(path(), bytes).unwrap();
    let Ok(mut decoder) = Decoder::open(path(), 0) else { return };
    let channels = decoder.info().channels;
    let mut part = vec![0.0; 4096 * channels];
    let mut frames = 0;
    while frames < MOST_FRAMES {
        match decoder.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(more) => frames += more,
        }
    }
    if decoder.seek(frames as u64 / 2).is_ok() {
        let _ = decoder.read(&mut part);
    }
    if decoder.seek(0).is_ok() {
        let _ = decoder.read(&mut part);
    }
    let _ = decoder.seek(u64::MAX);
});
