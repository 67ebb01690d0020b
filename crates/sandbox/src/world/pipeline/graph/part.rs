//! An execution that runs in part: selected steps only, or what is left after a failure.

use mldeck_core::time::Timestamp;
use serde_json::Value;

use super::{Live, Slot, resolve};
use crate::world::{World, pipeline::Execution};

impl Slot {
    /// A step that succeeded in an execution that lived by a plan.
    pub(crate) fn settled(
        (start, end): (Timestamp, Timestamp),
        made: Option<(String, String, bool)>,
        body: Value,
        outcome: bool,
    ) -> Self {
        Self {
            status: "Succeeded",
            start,
            end: Some(end),
            attempts: 1,
            outcome: Some(outcome),
            made,
            body,
            ..Self::default()
        }
    }
}

impl Live {
    /// Only these steps run; the others that they refer to are given back.
    pub(crate) fn select(&mut self, selected: Vec<String>) -> Result<Vec<String>, String> {
        let unknown: Vec<&str> =
            selected.iter().map(String::as_str).filter(|name| self.graph.at(name).is_none()).collect();
        if !unknown.is_empty() {
            return Err(format!("Selected steps do not exist in the pipeline definition: [{}]", unknown.join(", ")));
        }
        let mut refers = Vec::new();
        for name in &selected {
            let node = self.graph.at(name).and_then(|at| self.graph.nodes.get(at));
            node.into_iter().for_each(|node| resolve::references(&node.own(), &mut refers));
        }
        let mut needed: Vec<String> = refers
            .iter()
            .filter_map(|path| path.strip_prefix("Steps.")?.split('.').next())
            .filter(|name| !selected.iter().any(|selected| selected == name))
            .map(str::to_owned)
            .collect();
        needed.sort();
        needed.dedup();
        self.selected = Some(selected);
        Ok(needed)
    }

    /// Takes what these steps left from another execution.
    pub(crate) fn copy(&mut self, source: &Self, names: &[String], arn: &str) -> Result<(), String> {
        for name in names {
            let slot = source.graph.at(name).and_then(|at| source.slots.get(&at));
            let slot = slot.filter(|slot| slot.status == "Succeeded");
            let (Some(slot), Some(at)) = (slot, self.graph.at(name)) else {
                return Err(format!("Step [{name}] did not succeed in the source execution {arn}."));
            };
            let clock = self.clock;
            let copied = Some(arn.to_owned());
            self.slots.insert(at, Slot { start: clock, end: Some(clock), copied, ..slot.clone() });
        }
        Ok(())
    }

    /// Keeps a step of an execution that lived by a plan, with what it was asked for.
    pub(crate) fn keep(&mut self, world: &World, execution: &Execution, name: &str, mut slot: Slot) {
        let Some(at) = self.graph.at(name) else { return };
        let Some(node) = self.graph.nodes.get(at) else { return };
        if slot.body.is_null() {
            let scope = resolve::Scope { world, execution, live: self };
            let arguments = node.own().get("Arguments").cloned().unwrap_or_default();
            slot.body = scope.resolve(&arguments).unwrap_or_default();
            slot.arguments = slot.body.clone();
        }
        self.clock = self.clock.max(slot.end.unwrap_or(self.clock));
        self.slots.insert(at, slot);
    }

    pub(crate) fn ended_in_fail(&self) -> bool {
        self.slots.iter().any(|(at, _)| self.graph.nodes.get(*at).is_some_and(|node| node.kind == "Fail"))
    }

    /// What did not succeed is forgotten and runs again from now on.
    pub(crate) fn again(&mut self, now: Timestamp) {
        self.slots.retain(|_, slot| slot.status == "Succeeded");
        self.over = None;
        self.clock = now;
    }
}
