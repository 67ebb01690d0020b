//! What must be true, each in a function of its own: when a write reaches AWS, when an answer leaves it, when a run ends,
//! and when the night is over.

use bytes::Bytes;
use mldeck_core::{
    ask::Sent,
    ops::{
        call::Repeat,
        journal::{self, Entry, Record},
        measure::Verdict,
        run::LANDING,
        target::Kind,
    },
    resource::{alarm::AlarmState, operation::OperationState},
    time::{MINUTE, SECOND},
};
use mldeck_sandbox::world::Kept;

use super::{
    account,
    luck::CALM,
    scene::{Scene, Seen},
};

mod ends;
mod requests;

pub use ends::of_end;
pub use requests::refused_is_true;

/// How long a signed request may still be accepted.
const SIGNED: i64 = 5 * MINUTE;
/// A last look must be younger than this when the call arrives.
const FRESH: i64 = 6 * SECOND;
/// What is served from a copy that lags is at most this old, and a desk looks as often as this.
const LAG: i64 = 90 * SECOND;

/// True for a request that changes nothing.
pub fn is_read(operation: &str) -> bool {
    ["Describe", "List", "Get", "Search", "Lookup", "HEAD", "GET"].iter().any(|verb| operation.starts_with(verb))
}

/// A write of a desk reaches AWS: what is wrong with that.
pub fn of_write(scene: &Scene, desk: usize, operation: &str, request: &http::Request<Bytes>) -> Vec<String> {
    let seen = &scene.desks[desk];
    let at = scene.clock.elapsed();
    let is_main = seen.aim.as_ref().is_some_and(|aim| aim.is(operation));
    let mut found = vec![
        leave(seen),
        announced(seen, operation),
        journal_works(seen),
        requests::in_time(seen),
        requests::unhurried(seen, operation, at),
        requests::content(scene, seen, operation, request),
    ];
    if is_main {
        found.extend([target(seen, request), fresh(seen, at), alone(seen, at)]);
    }
    if operation == "AddTags" {
        found.push(tags_follow(scene, seen));
    }
    found.into_iter().flatten().map(|wrong| format!("{operation} of {}: {wrong}", seen.name)).collect()
}

/// No write without a grant.
fn leave(seen: &Seen) -> Option<String> {
    (!seen.granted).then(|| "it left without leave".to_owned())
}

/// No write without a durable intent of its own.
fn announced(seen: &Seen, operation: &str) -> Option<String> {
    let intents = seen.paper.intents(operation);
    let durable = match operation {
        "PutMetricData" | "SetAlarmState" => seen.paper.aborts() + intents > 0,
        _ => intents > seen.writes(operation).count(),
    };
    (!durable).then(|| "it left without its durable intent".to_owned())
}

/// No write once the journal failed.
fn journal_works(seen: &Seen) -> Option<String> {
    seen.told_dead.then(|| "it left after the journal failed".to_owned())
}

/// What is changed is what was drawn.
fn target(seen: &Seen, request: &http::Request<Bytes>) -> Option<String> {
    let met = seen.aim.as_ref().is_some_and(|aim| aim.is_met_by(&account::input(request)));
    (!met).then(|| "it changes something else than the plan said".to_owned())
}

/// The facts were read right before.
fn fresh(seen: &Seen, at: i64) -> Option<String> {
    let is_fresh = seen.as_planned.is_some_and(|read| at - read <= FRESH);
    (!is_fresh).then(|| "it left on facts that were not read just before".to_owned())
}

/// Never again while the first may still land.
fn alone(seen: &Seen, at: i64) -> Option<String> {
    if seen.aim.as_ref().is_none_or(|aim| aim.repeat != Repeat::Never) {
        return None;
    }
    let open = seen.sends.iter().any(|(when, refused)| !refused && at - when < SIGNED);
    open.then(|| "it was sent again while the first may still land".to_owned())
}

/// Tags tell of a change that landed. Whose it was cannot be told where somebody else asked for the same.
fn tags_follow(scene: &Scene, seen: &Seen) -> Option<String> {
    (accepted(scene, seen) == 0 && !others_changed(scene, seen, CALM * 4))
        .then(|| "the change that it tells of did not land".to_owned())
}

fn is_main(seen: &Seen, event: &Kept<'_>) -> bool {
    event.by == seen.name && seen.aim.as_ref().is_some_and(|aim| aim.operation == event.operation)
}

/// Changes of the endpoint by this desk that AWS took.
pub fn accepted(scene: &Scene, seen: &Seen) -> usize {
    scene.account.world.trail().filter(|event| event.refused.is_none() && is_main(seen, event)).count()
}

/// Applied at most once.
pub fn applied_once(scene: &Scene, desk: usize) -> Option<String> {
    let seen = &scene.desks[desk];
    if seen.aim.as_ref().is_none_or(|aim| !matches!(aim.repeat, Repeat::Never | Repeat::Named)) {
        return None;
    }
    let count = accepted(scene, seen);
    (count > 1).then(|| format!("the change of {} was applied {count} times", seen.name))
}

/// What is unknown becomes known, once the account can be read.
pub fn unknown_is_resolved(scene: &mut Scene, desk: usize, state: OperationState) -> Option<String> {
    let at = scene.clock.elapsed();
    let seen = &mut scene.desks[desk];
    if state != OperationState::Unknown {
        seen.unknown = None;
        return None;
    }
    let since = (*seen.unknown.get_or_insert(at)).max(CALM);
    if !scene.calm || at - since < LANDING + 3 * MINUTE {
        return None;
    }
    let aim = seen.aim.clone()?;
    // While AWS is still busy with it, nobody can tell.
    let truth = if aim.kind == Kind::Endpoint { scene.account.truth(&aim.target) } else { None };
    let busy = truth.is_some_and(|truth| truth.is_in_flight());
    scene.desks[desk].unknown = Some(at);
    (!busy).then(|| "it is still unknown whether it landed, and everything can be read".to_owned())
}

/// Somebody who is not this desk changed its endpoint within the last so many milliseconds.
fn others_changed(scene: &Scene, seen: &Seen, within: i64) -> bool {
    let now = scene.clock.now();
    let Some(aim) = &seen.aim else { return false };
    scene.account.world.trail().rev().any(|event| {
        event.by != seen.name && event.refused.is_none() && now.since(event.at) <= within && aim.is_about(event.input)
    })
}

/// Somebody else's call, to the same end, was taken: an endpoint does not say whose deployment it shows.
fn others_asked_the_same(scene: &Scene, seen: &Seen) -> bool {
    let Some(aim) = &seen.aim else { return false };
    let mut trail = scene.account.world.trail();
    trail.any(|event| event.by != seen.name && event.refused.is_none() && aim.is_met_by(event.input))
}

/// The night is over and nothing can land any more.
pub fn of_night(scene: &Scene) -> Vec<String> {
    let mut out = Vec::new();
    for (desk, seen) in scene.desks.iter().enumerate() {
        let records = match seen.paper.read() {
            Ok(records) => records,
            Err(error) => {
                out.push(format!("the journal of {}: {error}", seen.name));
                continue;
            }
        };
        let wrong = [
            applied_once(scene, desk),
            explained(scene, seen),
            nothing_made_up(scene, seen, &records),
            requests::started_once(scene),
            ledger_is_true(seen, &records),
            judged_by_numbers(&records),
        ];
        out.extend(wrong.into_iter().flatten().map(|wrong| format!("{}: {wrong}", seen.name)));
    }
    out
}

/// The journal explains every change of this desk that CloudTrail has.
fn explained(scene: &Scene, seen: &Seen) -> Option<String> {
    let steps = seen.plan.as_ref().map(|plan| plan.steps.as_slice()).unwrap_or_default();
    let mine = || scene.account.world.trail().filter(|event| event.by == seen.name);
    for event in mine() {
        let times = mine().filter(|other| other.operation == event.operation).count();
        let intents = seen.paper.intents(event.operation);
        let announced = if event.operation == "SetAlarmState" { seen.paper.aborts() + intents } else { intents };
        if times > announced {
            return Some(format!(
                "CloudTrail has {} {times} times, the journal announced it {announced} times",
                event.operation
            ));
        }
        let planned =
            steps.iter().any(|step| step.call.operation() == event.operation && step.call.body == *event.input);
        let aborts = event.operation == "SetAlarmState"
            && seen.aim.as_ref().is_some_and(|aim| event.input.to_string().contains(&aim.target));
        if !planned && !aborts {
            return Some(format!(
                "CloudTrail has {} on something that was not planned: {}",
                event.operation, event.input
            ));
        }
    }
    None
}

/// And tells of no call that was accepted and is not there.
fn nothing_made_up(scene: &Scene, seen: &Seen, records: &[Record]) -> Option<String> {
    let heard = |operation: &str| {
        let step_of =
            |step: usize| seen.plan.as_ref().and_then(|plan| plan.steps.get(step)).map(|step| step.call.operation());
        records
            .iter()
            .filter(|record| matches!(&record.entry, Entry::Outcome { step, sent: Sent::Applied { request_id: Some(_), .. }, .. } if step_of(*step) == Some(operation)))
            .count()
    };
    let taken = |operation: &str| {
        scene
            .account
            .world
            .trail()
            .filter(|e| e.by == seen.name && e.operation == operation && e.refused.is_none())
            .count()
    };
    let plan = seen.plan.as_ref()?;
    // CloudTrail has no PutMetricData: that is a data event.
    let mut operations = plan.steps.iter().map(|step| step.call.operation()).filter(|name| *name != "PutMetricData");
    let wrong = operations.find(|operation| heard(operation) > taken(operation));
    wrong.map(|operation| format!("the journal says that {operation} was accepted, CloudTrail does not"))
}

/// Ledger, drawn plan and change name one target.
fn ledger_is_true(seen: &Seen, records: &[Record]) -> Option<String> {
    let (plan, aim) = (seen.plan.as_ref()?, seen.aim.as_ref()?);
    let row = journal::ledger(records).pop()?;
    let is_true = row.target == plan.name
        && (aim.kind != Kind::Endpoint || row.target == aim.target.as_str())
        && row.summary == plan.summary().as_str()
        && row.verb == plan.verb
        && aim.config.as_ref().is_none_or(|config| plan.to.config == config.as_str());
    (!is_true).then(|| {
        format!("the ledger tells of {} {} {}, the plan was {}", row.verb, row.target, row.summary, plan.title())
    })
}

/// No change is called good without calls that say so, or while an alarm of its own says otherwise or nothing.
fn judged_by_numbers(records: &[Record]) -> Option<String> {
    let judged = records.iter().filter_map(|record| match &record.entry {
        Entry::Judged { judged } if judged.verdict == Verdict::Good => Some(judged),
        _ => None,
    });
    let says_nothing = |state: &Option<AlarmState>| *state != Some(AlarmState::Ok);
    let mut without = judged.filter(|judged| {
        judged.measured.as_ref().is_none_or(|measured| {
            let after = &measured.after;
            let few = after.minutes < 3 || after.calls < 70;
            few || measured.alarms.iter().any(|(_, state)| says_nothing(state))
        })
    });
    without.next().map(|judged| format!("it is called good, and nothing says so: {}", judged.why))
}
