//! How tests end: as they were told, or because something is in their way.

use mldeck_core::time::{HOUR, MINUTE};
use serde_json::json;

use super::{CHALLENGER, ROLE, described, experiment, mode, own, part, running, serving, stop, with};
use crate::{
    scenario::Shortage,
    testkit::{call, ok, pass, refused},
};

#[test]
fn what_is_left_of_a_test_is_what_was_said() {
    for (source, shadow, desired, then, left) in [
        ("Remove", "Promote", None, "Completed", ("next", CHALLENGER, 1, "-")),
        ("Remove", "Promote", Some(part("next", CHALLENGER, 5)), "Completed", ("next", CHALLENGER, 5, "-")),
        ("Retain", "Retain", None, "Completed", ("live", "fraud-v17", 2, "next")),
        ("Retain", "Remove", None, "Cancelled", ("live", "fraud-v17", 3, "-")),
        ("Retain", "Remove", Some(part("live", "fraud-v17", 4)), "Completed", ("live", "fraud-v17", 4, "-")),
    ] {
        let mut world = running();
        for (source, shadow) in [("Remove", "Remove"), ("Promote", "Remove"), ("Retain", "Promote")] {
            let (code, message) = refused(&mut world, "StopInferenceExperiment", &stop("duel", source, shadow));
            assert_eq!(code, "ValidationException", "{message}");
        }
        let unknown = json!({"Name": "duel", "ModelVariantActions": {"green": "Retain"}});
        assert!(refused(&mut world, "StopInferenceExperiment", &unknown).1.contains("\"green\""));
        let gone = with(stop("duel", "Retain", "Remove"), "DesiredModelVariants", json!([part("next", CHALLENGER, 1)]));
        assert!(refused(&mut world, "StopInferenceExperiment", &gone).1.contains("no variant that stays"));

        let mut input = with(stop("duel", source, shadow), "Reason", json!("seen enough"));
        input["DesiredState"] = json!(then);
        if let Some(desired) = desired {
            input["DesiredModelVariants"] = json!([desired]);
        }
        ok(&mut world, "StopInferenceExperiment", &input);
        assert_eq!(described(&mut world, "duel")["Status"], "Stopping");
        pass(&mut world, 12 * MINUTE);
        let told = described(&mut world, "duel");
        assert_eq!((&told["Status"], &told["StatusReason"]), (&json!(then), &json!("seen enough")));
        let after = serving(&mut world);
        assert_eq!(after["EndpointStatus"], "InService");
        let config =
            ok(&mut world, "DescribeEndpointConfig", &json!({"EndpointConfigName": after["EndpointConfigName"]}));
        let variant = &after["ProductionVariants"][0];
        let found = (
            variant["VariantName"].as_str().unwrap(),
            config["ProductionVariants"][0]["ModelName"].as_str().unwrap(),
            variant["CurrentInstanceCount"].as_i64().unwrap(),
            after["ShadowProductionVariants"][0]["VariantName"].as_str().unwrap_or("-"),
        );
        assert_eq!(found, left, "{source} {shadow}");
    }
}

#[test]
fn a_challenger_that_does_not_start_ends_its_test() {
    let mut world = own();
    let container = json!({"Image": "own:1", "ModelDataUrl": "s3://acme-ml-models/nothing/model.tar.gz"});
    ok(
        &mut world,
        "CreateModel",
        &json!({"ModelName": "hollow", "ExecutionRoleArn": ROLE, "PrimaryContainer": container}),
    );
    let variants = json!([part("live", "fraud-v17", 2), part("next", "hollow", 1)]);
    ok(&mut world, "CreateInferenceExperiment", &with(experiment("duel", "own"), "ModelVariants", variants));
    pass(&mut world, 40 * MINUTE);
    let told = described(&mut world, "duel");
    assert_eq!(told["Status"], "Cancelled");
    assert!(told["StatusReason"].as_str().unwrap().contains("Failed to download model data"), "{told}");
    let after = serving(&mut world);
    assert_eq!((&after["EndpointStatus"], &after["EndpointConfigName"]), (&json!("InService"), &json!("own-a")));

    // An endpoint that is gone when the time has come.
    let late =
        json!({"StartTime": world.now().plus(HOUR).secs_f64(), "EndTime": world.now().plus(3 * HOUR).secs_f64()});
    ok(&mut world, "CreateInferenceExperiment", &with(experiment("late", "own"), "Schedule", late));
    ok(&mut world, "DeleteEndpoint", &json!({"EndpointName": "own"}));
    pass(&mut world, 2 * HOUR);
    let told = described(&mut world, "late");
    assert_eq!(told["Status"], "Cancelled");
    assert_eq!(told["EndpointMetadata"], json!({"EndpointName": "own"}));
}

#[test]
fn an_update_without_room_is_taken_back() {
    let mut world = own();
    let name = "d".repeat(120);
    ok(&mut world, "CreateInferenceExperiment", &experiment(&name, "own"));
    pass(&mut world, 12 * MINUTE);
    let before = serving(&mut world)["EndpointConfigName"].clone();
    assert!(before.as_str().unwrap().len() <= 63, "{before}");
    world.scenario.shortages.push(Shortage { instance: "ml.m5.xlarge".to_owned(), left: 0, from: 0, until: i64::MAX });
    let more =
        json!({"Name": name, "ShadowModeConfig": mode(90), "DataStorageConfig": {"Destination": "s3://own/duel"}});
    ok(&mut world, "UpdateInferenceExperiment", &more);
    pass(&mut world, 40 * MINUTE);
    let told = described(&mut world, &name);
    assert_eq!(told["Status"], "Running");
    assert!(told["StatusReason"].as_str().unwrap().contains("InsufficientInstanceCapacity"), "{told}");
    assert_eq!((&told["ShadowModeConfig"], told.get("DataStorageConfig")), (&mode(50), None));
    assert_eq!(serving(&mut world)["EndpointConfigName"], before);
    // Without a second fleet it cannot go back either, and says so.
    ok(&mut world, "StopInferenceExperiment", &stop(&name, "Retain", "Remove"));
    pass(&mut world, 40 * MINUTE);
    let told = described(&mut world, &name);
    assert_eq!(told["Status"], "Completed");
    assert!(told["StatusReason"].as_str().unwrap().contains("InsufficientInstanceCapacity"), "{told}");
    assert_eq!(serving(&mut world)["EndpointConfigName"], before);
}

#[test]
fn a_shadow_of_before_comes_back() {
    let mut world = own();
    let config = ok(&mut world, "DescribeEndpointConfig", &json!({"EndpointConfigName": "own-a"}));
    let old = json!({"VariantName": "old", "ModelName": "fraud-v16", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 2});
    let both = json!({
        "EndpointConfigName": "own-b", "ProductionVariants": config["ProductionVariants"], "ShadowProductionVariants": [old],
    });
    ok(&mut world, "CreateEndpointConfig", &both);
    ok(&mut world, "UpdateEndpoint", &json!({"EndpointName": "own", "EndpointConfigName": "own-b"}));
    pass(&mut world, 10 * MINUTE);
    ok(&mut world, "CreateInferenceExperiment", &experiment("duel", "own"));
    pass(&mut world, 12 * MINUTE);
    assert_eq!(serving(&mut world)["ShadowProductionVariants"][0]["VariantName"], "next");
    ok(&mut world, "StopInferenceExperiment", &stop("duel", "Retain", "Remove"));
    pass(&mut world, 12 * MINUTE);
    let after = serving(&mut world);
    assert_eq!(after["EndpointConfigName"], "own-b");
    let shadow = &after["ShadowProductionVariants"][0];
    assert_eq!((&shadow["VariantName"], &shadow["CurrentInstanceCount"]), (&json!("old"), &json!(2)));
    assert_eq!(after["ProductionVariants"][0]["CurrentInstanceCount"], 1);
}

#[test]
fn what_the_account_refuses_a_test_is_told() {
    // A model that is gone when the time has come.
    let mut world = own();
    let late =
        json!({"StartTime": world.now().plus(HOUR).secs_f64(), "EndTime": world.now().plus(3 * HOUR).secs_f64()});
    ok(&mut world, "CreateInferenceExperiment", &with(experiment("duel", "own"), "Schedule", late));
    ok(&mut world, "DeleteModel", &json!({"ModelName": CHALLENGER}));
    pass(&mut world, 2 * HOUR);
    let told = described(&mut world, "duel");
    assert_eq!(told["Status"], "Cancelled");
    assert!(told["StatusReason"].as_str().unwrap().contains("Could not find model"), "{told}");

    // A variant that autoscaling owns cannot go away; nothing is left of the try.
    let mut world = running();
    let target = json!({
        "ServiceNamespace": "sagemaker", "ResourceId": "endpoint/own/variant/live", "MinCapacity": 1, "MaxCapacity": 4,
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    });
    assert_eq!(call(&mut world, "application-autoscaling", "RegisterScalableTarget", &target).0, 200);
    let configs = json!({"NameContains": "duel-", "MaxResults": 100});
    let before = ok(&mut world, "ListEndpointConfigs", &configs);
    let (code, message) = refused(&mut world, "StopInferenceExperiment", &stop("duel", "Remove", "Promote"));
    assert_eq!(code, "ValidationException");
    assert!(message.contains("deregistered as scalable targets"), "{message}");
    assert_eq!(described(&mut world, "duel")["Status"], "Running");
    assert_eq!(ok(&mut world, "ListEndpointConfigs", &configs), before);
}
