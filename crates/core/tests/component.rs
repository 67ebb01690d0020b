//! The way back of an endpoint whose models are inference components.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use mldeck_core::{
    ask::{Answer, Ask, Sent},
    fault::{Fault, FaultKind},
    ops::{
        Facts,
        candidate::History,
        component::{Component, Told},
        guard::{Check, Severity},
        intent::{Choice, Intent, Mode, Route},
        plan::{Expectation, Inverse, Plan, Refusal},
        run::{Effect, Event, Run},
        target::{Kind, Seen, Sight},
        verb,
    },
    resource::operation::OperationState,
    text::Text,
    time::MINUTE,
};
use serde_json::{Value, json};

mod fixture;
use fixture::{NAME, at, context, snapshot, t};

fn adapter(version: u32) -> Value {
    json!({
        "BaseInferenceComponentName": "base",
        "Container": {"ArtifactUrl": format!("s3://acme/adapters/support/v{version}/adapter.tar.gz")},
    })
}

fn model(name: &str) -> Value {
    json!({"ModelName": name, "ComputeResourceRequirements": {"NumberOfAcceleratorDevicesRequired": 2, "MinMemoryRequiredInMb": 1024}})
}

fn sight(specification: &Value, status: &str) -> Sight {
    let body = json!({
        "InferenceComponentStatus": status, "InferenceComponentArn": "arn:ic", "Specification": specification,
    });
    Sight { status: t(status), body, ..Sight::default() }
}

fn told(time: &str, by: &str, specification: Value) -> Told {
    Told { at: at(time), by: t(by), specification }
}

fn component(name: &str, now: &Value, history: Vec<Told>) -> Component {
    Component { name: t(name), sight: sight(now, "InService"), told: Some(Ok(history)) }
}

/// The adapter changed last, the base before it.
fn facts() -> Facts {
    let mut snapshot = snapshot();
    for variant in &mut snapshot.endpoint.details.as_mut().unwrap().variants {
        (variant.model, variant.label) = (None, None);
    }
    let support = vec![told("01:00:00", "ci-deploy", adapter(7)), told("22T10:00:00", "marc", adapter(6))];
    let base = vec![told("22T09:00:00", "marc", model("base-3")), told("21T09:00:00", "marc", model("base-2"))];
    let components = vec![component("base", &model("base-3"), base), component("support", &adapter(7), support)];
    Facts { components: Some(Ok(components)), ..Facts::from(snapshot) }
}

fn plan_of(facts: &Facts, choice: Choice) -> Result<Plan, Vec<Refusal>> {
    verb::plan(&Intent::back_out(t(NAME), choice), facts, &History::default(), &context())
}

fn plan() -> Plan {
    plan_of(&facts(), Choice::default()).unwrap()
}

#[test]
fn the_component_that_changed_last_gets_what_it_had() {
    let plan = plan();
    assert_eq!(plan.title(), "Roll back support: support/v7 → support/v6");
    assert_eq!((plan.target.kind, plan.intent.change.route()), (Kind::Component, Some(Route::Component)));
    let [step] = plan.steps.as_slice() else { panic!("{:#?}", plan.steps) };
    assert_eq!(
        step.call.body,
        json!({"InferenceComponentName": "support", "Specification": adapter(6)}),
        "no policy for an adapter"
    );
    let Inverse::Call(back) = &step.inverse else { panic!("no way back") };
    assert_eq!(back.body["Specification"], adapter(7));
    let artifact = t("s3://acme/adapters/support/v6/adapter.tar.gz");
    let Expectation::Shows { facts, .. } = &step.expect else { panic!("{:?}", step.expect) };
    assert!(facts.contains(&(t("/Specification/Container/ArtifactUrl"), artifact)));
    assert!(
        plan.found_by.starts_with("CloudTrail") && plan.found_by.contains("(marc) of support"),
        "{}",
        plan.found_by
    );
    let names: Vec<&str> = plan.candidates.iter().map(|candidate| candidate.config.as_str()).collect();
    assert_eq!(names, ["support", "base"], "the others are a choice away");
}

#[test]
fn copies_of_a_model_roll_under_the_alarms() {
    let choice = |mode| Choice { component: Some(t("base")), mode, ..Choice::default() };
    let plan = plan_of(&facts(), choice(Some(Mode::Guarded))).unwrap();
    assert_eq!(plan.title(), "Roll back base: base-3 → base-2");
    let calls: Vec<&str> = plan.steps.iter().map(|step| step.call.operation()).collect();
    assert_eq!(calls, ["PutMetricAlarm", "UpdateInferenceComponent"]);
    let body = &plan.steps[1].call.body;
    assert_eq!(body["Specification"], model("base-2"));
    assert!(body.get("RuntimeConfig").is_none(), "the number of copies is autoscaling's");
    let policy = &body["DeploymentConfig"]["RollingUpdatePolicy"];
    assert_eq!(policy["MaximumBatchSize"], json!({"Type": "CAPACITY_PERCENT", "Value": 50}));
    let alarms = body["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"].as_array().unwrap();
    assert_eq!(alarms[0]["AlarmName"], format!("mldeck-abort-{NAME}"));
    let hurried = plan_of(&facts(), choice(Some(Mode::Emergency))).unwrap();
    let alarms =
        hurried.steps[1].call.body["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"].as_array().unwrap().len();
    assert_eq!(alarms, 1, "only the abort alarm");
}

fn edit(change: impl FnOnce(&mut Vec<Component>)) -> Facts {
    let mut facts = facts();
    if let Some(Ok(components)) = &mut facts.components {
        components.remove(0);
        change(components);
    }
    facts
}

#[test]
fn what_cloudtrail_does_not_tell_is_said() {
    let refused = |change: &dyn Fn(&mut Vec<Component>)| {
        let refusals = plan_of(&edit(|all| change(all)), Choice::default()).unwrap_err();
        let [one] = refusals.as_slice() else { panic!("{refusals:#?}") };
        assert!(one.remedy.is_some(), "{one:?}");
        one.text.clone()
    };
    let fault = Fault::new(FaultKind::Throttled, "reading", "slow");
    assert!(refused(&|all| all[0].told = Some(Err(fault.clone()))).contains("only in CloudTrail"));
    assert!(refused(&|all| all[0].told = None).contains("is being looked for"));
    assert!(refused(&|all| all[0].told = Some(Ok(Vec::new()))).contains("knows no earlier specification"));
    assert!(refused(&|all| all[0].sight = sight(&adapter(7), "Updating")).contains("is Updating"));
    assert!(refused(&Vec::clear).contains("no inference component"));
    // Minutes late: the change itself is not there yet, and the newest that is there is the one before.
    let late = edit(|all| all[0].told = Some(Ok(vec![told("22T10:00:00", "marc", adapter(6))])));
    let plan = plan_of(&late, Choice::default()).unwrap();
    assert!(
        plan.findings
            .iter()
            .any(|f| f.check == Check::Candidate && f.severity == Severity::Warn && f.text.contains("minutes late"))
    );
}

#[test]
fn what_cloudtrail_hides_of_an_environment_is_kept_as_it_is() {
    let mut now = adapter(7);
    now["Container"]["Environment"] = json!({"TOKEN": "hunter2hunter2"});
    let mut before = adapter(6);
    before["Container"]["Environment"] = json!("HIDDEN_DUE_TO_SECURITY_REASONS");
    let facts = edit(|all| *all = vec![component("support", &now, vec![told("22T10:00:00", "marc", before)])]);
    let plan = plan_of(&facts, Choice::default()).unwrap();
    assert_eq!(plan.steps[0].call.body["Specification"]["Container"]["Environment"], now["Container"]["Environment"]);
    assert!(plan.findings.iter().any(|f| f.check == Check::Config && f.severity == Severity::Warn));
    assert!(!serde_json::to_string(&plan.without_secrets()).unwrap().contains("hunter2hunter2"));
    assert!(!plan.cli().concat().contains("hunter2hunter2"));
}

/// Carries the plan out; what the component shows after the call, and minutes that pass at each look.
fn carried_out(after: &[Sight]) -> (OperationState, Text) {
    let plan = plan();
    let mut now = context().at;
    let mut run = Run::new(plan, now);
    let mut queue = run.step(now, Event::Start);
    let (mut sent, mut looks) = (false, after.iter());
    let mut last = sight(&adapter(7), "InService");
    for _ in 0..200 {
        if queue.is_empty() {
            now = now.plus(MINUTE);
            queue = run.step(now, Event::Wake);
        }
        let Some(effect) = (!queue.is_empty()).then(|| queue.remove(0)) else { continue };
        let event = match effect {
            Effect::Journal(record) => Event::Journaled { seq: record.seq, result: Ok(()) },
            Effect::Read { ticket, ask: Ask::Target(target), .. } => {
                assert_eq!(target.kind, Kind::Component);
                if sent && let Some(next) = looks.next() {
                    last = next.clone();
                }
                Event::Read { ticket, result: Ok(Answer::Seen(Seen::Thing(Box::new(last.clone())))) }
            }
            Effect::Send { ticket, .. } => {
                sent = true;
                Event::Sent { ticket, sent: Sent::applied() }
            }
            Effect::Finished(state) => return (state, run.operation().note.clone()),
            _ => continue,
        };
        queue.extend(run.step(now, event));
    }
    panic!("it never ended")
}

#[test]
fn its_end_is_told_by_what_it_serves() {
    let (state, note) = carried_out(&[sight(&adapter(7), "Updating"), sight(&adapter(6), "InService")]);
    assert_eq!(state, OperationState::Done, "{note}");
    let mut failed = sight(&adapter(7), "InService");
    failed.failure = Some(t("alarm fraud-5xx"));
    let (state, note) = carried_out(&[sight(&adapter(7), "Updating"), failed]);
    assert_eq!((state, note.as_str()), (OperationState::RolledBack, "AWS took it back: alarm fraud-5xx"));
    let (state, note) = carried_out(&[sight(&adapter(7), "InService")]);
    assert_eq!(state, OperationState::NeedsHuman, "{note}");
    let (state, _) = carried_out(&[sight(&adapter(6), "Failed")]);
    assert_eq!(state, OperationState::Failed);
}
