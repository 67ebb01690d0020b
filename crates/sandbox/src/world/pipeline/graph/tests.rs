//! Definitions of callers, executed.

use mldeck_core::time::MINUTE;
use serde_json::{Value, json};

use crate::{
    World,
    testkit::{ok, refused, world},
};

fn step(name: &str, kind: &str, more: &Value) -> Value {
    let mut step = json!({"Name": name, "Type": kind, "Arguments": {}});
    for (member, value) in more.as_object().into_iter().flatten() {
        step[member] = value.clone();
    }
    step
}

fn create(world: &mut World, name: &str, parameters: &Value, steps: &Value) {
    let definition = json!({"Version": "2020-12-01", "Parameters": parameters, "Steps": steps}).to_string();
    let input = json!({
        "PipelineName": name, "PipelineDefinition": definition, "ClientRequestToken": "c".repeat(32),
        "RoleArn": "arn:aws:iam::447100000921:role/Pipelines",
    });
    ok(world, "CreatePipeline", &input);
}

fn start(world: &mut World, name: &str, more: &Value) -> Value {
    world.requests += 1;
    let mut input = json!({"PipelineName": name, "ClientRequestToken": format!("{:032}", world.requests)});
    for (member, value) in more.as_object().into_iter().flatten() {
        input[member] = value.clone();
    }
    let answer = ok(world, "StartPipelineExecution", &input);
    json!({"PipelineExecutionArn": answer["PipelineExecutionArn"]})
}

fn pass(world: &mut World, minutes: i64) {
    let to = world.now().plus(minutes * MINUTE);
    world.advance_to(to);
}

fn status(world: &mut World, arn: &Value) -> String {
    ok(world, "DescribePipelineExecution", arn)["PipelineExecutionStatus"].as_str().unwrap().to_owned()
}

fn steps(world: &mut World, arn: &Value) -> Vec<Value> {
    let mut input = arn.clone();
    input["SortOrder"] = json!("Ascending");
    input["MaxResults"] = json!(100);
    ok(world, "ListPipelineExecutionSteps", &input)["PipelineExecutionSteps"].as_array().unwrap().clone()
}

fn told(steps: &[Value]) -> Vec<String> {
    steps.iter().map(|s| format!("{} {}", s["StepName"].as_str().unwrap(), s["StepStatus"].as_str().unwrap())).collect()
}

#[test]
fn a_condition_takes_one_branch_and_what_needs_the_other_never_runs() {
    let mut world = world("quiet-night");
    let evaluate = step(
        "Evaluate",
        "Processing",
        &json!({
            "Arguments": {
                "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}},
                "AppSpecification": {"ImageUri": "tools"}, "RoleArn": "arn:aws:iam::447100000921:role/Pipelines",
                "ProcessingOutputConfig": {"Outputs": [{"OutputName": "report", "S3Output": {
                    "S3Uri": {"Std:Join": {"On": "/", "Values": ["s3://acme-ml-data/own", {"Get": "Execution.PipelineExecutionId"}]}},
                    "LocalPath": "/opt/ml/processing/report", "S3UploadMode": "EndOfJob",
                }}]},
            },
            "PropertyFiles": [{"PropertyFileName": "Report", "OutputName": "report", "FilePath": "report.json"}],
        }),
    );
    let score = json!({"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": "metrics.auc.value"}});
    let choose = step(
        "Choose",
        "Condition",
        &json!({"Arguments": {
            "Conditions": [{"Type": "GreaterThanOrEqualTo", "LeftValue": score, "RightValue": {"Get": "Parameters.Least"}}],
            "IfSteps": [step("Tell", "Lambda", &json!({"FunctionArn": "f", "OutputParameters": [{"OutputName": "who", "OutputType": "String"}]}))],
            "ElseSteps": [step("TooPoor", "Fail", &json!({"Arguments": {"ErrorMessage":
                {"Std:Join": {"On": " ", "Values": ["auc below", {"Get": "Parameters.Least"}]}}}}))],
        }}),
    );
    let after = step("After", "EMR", &json!({"DependsOn": ["Choose"]}));
    let least = json!([{"Name": "Least", "Type": "Float", "DefaultValue": 0.5}]);
    create(&mut world, "own", &least, &json!([after, evaluate, choose]));

    let good = start(&mut world, "own", &json!({}));
    let poor = start(&mut world, "own", &json!({"PipelineParameters": [{"Name": "Least", "Value": "0.99"}]}));
    pass(&mut world, 30);
    let all = steps(&mut world, &good);
    assert_eq!(told(&all), ["Evaluate Succeeded", "Choose Succeeded", "Tell Succeeded", "After Succeeded"]);
    assert_eq!(all[1]["Metadata"]["Condition"]["Outcome"], "True");
    assert_eq!(status(&mut world, &good), "Succeeded");
    let job = all[0]["Metadata"]["ProcessingJob"]["Arn"].as_str().unwrap().rsplit('/').next().unwrap();
    let job = ok(&mut world, "DescribeProcessingJob", &json!({"ProcessingJobName": job}));
    assert_eq!(job["ProcessingJobStatus"], "Completed");
    let uri = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"].as_str().unwrap().to_owned();
    let key = format!("{}/report.json", uri.strip_prefix("s3://acme-ml-data/").unwrap());
    let report: Value = serde_json::from_slice(&world.s3.get("acme-ml-data", &key).unwrap().body).unwrap();
    assert!(report["metrics"]["auc"]["value"].as_f64().unwrap() >= 0.5, "{report}");

    let all = steps(&mut world, &poor);
    assert_eq!(told(&all), ["Evaluate Succeeded", "Choose Succeeded", "TooPoor Failed"]);
    assert_eq!(all[2]["Metadata"]["Fail"]["ErrorMessage"], "auc below 0.99");
    let body = ok(&mut world, "DescribePipelineExecution", &poor);
    assert_eq!(body["FailureReason"], "Step failure: One or multiple steps failed.");
    let mut again = poor;
    again["ClientRequestToken"] = json!("r".repeat(32));
    assert!(refused(&mut world, "RetryPipelineExecution", &again).1.contains("Fail step"));
}

#[test]
fn a_callback_waits_for_its_answer_and_a_stop_waits_for_it_as_well() {
    let mut world = world("quiet-night");
    let ask = step(
        "Ask",
        "Callback",
        &json!({
            "SqsQueueUrl": "https://sqs.eu-west-1.amazonaws.com/447100000921/ask",
            "OutputParameters": [{"OutputName": "answer", "OutputType": "String"}],
        }),
    );
    let check = step(
        "Check",
        "Condition",
        &json!({"Arguments": {
            "Conditions": [{"Type": "Equals", "LeftValue": {"Get": "Steps.Ask.OutputParameters['answer']"}, "RightValue": "yes"}],
            "IfSteps": [], "ElseSteps": [],
        }}),
    );
    create(&mut world, "asks", &json!([]), &json!([ask, check]));
    let first = start(&mut world, "asks", &json!({}));
    pass(&mut world, 300);
    let all = steps(&mut world, &first);
    assert_eq!(told(&all), ["Ask Executing"]);
    let token = all[0]["Metadata"]["Callback"]["CallbackToken"].clone();
    let answer = json!({"CallbackToken": token, "OutputParameters": [{"Name": "answer", "Value": "yes"}]});
    assert_eq!(ok(&mut world, "SendPipelineExecutionStepSuccess", &answer), first);
    assert_eq!(refused(&mut world, "SendPipelineExecutionStepSuccess", &answer).0, "ResourceNotFound");
    pass(&mut world, 2);
    let all = steps(&mut world, &first);
    assert_eq!(
        (status(&mut world, &first).as_str(), &all[1]["Metadata"]["Condition"]["Outcome"]),
        ("Succeeded", &json!("True"))
    );

    let second = start(&mut world, "asks", &json!({}));
    pass(&mut world, 5);
    let mut stop = second.clone();
    stop["ClientRequestToken"] = json!("s".repeat(32));
    ok(&mut world, "StopPipelineExecution", &stop);
    pass(&mut world, 60);
    assert_eq!(status(&mut world, &second), "Stopping");
    assert_eq!(told(&steps(&mut world, &second)), ["Ask Stopping"]);
    let name = json!({"PipelineName": "asks", "ClientRequestToken": "d".repeat(32)});
    assert_eq!(refused(&mut world, "DeletePipeline", &name).0, "ConflictException");
    let token = steps(&mut world, &second)[0]["Metadata"]["Callback"]["CallbackToken"].clone();
    ok(
        &mut world,
        "SendPipelineExecutionStepFailure",
        &json!({"CallbackToken": token, "FailureReason": "nobody there"}),
    );
    pass(&mut world, 1);
    assert_eq!(status(&mut world, &second), "Stopped");
    ok(&mut world, "DeletePipeline", &name);
    assert_eq!(refused(&mut world, "DescribePipeline", &json!({"PipelineName": "asks"})).0, "ResourceNotFound");
}

#[test]
fn parallel_steps_keep_to_the_limit_and_fresh_results_are_taken_from_the_cache() {
    let mut world = world("quiet-night");
    let cached = |name: &str| step(name, "EMR", &json!({"CacheConfig": {"Enabled": true, "ExpireAfter": "PT1H"}}));
    create(&mut world, "wide", &json!([]), &json!([cached("A"), cached("B"), cached("C")]));
    let one = start(&mut world, "wide", &json!({"ParallelismConfiguration": {"MaxParallelExecutionSteps": 1}}));
    pass(&mut world, 20);
    let all = steps(&mut world, &one);
    for pair in all.windows(2) {
        assert!(pair[0]["EndTime"].as_f64().unwrap() <= pair[1]["StartTime"].as_f64().unwrap(), "{all:?}");
    }
    let two = start(&mut world, "wide", &json!({}));
    pass(&mut world, 2);
    assert_eq!(status(&mut world, &two), "Succeeded");
    let all = steps(&mut world, &two);
    assert!(all.iter().all(|step| step["CacheHitResult"]["SourcePipelineExecutionArn"] == one["PipelineExecutionArn"]));
    pass(&mut world, 120);
    let late = start(&mut world, "wide", &json!({}));
    pass(&mut world, 20);
    assert!(steps(&mut world, &late).iter().all(|step| step["CacheHitResult"].is_null()));
    // Selected steps only; one that refers to nothing needs no source.
    let part = start(&mut world, "wide", &json!({"SelectiveExecutionConfig": {"SelectedSteps": [{"StepName": "B"}]}}));
    pass(&mut world, 20);
    assert_eq!(told(&steps(&mut world, &part)), ["B Succeeded"]);
}

#[test]
fn definitions_that_cannot_be_run_are_refused() {
    let mut world = world("quiet-night");
    let lambda = |name: &str, more: &Value| step(name, "Lambda", more);
    for (steps, what) in [
        (json!([lambda("A", &json!({})), lambda("A", &json!({}))]), "unique"),
        (json!([step("A", "Magic", &json!({}))]), "unknown type"),
        (json!([lambda("A", &json!({"DependsOn": ["B"]}))]), "depends on [B]"),
        (json!([lambda("A", &json!({"Arguments": {"x": {"Get": "Parameters.Nope"}}}))]), "refers to [Parameters.Nope]"),
        (json!([lambda("A", &json!({"DependsOn": ["B"]})), lambda("B", &json!({"DependsOn": ["A"]}))]), "cycle"),
        (json!([]), "at least one step"),
    ] {
        let definition = json!({"Version": "2020-12-01", "Steps": steps}).to_string();
        let input = json!({
            "PipelineName": "bad", "PipelineDefinition": definition, "ClientRequestToken": "c".repeat(32),
            "RoleArn": "arn:aws:iam::447100000921:role/Pipelines",
        });
        let (code, message) = refused(&mut world, "CreatePipeline", &input);
        assert_eq!(code, "ValidationException");
        assert!(message.contains(what), "{message}");
    }
    let parameters = json!([{"Name": "N", "Type": "Integer"}, {"Name": "Day", "Type": "String", "EnumValues": ["mon", "tue"], "DefaultValue": "mon"}]);
    create(&mut world, "good", &parameters, &json!([lambda("A", &json!({}))]));
    for (given, what) in [
        (json!([]), "Missing parameters: [N]"),
        (json!([{"Name": "N", "Value": "x"}]), "type Integer is required"),
        (json!([{"Name": "N", "Value": "1"}, {"Name": "Day", "Value": "sun"}]), "enum values"),
        (json!([{"Name": "M", "Value": "1"}]), "Unknown parameters: [M]"),
    ] {
        let input = json!({"PipelineName": "good", "ClientRequestToken": "p".repeat(32), "PipelineParameters": given});
        let (_, message) = refused(&mut world, "StartPipelineExecution", &input);
        assert!(message.contains(what), "{message}");
    }
}

#[test]
fn versions_are_kept_and_can_be_run() {
    let mut world = world("quiet-night");
    create(&mut world, "own", &json!([]), &json!([step("A", "Lambda", &json!({}))]));
    let second = json!({"Version": "2020-12-01", "Steps": [step("B", "Lambda", &json!({}))]}).to_string();
    let update = ok(&mut world, "UpdatePipeline", &json!({"PipelineName": "own", "PipelineDefinition": second}));
    assert_eq!(update["PipelineVersionId"], 2);
    let old = start(&mut world, "own", &json!({"PipelineVersionId": 1}));
    pass(&mut world, 2);
    assert_eq!(told(&steps(&mut world, &old)), ["A Succeeded"]);
    assert_eq!(ok(&mut world, "DescribePipelineExecution", &old)["PipelineVersionId"], 1);
    let list = ok(&mut world, "ListPipelineVersions", &json!({"PipelineName": "own"}));
    let ids: Vec<&Value> =
        list["PipelineVersionSummaries"].as_array().unwrap().iter().map(|row| &row["PipelineVersionId"]).collect();
    assert_eq!(ids, [2, 1]);
    assert_eq!(list["PipelineVersionSummaries"][1]["LastExecutionPipelineExecutionArn"], old["PipelineExecutionArn"]);
}

#[test]
fn three_pipelines_failed_for_three_causes_and_one_only_needs_a_retry() {
    let mut world = world("failed-pipeline");
    let mut ended = Vec::new();
    for (pipeline, failing, text) in [
        ("fraud-refresh", "CheckData", "violations of the baseline"),
        ("ranking-weekly", "Train", "ResourceLimitExceeded"),
        ("churn-features", "Build", "ExitCode 1"),
    ] {
        let list = ok(&mut world, "ListPipelineExecutions", &json!({"PipelineName": pipeline}));
        let newest = &list["PipelineExecutionSummaries"][0];
        assert_eq!(newest["PipelineExecutionStatus"], "Failed", "{pipeline}");
        let arn = json!({"PipelineExecutionArn": newest["PipelineExecutionArn"]});
        let all = steps(&mut world, &arn);
        let last = all.last().unwrap();
        assert_eq!((&last["StepName"], &last["StepStatus"]), (&json!(failing), &json!("Failed")), "{all:?}");
        assert!(last["FailureReason"].as_str().unwrap().contains(text), "{last}");
        let kept = all.len() - 1;
        let mut retry = arn.clone();
        retry["ClientRequestToken"] = json!(format!("{pipeline:r<32}"));
        ok(&mut world, "RetryPipelineExecution", &retry);
        assert_eq!(status(&mut world, &arn), "Executing");
        assert_eq!(told(&steps(&mut world, &arn)).len(), kept, "what succeeded is kept");
        pass(&mut world, 30);
        ended.push(status(&mut world, &arn));
    }
    assert_eq!(ended, ["Failed", "Succeeded", "Failed"]);
}

#[test]
fn an_execution_of_the_account_is_retried_where_it_failed() {
    let mut world = world("fraud-burns");
    for (pipeline, ends) in [("ranking-train", true), ("churn-train", false)] {
        let list = ok(&mut world, "ListPipelineExecutions", &json!({"PipelineName": pipeline, "MaxResults": 20}));
        let rows = list["PipelineExecutionSummaries"].as_array().unwrap();
        let failed = rows.iter().find(|row| row["PipelineExecutionStatus"] == "Failed").unwrap();
        let arn = json!({"PipelineExecutionArn": failed["PipelineExecutionArn"]});
        let before = steps(&mut world, &arn);
        let mut retry = arn.clone();
        retry["ClientRequestToken"] = json!("r".repeat(32) + pipeline);
        ok(&mut world, "RetryPipelineExecution", &retry);
        pass(&mut world, 60);
        let after = steps(&mut world, &arn);
        for (old, new) in before.iter().zip(&after).take(before.len() - 1) {
            assert_eq!((&old["StepName"], &old["EndTime"]), (&new["StepName"], &new["EndTime"]));
        }
        assert_eq!(after.len() > before.len(), ends, "{after:?}");
        let last = after.iter().find(|step| step["StepName"] == before.last().unwrap()["StepName"]).unwrap();
        assert_eq!(last["StepStatus"] == "Succeeded", ends, "{last}");
    }
}

#[test]
fn a_token_belongs_to_its_pipeline_and_its_operation() {
    let mut world = world("quiet-night");
    let failing =
        || step("A", "Lambda", &json!({"Arguments": {"x": {"Std:JsonGet": {"S3Uri": "s3://own/none", "Path": "a"}}}}));
    create(&mut world, "one", &json!([]), &json!([failing()]));
    create(&mut world, "two", &json!([]), &json!([failing()]));
    let token = "t".repeat(32);
    let begin = |world: &mut World, name: &str| {
        let input = json!({"PipelineName": name, "ClientRequestToken": token});
        ok(world, "StartPipelineExecution", &input)["PipelineExecutionArn"].as_str().unwrap().to_owned()
    };
    let (one, two) = (begin(&mut world, "one"), begin(&mut world, "two"));
    assert!(one.contains(":pipeline/one/") && two.contains(":pipeline/two/"), "{one} {two}");
    assert_eq!((begin(&mut world, "one"), begin(&mut world, "two")), (one.clone(), two), "the same call again");
    pass(&mut world, 5);
    let arn = json!({"PipelineExecutionArn": one});
    assert_eq!(status(&mut world, &arn), "Failed");
    let retry = json!({"PipelineExecutionArn": one, "ClientRequestToken": token});
    ok(&mut world, "RetryPipelineExecution", &retry);
    assert_eq!(status(&mut world, &arn), "Executing", "the token of the start says nothing of a retry");
    ok(&mut world, "RetryPipelineExecution", &retry);
    let about = json!({"PipelineName": "one", "ClientRequestToken": token});
    pass(&mut world, 5);
    ok(&mut world, "DeletePipeline", &about);
    create(&mut world, "one", &json!([]), &json!([failing()]));
    assert_ne!(begin(&mut world, "one"), one, "another pipeline of that name");
}

#[test]
fn a_definition_of_many_dependencies_is_read_in_time() {
    let mut world = world("quiet-night");
    let all: Vec<Value> = (0..48)
        .map(|n: usize| {
            let before: Vec<String> = (0..n).map(|n| format!("S{n}")).collect();
            step(&format!("S{n}"), "EMR", &json!({"DependsOn": before}))
        })
        .collect();
    create(&mut world, "dense", &json!([]), &json!(all));
    let arn = start(&mut world, "dense", &json!({}));
    pass(&mut world, 10);
    assert!(told(&steps(&mut world, &arn)).contains(&"S0 Succeeded".to_owned()));
}

#[test]
fn a_lifetime_that_cannot_be_read_keeps_nothing() {
    let mut world = world("quiet-night");
    let cached = step("A", "EMR", &json!({"CacheConfig": {"Enabled": true, "ExpireAfter": "30\u{20ac}"}}));
    create(&mut world, "odd", &json!([]), &json!([cached]));
    for _ in 0..2 {
        let arn = start(&mut world, "odd", &json!({}));
        pass(&mut world, 10);
        assert!(steps(&mut world, &arn)[0]["CacheHitResult"].is_null());
    }
}

#[test]
fn tries_end_by_their_number_and_by_their_time() {
    let mut world = world("quiet-night");
    let quota = "[[quota]]\ninstance = 'ml.m5.xlarge'\nlimit = 0";
    world.scenario.more.extend(toml::from_str::<toml::Table>(quota).unwrap());
    let build = |policy: Value| {
        step(
            "Build",
            "Processing",
            &json!({
                "Arguments": {
                    "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}},
                    "AppSpecification": {"ImageUri": "tools"}, "RoleArn": "arn:aws:iam::447100000921:role/Pipelines",
                },
                "RetryPolicies": [policy],
            }),
        )
    };
    let mut attempts = |name: &str, more: Value| {
        let mut policy = json!({"ExceptionType": ["SageMaker.RESOURCE_LIMIT"]});
        policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        create(&mut world, name, &json!([]), &json!([build(policy)]));
        let arn = start(&mut world, name, &json!({}));
        pass(&mut world, 60);
        let all = steps(&mut world, &arn);
        assert_eq!(told(&all), ["Build Failed"]);
        all[0]["AttemptCount"].as_i64().unwrap()
    };
    assert_eq!(attempts("three", json!({"MaxAttempts": 3})), 3);
    assert_eq!(attempts("endless", json!({"MaxAttempts": 1_000_000_000, "IntervalSeconds": 0, "BackoffRate": 0})), 20);
    // Each wait is a minute: in three minutes that is three at most.
    let timed =
        attempts("timed", json!({"IntervalSeconds": 60, "BackoffRate": 1.0, "ExpireAfterMin": 3, "MaxAttempts": 20}));
    assert!((2..=4).contains(&timed), "{timed}");
}

#[test]
fn a_violation_report_lies_there_when_its_check_is_over_and_not_before() {
    let mut world = world("failed-pipeline");
    let list = ok(&mut world, "ListPipelineExecutions", &json!({"PipelineName": "fraud-refresh"}));
    let mut retry = json!({"PipelineExecutionArn": list["PipelineExecutionSummaries"][0]["PipelineExecutionArn"]});
    let arn = retry.clone();
    retry["ClientRequestToken"] = json!("r".repeat(32));
    ok(&mut world, "RetryPipelineExecution", &retry);
    let is_running = |world: &mut World| {
        let check = steps(world, &arn).into_iter().find(|step| step["StepName"] == "CheckData");
        check.filter(|step| step["StepStatus"] == "Executing").is_some()
    };
    let reports = |world: &World| -> Vec<mldeck_core::time::Timestamp> {
        let all = world.s3.list("acme-ml-data", "fraud-refresh/");
        all.filter(|(key, _)| key.ends_with("constraint_violations.json")).map(|(_, object)| object.modified).collect()
    };
    let mut ran = 0;
    for _ in 0..30 {
        pass(&mut world, 1);
        ran += i32::from(is_running(&mut world));
        assert!(reports(&world).iter().all(|at| *at <= world.now()), "a report of tomorrow");
    }
    assert!(ran > 0 && !reports(&world).is_empty(), "{ran}");
}

#[test]
fn instances_without_number_are_beyond_the_quota() {
    let mut world = world("failed-pipeline");
    let train = |name: &str, count: i64| {
        let resources = json!({"InstanceType": "ml.g5.12xlarge", "InstanceCount": count, "VolumeSizeInGB": 10});
        step(
            name,
            "Training",
            &json!({"Arguments": {
                "AlgorithmSpecification": {"TrainingImage": "own:1", "TrainingInputMode": "File"},
                "OutputDataConfig": {"S3OutputPath": "s3://own/models/"}, "ResourceConfig": resources,
                "RoleArn": "arn:aws:iam::447100000921:role/Pipelines", "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            }}),
        )
    };
    create(&mut world, "own", &json!([]), &json!([train("A", 1), train("B", i64::MAX)]));
    let arn = start(&mut world, "own", &json!({}));
    pass(&mut world, 2);
    let all = steps(&mut world, &arn);
    let reason = all.iter().find(|step| step["StepName"] == "B").unwrap()["FailureReason"].as_str().unwrap();
    assert!(reason.contains("ResourceLimitExceeded"), "{reason}");
}
