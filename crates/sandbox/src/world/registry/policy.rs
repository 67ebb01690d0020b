//! Versions and groups that go, and who else may use a group.

use serde_json::{Value, json};

use super::{
    group_record,
    operations::{group_name, no_group, package_key},
};
use crate::world::{ApiError, Reply, Request, World};

/// Models that were made from it stay. `[?]`: whether one that is in use can be deleted is not documented; here it can.
pub(super) fn delete_package(world: &mut World, request: &Request<'_>) -> Reply {
    let (name, version) = package_key(world, request.text("ModelPackageName")?)?;
    if let Some(group) = world.registry.groups.get_mut(&name) {
        let gone = group.packages.iter().position(|package| package.version == version);
        let gone = gone.map(|at| group.packages.remove(at));
        gone.into_iter().for_each(|package| world.tags.forget(&package.arn()));
    }
    Ok(json!({}))
}

fn named(world: &World, request: &Request<'_>) -> Result<(String, String), ApiError> {
    let given = request.text("ModelPackageGroupName")?;
    let (name, group) = group_name(world, given).ok_or_else(|| no_group(given))?;
    let arn = group_record(name, group)["ModelPackageGroupArn"].as_str().unwrap_or_default().to_owned();
    Ok((name.to_owned(), arn))
}

pub(super) fn delete_group(world: &mut World, request: &Request<'_>) -> Reply {
    let (name, arn) = named(world, request)?;
    if world.registry.groups.get(&name).is_some_and(|group| !group.packages.is_empty()) {
        return Err(ApiError::new(
            400,
            "ConflictException",
            format!("Model Package Group cannot be deleted because it still contains Model Packages: {arn}"),
        ));
    }
    world.registry.groups.remove(&name);
    world.tags.forget(&arn);
    Ok(json!({}))
}

pub(super) fn put(world: &mut World, request: &Request<'_>) -> Reply {
    let (name, arn) = named(world, request)?;
    let policy = request.text("ResourcePolicy")?;
    let parsed: Option<Value> = serde_json::from_str(policy).ok();
    if parsed.is_none_or(|policy| policy.get("Statement").is_none()) {
        return Err(ApiError::validation(
            "Invalid resource policy: the policy must be a JSON document with a Statement.",
        ));
    }
    if let Some(group) = world.registry.groups.get_mut(&name) {
        group.policy = Some(policy.to_owned());
    }
    Ok(json!({"ModelPackageGroupArn": arn}))
}

fn no_policy(arn: &str) -> ApiError {
    ApiError::validation(format!("Cannot find resource policy for: {arn}"))
}

pub(super) fn get(world: &mut World, request: &Request<'_>) -> Reply {
    let (name, arn) = named(world, request)?;
    let policy = world.registry.groups.get(&name).and_then(|group| group.policy.clone());
    Ok(json!({"ResourcePolicy": policy.ok_or_else(|| no_policy(&arn))?}))
}

pub(super) fn delete(world: &mut World, request: &Request<'_>) -> Reply {
    let (name, arn) = named(world, request)?;
    let policy = world.registry.groups.get_mut(&name).and_then(|group| group.policy.take());
    policy.map(|_| json!({})).ok_or_else(|| no_policy(&arn))
}
