//! Endpoints and models as Search sees them. They belong to another area and are read through its own operations; while the
//! index lags, the last form that is old enough is kept here.

use std::collections::{BTreeMap, BTreeSet};

use mldeck_core::time::Timestamp;
use serde_json::{Value, json};

use crate::world::{Request, Service, World, request::moment};

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

fn described(world: &mut World) -> Vec<Value> {
    every(world, "ListEndpoints", "Endpoints")
        .iter()
        .map(|summary| {
            let full = ask(world, "DescribeEndpoint", &json!({"EndpointName": summary["EndpointName"]}));
            let members = MEMBERS.iter().filter_map(|member| Some(((*member).to_owned(), full.get(*member)?.clone())));
            Value::Object(members.collect())
        })
        .collect()
}

pub(super) fn endpoints(world: &mut World) -> Vec<Value> {
    if super::lag(world) > 0 { world.search.endpoints.values().cloned().collect() } else { described(world) }
}

/// Lets the index catch up with what is older than the lag.
pub(crate) fn advance(world: &mut World, to: Timestamp) {
    let lag = super::lag(world);
    if lag == 0 {
        return;
    }
    let fresh = described(world);
    let names: BTreeSet<&str> = fresh.iter().filter_map(|endpoint| endpoint["EndpointName"].as_str()).collect();
    let Index { endpoints, deleted } = &mut world.search;
    deleted.retain(|name, _| !names.contains(name.as_str()));
    endpoints
        .retain(|name, _| names.contains(name.as_str()) || to.since(*deleted.entry(name.clone()).or_insert(to)) < lag);
    for endpoint in &fresh {
        let is_settled = moment(&endpoint["LastModifiedTime"]).is_some_and(|at| at <= to.plus(-lag));
        if let Some(name) = endpoint["EndpointName"].as_str().filter(|_| is_settled) {
            world.search.endpoints.insert(name.to_owned(), endpoint.clone());
        }
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
