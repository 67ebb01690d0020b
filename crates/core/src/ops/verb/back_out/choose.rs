//! What the planner chooses where the operator did not, and how it says no.

use super::{super::refusal, is_mixed};
use crate::{
    ask::TrailEvent,
    ops::{
        call::UpdateEndpoint,
        candidate::{self, Candidate, Candidates, Confidence, Source, Witness},
        guard::{self, Check},
        intent::{Choice, Context, Mode},
        plan::Refusal,
        snapshot::Snapshot,
    },
    resource::endpoint::{Details, EndpointStatus},
    text::Text,
};

/// Emergency when one of the endpoint's alarms fires now (a guarded update would take itself back), else guarded.
pub(in crate::ops::verb) fn default_mode(snapshot: &Snapshot, details: &Details) -> Mode {
    match guard::guard_alarms(snapshot, details) {
        Some(alarms) if !alarms.firing.is_empty() => Mode::Emergency,
        _ => Mode::Guarded,
    }
}

pub(super) fn choose(
    snapshot: &Snapshot,
    details: &Details,
    choice: &Choice,
    found: &Candidates,
) -> Result<Candidate, Refusal> {
    match &choice.candidate {
        Some(name) if *name == details.config && !is_mixed(snapshot) => {
            Err(refusal(Check::Candidate, &format!("{name} is what is live already"), None))
        }
        Some(name) => Ok(found
            .list
            .iter()
            .find(|candidate| candidate.config == *name)
            .cloned()
            .unwrap_or_else(|| unknown_candidate(snapshot, name))),
        None => found.list.first().cloned().ok_or_else(|| nobody_knows(snapshot, found)),
    }
}

/// Names as witnesses only those that answered.
fn nobody_knows(snapshot: &Snapshot, found: &Candidates) -> Refusal {
    let text = match &snapshot.trail {
        None => {
            "no earlier config is known yet: not from our ledger, tags or look-alikes; CloudTrail is still being asked"
        }
        Some(Err(_)) => "no earlier config is known: not from our ledger, tags or look-alikes",
        Some(Ok(_)) => "no earlier config is known: not from our ledger, tags, CloudTrail or look-alikes",
    };
    let text = std::iter::once(text).chain(found.gaps.iter().map(String::as_str)).collect::<Vec<_>>().join("; ");
    let remedy = "Name one: aws sagemaker list-endpoint-configs --sort-by CreationTime".to_owned();
    Refusal { check: Check::Candidate, text, remedy: Some(remedy), cli: None }
}

/// For a reversal the operation itself is the witness; and it can be taken back only while what it left stands.
pub(super) fn reversed(
    snapshot: &Snapshot,
    details: &Details,
    choice: &Choice,
    mut candidate: Candidate,
    context: &Context,
) -> Result<Candidate, Refusal> {
    let Some(reversal) = &choice.reverses else { return Ok(candidate) };
    let (status, operation) = (&snapshot.endpoint.status, &reversal.operation);
    let why = if details.config != reversal.left {
        let who = changed_by(snapshot, &details.config);
        Some((
            Check::Candidate,
            format!("changed since {who}: {} serves, {operation} left {}", details.config, reversal.left),
        ))
    } else if matches!(status, EndpointStatus::OutOfService | EndpointStatus::UpdateRollbackFailed) {
        Some((Check::Status, format!("it is {}: only what is InService is taken back", status.as_str())))
    } else {
        None
    };
    if let Some((check, text)) = why {
        let update = UpdateEndpoint {
            endpoint: snapshot.endpoint.name.clone(),
            config: candidate.config,
            retain_all: true,
            deployment: None,
        };
        let cli = update.call().cli(context.scope.region.as_str());
        let remedy = Some("B on the endpoint plans a way back from what stands now.".to_owned());
        return Err(Refusal { check, text, remedy, cli: Some(cli) });
    }
    candidate.agree = (1, 1);
    candidate.sources = vec![Source {
        witness: Witness::Ledger,
        confidence: Confidence::Strong,
        first_choice: true,
        note: format!("our operation {operation}, which replaced it"),
    }];
    Ok(candidate)
}

/// Who made this config live, as far as CloudTrail says.
fn changed_by(snapshot: &Snapshot, live: &Text) -> String {
    let Some(trail) = &snapshot.trail else { return "(CloudTrail is being asked by whom)".to_owned() };
    let events = trail.as_deref().unwrap_or_default();
    match events.iter().find_map(TrailEvent::change).filter(|change| change.config.as_ref() == Some(live)) {
        Some(change) => format!("by {} at {} {}", change.by, change.at.date(), change.at.hm()),
        None => "(CloudTrail does not say by whom yet)".to_owned(),
    }
}

pub(in crate::ops::verb) fn unknown_candidate(snapshot: &Snapshot, name: &Text) -> Candidate {
    Candidate {
        config: name.clone(),
        label: candidate::label(snapshot, name),
        sources: Vec::new(),
        agree: (0, 0),
        served: (None, None),
        taken_back: None,
    }
}
