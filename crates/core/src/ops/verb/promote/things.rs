//! What has to be described before a promotion is judged.

use super::job_of;
use crate::{
    ops::{
        snapshot::Snapshot,
        target::{Kind, Target},
    },
    text::Text,
};

/// The version, the live config with its models, and the versions that those were made from.
pub(in crate::ops) fn promoted(package: &Text, around: Option<&Snapshot>) -> Vec<Target> {
    let mut out = vec![match job_of(package) {
        Some(job) => Target::new(Kind::TrainingJob, job),
        None => Target::new(Kind::ModelPackage, package.clone()),
    }];
    let Some((snapshot, details)) = around.and_then(|around| Some((around, around.endpoint.details.as_ref()?))) else {
        return out;
    };
    out.push(Target::new(Kind::EndpointConfig, details.config.clone()));
    for name in details.variants.iter().filter_map(|variant| variant.model.as_ref()) {
        out.push(Target::new(Kind::Model, name.clone()));
        if let Some(Ok(model)) = snapshot.model(name.as_str())
            && let Some(live) = &model.package
        {
            out.push(Target::new(Kind::ModelPackage, live.clone()));
        }
    }
    let mut once: Vec<Target> = Vec::new();
    for target in out {
        if !once.contains(&target) {
            once.push(target);
        }
    }
    once
}
