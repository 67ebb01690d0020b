"""Trains and processes as a caller: jobs from nothing to their end, what they log, measure and leave, and what is refused."""

import sys

from wire import Wire, pages, refused, say

wire = Wire(sys.argv[1])
sagemaker, logs, s3 = wire.client("sagemaker"), wire.client("logs"), wire.client("s3")
metrics = wire.client("sagemaker-metrics")
holds, step = wire.holds, wire.step
ROLE = "arn:aws:iam::447100000921:role/SageMakerExecution"
IMAGE = "447100000921.dkr.ecr.eu-west-1.amazonaws.com/own:1"


def train(name, **more):
    return sagemaker.create_training_job(**{
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": [
            {"Name": "val/auc", "Regex": "auc=([0-9.]+)"}, {"Name": "loss", "Regex": "loss: ([0-9.]+)"}]},
        "HyperParameters": {"eta": "0.05", "objective": "binary:logistic"},
        "OutputDataConfig": {"S3OutputPath": "s3://acme-ml-models/own/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3_600},
        **more,
    })["TrainingJobArn"]


def told(name):
    return sagemaker.describe_training_job(TrainingJobName=name)


def trained():
    arn = train("own-job", Tags=[{"Key": "team", "Value": "ml"}])
    holds("tags", sagemaker.list_tags(ResourceArn=arn)["Tags"], [{"Key": "team", "Value": "ml"}])
    holds("the beginning", told("own-job")["SecondaryStatus"], "Starting")
    step(3_600)
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName="own-job", WaiterConfig={"Delay": 0, "MaxAttempts": 2})
    job = told("own-job")
    states = [row["Status"] for row in job["SecondaryStatusTransitions"]]
    holds("states", states, ["Starting", "Downloading", "Training", "Uploading", "Completed"])
    final = {row["MetricName"]: row["Value"] for row in job["FinalMetricDataList"]}
    query = {"MetricName": "loss", "ResourceArn": arn, "MetricStat": "Last", "Period": "IterationNumber",
             "XAxisType": "IterationNumber"}
    curve = metrics.batch_get_metrics(MetricQueries=[query])["MetricQueryResults"][0]
    holds("the curve's end", round(curve["MetricValues"][-1], 4), round(final["loss"], 4))
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://acme-ml-models/")
    found = s3.list_objects_v2(Bucket="acme-ml-models", Prefix=key)["Contents"]
    holds("the model", [row["Key"] for row in found], [key])
    group = "/aws/sagemaker/TrainingJobs"
    stream = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="own-job/")["logStreams"][0]
    lines = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], limit=10)["events"]
    holds("log lines", len(lines), 10)
    component = sagemaker.describe_trial_component(TrialComponentName="own-job-aws-training-job")
    holds("the component", (component["Status"]["PrimaryStatus"], component["Source"]["SourceArn"]), ("Completed", arn))
    rows = sagemaker.list_trial_components(SourceArn=arn)["TrialComponentSummaries"]
    holds("components", [row["TrialComponentName"] for row in rows], ["own-job-aws-training-job"])


def ended():
    train("own-short", StoppingCondition={"MaxRuntimeInSeconds": 60})
    train("own-stopped")
    sagemaker.stop_training_job(TrainingJobName="own-stopped")
    holds("a job that stops", told("own-stopped")["TrainingJobStatus"], "Stopping")
    code = refused(sagemaker.stop_training_job, TrainingJobName="own-stopped")["code"]
    holds("a second stop", code, "ValidationException")
    step(1_800)
    holds("a stopped job", told("own-stopped")["SecondaryStatus"], "Stopped")
    holds("a job that ran too long", told("own-short")["SecondaryStatus"], "MaxRuntimeExceeded")
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://nobody-has-it/train/"}}
    train("own-empty", InputDataConfig=[{"ChannelName": "train", "DataSource": source}])
    step(1_800)
    holds("a job without data", told("own-empty")["TrainingJobStatus"], "Failed")


def listed():
    rows = [row for page in pages(sagemaker.list_training_jobs, "TrainingJobSummaries", MaxResults=100,
                                  NameContains="own-") for row in page]
    names = [row["TrainingJobName"] for row in rows]
    holds("jobs", sorted(names), ["own-empty", "own-job", "own-short", "own-stopped"])
    expression = {"Filters": [{"Name": "TrainingJobName", "Value": "own-job"}]}
    for resource, name in (("TrainingJob", "TrainingJobName"), ("ExperimentTrialComponent", "TrialComponentName")):
        wanted = "own-job" + ("-aws-training-job" if name == "TrialComponentName" else "")
        expression["Filters"][0].update(Name=name, Value=wanted)
        found = sagemaker.search(Resource=resource, SearchExpression=expression)["Results"]
        holds(resource, len(found), 1)
    holds("a second job", refused(train, name="own-job")["code"], "ResourceInUse")
    code = refused(train, name="own-spot", EnableManagedSpotTraining=True)["code"]
    holds("spot without a wait", code, "ValidationException")


def processed():
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}
    for name in ("own-clean", "own-other"):
        job = dict(ProcessingJobName=name, RoleArn=ROLE, AppSpecification={"ImageUri": IMAGE},
                   ProcessingResources={"ClusterConfig": cluster})
        sagemaker.create_processing_job(**job)
    holds("a second one", refused(sagemaker.create_processing_job, **job)["code"], "ResourceInUse")
    sagemaker.stop_processing_job(ProcessingJobName="own-other")
    step(3_600)
    rows = [row for page in pages(sagemaker.list_processing_jobs, "ProcessingJobSummaries", MaxResults=1) for row in page]
    states = {row["ProcessingJobName"]: row["ProcessingJobStatus"] for row in rows}
    holds("processing jobs", states, {"own-clean": "Completed", "own-other": "Stopped"})
    one = sagemaker.describe_processing_job(ProcessingJobName="own-clean")
    holds("one", (one["ProcessingJobStatus"], one["AppSpecification"]["ImageUri"]), ("Completed", IMAGE))
    code = refused(sagemaker.stop_processing_job, ProcessingJobName="no-such")["code"]
    holds("one that is not there", code, "ResourceNotFound")


for part in (trained, ended, listed, processed):
    part()
say(wire)
