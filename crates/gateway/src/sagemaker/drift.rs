//! One monitor's features over time: distances from CloudWatch where they were published, else from the reports in S3;
//! distributions always from the reports.

use aws_sdk_sagemaker::types::{MonitoringScheduleConfig, MonitoringType};
use bytes::Bytes;
use mldeck_core::{
    drift::{self, Inputs, Report, Unreadable},
    fault::{Fault, FaultKind},
    id::arn_tail,
    resource::monitor::{DriftDetail, MonitorRun},
    text::Text,
    time::Timestamp,
};

use super::{doing, monitor};
use crate::{Gateway, lanes, pace::Service};

/// Executions whose reports are read when CloudWatch has no distances: a day of an hourly monitor.
const REPORTS: usize = 24;
const PAGES: usize = 5;
/// Reports up to this size are kept in memory.
const KEPT: usize = 512 * 1024;
const STATISTICS: &str = "statistics.json";
/// AWS spells it both ways.
const VIOLATIONS: [&str; 2] = ["constraint_violations.json", "constraints_violations.json"];

/// Where the files of the baseline are.
#[derive(Default)]
struct Baseline {
    statistics: Option<String>,
    constraints: Option<String>,
}

impl Gateway {
    pub(crate) async fn drift(
        &self,
        monitor: &Text,
        endpoint: Option<&Text>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<DriftDetail, Fault> {
        let (executions, curves, baseline) = tokio::join!(
            self.monitoring_executions(Some(monitor), from, Some(to), PAGES),
            self.published_distances(monitor, from, to),
            self.baseline(monitor)
        );
        let executions = executions?;
        let mut inputs = Inputs {
            monitor: monitor.clone(),
            endpoint: endpoint.cloned(),
            runs: executions.iter().map(monitor::run).collect(),
            ..Inputs::default()
        };
        inputs.curves = curves.unwrap_or_else(|fault| gap(&mut inputs.gaps, "distances in CloudWatch", &fault));
        let baseline = baseline.unwrap_or_else(|fault| gap(&mut inputs.gaps, "where the baseline is", &fault));
        self.read_baseline(&baseline, &mut inputs).await;
        let published = !inputs.curves.is_empty();
        inputs.source = Text::new(if published { "CloudWatch" } else { "S3 reports" });
        let mut finished: Vec<MonitorRun> =
            inputs.runs.iter().filter(|run| run.status.as_str().starts_with("Completed")).cloned().collect();
        finished.sort_by_key(|run| std::cmp::Reverse(run.scheduled));
        finished.truncate(if published { 1 } else { REPORTS });
        let reports = lanes::four(&finished, |index| self.report(&finished[index])).await;
        for (report, gaps) in reports {
            inputs.reports.extend(report);
            inputs.gaps.extend(gaps);
        }
        Ok(drift::detail(inputs))
    }

    async fn baseline(&self, monitor: &Text) -> Result<Baseline, Fault> {
        let clients = self.clients();
        let call = clients.sagemaker.describe_monitoring_schedule().monitoring_schedule_name(monitor.raw());
        let what = doing("DescribeMonitoringSchedule", "reading a monitoring schedule");
        let said = self.read(Service::SageMaker, what, call.send()).await?;
        let Some(config) = said.monitoring_schedule_config() else { return Ok(Baseline::default()) };
        if let Some(inline) = config.monitoring_job_definition().and_then(|job| job.baseline_config()) {
            return Ok(Baseline {
                statistics: inline.statistics_resource().and_then(|found| found.s3_uri()).map(str::to_owned),
                constraints: inline.constraints_resource().and_then(|found| found.s3_uri()).map(str::to_owned),
            });
        }
        self.baseline_of_definition(config, said.monitoring_type()).await
    }

    async fn baseline_of_definition(
        &self,
        config: &MonitoringScheduleConfig,
        kind: Option<&MonitoringType>,
    ) -> Result<Baseline, Fault> {
        let clients = self.clients();
        let Some(name) = config.monitoring_job_definition_name() else { return Ok(Baseline::default()) };
        match config.monitoring_type().or(kind) {
            Some(MonitoringType::ModelQuality) => {
                let call = clients.sagemaker.describe_model_quality_job_definition().job_definition_name(name);
                let what = doing("DescribeModelQualityJobDefinition", "reading a monitor's definition");
                let said = self.read(Service::SageMaker, what, call.send()).await?;
                let found = said.model_quality_baseline_config().and_then(|baseline| baseline.constraints_resource());
                let constraints = found.and_then(|found| found.s3_uri()).map(str::to_owned);
                Ok(Baseline { statistics: None, constraints })
            }
            // Bias and attribution monitors write analyses of another form, without statistics.
            Some(MonitoringType::ModelBias | MonitoringType::ModelExplainability) => Ok(Baseline::default()),
            _ => {
                let call = clients.sagemaker.describe_data_quality_job_definition().job_definition_name(name);
                let what = doing("DescribeDataQualityJobDefinition", "reading a monitor's definition");
                let said = self.read(Service::SageMaker, what, call.send()).await?;
                let Some(baseline) = said.data_quality_baseline_config() else { return Ok(Baseline::default()) };
                Ok(Baseline {
                    statistics: baseline.statistics_resource().and_then(|found| found.s3_uri()).map(str::to_owned),
                    constraints: baseline.constraints_resource().and_then(|found| found.s3_uri()).map(str::to_owned),
                })
            }
        }
    }

    async fn read_baseline(&self, baseline: &Baseline, inputs: &mut Inputs) {
        if let Some(uri) = &baseline.statistics {
            let read = self.parsed(uri, drift::parse_statistics).await;
            inputs.baseline = read.unwrap_or_else(|fault| gap(&mut inputs.gaps, "the baseline's statistics", &fault));
        }
        if let Some(uri) = &baseline.constraints {
            let read = self.parsed(uri, drift::parse_constraints).await;
            inputs.constraints = read.unwrap_or_else(|fault| gap(&mut inputs.gaps, "the constraints", &fault));
        }
    }

    /// One execution's files, and what of them could not be read.
    async fn report(&self, run: &MonitorRun) -> (Option<Report>, Vec<Text>) {
        let mut gaps = Vec::new();
        let when = format!("{} {}", run.scheduled.date(), run.scheduled.hm());
        let prefix = match self.report_prefix(run).await {
            Ok(Some(prefix)) => prefix,
            Ok(None) => return (None, gaps),
            Err(fault) => {
                gap::<()>(&mut gaps, &format!("where the report of {when} is"), &fault);
                return (None, gaps);
            }
        };
        let prefix = prefix.trim_end_matches('/');
        let statistics = self.parsed(&format!("{prefix}/{STATISTICS}"), drift::parse_statistics).await;
        let statistics =
            statistics.unwrap_or_else(|fault| gap(&mut gaps, &format!("the statistics of {when}"), &fault));
        let mut violations = Vec::new();
        // Without violations there is no file.
        let wanted = if run.status == "CompletedWithViolations" { &VIOLATIONS[..] } else { &[] };
        for (left, name) in (0..wanted.len()).rev().zip(wanted) {
            match self.parsed(&format!("{prefix}/{name}"), drift::parse_violations).await {
                Ok(Some(found)) => {
                    violations = found;
                    break;
                }
                Ok(None) if left > 0 => {}
                Ok(None) => gaps.push(Text::new(&format!("the violations of {when}: not found"))),
                Err(fault) => {
                    gap::<()>(&mut gaps, &format!("the violations of {when}"), &fault);
                    break;
                }
            }
        }
        (Some(Report { at: run.scheduled, statistics, violations }), gaps)
    }

    /// Where the execution's processing job wrote; asked once, as it has ended.
    async fn report_prefix(&self, run: &MonitorRun) -> Result<Option<String>, Fault> {
        let Some(arn) = &run.job_arn else { return Ok(None) };
        if let Some(prefix) = self.memory.prefixes.get(arn.as_str()) {
            return Ok(prefix);
        }
        let call = self.clients().sagemaker.describe_processing_job().processing_job_name(arn_tail(arn.as_str()));
        let what = doing("DescribeProcessingJob", "reading a monitoring job");
        let said = self.read(Service::SageMaker, what, call.send()).await?;
        let outputs = said.processing_output_config().map(|config| config.outputs()).unwrap_or_default();
        let prefix = outputs.iter().find_map(|output| output.s3_output()?.s3_uri()).map(str::to_owned);
        self.memory.prefixes.put(arn.as_str(), prefix.clone());
        Ok(prefix)
    }

    /// `None` when the object is not there.
    async fn parsed<T>(&self, uri: &str, parse: fn(&[u8]) -> Result<T, Unreadable>) -> Result<Option<T>, Fault> {
        let bytes: Bytes = match self.memory.reports.get(uri) {
            Some(bytes) => bytes,
            None => match self.object(uri).await {
                Err(fault) if fault.kind == FaultKind::Missing => return Ok(None),
                Err(fault) => return Err(fault),
                Ok(bytes) => {
                    if bytes.len() <= KEPT {
                        self.memory.reports.put(uri, bytes.clone());
                    }
                    bytes
                }
            },
        };
        let unreadable = |why: Unreadable| Fault::new(FaultKind::Unreadable, "reading a report", &why.to_string());
        parse(&bytes).map(Some).map_err(unreadable)
    }
}

/// Names what is missing and goes on without it.
fn gap<T: Default>(gaps: &mut Vec<Text>, what: &str, fault: &Fault) -> T {
    gaps.push(Text::new(&format!("{what}: {}", fault.kind.brief())));
    T::default()
}
