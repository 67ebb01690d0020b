//! Every kind of trouble does to the caller what it says, and to the account no more than it says.

use mldeck_core::time::{MINUTE, SECOND};
use serde_json::{Value, json};

use super::*;
use crate::testkit::{body, json_request, ok, world};

fn list() -> http::Request<Bytes> {
    json_request("sagemaker", "ListEndpoints", &json!({"MaxResults": 5}))
}

fn update() -> http::Request<Bytes> {
    let input = json!({"EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v16-b"});
    json_request("sagemaker", "UpdateEndpoint", &input)
}

fn status(world: &mut World) -> Value {
    ok(world, "DescribeEndpoint", &json!({"EndpointName": "fraud-prod"}))["EndpointStatus"].clone()
}

/// A quiet world in which this goes wrong.
fn troubled(kind: Kind) -> World {
    let mut world = world("quiet-night");
    world.faults().add(Rule::always("*", kind));
    world
}

#[track_caller]
fn answered(world: &mut World, request: &http::Request<Bytes>) -> (u16, Value) {
    match world.deliver(request) {
        Delivery::Answer(answer) => (answer.status().as_u16(), body(&answer)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reset_has_no_effect_and_a_lost_answer_has_it() {
    for (kind, after) in [(Kind::Reset, "InService"), (Kind::LostResponse, "Updating")] {
        let mut world = troubled(kind);
        assert!(matches!(world.deliver(&update()), Delivery::Drop));
        assert_eq!(status(&mut world), after);
    }
}

#[test]
fn an_answer_that_does_not_arrive_whole_had_its_effect() {
    let mut world = troubled(Kind::Unanswered);
    assert!(matches!(world.deliver(&update()), Delivery::Stall));
    assert_eq!(status_without_faults(&mut world), "Updating");
    let mut world = troubled(Kind::Cut);
    let Delivery::Cut(answer) = world.deliver(&update()) else { panic!("half an answer") };
    assert_eq!((answer.status().as_u16(), status_without_faults(&mut world)), (200, "Updating".into()));
    let mut world = troubled(Kind::Garbage);
    let Delivery::Answer(answer) = world.deliver(&update()) else { panic!("an answer") };
    assert_eq!(answer.status().as_u16(), 200);
    assert!(serde_json::from_slice::<Value>(answer.body()).is_err());
    assert_eq!(status_without_faults(&mut world), "Updating");
}

fn status_without_faults(world: &mut World) -> Value {
    world.faults().clear();
    status(world)
}

#[test]
fn a_late_request_arrives_at_its_time_and_once() {
    let mut world = troubled(Kind::Late(90));
    assert!(matches!(world.deliver(&update()), Delivery::Drop));
    world.faults().clear();
    let sent = world.now();
    world.advance_to(sent.plus(89 * SECOND));
    assert_eq!(status(&mut world), "InService");
    world.advance_to(sent.plus(30 * MINUTE));
    let updates: Vec<_> =
        world.trail().filter(|event| event.operation == "UpdateEndpoint" && event.at >= sent).collect();
    assert_eq!(updates.iter().map(|event| event.at).collect::<Vec<_>>(), [sent.plus(90 * SECOND)]);
    assert_eq!((updates[0].refused, updates[0].input["EndpointName"].as_str()), (None, Some("fraud-prod")));
}

#[test]
fn a_copy_that_lags_tells_what_was_told_before() {
    let mut world = world("quiet-night");
    world.faults().add(Rule::always("DescribeEndpoint", Kind::Behind(10)));
    let describe = json_request("sagemaker", "DescribeEndpoint", &json!({"EndpointName": "fraud-prod"}));
    let told = |world: &mut World| answered(world, &describe).1["EndpointStatus"].clone();
    assert_eq!(told(&mut world), "InService");
    ok(&mut world, "UpdateEndpoint", &json!({"EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v16-b"}));
    world.advance_to(world.now().plus(10 * SECOND));
    assert_eq!(told(&mut world), "InService", "as ten seconds ago");
    world.advance_to(world.now().plus(10 * SECOND));
    assert_eq!(told(&mut world), "Updating");
}

#[test]
fn a_bare_account_is_empty_and_is_filled_by_calls() {
    let start = Timestamp::parse("2026-11-23T02:00:00Z").unwrap();
    let options = crate::Options { seed: 1, scenario: crate::Scenario::bare(start), start };
    let mut world = World::new(options);
    let count = |world: &mut World| ok(world, "ListEndpoints", &json!({}))["Endpoints"].as_array().unwrap().len();
    assert_eq!((world.now(), count(&mut world), world.trail().count()), (start, 0, 0));
    let model = json!({"ModelName": "m", "ExecutionRoleArn": "arn:aws:iam::447100000921:role/R", "PrimaryContainer": {"Image": "i"}});
    ok(&mut world, "CreateModel", &model);
    let variant =
        json!({"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1});
    ok(&mut world, "CreateEndpointConfig", &json!({"EndpointConfigName": "c", "ProductionVariants": [variant]}));
    ok(&mut world, "CreateEndpoint", &json!({"EndpointName": "e", "EndpointConfigName": "c"}));
    world.advance_to(start.plus(10 * MINUTE));
    assert_eq!(ok(&mut world, "DescribeEndpoint", &json!({"EndpointName": "e"}))["EndpointStatus"], "InService");
}

#[test]
fn a_conflict_is_refused_in_the_words_of_the_operation() {
    let mut world = troubled(Kind::Conflict);
    let (code, said) = answered(&mut world, &update());
    assert_eq!((code, said["__type"].as_str()), (400, Some("ValidationException")));
    assert!(said["message"].as_str().unwrap().contains("in-progress endpoint"), "{said}");
    let pipeline = json_request(
        "sagemaker",
        "StartPipelineExecution",
        &json!({"PipelineName": "fraud-train", "ClientRequestToken": "t".repeat(32)}),
    );
    assert_eq!(answered(&mut world, &pipeline).1["__type"], "ConflictException");
    assert_eq!(status(&mut world), "InService");
}

#[test]
fn a_list_begins_with_an_empty_page_and_loses_nothing() {
    let mut plain = world("quiet-night");
    let names = |answer: &Value| -> Vec<String> {
        answer["Endpoints"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["EndpointName"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = names(&answered(&mut plain, &list()).1);
    let mut world = troubled(Kind::EmptyPage);
    let (code, empty) = answered(&mut world, &list());
    assert_eq!((code, names(&empty).len()), (200, 0));
    let token = empty["NextToken"].as_str().unwrap().to_owned();
    let next = json_request("sagemaker", "ListEndpoints", &json!({"MaxResults": 5, "NextToken": token}));
    let (code, page) = answered(&mut world, &next);
    assert_eq!((code, names(&page)), (200, first), "{page}");
    let third = json_request("sagemaker", "ListEndpoints", &json!({"MaxResults": 5, "NextToken": page["NextToken"]}));
    let (code, again) = answered(&mut world, &third);
    assert_eq!((code, names(&again).len()), (200, 0), "each page may be empty first");
}

#[test]
fn members_are_missing_or_unheard_of() {
    let describe = json_request("sagemaker", "DescribeEndpoint", &json!({"EndpointName": "fraud-prod"}));
    let mut world = troubled(Kind::Without("VariantName".to_owned()));
    let (_, said) = answered(&mut world, &describe);
    assert!(
        said["ProductionVariants"][0].get("VariantName").is_none() && said["EndpointName"] == "fraud-prod",
        "{said}"
    );
    let mut world = troubled(Kind::Unknown("EndpointStatus".to_owned()));
    assert_eq!(answered(&mut world, &describe).1["EndpointStatus"], "SomethingNew");
    assert_eq!(status(&mut world), "InService", "only on the way");
}

#[test]
fn search_is_behind_and_describe_is_not() {
    let mut world = troubled(Kind::Stale(600));
    world.faults().clear();
    let stopped = json!({"PipelineName": "by-hand", "PipelineDefinition": "{\"Version\":\"2020-12-01\",\"Steps\":[{\"Name\":\"F\",\"Type\":\"Fail\",\"Arguments\":{\"ErrorMessage\":\"x\"}}]}", "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution", "ClientRequestToken": "t".repeat(32)});
    ok(&mut world, "CreatePipeline", &stopped);
    let search = json_request("sagemaker", "Search", &json!({"Resource": "Pipeline", "MaxResults": 100}));
    let found = |world: &mut World| answered(world, &search).1["Results"].to_string().contains("by-hand");
    assert!(found(&mut world));
    world.faults().add(Rule::always("Search", Kind::Stale(600)));
    assert!(!found(&mut world), "made after what the index has seen");
    let endpoints = json_request("sagemaker", "Search", &json!({"Resource": "Endpoint", "MaxResults": 100}));
    let told = |world: &mut World| {
        let all = answered(world, &endpoints).1["Results"].clone();
        let fraud = all.as_array().unwrap().iter().find(|row| row["Endpoint"]["EndpointName"] == "fraud-prod").cloned();
        let members = ["EndpointConfigName", "EndpointStatus"];
        fraud.map(|row| members.map(|member| row["Endpoint"][member].as_str().unwrap().to_owned()))
    };
    let before = Some(["fraud-v17-a", "InService"].map(str::to_owned));
    assert_eq!(told(&mut world), before, "what rests is as it was");
    assert_eq!(answered(&mut world, &update()).0, 200);
    world.advance_to(world.now().plus(5 * MINUTE));
    assert_eq!(status(&mut world), "Updating");
    assert_eq!(told(&mut world), before, "what moves is as it was, too");
    world.advance_to(world.now().plus(60 * MINUTE));
    assert_eq!(told(&mut world), Some(["fraud-v16-b", "InService"].map(str::to_owned)));
    world.faults().clear();
    world.faults().add(Rule::always("Search", Kind::Stale(i64::MAX)));
    assert_eq!(told(&mut world), None, "before there was anything");
    world.faults().clear();
    let found = |world: &mut World| answered(world, &search).1["Results"].to_string().contains("by-hand");
    world.faults().add(Rule::always("Search", Kind::Stale(600)));
    world.advance_to(world.now().plus(11 * MINUTE));
    assert!(found(&mut world));
}

#[test]
fn somebody_else_is_faster() {
    let mut world = world("quiet-night");
    let input = json!({"EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v17-a"});
    let call = Call { by: "ci-deploy".to_owned(), operation: "UpdateEndpoint".to_owned(), input };
    world.faults().add(Rule::once("UpdateEndpoint", Kind::Overtaken(call)));
    let (code, said) = answered(&mut world, &update());
    assert_eq!(code, 400);
    assert!(said["message"].as_str().unwrap().contains("in-progress"), "{said}");
    world.advance_to(world.now().plus(5 * MINUTE));
    let events = crate::testkit::call(
        &mut world,
        "cloudtrail",
        "LookupEvents",
        &json!({"LookupAttributes": [{"AttributeKey": "Username", "AttributeValue": "ci-deploy"}], "MaxResults": 1}),
    )
    .1;
    assert_eq!(events["Events"][0]["EventName"], "UpdateEndpoint");
}

#[test]
fn a_clock_that_is_off_refuses_signatures_until_they_follow_it() {
    let mut world = troubled(Kind::Skew(1_200));
    let signed = |at: Timestamp| {
        let mut request = list();
        let date = at.iso().replace(['-', ':'], "");
        let date = format!("{}Z", date.split(['.', 'Z']).next().unwrap());
        request.headers_mut().insert("x-amz-date", http::HeaderValue::from_str(&date).unwrap());
        request
    };
    let now = world.now();
    let Delivery::Answer(answer) = world.deliver(&signed(now)) else { panic!("an answer") };
    assert_eq!((answer.status().as_u16(), body(&answer)["__type"].as_str()), (403, Some("InvalidSignatureException")));
    assert_eq!(
        answer.headers()["date"],
        *wire::http_date(now.plus(1_200 * SECOND)),
        "clients learn their skew from it"
    );
    assert_eq!(answered(&mut world, &signed(now.plus(1_100 * SECOND))).0, 200);
}

#[test]
fn rules_are_written_and_wrong_ones_are_refused() {
    let read =
        |text: &str| toml::from_str::<FileRule>(text).map_err(|error| error.to_string()).and_then(FileRule::read);
    let rule = read(
        "operation = 'cloudtrail:*'\nkind = 'latency'\nmillis = 900\nrate = 0.5\nfrom = '-5m'\nuntil = '5m'\ntimes = 3",
    )
    .unwrap();
    let start = Timestamp::parse("2026-11-23T02:00:00Z").unwrap();
    let moved = rule.after_start(start);
    assert_eq!(moved.kind, Kind::Latency(900));
    assert_eq!((moved.rate, moved.times), (0.5, Some(3)));
    assert_eq!(moved.window, Some((start.plus(-5 * MINUTE), start.plus(5 * MINUTE))));
    for wrong in [
        "kind = 'stall'",
        "operation = '*'\nkind = 'latency'",
        "operation = '*'\nkind = 'stall'\nrate = 1.5",
        "operation = '*'\nkind = 'stall'\nfrom = 'soon'",
        "operation = '*'\nkind = 'overtaken'\nby = 'x'",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

/// The same seed under faults, played twice: the same answers, the same losses, in the same places.
#[test]
fn trouble_is_the_same_in_every_replay() {
    let played = || {
        let mut world = world("throttled-account");
        let mut told = Vec::new();
        for _ in 0..40 {
            for request in [list(), json_request("cloudtrail", "LookupEvents", &json!({})), update()] {
                told.push(match world.deliver(&request) {
                    Delivery::Answer(answer) | Delivery::Delay(_, answer) | Delivery::Cut(answer) => {
                        format!("{} {:?}", answer.status(), answer.body())
                    }
                    Delivery::Drop | Delivery::Stall => "nothing".to_owned(),
                });
            }
            world.advance_to(world.now().plus(31 * SECOND));
        }
        told
    };
    let once = played();
    assert!(once.iter().any(|told| told.contains("ThrottlingException")), "something went wrong");
    assert!(once.iter().any(|told| told.starts_with("200")), "and something went well");
    assert_eq!(once, played());
}
