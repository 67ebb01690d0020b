//! The only place that looks into a call: what it changes, as it will stand on the wire and in CloudTrail.

use mldeck_core::ops::{
    call::{Action, Repeat},
    plan::Plan,
    target::Kind,
};
use serde_json::Value;

/// The change that a plan is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Aim {
    pub operation: &'static str,
    pub repeat: Repeat,
    pub kind: Kind,
    /// Name of what is changed; ARN of what has no name.
    pub target: String,
    /// `None` where it is none of configs.
    pub config: Option<String>,
    /// By variant, for weights and counts.
    variants: Vec<(String, Option<f64>, Option<i64>)>,
    /// The request, as it was shown.
    pub body: Value,
}

impl Aim {
    /// What the plan's own step will send; `None` for a plan without one.
    pub fn of(plan: &Plan) -> Option<Self> {
        let call = &plan.main_step()?.call;
        Some(Self {
            operation: call.operation(),
            repeat: call.action.repeat(),
            kind: plan.target.kind,
            target: plan.target.id.raw(),
            config: (call.action == Action::UpdateEndpoint)
                .then(|| call.text("EndpointConfigName").unwrap_or_default().to_owned()),
            variants: variants(&call.body),
            body: call.body.clone(),
        })
    }

    /// Whether that operation is the change itself, of which it matters how often it is sent.
    pub fn is(&self, operation: &str) -> bool {
        self.operation == operation && self.repeat != Repeat::Same
    }

    /// Whether it changes what an endpoint serves.
    pub fn deploys(&self) -> bool {
        self.config.is_some() || !self.variants.is_empty()
    }

    /// Whether a request of that operation changes exactly this.
    pub fn is_met_by(&self, input: &Value) -> bool {
        if !self.deploys() {
            return *input == self.body;
        }
        let text = |member: &str| input.get(member).and_then(Value::as_str).map(str::to_owned);
        text("EndpointName").as_ref() == Some(&self.target)
            && text("EndpointConfigName") == self.config
            && variants(input) == self.variants
    }

    /// Whether a request is about what this changes.
    pub fn is_about(&self, input: &Value) -> bool {
        let members = input.as_object().into_iter().flat_map(|members| members.iter());
        let names = |(name, value): (&String, &Value)| {
            value.as_str() == Some(self.target.as_str()) && (self.kind != Kind::Endpoint || name == "EndpointName")
        };
        members.into_iter().any(names)
    }
}

/// The weights and counts that a request sets, by variant.
fn variants(input: &Value) -> Vec<(String, Option<f64>, Option<i64>)> {
    let one = |change: &Value| {
        let count = change.get("DesiredInstanceCount").and_then(Value::as_i64);
        Some((
            change.get("VariantName")?.as_str()?.to_owned(),
            change.get("DesiredWeight").and_then(Value::as_f64),
            count,
        ))
    };
    let changes = input.get("DesiredWeightsAndCapacities").and_then(Value::as_array);
    changes.into_iter().flatten().filter_map(one).collect()
}
