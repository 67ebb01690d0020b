//! AWS Query: a form in, XML out. STS speaks nothing else; CloudWatch still understands it.

use std::fmt::Write as _;

use bytes::Bytes;
use http::Response;
use mldeck_core::time::Timestamp;
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use super::{is_moment, json::serialization, respond};
use crate::world::{ApiError, Service};

/// Longest list a form may spell (`MetricData.member.1000`).
const MOST_MEMBERS: usize = 1_000;
/// Deepest member path.
const DEPTH: usize = 12;
/// Members of all lists of one form together.
const MOST_IN_ALL: usize = 20_000;

pub(super) fn decode(request: &http::Request<Bytes>, service: Service) -> Result<(Service, String, Value), ApiError> {
    if !matches!(service, Service::Sts | Service::CloudWatch) {
        return Err(ApiError::unknown_operation(""));
    }
    let form = if request.body().is_empty() {
        request.uri().query().unwrap_or_default().as_bytes()
    } else {
        request.body().as_ref()
    };
    let mut input = Value::Object(Map::new());
    let mut operation = None;
    let mut room = MOST_IN_ALL;
    for (key, value) in pairs(form) {
        match key.as_str() {
            "Action" => operation = Some(value),
            "Version" => {}
            key if key.starts_with("X-Amz-") => {}
            key => insert(&mut input, key, value, &mut room)?,
        }
    }
    let operation = operation.ok_or_else(|| ApiError::new(400, "MissingAction", "The request must name an Action."))?;
    Ok((service, operation, input))
}

/// Decoded pairs of a form or of a query string.
pub(super) fn pairs(form: &[u8]) -> impl Iterator<Item = (String, String)> {
    form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let mut half = || {
            let raw: Vec<u8> =
                halves.next().unwrap_or_default().iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
            percent_decode(&raw).decode_utf8_lossy().into_owned()
        };
        (half(), half())
    })
}

/// `Dimensions.member.2.Name=x` → `{"Dimensions": [_, {"Name": "x"}]}`.
fn insert(into: &mut Value, path: &str, value: String, room: &mut usize) -> Result<(), ApiError> {
    let mut at = into;
    for (depth, part) in path.split('.').filter(|part| *part != "member").enumerate() {
        if depth >= DEPTH {
            return Err(serialization("The form is nested too deeply."));
        }
        at = match part.parse::<usize>() {
            Ok(index @ 1..=MOST_MEMBERS) => {
                if !at.is_array() {
                    *at = Value::Array(Vec::new());
                }
                let Value::Array(items) = at else { return Err(serialization("Malformed list.")) };
                if let Some(more) = index.checked_sub(items.len()) {
                    *room = room.checked_sub(more).ok_or_else(|| serialization("The form has too many members."))?;
                    items.resize(index, Value::Null);
                }
                items.get_mut(index - 1).ok_or_else(|| serialization("Malformed list."))?
            }
            Ok(_) => return Err(serialization("A list index is out of range.")),
            Err(_) => {
                if !at.is_object() {
                    *at = Value::Object(Map::new());
                }
                let Value::Object(members) = at else { return Err(serialization("Malformed structure.")) };
                members.entry(part).or_insert(Value::Null)
            }
        };
    }
    *at = Value::String(value);
    Ok(())
}

const fn namespace(service: Service) -> &'static str {
    match service {
        Service::CloudWatch => "http://monitoring.amazonaws.com/doc/2010-08-01/",
        _ => "https://sts.amazonaws.com/doc/2011-06-15/",
    }
}

pub(super) fn success(service: Service, operation: &str, output: &Value, request_id: &str) -> Response<Bytes> {
    let mut xml = format!("<{operation}Response xmlns=\"{}\"><{operation}Result>", namespace(service));
    write_members(&mut xml, output);
    let _ = write!(
        xml,
        "</{operation}Result><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    );
    respond(200, "text/xml", xml)
}

fn write_members(xml: &mut String, value: &Value) {
    for (name, value) in value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        let _ = write!(xml, "<{name}>");
        match value {
            Value::Object(entries) if name == MAP => write_entries(xml, entries),
            value => write_value(xml, value, is_moment(name)),
        }
        let _ = write!(xml, "</{name}>");
    }
}

/// The one member that is a map: of statistics by their names.
const MAP: &str = "ExtendedStatistics";

fn write_entries(xml: &mut String, entries: &Map<String, Value>) {
    for (key, value) in entries {
        xml.push_str("<entry><key>");
        escape(xml, key);
        let _ = write!(xml, "</key><value>{value}</value></entry>");
    }
}

fn write_value(xml: &mut String, value: &Value, moment: bool) {
    match value {
        Value::Object(_) => write_members(xml, value),
        Value::Array(items) => {
            for item in items {
                xml.push_str("<member>");
                write_value(xml, item, moment);
                xml.push_str("</member>");
            }
        }
        Value::Number(n) if moment => {
            xml.push_str(&Timestamp::from_secs_f64(n.as_f64().unwrap_or_default()).iso());
        }
        Value::String(text) => escape(xml, text),
        other => xml.push_str(&other.to_string()),
    }
}

/// XML text; what XML 1.0 cannot carry becomes U+FFFD.
pub(super) fn escape(xml: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\r' => xml.push_str("&#13;"),
            '\t' | '\n' => xml.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => xml.push('\u{fffd}'),
            c => xml.push(c),
        }
    }
}

pub(super) fn failure(service: Service, error: &ApiError, request_id: &str) -> Response<Bytes> {
    let kind = if error.status >= 500 { "Receiver" } else { "Sender" };
    let mut xml = format!("<ErrorResponse xmlns=\"{}\"><Error><Type>{kind}</Type><Code>", namespace(service));
    escape(&mut xml, query_code(error.code));
    xml.push_str("</Code><Message>");
    escape(&mut xml, &error.message);
    let _ = write!(xml, "</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>");
    respond(error.status, "text/xml", xml)
}

/// Query services name these errors without the suffix that JSON services add.
fn query_code(code: &'static str) -> &'static str {
    match code {
        "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
        "UnrecognizedClientException" => "InvalidClientTokenId",
        "UnknownOperationException" => "InvalidAction",
        "AccessDeniedException" => "AccessDenied",
        "ExpiredTokenException" => "ExpiredToken",
        "ThrottlingException" => "Throttling",
        code => code,
    }
}
