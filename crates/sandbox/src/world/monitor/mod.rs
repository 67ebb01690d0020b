//! Model Monitor: schedules, their executions and what they report.
//!
//! An execution is a function of its schedule and hour: it is computed when somebody looks, and only its verdict is
//! remembered. Reports on S3, CloudWatch values and `CompletedWithViolations` come from the same numbers.

mod capture;
mod change;
mod clarify;
mod deequ;
mod execution;
mod feature;
mod kll;
mod object;
mod operations;
mod publish;
mod quality;
mod report;
mod rows;
mod storm;
mod summary;
mod table;
#[cfg(test)]
mod tests;

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use mldeck_core::time::{DAY, HOUR, Timestamp};

pub(crate) use capture::{destination, folder, line};
pub(crate) use execution::job;
pub(crate) use object::materialize;
pub(crate) use operations::OPERATIONS;
pub(crate) use publish::{keys, points};
pub(crate) use rows::score;
pub(crate) use summary::{dashboard, definitions, inline, processing_job};

use self::{
    execution::{Baseline, Verdict},
    table::{PLANS, Plan},
};
use super::World;

/// Reports and baselines.
pub(crate) const BUCKET: &str = "acme-ml-monitoring";
/// How long ago the schedules were set up.
pub(crate) const CREATED: i64 = 41 * DAY;

/// A schedule, and a moment of it.
type Slot = (usize, Timestamp);

#[derive(Default)]
pub(crate) struct State {
    schedules: Vec<Schedule>,
    /// Computed once each; a pure memory of what `Execution` would compute again.
    baselines: RefCell<BTreeMap<usize, Arc<Baseline>>>,
    verdicts: RefCell<BTreeMap<(usize, Timestamp), Arc<Verdict>>>,
    /// The rows that a capture file was last written from: neighbours are read together.
    read: RefCell<Option<(Slot, Vec<rows::Row>)>>,
    /// Up to when reports of callers' schedules were put.
    delivered: Option<Timestamp>,
    /// Buckets and keys of bodies held in the S3 store, oldest first.
    held: Vec<(String, String)>,
}

/// A schedule and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) plan: Plan,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    /// Stretches without executions, the last one open while it is stopped.
    stops: Vec<(Timestamp, Option<Timestamp>)>,
    /// How many of how many executions must be violated for an alert.
    pub(crate) alert: (usize, usize),
    /// `MonitoringScheduleConfig` of one that a caller made, and where its reports go; later ones in place of earlier.
    pub(crate) given: Option<(serde_json::Value, String)>,
    /// Of an execution that is not repeated: when it is due.
    pub(crate) once: Option<Timestamp>,
    /// From where to where its executions look, from the time they are due.
    pub(crate) span: (i64, i64),
    /// Its executions are due from here on, and up to there where a change put another in its place.
    pub(crate) since: Timestamp,
    pub(crate) until: Option<Timestamp>,
    pub(crate) deleted: bool,
}

impl Schedule {
    /// It is there, and no earlier form of one that is.
    pub(crate) fn is_current(&self) -> bool {
        !self.deleted && self.until.is_none()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stops.last().is_some_and(|(_, until)| until.is_none())
    }

    pub(crate) fn status(&self) -> &'static str {
        if self.is_stopped() { "Stopped" } else { "Scheduled" }
    }

    /// The job definition it names; one that was given its definition names none.
    pub(crate) fn definition(&self) -> Option<String> {
        match &self.given {
            None => Some(self.plan.definition()),
            Some((config, _)) => Some(config.get("MonitoringJobDefinitionName")?.as_str()?.to_owned()),
        }
    }

    fn ran(&self, scheduled: Timestamp) -> bool {
        let is_over = self.until.is_some_and(|until| scheduled >= until);
        !is_over
            && !self.stops.iter().any(|(from, until)| *from <= scheduled && until.is_none_or(|until| scheduled < until))
    }

    /// The last time by its cron that is not after `at`.
    fn floor(&self, at: Timestamp) -> Timestamp {
        let offset = if self.plan.every == HOUR { 0 } else { self.plan.hour * HOUR };
        at.plus(-offset).floor(self.plan.every).plus(offset)
    }

    /// Times it was due in `from..=to`, oldest first.
    fn due(&self, from: Timestamp, to: Timestamp) -> Box<dyn Iterator<Item = Timestamp> + '_> {
        if let Some(once) = self.once {
            return Box::new((from..=to).contains(&once).then_some(once).into_iter().filter(|at| self.ran(*at)));
        }
        let mut next = self.floor(from);
        if next < from {
            next = next.plus(self.plan.every);
        }
        let every = self.plan.every;
        let due = std::iter::successors(Some(next), move |at| Some(at.plus(every))).take_while(move |at| *at <= to);
        Box::new(due.filter(|at| self.ran(*at)))
    }
}

pub(crate) fn generate(world: &mut World) {
    let start = world.start;
    world.monitors.schedules = PLANS
        .iter()
        .map(|plan| {
            let created = start.plus(-CREATED).floor(HOUR);
            let stop = plan.stopped.map(|hours| start.plus(-hours * HOUR));
            Schedule {
                plan: match storm::features(&world.scenario, &plan.endpoint, &plan.features) {
                    Some(features) => Plan { features: features.into(), ..plan.clone() },
                    None => plan.clone(),
                },
                alert: (1, 1),
                given: None,
                once: None,
                span: (-plan.every, 0),
                since: created,
                until: None,
                deleted: false,
                created,
                modified: stop.unwrap_or(created),
                stops: stop.map(|at| (at, None)).into_iter().collect(),
            }
        })
        .collect();
}

/// Executions need no help to appear: they are derived from the clock. Reports of a caller's schedule are put where it says.
pub(crate) fn advance(world: &mut World, to: Timestamp) {
    change::deliver(world, to);
}

/// What the newest execution over an endpoint's data found against its baseline: the report, and how many violations there are
/// when there is one.
pub(crate) fn judged(world: &World, endpoint: &str, at: Timestamp) -> Option<(serde_json::Value, usize)> {
    let is_meant = |schedule: &Schedule| {
        schedule.is_current() && schedule.plan.endpoint == endpoint && schedule.plan.kind == table::Kind::DataQuality
    };
    let index = world.monitors.schedules.iter().position(is_meant)?;
    let execution = world.last_execution(index, at, true).filter(|execution| execution.rows() > 0)?;
    let execution::Data::Features(profiles) = execution.data() else { return None };
    let found = execution::violations(&profiles, &execution.baseline());
    (!found.is_empty()).then(|| (report::violations(&found), found.len()))
}
