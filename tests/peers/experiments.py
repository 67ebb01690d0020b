"""Tracks as a caller: experiments, trials and components from nothing to their end, metrics that are put and read back, jobs
and pipelines that go where they are told, what Search tells of all that, the lineage of it, and what is refused.
"""

import datetime
import json
import sys

from wire import Wire, pages, refused, say

wire = Wire(sys.argv[1])
sagemaker, metrics = wire.client("sagemaker"), wire.client("sagemaker-metrics")
holds, step = wire.holds, wire.step
ROLE = "arn:aws:iam::447100000921:role/SageMakerExecution"
IMAGE = "447100000921.dkr.ecr.eu-west-1.amazonaws.com/own:1"
WHEN = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.timezone.utc)


def code(what, wanted, call, **arguments):
    holds(what, refused(call, **arguments).get("code"), wanted)


def names(call, member, name, **arguments):
    return [row[name] for page in pages(call, member, **arguments) for row in page]


def trials(**arguments):
    return names(sagemaker.list_trials, "TrialSummaries", "TrialName", **arguments)


def components(**arguments):
    return names(sagemaker.list_trial_components, "TrialComponentSummaries", "TrialComponentName", **arguments)


def search(resource, name, value, operator="Equals", **arguments):
    filters = [{"Name": name, "Operator": operator, "Value": value}]
    found = sagemaker.search(Resource=resource, SearchExpression={"Filters": filters}, MaxResults=100, **arguments)
    return [row[resource.removeprefix("Experiment") or resource] for row in found["Results"]]


def made():
    """Two experiments with trials, and components in them."""
    for name in ("pricing", "routes"):
        arn = sagemaker.create_experiment(ExperimentName=name, Description="by boto3", Tags=[{"Key": "team", "Value": "ml"}])
        told = sagemaker.describe_experiment(ExperimentName=name)
        holds(name, (told["ExperimentArn"], told["DisplayName"], told["Description"]), (arn["ExperimentArn"], name, "by boto3"))
        holds("tags", sagemaker.list_tags(ResourceArn=arn["ExperimentArn"])["Tags"], [{"Key": "team", "Value": "ml"}])
    again = refused(sagemaker.create_experiment, ExperimentName="pricing")
    # What the SageMaker SDK looks for before it goes on with the one that is there.
    holds("a second one", (again["code"], "already exists" in again["message"]), ("ValidationException", True))
    code("a trial of none", "ResourceNotFound", sagemaker.create_trial, TrialName="lost", ExperimentName="no-such")
    for name in ("pricing-a", "pricing-b", "pricing-c"):
        metadata = {"CommitId": "0a1b2c", "Repository": "https://git.acme.example/ml/pricing"}
        sagemaker.create_trial(TrialName=name, ExperimentName="pricing", MetadataProperties=metadata)
        step(60)
    told = sagemaker.describe_trial(TrialName="pricing-a")
    holds("trial", (told["ExperimentName"], told["MetadataProperties"]["CommitId"]), ("pricing", "0a1b2c"))
    code("a second trial", "ValidationException", sagemaker.create_trial, TrialName="Pricing-A", ExperimentName="pricing")
    for n in range(3):
        sagemaker.create_trial_component(
            TrialComponentName=f"pricing-fit-{n}", DisplayName=f"fit-{n}", Status={"PrimaryStatus": "InProgress"}, StartTime=WHEN,
            Parameters={"depth": {"NumberValue": n}, "loss": {"StringValue": "mae"}},
            InputArtifacts={"rows": {"MediaType": "text/csv", "Value": f"s3://acme-ml-data/pricing/{n}.csv"}},
            OutputArtifacts={"model": {"Value": f"s3://acme-ml-models/pricing/{n}.tar.gz"}},
        )
        sagemaker.associate_trial_component(TrialComponentName=f"pricing-fit-{n}", TrialName="pricing-a")
        step(60)
    sagemaker.associate_trial_component(TrialComponentName="pricing-fit-0", TrialName="pricing-b")
    code("a second component", "ValidationException", sagemaker.create_trial_component, TrialComponentName="pricing-fit-0")
    code("a component of the account", "ValidationException", sagemaker.create_trial_component,
         TrialComponentName=components(TrialName="fraud-anna-sweep")[0])


def listed():
    holds("ascending", trials(ExperimentName="pricing", SortOrder="Ascending", MaxResults=1), ["pricing-a", "pricing-b", "pricing-c"])
    holds("by name", trials(ExperimentName="pricing", SortBy="Name", SortOrder="Descending", MaxResults=2),
          ["pricing-c", "pricing-b", "pricing-a"])
    holds("newest first", trials(ExperimentName="pricing"), ["pricing-c", "pricing-b", "pricing-a"])
    holds("of a component", sorted(trials(TrialComponentName="pricing-fit-0")), ["pricing-a", "pricing-b"])
    born = sagemaker.describe_trial(TrialName="pricing-b")["CreationTime"]
    holds("since", trials(ExperimentName="pricing", CreatedAfter=born, SortBy="Name", SortOrder="Ascending"), ["pricing-b", "pricing-c"])
    # boto3 sends whole seconds.
    until = born + datetime.timedelta(seconds=1)
    holds("until", trials(ExperimentName="pricing", CreatedBefore=until, SortBy="Name", SortOrder="Ascending"), ["pricing-a", "pricing-b"])
    holds("components", components(ExperimentName="pricing", SortBy="Name", SortOrder="Ascending", MaxResults=2),
          [f"pricing-fit-{n}" for n in range(3)])
    holds("components of a trial", components(TrialName="pricing-b"), ["pricing-fit-0"])
    mine = names(sagemaker.list_experiments, "ExperimentSummaries", "ExperimentName", MaxResults=2)
    holds("experiments", mine[:2], ["routes", "pricing"])
    holds("and the account's", "fraud-detection" in mine, True)
    code("trials of none", "ResourceNotFound", sagemaker.list_trials, ExperimentName="no-such")
    code("trials of no component", "ResourceNotFound", sagemaker.list_trials, TrialComponentName="no-such")
    code("components of none", "ResourceNotFound", sagemaker.list_trial_components, TrialName="no-such")
    code("two filters", "ValidationException", sagemaker.list_trial_components, TrialName="pricing-a", ExperimentName="pricing")


def changed():
    sagemaker.update_experiment(ExperimentName="pricing", DisplayName="Pricing", Description="changed")
    holds("experiment", sagemaker.describe_experiment(ExperimentName="pricing")["Description"], "changed")
    sagemaker.update_trial(TrialName="pricing-a", DisplayName="first")
    holds("trial", sagemaker.describe_trial(TrialName="pricing-a")["DisplayName"], "first")
    sagemaker.update_trial_component(
        TrialComponentName="pricing-fit-1", Status={"PrimaryStatus": "Completed", "Message": "done"}, EndTime=WHEN,
        Parameters={"rounds": {"NumberValue": 40}}, ParametersToRemove=["loss"], InputArtifactsToRemove=["rows"],
        OutputArtifacts={"report": {"Value": "s3://acme-ml-models/pricing/report.html"}},
    )
    told = sagemaker.describe_trial_component(TrialComponentName="pricing-fit-1")
    holds("parameters", told["Parameters"], {"depth": {"NumberValue": 1.0}, "rounds": {"NumberValue": 40.0}})
    holds("artifacts", (told.get("InputArtifacts"), sorted(told["OutputArtifacts"])), ({}, ["model", "report"]))
    holds("status", (told["Status"], told["EndTime"]), ({"PrimaryStatus": "Completed", "Message": "done"}, WHEN))
    for call, member in ((sagemaker.update_experiment, "ExperimentName"), (sagemaker.update_trial, "TrialName"),
                         (sagemaker.update_trial_component, "TrialComponentName")):
        code(f"{member} of nothing", "ResourceNotFound", call, **{member: "no-such"})
    # What a run of the account says of itself stays beside what is written over it.
    name = components(TrialName="fraud-anna-sweep")[0]
    before = sagemaker.describe_trial_component(TrialComponentName=name)
    sagemaker.update_trial_component(TrialComponentName=name, Parameters={"note": {"StringValue": "looked at"}}, DisplayName="by-hand")
    after = sagemaker.describe_trial_component(TrialComponentName=name)
    holds("a run's", (after["Metrics"], after["Parameters"]["note"]), (before["Metrics"], {"StringValue": "looked at"}))
    holds("a run's name", [row["TrialComponentName"] for row in search("ExperimentTrialComponent", "DisplayName", "by-hand")], [name])


def measured():
    arn = sagemaker.describe_trial_component(TrialComponentName="pricing-fit-2")["TrialComponentArn"]
    points = [{"MetricName": "mae", "Timestamp": WHEN + datetime.timedelta(minutes=n), "Step": n, "Value": 10.0 - n} for n in range(10)]
    answer = metrics.batch_put_metrics(TrialComponentName="pricing-fit-2", MetricData=points)
    holds("no errors", answer.get("Errors"), None)
    query = {"MetricName": "mae", "ResourceArn": arn, "MetricStat": "Last", "Period": "IterationNumber", "XAxisType": "IterationNumber"}
    result = metrics.batch_get_metrics(MetricQueries=[query, {**query, "MetricStat": "Avg", "Period": "OneHour", "XAxisType": "Timestamp"},
                                                      {**query, "Start": 3, "End": 5}])["MetricQueryResults"]
    holds("steps", (result[0]["XAxisValues"], result[0]["MetricValues"]), (list(range(10)), [10.0 - n for n in range(10)]))
    holds("an hour", (result[1]["XAxisValues"], result[1]["MetricValues"]), ([int(WHEN.timestamp())], [5.5]))
    holds("a part", result[2]["MetricValues"], [7.0, 6.0, 5.0])
    told = sagemaker.describe_trial_component(TrialComponentName="pricing-fit-2")["Metrics"][0]
    holds("summary", [told[stat] for stat in ("MetricName", "SourceArn", "Min", "Max", "Last", "Count", "Avg", "TimeStamp")],
          ["mae", arn, 1.0, 10.0, 1.0, 10, 5.5, WHEN + datetime.timedelta(minutes=9)])
    for name in ("pricing-fit-0", "pricing-fit-1"):
        metrics.batch_put_metrics(TrialComponentName=name, MetricData=[{"MetricName": "mae", "Timestamp": WHEN, "Value": 3.0 + len(wire.wrong)}])
    ranked = search("ExperimentTrialComponent", "Parents.ExperimentName", "pricing", SortBy="Metrics.mae.Last", SortOrder="Ascending")
    holds("the best", ranked[0]["TrialComponentName"], "pricing-fit-2")
    one = points[0]
    errors = metrics.batch_put_metrics(TrialComponentName="pricing-fit-2", MetricData=[
        one, {**one, "Value": 99.0}, {**one, "Step": 50, "Value": float("nan")}, {**one, "Step": 51}])["Errors"]
    holds("errors", [(row["MetricIndex"], row["Code"]) for row in errors], [(1, "CONFLICT_ERROR"), (2, "VALIDATION_ERROR")])
    code("no component", "ValidationException", metrics.batch_put_metrics, TrialComponentName="no-such", MetricData=[one])


def searched():
    found = search("Experiment", "ExperimentName", "pricing")
    holds("experiment", [(row["DisplayName"], row["Tags"]) for row in found], [("Pricing", [{"Key": "team", "Value": "ml"}])])
    found = search("ExperimentTrial", "ExperimentName", "pricing", SortBy="TrialName", SortOrder="Ascending")
    holds("trials", [row["TrialName"] for row in found], ["pricing-a", "pricing-b", "pricing-c"])
    found = search("ExperimentTrialComponent", "TrialComponentName", "pricing-fit-0")[0]
    parents = sorted((row["ExperimentName"], row["TrialName"]) for row in found["Parents"])
    holds("parents", parents, [("pricing", "pricing-a"), ("pricing", "pricing-b")])
    found = search("ExperimentTrialComponent", "Parameters.depth", "0", "GreaterThan")
    holds("by a number", {"pricing-fit-1", "pricing-fit-2"} <= {row["TrialComponentName"] for row in found}, True)


def train(name, config):
    return dict(
        TrainingJobName=name, RoleArn=ROLE, ExperimentConfig=config, OutputDataConfig={"S3OutputPath": "s3://acme-ml-models/own/"},
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": {
            "S3DataType": "S3Prefix", "S3Uri": "s3://acme-ml-data/pricing/clean"}}}],
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 3_600},
    )


def process(name, config):
    local = {"LocalPath": "/opt/ml/processing/x"}
    raw = {"S3Uri": "s3://acme-ml-data/pricing/raw", "S3DataType": "S3Prefix", "S3InputMode": "File", **local}
    clean = {"S3Uri": "s3://acme-ml-data/pricing/clean", "S3UploadMode": "EndOfJob", **local}
    return dict(
        ProcessingJobName=name, RoleArn=ROLE, AppSpecification={"ImageUri": IMAGE}, ExperimentConfig=config,
        ProcessingInputs=[{"InputName": "raw", "S3Input": raw}],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "clean", "S3Output": clean}]},
        ProcessingResources={"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}},
    )


def transform(name, config):
    return dict(
        TransformJobName=name, ModelName="fraud-v17", ExperimentConfig=config,
        TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://acme-ml-data/pricing/score"}}},
        TransformOutput={"S3OutputPath": "s3://acme-ml-data/pricing/scored"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )


def ran():
    wire.client("s3").put_object(Bucket="acme-ml-data", Key="pricing/score/rows.csv", Body=b"1,2,3\n4,5,6\n")
    config = {"ExperimentName": "pricing", "TrialName": "pricing-c", "TrialComponentDisplayName": "shown"}
    lost = {"ExperimentName": "pricing", "TrialName": "no-such"}
    other = {"ExperimentName": "routes", "TrialName": "pricing-c"}
    for make, body in ((sagemaker.create_training_job, train), (sagemaker.create_processing_job, process),
                       (sagemaker.create_transform_job, transform)):
        code("a trial that is not there", "ResourceNotFound", make, **body("pricing-job", lost))
        code("an experiment that is not there", "ResourceNotFound", make, **body("pricing-job", {"ExperimentName": "no-such"}))
        code("a trial of another", "ValidationException", make, **body("pricing-job", other))
        make(**body("pricing-job", config))
        make(**body("pricing-alone", {"ExperimentName": "routes"}))
    ends = ["aws-processing-job", "aws-training-job", "aws-transform-job"]
    holds("of the jobs", sorted(components(TrialName="pricing-c")), [f"pricing-job-{end}" for end in ends])
    holds("in a new trial", sorted(components(ExperimentName="routes")), [f"pricing-alone-{end}" for end in ends])
    step(7_200)
    for end, kind, noun in zip(ends, ("SageMakerProcessingJob", "SageMakerTrainingJob", "SageMakerTransformJob"),
                               ("ProcessingJob", "TrainingJob", "TransformJob")):
        told = sagemaker.describe_trial_component(TrialComponentName=f"pricing-job-{end}")
        holds(end, (told["Source"]["SourceType"], told["DisplayName"], told["Status"]["PrimaryStatus"]), (kind, "shown", "Completed"))
        holds(f"source of {end}", components(SourceArn=told["Source"]["SourceArn"]), [f"pricing-job-{end}"])
        found = search("ExperimentTrialComponent", "TrialComponentName", f"pricing-job-{end}")[0]
        holds(f"detail of {end}", found["SourceDetail"][noun][f"{noun}Name"], "pricing-job")
        config = found["SourceDetail"][noun]["ExperimentConfig"]
        holds(f"config of {end}", (config["TrialName"], found["Parents"][0]["TrialName"]), ("pricing-c", "pricing-c"))
    arguments = train("x", {})
    for member in ("TrainingJobName", "ExperimentConfig"):
        arguments.pop(member)
    definition = {"Version": "2020-12-01", "Parameters": [], "PipelineExperimentConfig": {
        "ExperimentName": "pricing-line", "TrialName": {"Get": "Execution.PipelineExecutionId"}},
        "Steps": [{"Name": "Fit", "Type": "Training", "Arguments": arguments}]}
    sagemaker.create_pipeline(PipelineName="pricing-line", PipelineDefinition=json.dumps(definition), RoleArn=ROLE,
                              ClientRequestToken="pricing".ljust(32, "0"))
    run = sagemaker.start_pipeline_execution(PipelineName="pricing-line")["PipelineExecutionArn"]
    step(120)
    trial = run.rsplit("/", 1)[1]
    holds("its trial", trials(ExperimentName="pricing-line"), [trial])
    holds("its component", len(components(TrialName=trial)), 1)
    config = sagemaker.describe_pipeline_execution(PipelineExecutionArn=run)["PipelineExperimentConfig"]
    holds("its config", config, {"ExperimentName": "pricing-line", "TrialName": trial})
    name = "fraud-train-0912-evaluate-aws-processing-job"
    told = sagemaker.describe_trial_component(TrialComponentName=name)
    holds("a step of the account", components(SourceArn=told["Source"]["SourceArn"]), [name])


def gone():
    for what, call, arguments in (
        ("an experiment with trials", sagemaker.delete_experiment, {"ExperimentName": "pricing"}),
        ("a trial with components", sagemaker.delete_trial, {"TrialName": "pricing-a"}),
        ("a component in a trial", sagemaker.delete_trial_component, {"TrialComponentName": "pricing-fit-1"}),
        ("the account's", sagemaker.delete_experiment, {"ExperimentName": "fraud-detection"}),
    ):
        code(what, "ValidationException", call, **arguments)
    for trial in trials(ExperimentName="pricing"):
        for name in components(TrialName=trial):
            sagemaker.disassociate_trial_component(TrialComponentName=name, TrialName=trial)
            code("twice", "ResourceNotFound", sagemaker.disassociate_trial_component, TrialComponentName=name, TrialName=trial)
            if not trials(TrialComponentName=name):
                sagemaker.delete_trial_component(TrialComponentName=name)
                code("of a component that is gone", "ResourceNotFound", sagemaker.describe_trial_component, TrialComponentName=name)
                code("into a trial", "ResourceNotFound", sagemaker.associate_trial_component, TrialComponentName=name, TrialName=trial)
        sagemaker.delete_trial(TrialName=trial)
        code("a trial that is gone", "ResourceNotFound", sagemaker.delete_trial, TrialName=trial)
    sagemaker.delete_experiment(ExperimentName="pricing")
    for call in (sagemaker.describe_experiment, sagemaker.delete_experiment):
        code("an experiment that is gone", "ResourceNotFound", call, ExperimentName="pricing")
    code("a trial that is gone", "ResourceNotFound", sagemaker.describe_trial, TrialName="pricing-a")
    code("a component that is gone", "ResourceNotFound", sagemaker.delete_trial_component, TrialComponentName="pricing-fit-1")
    holds("nothing is left", [search("ExperimentTrial", "ExperimentName", "pricing"),
                              search("ExperimentTrialComponent", "Parents.ExperimentName", "pricing")], [[], []])


def entity(call, member, arn, **arguments):
    found = [row[arn] for page in pages(call, member, **arguments) for row in page]
    if len(found) != 1:
        wire.wrong.append(f"{len(found)} of {arguments}")
    return found[0]


def walk(arn, **arguments):
    """Vertices and edges of all pages."""
    vertices, edges, more = [], [], {}
    for _ in range(100):
        page = sagemaker.query_lineage(StartArns=[arn], **arguments, **more)
        vertices += page["Vertices"]
        edges += page["Edges"]
        if "NextToken" not in page:
            return vertices, edges
        more = {"NextToken": page["NextToken"]}
    raise SystemExit("100 pages and no end")


def leads():
    """What the account wrote by itself: from an endpoint back to data, and from data on to endpoints."""
    endpoint = sagemaker.describe_endpoint(EndpointName="fraud-prod")["EndpointArn"]
    context = entity(sagemaker.list_contexts, "ContextSummaries", "ContextArn", SourceUri=endpoint)
    told = sagemaker.describe_context(ContextName=context.rsplit("/", 1)[1])
    holds("context", (told["ContextType"], told["Source"]["SourceUri"], told["ContextArn"]), ("Endpoint", endpoint, context))
    back, edges = walk(context, Direction="Ascendants", MaxResults=7)
    kinds = {(row["LineageType"], row["Type"]) for row in back}
    wanted = {("Action", "ModelDeployment"), ("Action", "Approval"), ("Artifact", "Model"), ("Artifact", "Image"),
              ("Artifact", "DataSet"), ("TrialComponent", "TrainingJob"), ("TrialComponent", "ProcessingJob")}
    holds("kinds", wanted - kinds, set())
    arns = {row["Arn"] for row in back}
    holds("each once", len(arns), len(back))
    holds("edges between them", [edge for edge in edges if not {edge["SourceArn"], edge["DestinationArn"]} <= arns], [])
    jobs, none = walk(context, Direction="Ascendants", IncludeEdges=False, Filters={"Types": ["TrainingJob"]})
    holds("jobs only", ({row["Type"] for row in jobs}, none), ({"TrainingJob"}, []))
    name = next(row["Arn"] for row in jobs).rsplit("/", 1)[1]
    holds("a job's component", sagemaker.describe_trial_component(TrialComponentName=name)["TrialComponentName"], name)
    holds("one step", len(walk(context, Direction="Ascendants", MaxDepth=1)[1]),
          len(names(sagemaker.list_associations, "AssociationSummaries", "SourceArn", DestinationArn=context)))
    package = sagemaker.list_model_packages(ModelPackageGroupName="fraud")["ModelPackageSummaryList"][0]["ModelPackageArn"]
    artifact = entity(sagemaker.list_artifacts, "ArtifactSummaries", "ArtifactArn", SourceUri=package)
    told = sagemaker.describe_artifact(ArtifactArn=artifact)
    holds("artifact", (told["ArtifactType"], told["Source"]["SourceUri"]), ("Model", package))
    actions = [row for page in pages(sagemaker.list_actions, "ActionSummaries", SourceUri=package) for row in page]
    holds("approvals", {row["ActionType"] for row in actions} >= {"Approval"}, True)
    action = sagemaker.describe_action(ActionName=actions[0]["ActionName"])
    holds("action", (action["Source"]["SourceUri"], action["Status"]), (package, "Completed"))
    rows = sagemaker.list_associations(DestinationArn=artifact, SourceType="Approval")["AssociationSummaries"]
    holds("into the artifact", {row["AssociationType"] for row in rows}, {"ContributedTo"})
    for by in ("SourceArn", "DestinationArn", "SourceType", "DestinationType", "CreationTime"):
        for order in ("Ascending", "Descending"):
            rows = sagemaker.list_associations(AssociationType="Produced", SortBy=by, SortOrder=order, MaxResults=50)
            found = [row[by] for row in rows["AssociationSummaries"]]
            holds(f"by {by}", found, sorted(found, reverse=order == "Descending"))
    # As the SageMaker SDK looks for the data behind a model.
    models = sagemaker.list_associations(DestinationArn=artifact, SourceType="Model")["AssociationSummaries"]
    trained = [row for model in models for row in sagemaker.list_associations(
        DestinationArn=model["SourceArn"], SourceType="SageMakerTrainingJob")["AssociationSummaries"]]
    sets = sagemaker.list_associations(DestinationArn=trained[0]["SourceArn"], SourceType="DataSet")["AssociationSummaries"]
    holds("data sets", len(sets), 2)
    on, _ = walk(sets[0]["SourceArn"], Direction="Descendants", IncludeEdges=False, Filters={"LineageTypes": ["Context"]})
    holds("on to the group", "ModelGroup" in {row["Type"] for row in on}, True)


def joined():
    """What the jobs of a caller left, and what the caller writes beside it."""
    component = sagemaker.describe_trial_component(TrialComponentName="pricing-job-aws-training-job")["TrialComponentArn"]
    raw = entity(sagemaker.list_artifacts, "ArtifactSummaries", "ArtifactArn", SourceUri="s3://acme-ml-data/pricing/raw")
    kinds = [row["Type"] for row in walk(raw, Direction="Descendants")[0]]
    for kind in ("ProcessingJob", "DataSet", "TrainingJob", "Model"):
        holds(f"{kind} out of the raw data", kind in kinds, True)
    scored = entity(sagemaker.list_artifacts, "ArtifactSummaries", "ArtifactArn", SourceUri="s3://acme-ml-data/pricing/scored")
    holds("out of a transform", "TransformJob" in [row["Type"] for row in walk(scored, Direction="Ascendants")[0]], True)
    made = sagemaker.create_artifact(ArtifactName="pricing-report", ArtifactType="Report", Properties={"team": "ml"}, Source={
        "SourceUri": "s3://acme-ml-data/pricing/report", "SourceTypes": [{"SourceIdType": "MD5Hash", "Value": "0a1b"}]})["ArtifactArn"]
    code("to nothing", "ResourceNotFound", sagemaker.add_association, SourceArn=made, DestinationArn=made[:-3] + "000")
    code("between components", "ValidationException", sagemaker.add_association, SourceArn=component, DestinationArn=component)
    sagemaker.add_association(SourceArn=component, DestinationArn=made, AssociationType="Produced")
    found, edges = walk(raw, Direction="Descendants", Filters={"Properties": {"team": "ml", "other": "x"}})
    holds("the way to the report", (made in {row["Arn"] for row in found}, component in {row["Arn"] for row in found}), (True, True))
    holds("the last edge", [e["AssociationType"] for e in edges if e["DestinationArn"] == made], ["Produced"])
    born = sagemaker.describe_artifact(ArtifactArn=made)["CreationTime"]
    only, _ = walk(raw, Filters={"CreatedAfter": born, "LineageTypes": ["Artifact"]}, IncludeEdges=False, Direction="Descendants")
    holds("the newest", [row["Arn"] for row in only], [made])
    code("a start that is not there", "ResourceNotFound", sagemaker.query_lineage, StartArns=[made[:-3] + "000"])
    sagemaker.update_artifact(ArtifactArn=raw, Properties={"owner": "pricing"})
    holds("a changed one", sagemaker.describe_artifact(ArtifactArn=raw)["Properties"], {"owner": "pricing"})
    ends = {"SourceArn": component, "DestinationArn": made}
    sagemaker.delete_association(**ends)
    code("twice", "ResourceNotFound", sagemaker.delete_association, **ends)
    other = {"SourceUri": "s3://acme-ml-data/pricing/report", "SourceTypes": [{"SourceIdType": "MD5Hash", "Value": "ffff"}]}
    code("of other bytes", "ResourceNotFound", sagemaker.delete_artifact, Source=other)
    code("of nothing", "ValidationException", sagemaker.delete_artifact)
    other["SourceTypes"][0]["Value"] = "0a1b"
    holds("by its source", sagemaker.delete_artifact(Source=other)["ArtifactArn"], made)
    code("one that is gone", "ResourceNotFound", sagemaker.describe_artifact, ArtifactArn=made)
    holds("the account's too", sagemaker.delete_artifact(Source={"SourceUri": "s3://acme-ml-data/pricing/raw"})["ArtifactArn"], raw)
    code("and it is gone", "ResourceNotFound", sagemaker.query_lineage, StartArns=[raw])
    group = sagemaker.list_lineage_groups()["LineageGroupSummaries"][0]
    told = sagemaker.describe_lineage_group(LineageGroupName=group["LineageGroupName"])
    holds("group", told["LineageGroupArn"], sagemaker.describe_artifact(ArtifactArn=scored)["LineageGroupArn"])
    sagemaker.get_lineage_group_policy(LineageGroupName=group["LineageGroupName"])
    for call in (sagemaker.describe_lineage_group, sagemaker.get_lineage_group_policy):
        code("no such group", "ResourceNotFound", call, LineageGroupName="no-such")


for part in (made, listed, changed, measured, searched, ran, leads, joined, gone):
    part()
say(wire)
