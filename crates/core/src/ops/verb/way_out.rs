//! `B`: the fastest safe way out of whatever state an endpoint is in.

use super::{abort, back_out, component, traffic};
use crate::{
    ops::{
        candidate::History,
        guard,
        intent::{Choice, Context, Intent, Route},
        plan::{Plan, Refusal},
        snapshot::{Facts, Model, Snapshot},
    },
    resource::endpoint::{Details, EndpointStatus, Variant},
};

/// The ways that lead somewhere from here, the fastest first.
pub fn routes(snapshot: &Snapshot) -> Vec<Route> {
    let Some(details) = &snapshot.endpoint.details else { return vec![Route::Config] };
    if snapshot.endpoint.status == EndpointStatus::Updating && details.pending.is_some() {
        return vec![Route::Abort];
    }
    let mut out = Vec::new();
    if component::is_of_components(details) {
        out.push(Route::Component);
    }
    if snapshot.endpoint.status == EndpointStatus::InService && guard::warm_variant(details).is_some() {
        out.push(Route::Weights);
    }
    out.push(Route::Config);
    if details.variants.len() == 1 && details.variants.iter().all(|variant| variant.desired_count > Some(1)) {
        out.push(Route::Rolling);
    }
    out
}

pub(super) fn plan(intent: &Intent, facts: &Facts, history: &History, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let snapshot = super::snapshot(facts)?;
    let choice = intent.change.choice();
    let route = choice.route.unwrap_or_else(|| best(snapshot, &choice));
    match (route, snapshot.endpoint.details.as_ref().and_then(guard::warm_variant)) {
        (Route::Component, _) => component::plan(intent, facts, context),
        (Route::Abort, _) => abort::plan(intent, snapshot, context),
        (Route::Weights, Some(variant)) => {
            let variants = snapshot.endpoint.details.as_ref().map(|details| details.variants.as_slice());
            let asked = traffic::all_to(variants.unwrap_or_default(), &variant.name);
            traffic::judge(&intent.by(Route::Weights), &asked, snapshot, context)
        }
        (Route::Weights | Route::Config | Route::Rolling, _) => {
            let route = if route == Route::Rolling { Route::Rolling } else { Route::Config };
            back_out::plan_back_out(&intent.by(route), snapshot, history, context)
        }
    }
}

fn best(snapshot: &Snapshot, choice: &Choice) -> Route {
    let Some(details) = &snapshot.endpoint.details else { return Route::Config };
    if choice.reverses.is_some() {
        return Route::Config;
    }
    let status = &snapshot.endpoint.status;
    if component::is_of_components(details) && *status == EndpointStatus::InService {
        return Route::Component;
    }
    if *status == EndpointStatus::Updating && details.pending.is_some() {
        return Route::Abort;
    }
    if choice.candidate.is_none()
        && *status == EndpointStatus::InService
        && guard::warm_variant(details).is_some_and(|spare| is_earlier(snapshot, details, spare))
    {
        return Route::Weights;
    }
    if routes(snapshot).contains(&Route::Rolling) && lacks_room(details) {
        return Route::Rolling;
    }
    Route::Config
}

/// A warm variant is a way *back* only where its model is older than the one that serves: else it may be the one that somebody
/// took the traffic from.
fn is_earlier(snapshot: &Snapshot, details: &Details, spare: &Variant) -> bool {
    let made = |variant: &Variant| {
        let model: Option<&Model> = snapshot.model(variant.model.as_ref()?.as_str())?.as_ref().ok();
        model.map(|model| model.created)
    };
    let loaded = details.variants.iter().filter(|variant| variant.current_weight.unwrap_or(0.0) > 0.0);
    let newest = loaded.filter_map(made).max();
    matches!((made(spare), newest), (Some(spare), Some(newest)) if spare < newest)
}

/// The last deployment failed for want of instances: a second fleet will not be had either.
fn lacks_room(details: &Details) -> bool {
    const SIGNS: [&str; 4] = ["capacity", "Capacity", "ResourceLimitExceeded", "limit"];
    details.failure.as_ref().is_some_and(|why| SIGNS.iter().any(|sign| why.as_str().contains(sign)))
}
