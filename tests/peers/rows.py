"""Reads the account's things one by one, without Search where a list will do: what `mldeck get` must show."""

import datetime
import email.utils
import sys

from wire import Wire, pages, say

wire = Wire(sys.argv[1])
days = int(sys.argv[2])
sagemaker = wire.client("sagemaker")
date = sagemaker.list_endpoints(MaxResults=1)["ResponseMetadata"]["HTTPHeaders"]["date"]
now = email.utils.parsedate_to_datetime(date)
since = now - datetime.timedelta(days=days)


def walk(call, member, **arguments):
    return [row for page in pages(call, member, MaxResults=100, **arguments) for row in page]


endpoints = {}
for row in walk(sagemaker.list_endpoints, "Endpoints"):
    described = sagemaker.describe_endpoint(EndpointName=row["EndpointName"])
    config = sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    endpoints[row["EndpointName"]] = {
        "status": described["EndpointStatus"],
        "config": described["EndpointConfigName"],
        "created": row["CreationTime"],
        "changed": row["LastModifiedTime"],
        "models": [variant["ModelName"] for variant in config["ProductionVariants"]],
        "variants": {v["VariantName"]: v["CurrentWeight"] for v in described.get("ProductionVariants", [])},
    }

executions = {}
for pipeline in walk(sagemaker.list_pipelines, "PipelineSummaries"):
    name = pipeline["PipelineName"]
    arguments = dict(PipelineName=name, CreatedAfter=since)
    for row in walk(sagemaker.list_pipeline_executions, "PipelineExecutionSummaries", **arguments):
        executions[row["PipelineExecutionArn"].rsplit("/", 1)[1]] = {
            "pipeline": name,
            "status": row["PipelineExecutionStatus"],
            "run": row.get("PipelineExecutionDisplayName"),
            "started": row["StartTime"],
            "failure": row.get("PipelineExecutionFailureReason"),
        }

jobs = {}
for row in walk(sagemaker.list_training_jobs, "TrainingJobSummaries", CreationTimeAfter=since):
    job = sagemaker.describe_training_job(TrainingJobName=row["TrainingJobName"])
    jobs[row["TrainingJobName"]] = {
        "status": job["TrainingJobStatus"],
        "created": job["CreationTime"],
        "ended": job.get("TrainingEndTime"),
        "artifact": job.get("ModelArtifacts", {}).get("S3ModelArtifacts"),
        "instance": job["ResourceConfig"]["InstanceType"],
        "metrics": {metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])},
    }
components = {
    name
    for row in walk(sagemaker.list_trial_components, "TrialComponentSummaries", CreatedAfter=since)
    for name in (row["TrialComponentName"], row.get("DisplayName"))
}

monitors = {}
for row in walk(sagemaker.list_monitoring_schedules, "MonitoringScheduleSummaries"):
    ran = sagemaker.list_monitoring_executions(
        MonitoringScheduleName=row["MonitoringScheduleName"],
        SortBy="ScheduledTime",
        SortOrder="Descending",
        MaxResults=1,
        CreationTimeAfter=now - datetime.timedelta(days=2),
    )["MonitoringExecutionSummaries"]
    monitors[row["MonitoringScheduleName"]] = {
        "endpoint": row["EndpointName"],
        "schedule": row["MonitoringScheduleStatus"],
        "status": ran[0]["MonitoringExecutionStatus"] if ran else None,
        "ran": ran[0]["ScheduledTime"] if ran else None,
    }

cloudwatch = wire.client("cloudwatch")
alarms = {}
for page in cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
    for row in page["MetricAlarms"] + page["CompositeAlarms"]:
        dimensions = {d["Name"]: d["Value"] for d in row.get("Dimensions", [])}
        alarms[row["AlarmName"]] = {"state": row["StateValue"], "endpoint": dimensions.get("EndpointName")}

versions = {}
for group in walk(sagemaker.list_model_package_groups, "ModelPackageGroupSummaryList"):
    name = group["ModelPackageGroupName"]
    for row in walk(sagemaker.list_model_packages, "ModelPackageSummaryList", ModelPackageGroupName=name):
        versions[f"{name} {row['ModelPackageVersion']}"] = {
            "approval": row["ModelApprovalStatus"],
            "status": row["ModelPackageStatus"],
            "created": row["CreationTime"],
        }

say(
    wire,
    now=now,
    endpoints=endpoints,
    executions=executions,
    jobs=jobs,
    components=sorted(component for component in components if component),
    monitors=monitors,
    alarms=alarms,
    versions=versions,
)
