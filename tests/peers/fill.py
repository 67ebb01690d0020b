"""Fills an empty server with a small account, and prints what was put there."""

import sys
import time

from wire import Wire, say

wire = Wire(sys.argv[1])
sagemaker = wire.client("sagemaker")
role = "arn:aws:iam::123456789012:role/Serving"
image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve:v3"

endpoints = {}
for name, kind, count in [("pricing-prod", "ml.m5.large", 2), ("pricing-stage", "ml.t2.medium", 1), ("zoo-prod", "ml.c5.xlarge", 3)]:
    sagemaker.create_model(
        ModelName=f"{name}-v3",
        PrimaryContainer={"Image": image, "ModelDataUrl": f"s3://models/{name}/v3.tar.gz"},
        ExecutionRoleArn=role,
    )
    variant = {"VariantName": "main", "ModelName": f"{name}-v3", "InstanceType": kind, "InitialInstanceCount": count}
    sagemaker.create_endpoint_config(
        EndpointConfigName=f"{name}-v3-a", ProductionVariants=[{**variant, "InitialVariantWeight": 1.0}]
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-v3-a")
    endpoints[name] = {"config": f"{name}-v3-a", "model": f"{name}-v3", "instance": kind}

sagemaker.create_model_package_group(ModelPackageGroupName="pricing")
versions = []
for approval in ("Approved", "Rejected", "PendingManualApproval"):
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="pricing",
        ModelApprovalStatus=approval,
        InferenceSpecification={
            "Containers": [{"Image": image, "ModelDataUrl": "s3://models/pricing/v3.tar.gz"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    versions.append({"version": int(arn.rsplit("/", 1)[1]), "approval": approval})

jobs = []
for number in range(3):
    name = f"pricing-train-{number}"
    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
        RoleArn=role,
        HyperParameters={"max_depth": str(4 + number)},
        OutputDataConfig={"S3OutputPath": "s3://models/pricing/"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
    jobs.append(name)

# A run of an experiment, whose metrics are numbers that were sent.
sagemaker.create_trial_component(TrialComponentName="pricing-notebook-1", DisplayName="by hand")
metrics = wire.client("sagemaker-metrics")
metrics.batch_put_metrics(
    TrialComponentName="pricing-notebook-1",
    MetricData=[
        {"MetricName": "val:rmse", "Timestamp": int(time.time()), "Step": step, "Value": value}
        for step, value in enumerate((0.9, 0.5, 0.25))
    ],
)

executions = []
for name in ("pricing-weekly", "zoo-daily"):
    sagemaker.create_pipeline(
        PipelineName=name,
        PipelineDisplayName=name,
        PipelineDefinition='{"Version": "2020-12-01", "Steps": []}',
        RoleArn=role,
        ClientRequestToken="0123456789abcdef0123456789abcdef",
    )
    arn = sagemaker.start_pipeline_execution(
        PipelineName=name, PipelineExecutionDisplayName=f"run-of-{name}",
        ClientRequestToken="0123456789abcdef0123456789abcdef",
    )["PipelineExecutionArn"]
    executions.append({"pipeline": name, "id": arn.rsplit("/", 1)[1]})

cloudwatch = wire.client("cloudwatch")
for name, metric in (("pricing-5xx", "Invocation5XXErrors"), ("disk", "DiskUtilization")):
    cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace="AWS/SageMaker", MetricName=metric, Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
        Dimensions=[{"Name": "EndpointName", "Value": "pricing-prod"}, {"Name": "VariantName", "Value": "main"}],
    )
cloudwatch.set_alarm_state(AlarmName="pricing-5xx", StateValue="ALARM", StateReason="a drill")

# What a search like mldeck's finds here.
def found(resource, member, name, by):
    recent = {"Name": by, "Operator": "GreaterThan", "Value": "2020-01-01T00:00:00Z"}
    answer = sagemaker.search(Resource=resource, MaxResults=100, SearchExpression={"Filters": [recent]})
    return sorted(row[member][name].rsplit("/", 1)[-1] for row in answer["Results"])


runs = found("TrainingJob", "TrainingJob", "TrainingJobName", "CreationTime")
runs += found("ExperimentTrialComponent", "TrialComponent", "TrialComponentName", "CreationTime")
say(
    wire,
    found={
        "runs": runs,
        "executions": found("PipelineExecution", "PipelineExecution", "PipelineExecutionArn", "LastModifiedTime"),
    },
    endpoints=endpoints,
    versions=versions,
    jobs=jobs,
    executions=executions,
)
