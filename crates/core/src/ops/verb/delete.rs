//! Deleting an endpoint, an endpoint config or a model: nothing that serves, and nothing that somebody may go back to.

use super::{back_out::Row, blocks, refusal, sight};
use crate::{
    ops::{
        call,
        candidate::History,
        confirm::Weight,
        guard::{Check, Finding, STALE},
        intent::{Change, Context, Intent},
        plan::{Basis, Cost, Expectation, Expected, Inverse, Plan, Refusal, Side, Step},
        prices,
        rule::{Rule, breaks},
        snapshot::{Facts, Needed},
        target::{Kind, Target},
    },
    resource::endpoint::EndpointStatus,
    text::Text,
    time::{self, DAY, HOUR},
};

/// How long a config that was live stays a way back, milliseconds.
pub const WINDOW: i64 = 30 * DAY;

pub(super) fn plan(intent: &Intent, facts: &Facts, history: &History, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let Change::Delete { target, .. } = &intent.change else {
        return Err(vec![refusal(Check::Status, "it is about nothing to delete", None)]);
    };
    let Some(call) = call::delete(target.kind, &target.id) else {
        return Err(vec![refusal(Check::Status, &format!("a {} is not deleted here", target.kind.words()), None)]);
    };
    let line = call.cli(context.scope.region.as_str());
    let ground = ground(facts, target)?;
    let mut findings = needed(facts, target, history, context);
    findings.extend(ground.findings);
    let age = context.at.since(facts.at);
    if age > STALE {
        findings.push(
            Finding::block(Check::Age, format!("these facts are {} old", time::span(age))).remedy("F5 reads again."),
        );
    }
    let blocked = blocks(&findings, Some(&line));
    if !blocked.is_empty() {
        return Err(blocked);
    }
    findings.sort_by_key(|finding| finding.severity);
    let why = "what is deleted is gone; it can be made again by hand, under its name";
    let row = Row {
        name: target.kind.words().into(),
        before: ground.state.clone(),
        after: "deleted".into(),
        note: target.id.to_string(),
    };
    let plan = Plan {
        from: Side::state(&ground.state),
        to: Side::state("deleted"),
        rows: vec![row],
        cost: ground.cost,
        steps: vec![Step::new(call).main(Expectation::Gone, HOUR).inverse(Inverse::None(why.to_owned()))],
        findings,
        stop: "it cannot be stopped".to_owned(),
        undo: why.to_owned(),
        weight: Weight::Name,
        ..Plan::one_call(intent, context, target.id.clone(), ground.arn, ground.basis)
    };
    Ok(plan.sealed())
}

struct Ground {
    state: String,
    arn: Text,
    basis: Basis,
    cost: Cost,
    findings: Vec<Finding>,
}

fn ground(facts: &Facts, target: &Target) -> Result<Ground, Vec<Refusal>> {
    if target.kind == Kind::Endpoint {
        return endpoint(facts);
    }
    let sight = sight(facts, target)?;
    let arn = match target.kind {
        Kind::Model => "/ModelArn",
        _ => "/EndpointConfigArn",
    };
    Ok(Ground {
        state: "there".to_owned(),
        arn: sight.fact(arn),
        basis: Basis::of(sight, &[arn, "/CreationTime"]),
        cost: Cost::default(),
        findings: Vec::new(),
    })
}

fn endpoint(facts: &Facts) -> Result<Ground, Vec<Refusal>> {
    let snapshot = super::snapshot(facts)?;
    let Some(details) = &snapshot.endpoint.details else {
        return Err(vec![refusal(Check::Status, "the endpoint's details were not read", None)]);
    };
    let status = &snapshot.endpoint.status;
    let mut findings = Vec::new();
    if status.is_in_flight() || *status == EndpointStatus::Deleting {
        let text = format!("it is {}: AWS deletes only what is at rest", status.as_str());
        findings.push(Finding::block(Check::Status, text).remedy("Wait until that has ended."));
    }
    if snapshot.scaling.as_ref().is_ok_and(|targets| !targets.is_empty()) {
        let text = "it is autoscaled: its scalable targets are to be deregistered by hand afterwards";
        findings.push(Finding::warn(Check::Scaling, text));
    }
    if !details.shadow_variants.is_empty() {
        findings.push(Finding::block(Check::VariantNames, "a shadow test runs on it").remedy("End that first."));
    }
    let fleet = details.variants.iter().filter_map(|v| Some((v.instance_type.as_ref()?.as_str(), v.desired_count?)));
    let cost = Cost { hour_before: prices::fleet(fleet), hour_after: Some(0.0), ..Cost::default() };
    Ok(Ground {
        state: status.as_str().to_owned(),
        arn: snapshot.endpoint.arn.clone(),
        basis: Basis::Endpoint(Expected::of(&snapshot.endpoint, details)),
        cost,
        findings,
    })
}

/// Who needs it. What could not be read needs it.
fn needed(facts: &Facts, target: &Target, history: &History, context: &Context) -> Vec<Finding> {
    let block = |text: String, remedy: String| vec![Finding::block(Check::Needed, text).remedy(remedy)];
    if breaks(Rule::StillNeeded) {
        return Vec::new();
    }
    let needed = match &facts.needed {
        Some(Ok(needed)) => needed,
        Some(Err(fault)) => {
            return block(format!("whether it is still needed could not be read: {fault}"), fault.remedy());
        }
        None => return block("whether it is still needed was not read".to_owned(), "F5 reads again.".to_owned()),
    };
    match target.kind {
        Kind::Endpoint => vec![idle(needed)],
        Kind::EndpointConfig => config(needed, &target.id, history, context),
        _ => model(needed, &target.id, history, context),
    }
}

fn idle(needed: &Needed) -> Finding {
    match needed.invocations {
        Some(calls) if calls > 0.0 => {
            Finding::block(Check::Needed, format!("it was called {calls} times within the last hour"))
                .remedy("Point its callers elsewhere, and wait an hour.")
        }
        Some(_) => Finding::ok(Check::Needed, "nobody called it within the last hour"),
        None => Finding::block(Check::Needed, "whether anybody calls it could not be read")
            .remedy("Ask for cloudwatch:GetMetricData."),
    }
}

fn in_use(needed: &Needed) -> Option<Finding> {
    let names: Vec<&str> = needed.used_by.iter().map(Text::as_str).collect();
    let text = format!("in use now by {}", names.join(", "));
    (!names.is_empty()).then(|| Finding::block(Check::Needed, text).remedy("Deploy something else there first."))
}

/// Configs that our ledger names within the window.
fn recent<'a>(history: &'a History, context: &'a Context) -> impl Iterator<Item = (&'a Text, String)> {
    let young = move |at| context.at.since(at) <= WINDOW;
    let moves = history.moves.iter().filter(move |one| one.scope == context.scope && young(one.at));
    moves.flat_map(|one| [&one.from, &one.to].map(|config| (config, format!("our ledger {}", one.at.date()))))
}

const WAY_BACK: &str = "It is a way back for 30 days after it served.";

fn config(needed: &Needed, name: &Text, history: &History, context: &Context) -> Vec<Finding> {
    let mut out: Vec<Finding> = in_use(needed).into_iter().collect();
    let kept = needed.kept.iter().find(|kept| kept.config == *name);
    let witness = kept.map(|kept| format!("{} ({})", kept.endpoint, kept.witness)).or_else(|| {
        let ours = recent(history, context).find(|(config, _)| *config == name);
        ours.map(|(_, witness)| witness)
    });
    if let Some(witness) = witness {
        let text = format!("an endpoint may be brought back to it: {witness}");
        out.push(Finding::block(Check::Needed, text).remedy(WAY_BACK));
    }
    if out.is_empty() {
        out.push(Finding::ok(Check::Needed, "no endpoint is on it, or was within 30 days"));
    }
    out
}

fn model(needed: &Needed, name: &Text, history: &History, context: &Context) -> Vec<Finding> {
    let mut out: Vec<Finding> = in_use(needed).into_iter().collect();
    for kept in &needed.kept {
        match &kept.models {
            Ok(models) if models.contains(name) => {
                let text = format!(
                    "config {} names it, and {} may be brought back to that ({})",
                    kept.config, kept.endpoint, kept.witness
                );
                out.push(Finding::block(Check::Needed, text).remedy(WAY_BACK));
            }
            Ok(_) => {}
            Err(fault) => {
                let text = format!("whether config {} names it could not be read: {}", kept.config, fault.kind.brief());
                out.push(Finding::block(Check::Needed, text).remedy(fault.remedy()));
            }
        }
    }
    for (config, witness) in recent(history, context) {
        if !needed.kept.iter().any(|kept| kept.config == *config)
            && !out.iter().any(|f| f.text.contains(config.as_str()))
        {
            let text = format!("whether config {config} names it was not read ({witness})");
            out.push(Finding::block(Check::Needed, text).remedy("CloudTrail names it within 15 minutes."));
        }
    }
    if out.is_empty() {
        out.push(Finding::ok(Check::Needed, "no config that is live or was within 30 days names it"));
    }
    out
}
