//! boto3 reads the sandbox: values, and every answer against botocore's model of its service.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{array, numbers, refused, report, sound, support::peers::Peers, texts};

/// At speed 1 nothing changes while it reads but by the minute.
fn reads() -> Option<&'static Value> {
    report("reads.py")
}

#[test]
fn the_watch_over_the_wire_notices_what_is_wrong() {
    let Some(peers) = Peers::find() else { return };
    let report = peers.script("broken.py", "http://127.0.0.1:1", &[]);
    let faults = report["faults"].as_object().unwrap();
    let noticed: BTreeMap<&str, &str> =
        faults.iter().map(|(case, what)| (case.as_str(), what[0].as_str().unwrap())).collect();
    let wanted = [
        ("deep", ".ProductionVariants[].VariantName: required and missing"),
        ("enum", ".EndpointStatus: 'Broken' is none of"),
        ("foreign", ": fails with 'ConflictException', which is none of "),
        ("length", ".FailureReason: 1025 characters where 0 to 1024 are allowed"),
        ("null", ".FailureReason: null is sent"),
        ("pattern", ".EndpointName: 'under_score' does not match"),
        ("range", ".ProductionVariants[].CurrentWeight: -1.0 where 0 to None are allowed"),
        ("required", ".EndpointArn: required and missing"),
        ("silent", ": fails with 'ValidationException' and does not say why"),
        ("type", ".CreationTime: timestamp wanted, str sent"),
        ("unknown", ".EndpointNome: no such member"),
    ];
    assert_eq!(noticed.keys().copied().collect::<Vec<_>>(), wanted.map(|(case, _)| case));
    for (case, what) in wanted {
        assert!(noticed[case].starts_with(what), "{case}: {}", noticed[case]);
    }
}

#[test]
fn every_answer_fits_the_model_of_its_service() {
    let Some(read) = reads() else { return };
    sound(read);
    let calls = read["calls"].as_object().unwrap();
    let services: BTreeSet<&str> = calls.keys().map(|call| call.split(':').next().unwrap()).collect();
    let all =
        ["application-autoscaling", "cloudtrail", "cloudwatch", "logs", "s3", "sagemaker", "sagemaker-metrics", "sts"];
    assert_eq!(services.into_iter().collect::<Vec<_>>(), all);
    assert!(calls.len() >= 30, "{} operations: {calls:?}", calls.len());
}

#[test]
fn we_are_who_the_account_says() {
    let Some(read) = reads() else { return };
    let identity = &read["identity"];
    assert_eq!(identity["Account"], "447100000921");
    assert_eq!(identity["Arn"], "arn:aws:sts::447100000921:assumed-role/OnCall/anna");
}

#[test]
fn endpoints_come_in_pages_each_exactly_once() {
    let Some(read) = reads() else { return };
    let endpoints = &read["endpoints"];
    let all: BTreeSet<&str> = texts(&endpoints["hundreds"]).into_iter().collect();
    assert_eq!(all.len(), 40);
    assert_eq!(texts(&endpoints["hundreds"]).len(), 40, "one comes twice");
    for name in ["fraud-prod", "ranking-eu", "churn-batch", "vision-qa", "intent-fr"] {
        assert!(all.contains(name), "{name}");
    }
    assert_eq!(endpoints["sevens"], endpoints["hundreds"], "the size of pages changes the list");
    assert_eq!(endpoints["sizes"], json!([7, 7, 7, 7, 7, 5]));
    let mut sorted = texts(&endpoints["hundreds"]);
    sorted.sort_unstable();
    assert_eq!(texts(&endpoints["by_name"]), sorted);
    assert_eq!(endpoints["default_page"], 10, "AWS cuts at ten when nothing is said");
}

#[test]
fn filters_come_after_the_cut_as_they_do_on_aws() {
    let Some(read) = reads() else { return };
    let found = |pages: &Value| array(pages).iter().flat_map(texts).map(str::to_owned).collect::<Vec<_>>();
    let endpoints = &read["endpoints"];
    assert_eq!(found(&endpoints["contains"]), ["fraud-prod"]);
    assert_eq!(found(&endpoints["troubled"]), ["vision-qa"]);
    assert!(array(&endpoints["contains"]).iter().any(|page| array(page).is_empty()), "an empty page is not the last");
}

#[test]
fn bounds_and_tokens_of_lists_are_refused_as_aws_does() {
    let Some(read) = reads() else { return };
    let endpoints = &read["endpoints"];
    refused(&endpoints["too_many"], "ValidationException", "less than or equal to 100");
    refused(&endpoints["bad_token"], "ValidationException", "NextToken");
    refused(&endpoints["other_question"], "ValidationException", "NextToken");
}

#[test]
fn an_endpoint_its_config_and_its_model_agree() {
    let Some(read) = reads() else { return };
    let described = &read["described"];
    let (endpoint, config, model) = (&described["endpoint"], &described["config"], &described["model"]);
    assert_eq!(endpoint["EndpointStatus"], "InService");
    assert_eq!(endpoint["EndpointConfigName"], "fraud-v18-c");
    assert_eq!(endpoint["EndpointArn"], "arn:aws:sagemaker:eu-west-1:447100000921:endpoint/fraud-prod");
    assert_eq!(array(&endpoint["ProductionVariants"]).len(), 1);
    let variant = &endpoint["ProductionVariants"][0];
    assert_eq!((&variant["VariantName"], &variant["CurrentInstanceCount"]), (&json!("blue"), &json!(6)));
    assert_eq!((&variant["CurrentWeight"], &variant["DesiredWeight"]), (&json!(1.0), &json!(1.0)));
    assert_eq!(config["ProductionVariants"][0]["ModelName"], "fraud-v18");
    assert_eq!(config["ProductionVariants"][0]["InstanceType"], "ml.c5.2xlarge");
    assert_eq!(model["ModelName"], "fraud-v18");
    let container = &model["PrimaryContainer"];
    assert_eq!(container["ModelDataUrl"], "s3://acme-ml-models/fraud/v18/model.tar.gz");
    let image = &variant["DeployedImages"][0];
    assert_eq!(image["SpecifiedImage"], container["Image"]);
    assert!(image["ResolvedImage"].as_str().unwrap().contains("/fraud-serve@sha256:"), "{image}");
    assert_eq!(endpoint["DataCaptureConfig"]["CaptureStatus"], "Started");
}

#[test]
fn a_deployment_under_way_shows_both_fleets() {
    let Some(read) = reads() else { return };
    let deploying = &read["described"]["deploying"];
    assert_eq!(deploying["EndpointStatus"], "Updating");
    assert_eq!(deploying["EndpointConfigName"], "ranking-v31-b", "the old one until the end");
    let pending = &deploying["PendingDeploymentSummary"];
    assert_eq!(pending["EndpointConfigName"], "ranking-v32-a");
    assert_eq!(pending["ProductionVariants"][0]["VariantName"], "main");
    let policy = &deploying["LastDeploymentConfig"];
    assert_eq!(policy["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["CanarySize"]["Value"], 10);
    let alarms = array(&policy["AutoRollbackConfiguration"]["Alarms"]);
    assert_eq!(alarms.iter().map(|alarm| &alarm["AlarmName"]).collect::<Vec<_>>(), ["ranking-5xx", "ranking-p99"]);
}

#[test]
fn what_is_missing_is_said_in_the_words_of_aws() {
    let Some(read) = reads() else { return };
    let missing = &read["described"]["missing"];
    let arn = |kind: &str, name: &str| format!("\"arn:aws:sagemaker:eu-west-1:447100000921:{kind}/{name}\"");
    refused(
        &missing["endpoint"],
        "ValidationException",
        &format!("Could not find endpoint {}", arn("endpoint", "no-such-endpoint")),
    );
    refused(&missing["config"], "ValidationException", "Could not find endpoint configuration");
    refused(&missing["model"], "ValidationException", "Could not find model");
    refused(&missing["job"], "ValidationException", "Requested resource not found");
}

#[test]
fn the_share_of_errors_rose_after_the_deployment() {
    let Some(read) = reads() else { return };
    let metrics = &read["metrics"];
    let share = |window: &str| {
        let sum = |id: &str| numbers(&metrics[window][id]["Values"]).iter().sum::<f64>();
        100.0 * sum("errors") / sum("calls")
    };
    let (before, after) = (share("before"), share("after"));
    assert!(before < 0.2, "{before} % before");
    assert!((3.0..6.0).contains(&after), "{after} % after");
    // Metric math computes the same, minute by minute.
    for window in ["before", "after"] {
        let of = |id: &str| numbers(&metrics[window][id]["Values"]);
        assert_eq!(metrics[window]["share"]["Timestamps"], metrics[window]["calls"]["Timestamps"]);
        for ((errors, calls), share) in of("errors").into_iter().zip(of("calls")).zip(of("share")) {
            assert!((100.0 * errors / calls - share).abs() < 1e-3, "{errors} of {calls} are {share} %");
        }
    }
    let p99 = |window: &str| numbers(&metrics[window]["p99"]["Values"]).into_iter().fold(0.0, f64::max);
    assert!(p99("after") > 10.0 * p99("before"), "{} and {}", p99("after"), p99("before"));
    assert_eq!(metrics["before"]["share"]["Label"], "share of errors");
    assert_eq!(metrics["bad_expression"]["status"], 400);
    let message = metrics["bad_expression"]["message"].as_str().unwrap();
    assert!(message.starts_with("Error in expression 'e'"), "{message}");
}

#[test]
fn one_period_adds_up_what_ten_do() {
    let Some(read) = reads() else { return };
    let minutes: f64 = numbers(&read["metrics"]["after"]["calls"]["Values"]).iter().sum();
    let points = array(&read["metrics"]["statistics"]["Datapoints"]);
    // Ten minutes that begin within a period of ten minutes lie in two of them.
    let sum: f64 = points.iter().map(|point| point["Sum"].as_f64().unwrap()).sum();
    assert!(sum >= minutes, "{sum} of {minutes}");
    assert!(points.iter().all(|point| point["SampleCount"].as_f64() > Some(0.0)), "{points:?}");
}

#[test]
fn the_metrics_of_one_endpoint_are_listed() {
    let Some(read) = reads() else { return };
    assert_eq!(read["metrics"]["endpoints"], json!(["fraud-prod"]));
    let names = texts(&read["metrics"]["names"]);
    for name in ["Invocations", "Invocation4XXErrors", "Invocation5XXErrors", "ModelLatency", "OverheadLatency"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
}

#[test]
fn the_alarm_fires_and_a_forced_one_remembers() {
    let Some(read) = reads() else { return };
    let alarms = &read["alarms"];
    let fraud = &alarms["fraud"];
    assert_eq!((&fraud["StateValue"], &fraud["MetricName"]), (&json!("ALARM"), &json!("Invocation5XXErrors")));
    assert_eq!(fraud["Dimensions"][0], json!({"Name": "EndpointName", "Value": "fraud-prod"}));
    let deployed = read["described"]["endpoint"]["LastModifiedTime"].as_f64().unwrap();
    let fired = fraud["StateUpdatedTimestamp"].as_f64().unwrap();
    assert!(deployed < fired && fired < read["now"].as_f64().unwrap(), "deployed {deployed}, fired {fired}");
    assert_eq!(alarms["before"], "OK");
    assert_eq!(alarms["firing"]["ranking-5xx"], "a drill by boto3");
    assert!(alarms["firing"]["fraud-5xx"].is_string());
    let change = &alarms["history"][0];
    assert_eq!(change["HistorySummary"], "Alarm updated from OK to ALARM");
    assert_eq!(change["AlarmName"], "ranking-5xx");
    assert_eq!(alarms["all"], alarms["listed"], "pages of twenty lose some");
    refused(&alarms["missing"], "ResourceNotFound", "no-such-alarm");
}

#[test]
fn the_trail_names_who_deployed() {
    let Some(read) = reads() else { return };
    let updates = array(&read["trail"]["updates"]);
    let last = &updates[0];
    assert_eq!((&last["Username"], &last["EventSource"]), (&json!("ci-deploy"), &json!("sagemaker.amazonaws.com")));
    let event = &last["CloudTrailEvent"];
    assert_eq!(event["requestParameters"]["endpointConfigName"], "fraud-v18-c");
    assert_eq!(event["userIdentity"]["arn"], "arn:aws:sts::447100000921:assumed-role/Deployer/ci-deploy");
    assert_eq!(event["eventID"], last["EventId"]);
    let modified = read["described"]["endpoint"]["LastModifiedTime"].as_f64().unwrap();
    let at = last["EventTime"].as_f64().unwrap();
    assert!((0.0..1_800.0).contains(&(modified - at)), "called at {at}, over at {modified}");
    let times: Vec<f64> = updates.iter().map(|event| event["EventTime"].as_f64().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "newest first: {times:?}");
    assert_eq!(read["trail"]["by_user"], json!(["oncall"]));
    refused(&read["trail"]["two_attributes"], "InvalidLookupAttributesException", "one lookup attribute");
}

#[test]
fn autoscaling_owns_the_fraud_variant() {
    let Some(read) = reads() else { return };
    let [target] = array(&read["scaling"]["fraud"]) else { panic!("one target: {}", read["scaling"]["fraud"]) };
    assert_eq!((&target["MinCapacity"], &target["MaxCapacity"]), (&json!(2), &json!(8)));
    assert_eq!(target["ScalableDimension"], "sagemaker:variant:DesiredInstanceCount");
    assert!(texts(&read["scaling"]["all"]).contains(&"endpoint/ranking-eu/variant/main"));
    let policies = array(&read["scaling"]["policies"]);
    assert!(policies.iter().all(|policy| policy["PolicyType"] == "TargetTrackingScaling"), "{policies:?}");
}

#[test]
fn logs_are_filtered_by_time_and_pattern() {
    let Some(read) = reads() else { return };
    let logs = &read["logs"];
    assert!(logs["count"].as_u64() > Some(500), "{}", logs["count"]);
    assert_eq!(logs["ids"], logs["count"], "an event comes twice");
    assert_eq!(logs["outside"], json!([]));
    assert_eq!(logs["streams"], json!(["blue"]));
    assert!(!texts(&logs["errors"]).is_empty());
    assert_eq!(logs["errors"], logs["messages"], "the pattern finds what a search by hand finds");
    refused(&logs["missing"], "ResourceNotFoundException", "log group does not exist");
}

fn names(rows: &Value) -> BTreeSet<&str> {
    array(rows).iter().map(|row| row["name"].as_str().unwrap()).collect()
}

#[test]
fn search_pages_through_all_jobs_each_once() {
    let Some(read) = reads() else { return };
    let search = &read["search"];
    let jobs = array(&search["jobs"]);
    assert_eq!(search["hits"]["Value"], jobs.len());
    assert_eq!(names(&search["jobs"]).len(), jobs.len(), "one comes twice");
    assert_eq!(texts(&search["by_37"]).into_iter().collect::<BTreeSet<_>>(), names(&search["jobs"]));
    assert_eq!(texts(&search["by_37"]).len(), jobs.len());
}

#[test]
fn search_finds_what_a_look_at_every_job_finds() {
    let Some(read) = reads() else { return };
    let search = &read["search"];
    let where_ = |keep: &dyn Fn(&Value) -> bool| -> BTreeSet<&str> {
        array(&search["jobs"]).iter().filter(|job| keep(job)).map(|job| job["name"].as_str().unwrap()).collect()
    };
    type Case<'a> = (&'a str, &'a dyn Fn(&Value) -> bool);
    let cases: [Case<'_>; 4] = [
        ("failed", &|job| job["status"] == "Failed"),
        ("either", &|job| job["status"] == "Failed" || job["status"] == "Stopped"),
        ("nested", &|job| texts(&job["channels"]).iter().any(|uri| uri.contains("/fraud/train/"))),
        ("deep", &|job| {
            job["depth"].as_str().and_then(|depth| depth.parse::<f64>().ok()).is_some_and(|depth| depth > 6.0)
        }),
    ];
    for (question, keep) in cases {
        let wanted = where_(keep);
        assert!(wanted.len() > 5 && wanted.len() < array(&search["jobs"]).len(), "{question} asks nothing");
        assert_eq!(names(&search[question]), wanted, "{question}");
    }
}

#[test]
fn search_sorts_by_a_metric() {
    let Some(read) = reads() else { return };
    let best = array(&read["search"]["best"]);
    let scores: Vec<f64> = best.iter().map(|job| job["metrics"]["val/auc"].as_f64().unwrap()).collect();
    assert!(scores.len() > 20 && scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    assert!(best.iter().all(|job| job["name"].as_str().unwrap().contains("fraud")));
}

#[test]
fn search_refuses_what_aws_refuses() {
    let Some(read) = reads() else { return };
    let search = &read["search"];
    refused(&search["unknown_property"], "ValidationException", "Colour");
    refused(&search["two_contains"], "ValidationException", "'CONTAINS' operator usage limit of 1 exceeded");
    refused(&search["text_compared"], "ValidationException", "");
}

#[test]
fn failed_executions_are_found_with_their_steps() {
    let Some(read) = reads() else { return };
    let search = &read["search"];
    let by_hand = array(&search["executions"]).iter().filter(|row| row["status"] == "Failed").count();
    let bad = array(&search["bad_executions"]);
    assert!(by_hand > 3);
    assert_eq!(bad.len(), by_hand);
    let modified: Vec<f64> = bad.iter().map(|row| row["modified"].as_f64().unwrap()).collect();
    assert!(modified.is_sorted(), "{modified:?}");
    let pipelines = &read["pipelines"];
    assert_eq!(
        pipelines["names"],
        json!(["churn-train", "fraud-train", "intent-train", "ranking-train", "vision-train"])
    );
    assert_eq!(pipelines["described"]["PipelineExecutionStatus"], "Failed");
    assert_eq!(pipelines["described"]["PipelineExecutionArn"], bad[bad.len() - 1]["arn"]);
    let steps = array(&pipelines["steps"]);
    let failed: Vec<&Value> = steps.iter().filter(|step| step["StepStatus"] == "Failed").collect();
    assert_eq!(failed.len(), 1, "{steps:?}");
    assert!(failed[0]["FailureReason"].as_str().is_some_and(|reason| !reason.is_empty()));
    let starts: Vec<f64> = steps.iter().map(|step| step["StartTime"].as_f64().unwrap()).collect();
    assert!(starts.is_sorted(), "{starts:?}");
    let defined: Vec<&Value> = array(&pipelines["definition"]["Steps"]).iter().map(|step| &step["Name"]).collect();
    assert!(steps.iter().all(|step| defined.contains(&&step["StepName"])), "{defined:?}");
    assert!(pipelines["parameters"]["InputDataUri"].as_str().is_some_and(|uri| uri.starts_with("s3://")));
    refused(&pipelines["missing"], "ResourceNotFound", "");
}

#[test]
fn a_monitor_that_found_violations_wrote_them_to_s3() {
    let Some(read) = reads() else { return };
    let monitors = &read["monitors"];
    let schedule = &monitors["schedules"]["fraud-prod-data-quality"];
    assert_eq!(
        (&schedule["EndpointName"], &schedule["MonitoringScheduleStatus"]),
        (&json!("fraud-prod"), &json!("Scheduled"))
    );
    assert_eq!(
        monitors["described"]["MonitoringScheduleConfig"]["ScheduleConfig"]["ScheduleExpression"],
        "cron(0 * ? * * *)"
    );
    let executions = array(&monitors["executions"]);
    let times: Vec<f64> = executions.iter().map(|row| row["ScheduledTime"].as_f64().unwrap()).collect();
    assert!(times.len() > 20 && times.is_sorted_by(|a, b| a > b), "{times:?}");
    assert!(times.windows(2).all(|pair| pair[0] - pair[1] == 3_600.0), "hourly: {times:?}");
    assert_eq!(monitors["files"], json!(["constraint_violations.json", "constraints.json", "statistics.json"]));
    assert_eq!(monitors["length"], monitors["size"]);
    assert_eq!(monitors["part"], true, "a range is the beginning of the whole");
    let violations = array(&monitors["report"]["violations"]);
    assert!(!violations.is_empty());
    for violation in violations {
        for member in ["feature_name", "constraint_check_type", "description"] {
            assert!(violation[member].as_str().is_some_and(|text| !text.is_empty()), "{member} in {violation}");
        }
    }
    refused(&monitors["missing"], "NoSuchKey", "");
    refused(&monitors["no_bucket"], "NoSuchBucket", "");
}

#[test]
fn a_metric_curve_ends_where_its_component_says() {
    let Some(read) = reads() else { return };
    let curves = &read["curves"];
    let [curve, unknown] = array(&curves["results"]) else { panic!("two answers: {curves}") };
    let (steps, values) = (numbers(&curve["XAxisValues"]), numbers(&curve["MetricValues"]));
    assert_eq!((&curve["Status"], steps.len()), (&json!("Complete"), values.len()));
    assert!(steps.is_sorted_by(|a, b| a < b), "{steps:?}");
    let component = array(&curves["component"]).iter().find(|metric| metric["MetricName"] == "val/auc").unwrap();
    assert_eq!(component["Count"], values.len());
    assert!((values[values.len() - 1] - component["Last"].as_f64().unwrap()).abs() < 1e-3);
    let max = values.iter().copied().fold(f64::MIN, f64::max);
    assert!((max - component["Max"].as_f64().unwrap()).abs() < 1e-3, "{max}");
    assert_eq!(unknown["MetricValues"], json!([]));
}

#[test]
fn the_registry_knows_every_version() {
    let Some(read) = reads() else { return };
    let registry = &read["registry"];
    assert_eq!(registry["groups"], json!(["churn", "fraud", "intent", "ranking", "vision"]));
    let versions: BTreeMap<u32, &Value> = registry["versions"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(version, approval)| (version.parse().unwrap(), approval))
        .collect();
    assert_eq!((versions.keys().last(), versions[&18]), (Some(&18), &json!("Approved")));
    assert!(versions.values().any(|approval| **approval == "Rejected"));
    let newest = &registry["newest"];
    assert_eq!((&newest["ModelPackageVersion"], &newest["ModelPackageGroupName"]), (&json!(18), &json!("fraud")));
    assert_eq!(
        newest["InferenceSpecification"]["Containers"][0]["ModelDataUrl"],
        read["described"]["model"]["PrimaryContainer"]["ModelDataUrl"]
    );
}

#[test]
fn tags_are_added_replaced_and_removed() {
    let Some(read) = reads() else { return };
    let tags = &read["tags"];
    assert_eq!((&tags["before"]["commit"], &tags["before"]["team"]), (&json!("9f1c0e7"), &json!("fraud")));
    assert_eq!((&tags["added"]["commit"], &tags["added"]["drill"]), (&json!("0"), &json!("läuft")));
    assert_eq!((&tags["removed"]["commit"], &tags["removed"]["drill"]), (&Value::Null, &Value::Null));
    assert_eq!(tags["removed"]["team"], "fraud");
}
