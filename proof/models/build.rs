//! Says that the library is built with loom's atomics.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cfg=sonset_loom");
}
