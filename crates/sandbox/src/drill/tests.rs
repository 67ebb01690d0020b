//! Each drill once good and once bad: what is done by hand here is what a person would do, and the grade must tell it.

use mldeck_core::time::{MINUTE, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::{
    Options, Scenario, scenario,
    testkit::{call, ok, world},
};

/// The account after `minutes`.
fn later(world: &mut World, minutes: i64) {
    world.advance_to(world.now().plus(minutes * MINUTE));
}

fn update(world: &mut World, endpoint: &str, config: &str) {
    let input = json!({"EndpointName": endpoint, "EndpointConfigName": config, "RetainAllVariantProperties": true});
    ok(world, "UpdateEndpoint", &input);
}

/// The grade when the drill is over.
fn ended(mut world: World) -> Report {
    world.advance_to(world.drill_end().unwrap());
    world.grade().unwrap()
}

fn reject(world: &mut World, package: &str) {
    let arn = format!("arn:aws:sagemaker:eu-west-1:447100000921:model-package/{package}");
    ok(world, "UpdateModelPackage", &json!({"ModelPackageArn": arn, "ModelApprovalStatus": "Rejected"}));
}

/// What a good operator does, and something else that is not enough or does harm, with the grade of each.
type Act = fn(&mut World);
const DRILLS: &[(&str, Act, Act, Grade)] = &[
    ("quiet-night", |_| {}, |world| update(world, "intent-fr", "intent-v1-b"), Grade::Harm),
    ("fraud-burns", |world| update(world, "fraud-prod", "fraud-v17-a"), |_| {}, Grade::Missed),
    ("bad-canary", abort, |_| {}, Grade::Late),
    ("silent-regression", |world| update(world, "fraud-prod", "fraud-v17-a"), |_| {}, Grade::Missed),
    (
        "misleading-history",
        |world| update(world, "fraud-prod", "fraud-v17-a"),
        |world| update(world, "fraud-prod", "fraud-v16-b"),
        Grade::Harm,
    ),
    ("throttled-account", |world| update(world, "fraud-prod", "fraud-v17-a"), delete_fraud, Grade::Harm),
    ("expired-login", |world| update(world, "fraud-prod", "fraud-v17-a"), |_| {}, Grade::Missed),
    ("two-operators", |_| {}, |world| update(world, "fraud-prod", "fraud-v16-b"), Grade::Harm),
    ("ci-redeploys", hold_and_go_back, |world| update(world, "fraud-prod", "fraud-v17-a"), Grade::Missed),
    ("rollback-failed", |world| update(world, "ranking-eu", "ranking-v31-b"), |_| {}, Grade::Missed),
    ("labeling-backlog", people_back, stop_batch, Grade::Harm),
    ("failed-pipeline", |world| retry_newest(world, "ranking-weekly"), retry_all, Grade::Harm),
    ("drift-storm", |_| {}, retrain, Grade::Harm),
    ("no-capacity", roll_back, |world| update(world, "ranking-eu", "ranking-v31-b"), Grade::Missed),
    ("stuck-creating", create_anew, create_too_late, Grade::Late),
    ("bad-adapter", |world| adapt(world, "v6"), |world| update(world, "assistant", "assistant-a"), Grade::Harm),
    ("dead-upstream", |_| {}, |world| update(world, "ranking-eu", "ranking-v30-c"), Grade::Harm),
];

fn people_back(world: &mut World) {
    let member = |group: &str| json!({"CognitoMemberDefinition": {"UserPool": "eu-west-1_AcmeLabel", "ClientId": "5s2kq8acmelabelers", "UserGroup": group}});
    let more = ["line-inspectors", "vision-annotators"].map(member);
    ok(world, "UpdateWorkteam", &json!({"WorkteamName": "vision-labelers", "MemberDefinitions": more}));
}

fn stop_batch(world: &mut World) {
    ok(world, "StopLabelingJob", &json!({"LabelingJobName": "vision-defects-b06"}));
}

fn retry_newest(world: &mut World, pipeline: &str) {
    let list = ok(world, "ListPipelineExecutions", &json!({"PipelineName": pipeline}));
    let arn = &list["PipelineExecutionSummaries"][0]["PipelineExecutionArn"];
    let token = format!("{pipeline:r<32}");
    ok(world, "RetryPipelineExecution", &json!({"PipelineExecutionArn": arn, "ClientRequestToken": token}));
}

fn retry_all(world: &mut World) {
    for pipeline in ["fraud-refresh", "ranking-weekly", "churn-features"] {
        retry_newest(world, pipeline);
    }
}

fn retrain(world: &mut World) {
    let input = json!({"PipelineName": "churn-train", "ClientRequestToken": "t".repeat(32)});
    ok(world, "StartPipelineExecution", &input);
}

fn roll_back(world: &mut World) {
    let size = json!({"Type": "INSTANCE_COUNT", "Value": 2});
    let policy = json!({"MaximumBatchSize": size, "WaitIntervalInSeconds": 0});
    let input = json!({
        "EndpointName": "ranking-eu", "EndpointConfigName": "ranking-v31-b", "RetainAllVariantProperties": true,
        "DeploymentConfig": {"RollingUpdatePolicy": policy},
    });
    ok(world, "UpdateEndpoint", &input);
}

/// Deletes what has failed, and creates it with the version that works.
fn create_anew(world: &mut World) {
    later(world, 14);
    ok(world, "DeleteEndpoint", &json!({"EndpointName": "checkout-risk"}));
    later(world, 3);
    let input = json!({"EndpointName": "checkout-risk", "EndpointConfigName": "checkout-risk-v1-a"});
    ok(world, "CreateEndpoint", &input);
}

fn create_too_late(world: &mut World) {
    later(world, 45);
    create_anew(world);
}

fn adapt(world: &mut World, version: &str) {
    let artifact = format!("s3://acme-assistant/adapters/support/{version}/adapter.tar.gz");
    let adapter = json!({"BaseInferenceComponentName": "assistant-base", "Container": {"ArtifactUrl": artifact}});
    let input = json!({"InferenceComponentName": "assistant-support", "Specification": adapter});
    ok(world, "UpdateInferenceComponent", &input);
}

fn abort(world: &mut World) {
    let input = json!({"AlarmName": "ranking-5xx", "StateValue": "ALARM", "StateReason": "by hand"});
    let (status, body) = call(world, "monitoring", "SetAlarmState", &input);
    assert_eq!(status, 200, "{body}");
}

fn delete_fraud(world: &mut World) {
    ok(world, "DeleteEndpoint", &json!({"EndpointName": "fraud-prod"}));
}

fn hold_and_go_back(world: &mut World) {
    update(world, "fraud-prod", "fraud-v17-a");
    later(world, 9);
    reject(world, "fraud/18");
}

#[test]
fn each_drill_is_graded_once_good_and_once_bad() {
    for (name, good, bad, wanted) in DRILLS {
        for (act, grade) in [(good, Grade::Good), (bad, *wanted)] {
            let mut world = world(name);
            later(&mut world, 2);
            act(&mut world);
            let report = ended(world);
            assert_eq!(report.grade, grade, "{name}: {}", report.text());
        }
    }
}

#[test]
fn every_scenario_but_the_benchmarks_is_a_drill_that_is_not_won_or_lost_at_its_start() {
    for name in scenario::names().filter(|name| !["big", "big-account"].contains(name)) {
        let mut world = world(name);
        assert!(world.briefing().is_some_and(|doc| doc.len() > 80), "{name}");
        let report = world.grade().unwrap();
        assert!(report.harms.iter().all(|harm| !harm.holds), "{name}: {}", report.text());
        assert!(report.find.len() > 20 && report.act.len() > 10, "{name}");
        assert!(report.changes.is_empty(), "{name}: what others did is not the operator's");
    }
}

#[test]
fn what_takes_longer_than_need_be_is_late() {
    let mut world = world("fraud-burns");
    later(&mut world, 40);
    update(&mut world, "fraud-prod", "fraud-v17-a");
    let report = ended(world);
    assert_eq!(report.grade, Grade::Late, "{}", report.text());
    assert!((40.0 * 60.0..41.0 * 60.0).contains(&report.acted.unwrap()), "{report:?}");
    let recovered = report.recovered.unwrap();
    assert!(recovered > report.acted.unwrap() && recovered < 3_600.0, "{report:?}");
    assert!(report.bad_minutes > 40.0 && report.failed > 1_000.0, "{report:?}");
}

#[test]
fn what_is_done_after_the_end_does_not_count() {
    let mut world = world("fraud-burns");
    world.advance_to(world.drill_end().unwrap());
    let before = world.grade().unwrap();
    update(&mut world, "fraud-prod", "fraud-v17-a");
    later(&mut world, 30);
    let after = world.grade().unwrap();
    assert_eq!((after.grade, after.changes.len()), (Grade::Missed, 0), "{}", after.text());
    assert_eq!(before, after);
}

#[test]
fn how_often_time_is_told_does_not_change_the_grade() {
    let played = |step: i64| {
        let mut world = world("fraud-burns");
        later(&mut world, 3);
        update(&mut world, "fraud-prod", "fraud-v17-a");
        while world.now() < world.drill_end().unwrap() {
            world.advance_to(world.now().plus(step).min(world.drill_end().unwrap()));
        }
        world.grade().unwrap()
    };
    assert_eq!(played(7_000), played(30 * MINUTE));
}

#[test]
fn a_drill_that_cannot_be_judged_is_refused() {
    let head = "name = 't'\ndoc = 't'\nseed = 1\nstart = '2026-11-23T02:00:00Z'\n[drill]\nfind = 'f'\nact = 'a'\n";
    let goal = "[[drill.goal]]\nsays = 's'\nchecks = [{ ask = 'ListModels' }]\n";
    assert!(Scenario::parse("t", &format!("{head}lasts = '1h'\n{goal}")).is_ok());
    for rest in [
        "lasts = 'soon'\n[[drill.goal]]\nsays = 's'\nchecks = [{ ask = 'ListModels' }]",
        "lasts = '1h'",
        "lasts = '1h'\n[[drill.goal]]\nsays = 's'\nchecks = []",
        "lasts = '1h'\n[[drill.goal]]\nsays = 's'\nchecks = [{ ask = 'DeleteModel' }]",
    ] {
        assert!(Scenario::parse("t", &format!("{head}{rest}")).is_err(), "{rest}");
    }
}

#[test]
fn the_debriefing_says_what_was_done_and_what_there_was_to_do() {
    let mut world = world("fraud-burns");
    later(&mut world, 2);
    update(&mut world, "fraud-prod", "fraud-v17-a");
    let text = ended(world).text();
    for part in [
        "Drill fraud-burns: GOOD",
        "[x] fraud-prod is in service",
        "UpdateEndpoint fraud-v17-a, fraud-prod",
        "What there was to find",
        "Put fraud-v17-a back",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    let start = Scenario::named("fraud-burns").unwrap();
    let mut other =
        World::new(Options { seed: 1, start: Timestamp::parse("2026-11-23T02:24:10Z").unwrap(), scenario: start });
    assert_ne!(other.grade().map(|report: Report| report.text()), Some(text));
    let _: Value = serde_json::to_value(other.grade()).unwrap();
}
