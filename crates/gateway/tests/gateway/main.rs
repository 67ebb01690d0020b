//! The gateway against the wire: the sandbox in process, and hand-written answers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test dies of a broken assumption")]

mod accounts;
mod answers;
mod asks;
mod component;
mod lint;
mod login;
mod made;
mod profile;
mod promote;
mod rows;
mod support;
mod team;
mod writes;
