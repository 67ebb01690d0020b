//! mldeck: the on-call console for machine learning on AWS.
//!
//! ```text
//! main ─> cli ─> start ─> run::event_loop ─> app::update ─> Effect ─> run::effects ─> gateway, store
//!                                  └─> ui::view(&Model) ─> term::writer ─> terminal
//! ```

pub mod app;
pub mod backends;
pub mod cli;
pub mod config;
pub mod keys;
pub mod run;
pub mod store;
pub mod term;
pub mod theme;
pub mod ui;
pub mod widgets;
