//! Inference components of one endpoint: what each serves now, and what it was told to serve before.
//!
//! A component has no versions: its way back is the specification of an earlier request, as CloudTrail keeps it.

use serde_json::{Map, Value};

use super::target::Sight;
use crate::{fault::Fault, text::Text, time::Timestamp};

/// Stands in CloudTrail for what it does not keep.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// One component.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    pub name: Text,
    /// Its description.
    pub sight: Sight,
    /// What it was told to serve, newest first; `None` until CloudTrail was asked.
    pub told: Option<Result<Vec<Told>, Fault>>,
}

/// One accepted request that said what a component is to serve.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub at: Timestamp,
    pub by: Text,
    /// `Specification` as a request spells it.
    pub specification: Value,
}

impl Component {
    /// What serves now, as a request would say it; `None` where the description has no specification.
    pub fn now(&self) -> Option<Value> {
        as_request(self.sight.body.get("Specification")?)
    }

    /// The newest request that said something else than what serves now.
    pub fn before(&self) -> Option<&Told> {
        let now = self.now()?;
        self.told.as_ref()?.as_ref().ok()?.iter().find(|told| !is_same(&told.specification, &now))
    }

    /// When it was last told to serve what it serves; `None` where CloudTrail does not show that yet.
    pub fn since(&self) -> Option<&Told> {
        let now = self.now()?;
        let told = self.told.as_ref()?.as_ref().ok()?.first()?;
        is_same(&told.specification, &now).then_some(told)
    }
}

/// A described specification as a request spells it: the image by the name that was asked for.
fn as_request(described: &Value) -> Option<Value> {
    let mut out = described.as_object()?.clone();
    if let Some(container) = out.get_mut("Container").and_then(Value::as_object_mut) {
        let image = container.remove("DeployedImage");
        let asked = image.as_ref().and_then(|image| image.get("SpecifiedImage")).cloned();
        if let Some(image) = asked.filter(|_| !container.contains_key("Image")) {
            container.insert("Image".into(), image);
        }
    }
    out.retain(|_, value| !is_empty(value));
    Some(Value::Object(out))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Request parameters as CloudTrail writes them, in the words of the API again; names of environment variables stay.
pub fn from_trail(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let member = |(name, value): (&String, &Value)| {
                let capital: String =
                    name.chars().take(1).flat_map(char::to_uppercase).chain(name.chars().skip(1)).collect();
                let value = if capital == "Environment" { value.clone() } else { from_trail(value) };
                (capital, value)
            };
            Value::Object(fields.iter().map(member).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(from_trail).collect()),
        other => other.clone(),
    }
}

/// Whether CloudTrail kept something of it to itself.
pub(super) fn is_hidden(value: &Value) -> bool {
    match value {
        Value::String(text) => text == HIDDEN,
        Value::Object(fields) => fields.values().any(is_hidden),
        Value::Array(items) => items.iter().any(is_hidden),
        _ => false,
    }
}

/// The same thing to serve: what a description adds by itself does not count.
fn is_same(a: &Value, b: &Value) -> bool {
    const TELLING: [&str; 5] = [
        "/ModelName",
        "/BaseInferenceComponentName",
        "/Container/Image",
        "/Container/ArtifactUrl",
        "/Container/Environment",
    ];
    let plain = |value: &Value, pointer: &str| value.pointer(pointer).filter(|value| !is_empty(value)).cloned();
    let told = TELLING.iter().all(|pointer| match (plain(a, pointer), plain(b, pointer)) {
        // What CloudTrail hides is not compared.
        (Some(a), Some(b)) => is_hidden(&a) || is_hidden(&b) || a == b,
        (a, b) => a == b,
    });
    told && needs(a) == needs(b)
}

/// Processors, accelerators and memory as numbers: 2 and 2.0 are one.
fn needs(specification: &Value) -> Vec<(String, f64)> {
    let fields = specification.get("ComputeResourceRequirements").and_then(Value::as_object);
    let number = |(name, value): (&String, &Value)| Some((name.clone(), value.as_f64()?));
    fields.into_iter().flatten().filter_map(number).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_description_and_its_request_are_the_same_thing_to_serve() {
        let described = json!({
            "Container": {"DeployedImage": {"SpecifiedImage": "x:1", "ResolvedImage": "x@sha256:1"}, "ArtifactUrl": "s3://a/1"},
            "ComputeResourceRequirements": {"NumberOfCpuCoresRequired": 2.0}, "StartupParameters": {},
        });
        let request = json!({
            "Container": {"Image": "x:1", "ArtifactUrl": "s3://a/1"},
            "ComputeResourceRequirements": {"NumberOfCpuCoresRequired": 2},
        });
        let now = as_request(&described).unwrap_or_default();
        assert!(is_same(&now, &request), "{now}");
        for (pointer, other) in [("/Container/ArtifactUrl", json!("s3://a/2")), ("/Container/Image", json!("x:2"))] {
            let mut changed = request.clone();
            if let Some(value) = changed.pointer_mut(pointer) {
                *value = other;
            }
            assert!(!is_same(&now, &changed), "{pointer}");
        }
    }

    #[test]
    fn names_of_environment_variables_are_nobodys_to_change() {
        let trail = json!({"container": {"artifactUrl": "s3://a/1", "environment": {"lower_case": "1"}}});
        let wanted = json!({"Container": {"ArtifactUrl": "s3://a/1", "Environment": {"lower_case": "1"}}});
        assert_eq!(from_trail(&trail), wanted);
    }
}
