//! Tuning jobs on the wire, and the search by itself.

use mldeck_core::time::{HOUR, MINUTE, SECOND};
use serde_json::{Map, Value, json};

use super::{super::training_tests::crowd, space};
use crate::{
    World,
    testkit::{call, ok, pass, refused, world},
};

fn wanted(name: &str, strategy: &str, most: u32) -> Value {
    json!({
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": strategy,
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "val/auc"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": most, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {
                "ContinuousParameterRanges": [
                    {"Name": "eta", "MinValue": "0.001", "MaxValue": "1", "ScalingType": "Logarithmic"},
                    {"Name": "subsample", "MinValue": "0.2", "MaxValue": "0.999", "ScalingType": "ReverseLogarithmic"},
                ],
                "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "2", "MaxValue": "16"}],
                "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart"]}],
            },
        },
        "TrainingJobDefinition": {
            "AlgorithmSpecification": {
                "TrainingImage": "447100000921.dkr.ecr.eu-west-1.amazonaws.com/own:1", "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "val/auc", "Regex": "auc=([0-9.]+)"}],
            },
            "StaticHyperParameters": {"objective": "binary:logistic"},
            "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
            "OutputDataConfig": {"S3OutputPath": "s3://acme-ml-models/own/"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        },
    })
}

fn told(world: &mut World, name: &str) -> Value {
    ok(world, "DescribeHyperParameterTuningJob", &json!({"HyperParameterTuningJobName": name}))
}

fn children(world: &mut World, name: &str) -> Vec<Value> {
    let input = json!({"HyperParameterTuningJobName": name, "SortBy": "CreationTime", "MaxResults": 100});
    let found = ok(world, "ListTrainingJobsForHyperParameterTuningJob", &input);
    found["TrainingJobSummaries"].as_array().unwrap().clone()
}

fn values(children: &[Value]) -> Vec<f64> {
    let value = |child: &Value| child["FinalHyperParameterTuningJobObjectiveMetric"]["Value"].as_f64();
    children.iter().filter_map(value).collect()
}

#[test]
fn its_training_jobs_are_jobs_like_any_other() {
    let mut world = world("quiet-night");
    ok(&mut world, "CreateHyperParameterTuningJob", &wanted("Search-1", "Bayesian", 5));
    assert_eq!(
        refused(&mut world, "CreateHyperParameterTuningJob", &wanted("Search-1", "Random", 5)).0,
        "ResourceInUse"
    );
    pass(&mut world, 3 * MINUTE);
    let job = told(&mut world, "Search-1");
    assert_eq!(job["TrainingJobStatusCounters"]["InProgress"], 2, "{job}");
    assert_eq!((&job["ObjectiveStatusCounters"]["Pending"], &job["BestTrainingJob"]), (&json!(2), &Value::Null));
    pass(&mut world, HOUR);
    let job = told(&mut world, "Search-1");
    assert_eq!(job["HyperParameterTuningJobStatus"], "Completed");
    assert_eq!(
        (&job["TrainingJobStatusCounters"]["Completed"], &job["ObjectiveStatusCounters"]["Succeeded"]),
        (&json!(5), &json!(5))
    );
    let all = children(&mut world, "Search-1");
    let best = values(&all).into_iter().fold(0.0, f64::max);
    assert_eq!(job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"], best);
    let name = job["BestTrainingJob"]["TrainingJobName"].clone();
    let child = ok(&mut world, "DescribeTrainingJob", &json!({"TrainingJobName": name}));
    assert_eq!(child["TuningJobArn"], job["HyperParameterTuningJobArn"]);
    assert_eq!(child["FinalMetricDataList"][0]["Value"], best);
    assert_eq!(child["HyperParameters"]["eta"], job["BestTrainingJob"]["TunedHyperParameters"]["eta"]);
    assert_eq!(child["HyperParameters"]["_tuning_objective_metric"], "val/auc");
    assert!(name.as_str().unwrap().starts_with("Search-1-00"), "{name}");
    let artifact = child["ModelArtifacts"]["S3ModelArtifacts"].as_str().unwrap().replace("s3://acme-ml-models/", "");
    assert!(world.s3.get("acme-ml-models", &artifact).is_some());
    let filter = json!({"Filters": [{"Name": "TuningJobArn", "Value": job["HyperParameterTuningJobArn"]}]});
    let search = json!({"Resource": "TrainingJob", "SearchExpression": filter});
    assert_eq!(ok(&mut world, "Search", &search)["TotalHits"]["Value"], 5);
    let filter = json!({"Filters": [{"Name": "HyperParameterTuningJobName", "Value": "Search-1"}]});
    let search = json!({"Resource": "HyperParameterTuningJob", "SearchExpression": filter});
    assert_eq!(ok(&mut world, "Search", &search)["Results"][0]["HyperParameterTuningJob"], job);
    let component =
        json!({"TrialComponentName": format!("{}-aws-training-job", name.as_str().unwrap().to_lowercase())});
    assert_eq!(ok(&mut world, "DescribeTrialComponent", &component)["Status"]["PrimaryStatus"], "Completed");
    let streams = json!({"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamNamePrefix": name});
    assert_eq!(call(&mut world, "logs", "DescribeLogStreams", &streams).1["logStreams"].as_array().unwrap().len(), 1);
}

#[test]
fn how_often_time_is_told_does_not_matter() {
    let run = |step: i64| {
        let mut world = world("quiet-night");
        ok(&mut world, "CreateHyperParameterTuningJob", &wanted("search", "Bayesian", 4));
        for _ in 0..HOUR / step {
            pass(&mut world, step);
        }
        children(&mut world, "search")
    };
    assert_eq!(run(7 * SECOND * 60), run(7 * SECOND));
}

#[test]
fn a_bayesian_search_gets_better_and_beats_chance() {
    let mut world = world("quiet-night");
    ok(&mut world, "CreateHyperParameterTuningJob", &wanted("bayes", "Bayesian", 30));
    ok(&mut world, "CreateHyperParameterTuningJob", &wanted("chance", "Random", 30));
    pass(&mut world, 6 * HOUR);
    let [bayes, chance] = ["bayes", "chance"].map(|name| values(&children(&mut world, name)));
    assert_eq!((bayes.len(), chance.len()), (30, 30));
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    assert!(mean(&bayes[20..]) > mean(&bayes[..10]) + 0.003, "{bayes:?}");
    assert!(mean(&bayes) > mean(&chance), "{} {}", mean(&bayes), mean(&chance));
}

#[test]
fn a_grid_is_walked_through_and_a_seed_repeats() {
    let mut world = world("quiet-night");
    let mut grid = wanted("grid", "Grid", 6);
    let config = &mut grid["HyperParameterTuningJobConfig"];
    config["ParameterRanges"] = json!({"CategoricalParameterRanges": [
        {"Name": "booster", "Values": ["gbtree", "dart"]}, {"Name": "max_depth", "Values": ["4", "8", "12"]},
    ]});
    ok(&mut world, "CreateHyperParameterTuningJob", &grid);
    grid["HyperParameterTuningJobName"] = json!("grid-2");
    grid["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"] = json!(7);
    assert!(refused(&mut world, "CreateHyperParameterTuningJob", &grid).1.contains("which is 6"));
    for name in ["seed-1", "seed-2"] {
        let mut job = wanted(name, "Random", 3);
        job["HyperParameterTuningJobConfig"]["RandomSeed"] = json!(7);
        ok(&mut world, "CreateHyperParameterTuningJob", &job);
    }
    pass(&mut world, 2 * HOUR);
    let tuned =
        |all: Vec<Value>| -> Vec<Value> { all.iter().map(|child| child["TunedHyperParameters"].clone()).collect() };
    let seen = tuned(children(&mut world, "grid"));
    let is_there = |booster: &str, depth: &str| seen.contains(&json!({"booster": booster, "max_depth": depth}));
    assert!(["gbtree", "dart"].iter().all(|b| ["4", "8", "12"].iter().all(|depth| is_there(b, depth))), "{seen:?}");
    let [one, two] = ["seed-1", "seed-2"].map(|name| tuned(children(&mut world, name)));
    assert_eq!((one.len(), &one), (3, &two));
}

#[test]
fn a_stop_stops_its_jobs_and_a_deletion_leaves_them() {
    let mut world = world("quiet-night");
    let name = json!({"HyperParameterTuningJobName": "halted"});
    ok(&mut world, "CreateHyperParameterTuningJob", &wanted("halted", "Random", 8));
    pass(&mut world, 6 * MINUTE);
    assert_eq!(refused(&mut world, "DeleteHyperParameterTuningJob", &name).0, "ValidationException");
    ok(&mut world, "StopHyperParameterTuningJob", &name);
    assert_eq!(told(&mut world, "halted")["HyperParameterTuningJobStatus"], "Stopping");
    pass(&mut world, 5 * MINUTE);
    let job = told(&mut world, "halted");
    assert_eq!(job["HyperParameterTuningJobStatus"], "Stopped");
    assert_eq!(job["TrainingJobStatusCounters"]["InProgress"], 0, "{job}");
    let made = children(&mut world, "halted");
    assert!(made.iter().any(|child| child["TrainingJobStatus"] == "Stopped"), "{made:?}");
    ok(&mut world, "DeleteHyperParameterTuningJob", &name);
    let (code, text) = refused(&mut world, "DescribeHyperParameterTuningJob", &name);
    assert_eq!((code.as_str(), text.contains("can't find a tuning job")), ("ResourceNotFound", true));
    ok(&mut world, "DescribeTrainingJob", &json!({"TrainingJobName": made[0]["TrainingJobName"]}));
    ok(&mut world, "CreateHyperParameterTuningJob", &wanted("halted", "Random", 8));
    assert_eq!(children(&mut world, "halted").len(), 0);
}

#[test]
fn it_ends_early_or_fails_as_it_was_told() {
    let mut world = world("quiet-night");
    let mut target = wanted("target", "Random", 40);
    target["HyperParameterTuningJobConfig"]["TuningJobCompletionCriteria"] =
        json!({"TargetObjectiveMetricValue": 0.915});
    let mut late = wanted("late", "Random", 40);
    late["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxRuntimeInSeconds"] = json!(1800);
    let mut empty = wanted("empty", "Random", 40);
    let source = json!({"S3DataType": "S3Prefix", "S3Uri": "s3://nobody/train/"});
    empty["TrainingJobDefinition"]["InputDataConfig"] =
        json!([{"ChannelName": "train", "DataSource": {"S3DataSource": source}}]);
    let mut quick = wanted("quick", "Random", 20);
    quick["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"] = json!("Auto");
    for job in [target, late, empty, quick] {
        ok(&mut world, "CreateHyperParameterTuningJob", &job);
    }
    pass(&mut world, 4 * HOUR);
    let found = told(&mut world, "target");
    assert_eq!(found["HyperParameterTuningJobStatus"], "Completed");
    let made = children(&mut world, "target");
    assert!(made.len() < 40 && values(&made).iter().any(|value| *value >= 0.915), "{made:?}");
    assert_eq!(told(&mut world, "late")["HyperParameterTuningJobStatus"], "Stopped");
    let failed = told(&mut world, "empty");
    assert_eq!(failed["HyperParameterTuningJobStatus"], "Failed");
    assert!(failed["FailureReason"].as_str().unwrap().starts_with("No training job succeeded after 5 attempts."));
    let counters = told(&mut world, "quick")["TrainingJobStatusCounters"].clone();
    assert!(counters["Stopped"].as_u64().unwrap() > 0 && counters["Completed"].as_u64().unwrap() > 0, "{counters}");
}

#[test]
fn a_warm_start_knows_what_its_parents_found() {
    let mut world = world("quiet-night");
    ok(&mut world, "CreateHyperParameterTuningJob", &wanted("parent", "Random", 10));
    let mut heir = wanted("heir", "Bayesian", 2);
    heir["WarmStartConfig"] = json!({
        "WarmStartType": "IdenticalDataAndAlgorithm",
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "parent"}],
    });
    assert!(refused(&mut world, "CreateHyperParameterTuningJob", &heir).1.contains("parent"));
    pass(&mut world, 3 * HOUR);
    ok(&mut world, "CreateHyperParameterTuningJob", &heir);
    pass(&mut world, HOUR);
    let job = told(&mut world, "heir");
    let best = values(&children(&mut world, "parent")).into_iter().chain(values(&children(&mut world, "heir")));
    let best = best.fold(0.0, f64::max);
    assert_eq!(job["OverallBestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"], best);
}

#[test]
fn what_cannot_be_searched_is_refused() {
    let mut world = world("quiet-night");
    let mut refuses = |place: &str, value: Value, why: &str| {
        let mut job = wanted("wrong", "Bayesian", 4);
        *job.pointer_mut(place).unwrap() = value;
        let (code, text) = refused(&mut world, "CreateHyperParameterTuningJob", &job);
        assert!(code == "ValidationException" && text.contains(why), "{place}: {code}: {text}");
    };
    let range = "/HyperParameterTuningJobConfig/ParameterRanges/ContinuousParameterRanges/0";
    refuses(&format!("{range}/MinValue"), json!("2"), "Invalid range for eta");
    refuses(&format!("{range}/MinValue"), json!("0"), "does not allow ScalingType Logarithmic");
    refuses(&format!("{range}/MinValue"), json!("low"), "must be numbers");
    refuses(&format!("{range}/Name"), json!("objective"), "StaticHyperParameters");
    refuses(&format!("{range}/Name"), json!("subsample"), "more than one range");
    let limits = "/HyperParameterTuningJobConfig/ResourceLimits/MaxParallelTrainingJobs";
    refuses(limits, json!(5), "MaxParallelTrainingJobs");
    let metric = "/HyperParameterTuningJobConfig/HyperParameterTuningJobObjective/MetricName";
    refuses(metric, json!("val/f1"), "A metric is required");
    refuses("/HyperParameterTuningJobConfig/Strategy", json!("Grid"), "categorical");
}

#[test]
fn more_than_the_account_may_have_is_refused() {
    let mut world = world("quiet-night");
    for (most, parallel, why) in [
        (i32::MAX, 1, "'Number of training jobs per hyperparameter tuning job' is 750"),
        (751, 1, "'Number of training jobs per hyperparameter tuning job' is 750"),
        (750, 101, "'Number of parallel training jobs per hyperparameter tuning job' is 100"),
    ] {
        let mut job = wanted("much", "Random", 1);
        job["HyperParameterTuningJobConfig"]["ResourceLimits"] =
            json!({"MaxNumberOfTrainingJobs": most, "MaxParallelTrainingJobs": parallel});
        let (code, text) = refused(&mut world, "CreateHyperParameterTuningJob", &job);
        assert!(code == "ResourceLimitExceeded" && text.contains(why), "{code}: {text}");
    }
}

/// Training jobs are never deleted, so a search that finds no room for one does not wait for it.
#[test]
fn it_fails_when_the_account_has_no_room_for_its_training_jobs() {
    let mut world = world("quiet-night");
    crowd(&mut world);
    ok(&mut world, "CreateHyperParameterTuningJob", &wanted("late", "Random", 4));
    pass(&mut world, 2 * MINUTE);
    let job = told(&mut world, "late");
    assert_eq!(job["HyperParameterTuningJobStatus"], "Failed", "{job}");
    assert!(job["FailureReason"].as_str().unwrap().starts_with("ResourceLimitExceeded"), "{job}");
}

#[test]
fn the_widest_ranges_have_values_or_are_refused() {
    let ranges = |given: Value| space::ranges(Some(&given), &Map::new());
    let wide = json!({"ContinuousParameterRanges": [{"Name": "x", "MinValue": "-1.7e308", "MaxValue": "1.7e308"}]});
    assert!(ranges(wide).unwrap_err().message.contains("Invalid range for x"));
    for hint in ["1.7e308", "5e-324", "inf", "-1", "0", "7", "0.25", "word"] {
        let hinted = ranges(json!({"AutoParameters": [{"Name": "x", "ValueHint": hint}]})).unwrap();
        let values: Vec<String> = [0.0, 0.5, 1.0].map(|place| hinted[0].at(place)).to_vec();
        let is_number = |value: &String| value.parse::<f64>().is_ok_and(f64::is_finite);
        assert!(values.iter().all(is_number) || values == [hint; 3], "{hint}: {values:?}");
    }
}
