//! Kinds of tasks: what they take a person, and what the answers look like.

use serde_json::{Map, Value, json};

use super::text_at;
use crate::world::noise;

/// What a label is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Class,
    Classes,
    Boxes,
    /// A picture beside the manifest.
    Mask,
    Spans,
    /// Whatever the template makes of it.
    Own,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    pub(super) name: &'static str,
    /// Seconds a person takes.
    pub(super) seconds: f64,
    pub(super) shape: Shape,
    pub(super) wants_ref: bool,
    /// `type` in the metadata of a label.
    pub(super) kind: &'static str,
}

const fn task(name: &'static str, seconds: f64, shape: Shape, kind: &'static str) -> Task {
    Task { name, seconds, shape, wants_ref: false, kind }
}

const fn with_ref(name: &'static str, seconds: f64, shape: Shape, kind: &'static str) -> Task {
    Task { name, seconds, shape, wants_ref: true, kind }
}

/// By a part of the name of the function that prepares tasks; the first that fits.
const TASKS: &[Task] = &[
    task("VerificationBoundingBox", 8.0, Shape::Class, "groundtruth/label-verification"),
    task("VerificationSemanticSegmentation", 9.0, Shape::Class, "groundtruth/label-verification"),
    with_ref("3DPointCloud", 900.0, Shape::Own, "groundtruth/point-cloud"),
    with_ref("VideoObject", 600.0, Shape::Own, "groundtruth/video-object-detection"),
    with_ref("SemanticSegmentation", 210.0, Shape::Mask, "groundtruth/semantic-segmentation"),
    task("BoundingBox", 42.0, Shape::Boxes, "groundtruth/object-detection"),
    task("ImageMultiClassMultiLabel", 16.0, Shape::Classes, "groundtruth/image-classification-multilabel"),
    task("ImageMultiClass", 9.0, Shape::Class, "groundtruth/image-classification"),
    task("TextMultiClassMultiLabel", 24.0, Shape::Classes, "groundtruth/text-classification-multilabel"),
    task("TextMultiClass", 14.0, Shape::Class, "groundtruth/text-classification"),
    task("NamedEntityRecognition", 75.0, Shape::Spans, "groundtruth/text-span"),
    task("VideoMultiClass", 35.0, Shape::Class, "groundtruth/video-classification"),
];

const CUSTOM: Task = task("PassThrough", 30.0, Shape::Own, "groundtruth/custom");

impl Task {
    pub(super) fn of(body: &Map<String, Value>) -> Self {
        let named = [
            text_at(body, &["HumanTaskConfig", "PreHumanTaskLambdaArn"]),
            text_at(body, &["HumanTaskConfig", "UiConfig", "HumanTaskUiArn"]),
        ];
        TASKS.iter().find(|task| named.iter().any(|name| name.contains(task.name))).copied().unwrap_or(CUSTOM)
    }

    /// What one person says of an object; `draw` is about the two.
    pub(super) fn answer(self, classes: &[String], draw: u64) -> Value {
        let class = pick(classes, draw);
        match self.shape {
            Shape::Class => json!({"crowd-classifier": {"label": class}}),
            Shape::Classes => json!({"crowd-classifier": {"labels": [class]}}),
            Shape::Boxes => {
                let [left, top, width, height] = corners(draw);
                let found = json!({"label": class, "left": left, "top": top, "width": width, "height": height});
                json!({"boundingBox": {"boundingBoxes": [found], "inputImageProperties": {"height": 480, "width": 640}}})
            }
            Shape::Mask => json!({"crowd-semantic-segmentation": {"labelMappings": {class: {"color": "#2ca02c"}}}}),
            Shape::Spans => json!({"crowd-entity-annotation": {"entities": [span(class, draw)]}}),
            Shape::Own => json!({"label": class}),
        }
    }

    /// The label of an object, and what its metadata says of it.
    pub(super) fn label(self, classes: &[String], draw: u64, picture: &str) -> (Value, Map<String, Value>) {
        let n = draw as usize % classes.len().max(1);
        let class = pick(classes, draw);
        let sure = (55 + draw / 7 % 43) as f64 / 100.0;
        let (label, said) = match self.shape {
            Shape::Class => (json!(n), json!({"class-name": class, "confidence": sure})),
            Shape::Classes => {
                let key = n.to_string();
                (json!([n]), json!({"class-map": {key.clone(): class}, "confidence-map": {key: sure}}))
            }
            Shape::Boxes => {
                let [left, top, width, height] = corners(draw);
                let found = json!({"class_id": n, "left": left, "top": top, "width": width, "height": height});
                let label = json!({"image_size": [{"width": 640, "height": 480, "depth": 3}], "annotations": [found]});
                (label, json!({"objects": [{"confidence": sure}], "class-map": {n.to_string(): class}}))
            }
            Shape::Mask => {
                let colors = json!({"0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": sure},
                    (n + 1).to_string(): {"class-name": class, "hex-color": "#2ca02c", "confidence": sure}});
                (picture.into(), json!({"internal-color-map": colors}))
            }
            Shape::Spans => {
                let label = json!({"annotations": {"entities": [span(class, draw)]}});
                (label, json!({"entities": [{"confidence": sure}]}))
            }
            Shape::Own => (json!({"label": class}), json!({})),
        };
        (label, said.as_object().cloned().unwrap_or_default())
    }
}

fn pick(classes: &[String], draw: u64) -> &str {
    classes.get(draw as usize % classes.len().max(1)).map_or("unlabeled", String::as_str)
}

fn corners(draw: u64) -> [u64; 4] {
    [draw % 400, draw / 11 % 300, 30 + draw / 13 % 200, 30 + draw / 17 % 150]
}

fn span(class: &str, draw: u64) -> Value {
    let from = noise::hash(&[draw]) % 12;
    json!({"label": class, "startOffset": from, "endOffset": from + 3 + draw % 7})
}
