//! The structs as Rust lays them out, against ctest/layout.txt, which the C compiler is held to as well.
//! That file is a list of macro calls, so a field in another place does not compile.
#![allow(missing_docs)]

use std::mem::{offset_of, size_of};

use sonset::capi::*;
use static_assertions::const_assert_eq;

macro_rules! sizes {
    ($($name:ident $size:literal;)+) => {
        $(const_assert_eq!(size_of::<$name>(), $size);)+
        const SIZES: &[(&str, usize)] = &[$((stringify!($name), $size)),+];
    };
}

macro_rules! fields {
    ($($name:ident $field:ident $offset:literal $size:literal;)+) => {
        $(const_assert_eq!(offset_of!($name, $field), $offset);)+
        const FIELDS: &[(&str, usize, usize)] = &[$((stringify!($name), $offset, $size)),+];
    };
}

include!("../ctest/layout.txt");

#[test]
fn every_field_is_in_the_table_and_none_is_padded() {
    for &(name, size) in SIZES {
        let mut next = 0;
        for &(_, offset, size) in FIELDS.iter().filter(|(of, ..)| *of == name) {
            assert_eq!(offset, next, "{name}");
            next += size;
        }
        assert_eq!(next, size, "{name}");
        assert_eq!(size % 8, 0, "{name}");
    }
    assert!(FIELDS.iter().all(|(of, ..)| SIZES.iter().any(|(name, _)| name == of)));
}
