"""Deploys as a pipeline does: a model, a config, an update, watched until it is over; and what is refused meanwhile."""

import sys

from wire import Wire, refused, say

wire = Wire(sys.argv[1])
sagemaker = wire.client("sagemaker")
ENDPOINT = "fraud-prod"

before = sagemaker.describe_endpoint(EndpointName=ENDPOINT)
old = sagemaker.describe_endpoint_config(EndpointConfigName=before["EndpointConfigName"])
container = sagemaker.describe_model(ModelName="fraud-v17")["PrimaryContainer"]
model = {
    "ModelName": "Fraud-By-Boto3",
    "PrimaryContainer": {"Image": container["Image"], "ModelDataUrl": container["ModelDataUrl"]},
    "ExecutionRoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
}
config = {
    "EndpointConfigName": "fraud-by-boto3-a",
    "ProductionVariants": [{**old["ProductionVariants"][0], "ModelName": "Fraud-By-Boto3"}],
    "Tags": [{"Key": "by", "Value": "boto3"}],
}
update = {
    "EndpointName": ENDPOINT,
    "EndpointConfigName": "fraud-by-boto3-a",
    "RetainAllVariantProperties": True,
    "DeploymentConfig": {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 300,
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
            },
            "TerminationWaitInSeconds": 120,
        },
    },
}

too_early = {
    "config_without_model": refused(sagemaker.create_endpoint_config, **config),
    "update_without_config": refused(sagemaker.update_endpoint, **update),
}
made = {
    "model": sagemaker.create_model(**model)["ModelArn"],
    "config": sagemaker.create_endpoint_config(**config)["EndpointConfigArn"],
}
twice = {
    "model": refused(sagemaker.create_model, **model),
    "config": refused(sagemaker.create_endpoint_config, **config),
}
bad = {
    "alarm": refused(
        sagemaker.update_endpoint,
        **{
            **update,
            "DeploymentConfig": {
                **update["DeploymentConfig"],
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "no-such-alarm"}]},
            },
        },
    ),
    "name": refused(sagemaker.create_model, **{**model, "ModelName": "under_score"}),
    "weights": refused(
        sagemaker.update_endpoint_weights_and_capacities,
        EndpointName=ENDPOINT,
        DesiredWeightsAndCapacities=[{"VariantName": "green", "DesiredWeight": 1.0}],
    ),
}

sagemaker.update_endpoint(**update)
meanwhile = {
    "update": refused(sagemaker.update_endpoint, **update),
    "weights": refused(
        sagemaker.update_endpoint_weights_and_capacities,
        EndpointName=ENDPOINT,
        DesiredWeightsAndCapacities=[{"VariantName": "blue", "DesiredInstanceCount": 3}],
    ),
    "delete": refused(sagemaker.delete_endpoint, EndpointName=ENDPOINT),
}

# What is seen on the way, each change once. A deployment takes a bounded time of the account, so this ends.
seen, last, started = [], None, None
while True:
    now = sagemaker.describe_endpoint(EndpointName=ENDPOINT)
    pending = now.get("PendingDeploymentSummary", {})
    stages = [
        status["Status"]
        for variant in pending.get("ProductionVariants", [])
        for status in variant.get("VariantStatus", [])
    ]
    state = {
        "status": now["EndpointStatus"],
        "config": now["EndpointConfigName"],
        "pending": pending.get("EndpointConfigName"),
        "stages": stages,
    }
    if state != last:
        seen.append(state)
        last = state
    started = started or now["LastModifiedTime"]
    if now["EndpointStatus"] != "Updating":
        break
    if len(seen) > 100:
        raise SystemExit("100 states and no end")

after = {key: value for key, value in now.items() if key != "ResponseMetadata"}
sagemaker.delete_endpoint_config(EndpointConfigName=old["EndpointConfigName"])
gone = refused(sagemaker.describe_endpoint_config, EndpointConfigName=old["EndpointConfigName"])
say(
    wire,
    before={key: value for key, value in before.items() if key != "ResponseMetadata"},
    too_early=too_early,
    made=made,
    model={k: v for k, v in sagemaker.describe_model(ModelName="Fraud-By-Boto3").items() if k != "ResponseMetadata"},
    config_tags=sagemaker.list_tags(ResourceArn=made["config"])["Tags"],
    twice=twice,
    bad=bad,
    meanwhile=meanwhile,
    seen=seen,
    took=now["LastModifiedTime"].timestamp() - started.timestamp(),
    after=after,
    gone=gone,
)
