"""People and data: objects that are labeled, questions that are answered, records of features, model cards, versions of images.
What is asked for is made, read back, changed, listed in pages, refused, stopped and missed; time is moved, so that people work.
"""

import datetime
import json
import sys

from wire import Wire, pages, say

wire = Wire(sys.argv[1])
sagemaker, loops = wire.client("sagemaker"), wire.client("sagemaker-a2i-runtime")
records, s3 = wire.client("sagemaker-featurestore-runtime"), wire.client("s3")
cloudwatch, logs, trail = wire.client("cloudwatch"), wire.client("logs"), wire.client("cloudtrail")
holds, fails, step, now = wire.holds, wire.fails, wire.step, wire.now
ROLE = "arn:aws:iam::447100000921:role/SageMakerExecution"
ACCOUNT = "arn:aws:sagemaker:eu-west-1:447100000921"
TEAM = f"{ACCOUNT}:workteam/private-crowd/vision-labelers"
FLOW = f"{ACCOUNT}:flow-definition/fraud-review"
HOUR, DAY = 3_600, 86_400


def job(name, manifest, **human):
    arn = "arn:aws:lambda:eu-west-1:568282634449:function"
    return dict(
        LabelingJobName=name, LabelAttributeName="kind", RoleArn=ROLE,
        InputConfig={"DataSource": {"S3DataSource": {"ManifestS3Uri": manifest}}},
        OutputConfig={"S3OutputPath": "s3://acme-ml-data/people/out"},
        Tags=[{"Key": "by", "Value": "boto3"}],
        HumanTaskConfig={
            "WorkteamArn": TEAM, "UiConfig": {"UiTemplateS3Uri": "s3://acme-ml-data/people/page.html"},
            "PreHumanTaskLambdaArn": f"{arn}:PRE-ImageMultiClass", "TaskTitle": "t", "TaskDescription": "d",
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": f"{arn}:ACS-ImageMultiClass"},
            "NumberOfHumanWorkersPerDataObject": 2, "TaskTimeLimitInSeconds": 600, **human,
        },
    )


def labeled(name):
    told = sagemaker.describe_labeling_job(LabelingJobName=name)
    return told["LabelingJobStatus"], told["LabelCounters"]


def labeling():
    rows = [row for page in pages(sagemaker.list_labeling_jobs, "LabelingJobSummaryList", MaxResults=5) for row in page]
    holds("jobs of the past", len(rows) >= 8, True)
    for row in rows:
        sagemaker.describe_labeling_job(LabelingJobName=row["LabelingJobName"])
    lines = "".join(json.dumps({"source-ref": f"s3://acme-ml-data/people/{n}.png"}) + "\n" for n in range(400))
    s3.put_object(Bucket="acme-ml-data", Key="people/in.manifest", Body=lines.encode())
    asked = job("by-boto3", "s3://acme-ml-data/people/in.manifest")
    arn = sagemaker.create_labeling_job(**asked)["LabelingJobArn"]
    fails("a second job of a name", "ResourceInUse", sagemaker.create_labeling_job, **asked)
    fails("an attribute that is one of the service's", "ValidationException", sagemaker.create_labeling_job,
          **{**job("x", "s3://acme-ml-data/people/in.manifest"), "LabelAttributeName": "kind-metadata"})
    sagemaker.create_labeling_job(**job("by-boto3-none", "s3://acme-ml-data/people/none.manifest"))
    sagemaker.create_labeling_job(**job("by-boto3-stop", "s3://acme-ml-data/people/in.manifest"))
    holds("a new job", labeled("by-boto3")[0], "Initializing")
    step(300)
    holds("a job without a manifest", labeled("by-boto3-none")[0], "Failed")
    told = sagemaker.describe_labeling_job(LabelingJobName="by-boto3-none")
    holds("why it failed", "NoSuchKey" in told["FailureReason"], True)
    sagemaker.stop_labeling_job(LabelingJobName="by-boto3-stop")
    holds("a stopped job", labeled("by-boto3-stop")[0], "Stopping")
    step(300)
    holds("a stopped job later", labeled("by-boto3-stop")[0], "Stopped")
    fails("a job that is over", "ValidationException", sagemaker.stop_labeling_job, LabelingJobName="by-boto3-stop")
    fails("no such job", "ResourceNotFound", sagemaker.stop_labeling_job, LabelingJobName="no-such")
    fails("no such job", "ResourceNotFound", sagemaker.describe_labeling_job, LabelingJobName="no-such")
    step(3 * DAY)
    state, counters = labeled("by-boto3")
    holds("three days later", (state, counters["HumanLabeled"], counters["Unlabeled"]), ("Completed", 400, 0))
    told = sagemaker.describe_labeling_job(LabelingJobName="by-boto3")
    holds("tags", told["Tags"], asked["Tags"])
    key = told["LabelingJobOutput"]["OutputDatasetS3Uri"].removeprefix("s3://acme-ml-data/")
    output = s3.get_object(Bucket="acme-ml-data", Key=key)["Body"].read().decode().splitlines()
    first = json.loads(output[0])
    holds("output", (len(output), first["source-ref"], first["kind-metadata"]["job-name"]),
          (400, "s3://acme-ml-data/people/0.png", "labeling-job/by-boto3"))
    keys = s3.list_objects_v2(Bucket="acme-ml-data", Prefix="people/out/by-boto3/annotations/worker-response/")
    holds("answers", keys["KeyCount"], 400)
    listed_jobs(arn)
    watched()


def listed_jobs(arn):
    named = lambda **more: [row["LabelingJobName"] for row in
                            sagemaker.list_labeling_jobs(NameContains="by-boto3", MaxResults=100, **more)["LabelingJobSummaryList"]]
    holds("by name", named(SortBy="Name", SortOrder="Ascending"), ["by-boto3", "by-boto3-none", "by-boto3-stop"])
    holds("by state", named(StatusEquals="Failed"), ["by-boto3-none"])
    holds("by time", named(CreationTimeAfter=now()), [])
    holds("by change", sorted(named(LastModifiedTimeBefore=now())), ["by-boto3", "by-boto3-none", "by-boto3-stop"])
    fails("a token of nobody", "ValidationException", sagemaker.list_labeling_jobs, NextToken="x")
    of_team = lambda **more: [row for page in pages(sagemaker.list_labeling_jobs_for_workteam, "LabelingJobSummaryList",
                                                    WorkteamArn=TEAM, MaxResults=4, **more) for row in page]
    own = {row["LabelingJobName"]: row for row in of_team()}["by-boto3"]
    holds("counters of the team", own["LabelCounters"], {"HumanLabeled": 400, "PendingHuman": 0, "Total": 400})
    code = own["JobReferenceCode"]
    holds("by code", [row["LabelingJobName"] for row in of_team(JobReferenceCodeContains=code[-8:])], ["by-boto3"])
    fails("a team that is not there", "ResourceNotFound", sagemaker.list_labeling_jobs_for_workteam, WorkteamArn=f"{TEAM}-x")
    holds("arn", arn, f"{ACCOUNT}:labeling-job/by-boto3")


def watched():
    metric = dict(Namespace="AWS/SageMaker", MetricName="DatasetObjectsHumanAnnotated", Period=DAY, Statistics=["Maximum"],
                  Dimensions=[{"Name": "LabelingJobName", "Value": "by-boto3"}])
    points = cloudwatch.get_metric_statistics(**metric, StartTime=now() - datetime.timedelta(days=4), EndTime=now())
    holds("metric", max(point["Maximum"] for point in points["Datapoints"]), 400.0)
    stream = dict(logGroupName="/aws/sagemaker/LabelingJobs", logStreamName="by-boto3-none")
    said = [json.loads(event["message"]) for event in logs.get_log_events(**stream, startFromHead=True)["events"]]
    holds("log", [line["event-name"] for line in said], ["LABELING_JOB_FAILED", "LABELING_JOB_FAILED"])
    team = dict(Namespace="AWS/SageMaker/Workteam", Dimensions=[{"Name": "Workteam", "Value": "vision-labelers"}])
    names = {row["MetricName"] for row in cloudwatch.list_metrics(**team)["Metrics"]}
    holds("metrics of the team", names, {"ActiveWorkers", "TasksAccepted", "TasksSubmitted", "TimeSpent"})


def asked():
    flow = dict(FlowDefinitionArn=FLOW)
    question = {"InputContent": json.dumps({"labels": ["good", "bad"]})}
    name = dict(HumanLoopName="by-boto3")
    made = loops.start_human_loop(**name, **flow, HumanLoopInput=question)
    holds("loop", made["HumanLoopArn"], f"{ACCOUNT}:human-loop/by-boto3")
    loops.start_human_loop(HumanLoopName="to-stop", **flow, HumanLoopInput=question,
                           DataAttributes={"ContentClassifiers": ["FreeOfAdultContent"]})
    fails("a second loop of a name", "ConflictException", loops.start_human_loop, **name, **flow, HumanLoopInput=question)
    fails("no JSON", "ValidationException", loops.start_human_loop, HumanLoopName="x", **flow, HumanLoopInput={"InputContent": "x"})
    holds("a new loop", loops.describe_human_loop(**name)["HumanLoopStatus"], "InProgress")
    fails("a loop that goes on", "ValidationException", loops.delete_human_loop, **name)
    loops.stop_human_loop(HumanLoopName="to-stop")
    step(120)
    holds("a stopped loop", loops.describe_human_loop(HumanLoopName="to-stop")["HumanLoopStatus"], "Stopped")
    fails("a loop that is over", "ValidationException", loops.stop_human_loop, HumanLoopName="to-stop")
    step(DAY)
    told = loops.describe_human_loop(**name)
    holds("a day later", told["HumanLoopStatus"], "Completed")
    bucket, key = told["HumanLoopOutput"]["OutputS3Uri"].removeprefix("s3://").split("/", 1)
    output = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    answer = output["humanAnswers"][0]["answerContent"]["crowd-classifier"]["label"]
    holds("answer", (output["humanLoopName"], answer in ("good", "bad")), ("by-boto3", True))
    rows = [row["HumanLoopName"] for page in pages(loops.list_human_loops, "HumanLoopSummaries", **flow, MaxResults=2) for row in page]
    holds("loops, the newest first", rows[:2] in (["to-stop", "by-boto3"], ["by-boto3", "to-stop"]), True)
    holds("loops since", loops.list_human_loops(**flow, CreationTimeAfter=now())["HumanLoopSummaries"], [])
    fails("loops of no flow", "ResourceNotFoundException", loops.list_human_loops, FlowDefinitionArn=f"{FLOW}-x")
    for one in ("by-boto3", "to-stop"):
        loops.delete_human_loop(HumanLoopName=one)
    for call in (loops.describe_human_loop, loops.stop_human_loop, loops.delete_human_loop):
        fails("a deleted loop", "ResourceNotFoundException", call, **name)


def features():
    group = dict(FeatureGroupName="of-people")
    definitions = [("id", "String"), ("at", "String"), ("n", "Integral"), ("x", "Fractional")]
    sagemaker.create_feature_group(
        **group, RecordIdentifierFeatureName="id", EventTimeFeatureName="at", RoleArn=ROLE,
        FeatureDefinitions=[{"FeatureName": name, "FeatureType": kind} for name, kind in definitions],
        OnlineStoreConfig={"EnableOnlineStore": True}, OfflineStoreConfig={"S3StorageConfig": {"S3Uri": "s3://acme-ml-data/people/features"}},
    )
    step(60)
    record = lambda at, **values: [{"FeatureName": name, "ValueAsString": text} for name, text in dict(id="a", at=at, **values).items()]
    put = lambda at, **values: records.put_record(**group, Record=record(at, **values))
    one = dict(**group, RecordIdentifierValueAsString="a")
    value = lambda: {v["FeatureName"]: v["ValueAsString"] for v in records.get_record(**one).get("Record", [])}.get("n")
    holds("a record that is not there", records.get_record(**one).get("Record"), None)
    put("2026-11-20T10:00:00Z", n="1", x="0.5")
    put("2026-11-20T09:00:00Z", n="2")
    holds("an older write", value(), "1")
    put("2026-11-20T11:00:00.500Z", n="3")
    holds("a newer write", value(), "3")
    some = records.get_record(**one, FeatureNames=["n"], ExpirationTimeResponse="Enabled")
    holds("some features", some["Record"], [{"FeatureName": "n", "ValueAsString": "3"}])
    wants = [{**group, "RecordIdentifiersValueAsString": ["a", "b"]}, {"FeatureGroupName": "none", "RecordIdentifiersValueAsString": ["a"]}]
    batch = records.batch_get_record(Identifiers=wants)
    holds("batch", ([row["RecordIdentifierValueAsString"] for row in batch["Records"]], len(batch["Errors"])), (["a"], 1))
    fails("a wrong type", "ValidationError", records.put_record, **group, Record=record("2026-11-20T12:00:00Z", n="x"))
    fails("no such group", "ResourceNotFound", records.get_record, FeatureGroupName="none", RecordIdentifierValueAsString="a")
    fails("no such feature", "ValidationError", records.get_record, **one, FeatureNames=["none"])
    fails("no time", "ValidationError", records.delete_record, **one, EventTime="yesterday")
    fails("no identifiers", "ValidationError", records.batch_get_record,
          Identifiers=[{"FeatureGroupName": "none", "RecordIdentifiersValueAsString": ["a"] * 101}])
    ttl = {"Unit": "Weeks", "Value": 52}
    records.put_record(**group, Record=record("2026-11-20T12:00:00Z", n="4"), TtlDuration=ttl, TargetStores=["OnlineStore"])
    expires = records.get_record(**one, ExpirationTimeResponse="Enabled")["ExpiresAt"]
    holds("expiry", expires, "2027-11-19T12:00:00Z")
    records.delete_record(**one, EventTime="2026-11-20T13:00:00Z", DeletionMode="SoftDelete")
    holds("a deleted record", value(), None)
    put("2026-11-20T12:30:00Z", n="5")
    holds("older than its deletion", value(), None)
    step(1_800)
    home = sagemaker.describe_feature_group(**group)["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
    files = s3.list_objects_v2(Bucket="acme-ml-data", Prefix=home.removeprefix("s3://acme-ml-data/"))["Contents"]
    rows = [json.loads(line) for file in files for line in
            s3.get_object(Bucket="acme-ml-data", Key=file["Key"])["Body"].read().decode().splitlines()]
    holds("offline", [(row.get("n"), row["is_deleted"]) for row in rows], [(1, False), (2, False), (3, False), (None, True), (5, False)])
    events = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "PutRecord"}])
    holds("data events", events["Events"], [])
    sagemaker.delete_feature_group(**group)
    step(60)
    fails("a deleted group", "ValidationError", records.put_record, **group, Record=record("2026-11-20T12:00:00Z"))


def cards():
    name = dict(ModelCardName="by-boto3")
    made = dict(**name, Content="{}", ModelCardStatus="Draft")
    sagemaker.create_model_card(**made)
    fails("a second card", "ConflictException", sagemaker.create_model_card, **made)
    fails("no JSON", "ValidationException", sagemaker.create_model_card, ModelCardName="x", Content="{", ModelCardStatus="Draft")
    sagemaker.update_model_card(**name, ModelCardStatus="PendingReview")
    sagemaker.update_model_card(**name, Content='{"intended_uses": {}}')
    fails("both", "ValidationException", sagemaker.update_model_card, **name, Content="{}", ModelCardStatus="Draft")
    told = sagemaker.describe_model_card(**name)
    holds("card", (told["ModelCardVersion"], told["Content"], told["ModelCardStatus"]), (2, '{"intended_uses": {}}', "PendingReview"))
    holds("the first version", sagemaker.describe_model_card(**name, ModelCardVersion=1)["Content"], "{}")
    versions = [row["ModelCardVersion"] for page in pages(sagemaker.list_model_card_versions, "ModelCardVersionSummaryList",
                                                          **name, MaxResults=1) for row in page]
    holds("versions", versions, [2, 1])
    cards = lambda **more: [row["ModelCardName"] for row in sagemaker.list_model_cards(MaxResults=100, **more)["ModelCardSummaries"]]
    holds("cards", set(cards()), {"by-boto3", "fraud-card", "ranking-card", "churn-card"})
    holds("by name", (cards(NameContains="boto3"), cards(NameContains="zzz")), (["by-boto3"], []))
    holds("by state", ("by-boto3" in cards(ModelCardStatus="PendingReview"), "by-boto3" in cards(ModelCardStatus="Draft")), (True, False))
    export = dict(**name, ModelCardExportJobName="e", OutputConfig={"S3OutputPath": "s3://acme-ml-data/people/cards"})
    arn = sagemaker.create_model_card_export_job(**export)["ModelCardExportJobArn"]
    fails("a second export", "ConflictException", sagemaker.create_model_card_export_job, **export)
    sagemaker.create_model_card_export_job(**{**export, "ModelCardExportJobName": "f", "ModelCardVersion": 1})
    step(120)
    told = sagemaker.describe_model_card_export_job(ModelCardExportJobArn=arn)
    bucket, key = told["ExportArtifacts"]["S3ExportArtifacts"].removeprefix("s3://").split("/", 1)
    holds("export", (told["Status"], s3.get_object(Bucket=bucket, Key=key)["Body"].read()[:4]), ("Completed", b"%PDF"))
    jobs = lambda **more: [row["ModelCardExportJobName"] for page in pages(
        sagemaker.list_model_card_export_jobs, "ModelCardExportJobSummaries", **name, MaxResults=1, **more) for row in page]
    holds("exports", (jobs(SortBy="Name", SortOrder="Ascending"), jobs(ModelCardVersion=1), jobs(StatusEquals="Failed")), (["e", "f"], ["f"], []))
    fails("a token of nobody", "ValidationException", sagemaker.list_model_cards, NextToken="x")
    fails("a token of nobody", "ValidationException", sagemaker.list_model_card_export_jobs, **name, NextToken="x")
    sagemaker.delete_model_card(**name)
    for call in (sagemaker.describe_model_card, sagemaker.delete_model_card, sagemaker.list_model_card_versions):
        fails("a deleted card", "ResourceNotFound", call, **name)
    fails("a deleted card", "ResourceNotFound", sagemaker.update_model_card, **name, ModelCardStatus="Draft")
    fails("a deleted card", "ResourceNotFound", sagemaker.create_model_card_export_job, **export)
    fails("no such export", "ResourceNotFound", sagemaker.describe_model_card_export_job, ModelCardExportJobArn=f"{arn}-x")


def images():
    name = dict(ImageName="of-people")
    sagemaker.create_image(**name, RoleArn=ROLE)
    base = "447100000921.dkr.ecr.eu-west-1.amazonaws.com/studio:1"
    step(60)
    arn = sagemaker.create_image_version(**name, BaseImage=base, ClientToken="t1", Aliases=["stable"])["ImageVersionArn"]
    holds("the same call again", sagemaker.create_image_version(**name, BaseImage=base, ClientToken="t1")["ImageVersionArn"], arn)
    fails("a taken alias", "ResourceInUse", sagemaker.create_image_version, **name, BaseImage=base, ClientToken="t2", Aliases=["stable"])
    fails("while it is made", "ResourceInUse", sagemaker.update_image_version, **name, Version=1, ReleaseNotes="n")
    step(60)
    sagemaker.create_image_version(**name, BaseImage=base, ClientToken="t3", Processor="GPU")
    step(60)
    told = sagemaker.describe_image_version(**name)
    holds("version", (told["Version"], told["ImageVersionStatus"], told["Processor"]), (2, "CREATED", "GPU"))
    sagemaker.update_image_version(**name, Alias="stable", AliasesToDelete=["stable"], AliasesToAdd=["old", "first"], ReleaseNotes="n")
    holds("by alias", sagemaker.describe_image_version(**name, Alias="old")["ReleaseNotes"], "n")
    aliases = [alias for page in pages(sagemaker.list_aliases, "SageMakerImageVersionAliases", **name, MaxResults=1) for alias in page]
    holds("aliases", aliases, ["first", "old"])
    listed = lambda **more: [row["Version"] for page in pages(sagemaker.list_image_versions, "ImageVersions", **name, MaxResults=1, **more) for row in page]
    holds("versions", (listed(SortBy="VERSION", SortOrder="ASCENDING"), listed(CreationTimeAfter=now())), ([1, 2], []))
    sagemaker.delete_image_version(**name, Version=2)
    step(60)
    holds("the rest", listed(), [1])
    for call in (sagemaker.describe_image_version, sagemaker.delete_image_version, sagemaker.update_image_version):
        fails("a deleted version", "ResourceNotFound", call, **name, Version=2)
    sagemaker.delete_image(**name)
    step(60)
    for call in (sagemaker.list_image_versions, sagemaker.list_aliases):
        fails("versions of no image", "ResourceNotFound", call, **name)
    fails("a version of no image", "ResourceNotFound", sagemaker.create_image_version, **name, BaseImage=base, ClientToken="t4")


def there():
    """What a generated account has of Studio, notebooks and people."""
    domain = sagemaker.list_domains()["Domains"][0]["DomainId"]
    for call, member, count in (
        (sagemaker.list_user_profiles, "UserProfiles", 3), (sagemaker.list_apps, "Apps", 3),
        (sagemaker.list_mlflow_tracking_servers, "TrackingServerSummaries", 1),
        (sagemaker.list_notebook_instances, "NotebookInstances", 2), (sagemaker.list_workteams, "Workteams", 2),
        (sagemaker.list_workforces, "Workforces", 1), (sagemaker.list_flow_definitions, "FlowDefinitionSummaries", 1),
        (sagemaker.list_human_task_uis, "HumanTaskUiSummaries", 1), (sagemaker.list_feature_groups, "FeatureGroupSummaries", 4),
    ):
        holds(member, len(call()[member]), count)
    sagemaker.describe_domain(DomainId=domain)
    found = records.get_record(FeatureGroupName="fraud-cards", RecordIdentifierValueAsString="card_id-1000")
    holds("a record", found["Record"][0]["ValueAsString"], "card_id-1000")


for part in (there, labeling, asked, features, cards, images):
    part()
say(wire)
