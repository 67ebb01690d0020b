//! The deck's driver of a bulk: each of its changes is planned again when its turn comes and carried out as any other. It
//! goes on while nobody looks, and once the deck has gone nothing more of it is begun.

use mldeck_core::{
    ask::{Answer, Ask},
    fault::Fault,
    ops::{bulk::Bulk, journal, plan::Plan, verb},
    resource::operation::OperationState,
    text::Text,
};

use super::{
    model::Model,
    msg::{Effect, Slot},
    ops,
    polls::Want,
};

/// The bulk of this session that began last.
pub fn last(model: &Model) -> Option<&Bulk> {
    model.ops.bulk.as_ref()
}

pub fn is_under_way(model: &Model) -> bool {
    last(model).is_some_and(|bulk| !bulk.is_over())
}

/// Its plans were confirmed together: the first is planned again and begins. Answers the bulk's id.
pub fn start(model: &mut Model, plans: Vec<Plan>) -> Text {
    let bulk = Bulk::new(plans);
    let id = bulk.id.clone();
    model.ops.bulk = Some(bulk);
    id
}

/// Nothing more of it is begun.
pub fn stop(model: &mut Model, why: &str) {
    if let Some(bulk) = &mut model.ops.bulk {
        bulk.stop(why);
    }
}

/// Takes note of the one that has ended.
pub fn tick(model: &mut Model) {
    let Some(running) = last(model).and_then(Bulk::running).map(Plan::id) else { return };
    let (state, note) = match model.ops.get(&running) {
        Some(live) if !live.is_finished() => return,
        Some(live) => (live.run.operation().state, live.run.operation().note.to_string()),
        None => (OperationState::Refused, "another process has this plan".to_owned()),
    };
    let Some(bulk) = &mut model.ops.bulk else { return };
    bulk.ended(state, &note);
    told(model);
}

/// How it came out, once it is over.
fn told(model: &mut Model) {
    let Some(verdict) = last(model).filter(|bulk| bulk.is_over()).map(Bulk::verdict) else { return };
    let line = format!("All that was confirmed together: {}.", verdict.sentence());
    if verdict.is_good() {
        model.say(line);
    } else {
        model.complain(line);
    }
}

/// The facts of whose turn it is.
pub fn wants(model: &Model) -> Option<Want> {
    let plan = last(model)?.turn()?;
    let intent = Box::new(plan.intent.clone());
    Some(Want::once(Slot::BulkFacts, Ask::Facts { intent, deep: false }))
}

/// They came: it begins if it still does what was confirmed. What cannot be read for a while is asked again by the poll.
pub fn on_facts(model: &mut Model, result: Result<Answer, Fault>, out: &mut Vec<Effect>) {
    let Some(plan) = last(model).and_then(Bulk::turn) else { return };
    let target = plan.intent.change.target();
    let made = match result {
        Ok(Answer::Facts(facts)) => {
            let Some(context) = ops::context(model) else { return };
            let history = journal::history(model.ops.records());
            verb::plan(&plan.intent, &facts, &history, &context)
        }
        Err(fault) if fault.is_passing() => return model.complain(fault.to_string()),
        Err(fault) => return give_up(model, &format!("it cannot be read: {fault}")),
        Ok(_) => return,
    };
    if model.session.read_only {
        return give_up(model, "the deck is read-only now");
    }
    if model.ops.on_target(&target).is_some() {
        return give_up(model, "another operation of ours is under way on the next one");
    }
    let begun = model.ops.bulk.as_mut().and_then(|bulk| bulk.begin(made));
    match begun {
        Some(plan) => {
            ops::start(model, plan, out);
        }
        None => told(model),
    }
}

fn give_up(model: &mut Model, why: &str) {
    stop(model, why);
    told(model);
}
