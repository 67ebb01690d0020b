//! What Application Auto Scaling does as time passes. It looks once a minute, and changes a count by SageMaker's own call, so
//! that an endpoint which is being changed is left alone.

use mldeck_core::time::{MINUTE, SECOND, Timestamp};
use serde_json::json;

use super::{
    activity::{self, Code, Reason},
    parts,
    policy::{self, Kind},
    schedule,
    target::{self, Change, Target},
};
use crate::world::{
    Request, Service, World,
    endpoint::{Endpoint, Status},
    trail,
};

/// The role that it acts by, and the name of its sessions.
pub(super) const ROLE: &str = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint";
const SESSION: &str = "AutoScaling-UpdateDesiredCapacity";

pub(super) fn caller() -> String {
    format!("{ROLE}/{SESSION}")
}

pub(crate) fn advance(world: &mut World, to: Timestamp) {
    // Looked at on whole minutes: how often time is told must not matter.
    if to != to.floor(MINUTE) || world.scaling.targets.is_empty() {
        return;
    }
    let ids: Vec<String> = world.scaling.targets.keys().cloned().collect();
    for id in ids.iter().filter(|id| find(world, id).is_none()).cloned().collect::<Vec<_>>() {
        target::forget(world, &id);
    }
    schedule::advance(world, to);
    let calls: Vec<Call> = world
        .alarms
        .calling("arn:aws:autoscaling:")
        .map(|(alarm, level, arn)| Call { alarm: alarm.to_owned(), state: level.as_str(), arn: arn.to_owned() })
        .collect();
    for id in ids {
        end(world, &id);
        keep_bounds(world, &id, to);
        scale(world, &id, &calls, to);
    }
}

/// An alarm that calls a policy.
struct Call {
    alarm: String,
    state: &'static str,
    arn: String,
}

/// The endpoint of a target, and the count that is wanted of its variant and the one it has.
fn find<'w>(world: &'w World, id: &str) -> Option<(&'w Endpoint, i64, i64)> {
    let (endpoint, variant) = parts(id)?;
    let endpoint = world.endpoint(endpoint).ok()?;
    let variant = endpoint.variants.iter().find(|v| v.name == variant)?;
    Some((endpoint, variant.desired_count, variant.current_count))
}

/// Neither being changed nor in trouble: a new count would bring an endpoint out of a failed rollback.
fn is_scalable(endpoint: &Endpoint) -> bool {
    endpoint.change.is_none() && endpoint.status == Status::InService
}

/// Ends the change under way once SageMaker is through with it.
fn end(world: &mut World, id: &str) {
    let Some(target) = world.scaling.targets.get(id) else { return };
    let Some(change) = target.last.filter(|change| change.ended.is_none()) else { return };
    let Some((endpoint, desired, current)) = find(world, id) else { return };
    let code = match (desired == change.to, current == change.to) {
        (true, true) => Code::Successful,
        _ if endpoint.change.is_some() => return,
        (true, false) => Code::Unfulfilled,
        (false, _) => Code::Overridden,
    };
    let ended = endpoint.modified;
    if let Some(activity) = activity::under_way(world, id) {
        activity.end(code, change.to, ended);
    }
    if let Some(target) = world.scaling.targets.get_mut(id) {
        target.last = Some(Change { ended: Some(ended), ..change });
    }
}

/// Moves a count into bounds that were just set, as soon as the endpoint can be changed.
pub(super) fn keep_bounds(world: &mut World, id: &str, at: Timestamp) {
    let Some(target) = world.scaling.targets.get(id).filter(|target| target.is_new).copied() else { return };
    let Some((endpoint, count, _)) = find(world, id) else { return };
    let bounded = count.clamp(target.min, target.max);
    let is_suspended = if bounded > count { target.suspended.outward } else { target.suspended.inward };
    if bounded != count {
        if !is_scalable(endpoint) || is_suspended {
            return;
        }
        let side = if bounded > count { "minimum" } else { "maximum" };
        change(world, id, (count, bounded), format!("{side} capacity was set to {bounded}"), at);
    }
    if let Some(target) = world.scaling.targets.get_mut(id) {
        target.is_new = false;
    }
}

/// Asks SageMaker for another count.
fn change(world: &mut World, id: &str, (from, to): (i64, i64), cause: String, at: Timestamp) {
    let Some((endpoint, variant)) = parts(id) else { return };
    let input = json!({
        "EndpointName": endpoint,
        "DesiredWeightsAndCapacities": [{"VariantName": variant, "DesiredInstanceCount": to}],
    });
    let (request_id, caller) = (world.request_id(), caller());
    let request = Request {
        service: Service::SageMaker,
        operation: "UpdateEndpointWeightsAndCapacities",
        input: &input,
        caller: &caller,
        request_id: &request_id,
    };
    let reply = world.run(&request);
    trail::note(world, &request, &reply);
    let refused = reply.err();
    let ended = refused.is_some().then_some(at);
    if let Some(target) = world.scaling.targets.get_mut(id) {
        target.last = Some(Change { from, to, ended });
    }
    activity::asked(world, id, cause, to, refused.map(|error| (error, request_id)));
}

/// The count one policy asks for.
struct Wish {
    wanted: i64,
    outward: bool,
    tracks: bool,
    cooldown: i64,
    cause: String,
}

/// Follows the policies that are called: out by the one that asks for most; in only if none asks for more, as far as the
/// most careful one goes.
fn scale(world: &mut World, id: &str, calls: &[Call], at: Timestamp) {
    let Some(target) = world.scaling.targets.get(id).copied() else { return };
    let Some((endpoint, count, _)) = find(world, id) else { return };
    let (is_scalable, is_ours) = (is_scalable(endpoint), target.last.is_some_and(|change| change.ended.is_none()));
    if is_ours {
        return;
    }
    let mut wishes = Vec::new();
    let mut is_held = false;
    for ((_, name), policy) in world.scaling.policies_of(id) {
        let arn = policy::arn(id, name);
        let of_policy = calls.iter().filter(|call| call.arn == arn);
        let wished: Vec<Wish> = of_policy.filter_map(|call| wish(world, id, (name, &policy.kind), call, at)).collect();
        is_held |= matches!(&policy.kind, Kind::Tracking(tracking) if tracking.scales_in)
            && !wished.iter().any(|wish| !wish.outward);
        wishes.extend(wished);
    }
    let outward = wishes.iter().any(|wish| wish.outward);
    // One that tracks goes in only together with all others that do; steps go by themselves.
    wishes.retain(|wish| wish.outward == outward && (outward || !wish.tracks || !is_held));
    let Some(wish) = wishes.into_iter().max_by_key(|wish| wish.wanted) else { return };
    let Wish { wanted, cause, cooldown, .. } = wish;
    let is_suspended = if outward { target.suspended.outward } else { target.suspended.inward };
    if is_suspended {
        return;
    }
    let reason = match bounded(&target, count, wanted, outward) {
        _ if !is_scalable => Reason::Unscalable,
        Err(reason) => reason,
        Ok(_) if is_cooling(&target, outward, wanted, cooldown, at) => return,
        Ok(to) => return change(world, id, (count, to), cause, at),
    };
    activity::not_scaled(world, id, cause, reason);
}

fn wish(world: &World, id: &str, (name, kind): (&String, &Kind), call: &Call, at: Timestamp) -> Option<Wish> {
    let (_, count, _) = find(world, id)?;
    let cause = activity::cause(&call.alarm, call.state, name);
    Some(match kind {
        Kind::Tracking(tracking) => {
            let outward = call.alarm.contains("-AlarmHigh-");
            let wanted = tracking.wanted(world, id, outward, at)?;
            let cooldown = if outward { tracking.cooldown_out } else { tracking.cooldown_in };
            Wish { wanted, outward, tracks: true, cooldown, cause }
        }
        Kind::Steps(steps) => {
            let beyond = crate::world::alarm::beyond(world, &call.alarm, at)?;
            let mut wanted = steps.wanted(count, beyond)?;
            let outward = wanted > count;
            // While it cools down, what was added counts as a part of what is added now.
            let last = world.scaling.targets.get(id)?.last;
            let last = last.filter(|last| outward && last.to > last.from && is_recent(last, steps.cooldown, at));
            if let Some(last) = last {
                wanted = steps.wanted(last.from, beyond)?;
            }
            Wish { wanted, outward, tracks: false, cooldown: steps.cooldown, cause }
        }
    })
}

fn bounded(target: &Target, count: i64, wanted: i64, outward: bool) -> Result<i64, Reason> {
    let to = wanted.clamp(target.min, target.max);
    match to > count {
        true if outward => Ok(to),
        false if !outward && to < count => Ok(to),
        _ if outward && count >= target.max => Err(Reason::AtMax(target.max)),
        _ if !outward && count <= target.min => Err(Reason::AtMin(target.min)),
        // One instance less, and the metric would be above its target again.
        _ if !outward => Err(Reason::Flapping),
        _ => Err(Reason::AtDesired(count)),
    }
}

fn is_recent(change: &Change, cooldown: i64, at: Timestamp) -> bool {
    change.ended.is_some_and(|ended| at.since(ended) < cooldown.saturating_mul(SECOND))
}

/// A change of the same kind is not long over; out it goes nevertheless if more is wanted than then.
fn is_cooling(target: &Target, outward: bool, wanted: i64, cooldown: i64, at: Timestamp) -> bool {
    target.last.is_some_and(|last| {
        (last.to > last.from) == outward && is_recent(&last, cooldown, at) && !(outward && wanted > last.to)
    })
}
