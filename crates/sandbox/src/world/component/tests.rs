use mldeck_core::time::{MINUTE, SECOND};
use serde_json::{Value, json};

use super::room;
use crate::{
    World,
    testkit::{authorization, call, ok, pass, refused, world},
};

/// An account with an endpoint of two instances with four accelerators each, and nothing on them.
fn shared() -> World {
    let mut world = world("quiet-night");
    let variant = json!({"VariantName": "main", "InstanceType": "ml.g5.12xlarge", "InitialInstanceCount": 2});
    let mut config = json!({"EndpointConfigName": "shared-a", "ProductionVariants": [variant]});
    assert!(refused(&mut world, "CreateEndpointConfig", &config).1.contains("ExecutionRoleArn"));
    config["ExecutionRoleArn"] = "arn:aws:iam::447100000921:role/SageMakerExecution".into();
    ok(&mut world, "CreateEndpointConfig", &config);
    ok(&mut world, "CreateEndpoint", &json!({"EndpointName": "shared", "EndpointConfigName": "shared-a"}));
    pass(&mut world, 6 * MINUTE);
    world
}

fn wanted(name: &str, model: &str, accelerators: i64, copies: i64) -> Value {
    json!({
        "InferenceComponentName": name, "EndpointName": "shared", "VariantName": "main",
        "Specification": {
            "ModelName": model,
            "ComputeResourceRequirements": {
                "NumberOfAcceleratorDevicesRequired": accelerators, "MinMemoryRequiredInMb": 4096
            },
        },
        "RuntimeConfig": {"CopyCount": copies},
    })
}

fn told(world: &mut World, name: &str) -> Value {
    ok(world, "DescribeInferenceComponent", &json!({"InferenceComponentName": name}))
}

fn status(world: &mut World, name: &str) -> String {
    told(world, name)["InferenceComponentStatus"].as_str().unwrap().to_owned()
}

/// Sum of a metric over the last ten minutes.
fn sum(world: &mut World, metric: &str, dimensions: &[(&str, &str)]) -> f64 {
    let dimensions: Vec<Value> = dimensions.iter().map(|(name, value)| json!({"Name": name, "Value": value})).collect();
    let input = json!({
        "StartTime": world.now().plus(-10 * MINUTE).secs_f64(), "EndTime": world.now().secs_f64(),
        "MetricDataQueries": [{"Id": "m", "MetricStat": {
            "Metric": {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions},
            "Period": 60, "Stat": "Sum",
        }}],
    });
    let (code, body) = call(world, "monitoring", "GetMetricData", &input);
    assert_eq!(code, 200, "{body}");
    body["MetricDataResults"][0]["Values"].as_array().unwrap().iter().filter_map(Value::as_f64).sum()
}

#[test]
fn components_share_the_instances_of_an_endpoint() {
    let mut world = shared();
    ok(&mut world, "CreateInferenceComponent", &wanted("one", "fraud-v17", 2, 2));
    ok(&mut world, "CreateInferenceComponent", &wanted("two", "churn-v7", 1, 1));
    assert_eq!(status(&mut world, "one"), "Creating");
    pass(&mut world, 20 * MINUTE);
    assert_eq!(
        (status(&mut world, "one"), status(&mut world, "two")),
        ("InService".to_owned(), "InService".to_owned())
    );
    let of = |name| [("InferenceComponentName", name)];
    let (one, two) = (sum(&mut world, "Invocations", &of("one")), sum(&mut world, "Invocations", &of("two")));
    let all = sum(&mut world, "Invocations", &[("EndpointName", "shared"), ("VariantName", "main")]);
    assert!(one > 0.0 && two > 0.0 && (one + two - all).abs() < 1e-6, "{one} + {two} = {all}");
    let per_copy = sum(&mut world, "InvocationsPerCopy", &of("one"));
    assert!((per_copy * 2.0 - one).abs() < 1e-6, "{per_copy} on each of two");
    let listed = ok(&mut world, "ListInferenceComponents", &json!({"EndpointNameEquals": "shared", "SortBy": "Name"}));
    let names: Vec<&str> = listed["InferenceComponents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["InferenceComponentName"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["two", "one"]);
    let message = refused(&mut world, "DeleteEndpoint", &json!({"EndpointName": "shared"})).1;
    assert!(message.contains("one, two"), "{message}");
    for name in names {
        ok(&mut world, "DeleteInferenceComponent", &json!({"InferenceComponentName": name}));
    }
    pass(&mut world, MINUTE);
    assert!(
        refused(&mut world, "DescribeInferenceComponent", &json!({"InferenceComponentName": "one"}))
            .1
            .contains("Could not find")
    );
    ok(&mut world, "DeleteEndpoint", &json!({"EndpointName": "shared"}));
}

#[test]
fn an_update_rolls_over_the_copies_and_an_alarm_takes_it_back() {
    let mut world = shared();
    world.scenario.behaviours.push(serde_json::from_value(json!({"model": "fraud-v18", "errors": 0.4})).unwrap());
    ok(&mut world, "CreateInferenceComponent", &wanted("one", "fraud-v17", 1, 4));
    pass(&mut world, 5 * MINUTE);
    let alarm = json!({
        "AlarmName": "one-5xx", "Namespace": "AWS/SageMaker", "MetricName": "Invocation5XXErrors", "Statistic": "Sum",
        "Dimensions": [{"Name": "InferenceComponentName", "Value": "one"}], "Period": 60, "EvaluationPeriods": 2,
        "Threshold": 3.0, "ComparisonOperator": "GreaterThanThreshold",
    });
    assert_eq!(call(&mut world, "monitoring", "PutMetricAlarm", &alarm).0, 200);
    let mut update = wanted("one", "fraud-v18", 1, 4);
    for member in ["EndpointName", "VariantName", "RuntimeConfig"] {
        update.as_object_mut().unwrap().remove(member);
    }
    update["DeploymentConfig"] = json!({
        "RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1}, "WaitIntervalInSeconds": 600},
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "no-such"}]},
    });
    assert!(refused(&mut world, "UpdateInferenceComponent", &update).1.contains("no-such"));
    update["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"][0]["AlarmName"] = "one-5xx".into();
    ok(&mut world, "UpdateInferenceComponent", &update);
    assert!(refused(&mut world, "UpdateInferenceComponent", &update).1.contains("in-progress"));
    assert_eq!(told(&mut world, "one")["Specification"]["ModelName"], "fraud-v17", "in force until the end");
    pass(&mut world, 20 * MINUTE);
    let body = told(&mut world, "one");
    assert_eq!(
        (&body["InferenceComponentStatus"], &body["Specification"]["ModelName"]),
        (&json!("InService"), &json!("fraud-v17"))
    );
    assert!(body["FailureReason"].as_str().unwrap().contains("one-5xx"), "{body}");
    update.as_object_mut().unwrap().remove("DeploymentConfig");
    ok(&mut world, "UpdateInferenceComponent", &update);
    pass(&mut world, 10 * MINUTE);
    let body = told(&mut world, "one");
    assert_eq!((&body["Specification"]["ModelName"], body.get("FailureReason")), (&json!("fraud-v18"), None), "{body}");
    assert_eq!(body["RuntimeConfig"], json!({"DesiredCopyCount": 4, "CurrentCopyCount": 4}));
}

#[test]
fn copies_that_find_no_room_wait_and_are_given_up() {
    let mut world = shared();
    ok(&mut world, "CreateInferenceComponent", &wanted("one", "fraud-v17", 3, 2));
    pass(&mut world, 5 * MINUTE);
    // Two accelerators are free, one on each instance.
    ok(&mut world, "CreateInferenceComponent", &wanted("wide", "churn-v7", 2, 1));
    ok(&mut world, "CreateInferenceComponent", &wanted("slim", "churn-v7", 1, 2));
    pass(&mut world, 20 * MINUTE);
    assert_eq!(
        (status(&mut world, "wide"), status(&mut world, "slim")),
        ("Creating".to_owned(), "InService".to_owned())
    );
    pass(&mut world, 20 * MINUTE);
    let body = told(&mut world, "wide");
    assert_eq!(body["InferenceComponentStatus"], "Failed");
    assert!(body["FailureReason"].as_str().unwrap().contains("hardware resources"), "{body}");
    let more = json!({"InferenceComponentName": "slim", "DesiredRuntimeConfig": {"CopyCount": 3}});
    ok(&mut world, "UpdateInferenceComponentRuntimeConfig", &more);
    pass(&mut world, 40 * MINUTE);
    let body = told(&mut world, "slim");
    assert_eq!(body["RuntimeConfig"]["CurrentCopyCount"], 2, "it serves on as it did: {body}");
    assert_eq!(body["InferenceComponentStatus"], "InService");
    let none = json!({"InferenceComponentName": "slim", "DesiredRuntimeConfig": {"CopyCount": 0}});
    ok(&mut world, "UpdateInferenceComponentRuntimeConfig", &none);
    pass(&mut world, 5 * MINUTE);
    assert_eq!(told(&mut world, "slim")["RuntimeConfig"]["CurrentCopyCount"], 0);
}

/// What waits for room starts when there is some, and not before; and it does not matter how often that is looked at.
#[test]
fn copies_that_waited_start_when_others_go() {
    let told = |step: i64| {
        let mut world = shared();
        ok(&mut world, "CreateInferenceComponent", &wanted("one", "fraud-v17", 4, 2));
        pass(&mut world, 5 * MINUTE);
        ok(&mut world, "CreateInferenceComponent", &wanted("two", "churn-v7", 4, 1));
        pass(&mut world, 10 * MINUTE);
        ok(&mut world, "DeleteInferenceComponent", &json!({"InferenceComponentName": "one"}));
        let mut seen = Vec::new();
        for _ in 0..10 * MINUTE / step {
            pass(&mut world, step);
            seen.push(status(&mut world, "two"));
        }
        assert_eq!(seen.first().map(String::as_str), Some("Creating"));
        (seen.last().cloned(), told(&mut world, "two")["LastModifiedTime"].clone())
    };
    assert_eq!(told(MINUTE).0.as_deref(), Some("InService"));
    assert_eq!(told(MINUTE), told(20 * SECOND));
}

/// An update that brings more copies waits for their room as any other change does, and ends without it.
#[test]
fn an_update_that_finds_no_room_is_given_up_and_one_that_waited_goes_on() {
    let mut world = shared();
    ok(&mut world, "CreateInferenceComponent", &wanted("one", "fraud-v17", 2, 2));
    ok(&mut world, "CreateInferenceComponent", &wanted("two", "churn-v7", 2, 1));
    pass(&mut world, 5 * MINUTE);
    let mut update = wanted("one", "fraud-v18", 2, 4);
    for member in ["EndpointName", "VariantName"] {
        update.as_object_mut().unwrap().remove(member);
    }
    ok(&mut world, "UpdateInferenceComponent", &update);
    pass(&mut world, 29 * MINUTE);
    assert_eq!(status(&mut world, "one"), "Updating");
    pass(&mut world, 2 * MINUTE);
    let body = told(&mut world, "one");
    assert_eq!(
        (&body["InferenceComponentStatus"], &body["RuntimeConfig"]["CurrentCopyCount"]),
        (&json!("InService"), &json!(2))
    );
    assert_eq!(body["Specification"]["ModelName"], "fraud-v17", "it serves on as it did: {body}");
    assert!(body["FailureReason"].as_str().unwrap().contains("hardware resources"), "{body}");
    ok(&mut world, "UpdateInferenceComponent", &update);
    pass(&mut world, 3 * MINUTE);
    ok(&mut world, "DeleteInferenceComponent", &json!({"InferenceComponentName": "two"}));
    pass(&mut world, 20 * MINUTE);
    let body = told(&mut world, "one");
    assert_eq!(
        (&body["Specification"]["ModelName"], &body["RuntimeConfig"]["CurrentCopyCount"]),
        (&json!("fraud-v18"), &json!(4))
    );
    // The room of its four copies is taken.
    ok(&mut world, "CreateInferenceComponent", &wanted("three", "churn-v7", 1, 1));
    pass(&mut world, 40 * MINUTE);
    assert_eq!(status(&mut world, "three"), "Failed");
}

#[test]
fn room_that_comes_within_a_minute_is_seen_at_its_end_however_time_is_told() {
    let told = |step: i64| {
        let mut world = shared();
        ok(&mut world, "CreateInferenceComponent", &wanted("two", "fraud-v17", 4, 2));
        pass(&mut world, 5 * MINUTE + 10 * SECOND);
        ok(&mut world, "DeleteInferenceComponent", &json!({"InferenceComponentName": "two"}));
        // Looked at before the other one in the order of names, while that ends in the same minute.
        ok(&mut world, "CreateInferenceComponent", &wanted("one", "churn-v7", 4, 1));
        for _ in 0..10 * MINUTE / step {
            pass(&mut world, step);
        }
        told(&mut world, "one")
    };
    assert_eq!(told(10 * SECOND)["InferenceComponentStatus"], "InService");
    assert_eq!(told(10 * SECOND), told(10 * MINUTE));
}

#[test]
fn nobody_has_copies_without_number() {
    let mut world = shared();
    // A thousand copies of half a gigabyte do not fit into 384.
    let mut wide = wanted("wide", "fraud-v17", 1, 1_000);
    wide["Specification"]["ComputeResourceRequirements"] = json!({"MinMemoryRequiredInMb": 512});
    ok(&mut world, "CreateInferenceComponent", &wide);
    pass(&mut world, 40 * MINUTE);
    assert_eq!(status(&mut world, "wide"), "Failed");
    let many = refused(&mut world, "CreateInferenceComponent", &wanted("one", "fraud-v17", 1, i64::from(i32::MAX)));
    assert_eq!(many.0, "ResourceLimitExceeded");
    ok(&mut world, "CreateInferenceComponent", &wanted("one", "fraud-v17", 1, 1));
    pass(&mut world, 5 * MINUTE);
    let scale = json!({"InferenceComponentName": "one", "DesiredRuntimeConfig": {"CopyCount": i32::MAX}});
    assert_eq!(refused(&mut world, "UpdateInferenceComponentRuntimeConfig", &scale).0, "ResourceLimitExceeded");
    let update = json!({
        "InferenceComponentName": "one", "Specification": wanted("one", "fraud-v18", 1, 1)["Specification"],
        "RuntimeConfig": {"CopyCount": 1_000_000_000},
        "DeploymentConfig": {"RollingUpdatePolicy": {
            "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1}, "WaitIntervalInSeconds": 0,
        }},
    });
    assert_eq!(refused(&mut world, "UpdateInferenceComponent", &update).0, "ResourceLimitExceeded");
}

/// What needs no more room than it has is not held up by a fleet that became too small.
#[test]
fn a_fleet_that_shrank_does_not_keep_components_from_changing() {
    let mut world = shared();
    ok(&mut world, "CreateInferenceComponent", &wanted("one", "fraud-v17", 4, 2));
    pass(&mut world, 5 * MINUTE);
    let fewer = json!({"EndpointName": "shared", "DesiredWeightsAndCapacities": [{"VariantName": "main", "DesiredInstanceCount": 1}]});
    ok(&mut world, "UpdateEndpointWeightsAndCapacities", &fewer);
    pass(&mut world, 5 * MINUTE);
    let one = json!({"InferenceComponentName": "one", "DesiredRuntimeConfig": {"CopyCount": 1}});
    ok(&mut world, "UpdateInferenceComponentRuntimeConfig", &one);
    pass(&mut world, 5 * MINUTE);
    assert_eq!(told(&mut world, "one")["RuntimeConfig"]["CurrentCopyCount"], 1);
    ok(&mut world, "DeleteInferenceComponent", &json!({"InferenceComponentName": "one"}));
    pass(&mut world, MINUTE);
    assert!(
        refused(&mut world, "DescribeInferenceComponent", &json!({"InferenceComponentName": "one"}))
            .1
            .contains("Could not find")
    );
}

#[test]
fn a_component_answers_who_names_it() {
    let mut world = shared();
    world.scenario.behaviours.push(serde_json::from_value(json!({"model": "fraud-v18", "errors": 1.0})).unwrap());
    ok(&mut world, "CreateInferenceComponent", &wanted("well", "fraud-v17", 1, 1));
    ok(&mut world, "CreateInferenceComponent", &wanted("sick", "fraud-v18", 1, 1));
    pass(&mut world, 10 * MINUTE);
    let mut ask = |component: Option<&str>| {
        let request =
            http::Request::post("/endpoints/shared/invocations").header("authorization", authorization("sagemaker"));
        let request = match component {
            Some(name) => request.header("x-amzn-sagemaker-inference-component", name),
            None => request,
        };
        let response = world.handle(&request.body(bytes::Bytes::from_static(b"1,2,3")).unwrap());
        (response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned())
    };
    assert_eq!(ask(Some("well")).0, 200);
    assert_eq!(ask(Some("sick")).0, 424);
    assert!(ask(Some("no-such")).1.contains("not found"));
    assert!(ask(None).1.contains("Inference Component Name header is required"));
}

#[test]
fn an_adapter_lives_in_the_copies_of_its_base() {
    let mut world = shared();
    ok(&mut world, "CreateInferenceComponent", &wanted("base", "fraud-v17", 2, 3));
    let adapter = |base: &str, artifact: &str| {
        json!({
            "InferenceComponentName": "adapter", "EndpointName": "shared",
            "Specification": {"BaseInferenceComponentName": base, "Container": {"ArtifactUrl": artifact}},
        })
    };
    let first = adapter("base", "s3://acme-adapters/v1/adapter.tar.gz");
    assert!(refused(&mut world, "CreateInferenceComponent", &first).1.contains("must be InService"));
    pass(&mut world, 6 * MINUTE);
    let mut both = first.clone();
    both["RuntimeConfig"] = json!({"CopyCount": 1});
    assert!(refused(&mut world, "CreateInferenceComponent", &both).1.contains("RuntimeConfig is not supported"));
    ok(&mut world, "CreateInferenceComponent", &first);
    pass(&mut world, 6 * MINUTE);
    assert_eq!(told(&mut world, "adapter")["RuntimeConfig"]["CurrentCopyCount"], 3);
    let message = refused(&mut world, "DeleteInferenceComponent", &json!({"InferenceComponentName": "base"})).1;
    assert!(message.contains("adapter"), "{message}");
    let mut second = adapter("base", "s3://acme-adapters/v2/adapter.tar.gz");
    second.as_object_mut().unwrap().remove("EndpointName");
    ok(&mut world, "UpdateInferenceComponent", &second);
    pass(&mut world, 4 * MINUTE);
    assert_eq!(
        told(&mut world, "adapter")["Specification"]["Container"]["ArtifactUrl"],
        "s3://acme-adapters/v2/adapter.tar.gz"
    );
    assert_eq!(
        told(&mut world, "adapter")["InferenceComponentStatus"],
        "InService",
        "an adapter is loaded, nothing is started"
    );
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let mut world = shared();
    let mut on_model = wanted("one", "fraud-v17", 1, 1);
    on_model["EndpointName"] = "fraud-prod".into();
    on_model["VariantName"] = "blue".into();
    assert!(
        refused(&mut world, "CreateInferenceComponent", &on_model)
            .1
            .starts_with("Inference Components are not supported")
    );
    let mut both = wanted("one", "fraud-v17", 1, 1);
    both["Specification"]["Container"] = json!({"Image": "x:1"});
    assert!(
        refused(&mut world, "CreateInferenceComponent", &both).1.contains("Exactly one of ModelName and Container")
    );
    assert!(
        refused(&mut world, "CreateInferenceComponent", &wanted("one", "no-such", 1, 1))
            .1
            .contains("Could not find model")
    );
    ok(&mut world, "CreateInferenceComponent", &wanted("one", "fraud-v17", 1, 1));
    assert!(
        refused(&mut world, "CreateInferenceComponent", &wanted("one", "fraud-v17", 1, 1))
            .1
            .contains("already existing")
    );
    let busy = json!({"InferenceComponentName": "one"});
    assert!(refused(&mut world, "DeleteInferenceComponent", &busy).1.contains("in-progress"));
}

#[test]
fn a_component_logs_to_a_group_of_its_own() {
    let mut world = shared();
    ok(&mut world, "CreateInferenceComponent", &wanted("one", "fraud-v17", 1, 2));
    pass(&mut world, 10 * MINUTE + SECOND);
    let group = "/aws/sagemaker/InferenceComponents/one";
    let (_, found) = call(&mut world, "logs", "DescribeLogGroups", &json!({"logGroupNamePrefix": group}));
    assert_eq!(found["logGroups"][0]["logGroupName"], group);
    let (_, body) = call(&mut world, "logs", "FilterLogEvents", &json!({"logGroupName": group}));
    let events = body["events"].as_array().unwrap();
    assert!(events.iter().any(|event| event["message"].as_str().unwrap().contains("model=fraud-v17")), "{body}");
}

#[test]
fn instances_have_the_room_of_their_size() {
    let of = |kind: &str| format!("{:?}", room::of_instance(kind));
    assert_eq!(of("ml.g5.12xlarge"), "Some(Room { cores: 48.0, accelerators: 4, megabytes: 196608 })");
    assert_eq!(of("ml.m5.xlarge"), "Some(Room { cores: 4.0, accelerators: 0, megabytes: 16384 })");
    assert_eq!(of("ml.p4d.24xlarge"), "Some(Room { cores: 96.0, accelerators: 8, megabytes: 1081344 })");
    assert_eq!(of("ml.inf2.48xlarge"), "Some(Room { cores: 192.0, accelerators: 12, megabytes: 786432 })");
    assert_eq!(of("ml.unheard.of"), "None");
}
