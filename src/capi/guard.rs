//! What every body of the C surface stands in: errors become codes and messages, panics become errors, and
//! pointers are checked before they are used.

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::text::Text;
use crate::error::{Code, Error, Result, fail};
use crate::realtime::block::MAX_CHANNELS;

/// More channels than this cannot be meant; a larger count is not believed.
const MAX_COUNT: i32 = MAX_CHANNELS as i32 + 1;

thread_local! {
    static LAST: Text = const { Text::empty() };
    static LENT: Text = const { Text::empty() };
}

/// Runs `body`, and turns what goes wrong into a code and the thread's last message.
pub fn guard(body: impl FnOnce() -> Result<()>) -> i32 {
    guard_or(|error| error.code as i32, || body().map(|()| 0))
}

/// Runs `body`, and gives null if it fails.
pub fn guard_text(body: impl FnOnce() -> Result<*const c_char>) -> *const c_char {
    guard_or(|_| std::ptr::null(), body)
}

fn guard_or<T>(failed: impl FnOnce(&Error) -> T, body: impl FnOnce() -> Result<T>) -> T {
    // What `body` leaves half done is behind locks that do not care about poison.
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Error::new(Code::Internal, format!("internal error: {text}")))
    });
    result.unwrap_or_else(|error| {
        LAST.with(|last| last.set(&error.message));
        failed(&error)
    })
}

/// `text` for C, valid until the calling thread lends the next one.
pub fn lend(text: &str) -> *const c_char {
    LENT.with(|lent| lent.set(text))
}

/// The calling thread's last message; empty before its first failure.
pub fn last() -> *const c_char {
    LAST.with(Text::pointer)
}

/// The text at `text`, or `None` for null.
///
/// # Safety
/// `text` must be null or a string that ends with a zero.
pub unsafe fn optional_text<'a>(text: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller promises a string that ends with a zero.
    match unsafe { CStr::from_ptr(text) }.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(_) => fail!(InvalidArgument, "{name} is not UTF-8"),
    }
}

/// The name of a file at `path`: on Unix any bytes, elsewhere UTF-8.
///
/// # Safety
/// As for [`optional_text`].
pub unsafe fn file_name<'a>(path: *const c_char) -> Result<&'a Path> {
    if path.is_null() {
        fail!(NullPointer, "path is NULL");
    }
    // SAFETY: the caller promises a string that ends with a zero.
    let bytes = unsafe { CStr::from_ptr(path) };
    if bytes.is_empty() {
        fail!(InvalidArgument, "path is empty");
    }
    file_name_of(bytes)
}

#[cfg(unix)]
fn file_name_of(bytes: &CStr) -> Result<&Path> {
    use std::os::unix::ffi::OsStrExt;
    Ok(Path::new(std::ffi::OsStr::from_bytes(bytes.to_bytes())))
}

#[cfg(not(unix))]
fn file_name_of(bytes: &CStr) -> Result<&Path> {
    match bytes.to_str() {
        Ok(text) => Ok(Path::new(text)),
        Err(_) => fail!(InvalidArgument, "path is not UTF-8"),
    }
}

/// The `count` values at `values`, or `None` for null with a count of 0.
///
/// # Safety
/// `values` must be null or readable for `count` values.
pub unsafe fn optional_values<'a, T>(values: *const T, count: i32, name: &str) -> Result<Option<&'a [T]>> {
    match (values.is_null(), count) {
        (_, ..0) => fail!(InvalidArgument, "{name}: a count of {count}"),
        (_, MAX_COUNT..) => fail!(InvalidArgument, "{name}: a count of {count}, more than any stream has"),
        (true, 0) => Ok(None),
        (true, _) => fail!(NullPointer, "{name} is NULL with a count of {count}"),
        // SAFETY: the caller promises that many values.
        (false, _) => Ok(Some(unsafe { std::slice::from_raw_parts(values, count as usize) })),
    }
}

/// Fails if `pointer` is null.
pub fn not_null<T>(pointer: *const T, name: &str) -> Result<()> {
    if pointer.is_null() {
        fail!(NullPointer, "{name} is NULL");
    }
    Ok(())
}

/// Writes `value` to `out`.
///
/// # Safety
/// `out` must be writable; it was checked not to be null.
pub unsafe fn write<T>(out: *mut T, value: T) {
    // SAFETY: the caller promises a place to write to; it may be unaligned, coming from any language.
    unsafe { out.write_unaligned(value) };
}
