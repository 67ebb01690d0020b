//! Jobs of callers on the wire.

use mldeck_core::time::{HOUR, MINUTE, SECOND};
use serde_json::{Map, Value, json};

use super::ROOM;
use crate::{
    World,
    testkit::{call, ok, pass, refused, world},
};

fn wanted(name: &str) -> Value {
    json!({
        "TrainingJobName": name,
        "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
        "AlgorithmSpecification": {
            "TrainingImage": "447100000921.dkr.ecr.eu-west-1.amazonaws.com/own:1",
            "TrainingInputMode": "File",
            "MetricDefinitions": [
                {"Name": "val/auc", "Regex": "auc=([0-9.]+)"}, {"Name": "loss", "Regex": "loss: ([0-9.]+);"},
            ],
        },
        "HyperParameters": {"eta": "0.05", "objective": "binary:logistic"},
        "OutputDataConfig": {"S3OutputPath": "s3://acme-ml-models/own/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    })
}

/// Fills the account with training jobs that are over.
pub(super) fn crowd(world: &mut World) {
    for n in 0..ROOM {
        let name = format!("old-{n:05}");
        let arn = format!("arn:aws:sagemaker:eu-west-1:447100000921:training-job/{name}");
        world.shelve(("TrainingJob", name.clone(), arn), "anna", Map::new(), &[]);
        world.shelf.item_mut("TrainingJob", &name).unwrap().work.is_over = true;
    }
}

fn told(world: &mut World, name: &str) -> Value {
    ok(world, "DescribeTrainingJob", &json!({"TrainingJobName": name}))
}

#[test]
fn a_job_goes_all_the_way_and_leaves_what_it_should() {
    let mut world = world("quiet-night");
    ok(&mut world, "CreateTrainingJob", &wanted("Own-1"));
    assert_eq!(refused(&mut world, "CreateTrainingJob", &wanted("Own-1")).0, "ResourceInUse");
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..100 {
        let now = told(&mut world, "Own-1")["SecondaryStatus"].as_str().unwrap().to_owned();
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        pass(&mut world, 10 * SECOND);
    }
    assert_eq!(seen, ["Starting", "Downloading", "Training", "Uploading", "Completed"]);
    let job = told(&mut world, "Own-1");
    let metrics = job["FinalMetricDataList"].as_array().unwrap().clone();
    assert_eq!(metrics.len(), 2);
    let artifact = job["ModelArtifacts"]["S3ModelArtifacts"].as_str().unwrap();
    assert_eq!(artifact, "s3://acme-ml-models/own/Own-1/output/model.tar.gz");
    assert!(world.s3.get("acme-ml-models", "own/Own-1/output/model.tar.gz").is_some());
    let group = "/aws/sagemaker/TrainingJobs";
    let streams = json!({"logGroupName": group, "logStreamNamePrefix": "Own-1/algo-1-"});
    let streams = call(&mut world, "logs", "DescribeLogStreams", &streams).1;
    let stream = streams["logStreams"][0]["logStreamName"].clone();
    let lines = json!({"logGroupName": group, "logStreamName": stream, "startFromHead": true});
    let lines = call(&mut world, "logs", "GetLogEvents", &lines).1["events"].as_array().unwrap().clone();
    assert_eq!(lines.len(), 102);
    let last = format!("loss: {:.5};", metrics[1]["Value"].as_f64().unwrap());
    assert!(lines[100]["message"].as_str().unwrap().ends_with(&last), "{} {last}", lines[100]);
}

#[test]
fn it_is_seen_where_other_runs_are() {
    let mut world = world("quiet-night");
    ok(&mut world, "CreateTrainingJob", &wanted("own-1"));
    pass(&mut world, HOUR);
    let list = json!({"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": 100, "NameContains": "own-1"});
    let rows = ok(&mut world, "ListTrainingJobs", &list)["TrainingJobSummaries"].clone();
    assert_eq!((rows.as_array().unwrap().len(), rows[0]["TrainingJobStatus"].clone()), (1, json!("Completed")));
    let component = "own-1-aws-training-job";
    let is = |name: &str, value: &str| json!({"Filters": [{"Name": name, "Value": value}]});
    let search = json!({"Resource": "TrainingJob", "SearchExpression": is("TrainingJobName", "own-1")});
    assert_eq!(ok(&mut world, "Search", &search)["TotalHits"]["Value"], 1);
    let search =
        json!({"Resource": "ExperimentTrialComponent", "SearchExpression": is("TrialComponentName", component)});
    let found = ok(&mut world, "Search", &search)["Results"][0]["TrialComponent"].clone();
    let told_of_it = ok(&mut world, "DescribeTrialComponent", &json!({"TrialComponentName": component}));
    assert_eq!(found["Metrics"], told_of_it["Metrics"]);
    assert_eq!(told_of_it["Status"]["PrimaryStatus"], "Completed");
    let listed = json!({"SourceArn": told(&mut world, "own-1")["TrainingJobArn"]});
    let listed = ok(&mut world, "ListTrialComponents", &listed)["TrialComponentSummaries"].clone();
    assert_eq!(listed[0]["TrialComponentName"], component);
}

#[test]
fn time_runs_out_and_people_stop() {
    let mut world = world("quiet-night");
    let mut short = wanted("short");
    short["StoppingCondition"] = json!({"MaxRuntimeInSeconds": 60});
    ok(&mut world, "CreateTrainingJob", &short);
    ok(&mut world, "CreateTrainingJob", &wanted("stopped"));
    ok(&mut world, "StopTrainingJob", &json!({"TrainingJobName": "stopped"}));
    assert_eq!(told(&mut world, "stopped")["TrainingJobStatus"], "Stopping");
    let (code, _) = refused(&mut world, "StopTrainingJob", &json!({"TrainingJobName": "stopped"}));
    assert_eq!(code, "ValidationException");
    pass(&mut world, 10 * MINUTE);
    let short = told(&mut world, "short");
    assert_eq!(
        (&short["TrainingJobStatus"], &short["SecondaryStatus"]),
        (&json!("Stopped"), &json!("MaxRuntimeExceeded"))
    );
    assert!(world.s3.get("acme-ml-models", "own/short/output/model.tar.gz").is_some());
    assert_eq!(told(&mut world, "stopped")["SecondaryStatus"], "Stopped");
    assert!(world.s3.get("acme-ml-models", "own/stopped/output/model.tar.gz").is_none());
}

#[test]
fn input_that_is_not_there_fails_when_it_is_read() {
    let mut world = world("quiet-night");
    let mut job = wanted("empty");
    let source = json!({"S3DataType": "S3Prefix", "S3Uri": "s3://nobody/train/"});
    job["InputDataConfig"] = json!([{"ChannelName": "train", "DataSource": {"S3DataSource": source}}]);
    ok(&mut world, "CreateTrainingJob", &job);
    pass(&mut world, 20 * MINUTE);
    let job = told(&mut world, "empty");
    assert_eq!(job["TrainingJobStatus"], "Failed");
    assert!(job["FailureReason"].as_str().unwrap().contains("s3://nobody/train/"), "{job}");
    assert!(job["TrainingStartTime"].is_null() && job["FinalMetricDataList"].is_null());
}

#[test]
fn what_cannot_run_is_refused() {
    let mut world = world("quiet-night");
    let mut none = wanted("none");
    none["AlgorithmSpecification"].as_object_mut().unwrap().remove("TrainingImage");
    assert_eq!(refused(&mut world, "CreateTrainingJob", &none).0, "ValidationException");
    let mut spot = wanted("spot");
    spot["EnableManagedSpotTraining"] = json!(true);
    assert_eq!(refused(&mut world, "CreateTrainingJob", &spot).0, "ValidationException");
    let (code, _) = refused(&mut world, "CreateTrainingJob", &wanted("vision-train-0288"));
    assert_eq!(code, "ResourceInUse");
}

#[test]
fn what_a_processing_job_reads_comes_out_where_it_says() {
    let mut world = world("quiet-night");
    let job = |name: &str, input: &str| {
        let output = |name: &str| {
            let place =
                json!({"S3Uri": format!("s3://own/out/{name}"), "LocalPath": "/opt/o", "S3UploadMode": "EndOfJob"});
            json!({"OutputName": name, "S3Output": place})
        };
        json!({
            "ProcessingJobName": name,
            "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
            "AppSpecification": {"ImageUri": "447100000921.dkr.ecr.eu-west-1.amazonaws.com/own:1"},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            },
            "ProcessingInputs": [{
                "InputName": "raw", "S3Input": {"S3Uri": input, "S3DataType": "S3Prefix", "LocalPath": "/opt/i"},
            }],
            "ProcessingOutputConfig": {"Outputs": [output("train"), output("test")]},
        })
    };
    let at = world.now();
    world.s3.put("own", "raw/a.csv", "1\n2\n3\n", at);
    ok(&mut world, "CreateProcessingJob", &job("split", "s3://own/raw/"));
    ok(&mut world, "CreateProcessingJob", &job("empty", "s3://own/none/"));
    pass(&mut world, HOUR);
    let part = |name: &str| world.s3.get("own", &format!("out/{name}/part-00000.csv")).unwrap().body.clone();
    assert_eq!((part("train"), part("test")), ("1\n3\n".into(), "2\n".into()));
    let failed = ok(&mut world, "DescribeProcessingJob", &json!({"ProcessingJobName": "empty"}));
    assert_eq!(failed["ProcessingJobStatus"], "Failed");
    assert!(failed["FailureReason"].as_str().unwrap().contains("s3://own/none/"));
}

#[test]
fn processing_jobs_run_and_stop() {
    let mut world = world("quiet-night");
    let job = |name: &str| {
        json!({
            "ProcessingJobName": name,
            "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
            "AppSpecification": {"ImageUri": "447100000921.dkr.ecr.eu-west-1.amazonaws.com/own:1"},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            },
        })
    };
    ok(&mut world, "CreateProcessingJob", &job("clean-1"));
    ok(&mut world, "CreateProcessingJob", &job("clean-2"));
    assert_eq!(refused(&mut world, "CreateProcessingJob", &job("clean-1")).0, "ResourceInUse");
    ok(&mut world, "StopProcessingJob", &json!({"ProcessingJobName": "clean-2"}));
    pass(&mut world, HOUR);
    let rows = ok(&mut world, "ListProcessingJobs", &json!({"SortBy": "Name", "SortOrder": "Ascending"}));
    let states: Vec<&Value> =
        rows["ProcessingJobSummaries"].as_array().unwrap().iter().map(|row| &row["ProcessingJobStatus"]).collect();
    assert_eq!(states, [&json!("Completed"), &json!("Stopped")]);
    let one = ok(&mut world, "DescribeProcessingJob", &json!({"ProcessingJobName": "clean-1"}));
    assert_eq!(one["ProcessingJobStatus"], "Completed");
    assert_eq!(refused(&mut world, "StopProcessingJob", &json!({"ProcessingJobName": "none"})).0, "ResourceNotFound");
}

#[test]
fn a_runtime_beyond_all_clocks_is_no_limit() {
    let mut world = world("quiet-night");
    let mut job = wanted("long");
    job["StoppingCondition"]["MaxRuntimeInSeconds"] = json!(i32::MAX);
    ok(&mut world, "CreateTrainingJob", &job);
    pass(&mut world, HOUR);
    assert_eq!(told(&mut world, "long")["TrainingJobStatus"], "Completed");
}

#[test]
fn a_job_reads_what_another_wrote_a_moment_before() {
    let status = |step: i64| {
        let mut world = world("quiet-night");
        let cluster =
            json!({"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}});
        let output = json!({"S3Uri": "s3://own/made/", "LocalPath": "/out", "S3UploadMode": "EndOfJob"});
        let first = json!({
            "ProcessingJobName": "first", "ProcessingResources": cluster, "AppSpecification": {"ImageUri": "own"},
            "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
            "ProcessingOutputConfig": {"Outputs": [{"OutputName": "made", "S3Output": output}]},
        });
        ok(&mut world, "CreateProcessingJob", &first);
        let seed = world.seed;
        let written = world.shelf.item("ProcessingJob", "first").map(|job| job.end(&job.plan(seed))).unwrap();
        let mut second = wanted("second");
        let source = json!({"S3DataType": "S3Prefix", "S3Uri": "s3://own/made/"});
        second["InputDataConfig"] = json!([{"ChannelName": "train", "DataSource": {"S3DataSource": source}}]);
        // How long it takes to come to its input is the same whenever it begins.
        let mut probe = crate::testkit::world("quiet-night");
        ok(&mut probe, "CreateTrainingJob", &second);
        let takes =
            probe.shelf.item("TrainingJob", "second").map(|job| job.plan(seed).downloading.since(job.created)).unwrap();
        let begun = written.plus(SECOND - takes);
        assert!(begun > world.now() && written.plus(SECOND).floor(MINUTE) == written.floor(MINUTE));
        world.advance_to(begun);
        ok(&mut world, "CreateTrainingJob", &second);
        while world.now() < written.plus(30 * MINUTE) {
            pass(&mut world, step);
        }
        let told = ok(&mut world, "DescribeTrainingJob", &json!({"TrainingJobName": "second"}));
        told["TrainingJobStatus"].as_str().unwrap().to_owned()
    };
    assert_eq!([status(SECOND), status(30 * MINUTE)], ["Completed", "Completed"]);
}
