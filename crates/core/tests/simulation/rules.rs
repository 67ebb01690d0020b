//! What must be true when a call leaves, and when a run ends.

use mldeck_core::{
    ops::{
        call::{Action, Call},
        journal::{Entry, Record},
    },
    resource::{endpoint::EndpointStatus, operation::OperationState},
    time::{MINUTE, SECOND},
};

use super::driver::Simulation;

impl Simulation {
    /// The moment a call leaves: what must be true by now?
    pub(crate) fn check_send(&mut self, call: &Call) {
        if self.told_dead {
            self.violation("a send after the journal failed");
        }
        let intents = |disk: &[Record], name: &str| {
            disk.iter().filter(|r| matches!(&r.entry, Entry::Intent { operation, .. } if operation == name)).count()
        };
        match call.action {
            Action::UpdateEndpoint | Action::UpdateEndpointWeightsAndCapacities => {
                if intents(&self.disk, call.operation()) <= self.sends.len() {
                    self.violation("UpdateEndpoint left without its durable intent");
                }
                if self.now - self.seen_as_planned > 6 * SECOND {
                    self.violation("UpdateEndpoint left on facts that were not read just before");
                }
                if self.sends.iter().any(|(when, _, refused)| !refused && self.now - when < 5 * MINUTE) {
                    self.violation("UpdateEndpoint was sent again while the first may still land");
                }
            }
            Action::PutMetricAlarm | Action::AddTags => {
                if intents(&self.disk, call.operation()) == 0 {
                    self.violation("a call left without its durable intent");
                }
                if call.action == Action::AddTags && self.world.ours == 0 {
                    self.violation("tags were written for a change that is not known to have landed");
                }
            }
            Action::PutMetricData | Action::SetAlarmState => {
                if !self.disk.iter().any(|r| matches!(r.entry, Entry::Abort { .. })) {
                    self.violation("the abort alarm was tripped without a durable record");
                }
            }
            other => self.violation(&format!("{} is no part of these plans", other.name())),
        }
    }

    pub(crate) fn judge(&mut self, state: OperationState) {
        let requested = self.plan.to.config.clone();
        match state {
            OperationState::Done => {
                let seen = self.last_served.clone();
                if seen != Some((EndpointStatus::InService, requested)) {
                    self.violation(&format!("Done, but the last read showed {seen:?}"));
                }
            }
            OperationState::RolledBack => {
                if self.world.ours != 1 {
                    self.violation("rolled back what never landed");
                }
                let shifts = self.plan.from.config == requested;
                if !shifts && self.last_served.as_ref().is_some_and(|(_, config)| *config == requested) {
                    self.violation("rolled back, but the requested config is live");
                }
            }
            OperationState::Refused => {
                if self.world.ours > 0 {
                    self.violation("refused, but AWS accepted it");
                }
            }
            OperationState::Superseded | OperationState::NeedsHuman => {}
            OperationState::Running | OperationState::Unknown | OperationState::Failed | OperationState::Abandoned => {
                self.violation("it ended in a state that is no end");
            }
        }
        if self.disk.iter().map(|r| r.seq).collect::<Vec<_>>().windows(2).any(|w| w[0] >= w[1]) {
            self.violation("the journal's numbers do not count up");
        }
    }
}
