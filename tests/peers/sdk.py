"""The SageMaker Python SDK at work: what a team's notebook does, from training to an endpoint that is watched.

Its waiters sleep; here a sleep lets that time of the account pass, and nothing waits.
"""

import json
import logging
import os
import sys
import time
import urllib.request
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

address = sys.argv[1]
# Where its own clients go, which are many.
os.environ["AWS_ENDPOINT_URL"] = address
# It prints as it goes; what is said here is one report.
report, sys.stdout = sys.stdout, sys.stderr


def step(seconds):
    order = urllib.request.Request(f"{address}/_sandbox/clock", json.dumps({"step": seconds}).encode())
    urllib.request.urlopen(order, timeout=150).read()


time.sleep = step

import boto3
import sagemaker
from botocore.exceptions import ClientError
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.model_monitor import DataCaptureConfig, DefaultModelMonitor, ModelQualityMonitor, Statistics
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer, JSONSerializer
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.steps import TrainingStep

ROLE = "arn:aws:iam::447100000921:role/SageMakerExecution"
IMAGE = "447100000921.dkr.ecr.eu-west-1.amazonaws.com/churn-serve:v7"
BUCKET = "acme-ml-data"
ROW = [26, 1, "plus", 0.1, 7, 2.5, "south", 43]

boto = boto3.Session(region_name="eu-west-1")
client = lambda service: boto.client(service, endpoint_url=address)
clients = {"sagemaker_client": client("sagemaker"), "sagemaker_runtime_client": client("sagemaker-runtime")}
# It would tell its makers of each call.
quiet = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
session = sagemaker.Session(boto_session=boto, default_bucket=BUCKET, sagemaker_config=quiet, **clients)


def refused(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return {**error.response["Error"], **{k: v for k, v in error.response.items() if k.startswith("Original")}}
    return "accepted"


def estimator(session):
    return Estimator(
        IMAGE,
        ROLE,
        instance_count=1,
        instance_type="ml.m5.xlarge",
        output_path=f"s3://{BUCKET}/sdk",
        hyperparameters={"depth": 6, "learning_rate": 0.1},
        metric_definitions=[{"Name": "validation:auc", "Regex": "validation-auc=([0-9.]+)"}],
        sagemaker_session=session,
    )


def trained():
    trainer = estimator(session)
    trainer.fit({"train": TrainingInput(f"s3://{BUCKET}/churn/train/", content_type="csv")}, logs=False, job_name="sdk-train")
    job = session.describe_training_job("sdk-train")
    with_logs = estimator(session)
    with_logs.fit(f"s3://{BUCKET}/churn/train/", logs="All", job_name="sdk-train-logs")
    metrics = {row["MetricName"]: row["Value"] for row in job["FinalMetricDataList"]}
    return trainer, {
        "status": job["TrainingJobStatus"],
        "model_data": trainer.model_data,
        "attached": Estimator.attach("sdk-train", sagemaker_session=session).model_data,
        "metrics": sorted(metrics),
        "values": list(metrics.values()),
    }


def deployed(trainer):
    model = Model(IMAGE, trainer.model_data, ROLE, name="sdk-model", sagemaker_session=session, predictor_cls=Predictor)
    capture = DataCaptureConfig(True, 100, f"s3://{BUCKET}/sdk-capture", sagemaker_session=session)
    predictor = model.deploy(
        1,
        "ml.m5.xlarge",
        endpoint_name="sdk-endpoint",
        data_capture_config=capture,
        serializer=CSVSerializer(),
        deserializer=CSVDeserializer(),
    )
    in_csv = predictor.predict(ROW, inference_id="sdk-1", custom_attributes="trace=sdk")
    as_json = Predictor("sdk-endpoint", session, serializer=JSONSerializer(), deserializer=JSONDeserializer())
    in_json = as_json.predict({"instances": [{"features": ROW}, ROW]})
    told = {
        "status": session.describe_endpoint("sdk-endpoint")["EndpointStatus"],
        "csv": in_csv,
        "json": in_json,
        "refused": {
            "content": refused(
                clients["sagemaker_runtime_client"].invoke_endpoint, EndpointName="sdk-endpoint", Body=b"x", ContentType="image/png"
            ),
            "missing": refused(clients["sagemaker_runtime_client"].invoke_endpoint, EndpointName="no-such", Body=b"1"),
            "variant": refused(predictor.predict, data=ROW, target_variant="green"),
        },
    }
    s3 = client("s3")
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix="sdk-capture/sdk-endpoint/AllTraffic/")["Contents"]
    lines = [
        json.loads(line)
        for file in found
        for line in s3.get_object(Bucket=BUCKET, Key=file["Key"])["Body"].read().decode().splitlines()
    ]
    told["captured"] = lines
    return predictor, told


def updated(predictor):
    config = session.describe_endpoint("sdk-endpoint")["EndpointConfigName"]
    session.create_endpoint_config_from_existing(config, "sdk-config-b")
    policy = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
                "WaitIntervalInSeconds": 300,
            },
            "TerminationWaitInSeconds": 120,
        }
    }
    session.sagemaker_client.update_endpoint(
        EndpointName="sdk-endpoint", EndpointConfigName="sdk-config-b", DeploymentConfig=policy
    )
    during = session.describe_endpoint("sdk-endpoint")["EndpointStatus"]
    after = session.wait_for_endpoint("sdk-endpoint")
    predictor.update_endpoint(initial_instance_count=2, instance_type="ml.m5.xlarge", model_name="sdk-model")
    last = session.describe_endpoint("sdk-endpoint")
    return {
        "during": during,
        "after": [after["EndpointStatus"], after["EndpointConfigName"]],
        "policy": after["LastDeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"],
        "count": last["ProductionVariants"][0]["CurrentInstanceCount"],
    }


def watched():
    monitor = DefaultModelMonitor.attach("fraud-prod-data-quality", session)
    executions = monitor.list_executions()
    latest = next(execution for execution in reversed(executions) if execution.describe()["ProcessingJobStatus"] == "Completed")
    statistics, violations = latest.statistics(), latest.constraint_violations()
    definition = session.sagemaker_client.describe_data_quality_job_definition(JobDefinitionName=monitor.job_definition_name)
    baseline = definition["DataQualityBaselineConfig"]["StatisticsResource"]["S3Uri"]
    quality = ModelQualityMonitor.attach("ranking-eu-model-quality", session)
    return {
        "schedule": monitor.describe_schedule()["MonitoringScheduleStatus"],
        "executions": len(executions),
        "features": [feature["name"] for feature in statistics.body_dict["features"]],
        "violations": sorted({entry["feature_name"] for entry in violations.body_dict["violations"]}),
        "baseline": len(Statistics.from_s3_uri(baseline, sagemaker_session=session).body_dict["features"]),
        "quality": len(quality.list_executions()),
    }


def registered(trainer):
    model = Model(IMAGE, trainer.model_data, ROLE, sagemaker_session=session)
    package = model.register(
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.xlarge"],
        transform_instances=["ml.m5.xlarge"],
        model_package_group_name="sdk-models",
        approval_status="PendingManualApproval",
        description="made by the SDK",
    )
    package.update_approval_status("Approved")
    told = session.sagemaker_client.describe_model_package(ModelPackageName=package.model_package_arn)
    return {"arn": package.model_package_arn, "status": told["ModelPackageStatus"], "approval": told["ModelApprovalStatus"]}


def piped():
    pipeline_session = PipelineSession(boto_session=boto, default_bucket=BUCKET, sagemaker_config=quiet, sagemaker_client=clients["sagemaker_client"])
    limit = ParameterFloat("Limit", default_value=0.0)
    data = ParameterString("Data", default_value=f"s3://{BUCKET}/churn/train/")
    train = TrainingStep("Train", step_args=estimator(pipeline_session).fit({"train": TrainingInput(data)}))
    good = ConditionStep(
        "GoodEnough",
        conditions=[ConditionGreaterThanOrEqualTo(left=limit, right=0.5)],
        if_steps=[],
        else_steps=[FailStep("TooBad", error_message="below the limit")],
        depends_on=[train],
    )
    pipeline = Pipeline("sdk-pipeline", parameters=[limit, data], steps=[train, good], sagemaker_session=pipeline_session)
    first = pipeline.upsert(ROLE)
    again = pipeline.upsert(ROLE, description="again")
    well = pipeline.start(parameters={"Limit": 0.9})
    well.wait(delay=30, max_attempts=240)
    badly = pipeline.start()
    try:
        badly.wait(delay=30, max_attempts=240)
        failed = "nothing"
    except Exception as error:
        failed = type(error).__name__
    steps = {row["StepName"]: row["StepStatus"] for row in badly.list_steps()}
    return {
        "arns": [first["PipelineArn"], again["PipelineArn"]],
        "status": [well.describe()["PipelineExecutionStatus"], badly.describe()["PipelineExecutionStatus"]],
        "failed": failed,
        "steps": steps,
    }


told, wrong = {}, {}


def part(name, call, *arguments):
    """One part that breaks must not hide what the others do."""
    try:
        told[name] = call(*arguments)
    except Exception as error:
        import traceback

        wrong[name] = "".join(traceback.format_exception(error)[-4:])
        told[name] = None
    return told[name]


made = part("trained", trained)
if made:
    trainer, told["trained"] = made
    made = part("deployed", deployed, trainer)
    if made:
        predictor, told["deployed"] = made
        part("updated", updated, predictor)
        part("gone", lambda: (predictor.delete_endpoint(), predictor.delete_model())[0])
    part("registered", registered, trainer)
part("watched", watched)
part("piped", piped)
json.dump({**told, "wrong": wrong, "version": sagemaker.__version__}, report, default=str)
