//! Requests about endpoints, what they serve, and the alarm that stops their deployments.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Action, Call};
use crate::{
    resource::endpoint::{Deployment, Policy, Routing, Size},
    text::Text,
};

/// Namespace and metric of the abort alarm.
pub const ABORT_NAMESPACE: &str = "MLOps/Abort";
pub const ABORT_METRIC: &str = "Abort";

/// `UpdateEndpoint` as the planner thinks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateEndpoint {
    pub endpoint: Text,
    pub config: Text,
    /// Keep the live counts and weights instead of the config's.
    pub retain_all: bool,
    pub deployment: Option<Deployment>,
}

impl UpdateEndpoint {
    pub fn call(&self) -> Call {
        let mut body = json!({
            "EndpointName": self.endpoint.raw(),
            "EndpointConfigName": self.config.raw(),
            "RetainAllVariantProperties": self.retain_all,
        });
        if let Some(deployment) = &self.deployment {
            body["DeploymentConfig"] = deployment_json(deployment);
        }
        Call::new(Action::UpdateEndpoint, body)
    }
}

/// What one variant is to have; what is `None` stays as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantChange {
    pub variant: Text,
    pub weight: Option<f64>,
    pub count: Option<i64>,
}

/// The abort alarm of an endpoint: one per endpoint, kept between deployments.
pub fn abort_alarm(endpoint: &Text) -> Text {
    Text::new(&format!("mldeck-abort-{}", endpoint.raw()))
}

/// UpdateEndpointWeightsAndCapacities.
pub fn update_weights(endpoint: &Text, variants: &[VariantChange]) -> Call {
    let one = |change: &VariantChange| {
        let mut out = json!({ "VariantName": change.variant.raw() });
        if let Some(weight) = change.weight {
            out["DesiredWeight"] = json!(weight);
        }
        if let Some(count) = change.count {
            out["DesiredInstanceCount"] = json!(count);
        }
        out
    };
    let list: Vec<Value> = variants.iter().map(one).collect();
    let body = json!({ "EndpointName": endpoint.raw(), "DesiredWeightsAndCapacities": list });
    Call::new(Action::UpdateEndpointWeightsAndCapacities, body)
}

/// CreateModel from a registered version.
pub fn create_model(name: &Text, package: &Text, role: &str, tags: &[(Text, Text)]) -> Call {
    let body = json!({
        "ModelName": name.raw(), "ExecutionRoleArn": role, "Tags": tag_list(tags),
        "Containers": [{ "ModelPackageName": package.raw() }],
    });
    Call::new(Action::CreateModel, body)
}

/// CreateEndpointConfig: `like` is the body of a DescribeEndpointConfig, whose variants have the shape that a Create takes
/// (botocore's model says so of every field that is copied here).
pub fn create_config(name: &Text, like: &Value, variants: &[Value], tags: &[(Text, Text)]) -> Call {
    const COPIED: [&str; 9] = [
        "ShadowProductionVariants",
        "DataCaptureConfig",
        "KmsKeyId",
        "AsyncInferenceConfig",
        "ExplainerConfig",
        "ExecutionRoleArn",
        "VpcConfig",
        "EnableNetworkIsolation",
        "MetricsConfig",
    ];
    let mut body = Map::new();
    body.insert("EndpointConfigName".into(), name.raw().into());
    body.insert("ProductionVariants".into(), variants.to_vec().into());
    body.insert("Tags".into(), tag_list(tags));
    for field in COPIED {
        let empty = |value: &&Value| value.as_array().is_some_and(Vec::is_empty) || value.is_null();
        if let Some(value) = like.get(field).filter(|value| !empty(value)) {
            body.insert(field.into(), value.clone());
        }
    }
    Call::new(Action::CreateEndpointConfig, Value::Object(body))
}

/// DeleteEndpoint, DeleteEndpointConfig or DeleteModel; `None` for what we do not delete.
pub fn delete(kind: super::super::target::Kind, name: &Text) -> Option<Call> {
    use super::super::target::Kind;
    let action = match kind {
        Kind::Endpoint => Action::DeleteEndpoint,
        Kind::EndpointConfig => Action::DeleteEndpointConfig,
        Kind::Model => Action::DeleteModel,
        _ => return None,
    };
    Some(Call::new(action, json!({ kind.parameter(): name.raw() })))
}

fn tag_list(tags: &[(Text, Text)]) -> Value {
    tags.iter().map(|(key, value)| json!({ "Key": key.raw(), "Value": value.raw() })).collect()
}

/// SageMaker's AddTags.
pub fn add_tags(arn: &Text, tags: &[(Text, Text)]) -> Call {
    Call::new(Action::AddTags, json!({ "ResourceArn": arn.raw(), "Tags": tag_list(tags) }))
}

/// PutMetricAlarm: our quiet abort alarm, on a metric of our own, without actions; missing data is no breach.
pub fn put_abort_alarm(endpoint: &Text) -> Call {
    let body = json!({
        "AlarmName": abort_alarm(endpoint).raw(), "Namespace": ABORT_NAMESPACE, "MetricName": ABORT_METRIC,
        "Dimensions": [{ "Name": "EndpointName", "Value": endpoint.raw() }],
        "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "notBreaching",
        "ActionsEnabled": false,
    });
    Call::new(Action::PutMetricAlarm, body)
}

/// PutMetricData on the abort metric: holds for whole periods.
pub fn put_abort_metric(endpoint: &Text) -> Call {
    let datum = json!({
        "MetricName": ABORT_METRIC, "Value": 1.0,
        "Dimensions": [{ "Name": "EndpointName", "Value": endpoint.raw() }],
    });
    Call::new(Action::PutMetricData, json!({ "Namespace": ABORT_NAMESPACE, "MetricData": [datum] }))
}

/// SetAlarmState(ALARM): at once, until the next evaluation.
pub fn trip_alarm(alarm: &Text, reason: &str) -> Call {
    let body = json!({ "AlarmName": alarm.raw(), "StateValue": "ALARM", "StateReason": reason });
    Call::new(Action::SetAlarmState, body)
}

/// `DeploymentConfig` as the API spells it.
pub fn deployment_json(deployment: &Deployment) -> Value {
    let size = |size: Size| match size {
        Size::Instances(n) => json!({"Type": "INSTANCE_COUNT", "Value": n}),
        Size::Percent(p) => json!({"Type": "CAPACITY_PERCENT", "Value": p}),
    };
    let mut out = Map::new();
    match &deployment.policy {
        Policy::Default => {}
        Policy::BlueGreen(b) => {
            let mut routing = Map::new();
            routing.insert("WaitIntervalInSeconds".into(), b.wait_secs.into());
            let kind = match b.routing {
                Routing::AllAtOnce => "ALL_AT_ONCE",
                Routing::Canary(s) => {
                    routing.insert("CanarySize".into(), size(s));
                    "CANARY"
                }
                Routing::Linear(s) => {
                    routing.insert("LinearStepSize".into(), size(s));
                    "LINEAR"
                }
            };
            routing.insert("Type".into(), kind.into());
            let mut policy = Map::new();
            policy.insert("TrafficRoutingConfiguration".into(), Value::Object(routing));
            policy.insert("TerminationWaitInSeconds".into(), b.termination_wait_secs.into());
            if let Some(max) = b.max_execution_secs {
                policy.insert("MaximumExecutionTimeoutInSeconds".into(), max.into());
            }
            out.insert("BlueGreenUpdatePolicy".into(), Value::Object(policy));
        }
        Policy::Rolling(r) => {
            let mut policy = Map::new();
            policy.insert("MaximumBatchSize".into(), size(r.batch));
            policy.insert("WaitIntervalInSeconds".into(), r.wait_secs.into());
            if let Some(s) = r.rollback_batch {
                policy.insert("RollbackMaximumBatchSize".into(), size(s));
            }
            if let Some(max) = r.max_execution_secs {
                policy.insert("MaximumExecutionTimeoutInSeconds".into(), max.into());
            }
            out.insert("RollingUpdatePolicy".into(), Value::Object(policy));
        }
    }
    if !deployment.alarms.is_empty() {
        let alarms: Vec<Value> = deployment.alarms.iter().map(|name| json!({"AlarmName": name.raw()})).collect();
        out.insert("AutoRollbackConfiguration".into(), json!({ "Alarms": alarms }));
    }
    Value::Object(out)
}
