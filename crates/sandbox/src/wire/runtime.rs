//! SageMaker's runtime: a payload as it is, what else there is to say in the path and in headers.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Method, Response};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::{respond, rest, text};
use crate::world::{ApiError, Service, estate};

/// Largest payload.
pub(super) const MOST: usize = 6 << 20;

/// Members that are headers, and their longest text.
const HEADERS: &[(&str, &str, usize)] = &[
    ("ContentType", "content-type", 1_024),
    ("Accept", "accept", 1_024),
    ("CustomAttributes", "x-amzn-sagemaker-custom-attributes", 1_024),
    ("TargetModel", "x-amzn-sagemaker-target-model", 1_024),
    ("TargetVariant", "x-amzn-sagemaker-target-variant", 63),
    ("TargetContainerHostname", "x-amzn-sagemaker-target-container-hostname", 63),
    ("InferenceId", "x-amzn-sagemaker-inference-id", 64),
    ("EnableExplanations", "x-amzn-sagemaker-enable-explanations", 64),
    ("InferenceComponentName", "x-amzn-sagemaker-inference-component", 63),
    ("SessionId", "x-amzn-sagemaker-session-id", 256),
];

/// The endpoint of `POST /endpoints/<name>/invocations`.
fn endpoint(request: &http::Request<Bytes>) -> Option<&str> {
    let path = request.uri().path().strip_prefix("/endpoints/")?.strip_suffix("/invocations")?;
    (request.method() == Method::POST && !path.is_empty() && !path.contains('/')).then_some(path)
}

pub(super) fn is_meant(request: &http::Request<Bytes>) -> bool {
    endpoint(request).is_some()
}

pub(super) fn decode(request: &http::Request<Bytes>, service: Service) -> Result<(Service, String, Value), ApiError> {
    if service != Service::SageMaker {
        return Err(ApiError::new(403, "InvalidSignatureException", "Credential should be scoped to 'sagemaker'."));
    }
    let name = percent_decode_str(endpoint(request).unwrap_or_default()).decode_utf8_lossy().into_owned();
    let mut input = Map::new();
    for (member, header, most) in HEADERS {
        let Some(value) = request.headers().get(*header) else { continue };
        let said = text(request.headers(), header).filter(|said| said.len() <= *most).ok_or_else(|| {
            let value = String::from_utf8_lossy(value.as_bytes());
            ApiError::new(
                400,
                "ValidationError",
                format!(
                    "1 validation error detected: Value '{value}' at '{}' failed to satisfy constraint: Member must have \
                     length less than or equal to {most}",
                    crate::world::camel(member)
                ),
            )
        })?;
        input.insert((*member).to_owned(), said.into());
    }
    input.insert("EndpointName".to_owned(), name.into());
    // What is no text is told as such, so that a model may refuse it.
    match std::str::from_utf8(request.body()) {
        Ok(body) => input.insert("Body".to_owned(), body.into()),
        Err(_) => input.insert("Blob".to_owned(), STANDARD.encode(request.body()).into()),
    };
    Ok((Service::Runtime, "InvokeEndpoint".to_owned(), Value::Object(input)))
}

pub(super) fn success(output: &Value) -> Response<Bytes> {
    let member = |name: &str| output.get(name).and_then(Value::as_str);
    let mut response = respond(200, "application/json", member("Body").unwrap_or_default().to_owned());
    for (name, header) in [
        ("ContentType", "content-type"),
        ("InvokedProductionVariant", "x-amzn-invoked-production-variant"),
        ("CustomAttributes", "x-amzn-sagemaker-custom-attributes"),
    ] {
        if let Some(value) = member(name).and_then(|text| HeaderValue::from_str(text).ok()) {
            response.headers_mut().insert(header, value);
        }
    }
    response
}

/// `ModelError` tells what the container said in members of its own.
pub(super) fn failure(error: &ApiError) -> Response<Bytes> {
    let said = || {
        let (_, rest) = error.message.split_once(" error (")?;
        let (status, rest) = rest.split_once(')')?;
        let (message, rest) = rest.split_once('"')?.1.split_once("\". See ")?;
        let group = rest.split_once("group=")?.1.split(' ').next()?;
        Some((status.parse::<u16>().ok()?, message, estate::arn("logs", &format!("log-group:{group}"))))
    };
    let mut response = rest::failure(error);
    let told = said().filter(|_| error.code == "ModelError").map(|(status, message, group)| {
        json!({
            "ErrorCode": "CLIENT_ERROR_FROM_MODEL", "Message": error.message, "OriginalStatusCode": status,
            "OriginalMessage": message, "LogStreamArn": group,
        })
    });
    if let Some(told) = told {
        *response.body_mut() = Bytes::from(told.to_string());
    }
    response
}
