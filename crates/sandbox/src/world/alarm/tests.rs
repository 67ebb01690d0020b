use mldeck_core::time::{MINUTE, SECOND};
use serde_json::{Value, json};

use crate::{
    World,
    testkit::{call, world},
};

fn alarms(world: &mut World, input: &Value) -> Value {
    let (status, body) = call(world, "monitoring", "DescribeAlarms", input);
    assert_eq!(status, 200, "{body}");
    body
}

fn level(world: &mut World, name: &str) -> String {
    let body = alarms(world, &json!({"AlarmNames": [name]}));
    let alarm = body["MetricAlarms"].get(0).or_else(|| body["CompositeAlarms"].get(0)).unwrap();
    alarm["StateValue"].as_str().unwrap().to_owned()
}

fn firing(world: &mut World) -> Vec<String> {
    let body = alarms(world, &json!({"StateValue": "ALARM", "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}));
    let lists = ["MetricAlarms", "CompositeAlarms"].map(|list| body[list].as_array().unwrap().clone());
    lists.concat().iter().map(|alarm| alarm["AlarmName"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn nothing_fires_in_a_quiet_night() {
    let mut world = world("quiet-night");
    assert_eq!(firing(&mut world), Vec::<String>::new());
    world.advance_to(world.now().plus(24 * 60 * MINUTE));
    assert_eq!(firing(&mut world), Vec::<String>::new(), "a day later");
    let history = call(&mut world, "monitoring", "DescribeAlarmHistory", &json!({})).1;
    let items = history["AlarmHistoryItems"].as_array().unwrap();
    // One endpoint follows its load: that is no trouble.
    let scales =
        |item: &Value| item["AlarmName"].as_str().unwrap().starts_with("TargetTracking-endpoint/address-prod/");
    assert!(items.iter().all(scales), "{history}");
}

#[test]
fn the_bad_version_fires_its_alarms_and_their_composite() {
    let mut world = world("fraud-burns");
    assert_eq!(firing(&mut world), ["fraud-5xx", "fraud-p99", "fraud-health"]);
    let body = alarms(&mut world, &json!({"AlarmNames": ["fraud-5xx"]}));
    let alarm = &body["MetricAlarms"][0];
    assert!(alarm["StateReason"].as_str().unwrap().starts_with("Threshold Crossed: 3 out of the last 3 datapoints"));
    let since = world.now().secs_f64() - alarm["StateTransitionedTimestamp"].as_f64().unwrap();
    assert!((300.0..1_500.0).contains(&since), "it fires for {since} s");
}

#[test]
fn a_forced_state_holds_until_the_next_evaluation() {
    let mut world = world("quiet-night");
    let force = json!({"AlarmName": "churn-5xx", "StateValue": "ALARM", "StateReason": "drill"});
    assert_eq!(call(&mut world, "monitoring", "SetAlarmState", &force).0, 200);
    assert_eq!(level(&mut world, "churn-5xx"), "ALARM");
    world.advance_to(world.now().plus(20 * SECOND));
    assert_eq!(level(&mut world, "churn-5xx"), "ALARM", "no minute has ended yet");
    world.advance_to(world.now().plus(MINUTE));
    assert_eq!(level(&mut world, "churn-5xx"), "OK");
    let history = call(&mut world, "monitoring", "DescribeAlarmHistory", &json!({"AlarmName": "churn-5xx"})).1;
    let summaries: Vec<&str> = history["AlarmHistoryItems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["HistorySummary"].as_str().unwrap())
        .collect();
    assert_eq!(summaries, ["Alarm updated from ALARM to OK", "Alarm updated from OK to ALARM"]);
    let unknown = json!({"AlarmName": "gone", "StateValue": "OK", "StateReason": "x"});
    assert_eq!(
        call(&mut world, "monitoring", "SetAlarmState", &unknown),
        (
            404,
            json!({
                "__type": "ResourceNotFound", "message": "Unknown alarm: gone"
            })
        )
    );
}

/// An abort alarm: quiet until its metric is put, then firing for whole periods.
#[test]
fn an_alarm_on_a_metric_of_ones_own() {
    let mut world = world("quiet-night");
    let alarm = json!({
        "AlarmName": "mldeck-abort-fraud-prod", "Namespace": "MLOps/Abort", "MetricName": "Abort", "Statistic": "Sum",
        "Dimensions": [{"Name": "EndpointName", "Value": "fraud-prod"}],
        "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "notBreaching",
    });
    assert_eq!(call(&mut world, "monitoring", "PutMetricAlarm", &alarm).0, 200);
    assert_eq!(level(&mut world, "mldeck-abort-fraud-prod"), "INSUFFICIENT_DATA");
    world.advance_to(world.now().plus(MINUTE));
    assert_eq!(level(&mut world, "mldeck-abort-fraud-prod"), "OK");
    let put = json!({"Namespace": "MLOps/Abort", "MetricData": [{
        "MetricName": "Abort", "Value": 1.0, "Dimensions": [{"Name": "EndpointName", "Value": "fraud-prod"}]
    }]});
    assert_eq!(call(&mut world, "monitoring", "PutMetricData", &put).0, 200);
    world.advance_to(world.now().plus(MINUTE));
    assert_eq!(level(&mut world, "mldeck-abort-fraud-prod"), "ALARM");
    world.advance_to(world.now().plus(MINUTE));
    assert_eq!(level(&mut world, "mldeck-abort-fraud-prod"), "OK");
}

#[test]
fn an_alarm_over_metric_math() {
    let mut world = world("fraud-burns");
    let metric = |id: &str, name: &str| {
        json!({"Id": id, "ReturnData": false, "MetricStat": {"Period": 60, "Stat": "Sum", "Metric": {
            "Namespace": "AWS/SageMaker", "MetricName": name, "Dimensions": [
                {"Name": "EndpointName", "Value": "fraud-prod"}, {"Name": "VariantName", "Value": "blue"}
            ]
        }}})
    };
    let alarm = json!({
        "AlarmName": "fraud-rate", "EvaluationPeriods": 1, "Threshold": 3.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "Metrics": [
            metric("e", "Invocation5XXErrors"), metric("n", "Invocations"),
            {"Id": "rate", "Expression": "100 * e / n"},
        ],
    });
    assert_eq!(call(&mut world, "monitoring", "PutMetricAlarm", &alarm).0, 200);
    world.advance_to(world.now().plus(MINUTE));
    assert_eq!(level(&mut world, "fraud-rate"), "ALARM");
}

#[test]
fn expressions_no_alarm_may_watch() {
    let mut world = world("quiet-night");
    let metric = |id: &str| {
        json!({"Id": id, "ReturnData": false, "MetricStat": {"Period": 60, "Stat": "Sum", "Metric": {
            "Namespace": "My/Space", "MetricName": id
        }}})
    };
    let put = |world: &mut World, metrics: Vec<Value>| {
        let alarm = json!({
            "AlarmName": "a", "EvaluationPeriods": 3, "Threshold": 3.0, "ComparisonOperator": "GreaterThanThreshold",
            "Metrics": metrics,
        });
        call(world, "monitoring", "PutMetricAlarm", &alarm)
    };
    let over = |expression: &str| vec![metric("m"), metric("n"), json!({"Id": "e", "Expression": expression})];
    let cases = [
        (over("SUM(SEARCH('{My/Space} m', 'Sum', 60))"), "SEARCH is not supported"),
        (over("METRICS()"), "multi time series"),
        (over("[m, n]"), "multi time series"),
        (over("AVG(m)"), "The final result must be a time series"),
        (over("m + gone"), "Error in expression 'e': Undefined variable 'gone'"),
        (over("e + 1"), "Error in expression 'e': it depends on itself"),
        (over("SELECT SUM(m) FROM x"), "Metrics Insights queries are not supported"),
        (
            (0..11)
                .map(|n| metric(&format!("m{n}")))
                .chain([json!({"Id": "e", "Expression": "SUM(METRICS())"})])
                .collect(),
            "more than 10 individual metrics",
        ),
    ];
    for (metrics, why) in cases {
        let (status, body) = put(&mut world, metrics);
        assert_eq!((status, &body["__type"]), (400, &json!("ValidationError")), "{body}");
        assert!(body["message"].as_str().unwrap().contains(why), "{body}");
    }
    // Functions over what an alarm looks at: a gap counts as nothing, a mean is one over all its periods.
    assert_eq!(put(&mut world, over("FILL(SUM(METRICS()), 0) + 4")).0, 200);
    world.advance_to(world.now().plus(MINUTE));
    assert_eq!(level(&mut world, "a"), "ALARM");
    assert_eq!(put(&mut world, over("FILL(m, 0) + 2 - MAX(n)")).0, 200);
    world.advance_to(world.now().plus(MINUTE));
    assert_eq!(level(&mut world, "a"), "INSUFFICIENT_DATA");
}

#[test]
fn alarms_come_in_pages_and_by_prefix() {
    let mut world = world("quiet-night");
    let mut input = json!({"MaxRecords": 7});
    let mut names = Vec::new();
    loop {
        let body = alarms(&mut world, &input);
        let page = body["MetricAlarms"].as_array().unwrap().clone();
        assert!(page.len() <= 7);
        names.extend(page.iter().map(|alarm| alarm["AlarmName"].as_str().unwrap().to_owned()));
        match body.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => break,
        }
    }
    let mut sorted = names.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(names, sorted);
    for name in ["fraud-5xx", "fraud-p99", "ranking-5xx"] {
        assert!(names.iter().any(|have| have == name), "{name} is among {names:?}");
    }
    let body = alarms(&mut world, &json!({"AlarmNamePrefix": "fraud-", "AlarmTypes": ["CompositeAlarm"]}));
    assert_eq!(body["CompositeAlarms"][0]["AlarmName"], "fraud-health");
}

#[test]
fn actions_are_switched_off_and_alarms_found_by_their_metric() {
    let mut world = world("quiet-night");
    let metric = json!({
        "Namespace": "AWS/SageMaker", "MetricName": "ModelLatency", "ExtendedStatistic": "p99",
        "Dimensions": [{"Name": "VariantName", "Value": "blue"}, {"Name": "EndpointName", "Value": "fraud-prod"}],
    });
    let found = call(&mut world, "monitoring", "DescribeAlarmsForMetric", &metric).1;
    let names: Vec<&Value> =
        found["MetricAlarms"].as_array().unwrap().iter().map(|alarm| &alarm["AlarmName"]).collect();
    assert_eq!(names, ["fraud-p99"]);
    let enabled = |world: &mut World| {
        alarms(world, &json!({"AlarmNames": ["fraud-p99"]}))["MetricAlarms"][0]["ActionsEnabled"].clone()
    };
    let named = json!({"AlarmNames": ["fraud-p99", "gone"]});
    assert_eq!(call(&mut world, "monitoring", "DisableAlarmActions", &named).0, 200);
    assert_eq!(enabled(&mut world), false);
    let history = call(&mut world, "monitoring", "DescribeAlarmHistory", &json!({"AlarmName": "fraud-p99"})).1;
    assert_eq!(history["AlarmHistoryItems"][0]["HistoryItemType"], "ConfigurationUpdate");
    assert_eq!(call(&mut world, "monitoring", "EnableAlarmActions", &named).0, 200);
    assert_eq!(enabled(&mut world), true);
}
