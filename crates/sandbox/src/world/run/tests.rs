//! Runs on the wire.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Request;
use mldeck_core::time::{DAY, MINUTE};
use serde_json::{Value, json};

use crate::{
    Options, Scenario, World,
    testkit::{authorization, body, ok, refused, world},
};

fn metrics(world: &mut World, queries: &Value) -> Vec<Value> {
    let request = Request::post("/BatchGetMetrics")
        .header("authorization", authorization("sagemaker"))
        .header("content-type", "application/json")
        .body(Bytes::from(json!({"MetricQueries": queries}).to_string()))
        .unwrap();
    let response = world.handle(&request);
    assert_eq!(response.status(), 200);
    body(&response)["MetricQueryResults"].as_array().unwrap().clone()
}

fn completed(world: &mut World) -> Value {
    let list = ok(
        world,
        "ListTrainingJobs",
        &json!({"MaxResults": 100, "NameContains": "fraud-xgb", "StatusEquals": "Completed"}),
    );
    list["TrainingJobSummaries"][0].clone()
}

#[test]
fn every_page_once_and_filters_after_the_cut() {
    let mut world = world("quiet-night");
    let mut walk = |filter: &Value| {
        let (mut names, mut empty, mut pages) = (Vec::new(), 0, 0);
        let mut input = filter.clone();
        loop {
            let page = ok(&mut world, "ListTrainingJobs", &input);
            let rows = page["TrainingJobSummaries"].as_array().unwrap();
            names.extend(rows.iter().map(|row| row["TrainingJobName"].as_str().unwrap().to_owned()));
            pages += 1;
            let Some(token) = page.get("NextToken") else { return (names, empty, pages) };
            empty += usize::from(rows.is_empty());
            input["NextToken"] = token.clone();
        }
    };
    let (all, _, pages) = walk(&json!({"MaxResults": 50}));
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    assert!(all.len() > 500 && pages == all.len().div_ceil(50), "{} in {pages}", all.len());
    let (rare, empty, same) = walk(&json!({"MaxResults": 10, "NameContains": "vision-train-0288"}));
    assert_eq!(rare, ["vision-train-0288"]);
    assert_eq!((same, empty + 1 >= same - 1), (all.len().div_ceil(10), true));
    let other = ok(&mut world, "ListTrainingJobs", &json!({"MaxResults": 10}))["NextToken"].clone();
    let reused = json!({"MaxResults": 10, "NextToken": other, "StatusEquals": "Failed"});
    assert_eq!(refused(&mut world, "ListTrainingJobs", &reused).0, "ValidationException");
}

#[test]
fn a_curve_ends_where_the_job_says() {
    let mut world = world("quiet-night");
    let job = completed(&mut world);
    let name = job["TrainingJobName"].as_str().unwrap().to_owned();
    let full = ok(&mut world, "DescribeTrainingJob", &json!({"TrainingJobName": name}));
    let component = format!("{name}-aws-training-job");
    let described = ok(&mut world, "DescribeTrialComponent", &json!({"TrialComponentName": component}));
    let query = |metric: &str, stat: &str, period: &str, axis: &str| json!({"MetricName": metric, "ResourceArn": described["TrialComponentArn"], "MetricStat": stat, "Period": period, "XAxisType": axis});
    let results = metrics(
        &mut world,
        &json!([
            query("val/auc", "Last", "IterationNumber", "IterationNumber"),
            query("val/auc", "Max", "OneMinute", "Timestamp"),
            query("val/auc", "Median", "OneMinute", "Timestamp"),
            query("no/such", "Last", "IterationNumber", "IterationNumber"),
        ]),
    );
    let numbers = |value: &Value| value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>();
    let (steps, values) = (numbers(&results[0]["XAxisValues"]), numbers(&results[0]["MetricValues"]));
    assert_eq!((steps.len(), steps[0], steps[399]), (400, 0.0, 399.0));
    let told = full["FinalMetricDataList"].as_array().unwrap().iter().find(|m| m["MetricName"] == "val/auc").unwrap();
    assert_eq!(told["Value"].as_f64(), values.last().copied());
    let summary = described["Metrics"].as_array().unwrap().iter().find(|m| m["MetricName"] == "val/auc").unwrap();
    let max = values.iter().copied().fold(f64::MIN, f64::max);
    assert_eq!((summary["Max"].as_f64(), summary["Count"].as_u64()), (Some(max), Some(400)));
    let minutes = numbers(&results[1]["XAxisValues"]);
    assert!(minutes.len() < 60 && minutes.windows(2).all(|pair| pair[1] - pair[0] == 60.0));
    assert_eq!(numbers(&results[1]["MetricValues"]).into_iter().fold(f64::MIN, f64::max), max);
    assert_eq!(results[2]["Status"], "ValidationError");
    assert_eq!(
        (results[3]["Status"].as_str(), results[3]["XAxisValues"].as_array().map(Vec::len)),
        (Some("Complete"), Some(0))
    );
}

#[test]
fn a_running_job_moves_and_stops() {
    let mut world = world("quiet-night");
    let running = ok(
        &mut world,
        "Search",
        &json!({"Resource": "TrainingJob", "SearchExpression": {"Filters": [
            {"Name": "TrainingJobStatus", "Value": "InProgress"}, {"Name": "TrainingJobName", "Operator": "Contains", "Value": "-xgb-"},
        ]}}),
    );
    let name = running["Results"][0]["TrainingJob"]["TrainingJobName"].as_str().unwrap().to_owned();
    let describe = |world: &mut World| ok(world, "DescribeTrainingJob", &json!({"TrainingJobName": name}));
    let arn = describe(&mut world)["TrainingJobArn"].clone();
    let count = |world: &mut World| {
        let query = json!([{"MetricName": "val/auc", "ResourceArn": arn, "MetricStat": "Last", "Period": "IterationNumber", "XAxisType": "IterationNumber"}]);
        metrics(world, &query)[0]["XAxisValues"].as_array().unwrap().len()
    };
    let before = count(&mut world);
    let to = world.now().plus(2 * MINUTE);
    world.advance_to(to);
    let after = count(&mut world);
    assert!(after > before && before > 0, "{before} {after}");
    ok(&mut world, "StopTrainingJob", &json!({"TrainingJobName": name}));
    assert_eq!(describe(&mut world)["TrainingJobStatus"], "Stopping");
    let (code, text) = refused(&mut world, "StopTrainingJob", &json!({"TrainingJobName": name}));
    assert!(code == "ValidationException" && text.contains("Stopping"), "{text}");
    let to = world.now().plus(3 * MINUTE);
    world.advance_to(to);
    assert_eq!(describe(&mut world)["SecondaryStatus"], "Stopped");
    assert_eq!(count(&mut world), after);
}

#[test]
fn failures_say_why() {
    let mut world = world("quiet-night");
    let failed = ok(
        &mut world,
        "Search",
        &json!({"Resource": "TrainingJob", "MaxResults": 100, "SearchExpression": {"Filters": [
            {"Name": "TrainingJobStatus", "Value": "Failed"},
        ]}}),
    );
    let reasons: Vec<&str> = failed["Results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["TrainingJob"]["FailureReason"].as_str().unwrap())
        .collect();
    for part in [
        "AlgorithmError: ExecuteUserScriptError",
        "ClientError: Data download failed",
        "ran out of memory",
        "KeyError: '",
    ] {
        assert!(reasons.iter().any(|reason| reason.contains(part)), "{part}");
    }
    assert!(reasons.iter().all(|reason| reason.len() <= 1_024));
    assert_eq!(
        refused(&mut world, "DescribeTrainingJob", &json!({"TrainingJobName": "none"})),
        ("ValidationException".to_owned(), "Requested resource not found.".to_owned())
    );
}

#[test]
fn hyperparameters_explain_the_objective() {
    let mut world = world("quiet-night");
    let mean = |world: &mut World, eta: &str| {
        let found = ok(
            world,
            "Search",
            &json!({"Resource": "TrainingJob", "MaxResults": 100, "SearchExpression": {"Filters": [
                {"Name": "TrainingJobStatus", "Value": "Completed"}, {"Name": "HyperParameters.eta", "Value": eta},
                {"Name": "TrainingJobName", "Operator": "Contains", "Value": "fraud-xgb"},
            ]}}),
        );
        let values: Vec<f64> = found["Results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["TrainingJob"]["FinalMetricDataList"][0]["Value"].as_f64().unwrap())
            .collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    let (best, worst) = (mean(&mut world, "0.05"), mean(&mut world, "0.3"));
    assert!(best > worst, "{best} {worst}");
}

#[test]
fn experiments_and_trials() {
    let mut world = world("quiet-night");
    let experiments = ok(&mut world, "ListExperiments", &json!({"SortBy": "Name", "SortOrder": "Ascending"}));
    let names: Vec<&str> = experiments["ExperimentSummaries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["ExperimentName"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["churn", "fraud-detection", "intent", "ranking", "vision-defects"]);
    let trials = ok(&mut world, "ListTrials", &json!({"ExperimentName": "fraud-detection", "MaxResults": 100}));
    let trials = trials["TrialSummaries"].as_array().unwrap().clone();
    assert!(trials.iter().any(|trial| trial["TrialName"] == "fraud-anna-sweep"));
    let inside = ok(&mut world, "ListTrialComponents", &json!({"TrialName": "fraud-anna-sweep", "MaxResults": 100}));
    let component = inside["TrialComponentSummaries"][0]["TrialComponentName"].clone();
    let back = ok(&mut world, "ListTrials", &json!({"TrialComponentName": component}));
    assert_eq!(back["TrialSummaries"][0]["TrialName"], "fraud-anna-sweep");
    let alone =
        ok(&mut world, "ListTrialComponents", &json!({"ExperimentName": "churn", "MaxResults": 100, "SortBy": "Name"}));
    assert!(alone["TrialComponentSummaries"].as_array().unwrap().iter().any(|c| c["TrialComponentSource"].is_null()));
    assert_eq!(
        refused(&mut world, "DescribeTrialComponent", &json!({"TrialComponentName": "no"})).0,
        "ResourceNotFound"
    );
}

#[test]
fn a_run_logs_as_many_metrics_as_the_scenario_says() {
    let mut scenario = Scenario::named("quiet-night").unwrap();
    scenario.more.insert("learning".to_owned(), toml::Value::Table(toml::from_str("metrics = 50").unwrap()));
    let mut wide = World::new(Options { seed: scenario.seed, start: scenario.start, scenario });
    let mut plain = world("quiet-night");
    let job = completed(&mut wide);
    let name = json!({"TrialComponentName": format!("{}-aws-training-job", job["TrainingJobName"].as_str().unwrap())});
    let told = ok(&mut wide, "DescribeTrialComponent", &name);
    let all = told["Metrics"].as_array().unwrap();
    assert_eq!(all.iter().map(|m| m["MetricName"].as_str().unwrap()).collect::<BTreeSet<_>>().len(), 50);
    // More metrics change nothing of those that were there.
    assert_eq!(ok(&mut plain, "DescribeTrialComponent", &name)["Metrics"].as_array().unwrap()[..], all[..4]);
    let last = all.iter().find(|m| m["MetricName"] == "val/auc/segment-07").unwrap();
    let query = json!([{
        "MetricName": "val/auc/segment-07", "ResourceArn": told["TrialComponentArn"], "MetricStat": "Last",
        "Period": "IterationNumber", "XAxisType": "IterationNumber",
    }]);
    let curve = metrics(&mut wide, &query)[0].clone();
    assert_eq!(curve["MetricValues"].as_array().unwrap().last(), Some(&last["Last"]));
    assert_eq!((curve["XAxisValues"].as_array().unwrap().len(), last["Count"].as_u64()), (40, Some(40)));
    let filters = json!([
        {"Name": "TrialComponentName", "Value": name["TrialComponentName"]},
        {"Name": "Metrics.val/auc/segment-07.Last", "Operator": "GreaterThan", "Value": format!("{:.6}", last["Last"].as_f64().unwrap() - 0.000_001)},
    ]);
    let input = json!({"Resource": "ExperimentTrialComponent", "SearchExpression": {"Filters": filters}});
    assert_eq!(ok(&mut wide, "Search", &input)["TotalHits"]["Value"], 1);
    let described = ok(&mut wide, "DescribeTrainingJob", &json!({"TrainingJobName": job["TrainingJobName"]}));
    assert_eq!(described["FinalMetricDataList"].as_array().map(Vec::len), Some(40));
}

#[test]
fn twenty_thousand_runs_fit() {
    let mut scenario = Scenario::named("quiet-night").unwrap();
    let scale: toml::Table = toml::from_str("runs = 20000\nexecutions = 10000").unwrap();
    scenario.more.insert("learning".to_owned(), toml::Value::Table(scale));
    let mut world = World::new(Options { seed: 3, start: scenario.start, scenario });
    let total = |world: &mut World, resource: &str, filter: &Value| {
        let input = json!({"Resource": resource, "MaxResults": 1, "SearchExpression": {"Filters": [filter]}});
        ok(world, "Search", &input)["TotalHits"]["Value"].as_u64().unwrap()
    };
    let since = json!({"Name": "CreationTime", "Operator": "GreaterThan", "Value": world.now().plus(-40 * DAY).iso()});
    assert!(total(&mut world, "TrainingJob", &since) > 28_000);
    assert!(total(&mut world, "PipelineExecution", &since) > 10_000);
    let good = json!({"Name": "Metrics.val/auc.Last", "Operator": "GreaterThan", "Value": "0.93"});
    let sorted = json!({"Resource": "ExperimentTrialComponent", "SortBy": "Metrics.val/auc.Last", "MaxResults": 100, "SearchExpression": {"Filters": [good]}});
    let best = ok(&mut world, "Search", &sorted);
    let lasts: Vec<f64> = best["Results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            let metrics = r["TrialComponent"]["Metrics"].as_array().unwrap();
            metrics.iter().find(|m| m["MetricName"] == "val/auc").unwrap()["Last"].as_f64().unwrap()
        })
        .collect();
    assert!(lasts.len() == 100 && lasts.windows(2).all(|pair| pair[0] >= pair[1]) && lasts[99] > 0.93);
}
