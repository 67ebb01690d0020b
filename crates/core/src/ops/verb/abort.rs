//! Taking back a deployment that runs: AWS has no cancel, and an alarm of the deployment that goes off while it bakes makes it
//! roll back (SageMaker's documentation of auto-rollback).

use super::refusal;
use crate::{
    ops::{
        call::{self, Call},
        confirm::Weight,
        guard::{self, Check, Finding, STALE},
        intent::{Context, Intent, Route},
        plan::{Expectation, Inverse, Plan, Refusal, Side, Step},
        run::{Stage, stage_of},
        snapshot::Snapshot,
    },
    resource::{
        Alarm,
        endpoint::{Details, EndpointStatus, Pending},
    },
    text::Text,
};

use super::back_out::{LAUNCH_MINUTES, LONGEST_UPDATE, Row};

/// The alarm by which a deployment in flight can be taken back: ours, else one that somebody chose; never one of target
/// tracking, by which autoscaling decides.
pub(in crate::ops) fn usable_alarm<'a>(snapshot: &Snapshot, details: &'a Details) -> Option<&'a Text> {
    let alarms = details.last_deployment.as_ref().map(|d| d.alarms.as_slice()).unwrap_or_default();
    let ours = call::abort_alarm(&snapshot.endpoint.name);
    let owned = |alarm: &&Text| !alarm.as_str().starts_with("TargetTracking-");
    alarms.iter().find(|alarm| **alarm == ours).or_else(|| alarms.iter().find(owned))
}

/// # Errors
/// What stands against it; never an empty list.
pub(super) fn plan(intent: &Intent, snapshot: &Snapshot, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let Some(details) = &snapshot.endpoint.details else {
        return Err(vec![refusal(Check::Status, "the endpoint's details were not read", None)]);
    };
    let no = |check, text: &str, remedy: &str| {
        Err(vec![Refusal { check, text: text.to_owned(), remedy: Some(remedy.to_owned()), cli: None }])
    };
    if context.at.since(snapshot.at) > STALE {
        return no(Check::Age, "these facts are old", "F5 reads the endpoint again.");
    }
    let (EndpointStatus::Updating, Some(pending)) = (&snapshot.endpoint.status, &details.pending) else {
        return no(Check::Status, "no deployment is in flight", "B plans the way back from what serves now.");
    };
    let Some(alarm) = usable_alarm(snapshot, details) else {
        let text = format!("the deployment of {} has no alarms: nothing can stop it", pending.config);
        return no(Check::Alarms, &text, "Wait until it is InService, then go back (B).");
    };
    let stage = stage_of(&snapshot.endpoint, details).unwrap_or(Stage::Updating);
    if !stage.is_stoppable() {
        let text = format!("it is too late to stop it: {}", stage.sentence());
        return no(Check::Status, &text, "Wait until it is InService, then go back (B).");
    }
    Ok(assemble(snapshot, details, pending, alarm, &stage, intent, context))
}

fn assemble(
    snapshot: &Snapshot,
    details: &Details,
    pending: &Pending,
    alarm: &Text,
    stage: &Stage,
    intent: &Intent,
    context: &Context,
) -> Plan {
    let endpoint = &snapshot.endpoint;
    let ours = *alarm == call::abort_alarm(&endpoint.name);
    let reason = format!("mldeck: {} aborts the deployment of {}", context.by, pending.config);
    let trip = call::trip_alarm(alarm, &reason);
    let mut steps: Vec<Step> = Vec::new();
    if ours {
        // Holds for whole periods, also when the bake has not begun.
        steps.push(Step::new(call::put_abort_metric(&endpoint.name)));
    }
    let main = steps.len();
    let goal = Expectation::TakenBack { config: details.config.clone(), pending: pending.config.clone() };
    let never = Inverse::None("a deployment that was taken back is deployed again by its own plan".to_owned());
    steps.push(Step::new(trip.clone()).main(goal, LONGEST_UPDATE).inverse(never));
    let label = |config: &Text| crate::ops::candidate::label(snapshot, config);
    let (mut from, to) = (label(&pending.config), label(&details.config));
    if from == to {
        from = pending.config.to_string();
    }
    let row = |name: &str, before: String, after: String, note: String| Row { name: name.into(), before, after, note };
    let stays = "serves now, and goes on serving";
    let rows = vec![
        row("deployment", pending.config.to_string(), "taken back".into(), stage.sentence()),
        row("endpoint config", details.config.to_string(), details.config.to_string(), stays.into()),
    ];
    let plan = Plan {
        verb: Text::new("abort"),
        from: Side { config: pending.config.clone(), label: from },
        to: Side { config: details.config.clone(), label: to },
        found_by: format!("the deployment of {} is {}", pending.config, stage.sentence()),
        minutes: Some(if *stage == Stage::Baking { 3 } else { LAUNCH_MINUTES }),
        rows,
        steps,
        main,
        findings: findings(snapshot, alarm, ours, stage, &trip, context),
        stop: "it cannot be stopped; the deployment can be started again".to_owned(),
        undo: format!("only by deploying {} again", pending.config),
        vanish: "an alarm that was tripped counts while it bakes; if it does not bake yet, nobody trips it again"
            .to_owned(),
        verify: guard::verify(snapshot, details, true),
        weight: if ours { Weight::Target } else { Weight::Heavy },
        ..Plan::on_endpoint(&intent.by(Route::Abort), context, endpoint, details)
    };
    plan.sealed()
}

fn findings(
    snapshot: &Snapshot,
    alarm: &Text,
    ours: bool,
    stage: &Stage,
    trip: &Call,
    context: &Context,
) -> Vec<Finding> {
    let mut out = Vec::new();
    if ours {
        out.push(Finding::ok(Check::AbortAlarm, "our quiet abort alarm guards it: nobody is paged"));
    } else {
        let known = snapshot.alarms.as_deref().unwrap_or_default().iter().find(|known: &&Alarm| known.name == *alarm);
        let acts = known.is_none_or(|alarm| alarm.has_actions);
        let text = if acts {
            format!("{alarm} is forced into ALARM: its own actions run as well, it may page people")
        } else {
            format!("{alarm} is forced into ALARM; it has no actions")
        };
        out.push(Finding::warn(Check::Alarms, text));
    }
    if *stage != Stage::Baking {
        let text = "alarms count only while it bakes: the alarm is tripped again each 10 s until then";
        let line = trip.cli(context.scope.region.as_str());
        out.push(Finding::warn(Check::Status, text).remedy(line));
    }
    out.sort_by_key(|finding| finding.severity);
    out
}
