//! The shell around the deck: terminal, input, signals, time, threads, the log.

pub mod clock;
pub mod console;
pub mod input;
pub mod keep;
pub mod log;
pub mod memory;
pub mod parse;
pub mod round;
pub mod runtime;
pub mod signals;

pub use console::{Console, Event};
