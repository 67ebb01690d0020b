//! The plan of a promotion: what is sent, what holds it, and who else may deploy.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use mldeck_core::{
    fault::{Fault, FaultKind},
    ops::{
        Facts,
        call::{Action, Call},
        candidate::History,
        confirm::{Confirm, Weight},
        guard::{Check, Severity},
        intent::{Change, Intent, Rollout},
        plan::{After, Expectation, Inverse, Plan, Refusal},
        snapshot::EventRule,
        target::{Kind, Sight, Target},
        verb::{self, promote::Gate},
    },
    resource::{
        Monitor,
        alarm::AlarmState,
        endpoint::EndpointStatus,
        monitor::{MonitorKind, MonitorRun},
    },
    text::Text,
    time::HOUR,
};
use serde_json::{Value, json};

mod fixture;
use fixture::{LIVE, NAME, alarm, at, context, history, quiet_abort_alarm, snapshot, t, two_variants};

const ROLE: &str = "arn:aws:iam::447100000921:role/SageMakerExecution";

fn arn(version: u32) -> Text {
    t(&format!("arn:aws:sagemaker:eu-west-1:447100000921:model-package/fraud/{version}"))
}

fn version(number: u32, approval: &str, auc: &str) -> Value {
    json!({
        "ModelPackageGroupName": "fraud", "ModelPackageVersion": number, "ModelPackageArn": arn(number).raw(),
        "ModelPackageStatus": "Completed", "ModelApprovalStatus": approval,
        "CreationTime": at("22T20:00:00").millis() as f64 / 1_000.0,
        "InferenceSpecification": {
            "Containers": [{"Image": "fraud@sha256:9f1c", "ModelDataUrl": format!("s3://models/fraud/{number}.tar.gz")}],
            "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"],
            "SupportedRealtimeInferenceInstanceTypes": ["ml.c5.2xlarge"],
        },
        "ModelMetrics": {"Bias": {"Report": {"S3Uri": "s3://models/bias.json"}}},
        "CustomerMetadataProperties": {"val/auc": auc, "val/logloss": "0.11", "train/auc": "0.99", "job": "fraud-1"},
    })
}

fn sight(body: Value) -> Result<Option<Sight>, Fault> {
    Ok(Some(Sight { body, ..Sight::default() }))
}

/// v18 serves, v19 waits for approval and is better.
fn facts() -> Facts {
    let mut snapshot = snapshot();
    snapshot.alarms = Ok(vec![alarm("fraud-5xx", AlarmState::Ok), alarm("fraud-p99", AlarmState::Ok)]);
    let like = json!({
        "EndpointConfigName": LIVE, "EndpointConfigArn": "arn", "CreationTime": 1.0, "KmsKeyId": "key-1",
        "ProductionVariants": [{"VariantName": "blue", "ModelName": "fraud-18", "InstanceType": "ml.c5.2xlarge",
            "InitialInstanceCount": 2, "InitialVariantWeight": 1.0, "VolumeSizeInGB": 30}],
        "ShadowProductionVariants": [],
    });
    let model = json!({
        "ModelName": "fraud-18", "ExecutionRoleArn": ROLE, "EnableNetworkIsolation": true,
        "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        "PrimaryContainer": {"Image": "fraud", "Environment": {"FEATURE_STORE_TOKEN": "hunter2hunter2"}},
    });
    Facts {
        things: vec![
            (Target::new(Kind::ModelPackage, arn(19)), sight(version(19, "PendingManualApproval", "0.93"))),
            (Target::new(Kind::ModelPackage, arn(18)), sight(version(18, "Approved", "0.92"))),
            (Target::new(Kind::EndpointConfig, t(LIVE)), sight(like)),
            (Target::new(Kind::Model, t("fraud-18")), sight(model)),
        ],
        rules: Some(Ok(Vec::new())),
        monitors: Some(Ok(Vec::new())),
        exists: vec![(t("s3://models/fraud/19.tar.gz"), Ok(true))],
        ..Facts::from(snapshot)
    }
}

/// The description of v19, of v18, of the live config, of the live model.
const NEW: usize = 0;
const OLD: usize = 1;

fn edit(facts: &mut Facts, which: usize, change: impl FnOnce(&mut Value)) {
    if let Ok(Some(sight)) = &mut facts.things[which].1 {
        change(&mut sight.body);
    }
}

fn intent(rollout: Rollout, accept: &[&str], reason: Option<&str>) -> Intent {
    let accept = accept.iter().map(|word| t(word)).collect();
    Intent::from(Change::Promote { package: arn(19), endpoint: t(NAME), rollout, accept, origin: None })
        .because(reason.map(t))
}

fn plan_of(facts: &Facts, intent: &Intent) -> Result<Plan, Vec<Refusal>> {
    verb::plan(intent, facts, &history(), &context())
}

fn plan() -> Plan {
    plan_of(&facts(), &intent(Rollout::Canary, &[], None)).unwrap()
}

fn calls(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.call.operation()).collect()
}

#[track_caller]
fn call(plan: &Plan, action: Action) -> &Call {
    &plan.steps.iter().find(|step| step.call.action == action).expect("the step").call
}

#[track_caller]
fn refused(facts: &Facts, intent: &Intent) -> Vec<Refusal> {
    match plan_of(facts, intent) {
        Err(refusals) => refusals,
        Ok(plan) => panic!("planned: {}", plan.title()),
    }
}

#[track_caller]
fn only(refusals: &[Refusal]) -> (Check, &str) {
    let [one] = refusals else { panic!("not one: {refusals:#?}") };
    (one.check, &one.text)
}

#[test]
fn the_steps_come_in_order_and_lead_to_a_config_of_the_plans_own_name() {
    let plan = plan();
    assert_eq!(
        calls(&plan),
        ["UpdateModelPackage", "CreateModel", "CreateEndpointConfig", "PutMetricAlarm", "UpdateEndpoint", "AddTags"]
    );
    assert_eq!((plan.main, plan.title().as_str()), (4, "Promote fraud-prod: v18 → v19"));
    assert!(plan.is_intact());
    let id = plan.id();
    let (model, config) = (format!("fraud-v19-{id}"), format!("fraud-prod-v19-{id}"));
    assert_eq!(plan.to.config, config.as_str());
    assert_eq!(plan.main_step().unwrap().expect, Expectation::OnConfig { config: t(&config) });
    let approve = &call(&plan, Action::UpdateModelPackage).body;
    assert_eq!(
        (&approve["ModelPackageArn"], &approve["ModelApprovalStatus"]),
        (&json!(arn(19).raw()), &json!("Approved"))
    );
    let create = &call(&plan, Action::CreateModel).body;
    assert_eq!(
        create,
        &json!({
            "ModelName": model, "ExecutionRoleArn": ROLE, "Containers": [{"ModelPackageName": arn(19).raw()}],
            "EnableNetworkIsolation": true, "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
            "Tags": [{"Key": "mldeck:plan", "Value": id.raw()}, {"Key": "mldeck:by", "Value": "anna"}],
        })
    );
    let made = &call(&plan, Action::CreateEndpointConfig).body;
    assert_eq!(
        made["ProductionVariants"],
        json!([{"VariantName": "blue", "ModelName": model, "InstanceType": "ml.c5.2xlarge",
            "InitialInstanceCount": 6, "InitialVariantWeight": 1.0, "VolumeSizeInGB": 30}]),
        "as it runs, not as it was configured"
    );
    assert_eq!((&made["EndpointConfigName"], &made["KmsKeyId"]), (&json!(config), &json!("key-1")));
    assert_eq!(made["Tags"], create["Tags"]);
    assert!(made.get("ShadowProductionVariants").is_none() && made.get("CreationTime").is_none(), "{made}");
    let said = serde_json::to_string(&plan).unwrap();
    assert!(!said.contains("hunter2"), "secrets of the live model stay out of the plan");
    assert!(!said.contains("{plan}"), "every name is filled in: {said}");
}

#[test]
fn the_update_keeps_what_runs_and_bakes_under_the_alarms() {
    let plan = plan();
    let update = &call(&plan, Action::UpdateEndpoint).body;
    assert_eq!(
        update,
        &json!({
            "EndpointName": NAME, "EndpointConfigName": plan.to.config.raw(), "RetainAllVariantProperties": true,
            "DeploymentConfig": {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {"Type": "CANARY", "WaitIntervalInSeconds": 600,
                        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10}},
                    "TerminationWaitInSeconds": 600,
                },
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "mldeck-abort-fraud-prod"},
                    {"AlarmName": "fraud-5xx"}, {"AlarmName": "fraud-p99"}]},
            },
        })
    );
    let Inverse::Call(back) = &plan.main_step().unwrap().inverse else { panic!("no way back") };
    assert_eq!((back.text("EndpointConfigName"), &back.body["RetainAllVariantProperties"]), (Some(LIVE), &json!(true)));
    let tags = plan.steps.last().unwrap();
    assert_eq!((tags.after, tags.optional), (After::Accepted, true));
    assert_eq!(tags.call.body["Tags"][0], json!({"Key": "mldeck:previous-config", "Value": LIVE}));
    assert_eq!((plan.weight, &plan.confirm), (Weight::Target, &Confirm::Typed { target: t("v19") }));
    let row = |name: &str| plan.rows.iter().find(|row| row.name == name).unwrap();
    assert_eq!((row("endpoint config").before.as_str(), row("model").before.as_str()), (LIVE, "fraud-18"));
    assert_eq!(row("endpoint config").after, plan.to.config.to_string());
    assert!(row("instances").after.contains('6'), "{:?}", plan.rows);
    assert!(plan.naive.iter().any(|line| line.contains("from 6 to 2")), "{:?}", plan.naive);
    assert!(plan.stop.contains("aborts while 10 % bakes"), "{}", plan.stop);
    assert!(plan.undo.contains("v18") && plan.vanish.contains("resumes watching"), "{} {}", plan.undo, plan.vanish);
}

#[test]
fn an_approved_version_and_a_ready_alarm_need_fewer_steps() {
    let mut facts = facts();
    edit(&mut facts, NEW, |body| body["ModelApprovalStatus"] = json!("Approved"));
    facts.snapshot.as_mut().unwrap().abort_alarm = Some(quiet_abort_alarm());
    let plan = plan_of(&facts, &intent(Rollout::Canary, &[], None)).unwrap();
    assert_eq!(calls(&plan), ["CreateModel", "CreateEndpointConfig", "UpdateEndpoint", "AddTags"]);
    assert_eq!(plan.main, 2);
}

#[test]
fn each_rollout_has_its_policy_and_its_time() {
    let of = |rollout| plan_of(&facts(), &intent(rollout, &[], None)).unwrap();
    let policy = |plan: &Plan| call(plan, Action::UpdateEndpoint).body["DeploymentConfig"].clone();
    let [canary, linear, rolling, once] = Rollout::ALL.map(of);
    let kind = "/BlueGreenUpdatePolicy/TrafficRoutingConfiguration/Type";
    assert_eq!(policy(&canary).pointer(kind), Some(&json!("CANARY")));
    assert_eq!(policy(&linear).pointer(kind), Some(&json!("LINEAR")));
    assert_eq!(policy(&once).pointer(kind), Some(&json!("ALL_AT_ONCE")));
    assert_eq!(policy(&rolling).pointer("/RollingUpdatePolicy/WaitIntervalInSeconds"), Some(&json!(600)));
    assert!(linear.minutes > canary.minutes && canary.minutes > once.minutes, "{:?}", linear.minutes);
    assert!(once.findings.iter().any(|f| f.severity == Severity::Warn && f.check == Check::Guardrails));
    let plans = [&canary, &linear, &rolling, &once];
    let mut digests: Vec<&Text> = plans.iter().map(|plan| &plan.digest).collect();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), 4);
    for rollout in Rollout::ALL {
        assert_eq!(Rollout::parse(rollout.word()), Some(rollout));
    }
}

#[test]
fn names_fit_sagemaker_however_long_they_are() {
    let mut facts = facts();
    let long = "a_very.long".repeat(9);
    for version in [NEW, OLD] {
        edit(&mut facts, version, |body| body["ModelPackageGroupName"] = json!(long));
    }
    let plan = plan_of(&facts, &intent(Rollout::Canary, &[], None)).unwrap();
    let name = call(&plan, Action::CreateModel).text("ModelName").unwrap().to_owned();
    assert!(name.len() <= 63 && name.ends_with(&format!("-v19-{}", plan.id())), "{name}");
    assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name}");
}

/// What breaks a gate for good.
fn broken(gate: Gate) -> Option<Facts> {
    let mut facts = facts();
    match gate {
        Gate::Approval => edit(&mut facts, NEW, |body| body["ModelApprovalStatus"] = json!("Rejected")),
        Gate::Artifact => facts.exists[0].1 = Ok(false),
        Gate::Interface => {
            edit(&mut facts, NEW, |body| {
                body["InferenceSpecification"]["SupportedContentTypes"] = json!(["application/json"]);
            });
        }
        Gate::Metrics => edit(&mut facts, NEW, |body| body["CustomerMetadataProperties"]["val/auc"] = json!("0.9")),
        Gate::WayBack => {
            let fault = Fault::new(FaultKind::Missing, "reading a model", "gone");
            facts.snapshot.as_mut().unwrap().models[0].1 = Err(fault);
        }
        Gate::Alarms => {
            let fault = Fault::new(FaultKind::Throttled, "reading alarms", "");
            facts.snapshot.as_mut().unwrap().alarms = Err(fault);
        }
        Gate::Image => {
            edit(&mut facts, NEW, |body| body["InferenceSpecification"]["Containers"] = json!([]));
        }
        Gate::Bias | Gate::Drift | Gate::Freshness | Gate::Automation | Gate::Policy => return None,
    }
    Some(facts)
}

/// What leaves a gate without an answer.
fn unknown(gate: Gate) -> Option<Facts> {
    let mut facts = facts();
    let denied = Fault::new(FaultKind::Denied { action: t("x:Y") }, "reading", "");
    match gate {
        Gate::Artifact => facts.exists[0].1 = Err(denied),
        Gate::Image => {
            edit(&mut facts, NEW, |body| {
                body["InferenceSpecification"]["Containers"][0]["Image"] = json!("fraud:prod");
            });
        }
        Gate::Interface => edit(&mut facts, OLD, |body| body["ModelPackageGroupName"] = json!("churn")),
        // Of versions of another account: `promote_origin.rs`.
        Gate::Automation | Gate::Policy => return None,
        Gate::Metrics => edit(&mut facts, OLD, |body| body["CustomerMetadataProperties"] = Value::Null),
        Gate::Bias => edit(&mut facts, NEW, |body| body["ModelMetrics"] = json!({})),
        Gate::Drift => facts.monitors = Some(Ok(vec![monitor("Completed", 9)])),
        Gate::Freshness => edit(&mut facts, NEW, |body| body["CreationTime"] = json!("2026-10-01T00:00:00Z")),
        Gate::WayBack => {
            if let Ok(model) = &mut facts.snapshot.as_mut().unwrap().models[0].1 {
                model.data_exists = None;
            }
        }
        Gate::Alarms => {
            facts.snapshot.as_mut().unwrap().alarms = Ok(vec![alarm("fraud-5xx", AlarmState::InsufficientData)]);
        }
        Gate::Approval => edit(&mut facts, NEW, |body| body["ModelApprovalStatus"] = json!("Mulling")),
    }
    Some(facts)
}

fn monitor(status: &str, hours: i64) -> Monitor {
    Monitor {
        name: t("fraud-quality"),
        arn: t("arn"),
        endpoint: Some(t(NAME)),
        kind: MonitorKind::DataQuality,
        schedule_status: t("Scheduled"),
        last: Some(MonitorRun {
            scheduled: context().at.plus(-hours * HOUR),
            modified: context().at,
            status: t(status),
            failure: None,
            job_arn: None,
        }),
        interval: Some(HOUR),
        in_alert: false,
    }
}

#[test]
fn a_gate_that_fails_blocks_whatever_is_accepted() {
    let mut tried = 0;
    for gate in Gate::ALL {
        let Some(facts) = broken(gate) else { continue };
        tried += 1;
        for accept in [&[][..], &[gate.word()][..]] {
            let refusals = refused(&facts, &intent(Rollout::Canary, accept, Some("OPS-1")));
            assert!(refusals.iter().all(|refusal| refusal.remedy.is_some()), "{gate:?}: {refusals:#?}");
            let cli = refusals[0].cli.as_deref().unwrap();
            assert!(cli.contains("update-endpoint") && !cli.contains("{plan}"), "{gate:?}: {cli}");
        }
    }
    assert_eq!(tried, 7);
}

#[test]
fn a_gate_without_an_answer_holds_until_it_is_accepted_with_a_reason() {
    let mut tried = 0;
    for gate in Gate::ALL {
        let Some(facts) = unknown(gate) else { continue };
        tried += 1;
        let (check, _) = {
            let refusals = refused(&facts, &intent(Rollout::Canary, &[], Some("OPS-1")));
            let (check, text) = only(&refusals);
            assert!(
                refusals[0].remedy.as_ref().unwrap().contains(&format!("--accept {}", gate.word())),
                "{refusals:#?}"
            );
            (check, text.to_owned())
        };
        let other = if gate == Gate::Bias { Gate::Drift } else { Gate::Bias };
        assert_eq!(only(&refused(&facts, &intent(Rollout::Canary, &[other.word()], Some("OPS-1")))).0, check);
        let silent = intent(Rollout::Canary, &[gate.word()], None);
        assert_eq!(only(&refused(&facts, &silent)).0, Check::Reason, "{gate:?}");
        let plan = plan_of(&facts, &intent(Rollout::Canary, &[gate.word()], Some("OPS-1"))).unwrap();
        assert_eq!(plan.weight, Weight::Heavy, "{gate:?}");
        assert!(plan.findings.iter().any(|f| f.check == check && f.severity == Severity::Warn), "{gate:?}");
    }
    assert_eq!(tried, 10);
    // What was accepted and not needed weighs nothing.
    let plan = plan_of(&facts(), &intent(Rollout::Canary, &["bias"], None)).unwrap();
    assert_eq!(plan.weight, Weight::Target);
    assert_eq!(only(&refused(&facts(), &intent(Rollout::Canary, &["luck"], None))).0, Check::Reason);
}

#[test]
fn a_drifting_model_and_a_better_metric_are_reasons_to_promote() {
    let mut facts = facts();
    facts.monitors = Some(Ok(vec![monitor("CompletedWithViolations", 1)]));
    let plan = plan_of(&facts, &intent(Rollout::Canary, &[], None)).unwrap();
    let text = |check| plan.findings.iter().find(|f| f.check == check).unwrap().text.clone();
    assert!(text(Check::Drift).contains("fraud-quality: the live model drifts"), "{}", text(Check::Drift));
    assert!(text(Check::Metrics).contains("val/auc 0.92 → 0.93"), "{}", text(Check::Metrics));
    assert!(!text(Check::Metrics).contains("train"), "{}", text(Check::Metrics));
}

#[test]
fn an_alarm_that_fires_is_left_out_and_said() {
    let mut facts = facts();
    facts.snapshot.as_mut().unwrap().alarms =
        Ok(vec![alarm("fraud-5xx", AlarmState::Alarm), alarm("fraud-p99", AlarmState::Ok)]);
    let plan = plan_of(&facts, &intent(Rollout::Canary, &[], None)).unwrap();
    let alarms = &call(&plan, Action::UpdateEndpoint).body["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"];
    assert_eq!(alarms, &json!([{"AlarmName": "mldeck-abort-fraud-prod"}, {"AlarmName": "fraud-p99"}]));
    let said = |text: &str| plan.findings.iter().any(|f| f.severity == Severity::Warn && f.text.contains(text));
    assert!(said("no alarm on latency guards this") && !said("no alarm on errors"), "{:#?}", plan.findings);
    let warned =
        |f: &&mldeck_core::ops::guard::Finding| f.check == Check::Alarms && f.text.contains("fraud-5xx fires now");
    assert!(plan.findings.iter().any(|f| warned(&f)), "{:#?}", plan.findings);
}

fn rule(detail: &Value) -> EventRule {
    let pattern = json!({
        "source": ["aws.sagemaker"], "detail-type": ["SageMaker Model Package State Change"], "detail": detail,
    });
    EventRule {
        name: t("deploy-fraud"),
        pattern: t(&pattern.to_string()),
        targets: vec![t("arn:aws:codepipeline:eu-west-1:447100000921:fraud-deploy")],
    }
}

#[test]
fn where_a_rule_deploys_what_is_approved_the_plan_is_to_approve_and_watch() {
    let mut facts = facts();
    facts.rules = Some(Ok(vec![rule(&json!({"ModelPackageGroupName": ["fraud"]}))]));
    let asked = intent(Rollout::Canary, &[], None);
    let plan = plan_of(&facts, &asked).unwrap();
    assert_eq!(calls(&plan), ["UpdateModelPackage"]);
    assert_eq!((&plan.target, &plan.intent), (&Target::new(Kind::ModelPackage, arn(19)), &asked));
    assert!(plan.is_intact());
    let line = plan.findings.iter().find(|f| f.check == Check::Automation).unwrap();
    assert!(line.text.contains("deploy-fraud") && line.text.contains("fraud-deploy"), "{line:?}");
    // By name, with a reason, and heavy: from here besides.
    assert_eq!(only(&refused(&facts, &intent(Rollout::Canary, &["automation"], None))).0, Check::Reason);
    let plan = plan_of(&facts, &intent(Rollout::Canary, &["automation"], Some("pipeline is down"))).unwrap();
    assert_eq!((plan.weight, calls(&plan).len()), (Weight::Heavy, 6));
    // It was approved before: the rule has acted.
    edit(&mut facts, NEW, |body| body["ModelApprovalStatus"] = json!("Approved"));
    assert_eq!(calls(&plan_of(&facts, &asked).unwrap()).last(), Some(&"AddTags"));
}

#[test]
fn a_rule_of_another_group_and_rules_that_cannot_be_read_hold_nothing() {
    let mut facts = facts();
    facts.rules = Some(Ok(vec![rule(&json!({"ModelPackageGroupName": ["churn"]}))]));
    assert_eq!(calls(&plan_of(&facts, &intent(Rollout::Canary, &[], None)).unwrap()).len(), 6);
    facts.rules = Some(Err(Fault::new(FaultKind::Denied { action: t("events:ListRules") }, "reading rules", "")));
    let plan = plan_of(&facts, &intent(Rollout::Canary, &[], None)).unwrap();
    let line = plan.findings.iter().find(|f| f.check == Check::Automation).unwrap();
    assert!(line.severity == Severity::Warn && line.text.contains("events:ListRules"), "{line:?}");
    assert_eq!(plan.weight, Weight::Target);
}

#[test]
fn what_no_version_can_take_over_is_refused_by_name() {
    let with = |change: &dyn Fn(&mut Facts)| {
        let mut facts = facts();
        change(&mut facts);
        refused(&facts, &intent(Rollout::Canary, &[], None))
    };
    let snapshot = |facts: &mut Facts| facts.snapshot.clone().unwrap();
    let updating = with(&|facts| facts.snapshot.as_mut().unwrap().endpoint.status = EndpointStatus::Updating);
    assert_eq!(only(&updating).0, Check::Status);
    let mixed = with(&|facts| facts.snapshot = Some(two_variants()));
    assert!(only(&mixed).1.contains("blue serves fraud-18, green serves fraud-17"), "{mixed:#?}");
    let components = with(&|facts| {
        facts.snapshot.as_mut().unwrap().endpoint.details.as_mut().unwrap().variants[0].model = None;
    });
    assert_eq!(only(&components).0, Check::Components);
    let shadowed = with(&|facts| {
        let mut snapshot = snapshot(facts);
        if let Ok(config) = &mut snapshot.configs[0].1 {
            config.shadow_variants = vec![fixture::config(17, 'a', at("01:00:00")).variants.remove(0)];
        }
        facts.snapshot = Some(snapshot);
    });
    assert_eq!(only(&shadowed).0, Check::VariantNames);
    let old = with(&|facts| facts.snapshot.as_mut().unwrap().at = at("02:20:00"));
    assert_eq!(only(&old).0, Check::Age);
    let same = Change::Promote {
        package: arn(18),
        endpoint: t(NAME),
        rollout: Rollout::Canary,
        accept: Vec::new(),
        origin: None,
    };
    let refusals = refused(&facts(), &same.into());
    assert!(refusals.iter().any(|refusal| refusal.text.contains("live already")), "{refusals:#?}");
    let small = {
        let mut facts = facts();
        facts.snapshot.as_mut().unwrap().endpoint.details.as_mut().unwrap().variants[0].desired_count = Some(1);
        refused(&facts, &intent(Rollout::Rolling, &[], None))
    };
    assert_eq!(only(&small).0, Check::Guardrails);
}

#[test]
fn what_has_to_be_described_is_known_once_the_endpoint_was_read() {
    let asked = intent(Rollout::Canary, &[], None);
    assert_eq!(asked.change.things(None), [Target::new(Kind::ModelPackage, arn(19))]);
    let wanted = [
        Target::new(Kind::ModelPackage, arn(19)),
        Target::new(Kind::EndpointConfig, t(LIVE)),
        Target::new(Kind::Model, t("fraud-18")),
        Target::new(Kind::ModelPackage, arn(18)),
    ];
    assert_eq!(asked.change.things(Some(&snapshot())), wanted);
    let read = serde_json::to_string(&asked).unwrap();
    assert_eq!(serde_json::from_str::<Intent>(&read).unwrap(), asked);
}

#[test]
fn the_same_promotion_on_the_same_facts_has_the_same_digest() {
    let (one, two) = (plan(), plan());
    assert_eq!(one.digest, two.digest);
    let mut facts = facts();
    facts.snapshot.as_mut().unwrap().endpoint.details.as_mut().unwrap().variants[0].desired_count = Some(7);
    let other = verb::plan(&intent(Rollout::Canary, &[], None), &facts, &History::default(), &context()).unwrap();
    assert_ne!(one.digest, other.digest, "another count is another config");
}
