//! The ranges that a tuning job searches, as places between 0 and 1 in each.

use serde_json::{Map, Value};

use super::super::{ApiError, kind::text};
use crate::world::request::float;

/// The values that one hyperparameter may take.
#[derive(Debug)]
pub(super) struct Range {
    pub(super) name: String,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Numbers { least: f64, most: f64, scale: Scale, is_whole: bool },
    Words(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Linear,
    Logarithmic,
    ReverseLogarithmic,
}

impl Scale {
    /// `[?]`: when `Auto` takes the logarithm is not told; here where the ends are a factor of a hundred apart.
    fn named(name: &str, least: f64, most: f64) -> Self {
        match name {
            "Logarithmic" => Self::Logarithmic,
            "ReverseLogarithmic" => Self::ReverseLogarithmic,
            "Linear" => Self::Linear,
            _ if least > 0.0 && most / least >= 100.0 => Self::Logarithmic,
            _ => Self::Linear,
        }
    }

    const fn takes(self, least: f64, most: f64) -> bool {
        match self {
            Self::Linear => true,
            Self::Logarithmic => least > 0.0,
            Self::ReverseLogarithmic => least >= 0.0 && most < 1.0,
        }
    }

    fn flat(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Logarithmic => value.ln(),
            Self::ReverseLogarithmic => -(1.0 - value).ln(),
        }
    }

    fn steep(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Logarithmic => value.exp(),
            Self::ReverseLogarithmic => 1.0 - (-value).exp(),
        }
    }
}

impl Range {
    /// The value at a place.
    pub(super) fn at(&self, place: f64) -> String {
        match &self.values {
            Values::Words(words) => {
                let n = (place * words.len() as f64) as usize;
                words.get(n.min(words.len() - 1)).cloned().unwrap_or_default()
            }
            Values::Numbers { least, most, scale, is_whole } => {
                let (low, high) = (scale.flat(*least), scale.flat(*most));
                let value = scale.steep(low + (high - low) * place).clamp(*least, *most);
                format!("{}", if *is_whole { value.round() } else { value })
            }
        }
    }

    /// Where a value stands; the middle for one of another range.
    pub(super) fn place(&self, value: &str) -> f64 {
        match &self.values {
            Values::Words(words) => {
                words.iter().position(|word| word == value).map_or(0.5, |n| (n as f64 + 0.5) / words.len() as f64)
            }
            Values::Numbers { least, most, scale, .. } => {
                let (low, high) = (scale.flat(*least), scale.flat(*most));
                let value = value.parse::<f64>().map_or(0.5, |value| (scale.flat(value) - low) / (high - low));
                if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.5 }
            }
        }
    }

    /// How many values there are, where they can be counted.
    pub(super) fn count(&self) -> Option<usize> {
        match &self.values {
            Values::Words(words) => Some(words.len()),
            Values::Numbers { .. } => None,
        }
    }
}

/// The ranges of `ParameterRanges`, checked; `fixed` are hyperparameters that may not be tuned as well.
pub(super) fn ranges(given: Option<&Value>, fixed: &Map<String, Value>) -> Result<Vec<Range>, ApiError> {
    let of = |member: &str| given.and_then(|given| given.get(member)?.as_array()).into_iter().flatten();
    let mut all: Vec<Range> = Vec::new();
    for (member, is_whole) in [("IntegerParameterRanges", true), ("ContinuousParameterRanges", false)] {
        for range in of(member).filter_map(Value::as_object) {
            all.push(numbers(range, is_whole)?);
        }
    }
    for range in of("CategoricalParameterRanges").filter_map(Value::as_object) {
        let words = range.get("Values").and_then(Value::as_array).into_iter().flatten();
        let words = words.filter_map(|word| word.as_str().map(str::to_owned)).collect();
        all.push(Range { name: text(range, "Name").to_owned(), values: Values::Words(words) });
    }
    for hint in of("AutoParameters").filter_map(Value::as_object) {
        all.push(hinted(hint));
    }
    let mut names: Vec<&str> = all.iter().map(|range| range.name.as_str()).collect();
    names.sort_unstable();
    if let Some(name) = names.windows(2).find(|two| two[0] == two[1]).map(|two| two[0]) {
        return Err(ApiError::validation(format!("The hyperparameter {name} has more than one range.")));
    }
    if let Some(name) = names.into_iter().find(|name| fixed.contains_key(*name)) {
        return Err(ApiError::validation(format!(
            "The hyperparameter {name} is in StaticHyperParameters and in a range; it can only be in one of them."
        )));
    }
    Ok(all)
}

fn numbers(range: &Map<String, Value>, is_whole: bool) -> Result<Range, ApiError> {
    let name = text(range, "Name").to_owned();
    let end = |member: &str| range.get(member).and_then(float);
    let (Some(least), Some(most)) = (end("MinValue"), end("MaxValue")) else {
        return Err(ApiError::validation(format!("The ends of the range of {name} must be numbers.")));
    };
    if least > most || !(most - least).is_finite() || is_whole && (least.fract() != 0.0 || most.fract() != 0.0) {
        return Err(ApiError::validation(format!("Invalid range for {name}: MinValue {least}, MaxValue {most}.")));
    }
    let scaling = text(range, "ScalingType");
    let scale = Scale::named(scaling, least, most);
    if !scale.takes(least, most) {
        return Err(ApiError::validation(format!(
            "The range of {name} from {least} to {most} does not allow ScalingType {scaling}."
        )));
    }
    Ok(Range { name, values: Values::Numbers { least, most, scale, is_whole } })
}

/// What is searched around a hint. `[?]`: how far SageMaker goes is not told; here a factor of ten either way.
fn hinted(hint: &Map<String, Value>) -> Range {
    let (name, value) = (text(hint, "Name").to_owned(), text(hint, "ValueHint"));
    let values = match value.parse::<f64>() {
        Ok(near) if near > 0.0 && (near / 10.0).is_normal() && (near * 10.0).is_finite() => {
            let is_whole = near.fract() == 0.0 && !value.contains('.');
            let least = if is_whole { (near / 10.0).ceil() } else { near / 10.0 };
            Values::Numbers { least, most: near * 10.0, scale: Scale::Logarithmic, is_whole }
        }
        _ => Values::Words(vec![value.to_owned()]),
    };
    Range { name, values }
}
