//! Labels of results, also those with `${…}` in them.

use super::{
    math::{Series, Value},
    query::{Kind, Query},
};
use crate::world::estate;

/// Dynamic values one label may have; the rest stays as it is written.
const MOST: usize = 6;

/// Characters of a label that are told.
const LONGEST: usize = 1_024;

/// The value of a query, its series labelled as the request says. Where there are many, each adds its own label to that.
pub(super) fn labelled(query: &Query, value: Value) -> Value {
    match value {
        Value::Scalar(value) => Value::Scalar(value),
        Value::Series(series) => Value::Series(Series { label: of(query, Some(&series), false), ..series }),
        Value::Array(all) => {
            let many = all.into_iter().map(|series| Series { label: of(query, Some(&series), true), ..series });
            Value::Array(many.collect())
        }
    }
}

/// The label of a plain metric whose points nobody needs to know for it.
pub(super) fn plain(query: &Query) -> String {
    of(query, None, false)
}

fn of(query: &Query, series: Option<&Series>, is_of_many: bool) -> String {
    let own = match (&query.kind, series) {
        (_, Some(series)) if is_of_many => series.label.as_str(),
        (Kind::Metric(key, _), _) => key.name.as_str(),
        (Kind::Expression(_), _) => query.id.as_str(),
    };
    let label = match &query.label {
        None => own.to_owned(),
        Some(label) if label.contains("${") => expanded(label, own, query, series),
        Some(label) if is_of_many => format!("{label} {own}").trim_start().to_owned(),
        Some(label) => label.clone(),
    };
    label.chars().take(LONGEST).collect()
}

/// Whether the points of a whole series are needed to write the label.
pub(super) fn needs_points(query: &Query) -> bool {
    query.label.as_ref().is_some_and(|label| label.contains("${"))
}

fn expanded(label: &str, own: &str, query: &Query, series: Option<&Series>) -> String {
    let mut out = String::new();
    let mut rest = label;
    for _ in 0..MOST {
        let Some((before, token, after)) = rest
            .split_once("${")
            .and_then(|(before, rest)| rest.split_once('}').map(|(token, after)| (before, token, after)))
        else {
            break;
        };
        out.push_str(before);
        match said(token, own, query, series) {
            Some(said) => out.push_str(&said),
            None => out.push_str(&format!("${{{token}}}")),
        }
        rest = after;
    }
    out + rest
}

/// What stands for a token; `None` for one that is not known.
fn said(token: &str, own: &str, query: &Query, series: Option<&Series>) -> Option<String> {
    let values: Vec<f64> = series.into_iter().flat_map(Series::values).collect();
    let number = |value: Option<f64>| value.map_or_else(|| "--".to_owned(), |value| super::tidy(value).to_string());
    let sum = (!values.is_empty()).then(|| values.iter().sum::<f64>());
    Some(match token {
        "LABEL" => own.to_owned(),
        "AVG" => number(sum.map(|sum| sum / values.len() as f64)),
        "DATAPOINT_COUNT" => values.len().to_string(),
        "FIRST" => number(values.first().copied()),
        "LAST" => number(values.last().copied()),
        "MAX" => number(values.iter().copied().reduce(f64::max)),
        "MIN" => number(values.iter().copied().reduce(f64::min)),
        "SUM" => number(sum),
        other => property(other.strip_prefix("PROP('")?.strip_suffix("')")?, query, series)?,
    })
}

fn property(name: &str, query: &Query, series: Option<&Series>) -> Option<String> {
    let metric = series.and_then(|series| series.metric.as_deref());
    Some(match name {
        "AccountId" => estate::ACCOUNT.to_owned(),
        "Region" => estate::REGION.to_owned(),
        "Period" => query.period.to_string(),
        "MetricName" => metric?.name.clone(),
        "Namespace" => metric?.namespace.clone(),
        other => {
            let wanted = other.strip_prefix("Dim.")?;
            metric?.dimensions.iter().find(|(name, _)| name == wanted)?.1.clone()
        }
    })
}
