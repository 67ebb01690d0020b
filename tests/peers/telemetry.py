"""Scales by policies and schedules, follows logs as they are written, and asks CloudWatch in the ways that are left."""

import sys

from botocore.config import Config

from wire import Wire, pages, refused, say

wire = Wire(sys.argv[1])
sagemaker, scaling = wire.client("sagemaker"), wire.client("application-autoscaling")
cloudwatch, logs = wire.client("cloudwatch"), wire.client("logs")
step = wire.step

ENDPOINT, VARIANT = "fraud-prod", "blue"
TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": f"endpoint/{ENDPOINT}/variant/{VARIANT}",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
OF_TARGET = {"ServiceNamespace": "sagemaker", "ResourceId": TARGET["ResourceId"]}
DIMENSIONS = [{"Name": "EndpointName", "Value": ENDPOINT}, {"Name": "VariantName", "Value": VARIANT}]


def check(what, holds):
    if not holds:
        wire.wrong.append(what)


def fails(what, code, call, **arguments):
    said = refused(call, **arguments)
    check(f"{what}: {said}", said.get("code") == code)


def count():
    described = sagemaker.describe_endpoint(EndpointName=ENDPOINT)
    return described["ProductionVariants"][0]["CurrentInstanceCount"], described["EndpointStatus"]


def activities(**more):
    return [a for page in pages(scaling.describe_scaling_activities, "ScalingActivities", **OF_TARGET, **more) for a in page]


def autoscaling():
    before = count()[0]
    config = {
        "TargetValue": 150.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    }
    policy = {**TARGET, "PolicyName": f"{ENDPOINT}-invocations", "PolicyType": "TargetTrackingScaling"}
    put = scaling.put_scaling_policy(**policy, TargetTrackingScalingPolicyConfiguration=config)
    names = [alarm["AlarmName"] for alarm in put["Alarms"]]
    check(f"two alarms: {names}", [name.split("-")[-6] for name in names] == ["AlarmHigh", "AlarmLow"])
    found = cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
    check("the alarms call the policy", all(alarm["AlarmActions"] == [put["PolicyARN"]] for alarm in found) and len(found) == 2)
    told = scaling.describe_scaling_policies(**OF_TARGET)["ScalingPolicies"][0]
    check(f"told as sent: {told}", told["TargetTrackingScalingPolicyConfiguration"] == config)
    step(5 * 60)
    check("it goes out", count()[1] == "Updating" and activities()[0]["StatusCode"] == "InProgress")
    step(10 * 60)
    check(f"it is out: {count()}", count()[0] > before)
    newest = next(a for a in activities() if a["StatusCode"] == "Successful")
    check(f"words: {newest}", newest["StatusMessage"].endswith("Change successfully fulfilled by sagemaker."))
    step(10 * 60)
    reasons = [reason["Code"] for a in activities(IncludeNotScaledActivities=True) for reason in a.get("NotScaledReasons", [])]
    check(f"at the maximum: {reasons}", "AlreadyAtMaxCapacity" in reasons)
    other = {**policy, "PolicyName": "other"}
    fails("the same metric twice", "ValidationException", scaling.put_scaling_policy, **other, TargetTrackingScalingPolicyConfiguration=config)
    fails("nobody's target", "ObjectNotFoundException", scaling.put_scaling_policy, **{**other, "ResourceId": "endpoint/x/variant/y"}, TargetTrackingScalingPolicyConfiguration=config)
    steps = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]}
    scaling.put_scaling_policy(**TARGET, PolicyName="steps", PolicyType="StepScaling", StepScalingPolicyConfiguration=steps)
    scaling.delete_scaling_policy(**TARGET, PolicyName="steps")
    fails("deleted twice", "ObjectNotFoundException", scaling.delete_scaling_policy, **TARGET, PolicyName="steps")
    scaling.register_scalable_target(**TARGET, SuspendedState={"DynamicScalingOutSuspended": True, "DynamicScalingInSuspended": True})
    return names


def schedules():
    action = {"ScheduledActionName": "soon", "Schedule": "rate(10 minutes)", "ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 7}}
    scaling.put_scheduled_action(**TARGET, **action, Timezone="UTC")
    told = scaling.describe_scheduled_actions(**OF_TARGET)["ScheduledActions"][0]
    check(f"told as sent: {told}", all(told[member] == value for member, value in action.items()))
    step(11 * 60)
    target = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[TARGET["ResourceId"]])["ScalableTargets"][0]
    check(f"bounds: {target}", (target["MinCapacity"], target["MaxCapacity"]) == (3, 7))
    check("it is told", any(a["Cause"] == "scheduled action name soon was triggered" for a in activities()))
    scaling.delete_scheduled_action(**TARGET, ScheduledActionName="soon")
    fails("deleted twice", "ObjectNotFoundException", scaling.delete_scheduled_action, **TARGET, ScheduledActionName="soon")
    fails("no schedule", "ValidationException", scaling.put_scheduled_action, **TARGET, **{**action, "Schedule": "now and then"})
    arn = target["ScalableTargetARN"]
    scaling.tag_resource(ResourceARN=arn, Tags={"team": "fraud", "by": "boto3"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["by"])
    check("tags", scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"team": "fraud"})
    fails("tags of nobody", "ResourceNotFoundException", scaling.list_tags_for_resource, ResourceARN=arn[:-4] + "0000")


def live_tail():
    # The prefix of the host would lead away from the one port.
    config = Config(inject_host_prefix=False, read_timeout=30, retries={"total_max_attempts": 1})
    client = wire.session.client("logs", endpoint_url=wire.address, config=config)
    group = f"/aws/sagemaker/Endpoints/{ENDPOINT}"
    arn = f"arn:aws:logs:eu-west-1:447100000921:log-group:{group}"
    asked = {"logGroupIdentifiers": [arn], "logEventFilterPattern": "requests -ERROR"}
    stream = client.start_live_tail(**asked)["responseStream"]
    lines, updates = [], 0
    for event in stream:
        if "sessionStart" in event:
            start = event["sessionStart"]
            check(f"start: {start}", start["logGroupIdentifiers"] == [arn] and start["sessionId"])
            step(150)
            continue
        updates += 1
        results = event["sessionUpdate"]["sessionResults"]
        lines += [row["message"] for row in results]
        if lines or updates > 10:
            break
    stream.close()
    check(f"lines: {lines[:3]}", len(lines) > 3 and all("requests=" in line for line in lines))
    both = {"logStreamNames": ["a"], "logStreamNamePrefixes": ["b"]}
    fails("both", "InvalidParameterException", client.start_live_tail, logGroupIdentifiers=[arn], **both)
    fails("a name", "InvalidParameterException", client.start_live_tail, logGroupIdentifiers=[group])
    fails("nothing", "ResourceNotFoundException", client.start_live_tail, logGroupIdentifiers=[arn + "x"])
    json_only = logs.filter_log_events(logGroupName=group, filterPattern='{ $.level = "ERROR" }', limit=5)
    check("plain lines are no JSON", json_only["events"] == [])
    fails("half a pattern", "InvalidParameterException", logs.filter_log_events, logGroupName=group, filterPattern="{ $.level = ")


def alarms(names):
    latency = {"Namespace": "AWS/SageMaker", "MetricName": "ModelLatency", "Dimensions": DIMENSIONS}
    found = cloudwatch.describe_alarms_for_metric(**latency, ExtendedStatistic="p99")["MetricAlarms"]
    check(f"for a metric: {found}", [alarm["AlarmName"] for alarm in found] == ["fraud-p99"])
    cloudwatch.disable_alarm_actions(AlarmNames=["fraud-p99"])
    check("off", not cloudwatch.describe_alarms(AlarmNames=["fraud-p99"])["MetricAlarms"][0]["ActionsEnabled"])
    cloudwatch.enable_alarm_actions(AlarmNames=["fraud-p99"])
    check("on", cloudwatch.describe_alarms(AlarmNames=["fraud-p99"])["MetricAlarms"][0]["ActionsEnabled"])
    now = step(60)
    wanted = ["p50", "p99.9", "tm99", "TM(10%:90%)", "PR(:50000)"]
    points = cloudwatch.get_metric_statistics(**latency, StartTime=now - 3_600, EndTime=now, Period=600, ExtendedStatistics=wanted)["Datapoints"]
    check(f"points: {points[:1]}", len(points) > 4 and all(set(point["ExtendedStatistics"]) == set(wanted) for point in points))
    for point in points:
        told = point["ExtendedStatistics"]
        check(f"in order: {told}", told["p50"] < told["p99.9"] and told["tm99"] < told["p99.9"] and 0 <= told["PR(:50000)"] <= 100)
    items = cloudwatch.describe_alarm_history(AlarmName=names[0])["AlarmHistoryItems"]
    check(f"history: {items}", any(item["HistoryItemType"] == "StateUpdate" for item in items))
    scaling.deregister_scalable_target(**TARGET)
    check("alarms go with their target", not cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"])
    fails("deregistered twice", "ObjectNotFoundException", scaling.deregister_scalable_target, **TARGET)


made = autoscaling()
schedules()
live_tail()
alarms(made)
say(wire)
