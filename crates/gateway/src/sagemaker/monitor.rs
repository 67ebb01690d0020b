//! Monitoring schedules with their newest executions and alerts.

use std::collections::{HashMap, HashSet};

use aws_sdk_sagemaker::types::{
    MonitoringAlertHistorySortKey, MonitoringAlertStatus, MonitoringExecutionSortKey, MonitoringExecutionSummary,
    MonitoringScheduleSummary, SortOrder,
};
use mldeck_core::{
    drift,
    fault::{Fault, FaultKind},
    resource::{
        Monitor,
        monitor::{MonitorKind, MonitorRun},
    },
    text::Text,
    time::{DAY, HOUR, Timestamp},
};

use super::{PAGE, doing};
use crate::{Gateway, lanes, maybe, pace::Service, sdk_time, text, time};

const PAGES: usize = 10;
/// Every schedule runs at least daily.
const WINDOW: i64 = 25 * HOUR;
const ALERT_WINDOW: i64 = 30 * DAY;

impl Gateway {
    pub(crate) async fn monitors(&self) -> Result<Vec<Monitor>, Fault> {
        let (schedules, newest, alerts) = tokio::join!(self.schedules(), self.newest_executions(), self.alerts());
        let schedules = schedules?;
        let newest = newest.unwrap_or_else(|fault| lost(&fault));
        let alerts = alerts.unwrap_or_else(|fault| lost(&fault));
        let intervals = lanes::four(&schedules, |index| self.interval(&schedules[index])).await;
        let rows = schedules.iter().zip(intervals);
        Ok(rows.map(|(schedule, interval)| monitor(schedule, interval, &newest, &alerts)).collect())
    }

    /// Those of one endpoint. What their executions say is what they are asked for: without them it is a failure.
    pub(crate) async fn monitors_of(&self, endpoint: &Text) -> Result<Vec<Monitor>, Fault> {
        let mut schedules = self.schedules().await?;
        schedules.retain(|schedule| schedule.endpoint_name() == Some(endpoint.raw().as_str()));
        if schedules.is_empty() {
            return Ok(Vec::new());
        }
        let newest = self.newest_executions().await?;
        let intervals = lanes::four(&schedules, |index| self.interval(&schedules[index])).await;
        let nothing = HashSet::new();
        let rows = schedules.iter().zip(intervals);
        Ok(rows.map(|(schedule, interval)| monitor(schedule, interval, &newest, &nothing)).collect())
    }

    async fn schedules(&self) -> Result<Vec<MonitoringScheduleSummary>, Fault> {
        let (mut out, mut token) = (Vec::new(), None);
        for _ in 0..PAGES {
            let call = self.clients().sagemaker.list_monitoring_schedules().max_results(PAGE).set_next_token(token);
            let what = doing("ListMonitoringSchedules", "listing monitoring schedules");
            let page = self.read(Service::SageMaker, what, call.send()).await?;
            token = page.next_token.filter(|token| !token.is_empty());
            out.extend(page.monitoring_schedule_summaries.unwrap_or_default());
            if token.is_none() {
                break;
            }
        }
        Ok(out)
    }

    /// The newest execution by schedule: the list spans the account.
    async fn newest_executions(&self) -> Result<HashMap<String, MonitorRun>, Fault> {
        let mut newest = HashMap::new();
        let after = self.now().plus(-WINDOW);
        for execution in self.monitoring_executions(None, after, None, PAGES).await? {
            let name = execution.monitoring_schedule_name().unwrap_or_default().to_owned();
            newest.entry(name).or_insert_with(|| run(&execution));
        }
        Ok(newest)
    }

    /// Newest first.
    pub(crate) async fn monitoring_executions(
        &self,
        schedule: Option<&Text>,
        after: Timestamp,
        before: Option<Timestamp>,
        pages: usize,
    ) -> Result<Vec<MonitoringExecutionSummary>, Fault> {
        let (mut out, mut token) = (Vec::new(), None);
        for _ in 0..pages {
            // By creation: the one filter that bounds the walk.
            let call = self
                .clients()
                .sagemaker
                .list_monitoring_executions()
                .set_monitoring_schedule_name(schedule.map(Text::raw))
                .creation_time_after(sdk_time(after))
                .set_creation_time_before(before.map(sdk_time))
                .sort_by(MonitoringExecutionSortKey::CreationTime)
                .sort_order(SortOrder::Descending)
                .max_results(PAGE)
                .set_next_token(token);
            let what = doing("ListMonitoringExecutions", "listing monitoring executions");
            let page = self.read(Service::SageMaker, what, call.send()).await?;
            token = page.next_token.filter(|token| !token.is_empty());
            out.extend(page.monitoring_execution_summaries.unwrap_or_default());
            if token.is_none() {
                break;
            }
        }
        Ok(out)
    }

    /// Schedules with an alert whose newest change was into alert.
    async fn alerts(&self) -> Result<HashSet<String>, Fault> {
        let mut newest: HashMap<(String, String), bool> = HashMap::new();
        let mut token = None;
        for _ in 0..PAGES {
            let call = self
                .clients()
                .sagemaker
                .list_monitoring_alert_history()
                .creation_time_after(sdk_time(self.now().plus(-ALERT_WINDOW)))
                .sort_by(MonitoringAlertHistorySortKey::CreationTime)
                .sort_order(SortOrder::Descending)
                .max_results(PAGE)
                .set_next_token(token);
            let what = doing("ListMonitoringAlertHistory", "listing monitoring alerts");
            let page = self.read(Service::SageMaker, what, call.send()).await?;
            for alert in page.monitoring_alert_history() {
                let schedule = alert.monitoring_schedule_name().unwrap_or_default().to_owned();
                let name = alert.monitoring_alert_name().unwrap_or_default().to_owned();
                let firing = alert.alert_status() == Some(&MonitoringAlertStatus::InAlert);
                newest.entry((schedule, name)).or_insert(firing);
            }
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        Ok(newest.into_iter().filter(|(_, firing)| *firing).map(|((schedule, _), _)| schedule).collect())
    }

    /// Milliseconds between two executions: asked again only after the schedule changed.
    async fn interval(&self, schedule: &MonitoringScheduleSummary) -> Option<i64> {
        let name = schedule.monitoring_schedule_name()?;
        let key = format!("{name} {}", time(schedule.last_modified_time()).millis());
        if let Some(interval) = self.memory.intervals.get(&key) {
            return interval;
        }
        let call = self.clients().sagemaker.describe_monitoring_schedule().monitoring_schedule_name(name);
        let what = doing("DescribeMonitoringSchedule", "reading a monitoring schedule");
        let said = self.read(Service::SageMaker, what, call.send()).await.ok()?;
        let config = said.monitoring_schedule_config().and_then(|config| config.schedule_config());
        let interval = config.and_then(|config| drift::interval(config.schedule_expression().unwrap_or_default()));
        self.memory.intervals.put(&key, interval);
        interval
    }
}

fn monitor(
    schedule: &MonitoringScheduleSummary,
    interval: Option<i64>,
    newest: &HashMap<String, MonitorRun>,
    alerts: &HashSet<String>,
) -> Monitor {
    let name = schedule.monitoring_schedule_name().unwrap_or_default();
    Monitor {
        name: Text::new(name),
        arn: text(schedule.monitoring_schedule_arn()),
        endpoint: maybe(schedule.endpoint_name()),
        kind: MonitorKind::parse(schedule.monitoring_type().map_or("", |kind| kind.as_str())),
        schedule_status: Text::new(schedule.monitoring_schedule_status().map_or("", |status| status.as_str())),
        last: newest.get(name).cloned(),
        interval,
        in_alert: alerts.contains(name),
    }
}

/// Executions and alerts are what a schedule can be shown without; that they are missing is said in the log.
fn lost<T: Default>(fault: &Fault) -> T {
    if !matches!(fault.kind, FaultKind::NotOffered { .. }) {
        tracing::warn!(%fault, "monitors without it");
    }
    T::default()
}

pub(crate) fn run(execution: &MonitoringExecutionSummary) -> MonitorRun {
    MonitorRun {
        scheduled: time(execution.scheduled_time()),
        modified: time(execution.last_modified_time()),
        status: Text::new(execution.monitoring_execution_status().map_or("", |status| status.as_str())),
        failure: maybe(execution.failure_reason()),
        job_arn: maybe(execution.processing_job_arn()),
    }
}
