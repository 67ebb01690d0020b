//! A promotion and a deletion from the account's facts to their end, on the account.

use std::collections::VecDeque;

use mldeck_core::{
    ask::{Answer, Ask, Write},
    ops::{
        Facts,
        candidate::History,
        guard::{Check, Severity},
        intent::{Change, Class, Context, Intent, Rollout},
        plan::{Plan, Refusal},
        run::{Effect, Event, Run},
        target::{Kind, Target},
        verb,
    },
    resource::operation::OperationState,
    text::Text,
    time::{HOUR, SECOND, Timestamp},
};
use mldeck_gateway::{Class as OnWire, Gateway, Grant};
use mldeck_sandbox::{
    World,
    faults::{Kind as Fault, Rule},
};
use serde_json::{Value, json};

use crate::support::{Sandbox, sandbox, scope};

pub(crate) fn text(raw: &str) -> Text {
    Text::new(raw)
}

fn arn(group: &str, version: u32) -> Text {
    text(&format!("arn:aws:sagemaker:eu-west-1:447100000921:model-package/{group}/{version}"))
}

fn promote(group: &str, version: u32, endpoint: &str, accept: &[&str]) -> Intent {
    let change = Change::Promote {
        package: arn(group, version),
        endpoint: text(endpoint),
        rollout: Rollout::Canary,
        accept: accept.iter().map(|word| text(word)).collect(),
        origin: None,
    };
    Intent::from(change).because((!accept.is_empty()).then(|| text("OPS-7")))
}

fn delete(kind: Kind, id: &str) -> Intent {
    Change::Delete { target: Target::new(kind, text(id)) }.into()
}

async fn facts(gateway: &Gateway, intent: &Intent) -> Facts {
    match gateway.ask(&Ask::Facts { intent: Box::new(intent.clone()), deep: false }).await {
        Ok(Answer::Facts(facts)) => *facts,
        other => panic!("no facts: {other:?}"),
    }
}

pub(crate) fn judged(intent: &Intent, facts: &Facts, now: Timestamp) -> Result<Plan, Vec<Refusal>> {
    let context = Context { at: now, by: text("anna"), scope: scope(), class: Class::Prod };
    verb::plan(intent, facts, &History::default(), &context)
}

pub(crate) async fn planned(gateway: &Gateway, intent: &Intent) -> Result<Plan, Vec<Refusal>> {
    let facts = facts(gateway, intent).await;
    judged(intent, &facts, gateway.now())
}

/// Time goes on in the account until then.
fn pass_until(sandbox: &Sandbox, at: Timestamp) {
    sandbox.world.lock().unwrap().advance_to(at);
}

/// Carries a plan out to its end; what it said on the way comes along.
pub(crate) async fn carried_out(sandbox: &Sandbox, gateway: &Gateway, plan: Plan) -> (OperationState, Vec<String>) {
    let id = plan.id();
    let calls: Vec<_> = plan.steps.iter().map(|step| step.call.clone()).collect();
    let grant = Grant::for_plan(scope(), id.clone(), &calls, gateway.now().plus(30 * HOUR));
    let mut run = Run::new(plan, gateway.now());
    let (mut events, mut wake, mut said) = (VecDeque::from([Event::Start]), None, Vec::new());
    let until = gateway.now().plus(30 * HOUR);
    while gateway.now() < until {
        let Some(event) = events.pop_front() else {
            let at: Timestamp = wake.take().expect("a run that waits says for when");
            pass_until(sandbox, at.max(gateway.now().plus(SECOND)));
            events.push_back(Event::Wake);
            continue;
        };
        for effect in run.step(gateway.now(), event) {
            match effect {
                Effect::Journal(record) => events.push_back(Event::Journaled { seq: record.seq, result: Ok(()) }),
                Effect::Read { ticket, ask, .. } => {
                    let result = gateway.ask(&ask).await;
                    events.push_back(Event::Read { ticket, result });
                }
                Effect::Send { ticket, call, .. } => {
                    let sent = gateway.send(&Write { call, plan: id.clone() }, &grant).await;
                    events.push_back(Event::Sent { ticket, sent });
                }
                Effect::Lock { .. } | Effect::Unrecorded(_) => panic!("this run has no team, and a journal"),
                Effect::WakeAt(at) => wake = Some(at),
                Effect::Say { text, .. } => said.push(text),
                Effect::Stale(differences) => said.push(format!("{differences:?}")),
                Effect::Finished(state) => return (state, said),
            }
        }
    }
    panic!("it does not end: {said:#?}");
}

/// A request of somebody else.
pub(crate) fn call(world: &mut World, service: &str, target: &str, input: &Value) -> Value {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=ASIAOTHER/20261123/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let request = http::Request::post("/")
        .header("authorization", authorization)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", target)
        .body(bytes::Bytes::from(input.to_string()))
        .expect("a request");
    let answer = world.handle(&request);
    assert_eq!(answer.status(), 200, "{target}: {answer:?}");
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

pub(crate) fn describe(sandbox: &Sandbox, operation: &str, member: &str, name: &str) -> Value {
    let mut world = sandbox.world.lock().unwrap();
    call(&mut world, "sagemaker", &format!("SageMaker.{operation}"), &json!({ member: name }))
}

pub(crate) fn written(sandbox: &Sandbox) -> Vec<String> {
    let seen = sandbox.peer.seen().into_iter();
    seen.filter(|seen| seen.what.class == OnWire::Write).map(|seen| seen.what.operation).collect()
}

/// Its evaluation says that it is better than any before.
fn better(sandbox: &Sandbox, version: &Text) {
    let metrics = json!({"val/auc": "0.99", "val/logloss": "0.01", "val/ndcg": "0.99", "val/map": "0.99"});
    let update = json!({"ModelPackageArn": version.raw(), "CustomerMetadataProperties": metrics});
    call(&mut sandbox.world.lock().unwrap(), "sagemaker", "SageMaker.UpdateModelPackage", &update);
}

/// Nothing is wrong, and v18 of fraud is better than v17, which serves.
async fn quiet() -> (Sandbox, Gateway) {
    let (sandbox, gateway) = world("quiet-night").await;
    better(&sandbox, &arn("fraud", 18));
    (sandbox, gateway)
}

pub(crate) async fn world(scenario: &str) -> (Sandbox, Gateway) {
    let sandbox = sandbox(scenario);
    let gateway = sandbox.gateway().await;
    gateway.ask(&Ask::Identity).await.expect("who we are");
    (sandbox, gateway)
}

#[tokio::test]
async fn a_version_takes_over_and_leaves_its_traces() {
    let (sandbox, gateway) = quiet().await;
    let held = planned(&gateway, &promote("fraud", 18, "fraud-prod", &[])).await.expect_err("no bias report");
    assert_eq!(held.iter().map(|refusal| refusal.check).collect::<Vec<_>>(), [Check::Bias], "{held:#?}");
    let plan = planned(&gateway, &promote("fraud", 18, "fraud-prod", &["bias"])).await.expect("a plan");
    assert_eq!(plan.title(), "Promote fraud-prod: v17 → v18");
    let ok = |check| plan.findings.iter().any(|f| f.check == check && f.severity == Severity::Ok);
    for check in [Check::Approval, Check::Artifact, Check::Image, Check::Interface, Check::Metrics, Check::Automation] {
        assert!(ok(check), "{check:?}: {:#?}", plan.findings);
    }
    let (config, before) = (plan.to.config.raw(), plan.from.config.raw());
    sandbox.peer.forget();
    let (state, said) = carried_out(&sandbox, &gateway, plan).await;
    assert_eq!(state, OperationState::Done, "{said:#?}");
    let wanted =
        ["UpdateModelPackage", "CreateModel", "CreateEndpointConfig", "PutMetricAlarm", "UpdateEndpoint", "AddTags"];
    assert_eq!(written(&sandbox), wanted);
    let endpoint = describe(&sandbox, "DescribeEndpoint", "EndpointName", "fraud-prod");
    assert_eq!((&endpoint["EndpointConfigName"], &endpoint["EndpointStatus"]), (&json!(config), &json!("InService")));
    let made = describe(&sandbox, "DescribeEndpointConfig", "EndpointConfigName", &config);
    let variant = &made["ProductionVariants"][0];
    let model = describe(&sandbox, "DescribeModel", "ModelName", variant["ModelName"].as_str().unwrap());
    assert_eq!(model["Containers"][0]["ModelPackageName"], arn("fraud", 18).raw());
    let old = describe(&sandbox, "DescribeEndpointConfig", "EndpointConfigName", &before);
    assert_eq!(made["DataCaptureConfig"], old["DataCaptureConfig"], "what the live config had is kept");
    assert_eq!(variant["InitialInstanceCount"], endpoint["ProductionVariants"][0]["DesiredInstanceCount"]);
    let package = describe(&sandbox, "DescribeModelPackage", "ModelPackageName", &arn("fraud", 18).raw());
    assert_eq!(package["ModelApprovalStatus"], "Approved");
    // A way back is found by those traces, on another host.
    let tags = describe(&sandbox, "ListTags", "ResourceArn", endpoint["EndpointArn"].as_str().unwrap());
    assert!(tags["Tags"].as_array().unwrap().contains(&json!({"Key": "mldeck:previous-config", "Value": before})));
    let again = planned(&gateway, &promote("fraud", 18, "fraud-prod", &["bias"])).await.expect_err("it is live");
    assert!(again.iter().any(|refusal| refusal.text.contains("live already")), "{again:#?}");
}

#[tokio::test]
async fn a_version_that_was_measured_worse_is_held_by_what_the_account_says() {
    let (_sandbox, gateway) = world("quiet-night").await;
    let refusals = planned(&gateway, &promote("fraud", 18, "fraud-prod", &["bias"])).await.expect_err("worse");
    let [only] = refusals.as_slice() else { panic!("{refusals:#?}") };
    assert_eq!(only.check, Check::Metrics);
    assert!(only.text.contains("val/logloss 0.0"), "{only:?}");
}

#[tokio::test]
async fn a_lost_answer_of_what_is_made_by_name_is_resolved_by_looking() {
    for (operation, fault, sends) in [
        ("CreateModel", Fault::LostResponse, 1),
        ("CreateModel", Fault::ServerError, 2),
        ("CreateEndpointConfig", Fault::LostResponse, 1),
    ] {
        let (sandbox, gateway) = quiet().await;
        let plan = planned(&gateway, &promote("fraud", 18, "fraud-prod", &["bias"])).await.expect("a plan");
        sandbox.world.lock().unwrap().faults().add(Rule::once(operation, fault.clone()));
        sandbox.peer.forget();
        let (state, said) = carried_out(&sandbox, &gateway, plan).await;
        assert_eq!(state, OperationState::Done, "{operation} {fault:?}: {said:#?}");
        let written = written(&sandbox);
        assert_eq!(written.iter().filter(|sent| *sent == operation).count(), sends, "{fault:?}: {written:?}");
        assert_eq!(written.iter().filter(|sent| *sent == "UpdateEndpoint").count(), 1);
    }
}

#[tokio::test]
async fn what_became_of_the_endpoint_meanwhile_stops_it_before_anything_is_made() {
    let (sandbox, gateway) = quiet().await;
    let plan = planned(&gateway, &promote("fraud", 18, "fraud-prod", &["bias"])).await.expect("a plan");
    let other = json!({"EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v16-b"});
    call(&mut sandbox.world.lock().unwrap(), "sagemaker", "SageMaker.UpdateEndpoint", &other);
    sandbox.peer.forget();
    let (state, said) = carried_out(&sandbox, &gateway, plan).await;
    assert_eq!((state, written(&sandbox)), (OperationState::Refused, Vec::new()), "{said:#?}");
}

#[tokio::test]
async fn a_rule_that_deploys_makes_it_an_approval() {
    let (sandbox, gateway) = quiet().await;
    {
        let mut world = sandbox.world.lock().unwrap();
        let pattern = json!({
            "source": ["aws.sagemaker"], "detail-type": ["SageMaker Model Package State Change"],
            "detail": {"ModelPackageGroupName": ["fraud"], "ModelApprovalStatus": ["Approved"]},
        });
        let rule = json!({"Name": "deploy-fraud", "EventPattern": pattern.to_string()});
        call(&mut world, "events", "AWSEvents.PutRule", &rule);
        let target = json!({"Id": "1", "Arn": "arn:aws:codepipeline:eu-west-1:447100000921:fraud-deploy"});
        call(&mut world, "events", "AWSEvents.PutTargets", &json!({"Rule": "deploy-fraud", "Targets": [target]}));
    }
    let plan = planned(&gateway, &promote("fraud", 18, "fraud-prod", &["bias"])).await.expect("a plan");
    let line = plan.findings.iter().find(|f| f.check == Check::Automation).expect("a line");
    assert!(line.text.contains("deploy-fraud (starts fraud-deploy)"), "{line:?}");
    sandbox.peer.forget();
    let (state, said) = carried_out(&sandbox, &gateway, plan).await;
    assert_eq!((state, written(&sandbox)), (OperationState::Done, vec!["UpdateModelPackage".to_owned()]), "{said:#?}");
    // Another group's rule is none of ours.
    better(&sandbox, &arn("ranking", 32));
    let other = facts(&gateway, &promote("ranking", 32, "ranking-eu", &[])).await;
    assert_eq!(other.rules.as_ref().and_then(|rules| rules.as_ref().ok()).map(Vec::len), Some(1));
    let plan = judged(&promote("ranking", 32, "ranking-eu", &["bias"]), &other, gateway.now()).expect("a plan");
    assert!(plan.steps.len() > 1, "{}", plan.title());
}

#[tokio::test]
async fn rules_that_may_not_be_read_are_said_and_hold_nothing() {
    let (sandbox, gateway) = quiet().await;
    sandbox.world.lock().unwrap().faults().add(Rule::once("ListRules", Fault::AccessDenied));
    let plan = planned(&gateway, &promote("fraud", 18, "fraud-prod", &["bias"])).await.expect("a plan");
    let line = plan.findings.iter().find(|f| f.check == Check::Automation).expect("a line");
    assert_eq!(line.severity, Severity::Warn);
    assert!(line.text.contains("events:ListRules"), "{line:?}");
}

#[tokio::test]
async fn an_endpoint_in_trouble_says_what_is_left_out_or_stands_in_the_way() {
    let (sandbox, gateway) = world("fraud-burns").await;
    better(&sandbox, &arn("fraud", 16));
    let refusals = planned(&gateway, &promote("fraud", 18, "fraud-prod", &["bias"])).await.expect_err("v18 is live");
    assert!(refusals.iter().any(|refusal| refusal.text.contains("live already")), "{refusals:#?}");
    let back = planned(&gateway, &promote("fraud", 16, "fraud-prod", &["bias", "freshness", "alarms"])).await;
    let texts = match back {
        Ok(plan) => plan.findings.into_iter().map(|finding| finding.text).collect::<Vec<_>>(),
        Err(refusals) => panic!("{refusals:#?}"),
    };
    assert!(texts.iter().any(|text| text.contains("fraud-5xx") && text.contains("left out")), "{texts:#?}");
    let (_sandbox, gateway) = world("bad-canary").await;
    let refusals = planned(&gateway, &promote("ranking", 32, "ranking-eu", &["bias"])).await.expect_err("it moves");
    assert_eq!(refusals.iter().map(|refusal| refusal.check).collect::<Vec<_>>(), [Check::Status], "{refusals:#?}");
    assert!(refusals[0].text.contains("Updating"), "{refusals:#?}");
}

/// Statements of the documents in `docs/iam`, as one policy.
pub(crate) fn policy(names: &[&str]) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/iam");
    let read = |name: &&str| -> Value {
        let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).expect("a document");
        serde_json::from_str(&text).expect("a policy")
    };
    let all =
        names.iter().map(read).flat_map(|document| document["Statement"].as_array().cloned().expect("statements"));
    json!({"Version": "2012-10-17", "Statement": all.collect::<Vec<_>>()}).to_string()
}

#[tokio::test]
async fn the_policies_of_the_documentation_are_enough_to_promote_and_to_delete() {
    let (sandbox, gateway) = quiet().await;
    let hold = |names: &[&str]| sandbox.world.lock().unwrap().hold_to_policy(&policy(names)).expect("a policy");
    hold(&["viewer", "operator"]);
    // The viewer's policy names buckets of SageMaker's own; those of this account are called otherwise.
    let accept = ["bias", "artifact", "way-back"];
    let plan = planned(&gateway, &promote("fraud", 18, "fraud-prod", &accept)).await.expect("a plan");
    let unknown = |f: &mldeck_core::ops::guard::Finding| f.check == Check::Automation && f.severity != Severity::Ok;
    assert!(!plan.findings.iter().any(unknown), "rules can be read: {:#?}", plan.findings);
    let (state, said) = carried_out(&sandbox, &gateway, plan).await;
    assert_eq!(state, OperationState::Refused, "backing out needs less: {said:#?}");
    hold(&["viewer", "operator", "promote"]);
    let plan = planned(&gateway, &promote("fraud", 18, "fraud-prod", &accept)).await.expect("a plan");
    let (model, config) =
        (plan.steps.iter().find_map(|step| step.call.text("ModelName")).map(str::to_owned), plan.to.config.raw());
    let (state, said) = carried_out(&sandbox, &gateway, plan).await;
    assert_eq!(state, OperationState::Done, "{said:#?}");
    // What just went live is needed, and stays.
    let refusals = planned(&gateway, &delete(Kind::EndpointConfig, &config)).await.expect_err("live");
    assert!(refusals.iter().any(|refusal| refusal.text.contains("in use now")), "{refusals:#?}");
    let refusals = planned(&gateway, &delete(Kind::Model, &model.expect("a model"))).await.expect_err("live");
    assert!(refusals.iter().any(|refusal| refusal.text.contains("in use now")), "{refusals:#?}");
    let made = json!({"ModelName": "spare", "ExecutionRoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
        "Containers": [{"ModelPackageName": arn("fraud", 16).raw()}]});
    sandbox
        .world
        .lock()
        .unwrap()
        .hold_to_policy(r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#)
        .expect("all");
    call(&mut sandbox.world.lock().unwrap(), "sagemaker", "SageMaker.CreateModel", &made);
    hold(&["viewer", "delete"]);
    let plan = planned(&gateway, &delete(Kind::Model, "spare")).await.expect("a plan");
    let (state, said) = carried_out(&sandbox, &gateway, plan).await;
    assert_eq!(state, OperationState::Done, "{said:#?}");
}

#[tokio::test]
async fn what_serves_or_may_be_gone_back_to_is_not_deleted() {
    let (_sandbox, gateway) = world("quiet-night").await;
    for (kind, id, word) in [
        (Kind::Endpoint, "fraud-prod", "called"),
        (Kind::EndpointConfig, "fraud-v17-a", "in use now by fraud-prod"),
        (Kind::EndpointConfig, "ranking-v30-c", "may be brought back"),
        (Kind::Model, "fraud-v17", "in use now by fraud-prod"),
        (Kind::Model, "ranking-v30", "may be brought back"),
    ] {
        let refusals = planned(&gateway, &delete(kind, id)).await.expect_err(id);
        let why: Vec<&str> = refusals.iter().map(|refusal| refusal.text.as_str()).collect();
        assert!(why.iter().any(|text| text.contains(word)), "{id}: {why:#?}");
    }
}

#[tokio::test]
async fn what_nobody_needs_goes_and_is_gone() {
    let (sandbox, gateway) = world("quiet-night").await;
    {
        let mut world = sandbox.world.lock().unwrap();
        let mut ask =
            |operation: &str, input: Value| call(&mut world, "sagemaker", &format!("SageMaker.{operation}"), &input);
        let package = json!([{"ModelPackageName": arn("fraud", 16).raw()}]);
        ask(
            "CreateModel",
            json!({"ModelName": "try-1", "ExecutionRoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution", "Containers": package}),
        );
        let variant = json!({"VariantName": "a", "ModelName": "try-1", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1, "InitialVariantWeight": 1.0});
        ask("CreateEndpointConfig", json!({"EndpointConfigName": "try-1", "ProductionVariants": [variant]}));
    }
    for (kind, operation) in [(Kind::EndpointConfig, "DeleteEndpointConfig"), (Kind::Model, "DeleteModel")] {
        let plan = planned(&gateway, &delete(kind, "try-1")).await.expect("a plan");
        sandbox.world.lock().unwrap().faults().add(Rule::once(operation, Fault::LostResponse));
        sandbox.peer.forget();
        let (state, said) = carried_out(&sandbox, &gateway, plan).await;
        assert_eq!((state, written(&sandbox)), (OperationState::Done, vec![operation.to_owned()]), "{said:#?}");
        let gone = planned(&gateway, &delete(kind, "try-1")).await.expect_err("gone");
        assert!(gone[0].text.contains("there is no"), "{gone:#?}");
    }
}

const JOB: &str = "arn:aws:sagemaker:eu-west-1:447100000921:training-job/fraud-train-0914";

fn from_job(accept: &[&str]) -> Intent {
    let change = Change::Promote {
        package: text(JOB),
        endpoint: text("fraud-prod"),
        rollout: Rollout::Canary,
        accept: accept.iter().map(|word| text(word)).collect(),
        origin: None,
    };
    Intent::from(change).because(Some(text("OPS-7")))
}

/// What serves was measured at nothing: any run is better.
async fn humble() -> (Sandbox, Gateway) {
    let (sandbox, gateway) = world("quiet-night").await;
    let metrics = json!({"val/auc": "0.5", "val/logloss": "0.9"});
    let update = json!({"ModelPackageArn": arn("fraud", 17).raw(), "CustomerMetadataProperties": metrics});
    call(&mut sandbox.world.lock().unwrap(), "sagemaker", "SageMaker.UpdateModelPackage", &update);
    (sandbox, gateway)
}

#[tokio::test]
async fn a_run_is_registered_and_takes_over() {
    let (sandbox, gateway) = humble().await;
    let plan = planned(&gateway, &from_job(&["bias"])).await.expect("a plan");
    assert_eq!(plan.title(), "Promote fraud-prod: v17 → v19");
    sandbox.peer.forget();
    let (state, said) = carried_out(&sandbox, &gateway, plan).await;
    assert_eq!(state, OperationState::Done, "{said:#?}");
    assert_eq!(written(&sandbox)[..3], ["CreateModelPackage", "UpdateModelPackage", "CreateModel"]);
    let package = describe(&sandbox, "DescribeModelPackage", "ModelPackageName", &arn("fraud", 19).raw());
    assert_eq!((&package["ModelApprovalStatus"], &package["SourceUri"]), (&json!("Approved"), &json!(JOB)));
    let artifact = &package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"];
    assert!(artifact.as_str().is_some_and(|url| url.contains("fraud-train-0914/output")), "{artifact}");
    let again = planned(&gateway, &from_job(&["bias"])).await.expect_err("it serves");
    assert!(again.iter().any(|refusal| refusal.text.contains("v19 is what is live already")), "{again:#?}");
}

#[tokio::test]
async fn a_version_that_somebody_registers_meanwhile_is_not_taken_for_ours() {
    let (sandbox, gateway) = humble().await;
    let plan = planned(&gateway, &from_job(&["bias"])).await.expect("a plan");
    let mut theirs = plan.steps[0].call.body.clone();
    theirs["ClientToken"] = json!("somebody-else");
    call(&mut sandbox.world.lock().unwrap(), "sagemaker", "SageMaker.CreateModelPackage", &theirs);
    sandbox.peer.forget();
    let (state, said) = carried_out(&sandbox, &gateway, plan).await;
    assert_eq!(
        (state, written(&sandbox)),
        (OperationState::Refused, vec!["CreateModelPackage".to_owned()]),
        "{said:#?}"
    );
    assert!(said.last().is_some_and(|text| text.contains("fraud/20")), "{said:#?}");
}

#[tokio::test]
async fn a_lost_answer_of_a_registration_registers_once() {
    for fault in [Fault::LostResponse, Fault::ServerError] {
        let (sandbox, gateway) = humble().await;
        let plan = planned(&gateway, &from_job(&["bias"])).await.expect("a plan");
        sandbox.world.lock().unwrap().faults().add(Rule::once("CreateModelPackage", fault.clone()));
        let (state, said) = carried_out(&sandbox, &gateway, plan).await;
        assert_eq!(state, OperationState::Done, "{fault:?}: {said:#?}");
        // The account's own pipelines register as well.
        let found = json!({"Resource": "ModelPackage", "SearchExpression": {"Filters": [
            {"Name": "ModelPackageGroupName", "Operator": "Equals", "Value": "fraud"},
        ]}, "MaxResults": 100});
        let found = call(&mut sandbox.world.lock().unwrap(), "sagemaker", "SageMaker.Search", &found);
        let of_job = |row: &&Value| row.pointer("/ModelPackage/SourceUri") == Some(&json!(JOB));
        assert_eq!(found["Results"].as_array().unwrap().iter().filter(of_job).count(), 1, "{fault:?}");
    }
}
