//! Secrets out of values before they are kept anywhere: cache, log, crash report, clipboard, journal and screen.
//!
//! A secret is known by the name it stands under ([`value`]), by the form it has (an access key id, a PEM block, a signed
//! URL), or by how random it looks. What an operator needs stays: ARNs, S3 URIs, image digests, job names, UUIDs. What is
//! masked reads `‹masked 40 #3f2a›`, its length in characters and a short keyed hash, so that two values can be compared
//! without being read.

use std::{borrow::Cow, sync::OnceLock};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::text::Text;

mod name;
mod scan;
mod shape;
#[cfg(test)]
mod tests;

use name::Name;

static KEY: OnceLock<[u8; 32]> = OnceLock::new();

/// Deepest JSON that [`json`] walks; what lies deeper is replaced, not passed on.
const DEPTH_MAX: usize = 128;

/// Sets the key of the short hashes: once, at start, from a random file of this installation. With no key set the hashes can
/// be guessed by who knows the candidates. False when it was set before.
pub fn set_key(key: [u8; 32]) -> bool {
    KEY.set(key).is_ok()
}

/// `value` as it may be shown under `key`: an environment variable, a hyperparameter, a tag.
pub fn value(key: &str, value: &str) -> Text {
    Text::new(&scrub_value(key, value))
}

/// Free text (log line, failure reason, URL, command line) with the secrets inside it masked.
pub fn line(text: &str) -> Text {
    Text::new(&scrub(text))
}

/// [`line()`] before it becomes [`Text`]: for callers that bound or split it.
pub fn scrub(text: &str) -> Cow<'_, str> {
    replace(text, scan::secrets(text))
}

/// Masks the strings of a Describe body in place: maps (`Environment`, `HyperParameters`), pairs (`Key` and `Value`, as tags
/// have), argument lists, URLs and free text.
pub fn json(body: &mut Value) {
    walk(body, "", 0);
}

/// A JSON document in a string, masked as [`json`] does; what is no JSON is free text.
pub fn document(text: &str) -> Text {
    let Ok(mut value) = serde_json::from_str(text) else { return line(text) };
    json(&mut value);
    Text::new(&value.to_string())
}

/// True when a value under `key` is a secret by the name alone.
pub fn is_secret_name(key: &str) -> bool {
    name::judge(key) != Name::Open
}

fn scrub_value<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    let hide = match name::judge(key) {
        Name::Open => false,
        Name::Strong => !shape::is_reference(value),
        Name::Weak => !shape::is_reference(value) && !shape::is_setting(value),
    };
    if hide && !is_mask(value) { Cow::Owned(masked(value)) } else { scrub(value) }
}

fn walk(node: &mut Value, key: &str, depth: usize) {
    if depth > DEPTH_MAX {
        *node = Value::String("‹nested too deep›".to_owned());
        return;
    }
    match node {
        Value::String(text) => {
            if let Cow::Owned(masked) = scrub_value(key, text) {
                *text = masked;
            }
        }
        Value::Number(number) if name::judge(key) == Name::Strong => *node = Value::String(masked(&number.to_string())),
        Value::Array(items) => {
            let mut flag = String::new();
            for item in items {
                walk(item, if flag.is_empty() { key } else { &flag }, depth + 1);
                flag =
                    item.as_str().filter(|text| text.starts_with('-') && !text.contains('=')).unwrap_or("").to_owned();
            }
        }
        Value::Object(fields) => {
            let of_pair = ["Key", "Name", "key", "name", "ParameterName"]
                .iter()
                .find_map(|field| fields.get(*field).and_then(Value::as_str))
                .map(str::to_owned);
            for (field, child) in fields {
                let is_value = matches!(field.as_str(), "Value" | "value" | "StringValue");
                match &of_pair {
                    Some(name) if is_value => walk(child, name, depth + 1),
                    _ => walk(child, field, depth + 1),
                }
            }
        }
        _ => {}
    }
}

/// `‹masked 40 #3f2a›`
fn masked(secret: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(KEY.get().unwrap_or(&[0x6d; 32]));
    hash.update(secret.as_bytes());
    let digest = hash.finalize();
    format!("‹masked {} #{:02x}{:02x}›", secret.chars().count(), digest[0], digest[1])
}

/// Length in bytes of the mask that `text` begins with; 0 when it does not.
fn mask_len(text: &str) -> usize {
    let Some(rest) = text.strip_prefix("‹masked ") else { return 0 };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let tail = &rest[digits..];
    let is_mask = digits > 0
        && tail.starts_with(" #")
        && tail.len() >= 6
        && tail.as_bytes()[2..6].iter().all(u8::is_ascii_hexdigit)
        && tail[6..].starts_with('›');
    if is_mask { text.len() - tail.len() + 6 + '›'.len_utf8() } else { 0 }
}

fn is_mask(text: &str) -> bool {
    !text.is_empty() && mask_len(text) == text.len()
}

fn replace(text: &str, mut ranges: Vec<std::ops::Range<usize>>) -> Cow<'_, str> {
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<std::ops::Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for range in merged {
        out.push_str(&text[at..range.start]);
        out.push_str(&masked(&text[range.clone()]));
        at = range.end;
    }
    out.push_str(&text[at..]);
    Cow::Owned(out)
}
