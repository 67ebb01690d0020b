//! Plans of shadow tests: what they ask for, what happens to the endpoint, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use mldeck_core::{
    ops::{
        Facts,
        call::{Ending, ShadowTest},
        candidate::History,
        confirm::Weight,
        guard::Check,
        intent::{Change, Intent},
        plan::{Expectation, Inverse, Plan, Refusal},
        snapshot::ScalingTarget,
        target::{Kind, Sight, Target},
        verb::{self, shadow},
    },
    text::Text,
};
use serde_json::{Value, json};

mod fixture;
use fixture::{context, t};

fn judge(intent: &Intent, facts: &Facts) -> Result<Plan, Vec<Refusal>> {
    verb::plan(intent, facts, &History::default(), &context())
}

#[track_caller]
fn why(result: Result<Plan, Vec<Refusal>>) -> String {
    match result {
        Err(refusals) => refusals.into_iter().map(|refusal| refusal.text).collect::<Vec<_>>().join("; "),
        Ok(plan) => panic!("planned: {}", plan.title()),
    }
}

fn wanted() -> ShadowTest {
    ShadowTest { endpoint: t("own"), model: t("m-2"), share: 20, instance_type: None, instance_count: None, role: None }
}

fn endpoint() -> Value {
    json!({
        "EndpointName": "own", "EndpointArn": "arn:own", "EndpointStatus": "InService", "EndpointConfigName": "own-a",
        "ProductionVariants": [{"VariantName": "live", "CurrentInstanceCount": 4}],
    })
}

fn config() -> Value {
    json!({"ProductionVariants": [
        {"VariantName": "live", "ModelName": "m-1", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}]})
}

fn facts(endpoint: Value, config: Value, model: Value) -> Facts {
    let thing = |kind, id: &str, body| (Target::new(kind, t(id)), Ok(Some(Sight { body, ..Sight::default() })));
    Facts {
        at: context().at,
        things: vec![
            thing(Kind::Endpoint, "own", endpoint),
            thing(Kind::EndpointConfig, "own-a", config),
            thing(Kind::Model, "m-2", model),
        ],
        latest: Some(Ok(None)),
        ..Facts::default()
    }
}

fn role() -> Value {
    json!({"ExecutionRoleArn": "arn:aws:iam::1:role/model"})
}

#[test]
fn a_model_gets_copies_beside_what_serves_with_the_instances_it_has_now() {
    let intent: Intent = Change::TestShadow(wanted()).into();
    let plan = judge(&intent, &facts(endpoint(), config(), role())).unwrap();
    let body = &plan.steps[0].call.body;
    assert_eq!(body["Name"], json!(format!("own-shadow-{}", plan.id())));
    assert_eq!((plan.target.kind, plan.target.id.raw()), (Kind::Experiment, body["Name"].as_str().unwrap().to_owned()));
    let infrastructure = json!({"InfrastructureType": "RealTimeInference",
        "RealTimeInferenceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 4}});
    assert_eq!(
        body["ModelVariants"],
        json!([
            {"ModelName": "m-1", "VariantName": "live", "InfrastructureConfig": infrastructure},
            {"ModelName": "m-2", "VariantName": "shadow", "InfrastructureConfig": infrastructure},
        ])
    );
    assert_eq!(
        body["ShadowModeConfig"],
        json!({"SourceModelVariantName": "live", "ShadowModelVariants": [
            {"ShadowModelVariantName": "shadow", "SamplingPercentage": 20}]})
    );
    assert_eq!(body["RoleArn"], "arn:aws:iam::1:role/model");
    let Inverse::Call(back) = &plan.steps[0].inverse else { panic!("{:?}", plan.steps[0].inverse) };
    assert_eq!(back.body["ModelVariantActions"], json!({"live": "Retain", "shadow": "Remove"}));
    assert_eq!(back.text("Name"), body["Name"].as_str());
    assert!(plan.is_intact() && plan.stop.contains(&plan.target.id.raw()));
    assert!(plan.rows.iter().any(|row| row.name == "endpoint" && row.after.starts_with("Updating")));
    let other = ShadowTest { role: Some(t("arn:aws:iam::1:role/tests")), instance_count: Some(1), ..wanted() };
    let plan = judge(&Change::TestShadow(other).into(), &facts(endpoint(), config(), role())).unwrap();
    assert_eq!(plan.steps[0].call.body["RoleArn"], "arn:aws:iam::1:role/tests");
    assert!(!plan.findings.iter().any(|finding| finding.check == Check::Owner));
}

const VERSION: &str = "arn:aws:sagemaker:eu-west-1:447100000921:model-package/own/2";

fn of_version(approval: &str) -> (Intent, Facts) {
    let test = ShadowTest { model: t(VERSION), ..wanted() };
    let body = json!({"ModelPackageGroupName": "own", "ModelPackageVersion": 2, "ModelApprovalStatus": approval});
    let live = json!({"ExecutionRoleArn": "arn:aws:iam::1:role/live", "VpcConfig": {"Subnets": ["s-1"]}});
    let mut facts = facts(endpoint(), config(), role());
    let thing = |kind, id: &str, body| (Target::new(kind, t(id)), Ok(Some(Sight { body, ..Sight::default() })));
    facts.things.truncate(1);
    assert_eq!(shadow::unread(&facts, &test), Some(Target::new(Kind::EndpointConfig, t("own-a"))));
    facts.things.push(thing(Kind::EndpointConfig, "own-a", config()));
    assert_eq!(shadow::unread(&facts, &wanted()), None, "a model is described by its name");
    assert_eq!(shadow::unread(&facts, &test), Some(Target::new(Kind::Model, t("m-1"))));
    facts.things.push(thing(Kind::Model, "m-1", live));
    assert_eq!(shadow::unread(&facts, &test), None);
    let change = Change::TestShadow(test);
    assert_eq!(change.things(None)[1], Target::new(Kind::ModelPackage, t(VERSION)));
    facts.things.push(thing(Kind::ModelPackage, VERSION, body));
    (change.into(), facts)
}

#[test]
fn of_a_registered_version_a_model_is_made_first_with_the_role_of_the_one_that_serves() {
    let (intent, facts) = of_version("Approved");
    let plan = judge(&intent, &facts).unwrap();
    let operations: Vec<_> = plan.steps.iter().map(|step| step.call.operation()).collect();
    assert_eq!((operations.as_slice(), plan.main), (["CreateModel", "CreateInferenceExperiment"].as_slice(), 1));
    let name = format!("own-v2-{}", plan.id());
    let (model, test) = (&plan.steps[0].call.body, &plan.steps[1].call.body);
    assert_eq!((&model["ModelName"], &model["ExecutionRoleArn"]), (&json!(name), &json!("arn:aws:iam::1:role/live")));
    assert_eq!(model["Containers"], json!([{"ModelPackageName": VERSION}]));
    assert_eq!(model["VpcConfig"], json!({"Subnets": ["s-1"]}));
    assert_eq!(
        (&test["ModelVariants"][1]["ModelName"], &test["RoleArn"]),
        (&json!(name), &json!("arn:aws:iam::1:role/live"))
    );
    assert_eq!(plan.to.label, "own v2 as its shadow");
    assert!(plan.is_intact() && plan.undo.contains("the model stays") && plan.vanish.contains("a model was made"));
}

#[test]
fn a_version_that_nobody_approved_is_not_tested() {
    for approval in ["PendingManualApproval", "Rejected"] {
        let (intent, facts) = of_version(approval);
        let why = why(judge(&intent, &facts));
        assert!(why.contains("own v2 is") && why.contains("only what is Approved"), "{why}");
    }
}

#[test]
fn where_calls_cannot_be_copied_there_is_no_plan() {
    let with = |mut body: Value, pointer: &str, value: Value| {
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let also = |mut body: Value, member: &str, value: Value| {
        body[member] = value;
        body
    };
    let intent: Intent = Change::TestShadow(wanted()).into();
    let two = json!([config()["ProductionVariants"][0], config()["ProductionVariants"][0]]);
    for (endpoint, config, model, said) in [
        (with(endpoint(), "/EndpointStatus", json!("Updating")), config(), role(), "Updating"),
        (endpoint(), with(config(), "/ProductionVariants", two), role(), "several"),
        (endpoint(), with(config(), "/ProductionVariants/0/ModelName", Value::Null), role(), "inference components"),
        (endpoint(), with(config(), "/ProductionVariants/0/InstanceType", Value::Null), role(), "serverless"),
        (also(endpoint(), "ShadowProductionVariants", json!([{}])), config(), role(), "shadow variant already"),
        (endpoint(), also(config(), "AsyncInferenceConfig", json!({})), role(), "asynchronous"),
        (endpoint(), config(), json!({}), "no role"),
    ] {
        let told = why(judge(&intent, &facts(endpoint, config, model)));
        assert!(told.contains(said), "{said}: {told}");
    }
}

fn experiment(status: &str) -> Sight {
    let body = json!({
        "Name": "test", "Arn": "arn:test", "Status": status,
        "EndpointMetadata": {"EndpointName": "own", "EndpointStatus": "InService"},
        "ShadowModeConfig": {"SourceModelVariantName": "live", "ShadowModelVariants": [
            {"ShadowModelVariantName": "shadow", "SamplingPercentage": 20}]},
        "ModelVariants": [{"VariantName": "live", "ModelName": "m-1"}, {"VariantName": "shadow", "ModelName": "m-2"}],
    });
    Sight { status: t(status), body, ..Sight::default() }
}

fn on(change: Change, status: &str) -> Result<Plan, Vec<Refusal>> {
    on_scaled(change, status, Vec::new())
}

fn on_scaled(change: Change, status: &str, targets: Vec<ScalingTarget>) -> Result<Plan, Vec<Refusal>> {
    let intent = Intent::from(change).because(Some(t("better")));
    let things = vec![(Target::new(Kind::Experiment, t("test")), Ok(Some(experiment(status))))];
    judge(&intent, &Facts { at: context().at, things, scaling: Some(Ok(targets)), ..Facts::default() })
}

fn end(ending: Ending) -> Change {
    Change::EndShadow { test: t("test"), ending }
}

fn done(plan: &Plan) -> Vec<Text> {
    match &plan.steps[0].expect {
        Expectation::Shows { done, .. } => done.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_test_that_waits_is_started_stopped_or_left() {
    let plan = on(Change::StartShadow { test: t("test") }, "Created").unwrap();
    assert_eq!((plan.steps[0].call.operation(), done(&plan)), ("StartInferenceExperiment", vec![t("Running")]));
    assert!(why(on(Change::StartShadow { test: t("test") }, "Running")).contains("it is Running"));
    let plan = on(end(Ending::Remove), "Created").unwrap();
    assert_eq!(plan.steps[0].call.text("DesiredState"), Some("Cancelled"));
    assert_eq!(done(&plan), [t("Cancelled")]);
    assert!(plan.rows.iter().any(|row| row.after.contains("nothing was changed yet")));
    assert!(why(on(end(Ending::Promote), "Created")).contains("only what runs"));
}

#[test]
fn a_test_that_runs_is_stopped_or_its_shadow_promoted() {
    let plan = on(end(Ending::Remove), "Running").unwrap();
    let body = &plan.steps[0].call.body;
    assert_eq!(body["ModelVariantActions"], json!({"live": "Retain", "shadow": "Remove"}));
    assert_eq!((body["DesiredState"].as_str(), body["Reason"].as_str()), (Some("Completed"), Some("better")));
    assert_eq!(plan.weight, Weight::Target);
    let plan = on(end(Ending::Promote), "Running").unwrap();
    assert_eq!(plan.steps[0].call.body["ModelVariantActions"], json!({"live": "Remove", "shadow": "Promote"}));
    assert_eq!((plan.weight, plan.verb.as_str(), done(&plan)), (Weight::Heavy, "promote", vec![t("Completed")]));
    assert!(plan.undo.contains("B on own"), "{}", plan.undo);
    for status in ["Starting", "Updating", "Stopping", "Completed", "Cancelled"] {
        assert!(why(on(end(Ending::Promote), status)).contains(status));
        assert!(why(on(end(Ending::Remove), status)).contains(status));
    }
}

#[test]
fn a_variant_under_autoscaling_is_not_taken_away() {
    let target = || ScalingTarget { variant: t("live"), ..ScalingTarget::default() };
    let refusals = on_scaled(end(Ending::Promote), "Running", vec![target()]).unwrap_err();
    assert!(refusals[0].text.contains("live is autoscaled"));
    assert!(refusals[0].remedy.as_ref().unwrap().contains("--resource-id endpoint/own/variant/live"));
    on_scaled(end(Ending::Remove), "Running", vec![target()]).unwrap();
}
