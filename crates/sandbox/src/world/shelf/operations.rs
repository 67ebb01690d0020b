//! Create, describe, update, delete, start and stop, the same for all kinds.

use serde_json::{Map, Value};

use super::{ApiError, Item, Kind, ROOM, Reply, Request, World, kinds, life::Step};
use crate::{
    shape::{Operation, Shape, restrict},
    world::estate,
};

type Body = Map<String, Value>;

/// What was sent, without members that the service does not know.
fn body_of(request: &Request<'_>) -> Body {
    let members = Operation::named(request.operation).map(|operation| operation.input.members());
    members.and_then(|members| Some(restrict(request.input.as_object()?, members))).unwrap_or_default()
}

/// The first of `codes` that the service names for this operation; most answer with a validation error otherwise.
pub(super) fn refuse(request: &Request<'_>, codes: &[&'static str], message: String) -> ApiError {
    let named = Operation::named(request.operation);
    let code = codes.iter().find(|code| named.is_some_and(|operation| operation.may_fail_with(code)));
    ApiError::new(400, code.copied().unwrap_or("ValidationException"), message)
}

/// What an answer says of a record: the members it has, or the record under the kind's own name.
pub(super) fn answer(request: &Request<'_>, kind: &Kind, record: &Body) -> Value {
    let Some(operation) = Operation::named(request.operation) else { return Value::Object(Body::new()) };
    let members = operation.output.members();
    let whole = members.get(kind.noun).map(|member| Shape::named(member.shape));
    Value::Object(match whole {
        Some(Shape::Struct(inner)) => {
            [(kind.noun.to_owned(), Value::Object(restrict(record, inner)))].into_iter().collect()
        }
        _ => restrict(record, members),
    })
}

pub(super) fn create(world: &mut World, request: &Request<'_>, kind: &'static Kind) -> Reply {
    let mut body = body_of(request);
    let tags = body.remove("Tags");
    check_needs(world, request, kind, &body)?;
    (kind.made)(world, &mut body)?;
    let named_by_arn = kind.keys == [kind.arn];
    let minted = kind.mint.map(|mint| mint(world));
    if let (Some(minted), Some(own), false) = (&minted, kind.keys.last(), named_by_arn) {
        body.insert((*own).to_owned(), minted.as_str().into());
    }
    let name = minted.filter(|_| named_by_arn).unwrap_or_else(|| kind.arn_name(&body));
    let arn = arn_of(kind, &name);
    if named_by_arn {
        body.insert(kind.arn.to_owned(), arn.as_str().into());
    }
    let key = kind.key(&body);
    if world.shelf.item(kind.noun, &key).is_some_and(|item| !kind.is_over(item)) {
        let message = format!("Cannot create {} \"{arn}\": it already exists.", kind.words());
        return Err(refuse(request, &["ResourceInUse", "ConflictException"], message));
    }
    if world.shelf.is_full(kind.noun) {
        let message = format!("The account has {ROOM} resources of this kind, which is the limit.");
        return Err(refuse(request, &["ResourceLimitExceeded"], message));
    }
    world.shelve((kind.noun, key.clone(), arn.clone()), request.caller, body, kind.life.create);
    // Of the one that was over.
    world.tags.forget(&arn);
    world.tags.set_from(&arn, tags.as_ref().and_then(Value::as_array).map_or(&[], Vec::as_slice));
    told(world, request, kind, &key)
}

pub(super) fn arn_of(kind: &Kind, name: &str) -> String {
    estate::arn("sagemaker", &format!("{}/{name}", kind.path))
}

/// What a request refers to must be there, and not on its way out.
fn check_needs(world: &World, request: &Request<'_>, kind: &Kind, body: &Body) -> Result<(), ApiError> {
    for (member, noun) in kind.needs {
        let Some(given) = body.get(*member).and_then(Value::as_str) else { continue };
        if world.shelved_in(noun, given, body).is_none_or(Item::is_ending) {
            let words = kinds().find(|kind| kind.noun == *noun).map(Kind::words).unwrap_or_default();
            return Err(refuse(request, &["ResourceNotFound"], format!("Could not find {words} \"{given}\".")));
        }
    }
    Ok(())
}

/// The key of what the request names; it is there.
pub(super) fn key_of(world: &World, request: &Request<'_>, kind: &Kind) -> Result<String, ApiError> {
    let body = body_of(request);
    let own = kind.keys.last().copied().unwrap_or_default();
    let given = kind.own_name(&body).ok_or_else(|| ApiError::missing(own))?;
    let key = kind.key(&body);
    let items = world.shelf.items.get(kind.noun);
    if items.is_some_and(|items| items.contains_key(&key)) {
        return Ok(key);
    }
    // Where the answer carries an ARN, most requests take that as well.
    let by_arn = items.into_iter().flatten().find(|(_, item)| item.arn.eq_ignore_ascii_case(given));
    by_arn.map(|(key, _)| key.clone()).ok_or_else(|| {
        if !kind.absent.is_empty() {
            return refuse(request, &["ResourceNotFound"], format!("{}{given}", kind.absent));
        }
        let arn = arn_of(kind, &kind.arn_name(&body));
        let arn = if given.starts_with("arn:") { given } else { &arn };
        refuse(request, &["ResourceNotFound"], format!("Could not find {} \"{arn}\".", kind.words()))
    })
}

fn item<'w>(world: &'w World, kind: &Kind, key: &str) -> Option<&'w Item> {
    world.shelf.item(kind.noun, key)
}

fn told(world: &World, request: &Request<'_>, kind: &Kind, key: &str) -> Reply {
    let record = item(world, kind, key).map(|item| world.told(kind, item)).unwrap_or_default();
    Ok(answer(request, kind, &record))
}

pub(super) fn describe(world: &mut World, request: &Request<'_>, kind: &'static Kind) -> Reply {
    let key = key_of(world, request, kind)?;
    told(world, request, kind, &key)
}

/// Refuses a change of what is under a key, unless it is in one of these states.
pub(super) fn check_state(
    world: &World,
    request: &Request<'_>,
    kind: &Kind,
    key: &str,
    from: &[&str],
) -> Result<(), ApiError> {
    item(world, kind, key).map_or(Ok(()), |item| check_item(request, kind, item, from))
}

/// A change is taken from states that last, and of those from some.
fn check_item(request: &Request<'_>, kind: &Kind, item: &Item, from: &[&str]) -> Result<(), ApiError> {
    let fits = if from.is_empty() { !item.is_moving() } else { from.contains(&item.state) };
    if fits {
        return Ok(());
    }
    let does = request.operation.strip_suffix(kind.noun).unwrap_or(request.operation).to_lowercase();
    let message = format!("Cannot {does} {} \"{}\" while it is {}.", kind.words(), item.arn, item.state);
    Err(refuse(request, &["ConflictException", "ResourceInUse"], message))
}

pub(super) fn update(world: &mut World, request: &Request<'_>, kind: &'static Kind) -> Reply {
    let key = key_of(world, request, kind)?;
    let input = body_of(request);
    check_needs(world, request, kind, &input)?;
    let Some(mut item) = world.shelf.items.get_mut(kind.noun).and_then(|items| items.remove(&key)) else {
        return Err(ApiError::missing(kind.noun));
    };
    let changed = check_item(request, kind, &item, kind.life.update_from).and_then(|()| {
        let before = item.body.clone();
        for (member, value) in input.iter().filter(|(member, _)| !kind.keys.contains(&member.as_str())) {
            item.body.insert(member.clone(), value.clone());
        }
        (kind.changed)(&mut item, &before).inspect_err(|_| item.body = before)
    });
    if changed.is_ok() {
        item.changed_by = request.caller.to_owned();
        item.go(world.now, kind.life.update, false);
        world.shelf.expect(item.due());
    }
    world.shelf.items.entry(kind.noun).or_default().insert(key.clone(), item);
    changed?;
    told(world, request, kind, &key)
}

pub(super) fn delete(world: &mut World, request: &Request<'_>, kind: &'static Kind) -> Reply {
    let key = key_of(world, request, kind)?;
    if let Some(item) = item(world, kind, &key) {
        check_item(request, kind, item, kind.life.delete_from)?;
        check_unused(world, request, kind, item)?;
    }
    let mut record = item(world, kind, &key).map(|item| world.told(kind, item)).unwrap_or_default();
    record.insert("Success".to_owned(), true.into());
    begin(world, request, kind, &key, kind.life.delete, true);
    // What needs no time is gone when the answer comes.
    let now = world.now;
    super::ripen(world, now);
    Ok(answer(request, kind, &record))
}

/// Refuses to delete what something else still needs.
fn check_unused(world: &World, request: &Request<'_>, kind: &Kind, item: &Item) -> Result<(), ApiError> {
    let own = kind.own_name(&item.body);
    for user in kinds() {
        for (member, _) in user.needs.iter().filter(|(_, noun)| *noun == kind.noun) {
            let uses = |other: &&Item| {
                let named = other.body.get(*member).and_then(Value::as_str);
                let names_it = named.is_some() && (named == own || named == Some(item.arn.as_str()));
                names_it && !user.is_over(other) && kind.is_beside(item, &other.body)
            };
            if let Some(other) = world.shelf.of(user.noun).find(uses) {
                let message = format!("Cannot delete {} \"{}\": \"{}\" uses it.", kind.words(), item.arn, other.arn);
                return Err(refuse(request, &["ResourceInUse", "ConflictException"], message));
            }
        }
    }
    Ok(())
}

pub(super) fn start(world: &mut World, request: &Request<'_>, kind: &'static Kind) -> Reply {
    change_state(world, request, kind, kind.life.start_from, kind.life.start)
}

pub(super) fn stop(world: &mut World, request: &Request<'_>, kind: &'static Kind) -> Reply {
    change_state(world, request, kind, kind.life.stop_from, kind.life.stop)
}

fn change_state(
    world: &mut World,
    request: &Request<'_>,
    kind: &'static Kind,
    from: &[&str],
    steps: &'static [Step],
) -> Reply {
    let key = key_of(world, request, kind)?;
    check_state(world, request, kind, &key, from)?;
    begin(world, request, kind, &key, steps, false);
    told(world, request, kind, &key)
}

fn begin(world: &mut World, request: &Request<'_>, kind: &Kind, key: &str, steps: &'static [Step], ends: bool) {
    let now = world.now;
    if let Some(item) = world.shelf.item_mut(kind.noun, key) {
        item.changed_by = request.caller.to_owned();
        item.go(now, steps, ends);
        let due = item.due();
        world.shelf.expect(due);
    }
}
