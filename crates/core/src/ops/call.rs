//! The writes mldeck can make. Each knows its IAM action and the AWS CLI line that would do the same.

use serde::{Deserialize, Serialize};

use crate::{
    resource::endpoint::{Deployment, Policy, Routing, Size},
    text::Text,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Call {
    UpdateEndpoint(UpdateEndpoint),
    UpdateWeights {
        endpoint: Text,
        variants: Vec<VariantChange>,
    },
    /// SageMaker AddTags.
    AddTags {
        arn: Text,
        tags: Vec<(Text, Text)>,
    },
    /// CloudWatch PutMetricAlarm: our quiet abort alarm, on a metric of our own, without actions.
    PutAbortAlarm {
        alarm: Text,
        endpoint: Text,
    },
    /// CloudWatch PutMetricData on the abort metric: holds for whole periods.
    PutAbortMetric {
        endpoint: Text,
    },
    /// CloudWatch SetAlarmState(ALARM): at once, until the next evaluation.
    TripAlarm {
        alarm: Text,
        reason: Text,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateEndpoint {
    pub endpoint: Text,
    pub config: Text,
    /// Keep the live counts and weights instead of the config's.
    pub retain_all: bool,
    pub deployment: Option<Deployment>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantChange {
    pub variant: Text,
    pub weight: Option<f64>,
    pub count: Option<i64>,
}

/// Namespace and metric of the abort alarm.
pub const ABORT_NAMESPACE: &str = "MLOps/Abort";
pub const ABORT_METRIC: &str = "Abort";

/// The abort alarm of an endpoint: one per endpoint, kept between deployments.
pub fn abort_alarm(endpoint: &Text) -> Text {
    Text::new(&format!("mldeck-abort-{endpoint}"))
}

impl Call {
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::UpdateEndpoint(_) => "UpdateEndpoint",
            Self::UpdateWeights { .. } => "UpdateEndpointWeightsAndCapacities",
            Self::AddTags { .. } => "AddTags",
            Self::PutAbortAlarm { .. } => "PutMetricAlarm",
            Self::PutAbortMetric { .. } => "PutMetricData",
            Self::TripAlarm { .. } => "SetAlarmState",
        }
    }

    /// `sagemaker:UpdateEndpoint`.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::UpdateEndpoint(_) => "sagemaker:UpdateEndpoint",
            Self::UpdateWeights { .. } => "sagemaker:UpdateEndpointWeightsAndCapacities",
            Self::AddTags { .. } => "sagemaker:AddTags",
            Self::PutAbortAlarm { .. } => "cloudwatch:PutMetricAlarm",
            Self::PutAbortMetric { .. } => "cloudwatch:PutMetricData",
            Self::TripAlarm { .. } => "cloudwatch:SetAlarmState",
        }
    }

    /// True when sending it twice has the same effect as once.
    pub const fn is_repeatable(&self) -> bool {
        !matches!(self, Self::UpdateEndpoint(_))
    }

    /// The AWS CLI line that does the same, in one shell-safe line.
    pub fn cli(&self, region: &str) -> String {
        let mut line = match self {
            Self::UpdateEndpoint(update) => {
                let mut line = format!(
                    "aws sagemaker update-endpoint --endpoint-name {} --endpoint-config-name {}",
                    quoted(&update.endpoint),
                    quoted(&update.config)
                );
                if update.retain_all {
                    line.push_str(" --retain-all-variant-properties");
                }
                if let Some(deployment) = &update.deployment {
                    line.push_str(" --deployment-config ");
                    line.push_str(&quote(&deployment_json(deployment).to_string()));
                }
                line
            }
            Self::UpdateWeights { endpoint, variants } => {
                let list = variants
                    .iter()
                    .map(|v| {
                        let mut one = format!("VariantName={}", v.variant);
                        if let Some(weight) = v.weight {
                            one.push_str(&format!(",DesiredWeight={weight}"));
                        }
                        if let Some(count) = v.count {
                            one.push_str(&format!(",DesiredInstanceCount={count}"));
                        }
                        quote(&one)
                    })
                    .collect::<Vec<_>>()
                    .join(" ");
                format!(
                    "aws sagemaker update-endpoint-weights-and-capacities --endpoint-name {} --desired-weights-and-capacities {list}",
                    quoted(endpoint)
                )
            }
            Self::AddTags { arn, tags } => {
                let list = tags.iter().map(|(k, v)| quote(&format!("Key={k},Value={v}"))).collect::<Vec<_>>().join(" ");
                format!("aws sagemaker add-tags --resource-arn {} --tags {list}", quoted(arn))
            }
            Self::PutAbortAlarm { alarm, endpoint } => format!(
                "aws cloudwatch put-metric-alarm --alarm-name {} --namespace {ABORT_NAMESPACE} --metric-name {ABORT_METRIC} \
                 --dimensions Name=EndpointName,Value={} --statistic Sum --period 60 --evaluation-periods 1 --threshold 1 \
                 --comparison-operator GreaterThanOrEqualToThreshold --treat-missing-data notBreaching --no-actions-enabled",
                quoted(alarm),
                quoted(endpoint)
            ),
            Self::PutAbortMetric { endpoint } => format!(
                "aws cloudwatch put-metric-data --namespace {ABORT_NAMESPACE} --metric-name {ABORT_METRIC} \
                 --dimensions EndpointName={} --value 1",
                quoted(endpoint)
            ),
            Self::TripAlarm { alarm, reason } => format!(
                "aws cloudwatch set-alarm-state --alarm-name {} --state-value ALARM --state-reason {}",
                quoted(alarm),
                quoted(reason)
            ),
        };
        if !region.is_empty() {
            line.push_str(&format!(" --region {region}"));
        }
        line
    }
}

/// `DeploymentConfig` as the API spells it.
pub fn deployment_json(deployment: &Deployment) -> serde_json::Value {
    use serde_json::{Map, Value, json};
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

fn quoted(text: &Text) -> String {
    quote(text.as_str())
}

/// One POSIX shell word.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
