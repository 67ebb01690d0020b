//! Hand-built requests for tests: what an SDK would send, without one.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;

use crate::{Options, Scenario, World};

/// A world of that scenario at its own start and seed.
pub(crate) fn world(scenario: &str) -> World {
    let scenario = Scenario::named(scenario).unwrap();
    World::new(Options { seed: scenario.seed, start: scenario.start, scenario })
}

/// So many milliseconds pass.
pub(crate) fn pass(world: &mut World, millis: i64) {
    let to = world.now().plus(millis);
    world.advance_to(to);
}

pub(crate) fn authorization(signing_name: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=ASIASANDBOX/20261123/eu-west-1/{signing_name}/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=0"
    )
}

/// An AWS JSON request; `target` is `SageMaker.ListEndpoints` or an operation of SageMaker.
pub(crate) fn json_request(signing_name: &str, target: &str, input: &Value) -> Request<Bytes> {
    let prefix = match signing_name {
        "sagemaker" => "SageMaker.",
        "monitoring" => "GraniteServiceVersion20100801.",
        "logs" => "Logs_20140328.",
        "application-autoscaling" => "AnyScaleFrontendService.",
        "events" => "AWSEvents.",
        "cloudtrail" => "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.",
        _ => "",
    };
    Request::post("/")
        .header("authorization", authorization(signing_name))
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", format!("{prefix}{target}"))
        .body(Bytes::from(input.to_string()))
        .unwrap()
}

pub(crate) fn body(response: &Response<Bytes>) -> Value {
    if response.body().is_empty() { Value::Null } else { serde_json::from_slice(response.body()).unwrap() }
}

/// Status and body of an AWS JSON call.
pub(crate) fn call(world: &mut World, signing_name: &str, operation: &str, input: &Value) -> (u16, Value) {
    let response = world.handle(&json_request(signing_name, operation, input));
    (response.status().as_u16(), body(&response))
}

/// The body of a SageMaker call that must be accepted.
pub(crate) fn ok(world: &mut World, operation: &str, input: &Value) -> Value {
    let (status, body) = call(world, "sagemaker", operation, input);
    assert_eq!(status, 200, "{operation}: {body}");
    body
}

/// Code and message of a SageMaker call that must be refused.
pub(crate) fn refused(world: &mut World, operation: &str, input: &Value) -> (String, String) {
    let (status, body) = call(world, "sagemaker", operation, input);
    assert!(status >= 400, "{operation} was accepted: {body}");
    (body["__type"].as_str().unwrap().to_owned(), body["message"].as_str().unwrap().to_owned())
}

/// Status and body of a call of a REST runtime of SageMaker; a refusal's code stands as `__type`.
pub(crate) fn rest(world: &mut World, method: &str, path: &str, input: &Value) -> (u16, Value) {
    let content = if input.is_null() { String::new() } else { input.to_string() };
    let request = Request::builder().method(method).uri(path).header("authorization", authorization("sagemaker"));
    let response = world.handle(&request.body(Bytes::from(content)).unwrap());
    let mut told = body(&response);
    if let Some(code) = response.headers().get("x-amzn-errortype") {
        told["__type"] = code.to_str().unwrap().into();
    }
    (response.status().as_u16(), told)
}
