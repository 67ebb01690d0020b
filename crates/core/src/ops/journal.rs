//! What is written before and after each effect, how a run comes back from it, and what the ledger shows of it.
//!
//! A record that was not acknowledged as durable does not exist: the executor sends nothing on its word.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{
    candidate::{History, Move},
    intent::Bypass,
    measure::{self, Judged},
    plan::{Basis, Expectation, Plan},
    run::Stage,
};
use crate::{
    ask::Sent,
    resource::operation::{Operation, OperationState},
    scope::Scope,
    text::{self, Text},
    time::{self, Timestamp},
};

/// Version of the records. A reader refuses a newer one.
pub const VERSION: u16 = 3;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub v: u16,
    /// Short id of the plan: all records of one operation share it.
    pub op: Text,
    /// Counts up within the operation, from 0. A plan that is run again begins again at 0.
    pub seq: u64,
    pub at: Timestamp,
    pub entry: Entry,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    Planned {
        plan: Box<Plan>,
    },
    /// Written before a call leaves; without an outcome after it, it is unknown whether it landed.
    Intent {
        step: usize,
        attempt: u32,
        /// `UpdateEndpoint`.
        operation: Text,
        /// Digest of the call's parameters.
        call: Text,
        /// Where it goes, if not to the plan's own scope.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<Scope>,
    },
    Outcome {
        step: usize,
        attempt: u32,
        sent: Sent,
    },
    Observed {
        stage: Stage,
    },
    /// One round of tripping the abort alarm; repeating it is harmless.
    Abort {
        round: u32,
        by: Text,
    },
    Note {
        #[serde(deserialize_with = "text::shown")]
        text: String,
    },
    /// A way back went on without what stood against it, by the operator's word.
    Bypassed {
        what: Bypass,
        by: Text,
        reason: Text,
        /// What stood against it.
        #[serde(deserialize_with = "text::shown")]
        stood: String,
    },
    /// It is as asked; what it is worth is looked at from here on.
    Reached {
        #[serde(deserialize_with = "text::shown")]
        note: String,
    },
    /// What its calls said once it was in service.
    Judged {
        judged: Box<Judged>,
    },
    Ended {
        state: OperationState,
        #[serde(deserialize_with = "text::shown")]
        note: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the record is of version {0}, newer than this program")]
    Newer(u16),
    #[error("the record is damaged: {0}")]
    Damaged(String),
}

impl Record {
    /// One line of JSON.
    ///
    /// # Errors
    /// When a value has no JSON form; none of ours has not.
    pub fn write(&self) -> Result<String, Unreadable> {
        serde_json::to_string(self).map_err(|error| Unreadable::Damaged(error.to_string()))
    }

    /// # Errors
    /// When the line is no record, or one of a newer program.
    pub fn read(line: &str) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Head {
            v: u16,
        }
        let damaged = |error: serde_json::Error| Unreadable::Damaged(error.to_string());
        let head: Head = serde_json::from_str(line).map_err(damaged)?;
        if head.v > VERSION {
            return Err(Unreadable::Newer(head.v));
        }
        serde_json::from_str(line).map_err(damaged)
    }
}

/// The records of each operation, oldest operation first. A plan that is run again begins another operation.
pub fn operations(records: &[Record]) -> Vec<Vec<&Record>> {
    let mut out: Vec<Vec<&Record>> = Vec::new();
    for record in records {
        let known = out.iter_mut().rev().find(|group| group.first().is_some_and(|first| first.op == record.op));
        match (known, &record.entry) {
            (Some(group), entry) if !matches!(entry, Entry::Planned { .. }) => group.push(record),
            (_, Entry::Planned { .. }) => out.push(vec![record]),
            // A tail without its head (a journal that was cut): nothing to tell.
            _ => {}
        }
    }
    out
}

/// The records of one operation, by the id that the ledger shows: a plan that ran again has a number after its id, and its
/// bare id is the newest run.
pub fn of<'a>(records: &'a [Record], id: &str) -> Option<Vec<&'a Record>> {
    let runs = |plan: &str| -> Vec<Vec<&'a Record>> {
        let is_it = |group: &Vec<&Record>| group.first().is_some_and(|first| first.op == plan);
        operations(records).into_iter().filter(is_it).collect()
    };
    if let Some(newest) = runs(id).pop() {
        return Some(newest);
    }
    let (plan, number) = id.rsplit_once('-')?;
    let number: usize = number.parse().ok()?;
    let mut all = runs(plan);
    (number >= 2 && number <= all.len()).then(|| all.swap_remove(number - 1))
}

/// One row per operation, oldest first. A second run of the same plan has `-2` after its id.
pub fn ledger(records: &[Record]) -> Vec<Operation> {
    let mut out: Vec<Operation> = Vec::new();
    for group in operations(records) {
        let Some(mut operation) = fold(&group) else { continue };
        let plan_id = operation.id.clone();
        let twin = |id: &Text| out.iter().any(|other| other.id == *id);
        let mut nth = 2;
        while twin(&operation.id) {
            operation.id = Text::new(&format!("{plan_id}-{nth}"));
            nth += 1;
        }
        out.push(operation);
    }
    out
}

/// The plan of a row of the ledger.
pub fn planned<'a>(records: &'a [Record], id: &Text) -> Option<&'a Plan> {
    let of = |id: &str| {
        records.iter().find_map(|record| match &record.entry {
            Entry::Planned { plan } if record.op == id => Some(plan.as_ref()),
            _ => None,
        })
    };
    // A second run of one plan has a number after its id.
    of(id.as_str()).or_else(|| of(id.as_str().rsplit_once('-')?.0))
}

fn fold(group: &[&Record]) -> Option<Operation> {
    let (first, rest) = group.split_first()?;
    let Entry::Planned { plan } = &first.entry else { return None };
    let mut operation = begin(plan, first.at);
    for record in rest {
        apply(&mut operation, record);
    }
    Some(operation)
}

pub(super) fn begin(plan: &Plan, at: Timestamp) -> Operation {
    Operation {
        id: plan.id(),
        scope: plan.scope.clone(),
        verb: plan.verb.clone(),
        target: plan.name.clone(),
        summary: Text::new(&plan.summary()),
        state: OperationState::Running,
        started: at,
        ended: None,
        by: plan.by.clone(),
        note: Text::new("planned"),
        request_ids: Vec::new(),
        reason: plan.reason.clone(),
        judged: None,
        bulk: plan.bulk.clone(),
    }
}

pub(super) fn apply(operation: &mut Operation, record: &Record) {
    let mut note = |text: String| operation.note = Text::new(&text);
    match &record.entry {
        Entry::Planned { .. } => {}
        Entry::Intent { operation: name, attempt, .. } => {
            note(if *attempt > 1 {
                format!("{name} again, attempt {attempt}")
            } else {
                format!("{name} is being sent")
            });
            operation.state = OperationState::Running;
        }
        Entry::Outcome { sent, .. } => match sent {
            Sent::Applied { request_id, made } => {
                let made = made.as_ref().map_or_else(String::new, |arn| format!(": {arn}"));
                note(format!("accepted by AWS{made}"));
                operation.request_ids.extend(request_id.clone());
                operation.state = OperationState::Running;
            }
            Sent::Refused(fault) => {
                note(fault.to_string());
                operation.request_ids.extend(fault.request_id.clone());
            }
            Sent::Unknown(fault) => {
                note(format!("the answer was lost ({}); reading whether it landed", fault.kind.brief()));
                operation.state = OperationState::Unknown;
            }
        },
        Entry::Observed { stage } => note(stage.sentence()),
        Entry::Abort { by, .. } => note(format!("{by} asked to abort; tripping the abort alarm")),
        Entry::Note { text } => note(text.clone()),
        Entry::Reached { .. } => note(sentence(&record.entry)),
        Entry::Bypassed { .. } => note(sentence(&record.entry)),
        Entry::Judged { judged } => {
            note(judged.sentence());
            operation.judged = Some((**judged).clone());
        }
        Entry::Ended { state, note: text } => {
            note(text.clone());
            operation.state = *state;
            operation.ended = Some(record.at);
        }
    }
}

/// What the planner learns from the past: who moved which endpoint from where to where, and what ran there.
pub fn history(records: &[Record]) -> History {
    let mut out = History::default();
    for group in operations(records) {
        let (Some(operation), Some(Entry::Planned { plan })) = (fold(&group), group.first().map(|r| &r.entry)) else {
            continue;
        };
        let deploys = matches!(plan.goal(), Some(Expectation::OnConfig { .. }));
        if !deploys || plan.from.config == plan.to.config {
            continue;
        }
        out.moves.push(Move {
            at: operation.ended.unwrap_or(operation.started),
            scope: plan.scope.clone(),
            endpoint: plan.target.id.clone(),
            from: plan.from.config.clone(),
            to: plan.to.config.clone(),
            by: plan.by.clone(),
            state: operation.state,
        });
        out.images.extend(plan.images.iter().map(|image| (plan.from.config.clone(), image.clone())));
    }
    out
}

/// One operation as a section for the incident review.
pub fn markdown(group: &[&Record]) -> String {
    let mut out = String::new();
    let (Some(operation), Some(Entry::Planned { plan })) = (fold(group), group.first().map(|r| &r.entry)) else {
        return out;
    };
    let ended = operation.ended.map_or_else(|| "still open".to_owned(), |at| at.full());
    let _ = writeln!(out, "## {} ({})\n", plan.title(), operation.state.word());
    let mode = if plan.candidates.is_empty() { String::new() } else { format!(" {} mode,", plan.mode.word()) };
    let _ = writeln!(out, "- plan `{}`,{mode} by {}", operation.id, operation.by);
    let _ = writeln!(out, "- where: {} {}", plan.scope, plan.name);
    if let Some(origin) = plan.origin() {
        let _ = writeln!(out, "- from: {} by {} (profile {})", origin.scope, origin.by, origin.profile);
    }
    let _ = writeln!(out, "- started {}, ended {ended}", operation.started.full());
    if let Some(reason) = &plan.reason {
        let _ = writeln!(out, "- reason: {reason}");
    }
    if let Some(reversed) = &plan.reverses {
        let _ = writeln!(out, "- reverses operation `{reversed}`");
    }
    if let Some(bulk) = &plan.bulk {
        let _ = writeln!(out, "- one of bulk `{bulk}`");
    }
    let _ = writeln!(out, "- found by {}", plan.found_by);
    for id in &operation.request_ids {
        let _ = writeln!(out, "- request id `{id}`");
    }
    if let Some(judged) = &operation.judged {
        for (what, told) in measure::lines(judged) {
            let _ = writeln!(out, "- {what}: {told}");
        }
    }
    let _ = writeln!(out, "\n| UTC | after | what |\n|---|---|---|");
    for record in group {
        let what = sentence(&record.entry).replace('|', "\\|");
        let _ = writeln!(out, "| {} | {} | {what} |", record.at.hms(), time::span(record.at.since(operation.started)));
    }
    let _ = writeln!(out, "\n```sh");
    for line in plan.cli() {
        let _ = writeln!(out, "{line}");
    }
    let _ = writeln!(out, "```");
    out
}

/// What a record says, in one line.
pub fn sentence(entry: &Entry) -> String {
    match entry {
        Entry::Planned { plan } => match &plan.basis {
            Basis::Endpoint(expected) => format!("planned on {} being {}", plan.name, expected.status.as_str()),
            Basis::Absent { .. } => format!("planned like {}", plan.name),
            Basis::Thing(_) => format!("planned on {} being {}", plan.name, plan.from.label),
        },
        Entry::Intent { operation, attempt, scope, .. } => {
            let place = scope.as_ref().map_or_else(String::new, |scope| format!(" in {}", scope.account));
            format!("sending {operation}{place}, attempt {attempt}")
        }
        Entry::Outcome { sent: Sent::Applied { request_id, .. }, .. } => {
            format!("accepted{}", request_id.as_ref().map_or_else(String::new, |id| format!(", request {id}")))
        }
        Entry::Outcome { sent: Sent::Refused(fault), .. } => format!("refused: {fault}"),
        Entry::Outcome { sent: Sent::Unknown(fault), .. } => format!("answer lost: {fault}"),
        Entry::Observed { stage } => stage.sentence(),
        Entry::Abort { round, by } => format!("abort asked by {by}, round {round}"),
        Entry::Note { text } => text.clone(),
        Entry::Bypassed { what, by, reason, stood } => {
            format!("{by} went on without the {}: {stood}; reason: {reason}", what.word())
        }
        Entry::Reached { note } => format!("{note}; now its calls tell what it is worth"),
        Entry::Judged { judged } => judged.sentence(),
        Entry::Ended { state, note } => format!("{}: {note}", state.word()),
    }
}
