//! What SageMaker's List operations have in common: order, time windows, pages, and enum members that are checked.

use mldeck_core::time::Timestamp;
use serde_json::Value;

use super::{ApiError, Request, page, request::camel};

/// Without `MaxResults` SageMaker gives ten.
const DEFAULT: usize = 10;
const MOST: usize = 100;

/// An optional member that must be one of `allowed`.
pub(crate) fn choice<'r>(
    request: &'r Request<'_>,
    member: &str,
    allowed: &[&str],
) -> Result<Option<&'r str>, ApiError> {
    match request.opt_text(member) {
        Some(value) if !allowed.contains(&value) => Err(ApiError::validation(format!(
            "1 validation error detected: Value '{value}' at '{}' failed to satisfy constraint: Member must satisfy enum \
             value set: [{}]",
            camel(member),
            allowed.join(", ")
        ))),
        value => Ok(value),
    }
}

/// True for `Ascending`; these lists default to `Descending`.
pub(crate) fn is_ascending(request: &Request<'_>) -> Result<bool, ApiError> {
    Ok(choice(request, "SortOrder", &["Ascending", "Descending"])? == Some("Ascending"))
}

/// A stretch of time from two optional members; both bounds belong to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    after: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl Window {
    pub(crate) fn new(request: &Request<'_>, after: &str, before: &str) -> Self {
        Self { after: request.opt_time(after), before: request.opt_time(before) }
    }

    pub(crate) fn holds(&self, at: Timestamp) -> bool {
        self.after.is_none_or(|after| at >= after) && self.before.is_none_or(|before| at <= before)
    }
}

/// The page the request asks for: its items and the token of the next one.
pub(crate) fn page<'i, T>(items: &'i [T], request: &Request<'_>) -> Result<(&'i [T], Option<String>), ApiError> {
    let size = request.max("MaxResults", DEFAULT, MOST)?;
    page::cut(items, request, ("NextToken", "MaxResults"), size, page::sagemaker_invalid)
}

/// `{member: items, "NextToken": …}`.
pub(crate) fn reply(member: &str, items: Vec<Value>, next: Option<String>) -> Value {
    let mut body = serde_json::Map::new();
    body.insert(member.to_owned(), Value::Array(items));
    page::reply(Value::Object(body), "NextToken", next)
}

/// Takes members without a value out of a response: AWS leaves them away.
pub(crate) fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, member| !member.is_null());
    }
    value
}

/// `CreatedBy` and `LastModifiedBy`.
pub(crate) fn user(session: &str) -> Value {
    let arn = super::estate::caller_arn(session);
    serde_json::json!({"IamIdentity": {"Arn": arn, "PrincipalId": format!("AROAUQ4X7MLOPSEXAMPLE:{}", super::estate::session_name(session))}})
}
