//! The grammar of Search, on the wire.

use std::collections::BTreeSet;

use mldeck_core::time::{HOUR, MINUTE, SECOND};
use serde_json::{Value, json};

use super::{
    record,
    schema::{self, Type},
};
use crate::{
    Options, Scenario, World,
    testkit::{ok, refused, world},
};

fn search(world: &mut World, resource: &str, expression: &Value) -> Vec<Value> {
    let mut input = json!({"Resource": resource, "MaxResults": 100, "SearchExpression": expression});
    let mut all = Vec::new();
    loop {
        let page = ok(world, "Search", &input);
        all.extend(page["Results"].as_array().unwrap().iter().map(|record| record[super::member(resource)].clone()));
        match page.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => {
                assert_eq!(page["TotalHits"], json!({"Value": all.len(), "Relation": "EqualTo"}));
                return all;
            }
        }
    }
}

fn filter(name: &str, operator: &str, value: &str) -> Value {
    json!({"Name": name, "Operator": operator, "Value": value})
}

fn one(filter: &Value) -> Value {
    json!({"Filters": [filter]})
}

/// Every record of a kind.
fn everything(world: &mut World, resource: &str) -> Vec<Value> {
    search(world, resource, &one(&json!({"Name": "CreationTime", "Operator": "Exists"})))
}

#[test]
fn each_operator_on_each_type() {
    let mut world = world("quiet-night");
    // A stretch of the history keeps the table quick: unusual properties are read from records written out.
    let since = world.now().plus(-8 * 24 * HOUR);
    let recent = |expression: Value| json!({"Filters": [filter("CreationTime", "GreaterThan", &since.iso())], "SubExpressions": [expression]});
    let all = search(&mut world, "TrainingJob", &one(&filter("CreationTime", "GreaterThan", &since.iso())));
    let noon = world.now().plus(-3 * 24 * HOUR);
    let (text, time) = ("Completed", noon.iso());
    let auc = |job: &Value| {
        let metrics = job["FinalMetricDataList"].as_array().into_iter().flatten();
        metrics.clone().find(|m| m["MetricName"] == "val/auc").and_then(|m| m["Value"].as_f64())
    };
    let depth = |job: &Value| job["HyperParameters"]["max_depth"].as_str().and_then(|text| text.parse::<f64>().ok());
    let created = |job: &Value| job["CreationTime"].as_f64().unwrap().floor() as i64;
    let status = |job: &Value| job["TrainingJobStatus"].as_str().unwrap().to_owned();
    let at = noon.secs();
    type Case<'c> = (&'c str, &'c str, &'c str, Box<dyn Fn(&Value) -> bool + 'c>);
    let cases: Vec<Case<'_>> = vec![
        ("TrainingJobStatus", "Equals", text, Box::new(|j| status(j) == text)),
        ("TrainingJobStatus", "NotEquals", text, Box::new(|j| status(j) != text)),
        (
            "TrainingJobStatus",
            "In",
            "Failed, Stopped",
            Box::new(|j| ["Failed", "Stopped"].contains(&status(j).as_str())),
        ),
        (
            "TrainingJobName",
            "Contains",
            "-train-",
            Box::new(|j| j["TrainingJobName"].as_str().unwrap().contains("-train-")),
        ),
        ("FailureReason", "NotEquals", "x", Box::new(|_| true)),
        (
            "FailureReason",
            "Contains",
            "memory",
            Box::new(|j| j["FailureReason"].as_str().is_some_and(|t| t.contains("memory"))),
        ),
        ("Metrics.val/auc", "GreaterThan", "0.9", Box::new(|j| auc(j).is_some_and(|v| v > 0.9))),
        ("Metrics.val/auc", "GreaterThanOrEqualTo", "0.9", Box::new(|j| auc(j).is_some_and(|v| v >= 0.9))),
        ("Metrics.val/auc", "LessThan", "0.85", Box::new(|j| auc(j).is_some_and(|v| v < 0.85))),
        ("HyperParameters.max_depth", "LessThanOrEqualTo", "6", Box::new(|j| depth(j).is_some_and(|v| v <= 6.0))),
        ("HyperParameters.max_depth", "Equals", "8", Box::new(|j| depth(j) == Some(8.0))),
        (
            "HyperParameters.objective",
            "Equals",
            "lambdarank",
            Box::new(|j| j["HyperParameters"]["objective"] == "lambdarank"),
        ),
        ("ResourceConfig.InstanceCount", "Equals", "1", Box::new(|_| true)),
        ("ResourceConfig.InstanceCount", "GreaterThan", "1", Box::new(|_| false)),
        ("CreationTime", "GreaterThan", &time, Box::new(|j| created(j) > at)),
        ("CreationTime", "LessThanOrEqualTo", &time, Box::new(|j| created(j) <= at)),
        ("EnableNetworkIsolation", "Equals", "false", Box::new(|_| true)),
        ("InputDataConfig.ChannelName", "Equals", "validation", Box::new(|_| true)),
    ];
    for (name, operator, value, wanted) in cases {
        let found = search(&mut world, "TrainingJob", &recent(one(&filter(name, operator, value))));
        let names = |jobs: &[Value]| {
            jobs.iter().map(|job| job["TrainingJobName"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
        };
        let expected: Vec<Value> = all.iter().filter(|job| wanted(job)).cloned().collect();
        assert_eq!(names(&found), names(&expected), "{name} {operator} {value}");
        let trivial = expected.is_empty() || expected.len() == all.len();
        assert!(
            !trivial
                || [
                    "FailureReason",
                    "ResourceConfig.InstanceCount",
                    "EnableNetworkIsolation",
                    "InputDataConfig.ChannelName"
                ]
                .contains(&name),
            "{name} {operator} says nothing"
        );
    }
    let missing =
        search(&mut world, "TrainingJob", &recent(one(&json!({"Name": "FailureReason", "Operator": "NotExists"}))));
    let present =
        search(&mut world, "TrainingJob", &recent(one(&json!({"Name": "FailureReason", "Operator": "Exists"}))));
    assert!(!present.is_empty() && missing.len() + present.len() == all.len());
}

#[test]
fn and_or_sub_and_nested() {
    let mut world = world("quiet-night");
    let count = |world: &mut World, expression: &Value| search(world, "TrainingJob", expression).len();
    let failed = filter("TrainingJobStatus", "Equals", "Failed");
    let fraud = filter("ExperimentConfig.ExperimentName", "Equals", "fraud-detection");
    let both = count(&mut world, &json!({"Filters": [failed, fraud]}));
    let either = count(&mut world, &json!({"Filters": [failed, fraud], "Operator": "Or"}));
    let (a, b) = (count(&mut world, &one(&failed)), count(&mut world, &one(&fraud)));
    assert!(both > 0 && both < a);
    assert_eq!(either, a + b - both);
    let tree = json!({"Operator": "Or", "SubExpressions": [{"Filters": [failed, fraud]}, {"Filters": [filter("TrainingJobStatus", "Equals", "Stopped")]}]});
    let stopped = count(&mut world, &one(&filter("TrainingJobStatus", "Equals", "Stopped")));
    assert_eq!(count(&mut world, &tree), both + stopped);

    // Both conditions on one channel hold for nobody, on any channel for everybody.
    let channel = filter("InputDataConfig.ChannelName", "Equals", "train");
    let uri = filter("InputDataConfig.DataSource.S3DataSource.S3Uri", "Contains", "/validation/");
    let recent = filter("CreationTime", "GreaterThan", &world.now().plus(-6 * 24 * HOUR).iso());
    let nested = json!({"Filters": [recent], "NestedFilters": [{"NestedPropertyName": "InputDataConfig", "Filters": [channel, uri]}]});
    assert_eq!(count(&mut world, &nested), 0);
    assert!(count(&mut world, &json!({"Filters": [recent, channel, uri]})) > 100);
    let same = json!({"Filters": [recent], "NestedFilters": [{"NestedPropertyName": "InputDataConfig", "Filters": [
        filter("InputDataConfig.ChannelName", "Equals", "validation"), uri,
    ]}]});
    assert!(count(&mut world, &same) > 100);
}

#[test]
fn what_is_refused_and_how() {
    let mut world = world("quiet-night");
    let contains = filter("TrainingJobName", "Contains", "a");
    let many: Vec<Value> = (0..21).map(|_| filter("TrainingJobStatus", "Equals", "x")).collect();
    let deep: Vec<Value> = (0..3).map(|_| json!({"Filters": many[..20]})).collect();
    let long = "x".repeat(1_025);
    for (expression, part) in [
        (one(&filter("NoSuchThing", "Equals", "x")), "Unknown property name: NoSuchThing"),
        (one(&filter("HyperParameters.", "Equals", "x")), "Unknown property name"),
        (one(&filter("TrainingJobName", "GreaterThan", "x")), "Operator GreaterThan is not supported"),
        (one(&filter("CreationTime", "Contains", "2026")), "Operator Contains is not supported"),
        (one(&filter("CreationTime", "GreaterThan", "yesterday")), "Invalid value 'yesterday'"),
        (one(&filter("Metrics.val/auc", "GreaterThan", "high")), "a number expected"),
        (one(&filter("TrainingJobName", "Like", "x")), "failed to satisfy constraint"),
        (one(&filter("TrainingJobName", "Exists", "x")), "must not be specified"),
        (one(&json!({"Name": "TrainingJobName", "Operator": "Equals"})), "Value is required"),
        (one(&filter("TrainingJobName", "Equals", &long)), "less than or equal to 1024"),
        (json!({"Filters": [contains, contains]}), "'CONTAINS' operator usage limit of 1 exceeded"),
        (
            json!({"Filters": [contains], "SubExpressions": [one(&contains)]}),
            "'CONTAINS' operator usage limit of 1 exceeded",
        ),
        (json!({"Filters": many}), "length less than or equal to 20"),
        (json!({"SubExpressions": deep}), "limit of 50 conditions"),
        (json!({"Filters": [contains], "Operator": "Xor"}), "[And, Or]"),
        (json!({}), "at least one of"),
        (json!({"NestedFilters": [{"NestedPropertyName": "RoleArn", "Filters": [contains]}]}), "not a nested property"),
        (
            json!({"NestedFilters": [{"NestedPropertyName": "InputDataConfig", "Filters": [contains]}]}),
            "must begin with",
        ),
    ] {
        let (code, message) =
            refused(&mut world, "Search", &json!({"Resource": "TrainingJob", "SearchExpression": expression}));
        assert!(code == "ValidationException" && message.contains(part), "{part}: {code} {message}");
    }
    for input in [
        json!({"Resource": "TrainingJob", "SortBy": "Nothing"}),
        json!({"Resource": "Nothing"}),
        json!({"Resource": "TrainingJob", "MaxResults": 101}),
        json!({"Resource": "TrainingJob", "NextToken": "AAAA"}),
        json!({}),
    ] {
        assert_eq!(refused(&mut world, "Search", &input).0, "ValidationException", "{input}");
    }
    let twice =
        json!({"Filters": [filter("DisplayName", "Contains", "fraud"), filter("DisplayName", "Contains", "xgb")]});
    assert!(
        !search(&mut world, "ExperimentTrialComponent", &twice).is_empty(),
        "names of components may be searched twice"
    );
}

#[test]
fn pages_cover_all_exactly_once_in_order() {
    let mut world = world("quiet-night");
    let since = world.now().plus(-5 * 24 * HOUR).iso();
    for (resource, name, sort) in [
        ("TrainingJob", "TrainingJobArn", "LastModifiedTime"),
        ("TrainingJob", "TrainingJobArn", "Metrics.val/auc"),
        ("ExperimentTrialComponent", "TrialComponentArn", "CreationTime"),
        ("PipelineExecution", "PipelineExecutionArn", "PipelineExecutionStatus"),
        ("ModelPackage", "ModelPackageArn", "ModelPackageVersion"),
    ] {
        for order in ["Ascending", "Descending"] {
            let mut input = json!({
                "Resource": resource, "MaxResults": 37, "SortBy": sort, "SortOrder": order,
                "SearchExpression": one(&filter("CreationTime", "GreaterThan", &since)),
            });
            let mut seen = Vec::new();
            let total = loop {
                let page = ok(&mut world, "Search", &input);
                let total = page["TotalHits"]["Value"].as_u64().unwrap();
                seen.extend(
                    page["Results"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|r| r[super::member(resource)][name].as_str().unwrap().to_owned()),
                );
                let Some(token) = page.get("NextToken") else { break total };
                input["NextToken"] = token.clone();
            };
            assert_eq!(seen.iter().collect::<BTreeSet<_>>().len() as u64, total, "{resource} by {sort}");
            assert_eq!(seen.len() as u64, total);
        }
    }
    let newest = everything(&mut world, "PipelineExecution");
    let times: Vec<f64> = newest.iter().map(|record| record["LastModifiedTime"].as_f64().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "the default is the newest change first");
}

#[test]
fn shortcuts_and_outlines_say_what_the_record_says() {
    let world = world("quiet-night");
    let names = [
        ("CreationTime", Type::Time),
        ("LastModifiedTime", Type::Time),
        ("TrainingJobName", Type::Text),
        ("TrainingJobStatus", Type::Text),
        ("SecondaryStatus", Type::Text),
        ("FailureReason", Type::Text),
        ("ResourceConfig.InstanceType", Type::Text),
        ("AlgorithmSpecification.TrainingImage", Type::Text),
        ("PipelineArn", Type::Text),
        ("PipelineParameters.Value", Type::Text),
        ("Metrics.val/auc.Last", Type::Number),
        ("Metrics.val/auc.Max", Type::Number),
        ("ExperimentConfig.ExperimentName", Type::Text),
        ("Metrics.val/auc", Type::Number),
        ("HyperParameters.max_depth", Type::Loose),
        ("HyperParameters.objective", Type::Loose),
        ("TrialComponentName", Type::Text),
        ("TrialComponentArn", Type::Text),
        ("DisplayName", Type::Text),
        ("Source.SourceArn", Type::Text),
        ("Source.SourceType", Type::Text),
        ("SourceDetail.SourceArn", Type::Text),
        ("SourceDetail.TrainingJob.TrainingJobStatus", Type::Text),
        ("Status.PrimaryStatus", Type::Text),
        ("Status.Message", Type::Text),
        ("StartTime", Type::Time),
        ("EndTime", Type::Time),
        ("MetadataProperties.CommitId", Type::Text),
        ("OutputDataConfig.S3OutputPath", Type::Text),
        ("SecondaryStatusTransitions.Status", Type::Text),
        ("Parents.ExperimentName", Type::Text),
        ("Parents.TrialName", Type::Text),
        ("Parameters.eta", Type::Loose),
        ("Parameters.eta.NumberValue", Type::Loose),
        ("PipelineExecutionStatus", Type::Text),
        ("PipelineExecutionDisplayName", Type::Text),
    ];
    for resource in ["TrainingJob", "ExperimentTrialComponent", "PipelineExecution"] {
        for record in record::all(&world, resource, world.now(), Vec::new()).iter().step_by(7) {
            for (name, kind) in names {
                let is_known = schema::kind(resource, name).is_some_and(|known| known == kind);
                assert!(
                    !is_known || record::shortcut_agrees(record, name, kind),
                    "{resource} {name}: {}",
                    record.value()
                );
            }
        }
    }
}

#[test]
fn the_index_may_lag() {
    let mut scenario = Scenario::named("quiet-night").unwrap();
    scenario.more.insert("search".to_owned(), toml::Value::Table(toml::from_str("lag_s = 90").unwrap()));
    let mut world = World::new(Options { seed: scenario.seed, start: scenario.start, scenario });
    let package = ok(
        &mut world,
        "ListModelPackages",
        &json!({"ModelPackageGroupName": "fraud", "SortOrder": "Descending"}),
    )["ModelPackageSummaryList"][0]["ModelPackageArn"]
        .clone();
    ok(&mut world, "UpdateModelPackage", &json!({"ModelPackageArn": package, "ModelApprovalStatus": "Rejected"}));
    let start = json!({"PipelineName": "churn-train", "ClientRequestToken": "0123456789abcdef0123456789abcdef"});
    let arn = ok(&mut world, "StartPipelineExecution", &start)["PipelineExecutionArn"].as_str().unwrap().to_owned();
    let approval = |world: &mut World| {
        search(world, "ModelPackage", &one(&filter("ModelPackageArn", "Equals", package.as_str().unwrap())))[0]["ModelApprovalStatus"].as_str().unwrap().to_owned()
    };
    let started = |world: &mut World| {
        search(world, "PipelineExecution", &one(&filter("PipelineExecutionArn", "Equals", &arn))).len()
    };
    let endpoints = search(&mut world, "Endpoint", &one(&filter("EndpointName", "Equals", "fraud-prod")));
    assert_eq!(endpoints.len(), 1);
    assert_eq!((approval(&mut world).as_str(), started(&mut world)), ("PendingManualApproval", 0));
    let to = world.now().plus(89 * SECOND);
    world.advance_to(to);
    assert_eq!((approval(&mut world).as_str(), started(&mut world)), ("PendingManualApproval", 0));
    let to = world.now().plus(2 * SECOND);
    world.advance_to(to);
    assert_eq!((approval(&mut world).as_str(), started(&mut world)), ("Rejected", 1));
}

#[test]
fn an_endpoint_changes_and_goes_in_the_index_only_after_the_lag() {
    let mut scenario = Scenario::named("quiet-night").unwrap();
    scenario.more.insert("search".to_owned(), toml::Value::Table(toml::from_str("lag_s = 90").unwrap()));
    let mut world = World::new(Options { seed: scenario.seed, start: scenario.start, scenario });
    let named = one(&filter("EndpointName", "Equals", "fraud-prod"));
    let seen = |world: &mut World| {
        let found = search(world, "Endpoint", &named);
        found.first().map(|record| (record["EndpointStatus"].clone(), record["LastModifiedTime"].clone()))
    };
    let described = |world: &mut World| {
        let body = ok(world, "DescribeEndpoint", &json!({"EndpointName": "fraud-prod"}));
        (body["EndpointStatus"].clone(), body["LastModifiedTime"].clone())
    };
    let before = described(&mut world);
    assert_eq!(seen(&mut world).as_ref(), Some(&before));
    let weights = json!({"EndpointName": "fraud-prod", "DesiredWeightsAndCapacities": [{"VariantName": "blue", "DesiredWeight": 0.5}]});
    ok(&mut world, "UpdateEndpointWeightsAndCapacities", &weights);
    assert_ne!(described(&mut world), before);
    assert_eq!(seen(&mut world).as_ref(), Some(&before), "the index has not heard of it");
    let models = search(&mut world, "Model", &one(&filter("Endpoints.EndpointName", "Equals", "fraud-prod")));
    let of_model = |record: &Value| {
        record["Endpoints"].as_array().unwrap().iter().find(|e| e["EndpointName"] == "fraud-prod").unwrap()["LastModifiedTime"].clone()
    };
    assert_eq!(of_model(&models[0]), before.1, "one index, one state");
    let to = world.now().plus(20 * MINUTE);
    world.advance_to(to);
    assert_eq!(seen(&mut world), Some(described(&mut world)));

    ok(&mut world, "DeleteEndpoint", &json!({"EndpointName": "fraud-prod"}));
    let mut gone = world.now();
    while !is_gone(&mut world) {
        gone = gone.plus(10 * SECOND);
        world.advance_to(gone);
    }
    assert!(seen(&mut world).is_some(), "it is still listed where it is gone");
    world.advance_to(gone.plus(2 * MINUTE));
    assert_eq!(seen(&mut world), None);
}

/// True once `fraud-prod` is no longer in the list.
fn is_gone(world: &mut World) -> bool {
    let listed = ok(world, "ListEndpoints", &json!({"NameContains": "fraud-prod", "MaxResults": 100}));
    listed["Endpoints"].as_array().unwrap().iter().all(|endpoint| endpoint["EndpointName"] != "fraud-prod")
}

#[test]
fn the_dashboard_of_models() {
    let mut world = world("quiet-night");
    let found = search(&mut world, "Model", &one(&filter("Endpoints.EndpointName", "Equals", "fraud-prod")));
    assert_eq!(found.len(), 1);
    let schedule = &found[0]["MonitoringSchedules"][0];
    assert_eq!(schedule["MonitoringScheduleName"], "fraud-prod-data-quality");
    assert_eq!(schedule["MonitoringAlertSummaries"][0]["AlertStatus"], "InAlert");
    assert_eq!(schedule["LastMonitoringExecutionSummary"]["EndpointName"], "fraud-prod");
    let version = found[0]["Model"]["Containers"][0]["ModelPackageName"]
        .as_str()
        .or(found[0]["Model"]["PrimaryContainer"]["ModelPackageName"].as_str())
        .unwrap()
        .to_owned();
    let package = ok(&mut world, "DescribeModelPackage", &json!({"ModelPackageName": version}));
    assert_eq!(package["ModelApprovalStatus"], "Approved");
    let endpoint = search(&mut world, "Endpoint", &one(&filter("EndpointName", "Equals", "fraud-prod")));
    assert_eq!(endpoint[0]["MonitoringSchedules"][0]["MonitoringScheduleStatus"], "Scheduled");
    assert!(endpoint[0]["ProductionVariants"][0]["CurrentWeight"].is_number());
}

#[test]
fn approvals_leave_a_trace() {
    let mut world = world("quiet-night");
    let pending =
        search(&mut world, "ModelPackage", &one(&filter("ModelApprovalStatus", "Equals", "PendingManualApproval")));
    let arn = pending[0]["ModelPackageArn"].clone();
    let to = world.now().plus(MINUTE);
    world.advance_to(to);
    ok(
        &mut world,
        "UpdateModelPackage",
        &json!({
            "ModelPackageArn": arn, "ModelApprovalStatus": "Approved", "ApprovalDescription": "good",
            "ModelLifeCycle": {"Stage": "Production", "StageStatus": "PendingApproval"},
            "CustomerMetadataProperties": {"ticket": "ML-42"},
        }),
    );
    let body = ok(&mut world, "DescribeModelPackage", &json!({"ModelPackageName": arn}));
    assert_eq!(
        (body["ModelApprovalStatus"].as_str(), body["ApprovalDescription"].as_str()),
        (Some("Approved"), Some("good"))
    );
    assert_eq!(
        (body["ModelLifeCycle"]["Stage"].as_str(), body["CustomerMetadataProperties"]["ticket"].as_str()),
        (Some("Production"), Some("ML-42"))
    );
    let newest = &everything(&mut world, "ModelPackage")[0];
    assert_eq!(newest["ModelPackageArn"], arn, "the newest change comes first");
    assert_eq!(
        refused(&mut world, "UpdateModelPackage", &json!({"ModelPackageArn": arn, "ModelApprovalStatus": "Maybe"})).0,
        "ValidationException"
    );
    let missing = json!({"ModelPackageName": "arn:aws:sagemaker:eu-west-1:447100000921:model-package/fraud/999"});
    assert!(refused(&mut world, "DescribeModelPackage", &missing).1.contains("does not exist"));
}
