//! One execution: when it runs, what it looks at, what it finds.

use std::sync::Arc;

use mldeck_core::time::{DAY, MINUTE, SECOND, Timestamp};

use super::{
    Schedule, State,
    clarify::{self, Attribution, Judged},
    feature::Feature,
    quality,
    report::{Profile, Violation},
    storm,
    table::{Kind, Plan},
};
use crate::world::{World, chance::Chance, estate, noise};

/// Verdicts that are remembered: the schedules of an account have some thousand executions that can be asked for.
const JUDGED: usize = 20_000;

/// One due time of one schedule.
#[derive(Clone, Copy)]
pub(crate) struct Execution<'w> {
    pub(super) world: &'w World,
    pub(super) index: usize,
    pub(super) schedule: &'w Schedule,
    pub(super) scheduled: Timestamp,
}

/// What the reference data looks like.
#[derive(Debug)]
pub(super) struct Baseline {
    pub(super) profiles: Vec<Profile>,
    pub(super) scored: Vec<(bool, f64)>,
    pub(super) judged: Vec<Judged>,
}

/// What an execution found: enough for its status and its metrics.
#[derive(Debug)]
pub(super) struct Verdict {
    /// Metric name and value: a distance per feature, or a quality metric.
    pub(super) values: Vec<(&'static str, f64)>,
    pub(super) violated: bool,
}

/// The rows of one execution, profiled.
pub(super) enum Data {
    Features(Vec<Profile>),
    Scored(Vec<(bool, f64)>),
    Judged(Vec<Judged>),
    Attributed(Vec<Attribution>),
}

impl<'w> Execution<'w> {
    pub(super) fn chance(&self) -> Chance {
        Chance::new(self.world.seed).named(&self.schedule.plan.name).of(self.scheduled.millis() as u64)
    }

    /// AWS starts it up to 20 minutes after it was due.
    pub(crate) fn created(&self) -> Timestamp {
        self.scheduled.plus((self.chance().named("jitter").between(60.0, 19.0 * 60.0)) as i64 * SECOND)
    }

    fn began(&self) -> Timestamp {
        self.created().plus(self.chance().named("pending").between(25.0, 80.0) as i64 * SECOND)
    }

    pub(crate) fn ended(&self) -> Timestamp {
        let minutes = if self.found_no_data() { 2.0 } else { 6.0 };
        self.began()
            .plus((self.chance().named("run").between(0.7, 1.2) * minutes * MINUTE as f64) as i64 / SECOND * SECOND)
    }

    fn found_no_data(&self) -> bool {
        let plan = &self.schedule.plan;
        plan.no_data.is_some_and(|back| {
            let due = self.world.start.plus(-back * plan.every);
            self.scheduled <= due && due.since(self.scheduled) < plan.every
        })
    }

    pub(crate) fn rows(&self) -> u64 {
        if self.found_no_data() {
            return 0;
        }
        let (from, to) = self.schedule.span;
        let base = self.schedule.plan.rows.1 as f64 * (to - from) as f64 / self.schedule.plan.every as f64;
        let hour = self.scheduled.millis().rem_euclid(DAY) as f64 / DAY as f64;
        let daily = 1.0 - 0.25 * (hour * std::f64::consts::TAU).cos();
        (base * daily * self.chance().named("rows").between(0.93, 1.07)).round() as u64
    }

    /// `MonitoringExecutionStatus` at `at`.
    pub(crate) fn status(&self, at: Timestamp) -> &'static str {
        if at < self.began() {
            "Pending"
        } else if at < self.ended() {
            "InProgress"
        } else if self.found_no_data() {
            "Failed"
        } else if self.verdict().violated {
            "CompletedWithViolations"
        } else {
            "Completed"
        }
    }

    pub(crate) fn failure(&self, at: Timestamp) -> Option<String> {
        (self.status(at) == "Failed").then(|| {
            format!(
                "No data captured for endpoint {} between {} and {}.",
                self.schedule.plan.endpoint,
                self.window().0.iso(),
                self.window().1.iso()
            )
        })
    }

    /// The capture it looks at.
    pub(crate) fn window(&self) -> (Timestamp, Timestamp) {
        let (from, to) = self.schedule.span;
        (self.scheduled.plus(from), self.scheduled.plus(to))
    }

    pub(crate) fn modified(&self, at: Timestamp) -> Timestamp {
        [self.ended(), self.began()].into_iter().find(|change| *change <= at).unwrap_or_else(|| self.created())
    }

    pub(crate) fn is_over(&self, at: Timestamp) -> bool {
        self.ended() <= at
    }

    /// `model-monitoring-202611230200-…`.
    pub(crate) fn job(&self) -> String {
        let stamp: String = self.scheduled.iso().chars().filter(char::is_ascii_digit).take(12).collect();
        format!("model-monitoring-{stamp}-{:016x}", noise::hash(&[noise::name(&self.schedule.plan.name)]))
    }

    pub(crate) fn job_arn(&self) -> String {
        estate::arn("sagemaker", &format!("processing-job/{}", self.job()))
    }

    /// Below the bucket: `fraud-prod/fraud-prod-data-quality/2026/11/23/02/`.
    pub(crate) fn prefix(&self) -> String {
        let plan = &self.schedule.plan;
        let iso = self.scheduled.iso();
        let hour = iso.get(..13).unwrap_or_default().replace(['-', 'T'], "/");
        let home = plan.endpoint().map_or_else(String::new, |endpoint| format!("{endpoint}/"));
        format!("{home}{}/{hour}/", plan.name)
    }

    pub(super) fn data(&self) -> Data {
        let plan = &self.schedule.plan;
        let chance = self.chance().named("rows drawn");
        let since = self.scheduled.since(self.world.start);
        match plan.kind {
            Kind::DataQuality => Data::Features(plan.features.iter().map(|feature| self.profile(*feature)).collect()),
            Kind::ModelQuality => {
                let hurt = storm::hurt(&self.world.scenario, &plan.endpoint, since);
                Data::Scored(quality::draw(chance, self.rows(), hurt))
            }
            Kind::ModelBias => Data::Judged(clarify::draw(
                chance,
                self.rows(),
                storm::hurt(&self.world.scenario, &plan.endpoint, since),
            )),
            Kind::ModelExplainability => {
                let profiles: Vec<Profile> = plan.features.iter().map(|feature| self.profile(*feature)).collect();
                Data::Attributed(clarify::attributions(&profiles))
            }
        }
    }

    fn profile(&self, feature: Feature) -> Profile {
        let strength = feature.strength(self.scheduled.since(self.world.start));
        Profile::new(feature, feature.draw(self.chance().named(feature.name), self.rows(), strength))
    }

    pub(super) fn baseline_chance(&self) -> Chance {
        baseline_chance(self.world.seed, &self.schedule.plan)
    }

    pub(super) fn baseline(&self) -> Arc<Baseline> {
        self.world.monitors.baseline(self.world.seed, self.index)
    }

    pub(super) fn verdict(&self) -> Arc<Verdict> {
        let key = (self.index, self.scheduled);
        if let Some(known) = self.world.monitors.verdicts.borrow().get(&key) {
            return Arc::clone(known);
        }
        let verdict = Arc::new(self.judge());
        let mut known = self.world.monitors.verdicts.borrow_mut();
        known.insert(key, Arc::clone(&verdict));
        // An old one is computed again when somebody asks for it.
        while known.len() > JUDGED {
            let oldest = known.keys().map(|(_, scheduled)| *scheduled).min();
            known.retain(|(_, scheduled), _| Some(*scheduled) != oldest);
        }
        verdict
    }

    fn judge(&self) -> Verdict {
        let baseline = self.baseline();
        match self.data() {
            Data::Features(profiles) => Verdict {
                values: profiles
                    .iter()
                    .zip(&baseline.profiles)
                    .filter_map(|(now, before)| Some((now.feature.name, now.distance(before)?.robust)))
                    .collect(),
                violated: !violations(&profiles, &baseline).is_empty(),
            },
            Data::Scored(rows) => Verdict {
                values: quality::metrics(&rows),
                violated: !quality::violations(&baseline.scored, &rows).is_empty(),
            },
            Data::Judged(rows) => Verdict {
                values: clarify::metrics(&rows),
                violated: !clarify::bias_violations(&baseline.judged, &rows).is_empty(),
            },
            Data::Attributed(now) => Verdict {
                violated: clarify::agreement(&clarify::attributions(&baseline.profiles), &now) < clarify::LEAST,
                values: now,
            },
        }
    }
}

pub(super) fn violations(profiles: &[Profile], baseline: &Baseline) -> Vec<Violation> {
    profiles.iter().zip(&baseline.profiles).flat_map(|(now, before)| now.violations(before)).collect()
}

fn baseline_chance(seed: u64, plan: &Plan) -> Chance {
    Chance::new(seed).named(&plan.name).named("baseline")
}

impl State {
    pub(super) fn baseline(&self, seed: u64, index: usize) -> Arc<Baseline> {
        if let Some(known) = self.baselines.borrow().get(&index) {
            return Arc::clone(known);
        }
        let Some(plan) = self.schedules.get(index).map(|schedule| &schedule.plan) else {
            return Arc::new(Baseline { profiles: Vec::new(), scored: Vec::new(), judged: Vec::new() });
        };
        let chance = baseline_chance(seed, plan);
        let scored = if plan.kind == Kind::ModelQuality { quality::draw(chance, plan.rows.0, 0.0) } else { Vec::new() };
        let judged = if plan.kind == Kind::ModelBias { clarify::draw(chance, plan.rows.0, 0.0) } else { Vec::new() };
        let profiles = plan
            .features
            .iter()
            .map(|feature| Profile::new(*feature, feature.draw(chance.named(feature.name), plan.rows.0, 0.0)))
            .collect();
        let baseline = Arc::new(Baseline { profiles, scored, judged });
        self.baselines.borrow_mut().insert(index, Arc::clone(&baseline));
        baseline
    }
}

impl World {
    /// Executions of one schedule that exist at `at`, oldest first.
    pub(crate) fn executions(&self, index: usize, at: Timestamp) -> Vec<Execution<'_>> {
        self.executions_in(index, Timestamp::from_millis(i64::MIN), at, at)
    }

    /// Those that were due in `from..=to`; those of its earlier forms are among them.
    pub(super) fn executions_in(
        &self,
        index: usize,
        from: Timestamp,
        to: Timestamp,
        at: Timestamp,
    ) -> Vec<Execution<'_>> {
        let schedules = &self.monitors.schedules;
        let Some(current) = schedules.get(index).filter(|schedule| schedule.is_current()) else {
            return Vec::new();
        };
        let is_earlier = |schedule: &Schedule| {
            schedule.until.is_some() && !schedule.deleted && schedule.plan.name == current.plan.name
        };
        let earlier = schedules.iter().enumerate().filter(|(_, schedule)| is_earlier(schedule));
        let forms = earlier.chain([(index, current)]);
        forms.flat_map(|(index, schedule)| self.executions_of(index, schedule, (from, to), at)).collect()
    }

    /// Those of one form only, also of a schedule that is gone.
    pub(super) fn executions_of<'w>(
        &'w self,
        index: usize,
        schedule: &'w Schedule,
        (from, to): (Timestamp, Timestamp),
        at: Timestamp,
    ) -> impl Iterator<Item = Execution<'w>> {
        let kept = at.plus(-schedule.plan.days * DAY).max(schedule.since);
        let due = schedule.due(from.max(kept), to.min(at));
        let all = due.map(move |scheduled| Execution { world: self, index, schedule, scheduled });
        all.filter(move |execution| execution.created() <= at)
    }

    /// The execution that looks at what was captured at `at`, whether it ran or not.
    pub(super) fn execution_over(&self, index: usize, at: Timestamp) -> Option<Execution<'_>> {
        let schedule = self.monitors.schedules.get(index)?;
        let scheduled = schedule.floor(at).plus(schedule.plan.every);
        Some(Execution { world: self, index, schedule, scheduled })
    }

    /// The newest execution of a schedule; with `over`, the newest that ended.
    pub(crate) fn last_execution(&self, index: usize, at: Timestamp, over: bool) -> Option<Execution<'_>> {
        self.executions(index, at).into_iter().rev().find(|execution| !over || execution.is_over(at))
    }
}

/// The execution whose processing job has this name.
pub(crate) fn job<'w>(world: &'w World, name: &str, at: Timestamp) -> Option<Execution<'w>> {
    if !name.starts_with("model-monitoring-") {
        return None;
    }
    (0..world.monitors.schedules.len())
        .flat_map(|index| world.executions(index, at))
        .find(|execution| execution.job() == name)
}
