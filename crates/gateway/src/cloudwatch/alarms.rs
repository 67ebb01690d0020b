//! Alarms: metric, composite, metric math.

use aws_sdk_cloudwatch::types::{AlarmType, CompositeAlarm, Dimension, MetricAlarm};
use mldeck_core::{
    fault::Fault,
    resource::{Alarm, alarm::AlarmState},
    text::Text,
};

use serde_json::json;

use super::{doing, plain};
use crate::{Gateway, maybe, maybe_time, pace::Service, text};

const PAGES: usize = 50;
/// Names that one DescribeAlarms takes.
const NAMES: usize = 100;

impl Gateway {
    pub(crate) async fn alarms(&self) -> Result<Vec<Alarm>, Fault> {
        self.describe_alarms(None).await
    }

    pub(crate) async fn alarms_named(&self, names: &[Text]) -> Result<Vec<Alarm>, Fault> {
        let mut out = Vec::new();
        for chunk in names.chunks(NAMES) {
            out.extend(self.describe_alarms(Some(chunk.iter().map(Text::raw).collect())).await?);
        }
        Ok(out)
    }

    async fn describe_alarms(&self, names: Option<Vec<String>>) -> Result<Vec<Alarm>, Fault> {
        let doing = doing("DescribeAlarms", "reading alarms");
        let (mut out, mut token) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let call = self
                .clients()
                .cloudwatch
                .describe_alarms()
                .alarm_types(AlarmType::MetricAlarm)
                .alarm_types(AlarmType::CompositeAlarm)
                .set_alarm_names(names.clone())
                .max_records(100)
                .set_next_token(token.clone());
            let (page, next) = match self.read(Service::CloudWatch, doing, call.send()).await {
                Ok(page) => {
                    let metrics = page.metric_alarms().iter().map(metric);
                    let all = metrics.chain(page.composite_alarms().iter().map(composite)).collect();
                    (all, page.next_token.filter(|token| !token.is_empty()))
                }
                Err(fault) => {
                    let mut input = json!({"AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100});
                    if let Some(names) = &names {
                        input["AlarmNames"] = json!(names);
                    }
                    let page = self.in_json(doing, &plain::with_token(input, token.as_deref()), fault).await?;
                    (plain::alarms(&page), plain::token(&page))
                }
            };
            out.extend(page);
            token = next;
            if token.is_none() {
                break;
            }
        }
        Ok(out)
    }
}

fn metric(alarm: &MetricAlarm) -> Alarm {
    let of_math = alarm.metrics().iter().filter_map(|query| query.metric_stat()?.metric());
    let mut dimensions: Vec<(Text, Text)> =
        alarm.dimensions().iter().chain(of_math.flat_map(|metric| metric.dimensions())).map(dimension).collect();
    let mut seen = std::collections::HashSet::new();
    dimensions.retain(|dimension| seen.insert(dimension.clone()));
    let actions = [alarm.alarm_actions(), alarm.ok_actions(), alarm.insufficient_data_actions()];
    Alarm {
        name: text(alarm.alarm_name()),
        arn: text(alarm.alarm_arn()),
        state: AlarmState::parse(alarm.state_value().map_or("", |state| state.as_str())),
        since: maybe_time(alarm.state_transitioned_timestamp().or_else(|| alarm.state_updated_timestamp())),
        reason: text(alarm.state_reason()),
        metric: alarm.namespace().zip(alarm.metric_name()).map(|(space, name)| (Text::new(space), Text::new(name))),
        dimensions,
        rule: None,
        threshold: alarm.threshold(),
        comparison: alarm.comparison_operator().map(|operator| Text::new(operator.as_str())),
        period_secs: alarm.period().map(i64::from),
        evaluation_periods: alarm.evaluation_periods().map(i64::from),
        // Absent means on.
        has_actions: alarm.actions_enabled().unwrap_or(true) && actions.iter().any(|actions| !actions.is_empty()),
    }
}

fn dimension(dimension: &Dimension) -> (Text, Text) {
    (text(dimension.name()), text(dimension.value()))
}

fn composite(alarm: &CompositeAlarm) -> Alarm {
    let actions = [alarm.alarm_actions(), alarm.ok_actions(), alarm.insufficient_data_actions()];
    Alarm {
        name: text(alarm.alarm_name()),
        arn: text(alarm.alarm_arn()),
        state: AlarmState::parse(alarm.state_value().map_or("", |state| state.as_str())),
        since: maybe_time(alarm.state_transitioned_timestamp().or_else(|| alarm.state_updated_timestamp())),
        reason: text(alarm.state_reason()),
        metric: None,
        dimensions: Vec::new(),
        rule: maybe(alarm.alarm_rule()),
        threshold: None,
        comparison: None,
        period_secs: None,
        evaluation_periods: None,
        has_actions: alarm.actions_enabled().unwrap_or(true) && actions.iter().any(|actions| !actions.is_empty()),
    }
}
