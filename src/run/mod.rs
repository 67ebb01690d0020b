//! The shell around the program: terminal, input, signals, time, and who performs effects.

pub mod clock;
pub mod console;
pub mod effects;
pub mod event_loop;
pub mod input;
pub mod keep;
pub mod log;
pub mod memory;
pub mod parse;
pub mod runtime;
pub mod signals;

pub use console::{Console, Event};
