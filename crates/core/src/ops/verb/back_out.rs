//! The earlier config again: on a second fleet, or instance by instance where there is no room for one.

use super::{blocks, refusal};
use crate::{
    ops::{
        call::{self, UpdateEndpoint},
        candidate::{self, Candidate, Candidates, History, TAG_PLAN, TAG_PREVIOUS, candidates},
        confirm::Weight,
        guard::{self, Case, Check, Finding},
        intent::{Context, Intent, Mode, Route},
        plan::{After, Expectation, Inverse, Plan, Refusal, Side, Step},
        rule::{Rule, breaks},
        snapshot::{Config, Snapshot},
    },
    resource::{
        Endpoint,
        endpoint::{BlueGreen, Deployment, Details, EndpointStatus, Policy, Rolling, Size},
    },
    text::Text,
    time::MINUTE,
};

mod choose;
mod table;

use choose::{choose, reversed};
pub(super) use choose::{default_mode, unknown_candidate};
pub use table::{Cost, Row};
pub(super) use table::{LAUNCH_MINUTES, cost, hourly, minutes, naive, number, rows, stop, undo, vanish};

/// How long the old fleet is kept after the traffic moved, seconds: until then a wrong target can be stopped.
const EMERGENCY_KEEP: i64 = 300;
pub(super) const GUARDED_BAKE: i64 = 600;
pub(super) const GUARDED_KEEP: i64 = 600;
/// AWS's own longest deployment is 8 hours.
pub(super) const LONGEST_UPDATE: i64 = 510 * MINUTE;
/// Largest part of a fleet that a rolling update may replace at a time, percent (API reference, `RollingUpdatePolicy`).
const LARGEST_BATCH: i64 = 50;

/// Plans the way back of one endpoint, or says why there is none.
///
/// # Errors
/// Every finding that blocks, each with what would help; never an empty list.
pub fn plan_back_out(
    intent: &Intent,
    snapshot: &Snapshot,
    history: &History,
    context: &Context,
) -> Result<Plan, Vec<Refusal>> {
    let choice = &intent.change.choice();
    let Some(details) = &snapshot.endpoint.details else {
        return Err(vec![refusal(Check::Status, "the endpoint's details were not read", None)]);
    };
    let found = candidates(snapshot, history, &context.scope);
    let mode = choice.mode.unwrap_or_else(|| default_mode(snapshot, details));
    let chosen = choose(snapshot, details, choice, &found)
        .and_then(|candidate| reversed(snapshot, details, choice, candidate, context));
    let candidate = match &chosen {
        Ok(candidate) => candidate.clone(),
        Err(_) => unknown_candidate(snapshot, &Text::default()),
    };
    let route = choice.route.unwrap_or(Route::Config);
    let case = Case { snapshot, details, history, context, candidate: &candidate, mode, route };
    if let Err(refused) = chosen {
        let status = guard::status(&case);
        let mut out: Vec<Refusal> = blocks(&[status], None);
        out.push(refused);
        return Err(out);
    }
    let findings = guard::preflight(&case);
    let retain_all = target_of(&case).is_some_and(|target| guard::keeps_counts(details, target));
    let update = UpdateEndpoint {
        endpoint: snapshot.endpoint.name.clone(),
        config: candidate.config.clone(),
        retain_all,
        deployment: deployment(&case),
    };
    let line = update.call().cli(context.scope.region.as_str());
    let blocked = blocks(&findings, Some(&line));
    if !blocked.is_empty() {
        return Err(blocked);
    }
    let Some(target) = target_of(&case) else {
        return Err(vec![refusal(Check::Config, "the config was not read", Some(line))]);
    };
    Ok(assemble(&case, target, &update, findings, intent, found))
}

fn target_of<'a>(case: &Case<'a>) -> Option<&'a Config> {
    case.snapshot.config(case.candidate.config.as_str()).and_then(|config| config.as_ref().ok())
}

/// `None` where AWS takes no deployment policy (serverless).
fn deployment(case: &Case<'_>) -> Option<Deployment> {
    let target = target_of(case)?;
    if target.variants.iter().any(|variant| variant.serverless) || breaks(Rule::Guardrails) {
        return None;
    }
    let mut alarms = vec![call::abort_alarm(&case.snapshot.endpoint.name)];
    let (wait_secs, termination_wait_secs) = match case.mode {
        Mode::Emergency => (0, EMERGENCY_KEEP),
        Mode::Guarded => {
            alarms.extend(guard::guard_alarms(case.snapshot, case.details).unwrap_or_default().chosen());
            (GUARDED_BAKE, GUARDED_KEEP)
        }
    };
    let policy = if case.route == Route::Rolling {
        Policy::Rolling(rolling(wait_secs))
    } else {
        let routing = guard::routing(case.details, case.mode);
        Policy::BlueGreen(BlueGreen { routing, wait_secs, termination_wait_secs, max_execution_secs: None })
    };
    Some(Deployment { policy, alarms })
}

/// As fast as AWS allows.
pub(super) fn rolling(wait_secs: i64) -> Rolling {
    Rolling { batch: Size::Percent(LARGEST_BATCH), wait_secs, rollback_batch: None, max_execution_secs: None }
}

/// Creates the abort alarm first, where it is not there as we make it.
pub(super) fn abort_alarm_first(snapshot: &Snapshot, out: &mut Vec<Step>) {
    if !snapshot.abort_alarm.as_ref().is_some_and(guard::is_quiet) {
        out.push(Step::new(call::put_abort_alarm(&snapshot.endpoint.name)));
    }
}

/// Tags by which a later way back, and other hosts, know what was live before; a failure is a warning.
pub(super) fn tag_previous(endpoint: &Endpoint, previous: Option<&Text>) -> Step {
    let previous = previous.map(|config| (Text::new(TAG_PREVIOUS), config.clone()));
    let tags: Vec<(Text, Text)> =
        previous.into_iter().chain([(Text::new(TAG_PLAN), Text::new(call::PLAN_ID))]).collect();
    Step::new(call::add_tags(&endpoint.arn, &tags)).optional(After::Accepted)
}

fn steps(case: &Case<'_>, update: &UpdateEndpoint) -> (Vec<Step>, usize) {
    let endpoint: &Endpoint = &case.snapshot.endpoint;
    let mut out = Vec::new();
    if update.deployment.is_some() {
        abort_alarm_first(case.snapshot, &mut out);
    }
    let main = out.len();
    let back = UpdateEndpoint { config: case.details.config.clone(), ..update.clone() };
    let inverse = if is_mixed(case.snapshot) {
        Inverse::None("a mix of two configs is nothing to go back to".to_owned())
    } else {
        Inverse::Call(Box::new(back.call()))
    };
    let goal = Expectation::OnConfig { config: update.config.clone() };
    out.push(Step::new(update.call()).main(goal, LONGEST_UPDATE).inverse(inverse));
    if !breaks(Rule::TagChanges) {
        out.push(tag_previous(endpoint, Some(&case.details.config)));
    }
    (out, main)
}

/// AWS could not take a deployment back: some instances serve one config, some the other.
pub(super) fn is_mixed(snapshot: &Snapshot) -> bool {
    snapshot.endpoint.status == EndpointStatus::UpdateRollbackFailed
}

fn assemble(
    case: &Case<'_>,
    target: &Config,
    update: &UpdateEndpoint,
    findings: Vec<Finding>,
    intent: &Intent,
    found: Candidates,
) -> Plan {
    let Case { snapshot, details, context, candidate, .. } = *case;
    let (steps, main) = steps(case, update);
    let live_label = live_label(snapshot, details, candidate);
    let stoppable =
        update.deployment.is_some() && guard::excluded(snapshot, target, context.scope.account.as_str()).is_empty();
    let mut candidates = vec![candidate.clone()];
    candidates.extend(found.list.into_iter().filter(|other| other.config != candidate.config));
    let cost = table::cost(case, target, update);
    let endpoint = &snapshot.endpoint;
    let minutes = Some(table::minutes(update));
    let plan = Plan {
        from: Side { config: details.config.clone(), label: live_label },
        to: Side { config: candidate.config.clone(), label: candidate.label.clone() },
        mode: case.mode,
        reverses: intent.change.choice().reverses.as_ref().map(|reversal| reversal.operation.clone()),
        found_by: candidate.found_by(),
        minutes,
        candidates,
        gaps: found.gaps,
        rows: table::rows(case, target, update, &findings, &cost),
        cost,
        naive: table::naive(case, target),
        steps,
        main,
        findings,
        stop: table::stop(update, stoppable),
        undo: table::undo(case),
        vanish: table::vanish(stoppable, case.mode),
        verify: guard::verify(snapshot, details, true),
        images: details.variants.iter().flat_map(|variant| variant.images.clone()).collect(),
        weight: Weight::Target,
        ..Plan::on_endpoint(intent, context, endpoint, details)
    };
    plan.sealed()
}

/// The live side's label; the config's name when the two sides would read the same.
fn live_label(snapshot: &Snapshot, details: &Details, candidate: &Candidate) -> String {
    let label = candidate::label(snapshot, &details.config);
    let mixed = is_mixed(snapshot);
    let label = if label == candidate.label { details.config.to_string() } else { label };
    if mixed { format!("{label} (mixed)") } else { label }
}
