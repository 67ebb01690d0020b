//! Records of an object, and what a model answers to them.

use mldeck_core::time::Timestamp;
use serde_json::{Value, json};

use super::{super::Item, path::Path};
use crate::world::noise;

/// How the records of one job are read, answered and written.
pub(super) struct Form {
    seed: u64,
    splits: bool,
    assembles: bool,
    joins: bool,
    one_by_one: bool,
    is_json: bool,
    answers_json: bool,
    input: Option<Path>,
    output: Option<Path>,
    /// Most bytes of one request; none: as many as there are.
    most: Option<usize>,
    numbers_records: bool,
}

/// `MaxPayloadInMB` where nothing is said.
const PAYLOAD: u64 = 6;

impl Form {
    pub(super) fn of(job: &Item, seed: u64) -> Self {
        let text = |place: &str| job.transform_text(place);
        let path = |place: &str| Path::read(text(place)).filter(|_| text(place) != "$");
        let kind = text("TransformInput/ContentType");
        let accept = text("TransformOutput/Accept");
        let most = job.body.get("MaxPayloadInMB").and_then(Value::as_u64).unwrap_or(PAYLOAD) as usize;
        Self {
            seed,
            splits: text("TransformInput/SplitType") == "Line",
            assembles: text("TransformOutput/AssembleWith") == "Line",
            joins: text("DataProcessing/JoinSource") == "Input",
            one_by_one: job.body.get("BatchStrategy").and_then(Value::as_str) == Some("SingleRecord"),
            is_json: kind.contains("json"),
            answers_json: accept.contains("json") || accept.is_empty() && kind.contains("json"),
            input: path("DataProcessing/InputFilter"),
            output: path("DataProcessing/OutputFilter"),
            most: (most > 0).then_some(most << 20),
            numbers_records: job.body.get("DataCaptureConfig").and_then(|capture| capture.get("GenerateInferenceId"))
                == Some(&Value::Bool(true)),
        }
    }

    /// The object that answers one, and how many records it had.
    pub(super) fn answer(
        &self,
        model: &str,
        body: &str,
        (place, at): (&str, Timestamp),
    ) -> Result<(String, usize), String> {
        let records: Vec<&str> =
            if self.splits { body.lines().filter(|line| !line.trim().is_empty()).collect() } else { vec![body] };
        let too_large = |size: usize| self.most.is_some_and(|most| size > most);
        if records.iter().any(|record| too_large(record.len())) {
            return Err(format!(
                "ClientError: The payload of a record of {place} exceeds MaxPayloadInMB ({} bytes).",
                self.most.unwrap_or_default()
            ));
        }
        let mut answers = Vec::with_capacity(records.len());
        for (n, record) in records.iter().enumerate() {
            answers.push(self.one(model, record, (place, n, at))?);
        }
        let count = records.len();
        if self.assembles {
            return Ok((answers.into_iter().map(|answer| answer + "\n").collect(), count));
        }
        if self.one_by_one || !self.splits {
            return Ok((answers.concat(), count));
        }
        // Each request is answered by lines of its own; between answers nothing is put.
        let mut out = String::new();
        let mut size = 0;
        for (record, answer) in records.iter().zip(answers) {
            if size > 0 && too_large(size + record.len()) {
                size = 0;
            } else if size > 0 {
                out.push('\n');
            }
            size += record.len() + 1;
            out.push_str(&answer);
        }
        Ok((out, count))
    }

    /// A record as fields or as the JSON that it is.
    fn read(&self, record: &str) -> Result<Value, String> {
        if self.is_json {
            return serde_json::from_str(record)
                .map_err(|error| format!("ClientError: Failed to parse a record of the input as JSON: {error}"));
        }
        Ok(record.split(',').map(Value::from).collect())
    }

    fn one(&self, model: &str, record: &str, (place, n, at): (&str, usize, Timestamp)) -> Result<String, String> {
        // A whole object of lines is answered line by line by the model itself.
        if !self.splits && !self.joins && !self.is_json {
            let lines = record.lines().filter(|line| !line.trim().is_empty());
            let answers: Result<Vec<String>, String> =
                lines.map(|line| Ok(self.said(self.score(model, &self.filtered(&self.read(line)?)?)))).collect();
            return Ok(answers?.join("\n"));
        }
        let whole = self.read(record)?;
        let score = self.score(model, &self.filtered(&whole)?);
        if !self.joins && self.output.is_none() && !self.numbers_records {
            return Ok(self.said(score));
        }
        let mut joined = match (self.joins, self.is_json) {
            (true, false) => append(whole, score.into()),
            (true, true) => match whole {
                Value::Object(mut members) => {
                    members.insert("SageMakerOutput".to_owned(), told(score));
                    Value::Object(members)
                }
                other => json!({"SageMakerInput": other, "SageMakerOutput": told(score)}),
            },
            (false, _) if self.answers_json => told(score),
            (false, _) => json!([score]),
        };
        if let Some(filter) = &self.output {
            joined = filter.of(&joined).ok_or("ClientError: OutputFilter selects nothing of the output.")?;
        }
        if self.numbers_records {
            let id = noise::uuid(&[self.seed, noise::name(place), n as u64]);
            joined = match joined {
                Value::Object(mut members) => {
                    members.insert("SageMakerInferenceId".to_owned(), id.into());
                    members.insert("SageMakerInferenceTime".to_owned(), at.iso().into());
                    Value::Object(members)
                }
                other => append(append(other, id.into()), at.iso().into()),
            };
        }
        Ok(spelled(&joined, self.is_json || self.answers_json && !self.joins))
    }

    fn filtered(&self, record: &Value) -> Result<Value, String> {
        match &self.input {
            None => Ok(record.clone()),
            Some(filter) => {
                filter.of(record).ok_or_else(|| "ClientError: InputFilter selects nothing of the input.".to_owned())
            }
        }
    }

    /// 0 to 1: the same record has the same answer of the same model, and a little more of a feature does a little.
    fn score(&self, model: &str, record: &Value) -> f64 {
        let mut sum = noise::normal(&[self.seed, noise::name(model)]) * 0.5;
        let mut at = 0;
        weigh(record, &mut |value| {
            at += 1;
            sum += noise::normal(&[self.seed, noise::name(model), at]) * 0.7 * value;
        });
        let score = 1.0 / (1.0 + (-sum).exp());
        (score * 1e6).round() / 1e6
    }

    fn said(&self, score: f64) -> String {
        if self.answers_json { told(score).to_string() } else { format!("{score}") }
    }
}

fn told(score: f64) -> Value {
    json!({ "score": score })
}

fn append(to: Value, value: Value) -> Value {
    match to {
        Value::Array(mut all) => {
            all.push(value);
            Value::Array(all)
        }
        one => json!([one, value]),
    }
}

/// What a record has of numbers, large ones less so; of a text how it reads.
fn weigh(value: &Value, into: &mut impl FnMut(f64)) {
    match value {
        Value::Number(number) => into(number.as_f64().unwrap_or_default().asinh() * 0.5),
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => into(number.asinh() * 0.5),
            _ => into(noise::normal(&[noise::name(text.trim())])),
        },
        Value::Array(all) => all.iter().for_each(|value| weigh(value, into)),
        Value::Object(members) => members.values().for_each(|value| weigh(value, into)),
        Value::Bool(flag) => into(f64::from(u8::from(*flag))),
        Value::Null => into(0.0),
    }
}

/// A line of CSV, or of JSON.
fn spelled(value: &Value, is_json: bool) -> String {
    match value {
        _ if is_json => value.to_string(),
        Value::Array(fields) => fields.iter().map(|field| spelled(field, false)).collect::<Vec<_>>().join(","),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
