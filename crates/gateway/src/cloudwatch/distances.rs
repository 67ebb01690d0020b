//! Distances that Model Monitor published as metrics: `feature_baseline_drift_<feature>`.
//!
//! Documents disagree about the namespace and the dimensions, so both are discovered.

use aws_sdk_cloudwatch::types::Metric as SdkMetric;
use mldeck_core::{fault::Fault, text::Text, time::Timestamp};

use serde_json::json;

use super::{Metric, PAGES, doing, plain};
use crate::{Gateway, pace::Service};

const NAMESPACES: &[&str] = &[
    "aws/sagemaker/Endpoints/data-metrics",
    "/aws/sagemaker/Endpoints/data-metrics",
    "/aws/sagemaker/Endpoints/data-metric",
    "aws/sagemaker/ModelMonitoring/data-metrics",
    "/aws/sagemaker/ModelMonitoring/data-metrics",
];
const PREFIX: &str = "feature_baseline_drift_";
/// Dimensions that name the schedule, by document.
const SCHEDULE: &[&str] = &["MonitoringSchedule", "ScheduleName"];

impl Gateway {
    /// Feature and its distances, oldest first; empty when nothing was published for the schedule.
    pub(crate) async fn published_distances(
        &self,
        monitor: &Text,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Text, Vec<(Timestamp, f64)>)>, Fault> {
        for namespace in NAMESPACES {
            let metrics = self.drift_metrics(namespace, monitor).await?;
            if metrics.is_empty() {
                continue;
            }
            let data = self.metric_data(&metrics, from, to).await?;
            let feature = |metric: &Metric| Text::new(metric.name.strip_prefix(PREFIX).unwrap_or(&metric.name));
            return Ok(metrics.iter().map(feature).zip(data).filter(|(_, points)| !points.is_empty()).collect());
        }
        Ok(Vec::new())
    }

    async fn drift_metrics(&self, namespace: &str, monitor: &Text) -> Result<Vec<Metric>, Fault> {
        let doing = doing("ListMetrics", "looking for drift metrics");
        let (mut out, mut token) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let call = self.clients().cloudwatch.list_metrics().namespace(namespace).set_next_token(token.clone());
            let (page, next) = match self.read(Service::CloudWatch, doing, call.send()).await {
                Ok(page) => (page.metrics().iter().map(named).collect(), page.next_token.filter(|t| !t.is_empty())),
                Err(fault) => {
                    let input = plain::with_token(json!({"Namespace": namespace}), token.as_deref());
                    let page = self.in_json(doing, &input, fault).await?;
                    (plain::names(&page), plain::token(&page))
                }
            };
            for (name, dimensions) in page {
                let ours =
                    dimensions.iter().any(|(key, value)| SCHEDULE.contains(&key.as_str()) && *value == monitor.raw());
                if ours && name.starts_with(PREFIX) {
                    let namespace = namespace.to_owned();
                    out.push(Metric { namespace, name, dimensions, stat: "Average", period: 3_600 });
                }
            }
            token = next;
            if token.is_none() {
                break;
            }
        }
        Ok(out)
    }
}

/// Name and dimensions.
fn named(metric: &SdkMetric) -> (String, Vec<(String, String)>) {
    let pairs = metric.dimensions().iter().filter_map(|pair| Some((pair.name()?.to_owned(), pair.value()?.to_owned())));
    (metric.metric_name().unwrap_or_default().to_owned(), pairs.collect())
}
