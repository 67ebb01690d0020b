//! What a version must have shown before it takes over. A gate that is not known to be passed holds until the operator goes on
//! without it, by name and with a reason.

use serde::{Deserialize, Serialize};

use super::Ground;
use crate::{
    health::Health,
    ops::{
        guard::{self, Check, Finding},
        plan::Refusal,
        rule::{Rule, breaks},
    },
    resource::Monitor,
    text::Text,
    time::{self, DAY, Timestamp},
};

/// A version or training job older than this may know the world of then, milliseconds.
const FRESH: i64 = 30 * DAY;

/// What the remedy of a gate that holds begins with.
const ACCEPT: &str = "accept it: --accept ";

/// One question about a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Gate {
    Approval,
    Artifact,
    Image,
    Interface,
    Metrics,
    Bias,
    Drift,
    Freshness,
    WayBack,
    Alarms,
    Automation,
    Policy,
}

impl Gate {
    pub const ALL: [Self; 12] = [
        Self::Approval,
        Self::Artifact,
        Self::Image,
        Self::Interface,
        Self::Metrics,
        Self::Bias,
        Self::Drift,
        Self::Freshness,
        Self::WayBack,
        Self::Alarms,
        Self::Automation,
        Self::Policy,
    ];

    /// As it is typed: `--accept way-back`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Artifact => "artifact",
            Self::Image => "image",
            Self::Interface => "interface",
            Self::Metrics => "metrics",
            Self::Bias => "bias",
            Self::Drift => "drift",
            Self::Freshness => "freshness",
            Self::WayBack => "way-back",
            Self::Alarms => "alarms",
            Self::Automation => "automation",
            Self::Policy => "policy",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|gate| gate.word() == word)
    }

    const fn check(self) -> Check {
        match self {
            Self::Approval => Check::Approval,
            Self::Artifact => Check::Artifact,
            Self::Image => Check::Image,
            Self::Interface => Check::Interface,
            Self::Metrics => Check::Metrics,
            Self::Bias => Check::Bias,
            Self::Drift => Check::Drift,
            Self::Freshness => Check::Freshness,
            Self::WayBack => Check::WayBack,
            Self::Alarms => Check::Alarms,
            Self::Automation => Check::Automation,
            Self::Policy => Check::Policy,
        }
    }
}

/// How one gate stands, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass(String),
    /// Blocks, whatever is accepted.
    Fail(String),
    /// Holds until it is accepted.
    Unknown(String),
}

/// The gate's line in the plan.
pub(super) fn finding(gate: Gate, verdict: &Verdict, accept: &[Text]) -> Finding {
    match verdict {
        Verdict::Pass(text) => Finding::ok(gate.check(), text.clone()),
        Verdict::Fail(text) => Finding::block(gate.check(), text.clone()).remedy(remedy(gate)),
        Verdict::Unknown(text) if is_accepted(gate, accept) => {
            Finding::warn(gate.check(), format!("accepted without `{}`: {text}", gate.word()))
        }
        Verdict::Unknown(text) => {
            Finding::block(gate.check(), text.clone()).remedy(format!("{ACCEPT}{} (with a reason)", gate.word()))
        }
    }
}

/// The gates that hold a promotion and can be gone on without, as their findings word the remedy.
pub fn held(refusals: &[Refusal]) -> Vec<Text> {
    let word = |remedy: &String| remedy.strip_prefix(ACCEPT)?.split_whitespace().next().map(Text::new);
    refusals.iter().filter_map(|refusal| refusal.remedy.as_ref().and_then(word)).collect()
}

pub(super) fn is_accepted(gate: Gate, accept: &[Text]) -> bool {
    accept.iter().any(|word| word.as_str() == gate.word())
}

const fn remedy(gate: Gate) -> &'static str {
    match gate {
        Gate::Approval => "Only a version that is Completed and not Rejected can be promoted.",
        Gate::Artifact => "Restore it in S3 (versioning, backup), or register the version again.",
        Gate::Interface => "Callers of the endpoint would break: register it with the interface of the live version.",
        Gate::Metrics => "Look at both evaluation reports; a version that is better passes.",
        Gate::Policy => "Let this account in by the line below, or choose --by copy.",
        Gate::WayBack => "Make the live config and its model whole first: without them there is no way back.",
        _ => "Choose another version.",
    }
}

/// All gates but automation, which has a plan of its own.
pub(super) fn judge(ground: &Ground<'_>) -> Vec<(Gate, Verdict)> {
    let mut out = vec![
        (Gate::Approval, approval(ground)),
        (Gate::Artifact, artifact(ground)),
        (Gate::Image, image(ground)),
        (Gate::Interface, super::compare::interface(ground)),
        (Gate::Metrics, super::compare::metrics(ground)),
        (Gate::Bias, bias(ground)),
        (Gate::Drift, drift(ground)),
        (Gate::Freshness, freshness(ground)),
        (Gate::WayBack, way_back(ground)),
        (Gate::Alarms, alarms(ground)),
    ];
    out.extend(super::origin::policy(ground).map(|verdict| (Gate::Policy, verdict)));
    out
}

fn approval(ground: &Ground<'_>) -> Verdict {
    let (built, approval) = (ground.version.fact("/ModelPackageStatus"), ground.approval());
    match (built.as_str(), approval.as_str()) {
        (built, _) if built != "Completed" => {
            Verdict::Fail(format!("the version is {built}: only Completed can serve"))
        }
        (_, "Rejected") => Verdict::Fail("the version was Rejected: somebody decided against it".to_owned()),
        (_, "Approved") => Verdict::Pass("the version is Completed and Approved".to_owned()),
        (_, "PendingManualApproval") if ground.job.is_some() => {
            Verdict::Pass(format!("the job Completed; it is registered as {} and approved first", ground.label()))
        }
        (_, "PendingManualApproval") if ground.register.is_some() => {
            Verdict::Pass(format!("the version is Completed; it is copied as {} and approved first", ground.label()))
        }
        (_, "PendingManualApproval") => Verdict::Pass("the version is Completed; it is approved first".to_owned()),
        (_, other) => Verdict::Unknown(format!("the version's approval is {other}, which is none we know")),
    }
}

fn artifact(ground: &Ground<'_>) -> Verdict {
    let uris = super::artifacts(ground.version);
    if uris.is_empty() {
        return Verdict::Unknown("the version names no artifact in S3".to_owned());
    }
    let mut unsure = None;
    for uri in &uris {
        match ground.facts.exists.iter().find(|(known, _)| known == uri) {
            Some((_, Ok(true))) => {}
            Some((_, Ok(false))) => return Verdict::Fail(format!("the artifact {uri} is gone")),
            Some((_, Err(fault))) => unsure = Some(super::origin::unseen(ground, uri, fault)),
            None => unsure = Some(format!("{uri} was not looked up")),
        }
    }
    unsure.map_or_else(|| Verdict::Pass(super::origin::there(ground, &words(&uris))), Verdict::Unknown)
}

fn image(ground: &Ground<'_>) -> Verdict {
    let containers = super::containers(ground.version);
    let text = |container: &serde_json::Value, name: &str| {
        container.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    if containers.is_empty() {
        return Verdict::Fail("the version has no container".to_owned());
    }
    for container in &containers {
        let image = text(container, "Image");
        if !image.contains("@sha256:") && text(container, "ImageDigest").is_empty() {
            let image = Text::new(&image);
            return Verdict::Unknown(format!(
                "image {image} is named by a tag: what starts may not be what was tested"
            ));
        }
    }
    if let Some(why) = super::origin::unpulled(ground, &containers) {
        return Verdict::Unknown(why);
    }
    Verdict::Pass("the image is pinned by its digest (whether ECR still has it shows when instances start)".to_owned())
}

fn bias(ground: &Ground<'_>) -> Verdict {
    let report = ["Report", "PreTrainingReport", "PostTrainingReport"]
        .iter()
        .map(|name| ground.version.fact(&format!("/ModelMetrics/Bias/{name}/S3Uri")))
        .find(|uri| !uri.is_empty());
    match report {
        Some(uri) => Verdict::Pass(format!("a bias report is registered: {uri}")),
        None => Verdict::Unknown("no bias report is registered with the version".to_owned()),
    }
}

/// That the live model drifts is a reason to promote, and no objection.
fn drift(ground: &Ground<'_>) -> Verdict {
    let monitors = match &ground.facts.monitors {
        Some(Ok(monitors)) => monitors,
        Some(Err(fault)) => return Verdict::Unknown(format!("the monitors could not be read: {}", fault.kind.brief())),
        None => return Verdict::Unknown("the monitors were not read".to_owned()),
    };
    let names = |which: &dyn Fn(&Monitor) -> bool| {
        monitors.iter().filter(|monitor| which(monitor)).map(|monitor| monitor.name.to_string()).collect::<Vec<_>>()
    };
    let silent = |monitor: &Monitor| {
        monitor.schedule_status == "Scheduled" && (monitor.last.is_none() || monitor.is_late(ground.context.at))
    };
    let late = names(&silent);
    if !late.is_empty() {
        return Verdict::Unknown(format!("{} is late: whether the live model drifts is not known", late.join(", ")));
    }
    let ended = |monitor: &Monitor, status: &str| monitor.last.as_ref().is_some_and(|run| run.status == status);
    let failed = names(&|monitor| monitor.last.as_ref().is_some_and(|run| run.health() == Health::Bad));
    if !failed.is_empty() {
        return Verdict::Unknown(format!("{} failed: whether the live model drifts is not known", failed.join(", ")));
    }
    let drifting = names(&|monitor| ended(monitor, "CompletedWithViolations"));
    Verdict::Pass(match (monitors.is_empty(), drifting.as_slice()) {
        (true, _) => "no monitor watches this endpoint".to_owned(),
        (false, []) => "the monitors of the live model found nothing last time".to_owned(),
        (false, drifting) => format!("{}: the live model drifts, a reason to promote", drifting.join(", ")),
    })
}

fn freshness(ground: &Ground<'_>) -> Verdict {
    let Some(created) = moment(ground.version.body.get("CreationTime")) else {
        return Verdict::Unknown("when the version was registered is not known".to_owned());
    };
    let age = ground.context.at.since(created);
    if age > FRESH {
        return Verdict::Unknown(format!("the version was registered {} ago, on older data", time::span(age)));
    }
    Verdict::Pass(format!("the version was registered {}", created.full()))
}

fn moment(value: Option<&serde_json::Value>) -> Option<Timestamp> {
    let value = value?;
    value.as_f64().map(Timestamp::from_secs_f64).or_else(|| Timestamp::parse(value.as_str()?))
}

/// The live config and its models are what a way back needs.
fn way_back(ground: &Ground<'_>) -> Verdict {
    if breaks(Rule::WayBack) {
        return Verdict::Pass("not asked".to_owned());
    }
    let config = &ground.details.config;
    match ground.snapshot.config(config.as_str()) {
        Some(Ok(_)) => {}
        Some(Err(fault)) => {
            return Verdict::Fail(format!("the live config {config} could not be read: {}", fault.kind.brief()));
        }
        None => return Verdict::Fail(format!("the live config {config} was not read")),
    }
    for name in ground.details.variants.iter().filter_map(|variant| variant.model.as_ref()) {
        match ground.snapshot.model(name.as_str()) {
            Some(Ok(model)) => match model.data_exists {
                Some(true) => {}
                Some(false) => return Verdict::Fail(format!("the artifacts of the live model {name} are gone")),
                None => {
                    return Verdict::Unknown(format!(
                        "whether the artifacts of the live model {name} exist is not known"
                    ));
                }
            },
            Some(Err(fault)) => {
                return Verdict::Fail(format!("the live model {name} could not be read: {}", fault.kind.brief()));
            }
            None => return Verdict::Unknown(format!("the live model {name} was not read")),
        }
    }
    Verdict::Pass(format!("the way back is there: {config} and its model"))
}

/// What guards the deployment; inconclusive is hold.
fn alarms(ground: &Ground<'_>) -> Verdict {
    let Some(alarms) = guard::guard_alarms(ground.snapshot, ground.details) else {
        return Verdict::Fail("the alarms could not be read: nobody could say what guards this".to_owned());
    };
    if !alarms.blind.is_empty() {
        return Verdict::Unknown(format!("{} has no data: it judges nothing until it has", words(&alarms.blind)));
    }
    if alarms.quiet.is_empty() {
        let text = "no alarm with data guards this: only a person with the abort alarm can stop it";
        return Verdict::Unknown(text.to_owned());
    }
    Verdict::Pass(format!("guarded by {}", words(&alarms.chosen())))
}

fn words(names: &[Text]) -> String {
    names.iter().map(Text::as_str).collect::<Vec<_>>().join(", ")
}
