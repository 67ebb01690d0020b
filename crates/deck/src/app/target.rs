//! What the page was about: a name, an ARN, a console link or an alarm, opened as soon as the lists tell what it is.

use mldeck_core::{
    id,
    resource::{Execution, Kind, Resource},
    text::Text,
};

use super::{
    dispatch,
    model::Model,
    pane::{Subject, table::Table},
};

/// As given on the command line, and what it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub given: Text,
    /// The last part of an ARN or link, or the word itself.
    name: Text,
    /// What an ARN or link says it is.
    kind: Option<Kind>,
    /// The region an ARN or link names.
    pub region: Option<String>,
}

impl Target {
    /// Reads a name, an ARN or a console link. Percent escapes of links are undone.
    pub fn parse(given: &str) -> Self {
        let (name, kind, region) = if given.starts_with("arn:") {
            of_arn(given)
        } else if given.starts_with("https://") || given.starts_with("http://") {
            of_link(given)
        } else {
            (given.to_owned(), None, None)
        };
        Self { given: Text::new(given), name: Text::new(&name), kind, region }
    }
}

fn of_arn(arn: &str) -> (String, Option<Kind>, Option<String>) {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let region = parts.get(3).filter(|region| !region.is_empty()).map(|region| (*region).to_owned());
    let resource = parts.get(5).copied().unwrap_or_default();
    let kind = match resource.split(['/', ':']).next().unwrap_or_default() {
        "endpoint" => Some(Kind::Endpoint),
        "pipeline" if resource.contains("/execution/") => Some(Kind::Execution),
        "training-job" | "experiment-trial-component" => Some(Kind::Run),
        "monitoring-schedule" => Some(Kind::Monitor),
        "alarm" => Some(Kind::Alarm),
        _ => None,
    };
    (id::arn_tail(resource).to_owned(), kind, region)
}

fn of_link(link: &str) -> (String, Option<Kind>, Option<String>) {
    let region = link.split(['?', '&', '#']).find_map(|part| part.strip_prefix("region=")).map(ToOwned::to_owned);
    let path = unescape(link.rsplit('#').next().unwrap_or(link));
    let parts: Vec<&str> = path.split(['/', '?', ':']).filter(|part| !part.is_empty()).collect();
    let kinds = [
        ("endpoints", Kind::Endpoint),
        ("jobs", Kind::Run),
        ("alarm", Kind::Alarm),
        ("alarmsV2", Kind::Alarm),
        ("monitoring-schedules", Kind::Monitor),
    ];
    let kind = parts.iter().find_map(|part| kinds.iter().find(|(word, _)| word == part).map(|(_, kind)| *kind));
    (parts.last().copied().unwrap_or_default().to_owned(), kind, region)
}

fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Opens the target when it is known by now; says so when everything was heard and nothing fits.
pub(super) fn resolve(model: &mut Model) {
    let Some(target) = model.target.clone() else { return };
    if let Some(found) = find(model, &target) {
        model.target = None;
        if target.kind == Some(Kind::Alarm) || found.name != target.name {
            model.say(format!("{} is about {} {}.", target.given, found.kind.singular(), found.name));
        }
        dispatch::open_subject(model, &found);
        return;
    }
    let heard = |as_of: bool, cached: bool| as_of && !cached;
    let endpoints = heard(model.endpoints.load.as_of.is_some(), model.endpoints.load.cached);
    let executions = heard(model.executions.load.as_of.is_some(), model.executions.load.cached)
        || model.executions.load.fault.is_some();
    if endpoints && executions && model.alarms_read {
        model.target = None;
        let place = model.session.scope().map(|scope| format!("{} {}", scope.short_account(), scope.region));
        model.complain(format!(
            "{} is no endpoint, pipeline run or alarm of {}.",
            target.given,
            place.unwrap_or_else(|| "this account".to_owned())
        ));
    }
}

fn find(model: &Model, target: &Target) -> Option<Subject> {
    fn by_name<R: Resource>(table: &Table<R>, name: &Text) -> Option<Subject> {
        // ARNs carry names in lower case.
        let row = table
            .get(name)
            .or_else(|| table.rows().iter().find(|row| row.name().as_str().eq_ignore_ascii_case(name.as_str())))?;
        Some(Subject { kind: R::KIND, name: row.name().clone(), arn: None })
    }
    let wants = |kind: Kind| target.kind.is_none_or(|k| k == kind);
    let name = &target.name;
    let endpoint = wants(Kind::Endpoint).then(|| by_name(&model.endpoints, name)).flatten();
    let execution = || wants(Kind::Execution).then(|| by_name(&model.executions, name)).flatten();
    let run = || wants(Kind::Run).then(|| by_name(&model.runs, name)).flatten();
    let version = || wants(Kind::ModelPackage).then(|| by_name(&model.packages, name)).flatten();
    let monitor = || wants(Kind::Monitor).then(|| by_name(&model.monitors, name)).flatten();
    let job = || wants(Kind::Job).then(|| by_name(&model.jobs, name)).flatten();
    let alarm = || {
        let alarm = model.alarms.iter().find(|alarm| &alarm.name == name).filter(|_| wants(Kind::Alarm))?;
        endpoint_of(model, alarm)
    };
    let newest = || wants(Kind::Execution).then(|| newest_execution(model, name)).flatten();
    endpoint
        .or_else(execution)
        .or_else(run)
        .or_else(version)
        .or_else(monitor)
        .or_else(job)
        .or_else(alarm)
        .or_else(newest)
}

/// The newest pipeline run that is displayed under this name, else the newest of the pipeline of this name.
fn newest_execution(model: &Model, name: &Text) -> Option<Subject> {
    let newest = |is: fn(&Execution, &Text) -> bool| {
        model.executions.rows().iter().filter(|row| is(row, name)).max_by_key(|row| row.started)
    };
    let row = newest(|row, name| row.display_name.as_ref() == Some(name))
        .or_else(|| newest(|row, name| row.pipeline == *name))?;
    Some(Subject { kind: Kind::Execution, name: row.id.clone(), arn: Some(row.arn.clone()) })
}

/// The endpoint an alarm is about: by its dimensions, by the alarms its rule names, or by its name.
fn endpoint_of(model: &Model, alarm: &mldeck_core::resource::Alarm) -> Option<Subject> {
    let subject = |name: &Text| Subject { kind: Kind::Endpoint, name: name.clone(), arn: None };
    if let Some(name) = alarm.endpoint() {
        return Some(subject(name));
    }
    if let Some(rule) = &alarm.rule {
        let child = model
            .alarms
            .iter()
            .find(|child| child.endpoint().is_some() && rule.as_str().contains(&format!("\"{}\"", child.name)));
        if let Some(name) = child.and_then(|child| child.endpoint()) {
            return Some(subject(name));
        }
    }
    let rows = model.endpoints.rows();
    rows.iter().find(|row| alarm.name.as_str().contains(row.name.as_str())).map(|row| subject(&row.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_arns_and_links_say_what_they_are() {
        let cases = [
            ("fraud-prod", "fraud-prod", None, None),
            (
                "arn:aws:sagemaker:eu-west-1:447100000921:endpoint/fraud-prod",
                "fraud-prod",
                Some(Kind::Endpoint),
                Some("eu-west-1"),
            ),
            (
                "arn:aws:sagemaker:eu-west-1:447100000921:pipeline/fraud-train/execution/abc123def456",
                "abc123def456",
                Some(Kind::Execution),
                Some("eu-west-1"),
            ),
            (
                "arn:aws:cloudwatch:us-east-1:447100000921:alarm:fraud-5xx",
                "fraud-5xx",
                Some(Kind::Alarm),
                Some("us-east-1"),
            ),
            (
                "https://eu-west-1.console.aws.amazon.com/sagemaker/home?region=eu-west-1#/endpoints/fraud-prod",
                "fraud-prod",
                Some(Kind::Endpoint),
                Some("eu-west-1"),
            ),
            (
                "https://console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/fraud%2D5xx",
                "fraud-5xx",
                Some(Kind::Alarm),
                Some("eu-west-1"),
            ),
        ];
        for (given, name, kind, region) in cases {
            let target = Target::parse(given);
            assert_eq!(target.name, name, "{given}");
            assert_eq!(target.kind, kind, "{given}");
            assert_eq!(target.region.as_deref(), region, "{given}");
        }
    }
}
