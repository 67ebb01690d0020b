//! Which properties a kind of resource has, and of what type: an unknown one is refused, and operators depend on the type.

/// The kinds `Search` knows; those without a table here are accepted and empty.
pub(super) const RESOURCES: &[&str] = &[
    "TrainingJob",
    "Experiment",
    "ExperimentTrial",
    "ExperimentTrialComponent",
    "Endpoint",
    "Model",
    "ModelPackage",
    "ModelPackageGroup",
    "Pipeline",
    "PipelineExecution",
    "PipelineVersion",
    "FeatureGroup",
    "FeatureMetadata",
    "HyperParameterTuningJob",
    "Image",
    "ImageVersion",
    "Project",
    "ModelCard",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Number,
    Time,
    Flag,
    /// Number when it reads as one: hyperparameters, trial component parameters, tags are compared as what they look like.
    Loose,
}

use Type::{Flag, Loose, Number, Text, Time};

type Table = &'static [(&'static str, Type)];

/// A name ending in `.` takes any rest: `HyperParameters.max_depth`.
const TRAINING_JOB: Table = &[
    ("TrainingJobName", Text),
    ("TrainingJobArn", Text),
    ("TuningJobArn", Text),
    ("LabelingJobArn", Text),
    ("AutoMLJobArn", Text),
    ("TrainingJobStatus", Text),
    ("SecondaryStatus", Text),
    ("FailureReason", Text),
    ("RoleArn", Text),
    ("CreationTime", Time),
    ("LastModifiedTime", Time),
    ("TrainingStartTime", Time),
    ("TrainingEndTime", Time),
    ("TrainingTimeInSeconds", Number),
    ("BillableTimeInSeconds", Number),
    ("EnableNetworkIsolation", Flag),
    ("EnableManagedSpotTraining", Flag),
    ("EnableInterContainerTrafficEncryption", Flag),
    ("AlgorithmSpecification.TrainingImage", Text),
    ("AlgorithmSpecification.AlgorithmName", Text),
    ("AlgorithmSpecification.TrainingInputMode", Text),
    ("InputDataConfig.ChannelName", Text),
    ("InputDataConfig.ContentType", Text),
    ("InputDataConfig.CompressionType", Text),
    ("InputDataConfig.DataSource.S3DataSource.S3Uri", Text),
    ("InputDataConfig.DataSource.S3DataSource.S3DataType", Text),
    ("OutputDataConfig.S3OutputPath", Text),
    ("ModelArtifacts.S3ModelArtifacts", Text),
    ("ResourceConfig.InstanceType", Text),
    ("ResourceConfig.InstanceCount", Number),
    ("ResourceConfig.VolumeSizeInGB", Number),
    ("StoppingCondition.MaxRuntimeInSeconds", Number),
    ("SecondaryStatusTransitions.Status", Text),
    ("SecondaryStatusTransitions.StatusMessage", Text),
    ("SecondaryStatusTransitions.StartTime", Time),
    ("ExperimentConfig.ExperimentName", Text),
    ("ExperimentConfig.TrialName", Text),
    ("ExperimentConfig.TrialComponentDisplayName", Text),
    ("HyperParameters.", Loose),
    ("Metrics.", Number),
    ("Tags.", Text),
];

const COMPONENT: Table = &[
    ("TrialComponentName", Text),
    ("TrialComponentArn", Text),
    ("DisplayName", Text),
    ("Source.SourceArn", Text),
    ("Source.SourceType", Text),
    ("SourceDetail.SourceArn", Text),
    ("SourceDetail.TrainingJob.TrainingJobName", Text),
    ("SourceDetail.TrainingJob.TrainingJobStatus", Text),
    ("SourceDetail.ProcessingJob.ProcessingJobName", Text),
    ("SourceDetail.ProcessingJob.ProcessingJobStatus", Text),
    ("SourceDetail.TransformJob.TransformJobName", Text),
    ("SourceDetail.TransformJob.TransformJobStatus", Text),
    ("Status.PrimaryStatus", Text),
    ("Status.Message", Text),
    ("StartTime", Time),
    ("EndTime", Time),
    ("CreationTime", Time),
    ("LastModifiedTime", Time),
    ("CreatedBy.IamIdentity.Arn", Text),
    ("Parents.ExperimentName", Text),
    ("Parents.TrialName", Text),
    ("MetadataProperties.CommitId", Text),
    ("MetadataProperties.Repository", Text),
    ("MetadataProperties.GeneratedBy", Text),
    ("Parameters.", Loose),
    ("Metrics.", Number),
    ("InputArtifacts.", Text),
    ("OutputArtifacts.", Text),
    ("Tags.", Text),
];

const EXECUTION: Table = &[
    ("PipelineArn", Text),
    ("PipelineExecutionArn", Text),
    ("PipelineExecutionDisplayName", Text),
    ("PipelineExecutionDescription", Text),
    ("PipelineExecutionStatus", Text),
    ("FailureReason", Text),
    ("CreationTime", Time),
    ("LastModifiedTime", Time),
    ("CreatedBy.IamIdentity.Arn", Text),
    ("LastModifiedBy.IamIdentity.Arn", Text),
    ("PipelineExperimentConfig.ExperimentName", Text),
    ("PipelineExperimentConfig.TrialName", Text),
    ("PipelineParameters.Name", Text),
    ("PipelineParameters.Value", Text),
    ("Tags.", Text),
];

const PIPELINE: Table = &[
    ("PipelineArn", Text),
    ("PipelineName", Text),
    ("PipelineDisplayName", Text),
    ("PipelineDescription", Text),
    ("RoleArn", Text),
    ("PipelineStatus", Text),
    ("CreationTime", Time),
    ("LastModifiedTime", Time),
    ("LastRunTime", Time),
    ("CreatedBy.IamIdentity.Arn", Text),
    ("Tags.", Text),
];

const EXPERIMENT: Table = &[
    ("ExperimentName", Text),
    ("ExperimentArn", Text),
    ("DisplayName", Text),
    ("Description", Text),
    ("CreatedBy.IamIdentity.Arn", Text),
    ("CreationTime", Time),
    ("LastModifiedTime", Time),
    ("Tags.", Text),
];

const TRIAL: Table = &[
    ("TrialName", Text),
    ("TrialArn", Text),
    ("DisplayName", Text),
    ("CreatedBy.IamIdentity.Arn", Text),
    ("MetadataProperties.CommitId", Text),
    ("MetadataProperties.Repository", Text),
    ("MetadataProperties.GeneratedBy", Text),
    ("ExperimentName", Text),
    ("CreationTime", Time),
    ("LastModifiedTime", Time),
    ("Tags.", Text),
];

const ENDPOINT: Table = &[
    ("EndpointName", Text),
    ("EndpointArn", Text),
    ("EndpointConfigName", Text),
    ("EndpointStatus", Text),
    ("FailureReason", Text),
    ("CreationTime", Time),
    ("LastModifiedTime", Time),
    ("ProductionVariants.VariantName", Text),
    ("ProductionVariants.CurrentWeight", Number),
    ("ProductionVariants.DesiredWeight", Number),
    ("ProductionVariants.CurrentInstanceCount", Number),
    ("ProductionVariants.DesiredInstanceCount", Number),
    ("ProductionVariants.DeployedImages.SpecifiedImage", Text),
    ("ProductionVariants.DeployedImages.ResolvedImage", Text),
    ("ShadowProductionVariants.VariantName", Text),
    ("ShadowProductionVariants.CurrentWeight", Number),
    ("ShadowProductionVariants.DesiredWeight", Number),
    ("ShadowProductionVariants.CurrentInstanceCount", Number),
    ("ShadowProductionVariants.DesiredInstanceCount", Number),
    ("DataCaptureConfig.EnableCapture", Flag),
    ("MonitoringSchedules.MonitoringScheduleName", Text),
    ("MonitoringSchedules.MonitoringScheduleStatus", Text),
    ("Tags.", Text),
];

const MODEL: Table = &[
    ("ModelName", Text),
    ("ModelArn", Text),
    ("ExecutionRoleArn", Text),
    ("CreationTime", Time),
    // Models have none; it is the default order of every kind, and means their creation.
    ("LastModifiedTime", Time),
    ("Model.ModelName", Text),
    ("Model.ModelArn", Text),
    ("Model.CreationTime", Time),
    ("PrimaryContainer.Image", Text),
    ("PrimaryContainer.ModelDataUrl", Text),
    ("PrimaryContainer.ModelPackageName", Text),
    ("Containers.ModelPackageName", Text),
    ("Endpoints.EndpointName", Text),
    ("Endpoints.EndpointStatus", Text),
    ("MonitoringSchedules.MonitoringScheduleName", Text),
    ("MonitoringSchedules.MonitoringScheduleStatus", Text),
    ("MonitoringSchedules.MonitoringType", Text),
    ("MonitoringSchedules.MonitoringAlertSummaries.AlertStatus", Text),
    ("Tags.", Text),
];

const PACKAGE: Table = &[
    ("ModelPackageName", Text),
    ("ModelPackageArn", Text),
    ("ModelPackageGroupName", Text),
    ("ModelPackageDescription", Text),
    ("ModelPackageVersion", Number),
    ("ModelPackageStatus", Text),
    ("ModelApprovalStatus", Text),
    ("ModelPackageRegistrationType", Text),
    ("ApprovalDescription", Text),
    ("ModelLifeCycle.Stage", Text),
    ("ModelLifeCycle.StageStatus", Text),
    ("SourceUri", Text),
    ("CreationTime", Time),
    ("LastModifiedTime", Time),
    ("CreatedBy.IamIdentity.Arn", Text),
    ("LastModifiedBy.IamIdentity.Arn", Text),
    ("InferenceSpecification.Containers.Image", Text),
    ("InferenceSpecification.Containers.ImageDigest", Text),
    ("InferenceSpecification.Containers.ModelDataUrl", Text),
    ("MetadataProperties.CommitId", Text),
    ("MetadataProperties.Repository", Text),
    ("MetadataProperties.GeneratedBy", Text),
    ("CustomerMetadataProperties.", Loose),
    ("Tags.", Text),
];

const GROUP: Table = &[
    ("ModelPackageGroupName", Text),
    ("ModelPackageGroupArn", Text),
    ("ModelPackageGroupDescription", Text),
    ("ModelPackageGroupStatus", Text),
    ("CreationTime", Time),
    // Groups have none either.
    ("LastModifiedTime", Time),
    ("CreatedBy.IamIdentity.Arn", Text),
    ("Tags.", Text),
];

const TUNING_JOB: Table = &[
    ("HyperParameterTuningJobName", Text),
    ("HyperParameterTuningJobArn", Text),
    ("HyperParameterTuningJobStatus", Text),
    ("HyperParameterTuningJobConfig.Strategy", Text),
    ("FailureReason", Text),
    ("CreationTime", Time),
    ("HyperParameterTuningEndTime", Time),
    ("LastModifiedTime", Time),
    ("TrainingJobStatusCounters.", Number),
    ("ObjectiveStatusCounters.", Number),
    ("BestTrainingJob.TrainingJobName", Text),
    ("BestTrainingJob.FinalHyperParameterTuningJobObjectiveMetric.Value", Number),
    ("Tags.", Text),
];

fn table(resource: &str) -> Table {
    match resource {
        "TrainingJob" => TRAINING_JOB,
        "ExperimentTrialComponent" => COMPONENT,
        "PipelineExecution" => EXECUTION,
        "Pipeline" => PIPELINE,
        "Experiment" => EXPERIMENT,
        "ExperimentTrial" => TRIAL,
        "Endpoint" => ENDPOINT,
        "Model" => MODEL,
        "ModelPackage" => PACKAGE,
        "ModelPackageGroup" => GROUP,
        "HyperParameterTuningJob" => TUNING_JOB,
        _ => &[("CreationTime", Time), ("LastModifiedTime", Time), ("Tags.", Text)],
    }
}

/// The type of a property; `None` when the kind has no such property.
pub(super) fn kind(resource: &str, name: &str) -> Option<Type> {
    let fits = |known: &str| {
        if known.ends_with('.') { name.len() > known.len() && name.starts_with(known) } else { known == name }
    };
    table(resource).iter().find(|(known, _)| fits(known)).map(|(_, kind)| *kind)
}

/// A list whose elements nested filters look at one by one.
pub(super) fn is_list(name: &str) -> bool {
    const LISTS: &[&str] = &[
        "InputDataConfig",
        "SecondaryStatusTransitions",
        "ProductionVariants",
        "ShadowProductionVariants",
        "Parents",
        "PipelineParameters",
        "MonitoringSchedules",
        "Endpoints",
        "Containers",
        "InferenceSpecification.Containers",
    ];
    LISTS.contains(&name)
}

/// Names where `Contains` may be used more than once.
pub(super) fn contains_freely(name: &str) -> bool {
    let free = ["ExperimentName", "TrialName", "TrialComponentName", "DisplayName"];
    free.contains(&name)
        || ["Tags.", "InputArtifacts.", "OutputArtifacts."].iter().any(|prefix| name.starts_with(prefix))
}
