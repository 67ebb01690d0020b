//! Runs: training jobs and trial components, and their metric curves.

use std::collections::HashMap;

use aws_sdk_sagemaker::types::{
    Channel, ResourceType, SearchRecord, TrainingJob, TrialComponent, TrialComponentParameterValue,
};
use aws_sdk_sagemakermetrics::types::{MetricQuery, MetricStatistic, Period, XAxisType};
use mldeck_core::{
    ask::RunRef,
    fault::{Fault, FaultKind},
    id::{self, arn_tail},
    mask,
    resource::{
        Run,
        run::{RunSource, RunStatus},
    },
    series::{Series, Unit},
    text::Text,
    time::Timestamp,
};

use super::{PAGE, Query, doing, person};
use crate::{Gateway, fault::Doing, maybe, maybe_time, pace::Service, sdk_time, text, tidy, time};

/// Queries that one BatchGetMetrics takes.
const CURVES: usize = 100;
/// Marks a part of [`Ask::Runs`](mldeck_core::ask::Ask)'s `more` that has ended.
const ENDED: &str = "";

/// Where the two searches go on, or that they have ended.
#[derive(serde::Serialize, serde::Deserialize)]
struct More {
    /// Of the first page: a token is good with the parameters that it was given for, and the clock has gone on.
    since: Timestamp,
    jobs: Option<String>,
    components: Option<String>,
}

impl Gateway {
    /// One page of jobs and one of components, merged: SageMaker makes a component for every job, and both are one row.
    /// Over pages a run may come twice, once from each; both rows have the same name and ARN. With `more`, `since` is the one
    /// that `more` goes on from.
    pub(crate) async fn runs(&self, since: Timestamp, more: Option<&Text>) -> Result<(Vec<Run>, Option<Text>), Fault> {
        let ended = || more.map(|_| ENDED.to_owned());
        let More { since, jobs, components } = more
            .and_then(|more| serde_json::from_str(&more.raw()).ok())
            .unwrap_or_else(|| More { since, jobs: ended(), components: ended() });
        let (jobs, components) = tokio::join!(
            self.page_of(ResourceType::TrainingJob, since, jobs),
            self.page_of(ResourceType::ExperimentTrialComponent, since, components)
        );
        let (jobs, next_jobs) = match jobs {
            Err(fault) if matches!(fault.kind, FaultKind::NotOffered { .. }) => return self.listed_runs(since).await,
            jobs => jobs?,
        };
        // Components need a permission of their own; jobs are worth showing without them.
        let (components, next_components) = match components {
            Err(fault) if matches!(fault.kind, FaultKind::Denied { .. }) => (Vec::new(), ENDED.to_owned()),
            components => components?,
        };
        let mut rows: Vec<Run> = jobs.iter().filter_map(|record| record.training_job()).map(from_job).collect();
        merge(&mut rows, components.iter().filter_map(|record| record.trial_component()).filter_map(from_component));
        let ended = next_jobs == ENDED && next_components == ENDED;
        let more = More { since, jobs: Some(next_jobs), components: Some(next_components) };
        let more = serde_json::to_string(&more).ok().filter(|_| !ended);
        Ok((rows, more.map(|more| Text::new(&more))))
    }

    async fn page_of(
        &self,
        resource: ResourceType,
        since: Timestamp,
        token: Option<String>,
    ) -> Result<(Vec<SearchRecord>, String), Fault> {
        if token.as_deref() == Some(ENDED) {
            return Ok((Vec::new(), ENDED.to_owned()));
        }
        let query = Query { resource, by: "LastModifiedTime", since: Some(since), words: "finding runs" };
        let (what, now) = (query.resource.as_str(), self.now());
        let blind = self.sight.is_blind(what, now);
        if !blind {
            let begins = token.is_none();
            let (records, next) = self.search_page(&query, token).await?;
            if !records.is_empty() {
                self.sight.found(what);
            }
            if !begins || !records.is_empty() || !self.sight.doubts(what, now) {
                return Ok((records, next.unwrap_or_else(|| ENDED.to_owned())));
            }
        }
        // The newest, whenever they changed: a page, for the comparison or of an address that cannot compare.
        let newest = Query { resource: query.resource.clone(), since: None, ..query };
        let (mut records, _) = self.search_page(&newest, None).await?;
        records.retain(|record| changed(record) >= Some(since));
        if !blind {
            self.sight.compared(what, now, !records.is_empty());
        }
        Ok((records, ENDED.to_owned()))
    }

    /// Where Search is not offered: names and states only.
    async fn listed_runs(&self, since: Timestamp) -> Result<(Vec<Run>, Option<Text>), Fault> {
        let call = self
            .clients()
            .sagemaker
            .list_training_jobs()
            .creation_time_after(sdk_time(since))
            .sort_by(aws_sdk_sagemaker::types::SortBy::CreationTime)
            .sort_order(aws_sdk_sagemaker::types::SortOrder::Descending)
            .max_results(PAGE);
        let page =
            self.read(Service::SageMaker, doing("ListTrainingJobs", "listing training jobs"), call.send()).await?;
        let row = |job: &aws_sdk_sagemaker::types::TrainingJobSummary| Run {
            name: text(job.training_job_name()),
            arn: text(job.training_job_arn()),
            status: RunStatus::parse(job.training_job_status().map_or("", |status| status.as_str())),
            created: time(job.creation_time()),
            modified: time(job.last_modified_time().or_else(|| job.creation_time())),
            ended: maybe_time(job.training_end_time()),
            ..blank()
        };
        Ok((page.training_job_summaries().iter().map(row).collect(), None))
    }

    pub(crate) async fn run_series(&self, runs: &[RunRef]) -> Result<Vec<(Text, Vec<Series>)>, Fault> {
        let wanted: Vec<(&RunRef, &Text)> =
            runs.iter().flat_map(|run| run.metrics.iter().map(move |metric| (run, metric))).collect();
        let mut out: Vec<(Text, Vec<Series>)> = runs.iter().map(|run| (run.name.clone(), Vec::new())).collect();
        for chunk in wanted.chunks(CURVES) {
            let queries = chunk.iter().map(|(run, metric)| {
                MetricQuery::builder()
                    .metric_name(metric.raw())
                    .resource_arn(run.component_arn.as_ref().unwrap_or(&run.arn).raw())
                    .metric_stat(MetricStatistic::Avg)
                    .period(Period::IterationNumber)
                    .x_axis_type(XAxisType::IterationNumber)
                    .build()
            });
            let call = self.clients().metrics.batch_get_metrics().set_metric_queries(Some(queries.collect()));
            let what = Doing { prefix: "sagemaker", operation: "BatchGetMetrics", words: "reading metric curves" };
            let said = self.read(Service::Metrics, what, call.send()).await?;
            for ((run, metric), result) in chunk.iter().zip(said.metric_query_results()) {
                let points: Vec<(f64, f64)> = result
                    .x_axis_values()
                    .iter()
                    .zip(result.metric_values())
                    .map(|(step, value)| (*step as f64, *value))
                    .collect();
                if points.is_empty() {
                    continue;
                }
                let series = Series {
                    name: (*metric).clone(),
                    unit: Unit::None,
                    steps: true,
                    points: sorted(points),
                    spacing: None,
                };
                if let Some((_, list)) = out.iter_mut().find(|(name, _)| *name == run.name) {
                    list.push(series);
                }
            }
        }
        Ok(out)
    }
}

fn sorted(mut points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

fn blank() -> Run {
    Run {
        name: Text::default(),
        arn: Text::default(),
        component_arn: None,
        source: RunSource::TrainingJob,
        status: RunStatus::Other(Text::default()),
        failure: None,
        created: Timestamp::default(),
        modified: Timestamp::default(),
        ended: None,
        experiment: None,
        by: None,
        metrics: Vec::new(),
        parameters: Vec::new(),
        data: Vec::new(),
        image: None,
        instance: None,
    }
}

/// When a job or component changed last.
fn changed(record: &SearchRecord) -> Option<Timestamp> {
    let job = |job: &TrainingJob| maybe_time(job.last_modified_time().or_else(|| job.creation_time()));
    let component =
        |component: &TrialComponent| maybe_time(component.last_modified_time().or_else(|| component.creation_time()));
    record.training_job().and_then(job).or_else(|| record.trial_component().and_then(component))
}

fn from_job(job: &TrainingJob) -> Run {
    let mut metrics: Vec<(Text, f64)> = job
        .final_metric_data_list()
        .iter()
        .filter_map(|metric| Some((maybe(metric.metric_name())?, tidy(metric.value()?))))
        .collect();
    metrics.sort_by(|a, b| a.0.cmp(&b.0));
    let hyper = job.hyper_parameters().into_iter().flatten();
    let mut parameters: Vec<(Text, Text)> =
        hyper.map(|(key, value)| (Text::new(key), mask::value(key, unquoted(value)))).collect();
    parameters.sort();
    let instance = job.resource_config().and_then(|config| {
        let kind = config.instance_type()?.as_str();
        Some(Text::new(&match config.instance_count() {
            Some(count) if count > 1 => format!("{count} × {kind}"),
            _ => kind.to_owned(),
        }))
    });
    Run {
        name: text(job.training_job_name()),
        arn: text(job.training_job_arn()),
        status: RunStatus::parse(job.training_job_status().map_or("", |status| status.as_str())),
        failure: maybe(job.failure_reason()),
        created: time(job.creation_time()),
        modified: time(job.last_modified_time().or_else(|| job.creation_time())),
        ended: maybe_time(job.training_end_time()),
        experiment: job.experiment_config().and_then(|config| maybe(config.experiment_name())),
        metrics,
        parameters,
        data: job.input_data_config().iter().filter_map(channel).collect(),
        image: job
            .algorithm_specification()
            .and_then(|spec| maybe(spec.training_image()).or_else(|| maybe(spec.algorithm_name()))),
        instance,
        ..blank()
    }
}

/// The Python SDK writes strings as JSON: `"adam"` with its quotes.
fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

fn channel(channel: &Channel) -> Option<(Text, Text)> {
    let source = channel.data_source()?;
    let uri = source.s3_data_source().and_then(|s3| maybe(s3.s3_uri()))?;
    Some((text(channel.channel_name()), uri))
}

/// `None` for components of processing and transform jobs: those are no runs.
fn from_component(component: &TrialComponent) -> Option<Run> {
    let source_arn = component.source().and_then(|source| source.source_arn());
    let job = component.source_detail().and_then(|detail| detail.training_job());
    let of_a_job = source_arn.and_then(id::training_job).is_some();
    if source_arn.is_some() && !of_a_job && job.is_none() {
        return None;
    }
    let mut run = job.map_or_else(blank, from_job);
    if job.is_none() {
        let status = component.status().and_then(|status| status.primary_status()).map_or("", |status| status.as_str());
        let named = source_arn.filter(|_| of_a_job).map(arn_tail);
        run.name = named
            .map(Text::new)
            .or_else(|| maybe(component.run_name()))
            .or_else(|| maybe(component.trial_component_name()))?;
        run.arn = source_arn.filter(|_| of_a_job).map_or_else(|| text(component.trial_component_arn()), Text::new);
        run.source = if of_a_job { RunSource::TrainingJob } else { RunSource::TrialComponent };
        run.status = RunStatus::parse(status);
        run.failure = component
            .status()
            .and_then(|status| maybe(status.message()))
            .filter(|_| matches!(run.status, RunStatus::Failed));
        run.created = time(component.creation_time());
        run.modified = time(component.last_modified_time().or_else(|| component.creation_time()));
        run.ended = maybe_time(component.end_time());
    }
    run.component_arn = maybe(component.trial_component_arn());
    run.by = person(component.created_by());
    let parent = component.parents().iter().find_map(|parent| maybe(parent.experiment_name()));
    run.experiment = parent.or(run.experiment);
    add_logged(&mut run, component);
    Some(run)
}

/// Parameters, metrics and inputs that were logged to the component.
fn add_logged(run: &mut Run, component: &TrialComponent) {
    let mut parameters: HashMap<Text, Text> = run.parameters.drain(..).collect();
    for (key, value) in component.parameters().into_iter().flatten() {
        let shown = match value {
            TrialComponentParameterValue::NumberValue(number) => Text::new(&number.to_string()),
            TrialComponentParameterValue::StringValue(string) => mask::value(key, unquoted(string)),
            _ => continue,
        };
        // Of a job's component these are the job's own settings; its hyperparameters keep their spelling.
        if !key.starts_with("SageMaker.") {
            parameters.entry(Text::new(key)).or_insert(shown);
        }
    }
    run.parameters = parameters.into_iter().collect();
    run.parameters.sort();
    let mut metrics: HashMap<Text, f64> = run.metrics.drain(..).collect();
    for metric in component.metrics() {
        if let (Some(name), Some(last)) = (maybe(metric.metric_name()), metric.last()) {
            metrics.insert(name, last);
        }
    }
    run.metrics = metrics.into_iter().collect();
    run.metrics.sort_by(|a, b| a.0.cmp(&b.0));
    if run.data.is_empty() {
        let inputs = component.input_artifacts().into_iter().flatten();
        run.data = inputs
            .filter(|(name, artifact)| {
                !name.starts_with("SageMaker.") && artifact.value().is_some_and(|value| value.starts_with("s3://"))
            })
            .map(|(name, artifact)| (Text::new(name), text(artifact.value())))
            .collect();
        run.data.sort();
    }
}

/// A component's row into its job's row, which knows more of the job; else on its own.
fn merge(rows: &mut Vec<Run>, components: impl Iterator<Item = Run>) {
    let mut index: HashMap<String, usize> =
        rows.iter().enumerate().map(|(at, run)| (run.arn.as_str().to_ascii_lowercase(), at)).collect();
    for component in components {
        let key = component.arn.as_str().to_ascii_lowercase();
        let Some(run) = index.get(&key).and_then(|at| rows.get_mut(*at)) else {
            index.insert(key, rows.len());
            rows.push(component);
            continue;
        };
        run.component_arn = component.component_arn;
        run.by = component.by.or_else(|| run.by.take());
        run.experiment = component.experiment.or_else(|| run.experiment.take());
        for (name, value) in component.metrics {
            match run.metrics.iter_mut().find(|(key, _)| *key == name) {
                Some(known) => known.1 = value,
                None => run.metrics.push((name, value)),
            }
        }
        for (name, value) in component.parameters {
            if !run.parameters.iter().any(|(key, _)| *key == name) {
                run.parameters.push((name, value));
            }
        }
        if run.data.is_empty() {
            run.data = component.data;
        }
    }
    rows.sort_by_key(|run| std::cmp::Reverse(run.created));
}
