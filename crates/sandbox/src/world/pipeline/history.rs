//! The last month of executions, and those that run when the world is handed over.

use mldeck_core::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};

use super::{
    definition,
    execution::{Execution, Parameters, Trouble},
    steps::{Plan, StepKind},
    trace,
};
use crate::world::{
    World,
    chance::Chance,
    estate::{FAMILIES, Family},
    run::{
        PEOPLE, Series,
        history::{HISTORY, data_day, draw_knobs},
        recipe::recipe,
    },
};

/// Executions on branches in an ordinary account, all families together.
const BRANCHES: u32 = 60;
/// How long logs of failed steps are kept.
const LOGGED: i64 = 7 * DAY;
/// Index beyond [`PEOPLE`]: the scheduler.
pub(super) const SCHEDULED: u8 = u8::MAX;

/// Defaults of `MinScore` and `ChampionScore`.
pub(super) fn gates(family: &Family) -> (f32, f32) {
    let objective = &recipe(family).metrics[0];
    let at = |share: f64| (((objective.worst + (objective.best - objective.worst) * share) * 1e4).round() / 1e4) as f32;
    (at(0.1), at(0.94))
}

/// Milliseconds between two scheduled executions of a family's pipeline.
pub(super) fn period(family: &Family) -> i64 {
    match family.name {
        "fraud" => 4 * HOUR,
        "ranking" => 3 * HOUR,
        "vision" => 8 * HOUR,
        _ => 6 * HOUR,
    }
}

/// When in its period it starts: families do not all start at the full hour.
pub(super) fn slot(index: usize) -> i64 {
    (11 + 7 * index as i64) * MINUTE
}

impl Execution {
    /// As the schedule starts it.
    pub(super) fn scheduled(family: u8, series: Series, number: u32, started: Timestamp) -> Self {
        let table = &FAMILIES[usize::from(family) % FAMILIES.len()];
        let (least, champion) = gates(table);
        let knobs = definition::defaults(table);
        let parameters =
            Parameters { knobs, day: data_day(started), instance: 0, image: 2, least, champion, given: Vec::new() };
        Self {
            family,
            series,
            number,
            started,
            by: SCHEDULED,
            caller: None,
            display: None,
            description: None,
            parameters,
            trouble: None,
            stop: None,
            version: None,
            custom: None,
            live: None,
        }
    }
}

pub(crate) fn generate(world: &mut World) {
    let mut all: Vec<Execution> = Vec::new();
    for (index, family) in FAMILIES.iter().enumerate() {
        regular(world, index, family, &mut all);
    }
    branches(world, &mut all);
    all.sort_by_key(|execution| (execution.started, execution.family, execution.series, execution.number));
    let start = world.start;
    for execution in all {
        let plan = execution.plan(world);
        let train = plan.step(StepKind::Training).map(|step| step.start);
        let end = plan.steps.last().map_or(execution.started, |step| step.end);
        let is_quota = execution.trouble == Some(Trouble::Quota);
        let is_alive = |at: Timestamp| execution.stop.as_ref().is_none_or(|(stop, _)| at < *stop);
        let run = train.filter(|at| *at <= start && !is_quota && is_alive(*at)).map(|at| execution.run(at));
        let seed = world.seed;
        let index = world.pipelines.push(seed, execution);
        if let Some(run) = run {
            world.runs.push(run);
        }
        if end > start {
            world.pipelines.active.push(index);
        } else if start.since(end) < LOGGED {
            trace::keep(world, index);
        }
    }
    world.pipelines.until = Some(start);
}

/// The numbered executions of one pipeline: versions at their known times, the others between them.
fn regular(world: &mut World, index: usize, family: &'static Family, all: &mut Vec<Execution>) {
    let start = world.start;
    let chance = Chance::new(world.seed).named(family.pipeline);
    let mut versions: Vec<(u32, Timestamp)> = Vec::new();
    for version in 1..=family.latest {
        let execution = versioned(world, index, family, version);
        versions.push((execution.number, execution.started));
        if start.since(execution.started) <= HISTORY {
            all.push(execution);
        } else {
            let plan = execution.plan(world);
            if let Some(step) = plan.step(StepKind::Training) {
                world.runs.push(execution.run(step.start));
            }
        }
    }
    let ordinary = |number: u32, at: Timestamp| ordinary(world, index, number, at, chance.of(u64::from(number)));
    for pair in versions.windows(2) {
        let [(first, from), (last, to)] = [pair[0], pair[1]];
        let gap = to.since(from) as f64 / f64::from(last - first);
        for number in first + 1..last {
            let shake = chance.named("shake").of(u64::from(number)).between(-0.3, 0.3);
            let at = from.plus(((f64::from(number - first) + shake) * gap) as i64 / SECOND * SECOND);
            if start.since(at) <= HISTORY {
                all.push(ordinary(number, at));
            }
        }
    }
    let Some(&(newest, since)) = versions.last() else { return };
    let every = period(family);
    let mut at = since.plus(every).floor(every).plus(slot(index));
    let mut number = newest + 1;
    // The last quarter of an hour belongs to the executions that are running.
    while at <= start.plus(-40 * MINUTE) {
        all.push(ordinary(number, at));
        number += 1;
        at = at.plus(every);
    }
    recent(world, index, family, number, all);
}

/// What the person on call finds: the newest ones that failed, and those under way.
fn recent(world: &World, index: usize, family: &Family, number: u32, all: &mut Vec<Execution>) {
    let start = world.start;
    let trouble = match family.name {
        "fraud" => Some(Trouble::KeyError),
        "ranking" => Some(Trouble::Quota),
        "churn" => Some(Trouble::NoData),
        _ => None,
    };
    if let Some(last) =
        all.iter_mut().rev().find(|e| e.family == index as u8 && e.number + 1 == number && e.version.is_none())
    {
        last.trouble = trouble.or(last.trouble);
    }
    let running = match family.name {
        "fraud" => Some((21, SCHEDULED)),
        "ranking" => Some((5, 0)),
        _ => None,
    };
    if let Some((minutes, by)) = running {
        let mut execution =
            Execution::scheduled(index as u8, Series::Regular, number, start.plus(-minutes * MINUTE - 12 * SECOND));
        execution.by = by;
        execution.parameters.champion = gates(family).0;
        all.push(execution);
    }
}

/// The execution that made `version`: it ends its registration at the time the estate knows.
fn versioned(world: &World, index: usize, family: &Family, version: u32) -> Execution {
    let registered = family.registered(version, world.start);
    let mut execution = Execution::scheduled(index as u8, Series::Regular, family.run_number(version), registered);
    execution.parameters.image = (version % 3) as u8;
    execution.version = Some(version);
    // It beat the champion of its day.
    execution.parameters.champion = gates(family).0;
    let length = Plan::new(&execution, world).step(StepKind::Register).map_or(0, |step| step.end.since(registered));
    execution.started = registered.plus(-length);
    execution.parameters.day = data_day(execution.started);
    execution
}

/// One that did not become a version: it lost against the champion, was not good enough, or failed.
fn ordinary(world: &World, index: usize, number: u32, at: Timestamp, chance: Chance) -> Execution {
    let mut execution = Execution::scheduled(index as u8, Series::Regular, number, at);
    let table = recipe(execution.family());
    execution.trouble = match chance.of(0).below(100) {
        0..4 => Some(Trouble::KeyError),
        4..7 => Some(Trouble::NoData),
        7..10 => Some(Trouble::Quota),
        10..12 => Some(Trouble::OutOfMemory),
        _ => None,
    };
    if chance.of(1).below(5) == 0 {
        execution.by = chance.of(2).below(PEOPLE.len() as u64) as u8;
        execution.parameters.knobs = draw_knobs(table, chance.of(3));
    }
    execution.parameters.image = chance.of(4).below(3) as u8;
    if chance.of(5).below(60) == 0 {
        let minutes = chance.of(6).between(9.0, 15.0);
        execution.stop = Some((at.plus((minutes * MINUTE as f64) as i64), PEOPLE[1].to_owned()));
    }
    lose(world, &mut execution);
    execution
}

/// Sets the champion's score so that this one does not beat it.
fn lose(world: &World, execution: &mut Execution) {
    let run = execution.run(execution.started);
    let score = run.final_value(world.seed, &run.recipe().metrics[0]) as f32;
    if score > execution.parameters.champion {
        execution.parameters.champion = ((score * 1e4).ceil() + 4.0) / 1e4;
    }
}

fn branches(world: &World, all: &mut Vec<Execution>) {
    let flag = world.scenario.more.get("learning").and_then(|table| table.get("executions"));
    let count = flag.and_then(toml::Value::as_integer).map_or(BRANCHES, |count| count.clamp(0, 1_000_000) as u32);
    let chance = Chance::new(world.seed).named("branches");
    for i in 0..count {
        let chance = chance.of(u64::from(i));
        let share = (f64::from(i) + chance.of(0).unit()) / f64::from(count);
        let at = world.start.plus(-2 * HOUR - ((1.0 - share) * (HISTORY - DAY) as f64) as i64 / SECOND * SECOND);
        let family = chance.of(1).below(FAMILIES.len() as u64) as usize;
        let mut execution = ordinary(world, family, i + 1, at, chance.of(2));
        execution.series = Series::Branch;
        execution.by = chance.of(3).below(PEOPLE.len() as u64) as u8;
        execution.parameters.knobs = draw_knobs(recipe(execution.family()), chance.of(4));
        lose(world, &mut execution);
        all.push(execution);
    }
}
