//! Monitors on the wire: files, verdicts and metrics tell one story, recomputed here from the files alone.

use std::collections::BTreeMap;

use http::Request;
use mldeck_core::time::{DAY, HOUR, MINUTE, Timestamp};
use serde_json::{Value, json};

use crate::{
    World,
    testkit::{authorization, call, ok, refused, world},
};

const SCHEDULE: &str = "fraud-prod-data-quality";

fn object(world: &mut World, uri: &str) -> Value {
    serde_json::from_slice(&bytes_of(world, uri)).unwrap()
}

fn bytes_of(world: &mut World, uri: &str) -> bytes::Bytes {
    let path = uri.strip_prefix("s3:/").unwrap();
    let request = Request::get(path).header("authorization", authorization("s3")).body(bytes::Bytes::new()).unwrap();
    let response = world.handle(&request);
    assert_eq!(response.status(), 200, "{uri}");
    response.into_body()
}

/// Executions of a schedule that ended, oldest first.
fn ended(world: &mut World, schedule: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut input = json!({"MonitoringScheduleName": schedule, "MaxResults": 37, "SortBy": "ScheduledTime", "SortOrder": "Ascending"});
    loop {
        let page = ok(world, "ListMonitoringExecutions", &input);
        all.extend(page["MonitoringExecutionSummaries"].as_array().unwrap().iter().cloned());
        match page.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => break,
        }
    }
    all.retain(|e| {
        ["Completed", "CompletedWithViolations"].contains(&e["MonitoringExecutionStatus"].as_str().unwrap())
    });
    all
}

fn output(world: &mut World, execution: &Value) -> String {
    let job = execution["ProcessingJobArn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let job = ok(world, "DescribeProcessingJob", &json!({"ProcessingJobName": job}));
    assert_eq!(job["ProcessingJobStatus"], "Completed");
    job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"].as_str().unwrap().to_owned()
}

/// Value and weight of each distinct item, and rows in all.
fn weights(feature: &Value) -> (BTreeMap<String, (f64, f64)>, f64) {
    let mut all = BTreeMap::<String, (f64, f64)>::new();
    if let Some(levels) = feature["numerical_statistics"]["distribution"]["kll"]["sketch"]["data"].as_array() {
        for (level, items) in levels.iter().enumerate() {
            for item in items.as_array().unwrap() {
                let value = item.as_f64().unwrap();
                all.entry(format!("{value}")).or_insert((value, 0.0)).1 += f64::from(1 << level);
            }
        }
    } else {
        for bucket in feature["string_statistics"]["distribution"]["categorical"]["buckets"].as_array().unwrap() {
            let name = bucket["value"].as_str().unwrap();
            all.insert(name.to_owned(), (0.0, bucket["count"].as_f64().unwrap()));
        }
    }
    let rows = all.values().map(|(_, weight)| weight).sum();
    (all, rows)
}

/// The robust distance by the definition: quadratic, unlike the one under test.
fn distance(now: &Value, before: &Value) -> f64 {
    let ((a, n), (b, m)) = (weights(now), weights(before));
    let is_number = now["numerical_statistics"].is_object();
    let raw = a.iter().chain(&b).map(|(name, (value, _))| {
        if is_number {
            let below = |all: &BTreeMap<String, (f64, f64)>| {
                all.values().filter(|(v, _)| v <= value).map(|(_, w)| w).sum::<f64>()
            };
            (below(&a) / n - below(&b) / m).abs()
        } else {
            let count = |all: &BTreeMap<String, (f64, f64)>| all.get(name).map_or(0.0, |(_, count)| *count);
            (count(&a) / n - count(&b) / m).abs()
        }
    });
    (raw.fold(0.0, f64::max) - 1.8 * ((n + m) / (n * m)).sqrt()).max(0.0)
}

fn metric(world: &mut World, feature: &str, at: f64) -> f64 {
    let query = json!({
        "StartTime": at, "EndTime": at + 3_600.0,
        "MetricDataQueries": [{"Id": "m", "MetricStat": {"Stat": "Average", "Period": 3_600, "Metric": {
            "Namespace": "aws/sagemaker/Endpoints/data-metrics",
            "MetricName": format!("feature_baseline_drift_{feature}"),
            "Dimensions": [
                {"Name": "Endpoint", "Value": "fraud-prod"}, {"Name": "MonitoringSchedule", "Value": SCHEDULE},
                {"Name": "Feature", "Value": "_"},
            ],
        }}}],
    });
    let (status, body) = call(world, "monitoring", "GetMetricData", &query);
    assert_eq!(status, 200, "{body}");
    body["MetricDataResults"][0]["Values"][0].as_f64().unwrap_or_else(|| panic!("{body}"))
}

#[test]
fn files_violations_and_metrics_agree() {
    let mut world = world("quiet-night");
    let baseline = object(&mut world, "s3://acme-ml-monitoring/fraud-prod/baseline/statistics.json");
    let executions = ended(&mut world, SCHEDULE);
    for execution in [executions.last().unwrap(), &executions[executions.len() - 15]] {
        let home = output(&mut world, execution);
        let statistics = object(&mut world, &format!("{home}/statistics.json"));
        let found = object(&mut world, &format!("{home}/constraint_violations.json"));
        let constraints = object(&mut world, &format!("{home}/constraints.json"));
        assert_eq!(constraints["monitoring_config"]["distribution_constraints"]["comparison_method"], "Robust");
        let mut drifted = Vec::new();
        for (now, before) in
            statistics["features"].as_array().unwrap().iter().zip(baseline["features"].as_array().unwrap())
        {
            let name = now["name"].as_str().unwrap();
            assert_eq!(before["name"], name);
            let wanted = distance(now, before);
            let published = metric(&mut world, name, execution["ScheduledTime"].as_f64().unwrap());
            assert!((published - wanted).abs() < 1e-6, "{name}: files say {wanted}, CloudWatch {published}");
            if wanted > 0.1 {
                drifted.push((name.to_owned(), wanted));
            }
        }
        let drift = found["violations"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|v| v["constraint_check_type"] == "baseline_drift_check");
        let told: Vec<(String, f64)> = drift
            .map(|violation| {
                let text = violation["description"].as_str().unwrap();
                let value = text.strip_prefix("Baseline drift distance: ").unwrap().split(' ').next().unwrap();
                assert!(text.ends_with("exceeds threshold: 0.1"));
                (violation["feature_name"].as_str().unwrap().to_owned(), value.parse().unwrap())
            })
            .collect();
        assert_eq!(told.len(), drifted.len(), "{told:?} {drifted:?}");
        for ((name, value), (wanted_name, wanted)) in told.iter().zip(&drifted) {
            assert_eq!(name, wanted_name);
            assert!((value - wanted).abs() < 1e-9, "{name}");
        }
        let is_violated = !found["violations"].as_array().unwrap().is_empty();
        assert_eq!(is_violated, execution["MonitoringExecutionStatus"] == "CompletedWithViolations");
    }
}

#[test]
fn drift_grows_over_the_day() {
    let mut world = world("quiet-night");
    let executions = ended(&mut world, SCHEDULE);
    let newest = executions.len() - 1;
    let mut at = |feature: &str, hours: usize| {
        let scheduled = executions[newest - hours]["ScheduledTime"].as_f64().unwrap();
        metric(&mut world, feature, scheduled)
    };
    for (feature, quiet, early, last) in [
        ("merchant_category", 24, 8, (0.33, 0.45)),
        ("amount_log", 12, 4, (0.16, 0.28)),
        ("device_age", 9, 2, (0.08, 0.24)),
    ] {
        let (before, middle, now) = (at(feature, quiet), at(feature, early), at(feature, 0));
        assert!(before < 0.03, "{feature} {before}");
        assert!(middle > before && now > middle, "{feature} {before} {middle} {now}");
        assert!(now > last.0 && now < last.1, "{feature} {now}");
    }
    assert!(at("channel", 0) < 0.03);
}

#[test]
fn a_sketch_stands_for_every_row() {
    let mut world = world("quiet-night");
    let baseline = object(&mut world, "s3://acme-ml-monitoring/fraud-prod/baseline/statistics.json");
    assert_eq!(baseline["dataset"]["item_count"], 12_441);
    for feature in baseline["features"].as_array().unwrap() {
        let (_, rows) = weights(feature);
        let kind =
            if feature["numerical_statistics"].is_object() { "numerical_statistics" } else { "string_statistics" };
        let common = &feature[kind]["common"];
        assert_eq!(Some(rows), common["num_present"].as_f64(), "{}", feature["name"]);
        assert_eq!(common["num_present"].as_u64().unwrap() + common["num_missing"].as_u64().unwrap(), 12_441);
        if let Some(buckets) = feature["numerical_statistics"]["distribution"]["kll"]["buckets"].as_array() {
            let counted: f64 = buckets.iter().map(|bucket| bucket["count"].as_f64().unwrap()).sum();
            assert_eq!((buckets.len(), counted), (10, rows));
        }
    }
}

#[test]
fn executions_appear_with_the_clock() {
    let mut world = world("quiet-night");
    let input = json!({"MonitoringScheduleName": SCHEDULE, "MaxResults": 1, "SortBy": "ScheduledTime"});
    let newest =
        |world: &mut World| ok(world, "ListMonitoringExecutions", &input)["MonitoringExecutionSummaries"][0].clone();
    let before = newest(&mut world)["ScheduledTime"].as_f64().unwrap();
    let mut seen = Vec::new();
    for _ in 0..240 {
        let to = world.now().plus(20_000);
        world.advance_to(to);
        let execution = newest(&mut world);
        if execution["ScheduledTime"].as_f64().unwrap() > before {
            let status = execution["MonitoringExecutionStatus"].as_str().unwrap().to_owned();
            let jitter = execution["CreationTime"].as_f64().unwrap() - execution["ScheduledTime"].as_f64().unwrap();
            assert!((0.0..=1_200.0).contains(&jitter), "{jitter}");
            if seen.last() != Some(&status) {
                seen.push(status);
            }
        }
        if seen.len() == 3 {
            break;
        }
    }
    assert_eq!(seen, ["Pending", "InProgress", "CompletedWithViolations"]);
}

#[test]
fn schedules_and_their_exceptions() {
    let mut world = world("quiet-night");
    let list = ok(&mut world, "ListMonitoringSchedules", &json!({"SortBy": "Name", "SortOrder": "Ascending"}));
    let rows: Vec<(&str, &str)> = list["MonitoringScheduleSummaries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["MonitoringScheduleName"].as_str().unwrap(), s["MonitoringScheduleStatus"].as_str().unwrap()))
        .collect();
    let wanted = [
        ("churn-batch-data-quality", "Scheduled"),
        (SCHEDULE, "Scheduled"),
        ("intent-fr-data-quality", "Scheduled"),
        ("ranking-eu-model-quality", "Scheduled"),
        ("vision-qa-data-quality", "Stopped"),
    ];
    assert_eq!(rows, wanted);
    let failed = ok(&mut world, "ListMonitoringExecutions", &json!({"StatusEquals": "Failed"}));
    let failed = failed["MonitoringExecutionSummaries"].as_array().unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["EndpointName"], "intent-fr");
    assert!(failed[0]["FailureReason"].as_str().unwrap().starts_with("No data captured"));
    for quiet in ["churn-batch-data-quality", "ranking-eu-model-quality"] {
        let all = ended(&mut world, quiet);
        assert!(all.len() > 10 && all.iter().all(|e| e["MonitoringExecutionStatus"] == "Completed"), "{quiet}");
    }
    let stopped = ended(&mut world, "vision-qa-data-quality");
    let last = Timestamp::from_secs_f64(stopped.last().unwrap()["ScheduledTime"].as_f64().unwrap());
    assert!(world.now().since(last) > 10 * DAY);
    assert_eq!(
        refused(&mut world, "DescribeMonitoringSchedule", &json!({"MonitoringScheduleName": "no"})).0,
        "ResourceNotFound"
    );
}

#[test]
fn a_stopped_schedule_makes_no_executions_until_it_is_started() {
    let mut world = world("quiet-night");
    let name = json!({"MonitoringScheduleName": SCHEDULE});
    let hourly = |world: &mut World| ended(world, SCHEDULE).len();
    ok(&mut world, "StopMonitoringSchedule", &name);
    let to = world.now().plus(30 * MINUTE);
    world.advance_to(to);
    let before = hourly(&mut world);
    let to = world.now().plus(5 * HOUR);
    world.advance_to(to);
    // Seven days are kept: five hours have also left at the other end.
    assert_eq!(hourly(&mut world), before - 5);
    ok(&mut world, "StartMonitoringSchedule", &name);
    let to = world.now().plus(3 * HOUR);
    world.advance_to(to);
    assert_eq!(hourly(&mut world), before - 5);
}

#[test]
fn the_alert_follows_the_violations() {
    let mut world = world("quiet-night");
    let name = json!({"MonitoringScheduleName": SCHEDULE});
    let alert = ok(&mut world, "ListMonitoringAlerts", &name)["MonitoringAlertSummaries"][0].clone();
    assert_eq!(alert["AlertStatus"], "InAlert");
    let history = ok(&mut world, "ListMonitoringAlertHistory", &json!({"SortOrder": "Ascending"}));
    let history = history["MonitoringAlertHistory"].as_array().unwrap();
    assert_eq!(history.last().unwrap()["AlertStatus"], "InAlert");
    let first = Timestamp::from_secs_f64(history[0]["CreationTime"].as_f64().unwrap());
    let ago = world.now().since(first);
    assert!((9 * HOUR..19 * HOUR).contains(&ago), "{ago}");
    let quiet = ok(&mut world, "ListMonitoringAlerts", &json!({"MonitoringScheduleName": "ranking-eu-model-quality"}));
    assert_eq!(quiet["MonitoringAlertSummaries"][0]["AlertStatus"], "OK");
}

#[test]
fn reports_are_listed_where_the_job_says() {
    let mut world = world("quiet-night");
    let newest = ended(&mut world, "ranking-eu-model-quality").pop().unwrap();
    let home = output(&mut world, &newest);
    let prefix = home.strip_prefix("s3://acme-ml-monitoring/").unwrap();
    let request = Request::get(format!("/acme-ml-monitoring?list-type=2&prefix={prefix}/"))
        .header("authorization", authorization("s3"))
        .body(bytes::Bytes::new())
        .unwrap();
    let listing = String::from_utf8(world.handle(&request).body().to_vec()).unwrap();
    let statistics = object(&mut world, &format!("{home}/statistics.json"));
    let size = bytes_of(&mut world, &format!("{home}/statistics.json")).len();
    for part in ["constraint_violations.json", "constraints.json", "statistics.json", &format!("<Size>{size}</Size>")] {
        assert!(listing.contains(part), "{part} not in {listing}");
    }
    let auc = statistics["binary_classification_metrics"]["auc"]["value"].as_f64().unwrap();
    assert!((0.85..0.95).contains(&auc), "{auc}");
}

fn schedule(name: &str, kind: &str, endpoint: &str, expression: &str) -> serde_json::Value {
    json!({
        "MonitoringScheduleName": name,
        "MonitoringScheduleConfig": {
            "ScheduleConfig": {"ScheduleExpression": expression},
            "MonitoringType": kind,
            "MonitoringJobDefinition": {
                "MonitoringInputs": [{"EndpointInput": {"EndpointName": endpoint, "LocalPath": "/opt/ml/processing/in"}}],
                "MonitoringOutputConfig": {"MonitoringOutputs": [{"S3Output": {
                    "S3Uri": "s3://acme-ml-data/own/", "LocalPath": "/opt/ml/processing/out"}}]},
                "MonitoringResources": {"ClusterConfig": {
                    "InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20}},
                "MonitoringAppSpecification": {"ImageUri": "analyzer"},
                "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
            },
        },
    })
}

#[test]
fn a_schedule_of_each_kind_runs_by_its_cron_and_leaves_its_files() {
    let mut world = world("drift-storm");
    for (kind, endpoint, files) in [
        ("DataQuality", "fraud-prod", 3),
        ("ModelQuality", "ranking-eu", 3),
        ("ModelBias", "ranking-eu", 2),
        ("ModelExplainability", "fraud-prod", 2),
    ] {
        let name = json!({"MonitoringScheduleName": format!("own-{kind}")});
        let input = schedule(&format!("own-{kind}"), kind, endpoint, "cron(0 * ? * * *)");
        ok(&mut world, "CreateMonitoringSchedule", &input);
        assert_eq!(refused(&mut world, "CreateMonitoringSchedule", &input).0, "ResourceInUse");
        let to = world.now().plus(3 * HOUR);
        world.advance_to(to);
        let list = ok(&mut world, "ListMonitoringExecutions", &name);
        let all = list["MonitoringExecutionSummaries"].as_array().unwrap().clone();
        assert!((2..=3).contains(&all.len()), "{kind}: {all:?}");
        let due = all[0]["ScheduledTime"].as_f64().unwrap();
        assert_eq!(due % 3_600.0, 0.0);
        let late = all[0]["CreationTime"].as_f64().unwrap() - due;
        assert!((1.0..=1_200.0).contains(&late), "{late}");
        let over =
            all.iter().find(|e| e["MonitoringExecutionStatus"].as_str().unwrap().starts_with("Completed")).unwrap();
        // Attributions keep their order in this storm: what drifts most is not what scores come from.
        let is_hurt = kind != "ModelExplainability";
        let wanted = if is_hurt { "CompletedWithViolations" } else { "Completed" };
        assert_eq!(over["MonitoringExecutionStatus"], wanted, "{kind}");
        let prefix = format!("own/{endpoint}/own-{kind}/");
        let keys: Vec<String> = world.s3.list("acme-ml-data", &prefix).map(|(key, _)| key.to_owned()).collect();
        assert!(keys.len() >= files && keys.len().is_multiple_of(files), "{keys:?}");
        let report = keys.iter().find(|key| key.ends_with("constraint_violations.json")).unwrap();
        let report: serde_json::Value =
            serde_json::from_slice(&world.s3.get("acme-ml-data", report).unwrap().body).unwrap();
        assert_eq!(report["violations"].as_array().unwrap().is_empty(), !is_hurt, "{kind}: {report}");
        let alerts = ok(&mut world, "ListMonitoringAlerts", &name);
        let alert = alerts["MonitoringAlertSummaries"][0].clone();
        assert_eq!(alert["AlertStatus"], if is_hurt { "InAlert" } else { "OK" });
        let mut update = name.clone();
        update["MonitoringAlertName"] = alert["MonitoringAlertName"].clone();
        (update["DatapointsToAlert"], update["EvaluationPeriod"]) = (json!(50), json!(60));
        ok(&mut world, "UpdateMonitoringAlert", &update);
        let alerts = ok(&mut world, "ListMonitoringAlerts", &name);
        assert_eq!(alerts["MonitoringAlertSummaries"][0]["AlertStatus"], "OK");
        let (_, metrics) = call(
            &mut world,
            "monitoring",
            "ListMetrics",
            &json!({"Dimensions": [
            {"Name": "MonitoringSchedule", "Value": format!("own-{kind}")}]}),
        );
        assert!(!metrics["Metrics"].as_array().unwrap().is_empty(), "{kind}");
        // Between two executions nothing runs.
        for _ in 0..60 {
            let to = world.now().plus(mldeck_core::time::MINUTE);
            world.advance_to(to);
            if call(&mut world, "sagemaker", "DeleteMonitoringSchedule", &name).0 == 200 {
                break;
            }
        }
        assert_eq!(refused(&mut world, "DescribeMonitoringSchedule", &name).0, "ResourceNotFound");
        let list = ok(&mut world, "ListMonitoringExecutions", &json!({"EndpointName": endpoint, "MaxResults": 100}));
        assert!(!list.to_string().contains(&format!("own-{kind}")));
    }
}

#[test]
fn schedules_that_cannot_run_are_refused() {
    let mut world = world("quiet-night");
    for (input, what) in [
        (schedule("own", "DataQuality", "fraud-prod", "cron(5 4 1 * ? *)"), "not supported"),
        (schedule("own", "DataQuality", "no-such", "cron(0 * ? * * *)"), "Could not find endpoint"),
        (schedule("own", "DataQuality", "fraud-prod", "NOW"), "DataAnalysisStartTime"),
    ] {
        let (code, message) = refused(&mut world, "CreateMonitoringSchedule", &input);
        assert_eq!(code, "ValidationException");
        assert!(message.contains(what), "{message}");
    }
    let mut once = schedule("own", "DataQuality", "fraud-prod", "NOW");
    once["MonitoringScheduleConfig"]["ScheduleConfig"]["DataAnalysisStartTime"] = json!("-PT5H");
    once["MonitoringScheduleConfig"]["ScheduleConfig"]["DataAnalysisEndTime"] = json!("-PT0H");
    ok(&mut world, "CreateMonitoringSchedule", &once);
    let to = world.now().plus(5 * HOUR);
    world.advance_to(to);
    let list = ok(&mut world, "ListMonitoringExecutions", &json!({"MonitoringScheduleName": "own"}));
    assert_eq!(list["MonitoringExecutionSummaries"].as_array().unwrap().len(), 1, "{list}");
}

#[test]
fn in_the_storm_many_features_drift_and_one_model_is_worse() {
    let mut world = world("drift-storm");
    let quiet = |world: &mut crate::World, name: &str| {
        let list = ok(
            world,
            "ListMonitoringExecutions",
            &json!({
            "MonitoringScheduleName": name, "SortBy": "ScheduledTime", "MaxResults": 100}),
        );
        let all = list["MonitoringExecutionSummaries"].as_array().unwrap().clone();
        let over =
            all.into_iter().filter(|e| e["MonitoringExecutionStatus"].as_str().unwrap().starts_with("Completed"));
        over.map(|e| e["MonitoringExecutionStatus"] == "Completed").collect::<Vec<bool>>()
    };
    for name in ["fraud-prod-data-quality", "intent-fr-data-quality", "ranking-eu-model-quality"] {
        let told = quiet(&mut world, name);
        assert!(told[..6].iter().all(|quiet| !quiet), "{name} is quiet now: {told:?}");
        assert!(told[16..].iter().all(|quiet| *quiet), "{name} was not quiet before: {told:?}");
    }
    let daily = quiet(&mut world, "churn-batch-data-quality");
    assert_eq!((daily[0], daily[2]), (false, true), "{daily:?}");
}

#[test]
fn what_a_schedule_did_before_it_was_changed_stays() {
    let mut world = world("quiet-night");
    ok(&mut world, "CreateMonitoringSchedule", &own("own", "fraud-prod", "cron(0 * ? * * *)"));
    world.advance_to(world.now().plus(5 * HOUR));
    let before = ended(&mut world, "own");
    assert!(before.len() >= 4, "{before:?}");
    ok(&mut world, "UpdateMonitoringSchedule", &own("own", "ranking-eu", "cron(0 0/6 ? * * *)"));
    assert_eq!(ended(&mut world, "own"), before);
    world.advance_to(world.now().plus(13 * HOUR));
    let all = ended(&mut world, "own");
    assert_eq!(all[..before.len()], before[..]);
    assert_eq!(all.len(), before.len() + 2, "every six hours from then on");
    assert!(all[before.len()..].iter().all(|execution| execution["EndpointName"] == "ranking-eu"));
    let listed = ok(&mut world, "ListMonitoringSchedules", &json!({"NameContains": "own"}));
    assert_eq!(listed["MonitoringScheduleSummaries"].as_array().unwrap().len(), 1);
    ok(&mut world, "DeleteMonitoringSchedule", &json!({"MonitoringScheduleName": "own"}));
    let about = json!({"MonitoringScheduleName": "own"});
    assert_eq!(refused(&mut world, "ListMonitoringExecutions", &about).0, "ResourceNotFound");
}

#[test]
fn a_schedule_over_batches_has_no_endpoint() {
    let mut world = world("quiet-night");
    let mut wanted = own("own", "fraud-prod", "cron(0 * ? * * *)");
    wanted["MonitoringScheduleConfig"]["MonitoringJobDefinition"]["MonitoringInputs"] = json!([{"BatchTransformInput": {
        "DataCapturedDestinationS3Uri": "s3://own/captured", "DatasetFormat": {"Csv": {"Header": true}}, "LocalPath": "/opt/ml/processing/input",
    }}]);
    ok(&mut world, "CreateMonitoringSchedule", &wanted);
    world.advance_to(world.now().plus(3 * HOUR));
    let about = json!({"MonitoringScheduleName": "own"});
    let told = ok(&mut world, "DescribeMonitoringSchedule", &about);
    assert!(told.get("EndpointName").is_none(), "{told}");
    assert!(told["LastMonitoringExecutionSummary"].get("EndpointName").is_none(), "{told}");
    let execution = ended(&mut world, "own").pop().unwrap();
    assert!(!output(&mut world, &execution).trim_start_matches("s3://").contains("//"));
}

#[test]
fn an_execution_now_looks_at_the_time_it_was_told() {
    let mut world = world("quiet-night");
    let mut wanted = own("own", "fraud-prod", "NOW");
    for (member, offset) in [("DataAnalysisStartTime", "-PT6H"), ("DataAnalysisEndTime", "-PT1H")] {
        wanted["MonitoringScheduleConfig"]["ScheduleConfig"][member] = offset.into();
    }
    ok(&mut world, "CreateMonitoringSchedule", &wanted);
    let now = world.now();
    world.advance_to(now.plus(HOUR));
    let execution = ended(&mut world, "own").pop().unwrap();
    let job = execution["ProcessingJobArn"].as_str().unwrap().rsplit('/').next().unwrap();
    let job = ok(&mut world, "DescribeProcessingJob", &json!({"ProcessingJobName": job}));
    let environment = &job["Environment"];
    assert_eq!(
        (&environment["start_time"], &environment["end_time"]),
        (&json!(now.plus(-6 * HOUR).iso()), &json!(now.plus(-HOUR).iso()))
    );
    let mut long = wanted.clone();
    long["MonitoringScheduleName"] = json!("long");
    long["MonitoringScheduleConfig"]["ScheduleConfig"]["DataAnalysisStartTime"] = json!("-PT30H");
    assert_eq!(refused(&mut world, "CreateMonitoringSchedule", &long).0, "ValidationException");
}

fn own(name: &str, endpoint: &str, expression: &str) -> Value {
    json!({"MonitoringScheduleName": name, "MonitoringScheduleConfig": {
        "ScheduleConfig": {"ScheduleExpression": expression}, "MonitoringType": "DataQuality",
        "MonitoringJobDefinition": {
            "MonitoringInputs": [{"EndpointInput": {"EndpointName": endpoint, "LocalPath": "/opt/ml/processing/input"}}],
            "MonitoringOutputConfig": {"MonitoringOutputs": [{"S3Output": {
                "S3Uri": "s3://own/reports", "LocalPath": "/opt/ml/processing/output"}}]},
            "MonitoringResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20}},
            "MonitoringAppSpecification": {"ImageUri": "468650794304.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-model-monitor-analyzer"},
            "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
        },
    }})
}
