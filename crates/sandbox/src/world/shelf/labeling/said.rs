//! What a job and its people say: metrics and logs.

use mldeck_core::time::Timestamp;
use serde_json::json;

use super::{Crew, Job, reference, work::How};
use crate::world::{
    World, estate,
    metric::{Key, Point},
    noise,
};

const JOBS: &str = "/aws/sagemaker/LabelingJobs";
const WORKERS: &str = "/aws/sagemaker/groundtruth/WorkerActivity";
/// Lines of one minute in the log of what workers do.
const LINES: u32 = 12;

/// A worker's id: sixteen hexadecimal digits.
pub(in crate::world::shelf) fn worker(team: &str, person: u32) -> String {
    format!("{:016x}", noise::hash(&[noise::name(team), u64::from(person)]))
}

fn put(world: &mut World, namespace: &str, name: &str, dimensions: &[(&str, &str)], at: Timestamp, value: f64) {
    world.metrics.put(Key::new(namespace, name, dimensions), Point { at, value, count: 1.0 });
}

fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

fn line(world: &mut World, arn: &str, event: &str, message: &str, at: Timestamp) {
    let name = name_of(arn);
    let text = json!({"labeling-job-name": name, "event-name": event, "event-log-message": message});
    world.logs.put(JOBS, name, at, text.to_string());
}

pub(super) fn begun(world: &mut World, arn: &str, job: &Job, at: Timestamp) {
    match &job.failure {
        Some(why) => line(world, arn, "LABELING_JOB_FAILED", why, at),
        None => line(world, arn, "LABELING_JOB_STARTED", &format!("{} data objects.", job.total()), at),
    }
}

/// The counters, when they have moved.
pub(super) fn progress(world: &mut World, arn: &str, at: Timestamp) {
    let Some(job) = world.shelf.labeling.jobs.get(arn) else { return };
    if job.runs.last().is_none_or(|run| at.since(run.at) > 10 * mldeck_core::time::MINUTE) {
        return;
    }
    let (human, machine, expired) = (job.human, job.machine, job.expired);
    let lost = job.runs.iter().rev().take_while(|run| run.at == at).any(|run| run.how == How::Expired);
    for (name, value) in [
        ("DatasetObjectsHumanAnnotated", human),
        ("DatasetObjectsAutoAnnotated", machine),
        ("DatasetObjectsLabelingFailed", expired),
        ("TotalDatasetObjectsLabeled", human + machine),
    ] {
        put(world, "AWS/SageMaker", name, &[("LabelingJobName", name_of(arn))], at, f64::from(value));
    }
    if lost {
        let message = format!(
            "Annotation tasks expired; {expired} data objects were not annotated within TaskAvailabilityLifetimeInSeconds."
        );
        line(world, arn, "ANNOTATION_TASKS_EXPIRED", &message, at);
    }
}

pub(super) fn over(world: &mut World, arn: &str, state: &str, at: Timestamp) {
    let (metric, event) = match state {
        "Completed" => ("JobsSucceeded", "LABELING_JOB_COMPLETED"),
        "Stopped" => ("JobsStopped", "LABELING_JOB_STOPPED"),
        _ => ("JobsFailed", "LABELING_JOB_FAILED"),
    };
    put(world, "AWS/SageMaker", metric, &[("LabelingJobName", name_of(arn))], at, 1.0);
    let Some(job) = world.shelf.labeling.jobs.get(arn) else { return };
    let message = job.failure.clone().unwrap_or_else(|| {
        format!("{} labeled by humans, {} by machines, {} failed.", job.human, job.machine, job.expired)
    });
    line(world, arn, event, &message, at);
}

/// What a team did in a minute.
pub(super) fn shift(world: &mut World, crew: &Crew, jobs: &[String], submitted: f64, at: Timestamp) {
    let working = crew.at_work(at);
    if working == 0 || submitted <= 0.0 {
        return;
    }
    // Whole tasks; what is left over counts in a later minute.
    let parts = world.shelf.labeling.parts.entry(crew.arn.clone()).or_default();
    *parts += submitted;
    let tasks = parts.floor();
    *parts -= tasks;
    let dimensions = [("Workforce", crew.force.as_str()), ("Workteam", crew.name.as_str())];
    for (name, value) in [
        ("ActiveWorkers", f64::from(working)),
        ("TasksAccepted", tasks),
        ("TasksSubmitted", tasks),
        ("TimeSpent", f64::from(working) * 60.0),
    ] {
        put(world, "AWS/SageMaker/Workteam", name, &dimensions, at, value);
    }
    let stream = format!("aws/sagemaker/groundtruth/worker-activity/{}-{}/1", estate::ACCOUNT, estate::REGION);
    for n in 0..(tasks as u32).min(LINES) {
        let Some(arn) = jobs.get(n as usize % jobs.len().max(1)) else { return };
        let person = noise::hash(&[at.millis() as u64, u64::from(n)]) as u32 % working;
        let text = json!({
            "worker_id": worker(&crew.arn, person),
            "task_submitted_time": at.iso(),
            "workteam_arn": crew.arn,
            "labeling_job_arn": arn,
            "work_requester_account_id": estate::ACCOUNT,
            "job_reference_code": reference(arn),
            "job_type": crew.kind(),
            "event_type": "TasksSubmitted",
            "event_timestamp": at.secs().to_string(),
        });
        world.logs.put(WORKERS, &stream, at, text.to_string());
    }
}
