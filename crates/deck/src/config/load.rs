//! From sources to settings. Each setting of a file is read by itself: a wrong one is reported with its line and left
//! out, the others hold. What cannot be read makes the deck read-only, because it may have said so; a bound that cannot be
//! read is zero.

use std::path::Path;

use mldeck_core::ops::intent::Class;
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue, Deserializer},
};

use super::{
    diagnose::{Diagnostic, Severity, nearest},
    environment::Environment,
    options::{Overrides, SETTINGS, Shape},
};

const READ_ONLY: &str = "read-only";
const TEAM: &str = "team";
const BULK: &str = "bulk-in-production";

/// What a file sets.
pub(super) fn file(path: &Path, source: &str) -> (Overrides, Vec<Diagnostic>) {
    let mut out = Overrides::default();
    let mut said = Vec::new();
    let mut doubtful = false;
    match DeTable::parse(source) {
        Ok(table) => {
            let whole = table.span();
            for (key, value) in table.into_inner() {
                let name = key.get_ref().clone().into_owned();
                match setting(path, source, key, value, whole.clone(), &mut said) {
                    Ok(layer) => out.lay(layer),
                    Err(it) => {
                        doubtful |= may_mean_read_only(&name);
                        if may_mean(&name, BULK) {
                            out.bulk_in_production = Some(0);
                        }
                        said.push(it);
                    }
                }
            }
        }
        Err(error) => {
            doubtful = true;
            said.push(Diagnostic::unreadable(path, source, &error));
        }
    }
    if doubtful {
        out.read_only = Some(true);
        let it = Diagnostic::new(Severity::Note, path, "read-only: what could not be read may have said so");
        said.push(it.key(READ_ONLY));
    }
    (out, said)
}

/// A team that cannot be read would leave its lock out.
fn may_mean_read_only(name: &str) -> bool {
    [READ_ONLY, TEAM].contains(&name) || nearest(name, [TEAM]).contains(&TEAM) || may_mean(name, READ_ONLY)
}

fn may_mean(name: &str, setting: &'static str) -> bool {
    nearest(&name.replace('_', "-"), [setting]).contains(&setting)
}

fn setting<'a>(
    path: &Path,
    source: &str,
    key: Spanned<DeString<'a>>,
    value: Spanned<DeValue<'a>>,
    whole: std::ops::Range<usize>,
    said: &mut Vec<Diagnostic>,
) -> Result<Overrides, Diagnostic> {
    let name = key.get_ref().clone().into_owned();
    let (key_span, value_span) = (key.span(), value.span());
    let names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    if !names.contains(&name.as_str()) {
        let near = nearest(&name.replace('_', "-"), names.iter().copied());
        return Err(Diagnostic::new(Severity::Error, path, "no such setting")
            .at(source, Some(key_span))
            .key(&name)
            .allowed(if near.is_empty() { names } else { near }));
    }
    let mut table = DeTable::new();
    table.insert(key, value);
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let deserializer = Deserializer::from(Spanned::new(whole, table));
    let tracked = serde_path_to_error::Deserializer::new(deserializer, &mut track);
    let read: Result<Overrides, toml::de::Error> =
        serde_ignored::deserialize(tracked, |ignored| unknown.push(ignored.to_string()));
    for place in unknown {
        // `?` stands for an optional value on the way.
        let place = place.replace(".?", "");
        let at = line_with(source, value_span.start, &place).unwrap_or(value_span.start);
        let it = Diagnostic::new(Severity::Warning, path, "means nothing here").at(source, Some(at..at));
        said.push(it.key(&place).allowed(members(&name).iter().copied()));
    }
    read.map_err(|error| {
        let place = track.path().to_string();
        let span = error.span().filter(|span| span.start > 0 || value_span.start == 0).unwrap_or(value_span);
        Diagnostic::new(Severity::Error, path, error.message().trim_end())
            .at(source, Some(span))
            .key(if place == "." { &name } else { &place })
            .allowed(allowed(&name, &place))
    })
}

/// The callback for keys that mean nothing names them, not their place: the first line from `start` on that begins so.
fn line_with(source: &str, start: usize, place: &str) -> Option<usize> {
    let key = place.rsplit('.').next()?;
    let mut offset = start;
    for line in source.get(start..)?.split_inclusive('\n') {
        if line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('=')) {
            return Some(offset);
        }
        offset += line.len();
    }
    None
}

/// What stands in a table of this setting.
fn members(name: &str) -> &'static [&'static str] {
    if name == TEAM { &["table", "host"] } else { &["id", "class", "name"] }
}

fn allowed(name: &str, place: &str) -> Vec<&'static str> {
    if place.ends_with(".class") {
        return Class::ALL.map(Class::word).to_vec();
    }
    match SETTINGS.iter().find(|setting| setting.name == name).map(|setting| setting.shape) {
        Some(Shape::OneOf(names)) => names.to_vec(),
        Some(Shape::Flag) => vec!["true", "false"],
        _ => Vec::new(),
    }
}

/// What `MLDECK_…` sets.
pub(super) fn environment(env: &Environment) -> (Overrides, Vec<Diagnostic>) {
    let mut out = Overrides::default();
    let mut said = Vec::new();
    for setting in SETTINGS {
        let Some((variable, value)) = setting.variable().and_then(|name| env.get(&name).map(|value| (name, value)))
        else {
            continue;
        };
        let value = match setting.shape {
            Shape::Flag => match value.to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" | "on" => toml::Value::Boolean(true),
                "0" | "false" | "no" | "off" => toml::Value::Boolean(false),
                _ => toml::Value::String(value.to_owned()),
            },
            Shape::Count => match value.parse() {
                Ok(count) => toml::Value::Integer(count),
                Err(_) => toml::Value::String(value.to_owned()),
            },
            _ => toml::Value::String(value.to_owned()),
        };
        let table = toml::Table::from_iter([(setting.name.to_owned(), value)]);
        match table.try_into::<Overrides>() {
            Ok(layer) => out.lay(layer),
            Err(error) => {
                match setting.name {
                    READ_ONLY => out.read_only = Some(true),
                    BULK => out.bulk_in_production = Some(0),
                    _ => {}
                }
                let it = Diagnostic::new(Severity::Error, Path::new(&variable), error.message().trim_end());
                said.push(it.allowed(allowed(setting.name, setting.name)));
            }
        }
    }
    (out, said)
}
