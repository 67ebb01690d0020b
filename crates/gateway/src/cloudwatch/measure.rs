//! What an endpoint's calls were before and after a change: a request for each side, and one for the alarms.

use mldeck_core::{
    fault::Fault,
    ops::measure::{Around, Measured, Numbers, Stretch},
    text::Text,
};

use super::{Metric, Points};
use crate::Gateway;

/// Seconds of one point.
const MINUTE_SECS: i32 = 60;
/// Per variant: calls, 5xx, 4xx, P99.
const CURVES: [(&str, &str); 4] =
    [("Invocations", "Sum"), ("Invocation5XXErrors", "Sum"), ("Invocation4XXErrors", "Sum"), ("ModelLatency", "p99")];

impl Gateway {
    pub(crate) async fn measured(&self, around: &Around) -> Result<Measured, Fault> {
        let mut variants: Vec<&Text> = around.before.variants.iter().chain(&around.after.variants).collect();
        variants.sort_unstable();
        variants.dedup();
        let of = |variant: &&Text| {
            CURVES.map(|(name, stat)| Metric::of_variant(name, &around.endpoint, variant, stat, MINUTE_SECS))
        };
        let metrics: Vec<Metric> = variants.iter().flat_map(of).collect();
        let (before, after) = (&around.before, &around.after);
        let (mut early, mut late) = (Vec::new(), Vec::new());
        if !metrics.is_empty() {
            early = self.metric_data(&metrics, before.from, before.to).await?;
            late = self.metric_data(&metrics, after.from, after.to).await?;
        }
        let alarms = match around.alarms.is_empty() {
            true => Vec::new(),
            false => self.alarms_named(&around.alarms).await?,
        };
        let state = |name: &Text| alarms.iter().find(|alarm| alarm.name == *name).map(|alarm| alarm.state.clone());
        Ok(Measured {
            before: numbers(before, &variants, early),
            after: numbers(after, &variants, late),
            alarms: around.alarms.iter().map(|name| (name.clone(), state(name))).collect(),
        })
    }
}

/// Those of one side's own variants.
fn numbers(stretch: &Stretch, variants: &[&Text], data: Vec<Points>) -> Numbers {
    let mut curves: [Points; CURVES.len()] = Default::default();
    for (at, points) in data.into_iter().enumerate() {
        let own = variants.get(at / CURVES.len()).is_some_and(|variant| stretch.variants.contains(variant));
        if let (true, Some(curve)) = (own, curves.get_mut(at % CURVES.len())) {
            curve.extend(points);
        }
    }
    let [calls, failed, refused, p99] = curves;
    Numbers::of(stretch, &calls, &failed, &refused, &p99)
}
