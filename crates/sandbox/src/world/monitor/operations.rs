//! The monitoring operations.

use serde_json::{Value, json};

use super::{change, summary};
use crate::world::{
    ApiError, Handler, Reply, Request, World, epoch,
    lists::{self, Window, choice},
};

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[
    ("CreateMonitoringSchedule", change::create),
    ("UpdateMonitoringSchedule", change::update),
    ("DeleteMonitoringSchedule", change::delete),
    ("UpdateMonitoringAlert", change::update_alert),
    ("ListMonitoringSchedules", list_schedules),
    ("DescribeMonitoringSchedule", describe_schedule),
    ("StartMonitoringSchedule", start_schedule),
    ("StopMonitoringSchedule", stop_schedule),
    ("ListMonitoringExecutions", list_executions),
    ("ListMonitoringAlerts", list_alerts),
    ("ListMonitoringAlertHistory", list_alert_history),
];

const TYPES: &[&str] = &["DataQuality", "ModelQuality", "ModelBias", "ModelExplainability"];
const SCHEDULE_STATUS: &[&str] = &["Pending", "Failed", "Scheduled", "Stopped"];
const EXECUTION_STATUS: &[&str] =
    &["Pending", "Completed", "CompletedWithViolations", "InProgress", "Failed", "Stopping", "Stopped"];

pub(super) fn find(world: &World, request: &Request<'_>) -> Result<usize, ApiError> {
    let name = request.text("MonitoringScheduleName")?;
    let at = world.monitors.schedules.iter().position(|schedule| schedule.is_current() && schedule.plan.name == name);
    at.ok_or_else(|| missing(name))
}

fn missing(name: &str) -> ApiError {
    let arn = summary::schedule_arn(name);
    ApiError::new(400, "ResourceNotFound", format!("Could not find Monitoring Schedule with name {name} ({arn})"))
}

fn list_schedules(world: &mut World, request: &Request<'_>) -> Reply {
    let sort = choice(request, "SortBy", &["Name", "CreationTime", "Status"])?.unwrap_or("CreationTime");
    let status = choice(request, "StatusEquals", SCHEDULE_STATUS)?;
    let kind = choice(request, "MonitoringTypeEquals", TYPES)?;
    let created = Window::new(request, "CreationTimeAfter", "CreationTimeBefore");
    let modified = Window::new(request, "LastModifiedTimeAfter", "LastModifiedTimeBefore");
    let mut found: Vec<_> = world
        .monitors
        .schedules
        .iter()
        .filter(|schedule| schedule.is_current() && status.is_none_or(|status| schedule.status() == status))
        .filter(|schedule| kind.is_none_or(|kind| schedule.plan.kind.as_str() == kind))
        .filter(|schedule| request.opt_text("EndpointName").is_none_or(|name| schedule.plan.endpoint == name))
        .filter(|schedule| request.opt_text("NameContains").is_none_or(|part| schedule.plan.name.contains(part)))
        .filter(|schedule| {
            let wanted = request.opt_text("MonitoringJobDefinitionName");
            wanted.is_none_or(|name| schedule.definition().as_deref() == Some(name))
        })
        .filter(|schedule| created.holds(schedule.created) && modified.holds(schedule.modified))
        .collect();
    found.sort_by(|a, b| match sort {
        "Name" => a.plan.name.cmp(&b.plan.name),
        "Status" => a.status().cmp(b.status()).then(a.plan.name.cmp(&b.plan.name)),
        _ => a.created.cmp(&b.created).then(a.plan.name.cmp(&b.plan.name)),
    });
    if !lists::is_ascending(request)? {
        found.reverse();
    }
    let (page, next) = lists::page(&found, request)?;
    let summaries = page.iter().map(|schedule| summary::schedule(schedule)).collect();
    Ok(lists::reply("MonitoringScheduleSummaries", summaries, next))
}

fn describe_schedule(world: &mut World, request: &Request<'_>) -> Reply {
    let index = find(world, request)?;
    Ok(summary::full(world, index, world.now()))
}

fn start_schedule(world: &mut World, request: &Request<'_>) -> Reply {
    let index = find(world, request)?;
    let now = world.now();
    let schedule = &mut world.monitors.schedules[index];
    if let Some((_, until @ None)) = schedule.stops.last_mut() {
        *until = Some(now);
        schedule.modified = now;
    }
    Ok(json!({}))
}

fn stop_schedule(world: &mut World, request: &Request<'_>) -> Reply {
    let index = find(world, request)?;
    let now = world.now();
    let schedule = &mut world.monitors.schedules[index];
    if !schedule.is_stopped() {
        schedule.stops.push((now, None));
        schedule.modified = now;
    }
    Ok(json!({}))
}

fn list_executions(world: &mut World, request: &Request<'_>) -> Reply {
    let sort = choice(request, "SortBy", &["CreationTime", "ScheduledTime", "Status"])?.unwrap_or("CreationTime");
    let status = choice(request, "StatusEquals", EXECUTION_STATUS)?;
    let kind = choice(request, "MonitoringTypeEquals", TYPES)?;
    let created = Window::new(request, "CreationTimeAfter", "CreationTimeBefore");
    let modified = Window::new(request, "LastModifiedTimeAfter", "LastModifiedTimeBefore");
    let scheduled = Window::new(request, "ScheduledTimeAfter", "ScheduledTimeBefore");
    if request.opt_text("MonitoringScheduleName").is_some() {
        find(world, request)?;
    }
    let now = world.now();
    let wants = |member: &str, value: &str| request.opt_text(member).is_none_or(|wanted| wanted == value);
    let mut found: Vec<_> = world
        .monitors
        .schedules
        .iter()
        .enumerate()
        .filter(|(_, schedule)| wants("MonitoringScheduleName", &schedule.plan.name))
        .flat_map(|(index, _)| world.executions(index, now))
        .filter(|execution| {
            let schedule = execution.schedule;
            wants("EndpointName", &schedule.plan.endpoint)
                && wants("MonitoringJobDefinitionName", &schedule.definition().unwrap_or_default())
                && kind.is_none_or(|kind| schedule.plan.kind.as_str() == kind)
        })
        .filter(|execution| scheduled.holds(execution.scheduled) && created.holds(execution.created()))
        .filter(|execution| modified.holds(execution.modified(now)))
        .filter(|execution| status.is_none_or(|status| execution.status(now) == status))
        .collect();
    match sort {
        "ScheduledTime" => found.sort_by_key(|execution| (execution.scheduled, execution.index)),
        "Status" => found.sort_by_key(|execution| (execution.status(now), execution.created(), execution.index)),
        _ => found.sort_by_key(|execution| (execution.created(), execution.index)),
    }
    if !lists::is_ascending(request)? {
        found.reverse();
    }
    let (page, next) = lists::page(&found, request)?;
    let summaries = page.iter().map(|execution| summary::execution(execution, now)).collect();
    Ok(lists::reply("MonitoringExecutionSummaries", summaries, next))
}

fn list_alerts(world: &mut World, request: &Request<'_>) -> Reply {
    let index = find(world, request)?;
    let alerts = [summary::alert(world, index, world.now())];
    let (page, next) = lists::page(&alerts, request)?;
    Ok(lists::reply("MonitoringAlertSummaries", page.to_vec(), next))
}

fn list_alert_history(world: &mut World, request: &Request<'_>) -> Reply {
    let status = choice(request, "StatusEquals", &["InAlert", "OK"])?;
    let sort = choice(request, "SortBy", &["CreationTime", "Status"])?.unwrap_or("CreationTime");
    let created = Window::new(request, "CreationTimeAfter", "CreationTimeBefore");
    let now = world.now();
    let wants = |member: &str, value: &str| request.opt_text(member).is_none_or(|wanted| wanted == value);
    let mut found: Vec<(mldeck_core::time::Timestamp, &str, &str, &str)> = world
        .monitors
        .schedules
        .iter()
        .enumerate()
        .filter(|(_, schedule)| wants("MonitoringScheduleName", &schedule.plan.name))
        .filter(|(_, schedule)| schedule.is_current())
        .filter(|(_, schedule)| wants("MonitoringAlertName", schedule.plan.alert()))
        .flat_map(|(index, schedule)| {
            let changes = summary::alert_changes(world, index, now);
            changes.into_iter().map(|(at, state)| (at, state, &*schedule.plan.name, schedule.plan.alert()))
        })
        .filter(|(at, state, ..)| created.holds(*at) && status.is_none_or(|status| *state == status))
        .collect();
    if sort == "Status" {
        found.sort_by_key(|(at, state, name, _)| (*state, *at, *name));
    } else {
        found.sort();
    }
    if !lists::is_ascending(request)? {
        found.reverse();
    }
    let (page, next) = lists::page(&found, request)?;
    let entry = |(at, state, schedule, alert): &(mldeck_core::time::Timestamp, &str, &str, &str)| -> Value {
        json!({
            "MonitoringScheduleName": schedule,
            "MonitoringAlertName": alert,
            "CreationTime": epoch(*at),
            "AlertStatus": state,
        })
    };
    Ok(lists::reply("MonitoringAlertHistory", page.iter().map(entry).collect(), next))
}
