//! boto3 deploys to the sandbox and watches it happen.

use serde_json::{Value, json};

use crate::{
    array, refused, sound,
    support::peers::{Peers, Served},
};

#[test]
fn a_deployment_from_the_first_call_to_in_service() {
    let Some(peers) = Peers::find() else { return };
    let sandbox = Served::sandbox("fraud-burns", 240);
    let report = peers.script("changes.py", &sandbox.address, &[]);
    sound(&report);
    before_it(&report);
    meanwhile(&report["meanwhile"]);
    stages(&report);
    after_it(&report);
}

fn before_it(report: &Value) {
    let early = &report["too_early"];
    refused(&early["config_without_model"], "ValidationException", "Could not find model");
    refused(&early["update_without_config"], "ValidationException", "Could not find endpoint configuration");
    let arn = "arn:aws:sagemaker:eu-west-1:447100000921";
    assert_eq!(report["made"]["model"], format!("{arn}:model/fraud-by-boto3"), "ARNs are lower case");
    assert_eq!(report["made"]["config"], format!("{arn}:endpoint-config/fraud-by-boto3-a"));
    assert_eq!(report["model"]["ModelName"], "Fraud-By-Boto3", "names keep their case");
    assert_eq!(report["config_tags"], json!([{"Key": "by", "Value": "boto3"}]));
    refused(&report["twice"]["model"], "ValidationException", "Cannot create already existing model");
    refused(&report["twice"]["config"], "ValidationException", "Cannot create already existing endpoint configuration");
    refused(&report["bad"]["alarm"], "ValidationException", "no-such-alarm");
    refused(&report["bad"]["name"], "ValidationException", "'modelName' failed to satisfy constraint");
    refused(&report["bad"]["weights"], "ValidationException", "Could not find variant \"green\"");
}

fn meanwhile(said: &Value) {
    for call in ["update", "weights", "delete"] {
        refused(&said[call], "ValidationException", "Cannot update in-progress endpoint");
        assert_eq!(said[call]["status"], 400);
    }
}

fn stages(report: &Value) {
    let seen = array(&report["seen"]);
    let (last, way) = seen.split_last().expect("something was seen");
    for state in way {
        assert_eq!((&state["status"], &state["config"]), (&json!("Updating"), &json!("fraud-v18-c")), "{state}");
        assert_eq!(state["pending"], "fraud-by-boto3-a", "{state}");
    }
    let mut stages: Vec<&str> =
        way.iter().flat_map(|state| array(&state["stages"])).map(|stage| stage.as_str().unwrap()).collect();
    stages.dedup();
    let wanted = ["Creating", "ActivatingTraffic", "Baking"];
    let mut rest = stages.iter();
    assert!(wanted.iter().all(|stage| rest.any(|seen| seen == stage)), "{wanted:?} in this order: {stages:?}");
    assert_eq!(
        (&last["status"], &last["config"], &last["pending"]),
        (&json!("InService"), &json!("fraud-by-boto3-a"), &Value::Null)
    );
    // Five minutes of canary, two until the old fleet ends, and the start of new instances.
    let took = report["took"].as_f64().unwrap();
    assert!((420.0..3_600.0).contains(&took), "{took} seconds of the account");
}

fn after_it(report: &Value) {
    let (before, after) = (&report["before"]["ProductionVariants"][0], &report["after"]["ProductionVariants"][0]);
    assert_eq!(report["after"]["EndpointStatus"], "InService");
    assert_eq!(report["after"].get("FailureReason"), None);
    assert_eq!(after["VariantName"], before["VariantName"]);
    assert_eq!(after["CurrentInstanceCount"], before["CurrentInstanceCount"], "the live count was to be retained");
    let image = after["DeployedImages"][0]["SpecifiedImage"].as_str().unwrap();
    assert!(image.ends_with("/fraud-serve:v17"), "{image}");
    refused(&report["gone"], "ValidationException", "Could not find endpoint configuration");
}
