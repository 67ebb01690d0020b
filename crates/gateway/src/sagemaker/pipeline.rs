//! Pipeline executions: the feed of all pipelines, and one execution's steps, graph and parameters.

use aws_sdk_sagemaker::types::{
    Parameter, PipelineExecution, PipelineExecutionStep, PipelineExecutionStepMetadata, PipelineExecutionSummary,
    PipelineSummary, ResourceType, SortOrder, SortPipelineExecutionsBy,
};
use mldeck_core::{
    fault::{Fault, FaultKind},
    graph::{Dag, definition},
    id::arn_tail,
    mask,
    resource::{
        Execution,
        execution::{ExecutionDetail, ExecutionStatus, PipelineStep, StepStatus},
    },
    text::Text,
    time::Timestamp,
};

use super::{PAGE, Query, doing, person};
use crate::{Gateway, lanes, maybe, maybe_time, memory::Pairs, pace::Service, sdk_time, time};

const PAGES: usize = 10;

impl Gateway {
    pub(crate) async fn executions(&self, since: Timestamp) -> Result<Vec<Execution>, Fault> {
        let query = Query {
            resource: ResourceType::PipelineExecution,
            by: "LastModifiedTime",
            since: Some(since),
            words: "finding pipeline executions",
        };
        let (what, now) = (query.resource.as_str(), self.now());
        if self.sight.is_blind(what, now) {
            return self.executions_by_pipeline(since).await;
        }
        match self.search(&query, PAGES).await {
            Ok(records) if !records.is_empty() => {
                self.sight.found(what);
                Ok(records.iter().filter_map(|record| record.pipeline_execution()).map(from_search).collect())
            }
            Ok(_) if self.sight.doubts(what, now) => {
                // Who may not list is not refused for it: Search has answered.
                let rows = self.executions_by_pipeline(since).await.unwrap_or_default();
                self.sight.compared(what, now, !rows.is_empty());
                Ok(rows)
            }
            Ok(_) => Ok(Vec::new()),
            Err(fault) if matches!(fault.kind, FaultKind::NotOffered { .. }) => {
                self.executions_by_pipeline(since).await
            }
            Err(fault) => Err(fault),
        }
    }

    /// Every pipeline that ran since then, one page each. An execution that began earlier and changed since is missed:
    /// lists cannot be asked for that.
    async fn executions_by_pipeline(&self, since: Timestamp) -> Result<Vec<Execution>, Fault> {
        let (mut names, mut token) = (Vec::new(), None);
        for _ in 0..PAGES {
            let call = self.clients().sagemaker.list_pipelines().max_results(PAGE).set_next_token(token);
            let page = self.read(Service::SageMaker, doing("ListPipelines", "listing pipelines"), call.send()).await?;
            let ran = |pipeline: &&PipelineSummary| {
                maybe_time(pipeline.last_execution_time()).is_none_or(|last| last >= since)
            };
            let recent = page.pipeline_summaries().iter().filter(ran);
            names.extend(recent.filter_map(|pipeline| pipeline.pipeline_name()).map(str::to_owned));
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        let pages = lanes::four(&names, |index| {
            let name = &names[index];
            async move {
                let call = self
                    .clients()
                    .sagemaker
                    .list_pipeline_executions()
                    .pipeline_name(name)
                    .created_after(sdk_time(since))
                    .sort_by(SortPipelineExecutionsBy::CreationTime)
                    .sort_order(SortOrder::Descending)
                    .max_results(PAGE);
                let what = doing("ListPipelineExecutions", "listing pipeline executions");
                self.read(Service::SageMaker, what, call.send()).await
            }
        })
        .await;
        let mut rows = Vec::new();
        for (name, page) in names.iter().zip(pages) {
            rows.extend(page?.pipeline_execution_summaries().iter().map(|summary| from_list(summary, name)));
        }
        rows.sort_by_key(|row: &Execution| std::cmp::Reverse(row.started));
        Ok(rows)
    }

    pub(crate) async fn execution(&self, arn: &Text, settled: bool) -> Result<ExecutionDetail, Fault> {
        if let Some(detail) = self.memory.executions.get(arn.as_str()) {
            return Ok(detail);
        }
        let (steps, graph, parameters) =
            tokio::join!(self.steps(arn), self.definition_graph(arn), self.execution_parameters(arn));
        let steps = steps?;
        // A graph or parameters that cannot be read leave the steps standing, and are asked for again.
        let complete = graph.is_ok() && parameters.is_ok();
        let detail = ExecutionDetail {
            arn: arn.clone(),
            steps,
            graph: graph.unwrap_or_default(),
            parameters: parameters.unwrap_or_default(),
        };
        if settled && complete {
            self.memory.executions.put(arn.as_str(), detail.clone());
        }
        Ok(detail)
    }

    async fn steps(&self, arn: &Text) -> Result<Vec<PipelineStep>, Fault> {
        let (mut steps, mut token) = (Vec::new(), None);
        for _ in 0..PAGES {
            let call = self
                .clients()
                .sagemaker
                .list_pipeline_execution_steps()
                .pipeline_execution_arn(arn.raw())
                .sort_order(SortOrder::Ascending)
                .max_results(PAGE)
                .set_next_token(token);
            let what = doing("ListPipelineExecutionSteps", "listing steps");
            let page = self.read(Service::SageMaker, what, call.send()).await?;
            steps.extend(page.pipeline_execution_steps().iter().map(step));
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        Ok(steps)
    }

    async fn definition_graph(&self, arn: &Text) -> Result<Dag, Fault> {
        if let Some(graph) = self.memory.graphs.get(arn.as_str()) {
            return Ok(graph);
        }
        let call =
            self.clients().sagemaker.describe_pipeline_definition_for_execution().pipeline_execution_arn(arn.raw());
        let what = doing("DescribePipelineDefinitionForExecution", "reading a pipeline's definition");
        let said = self.read(Service::SageMaker, what, call.send()).await?;
        let graph = definition::graph(said.pipeline_definition().unwrap_or_default());
        self.memory.graphs.put(arn.as_str(), graph.clone());
        Ok(graph)
    }

    async fn execution_parameters(&self, arn: &Text) -> Result<Pairs, Fault> {
        if let Some(parameters) = self.memory.parameters.get(arn.as_str()) {
            return Ok(parameters);
        }
        let (mut out, mut token) = (Vec::new(), None);
        for _ in 0..PAGES {
            let call = self
                .clients()
                .sagemaker
                .list_pipeline_parameters_for_execution()
                .pipeline_execution_arn(arn.raw())
                .max_results(PAGE)
                .set_next_token(token);
            let what = doing("ListPipelineParametersForExecution", "reading parameters");
            let page = self.read(Service::SageMaker, what, call.send()).await?;
            out.extend(parameters(page.pipeline_parameters()));
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        self.memory.parameters.put(arn.as_str(), out.clone());
        Ok(out)
    }
}

fn parameters(parameters: &[Parameter]) -> Pairs {
    let pair = |parameter: &Parameter| {
        let name = parameter.name().unwrap_or_default();
        (Text::new(name), mask::value(name, parameter.value().unwrap_or_default()))
    };
    parameters.iter().map(pair).collect()
}

/// `…:pipeline/<name>/execution/<id>`: the name is lower-cased there, and Search gives no other.
fn pipeline_of(arn: &str) -> &str {
    let path = arn.split_once(":pipeline/").map_or("", |(_, path)| path);
    path.split('/').next().unwrap_or_default()
}

fn from_search(execution: &PipelineExecution) -> Execution {
    let arn = execution.pipeline_execution_arn().unwrap_or_default();
    let status = execution.pipeline_execution_status().map_or("", |status| status.as_str());
    let from_pipeline = execution.pipeline_arn().map(pipeline_of).filter(|name| !name.is_empty());
    Execution {
        id: Text::new(arn_tail(arn)),
        arn: Text::new(arn),
        pipeline: Text::new(from_pipeline.unwrap_or_else(|| pipeline_of(arn))),
        display_name: maybe(execution.pipeline_execution_display_name()),
        status: ExecutionStatus::parse(status),
        failure: maybe(execution.failure_reason()),
        started: time(execution.creation_time()),
        modified: time(execution.last_modified_time().or_else(|| execution.creation_time())),
        by: person(execution.created_by()),
        parameters: parameters(execution.pipeline_parameters()),
    }
}

fn from_list(summary: &PipelineExecutionSummary, pipeline: &str) -> Execution {
    let arn = summary.pipeline_execution_arn().unwrap_or_default();
    let status = summary.pipeline_execution_status().map_or("", |status| status.as_str());
    Execution {
        id: Text::new(arn_tail(arn)),
        arn: Text::new(arn),
        pipeline: Text::new(pipeline),
        display_name: maybe(summary.pipeline_execution_display_name()),
        status: ExecutionStatus::parse(status),
        failure: maybe(summary.pipeline_execution_failure_reason()),
        started: time(summary.start_time()),
        modified: time(summary.start_time()),
        by: None,
        parameters: Vec::new(),
    }
}

fn step(step: &PipelineExecutionStep) -> PipelineStep {
    let made = step.metadata().and_then(made);
    PipelineStep {
        name: crate::text(step.step_name()),
        status: StepStatus::parse(step.step_status().map_or("", |status| status.as_str())),
        started: maybe_time(step.start_time()),
        ended: maybe_time(step.end_time()),
        failure: maybe(step.failure_reason()),
        attempts: step.attempt_count().map_or(0, i64::from),
        cached: step.cache_hit_result().is_some(),
        made: made.as_ref().map(|(kind, _)| Text::new(kind)),
        target: made
            .and_then(|(_, target)| target.filter(|target| !target.is_empty()).map(|target| Text::new(&target))),
    }
}

/// Which member of the metadata is set, and its ARN or outcome.
fn made(metadata: &PipelineExecutionStepMetadata) -> Option<(&'static str, Option<String>)> {
    let owned = |arn: Option<&str>| arn.map(str::to_owned);
    let found = [
        metadata.training_job().map(|made| ("TrainingJob", owned(made.arn()))),
        metadata.processing_job().map(|made| ("ProcessingJob", owned(made.arn()))),
        metadata.transform_job().map(|made| ("TransformJob", owned(made.arn()))),
        metadata.tuning_job().map(|made| ("TuningJob", owned(made.arn()))),
        metadata.auto_ml_job().map(|made| ("AutoMLJob", owned(made.arn()))),
        metadata.model().map(|made| ("Model", owned(made.arn()))),
        metadata.register_model().map(|made| ("RegisterModel", owned(made.arn()))),
        metadata.condition().map(|made| ("Condition", made.outcome().map(|outcome| outcome.as_str().to_owned()))),
        metadata.callback().map(|made| ("Callback", owned(made.sqs_queue_url()))),
        metadata.lambda().map(|made| ("Lambda", owned(made.arn()))),
        metadata.emr().map(|made| ("EMR", owned(made.cluster_id()))),
        metadata.quality_check().map(|made| ("QualityCheck", owned(made.check_job_arn()))),
        metadata.clarify_check().map(|made| ("ClarifyCheck", owned(made.check_job_arn()))),
        metadata.fail().map(|made| ("Fail", owned(made.error_message()))),
        metadata.endpoint().map(|made| ("Endpoint", owned(made.arn()))),
        metadata.endpoint_config().map(|made| ("EndpointConfig", owned(made.arn()))),
    ];
    found.into_iter().flatten().next()
}
