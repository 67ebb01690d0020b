//! The input manifest: a line of JSON for each object, of which some may have their label already.

use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

use super::{at, output, text, text_at};
use crate::world::{World, s3};

/// Most objects of a job, of a segmentation, and the fewest that machines can learn from.
const OBJECTS: usize = 100_000;
const MASKS: usize = 20_000;
const AUTOMATED: usize = 1_250;

#[derive(Default)]
pub(super) struct Manifest {
    pub(super) lines: Bytes,
    /// Lines without a label of this name.
    pub(super) todo: Vec<u32>,
    /// Lines with one, by people and by machines.
    pub(super) before: (u32, u32),
    /// Labels that can be given.
    pub(super) classes: Vec<String>,
}

/// What lies there; what other jobs leave is written first.
pub(super) fn object(world: &mut World, uri: &str) -> Option<Bytes> {
    let (bucket, key) = s3::place(uri)?;
    output::materialize(world, bucket, key);
    world.s3.at(uri).map(|object| object.body.clone())
}

/// Reads it, or says why the job fails. `[?]`: the words; that these fail the job and not the call is so.
pub(super) fn read(world: &mut World, body: &Map<String, Value>) -> Result<Manifest, String> {
    if at(body, &["InputConfig", "DataSource", "SnsDataSource"]).is_some() {
        return Ok(Manifest::default());
    }
    let uri = text_at(body, &["InputConfig", "DataSource", "S3DataSource", "ManifestS3Uri"]);
    let lines = object(world, uri).ok_or_else(|| missing(uri))?;
    let categories = text(body, "LabelCategoryConfigS3Uri");
    let config =
        if categories.is_empty() { None } else { Some(object(world, categories).ok_or_else(|| missing(categories))?) };
    let classes = classes(config.as_ref());
    let text_of =
        std::str::from_utf8(&lines).map_err(|_| format!("ClientError: The manifest file {uri} is not UTF-8."))?;
    let (mut todo, mut before) = (Vec::new(), (0, 0));
    let attribute = text(body, "LabelAttributeName");
    let mut count = 0;
    for (n, line) in text_of.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let object: Object = serde_json::from_str(line)
            .map_err(|_| format!("ClientError: Line {} of the manifest file {uri} is not a JSON object.", n + 1))?;
        if object.source_ref.is_none() && object.source.is_none() {
            return Err(format!(
                "ClientError: Line {} of the manifest file {uri} has neither source-ref nor source.",
                n + 1
            ));
        }
        count += 1;
        match label_of(line, attribute) {
            None => todo.push(n as u32),
            Some(false) => before.1 += 1,
            Some(true) => before.0 += 1,
        }
    }
    let most = if attribute.ends_with("-ref") { MASKS } else { OBJECTS };
    if count == 0 {
        return Err(format!("ClientError: The manifest file {uri} has no objects."));
    }
    if count > most {
        return Err(format!(
            "ClientError: The manifest file {uri} has {count} objects; at most {most} can be labeled."
        ));
    }
    if body.contains_key("LabelingJobAlgorithmsConfig") && count < AUTOMATED {
        return Err(format!(
            "ClientError: Automated data labeling needs at least {AUTOMATED} objects; the manifest has {count}."
        ));
    }
    Ok(Manifest { lines, todo, before, classes })
}

/// What a line must have; there are many, and most have nothing else.
#[derive(Deserialize)]
struct Object {
    #[serde(rename = "source-ref")]
    source_ref: Option<IgnoredAny>,
    source: Option<IgnoredAny>,
}

/// Whether a line has a label of this name, and then whether people gave it.
fn label_of(line: &str, attribute: &str) -> Option<bool> {
    if !line.contains(attribute) {
        return None;
    }
    let object: Map<String, Value> = serde_json::from_str(line).ok()?;
    let said = object.get(&format!("{attribute}-metadata")).and_then(|said| said.get("human-annotated"));
    object.contains_key(attribute).then(|| said.and_then(Value::as_str) != Some("no"))
}

fn missing(uri: &str) -> String {
    format!(
        "ClientError: Unable to access {uri}: The specified key does not exist. (Service: Amazon S3; Status Code: 404; \
         Error Code: NoSuchKey)"
    )
}

/// Labels that can be given: of the label category configuration, else two.
fn classes(config: Option<&Bytes>) -> Vec<String> {
    let config: Option<Value> = config.and_then(|config| serde_json::from_slice(config).ok());
    let labels = config.as_ref().and_then(|config| config.get("labels")?.as_array());
    let named = labels.into_iter().flatten().filter_map(|label| Some(label.get("label")?.as_str()?.to_owned()));
    let named: Vec<String> = named.collect();
    if named.is_empty() { vec!["no".to_owned(), "yes".to_owned()] } else { named }
}
