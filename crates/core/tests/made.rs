//! Plans that make something of its own: a job once more, a schedule's jobs once, a question to people.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use mldeck_core::{
    ask::{Answer, Sent},
    fault::{Fault, FaultKind},
    ops::{
        Facts,
        call::{Edits, copy},
        candidate::History,
        confirm::{Confirm, Weight},
        guard::Check,
        intent::{Change, Intent},
        plan::{Basis, Inverse, Plan, Refusal},
        run::{Effect, Event, Run, resume},
        target::{Kind, Seen, Sight, Target},
        verb,
    },
    resource::operation::OperationState,
    text::Text,
    time::{HOUR, SECOND},
};
use serde_json::{Value, json};

mod fixture;
use fixture::{context, t};

const SECRET: &str = "hunter2hunter2hunter2";

fn sight(status: &str, body: Value) -> Sight {
    Sight { status: t(status), body, ..Sight::default() }
}

fn facts(target: Target, sight: Sight) -> Facts {
    Facts {
        at: context().at,
        things: vec![(target, Ok(Some(sight)))],
        tags: Some(Ok(vec![(t("team"), t("fraud")), (t("aws:cloudformation:stack-name"), t("s"))])),
        latest: Some(Ok(None)),
        ..Facts::default()
    }
}

fn judge(intent: &Intent, facts: &Facts) -> Result<Plan, Vec<Refusal>> {
    verb::plan(intent, facts, &History::default(), &context())
}

fn clone_of(kind: Kind, id: &str, edits: Edits) -> (Intent, Target) {
    let source = Target::new(kind, t(id));
    (Change::CloneJob { source: source.clone(), edits }.into(), source)
}

#[track_caller]
fn why(result: Result<Plan, Vec<Refusal>>) -> String {
    match result {
        Err(refusals) => refusals.into_iter().map(|refusal| refusal.text).collect::<Vec<_>>().join("; "),
        Ok(plan) => panic!("planned: {}", plan.title()),
    }
}

fn training() -> Value {
    json!({
        "TrainingJobName": "fraud-train", "TrainingJobArn": "arn:job", "TrainingJobStatus": "Failed",
        "SecondaryStatus": "Failed", "CreationTime": 1.5, "FailureReason": "AlgorithmError",
        "HyperParameters": {"eta": "0.3", "_tuning_objective_metric": "auc"},
        "AlgorithmSpecification": {"TrainingImage": "img:1", "TrainingInputMode": "File"},
        "RoleArn": "arn:role", "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.4xlarge", "InstanceCount": 2, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 7200}, "InputDataConfig": [], "VpcConfig": null,
        "Environment": {"DB_PASSWORD": SECRET},
        "ExperimentConfig": {"TrialName": "t", "TrialComponentDisplayName": "fraud-train"},
    })
}

fn train(edits: Edits) -> (Intent, Facts) {
    let (intent, source) = clone_of(Kind::TrainingJob, "fraud-train", edits);
    (intent, facts(source, sight("Failed", training())))
}

#[test]
fn a_training_job_is_made_once_more_from_what_its_create_operation_takes() {
    let (intent, facts) = train(Edits::default());
    let plan = judge(&intent, &facts).unwrap();
    let [step] = plan.steps.as_slice() else { panic!("{:#?}", plan.steps) };
    let name = format!("fraud-train-{}", plan.id());
    assert_eq!((plan.target.kind, plan.target.id.as_str()), (Kind::TrainingJob, name.as_str()));
    let wanted = json!({
        "TrainingJobName": name, "HyperParameters": {"eta": "0.3"},
        "AlgorithmSpecification": {"TrainingImage": "img:1", "TrainingInputMode": "File"},
        "RoleArn": "arn:role", "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.4xlarge", "InstanceCount": 2, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 7200}, "Environment": {"DB_PASSWORD": SECRET},
        "ExperimentConfig": {"TrialName": "t", "TrialComponentDisplayName": name},
        "Tags": [{"Key": "team", "Value": "fraud"}],
    });
    assert_eq!(step.call.body, wanted);
    assert_eq!(step.proof(), Some((plan.target.clone(), true)));
    assert!(plan.is_intact() && matches!(step.inverse, Inverse::None(_)));
    assert_eq!(plan.confirm, Confirm::Key { key: 'y' }, "it harms nobody");
    let cost = plan.rows.iter().find(|row| row.name == "costs").unwrap();
    assert_eq!(cost.after, "$3.69 at most", "two machines of $0.922 for two hours");
    assert_eq!(step.deadline, 4 * HOUR, "its longest run, and an hour around it on either side");
}

#[test]
fn a_run_that_may_cost_much_or_nobody_knows_what_is_typed_for() {
    let weight = |edits: Edits| {
        let (intent, facts) = train(edits);
        judge(&intent, &facts).unwrap().weight
    };
    assert_eq!(weight(Edits { instance_count: Some(54), ..Edits::default() }), Weight::Light, "$99.58");
    assert_eq!(weight(Edits { instance_count: Some(55), ..Edits::default() }), Weight::Target, "$101.42");
    assert_eq!(weight(Edits { instance_type: Some(t("ml.p9.48xlarge")), ..Edits::default() }), Weight::Target);
}

#[test]
fn what_is_kept_of_a_copy_has_no_secret_and_what_is_sent_has_it() {
    let edits = Edits { hyperparameters: vec![(t("api_key"), t(SECRET))], ..Edits::default() };
    let (intent, facts) = train(edits);
    let plan = judge(&intent, &facts).unwrap();
    let sent = serde_json::to_string(&plan.steps[0].call.body).unwrap();
    assert_eq!(sent.matches(SECRET).count(), 2, "the environment's and the new one");
    let kept = plan.without_secrets();
    assert!(!serde_json::to_string(&kept).unwrap().contains(SECRET));
    assert!(kept.is_intact() && kept.id() == plan.id());
    assert!(!plan.cli().join(" ").contains(SECRET));
    let template: Intent = Change::StartJob { kind: Kind::TrainingJob, template: t(&training().to_string()) }.into();
    assert!(!serde_json::to_string(&template.without_secrets()).unwrap().contains(SECRET));
}

#[test]
fn edits_reach_the_request_and_what_does_not_fit_is_refused() {
    let edits = Edits {
        instance_type: Some(t("ml.c5.xlarge")),
        instance_count: Some(1),
        longest: Some(600),
        hyperparameters: vec![(t("eta"), t("0.1")), (t("depth"), t("6"))],
        manifest: None,
    };
    let (intent, facts) = train(edits);
    let plan = judge(&intent, &facts).unwrap();
    let body = &plan.steps[0].call.body;
    assert_eq!(
        body["ResourceConfig"],
        json!({"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30})
    );
    assert_eq!(body["StoppingCondition"]["MaxRuntimeInSeconds"], 600);
    assert_eq!(body["HyperParameters"], json!({"eta": "0.1", "depth": "6"}));
    let row =
        |name: &str| plan.rows.iter().find(|row| row.name == name).map(|row| (row.before.as_str(), row.after.as_str()));
    assert_eq!(row("eta"), Some(("0.3", "0.1")));
    assert_eq!(row("instances"), Some(("2", "1")));

    let refused = |kind: Kind, body: Value, edits: Edits| {
        let (intent, source) = clone_of(kind, "x", edits);
        why(judge(&intent, &self::facts(source, sight("Completed", body))))
    };
    let fleet = Edits { instance_count: Some(3), ..Edits::default() };
    let groups = json!({"ResourceConfig": {"InstanceGroups": [{"InstanceType": "ml.m5.large", "InstanceCount": 1}]}});
    assert!(refused(Kind::TrainingJob, groups, fleet.clone()).contains("no one instance type"));
    assert!(refused(Kind::LabelingJob, json!({}), fleet).contains("no one instance type"));
    let longest = Edits { longest: Some(60), ..Edits::default() };
    assert!(refused(Kind::TransformJob, json!({}), longest).contains("no longest run time"));
    let spot = json!({"StoppingCondition": {"MaxRuntimeInSeconds": 10, "MaxWaitTimeInSeconds": 50}});
    let longer = Edits { longest: Some(60), ..Edits::default() };
    assert!(refused(Kind::TrainingJob, spot, longer).contains("less than 60 s"));
    let hyper = Edits { hyperparameters: vec![(t("a"), t("b"))], ..Edits::default() };
    assert!(refused(Kind::ProcessingJob, json!({}), hyper).contains("no hyperparameters"));
    assert!(refused(Kind::TuningJob, json!({}), Edits::default()).contains("not made once more"));
    let (intent, _) = train(Edits::default());
    let gone = Facts { things: vec![(intent.change.target(), Ok(None))], ..Facts::default() };
    assert!(why(judge(&intent, &gone)).contains("there is no training job fraud-train"));
}

#[test]
fn the_same_copy_once_more_is_another_plan_under_another_name() {
    let (intent, facts) = train(Edits::default());
    let first = judge(&intent, &facts).unwrap();
    let again = judge(&intent, &facts).unwrap();
    assert_eq!(first.id(), again.id(), "nothing was made meanwhile");
    let after = Facts { latest: Some(Ok(Some(first.target.id.clone()))), ..facts.clone() };
    let second = judge(&intent, &after).unwrap();
    assert_ne!(first.id(), second.id());
    let (of_copy, source) = clone_of(Kind::TrainingJob, first.target.id.as_str(), Edits::default());
    let grandchild = judge(&of_copy, &self::facts(source, sight("Completed", training()))).unwrap();
    assert_eq!(grandchild.target.id.as_str(), format!("fraud-train-{}", grandchild.id()), "names do not grow");
    let unread = Facts { latest: Some(Err(Fault::new(FaultKind::Timeout, "listing", ""))), ..facts };
    let plan = judge(&intent, &unread).unwrap();
    assert!(plan.findings.iter().any(|finding| finding.text.contains("once only")), "{:#?}", plan.findings);
}

#[test]
fn names_keep_to_63_characters_and_ours_are_told_from_others() {
    let long = "n".repeat(63);
    assert_eq!(copy::stem(&long, 0).len() + 9, 63);
    assert_eq!(copy::stem("fraud-20261123", 0), "fraud-20261123", "a date is no id of ours");
    assert_eq!(copy::stem("fraud-0a1b2c3d", 0), "fraud");
    assert!(copy::is_of("fraud", "fraud-01234567") && copy::is_of("fraud", "fraud-0a1b2c3d"));
    for other in ["fraud", "fraud-train-0a1b2c3d", "fraud-0A1B2C3D", "fraud-0a1b2c3", "xfraud-0a1b2c3d"] {
        assert!(!copy::is_of("fraud", other), "{other}");
    }
}

#[test]
fn what_a_job_overwrites_is_said_and_weighs() {
    let (intent, source) = clone_of(Kind::ProcessingJob, "report", Edits::default());
    let body = json!({
        "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}},
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "a", "S3Output": {"S3Uri": "s3://b/reports"}}]},
    });
    let plan = judge(&intent, &facts(source, sight("Completed", body))).unwrap();
    assert!(plan.findings.iter().any(|f| f.check == Check::Artifact && f.text.contains("s3://b/reports")));
    assert_eq!(plan.weight, Weight::Target);
    let (intent, source) = clone_of(Kind::TransformJob, "scores", Edits::default());
    let body = json!({"TransformOutput": {"S3OutputPath": "s3://b/scores"}, "ModelName": "m"});
    let plan = judge(&intent, &facts(source, sight("Completed", body))).unwrap();
    assert!(plan.findings.iter().any(|finding| finding.text.contains("s3://b/scores")));
    assert!(matches!(plan.confirm, Confirm::Typed { .. }));
}

fn labeling(team: &str, manifest: &str) -> Value {
    json!({
        "LabelingJobName": "labels", "LabelAttributeName": "kind", "RoleArn": "arn:role",
        "LabelCounters": {"TotalLabeled": 300, "Unlabeled": 100, "FailedNonRetryableError": 0, "HumanLabeled": 300},
        "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": manifest}}},
        "OutputConfig": {"S3OutputPath": "s3://b/labels"},
        "HumanTaskConfig": {
            "WorkteamArn": format!("arn:aws:sagemaker:eu-west-1:1:workteam/{team}"),
            "NumberOfHumanWorkersPerDataObject": 3,
            "PublicWorkforceTaskPrice": {"AmountInUsd": {"Dollars": 0, "Cents": 3, "TenthFractionsOfACent": 6}},
        },
    })
}

#[test]
fn captured_payload_that_leaves_the_company_is_typed_for_everywhere() {
    let label = |team: &str, captured: Option<&str>| {
        let (intent, source) = clone_of(Kind::LabelingJob, "labels", Edits::default());
        let mut facts = facts(source, sight("Completed", labeling(team, "s3://b/in.manifest")));
        facts.captured = Some(Ok(captured.map(Text::new)));
        judge(&intent, &facts).unwrap()
    };
    for team in ["vendor-crowd/v", "public-crowd/default", "some-crowd/x"] {
        let plan = label(team, Some("s3://cap/fraud/blue/2026/11/23/01/x.jsonl"));
        assert_eq!(plan.weight, Weight::Heavy, "{team}");
        assert!(plan.findings.iter().any(|f| f.check == Check::Capture && f.text.contains("what callers sent")));
    }
    assert_eq!(label("public-crowd/default", None).weight, Weight::Heavy, "nobody knows what the objects hold");
    let own = label("private-crowd/us", Some("s3://cap/x/2026/11/23/01/x.jsonl"));
    assert_eq!(own.weight, Weight::Target);
    assert!(own.findings.iter().any(|finding| finding.text.contains("your own people")));
    let plan = label("public-crowd/default", None);
    let cost = plan.rows.iter().find(|row| row.name == "costs").unwrap();
    assert_eq!(cost.after, "$43.20 if it has as many objects", "400 objects, three people, 3.6 cents");
}

#[test]
fn captured_payload_is_told_by_where_data_capture_writes() {
    let captured = verb::clone::captured;
    let file = "s3://cap/fraud/blue/2026/11/23/01/5a.jsonl";
    assert_eq!(captured(file, ""), Some(t(file)));
    let lines = format!("{{\"source-ref\":\"s3://b/1.png\"}}\nno json\n{{\"source-ref\":\"{file}\"}}\n");
    assert_eq!(captured("s3://b/in.manifest", &lines), Some(t(file)));
    assert_eq!(captured("s3://b/in.manifest", "{\"source-ref\":\"s3://b/2026/1.png\"}"), None);
    let inline = "{\"source\":\"x\",\"captureData\":{}}";
    assert_eq!(captured("s3://b/in.manifest", inline), Some(t("s3://b/in.manifest")));
}

#[test]
fn a_template_is_taken_as_it_is_and_odd_ones_are_refused() {
    let start = |template: &str| {
        let intent: Intent = Change::StartJob { kind: Kind::LabelingJob, template: t(template) }.into();
        judge(&intent, &Facts { at: context().at, latest: Some(Ok(None)), ..Facts::default() })
    };
    let mut body = labeling("private-crowd/us", "s3://b/in.manifest");
    body.as_object_mut().unwrap().remove("LabelCounters");
    let plan = start(&body.to_string()).unwrap();
    let sent = &plan.steps[0].call.body;
    assert_eq!(sent["LabelingJobName"], json!(format!("labels-{}", plan.id())));
    assert_eq!(sent["HumanTaskConfig"], body["HumanTaskConfig"]);
    assert!(plan.is_intact());
    for (template, said) in
        [("[", "no JSON"), ("[]", "no JSON object"), ("{}", "has no LabelingJobName"), ("{\"Odd\":1}", "no member Odd")]
    {
        let told = why(start(template));
        assert!(told.contains(said), "{template}: {told}");
    }
}

fn schedule(expression: &str) -> Value {
    json!({
        "MonitoringScheduleArn": "arn:s", "MonitoringScheduleStatus": "Scheduled", "EndpointName": "fraud-prod",
        "MonitoringScheduleConfig": {
            "ScheduleConfig": {"ScheduleExpression": expression}, "MonitoringType": "DataQuality",
            "MonitoringJobDefinitionName": "jobs", "MonitoringJobDefinition": {"RoleArn": "arn:role"},
        },
    })
}

fn run_monitor(expression: &str, hours: Option<u8>) -> Result<Plan, Vec<Refusal>> {
    let intent: Intent = Change::RunMonitor { schedule: t("fraud-quality"), hours }.into();
    judge(&intent, &facts(intent.change.target(), sight("Scheduled", schedule(expression))))
}

#[test]
fn a_schedule_runs_once_now_beside_itself() {
    let plan = run_monitor("cron(0 * ? * * *)", None).unwrap();
    let name = format!("fraud-quality-now-{}", plan.id());
    assert_eq!(
        plan.steps[0].call.body,
        json!({"MonitoringScheduleName": name, "MonitoringScheduleConfig": {
            "ScheduleConfig": {
                "ScheduleExpression": "NOW", "DataAnalysisStartTime": "-PT1H", "DataAnalysisEndTime": "-PT0H"},
            "MonitoringType": "DataQuality", "MonitoringJobDefinitionName": "jobs",
        }})
    );
    assert_eq!((plan.target.kind, plan.target.id.as_str()), (Kind::MonitoringRun, name.as_str()));
    let Inverse::Call(call) = &plan.steps[0].inverse else { panic!("{:?}", plan.steps[0].inverse) };
    assert_eq!((call.operation(), call.text("MonitoringScheduleName")), ("DeleteMonitoringSchedule", Some(&*name)));
    assert!(plan.undo.contains(&name) && plan.is_intact());
    let window = |expression: &str, hours| {
        let plan = run_monitor(expression, hours).unwrap();
        plan.steps[0].call.body["MonitoringScheduleConfig"]["ScheduleConfig"]["DataAnalysisStartTime"].clone()
    };
    assert_eq!(window("cron(0 0/6 ? * * *)", None), "-PT6H");
    assert_eq!(window("cron(0 4 ? * * *)", None), "-PT24H");
    assert_eq!(window("cron(0 * ? * * *)", Some(3)), "-PT3H");
    assert!(why(run_monitor("cron(0 * ? * * *)", Some(25))).contains("not at 25"));
    assert!(why(run_monitor("cron(0 * ? * * *)", Some(0))).contains("not at 0"));
}

fn ask(team: &str, status: &str, input: &str) -> Result<Plan, Vec<Refusal>> {
    let intent: Intent = Change::StartReview { flow: t("fraud-review"), input: t(input) }.into();
    let body = json!({
        "FlowDefinitionArn": "arn:flow", "FlowDefinitionStatus": status, "HumanLoopConfig": {
            "WorkteamArn": format!("arn:aws:sagemaker:eu-west-1:1:workteam/{team}"), "TaskCount": 1},
    });
    judge(&intent, &facts(intent.change.target(), sight(status, body)))
}

#[test]
fn people_are_asked_by_a_flow_and_strangers_only_when_it_is_typed() {
    let plan = ask("private-crowd/us", "Active", "{\"text\":\"ok?\"}").unwrap();
    let name = format!("fraud-review-{}", plan.id());
    assert_eq!(
        plan.steps[0].call.body,
        json!({"HumanLoopName": name, "FlowDefinitionArn": "arn:flow", "HumanLoopInput": {"InputContent": "{\"text\":\"ok?\"}"}})
    );
    assert_eq!(plan.steps[0].call.action.iam(), "sagemaker:StartHumanLoop");
    assert!(plan.cli()[0].starts_with("aws sagemaker-a2i-runtime start-human-loop "));
    assert_eq!((plan.weight, plan.target.kind), (Weight::Target, Kind::HumanLoop));
    assert_eq!(ask("public-crowd/default", "Active", "{}").unwrap().weight, Weight::Heavy);
    assert!(why(ask("private-crowd/us", "Active", "{")).contains("no JSON"));
    assert!(why(ask("private-crowd/us", "Failed", "{}")).contains("Failed"));
}

/// A run of the plan of a copy up to the call, with the name still free.
fn sending(plan: Plan) -> (Run, u32, Vec<mldeck_core::ops::journal::Record>) {
    let at = plan.at;
    let (mut run, mut records) = (Run::new(plan, at), Vec::new());
    let mut events = vec![Event::Start];
    while let Some(event) = events.pop() {
        for effect in run.step(at, event) {
            match effect {
                Effect::Journal(record) => {
                    events.push(Event::Journaled { seq: record.seq, result: Ok(()) });
                    records.push(record);
                }
                Effect::Read { ticket, .. } => {
                    events.push(Event::Read { ticket, result: Ok(Answer::Seen(Seen::Gone)) });
                }
                Effect::Send { ticket, .. } => return (run, ticket, records),
                _ => {}
            }
        }
    }
    panic!("nothing was sent");
}

fn seen(status: &str) -> Seen {
    Seen::Thing(Box::new(sight(status, json!({"TrainingJobStatus": status}))))
}

/// Goes on with `run`, each look answered by `look`, until it ends.
fn ends(run: &mut Run, first: Event, look: impl Fn(u32) -> Seen) -> (OperationState, usize) {
    let mut at = run.plan().at;
    let (mut events, mut wake, mut looks, mut sends) = (vec![first], at, 0, 0);
    loop {
        let event = events.pop().unwrap_or_else(|| {
            at = wake;
            Event::Wake
        });
        for effect in run.step(at, event) {
            match effect {
                Effect::Journal(record) => {
                    events.push(Event::Journaled { seq: record.seq, result: Ok(()) });
                }
                Effect::Read { ticket, .. } => {
                    events.push(Event::Read { ticket, result: Ok(Answer::Seen(look(looks))) });
                    looks += 1;
                    assert!(looks < 10_000, "it never ends");
                }
                Effect::Send { ticket, .. } => {
                    sends += 1;
                    events.push(Event::Sent { ticket, sent: Sent::applied() });
                }
                Effect::WakeAt(when) => wake = when.max(at.plus(SECOND)),
                Effect::Finished(state) => return (state, sends),
                _ => {}
            }
        }
    }
}

#[test]
fn a_lost_answer_is_found_under_the_new_name_and_sent_again_only_where_it_is_not() {
    let (intent, facts) = train(Edits::default());
    let lost = || Sent::Unknown(Fault::new(FaultKind::Timeout, "creating", ""));
    let (mut run, ticket, _) = sending(judge(&intent, &facts).unwrap());
    let landed = |looks: u32| if looks < 3 { seen("InProgress") } else { seen("Completed") };
    assert_eq!(ends(&mut run, Event::Sent { ticket, sent: lost() }, landed), (OperationState::Done, 0));
    let (mut run, ticket, _) = sending(judge(&intent, &facts).unwrap());
    let late = |looks: u32| if looks < 1 { Seen::Gone } else { seen("Completed") };
    assert_eq!(ends(&mut run, Event::Sent { ticket, sent: lost() }, late), (OperationState::Done, 0), "it landed late");
    let (mut run, ticket, _) = sending(judge(&intent, &facts).unwrap());
    let never = |looks: u32| if looks < 2 { Seen::Gone } else { seen("Completed") };
    assert_eq!(
        ends(&mut run, Event::Sent { ticket, sent: lost() }, never),
        (OperationState::Done, 1),
        "sent once more"
    );
    let (mut run, ticket, _) = sending(judge(&intent, &facts).unwrap());
    let failed = |_| seen("Failed");
    assert_eq!(ends(&mut run, Event::Sent { ticket, sent: Sent::applied() }, failed).0, OperationState::Failed);
}

#[test]
fn a_name_that_is_taken_meanwhile_stops_it_before_the_call() {
    let (intent, facts) = train(Edits::default());
    let plan = judge(&intent, &facts).unwrap();
    assert_eq!(plan.basis, Basis::Absent { latest: Text::default() });
    let mut run = Run::new(plan, context().at);
    assert_eq!(ends(&mut run, Event::Start, |_| seen("InProgress")), (OperationState::Refused, 0));
}

#[test]
fn a_killed_copy_is_found_by_its_name_after_a_restart() {
    let (intent, facts) = train(Edits::default());
    let (_, _, records) = sending(judge(&intent, &facts).unwrap());
    let mut run = resume(&records).unwrap();
    let running = |looks: u32| if looks < 2 { seen("InProgress") } else { seen("Completed") };
    assert_eq!(ends(&mut run, Event::Start, running), (OperationState::Done, 0));
    let mut run = resume(&records).unwrap();
    assert_eq!(ends(&mut run, Event::Start, |_| Seen::Gone), (OperationState::Refused, 0), "it never landed");
}
