//! Pipelines that callers created: their definition is kept as given, and their steps take time one after the other.

use mldeck_core::time::Timestamp;
use serde_json::Value;

use super::{
    execution::{Execution, seconds},
    steps::{Plan, StepKind},
};

#[derive(Clone, Debug)]
pub(crate) struct Custom {
    pub(super) display: Option<String>,
    pub(super) description: Option<String>,
    pub(super) definition: String,
    pub(super) role: String,
    pub(super) created: Timestamp,
    pub(super) by: String,
    /// Top-level steps by name and type, in the order of the definition.
    steps: Vec<(String, String)>,
    /// Parameters with their defaults.
    pub(super) parameters: Vec<(String, Option<String>)>,
}

impl Custom {
    /// Reads a definition; the error is what is wrong with it.
    pub(super) fn new(definition: &str, created: Timestamp, by: &str) -> Result<Self, String> {
        let parsed: Value =
            serde_json::from_str(definition).map_err(|_| "Unable to parse pipeline definition.".to_owned())?;
        let text = |value: &Value, member: &str| value.get(member).and_then(Value::as_str).map(str::to_owned);
        if text(&parsed, "Version").as_deref() != Some("2020-12-01") {
            return Err("Invalid pipeline definition: Version must be 2020-12-01.".to_owned());
        }
        let list = |member: &str| parsed.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
        let steps: Vec<(String, String)> =
            list("Steps").iter().filter_map(|step| Some((text(step, "Name")?, text(step, "Type")?))).collect();
        if steps.is_empty() {
            return Err("Invalid pipeline definition: it must have at least one step.".to_owned());
        }
        let parameters = list("Parameters")
            .iter()
            .filter_map(|parameter| {
                let default = parameter.get("DefaultValue");
                let default = default.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
                Some((text(parameter, "Name")?, default))
            })
            .collect();
        Ok(Self {
            display: None,
            description: None,
            definition: definition.to_owned(),
            role: String::new(),
            created,
            by: by.to_owned(),
            steps,
            parameters,
        })
    }

    pub(super) fn plan(&self, execution: &Execution, seed: u64) -> Plan {
        let chance = execution.chance(seed).named("plan");
        let mut plan = Plan::default();
        let mut at = execution.started.plus(seconds(chance, 3.0, 9.0));
        for (i, (name, kind)) in self.steps.iter().enumerate() {
            let (kind, took) = match kind.as_str() {
                "Condition" => (StepKind::Condition, 1_000),
                "Fail" => (StepKind::Fail, 1_000),
                _ => (StepKind::Other, seconds(chance.of(i as u64), 60.0, 240.0)),
            };
            plan.add(name, kind, &mut at, took, None);
        }
        plan
    }
}
