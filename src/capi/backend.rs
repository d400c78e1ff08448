use std::ffi::c_char;

use super::guard::{guard, guard_text, not_null, write};
use crate::backend::Backend;
use crate::error::{Code, Error, Result, fail};

/// The backend that C means by a number; `None` is the system's default.
pub(super) fn from_number(number: i32) -> Result<Option<Backend>> {
    match number {
        0 => Ok(None),
        _ => {
            Backend::all().into_iter().find(|&backend| backend as i32 == number).map(Some).ok_or_else(|| {
                Error::new(Code::InvalidArgument, format!("{number} is no backend (SONSET_BACKEND_...)"))
            })
        }
    }
}

/// How many backends this build has, whether or not their servers are there.
///
/// Errors: NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_backend_count(out_count: *mut i32) -> i32 {
    guard(|| {
        not_null(out_count, "out_count")?;
        // SAFETY: checked not to be null.
        unsafe { write(out_count, crate::backend::built_in().count() as i32) };
        Ok(())
    })
}

/// The number (SONSET_BACKEND_...) of the backend at an index from 0 to one below the count.
/// The last one is SONSET_BACKEND_VIRTUAL.
///
/// Errors: INVALID_ARGUMENT for an index out of range, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_backend_at(index: i32, out_backend: *mut i32) -> i32 {
    guard(|| {
        not_null(out_backend, "out_backend")?;
        let found = usize::try_from(index).ok().and_then(|index| crate::backend::built_in().nth(index));
        let Some(backend) = found else { fail!(InvalidArgument, "there is no backend at index {index}") };
        // SAFETY: checked not to be null.
        unsafe { write(out_backend, backend as i32) };
        Ok(())
    })
}

/// The name of a backend, such as "jack"; "default" for SONSET_BACKEND_DEFAULT. Lives for ever. NULL, with a
/// message, for a number that is none.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_backend_name(backend: i32) -> *const c_char {
    guard_text(|| Ok(from_number(backend)?.map_or(c"default", Backend::c_name).as_ptr()))
}
