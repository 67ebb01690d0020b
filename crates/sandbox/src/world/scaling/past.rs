//! The targets and policies an account starts with: those of the families stand by for bursts, and one ordinary endpoint
//! follows its load, day and night.

use mldeck_core::time::{DAY, MINUTE, Timestamp};
use serde_json::{Value, json};

use super::{COUNT, act, activity, activity::Code, activity::Reason, policy, resource_id, target, tracking::MARGIN};
use crate::world::{
    Request, Service, World,
    endpoint::{Fleet, Split},
    estate::{FAMILIES, Family},
    traffic, trail,
};

/// When everything was set up.
const SET_UP: i64 = -58 * DAY;
/// The endpoint whose count follows its load, how many instances the mean of a day wants, and within which bounds.
const FOLLOWER: &str = "address-prod";
const MEAN: f64 = 4.05;
const BOUNDS: (i64, i64) = (2, 8);
/// How long its past is, and how often it is looked at.
const PAST: i64 = 6 * DAY;
const LOOK: i64 = 5 * MINUTE;
/// How long a change of the count takes.
const TAKES: i64 = 4 * MINUTE;

pub(crate) fn generate(world: &mut World) {
    for family in FAMILIES {
        let [(variant, _)] = family.variants else { continue };
        let id = resource_id(family.endpoint, variant);
        // The day's peak is a third above the mean: only a burst goes further, and what it adds stays.
        let target = family.rate * 1.6 / family.count as f64;
        set_up(world, &id, ((family.count / 3).max(1), family.count + 2), (target, false));
        burst(world, &id, family);
    }
    follower(world);
}

/// Registers a target and puts a policy, as somebody did long ago.
fn set_up(world: &mut World, id: &str, (min, max): (i64, i64), (target, scales_in): (f64, bool)) -> Option<String> {
    let now = std::mem::replace(&mut world.now, world.start.plus(SET_UP));
    let mut input = json!({
        "ServiceNamespace": "sagemaker", "ResourceId": id, "ScalableDimension": COUNT, "MinCapacity": min, "MaxCapacity": max,
    });
    let name = format!("{}-invocations", id.split('/').nth(1).unwrap_or_default());
    call(world, target::register, &input).ok()?;
    input["PolicyName"] = name.as_str().into();
    input["PolicyType"] = "TargetTrackingScaling".into();
    input["TargetTrackingScalingPolicyConfiguration"] = json!({
        "TargetValue": (target * 10.0).round() / 10.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleInCooldown": 300,
        "ScaleOutCooldown": 300,
        "DisableScaleIn": !scales_in,
    });
    let put = call(world, policy::put, &input).ok();
    world.now = now;
    put.map(|_| name)
}

fn call(world: &mut World, handler: crate::world::Handler, input: &Value) -> crate::world::Reply {
    let request = Request { service: Service::Scaling, operation: "", input, caller: "terraform", request_id: "" };
    handler(world, &request)
}

/// What a policy did once, by its alarm of that side.
fn did(world: &mut World, id: &str, at: Timestamp, side: &str, told: Result<i64, Reason>) {
    let Some((_, name)) = world.scaling.policies.keys().find(|(of, _)| of == id).cloned() else {
        return;
    };
    let arn = policy::arn(id, &name);
    let alarm = world.alarms.that_call(&arn).map(|(alarm, _)| alarm.clone()).find(|alarm| alarm.contains(side));
    let cause = activity::cause(&alarm.unwrap_or_default(), "ALARM", &name);
    let (words, told) = match told {
        Ok(count) => {
            let description = format!("Setting desired instance count to {count}.");
            ([cause, description, activity::fulfilled(count)], (Code::Successful, None))
        }
        Err(reason) => {
            let description = "Attempting to scale due to alarm triggered".to_owned();
            ([cause, description, String::new()], (Code::Failed, Some(reason)))
        }
    };
    let ended = if told.0 == Code::Successful { at.plus(TAKES) } else { at };
    activity::note(world, id, (at, Some(ended)), words, told);
}

/// A deployment a while ago went out with the few instances of its config, and traffic called for more.
fn burst(world: &mut World, id: &str, family: &Family) {
    let before = family.live.checked_sub(1).and_then(|version| family.went_live(version, world.start));
    let Some(at) = before else { return };
    did(world, id, at.plus(-3 * MINUTE), "-AlarmHigh-", Err(Reason::Unscalable));
    did(world, id, at.plus(5 * MINUTE), "-AlarmHigh-", Ok(family.count));
}

/// Goes through the last days as its policy would have, and leaves the counts in the endpoint's own past.
fn follower(world: &mut World) {
    let (now, start) = (world.now, world.start);
    let Some(endpoint) = world.endpoints.endpoints.get(FOLLOWER) else { return };
    let (Some(variant), Some(split)) = (endpoint.variants.first(), endpoint.splits.last()) else { return };
    let (rate, variant) = (endpoint.rate, variant.name.clone());
    let (fleets, born) = (split.fleets.clone(), split.from);
    let id = resource_id(FOLLOWER, &variant);
    let per_instance = rate / MEAN;
    if set_up(world, &id, BOUNDS, (per_instance, true)).is_none() {
        return;
    }
    let wanted =
        |at: Timestamp, share: f64| ((MEAN * traffic::shape(at) / share).ceil() as i64).clamp(BOUNDS.0, BOUNDS.1);
    let mut at = born.plus(LOOK).max(start.plus(-PAST)).floor(LOOK);
    let mut count = wanted(at, 1.0);
    let mut splits = vec![(at, count)];
    while at < now.plus(-2 * LOOK) {
        at = at.plus(LOOK);
        let (more, less) = (wanted(at, 1.0), wanted(at, MARGIN));
        let to = if more > count { more } else { less.min(count) };
        if to != count {
            let side = if to > count { "-AlarmHigh-" } else { "-AlarmLow-" };
            did(world, &id, at, side, Ok(to));
            let input = json!({
                "EndpointName": FOLLOWER,
                "DesiredWeightsAndCapacities": [{"VariantName": variant, "DesiredInstanceCount": to}],
            });
            trail::past_by(world, at, "UpdateEndpointWeightsAndCapacities", &input, &act::caller());
            splits.push((at.plus(TAKES), to));
            count = to;
        }
    }
    let Some(endpoint) = world.endpoints.endpoints.get_mut(FOLLOWER) else { return };
    for split in &mut endpoint.splits {
        split.fleets.iter_mut().for_each(|fleet| fleet.count = MEAN.round() as i64);
    }
    for (from, count) in splits {
        endpoint.modified = from;
        let fleets = fleets.iter().map(|fleet| Fleet { count, ..fleet.clone() }).collect();
        endpoint.splits.push(Split { from, fleets });
    }
    for variant in &mut endpoint.variants {
        (variant.current_count, variant.desired_count) = (count, count);
    }
}
