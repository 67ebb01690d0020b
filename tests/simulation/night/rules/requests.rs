//! What a request that reaches AWS must be like, apart from when it may leave.

use bytes::Bytes;
use mldeck_core::{
    fault::Fault,
    ops::{intent::Mode, target::Kind},
    time::SECOND,
};
use serde_json::Value;

use super::LAG;
use crate::night::{
    account::{self, config},
    scene::{Scene, Seen},
};

/// After a throttled call the same one waits at least this long.
const PAUSE: i64 = 2 * SECOND;
/// Shortest bake and shortest time that the old fleet is kept, of what is to be guarded, seconds.
const GUARDED: i64 = 600;

/// A plan that was confirmed too late sends nothing.
pub(super) fn in_time(seen: &Seen) -> Option<String> {
    seen.too_old.then(|| "it left of a plan that was too old to be begun".to_owned())
}

/// What AWS throttled is not sent again at once.
pub(super) fn unhurried(seen: &Seen, operation: &str, at: i64) -> Option<String> {
    let last = seen.writes(operation).filter(|write| write.throttled).filter_map(|write| write.answered).max();
    last.is_some_and(|then| at - then < PAUSE).then(|| "it was throttled, and did not wait".to_owned())
}

/// What each request must say, or must not be about.
pub(super) fn content(scene: &Scene, seen: &Seen, operation: &str, request: &http::Request<Bytes>) -> Option<String> {
    let input = account::input(request);
    match operation {
        "UpdateEndpoint" => guarded(seen, &input).or_else(|| leads_somewhere(scene, seen)),
        "CreateModel" | "CreateEndpointConfig" => named(seen, &input),
        "DeleteEndpointConfig" => not_needed(scene, &input),
        _ => None,
    }
}

/// A deployment can be stopped, and keeps the old fleet; what is to be guarded bakes.
fn guarded(seen: &Seen, input: &Value) -> Option<String> {
    let plan = seen.plan.as_ref()?;
    let number = |pointer: &str| input.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let alarms = input.pointer("/DeploymentConfig/AutoRollbackConfiguration/Alarms").map(Value::to_string);
    let own = format!("\"mldeck-abort-{}\"", plan.target.id.raw());
    if !alarms.is_some_and(|alarms| alarms.contains(&own)) {
        return Some("no alarm of ours guards it".to_owned());
    }
    if input.get("RetainAllVariantProperties").is_none() {
        return Some("it does not say whether counts and weights stay".to_owned());
    }
    let least = if plan.mode == Mode::Guarded { GUARDED } else { 0 };
    let policy = "/DeploymentConfig/BlueGreenUpdatePolicy";
    let bake = number(&format!("{policy}/TrafficRoutingConfiguration/WaitIntervalInSeconds"));
    let kept = number(&format!("{policy}/TerminationWaitInSeconds"));
    (bake < least || kept < least.max(1)).then(|| format!("it bakes {bake} s and keeps the old fleet {kept} s"))
}

/// The config that it leads to had its model when it was planned.
fn leads_somewhere(scene: &Scene, seen: &Seen) -> Option<String> {
    let aim = seen.aim.as_ref().filter(|aim| aim.kind == Kind::Endpoint)?;
    let gone = |(endpoint, at): &(String, i64)| {
        aim.config.as_deref() == Some(config(endpoint, 1).as_str()) && at + LAG < seen.looked_from
    };
    scene.lost.iter().any(gone).then(|| "it leads to a model that was gone before it was planned".to_owned())
}

/// What is made can be found again by its plan.
fn named(seen: &Seen, input: &Value) -> Option<String> {
    let id = seen.plan.as_ref()?.id().raw();
    let name = input.get("ModelName").or_else(|| input.get("EndpointConfigName")).and_then(Value::as_str);
    let tagged = input.get("Tags").is_some_and(|tags| tags.to_string().contains(&id));
    (!name.is_some_and(|name| name.ends_with(&id)) || !tagged).then(|| "neither name nor tag tells its plan".to_owned())
}

/// Neither what served when the night began, nor what served before it.
fn not_needed(scene: &Scene, input: &Value) -> Option<String> {
    let name = input.get("EndpointConfigName").and_then(Value::as_str).unwrap_or_default();
    let kept = |endpoint: &String| [1, 2].iter().any(|version| config(endpoint, *version) == name);
    scene.account.shape.endpoints.iter().any(kept).then(|| "an endpoint may be brought back to it".to_owned())
}

/// Of a pipeline no more runs were started than asked for.
pub(super) fn started_once(scene: &Scene) -> Option<String> {
    let asked = |seen: &&Seen| seen.aim.as_ref().is_some_and(|aim| aim.operation == "StartPipelineExecution");
    let (most, runs) = (scene.desks.iter().filter(asked).count(), scene.runs.1.saturating_sub(scene.runs.0));
    (runs > most).then(|| format!("{runs} runs were started, {most} were asked for"))
}

/// A no is said by AWS with a status of its own, or by us before the call left.
pub fn refused_is_true(seen: &Seen, ticket: u32, fault: &Fault) -> Option<String> {
    let (operation, before) = seen.tickets.get(&ticket)?;
    let status = seen.writes(operation).nth(*before)?.status;
    if status.is_some_and(|status| (400..500).contains(&status)) {
        return None;
    }
    let answer = status.map_or_else(|| "no answer".to_owned(), |status| format!("answer {status}"));
    Some(format!("{operation} of {}: {answer} is taken for a no ({fault})", seen.name))
}
