//! The world as a whole: determinism, scenarios, history, scaling.

use mldeck_core::time::{MINUTE, SECOND, Timestamp};
use serde_json::{Value, json};

use crate::{
    Options, Scenario, World,
    faults::{Delivery, Kind, Rule},
    scenario,
    testkit::{body, call, json_request, ok, world},
};

/// Everything a client can tell about a world, in bytes.
fn trace(mut world: World) -> Vec<u8> {
    let mut out = Vec::new();
    let now = world.now();
    let metric = json!({"MetricDataQueries": [{"Id": "m", "MetricStat": {"Period": 60, "Stat": "p99", "Metric": {
        "Namespace": "AWS/SageMaker", "MetricName": "ModelLatency", "Dimensions": [
            {"Name": "EndpointName", "Value": "fraud-prod"}, {"Name": "VariantName", "Value": "blue"}
    ]}}}], "StartTime": now.plus(-60 * MINUTE).secs_f64(), "EndTime": now.secs_f64()});
    let requests = [
        ("sagemaker", "ListEndpoints", json!({"MaxResults": 100})),
        ("sagemaker", "DescribeEndpoint", json!({"EndpointName": "ranking-eu"})),
        ("sagemaker", "UpdateEndpoint", json!({"EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v17-a"})),
        ("monitoring", "GetMetricData", metric),
        ("monitoring", "DescribeAlarms", json!({})),
        ("cloudtrail", "LookupEvents", json!({})),
        ("logs", "FilterLogEvents", json!({"logGroupName": "/aws/sagemaker/Endpoints/fraud-prod"})),
        ("application-autoscaling", "DescribeScalingActivities", json!({"ServiceNamespace": "sagemaker"})),
    ];
    for _ in 0..3 {
        for (service, operation, input) in &requests {
            let response = world.handle(&json_request(service, operation, input));
            out.extend_from_slice(format!("{:?}", response.headers()).as_bytes());
            out.extend_from_slice(response.body());
        }
        world.advance_to(world.now().plus(97 * SECOND));
    }
    out
}

#[test]
fn the_same_world_twice_is_the_same_bytes() {
    for name in ["fraud-burns", "misleading-history"] {
        assert!(trace(world(name)) == trace(world(name)), "{name}");
    }
    let other = Scenario::named("fraud-burns").unwrap();
    let other = World::new(Options { seed: 1, start: other.start, scenario: other });
    assert!(trace(world("fraud-burns")) != trace(other), "another seed is another world");
}

#[test]
fn how_often_time_is_told_does_not_matter() {
    let endpoint = json!({"EndpointName": "ranking-eu"});
    let mut often = world("fraud-burns");
    let mut once = world("fraud-burns");
    let end = often.now().plus(40 * MINUTE);
    while often.now() < end {
        often.advance_to(often.now().plus(7 * SECOND).min(end));
    }
    once.advance_to(end);
    once.advance_to(end.plus(-MINUTE));
    assert_eq!(once.now(), end, "time does not go back");
    assert_eq!(ok(&mut often, "DescribeEndpoint", &endpoint), ok(&mut once, "DescribeEndpoint", &endpoint));
}

#[test]
fn every_scenario_is_read_and_its_history_is_accepted() {
    for name in scenario::names() {
        let scenario = Scenario::named(name).unwrap();
        assert_eq!(scenario.name, name);
        assert!(scenario.doc.len() > 80, "{name} tells its story");
        let mut world = World::new(Options { seed: scenario.seed, start: scenario.start, scenario });
        let events = events(&mut world, &json!({"AttributeKey": "EventName", "AttributeValue": "UpdateEndpoint"}));
        let refused: Vec<&Value> = events.iter().filter(|event| event.get("errorCode").is_some()).collect();
        let expected = if name == "misleading-history" { 2 } else { 0 };
        assert_eq!(refused.len(), expected, "{name}: {refused:?}");
        world.advance_to(world.now().plus(5 * MINUTE));
    }
    assert!(matches!(Scenario::named("nothing"), Err(scenario::ScenarioError::Unknown(_))));
    let wrong = Scenario::parse("x", "name='x'\ndoc=''\nseed=1\nstart='yesterday'");
    assert!(matches!(wrong, Err(scenario::ScenarioError::Wrong { .. })));
}

#[test]
fn two_thousand_endpoints() {
    let mut world = world("big");
    let mut input = json!({"MaxResults": 100});
    let mut names = std::collections::BTreeSet::new();
    loop {
        let body = ok(&mut world, "ListEndpoints", &input);
        names.extend(body["Endpoints"].as_array().unwrap().iter().map(|e| e["EndpointName"].to_string()));
        match body.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(names.len(), 2_000);
}

/// The CloudTrail records that match an attribute, newest first.
fn events(world: &mut World, attribute: &Value) -> Vec<Value> {
    let (status, body) = call(world, "cloudtrail", "LookupEvents", &json!({"LookupAttributes": [attribute]}));
    assert_eq!(status, 200, "{body}");
    let events = body["Events"].as_array().unwrap();
    events.iter().map(|e| serde_json::from_str(e["CloudTrailEvent"].as_str().unwrap()).unwrap()).collect()
}

#[test]
fn a_history_that_does_not_read_itself() {
    let mut world = world("misleading-history");
    let of = |world: &mut World| {
        let all = events(world, &json!({"AttributeKey": "ResourceName", "AttributeValue": "fraud-prod"}));
        let line = |event: &Value| {
            format!(
                "{} {} {} {}",
                event["eventName"].as_str().unwrap(),
                event["requestParameters"]["endpointConfigName"].as_str().unwrap_or("-"),
                event["userIdentity"]["arn"].as_str().unwrap().rsplit('/').next().unwrap(),
                event["errorCode"].as_str().unwrap_or("-")
            )
        };
        all.iter().take(6).map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        of(&mut world),
        [
            "UpdateEndpoint fraud-v16-b intern AccessDenied",
            "UpdateEndpoint fraud-v16-x terraform ValidationException",
            "UpdateEndpoint fraud-v18-c ci-deploy -",
            "UpdateEndpoint fraud-v17-a bo -",
            "UpdateEndpoint fraud-v18-c ci-deploy -",
            "UpdateEndpoint fraud-v17-a ci-deploy -",
        ]
    );
    let live = ok(&mut world, "DescribeEndpoint", &json!({"EndpointName": "fraud-prod"}));
    assert_eq!(live["ProductionVariants"][0]["DesiredInstanceCount"], 8, "bo's change is in force");
    world.advance_to(world.now().plus(6 * MINUTE));
    assert_eq!(of(&mut world)[0], "UpdateEndpointWeightsAndCapacities - bo -", "and shows late");
}

#[test]
fn the_trail_is_slow_and_paged() {
    let mut world = world("quiet-night");
    let bad = json!({"LookupAttributes": [
        {"AttributeKey": "EventName", "AttributeValue": "x"}, {"AttributeKey": "Username", "AttributeValue": "y"}
    ]});
    let (_, body) = call(&mut world, "cloudtrail", "LookupEvents", &bad);
    assert_eq!(body["__type"], "InvalidLookupAttributesException");
    let first = call(&mut world, "cloudtrail", "LookupEvents", &json!({"MaxResults": 3})).1;
    let second = json!({"MaxResults": 3, "NextToken": first["NextToken"]});
    let second = call(&mut world, "cloudtrail", "LookupEvents", &second).1;
    let times: Vec<f64> = [first, second]
        .iter()
        .flat_map(|page| {
            page["Events"].as_array().unwrap().iter().map(|e| e["EventTime"].as_f64().unwrap()).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(times.len(), 6);
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "newest first: {times:?}");
    let mut codes = (0..30).map(|_| call(&mut world, "cloudtrail", "LookupEvents", &json!({})).1["__type"].clone());
    assert!(codes.any(|code| code == "ThrottlingException"), "thirty calls in one moment");
    world.advance_to(world.now().plus(2 * SECOND));
    assert_eq!(call(&mut world, "cloudtrail", "LookupEvents", &json!({})).0, 200);
}

#[test]
fn refused_writes_leave_an_event_and_reads_none() {
    let mut world = world("quiet-night");
    ok(&mut world, "DescribeEndpoint", &json!({"EndpointName": "fraud-prod"}));
    call(
        &mut world,
        "sagemaker",
        "UpdateEndpoint",
        &json!({
            "EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v99-x"
        }),
    );
    let by = json!({"AttributeKey": "Username", "AttributeValue": "anna"});
    assert_eq!(events(&mut world, &by), Vec::<Value>::new(), "not delivered yet");
    world.advance_to(world.now().plus(2 * MINUTE));
    let shown = events(&mut world, &by);
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["errorCode"], "ValidationException");
    assert_eq!(
        shown[0]["requestParameters"],
        json!({"endpointName": "fraud-prod", "endpointConfigName": "fraud-v99-x"})
    );
    assert_eq!(shown[0]["userIdentity"]["arn"], "arn:aws:sts::447100000921:assumed-role/OnCall/anna");
}

#[test]
fn scalable_targets_are_read_frozen_and_removed() {
    let mut world = world("quiet-night");
    let id = "endpoint/fraud-prod/variant/blue";
    let scaling = "application-autoscaling";
    let ask = json!({"ServiceNamespace": "sagemaker", "ResourceIds": [id]});
    let target = call(&mut world, scaling, "DescribeScalableTargets", &ask).1["ScalableTargets"][0].clone();
    assert_eq!((&target["MinCapacity"], &target["MaxCapacity"]), (&json!(2), &json!(8)));
    let mut register = json!({
        "ServiceNamespace": "sagemaker", "ResourceId": id, "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "SuspendedState": {"DynamicScalingInSuspended": true},
    });
    assert_eq!(call(&mut world, scaling, "RegisterScalableTarget", &register).0, 200);
    let target = call(&mut world, scaling, "DescribeScalableTargets", &ask).1["ScalableTargets"][0].clone();
    assert_eq!(
        (&target["MaxCapacity"], &target["SuspendedState"]["DynamicScalingInSuspended"]),
        (&json!(8), &json!(true))
    );
    let policies = json!({"ServiceNamespace": "sagemaker", "ResourceId": id});
    let policy = call(&mut world, scaling, "DescribeScalingPolicies", &policies).1["ScalingPolicies"][0].clone();
    let alarm = policy["Alarms"][0]["AlarmName"].as_str().unwrap().to_owned();
    assert!(alarm.starts_with("TargetTracking-endpoint/fraud-prod/"), "{alarm}");
    assert!(world.alarms.exists(&alarm), "{alarm}");
    let mut ask = policies.clone();
    let plain = call(&mut world, scaling, "DescribeScalingActivities", &ask).1;
    ask["IncludeNotScaledActivities"] = json!(true);
    let all = call(&mut world, scaling, "DescribeScalingActivities", &ask).1;
    assert!(all["ScalingActivities"].as_array().unwrap().len() > plain["ScalingActivities"].as_array().unwrap().len());
    register["ScalableDimension"] = json!("sagemaker:variant:DesiredProvisionedConcurrency");
    let (_, refused) = call(&mut world, scaling, "DeregisterScalableTarget", &register);
    assert_eq!(refused["__type"], "ObjectNotFoundException");
}

fn answered(delivery: Delivery) -> (u16, Value) {
    match delivery {
        Delivery::Answer(response) => (response.status().as_u16(), body(&response)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lost_answer_had_its_effect_and_a_refusal_had_none() {
    let mut world = world("quiet-night");
    let update = json_request(
        "sagemaker",
        "UpdateEndpoint",
        &json!({"EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v18-c"}),
    );
    let status = |world: &mut World| {
        ok(world, "DescribeEndpoint", &json!({"EndpointName": "fraud-prod"}))["EndpointStatus"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    world.faults().add(Rule::once("UpdateEndpoint", Kind::AccessDenied));
    let (code, body) = answered(world.deliver(&update));
    assert_eq!((code, body["__type"].as_str()), (400, Some("AccessDeniedException")));
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("OnCall/anna is not authorized to perform: sagemaker:UpdateEndpoint")
    );
    assert_eq!(status(&mut world), "InService");
    world.faults().add(Rule::once("sagemaker:UpdateEndpoint", Kind::LostResponse));
    assert!(matches!(world.deliver(&update), Delivery::Drop));
    assert_eq!(status(&mut world), "Updating");
    let (code, body) = answered(world.deliver(&update));
    assert_eq!(code, 400);
    assert!(body["message"].as_str().unwrap().starts_with("Cannot update in-progress endpoint"));
}

#[test]
fn faults_by_rate_window_and_kind() {
    let mut world = world("quiet-night");
    let list = json_request("sagemaker", "ListEndpoints", &json!({}));
    world.faults().add(Rule { rate: 0.3, ..Rule::always("*", Kind::Throttle) });
    let throttled = (0..400).filter(|_| answered(world.deliver(&list)).0 == 400).count();
    assert!((80..160).contains(&throttled), "{throttled} of 400");
    world.faults().clear();
    let now = world.now();
    let later = |from: i64, to: i64| Some((now.plus(from), now.plus(to)));
    world.faults().add(Rule { window: later(MINUTE, 2 * MINUTE), ..Rule::always("sagemaker:*", Kind::ExpiredToken) });
    assert_eq!(answered(world.deliver(&list)).0, 200);
    world.advance_to(now.plus(90 * SECOND));
    assert_eq!(answered(world.deliver(&list)).1["__type"], "ExpiredTokenException");
    world.advance_to(now.plus(3 * MINUTE));
    assert_eq!(answered(world.deliver(&list)).0, 200);
    world.faults().clear();
    world.faults().add(Rule::once("ListEndpoints", Kind::HtmlError));
    world.faults().add(Rule::once("ListEndpoints", Kind::Latency(1_500)));
    world.faults().add(Rule::once("ListEndpoints", Kind::Stall));
    let Delivery::Answer(page) = world.deliver(&list) else { panic!("an answer") };
    assert_eq!((page.status().as_u16(), page.headers()["content-type"].to_str().unwrap()), (503, "text/html"));
    assert!(matches!(world.deliver(&list), Delivery::Delay(1_500, _)));
    assert!(matches!(world.deliver(&list), Delivery::Stall));
    assert_eq!(answered(world.deliver(&list)).0, 200);
}

#[test]
fn the_clock_maps_pauses_and_steps() {
    use std::time::Duration;
    let wall = any_instant();
    let start = Timestamp::from_millis(1_000_000);
    let mut clock = crate::clock::Clock::new(start, wall, 10.0);
    assert_eq!(clock.now(wall + Duration::from_secs(6)), start.plus(MINUTE));
    clock.pause(wall + Duration::from_secs(6));
    assert_eq!(clock.now(wall + Duration::from_secs(60)), start.plus(MINUTE));
    clock.step(wall + Duration::from_secs(60), Duration::from_secs(30));
    assert_eq!(clock.now(wall + Duration::from_secs(61)), start.plus(MINUTE + 30 * SECOND));
    clock.resume(wall + Duration::from_secs(70));
    clock.set_speed(wall + Duration::from_secs(70), 1.0);
    assert_eq!(clock.now(wall + Duration::from_secs(71)), start.plus(MINUTE + 31 * SECOND));
    assert!(clock.speed() == 1.0);
}

#[expect(clippy::disallowed_methods, reason = "an arbitrary zero; the clock only sees differences")]
fn any_instant() -> std::time::Instant {
    std::time::Instant::now()
}

/// What botocore says of the order of each list.
#[test]
fn lists_come_in_the_order_that_is_documented() {
    let mut world = world("fraud-burns");
    let training = |name: &str| {
        json!({
            "TrainingJobName": name, "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
            "AlgorithmSpecification": {"TrainingImage": "own:1", "TrainingInputMode": "File"},
            "OutputDataConfig": {"S3OutputPath": "s3://own/models/"}, "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        })
    };
    ok(&mut world, "CreateTrainingJob", &training("own"));
    for (list, member, by, is_ascending) in [
        ("ListTrainingJobs", "TrainingJobSummaries", "CreationTime", true),
        ("ListLabelingJobs", "LabelingJobSummaryList", "CreationTime", true),
        ("ListModelPackageGroups", "ModelPackageGroupSummaryList", "CreationTime", true),
        ("ListWorkteams", "Workteams", "CreateDate", true),
        ("ListEndpoints", "Endpoints", "CreationTime", false),
        ("ListModels", "Models", "CreationTime", false),
        ("ListExperiments", "ExperimentSummaries", "CreationTime", false),
        ("ListMonitoringExecutions", "MonitoringExecutionSummaries", "CreationTime", false),
    ] {
        let rows = ok(&mut world, list, &json!({}))[member].as_array().unwrap().clone();
        let key = |row: &Value| {
            row[by].as_str().map_or_else(|| format!("{:020.3}", row[by].as_f64().unwrap()), str::to_owned)
        };
        let keys: Vec<String> = rows.iter().map(key).collect();
        let mut sorted = keys.clone();
        sorted.sort();
        if !is_ascending {
            sorted.reverse();
        }
        assert!(rows.len() > 1, "{list}");
        assert_eq!(keys, sorted, "{list}");
    }
}
