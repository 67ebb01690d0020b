//! What the planner chooses where the operator did not, and how it says no.

use super::Refusal;
use crate::{
    ops::{
        candidate::{self, Candidate},
        guard::{self, Check, Finding, Severity},
        intent::{Choice, Mode},
        snapshot::Snapshot,
    },
    resource::endpoint::Details,
    text::Text,
};

/// Emergency when one of the endpoint's alarms fires now (a guarded update would take itself back), else guarded.
pub(super) fn default_mode(snapshot: &Snapshot, details: &Details) -> Mode {
    match guard::guard_alarms(snapshot, details) {
        Some(alarms) if !alarms.firing.is_empty() => Mode::Emergency,
        _ => Mode::Guarded,
    }
}

pub(super) fn choose(
    snapshot: &Snapshot,
    details: &Details,
    choice: &Choice,
    best: Option<&Candidate>,
    list: &[Candidate],
) -> Result<Candidate, Refusal> {
    match &choice.candidate {
        Some(name) if *name == details.config => {
            Err(refusal(Check::Candidate, &format!("{name} is what is live already"), None))
        }
        Some(name) => Ok(list
            .iter()
            .find(|candidate| candidate.config == *name)
            .cloned()
            .unwrap_or_else(|| unknown_candidate(snapshot, name))),
        None => best.cloned().ok_or_else(|| Refusal {
            check: Check::Candidate,
            text: "no earlier config is known: not from our ledger, tags, CloudTrail or look-alikes".to_owned(),
            remedy: Some("Name one: aws sagemaker list-endpoint-configs --sort-by CreationTime".to_owned()),
            cli: None,
        }),
    }
}

pub(super) fn unknown_candidate(snapshot: &Snapshot, name: &Text) -> Candidate {
    Candidate {
        config: name.clone(),
        label: candidate::label(snapshot, name),
        sources: Vec::new(),
        agree: (0, 0),
        served: (None, None),
        healthy: None,
        taken_back: None,
    }
}

pub(super) fn refusal(check: Check, text: &str, cli: Option<String>) -> Refusal {
    Refusal { check, text: text.to_owned(), remedy: None, cli }
}

pub(super) fn blocks(findings: &[Finding], cli: Option<&String>) -> Vec<Refusal> {
    let blocking = findings.iter().filter(|finding| finding.severity == Severity::Block);
    blocking
        .map(|finding| Refusal {
            check: finding.check,
            text: finding.text.clone(),
            remedy: finding.remedy.clone(),
            cli: cli.cloned(),
        })
        .collect()
}
