use mldeck_core::time::{MINUTE, SECOND};
use serde_json::{Value, json};

use crate::{
    World,
    testkit::{call, ok, pass, refused, world},
};

fn describe(world: &mut World, name: &str) -> Value {
    ok(world, "DescribeEndpoint", &json!({"EndpointName": name}))
}

/// `status config stage pending`, as one line.
fn state(world: &mut World, name: &str) -> String {
    let body = describe(world, name);
    let pending = &body["PendingDeploymentSummary"];
    let stage = pending["ProductionVariants"][0]["VariantStatus"][0]["Status"]
        .as_str()
        .or_else(|| body["ProductionVariants"][0]["VariantStatus"][0]["Status"].as_str());
    format!(
        "{} {} {} {}",
        body["EndpointStatus"].as_str().unwrap(),
        body["EndpointConfigName"].as_str().unwrap(),
        stage.unwrap_or("-"),
        pending["EndpointConfigName"].as_str().unwrap_or("-")
    )
}

/// The states an endpoint goes through, looked at every ten seconds, without repetitions.
fn story(world: &mut World, name: &str, minutes: i64) -> Vec<String> {
    let mut seen = vec![state(world, name)];
    for _ in 0..minutes * 6 {
        pass(world, 10 * SECOND);
        let now = state(world, name);
        if seen.last() != Some(&now) {
            seen.push(now);
        }
    }
    seen
}

fn canary(alarms: &[&str], wait: i64, termination: i64) -> Value {
    let alarms: Vec<Value> = alarms.iter().map(|name| json!({"AlarmName": name})).collect();
    json!({
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": wait,
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 25},
            },
            "TerminationWaitInSeconds": termination,
        },
        "AutoRollbackConfiguration": {"Alarms": alarms},
    })
}

fn update(world: &mut World, config: &str, deployment: Option<Value>) -> Value {
    let mut input = json!({
        "EndpointName": "fraud-prod", "EndpointConfigName": config, "RetainAllVariantProperties": true
    });
    if let Some(deployment) = deployment {
        input["DeploymentConfig"] = deployment;
    }
    ok(world, "UpdateEndpoint", &input)
}

#[test]
fn all_at_once_without_a_policy() {
    let mut world = world("quiet-night");
    update(&mut world, "fraud-v18-c", None);
    assert_eq!(
        story(&mut world, "fraud-prod", 10),
        [
            "Updating fraud-v17-a Creating fraud-v18-c",
            "Updating fraud-v17-a ActivatingTraffic fraud-v18-c",
            "Updating fraud-v17-a Deleting fraud-v18-c",
            "InService fraud-v18-c - -",
        ]
    );
    let body = describe(&mut world, "fraud-prod");
    assert_eq!(body["ProductionVariants"][0]["CurrentInstanceCount"], 6, "the autoscaled count was kept");
    assert!(body.get("FailureReason").is_none());
    assert!(body.get("LastDeploymentConfig").is_none());
    let image = body["ProductionVariants"][0]["DeployedImages"][0]["ResolvedImage"].as_str().unwrap();
    assert!(image.contains("fraud-serve@sha256:"), "{image}");
}

#[test]
fn counts_of_the_config_come_back_when_they_are_not_retained() {
    let mut world = world("quiet-night");
    let input = json!({"EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v18-c"});
    ok(&mut world, "UpdateEndpoint", &input);
    // Some minutes later autoscaling mends it.
    pass(&mut world, 7 * MINUTE);
    assert_eq!(describe(&mut world, "fraud-prod")["ProductionVariants"][0]["DesiredInstanceCount"], 2);
}

#[test]
fn a_canary_bakes_twice_and_waits_before_it_ends() {
    let mut world = world("quiet-night");
    update(&mut world, "fraud-v18-c", Some(canary(&["fraud-5xx"], 120, 60)));
    let stages = story(&mut world, "fraud-prod", 14);
    let stages: Vec<&str> = stages.iter().map(|line| line.split(' ').nth(2).unwrap()).collect();
    assert_eq!(stages, ["Creating", "ActivatingTraffic", "Baking", "ActivatingTraffic", "Baking", "Deleting", "-"]);
    let body = describe(&mut world, "fraud-prod");
    assert_eq!(body["EndpointConfigName"], "fraud-v18-c");
    assert_eq!(body["LastDeploymentConfig"], canary(&["fraud-5xx"], 120, 60));
}

#[test]
fn a_baking_stage_says_how_long_it_takes() {
    let mut world = world("quiet-night");
    update(&mut world, "fraud-v18-c", Some(canary(&["fraud-5xx"], 120, 60)));
    pass(&mut world, 280 * SECOND);
    let body = describe(&mut world, "fraud-prod");
    let stage = &body["PendingDeploymentSummary"]["ProductionVariants"][0]["VariantStatus"][0];
    assert_eq!(
        stage["StatusMessage"],
        "Baking for 120 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 2 instance(s)."
    );
    assert_eq!(stage["StartTime"].as_f64().unwrap(), world.now().plus(-10 * SECOND).secs_f64());
}

#[test]
fn an_alarm_that_fires_while_baking_turns_the_deployment_around() {
    let mut world = world("quiet-night");
    update(&mut world, "fraud-v18-c", Some(canary(&["fraud-5xx"], 600, 0)));
    pass(&mut world, 300 * SECOND);
    let force = json!({"AlarmName": "fraud-5xx", "StateValue": "ALARM", "StateReason": "abort"});
    assert_eq!(call(&mut world, "monitoring", "SetAlarmState", &force).0, 200);
    pass(&mut world, SECOND);
    assert_eq!(state(&mut world, "fraud-prod"), "Updating fraud-v17-a ActivatingTraffic fraud-v18-c");
    let story = story(&mut world, "fraud-prod", 5);
    assert_eq!(story.last().unwrap(), "InService fraud-v17-a - -");
    let reason = describe(&mut world, "fraud-prod")["FailureReason"].as_str().unwrap().to_owned();
    assert!(reason.contains("fraud-5xx"), "{reason}");
}

#[test]
fn alarms_are_not_looked_at_before_the_bake() {
    let mut world = world("quiet-night");
    update(&mut world, "fraud-v18-c", Some(canary(&["fraud-5xx"], 120, 0)));
    let force = json!({"AlarmName": "fraud-5xx", "StateValue": "ALARM", "StateReason": "too early"});
    assert_eq!(call(&mut world, "monitoring", "SetAlarmState", &force).0, 200);
    pass(&mut world, 15 * MINUTE);
    assert_eq!(state(&mut world, "fraud-prod"), "InService fraud-v18-c - -");
}

#[test]
fn a_bad_version_behind_an_alarm_comes_back_by_itself() {
    let mut world = world("fraud-burns");
    // Back to the good one first.
    update(&mut world, "fraud-v17-a", None);
    pass(&mut world, 20 * MINUTE);
    assert_eq!(state(&mut world, "fraud-prod"), "InService fraud-v17-a - -");
    update(&mut world, "fraud-v18-c", Some(canary(&["fraud-p99", "fraud-5xx"], 3_600, 0)));
    pass(&mut world, 75 * MINUTE);
    let body = describe(&mut world, "fraud-prod");
    assert_eq!(body["EndpointConfigName"], "fraud-v17-a");
    assert!(body["FailureReason"].as_str().unwrap().contains("alarm(s) were triggered"));
}

#[test]
fn linear_and_rolling_take_their_steps() {
    let mut world = world("quiet-night");
    let linear = json!({"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {
        "Type": "LINEAR", "WaitIntervalInSeconds": 60, "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 50}
    }}});
    update(&mut world, "fraud-v18-c", Some(linear));
    let shown = story(&mut world, "fraud-prod", 12);
    let shown: Vec<&str> = shown.iter().map(|line| line.split(' ').nth(2).unwrap()).collect();
    assert_eq!(shown, ["Creating", "ActivatingTraffic", "Baking", "ActivatingTraffic", "Baking", "Deleting", "-"]);
    let rolling = json!({"RollingUpdatePolicy": {
        "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50}, "WaitIntervalInSeconds": 60
    }});
    update(&mut world, "fraud-v17-a", Some(rolling));
    let shown = story(&mut world, "fraud-prod", 20);
    let shown: Vec<&str> = shown.iter().map(|line| line.split(' ').nth(2).unwrap()).collect();
    assert_eq!(
        shown,
        ["Creating", "ActivatingTraffic", "Baking", "Creating", "ActivatingTraffic", "Baking", "Deleting", "-"]
    );
}

#[test]
fn what_sagemaker_refuses() {
    let mut world = world("fraud-burns");
    let arn = |kind: &str, name: &str| format!("arn:aws:sagemaker:eu-west-1:447100000921:{kind}/{name}");
    let cases = [
        (
            "DescribeEndpoint",
            json!({"EndpointName": "Nobody"}),
            format!("Could not find endpoint \"{}\".", arn("endpoint", "nobody")),
        ),
        (
            "UpdateEndpoint",
            json!({"EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v16-x"}),
            format!("Could not find endpoint configuration \"{}\".", arn("endpoint-config", "fraud-v16-x")),
        ),
        (
            "UpdateEndpoint",
            json!({"EndpointName": "ranking-eu", "EndpointConfigName": "ranking-v31-b"}),
            format!("Cannot update in-progress endpoint \"{}\".", arn("endpoint", "ranking-eu")),
        ),
        (
            "DeleteEndpoint",
            json!({"EndpointName": "ranking-eu"}),
            format!("Cannot update in-progress endpoint \"{}\".", arn("endpoint", "ranking-eu")),
        ),
        (
            "CreateEndpoint",
            json!({"EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v17-a"}),
            format!("Cannot create already existing endpoint \"{}\".", arn("endpoint", "fraud-prod")),
        ),
        ("DescribeModel", json!({"ModelName": "gone"}), format!("Could not find model \"{}\".", arn("model", "gone"))),
        (
            "UpdateEndpointWeightsAndCapacities",
            json!({"EndpointName": "fraud-prod", "DesiredWeightsAndCapacities": [{"VariantName": "green"}]}),
            format!("Could not find variant \"green\" in endpoint \"{}\".", arn("endpoint", "fraud-prod")),
        ),
    ];
    for (operation, input, message) in cases {
        assert_eq!(refused(&mut world, operation, &input), ("ValidationException".to_owned(), message), "{operation}");
    }
}

#[test]
fn deployment_configs_are_checked() {
    let mut world = world("quiet-night");
    let with = |deployment: Value| json!({"EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v18-c", "DeploymentConfig": deployment});
    let mut too_large = canary(&["fraud-5xx"], 60, 0);
    too_large["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["CanarySize"]["Value"] = json!(60);
    let mut too_short = canary(&["fraud-5xx"], 600, 600);
    too_short["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = json!(700);
    let cases = [
        (canary(&["no-such-alarm"], 60, 0), "Could not find the following CloudWatch alarm(s): no-such-alarm."),
        (too_large, "CanarySize must be between 1 and 50 percent of the variant's capacity."),
        (too_short, "MaximumExecutionTimeoutInSeconds (700) must exceed the sum of all wait intervals (1800)."),
        (
            canary(&[], 60, 0),
            "1 validation error detected: Value '[]' at 'deploymentConfig.autoRollbackConfiguration.alarms' failed to \
             satisfy constraint: Member must have length greater than or equal to 1",
        ),
    ];
    for (deployment, message) in cases {
        assert_eq!(refused(&mut world, "UpdateEndpoint", &with(deployment)).1, message);
    }
    assert_eq!(state(&mut world, "fraud-prod"), "InService fraud-v17-a - -");
}

#[test]
fn a_registered_variant_keeps_its_instance_type() {
    let mut world = world("quiet-night");
    ok(
        &mut world,
        "CreateEndpointConfig",
        &json!({
            "EndpointConfigName": "fraud-big",
            "ProductionVariants": [{
                "VariantName": "blue", "ModelName": "fraud-v18", "InstanceType": "ml.c5.9xlarge", "InitialInstanceCount": 2
            }],
        }),
    );
    let update = json!({"EndpointName": "fraud-prod", "EndpointConfigName": "fraud-big"});
    let (_, message) = refused(&mut world, "UpdateEndpoint", &update);
    assert!(message.contains("must be deregistered as scalable targets"), "{message}");
    let target = json!({
        "ServiceNamespace": "sagemaker", "ResourceId": "endpoint/fraud-prod/variant/blue",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    });
    assert_eq!(call(&mut world, "application-autoscaling", "DeregisterScalableTarget", &target).0, 200);
    ok(&mut world, "UpdateEndpoint", &update);
}

#[test]
fn weights_move_and_the_metrics_follow() {
    let mut world = world("quiet-night");
    ok(
        &mut world,
        "UpdateEndpointWeightsAndCapacities",
        &json!({
            "EndpointName": "intent-fr",
            "DesiredWeightsAndCapacities": [
                {"VariantName": "a", "DesiredWeight": 0.0}, {"VariantName": "b", "DesiredWeight": 1.0}
            ],
        }),
    );
    let body = describe(&mut world, "intent-fr");
    assert_eq!(body["EndpointStatus"], "Updating");
    assert!(body.get("PendingDeploymentSummary").is_none(), "a change of weights is no deployment");
    pass(&mut world, 5 * MINUTE);
    let body = describe(&mut world, "intent-fr");
    assert_eq!(
        (&body["EndpointStatus"], &body["ProductionVariants"][0]["CurrentWeight"]),
        (&json!("InService"), &json!(0.0))
    );
}

#[test]
fn an_endpoint_lives_and_dies() {
    let mut world = world("quiet-night");
    ok(
        &mut world,
        "CreateEndpoint",
        &json!({
            "EndpointName": "Fraud-Next", "EndpointConfigName": "fraud-v18-c", "Tags": [{"Key": "team", "Value": "fraud"}]
        }),
    );
    assert_eq!(describe(&mut world, "Fraud-Next")["EndpointStatus"], "Creating");
    pass(&mut world, 6 * MINUTE);
    let body = describe(&mut world, "Fraud-Next");
    assert_eq!(body["EndpointStatus"], "InService");
    assert_eq!(body["EndpointArn"], "arn:aws:sagemaker:eu-west-1:447100000921:endpoint/fraud-next");
    let tags = ok(&mut world, "ListTags", &json!({"ResourceArn": body["EndpointArn"]}));
    assert_eq!(tags["Tags"], json!([{"Key": "team", "Value": "fraud"}]));
    ok(&mut world, "DeleteEndpoint", &json!({"EndpointName": "Fraud-Next"}));
    assert_eq!(describe(&mut world, "Fraud-Next")["EndpointStatus"], "Deleting");
    pass(&mut world, 2 * MINUTE);
    assert_eq!(
        refused(&mut world, "DescribeEndpoint", &json!({"EndpointName": "Fraud-Next"})).0,
        "ValidationException"
    );
}

#[test]
fn filters_thin_the_page_after_it_is_cut() {
    let mut world = world("quiet-night");
    let mut input = json!({"NameContains": "fraud", "MaxResults": 5, "SortBy": "Name", "SortOrder": "Ascending"});
    let mut pages = Vec::new();
    loop {
        let body = ok(&mut world, "ListEndpoints", &input);
        let names: Vec<String> = body["Endpoints"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["EndpointName"].as_str().unwrap().to_owned())
            .collect();
        pages.push(names);
        match body.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(pages.len(), 8, "40 endpoints in pages of five");
    assert!(pages.iter().filter(|page| page.is_empty()).count() >= 6, "empty pages with a token: {pages:?}");
    assert_eq!(pages.concat(), ["fraud-prod"]);
}

#[test]
fn a_token_belongs_to_its_parameters() {
    let mut world = world("quiet-night");
    let token = ok(&mut world, "ListEndpoints", &json!({"MaxResults": 5}))["NextToken"].clone();
    let other = json!({"MaxResults": 5, "NameContains": "x", "NextToken": token});
    assert!(refused(&mut world, "ListEndpoints", &other).1.starts_with("Invalid NextToken"));
    assert!(refused(&mut world, "ListEndpoints", &json!({"NextToken": "made up"})).1.starts_with("Invalid NextToken"));
    assert_eq!(
        ok(&mut world, "ListEndpoints", &json!({}))["Endpoints"].as_array().unwrap().len(),
        10,
        "the default page"
    );
    assert!(refused(&mut world, "ListEndpoints", &json!({"MaxResults": 101})).1.contains("less than or equal to 100"));
}

#[test]
fn the_demo_starts_as_the_story_says() {
    let mut world = world("fraud-burns");
    let status = |world: &mut World, name: &str| describe(world, name)["EndpointStatus"].as_str().unwrap().to_owned();
    assert_eq!(status(&mut world, "ranking-eu"), "Updating");
    assert_eq!(state(&mut world, "ranking-eu"), "Updating ranking-v31-b Baking ranking-v32-a");
    assert_eq!(status(&mut world, "vision-qa"), "UpdateRollbackFailed");
    assert_eq!(state(&mut world, "fraud-prod"), "InService fraud-v18-c - -");
    assert_eq!(status(&mut world, "churn-batch"), "InService");
    let list = ok(&mut world, "ListEndpoints", &json!({"MaxResults": 100}));
    assert_eq!(list["Endpoints"].as_array().unwrap().len(), 40);
}

/// A model whose data is not where it says, and one whose container never becomes healthy.
#[test]
fn a_fleet_that_cannot_start_leaves_the_old_one() {
    let mut world = world("quiet-night");
    world.scenario.behaviours.push(serde_json::from_value(json!({"model": "fraud-v18", "unhealthy": true})).unwrap());
    update(&mut world, "fraud-v18-c", None);
    pass(&mut world, 15 * MINUTE);
    let body = describe(&mut world, "fraud-prod");
    assert_eq!((&body["EndpointStatus"], &body["EndpointConfigName"]), (&json!("InService"), &json!("fraud-v17-a")));
    assert!(body["FailureReason"].as_str().unwrap().contains("did not pass the ping health check"), "{body}");

    ok(
        &mut world,
        "CreateModel",
        &json!({
            "ModelName": "lost", "ExecutionRoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
            "PrimaryContainer": {"Image": "x:1", "ModelDataUrl": "s3://acme-ml-models/fraud/v99/model.tar.gz"},
        }),
    );
    ok(
        &mut world,
        "CreateEndpointConfig",
        &json!({"EndpointConfigName": "lost", "ProductionVariants": [{
            "VariantName": "blue", "ModelName": "lost", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1
        }]}),
    );
    ok(&mut world, "CreateEndpoint", &json!({"EndpointName": "lost", "EndpointConfigName": "lost"}));
    pass(&mut world, 6 * MINUTE);
    let body = describe(&mut world, "lost");
    assert_eq!(body["EndpointStatus"], "Failed");
    assert!(body["FailureReason"].as_str().unwrap().starts_with("Failed to download model data"), "{body}");
    let again = json!({"EndpointName": "lost", "EndpointConfigName": "fraud-v17-a"});
    assert!(refused(&mut world, "UpdateEndpoint", &again).1.contains("in Failed status"));
    ok(&mut world, "DeleteEndpoint", &json!({"EndpointName": "lost"}));
}

/// The zone has two left: a second fleet of eight never comes, batches of two do.
#[test]
fn instances_that_cannot_be_had_end_a_deployment_and_smaller_batches_pass() {
    let mut world = world("no-capacity");
    let body = describe(&mut world, "ranking-eu");
    assert_eq!((&body["EndpointStatus"], &body["EndpointConfigName"]), (&json!("InService"), &json!("ranking-v32-a")));
    assert!(body["FailureReason"].as_str().unwrap().contains("InsufficientInstanceCapacity"), "{body}");
    let back = json!({
        "EndpointName": "ranking-eu", "EndpointConfigName": "ranking-v31-b", "RetainAllVariantProperties": true,
    });
    ok(&mut world, "UpdateEndpoint", &back);
    pass(&mut world, 29 * MINUTE);
    assert_eq!(state(&mut world, "ranking-eu"), "Updating ranking-v32-a Creating ranking-v31-b");
    pass(&mut world, 3 * MINUTE);
    assert_eq!(state(&mut world, "ranking-eu"), "InService ranking-v32-a - -");
    for (batch, wanted) in [(3, "ranking-v32-a"), (2, "ranking-v31-b")] {
        let mut rolling = back.clone();
        rolling["DeploymentConfig"] = json!({"RollingUpdatePolicy": {
            "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": batch}, "WaitIntervalInSeconds": 0,
        }});
        ok(&mut world, "UpdateEndpoint", &rolling);
        pass(&mut world, 40 * MINUTE);
        assert_eq!(state(&mut world, "ranking-eu"), format!("InService {wanted} - -"), "batches of {batch}");
    }
    let more = |count: i64| json!({"EndpointName": "ranking-eu", "DesiredWeightsAndCapacities": [{"VariantName": "main", "DesiredInstanceCount": count}]});
    ok(&mut world, "UpdateEndpointWeightsAndCapacities", &more(12));
    pass(&mut world, 40 * MINUTE);
    let body = describe(&mut world, "ranking-eu");
    assert_eq!(body["ProductionVariants"][0]["DesiredInstanceCount"], 8, "four more cannot be had");
    assert!(body["FailureReason"].as_str().unwrap().contains("InsufficientInstanceCapacity"));
    ok(&mut world, "UpdateEndpointWeightsAndCapacities", &more(10));
    pass(&mut world, 6 * MINUTE);
    let body = describe(&mut world, "ranking-eu");
    assert_eq!((&body["ProductionVariants"][0]["CurrentInstanceCount"], body.get("FailureReason")), (&json!(10), None));
}

/// A shortage that ends lets a launch that still waits go on.
#[test]
fn a_launch_waits_for_instances() {
    let mut world = world("quiet-night");
    let from = world.now().since(world.start);
    world.scenario.shortages.push(crate::scenario::Shortage {
        instance: "ml.c5.2xlarge".to_owned(),
        left: 0,
        from,
        until: from + 20 * MINUTE,
    });
    update(&mut world, "fraud-v18-c", None);
    pass(&mut world, 23 * MINUTE);
    assert_eq!(state(&mut world, "fraud-prod"), "Updating fraud-v17-a Creating fraud-v18-c");
    pass(&mut world, 4 * MINUTE);
    assert_eq!(state(&mut world, "fraud-prod"), "InService fraud-v18-c - -");
}

/// What never becomes healthy is Creating as long as its config allows, and its containers say why meanwhile.
#[test]
fn a_container_that_ends_keeps_its_endpoint_creating() {
    let mut world = world("stuck-creating");
    let status = |world: &mut World| describe(world, "checkout-risk")["EndpointStatus"].as_str().unwrap().to_owned();
    assert_eq!(status(&mut world), "Creating");
    assert!(refused(&mut world, "DeleteEndpoint", &json!({"EndpointName": "checkout-risk"})).1.contains("in-progress"));
    let input = json!({"logGroupName": "/aws/sagemaker/Endpoints/checkout-risk", "filterPattern": "OSError"});
    let (_, found) = call(&mut world, "logs", "FilterLogEvents", &input);
    let lines = found["events"].as_array().unwrap().len();
    assert!((90..=111).contains(&lines), "{lines} lines of three instances in 36 minutes");
    pass(&mut world, 14 * MINUTE);
    let body = describe(&mut world, "checkout-risk");
    assert_eq!(body["EndpointStatus"], "Failed");
    assert!(body["FailureReason"].as_str().unwrap().contains("ping health check"), "{body}");
    ok(&mut world, "DeleteEndpoint", &json!({"EndpointName": "checkout-risk"}));
}
