//! How the binary is linked on Linux: at a fixed address. A position-independent program of this size starts by
//! relocating two megabytes of tables, which costs 2 ms before `main` and 2 MB of memory that is shared otherwise; both
//! are budgets (docs/performance.md). Libraries, stack and heap keep their random addresses.

#![expect(clippy::disallowed_methods, reason = "a build script hears of its target by the environment")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |key: &str| std::env::var(format!("CARGO_CFG_TARGET_{key}")).unwrap_or_default();
    // A static program is linked in a way of its own.
    let is_static = target("FEATURE").split(',').any(|feature| feature == "crt-static");
    if target("OS") == "linux" && target("ENV") == "gnu" && !is_static {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
