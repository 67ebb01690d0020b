//! How the binary is linked on Linux: at a fixed address, and identical functions once. A position-independent program of
//! this size starts by relocating two megabytes of tables, which costs 2 ms before `main` and 2 MB of memory that is shared
//! otherwise; both are budgets (docs/performance.md). Libraries, stack and heap keep their random addresses.

#![expect(clippy::disallowed_methods, reason = "a build script hears of its target by the environment")]

use std::{env, path::Path, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |key: &str| env::var(format!("CARGO_CFG_TARGET_{key}")).unwrap_or_default();
    // A static program is linked in a way of its own.
    let is_static = target("FEATURE").split(',').any(|feature| feature == "crt-static");
    if target("OS") != "linux" || target("ENV") != "gnu" || is_static {
        return;
    }
    println!("cargo::rustc-link-arg-bins=-no-pie");
    // Of the SDK's glue much is the same to the bit; the release is smaller by 0.7 MB without the copies. Debug builds keep
    // them: a backtrace names the function that was written.
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") && is_linked_by_lld(&target("ARCH")) {
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
    }
}

/// Whether the linker is the one that comes with Rust, which is so where nobody chose another.
fn is_linked_by_lld(arch: &str) -> bool {
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let chosen = env::var("RUSTC_LINKER").is_ok() || ["linker", "fuse-ld"].iter().any(|word| flags.contains(word));
    if arch != "x86_64" || chosen {
        return false;
    }
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let root = Command::new(rustc).args(["--print", "sysroot"]).output().map(|done| done.stdout).unwrap_or_default();
    let root = String::from_utf8_lossy(&root).trim().to_owned();
    Path::new(&root).join("lib/rustlib/x86_64-unknown-linux-gnu/bin/gcc-ld/ld.lld").exists()
}
