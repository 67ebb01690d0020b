//! A night: one or two operators, each with the planner, the executor, the journal and the gateway that ship, against an
//! embedded account with bad luck. Time is virtual and there is one thread: a seed is the whole story.
//!
//! | module | subject |
//! |---|---|
//! | [`account`] | the account, and the people in it who know nothing of us |
//! | [`luck`] | what goes wrong |
//! | [`line`], [`scene`] | the wire, and what all may see |
//! | [`paper`], [`desk`] | an operator's journal and process |
//! | [`wish`] | what the operator wants |
//! | [`play`](mod@play) | who does what when |
//! | [`rules`] | what must be true |
//! | [`tally`] | many nights |

pub mod account;
mod call;
pub mod desk;
pub mod dice;
mod line;
pub mod luck;
mod paper;
mod play;
mod rules;
mod scene;
pub mod tally;
pub mod wish;

use mldeck_core::ops::rule::Rule;

pub use play::play;

/// What a night is made from.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    pub seed: u64,
    /// Write down what happens.
    pub traced: bool,
    /// Planner, executor and gate go without this rule; a release build keeps them all.
    pub without: Option<Rule>,
    /// Instead of what the seed draws.
    pub given: Option<Given>,
}

/// A night that a test lays out.
#[derive(Clone, Debug)]
pub struct Given {
    pub shape: account::Shape,
    pub wish: wish::Wish,
    pub troubles: Vec<luck::Trouble>,
}

/// How a night went.
#[derive(Clone, Debug, Default)]
pub struct Night {
    pub ends: Vec<desk::End>,
    /// Each with its seed and the second of the night; none, when all is well.
    pub violations: Vec<String>,
    /// Empty unless it was asked for.
    pub trace: String,
    /// Requests that reached the account.
    pub calls: u64,
    /// Durable records of all desks.
    pub records: u64,
    /// Changes of an endpoint of ours that AWS took.
    pub accepted: usize,
    /// Virtual milliseconds.
    pub lasted: i64,
}
