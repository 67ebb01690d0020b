//! Batch transforms on the wire.

use mldeck_core::time::MINUTE;
use serde_json::{Value, json};

use crate::{
    World,
    testkit::{call, ok, pass, refused, world},
};

fn wanted(name: &str, uri: &str, more: &[(&str, Value)]) -> Value {
    let mut job = json!({
        "TransformJobName": name, "ModelName": "fraud-v17",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
            "ContentType": "text/csv", "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": "s3://own/out/", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    });
    for (place, value) in more {
        let (parent, member) = place.rsplit_once('/').unwrap();
        job.pointer_mut(parent).unwrap()[member] = value.clone();
    }
    job
}

fn told(world: &mut World, name: &str) -> Value {
    ok(world, "DescribeTransformJob", &json!({"TransformJobName": name}))
}

fn body(world: &World, key: &str) -> String {
    let object = world.s3.get("own", key).unwrap_or_else(|| panic!("{key} is not there"));
    String::from_utf8(object.body.to_vec()).unwrap()
}

/// Runs one job over one object and gives what it wrote.
fn run(name: &str, content: &str, more: &[(&str, Value)]) -> Result<String, String> {
    let mut world = world("quiet-night");
    let at = world.now();
    world.s3.put("own", "in/a.csv", content.to_owned(), at);
    ok(&mut world, "CreateTransformJob", &wanted(name, "s3://own/in/", more));
    pass(&mut world, 15 * MINUTE);
    let job = told(&mut world, name);
    match job["TransformJobStatus"].as_str().unwrap() {
        "Completed" => Ok(body(&world, "out/a.csv.out")),
        _ => Err(job["FailureReason"].as_str().unwrap().to_owned()),
    }
}

#[test]
fn an_object_is_answered_for_each_that_was_read() {
    let mut world = world("quiet-night");
    let at = world.now();
    world.s3.put("own", "in/a.csv", "1,2,3\n4,5,6\n", at);
    world.s3.put("own", "in/deep/b.csv", "1,2,3\n", at);
    let capture = json!({"DestinationS3Uri": "s3://own/capture"});
    ok(&mut world, "CreateTransformJob", &wanted("batch", "s3://own/in/", &[("/DataCaptureConfig", capture)]));
    pass(&mut world, 5 * MINUTE);
    let job = told(&mut world, "batch");
    assert_eq!((&job["TransformJobStatus"], job["TransformStartTime"].is_f64()), (&json!("InProgress"), true));
    assert!(world.s3.get("own", "out/a.csv.out").is_none());
    pass(&mut world, 10 * MINUTE);
    assert_eq!(told(&mut world, "batch")["TransformJobStatus"], "Completed");
    let (a, b) = (body(&world, "out/a.csv.out"), body(&world, "out/deep/b.csv.out"));
    let rows: Vec<f64> = a.lines().map(|line| line.parse().unwrap()).collect();
    assert!(rows.len() == 2 && rows.iter().all(|score| (0.0..=1.0).contains(score)) && rows[0] != rows[1], "{a}");
    assert_eq!(a.lines().next(), b.lines().next(), "the same record has the same answer");
    let captured: Vec<String> = world.s3.list("own", "capture/").map(|(key, _)| key.to_owned()).collect();
    assert_eq!(captured.len(), 2);
    let manifest: Value = serde_json::from_str(&body(&world, &captured[1])).unwrap();
    assert_eq!(manifest, json!([{"prefix": "s3://own/out/"}, "a.csv.out", "deep/b.csv.out"]));
    let streams = json!({"logGroupName": "/aws/sagemaker/TransformJobs", "logStreamNamePrefix": "batch/"});
    assert_eq!(call(&mut world, "logs", "DescribeLogStreams", &streams).1["logStreams"].as_array().unwrap().len(), 1);
}

#[test]
fn records_are_joined_and_filtered() {
    let join = ("/DataProcessing", json!({"JoinSource": "Input", "InputFilter": "$[1:]", "OutputFilter": "$[0,-1]"}));
    let joined = run("join", "id-1,2,3\nid-2,2,3\n", std::slice::from_ref(&join)).unwrap();
    let rows: Vec<Vec<&str>> = joined.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((rows[0][0], rows[1][0], rows[0].len()), ("id-1", "id-2", 2));
    assert_eq!(rows[0][1], rows[1][1], "the filter takes the id away from the model");
    let lines = ("/TransformInput/ContentType", json!("application/jsonlines"));
    let joined = run(
        "json",
        "{\"id\": 1, \"x\": [2, 3]}\n",
        &[lines.clone(), ("/DataProcessing", json!({"JoinSource": "Input", "InputFilter": "$.x"}))],
    );
    let row: Value = serde_json::from_str(joined.unwrap().trim()).unwrap();
    assert!(row["id"] == 1 && row["SageMakerOutput"]["score"].is_f64(), "{row}");
    let failed = run("none", "{\"id\": 1}\n", &[lines, ("/DataProcessing", json!({"InputFilter": "$.x"}))]);
    assert!(failed.unwrap_err().contains("InputFilter"));
}

#[test]
fn assembly_is_what_was_asked_for() {
    let none = ("/TransformOutput/AssembleWith", json!("None"));
    let single = ("/BatchStrategy", json!("SingleRecord"));
    let content = "1,2\n3,4\n";
    let lines = run("line", content, &[]).unwrap();
    let answers: Vec<&str> = lines.lines().collect();
    assert_eq!(lines, format!("{}\n{}\n", answers[0], answers[1]));
    assert_eq!(run("none", content, std::slice::from_ref(&none)).unwrap(), answers.join("\n"));
    assert_eq!(run("single", content, &[none.clone(), single]).unwrap(), answers.concat());
    let whole = ("/TransformInput/SplitType", json!("None"));
    assert_eq!(run("whole", content, &[none, whole]).unwrap(), answers.join("\n"));
    let accept = ("/TransformOutput/Accept", json!("application/json"));
    assert_eq!(run("json", "1,2\n", &[accept]).unwrap(), format!("{{\"score\":{}}}\n", answers[0]));
    let large = "1".repeat((1 << 20) + 1);
    assert!(run("large", &large, &[("/MaxPayloadInMB", json!(1))]).unwrap_err().contains("MaxPayloadInMB"));
}

#[test]
fn what_is_not_there_fails_and_what_is_stopped_leaves_nothing() {
    let mut world = world("quiet-night");
    let at = world.now();
    world.s3.put("own", "in/a.csv", "1,2\n", at);
    world.s3.put("own", "list.manifest", "[{\"prefix\": \"s3://own/in/\"}, \"a.csv\"]", at);
    ok(&mut world, "CreateTransformJob", &wanted("none", "s3://own/none/", &[]));
    ok(&mut world, "CreateTransformJob", &wanted("halted", "s3://own/in/", &[]));
    ok(&mut world, "CreateTransformJob", &wanted("family", "s3://acme-ml-data/fraud/batch/", &[]));
    pass(&mut world, 5 * MINUTE);
    let job = told(&mut world, "none");
    assert_eq!(job["TransformJobStatus"], "Failed");
    assert!(job["FailureReason"].as_str().unwrap().contains("No S3 objects found under S3 URL \"s3://own/none/\""));
    ok(&mut world, "StopTransformJob", &json!({"TransformJobName": "halted"}));
    pass(&mut world, 10 * MINUTE);
    assert_eq!(told(&mut world, "halted")["TransformJobStatus"], "Stopped");
    assert!(world.s3.get("own", "out/a.csv.out").is_none());
    assert_eq!(body(&world, "out/part-00000.csv.out").lines().count(), 120);
    let manifest = ("/TransformInput/DataSource/S3DataSource/S3DataType", json!("ManifestFile"));
    ok(&mut world, "CreateTransformJob", &wanted("manifest", "s3://own/list.manifest", &[manifest]));
    pass(&mut world, 10 * MINUTE);
    assert_eq!(body(&world, "out/a.csv.out").lines().count(), 1);
    let rows = ok(&mut world, "ListTransformJobs", &json!({"StatusEquals": "Failed"}));
    assert!(rows["TransformJobSummaries"][0]["FailureReason"].is_string(), "{rows}");
    let (code, text) = refused(&mut world, "DescribeTransformJob", &json!({"TransformJobName": "no-such"}));
    assert_eq!((code.as_str(), text.as_str()), ("ResourceNotFound", "Could not find requested job with name: no-such"));
    let filter = ("/DataProcessing", json!({"InputFilter": "x"}));
    assert_eq!(
        refused(&mut world, "CreateTransformJob", &wanted("x", "s3://own/in/", &[filter])).0,
        "ValidationException"
    );
}

#[test]
fn what_is_under_way_at_once_has_a_limit() {
    let mut world = world("quiet-night");
    for (payload, at_once) in [(101, 0), (26, 4), (1 << 30, 1), (i32::MAX, i32::MAX)] {
        let more = [("/MaxPayloadInMB", json!(payload)), ("/MaxConcurrentTransforms", json!(at_once))];
        let (code, text) = refused(&mut world, "CreateTransformJob", &wanted("much", "s3://own/in/", &more));
        assert!(code == "ValidationException" && text.contains("100 MB"), "{payload} {at_once}: {code}: {text}");
    }
    let more = [("/MaxPayloadInMB", json!(25)), ("/MaxConcurrentTransforms", json!(4))];
    ok(&mut world, "CreateTransformJob", &wanted("fits", "s3://own/in/", &more));
}

#[test]
fn an_object_that_a_manifest_names_often_is_answered_once() {
    let mut world = world("quiet-night");
    let at = world.now();
    world.s3.put("own", "in/a.csv", "1,2\n", at);
    world.s3.put(
        "own",
        "list.manifest",
        json!([{"prefix": "s3://own/in/"}, "a.csv", "a.csv", "a.csv"]).to_string(),
        at,
    );
    let manifest = ("/TransformInput/DataSource/S3DataSource/S3DataType", json!("ManifestFile"));
    ok(&mut world, "CreateTransformJob", &wanted("again", "s3://own/list.manifest", &[manifest]));
    pass(&mut world, 10 * MINUTE);
    let input = json!({"logGroupName": "/aws/sagemaker/TransformJobs", "logStreamNamePrefix": "again/"});
    let lines = call(&mut world, "logs", "FilterLogEvents", &input).1;
    let answered =
        lines["events"].as_array().unwrap().iter().filter(|line| line["message"] == "INFO 1 records of a.csv");
    assert_eq!(answered.count(), 1, "{lines}");
}

#[test]
fn jobs_that_are_over_are_looked_at_no_more() {
    let mut world = world("quiet-night");
    let at = world.now();
    world.s3.put("own", "in/a.csv", "1,2\n", at);
    let none = |world: &World| world.shelf.busy("TransformJob").is_empty();
    pass(&mut world, MINUTE);
    assert!(none(&world), "those of the account are over");
    for (name, uri) in [("done", "s3://own/in/"), ("failed", "s3://own/none/"), ("halted", "s3://own/in/")] {
        ok(&mut world, "CreateTransformJob", &wanted(name, uri, &[]));
    }
    // Before it began.
    ok(&mut world, "StopTransformJob", &json!({"TransformJobName": "halted"}));
    pass(&mut world, 2 * MINUTE);
    assert_eq!(world.shelf.busy("TransformJob"), ["done", "failed"]);
    pass(&mut world, 15 * MINUTE);
    let states = ["done", "failed", "halted"].map(|name| told(&mut world, name)["TransformJobStatus"].clone());
    assert_eq!(states, [json!("Completed"), json!("Failed"), json!("Stopped")]);
    assert!(none(&world));
}
