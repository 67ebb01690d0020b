//! Several changes on one confirmation: what may be one of them, how many there may be, and whose turn it is. Each keeps
//! its own plan, leave and records. They go one after the other, and the first that does not end as it should ends the rest.

use super::{
    confirm::Confirm,
    digest,
    guard::{Finding, Severity},
    intent::{Change, Class},
    plan::{Plan, Refusal},
    target::{Kind, Target},
};
use crate::{resource::operation::OperationState, text::Text, time::Timestamp};

/// The most things that change at once in production, where no configuration says otherwise.
pub const AT_MOST: usize = 10;

/// Why a change is made by itself and never among several; `None` for one that may be in a bulk.
pub const fn alone(change: &Change) -> Option<&'static str> {
    Some(match change {
        Change::Stop { .. }
        | Change::Retry { .. }
        | Change::Approve { .. }
        | Change::Schedule { .. }
        | Change::Provision { .. }
        | Change::Delete { target: Target { kind: Kind::EndpointConfig | Kind::Model, .. } } => return None,
        Change::RollBack { .. } => "the way back of an endpoint is chosen by itself: B on one at a time",
        Change::Delete { .. } => "an endpoint is deleted by its whole name: one at a time",
        Change::Traffic { .. } => "weights and counts are an endpoint's own: one at a time",
        Change::Promote { .. } => "a promotion has gates of its own: one at a time",
        Change::TestShadow(_) | Change::StartShadow { .. } | Change::EndShadow { .. } => {
            "a shadow test changes the endpoint that it is on: one at a time"
        }
        Change::Callback { .. } => "an answer is about one step: one at a time",
        Change::StartPipeline { .. }
        | Change::CloneJob { .. }
        | Change::StartJob { .. }
        | Change::RunMonitor { .. }
        | Change::StartReview { .. } => "what makes something new and costs money is started one at a time",
    })
}

/// Why so many do not change at once, and what would help; `None` where they may. `most` holds in production only.
pub fn too_many(count: usize, class: Class, most: usize) -> Option<String> {
    (class == Class::Prod && count > most).then(|| {
        format!(
            "{count} at once, and at most {most} change at once in production: take fewer, or raise `bulk-in-production`"
        )
    })
}

/// How many there are, typed: whoever counts has looked.
pub fn confirm(count: usize) -> Confirm {
    Confirm::Typed { target: Text::new(&count.to_string()) }
}

/// Until when the oldest of these plans may be confirmed.
pub fn valid_until<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> Timestamp {
    plans.into_iter().map(|plan| plan.valid_until).min().unwrap_or_default()
}

/// What to know of all of them, worst first, each with the plan that it is about. What is fine is left out.
pub fn findings<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> Vec<(&'a Plan, &'a Finding)> {
    let of = |plan: &'a Plan| plan.findings.iter().map(move |finding| (plan, finding));
    let mut out: Vec<_> = plans.into_iter().flat_map(of).collect();
    out.retain(|(_, finding)| finding.severity != Severity::Ok);
    out.sort_by_key(|(_, finding)| finding.severity);
    out
}

/// The requests of all of them by operation, in the order in which the first of each is sent.
pub fn calls<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> Vec<(&'static str, usize)> {
    let mut out: Vec<(&'static str, usize)> = Vec::new();
    for operation in plans.into_iter().flat_map(|plan| &plan.steps).map(|step| step.call.operation()) {
        match out.iter_mut().find(|(name, _)| *name == operation) {
            Some((_, count)) => *count += 1,
            None => out.push((operation, 1)),
        }
    }
    out
}

/// One of several, and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// As it was confirmed; from its turn on, as it was made again.
    pub plan: Plan,
    pub state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Its turn has not come.
    Waiting,
    /// Its operation has begun: the plan's id names it.
    Running,
    Ended {
        state: OperationState,
        note: String,
    },
    /// Nothing of it was sent, and nothing will be.
    NotBegun {
        why: String,
    },
}

/// Confirmed changes that go one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Bulk {
    /// The journal has it with each operation.
    pub id: Text,
    items: Vec<Item>,
}

/// How many ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub done: usize,
    pub failed: usize,
    pub not_begun: usize,
    /// Waiting or under way.
    pub open: usize,
}

impl Bulk {
    /// Plans that were confirmed together, in this order.
    pub fn new(plans: Vec<Plan>) -> Self {
        let digests: Vec<&Text> = plans.iter().map(|plan| &plan.digest).collect();
        let id = digest::short(&digest::of(&digests).unwrap_or_default());
        let items = plans.into_iter().map(|plan| Item { plan, state: State::Waiting }).collect();
        Self { id, items }
    }

    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The one that runs now.
    pub fn running(&self) -> Option<&Plan> {
        self.items.iter().find(|item| item.state == State::Running).map(|item| &item.plan)
    }

    /// Whose turn it is: its plan is made again on facts of now, and given to [`Bulk::begin`].
    pub fn turn(&self) -> Option<&Plan> {
        if self.running().is_some() {
            return None;
        }
        self.items.iter().find(|item| item.state == State::Waiting).map(|item| &item.plan)
    }

    /// What those before it took may be long: only what still does the same on the same facts begins, else nothing more does.
    /// Answers the plan to carry out.
    pub fn begin(&mut self, made: Result<Plan, Vec<Refusal>>) -> Option<Plan> {
        let id = self.id.clone();
        self.turn()?;
        let item = self.items.iter_mut().find(|item| item.state == State::Waiting)?;
        let why = match made {
            Ok(fresh) if fresh.is_like(&item.plan) => {
                item.plan = Plan { bulk: Some(id), ..fresh };
                item.state = State::Running;
                return Some(item.plan.clone());
            }
            Ok(_) => "the world moved: plan again".to_owned(),
            Err(refusals) => {
                let first = refusals.first().map(|refusal| refusal.text.as_str()).unwrap_or_default();
                format!("it cannot be planned any more: {first}")
            }
        };
        item.state = State::NotBegun { why };
        self.stop("the one before was not begun");
        None
    }

    /// The one that ran has ended. The first that does not end as it should ends the rest.
    pub fn ended(&mut self, state: OperationState, note: &str) {
        let Some(item) = self.items.iter_mut().find(|item| item.state == State::Running) else { return };
        item.state = State::Ended { state, note: note.to_owned() };
        if state != OperationState::Done {
            self.stop("the one before did not end well");
        }
    }

    /// Nothing more is begun; what runs goes on.
    pub fn stop(&mut self, why: &str) {
        for item in self.items.iter_mut().filter(|item| item.state == State::Waiting) {
            item.state = State::NotBegun { why: why.to_owned() };
        }
    }

    pub fn verdict(&self) -> Verdict {
        let mut out = Verdict::default();
        for item in &self.items {
            match &item.state {
                State::Waiting | State::Running => out.open += 1,
                State::Ended { state: OperationState::Done, .. } => out.done += 1,
                State::Ended { .. } => out.failed += 1,
                State::NotBegun { .. } => out.not_begun += 1,
            }
        }
        out
    }

    pub fn is_over(&self) -> bool {
        self.verdict().open == 0
    }
}

impl Verdict {
    pub const fn is_good(self) -> bool {
        self.failed == 0 && self.not_begun == 0
    }

    /// `2 done, 1 failed, 3 not begun`.
    pub fn sentence(self) -> String {
        let parts =
            [(self.done, "done"), (self.failed, "not done"), (self.not_begun, "not begun"), (self.open, "to come")];
        let told: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        told.join(", ")
    }
}
