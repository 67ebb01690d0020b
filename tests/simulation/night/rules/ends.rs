//! What must be true of the end that a run names.

use mldeck_core::{
    ops::{call::Repeat, target::Kind},
    resource::{endpoint::EndpointStatus, operation::OperationState},
    time::MINUTE,
};
use serde_json::json;

use super::{LAG, accepted, others_asked_the_same, others_changed};
use crate::night::{
    call::Aim,
    luck::CALM,
    scene::{Scene, Seen},
};

/// A run ended: what is wrong with the end it names.
pub fn of_end(scene: &mut Scene, desk: usize, state: OperationState) -> Vec<String> {
    let count = accepted(scene, &scene.desks[desk]);
    let (repeat, deploys) =
        scene.desks[desk].aim.as_ref().map_or((None, true), |aim| (Some(aim.repeat), aim.deploys()));
    let wrong = match state {
        OperationState::Done => done_is_true(scene, desk, count),
        OperationState::RolledBack => (count != 1 && !others_asked_the_same(scene, &scene.desks[desk]))
            .then(|| "rolled back what never landed".to_owned()),
        OperationState::Refused => {
            (count > 0 && repeat != Some(Repeat::Same)).then(|| "refused, but AWS took it".to_owned())
        }
        OperationState::Superseded => {
            let age = scene.clock.elapsed() + MINUTE;
            // What runs may end by itself before it is stopped.
            (!others_changed(scene, &scene.desks[desk], age) && !is_a_run(&scene.desks[desk]))
                .then(|| "superseded, and nobody else changed it".to_owned())
        }
        OperationState::NeedsHuman => None,
        OperationState::Failed if !deploys => None,
        OperationState::Running | OperationState::Unknown | OperationState::Failed | OperationState::Abandoned => {
            Some(format!("{state:?} is no end"))
        }
    };
    let name = &scene.desks[desk].name;
    wrong.into_iter().map(|wrong| format!("the end of {name}: {wrong}")).collect()
}

/// Done only where the endpoint is in service on what was asked for.
fn done_is_true(scene: &mut Scene, desk: usize, count: usize) -> Option<String> {
    let seen = &scene.desks[desk];
    let aim = seen.aim.clone()?;
    if count == 0 && !others_changed(scene, seen, CALM * 4) {
        return Some("Done, and nobody did it".to_owned());
    }
    if !aim.deploys() {
        return other_is_true(scene, desk, &aim);
    }
    let in_service = matches!(&seen.last, Some((EndpointStatus::InService, config)) if aim.config.as_ref().is_none_or(|to| *config == to.as_str()));
    if !in_service {
        return Some(format!("Done, but the last read showed {:?}", seen.last));
    }
    if let Some(wrong) = tagged(&scene.desks[desk]) {
        return Some(wrong);
    }
    let truth = scene.account.truth(&aim.target);
    let is_true = truth.as_ref().is_some_and(|truth| {
        truth.status == "InService" && aim.config.as_ref().is_none_or(|config| *config == truth.config)
    });
    let moved_on = others_changed(scene, &scene.desks[desk], LAG);
    (!is_true && !moved_on).then(|| format!("Done, but in truth it is {truth:?}"))
}

fn is_a_run(seen: &Seen) -> bool {
    seen.aim.as_ref().is_some_and(|aim| aim.kind == Kind::Execution)
}

/// What was put into service says which plan did it; a process that died, or was told to stop, leaves that out.
fn tagged(seen: &Seen) -> Option<String> {
    let whole = !seen.restarted && !seen.aborted && !seen.told_dead;
    let deployed = seen.aim.as_ref().is_some_and(|aim| aim.config.is_some());
    (whole && deployed && seen.paper.intents("AddTags") == 0).then(|| "Done, and no tag says by which plan".to_owned())
}

/// Done of what is no deployment: the account shows it.
fn other_is_true(scene: &mut Scene, desk: usize, aim: &Aim) -> Option<String> {
    if others_changed(scene, &scene.desks[desk], LAG) {
        return None;
    }
    let account = &mut scene.account;
    let target = aim.target.as_str();
    let name = json!({ aim.kind.parameter(): target });
    let (shown, wanted): (Option<String>, &[&str]) = match aim.operation {
        "UpdateModelPackage" => (account.fact("DescribeModelPackage", &name, "/ModelApprovalStatus"), &["Approved"]),
        "StopPipelineExecution" => {
            (account.fact("DescribePipelineExecution", &name, "/PipelineExecutionStatus"), &["Stopped"])
        }
        "SetAlarmState" => (account.truth(target).map(|truth| truth.config), &[]),
        operation if operation.starts_with("Delete") => {
            let there = account.fact(aim.kind.describe(), &name, "").is_some();
            return there.then(|| "Done, but in truth it is still there".to_owned());
        }
        _ => return None,
    };
    let expected =
        scene.desks[desk].plan.as_ref().and_then(|plan| plan.basis.endpoint()).map(|basis| basis.config.raw());
    let is_true = match (&shown, wanted) {
        (Some(config), []) => Some(config) == expected.as_ref(),
        (Some(word), wanted) => wanted.contains(&word.as_str()),
        (None, _) => false,
    };
    (!is_true).then(|| format!("Done, but in truth it is {shown:?}"))
}
