//! The terminal: what it can do, how it is written, how it is given back.

pub mod caps;

pub use caps::{Caps, Depth};
