//! The last log lines of a step whose container failed.

use mldeck_core::time::{SECOND, Timestamp};

use super::{
    execution::{Execution, Trouble},
    steps::{Step, StepKind, processing_name},
};
use crate::world::World;

/// The log of one container.
struct Log {
    group: &'static str,
    stream: String,
    lines: Vec<(Timestamp, String)>,
}

/// What a failed container said; `None` when none ran.
fn log(execution: &Execution, step: &Step) -> Option<Log> {
    let failure = step.failure.as_ref().filter(|_| execution.trouble != Some(Trouble::Quota))?;
    let run = execution.run(step.start);
    let (group, job, boot) = match step.kind {
        StepKind::Training => ("/aws/sagemaker/TrainingJobs", run.name(), 180),
        StepKind::Processing => ("/aws/sagemaker/ProcessingJobs", processing_name(execution, step), 30),
        _ => return None,
    };
    let began = step.start.plus(boot * SECOND);
    let stream = format!("{job}/algo-1-{}", began.secs());
    let mut lines = vec![
        (began, format!("INFO reading {}", run.channel("test"))),
        (
            began.plus(4 * SECOND),
            format!("INFO {} features, data of {}", execution.family().features.len(), run.data_date()),
        ),
    ];
    let last = step.end.plus(-2 * SECOND);
    let trace = failure.split('"').any(|part| part.starts_with("Traceback"));
    if trace {
        let from = failure.find("Traceback").unwrap_or(0);
        let to = failure.rfind("\"\nCommand").unwrap_or(failure.len());
        lines.extend(failure[from..to].lines().map(|line| (last, line.to_owned())));
    } else if execution.trouble == Some(Trouble::OutOfMemory) {
        lines.push((last, "Killed".to_owned()));
    } else {
        return None;
    }
    Some(Log { group, stream, lines })
}

/// Keeps the log of a step that failed by now.
pub(super) fn keep(world: &mut World, index: u32) {
    let Some(execution) = world.pipelines.get(index) else { return };
    let plan = execution.plan(world);
    let found: Vec<_> = plan.steps.iter().filter_map(|step| log(execution, step)).collect();
    for Log { group, stream, lines } in found {
        for (at, text) in lines {
            world.logs.put(group, &stream, at, text);
        }
    }
}
