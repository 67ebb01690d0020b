//! What a plan makes, from the account's facts to its end: jobs once more, a schedule's jobs once, shadow tests, questions to
//! people.

use mldeck_core::{
    ask::{Answer, Ask},
    ops::{
        call::{Edits, Ending, ShadowTest},
        confirm::Weight,
        intent::{Change, Intent},
        plan::Plan,
        target::{Kind, Target},
    },
    resource::{Job, job::JobKind, operation::OperationState},
    time::{DAY, HOUR},
};
use mldeck_gateway::{Class, Gateway};
use mldeck_sandbox::faults::{Kind as Fault, Rule};
use serde_json::{Value, json};

use crate::{
    promote::{call, carried_out, describe, planned, policy, text, world, written},
    support::Sandbox,
};

const ROLE: &str = "arn:aws:iam::447100000921:role/SageMakerExecution";

fn clone_of(kind: Kind, name: &str, edits: Edits) -> Intent {
    Change::CloneJob { source: Target::new(kind, text(name)), edits }.into()
}

fn ask(sandbox: &Sandbox, operation: &str, input: &Value) -> Value {
    call(&mut sandbox.world.lock().unwrap(), "sagemaker", &format!("SageMaker.{operation}"), input)
}

fn pass(sandbox: &Sandbox, millis: i64) {
    let mut world = sandbox.world.lock().unwrap();
    let to = world.now().plus(millis);
    world.advance_to(to);
}

async fn done(sandbox: &Sandbox, gateway: &Gateway, intent: &Intent) -> Plan {
    let plan = planned(gateway, intent).await.expect("a plan");
    let (state, said) = carried_out(sandbox, gateway, plan.clone()).await;
    assert_eq!(state, OperationState::Done, "{said:#?}");
    plan
}

/// A training job of this account that is over.
fn trained(sandbox: &Sandbox) -> String {
    let input = json!({"MaxResults": 100, "SortBy": "CreationTime", "SortOrder": "Descending"});
    let listed = ask(sandbox, "ListTrainingJobs", &input);
    let jobs = listed["TrainingJobSummaries"].as_array().expect("jobs");
    let over = jobs.iter().find(|job| job["TrainingJobStatus"] == "Completed").expect("one that is over");
    over["TrainingJobName"].as_str().expect("a name").to_owned()
}

#[tokio::test]
async fn a_training_job_runs_once_more_as_it_was_but_for_what_was_changed() {
    let (sandbox, gateway) = world("quiet-night").await;
    let name = trained(&sandbox);
    let before = describe(&sandbox, "DescribeTrainingJob", "TrainingJobName", &name);
    let arn = before["TrainingJobArn"].as_str().expect("an arn");
    let tags = json!([{"Key": "team", "Value": "fraud"}, {"Key": "token", "Value": "hunter2hunter2hunter2"}]);
    ask(&sandbox, "AddTags", &json!({"ResourceArn": arn, "Tags": tags}));
    let edits = Edits {
        instance_type: Some(text("ml.m5.2xlarge")),
        hyperparameters: vec![(text("learning_rate"), text("0.01"))],
        ..Edits::default()
    };
    let plan = done(&sandbox, &gateway, &clone_of(Kind::TrainingJob, &name, edits.clone())).await;
    assert_eq!(written(&sandbox), ["CreateTrainingJob"]);
    let after = describe(&sandbox, "DescribeTrainingJob", "TrainingJobName", &plan.target.id.raw());
    assert_eq!(after["TrainingJobStatus"], "Completed");
    for member in ["AlgorithmSpecification", "InputDataConfig", "OutputDataConfig", "RoleArn", "StoppingCondition"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!(after["ResourceConfig"]["InstanceType"], "ml.m5.2xlarge");
    assert_eq!(after["HyperParameters"]["learning_rate"], "0.01");
    let copied = ask(&sandbox, "ListTags", &json!({"ResourceArn": after["TrainingJobArn"]}));
    for tag in tags.as_array().expect("tags") {
        assert!(copied["Tags"].as_array().expect("tags").contains(tag), "{copied}");
    }
    let again = planned(&gateway, &clone_of(Kind::TrainingJob, &name, edits)).await.expect("a plan");
    assert_ne!(again.id(), plan.id(), "another copy has another name");
}

#[tokio::test]
async fn a_copy_whose_answer_is_lost_is_made_once() {
    let (sandbox, gateway) = world("quiet-night").await;
    let name = trained(&sandbox);
    let plan = planned(&gateway, &clone_of(Kind::TrainingJob, &name, Edits::default())).await.expect("a plan");
    sandbox.world.lock().unwrap().faults().add(Rule::once("CreateTrainingJob", Fault::LostResponse));
    let (state, said) = carried_out(&sandbox, &gateway, plan.clone()).await;
    assert_eq!(state, OperationState::Done, "{said:#?}");
    assert_eq!(written(&sandbox), ["CreateTrainingJob"], "it is found by its name");
}

#[tokio::test]
async fn processing_and_transform_jobs_run_once_more_and_say_what_they_overwrite() {
    let (sandbox, gateway) = world("quiet-night").await;
    let processing = json!({
        "ProcessingJobName": "own-report", "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": "447100000921.dkr.ecr.eu-west-1.amazonaws.com/own:1"},
        "Environment": {"DB_PASSWORD": "hunter2hunter2hunter2"},
        "ProcessingResources": {"ClusterConfig": {
            "InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}},
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "o", "S3Output": {
            "S3Uri": "s3://acme-ml-data/own", "LocalPath": "/opt/ml/processing/o", "S3UploadMode": "EndOfJob"}}]},
    });
    ask(&sandbox, "CreateProcessingJob", &processing);
    let transform = json!({
        "TransformJobName": "own-scores", "ModelName": "fraud-v17",
        "TransformInput": {"DataSource": {"S3DataSource": {
            "S3DataType": "S3Prefix", "S3Uri": "s3://acme-ml-data/fraud/"}}, "ContentType": "text/csv"},
        "TransformOutput": {"S3OutputPath": "s3://acme-ml-data/own-scores"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    });
    ask(&sandbox, "CreateTransformJob", &transform);
    pass(&sandbox, 10 * HOUR);
    for (kind, name, operation, member, uri) in [
        (Kind::ProcessingJob, "own-report", "DescribeProcessingJob", "ProcessingJobName", "s3://acme-ml-data/own"),
        (Kind::TransformJob, "own-scores", "DescribeTransformJob", "TransformJobName", "s3://acme-ml-data/own-scores"),
    ] {
        let before = describe(&sandbox, operation, member, name);
        let plan = planned(&gateway, &clone_of(kind, name, Edits::default())).await.expect("a plan");
        assert!(plan.findings.iter().any(|finding| finding.text.contains(uri)), "{:#?}", plan.findings);
        assert!(!serde_json::to_string(&plan.without_secrets()).unwrap().contains("hunter2hunter2"));
        let (state, said) = carried_out(&sandbox, &gateway, plan.clone()).await;
        assert_eq!(state, OperationState::Done, "{said:#?}");
        let after = describe(&sandbox, operation, member, &plan.target.id.raw());
        for (member, value) in before.as_object().expect("an object") {
            let own = ["Name", "Arn", "Time", "ExitMessage"].iter().any(|end| member.ends_with(end));
            assert!(
                own && !member.starts_with("Model") || after[member] == *value,
                "{member}: {value} {}",
                after[member]
            );
        }
    }
}

#[tokio::test]
async fn a_labeling_job_begins_once_more_and_stops() {
    let (sandbox, gateway) = world("quiet-night").await;
    let listed = ask(&sandbox, "ListLabelingJobs", &json!({"StatusEquals": "Completed", "MaxResults": 1}));
    let name = listed["LabelingJobSummaryList"][0]["LabelingJobName"].as_str().expect("a job").to_owned();
    let plan = done(&sandbox, &gateway, &clone_of(Kind::LabelingJob, &name, Edits::default())).await;
    assert_eq!(plan.weight, Weight::Target, "its people are the company's own");
    let stop = Change::Stop { target: plan.target.clone() }.into();
    let stopped = done(&sandbox, &gateway, &stop).await;
    assert!(stopped.findings.iter().any(|finding| finding.text.contains("labels so far are kept")));
    assert_eq!(written(&sandbox), ["CreateLabelingJob", "StopLabelingJob"]);
    let told = describe(&sandbox, "DescribeLabelingJob", "LabelingJobName", &plan.target.id.raw());
    assert_eq!(told["LabelingJobStatus"], "Stopped");
}

#[tokio::test]
async fn captured_payload_for_the_public_weighs_heavily() {
    let (sandbox, gateway) = world("quiet-night").await;
    let listed = ask(&sandbox, "ListLabelingJobs", &json!({"StatusEquals": "Completed", "MaxResults": 1}));
    let name = listed["LabelingJobSummaryList"][0]["LabelingJobName"].as_str().expect("a job");
    let before = describe(&sandbox, "DescribeLabelingJob", "LabelingJobName", name);
    let mut template = json!({});
    for member in ["LabelingJobName", "LabelAttributeName", "InputConfig", "OutputConfig", "RoleArn", "HumanTaskConfig"]
    {
        template[member] = before[member].clone();
    }
    template["HumanTaskConfig"]["WorkteamArn"] =
        json!("arn:aws:sagemaker:eu-west-1:394669845002:workteam/public-crowd/default");
    let file = "s3://acme-ml-data/fraud/capture/fraud-prod/blue/2026/11/23/01/00-00-000-a.jsonl";
    template["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"] = json!(file);
    let start = |template: &Value| -> Intent {
        Change::StartJob { kind: Kind::LabelingJob, template: text(&template.to_string()) }.into()
    };
    let plan = planned(&gateway, &start(&template)).await.expect("a plan");
    assert_eq!(plan.weight, Weight::Heavy);
    let said = |plan: &Plan, words: &str| plan.findings.iter().any(|finding| finding.text.contains(words));
    assert!(said(&plan, "the public"), "{:#?}", plan.findings);
    template["InputConfig"] = before["InputConfig"].clone();
    let plan = planned(&gateway, &start(&template)).await.expect("a plan");
    assert!(plan.weight == Weight::Heavy && said(&plan, "none of the first looks like captured payload"));
    assert_eq!(written(&sandbox), [] as [&str; 0]);
}

#[tokio::test]
async fn a_schedule_runs_once_now_and_stays_as_it_is() {
    let (sandbox, gateway) = world("quiet-night").await;
    let name = "fraud-prod-data-quality";
    let before = describe(&sandbox, "DescribeMonitoringSchedule", "MonitoringScheduleName", name);
    let run: Intent = Change::RunMonitor { schedule: text(name), hours: Some(2) }.into();
    let plan = done(&sandbox, &gateway, &run).await;
    assert_eq!(written(&sandbox), ["CreateMonitoringSchedule"]);
    let made = plan.target.id.raw();
    let told = describe(&sandbox, "DescribeMonitoringSchedule", "MonitoringScheduleName", &made);
    let summary = &told["LastMonitoringExecutionSummary"];
    assert!(summary["MonitoringExecutionStatus"].as_str().expect("a status").starts_with("Completed"), "{summary}");
    let after = describe(&sandbox, "DescribeMonitoringSchedule", "MonitoringScheduleName", name);
    assert_eq!(after["MonitoringScheduleConfig"], before["MonitoringScheduleConfig"]);
    assert_eq!(after["MonitoringScheduleStatus"], "Scheduled");
    pass(&sandbox, DAY);
    let listed = ask(&sandbox, "ListMonitoringExecutions", &json!({"MonitoringScheduleName": made}));
    assert_eq!(listed["MonitoringExecutionSummaries"].as_array().map(Vec::len), Some(1), "{listed}");
    assert_ne!(planned(&gateway, &run).await.expect("a plan").id(), plan.id());
}

/// An endpoint without autoscaling.
fn endpoint(sandbox: &Sandbox) {
    let config = json!({"EndpointConfigName": "own-a", "ProductionVariants": [{
        "VariantName": "live", "ModelName": "fraud-v17", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0}]});
    ask(sandbox, "CreateEndpointConfig", &config);
    ask(sandbox, "CreateEndpoint", &json!({"EndpointName": "own", "EndpointConfigName": "own-a"}));
    pass(sandbox, HOUR);
}

fn shadow_of(endpoint: &str, model: &str) -> Intent {
    Change::TestShadow(ShadowTest {
        endpoint: text(endpoint),
        model: text(model),
        share: 50,
        instance_type: None,
        instance_count: None,
        role: None,
    })
    .into()
}

fn variants(sandbox: &Sandbox, endpoint: &str, member: &str) -> Vec<String> {
    let told = describe(sandbox, "DescribeEndpoint", "EndpointName", endpoint);
    assert_eq!(told["EndpointStatus"], "InService");
    let list = told[member].as_array().cloned().unwrap_or_default();
    list.iter().map(|one| one["VariantName"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn a_model_is_tested_in_the_shadow_and_promoted() {
    let (sandbox, gateway) = world("quiet-night").await;
    endpoint(&sandbox);
    let made = done(&sandbox, &gateway, &shadow_of("own", "fraud-v18")).await;
    assert_eq!(variants(&sandbox, "own", "ShadowProductionVariants"), ["shadow"]);
    let test = made.target.id.clone();
    done(&sandbox, &gateway, &Change::EndShadow { test: test.clone(), ending: Ending::Promote }.into()).await;
    assert_eq!(written(&sandbox), ["CreateInferenceExperiment", "StopInferenceExperiment"]);
    let config = describe(&sandbox, "DescribeEndpoint", "EndpointName", "own")["EndpointConfigName"].clone();
    let config = describe(&sandbox, "DescribeEndpointConfig", "EndpointConfigName", config.as_str().expect("a name"));
    assert_eq!(config["ProductionVariants"][0]["ModelName"], "fraud-v18");
    assert_eq!(variants(&sandbox, "own", "ShadowProductionVariants"), [] as [&str; 0]);
    let again = planned(&gateway, &Change::EndShadow { test, ending: Ending::Remove }.into()).await;
    assert!(again.expect_err("it is over")[0].text.contains("Completed"));
}

#[tokio::test]
async fn a_test_that_is_stopped_leaves_the_endpoint_as_it_was() {
    let (sandbox, gateway) = world("quiet-night").await;
    let made = done(&sandbox, &gateway, &shadow_of("fraud-prod", "fraud-v18")).await;
    let test = made.target.id.clone();
    // It is autoscaled: its variant cannot be taken away.
    let promote = planned(&gateway, &Change::EndShadow { test: test.clone(), ending: Ending::Promote }.into()).await;
    assert!(promote.expect_err("autoscaled")[0].text.contains("is autoscaled"));
    done(&sandbox, &gateway, &Change::EndShadow { test, ending: Ending::Remove }.into()).await;
    assert_eq!(variants(&sandbox, "fraud-prod", "ProductionVariants"), ["blue"]);
    assert_eq!(variants(&sandbox, "fraud-prod", "ShadowProductionVariants"), [] as [&str; 0]);
}

#[tokio::test]
async fn a_test_that_waits_for_its_day_is_started_or_cancelled() {
    let (sandbox, gateway) = world("quiet-night").await;
    endpoint(&sandbox);
    let plan = planned(&gateway, &shadow_of("own", "fraud-v18")).await.expect("a plan");
    let mut later = plan.steps[0].call.body.clone();
    later["Schedule"] = json!({
        "StartTime": gateway.now().plus(DAY).secs_f64(), "EndTime": gateway.now().plus(3 * DAY).secs_f64()});
    let make = |name: &str, later: &mut Value| {
        later["Name"] = json!(name);
        ask(&sandbox, "CreateInferenceExperiment", later);
        pass(&sandbox, HOUR);
    };
    make("second", &mut later);
    let end = Change::EndShadow { test: text("second"), ending: Ending::Remove };
    done(&sandbox, &gateway, &end.into()).await;
    assert_eq!(variants(&sandbox, "own", "ShadowProductionVariants"), [] as [&str; 0], "nothing was changed");
    make("first", &mut later);
    done(&sandbox, &gateway, &Change::StartShadow { test: text("first") }.into()).await;
    assert_eq!(variants(&sandbox, "own", "ShadowProductionVariants"), ["shadow"]);
    assert_eq!(written(&sandbox), ["StopInferenceExperiment", "StartInferenceExperiment"]);
}

#[tokio::test]
async fn people_are_asked_and_asked_no_more() {
    let (sandbox, gateway) = world("quiet-night").await;
    let question = r#"{"labels": ["good", "bad"]}"#;
    let asked: Intent = Change::StartReview { flow: text("fraud-review"), input: text(question) }.into();
    let plan = done(&sandbox, &gateway, &asked).await;
    let stop: Intent = Change::Stop { target: plan.target.clone() }.into();
    done(&sandbox, &gateway, &stop).await;
    assert_eq!(written(&sandbox), ["StartHumanLoop", "StopHumanLoop"]);
    let seen = sandbox.peer.seen();
    let sent = seen.iter().filter(|seen| seen.what.class == Class::Write);
    assert!(sent.into_iter().all(|seen| seen.what.service == "sagemaker-a2i-runtime"));
    let over = planned(&gateway, &stop).await.expect_err("it is over");
    assert!(over[0].text.contains("Stopped"), "{over:#?}");
    let none: Intent = Change::Stop { target: Target::new(Kind::HumanLoop, text("no-such")) }.into();
    assert!(planned(&gateway, &none).await.expect_err("none")[0].text.contains("there is no human loop no-such"));
    assert_ne!(planned(&gateway, &asked).await.expect("a plan").id(), plan.id(), "another loop");
}

#[tokio::test]
async fn all_kinds_of_jobs_are_listed_and_what_cannot_be_read_is_a_gap() {
    let (sandbox, gateway) = world("quiet-night").await;
    endpoint(&sandbox);
    done(&sandbox, &gateway, &shadow_of("own", "fraud-v18")).await;
    let since = gateway.now().plus(-90 * DAY);
    let Ok(Answer::Jobs { rows, gaps }) = gateway.ask(&Ask::Jobs { since }).await else { panic!("no jobs") };
    assert_eq!(gaps, []);
    let of = |kind: JobKind| rows.iter().filter(|row| row.kind == kind).count();
    assert!(of(JobKind::Labeling) > 5 && of(JobKind::Loop) > 0, "{rows:#?}");
    assert_eq!(of(JobKind::Shadow), 1);
    let labeled = rows.iter().find(|row| row.kind == JobKind::Labeling && row.status == "Completed").expect("one");
    assert!(labeled.progress.is_some_and(|(done, all)| done == all && all > 0), "{labeled:?}");
    for row in &rows {
        let target = Job::target(&row.name.raw()).expect("a target");
        assert_eq!((target.kind, &target.id), (row.kind.thing(), &row.title));
    }
    sandbox.world.lock().unwrap().faults().add(Rule::always("ListLabelingJobs", Fault::AccessDenied));
    let Ok(Answer::Jobs { rows, gaps }) = gateway.ask(&Ask::Jobs { since }).await else { panic!("no jobs") };
    assert!(gaps.len() == 1 && rows.iter().all(|row| row.kind != JobKind::Labeling));
}

#[tokio::test]
async fn the_policies_of_the_documentation_are_enough_to_make_all_of_it() {
    let (sandbox, gateway) = world("quiet-night").await;
    endpoint(&sandbox);
    let name = trained(&sandbox);
    let question = text(r#"{"labels": ["good", "bad"]}"#);
    let hold = |names: &[&str]| sandbox.world.lock().unwrap().hold_to_policy(&policy(names)).expect("a policy");
    hold(&["viewer", "operator"]);
    let ask: Intent = Change::StartReview { flow: text("fraud-review"), input: question }.into();
    let train = clone_of(Kind::TrainingJob, &name, Edits::default());
    for intent in [&train, &ask] {
        let plan = planned(&gateway, intent).await.expect("a plan");
        let (state, said) = carried_out(&sandbox, &gateway, plan).await;
        assert_eq!(state, OperationState::Refused, "backing out needs less: {said:#?}");
    }
    hold(&["viewer", "operator", "jobs"]);
    done(&sandbox, &gateway, &train).await;
    done(&sandbox, &gateway, &ask).await;
    let run = Change::RunMonitor { schedule: text("fraud-prod-data-quality"), hours: None };
    done(&sandbox, &gateway, &run.into()).await;
    let made = done(&sandbox, &gateway, &shadow_of("own", "fraud-v18")).await;
    done(&sandbox, &gateway, &Change::EndShadow { test: made.target.id, ending: Ending::Promote }.into()).await;
}
