//! How an accepted change ended: told by state alone, never by the absence of an error.

use super::{Run, START_GRACE, resolve::shows};
use crate::{
    ops::{
        plan::{Expectation, Expected},
        rule::{Rule, breaks},
        target::{Seen, Sight},
    },
    resource::{
        Endpoint,
        endpoint::{Details, EndpointStatus},
        operation::OperationState,
    },
    text::Text,
};

type Verdict = Option<(OperationState, String)>;

impl Run {
    /// The end, when the state shows one. A read may still show the time before the call: then there is none yet.
    pub(super) fn judge(&mut self, seen: &Seen) -> Verdict {
        let goal = self.plan.goal().cloned()?;
        match (seen, &goal) {
            (_, Expectation::Answer | Expectation::Made { .. }) => {
                Some((OperationState::Done, "AWS accepted it".to_owned()))
            }
            (Seen::Gone, Expectation::Gone) => Some((OperationState::Done, "it is gone".to_owned())),
            (Seen::Endpoint(endpoint), Expectation::Gone) => self.still_there(endpoint),
            (Seen::Endpoint(endpoint), _) => {
                let details = endpoint.details.clone()?;
                self.endpoint_verdict(endpoint, &details, &goal)
            }
            (Seen::Thing(sight), Expectation::Shows { facts, done, failed }) => {
                self.thing_verdict(sight, facts, done, failed)
            }
            _ => None,
        }
    }

    fn is_early(&self) -> bool {
        !self.seen_moving && self.waited - self.since < START_GRACE
    }

    fn still_there(&self, endpoint: &Endpoint) -> Verdict {
        let deleting = endpoint.status == EndpointStatus::Deleting || self.is_early();
        (!deleting).then(|| (OperationState::NeedsHuman, format!("it is {} and not deleted", endpoint.status.as_str())))
    }

    fn thing_verdict(&mut self, sight: &Sight, facts: &[(Text, Text)], done: &[Text], failed: &[Text]) -> Verdict {
        let seen = Seen::Thing(Box::new(sight.clone()));
        let moved = !self.baseline.differences(&seen, &sight.status).is_empty();
        self.seen_moving |= moved;
        let hold = facts.iter().all(|(pointer, value)| sight.fact(&pointer.raw()) == *value);
        if hold && (done.is_empty() || done.contains(&sight.status)) {
            let word = facts.first().map_or(&sight.status, |(_, value)| value);
            return Some((OperationState::Done, format!("it is {word}")));
        }
        let as_before = !hold && !facts.is_empty() && done.contains(&sight.status) && !moved;
        if as_before && (self.seen_moving || !self.is_early()) {
            return Some(match (&sight.failure, self.seen_moving) {
                (Some(why), _) => (OperationState::RolledBack, format!("AWS took it back: {why}")),
                (None, true) => (OperationState::RolledBack, "it is as it was: AWS took it back".to_owned()),
                (None, false) => (OperationState::NeedsHuman, "accepted, and nothing happened there".to_owned()),
            });
        }
        if failed.contains(&sight.status) && (moved || !self.is_early()) {
            let why = sight.failure.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            let (state, note) = if done.iter().any(|word| word == "Stopped") {
                (OperationState::Superseded, format!("it ended as {} before it was stopped{why}", sight.status))
            } else {
                (OperationState::Failed, format!("it is {}{why}", sight.status))
            };
            return Some((state, note));
        }
        None
    }

    fn endpoint_verdict(&mut self, endpoint: &Endpoint, details: &Details, goal: &Expectation) -> Verdict {
        use OperationState::{Done, NeedsHuman, RolledBack, Superseded};
        let expected = self.baseline.endpoint().cloned()?;
        if let Expectation::TakenBack { config, pending } = goal {
            return self.abort_verdict(endpoint, details, config, pending);
        }
        let requested = self.plan.to.config.clone();
        let pending = details.pending.as_ref().map(|pending| pending.config.clone());
        let shifts = matches!(goal, Expectation::OnVariants { .. });
        if let Some(other) = pending.filter(|pending| shifts || *pending != requested) {
            return Some((Superseded, format!("somebody else deploys {other} now")));
        }
        self.seen_moving |= endpoint.status.is_in_flight();
        let fresh = endpoint.modified != expected.modified;
        let failed_anew = fresh && details.failure.is_some() && details.failure != expected.failure;
        let grace = self.is_early();
        if breaks(Rule::JudgeByState) && endpoint.status == EndpointStatus::InService {
            return Some((Done, "InService".to_owned()));
        }
        match &endpoint.status {
            EndpointStatus::InService if shifts => self.weights_verdict(endpoint, details, &expected, grace && !fresh),
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

    /// How a change of weights or counts ended, InService.
    fn weights_verdict(&self, endpoint: &Endpoint, details: &Details, expected: &Expected, too_early: bool) -> Verdict {
        use OperationState::{Done, NeedsHuman, RolledBack, Superseded};
        if details.config != expected.config {
            return Some((Superseded, format!("somebody else brought {} into service", details.config)));
        }
        let seen = Seen::Endpoint(Box::new(endpoint.clone()));
        if shows(self.plan.goal(), &self.baseline, &seen) {
            let arrived = details.variants.iter().all(|v| v.current_weight == v.desired_weight);
            return arrived.then(|| (Done, format!("it is as asked: {}", self.plan.to.label)));
        }
        if too_early {
            return None;
        }
        let before = expected.variants.iter().all(|old| {
            let same = |live: &&crate::resource::endpoint::Variant| {
                live.name == old.name
                    && live.desired_weight == old.desired_weight
                    && (!self.plan.basis.endpoint().is_some_and(|e| e.counts_matter)
                        || live.desired_count == old.desired_count)
            };
            details.variants.iter().any(|live| same(&live))
        });
        Some(match (&details.failure, before) {
            (Some(failure), true) => (RolledBack, format!("AWS took it back: {failure}")),
            (None, true) => (NeedsHuman, "it is as it was, and AWS gives no reason".to_owned()),
            (_, false) => (Superseded, "somebody else set other values".to_owned()),
        })
    }

    /// How the attempt to take somebody's deployment back ended.
    fn abort_verdict(&mut self, endpoint: &Endpoint, details: &Details, config: &Text, pending: &Text) -> Verdict {
        use OperationState::{Done, NeedsHuman, Superseded};
        let other = details.pending.as_ref().map(|pending| &pending.config).filter(|other| *other != pending);
        if let Some(other) = other {
            return Some((Superseded, format!("somebody else deploys {other} now")));
        }
        match &endpoint.status {
            EndpointStatus::InService if details.config == *config => {
                let why = details.failure.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
                Some((Done, format!("the deployment of {pending} was taken back{why}")))
            }
            EndpointStatus::InService if details.config == *pending => {
                Some((Superseded, format!("{pending} was in service before the alarm counted: B plans the way back")))
            }
            EndpointStatus::InService => Some((Superseded, format!("{} is in service", details.config))),
            EndpointStatus::Deleting => Some((Superseded, "somebody deletes the endpoint".to_owned())),
            status if status.is_in_flight() => None,
            status => {
                let reason = details.failure.as_ref().map_or_else(String::new, |failure| format!(": {failure}"));
                Some((NeedsHuman, format!("it is {}{reason}", status.as_str())))
            }
        }
    }
}
