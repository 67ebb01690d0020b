//! Schedules that callers make, change and delete; their reports go where they say.

use bytes::Bytes;
use mldeck_core::time::{DAY, HOUR, Timestamp};
use serde_json::{Value, json};

use super::{
    Schedule, object, operations, storm, summary,
    table::{self, Kind, Plan},
};
use crate::world::{ApiError, Reply, Request, Service, World, estate, request::duration, s3};

/// Most schedules of an account, and most forms they have had: what was changed or deleted counts.
const ROOM: usize = 1_000;
const FORMS: usize = 10_000;

/// The types, the resource that defines their jobs, and the member of it that says what is looked at.
const KINDS: [(Kind, &str); 4] = [
    (Kind::DataQuality, "DataQuality"),
    (Kind::ModelQuality, "ModelQuality"),
    (Kind::ModelBias, "ModelBias"),
    (Kind::ModelExplainability, "ModelExplainability"),
];

/// What a request wants: the plan, where reports go, the one time of a schedule that is not repeated, and what is looked at.
struct Wanted {
    plan: Plan,
    home: String,
    once: Option<Timestamp>,
    span: (i64, i64),
}

fn text<'v>(value: &'v Value, place: &str) -> &'v str {
    value.pointer(place).and_then(Value::as_str).unwrap_or_default()
}

/// `cron(0 * ? * * *)`, `cron(0 4 ? * * *)`, `cron(0 0/6 ? * * *)`: every so many milliseconds, from which hour on.
fn every(expression: &str) -> Option<(i64, i64)> {
    let hours = expression.strip_prefix("cron(0 ")?.strip_suffix(" ? * * *)")?;
    if hours == "*" {
        return Some((HOUR, 0));
    }
    let hour = |text: &str| text.parse::<i64>().ok().filter(|hour| (0..24).contains(hour));
    let step = |text: &str| text.parse::<i64>().ok().filter(|step| (1..=24).contains(step));
    match hours.split_once('/') {
        None => Some((DAY, hour(hours)?)),
        Some((from, every)) => Some((step(every)? * HOUR, hour(from)?)),
    }
}

fn wanted(world: &mut World, request: &Request<'_>) -> Result<Wanted, ApiError> {
    let config = request.input.get("MonitoringScheduleConfig").cloned().unwrap_or_default();
    let inline = config.get("MonitoringJobDefinition").cloned();
    let named = config.get("MonitoringJobDefinitionName").and_then(Value::as_str);
    let said = text(&config, "/MonitoringType");
    let (kind, word) = KINDS.into_iter().find(|(_, word)| *word == said).unwrap_or(KINDS[0]);
    let definition = match (inline, named) {
        (Some(definition), None) => definition,
        (None, Some(name)) => {
            let input = json!({"JobDefinitionName": name});
            let operation = format!("Describe{word}JobDefinition");
            let asked = Request {
                service: Service::SageMaker,
                operation: &operation,
                input: &input,
                caller: request.caller,
                request_id: request.request_id,
            };
            // The refusal has a code that is not modelled for schedules.
            world.run(&asked).map_err(|error| ApiError::validation(error.message))?
        }
        _ => {
            return Err(ApiError::validation(
                "Exactly one of MonitoringJobDefinition and MonitoringJobDefinitionName must be specified.",
            ));
        }
    };
    let part = |inline: &str, own: &str| {
        definition.get(inline).or_else(|| definition.get(format!("{word}{own}"))).cloned().unwrap_or_default()
    };
    let (input, output) = (part("MonitoringInputs", "JobInput"), part("MonitoringOutputConfig", "JobOutputConfig"));
    let input = input.get(0).cloned().unwrap_or(input);
    let endpoint = text(&input, "/EndpointInput/EndpointName").to_owned();
    if !endpoint.is_empty() {
        world.endpoint(&endpoint)?;
    }
    let expression = text(&config, "/ScheduleConfig/ScheduleExpression");
    let name = request.text("MonitoringScheduleName")?.to_owned();
    let once = (expression == "NOW").then_some(world.now);
    let offset = |member: &str| duration(text(&config, &format!("/ScheduleConfig/{member}")));
    let window = offset("DataAnalysisStartTime").zip(offset("DataAnalysisEndTime"));
    let is_now = once.is_some();
    if is_now && window.is_none() {
        return Err(ApiError::validation(
            "DataAnalysisStartTime and DataAnalysisEndTime are required when ScheduleExpression is NOW.",
        ));
    }
    if window.is_some_and(|(from, to)| from >= to || to > 0 || to - from > DAY) {
        return Err(ApiError::validation(
            "DataAnalysisStartTime must lie before DataAnalysisEndTime, by 24 hours at most.",
        ));
    }
    let every = if is_now { Some((HOUR, 0)) } else { every(expression) };
    let (every, hour) = every.ok_or_else(|| {
        ApiError::validation(format!("ScheduleExpression {expression} is not supported: use an hourly or daily cron."))
    })?;
    let columns = table::columns(&endpoint);
    let features = match storm::features(&world.scenario, &endpoint, columns) {
        Some(features) => features.into(),
        None => columns.into(),
    };
    let plan = Plan {
        name: name.into(),
        endpoint: endpoint.into(),
        kind,
        every,
        hour,
        features,
        rows: (6_000, 1_200),
        stopped: None,
        no_data: None,
        days: 30,
    };
    let home = text(&output, "/MonitoringOutputs/0/S3Output/S3Uri").trim_end_matches('/').to_owned();
    let span = window.unwrap_or((-every, 0));
    Ok(Wanted { plan, home, once, span })
}

fn check_forms(world: &World) -> Result<(), ApiError> {
    if world.monitors.schedules.len() < FORMS {
        return Ok(());
    }
    let message = format!("The sandbox remembers at most {FORMS} monitoring schedules and changes of them.");
    Err(ApiError::new(400, "ResourceLimitExceeded", message))
}

pub(super) fn create(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("MonitoringScheduleName")?;
    let mut live = world.monitors.schedules.iter().filter(|schedule| schedule.is_current());
    if live.clone().count() >= ROOM {
        let message = format!("The account has {ROOM} monitoring schedules, which is the limit.");
        return Err(ApiError::new(400, "ResourceLimitExceeded", message));
    }
    if live.any(|schedule| schedule.plan.name.eq_ignore_ascii_case(name)) {
        let message = format!("Monitoring Schedule with name {name} already exists ({})", summary::schedule_arn(name));
        return Err(ApiError::new(400, "ResourceInUse", message));
    }
    check_forms(world)?;
    let Wanted { plan, home, once, span } = wanted(world, request)?;
    let now = world.now;
    let config = request.input.get("MonitoringScheduleConfig").cloned().unwrap_or_default();
    let arn = summary::schedule_arn(name);
    world.monitors.schedules.push(Schedule {
        plan,
        created: now,
        modified: now,
        stops: Vec::new(),
        alert: (1, 1),
        given: Some((config, home)),
        once,
        span,
        since: now,
        until: None,
        deleted: false,
    });
    world.tags.set_from(&arn, request.list("Tags"));
    Ok(json!({"MonitoringScheduleArn": arn}))
}

/// From now on it is another one; what it did before is over and its reports stay.
pub(super) fn update(world: &mut World, request: &Request<'_>) -> Reply {
    let index = operations::find(world, request)?;
    check_forms(world)?;
    let Wanted { plan, home, once, span } = wanted(world, request)?;
    let now = world.now;
    let config = request.input.get("MonitoringScheduleConfig").cloned().unwrap_or_default();
    let arn = summary::schedule_arn(&plan.name);
    world.monitors.baselines.borrow_mut().remove(&index);
    world.monitors.read.take();
    world.monitors.verdicts.borrow_mut().retain(|(of, _), _| *of != index);
    if let Some(schedule) = world.monitors.schedules.get_mut(index) {
        let given = Some((config, home));
        let next = Schedule { plan, given, once, span, since: now, modified: now, ..schedule.clone() };
        let before = std::mem::replace(schedule, next);
        world.monitors.schedules.push(Schedule { until: Some(now), ..before });
    }
    Ok(json!({"MonitoringScheduleArn": arn}))
}

/// An execution that runs keeps its schedule.
pub(super) fn delete(world: &mut World, request: &Request<'_>) -> Reply {
    let index = operations::find(world, request)?;
    let now = world.now;
    if world.last_execution(index, now, false).is_some_and(|execution| !execution.is_over(now)) {
        let name = request.text("MonitoringScheduleName")?;
        return Err(ApiError::validation(format!(
            "Monitoring Schedule {} cannot be deleted while it has executions in progress.",
            summary::schedule_arn(name)
        )));
    }
    if let Some(name) = world.monitors.schedules.get(index).map(|schedule| schedule.plan.name.clone()) {
        let forms = world.monitors.schedules.iter_mut().filter(|schedule| schedule.plan.name == name);
        // Its reports stay.
        forms.for_each(|schedule| (schedule.deleted, schedule.until) = (true, schedule.until.or(Some(now))));
        world.tags.forget(&summary::schedule_arn(&name));
    }
    Ok(json!({}))
}

pub(super) fn update_alert(world: &mut World, request: &Request<'_>) -> Reply {
    let index = operations::find(world, request)?;
    let alert = request.text("MonitoringAlertName")?;
    let number = |member: &str| request.opt_int(member).unwrap_or(1).max(1) as usize;
    let (points, periods) = (number("DatapointsToAlert"), number("EvaluationPeriod"));
    let Some(schedule) = world.monitors.schedules.get_mut(index) else { return Err(ApiError::missing("name")) };
    if schedule.plan.alert() != alert {
        return Err(ApiError::new(
            400,
            "ResourceNotFound",
            format!("Could not find Monitoring Alert with name {alert}."),
        ));
    }
    if points > periods {
        return Err(ApiError::validation("DatapointsToAlert cannot be greater than EvaluationPeriod."));
    }
    schedule.alert = (points, periods);
    Ok(json!({"MonitoringScheduleArn": summary::schedule_arn(&schedule.plan.name), "MonitoringAlertName": alert}))
}

/// Puts the reports of executions that have ended since the last time.
pub(super) fn deliver(world: &mut World, to: Timestamp) {
    let from = world.monitors.delivered.replace(to).unwrap_or(to);
    let mut files = Vec::new();
    for (index, schedule) in world.monitors.schedules.iter().enumerate() {
        if !schedule.is_current() || schedule.given.is_none() {
            continue;
        }
        let all = world.executions_in(index, from.plus(-HOUR), to, to);
        for execution in all.into_iter().filter(|e| e.ended() > from && e.ended() <= to && e.rows() > 0) {
            let Some((_, home)) = &execution.schedule.given else { continue };
            let clarified = matches!(execution.schedule.plan.kind, Kind::ModelBias | Kind::ModelExplainability);
            let names: &[&str] = if clarified { &object::CLARIFIED } else { &object::FILES };
            for file in names {
                let uri = format!("{home}/{}{file}", execution.prefix());
                files.push((uri, object::found(&execution, file), execution.ended()));
            }
        }
    }
    for (uri, report, at) in files {
        if let Some((bucket, key)) = s3::place(&uri) {
            world.s3.put(bucket, key.trim_start_matches('/'), Bytes::from(report.to_string()), at);
        }
    }
}

/// The analyzer of a type, by its image.
pub(super) fn image(kind: Kind) -> String {
    match kind {
        Kind::DataQuality | Kind::ModelQuality => {
            format!("468650794304.dkr.ecr.{}.amazonaws.com/sagemaker-model-monitor-analyzer", estate::REGION)
        }
        _ => format!("131013547314.dkr.ecr.{}.amazonaws.com/sagemaker-clarify-processing:1.0", estate::REGION),
    }
}
