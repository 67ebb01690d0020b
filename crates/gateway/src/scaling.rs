//! Application Auto Scaling on an endpoint's variants.

use mldeck_core::{fault::Fault, ops::snapshot::ScalingTarget, text::Text};
use serde_json::{Value, json};

use crate::{
    Gateway,
    fault::Doing,
    json::{Api, list, string},
    pace::Service,
};

pub(crate) const API: Api = Api {
    pace: Service::Scaling,
    service_id: "Application Auto Scaling",
    host: "application-autoscaling",
    signing: "application-autoscaling",
    target: "AnyScaleFrontendService",
    version: "1.1",
};

/// Resource ids that one call takes.
const IDS: usize = 50;
const DOING: Doing =
    Doing { prefix: "application-autoscaling", operation: "DescribeScalableTargets", words: "reading autoscaling" };

impl Gateway {
    pub(crate) async fn scaling(&self, endpoint: &Text, variants: &[Text]) -> Result<Vec<ScalingTarget>, Fault> {
        let mut out = Vec::new();
        for chunk in variants.chunks(IDS) {
            let id = |variant: &Text| format!("endpoint/{}/variant/{}", endpoint.raw(), variant.raw());
            let ids: Vec<String> = chunk.iter().map(id).collect();
            let input = json!({"ServiceNamespace": "sagemaker", "ResourceIds": ids});
            let page = self.json(&API, DOING, &input).await?;
            out.extend(list(&page, "ScalableTargets").map(target));
        }
        Ok(out)
    }
}

fn target(target: &Value) -> ScalingTarget {
    let is_on = |switch: &str| target.pointer(&format!("/SuspendedState/{switch}")) == Some(&Value::Bool(true));
    let number = |name: &str| target.get(name).and_then(Value::as_i64).unwrap_or_default();
    ScalingTarget {
        variant: Text::new(string(target, "ResourceId").unwrap_or_default().rsplit('/').next().unwrap_or_default()),
        min: number("MinCapacity"),
        max: number("MaxCapacity"),
        suspended_in: is_on("DynamicScalingInSuspended"),
        suspended_out: is_on("DynamicScalingOutSuspended"),
        suspended_schedule: is_on("ScheduledScalingSuspended"),
    }
}
