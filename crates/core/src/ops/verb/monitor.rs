//! A monitoring schedule's jobs once, now. AWS has no call that runs a schedule out of its time; its own way is a schedule
//! with the expression `NOW` (API reference of `ScheduleConfig`). It is one of its own, so that the regular one stays as it is.

use serde_json::Value;

use super::{absent, back_out::Row, blocks, by_hand, refusal, sight, words};
use crate::{
    ops::{
        call::{self, PLAN_ID},
        confirm::Weight,
        guard::{Check, Finding},
        intent::{Change, Context, Intent},
        plan::{Expectation, Inverse, Plan, Refusal, Side, Step},
        snapshot::Facts,
        target::{Kind, Sight, Target},
    },
    text::Text,
    time::HOUR,
};

/// The largest window that AWS looks at in one execution, hours.
const LARGEST: u8 = 24;
/// How long one execution may take, and up to 20 minutes before it starts (developer guide).
const LONGEST_RUN: i64 = 26 * HOUR;

/// Hours between two executions of a schedule: what one of them looks at. A day where its expression is not understood.
pub fn window(described: &Sight) -> u8 {
    let expression = described.fact("/MonitoringScheduleConfig/ScheduleConfig/ScheduleExpression").raw();
    let hours = expression.strip_prefix("cron(0 ").and_then(|rest| rest.strip_suffix(" ? * * *)"));
    match hours {
        Some("*") => 1,
        Some(hours) => {
            let every = hours.split_once('/').and_then(|(_, every)| every.parse().ok());
            every.filter(|every| (1..=LARGEST).contains(every)).unwrap_or(LARGEST)
        }
        None => LARGEST,
    }
}

pub(super) fn run(intent: &Intent, facts: &Facts, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let Change::RunMonitor { schedule, hours } = &intent.change else {
        return Err(vec![refusal(Check::Status, "it is about no monitoring schedule", None)]);
    };
    let sight = sight(facts, &intent.change.target())?;
    let hours = hours.unwrap_or_else(|| window(sight));
    let Some(call) = call::run_monitor(schedule, &sight.body, hours) else {
        return Err(vec![refusal(Check::Config, "its description says nothing of its jobs", None)]);
    };
    let mut findings = findings(sight, hours);
    let basis = absent(facts, &mut findings);
    findings.sort_by_key(|finding| finding.severity);
    let blocked = blocks(&findings, Some(&by_hand([&call], context)));
    if !blocked.is_empty() {
        return Err(blocked);
    }
    let goal = Expectation::Shows {
        facts: Vec::new(),
        done: words(&["Completed", "CompletedWithViolations"]),
        failed: words(&["Failed", "Stopped"]),
    };
    let made = format!("{}-{PLAN_ID}", call::job::now_stem(schedule));
    let inverse = Inverse::Call(Box::new(call::delete_schedule(&made)));
    let mut plan = Plan {
        from: Side::state(sight.status.as_str()),
        to: Side { config: Text::new(&made), label: "once, now".to_owned() },
        rows: rows(sight, schedule, &made, hours),
        steps: vec![Step::new(call).main(goal, LONGEST_RUN).inverse(inverse)],
        findings,
        stop: "its processing job can be stopped once it runs: `mldeck stop processing NAME`".to_owned(),
        undo: format!(
            "the schedule {made} runs no more and stays, for its result; `aws sagemaker delete-monitoring-schedule \
             --monitoring-schedule-name {made}` clears it away, and its reports stay"
        ),
        vanish: "one call: AWS runs it, whoever watches".to_owned(),
        weight: Weight::Light,
        ..Plan::draft(intent, context, schedule.clone(), sight.fact("/MonitoringScheduleArn"), basis)
    };
    plan.target = Target::new(Kind::MonitoringRun, Text::new(&made));
    Ok(plan.sealed())
}

fn findings(sight: &Sight, hours: u8) -> Vec<Finding> {
    let mut out = Vec::new();
    if !(1..=LARGEST).contains(&hours) {
        let text = format!("one execution looks at 1 to {LARGEST} hours, not at {hours}");
        out.push(Finding::block(Check::Config, text));
    }
    let kind = sight.fact("/MonitoringScheduleConfig/MonitoringType");
    if matches!(kind.as_str(), "ModelQuality" | "ModelBias") {
        let text = "it compares with the ground truth of these hours: labels that come later are missing";
        out.push(Finding::warn(Check::Freshness, text));
    }
    if sight.fact("/LastMonitoringExecutionSummary/MonitoringExecutionStatus") == "InProgress" {
        out.push(Finding::warn(Check::Status, "its own execution runs: both write reports"));
    }
    out
}

fn rows(sight: &Sight, schedule: &Text, made: &str, hours: u8) -> Vec<Row> {
    let row = |name: &str, before: &str, after: String, note: String| Row {
        name: name.to_owned(),
        before: before.to_owned(),
        after,
        note,
    };
    let expression = sight.fact("/MonitoringScheduleConfig/ScheduleConfig/ScheduleExpression");
    let endpoint = sight.fact("/EndpointName").to_string();
    let config = sight.body.get("MonitoringScheduleConfig");
    let definition = config.and_then(|config| config.get("MonitoringJobDefinitionName")).and_then(Value::as_str);
    let jobs =
        definition.map_or_else(|| "as the schedule spells them out".to_owned(), |name| Text::new(name).to_string());
    vec![
        row(
            "schedule",
            schedule.as_str(),
            made.to_owned(),
            "one of its own; the regular one stays as it is".to_owned(),
        ),
        row("when", expression.as_str(), "NOW".to_owned(), "AWS may take 20 minutes to start it".to_owned()),
        row("looks at", "", format!("the last {hours} h"), endpoint),
        row("jobs", "", jobs, String::new()),
    ]
}
