//! Autopilot on the wire.

use mldeck_core::time::{HOUR, MINUTE};
use serde_json::{Value, json};

use super::super::{ROOM, training_tests::crowd};
use crate::{
    World,
    testkit::{ok, pass, refused, world},
};

fn source(uri: &str) -> Value {
    json!({"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}})
}

fn wanted(name: &str, config: &Value) -> Value {
    json!({
        "AutoMLJobName": name, "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
        "AutoMLJobInputDataConfig": [{"ChannelType": "training", "ContentType": "text/csv;header=present", "DataSource": source("s3://own/data/")}],
        "OutputDataConfig": {"S3OutputPath": "s3://own/automl"},
        "AutoMLProblemTypeConfig": config,
    })
}

fn tabular(target: &str) -> Value {
    json!({"TabularJobConfig": {"TargetAttributeName": target, "CompletionCriteria": {"MaxCandidates": 5}}})
}

fn told(world: &mut World, name: &str) -> Value {
    ok(world, "DescribeAutoMLJobV2", &json!({"AutoMLJobName": name}))
}

fn with_data() -> World {
    let mut world = world("quiet-night");
    let at = world.now();
    let rows: String = (0..40).map(|n| format!("{n},{},{}\n", n * 3 % 7, n % 2)).collect();
    world.s3.put("own", "data/rows.csv", format!("age,visits,leaves\n{rows}"), at);
    world
}

#[test]
fn it_goes_through_its_phases_and_its_steps_are_jobs_of_the_account() {
    let mut world = with_data();
    ok(&mut world, "CreateAutoMLJobV2", &wanted("auto", &tabular("leaves")));
    assert_eq!(refused(&mut world, "CreateAutoMLJobV2", &wanted("auto", &tabular("leaves"))).0, "ResourceInUse");
    let mut phases: Vec<String> = Vec::new();
    for _ in 0..120 {
        let now = told(&mut world, "auto")["AutoMLJobSecondaryStatus"].as_str().unwrap().to_owned();
        if phases.last() != Some(&now) {
            phases.push(now);
        }
        pass(&mut world, MINUTE);
    }
    let wanted = [
        "Starting",
        "AnalyzingData",
        "FeatureEngineering",
        "ModelTuning",
        "GeneratingExplainabilityReport",
        "GeneratingModelInsightsReport",
        "Completed",
    ];
    assert_eq!(phases, wanted);
    let job = told(&mut world, "auto");
    assert_eq!(
        (&job["AutoMLJobStatus"], &job["ResolvedAttributes"]["AutoMLJobObjective"]["MetricName"]),
        (&json!("Completed"), &json!("F1"))
    );
    let best = job["BestCandidate"].clone();
    for step in best["CandidateSteps"].as_array().unwrap() {
        let kind = step["CandidateStepType"].as_str().unwrap().trim_start_matches("AWS::SageMaker::");
        let made =
            ok(&mut world, &format!("Describe{kind}"), &json!({ format!("{kind}Name"): step["CandidateStepName"] }));
        assert_eq!(
            (&made["AutoMLJobArn"], &made[format!("{kind}Status")]),
            (&job["AutoMLJobArn"], &json!("Completed")),
            "{made}"
        );
        assert_eq!(made[format!("{kind}Arn")], step["CandidateStepArn"]);
    }
    let list = json!({"AutoMLJobName": "auto", "SortBy": "FinalObjectiveMetricValue", "SortOrder": "Descending", "MaxResults": 300});
    let all = ok(&mut world, "ListCandidatesForAutoMLJob", &list)["Candidates"].clone();
    assert_eq!((all.as_array().unwrap().len(), &all[0]), (5, &best));
    let place = |uri: &Value| uri.as_str().unwrap().trim_start_matches("s3://own/").to_owned();
    let places = &best["CandidateProperties"]["CandidateArtifactLocations"];
    for uri in [
        &places["Explainability"],
        &places["ModelInsights"],
        &job["AutoMLJobArtifacts"]["DataExplorationNotebookLocation"],
    ] {
        assert!(world.s3.list("own", &place(uri)).next().is_some(), "{uri}");
    }
    let report = format!("{}/analysis.json", place(&places["Explainability"]));
    assert!(String::from_utf8_lossy(&world.s3.get("own", &report).unwrap().body).contains("visits"));
}

#[test]
fn candidates_come_over_time_and_a_stop_ends_them() {
    let mut world = with_data();
    ok(&mut world, "CreateAutoMLJobV2", &wanted("halted", &tabular("leaves")));
    let count = |world: &mut World| {
        ok(world, "ListCandidatesForAutoMLJob", &json!({"AutoMLJobName": "halted"}))["Candidates"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count(&mut world), 0);
    while told(&mut world, "halted")["AutoMLJobSecondaryStatus"] != "ModelTuning" {
        pass(&mut world, MINUTE);
    }
    pass(&mut world, 3 * MINUTE);
    assert_eq!(count(&mut world), 4);
    ok(&mut world, "StopAutoMLJob", &json!({"AutoMLJobName": "halted"}));
    assert_eq!(told(&mut world, "halted")["AutoMLJobStatus"], "Stopping");
    pass(&mut world, 10 * MINUTE);
    let job = told(&mut world, "halted");
    assert_eq!((&job["AutoMLJobStatus"], &job["AutoMLJobSecondaryStatus"]), (&json!("Stopped"), &json!("Stopped")));
}

#[test]
fn data_decide_what_is_learned_and_what_fails() {
    let mut world = with_data();
    ok(&mut world, "CreateAutoMLJobV2", &wanted("number", &tabular("age")));
    ok(&mut world, "CreateAutoMLJobV2", &wanted("none", &tabular("nothing")));
    let mut empty = wanted("empty", &tabular("leaves"));
    empty["AutoMLJobInputDataConfig"][0]["DataSource"] = source("s3://own/none/");
    ok(&mut world, "CreateAutoMLJobV2", &empty);
    ok(&mut world, "CreateAutoMLJobV2", &wanted("pictures", &json!({"ImageClassificationJobConfig": {}})));
    pass(&mut world, 3 * HOUR);
    let number = told(&mut world, "number");
    let kind = &number["ResolvedAttributes"]["AutoMLProblemTypeResolvedAttributes"]["TabularResolvedAttributes"];
    assert_eq!((&kind["ProblemType"], &number["AutoMLJobStatus"]), (&json!("Regression"), &json!("Completed")));
    assert_eq!(number["BestCandidate"]["FinalAutoMLJobObjectiveMetric"]["Type"], "Minimize");
    let none = told(&mut world, "none");
    assert!(none["FailureReason"].as_str().unwrap().contains("nothing"), "{none}");
    let empty = told(&mut world, "empty");
    assert!(
        empty["AutoMLJobStatus"] == "Failed" && empty["FailureReason"].as_str().unwrap().contains("s3://own/none/")
    );
    let pictures = told(&mut world, "pictures");
    assert_eq!(
        (&pictures["AutoMLJobStatus"], &pictures["AutoMLProblemTypeConfigName"]),
        (&json!("Completed"), &json!("ImageClassification"))
    );
    let rows = ok(&mut world, "ListAutoMLJobs", &json!({"StatusEquals": "Failed"}));
    assert_eq!(rows["AutoMLJobSummaries"].as_array().unwrap().len(), 2);
}

#[test]
fn the_first_version_is_made_and_told_too_and_the_best_is_deployed() {
    let mut world = with_data();
    let first = json!({
        "AutoMLJobName": "first", "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
        "InputDataConfig": [{"DataSource": source("s3://own/data/"), "TargetAttributeName": "leaves"}],
        "OutputDataConfig": {"S3OutputPath": "s3://own/automl"},
        "AutoMLJobConfig": {"CompletionCriteria": {"MaxCandidates": 2}},
        "ModelDeployConfig": {"AutoGenerateEndpointName": true},
    });
    ok(&mut world, "CreateAutoMLJob", &first);
    pass(&mut world, 3 * HOUR);
    let name = json!({"AutoMLJobName": "first"});
    let job = ok(&mut world, "DescribeAutoMLJob", &name);
    assert_eq!(
        (&job["AutoMLJobStatus"], &job["AutoMLJobSecondaryStatus"]),
        (&json!("Completed"), &json!("Completed")),
        "{job}"
    );
    assert_eq!(job["ResolvedAttributes"]["ProblemType"], "BinaryClassification");
    assert_eq!(job["BestCandidate"]["InferenceContainers"].as_array().unwrap().len(), 2);
    // Rows are made into features before the model is asked.
    let model = ok(&mut world, "DescribeModel", &json!({"ModelName": "first"}));
    assert_eq!(model["Containers"], job["BestCandidate"]["InferenceContainers"]);
    let endpoint = json!({"EndpointName": job["ModelDeployResult"]["EndpointName"]});
    assert_eq!(ok(&mut world, "DescribeEndpoint", &endpoint)["EndpointStatus"], "InService");
    let second = told(&mut world, "first");
    assert_eq!(second["AutoMLProblemTypeConfig"]["TabularJobConfig"]["TargetAttributeName"], "leaves");
    ok(&mut world, "CreateAutoMLJobV2", &wanted("second", &tabular("leaves")));
    assert_eq!(refused(&mut world, "DescribeAutoMLJob", &json!({"AutoMLJobName": "second"})).0, "ValidationException");
    assert_eq!(refused(&mut world, "DescribeAutoMLJob", &json!({"AutoMLJobName": "no-such"})).0, "ResourceNotFound");
}

#[test]
fn a_column_without_a_name_does_not_shift_the_others_and_no_time_is_too_long() {
    let mut world = with_data();
    let at = world.now();
    let rows: String = (0..40).map(|n| format!("{n},{n},{}\n", n % 2)).collect();
    world.s3.put("own", "data/rows.csv", format!("age,,leaves\n{rows}"), at);
    let mut config = tabular("leaves");
    config["TabularJobConfig"]["CompletionCriteria"] = json!({
        "MaxCandidates": 2, "MaxAutoMLJobRuntimeInSeconds": i32::MAX, "MaxRuntimePerTrainingJobInSeconds": i32::MAX,
    });
    ok(&mut world, "CreateAutoMLJobV2", &wanted("gap", &config));
    pass(&mut world, 3 * HOUR);
    let job = told(&mut world, "gap");
    let kind = &job["ResolvedAttributes"]["AutoMLProblemTypeResolvedAttributes"]["TabularResolvedAttributes"];
    assert_eq!((&kind["ProblemType"], &job["AutoMLJobStatus"]), (&json!("BinaryClassification"), &json!("Completed")));
    // Reports are of the best candidate, also where another is asked for alone.
    let list = json!({"AutoMLJobName": "gap", "SortBy": "FinalObjectiveMetricValue"});
    let all = ok(&mut world, "ListCandidatesForAutoMLJob", &list)["Candidates"].clone();
    let places = |name: &Value, world: &mut World| {
        let one = json!({"AutoMLJobName": "gap", "CandidateNameEquals": name});
        let found = ok(world, "ListCandidatesForAutoMLJob", &one)["Candidates"].clone();
        found[0]["CandidateProperties"]["CandidateArtifactLocations"].clone()
    };
    assert_eq!(places(&all[0]["CandidateName"], &mut world), Value::Null, "{all}");
    assert!(places(&all[1]["CandidateName"], &mut world)["Explainability"].is_string());
}

#[test]
fn it_fails_when_the_account_has_no_room_for_its_jobs() {
    let mut world = with_data();
    crowd(&mut world);
    ok(&mut world, "CreateAutoMLJobV2", &wanted("late", &tabular("leaves")));
    pass(&mut world, 20 * MINUTE);
    let job = told(&mut world, "late");
    assert_eq!(job["AutoMLJobStatus"], "Failed", "{job}");
    assert!(job["FailureReason"].as_str().unwrap().contains("ResourceLimitExceeded"), "{job}");
    assert_eq!(world.shelf.of("TrainingJob").count(), ROOM);
}
