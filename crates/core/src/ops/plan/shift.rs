//! The way back that takes seconds: a good model is live already, and only the weights move.

use super::{
    Expectation, Expected, LIFETIME, Plan, Precondition, Refusal, Side, Step, VERSION, choose::refusal, table::Cost,
    table::Row,
};
use crate::{
    ops::{
        call::{Call, VariantChange},
        candidate::TAG_PLAN,
        confirm::{Confirm, GO},
        guard::{Check, Finding},
        intent::{Context, Mode},
        prices,
        snapshot::Snapshot,
    },
    resource::endpoint::{Details, EndpointStatus, Variant},
    text::Text,
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
    let Some(details) = &snapshot.endpoint.details else {
        return Err(vec![refusal(Check::Status, "the endpoint's details were not read", None)]);
    };
    let wanted: Vec<(Text, f64)> =
        details.variants.iter().map(|v| (v.name.clone(), if v.name == *receiver { 1.0 } else { 0.0 })).collect();
    let call = weights(&snapshot.endpoint.name, &wanted);
    let line = call.cli(context.scope.region.as_str());
    let status = &snapshot.endpoint.status;
    if *status != EndpointStatus::InService {
        let text = format!("it is {}: weights move only while it is InService", status.as_str());
        return Err(vec![refusal(Check::Status, &text, Some(line))]);
    }
    if context.at.since(snapshot.at) > crate::ops::guard::STALE {
        return Err(vec![refusal(Check::Age, "these facts are old: read the endpoint again", Some(line))]);
    }
    let Some(variant) = details.variants.iter().find(|v| v.name == *receiver) else {
        return Err(vec![refusal(Check::FastPath, &format!("there is no live variant {receiver}"), None)]);
    };
    if wanted
        .iter()
        .all(|(name, weight)| details.variants.iter().any(|v| v.name == *name && v.desired_weight == Some(*weight)))
    {
        return Err(vec![refusal(Check::FastPath, &format!("variant {receiver} has all traffic already"), None)]);
    }
    if variant.current_count.unwrap_or(0) < 1 {
        let text = format!("variant {receiver} has no instance running");
        return Err(vec![refusal(Check::FastPath, &text, Some(line))]);
    }
    Ok(assemble(snapshot, details, variant, wanted, call, reason, context))
}

fn weights(endpoint: &Text, wanted: &[(Text, f64)]) -> Call {
    let change =
        |(name, weight): &(Text, f64)| VariantChange { variant: name.clone(), weight: Some(*weight), count: None };
    Call::UpdateWeights { endpoint: endpoint.clone(), variants: wanted.iter().map(change).collect() }
}

/// The last word of what a variant serves (`v17` of `fraud v17`), else its own name.
fn short(variant: &Variant) -> String {
    let label = variant.label.as_ref().map_or_else(|| variant.name.as_str(), |label| label.as_str());
    label.rsplit(' ').next().unwrap_or(label).to_owned()
}

fn capacity(details: &Details, receiver: &Variant) -> Finding {
    let busy: i64 = details
        .variants
        .iter()
        .filter(|v| v.current_weight.unwrap_or(0.0) > 0.0)
        .map(|v| v.current_count.unwrap_or(0))
        .sum();
    let has = receiver.current_count.unwrap_or(0);
    if has < busy {
        let text = format!(
            "{} runs {has} instances, the traffic is spread over {busy} now: it may not bear it",
            receiver.name
        );
        Finding::warn(Check::Counts, text).remedy("Raise its capacity first, or go back by config.")
    } else {
        Finding::ok(Check::Counts, format!("{} runs {has} instances", receiver.name))
    }
}

fn assemble(
    snapshot: &Snapshot,
    details: &Details,
    receiver: &Variant,
    wanted: Vec<(Text, f64)>,
    call: Call,
    reason: Option<Text>,
    context: &Context,
) -> Plan {
    let endpoint = &snapshot.endpoint;
    let before: Vec<(Text, f64)> =
        details.variants.iter().map(|v| (v.name.clone(), v.desired_weight.unwrap_or(0.0))).collect();
    let list = |all: &[(Text, f64)]| all.iter().map(|(n, w)| format!("{n} {w}")).collect::<Vec<_>>().join(", ");
    let loaded = details.variants.iter().filter(|v| v.name != receiver.name && v.current_weight.unwrap_or(0.0) > 0.0);
    let mut from_label = loaded.map(short).collect::<Vec<_>>().join("+");
    if from_label.is_empty() || from_label == short(receiver) {
        from_label = "shared traffic".to_owned();
    }
    let fleets = details.variants.iter().filter_map(|v| Some((v.instance_type.as_ref()?.as_str(), v.desired_count?)));
    let hour = prices::fleet(fleets);
    let cost = Cost {
        hour_before: hour,
        hour_after: hour,
        one_off: Some(0.0),
        minutes: 0,
        source: prices::provenance(context.scope.region.as_str()),
    };
    let row = Row {
        name: "weights".to_owned(),
        before: list(&before),
        after: list(&wanted),
        note: "instances stay as they are".to_owned(),
    };
    let tags = vec![(Text::new(TAG_PLAN), Text::default())];
    let steps = vec![
        Step {
            call,
            precondition: Precondition::Unchanged,
            expect: Expectation::OnWeights { variants: wanted },
            inverse: Some(weights(&endpoint.name, &before)),
            optional: false,
        },
        Step {
            call: Call::AddTags { arn: endpoint.arn.clone(), tags },
            precondition: Precondition::Accepted,
            expect: Expectation::Answer,
            inverse: None,
            optional: true,
        },
    ];
    let plan = Plan {
        version: VERSION,
        digest: Text::default(),
        verb: Text::new("shift"),
        scope: context.scope.clone(),
        class: context.class,
        by: context.by.clone(),
        at: context.at,
        valid_until: context.at.plus(LIFETIME),
        endpoint: endpoint.name.clone(),
        arn: endpoint.arn.clone(),
        from: Side { config: details.config.clone(), label: from_label },
        to: Side { config: details.config.clone(), label: short(receiver) },
        mode: Mode::Emergency,
        reason,
        reverses: None,
        found_by: format!("variant {} is live", receiver.name),
        candidates: Vec::new(),
        gaps: Vec::new(),
        rows: vec![row],
        cost,
        naive: Vec::new(),
        steps,
        findings: vec![capacity(details, receiver)],
        stop: "it takes seconds and cannot be stopped; it can be undone".to_owned(),
        undo: format!("once InService, the same call puts the weights back ({})", list(&before)),
        vanish: "AWS finishes it alone; the next start resumes watching".to_owned(),
        expected: Expected::of(endpoint, details),
        images: Vec::new(),
        confirm: Confirm::Key { key: GO },
    };
    plan.sealed()
}
