//! Endpoints and models as Search sees them. They belong to another area and are read through its own operations; while the
//! index lags, the last form that is old enough is kept here.

use std::collections::BTreeMap;

use mldeck_core::time::Timestamp;
use serde_json::{Value, json};

use crate::world::{Request, Service, World, endpoint::Endpoint, epoch, request::moment};

/// What the index holds of endpoints while it lags.
#[derive(Default)]
pub(crate) struct Index {
    endpoints: BTreeMap<String, Value>,
    /// Since when they are gone from the account; the index still has them.
    deleted: BTreeMap<String, Timestamp>,
}

/// Calls an operation of the account itself; what it refuses is not there.
fn ask(world: &mut World, operation: &str, input: &Value) -> Value {
    let request = Request { service: Service::SageMaker, operation, input, caller: "search", request_id: "" };
    world.dispatch(&request).unwrap_or(Value::Null)
}

/// Every item of a paged list.
fn every(world: &mut World, operation: &str, member: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut input = json!({"MaxResults": 100});
    loop {
        let page = ask(world, operation, &input);
        all.extend(page.get(member).and_then(Value::as_array).cloned().unwrap_or_default());
        match page.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => return all,
        }
    }
}

/// Search's members of an endpoint; the deployment in flight is not among them.
const MEMBERS: &[&str] = &[
    "EndpointName",
    "EndpointArn",
    "EndpointConfigName",
    "ProductionVariants",
    "ShadowProductionVariants",
    "DataCaptureConfig",
    "EndpointStatus",
    "FailureReason",
    "CreationTime",
    "LastModifiedTime",
];

fn described(world: &mut World, name: &str) -> Value {
    let full = ask(world, "DescribeEndpoint", &json!({"EndpointName": name}));
    let members = MEMBERS.iter().filter_map(|member| Some(((*member).to_owned(), full.get(*member)?.clone())));
    Value::Object(members.collect())
}

pub(super) fn endpoints(world: &mut World) -> Vec<Value> {
    let lag = super::lag(world);
    if lag == 0 {
        let names: Vec<String> = world.endpoints.endpoints.keys().cloned().collect();
        return names.iter().map(|name| described(world, name)).collect();
    }
    let (now, seen) = (world.now, world.now.plus(-lag));
    catch_up(world, now, lag);
    let (account, index) = (world.endpoints.endpoints.values(), &world.search.endpoints);
    // Of one that was changed before anybody was told of the lag, there is only how it is now.
    let unknown = account.filter(|endpoint| !index.contains_key(&endpoint.name));
    let unknown: Vec<String> = unknown.map(|endpoint| endpoint.name.clone()).collect();
    let mut all: Vec<Value> = index.values().cloned().collect();
    all.extend(unknown.iter().map(|name| described(world, name)));
    all.retain(|endpoint| moment(&endpoint["CreationTime"]).is_some_and(|created| created <= seen));
    all
}

/// Keeps the index behind the account, by the scenario's lag or by that of a fault that may hit.
pub(crate) fn advance(world: &mut World, to: Timestamp) {
    let lag = super::lag(world).max(world.faults.staleness());
    if lag > 0 {
        catch_up(world, to, lag);
    }
}

/// Lets the index catch up with what is older than the lag, in milliseconds.
fn catch_up(world: &mut World, to: Timestamp, lag: i64) {
    let seen = to.plus(-lag);
    let account = &world.endpoints.endpoints;
    let Index { endpoints, deleted } = &mut world.search;
    endpoints.retain(|name, _| account.contains_key(name) || *deleted.entry(name.clone()).or_insert(to) > seen);
    deleted.retain(|name, _| endpoints.contains_key(name) && !account.contains_key(name));
    let is_known = |endpoint: &Endpoint| {
        let known = endpoints.get(&endpoint.name);
        let has = |member: &str, value: Value| known.is_some_and(|known| known.get(member) == Some(&value));
        let is_same = has("LastModifiedTime", epoch(endpoint.modified));
        endpoint.change.is_none() && is_same && has("EndpointStatus", endpoint.status.as_str().into())
    };
    let fresh = account.values().filter(|endpoint| endpoint.modified <= seen && !is_known(endpoint));
    let fresh: Vec<String> = fresh.map(|endpoint| endpoint.name.clone()).collect();
    for name in fresh {
        let endpoint = described(world, &name);
        world.search.endpoints.insert(name, endpoint);
    }
}

/// `ModelDashboardModel` without its schedules.
pub(super) fn models(world: &mut World, at: Timestamp) -> Vec<Value> {
    let mut served: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for endpoint in endpoints(world) {
        let config = json!({"EndpointConfigName": endpoint["EndpointConfigName"]});
        let config = ask(world, "DescribeEndpointConfig", &config);
        let summary = json!({
            "EndpointName": endpoint["EndpointName"],
            "EndpointArn": endpoint["EndpointArn"],
            "CreationTime": endpoint["CreationTime"],
            "LastModifiedTime": endpoint["LastModifiedTime"],
            "EndpointStatus": endpoint["EndpointStatus"],
        });
        let variants = ["ProductionVariants", "ShadowProductionVariants"].into_iter().map(|member| &config[member]);
        for variant in variants.filter_map(Value::as_array).flatten() {
            let endpoints = served.entry(variant["ModelName"].as_str().unwrap_or_default().to_owned()).or_default();
            if !endpoints.contains(&summary) {
                endpoints.push(summary.clone());
            }
        }
    }
    every(world, "ListModels", "Models")
        .iter()
        .filter(|summary| moment(&summary["CreationTime"]).is_none_or(|created| created <= at))
        .map(|summary| {
            let name = summary["ModelName"].as_str().unwrap_or_default();
            let model = ask(world, "DescribeModel", &json!({"ModelName": name}));
            json!({"Model": model, "Endpoints": served.remove(name).unwrap_or_default()})
        })
        .collect()
}
