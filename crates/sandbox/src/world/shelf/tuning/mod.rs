//! Hyperparameter tuning jobs: they make training jobs, one after the other, and look at what came of them.
//!
//! What a tuning job did stands in its training jobs; of itself it keeps how far it looked.
//!
//! | file | subject |
//! |---|---|
//! | `make` | what is refused, and the training job that is made next |
//! | `space`, `search` | ranges of values, and which are tried next |
//! | `child` | the training jobs of one, and how well they did |
//! | `told` | what is told of it |

pub(super) mod child;
mod make;
mod search;
mod space;
#[cfg(test)]
mod tests;
mod told;

use mldeck_core::time::{MINUTE, SECOND, Timestamp};
use serde_json::Value;

use super::{
    Handler, Item, ROOM, Reply, Request, World,
    kind::Kind,
    life::{AT_ONCE, Life, STILL, Step, lasting},
    operations, training,
};
use child::{Child, better, score};

const NOUN: &str = "HyperParameterTuningJob";
const TRAINING: &str = "TrainingJob";
const ENDED: &str = "HyperParameterTuningEndTime";
/// Failed tries after which a tuning job gives up, where none succeeded.
const ATTEMPTS: usize = 5;
/// Training jobs that bring nothing better, after which a search counts as converged. `[?]`: SageMaker looks at more.
const CONVERGED: usize = 12;
/// Steps after which a training job is compared with those before it.
const COMPARED: u32 = 20;

pub(super) const OPERATIONS: &[(&str, Handler)] =
    &[("StopHyperParameterTuningJob", stop), ("ListTrainingJobsForHyperParameterTuningJob", told::list_children)];

const STOPPED: &[Step] = &[lasting("Stopped").stamped(ENDED)];
const COMPLETED: &[Step] = &[lasting("Completed").stamped(ENDED)];
const FAILED: &[Step] = &[lasting("Failed").stamped(ENDED)];

pub(super) const KINDS: &[Kind] = &[Kind {
    made: make::check,
    told: told::told,
    absent: "Amazon SageMaker can't find a tuning job with the name ",
    ..Kind::new(
        NOUN,
        "ListHyperParameterTuningJobs",
        "hyper-parameter-tuning-job",
        &["HyperParameterTuningJobName"],
        "HyperParameterTuningJobArn",
        Life {
            member: "HyperParameterTuningJobStatus",
            create: &[lasting("InProgress")],
            stop: &[lasting("Stopping")],
            stop_from: &["InProgress"],
            delete: AT_ONCE,
            delete_from: &["Completed", "Failed", "Stopped"],
            ..STILL
        },
    )
}];

fn stop(world: &mut World, request: &Request<'_>) -> Reply {
    let reply = operations::stop(world, request, &KINDS[0])?;
    let key = operations::key_of(world, request, &KINDS[0])?;
    let now = world.now;
    halt(world, &key, now);
    Ok(reply)
}

fn item<'w>(world: &'w World, key: &str) -> Option<&'w Item> {
    world.shelf.item(NOUN, key)
}

fn item_mut<'w>(world: &'w mut World, key: &str) -> Option<&'w mut Item> {
    world.shelf.item_mut(NOUN, key)
}

impl Item {
    fn config(&self, place: &str) -> Option<&Value> {
        self.body.get("HyperParameterTuningJobConfig")?.pointer(place)
    }

    fn count(&self, place: &str) -> Option<usize> {
        self.config(place).and_then(Value::as_u64).map(|count| count as usize)
    }

    /// When its time is up.
    fn latest(&self) -> Option<Timestamp> {
        let most = self.config("/ResourceLimits/MaxRuntimeInSeconds").and_then(Value::as_i64)?;
        Some(self.created.plus(most * SECOND))
    }

    fn stops_early(&self) -> bool {
        let is = |place: &str, word: &str| self.config(place).and_then(Value::as_str) == Some(word);
        is("/TrainingJobEarlyStoppingType", "Auto") || is("/Strategy", "Hyperband")
    }
}

/// Tuning jobs look at their training jobs on whole minutes, however often time is told.
pub(super) fn advance(world: &mut World, to: Timestamp) {
    for key in world.shelf.busy(NOUN) {
        while let Some(at) = next_look(world, &key).filter(|at| *at <= to) {
            let now = world.now;
            world.now = at;
            look(world, &key, at);
            world.now = now;
        }
        if !item(world, &key).is_some_and(is_active) {
            world.shelf.rest(NOUN, key);
        }
    }
}

fn is_active(item: &Item) -> bool {
    matches!(item.state, "InProgress" | "Stopping")
}

/// The next minute at which there is something to see; none for a job that is over.
fn next_look(world: &World, key: &str) -> Option<Timestamp> {
    let item = item(world, key).filter(|item| is_active(item))?;
    let seen = item.work.looked.unwrap_or(item.created);
    let children = child::all(world, item, seen);
    let mut next = item.latest().filter(|at| *at > seen);
    for child in children.iter().filter(|child| child.standing.ended.is_none()) {
        let plan = child.job.plan(world.seed);
        next = super::soonest(next, Some(child.job.end(&plan)));
        if item.stops_early() {
            let steps = (1..5).map(|n| child.job.step_at(&plan, n * COMPARED - 1)).filter(|at| *at > seen);
            next = super::soonest(next, steps.min());
        }
    }
    if item.work.looked.is_none() || children.iter().all(|child| child.standing.ended.is_some()) {
        next = Some(seen);
    }
    let at = next?.max(seen.plus(1));
    let floor = at.floor(MINUTE);
    Some(if floor == at { at } else { floor.plus(MINUTE) })
}

/// What is to be done with a tuning job.
enum Turn {
    /// Makes so many training jobs, and stops those that do poorly.
    Goes {
        make: usize,
        poor: Vec<String>,
    },
    /// Waits until those that run are over.
    Waits,
    /// Stops those that run, and waits for them.
    Winds,
    Ends(&'static [Step], Option<String>),
}

fn look(world: &mut World, key: &str, at: Timestamp) {
    let Some(found) = item(world, key) else { return };
    let step = judge(world, found, at);
    if let Some(item) = item_mut(world, key) {
        item.work.looked = Some(at);
        item.modified = at;
    }
    match step {
        Turn::Goes { make, poor } => {
            for name in poor {
                training::halt(world, TRAINING, &name, at);
            }
            for _ in 0..make {
                make::next(world, key, at);
            }
        }
        Turn::Waits => {}
        Turn::Winds => halt(world, key, at),
        Turn::Ends(steps, reason) => {
            if let Some(item) = item_mut(world, key) {
                item.go(at, steps, false);
                if let Some(reason) = reason {
                    item.body.insert("FailureReason".to_owned(), reason.into());
                }
            }
        }
    }
}

fn judge(world: &World, item: &Item, at: Timestamp) -> Turn {
    let children = child::all(world, item, at);
    let running = children.iter().filter(|child| child.standing.ended.is_none()).count();
    let failed = children.iter().filter(|child| child.standing.status == "Failed").count();
    let succeeded = children.iter().any(|child| child.standing.ended.is_some() && child.value.is_some());
    let is_late = item.latest().is_some_and(|latest| latest <= at);
    let gives_up = !succeeded && failed >= ATTEMPTS;
    let made = children.len();
    let (most, all) = (make::most(item), item.state == "Stopping" || is_late || gives_up || is_found(item, &children));
    if running > 0 && all {
        return Turn::Winds;
    }
    if running == 0 && (all || made >= most) {
        return match () {
            () if item.state == "Stopping" || is_late => Turn::Ends(STOPPED, None),
            () if gives_up => Turn::Ends(
                FAILED,
                Some(format!(
                    "No training job succeeded after {ATTEMPTS} attempts. For additional details, please take a look at the \
                     training job failures by listing training jobs for the hyperparameter tuning job."
                )),
            ),
            () if !succeeded => Turn::Ends(
                FAILED,
                Some(
                    "All training jobs failed. Please take a look at the training jobs failures to get more details."
                        .to_owned(),
                ),
            ),
            () => Turn::Ends(COMPLETED, None),
        };
    }
    if running == 0 && world.shelf.is_full(TRAINING) {
        // Jobs are never deleted: there will be no room.
        return Turn::Ends(FAILED, Some(format!("ResourceLimitExceeded: The account has {ROOM} training jobs.")));
    }
    let parallel = item.count("/ResourceLimits/MaxParallelTrainingJobs").unwrap_or(1);
    let make = parallel.saturating_sub(running).min(most.saturating_sub(made));
    let poor = if item.stops_early() { poor(world, &children, at) } else { Vec::new() };
    if make == 0 && poor.is_empty() { Turn::Waits } else { Turn::Goes { make, poor } }
}

/// Whether what was asked for is reached.
fn is_found(item: &Item, children: &[Child<'_>]) -> bool {
    let criteria = |place: &str| item.config(&format!("/TuningJobCompletionCriteria/{place}"));
    let target = criteria("TargetObjectiveMetricValue").and_then(Value::as_f64);
    let best = child::best(children);
    let hit = target.zip(best).is_some_and(|(target, best)| {
        best.value.is_some_and(|value| value == target || better(best.job, value, target))
    });
    let idle = child::not_improving(children);
    let most = criteria("BestObjectiveNotImproving/MaxNumberOfTrainingJobsNotImproving").and_then(Value::as_u64);
    let converges = criteria("ConvergenceDetected/CompleteOnConvergence").and_then(Value::as_str) == Some("Enabled");
    hit || most.is_some_and(|most| idle as u64 >= most) || converges && idle >= CONVERGED
}

/// Running jobs that do worse at a step than the middle one of those that came so far. `[?]`: SageMaker compares with the
/// median of running averages; how many jobs it wants before it does is not told, here three.
fn poor(world: &World, children: &[Child<'_>], at: Timestamp) -> Vec<String> {
    let seed = world.seed;
    let value = |job: &Item, step: u32| Some(score(job, job.form(seed, job.objective()?.0).at(step)));
    let mut poor = Vec::new();
    for child in children.iter().filter(|child| child.standing.status == "InProgress") {
        let Some(step) = (child.job.steps(seed, at) / COMPARED * COMPARED).checked_sub(1) else { continue };
        let before = children.iter().filter(|other| other.standing.status == "Completed");
        let mut before: Vec<f64> = before.filter_map(|other| value(other.job, step)).collect();
        before.sort_by(f64::total_cmp);
        let median = before.get(before.len() / 2).filter(|_| before.len() >= 3);
        if median.zip(value(child.job, step)).is_some_and(|(median, own)| own < *median) {
            poor.push(child.job.tail().to_owned());
        }
    }
    poor
}

/// Stops every training job that runs.
fn halt(world: &mut World, key: &str, at: Timestamp) {
    let Some(item) = item(world, key) else { return };
    let running = child::all(world, item, at).into_iter().filter(|child| child.standing.ended.is_none());
    let names: Vec<String> = running.map(|child| child.job.tail().to_owned()).collect();
    for name in names {
        training::halt(world, TRAINING, &name, at);
    }
}
