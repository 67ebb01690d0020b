//! The program without a terminal: one loop, one model, effects as data.
//!
//! ```text
//! keys ─> Msg ─> update(&mut Model, at, Msg) ─> Vec<Effect> ─> workers ─> Msg::Reply
//!                    └─> view(&Model) reads
//! ```

pub mod bulk;
pub mod command;
mod dispatch;
pub mod field;
pub mod layers;
pub mod look;
pub mod model;
pub mod msg;
pub mod nav;
pub mod ops;
pub mod pane;
pub mod polls;
pub mod screen;
pub mod settings;
pub mod sign_in;
pub mod status;
pub mod target;
pub mod team;
pub mod timeline;
pub mod update;
pub mod verbs;
pub mod wake;

pub use command::{Command, Scope};
pub use model::Model;
pub use msg::{At, Effect, Msg, Slot, Ticket};
