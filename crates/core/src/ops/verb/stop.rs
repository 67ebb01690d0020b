//! Stopping jobs and pipeline executions; starting and stopping monitoring schedules.

use super::{back_out::Row, pipeline::name_of, refusal, sight, words};
use crate::{
    ops::{
        call,
        confirm::Weight,
        guard::{Check, Finding},
        intent::{Change, Context, Intent},
        plan::{Basis, Expectation, Inverse, Plan, Refusal, Side, Step},
        snapshot::Facts,
        target::Kind,
    },
    text::Text,
    time::HOUR,
};

/// How long a job may take to stop: it may write its checkpoints first.
const LONGEST_STOP: i64 = 2 * HOUR;

pub(super) fn plan(intent: &Intent, facts: &Facts, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let Change::Stop { target, .. } = &intent.change else {
        return Err(vec![refusal(Check::Status, "it is about nothing that runs", None)]);
    };
    let sight = sight(facts, target)?;
    let execution = target.kind == Kind::Execution;
    let call = if execution { Some(call::stop_execution(&target.id)) } else { call::stop_job(target.kind, &target.id) };
    let Some(call) = call else {
        return Err(vec![refusal(Check::Status, &format!("a {} cannot be stopped", target.kind.words()), None)]);
    };
    let pointer = format!("/{}", target.kind.status());
    let status = sight.fact(&pointer);
    let line = call.cli(context.scope.region.as_str());
    if !matches!(status.as_str(), "InProgress" | "Executing" | "Initializing" | "Starting") {
        let text = format!("it is {status}: only what runs can be stopped");
        return Err(vec![refusal(Check::Status, &text, Some(line))]);
    }
    let goal = Expectation::Shows {
        facts: Vec::new(),
        done: words(&["Stopped"]),
        failed: words(&["Completed", "Succeeded", "Failed"]),
    };
    let inverse = if execution {
        Inverse::Call(Box::new(call::retry_execution(&target.id)))
    } else {
        Inverse::None(match target.kind {
            Kind::HumanLoop => "people who were asked are asked no more; the question can be put again".to_owned(),
            _ => "a job that was stopped does not go on; it can be started again as a copy".to_owned(),
        })
    };
    let undo = match &inverse {
        Inverse::Call(_) => "once Stopped, a retry (T) goes on from the steps that did not finish".to_owned(),
        Inverse::None(why) => why.clone(),
        Inverse::Harmless => String::new(),
    };
    let mut findings = Vec::new();
    if execution {
        let text =
            "a running callback step keeps it Stopping until somebody answers; a running Lambda step is waited for";
        findings.push(Finding::ok(Check::Status, text));
    }
    findings.extend(lost(target.kind).map(|text| Finding::warn(Check::Status, text)));
    let name = if execution { name_of(&target.id) } else { target.id.clone() };
    let row = Row {
        name: "status".into(),
        before: status.to_string(),
        after: "Stopped".into(),
        note: target.kind.words().into(),
    };
    let plan = Plan {
        from: Side::state(status.as_str()),
        to: Side::state("Stopped"),
        rows: vec![row],
        steps: vec![Step::new(call).main(goal, LONGEST_STOP).inverse(inverse)],
        findings,
        stop: "it cannot be stopped".to_owned(),
        undo,
        vanish: "one call: AWS stops it, whoever watches".to_owned(),
        weight: Weight::Target,
        ..Plan::draft(intent, context, name, target.id.clone(), Basis::of(sight, &[&pointer]))
    };
    Ok(plan.sealed())
}

/// What is lost with a job that is stopped (SageMaker's developer guide), where anything is.
const fn lost(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::TransformJob => Some("a transform job that is stopped stores no output"),
        Kind::LabelingJob => Some("labels so far are kept; it cannot be started again, only a copy on what is left"),
        Kind::HumanLoop => Some("what people have answered so far is lost"),
        _ => None,
    }
}

pub(super) fn schedule(intent: &Intent, facts: &Facts, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let Change::Schedule { name, start, .. } = &intent.change else {
        return Err(vec![refusal(Check::Status, "it is about no monitoring schedule", None)]);
    };
    let sight = sight(facts, &intent.change.target())?;
    let (wanted, from) = if *start { ("Scheduled", "Stopped") } else { ("Stopped", "Scheduled") };
    let call = call::schedule(name, *start);
    let pointer = format!("/{}", Kind::MonitoringSchedule.status());
    let status = sight.fact(&pointer);
    if status != from {
        let text = format!("it is {status}: only what is {from} becomes {wanted}");
        return Err(vec![refusal(Check::Status, &text, Some(call.cli(context.scope.region.as_str())))]);
    }
    let goal =
        Expectation::Shows { facts: Vec::new(), done: vec![Text::new(wanted)], failed: vec![Text::new("Failed")] };
    let inverse = Inverse::Call(Box::new(call::schedule(name, !*start)));
    let endpoint = sight.fact("/EndpointName");
    let row =
        Row { name: "schedule".into(), before: status.to_string(), after: wanted.into(), note: endpoint.to_string() };
    let mut findings = Vec::new();
    if !start {
        findings.push(Finding::warn(Check::Owner, "while it is stopped nobody looks for drift there"));
    }
    let plan = Plan {
        from: Side::state(status.as_str()),
        to: Side::state(wanted),
        rows: vec![row],
        steps: vec![Step::new(call).main(goal, HOUR).inverse(inverse)],
        findings,
        undo: format!("the same plan the other way: {wanted} → {from}"),
        weight: if *start { Weight::Light } else { Weight::Target },
        ..Plan::one_call(
            intent,
            context,
            name.clone(),
            sight.fact("/MonitoringScheduleArn"),
            Basis::of(sight, &[&pointer]),
        )
    };
    Ok(plan.sealed())
}
