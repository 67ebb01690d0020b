//! The only place that looks into a call: what it changes, as it will stand on the wire and in CloudTrail.

use mldeck_core::ops::{call::Action, plan::Plan};
use serde_json::Value;

/// The change of the endpoint that a plan asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Aim {
    pub operation: &'static str,
    pub endpoint: String,
    /// `None` for weights.
    pub config: Option<String>,
    /// By variant, for weights.
    pub weights: Vec<(String, f64)>,
}

impl Aim {
    /// What the plan's own step will send; `None` for a plan without one.
    pub fn of(plan: &Plan) -> Option<Self> {
        let call = &plan.main_step()?.call;
        if !matches!(call.action, Action::UpdateEndpoint | Action::UpdateEndpointWeightsAndCapacities) {
            return None;
        }
        Some(Self {
            operation: call.operation(),
            endpoint: call.text("EndpointName")?.to_owned(),
            config: call.text("EndpointConfigName").map(str::to_owned),
            weights: weights(&call.body),
        })
    }

    /// Whether a request of that operation changes exactly this.
    pub fn is_met_by(&self, input: &Value) -> bool {
        let text = |member: &str| input.get(member).and_then(Value::as_str).map(str::to_owned);
        text("EndpointName").as_ref() == Some(&self.endpoint)
            && text("EndpointConfigName") == self.config
            && weights(input) == self.weights
    }
}

/// The weights that a request sets, by variant.
fn weights(input: &Value) -> Vec<(String, f64)> {
    let one = |change: &Value| {
        Some((change.get("VariantName")?.as_str()?.to_owned(), change.get("DesiredWeight")?.as_f64()?))
    };
    let changes = input.get("DesiredWeightsAndCapacities").and_then(Value::as_array);
    changes.into_iter().flatten().filter_map(one).collect()
}
