//! The domain of mldeck: pure and deterministic.
//!
//! Nothing here reads a clock, an environment variable, a file or a socket, and nothing spawns. Time arrives as
//! an argument. Text from outside arrives as [`text::Text`] and in no other type.
//!
//! | module | subject |
//! |---|---|
//! | [`text`] | the one escaper for outside text |
//! | [`mask`] | secrets out of values before they are kept anywhere |
//! | [`scope`], [`id`], [`time`] | which account, which thing, when |
//! | [`health`], [`mod@column`], [`query`] | how a row is judged, shown, found |
//! | [`resource`] | one file per kind |
//! | [`series`], [`graph`], [`heat`], [`diff`] | geometry of what is drawn, in integers and without a terminal |
//! | [`drift`] | Model Monitor's files, distances and verdicts |
//! | [`ask`], [`fault`] | what the program wants from the outside, and how that fails |
//! | [`ops`] | planner and executor of changes |

pub mod ask;
pub mod column;
pub mod diff;
pub mod drift;
pub mod fault;
pub mod graph;
pub mod health;
pub mod heat;
pub mod id;
pub mod login;
pub mod mask;
pub mod ops;
pub mod query;
pub mod resource;
pub mod scope;
pub mod series;
pub mod text;
pub mod time;
