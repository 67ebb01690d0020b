use mldeck_core::time::{DAY, HOUR, MINUTE};
use serde_json::{Value, json};

use crate::{
    World,
    testkit::{call, ok, world},
};

const FRAUD: &str = "endpoint/fraud-prod/variant/blue";

fn about(id: &str, more: Value) -> Value {
    let mut input = json!({
        "ServiceNamespace": "sagemaker", "ResourceId": id, "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    });
    let Value::Object(more) = more else { panic!("members are wanted: {more}") };
    input.as_object_mut().unwrap().extend(more);
    input
}

fn scaling(world: &mut World, operation: &str, id: &str, more: Value) -> Value {
    let (status, body) = call(world, "application-autoscaling", operation, &about(id, more));
    assert_eq!(status, 200, "{operation}: {body}");
    body
}

fn refused(world: &mut World, operation: &str, id: &str, more: Value) -> (String, String) {
    let (status, body) = call(world, "application-autoscaling", operation, &about(id, more));
    assert_eq!(status, 400, "{operation}: {body}");
    (body["__type"].as_str().unwrap().to_owned(), body["message"].as_str().unwrap().to_owned())
}

fn count(world: &mut World, endpoint: &str) -> (i64, i64, String) {
    let body = ok(world, "DescribeEndpoint", &json!({"EndpointName": endpoint}));
    let variant = &body["ProductionVariants"][0];
    let number = |member: &str| variant[member].as_i64().unwrap();
    let status = body["EndpointStatus"].as_str().unwrap().to_owned();
    (number("DesiredInstanceCount"), number("CurrentInstanceCount"), status)
}

fn activities(world: &mut World, id: &str) -> Vec<Value> {
    let body = scaling(world, "DescribeScalingActivities", id, json!({"IncludeNotScaledActivities": true}));
    body["ScalingActivities"].as_array().unwrap().clone()
}

fn pass(world: &mut World, minutes: i64) {
    world.advance_to(world.now().plus(minutes * MINUTE));
}

fn tracking(target: f64) -> Value {
    json!({"PolicyName": "load", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": target, "ScaleInCooldown": 60, "ScaleOutCooldown": 60,
        "CustomizedMetricSpecification": {
            "Namespace": "AWS/SageMaker", "MetricName": "Invocations", "Statistic": "Sum",
            "Dimensions": [{"Name": "EndpointName", "Value": "fraud-prod"}, {"Name": "VariantName", "Value": "blue"}],
        },
    }})
}

fn invocations(target: f64) -> Value {
    json!({"PolicyName": "fraud-prod-invocations", "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": target,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    }})
}

#[test]
fn a_target_is_tracked_out_and_in_by_the_services_own_call() {
    let mut world = world("quiet-night");
    // At night some 1 580 invocations a minute on six instances.
    let put = scaling(&mut world, "PutScalingPolicy", FRAUD, invocations(215.0));
    let alarms: Vec<String> =
        put["Alarms"].as_array().unwrap().iter().map(|alarm| alarm["AlarmName"].as_str().unwrap().to_owned()).collect();
    assert!(alarms[0].starts_with("TargetTracking-endpoint/fraud-prod/variant/blue-AlarmHigh-"), "{alarms:?}");
    assert!(alarms[1].starts_with("TargetTracking-endpoint/fraud-prod/variant/blue-AlarmLow-"), "{alarms:?}");
    pass(&mut world, 5);
    let (desired, current, status) = count(&mut world, "fraud-prod");
    assert_eq!((current, status.as_str()), (6, "Updating"));
    assert_eq!(desired, 8, "as many as the bounds allow");
    let going = activities(&mut world, FRAUD)[0].clone();
    assert_eq!(going["Description"], "Setting desired instance count to 8.");
    assert_eq!(
        going["Cause"],
        format!("monitor alarm {} in state ALARM triggered policy fraud-prod-invocations", alarms[0])
    );
    assert_eq!((&going["StatusCode"], going.get("EndTime")), (&json!("InProgress"), None));
    pass(&mut world, 5);
    assert_eq!(count(&mut world, "fraud-prod"), (8, 8, "InService".to_owned()));
    let told = activities(&mut world, FRAUD);
    let done = told.iter().find(|activity| activity["ActivityId"] == going["ActivityId"]).unwrap();
    assert_eq!(
        done["StatusMessage"],
        "Successfully set desired instance count to 8. Change successfully fulfilled by sagemaker."
    );
    // The trail shows who called.
    let by = json!({"LookupAttributes": [{"AttributeKey": "Username", "AttributeValue": "AutoScaling-UpdateDesiredCapacity"}]});
    let found = call(&mut world, "cloudtrail", "LookupEvents", &by).1;
    let event: Value = serde_json::from_str(found["Events"][0]["CloudTrailEvent"].as_str().unwrap()).unwrap();
    assert_eq!(event["eventName"], "UpdateEndpointWeightsAndCapacities");
    assert_eq!(event["requestParameters"]["endpointName"], "fraud-prod");
    assert!(event["userIdentity"]["arn"].as_str().unwrap().contains(
        "assumed-role/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint/AutoScaling-UpdateDesiredCapacity"
    ));
    // A higher target: in, because the last quarter of an hour was below it.
    scaling(&mut world, "PutScalingPolicy", FRAUD, invocations(400.0));
    pass(&mut world, 26);
    assert_eq!(count(&mut world, "fraud-prod"), (5, 5, "InService".to_owned()));
}

#[test]
fn what_is_not_scaled_says_why_and_what_is_suspended_says_nothing() {
    let mut world = world("quiet-night");
    let before = activities(&mut world, FRAUD).len();
    let suspended = json!({"SuspendedState": {"DynamicScalingOutSuspended": true}});
    scaling(&mut world, "RegisterScalableTarget", FRAUD, suspended);
    scaling(&mut world, "PutScalingPolicy", FRAUD, invocations(100.0));
    pass(&mut world, 10);
    assert_eq!((count(&mut world, "fraud-prod").0, activities(&mut world, FRAUD).len()), (6, before));
    let goes_on = json!({"SuspendedState": {"DynamicScalingOutSuspended": false}, "MaxCapacity": 6});
    scaling(&mut world, "RegisterScalableTarget", FRAUD, goes_on);
    pass(&mut world, 10);
    let told = activities(&mut world, FRAUD);
    assert_eq!(told.len(), before + 1, "the same reason is told once: {told:?}");
    assert_eq!(told[0]["NotScaledReasons"], json!([{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 6}]));
    assert_eq!((&told[0]["StatusCode"], count(&mut world, "fraud-prod").0), (&json!("Failed"), 6));
    // Some 263 an instance: below nine tenths of 320, and too much for five.
    scaling(&mut world, "PutScalingPolicy", FRAUD, invocations(320.0));
    pass(&mut world, 45);
    let told = activities(&mut world, FRAUD);
    assert_eq!(told[0]["NotScaledReasons"], json!([{"Code": "AutoScalingAnticipatedFlapping"}]));
    let plain = scaling(&mut world, "DescribeScalingActivities", FRAUD, json!({}));
    let plain = plain["ScalingActivities"].as_array().unwrap();
    assert!(plain.iter().all(|activity| activity.get("NotScaledReasons").is_none()));
}

#[test]
fn an_endpoint_in_a_deployment_is_left_alone() {
    let mut world = world("quiet-night");
    let update = json!({
        "EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v18-c", "RetainAllVariantProperties": false,
        "DeploymentConfig": {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {
            "Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 600,
        }}},
    });
    ok(&mut world, "UpdateEndpoint", &update);
    scaling(&mut world, "PutScalingPolicy", FRAUD, invocations(215.0));
    pass(&mut world, 8);
    let told = activities(&mut world, FRAUD);
    assert_eq!(told[0]["NotScaledReasons"], json!([{"Code": "TargetServicePutResourceAsUnscalable"}]));
    // The config has two instances, and nothing was retained: autoscaling mends it.
    pass(&mut world, 18);
    let told = activities(&mut world, FRAUD);
    assert!(told.iter().any(|activity| activity["Description"] == "Setting desired instance count to 8."), "{told:?}");
    pass(&mut world, 5);
    assert_eq!(count(&mut world, "fraud-prod"), (8, 8, "InService".to_owned()));
}

#[test]
fn steps_follow_an_alarm_of_the_callers_own() {
    let mut world = world("quiet-night");
    let steps = json!({"PolicyName": "steps", "StepScalingPolicyConfiguration": {
        "AdjustmentType": "ChangeInCapacity", "Cooldown": 600, "StepAdjustments": [
            {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 500.0, "ScalingAdjustment": 1},
            {"MetricIntervalLowerBound": 500.0, "ScalingAdjustment": 2},
        ],
    }});
    let arn = scaling(&mut world, "PutScalingPolicy", FRAUD, steps)["PolicyARN"].clone();
    let alarm = json!({
        "AlarmName": "much", "Namespace": "AWS/SageMaker", "MetricName": "Invocations", "Statistic": "Sum", "Period": 60,
        "Dimensions": [{"Name": "EndpointName", "Value": "fraud-prod"}, {"Name": "VariantName", "Value": "blue"}],
        "EvaluationPeriods": 1, "Threshold": 1_350.0, "ComparisonOperator": "GreaterThanThreshold", "AlarmActions": [arn],
    });
    assert_eq!(call(&mut world, "monitoring", "PutMetricAlarm", &alarm).0, 200);
    let told = scaling(&mut world, "DescribeScalingPolicies", FRAUD, json!({"PolicyNames": ["steps"]}));
    assert_eq!(told["ScalingPolicies"][0]["Alarms"][0]["AlarmName"], "much");
    pass(&mut world, 8);
    assert_eq!(count(&mut world, "fraud-prod"), (7, 7, "InService".to_owned()));
    pass(&mut world, 6);
    assert_eq!(count(&mut world, "fraud-prod").0, 7, "it cools down");
    pass(&mut world, 12);
    assert_eq!(count(&mut world, "fraud-prod").0, 8, "one more");
    scaling(&mut world, "DeleteScalingPolicy", FRAUD, json!({"PolicyName": "steps"}));
    let (code, message) = refused(&mut world, "DeleteScalingPolicy", FRAUD, json!({"PolicyName": "steps"}));
    assert_eq!(code, "ObjectNotFoundException");
    assert!(message.ends_with("policy name: steps"), "{message}");
}

#[test]
fn a_schedule_sets_bounds_and_bounds_move_the_count() {
    let mut world = world("quiet-night");
    let action = json!({
        "ScheduledActionName": "breakfast", "Schedule": "cron(30 3 ? * MON-FRI *)", "Timezone": "UTC",
        "ScalableTargetAction": {"MinCapacity": 7, "MaxCapacity": 9},
    });
    scaling(&mut world, "PutScheduledAction", FRAUD, action);
    let told = scaling(&mut world, "DescribeScheduledActions", FRAUD, json!({}));
    assert_eq!(told["ScheduledActions"][0]["ScalableTargetAction"], json!({"MinCapacity": 7, "MaxCapacity": 9}));
    world.advance_to(world.now().floor(HOUR).plus(HOUR + 31 * MINUTE));
    assert_eq!(count(&mut world, "fraud-prod"), (7, 6, "Updating".to_owned()));
    let told = activities(&mut world, FRAUD);
    assert_eq!(told[0]["Cause"], "minimum capacity was set to 7");
    assert_eq!(told[1]["Cause"], "scheduled action name breakfast was triggered");
    assert_eq!(told[1]["StatusMessage"], "Successfully set min capacity to 7 and max capacity to 9");
    pass(&mut world, 5);
    assert_eq!(count(&mut world, "fraud-prod").1, 7);
    let again = json!({"ScheduledActionName": "breakfast", "Schedule": "rate(1 hour)"});
    scaling(&mut world, "PutScheduledAction", FRAUD, again);
    scaling(
        &mut world,
        "RegisterScalableTarget",
        FRAUD,
        json!({"MinCapacity": 1, "SuspendedState": {"ScheduledScalingSuspended": true}}),
    );
    pass(&mut world, 180);
    let target = scaling(&mut world, "DescribeScalableTargets", FRAUD, json!({"ResourceIds": [FRAUD]}));
    assert_eq!(target["ScalableTargets"][0]["MinCapacity"], 1, "suspended");
    scaling(&mut world, "DeleteScheduledAction", FRAUD, json!({"ScheduledActionName": "breakfast"}));
    let wrong = [
        json!({"ScheduledActionName": "a", "Schedule": "hourly", "ScalableTargetAction": {"MinCapacity": 1}}),
        json!({"ScheduledActionName": "a", "Schedule": "rate(1 hour)", "ScalableTargetAction": {}}),
        json!({"ScheduledActionName": "a", "Schedule": "rate(1 hour)", "Timezone": "Mars/Olympus",
               "ScalableTargetAction": {"MinCapacity": 1}}),
        json!({"ScheduledActionName": "a", "ScalableTargetAction": {"MinCapacity": 1}}),
    ];
    for wrong in wrong {
        assert_eq!(refused(&mut world, "PutScheduledAction", FRAUD, wrong).0, "ValidationException");
    }
    let gone = refused(&mut world, "DeleteScheduledAction", FRAUD, json!({"ScheduledActionName": "breakfast"}));
    assert_eq!(gone.0, "ObjectNotFoundException");
}

#[test]
fn a_quota_fails_an_activity() {
    let mut world = world("quiet-night");
    scaling(&mut world, "RegisterScalableTarget", FRAUD, json!({"MinCapacity": 110, "MaxCapacity": 120}));
    let told = activities(&mut world, FRAUD)[0].clone();
    assert_eq!((&told["StatusCode"], &told["Cause"]), (&json!("Failed"), &json!("minimum capacity was set to 110")));
    let message = told["StatusMessage"].as_str().unwrap();
    assert!(message.starts_with(
        "Failed to set desired instance count to 110. Reason: The account-level service limit 'ml.c5.2xlarge for endpoint \
         usage' is 100 Instances"
    ));
    assert_eq!(count(&mut world, "fraud-prod"), (6, 6, "InService".to_owned()));
}

#[test]
fn policies_that_are_refused() {
    let mut world = world("quiet-night");
    let other = invocations(100.0);
    let mut twice = other.clone();
    twice["PolicyName"] = "second".into();
    let mut latency = other.clone();
    latency["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]["PredefinedMetricType"] =
        "SageMakerVariantConcurrentRequestsPerModelHighResolution".into();
    let cases = [
        (FRAUD, twice, "ValidationException", "Only one TargetTrackingScaling policy"),
        (FRAUD, latency, "ValidationException", "is not published"),
        (FRAUD, json!({"PolicyName": "p"}), "ValidationException", "must not be null"),
        (FRAUD, json!({"PolicyName": "p", "PolicyType": "PredictiveScaling"}), "ValidationException", "not offered"),
        ("endpoint/nobody/variant/x", other, "ObjectNotFoundException", "No scalable target registered for"),
    ];
    for (id, input, code, words) in cases {
        let (told, message) = refused(&mut world, "PutScalingPolicy", id, input);
        assert!(told == code && message.contains(words), "{told}: {message}");
    }
    scaling(&mut world, "PutScalingPolicy", FRAUD, tracking(1_000.0));
    // What hangs on a target goes with it, and a target goes with its endpoint.
    ok(&mut world, "DeleteEndpoint", &json!({"EndpointName": "fraud-prod"}));
    pass(&mut world, 5);
    let target = scaling(&mut world, "DescribeScalableTargets", FRAUD, json!({"ResourceIds": [FRAUD]}));
    assert_eq!(target["ScalableTargets"], json!([]));
    let alarms = json!({"AlarmNamePrefix": "TargetTracking-endpoint/fraud-prod"});
    assert_eq!(call(&mut world, "monitoring", "DescribeAlarms", &alarms).1["MetricAlarms"], json!([]));
}

/// Numbers at the ends of what a number can be, and texts without an end.
#[test]
fn what_is_out_of_all_bounds_does_no_harm() {
    let mut world = world("quiet-night");
    let steps = |adjustment: i64, least: i64, cooldown: i64| {
        json!({"PolicyName": "steps", "StepScalingPolicyConfiguration": {
            "AdjustmentType": "PercentChangeInCapacity", "Cooldown": cooldown, "MinAdjustmentMagnitude": least,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": adjustment}],
        }})
    };
    let policy = steps(i64::MAX, i64::MAX, i64::MAX);
    let arn = scaling(&mut world, "PutScalingPolicy", FRAUD, policy)["PolicyARN"].clone();
    let alarm = json!({
        "AlarmName": "much", "Namespace": "AWS/SageMaker", "MetricName": "Invocations", "Statistic": "Sum", "Period": 60,
        "Dimensions": [{"Name": "EndpointName", "Value": "fraud-prod"}, {"Name": "VariantName", "Value": "blue"}],
        "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold", "AlarmActions": [arn],
    });
    assert_eq!(call(&mut world, "monitoring", "PutMetricAlarm", &alarm).0, 200);
    pass(&mut world, 10);
    assert_eq!(count(&mut world, "fraud-prod").0, 8, "as many as the bounds allow");
    scaling(&mut world, "PutScalingPolicy", FRAUD, steps(i64::MIN, 1, i64::MAX));
    pass(&mut world, 10);
    scaling(&mut world, "RegisterScalableTarget", FRAUD, json!({"MinCapacity": i64::MAX, "MaxCapacity": i64::MAX}));
    pass(&mut world, 10);
    let cause = format!("minimum capacity was set to {}", i64::MAX);
    let told = activities(&mut world, FRAUD).into_iter().find(|activity| activity["Cause"] == cause.as_str());
    assert_eq!(told.unwrap()["StatusCode"], "Failed");
    let action = |name: &str, schedule: &str| json!({"ScheduledActionName": name, "Schedule": schedule, "ScalableTargetAction": {"MinCapacity": 1}});
    let tags: serde_json::Map<String, Value> = (0..51).map(|n| (format!("k{n}"), "v".into())).collect();
    let many: Vec<Value> = (0..21)
        .map(|n| json!({"MetricIntervalLowerBound": n, "MetricIntervalUpperBound": n + 1, "ScalingAdjustment": 1}))
        .collect();
    let mut stairs = steps(1, 1, 1);
    stairs["StepScalingPolicyConfiguration"]["StepAdjustments"] = many.into();
    let mut long = invocations(100.0);
    long["PolicyName"] = "n".repeat(257).into();
    let cases = [
        (
            "PutScheduledAction",
            action("a", &format!("cron({} 8 ? * * *)", "*,".repeat(1_000) + "*")),
            "ValidationException",
        ),
        ("PutScheduledAction", action(&"n".repeat(257), "rate(1 hour)"), "ValidationException"),
        ("PutScalingPolicy", long, "ValidationException"),
        ("PutScalingPolicy", stairs, "LimitExceededException"),
        ("RegisterScalableTarget", json!({ "Tags": tags }), "TooManyTagsException"),
    ];
    for (operation, input, code) in cases {
        assert_eq!(refused(&mut world, operation, FRAUD, input).0, code, "{operation}");
    }
}

/// A policy that cannot have all its alarms is not put, and the one before serves on with its own.
#[test]
fn a_policy_without_room_for_its_alarms_changes_nothing() {
    let mut world = world("quiet-night");
    let mut put = |operation: &str, input: &Value| call(&mut world, "monitoring", operation, input).0;
    let rule = |n: usize| json!({"AlarmName": format!("filler-{n}"), "AlarmRule": "ALARM(none)"});
    let made = (0..).take_while(|n| put("PutCompositeAlarm", &rule(*n)) == 200).count();
    let one_less = json!({"AlarmNames": [format!("filler-{}", made - 1)]});
    let before = scaling(&mut world, "DescribeScalingPolicies", FRAUD, json!({}));
    // It has one alarm and wants a second, of another metric: with room for one more, then with none.
    let mut wanted = tracking(1_000.0);
    wanted["PolicyName"] = "second".into();
    for _ in 0..2 {
        let (code, _) = refused(&mut world, "PutScalingPolicy", FRAUD, wanted.clone());
        assert_eq!(code, "LimitExceeded");
        let after = scaling(&mut world, "DescribeScalingPolicies", FRAUD, json!({}));
        assert_eq!(after, before);
        let prefix = json!({"AlarmNamePrefix": "TargetTracking-endpoint/fraud-prod"});
        let alarms = call(&mut world, "monitoring", "DescribeAlarms", &prefix).1;
        assert_eq!(alarms["MetricAlarms"].as_array().unwrap().len(), 1, "{alarms}");
        call(&mut world, "monitoring", "DeleteAlarms", &one_less);
    }
}

#[test]
fn a_target_is_tagged() {
    let mut world = world("quiet-night");
    scaling(&mut world, "RegisterScalableTarget", FRAUD, json!({"Tags": {"team": "fraud"}}));
    let arn =
        scaling(&mut world, "DescribeScalableTargets", FRAUD, json!({}))["ScalableTargets"].as_array().unwrap().clone();
    let arn = arn.iter().find(|target| target["ResourceId"] == FRAUD).unwrap()["ScalableTargetARN"].clone();
    scaling(&mut world, "TagResource", FRAUD, json!({"ResourceARN": arn, "Tags": {"cost": "7"}}));
    scaling(&mut world, "UntagResource", FRAUD, json!({"ResourceARN": arn, "TagKeys": ["team"]}));
    let tags = scaling(&mut world, "ListTagsForResource", FRAUD, json!({"ResourceARN": arn}));
    assert_eq!(tags["Tags"], json!({"cost": "7"}));
    let gone = refused(&mut world, "ListTagsForResource", FRAUD, json!({"ResourceARN": format!("{arn}0")}));
    assert_eq!(gone.0, "ResourceNotFoundException");
}

#[test]
fn one_endpoint_follows_its_load_through_the_days() {
    let mut world = world("quiet-night");
    let id = "endpoint/address-prod/variant/AllTraffic";
    assert_eq!(count(&mut world, "address-prod").1, 3, "at night");
    let past = activities(&mut world, id);
    assert!(past.len() > 10, "{}", past.len());
    let mut counts = std::collections::BTreeSet::new();
    let end = world.now().plus(DAY);
    while world.now() < end {
        pass(&mut world, 30);
        counts.insert(count(&mut world, "address-prod").1);
    }
    assert!(counts.contains(&3) && counts.contains(&6), "{counts:?}");
    assert!(activities(&mut world, id).len() > past.len());
    assert!((3..=4).contains(&count(&mut world, "address-prod").1), "the next night");
}
