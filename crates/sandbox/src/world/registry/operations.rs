//! The registry operations.

use serde_json::{Value, json};

use super::{
    Group,
    lent::{is_foreign, usable},
    package::{Change, Package, group_record, record, summary},
    policy,
};
use crate::world::{
    ApiError, Handler, Reply, Request, World,
    lists::{self, Window, choice},
};

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[
    ("ListModelPackageGroups", list_groups),
    ("DescribeModelPackageGroup", describe_group),
    ("CreateModelPackageGroup", create_group),
    ("ListModelPackages", list_packages),
    ("DescribeModelPackage", describe_package),
    ("BatchDescribeModelPackage", batch_describe),
    ("CreateModelPackage", create_package),
    ("UpdateModelPackage", update_package),
    ("DeleteModelPackage", policy::delete_package),
    ("DeleteModelPackageGroup", policy::delete_group),
    ("PutModelPackageGroupPolicy", policy::put),
    ("GetModelPackageGroupPolicy", policy::get),
    ("DeleteModelPackageGroupPolicy", policy::delete),
];

const APPROVALS: &[&str] = &["Approved", "Rejected", "PendingManualApproval"];
/// Longest ApprovalDescription.
const DESCRIPTION: usize = 1_024;
/// Changes of a version that are remembered.
const CHANGES: usize = 1_000;

/// A group's name out of a name or an ARN.
pub(super) fn group_name<'w>(world: &'w World, given: &str) -> Option<(&'w str, &'w Group)> {
    let short = given.rsplit_once(":model-package-group/").map_or(given, |(_, short)| short);
    let found = world.registry.groups.iter().find(|(name, _)| name.eq_ignore_ascii_case(short));
    found.filter(|(_, group)| group.created <= world.now()).map(|(name, group)| (name.as_str(), group))
}

pub(super) fn no_group(given: &str) -> ApiError {
    ApiError::validation(format!("ModelPackageGroup {given} does not exist."))
}

/// Group and version out of `…:model-package/fraud/18`.
pub(super) fn package_key(world: &World, given: &str) -> Result<(String, u32), ApiError> {
    let missing = || ApiError::validation(format!("ModelPackage {given} does not exist."));
    if is_foreign(given) {
        return Err(missing());
    }
    let short = given.rsplit_once(":model-package/").map_or(given, |(_, short)| short);
    let (group, version) = short.rsplit_once('/').ok_or_else(missing)?;
    let version: u32 = version.parse().map_err(|_| missing())?;
    let (group, _) = group_name(world, group).ok_or_else(missing)?;
    let package = world.registry.package(group, version).filter(|package| package.created() <= world.now());
    package.map(|_| (group.to_owned(), version)).ok_or_else(missing)
}

fn list_groups(world: &mut World, request: &Request<'_>) -> Reply {
    let sort = choice(request, "SortBy", &["Name", "CreationTime"])?.unwrap_or("CreationTime");
    let window = Window::new(request, "CreationTimeAfter", "CreationTimeBefore");
    let now = world.now();
    let mut found: Vec<(&String, &Group)> =
        world.registry.groups.iter().filter(|(_, group)| group.created <= now && window.holds(group.created)).collect();
    if sort == "CreationTime" {
        found.sort_by_key(|(name, group)| (group.created, *name));
    }
    if !lists::is_ascending(request)? {
        found.reverse();
    }
    let (page, next) = lists::page(&found, request)?;
    let summaries = page
        .iter()
        .filter(|(name, _)| request.opt_text("NameContains").is_none_or(|part| name.contains(part)))
        .map(|(name, group)| {
            let mut entry = group_record(name, group);
            if let Value::Object(members) = &mut entry {
                members.remove("CreatedBy");
            }
            entry
        })
        .collect();
    Ok(lists::reply("ModelPackageGroupSummaryList", summaries, next))
}

fn describe_group(world: &mut World, request: &Request<'_>) -> Reply {
    let given = request.text("ModelPackageGroupName")?;
    let (name, group) = group_name(world, given).ok_or_else(|| no_group(given))?;
    Ok(group_record(name, group))
}

fn create_group(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("ModelPackageGroupName")?;
    if group_name(world, name).is_some() {
        return Err(ApiError::validation(format!("Model Package Group already exists: {name}")));
    }
    let group = Group {
        created: world.now(),
        by: request.caller.to_owned(),
        description: request.opt_text("ModelPackageGroupDescription").unwrap_or_default().to_owned(),
        packages: Vec::new(),
        newest: 0,
        policy: None,
    };
    let arn = group_record(name, &group)["ModelPackageGroupArn"].clone();
    world.registry.groups.insert(name.to_owned(), group);
    world.tags.set_from(arn.as_str().unwrap_or_default(), request.list("Tags"));
    Ok(json!({"ModelPackageGroupArn": arn}))
}

/// All that is known of the version of an ARN.
pub(crate) fn told(world: &World, arn: &str) -> Option<Value> {
    if is_foreign(arn) {
        return world.registry.lent.get(arn).map(|lent| lent.record.clone());
    }
    let (group, version) = package_key(world, arn).ok()?;
    record(world, world.registry.package(&group, version)?, world.now())
}

fn list_packages(world: &mut World, request: &Request<'_>) -> Reply {
    let sort = choice(request, "SortBy", &["Name", "CreationTime"])?.unwrap_or("CreationTime");
    let approval = choice(request, "ModelApprovalStatus", APPROVALS)?;
    let kind = choice(request, "ModelPackageType", &["Versioned", "Unversioned", "Both"])?;
    let window = Window::new(request, "CreationTimeAfter", "CreationTimeBefore");
    let now = world.now();
    let group = match request.opt_text("ModelPackageGroupName") {
        None => None,
        Some(given) => Some(group_name(world, given).ok_or_else(|| no_group(given))?.0),
    };
    // Without a group AWS lists unversioned packages only, of which there are none here.
    let is_versioned = group.is_some() || matches!(kind, Some("Versioned" | "Both"));
    let mut found: Vec<(&Package, &Change)> = world
        .registry
        .groups
        .iter()
        .filter(|(name, _)| is_versioned && group.is_none_or(|group| *name == group))
        .flat_map(|(_, group)| &group.packages)
        .filter_map(|package| Some((package, package.at(now)?)))
        .filter(|(package, _)| window.holds(package.created()))
        .filter(|(_, state)| approval.is_none_or(|approval| state.approval == approval))
        .filter(|(package, _)| request.opt_text("NameContains").is_none_or(|part| package.group.contains(part)))
        .collect();
    match sort {
        "Name" => found.sort_by_key(|(package, _)| (package.group.clone(), package.version)),
        _ => found.sort_by_key(|(package, _)| (package.created(), package.group.clone(), package.version)),
    }
    if !lists::is_ascending(request)? {
        found.reverse();
    }
    let (page, next) = lists::page(&found, request)?;
    let summaries = page.iter().map(|(package, state)| summary(package, state)).collect();
    Ok(lists::reply("ModelPackageSummaryList", summaries, next))
}

fn describe_package(world: &mut World, request: &Request<'_>) -> Reply {
    let given = request.text("ModelPackageName")?;
    if is_foreign(given) {
        return usable(world, given, "sagemaker:DescribeModelPackage", request.caller).cloned();
    }
    let (group, version) = package_key(world, given)?;
    let package = world.registry.package(&group, version);
    package
        .and_then(|package| record(world, package, world.now()))
        .ok_or_else(|| ApiError::validation(format!("ModelPackage {given} does not exist.")))
}

fn batch_describe(world: &mut World, request: &Request<'_>) -> Reply {
    let arns = request.texts("ModelPackageArnList");
    if arns.is_empty() || arns.len() > 100 {
        return Err(ApiError::missing("ModelPackageArnList"));
    }
    let (mut summaries, mut errors) = (serde_json::Map::new(), serde_json::Map::new());
    for arn in arns {
        let found = package_key(world, arn).and_then(|(group, version)| {
            let package = world.registry.package(&group, version);
            package.and_then(|package| record(world, package, world.now())).ok_or_else(|| no_group(arn))
        });
        match found {
            Ok(record) => summaries.insert(arn.to_owned(), brief(record)),
            Err(error) => {
                errors.insert(arn.to_owned(), json!({"ErrorCode": error.code, "ErrorResponse": error.message}))
            }
        };
    }
    Ok(json!({"ModelPackageSummaries": summaries, "BatchDescribeModelPackageErrorMap": errors}))
}

/// `BatchDescribeModelPackageSummary` knows fewer members than DescribeModelPackage.
fn brief(mut record: Value) -> Value {
    const MEMBERS: &[&str] = &[
        "ModelPackageGroupName",
        "ModelPackageVersion",
        "ModelPackageArn",
        "ModelPackageDescription",
        "CreationTime",
        "InferenceSpecification",
        "ModelPackageStatus",
        "ModelApprovalStatus",
        "ModelPackageRegistrationType",
    ];
    if let Value::Object(members) = &mut record {
        members.retain(|member, _| MEMBERS.contains(&member.as_str()));
    }
    record
}

fn create_package(world: &mut World, request: &Request<'_>) -> Reply {
    let given = request.text("ModelPackageGroupName")?;
    let name = group_name(world, given).ok_or_else(|| no_group(given))?.0.to_owned();
    let approval = choice(request, "ModelApprovalStatus", APPROVALS)?.unwrap_or("PendingManualApproval");
    let change = Change::new(world.now(), request.caller, approval);
    let group = world.registry.groups.get_mut(&name).ok_or_else(|| no_group(given))?;
    // `ClientToken` makes the call idempotent (API reference): the same call gives the same version.
    let known = request.opt_text("ClientToken").and_then(|token| {
        group.packages.iter().find(|package| package.given.get("ClientToken").and_then(Value::as_str) == Some(token))
    });
    if let Some(known) = known {
        return Ok(json!({"ModelPackageArn": known.arn()}));
    }
    let version = group.next();
    let package = Package { group: name, version, source: None, given: request.input.clone(), changes: vec![change] };
    let arn = package.arn();
    group.packages.push(package);
    world.tags.set_from(&arn, request.list("Tags"));
    Ok(json!({"ModelPackageArn": arn}))
}

fn update_package(world: &mut World, request: &Request<'_>) -> Reply {
    let arn = request.text("ModelPackageArn")?;
    if is_foreign(arn) {
        usable(world, arn, "sagemaker:UpdateModelPackage", request.caller)?;
    }
    let (group, version) = package_key(world, arn)?;
    let approval = choice(request, "ModelApprovalStatus", APPROVALS)?;
    let description = request.opt_text("ApprovalDescription");
    if description.is_some_and(|text| text.chars().count() > DESCRIPTION) {
        return Err(ApiError::validation(format!(
            "1 validation error detected: Value at 'approvalDescription' failed to satisfy constraint: Member must have length \
             less than or equal to {DESCRIPTION}"
        )));
    }
    let now = world.now();
    let Some(package) = world.registry.package_mut(&group, version) else {
        return Err(ApiError::validation(format!("ModelPackage {arn} does not exist.")));
    };
    let last = package.changes.last().cloned();
    let mut change =
        Change { at: now, by: request.caller.to_owned(), ..last.unwrap_or_else(|| Change::new(now, "", "")) };
    // Nothing is documented to lead back to a version that waits. `[?]`: how AWS refuses it is not known.
    if approval == Some("PendingManualApproval") && change.approval != "PendingManualApproval" {
        return Err(ApiError::validation(format!(
            "ModelApprovalStatus cannot be changed from {} to PendingManualApproval.",
            change.approval
        )));
    }
    if let Some(approval) = approval {
        approval.clone_into(&mut change.approval);
    }
    change.description = description.map(str::to_owned).or(change.description);
    if let Some(cycle) = request.input.get("ModelLifeCycle") {
        let member = |name: &str| cycle.get(name).and_then(Value::as_str).map(str::to_owned);
        let missing = || ApiError::missing("modelLifeCycle.stage");
        change.stage = Some((member("Stage").ok_or_else(missing)?, member("StageStatus").ok_or_else(missing)?));
        change.stage_text = member("StageDescription");
    }
    let removed = request.texts("CustomerMetadataPropertiesToRemove");
    change.properties.retain(|(name, _)| !removed.contains(&name.as_str()));
    change.removed.retain(|name| request.input.pointer(&format!("/CustomerMetadataProperties/{name}")).is_none());
    change.removed.extend(removed.into_iter().map(str::to_owned));
    for (name, value) in
        request.input.get("CustomerMetadataProperties").and_then(Value::as_object).into_iter().flatten()
    {
        change.properties.retain(|(known, _)| known != name);
        change.properties.push((name.clone(), value.as_str().unwrap_or_default().to_owned()));
    }
    for member in ["InferenceSpecification", "SourceUri", "ModelCard", "ModelPackageRegistrationType"] {
        if let Some(value) = request.input.get(member) {
            package.give(member, value.clone());
        }
    }
    if let Some(more) = request.input.get("AdditionalInferenceSpecificationsToAdd").and_then(Value::as_array) {
        let known = package.given.get("AdditionalInferenceSpecifications").and_then(Value::as_array).cloned();
        let all = known.unwrap_or_default().into_iter().chain(more.iter().cloned()).collect();
        package.give("AdditionalInferenceSpecifications", all);
    }
    if package.changes.len() >= CHANGES {
        // What it began as stays, and what it was last.
        package.changes.remove(1);
    }
    package.changes.push(change);
    Ok(json!({"ModelPackageArn": package.arn()}))
}
