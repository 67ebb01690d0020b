//! Who plans what: one module per verb, each pure and total. What stands against a plan comes back as refusals, every one
//! with what would help.

use super::{
    call::{Call, PLAN_ID},
    candidate::History,
    guard::{Check, Finding, Severity},
    intent::{Change, Context, Intent},
    plan::{Basis, Plan, Refusal},
    snapshot::{Facts, Snapshot},
    target::{Sight, Target},
    team::{self, May},
};
use crate::text::Text;

pub mod abort;
pub mod back_out;
pub mod clone;
pub mod component;
pub mod delete;
pub mod monitor;
pub mod pipeline;
pub mod promote;
mod provision;
mod registry;
mod review;
pub mod shadow;
mod stop;
pub mod traffic;
mod way_out;

pub use promote::held;
pub use way_out::routes;

/// Judges one intent on these facts.
///
/// # Errors
/// Everything that stands against it; never an empty list.
pub fn plan(intent: &Intent, facts: &Facts, history: &History, context: &Context) -> Result<Plan, Vec<Refusal>> {
    if !intent.change.bypass().is_empty() && intent.reason.is_none() {
        let text = "a guard is left out only with a reason, which the ledger keeps";
        let remedy = Some("Give one: --reason TEXT, Shift-Tab on the plan.".to_owned());
        return Err(vec![Refusal { remedy, ..refusal(Check::Reason, text, None) }]);
    }
    let mut plan = judge(intent, facts, history, context)?;
    // A finding is no part of what is done, and of no digest: the executor asks for the lock when it begins.
    if let Some(finding) = facts.lock.as_ref().and_then(|lock| team_lock(lock, &plan)) {
        plan.findings.push(finding);
        plan.findings.sort_by_key(|finding| finding.severity);
    }
    Ok(plan)
}

/// How the lock that hosts share stands for this plan.
fn team_lock(lock: &team::Verdict, plan: &Plan) -> Option<Finding> {
    let warned = |text: String| Some(Finding::warn(Check::TeamLock, text));
    match team::may_go(lock, plan) {
        _ if matches!(lock, team::Verdict::Free) => Some(Finding::ok(Check::TeamLock, "the team lock is free")),
        May::Go => None,
        May::Warned(stood) => warned(format!("{stood}: it goes on without it")),
        May::Bypassed(stood) => warned(format!("{stood}: it goes on all the same, as you said")),
        May::Refused(stood) => {
            let remedy = match plan.intent.change.is_way_back() {
                true => "F8, or --bypass lock, with a reason goes on without it",
                false => "wait for it, or use the AWS CLI lines below",
            };
            warned(format!("{stood}: nothing would be sent")).map(|finding| finding.remedy(remedy))
        }
    }
}

fn judge(intent: &Intent, facts: &Facts, history: &History, context: &Context) -> Result<Plan, Vec<Refusal>> {
    match &intent.change {
        Change::RollBack { .. } => way_out::plan(intent, facts, history, context),
        Change::Traffic { .. } => traffic::plan(intent, snapshot(facts)?, context),
        Change::Provision { .. } => provision::plan(intent, snapshot(facts)?, context),
        Change::Approve { .. } => registry::plan(intent, facts, context),
        Change::StartPipeline { .. } => pipeline::start(intent, facts, context),
        Change::Retry { .. } => pipeline::retry(intent, facts, context),
        Change::Callback { .. } => pipeline::answer(intent, facts, context),
        Change::Stop { .. } => stop::plan(intent, facts, context),
        Change::Schedule { .. } => stop::schedule(intent, facts, context),
        Change::CloneJob { .. } => clone::plan(intent, facts, context),
        Change::StartJob { .. } => clone::start(intent, facts, context),
        Change::RunMonitor { .. } => monitor::run(intent, facts, context),
        Change::TestShadow(_) => shadow::test(intent, facts, context),
        Change::StartShadow { .. } => shadow::start(intent, facts, context),
        Change::EndShadow { .. } => shadow::end(intent, facts, context),
        Change::StartReview { .. } => review::start(intent, facts, context),
        Change::Promote { .. } => promote::plan(intent, facts, history, context),
        Change::Delete { .. } => delete::plan(intent, facts, history, context),
    }
}

fn snapshot(facts: &Facts) -> Result<&Snapshot, Vec<Refusal>> {
    facts.snapshot.as_ref().ok_or_else(|| vec![refusal(Check::Status, "the endpoint was not read", None)])
}

/// The description of what the intent is about.
fn sight<'a>(facts: &'a Facts, target: &Target) -> Result<&'a Sight, Vec<Refusal>> {
    let (what, id) = (target.kind.words(), &target.id);
    match facts.thing(target) {
        Some(Ok(Some(sight))) => Ok(sight),
        Some(Ok(None)) => Err(vec![refusal(Check::Status, &format!("there is no {what} {id}"), None)]),
        Some(Err(fault)) => {
            let text = format!("{what} {id} could not be read: {}", fault.kind.brief());
            Err(vec![Refusal { check: Check::Status, text, remedy: Some(fault.remedy()), cli: None }])
        }
        None => Err(vec![refusal(Check::Status, &format!("{what} {id} was not read"), None)]),
    }
}

/// What stands on nothing but a free name; a second one under the same name would be refused, so what was made last counts.
fn absent(facts: &Facts, findings: &mut Vec<Finding>) -> Basis {
    let latest = match &facts.latest {
        Some(Ok(latest)) => latest.clone().unwrap_or_default(),
        Some(Err(fault)) => {
            let text = format!(
                "what was made like this before could not be listed ({}): the very same plan is carried out once only",
                fault.kind.brief()
            );
            findings.push(Finding::warn(Check::Status, text));
            Text::default()
        }
        None => Text::default(),
    };
    Basis::Absent { latest }
}

/// The lines a refusal ends with, what a person would send: names that hold the plan's id have none yet.
fn by_hand<'a>(calls: impl IntoIterator<Item = &'a Call>, context: &Context) -> String {
    let lines: Vec<String> = calls.into_iter().map(|call| call.cli(context.scope.region.as_str())).collect();
    lines.join("\n").replace(PLAN_ID, "by-hand")
}

fn words(list: &[&str]) -> Vec<Text> {
    list.iter().map(|word| Text::new(word)).collect()
}

fn refusal(check: Check, text: &str, cli: Option<String>) -> Refusal {
    Refusal { check, text: text.to_owned(), remedy: None, cli }
}

fn blocks(findings: &[Finding], cli: Option<&String>) -> Vec<Refusal> {
    let blocking = findings.iter().filter(|finding| finding.severity == Severity::Block);
    blocking
        .map(|finding| Refusal {
            check: finding.check,
            text: finding.text.clone(),
            remedy: finding.remedy.clone(),
            cli: cli.cloned(),
        })
        .collect()
}
