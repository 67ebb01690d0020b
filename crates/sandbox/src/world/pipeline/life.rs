//! What happens as time passes: the schedule starts executions, and executions make jobs and versions.

use mldeck_core::time::Timestamp;

use super::{
    execution::{Execution, Trouble},
    graph,
    history::{period, slot},
    steps::StepKind,
    trace,
};
use crate::world::{World, estate::FAMILIES, registry, run::Series};

/// Something an execution does that other areas see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    StartsTraining,
    Registers,
    Fails,
}

pub(crate) fn advance(world: &mut World, to: Timestamp) {
    for index in world.pipelines.active.clone() {
        graph::advance(world, index, to);
    }
    let Some(from) = world.pipelines.until.filter(|from| *from < to) else { return };
    world.pipelines.until = Some(to);
    start_scheduled(world, from, to);
    let mut acts: Vec<(Timestamp, u32, Act)> = Vec::new();
    for index in world.pipelines.active.clone() {
        let Some(execution) = world.pipelines.get(index).filter(|execution| execution.live.is_none()) else {
            continue;
        };
        let plan = execution.plan(world);
        let is_alive = |at: Timestamp| execution.stop.as_ref().is_none_or(|(stop, _)| at < *stop);
        let due = |at: Timestamp| at > from && at <= to && is_alive(at);
        if let Some(step) = plan.step(StepKind::Training).filter(|step| due(step.start))
            && execution.trouble != Some(Trouble::Quota)
        {
            acts.push((step.start, index, Act::StartsTraining));
        }
        if let Some(step) = plan.step(StepKind::Register).filter(|step| due(step.end)) {
            acts.push((step.end, index, Act::Registers));
        }
        if let Some(step) = plan.steps.last().filter(|step| step.failure.is_some() && due(step.end)) {
            acts.push((step.end, index, Act::Fails));
        }
    }
    acts.sort_unstable();
    for (at, index, act) in acts {
        perform(world, at, index, act);
    }
    retire(world, to);
}

fn start_scheduled(world: &mut World, from: Timestamp, to: Timestamp) {
    for (index, family) in FAMILIES.iter().enumerate() {
        if world.pipelines.deleted.contains(family.pipeline) {
            continue;
        }
        let every = period(family);
        let mut at = from.plus(-slot(index)).floor(every).plus(slot(index));
        while at <= to {
            if at > from {
                let number = world.pipelines.next_number(index as u8);
                let execution = Execution::scheduled(index as u8, Series::Regular, number, at);
                world.pipelines.start(world.seed, execution);
            }
            at = at.plus(every);
        }
    }
}

fn perform(world: &mut World, at: Timestamp, index: u32, act: Act) {
    let Some(execution) = world.pipelines.get(index) else { return };
    match act {
        Act::Fails => trace::keep(world, index),
        Act::StartsTraining => {
            let run = execution.run(at);
            world.runs.push(run);
        }
        Act::Registers => {
            let approval =
                execution.parameter("ModelApprovalStatus").unwrap_or_else(|| "PendingManualApproval".to_owned());
            let (family, number, by) = (execution.family, execution.number, execution.by().to_owned());
            let version = registry::register(world, family, number, at, &by, &approval);
            if let Some(execution) = world.pipelines.executions.get_mut(index as usize) {
                execution.version = Some(version);
            }
        }
    }
}

/// Forgets those that are over: they make nothing any more.
fn retire(world: &mut World, at: Timestamp) {
    let mut active = std::mem::take(&mut world.pipelines.active);
    active.retain(|index| {
        world
            .pipelines
            .get(*index)
            .is_some_and(|execution| matches!(execution.status(world, at), "Executing" | "Stopping"))
    });
    world.pipelines.active = active;
}
