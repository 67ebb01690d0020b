//! Application Auto Scaling on variants: who may scale between what, by which policy, and what it did.

use std::collections::BTreeMap;

use mldeck_core::time::{DAY, HOUR, MINUTE, Timestamp};
use serde_json::{Value, json};

use super::{ApiError, Handler, Reply, Request, World, epoch, estate, estate::FAMILIES, noise, page};

const COUNT: &str = "sagemaker:variant:DesiredInstanceCount";
/// Activities kept.
const ACTIVITIES: usize = 1_000;

#[derive(Default)]
pub(crate) struct State {
    /// By resource id: `endpoint/fraud-prod/variant/blue`.
    targets: BTreeMap<String, Target>,
    /// Oldest first.
    activities: Vec<Activity>,
}

struct Target {
    min: i64,
    max: i64,
    dimension: String,
    created: Timestamp,
    suspended: Value,
    /// Invocations per instance and minute the policy holds; `None` without a policy.
    tracks: Option<f64>,
}

struct Activity {
    resource: String,
    at: Timestamp,
    took: i64,
    cause: String,
    description: String,
    code: &'static str,
    /// Why nothing was scaled, for activities that are shown on demand only.
    not_scaled: Option<&'static str>,
}

impl State {
    pub(crate) fn is_registered(&self, endpoint: &str, variant: &str) -> bool {
        self.targets.contains_key(&resource_id(endpoint, variant))
    }
}

fn resource_id(endpoint: &str, variant: &str) -> String {
    format!("endpoint/{endpoint}/variant/{variant}")
}

/// The name target tracking gives its alarm.
pub(crate) fn tracking_alarm(endpoint: &str, variant: &str) -> String {
    let id = resource_id(endpoint, variant);
    format!("TargetTracking-{id}-AlarmHigh-{}", noise::uuid(&[noise::name(&id)]))
}

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[
    ("DescribeScalableTargets", describe_targets),
    ("DescribeScalingPolicies", describe_policies),
    ("DescribeScalingActivities", describe_activities),
    ("RegisterScalableTarget", register),
    ("DeregisterScalableTarget", deregister),
];

pub(crate) fn generate(world: &mut World) {
    let start = world.start;
    for family in FAMILIES.iter().filter(|family| family.variants.len() == 1) {
        let Some((variant, _)) = family.variants.first() else { continue };
        let id = resource_id(family.endpoint, variant);
        let (min, max) = ((family.count / 3).max(1), family.count + 2);
        let per_instance = family.rate * 1.1 / family.count as f64;
        let target = Target {
            min,
            max,
            dimension: COUNT.to_owned(),
            created: start.plus(-58 * DAY),
            suspended: none_suspended(),
            tracks: Some(per_instance.round()),
        };
        world.scaling.targets.insert(id.clone(), target);
        for day in (1..=5).rev() {
            past_day(&mut world.scaling.activities, &id, family, start.plus(-day * DAY));
        }
    }
    world.scaling.activities.sort_by_key(|activity| activity.at);
}

/// Out in the morning, in at night, and a try to go beyond the maximum.
fn past_day(activities: &mut Vec<Activity>, id: &str, family: &estate::Family, day: Timestamp) {
    let midnight = day.floor(DAY);
    let jitter = (noise::hash(&[noise::name(id), midnight.millis() as u64]) % 40) as i64 * MINUTE;
    let (low, high) = ((family.count - 1).max(1), family.count);
    for (hour, from, to) in [(8, low, high), (21, high, low), (23, low, high)] {
        activities.push(Activity {
            resource: id.to_owned(),
            at: midnight.plus(hour * HOUR + jitter),
            took: 5 * MINUTE,
            cause: format!("monitor alarm {} in state ALARM triggered policy {}", "TargetTracking", policy_name(id)),
            description: format!("Setting desired instance count from {from} to {to}."),
            code: "Successful",
            not_scaled: None,
        });
    }
    activities.push(Activity {
        resource: id.to_owned(),
        at: midnight.plus(15 * HOUR + jitter),
        took: 0,
        cause: "monitor alarm TargetTracking in state ALARM".to_owned(),
        description: "Attempting to scale due to alarm triggered".to_owned(),
        code: "Successful",
        not_scaled: Some("AlreadyAtMaxCapacity"),
    });
}

fn none_suspended() -> Value {
    json!({
        "DynamicScalingInSuspended": false, "DynamicScalingOutSuspended": false, "ScheduledScalingSuspended": false
    })
}

pub(crate) fn advance(_world: &mut World, _to: Timestamp) {}

fn policy_name(id: &str) -> String {
    format!("{}-invocations", id.split('/').nth(1).unwrap_or_default())
}

fn namespace(request: &Request<'_>) -> Result<(), ApiError> {
    match request.text("ServiceNamespace")? {
        "sagemaker" => Ok(()),
        other => Err(ApiError::validation(format!("Service namespace {other} is not used in this account."))),
    }
}

fn invalid_token() -> ApiError {
    ApiError::new(400, "InvalidNextTokenException", "The next token is invalid.")
}

fn answer(rows: &[Value], request: &Request<'_>, member: &str) -> Reply {
    let size = request.max("MaxResults", 50, 50)?;
    let (cut, next) = page::cut(rows, request, ("NextToken", "MaxResults"), size, invalid_token)?;
    Ok(page::reply(json!({ member: cut }), "NextToken", next))
}

fn describe_targets(world: &mut World, request: &Request<'_>) -> Reply {
    namespace(request)?;
    let ids = request.texts("ResourceIds");
    let rows: Vec<Value> = world
        .scaling
        .targets
        .iter()
        .filter(|(id, target)| {
            (ids.is_empty() || ids.contains(&id.as_str()))
                && request.opt_text("ScalableDimension").is_none_or(|dimension| target.dimension == dimension)
        })
        .map(|(id, target)| {
            json!({
                "ServiceNamespace": "sagemaker",
                "ResourceId": id,
                "ScalableDimension": target.dimension,
                "MinCapacity": target.min,
                "MaxCapacity": target.max,
                "RoleARN": role(),
                "CreationTime": epoch(target.created),
                "SuspendedState": target.suspended,
                "ScalableTargetARN": target_arn(id),
            })
        })
        .collect();
    answer(&rows, request, "ScalableTargets")
}

fn role() -> String {
    format!(
        "arn:aws:iam::{}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/\
         AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
        estate::ACCOUNT
    )
}

fn target_arn(id: &str) -> String {
    estate::arn("application-autoscaling", &format!("scalable-target/{:016x}", noise::name(id)))
}

fn describe_policies(world: &mut World, request: &Request<'_>) -> Reply {
    namespace(request)?;
    let names = request.texts("PolicyNames");
    let rows: Vec<Value> = world
        .scaling
        .targets
        .iter()
        .filter(|(id, _)| request.opt_text("ResourceId").is_none_or(|wanted| wanted == id.as_str()))
        .filter_map(|(id, target)| {
            let name = policy_name(id);
            let mut parts = id.split('/');
            let alarm = tracking_alarm(parts.nth(1)?, parts.nth(1)?);
            (names.is_empty() || names.contains(&name.as_str())).then_some(())?;
            Some(json!({
                "PolicyARN": estate::arn("autoscaling", &format!("scalingPolicy:{}", noise::uuid(&[noise::name(&name)]))),
                "PolicyName": name,
                "ServiceNamespace": "sagemaker",
                "ResourceId": id,
                "ScalableDimension": target.dimension,
                "PolicyType": "TargetTrackingScaling",
                "CreationTime": epoch(target.created),
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": target.tracks?,
                    "PredefinedMetricSpecification": {
                        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                    },
                    "ScaleInCooldown": 300,
                    "ScaleOutCooldown": 300,
                },
                "Alarms": [{"AlarmName": alarm, "AlarmARN": estate::arn("cloudwatch", &format!("alarm:{alarm}"))}],
            }))
        })
        .collect();
    answer(&rows, request, "ScalingPolicies")
}

fn describe_activities(world: &mut World, request: &Request<'_>) -> Reply {
    namespace(request)?;
    let all = request.flag("IncludeNotScaledActivities");
    let rows: Vec<Value> = world
        .scaling
        .activities
        .iter()
        .rev()
        .filter(|activity| all || activity.not_scaled.is_none())
        .filter(|activity| request.opt_text("ResourceId").is_none_or(|id| activity.resource == id))
        .map(|activity| {
            let seed = [noise::name(&activity.resource), activity.at.millis() as u64];
            let mut body = json!({
                "ActivityId": noise::uuid(&seed),
                "ServiceNamespace": "sagemaker",
                "ResourceId": activity.resource,
                "ScalableDimension": COUNT,
                "Description": activity.description,
                "Cause": activity.cause,
                "StartTime": epoch(activity.at),
                "EndTime": epoch(activity.at.plus(activity.took)),
                "StatusCode": activity.code,
                "StatusMessage": "",
            });
            if let Some(code) = activity.not_scaled {
                body["NotScaledReasons"] = json!([{"Code": code}]);
            }
            body
        })
        .collect();
    answer(&rows, request, "ScalingActivities")
}

fn register(world: &mut World, request: &Request<'_>) -> Reply {
    namespace(request)?;
    let id = request.text("ResourceId")?;
    let dimension = request.text("ScalableDimension")?;
    check_resource(world, id)?;
    let known = world.scaling.targets.get(id);
    let bound =
        |member: &str, kept: Option<i64>| request.opt_int(member).or(kept).ok_or_else(|| ApiError::missing(member));
    let min = bound("MinCapacity", known.map(|target| target.min))?;
    let max = bound("MaxCapacity", known.map(|target| target.max))?;
    if min < 0 || max < min {
        return Err(ApiError::validation("Maximum capacity cannot be less than minimum capacity."));
    }
    let target = Target {
        min,
        max,
        dimension: dimension.to_owned(),
        created: known.map_or(world.now, |target| target.created),
        suspended: suspended(request, known),
        tracks: known.and_then(|target| target.tracks),
    };
    world.scaling.targets.insert(id.to_owned(), target);
    note(world, id, format!("Registered with minimum {min} and maximum {max}."));
    Ok(json!({"ScalableTargetARN": target_arn(id)}))
}

/// What is not said stays as it was.
fn suspended(request: &Request<'_>, known: Option<&Target>) -> Value {
    let mut state = known.map_or_else(none_suspended, |target| target.suspended.clone());
    if let (Value::Object(state), Some(Value::Object(new))) = (&mut state, request.input.get("SuspendedState")) {
        for (member, value) in new.iter().filter(|(_, value)| value.is_boolean()) {
            state.insert(member.clone(), value.clone());
        }
    }
    state
}

fn check_resource(world: &World, id: &str) -> Result<(), ApiError> {
    let parts: Vec<&str> = id.split('/').collect();
    let found = match parts.as_slice() {
        ["endpoint", endpoint, "variant", variant] => {
            world.endpoint(endpoint).is_ok_and(|endpoint| endpoint.variants.iter().any(|v| v.name == *variant))
        }
        _ => false,
    };
    if found {
        Ok(())
    } else {
        Err(ApiError::validation(format!("Could not find resource {id} in service namespace sagemaker.")))
    }
}

fn note(world: &mut World, id: &str, description: String) {
    if world.scaling.activities.len() >= ACTIVITIES {
        world.scaling.activities.remove(0);
    }
    world.scaling.activities.push(Activity {
        resource: id.to_owned(),
        at: world.now,
        took: 0,
        cause: "minimum or maximum capacity was set".to_owned(),
        description,
        code: "Successful",
        not_scaled: None,
    });
}

fn deregister(world: &mut World, request: &Request<'_>) -> Reply {
    namespace(request)?;
    let id = request.text("ResourceId")?;
    let dimension = request.text("ScalableDimension")?;
    match world.scaling.targets.get(id) {
        Some(target) if target.dimension == dimension => {
            world.scaling.targets.remove(id);
            Ok(json!({}))
        }
        _ => Err(ApiError::new(
            400,
            "ObjectNotFoundException",
            format!(
                "No scalable target found for service namespace: sagemaker, resource ID: {id}, scalable dimension: {dimension}"
            ),
        )),
    }
}
