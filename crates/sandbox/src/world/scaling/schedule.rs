//! Scheduled actions: new bounds at a time.

use mldeck_core::time::Timestamp;
use serde_json::{Value, json};

use super::{
    NAME, about, act, activity, answer, check_length, cron::Schedule, is_asked, named, namespace, registered,
    target::capacity,
};
use crate::world::{ApiError, Reply, Request, World, epoch, estate, noise};

/// Scheduled actions of one target, as Application Auto Scaling limits them.
const MOST: usize = 200;
/// Longest schedule.
const LONGEST: usize = 1_600;
/// Zones that are understood.
const UTC: &[&str] = &["UTC", "Etc/UTC", "GMT", "Etc/GMT"];

pub(super) struct Scheduled {
    created: Timestamp,
    schedule: Schedule,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    /// `Schedule`, `Timezone` and `ScalableTargetAction` as they were sent.
    told: Value,
}

impl Scheduled {
    fn bounds(&self) -> (Option<i64>, Option<i64>) {
        let action = &self.told["ScalableTargetAction"];
        (capacity(action, "MinCapacity"), capacity(action, "MaxCapacity"))
    }

    fn is_due(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from)
            && self.until.is_none_or(|until| at <= until)
            && self.schedule.is_due(self.from.unwrap_or(self.created), at)
    }
}

fn arn(id: &str, name: &str) -> String {
    let uuid = noise::uuid(&[noise::name(id), noise::name(name), 1]);
    estate::arn("autoscaling", &format!("scheduledAction:{uuid}:resource/sagemaker/{id}:scheduledActionName/{name}"))
}

pub(super) fn describe(world: &mut World, request: &Request<'_>) -> Reply {
    namespace(request)?;
    let rows: Vec<Value> = world
        .scaling
        .scheduled
        .iter()
        .filter(|((id, name), _)| is_asked(request, "ScheduledActionNames", id, name))
        .map(|((id, name), action)| {
            let mut body = about(id, action.told.clone());
            body["ScheduledActionName"] = name.as_str().into();
            body["ScheduledActionARN"] = arn(id, name).into();
            body["CreationTime"] = epoch(action.created);
            for (member, at) in [("StartTime", action.from), ("EndTime", action.until)] {
                if let Some(at) = at {
                    body[member] = epoch(at);
                }
            }
            body
        })
        .collect();
    answer(&rows, request, "ScheduledActions")
}

/// What an update does not say stays as it was, but for the times it begins and ends at.
pub(super) fn put(world: &mut World, request: &Request<'_>) -> Reply {
    let id = registered(world, request)?.to_owned();
    let key = (id, request.text("ScheduledActionName")?.to_owned());
    check_length("ScheduledActionName", &key.1, NAME)?;
    let before = world.scaling.scheduled.get(&key);
    let mut told = before.map_or_else(|| json!({}), |before| before.told.clone());
    for member in ["Schedule", "Timezone", "ScalableTargetAction"] {
        if let Some(sent) = request.input.get(member).filter(|sent| !sent.is_null()) {
            told[member] = sent.clone();
        }
    }
    let text = told["Schedule"].as_str().ok_or_else(|| ApiError::missing("Schedule"))?;
    check_length("Schedule", text, LONGEST)?;
    let schedule = Schedule::parse(text)
        .ok_or_else(|| ApiError::validation(format!("Schedule {text} is not a valid at, rate or cron expression.")))?;
    if let Some(zone) = told["Timezone"].as_str().filter(|zone| !UTC.contains(zone)) {
        return Err(ApiError::validation(format!("Timezone {zone} is not known here: times are UTC.")));
    }
    let created = before.map_or(world.now, |before| before.created);
    let (from, until) = (request.opt_time("StartTime"), request.opt_time("EndTime"));
    let action = Scheduled { created, schedule, from, until, told };
    if from.zip(until).is_some_and(|(from, until)| from >= until) {
        return Err(ApiError::validation("Start time must be before end time."));
    }
    match action.bounds() {
        (None, None) => {
            return Err(ApiError::validation("Scalable target action must set MinCapacity, MaxCapacity or both."));
        }
        (Some(min), Some(max)) if max < min => {
            return Err(ApiError::validation("Maximum capacity cannot be less than minimum capacity."));
        }
        _ => {}
    }
    let of_target = world.scaling.scheduled.keys().filter(|(id, _)| *id == key.0).count();
    if of_target >= MOST && !world.scaling.scheduled.contains_key(&key) {
        let message = format!("A scalable target can have at most {MOST} scheduled actions.");
        return Err(ApiError::new(400, "LimitExceededException", message));
    }
    world.scaling.scheduled.insert(key, action);
    Ok(json!({}))
}

pub(super) fn delete(world: &mut World, request: &Request<'_>) -> Reply {
    let (key, missing) = named(request, "ScheduledActionName", ("scheduled action", "scheduled action name"))?;
    world.scaling.scheduled.remove(&key).map(|_| json!({})).ok_or(missing)
}

/// Sets the bounds that are due in the minute that ends at `at`.
pub(super) fn advance(world: &mut World, at: Timestamp) {
    let due: Vec<(_, _)> = world
        .scaling
        .scheduled
        .iter()
        .filter(|(_, action)| action.is_due(at))
        .map(|(key, action)| (key.clone(), action.bounds()))
        .collect();
    for ((id, name), (min, max)) in due {
        let Some(target) = world.scaling.targets.get_mut(&id).filter(|target| !target.suspended.scheduled) else {
            continue;
        };
        let set = target.bound(min, max);
        let named = [("min", min), ("max", max)].into_iter();
        let words: Vec<String> = named.filter_map(|(side, n)| Some(format!("{side} capacity to {}", n?))).collect();
        let what = words.join(" and ");
        let cause = format!("scheduled action name {name} was triggered");
        activity::bounds_were_set(world, &id, &cause, &what, set);
        act::keep_bounds(world, &id, at);
    }
}
