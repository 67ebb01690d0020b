"""The AWS CLI in this process: its waiters and its pages, as a table.

Where a waiter sleeps, that time of the account passes instead. What must be there first is made by boto3, whose answers are
held against the model as everywhere.
"""

import contextlib
import datetime
import io
import json
import os
import sys
import time
import traceback
import urllib.request

address = sys.argv[1]
slept = []


def step(seconds):
    slept.append(seconds)
    order = urllib.request.Request(f"{address}/_sandbox/clock", json.dumps({"step": max(seconds, 1)}).encode())
    urllib.request.urlopen(order, timeout=150).read()


time.sleep = step

import jmespath
from awscli.clidriver import create_clidriver
from botocore import xform_name

from wire import Wire, say

os.environ["AWS_PAGER"] = ""
wire = Wire(address)
sagemaker, cloudwatch, s3 = (wire.client(service) for service in ("sagemaker", "cloudwatch", "s3"))
ROLE = "arn:aws:iam::447100000921:role/SageMakerExecution"
IMAGE = "447100000921.dkr.ecr.eu-west-1.amazonaws.com/own:1"


def aws(*words):
    """Exit code, output and errors."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = create_clidriver().main(["--endpoint-url", address, "--output", "json", *words])
        except SystemExit as ended:
            code = ended.code
    return code, out.getvalue(), err.getvalue()


# Waiters: what is made first, what is waited for, and how the waiter ends.


def without_image():
    sagemaker.delete_image_version(ImageName="cli", Version=1)
    sagemaker.delete_image(ImageName="cli")


def job(name, **more):
    """`fails`: its input is nowhere."""
    bucket = "no-such-bucket" if more.pop("fails", False) else "acme-ml-data"
    sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        InputDataConfig=[
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/train/"}},
            }
        ],
        OutputDataConfig={"S3OutputPath": "s3://acme-ml-models/own/"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 3_600},
    )


def processing(name, fails=False):
    bucket = "no-such-bucket" if fails else "acme-ml-data"
    place = {"S3Uri": f"s3://{bucket}/in/", "LocalPath": "/opt/ml/processing/in", "S3DataType": "S3Prefix", "S3InputMode": "File"}
    sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=ROLE,
        AppSpecification={"ImageUri": IMAGE},
        ProcessingInputs=[{"InputName": "in", "S3Input": place}],
        ProcessingResources={"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}},
    )


def transform(name):
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName="churn-v7",
        TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://acme-ml-data/churn/"}}},
        TransformOutput={"S3OutputPath": "s3://acme-ml-data/own/"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )


def endpoint(name, **variant):
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {"VariantName": "all", "ModelName": "churn-v7", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1, **variant}
        ],
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)


def image(name):
    sagemaker.create_image(ImageName=name, RoleArn=ROLE)


def version(name):
    sagemaker.create_image_version(ImageName=name, BaseImage=IMAGE, ClientToken=f"token-{name}")


def notebook(name):
    sagemaker.create_notebook_instance(NotebookInstanceName=name, InstanceType="ml.t3.medium", RoleArn=ROLE)


def alarm(name):
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        Dimensions=[{"Name": "EndpointName", "Value": "churn-batch"}, {"Name": "VariantName", "Value": "all"}],
    )


def named(option, value):
    return [f"--{option}", value]


nothing = lambda: None
WAITS = [
    ("endpoint-in-service", named("endpoint-name", "cli"), lambda: endpoint("cli"), 0),
    ("endpoint-in-service", named("endpoint-name", "no-such"), nothing, 255),
    ("endpoint-deleted", named("endpoint-name", "cli"), lambda: sagemaker.delete_endpoint(EndpointName="cli"), 0),
    ("training-job-completed-or-stopped", named("training-job-name", "cli"), lambda: job("cli"), 0),
    (
        "training-job-completed-or-stopped",
        named("training-job-name", "cli-stopped"),
        lambda: (job("cli-stopped"), sagemaker.stop_training_job(TrainingJobName="cli-stopped")),
        0,
    ),
    ("training-job-completed-or-stopped", named("training-job-name", "cli-fails"), lambda: job("cli-fails", fails=True), 255),
    ("training-job-completed-or-stopped", named("training-job-name", "no-such"), nothing, 255),
    ("processing-job-completed-or-stopped", named("processing-job-name", "cli"), lambda: processing("cli"), 0),
    (
        "processing-job-completed-or-stopped",
        named("processing-job-name", "cli-fails"),
        lambda: processing("cli-fails", fails=True),
        255,
    ),
    ("transform-job-completed-or-stopped", named("transform-job-name", "cli"), lambda: transform("cli"), 0),
    (
        "transform-job-completed-or-stopped",
        named("transform-job-name", "cli-stopped"),
        lambda: (transform("cli-stopped"), sagemaker.stop_transform_job(TransformJobName="cli-stopped")),
        0,
    ),
    ("transform-job-completed-or-stopped", named("transform-job-name", "no-such"), nothing, 255),
    ("image-created", named("image-name", "cli"), lambda: image("cli"), 0),
    (
        "image-updated",
        named("image-name", "cli"),
        lambda: sagemaker.update_image(ImageName="cli", Description="another"),
        0,
    ),
    ("image-version-created", named("image-name", "cli"), lambda: version("cli"), 0),
    ("image-created", named("image-name", "no-such"), nothing, 255),
    # This waiter waits for ResourceNotFoundException, which the operation is not modelled to fail with: it says ResourceNotFound.
    # The one for a version cannot be called: `--version` is the CLI's own.
    ("image-deleted", named("image-name", "cli"), without_image, 255),
    ("notebook-instance-in-service", named("notebook-instance-name", "cli"), lambda: notebook("cli"), 0),
    ("notebook-instance-in-service", named("notebook-instance-name", "no-such"), nothing, 255),
    (
        "notebook-instance-stopped",
        named("notebook-instance-name", "cli"),
        lambda: sagemaker.stop_notebook_instance(NotebookInstanceName="cli"),
        0,
    ),
    (
        "notebook-instance-deleted",
        named("notebook-instance-name", "cli"),
        lambda: sagemaker.delete_notebook_instance(NotebookInstanceName="cli"),
        0,
    ),
]
ELSEWHERE = [
    ("cloudwatch", "alarm-exists", named("alarm-names", "cli"), lambda: alarm("cli"), 0),
    (
        "cloudwatch",
        "composite-alarm-exists",
        [*named("alarm-names", "cli-both"), "--alarm-types", "CompositeAlarm"],
        lambda: cloudwatch.put_composite_alarm(AlarmName="cli-both", AlarmRule="ALARM(cli)"),
        0,
    ),
    ("cloudwatch", "alarm-exists", named("alarm-names", "no-such"), nothing, 255),
    (
        "s3api",
        "object-exists",
        ["--bucket", "acme-ml-data", "--key", "cli"],
        lambda: s3.put_object(Bucket="acme-ml-data", Key="cli", Body=b"x"),
        0,
    ),
    ("s3api", "object-exists", ["--bucket", "acme-ml-data", "--key", "no-such"], nothing, 255),
    ("s3api", "object-not-exists", ["--bucket", "acme-ml-data", "--key", "no-such"], nothing, 0),
    ("s3api", "bucket-exists", ["--bucket", "acme-ml-data"], nothing, 0),
    ("s3api", "bucket-not-exists", ["--bucket", "no-such-bucket"], nothing, 0),
]


def waits():
    told = []
    for service, waiter, words, prepare, wanted in [("sagemaker", *wait) for wait in WAITS] + ELSEWHERE:
        slept.clear()
        row = {"waiter": f"{service} {waiter} {' '.join(words)}", "wanted": wanted}
        try:
            prepare()
            code, out, err = aws(service, "wait", waiter, *words)
            row |= {"code": code, "said": out + err, "slept": sum(slept)}
        except Exception as error:
            row |= {"code": None, "said": "".join(traceback.format_exception(error)[-3:]), "slept": sum(slept)}
        told.append(row)
    return told


# Pages.

ACCOUNT = "arn:aws:sagemaker:eu-west-1:447100000921"


def newest(call, member, key, **arguments):
    return lambda: call(**arguments)[member][0][key]


def first_execution():
    return sagemaker.list_pipeline_executions(PipelineName="fraud-train")["PipelineExecutionSummaries"][0]["PipelineExecutionArn"]


def team():
    return sagemaker.list_workteams()["Workteams"][0]["WorkteamArn"]


def window():
    date = sagemaker.list_endpoints(MaxResults=1)["ResponseMetadata"]["HTTPHeaders"]["date"]
    now = datetime.datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT")
    return ["--start-time", (now - datetime.timedelta(hours=1)).isoformat() + "Z", "--end-time", now.isoformat() + "Z"]


QUERY = json.dumps(
    [
        {
            "Id": "calls",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/SageMaker",
                    "MetricName": "Invocations",
                    "Dimensions": [{"Name": "EndpointName", "Value": "fraud-prod"}, {"Name": "VariantName", "Value": "blue"}],
                },
                "Period": 60,
                "Stat": "Sum",
            },
        }
    ]
)

# What an operation must be told, where it must be told something.
TOLD = {
    "ListPipelineExecutions": lambda: ["--pipeline-name", "fraud-train"],
    "ListPipelineExecutionSteps": lambda: ["--pipeline-execution-arn", first_execution()],
    "ListPipelineParametersForExecution": lambda: ["--pipeline-execution-arn", first_execution()],
    "ListPipelineVersions": lambda: ["--pipeline-name", "fraud-train"],
    "ListModelPackages": lambda: ["--model-package-group-name", "fraud"],
    "ListMonitoringAlerts": lambda: ["--monitoring-schedule-name", "fraud-prod-data-quality"],
    "ListTags": lambda: ["--resource-arn", f"{ACCOUNT}:endpoint/fraud-prod"],
    "ListLabelingJobsForWorkteam": lambda: ["--workteam-arn", team()],
    "ListModelCardVersions": lambda: ["--model-card-name", "fraud-card"],
    "ListModelCardExportJobs": lambda: ["--model-card-name", "fraud-card"],
    "ListImageVersions": lambda: ["--image-name", "cli-pages"],
    "Search": lambda: ["--resource", "TrainingJob"],
    "DescribeScalableTargets": lambda: ["--service-namespace", "sagemaker"],
    "DescribeScalingActivities": lambda: ["--service-namespace", "sagemaker"],
    "DescribeScalingPolicies": lambda: ["--service-namespace", "sagemaker"],
    "DescribeScheduledActions": lambda: ["--service-namespace", "sagemaker"],
    "DescribeLogStreams": lambda: ["--log-group-name", "/aws/sagemaker/Endpoints/fraud-prod"],
    "FilterLogEvents": lambda: ["--log-group-name", "/aws/sagemaker/Endpoints/fraud-prod"],
    "GetMetricData": lambda: ["--metric-data-queries", QUERY, *window()],
    "ListObjectsV2": lambda: ["--bucket", "acme-ml-monitoring", "--prefix", "fraud-prod/"],
    "ListHumanLoops": lambda: ["--flow-definition-arn", f"{ACCOUNT}:flow-definition/fraud-review"],
}
# Rounds of `--starting-token` that are compared: seven items each.
ROUNDS = 6


def rows(answer, key):
    return jmespath.search(key, answer) or []


def paged(service, operation):
    client = wire.client(service)
    method = xform_name(operation)
    if not client.can_paginate(method):
        return None
    model = client.meta.service_model.operation_model(operation)
    known = TOLD.get(operation)
    if known is None and model.input_shape.required_members:
        return {"unasked": model.input_shape.required_members}
    words = ["s3api" if service == "s3" else service, xform_name(operation, "-"), *(known() if known else [])]
    keys = [key.expression for key in client.get_paginator(method).result_keys]
    code, out, err = aws(*words, "--max-items", "400")
    if code != 0:
        return {"error": err}
    whole = rows(json.loads(out or "{}"), keys[0])
    found, token, sizes = [], [], []
    for _ in range(ROUNDS):
        code, out, err = aws(*words, "--page-size", "3", "--max-items", "7", *token)
        if code != 0:
            return {"error": err}
        answer = json.loads(out or "{}")
        part = rows(answer, keys[0])
        found += part
        sizes.append(len(part))
        if "NextToken" not in answer:
            break
        token = ["--starting-token", answer["NextToken"]]
    wanted = whole if "NextToken" not in answer else whole[: len(found)]
    told = {"rows": len(whole), "sizes": sizes}
    if found != wanted:
        told["differs"] = {"in_one": wanted[:9], "in_parts": found[:9], "counts": [len(wanted), len(found)]}
    return told


def pages():
    told = {}
    for n in range(4):
        sagemaker.create_image(ImageName=f"cli-pages-{n}", RoleArn=ROLE)
    image("cli-pages")
    step(600)
    for n in range(5):
        sagemaker.create_image_version(ImageName="cli-pages", BaseImage=IMAGE, ClientToken=f"token-pages-{n}")
        step(600)
    order = urllib.request.Request(f"{address}/_sandbox/clock", b'{"pause": true}')
    urllib.request.urlopen(order, timeout=10).read()
    for service, operation in json.loads(sys.argv[2]):
        service = {"monitoring": "cloudwatch"}.get(service, service)
        try:
            found = paged(service, operation)
        except Exception as error:
            found = {"error": "".join(traceback.format_exception(error)[-3:])}
        if found is not None:
            told[f"{service} {operation}"] = found
    return told


say(wire, waits=waits(), waiters=sagemaker.waiter_names, pages=pages())
