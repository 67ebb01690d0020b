//! Planner and executor of changes: *intent → plan → preflight → confirm → journal → execute → watch → verify → done or
//! reversed*. Everything here is sans-IO; the deck, the headless verbs and the simulator are three small drivers.
//!
//! | module | subject |
//! |---|---|
//! | [`snapshot`], [`target`], [`call`] | what is judged, what can be changed, and what may be sent |
//! | [`candidate`] | which config was the previous one, by whose word |
//! | [`guard`] | preflight: what blocks, what to know, what is fine |
//! | [`intent`], [`verb`], [`plan`] | what the operator wants, who plans it, and the immutable document it becomes |
//! | [`origin`] | the other account of a plan with two identities |
//! | [`confirm`] | which keys count as a yes |
//! | [`bulk`] | several changes on one confirmation |
//! | [`run`] | the executor, one event at a time |
//! | [`measure`] | what an endpoint's calls say about a change |
//! | [`rule`] | what all of these never do without, by name |
//! | [`prices`] | what instances cost, dated |
//! | [`ready`] | whether there is a way back, asked before it is needed |
//! | [`journal`] | what is written before and after each effect, and how a run comes back from it |
//! | [`team`] | the lock and the ledger that several hosts share |

pub mod bulk;
pub mod call;
pub mod candidate;
pub mod component;
pub mod confirm;
mod digest;
pub mod guard;
pub mod intent;
pub mod journal;
pub mod measure;
pub mod origin;
pub mod plan;
pub mod prices;
pub mod ready;
pub mod rule;
pub mod run;
pub mod snapshot;
pub mod target;
pub mod team;
pub mod verb;

pub use snapshot::{Facts, Snapshot};
