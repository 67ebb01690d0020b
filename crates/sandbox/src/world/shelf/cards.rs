//! Model cards: what is written of a model, in versions that count up, and exports of them.

use serde_json::{Map, Value, json};

use super::{
    ApiError, Handler, Item, Reply, Request, World,
    kind::{Kind, text},
    life::{STILL, Step, lasting, passing},
    operations::{key_of, refuse},
};
use crate::world::{epoch, lists, request::int};

pub(super) const OPERATIONS: &[(&str, Handler)] = &[
    ("DescribeModelCard", describe),
    ("UpdateModelCard", update),
    ("ListModelCardVersions", list_versions),
    ("CreateModelCardExportJob", export),
    ("DescribeModelCardExportJob", describe_export),
    ("ListModelCardExportJobs", list_exports),
];

const NOUN: &str = "ModelCard";
/// Exports are no kind: they are called by their ARN, and have a card above them.
const EXPORT: &str = "ModelCardExportJob";
const EXPORTING: &[Step] = &[passing("InProgress", 60), lasting("Completed")];

/// Where the versions before the last are kept in the body; no request has such a member.
const OLDER: &str = "mldeck:older";
/// Set in the body of an export whose document lies in S3.
const WRITTEN: &str = "mldeck:written";
const VERSIONS: usize = 100;

pub(super) const KINDS: &[Kind] =
    &[Kind { made, ..Kind::new(NOUN, "ListModelCards", "model-card", &["ModelCardName"], "ModelCardArn", STILL) }];

/// What the schema of a card has at its top.
const PARTS: &[&str] = &[
    "model_overview",
    "intended_uses",
    "business_details",
    "training_details",
    "evaluation_details",
    "additional_information",
    "model_package_details",
];

fn check(content: &str) -> Result<(), ApiError> {
    let parsed: Map<String, Value> = serde_json::from_str(content)
        .map_err(|error| ApiError::validation(format!("Model card content is not a valid JSON object: {error}.")))?;
    match parsed.keys().find(|part| !PARTS.contains(&part.as_str())) {
        None => Ok(()),
        Some(part) => Err(ApiError::validation(format!(
            "Model card content does not follow the schema: additional property '{part}' is not allowed."
        ))),
    }
}

fn made(_: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    body.insert("ModelCardVersion".to_owned(), 1.into());
    check(text(body, "Content"))
}

fn card() -> &'static Kind {
    &KINDS[0]
}

fn version(body: &Map<String, Value>) -> i64 {
    body.get("ModelCardVersion").and_then(int).unwrap_or(1)
}

fn older(item: &Item) -> &[Value] {
    item.body.get(OLDER).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The card a request names, and what is told of the version it asks for: the last, where it names none.
fn told(world: &World, request: &Request<'_>) -> Result<(String, Map<String, Value>), ApiError> {
    let key = key_of(world, request, card())?;
    let item = world.shelf.item(NOUN, &key).ok_or_else(|| ApiError::missing(NOUN))?;
    let mut record = world.told(card(), item);
    let wanted = request.opt_int("ModelCardVersion").unwrap_or_else(|| version(&item.body));
    if wanted != version(&item.body) {
        let past = older(item).iter().find(|past| past.get("ModelCardVersion").and_then(int) == Some(wanted));
        let past = past.and_then(Value::as_object).ok_or_else(|| {
            refuse(request, &["ResourceNotFound"], format!("Version {wanted} of model card \"{key}\" does not exist."))
        })?;
        record.extend(past.clone());
    }
    Ok((key, record))
}

fn describe(world: &mut World, request: &Request<'_>) -> Reply {
    let (_, record) = told(world, request)?;
    Ok(super::operations::answer(request, card(), &record))
}

/// Other content makes another version, another status does not.
fn update(world: &mut World, request: &Request<'_>) -> Reply {
    let (key, before) = told(world, request)?;
    let (content, status) = (request.opt_text("Content"), request.opt_text("ModelCardStatus"));
    match (content, status) {
        (Some(content), None) => check(content)?,
        (None, Some(_)) => {}
        _ => return Err(ApiError::validation("Either Content or ModelCardStatus must be given, and not both.")),
    }
    let now = world.now;
    let item = world.shelf.item_mut(NOUN, &key);
    let item = item.ok_or_else(|| ApiError::missing(NOUN))?;
    if let Some(content) = content {
        let mut past = older(item).to_vec();
        if past.len() >= VERSIONS {
            let message = format!("A model card can have at most {VERSIONS} versions.");
            return Err(ApiError::new(400, "ResourceLimitExceeded", message));
        }
        let kept = ["ModelCardVersion", "Content", "ModelCardStatus", "CreationTime", "LastModifiedTime"];
        past.push(kept.iter().map(|member| (*member, before.get(*member).cloned().unwrap_or_default())).collect());
        let next = version(&item.body) + 1;
        item.body.insert(OLDER.to_owned(), past.into());
        item.body.insert("ModelCardVersion".to_owned(), next.into());
        item.body.insert("Content".to_owned(), content.into());
    }
    if let Some(status) = status {
        item.body.insert("ModelCardStatus".to_owned(), status.into());
    }
    item.modified = now;
    item.changed_by = request.caller.to_owned();
    Ok(json!({"ModelCardArn": item.arn}))
}

fn list_versions(world: &mut World, request: &Request<'_>) -> Reply {
    let (key, last) = told(world, request)?;
    let window = lists::Window::new(request, "CreationTimeAfter", "CreationTimeBefore");
    let item = world.shelf.item(NOUN, &key).ok_or_else(|| ApiError::missing(NOUN))?;
    let mut rows: Vec<Map<String, Value>> = Vec::new();
    for past in older(item).iter().filter_map(Value::as_object) {
        let mut row = last.clone();
        row.extend(past.clone());
        rows.push(row);
    }
    rows.push(last);
    let wanted = request.opt_text("ModelCardStatus");
    rows.retain(|row| wanted.is_none_or(|status| text(row, "ModelCardStatus") == status));
    rows.retain(|row| row.get("CreationTime").and_then(crate::world::moment).is_some_and(|at| window.holds(at)));
    if !lists::is_ascending(request)? {
        rows.reverse();
    }
    page(&rows, request, "ModelCardVersionSummaryList", "ModelCardVersionSummary")
}

fn page(rows: &[Map<String, Value>], request: &Request<'_>, member: &str, shape: &str) -> Reply {
    let (page, next) = lists::page(rows, request)?;
    let members = crate::shape::Shape::named(shape).members();
    let rows = page.iter().map(|row| Value::Object(crate::shape::restrict(row, members)));
    Ok(lists::reply(member, rows.collect(), next))
}

fn export(world: &mut World, request: &Request<'_>) -> Reply {
    let (key, record) = told(world, request)?;
    let name = request.text("ModelCardExportJobName")?;
    let arn = format!("{}/export-job/{}", text(&record, "ModelCardArn"), name.to_lowercase());
    if world.shelf.of(EXPORT).any(|item| item.arn == arn) {
        return Err(ApiError::new(400, "ConflictException", format!("Export job {name} of \"{key}\" exists already.")));
    }
    let mut body = Map::new();
    for member in ["ModelCardName", "ModelCardVersion"] {
        body.insert(member.to_owned(), record.get(member).cloned().unwrap_or_default());
    }
    body.insert("ModelCardExportJobName".to_owned(), name.into());
    body.insert("OutputConfig".to_owned(), request.input.get("OutputConfig").cloned().unwrap_or_default());
    world.shelve((EXPORT, arn.clone(), arn.clone()), request.caller, body, EXPORTING);
    Ok(json!({"ModelCardExportJobArn": arn}))
}

/// `<path>/<card>/<version>/<job>.pdf`. `[?]`: how AWS calls the file.
fn document(body: &Map<String, Value>) -> String {
    let path = body.get("OutputConfig").and_then(|output| output.get("S3OutputPath")?.as_str()).unwrap_or_default();
    let (card, job) = (text(body, "ModelCardName"), text(body, "ModelCardExportJobName"));
    format!("{}/{card}/{}/{job}.pdf", path.trim_end_matches('/'), version(body))
}

fn told_export(item: &Item) -> Map<String, Value> {
    let mut record = item.body.clone();
    for (member, value) in [
        ("ModelCardExportJobArn", Value::from(item.arn.as_str())),
        ("Status", item.state.into()),
        ("CreatedAt", epoch(item.created)),
        ("LastModifiedAt", epoch(item.modified)),
    ] {
        record.insert(member.to_owned(), value);
    }
    if item.state == "Completed" {
        record.insert("ExportArtifacts".to_owned(), json!({"S3ExportArtifacts": document(&item.body)}));
    }
    record
}

fn describe_export(world: &mut World, request: &Request<'_>) -> Reply {
    let arn = request.text("ModelCardExportJobArn")?;
    let item = world.shelf.of(EXPORT).find(|item| item.arn.eq_ignore_ascii_case(arn));
    let item = item.ok_or_else(|| {
        ApiError::new(400, "ResourceNotFound", format!("Could not find model card export job \"{arn}\"."))
    })?;
    Ok(super::operations::answer(request, card(), &told_export(item)))
}

fn list_exports(world: &mut World, request: &Request<'_>) -> Reply {
    let card = request.text("ModelCardName")?;
    let window = lists::Window::new(request, "CreationTimeAfter", "CreationTimeBefore");
    let part = request.opt_text("ModelCardExportJobNameContains").unwrap_or_default().to_lowercase();
    let mut items: Vec<&Item> = world
        .shelf
        .of(EXPORT)
        .filter(|item| text(&item.body, "ModelCardName").eq_ignore_ascii_case(card) && window.holds(item.created))
        .filter(|item| request.opt_int("ModelCardVersion").is_none_or(|wanted| version(&item.body) == wanted))
        .filter(|item| request.opt_text("StatusEquals").is_none_or(|state| state == item.state))
        .filter(|item| text(&item.body, "ModelCardExportJobName").to_lowercase().contains(&part))
        .collect();
    match request.opt_text("SortBy") {
        Some("Name") => items.sort_by_key(|item| text(&item.body, "ModelCardExportJobName")),
        Some("Status") => items.sort_by_key(|item| (item.state, item.created)),
        _ => items.sort_by_key(|item| (item.created, &item.arn)),
    }
    if !lists::is_ascending(request)? {
        items.reverse();
    }
    let rows: Vec<Map<String, Value>> = items.into_iter().map(told_export).collect();
    page(&rows, request, "ModelCardExportJobSummaries", "ModelCardExportJobSummary")
}

/// Puts the documents of exports that are over into S3.
pub(super) fn advance(world: &mut World) {
    let Some(exports) = world.shelf.items.get_mut(EXPORT) else { return };
    for item in exports.values_mut().filter(|item| item.state == "Completed" && !item.body.contains_key(WRITTEN)) {
        item.body.insert(WRITTEN.to_owned(), true.into());
        let uri = document(&item.body);
        let title = format!("{} version {}", text(&item.body, "ModelCardName"), version(&item.body));
        world.s3.put_at(&uri, pdf(&title), item.modified);
    }
}

/// One page with one line.
fn pdf(line: &str) -> String {
    let shown = format!("BT /F1 18 Tf 72 720 Td ({line}) Tj ET");
    format!(
        "%PDF-1.4\n1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj\n2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj\n\
         3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources <</Font <</F1 <</Type /Font \
         /Subtype /Type1 /BaseFont /Helvetica>>>>>>>> endobj\n4 0 obj <</Length {}>> stream\n{shown}\nendstream endobj\n\
         trailer <</Root 1 0 R>>\n%%EOF\n",
        shown.len()
    )
}

#[cfg(test)]
mod tests;
