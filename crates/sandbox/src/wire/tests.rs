use ciborium::Value as Cbor;
use http::Request;
use serde_json::json;

use super::*;
use crate::testkit::{authorization, call, json_request, world};

fn header<'r>(response: &'r Response<Bytes>, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn cbor_request(operation: &str, input: &Cbor) -> Request<Bytes> {
    let mut body = Vec::new();
    ciborium::into_writer(input, &mut body).unwrap();
    Request::post(format!("/service/GraniteServiceVersion20100801/operation/{operation}"))
        .header("authorization", authorization("monitoring"))
        .header("smithy-protocol", "rpc-v2-cbor")
        .header("content-type", "application/cbor")
        .body(body.into())
        .unwrap()
}

fn cbor(response: &Response<Bytes>) -> Cbor {
    ciborium::from_reader(response.body().as_ref()).unwrap()
}

fn member<'c>(value: &'c Cbor, path: &[&str]) -> &'c Cbor {
    path.iter().fold(value, |value, key| {
        if let Ok(index) = key.parse::<usize>() {
            return &value.as_array().unwrap()[index];
        }
        let found = value.as_map().unwrap().iter().find(|(name, _)| name.as_text() == Some(key));
        &found.unwrap_or_else(|| panic!("{key} in {value:?}")).1
    })
}

fn map(members: Vec<(&str, Cbor)>) -> Cbor {
    Cbor::Map(members.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

#[test]
fn every_answer_carries_an_id_and_the_accounts_date() {
    let mut world = world("quiet-night");
    let response = world.handle(&json_request("sagemaker", "ListEndpoints", &json!({})));
    assert_eq!(header(&response, "date"), "Mon, 23 Nov 2026 02:24:10 GMT");
    assert_eq!(header(&response, "x-amzn-requestid").len(), 36);
    assert_eq!(header(&response, "content-type"), "application/x-amz-json-1.1");
    assert_eq!(header(&response, "content-length"), response.body().len().to_string());
}

#[test]
fn an_error_has_the_shape_of_its_protocol() {
    let mut world = world("quiet-night");
    let response = world.handle(&json_request("sagemaker", "DescribeEndpoint", &json!({"EndpointName": "x"})));
    assert_eq!(response.status(), 400);
    assert_eq!(header(&response, "x-amzn-errortype"), "ValidationException");

    let response = world.handle(&cbor_request(
        "SetAlarmState",
        &map(vec![("AlarmName", "gone".into()), ("StateValue", "OK".into()), ("StateReason", "x".into())]),
    ));
    assert_eq!((response.status().as_u16(), header(&response, "smithy-protocol")), (404, "rpc-v2-cbor"));
    assert_eq!(member(&cbor(&response), &["__type"]).as_text(), Some("com.amazonaws.cloudwatch#ResourceNotFound"));
    assert_eq!(header(&response, "x-amzn-query-error"), "ResourceNotFound;Sender");

    let unknown = Request::post("/")
        .header("authorization", authorization("sts"))
        .body(Bytes::from_static(b"Action=GetSessionToken&Version=2011-06-15"))
        .unwrap();
    let response = world.handle(&unknown);
    let xml = std::str::from_utf8(response.body()).unwrap();
    assert!(xml.contains("<Error><Type>Sender</Type><Code>InvalidAction</Code>"), "{xml}");
}

#[test]
fn what_cannot_be_routed_is_refused_and_nothing_panics() {
    let mut world = world("quiet-night");
    let unsigned = Request::post("/").header("x-amz-target", "SageMaker.ListEndpoints").body(Bytes::new()).unwrap();
    let response = world.handle(&unsigned);
    assert_eq!(response.status(), 403);
    assert_eq!(header(&response, "x-amzn-errortype"), "MissingAuthenticationTokenException");

    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [u8], &'static str);
    let cases: &[Case] = &[
        ("sagemaker", &[("x-amz-target", "SageMaker.Nothing")], b"{}", "UnknownOperationException"),
        ("sagemaker", &[("x-amz-target", "Logs_20140328.DescribeLogGroups")], b"{}", "UnknownOperationException"),
        ("sagemaker", &[("x-amz-target", "SageMaker.")], b"{}", "UnknownOperationException"),
        ("sagemaker", &[("x-amz-target", "SageMaker.ListEndpoints")], b"{\"a\":", "SerializationException"),
        ("sagemaker", &[("x-amz-target", "SageMaker.ListEndpoints")], b"[]", "SerializationException"),
        ("sagemaker", &[("x-amz-target", "SageMaker.ListEndpoints")], b"\xff\xfe", "SerializationException"),
        (
            "sagemaker",
            &[("x-amz-target", "SageMaker.DescribeEndpoint")],
            b"{\"EndpointName\":7}",
            "SerializationException",
        ),
        ("braket", &[("x-amz-target", "SageMaker.ListEndpoints")], b"{}", "InvalidSignatureException"),
        (
            "monitoring",
            &[("content-encoding", "gzip"), ("x-amz-target", "GraniteServiceVersion20100801.ListMetrics")],
            b"\x1f\x8b",
            "SerializationException",
        ),
    ];
    for (service, headers, body, code) in cases {
        let mut request = Request::post("/").header("authorization", authorization(service));
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        let response = world.handle(&request.body(Bytes::from_static(body)).unwrap());
        assert_eq!(header(&response, "x-amzn-errortype"), *code, "{headers:?} {body:?}");
    }
    let huge = json_request("sagemaker", "ListEndpoints", &json!({"a": "x".repeat(MOST_BODY)}));
    assert_eq!(world.handle(&huge).status(), 413);
    for body in [&b"\x9f\x9f\x9f"[..], b"\xbf\x01", b"\xd8", &[0x81; 400]] {
        let mut request = cbor_request("ListMetrics", &Cbor::Null);
        *request.body_mut() = Bytes::copy_from_slice(body);
        assert_eq!(world.handle(&request).status(), 400, "{body:?}");
    }
}

#[test]
fn another_region_is_not_this_account() {
    let mut world = world("quiet-night");
    let mut request = json_request("sagemaker", "ListEndpoints", &json!({}));
    let elsewhere = authorization("sagemaker").replace("eu-west-1", "us-east-1");
    request.headers_mut().insert("authorization", elsewhere.parse().unwrap());
    let response = world.handle(&request);
    assert_eq!(header(&response, "x-amzn-errortype"), "UnrecognizedClientException");
}

#[test]
fn the_caller_by_query() {
    let mut world = world("quiet-night");
    let request = Request::post("/")
        .header("authorization", authorization("sts"))
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .body(Bytes::from_static(b"Action=GetCallerIdentity&Version=2011-06-15"))
        .unwrap();
    let response = world.handle(&request);
    let xml = std::str::from_utf8(response.body()).unwrap();
    assert_eq!(header(&response, "content-type"), "text/xml");
    assert!(xml.contains("<Arn>arn:aws:sts::447100000921:assumed-role/OnCall/anna</Arn>"), "{xml}");
    assert!(xml.contains("<GetCallerIdentityResult><Account>447100000921</Account>"), "{xml}");
}

#[test]
fn cloudwatch_says_the_same_in_three_protocols() {
    let mut world = world("fraud-burns");
    let (_, json) = call(&mut world, "monitoring", "DescribeAlarms", &json!({"AlarmNames": ["fraud-5xx"]}));
    let alarm = &json["MetricAlarms"][0];

    let response = world
        .handle(&cbor_request("DescribeAlarms", &map(vec![("AlarmNames", Cbor::Array(vec!["fraud-5xx".into()]))])));
    let body = cbor(&response);
    let alarm_cbor = member(&body, &["MetricAlarms", "0"]);
    assert_eq!(member(alarm_cbor, &["StateValue"]).as_text(), Some("ALARM"));
    assert_eq!(member(alarm_cbor, &["Threshold"]), &Cbor::Float(0.02));
    assert_eq!(member(alarm_cbor, &["Period"]), &Cbor::Integer(60.into()));
    let since = alarm["StateTransitionedTimestamp"].as_f64().unwrap();
    assert_eq!(member(alarm_cbor, &["StateTransitionedTimestamp"]), &Cbor::Tag(1, Box::new(Cbor::Float(since))));

    let query = Request::post("/")
        .header("authorization", authorization("monitoring"))
        .body(Bytes::from_static(b"Action=DescribeAlarms&AlarmNames.member.1=fraud-5xx&Version=2010-08-01"))
        .unwrap();
    let response = world.handle(&query);
    let xml = std::str::from_utf8(response.body()).unwrap();
    assert!(xml.contains("<MetricAlarms><member>"), "{xml}");
    assert!(xml.contains("<Dimensions><member><Name>EndpointName</Name><Value>fraud-prod</Value></member>"), "{xml}");
    let iso = mldeck_core::time::Timestamp::from_secs_f64(since).iso();
    assert!(xml.contains(&format!("<StateTransitionedTimestamp>{iso}</StateTransitionedTimestamp>")), "{xml}");
}

#[test]
fn metrics_by_cbor_with_tagged_times() {
    let mut world = world("fraud-burns");
    let now = world.now().secs_f64();
    let dimension = |name: &str, value: &str| map(vec![("Name", name.into()), ("Value", value.into())]);
    let metric = map(vec![
        ("Namespace", "AWS/SageMaker".into()),
        ("MetricName", "Invocations".into()),
        ("Dimensions", Cbor::Array(vec![dimension("EndpointName", "fraud-prod"), dimension("VariantName", "blue")])),
    ]);
    let query = map(vec![
        ("Id", "m0".into()),
        ("MetricStat", map(vec![("Metric", metric), ("Period", Cbor::Integer(60.into())), ("Stat", "Sum".into())])),
    ]);
    let moment = |secs: f64| Cbor::Tag(1, Box::new(Cbor::Float(secs)));
    let response = world.handle(&cbor_request(
        "GetMetricData",
        &map(vec![
            ("MetricDataQueries", Cbor::Array(vec![query])),
            ("StartTime", moment(now - 600.0)),
            ("EndTime", moment(now)),
        ]),
    ));
    assert_eq!(response.status(), 200, "{:?}", cbor(&response));
    let body = cbor(&response);
    let result = member(&body, &["MetricDataResults", "0"]);
    let values = member(result, &["Values"]).as_array().unwrap();
    assert_eq!(values.len(), 10, "the minute that is under way is not published");
    assert!(values.iter().all(|value| value.as_float().is_some_and(|v| (800.0..3_000.0).contains(&v))), "{values:?}");
    let times = member(result, &["Timestamps"]).as_array().unwrap();
    assert!(times.iter().all(|time| matches!(time, Cbor::Tag(1, _))), "{times:?}");
}

#[test]
fn objects_in_path_style() {
    let mut world = world("quiet-night");
    let at = world.now();
    for (key, body) in [("a/1.json", "{\"one\":1}"), ("a/2.json", "two"), ("a/b/3 &.json", "three"), ("c", "four")] {
        assert!(world.s3.put("reports", key, body, at));
    }
    let request = |method: &str, path: &str, range: Option<&str>| {
        let mut request = Request::builder().method(method).uri(path).header("authorization", authorization("s3"));
        if let Some(range) = range {
            request = request.header("range", range);
        }
        request.body(Bytes::new()).unwrap()
    };
    let response = world.handle(&request("GET", "/reports/a/1.json", None));
    assert_eq!((response.status().as_u16(), response.body().as_ref()), (200, &b"{\"one\":1}"[..]));
    let response = world.handle(&request("GET", "/reports/a/b/3%20%26.json", Some("bytes=1-2")));
    assert_eq!((response.status().as_u16(), response.body().as_ref()), (206, &b"hr"[..]));
    assert_eq!(header(&response, "content-range"), "bytes 1-2/5");
    let response = world.handle(&request("GET", "/reports/c", Some("bytes=-3")));
    assert_eq!(response.body().as_ref(), b"our");
    assert_eq!(world.handle(&request("GET", "/reports/c", Some("bytes=9-"))).status(), 416);
    let response = world.handle(&request("HEAD", "/reports/c", None));
    assert_eq!((header(&response, "content-length"), response.body().len()), ("4", 0));
    let response = world.handle(&request("GET", "/reports/none", None));
    assert!(std::str::from_utf8(response.body()).unwrap().contains("<Code>NoSuchKey</Code>"));
    assert_eq!(world.handle(&request("HEAD", "/reports/none", None)).status(), 404);
    assert_eq!(world.handle(&request("GET", "/no-bucket/x", None)).status(), 404);

    let list = |world: &mut World, query: &str| {
        let response = world.handle(&request("GET", &format!("/reports?list-type=2{query}"), None));
        String::from_utf8(response.body().to_vec()).unwrap()
    };
    let xml = list(&mut world, "&prefix=a%2F&delimiter=%2F");
    assert!(xml.contains("<CommonPrefixes><Prefix>a/b/</Prefix></CommonPrefixes>"), "{xml}");
    assert!(xml.contains("<Key>a/1.json</Key>") && !xml.contains("3 &amp;.json"), "{xml}");
    let first = list(&mut world, "&max-keys=3");
    let token = first.split("<NextContinuationToken>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(first.contains("<Key>a/b/3 &amp;.json</Key>") && !first.contains("<Key>c</Key>"), "{first}");
    let rest = list(&mut world, &format!("&max-keys=3&continuation-token={token}"));
    assert!(rest.contains("<Key>c</Key><LastModified>2026-11-23T02:24:10Z</LastModified>"), "{rest}");
    assert!(rest.contains("<KeyCount>1</KeyCount>") && rest.contains("<IsTruncated>false</IsTruncated>"), "{rest}");
}

/// Valid requests with numbers at their ends, members of another kind and bytes changed: refused or answered, never a panic.
#[test]
fn broken_requests_do_not_break_the_world() {
    let mut world = world("fraud-burns");
    let mut random = fastrand::Rng::with_seed(5);
    for (service, operation, input) in &valid_requests() {
        let mut paths = Vec::new();
        pointers(input, &mut String::new(), &mut paths);
        for path in &paths {
            for end in ends() {
                let mut changed = input.clone();
                if let Some(at) = changed.pointer_mut(path) {
                    *at = end;
                }
                assert!(world.handle(&json_request(service, operation, &changed)).status().as_u16() < 500, "{changed}");
            }
        }
        for _ in 0..40 {
            let mut request = json_request(service, operation, input);
            let mut bytes = request.body().to_vec();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            *request.body_mut() = bytes.into();
            assert!(world.handle(&request).status().as_u16() < 500);
        }
        world.advance_to(world.now().plus(61_000));
    }
}

fn ends() -> [Value; 12] {
    [
        json!(i64::MIN),
        json!(i64::MAX),
        json!(9_223_372_036_854_775_800_i64),
        json!(-1),
        json!(0),
        json!(1e300),
        json!("x"),
        json!([]),
        json!({}),
        json!(null),
        json!(true),
        json!(["a", 1, null]),
    ]
}

fn valid_requests() -> Vec<(&'static str, &'static str, Value)> {
    let group = "/aws/sagemaker/Endpoints/fraud-prod";
    let routing = json!({
        "Type": "LINEAR", "WaitIntervalInSeconds": 1, "LinearStepSize": {"Type": "INSTANCE_COUNT", "Value": 1}
    });
    let query = json!({"Id": "m", "MetricStat": {"Period": 60, "Stat": "p99", "Metric": {
        "Namespace": "AWS/SageMaker", "MetricName": "ModelLatency", "Dimensions": [
            {"Name": "EndpointName", "Value": "fraud-prod"}, {"Name": "VariantName", "Value": "blue"}
        ],
    }}});
    vec![
        ("sagemaker", "ListEndpoints", json!({"MaxResults": 5, "NextToken": "AAAA", "CreationTimeAfter": 1})),
        (
            "sagemaker",
            "UpdateEndpoint",
            json!({
                "EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v17-a",
                "DeploymentConfig": {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}},
            }),
        ),
        (
            "sagemaker",
            "UpdateEndpointWeightsAndCapacities",
            json!({"EndpointName": "churn-batch", "DesiredWeightsAndCapacities": [
                {"VariantName": "all", "DesiredInstanceCount": 2, "DesiredWeight": 1}
            ]}),
        ),
        (
            "monitoring",
            "GetMetricData",
            json!({"MetricDataQueries": [query], "StartTime": 1_795_400_000, "EndTime": 1_795_400_600}),
        ),
        (
            "monitoring",
            "PutMetricData",
            json!({"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1, "Timestamp": 1_795_400_000}]}),
        ),
        (
            "monitoring",
            "PutMetricAlarm",
            json!({
                "AlarmName": "a", "Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60,
                "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold",
            }),
        ),
        (
            "logs",
            "FilterLogEvents",
            json!({"logGroupName": group, "startTime": 1_795_400_000_000_i64, "endTime": 1_795_400_060_000_i64, "limit": 2}),
        ),
        (
            "logs",
            "GetLogEvents",
            json!({"logGroupName": group, "logStreamName": "blue/i-1", "endTime": 5, "nextToken": "f/1/1"}),
        ),
        ("cloudtrail", "LookupEvents", json!({"StartTime": 1, "EndTime": 2, "MaxResults": 3})),
        (
            "application-autoscaling",
            "RegisterScalableTarget",
            json!({
                "ServiceNamespace": "sagemaker", "ResourceId": "endpoint/fraud-prod/variant/blue",
                "ScalableDimension": "d", "MinCapacity": 1, "MaxCapacity": 2,
            }),
        ),
    ]
}

/// JSON pointers of everything inside.
fn pointers(value: &Value, path: &mut String, into: &mut Vec<String>) {
    let length = path.len();
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in inner {
        path.push('/');
        path.push_str(&key);
        into.push(path.clone());
        pointers(value, path, into);
        path.truncate(length);
    }
}
