use std::ffi::c_char;

use super::guard;
use crate::error::Code;
use crate::receipt::Outcome;

/// The name of a result, such as "SONSET_ERROR_POOL_FULL"; "unknown" for a number that is none. Lives for
/// ever.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_result_name(result: i32) -> *const c_char {
    Code::name_of(result).unwrap_or(c"unknown").as_ptr()
}

/// The name of an outcome, such as "SONSET_OUTCOME_COMPLETED"; "unknown" for a number that is none. Lives for
/// ever.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_outcome_name(outcome: i32) -> *const c_char {
    Outcome::name_of(outcome).unwrap_or(c"unknown").as_ptr()
}

/// What went wrong in the calling thread's last call that failed, in words, with the values; empty before the
/// first. UTF-8, at most 5119 bytes; a longer message ends in "...".
///
/// The pointer is the same for the life of the thread, and never NULL. The thread's next call that fails replaces the
/// text; calls that succeed leave it as it is, and all [callback-safe] calls even where they fail. In
/// printf("%d %s", f(), sonset_error_last_message()) the message is that of f(), in whatever order C evaluates
/// the two.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_error_last_message() -> *const c_char {
    guard::last()
}
