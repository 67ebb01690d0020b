//! What a plan changes, and how it is looked at: the executor's eye reads a [`Target`] and gets [`Seen`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{resource::Endpoint, text::Text, time::Timestamp};

macro_rules! kinds {
    ($($kind:ident: $words:literal $describe:literal $parameter:literal $status:literal;)*) => {
        /// A kind of thing that a plan can change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Kind { $($kind,)* }

        impl Kind {
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// `training job`.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$kind => $words,)* }
            }

            /// The operation that describes one.
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$kind => $describe,)* }
            }

            /// The parameter that names it, in Describe, Stop and Delete alike.
            pub const fn parameter(self) -> &'static str {
                match self { $(Self::$kind => $parameter,)* }
            }

            /// The member of the description that is its status, as a path; empty for what has none.
            pub const fn status(self) -> &'static str {
                match self { $(Self::$kind => $status,)* }
            }
        }
    };
}

kinds! {
    Endpoint: "endpoint" "DescribeEndpoint" "EndpointName" "EndpointStatus";
    EndpointConfig: "endpoint config" "DescribeEndpointConfig" "EndpointConfigName" "";
    Model: "model" "DescribeModel" "ModelName" "";
    Component: "inference component" "DescribeInferenceComponent" "InferenceComponentName" "InferenceComponentStatus";
    ModelPackage: "model package" "DescribeModelPackage" "ModelPackageName" "ModelPackageStatus";
    Pipeline: "pipeline" "DescribePipeline" "PipelineName" "PipelineStatus";
    Execution: "pipeline execution" "DescribePipelineExecution" "PipelineExecutionArn" "PipelineExecutionStatus";
    TrainingJob: "training job" "DescribeTrainingJob" "TrainingJobName" "TrainingJobStatus";
    ProcessingJob: "processing job" "DescribeProcessingJob" "ProcessingJobName" "ProcessingJobStatus";
    TransformJob: "transform job" "DescribeTransformJob" "TransformJobName" "TransformJobStatus";
    TuningJob: "tuning job" "DescribeHyperParameterTuningJob" "HyperParameterTuningJobName" "HyperParameterTuningJobStatus";
    AutoMlJob: "AutoML job" "DescribeAutoMLJobV2" "AutoMLJobName" "AutoMLJobStatus";
    CompilationJob: "compilation job" "DescribeCompilationJob" "CompilationJobName" "CompilationJobStatus";
    LabelingJob: "labeling job" "DescribeLabelingJob" "LabelingJobName" "LabelingJobStatus";
    MonitoringSchedule: "monitoring schedule" "DescribeMonitoringSchedule" "MonitoringScheduleName" "MonitoringScheduleStatus";
    MonitoringRun: "run of a monitoring schedule" "DescribeMonitoringSchedule" "MonitoringScheduleName" "LastMonitoringExecutionSummary/MonitoringExecutionStatus";
    FlowDefinition: "flow definition" "DescribeFlowDefinition" "FlowDefinitionName" "FlowDefinitionStatus";
    HumanLoop: "human loop" "DescribeHumanLoop" "HumanLoopName" "HumanLoopStatus";
    Experiment: "inference experiment" "DescribeInferenceExperiment" "Name" "Status";
}

/// One thing in AWS, by the name or ARN under which it is described.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    pub kind: Kind,
    /// Name; of executions and versions the ARN.
    pub id: Text,
}

impl Target {
    pub const fn new(kind: Kind, id: Text) -> Self {
        Self { kind, id }
    }

    pub const fn endpoint(name: Text) -> Self {
        Self::new(Kind::Endpoint, name)
    }
}

/// What was seen where something other than an endpoint was looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    pub status: Text,
    /// `LastModifiedTime`, else `CreationTime`.
    pub modified: Option<Timestamp>,
    pub failure: Option<Text>,
    /// The description as AWS sent it, unmasked: it is for planning, and is never kept.
    pub body: Value,
}

impl Sight {
    /// A member of the description by JSON pointer, as text; empty when there is none.
    pub fn fact(&self, pointer: &str) -> Text {
        match self.body.pointer(pointer) {
            Some(Value::String(text)) => Text::new(text),
            Some(Value::Null) | None => Text::default(),
            Some(other) => Text::new(&other.to_string()),
        }
    }
}

/// What the eye saw.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// With its details.
    Endpoint(Box<Endpoint>),
    Thing(Box<Sight>),
    /// AWS says that there is none of that name.
    Gone,
}
