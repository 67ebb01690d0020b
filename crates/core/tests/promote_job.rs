//! A training job's model takes over an endpoint: it is registered first.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use mldeck_core::{
    ask::{Answer, Sent},
    fault::{Fault, FaultKind},
    ops::{
        Facts,
        candidate::History,
        guard::{Check, Severity},
        intent::{Change, Intent, Rollout},
        plan::{Expectation, Plan, Refusal},
        run::{Effect, Event, Run},
        snapshot::{EventRule, Registered},
        target::{Kind, Seen, Sight, Target},
        verb,
    },
    resource::operation::OperationState,
    text::Text,
};
use serde_json::{Value, json};

mod fixture;
use fixture::{LIVE, NAME, alarm, at, context, snapshot, t};
use mldeck_core::resource::alarm::AlarmState;

const JOB: &str = "arn:aws:sagemaker:eu-west-1:447100000921:training-job/fraud-train-900";
const BEFORE: &str = "arn:aws:sagemaker:eu-west-1:447100000921:training-job/fraud-train-880";

fn version(number: u32) -> Text {
    t(&format!("arn:aws:sagemaker:eu-west-1:447100000921:model-package/fraud/{number}"))
}

fn job(name: &str, image: &str) -> Value {
    json!({
        "TrainingJobName": name, "TrainingJobArn": JOB, "TrainingJobStatus": "Completed",
        "ModelArtifacts": {"S3ModelArtifacts": format!("s3://models/runs/{name}/model.tar.gz")},
        "AlgorithmSpecification": {"TrainingImage": image},
        "FinalMetricDataList": [{"MetricName": "val/auc", "Value": 0.95}],
        "TrainingEndTime": at("22T20:00:00").millis() as f64 / 1_000.0,
    })
}

fn sight(status: &str, body: Value) -> Result<Option<Sight>, Fault> {
    Ok(Some(Sight { status: t(status), body, ..Sight::default() }))
}

/// v18 serves and was trained by fraud-train-880; the newest version is v19.
fn facts() -> Facts {
    let mut snapshot = snapshot();
    snapshot.alarms = Ok(vec![alarm("fraud-5xx", AlarmState::Ok), alarm("fraud-p99", AlarmState::Ok)]);
    let live = json!({
        "ModelPackageGroupName": "fraud", "ModelPackageVersion": 18, "ModelPackageStatus": "Completed",
        "ModelApprovalStatus": "Approved", "SourceUri": BEFORE,
        "InferenceSpecification": {
            "Containers": [{"Image": "fraud-serve@sha256:9f1c", "ModelDataUrl": "s3://models/18", "ModelDataETag": "abc"}],
            "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"],
        },
        "CustomerMetadataProperties": {"val/auc": "0.92"},
    });
    let config = json!({
        "ProductionVariants": [{"VariantName": "blue", "ModelName": "fraud-18", "InstanceType": "ml.c5.2xlarge",
            "InitialInstanceCount": 2, "InitialVariantWeight": 1.0}],
    });
    let model = json!({"ModelName": "fraud-18", "ExecutionRoleArn": "arn:aws:iam::447100000921:role/X"});
    Facts {
        things: vec![
            (
                Target::new(Kind::TrainingJob, t("fraud-train-900")),
                sight("Completed", job("fraud-train-900", "train@sha256:1")),
            ),
            (
                Target::new(Kind::TrainingJob, t("fraud-train-880")),
                sight("Completed", job("fraud-train-880", "train@sha256:2")),
            ),
            (Target::new(Kind::ModelPackage, version(18)), sight("Completed", live)),
            (Target::new(Kind::EndpointConfig, t(LIVE)), sight("", config)),
            (Target::new(Kind::Model, t("fraud-18")), sight("", model)),
        ],
        rules: Some(Ok(Vec::new())),
        monitors: Some(Ok(Vec::new())),
        exists: vec![(t("s3://models/runs/fraud-train-900/model.tar.gz"), Ok(true))],
        registered: Some(Ok(Registered { latest: 19, version: None })),
        ..Facts::from(snapshot)
    }
}

fn intent() -> Intent {
    let (accept, rollout) = (vec![t("bias")], Rollout::Canary);
    Intent::from(Change::Promote { package: t(JOB), endpoint: t(NAME), rollout, accept, origin: None })
        .because(Some(t("OPS-7")))
}

fn plan_of(facts: &Facts) -> Result<Plan, Vec<Refusal>> {
    verb::plan(&intent(), facts, &History::default(), &context())
}

fn calls(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.call.operation()).collect()
}

#[test]
fn a_job_is_registered_as_the_next_version_and_that_version_is_served() {
    let plan = plan_of(&facts()).unwrap();
    assert_eq!(plan.title(), "Promote fraud-prod: v18 → v20");
    let wanted = [
        "CreateModelPackage",
        "UpdateModelPackage",
        "CreateModel",
        "CreateEndpointConfig",
        "PutMetricAlarm",
        "UpdateEndpoint",
        "AddTags",
    ];
    assert_eq!(calls(&plan), wanted);
    let register = &plan.steps[0];
    assert_eq!(register.expect, Expectation::Made { arn: version(20) });
    let body = &register.call.body;
    assert_eq!(body["SourceUri"], JOB);
    assert_eq!(body["ModelApprovalStatus"], "PendingManualApproval");
    let container = &body["InferenceSpecification"]["Containers"][0];
    assert_eq!(
        *container,
        json!({"Image": "fraud-serve@sha256:9f1c", "ModelDataUrl": "s3://models/runs/fraud-train-900/model.tar.gz"})
    );
    assert_eq!(body["CustomerMetadataProperties"], json!({"training_job": "fraud-train-900", "val/auc": "0.95"}));
    assert!(body["ClientToken"].as_str().unwrap().contains(plan.id().as_str()));
    assert!(body.get("Tags").is_none(), "a version of a group takes none");
    assert_eq!(plan.steps[1].call.body["ModelPackageArn"], version(20).raw());
    assert_eq!(plan.steps[2].call.body["Containers"][0]["ModelPackageName"], version(20).raw());
    let said = |check: Check| plan.findings.iter().find(|f| f.check == check).map(|f| (f.severity, f.text.as_str()));
    assert_eq!(said(Check::Metrics).unwrap(), (Severity::Ok, "no metric is worse: val/auc 0.92 → 0.95"));
    assert_eq!(
        said(Check::Interface).unwrap(),
        (Severity::Ok, "trained by train as the live version was; served by its container")
    );
}

#[test]
fn what_was_registered_already_is_not_registered_twice() {
    let mut facts = facts();
    let mut body = job("x", "y");
    body["ModelPackageStatus"] = json!("Completed");
    body["ModelPackageGroupName"] = json!("fraud");
    body["ModelPackageVersion"] = json!(19);
    body["ModelApprovalStatus"] = json!("PendingManualApproval");
    body["CreationTime"] = body["TrainingEndTime"].clone();
    body["CustomerMetadataProperties"] = json!({"val/auc": "0.95"});
    body["InferenceSpecification"] = json!({
        "Containers": [{"Image": "fraud-serve@sha256:9f1c", "ModelDataUrl": "s3://models/runs/fraud-train-900/model.tar.gz"}],
        "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"],
    });
    facts.things.push((Target::new(Kind::ModelPackage, version(19)), sight("Completed", body)));
    facts.registered = Some(Ok(Registered { latest: 19, version: Some(version(19)) }));
    let plan = plan_of(&facts).unwrap();
    assert_eq!((calls(&plan)[0], plan.to.label.as_str()), ("UpdateModelPackage", "v19"));
}

#[test]
fn what_cannot_be_told_of_a_job_holds_or_refuses() {
    let refused = |change: &dyn Fn(&mut Facts)| {
        let mut facts = facts();
        change(&mut facts);
        let refusals = plan_of(&facts).unwrap_err();
        let [one] = refusals.as_slice() else { panic!("{refusals:#?}") };
        (one.check, one.text.clone())
    };
    let at_job = |facts: &mut Facts, status: &str, body: Value| facts.things[0].1 = sight(status, body);
    let running = refused(&|facts| at_job(facts, "InProgress", job("fraud-train-900", "train@sha256:1")));
    assert_eq!(
        running,
        (Check::Artifact, "training job fraud-train-900 is InProgress: only what Completed has made a model".into())
    );
    let other = refused(&|facts| at_job(facts, "Completed", job("fraud-train-900", "churn@sha256:1")));
    assert_eq!(
        other,
        (Check::Interface, "it was trained by churn, the live version by train: the right endpoint?".into())
    );
    let unread = refused(&|facts| facts.registered = Some(Err(Fault::new(FaultKind::Throttled, "listing", "slow"))));
    assert_eq!(unread.0, Check::Status);
    let by_hand = refused(&|facts| {
        facts.things.retain(|(target, _)| target.kind != Kind::ModelPackage);
    });
    assert_eq!(by_hand.0, Check::Interface);
    let gone = refused(&|facts| facts.exists[0].1 = Ok(false));
    assert_eq!(gone.0, Check::Artifact);
}

#[test]
fn where_a_rule_deploys_what_is_approved_it_is_only_registered() {
    let mut facts = facts();
    let pattern = json!({"source": ["aws.sagemaker"], "detail-type": ["SageMaker Model Package State Change"]});
    let rule =
        EventRule { name: t("deploy"), pattern: t(&pattern.to_string()), targets: vec![t("arn:aws:codepipeline:x")] };
    facts.rules = Some(Ok(vec![rule]));
    let plan = plan_of(&facts).unwrap();
    assert_eq!(
        (calls(&plan), plan.verb.as_str(), plan.target.kind),
        (vec!["CreateModelPackage"], "register", Kind::TrainingJob)
    );
}

/// Drives a run until it ends; the answer to CreateModelPackage names `made`.
fn end_of(made: Option<&Text>) -> (OperationState, Text, usize) {
    let facts = facts();
    let plan = plan_of(&facts).unwrap();
    let endpoint = facts.snapshot.unwrap().endpoint;
    let mut run = Run::new(plan, context().at);
    let mut queue = run.step(context().at, Event::Start);
    let mut sends = 0;
    while let Some(effect) = (!queue.is_empty()).then(|| queue.remove(0)) {
        let event = match effect {
            Effect::Journal(record) => Event::Journaled { seq: record.seq, result: Ok(()) },
            Effect::Read { ticket, .. } => {
                Event::Read { ticket, result: Ok(Answer::Seen(Seen::Endpoint(Box::new(endpoint.clone())))) }
            }
            Effect::Send { ticket, call, .. } => {
                sends += 1;
                if call.operation() != "CreateModelPackage" {
                    return (run.state(), Text::default(), sends);
                }
                Event::Sent { ticket, sent: Sent::Applied { request_id: None, made: made.cloned() } }
            }
            Effect::Finished(state) => return (state, run.operation().note.clone(), sends),
            _ => continue,
        };
        queue.extend(run.step(context().at, event));
    }
    panic!("it never ended")
}

#[test]
fn a_version_of_another_number_than_planned_is_not_deployed() {
    assert_eq!(end_of(Some(&version(20))).2, 2, "the approval follows");
    let (state, note, sends) = end_of(Some(&version(21)));
    assert_eq!((state, sends), (OperationState::Refused, 1));
    assert!(note.as_str().contains("fraud/21") && note.as_str().contains("somebody made one meanwhile"), "{note}");
    let (state, _, sends) = end_of(None);
    assert_eq!((state, sends), (OperationState::NeedsHuman, 1));
}
