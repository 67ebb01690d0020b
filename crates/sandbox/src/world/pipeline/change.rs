//! Pipelines are made, changed and deleted; every definition is a version.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    custom::{Custom, Version},
    execution::pipeline_arn,
    graph::Live,
    operations::{Known, find, not_found, version_of},
};
use crate::world::{
    ApiError, Reply, Request, World, epoch, estate,
    lists::{self, Window, without_nulls},
};

/// The definition a request carries, inline or on S3; checked.
fn definition_of(world: &World, request: &Request<'_>) -> Result<Option<String>, ApiError> {
    let text = match (request.opt_text("PipelineDefinition"), request.input.get("PipelineDefinitionS3Location")) {
        (Some(_), Some(_)) => {
            let message = "Only one of PipelineDefinition and PipelineDefinitionS3Location can be specified.";
            return Err(ApiError::validation(message));
        }
        (Some(text), None) => text.to_owned(),
        (None, Some(place)) => {
            let part = |member: &str| place.get(member).and_then(Value::as_str).unwrap_or_default();
            let object = world.s3.get(part("Bucket"), part("ObjectKey"));
            let text = object.and_then(|object| String::from_utf8(object.body.to_vec()).ok());
            text.ok_or_else(|| {
                ApiError::validation(format!(
                    "Unable to read pipeline definition from s3://{}/{}.",
                    part("Bucket"),
                    part("ObjectKey")
                ))
            })?
        }
        (None, None) => return Ok(None),
    };
    Live::new(&Arc::from(text.as_str()), 1, world.now()).map_err(ApiError::validation)?;
    Ok(Some(text))
}

pub(super) fn create_pipeline(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("PipelineName")?;
    let now = world.now();
    if let Ok(known) = find(world, name) {
        // The same call again, with its token: what it made.
        let is_same = world
            .pipelines
            .makers
            .get(name)
            .is_some_and(|token| Some(token.as_str()) == request.opt_text("ClientRequestToken"));
        if is_same
            && version_of(&known, Some(1))?.0.as_ref() == request.opt_text("PipelineDefinition").unwrap_or_default()
        {
            return Ok(json!({"PipelineArn": pipeline_arn(name)}));
        }
        return Err(ApiError::validation(format!(
            "Pipeline names must be unique within an AWS account and region. Pipeline with name ({name}) already exists."
        )));
    }
    let definition = definition_of(world, request)?.ok_or_else(|| ApiError::missing("PipelineDefinition"))?;
    let custom = Custom {
        display: request.opt_text("PipelineDisplayName").map(str::to_owned),
        description: request.opt_text("PipelineDescription").map(str::to_owned),
        role: request.text("RoleArn")?.to_owned(),
        created: now,
        by: request.caller.to_owned(),
        modified: now,
        modified_by: request.caller.to_owned(),
        parallel: request.input.get("ParallelismConfiguration").cloned(),
        versions: vec![Version::new(&definition, now)],
    };
    world.pipelines.custom.insert(name.to_owned(), custom);
    if let Some(token) = request.opt_text("ClientRequestToken") {
        world.pipelines.makers.insert(name.to_owned(), token.to_owned());
    }
    world.tags.set_from(&pipeline_arn(name), request.list("Tags"));
    Ok(json!({"PipelineArn": pipeline_arn(name)}))
}

/// A pipeline of a caller; one of a family becomes one as soon as somebody changes it.
fn own<'w>(world: &'w mut World, name: &str) -> Result<(String, &'w mut Custom), ApiError> {
    let known = find(world, name)?;
    let owned = known.name().to_owned();
    if let Known::Family(_, family) = &known {
        let created = known.created(world);
        let (definition, _) = version_of(&known, None)?;
        let custom = Custom {
            display: None,
            description: Some(format!(
                "Retrains the {} model and registers it when it beats the champion.",
                family.name
            )),
            role: estate::EXECUTION_ROLE.to_owned(),
            created,
            by: estate::DEPLOYER.to_owned(),
            modified: created,
            modified_by: estate::DEPLOYER.to_owned(),
            parallel: None,
            versions: vec![Version::new(&definition, created)],
        };
        world.pipelines.custom.insert(owned.clone(), custom);
    }
    let custom = world.pipelines.custom.get_mut(&owned).ok_or_else(|| not_found("Pipeline", name))?;
    Ok((owned, custom))
}

pub(super) fn update_pipeline(world: &mut World, request: &Request<'_>) -> Reply {
    let now = world.now();
    let name = request.text("PipelineName")?;
    find(world, name)?;
    let definition = definition_of(world, request)?;
    let (name, custom) = own(world, name)?;
    let text = |member: &str, kept: &mut Option<String>| {
        *kept = request.opt_text(member).map(str::to_owned).or(kept.take());
    };
    text("PipelineDisplayName", &mut custom.display);
    text("PipelineDescription", &mut custom.description);
    if let Some(role) = request.opt_text("RoleArn") {
        role.clone_into(&mut custom.role);
    }
    custom.parallel = request.input.get("ParallelismConfiguration").cloned().or(custom.parallel.take());
    custom.modified = now;
    request.caller.clone_into(&mut custom.modified_by);
    custom.versions.extend(definition.map(|definition| Version::new(&definition, now)));
    let id = custom.versions.len();
    Ok(json!({"PipelineArn": pipeline_arn(&name), "PipelineVersionId": id}))
}

pub(super) fn delete_pipeline(world: &mut World, request: &Request<'_>) -> Reply {
    let now = world.now();
    let known = find(world, request.text("PipelineName")?)?;
    let name = known.name().to_owned();
    let active = world.pipelines.active.iter().filter_map(|index| world.pipelines.get(*index));
    let is_running = active
        .filter(|execution| execution.pipeline() == name)
        .any(|execution| matches!(execution.status(world, now), "Executing" | "Stopping"));
    if is_running {
        return Err(ApiError::new(
            400,
            "ConflictException",
            format!("Pipeline {} cannot be deleted while it has executions in progress.", pipeline_arn(&name)),
        ));
    }
    world.pipelines.custom.remove(&name);
    world.pipelines.makers.remove(&name);
    world.pipelines.tokens.retain(|(of, _), _| *of != name);
    let family = estate::FAMILIES.iter().find(|family| family.pipeline == name);
    world.pipelines.deleted.extend(family.map(|family| family.pipeline));
    world.tags.forget(&pipeline_arn(&name));
    Ok(json!({"PipelineArn": pipeline_arn(&name)}))
}

pub(super) fn list_versions(world: &mut World, request: &Request<'_>) -> Reply {
    let known = find(world, request.text("PipelineName")?)?;
    let window = Window::new(request, "CreatedAfter", "CreatedBefore");
    let only;
    let versions = match &known {
        Known::Custom(_, custom) => &custom.versions,
        Known::Family(..) => {
            only = vec![Version::new("", known.created(world))];
            &only
        }
    };
    let mut found: Vec<(i64, &Version)> =
        (1..).zip(versions).filter(|(_, version)| window.holds(version.created)).collect();
    if !lists::is_ascending(request)? {
        found.reverse();
    }
    let (page, next) = lists::page(&found, request)?;
    let last = |id: i64| {
        let mut all = world.pipelines.at(world.now()).filter(|execution| execution.pipeline() == known.name());
        let is_of = |version: Option<i64>| version.unwrap_or(1) == id;
        let newest = all.by_ref().filter(|execution| is_of(execution.live.as_ref().map(|live| live.version)));
        newest.max_by_key(|execution| execution.started).map(|execution| execution.arn(world.seed))
    };
    let rows = page.iter().map(|(id, version)| {
        without_nulls(json!({
            "PipelineArn": pipeline_arn(known.name()),
            "PipelineVersionId": id,
            "CreationTime": epoch(version.created),
            "PipelineVersionDisplayName": version.display,
            "PipelineVersionDescription": version.description,
            "LastExecutionPipelineExecutionArn": last(*id),
        }))
    });
    Ok(lists::reply("PipelineVersionSummaries", rows.collect(), next))
}

pub(super) fn update_version(world: &mut World, request: &Request<'_>) -> Reply {
    let arn = request.text("PipelineArn")?;
    let id = request.opt_int("PipelineVersionId");
    version_of(&find(world, arn)?, id)?;
    let (name, custom) = own(world, arn)?;
    let at = usize::try_from(id.unwrap_or_default() - 1).unwrap_or(usize::MAX);
    if let Some(version) = custom.versions.get_mut(at) {
        let text = |member: &str, kept: &mut Option<String>| {
            *kept = request.opt_text(member).map(str::to_owned).or(kept.take());
        };
        text("PipelineVersionDisplayName", &mut version.display);
        text("PipelineVersionDescription", &mut version.description);
    }
    Ok(json!({"PipelineArn": pipeline_arn(&name), "PipelineVersionId": id}))
}
