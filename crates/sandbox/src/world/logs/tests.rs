use mldeck_core::time::{HOUR, MINUTE, SECOND};
use serde_json::{Value, json};

use crate::{
    World,
    testkit::{call, world},
};

fn logs(world: &mut World, operation: &str, input: &Value) -> Value {
    let (status, body) = call(world, "logs", operation, input);
    assert_eq!(status, 200, "{operation}: {body}");
    body
}

const FRAUD: &str = "/aws/sagemaker/Endpoints/fraud-prod";

#[test]
fn a_bad_version_logs_its_stack_traces() {
    let mut world = world("fraud-burns");
    let from = world.now().plus(-10 * MINUTE).millis();
    let body = logs(
        &mut world,
        "FilterLogEvents",
        &json!({
            "logGroupName": FRAUD, "startTime": from, "filterPattern": "Traceback"
        }),
    );
    let events = body["events"].as_array().unwrap();
    assert!(events.len() > 20, "{}", events.len());
    assert!(events.windows(2).all(|pair| pair[0]["timestamp"].as_i64() <= pair[1]["timestamp"].as_i64()));
    assert!(events[0]["logStreamName"].as_str().unwrap().starts_with("blue/i-"));
    let before = json!({
        "logGroupName": FRAUD, "filterPattern": "Traceback",
        "startTime": world.now().plus(-2 * HOUR).millis(), "endTime": world.now().plus(-HOUR).millis(),
    });
    let quiet = logs(&mut world, "FilterLogEvents", &before)["events"].as_array().unwrap().len();
    assert!(quiet < events.len(), "{quiet} in an hour before, {} in ten minutes now", events.len());
}

#[test]
fn a_reader_follows_a_stream_by_its_token() {
    let mut world = world("quiet-night");
    let streams = logs(
        &mut world,
        "DescribeLogStreams",
        &json!({
            "logGroupName": FRAUD, "orderBy": "LastEventTime", "descending": true
        }),
    );
    let stream = streams["logStreams"][0]["logStreamName"].clone();
    let mut input = json!({
        "logGroupName": FRAUD, "logStreamName": stream, "startFromHead": true, "limit": 3,
        "startTime": world.now().plus(-5 * MINUTE).millis(),
    });
    let mut seen: Vec<(i64, String)> = Vec::new();
    let end = loop {
        let body = logs(&mut world, "GetLogEvents", &input);
        for event in body["events"].as_array().unwrap() {
            seen.push((event["timestamp"].as_i64().unwrap(), event["message"].as_str().unwrap().to_owned()));
        }
        if input.get("nextToken") == body.get("nextForwardToken") {
            break body["nextForwardToken"].clone();
        }
        input["nextToken"] = body["nextForwardToken"].clone();
    };
    assert!(seen.len() >= 8, "{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0] != pair[1]), "{seen:?}");
    world.advance_to(world.now().plus(2 * MINUTE));
    let body = logs(&mut world, "GetLogEvents", &input);
    assert_ne!(body["events"], json!([]), "new lines arrive");
    assert_ne!(body["nextForwardToken"], end);
}

#[test]
fn without_logs_there_is_no_group() {
    let mut world = world("quiet-night");
    for (operation, input) in [
        ("DescribeLogStreams", json!({"logGroupName": "/aws/sagemaker/Endpoints/nobody"})),
        ("FilterLogEvents", json!({"logGroupName": "/aws/lambda/x"})),
        ("GetLogEvents", json!({"logGroupName": FRAUD, "logStreamName": "blue/i-none"})),
    ] {
        let (status, body) = call(&mut world, "logs", operation, &input);
        assert_eq!((status, body["__type"].as_str()), (400, Some("ResourceNotFoundException")), "{operation}");
    }
}

#[test]
fn job_logs_are_kept_and_found() {
    let mut world = world("quiet-night");
    let group = "/aws/sagemaker/TestJobs";
    let at = world.now().plus(-30 * HOUR);
    for n in 0..5 {
        world.logs.put(group, "job-1/algo-1-17", at.plus(n * SECOND), format!("step {n}"));
    }
    let groups = logs(&mut world, "DescribeLogGroups", &json!({"logGroupNamePrefix": group}));
    assert_eq!(groups["logGroups"][0]["logGroupName"], group);
    let mut input =
        json!({"logGroupName": group, "logStreamNamePrefix": "job-1/", "filterPattern": "step", "limit": 2});
    let mut found = Vec::new();
    loop {
        let body = logs(&mut world, "FilterLogEvents", &input);
        found.extend(body["events"].as_array().unwrap().iter().map(|e| e["message"].as_str().unwrap().to_owned()));
        match body.get("nextToken") {
            Some(token) => input["nextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(found, ["step 0", "step 1", "step 2", "step 3", "step 4"]);
    let newest = logs(
        &mut world,
        "GetLogEvents",
        &json!({
            "logGroupName": group, "logStreamName": "job-1/algo-1-17", "limit": 2,
            "startTime": at.millis()
        }),
    );
    assert_eq!(newest["events"][1]["message"], "step 4");
}

#[test]
fn hostile_lines_are_served_as_they_are() {
    let mut world = world("misleading-history");
    let from = world.now().plus(-30 * MINUTE).millis();
    let body = logs(
        &mut world,
        "FilterLogEvents",
        &json!({
            "logGroupName": FRAUD, "startTime": from, "filterPattern": "\"bad input\""
        }),
    );
    let line = body["events"][0]["message"].as_str().unwrap();
    assert!(line.contains("\u{1b}[2J") && line.contains("\u{202e}") && line.contains('\0'), "{line:?}");
}
