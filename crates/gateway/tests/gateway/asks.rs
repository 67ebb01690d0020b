//! Every question against the sandbox: what it answers, and that nothing but reads went over the wire.

use mldeck_core::{
    ask::{Answer, Ask, LogsOf, RowOf, RunRef, VitalsOf},
    ops::{
        Snapshot,
        intent::{Choice, Intent},
        target::{Kind as Thing, Seen, Target},
    },
    resource::{Kind, monitor::MonitorKind},
    text::Text,
    time::{DAY, HOUR, MINUTE, SECOND},
};
use mldeck_gateway::{Class, Gateway};

use crate::support::{ENDPOINTS, Sandbox, sandbox, scope};

fn text(raw: &str) -> Text {
    Text::new(raw)
}

/// Everything about a way back of this endpoint.
fn facts(endpoint: &str) -> Ask {
    Ask::Facts { intent: Box::new(Intent::back_out(text(endpoint), Choice::default())), deep: true }
}

async fn world() -> (Sandbox, Gateway) {
    let sandbox = sandbox("fraud-burns");
    let gateway = sandbox.gateway().await;
    (sandbox, gateway)
}

#[tokio::test]
async fn identity_comes_from_sts_and_names_its_source() {
    let (sandbox, gateway) = world().await;
    let Ok(Answer::Identity(identity)) = gateway.ask(&Ask::Identity).await else { panic!("no identity") };
    assert_eq!(identity.scope, scope());
    assert_eq!(identity.source, "sandbox");
    assert_eq!(identity.who(), "anna");
    assert_eq!(sandbox.peer.operations(), ["GetCallerIdentity"]);
}

#[tokio::test]
async fn endpoints_come_with_details_in_the_fewest_calls() {
    let (sandbox, gateway) = world().await;
    let Ok(Answer::Endpoints { rows, .. }) = gateway.ask(&ENDPOINTS).await else { panic!("no endpoints") };
    assert!(rows.iter().any(|row| row.name == "fraud-prod"), "{rows:?}");
    assert!(rows.iter().all(|row| !row.arn.is_empty() && row.created.millis() > 0));
    sandbox.peer.forget();

    let described = |name: &str| RowOf { endpoint: text(name), at_rest: None };
    let ask = Ask::Rows { rows: vec![described("fraud-prod"), described("no-such-endpoint")], instances: false };
    let Ok(Answer::Details(details)) = gateway.ask(&ask).await else { panic!("no details") };
    let fraud = details[0].1.as_ref().expect("details of fraud-prod");
    assert_eq!(fraud.variants[0].label.as_ref().map(Text::as_str), Some("fraud v18"));
    assert_eq!(fraud.variants[0].instance_type.as_ref().map(Text::as_str), Some("ml.c5.2xlarge"));
    let missing = details[1].1.as_ref().expect_err("no such endpoint");
    assert_eq!(missing.kind, mldeck_core::fault::FaultKind::Missing, "{missing}");
    assert!(!sandbox.peer.operations().contains(&"ListTags".to_owned()), "a list shows no tags");
    sandbox.peer.forget();

    let one = Ask::Details(text("fraud-prod"));
    gateway.ask(&one).await.expect("alone");
    assert_eq!(sandbox.peer.operations(), ["DescribeEndpoint", "ListTags"], "config and model are known");
    sandbox.peer.forget();
    gateway.ask(&one).await.expect("again");
    assert_eq!(sandbox.peer.operations(), ["DescribeEndpoint"], "tags are known as well");
}

#[tokio::test]
async fn vitals_are_one_batch_and_last_week_is_asked_once() {
    let (sandbox, gateway) = world().await;
    let rows = vec![VitalsOf { endpoint: text("fraud-prod"), variants: vec![text("blue")] }];
    let Ok(Answer::Vitals(vitals)) = gateway.ask(&Ask::Vitals(rows.clone())).await else { panic!("no vitals") };
    let fraud = &vitals[0].1;
    assert!(fraud.error_share.is_some_and(|share| (0.01..0.2).contains(&share)), "it burns: {fraud:?}");
    assert!(fraud.invocations_per_min.is_some_and(|rate| rate > 100.0), "{fraud:?}");
    assert!(fraud.p99_ms.is_some_and(|p99| (10.0..60_000.0).contains(&p99)), "{fraud:?}");
    assert!(fraud.week_ago_per_min.is_some(), "{fraud:?}");
    assert!((35..=37).contains(&fraud.p99_spark.len()), "{}", fraud.p99_spark.len());
    assert_eq!(sandbox.peer.operations(), ["GetMetricData", "GetMetricData"]);
    assert!(gateway.load().dollars_per_hour > 0.0);
    sandbox.peer.forget();
    gateway.ask(&Ask::Vitals(rows)).await.expect("again");
    assert_eq!(sandbox.peer.operations(), ["GetMetricData"]);
}

#[tokio::test]
async fn a_snapshot_has_the_way_back() {
    let (sandbox, gateway) = world().await;
    let ask = facts("fraud-prod");
    let snapshot = match gateway.ask(&ask).await {
        Ok(Answer::Facts(facts)) => facts.snapshot.expect("a snapshot"),
        other => panic!("no snapshot: {other:?}"),
    };
    let live = snapshot.endpoint.details.as_ref().expect("details").config.clone();
    assert_eq!(snapshot.configs[0].0, live);
    let labels: Vec<String> =
        snapshot.models.iter().filter_map(|(_, model)| model.as_ref().ok()).map(|model| model.label()).collect();
    assert!(labels.contains(&"fraud v18".to_owned()) && labels.contains(&"fraud v17".to_owned()), "{labels:?}");
    let read = snapshot.models.iter().filter_map(|(_, model)| model.as_ref().ok());
    let exist: Vec<_> = read.map(|model| (model.data.clone(), model.data_exists)).collect();
    assert!(!exist.is_empty() && exist.iter().all(|(_, exists)| exists.is_some()), "{exist:?}");
    let alarms = snapshot.alarms.as_ref().expect("alarms");
    assert!(alarms.iter().any(|alarm| alarm.is_firing() && alarm.name == "fraud-5xx"), "{alarms:?}");
    let trail = snapshot.trail.as_ref().expect("asked").as_ref().expect("trail");
    assert_eq!(trail[0].by, "ci-deploy", "{trail:?}");
    assert!(snapshot.scaling.is_ok());
    let head = sandbox.peer.seen().into_iter().find(|seen| seen.what.operation == "HeadObject").expect("a check");
    assert!(head.uri.starts_with("https://s3.eu-west-1.amazonaws.com/acme-ml-models/"), "{}", head.uri);
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(head.header("x-amz-content-sha256"), Some(nothing));
}

async fn deep_snapshot(gateway: &Gateway) -> Snapshot {
    match gateway.ask(&facts("fraud-prod")).await {
        Ok(Answer::Facts(facts)) => facts.snapshot.expect("a snapshot"),
        other => panic!("no snapshot: {other:?}"),
    }
}

#[tokio::test]
async fn a_snapshot_reads_the_endpoint_last_however_long_the_trail_takes() {
    let sandbox = sandbox("fraud-burns").meanwhile(|seen, world| {
        if seen.what.operation == "LookupEvents" {
            let later = world.now().plus(100 * SECOND);
            world.advance_to(later);
        }
    });
    let gateway = sandbox.gateway().await;
    let before = gateway.now();
    let snapshot = deep_snapshot(&gateway).await;
    assert!(gateway.now().since(before) >= 5 * MINUTE, "the trail took its time");
    assert_eq!(snapshot.at, gateway.now());
    assert!(snapshot.trail.is_some_and(|trail| trail.is_ok()));
    let operations = sandbox.peer.operations();
    assert_eq!(operations.last().map(String::as_str), Some("DescribeEndpoint"), "{operations:?}");
}

#[tokio::test]
async fn an_endpoint_that_changes_while_it_is_read_is_read_again() {
    let moved = std::sync::atomic::AtomicBool::new(false);
    let sandbox = sandbox("fraud-burns").meanwhile(move |seen, world| {
        if seen.what.operation == "DescribeAlarms" && !moved.swap(true, std::sync::atomic::Ordering::SeqCst) {
            let input = r#"{"EndpointName":"fraud-prod","EndpointConfigName":"fraud-v17-a"}"#;
            let request = http::Request::post("/")
                .header("x-amz-target", "SageMaker.UpdateEndpoint")
                .header("content-type", "application/x-amz-json-1.1")
                .header(
                    "authorization",
                    "AWS4-HMAC-SHA256 Credential=ASIAOTHER/20261123/eu-west-1/sagemaker/aws4_request, \
                     SignedHeaders=host, Signature=0",
                )
                .body(bytes::Bytes::from_static(input.as_bytes()))
                .expect("a request");
            assert!(world.handle(&request).status().is_success());
        }
    });
    let snapshot = deep_snapshot(&sandbox.gateway().await).await;
    let details = snapshot.endpoint.details.as_ref().expect("details");
    let pending = details.pending.as_ref().expect("somebody's deployment").config.clone();
    assert_eq!((pending.as_str(), snapshot.endpoint.status.as_str()), ("fraud-v17-a", "Updating"));
    assert_eq!(snapshot.configs[1].0, pending, "read around the endpoint as it is now");
    let alarms = sandbox.peer.operations().iter().filter(|name| *name == "DescribeAlarms").count();
    assert!(alarms >= 2, "{alarms}");
}

#[tokio::test]
async fn pipelines_runs_registry_and_monitors_answer() {
    let (_, gateway) = world().await;
    let since = gateway.now().plus(-14 * DAY);
    let Ok(Answer::Executions(executions)) = gateway.ask(&Ask::Executions { since }).await else { panic!() };
    let execution = executions.first().expect("an execution");
    let ask = Ask::Execution { arn: execution.arn.clone(), settled: true };
    let Ok(Answer::Execution(detail)) = gateway.ask(&ask).await else { panic!() };
    assert!(!detail.steps.is_empty() && detail.graph.nodes.len() >= detail.steps.len(), "{detail:?}");
    assert!(!detail.graph.edges.is_empty());

    let Ok(Answer::Runs { rows, .. }) = gateway.ask(&Ask::Runs { since, more: None }).await else { panic!() };
    let run = rows.iter().find(|run| !run.metrics.is_empty()).expect("a run with metrics");
    assert!(run.component_arn.is_some() && !run.parameters.is_empty(), "{run:?}");
    let mut arns: Vec<&str> = rows.iter().map(|run| run.arn.as_str()).collect();
    arns.sort_unstable();
    arns.dedup();
    assert_eq!(arns.len(), rows.len(), "a job and its component are one row");
    let of = RunRef {
        name: run.name.clone(),
        arn: run.arn.clone(),
        component_arn: run.component_arn.clone(),
        metrics: run.metrics.iter().map(|(name, _)| name.clone()).collect(),
    };
    let Ok(Answer::RunSeries(series)) = gateway.ask(&Ask::RunSeries(vec![of])).await else { panic!() };
    assert!(!series[0].1.is_empty() && series[0].1[0].points.len() > 1, "{series:?}");

    let Ok(Answer::Packages(packages)) = gateway.ask(&Ask::Packages).await else { panic!() };
    assert!(packages.iter().any(|package| package.name == "fraud/18"), "{packages:?}");
    let Ok(Answer::Monitors(monitors)) = gateway.ask(&Ask::Monitors).await else { panic!() };
    let monitor = monitors
        .iter()
        .find(|monitor| monitor.last.is_some() && monitor.kind == MonitorKind::DataQuality)
        .expect("a monitor that ran");
    assert!(monitor.interval.is_some(), "{monitor:?}");
    let to = gateway.now();
    let ask = Ask::Drift { monitor: monitor.name.clone(), endpoint: monitor.endpoint.clone(), from: to.plus(-DAY), to };
    let Ok(Answer::Drift(drift)) = gateway.ask(&ask).await else { panic!() };
    assert!(!drift.runs.is_empty() && !drift.features.is_empty(), "{drift:?}");
    assert!(drift.features[0].distances.iter().all(|(_, distance)| distance.is_finite()));
}

/// Everything that can be asked, with names of things that exist.
async fn all_asks(gateway: &Gateway) -> Vec<Ask> {
    let now = gateway.now();
    let (since, endpoint) = (now.plus(-2 * DAY), text("fraud-prod"));
    let Ok(Answer::Executions(executions)) = gateway.ask(&Ask::Executions { since: now.plus(-14 * DAY) }).await else {
        panic!("no executions")
    };
    let Ok(Answer::Monitors(monitors)) = gateway.ask(&Ask::Monitors).await else { panic!("no monitors") };
    let Ok(Answer::Runs { rows, .. }) = gateway.ask(&Ask::Runs { since, more: None }).await else { panic!("no runs") };
    let Ok(Answer::Packages(packages)) = gateway.ask(&Ask::Packages).await else { panic!("no versions") };
    let Ok(Answer::Endpoints { rows: listed, .. }) = gateway.ask(&ENDPOINTS).await else { panic!("no endpoints") };
    let Ok(Answer::Alarms(alarms)) = gateway.ask(&Ask::Alarms).await else { panic!("no alarms") };
    let run = &rows[0];
    let reference =
        RunRef { name: run.name.clone(), arn: run.arn.clone(), component_arn: None, metrics: vec![text("val/auc")] };
    let logs = LogsOf {
        group: text("/aws/sagemaker/Endpoints/fraud-prod"),
        stream_prefix: None,
        from: now.plus(-HOUR),
        to: Some(now),
        pattern: None,
        limit: 100,
    };
    let raw = |kind, name: &Text| Ask::Raw { kind, name: name.clone() };
    vec![
        Ask::Identity,
        ENDPOINTS,
        Ask::Details(endpoint.clone()),
        Ask::Rows { rows: listed.iter().map(RowOf::of).collect(), instances: false },
        Ask::Vitals(vec![VitalsOf { endpoint: endpoint.clone(), variants: vec![text("blue")] }]),
        Ask::Alarms,
        Ask::Changes { since },
        Ask::EndpointSeries {
            endpoint: endpoint.clone(),
            variants: vec![text("blue")],
            from: now.plus(-HOUR),
            to: now,
        },
        Ask::Logs(logs),
        Ask::Executions { since },
        Ask::Execution { arn: executions[0].arn.clone(), settled: false },
        Ask::Runs { since, more: None },
        Ask::RunSeries(vec![reference]),
        Ask::Packages,
        Ask::Monitors,
        Ask::Drift { monitor: monitors[0].name.clone(), endpoint: None, from: since, to: now },
        facts(&endpoint.raw()),
        raw(Kind::Endpoint, &endpoint),
        raw(Kind::Execution, &executions[0].arn),
        raw(Kind::Run, &run.arn),
        raw(Kind::ModelPackage, &packages[0].arn),
        raw(Kind::Monitor, &monitors[0].name),
        raw(Kind::Alarm, &alarms[0].name),
    ]
}

#[tokio::test]
async fn the_eye_sees_things_of_other_kinds_and_that_they_are_gone() {
    let (_, gateway) = world().await;
    let Ok(Answer::Packages(packages)) = gateway.ask(&Ask::Packages).await else { panic!("no packages") };
    let look = |kind, id: Text| Ask::Target(Target::new(kind, id));
    let seen = gateway.ask(&look(Thing::ModelPackage, packages[0].arn.clone())).await;
    let Ok(Answer::Seen(Seen::Thing(sight))) = seen else { panic!("{seen:?}") };
    assert_eq!(sight.status, "Completed");
    assert_eq!(sight.fact("/ModelApprovalStatus").as_str(), packages[0].approval.as_str());
    assert!(sight.modified.is_some());
    let seen = gateway.ask(&look(Thing::Endpoint, text("fraud-prod"))).await;
    assert!(matches!(&seen, Ok(Answer::Seen(Seen::Endpoint(row))) if row.details.is_some()), "{seen:?}");
    for (kind, id) in [
        (Thing::Endpoint, "no-such-endpoint"),
        (Thing::EndpointConfig, "no-such-config"),
        (Thing::Model, "no-such-model"),
        (Thing::TrainingJob, "no-such-job"),
        (Thing::MonitoringSchedule, "no-such-schedule"),
    ] {
        assert_eq!(gateway.ask(&look(kind, text(id))).await, Ok(Answer::Seen(Seen::Gone)), "{kind:?}");
    }
}

#[tokio::test]
async fn every_ask_is_only_reads_on_the_wire() {
    let (sandbox, gateway) = world().await;
    for ask in all_asks(&gateway).await {
        sandbox.peer.forget();
        let answer = gateway.ask(&ask).await;
        assert!(answer.is_ok(), "{ask:?}: {answer:?}");
        for seen in sandbox.peer.seen() {
            assert_ne!(seen.what.class, Class::Write, "{ask:?} sent {:?}", seen.what);
        }
    }
    assert!(gateway.calls().iter().all(|call| !call.write));
}

#[tokio::test]
async fn curves_and_logs_have_points_and_lines() {
    let (_, gateway) = world().await;
    let now = gateway.now();
    let (endpoint, variants) = (text("fraud-prod"), vec![text("blue")]);
    let ask = Ask::EndpointSeries { endpoint, variants, from: now.plus(-HOUR), to: now };
    let Ok(Answer::Series(series)) = gateway.ask(&ask).await else { panic!() };
    let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
    assert_eq!(names, ["invocations", "4xx", "5xx", "p50", "p99", "overhead", "cpu", "memory"]);
    assert!(series[0].points.len() >= 55 && series[0].spacing == Some(60_000.0), "{:?}", series[0]);
    assert!(series[0].points.is_sorted_by_key(|(x, _)| *x));
    let logs = LogsOf {
        group: text("/aws/sagemaker/Endpoints/fraud-prod"),
        stream_prefix: None,
        from: now.plus(-HOUR),
        to: None,
        pattern: None,
        limit: 20,
    };
    let Ok(Answer::Logs(lines)) = gateway.ask(&Ask::Logs(logs.clone())).await else { panic!() };
    assert_eq!(lines.len(), 20);
    assert!(lines.is_sorted_by_key(|line| line.at));
    let none = LogsOf { group: text("/aws/sagemaker/Endpoints/none"), ..logs };
    assert_eq!(gateway.ask(&Ask::Logs(none)).await, Ok(Answer::Logs(Vec::new())));
}
