//! The writes mldeck can make. A [`Call`] is the request itself: an [`Action`] and the body as it goes out, so that what a
//! plan shows, what its digest covers, what the gate compares and what AWS gets are one thing.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::digest;
use crate::{mask, text::Text};

mod cli;
mod component;
pub mod copy;
mod endpoint;
pub mod job;
mod pipeline;
mod registry;
pub mod review;
mod scaling;
pub mod shadow;

pub use cli::kebab;
pub(super) use cli::line;
pub use component::update_component;
pub use copy::{Edits, copy, create};
pub use endpoint::{
    ABORT_METRIC, ABORT_NAMESPACE, UpdateEndpoint, VariantChange, abort_alarm, add_tags, create_config, create_model,
    delete, deployment_json, put_abort_alarm, put_abort_metric, trip_alarm, update_weights,
};
pub use job::{delete_schedule, run_monitor, schedule, stop_job};
pub use pipeline::{answer_callback, retry_execution, start_execution, stop_execution};
pub(super) use registry::policy_line;
pub use registry::{Approval, approve, register};
pub use review::{start_review, stop_review};
pub use scaling::{ScalingSwitch, suspend_scaling};
pub use shadow::{Ending, ShadowTest, Side as ShadowSide, create_shadow, start_shadow, stop_shadow};

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    SageMaker,
    CloudWatch,
    Scaling,
    /// Augmented AI: its loops have a service of their own, and its actions SageMaker's prefix.
    Review,
}

impl Service {
    /// As the AWS CLI calls it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::SageMaker => "sagemaker",
            Self::CloudWatch => "cloudwatch",
            Self::Scaling => "application-autoscaling",
            Self::Review => "sagemaker-a2i-runtime",
        }
    }
}

/// What sending the same request a second time does, once its first answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Something else may happen than once: the state must be read first.
    Never,
    /// The same as once: it sets a value.
    Same,
    /// AWS knows the request again by its client token.
    Token,
    /// It makes or removes what has a name of its own: the second is refused, and reading tells that the first landed.
    Named,
}

macro_rules! actions {
    ($($action:ident: $service:ident $repeat:ident $words:literal;)*) => {
        /// Every operation that changes something and that a plan may contain.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Action { $($action,)* }

        impl Action {
            pub const ALL: &'static [Self] = &[$(Self::$action,)*];

            /// `UpdateEndpoint`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$action => stringify!($action),)* }
            }

            pub const fn service(self) -> Service {
                match self { $(Self::$action => Service::$service,)* }
            }

            pub const fn repeat(self) -> Repeat {
                match self { $(Self::$action => Repeat::$repeat,)* }
            }

            /// In our words, for faults: `updating the endpoint`.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$action => $words,)* }
            }

            /// The IAM action, `sagemaker:UpdateEndpoint`.
            pub const fn iam(self) -> &'static str {
                match self { $(Self::$action => actions!(@iam $service $action),)* }
            }
        }
    };
    (@iam SageMaker $action:ident) => { concat!("sagemaker:", stringify!($action)) };
    (@iam Review $action:ident) => { concat!("sagemaker:", stringify!($action)) };
    (@iam CloudWatch $action:ident) => { concat!("cloudwatch:", stringify!($action)) };
    (@iam Scaling $action:ident) => { concat!("application-autoscaling:", stringify!($action)) };
}

actions! {
    UpdateEndpoint: SageMaker Never "updating the endpoint";
    UpdateEndpointWeightsAndCapacities: SageMaker Never "changing traffic and capacity";
    UpdateInferenceComponent: SageMaker Never "updating the inference component";
    AddTags: SageMaker Same "writing tags";
    CreateModel: SageMaker Named "creating the model";
    CreateEndpointConfig: SageMaker Named "creating the endpoint config";
    DeleteEndpoint: SageMaker Named "deleting the endpoint";
    DeleteEndpointConfig: SageMaker Named "deleting the endpoint config";
    DeleteModel: SageMaker Named "deleting the model";
    CreateModelPackage: SageMaker Token "registering the version";
    UpdateModelPackage: SageMaker Token "approving or rejecting";
    StartPipelineExecution: SageMaker Token "starting the pipeline";
    StopPipelineExecution: SageMaker Token "stopping the pipeline run";
    RetryPipelineExecution: SageMaker Token "retrying the pipeline run";
    SendPipelineExecutionStepSuccess: SageMaker Token "answering the callback";
    SendPipelineExecutionStepFailure: SageMaker Token "answering the callback";
    StopTrainingJob: SageMaker Same "stopping the job";
    StopProcessingJob: SageMaker Same "stopping the job";
    StopTransformJob: SageMaker Same "stopping the job";
    StopHyperParameterTuningJob: SageMaker Same "stopping the job";
    StopAutoMLJob: SageMaker Same "stopping the job";
    StopCompilationJob: SageMaker Same "stopping the job";
    StopLabelingJob: SageMaker Same "stopping the labeling job";
    CreateTrainingJob: SageMaker Named "starting the training job";
    CreateProcessingJob: SageMaker Named "starting the processing job";
    CreateTransformJob: SageMaker Named "starting the transform job";
    CreateLabelingJob: SageMaker Named "starting the labeling job";
    CreateMonitoringSchedule: SageMaker Named "creating the monitoring schedule";
    DeleteMonitoringSchedule: SageMaker Named "deleting the monitoring schedule";
    CreateInferenceExperiment: SageMaker Named "creating the shadow test";
    StartInferenceExperiment: SageMaker Same "starting the shadow test";
    StopInferenceExperiment: SageMaker Same "ending the shadow test";
    StartHumanLoop: Review Named "asking people";
    StopHumanLoop: Review Same "stopping the human loop";
    StartMonitoringSchedule: SageMaker Same "starting the monitoring schedule";
    StopMonitoringSchedule: SageMaker Same "stopping the monitoring schedule";
    PutMetricAlarm: CloudWatch Same "creating the abort alarm";
    PutMetricData: CloudWatch Same "writing the abort metric";
    SetAlarmState: CloudWatch Same "tripping the alarm";
    RegisterScalableTarget: Scaling Same "switching autoscaling";
}

/// Stands in a body for the plan's short id until the plan is sealed: the id is made from the body.
pub const PLAN_ID: &str = "{plan}";

/// One request that changes something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    pub action: Action,
    /// As the API spells it.
    pub body: Value,
    /// Digest of the true body, where what is kept here was masked: such a call can be shown, and not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<Text>,
}

impl Call {
    pub const fn new(action: Action, body: Value) -> Self {
        Self { action, body, masked: None }
    }

    /// `UpdateEndpoint`.
    pub const fn operation(&self) -> &'static str {
        self.action.name()
    }

    /// A string of the body, by its name at the top.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name)?.as_str()
    }

    /// SHA-256 over action and body, in hex: what a grant covers and what a plan's digest is made of.
    pub fn digest(&self) -> Text {
        self.masked.clone().unwrap_or_else(|| digest::of(&(self.action.name(), &self.body)).unwrap_or_default())
    }

    /// The same without secrets, for what is kept; it can still be told by its digest, and cannot be sent.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let mut body = self.body.clone();
        mask::json(&mut body);
        if body == self.body {
            return self.clone();
        }
        Self { action: self.action, masked: Some(self.digest()), body }
    }

    /// With the plan's short id where it was left open.
    #[must_use]
    pub(super) fn sealed(&self, id: &Text) -> Self {
        let mut out = self.clone();
        fill(&mut out.body, PLAN_ID, id.as_str());
        out
    }

    /// As it was before [`Self::sealed`].
    #[must_use]
    pub(super) fn unsealed(&self, id: &Text) -> Self {
        let mut out = self.clone();
        if !id.is_empty() {
            fill(&mut out.body, id.as_str(), PLAN_ID);
        }
        out
    }

    /// Whether it starts a deployment that this alarm takes back.
    pub fn is_guarded_by(&self, alarm: &Text) -> bool {
        let alarms = self.body.pointer("/DeploymentConfig/AutoRollbackConfiguration/Alarms").and_then(Value::as_array);
        alarms.into_iter().flatten().any(|one| one.get("AlarmName").and_then(Value::as_str) == Some(&alarm.raw()))
    }
}

fn fill(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text.contains(from) => *text = text.replace(from, to),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, from, to)),
        Value::Object(fields) => fields.values_mut().for_each(|item| fill(item, from, to)),
        _ => {}
    }
}
