//! A run that comes back from its journal: after a kill, a power cut, or on another day. It looks, it does not send: an
//! intent without an outcome is unknown, and only a person starts a change again.

use super::{Phase, Run, Stage};
use crate::{
    ask::Sent,
    ops::{
        journal::{self, Entry, Record},
        rule::{Rule, breaks},
    },
    resource::operation::OperationState,
    text::Text,
};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresumable {
    #[error("the journal of this operation does not begin with its plan")]
    NoPlan,
    #[error("the plan in the journal was changed after it was made")]
    Changed,
}

/// What the records tell of one step: nothing, its newest attempt on its way, or answered.
type Attempt = Option<(u32, Option<Sent>)>;

/// The run that these records of *one* operation tell of. It needs [`super::Event::Start`] like a new one.
///
/// # Errors
/// When the records do not begin with an intact plan.
pub fn resume<'a>(records: impl IntoIterator<Item = &'a Record>) -> Result<Run, Unresumable> {
    let mut rest = records.into_iter();
    let first = rest.next().ok_or(Unresumable::NoPlan)?;
    let Entry::Planned { plan } = &first.entry else { return Err(Unresumable::NoPlan) };
    if !plan.is_intact() && !breaks(Rule::PlanIntact) {
        return Err(Unresumable::Changed);
    }
    let mut run = Run::new((**plan).clone(), first.at);
    run.resumed = true;
    run.no_writes = Some("this run was resumed: it only watches".to_owned());
    run.next_seq = first.seq + 1;
    let mut attempts: Vec<Attempt> = vec![None; plan.steps.len()];
    let mut ended: Option<OperationState> = None;
    for record in rest {
        run.next_seq = record.seq + 1;
        journal::apply(&mut run.operation, record);
        match &record.entry {
            Entry::Intent { step, attempt, .. } => note(&mut attempts, *step, Some((*attempt, None))),
            Entry::Outcome { step, attempt, sent } => note(&mut attempts, *step, Some((*attempt, Some(sent.clone())))),
            Entry::Observed { stage } => run.stages.push((stage.clone(), record.at)),
            Entry::Reached { .. } => run.was_reached(record.at),
            Entry::Ended { state, .. } => ended = Some(*state),
            _ => {}
        }
    }
    run.seen_moving = run.stages.iter().any(|(stage, _)| *stage != Stage::Accepted);
    for (at, attempt) in attempts.iter().enumerate() {
        let landed = matches!(attempt, Some((_, None | Some(Sent::Applied { .. } | Sent::Unknown(_)))));
        let settles = plan.steps.get(at).is_some_and(|step| step.settles.is_some());
        match attempt {
            Some((_, Some(Sent::Applied { .. }))) if settles => run.settled.push(at),
            _ if landed => run.landed.push(at),
            _ => {}
        }
    }
    run.phase = match (ended, attempts.get(plan.main).cloned().flatten()) {
        (Some(state), _) => Phase::Ended(state),
        (None, Some((_, Some(Sent::Applied { .. })))) => {
            run.accepted = true;
            Phase::Watching
        }
        (None, Some((attempt, None | Some(Sent::Unknown(_))))) => {
            run.was_lost = true;
            run.operation.state = OperationState::Unknown;
            run.operation.note = Text::new("nobody heard the answer; reading whether it landed");
            Phase::Resolving { step: plan.main, attempt, tries: 0 }
        }
        // Nothing of the change itself left, or AWS refused it.
        (None, None | Some((_, Some(Sent::Refused(_))))) => Phase::Unsent,
    };
    Ok(run)
}

fn note(attempts: &mut [Attempt], step: usize, attempt: Attempt) {
    if let Some(known) = attempts.get_mut(step) {
        *known = attempt;
    }
}
