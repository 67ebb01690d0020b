//! smithy rpc-v2-cbor, as CloudWatch speaks it: `/service/<Service>/operation/<Operation>`.

use bytes::Bytes;
use ciborium::Value as Cbor;
use http::{HeaderValue, Response};
use serde_json::{Map, Number, Value, json};

use super::{is_moment, json::serialization, respond};
use crate::world::{ApiError, Service};

/// Epoch time.
const TAG_EPOCH: u64 = 1;
/// Deeper documents are refused.
const DEPTH: usize = 32;

pub(super) fn decode(request: &http::Request<Bytes>, service: Service) -> Result<(Service, String, Value), ApiError> {
    let path = request.uri().path();
    let mut parts = path.trim_matches('/').split('/');
    let (Some("service"), Some("GraniteServiceVersion20100801"), Some("operation"), Some(operation), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ApiError::unknown_operation(path));
    };
    let body = request.body();
    if body.is_empty() {
        return Ok((service, operation.to_owned(), json!({})));
    }
    let value: Cbor = ciborium::de::from_reader_with_recursion_limit(body.as_ref(), DEPTH)
        .map_err(|_| serialization("The body is not CBOR."))?;
    match from_cbor(value) {
        Some(input @ Value::Object(_)) => Ok((service, operation.to_owned(), input)),
        _ => Err(serialization("The body is not a CBOR map of text keys.")),
    }
}

fn from_cbor(value: Cbor) -> Option<Value> {
    Some(match value {
        Cbor::Null => Value::Null,
        Cbor::Bool(flag) => Value::Bool(flag),
        Cbor::Integer(n) => Value::Number(Number::from(i64::try_from(n).ok()?)),
        Cbor::Float(f) => Value::Number(Number::from_f64(f)?),
        Cbor::Text(text) => Value::String(text),
        Cbor::Tag(TAG_EPOCH, inner) => from_cbor(*inner)?,
        Cbor::Array(items) => Value::Array(items.into_iter().map(from_cbor).collect::<Option<_>>()?),
        Cbor::Map(members) => {
            let mut out = Map::new();
            for (key, value) in members {
                out.insert(key.into_text().ok()?, from_cbor(value)?);
            }
            Value::Object(out)
        }
        _ => return None,
    })
}

fn to_cbor(value: &Value, moment: bool) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(flag) => Cbor::Bool(*flag),
        Value::Number(n) if moment => Cbor::Tag(TAG_EPOCH, Box::new(Cbor::Float(n.as_f64().unwrap_or_default()))),
        Value::Number(n) => {
            n.as_i64().map_or_else(|| Cbor::Float(n.as_f64().unwrap_or_default()), |n| Cbor::Integer(n.into()))
        }
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Array(items) => Cbor::Array(items.iter().map(|item| to_cbor(item, moment)).collect()),
        Value::Object(members) => Cbor::Map(
            members.iter().map(|(key, value)| (Cbor::Text(key.clone()), to_cbor(value, is_moment(key)))).collect(),
        ),
    }
}

fn encode(status: u16, value: &Value) -> Response<Bytes> {
    let mut body = Vec::new();
    // Writing into a Vec does not fail.
    let _ = ciborium::into_writer(&to_cbor(value, false), &mut body);
    let mut response = respond(status, "application/cbor", body);
    response.headers_mut().insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    response
}

pub(super) fn success(output: &Value) -> Response<Bytes> {
    encode(200, output)
}

pub(super) fn failure(error: &ApiError) -> Response<Bytes> {
    let shape = format!("com.amazonaws.cloudwatch#{}", error.code);
    let mut response = encode(error.status, &json!({"__type": shape, "message": error.message}));
    let fault = if error.status >= 500 { "Receiver" } else { "Sender" };
    // The old Query codes, for clients that were written against them.
    if let Ok(code) = HeaderValue::from_str(&format!("{};{fault}", error.code.trim_end_matches("Exception"))) {
        response.headers_mut().insert("x-amzn-query-error", code);
    }
    response
}
