"""Measures drift again: from the captured calls and the baseline's data set to every number that a monitor told.

Nothing here is the sandbox's code. `judge` gets what was read and says what does not agree; it is then given the same with one
value altered, and must say so.
"""

import bisect
import copy
import csv
import datetime
import io
import json
import math
import re
import sys
import urllib.request

from wire import Wire, say

wire = Wire(sys.argv[1])
sagemaker = wire.client("sagemaker")
cloudwatch = wire.client("cloudwatch")
s3 = wire.client("s3")

# A sketch of 2,048 items: its ranks are off by less than this share of the rows.
SKETCH_ERROR = 0.02


def step(seconds):
    order = urllib.request.Request(f"{sys.argv[1]}/_sandbox/clock", json.dumps({"step": seconds}).encode())
    urllib.request.urlopen(order, timeout=150).read()


# What is read.


def place(uri):
    bucket, key = re.fullmatch(r"s3://([^/]+)/(.*)", uri).groups()
    return bucket, key


def get(uri):
    bucket, key = place(uri)
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()


def below(uri):
    """Texts of all objects of a folder, each as long as its listing says."""
    bucket, prefix = place(uri.rstrip("/") + "/")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": 50}):
        for entry in page.get("Contents", []):
            text = get(f"s3://{bucket}/{entry['Key']}")
            assert len(text.encode()) == entry["Size"], entry
            yield text


def lines(uris):
    return [json.loads(line) for uri in uris for text in below(uri) for line in text.splitlines()]


def read(summary):
    """All that there is about one execution."""
    name = summary["MonitoringScheduleName"]
    schedule = sagemaker.describe_monitoring_schedule(MonitoringScheduleName=name)
    base = schedule["MonitoringScheduleConfig"]["MonitoringJobDefinition"]["BaselineConfig"]
    job = sagemaker.describe_processing_job(ProcessingJobName=summary["ProcessingJobArn"].rsplit("/")[-1])
    inputs = [entry["S3Input"]["S3Uri"] for entry in job["ProcessingInputs"]]
    home = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    start, end = job["Environment"]["start_time"], job["Environment"]["end_time"]
    labels = [uri for uri in inputs if "/ground-truth/" in uri]
    calls = lines(uri for uri in inputs if uri not in labels)
    calls = [call for call in calls if start <= call["eventMetadata"]["inferenceTime"] < end]
    files = {file: json.loads(get(f"{home}/{file}.json")) for file in ("statistics", "constraints", "constraint_violations")}
    dataset = get(base["StatisticsResource"]["S3Uri"].replace("statistics.json", "dataset.csv"))
    return {
        "type": summary["MonitoringType"],
        "status": summary["MonitoringExecutionStatus"],
        "calls": calls,
        "labels": lines(labels),
        "baseline": {
            "rows": list(csv.reader(io.StringIO(dataset))),
            "statistics": json.loads(get(base["StatisticsResource"]["S3Uri"])),
            "constraints": json.loads(get(base["ConstraintsResource"]["S3Uri"])),
        },
        **files,
        "metrics": metrics(summary),
    }


def metrics(summary):
    """What the execution published, by name."""
    kind = {"DataQuality": "data", "ModelQuality": "model"}[summary["MonitoringType"]]
    wanted = [
        {"Name": "Endpoint", "Value": summary["EndpointName"]},
        {"Name": "MonitoringSchedule", "Value": summary["MonitoringScheduleName"]},
    ]
    pages = cloudwatch.get_paginator("list_metrics").paginate(
        Namespace=f"aws/sagemaker/Endpoints/{kind}-metrics", Dimensions=wanted
    )
    found = [metric for page in pages for metric in page["Metrics"]]
    at = summary["ScheduledTime"]
    queries = [
        {"Id": f"m{n}", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Average"}} for n, metric in enumerate(found)
    ]
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=at, EndTime=at + datetime.timedelta(hours=1)
    )
    values = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    return {metric["MetricName"]: values[f"m{n}"][0] for n, metric in enumerate(found) if values[f"m{n}"]}


# What is measured again.


def columns(rows):
    return [list(column) for column in zip(*rows)]


def kind_of(cells):
    present = [cell for cell in cells if cell != ""]
    if all(re.fullmatch(r"-?\d+", cell) for cell in present):
        return "Integral"
    try:
        [float(cell) for cell in present]
    except ValueError:
        return "String"
    return "Fractional"


def profile(cells, kind):
    present = [cell for cell in cells if cell != ""]
    told = {"num_present": len(present), "num_missing": len(cells) - len(present)}
    if kind == "String":
        counts = {}
        for cell in present:
            counts[cell] = counts.get(cell, 0) + 1
        return {**told, "counts": counts}
    values = sorted(map(float, present))
    mean = math.fsum(values) / len(values)
    width = (values[-1] - values[0]) / 10
    edges = [values[0] + width * n for n in range(10)] + [values[-1]]
    ranks = [bisect.bisect_left(values, edge) for edge in edges[:10]] + [len(values)]
    return {
        **told,
        "values": values,
        "mean": mean,
        "sum": math.fsum(values),
        "std_dev": math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values)),
        "min": values[0],
        "max": values[-1],
        "edges": edges,
        "buckets": [after - before for before, after in zip(ranks, ranks[1:])],
    }


def weights(feature):
    """Items of the sketch that a file has, with their weights."""
    data = feature["numerical_statistics"]["distribution"]["kll"]["sketch"]["data"]
    return sorted((float(item), 2.0**level) for level, items in enumerate(data) for item in items)


def largest_gap(left, right):
    """Between two CDFs of weighted items."""
    n, m = (sum(weight for _, weight in side) for side in (left, right))
    steps = sorted([(item, weight / n) for item, weight in left] + [(item, -weight / m) for item, weight in right])
    gap = reached = 0.0
    for at, (item, weight) in enumerate(steps):
        reached += weight
        if at + 1 == len(steps) or steps[at + 1][0] != item:
            gap = max(gap, abs(reached))
    return gap


def robust(raw, n, m):
    return max(0.0, raw - 1.8 * math.sqrt((n + m) / (n * m)))


def share_gap(left, right):
    n, m = sum(left.values()), sum(right.values())
    return max(abs(left.get(value, 0) / n - right.get(value, 0) / m) for value in {**left, **right})


class Complaints(list):
    compared = 0

    def same(self, what, told, measured, off=1e-9):
        self.compared += 1
        if isinstance(measured, float) or isinstance(told, float):
            fits = abs(told - measured) <= off * max(1.0, abs(measured))
        else:
            fits = told == measured
        if not fits:
            self.append(f"{what}: told {told}, measured {measured}")


def statistics(said, what, feature, cells):
    """One column of statistics.json; returns what it is in truth."""
    kind = kind_of(cells)
    said.same(f"{what} inferred_type", feature["inferred_type"], kind)
    found = profile(cells, kind)
    told = feature["string_statistics" if kind == "String" else "numerical_statistics"]
    for count in ("num_present", "num_missing"):
        said.same(f"{what} {count}", told["common"][count], found[count])
    if kind == "String":
        said.same(f"{what} distinct_count", told["distinct_count"], float(len(found["counts"])))
        buckets = {bucket["value"]: bucket["count"] for bucket in told["distribution"]["categorical"]["buckets"]}
        said.same(f"{what} buckets", buckets, found["counts"])
        return found
    for moment in ("mean", "sum", "std_dev", "min", "max"):
        said.same(f"{what} {moment}", told[moment], found[moment])
    buckets = told["distribution"]["kll"]["buckets"]
    said.same(f"{what} buckets", [bucket["count"] for bucket in buckets], [float(count) for count in found["buckets"]])
    for n, bucket in enumerate(buckets):
        said.same(f"{what} lower_bound", bucket["lower_bound"], found["edges"][n])
        said.same(f"{what} upper_bound", bucket["upper_bound"], found["edges"][n + 1])
    items = weights(feature)
    said.same(f"{what} weight of the sketch", sum(weight for _, weight in items), float(len(found["values"])))
    seen = set(found["values"])
    said.same(f"{what} items nobody sent", [item for item, _ in items if item not in seen], [])
    off = largest_gap(items, [(value, 1.0) for value in found["values"]])
    said.same(f"{what} sketch", off <= SKETCH_ERROR, True)
    return found


def data_quality(said, execution):
    rows = [next(csv.reader([call["captureData"]["endpointInput"]["data"]])) for call in execution["calls"]]
    head, *reference = execution["baseline"]["rows"]
    said.same("item_count", execution["statistics"]["dataset"]["item_count"], len(rows))
    said.same("item_count of the baseline", execution["baseline"]["statistics"]["dataset"]["item_count"], len(reference))
    told, base = execution["statistics"]["features"], execution["baseline"]["statistics"]["features"]
    limits = execution["constraints"]
    said.same("constraints", limits, execution["baseline"]["constraints"])
    for named in (told, base, limits["features"]):
        said.same("columns", [feature["name"] for feature in named], head)
    config = limits["monitoring_config"]
    compare = config["distribution_constraints"]
    said.same("method", (compare["comparison_method"], compare["categorical_drift_method"]), ("Robust", "LInfinity"))
    violations = {}
    for n, (now, before) in enumerate(zip(columns(rows), columns(reference))):
        name, limit = head[n], limits["features"][n]
        found, known = statistics(said, name, told[n], now), statistics(said, f"baseline {name}", base[n], before)
        said.same(f"{name} type", limit["inferred_type"], kind_of(before))
        sizes = found["num_present"], known["num_present"]
        if "counts" in found:
            said.same(f"{name} domains", sorted(limit["string_constraints"]["domains"]), sorted(known["counts"]))
            distance = robust(share_gap(found["counts"], known["counts"]), *sizes)
            threshold = compare["categorical_comparison_threshold"]
            inside = sum(count for value, count in found["counts"].items() if value in known["counts"]) / sizes[0]
            if 1 - inside > config["domain_content_threshold"]:
                violations[name, "categorical_values_check"] = inside
        else:
            said.same(f"{name} is_non_negative", limit["num_constraints"]["is_non_negative"], known["min"] >= 0)
            distance = robust(largest_gap(weights(told[n]), weights(base[n])), *sizes)
            exact = robust(largest_gap(*([(value, 1.0) for value in side["values"]] for side in (found, known))), *sizes)
            said.same(f"{name} distance by sketches", distance, exact, 2 * SKETCH_ERROR)
            threshold = compare["comparison_threshold"]
        if distance > threshold:
            violations[name, "baseline_drift_check"] = distance
        said.same(f"{name} published", execution["metrics"].get(f"feature_baseline_drift_{name}", math.nan), distance, 1e-6)
        complete = found["num_present"] / len(rows)
        said.same(f"{name} limit of completeness", known["num_present"] / len(reference) >= limit["completeness"], True)
        if complete < limit["completeness"]:
            violations[name, "completeness_check"] = complete
    listed = {}
    for entry in execution["constraint_violations"]["violations"]:
        text = entry["description"]
        value = re.match(r"(?:Baseline drift distance|Value): ([-+.\deE]+) (?:exceeds threshold: 0\.1$|does not meet)", text)
        listed[entry["feature_name"], entry["constraint_check_type"]] = float(value[1])
    verdict(said, execution, listed, violations)


def verdict(said, execution, listed, violations):
    said.same("violations", sorted(listed), sorted(violations))
    for key in listed.keys() & violations.keys():
        said.same(f"{key} described", listed[key], violations[key])
    said.same("status", execution["status"], "CompletedWithViolations" if violations else "Completed")


def model_quality(said, execution):
    labels = {line["eventMetadata"]["eventId"]: line["groundTruthData"]["data"] for line in execution["labels"]}
    calls = {
        call["eventMetadata"]["eventId"]: float(call["captureData"]["endpointOutput"]["data"]) for call in execution["calls"]
    }
    said.same("calls and labels", sorted(calls), sorted(labels))
    scored = [(labels[id] == "1", score) for id, score in calls.items() if id in labels]
    section = execution["statistics"]["binary_classification_metrics"]
    said.same("item_count", execution["statistics"]["dataset"]["item_count"], len(scored))
    found = measured(scored)
    matrix = {row: dict(cells) for row, cells in section["confusion_matrix"].items()}
    said.same("confusion_matrix", matrix, found.pop("confusion_matrix"))
    for name, value in found.items():
        said.same(name, section[name]["value"], value)
        if name in execution["metrics"]:
            said.same(f"{name} published", execution["metrics"][name], value, 1e-6)
    said.same("published", sorted(execution["metrics"].keys() - found.keys()), [])
    constant = max(sum(label for label, _ in scored), sum(not label for label, _ in scored)) / len(scored)
    said.same("best constant", section["accuracy_best_constant_classifier"]["value"], constant)
    curve = section["receiver_operating_characteristic_curve"]
    for rates, label in (("true_positive_rates", True), ("false_positive_rates", False)):
        ours = [score for known, score in scored if known == label]
        wanted = [sum(score >= limit / 20 for score in ours) / len(ours) for limit in range(20, -1, -1)]
        for told, rate in zip(curve[rates], wanted, strict=True):
            said.same(rates, told, rate)
    limits = execution["constraints"]["binary_classification_constraints"]
    said.same("constraints", execution["constraints"], execution["baseline"]["constraints"])
    base = measured([(label == "1", float(score)) for label, score in execution["baseline"]["rows"][1:]])
    violations = {}
    for name, limit in limits.items():
        said.same(f"{name} operator", limit["comparison_operator"], "LessThanThreshold")
        said.same(f"{name} below its baseline", 0 < base[name] - limit["threshold"] < 0.11, True)
        if found[name] < limit["threshold"]:
            violations[name, "LessThanThreshold"] = found[name]
    listed = {}
    for entry in execution["constraint_violations"]["violations"]:
        value = re.fullmatch(r"Metric (\w+) with (\S+) was LessThanThreshold (\S+)", entry["description"])
        said.same("threshold", float(value[3]), limits[value[1]]["threshold"])
        listed[entry["metric_name"], entry["constraint_check_type"]] = float(value[2])
    verdict(said, execution, listed, violations)


def measured(scored):
    tp, fp = (sum(label == wanted and score >= 0.5 for label, score in scored) for wanted in (True, False))
    fn, tn = (sum(label == wanted and score < 0.5 for label, score in scored) for wanted in (True, False))
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    f = lambda beta: (1 + beta**2) * precision * recall / (beta**2 * precision + recall)
    # Pairs in the right order; halves for ties.
    lower = sorted(score for label, score in scored if not label)
    pairs = sum(
        (bisect.bisect_left(lower, score) + bisect.bisect_right(lower, score)) / 2 for label, score in scored if label
    )
    return {
        "confusion_matrix": {"0": {"0": tn, "1": fp}, "1": {"0": fn, "1": tp}},
        "accuracy": (tp + tn) / len(scored),
        "auc": pairs / (len(lower) * (len(scored) - len(lower))),
        "precision": precision,
        "recall": recall,
        "f0_5": f(0.5),
        "f1": f(1),
        "f2": f(2),
        "true_positive_rate": recall,
        "false_negative_rate": fn / (tp + fn),
        "false_positive_rate": fp / (fp + tn),
        "true_negative_rate": tn / (fp + tn),
    }


def judge(execution):
    said = Complaints()
    {"DataQuality": data_quality, "ModelQuality": model_quality}[execution["type"]](said, execution)
    return said


# What a judge must notice.


def altered(execution):
    """The execution with one wrong value each, by name."""

    def change(name, alter):
        wrong = copy.deepcopy(execution)
        alter(wrong)
        return name, wrong

    def lost(wrong):
        wrong["calls"].pop(len(wrong["calls"]) // 2)

    def published(wrong):
        name = next(iter(wrong["metrics"]))
        wrong["metrics"][name] += 0.001

    def invented(wrong):
        entry = {"feature_name": "x", "metric_name": "x", "constraint_check_type": "baseline_drift_check"}
        text = "Metric f1 with 0.1 was LessThanThreshold 0.2" if model else "Baseline drift distance: 0.2 exceeds threshold: 0.1"
        found = wrong["constraint_violations"]["violations"]
        found.pop() if found else found.append({**entry, "description": text})
        if model and found and found[-1]["metric_name"] == "x":
            wrong["constraints"]["binary_classification_constraints"]["f1"]["threshold"] = 0.2

    model = execution["type"] == "ModelQuality"
    yield change("a call is lost", lost)
    yield change("a metric is off", published)
    yield change("a violation is invented or kept quiet", invented)
    if model:
        section = lambda wrong: wrong["statistics"]["binary_classification_metrics"]
        yield change("auc is off", lambda wrong: section(wrong)["auc"].update(value=section(wrong)["auc"]["value"] + 1e-6))
        yield change("a label is turned", lambda wrong: turn(wrong["labels"][0]["groundTruthData"]))
        return

    def numeric(wrong, n=0):
        features = wrong["statistics"]["features"]
        return [feature["numerical_statistics"] for feature in features if "numerical_statistics" in feature][n]

    def buckets(wrong):
        first, second, *_ = numeric(wrong)["distribution"]["kll"]["buckets"]
        first["count"], second["count"] = first["count"] + 1, second["count"] - 1

    def sketch(wrong):
        numeric(wrong)["distribution"]["kll"]["sketch"]["data"][0].append(0.123456)

    def cell(wrong):
        sent = wrong["calls"][0]["captureData"]["endpointInput"]
        sent["data"] = ",".join(["77777", *sent["data"].split(",")[1:]])

    yield change("a mean is off", lambda wrong: numeric(wrong).update(mean=numeric(wrong)["mean"] * 1.000001))
    yield change("a deviation is off", lambda wrong: numeric(wrong).update(std_dev=numeric(wrong)["std_dev"] * 1.001))
    yield change("a row is in the wrong bucket", buckets)
    yield change("an item is in no row", sketch)
    yield change("a cell was another", cell)


def turn(label):
    label["data"] = "0" if label["data"] == "1" else "1"


def summaries(schedule, count):
    """Its newest executions that judged."""
    found = sagemaker.list_monitoring_executions(
        MonitoringScheduleName=schedule, SortBy="ScheduledTime", SortOrder="Descending", MaxResults=24
    )["MonitoringExecutionSummaries"]
    return [row for row in found if row["MonitoringExecutionStatus"].startswith("Completed")][:count]


# What is judged came to be while somebody looked on.
step(2 * 3600)
now = datetime.datetime.fromtimestamp(
    json.load(urllib.request.urlopen(f"{sys.argv[1]}/_sandbox/clock", timeout=10))["now"], datetime.timezone.utc
)
told = {}
for schedule in sagemaker.list_monitoring_schedules(StatusEquals="Scheduled")["MonitoringScheduleSummaries"]:
    name = schedule["MonitoringScheduleName"]
    newest = summaries(name, 1 if name.startswith("churn") else 2)
    executions = [read(summary) for summary in newest]
    said = [judge(execution) for execution in executions]
    told[name] = {
        "minutes_ago": (now - newest[0]["ScheduledTime"]).total_seconds() / 60,
        "rows": [len(execution["calls"]) for execution in executions],
        "status": [execution["status"] for execution in executions],
        "compared": sum(complaints.compared for complaints in said),
        "complaints": [complaint for complaints in said for complaint in complaints],
        # One of each type is enough, and these are the small ones.
        "noticed": {
            what: [complaint[:120] for complaint in judge(wrong)[:3]]
            for what, wrong in altered(executions[0])
            if name.startswith(("intent", "ranking"))
        },
        "drifted": sorted(
            entry.get("feature_name") or entry["metric_name"]
            for entry in executions[0]["constraint_violations"]["violations"]
        ),
    }
say(wire, schedules=told)
