//! The deck, driven by keys on a living account: what an operator reads, and what reaches AWS.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "../support/deck.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared by several test programs")]
mod deck;

mod bulk;
mod inert;
mod lists;
mod navigation;
mod rollback;
mod settings;
mod team;
mod verbs;
mod views;
