//! Preflight: what blocks a way back, what a person should know, and what was checked and is fine.

use serde::{Deserialize, Serialize};

use super::{
    candidate::{Candidate, History},
    intent::{Context, Mode, Route},
    rule::{Rule, breaks},
    snapshot::{Config, Snapshot},
    verb::abort::usable_alarm,
};
use crate::{
    fault::{Fault, FaultKind},
    resource::endpoint::{Details, EndpointStatus},
    text,
    time::{self, MINUTE, SECOND},
};

mod alarms;
mod compare;
mod fleet;

pub(super) use alarms::is_quiet;
pub(super) use alarms::{guard_alarms, standing, verify};
pub(super) use compare::keeps_counts;
pub use fleet::warm_variant;
pub(super) use fleet::{excluded, exclusions, is_marketplace, quota, routing};

/// Facts older than this are named as old; the executor reads them again right before the call in any case.
pub const FRESH: i64 = 5 * SECOND;
/// Facts older than this make no plan.
pub const STALE: i64 = MINUTE;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    Block,
    Warn,
    Ok,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Check {
    Age,
    Status,
    Candidate,
    Config,
    Model,
    Artifact,
    VariantNames,
    InstanceType,
    Counts,
    Weights,
    Image,
    Capture,
    Encryption,
    Network,
    Scaling,
    Alarms,
    AbortAlarm,
    Guardrails,
    Quota,
    FastPath,
    Components,
    Owner,
    Approval,
    Interface,
    Metrics,
    Bias,
    Drift,
    Freshness,
    WayBack,
    Automation,
    /// The other account: whose it is, and who leads there.
    Origin,
    /// The resource policy of a group of versions.
    Policy,
    /// Something still needs it.
    Needed,
    Reason,
    /// The lock that hosts share.
    TeamLock,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub check: Check,
    pub severity: Severity,
    /// One sentence.
    #[serde(deserialize_with = "text::shown")]
    pub text: String,
    /// What to do about it: a sentence or an AWS CLI line.
    #[serde(default, deserialize_with = "text::maybe_shown")]
    pub remedy: Option<String>,
}

impl Finding {
    pub(super) fn block(check: Check, text: impl Into<String>) -> Self {
        Self { check, severity: Severity::Block, text: text.into(), remedy: None }
    }

    pub(super) fn warn(check: Check, text: impl Into<String>) -> Self {
        Self { check, severity: Severity::Warn, text: text.into(), remedy: None }
    }

    pub(super) fn ok(check: Check, text: impl Into<String>) -> Self {
        Self { check, severity: Severity::Ok, text: text.into(), remedy: None }
    }

    #[must_use]
    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// One way back, with everything it is judged by.
pub(super) struct Case<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) details: &'a Details,
    pub(super) history: &'a History,
    pub(super) context: &'a Context,
    pub(super) candidate: &'a Candidate,
    pub(super) mode: Mode,
    pub(super) route: Route,
}

impl Case<'_> {
    fn live(&self) -> Option<&Config> {
        self.snapshot.config(self.details.config.as_str()).and_then(|config| config.as_ref().ok())
    }

    fn target(&self) -> Option<&Config> {
        self.snapshot.config(self.candidate.config.as_str()).and_then(|config| config.as_ref().ok())
    }
}

/// Every finding about one way back, worst first.
pub(super) fn preflight(case: &Case<'_>) -> Vec<Finding> {
    let mut out = vec![age(case), status(case)];
    out.extend(history(case));
    out.extend(config(case));
    if let Some(target) = case.target() {
        if !breaks(Rule::WayBack) {
            out.extend(models(case, target));
        }
        out.extend(compare::compare(case, target));
        out.extend(fleet::exclusions(case, target));
        out.push(fleet::quota(case, target));
    }
    out.extend(alarms::findings(case));
    out.extend(fleet::fast_path(case));
    out.extend(owner(case));
    out.sort_by_key(|finding| finding.severity);
    out
}

fn age(case: &Case<'_>) -> Finding {
    let age = case.context.at.since(case.snapshot.at);
    match age {
        _ if age > STALE => Finding::block(Check::Age, format!("these facts are {} old", time::span(age)))
            .remedy("F5 reads the endpoint again."),
        _ if age > FRESH => Finding::warn(
            Check::Age,
            format!("these facts are {} old; they are read again right before the call", time::span(age)),
        ),
        _ => Finding::ok(Check::Age, "read just now"),
    }
}

pub(super) fn status(case: &Case<'_>) -> Finding {
    let block = |text: &str, remedy: String| Finding::block(Check::Status, text).remedy(remedy);
    let status = &case.snapshot.endpoint.status;
    let name = &case.snapshot.endpoint.name;
    match status {
        EndpointStatus::InService => Finding::ok(Check::Status, "InService"),
        EndpointStatus::OutOfService => Finding::warn(Check::Status, "OutOfService: it serves nobody now"),
        EndpointStatus::UpdateRollbackFailed => Finding::warn(
            Check::Status,
            "UpdateRollbackFailed: it serves a mix of two configs; this call brings one known config back",
        ),
        EndpointStatus::Updating => {
            block("a change is running; AWS refuses every other one until it ends", abort_remedy(case))
        }
        EndpointStatus::SystemUpdating => {
            block("AWS maintains it right now", "Wait until it is InService again; AWS ends this by itself.".into())
        }
        EndpointStatus::RollingBack => {
            block("AWS takes a change back right now", "Wait until it is InService; then look again.".into())
        }
        EndpointStatus::Creating => block("it is being created", "Wait until it is InService or Failed.".into()),
        EndpointStatus::Deleting => block("it is being deleted", "Nothing can be brought back on it.".into()),
        EndpointStatus::Failed => block(
            "Failed: AWS accepts no update of it any more, only its deletion",
            format!(
                "aws sagemaker delete-endpoint --endpoint-name {name} && aws sagemaker create-endpoint --endpoint-name \
                 {name} --endpoint-config-name {}",
                case.candidate.config
            ),
        ),
        EndpointStatus::Other(word) => block(
            &format!("status {word} is not one we know: do not touch"),
            "Look at it in the console (b) and ask AWS what it means.".into(),
        ),
    }
}

/// How a deployment in flight can be stopped, and when that works.
fn abort_remedy(case: &Case<'_>) -> String {
    let Some(pending) = &case.details.pending else {
        return "It changes weights or capacity, which cannot be stopped; it ends by itself in minutes.".into();
    };
    let ours = super::call::abort_alarm(&case.snapshot.endpoint.name);
    match usable_alarm(case.snapshot, case.details) {
        Some(alarm) => format!(
            "Abort the deployment of {}: aws cloudwatch set-alarm-state --alarm-name {alarm} --state-value ALARM \
             --state-reason abort, repeated each 10 s. It counts while the deployment bakes, not after the old fleet is gone{}",
            pending.config,
            if *alarm == ours { "." } else { "; this alarm's own actions will fire too." }
        ),
        None => format!(
            "The deployment of {} has no alarms, so nothing can stop it: wait until it is InService, then go back.",
            pending.config
        ),
    }
}

fn history(case: &Case<'_>) -> Vec<Finding> {
    let candidate = case.candidate;
    let mut out = Vec::new();
    if let Some(at) = candidate.taken_back {
        let text = format!("{} was itself taken back on {} {}", candidate.label, at.date(), at.hm());
        out.push(Finding::warn(Check::Candidate, text));
    }
    if candidate.agree.0 < candidate.agree.1 {
        let text =
            format!("only {} of {} sources name it as the previous config", candidate.agree.0, candidate.agree.1);
        out.push(Finding::warn(Check::Candidate, text));
    } else if candidate.agree.1 == 0 {
        let text = "no record says that this was the previous config: it is a guess or your choice";
        out.push(Finding::warn(Check::Candidate, text));
    }
    out
}

fn config(case: &Case<'_>) -> Vec<Finding> {
    let name = &case.candidate.config;
    let missing = |fault: &Fault| matches!(fault.kind, FaultKind::Missing);
    let mut out = match case.snapshot.config(name.as_str()) {
        Some(Ok(_)) => vec![Finding::ok(Check::Config, "config exists")],
        Some(Err(fault)) if missing(fault) => vec![
            Finding::block(Check::Config, format!("config {name} is deleted"))
                .remedy("Choose another candidate (tab), or create it again under a new name."),
        ],
        Some(Err(fault)) => vec![
            Finding::block(Check::Config, format!("config {name} could not be read: {}", fault.kind.brief()))
                .remedy(fault.remedy()),
        ],
        None => vec![
            Finding::block(Check::Config, format!("config {name} was not read"))
                .remedy("Read the endpoint again with this candidate."),
        ],
    };
    if let Some(Err(fault)) = case.snapshot.config(case.details.config.as_str()) {
        let text = format!("the live config {} {}: undo is not possible", case.details.config, fault.kind.brief());
        out.push(Finding::warn(Check::Config, text));
    }
    out
}

fn models(case: &Case<'_>, target: &Config) -> Vec<Finding> {
    let mut out = Vec::new();
    let mut all_exist = true;
    for variant in &target.variants {
        let Some(name) = &variant.model else {
            out.push(Finding::warn(
                Check::Components,
                format!(
                    "variant {} serves inference components: this changes the fleet, not their models",
                    variant.name
                ),
            ));
            continue;
        };
        match case.snapshot.model(name.as_str()) {
            Some(Ok(model)) => match model.data_exists {
                Some(true) => out.push(Finding::ok(Check::Artifact, format!("data of {name} exists"))),
                Some(false) => out.push(
                    Finding::block(Check::Artifact, format!("the artifacts of model {name} are gone"))
                        .remedy("Restore them in S3 (versioning, backup), or choose another candidate."),
                ),
                None => {
                    let text = format!("whether the artifacts of model {name} still exist is not known");
                    out.push(Finding::warn(Check::Artifact, text));
                }
            },
            Some(Err(fault)) if matches!(fault.kind, FaultKind::Missing) => {
                all_exist = false;
                out.push(
                    Finding::block(Check::Model, format!("model {name} is deleted"))
                        .remedy("Create the model again under the same name, or choose another candidate."),
                );
            }
            Some(Err(fault)) => {
                all_exist = false;
                let text = format!("model {name} could not be read: {}", fault.kind.brief());
                out.push(Finding::warn(Check::Model, text).remedy(fault.remedy()));
            }
            None => {
                all_exist = false;
                out.push(Finding::warn(Check::Model, format!("model {name} was not read")));
            }
        }
    }
    if all_exist && target.variants.iter().any(|variant| variant.model.is_some()) {
        out.push(Finding::ok(Check::Model, "model exists"));
    }
    out
}

/// Who will put the other config back on its next run.
fn owner(case: &Case<'_>) -> Option<Finding> {
    let tag = |wanted: &str| case.details.tags.iter().find(|(key, _)| key == wanted).map(|(_, value)| value);
    let stack = tag("aws:cloudformation:stack-name")?;
    let text = format!("stack {stack} owns this endpoint and will deploy its own config again on its next run");
    Some(Finding::warn(Check::Owner, text).remedy("Hold its pipeline, or merge the way back into it."))
}
