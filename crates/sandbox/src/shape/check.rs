//! Requests against the model, with the texts that SageMaker's front end refuses them with.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use regex_lite::Regex;
use serde_json::Value;

use super::{Bounds, Members, Operation, Shape};
use crate::world::{ApiError, camel, moment};

/// Constraints told in one refusal; a client mends the first ones first.
const TOLD: usize = 10;
/// Characters of a value that a refusal repeats.
const REPEATED: usize = 256;

/// Refuses what the model of the operation does not allow. Members it does not know are left alone, as AWS does. An operation
/// that is not in the model passes.
pub(crate) fn check(operation: &str, input: &Value) -> Result<(), ApiError> {
    let Some(operation) = Operation::named(operation) else { return Ok(()) };
    let mut faults = Faults::default();
    faults.shape(operation.input, input, "")?;
    let faults = faults.told;
    if faults.is_empty() {
        return Ok(());
    }
    let errors = if faults.len() == 1 { "error" } else { "errors" };
    Err(ApiError::validation(format!("{} validation {errors} detected: {}", faults.len(), faults.join("; "))))
}

#[derive(Default)]
struct Faults {
    /// The first of them.
    told: Vec<String>,
    found: usize,
}

impl Faults {
    fn note(&mut self, value: &Value, path: &str, constraint: &str) {
        self.found += 1;
        if self.told.len() >= TOLD {
            return;
        }
        let value = match value {
            Value::Null => "null".to_owned(),
            _ if path.ends_with("clientSecret") => "'****'".to_owned(),
            Value::String(text) => format!("'{}'", text.chars().take(REPEATED).collect::<String>()),
            other => format!("'{}'", other.to_string().chars().take(REPEATED).collect::<String>()),
        };
        self.told.push(format!("Value {value} at '{path}' failed to satisfy constraint: {constraint}"));
    }

    fn shape(&mut self, shape: Shape, value: &Value, path: &str) -> Result<(), ApiError> {
        match (shape, value) {
            (Shape::Struct(members), Value::Object(_)) => self.members(members, value, path)?,
            (Shape::List { of, size }, Value::Array(items)) => {
                self.size(size, items.len(), value, path);
                for (n, item) in (1..).zip(items) {
                    self.shape(Shape::named(of), item, &format!("{path}.{n}.member"))?;
                }
            }
            (Shape::Map { key, value: of, size }, Value::Object(entries)) => {
                self.size(size, entries.len(), value, path);
                for (name, entry) in entries {
                    self.shape(Shape::named(key), &Value::from(name.as_str()), &format!("{path}.key"))?;
                    let name: String = name.chars().take(REPEATED).collect();
                    self.shape(Shape::named(of), entry, &format!("{path}.{name}.value"))?;
                }
            }
            (Shape::Enum(words), Value::String(word)) if !words.split('|').any(|known| known == word) => {
                let words = words.replace('|', ", ");
                self.note(value, path, &format!("Member must satisfy enum value set: [{words}]"));
            }
            (Shape::Text { size, pattern }, Value::String(text)) => {
                let fits = self.size(size, text.chars().count(), value, path);
                // A pattern may take long over a text that is too long for it anyway.
                if fits && !matches(pattern, text) {
                    self.note(value, path, &format!("Member must satisfy regular expression pattern: {pattern}"));
                }
            }
            (Shape::Whole(range), Value::Number(number))
                if number.as_i64().is_some_and(|whole| i32::try_from(whole).is_ok()) =>
            {
                self.range(range, number.as_f64(), value, path);
            }
            (Shape::Long(range), Value::Number(number)) if number.is_i64() => {
                self.range(range, number.as_f64(), value, path);
            }
            (Shape::Float(range), Value::Number(number)) => self.range(range, number.as_f64(), value, path),
            // ISO text as well: the timed actions of scenarios are written by people.
            (Shape::Moment, at) if moment(at).is_some() => {}
            (Shape::Enum(_) | Shape::Blob, Value::String(_)) | (Shape::Flag, Value::Bool(_)) | (Shape::Any, _) => {}
            (wanted, value) => return Err(unreadable(wanted, value)),
        }
        Ok(())
    }

    fn members(&mut self, members: Members, value: &Value, path: &str) -> Result<(), ApiError> {
        for member in members.iter() {
            let below = camel(member.name);
            let below = if path.is_empty() { below } else { format!("{path}.{below}") };
            match value.get(member.name) {
                None | Some(Value::Null) if member.is_required => {
                    self.note(&Value::Null, &below, "Member must not be null");
                }
                None | Some(Value::Null) => {}
                Some(value) => self.shape(Shape::named(member.shape), value, &below)?,
            }
        }
        Ok(())
    }

    /// True when it is neither too short nor too long.
    fn size(&mut self, Bounds { least, most }: Bounds, size: usize, value: &Value, path: &str) -> bool {
        let before = self.found;
        if let Some(least) = least.filter(|least| (size as f64) < *least) {
            self.note(value, path, &format!("Member must have length greater than or equal to {least}"));
        }
        if let Some(most) = most.filter(|most| size as f64 > *most) {
            self.note(value, path, &format!("Member must have length less than or equal to {most}"));
        }
        before == self.found
    }

    fn range(&mut self, Bounds { least, most }: Bounds, number: Option<f64>, value: &Value, path: &str) {
        let Some(number) = number else { return };
        if let Some(least) = least.filter(|least| number < *least) {
            self.note(value, path, &format!("Member must have value greater than or equal to {least}"));
        }
        if let Some(most) = most.filter(|most| number > *most) {
            self.note(value, path, &format!("Member must have value less than or equal to {most}"));
        }
    }
}

fn unreadable(wanted: Shape, value: &Value) -> ApiError {
    let wanted = match wanted {
        Shape::Struct(_) | Shape::Map { .. } => "a structure",
        Shape::List { .. } => "a Collection",
        Shape::Whole(_) => "an Integer",
        Shape::Long(_) => "a Long",
        Shape::Float(_) => "a Double",
        Shape::Moment => "a Timestamp",
        Shape::Flag => "a Boolean",
        _ => "a String",
    };
    let sent = match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(number) if number.is_f64() => "DECIMAL_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    };
    ApiError::new(400, "SerializationException", format!("{sent} can not be converted to {wanted}"))
}

/// The whole text. A pattern that only Java understands (it looks ahead or behind) lets everything pass.
fn matches(pattern: &'static str, text: &str) -> bool {
    /// `None` for those.
    type Known = HashMap<&'static str, Option<Arc<Regex>>>;
    static KNOWN: OnceLock<Mutex<Known>> = OnceLock::new();
    if pattern.is_empty() || pattern == ".*" {
        return true;
    }
    let regex = {
        let mut known = KNOWN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(pattern).or_insert_with(|| compile(pattern).map(Arc::new)).clone()
    };
    regex.is_none_or(|regex| regex.is_match(text))
}

/// Java's pattern as one of ours, for the whole text.
pub(super) fn compile(pattern: &str) -> Option<Regex> {
    // Beyond ASCII every character counts as a letter, digit, space or sign, whichever is asked for.
    const CLASSES: &[(&str, &str)] = &[
        (r"\p{L}", r"a-zA-Z\x{80}-\x{10FFFF}"),
        (r"\p{N}", r"0-9\x{80}-\x{10FFFF}"),
        (r"\p{M}", r"\x{80}-\x{10FFFF}"),
        (r"\p{Z}", r" \x{80}-\x{10FFFF}"),
        (r"\p{S}", r"$+<=>^`|~\x{80}-\x{10FFFF}"),
        (r"\p{P}", r##"!"#%&'()*,\-./:;?@\[\\\]_{}"##),
        (r"\p{Alnum}", "a-zA-Z0-9"),
        // What XML may hold, in the halves that Java counts in.
        (
            r"\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF",
            r"\x{20}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}",
        ),
    ];
    let known = CLASSES.iter().fold(pattern.to_owned(), |known, (class, letters)| known.replace(class, letters));
    // Two patterns of the model say their length behind the end of the text; their bounds say it as well.
    let known = known.split_once(")${1,").map(|(before, _)| format!("{before})")).unwrap_or(known);
    Regex::new(&format!("^(?s:{known})$")).ok()
}
