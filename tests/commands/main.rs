//! The verbs that change something, as processes of their own beside an account that is another process: by exit codes, by
//! what they say, and by what the account shows afterwards.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests")]

#[path = "../support"]
#[allow(unreachable_pub, dead_code, reason = "shared by several test programs")]
mod support {
    #[path = "peers.rs"]
    pub mod peers;
    #[path = "pty.rs"]
    pub mod pty;
}

mod account;
mod accounts;
mod codes;
// A release build does not kill itself.
#[cfg(debug_assertions)]
mod deck;
mod disk;
// A release build does not kill itself.
#[cfg(debug_assertions)]
mod killed;
#[path = "../support/relay.rs"]
mod relay;
mod team;
mod terminal;
mod two;
mod verdict;
mod witness;
