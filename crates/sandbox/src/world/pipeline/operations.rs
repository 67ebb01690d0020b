//! The pipeline operations.

use std::sync::Arc;

use mldeck_core::time::Timestamp;
use serde_json::{Value, json};

use super::{
    custom::Custom,
    definition::definition,
    execution::{Execution, pipeline_arn, record},
    graph::{self, Live},
    retry, steps,
};
use crate::world::{
    ApiError, Reply, Request, World, epoch,
    estate::{self, Family},
    lists::{self, Window, choice, user, without_nulls},
    run::{PEOPLE, Series, recipe::recipe},
};

/// A pipeline by name: of a family, or of a caller.
pub(super) enum Known<'w> {
    Family(u8, &'static Family),
    Custom(&'w str, &'w Custom),
}

impl Known<'_> {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Family(_, family) => family.pipeline,
            Self::Custom(name, _) => name,
        }
    }

    pub(super) fn created(&self, world: &World) -> Timestamp {
        match self {
            Self::Family(_, family) => family.registered(1, world.start).plus(-mldeck_core::time::DAY),
            Self::Custom(_, custom) => custom.created,
        }
    }
}

pub(super) fn not_found(what: &str, name: &str) -> ApiError {
    ApiError::new(400, "ResourceNotFound", format!("{what} '{name}' does not exist."))
}

fn pipelines(world: &World) -> Vec<Known<'_>> {
    let families = world.pipelines.families().map(|(index, family)| Known::Family(index, family));
    let custom = world.pipelines.custom.iter().map(|(name, custom)| Known::Custom(name, custom));
    families.chain(custom).collect()
}

/// By name or ARN.
pub(super) fn find<'w>(world: &'w World, name: &str) -> Result<Known<'w>, ApiError> {
    let short = name.rsplit_once(":pipeline/").map_or(name, |(_, short)| short);
    let is_arn = short.len() < name.len();
    pipelines(world)
        .into_iter()
        .find(|known| known.name() == short || (is_arn && known.name().eq_ignore_ascii_case(short)))
        .ok_or_else(|| not_found("Pipeline", name))
}

pub(super) fn find_execution(world: &World, request: &Request<'_>) -> Result<u32, ApiError> {
    let arn = request.text("PipelineExecutionArn")?;
    let (head, id) = arn.rsplit_once("/execution/").unwrap_or_default();
    let found = world.pipelines.by_id.get(id).copied().filter(|index| {
        let execution = world.pipelines.get(*index);
        execution.is_some_and(|e| e.started <= world.now() && pipeline_arn(e.pipeline()).eq_ignore_ascii_case(head))
    });
    found.ok_or_else(|| not_found("Pipeline execution with ARN", arn))
}

pub(super) fn execution(world: &World, index: u32) -> Result<&Execution, ApiError> {
    world.pipelines.get(index).ok_or_else(|| not_found("Pipeline execution", &index.to_string()))
}

fn last_run(world: &World, name: &str, at: Timestamp) -> Option<Timestamp> {
    world.pipelines.at(at).filter(|execution| execution.pipeline() == name).map(|execution| execution.started).max()
}

/// `Pipeline` as Search shows it.
pub(crate) fn pipeline_record(world: &World, name: &str, at: Timestamp) -> Option<Value> {
    let known = find(world, name).ok()?;
    let created = known.created(world);
    let (modified, modified_by, parallel) = match &known {
        Known::Family(..) => (created, estate::DEPLOYER.to_owned(), None),
        Known::Custom(_, custom) => (custom.modified, custom.modified_by.clone(), custom.parallel.clone()),
    };
    let (display, description, role, by) = match &known {
        Known::Family(_, family) => {
            let text = format!("Retrains the {} model and registers it when it beats the champion.", family.name);
            (None, Some(text), estate::EXECUTION_ROLE.to_owned(), estate::DEPLOYER.to_owned())
        }
        Known::Custom(_, custom) => {
            (custom.display.clone(), custom.description.clone(), custom.role.clone(), custom.by.clone())
        }
    };
    (created <= at).then(|| {
        without_nulls(json!({
            "PipelineArn": pipeline_arn(known.name()),
            "PipelineName": known.name(),
            "PipelineDisplayName": display.unwrap_or_else(|| known.name().to_owned()),
            "PipelineDescription": description,
            "RoleArn": role,
            "PipelineStatus": "Active",
            "CreationTime": epoch(created),
            "LastModifiedTime": epoch(modified),
            "LastRunTime": last_run(world, known.name(), at).map(epoch),
            "CreatedBy": user(&by),
            "LastModifiedBy": user(&modified_by),
            "ParallelismConfiguration": parallel,
        }))
    })
}

pub(super) fn list_pipelines(world: &mut World, request: &Request<'_>) -> Reply {
    let sort = choice(request, "SortBy", &["Name", "CreationTime"])?.unwrap_or("CreationTime");
    let window = Window::new(request, "CreatedAfter", "CreatedBefore");
    let now = world.now();
    let mut found: Vec<(Timestamp, String)> = pipelines(world)
        .iter()
        .map(|known| (known.created(world), known.name().to_owned()))
        .filter(|(created, name)| {
            window.holds(*created)
                && request.opt_text("PipelineNamePrefix").is_none_or(|prefix| name.starts_with(prefix))
        })
        .collect();
    if sort == "Name" {
        found.sort_by(|a, b| a.1.cmp(&b.1));
    } else {
        found.sort();
    }
    if !lists::is_ascending(request)? {
        found.reverse();
    }
    let (page, next) = lists::page(&found, request)?;
    let summaries = page
        .iter()
        .filter_map(|(_, name)| pipeline_record(world, name, now))
        .map(|record| {
            let mut summary = without_nulls(json!({
                "LastExecutionTime": record["LastRunTime"],
                "PipelineDescription": record["PipelineDescription"],
            }));
            for member in
                ["PipelineArn", "PipelineName", "PipelineDisplayName", "RoleArn", "CreationTime", "LastModifiedTime"]
            {
                summary[member] = record[member].clone();
            }
            summary
        })
        .collect();
    Ok(lists::reply("PipelineSummaries", summaries, next))
}

pub(super) fn describe_pipeline(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("PipelineName")?;
    let known = find(world, name)?;
    let (text, version) = version_of(&known, request.opt_int("PipelineVersionId"))?;
    let mut body = pipeline_record(world, known.name(), world.now()).ok_or_else(|| not_found("Pipeline", name))?;
    body["PipelineDefinition"] = json!(&*text);
    if let Known::Custom(_, custom) = &known
        && let Some((_, version)) = custom.version(Some(version))
    {
        for (member, value) in
            [("PipelineVersionDisplayName", &version.display), ("PipelineVersionDescription", &version.description)]
        {
            if let Some(value) = value {
                body[member] = value.as_str().into();
            }
        }
    }
    Ok(body)
}

/// The definition of a version and its id; of the newest when none is named.
pub(super) fn version_of(known: &Known<'_>, id: Option<i64>) -> Result<(Arc<str>, i64), ApiError> {
    let found = match known {
        Known::Family(_, family) => id.is_none_or(|id| id == 1).then(|| (Arc::from(definition(family).to_string()), 1)),
        Known::Custom(_, custom) => custom.version(id).map(|(id, version)| (Arc::clone(&version.definition), id)),
    };
    found.ok_or_else(|| not_found("Pipeline version", &id.unwrap_or_default().to_string()))
}

pub(super) fn list_executions(world: &mut World, request: &Request<'_>) -> Reply {
    let sort = choice(request, "SortBy", &["CreationTime", "PipelineExecutionArn"])?.unwrap_or("CreationTime");
    let window = Window::new(request, "CreatedAfter", "CreatedBefore");
    let (now, seed) = (world.now(), world.seed);
    let known = find(world, request.text("PipelineName")?)?;
    let mut found: Vec<&Execution> = world
        .pipelines
        .at(now)
        .filter(|execution| execution.pipeline() == known.name() && window.holds(execution.started))
        .collect();
    if sort == "CreationTime" {
        found.sort_by_key(|execution| (execution.started, execution.series, execution.number));
    } else {
        found.sort_by_cached_key(|execution| execution.arn(seed));
    }
    if !lists::is_ascending(request)? {
        found.reverse();
    }
    let (page, next) = lists::page(&found, request)?;
    let summaries = page
        .iter()
        .map(|execution| {
            let status = execution.status(world, now);
            without_nulls(json!({
                "PipelineExecutionArn": execution.arn(seed),
                "StartTime": epoch(execution.started),
                "PipelineExecutionStatus": status,
                "PipelineExecutionDescription": execution.description,
                "PipelineExecutionDisplayName": execution.display(),
                "PipelineExecutionFailureReason": (status == "Failed").then_some(Execution::FAILURE),
            }))
        })
        .collect();
    Ok(lists::reply("PipelineExecutionSummaries", summaries, next))
}

pub(super) fn describe_execution(world: &mut World, request: &Request<'_>) -> Reply {
    let index = find_execution(world, request)?;
    let mut body = record(world, execution(world, index)?, world.now());
    if let Value::Object(members) = &mut body {
        members.remove("PipelineParameters");
    }
    Ok(body)
}

/// Only steps that have started; the newest first unless asked otherwise.
pub(super) fn list_steps(world: &mut World, request: &Request<'_>) -> Reply {
    let index = find_execution(world, request)?;
    let mut steps = steps::started(world, execution(world, index)?, world.now());
    if !lists::is_ascending(request)? {
        steps.reverse();
    }
    let (page, next) = lists::page(&steps, request)?;
    Ok(lists::reply("PipelineExecutionSteps", page.to_vec(), next))
}

pub(super) fn list_parameters(world: &mut World, request: &Request<'_>) -> Reply {
    let index = find_execution(world, request)?;
    let all = execution(world, index)?.named_parameters();
    let (page, next) = lists::page(&all, request)?;
    let entries = page.iter().map(|(name, value)| json!({"Name": name, "Value": value})).collect();
    Ok(lists::reply("PipelineParameters", entries, next))
}

pub(super) fn describe_definition(world: &mut World, request: &Request<'_>) -> Reply {
    let index = find_execution(world, request)?;
    let execution = execution(world, index)?;
    let text = match &execution.live {
        Some(live) => Arc::clone(&live.definition),
        None => Arc::from(definition(execution.family()).to_string()),
    };
    Ok(json!({"PipelineDefinition": &*text, "CreationTime": epoch(execution.started)}))
}

/// The parameters of a request, each of which the pipeline must have.
fn given(request: &Request<'_>, known: &[String]) -> Result<Vec<(String, String)>, ApiError> {
    let member =
        |parameter: &Value, name: &str| parameter.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let all = request.list("PipelineParameters").iter();
    let all: Vec<(String, String)> = all.map(|one| (member(one, "Name"), member(one, "Value"))).collect();
    let unknown: Vec<&str> =
        all.iter().map(|(name, _)| name.as_str()).filter(|name| !known.iter().any(|k| k == name)).collect();
    if unknown.is_empty() {
        return Ok(all);
    }
    Err(ApiError::validation(format!("Unknown parameters: [{}]", unknown.join(", "))))
}

pub(super) fn start_execution(world: &mut World, request: &Request<'_>) -> Reply {
    let (now, seed) = (world.now(), world.seed);
    let known = find(world, request.text("PipelineName")?)?;
    let token = (known.name().to_owned(), request.text("ClientRequestToken")?.to_owned());
    if let Some(known) = world.pipelines.tokens.get(&token) {
        return Ok(json!({"PipelineExecutionArn": execution(world, *known)?.arn(seed)}));
    }
    let selective = request.input.get("SelectiveExecutionConfig");
    let mut execution = match &known {
        Known::Family(index, _)
            if selective.is_none() && request.opt_int("PipelineVersionId").is_none_or(|id| id == 1) =>
        {
            let number = world.pipelines.next_number(*index);
            let mut execution = Execution::scheduled(*index, Series::Regular, number, now);
            let names: Vec<String> = execution.named_parameters().into_iter().map(|(name, _)| name).collect();
            execution.apply(given(request, &names)?)?;
            execution
        }
        known => {
            let (text, version) = version_of(known, request.opt_int("PipelineVersionId"))?;
            let mut live = Live::new(&text, version, now).map_err(ApiError::validation)?;
            let parallel = match known {
                Known::Custom(_, custom) => custom.parallel.clone(),
                Known::Family(..) => None,
            };
            live.parallel = retry::parallel(request.input.get("ParallelismConfiguration").or(parallel.as_ref()));
            retry::select(world, &mut live, known.name(), selective)?;
            let number = 1 + world.pipelines.at(now).filter(|e| e.custom.as_deref() == Some(known.name())).count();
            let mut execution = Execution::scheduled(0, Series::Notebook, number as u32, now);
            execution.custom = Some(known.name().to_owned());
            execution.parameters.given = live.merged(&given(request, &live.names())?).map_err(ApiError::validation)?;
            execution.live = Some(Box::new(live));
            execution
        }
    };
    execution.by = PEOPLE.iter().position(|person| *person == request.caller).map_or(u8::MAX, |index| index as u8);
    execution.caller = Some(request.caller.to_owned());
    execution.display = request.opt_text("PipelineExecutionDisplayName").map(str::to_owned);
    execution.description = request.opt_text("PipelineExecutionDescription").map(str::to_owned);
    let arn = execution.arn(seed);
    let index = world.pipelines.start(seed, execution);
    graph::enroll(world, index);
    world.pipelines.tokens.insert(token, index);
    Ok(json!({"PipelineExecutionArn": arn}))
}

impl Execution {
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        self.named_parameters().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Takes the caller's parameters: numbers change what the run does, the rest is kept as text.
    fn apply(&mut self, given: Vec<(String, String)>) -> Result<(), ApiError> {
        let recipe = recipe(self.family());
        for (name, value) in &given {
            let number = || {
                value.parse::<f32>().ok().filter(|number| number.is_finite()).ok_or_else(|| {
                    ApiError::validation(format!(
                        "Cannot assign property of type String to parameter [{name}]: a number is required."
                    ))
                })
            };
            if let Some(at) = recipe.knobs.iter().position(|knob| knob.parameter == name) {
                self.parameters.knobs[at] = number()?;
            } else if name == "MinScore" {
                self.parameters.least = number()?;
            } else if name == "ChampionScore" {
                self.parameters.champion = number()?;
            } else if name == "TrainingInstanceType" {
                let known = recipe.instances.iter().position(|instance| instance == value);
                self.parameters.instance = known.unwrap_or(0) as u8;
            } else if name == "ModelApprovalStatus"
                && !["PendingManualApproval", "Approved", "Rejected"].contains(&value.as_str())
            {
                return Err(ApiError::validation(format!(
                    "Parameter [{name}] value [{value}] is not in its enum values."
                )));
            }
        }
        self.parameters.given = given;
        Ok(())
    }
}

pub(super) fn stop_execution(world: &mut World, request: &Request<'_>) -> Reply {
    let index = find_execution(world, request)?;
    let now = world.now();
    let found = execution(world, index)?;
    let arn = found.arn(world.seed);
    if found.status(world, now) != "Executing" {
        return Err(ApiError::validation(format!(
            "Only pipelines with 'Executing' status can be stopped. Pipeline execution: {arn}"
        )));
    }
    let (family, series, number) = (found.family, found.series, found.number);
    let is_live = found.live.is_some();
    if let Some(run) = world.runs.get_mut(family, series, number).filter(|_| !is_live) {
        run.stopped = run.stopped.or(Some(now));
    }
    if let Some(execution) = world.pipelines.executions.get_mut(index as usize) {
        execution.stop = Some((now, request.caller.to_owned()));
    }
    if is_live {
        graph::settle_stop(world, index, now);
    }
    Ok(json!({"PipelineExecutionArn": arn}))
}
