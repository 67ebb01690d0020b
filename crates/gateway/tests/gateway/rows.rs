//! Rows of many endpoints: how many calls they take, and when the index is not believed.

use std::collections::BTreeMap;

use mldeck_core::{
    ask::{Answer, Ask, RowOf},
    resource::{Endpoint, endpoint::Details},
    text::Text,
    time::Timestamp,
};
use mldeck_gateway::Gateway;
use mldeck_sandbox::faults::{Kind, Rule};
use serde_json::{Value, json};

use crate::support::{ENDPOINTS, End, Peer, Sandbox, Seen, error, json as reply, sandbox, scripted};

/// Asks until every row was answered for, as list and command line do; how many answers that took.
async fn all(gateway: &Gateway, rows: Vec<RowOf>, instances: bool) -> (BTreeMap<String, Details>, usize) {
    let (mut left, mut out, mut answers) = (rows, BTreeMap::new(), 0);
    while !left.is_empty() {
        let ask = Ask::Rows { rows: left.clone(), instances };
        let Ok(Answer::Details(some)) = gateway.ask(&ask).await else { panic!("no rows") };
        assert!(!some.is_empty(), "an answer without rows never ends");
        left.retain(|row| !some.iter().any(|(name, _)| *name == row.endpoint));
        out.extend(some.into_iter().map(|(name, details)| (name.to_string(), details.expect("details"))));
        answers += 1;
    }
    (out, answers)
}

async fn listed(gateway: &Gateway) -> Vec<Endpoint> {
    let Ok(Answer::Endpoints { rows, .. }) = gateway.ask(&ENDPOINTS).await else { panic!("no endpoints") };
    rows
}

fn count(peer: &Peer) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for operation in peer.operations() {
        *out.entry(operation).or_default() += 1;
    }
    out
}

/// What a table shows of a row.
fn shown(details: &Details) -> String {
    let variants = details.variants.iter().map(|variant| {
        (
            &variant.name,
            &variant.model,
            &variant.label,
            variant.current_weight,
            variant.current_count,
            variant.serverless,
        )
    });
    format!("{:?} {} {:?} {:?}", details.status, details.config, variants.collect::<Vec<_>>(), details.capture)
}

async fn fraud_burns(refused: Option<Kind>) -> (Sandbox, Gateway, Vec<Endpoint>) {
    let sandbox = sandbox("fraud-burns");
    if let Some(kind) = refused {
        sandbox.world.lock().unwrap().faults().add(Rule::always("Search", kind));
    }
    let gateway = sandbox.gateway().await;
    let rows = listed(&gateway).await;
    assert_eq!(rows.len(), 40);
    sandbox.peer.forget();
    (sandbox, gateway, rows)
}

#[tokio::test]
async fn forty_rows_are_a_few_calls_where_describing_them_is_over_a_hundred() {
    let of = |rows: &[Endpoint]| rows.iter().map(RowOf::of).collect::<Vec<_>>();
    let (before, gateway, rows) = fraud_burns(Some(Kind::AccessDenied)).await;
    let (described, answers) = all(&gateway, of(&rows), false).await;
    let calls = count(&before.peer);
    let per_row = ["DescribeEndpoint", "DescribeEndpointConfig", "DescribeModel"].map(|name| calls[name]);
    // One is being deployed to, and shows two configs.
    assert_eq!(per_row, [40, 41, 42], "{calls:?}");
    assert_eq!(answers, 5, "eight at a time: the screen fills as they come");

    let (after, gateway, rows) = fraud_burns(None).await;
    let (indexed, _) = all(&gateway, of(&rows), false).await;
    let calls = count(&after.peer);
    // Two are in flight or mixed, two more are split over two models.
    let few = [("DescribeEndpoint", 2), ("DescribeEndpointConfig", 4), ("DescribeModel", 3), ("Search", 2)];
    assert_eq!(calls, few.map(|(operation, count)| (operation.to_owned(), count)).into());
    for row in &rows {
        let name = row.name.as_str();
        assert_eq!(shown(&indexed[name]), shown(&described[name]), "{name}");
    }
    let at_rest = rows.iter().filter(|row| row.status.is_at_rest()).map(|row| &indexed[row.name.as_str()]);
    assert!(at_rest.clone().filter(|details| details.indexed).count() >= 30);
    assert!(!indexed["vision-qa"].indexed, "a mixed state is described");
    assert!(indexed["fraud-prod"].tags.iter().any(|(key, value)| key == "team" && value == "fraud"));

    after.peer.forget();
    all(&gateway, of(&rows), false).await;
    let calls = count(&after.peer);
    assert!(calls.values().sum::<usize>() <= 3, "configs and models are remembered: {calls:?}");

    after.peer.forget();
    let (whole, _) = all(&gateway, of(&rows), true).await;
    let told = |details: &Details| {
        details.variants.iter().all(|variant| variant.serverless || variant.instance_type.is_some())
    };
    assert!(whole.values().all(told), "a config each, once");
    assert!(count(&after.peer)["DescribeEndpointConfig"] <= 40);
}

#[tokio::test]
async fn what_search_does_not_offer_is_described_and_not_asked_again() {
    let (gateway, peer) = scripted(|seen| match seen.what.operation.as_str() {
        "Search" => error(400, "UnknownOperationException", ""),
        _ => account(seen, &[]),
    })
    .await;
    let (out, answers) = all(&gateway, at_rest(&["a", "b", "c"]), false).await;
    assert_eq!((out.len(), answers), (3, 1));
    all(&gateway, at_rest(&["a", "b", "c"]), false).await;
    assert_eq!(count(&peer)["Search"], 1, "{:?}", count(&peer));
    assert!(out.values().all(|details| !details.indexed && details.variants[0].label.is_some()));
}

/// When everything in the hand-written account last changed, and a minute before.
const CHANGED: f64 = 1_795_400_000.0;

fn at_rest(names: &[&str]) -> Vec<RowOf> {
    let changed = Some(Timestamp::from_secs_f64(CHANGED));
    names.iter().map(|name| RowOf { endpoint: Text::new(name), at_rest: changed }).collect()
}

/// Endpoint `x` has config `x-1` with variant `one` of model `model-x`.
fn endpoint(name: &str) -> Value {
    json!({
        "EndpointName": name, "EndpointArn": format!("arn:aws:sagemaker:eu-west-1:1:endpoint/{name}"),
        "EndpointConfigName": format!("{name}-1"), "EndpointStatus": "InService",
        "CreationTime": CHANGED - 600.0, "LastModifiedTime": CHANGED,
        "ProductionVariants": [{
            "VariantName": "one", "CurrentWeight": 1.0, "CurrentInstanceCount": 2,
            "DeployedImages": [{"SpecifiedImage": "image:1", "ResolvedImage": "image@sha256:1"}],
        }],
    })
}

fn dashboard(model: &str, endpoints: &[&str]) -> Value {
    let on = |name: &&str| json!({"EndpointName": name, "LastModifiedTime": CHANGED, "EndpointStatus": "InService"});
    json!({"Model": {
        "Model": {"ModelName": model, "CreationTime": 1.0, "PrimaryContainer": {"Image": "image:1"}},
        "Endpoints": endpoints.iter().map(on).collect::<Vec<_>>(),
    }})
}

fn results(records: impl IntoIterator<Item = Value>) -> End {
    reply(200, &json!({"Results": records.into_iter().collect::<Vec<_>>()}))
}

/// Answers everything but Search, and that from `records` of both kinds.
fn account(seen: &Seen, records: &[Value]) -> End {
    let body = seen.json();
    let text = |member: &str| body[member].as_str().unwrap_or_default().to_owned();
    match seen.what.operation.as_str() {
        "Search" => results(records.iter().filter(|record| record.get(text("Resource")).is_some()).cloned()),
        "DescribeEndpoint" => reply(200, &endpoint(&text("EndpointName"))),
        "DescribeEndpointConfig" => {
            let name = text("EndpointConfigName");
            let model = format!("model-{}", name.trim_end_matches("-1"));
            reply(
                200,
                &json!({"EndpointConfigName": name, "CreationTime": 1.0, "ProductionVariants": [
                    {"VariantName": "one", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 2},
                ]}),
            )
        }
        "DescribeModel" => reply(200, &json!({"ModelName": text("ModelName"), "CreationTime": 1.0})),
        other => panic!("{other} is not expected"),
    }
}

/// The values of `member` in what was sent by `operation`, in order of name.
fn asked(peer: &Peer, operation: &str, member: &str) -> Vec<String> {
    let of = |seen: &Seen| (seen.what.operation == operation).then(|| seen.json()[member].as_str().unwrap().to_owned());
    let mut names: Vec<String> = peer.seen().iter().filter_map(of).collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_the_index_is_not_sure_of_is_described() {
    let changed = |name: &str, member: &str, value: Value| {
        let mut endpoint = endpoint(name);
        endpoint[member] = value;
        json!({"Endpoint": endpoint})
    };
    let mut unknown_images = endpoint("no-image");
    unknown_images["ProductionVariants"][0]["DeployedImages"] = json!([]);
    let mut other_image = endpoint("other-image");
    other_image["ProductionVariants"][0]["DeployedImages"][0]["SpecifiedImage"] = json!("image:2");
    let mut moved = dashboard("model-moved", &["moved"]);
    moved["Model"]["Endpoints"][0]["LastModifiedTime"] = json!(CHANGED - 60.0);
    let records = vec![
        json!({"Endpoint": endpoint("sure")}),
        json!({"Endpoint": endpoint("two-models")}),
        json!({"Endpoint": endpoint("no-model")}),
        json!({"Endpoint": unknown_images}),
        json!({"Endpoint": other_image}),
        json!({"Endpoint": endpoint("moved")}),
        changed("behind", "LastModifiedTime", json!(CHANGED - 60.0)),
        changed("busy", "EndpointStatus", json!("Updating")),
        changed("no-variants", "ProductionVariants", json!([])),
        dashboard("model-sure", &["sure", "two-models"]),
        dashboard("model-two", &["two-models"]),
        dashboard("model-no-image", &["no-image"]),
        dashboard("model-other-image", &["other-image"]),
        dashboard("model-behind", &["behind"]),
        moved,
    ];
    let (gateway, peer) = scripted(move |seen| account(seen, &records)).await;
    let mut rows = at_rest(&[
        "sure",
        "two-models",
        "no-model",
        "no-image",
        "other-image",
        "moved",
        "behind",
        "busy",
        "no-variants",
        "absent",
    ]);
    rows.push(RowOf { endpoint: Text::new("flying"), at_rest: None });
    let (out, _) = all(&gateway, rows, false).await;
    assert_eq!(asked(&peer, "DescribeEndpoint", "EndpointName"), ["absent", "behind", "busy", "flying", "no-variants"]);
    let configs = asked(&peer, "DescribeEndpointConfig", "EndpointConfigName");
    let known: Vec<String> = out.keys().filter(|name| *name != "sure").map(|name| format!("{name}-1")).collect();
    assert_eq!(configs, known, "only one of them needs no config");
    let model = |name: &str| out[name].variants[0].model.as_ref().map(Text::as_str);
    assert_eq!(model("sure"), Some("model-sure"));
    assert_eq!(model("two-models"), Some("model-two-models"), "as its config says");
    assert_eq!(out["sure"].variants[0].instance_type, None, "not read, not guessed");
    assert!(out["sure"].indexed && out["two-models"].indexed && !out["behind"].indexed);
}

#[tokio::test]
async fn what_is_coming_and_could_not_be_read_is_said() {
    for (denied, said) in [("x-2", "the config that is coming"), ("model-x-2", "a model")] {
        let (gateway, _) = scripted(move |seen| {
            if [&seen.json()["EndpointConfigName"], &seen.json()["ModelName"]].contains(&&json!(denied)) {
                return error(400, "AccessDeniedException", "");
            }
            if seen.what.operation != "DescribeEndpoint" {
                return account(seen, &[]);
            }
            let mut endpoint = endpoint("x");
            endpoint["PendingDeploymentSummary"] =
                json!({"EndpointConfigName": "x-2", "ProductionVariants": endpoint["ProductionVariants"]});
            reply(200, &endpoint)
        })
        .await;
        let (out, _) = all(&gateway, vec![RowOf { endpoint: Text::new("x"), at_rest: None }], false).await;
        assert!(out["x"].variants[0].label.is_some(), "what serves was read");
        let unread = out["x"].unread.as_ref().expect("said").to_string();
        assert!(unread.starts_with(&format!("{said}: no permission (sagemaker:Describe")), "{unread}");
    }
}

#[tokio::test]
async fn a_screen_in_an_account_of_any_size_is_asked_for_by_name() {
    let names: Vec<String> = (0..60).map(|n| format!("e{n:02}")).collect();
    let (gateway, peer) = scripted(|seen| {
        let body = seen.json();
        let parts = body["SearchExpression"]["SubExpressions"].as_array().cloned();
        let parts = parts.unwrap_or_else(|| vec![body["SearchExpression"].clone()]);
        let filters = parts.iter().flat_map(|part| part["Filters"].as_array().expect("names").clone());
        let asked: Vec<String> = filters.map(|filter| filter["Value"].as_str().unwrap().to_owned()).collect();
        match body["Resource"].as_str() {
            Some("Endpoint") => results(asked.iter().map(|name| json!({"Endpoint": endpoint(name)}))),
            _ => results(asked.iter().map(|name| dashboard(&format!("model-{name}"), &[name]))),
        }
    })
    .await;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (out, answers) = all(&gateway, at_rest(&names), false).await;
    assert_eq!((out.len(), answers), (60, 2));
    assert_eq!(count(&peer), BTreeMap::from([("Search".to_owned(), 4)]));
}

#[tokio::test]
async fn models_are_read_whole_where_they_cannot_be_filtered_by_endpoint() {
    let names: Vec<String> = (0..40).map(|n| format!("e{n:02}")).collect();
    let records: Vec<Value> = names
        .iter()
        .flat_map(|name| [json!({"Endpoint": endpoint(name)}), dashboard(&format!("model-{name}"), &[name])])
        .collect();
    let (gateway, peer) = scripted(move |seen| {
        if seen.json()["Resource"] == "Model" && seen.json().get("SearchExpression").is_some() {
            return error(400, "ValidationException", "Unknown property name: Endpoints.EndpointName");
        }
        account(seen, &records)
    })
    .await;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (out, answers) = all(&gateway, at_rest(&names), false).await;
    assert_eq!((out.len(), answers), (40, 1));
    assert_eq!(count(&peer), BTreeMap::from([("Search".to_owned(), 3)]));
    let first = peer.seen()[0].json();
    let parts = first["SearchExpression"]["SubExpressions"].as_array().expect("parts");
    assert!(parts.iter().all(|part| part["Filters"].as_array().unwrap().len() == 20 && part["Operator"] == "Or"));
    assert_eq!(out["e07"].variants[0].label.as_ref().map(Text::as_str), Some("model-e07"));
}
