//! REST JSON: SageMaker's runtimes, where method and path name the operation, and path and query carry members as well.

use bytes::Bytes;
use http::{HeaderValue, Response};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{json::body, query::pairs, respond};
use crate::world::{ApiError, Service};

/// An operation: its method, and its path as far as it is always the same.
struct Route {
    service: Service,
    operation: &'static str,
    method: &'static str,
    path: &'static str,
    /// The member that is what follows the path; empty where nothing may follow.
    tail: &'static str,
    query: &'static [Parameter],
}

/// A parameter of the query.
struct Parameter {
    name: &'static str,
    member: &'static str,
    kind: Kind,
}

enum Kind {
    Text,
    Whole,
    /// Given as often as it has values.
    Texts,
}

const fn text(member: &'static str) -> Parameter {
    Parameter { name: member, member, kind: Kind::Text }
}

const fn route(
    service: Service,
    operation: &'static str,
    (method, path, tail): (&'static str, &'static str, &'static str),
    query: &'static [Parameter],
) -> Route {
    Route { service, operation, method, path, tail, query }
}

const ROUTES: &[Route] = &[
    route(Service::SageMakerMetrics, "BatchGetMetrics", ("POST", "/BatchGetMetrics", ""), &[]),
    route(Service::SageMakerMetrics, "BatchPutMetrics", ("PUT", "/BatchPutMetrics", ""), &[]),
    route(Service::HumanLoops, "StopHumanLoop", ("POST", "/human-loops/stop", ""), &[]),
    route(Service::HumanLoops, "StartHumanLoop", ("POST", "/human-loops", ""), &[]),
    route(Service::HumanLoops, "DescribeHumanLoop", ("GET", "/human-loops/", "HumanLoopName"), &[]),
    route(Service::HumanLoops, "DeleteHumanLoop", ("DELETE", "/human-loops/", "HumanLoopName"), &[]),
    route(
        Service::HumanLoops,
        "ListHumanLoops",
        ("GET", "/human-loops", ""),
        &[
            text("FlowDefinitionArn"),
            text("CreationTimeAfter"),
            text("CreationTimeBefore"),
            text("SortOrder"),
            text("NextToken"),
            Parameter { name: "MaxResults", member: "MaxResults", kind: Kind::Whole },
        ],
    ),
    route(Service::FeatureStore, "BatchGetRecord", ("POST", "/BatchGetRecord", ""), &[]),
    route(Service::FeatureStore, "PutRecord", ("PUT", "/FeatureGroup/", "FeatureGroupName"), &[]),
    route(
        Service::FeatureStore,
        "GetRecord",
        ("GET", "/FeatureGroup/", "FeatureGroupName"),
        &[
            text("RecordIdentifierValueAsString"),
            Parameter { name: "FeatureName", member: "FeatureNames", kind: Kind::Texts },
            text("ExpirationTimeResponse"),
        ],
    ),
    route(
        Service::FeatureStore,
        "DeleteRecord",
        ("DELETE", "/FeatureGroup/", "FeatureGroupName"),
        &[
            text("RecordIdentifierValueAsString"),
            text("EventTime"),
            Parameter { name: "TargetStores", member: "TargetStores", kind: Kind::Texts },
            text("DeletionMode"),
        ],
    ),
];

fn find(request: &http::Request<Bytes>) -> Option<&'static Route> {
    let path = request.uri().path();
    ROUTES.iter().find(|route| {
        request.method().as_str() == route.method
            && if route.tail.is_empty() {
                path == route.path
            } else {
                path.len() > route.path.len() && path.starts_with(route.path)
            }
    })
}

/// The service a request goes to, when it is one of these.
pub(super) fn service(request: &http::Request<Bytes>) -> Option<Service> {
    find(request).map(|route| route.service)
}

pub(super) fn decode(request: &http::Request<Bytes>, service: Service) -> Result<(Service, String, Value), ApiError> {
    let route = find(request).ok_or_else(|| ApiError::unknown_operation(request.uri().path()))?;
    if service != Service::SageMaker {
        return Err(ApiError::new(403, "InvalidSignatureException", "Credential should be scoped to 'sagemaker'."));
    }
    let mut input = body(request.body())?;
    if !route.tail.is_empty() {
        let tail = request.uri().path().get(route.path.len()..).unwrap_or_default();
        input[route.tail] = percent_decode_str(tail).decode_utf8_lossy().into();
    }
    for (name, value) in pairs(request.uri().query().unwrap_or_default().as_bytes()) {
        let Some(parameter) = route.query.iter().find(|parameter| parameter.name == name) else { continue };
        let member = &mut input[parameter.member];
        match (&parameter.kind, &mut *member) {
            (Kind::Texts, Value::Array(values)) => values.push(value.into()),
            (Kind::Texts, _) => *member = json!([value]),
            (Kind::Whole, _) => *member = value.parse::<i64>().map_or_else(|_| value.into(), Value::from),
            (Kind::Text, _) => *member = value.into(),
        }
    }
    Ok((route.service, route.operation.to_owned(), input))
}

pub(super) fn success(output: &Value) -> Response<Bytes> {
    respond(200, "application/json", output.to_string())
}

pub(super) fn failure(error: &ApiError) -> Response<Bytes> {
    let mut response = respond(error.status, "application/json", json!({"message": error.message}).to_string());
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(error.code));
    response
}
