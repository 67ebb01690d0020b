//! From a key to a command. The default keys are a file; a preset and the operator's file lie over it; nothing else in
//! the program knows a key by its name.

mod doc;
pub mod key;
mod layer;
pub mod map;
#[cfg(test)]
mod tests;

pub use key::{Code, Key, KeyError};
pub use map::{Binding, Hint, Keymap, Resolution};

pub use crate::app::command::{Command, Scope};
