//! Traffic and capacity of live variants: seconds for weights, minutes for instances; no config is touched.

use super::{
    back_out::{Cost, LAUNCH_MINUTES, Row, number, tag_previous},
    blocks, refusal,
};
use crate::{
    ops::{
        call::{self, ScalingSwitch, VariantChange},
        confirm::Weight,
        guard::{self, Check, Finding, STALE},
        intent::{Change, Context, Intent},
        plan::{After, Basis, Expectation, Expected, Inverse, Plan, Refusal, SAME_WEIGHT, Side, Step},
        prices,
        snapshot::{ScalingTarget, Snapshot},
    },
    resource::endpoint::{Details, EndpointStatus, Variant},
    text::Text,
    time::HOUR,
};

/// Plans to give all traffic to the live variant `receiver`. Counts stay as they are; a config is not touched.
///
/// # Errors
/// What stands against it; never an empty list.
pub fn plan_shift(
    snapshot: &Snapshot,
    receiver: &Text,
    reason: Option<Text>,
    context: &Context,
) -> Result<Plan, Vec<Refusal>> {
    let variants = &snapshot.endpoint.details.as_ref().map(|details| details.variants.as_slice()).unwrap_or_default();
    if !variants.is_empty() && !variants.iter().any(|variant| variant.name == *receiver) {
        return Err(vec![refusal(Check::FastPath, &format!("there is no live variant {receiver}"), None)]);
    }
    let change = Change::Traffic { endpoint: snapshot.endpoint.name.clone(), variants: all_to(variants, receiver) };
    plan(&Intent::from(change).because(reason), snapshot, context)
}

/// Every variant's weight so that this one has all traffic.
pub(super) fn all_to(variants: &[Variant], receiver: &Text) -> Vec<VariantChange> {
    let change = |variant: &Variant| VariantChange {
        variant: variant.name.clone(),
        weight: Some(if variant.name == *receiver { 1.0 } else { 0.0 }),
        count: None,
    };
    variants.iter().map(change).collect()
}

/// What one variant has and is to have.
struct Move<'a> {
    live: &'a Variant,
    weight: f64,
    count: i64,
    share_before: f64,
    share_after: f64,
}

impl Move<'_> {
    fn weight_before(&self) -> f64 {
        self.live.desired_weight.unwrap_or(0.0)
    }

    fn count_before(&self) -> i64 {
        self.live.desired_count.unwrap_or(0)
    }
}

/// The last word of what a variant serves (`v17` of `fraud v17`), else its own name.
fn short(variant: &Variant) -> String {
    let label = variant.label.as_ref().map_or_else(|| variant.name.as_str(), |label| label.as_str());
    label.rsplit(' ').next().unwrap_or(label).to_owned()
}

pub(super) fn plan(intent: &Intent, snapshot: &Snapshot, context: &Context) -> Result<Plan, Vec<Refusal>> {
    match &intent.change {
        Change::Traffic { variants, .. } => judge(intent, variants, snapshot, context),
        _ => Err(vec![refusal(Check::Weights, "it is about no traffic", None)]),
    }
}

/// The changes of an intent that may be about more than traffic.
pub(super) fn judge(
    intent: &Intent,
    asked: &[VariantChange],
    snapshot: &Snapshot,
    context: &Context,
) -> Result<Plan, Vec<Refusal>> {
    let Some(details) = &snapshot.endpoint.details else {
        return Err(vec![refusal(Check::Status, "the endpoint's details were not read", None)]);
    };
    let call = call::update_weights(&snapshot.endpoint.name, asked);
    let line = call.cli(context.scope.region.as_str());
    let moves = moves(details, asked);
    let findings = findings(snapshot, details, asked, &moves, context);
    let blocked = blocks(&findings, Some(&line));
    if !blocked.is_empty() {
        return Err(blocked);
    }
    Ok(assemble(intent, snapshot, details, asked, &moves, findings, context))
}

fn moves<'a>(details: &'a Details, asked: &[VariantChange]) -> Vec<Move<'a>> {
    let total = |weight: &dyn Fn(&Variant) -> f64| details.variants.iter().map(weight).sum::<f64>();
    let of = |variant: &Variant| asked.iter().find(|change| change.variant == variant.name);
    let before = |variant: &Variant| variant.desired_weight.unwrap_or(0.0);
    let after = |variant: &Variant| of(variant).and_then(|change| change.weight).unwrap_or_else(|| before(variant));
    let (sum_before, sum_after) = (total(&before), total(&after));
    let share = |weight: f64, sum: f64| if sum > 0.0 { weight / sum } else { 0.0 };
    details
        .variants
        .iter()
        .map(|live| Move {
            live,
            weight: after(live),
            count: of(live).and_then(|change| change.count).or(live.desired_count).unwrap_or(0),
            share_before: share(before(live), sum_before),
            share_after: share(after(live), sum_after),
        })
        .collect()
}

fn findings(
    snapshot: &Snapshot,
    details: &Details,
    asked: &[VariantChange],
    moves: &[Move<'_>],
    context: &Context,
) -> Vec<Finding> {
    let mut out = Vec::new();
    let status = &snapshot.endpoint.status;
    if *status != EndpointStatus::InService {
        let text = format!("it is {}: weights and counts move only while it is InService", status.as_str());
        out.push(Finding::block(Check::Status, text).remedy("Wait until it is InService."));
    }
    if context.at.since(snapshot.at) > STALE {
        out.push(Finding::block(Check::Age, "these facts are old: read the endpoint again").remedy("F5 reads it."));
    }
    for change in asked.iter().filter(|change| !details.variants.iter().any(|v| v.name == change.variant)) {
        out.push(Finding::block(Check::VariantNames, format!("there is no live variant {}", change.variant)));
    }
    out.extend(weight_findings(moves));
    out.extend(count_findings(snapshot, asked, moves));
    out.sort_by_key(|finding| finding.severity);
    out
}

fn weight_findings(moves: &[Move<'_>]) -> Vec<Finding> {
    let mut out = Vec::new();
    if moves.iter().any(|m| !m.weight.is_finite() || m.weight < 0.0) {
        out.push(Finding::block(Check::Weights, "a weight is a number of 0 or more"));
    } else if moves.iter().all(|m| m.weight <= 0.0) {
        out.push(Finding::block(Check::Weights, "no variant would have traffic: AWS wants one weight above 0"));
    }
    let unchanged = |m: &Move<'_>| {
        (m.share_after - m.share_before).abs() <= SAME_WEIGHT && m.live.desired_count.is_none_or(|n| n == m.count)
    };
    if moves.iter().all(unchanged) {
        let all = moves.iter().find(|m| m.share_after >= 1.0 && moves.len() > 1);
        let text = all.map_or_else(
            || "nothing would change".to_owned(),
            |m| format!("variant {} has all traffic already", m.live.name),
        );
        out.push(Finding::block(Check::FastPath, text));
    }
    let busy: i64 = moves.iter().filter(|m| m.share_before > 0.0).map(|m| m.live.current_count.unwrap_or(0)).sum();
    for m in moves.iter().filter(|m| m.share_after > m.share_before) {
        let name = &m.live.name;
        if m.count < 1 || m.live.current_count == Some(0) {
            out.push(Finding::block(Check::FastPath, format!("variant {name} has no instance running")));
            continue;
        }
        let needs = (busy as f64 * m.share_after).ceil() as i64;
        let has = m.count.min(m.live.current_count.unwrap_or(m.count));
        if has < needs {
            let text = format!(
                "{name} runs {has} instances, its share of the traffic is carried by {needs} now: it may not bear it"
            );
            let remedy = "Raise its capacity first (U), or go back by config.";
            out.push(Finding::warn(Check::Counts, text).remedy(remedy));
        } else {
            out.push(Finding::ok(Check::Counts, format!("{name} runs {has} instances")));
        }
    }
    out
}

fn count_findings(snapshot: &Snapshot, asked: &[VariantChange], moves: &[Move<'_>]) -> Vec<Finding> {
    let mut out = Vec::new();
    let counted: Vec<&VariantChange> = asked.iter().filter(|change| change.count.is_some()).collect();
    if counted.len() > 1 {
        let remedy = "Change one, then the other.";
        out.push(Finding::block(Check::Counts, "AWS changes the capacity of one variant a call").remedy(remedy));
    }
    for m in moves.iter().filter(|m| counted.iter().any(|change| change.variant == m.live.name)) {
        let name = &m.live.name;
        if m.live.instance_type.is_none() {
            let text = format!("variant {name} is serverless: it has no instances to count");
            out.push(Finding::block(Check::Counts, text));
        }
        if m.count < 0 || (m.count == 0 && m.share_after > 0.0) {
            let text = format!("variant {name} has traffic and would have no instance");
            out.push(Finding::block(Check::Counts, text));
        }
        match scaling_of(snapshot, name) {
            Some(scaling) if m.count < scaling.min || m.count > scaling.max => {
                let text = format!(
                    "autoscaling keeps {name} between {} and {}: it will take {} back",
                    scaling.min, scaling.max, m.count
                );
                out.push(Finding::warn(Check::Scaling, text).remedy("Change its bounds as well."));
            }
            Some(_) => out.push(Finding::ok(Check::Scaling, "autoscaling is suspended while the count changes")),
            None => {}
        }
    }
    if let (Err(fault), false) = (&snapshot.scaling, counted.is_empty()) {
        let text = format!("whether it is autoscaled could not be read ({})", fault.kind.brief());
        out.push(Finding::block(Check::Scaling, text).remedy(fault.remedy()));
    }
    out
}

fn scaling_of<'a>(snapshot: &'a Snapshot, variant: &Text) -> Option<&'a ScalingTarget> {
    snapshot.scaling.as_ref().ok()?.iter().find(|target| target.variant == *variant)
}

/// What it can do harm: more instances within the bounds of autoscaling none, all traffic on one instance much.
fn weigh(snapshot: &Snapshot, moves: &[Move<'_>]) -> Weight {
    let alone = |m: &Move<'_>| m.share_after > 0.99 && m.share_before <= 0.99 && m.count <= 1;
    let none = |m: &Move<'_>| m.count == 0 && m.count_before() > 0;
    if moves.iter().any(|m| alone(m) || none(m)) {
        return Weight::Heavy;
    }
    let same_weights = moves.iter().all(|m| (m.weight - m.weight_before()).abs() <= SAME_WEIGHT);
    let within = |m: &Move<'_>| {
        let most = scaling_of(snapshot, &m.live.name).map_or(0, |scaling| scaling.max);
        m.count == m.count_before() || (m.count > m.count_before() && m.count <= most)
    };
    if same_weights && moves.iter().all(within) { Weight::Light } else { Weight::Target }
}

fn steps(snapshot: &Snapshot, asked: &[VariantChange], moves: &[Move<'_>]) -> (Vec<Step>, usize) {
    let endpoint = &snapshot.endpoint;
    let mut out = Vec::new();
    let counted = asked.iter().filter(|change| change.count.is_some());
    let scaled: Vec<&ScalingTarget> = counted.filter_map(|change| scaling_of(snapshot, &change.variant)).collect();
    for target in &scaled {
        let restore = call::suspend_scaling(&endpoint.name, target, ScalingSwitch::Restore);
        let suspend = call::suspend_scaling(&endpoint.name, target, ScalingSwitch::Suspend);
        out.push(Step::new(suspend).inverse(Inverse::Call(Box::new(restore))));
    }
    let main = out.len();
    let before: Vec<VariantChange> = asked
        .iter()
        .filter_map(|change| {
            let m = moves.iter().find(|m| m.live.name == change.variant)?;
            Some(VariantChange {
                variant: change.variant.clone(),
                weight: change.weight.map(|_| m.weight_before()),
                count: change.count.map(|_| m.count_before()),
            })
        })
        .collect();
    let back = Inverse::Call(Box::new(call::update_weights(&endpoint.name, &before)));
    let goal = Expectation::OnVariants { variants: asked.to_vec() };
    out.push(Step::new(call::update_weights(&endpoint.name, asked)).main(goal, HOUR).inverse(back));
    out.push(tag_previous(endpoint, None));
    for (at, target) in scaled.into_iter().enumerate() {
        let mut step = Step::new(call::suspend_scaling(&endpoint.name, target, ScalingSwitch::Restore));
        (step.after, step.settles) = (After::Reached, Some(at));
        out.push(step);
    }
    (out, main)
}

/// `v17` where one gets everything, else the new share of the variant that gains most; for counts the count.
fn labels(moves: &[Move<'_>], asked: &[VariantChange]) -> (String, String) {
    if asked.iter().all(|change| change.weight.is_none()) {
        let counted = moves.iter().find(|m| m.count != m.count_before()).or_else(|| moves.first());
        return counted.map_or_else(Default::default, |m| (m.count_before().to_string(), m.count.to_string()));
    }
    let loaded: Vec<&Move<'_>> = moves.iter().filter(|m| m.share_before > 0.0 && m.share_after <= 0.0).collect();
    if let Some(all) = moves.iter().find(|m| m.share_after >= 1.0 - SAME_WEIGHT) {
        let to = short(all.live);
        let from = loaded.iter().map(|m| short(m.live)).collect::<Vec<_>>().join("+");
        let from = if from.is_empty() || from == to { "shared traffic".to_owned() } else { from };
        return (from, to);
    }
    let gains = |m: &&Move<'_>| m.share_after - m.share_before;
    let most = moves.iter().max_by(|a, b| gains(a).total_cmp(&gains(b)));
    let percent = |share: f64| format!("{}%", (share * 100.0).round());
    most.map_or_else(Default::default, |m| (percent(m.share_before), percent(m.share_after)))
}

fn rows(snapshot: &Snapshot, moves: &[Move<'_>], asked: &[VariantChange], cost: &Cost) -> Vec<Row> {
    let row = |name: &str, before: String, after: String, note: String| Row { name: name.into(), before, after, note };
    let share = |share: f64| format!("{:.0} %", share * 100.0);
    let mut out = Vec::new();
    for m in moves {
        let mut note = format!("weight {} → {}", m.weight_before(), m.weight);
        if m.share_after > m.share_before {
            note.push_str(&format!(
                "; {} × {} carry it",
                number(m.live.current_count),
                m.live.instance_type.as_ref().map_or("serverless", Text::as_str)
            ));
        }
        if asked.iter().any(|change| change.weight.is_some()) {
            out.push(row(&format!("share {}", m.live.name), share(m.share_before), share(m.share_after), note));
        }
        if m.count != m.count_before() {
            let note = match scaling_of(snapshot, &m.live.name) {
                Some(scaling) => format!("autoscaled {}–{}, suspended meanwhile", scaling.min, scaling.max),
                None => "not autoscaled".to_owned(),
            };
            let name = format!("instances {}", m.live.name);
            out.push(row(&name, m.count_before().to_string(), m.count.to_string(), note));
        }
    }
    if cost.hour_before != cost.hour_after {
        let (before, after) = (super::back_out::hourly(cost.hour_before), super::back_out::hourly(cost.hour_after));
        out.push(row("cost", before, after, cost.source.clone()));
    }
    out
}

fn cost(moves: &[Move<'_>], context: &Context) -> Cost {
    let fleet = |count: &dyn Fn(&Move<'_>) -> i64| {
        let typed = |m: &Move<'_>| Some((m.live.instance_type.as_ref()?.to_string(), count(m)));
        let fleet: Vec<(String, i64)> = moves.iter().filter_map(typed).collect();
        prices::fleet(fleet.iter().map(|(kind, count)| (kind.as_str(), *count)))
    };
    Cost {
        hour_before: fleet(&|m| m.count_before()),
        hour_after: fleet(&|m| m.count),
        one_off: Some(0.0),
        minutes: 0,
        source: prices::provenance(context.scope.region.as_str()),
    }
}

fn assemble(
    intent: &Intent,
    snapshot: &Snapshot,
    details: &Details,
    asked: &[VariantChange],
    moves: &[Move<'_>],
    findings: Vec<Finding>,
    context: &Context,
) -> Plan {
    let endpoint = &snapshot.endpoint;
    let cost = cost(moves, context);
    let counts = asked.iter().any(|change| change.count.is_some());
    let (steps, main) = steps(snapshot, asked, moves);
    let (from, to) = labels(moves, asked);
    let expected = Expected::of(endpoint, details);
    let basis = Basis::Endpoint(if counts { expected.with_counts() } else { expected });
    let side = |label: String| Side { config: details.config.clone(), label };
    let before: Vec<String> = moves
        .iter()
        .map(|m| {
            format!(
                "{} {}{}",
                m.live.name,
                m.weight_before(),
                if counts { format!(" × {}", m.count_before()) } else { String::new() }
            )
        })
        .collect();
    let names: Vec<&str> =
        moves.iter().filter(|m| m.share_after > m.share_before).map(|m| m.live.name.as_str()).collect();
    let plan = Plan {
        from: side(from),
        to: side(to),
        found_by: if names.is_empty() {
            "your choice".to_owned()
        } else {
            format!("variant {} is live", names.join(", "))
        },
        minutes: Some(if counts { LAUNCH_MINUTES } else { 1 }),
        rows: rows(snapshot, moves, asked, &cost),
        cost,
        steps,
        main,
        findings,
        stop: "it takes seconds and cannot be stopped; it can be undone".to_owned(),
        undo: format!("once InService, the same call puts it back ({})", before.join(", ")),
        vanish: if counts && steps_settle(snapshot, asked) {
            "AWS finishes it alone, and autoscaling stays suspended: the next start says so first, and T restores it"
                .to_owned()
        } else {
            "AWS finishes it alone; the next start resumes watching".to_owned()
        },
        verify: guard::verify(snapshot, details, intent.change.is_way_back()),
        weight: weigh(snapshot, moves),
        ..Plan::draft(intent, context, endpoint.name.clone(), endpoint.arn.clone(), basis)
    };
    plan.sealed()
}

fn steps_settle(snapshot: &Snapshot, asked: &[VariantChange]) -> bool {
    asked.iter().any(|change| change.count.is_some() && snapshot.is_scaled(&change.variant))
}
