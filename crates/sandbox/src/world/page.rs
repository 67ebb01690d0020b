//! Pages: opaque tokens that are bound to the request they came from.

use std::ops::Range;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{ApiError, Request, noise};

/// One page of `items` and the token of the next. The token is bound to every member of the request except the token itself
/// and the page size; used with other parameters it is refused with `invalid`.
pub(crate) fn cut<'i, T>(
    items: &'i [T],
    request: &Request<'_>,
    members: (&str, &str),
    size: usize,
    invalid: fn() -> ApiError,
) -> Result<(&'i [T], Option<String>), ApiError> {
    let (page, next) = stretch(items.len(), request, members, size, invalid)?;
    Ok((items.get(page).unwrap_or_default(), next))
}

/// The same for so many items that nobody lists them: where the page lies among them.
pub(crate) fn stretch(
    items: usize,
    request: &Request<'_>,
    (token_member, size_member): (&str, &str),
    size: usize,
    invalid: fn() -> ApiError,
) -> Result<(Range<usize>, Option<String>), ApiError> {
    let binding = binding(request, &[token_member, size_member]);
    let from = match request.opt_text(token_member) {
        Some(token) => offset(token, binding).ok_or_else(invalid)?,
        None => 0,
    };
    let from = from.min(items);
    let to = from.saturating_add(size).min(items);
    let next = (to < items).then(|| token(to, binding));
    Ok((from..to, next))
}

/// Adds the token to a response when there is a next page.
pub(crate) fn reply(mut body: Value, token_member: &str, next: Option<String>) -> Value {
    if let (Value::Object(members), Some(next)) = (&mut body, next) {
        members.insert(token_member.to_owned(), Value::String(next));
    }
    body
}

fn binding(request: &Request<'_>, except: &[&str]) -> u64 {
    let mut parts = vec![noise::name(request.operation)];
    if let Value::Object(members) = request.input {
        for (member, value) in members.iter().filter(|(member, _)| !except.contains(&member.as_str())) {
            parts.push(noise::name(member));
            parts.push(noise::name(&value.to_string()));
        }
    }
    noise::hash(&parts)
}

fn token(offset: usize, binding: u64) -> String {
    let mut raw = [0u8; 24];
    raw[..8].copy_from_slice(&binding.to_be_bytes());
    raw[8..16].copy_from_slice(&(offset as u64).to_be_bytes());
    raw[16..].copy_from_slice(&noise::hash(&[binding, offset as u64]).to_be_bytes());
    URL_SAFE_NO_PAD.encode(raw)
}

fn offset(token: &str, binding: u64) -> Option<usize> {
    let raw: [u8; 24] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
    let part = |at: usize| raw.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_be_bytes);
    let (bound, offset, check) = (part(0)?, part(8)?, part(16)?);
    (bound == binding && check == noise::hash(&[bound, offset])).then_some(usize::try_from(offset).ok()?)
}

/// The refusal SageMaker gives.
pub(crate) fn sagemaker_invalid() -> ApiError {
    ApiError::validation("Invalid NextToken: the token is malformed or was issued for other request parameters.")
}
