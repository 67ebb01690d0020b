//! `Search`: one operation over every searchable kind.
//!
//! The index may lag (`[search] lag_s` in the scenario): a record is then seen as it was so long ago, or not at all.

mod evaluate;
mod expression;
mod record;
mod schema;
mod serving;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use mldeck_core::time::SECOND;
use serde_json::{Value, json};

pub(crate) use serving::{Index, advance};

use self::{
    evaluate::{Field, Fields, holds},
    record::Record,
};
use super::{
    ApiError, Handler, Reply, Request, World,
    lists::{self, choice},
};

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[("Search", search)];

/// The order without `SortBy`, for every kind.
const DEFAULT_SORT: &str = "LastModifiedTime";

/// How far the index is behind, in milliseconds.
fn lag(world: &World) -> i64 {
    let seconds = world.scenario.more.get("search").and_then(|table| table.get("lag_s"));
    world.search_lag.or_else(|| seconds.and_then(toml::Value::as_integer)).unwrap_or(0).max(0).saturating_mul(SECOND)
}

/// The member of a `SearchRecord` that holds a kind.
fn member(resource: &str) -> &str {
    match resource {
        "ExperimentTrial" => "Trial",
        "ExperimentTrialComponent" => "TrialComponent",
        other => other,
    }
}

fn search(world: &mut World, request: &Request<'_>) -> Reply {
    let resource = choice(request, "Resource", schema::RESOURCES)?.ok_or_else(|| ApiError::missing("Resource"))?;
    choice(request, "CrossAccountFilterOption", &["SameAccount", "CrossAccount"])?;
    let expression = match request.input.get("SearchExpression") {
        None | Some(Value::Null) => None,
        Some(given) => Some(expression::parse(resource, given)?),
    };
    let sort = request.opt_text("SortBy").unwrap_or(DEFAULT_SORT);
    let Some(kind) = schema::kind(resource, sort) else {
        return Err(ApiError::validation(format!("Unknown property name: {sort} for resource type {resource}.")));
    };
    let is_ascending = lists::is_ascending(request)?;
    // Refuse a bad page size before the work.
    request.max("MaxResults", 10, 100)?;
    let at = world.now().plus(-lag(world));
    let serving = match resource {
        "Endpoint" => serving::endpoints(world),
        "Model" => serving::models(world, at),
        _ => Vec::new(),
    };
    let mut found: Vec<(Option<Field>, Record<'_>)> = record::all(world, resource, at, serving)
        .into_iter()
        .filter(|record| expression.as_ref().is_none_or(|expression| holds(expression, record)))
        .map(|mut record| {
            let place = record.fields(sort, kind).into_iter().next();
            record.forget();
            (place, record)
        })
        .collect();
    found.sort_by(|a, b| order(a.0.as_ref(), b.0.as_ref(), is_ascending));
    let (page, next) = lists::page(&found, request)?;
    let results = page.iter().map(|(_, record)| json!({member(resource): record.value()})).collect();
    let mut body = lists::reply("Results", results, next);
    body["TotalHits"] = json!({"Value": found.len(), "Relation": "EqualTo"});
    Ok(body)
}

/// Records without the property come last in either direction.
fn order(a: Option<&Field>, b: Option<&Field>, is_ascending: bool) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if is_ascending => a.compare(b),
        (Some(a), Some(b)) => b.compare(a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}
