"""Serves as a caller: inference components and adapters on shared instances, shadow variants and shadow tests, what they are asked for,
and what is refused.
"""

import sys

from wire import Wire, pages, refused, say

wire = Wire(sys.argv[1])
sagemaker, cloudwatch, logs = wire.client("sagemaker"), wire.client("cloudwatch"), wire.client("logs")
holds, step = wire.holds, wire.step
ROLE = "arn:aws:iam::447100000921:role/SageMakerExecution"
ROOM = {"NumberOfAcceleratorDevicesRequired": 1, "MinMemoryRequiredInMb": 2_048}


def named(name):
    return sagemaker.describe_inference_component(InferenceComponentName=name)


def shared():
    variant = {"VariantName": "main", "InstanceType": "ml.g5.12xlarge", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="own-shared", ExecutionRoleArn=ROLE, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="own-shared", EndpointConfigName="own-shared")
    on = dict(EndpointName="own-shared", VariantName="main", RuntimeConfig={"CopyCount": 2},
              Specification={"ModelName": "fraud-v17", "ComputeResourceRequirements": ROOM})
    early = refused(sagemaker.create_inference_component, InferenceComponentName="own-base", **on)
    holds("one on an endpoint that is Creating", early["code"], "ValidationException")
    step(400)
    sagemaker.create_inference_component(InferenceComponentName="own-base", Tags=[{"Key": "team", "Value": "ml"}], **on)
    holds("the beginning", named("own-base")["InferenceComponentStatus"], "Creating")
    step(300)
    base = named("own-base")
    holds("the base", (base["InferenceComponentStatus"], base["RuntimeConfig"]),
          ("InService", {"DesiredCopyCount": 2, "CurrentCopyCount": 2}))
    tags = sagemaker.list_tags(ResourceArn=base["InferenceComponentArn"])["Tags"]
    holds("tags", tags, [{"Key": "team", "Value": "ml"}])
    holds("a second one", refused(sagemaker.create_inference_component, InferenceComponentName="own-base", **on)["code"],
          "ValidationException")
    container = {"Image": "447100000921.dkr.ecr.eu-west-1.amazonaws.com/own:1", "ArtifactUrl": "s3://own/model.tar.gz"}
    sagemaker.create_inference_component(InferenceComponentName="own-other", EndpointName="own-shared", VariantName="main",
                                         RuntimeConfig={"CopyCount": 1},
                                         Specification={"Container": container, "ComputeResourceRequirements": ROOM})
    for name in ("own-de", "own-fr"):
        adapter = {"BaseInferenceComponentName": "own-base", "Container": {"ArtifactUrl": f"s3://own/{name}/1.tar.gz"}}
        sagemaker.create_inference_component(InferenceComponentName=name, EndpointName="own-shared", Specification=adapter)
    step(600)
    rows = [row for page in pages(sagemaker.list_inference_components, "InferenceComponents", MaxResults=1,
                                  EndpointNameEquals="own-shared", SortBy="Name", SortOrder="Ascending") for row in page]
    holds("components", [(row["InferenceComponentName"], row["InferenceComponentStatus"]) for row in rows],
          [(name, "InService") for name in ("own-base", "own-de", "own-fr", "own-other")])
    image = named("own-other")["Specification"]["Container"]["DeployedImage"]
    holds("its image", image["SpecifiedImage"], container["Image"])


def asked():
    step(1_800)
    where = [{"Name": "InferenceComponentName", "Value": "own-de"}]
    found = cloudwatch.list_metrics(Namespace="AWS/SageMaker", Dimensions=where)["Metrics"]
    holds("metrics", "InvocationsPerCopy" in [row["MetricName"] for row in found], True)
    now = wire.now()
    data = cloudwatch.get_metric_data(StartTime=now.timestamp() - 1_200, EndTime=now.timestamp(), MetricDataQueries=[
        {"Id": "m", "MetricStat": {"Period": 60, "Stat": "Sum", "Metric": {
            "Namespace": "AWS/SageMaker", "MetricName": "Invocations", "Dimensions": where}}}])
    holds("it is asked", sum(data["MetricDataResults"][0]["Values"]) > 0, True)
    group = "/aws/sagemaker/InferenceComponents/own-de"
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    holds("log streams", len(streams), 2)


def changed():
    new = {"BaseInferenceComponentName": "own-base", "Container": {"ArtifactUrl": "s3://own/own-de/2.tar.gz"}}
    sagemaker.update_inference_component(InferenceComponentName="own-de", Specification=new)
    code = refused(sagemaker.update_inference_component, InferenceComponentName="own-de", Specification=new)["code"]
    holds("a change of what is in progress", code, "ValidationException")
    rolling = {"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50}, "WaitIntervalInSeconds": 60}}
    sagemaker.update_inference_component(
        InferenceComponentName="own-base", DeploymentConfig=rolling,
        Specification={"ModelName": "fraud-v16", "ComputeResourceRequirements": ROOM})
    sagemaker.update_inference_component_runtime_config(
        InferenceComponentName="own-other", DesiredRuntimeConfig={"CopyCount": 2})
    holds("on its way", named("own-base")["InferenceComponentStatus"], "Updating")
    step(3_600)
    holds("the adapter", named("own-de")["Specification"]["Container"]["ArtifactUrl"], "s3://own/own-de/2.tar.gz")
    base = named("own-base")
    holds("the base", (base["Specification"]["ModelName"], base["LastDeploymentConfig"]), ("fraud-v16", rolling))
    holds("copies", named("own-other")["RuntimeConfig"]["CurrentCopyCount"], 2)
    code = refused(sagemaker.update_inference_component_runtime_config, InferenceComponentName="no-such",
                   DesiredRuntimeConfig={"CopyCount": 1})["code"]
    holds("copies of nothing", code, "ValidationException")


def gone():
    holds("an endpoint with components", refused(sagemaker.delete_endpoint, EndpointName="own-shared")["code"],
          "ValidationException")
    holds("a base with adapters", refused(sagemaker.delete_inference_component, InferenceComponentName="own-base")["code"],
          "ValidationException")
    for name in ("own-de", "own-fr"):
        sagemaker.delete_inference_component(InferenceComponentName=name)
    step(60)
    for name in ("own-base", "own-other"):
        sagemaker.delete_inference_component(InferenceComponentName=name)
    step(60)
    holds("one that is gone", refused(named, name="own-base")["code"], "ValidationException")
    holds("a list of what is not there", refused(sagemaker.list_inference_components, SortBy="Age")["code"], "ValidationException")
    sagemaker.delete_endpoint(EndpointName="own-shared")


def variant(name, model):
    instances = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}
    return {"ModelName": model, "VariantName": name,
            "InfrastructureConfig": {"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": instances}}


def sampling(percent):
    return {"SourceModelVariantName": "live", "ShadowModelVariants": [
        {"ShadowModelVariantName": "next", "SamplingPercentage": percent}]}


def experiment(name):
    return sagemaker.describe_inference_experiment(Name=name)


def copies(name):
    """Calls of the last half hour, to the production variant and to the shadow."""
    now = wire.now()
    found = []
    for each in ("live", "next"):
        where = [{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": each}]
        data = cloudwatch.get_metric_data(StartTime=now.timestamp() - 1_800, EndTime=now.timestamp(), MetricDataQueries=[
            {"Id": "m", "MetricStat": {"Period": 60, "Stat": "Sum", "Metric": {
                "Namespace": "AWS/SageMaker", "MetricName": "Invocations", "Dimensions": where}}}])
        found.append(sum(data["MetricDataResults"][0]["Values"]))
    return found


def shadowed():
    both = [{"VariantName": name, "ModelName": model, "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1,
             "InitialVariantWeight": weight} for name, model, weight in (("live", "fraud-v17", 1.0), ("next", "fraud-v16", 0.5))]
    two = refused(sagemaker.create_endpoint_config, EndpointConfigName="own-two", ProductionVariants=both,
                  ShadowProductionVariants=[{**both[1], "VariantName": "more"}])
    holds("a shadow beside two variants", two["code"], "ValidationException")
    sagemaker.create_endpoint_config(EndpointConfigName="own-shadow", ProductionVariants=both[:1], ShadowProductionVariants=both[1:])
    config = sagemaker.describe_endpoint_config(EndpointConfigName="own-shadow")
    holds("the shadow of a config", config["ShadowProductionVariants"], both[1:])
    sagemaker.create_endpoint(EndpointName="own-shadow", EndpointConfigName="own-shadow")
    step(2_400)
    shadow = sagemaker.describe_endpoint(EndpointName="own-shadow")["ShadowProductionVariants"][0]
    holds("the shadow", (shadow["VariantName"], shadow["CurrentWeight"]), ("next", 0.5))
    live, next_ = copies("own-shadow")
    holds("half of the calls are copied", abs(next_ - live / 2) <= 30 < live, True)
    runtime = wire.client("sagemaker-runtime")
    asked_of_it = refused(runtime.invoke_endpoint, EndpointName="own-shadow", TargetVariant="next", Body=b"1")
    holds("a call to a shadow", asked_of_it["code"], "ValidationError")
    sagemaker.delete_endpoint(EndpointName="own-shadow")


def dueled():
    one = {"VariantName": "live", "ModelName": "fraud-v17", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="own-duel", ProductionVariants=[one])
    sagemaker.create_endpoint(EndpointName="own-duel", EndpointConfigName="own-duel")
    step(600)
    now = wire.now().timestamp()
    duel = dict(Type="ShadowMode", RoleArn=ROLE, EndpointName="own-duel", ShadowModeConfig=sampling(50),
                ModelVariants=[variant("live", "fraud-v17"), variant("next", "fraud-v16")])
    brief = refused(sagemaker.create_inference_experiment, Name="own-brief", Schedule={"StartTime": now, "EndTime": now + 60}, **duel)
    holds("a test of a minute", brief["code"], "ValidationException")
    later = {"StartTime": now + 86_400, "EndTime": now + 3 * 86_400}
    sagemaker.create_inference_experiment(Name="own-early", Schedule=later, Tags=[{"Key": "team", "Value": "ml"}], **duel)
    step(120)
    told = experiment("own-early")
    holds("a test that waits", (told["Status"], told["EndpointMetadata"]["EndpointStatus"]), ("Created", "InService"))
    holds("its tags", sagemaker.list_tags(ResourceArn=told["Arn"])["Tags"], [{"Key": "team", "Value": "ml"}])
    holds("a second test", refused(sagemaker.create_inference_experiment, Name="own-late", **duel)["code"], "ResourceInUse")
    unchanged = dict(ModelVariantActions={"live": "Retain", "next": "Remove"})
    sagemaker.stop_inference_experiment(Name="own-early", **unchanged)
    holds("one that is given up", experiment("own-early")["Status"], "Cancelled")
    code = refused(sagemaker.stop_inference_experiment, Name="own-early", **unchanged)["code"]
    holds("a stop of what is over", code, "ConflictException")

    sagemaker.create_inference_experiment(Name="own-late", Schedule=later, **duel)
    step(120)
    sagemaker.start_inference_experiment(Name="own-late")
    holds("its start", experiment("own-late")["Status"], "Starting")
    holds("a second start", refused(sagemaker.start_inference_experiment, Name="own-late")["code"], "ConflictException")
    step(2_700)
    told = experiment("own-late")
    holds("a test that runs", (told["Status"], [row["Status"] for row in told["ModelVariants"]]), ("Running", ["InService"] * 2))
    live, next_ = copies("own-duel")
    holds("half of the calls of a test", abs(next_ - live / 2) <= 30 < live, True)
    taken = refused(sagemaker.update_endpoint, EndpointName="own-duel", EndpointConfigName="own-duel")
    holds("an update of an endpoint in a test", taken["code"], "ValidationException")
    sagemaker.update_inference_experiment(Name="own-late", ShadowModeConfig=sampling(100), Description="all of them")
    holds("its change", experiment("own-late")["Status"], "Updating")
    code = refused(sagemaker.update_inference_experiment, Name="own-late", Description="too early")["code"]
    holds("a change of what is changed", code, "ConflictException")
    step(900)
    told = experiment("own-late")
    holds("what was changed", (told["Status"], told["ShadowModeConfig"], told["Description"]),
          ("Running", sampling(100), "all of them"))
    rows = [row for page in pages(sagemaker.list_inference_experiments, "InferenceExperiments", MaxResults=1, NameContains="own-",
                                  SortBy="Name", SortOrder="Ascending") for row in page]
    holds("tests", [(row["Name"], row["Status"]) for row in rows], [("own-early", "Cancelled"), ("own-late", "Running")])
    holds("a list of what is not there", refused(sagemaker.list_inference_experiments, SortBy="Age")["code"], "ValidationException")
    holds("one that runs is kept", refused(sagemaker.delete_inference_experiment, Name="own-late")["code"], "ConflictException")
    sagemaker.stop_inference_experiment(Name="own-late", ModelVariantActions={"live": "Remove", "next": "Promote"}, Reason="better")
    holds("its end", experiment("own-late")["Status"], "Stopping")
    step(900)
    told = experiment("own-late")
    holds("over", (told["Status"], told["StatusReason"], "CompletionTime" in told), ("Completed", "better", True))
    serving = sagemaker.describe_endpoint(EndpointName="own-duel")
    holds("the challenger", [row["VariantName"] for row in serving["ProductionVariants"]], ["next"])
    for name in ("own-early", "own-late"):
        sagemaker.delete_inference_experiment(Name=name)
    for call, more in (
        (sagemaker.describe_inference_experiment, {}),
        (sagemaker.start_inference_experiment, {}),
        (sagemaker.stop_inference_experiment, unchanged),
        (sagemaker.update_inference_experiment, {}),
        (sagemaker.delete_inference_experiment, {}),
    ):
        holds("one that is gone", refused(call, Name="own-late", **more)["code"], "ResourceNotFound")
    sagemaker.delete_endpoint(EndpointName="own-duel")


for part in (shared, asked, changed, gone, shadowed, dueled):
    part()
say(wire)
