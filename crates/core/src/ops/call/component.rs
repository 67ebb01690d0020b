//! Requests about inference components.

use serde_json::{Value, json};

use super::{Action, Call, deployment_json};
use crate::{resource::endpoint::Deployment, text::Text};

/// UpdateInferenceComponent: another specification, rolled over the copies; how many there are stays.
pub fn update_component(name: &Text, specification: &Value, deployment: Option<&Deployment>) -> Call {
    let mut body = json!({ "InferenceComponentName": name.raw(), "Specification": specification });
    if let Some(deployment) = deployment {
        let mut config = deployment_json(deployment);
        // Batches of a component are copies, not instances.
        if let Some(kind) = config.pointer_mut("/RollingUpdatePolicy/MaximumBatchSize/Type")
            && *kind == "INSTANCE_COUNT"
        {
            *kind = "COPY_COUNT".into();
        }
        body["DeploymentConfig"] = config;
    }
    Call::new(Action::UpdateInferenceComponent, body)
}
