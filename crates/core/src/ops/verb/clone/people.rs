//! What a labeling job costs, and to whom it shows what.

use serde_json::Value;

use crate::{
    fault::Fault,
    ops::{
        confirm::Weight,
        guard::{Check, Finding},
        target::Sight,
    },
    text::Text,
};

/// Who works on it, by the ARN of its work team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops::verb) enum Crowd {
    Private,
    Vendor,
    Public,
    /// An ARN of a form that is not known: nobody's own people, as far as we can tell.
    Unknown,
}

impl Crowd {
    pub(in crate::ops::verb) fn of(team: &str) -> Self {
        match team.split_once(":workteam/").map(|(_, rest)| rest.split('/').next().unwrap_or_default()) {
            Some("private-crowd") => Self::Private,
            Some("vendor-crowd") => Self::Vendor,
            Some("public-crowd") => Self::Public,
            _ => Self::Unknown,
        }
    }

    pub(in crate::ops::verb) const fn words(self) -> &'static str {
        match self {
            Self::Private => "your own people",
            Self::Vendor => "a vendor's people",
            Self::Public => "the public (Mechanical Turk)",
            Self::Unknown => "a work team that is not known",
        }
    }
}

fn crowd(body: &Value) -> Crowd {
    Crowd::of(body.pointer("/HumanTaskConfig/WorkteamArn").and_then(Value::as_str).unwrap_or_default())
}

/// What leaves the company cannot be called back.
pub(super) fn weight(body: &Value) -> Weight {
    if crowd(body) == Crowd::Private { Weight::Target } else { Weight::Heavy }
}

/// Whether a manifest's address, or one of its first lines, names what data capture writes:
/// `<prefix>/<endpoint>/<variant>/yyyy/mm/dd/hh/<file>.jsonl` (SageMaker's developer guide). Gives the first such object.
pub fn captured(manifest: &str, lines: &str) -> Option<Text> {
    let refers = |line: &str| {
        let object: Value = serde_json::from_str(line).ok()?;
        Some(object.get("source-ref")?.as_str()?.to_owned())
    };
    let own = |uri: &String| is_capture(uri);
    let inline = || lines.lines().any(|line| line.contains("\"captureData\"")).then(|| manifest.to_owned());
    let found = Some(manifest.to_owned()).filter(own);
    found.or_else(|| lines.lines().filter_map(refers).find(own)).or_else(inline).map(|uri| Text::new(&uri))
}

fn is_capture(uri: &str) -> bool {
    let parts: Vec<&str> = uri.split('/').collect();
    let digits = |part: &&str, wanted: usize| part.len() == wanted && part.bytes().all(|b| b.is_ascii_digit());
    parts.windows(4).any(|four| {
        matches!(four, [year, month, day, hour] if digits(year, 4) && digits(month, 2) && digits(day, 2) && digits(hour, 2))
    })
}

pub(super) fn findings(body: &Value, captured: Option<&Result<Option<Text>, Fault>>) -> Vec<Finding> {
    let who = crowd(body);
    let mut out = Vec::new();
    let outside = who != Crowd::Private;
    match captured {
        Some(Ok(Some(object))) if outside => {
            let text = format!("what callers sent to an endpoint ({object}) is shown to {}", who.words());
            out.push(Finding::warn(Check::Capture, text));
        }
        Some(Ok(Some(object))) => {
            let text = format!("what callers sent to an endpoint ({object}) is shown to your own people");
            out.push(Finding::warn(Check::Capture, text));
        }
        Some(Ok(None)) if outside => {
            let text =
                format!("its objects are shown to {}; none of the first looks like captured payload", who.words());
            out.push(Finding::warn(Check::Capture, text));
        }
        Some(Ok(None)) => {}
        Some(Err(fault)) => {
            let text = format!(
                "its manifest could not be read ({}): whether captured payload is shown to {} is not known",
                fault.kind.brief(),
                who.words()
            );
            out.push(Finding::warn(Check::Capture, text));
        }
        None => {
            let text = format!("what is shown to {} was not looked at", who.words());
            out.push(Finding::warn(Check::Capture, text));
        }
    }
    out
}

/// What one task costs, what all do where the source tells how many there were, and where that comes from.
pub(super) fn cost(body: &Value, source: Option<&Sight>) -> (String, String) {
    let human = |name: &str| body.pointer(&format!("/HumanTaskConfig/{name}"));
    let number = |value: Option<&Value>| value.and_then(Value::as_f64).unwrap_or(0.0);
    let workers = number(human("NumberOfHumanWorkersPerDataObject")).max(1.0);
    let Some(price) = human("PublicWorkforceTaskPrice").and_then(|price| price.get("AmountInUsd")) else {
        return ("people's time".to_owned(), format!("{workers} of them look at each object"));
    };
    let part = |name: &str| number(price.get(name));
    let task = part("Dollars") + part("Cents") / 100.0 + part("TenthFractionsOfACent") / 1_000.0;
    let rate = format!("${task:.3} a task, {workers} people to an object, AWS's fee besides");
    let counted = |name: &str| number(source.and_then(|source| source.body.pointer(&format!("/LabelCounters/{name}"))));
    let objects = counted("TotalLabeled") + counted("Unlabeled") + counted("FailedNonRetryableError");
    if objects > 0.0 {
        let total = format!("${:.2} if it has as many objects", task * workers * objects);
        return (total, format!("{objects} objects; {rate}"));
    }
    (format!("${:.3} an object", task * workers), rate)
}
