//! A lost answer: did the call land? Only reading tells.

use super::{Effect, LANDING, Level, MOST_ATTEMPTS, MOST_READS, POLL, Phase, Run, back_off, say};
use crate::{
    ask::Sent,
    fault::Fault,
    ops::{
        call::{Action, Repeat},
        journal::Entry,
        plan::{Basis, Expectation, SAME_WEIGHT},
        rule::{Rule, breaks},
        target::{Seen, Target},
    },
    resource::{
        Endpoint,
        endpoint::{Details, EndpointStatus},
        operation::OperationState,
    },
    scope::Scope,
    text::Text,
    time::Timestamp,
};

impl Run {
    /// What is looked at now, and where: what a step made is looked for where that was sent.
    pub(super) fn eye(&self) -> (Target, Option<Scope>) {
        let proof = match self.phase {
            Phase::Proving { step, .. } => {
                self.plan.steps.get(step).and_then(|step| Some((step.proof()?.0, step.scope.clone())))
            }
            _ => None,
        };
        proof.unwrap_or_else(|| (self.plan.target.clone(), None))
    }

    /// The answer to the main call was lost: does what it changes show that it landed?
    pub(super) fn resolve(
        &mut self,
        at: Timestamp,
        step: usize,
        attempt: u32,
        tries: u32,
        result: Result<Seen, Fault>,
        out: &mut Vec<Effect>,
    ) {
        self.phase = Phase::Resolving { step, attempt, tries: tries + 1 };
        let seen = match result {
            Ok(seen) => seen,
            Err(fault) => {
                self.is_unseen(at, &fault, out);
                return self.wake_in(at, back_off(tries), out);
            }
        };
        self.saw(at, out);
        if shows(self.plan.goal(), &self.baseline, &seen) {
            return self.it_landed(at, step, attempt, out);
        }
        let action = self.plan.steps.get(step).map(|step| step.call.action);
        // What is sent again under its token need not be waited for; a resumed run, or one that gave up, sends nothing.
        let gave_up = self.resumed || attempt >= MOST_ATTEMPTS;
        let late = action.is_some_and(|action| action.repeat() == Repeat::Never || gave_up);
        if late && self.waited - self.since < LANDING && !breaks(Rule::WaitForLanding) {
            return self.wake_in(at, back_off(tries), out);
        }
        self.did_not_land(at, step, attempt, &seen, out);
    }

    pub(super) fn it_landed(&mut self, at: Timestamp, step: usize, attempt: u32, out: &mut Vec<Effect>) {
        let text = "it landed: what was asked for is there".to_owned();
        say(Level::Info, text.clone(), out);
        self.journal(at, Entry::Outcome { step, attempt, sent: Sent::applied() }, out);
        self.journal(at, Entry::Note { text }, out);
        self.step_applied(at, step, out);
    }

    /// The call can land no more, and is not to be seen.
    fn did_not_land(&mut self, at: Timestamp, step: usize, attempt: u32, seen: &Seen, out: &mut Vec<Effect>) {
        use OperationState::{NeedsHuman, Refused, Superseded};
        if matches!(self.plan.goal(), Some(Expectation::Answer)) {
            let note =
                "nobody heard the answer, and nothing else shows whether it landed: look, before it is planned again";
            return self.finish(at, NeedsHuman, note, out);
        }
        if self.plan.basis.differences(seen, &self.plan.to.config).is_empty() {
            // As it was, and yet changed: by autoscaling, or by this call and whoever took it back.
            if let (Seen::Endpoint(endpoint), Some(before)) = (seen, self.baseline.endpoint())
                && endpoint.modified != before.modified
            {
                let note = "it is as it was, but it changed meanwhile: whether the call landed and was taken back cannot be told";
                return self.finish(at, NeedsHuman, note, out);
            }
            return match attempt {
                _ if self.resumed || self.abort.is_wanted() || self.no_writes.is_some() => {
                    self.finish(at, Refused, "the call never landed; nothing changed", out);
                }
                1 => {
                    say(Level::Info, "it did not land and can land no more: sending it once again", out);
                    self.begin_step(at, step, attempt + 1, out);
                }
                _ => self.finish(at, NeedsHuman, "sent again and lost again; it is as it was", out),
            };
        }
        match seen {
            Seen::Endpoint(endpoint) => match &endpoint.details {
                Some(details) => self.endpoint_moved(at, endpoint, details, out),
                None => self.wake_in(at, POLL, out),
            },
            Seen::Gone => self.finish(at, Superseded, "somebody deleted it", out),
            Seen::Thing(sight) if is_moving(&sight.status) && self.waited - self.since < self.longest_watch() => {
                self.wake_in(at, POLL, out);
            }
            Seen::Thing(sight) => {
                let note =
                    format!("it is {} and changed meanwhile; whether the call landed cannot be told", sight.status);
                self.finish(at, NeedsHuman, &note, out);
            }
        }
    }

    fn endpoint_moved(&mut self, at: Timestamp, endpoint: &Endpoint, details: &Details, out: &mut Vec<Effect>) {
        use OperationState::{NeedsHuman, Superseded};
        let Some(expected) = self.baseline.endpoint().cloned() else { return };
        let changed = (details.config != expected.config).then_some(&details.config);
        if let Some(other) = details.pending.as_ref().map(|p| &p.config).or(changed) {
            let note = format!("somebody else deployed {other} meanwhile");
            return self.finish(at, Superseded, &note, out);
        }
        match &endpoint.status {
            EndpointStatus::InService if details.failure.is_some() && details.failure != expected.failure => {
                // Nobody saw whose it was.
                let why = details.failure.clone().unwrap_or_default();
                let note = format!("AWS took a deployment back meanwhile ({why}): this one, or another's");
                self.finish(at, NeedsHuman, &note, out);
            }
            EndpointStatus::Deleting => self.finish(at, Superseded, "somebody deletes the endpoint", out),
            status if status.is_in_flight() && self.waited - self.since < self.longest_watch() => {
                self.wake_in(at, POLL, out);
            }
            status => {
                let note =
                    format!("it is {} and changed meanwhile; whether the call landed cannot be told", status.as_str());
                self.finish(at, NeedsHuman, &note, out);
            }
        }
    }

    /// What is made or removed by name is looked for under that name.
    pub(super) fn prove(&mut self, at: Timestamp, step: usize, attempt: u32, fault: &Fault, out: &mut Vec<Effect>) {
        self.doubt = Some(fault.clone());
        self.phase = Phase::Proving { step, attempt, tries: 0 };
        self.wake_in(at, back_off(0), out);
    }

    pub(super) fn proved(
        &mut self,
        at: Timestamp,
        step: usize,
        attempt: u32,
        tries: u32,
        result: Result<Seen, Fault>,
        out: &mut Vec<Effect>,
    ) {
        let Some(done) = self.step_at(step) else { return };
        let Some((_, wanted)) = done.proof() else { return };
        let seen = match result {
            Ok(seen) => seen,
            Err(fault) if tries + 1 >= MOST_READS && !self.is_main(step) => {
                return self.give_up_step(at, step, &done, &fault.to_string(), out);
            }
            Err(fault) => {
                self.is_unseen(at, &fault, out);
                self.phase = Phase::Proving { step, attempt, tries: tries + 1 };
                return self.wake_in(at, back_off(tries), out);
            }
        };
        self.saw(at, out);
        let leaving = matches!(&seen, Seen::Endpoint(endpoint) if endpoint.status == EndpointStatus::Deleting);
        let there = match &done.expect {
            Expectation::Shows { facts, .. } if done.call.action == Action::UpdateModelPackage => holds(facts, &seen),
            _ => seen != Seen::Gone && !(leaving && done.call.action == Action::DeleteEndpoint),
        };
        if there == wanted {
            return self.it_landed(at, step, attempt, out);
        }
        let Some(fault) = self.doubt.take() else { return };
        if fault.is_certain_refusal() {
            self.landed.retain(|landed| *landed != step);
            return self.give_up_step(at, step, &done, &fault.to_string(), out);
        }
        self.again_or_give_up(at, step, attempt, &done, &fault, out);
    }
}

fn holds(facts: &[(Text, Text)], seen: &Seen) -> bool {
    matches!(seen, Seen::Thing(sight) if facts.iter().all(|(pointer, value)| sight.fact(&pointer.raw()) == *value))
}

/// A status of something that changes now: what it becomes will tell.
fn is_moving(status: &Text) -> bool {
    matches!(status.as_str(), "Updating" | "Creating" | "Deleting" | "Stopping")
}

/// Whether what is seen shows that the call landed: what it wants, or what is on its way, is what was asked for.
pub(super) fn shows(goal: Option<&Expectation>, basis: &Basis, seen: &Seen) -> bool {
    let details = match seen {
        Seen::Endpoint(endpoint) => endpoint.details.as_ref(),
        _ => None,
    };
    match (goal, details, seen) {
        (Some(Expectation::OnConfig { config }), Some(details), _) => {
            // On a mix the config in force is deployed once more: only what is on its way, or done, tells.
            let before = basis.endpoint();
            let anew = before.is_none_or(|before| {
                before.config != *config || matches!(seen, Seen::Endpoint(e) if e.status != before.status)
            });
            (details.config == *config && anew) || details.pending.as_ref().is_some_and(|p| p.config == *config)
        }
        (Some(Expectation::OnVariants { variants }), Some(details), _) => variants.iter().all(|asked| {
            details.variants.iter().any(|live| {
                live.name == asked.variant
                    && asked.weight.is_none_or(|weight| {
                        live.desired_weight.is_some_and(|live| (live - weight).abs() <= SAME_WEIGHT)
                    })
                    && asked.count.is_none_or(|count| live.desired_count == Some(count))
            })
        }),
        // Its name holds the plan's id: if it is there, it is ours.
        (_, _, Seen::Thing(_)) if matches!(basis, Basis::Absent { .. }) => true,
        (Some(Expectation::Shows { facts, done, .. }), _, Seen::Thing(sight)) => {
            let hold = holds(facts, seen);
            let moved = !basis.differences(seen, &sight.status).is_empty();
            hold && (if facts.is_empty() { moved || done.contains(&sight.status) } else { true })
        }
        (Some(Expectation::Gone), _, Seen::Gone) => true,
        _ => false,
    }
}
