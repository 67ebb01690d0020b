//! The deck: what the operator sees and types, and what is kept on disk. It knows no network: what it wants is an
//! [`app::Effect`], and the program that runs it brings the answers.

pub mod app;
pub mod config;
pub mod keys;
pub mod run;
pub mod store;
pub mod term;
pub mod theme;
pub mod ui;
pub mod widgets;
