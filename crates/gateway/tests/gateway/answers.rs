//! Odd answers: faults, pages, fakes.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use mldeck_core::{
    ask::{Answer, Ask},
    fault::{FaultKind, Login},
    resource::endpoint::EndpointStatus,
    text::Text,
};
use serde_json::json;

use crate::support::{ENDPOINTS, End, answer, error, fake, json as reply, scripted, walk};

#[tokio::test]
async fn every_kind_of_failure_is_told_apart() {
    let html = |status| move || answer(status, "text/html; charset=utf-8", "<!doctype html><title>Oops</title>");
    let denied = "User: arn:aws:iam::1:user/x is not authorized to perform: sagemaker:ListEndpoints on resource: *";
    type Make = Box<dyn Fn() -> End + Send + Sync>;
    let offered = || FaultKind::NotOffered { operation: Text::new("ListEndpoints") };
    let cases: Vec<(Make, FaultKind, usize)> = vec![
        (
            Box::new(|| error(400, "AccessDeniedException", denied)),
            FaultKind::Denied { action: Text::new("sagemaker:ListEndpoints") },
            1,
        ),
        (Box::new(|| error(400, "ExpiredTokenException", "x")), FaultKind::Login(Login::Expired), 1),
        (Box::new(|| error(403, "UnrecognizedClientException", "x")), FaultKind::Login(Login::Refused), 1),
        (Box::new(|| error(400, "ValidationException", "Could not find endpoint \"x\"")), FaultKind::Missing, 1),
        (Box::new(|| error(400, "ValidationException", "bad")), FaultKind::Invalid, 1),
        (Box::new(|| error(400, "ResourceLimitExceeded", "x")), FaultKind::Quota, 1),
        (Box::new(|| error(400, "ConflictException", "x")), FaultKind::Conflict, 1),
        (Box::new(|| error(400, "UnknownOperationException", "x")), offered(), 1),
        (Box::new(html(404)), offered(), 1),
        (Box::new(html(500)), FaultKind::Service, 2),
        (Box::new(|| answer(404, "text/plain", "")), offered(), 1),
        (Box::new(|| error(400, "ThrottlingException", "Rate exceeded")), FaultKind::Throttled, 2),
        (Box::new(|| error(500, "InternalFailure", "x")), FaultKind::Service, 2),
        (Box::new(html(503)), FaultKind::Service, 2),
        (Box::new(html(200)), FaultKind::Unreadable, 1),
        (Box::new(|| End::Broken), FaultKind::Network, 2),
        (Box::new(|| End::Never), FaultKind::Timeout, 2),
    ];
    for (make, kind, requests) in cases {
        let (gateway, peer) = scripted(move |_| make()).await;
        let fault = gateway.ask(&ENDPOINTS).await.expect_err("a failure");
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(!fault.to_string().contains("doctype") && !fault.to_string().contains("Oops"), "{fault}");
        assert_eq!(peer.seen().len(), requests, "{fault}");
    }
}

#[tokio::test]
async fn what_is_not_offered_is_not_asked_again() {
    let (gateway, peer) = fake(|_| answer(500, "text/html", "<html>")).await;
    for _ in 0..3 {
        let fault = gateway.ask(&ENDPOINTS).await.expect_err("not offered");
        assert_eq!(fault.kind, FaultKind::NotOffered { operation: Text::new("ListEndpoints") });
    }
    assert_eq!(peer.seen().len(), 1);
}

#[tokio::test]
async fn an_empty_page_with_a_token_goes_on_and_full_pages_are_asked_for() {
    let page = Arc::new(AtomicUsize::new(0));
    let (gateway, peer) = scripted(move |_| match page.fetch_add(1, Ordering::SeqCst) {
        0 => reply(200, &json!({"Endpoints": [], "NextToken": "a"})),
        1 => reply(200, &json!({"Endpoints": [{"EndpointName": "one"}], "NextToken": "b"})),
        _ => reply(200, &json!({"Endpoints": [{"EndpointName": "two", "EndpointStatus": "Dreaming"}]})),
    })
    .await;
    let rows = walk(&gateway).await;
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["one", "two"], "absent members are no error");
    assert_eq!(rows[1].status, EndpointStatus::Other(Text::new("Dreaming")));
    let tokens: Vec<_> = peer.seen().iter().map(|seen| seen.json()["NextToken"].clone()).collect();
    assert_eq!(tokens, [json!(null), json!("a"), json!("b")]);
    assert!(peer.seen().iter().all(|seen| seen.json()["MaxResults"] == json!(100)));
}

#[tokio::test]
async fn a_token_that_never_ends_does() {
    let (gateway, peer) = scripted(|_| reply(200, &json!({"Endpoints": [], "NextToken": "again"}))).await;
    assert_eq!(walk(&gateway).await, Vec::new());
    assert_eq!(peer.seen().len(), 100);
}

#[tokio::test]
async fn where_search_is_not_offered_lists_answer() {
    let (gateway, _) = fake(|seen| match seen.what.operation.as_str() {
        "ListPipelines" => reply(200, &json!({"PipelineSummaries": [{"PipelineName": "Fraud"}]})),
        "ListPipelineExecutions" => reply(
            200,
            &json!({"PipelineExecutionSummaries": [{
                "PipelineExecutionArn": "arn:aws:sagemaker:eu-west-1:1:pipeline/fraud/execution/abc123",
                "StartTime": 1_795_399_860.5, "PipelineExecutionStatus": "Failed"}]}),
        ),
        "ListModelPackageGroups" => {
            reply(200, &json!({"ModelPackageGroupSummaryList": [{"ModelPackageGroupName": "fraud"}]}))
        }
        "ListModelPackages" => reply(
            200,
            &json!({"ModelPackageSummaryList": [{"ModelPackageGroupName": "fraud", "ModelPackageVersion": 3,
                "ModelPackageArn": "arn:aws:sagemaker:eu-west-1:1:model-package/fraud/3"}]}),
        ),
        _ => answer(500, "text/html", "<html>"),
    })
    .await;
    let since = gateway.now();
    let Ok(Answer::Executions(rows)) = gateway.ask(&Ask::Executions { since }).await else { panic!("no executions") };
    assert_eq!((rows[0].id.as_str(), rows[0].pipeline.as_str()), ("abc123", "Fraud"));
    assert_eq!(rows[0].started.iso(), "2026-11-23T02:11:00Z");
    let Ok(Answer::Packages(rows)) = gateway.ask(&Ask::Packages).await else { panic!("no versions") };
    assert_eq!(rows[0].name, "fraud/3");
}

#[tokio::test]
async fn a_wrong_option_is_a_setup_fault() {
    let connect = |url: &str| mldeck_gateway::Connect {
        region: Some("eu-west-1".to_owned()),
        endpoint_url: Some(url.to_owned()),
        credentials: Some(aws_credential_types::Credentials::new("a", "b", None, None, "test")),
        ..mldeck_gateway::Connect::default()
    };
    for url in ["", "127.0.0.1", "not a url", "/path"] {
        let fault = mldeck_gateway::Gateway::connect(connect(url)).await.expect_err("malformed");
        assert_eq!(fault.kind, FaultKind::Setup, "{url}");
    }
    let nowhere = mldeck_gateway::Connect { region: None, endpoint_url: None, ..connect("") };
    let fault = mldeck_gateway::Gateway::connect(nowhere).await.expect_err("no region");
    assert_eq!(fault.kind, FaultKind::Setup);
    assert!(fault.message.as_str().contains("--region"), "{fault}");
}

#[tokio::test]
async fn where_cbor_is_not_offered_cloudwatch_is_asked_in_json() {
    let (gateway, peer) = fake(|seen| {
        if seen.uri.contains("/operation/") {
            return answer(404, "text/html", "<html>");
        }
        match seen.what.operation.as_str() {
            "DescribeAlarms" => reply(
                200,
                &json!({"MetricAlarms": [{"AlarmName": "fraud-5xx", "StateValue": "ALARM", "AlarmActions": ["arn"],
                    "StateUpdatedTimestamp": 1_795_399_860.0, "Namespace": "AWS/SageMaker", "MetricName": "Invocation5XXErrors",
                    "Dimensions": [{"Name": "EndpointName", "Value": "fraud-prod"}]}]}),
            ),
            "GetMetricData" => reply(
                200,
                &json!({"MetricDataResults": [{"Id": "m0", "Timestamps": [1_795_399_860.0], "Values": [60.0]}]}),
            ),
            _ => crate::writes::identity(),
        }
    })
    .await;
    let Ok(Answer::Alarms(alarms)) = gateway.ask(&Ask::Alarms).await else { panic!("no alarms") };
    assert!(alarms[0].is_firing() && alarms[0].has_actions, "{alarms:?}");
    assert_eq!(alarms[0].endpoint().map(Text::as_str), Some("fraud-prod"));
    let (from, to) = (gateway.now().plus(-3_600_000), gateway.now());
    let ask = Ask::EndpointSeries { endpoint: Text::new("e"), variants: vec![Text::new("v")], from, to };
    let Ok(Answer::Series(series)) = gateway.ask(&ask).await else { panic!("no series") };
    assert_eq!(series[0].points, [(1_795_399_860_000.0, 60.0)]);
    gateway.ask(&Ask::Alarms).await.expect("again");
    let cbor = peer.seen().iter().filter(|seen| seen.uri.contains("/operation/DescribeAlarms")).count();
    assert_eq!(cbor, 1, "the SDK's protocol is tried once");
}
