//! Curves of one endpoint.

use mldeck_core::{
    fault::Fault,
    series::{Series, Unit},
    text::Text,
    time::{MINUTE, SECOND, Timestamp},
};

use super::{ENDPOINTS, Metric, Points, period, whole_minute};
use crate::Gateway;

/// Name of the curve, namespace, metric, statistic, unit, and what a value is multiplied with.
struct Curve {
    name: &'static str,
    namespace: &'static str,
    metric: &'static str,
    stat: &'static str,
    unit: Unit,
    factor: f64,
}

const fn curve(name: &'static str, metric: &'static str, stat: &'static str, unit: Unit, factor: f64) -> Curve {
    Curve { name, namespace: ENDPOINTS, metric, stat, unit, factor }
}

const fn host(name: &'static str, metric: &'static str) -> Curve {
    Curve { name, namespace: "/aws/sagemaker/Endpoints", metric, stat: "Average", unit: Unit::Percent, factor: 1.0 }
}

/// Latencies are microseconds in CloudWatch.
const MICROS: f64 = 1e-3;

const CURVES: &[Curve] = &[
    curve("invocations", "Invocations", "Sum", Unit::PerMinute, 1.0),
    curve("4xx", "Invocation4XXErrors", "Sum", Unit::PerMinute, 1.0),
    curve("5xx", "Invocation5XXErrors", "Sum", Unit::PerMinute, 1.0),
    curve("p50", "ModelLatency", "p50", Unit::Milliseconds, MICROS),
    curve("p99", "ModelLatency", "p99", Unit::Milliseconds, MICROS),
    curve("overhead", "OverheadLatency", "p99", Unit::Milliseconds, MICROS),
    host("cpu", "CPUUtilization"),
    host("memory", "MemoryUtilization"),
];

impl Gateway {
    /// Eight curves per variant; with several variants the names end in the variant's.
    pub(crate) async fn endpoint_series(
        &self,
        endpoint: &Text,
        variants: &[Text],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Series>, Fault> {
        let to = to.min(whole_minute(self.now()));
        let seconds = period(from, to, self.now());
        let step = i64::from(seconds) * SECOND;
        let from = from.floor(step);
        let wanted: Vec<(&Text, &Curve)> =
            variants.iter().flat_map(|variant| CURVES.iter().map(move |curve| (variant, curve))).collect();
        let metric = |(variant, curve): &(&Text, &Curve)| {
            let of = Metric::of_variant(curve.metric, endpoint, variant, curve.stat, seconds);
            Metric { namespace: curve.namespace.to_owned(), ..of }
        };
        let metrics: Vec<Metric> = wanted.iter().map(metric).collect();
        let data = self.metric_data(&metrics, from, to).await?;
        let many = variants.len() > 1;
        Ok(wanted
            .iter()
            .zip(data)
            .map(|((variant, curve), points)| series(curve, points, step, many.then_some(*variant)))
            .collect())
    }
}

fn series(curve: &Curve, points: Points, step: i64, variant: Option<&Text>) -> Series {
    // Sums are per bucket; shown is per minute.
    let per = if curve.unit == Unit::PerMinute { MINUTE as f64 / step as f64 } else { 1.0 };
    Series {
        name: variant.map_or_else(|| Text::new(curve.name), |variant| Text::new(&format!("{} {variant}", curve.name))),
        unit: curve.unit,
        steps: false,
        points: points.into_iter().map(|(at, value)| (at.millis() as f64, value * curve.factor * per)).collect(),
        spacing: Some(step as f64),
    }
}
