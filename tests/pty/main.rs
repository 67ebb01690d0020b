//! The terminal layer in a real terminal. The binary under test is `examples/term_probe.rs`, or what `MLDECK_PTY_PROBE`
//! names. A whole `cargo test` builds the example; with `--test pty` alone, run `cargo build --example term_probe` before.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests")]

#[path = "../support"]
#[allow(unreachable_pub, dead_code, reason = "shared by several test programs")]
mod support {
    #[path = "allow.rs"]
    pub mod allow;
    #[path = "peers.rs"]
    pub mod peers;
    #[path = "pty.rs"]
    pub mod pty;
}

mod allowed;
mod exits;
mod login;
mod screen;
mod storms;

use support::pty::{Pty, SOON, binary};

/// The probe on its first screen.
fn probe(size: (u16, u16)) -> Pty {
    let pty = Pty::start::<&str>(binary("MLDECK_PTY_PROBE", "term_probe"), &[], &[], size);
    pty.wait_for(&format!("probe {}x{}", size.0, size.1), SOON);
    pty
}
