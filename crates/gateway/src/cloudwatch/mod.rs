//! CloudWatch: metrics in few, batched, aligned requests; alarms.

use aws_sdk_cloudwatch::types::{
    Dimension, Metric as SdkMetric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy,
};
use mldeck_core::{
    fault::Fault,
    text::Text,
    time::{DAY, HOUR, MINUTE, Timestamp},
};

use crate::{Gateway, fault::Doing, pace::Service, sdk_time, time};

mod alarms;
mod distances;
mod measure;
mod plain;
mod series;
mod vitals;

/// Queries that one GetMetricData takes.
const QUERIES: usize = 500;
const PAGES: usize = 20;

const fn doing(operation: &'static str, words: &'static str) -> Doing {
    Doing { prefix: "cloudwatch", operation, words }
}

/// One metric with one statistic.
#[derive(Clone, Debug)]
struct Metric {
    namespace: String,
    name: String,
    dimensions: Vec<(String, String)>,
    stat: &'static str,
    /// Seconds.
    period: i32,
}

const ENDPOINTS: &str = "AWS/SageMaker";

impl Metric {
    fn of_variant(name: &str, endpoint: &Text, variant: &Text, stat: &'static str, period: i32) -> Self {
        let dimensions = vec![("EndpointName".to_owned(), endpoint.raw()), ("VariantName".to_owned(), variant.raw())];
        Self { namespace: ENDPOINTS.to_owned(), name: name.to_owned(), dimensions, stat, period }
    }

    fn query(&self, index: usize) -> MetricDataQuery {
        let dimensions =
            self.dimensions.iter().map(|(name, value)| Dimension::builder().name(name).value(value).build()).collect();
        let metric = SdkMetric::builder()
            .namespace(&self.namespace)
            .metric_name(&self.name)
            .set_dimensions(Some(dimensions))
            .build();
        let stat = MetricStat::builder().metric(metric).period(self.period).stat(self.stat).build();
        MetricDataQuery::builder().id(format!("m{index}")).metric_stat(stat).return_data(true).build()
    }
}

/// Time and value, oldest first.
type Points = Vec<(Timestamp, f64)>;

impl Gateway {
    /// The points of each metric in `[from, to)`, in the order of `metrics`.
    async fn metric_data(&self, metrics: &[Metric], from: Timestamp, to: Timestamp) -> Result<Vec<Points>, Fault> {
        let mut out: Vec<Points> = vec![Vec::new(); metrics.len()];
        for (chunk, metrics) in metrics.chunks(QUERIES).enumerate() {
            let first = chunk * QUERIES;
            let queries: Vec<MetricDataQuery> =
                metrics.iter().enumerate().map(|(offset, metric)| metric.query(first + offset)).collect();
            self.watch.calls.metrics_requested(self.now(), queries.len());
            let mut token = None;
            for _ in 0..PAGES {
                let (page, next) = self.data_page(&queries, metrics, first, (from, to), token).await?;
                for (index, points) in page {
                    if let Some(all) = index.and_then(|index| out.get_mut(index)) {
                        all.extend(points);
                    }
                }
                token = next;
                if token.is_none() {
                    break;
                }
            }
        }
        for points in &mut out {
            points.sort_by_key(|(at, _)| *at);
            points.dedup_by_key(|(at, _)| *at);
        }
        Ok(out)
    }

    /// One page: points by index of their metric, and where it goes on.
    async fn data_page(
        &self,
        queries: &[MetricDataQuery],
        metrics: &[Metric],
        first: usize,
        (from, to): (Timestamp, Timestamp),
        token: Option<String>,
    ) -> Result<(Vec<(Option<usize>, Points)>, Option<String>), Fault> {
        let doing = doing("GetMetricData", "reading metrics");
        let call = self
            .clients()
            .cloudwatch
            .get_metric_data()
            .set_metric_data_queries(Some(queries.to_vec()))
            .start_time(sdk_time(from))
            .end_time(sdk_time(to))
            .scan_by(ScanBy::TimestampAscending)
            .set_next_token(token.clone());
        match self.read(Service::CloudWatch, doing, call.send()).await {
            Ok(page) => {
                let points = |result: &MetricDataResult| {
                    let times = result.timestamps().iter().map(|at| time(Some(at)));
                    (index(result.id()), times.zip(result.values().iter().copied()).collect())
                };
                let found = page.metric_data_results().iter().map(points).collect();
                Ok((found, page.next_token.filter(|token| !token.is_empty())))
            }
            Err(fault) => {
                let input = plain::data_request(metrics, first, from, to, token.as_deref());
                let page = self.in_json(doing, &input, fault).await?;
                Ok((plain::data(&page), plain::token(&page)))
            }
        }
    }
}

fn index(id: Option<&str>) -> Option<usize> {
    id?.strip_prefix('m')?.parse().ok()
}

/// The end of the newest minute that CloudWatch has whole: the one before the last.
const fn whole_minute(now: Timestamp) -> Timestamp {
    now.plus(-MINUTE).floor(MINUTE)
}

/// Seconds per point: what CloudWatch still keeps for `from`, and at most some hundreds of points.
const fn period(from: Timestamp, to: Timestamp, now: Timestamp) -> i32 {
    let (span, old) = (to.since(from), now.since(from));
    if old > 63 * DAY || span > 15 * DAY {
        3_600
    } else if old > 15 * DAY || span > DAY {
        900
    } else if span > 3 * HOUR {
        300
    } else {
        60
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_end_at_a_whole_minute_and_coarsen_with_age() {
        let now = Timestamp::parse("2026-11-23T02:11:30Z").expect("a time");
        assert_eq!(whole_minute(now).iso(), "2026-11-23T02:10:00Z");
        let cases = [(HOUR, 60), (3 * HOUR, 60), (DAY, 300), (7 * DAY, 900), (30 * DAY, 3_600)];
        for (span, expected) in cases {
            assert_eq!(period(now.plus(-span), now, now), expected, "{span}");
        }
        assert_eq!(period(now.plus(-20 * DAY), now.plus(-20 * DAY + HOUR), now), 900);
    }
}
