//! The definition of a family's pipeline, as the SageMaker SDK writes it.

use serde_json::{Value, json};

use crate::world::{
    estate::{self, Family},
    run::recipe::{self, recipe},
};

/// `Get` of a property.
fn get(path: impl Into<String>) -> Value {
    json!({"Get": path.into()})
}

fn parameter(name: &str) -> Value {
    get(format!("Parameters.{name}"))
}

fn json_get(path: &str) -> Value {
    json!({"Std:JsonGet": {"PropertyFile": get("Steps.Evaluate.PropertyFiles.EvaluationReport"), "Path": path}})
}

pub(super) fn definition(family: &Family) -> Value {
    json!({
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": parameters(family),
        "PipelineExperimentConfig": {
            "ExperimentName": family.experiment,
            "TrialName": get("Execution.PipelineExecutionId"),
        },
        "Steps": [preprocess(family), train(family), evaluate(family), check_quality(family)],
    })
}

fn parameters(family: &Family) -> Value {
    let recipe = recipe(family);
    let text = |name: &str, value: &str| json!({"Name": name, "Type": "String", "DefaultValue": value});
    let mut all = vec![
        text("InputDataUri", &format!("s3://{}/{}/raw/latest/", estate::DATA_BUCKET, family.name)),
        text("TrainingInstanceType", recipe.instances[0]),
    ];
    for knob in recipe.knobs {
        let is_whole = knob.choices.iter().all(|choice| choice.fract() == 0.0);
        let kind = if is_whole { "Integer" } else { "Float" };
        all.push(json!({"Name": knob.parameter, "Type": kind, "DefaultValue": knob.best}));
    }
    let (least, champion) = super::history::gates(family);
    all.push(json!({"Name": "MinScore", "Type": "Float", "DefaultValue": f64::from(least)}));
    all.push(json!({"Name": "ChampionScore", "Type": "Float", "DefaultValue": f64::from(champion)}));
    all.push(json!({
        "Name": "ModelApprovalStatus", "Type": "String", "DefaultValue": "PendingManualApproval",
        "EnumValues": ["PendingManualApproval", "Approved", "Rejected"],
    }));
    Value::Array(all)
}

fn processing(family: &Family, script: &str, inputs: &Value, outputs: &Value) -> Value {
    json!({
        "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}},
        "AppSpecification": {
            "ImageUri": format!("{}.dkr.ecr.{}.amazonaws.com/{}-train:stable", estate::ACCOUNT, estate::REGION, family.name),
            "ContainerEntrypoint": ["python3", format!("/opt/ml/code/{script}.py")],
        },
        "RoleArn": estate::EXECUTION_ROLE,
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {"Outputs": outputs},
    })
}

fn input(name: &str, uri: &Value, path: &str) -> Value {
    json!({"InputName": name, "AppManaged": false, "S3Input": {
        "S3Uri": uri, "LocalPath": format!("/opt/ml/processing/{path}"), "S3DataType": "S3Prefix", "S3InputMode": "File",
    }})
}

fn output(family: &Family, name: &str) -> Value {
    let home = format!("s3://{}/{}/pipeline", estate::DATA_BUCKET, family.name);
    json!({"OutputName": name, "AppManaged": false, "S3Output": {
        "S3Uri": {"Std:Join": {"On": "/", "Values": [home, get("Execution.PipelineExecutionId"), name]}},
        "LocalPath": format!("/opt/ml/processing/{name}"), "S3UploadMode": "EndOfJob",
    }})
}

fn preprocess(family: &Family) -> Value {
    let inputs = json!([input("input-1", &parameter("InputDataUri"), "input")]);
    let outputs = json!([output(family, "train"), output(family, "validation"), output(family, "test")]);
    json!({
        "Name": "Preprocess", "Type": "Processing",
        "Arguments": processing(family, "preprocess", &inputs, &outputs),
        "CacheConfig": {"Enabled": false},
    })
}

fn train(family: &Family) -> Value {
    let recipe = recipe(family);
    let mut hyperparameters = serde_json::Map::new();
    for knob in recipe.knobs {
        hyperparameters.insert(knob.name.to_owned(), parameter(knob.parameter));
    }
    for (name, value) in recipe.fixed {
        hyperparameters.insert((*name).to_owned(), json!(value));
    }
    let channel = |name: &str| {
        json!({"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": {
            "S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated",
            "S3Uri": get(format!("Steps.Preprocess.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri")),
        }}})
    };
    json!({
        "Name": "Train", "Type": "Training",
        "Arguments": {
            "AlgorithmSpecification": {
                "TrainingImage": format!("{}.dkr.ecr.{}.amazonaws.com/{}-train:stable", estate::ACCOUNT, estate::REGION, family.name),
                "TrainingInputMode": "File",
            },
            "HyperParameters": hyperparameters,
            "InputDataConfig": [channel("train"), channel("validation")],
            "OutputDataConfig": {"S3OutputPath": format!("s3://{}/{}/runs/", estate::MODEL_BUCKET, family.name)},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": parameter("TrainingInstanceType"), "VolumeSizeInGB": 50},
            "StoppingCondition": {"MaxRuntimeInSeconds": 86_400},
            "RoleArn": estate::EXECUTION_ROLE,
        },
        "RetryPolicies": [{
            "ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR"],
            "IntervalSeconds": 60, "BackoffRate": 2.0, "MaxAttempts": 3,
        }],
    })
}

fn evaluate(family: &Family) -> Value {
    let model = get("Steps.Train.ModelArtifacts.S3ModelArtifacts");
    let test = get("Steps.Preprocess.ProcessingOutputConfig.Outputs['test'].S3Output.S3Uri");
    let inputs = json!([input("model", &model, "model"), input("test", &test, "test")]);
    json!({
        "Name": "Evaluate", "Type": "Processing",
        "Arguments": processing(family, "evaluate", &inputs, &json!([output(family, "evaluation")])),
        "PropertyFiles": [{
            "PropertyFileName": "EvaluationReport", "OutputName": "evaluation", "FilePath": "evaluation.json",
        }],
    })
}

fn check_quality(family: &Family) -> Value {
    let at_least = |kind: &str, name: &str| json!([{"Type": kind, "LeftValue": json_get("metrics.objective.value"), "RightValue": parameter(name)}]);
    let text = format!("{} of the new {} model is below MinScore", family.metric, family.name);
    json!({
        "Name": "CheckQuality", "Type": "Condition",
        "Arguments": {
            "Conditions": at_least("GreaterThanOrEqualTo", "MinScore"),
            "IfSteps": [{
                "Name": "BeatsChampion", "Type": "Condition",
                "Arguments": {
                    "Conditions": at_least("GreaterThan", "ChampionScore"),
                    "IfSteps": [register(family)],
                    "ElseSteps": [],
                },
            }],
            "ElseSteps": [{"Name": "BelowQuality", "Type": "Fail", "Arguments": {"ErrorMessage": text}}],
        },
    })
}

fn register(family: &Family) -> Value {
    let report = get("Steps.Evaluate.ProcessingOutputConfig.Outputs['evaluation'].S3Output.S3Uri");
    json!({
        "Name": "Register", "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": family.name,
            "ModelApprovalStatus": parameter("ModelApprovalStatus"),
            "ModelMetrics": {"ModelQuality": {"Statistics": {
                "ContentType": "application/json",
                "S3Uri": {"Std:Join": {"On": "/", "Values": [report, "evaluation.json"]}},
            }}},
            "InferenceSpecification": {
                "Containers": [{
                    "Image": format!("{}.dkr.ecr.{}.amazonaws.com/{}-serve:stable", estate::ACCOUNT, estate::REGION, family.name),
                    "ModelDataUrl": get("Steps.Train.ModelArtifacts.S3ModelArtifacts"),
                }],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
                "SupportedRealtimeInferenceInstanceTypes": [family.instance_type],
            },
        },
    })
}

/// The default of a hyperparameter's pipeline parameter.
pub(super) fn defaults(family: &Family) -> [f32; recipe::KNOBS] {
    let mut values = [0.0; recipe::KNOBS];
    for (value, knob) in values.iter_mut().zip(recipe(family).knobs) {
        *value = knob.best as f32;
    }
    values
}
