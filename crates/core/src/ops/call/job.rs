//! Requests about jobs and monitoring schedules.

use serde_json::json;

use super::{Action, Call};
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
        _ => return None,
    };
    Some(Call::new(action, json!({ kind.parameter(): name.raw() })))
}

/// Starts or stops a monitoring schedule.
pub fn schedule(name: &Text, start: bool) -> Call {
    let action = if start { Action::StartMonitoringSchedule } else { Action::StopMonitoringSchedule };
    Call::new(action, json!({ Kind::MonitoringSchedule.parameter(): name.raw() }))
}
