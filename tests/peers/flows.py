"""What flows: pipelines that are made, run, asked, stopped and tried again; monitors of each kind; versions and groups that go;
sessions of other roles, and what EventBridge is told.
"""

import json
import sys

import boto3
from wire import Wire, pages, say

wire = Wire(sys.argv[1])
sagemaker, sts = wire.client("sagemaker"), wire.client("sts")
holds, fails, step, get = wire.holds, wire.fails, wire.step, wire.sandbox
ROLE = "arn:aws:iam::447100000921:role/SageMakerExecution"


def token(name):
    return name.ljust(32, "0")


def status(arn):
    return sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]


def steps(arn):
    rows = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending", MaxResults=100)
    return rows["PipelineExecutionSteps"]


def definition(*more):
    ask = {"Name": "Ask", "Type": "Callback", "SqsQueueUrl": "https://sqs.eu-west-1.amazonaws.com/447100000921/ask",
           "Arguments": {}, "OutputParameters": [{"OutputName": "answer", "OutputType": "String"}]}
    answer = {"Get": "Steps.Ask.OutputParameters['answer']"}
    choose = {"Name": "Choose", "Type": "Condition", "Arguments": {
        "Conditions": [{"Type": "Equals", "LeftValue": answer, "RightValue": {"Get": "Parameters.Wanted"}}],
        "IfSteps": [{"Name": "Work", "Type": "EMR", "Arguments": {}}],
        "ElseSteps": [{"Name": "Refuse", "Type": "Fail", "Arguments": {"ErrorMessage": "not wanted"}}]}}
    wanted = {"Name": "Wanted", "Type": "String", "DefaultValue": "yes", "EnumValues": ["yes", "no"]}
    return json.dumps({"Version": "2020-12-01", "Parameters": [wanted], "Steps": [ask, choose, *more]})


def made():
    body = dict(PipelineName="flows", RoleArn=ROLE, PipelineDefinition=definition(), ClientRequestToken=token("make"))
    sagemaker.create_pipeline(**body)
    fails("a pipeline that is there", "ValidationException", sagemaker.create_pipeline, **{**body, "ClientRequestToken": token("other")})
    fails("a pipeline that cannot be read", "ValidationException", sagemaker.create_pipeline,
         PipelineName="bad", RoleArn=ROLE, PipelineDefinition="{}", ClientRequestToken=token("bad"))
    holds("versions", sagemaker.update_pipeline(PipelineName="flows", PipelineDescription="by boto3",
          PipelineDefinition=definition({"Name": "Last", "Type": "EMR", "Arguments": {}}))["PipelineVersionId"], 2)
    fails("an update of nothing", "ResourceNotFound", sagemaker.update_pipeline, PipelineName="no-such", PipelineDescription="x")
    arn = sagemaker.describe_pipeline(PipelineName="flows")["PipelineArn"]
    sagemaker.update_pipeline_version(PipelineArn=arn, PipelineVersionId=1, PipelineVersionDisplayName="first")
    fails("a version that is not there", "ResourceNotFound", sagemaker.update_pipeline_version, PipelineArn=arn, PipelineVersionId=9)
    rows = sum(pages(sagemaker.list_pipeline_versions, "PipelineVersionSummaries", PipelineName="flows", MaxResults=1), [])
    holds("versions", [(row["PipelineVersionId"], row.get("PipelineVersionDisplayName")) for row in rows], [(2, None), (1, "first")])
    fails("versions of nothing", "ResourceNotFound", sagemaker.list_pipeline_versions, PipelineName="no-such")


def run(name, **more):
    answer = sagemaker.start_pipeline_execution(PipelineName="flows", PipelineVersionId=1, ClientRequestToken=token(name), **more)
    return answer["PipelineExecutionArn"]


def told(arn):
    return steps(arn)[0]["Metadata"]["Callback"]["CallbackToken"]


def ran():
    fails("a value that is not allowed", "ValidationException", sagemaker.start_pipeline_execution, PipelineName="flows",
         ClientRequestToken=token("bad"), PipelineParameters=[{"Name": "Wanted", "Value": "perhaps"}])
    first = run("one", ParallelismConfiguration={"MaxParallelExecutionSteps": 2})
    holds("the same token", run("one"), first)
    step(120)
    holds("while it waits", [row["StepStatus"] for row in steps(first)], ["Executing"])
    sagemaker.update_pipeline_execution(PipelineExecutionArn=first, PipelineExecutionDisplayName="asked")
    fails("an execution that is not there", "ResourceNotFound", sagemaker.update_pipeline_execution, PipelineExecutionArn=first[:-4] + "0000")
    sagemaker.send_pipeline_execution_step_success(CallbackToken=told(first), OutputParameters=[{"Name": "answer", "Value": "yes"}])
    fails("an answer to nobody", "ResourceNotFound", sagemaker.send_pipeline_execution_step_success, CallbackToken="0123456789")
    step(900)
    holds("steps", [(row["StepName"], row["StepStatus"]) for row in steps(first)],
          [("Ask", "Succeeded"), ("Choose", "Succeeded"), ("Work", "Succeeded")])
    holds("display name", sagemaker.describe_pipeline_execution(PipelineExecutionArn=first)["PipelineExecutionDisplayName"], "asked")
    second = run("two")
    step(60)
    sagemaker.send_pipeline_execution_step_failure(CallbackToken=told(second), FailureReason="nobody there")
    fails("an answer to nobody", "ResourceNotFound", sagemaker.send_pipeline_execution_step_failure, CallbackToken="0123456789")
    step(60)
    holds("after a failure", status(second), "Failed")
    fails("one that succeeded", "ValidationException", sagemaker.retry_pipeline_execution, PipelineExecutionArn=first, ClientRequestToken=token("re1"))
    sagemaker.retry_pipeline_execution(PipelineExecutionArn=second, ClientRequestToken=token("re2"))
    step(60)
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=second, ClientRequestToken=token("stop"))
    holds("while the callback is not answered", status(second), "Stopping")
    pipeline = dict(PipelineName="flows", ClientRequestToken=token("delete"))
    fails("a pipeline that runs", "ConflictException", sagemaker.delete_pipeline, **pipeline)
    sagemaker.send_pipeline_execution_step_success(CallbackToken=told(second))
    step(60)
    holds("after the answer", status(second), "Stopped")
    fails("one that is over", "ValidationException", sagemaker.stop_pipeline_execution, PipelineExecutionArn=second, ClientRequestToken=token("stop2"))
    sagemaker.delete_pipeline(**pipeline)
    fails("a deleted pipeline", "ResourceNotFound", sagemaker.describe_pipeline, PipelineName="flows")
    fails("a deleted pipeline", "ResourceNotFound", sagemaker.delete_pipeline, **pipeline)


def monitored():
    for kind, endpoint in (("DataQuality", "fraud-prod"), ("ModelQuality", "ranking-eu"), ("ModelBias", "ranking-eu"),
                           ("ModelExplainability", "fraud-prod")):
        name = dict(MonitoringScheduleName=f"flows-{kind}")
        config = {
            "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"}, "MonitoringType": kind,
            "MonitoringJobDefinition": {
                "MonitoringInputs": [{"EndpointInput": {"EndpointName": endpoint, "LocalPath": "/opt/ml/processing/in"}}],
                "MonitoringOutputConfig": {"MonitoringOutputs": [{"S3Output": {"S3Uri": "s3://acme-ml-data/flows", "LocalPath": "/opt/ml/processing/out"}}]},
                "MonitoringResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20}},
                "MonitoringAppSpecification": {"ImageUri": "analyzer"}, "RoleArn": ROLE}}
        body = dict(name, MonitoringScheduleConfig=config)
        sagemaker.create_monitoring_schedule(**body)
        fails("a schedule that is there", "ResourceInUse", sagemaker.create_monitoring_schedule, **body)
        step(3 * 3_600)
        told = sagemaker.describe_monitoring_schedule(**name)
        holds("type", (told["MonitoringType"], told["MonitoringScheduleStatus"]), (kind, "Scheduled"))
        rows = sum(pages(sagemaker.list_monitoring_executions, "MonitoringExecutionSummaries", MaxResults=1, **name), [])
        holds("executions", len(rows) >= 2, True)
        only = sagemaker.list_monitoring_executions(MonitoringTypeEquals=kind, EndpointName=endpoint, MaxResults=100)
        holds("types", {row["MonitoringType"] for row in only["MonitoringExecutionSummaries"]}, {kind})
        sagemaker.describe_processing_job(ProcessingJobName=rows[0]["ProcessingJobArn"].rsplit("/", 1)[1])
        alert = sagemaker.list_monitoring_alerts(**name)["MonitoringAlertSummaries"][0]
        change = dict(name, MonitoringAlertName=alert["MonitoringAlertName"], DatapointsToAlert=2, EvaluationPeriod=3)
        sagemaker.update_monitoring_alert(**change)
        holds("points", sagemaker.list_monitoring_alerts(**name)["MonitoringAlertSummaries"][0]["DatapointsToAlert"], 2)
        fails("an alert that is not there", "ResourceNotFound", sagemaker.update_monitoring_alert, **{**change, "MonitoringAlertName": "no-such"})
        config["ScheduleConfig"]["ScheduleExpression"] = "cron(0 0/6 ? * * *)"
        sagemaker.update_monitoring_schedule(**body)
        fails("a schedule that is not there", "ResourceNotFound", sagemaker.update_monitoring_schedule, **{**body, "MonitoringScheduleName": "no-such"})
        sagemaker.stop_monitoring_schedule(**name)
        step(3_600)
        sagemaker.delete_monitoring_schedule(**name)
        fails("a deleted schedule", "ResourceNotFound", sagemaker.delete_monitoring_schedule, **name)


def registered():
    group = dict(ModelPackageGroupName="flows")
    sagemaker.create_model_package_group(**group)
    inference = {"Containers": [{"Image": "447100000921.dkr.ecr.eu-west-1.amazonaws.com/fraud-serve:v17"}],
                 "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    arn = sagemaker.create_model_package(**group, InferenceSpecification=inference)["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", CustomerMetadataProperties={"a": "1"},
                                   ModelLifeCycle={"Stage": "Production", "StageStatus": "Approved", "StageDescription": "x"})
    fails("a way back", "ValidationException", sagemaker.update_model_package, ModelPackageArn=arn, ModelApprovalStatus="PendingManualApproval")
    sagemaker.describe_model_package(ModelPackageName=arn)
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    fails("no policy", "ValidationException", sagemaker.get_model_package_group_policy, **group)
    fails("a policy that cannot be read", "ValidationException", sagemaker.put_model_package_group_policy, **group, ResourcePolicy="x")
    sagemaker.put_model_package_group_policy(**group, ResourcePolicy=policy)
    holds("policy", sagemaker.get_model_package_group_policy(**group)["ResourcePolicy"], policy)
    sagemaker.delete_model_package_group_policy(**group)
    fails("no policy", "ValidationException", sagemaker.delete_model_package_group_policy, **group)
    fails("a group with a version", "ConflictException", sagemaker.delete_model_package_group, **group)
    sagemaker.delete_model_package(ModelPackageName=arn)
    fails("a version that is gone", "ValidationException", sagemaker.delete_model_package, ModelPackageName=arn)
    sagemaker.delete_model_package_group(**group)
    fails("a group that is gone", "ValidationException", sagemaker.describe_model_package_group, **group)


def assumed():
    answer = sts.assume_role(RoleArn="arn:aws:iam::447100000921:role/Auditor", RoleSessionName="boto3-night", DurationSeconds=900)
    keys = answer["Credentials"]
    session = boto3.session.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], "eu-west-1")
    other = session.client("sts", endpoint_url=sys.argv[1])
    holds("who", other.get_caller_identity()["Arn"], "arn:aws:sts::447100000921:assumed-role/Auditor/boto3-night")
    fails("a role of others", "AccessDenied", sts.assume_role, RoleArn="arn:aws:iam::111122223333:role/Auditor", RoleSessionName="boto3")
    left = keys["Expiration"] - wire.now()
    holds("how long it lasts", 800 < left.total_seconds() <= 900, True)
    step(1_000)
    fails("an old session", "ExpiredToken", other.get_caller_identity)


def events():
    lines = [json.loads(line) for line in get("events?after=0").splitlines()]
    kinds = {line["event"]["detail-type"] for line in lines}
    for kind in ("Model Package State Change", "Model Building Pipeline Execution Status Change",
                 "Model Building Pipeline Execution Step Status Change"):
        holds(kind, f"SageMaker {kind}" in kinds, True)
    holds("sequence", [line["sequence"] for line in lines], list(range(1, len(lines) + 1)))
    holds("what is after the last", get(f"events?after={len(lines)}"), "")


# From here on they are told.
holds("what was before the first question", get("events?after=0"), "")
for part in (made, ran, monitored, registered, events, assumed):
    part()
say(wire)
