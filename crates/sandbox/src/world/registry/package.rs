//! A version: where it comes from, and who said what about it when.

use mldeck_core::time::Timestamp;
use serde_json::{Value, json};

use super::{Group, SOURCE};
use crate::world::{
    World,
    chance::Chance,
    epoch,
    estate::{self, FAMILIES, Family, MODEL_BUCKET},
    lists::{user, without_nulls},
};

/// Approval and stage from one moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) at: Timestamp,
    pub(crate) by: String,
    pub(crate) approval: String,
    pub(crate) description: Option<String>,
    /// Stage and its status.
    pub(crate) stage: Option<(String, String)>,
    /// `CustomerMetadataProperties` that calls have set.
    pub(crate) properties: Vec<(String, String)>,
    /// Those that calls took away.
    pub(crate) removed: Vec<String>,
    pub(crate) stage_text: Option<String>,
}

impl Change {
    pub(crate) fn new(at: Timestamp, by: &str, approval: &str) -> Self {
        Self {
            at,
            by: by.to_owned(),
            approval: approval.to_owned(),
            description: None,
            stage: None,
            properties: Vec::new(),
            removed: Vec::new(),
            stage_text: None,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) group: String,
    pub(crate) version: u32,
    /// Family and number of the run that made it.
    pub(crate) source: Option<(u8, u32)>,
    /// Members of the CreateModelPackage call, for one that a caller made.
    pub(crate) given: Value,
    /// Oldest first; the first is its registration.
    pub(crate) changes: Vec<Change>,
}

impl Package {
    pub(crate) fn created(&self) -> Timestamp {
        self.changes.first().map_or_else(Timestamp::default, |change| change.at)
    }

    /// Its state at `at`; `None` before it existed.
    pub(crate) fn at(&self, at: Timestamp) -> Option<&Change> {
        self.changes.iter().rev().find(|change| change.at <= at)
    }

    pub(crate) fn arn(&self) -> String {
        estate::arn("sagemaker", &format!("model-package/{}/{}", self.group.to_lowercase(), self.version))
    }

    /// Keeps a member as if it had been given when it was made.
    pub(super) fn give(&mut self, member: &str, value: Value) {
        if !self.given.is_object() {
            self.given = json!({});
        }
        self.given[member] = value;
    }

    fn family(&self) -> Option<&'static Family> {
        self.source.map(|(index, _)| &FAMILIES[usize::from(index) % FAMILIES.len()])
    }
}

/// `ModelPackageSummary`.
pub(super) fn summary(package: &Package, state: &Change) -> Value {
    without_nulls(json!({
        "ModelPackageGroupName": package.group,
        "ModelPackageVersion": package.version,
        "ModelPackageArn": package.arn(),
        "ModelPackageDescription": package.given["ModelPackageDescription"],
        "CreationTime": epoch(package.created()),
        "ModelPackageStatus": "Completed",
        "ModelApprovalStatus": state.approval,
        "ModelLifeCycle": life_cycle(state),
        "ModelPackageRegistrationType": "Registered",
    }))
}

fn life_cycle(state: &Change) -> Value {
    state.stage.as_ref().map_or(Value::Null, |(stage, status)| {
        without_nulls(json!({"Stage": stage, "StageStatus": status, "StageDescription": state.stage_text}))
    })
}

/// `ModelPackage` as DescribeModelPackage and Search show it; `None` before it existed.
pub(crate) fn record(world: &World, package: &Package, at: Timestamp) -> Option<Value> {
    let state = package.at(at)?;
    let mut body = summary(package, state);
    let created_by = package.changes.first().map_or("", |change| change.by.as_str());
    body["ModelPackageName"] = json!(package.group);
    body["ModelPackageStatusDetails"] = json!({"ValidationStatuses": [], "ImageScanStatuses": []});
    body["CertifyForMarketplace"] = json!(false);
    body["SkipModelValidation"] = json!("None");
    body["CreatedBy"] = user(created_by);
    if package.changes.first() != Some(state) {
        body["LastModifiedBy"] = user(&state.by);
    }
    // AWS gives LastModifiedTime to versions that were changed; Search sorts by it, so ours have it from the start.
    body["LastModifiedTime"] = epoch(state.at);
    if let Some(description) = &state.description {
        body["ApprovalDescription"] = json!(description);
    }
    if let (Some(family), Some((index, number))) = (package.family(), package.source) {
        derive(world, package, family, (index, number), &mut body);
    }
    let members = package.given.as_object().into_iter().flatten();
    for (member, value) in members.filter(|(member, _)| KEPT.contains(&member.as_str())) {
        body[member] = value.clone();
    }
    for (name, value) in &state.properties {
        body["CustomerMetadataProperties"][name] = json!(value);
    }
    for name in &state.removed {
        body["CustomerMetadataProperties"].as_object_mut().map(|properties| properties.remove(name));
    }
    Some(body)
}

/// Members of a CreateModelPackage call that come back as they were given.
const KEPT: &[&str] = &[
    "InferenceSpecification",
    "ModelPackageDescription",
    "MetadataProperties",
    "ModelMetrics",
    "DriftCheckBaselines",
    "CustomerMetadataProperties",
    "Domain",
    "Task",
    "SourceUri",
    "SkipModelValidation",
    "ModelCard",
    "ModelPackageRegistrationType",
    "AdditionalInferenceSpecifications",
    "SamplePayloadUrl",
];

fn derive(world: &World, package: &Package, family: &Family, (index, number): (u8, u32), body: &mut Value) {
    let version = package.version;
    let report = format!("s3://{MODEL_BUCKET}/{}/v{version}/evaluation.json", family.name);
    let image = family.resolved_image(version);
    let digest = image.rsplit('@').next().unwrap_or_default();
    body["InferenceSpecification"] = json!({
        "Containers": [{"Image": image, "ImageDigest": digest, "ModelDataUrl": family.artifact(version)}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
        "SupportedRealtimeInferenceInstanceTypes": [family.instance_type],
        "SupportedTransformInstanceTypes": [family.instance_type],
    });
    body["ModelMetrics"] =
        json!({"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": report}}});
    let mut properties = json!({"training_job": format!("{}-{number:04}", family.pipeline)});
    if let Some(run) = world.runs.get(index, SOURCE, number) {
        for metric in run.recipe().metrics {
            properties[&*metric.name] = json!(format!("{:.4}", run.final_value(world.seed, metric)));
        }
        let commit = Chance::new(world.seed).named(family.name).of(u64::from(run.image)).commit();
        body["MetadataProperties"] = json!({
            "CommitId": commit,
            "Repository": format!("https://git.acme.example/ml/{}", family.name),
            "GeneratedBy": run.job_arn(),
        });
        body["SourceUri"] = json!(run.job_arn());
    }
    body["CustomerMetadataProperties"] = properties;
}

/// `ModelPackageGroup`.
pub(crate) fn group_record(name: &str, group: &Group) -> Value {
    json!({
        "ModelPackageGroupName": name,
        "ModelPackageGroupArn": estate::arn("sagemaker", &format!("model-package-group/{}", name.to_lowercase())),
        "ModelPackageGroupDescription": group.description,
        "CreationTime": epoch(group.created),
        "CreatedBy": user(&group.by),
        "ModelPackageGroupStatus": "Completed",
    })
}
