//! mldeck: the on-call console for machine learning on AWS.
//!
//! ```text
//! main ─> cli ─> start ─> run::event_loop ─> app::update ─> Effect ─> run::effects ─> gateway, store
//!                                  └─> ui::view(&Model) ─> term::writer ─> terminal
//! ```
//!
//! The deck knows no network and is a crate of its own; here is what joins it with AWS or the sandbox, and the command
//! line.

pub use mldeck_deck::{app, config, keys, store, term, theme, ui, widgets};

pub mod backends;
pub mod cli;
pub mod run;
pub mod share;
