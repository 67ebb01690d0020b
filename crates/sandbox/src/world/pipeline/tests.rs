//! Pipelines on the wire: runs that progress, end, fail and stop.

use mldeck_core::time::{MINUTE, SECOND};
use serde_json::{Value, json};

use crate::{
    World,
    testkit::{call, ok, refused, world},
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn start(world: &mut World, pipeline: &str, parameters: &Value) -> String {
    let input = json!({"PipelineName": pipeline, "ClientRequestToken": TOKEN, "PipelineParameters": parameters});
    ok(world, "StartPipelineExecution", &input)["PipelineExecutionArn"].as_str().unwrap().to_owned()
}

fn status(world: &mut World, arn: &str) -> String {
    let body = ok(world, "DescribePipelineExecution", &json!({"PipelineExecutionArn": arn}));
    body["PipelineExecutionStatus"].as_str().unwrap().to_owned()
}

fn steps(world: &mut World, arn: &str) -> Vec<Value> {
    let input = json!({"PipelineExecutionArn": arn, "SortOrder": "Ascending", "MaxResults": 100});
    ok(world, "ListPipelineExecutionSteps", &input)["PipelineExecutionSteps"].as_array().unwrap().clone()
}

fn advance(world: &mut World, millis: i64) {
    let to = world.now().plus(millis);
    world.advance_to(to);
}

/// Lets it run until it is over; at most `hours`.
fn finish(world: &mut World, arn: &str) -> String {
    for _ in 0..240 {
        let now = status(world, arn);
        if now != "Executing" && now != "Stopping" {
            return now;
        }
        advance(world, MINUTE);
    }
    panic!("still running");
}

fn easy() -> Value {
    json!([{"Name": "ChampionScore", "Value": "0.1"}, {"Name": "MinScore", "Value": "0.1"}])
}

#[test]
fn a_run_progresses_and_registers_a_version() {
    let mut world = world("quiet-night");
    let group = json!({"ModelPackageGroupName": "fraud", "SortOrder": "Descending", "MaxResults": 1});
    let newest = |world: &mut World| {
        let list = ok(world, "ListModelPackages", &group);
        list["ModelPackageSummaryList"][0]["ModelPackageVersion"].as_u64().unwrap()
    };
    let before = newest(&mut world);
    let arn = start(&mut world, "fraud-train", &easy());
    assert_eq!(start(&mut world, "fraud-train", &easy()), arn, "the same token starts nothing new");
    assert_eq!(steps(&mut world, &arn), Vec::<Value>::new(), "nothing has started yet");

    let mut seen: Vec<(String, String)> = Vec::new();
    for _ in 0..600 {
        advance(&mut world, 15 * SECOND);
        let all = steps(&mut world, &arn);
        for pair in all.windows(2) {
            assert_eq!(pair[0]["StepStatus"], "Succeeded", "{pair:?}");
            assert!(pair[0]["EndTime"].as_f64().unwrap() <= pair[1]["StartTime"].as_f64().unwrap());
        }
        if let Some(last) = all.last() {
            let entry =
                (last["StepName"].as_str().unwrap().to_owned(), last["StepStatus"].as_str().unwrap().to_owned());
            if seen.last() != Some(&entry) {
                seen.push(entry);
            }
            let is_over = last["EndTime"].is_number();
            assert_eq!(is_over, last["StepStatus"] == "Succeeded");
        }
        if status(&mut world, &arn) == "Succeeded" {
            break;
        }
    }
    let order: Vec<Value> = steps(&mut world, &arn).iter().map(|step| step["StepName"].clone()).collect();
    assert_eq!(order, ["Preprocess", "Train", "Evaluate", "CheckQuality", "BeatsChampion", "Register"]);
    for wanted in
        [("Preprocess", "Executing"), ("Train", "Executing"), ("Evaluate", "Executing"), ("Register", "Succeeded")]
    {
        assert!(seen.contains(&(wanted.0.to_owned(), wanted.1.to_owned())), "{wanted:?} not among {seen:?}");
    }

    let all = steps(&mut world, &arn);
    assert_eq!(all[3]["Metadata"]["Condition"]["Outcome"], "True");
    let job_arn = all[1]["Metadata"]["TrainingJob"]["Arn"].as_str().unwrap().to_owned();
    let job = job_arn.rsplit('/').next().unwrap().to_owned();
    let job_body = ok(&mut world, "DescribeTrainingJob", &json!({"TrainingJobName": job}));
    assert_eq!(job_body["TrainingJobStatus"], "Completed");
    assert_eq!(job_body["TrainingEndTime"], all[1]["EndTime"]);
    let components = ok(&mut world, "ListTrialComponents", &json!({"SourceArn": job_arn}));
    assert_eq!(components["TrialComponentSummaries"][0]["Status"]["PrimaryStatus"], "Completed");
    let evaluate = all[2]["Metadata"]["ProcessingJob"]["Arn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let evaluate = ok(&mut world, "DescribeProcessingJob", &json!({"ProcessingJobName": evaluate}));
    assert_eq!(evaluate["ProcessingJobStatus"], "Completed");

    let package = all[5]["Metadata"]["RegisterModel"]["Arn"].clone();
    let body = ok(&mut world, "DescribeModelPackage", &json!({"ModelPackageName": package}));
    let version = body["ModelPackageVersion"].as_u64().unwrap();
    // The run that was under way registers one before.
    assert_eq!((version, newest(&mut world)), (before + 2, before + 2));
    assert_eq!(body["ModelApprovalStatus"], "PendingManualApproval");
    assert_eq!(body["CustomerMetadataProperties"]["training_job"], job.as_str());
    let auc =
        job_body["FinalMetricDataList"].as_array().unwrap().iter().find(|m| m["MetricName"] == "val/auc").unwrap();
    let registered = body["CustomerMetadataProperties"]["val/auc"].as_str().unwrap();
    assert_eq!(registered, format!("{:.4}", auc["Value"].as_f64().unwrap()));
}

#[test]
fn the_same_world_gives_the_same_story_however_the_clock_is_cut() {
    let story = |cuts: &[i64]| {
        let mut world = world("fraud-burns");
        start(&mut world, "fraud-train", &easy());
        for cut in cuts {
            advance(&mut world, *cut);
        }
        let lists = ["fraud-train", "ranking-train"]
            .map(|name| ok(&mut world, "ListPipelineExecutions", &json!({"PipelineName": name, "MaxResults": 100})));
        let packages =
            ok(&mut world, "ListModelPackages", &json!({"ModelPackageGroupName": "ranking", "MaxResults": 100}));
        let jobs = ok(&mut world, "ListTrainingJobs", &json!({"MaxResults": 100}));
        json!([lists[0], lists[1], packages, jobs]).to_string()
    };
    let hours = 5 * 60 * MINUTE;
    assert_eq!(story(&[hours]), story(&[7 * SECOND, 90 * MINUTE + 1, hours - 90 * MINUTE - 1 - 7 * SECOND]));
}

#[test]
fn history_has_failures_of_three_causes() {
    let mut world = world("fraud-burns");
    let mut causes = std::collections::BTreeMap::<&str, usize>::new();
    for pipeline in ["fraud-train", "ranking-train", "churn-train", "vision-train", "intent-train"] {
        let mut input = json!({"PipelineName": pipeline, "MaxResults": 100});
        loop {
            let page = ok(&mut world, "ListPipelineExecutions", &input);
            for summary in page["PipelineExecutionSummaries"].as_array().unwrap() {
                let is_failed = summary["PipelineExecutionStatus"] == "Failed";
                assert_eq!(is_failed, summary["PipelineExecutionFailureReason"].is_string());
                if !is_failed {
                    continue;
                }
                let all = steps(&mut world, summary["PipelineExecutionArn"].as_str().unwrap());
                let last = all.last().unwrap();
                assert_eq!(last["StepStatus"], "Failed");
                let reason = last["FailureReason"].as_str().unwrap();
                let step = last["StepName"].as_str().unwrap();
                for (cause, at, text) in [
                    ("script", "Evaluate", "Traceback (most recent call last)"),
                    ("quota", "Train", "ResourceLimitExceeded"),
                    ("data", "Preprocess", "No S3 objects found"),
                ] {
                    if step == at && reason.contains(text) {
                        *causes.entry(cause).or_default() += 1;
                    }
                }
            }
            match page.get("NextToken") {
                Some(token) => input["NextToken"] = token.clone(),
                None => break,
            }
        }
    }
    assert_eq!(causes.keys().copied().collect::<Vec<_>>(), ["data", "quota", "script"]);
    let newest = ok(&mut world, "ListPipelineExecutions", &json!({"PipelineName": "fraud-train", "MaxResults": 2}));
    let newest = newest["PipelineExecutionSummaries"].as_array().unwrap();
    assert_eq!(newest[0]["PipelineExecutionStatus"], "Executing");
    assert_eq!(newest[1]["PipelineExecutionStatus"], "Failed");
    let failed = steps(&mut world, newest[1]["PipelineExecutionArn"].as_str().unwrap());
    assert!(failed.last().unwrap()["FailureReason"].as_str().unwrap().contains("KeyError: 'merchant_category'"));
    let job = failed.last().unwrap()["Metadata"]["ProcessingJob"]["Arn"].as_str().unwrap().rsplit('/').next().unwrap();
    let group = "/aws/sagemaker/ProcessingJobs";
    let (_, streams) = call(
        &mut world,
        "logs",
        "DescribeLogStreams",
        &json!({"logGroupName": group, "logStreamNamePrefix": format!("{job}/")}),
    );
    let stream = &streams["logStreams"][0]["logStreamName"];
    let (_, events) = call(
        &mut world,
        "logs",
        "GetLogEvents",
        &json!({"logGroupName": group, "logStreamName": stream, "startFromHead": true}),
    );
    assert_eq!(events["events"].as_array().unwrap().last().unwrap()["message"], "KeyError: 'merchant_category'");
}

#[test]
fn the_run_under_way_ends_well_and_a_stopped_one_stops() {
    let mut world = world("fraud-burns");
    let list = ok(&mut world, "ListPipelineExecutions", &json!({"PipelineName": "fraud-train", "MaxResults": 1}));
    let running = list["PipelineExecutionSummaries"][0]["PipelineExecutionArn"].as_str().unwrap().to_owned();
    assert_eq!(finish(&mut world, &running), "Succeeded");

    let arn = start(&mut world, "churn-train", &json!([]));
    advance(&mut world, 12 * MINUTE);
    assert_eq!(steps(&mut world, &arn).last().unwrap()["StepName"], "Train");
    let stop = json!({"PipelineExecutionArn": arn, "ClientRequestToken": TOKEN});
    ok(&mut world, "StopPipelineExecution", &stop);
    assert_eq!(status(&mut world, &arn), "Stopping");
    let (code, message) = refused(&mut world, "StopPipelineExecution", &stop);
    assert_eq!(code, "ValidationException");
    assert!(message.starts_with("Only pipelines with 'Executing' status can be stopped"), "{message}");
    assert_eq!(finish(&mut world, &arn), "Stopped");
    let all = steps(&mut world, &arn);
    assert_eq!(
        all.iter().map(|step| step["StepStatus"].as_str().unwrap()).collect::<Vec<_>>(),
        ["Succeeded", "Stopped"]
    );
    let job = all[1]["Metadata"]["TrainingJob"]["Arn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(ok(&mut world, "DescribeTrainingJob", &json!({"TrainingJobName": job}))["SecondaryStatus"], "Stopped");
}

#[test]
fn a_poor_model_ends_in_the_fail_step() {
    let mut world = world("quiet-night");
    let arn = start(&mut world, "fraud-train", &json!([{"Name": "MinScore", "Value": "0.99"}]));
    assert_eq!(finish(&mut world, &arn), "Failed");
    let all = steps(&mut world, &arn);
    assert_eq!(all[3]["Metadata"]["Condition"]["Outcome"], "False");
    assert_eq!(all[4]["Metadata"]["Fail"]["ErrorMessage"], "val/auc of the new fraud model is below MinScore");
    let parameters =
        ok(&mut world, "ListPipelineParametersForExecution", &json!({"PipelineExecutionArn": arn, "MaxResults": 100}));
    let given = parameters["PipelineParameters"].as_array().unwrap();
    assert!(given.contains(&json!({"Name": "MinScore", "Value": "0.99"})), "{given:?}");
}

#[test]
fn the_definition_names_every_step_that_ran() {
    let mut world = world("quiet-night");
    let list = ok(&mut world, "ListPipelineExecutions", &json!({"PipelineName": "ranking-train", "MaxResults": 100}));
    let arns: Vec<String> = list["PipelineExecutionSummaries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["PipelineExecutionArn"].as_str().unwrap().to_owned())
        .collect();
    let body = ok(&mut world, "DescribePipelineDefinitionForExecution", &json!({"PipelineExecutionArn": arns[0]}));
    let text = body["PipelineDefinition"].as_str().unwrap();
    let definition: Value = serde_json::from_str(text).unwrap();
    assert_eq!(definition["Steps"][3]["Arguments"]["IfSteps"][0]["Arguments"]["IfSteps"][0]["Name"], "Register");
    assert!(text.contains("{\"Get\":\"Steps.Train.ModelArtifacts.S3ModelArtifacts\"}"));
    for arn in arns {
        for step in steps(&mut world, &arn) {
            assert!(text.contains(&format!("\"Name\":{}", step["StepName"])), "{step}");
        }
    }
}

#[test]
fn callers_may_create_and_run_their_own() {
    let mut world = world("quiet-night");
    let definition = json!({
        "Version": "2020-12-01",
        "Parameters": [{"Name": "Day", "Type": "String", "DefaultValue": "today"}],
        "Steps": [{"Name": "Collect", "Type": "Lambda"}, {"Name": "Report", "Type": "EMR", "DependsOn": ["Collect"]}],
    });
    let input = json!({
        "PipelineName": "weekly-report", "PipelineDefinition": definition.to_string(),
        "RoleArn": "arn:aws:iam::447100000921:role/Pipelines", "ClientRequestToken": TOKEN,
    });
    ok(&mut world, "CreatePipeline", &input);
    ok(&mut world, "CreatePipeline", &input);
    let mut other = input;
    other["ClientRequestToken"] = json!(TOKEN.to_uppercase());
    assert!(refused(&mut world, "CreatePipeline", &other).1.contains("already exists"));
    let arn = start(&mut world, "weekly-report", &json!([]));
    let unknown = json!({"PipelineName": "nope", "ClientRequestToken": TOKEN.to_uppercase()});
    assert!(refused(&mut world, "StartPipelineExecution", &unknown).1.contains("does not exist"));
    assert_eq!(finish(&mut world, &arn), "Succeeded");
    assert_eq!(steps(&mut world, &arn).len(), 2);
    let parameters = ok(&mut world, "ListPipelineParametersForExecution", &json!({"PipelineExecutionArn": arn}));
    assert_eq!(parameters["PipelineParameters"], json!([{"Name": "Day", "Value": "today"}]));
}
