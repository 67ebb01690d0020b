//! From HTTP to an operation and back: one file per protocol, one port for all services.
//!
//! The service is read from the credential scope of the SigV4 signature; the signature itself is not checked, because any
//! credentials are good in the sandbox.

mod cbor;
mod json;
mod query;
mod rest;
mod runtime;
mod s3;
mod signin;
pub(crate) mod stream;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::Value;

pub(crate) use signin::State as SignIns;

use crate::world::{ApiError, Request, Service, World, estate, identity};

/// Bodies above this are refused before they are read as anything.
pub(crate) const MOST_BODY: usize = 1 << 20;

/// A request that was understood: what is asked, and how to say the answer.
struct Call {
    service: Service,
    operation: String,
    input: Value,
    protocol: Protocol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Json,
    Cbor,
    Query,
    Rest,
    Runtime,
}

pub(crate) fn handle(world: &mut World, request: &http::Request<Bytes>) -> Response<Bytes> {
    let request_id = world.request_id();
    let protocol = protocol(request);
    if let Some(mut response) = signin::handle(world, request) {
        stamp(&mut response, world, &request_id);
        return response;
    }
    let mut response = match credential(request) {
        Ok(service) => match caller(world, request, service) {
            Ok(_) if service == Service::S3 => s3::handle(world, request, &request_id),
            Ok(caller) => answer(world, request, service, &caller, &request_id),
            Err(error) if service == Service::S3 => s3::failure(&error, &request_id),
            Err(error) => failure(protocol, service, &error, &request_id),
        },
        Err(error) => failure(protocol, service_hint(protocol), &error, &request_id),
    };
    stamp(&mut response, world, &request_id);
    response
}

fn answer(
    world: &mut World,
    request: &http::Request<Bytes>,
    service: Service,
    caller: &str,
    request_id: &str,
) -> Response<Bytes> {
    let protocol = protocol(request);
    let call = match decode(request, service, protocol) {
        Ok(call) => call,
        Err(error) => return failure(protocol, service, &error, request_id),
    };
    let agent = request.headers().get("user-agent").and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    world.trail.made_by(agent);
    let reply = world.dispatch(&Request {
        service: call.service,
        operation: &call.operation,
        input: &call.input,
        caller,
        request_id,
    });
    world.trail.made_by("");
    match reply {
        Ok(output) => success(&call, &output, request_id),
        Err(error) => failure(call.protocol, call.service, &error, request_id),
    }
}

/// Who asks: the session whose key signed, while it lasts; any other key is the operator's.
fn caller(world: &World, request: &http::Request<Bytes>, service: Service) -> Result<String, ApiError> {
    let scope = signature_scope(request).unwrap_or_default();
    let key = scope.split('/').next().unwrap_or_default();
    let token = text(request.headers(), "x-amz-security-token");
    Ok(identity::caller(world, service, key, token)?.unwrap_or_else(|| estate::OPERATOR.to_owned()))
}

/// The operation a request names, without running it: what fault rules match on.
pub(crate) fn peek(request: &http::Request<Bytes>) -> Option<(Service, String)> {
    match credential(request).ok()? {
        Service::S3 => Some((Service::S3, s3::operation(request).to_owned())),
        service => decode(request, service, protocol(request)).ok().map(|call| (call.service, call.operation)),
    }
}

/// The same error as a response of its protocol, as if the service in front of the account had said it.
pub(crate) fn refuse(world: &mut World, request: &http::Request<Bytes>, error: &ApiError) -> Response<Bytes> {
    let request_id = world.request_id();
    let protocol = protocol(request);
    let mut response = match credential(request) {
        Ok(Service::S3) => s3::failure(error, &request_id),
        Ok(service) => failure(protocol, service, error, &request_id),
        Err(_) => failure(protocol, service_hint(protocol), error, &request_id),
    };
    stamp(&mut response, world, &request_id);
    response
}

fn protocol(request: &http::Request<Bytes>) -> Protocol {
    let headers = request.headers();
    if text(headers, "smithy-protocol") == Some("rpc-v2-cbor") {
        Protocol::Cbor
    } else if headers.contains_key("x-amz-target") {
        Protocol::Json
    } else if runtime::is_meant(request) {
        Protocol::Runtime
    } else if rest::service(request).is_some() {
        Protocol::Rest
    } else {
        Protocol::Query
    }
}

const fn service_hint(protocol: Protocol) -> Service {
    match protocol {
        Protocol::Cbor => Service::CloudWatch,
        Protocol::Json => Service::SageMaker,
        Protocol::Rest => Service::SageMakerMetrics,
        Protocol::Runtime => Service::Runtime,
        Protocol::Query => Service::Sts,
    }
}

fn decode(request: &http::Request<Bytes>, service: Service, protocol: Protocol) -> Result<Call, ApiError> {
    let most = if protocol == Protocol::Runtime { runtime::MOST } else { MOST_BODY };
    if request.body().len() > most {
        let message = format!("The request is larger than {} MiB.", most >> 20);
        return Err(ApiError::new(413, "RequestEntityTooLarge", message));
    }
    if request.headers().contains_key("content-encoding")
        && text(request.headers(), "content-encoding").is_none_or(|encoding| encoding.contains("gzip"))
    {
        return Err(json::serialization(
            "Compressed requests are not understood here: set AWS_DISABLE_REQUEST_COMPRESSION=true.",
        ));
    }
    let (service, operation, input) = match protocol {
        Protocol::Json => json::decode(request, service)?,
        Protocol::Cbor => cbor::decode(request, service)?,
        Protocol::Query => query::decode(request, service)?,
        Protocol::Rest => rest::decode(request, service)?,
        Protocol::Runtime => runtime::decode(request, service)?,
    };
    Ok(Call { service, operation, input, protocol })
}

fn success(call: &Call, output: &Value, request_id: &str) -> Response<Bytes> {
    match call.protocol {
        Protocol::Json if call.service == Service::Logs && call.operation == "StartLiveTail" => {
            let session = output.get("sessionId").and_then(Value::as_str).unwrap_or_default();
            stream::begin(format!("{}{session}", crate::control::LIVE_TAIL), stream::event("sessionStart", output))
        }
        Protocol::Json => json::success(call.service, output),
        Protocol::Cbor => cbor::success(output),
        Protocol::Query => query::success(call.service, &call.operation, output, request_id),
        Protocol::Rest => rest::success(output),
        Protocol::Runtime => runtime::success(output),
    }
}

fn failure(protocol: Protocol, service: Service, error: &ApiError, request_id: &str) -> Response<Bytes> {
    match protocol {
        Protocol::Json => json::failure(service, error),
        Protocol::Cbor => cbor::failure(error),
        Protocol::Query => query::failure(service, error, request_id),
        Protocol::Rest => rest::failure(error),
        Protocol::Runtime => runtime::failure(error),
    }
}

/// The service and region of the signature, from the header or from a presigned query.
fn credential(request: &http::Request<Bytes>) -> Result<Service, ApiError> {
    let scope = signature_scope(request).ok_or_else(|| {
        ApiError::new(403, "MissingAuthenticationTokenException", "Request is missing Authentication Token")
    })?;
    let mut parts = scope.split('/').skip(2);
    let (Some(region), Some(service), Some("aws4_request")) = (parts.next(), parts.next(), parts.next()) else {
        return Err(ApiError::new(
            403,
            "IncompleteSignatureException",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
        ));
    };
    let known = Service::from_signing_name(service).ok_or_else(|| {
        ApiError::new(403, "InvalidSignatureException", format!("Service '{service}' is not part of this account."))
    })?;
    let is_global = matches!(known, Service::Sts | Service::S3);
    if region == estate::REGION || is_global {
        Ok(known)
    } else {
        Err(ApiError::new(
            403,
            "UnrecognizedClientException",
            format!("The security token included in the request is invalid: {region} is not enabled for this account."),
        ))
    }
}

/// The access key that signed it.
pub(crate) fn signing_key(request: &http::Request<Bytes>) -> Option<String> {
    signature_scope(request)?.split('/').next().map(str::to_owned)
}

fn signature_scope(request: &http::Request<Bytes>) -> Option<String> {
    if let Some(signature) = text(request.headers(), "authorization") {
        let (_, rest) = signature.strip_prefix("AWS4-HMAC-SHA256")?.split_once("Credential=")?;
        return rest.split([',', ' ']).next().map(str::to_owned);
    }
    query::pairs(request.uri().query()?.as_bytes()).find(|(key, _)| key == "X-Amz-Credential").map(|(_, value)| value)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// What every AWS answer carries: the request id, and the date by the account's clock (clients learn their skew from it).
fn stamp(response: &mut Response<Bytes>, world: &World, request_id: &str) {
    let length = HeaderValue::from(response.body().len());
    let follows = response.extensions().get::<stream::Follows>().is_some();
    let headers = response.headers_mut();
    if !follows {
        headers.entry(header::CONTENT_LENGTH).or_insert(length);
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    if let Ok(date) = HeaderValue::from_str(&http_date(world.now())) {
        headers.insert(header::DATE, date);
    }
}

/// When the request was signed, by the clock of its caller.
pub(crate) fn signed_at(request: &http::Request<Bytes>) -> Option<mldeck_core::time::Timestamp> {
    let presigned = || query::pairs(request.uri().query()?.as_bytes()).find(|(key, _)| key == "X-Amz-Date");
    let raw = text(request.headers(), "x-amz-date").map(str::to_owned).or_else(|| presigned().map(|(_, date)| date))?;
    let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &raw).ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(mldeck_core::time::Timestamp::from_millis(at.timestamp().as_millisecond()))
}

/// The answer of a service whose clock says `at`.
pub(crate) fn dated(mut response: Response<Bytes>, at: mldeck_core::time::Timestamp) -> Response<Bytes> {
    if let Ok(date) = HeaderValue::from_str(&http_date(at)) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

/// `Mon, 23 Nov 2026 02:24:10 GMT`.
pub(crate) fn http_date(at: mldeck_core::time::Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn respond(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Members of CloudWatch (the service that also speaks CBOR and Query) that are moments, not numbers.
fn is_moment(member: &str) -> bool {
    matches!(
        member,
        "Timestamp"
            | "Timestamps"
            | "StateUpdatedTimestamp"
            | "StateTransitionedTimestamp"
            | "AlarmConfigurationUpdatedTimestamp"
            | "StartTime"
            | "EndTime"
    )
}

#[cfg(test)]
mod tests;
