"""Jobs that search, transform and compile: made, followed to their end, read back with what they left, stopped and refused."""

import sys

from wire import Wire, pages, refused, say

wire = Wire(sys.argv[1])
sagemaker, s3 = wire.client("sagemaker"), wire.client("s3")
holds, step = wire.holds, wire.step
ROLE = "arn:aws:iam::447100000921:role/SageMakerExecution"
IMAGE = "447100000921.dkr.ecr.eu-west-1.amazonaws.com/own:1"
BUCKET = "acme-ml-labels"


def keys(prefix):
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return [row["Key"] for row in found.get("Contents", [])]


def read(key):
    return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()


def search(name, strategy="Bayesian", most=4, **more):
    ranges = {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.01", "MaxValue": "0.9"}],
              "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "2", "MaxValue": "12"}],
              "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart"]}]}
    algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File",
                 "MetricDefinitions": [{"Name": "val/auc", "Regex": "auc=([0-9.]+)"}]}
    return sagemaker.create_hyper_parameter_tuning_job(**{
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": strategy, "ParameterRanges": ranges,
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "val/auc"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": most, "MaxParallelTrainingJobs": 2}},
        "TrainingJobDefinition": {
            "AlgorithmSpecification": algorithm, "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": "s3://acme-ml-models/own/"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3_600}},
        **more})["HyperParameterTuningJobArn"]


def tuned():
    arn = search("own-search", Tags=[{"Key": "team", "Value": "ml"}])
    holds("tags", sagemaker.list_tags(ResourceArn=arn)["Tags"], [{"Key": "team", "Value": "ml"}])
    holds("a second one", refused(search, name="own-search")["code"], "ResourceInUse")
    step(180)
    name = dict(HyperParameterTuningJobName="own-search")
    job = sagemaker.describe_hyper_parameter_tuning_job(**name)
    holds("those under way", job["TrainingJobStatusCounters"]["InProgress"], 2)
    step(3_600)
    job = sagemaker.describe_hyper_parameter_tuning_job(**name)
    holds("its end", job["HyperParameterTuningJobStatus"], "Completed")
    best = job["BestTrainingJob"]["TrainingJobName"]
    found = pages(sagemaker.list_training_jobs_for_hyper_parameter_tuning_job, "TrainingJobSummaries", **name, MaxResults=3,
                  SortBy="FinalObjectiveMetricValue", SortOrder="Descending")
    rows = [row for page in found for row in page]
    holds("its jobs", (len(found), len(rows), rows[0]["TrainingJobName"]), (2, 4, best))
    child = sagemaker.describe_training_job(TrainingJobName=best)
    holds("whose it is", (child["TuningJobArn"], child["TrainingJobStatus"]), (arn, "Completed"))
    expression = {"Filters": [{"Name": "HyperParameterTuningJobName", "Value": "own-search"}]}
    results = sagemaker.search(Resource="HyperParameterTuningJob", SearchExpression=expression)["Results"]
    holds("Search", results[0]["HyperParameterTuningJob"]["BestTrainingJob"]["TrainingJobName"], best)
    parent = {"ParentHyperParameterTuningJobs": [name], "WarmStartType": "IdenticalDataAndAlgorithm"}
    search("own-heir", most=2, WarmStartConfig=parent)
    search("own-stopped", strategy="Random", most=9)
    step(300)
    stopped = dict(HyperParameterTuningJobName="own-stopped")
    code = refused(sagemaker.delete_hyper_parameter_tuning_job, **stopped)["code"]
    holds("a deletion while it runs", code, "ValidationException")
    sagemaker.stop_hyper_parameter_tuning_job(**stopped)
    step(3_000)
    heir = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="own-heir")
    holds("the best of all", heir["OverallBestTrainingJob"]["TuningJobName"] in ("own-search", "own-heir"), True)
    listed = sagemaker.list_hyper_parameter_tuning_jobs(NameContains="own-", SortBy="Name", SortOrder="Ascending")
    states = {row["HyperParameterTuningJobName"]: row["HyperParameterTuningJobStatus"]
              for row in listed["HyperParameterTuningJobSummaries"]}
    holds("the list", states, {"own-heir": "Completed", "own-search": "Completed", "own-stopped": "Stopped"})
    sagemaker.delete_hyper_parameter_tuning_job(**stopped)
    for call in (sagemaker.describe_hyper_parameter_tuning_job, sagemaker.stop_hyper_parameter_tuning_job,
                 sagemaker.list_training_jobs_for_hyper_parameter_tuning_job):
        holds("one that is gone", refused(call, **stopped)["code"], "ResourceNotFound")
    holds("a stop of one that is over", refused(sagemaker.stop_hyper_parameter_tuning_job, **name)["code"], "ValidationException")
    holds("a poor grid", refused(search, name="own-grid", strategy="Grid")["code"], "ValidationException")


def transform(name, uri, **more):
    sagemaker.create_transform_job(**{
        "TransformJobName": name, "ModelName": "fraud-v17",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
                           "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/scored", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **more})


def transformed():
    s3.put_object(Bucket=BUCKET, Key="batch/a.csv", Body=b"id-1,0.5,2\nid-2,0.7,9\n")
    s3.put_object(Bucket=BUCKET, Key="batch/b.csv", Body=b"id-3,0.5,2\n")
    transform("own-batch", f"s3://{BUCKET}/batch/", DataCaptureConfig={"DestinationS3Uri": f"s3://{BUCKET}/captured"},
              DataProcessing={"JoinSource": "Input", "InputFilter": "$[1:]", "OutputFilter": "$[0,-1]"})
    transform("own-nothing", f"s3://{BUCKET}/nothing/")
    step(900)
    sagemaker.get_waiter("transform_job_completed_or_stopped").wait(
        TransformJobName="own-batch", WaiterConfig={"Delay": 0, "MaxAttempts": 2})
    holds("answers", keys("scored/"), ["scored/a.csv.out", "scored/b.csv.out"])
    rows = [line.split(",") for line in read("scored/a.csv.out").splitlines()]
    holds("rows", [(row[0], len(row)) for row in rows], [("id-1", 2), ("id-2", 2)])
    holds("the same features", rows[0][1], read("scored/b.csv.out").strip().split(",")[1])
    holds("captured", len(keys("captured/")), 2)
    job = sagemaker.describe_transform_job(TransformJobName="own-nothing")
    holds("nothing to read", (job["TransformJobStatus"], "No S3 objects found" in job["FailureReason"]), ("Failed", True))
    failed = sagemaker.list_transform_jobs(StatusEquals="Failed", NameContains="own-")["TransformJobSummaries"]
    holds("the list", [row["TransformJobName"] for row in failed], ["own-nothing"])


def compiled():
    s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=b"a model")
    output = {"S3OutputLocation": f"s3://{BUCKET}/compiled/", "TargetDevice": "ml_c5"}
    common = dict(RoleArn=ROLE, OutputConfig=output, StoppingCondition={"MaxRuntimeInSeconds": 900})
    for name, uri in (("own-compiled", f"s3://{BUCKET}/model.tar.gz"), ("own-none", f"s3://{BUCKET}/none.tar.gz")):
        sagemaker.create_compilation_job(CompilationJobName=name, InputConfig={"S3Uri": uri, "Framework": "PYTORCH"}, **common)
    version = "arn:aws:sagemaker:eu-west-1:447100000921:model-package/fraud/17"
    sagemaker.create_compilation_job(CompilationJobName="own-version", ModelPackageVersionArn=version, **common)
    step(900)
    states = [sagemaker.describe_compilation_job(CompilationJobName=name)["CompilationJobStatus"]
              for name in ("own-compiled", "own-none", "own-version")]
    holds("compilations", states, ["COMPLETED", "FAILED", "COMPLETED"])
    holds("what was compiled", "compiled/model-ml_c5.tar.gz" in keys("compiled/"), True)


def learned():
    rows = "".join(f"{n},{n * 3 % 7},{n % 2}\n" for n in range(40))
    s3.put_object(Bucket=BUCKET, Key="people/rows.csv", Body=f"age,visits,leaves\n{rows}".encode())
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/people/"}}
    common = dict(OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/auto"}, RoleArn=ROLE)

    def second(name):
        tabular = {"TargetAttributeName": "leaves", "CompletionCriteria": {"MaxCandidates": 3}}
        return sagemaker.create_auto_ml_job_v2(
            AutoMLJobName=name, AutoMLProblemTypeConfig={"TabularJobConfig": tabular},
            AutoMLJobInputDataConfig=[{"ChannelType": "training", "DataSource": source}], **common)

    second("own-auto")
    second("own-halted")
    sagemaker.create_auto_ml_job(
        AutoMLJobName="own-first", InputDataConfig=[{"DataSource": source, "TargetAttributeName": "leaves"}],
        AutoMLJobConfig={"CompletionCriteria": {"MaxCandidates": 2}}, **common)
    holds("a second one", refused(second, name="own-auto")["code"], "ResourceInUse")
    step(120)
    holds("at first", sagemaker.describe_auto_ml_job_v2(AutoMLJobName="own-auto")["AutoMLJobSecondaryStatus"], "AnalyzingData")
    sagemaker.stop_auto_ml_job(AutoMLJobName="own-halted")
    step(3 * 3_600)
    job = sagemaker.describe_auto_ml_job_v2(AutoMLJobName="own-auto")
    holds("its end", (job["AutoMLJobStatus"], job["AutoMLJobSecondaryStatus"]), ("Completed", "Completed"))
    calls = {"TrainingJob": sagemaker.describe_training_job, "ProcessingJob": sagemaker.describe_processing_job,
             "TransformJob": sagemaker.describe_transform_job}
    for made in job["BestCandidate"]["CandidateSteps"]:
        kind = made["CandidateStepType"].rsplit(":", 1)[1]
        told = calls[kind](**{f"{kind}Name": made["CandidateStepName"]})
        holds(f"a {kind}", (told["AutoMLJobArn"], told[f"{kind}Status"]), (job["AutoMLJobArn"], "Completed"))
    found = pages(sagemaker.list_candidates_for_auto_ml_job, "Candidates", AutoMLJobName="own-auto", MaxResults=2)
    holds("candidates", [len(page) for page in found], [2, 1])
    first = sagemaker.describe_auto_ml_job(AutoMLJobName="own-first")
    holds("the first version", first["ResolvedAttributes"]["ProblemType"], "BinaryClassification")
    sagemaker.describe_auto_ml_job_v2(AutoMLJobName="own-first")
    rows = sagemaker.list_auto_ml_jobs(SortBy="Name", SortOrder="Ascending", NameContains="own-")["AutoMLJobSummaries"]
    states = [(row["AutoMLJobName"], row["AutoMLJobStatus"]) for row in rows]
    holds("the list", states, [("own-auto", "Completed"), ("own-first", "Completed"), ("own-halted", "Stopped")])
    for call in (sagemaker.describe_auto_ml_job, sagemaker.describe_auto_ml_job_v2, sagemaker.stop_auto_ml_job,
                 sagemaker.list_candidates_for_auto_ml_job):
        holds("one that is not there", refused(call, AutoMLJobName="no-such")["code"], "ResourceNotFound")


for part in (tuned, transformed, compiled, learned):
    part()
say(wire)
