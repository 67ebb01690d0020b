//! Plans of one call: the abort alarm by day, and the answer that a callback step waits for.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use mldeck_core::{
    fault::{Fault, FaultKind},
    ops::{
        Facts,
        candidate::History,
        confirm::Weight,
        guard::Check,
        intent::{Change, Intent},
        plan::{Plan, Refusal},
        snapshot::Waiting,
        target::{Kind, Sight, Target},
        verb,
    },
    resource::alarm::AlarmState,
    text::Text,
};
use serde_json::json;

mod fixture;
use fixture::{NAME, at, context, quiet_abort_alarm, snapshot, t};

fn plan_of(change: Change, facts: &Facts) -> Result<Plan, Vec<Refusal>> {
    verb::plan(&Intent::from(change), facts, &History::default(), &context())
}

fn provision(change: impl FnOnce(&mut mldeck_core::ops::Snapshot)) -> Result<Plan, Vec<Refusal>> {
    let mut snapshot = snapshot();
    snapshot.abort_alarm = None;
    snapshot.alarms = Ok(Vec::new());
    change(&mut snapshot);
    plan_of(Change::Provision { endpoint: t(NAME) }, &Facts::from(snapshot))
}

#[test]
fn a_missing_abort_alarm_is_made_and_pages_nobody() {
    let plan = provision(|_| {}).unwrap();
    assert_eq!((plan.title().as_str(), plan.weight), ("Provision fraud-prod: missing → ready", Weight::Light));
    let [step] = plan.steps.as_slice() else { panic!("{:#?}", plan.steps) };
    assert_eq!((step.call.operation(), &step.call.body["ActionsEnabled"]), ("PutMetricAlarm", &json!(false)));
    let edited = provision(|snapshot| {
        let mut alarm = quiet_abort_alarm();
        alarm.has_actions = true;
        snapshot.abort_alarm = Some(alarm);
    });
    assert_eq!(edited.unwrap().from.label, "edited");
}

#[test]
fn an_abort_alarm_that_is_there_or_fires_or_is_unknown_is_left_alone() {
    let why = |change: fn(&mut mldeck_core::ops::Snapshot)| {
        let refusals = provision(change).unwrap_err();
        let [one] = refusals.as_slice() else { panic!("{refusals:#?}") };
        assert_eq!((one.check, one.cli.is_some()), (Check::AbortAlarm, true));
        one.text.clone()
    };
    assert!(why(|snapshot| snapshot.abort_alarm = Some(quiet_abort_alarm())).contains("is there, as we make it"));
    let firing = why(|snapshot| {
        let mut alarm = quiet_abort_alarm();
        alarm.state = AlarmState::Alarm;
        snapshot.abort_alarm = Some(alarm);
    });
    assert!(firing.contains("somebody stops a deployment"), "{firing}");
    let unread = why(|snapshot| snapshot.alarms = Err(Fault::new(FaultKind::Throttled, "reading", "slow")));
    assert!(unread.contains("could not be read"), "{unread}");
}

const RUN: &str = "arn:aws:sagemaker:eu-west-1:447100000921:pipeline/fraud-train/execution/4f2k9";

fn waits(steps: &[&str], status: &str) -> Facts {
    let body = json!({"PipelineExecutionStatus": status});
    let sight = Sight { status: t(status), body, ..Sight::default() };
    let waiting = steps.iter().map(|step| Waiting { step: t(step), token: t("token-1"), since: Some(at("02:00:00")) });
    Facts {
        at: context().at,
        things: vec![(Target::new(Kind::Execution, t(RUN)), Ok(Some(sight)))],
        waiting: Some(Ok(waiting.collect())),
        ..Facts::default()
    }
}

fn answer(step: Option<&str>, failure: Option<&str>, outputs: &[(&str, &str)]) -> Change {
    let outputs = outputs.iter().map(|(name, value)| (t(name), t(value))).collect();
    Change::Callback { execution: t(RUN), step: step.map(t), failure: failure.map(t), outputs }
}

#[test]
fn the_one_callback_step_that_waits_is_answered() {
    let plan = plan_of(answer(None, None, &[("verdict", "good")]), &waits(&["Review"], "Executing")).unwrap();
    let body = &plan.steps[0].call.body;
    assert_eq!(plan.steps[0].call.operation(), "SendPipelineExecutionStepSuccess");
    assert_eq!(body["CallbackToken"], "token-1");
    assert_eq!(body["OutputParameters"], json!([{"Name": "verdict", "Value": "good"}]));
    assert!(!serde_json::to_string(&plan.without_secrets()).unwrap().contains("token-1"), "whoever has it can answer");
    let plan =
        plan_of(answer(Some("Review"), Some("too biased"), &[]), &waits(&["Review", "Other"], "Executing")).unwrap();
    assert_eq!(plan.steps[0].call.operation(), "SendPipelineExecutionStepFailure");
    assert_eq!(plan.steps[0].call.body["FailureReason"], "too biased");
}

#[test]
fn a_failure_without_words_of_its_own_has_the_reason_of_the_plan() {
    let said = |reason: Option<Text>| {
        let intent = Intent::from(answer(None, Some(""), &[])).because(reason);
        let plan = verb::plan(&intent, &waits(&["Review"], "Executing"), &History::default(), &context()).unwrap();
        plan.steps[0].call.body["FailureReason"].as_str().unwrap().to_owned()
    };
    assert_eq!(said(Some(t("OPS-7: too biased"))), "OPS-7: too biased");
    assert_eq!(said(None), "answered by anna with mldeck");
}

#[test]
fn who_waits_for_no_answer_gets_none() {
    let why = |change: Change, facts: &Facts| -> Text { t(&plan_of(change, facts).unwrap_err()[0].text) };
    assert_eq!(why(answer(None, None, &[]), &waits(&["A", "B"], "Executing")), "several callback steps wait: A, B");
    assert_eq!(why(answer(Some("C"), None, &[]), &waits(&["A"], "Executing")), "C does not wait for an answer; A does");
    assert_eq!(why(answer(None, None, &[]), &waits(&[], "Executing")), "no callback step waits for an answer");
    assert_eq!(
        why(answer(None, None, &[]), &waits(&["A"], "Succeeded")),
        "the run is Succeeded: nobody waits for an answer"
    );
}
