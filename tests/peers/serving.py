"""Serves as a caller: inference components and adapters on shared instances, what they are asked for, and what is refused."""

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


for part in (shared, asked, changed, gone):
    part()
say(wire)
