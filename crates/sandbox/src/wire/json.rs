//! AWS JSON 1.1 and 1.0: one POST, the operation in `X-Amz-Target`.

use bytes::Bytes;
use http::{HeaderValue, Response};
use serde_json::{Value, json};

use super::{respond, text};
use crate::world::{ApiError, Service};

const fn target_prefix(service: Service) -> &'static str {
    match service {
        Service::SageMaker => "SageMaker",
        Service::CloudWatch => "GraniteServiceVersion20100801",
        Service::Logs => "Logs_20140328",
        Service::Scaling => "AnyScaleFrontendService",
        Service::CloudTrail => "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
        Service::EventBridge => "AWSEvents",
        Service::SageMakerMetrics
        | Service::HumanLoops
        | Service::FeatureStore
        | Service::Runtime
        | Service::Sts
        | Service::S3 => "",
    }
}

/// CloudTrail is known by its whole name, as botocore sends it, and by the last part, as the SDK for Rust does.
fn is_target_of(service: Service, prefix: &str) -> bool {
    let whole = target_prefix(service);
    !prefix.is_empty() && (prefix == whole || whole.rsplit('.').next() == Some(prefix))
}

pub(super) fn decode(request: &http::Request<Bytes>, service: Service) -> Result<(Service, String, Value), ApiError> {
    let target = text(request.headers(), "x-amz-target").unwrap_or_default();
    let operation = target
        .rsplit_once('.')
        .filter(|(prefix, operation)| is_target_of(service, prefix) && !operation.is_empty())
        .map(|(_, operation)| operation)
        .ok_or_else(|| ApiError::unknown_operation(target))?;
    Ok((service, operation.to_owned(), body(request.body())?))
}

/// An object; an empty body is an empty object.
pub(super) fn body(bytes: &[u8]) -> Result<Value, ApiError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(json!({}));
    }
    match serde_json::from_slice(bytes) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(serialization("Start of structure or map found where not expected.")),
        Err(error) => Err(serialization(&error.to_string())),
    }
}

pub(super) fn serialization(message: &str) -> ApiError {
    ApiError::new(400, "SerializationException", message)
}

const fn content_type(service: Service) -> &'static str {
    match service {
        Service::CloudWatch => "application/x-amz-json-1.0",
        _ => "application/x-amz-json-1.1",
    }
}

pub(super) fn success(service: Service, output: &Value) -> Response<Bytes> {
    // Operations without output answer with an empty body, not with `{}`.
    let empty = output.as_object().is_none_or(serde_json::Map::is_empty);
    respond(200, content_type(service), if empty { String::new() } else { output.to_string() })
}

pub(super) fn failure(service: Service, error: &ApiError) -> Response<Bytes> {
    let body = json!({"__type": error.code, "message": error.message});
    let mut response = respond(error.status, content_type(service), body.to_string());
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(error.code));
    response
}
