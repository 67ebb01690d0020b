//! What an account has besides endpoints, where an operator wants something of it.

use mldeck_core::time::MINUTE;
use serde_json::{Value, json};

use super::{Account, BUCKET, ROLE, config, request};

pub const PIPELINE: &str = "score-train";
const GROUP: &str = "score";

/// ARN of the one version that is registered.
pub fn package() -> String {
    format!("arn:aws:sagemaker:eu-west-1:447100000921:model-package/{GROUP}/1")
}

/// What one night needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// A registered version that waits for its approval.
    Registry,
    /// A pipeline, and a run of it that goes on for an hour.
    Running,
    /// … that was stopped.
    Stopped,
    /// Somebody deploys the third version, guarded by an alarm.
    Deploying,
}

impl Extra {
    /// Whether an account cannot have both.
    pub fn clashes(self, other: Self) -> bool {
        let pipeline = |one| matches!(one, Self::Running | Self::Stopped);
        self == other || (pipeline(self) && pipeline(other))
    }
}

impl Account {
    pub(super) fn add(&mut self, extra: Extra, endpoint: &str) {
        match extra {
            Extra::Registry => self.register(endpoint),
            Extra::Running | Extra::Stopped => self.run_pipeline(extra == Extra::Stopped),
            Extra::Deploying => self.deploy_guarded(endpoint),
        }
    }

    fn register(&mut self, endpoint: &str) {
        self.must("sagemaker", "CreateModelPackageGroup", &json!({"ModelPackageGroupName": GROUP}));
        let image = format!("447100000921.dkr.ecr.eu-west-1.amazonaws.com/score@sha256:{}", "5c".repeat(32));
        let data = format!("s3://{BUCKET}/{}", config(endpoint, 3));
        self.must(
            "sagemaker",
            "CreateModelPackage",
            &json!({
                "ModelPackageGroupName": GROUP, "ModelApprovalStatus": "PendingManualApproval",
                "InferenceSpecification": {
                    "Containers": [{"Image": image, "ModelDataUrl": data}],
                    "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"],
                },
            }),
        );
    }

    fn run_pipeline(&mut self, stopped: bool) {
        let step = |name: String| json!({"Name": name, "Type": "EMR", "Arguments": {}});
        let mut steps: Vec<Value> = (0..12).map(|nth| step(format!("Step{nth}"))).collect();
        for (nth, step) in steps.iter_mut().enumerate().skip(1) {
            step["DependsOn"] = json!([format!("Step{}", nth - 1)]);
        }
        let definition = json!({"Version": "2020-12-01", "Steps": steps}).to_string();
        self.must("sagemaker", "CreatePipeline", &json!({
            "PipelineName": PIPELINE, "PipelineDefinition": definition, "ClientRequestToken": "c".repeat(32), "RoleArn": ROLE,
        }));
        let started = self.must(
            "sagemaker",
            "StartPipelineExecution",
            &json!({"PipelineName": PIPELINE, "ClientRequestToken": "s".repeat(32)}),
        );
        self.run = started["PipelineExecutionArn"].as_str().unwrap_or_default().to_owned();
        if stopped {
            let now = self.world.now();
            self.world.advance_to(now.plus(2 * MINUTE));
            let stop = json!({"PipelineExecutionArn": self.run, "ClientRequestToken": "t".repeat(32)});
            self.must("sagemaker", "StopPipelineExecution", &stop);
            self.world.advance_to(now.plus(12 * MINUTE));
        }
    }

    fn deploy_guarded(&mut self, endpoint: &str) {
        let alarm = if self.shape.alarms { format!("{endpoint}-5xx") } else { format!("mldeck-abort-{endpoint}") };
        if !self.shape.alarms && !self.shape.abort_alarm {
            self.abort_alarm(endpoint);
        }
        self.must(
            "sagemaker",
            "UpdateEndpoint",
            &json!({
                "EndpointName": endpoint, "EndpointConfigName": config(endpoint, 3),
                "DeploymentConfig": {
                    "BlueGreenUpdatePolicy": {
                        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 1_800},
                        "TerminationWaitInSeconds": 600,
                    },
                    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
                },
            }),
        );
    }

    /// A member of what is described so; `None` where there is none of that name.
    pub fn fact(&mut self, operation: &str, input: &Value, member: &str) -> Option<String> {
        let answer = self.world.handle(&request(&self.deployer, "sagemaker", operation, input));
        if !answer.status().is_success() {
            return None;
        }
        let body: Value = serde_json::from_slice(answer.body()).ok()?;
        Some(body.pointer(member).and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// How many runs of the pipeline there are.
    pub fn runs(&mut self) -> usize {
        let input = json!({"PipelineName": PIPELINE, "MaxResults": 100});
        let answer = self.world.handle(&request(&self.deployer, "sagemaker", "ListPipelineExecutions", &input));
        let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        body["PipelineExecutionSummaries"].as_array().map_or(0, Vec::len)
    }
}
