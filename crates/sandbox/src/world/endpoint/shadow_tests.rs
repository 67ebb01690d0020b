//! Shadow variants: where they may stand, what they get, and that nobody is answered by one.

use bytes::Bytes;
use http::Request as HttpRequest;
use mldeck_core::time::{HOUR, MINUTE};
use serde_json::{Value, json};

use crate::{
    World,
    testkit::{authorization, call, ok, pass, refused, world},
};

fn variant(name: &str, model: &str, weight: f64) -> Value {
    json!({
        "VariantName": name, "ModelName": model, "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1,
        "InitialVariantWeight": weight,
    })
}

fn config(name: &str, production: &Value, shadow: &Value) -> Value {
    json!({"EndpointConfigName": name, "ProductionVariants": production, "ShadowProductionVariants": shadow})
}

/// An endpoint `own` of a good model with a bad one as its shadow, which gets two fifths of its calls.
fn shadowed() -> World {
    let mut world = world("bad-canary");
    let mut made =
        config("own-a", &json!([variant("live", "ranking-v31", 2.0)]), &json!([variant("next", "ranking-v32", 0.8)]));
    made["DataCaptureConfig"] = json!({
        "EnableCapture": true, "InitialSamplingPercentage": 100, "DestinationS3Uri": "s3://acme-ml-data/own",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    });
    ok(&mut world, "CreateEndpointConfig", &made);
    ok(&mut world, "CreateEndpoint", &json!({"EndpointName": "own", "EndpointConfigName": "own-a"}));
    pass(&mut world, 10 * MINUTE);
    world
}

fn describe(world: &mut World) -> Value {
    ok(world, "DescribeEndpoint", &json!({"EndpointName": "own"}))
}

/// The sum of a metric of one variant over the hour that is just over.
fn sum(world: &mut World, metric: &str, variant: &str) -> f64 {
    let end = world.now().floor(MINUTE);
    let input = json!({
        "Namespace": "AWS/SageMaker", "MetricName": metric, "Statistics": ["Sum"], "Period": 3600,
        "StartTime": end.plus(-HOUR).secs_f64(), "EndTime": end.secs_f64(),
        "Dimensions": [{"Name": "EndpointName", "Value": "own"}, {"Name": "VariantName", "Value": variant}],
    });
    let (status, told) = call(world, "monitoring", "GetMetricStatistics", &input);
    assert_eq!(status, 200, "{told}");
    let points = told["Datapoints"].as_array().unwrap();
    points.iter().map(|point| point["Sum"].as_f64().unwrap()).sum()
}

#[test]
fn a_shadow_stands_beside_one_production_variant_where_calls_can_be_copied() {
    let mut world = world("quiet-night");
    let container = json!({"Image": "own:1", "ModelDataUrl": "s3://elsewhere/models/"});
    for (model, body) in [
        (
            "many",
            json!({"PrimaryContainer": {"Image": "own:1", "Mode": "MultiModel", "ModelDataUrl": "s3://elsewhere/models/"}}),
        ),
        ("two", json!({"Containers": [container, container]})),
    ] {
        let mut made = body;
        made["ModelName"] = json!(model);
        made["ExecutionRoleArn"] = json!("arn:aws:iam::447100000921:role/SageMakerExecution");
        ok(&mut world, "CreateModel", &made);
    }
    let live = || variant("live", "fraud-v17", 1.0);
    let next = || variant("next", "fraud-v18", 1.0);
    let with = |mut body: Value, member: &str, value: Value| {
        body[member] = value;
        body
    };
    let serverless = json!({
        "VariantName": "next", "ModelName": "fraud-v18", "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5},
    });
    let bare = json!({"VariantName": "live", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1});
    let inf1 = with(next(), "InstanceType", json!("ml.inf1.xlarge"));
    let output = json!({"OutputConfig": {"S3OutputPath": "s3://own/async"}});
    for (body, said) in [
        (config("c", &json!([]), &json!([next()])), "productionVariants"),
        (config("c", &json!([live(), variant("b", "fraud-v17", 1.0)]), &json!([next()])), "one production variant"),
        (config("c", &json!([live()]), &json!([next(), variant("b", "fraud-v17", 1.0)])), "one shadow variant"),
        (config("c", &json!([live()]), &json!([variant("live", "fraud-v18", 1.0)])), "Duplicate variant name: live"),
        (config("c", &json!([live()]), &json!([variant("next", "no-such", 1.0)])), "Could not find model"),
        (config("c", &json!([live()]), &json!([variant("next", "fraud-v18", -1.0)])), "initialVariantWeight"),
        (
            config("c", &json!([live()]), &json!([with(next(), "InitialInstanceCount", json!(0))])),
            "initialInstanceCount",
        ),
        (config("c", &json!([live()]), &json!([serverless])), "serverless inference"),
        (config("c", &json!([live()]), &json!([inf1])), "Inf1 instances"),
        (config("c", &json!([live()]), &json!([variant("next", "many", 1.0)])), "multi-model endpoints"),
        (config("c", &json!([variant("live", "two", 1.0)]), &json!([next()])), "multi-container endpoints"),
        (config("c", &json!([bare]), &json!([next()])), "inference components"),
        (
            with(config("c", &json!([live()]), &json!([next()])), "AsyncInferenceConfig", output),
            "asynchronous inference",
        ),
    ] {
        let (code, message) = refused(&mut world, "CreateEndpointConfig", &body);
        assert_eq!(code, "ValidationException", "{message}");
        assert!(message.contains(said), "{said}: {message}");
    }
    ok(&mut world, "CreateEndpointConfig", &config("c", &json!([live()]), &json!([next()])));
    let told = ok(&mut world, "DescribeEndpointConfig", &json!({"EndpointConfigName": "c"}));
    assert_eq!(told["ShadowProductionVariants"][0]["ModelName"], "fraud-v18");
}

#[test]
fn a_bad_shadow_shows_in_its_own_metrics_and_logs_only() {
    let mut world = shadowed();
    pass(&mut world, 70 * MINUTE);
    let (live, next) = (sum(&mut world, "Invocations", "live"), sum(&mut world, "Invocations", "next"));
    assert!(live > 1_000.0, "{live}");
    // To the call: rounded once a minute.
    assert!((next - 0.4 * live).abs() <= 60.0, "{next} copies of {live} calls");
    let errors = |world: &mut World, variant: &str| sum(world, "Invocation5XXErrors", variant);
    assert!(errors(&mut world, "next") > 0.08 * next);
    assert!(errors(&mut world, "live") < 0.01 * live);
    let (status, told) =
        call(&mut world, "logs", "DescribeLogStreams", &json!({"logGroupName": "/aws/sagemaker/Endpoints/own"}));
    assert_eq!(status, 200, "{told}");
    let streams: Vec<&str> =
        told["logStreams"].as_array().unwrap().iter().map(|stream| stream["logStreamName"].as_str().unwrap()).collect();
    assert!(streams.iter().any(|stream| stream.starts_with("next/i-")), "{streams:?}");
    let failed = json!({"logGroupName": "/aws/sagemaker/Endpoints/own", "filterPattern": "Traceback", "logStreamNamePrefix": "next/"});
    let (_, told) = call(&mut world, "logs", "FilterLogEvents", &failed);
    assert!(!told["events"].as_array().unwrap().is_empty(), "{told}");
    let (_, told) = call(&mut world, "monitoring", "ListMetrics", &json!({"MetricName": "CPUUtilization"}));
    assert!(told.to_string().contains(r#""Value":"next""#), "its instances are measured");
}

#[test]
fn callers_are_answered_by_production_and_copies_are_captured() {
    let mut world = shadowed();
    let ask = |world: &mut World, headers: &[(&str, &str)]| {
        let mut request =
            HttpRequest::post("/endpoints/own/invocations").header("authorization", authorization("sagemaker"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        world.handle(&request.body(Bytes::from_static(b"1,2")).unwrap())
    };
    let mut failed = 0;
    for _ in 0..300 {
        let answer = ask(&mut world, &[]);
        failed += usize::from(answer.status() != 200);
        let who = answer.headers().get("x-amzn-invoked-production-variant");
        assert!(who.is_none_or(|who| who == "live"), "{who:?}");
    }
    assert!(failed < 5, "{failed} of 300 failed beside a shadow of which every eighth does");
    let refusal = ask(&mut world, &[("x-amzn-sagemaker-target-variant", "next")]);
    assert_eq!(refusal.status(), 400);
    assert!(String::from_utf8_lossy(refusal.body()).contains("Variant next of endpoint own"));
    let lines = |world: &World, variant: &str| {
        let folder = format!("own/own/{variant}/");
        let files = world.s3.list("acme-ml-data", &folder);
        files
            .map(|(_, file)| file.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count())
            .sum::<usize>()
    };
    let (live, next) = (lines(&world, "live"), lines(&world, "next"));
    assert_eq!(live, 300 - failed);
    assert!((60..140).contains(&next), "two fifths of {live}, without those that failed: {next}");
}

#[test]
fn what_a_monitored_endpoint_captures_is_shared_out_to_its_shadow() {
    let mut world = world("quiet-night");
    let before = ok(&mut world, "DescribeEndpointConfig", &json!({"EndpointConfigName": "fraud-v17-a"}));
    let mut made = config("own-fraud", &before["ProductionVariants"], &json!([variant("next", "fraud-v18", 0.25)]));
    made["DataCaptureConfig"] = before["DataCaptureConfig"].clone();
    ok(&mut world, "CreateEndpointConfig", &made);
    ok(&mut world, "UpdateEndpoint", &json!({"EndpointName": "fraud-prod", "EndpointConfigName": "own-fraud"}));
    pass(&mut world, 4 * HOUR);
    let mut lines = |variant: &str| {
        let folder = format!("fraud/capture/fraud-prod/{variant}/");
        crate::world::monitor::materialize(&mut world, "acme-ml-data", &folder, false);
        let keys: Vec<String> = world.s3.list("acme-ml-data", &folder).map(|(key, _)| key.to_owned()).collect();
        let mut rows: Vec<String> = Vec::new();
        // The newest files, of the same minutes for both.
        for key in keys.into_iter().rev().take(6) {
            crate::world::monitor::materialize(&mut world, "acme-ml-data", &key, true);
            let body = world.s3.get("acme-ml-data", &key).map(|object| object.body.clone()).unwrap_or_default();
            rows.extend(String::from_utf8_lossy(&body).lines().map(str::to_owned));
        }
        rows
    };
    let (live, next) = (lines("blue"), lines("next"));
    assert!(!next.is_empty());
    assert!(next.iter().all(|row| live.contains(row)), "copies of what production was asked");
    assert!(next.len() < live.len(), "{} of {}", next.len(), live.len());
}

#[test]
fn a_shadow_comes_changes_and_goes_with_configs_and_weights() {
    let mut world = shadowed();
    let told = describe(&mut world);
    assert_eq!(told["ProductionVariants"].as_array().unwrap().len(), 1);
    let shadow = &told["ShadowProductionVariants"][0];
    assert_eq!((&shadow["VariantName"], &shadow["CurrentWeight"]), (&json!("next"), &json!(0.8)));
    assert!(shadow["DeployedImages"][0]["ResolvedImage"].as_str().unwrap().contains("@sha256:"));
    let (_, found) = call(
        &mut world,
        "sagemaker",
        "Search",
        &json!({"Resource": "Endpoint", "SearchExpression": {
        "Filters": [{"Name": "EndpointName", "Operator": "Equals", "Value": "own"}]}}),
    );
    assert_eq!(found["Results"][0]["Endpoint"]["ShadowProductionVariants"][0]["VariantName"], "next", "{found}");

    let weights = |changes: Value| json!({"EndpointName": "own", "DesiredWeightsAndCapacities": changes});
    let none = weights(json!([{"VariantName": "live", "DesiredWeight": 0.0}]));
    let (_, message) = refused(&mut world, "UpdateEndpointWeightsAndCapacities", &none);
    assert!(message.contains("sum of the weights"), "a shadow answers nobody: {message}");
    let more = weights(json!([{"VariantName": "next", "DesiredWeight": 9.0, "DesiredInstanceCount": 2}]));
    ok(&mut world, "UpdateEndpointWeightsAndCapacities", &more);
    pass(&mut world, 70 * MINUTE);
    let shadow = describe(&mut world)["ShadowProductionVariants"][0].clone();
    assert_eq!((&shadow["CurrentWeight"], &shadow["CurrentInstanceCount"]), (&json!(9.0), &json!(2)));
    let (live, next) = (sum(&mut world, "Invocations", "live"), sum(&mut world, "Invocations", "next"));
    assert!(next <= live, "never more than all calls: {next} of {live}");

    let rolling = json!({"RollingUpdatePolicy": {
        "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50}, "WaitIntervalInSeconds": 60}});
    let mut update = json!({"EndpointName": "own", "EndpointConfigName": "own-a", "DeploymentConfig": rolling});
    let (_, message) = refused(&mut world, "UpdateEndpoint", &update);
    assert!(message.contains("several variants"), "{message}");
    // What was the shadow serves, and the one that served goes: the names of production stay the same.
    let made =
        config("own-b", &json!([variant("live", "ranking-v32", 1.0)]), &json!([variant("old", "ranking-v31", 0.5)]));
    ok(&mut world, "CreateEndpointConfig", &made);
    update = json!({
        "EndpointName": "own", "EndpointConfigName": "own-b", "RetainAllVariantProperties": true,
        "DeploymentConfig": {"BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 60}}},
    });
    ok(&mut world, "UpdateEndpoint", &update);
    let pending = &describe(&mut world)["PendingDeploymentSummary"];
    assert_eq!(pending["ShadowProductionVariants"][0]["VariantName"], "old", "{pending}");
    assert_eq!(pending["ShadowProductionVariants"][0]["VariantStatus"][0]["Status"], "Creating");
    pass(&mut world, 20 * MINUTE);
    let told = describe(&mut world);
    assert_eq!((&told["EndpointStatus"], &told["EndpointConfigName"]), (&json!("InService"), &json!("own-b")));
    assert_eq!(told["ShadowProductionVariants"][0]["CurrentWeight"], 0.5);
    ok(
        &mut world,
        "CreateEndpointConfig",
        &json!({
        "EndpointConfigName": "own-c", "ProductionVariants": [variant("live", "ranking-v31", 1.0)]}),
    );
    ok(&mut world, "UpdateEndpoint", &json!({"EndpointName": "own", "EndpointConfigName": "own-c"}));
    pass(&mut world, 20 * MINUTE);
    assert!(describe(&mut world).get("ShadowProductionVariants").is_none());
}
