use mldeck_core::time::{DAY, HOUR, MINUTE};
use serde_json::{Value, json};

use crate::{
    testkit::{rest, world},
    world::World,
};

const FLOW: &str = "arn:aws:sagemaker:eu-west-1:447100000921:flow-definition/fraud-review";

fn later(world: &mut World, millis: i64) {
    let to = world.now().plus(millis);
    world.advance_to(to);
}

fn start(world: &mut World, name: &str, content: &str) -> (u16, Value) {
    let input = json!({"HumanLoopName": name, "FlowDefinitionArn": FLOW, "HumanLoopInput": {"InputContent": content}});
    rest(world, "POST", "/human-loops", &input)
}

fn told(world: &mut World, name: &str) -> Value {
    rest(world, "GET", &format!("/human-loops/{name}"), &Value::Null).1
}

#[test]
fn people_answer_a_loop_in_their_hours_and_the_answer_lies_in_s3() {
    let mut world = world("quiet-night");
    let (status, made) = start(&mut world, "one", "{\"labels\": [\"fraud\"]}");
    assert_eq!(
        (status, &made["HumanLoopArn"]),
        (200, &json!("arn:aws:sagemaker:eu-west-1:447100000921:human-loop/one"))
    );
    later(&mut world, HOUR);
    assert_eq!(told(&mut world, "one")["HumanLoopStatus"], "InProgress", "at night");
    later(&mut world, 9 * HOUR);
    let done = told(&mut world, "one");
    assert_eq!(done["HumanLoopStatus"], "Completed");
    let key = done["HumanLoopOutput"]["OutputS3Uri"].as_str().unwrap().strip_prefix("s3://acme-ml-labels/").unwrap();
    assert_eq!(key, "reviews/fraud-review/2026/11/23/02/24/10/one/output.json");
    let output: Value = serde_json::from_slice(&world.s3.get("acme-ml-labels", key).unwrap().body).unwrap();
    assert_eq!(output["humanAnswers"][0]["answerContent"]["crowd-classifier"]["label"], "fraud");
    assert_eq!((&output["humanLoopName"], &output["inputContent"]), (&json!("one"), &json!({"labels": ["fraud"]})));
    let list = format!("/human-loops?FlowDefinitionArn={}&MaxResults=1&SortOrder=Descending", FLOW.replace(':', "%3A"));
    let (_, listed) = rest(&mut world, "GET", &list, &Value::Null);
    assert_eq!(listed["HumanLoopSummaries"][0]["HumanLoopName"], "one");
    assert!(listed["NextToken"].is_string(), "three are older");
}

#[test]
fn a_loop_is_stopped_expires_and_is_deleted_when_it_is_over() {
    let mut world = world("quiet-night");
    start(&mut world, "a", "{}");
    assert_eq!(start(&mut world, "a", "{}").1["__type"], "ConflictException");
    assert_eq!(start(&mut world, "b", "no json").1["__type"], "ValidationException");
    let (status, refused) = rest(&mut world, "DELETE", "/human-loops/a", &Value::Null);
    assert!(status == 400 && refused["message"].as_str().unwrap().contains("InProgress"), "{refused}");
    assert_eq!(rest(&mut world, "POST", "/human-loops/stop", &json!({"HumanLoopName": "a"})).0, 200);
    assert_eq!(told(&mut world, "a")["HumanLoopStatus"], "Stopping");
    later(&mut world, 3 * MINUTE);
    assert_eq!(told(&mut world, "a")["HumanLoopStatus"], "Stopped");
    assert_eq!(rest(&mut world, "DELETE", "/human-loops/a", &Value::Null).0, 200);
    let (status, gone) = rest(&mut world, "GET", "/human-loops/a", &Value::Null);
    assert_eq!((status, &gone["__type"]), (404, &json!("ResourceNotFoundException")));

    // Friday evening: the flow gives two days.
    later(&mut world, 4 * DAY + 18 * HOUR);
    start(&mut world, "late", "{}");
    later(&mut world, 2 * DAY + MINUTE);
    let late = told(&mut world, "late");
    assert_eq!((&late["HumanLoopStatus"], &late["FailureCode"]), (&json!("Failed"), &json!("Expired")));
}
