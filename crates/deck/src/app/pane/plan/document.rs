//! A plan, or why there is none, as lines to read. What decides comes first, so that a small terminal shows it whole.

use mldeck_core::{
    column::Tone,
    health::Health,
    ops::{
        guard::{Finding, Severity},
        plan::{self, BY_HAND, Plan, Refusal, Row},
    },
};

use crate::app::look::Line;

pub(in crate::app::pane) fn label(text: &str) -> (String, Tone) {
    let gap = if text.chars().count() < 13 { "" } else { " " };
    (format!("  {text:<13}{gap}"), Tone::Dim)
}

fn change(row: &Row) -> String {
    if row.before == row.after || row.after.is_empty() {
        row.before.clone()
    } else {
        format!("{} → {}", row.before, row.after)
    }
}

/// The plan as a document: what decides, then the details.
pub(super) fn document(plan: &Plan, deep: bool) -> Vec<Line> {
    let mut out = essentials(plan, deep);
    out.push(vec![("  details".to_owned(), Tone::Strong)]);
    out.extend(details(plan));
    out
}

fn essentials(plan: &Plan, deep: bool) -> Vec<Line> {
    let mut found = vec![label("found by"), (plan.found_by.clone(), Tone::Plain)];
    if !deep {
        found.push(("   CloudTrail is being asked …".to_owned(), Tone::Busy));
    }
    let mut out = vec![found];
    out.extend(plan.gaps.iter().map(|gap| vec![label(""), (gap.clone(), Tone::Warn)]));
    if let Some(reason) = &plan.reason {
        out.push(vec![label("reason"), (reason.to_string(), Tone::Plain)]);
    }
    for what in plan.intent.change.bypass() {
        out.push(vec![label("without"), (format!("the team {}, by your word", what.word()), Tone::Warn)]);
    }
    for row in &plan.rows {
        let line = match row.name.as_str() {
            "endpoint config" => vec![label("config"), (change(row), Tone::Strong)],
            "guardrails" => {
                vec![label(plan.mode.word()), (row.after.clone(), Tone::Plain)]
            }
            "cost" => continue,
            name => vec![label(name), (change(row), Tone::Plain), (format!("   {}", row.note), Tone::Dim)],
        };
        out.push(line);
    }
    out.extend(plan.findings.iter().filter(|finding| finding.severity != Severity::Ok).map(finding));
    let mut calls = vec![label("calls")];
    for (at, step) in plan.steps.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        let tone = if at == plan.main { Tone::Accent } else { Tone::Plain };
        let place = step.scope.as_ref().map_or_else(String::new, |scope| format!(" in {}", scope.account));
        calls.push((format!("{comma}{}{place}", step.call.operation()), tone));
    }
    out.push(calls);
    if let Some(minutes) = plan.minutes {
        let route = plan.intent.change.route().map_or_else(String::new, |route| format!("{}: ", route.word()));
        out.push(vec![label("time"), (format!("{route}about {minutes} min until it is done"), Tone::Plain)]);
    }
    out.push(vec![label("stop"), (plan.stop.clone(), Tone::Plain)]);
    out.push(vec![label("undo"), (plan.undo.clone(), Tone::Plain)]);
    out.push(vec![label("if this dies"), (plan.vanish.clone(), Tone::Plain)]);
    out
}

fn details(plan: &Plan) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::new();
    for (step, cli) in plan.steps.iter().zip(plan.cli()) {
        let optional = if step.optional { "  (a failure is a warning)" } else { "" };
        let sender = plan.sender(step).map_or_else(String::new, |sender| format!(" of {sender}"));
        out.push(vec![
            (format!("  {}", step.call.operation()), Tone::Accent),
            (format!("{optional}   needs {}{sender}", step.call.action.iam()), Tone::Dim),
        ]);
        out.push(vec![(format!("    {cli}"), Tone::Plain)]);
    }
    if !plan.naive.is_empty() {
        out.push(vec![("  without this plan".to_owned(), Tone::Strong)]);
        out.extend(plan.naive.iter().map(|line| vec![(format!("    {line}"), Tone::Warn)]));
    }
    for row in plan.rows.iter().filter(|row| matches!(row.name.as_str(), "guardrails" | "cost")) {
        out.push(vec![label(&row.name), (change(row), Tone::Plain), (format!("   {}", row.note), Tone::Dim)]);
    }
    let others: Vec<&str> = plan.candidates.iter().skip(1).map(|candidate| candidate.label.as_str()).collect();
    if !others.is_empty() {
        out.push(vec![label("others"), (others.join("  "), Tone::Dim)]);
    }
    let fine: Vec<&str> =
        plan.findings.iter().filter(|f| f.severity == Severity::Ok).map(|f| f.text.as_str()).collect();
    if !fine.is_empty() {
        let noun = if fine.len() == 1 { "check" } else { "checks" };
        out.push(vec![
            (format!("  {} ", Health::Ok.symbol()), Tone::Ok),
            (format!("{} {noun} passed: ", fine.len()), Tone::Plain),
            (fine.join(", "), Tone::Dim),
        ]);
    }
    let mode = if plan.candidates.is_empty() { String::new() } else { format!("  {} mode", plan.mode.word()) };
    out.push(vec![label("plan"), (format!("{}{mode}", plan.id()), Tone::Dim)]);
    out
}

pub(in crate::app::pane) fn finding(finding: &Finding) -> Line {
    let (health, tone) = match finding.severity {
        Severity::Block => (Health::Bad, Tone::Bad),
        Severity::Warn => (Health::Warn, Tone::Warn),
        Severity::Ok => (Health::Ok, Tone::Ok),
    };
    let mut line = vec![(format!("  {} ", health.symbol()), tone), (finding.text.clone(), Tone::Plain)];
    if let Some(remedy) = &finding.remedy {
        line.push((format!("   {remedy}"), Tone::Dim));
    }
    line
}

pub(super) fn refused(refusals: &[Refusal]) -> Vec<Line> {
    let mut out = vec![vec![("  This cannot be planned now.".to_owned(), Tone::Bad)], Vec::new()];
    for refusal in refusals {
        out.push(vec![(format!("  {} ", Health::Bad.symbol()), Tone::Bad), (refusal.text.clone(), Tone::Plain)]);
        if let Some(remedy) = &refusal.remedy {
            out.push(vec![(format!("    {remedy}"), Tone::Dim)]);
        }
    }
    let lines = plan::by_hand(refusals);
    if !lines.is_empty() {
        out.extend([Vec::new(), vec![(format!("  {BY_HAND}"), Tone::Dim)]]);
    }
    out.extend(lines.into_iter().map(|line| vec![(format!("    {line}"), Tone::Accent)]));
    out
}
