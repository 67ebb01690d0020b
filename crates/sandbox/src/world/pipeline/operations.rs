//! The pipeline operations.

use mldeck_core::time::Timestamp;
use serde_json::{Value, json};

use super::{
    custom::Custom,
    definition::definition,
    execution::{Execution, pipeline_arn, record},
    steps,
};
use crate::world::{
    ApiError, Handler, Reply, Request, World, epoch,
    estate::{self, FAMILIES, Family},
    lists::{self, Window, choice, user, without_nulls},
    run::{PEOPLE, Series, recipe::recipe},
};

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[
    ("ListPipelines", list_pipelines),
    ("DescribePipeline", describe_pipeline),
    ("CreatePipeline", create_pipeline),
    ("ListPipelineExecutions", list_executions),
    ("DescribePipelineExecution", describe_execution),
    ("ListPipelineExecutionSteps", list_steps),
    ("ListPipelineParametersForExecution", list_parameters),
    ("DescribePipelineDefinitionForExecution", describe_definition),
    ("StartPipelineExecution", start_execution),
    ("StopPipelineExecution", stop_execution),
];

/// A pipeline by name: of a family, or of a caller.
enum Known<'w> {
    Family(u8, &'static Family),
    Custom(&'w str, &'w Custom),
}

impl Known<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Family(_, family) => family.pipeline,
            Self::Custom(name, _) => name,
        }
    }

    fn created(&self, world: &World) -> Timestamp {
        match self {
            Self::Family(_, family) => family.registered(1, world.start).plus(-mldeck_core::time::DAY),
            Self::Custom(_, custom) => custom.created,
        }
    }
}

fn not_found(what: &str, name: &str) -> ApiError {
    ApiError::new(400, "ResourceNotFound", format!("{what} '{name}' does not exist."))
}

fn pipelines(world: &World) -> Vec<Known<'_>> {
    let families = FAMILIES.iter().enumerate().map(|(index, family)| Known::Family(index as u8, family));
    let custom = world.pipelines.custom.iter().map(|(name, custom)| Known::Custom(name, custom));
    families.chain(custom).collect()
}

/// By name or ARN.
fn find<'w>(world: &'w World, name: &str) -> Result<Known<'w>, ApiError> {
    let short = name.rsplit_once(":pipeline/").map_or(name, |(_, short)| short);
    let is_arn = short.len() < name.len();
    pipelines(world)
        .into_iter()
        .find(|known| known.name() == short || (is_arn && known.name().eq_ignore_ascii_case(short)))
        .ok_or_else(|| not_found("Pipeline", name))
}

fn find_execution(world: &World, request: &Request<'_>) -> Result<u32, ApiError> {
    let arn = request.text("PipelineExecutionArn")?;
    let (head, id) = arn.rsplit_once("/execution/").unwrap_or_default();
    let found = world.pipelines.by_id.get(id).copied().filter(|index| {
        let execution = world.pipelines.get(*index);
        execution.is_some_and(|e| e.started <= world.now() && pipeline_arn(e.pipeline()).eq_ignore_ascii_case(head))
    });
    found.ok_or_else(|| not_found("Pipeline execution with ARN", arn))
}

fn execution(world: &World, index: u32) -> Result<&Execution, ApiError> {
    world.pipelines.get(index).ok_or_else(|| not_found("Pipeline execution", &index.to_string()))
}

fn last_run(world: &World, name: &str, at: Timestamp) -> Option<Timestamp> {
    world.pipelines.at(at).filter(|execution| execution.pipeline() == name).map(|execution| execution.started).max()
}

/// `Pipeline` as Search shows it.
pub(crate) fn pipeline_record(world: &World, name: &str, at: Timestamp) -> Option<Value> {
    let known = find(world, name).ok()?;
    let created = known.created(world);
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
            "LastModifiedTime": epoch(created),
            "LastRunTime": last_run(world, known.name(), at).map(epoch),
            "CreatedBy": user(&by),
            "LastModifiedBy": user(&by),
        }))
    })
}

fn list_pipelines(world: &mut World, request: &Request<'_>) -> Reply {
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

fn describe_pipeline(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("PipelineName")?;
    let known = find(world, name)?;
    let text = definition_text(&known);
    let mut body = pipeline_record(world, known.name(), world.now()).ok_or_else(|| not_found("Pipeline", name))?;
    body["PipelineDefinition"] = json!(text);
    Ok(body)
}

fn definition_text(known: &Known<'_>) -> String {
    match known {
        Known::Family(_, family) => definition(family).to_string(),
        Known::Custom(_, custom) => custom.definition.clone(),
    }
}

fn create_pipeline(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("PipelineName")?;
    if find(world, name).is_ok() {
        return Err(ApiError::validation(format!(
            "Pipeline names must be unique within an AWS account and region. Pipeline with name ({name}) already exists."
        )));
    }
    let mut custom =
        Custom::new(request.text("PipelineDefinition")?, world.now(), request.caller).map_err(ApiError::validation)?;
    request.text("RoleArn")?.clone_into(&mut custom.role);
    custom.display = request.opt_text("PipelineDisplayName").map(str::to_owned);
    custom.description = request.opt_text("PipelineDescription").map(str::to_owned);
    world.pipelines.custom.insert(name.to_owned(), custom);
    world.tags.set_from(&pipeline_arn(name), request.list("Tags"));
    Ok(json!({"PipelineArn": pipeline_arn(name)}))
}

fn list_executions(world: &mut World, request: &Request<'_>) -> Reply {
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

fn describe_execution(world: &mut World, request: &Request<'_>) -> Reply {
    let index = find_execution(world, request)?;
    let mut body = record(world, execution(world, index)?, world.now());
    if let Value::Object(members) = &mut body {
        members.remove("PipelineParameters");
    }
    Ok(body)
}

/// Only steps that have started; the newest first unless asked otherwise.
fn list_steps(world: &mut World, request: &Request<'_>) -> Reply {
    let index = find_execution(world, request)?;
    let mut steps = steps::started(world, execution(world, index)?, world.now());
    if !lists::is_ascending(request)? {
        steps.reverse();
    }
    let (page, next) = lists::page(&steps, request)?;
    Ok(lists::reply("PipelineExecutionSteps", page.to_vec(), next))
}

fn list_parameters(world: &mut World, request: &Request<'_>) -> Reply {
    let index = find_execution(world, request)?;
    let all = execution(world, index)?.named_parameters();
    let (page, next) = lists::page(&all, request)?;
    let entries = page.iter().map(|(name, value)| json!({"Name": name, "Value": value})).collect();
    Ok(lists::reply("PipelineParameters", entries, next))
}

fn describe_definition(world: &mut World, request: &Request<'_>) -> Reply {
    let index = find_execution(world, request)?;
    let execution = execution(world, index)?;
    let known = find(world, execution.pipeline())?;
    Ok(json!({"PipelineDefinition": definition_text(&known), "CreationTime": epoch(execution.started)}))
}

/// The parameters of a request, checked against those the pipeline has.
fn given(request: &Request<'_>, known: &[String]) -> Result<Vec<(String, String)>, ApiError> {
    request
        .list("PipelineParameters")
        .iter()
        .map(|parameter| {
            let member = |name: &str| parameter.get(name).and_then(Value::as_str).map(str::to_owned);
            let (Some(name), Some(value)) = (member("Name"), member("Value")) else {
                return Err(ApiError::missing("pipelineParameters.1.member.name"));
            };
            if !known.contains(&name) {
                return Err(ApiError::validation(format!("Unknown parameters: [{name}]")));
            }
            Ok((name, value))
        })
        .collect()
}

fn start_execution(world: &mut World, request: &Request<'_>) -> Reply {
    let token = request.opt_text("ClientRequestToken").map(str::to_owned);
    let seed = world.seed;
    if let Some(known) = token.as_ref().and_then(|token| world.pipelines.tokens.get(token)) {
        return Ok(json!({"PipelineExecutionArn": execution(world, *known)?.arn(seed)}));
    }
    let now = world.now();
    let known = find(world, request.text("PipelineName")?)?;
    let (family, custom) = match &known {
        Known::Family(index, _) => (*index, None),
        Known::Custom(name, _) => (0, Some((*name).to_owned())),
    };
    let number = world.pipelines.next_number(family);
    let mut execution = Execution::scheduled(family, Series::Regular, number, now);
    if let Known::Custom(name, pipeline) = &known {
        execution.series = Series::Notebook;
        execution.number = 1 + world.pipelines.at(now).filter(|e| e.custom.as_deref() == Some(*name)).count() as u32;
        let names: Vec<String> = pipeline.parameters.iter().map(|(name, _)| name.clone()).collect();
        execution.parameters.given = merged(&given(request, &names)?, &pipeline.parameters);
        execution.custom = custom;
    } else {
        let names: Vec<String> = execution.named_parameters().into_iter().map(|(name, _)| name).collect();
        execution.apply(given(request, &names)?)?;
    }
    execution.by = PEOPLE.iter().position(|person| *person == request.caller).map_or(u8::MAX, |index| index as u8);
    execution.caller = Some(request.caller.to_owned());
    execution.display = request.opt_text("PipelineExecutionDisplayName").map(str::to_owned);
    execution.description = request.opt_text("PipelineExecutionDescription").map(str::to_owned);
    let arn = execution.arn(seed);
    let index = world.pipelines.start(seed, execution);
    if let Some(token) = token {
        world.pipelines.tokens.insert(token, index);
    }
    Ok(json!({"PipelineExecutionArn": arn}))
}

/// What was given, and the defaults of the rest.
fn merged(given: &[(String, String)], all: &[(String, Option<String>)]) -> Vec<(String, String)> {
    let value = |name: &str| given.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    all.iter().filter_map(|(name, default)| Some((name.clone(), value(name).or_else(|| default.clone())?))).collect()
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

fn stop_execution(world: &mut World, request: &Request<'_>) -> Reply {
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
    let is_custom = found.custom.is_some();
    if let Some(run) = world.runs.get_mut(family, series, number).filter(|_| !is_custom) {
        run.stopped = run.stopped.or(Some(now));
    }
    if let Some(execution) = world.pipelines.executions.get_mut(index as usize) {
        execution.stop = Some((now, request.caller.to_owned()));
    }
    Ok(json!({"PipelineExecutionArn": arn}))
}
