//! Requests about shadow tests, which the API calls inference experiments.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Action, Call, PLAN_ID};
use crate::{
    ops::target::{Kind, Target},
    text::Text,
};

/// Longest name of an inference experiment (API reference).
const LONGEST_NAME: usize = 120;

/// What becomes of the two variants when a test ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// The shadow takes the place of the production variant.
    Promote,
    /// The shadow goes; production stays as it is.
    Remove,
}

/// A shadow test that is to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShadowTest {
    pub endpoint: Text,
    /// Name of the model that gets copies of the calls, or ARN of a registered version, of which one is made first.
    pub model: Text,
    /// Share of the calls that is copied, per cent.
    pub share: u8,
    /// Of the shadow; else as the production variant has.
    pub instance_type: Option<Text>,
    pub instance_count: Option<i64>,
    /// ARN of the role that the test changes the endpoint in; else the model's own.
    pub role: Option<Text>,
}

impl ShadowTest {
    /// ARN of the registered version that is to be tested.
    pub fn version(&self) -> Option<&Text> {
        let arn = self.model.as_str();
        (arn.starts_with("arn:") && arn.contains(":model-package/")).then_some(&self.model)
    }

    /// What is to be tested, as it is described.
    pub fn subject(&self) -> Target {
        let kind = if self.version().is_some() { Kind::ModelPackage } else { Kind::Model };
        Target::new(kind, self.model.clone())
    }
}

/// One of the two variants of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    pub variant: Text,
    pub model: Text,
    pub instance_type: Text,
    pub instance_count: i64,
}

impl Side {
    fn json(&self) -> Value {
        json!({
            "ModelName": self.model.raw(), "VariantName": self.variant.raw(),
            "InfrastructureConfig": {
                "InfrastructureType": "RealTimeInference",
                "RealTimeInferenceConfig": {
                    "InstanceType": self.instance_type.raw(), "InstanceCount": self.instance_count,
                },
            },
        })
    }
}

/// `<endpoint>-shadow`: what the name of a test of ours begins with.
pub fn stem(endpoint: &Text) -> String {
    endpoint.raw().chars().take(LONGEST_NAME - 16).chain("-shadow".chars()).collect()
}

/// CreateInferenceExperiment. Without a schedule it starts at once and ends by itself after seven days (API reference).
pub fn create_shadow(test: &ShadowTest, role: &str, production: &Side, shadow: &Side) -> Call {
    let body = json!({
        "Name": format!("{}-{PLAN_ID}", stem(&test.endpoint)), "Type": "ShadowMode", "RoleArn": role,
        "EndpointName": test.endpoint.raw(), "ModelVariants": [production.json(), shadow.json()],
        "ShadowModeConfig": {
            "SourceModelVariantName": production.variant.raw(),
            "ShadowModelVariants": [
                { "ShadowModelVariantName": shadow.variant.raw(), "SamplingPercentage": test.share },
            ],
        },
    });
    Call::new(Action::CreateInferenceExperiment, body)
}

pub fn start_shadow(name: &Text) -> Call {
    Call::new(Action::StartInferenceExperiment, json!({ "Name": name.raw() }))
}

/// StopInferenceExperiment: `production` and `shadow` are the names of its variants. One that waits for its start is
/// cancelled, and its endpoint stays untouched.
pub fn stop_shadow(name: &Text, production: &str, shadow: &str, ending: Ending, waits: bool, reason: &str) -> Call {
    let (first, second) = match ending {
        Ending::Promote => ("Remove", "Promote"),
        Ending::Remove => ("Retain", "Remove"),
    };
    let mut body = json!({
        "Name": name.raw(), "ModelVariantActions": { production: first, shadow: second },
        "DesiredState": if waits { "Cancelled" } else { "Completed" },
    });
    if !reason.is_empty() {
        body["Reason"] = reason.chars().take(1_024).collect::<String>().into();
    }
    Call::new(Action::StopInferenceExperiment, body)
}
