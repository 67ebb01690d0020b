//! Start, stop and update: what a caller may say while a test waits or runs.

use serde_json::{Map, Value};

use super::{
    Action, ApiError, CANCELLED, COMPLETED, KINDS, Kind, NOUN, Reply, Request, Step, UPDATING, World, deploy, finish,
    go, item, operations,
    plan::{self, Part, Plan},
    reason,
};

fn kind() -> &'static Kind {
    &KINDS[0]
}

fn conflict(world: &World, key: &str, why: &str) -> ApiError {
    let arn = item(world, key).map_or(key, |item| item.arn.as_str());
    ApiError::new(400, "ConflictException", format!("Inference experiment \"{arn}\" {why}."))
}

/// The endpoint must not be on its way elsewhere.
fn check_free(world: &World, key: &str) -> Result<(), ApiError> {
    let Some(found) = item(world, key) else { return Ok(()) };
    if plan::is_free(world, &found.body) {
        return Ok(());
    }
    Err(conflict(world, key, "has to wait: its endpoint is being changed"))
}

pub(super) fn start(world: &mut World, request: &Request<'_>) -> Reply {
    let key = operations::key_of(world, request, kind())?;
    operations::check_state(world, request, kind(), &key, kind().life.start_from)?;
    check_free(world, &key)?;
    deploy::begin(world, &key)?;
    let now = world.now;
    if let Some(item) = world.shelf.item_mut(NOUN, &key) {
        plan::begins(&mut item.body, now);
    }
    operations::start(world, request, kind())
}

fn action(word: &str) -> Action {
    match word {
        "Promote" => Action::Promote,
        "Remove" => Action::Remove,
        _ => Action::Retain,
    }
}

/// What is to become of both variants; one that is not named is what it was before.
fn actions(request: &Request<'_>, plan: &Plan) -> Result<(Action, Action), ApiError> {
    let mut found = (Action::Retain, Action::Remove);
    for (name, word) in request.input.get("ModelVariantActions").and_then(Value::as_object).into_iter().flatten() {
        let action = action(word.as_str().unwrap_or_default());
        if *name == plan.source.name {
            found.0 = action;
        } else if *name == plan.shadow.name {
            found.1 = action;
        } else {
            return Err(ApiError::validation(format!(
                "ModelVariantActions names \"{name}\", which is no variant of the inference experiment."
            )));
        }
    }
    Ok(found)
}

pub(super) fn stop(world: &mut World, request: &Request<'_>) -> Reply {
    let key = operations::key_of(world, request, kind())?;
    operations::check_state(world, request, kind(), &key, &["Created", "Running"])?;
    let Some(found) = item(world, &key) else { return Ok(Value::Null) };
    let is_waiting = found.state == "Created";
    let actions = actions(request, &Plan::read(&found.body)?)?;
    let why = request.opt_text("Reason").map(str::to_owned);
    if is_waiting {
        // Nothing was changed, so there is nothing to take back.
        finish(world, &key, CANCELLED, why);
        return operations::describe(world, request, kind());
    }
    check_free(world, &key)?;
    let desired: Vec<Part> = request.list("DesiredModelVariants").iter().map(Part::read).collect();
    let is_cancelled = request.opt_text("DesiredState") == Some("Cancelled");
    let then: &'static [Step] = if is_cancelled { CANCELLED } else { COMPLETED };
    deploy::conclude(world, &key, actions, &desired, then)?;
    reason(world, &key, why);
    operations::describe(world, request, kind())
}

pub(super) fn update(world: &mut World, request: &Request<'_>) -> Reply {
    let key = operations::key_of(world, request, kind())?;
    operations::check_state(world, request, kind(), &key, kind().life.update_from)?;
    let Some(found) = item(world, &key) else { return Ok(Value::Null) };
    let (before, is_running) = (found.body.clone(), found.state == "Running");
    let after = merged(&before, request);
    if is_running {
        plan::check_running(world, &before, &after)?;
        if plan::moves_endpoint(&before, &after) {
            check_free(world, &key)?;
            deploy::change(world, &key, &after)?;
            operations::update(world, request, kind())?;
            go(world, &key, UPDATING);
            return operations::describe(world, request, kind());
        }
    } else {
        plan::check(world, &after)?;
    }
    operations::update(world, request, kind())
}

/// The experiment as it will be; of the schedule one end may be told.
fn merged(before: &Map<String, Value>, request: &Request<'_>) -> Map<String, Value> {
    let mut after = before.clone();
    for (member, value) in request.input.as_object().into_iter().flatten() {
        let known = after.get_mut(member).and_then(Value::as_object_mut).filter(|_| member == "Schedule");
        match (known, value.as_object()) {
            (Some(known), Some(sent)) => known.extend(sent.clone()),
            _ => {
                after.insert(member.clone(), value.clone());
            }
        }
    }
    after
}
