//! Members of responses: executions, schedules and alerts as several operations show them.

use mldeck_core::time::Timestamp;
use serde_json::{Value, json};

use super::{
    BUCKET, Schedule, capture,
    execution::Execution,
    table::{Kind, PLANS, Plan},
};
use crate::world::{World, epoch, estate, lists::without_nulls};

pub(crate) fn schedule_arn(name: &str) -> String {
    estate::arn("sagemaker", &format!("monitoring-schedule/{name}"))
}

/// `MonitoringExecutionSummary`.
pub(super) fn execution(execution: &Execution<'_>, at: Timestamp) -> Value {
    let plan = &execution.schedule.plan;
    without_nulls(json!({
        "MonitoringScheduleName": plan.name,
        "ScheduledTime": epoch(execution.scheduled),
        "CreationTime": epoch(execution.created()),
        "LastModifiedTime": epoch(execution.modified(at)),
        "MonitoringExecutionStatus": execution.status(at),
        "ProcessingJobArn": execution.job_arn(),
        "EndpointName": plan.endpoint(),
        "FailureReason": execution.failure(at),
        "MonitoringJobDefinitionName": execution.schedule.definition(),
        "MonitoringType": plan.kind.as_str(),
    }))
}

/// `MonitoringScheduleConfig`: job definition inline, as the deck needs its S3 paths.
pub(super) fn config(schedule: &Schedule) -> Value {
    if let Some((config, _)) = &schedule.given {
        let mut config = config.clone();
        config["MonitoringType"] = schedule.plan.kind.as_str().into();
        return config;
    }
    let plan = &schedule.plan;
    json!({
        "ScheduleConfig": {"ScheduleExpression": plan.cron()},
        "MonitoringJobDefinitionName": plan.definition(),
        "MonitoringType": plan.kind.as_str(),
        "MonitoringJobDefinition": definition(plan),
    })
}

fn definition(plan: &Plan) -> Value {
    let home = format!("s3://{BUCKET}/{}", plan.endpoint);
    let analyzer = super::change::image(plan.kind);
    let problem = (plan.kind == Kind::ModelQuality).then_some("BinaryClassification");
    json!({
        "BaselineConfig": {
            "ConstraintsResource": {"S3Uri": format!("{home}/baseline/constraints.json")},
            "StatisticsResource": {"S3Uri": format!("{home}/baseline/statistics.json")},
        },
        "MonitoringInputs": [{"EndpointInput": {
            "EndpointName": plan.endpoint(),
            "LocalPath": "/opt/ml/processing/input/endpoint",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        }}],
        "MonitoringOutputConfig": {"MonitoringOutputs": [{"S3Output": {
            "S3Uri": home,
            "LocalPath": "/opt/ml/processing/output",
            "S3UploadMode": "EndOfJob",
        }}]},
        "MonitoringResources": {"ClusterConfig": {
            "InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30,
        }},
        "MonitoringAppSpecification": {"ImageUri": analyzer},
        "StoppingCondition": {"MaxRuntimeInSeconds": 1_800},
        "Environment": without_nulls(json!({"publish_cloudwatch_metrics": "Enabled", "problem_type": problem})),
        "RoleArn": estate::EXECUTION_ROLE,
    })
}

/// The calls that made the job definitions which the account's schedules name.
pub(crate) fn definitions() -> Vec<(&'static str, Value)> {
    let made = PLANS.iter().map(|plan| {
        let all = definition(plan);
        let (operation, word) = match plan.kind {
            Kind::ModelQuality => ("CreateModelQualityJobDefinition", "ModelQuality"),
            _ => ("CreateDataQualityJobDefinition", "DataQuality"),
        };
        let mut input = all["MonitoringInputs"][0].clone();
        let mut baseline = all["BaselineConfig"].clone();
        let mut app = json!({
            "ImageUri": all["MonitoringAppSpecification"]["ImageUri"],
            "Environment": {"publish_cloudwatch_metrics": "Enabled"},
        });
        if plan.kind == Kind::ModelQuality {
            app["ProblemType"] = "BinaryClassification".into();
            // Its constraints are all that such a baseline names.
            baseline = json!({"ConstraintsResource": baseline["ConstraintsResource"]});
            input["EndpointInput"]["ProbabilityAttribute"] = "0".into();
            input["EndpointInput"]["ProbabilityThresholdAttribute"] = 0.5.into();
            input["GroundTruthS3Input"] = json!({"S3Uri": capture::labels(&plan.endpoint)});
        }
        let body = json!({
            "JobDefinitionName": plan.definition(),
            format!("{word}BaselineConfig"): baseline,
            format!("{word}AppSpecification"): app,
            format!("{word}JobInput"): input,
            format!("{word}JobOutputConfig"): all["MonitoringOutputConfig"],
            "JobResources": all["MonitoringResources"],
            "StoppingCondition": all["StoppingCondition"],
            "RoleArn": all["RoleArn"],
        });
        (operation, body)
    });
    made.collect()
}

/// `MonitoringScheduleSummary`.
pub(super) fn schedule(schedule: &Schedule) -> Value {
    let plan = &schedule.plan;
    without_nulls(json!({
        "MonitoringScheduleName": plan.name,
        "MonitoringScheduleArn": schedule_arn(&plan.name),
        "CreationTime": epoch(schedule.created),
        "LastModifiedTime": epoch(schedule.modified),
        "MonitoringScheduleStatus": schedule.status(),
        "EndpointName": plan.endpoint(),
        "MonitoringJobDefinitionName": schedule.definition(),
        "MonitoringType": plan.kind.as_str(),
    }))
}

/// `MonitoringSchedule`, as DescribeMonitoringSchedule and Search show it.
pub(super) fn full(world: &World, index: usize, at: Timestamp) -> Value {
    let Some(schedule) = world.monitors.schedules.get(index) else {
        return Value::Null;
    };
    let plan = &schedule.plan;
    let last = world.last_execution(index, at, false).map(|last| execution(&last, at));
    without_nulls(json!({
        "MonitoringScheduleArn": schedule_arn(&plan.name),
        "MonitoringScheduleName": plan.name,
        "MonitoringScheduleStatus": schedule.status(),
        "MonitoringType": plan.kind.as_str(),
        "CreationTime": epoch(schedule.created),
        "LastModifiedTime": epoch(schedule.modified),
        "MonitoringScheduleConfig": config(schedule),
        "EndpointName": plan.endpoint(),
        "LastMonitoringExecutionSummary": last,
    }))
}

/// The alert follows the newest executions that judged: so many of so many.
pub(super) fn alert_changes(world: &World, index: usize, at: Timestamp) -> Vec<(Timestamp, &'static str)> {
    let mut changes: Vec<(Timestamp, &'static str)> = Vec::new();
    let (points, periods) = world.monitors.schedules.get(index).map_or((1, 1), |schedule| schedule.alert);
    let mut last = std::collections::VecDeque::new();
    for execution in world.executions(index, at).into_iter().filter(|e| e.is_over(at) && e.rows() > 0) {
        last.push_front(execution.verdict().violated);
        last.truncate(periods);
        let state = if last.iter().filter(|violated| **violated).count() >= points { "InAlert" } else { "OK" };
        if changes.last().map_or("OK", |(_, last)| *last) != state {
            changes.push((execution.ended(), state));
        }
    }
    changes
}

/// `MonitoringAlertSummary`.
pub(super) fn alert(world: &World, index: usize, at: Timestamp) -> Value {
    let Some(schedule) = world.monitors.schedules.get(index) else {
        return Value::Null;
    };
    // The newest judgement decides: no need to look through the whole history.
    let (points, periods) = schedule.alert;
    let judged = world.executions(index, at).into_iter().rev().filter(|e| e.is_over(at) && e.rows() > 0).take(periods);
    let judged: Vec<_> = judged.collect();
    let is_violated = judged.iter().filter(|execution| execution.verdict().violated).count() >= points;
    json!({
        "MonitoringAlertName": schedule.plan.alert(),
        "CreationTime": epoch(schedule.created),
        "LastModifiedTime": epoch(judged.first().map_or(schedule.created, Execution::ended)),
        "AlertStatus": if is_violated { "InAlert" } else { "OK" },
        "DatapointsToAlert": points,
        "EvaluationPeriod": periods,
        "Actions": {"ModelDashboardIndicator": {"Enabled": true}},
    })
}

/// `ModelDashboardModel.MonitoringSchedules` of one endpoint.
pub(crate) fn dashboard(world: &World, endpoint: &str, at: Timestamp) -> Vec<Value> {
    of_endpoint(world, endpoint)
        .map(|index| {
            let mut entry = full(world, index, at);
            entry["MonitoringAlertSummaries"] = json!([alert(world, index, at)]);
            entry
        })
        .collect()
}

/// `Endpoint.MonitoringSchedules` in Search.
pub(crate) fn inline(world: &World, endpoint: &str, at: Timestamp) -> Vec<Value> {
    of_endpoint(world, endpoint).map(|index| full(world, index, at)).collect()
}

fn of_endpoint(world: &World, endpoint: &str) -> impl Iterator<Item = usize> {
    let schedules = world.monitors.schedules.iter().enumerate();
    schedules
        .filter(move |(_, schedule)| schedule.is_current() && schedule.plan.endpoint == endpoint)
        .map(|(index, _)| index)
}

/// `DescribeProcessingJob` of an execution.
pub(crate) fn processing_job(execution: &Execution<'_>, at: Timestamp) -> Value {
    let plan = &execution.schedule.plan;
    let status = execution.status(at);
    let is_over = execution.is_over(at);
    let (from, to) = execution.window();
    let own = execution.schedule.given.as_ref().map(|(_, home)| home.clone());
    let home = own.unwrap_or_else(|| format!("s3://{BUCKET}"));
    let job_status = match status {
        "Failed" => "Failed",
        "Completed" | "CompletedWithViolations" => "Completed",
        _ => "InProgress",
    };
    let exit = match status {
        "Completed" => Some("Completed: Job completed successfully with no violations."),
        "CompletedWithViolations" => Some("CompletedWithViolations: Job completed successfully with violations."),
        _ => None,
    };
    let inputs: Vec<Value> = (1..)
        .zip(capture::inputs(execution))
        .map(|(n, (of, uri))| {
            json!({
                "InputName": format!("{of}_input_{n}"), "AppManaged": false,
                "S3Input": {
                    "S3Uri": uri, "LocalPath": format!("/opt/ml/processing/input/{of}/{n}"),
                    "S3DataType": "S3Prefix", "S3InputMode": "File",
                },
            })
        })
        .collect();
    let mut environment = definition(plan)["Environment"].clone();
    environment["dataset_format"] = json!("{\"sagemakerCaptureJson\":{\"captureIndexNames\":[\"endpointInput\"]}}");
    environment["start_time"] = json!(from.iso());
    environment["end_time"] = json!(to.iso());
    without_nulls(json!({
        "ProcessingJobName": execution.job(),
        "ProcessingJobArn": execution.job_arn(),
        "ProcessingJobStatus": job_status,
        "ExitMessage": exit,
        "FailureReason": execution.failure(at),
        "CreationTime": epoch(execution.created()),
        "ProcessingStartTime": epoch(execution.created()),
        "ProcessingEndTime": is_over.then(|| epoch(execution.ended())),
        "LastModifiedTime": epoch(execution.modified(at)),
        "MonitoringScheduleArn": schedule_arn(&plan.name),
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {"Outputs": [{
            "OutputName": "result", "AppManaged": false,
            "S3Output": {
                "S3Uri": format!("{home}/{}", execution.prefix().trim_end_matches('/')),
                "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob",
            },
        }]},
        "ProcessingResources": definition(plan)["MonitoringResources"].clone(),
        "AppSpecification": {"ImageUri": definition(plan)["MonitoringAppSpecification"]["ImageUri"].clone()},
        "StoppingCondition": {"MaxRuntimeInSeconds": 1_800},
        "Environment": environment,
        "RoleArn": estate::EXECUTION_ROLE,
    }))
}
