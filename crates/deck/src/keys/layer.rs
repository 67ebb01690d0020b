//! One key file, read: its entries in the order they are written, and what is wrong with the rest.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::{
    Command, Key, Scope,
    key::{sequence, spell},
};
use crate::config::diagnose::{Diagnostic, Severity, nearest};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) scope: Scope,
    pub(super) keys: Vec<Key>,
    /// `None` unbinds.
    pub(super) command: Option<Command>,
    offset: usize,
}

pub(super) struct Layer<'a> {
    file: &'a Path,
    source: &'a str,
    /// The preset this file wants below it.
    pub(super) preset: Option<String>,
    /// Always and global first, so that a key may be freed there and used in a scope of the same file.
    pub(super) entries: Vec<Entry>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl<'a> Layer<'a> {
    pub(super) fn read(file: &'a Path, source: &'a str) -> Self {
        let mut layer = Self { file, source, preset: None, entries: Vec::new(), diagnostics: Vec::new() };
        match DeTable::parse(source) {
            Ok(table) => layer.root(table.get_ref()),
            Err(error) => layer.diagnostics.push(Diagnostic::unreadable(file, source, &error)),
        }
        layer.entries.sort_by_key(|entry| (entry.scope.min(Scope::Table), entry.offset));
        layer
    }

    fn root(&mut self, table: &DeTable<'_>) {
        for (name, value) in table {
            let scope = Scope::parse(name.get_ref());
            match (scope, value.get_ref()) {
                (Some(scope), DeValue::Table(keys)) => self.section(scope, keys),
                (None, DeValue::String(preset)) if name.get_ref() == "preset" => {
                    self.preset = Some(preset.clone().into_owned());
                }
                _ => {
                    let it = Diagnostic::new(Severity::Warning, self.file, "no such section of keys")
                        .at(self.source, Some(name.span()))
                        .key(name.get_ref())
                        .allowed(Scope::ALL.iter().map(|scope| scope.name()).chain(["preset"]));
                    self.diagnostics.push(it);
                }
            }
        }
    }

    fn section(&mut self, scope: Scope, table: &DeTable<'_>) {
        for (keys, value) in table {
            match entry(scope, keys.get_ref(), value.get_ref()) {
                Ok((keys_read, command)) => {
                    self.entries.push(Entry { scope, keys: keys_read, command, offset: keys.span().start });
                }
                Err((message, allowed)) => {
                    let it = Diagnostic::new(Severity::Warning, self.file, &message)
                        .at(self.source, Some(keys.span()))
                        .key(&path(scope, keys.get_ref()))
                        .allowed(allowed);
                    self.diagnostics.push(it);
                }
            }
        }
    }

    pub(super) fn say(&mut self, severity: Severity, entry: &Entry, message: &str) {
        let it = Diagnostic::new(severity, self.file, message)
            .at(self.source, Some(entry.offset..entry.offset))
            .key(&path(entry.scope, &spell(&entry.keys)));
        self.diagnostics.push(it);
    }
}

fn path(scope: Scope, keys: &str) -> String {
    format!("{}.{keys:?}", scope.name())
}

type Refusal = (String, Vec<&'static str>);

fn entry(scope: Scope, keys: &str, value: &DeValue<'_>) -> Result<(Vec<Key>, Option<Command>), Refusal> {
    let keys = sequence(keys).map_err(|error| (error.to_string(), Vec::new()))?;
    if keys.iter().any(|key| key.is_inert()) {
        let why = "Alt with a capital means nothing: a slow link makes it of Esc and a capital";
        return Err((why.to_owned(), Vec::new()));
    }
    let name = match value {
        DeValue::Boolean(false) => return Ok((keys, None)),
        DeValue::String(name) => name,
        _ => return Err(("takes the name of a command, or false to unbind".to_owned(), Vec::new())),
    };
    let Some(command) = Command::parse(name) else {
        let near = nearest(name, Command::ALL.iter().map(|command| command.name()));
        let hint = if near.is_empty() { "; `mldeck config default keys` lists them" } else { "" };
        return Err((format!("unknown command {name:?}{hint}"), near));
    };
    if !command.works_in(scope) {
        let message = format!("{name:?} means nothing in [{}]", scope.name());
        return Err((message, command.spec().scopes.iter().map(|scope| scope.name()).collect()));
    }
    let safe = match keys.as_slice() {
        // In the plan, letters are what is typed.
        [key] if command == Command::Confirm => key.may_mutate() && key.typed().is_none(),
        [key] => key.may_mutate(),
        _ => false,
    };
    if command.spec().mutates && !safe {
        let why = format!("{name:?} leads to a change in AWS: it takes one capital or named key, without Ctrl and Alt");
        return Err((why, Vec::new()));
    }
    Ok((keys, Some(command)))
}
