//! Scaling policies: put, read and taken away, with the alarms that target tracking makes for itself.

use mldeck_core::time::Timestamp;
use serde_json::{Value, json};

use super::{
    NAME, about, answer, check_length, is_asked, named, namespace, registered, steps::Steps, tracking::Tracking,
};
use crate::world::{ApiError, Reply, Request, World, alarm, epoch, estate, noise};

/// Policies of one target, as Application Auto Scaling limits them.
const MOST: usize = 50;

pub(super) struct Policy {
    created: Timestamp,
    /// The configuration as it was sent.
    config: Value,
    pub(super) kind: Kind,
    /// Names of the alarms it made.
    own: Vec<String>,
}

pub(super) enum Kind {
    Tracking(Tracking),
    Steps(Steps),
}

impl Kind {
    /// `PolicyType`, and the member that holds its configuration.
    const fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::Tracking(_) => ("TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration"),
            Self::Steps(_) => ("StepScaling", "StepScalingPolicyConfiguration"),
        }
    }
}

pub(super) fn arn(id: &str, name: &str) -> String {
    let uuid = noise::uuid(&[noise::name(id), noise::name(name)]);
    estate::arn("autoscaling", &format!("scalingPolicy:{uuid}:resource/sagemaker/{id}:policyName/{name}"))
}

fn told(names: &[String]) -> Vec<Value> {
    let alarm = |name: &String| json!({"AlarmName": name, "AlarmARN": alarm::arn(name)});
    names.iter().map(alarm).collect()
}

pub(super) fn describe(world: &mut World, request: &Request<'_>) -> Reply {
    namespace(request)?;
    let policies = world.scaling.policies.iter();
    let rows: Vec<Value> = policies
        .filter(|((id, name), _)| is_asked(request, "PolicyNames", id, name))
        .map(|((id, name), policy)| {
            let (kind, member) = policy.kind.names();
            let arn = arn(id, name);
            let alarms: Vec<String> = world.alarms.that_call(&arn).map(|(name, _)| name.clone()).collect();
            about(
                id,
                json!({
                    "PolicyARN": arn,
                    "PolicyName": name,
                    "PolicyType": kind,
                    "CreationTime": epoch(policy.created),
                    member: policy.config,
                    "Alarms": told(&alarms),
                }),
            )
        })
        .collect();
    answer(&rows, request, "ScalingPolicies")
}

pub(super) fn put(world: &mut World, request: &Request<'_>) -> Reply {
    let id = registered(world, request)?.to_owned();
    let name = request.text("PolicyName")?;
    check_length("PolicyName", name, NAME)?;
    let kind = request.opt_text("PolicyType").unwrap_or("StepScaling");
    let config = |member: &str| request.input.get(member).cloned().ok_or_else(|| ApiError::missing(member));
    let (kind, config) = match kind {
        "TargetTrackingScaling" => {
            let config = config("TargetTrackingScalingPolicyConfiguration")?;
            (Kind::Tracking(Tracking::read(&config, &id)?), config)
        }
        "StepScaling" => {
            let config = config("StepScalingPolicyConfiguration")?;
            (Kind::Steps(Steps::read(&config)?), config)
        }
        other => return Err(ApiError::validation(format!("Policy type {other} is not offered for {id}."))),
    };
    let others = world.scaling.policies_of(&id).filter(|((_, other), _)| other != name);
    if others.clone().count() >= MOST {
        let message = format!("A scalable target can have at most {MOST} scaling policies.");
        return Err(ApiError::new(400, "LimitExceededException", message));
    }
    let tracks_same = |other: &Policy| match (&kind, &other.kind) {
        (Kind::Tracking(one), Kind::Tracking(other)) => one.metric == other.metric,
        _ => false,
    };
    if others.into_iter().any(|(_, other)| tracks_same(other)) {
        return Err(ApiError::validation(
            "Only one TargetTrackingScaling policy for a given metric specification is allowed.",
        ));
    }
    let key = (id, name.to_owned());
    let arn = arn(&key.0, name);
    let wanted = if let Kind::Tracking(tracking) = &kind { tracking.alarms(&key.0, name, &arn) } else { Vec::new() };
    let own = put_alarms(world, &wanted)?;
    let before = world.scaling.policies.remove(&key);
    for gone in before.iter().flat_map(|before| &before.own).filter(|name| !own.contains(name)) {
        world.alarms.remove(gone);
    }
    let created = before.map_or(world.now, |before| before.created);
    let alarms = told(&own);
    world.scaling.policies.insert(key, Policy { created, config, kind, own });
    Ok(json!({"PolicyARN": arn, "Alarms": alarms}))
}

/// Puts the alarms of a policy, all or none of them; gives their names. One that was there is not taken away.
fn put_alarms(world: &mut World, wanted: &[Value]) -> Result<Vec<String>, ApiError> {
    let mut new: Vec<String> = Vec::new();
    let mut own = Vec::new();
    for alarm in wanted {
        let name = alarm["AlarmName"].as_str().unwrap_or_default().to_owned();
        let is_new = !world.alarms.exists(&name);
        if let Err(error) = alarm::put(world, alarm) {
            new.iter().for_each(|name| world.alarms.remove(name));
            return Err(error);
        }
        new.extend(is_new.then(|| name.clone()));
        own.push(name);
    }
    Ok(own)
}

pub(super) fn delete(world: &mut World, request: &Request<'_>) -> Reply {
    let (key, missing) = named(request, "PolicyName", ("scaling policy", "policy name"))?;
    remove(world, &key).map(|_| json!({})).ok_or(missing)
}

/// Takes a policy away with the alarms it made. Those of others stay and call nobody.
pub(super) fn remove(world: &mut World, key: &(String, String)) -> Option<Policy> {
    let policy = world.scaling.policies.remove(key)?;
    for name in &policy.own {
        world.alarms.remove(name);
    }
    Some(policy)
}
