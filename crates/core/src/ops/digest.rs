//! Digests of documents: the same content gives the same digest on every host and after a trip through a file.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::text::Text;

/// Hex characters of the short form: what people compare by eye and type.
pub(crate) const SHORT: usize = 8;

/// SHA-256 over the canonical JSON of `document`, in hex. A document that cannot be serialised has no digest.
pub(crate) fn of<T: Serialize>(document: &T) -> Option<Text> {
    let value = serde_json::to_value(document).ok()?;
    let mut canonical = String::new();
    write_canonical(&value, &mut canonical);
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(canonical.as_bytes()) {
        let _ = write!(hex, "{byte:02x}");
    }
    Some(Text::new(&hex))
}

/// The first [`SHORT`] characters.
pub(crate) fn short(digest: &Text) -> Text {
    Text::new(digest.as_str().get(..SHORT).unwrap_or(digest.as_str()))
}

/// Keys in order, no spaces, fractions at nine digits: a weight read back from a file may differ in its last bit.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                let _ = write!(out, "{}:", Value::String(key.clone()));
                if let Some(item) = map.get(key) {
                    write_canonical(item, out);
                }
            }
            out.push('}');
        }
        Value::Number(number) => match number.as_f64() {
            Some(fraction) if number.is_f64() => {
                let _ = write!(out, "{fraction:.9e}");
            }
            _ => {
                let _ = write!(out, "{number}");
            }
        },
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn order_of_keys_and_the_last_bit_of_a_fraction_do_not_matter() {
        let a = of(&json!({"b": [1, "x"], "a": 0.3})).unwrap();
        let b = of(&json!({"a": 0.1 + 0.2, "b": [1, "x"]})).unwrap();
        assert_eq!(a, b);
        assert_eq!(a.as_str().len(), 64);
        assert_eq!(short(&a).as_str(), &a.as_str()[..8]);
    }

    #[test]
    fn every_value_counts() {
        let base = json!({"config": "v17", "count": 6, "weight": 1.0, "keep": true});
        for other in [
            json!({"config": "v16", "count": 6, "weight": 1.0, "keep": true}),
            json!({"config": "v17", "count": 7, "weight": 1.0, "keep": true}),
            json!({"config": "v17", "count": 6, "weight": 0.999, "keep": true}),
            json!({"config": "v17", "count": 6, "weight": 1.0, "keep": null}),
            json!({"config": "v17", "count": "6", "weight": 1.0, "keep": true}),
        ] {
            assert_ne!(of(&base), of(&other), "{other}");
        }
    }
}
