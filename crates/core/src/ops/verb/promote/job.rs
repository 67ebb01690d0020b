//! A training job's artifact as a version: registered first, served as the live version is.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::{Ground, gates::Verdict, sight};
use crate::{
    id,
    ops::{
        call::{self, Call},
        guard::Check,
        plan::Refusal,
        snapshot::{Facts, Registered},
        target::{Kind, Sight, Target},
    },
    text::Text,
};

/// Most entries that `CustomerMetadataProperties` takes (API reference of CreateModelPackage).
const MOST_PROPERTIES: usize = 50;

/// What is to take over: a version as it is described, or as it will be once it is registered.
pub(super) struct Candidate<'a> {
    pub(super) package: Text,
    pub(super) version: Cow<'a, Sight>,
    /// The job it comes from.
    pub(super) job: Option<&'a Sight>,
    /// The call that registers it, where it is no version here yet.
    pub(super) register: Option<Call>,
}

/// Name of the training job, where this is the ARN of one.
pub fn job_of(arn: &Text) -> Option<Text> {
    id::training_job(&arn.raw()).map(Text::new)
}

/// Where the description of a training job names what it made.
pub(super) const ARTIFACT: &str = "/ModelArtifacts/S3ModelArtifacts";

/// S3 URI of what a training job made.
pub fn artifact(job: &Sight) -> Text {
    job.fact(ARTIFACT)
}

/// The training job that a version says it comes from.
pub fn source(version: &Sight) -> Option<Text> {
    ["/SourceUri", "/MetadataProperties/GeneratedBy"].iter().find_map(|pointer| job_of(&version.fact(pointer)))
}

pub(super) fn candidate<'a>(
    facts: &'a Facts,
    asked: &Text,
    live_version: Option<&Sight>,
    live_package: Option<&Text>,
) -> Result<Candidate<'a>, Vec<Refusal>> {
    let described = |package: Text| {
        let version = sight(facts, &Target::new(Kind::ModelPackage, package.clone()))?;
        Ok(Candidate { package, version: Cow::Borrowed(version), job: None, register: None })
    };
    let Some(name) = job_of(asked) else { return described(asked.clone()) };
    let job = sight(facts, &Target::new(Kind::TrainingJob, name.clone()))?;
    let no = |check, text: String, remedy: &str| {
        Err(vec![Refusal { check, text, remedy: Some(remedy.to_owned()), cli: None }])
    };
    if job.status != "Completed" {
        let text = format!("training job {name} is {}: only what Completed has made a model", job.status);
        return no(Check::Artifact, text, "Wait for it, or choose another run.");
    }
    if artifact(job).is_empty() {
        return no(Check::Artifact, format!("training job {name} names no artifact"), "Choose another run.");
    }
    let (Some(live), Some(package)) = (live_version, live_package) else {
        let text = "the live model is no registered version: how a new one is served is not known".to_owned();
        return no(
            Check::Interface,
            text,
            "Register the run by hand (create-model-package), then promote the version.",
        );
    };
    let registered = registered(facts, "F5 reads them.")?;
    if let Some(version) = &registered.version {
        return described(version.clone());
    }
    let group = live.fact("/ModelPackageGroupName");
    let number = registered.latest + 1;
    let raw = package.raw();
    let Some((head, _)) = raw.rsplit_once('/').filter(|_| !group.is_empty()) else {
        return no(Check::Interface, format!("{package} is of no group"), "Register the run by hand.");
    };
    let package = Text::new(&format!("{head}/{number}"));
    let body = as_version(job, live, &group, number);
    let register = call::register(&register_body(&body, asked));
    Ok(Candidate { package, version: Cow::Owned(body), job: Some(job), register: Some(register) })
}

/// As it will be described: the container and the contract of the live version, with this artifact and these metrics.
fn as_version(job: &Sight, live: &Sight, group: &Text, number: i64) -> Sight {
    let mut specification = live.body.get("InferenceSpecification").cloned().unwrap_or_default();
    if let Some(container) = specification.pointer_mut("/Containers/0").and_then(Value::as_object_mut) {
        // Of the live version's artifact, and of what it was compiled or quantised from.
        for member in ["ModelDataSource", "ModelDataETag", "ModelInput", "AdditionalS3DataSource", "NearestModelName"] {
            container.remove(member);
        }
        container.insert("ModelDataUrl".into(), artifact(job).raw().into());
    }
    let ended = ["TrainingEndTime", "LastModifiedTime"].iter().find_map(|name| job.body.get(*name));
    let mut body = Map::new();
    body.insert("ModelPackageGroupName".into(), group.raw().into());
    body.insert("ModelPackageVersion".into(), number.into());
    body.insert("ModelPackageStatus".into(), "Completed".into());
    body.insert("ModelApprovalStatus".into(), "PendingManualApproval".into());
    body.insert("CreationTime".into(), ended.cloned().unwrap_or_default());
    body.insert("InferenceSpecification".into(), specification);
    body.insert("CustomerMetadataProperties".into(), properties(job));
    for member in ["Domain", "Task", "SamplePayloadUrl"] {
        if let Some(value) = live.body.get(member) {
            body.insert(member.into(), value.clone());
        }
    }
    Sight { status: Text::new("Completed"), body: Value::Object(body), ..Sight::default() }
}

/// The job's final metrics, as the next comparison will look for them.
fn properties(job: &Sight) -> Value {
    let metrics = job.body.get("FinalMetricDataList").and_then(Value::as_array);
    let pair = |metric: &Value| {
        let value = metric.get("Value")?.as_f64()?;
        Some((metric.get("MetricName")?.as_str()?.to_owned(), Value::from(value.to_string())))
    };
    let mut out: Map<String, Value> =
        metrics.into_iter().flatten().filter_map(pair).take(MOST_PROPERTIES - 1).collect();
    out.insert("training_job".into(), job.fact("/TrainingJobName").raw().into());
    Value::Object(out)
}

fn register_body(version: &Sight, job: &Text) -> Value {
    let mut body = json!({
        "ModelPackageDescription": format!("{}, registered with mldeck", id::arn_tail(&job.raw())),
        "SourceUri": job.raw(),
        "MetadataProperties": { "GeneratedBy": job.raw() },
    });
    const OURS: [&str; 7] = [
        "ModelPackageGroupName",
        "ModelApprovalStatus",
        "InferenceSpecification",
        "CustomerMetadataProperties",
        "Domain",
        "Task",
        "SamplePayloadUrl",
    ];
    for member in OURS {
        if let Some(value) = version.body.get(member) {
            body[member] = value.clone();
        }
    }
    body
}

/// Whether the job trains what serves: told by the image that the live version was trained with.
pub(super) fn kin(ground: &Ground<'_>, job: &Sight) -> Verdict {
    let image = |sight: &Sight| {
        let raw = sight.fact("/AlgorithmSpecification/TrainingImage").raw();
        let end = raw.find('@').or_else(|| raw.rfind(':').filter(|at| !raw[*at..].contains('/')));
        raw[..end.unwrap_or(raw.len())].to_owned()
    };
    let live = ground.live_version.and_then(source);
    let live = live.and_then(|name| sight(ground.facts, &Target::new(Kind::TrainingJob, name)).ok());
    let now = image(job);
    match live.map(image) {
        Some(then) if then == now && !now.is_empty() => {
            Verdict::Pass(format!("trained by {} as the live version was; served by its container", Text::new(&now)))
        }
        Some(then) => Verdict::Unknown(format!(
            "it was trained by {}, the live version by {}: the right endpoint?",
            Text::new(&now),
            Text::new(&then)
        )),
        None => Verdict::Unknown("which job trained the live version is not known: is this the same model?".to_owned()),
    }
}

/// What the group of the live version knows; `unread` is what helps where nobody asked.
pub(super) fn registered<'a>(facts: &'a Facts, unread: &str) -> Result<&'a Registered, Vec<Refusal>> {
    let (text, remedy) = match &facts.registered {
        Some(Ok(registered)) => return Ok(registered),
        Some(Err(fault)) => {
            (format!("the versions of the group could not be read: {}", fault.kind.brief()), fault.remedy())
        }
        None => ("the versions of the group were not read".to_owned(), unread.to_owned()),
    };
    Err(vec![Refusal { check: Check::Status, text, remedy: Some(remedy), cli: None }])
}
