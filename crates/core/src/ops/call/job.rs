//! Requests about jobs and monitoring schedules.

use serde_json::{Value, json};

use super::{Action, Call, PLAN_ID, copy};
use crate::{ops::target::Kind, text::Text};

/// The Stop operation of a kind of job; `None` for what has none.
pub fn stop_job(kind: Kind, name: &Text) -> Option<Call> {
    let action = match kind {
        Kind::TrainingJob => Action::StopTrainingJob,
        Kind::ProcessingJob => Action::StopProcessingJob,
        Kind::TransformJob => Action::StopTransformJob,
        Kind::TuningJob => Action::StopHyperParameterTuningJob,
        Kind::AutoMlJob => Action::StopAutoMLJob,
        Kind::CompilationJob => Action::StopCompilationJob,
        Kind::LabelingJob => Action::StopLabelingJob,
        Kind::HumanLoop => return Some(super::stop_review(name)),
        _ => return None,
    };
    Some(Call::new(action, json!({ kind.parameter(): name.raw() })))
}

/// Starts or stops a monitoring schedule.
pub fn schedule(name: &Text, start: bool) -> Call {
    let action = if start { Action::StartMonitoringSchedule } else { Action::StopMonitoringSchedule };
    Call::new(action, json!({ Kind::MonitoringSchedule.parameter(): name.raw() }))
}

/// `<schedule>-now`: what the name of a single run of a schedule begins with.
pub fn now_stem(schedule: &Text) -> String {
    format!("{}-now", copy::stem(&schedule.raw(), 4))
}

/// CreateMonitoringSchedule of a schedule that runs once, now, over the last `hours`, with the jobs of `described`: AWS
/// has no call that runs a schedule out of its time.
pub fn run_monitor(schedule: &Text, described: &Value, hours: u8) -> Option<Call> {
    let mut config = described.get("MonitoringScheduleConfig")?.clone();
    let members = config.as_object_mut()?;
    // Described with both, and taken with one of them only.
    if members.get("MonitoringJobDefinitionName").is_some_and(Value::is_string) {
        members.remove("MonitoringJobDefinition");
    }
    members.insert(
        "ScheduleConfig".into(),
        json!({
            "ScheduleExpression": "NOW", "DataAnalysisStartTime": format!("-PT{hours}H"), "DataAnalysisEndTime": "-PT0H",
        }),
    );
    let body = json!({
        Kind::MonitoringSchedule.parameter(): format!("{}-{PLAN_ID}", now_stem(schedule)),
        "MonitoringScheduleConfig": config,
    });
    Some(Call::new(Action::CreateMonitoringSchedule, body))
}

pub fn delete_schedule(name: &str) -> Call {
    Call::new(Action::DeleteMonitoringSchedule, json!({ Kind::MonitoringSchedule.parameter(): name }))
}
