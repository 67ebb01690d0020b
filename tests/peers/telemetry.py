"""Scales by policies and schedules, follows logs as they are written, and asks CloudWatch in the ways that are left."""

import datetime
import sys

from botocore.config import Config

from wire import Wire, pages, refused, say

wire = Wire(sys.argv[1])
sagemaker, scaling = wire.client("sagemaker"), wire.client("application-autoscaling")
cloudwatch, logs, events = wire.client("cloudwatch"), wire.client("logs"), wire.client("events")
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


def near(what, rows, wanted):
    """Whether a row has these values at these times, as far as CloudWatch's numbers go."""
    found = dict(zip(rows["Timestamps"], rows["Values"]))
    same = found.keys() == wanted.keys() and all(abs(found[at] - value) < 2e-6 * max(1, abs(value)) for at, value in wanted.items())
    check(f"{what}: {found} is not {wanted}", same)


def metric_math():
    """Expressions against the same worked out here from the series as they are."""
    cloudwatch.put_metric_data(
        Namespace="peers/math",
        MetricData=[
            {"MetricName": "gaps", "Value": float(value), "Timestamp": wire.now() - datetime.timedelta(minutes=10 * back)}
            for back, value in ((6, 5), (4, 9), (1, 2))
        ],
    )
    now = int(step(60)) // 600 * 600

    def of(id, namespace, name, dimensions):
        metric = {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions}
        return {"Id": id, "MetricStat": {"Metric": metric, "Period": 600, "Stat": "Sum"}}

    def asked(*expressions):
        queries = [of("n", "AWS/SageMaker", "Invocations", DIMENSIONS), of("e", "AWS/SageMaker", "Invocation5XXErrors", DIMENSIONS)]
        queries += [of("gaps", "peers/math", "gaps", [])]
        queries += [{"Id": f"x{at}", "Expression": expression} for at, expression in enumerate(expressions)]
        return {"MetricDataQueries": queries, "StartTime": now - 2 * 3_600, "EndTime": now, "ScanBy": "TimestampAscending"}

    def ask(*expressions):
        return [row for page in pages(cloudwatch.get_metric_data, "MetricDataResults", **asked(*expressions)) for row in page]

    raw = {row["Id"]: dict(zip(row["Timestamps"], row["Values"])) for row in ask()}
    n, e, gaps = raw["n"], raw["e"], raw["gaps"]
    check(f"raw series: {len(n)} {len(e)} {gaps}", len(n) == 12 and len(e) == 12 and sorted(gaps.values()) == [2, 5, 9])
    times, mean = sorted(n), sum(n.values()) / 12
    held, last = {}, None
    for at in times:
        last = gaps.get(at, last)
        if last is not None:
            held[at] = last
    known = sorted(gaps)
    deviation = (sum((value - mean) ** 2 for value in n.values()) / 12) ** 0.5
    cases = {
        "100 * e / n": {at: 100 * e[at] / n[at] for at in times},
        "n - AVG(n)": {at: n[at] - mean for at in times},
        "(n - AVG(n)) / STDDEV(n)": {at: (n[at] - mean) / deviation for at in times},
        "RATE(n)": {at: (n[at] - n[before]) / 600 for before, at in zip(times, times[1:])},
        "DIFF_TIME(gaps)": {at: (at - before).total_seconds() for before, at in zip(known, known[1:])},
        "FILL(gaps, REPEAT)": held,
        "FILL(gaps, 0) + 1": {at: gaps.get(at, 0) + 1 for at in times},
        "gaps + n": {at: n[at] + gaps.get(at, 0) for at in times},
        "MAX([n, e])": {at: max(n[at], e[at]) for at in times},
        "IF(n > AVG(n) AND e >= 0, n, -1)": {at: n[at] if n[at] > mean else -1 for at in times},
        "RUNNING_SUM(gaps)": {at: sum(gaps[before] for before in known if before <= at) for at in known},
        "n * 0 + METRIC_COUNT(METRICS())": {at: 3 for at in times},
        "HOUR(n)": {at: at.astimezone(datetime.timezone.utc).hour for at in times},
        "SUM(SEARCH('{peers/math} gaps', 'Sum', 600))": gaps,
    }
    rows = {row["Id"]: row for row in ask(*cases)}
    for at, (expression, wanted) in enumerate(cases.items()):
        near(expression, rows[f"x{at}"], wanted)
    both = [row["Values"] for row in ask("SORT([n, e], SUM, DESC)") if row["Id"] == "x0"]
    check(f"sorted: {both}", len(both) == 2 and sum(both[0]) > sum(both[1]))
    for wrong in ("n +", "nobody + n", "NOPE(n)", "x0 + 1", "AVG(n)", "[n, e] + [n, e]", "SELECT AVG(n) FROM x", "ANOMALY_DETECTION_BAND(n)"):
        fails(wrong, "ValidationError", cloudwatch.get_metric_data, **asked(wrong))


def metrics_of_jobs():
    """What a training job logs is in CloudWatch, as the SageMaker SDK looks for it."""
    name, space = "peers-telemetry", "/aws/sagemaker/TrainingJobs"
    sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn="arn:aws:iam::447100000921:role/SageMakerExecution",
        AlgorithmSpecification={
            "TrainingImage": "447100000921.dkr.ecr.eu-west-1.amazonaws.com/own:1",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss: ([0-9.]+);"}],
        },
        OutputDataConfig={"S3OutputPath": "s3://acme-ml-models/own/"},
        ResourceConfig={"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 3_600},
    )
    step(20 * 60)
    job = sagemaker.describe_training_job(TrainingJobName=name)
    dimensions = [{"Name": "TrainingJobName", "Value": name}]
    found = cloudwatch.list_metrics(Namespace=space, Dimensions=dimensions)["Metrics"]
    check(f"listed: {found}", [metric["MetricName"] for metric in found] == ["loss"])
    span = {"StartTime": job["TrainingStartTime"], "EndTime": job["TrainingEndTime"], "Namespace": space}
    asked = {**span, "MetricName": "loss", "Dimensions": dimensions, "Statistics": ["Average"]}
    last = max(cloudwatch.get_metric_statistics(**asked, Period=1)["Datapoints"], key=lambda point: point["Timestamp"])
    final = job["FinalMetricDataList"][0]["Value"]
    check(f"the last is the final one: {last} {final}", abs(last["Average"] - final) < 2e-6)
    host = [{"Name": "Host", "Value": f"{name}/algo-1"}]
    found = [metric["MetricName"] for metric in cloudwatch.list_metrics(Namespace=space, Dimensions=host)["Metrics"]]
    check(f"of the instance: {found}", {"CPUUtilization", "MemoryUtilization", "DiskUtilization", "GPUUtilization"} <= set(found))
    asked = {**span, "MetricName": "GPUUtilization", "Dimensions": host, "Statistics": ["Maximum"], "Period": 60}
    points = [point["Maximum"] for point in cloudwatch.get_metric_statistics(**asked)["Datapoints"]]
    check(f"busy: {points}", len(points) > 2 and all(0 <= value <= 100 for value in points) and max(points) > 50)


def rules():
    """Rules of EventBridge are kept and told."""
    pattern = '{"source": ["aws.sagemaker"], "detail-type": ["SageMaker Model Package State Change"]}'
    target = {"Id": "1", "Arn": "arn:aws:codepipeline:eu-west-1:447100000921:fraud-deploy"}
    for name in ("peers-a", "peers-b", "peers-c"):
        events.put_rule(Name=name, EventPattern=pattern, State="ENABLED")
    put = events.put_targets(Rule="peers-a", Targets=[target])
    check(f"put: {put}", put["FailedEntryCount"] == 0)
    first = events.list_rules(NamePrefix="peers-", Limit=2)
    rest = events.list_rules(NamePrefix="peers-", Limit=2, NextToken=first["NextToken"])
    names = [rule["Name"] for rule in first["Rules"] + rest["Rules"]]
    check(f"rules: {names}", names == ["peers-a", "peers-b", "peers-c"] and "NextToken" not in rest)
    told = events.list_targets_by_rule(Rule="peers-a")["Targets"]
    check(f"targets: {told}", told == [target])
    fails("has targets", "ValidationException", events.delete_rule, Name="peers-a")
    fails("no pattern", "InvalidEventPatternException", events.put_rule, Name="peers-d", EventPattern="[")
    fails("no rule", "ResourceNotFoundException", events.list_targets_by_rule, Rule="peers-d")
    fails("no rule", "ResourceNotFoundException", events.put_targets, Rule="peers-d", Targets=[target])
    fails("no rule", "ResourceNotFoundException", events.remove_targets, Rule="peers-d", Ids=["1"])
    fails("no bus", "ResourceNotFoundException", events.list_rules, EventBusName="peers")
    events.remove_targets(Rule="peers-a", Ids=["1"])
    for name in names:
        events.delete_rule(Name=name)
    check("gone", events.list_rules(NamePrefix="peers-")["Rules"] == [])


made = autoscaling()
schedules()
live_tail()
alarms(made)
metric_math()
metrics_of_jobs()
rules()
say(wire)
