//! What steps find and leave: quality checks, property files, artifacts.

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    Node, list,
    live::{Slot, live, slot_mut},
    resolve, text,
};
use crate::world::{World, estate, monitor};

const FLAGS: [(&str, &str); 2] = [("SkipCheck", "SkipCheck"), ("RegisterNewBaseline", "RegisterNewBaseline")];

/// The member of `Metadata` of a check, but for the ARN of its job.
pub(super) fn metadata(slot: &Slot, node: &Node) -> Map<String, Value> {
    let mut body: Map<String, Value> = slot.body.get("Check").and_then(Value::as_object).cloned().unwrap_or_default();
    body.insert("CheckType".to_owned(), text(&node.body, "CheckType").into());
    for (member, from) in FLAGS {
        body.insert(member.to_owned(), (node.body.get(from) == Some(&Value::Bool(true))).into());
    }
    body
}

/// A data quality check sees what the monitor of the family's endpoint sees: the data set is drawn from the same people. What
/// violates the baseline fails the step, and the report says it. `[?]`: how AWS words the reason is not documented.
pub(super) fn look(world: &mut World, index: u32, node: &Node, slot: &mut Slot, now: Timestamp) {
    if !matches!(node.kind, "QualityCheck" | "ClarifyCheck") || slot.fails.is_some() {
        return;
    }
    let Some(execution) = world.pipelines.get(index) else { return };
    let group = text(&node.body, "ModelPackageGroupName").to_owned();
    let family = estate::family(&group).or_else(|| estate::family(execution.pipeline()));
    let place = format!("{}/{}/{}", execution.pipeline(), execution.id(world.seed), node.name.to_lowercase());
    let uri = |file: &str| format!("s3://{}/{place}/{file}", estate::DATA_BUCKET);
    let mut told = json!({
        "CalculatedBaselineConstraints": uri("constraints.json"),
        "BaselineUsedForDriftCheckConstraints": text(&node.body, "SuppliedBaselineConstraints"),
    });
    if node.kind == "QualityCheck" {
        told["CalculatedBaselineStatistics"] = uri("statistics.json").into();
        told["BaselineUsedForDriftCheckStatistics"] = text(&node.body, "SuppliedBaselineStatistics").into();
    }
    if !group.is_empty() {
        told["ModelPackageGroupName"] = group.into();
    }
    let is_data =
        text(&node.body, "CheckType") == "DATA_QUALITY" && node.body.get("SkipCheck") != Some(&Value::Bool(true));
    if let Some((report, count)) =
        family.filter(|_| is_data).and_then(|family| monitor::judged(world, family.endpoint, now))
    {
        slot.report = Some(report);
        told["ViolationReport"] = uri("constraint_violations.json").into();
        if node.body.get("FailOnViolation") != Some(&Value::Bool(false)) {
            slot.fails = Some(format!(
                "ClientError: CheckFailed: Data quality check completed with {count} violations of the baseline \
                 constraints. See the violation report: {}",
                uri("constraint_violations.json")
            ));
        }
    }
    slot.body["Check"] = told;
}

/// The report of a check lies there when its job is over.
pub(super) fn report(world: &mut World, index: u32, at: usize, now: Timestamp) {
    let Some(slot) = slot_mut(world, index, at).filter(|slot| slot.status != "Stopped") else { return };
    let uri = slot.body.pointer("/Check/ViolationReport").and_then(Value::as_str).map(str::to_owned);
    if let Some((uri, report)) = uri.zip(slot.report.take()) {
        world.s3.put_at(&uri, report.to_string(), now);
    }
}

/// A step that went well: its artifact has a place, and its property files lie on S3.
pub(super) fn leave(world: &mut World, index: u32, at: usize, now: Timestamp) {
    let Some((execution, found)) = live(world, index) else { return };
    let Some((slot, node)) = found.slots.get(&at).zip(found.graph.nodes.get(at)) else { return };
    let name = slot.made.as_ref().map(|(name, ..)| name.clone()).unwrap_or_default();
    let artifact = slot.body.pointer("/OutputDataConfig/S3OutputPath").and_then(Value::as_str).map(|path| {
        let uri = format!("{}/{name}/output/model.tar.gz", path.trim_end_matches('/'));
        json!({"S3ModelArtifacts": uri})
    });
    let scope = resolve::Scope { world, execution, live: found };
    let chance = execution.chance(world.seed).named(&node.name);
    let mut files = Vec::new();
    for file in list(&node.body, "PropertyFiles") {
        let file_name = text(file, "PropertyFileName");
        let Some(uri) = scope.property_file(&node.name, file_name) else { continue };
        let mut content = json!({});
        for path in asked(found.graph.nodes.iter(), &format!("Steps.{}.PropertyFiles.{file_name}", node.name)) {
            let score = (chance.named(&path).between(0.7, 0.97) * 1e4).round() / 1e4;
            set(&mut content, &path, score.into());
        }
        files.push((uri, content));
    }
    for (uri, content) in files {
        if world.s3.at(&uri).is_none() {
            world.s3.put_at(&uri, content.to_string(), now);
        }
    }
    let Some(slot) = slot_mut(world, index, at) else { return };
    if let (Some(artifact), Some(members)) = (artifact, slot.body.as_object_mut()) {
        members.entry("ModelArtifacts").or_insert(artifact);
    }
}

/// What is asked of a property file anywhere in the definition: the script that writes it knows.
fn asked<'g>(nodes: impl Iterator<Item = &'g Node>, file: &str) -> Vec<String> {
    fn walk(value: &Value, file: &str, into: &mut Vec<String>) {
        if let Some(get) = value.get("Std:JsonGet")
            && get.pointer("/PropertyFile/Get").and_then(Value::as_str) == Some(file)
        {
            into.push(text(get, "Path").to_owned());
        }
        match value {
            Value::Object(members) => members.values().for_each(|member| walk(member, file, into)),
            Value::Array(items) => items.iter().for_each(|item| walk(item, file, into)),
            _ => {}
        }
    }
    let mut paths = Vec::new();
    nodes.for_each(|node| walk(&node.own(), file, &mut paths));
    paths.sort();
    paths.dedup();
    paths
}

/// Puts a value at `a.b.c`.
fn set(content: &mut Value, path: &str, value: Value) {
    let place = path.split('.').fold(content, |at, part| {
        if !at.is_object() {
            *at = json!({});
        }
        &mut at[part]
    });
    *place = value;
}
