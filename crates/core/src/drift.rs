//! Model Monitor's files, distances and verdicts.
//!
//! Model Monitor says *that* a feature drifted, in prose. Its statistics hold sketches, so the distance between any two
//! executions can be computed again: with it the reader sees the uncorrected distance, the sample sizes, and the two
//! distributions over common edges, not the verdict alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    resource::monitor::{Bucket, DriftDetail, FeatureDrift, MonitorRun, Recomputed, Violation},
    text::Text,
    time::Timestamp,
};

mod cron;
mod distance;
mod distribution;
mod report;
#[cfg(test)]
mod tests;

pub use cron::interval;
pub use distance::{Distance, categorical, corrected, numeric};
pub use distribution::{Distribution, Sketch, buckets};
pub use report::{
    Comparison, Constraints, Feature, FeatureConstraint, INPUT_MAX, Method, Metric, MetricConstraint, Statistics,
    Unreadable, parse_constraints, parse_statistics, parse_violations, stated_distance,
};

/// The limit that Model Monitor uses when `constraints.json` names none.
pub const DEFAULT_LIMIT: f64 = 0.1;

/// What is known about one monitor; what could not be read is absent and named in `gaps`.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    pub monitor: Text,
    pub endpoint: Option<Text>,
    /// Any order.
    pub runs: Vec<MonitorRun>,
    pub baseline: Option<Statistics>,
    pub constraints: Option<Constraints>,
    /// One per execution whose files were read; any order.
    pub reports: Vec<Report>,
    /// Distances by feature from CloudWatch (`feature_baseline_drift_*`); they win over those computed from reports.
    pub curves: Vec<(Text, Vec<(Timestamp, f64)>)>,
    pub source: Text,
    pub gaps: Vec<Text>,
}

/// The files of one execution.
#[derive(Clone, Debug)]
pub struct Report {
    pub at: Timestamp,
    pub statistics: Option<Statistics>,
    pub violations: Vec<Violation>,
}

/// Puts the parts together: one entry per feature, the worst latest distance first.
pub fn detail(mut inputs: Inputs) -> DriftDetail {
    inputs.runs.sort_by_key(|run| run.scheduled);
    inputs.reports.sort_by_key(|report| report.at);
    let method = inputs.constraints.as_ref().map_or(Method::Robust, |c| c.comparison.method);
    let mut features: Vec<FeatureDrift> =
        names(&inputs).into_iter().map(|name| feature_drift(&inputs, name, method)).collect();
    let latest = |feature: &FeatureDrift| feature.distances.last().map_or(f64::NEG_INFINITY, |(_, distance)| *distance);
    features.sort_by(|a, b| latest(b).total_cmp(&latest(a)).then_with(|| a.name.cmp(&b.name)));

    let newest = inputs.reports.last();
    let violations = newest.map_or_else(Vec::new, |report| report.violations.clone());
    let stated = violations.iter().find_map(|violation| violation.distance.map(|(_, limit)| limit));
    let rows = newest.and_then(|report| report.statistics.as_ref()).and_then(|s| s.item_count);
    let baseline_rows = inputs.baseline.as_ref().and_then(|s| s.item_count);
    DriftDetail {
        monitor: inputs.monitor,
        endpoint: inputs.endpoint,
        runs: inputs.runs,
        features,
        limit: inputs.constraints.as_ref().and_then(|c| c.comparison.threshold).or(stated),
        method: inputs.constraints.as_ref().map(|c| Text::new(c.comparison.method.as_str())),
        violations,
        source: inputs.source,
        counts: rows.zip(baseline_rows),
        gaps: inputs.gaps,
    }
}

/// Every feature that any part mentions.
fn names(inputs: &Inputs) -> BTreeSet<Text> {
    let of_statistics = |s: &Statistics| s.features.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
    let mut names: BTreeSet<Text> = inputs.curves.iter().map(|(name, _)| name.clone()).collect();
    names.extend(inputs.baseline.iter().flat_map(of_statistics));
    names.extend(inputs.reports.iter().filter_map(|r| r.statistics.as_ref()).flat_map(of_statistics));
    names.extend(inputs.constraints.iter().flat_map(|c| c.features.iter().map(|f| f.name.clone())));
    let drifted = |v: &Violation| v.distance.map(|_| v.feature.clone());
    names.extend(inputs.reports.iter().flat_map(|r| r.violations.iter().filter_map(drifted)));
    names
}

fn feature_drift(inputs: &Inputs, name: Text, method: Method) -> FeatureDrift {
    let find = |s: &Statistics| s.feature(name.as_str()).map(|f| f.distribution.clone());
    let baseline = inputs.baseline.as_ref().and_then(find);
    let newest = inputs.reports.iter().rev().find_map(|r| r.statistics.as_ref()).and_then(find);
    let recomputed = baseline.as_ref().zip(newest.as_ref()).and_then(|(b, n)| between(b, n));
    let mut by_time: BTreeMap<Timestamp, f64> = BTreeMap::new();
    for report in &inputs.reports {
        let stated = report.violations.iter().find(|v| v.feature == name).and_then(|v| v.distance);
        let computed = || {
            let now = report.statistics.as_ref()?.feature(name.as_str())?;
            between(baseline.as_ref()?, &now.distribution)
                .map(|r| if method == Method::Simple { r.raw } else { r.corrected })
        };
        if let Some(distance) = stated.map(|(distance, _)| distance).or_else(computed) {
            by_time.insert(report.at, distance);
        }
    }
    if let Some((_, curve)) = inputs.curves.iter().find(|(of, _)| *of == name) {
        by_time.extend(curve.iter().copied().filter(|(_, distance)| distance.is_finite()));
    }
    FeatureDrift {
        distances: by_time.into_iter().collect(),
        buckets: baseline.zip(newest).map_or_else(Vec::<Bucket>::new, |(b, n)| buckets(&b, &n)),
        recomputed,
        name,
    }
}

fn between(baseline: &Distribution, now: &Distribution) -> Option<Recomputed> {
    let distance = match (baseline, now) {
        (Distribution::Numeric(b), Distribution::Numeric(n)) => numeric(b, n)?,
        (Distribution::Categorical(b), Distribution::Categorical(n)) => categorical(b, n)?,
        _ => return None,
    };
    Some(Recomputed { raw: distance.raw, corrected: distance.corrected, now: distance.m, baseline: distance.n })
}
