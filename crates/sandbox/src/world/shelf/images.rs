//! Versions of Studio's images: numbers that count up and never come back, and names for some of them.

use serde_json::{Map, Value, json};

use super::{
    ApiError, Handler, Item, Reply, Request, World,
    kind::text,
    life::{Step, lasting, passing},
};
use crate::{
    shape::{Shape, restrict},
    world::{epoch, estate, lists, noise, request::int},
};

pub(super) const OPERATIONS: &[(&str, Handler)] = &[
    ("CreateImageVersion", create),
    ("DescribeImageVersion", describe),
    ("UpdateImageVersion", update),
    ("DeleteImageVersion", delete),
    ("ListImageVersions", list),
    ("ListAliases", list_aliases),
];

/// Versions are no kind: the service numbers them, and they are called by number or alias.
const NOUN: &str = "ImageVersion";
const CREATE: &[Step] = &[passing("CREATING", 30), lasting("CREATED")];
const DELETE: &[Step] = &[passing("DELETING", 15)];

/// The last number that was given, in the body of an image.
const LAST: &str = "mldeck:last";

fn missing(what: &str) -> ApiError {
    ApiError::new(400, "ResourceNotFound", format!("{what} does not exist."))
}

fn image<'w>(world: &'w World, request: &Request<'_>) -> Result<&'w Item, ApiError> {
    let name = request.text("ImageName")?;
    world.shelved("Image", name).ok_or_else(|| missing(&format!("Image {name}")))
}

fn key(image: &Item, version: i64) -> String {
    format!("{}/{version:08}", image.arn)
}

/// The versions of an image, the first first.
fn versions<'w>(world: &'w World, image: &'w Item) -> impl Iterator<Item = &'w Item> {
    world.shelf.of(NOUN).filter(|item| text(&item.body, "ImageArn") == image.arn)
}

fn number(item: &Item) -> i64 {
    item.body.get("Version").and_then(int).unwrap_or_default()
}

fn aliases(item: &Item) -> Vec<&str> {
    item.body.get("Aliases").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The version a request means: by number, by alias, else the last.
fn version<'w>(world: &'w World, request: &Request<'_>) -> Result<(&'w Item, &'w Item), ApiError> {
    let image = image(world, request)?;
    let (wanted, alias) = (request.opt_int("Version"), request.opt_text("Alias"));
    let is_meant = |item: &&Item| {
        wanted.is_none_or(|wanted| number(item) == wanted) && alias.is_none_or(|alias| aliases(item).contains(&alias))
    };
    let found = versions(world, image).filter(is_meant).last();
    let said = wanted.map(|wanted| wanted.to_string()).or(alias.map(str::to_owned)).unwrap_or_default();
    found.map(|found| (image, found)).ok_or_else(|| missing(&format!("Version {said} of image {}", image.arn)))
}

fn create(world: &mut World, request: &Request<'_>) -> Reply {
    let image = image(world, request)?;
    let token = request.opt_text("ClientToken").unwrap_or_default();
    if let Some(same) = versions(world, image).find(|item| text(&item.body, "ClientToken") == token) {
        return Ok(json!({"ImageVersionArn": same.arn}));
    }
    let base = request.text("BaseImage")?;
    if !base.contains(".dkr.ecr.") {
        return Err(ApiError::validation(format!("BaseImage {base} is not an image of Amazon ECR.")));
    }
    free(world, image, &request.texts("Aliases"), None)?;
    let next = image.body.get(LAST).and_then(int).unwrap_or(0) + 1;
    let (image_key, key) = (text(&image.body, "ImageName").to_lowercase(), key(image, next));
    let arn = estate::arn("sagemaker", &format!("image-version/{image_key}/{next}"));
    let mut body = request.input.as_object().cloned().unwrap_or_default();
    body.remove("ImageName");
    body.insert("ImageArn".to_owned(), image.arn.clone().into());
    body.insert("Version".to_owned(), next.into());
    if let Some(image) = world.shelf.item_mut("Image", &image_key) {
        image.body.insert(LAST.to_owned(), next.into());
    }
    world.shelve((NOUN, key, arn.clone()), request.caller, body, CREATE);
    Ok(json!({"ImageVersionArn": arn}))
}

/// Refuses an alias that another version of the image has.
fn free(world: &World, image: &Item, names: &[&str], own: Option<&Item>) -> Result<(), ApiError> {
    let others = versions(world, image).filter(|item| own.is_none_or(|own| own.arn != item.arn));
    match others.flat_map(aliases).find(|alias| names.contains(alias)) {
        None => Ok(()),
        Some(alias) => {
            Err(ApiError::new(400, "ResourceInUse", format!("Another version of {} has the alias {alias}.", image.arn)))
        }
    }
}

fn told(item: &Item) -> Map<String, Value> {
    let mut record = item.body.clone();
    let base = text(&item.body, "BaseImage");
    for (member, value) in [
        ("ImageVersionArn", Value::from(item.arn.as_str())),
        ("ImageVersionStatus", item.state.into()),
        ("CreationTime", epoch(item.created)),
        ("LastModifiedTime", epoch(item.modified)),
    ] {
        record.insert(member.to_owned(), value);
    }
    if item.state == "CREATED" {
        let name = base.split('@').next().map(|name| name.rsplit_once(':').map_or(name, |(name, _)| name));
        let digest = noise::digest(&[noise::name(base)]);
        record.insert("ContainerImage".to_owned(), format!("{}@sha256:{digest}", name.unwrap_or(base)).into());
    }
    record
}

fn describe(world: &mut World, request: &Request<'_>) -> Reply {
    let (_, item) = version(world, request)?;
    Ok(Value::Object(restrict(&told(item), Shape::named("DescribeImageVersionResponse").members())))
}

/// Versions that are being made or on their way out stay as they are.
fn still(item: &Item) -> Result<(), ApiError> {
    if item.is_moving() {
        return Err(ApiError::new(400, "ResourceInUse", format!("Image version {} is {}.", item.arn, item.state)));
    }
    Ok(())
}

fn update(world: &mut World, request: &Request<'_>) -> Reply {
    let (image, item) = version(world, request)?;
    still(item)?;
    let (added, taken) = (request.texts("AliasesToAdd"), request.texts("AliasesToDelete"));
    free(world, image, &added, Some(item))?;
    let mut kept = aliases(item);
    kept.retain(|alias| !taken.contains(alias));
    kept.extend(added.iter().filter(|alias| !aliases(item).contains(alias)));
    let (kept, arn, key): (Vec<Value>, _, _) =
        (kept.into_iter().map(Value::from).collect(), item.arn.clone(), key(image, number(item)));
    let now = world.now;
    if let Some(item) = world.shelf.item_mut(NOUN, &key) {
        let named = ["ImageName", "Alias", "Version", "AliasesToAdd", "AliasesToDelete"];
        for (member, value) in request.input.as_object().into_iter().flatten() {
            if !named.contains(&member.as_str()) {
                item.body.insert(member.clone(), value.clone());
            }
        }
        item.body.insert("Aliases".to_owned(), kept.into());
        item.modified = now;
    }
    Ok(json!({"ImageVersionArn": arn}))
}

fn delete(world: &mut World, request: &Request<'_>) -> Reply {
    let (image, item) = version(world, request)?;
    still(item)?;
    let key = key(image, number(item));
    let now = world.now;
    if let Some(item) = world.shelf.item_mut(NOUN, &key) {
        item.go(now, DELETE, true);
        let due = item.due();
        world.shelf.expect(due);
    }
    Ok(json!({}))
}

/// The versions go with their image.
pub(super) fn forget(world: &mut World, image: &str) {
    if let Some(items) = world.shelf.items.get_mut(NOUN) {
        items.retain(|_, item| text(&item.body, "ImageArn") != image);
    }
}

fn list(world: &mut World, request: &Request<'_>) -> Reply {
    let image = image(world, request)?;
    let created = lists::Window::new(request, "CreationTimeAfter", "CreationTimeBefore");
    let modified = lists::Window::new(request, "LastModifiedTimeAfter", "LastModifiedTimeBefore");
    let mut items: Vec<&Item> = versions(world, image).filter(|item| created.holds(item.created)).collect();
    match request.opt_text("SortBy") {
        Some("VERSION") => items.sort_by_key(|item| number(item)),
        Some("LAST_MODIFIED_TIME") => items.sort_by_key(|item| (item.modified, number(item))),
        _ => items.sort_by_key(|item| (item.created, number(item))),
    }
    if !lists::is_ascending(request)? {
        items.reverse();
    }
    let (page, next) = lists::page(&items, request)?;
    let members = Shape::named("ImageVersion").members();
    let rows = page.iter().filter(|item| modified.holds(item.modified));
    let rows = rows.map(|item| Value::Object(restrict(&told(item), members)));
    Ok(lists::reply("ImageVersions", rows.collect(), next))
}

fn list_aliases(world: &mut World, request: &Request<'_>) -> Reply {
    let image = image(world, request)?;
    let (wanted, alias) = (request.opt_int("Version"), request.opt_text("Alias"));
    let found = versions(world, image).filter(|item| wanted.is_none_or(|wanted| number(item) == wanted));
    let found = found.flat_map(aliases).filter(|name| alias.is_none_or(|alias| alias == *name));
    let mut names: Vec<&str> = found.collect();
    names.sort_unstable();
    let (page, next) = lists::page(&names, request)?;
    Ok(lists::reply("SageMakerImageVersionAliases", page.iter().map(|name| Value::from(*name)).collect(), next))
}

#[cfg(test)]
mod tests;
