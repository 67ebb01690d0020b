//! A version of another account, registered here once more: same containers, same metrics, and where it is from. Its artifact
//! stays in the bucket where it is.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::{job::Candidate, sight};
use crate::{
    id,
    ops::{
        call,
        guard::Check,
        intent::Context,
        plan::Refusal,
        snapshot::Facts,
        target::{Kind, Sight, Target},
    },
    text::Text,
};

/// Entry of `CustomerMetadataProperties` that names the version it was copied from. Not `SourceUri`: with the ARN of a version
/// there AWS clones that one itself (API reference of CreateModelPackage), and would have to be let into the other account.
pub const SOURCE: &str = "source";
/// Most entries that `CustomerMetadataProperties` takes (API reference of CreateModelPackage).
const MOST_PROPERTIES: usize = 50;
/// Members of a description that CreateModelPackage takes as they are, and that mean the same in another account.
const COPIED: [&str; 8] = [
    "InferenceSpecification",
    "AdditionalInferenceSpecifications",
    "ModelMetrics",
    "DriftCheckBaselines",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "SkipModelValidation",
];

/// The version as it will be in the group of the one that serves, or as it was copied before.
pub(super) fn candidate<'a>(
    facts: &'a Facts,
    asked: &Text,
    context: &Context,
    live: Option<(&Sight, &Text)>,
) -> Result<Candidate<'a>, Vec<Refusal>> {
    let no = |check, text: String, remedy: &str| {
        Err(vec![Refusal { check, text, remedy: Some(remedy.to_owned()), cli: None }])
    };
    let source = sight(facts, &Target::new(Kind::ModelPackage, asked.clone()))?;
    let here = context.scope.account.as_str();
    let own = live.filter(|(_, arn)| id::place(arn.as_str()).is_some_and(|(_, _, account)| account == here));
    let Some((version, package)) = own else {
        let text =
            format!("the live model is no registered version of {here}: into which group a copy belongs is not known");
        return no(Check::Interface, text, "--by registry leaves the version where it is.");
    };
    let registered = super::job::registered(facts, "Plan again.")?;
    if let Some(copied) = &registered.version {
        let version = sight(facts, &Target::new(Kind::ModelPackage, copied.clone()))?;
        return Ok(Candidate { package: copied.clone(), version: Cow::Borrowed(version), job: None, register: None });
    }
    let (group, raw) = (version.fact("/ModelPackageGroupName"), package.raw());
    let Some((head, _)) = raw.rsplit_once('/').filter(|_| !group.is_empty()) else {
        return no(
            Check::Interface,
            format!("{package} is of no group"),
            "--by registry leaves the version where it is.",
        );
    };
    let number = registered.latest + 1;
    let arn = Text::new(&format!("{head}/{number}"));
    let properties = properties(source, asked);
    let register = call::register(&register_body(source, &group, asked, &properties));
    let version = as_version(source, &group, number, properties);
    Ok(Candidate { package: arn, version: Cow::Owned(version), job: None, register: Some(register) })
}

/// As it will be described: what was decided against there is not decided for here, and its age is that of the original.
fn as_version(source: &Sight, group: &Text, number: i64, properties: Value) -> Sight {
    let mut body = source.body.clone();
    body["ModelPackageGroupName"] = group.raw().into();
    body["ModelPackageVersion"] = number.into();
    body["CustomerMetadataProperties"] = properties;
    if source.fact("/ModelApprovalStatus") != "Rejected" {
        body["ModelApprovalStatus"] = "PendingManualApproval".into();
    }
    Sight { body, ..source.clone() }
}

fn properties(source: &Sight, asked: &Text) -> Value {
    let known = source.body.get("CustomerMetadataProperties").and_then(Value::as_object);
    let kept = known.into_iter().flatten().filter(|(name, _)| name.as_str() != SOURCE).take(MOST_PROPERTIES - 1);
    let mut out: Map<String, Value> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    out.insert(SOURCE.into(), asked.raw().into());
    Value::Object(out)
}

fn register_body(source: &Sight, group: &Text, asked: &Text, properties: &Value) -> Value {
    let mut body = json!({
        "ModelPackageGroupName": group.raw(), "ModelApprovalStatus": "PendingManualApproval",
        "ModelPackageDescription": format!("Copy of {}, registered with mldeck", asked.raw()),
        "CustomerMetadataProperties": properties,
    });
    for member in COPIED {
        if let Some(value) = source.body.get(member).filter(|value| !value.is_null()) {
            body[member] = value.clone();
        }
    }
    // A project is one of the other account's.
    if let Some(Value::Object(known)) = source.body.get("MetadataProperties") {
        let kept: Map<String, Value> = known
            .iter()
            .filter(|(name, _)| *name != "ProjectId")
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        body["MetadataProperties"] = Value::Object(kept);
    }
    body
}
