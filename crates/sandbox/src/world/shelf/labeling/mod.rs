//! Labeling jobs (Ground Truth): people of a work team label the objects of a manifest, at their pace and in their hours.
//!
//! A job's counters are where its people are; they come from nothing else. Its files are written when somebody looks.
//!
//! | file | subject |
//! |---|---|
//! | `crew`, `task` | who works when; what a task takes, and what its answers look like |
//! | `work` | one job: objects that are sent, labeled, given up |
//! | `manifest`, `output` | what it reads from S3, and what it leaves there |
//! | `said` | its metrics and logs |

mod crew;
mod manifest;
mod output;
mod said;
mod task;
mod work;

use std::collections::BTreeMap;

use mldeck_core::time::{DAY, HOUR, MINUTE, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    ApiError, Handler, Item, Reply, Request, World,
    kind::{Kind, text},
    life::{Life, STILL, Step, lasting, passing},
};
use crate::world::{epoch, estate, lists, noise};
pub(super) use crew::Crew;
pub(crate) use output::materialize;
pub(super) use said::worker;
use work::End;
pub(super) use work::Job;

pub(super) const OPERATIONS: &[(&str, Handler)] = &[("ListLabelingJobsForWorkteam", list_for_workteam)];

pub(super) const NOUN: &str = "LabelingJob";

pub(super) const KINDS: &[Kind] = &[Kind {
    made,
    told,
    ..Kind::new(
        NOUN,
        "ListLabelingJobs",
        "labeling-job",
        &["LabelingJobName"],
        "LabelingJobArn",
        Life {
            member: "LabelingJobStatus",
            create: &[passing("Initializing", 90), lasting("InProgress")],
            stop: &[passing("Stopping", 60), lasting("Stopped")],
            stop_from: &["Initializing", "InProgress"],
            delete: &[],
            ..STILL
        },
    )
}];

const COMPLETED: &[Step] = &[lasting("Completed")];
const FAILED: &[Step] = &[lasting("Failed")];
const STOPPED: &[Step] = &[lasting("Stopped")];

/// Tasks of Mechanical Turk stay open for half a day at most, those of others for thirty days.
const PUBLIC_LIFETIME: i64 = 12 * 3_600;
const LIFETIME: i64 = 30 * 86_400;

#[derive(Default)]
pub(crate) struct State {
    /// By ARN.
    jobs: BTreeMap<String, Job>,
    /// Parts of tasks that teams have answered and that were not counted yet, by team.
    parts: BTreeMap<String, f64>,
}

fn at<'v>(body: &'v Map<String, Value>, path: &[&str]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(body.get(*first)?, |value, member| value.get(*member))
}

fn text_at<'v>(body: &'v Map<String, Value>, path: &[&str]) -> &'v str {
    at(body, path).and_then(Value::as_str).unwrap_or_default()
}

fn number_at(body: &Map<String, Value>, path: &[&str]) -> Option<i64> {
    at(body, path)?.as_i64()
}

fn workteam(body: &Map<String, Value>) -> &str {
    text_at(body, &["HumanTaskConfig", "WorkteamArn"])
}

/// What the front end refuses; what lies in S3 it does not read.
fn made(world: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    let refuse = |message: String| Err(ApiError::validation(message));
    let attribute = text(body, "LabelAttributeName");
    if attribute.ends_with("-metadata") {
        return refuse(format!("LabelAttributeName {attribute} must not end with -metadata."));
    }
    let task = task::Task::of(body);
    if task.wants_ref && !attribute.ends_with("-ref") {
        return refuse(format!("LabelAttributeName {attribute} must end with -ref for a task of type {}.", task.name));
    }
    let ui = at(body, &["HumanTaskConfig", "UiConfig"]);
    if ui.and_then(Value::as_object).is_none_or(|ui| ui.len() != 1) {
        return refuse("Exactly one of UiTemplateS3Uri and HumanTaskUiArn must be given.".to_owned());
    }
    let source = at(body, &["InputConfig", "DataSource"]);
    if source.and_then(Value::as_object).is_none_or(|source| source.len() != 1) {
        return refuse("Exactly one of S3DataSource and SnsDataSource must be given.".to_owned());
    }
    check_team(world, body)
}

/// The work team is there, and what is asked of it is what its kind takes.
fn check_team(world: &World, body: &Map<String, Value>) -> Result<(), ApiError> {
    let team = workteam(body);
    let Some(crew) = Crew::of(world, team) else {
        return Err(ApiError::validation(format!("Work team {team} does not exist.")));
    };
    let lifetime = number_at(body, &["HumanTaskConfig", "TaskAvailabilityLifetimeInSeconds"]).unwrap_or(0);
    let most = if crew.is_public() { PUBLIC_LIFETIME } else { LIFETIME };
    if lifetime > most {
        return Err(ApiError::validation(format!(
            "TaskAvailabilityLifetimeInSeconds must be at most {most} for {team}."
        )));
    }
    if !crew.is_public() && at(body, &["HumanTaskConfig", "PublicWorkforceTaskPrice"]).is_some() {
        return Err(ApiError::validation("PublicWorkforceTaskPrice is for the public workforce only."));
    }
    let classifiers = at(body, &["InputConfig", "DataAttributes", "ContentClassifiers"]).and_then(Value::as_array);
    if crew.is_public() && classifiers.is_none_or(|all| all.len() < 2) {
        return Err(ApiError::validation(
            "The public workforce takes data only that is FreeOfPersonallyIdentifiableInformation and FreeOfAdultContent.",
        ));
    }
    Ok(())
}

fn told(world: &World, item: &Item, record: &mut Map<String, Value>) {
    let job = world.shelf.labeling.jobs.get(&item.arn);
    let told = |record: &mut Map<String, Value>, member: &str, value: Value| record.insert(member.to_owned(), value);
    told(record, "LabelCounters", job.map_or_else(|| Job::default().counters(), Job::counters));
    told(record, "JobReferenceCode", reference(&item.arn).into());
    told(record, "WorkteamArn", workteam(&item.body).into());
    for (member, path) in [
        ("PreHumanTaskLambdaArn", &["HumanTaskConfig", "PreHumanTaskLambdaArn"][..]),
        (
            "AnnotationConsolidationLambdaArn",
            &["HumanTaskConfig", "AnnotationConsolidationConfig", "AnnotationConsolidationLambdaArn"],
        ),
    ] {
        if let Some(arn) = at(&item.body, path).cloned() {
            told(record, member, arn);
        }
    }
    let tags = world.tags.list(&item.arn);
    if !tags.is_empty() {
        told(record, "Tags", tags.into());
    }
    if let Some(failure) = job.and_then(|job| job.failure.clone()) {
        told(record, "FailureReason", failure.into());
    }
    if job.is_some() && matches!(item.state, "Completed" | "Stopped") {
        told(record, "LabelingJobOutput", json!({"OutputDatasetS3Uri": output::dataset(&item.body)}));
    }
}

/// What vendors see of a job: the account, and letters of its own.
fn reference(arn: &str) -> String {
    format!("{}{}", estate::ACCOUNT, noise::digest(&[noise::name(arn)]).get(..16).unwrap_or_default())
}

fn list_for_workteam(world: &mut World, request: &Request<'_>) -> Reply {
    let team = request.text("WorkteamArn")?;
    if Crew::of(world, team).is_none() {
        return Err(ApiError::new(400, "ResourceNotFound", format!("Could not find work team \"{team}\".")));
    }
    let window = lists::Window::new(request, "CreationTimeAfter", "CreationTimeBefore");
    let part = request.opt_text("JobReferenceCodeContains").unwrap_or_default();
    let mut items: Vec<&Item> = world
        .shelf
        .of(NOUN)
        .filter(|item| workteam(&item.body).eq_ignore_ascii_case(team) && window.holds(item.created))
        .filter(|item| reference(&item.arn).contains(part))
        .collect();
    items.sort_by_key(|item| (item.created, &item.arn));
    if !lists::is_ascending(request)? {
        items.reverse();
    }
    let (page, next) = lists::page(&items, request)?;
    let rows = page.iter().map(|item| {
        let job = world.shelf.labeling.jobs.get(&item.arn);
        json!({
            "LabelingJobName": text(&item.body, "LabelingJobName"),
            "JobReferenceCode": reference(&item.arn),
            "WorkRequesterAccountId": estate::ACCOUNT,
            "CreationTime": epoch(item.created),
            "LabelCounters": job.map_or_else(|| Job::default().counters_of_team(), Job::counters_of_team),
            "NumberOfHumanWorkersPerDataObject":
                number_at(&item.body, &["HumanTaskConfig", "NumberOfHumanWorkersPerDataObject"]),
        })
    });
    Ok(lists::reply("LabelingJobSummaryList", rows.collect(), next))
}

/// A minute of work: jobs that begin, what the teams do, jobs that are over.
pub(super) fn advance(world: &mut World, to: Timestamp) {
    if to.floor(MINUTE) != to {
        return;
    }
    let going = |item: &&Item| item.state == "InProgress";
    let open: Vec<String> = world.shelf.of(NOUN).filter(going).map(|item| item.arn.clone()).collect();
    let mut teams: BTreeMap<String, Vec<String>> = super::loops::teams(world);
    for arn in open {
        if !world.shelf.labeling.jobs.contains_key(&arn) {
            begin(world, &arn, to);
        }
        if let Some(job) = world.shelf.labeling.jobs.get(&arn).filter(|job| job.failure.is_none()) {
            teams.entry(job.terms.team.clone()).or_default().push(arn);
        }
    }
    for (team, jobs) in teams {
        let crew = Crew::of(world, &team).unwrap_or_default();
        let working = crew.at_work(to);
        let busy = super::loops::work(world, &team, &crew, working, to);
        shift(world, &crew, &jobs, f64::from(working) - busy, to);
    }
    close(world);
}

/// What a team does for its jobs in the minute that ends now: who is at work is at all of them alike.
fn shift(world: &mut World, crew: &Crew, jobs: &[String], hands: f64, to: Timestamp) {
    let mut submitted = 0.0;
    for arn in jobs {
        let Some(job) = world.shelf.labeling.jobs.get_mut(arn) else { continue };
        let share = hands.max(0.0) / jobs.len() as f64;
        let (done, end) = job.minute(to, MINUTE, share, crew.members());
        submitted += done;
        touch(world, arn);
        said::progress(world, arn, to);
        if let Some(end) = end {
            finish(world, arn, end, to);
        }
    }
    said::shift(world, crew, jobs, submitted, to);
}

/// Its key is the last part of its ARN.
fn item_of<'w>(world: &'w mut World, arn: &str) -> Option<&'w mut Item> {
    world.shelf.item_mut(NOUN, arn.rsplit('/').next()?)
}

/// Reads the manifest; a job without one fails.
fn begin(world: &mut World, arn: &str, to: Timestamp) {
    let Some(body) = item_of(world, arn).map(|item| item.body.clone()) else { return };
    let job = match manifest::read(world, &body) {
        Ok(manifest) => Job::new(&body, manifest, to),
        Err(why) => Job::failed(why),
    };
    said::begun(world, arn, &job, to);
    let failed = job.failure.is_some();
    world.shelf.labeling.jobs.insert(arn.to_owned(), job);
    if failed {
        finish(world, arn, End::Failed, to);
    }
}

/// A job is modified when its counters are.
fn touch(world: &mut World, arn: &str) {
    let moved = world.shelf.labeling.jobs.get(arn).and_then(|job| job.runs.last()).map(|run| run.at);
    if let Some((item, moved)) = item_of(world, arn).zip(moved) {
        item.modified = item.modified.max(moved);
    }
}

fn finish(world: &mut World, arn: &str, end: End, to: Timestamp) {
    let steps = match end {
        End::Completed => COMPLETED,
        End::Stopped => STOPPED,
        End::Failed => FAILED,
    };
    if let Some(item) = item_of(world, arn) {
        item.go(to, steps, false);
    }
}

/// Says of jobs that are over that they are, however that came.
fn close(world: &mut World) {
    let over: Vec<(String, &'static str, Timestamp)> = world
        .shelf
        .of(NOUN)
        .filter(|item| matches!(item.state, "Completed" | "Failed" | "Stopped"))
        .filter(|item| world.shelf.labeling.jobs.get(&item.arn).is_some_and(|job| !job.closed))
        .map(|item| (item.arn.clone(), item.state, item.modified))
        .collect();
    for (arn, state, at) in over {
        if let Some(job) = world.shelf.labeling.jobs.get_mut(&arn) {
            job.closed = true;
        }
        said::over(world, &arn, state, at);
    }
}

/// Lets jobs of the past live until then: by the same rules, in larger steps, each as if its team had no other.
pub(super) fn relive(world: &mut World, to: Timestamp) {
    let going = world.shelf.of(NOUN).filter(|item| item.state == "InProgress");
    let going: Vec<(String, Timestamp)> = going.map(|item| (item.arn.clone(), item.modified)).collect();
    for (arn, since) in going {
        relive_one(world, &arn, since, to);
    }
    close(world);
}

const STRIDE: i64 = 10 * MINUTE;

fn relive_one(world: &mut World, arn: &str, since: Timestamp, to: Timestamp) -> Option<()> {
    if !world.shelf.labeling.jobs.contains_key(arn) {
        begin(world, arn, since.floor(STRIDE).plus(STRIDE));
    }
    let job = world.shelf.labeling.jobs.get(arn).filter(|job| job.failure.is_none())?;
    let mut at = job.lived.plus(STRIDE);
    let crew = Crew::of(world, &job.terms.team).unwrap_or_default();
    while at <= to {
        let job = world.shelf.labeling.jobs.get_mut(arn)?;
        let (_, end) = job.minute(at, STRIDE, f64::from(crew.at_work(at)), crew.members());
        if at.floor(HOUR) == at || end.is_some() {
            said::progress(world, arn, at);
        }
        if let Some(end) = end {
            finish(world, arn, end, at);
            break;
        }
        at = at.plus(STRIDE);
    }
    touch(world, arn);
    Some(())
}

/// How long a job may take.
const MOST: i64 = 30 * DAY;

#[cfg(test)]
mod tests;
