//! What the plan shows: before and after of the real object, the cost, what a naive call would have done, the exits.

use serde::{Deserialize, Serialize};

use crate::{
    ops::{
        call::UpdateEndpoint,
        guard::{self, Case, Check, Finding, Severity},
        intent::Mode,
        prices,
        snapshot::Config,
    },
    resource::endpoint::{Deployment, Policy, Routing},
    text::{self, Text},
    time::{self, SECOND},
};

/// Minutes that AWS takes to start a fleet, as a rule.
pub(in crate::ops::verb) const LAUNCH_MINUTES: i64 = 7;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// `endpoint config`, `instances`, `weights`, `guardrails`, `cost`.
    #[serde(deserialize_with = "text::shown")]
    pub name: String,
    #[serde(deserialize_with = "text::shown")]
    pub before: String,
    #[serde(deserialize_with = "text::shown")]
    pub after: String,
    #[serde(deserialize_with = "text::shown")]
    pub note: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// US dollars an hour; `None` when a type is not in the price table.
    pub hour_before: Option<f64>,
    pub hour_after: Option<f64>,
    /// While both fleets run, US dollars.
    pub one_off: Option<f64>,
    pub minutes: i64,
    /// Region, date and kind of the prices.
    #[serde(deserialize_with = "text::shown")]
    pub source: String,
}

fn counts(case: &Case<'_>, target: &Config, kept: bool) -> Vec<(Text, Text, i64)> {
    let live = |name: &Text| case.details.variants.iter().find(|v| v.name == *name).and_then(|v| v.desired_count);
    target
        .variants
        .iter()
        .filter_map(|v| {
            let count = if kept { live(&v.name) } else { v.initial_count };
            Some((v.name.clone(), v.instance_type.clone()?, count?))
        })
        .collect()
}

fn overlap_minutes(update: &UpdateEndpoint) -> i64 {
    let waits = match update.deployment.as_ref().map(|d| &d.policy) {
        Some(Policy::BlueGreen(b)) => b.wait_secs + b.termination_wait_secs,
        _ => 0,
    };
    LAUNCH_MINUTES + waits / 60
}

/// Until the traffic is where it should be, as a rule.
pub(in crate::ops::verb) fn minutes(update: &UpdateEndpoint) -> i64 {
    let waits = match update.deployment.as_ref().map(|d| &d.policy) {
        Some(Policy::BlueGreen(b)) if !matches!(b.routing, Routing::AllAtOnce) => b.wait_secs,
        // Two batches, the launch of each included.
        Some(Policy::Rolling(r)) => r.wait_secs + LAUNCH_MINUTES * 60,
        _ => 0,
    };
    LAUNCH_MINUTES + waits / 60
}

pub(in crate::ops::verb) fn cost(case: &Case<'_>, target: &Config, update: &UpdateEndpoint) -> Cost {
    let after = counts(case, target, update.retain_all);
    let hour_after = prices::fleet(after.iter().map(|(_, kind, count)| (kind.as_str(), *count)));
    let before =
        case.details.variants.iter().filter_map(|v| Some((v.instance_type.as_ref()?.as_str(), v.desired_count?)));
    let minutes = overlap_minutes(update);
    Cost {
        hour_before: prices::fleet(before),
        hour_after,
        one_off: hour_after.map(|hour| hour * minutes as f64 / 60.0),
        minutes,
        source: prices::provenance(case.context.scope.region.as_str()),
    }
}

pub(in crate::ops::verb) fn rows(
    case: &Case<'_>,
    target: &Config,
    update: &UpdateEndpoint,
    findings: &[Finding],
    cost: &Cost,
) -> Vec<Row> {
    let row =
        |name: &str, before: String, after: String, note: String| Row { name: name.to_owned(), before, after, note };
    let shown = [Check::VariantNames, Check::Model, Check::Artifact, Check::Image];
    let fine: Vec<&str> = findings
        .iter()
        .filter(|f| f.severity == Severity::Ok && shown.contains(&f.check))
        .map(|f| f.text.as_str())
        .collect();
    let (before, after) = (live_counts(case), target_counts(case, target, update.retain_all));
    let last = case.details.last_deployment.as_ref().map_or_else(|| "none".to_owned(), Deployment::describe);
    let next = update.deployment.as_ref().map_or_else(|| "none".to_owned(), Deployment::describe);
    let autoscaled = case.snapshot.scaling.as_ref().is_ok_and(|targets| !targets.is_empty());
    let kept = match (update.retain_all, autoscaled) {
        (true, true) => "autoscaled, kept",
        (true, false) => "kept",
        (false, _) => "the config's own counts",
    };
    vec![
        row("endpoint config", case.details.config.to_string(), update.config.to_string(), fine.join(", ")),
        row("instances", before, after, kept.to_owned()),
        row("weights", live_weights(case), target_weights(case, target, update.retain_all), weights_note(update)),
        row("guardrails", last, next, guard_note(case)),
        row("cost", hourly(cost.hour_before), hourly(cost.hour_after), cost.text()),
    ]
}

pub(in crate::ops::verb) fn hourly(usd: Option<f64>) -> String {
    format!("{} an hour", prices::dollars(usd))
}

impl Cost {
    /// `+$0.49 while both fleets run for about 12 min (AWS list price, …)`.
    pub fn text(&self) -> String {
        format!(
            "+{} while both fleets run for about {} min ({})",
            prices::dollars(self.one_off),
            self.minutes,
            self.source
        )
    }
}

pub(in crate::ops::verb) fn number(n: Option<i64>) -> String {
    n.map_or_else(|| "?".to_owned(), |n| n.to_string())
}

fn live_counts(case: &Case<'_>) -> String {
    let one = |v: &crate::resource::endpoint::Variant| {
        format!(
            "{} {} × {}",
            v.name,
            number(v.desired_count),
            v.instance_type.as_ref().map_or("serverless", Text::as_str)
        )
    };
    case.details.variants.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn target_counts(case: &Case<'_>, target: &Config, kept: bool) -> String {
    let live = |name: &Text| case.details.variants.iter().find(|v| v.name == *name).and_then(|v| v.desired_count);
    let one = |v: &crate::ops::snapshot::ConfigVariant| {
        let count = if kept { live(&v.name) } else { v.initial_count };
        format!("{} {} × {}", v.name, number(count), v.instance_type.as_ref().map_or("serverless", Text::as_str))
    };
    target.variants.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn live_weights(case: &Case<'_>) -> String {
    let weight = |w: Option<f64>| w.map_or_else(|| "?".to_owned(), |w| format!("{w}"));
    let all = &case.details.variants;
    all.iter().map(|v| format!("{} {}", v.name, weight(v.desired_weight))).collect::<Vec<_>>().join(", ")
}

fn target_weights(case: &Case<'_>, target: &Config, kept: bool) -> String {
    if kept {
        return live_weights(case);
    }
    target.variants.iter().map(|v| format!("{} {}", v.name, v.initial_weight)).collect::<Vec<_>>().join(", ")
}

fn weights_note(update: &UpdateEndpoint) -> String {
    if update.retain_all { "kept".to_owned() } else { "the config's own weights".to_owned() }
}

fn guard_note(case: &Case<'_>) -> String {
    let firing = guard::guard_alarms(case.snapshot, case.details).unwrap_or_default().firing;
    match (case.mode, firing.as_slice()) {
        (Mode::Emergency, [first, ..]) => format!("alarm {first} is firing: a guarded update would roll itself back"),
        (Mode::Emergency, []) => "your choice: no alarm stops it but the quiet abort alarm".to_owned(),
        (Mode::Guarded, [first, ..]) => format!("alarm {first} is firing and left out"),
        (Mode::Guarded, []) => "AWS takes it back when an alarm fires while it bakes".to_owned(),
    }
}

/// `update-endpoint` without a flag takes counts and weights from the config and drops the guardrails.
pub(in crate::ops::verb) fn naive(case: &Case<'_>, target: &Config) -> Vec<String> {
    let mut out = Vec::new();
    for there in &target.variants {
        let Some(live) = case.details.variants.iter().find(|v| v.name == there.name) else { continue };
        if let (Some(now), Some(then)) = (live.desired_count, there.initial_count)
            && now != then
        {
            let verb = if then < now { "dropped" } else { "raised" };
            out.push(format!(
                "a plain update-endpoint would have {verb} {} from {now} to {then} instances",
                there.name
            ));
        }
        if let Some(now) = live.desired_weight
            && (now - there.initial_weight).abs() > 1e-5
        {
            out.push(format!("it would have set the weight of {} from {now} to {}", there.name, there.initial_weight));
        }
    }
    let alarms = case.details.last_deployment.as_ref().map(|d| d.alarms.as_slice()).unwrap_or_default();
    if alarms.is_empty() {
        out.push("it would have moved all traffic at once, without a bake or an alarm to stop it".to_owned());
    } else {
        let list = alarms.iter().map(Text::as_str).collect::<Vec<_>>().join(", ");
        out.push(format!("it would have moved all traffic at once and dropped the guardrails ({list})"));
    }
    out
}

pub(in crate::ops::verb) fn stop(update: &UpdateEndpoint, stoppable: bool) -> String {
    let policy = update.deployment.as_ref().map(|d| &d.policy);
    if let (true, Some(Policy::Rolling(policy))) = (stoppable, policy) {
        let wait = time::span(policy.wait_secs * SECOND);
        return format!("B aborts while a batch bakes ({wait} each): AWS replaces what it replaced");
    }
    let (true, Some(Policy::BlueGreen(policy))) = (stoppable, policy) else {
        return "it cannot be stopped once sent; when it is done it can be undone".to_owned();
    };
    let keep = time::span(policy.termination_wait_secs * SECOND);
    match policy.routing {
        Routing::AllAtOnce => {
            format!("B aborts until the old fleet is gone ({keep} after the shift)")
        }
        Routing::Canary(size) | Routing::Linear(size) => format!(
            "B aborts while {size} bakes ({}) and until the old fleet is gone ({keep} after the shift)",
            time::span(policy.wait_secs * SECOND)
        ),
    }
}

pub(in crate::ops::verb) fn undo(case: &Case<'_>) -> String {
    let label = crate::ops::candidate::label(case.snapshot, &case.details.config);
    match case.snapshot.config(case.details.config.as_str()) {
        Some(Err(fault)) => format!("not possible: the live config is {}", fault.kind.brief()),
        _ => format!("when done, z in the ledger (9) brings {label} back ({})", case.details.config),
    }
}

pub(in crate::ops::verb) fn vanish(stoppable: bool, mode: Mode) -> String {
    let brake = match (stoppable, mode) {
        (true, Mode::Guarded) => "AWS finishes it or takes it back alone",
        _ => "AWS finishes it alone",
    };
    format!("{brake}; the next start resumes watching")
}
