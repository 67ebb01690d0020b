//! Answers in JSON that are changed on their way: members that are missing or unheard of, and pages of nothing.

use bytes::Bytes;
use http::{Request, Response, header};
use serde_json::Value;

/// What no version of a service has said so far.
const UNHEARD: &str = "SomethingNew";
/// Before the token of a page that was empty stands this; what follows is the token the caller came with.
const MARK: &str = "empty-page.";
const TOKENS: &[&str] = &["NextToken", "nextToken"];

pub(super) fn without(answer: Response<Bytes>, member: &str) -> Response<Bytes> {
    changed(answer, |body| each(body, &mut |members| drop(members.remove(member))))
}

pub(super) fn unknown(answer: Response<Bytes>, member: &str) -> Response<Bytes> {
    changed(answer, |body| {
        each(body, &mut |members| {
            if let Some(value @ Value::String(_)) = members.get_mut(member) {
                *value = UNHEARD.into();
            }
        });
    })
}

/// The first page of a list without its rows, and a token that leads to where the request pointed.
pub(super) fn emptied(request: &Request<Bytes>, answer: Response<Bytes>) -> Response<Bytes> {
    let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    changed(answer, |body| {
        let Value::Object(members) = body else { return };
        let token = TOKENS.iter().find(|token| members.contains_key(**token)).unwrap_or(&TOKENS[0]);
        if !members.values().any(Value::is_array) {
            return;
        }
        for list in members.values_mut().filter_map(Value::as_array_mut) {
            list.clear();
        }
        let from = asked.get(*token).and_then(Value::as_str).unwrap_or_default();
        members.insert((*token).to_owned(), format!("{MARK}{from}").into());
    })
}

/// The request that a token of an empty page stands for; `None` where there is none.
pub(super) fn continued(request: &Request<Bytes>) -> Option<Request<Bytes>> {
    if !request.body().windows(MARK.len()).any(|part| part == MARK.as_bytes()) {
        return None;
    }
    let mut body: Value = serde_json::from_slice(request.body()).ok()?;
    let members = body.as_object_mut()?;
    let token = TOKENS.iter().find(|token| members.contains_key(**token))?;
    let from = members.remove(*token)?.as_str()?.strip_prefix(MARK)?.to_owned();
    if !from.is_empty() {
        members.insert((*token).to_owned(), from.into());
    }
    let mut ours = request.clone();
    *ours.body_mut() = Bytes::from(body.to_string());
    Some(ours)
}

/// The answer with another body; what is not JSON or was refused stays as it is.
fn changed(mut answer: Response<Bytes>, change: impl FnOnce(&mut Value)) -> Response<Bytes> {
    if answer.status().is_success()
        && let Ok(mut body) = serde_json::from_slice::<Value>(answer.body())
    {
        change(&mut body);
        *answer.body_mut() = Bytes::from(body.to_string());
        let length = header::HeaderValue::from(answer.body().len());
        answer.headers_mut().insert(header::CONTENT_LENGTH, length);
    }
    answer
}

/// Every structure in `value`, from the outside in.
fn each(value: &mut Value, change: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            change(members);
            members.values_mut().for_each(|member| each(member, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each(item, change)),
        _ => {}
    }
}
