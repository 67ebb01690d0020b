//! The fleets: what AWS leaves out on some of them, what a second one needs, and whether a good one is warm already.

use super::{Case, Check, Finding, keeps_counts};
use crate::{
    ops::{
        call,
        intent::{Mode, Route},
        snapshot::{Config, Snapshot},
    },
    resource::endpoint::{Details, Routing, Size, Variant},
};

/// Why AWS leaves the guardrails out here without a word; empty when it does not.
pub(in crate::ops) fn excluded(snapshot: &Snapshot, target: &Config, account: &str) -> Vec<String> {
    let mut out = Vec::new();
    for variant in &target.variants {
        if variant.serverless {
            out.push(format!("variant {} is serverless; it goes all at once", variant.name));
        }
        if variant.instance_type.as_ref().is_some_and(|kind| kind.as_str().starts_with("ml.inf1.")) {
            out.push(format!("on Inf1 ({}) AWS silently goes all at once without a bake", variant.name));
        }
        let model = variant.model.as_ref().and_then(|name| snapshot.model(name.as_str()));
        let package = model.and_then(|model| model.as_ref().ok()).and_then(|model| model.package.as_ref());
        if package.is_some_and(|arn| is_marketplace(arn.as_str(), account)) {
            out.push(format!("with a Marketplace container ({}) AWS silently goes all at once", variant.name));
        }
    }
    out
}

pub(in crate::ops) fn exclusions(case: &Case<'_>, target: &Config) -> Vec<Finding> {
    let excluded = excluded(case.snapshot, target, case.context.scope.account.as_str());
    if !excluded.is_empty() {
        let say = |why: String| format!("no guardrails on this endpoint: {why}, and nothing can stop it");
        return excluded.into_iter().map(|why| Finding::warn(Check::Guardrails, say(why))).collect();
    }
    if case.mode == Mode::Guarded && matches!(routing(case.details, case.mode), Routing::AllAtOnce) {
        let text = "a canary needs two instances: all traffic moves at once, then bakes under the alarms";
        return vec![Finding::warn(Check::Guardrails, text)];
    }
    Vec::new()
}

/// A package of another account without a version number: that is how Marketplace products are subscribed.
pub(in crate::ops) fn is_marketplace(arn: &str, account: &str) -> bool {
    let mut parts = arn.splitn(6, ':').skip(4);
    let (Some(owner), Some(resource)) = (parts.next(), parts.next()) else { return false };
    owner != account && resource.starts_with("model-package/") && resource.split('/').count() == 2
}

pub(in crate::ops) fn quota(case: &Case<'_>, target: &Config) -> Finding {
    if case.route == Route::Rolling {
        let text =
            "rolling: half of the fleet at a time is replaced, so no second fleet is needed; capacity falls meanwhile";
        return Finding::warn(Check::Quota, text);
    }
    let kept = keeps_counts(case.details, target);
    let mut fleets: Vec<String> = Vec::new();
    for variant in &target.variants {
        let Some(kind) = &variant.instance_type else { continue };
        let live = case.details.variants.iter().find(|v| v.name == variant.name).and_then(|v| v.desired_count);
        let count = if kept { live } else { variant.initial_count };
        fleets.push(format!("{} × {kind}", count.map_or_else(|| "?".to_owned(), |n| n.to_string())));
    }
    if fleets.is_empty() {
        return Finding::ok(Check::Quota, "no instances to start");
    }
    Finding::warn(
        Check::Quota,
        format!("both fleets run for a while: AWS must have quota and capacity for {} more", fleets.join(" and ")),
    )
}

/// A live variant with another model, instances and no traffic: what [`crate::ops::verb::traffic::plan_shift`] can give it all to.
pub fn warm_variant(details: &Details) -> Option<&Variant> {
    let loaded = details.variants.iter().find(|v| v.current_weight.unwrap_or(0.0) > 0.0)?;
    details.variants.iter().find(|v| {
        v.current_weight == Some(0.0)
            && v.current_count.unwrap_or(0) > 0
            && v.model.is_some()
            && v.model != loaded.model
    })
}

/// A good model that is warm already, at weight 0, is seconds away.
pub(super) fn fast_path(case: &Case<'_>) -> Option<Finding> {
    let variants = &case.details.variants;
    let spare = warm_variant(case.details)?;
    let name = spare.label.as_ref().unwrap_or(&spare.name);
    let changes: Vec<call::VariantChange> = variants
        .iter()
        .map(|v| call::VariantChange {
            variant: v.name.clone(),
            weight: Some(if v.name == spare.name { 1.0 } else { 0.0 }),
            count: None,
        })
        .collect();
    let call = call::update_weights(&case.snapshot.endpoint.name, &changes);
    Some(
        Finding::warn(
            Check::FastPath,
            format!(
                "{name} is live as variant {} at weight 0: shifting weights takes seconds, not minutes",
                spare.name
            ),
        )
        .remedy(call.cli(case.context.scope.region.as_str())),
    )
}

/// How traffic moves: a canary where the fleet is large enough to have a part.
pub(in crate::ops) fn routing(details: &Details, mode: Mode) -> Routing {
    let small = details.variants.iter().any(|v| v.desired_count.unwrap_or(0) < 2);
    match mode {
        Mode::Guarded if !small => Routing::Canary(Size::Percent(10)),
        _ => Routing::AllAtOnce,
    }
}
