//! Batches that were labeled, or are being, and one that is ready.

use mldeck_core::time::{DAY, HOUR};
use serde_json::{Value, json};

use super::{Call, LABELS, LANGUAGE, VISION, call, team};
use crate::world::{World, estate};

/// A batch of objects that was labeled, or is being.
struct Batch {
    ago: f64,
    name: &'static str,
    task: &'static str,
    objects: u32,
    workers: u32,
    /// Hours a task stays open.
    hours: i64,
    by: &'static str,
}

const fn batch(
    ago: f64,
    name: &'static str,
    task: &'static str,
    objects: u32,
    workers: u32,
    by: &'static str,
) -> Batch {
    Batch { ago, name, task, objects, workers, hours: 240, by }
}

const BATCHES: &[Batch] = &[
    batch(58.6, "vision-defects-b01", "BoundingBox", 220, 2, "lena"),
    batch(51.5, "intent-fr-b01", "TextMultiClass", 320, 3, "tomas"),
    batch(44.7, "vision-defects-b02", "BoundingBox", 260, 2, "lena"),
    batch(38.6, "vision-surface-b01", "ImageMultiClass", 340, 3, "lena"),
    batch(33.7, "ticket-entities-b01", "NamedEntityRecognition", 120, 2, "tomas"),
    batch(27.5, "intent-fr-b02", "TextMultiClass", 360, 3, "tomas"),
    Batch { hours: 9, ..batch(23.6, "vision-defects-b03", "BoundingBox", 300, 3, "pipeline") },
    batch(18.6, "vision-masks-b01", "SemanticSegmentation", 420, 2, "lena"),
    // Nobody had put its manifest there.
    batch(12.6, "ticket-entities-b02", "NamedEntityRecognition", 0, 2, "tomas"),
    batch(9.7, "vision-defects-b04", "BoundingBox", 280, 2, "pipeline"),
    batch(4.6, "vision-defects-b05", "BoundingBox", 1_800, 3, "pipeline"),
    batch(2.8, "intent-fr-b03", "TextMultiClass", 2_400, 3, "tomas"),
];

/// A batch that is ready to be labeled and that nobody has asked for yet.
const NEXT: Batch = batch(1.0, "vision-defects-b06", "BoundingBox", 900, 3, "pipeline");

impl Batch {
    fn is_vision(&self) -> bool {
        self.name.starts_with("vision")
    }

    fn line(&self) -> &'static str {
        self.name.rsplit_once('-').map_or(self.name, |(line, _)| line)
    }

    fn manifest(&self) -> String {
        format!("{}/manifests/{}.manifest", self.line(), self.name)
    }

    fn classes(&self) -> &'static [&'static str] {
        match self.line() {
            "intent-fr" => &["order", "refund", "delivery", "account", "other"],
            "ticket-entities" => &["product", "order", "person", "date"],
            "vision-surface" => &["clean", "scratched", "stained"],
            _ => &["scratch", "dent", "crack", "missing-part"],
        }
    }

    /// CreateLabelingJob.
    fn input(&self) -> Value {
        let lambda = |of: &str| format!("arn:aws:lambda:{}:568282634449:function:{of}-{}", estate::REGION, self.task);
        let ui = match self.task {
            "NamedEntityRecognition" => {
                json!({"HumanTaskUiArn": "arn:aws:sagemaker:eu-west-1:394669845002:human-task-ui/NamedEntityRecognition"})
            }
            _ => json!({"UiTemplateS3Uri": format!("s3://{LABELS}/{}/page.liquid.html", self.line())}),
        };
        json!({
            "LabelingJobName": self.name,
            "LabelAttributeName": if self.task == "SemanticSegmentation" { "mask-ref" } else { "label" },
            "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": format!("s3://{LABELS}/{}", self.manifest())}}},
            "OutputConfig": {"S3OutputPath": format!("s3://{LABELS}/{}/output", self.line())},
            "RoleArn": estate::EXECUTION_ROLE,
            "LabelCategoryConfigS3Uri": format!("s3://{LABELS}/{}/classes.json", self.line()),
            "HumanTaskConfig": {
                "WorkteamArn": team(if self.is_vision() { VISION } else { LANGUAGE }), "UiConfig": ui,
                "PreHumanTaskLambdaArn": lambda("PRE"),
                "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": lambda("ACS")},
                "TaskTitle": format!("Label {}", self.line()), "TaskDescription": "As the guideline of the team says.",
                "NumberOfHumanWorkersPerDataObject": self.workers, "TaskTimeLimitInSeconds": 1_800,
                "TaskAvailabilityLifetimeInSeconds": self.hours * 3_600, "MaxConcurrentTaskCount": 200,
            },
            "Tags": [{"Key": "team", "Value": if self.is_vision() { "vision" } else { "language" }}],
        })
    }

    /// What is to be labeled: a line for each object.
    fn objects(&self) -> String {
        let mut out = String::with_capacity(self.objects as usize * 80);
        for n in 0..self.objects {
            out.push_str(&if self.is_vision() {
                format!(
                    "{{\"source-ref\":\"s3://{}/{}/{}/{n:05}.png\"}}\n",
                    estate::DATA_BUCKET,
                    self.line(),
                    self.name
                )
            } else {
                format!("{{\"source\":\"message {n} of {}\"}}\n", self.name)
            });
        }
        out
    }
}

pub(super) fn manifests(world: &mut World) {
    let start = world.start;
    for batch in BATCHES.iter().chain([&NEXT]) {
        let at = start.plus(-(batch.ago * DAY as f64) as i64 - 2 * HOUR);
        if batch.objects > 0 {
            world.s3.put(LABELS, &batch.manifest(), batch.objects(), at);
        }
        let labels: Vec<Value> = batch.classes().iter().map(|class| json!({"label": class})).collect();
        let classes = json!({"document-version": "2018-11-28", "labels": labels}).to_string();
        let page = "<script src=\"https://assets.crowd.aws/crowd-html-elements.js\"></script><crowd-form></crowd-form>";
        for (file, body) in [("classes.json", classes.as_str()), ("page.liquid.html", page)] {
            let key = format!("{}/{file}", batch.line());
            if world.s3.get(LABELS, &key).is_none() {
                world.s3.put(LABELS, &key, body.to_owned(), at);
            }
        }
    }
}

pub(super) fn calls() -> Vec<Call> {
    let mut calls: Vec<Call> =
        BATCHES.iter().map(|batch| call(batch.ago, batch.by, "CreateLabelingJob", batch.input())).collect();
    calls.push(call(17.4, "lena", "StopLabelingJob", json!({"LabelingJobName": "vision-masks-b01"})));
    calls
}
