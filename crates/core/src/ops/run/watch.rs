//! Judging by state: whether a lost call landed, and how an accepted one ends.

use super::{
    BLIND_POLL, Effect, LANDING, LONGEST_WATCH, Level, POLL, Phase, Rule, Run, START_GRACE, Stage, back_off, say,
    stage_of,
};
use crate::{
    ask::Sent,
    fault::{Fault, FaultKind},
    ops::{
        journal::Entry,
        plan::{Expectation, Expected, SAME_WEIGHT},
    },
    resource::{
        Endpoint,
        endpoint::{Details, EndpointStatus},
        operation::OperationState,
    },
    time::Timestamp,
};

/// Reads that say "no such endpoint" before it is believed.
const MOST_MISSING: u32 = 3;

impl Run {
    pub(super) fn begin_watch(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        self.phase = Phase::Watching;
        if self.abort.is_wanted() && !self.abort.is_on() {
            self.begin_abort(at, out);
        }
        self.wake_in(at, POLL, out);
    }

    pub(super) fn start_resumed(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        if let (Phase::Resolving { step, attempt, .. }, true) = (self.phase.clone(), self.breaks(Rule::ResumeByReading))
        {
            self.no_writes = None;
            return self.begin_step(at, step, attempt + 1, out);
        }
        say(Level::Info, format!("resuming {}: {}", self.plan.title(), self.operation.note), out);
        self.since = self.waited;
        self.look(at, out);
    }

    fn saw(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        if self.is_blind() {
            say(Level::Info, "AWS can be seen again".to_owned(), out);
            self.journal(at, Entry::Note { text: "AWS can be seen again".to_owned() }, out);
        }
        self.blind = 0;
    }

    /// A read failed: said once, not taken for a failure of the change.
    fn is_unseen(&mut self, at: Timestamp, fault: &Fault, out: &mut Vec<Effect>) {
        self.blind += 1;
        if self.blind == 2 {
            let brake = match (self.accepted, self.plan.main_step()) {
                (true, Some(_)) if self.abort.can_trip(&self.plan) => "AWS goes on alone; its alarms are armed",
                (true, _) => "AWS goes on alone; no alarm is armed",
                (false, _) => "nothing more is sent until it can be seen",
            };
            let text = format!("AWS cannot be seen ({}): {brake}. {}", fault.kind.brief(), fault.remedy());
            say(Level::Warn, text.clone(), out);
            self.journal(at, Entry::Note { text }, out);
        }
    }

    pub(super) fn saw_stage(&mut self, at: Timestamp, stage: Stage, out: &mut Vec<Effect>) {
        if self.stages.last().is_none_or(|(last, _)| *last != stage) {
            self.stages.push((stage.clone(), at));
            say(Level::Info, stage.sentence(), out);
            self.journal(at, Entry::Observed { stage }, out);
        }
    }

    /// The answer to the main call was lost: does the endpoint show that it landed?
    pub(super) fn resolve(
        &mut self,
        at: Timestamp,
        step: usize,
        attempt: u32,
        tries: u32,
        result: Result<Box<Endpoint>, Fault>,
        out: &mut Vec<Effect>,
    ) {
        self.phase = Phase::Resolving { step, attempt, tries: tries + 1 };
        let endpoint = match result {
            Ok(endpoint) => endpoint,
            Err(fault) => {
                self.is_unseen(at, &fault, out);
                return self.wake_in(at, back_off(tries), out);
            }
        };
        self.saw(at, out);
        let Some(details) = &endpoint.details else { return };
        if shows(self.plan.goal(), details) {
            let text = "it landed: the endpoint shows what was asked for".to_owned();
            say(Level::Info, text.clone(), out);
            self.journal(at, Entry::Outcome { step, attempt, sent: Sent::Applied { request_id: None } }, out);
            self.journal(at, Entry::Note { text }, out);
            return self.step_applied(at, step, out);
        }
        if self.waited - self.since < LANDING && !self.breaks(Rule::WaitForLanding) {
            return self.wake_in(at, back_off(tries), out);
        }
        self.did_not_land(at, step, attempt, &endpoint, details, out);
    }

    /// The call can land no more, and is not to be seen.
    fn did_not_land(
        &mut self,
        at: Timestamp,
        step: usize,
        attempt: u32,
        endpoint: &Endpoint,
        details: &Details,
        out: &mut Vec<Effect>,
    ) {
        use OperationState::{NeedsHuman, Refused, Superseded};
        let expected = &self.plan.expected;
        let now = Expected::of(endpoint, details);
        if expected.differences(&now, &self.plan.to.config).is_empty() {
            return match attempt {
                _ if self.resumed || self.abort.is_wanted() || self.no_writes.is_some() => {
                    self.finish(at, Refused, "the call never landed; nothing changed", out);
                }
                1 => {
                    say(Level::Info, "it did not land and can land no more: sending it once again", out);
                    self.begin_step(at, step, attempt + 1, out);
                }
                _ => self.finish(at, NeedsHuman, "sent again and lost again; the endpoint is as it was", out),
            };
        }
        let other = details
            .pending
            .as_ref()
            .map(|p| &p.config)
            .or((details.config != expected.config).then_some(&details.config));
        if let Some(other) = other {
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
            status if status.is_in_flight() && self.waited - self.since < LONGEST_WATCH => {
                self.wake_in(at, POLL, out);
            }
            status => {
                let note =
                    format!("it is {} and changed meanwhile; whether the call landed cannot be told", status.as_str());
                self.finish(at, NeedsHuman, &note, out);
            }
        }
    }

    pub(super) fn watch(&mut self, at: Timestamp, result: Result<Box<Endpoint>, Fault>, out: &mut Vec<Effect>) {
        let endpoint = match result {
            Ok(endpoint) => endpoint,
            Err(fault) => {
                self.is_unseen(at, &fault, out);
                if fault.kind == FaultKind::Missing && self.blind >= MOST_MISSING {
                    return self.finish(at, OperationState::NeedsHuman, "the endpoint is gone", out);
                }
                self.abort_again(at, out);
                let wait = if self.abort.is_on() { POLL } else { BLIND_POLL };
                return self.wake_in(at, wait, out);
            }
        };
        self.saw(at, out);
        let Some(details) = &endpoint.details else { return };
        if let Some(stage) = stage_of(&endpoint, details) {
            self.saw_stage(at, stage, out);
        }
        match self.verdict(&endpoint, details) {
            Some((state, note)) => self.finish(at, state, &note, out),
            None if self.waited - self.since > LONGEST_WATCH => {
                self.finish(at, OperationState::NeedsHuman, "it takes longer than AWS ever should", out);
            }
            None => {
                self.abort_again(at, out);
                self.wake_in(at, POLL, out);
            }
        }
    }

    /// The end, when the state shows one. A read may still show the time before the call: then there is none yet.
    fn verdict(&mut self, endpoint: &Endpoint, details: &Details) -> Option<(OperationState, String)> {
        use OperationState::{Done, NeedsHuman, RolledBack, Superseded};
        let expected = self.plan.expected.clone();
        let requested = self.plan.to.config.clone();
        let pending = details.pending.as_ref().map(|pending| pending.config.clone());
        let shifts = matches!(self.plan.goal(), Some(Expectation::OnWeights { .. }));
        if let Some(other) = pending.filter(|pending| shifts || *pending != requested) {
            return Some((Superseded, format!("somebody else deploys {other} now")));
        }
        self.seen_moving |= endpoint.status.is_in_flight();
        let fresh = endpoint.modified != expected.modified;
        let failed_anew = fresh && details.failure.is_some() && details.failure != expected.failure;
        let grace = !self.seen_moving && self.waited - self.since < START_GRACE;
        if self.breaks(Rule::JudgeByState) && endpoint.status == EndpointStatus::InService {
            return Some((Done, "InService".to_owned()));
        }
        match &endpoint.status {
            EndpointStatus::InService if shifts => self.weights_verdict(details, grace && !fresh),
            EndpointStatus::InService if details.config == requested => {
                Some((Done, format!("InService on {requested}")))
            }
            EndpointStatus::InService if details.config != expected.config => {
                Some((Superseded, format!("somebody else brought {} into service", details.config)))
            }
            EndpointStatus::InService if self.seen_moving || failed_anew || (!grace && fresh) => {
                Some(match &details.failure {
                    Some(failure) => (RolledBack, format!("AWS took it back: {failure}")),
                    None => (NeedsHuman, format!("InService on {} again, and AWS gives no reason", expected.config)),
                })
            }
            EndpointStatus::Deleting => Some((Superseded, "somebody deletes the endpoint".to_owned())),
            status if status.is_in_flight() => None,
            _ if grace && !fresh => None,
            EndpointStatus::InService => {
                Some((NeedsHuman, "accepted, and nothing happened on the endpoint".to_owned()))
            }
            status => {
                let reason = details.failure.as_ref().map_or_else(String::new, |failure| format!(": {failure}"));
                Some((NeedsHuman, format!("it is {}{reason}", status.as_str())))
            }
        }
    }
    /// How a change of weights ended, InService.
    fn weights_verdict(&self, details: &Details, too_early: bool) -> Option<(OperationState, String)> {
        use OperationState::{Done, NeedsHuman, RolledBack, Superseded};
        let expected = &self.plan.expected;
        if details.config != expected.config {
            return Some((Superseded, format!("somebody else brought {} into service", details.config)));
        }
        if shows(self.plan.goal(), details) {
            let arrived = details.variants.iter().all(|v| v.current_weight == v.desired_weight);
            return arrived.then(|| (Done, format!("all traffic is on {}", self.plan.to.label)));
        }
        if too_early {
            return None;
        }
        let before = expected
            .variants
            .iter()
            .all(|old| details.variants.iter().any(|v| v.name == old.name && v.desired_weight == old.desired_weight));
        Some(match (&details.failure, before) {
            (Some(failure), true) => (RolledBack, format!("AWS took it back: {failure}")),
            (None, true) => (NeedsHuman, "the weights are as they were, and AWS gives no reason".to_owned()),
            (_, false) => (Superseded, "somebody else set other weights".to_owned()),
        })
    }
}

/// Whether the endpoint shows that the call landed: what it wants, or what is on its way, is what was asked for.
fn shows(goal: Option<&Expectation>, details: &Details) -> bool {
    match goal {
        Some(Expectation::OnConfig { config }) => {
            details.config == *config || details.pending.as_ref().is_some_and(|pending| pending.config == *config)
        }
        Some(Expectation::OnWeights { variants }) => {
            variants.len() == details.variants.len()
                && variants.iter().all(|(name, weight)| {
                    let same = |live: f64| (live - weight).abs() <= SAME_WEIGHT;
                    details.variants.iter().any(|v| v.name == *name && v.desired_weight.is_some_and(same))
                })
        }
        Some(Expectation::Answer) | None => false,
    }
}
