use std::ffi::c_char;

/// The version of the library as text, such as "0.1.0". Lives for ever.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_version_string() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The version of the library as a number: major * 1000000 + minor * 1000 + patch.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_version_number() -> i32 {
    const fn number(text: &str) -> i32 {
        let (mut value, mut index) = (0, 0);
        while index < text.len() {
            value = value * 10 + (text.as_bytes()[index] - b'0') as i32;
            index += 1;
        }
        value
    }
    const NUMBER: i32 = number(env!("CARGO_PKG_VERSION_MAJOR")) * 1_000_000
        + number(env!("CARGO_PKG_VERSION_MINOR")) * 1_000
        + number(env!("CARGO_PKG_VERSION_PATCH"));
    NUMBER
}
