"""Builds a part of an account of its own and works with it: an endpoint from nothing to its end, a pipeline that runs, versions
that are registered and approved, alarms, scaling, monitors. What is written is read back.
"""

import json
import sys

from wire import Wire, refused, say

wire = Wire(sys.argv[1])
sagemaker, cloudwatch = wire.client("sagemaker"), wire.client("cloudwatch")
scaling, logs = wire.client("application-autoscaling"), wire.client("logs")
holds, step, now = wire.holds, wire.step, wire.now
ROLE = "arn:aws:iam::447100000921:role/SageMakerExecution"
IMAGE = "447100000921.dkr.ecr.eu-west-1.amazonaws.com/fraud-serve:v17"


def status(name):
    return sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"]


def endpoint():
    sagemaker.create_model(ModelName="own", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    variant = {"VariantName": "blue", "ModelName": "own", "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    sagemaker.create_endpoint_config(EndpointConfigName="own-a", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="own", EndpointConfigName="own-a")
    holds("a second endpoint", refused(sagemaker.create_endpoint, EndpointName="own", EndpointConfigName="own-a")["code"],
          "ValidationException")
    holds("status after CreateEndpoint", status("own"), "Creating")
    step(1_800)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="own", WaiterConfig={"Delay": 0, "MaxAttempts": 2})
    desired = [{"VariantName": "blue", "DesiredWeight": 2.0, "DesiredInstanceCount": 3}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName="own", DesiredWeightsAndCapacities=desired)
    step(1_800)
    live = sagemaker.describe_endpoint(EndpointName="own")["ProductionVariants"][0]
    holds("count and weight", (live["CurrentInstanceCount"], live["CurrentWeight"]), (3, 2.0))
    for call, member, name, key in (
        (sagemaker.list_models, "Models", "own", "ModelName"),
        (sagemaker.list_endpoint_configs, "EndpointConfigs", "own-a", "EndpointConfigName"),
    ):
        holds(member, [row[key] for row in call(NameContains="own", MaxResults=100)[member]], [name])
    scaled()
    sagemaker.delete_endpoint(EndpointName="own")
    step(1_800)
    holds("a deleted endpoint", refused(sagemaker.describe_endpoint, EndpointName="own")["code"], "ValidationException")
    sagemaker.delete_endpoint_config(EndpointConfigName="own-a")
    sagemaker.delete_model(ModelName="own")
    holds("a deleted model", refused(sagemaker.delete_model, ModelName="own")["code"], "ValidationException")


def scaled():
    target = dict(
        ServiceNamespace="sagemaker",
        ResourceId="endpoint/own/variant/blue",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
    )
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=4)
    found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[target["ResourceId"]])
    holds("target", [(t["MinCapacity"], t["MaxCapacity"]) for t in found["ScalableTargets"]], [(1, 4)])
    scaling.describe_scaling_activities(ServiceNamespace="sagemaker")
    scaling.deregister_scalable_target(**target)
    code = refused(scaling.deregister_scalable_target, **target)["code"]
    holds("a target that is gone", code, "ObjectNotFoundException")


def watched():
    metric = dict(Namespace="Own", MetricName="Errors", Dimensions=[{"Name": "Team", "Value": "ml"}])
    alarm = dict(AlarmName="own-errors", Period=60, Statistic="Sum", EvaluationPeriods=1, Threshold=5.0,
                 ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching", **metric)
    cloudwatch.put_metric_alarm(**alarm)
    cloudwatch.put_composite_alarm(AlarmName="own-any", AlarmRule='ALARM("own-errors")')
    # Time stands, so that each step passes exactly one minute's end.
    wire.sandbox("clock", {"pause": True, "step": 120})
    datum = {"MetricName": "Errors", "Dimensions": metric["Dimensions"], "Value": 9.0}
    for _ in range(2):
        cloudwatch.put_metric_data(Namespace="Own", MetricData=[{**datum, "Timestamp": now()}])
        step(60)
    found = cloudwatch.describe_alarms(AlarmNames=["own-errors", "own-any"], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    states = {row["AlarmName"]: row["StateValue"] for row in found["MetricAlarms"] + found["CompositeAlarms"]}
    holds("alarms while the minute of the errors is looked at", states, {"own-errors": "ALARM", "own-any": "ALARM"})
    history = cloudwatch.describe_alarm_history(AlarmName="own-errors", HistoryItemType="StateUpdate")
    fired = any("to ALARM" in item["HistorySummary"] for item in history["AlarmHistoryItems"])
    holds("the alarm's history", fired, True)
    wire.sandbox("clock", {"pause": False})
    cloudwatch.delete_alarms(AlarmNames=["own-any", "own-errors"])
    holds("deleted alarms", cloudwatch.describe_alarms(AlarmNamePrefix="own-")["MetricAlarms"], [])


def registered():
    sagemaker.create_model_package_group(ModelPackageGroupName="own")
    group = sagemaker.describe_model_package_group(ModelPackageGroupName="own")
    holds("group", group["ModelPackageGroupStatus"], "Completed")
    code = refused(sagemaker.create_model_package_group, ModelPackageGroupName="own")["code"]
    holds("a second group", code, "ValidationException")
    inference = {"Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://acme-ml-models/own/model.tar.gz"}],
                 "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    arn = sagemaker.create_model_package(ModelPackageGroupName="own", InferenceSpecification=inference)["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="by boto3")
    told = sagemaker.describe_model_package(ModelPackageName=arn)
    holds("approval", (told["ModelApprovalStatus"], told["ApprovalDescription"]), ("Approved", "by boto3"))
    missing = f"{arn.rsplit('/', 1)[0]}/99"
    batch = sagemaker.batch_describe_model_package(ModelPackageArnList=[arn, missing])
    holds("batch", (list(batch["ModelPackageSummaries"]), list(batch["BatchDescribeModelPackageErrorMap"])), ([arn], [missing]))
    code = refused(sagemaker.update_model_package, ModelPackageArn=missing, ModelApprovalStatus="Approved")["code"]
    holds("a version that is not there", code, "ValidationException")


def run():
    definition = {"Version": "2020-12-01", "Parameters": [{"Name": "Day", "Type": "String", "DefaultValue": "today"}],
                  "Steps": [{"Name": "Collect", "Type": "Lambda"}]}
    made = dict(PipelineName="own", PipelineDefinition=json.dumps(definition), RoleArn=ROLE, ClientRequestToken="c" * 32)
    sagemaker.create_pipeline(**made)
    told = sagemaker.describe_pipeline(PipelineName="own")
    holds("definition", json.loads(told["PipelineDefinition"]), definition)
    first = sagemaker.start_pipeline_execution(PipelineName="own", ClientRequestToken="1" * 32)["PipelineExecutionArn"]
    step(7_200)
    second = sagemaker.start_pipeline_execution(PipelineName="own", ClientRequestToken="2" * 32)["PipelineExecutionArn"]
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=second, ClientRequestToken="3" * 32)
    step(600)
    rows = sagemaker.list_pipeline_executions(PipelineName="own")["PipelineExecutionSummaries"]
    states = {row["PipelineExecutionArn"]: row["PipelineExecutionStatus"] for row in rows}
    holds("executions", states, {first: "Succeeded", second: "Stopped"})
    code = refused(sagemaker.start_pipeline_execution, PipelineName="no-such", ClientRequestToken="4" * 32)["code"]
    holds("a pipeline that is not there", code, "ResourceNotFound")


def learned():
    # The newest are those of pipelines that were just made.
    oldest = sagemaker.list_experiments(SortOrder="Ascending", MaxResults=5)["ExperimentSummaries"][0]
    experiment = oldest["ExperimentName"]
    told = sagemaker.describe_experiment(ExperimentName=experiment)
    holds("experiment", told["ExperimentName"], experiment)
    trial = sagemaker.list_trials(ExperimentName=experiment)["TrialSummaries"][0]["TrialName"]
    component = sagemaker.list_trial_components(TrialName=trial)["TrialComponentSummaries"][0]["TrialComponentName"]
    told = sagemaker.describe_trial_component(TrialComponentName=component)
    holds("component", told["TrialComponentName"], component)
    done = sagemaker.list_training_jobs(StatusEquals="Completed", MaxResults=50)["TrainingJobSummaries"][0]
    job = sagemaker.describe_training_job(TrainingJobName=done["TrainingJobName"])
    holds("job", (job["TrainingJobArn"], job["TrainingJobStatus"]), (done["TrainingJobArn"], "Completed"))
    code = refused(sagemaker.stop_training_job, TrainingJobName=done["TrainingJobName"])["code"]
    holds("a job that is over", code, "ValidationException")
    for _ in range(200):
        going = sagemaker.list_training_jobs(
            StatusEquals="InProgress", MaxResults=100, SortBy="CreationTime", SortOrder="Descending")["TrainingJobSummaries"]
        if going:
            name = going[0]["TrainingJobName"]
            sagemaker.stop_training_job(TrainingJobName=name)
            step(3_600)
            holds("a stopped job", sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"], "Stopped")
            return
        step(600)
    wire.wrong.append("no training job ever runs")


def monitored():
    name = dict(MonitoringScheduleName="fraud-prod-data-quality")
    told = lambda: sagemaker.describe_monitoring_schedule(**name)["MonitoringScheduleStatus"]
    sagemaker.stop_monitoring_schedule(**name)
    step(600)
    holds("a stopped schedule", told(), "Stopped")
    sagemaker.start_monitoring_schedule(**name)
    step(600)
    holds("a started schedule", told(), "Scheduled")
    sagemaker.list_monitoring_alert_history(**name)
    code = refused(sagemaker.stop_monitoring_schedule, MonitoringScheduleName="no-such")["code"]
    holds("a schedule that is not there", code, "ResourceNotFound")


def said():
    group = "/aws/sagemaker/Endpoints/fraud-prod"
    groups = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    holds("log group", [row["logGroupName"] for row in groups], [group])
    stream = logs.describe_log_streams(logGroupName=group)["logStreams"][0]["logStreamName"]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream, limit=10)["events"]
    holds("log lines", len(events), 10)
    code = refused(logs.get_log_events, logGroupName="/no/such", logStreamName="x")["code"]
    holds("a group that is not there", code, "ResourceNotFoundException")


for part in (endpoint, watched, registered, run, learned, monitored, said):
    part()
say(wire)
