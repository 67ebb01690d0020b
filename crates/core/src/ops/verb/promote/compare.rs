//! The version against the live one: what callers send and get, and what both were measured at.

use serde_json::Value;

use super::{Ground, containers, gates::Verdict};
use crate::{ops::target::Sight, text::Text};

/// Worse by more than this part of the live value fails.
const WORSE: f64 = 0.01;

const NOTHING: &str = "the live model is no registered version";

pub(super) fn interface(ground: &Ground<'_>) -> Verdict {
    if let Some(job) = ground.job {
        // The contract is the live version's own.
        return super::job::kin(ground, job);
    }
    let Some(live) = ground.live_version else {
        return Verdict::Unknown(format!("{NOTHING}: the interface cannot be compared"));
    };
    let version = ground.version;
    let (now, then) = (containers(live).len(), containers(version).len());
    if now != then {
        return Verdict::Fail(format!("the live version has {now} containers, this one {then}"));
    }
    let mut added = Vec::new();
    for (member, what) in [("SupportedContentTypes", "content type"), ("SupportedResponseMIMETypes", "response type")] {
        let (old, new) = (texts(live, member), texts(version, member));
        if let Some(lost) = old.iter().find(|kind| !new.contains(kind)) {
            return Verdict::Fail(format!("{what} {} is no more supported", Text::new(lost)));
        }
        added.extend(new.iter().filter(|kind| !old.contains(kind)).map(|kind| format!("{what} {}", Text::new(kind))));
    }
    let types = texts(version, "SupportedRealtimeInferenceInstanceTypes");
    let wanted = ground.details.variants.iter().filter_map(|variant| variant.instance_type.as_ref());
    for kind in wanted {
        if !types.is_empty() && !types.contains(&kind.raw()) {
            return Verdict::Fail(format!("the version does not support {kind}, on which the endpoint runs"));
        }
    }
    let (group, live_group) = (ground.group(), live.fact("/ModelPackageGroupName").raw());
    if !live_group.is_empty() && group != live_group {
        let (group, live_group) = (Text::new(&group), Text::new(&live_group));
        return Verdict::Unknown(format!(
            "it is a version of {group}, and the live one is of {live_group}: the right endpoint?"
        ));
    }
    let more = if added.is_empty() { String::new() } else { format!("; new: {}", added.join(", ")) };
    Verdict::Pass(format!("content types, response types, containers and instance type fit{more}"))
}

fn texts(sight: &Sight, member: &str) -> Vec<String> {
    let list = sight.body.pointer(&format!("/InferenceSpecification/{member}")).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Numbers of the same name in `CustomerMetadataProperties`.
pub(super) fn metrics(ground: &Ground<'_>) -> Verdict {
    let Some(live) = ground.live_version else {
        return Verdict::Unknown(format!("{NOTHING}: no metric can be compared"));
    };
    let (old, new) = (numbers(live), numbers(ground.version));
    let pairs: Vec<(&str, f64, f64)> = old
        .iter()
        .filter_map(|(name, before)| {
            let (_, after) = new.iter().find(|(other, _)| other == name)?;
            Some((name.as_str(), *before, *after))
        })
        .collect();
    if pairs.is_empty() {
        let report = ground.version.fact("/ModelMetrics/ModelQuality/Statistics/S3Uri");
        let at = if report.is_empty() { String::new() } else { format!("; its report is {report}") };
        return Verdict::Unknown(format!("no metric is registered with both versions{at}"));
    }
    let worse: Vec<String> = pairs
        .iter()
        .filter(|(name, before, after)| loss(name, *before, *after) > WORSE)
        .map(|(name, before, after)| format!("{} {before} → {after}", Text::new(name)))
        .collect();
    if !worse.is_empty() {
        return Verdict::Fail(format!("worse than the live version by more than 1 %: {}", worse.join(", ")));
    }
    let all: Vec<String> =
        pairs.iter().map(|(name, before, after)| format!("{} {before} → {after}", Text::new(name))).collect();
    Verdict::Pass(format!("no metric is worse: {}", all.join(", ")))
}

/// By which part of what it was the metric got worse; negative for better.
fn loss(name: &str, before: f64, after: f64) -> f64 {
    let change = (after - before) / before.abs().max(f64::MIN_POSITIVE);
    if is_cost(name) { change } else { -change }
}

/// Measures of which less is better.
fn is_cost(name: &str) -> bool {
    const COSTS: [&str; 9] = ["loss", "error", "rmse", "mse", "mae", "mape", "latency", "perplexity", "brier"];
    let name = name.to_ascii_lowercase();
    COSTS.iter().any(|cost| name.contains(cost))
}

/// What both were trained with is no result; a training metric tells less than a validation metric.
fn numbers(sight: &Sight) -> Vec<(String, f64)> {
    let properties = sight.body.get("CustomerMetadataProperties").and_then(Value::as_object);
    let number =
        |value: &Value| value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|n| n.is_finite());
    let all = properties.into_iter().flatten();
    let all: Vec<(String, f64)> = all.filter_map(|(name, value)| Some((name.clone(), number(value)?))).collect();
    let evaluated = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["val", "test", "eval"].iter().any(|prefix| name.starts_with(prefix))
    };
    if all.iter().any(|(name, _)| evaluated(name)) {
        return all.into_iter().filter(|(name, _)| evaluated(name)).collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_of_a_cost_is_better_and_more_of_anything_else() {
        assert!(loss("val/loss", 1.0, 1.02) > WORSE && loss("val/loss", 1.0, 0.9) < 0.0);
        assert!(loss("val/auc", 0.9, 0.88) > WORSE && loss("val/auc", 0.9, 0.895) < WORSE);
        assert!(loss("score", -2.0, -2.1) > WORSE, "of a negative value too");
    }
}
