//! REST JSON: sagemaker-metrics, where method and path name the operation.

use bytes::Bytes;
use http::{HeaderValue, Method, Response};
use serde_json::{Value, json};

use super::{json::body, respond};
use crate::world::{ApiError, Service};

pub(super) fn operation(request: &http::Request<Bytes>) -> Option<&'static str> {
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/BatchGetMetrics") => Some("BatchGetMetrics"),
        (&Method::PUT, "/BatchPutMetrics") => Some("BatchPutMetrics"),
        _ => None,
    }
}

pub(super) fn decode(request: &http::Request<Bytes>, service: Service) -> Result<(Service, String, Value), ApiError> {
    let operation = operation(request).ok_or_else(|| ApiError::unknown_operation(request.uri().path()))?;
    if service != Service::SageMaker {
        return Err(ApiError::new(403, "InvalidSignatureException", "Credential should be scoped to 'sagemaker'."));
    }
    Ok((Service::SageMakerMetrics, operation.to_owned(), body(request.body())?))
}

pub(super) fn success(output: &Value) -> Response<Bytes> {
    respond(200, "application/json", output.to_string())
}

pub(super) fn failure(error: &ApiError) -> Response<Bytes> {
    let mut response = respond(error.status, "application/json", json!({"message": error.message}).to_string());
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(error.code));
    response
}
