use mldeck_core::time::{DAY, HOUR, MINUTE};
use serde_json::{Value, json};

use crate::{
    World,
    testkit::{call, ok, pass, refused, world},
};

mod ends;

const ROLE: &str = "arn:aws:iam::447100000921:role/SageMakerExecution";
const CHALLENGER: &str = "fraud-v18";

fn part(name: &str, model: &str, count: i64) -> Value {
    json!({"VariantName": name, "ModelName": model, "InfrastructureConfig": {
        "InfrastructureType": "RealTimeInference",
        "RealTimeInferenceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": count},
    }})
}

fn mode(percent: i64) -> Value {
    let shadows = json!([{"ShadowModelVariantName": "next", "SamplingPercentage": percent}]);
    json!({"SourceModelVariantName": "live", "ShadowModelVariants": shadows})
}

fn experiment(name: &str, endpoint: &str) -> Value {
    json!({
        "Name": name, "Type": "ShadowMode", "RoleArn": ROLE, "EndpointName": endpoint,
        "ModelVariants": [part("live", "fraud-v17", 2), part("next", CHALLENGER, 1)], "ShadowModeConfig": mode(50),
    })
}

fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

/// An endpoint that serves `live` on three instances, where its config says one.
fn endpoint(world: &mut World, name: &str) {
    let variant = json!({"VariantName": "live", "ModelName": "fraud-v17", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1});
    let config = format!("{name}-a");
    ok(world, "CreateEndpointConfig", &json!({"EndpointConfigName": config, "ProductionVariants": [variant]}));
    ok(world, "CreateEndpoint", &json!({"EndpointName": name, "EndpointConfigName": config}));
    pass(world, 10 * MINUTE);
    let more = json!([{"VariantName": "live", "DesiredInstanceCount": 3}]);
    ok(
        world,
        "UpdateEndpointWeightsAndCapacities",
        &json!({"EndpointName": name, "DesiredWeightsAndCapacities": more}),
    );
    pass(world, 10 * MINUTE);
}

fn own() -> World {
    let mut world = world("quiet-night");
    // Tests look on whole minutes.
    let whole = world.now().floor(MINUTE).plus(MINUTE);
    world.advance_to(whole);
    endpoint(&mut world, "own");
    world
}

fn described(world: &mut World, name: &str) -> Value {
    ok(world, "DescribeInferenceExperiment", &json!({"Name": name}))
}

fn serving(world: &mut World) -> Value {
    ok(world, "DescribeEndpoint", &json!({"EndpointName": "own"}))
}

/// `experiment: variants; endpoint`, minute by minute, without repetitions.
fn story(world: &mut World, name: &str, minutes: i64) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..=minutes {
        let told = described(world, name);
        let variants: Vec<&str> = told["ModelVariants"]
            .as_array()
            .unwrap()
            .iter()
            .map(|variant| variant["Status"].as_str().unwrap())
            .collect();
        let status = told["EndpointMetadata"]["EndpointStatus"].as_str().unwrap_or("-");
        let line = format!("{}: {}; {status}", told["Status"].as_str().unwrap(), variants.join(" "));
        if seen.last() != Some(&line) {
            seen.push(line);
        }
        pass(world, MINUTE);
    }
    seen
}

fn stop(name: &str, source: &str, shadow: &str) -> Value {
    json!({"Name": name, "ModelVariantActions": {"live": source, "next": shadow}})
}

/// A test that runs.
fn running() -> World {
    let mut world = own();
    ok(&mut world, "CreateInferenceExperiment", &experiment("duel", "own"));
    pass(&mut world, 12 * MINUTE);
    assert_eq!(described(&mut world, "duel")["Status"], "Running");
    world
}

#[test]
fn a_test_that_cannot_be_is_refused() {
    let mut world = own();
    endpoint(&mut world, "young");
    ok(&mut world, "UpdateEndpoint", &json!({"EndpointName": "young", "EndpointConfigName": "own-a"}));
    let base = || experiment("duel", "own");
    let at = |hours: i64| world.now().plus(hours * HOUR).secs_f64();
    let during = |from: i64, to: i64| with(base(), "Schedule", json!({"StartTime": at(from), "EndTime": at(to)}));
    let variants = |parts: Value| with(base(), "ModelVariants", parts);
    let cases = [
        (with(base(), "Type", json!("ABTest")), "ValidationException", "enum value set"),
        (with(base(), "Name", json!("-")), "ValidationException", "name"),
        (experiment("duel", "no-such"), "ValidationException", "Could not find endpoint"),
        (experiment("duel", "young"), "ResourceInUse", "is in Updating status"),
        (experiment("duel", "intent-fr"), "ValidationException", "one production variant"),
        (experiment("duel", "fraud-prod"), "ValidationException", "must have \"live\""),
        (with(base(), "ShadowModeConfig", mode(101)), "ValidationException", "samplingPercentage"),
        (variants(json!([part("live", "fraud-v17", 1)])), "ValidationException", "two variants"),
        (
            variants(json!([part("live", "fraud-v17", 1), part("x", CHALLENGER, 1)])),
            "ValidationException",
            "two variants",
        ),
        (
            variants(json!([part("live", "fraud-v17", 1), part("live", CHALLENGER, 1)])),
            "ValidationException",
            "two variants",
        ),
        (
            variants(json!([part("live", "fraud-v17", 1), part("next", "no-such", 1)])),
            "ValidationException",
            "Could not find model",
        ),
        (during(0, 0), "ValidationException", "between 1 hour and 30 days"),
        (during(5, 1), "ValidationException", "between 1 hour and 30 days"),
        (during(0, 31 * 24), "ValidationException", "between 1 hour and 30 days"),
        (during(-2, 2), "ValidationException", "must not be in the past"),
        (with(base(), "DataStorageConfig", json!({"Destination": "nowhere"})), "ValidationException", "destination"),
    ];
    for (body, code, said) in cases {
        let (told, message) = refused(&mut world, "CreateInferenceExperiment", &body);
        assert_eq!(told, code, "{message}");
        assert!(message.contains(said), "{said}: {message}");
    }
    for operation in ["Describe", "Start", "Stop", "Update", "Delete"] {
        let input = if operation == "Stop" { stop("no-such", "Retain", "Remove") } else { json!({"Name": "no-such"}) };
        let (code, _) = refused(&mut world, &format!("{operation}InferenceExperiment"), &input);
        assert_eq!(code, "ResourceNotFound", "{operation}");
    }
}

#[test]
fn a_test_goes_its_way_and_its_endpoint_with_it() {
    let mut world = own();
    let told = ok(&mut world, "CreateInferenceExperiment", &experiment("duel", "own"));
    assert_eq!(told["InferenceExperimentArn"], "arn:aws:sagemaker:eu-west-1:447100000921:inference-experiment/duel");
    assert_eq!(
        story(&mut world, "duel", 12),
        [
            "Creating: InService Creating; InService",
            "Starting: Updating Creating; Updating",
            "Running: InService InService; InService",
        ]
    );
    let test = serving(&mut world);
    assert_eq!(test["ProductionVariants"][0]["DesiredInstanceCount"], 2);
    let shadow = &test["ShadowProductionVariants"][0];
    assert_eq!((&shadow["VariantName"], &shadow["CurrentWeight"]), (&json!("next"), &json!(0.5)));
    assert!(test["EndpointConfigName"].as_str().unwrap().starts_with("duel-"));
    let (_, trail) = call(
        &mut world,
        "cloudtrail",
        "LookupEvents",
        &json!({"LookupAttributes": [
        {"AttributeKey": "Username", "AttributeValue": "SageMaker-InferenceExperiment"}]}),
    );
    let names: Vec<&str> =
        trail["Events"].as_array().unwrap().iter().map(|event| event["EventName"].as_str().unwrap()).collect();
    assert_eq!(names, ["UpdateEndpoint", "CreateEndpointConfig"], "{trail}");

    // Told to be over, it gives the endpoint back as it was.
    let until = described(&mut world, "duel")["Schedule"]["EndTime"].as_f64().unwrap();
    assert!((until - world.now().plus(7 * DAY).secs_f64()).abs() < 3_600.0, "a week where nothing is said");
    let sooner = json!({"Name": "duel", "Schedule": {"EndTime": world.now().plus(HOUR).secs_f64()}});
    ok(&mut world, "UpdateInferenceExperiment", &sooner);
    assert_eq!(described(&mut world, "duel")["Status"], "Running");
    pass(&mut world, HOUR);
    assert_eq!(
        story(&mut world, "duel", 15),
        ["Stopping: Updating Deleting; Updating", "Completed: InService Deleted; InService"]
    );
    let after = serving(&mut world);
    assert_eq!(after["EndpointConfigName"], "own-a");
    assert_eq!(after["ProductionVariants"][0]["CurrentInstanceCount"], 3, "as many as before");
    assert!(after.get("ShadowProductionVariants").is_none());
    assert!(described(&mut world, "duel")["CompletionTime"].is_number());
    assert_eq!(
        refused(&mut world, "StopInferenceExperiment", &stop("duel", "Retain", "Remove")).0,
        "ConflictException"
    );
    ok(&mut world, "DeleteInferenceExperiment", &json!({"Name": "duel"}));
    assert_eq!(refused(&mut world, "DescribeInferenceExperiment", &json!({"Name": "duel"})).0, "ResourceNotFound");
    assert_eq!(serving(&mut world)["EndpointStatus"], "InService");
}

#[test]
fn an_endpoint_in_a_test_belongs_to_it() {
    let mut world = running();
    let weights = |change: Value| json!({"EndpointName": "own", "DesiredWeightsAndCapacities": [change]});
    for (operation, input) in [
        ("UpdateEndpoint", json!({"EndpointName": "own", "EndpointConfigName": "own-a"})),
        ("DeleteEndpoint", json!({"EndpointName": "own"})),
        ("UpdateEndpointWeightsAndCapacities", weights(json!({"VariantName": "next", "DesiredWeight": 1.0}))),
    ] {
        let (code, message) = refused(&mut world, operation, &input);
        assert_eq!(code, "ValidationException");
        assert!(message.contains("inference experiment \"duel\""), "{message}");
    }
    let second = refused(&mut world, "CreateInferenceExperiment", &experiment("other", "own"));
    assert_eq!(second.0, "ResourceInUse");
    for (operation, input) in
        [("StartInferenceExperiment", json!({"Name": "duel"})), ("DeleteInferenceExperiment", json!({"Name": "duel"}))]
    {
        assert_eq!(refused(&mut world, operation, &input).0, "ConflictException", "{operation}");
    }
    // Scaling goes on; a test that is to end has to wait for it.
    ok(
        &mut world,
        "UpdateEndpointWeightsAndCapacities",
        &weights(json!({"VariantName": "live", "DesiredInstanceCount": 4})),
    );
    let (code, message) = refused(&mut world, "StopInferenceExperiment", &stop("duel", "Retain", "Remove"));
    assert_eq!(code, "ConflictException");
    assert!(message.contains("its endpoint is being changed"), "{message}");
}

#[test]
fn a_test_that_waits_can_be_begun_changed_and_given_up() {
    let mut world = own();
    let at = |hours: i64| world.now().plus(hours * HOUR).secs_f64();
    let late = json!({"StartTime": at(3), "EndTime": at(9)});
    let (next, end) = (at(2), at(40 * 24));
    ok(&mut world, "CreateInferenceExperiment", &with(experiment("duel", "own"), "Schedule", late));
    pass(&mut world, MINUTE);
    assert_eq!(story(&mut world, "duel", 5), ["Created: InService Creating; InService"]);
    let changed =
        json!({"Name": "duel", "Schedule": {"StartTime": next}, "ShadowModeConfig": mode(20), "Description": "new"});
    ok(&mut world, "UpdateInferenceExperiment", &changed);
    let told = described(&mut world, "duel");
    assert_eq!((&told["Status"], &told["Description"]), (&json!("Created"), &json!("new")));
    assert_eq!(told["Schedule"]["StartTime"], next);
    let long = json!({"Name": "duel", "Schedule": {"EndTime": end}});
    assert_eq!(refused(&mut world, "UpdateInferenceExperiment", &long).0, "ValidationException");
    // Given up before it began: the endpoint never knew of it.
    ok(&mut world, "StopInferenceExperiment", &stop("duel", "Retain", "Remove"));
    assert_eq!(story(&mut world, "duel", 1), ["Cancelled: InService Deleted; InService"]);
    assert_eq!(serving(&mut world)["EndpointConfigName"], "own-a");

    let late =
        json!({"StartTime": world.now().plus(2 * DAY).secs_f64(), "EndTime": world.now().plus(3 * DAY).secs_f64()});
    ok(&mut world, "CreateInferenceExperiment", &with(experiment("again", "own"), "Schedule", late));
    pass(&mut world, MINUTE);
    ok(&mut world, "StartInferenceExperiment", &json!({"Name": "again"}));
    let told = described(&mut world, "again");
    assert_eq!((&told["Status"], &told["Schedule"]["StartTime"]), (&json!("Starting"), &json!(world.now().secs_f64())));
    pass(&mut world, 10 * MINUTE);
    let more = json!({
        "Name": "again", "ShadowModeConfig": mode(100), "DataStorageConfig": {"Destination": "s3://acme-ml-data/duel"},
    });
    for body in [
        with(more.clone(), "ModelVariants", json!([part("live", "fraud-v17", 2), part("next", "fraud-v16", 1)])),
        with(more.clone(), "Schedule", json!({"StartTime": world.now().plus(DAY).secs_f64()})),
    ] {
        let (code, message) = refused(&mut world, "UpdateInferenceExperiment", &body);
        assert_eq!(code, "ValidationException");
        assert!(message.contains("while it is Running"), "{message}");
    }
    ok(&mut world, "UpdateInferenceExperiment", &more);
    assert_eq!(refused(&mut world, "UpdateInferenceExperiment", &more).0, "ConflictException");
    assert_eq!(
        story(&mut world, "again", 12),
        ["Updating: Updating Updating; Updating", "Running: InService InService; InService"]
    );
    let told = serving(&mut world);
    assert_eq!(told["ShadowProductionVariants"][0]["CurrentWeight"], 1.0);
    assert_eq!(told["DataCaptureConfig"]["DestinationS3Uri"], "s3://acme-ml-data/duel");
}

#[test]
fn experiments_are_listed_and_tagged() {
    let mut world = own();
    endpoint(&mut world, "too");
    let tagged = with(experiment("b-duel", "own"), "Tags", json!([{"Key": "team", "Value": "ml"}]));
    let made = ok(&mut world, "CreateInferenceExperiment", &tagged);
    pass(&mut world, 12 * MINUTE);
    ok(&mut world, "CreateInferenceExperiment", &experiment("a-duel", "too"));
    assert_eq!(refused(&mut world, "CreateInferenceExperiment", &experiment("B-Duel", "too")).0, "ResourceInUse");
    let tags = ok(&mut world, "ListTags", &json!({"ResourceArn": made["InferenceExperimentArn"]}));
    assert_eq!(tags["Tags"], json!([{"Key": "team", "Value": "ml"}]));
    for (input, names) in [
        (json!({}), vec!["a-duel", "b-duel"]),
        (json!({"SortBy": "Name", "SortOrder": "Descending"}), vec!["b-duel", "a-duel"]),
        (json!({"SortBy": "Status", "SortOrder": "Ascending"}), vec!["a-duel", "b-duel"]),
        (json!({"StatusEquals": "Running"}), vec!["b-duel"]),
        (json!({"NameContains": "a-d"}), vec!["a-duel"]),
        (json!({"Type": "ShadowMode", "MaxResults": 1}), vec!["a-duel"]),
        (json!({"CreationTimeBefore": world.now().plus(-MINUTE).secs_f64()}), vec!["b-duel"]),
    ] {
        let told = ok(&mut world, "ListInferenceExperiments", &input);
        let rows = told["InferenceExperiments"].as_array().unwrap();
        let found: Vec<&str> = rows.iter().map(|row| row["Name"].as_str().unwrap()).collect();
        assert_eq!(found, names, "{input}");
    }
    assert_eq!(refused(&mut world, "ListInferenceExperiments", &json!({"SortBy": "Age"})).0, "ValidationException");
}

#[test]
fn how_far_time_is_told_at_once_does_not_matter() {
    let tell = |step: i64| {
        let mut world = own();
        ok(&mut world, "CreateInferenceExperiment", &experiment("duel", "own"));
        let end = world.now().plus(8 * DAY);
        let sooner = json!({"Name": "duel", "Schedule": {"EndTime": world.now().plus(2 * HOUR).secs_f64()}});
        pass(&mut world, 30 * MINUTE);
        ok(&mut world, "UpdateInferenceExperiment", &sooner);
        while world.now() < end.plus(-8 * DAY + 4 * HOUR) {
            world.advance_to(world.now().plus(step).min(end.plus(-8 * DAY + 4 * HOUR)));
        }
        (described(&mut world, "duel").to_string(), serving(&mut world).to_string())
    };
    assert_eq!(tell(4 * HOUR), tell(97_000));
}
