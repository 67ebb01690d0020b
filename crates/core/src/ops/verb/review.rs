//! A question to people: a human loop of a flow definition.

use serde_json::Value;

use super::{absent, back_out::Row, blocks, by_hand, clone, refusal, sight, words};
use crate::{
    mask,
    ops::{
        call::{self, review},
        confirm::Weight,
        guard::{Check, Finding},
        intent::{Change, Context, Intent},
        plan::{Expectation, Inverse, Plan, Refusal, Side, Step},
        snapshot::Facts,
        target::{Kind, Target},
    },
    text::Text,
    time::HOUR,
};

/// Longest `InputContent`, characters (API reference).
const LONGEST_INPUT: usize = 3_145_728;
/// Characters of the question that a plan shows.
const SHOWN: usize = 120;

pub(super) fn start(intent: &Intent, facts: &Facts, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let Change::StartReview { flow, input } = &intent.change else {
        return Err(vec![refusal(Check::Status, "it is about no flow definition", None)]);
    };
    let sight = sight(facts, &intent.change.target())?;
    let (arn, content) = (sight.fact("/FlowDefinitionArn"), input.raw());
    let call = call::start_review(&review::stem(flow), &arn.raw(), &content);
    let status = sight.fact("/FlowDefinitionStatus");
    let mut findings = Vec::new();
    if status != "Active" {
        findings.push(Finding::block(
            Check::Status,
            format!("the flow definition is {status}: only one that is Active asks"),
        ));
    }
    if serde_json::from_str::<Value>(&content).is_err() {
        findings.push(Finding::block(Check::Config, "the question is no JSON document"));
    }
    if content.chars().count() > LONGEST_INPUT {
        findings.push(Finding::block(Check::Config, format!("the question is longer than {LONGEST_INPUT} characters")));
    }
    let team = sight.fact("/HumanLoopConfig/WorkteamArn");
    let who = clone::Crowd::of(&team.raw());
    let outside = who != clone::Crowd::Private;
    if outside {
        findings.push(Finding::warn(Check::Capture, format!("what is asked about is shown to {}", who.words())));
    }
    let basis = absent(facts, &mut findings);
    findings.sort_by_key(|finding| finding.severity);
    let blocked = blocks(&findings, Some(&by_hand([&call], context)));
    if !blocked.is_empty() {
        return Err(blocked);
    }
    let name = Text::new(call.text(Kind::HumanLoop.parameter()).unwrap_or_default());
    let goal = Expectation::Shows {
        facts: Vec::new(),
        done: words(&["InProgress", "Completed"]),
        failed: words(&["Failed", "Stopped"]),
    };
    let row = |label: &str, after: String, note: String| Row { name: label.into(), before: String::new(), after, note };
    let asked = sight.fact("/HumanLoopConfig/TaskCount");
    let mut plan = Plan {
        from: Side::default(),
        to: Side { config: name.clone(), label: "people are asked".to_owned() },
        rows: vec![
            row("loop", name.to_string(), format!("of {flow}")),
            row("asked", who.words().to_owned(), format!("{asked} of {team}")),
            row("question", Text::bounded(&mask::document(&content).raw(), SHOWN).to_string(), String::new()),
            row("answers", sight.fact("/OutputConfig/S3OutputPath").to_string(), String::new()),
        ],
        steps: vec![Step::new(call).main(goal, HOUR).inverse(Inverse::Call(Box::new(call::stop_review(&name))))],
        findings,
        stop: format!("`mldeck stop loop {name}` stops it; who has read it has read it"),
        undo: "who has read it has read it".to_owned(),
        vanish: "one call: AWS asks, whoever watches".to_owned(),
        weight: if outside { Weight::Heavy } else { Weight::Target },
        ..Plan::draft(intent, context, flow.clone(), arn, basis)
    };
    plan.target = Target::new(Kind::HumanLoop, name);
    Ok(plan.sealed())
}
