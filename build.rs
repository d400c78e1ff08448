//! Names the shared library for the dynamic linker.
//!
//! Cargo gives a cdylib no soname, so programs linked against it would record whatever path the linker
//! saw. The number is that of the ABI: it changes only when old programs would break.

const ABI_VERSION: u32 = 0;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Of the target: this program itself may run on another system when cross-compiling.
    let family = std::env::var("CARGO_CFG_TARGET_FAMILY").unwrap_or_default();
    let vendor = std::env::var("CARGO_CFG_TARGET_VENDOR").unwrap_or_default();
    if vendor == "apple" {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libsonset.{ABI_VERSION}.dylib");
    } else if family == "unix" {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libsonset.so.{ABI_VERSION}");
    }
}
