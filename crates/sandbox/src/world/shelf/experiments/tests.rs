//! What callers do with experiments, and with those of the account.

use mldeck_core::time::{HOUR, MINUTE};
use serde_json::{Value, json};

use crate::{
    World,
    testkit::{ok, refused, rest, world},
};

fn experiment(world: &mut World, name: &str, trials: &[&str]) {
    ok(world, "CreateExperiment", &json!({"ExperimentName": name}));
    for trial in trials {
        ok(world, "CreateTrial", &json!({"TrialName": trial, "ExperimentName": name}));
    }
}

fn link(world: &mut World, operation: &str, component: &str, trial: &str) -> Value {
    ok(world, operation, &json!({"TrialComponentName": component, "TrialName": trial}))
}

fn names(world: &mut World, operation: &str, input: &Value) -> Vec<String> {
    let answer = ok(world, operation, input);
    let rows = answer.as_object().unwrap().values().find_map(Value::as_array).unwrap().clone();
    let name = operation.strip_prefix("List").unwrap().trim_end_matches('s').to_owned() + "Name";
    rows.iter().map(|row| row[&name].as_str().unwrap().to_owned()).collect()
}

fn searched(world: &mut World, resource: &str, name: &str, value: &str) -> Vec<Value> {
    let filter = json!({"Filters": [{"Name": name, "Value": value}]});
    let answer = ok(world, "Search", &json!({"Resource": resource, "SearchExpression": filter, "MaxResults": 100}));
    answer["Results"].as_array().unwrap().clone()
}

#[test]
fn a_trial_is_part_of_an_experiment_and_keeps_it_from_being_deleted() {
    let mut world = world("quiet-night");
    let lost = json!({"TrialName": "alone", "ExperimentName": "no-such"});
    assert_eq!(refused(&mut world, "CreateTrial", &lost).0, "ResourceNotFound");
    experiment(&mut world, "pricing", &["Pricing-One"]);
    let again = refused(&mut world, "CreateExperiment", &json!({"ExperimentName": "Pricing"}));
    assert!(again.0 == "ValidationException" && again.1.contains("already exists"), "{again:?}");
    let told = ok(&mut world, "DescribeTrial", &json!({"TrialName": "pricing-one"}));
    assert_eq!((&told["DisplayName"], &told["ExperimentName"]), (&json!("Pricing-One"), &json!("pricing")));
    ok(&mut world, "UpdateTrial", &json!({"TrialName": "Pricing-One", "DisplayName": "first"}));
    assert_eq!(ok(&mut world, "DescribeTrial", &json!({"TrialName": "Pricing-One"}))["DisplayName"], "first");
    let kept = refused(&mut world, "DeleteExperiment", &json!({"ExperimentName": "pricing"}));
    assert!(kept.0 == "ValidationException" && kept.1.contains("linked to 1 or more trials"), "{kept:?}");
    assert_eq!(searched(&mut world, "ExperimentTrial", "ExperimentName", "pricing").len(), 1);
    ok(&mut world, "DeleteTrial", &json!({"TrialName": "pricing-one"}));
    ok(&mut world, "DeleteExperiment", &json!({"ExperimentName": "pricing"}));
    assert_eq!(refused(&mut world, "DescribeTrial", &json!({"TrialName": "Pricing-One"})).0, "ResourceNotFound");
    assert!(searched(&mut world, "Experiment", "ExperimentName", "pricing").is_empty());
}

#[test]
fn a_component_is_in_several_trials_and_tells_of_its_parents() {
    let mut world = world("quiet-night");
    experiment(&mut world, "pricing", &["one", "two"]);
    ok(
        &mut world,
        "CreateTrialComponent",
        &json!({"TrialComponentName": "fit", "Parameters": {"depth": {"NumberValue": 4.0}}}),
    );
    link(&mut world, "AssociateTrialComponent", "fit", "one");
    link(&mut world, "AssociateTrialComponent", "fit", "two");
    assert_eq!(
        names(
            &mut world,
            "ListTrials",
            &json!({"TrialComponentName": "fit", "SortBy": "Name", "SortOrder": "Ascending"})
        ),
        ["one", "two"]
    );
    assert_eq!(names(&mut world, "ListTrialComponents", &json!({"ExperimentName": "pricing"})), ["fit"]);
    let found = searched(&mut world, "ExperimentTrialComponent", "Parents.TrialName", "two");
    assert_eq!(found[0]["TrialComponent"]["Parents"].as_array().map(Vec::len), Some(2));
    assert_eq!(searched(&mut world, "ExperimentTrialComponent", "Parameters.depth", "4").len(), 1);
    for (operation, input) in
        [("DeleteTrial", json!({"TrialName": "one"})), ("DeleteTrialComponent", json!({"TrialComponentName": "fit"}))]
    {
        let (code, message) = refused(&mut world, operation, &input);
        assert!(code == "ValidationException" && message.contains("linked"), "{operation}: {message}");
    }
    link(&mut world, "DisassociateTrialComponent", "fit", "one");
    let twice = json!({"TrialComponentName": "fit", "TrialName": "one"});
    assert_eq!(refused(&mut world, "DisassociateTrialComponent", &twice).0, "ResourceNotFound");
    ok(&mut world, "DeleteTrial", &json!({"TrialName": "one"}));
    link(&mut world, "DisassociateTrialComponent", "fit", "two");
    ok(&mut world, "DeleteTrialComponent", &json!({"TrialComponentName": "fit"}));
    assert!(names(&mut world, "ListTrialComponents", &json!({"TrialName": "two"})).is_empty());
}

#[test]
fn what_the_account_did_can_be_changed_and_taken_out() {
    let mut world = world("quiet-night");
    let trial = "fraud-anna-sweep";
    let component = names(&mut world, "ListTrialComponents", &json!({"TrialName": trial}))[0].clone();
    let name = json!({"TrialComponentName": component});
    let before = ok(&mut world, "DescribeTrialComponent", &name);
    let mut change = name.clone();
    change["Parameters"] = json!({"note": {"StringValue": "kept"}});
    change["ParametersToRemove"] = json!(["eta"]);
    change["DisplayName"] = json!("the-good-one");
    ok(&mut world, "UpdateTrialComponent", &change);
    let after = ok(&mut world, "DescribeTrialComponent", &name);
    assert_eq!(
        (&after["DisplayName"], &after["Parameters"]["note"]["StringValue"]),
        (&json!("the-good-one"), &json!("kept"))
    );
    assert!(after["Parameters"]["eta"].is_null() && !before["Parameters"]["eta"].is_null());
    assert_eq!((&after["Metrics"], &after["Status"]), (&before["Metrics"], &before["Status"]));
    assert_eq!(searched(&mut world, "ExperimentTrialComponent", "DisplayName", "the-good-one").len(), 1);
    link(&mut world, "DisassociateTrialComponent", &component, trial);
    assert!(
        !names(&mut world, "ListTrialComponents", &json!({"TrialName": trial, "MaxResults": 100})).contains(&component)
    );
    ok(&mut world, "DeleteTrialComponent", &name);
    assert_eq!(refused(&mut world, "DescribeTrialComponent", &name).0, "ResourceNotFound");
    assert!(searched(&mut world, "ExperimentTrialComponent", "TrialComponentName", &component).is_empty());
    ok(&mut world, "UpdateTrial", &json!({"TrialName": trial, "DisplayName": "by-anna"}));
    let told = ok(&mut world, "DescribeTrial", &json!({"TrialName": trial}));
    assert_eq!((&told["DisplayName"], &told["ExperimentName"]), (&json!("by-anna"), &json!("fraud-detection")));
    let rows = names(
        &mut world,
        "ListTrials",
        &json!({"ExperimentName": "fraud-detection", "MaxResults": 100, "SortBy": "Name"}),
    );
    assert_eq!(rows.iter().filter(|row| *row == trial).count(), 1);
    assert!(refused(&mut world, "DeleteTrial", &json!({"TrialName": trial})).1.contains("trial components"));
    assert!(refused(&mut world, "DeleteExperiment", &json!({"ExperimentName": "churn"})).1.contains("linked"));
}

fn training(name: &str, config: &Value) -> Value {
    json!({
        "TrainingJobName": name, "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
        "AlgorithmSpecification": {"TrainingImage": "own:1", "TrainingInputMode": "File"}, "ExperimentConfig": config,
        "OutputDataConfig": {"S3OutputPath": "s3://acme-ml-models/own/"}, "HyperParameters": {"depth": "4"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3_600},
    })
}

#[test]
fn a_job_goes_where_its_experiment_config_says() {
    let mut world = world("quiet-night");
    experiment(&mut world, "pricing", &["one"]);
    let lost = training("job-a", &json!({"ExperimentName": "pricing", "TrialName": "no-such"}));
    assert_eq!(refused(&mut world, "CreateTrainingJob", &lost).0, "ResourceNotFound");
    let other = training("job-a", &json!({"ExperimentName": "churn", "TrialName": "one"}));
    assert_eq!(refused(&mut world, "CreateTrainingJob", &other).0, "ValidationException");
    let shown = json!({"TrialName": "one", "TrialComponentDisplayName": "shown"});
    let arn = ok(&mut world, "CreateTrainingJob", &training("job-a", &shown))["TrainingJobArn"].clone();
    ok(&mut world, "CreateTrainingJob", &training("job-b", &json!({"ExperimentName": "pricing"})));
    assert_eq!(names(&mut world, "ListTrialComponents", &json!({"TrialName": "one"})), ["job-a-aws-training-job"]);
    assert_eq!(names(&mut world, "ListTrialComponents", &json!({"ExperimentName": "pricing"})).len(), 2);
    assert_eq!(names(&mut world, "ListTrialComponents", &json!({"SourceArn": arn})), ["job-a-aws-training-job"]);
    let both = json!({"SourceArn": arn, "TrialName": "one"});
    assert_eq!(refused(&mut world, "ListTrialComponents", &both).0, "ValidationException");
    let told = ok(&mut world, "DescribeTrialComponent", &json!({"TrialComponentName": "job-a-aws-training-job"}));
    assert_eq!((&told["DisplayName"], &told["Parameters"]["depth"]["NumberValue"]), (&json!("shown"), &json!(4.0)));
    let found = searched(&mut world, "ExperimentTrialComponent", "SourceDetail.TrainingJob.TrainingJobName", "job-a");
    assert_eq!(found[0]["TrialComponent"]["Parents"], json!([{"ExperimentName": "pricing", "TrialName": "one"}]));
    let cluster = json!({"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 10});
    let clean = json!({
        "ProcessingJobName": "clean", "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution", "ExperimentConfig": shown,
        "AppSpecification": {"ImageUri": "own:1"}, "ProcessingResources": {"ClusterConfig": cluster},
    });
    ok(&mut world, "CreateProcessingJob", &clean);
    let to = world.now().plus(HOUR);
    world.advance_to(to);
    let told = ok(&mut world, "DescribeTrialComponent", &json!({"TrialComponentName": "clean-aws-processing-job"}));
    assert_eq!(
        (&told["Status"]["PrimaryStatus"], &told["Parameters"]["SageMaker.InstanceCount"]["NumberValue"]),
        (&json!("Completed"), &json!(2))
    );
    let evaluate = ok(
        &mut world,
        "DescribeTrialComponent",
        &json!({"TrialComponentName": "fraud-train-0912-evaluate-aws-processing-job"}),
    );
    assert_eq!(evaluate["Source"]["SourceType"], "SageMakerProcessingJob");
}

#[test]
fn an_execution_makes_its_experiment_and_trial() {
    let mut world = world("quiet-night");
    let step = json!({"Name": "Fit", "Type": "Training", "Arguments": training("x", &Value::Null)});
    let mut step = step;
    for member in ["TrainingJobName", "ExperimentConfig"] {
        step["Arguments"].as_object_mut().unwrap().remove(member);
    }
    let create = |world: &mut World, name: &str, config: Option<Value>| {
        let mut definition = json!({"Version": "2020-12-01", "Parameters": [], "Steps": [step]});
        if let Some(config) = config {
            definition["PipelineExperimentConfig"] = config;
        }
        let input = json!({
            "PipelineName": name, "PipelineDefinition": definition.to_string(), "ClientRequestToken": format!("{name:c>32}"),
            "RoleArn": "arn:aws:iam::447100000921:role/Pipelines",
        });
        ok(world, "CreatePipeline", &input);
        let start = json!({"PipelineName": name, "ClientRequestToken": format!("{name:s>32}")});
        ok(world, "StartPipelineExecution", &start)["PipelineExecutionArn"].as_str().unwrap().to_owned()
    };
    let arn = create(&mut world, "own-line", None);
    create(&mut world, "own-quiet", Some(Value::Null));
    create(
        &mut world,
        "own-told",
        Some(json!({"ExperimentName": "told", "TrialName": {"Get": "Execution.PipelineName"}})),
    );
    let to = world.now().plus(2 * MINUTE);
    world.advance_to(to);
    let id = arn.rsplit('/').next().unwrap();
    assert_eq!(names(&mut world, "ListTrials", &json!({"ExperimentName": "own-line"})), [id]);
    assert_eq!(names(&mut world, "ListTrialComponents", &json!({"ExperimentName": "own-line"})).len(), 1);
    assert_eq!(names(&mut world, "ListTrialComponents", &json!({"TrialName": "own-told"})).len(), 1);
    assert_eq!(
        refused(&mut world, "DescribeExperiment", &json!({"ExperimentName": "own-quiet"})).0,
        "ResourceNotFound"
    );
    let told = ok(&mut world, "DescribePipelineExecution", &json!({"PipelineExecutionArn": arn}));
    assert_eq!(told["PipelineExperimentConfig"], json!({"ExperimentName": "own-line", "TrialName": id}));
}

fn put(world: &mut World, component: &str, data: &Value) -> (u16, Value) {
    rest(world, "PUT", "/BatchPutMetrics", &json!({"TrialComponentName": component, "MetricData": data}))
}

fn values(world: &mut World, arn: &Value, metric: &str, period: &str) -> Value {
    let query = json!({
        "MetricName": metric, "ResourceArn": arn, "MetricStat": "Last", "Period": period, "XAxisType": "IterationNumber",
    });
    let (status, body) = rest(world, "POST", "/BatchGetMetrics", &json!({"MetricQueries": [query]}));
    assert_eq!(status, 200);
    body["MetricQueryResults"][0]["MetricValues"].clone()
}

#[test]
fn what_was_put_is_read_back_everywhere() {
    let mut world = world("quiet-night");
    let arn =
        ok(&mut world, "CreateTrialComponent", &json!({"TrialComponentName": "fit"}))["TrialComponentArn"].clone();
    let at = world.now().secs();
    let point = |n: i64, value: f64| json!({"MetricName": "val/auc", "Timestamp": at + n, "Step": n, "Value": value});
    assert_eq!(put(&mut world, "fit", &json!([point(1, 0.5), point(0, 0.25), point(2, 0.75)])), (200, json!({})));
    assert_eq!(values(&mut world, &arn, "val/auc", "IterationNumber"), json!([0.25, 0.5, 0.75]));
    let told = ok(&mut world, "DescribeTrialComponent", &json!({"TrialComponentName": "fit"}));
    let metric = &told["Metrics"][0];
    assert_eq!((&metric["Max"], &metric["Last"], &metric["Count"]), (&json!(0.75), &json!(0.75), &json!(3)));
    assert_eq!(searched(&mut world, "ExperimentTrialComponent", "Metrics.val/auc.Max", "0.75").len(), 1);
    // Beside what a job of the account measured itself.
    let component = names(&mut world, "ListTrialComponents", &json!({"TrialName": "fraud-anna-sweep"}))[0].clone();
    let before = ok(&mut world, "DescribeTrialComponent", &json!({"TrialComponentName": component}))["Metrics"].clone();
    put(&mut world, &component, &json!([{"MetricName": "own/score", "Timestamp": at, "Value": 1.5}]));
    let after = ok(&mut world, "DescribeTrialComponent", &json!({"TrialComponentName": component}))["Metrics"].clone();
    assert_eq!(after.as_array().unwrap().len(), before.as_array().unwrap().len() + 1);
    assert_eq!(searched(&mut world, "ExperimentTrialComponent", "Metrics.own/score", "1.5").len(), 1);
}

#[test]
fn what_is_wrong_with_an_entry_is_told_of_that_entry() {
    let mut world = world("quiet-night");
    let arn =
        ok(&mut world, "CreateTrialComponent", &json!({"TrialComponentName": "fit"}))["TrialComponentArn"].clone();
    let entry = |name: &str, step: i64, value: Value| json!({"MetricName": name, "Timestamp": 1_795_000_000, "Step": step, "Value": value});
    let data = json!([
        entry("loss", 0, json!(1.0)),
        entry("loss", 0, json!(1.0)),
        entry("loss", 0, json!(2.0)),
        entry("loss", -1, json!(1.0)),
        entry("", 0, json!(1.0)),
        entry("loss", 1, json!("NaN")),
        entry("loss", 1, json!(0.5)),
    ]);
    let (status, answer) = put(&mut world, "fit", &data);
    let code = |index: usize, code: &str| json!({"Code": code, "MetricIndex": index});
    let wrong = json!([
        code(2, "CONFLICT_ERROR"),
        code(3, "VALIDATION_ERROR"),
        code(4, "VALIDATION_ERROR"),
        code(5, "VALIDATION_ERROR")
    ]);
    assert_eq!((status, &answer["Errors"]), (200, &wrong));
    assert_eq!(values(&mut world, &arn, "loss", "IterationNumber"), json!([1.0, 0.5]));
    for (component, data) in [
        ("no-such", json!([entry("loss", 0, json!(1.0))])),
        ("fit", json!([])),
        ("Fit", json!([entry("loss", 0, json!(1.0))])),
    ] {
        let (status, answer) = put(&mut world, component, &data);
        assert_eq!((status, answer["__type"].as_str()), (400, Some("ValidationException")), "{component}");
    }
    for n in 0..100 {
        let data: Vec<Value> = (0..10).map(|m| entry(&format!("m-{}", n * 10 + m), 0, json!(1.0))).collect();
        let answer = put(&mut world, "fit", &json!(data)).1;
        assert_eq!(answer["Errors"].is_null(), n < 99, "{n}: {answer}");
    }
}

#[test]
fn after_the_last_step_there_is_no_next_one() {
    let mut world = world("quiet-night");
    ok(&mut world, "CreateTrialComponent", &json!({"TrialComponentName": "counted"}));
    let at = world.now().secs_f64();
    let entry = |second: f64, step: Value| json!([{"MetricName": "loss", "Timestamp": at + second, "Value": 1.0, "Step": step}]);
    for (second, step) in [(0.0, json!(u32::MAX - 1)), (1.0, Value::Null)] {
        assert_eq!(put(&mut world, "counted", &entry(second, step)), (200, json!({})));
    }
    let (_, told) = put(&mut world, "counted", &entry(2.0, Value::Null));
    assert_eq!(told["Errors"][0]["Code"], "VALIDATION_ERROR", "{told}");
}
