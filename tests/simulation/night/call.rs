//! The only place that looks into a call: what it changes, as it will stand on the wire and in CloudTrail.

use mldeck_core::{
    ops::{
        call::{Call, abort_alarm},
        plan::Plan,
    },
    text::Text,
};
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
        let call = &plan.steps.get(plan.main_step()?)?.call;
        let aim = |endpoint: &Text, config: Option<&Text>| Self {
            operation: call.operation(),
            endpoint: endpoint.raw(),
            config: config.map(Text::raw),
            weights: Vec::new(),
        };
        match call {
            Call::UpdateEndpoint(update) => Some(aim(&update.endpoint, Some(&update.config))),
            Call::UpdateWeights { endpoint, variants } => {
                let weights = variants.iter().filter_map(|v| Some((v.variant.raw(), v.weight?))).collect();
                Some(Self { weights, ..aim(endpoint, None) })
            }
            _ => None,
        }
    }

    /// Whether a request of that operation changes exactly this.
    pub fn is_met_by(&self, input: &Value) -> bool {
        let text = |member: &str| input.get(member).and_then(Value::as_str).map(str::to_owned);
        let weights: Vec<(String, f64)> = input
            .get("DesiredWeightsAndCapacities")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|change| {
                Some((change.get("VariantName")?.as_str()?.to_owned(), change.get("DesiredWeight")?.as_f64()?))
            })
            .collect();
        text("EndpointName").as_ref() == Some(&self.endpoint)
            && text("EndpointConfigName") == self.config
            && weights == self.weights
    }
}

/// Everything that a confirmation of this plan allows: its own calls and those that stop it.
pub fn allowed(plan: &Plan) -> Vec<Call> {
    let mut calls: Vec<Call> = plan.steps.iter().map(|step| step.call.clone()).collect();
    calls.push(Call::PutAbortMetric { endpoint: plan.endpoint.clone() });
    calls.push(Call::TripAlarm { alarm: abort_alarm(&plan.endpoint), reason: Text::default() });
    calls
}
