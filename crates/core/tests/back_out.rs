//! The plan of a way back: what it says, what it refuses, and that its digest means something.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fixture;

use fixture::{BEFORE, LIVE, NAME, at, context, history, plan, plan_with, planned, snapshot, t};
use mldeck_core::{
    fault::{Fault, FaultKind},
    ops::{
        Snapshot,
        call::Action,
        candidate::History,
        confirm::Confirm,
        guard::{Check, Severity, warm_variant},
        intent::{Choice, Class, Context, Intent, Mode, Reversal},
        plan::{Inverse, Plan, Refusal, plan_back_out},
        snapshot::{Config, Model},
        verb::traffic::plan_shift,
    },
    resource::{
        alarm::AlarmState,
        endpoint::{Capture, Details, EndpointStatus, Image, Pending},
    },
};
use serde_json::json;

fn refusals(change: impl FnOnce(&mut Snapshot, &mut Choice, &mut Context)) -> Vec<Refusal> {
    let (mut snapshot, mut choice, mut context) = (snapshot(), Choice::default(), context());
    change(&mut snapshot, &mut choice, &mut context);
    planned(&snapshot, &history(), &choice, &context).unwrap_err()
}

fn details(snapshot: &mut Snapshot) -> &mut Details {
    snapshot.endpoint.details.get_or_insert_default()
}

fn config<'a>(snapshot: &'a mut Snapshot, name: &str) -> &'a mut Config {
    let found = snapshot.configs.iter_mut().find(|(key, _)| key == name).and_then(|(_, config)| config.as_mut().ok());
    found.unwrap()
}

fn model(snapshot: &mut Snapshot) -> &mut Model {
    let found =
        snapshot.models.iter_mut().find(|(key, _)| key == "fraud-17").and_then(|(_, model)| model.as_mut().ok());
    found.unwrap()
}

/// Text of the first finding of this kind and severity.
fn finding(plan: &Plan, check: Check, severity: Severity) -> Option<&str> {
    plan.findings.iter().find(|f| f.check == check && f.severity == severity).map(|f| f.text.as_str())
}

fn missing() -> Fault {
    Fault::new(FaultKind::Missing, "describing", "")
}

#[test]
fn the_page_of_0224() {
    let plan = plan();
    assert_eq!(plan.title(), "Roll back fraud-prod: v18 → v17");
    assert_eq!(plan.mode, Mode::Emergency, "its 5xx alarm fires, a guarded update would take itself back");
    assert_eq!(plan.found_by, "our ledger 01:30 (anna) and CloudTrail 01:29 (ci-deploy); 2 of 2 sources agree");
    let region = "--region eu-west-1";
    let id = plan.id();
    assert_eq!(
        plan.cli(),
        [
            format!(
                "aws cloudwatch put-metric-alarm --alarm-name mldeck-abort-fraud-prod --metric-name Abort \
                 --no-actions-enabled --comparison-operator GreaterThanOrEqualToThreshold --dimensions \
                 Name=EndpointName,Value=fraud-prod --evaluation-periods 1 --namespace MLOps/Abort --period 60 \
                 --statistic Sum --threshold 1 --treat-missing-data notBreaching {region}"
            ),
            format!(
                "aws sagemaker update-endpoint --endpoint-name fraud-prod --endpoint-config-name fraud-v17-a \
                 --retain-all-variant-properties --deployment-config \
                 '{{\"AutoRollbackConfiguration\":{{\"Alarms\":[{{\"AlarmName\":\"mldeck-abort-fraud-prod\"}}]}},\
                 \"BlueGreenUpdatePolicy\":{{\"TerminationWaitInSeconds\":300,\"TrafficRoutingConfiguration\":\
                 {{\"Type\":\"ALL_AT_ONCE\",\"WaitIntervalInSeconds\":0}}}}}}' {region}"
            ),
            format!(
                "aws sagemaker add-tags --resource-arn arn:aws:sagemaker:eu-west-1:447100000921:endpoint/fraud-prod --tags \
                 'Key=mldeck:previous-config,Value=fraud-v18-c' 'Key=mldeck:plan,Value={id}' {region}"
            )
            .replace('\'', ""),
        ]
    );
    let rows: Vec<(&str, &str, &str)> =
        plan.rows.iter().map(|row| (row.name.as_str(), row.before.as_str(), row.after.as_str())).collect();
    assert_eq!(rows[0], ("endpoint config", LIVE, BEFORE));
    assert_eq!(rows[1], ("instances", "blue 6 × ml.c5.2xlarge", "blue 6 × ml.c5.2xlarge"));
    assert_eq!(rows[2], ("weights", "blue 1", "blue 1"));
    assert_eq!(rows[4], ("cost", "$2.45 an hour", "$2.45 an hour"));
    assert!(plan.cost.text().starts_with("+$0.49 while both fleets run for about 12 min"), "{}", plan.cost.text());
    assert_eq!(plan.rows[1].note, "autoscaled, kept");
    assert_eq!(
        plan.naive,
        [
            "a plain update-endpoint would have dropped blue from 6 to 2 instances",
            "it would have moved all traffic at once and dropped the guardrails (fraud-5xx, fraud-p99)",
        ]
    );
    assert_eq!(plan.stop, "B aborts until the old fleet is gone (5 m 00 s after the shift)");
    assert_eq!(plan.undo, "when done, z in the ledger (9) brings v18 back (fraud-v18-c)");
    assert_eq!(plan.confirm, Confirm::Typed { target: t("v17") });
    assert_eq!(plan.valid_until, at("02:34:12"));
    assert!(plan.findings.iter().all(|f| f.severity != Severity::Block));
}

#[test]
fn guarded_takes_a_canary_and_the_quiet_alarms_only() {
    let plan = plan_with(|snapshot, choice, _| {
        choice.mode = Some(Mode::Guarded);
        snapshot.abort_alarm = Some(fixture::quiet_abort_alarm());
    });
    assert_eq!(plan.steps.len(), 2, "the abort alarm is there already");
    let update = &plan.steps[0].call;
    assert_eq!(update.action, Action::UpdateEndpoint);
    let deployment = &update.body["DeploymentConfig"];
    assert_eq!(
        deployment["AutoRollbackConfiguration"]["Alarms"],
        json!([{"AlarmName": "mldeck-abort-fraud-prod"}, {"AlarmName": "fraud-p99"}])
    );
    let policy = &deployment["BlueGreenUpdatePolicy"];
    let routing = &policy["TrafficRoutingConfiguration"];
    assert_eq!((&routing["Type"], &routing["WaitIntervalInSeconds"]), (&json!("CANARY"), &json!(600)));
    assert_eq!(policy["TerminationWaitInSeconds"], 600);
    assert!(finding(&plan, Check::Alarms, Severity::Warn).is_some_and(|text| text.starts_with("fraud-5xx fires now")));
    let back = plan.steps[0].inverse.clone();
    assert!(
        matches!(back, Inverse::Call(update) if update.text("EndpointConfigName") == Some(LIVE)),
        "undo is the way forward again"
    );
}

#[test]
fn guarded_is_the_default_while_nothing_fires() {
    let plan = plan_with(|snapshot, _, _| snapshot.alarms = Ok(vec![fixture::alarm("fraud-p99", AlarmState::Ok)]));
    assert_eq!(plan.mode, Mode::Guarded);
    assert_eq!(
        finding(&plan, Check::Alarms, Severity::Warn),
        Some("fraud-5xx guarded the last deployment and no longer exists")
    );
}

#[test]
fn statuses() {
    let status = |status: EndpointStatus| refusals(|snapshot, _, _| snapshot.endpoint.status = status).remove(0);
    for (given, text, remedy) in [
        (EndpointStatus::Updating, "a change is running", "weights or capacity"),
        (EndpointStatus::SystemUpdating, "AWS maintains it", "Wait until it is InService"),
        (EndpointStatus::RollingBack, "AWS takes a change back", "Wait until it is InService"),
        (EndpointStatus::Creating, "being created", "Wait"),
        (EndpointStatus::Deleting, "being deleted", "Nothing"),
        (EndpointStatus::Failed, "only its deletion", "delete-endpoint --endpoint-name fraud-prod"),
        (EndpointStatus::Other(t("Hibernating")), "do not touch", "console"),
    ] {
        let refusal = status(given.clone());
        assert_eq!(refusal.check, Check::Status, "{given:?}");
        assert!(refusal.text.contains(text), "{given:?}: {refusal:?}");
        assert!(refusal.remedy.as_ref().is_some_and(|r| r.contains(remedy)), "{given:?}: {refusal:?}");
        assert!(refusal.cli.is_some_and(|cli| cli.starts_with("aws sagemaker update-endpoint")), "{given:?}");
    }
    for fine in [EndpointStatus::OutOfService, EndpointStatus::UpdateRollbackFailed] {
        let plan = plan_with(|snapshot, _, _| snapshot.endpoint.status = fine.clone());
        assert!(finding(&plan, Check::Status, Severity::Warn).is_some(), "{fine:?}");
    }
}

#[test]
fn a_deployment_in_flight_is_refused_with_the_way_to_abort_it() {
    let refusal = refusals(|snapshot, _, _| {
        snapshot.endpoint.status = EndpointStatus::Updating;
        details(snapshot).pending = Some(Pending { config: t("fraud-v19-x"), ..Pending::default() });
    });
    let remedy = refusal[0].remedy.clone().unwrap();
    assert!(remedy.contains("set-alarm-state --alarm-name fraud-5xx"), "{remedy}");
    assert!(remedy.contains("its own actions") || remedy.contains("own actions will fire"), "{remedy}");
    let refusal = refusals(|snapshot, _, _| {
        snapshot.endpoint.status = EndpointStatus::Updating;
        details(snapshot).pending = Some(Pending { config: t("fraud-v19-x"), ..Pending::default() });
        details(snapshot).last_deployment = None;
    });
    assert!(refusal[0].remedy.clone().unwrap().contains("no alarms, so nothing can stop it"));
}

/// What blocks: the change, the check, words of the refusal.
#[test]
fn what_blocks() {
    type Case = (&'static str, fn(&mut Snapshot, &mut Choice, &mut Context), Check, &'static str);
    let cases: Vec<Case> = vec![
        ("config deleted", |s, _, _| s.configs[1].1 = Err(missing()), Check::Config, "is deleted"),
        (
            "config unread",
            |s, c, _| {
                s.configs.retain(|(name, _)| name != BEFORE);
                c.candidate = Some(t(BEFORE));
            },
            Check::Config,
            "was not read",
        ),
        ("model deleted", |s, _, _| s.models[1].1 = Err(missing()), Check::Model, "model fraud-17 is deleted"),
        ("artifacts gone", |s, _, _| model(s).data_exists = Some(false), Check::Artifact, "are gone"),
        (
            "variant names",
            |s, c, _| {
                config(s, BEFORE).variants[0].name = t("green");
                c.candidate = Some(t(BEFORE));
            },
            Check::VariantNames,
            "blue now, green there",
        ),
        (
            "type of an autoscaled variant",
            |s, _, _| {
                config(s, BEFORE).variants[0].instance_type = Some(t("ml.m5.xlarge"));
            },
            Check::Scaling,
            "blue is autoscaled",
        ),
        (
            "type while scaling is unreadable",
            |s, _, _| {
                config(s, BEFORE).variants[0].instance_type = Some(t("ml.m5.xlarge"));
                s.scaling = Err(Fault::new(FaultKind::Throttled, "scaling", ""));
            },
            Check::Scaling,
            "could not be read",
        ),
        (
            "guarded and alarms unreadable",
            |s, c, _| {
                s.alarms = Err(Fault::new(FaultKind::Timeout, "alarms", ""));
                c.mode = Some(Mode::Guarded);
            },
            Check::Alarms,
            "could not be read",
        ),
        (
            "default mode and alarms unreadable",
            |s, _, _| {
                s.alarms = Err(Fault::new(FaultKind::Timeout, "alarms", ""));
            },
            Check::Alarms,
            "could not be read",
        ),
        (
            "the abort alarm fires",
            |s, _, _| {
                let mut alarm = fixture::quiet_abort_alarm();
                alarm.state = AlarmState::Alarm;
                s.abort_alarm = Some(alarm);
            },
            Check::AbortAlarm,
            "take this back at once",
        ),
        ("asynchronous", |s, _, _| config(s, LIVE).is_async = true, Check::Config, "asynchronous"),
        ("old facts", |_, _, context| context.at = at("02:25:20"), Check::Age, "1 m 10 s old"),
        ("the live config itself", |_, c, _| c.candidate = Some(t(LIVE)), Check::Candidate, "live already"),
        ("no details", |s, _, _| s.endpoint.details = None, Check::Status, "not read"),
    ];
    for (name, change, check, words) in cases {
        let found = refusals(change);
        assert!(found.iter().any(|r| r.check == check && r.text.contains(words)), "{name}: {found:#?}");
    }
}

#[test]
fn where_no_earlier_config_is_known_it_is_said_who_could_not_be_asked() {
    let mut snapshot = snapshot();
    let denied = FaultKind::Denied { action: t("cloudtrail:LookupEvents") };
    snapshot.trail = Some(Err(Fault::new(denied, "asking CloudTrail", "")));
    snapshot.configs.retain(|(name, _)| name == LIVE);
    details(&mut snapshot).tags.clear();
    let refused = |snapshot: &Snapshot| {
        let refused = planned(snapshot, &History::default(), &Choice::default(), &context()).unwrap_err();
        refused[0].text.clone()
    };
    assert_eq!(
        refused(&snapshot),
        "no earlier config is known: not from our ledger, tags or look-alikes; CloudTrail could not be read: \
         no permission (cloudtrail:LookupEvents)"
    );
    snapshot.trail = None;
    assert_eq!(
        refused(&snapshot),
        "no earlier config is known yet: not from our ledger, tags or look-alikes; CloudTrail is still being asked"
    );
    snapshot.trail = Some(Ok(Vec::new()));
    assert_eq!(
        refused(&snapshot),
        "no earlier config is known: not from our ledger, tags, CloudTrail or look-alikes; \
         CloudTrail shows no change of this endpoint in 90 days"
    );
}

#[test]
fn an_autoscaled_type_change_names_the_exact_remedy() {
    let found = refusals(|s, _, _| config(s, BEFORE).variants[0].instance_type = Some(t("ml.m5.xlarge")));
    let remedy = found.iter().find(|r| r.check == Check::Scaling).and_then(|r| r.remedy.clone()).unwrap();
    for words in [
        "describe-scaling-policies",
        "deregister-scalable-target --service-namespace sagemaker",
        "--resource-id endpoint/fraud-prod/variant/blue",
        "--min-capacity 2 --max-capacity 8",
    ] {
        assert!(remedy.contains(words), "{words}: {remedy}");
    }
}

/// What is worth knowing and does not block.
#[test]
fn what_warns() {
    type Case = (&'static str, fn(&mut Snapshot, &mut Choice, &mut Context), Check, &'static str);
    let cases: Vec<Case> = vec![
        ("artifacts unknown", |s, _, _| model(s).data_exists = None, Check::Artifact, "is not known"),
        (
            "model unreadable",
            |s, _, _| {
                s.models[1].1 = Err(Fault::new(FaultKind::Throttled, "model", ""));
            },
            Check::Model,
            "throttled",
        ),
        ("image by tag", |s, _, _| model(s).images[0].specified = t("fraud:prod"), Check::Image, "may have moved"),
        (
            "serverless",
            |s, _, _| {
                let v = &mut config(s, BEFORE).variants[0];
                (v.serverless, v.instance_type, v.initial_count) = (true, None, None);
                s.scaling = Ok(vec![]);
            },
            Check::Guardrails,
            "serverless",
        ),
        (
            "Inf1",
            |s, _, _| {
                for config in s.configs.iter_mut().filter_map(|(_, c)| c.as_mut().ok()) {
                    config.variants[0].instance_type = Some(t("ml.inf1.xlarge"));
                }
                details(s).variants[0].instance_type = Some(t("ml.inf1.xlarge"));
            },
            Check::Guardrails,
            "Inf1",
        ),
        (
            "Marketplace",
            |s, c, _| {
                model(s).package = Some(t("arn:aws:sagemaker:eu-west-1:865070037744:model-package/seller-fraud-9f1c"));
                c.candidate = Some(t(BEFORE));
            },
            Check::Guardrails,
            "Marketplace",
        ),
        (
            "inference components",
            |s, c, _| {
                config(s, BEFORE).variants[0].model = None;
                c.candidate = Some(t(BEFORE));
            },
            Check::Components,
            "not their models",
        ),
        (
            "capture",
            |s, _, _| {
                config(s, LIVE).capture = Some(Capture {
                    enabled: true,
                    status: t("Started"),
                    sampling_percent: 20,
                    destination: t("s3://acme/capture"),
                });
            },
            Check::Capture,
            "off there, 20 %",
        ),
        ("key", |s, _, _| config(s, BEFORE).kms_key = Some(t("alias/old")), Check::Encryption, "none to alias/old"),
        ("network", |s, _, _| config(s, BEFORE).network_isolation = true, Check::Network, "differ"),
        ("quota", |_, _, _| {}, Check::Quota, "6 × ml.c5.2xlarge"),
        ("age", |_, _, context| context.at = at("02:24:20"), Check::Age, "10 s old"),
        (
            "edited abort alarm",
            |s, _, _| {
                let mut alarm = fixture::quiet_abort_alarm();
                alarm.has_actions = true;
                s.abort_alarm = Some(alarm);
            },
            Check::AbortAlarm,
            "set up again",
        ),
        (
            "stack",
            |s, _, _| {
                details(s).tags.push((t("aws:cloudformation:stack-name"), t("fraud-serving")));
            },
            Check::Owner,
            "stack fraud-serving",
        ),
        ("live config gone", |s, _, _| s.configs[0].1 = Err(missing()), Check::Config, "undo is not possible"),
        (
            "blind alarms",
            |s, c, _| {
                s.alarms = Ok(vec![fixture::alarm("fraud-p99", AlarmState::InsufficientData)]);
                c.mode = Some(Mode::Guarded);
            },
            Check::Alarms,
            "fraud-p99 has no data",
        ),
        (
            "nothing left to guard",
            |s, c, _| {
                s.alarms = Ok(vec![fixture::alarm("fraud-5xx", AlarmState::Alarm)]);
                c.mode = Some(Mode::Guarded);
            },
            Check::Alarms,
            "no alarm with data",
        ),
        (
            "one instance",
            |s, c, _| {
                details(s).variants[0].desired_count = Some(1);
                c.mode = Some(Mode::Guarded);
            },
            Check::Guardrails,
            "two instances",
        ),
        (
            "your own choice",
            |s, c, _| {
                let other = fixture::config(12, 'q', at("02:00:00"));
                s.configs.push((other.name.clone(), Ok(other)));
                c.candidate = Some(t("fraud-v12-q"));
            },
            Check::Candidate,
            "a guess or your choice",
        ),
    ];
    for (name, change, check, words) in cases {
        let plan = plan_with(change);
        let texts: Vec<&str> = plan
            .findings
            .iter()
            .filter(|f| f.check == check && f.severity == Severity::Warn)
            .map(|f| f.text.as_str())
            .collect();
        assert!(texts.iter().any(|text| text.contains(words)), "{name}: {texts:?}\n{:#?}", plan.findings);
    }
}

#[test]
fn nothing_serverless_gets_a_deployment_policy_or_a_promise() {
    let plan = plan_with(|s, _, _| {
        let v = &mut config(s, BEFORE).variants[0];
        (v.serverless, v.instance_type, v.initial_count) = (true, None, None);
        s.scaling = Ok(vec![]);
    });
    let update = &plan.steps[0].call;
    assert_eq!(update.action, Action::UpdateEndpoint, "no abort alarm where it cannot work");
    assert_eq!(update.body.get("DeploymentConfig"), None);
    assert_eq!(update.body["RetainAllVariantProperties"], false);
    assert!(plan.stop.starts_with("it cannot be stopped once sent"), "{}", plan.stop);
}

#[test]
fn a_moved_image_tag_is_named_with_both_digests() {
    let mut history: History = history();
    history.images.push((t(BEFORE), Image { specified: t("fraud:prod"), resolved: Some(t("sha256:9f1c")) }));
    let mut snapshot = snapshot();
    model(&mut snapshot).images = vec![Image { specified: t("fraud:prod"), resolved: Some(t("sha256:b07a")) }];
    let plan = planned(&snapshot, &history, &Choice::default(), &context()).unwrap();
    let text = finding(&plan, Check::Image, Severity::Warn);
    assert_eq!(text, Some("image fraud:prod moved: it was sha256:9f1c, it is sha256:b07a now"));
    model(&mut snapshot).images[0].resolved = Some(t("sha256:9f1c"));
    let plan = planned(&snapshot, &history, &Choice::default(), &context()).unwrap();
    assert_eq!(finding(&plan, Check::Image, Severity::Ok), Some("image digest unchanged"));
}

#[test]
fn another_instance_type_cannot_keep_the_counts() {
    let plan = plan_with(|s, _, _| {
        config(s, BEFORE).variants[0].instance_type = Some(t("ml.m5.xlarge"));
        s.scaling = Ok(vec![]);
    });
    let update = plan.main_step().map(|step| &step.call.body["RetainAllVariantProperties"]);
    assert_eq!(update, Some(&json!(false)));
    assert_eq!(
        finding(&plan, Check::Counts, Severity::Warn),
        Some("instances of blue go from 6 to 2: the live count cannot be kept here")
    );
    assert_eq!(plan.rows[1].after, "blue 2 × ml.m5.xlarge");
    assert_eq!(plan.rows[4].after, "$0.46 an hour");
}

#[test]
fn a_good_variant_at_weight_0_is_offered_first() {
    let plan = plan_with(|s, c, _| {
        let mut spare = fixture::variant();
        spare.name = t("green");
        (spare.model, spare.label) = (Some(t("fraud-17")), Some(t("fraud v17")));
        (spare.current_weight, spare.desired_weight) = (Some(0.0), Some(0.0));
        details(s).variants.push(spare);
        let mut green = config(s, BEFORE).variants[0].clone();
        green.name = t("green");
        config(s, BEFORE).variants.push(green);
        c.candidate = Some(t(BEFORE));
    });
    let offer = plan.findings.iter().find(|f| f.check == Check::FastPath).unwrap();
    assert!(offer.text.starts_with("fraud v17 is live as variant green at weight 0"), "{}", offer.text);
    let line = offer.remedy.clone().unwrap();
    assert!(line.contains("VariantName=blue,DesiredWeight=0 VariantName=green,DesiredWeight=1"), "{line}");
    let warm = |snapshot: &Snapshot| {
        snapshot.endpoint.details.as_ref().and_then(warm_variant).map(|variant| variant.name.clone())
    };
    assert_eq!((warm(&fixture::two_variants()), warm(&snapshot())), (Some(t("green")), None));
}

#[test]
fn a_shift_moves_weights_and_nothing_else() {
    let plan = fixture::shift();
    assert_eq!(plan.title(), "Shift fraud-prod: v18 → v17");
    assert!(plan.is_intact());
    let shares: Vec<_> =
        plan.rows.iter().map(|row| (row.name.as_str(), row.before.as_str(), row.after.as_str())).collect();
    assert_eq!(shares, [("share blue", "100 %", "0 %"), ("share green", "0 %", "100 %")]);
    assert_eq!(plan.confirm, Confirm::Typed { target: t("v17") });
    let line = plan.cli().remove(0);
    assert!(line.contains("--desired-weights-and-capacities VariantName=blue,DesiredWeight=0 "), "{line}");
    let Inverse::Call(back) = &plan.steps[0].inverse else { panic!("no way back") };
    let weights = back.body["DesiredWeightsAndCapacities"].as_array().unwrap();
    assert_eq!(weights.iter().map(|v| v["DesiredWeight"].as_f64()).collect::<Vec<_>>(), [Some(1.0), Some(0.0)]);
}

#[test]
fn what_a_shift_refuses() {
    let refuse = |receiver: &str, change: fn(&mut Snapshot)| {
        let mut snapshot = fixture::two_variants();
        change(&mut snapshot);
        plan_shift(&snapshot, &t(receiver), None, &context()).unwrap_err().remove(0).text
    };
    assert_eq!(refuse("red", |_| {}), "there is no live variant red");
    assert_eq!(refuse("blue", |_| {}), "variant blue has all traffic already");
    assert_eq!(
        refuse("green", |s| details(s).variants[1].current_count = Some(0)),
        "variant green has no instance running"
    );
    assert!(refuse("green", |s| s.endpoint.status = EndpointStatus::Updating).starts_with("it is Updating"));
}

#[test]
fn a_shift_to_a_smaller_fleet_warns() {
    let mut snapshot = fixture::two_variants();
    details(&mut snapshot).variants[1].current_count = Some(1);
    let plan = plan_shift(&snapshot, &t("green"), None, &context()).unwrap();
    let text = finding(&plan, Check::Counts, Severity::Warn);
    assert_eq!(text, Some("green runs 1 instances, its share of the traffic is carried by 6 now: it may not bear it"));
}

#[test]
fn a_price_that_is_not_known_reads_as_a_question() {
    let plan = plan_with(|s, _, _| {
        for config in s.configs.iter_mut().filter_map(|(_, c)| c.as_mut().ok()) {
            config.variants[0].instance_type = Some(t("ml.p6.unheard"));
        }
        details(s).variants[0].instance_type = Some(t("ml.p6.unheard"));
    });
    assert_eq!((plan.cost.one_off, plan.rows[4].before.as_str()), (None, "? an hour"));
    assert!(plan.cost.text().starts_with("+? while"));
}

#[test]
fn a_slow_trail_adds_to_a_younger_read_and_makes_nothing_older() {
    let deep = snapshot();
    let mut quick = Snapshot { at: at("02:29:10"), trail: None, ..snapshot() };
    details(&mut quick).variants[0].current_count = Some(7);
    quick.configs.truncate(2);
    quick.models.truncate(2);
    let context = Context { at: at("02:29:12"), ..context() };
    for both in [deep.clone().and(quick.clone()), quick.clone().and(deep.clone())] {
        assert_eq!((both.at, both.trail.clone()), (at("02:29:10"), deep.trail.clone()));
        assert!(both.config("fraud-v16-b").is_some() && both.model("fraud-16").is_some(), "what only the trail names");
        assert_eq!(both.endpoint, quick.endpoint, "the endpoint is as it was read last");
        let plan = planned(&both, &history(), &Choice::default(), &context).unwrap();
        assert!(plan.found_by.contains("CloudTrail") && finding(&plan, Check::Age, Severity::Ok).is_some());
    }
    // A trail that could not be read again does not take away what it said before.
    let denied = Snapshot { at: at("02:30:00"), trail: Some(Err(missing())), ..snapshot() };
    assert_eq!(deep.clone().and(denied).trail, deep.trail);
    // What is really old is refused, whatever was added to it.
    let old = Context { at: at("02:30:11"), ..context };
    let refusal = planned(&deep.and(quick), &history(), &Choice::default(), &old).unwrap_err().remove(0);
    assert_eq!((refusal.check, refusal.remedy.as_deref()), (Check::Age, Some("F5 reads the endpoint again.")));
}

#[test]
fn the_digest_is_of_what_will_be_done_on_which_facts() {
    let base = plan();
    assert!(base.is_intact());
    let later = plan_with(|s, _, context| {
        s.at = at("02:24:50");
        context.at = at("02:24:51");
    });
    assert_eq!(later.digest, base.digest, "the same change on the same facts, a little later");
    type Case = (&'static str, fn(&mut Snapshot, &mut Choice, &mut Context));
    let cases: Vec<Case> = vec![
        ("mode", |_, c, _| c.mode = Some(Mode::Guarded)),
        ("candidate", |_, c, _| c.candidate = Some(t("fraud-v16-b"))),
        ("who", |_, _, context| context.by = t("bob")),
        ("weights", |s, _, _| details(s).variants[0].desired_weight = Some(0.5)),
        ("modified", |s, _, _| s.endpoint.modified = at("02:00:00")),
    ];
    for (name, change) in cases {
        assert_ne!(plan_with(change).digest, base.digest, "{name}");
    }
    let intent = Intent::back_out(t(NAME), Choice::default()).because(Some(t("INC-77")));
    let reasoned = plan_back_out(&intent, &snapshot(), &history(), &context()).unwrap();
    assert!(reasoned.reason == Some(t("INC-77")) && reasoned.digest != base.digest, "{:?}", reasoned.reason);
    let scaled = plan_with(|s, _, _| {
        details(s).variants[0].desired_count = Some(5);
        s.endpoint.modified = at("02:24:00");
    });
    assert!(scaled.is_like(&base), "autoscaling moved: what was typed holds");
    assert!(!plan_with(|_, c, _| c.candidate = Some(t("fraud-v16-b"))).is_like(&base));
}

/// v18 → v17 was ours and is done; now v18 is wanted back.
fn undo(change: impl FnOnce(&mut Snapshot)) -> Result<Plan, Vec<Refusal>> {
    let mut snapshot = snapshot();
    details(&mut snapshot).config = t(BEFORE);
    snapshot.trail = Some(Ok(vec![fixture::event(at("02:00:00"), BEFORE, "anna")]));
    change(&mut snapshot);
    let choice = Choice {
        candidate: Some(t(LIVE)),
        reverses: Some(Reversal { operation: t("9c1e0f3a"), left: t(BEFORE) }),
        ..Choice::default()
    };
    let context = Context { class: Class::Dev, ..context() };
    planned(&snapshot, &history(), &choice, &context)
}

#[test]
fn an_operation_of_ours_is_taken_back_by_the_ordinary_plan() {
    let plan = undo(|_| {}).unwrap();
    assert_eq!(plan.title(), "Undo fraud-prod: v17 → v18, reverses 9c1e0f3a");
    assert_eq!(plan.found_by, "our operation 9c1e0f3a, which replaced it; 1 of 1 source agrees");
    assert_eq!(plan.confirm, Confirm::Typed { target: t("v18") }, "typed even outside production");
    assert!(plan.is_intact() && plan.cli()[1].contains("--endpoint-config-name fraud-v18-c"), "{:?}", plan.cli());
    let back: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert!(back.is_intact());
}

#[test]
fn an_operation_is_not_taken_back_from_under_somebody_else() {
    let first = |change: fn(&mut Snapshot)| undo(change).unwrap_err().remove(0);
    let theirs = first(|s| {
        details(s).config = t("fraud-v16-b");
        s.trail = Some(Ok(vec![fixture::event(at("02:10:00"), "fraud-v16-b", "bob")]));
    });
    assert_eq!(theirs.text, "changed since by bob at 2026-11-23 02:10: fraud-v16-b serves, 9c1e0f3a left fraud-v17-a");
    assert!(theirs.cli.is_some_and(|cli| cli.contains("--endpoint-config-name fraud-v18-c")));
    let unasked = first(|s| {
        details(s).config = t("fraud-v16-b");
        s.trail = None;
    });
    assert!(unasked.text.starts_with("changed since (CloudTrail is being asked by whom)"), "{}", unasked.text);
    for status in [EndpointStatus::OutOfService, EndpointStatus::UpdateRollbackFailed] {
        let refusal = undo(|s| s.endpoint.status = status.clone()).unwrap_err().remove(0);
        assert_eq!(refusal.check, Check::Status, "{status:?}");
    }
    let running = first(|s| s.endpoint.status = EndpointStatus::Updating);
    assert!(running.text.starts_with("a change is running") && running.cli.is_some(), "{running:?}");
    let gone = first(|s| {
        let config = s.configs.iter_mut().find(|(name, _)| name == LIVE).unwrap();
        config.1 = Err(missing());
    });
    assert_eq!(gone.text, "config fraud-v18-c is deleted");
    assert_eq!(first(|s| details(s).config = t(LIVE)).text, "fraud-v18-c is what is live already");
}

#[test]
fn a_saved_plan_comes_back_whole_and_an_edited_one_is_noticed() {
    let plan = plan_with(|s, _, _| {
        let v = &mut details(s).variants[0];
        (v.current_weight, v.desired_weight) = (Some(0.1 + 0.2), Some(0.1 + 0.2));
    });
    let json = serde_json::to_string(&plan).unwrap();
    let back: Plan = serde_json::from_str(&json).unwrap();
    assert!(back.is_intact());
    assert_eq!(back.digest, plan.digest);
    let edited: Plan = serde_json::from_str(&json.replace(BEFORE, "fraud-v16-b")).unwrap();
    assert!(!edited.is_intact());
    for field in ["\"class\":\"Prod\"", "\"label\":\"v17\""] {
        assert!(json.contains(field), "{field}");
    }
    for (from, to) in [("\"class\":\"Prod\"", "\"class\":\"Dev\""), ("\"label\":\"v17\"", "\"label\":\"v16\"")] {
        let edited: Plan = serde_json::from_str(&json.replace(from, to)).unwrap();
        assert!(!edited.is_intact(), "{to}");
    }
    let mut longer = plan.clone();
    longer.valid_until = longer.valid_until.plus(1);
    assert!(!longer.is_intact());
    let mut newer = plan;
    newer.version += 1;
    assert!(!newer.is_intact());
}

#[test]
fn the_class_decides_how_to_confirm() {
    let confirm = |class| plan_with(|_, _, context| context.class = class).confirm;
    assert_eq!(confirm(Class::Dev), Confirm::Key { key: 'y' });
    assert_eq!(confirm(Class::Stage), Confirm::Key { key: 'y' });
    let nameless = plan_with(|s, c, _| {
        let mut long = config(s, BEFORE).clone();
        long.name = t("an-endpoint-config-with-a-long-name");
        model(s).package = None;
        c.candidate = Some(long.name.clone());
        s.configs[1] = (long.name.clone(), Ok(long));
    });
    let Confirm::Typed { target } = nameless.confirm else { panic!("production is typed") };
    assert_eq!(target.as_str().len(), 4);
    assert!(target.as_str().bytes().all(|b| b"acdefhjkmnpruwx4".contains(&b)), "{target}");
}
