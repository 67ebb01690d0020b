"""Reads the sandbox as a monitoring script would: what every service says of the account, as JSON."""

import datetime
import email.utils
import json
import sys

from wire import Wire, pages, refused, say

wire = Wire(sys.argv[1])
sagemaker = wire.client("sagemaker")
cloudwatch = wire.client("cloudwatch")
minutes = lambda n: datetime.timedelta(minutes=n)


def clean(answer):
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def endpoints():
    lists = {size: pages(sagemaker.list_endpoints, "Endpoints", MaxResults=size) for size in (7, 100)}
    by_name = dict(SortBy="Name", SortOrder="Ascending")
    named = pages(sagemaker.list_endpoints, "Endpoints", MaxResults=9, **by_name)
    first = sagemaker.list_endpoints(MaxResults=2)
    filtered = lambda **filter: pages(sagemaker.list_endpoints, "Endpoints", MaxResults=5, **filter)
    return {
        "default_page": len(sagemaker.list_endpoints()["Endpoints"]),
        "sizes": [len(page) for page in lists[7]],
        "sevens": [row["EndpointName"] for page in lists[7] for row in page],
        "hundreds": [row["EndpointName"] for page in lists[100] for row in page],
        "by_name": [row["EndpointName"] for page in named for row in page],
        # Filters come after the cut: pages may be empty and not the last.
        "contains": [[row["EndpointName"] for row in page] for page in filtered(NameContains="fraud-p")],
        "troubled": [[row["EndpointName"] for row in page] for page in filtered(StatusEquals="UpdateRollbackFailed")],
        "too_many": refused(sagemaker.list_endpoints, MaxResults=101),
        "bad_token": refused(sagemaker.list_endpoints, NextToken="not-a-token"),
        # A token belongs to the question it came from.
        "other_question": refused(sagemaker.list_endpoints, NextToken=first["NextToken"], NameContains="x"),
    }


def described():
    endpoint = sagemaker.describe_endpoint(EndpointName="fraud-prod")
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    return {
        "endpoint": clean(endpoint),
        "config": clean(config),
        "model": clean(model),
        "deploying": clean(sagemaker.describe_endpoint(EndpointName="ranking-eu")),
        "missing": {
            "endpoint": refused(sagemaker.describe_endpoint, EndpointName="no-such-endpoint"),
            "config": refused(sagemaker.describe_endpoint_config, EndpointConfigName="no-such-config"),
            "model": refused(sagemaker.describe_model, ModelName="no-such-model"),
            "job": refused(sagemaker.describe_training_job, TrainingJobName="no-such-job"),
        },
    }


def moment():
    """The time of the account: it is its own, not this machine's."""
    date = sagemaker.list_endpoints(MaxResults=1)["ResponseMetadata"]["HTTPHeaders"]["date"]
    return email.utils.parsedate_to_datetime(date)


def metrics(now, deployed):
    dimensions = [{"Name": "EndpointName", "Value": "fraud-prod"}, {"Name": "VariantName", "Value": "blue"}]

    def stat(id, metric, stat):
        metric = {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions}
        return {"Id": id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}

    queries = [
        stat("errors", "Invocation5XXErrors", "Sum"),
        stat("calls", "Invocations", "Sum"),
        stat("p99", "ModelLatency", "p99"),
        {"Id": "share", "Expression": "100 * errors / calls", "Label": "share of errors"},
    ]

    def window(start, end):
        answer = cloudwatch.get_metric_data(
            MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampAscending"
        )
        return {row["Id"]: {**row, "Messages": None} for row in answer["MetricDataResults"]}

    listed = dict(Namespace="AWS/SageMaker", Dimensions=[{"Name": "EndpointName", "Value": "fraud-prod"}])
    found = [row for page in pages(cloudwatch.list_metrics, "Metrics", **listed) for row in page]
    floor = now.replace(second=0, microsecond=0)
    return {
        "before": window(deployed - minutes(30), deployed - minutes(10)),
        "after": window(floor - minutes(10), floor),
        "names": sorted({row["MetricName"] for row in found}),
        "endpoints": sorted({d["Value"] for row in found for d in row["Dimensions"] if d["Name"] == "EndpointName"}),
        "statistics": clean(
            cloudwatch.get_metric_statistics(
                Namespace="AWS/SageMaker",
                MetricName="Invocations",
                Dimensions=dimensions,
                StartTime=floor - minutes(10),
                EndTime=floor,
                Period=600,
                Statistics=["Sum", "SampleCount"],
            )
        ),
        "bad_expression": refused(
            cloudwatch.get_metric_data,
            MetricDataQueries=[{"Id": "e", "Expression": "calls +"}],
            StartTime=floor - minutes(10),
            EndTime=floor,
        ),
    }


def alarms():
    state = lambda name: cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
    before = state("ranking-5xx")
    cloudwatch.set_alarm_state(AlarmName="ranking-5xx", StateValue="ALARM", StateReason="a drill by boto3")
    firing = cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
    history = cloudwatch.describe_alarm_history(AlarmName="ranking-5xx", HistoryItemType="StateUpdate", MaxRecords=1)
    return {
        "fraud": state("fraud-5xx"),
        "before": before["StateValue"],
        "firing": {row["AlarmName"]: row["StateReason"] for row in firing},
        "history": history["AlarmHistoryItems"],
        "all": len([row for page in cloudwatch.get_paginator("describe_alarms").paginate(MaxRecords=20)
                    for row in page["MetricAlarms"]]),
        "listed": len(cloudwatch.describe_alarms(MaxRecords=100)["MetricAlarms"]),
        "missing": refused(
            cloudwatch.set_alarm_state, AlarmName="no-such-alarm", StateValue="OK", StateReason="none"
        ),
    }


def trail():
    cloudtrail = wire.client("cloudtrail")
    about = lambda name: [{"AttributeKey": "ResourceName", "AttributeValue": name}]
    events = cloudtrail.lookup_events(LookupAttributes=about("fraud-prod"))["Events"]
    return {
        "updates": [
            {**event, "CloudTrailEvent": json.loads(event["CloudTrailEvent"])}
            for event in events
            if event["EventName"] == "UpdateEndpoint"
        ],
        "by_user": sorted(
            {
                event["Username"]
                for event in cloudtrail.lookup_events(
                    LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": "oncall"}]
                )["Events"]
            }
        ),
        "two_attributes": refused(cloudtrail.lookup_events, LookupAttributes=about("a") + about("b")),
    }


def scaling():
    client = wire.client("application-autoscaling")
    fraud = dict(ServiceNamespace="sagemaker", ResourceIds=["endpoint/fraud-prod/variant/blue"])
    return {
        "fraud": client.describe_scalable_targets(**fraud)["ScalableTargets"],
        "all": [t["ResourceId"] for t in client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]],
        "policies": client.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"],
    }


def logs(now):
    client = wire.client("logs")
    group = "/aws/sagemaker/Endpoints/fraud-prod"
    since = int((now - minutes(15)).timestamp() * 1000)
    until = int(now.timestamp() * 1000)
    walk = lambda **more: [
        event
        for page in client.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=since, endTime=until, **more
        )
        for event in page["events"]
    ]
    everything = walk()
    return {
        "since": since,
        "until": until,
        "count": len(everything),
        "outside": [e for e in everything if not since <= e["timestamp"] <= until],
        "ids": len({event["eventId"] for event in everything}),
        "streams": sorted({event["logStreamName"].split("/")[0] for event in everything}),
        "messages": [event["message"] for event in everything if "ERROR" in event["message"]],
        "errors": [event["message"] for event in walk(filterPattern="ERROR")],
        "missing": refused(client.filter_log_events, logGroupName="/aws/sagemaker/Endpoints/none"),
    }


def search():
    def records(resource, member, size=100, **question):
        found = pages(sagemaker.search, "Results", Resource=resource, MaxResults=size, **question)
        return [row[member] for page in found for row in page]

    where = lambda *filters, operator="And": {
        "SearchExpression": {
            "Filters": [dict(zip(("Name", "Operator", "Value"), entry)) for entry in filters],
            "Operator": operator,
        }
    }
    jobs = lambda size=100, **question: records("TrainingJob", "TrainingJob", size, **question)
    brief = lambda rows: [
        {
            "name": row["TrainingJobName"],
            "status": row["TrainingJobStatus"],
            "created": row["CreationTime"],
            "type": row["ResourceConfig"]["InstanceType"],
            "channels": [channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in row["InputDataConfig"]],
            "metrics": {m["MetricName"]: m["Value"] for m in row.get("FinalMetricDataList", [])},
            "depth": row["HyperParameters"].get("max_depth"),
        }
        for row in rows
    ]
    nested = {
        "SearchExpression": {
            "NestedFilters": [
                {
                    "NestedPropertyName": "InputDataConfig",
                    "Filters": [
                        {"Name": "InputDataConfig.ChannelName", "Operator": "Equals", "Value": "train"},
                        {
                            "Name": "InputDataConfig.DataSource.S3DataSource.S3Uri",
                            "Operator": "Contains",
                            "Value": "/fraud/",
                        },
                    ],
                }
            ]
        }
    }
    either = {
        "SearchExpression": {
            "SubExpressions": [
                where(("TrainingJobStatus", "Equals", "Failed"))["SearchExpression"],
                where(("TrainingJobStatus", "Equals", "Stopped"))["SearchExpression"],
            ],
            "Operator": "Or",
        }
    }
    everything = jobs()
    executions = lambda **question: [
        {
            "arn": row["PipelineExecutionArn"],
            "status": row["PipelineExecutionStatus"],
            "modified": row["LastModifiedTime"],
            "failure": row.get("FailureReason"),
        }
        for row in records("PipelineExecution", "PipelineExecution", **question)
    ]
    return {
        "hits": sagemaker.search(Resource="TrainingJob", MaxResults=1)["TotalHits"],
        "jobs": brief(everything),
        "by_37": [row["TrainingJobName"] for row in jobs(37)],
        "failed": brief(jobs(**where(("TrainingJobStatus", "Equals", "Failed")))),
        "either": brief(jobs(**either)),
        "nested": brief(jobs(**nested)),
        "deep": brief(jobs(**where(("HyperParameters.max_depth", "GreaterThan", "6")))),
        "best": brief(
            jobs(
                **where(("TrainingJobName", "Contains", "fraud"), ("Metrics.val/auc", "Exists")),
                SortBy="Metrics.val/auc",
                SortOrder="Descending",
            )
        ),
        "executions": executions(),
        "bad_executions": executions(
            **where(("PipelineExecutionStatus", "Equals", "Failed")), SortBy="LastModifiedTime", SortOrder="Ascending"
        ),
        "unknown_property": refused(sagemaker.search, Resource="TrainingJob", **where(("Colour", "Equals", "red"))),
        "two_contains": refused(
            sagemaker.search,
            Resource="TrainingJob",
            **where(("TrainingJobName", "Contains", "a"), ("TrainingJobArn", "Contains", "b")),
        ),
        "text_compared": refused(
            sagemaker.search, Resource="TrainingJob", **where(("TrainingJobName", "GreaterThan", "a"))
        ),
    }


def pipelines(bad):
    listed = [row for page in pages(sagemaker.list_pipelines, "PipelineSummaries", MaxResults=2) for row in page]
    arn = bad["arn"]
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending")
    definition = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    return {
        "names": sorted(row["PipelineName"] for row in listed),
        "described": clean(sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)),
        "steps": steps["PipelineExecutionSteps"],
        "definition": json.loads(definition["PipelineDefinition"]),
        "parameters": {
            parameter["Name"]: parameter["Value"]
            for parameter in sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)[
                "PipelineParameters"
            ]
        },
        "missing": refused(
            sagemaker.describe_pipeline_execution, PipelineExecutionArn=arn.rsplit("/", 1)[0] + "/zzzzzzzzzzzz"
        ),
    }


def monitors():
    s3 = wire.client("s3")
    schedules = [
        row
        for page in pages(sagemaker.list_monitoring_schedules, "MonitoringScheduleSummaries", MaxResults=2)
        for row in page
    ]
    executions = pages(
        sagemaker.list_monitoring_executions,
        "MonitoringExecutionSummaries",
        MonitoringScheduleName="fraud-prod-data-quality",
        SortBy="ScheduledTime",
        SortOrder="Descending",
        MaxResults=50,
    )[0]
    violated = [row for row in executions if row["MonitoringExecutionStatus"] == "CompletedWithViolations"]
    job = sagemaker.describe_processing_job(ProcessingJobName=violated[0]["ProcessingJobArn"].rsplit("/", 1)[1])
    uri = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    bucket, prefix = uri.removeprefix("s3://").split("/", 1)
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
    files = [row["Key"] for row in listed["Contents"]]
    report = next(key for key in files if key.endswith("/constraint_violations.json"))
    found = s3.get_object(Bucket=bucket, Key=report)
    body = found["Body"].read()
    part = s3.get_object(Bucket=bucket, Key=report, Range="bytes=0-9")["Body"].read()
    return {
        "schedules": {row["MonitoringScheduleName"]: row for row in schedules},
        "described": clean(
            sagemaker.describe_monitoring_schedule(MonitoringScheduleName="fraud-prod-data-quality")
        ),
        "executions": executions,
        "alerts": sagemaker.list_monitoring_alerts(MonitoringScheduleName="fraud-prod-data-quality")[
            "MonitoringAlertSummaries"
        ],
        "files": sorted(key.rsplit("/", 1)[1] for key in files),
        "length": found["ContentLength"],
        "size": len(body),
        "report": json.loads(body),
        "part": part.decode() == body[:10].decode(),
        "missing": refused(s3.get_object, Bucket=bucket, Key=prefix + "/none.json"),
        "no_bucket": refused(s3.get_object, Bucket="no-such-bucket-here", Key="none"),
    }


def curves(job):
    component = sagemaker.search(
        Resource="ExperimentTrialComponent",
        SearchExpression={
            "Filters": [{"Name": "SourceDetail.TrainingJob.TrainingJobName", "Operator": "Equals", "Value": job}]
        },
    )["Results"][0]["TrialComponent"]
    query = lambda metric: {
        "MetricName": metric,
        "ResourceArn": component["TrialComponentArn"],
        "MetricStat": "Last",
        "Period": "IterationNumber",
        "XAxisType": "IterationNumber",
    }
    answer = wire.client("sagemaker-metrics").batch_get_metrics(
        MetricQueries=[query("val/auc"), query("no-such-metric")]
    )
    return {"results": answer["MetricQueryResults"], "component": component["Metrics"]}


def registry():
    groups = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    versions = [
        row
        for page in pages(
            sagemaker.list_model_packages, "ModelPackageSummaryList", ModelPackageGroupName="fraud", MaxResults=5
        )
        for row in page
    ]
    newest = max(versions, key=lambda row: row["ModelPackageVersion"])
    return {
        "groups": sorted(row["ModelPackageGroupName"] for row in groups),
        "versions": {row["ModelPackageVersion"]: row["ModelApprovalStatus"] for row in versions},
        "newest": clean(sagemaker.describe_model_package(ModelPackageName=newest["ModelPackageArn"])),
    }


def tags(arn):
    read = lambda: {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    before = read()
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "drill", "Value": "läuft"}, {"Key": "commit", "Value": "0"}])
    added = read()
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["drill", "commit"])
    return {"before": before, "added": added, "removed": read()}


serving = described()
now = moment()
found = search()
say(
    wire,
    now=now,
    identity=clean(wire.client("sts").get_caller_identity()),
    endpoints=endpoints(),
    described=serving,
    metrics=metrics(now, serving["endpoint"]["LastModifiedTime"]),
    alarms=alarms(),
    trail=trail(),
    scaling=scaling(),
    logs=logs(now),
    search=found,
    pipelines=pipelines(found["bad_executions"][-1]),
    monitors=monitors(),
    curves=curves(found["best"][0]["name"]),
    registry=registry(),
    tags=tags(serving["endpoint"]["EndpointArn"]),
)
