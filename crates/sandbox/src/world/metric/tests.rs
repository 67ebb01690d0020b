use mldeck_core::time::{DAY, HOUR, MINUTE, Timestamp};
use serde_json::{Value, json};

use crate::{
    World,
    testkit::{call, ok, world},
};

fn stat(id: &str, name: &str, stat: &str, period: i64) -> Value {
    json!({"Id": id, "MetricStat": {"Period": period, "Stat": stat, "Metric": {
        "Namespace": "AWS/SageMaker", "MetricName": name, "Dimensions": [
            {"Name": "EndpointName", "Value": "fraud-prod"}, {"Name": "VariantName", "Value": "blue"}
        ],
    }}})
}

fn data(world: &mut World, queries: &[Value], from: Timestamp, to: Timestamp) -> Value {
    let (status, body) = call(
        world,
        "monitoring",
        "GetMetricData",
        &json!({
            "MetricDataQueries": queries, "ScanBy": "TimestampAscending",
            "StartTime": from.secs_f64(), "EndTime": to.secs_f64(),
        }),
    );
    assert_eq!(status, 200, "{body}");
    body
}

fn values(body: &Value, index: usize) -> Vec<f64> {
    body["MetricDataResults"][index]["Values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn the_bad_version_shows_after_its_onset_and_not_before() {
    let mut world = world("fraud-burns");
    let now = world.now();
    let queries = [stat("e", "Invocation5XXErrors", "Average", 300), stat("l", "ModelLatency", "p99", 300)];
    let before = data(&mut world, &queries, now.plus(-2 * HOUR), now.plus(-HOUR));
    assert!(values(&before, 0).iter().all(|share| *share < 0.005), "{before}");
    assert!(values(&before, 1).iter().all(|micros| (40_000.0..100_000.0).contains(micros)), "{before}");
    let after = data(&mut world, &queries, now.plus(-5 * MINUTE).floor(5 * MINUTE), now);
    assert!((0.03..0.055).contains(&values(&after, 0)[0]), "{after}");
    assert!((1_000_000.0..3_500_000.0).contains(&values(&after, 1)[0]), "{after}");
}

#[test]
fn expressions_statistics_and_sums_agree() {
    let mut world = world("fraud-burns");
    let now = world.now().floor(HOUR);
    let mut hidden = stat("e", "Invocation5XXErrors", "Sum", 300);
    hidden["ReturnData"] = json!(false);
    let queries = [
        stat("n", "Invocations", "Sum", 300),
        stat("avg", "Invocation5XXErrors", "Average", 300),
        hidden,
        json!({"Id": "rate", "Expression": "e / n"}),
    ];
    let body = data(&mut world, &queries, now.plus(-HOUR), now);
    let ids: Vec<&str> =
        body["MetricDataResults"].as_array().unwrap().iter().map(|r| r["Id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["n", "avg", "rate"]);
    for (average, rate) in values(&body, 1).iter().zip(values(&body, 2)) {
        assert!((average - rate).abs() < 2e-6, "{average} {rate}");
    }
    let minutes = data(&mut world, &[stat("n", "Invocations", "Sum", 60)], now.plus(-HOUR), now);
    assert_eq!(values(&minutes, 0).iter().sum::<f64>(), values(&body, 0).iter().sum::<f64>());
}

#[test]
fn a_split_of_traffic_shows_by_config() {
    let mut world = world("bad-canary");
    let now = world.now();
    let of = |id: &str, config: Option<&str>, name: &str, stat: &str| {
        let mut dimensions =
            json!([{"Name": "EndpointName", "Value": "ranking-eu"}, {"Name": "VariantName", "Value": "main"}]);
        if let (Value::Array(list), Some(config)) = (&mut dimensions, config) {
            list.push(json!({"Name": "EndpointConfigName", "Value": config}));
        }
        json!({"Id": id, "MetricStat": {"Period": 180, "Stat": stat, "Metric": {
            "Namespace": "AWS/SageMaker", "MetricName": name, "Dimensions": dimensions
        }}})
    };
    let queries = [
        of("all", None, "Invocations", "Sum"),
        of("new", Some("ranking-v32-a"), "Invocations", "Sum"),
        of("bad", Some("ranking-v32-a"), "Invocation5XXErrors", "Average"),
        of("mixed", None, "Invocation5XXErrors", "Average"),
    ];
    let body = data(&mut world, &queries, now.plus(-3 * MINUTE).floor(3 * MINUTE), now);
    let first = |index: usize| values(&body, index)[0];
    let share = first(1) / first(0);
    assert!((0.08..0.12).contains(&share), "{share}");
    assert!((0.10..0.15).contains(&first(2)), "{body}");
    assert!((0.008..0.018).contains(&first(3)), "below the alarm's 2 %: {body}");
}

#[test]
fn long_windows_come_in_pages() {
    let mut world = world("quiet-night");
    let now = world.now().floor(HOUR);
    let mut input = json!({
        "MetricDataQueries": [stat("a", "Invocations", "Sum", 60), stat("b", "Invocations", "SampleCount", 60)],
        "StartTime": now.plus(-HOUR).secs_f64(), "EndTime": now.secs_f64(), "MaxDatapoints": 50,
    });
    let (mut pages, mut points) = (0, 0);
    let last = loop {
        let (status, body) = call(&mut world, "monitoring", "GetMetricData", &input);
        assert_eq!(status, 200);
        pages += 1;
        points += values(&body, 0).len() + values(&body, 1).len();
        let last = body["MetricDataResults"][1]["StatusCode"].clone();
        match body.get("NextToken") {
            Some(token) => {
                assert_eq!(last, "PartialData");
                input["NextToken"] = token.clone();
            }
            None => break last,
        }
    };
    assert_eq!((pages, points, last), (3, 120, json!("Complete")));
}

#[test]
fn nothing_was_published_before_the_endpoint_was() {
    let mut world = world("quiet-night");
    let now = world.now();
    let body = data(&mut world, &[stat("n", "Invocations", "Sum", 3_600)], now.plus(-80 * DAY), now.plus(-70 * DAY));
    assert_eq!(values(&body, 0), Vec::<f64>::new());
    let days = data(&mut world, &[stat("n", "Invocations", "Sum", 86_400)], now.plus(-7 * DAY), now);
    assert!(values(&days, 0).iter().all(|sum| *sum > 0.0), "{days}");
}

#[test]
fn queries_that_cloudwatch_refuses() {
    let mut world = world("quiet-night");
    let now = world.now().secs_f64();
    let cases = [
        (json!([stat("Upper", "Invocations", "Sum", 60)]), "must start with a lower-case letter"),
        (json!([stat("a", "Invocations", "Sum", 7)]), "must be 1, 5, 10, 30 or a multiple of 60"),
        (json!([stat("a", "Invocations", "tm990", 60)]), "not understood here"),
        (json!([{"Id": "a", "Expression": "GUESS(1)"}]), "Error in expression 'a': Function 'GUESS' not found"),
        (json!([{"Id": "a", "Expression": "b + 1"}]), "Error in expression 'a': Undefined variable 'b'"),
        (json!([{"Id": "a", "Expression": "a + 1"}]), "Error in expression 'a': it depends on itself"),
        (
            json!([{"Id": "a", "Expression": "b"}, {"Id": "b", "Expression": "c"}, {"Id": "c", "Expression": "a"}]),
            "it depends on itself, directly or through another expression",
        ),
        (
            json!([{"Id": "a", "Expression": "TIME_SERIES(1)", "Period": 61}]),
            "must be 1, 5, 10, 30 or a multiple of 60",
        ),
        (json!([stat("a", "Invocations", "Sum", 60), stat("a", "Invocations", "Sum", 60)]), "used twice"),
        (json!([]), "between 1 and 500"),
    ];
    for (queries, text) in cases {
        let input = json!({"MetricDataQueries": queries, "StartTime": now - 600.0, "EndTime": now});
        let (status, body) = call(&mut world, "monitoring", "GetMetricData", &input);
        assert_eq!(status, 400);
        assert!(body["message"].as_str().unwrap().contains(text), "{body}");
    }
}

/// Each doubles the one before: evaluated anew for each reference this would never end.
#[test]
fn expressions_are_evaluated_once() {
    let mut world = world("quiet-night");
    let now = world.now().floor(HOUR);
    let mut queries = vec![stat("e0", "Invocations", "Sum", 300)];
    for n in 1..=60 {
        let (id, before) = (format!("e{n}"), n - 1);
        queries.push(json!({"Id": id, "ReturnData": n == 60, "Expression": format!("(e{before} + e{before}) / 2")}));
    }
    queries.reverse();
    let body = data(&mut world, &queries, now.plus(-HOUR), now);
    let ids: Vec<&Value> = body["MetricDataResults"].as_array().unwrap().iter().map(|row| &row["Id"]).collect();
    assert_eq!(ids, ["e60", "e0"], "in the order of the request");
    assert_eq!(values(&body, 0).len(), 12);
    assert_eq!(values(&body, 0), values(&body, 1));
    let wide = (1..=400).map(|n| json!({"Id": format!("w{n}"), "Expression": format!("[{}m, m]", "m, ".repeat(300))}));
    let mut queries = vec![stat("m", "Invocations", "Sum", 60)];
    queries.extend(wide);
    let input =
        json!({"MetricDataQueries": queries, "StartTime": now.plus(-DAY).secs_f64(), "EndTime": now.secs_f64()});
    let (status, body) = call(&mut world, "monitoring", "GetMetricData", &input);
    assert_eq!((status, &body["__type"]), (400, &json!("ValidationError")));
    assert!(body["message"].as_str().unwrap().ends_with("the request makes too many datapoints"), "{body}");
}

#[test]
fn searches_find_the_metrics_of_the_account() {
    let mut world = world("fraud-burns");
    let now = world.now().floor(HOUR);
    let search =
        r#"SEARCH('{AWS/SageMaker,EndpointName,VariantName} MetricName="Invocations" (fraud OR ranking)', 'Sum', 300)"#;
    let queries = [
        json!({"Id": "found", "Expression": search}),
        json!({"Id": "top", "Expression": "SORT(found, SUM, DESC, 1)", "Label": "${PROP('Dim.EndpointName')}: ${SUM}"}),
        json!({"Id": "sum", "Expression": "SUM(found)", "Label": "all"}),
        json!({"Id": "none", "Expression": "SEARCH('nothingofthekind', 'Sum', 300)"}),
    ];
    let body = data(&mut world, &queries, now.plus(-HOUR), now);
    let rows = body["MetricDataResults"].as_array().unwrap();
    let of = |id: &str| rows.iter().filter(|row| row["Id"] == id).collect::<Vec<_>>();
    let found = of("found");
    assert!(found.iter().any(|row| row["Label"] == "fraud-prod blue Invocations"), "{body}");
    assert!(found.len() >= 2, "{body}");
    let column = |row: &Value, at: usize| row["Values"][at].as_f64().unwrap_or_default();
    for at in 0..12 {
        let sum: f64 = found.iter().map(|row| column(row, at)).sum();
        assert_eq!(column(of("sum")[0], at), sum);
    }
    assert_eq!(of("sum")[0]["Label"], "all");
    let total = (0..12).map(|at| column(of("top")[0], at)).sum::<f64>();
    assert!(of("top")[0]["Label"].as_str().unwrap().ends_with(&format!(": {total}")), "{body}");
    assert!(of("none").is_empty());
    let many = [json!({"Id": "m", "Expression": "SEARCH('AWS', 'Sum', 300)"})];
    let body = data(&mut world, &many, now.plus(-HOUR), now);
    assert_eq!(body["MetricDataResults"].as_array().unwrap().len(), 100);
    assert_eq!(body["Messages"][0]["Code"], "MaxMetricsExceeded");
}

#[test]
fn labels_say_what_is_in_them() {
    let mut world = world("fraud-burns");
    let now = world.now().floor(HOUR);
    let label = |text: &str| {
        let mut query = stat("m", "Invocations", "Sum", 300);
        query["Label"] = text.into();
        query
    };
    let body = data(&mut world, &[label("plain")], now.plus(-HOUR), now);
    let (all, max) = (values(&body, 0), values(&body, 0).into_iter().fold(0.0, f64::max));
    let cases = [
        ("plain", "plain".to_owned()),
        ("${LABEL} ${MAX}", format!("Invocations {max}")),
        ("${DATAPOINT_COUNT}/${FIRST}", format!("12/{}", all[0])),
        ("${PROP('Dim.VariantName')} ${PROP('Namespace')} ${PROP('Period')}", "blue AWS/SageMaker 300".to_owned()),
        ("${NOPE} ${PROP('Dim.Gone')} ${", "${NOPE} ${PROP('Dim.Gone')} ${".to_owned()),
    ];
    for (text, expected) in cases {
        let body = data(&mut world, &[label(text)], now.plus(-HOUR), now);
        assert_eq!(body["MetricDataResults"][0]["Label"], expected.as_str(), "{text}");
    }
    // Of many, each has its own behind what the expression says.
    let many = |label: &str| {
        let mut hidden = stat("n", "Invocation4XXErrors", "Sum", 300);
        hidden["ReturnData"] = false.into();
        let mut first = hidden.clone();
        first["Id"] = "m".into();
        first["Label"] = "errors".into();
        [first, hidden, json!({"Id": "all", "Expression": "METRICS() / 2", "Label": label})]
    };
    for (label, expected) in [
        ("half:", ["half: errors", "half: Invocation4XXErrors"]),
        ("", ["errors", "Invocation4XXErrors"]),
        ("${LABEL}/2", ["errors/2", "Invocation4XXErrors/2"]),
    ] {
        let body = data(&mut world, &many(label), now.plus(-HOUR), now);
        let labels: Vec<&Value> =
            body["MetricDataResults"].as_array().unwrap().iter().map(|row| &row["Label"]).collect();
        assert_eq!(labels, expected, "{label}");
    }
}

#[test]
fn what_is_put_can_be_listed_and_read() {
    let mut world = world("quiet-night");
    let now = world.now();
    let put = json!({"Namespace": "mldeck/Drift", "MetricData": [
        {"MetricName": "psi", "Value": 0.2, "Timestamp": now.plus(-2 * MINUTE).secs_f64(),
         "Dimensions": [{"Name": "Feature", "Value": "amount_log"}]},
        {"MetricName": "psi", "Values": [0.4, 0.6], "Counts": [1, 3], "Timestamp": now.plus(-MINUTE).secs_f64(),
         "Dimensions": [{"Name": "Feature", "Value": "amount_log"}]},
    ]});
    assert_eq!(call(&mut world, "monitoring", "PutMetricData", &put).0, 200);
    let list = call(&mut world, "monitoring", "ListMetrics", &json!({"Namespace": "mldeck/Drift"})).1;
    assert_eq!(
        list["Metrics"],
        json!([{
            "Namespace": "mldeck/Drift", "MetricName": "psi", "Dimensions": [{"Name": "Feature", "Value": "amount_log"}]
        }])
    );
    let query = json!({"Id": "m", "MetricStat": {"Period": 300, "Stat": "Average", "Metric": {
        "Namespace": "mldeck/Drift", "MetricName": "psi", "Dimensions": [{"Name": "Feature", "Value": "amount_log"}]
    }}});
    let body = data(&mut world, &[query], now.plus(-10 * MINUTE), now.plus(10 * MINUTE));
    assert_eq!(values(&body, 0), [0.48]);
    let reserved = json!({"Namespace": "AWS/SageMaker", "MetricData": [{"MetricName": "x", "Value": 1.0}]});
    assert_eq!(
        call(&mut world, "monitoring", "PutMetricData", &reserved).1["__type"],
        "InvalidParameterValueException"
    );
}

#[test]
fn metrics_of_endpoints_are_listed_in_pages() {
    let mut world = world("quiet-night");
    let mut input = json!({"Namespace": "AWS/SageMaker", "MetricName": "Invocations"});
    let one = call(&mut world, "monitoring", "ListMetrics", &input).1;
    assert_eq!(one["Metrics"].as_array().unwrap().len(), 41, "40 endpoints, one with two variants");
    input["Dimensions"] = json!([{"Name": "EndpointName", "Value": "intent-fr"}]);
    let two = call(&mut world, "monitoring", "ListMetrics", &input).1;
    assert_eq!(two["Metrics"].as_array().unwrap().len(), 2);
}

#[test]
fn the_older_call_says_the_same() {
    let mut world = world("fraud-burns");
    let (from, to) = (world.now().plus(-HOUR).floor(HOUR), world.now().floor(HOUR));
    let body =
        data(&mut world, &[stat("n", "Invocations", "Sum", 300), stat("p", "ModelLatency", "p99", 300)], from, to);
    let mut ask = json!({
        "Namespace": "AWS/SageMaker", "MetricName": "Invocations", "Period": 300, "Statistics": ["Sum"],
        "StartTime": from.secs_f64(), "EndTime": to.iso(),
        "Dimensions": [{"Name": "EndpointName", "Value": "fraud-prod"}, {"Name": "VariantName", "Value": "blue"}],
    });
    let points = |world: &mut World, ask: &Value, of: &dyn Fn(&Value) -> f64| -> Vec<f64> {
        let (status, body) = call(world, "monitoring", "GetMetricStatistics", ask);
        assert_eq!(status, 200, "{body}");
        body["Datapoints"].as_array().unwrap().iter().map(of).collect()
    };
    assert_eq!(points(&mut world, &ask, &|point| point["Sum"].as_f64().unwrap()), values(&body, 0));
    ask["MetricName"] = json!("ModelLatency");
    ask["Statistics"] = json!([]);
    ask["ExtendedStatistics"] = json!(["p99"]);
    let p99 = |point: &Value| point["ExtendedStatistics"]["p99"].as_f64().unwrap();
    assert_eq!(points(&mut world, &ask, &p99), values(&body, 1));
    ask["Period"] = json!(1);
    assert_eq!(call(&mut world, "monitoring", "GetMetricStatistics", &ask).0, 400, "too many datapoints");
}

/// Names of the metrics of one endpoint, with how many dimensions they have.
fn published(world: &mut World, endpoint: &str) -> Vec<String> {
    let input = json!({"Dimensions": [{"Name": "EndpointName", "Value": endpoint}]});
    let (status, body) = call(world, "monitoring", "ListMetrics", &input);
    assert_eq!(status, 200, "{body}");
    let told = |metric: &Value| {
        format!("{}/{}", metric["MetricName"].as_str().unwrap(), metric["Dimensions"].as_array().unwrap().len())
    };
    body["Metrics"].as_array().unwrap().iter().map(told).collect()
}

#[test]
fn each_kind_of_endpoint_publishes_its_own_metrics() {
    let mut world = world("quiet-night");
    let role = "arn:aws:iam::447100000921:role/SageMakerExecution";
    let container = json!({"Image": "x:1", "Mode": "MultiModel", "ModelDataUrl": "s3://acme-ml-models/many/"});
    ok(
        &mut world,
        "CreateModel",
        &json!({"ModelName": "many", "ExecutionRoleArn": role, "PrimaryContainer": container}),
    );
    let instances = |model: &str| json!({"VariantName": "main", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 2});
    let output = json!({"OutputConfig": {"S3OutputPath": "s3://acme-ml-data/async/"}});
    let serverless = json!({"VariantName": "main", "ModelName": "fraud-v17", "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}});
    for (name, mut config) in [
        ("many", json!({"ProductionVariants": [instances("many")]})),
        ("queue", json!({"ProductionVariants": [instances("fraud-v17")], "AsyncInferenceConfig": output})),
        ("lean", json!({"ProductionVariants": [serverless]})),
    ] {
        config["EndpointConfigName"] = name.into();
        ok(&mut world, "CreateEndpointConfig", &config);
        ok(&mut world, "CreateEndpoint", &json!({"EndpointName": name, "EndpointConfigName": name}));
    }
    world.advance_to(world.now().plus(30 * MINUTE));
    let (many, queue, lean) =
        (published(&mut world, "many"), published(&mut world, "queue"), published(&mut world, "lean"));
    let has = |all: &[String], names: &[&str]| names.iter().all(|name| all.iter().any(|one| one == name));
    let lacks = |all: &[String], names: &[&str]| names.iter().all(|name| all.iter().all(|one| one != name));
    assert!(has(&many, &["Invocations/2", "ModelCacheHit/2", "LoadedModelCount/2", "CPUUtilization/2"]), "{many:?}");
    assert!(has(&queue, &["InvocationsProcesssed/2", "ApproximateBacklogSize/1", "ModelLatency/2"]), "{queue:?}");
    assert!(lacks(&queue, &["Invocations/2", "OverheadLatency/2", "ApproximateBacklogSize/2"]), "{queue:?}");
    assert!(has(&lean, &["Invocations/2", "ModelSetupTime/2", "MemoryUtilization/2"]), "{lean:?}");
    assert!(lacks(&lean, &["CPUUtilization/2", "InvocationsPerInstance/2", "ModelCacheHit/2"]), "{lean:?}");
    let read = |world: &mut World, metric: &str, dimensions: &[(&str, &str)]| {
        let dimensions: Vec<Value> = dimensions.iter().map(|(n, v)| json!({"Name": n, "Value": v})).collect();
        let input = json!({
            "Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions, "Period": 600, "Statistics": ["Sum"],
            "StartTime": world.now().plus(-10 * MINUTE).secs_f64(), "EndTime": world.now().secs_f64(),
        });
        let (_, body) = call(world, "monitoring", "GetMetricStatistics", &input);
        body["Datapoints"][0]["Sum"].as_f64()
    };
    let variant = |name| [("EndpointName", name), ("VariantName", "main")];
    assert!(read(&mut world, "InvocationsProcesssed", &variant("queue")).unwrap() > 100.0);
    assert!(read(&mut world, "ApproximateBacklogSize", &[("EndpointName", "queue")]).is_some());
    assert_eq!(read(&mut world, "Invocations", &variant("queue")), None);
    let (asked, found) =
        (read(&mut world, "Invocations", &variant("many")), read(&mut world, "ModelCacheHit", &variant("many")));
    assert!(found > Some(0.0) && found < asked, "{found:?} of {asked:?}");
}
