//! A version of another account: who must lead there, which way it comes, who sends what, and where a lost answer is looked for.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use mldeck_core::{
    ask::{Answer, Ask, Sent},
    fault::{Fault, FaultKind},
    ops::{
        Facts,
        call::Action,
        candidate::History,
        guard::{Check, Severity},
        intent::{Change, Intent, Rollout},
        journal::{self, Record},
        origin::{Origin, Told, Way},
        plan::{Expectation, Plan, Refusal},
        run::{self, Effect, Event, Run},
        snapshot::{EventRule, Registered},
        target::{Kind, Seen, Sight, Target},
        verb,
    },
    resource::{alarm::AlarmState, operation::OperationState},
    scope::Scope,
    text::Text,
    time::Timestamp,
};
use serde_json::{Value, json};

mod fixture;
use fixture::{LIVE, NAME, alarm, at, context, snapshot, t};

const THERE: &str = "112233445566";
const ROLE: &str = "arn:aws:iam::447100000921:role/SageMakerExecution";
const IMAGE: &str = "112233445566.dkr.ecr.eu-west-1.amazonaws.com/fraud-serve";
const S3: &str = "s3://staging-models/fraud/19.tar.gz";

fn foreign() -> Text {
    t(&format!("arn:aws:sagemaker:eu-west-1:{THERE}:model-package/fraud/19"))
}

fn own(version: u32) -> Text {
    t(&format!("arn:aws:sagemaker:eu-west-1:447100000921:model-package/fraud/{version}"))
}

fn origin() -> Origin {
    Origin { scope: Scope::new("aws", THERE, "eu-west-1"), by: t("stan"), profile: t("staging"), way: None }
}

fn version(arn: &Text, number: u32, approval: &str, auc: &str, uri: &str) -> Value {
    json!({
        "ModelPackageGroupName": "fraud", "ModelPackageVersion": number, "ModelPackageArn": arn.raw(),
        "ModelPackageStatus": "Completed", "ModelApprovalStatus": approval,
        "CreationTime": at("22T20:00:00").millis() as f64 / 1_000.0,
        "InferenceSpecification": {
            "Containers": [{"Image": format!("{IMAGE}@sha256:9f1c"), "ModelDataUrl": uri}],
            "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelMetrics": {"Bias": {"Report": {"S3Uri": "s3://models/bias.json"}}},
        "MetadataProperties": {"CommitId": "c0ffee", "ProjectId": "p-1"},
        "CustomerMetadataProperties": {"val/auc": auc},
    })
}

fn sight(body: Value) -> Result<Option<Sight>, Fault> {
    Ok(Some(Sight { body, ..Sight::default() }))
}

fn policy(principal: &str) -> Text {
    t(&json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": principal},
        "Action": ["sagemaker:DescribeModelPackage", "sagemaker:CreateModel"],
        "Resource": format!("arn:aws:sagemaker:eu-west-1:{THERE}:model-package/fraud/*")}]})
    .to_string())
}

/// v18 of the own registry serves; v19 of the other account waits, is better, and may be used here.
fn facts() -> Facts {
    let mut snapshot = snapshot();
    snapshot.alarms = Ok(vec![alarm("fraud-5xx", AlarmState::Ok), alarm("fraud-p99", AlarmState::Ok)]);
    for (_, model) in &mut snapshot.models {
        if let Some(image) = model.as_mut().ok().and_then(|model| model.images.first_mut()) {
            image.specified = t(&format!("{IMAGE}:v18"));
        }
    }
    let config = json!({
        "EndpointConfigName": LIVE,
        "ProductionVariants": [{"VariantName": "blue", "ModelName": "fraud-18", "InstanceType": "ml.c5.2xlarge",
            "InitialInstanceCount": 2, "InitialVariantWeight": 1.0}],
    });
    let model = json!({"ModelName": "fraud-18", "ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": "fraud"}});
    let package = |arn: &Text, body: Value| (Target::new(Kind::ModelPackage, arn.clone()), sight(body));
    Facts {
        things: vec![
            package(&foreign(), version(&foreign(), 19, "PendingManualApproval", "0.93", S3)),
            package(&own(18), version(&own(18), 18, "Approved", "0.92", "s3://models/fraud/18.tar.gz")),
            (Target::new(Kind::EndpointConfig, t(LIVE)), sight(config)),
            (Target::new(Kind::Model, t("fraud-18")), sight(model)),
        ],
        rules: Some(Ok(Vec::new())),
        monitors: Some(Ok(Vec::new())),
        exists: vec![(t(S3), Ok(true))],
        registered: Some(Ok(Registered { latest: 18, version: None })),
        origin: Some(Told {
            policy: Ok(Some(policy("arn:aws:iam::447100000921:root"))),
            rules: Ok(Vec::new()),
            exists: vec![(t(S3), Ok(true))],
        }),
        ..Facts::from(snapshot)
    }
}

fn told(facts: &mut Facts) -> &mut Told {
    facts.origin.as_mut().unwrap()
}

fn promote(package: Text, origin: Option<Origin>, accept: &[&str]) -> Intent {
    let accept = accept.iter().map(|word| t(word)).collect();
    Intent::from(Change::Promote { package, endpoint: t(NAME), rollout: Rollout::Canary, accept, origin })
        .because(Some(t("OPS-7")))
}

fn by(way: Option<Way>) -> Intent {
    promote(foreign(), Some(Origin { way, ..origin() }), &[])
}

fn plan_of(facts: &Facts, intent: &Intent) -> Result<Plan, Vec<Refusal>> {
    verb::plan(intent, facts, &History::default(), &context())
}

#[track_caller]
fn refused(facts: &Facts, intent: &Intent) -> Refusal {
    let refusals = plan_of(facts, intent).expect_err("no plan");
    let [one] = refusals.as_slice() else { panic!("not one: {refusals:#?}") };
    one.clone()
}

fn calls(plan: &Plan) -> Vec<(&str, Option<&str>)> {
    let scope =
        |step: &mldeck_core::ops::plan::Step| step.scope.as_ref().map(|scope| scope.account.as_str().to_owned());
    plan.steps
        .iter()
        .map(|step| (step.call.operation(), scope(step).map(|account| if account == THERE { THERE } else { "?" })))
        .collect()
}

#[test]
fn by_registry_it_is_approved_there_and_named_here_by_its_arn() {
    let plan = plan_of(&facts(), &by(None)).unwrap();
    assert_eq!(
        calls(&plan),
        [
            ("UpdateModelPackage", Some(THERE)),
            ("CreateModel", None),
            ("CreateEndpointConfig", None),
            ("PutMetricAlarm", None),
            ("UpdateEndpoint", None),
            ("AddTags", None)
        ]
    );
    assert_eq!(plan.title(), "Promote fraud-prod: v18 → v19 of 112233445566");
    assert_eq!(plan.found_by, "your choice; by registry, which the group's policy allows");
    let approve = &plan.steps[0];
    assert!(approve.call.text("ApprovalDescription").unwrap().starts_with("Approved by stan "), "{:?}", approve.call);
    assert_eq!(plan.sender(approve).unwrap(), "stan in 112233445566 (profile staging)");
    assert_eq!(plan.sender(&plan.steps[1]), None);
    let lines = plan.cli();
    assert!(lines[0].ends_with(" --region eu-west-1 --profile staging"), "{}", lines[0]);
    assert!(lines[1..].iter().all(|line| !line.contains("--profile")), "{lines:#?}");
    assert_eq!(plan.steps[1].call.body["Containers"], json!([{"ModelPackageName": foreign().raw()}]));
    let row = plan.rows.iter().find(|row| row.name == "from").unwrap();
    assert_eq!(row.before, "fraud v19 of 112233445566, by stan (profile staging); the rest by anna in 447100000921");
    let passed = |check| plan.findings.iter().any(|f| f.check == check && f.severity == Severity::Ok);
    assert!(
        [Check::Policy, Check::Artifact, Check::Image, Check::Automation].into_iter().all(passed),
        "{:#?}",
        plan.findings
    );
}

#[test]
fn by_copy_it_is_registered_here_and_nothing_is_sent_there() {
    let plan = plan_of(&facts(), &by(Some(Way::Copy))).unwrap();
    let wanted = [
        "CreateModelPackage",
        "UpdateModelPackage",
        "CreateModel",
        "CreateEndpointConfig",
        "PutMetricAlarm",
        "UpdateEndpoint",
        "AddTags",
    ];
    assert_eq!(calls(&plan), wanted.map(|name| (name, None)));
    let body = &plan.steps[0].call.body;
    assert_eq!(plan.steps[0].expect, Expectation::Made { arn: own(19) });
    assert_eq!(body["CustomerMetadataProperties"], json!({"val/auc": "0.93", verb::promote::SOURCE: foreign().raw()}));
    assert_eq!(
        (&body["ModelPackageGroupName"], &body["ModelApprovalStatus"]),
        (&json!("fraud"), &json!("PendingManualApproval"))
    );
    assert_eq!(body["InferenceSpecification"]["Containers"][0]["ModelDataUrl"], S3, "the artifact stays where it is");
    assert_eq!(body["MetadataProperties"], json!({"CommitId": "c0ffee"}), "a project is the other account's");
    assert!(body.get("SourceUri").is_none() && body["ModelMetrics"]["Bias"].is_object(), "{body:#}");
    assert_eq!(plan.steps[1].call.body["ModelPackageArn"], own(19).raw());
    assert_eq!(plan.steps[2].call.body["Containers"], json!([{"ModelPackageName": own(19).raw()}]));
    assert_eq!(plan.findings.iter().filter(|f| f.check == Check::Policy).count(), 0, "no policy is needed");

    // What was copied before is not copied twice, wherever the run ended.
    let mut again = facts();
    again.registered = Some(Ok(Registered { latest: 19, version: Some(own(19)) }));
    again.things.push((Target::new(Kind::ModelPackage, own(19)), sight(version(&own(19), 19, "Approved", "0.93", S3))));
    let plan = plan_of(&again, &by(Some(Way::Copy))).unwrap();
    assert_eq!(calls(&plan)[0], ("CreateModel", None));

    // What was decided against there is not decided for here.
    let mut rejected = facts();
    rejected.things[0].1 = sight(version(&foreign(), 19, "Rejected", "0.93", S3));
    assert_eq!(refused(&rejected, &by(Some(Way::Copy))).check, Check::Approval);
}

#[test]
fn the_planner_takes_the_registry_where_its_policy_lets_it_else_a_copy_where_there_is_a_group() {
    let mut closed = facts();
    told(&mut closed).policy = Ok(None);
    let plan = plan_of(&closed, &by(None)).unwrap();
    assert_eq!(calls(&plan)[0], ("CreateModelPackage", None));
    assert!(plan.found_by.contains("by copy: group fraud has no policy"), "{}", plan.found_by);

    // Asked for, or without a group here, the registry it is: and its policy holds.
    let held = refused(&closed, &by(Some(Way::Registry)));
    assert_eq!(held.check, Check::Policy);
    assert!(held.text.contains("account 447100000921 may not use its versions"), "{held:?}");
    let line = held.cli.as_deref().unwrap().lines().next().unwrap();
    assert!(
        line.starts_with("aws sagemaker put-model-package-group-policy --model-package-group-name fraud "),
        "{line}"
    );
    assert!(
        line.contains("arn:aws:iam::447100000921:root") && line.ends_with("--region eu-west-1 --profile staging"),
        "{line}"
    );
    for (principal, check) in
        [("arn:aws:iam::999999999999:root", Check::Policy), ("arn:aws:iam::447100000921:role/Other", Check::Policy)]
    {
        told(&mut closed).policy = Ok(Some(policy(principal)));
        let held = refused(&closed, &by(Some(Way::Registry)));
        assert_eq!(held.check, check, "{principal}");
        assert!(held.cli.as_deref().unwrap().contains(principal), "what the policy says stays in it: {held:?}");
    }
    // A role may be ours or not: no answer, and that can be accepted; who is left out cannot.
    let accepted = promote(foreign(), Some(Origin { way: Some(Way::Registry), ..origin() }), &["policy"]);
    assert!(plan_of(&closed, &accepted).is_ok());
    told(&mut closed).policy =
        Err(Fault::new(FaultKind::Denied { action: t("sagemaker:GetModelPackageGroupPolicy") }, "reading", ""));
    assert_eq!(refused(&closed, &by(Some(Way::Registry))).check, Check::Policy);
    told(&mut closed).policy = Ok(None);
    assert_eq!(refused(&closed, &accepted).check, Check::Policy);
}

#[test]
fn whoever_leads_elsewhere_is_refused_with_what_to_name() {
    let facts = facts();
    let bare = refused(&facts, &promote(foreign(), None, &[]));
    assert_eq!(bare.check, Check::Origin);
    assert!(bare.text.contains("of account 112233445566") && bare.remedy.unwrap().contains("--from-profile NAME"));
    let job = t(&format!("arn:aws:sagemaker:eu-west-1:{THERE}:training-job/fraud-1"));
    assert_eq!(refused(&facts, &promote(job.clone(), None, &[])).check, Check::Origin);
    assert!(refused(&facts, &promote(job, Some(origin()), &[])).remedy.unwrap().contains("Register it there first"));
    let with = |scope: Scope| refused(&facts, &promote(foreign(), Some(Origin { scope, ..origin() }), &[]));
    let elsewhere = with(Scope::new("aws", "999999999999", "eu-west-1"));
    assert_eq!(elsewhere.text, "profile staging leads to 999999999999, the version is of 112233445566");
    assert!(elsewhere.remedy.unwrap().contains("account 112233445566"));
    let same = with(context().scope);
    assert_eq!(same.text, "profile staging leads to 447100000921, where the endpoint is, too");
    let region = with(Scope::new("aws", THERE, "us-east-1"));
    assert!(region.text.contains("region"), "{region:?}");
    let afar = t(&format!("arn:aws:sagemaker:us-east-1:{THERE}:model-package/fraud/19"));
    assert!(refused(&facts, &promote(afar, Some(origin()), &[])).text.contains("region us-east-1"));
    // A plan with two identities is not made where there is one session.
    let unread = Facts { origin: None, ..facts };
    assert!(refused(&unread, &by(None)).remedy.unwrap().contains("--from-profile staging"));
}

#[test]
fn what_is_not_known_to_be_readable_here_holds() {
    let mut unseen = facts();
    unseen.exists[0].1 = Err(Fault::new(FaultKind::Denied { action: t("s3:GetObject") }, "looking", ""));
    let held = refused(&unseen, &by(None));
    assert_eq!(held.check, Check::Artifact);
    assert!(held.text.contains("112233445566 has it, and 447100000921 could not look it up"), "{held:?}");
    assert!(held.text.contains("role SageMakerExecution"), "{held:?}");
    let mut unpulled = facts();
    for (_, model) in &mut unpulled.snapshot.as_mut().unwrap().models {
        model.as_mut().unwrap().images.clear();
    }
    let held = refused(&unpulled, &by(None));
    assert_eq!((held.check, held.text.contains(IMAGE)), (Check::Image, true), "{held:?}");
    assert!(plan_of(&unpulled, &promote(foreign(), Some(origin()), &["image"])).is_ok());
}

#[test]
fn a_rule_of_the_account_that_approves_is_what_acts() {
    let pattern = json!({"source": ["aws.sagemaker"], "detail-type": [verb::promote::STATE_CHANGE]});
    let rule = || EventRule { name: t("deploy"), pattern: t(&pattern.to_string()), targets: vec![t("arn:x:y")] };
    let mut there = facts();
    told(&mut there).rules = Ok(vec![rule()]);
    let held = refused(&there, &by(Some(Way::Registry)));
    assert_eq!((held.check, held.text.as_str()), (Check::Automation, "deploy in 112233445566 acts on the approval"));
    assert!(held.remedy.unwrap().contains("--profile staging"));
    assert!(plan_of(&there, &by(Some(Way::Copy))).is_ok(), "nothing is approved there");
    let mut here = facts();
    here.rules = Some(Ok(vec![rule()]));
    assert!(plan_of(&here, &by(Some(Way::Registry))).is_ok(), "nothing is approved here");
    assert_eq!(refused(&here, &by(Some(Way::Copy))).text, "deploy in 447100000921 acts on the approval");
}

#[test]
fn the_digest_covers_who_and_where_and_leave_is_parted_by_scope() {
    let plan = plan_of(&facts(), &by(Some(Way::Registry))).unwrap();
    assert!(plan.is_intact());
    let edited = |edit: &dyn Fn(&mut Plan)| {
        let mut plan = plan.clone();
        edit(&mut plan);
        plan.is_intact()
    };
    assert!(!edited(&|plan| plan.steps[0].scope = None), "sent by the other identity");
    assert!(!edited(&|plan| plan.steps[1].scope = Some(origin().scope)));
    let of = |plan: &mut Plan, edit: &dyn Fn(&mut Origin)| {
        if let Change::Promote { origin: Some(origin), .. } = &mut plan.intent.change {
            edit(origin);
        }
    };
    assert!(!edited(&|plan| of(plan, &|origin| origin.by = t("mallory"))));
    assert!(!edited(&|plan| of(plan, &|origin| origin.profile = t("other"))));
    let text = serde_json::to_string(&plan).unwrap();
    let read: Plan = serde_json::from_str(&text).unwrap();
    assert!(read.is_intact() && read.steps == plan.steps && read.intent == plan.intent);
    // A plan of one identity says nothing of a second, so what older programs wrote reads the same.
    let copy = plan_of(&facts(), &by(Some(Way::Copy))).unwrap();
    assert!(!serde_json::to_string(&copy.steps).unwrap().contains("\"scope\""));

    let names = |calls: Vec<mldeck_core::ops::call::Call>| calls.iter().map(|call| call.action).collect::<Vec<_>>();
    assert_eq!(names(run::allowed_elsewhere(&plan, &origin().scope)), [Action::UpdateModelPackage]);
    assert!(!names(run::allowed(&plan, &t("anna"))).contains(&Action::UpdateModelPackage));
    assert!(run::allowed_elsewhere(&plan, &Scope::new("aws", "999999999999", "eu-west-1")).is_empty());
}

/// What was asked for, where, until the model is to be made; the answer to the approval is lost.
fn played(shown: &str) -> (Vec<String>, Vec<Record>) {
    let (facts, mut at) = (facts(), context().at);
    let plan = plan_of(&facts, &by(Some(Way::Registry))).unwrap();
    let endpoint = facts.snapshot.unwrap().endpoint;
    let mut run = Run::new(plan, at);
    let (mut queue, mut log, mut records, mut wake) = (vec![Event::Start], Vec::new(), Vec::new(), None);
    let place = |scope: &Option<Scope>| {
        scope.as_ref().map_or("here", |scope| if scope.account == THERE { "there" } else { "?" })
    };
    for _ in 0..60 {
        let event = if queue.is_empty() { Event::Wake } else { queue.remove(0) };
        if event == Event::Wake {
            at = wake.take().unwrap_or_else(|| Timestamp::from_millis(at.millis() + 1_000)).max(at);
        }
        for effect in run.step(at, event) {
            match effect {
                Effect::Journal(record) => {
                    queue.push(Event::Journaled { seq: record.seq, result: Ok(()) });
                    records.push(record);
                }
                Effect::Read { ticket, ask: Ask::Target(target), scope } => {
                    log.push(format!("read {} {}", target.kind.words(), place(&scope)));
                    let seen = match target.kind {
                        Kind::ModelPackage => {
                            let body = version(&foreign(), 19, shown, "0.93", S3);
                            Seen::Thing(Box::new(Sight { body, ..Sight::default() }))
                        }
                        _ => Seen::Endpoint(Box::new(endpoint.clone())),
                    };
                    queue.push(Event::Read { ticket, result: Ok(Answer::Seen(seen)) });
                }
                Effect::Send { ticket, call, scope } => {
                    log.push(format!("send {} {}", call.operation(), place(&scope)));
                    let lost = Sent::Unknown(Fault::new(FaultKind::Timeout, "approving", "no answer"));
                    if call.action != Action::UpdateModelPackage || log.len() > 4 {
                        return (log, records);
                    }
                    queue.push(Event::Sent { ticket, sent: lost });
                }
                Effect::WakeAt(when) => wake = Some(when),
                Effect::Finished(state) => panic!("{state:?}: {:?}", run.operation().note),
                _ => {}
            }
        }
    }
    panic!("it does not go on: {log:#?}")
}

#[test]
fn a_lost_answer_of_the_other_account_is_looked_for_there() {
    let (log, records) = played("Approved");
    assert_eq!(
        log,
        ["read endpoint here", "send UpdateModelPackage there", "read model package there", "send CreateModel here"]
    );
    let told: Vec<String> = records.iter().map(|record| journal::sentence(&record.entry)).collect();
    assert!(told.contains(&"sending UpdateModelPackage in 112233445566, attempt 1".to_owned()), "{told:#?}");
    let group: Vec<&Record> = records.iter().collect();
    let review = journal::markdown(&group);
    assert!(
        review.contains("by anna") && review.contains("- from: aws:112233445566:eu-west-1 by stan (profile staging)"),
        "{review}"
    );
    let lines: Vec<String> = records.iter().map(|record| record.write().unwrap()).collect();
    let read: Vec<Record> = lines.iter().map(|line| Record::read(line).unwrap()).collect();
    assert_eq!(run::resume(&read).map(|run| run.state()), Ok(OperationState::Running));
    // What is not there yet is asked for again, there.
    let (log, _) = played("PendingManualApproval");
    assert_eq!(log[2..4], ["read model package there", "send UpdateModelPackage there"]);
}
