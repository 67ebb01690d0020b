//! The feature store's groups, and what is said of each feature.

use serde_json::{Map, Value, json};

use super::{
    ApiError, Handler, Item, Reply, Request, World,
    kind::{Kind, text},
    life::{AT_ONCE, Life, STILL, lasting, passing},
    records,
};
use crate::world::epoch;

pub(super) const OPERATIONS: &[(&str, Handler)] =
    &[("DescribeFeatureMetadata", describe_feature), ("UpdateFeatureMetadata", update_feature)];

/// Most features of a group, and parameters of a feature.
const FEATURES: usize = 2_500;
const PARAMETERS: usize = 25;

/// Where what was said of features is kept in the body of their group; no request has such a member.
const NOTES: &str = "mldeck:notes";

pub(super) const KINDS: &[Kind] = &[Kind {
    made: group_made,
    changed: group_changed,
    told: group_told,
    ..Kind::new(
        "FeatureGroup",
        "ListFeatureGroups",
        "feature-group",
        &["FeatureGroupName"],
        "FeatureGroupArn",
        Life {
            member: "FeatureGroupStatus",
            create: &[passing("Creating", 15), lasting("Created")],
            update: AT_ONCE,
            delete: &[passing("Deleting", 15)],
            ..STILL
        },
    )
}];

pub(super) fn definitions(body: &Map<String, Value>) -> &[Value] {
    body.get("FeatureDefinitions").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn named<'b>(body: &'b Map<String, Value>, feature: &str) -> Option<&'b Value> {
    definitions(body).iter().find(|definition| definition.get("FeatureName").and_then(Value::as_str) == Some(feature))
}

/// The identifier and the time of an event are features, of types that can be one.
fn group_made(_: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    for (member, types) in [
        ("RecordIdentifierFeatureName", ["Integral", "String"].as_slice()),
        ("EventTimeFeatureName", ["Fractional", "String"].as_slice()),
    ] {
        let feature = body.get(member).and_then(Value::as_str).unwrap_or_default();
        let kind = named(body, feature).and_then(|definition| definition.get("FeatureType")?.as_str());
        match kind {
            None => {
                return Err(ApiError::validation(format!("{member} {feature} is not among the FeatureDefinitions.")));
            }
            Some(kind) if !types.contains(&kind) => {
                return Err(ApiError::validation(format!("{member} {feature} cannot be of type {kind}.")));
            }
            Some(_) => {}
        }
    }
    check_definitions(definitions(body))
}

fn check_definitions(all: &[Value]) -> Result<(), ApiError> {
    let mut names: Vec<&str> = all.iter().filter_map(|definition| definition.get("FeatureName")?.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find_map(|pair| (pair[0] == pair[1]).then_some(pair[0])) {
        return Err(ApiError::validation(format!("Feature {twice} exists already.")));
    }
    if all.len() > FEATURES {
        return Err(ApiError::validation(format!("A feature group can have at most {FEATURES} features.")));
    }
    Ok(())
}

/// Features can be added, never taken away.
fn group_changed(item: &mut Item, before: &Map<String, Value>) -> Result<(), ApiError> {
    item.extend("OnlineStoreConfig", before);
    let Some(added) = item.body.remove("FeatureAdditions") else { return Ok(()) };
    let mut all = definitions(&item.body).to_vec();
    all.extend(added.as_array().into_iter().flatten().cloned());
    check_definitions(&all)?;
    item.body.insert("FeatureDefinitions".to_owned(), all.into());
    item.body.insert("LastUpdateStatus".to_owned(), json!({"Status": "Successful"}));
    Ok(())
}

fn group_told(world: &World, item: &Item, record: &mut Map<String, Value>) {
    records::tell(world, item, record);
    if record.contains_key("OfflineStoreConfig") {
        let status = if item.is_moving() { "Blocked" } else { "Active" };
        record.insert("OfflineStoreStatus".to_owned(), json!({"Status": status}));
    }
    // One page holds them all; the model wants the member.
    record.insert("NextToken".to_owned(), "".into());
}

/// The group and the feature a request names.
fn feature_of<'w>(world: &'w World, request: &Request<'_>) -> Result<(&'w Item, &'w Value), ApiError> {
    let (group, feature) = (request.text("FeatureGroupName")?, request.text("FeatureName")?);
    let missing = |what: String| ApiError::new(400, "ResourceNotFound", format!("{what} does not exist."));
    let item = world.shelved("FeatureGroup", group).ok_or_else(|| missing(format!("Feature group {group}")))?;
    let definition = named(&item.body, feature).ok_or_else(|| missing(format!("Feature {feature} of {group}")))?;
    Ok((item, definition))
}

fn describe_feature(world: &mut World, request: &Request<'_>) -> Reply {
    let (item, definition) = feature_of(world, request)?;
    let mut answer = Map::new();
    for member in ["FeatureName", "FeatureType"] {
        answer.insert(member.to_owned(), definition.get(member).cloned().unwrap_or_default());
    }
    answer.insert("FeatureGroupArn".to_owned(), item.arn.clone().into());
    answer.insert("FeatureGroupName".to_owned(), item.body.get("FeatureGroupName").cloned().unwrap_or_default());
    answer.insert("CreationTime".to_owned(), epoch(item.created));
    answer.insert("LastModifiedTime".to_owned(), epoch(item.modified));
    let notes =
        item.body.get(NOTES).and_then(|notes| notes.get(request.text("FeatureName").ok()?)).and_then(Value::as_object);
    answer.extend(notes.into_iter().flatten().map(|(member, value)| (member.clone(), value.clone())));
    Ok(Value::Object(answer))
}

fn update_feature(world: &mut World, request: &Request<'_>) -> Reply {
    let feature = request.text("FeatureName")?.to_owned();
    let (item, _) = feature_of(world, request)?;
    let key = text(&item.body, "FeatureGroupName").to_lowercase();
    let now = world.now;
    let groups = world.shelf.items.get_mut("FeatureGroup");
    let Some(item) = groups.and_then(|groups| groups.get_mut(&key)) else { return Ok(json!({})) };
    let notes = item.body.entry(NOTES).or_insert_with(|| json!({}));
    let Some(note) = notes.as_object_mut().map(|notes| notes.entry(feature).or_insert_with(|| json!({}))) else {
        return Ok(json!({}));
    };
    let removed = request.texts("ParameterRemovals");
    let mut kept: Vec<Value> = note.get("Parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    let added = request.list("ParameterAdditions");
    let key = |parameter: &Value| parameter.get("Key").and_then(Value::as_str).unwrap_or_default().to_owned();
    kept.retain(|parameter| {
        !removed.contains(&key(parameter).as_str()) && !added.iter().any(|new| key(new) == key(parameter))
    });
    kept.extend(added.iter().cloned());
    if kept.len() > PARAMETERS {
        return Err(ApiError::validation(format!("A feature can have at most {PARAMETERS} parameters.")));
    }
    note["Parameters"] = kept.into();
    if let Some(description) = request.input.get("Description") {
        note["Description"] = description.clone();
    }
    item.modified = now;
    Ok(json!({}))
}
