//! The terminal: what it can do, how it is written, how it is given back.

pub mod backend;
pub mod caps;
pub mod gate;
pub mod guard;
pub mod osc;
mod pace;
pub mod restore;
pub mod session;
mod sgr;
mod sink;
pub mod writer;

pub use caps::{Caps, Depth};
pub use session::{OpenError, Session};
pub use writer::{Frame, Notice, Stats, Writer};
