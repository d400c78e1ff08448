//! Sound files. Never touched from the callback.
//!
//! [`decode::Decoder`] gives the frames of any file that is read, from the first one that is meant to be heard
//! on; [`load`] puts them all into a buffer; [`wav`] writes. What kind of file it is and which streams follow each
//! other in it: [`outline`]. What stands in front of the first frame and how that is known: [`timeline`].

pub mod channels;
pub mod growing;
pub mod playing;
pub mod rate;
pub mod recording;
pub mod task;
pub mod decode;
pub mod ebml;
pub mod iso;
mod iso_pcm;
pub mod load;
pub mod media;
pub mod outline;
pub mod pcm;
pub mod timeline;
pub mod wav;
mod flac;
mod mpeg;
mod ogg;
mod part;
mod recognise;
mod row;
mod row_reader;
mod tail;

use std::path::Path;

use crate::error::{Code, Error};

/// What is wrong with a file whose content cannot be used, and how to make one that can.
fn unreadable(path: &Path, reason: &str) -> Error {
    let path = path.display();
    let cure = format!("`ffmpeg -i \"{path}\" -vn -c:a pcm_f32le \"{path}.wav\"` may convert it");
    Error::new(Code::FileFormat, format!("'{path}': {reason}; {cure}"))
}

/// `error`, of the file at `path`, which it names unless it does so already.
pub fn naming(path: &Path, error: Error) -> Error {
    let name = format!("'{}'", path.display());
    match error.message.starts_with(&name) {
        true => error,
        false => Error::new(error.code, format!("{name}: {}", error.message)),
    }
}

/// What the system says of a file that cannot be had.
fn inaccessible(path: &Path, what: &str, error: &std::io::Error) -> Error {
    let code = match error.kind() {
        std::io::ErrorKind::NotFound => Code::FileNotFound,
        _ => Code::FileIo,
    };
    Error::new(code, format!("'{}' {what}: {error}", path.display()))
}
