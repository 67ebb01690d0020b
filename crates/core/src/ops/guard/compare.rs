//! The live config against the one to go back to: what stays, what changes, and what AWS will refuse.

use super::{Case, Check, Finding};
use crate::{
    ops::{
        candidate::History,
        snapshot::{Config, ConfigVariant},
    },
    resource::endpoint::{Details, Image, Variant},
    text::Text,
};

/// Weights arrive as 32-bit fractions.
const SAME_WEIGHT: f64 = 1e-5;

/// Whether the live counts and weights can be kept: only when names and instance types are equal and something runs.
pub(in crate::ops) fn keeps_counts(details: &Details, target: &Config) -> bool {
    names(details) == target_names(target)
        && details.variants.iter().all(|live| {
            target.variants.iter().any(|t| t.name == live.name && t.instance_type == live.instance_type)
                && live.desired_count != Some(0)
        })
}

fn names(details: &Details) -> Vec<&Text> {
    let mut names: Vec<&Text> = details.variants.iter().map(|v| &v.name).collect();
    names.sort();
    names
}

fn target_names(target: &Config) -> Vec<&Text> {
    let mut names: Vec<&Text> = target.variants.iter().map(|v| &v.name).collect();
    names.sort();
    names
}

fn joined(names: &[&Text]) -> String {
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}

pub(super) fn compare(case: &Case<'_>, target: &Config) -> Vec<Finding> {
    let mut out = Vec::new();
    let (live, wanted) = (names(case.details), target_names(target));
    if live == wanted {
        out.push(Finding::ok(Check::VariantNames, "variant names equal"));
    } else {
        out.push(
            Finding::block(
                Check::VariantNames,
                format!("variant names differ: {} now, {} there", joined(&live), joined(&wanted)),
            )
            .remedy("Make a new config from that one's models with the live variant names, and deploy that."),
        );
    }
    let pairs: Vec<(&Variant, &ConfigVariant)> = case
        .details
        .variants
        .iter()
        .filter_map(|live| target.variants.iter().find(|t| t.name == live.name).map(|t| (live, t)))
        .collect();
    out.extend(instance_types(case, target, &pairs));
    out.extend(images(case, &pairs));
    out.extend(properties(case, target));
    out
}

fn kind(text: Option<&Text>) -> &str {
    text.map_or("serverless", Text::as_str)
}

fn instance_types(case: &Case<'_>, target: &Config, pairs: &[(&Variant, &ConfigVariant)]) -> Vec<Finding> {
    let mut out = Vec::new();
    let kept = keeps_counts(case.details, target);
    for (live, there) in pairs {
        if live.instance_type != there.instance_type {
            let text = format!(
                "instance type of {} changes: {} to {}",
                live.name,
                kind(live.instance_type.as_ref()),
                kind(there.instance_type.as_ref())
            );
            out.push(Finding::warn(Check::InstanceType, text));
            out.extend(scaling(case, &live.name));
        }
        if !kept && live.desired_count != there.initial_count {
            let count = |n: Option<i64>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
            let text = format!(
                "instances of {} go from {} to {}: the live count cannot be kept here",
                live.name,
                count(live.desired_count),
                count(there.initial_count)
            );
            out.push(Finding::warn(Check::Counts, text).remedy(
                "Set the capacity again when it is InService: aws sagemaker update-endpoint-weights-and-capacities.",
            ));
        }
        if !kept && live.desired_weight.is_some_and(|weight| (weight - there.initial_weight).abs() > SAME_WEIGHT) {
            let text = format!(
                "weight of {} goes from {} to {}",
                live.name,
                live.desired_weight.unwrap_or_default(),
                there.initial_weight
            );
            out.push(Finding::warn(Check::Weights, text));
        }
    }
    if kept {
        out.push(Finding::ok(Check::Counts, "live counts and weights are kept"));
    }
    out
}

/// AWS refuses a change of the instance type of a variant that is registered with Application Auto Scaling.
fn scaling(case: &Case<'_>, variant: &Text) -> Option<Finding> {
    let endpoint = &case.snapshot.endpoint.name;
    let resource = format!("endpoint/{endpoint}/variant/{variant}");
    let dimension = "sagemaker:variant:DesiredInstanceCount";
    let deregister = format!(
        "aws application-autoscaling deregister-scalable-target --service-namespace sagemaker --scalable-dimension \
         {dimension} --resource-id {resource}"
    );
    match &case.snapshot.scaling {
        Ok(targets) => {
            let target = targets.iter().find(|target| target.variant == *variant)?;
            let register = format!(
                "aws application-autoscaling register-scalable-target --service-namespace sagemaker \
                 --scalable-dimension {dimension} --resource-id {resource} --min-capacity {} --max-capacity {}",
                target.min, target.max
            );
            Some(
                Finding::block(
                    Check::Scaling,
                    format!("{variant} is autoscaled: AWS refuses to change its instance type while it is registered"),
                )
                .remedy(format!(
                    "Save its policies (aws application-autoscaling describe-scaling-policies --service-namespace \
                     sagemaker --resource-id {resource}), then: {deregister}; afterwards: {register}"
                )),
            )
        }
        Err(fault) => Some(
            Finding::block(
                Check::Scaling,
                format!(
                    "whether {variant} is autoscaled could not be read ({}), and its type changes",
                    fault.kind.brief()
                ),
            )
            .remedy(fault.remedy()),
        ),
    }
}

fn images(case: &Case<'_>, pairs: &[(&Variant, &ConfigVariant)]) -> Vec<Finding> {
    let mut out = Vec::new();
    let mut pinned = true;
    for (_, there) in pairs {
        let model = there.model.as_ref().and_then(|name| case.snapshot.model(name.as_str()));
        let Some(Ok(model)) = model else { continue };
        for image in model.images.iter().filter(|image| !image.specified.as_str().contains("@sha256:")) {
            let then = digest_then(case.history, &case.candidate.config, &image.specified);
            match (then, &image.resolved) {
                (Some(then), Some(now)) if then == now => {}
                (Some(then), Some(now)) => {
                    pinned = false;
                    let text = format!("image {} moved: it was {then}, it is {now} now", image.specified);
                    out.push(
                        Finding::warn(Check::Image, text)
                            .remedy("The code that served then is not what will start now."),
                    );
                }
                _ => {
                    pinned = false;
                    let text =
                        format!("image {} is named by a tag, which may have moved since it served", image.specified);
                    out.push(Finding::warn(Check::Image, text));
                }
            }
        }
    }
    if pinned {
        out.push(Finding::ok(Check::Image, "image digest unchanged"));
    }
    out
}

fn digest_then<'a>(history: &'a History, config: &Text, specified: &Text) -> Option<&'a Text> {
    let known = |(owner, image): &&'a (Text, Image)| owner == config && image.specified == *specified;
    history.images.iter().rev().find(known).and_then(|(_, image)| image.resolved.as_ref())
}

fn properties(case: &Case<'_>, target: &Config) -> Vec<Finding> {
    let mut out = Vec::new();
    let Some(live) = case.live() else { return out };
    let on = |config: &Config| {
        config.capture.as_ref().filter(|c| c.enabled).map(|c| (c.sampling_percent, c.destination.clone()))
    };
    let words = |capture: Option<(i64, Text)>| {
        capture.map_or_else(|| "off".to_owned(), |(percent, to)| format!("{percent} % to {to}"))
    };
    if on(live) != on(target) {
        let text = format!("data capture is {} there, {} now: monitors read it", words(on(target)), words(on(live)));
        out.push(Finding::warn(Check::Capture, text));
    }
    if live.kms_key != target.kms_key {
        let name = |key: &Option<Text>| key.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
        let text = format!("the volume key changes: {} to {}", name(&live.kms_key), name(&target.kms_key));
        out.push(Finding::warn(Check::Encryption, text));
    }
    if live.vpc_subnets != target.vpc_subnets || live.network_isolation != target.network_isolation {
        out.push(Finding::warn(Check::Network, "subnets or network isolation differ between the two configs"));
    }
    if live.is_async && !target.is_async {
        out.push(
            Finding::block(
                Check::Config,
                "the live config is asynchronous and that one is not; AWS refuses to remove it",
            )
            .remedy("Choose a candidate that is asynchronous too."),
        );
    }
    let shadows = |config: &Config| config.shadow_variants.iter().map(|v| v.name.clone()).collect::<Vec<_>>();
    if shadows(live) != shadows(target) {
        out.push(Finding::warn(Check::VariantNames, "shadow variants differ: a running shadow test ends"));
    }
    out
}
