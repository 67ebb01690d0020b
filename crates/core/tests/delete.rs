//! The plan of a deletion: nothing that serves goes, and nothing that somebody may go back to.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use mldeck_core::{
    fault::{Fault, FaultKind},
    ops::{
        Facts,
        candidate::History,
        confirm::{Confirm, Weight},
        guard::Check,
        intent::{Change, Intent},
        plan::{Basis, Expectation, Inverse, Plan, Refusal},
        snapshot::{Kept, Needed},
        target::{Kind, Sight, Target},
        verb,
    },
    resource::{endpoint::EndpointStatus, operation::OperationState},
    text::Text,
    time::DAY,
};
use serde_json::json;

mod fixture;
use fixture::{NAME, context, our_move, snapshot, t};

fn intent(kind: Kind, id: &str) -> Intent {
    Change::Delete { target: Target::new(kind, t(id)) }.into()
}

fn plan_with(facts: &Facts, history: &History, intent: &Intent) -> Result<Plan, Vec<Refusal>> {
    verb::plan(intent, facts, history, &context())
}

fn nothing() -> Needed {
    Needed { invocations: Some(0.0), ..Needed::default() }
}

fn endpoint(needed: Needed) -> Facts {
    Facts { needed: Some(Ok(needed)), ..Facts::from(snapshot()) }
}

fn thing(kind: Kind, id: &str, needed: Needed) -> Facts {
    let body = json!({"EndpointConfigArn": "arn:config", "ModelArn": "arn:model", "CreationTime": 1.5});
    Facts {
        at: context().at,
        things: vec![(Target::new(kind, t(id)), Ok(Some(Sight { body, ..Sight::default() })))],
        needed: Some(Ok(needed)),
        ..Facts::default()
    }
}

fn kept(config: &str, models: Result<Vec<Text>, Fault>) -> Kept {
    Kept { config: t(config), endpoint: t(NAME), witness: "CloudTrail 2026-11-14".to_owned(), models }
}

#[track_caller]
fn why(result: Result<Plan, Vec<Refusal>>) -> String {
    match result {
        Err(refusals) => {
            assert!(refusals.iter().all(|refusal| refusal.cli.as_ref().is_some_and(|cli| cli.contains("delete-"))));
            refusals.into_iter().map(|refusal| refusal.text).collect::<Vec<_>>().join("; ")
        }
        Ok(plan) => panic!("planned: {}", plan.title()),
    }
}

#[test]
fn an_idle_endpoint_goes_once_its_whole_name_is_typed() {
    let plan = plan_with(&endpoint(nothing()), &History::default(), &intent(Kind::Endpoint, NAME)).unwrap();
    let [step] = plan.steps.as_slice() else { panic!("{:#?}", plan.steps) };
    assert_eq!((step.call.operation(), step.call.text("EndpointName")), ("DeleteEndpoint", Some(NAME)));
    assert_eq!(step.expect, Expectation::Gone);
    assert!(matches!(step.inverse, Inverse::None(_)) && matches!(plan.basis, Basis::Endpoint(_)));
    assert_eq!((plan.weight, &plan.confirm), (Weight::Name, &Confirm::Typed { target: t(NAME) }));
    assert_eq!(step.proof(), Some((Target::endpoint(t(NAME)), false)));
    assert!(plan.is_intact());
    assert!(plan.cost.hour_before > Some(1.0) && plan.cost.hour_after == Some(0.0));
}

#[test]
fn an_endpoint_that_is_called_or_of_which_that_is_not_known_stays() {
    let intent = intent(Kind::Endpoint, NAME);
    let plan = |facts: &Facts| plan_with(facts, &History::default(), &intent);
    let called = endpoint(Needed { invocations: Some(17.0), ..Needed::default() });
    assert!(why(plan(&called)).contains("called 17 times"));
    assert!(why(plan(&endpoint(Needed::default()))).contains("could not be read"));
    let mut unread = endpoint(nothing());
    unread.needed = None;
    assert!(why(plan(&unread)).contains("was not read"));
    unread.needed = Some(Err(Fault::new(FaultKind::Throttled, "reading", "")));
    assert!(why(plan(&unread)).contains("throttled"));
    let mut busy = endpoint(nothing());
    busy.snapshot.as_mut().unwrap().endpoint.status = EndpointStatus::Updating;
    assert!(why(plan(&busy)).contains("Updating"));
}

#[test]
fn a_config_stays_while_it_serves_or_may_be_gone_back_to() {
    let asked = intent(Kind::EndpointConfig, "old-v1");
    let facts = |needed| thing(Kind::EndpointConfig, "old-v1", needed);
    let free = plan_with(&facts(nothing()), &History::default(), &asked).unwrap();
    assert_eq!(free.steps[0].call.text("EndpointConfigName"), Some("old-v1"));
    assert_eq!(free.confirm, Confirm::Typed { target: t("old-v1") });
    assert_eq!(free.arn, "arn:config");
    let plan = |needed, history: &History| plan_with(&facts(needed), history, &asked);
    let live = Needed { used_by: vec![t(NAME)], ..nothing() };
    assert!(why(plan(live, &History::default())).contains("in use now by fraud-prod"));
    let trail = Needed { kept: vec![kept("old-v1", Ok(Vec::new()))], ..nothing() };
    assert!(why(plan(trail, &History::default())).contains("CloudTrail 2026-11-14"));
    let moved = |days: i64| History {
        moves: vec![our_move("old-v1", "new-v2", context().at.plus(-days * DAY), OperationState::Done)],
        ..History::default()
    };
    assert!(why(plan(nothing(), &moved(29))).contains("our ledger"));
    plan(nothing(), &moved(31)).expect("the window is over");
}

#[test]
fn a_model_stays_while_a_config_that_counts_names_it() {
    let asked = intent(Kind::Model, "m-1");
    let plan = |needed, history: &History| plan_with(&thing(Kind::Model, "m-1", needed), history, &asked);
    let free = plan(Needed { kept: vec![kept("c-2", Ok(vec![t("m-2")]))], ..nothing() }, &History::default()).unwrap();
    assert_eq!((free.steps[0].call.text("ModelName"), free.arn.as_str()), (Some("m-1"), "arn:model"));
    let named = Needed { kept: vec![kept("c-1", Ok(vec![t("m-1")]))], ..nothing() };
    assert!(why(plan(named, &History::default())).contains("config c-1 names it"));
    let denied = Fault::new(FaultKind::Throttled, "reading", "");
    let dark = Needed { kept: vec![kept("c-1", Err(denied))], ..nothing() };
    assert!(why(plan(dark, &History::default())).contains("could not be read"));
    let live = Needed { used_by: vec![t(NAME)], ..nothing() };
    assert!(why(plan(live, &History::default())).contains("in use now"));
    let ours =
        History { moves: vec![our_move("c-9", "c-8", context().at, OperationState::Done)], ..History::default() };
    assert!(why(plan(nothing(), &ours)).contains("was not read"));
}

#[test]
fn what_is_gone_or_of_another_kind_is_not_deleted() {
    let asked = intent(Kind::Model, "m-1");
    let facts = Facts {
        at: context().at,
        things: vec![(Target::new(Kind::Model, t("m-1")), Ok(None))],
        needed: Some(Ok(nothing())),
        ..Facts::default()
    };
    let refusals = plan_with(&facts, &History::default(), &asked).unwrap_err();
    assert!(refusals[0].text.contains("there is no model m-1"), "{refusals:#?}");
    let refusals = plan_with(&facts, &History::default(), &intent(Kind::Pipeline, "p")).unwrap_err();
    assert_eq!(refusals[0].check, Check::Status);
}
