//! The SageMaker Python SDK trains, deploys, predicts, watches, registers and runs a pipeline in the sandbox.

use serde_json::{Value, json};

use crate::{
    array,
    support::peers::{Peers, Served},
    texts,
};

#[test]
fn the_python_sdk_does_what_notebooks_do() {
    let Some(peers) = Peers::sdk() else { return };
    let sandbox = Served::sandbox("quiet-night", 1);
    let did = peers.script("sdk.py", &sandbox.address, &[]);
    assert_eq!(did["wrong"], json!({}), "{did:#}");
    trained(&did["trained"]);
    deployed(&did["deployed"]);
    updated(&did["updated"]);
    assert_eq!(did["registered"]["approval"], "Approved");
    assert_eq!(did["registered"]["status"], "Completed");
    let package = did["registered"]["arn"].as_str().unwrap();
    assert!(package.ends_with(":model-package/sdk-models/1"), "{package}");
    watched(&did["watched"]);
    piped(&did["piped"]);
}

fn trained(did: &Value) {
    assert_eq!(did["status"], "Completed");
    let artifact = did["model_data"].as_str().unwrap();
    assert!(artifact.starts_with("s3://acme-ml-data/sdk/sdk-train/output/"), "{artifact}");
    assert_eq!(did["attached"], did["model_data"]);
    assert_eq!(texts(&did["metrics"]), ["validation:auc"]);
    assert!(crate::numbers(&did["values"]).iter().all(|value| (0.0..=1.0).contains(value)), "{did}");
}

fn deployed(did: &Value) {
    assert_eq!(did["status"], "InService");
    let score: f64 = did["csv"][0][0].as_str().unwrap().parse().unwrap();
    let predictions = array(&did["json"]["predictions"]);
    assert_eq!(predictions, [json!({"score": score}), json!({"score": score})], "one row, one score");
    let refused = &did["refused"];
    assert_eq!(
        (&refused["content"]["Code"], &refused["content"]["OriginalStatusCode"]),
        (&json!("ModelError"), &json!(415))
    );
    assert_eq!(refused["missing"]["Code"], "ValidationError");
    assert!(refused["variant"]["Message"].as_str().unwrap().contains("green"), "{refused}");
    let captured = array(&did["captured"]);
    assert_eq!(captured.len(), 2, "what was refused was not captured: {captured:?}");
    assert_eq!(captured[0]["eventMetadata"]["inferenceId"], "sdk-1");
    assert_eq!(captured[0]["eventMetadata"]["customAttributes"], json!(["trace=sdk"]));
    assert_eq!(captured[0]["captureData"]["endpointInput"]["data"], "26,1,plus,0.1,7,2.5,south,43");
    assert_eq!(captured[0]["captureData"]["endpointOutput"]["data"], did["csv"][0][0]);
    assert_eq!(captured[1]["captureData"]["endpointInput"]["encoding"], "JSON");
}

fn updated(did: &Value) {
    assert_eq!((&did["during"], &did["after"]), (&json!("Updating"), &json!(["InService", "sdk-config-b"])));
    assert_eq!((&did["policy"], &did["count"]), (&json!("CANARY"), &json!(2)));
}

fn watched(did: &Value) {
    assert_eq!(did["schedule"], "Scheduled");
    assert!(did["executions"].as_u64() > Some(5) && did["quality"].as_u64() > Some(5), "{did}");
    assert_eq!((array(&did["features"]).len(), &did["baseline"]), (16, &json!(16)), "{did}");
    assert!(!array(&did["violations"]).is_empty(), "{did}");
}

fn piped(did: &Value) {
    let arn = "arn:aws:sagemaker:eu-west-1:447100000921:pipeline/sdk-pipeline";
    assert_eq!(did["arns"], json!([arn, arn]));
    assert_eq!((&did["status"], &did["failed"]), (&json!(["Succeeded", "Failed"]), &json!("WaiterError")));
    let wanted = json!({"Train": "Succeeded", "GoodEnough": "Succeeded", "TooBad": "Failed"});
    assert_eq!(did["steps"], wanted);
}
