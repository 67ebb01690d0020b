//! Approving and rejecting registered versions.

use super::{back_out::Row, blocks, refusal, sight};
use crate::{
    id,
    ops::{
        call::{self, Approval},
        confirm::Weight,
        guard::{Check, Finding},
        intent::{Change, Context, Intent},
        plan::{Basis, Expectation, Inverse, Plan, Refusal, Side, Step},
        snapshot::Facts,
        target::Sight,
    },
    text::Text,
    time::{self, MINUTE},
};

const STATUS: &str = "/ModelApprovalStatus";

pub(super) fn plan(intent: &Intent, facts: &Facts, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let Change::Approve { package, approval } = &intent.change else {
        return Err(vec![refusal(Check::Status, "it is about no registered version", None)]);
    };
    let sight = sight(facts, &intent.change.target())?;
    let why = intent.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", reason.raw()));
    let call =
        call::approve(package, *approval, &format!("{} by {} with mldeck{why}", approval.word(), context.by.raw()));
    let findings = findings(sight, *approval, facts, context);
    let line = call.cli(context.scope.region.as_str());
    let blocked = blocks(&findings, Some(&line));
    if !blocked.is_empty() {
        return Err(blocked);
    }
    let before = sight.fact(STATUS);
    let goal = Expectation::Shows {
        facts: vec![(Text::new(STATUS), Text::new(approval.word()))],
        done: Vec::new(),
        failed: Vec::new(),
    };
    let inverse = match (before.as_str(), approval) {
        ("Approved", Approval::Rejected) => {
            Inverse::Call(Box::new(call::approve(package, Approval::Approved, "taken back")))
        }
        ("Rejected", Approval::Approved) => {
            Inverse::Call(Box::new(call::approve(package, Approval::Rejected, "taken back")))
        }
        _ => Inverse::None(format!("nothing leads back to {before}; the other decision can be taken")),
    };
    let row = |name: &str, before: String, after: &str, note: String| Row {
        name: name.into(),
        before,
        after: after.into(),
        note,
    };
    let stage = sight.fact("/ModelLifeCycle/Stage");
    let mut rows = vec![row("approval", before.to_string(), approval.word(), String::new())];
    if !stage.is_empty() {
        rows.push(row("stage", stage.to_string(), "", "stays".to_owned()));
    }
    let undo = match &inverse {
        Inverse::Call(_) => format!("when done, z in the ledger (9) brings {before} back"),
        Inverse::None(why) => why.clone(),
        Inverse::Harmless => String::new(),
    };
    let basis = Basis::of(sight, &[STATUS, "/ModelPackageStatus"]);
    let name = Text::new(&id::version_label(&package.raw()).unwrap_or_else(|| package.raw()));
    let plan = Plan {
        from: Side::state(before.as_str()),
        to: Side::state(approval.word()),
        rows,
        steps: vec![Step::new(call).main(goal, 5 * MINUTE).inverse(inverse)],
        findings,
        undo,
        weight: Weight::Heavy,
        ..Plan::one_call(intent, context, name, package.clone(), basis)
    };
    Ok(plan.sealed())
}

fn findings(sight: &Sight, approval: Approval, facts: &Facts, context: &Context) -> Vec<Finding> {
    let mut out = Vec::new();
    let (status, built) = (sight.fact(STATUS), sight.fact("/ModelPackageStatus"));
    if status == approval.word() {
        out.push(Finding::block(Check::Status, format!("it is {status} already")));
    }
    if built != "Completed" && approval == Approval::Approved {
        let text = format!("the model package is {built}: only what is Completed can serve");
        out.push(Finding::block(Check::Model, text));
    }
    let age = context.at.since(facts.at);
    if age > crate::ops::guard::STALE {
        out.push(
            Finding::block(Check::Age, format!("these facts are {} old", time::span(age))).remedy("F5 reads again."),
        );
    }
    let text = match approval {
        Approval::Approved => "an event rule may deploy what is approved: automation listens for this change of state",
        Approval::Rejected => {
            "an event rule may deploy the version before: automation listens for this change of state"
        }
    };
    out.push(
        Finding::warn(Check::Owner, text)
            .remedy("aws events list-rules shows whether one waits for `SageMaker Model Package State Change`."),
    );
    out.sort_by_key(|finding| finding.severity);
    out
}
