//! Reaches the device library: opens its file on Linux, and knows it as linked in elsewhere.

use sonset_devices_abi::Api;

use crate::error::Result;

/// The functions of the device library. Once they are there they stay for good.
#[cfg(not(target_os = "linux"))]
pub fn api() -> Result<&'static Api> {
    // SAFETY: the table is a static of the crate that is linked in, of the version it was built with.
    Ok(unsafe { &*sonset_devices::sonset_devices_api() })
}

#[cfg(target_os = "linux")]
pub use file::api;

#[cfg(target_os = "linux")]
mod file {
    use super::{Api, Result};
    use crate::error::fail;
    use libloading::Library;
    use sonset_devices_abi::{Entry, SYMBOL, VERSION};
    use std::path::{Path, PathBuf};
    use std::sync::OnceLock;

    /// The names of the file, the one that packages install first.
    const NAMES: [&str; 2] = ["libsonset_devices.so.0", "libsonset_devices.so"];

    /// The functions of the device library, which is opened on first use and never unloaded: threads of an
    /// audio library may outlive the last stream. A failure is not kept, so that what is missing can be
    /// installed meanwhile.
    pub fn api() -> Result<&'static Api> {
        static OPENED: OnceLock<&'static Api> = OnceLock::new();
        if let Some(api) = OPENED.get() {
            return Ok(api);
        }
        let library = open()?;
        let api = check(&library)?;
        std::mem::forget(library);
        Ok(OPENED.get_or_init(|| api))
    }

    /// Opens the file that lies beside this library, or else the one that the system finds.
    fn open() -> Result<Library> {
        let beside = folders().into_iter().flat_map(|folder| NAMES.map(|name| folder.join(name)));
        let beside = beside.filter(|path| path.exists());
        for path in beside.chain(NAMES.map(PathBuf::from)) {
            // SAFETY: what runs on opening is that of the device library and of the system's audio libraries.
            match unsafe { Library::new(&path) } {
                Ok(library) => return Ok(library),
                Err(error) => match explain(&path, &error) {
                    Some(why) => fail!(BackendUnavailable, "{why}"),
                    None => continue,
                },
            }
        }
        fail!(
            BackendUnavailable,
            "the device library {} is neither beside libsonset.so ({}) nor where the system looks for \
             libraries; install it with sonset",
            NAMES[0],
            folders().first().map_or("unknown".into(), |folder| folder.display().to_string())
        )
    }

    /// Why a file that is there cannot be opened; `None` if it is not there.
    fn explain(path: &Path, error: &libloading::Error) -> Option<String> {
        let cause =
            std::error::Error::source(error).map_or_else(|| error.to_string(), |cause| cause.to_string());
        if !path.exists() && cause.starts_with(&*path.to_string_lossy()) {
            return None;
        }
        let cure = match ["libasound", "libpipewire"].into_iter().find(|library| cause.contains(*library)) {
            Some("libasound") => "; install ALSA's library (Debian and Ubuntu: libasound2, others: alsa-lib)",
            Some("libpipewire") => "; install PipeWire's library (Debian and Ubuntu: libpipewire-0.3-0)",
            // Some loaders do not say what they miss.
            _ => "; it needs ALSA's library libasound (Debian and Ubuntu: libasound2, others: alsa-lib)",
        };
        Some(format!("the device library cannot be opened: {cause}{cure}"))
    }

    /// The folder of the file that this code is in, the one above it, and `lib` beside it, where the library is
    /// for a program in `bin`.
    fn folders() -> Vec<PathBuf> {
        let folder = own_file().and_then(|file| file.parent().map(Path::to_path_buf));
        let mut folders: Vec<PathBuf> =
            folder.iter().flat_map(|folder| folder.ancestors().take(2)).map(Path::to_path_buf).collect();
        folders.extend(folders.get(1).map(|above| above.join("lib")));
        folders
    }

    /// The file that this code is in, as the kernel knows it: the dynamic linker keeps the path that the file
    /// was opened by, which may be relative to a folder that was left since.
    fn own_file() -> Option<PathBuf> {
        let address = own_file as fn() -> Option<PathBuf> as usize;
        let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
        maps.lines().find_map(|line| file_at(address, line))
    }

    /// The file of a line of the kernel's map, if it lies at `address`: `begin-end flags offset device inode
    /// path`, the path after any number of blanks.
    fn file_at(address: usize, line: &str) -> Option<PathBuf> {
        let (begin, end) = line.split(' ').next()?.split_once('-')?;
        let begin = usize::from_str_radix(begin, 16).ok()?;
        let end = usize::from_str_radix(end, 16).ok()?;
        let path = line.find('/').filter(|_| (begin..end).contains(&address))?;
        Some(PathBuf::from(&line[path..]))
    }

    /// The functions of `library`, if it is the one that belongs to this sonset.
    fn check(library: &Library) -> Result<&'static Api> {
        // SAFETY: the symbol of this name is a function of this type in every version of the library.
        let Ok(entry) = (unsafe { library.get::<Entry>(SYMBOL) }) else {
            fail!(BackendUnavailable, "{} is not sonset's device library", NAMES[0]);
        };
        // SAFETY: the library is loaded, and its table begins with the version and lives as long as it.
        let version = unsafe { (&raw const (*entry()).version).read() };
        if version != VERSION {
            fail!(
                BackendUnavailable,
                "the device library speaks version {version} and this libsonset version {VERSION}; \
                 install both from one release"
            );
        }
        // SAFETY: a table of this version is an `Api`, and it stays, since the library is never unloaded.
        Ok(unsafe { &*entry() })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_file_of_this_code_is_found() {
            assert_eq!(own_file(), std::env::current_exe().ok());
            let folders = folders();
            assert_eq!(folders.len(), 3);
            assert_eq!(folders[2], folders[1].join("lib"));
        }

        #[test]
        fn a_line_of_the_map_tells_its_file() {
            let line = "7f00-8000 r-xp 00000000 08:01 1234                       /opt/a folder/lib.so";
            assert_eq!(file_at(0x7f80, line), Some("/opt/a folder/lib.so".into()));
            assert_eq!(file_at(0x8000, line), None);
            assert_eq!(file_at(0x7f80, "7f00-8000 rw-p 00000000 00:00 0 [heap]"), None);
        }
    }
}
