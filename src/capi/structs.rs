//! Structs that cross the ABI: each begins with its size, holds scalars only, and is all zeros by default.

use crate::error::{Code, Result, fail};

/// A struct that begins with `struct_size: u32`.
///
/// # Safety
/// The struct must be `repr(C)`, begin with a `u32`, and be valid for every pattern of its bytes.
pub unsafe trait Sized32: Copy {
    /// Its name in C.
    const NAME: &'static str;
    /// Its size in version 0.1, which a size of 0 stands for. Until that is released it is the size of today; from then
    /// on it stays what it was.
    const FIRST_SIZE: usize;
    /// All zeros.
    fn zeroed() -> Self {
        // SAFETY: valid for every pattern of bytes, so for zeros.
        unsafe { std::mem::zeroed() }
    }
}

/// Declares which structs are [`Sized32`].
macro_rules! sized {
    ($($name:ident;)+) => { $(
        static_assertions::const_assert_eq!(std::mem::size_of::<$name>() % 8, 0);
        // SAFETY: repr(C), a u32 first, and integers and floats only.
        unsafe impl crate::capi::structs::Sized32 for $name {
            const NAME: &'static str = stringify!($name);
            const FIRST_SIZE: usize = std::mem::size_of::<$name>();
        }
    )+ };
}
pub(super) use sized;

/// No struct will ever be larger; a larger size is not believed.
const MAX_SIZE: usize = 4096;

/// The size that a caller means by `stated`.
fn caller_size<T: Sized32>(stated: u32) -> Result<usize> {
    match stated as usize {
        0 => Ok(T::FIRST_SIZE),
        size if (T::FIRST_SIZE..=MAX_SIZE).contains(&size) && size % 8 == 0 => Ok(size),
        size => fail!(
            InvalidArgument,
            "{name}.struct_size is {size}: set it to sizeof({name}), which is {} in this version, or to 0; sizes of {} \
             to {MAX_SIZE} in steps of 8 are taken",
            size_of::<T>(),
            T::FIRST_SIZE,
            name = T::NAME,
        ),
    }
}

/// The caller's struct, with zeros for fields that it does not have; all zeros for null.
///
/// # Safety
/// `from` must be null or readable for the size it states.
pub unsafe fn read<T: Sized32>(from: *const T) -> Result<T> {
    let mut value = T::zeroed();
    if from.is_null() {
        return Ok(value);
    }
    // SAFETY: the caller's struct begins with its size.
    let size = caller_size::<T>(unsafe { from.cast::<u32>().read_unaligned() })?;
    let known = size.min(size_of::<T>());
    // SAFETY: both are at least `known` bytes long, and any bytes make a valid value.
    unsafe { std::ptr::copy_nonoverlapping(from.cast::<u8>(), (&raw mut value).cast::<u8>(), known) };
    for offset in known..size {
        // SAFETY: the caller's struct is `size` bytes long.
        if unsafe { from.cast::<u8>().add(offset).read() } != 0 {
            fail!(Unsupported, "{} sets a field at byte {offset} that this version does not know", T::NAME);
        }
    }
    Ok(value)
}

/// Fails if `to` is null or states no size that can be filled.
///
/// # Safety
/// `to` must be null or readable for four bytes.
pub unsafe fn check_out<T: Sized32>(to: *const T) -> Result<()> {
    super::guard::not_null(to, T::NAME)?;
    // SAFETY: not null, and the caller's struct begins with its size.
    caller_size::<T>(unsafe { to.cast::<u32>().read_unaligned() }).map(|_| ())
}

/// Fills the caller's struct as far as it goes, and states in it how far that is.
///
/// # Safety
/// `to` must be writable for the size it states.
pub unsafe fn write<T: Sized32>(to: *mut T, value: &T) -> Result<()> {
    // SAFETY: passed on.
    unsafe { check_out(to) }?;
    // SAFETY: the caller's struct begins with its size.
    let size = caller_size::<T>(unsafe { to.cast::<u32>().read_unaligned() })?.min(size_of::<T>());
    // SAFETY: both are at least `size` bytes long.
    unsafe {
        std::ptr::copy_nonoverlapping((&raw const *value).cast::<u8>(), to.cast::<u8>(), size);
        to.cast::<u32>().write_unaligned(size as u32);
    }
    Ok(())
}

/// Sets the caller's struct to its defaults: zeros, and its size. Gives the result. Realtime-safe: a failure leaves no
/// message.
///
/// # Safety
/// `to` must be null or writable for the whole struct.
pub unsafe fn init<T: Sized32>(to: *mut T) -> i32 {
    if to.is_null() {
        return Code::NullPointer as i32;
    }
    // SAFETY: not null, and the caller promises a whole struct of this version.
    unsafe {
        to.cast::<u8>().write_bytes(0, size_of::<T>());
        to.cast::<u32>().write_unaligned(size_of::<T>() as u32);
    }
    0
}

/// Fails if a number that is a switch is neither 0 nor 1.
pub fn switch(value: i32, name: &str) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => fail!(InvalidArgument, "{name} is {value}: 0 or 1"),
    }
}

/// Fails if a field is set whose feature this version does not have.
pub fn not_yet(set: bool, name: &str) -> Result<()> {
    if set {
        fail!(Unsupported, "{name} is set, which this version does not support");
    }
    Ok(())
}
