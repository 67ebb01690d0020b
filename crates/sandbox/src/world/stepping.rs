//! The same story in steps of different sizes.

use std::fmt::Write as _;

use mldeck_core::time::{HOUR, MINUTE, SECOND};
use serde_json::{Value, json};

use crate::{
    World,
    testkit::{call, ok, rest, world},
};

const ROLE: &str = "arn:aws:iam::447100000921:role/SageMakerExecution";

/// What everybody can see of an account: its lists to their ends, and each thing in them as it is described.
fn seen(world: &mut World) -> String {
    let mut out = String::new();
    let mut show = |what: &str, value: &Value| {
        let _ = writeln!(out, "{what} {value}");
    };
    let operations = World::operations();
    let lists = operations.iter().filter(|(service, name)| *service == "sagemaker" && name.starts_with("List"));
    for (_, list) in lists {
        let (status, told) = call(world, "sagemaker", list, &json!({"MaxResults": 100}));
        if status != 200 {
            continue;
        }
        show(list, &told);
        for row in told.as_object().into_iter().flatten().filter_map(|(_, rows)| rows.as_array()).flatten().take(12) {
            for (_, describe) in operations.iter().filter(|(_, name)| name.starts_with("Describe")) {
                let member = format!("{}Name", describe.trim_start_matches("Describe"));
                if let Some(name) = row.get(&member) {
                    show(describe, &call(world, "sagemaker", describe, &json!({ member: name })).1);
                }
            }
            if let Some(pipeline) = row.get("PipelineName") {
                let about = json!({"PipelineName": pipeline, "MaxResults": 3});
                let executions = ok(world, "ListPipelineExecutions", &about);
                show("executions", &executions);
                for execution in executions["PipelineExecutionSummaries"].as_array().into_iter().flatten() {
                    let arn = json!({"PipelineExecutionArn": execution["PipelineExecutionArn"]});
                    show("execution", &ok(world, "DescribePipelineExecution", &arn));
                    show("steps", &ok(world, "ListPipelineExecutionSteps", &arn));
                }
            }
        }
    }
    show("alarms", &call(world, "monitoring", "DescribeAlarms", &json!({})).1);
    show("history", &call(world, "monitoring", "DescribeAlarmHistory", &json!({})).1);
    show("trail", &call(world, "cloudtrail", "LookupEvents", &json!({})).1);
    let scaled = json!({"ServiceNamespace": "sagemaker"});
    show("scaling", &call(world, "application-autoscaling", "DescribeScalingActivities", &scaled).1);
    let groups = call(world, "logs", "DescribeLogGroups", &json!({})).1;
    for group in groups["logGroups"].as_array().into_iter().flatten().map(|group| &group["logGroupName"]) {
        show("log", &call(world, "logs", "FilterLogEvents", &json!({"logGroupName": group})).1);
    }
    for bucket in ["acme-ml-data", "acme-ml-models", "acme-ml-labels", "own"] {
        crate::world::shelf::materialize(world, bucket, "");
        for (key, object) in world.s3.list(bucket, "") {
            show("object", &json!([bucket, key, object.etag, object.modified.iso()]));
        }
    }
    show("events", &world.events(0).into());
    out
}

fn begin(world: &mut World) {
    world.events(0);
    let job = json!({
        "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}},
        "AppSpecification": {"ImageUri": "tools"}, "RoleArn": ROLE,
    });
    let train = json!({
        "AlgorithmSpecification": {"TrainingImage": "own:1", "TrainingInputMode": "File"}, "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": "s3://own/models/"}, "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
    });
    let transform = json!({
        "ModelName": "fraud-v17", "TransformOutput": {"S3OutputPath": "s3://own/out"},
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://own/in"}}},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    });
    let steps = json!([
        {"Name": "Build", "Type": "Processing", "Arguments": job},
        {"Name": "Train", "Type": "Training", "Arguments": train, "DependsOn": ["Build"]},
        {"Name": "Score", "Type": "Transform", "Arguments": transform, "DependsOn": ["Train"]},
        {"Name": "Tell", "Type": "Lambda", "FunctionArn": "f", "DependsOn": ["Train"]},
        {"Name": "Move", "Type": "Endpoint", "DependsOn": ["Tell"], "Arguments": {"EndpointName": "own-live", "EndpointConfigName": "fraud-v17-a"}},
    ]);
    let definition = json!({"Version": "2020-12-01", "Steps": steps}).to_string();
    let made = json!({"PipelineName": "own", "PipelineDefinition": definition, "RoleArn": ROLE, "ClientRequestToken": "c".repeat(32)});
    ok(world, "CreatePipeline", &made);
    ok(world, "StartPipelineExecution", &json!({"PipelineName": "own", "ClientRequestToken": "s".repeat(32)}));
    ok(world, "StartPipelineExecution", &json!({"PipelineName": "fraud-train", "ClientRequestToken": "f".repeat(32)}));
    let mut own = train;
    own["TrainingJobName"] = json!("own-job");
    ok(world, "CreateTrainingJob", &own);
    ok(world, "UpdateEndpoint", &json!({"EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v18-c"}));
    makers(world);
    let flow = "arn:aws:sagemaker:eu-west-1:447100000921:flow-definition/fraud-review";
    let looped = json!({"HumanLoopName": "one", "FlowDefinitionArn": flow, "HumanLoopInput": {"InputContent": "{}"}});
    assert_eq!(rest(world, "POST", "/human-loops", &looped).0, 200);
}

/// Jobs that make other jobs or leave objects, and copies that wait for room.
fn makers(world: &mut World) {
    let at = world.now();
    let rows: String = (0..40).map(|n| format!("{n},{}\n", n % 2)).collect();
    world.s3.put("own", "data/rows.csv", format!("age,leaves\n{rows}"), at);
    world.s3.put("own", "model.tar.gz", "model", at);
    let source = |uri: &str| json!({"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}});
    let tuning = json!({
        "HyperParameterTuningJobName": "search",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian", "TrainingJobEarlyStoppingType": "Auto",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 12, "MaxParallelTrainingJobs": 3},
            "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.001", "MaxValue": "1"}]},
        },
        "TrainingJobDefinition": {
            "AlgorithmSpecification": {
                "TrainingImage": "447100000921.dkr.ecr.eu-west-1.amazonaws.com/own:1", "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
            },
            "RoleArn": ROLE, "OutputDataConfig": {"S3OutputPath": "s3://own/models/"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        },
    });
    ok(world, "CreateHyperParameterTuningJob", &tuning);
    let automl = json!({
        "AutoMLJobName": "auto", "RoleArn": ROLE, "OutputDataConfig": {"S3OutputPath": "s3://own/automl"},
        "AutoMLJobInputDataConfig": [{"ChannelType": "training", "ContentType": "text/csv;header=present", "DataSource": source("s3://own/data/")}],
        "AutoMLProblemTypeConfig": {"TabularJobConfig": {"TargetAttributeName": "leaves", "CompletionCriteria": {"MaxCandidates": 5}}},
        "ModelDeployConfig": {"AutoGenerateEndpointName": true},
    });
    ok(world, "CreateAutoMLJobV2", &automl);
    let compile = json!({
        "CompilationJobName": "small", "RoleArn": ROLE, "StoppingCondition": {"MaxRuntimeInSeconds": 900},
        "InputConfig": {"S3Uri": "s3://own/model.tar.gz", "Framework": "XGBOOST"},
        "OutputConfig": {"S3OutputLocation": "s3://own/compiled", "TargetDevice": "ml_c5"},
    });
    ok(world, "CreateCompilationJob", &compile);
    let batch = json!({
        "TransformJobName": "batch", "ModelName": "fraud-v17",
        "TransformInput": {"DataSource": source("s3://own/data/"), "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": "s3://own/batch/", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    });
    ok(world, "CreateTransformJob", &batch);
    let variant = json!({"VariantName": "main", "InstanceType": "ml.g5.12xlarge", "InitialInstanceCount": 1});
    ok(
        world,
        "CreateEndpointConfig",
        &json!({"EndpointConfigName": "shared", "ExecutionRoleArn": ROLE, "ProductionVariants": [variant]}),
    );
    ok(world, "CreateEndpoint", &json!({"EndpointName": "shared", "EndpointConfigName": "shared"}));
}

/// Two components that do not fit beside each other, on the endpoint that is there by now.
fn components(world: &mut World) {
    for name in ["one", "two"] {
        let component = json!({
            "InferenceComponentName": name, "EndpointName": "shared", "VariantName": "main", "RuntimeConfig": {"CopyCount": 1},
            "Specification": {"ModelName": "fraud-v17", "ComputeResourceRequirements": {
                "NumberOfAcceleratorDevicesRequired": 3, "MinMemoryRequiredInMb": 4096,
            }},
        });
        ok(world, "CreateInferenceComponent", &component);
    }
}

fn pass(world: &mut World, time: i64, step: i64) {
    let end = world.now().plus(time);
    while world.now() < end {
        world.advance_to(world.now().plus(step).min(end));
    }
}

fn story(scenario: &str, step: i64) -> String {
    let mut world = world(scenario);
    begin(&mut world);
    pass(&mut world, 50 * MINUTE, step);
    ok(&mut world, "StartPipelineExecution", &json!({"PipelineName": "own", "ClientRequestToken": "t".repeat(32)}));
    components(&mut world);
    pass(&mut world, 2 * HOUR, step);
    seen(&mut world)
}

#[test]
fn how_far_time_is_told_at_once_does_not_matter() {
    for scenario in ["quiet-night"] {
        let whole = story(scenario, HOUR);
        for step in [MINUTE, 97 * SECOND] {
            let parts = story(scenario, step);
            let differs: Vec<_> = whole.lines().zip(parts.lines()).filter(|(a, b)| a != b).collect();
            let first = differs.first().map(|(a, b)| {
                let at = a.bytes().zip(b.bytes()).position(|(a, b)| a != b).unwrap_or(0);
                let part = |line: &str| {
                    let name: String = line.chars().take(40).collect();
                    let rest: String =
                        String::from_utf8_lossy(line.as_bytes().get(at.saturating_sub(200)..).unwrap_or_default())
                            .chars()
                            .take(400)
                            .collect();
                    format!("{name} … {rest}")
                };
                (part(a), part(b))
            });
            assert!(differs.is_empty(), "{scenario} in steps of {step}: {} lines, first {first:#?}", differs.len());
            assert_eq!(whole.len(), parts.len());
        }
    }
}
