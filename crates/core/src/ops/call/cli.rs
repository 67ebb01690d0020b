//! The AWS CLI line that makes the same request, in one shell-safe line, without secrets.

use serde_json::{Map, Value};

use super::Call;
use crate::{mask, text::Text};

impl Call {
    /// A request with a client token leaves it out: the CLI makes its own.
    pub fn cli(&self, region: &str) -> String {
        line(self.action.service().word(), self.operation(), &self.body, region)
    }

    /// The same by a profile, for an account that is not the one the shell is in.
    pub fn cli_by(&self, region: &str, profile: &str) -> String {
        by(&self.cli(region), profile)
    }
}

/// A line by a profile.
pub(super) fn by(line: &str, profile: &str) -> String {
    format!("{line} --profile {}", quote(&Text::new(profile).to_string()))
}

/// The line for any request of any service of the AWS CLI.
pub(in crate::ops) fn line(service: &str, operation: &str, body: &Value, region: &str) -> String {
    let mut body = body.clone();
    mask::json(&mut body);
    let mut line = format!("aws {service} {}", kebab(operation));
    let mut options: Vec<(&String, &Value)> = body.as_object().into_iter().flatten().collect();
    // What it is about first, as people write such lines.
    let names = |name: &str| name.ends_with("Name") || name.ends_with("Arn");
    options.sort_by_key(|(name, value)| (!names(name), value.is_object(), if names(name) { name.len() } else { 0 }));
    for (name, value) in options {
        if !matches!(name.as_str(), "ClientToken" | "ClientRequestToken") {
            option(name, value, &mut line);
        }
    }
    if !region.is_empty() {
        line.push_str(" --region ");
        line.push_str(region);
    }
    Text::new(&line).to_string()
}

fn option(name: &str, value: &Value, line: &mut String) {
    let name = kebab(name);
    match value {
        Value::Null => {}
        Value::Bool(true) => line.push_str(&format!(" --{name}")),
        Value::Bool(false) => line.push_str(&format!(" --no-{name}")),
        Value::Array(items) => line.push_str(&format!(" --{name} {}", list(items))),
        Value::Object(_) => line.push_str(&format!(" --{name} {}", quote(&value.to_string()))),
        scalar => line.push_str(&format!(" --{name} {}", quote(&plain(scalar)))),
    }
}

/// Words, or structures in shorthand; what shorthand cannot say goes as JSON.
fn list(items: &[Value]) -> String {
    let word = |item: &Value| match item {
        Value::Object(fields) => shorthand(fields),
        Value::Array(_) | Value::Null => None,
        scalar => Some(plain(scalar)),
    };
    match items.iter().map(word).collect::<Option<Vec<_>>>() {
        Some(words) if !words.is_empty() => words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "),
        _ => quote(&Value::Array(items.to_vec()).to_string()),
    }
}

/// `Key=a,Value=b`, where every value is one that shorthand can hold.
fn shorthand(fields: &Map<String, Value>) -> Option<String> {
    let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
    fields.sort_by_key(|(key, _)| !key.ends_with("Name"));
    let mut out = Vec::new();
    for (key, value) in fields {
        let value = match value {
            Value::String(_) | Value::Number(_) => plain(value),
            _ => return None,
        };
        let holds = |c: char| !matches!(c, ',' | '=' | '\'' | '"' | '[' | ']' | '{' | '}') && !c.is_whitespace();
        if value.is_empty() || !value.chars().all(holds) {
            return None;
        }
        out.push(format!("{key}={value}"));
    }
    Some(out.join(","))
}

/// A whole number without its point, as people write it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()),
        other => other.to_string(),
    }
}

/// One POSIX shell word.
pub(super) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// `EndpointName` as `endpoint-name`, `StopAutoMLJob` as `stop-auto-ml-job`: the rule of botocore.
pub fn kebab(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 4);
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let next_is_lower = chars.get(at + 1).is_some_and(char::is_ascii_lowercase);
        let begins = c.is_ascii_uppercase()
            && before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || next_is_lower);
        if begins {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::Action, *};

    #[test]
    fn names_are_spelled_as_the_aws_cli_spells_them() {
        for (name, wanted) in [
            ("EndpointName", "endpoint-name"),
            ("UpdateEndpointWeightsAndCapacities", "update-endpoint-weights-and-capacities"),
            ("StopAutoMLJob", "stop-auto-ml-job"),
            ("StopHyperParameterTuningJob", "stop-hyper-parameter-tuning-job"),
            ("S3Uri", "s3-uri"),
            ("ActionsEnabled", "actions-enabled"),
        ] {
            assert_eq!(kebab(name), wanted);
        }
    }

    #[test]
    fn a_line_is_one_shell_word_per_value_and_has_no_secret() {
        let body = json!({
            "EndpointName": "fraud prod's", "RetainAllVariantProperties": false, "ClientRequestToken": "abc",
            "Tags": [{"Key": "a", "Value": "b"}], "Names": ["x", "y z"], "Other": [{"A": [1]}],
            "Environment": {"API_SECRET": "hunter2hunter2"},
        });
        let line = Call::new(Action::UpdateEndpoint, body).cli("eu-west-1");
        assert!(line.starts_with("aws sagemaker update-endpoint "), "{line}");
        for part in [
            r"--endpoint-name 'fraud prod'\''s'",
            "--no-retain-all-variant-properties",
            "--tags Key=a,Value=b",
            "--names x 'y z'",
            r#"--other '[{"A":[1]}]'"#,
            "--region eu-west-1",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert!(!line.contains("hunter2") && !line.contains("token"), "{line}");
    }
}
