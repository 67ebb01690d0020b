//! Several changes on one confirmation: what may be among them, how many, whose turn it is, and what the journal keeps.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use mldeck_core::{
    ops::{
        Facts,
        bulk::{self, Bulk, State, Verdict},
        call::{Approval, Edits},
        candidate::History,
        confirm::{Gate, Verdict as Key, Why},
        guard::{Check, Finding, Severity},
        intent::{Change, Choice, Class, Intent},
        journal::{self, Entry, Record},
        plan::{Plan, Refusal},
        target::{Kind, Sight, Target},
        verb,
    },
    resource::operation::OperationState,
    text::Text,
    time::Monotonic,
};
use serde_json::json;

mod fixture;
use fixture::{context, t};

fn target(name: &str) -> Target {
    Target::new(Kind::TrainingJob, t(name))
}

fn stop(name: &str, status: &str) -> Result<Plan, Vec<Refusal>> {
    let body = json!({"TrainingJobStatus": status});
    let sight = Sight { status: t(status), body, ..Sight::default() };
    let facts = Facts { at: context().at, things: vec![(target(name), Ok(Some(sight)))], ..Facts::default() };
    verb::plan(&Intent::from(Change::Stop { target: target(name) }), &facts, &History::default(), &context())
}

fn running(name: &str) -> Plan {
    stop(name, "InProgress").unwrap()
}

fn three() -> Bulk {
    Bulk::new(["a", "b", "c"].map(running).to_vec())
}

fn not_begun(bulk: &Bulk) -> Vec<String> {
    let why = |item: &bulk::Item| match &item.state {
        State::NotBegun { why } => Some(format!("{}: {why}", item.plan.name)),
        _ => None,
    };
    bulk.items().iter().filter_map(why).collect()
}

#[test]
fn they_go_one_after_the_other_and_each_is_planned_again_when_its_turn_comes() {
    let mut bulk = three();
    for name in ["a", "b", "c"] {
        assert_eq!(bulk.turn().unwrap().name, t(name));
        let begun = bulk.begin(stop(name, "InProgress")).expect("it still does the same");
        assert_eq!((begun.bulk.as_ref(), begun.is_intact()), (Some(&bulk.id), true));
        assert_eq!(begun.id(), running(name).id(), "which bulk it is in changes nothing that is sent");
        assert_eq!((bulk.turn(), bulk.running().map(Plan::id)), (None, Some(begun.id())));
        assert_eq!(bulk.begin(stop(name, "InProgress")), None, "one at a time");
        bulk.ended(OperationState::Done, "it is Stopped");
    }
    assert!(bulk.is_over() && bulk.verdict().is_good());
    assert_eq!(bulk.verdict().sentence(), "3 done");
}

#[test]
fn the_first_that_does_not_end_as_it_should_ends_the_rest() {
    for state in [
        OperationState::Refused,
        OperationState::Failed,
        OperationState::RolledBack,
        OperationState::Superseded,
        OperationState::NeedsHuman,
        OperationState::Abandoned,
    ] {
        let mut bulk = three();
        bulk.begin(stop("a", "InProgress")).unwrap();
        bulk.ended(state, "as it went");
        assert_eq!(not_begun(&bulk), ["b: the one before did not end well", "c: the one before did not end well"]);
        assert_eq!((bulk.turn(), bulk.is_over()), (None, true), "{state:?}");
        assert_eq!(bulk.verdict(), Verdict { failed: 1, not_begun: 2, ..Verdict::default() });
        assert_eq!(bulk.begin(stop("b", "InProgress")), None, "{state:?}");
    }
}

#[test]
fn what_cannot_be_planned_any_more_is_not_begun_nor_is_what_comes_after_it() {
    let mut bulk = three();
    bulk.begin(stop("a", "InProgress")).unwrap();
    bulk.ended(OperationState::Done, "");
    assert_eq!(bulk.begin(stop("b", "Completed")), None);
    let told = not_begun(&bulk);
    assert!(told[0].starts_with("b: it cannot be planned any more: it is Completed"), "{told:?}");
    assert_eq!(told[1], "c: the one before was not begun");
    assert_eq!(bulk.verdict().sentence(), "1 done, 2 not begun");

    let mut moved = three();
    assert_eq!(moved.begin(stop("b", "InProgress")), None, "another plan than the one whose turn it is");
    assert_eq!(not_begun(&moved)[0], "a: the world moved: plan again");
    assert!(moved.is_over());
}

#[test]
fn who_stops_it_lets_what_runs_go_on() {
    let mut bulk = three();
    bulk.begin(stop("a", "InProgress")).unwrap();
    bulk.stop("you stopped the rest");
    assert!(bulk.running().is_some() && !bulk.is_over());
    bulk.ended(OperationState::Done, "");
    assert_eq!(bulk.verdict().sentence(), "1 done, 2 not begun");
}

#[test]
fn what_needs_a_look_of_its_own_is_in_no_bulk() {
    let may = [
        Change::Stop { target: target("a") },
        Change::Retry { execution: t("x") },
        Change::Approve { package: t("v"), approval: Approval::Rejected },
        Change::Schedule { name: t("m"), start: true },
        Change::Provision { endpoint: t("e") },
        Change::Delete { target: Target::new(Kind::EndpointConfig, t("c")) },
        Change::Delete { target: Target::new(Kind::Model, t("m")) },
    ];
    for change in &may {
        assert_eq!(bulk::alone(change), None, "{change:?}");
    }
    let alone = [
        Change::RollBack { endpoint: t("e"), choice: Choice::default() },
        Change::Delete { target: Target::endpoint(t("e")) },
        Change::CloneJob { source: target("a"), edits: Edits::default() },
        Change::RunMonitor { schedule: t("m"), hours: None },
    ];
    for change in &alone {
        assert!(bulk::alone(change).is_some_and(|why| why.contains("one at a time") || why.contains("one at a")));
    }
}

#[test]
fn at_most_so_many_in_production_and_no_more_says_what_would_help() {
    assert_eq!(bulk::too_many(10, Class::Prod, bulk::AT_MOST), None);
    let why = bulk::too_many(11, Class::Prod, bulk::AT_MOST).unwrap();
    assert!(why.contains("at most 10") && why.contains("bulk-in-production"), "{why}");
    assert!(bulk::too_many(1, Class::Prod, 0).is_some());
    assert_eq!(bulk::too_many(500, Class::Stage, bulk::AT_MOST), None);
}

#[test]
fn their_number_is_typed_and_a_paste_is_none() {
    let plans = ["a", "b", "c"].map(running);
    let mut gate = Gate::of(bulk::confirm(plans.len()), bulk::valid_until(&plans));
    let (now, at) = (context().at, Monotonic::from_millis);
    gate.drawn(at(0));
    assert_eq!(gate.paste(at(1_000)), Key::Ignored(Why::Pasted));
    assert_eq!(gate.key(at(3_000), now, '2'), Key::More);
    assert_eq!(gate.enter(at(3_100), now), Key::Ignored(Why::Mismatch));
    gate.backspace(at(3_200));
    assert_eq!(gate.key(at(3_300), now, '3'), Key::More);
    assert_eq!(gate.enter(at(3_305), now), Key::Ignored(Why::Burst));
    assert_eq!(gate.key(at(9_000), now, '3'), Key::More);
    assert_eq!(gate.enter(at(9_100), now), Key::Go);
}

#[test]
fn calls_are_counted_and_findings_stand_worst_first() {
    let mut plans = ["a", "b"].map(running);
    assert_eq!(bulk::calls(&plans), [("StopTrainingJob", 2)]);
    let finding = |severity, text: &str| Finding { check: Check::Status, severity, text: text.into(), remedy: None };
    plans[0].findings = vec![finding(Severity::Warn, "of a"), finding(Severity::Ok, "fine")];
    plans[1].findings = vec![finding(Severity::Block, "of b")];
    let found = bulk::findings(&plans);
    let told: Vec<_> = found.iter().map(|(plan, finding)| format!("{} {}", plan.name, finding.text)).collect();
    assert_eq!(told, ["b of b", "a of a"]);
}

#[test]
fn the_journal_names_the_bulk_and_a_plan_without_one_reads_as_before() {
    let mut bulk = three();
    let plan = bulk.begin(stop("a", "InProgress")).unwrap();
    let record = |plan: &Plan| Record {
        v: journal::VERSION,
        op: plan.id(),
        seq: 0,
        at: plan.at,
        entry: Entry::Planned { plan: Box::new(plan.clone()) },
    };
    let line = record(&plan).write().unwrap();
    let read = Record::read(&line).unwrap();
    let rows = journal::ledger(std::slice::from_ref(&read));
    assert_eq!(rows[0].bulk.as_ref(), Some(&bulk.id));
    assert!(journal::markdown(&[&read]).contains(&format!("one of bulk `{}`", bulk.id)));
    assert!(!record(&running("a")).write().unwrap().contains("\"bulk\""), "nothing new where there is none");
    assert_ne!(bulk.id, Text::default());
}
