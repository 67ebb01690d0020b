//! Planner and executor of changes: *intent → plan → preflight → confirm → journal → execute → watch → verify → done or
//! reversed*. Everything here is sans-IO; the deck, the headless verbs and the simulator are three small drivers.

pub mod call;
pub mod snapshot;

pub use snapshot::Snapshot;
