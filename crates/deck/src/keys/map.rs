//! The map: what a key means under a stack of scopes, and which keys mean a command.
//!
//! About 200 bindings in one list, searched in order: less code than a trie, and the order of the file is kept, which
//! decides the key that hints show. Sequences are found by their prefix all the same.

use std::path::Path;

use super::{
    Command, Key, Scope,
    key::{Code, spell},
    layer::{Entry, Layer},
};
use crate::config::diagnose::{Diagnostic, Severity};

const PRESETS: &[(&str, &str)] = &[("k9s", include_str!("k9s.toml"))];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub scope: Scope,
    pub keys: Vec<Key>,
    pub command: Command,
}

/// A key as it is drawn, and what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// `B`, `ctrl-f`, `g g`; after a prefix only what is still missing.
    pub keys: String,
    pub command: Command,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    Command(Command),
    /// Keep the key and wait for the next one; these would complete it.
    Pending(Vec<Hint>),
    /// Forget what is pending. In a field, the key may be typed text.
    None,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self::load(None).0
    }
}

impl Keymap {
    /// The text of the default keys: what a file of one's own starts from.
    pub const DEFAULT: &'static str = include_str!("default.toml");

    /// The default keys under the operator's file (its path and its text). What is wrong in the file is left out and
    /// reported; the map can always be used.
    pub fn load(user: Option<(&Path, &str)>) -> (Self, Vec<Diagnostic>) {
        Self::with_preset(None, user)
    }

    /// As [`Keymap::load`], with a preset between defaults and file. A `preset = "…"` in the file itself wins.
    pub fn with_preset(preset: Option<&str>, user: Option<(&Path, &str)>) -> (Self, Vec<Diagnostic>) {
        let mut map = Self { bindings: Vec::new() };
        let mut said = map.lay(Layer::read(Path::new("default keys"), Self::DEFAULT));
        let user = user.map(|(file, source)| (file, Layer::read(file, source)));
        let wanted = user.as_ref().and_then(|(_, layer)| layer.preset.as_deref()).or(preset);
        if let Some(name) = wanted.filter(|name| *name != "default") {
            if let Some((name, source)) = PRESETS.iter().find(|(known, _)| *known == name) {
                said.extend(map.lay(Layer::read(Path::new(name), source)));
            } else {
                let file = user.as_ref().map_or(Path::new("keys"), |(file, _)| file);
                let it = Diagnostic::new(Severity::Warning, file, &format!("no such preset of keys: {name:?}"));
                said.push(it.key("preset").allowed(Self::presets()));
            }
        }
        if let Some((_, layer)) = user {
            said.extend(map.lay(layer));
        }
        (map, said)
    }

    pub fn presets() -> impl Iterator<Item = &'static str> {
        ["default"].into_iter().chain(PRESETS.iter().map(|(name, _)| *name))
    }

    /// What `key` means after `pending`, under `scopes` (innermost first). Global keys lie below them unless one is
    /// modal, and the keys that always work lie below everything.
    pub fn resolve(&self, scopes: &[Scope], pending: &[Key], key: Key) -> Resolution {
        if key.is_inert() {
            return Resolution::None;
        }
        let typed: Vec<Key> = pending.iter().copied().chain([key]).collect();
        for scope in under(scopes) {
            let mut longer = false;
            for binding in self.bindings.iter().filter(|b| b.scope == scope && b.keys.starts_with(&typed)) {
                if binding.keys.len() == typed.len() {
                    return Resolution::Command(binding.command);
                }
                longer = true;
            }
            if longer {
                return Resolution::Pending(self.after(scopes, &typed));
            }
        }
        Resolution::None
    }

    fn after(&self, scopes: &[Scope], typed: &[Key]) -> Vec<Hint> {
        let mut hints: Vec<Hint> = Vec::new();
        for scope in under(scopes) {
            for binding in self.bindings.iter().filter(|b| b.scope == scope) {
                let Some(rest) = binding.keys.strip_prefix(typed).filter(|rest| !rest.is_empty()) else { continue };
                let keys = spell(rest);
                if hints.iter().all(|hint| hint.keys != keys) {
                    hints.push(Hint { keys, command: binding.command });
                }
            }
        }
        hints
    }

    /// Every key that works under `scopes`, innermost first, in the order of the files: what help lists.
    pub fn reachable(&self, scopes: &[Scope]) -> Vec<Hint> {
        self.after(scopes, &[])
    }

    /// The keys that mean `command` in `scope` and what lies below it, the one to show first.
    pub fn keys_of(&self, command: Command, scope: Scope) -> Vec<String> {
        self.reachable(&[scope]).into_iter().filter(|hint| hint.command == command).map(|hint| hint.keys).collect()
    }

    /// For the line at the bottom: those of `commands`, in this order, that have a key under `scopes`.
    pub fn hints(&self, scopes: &[Scope], commands: &[Command]) -> Vec<Hint> {
        let all = self.reachable(scopes);
        commands.iter().filter_map(|command| all.iter().find(|hint| hint.command == *command).cloned()).collect()
    }

    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// True for `J` and `K` while nothing lies there: probably Caps Lock, since everybody moves by `j` and `k`.
    pub fn is_caps_lock(&self, scopes: &[Scope], key: Key) -> bool {
        matches!(key.code, Code::Char('J' | 'K')) && !key.ctrl && self.resolve(scopes, &[], key) == Resolution::None
    }

    fn lay(&mut self, mut layer: Layer<'_>) -> Vec<Diagnostic> {
        let before = self.clone();
        let mut taken: Vec<Binding> = Vec::new();
        let mut freed: Vec<Command> = Vec::new();
        let entries = std::mem::take(&mut layer.entries);
        for entry in &entries {
            match entry.command {
                Some(command) => self.bind(&mut layer, entry, command, &mut taken),
                None => {
                    let here = |b: &Binding| b.scope == entry.scope && b.keys == entry.keys;
                    match self.bindings.iter().position(here) {
                        Some(at) => freed.push(self.bindings.remove(at).command),
                        None => layer.say(Severity::Note, entry, "is not bound anyway"),
                    }
                }
            }
        }
        let has_key = |map: &Self, command| map.bindings.iter().any(|b| b.command == command);
        for binding in &before.bindings {
            let command = binding.command;
            if has_key(self, command) || freed.contains(&command) {
                continue;
            }
            freed.push(command);
            let place = |e: &&Entry| e.scope == binding.scope && e.keys == binding.keys;
            if let Some(entry) = entries.iter().find(place) {
                layer.say(Severity::Note, entry, &format!("{:?} has no key left", command.name()));
            }
        }
        layer.diagnostics
    }

    /// Adds one binding of a layer, or says why not.
    fn bind(&mut self, layer: &mut Layer<'_>, entry: &Entry, command: Command, taken: &mut Vec<Binding>) {
        let name = command.name();
        let clash = |b: &Binding| {
            b.scope == entry.scope && (b.keys.starts_with(&entry.keys) || entry.keys.starts_with(&b.keys))
        };
        if let Some(other) = taken.iter().find(|b| clash(b)) {
            let message = if other.keys == entry.keys {
                format!("means {:?} and {name:?}; the first holds", other.command.name())
            } else {
                format!(
                    "{:?} ({name:?}) and {:?} ({:?}) exclude each other; the latter holds",
                    spell(&entry.keys),
                    spell(&other.keys),
                    other.command.name()
                )
            };
            layer.say(Severity::Warning, entry, &message);
            return;
        }
        if let Some(below) = self.shadowed(entry, command) {
            let message = format!(
                "means {:?} in [{}] and cannot mean {name:?} here: a scope adds keys, it gives none another meaning",
                below.command.name(),
                below.scope.name()
            );
            layer.say(Severity::Warning, entry, &message);
            return;
        }
        for above in
            self.bindings.iter().filter(|b| b.scope > entry.scope && b.keys == entry.keys && b.command != command)
        {
            if under(&[above.scope]).any(|scope| scope == entry.scope) {
                let message = format!("still means {:?} in [{}]", above.command.name(), above.scope.name());
                layer.say(Severity::Note, entry, &message);
            }
        }
        let at = self.bindings.iter().position(|b| b.scope == entry.scope && b.keys == entry.keys);
        for other in self.bindings.iter().filter(|b| clash(b) && b.keys != entry.keys) {
            let message =
                format!("takes the place of {:?}, which meant {:?}", spell(&other.keys), other.command.name());
            layer.say(Severity::Note, entry, &message);
        }
        let binding = Binding { scope: entry.scope, keys: entry.keys.clone(), command };
        taken.push(binding.clone());
        match at {
            Some(at) => {
                if let Some(place) = self.bindings.get_mut(at) {
                    *place = binding;
                }
            }
            None => {
                self.bindings.retain(|b| !clash(b));
                self.bindings.push(binding);
            }
        }
    }

    /// The binding further down that `entry` would give another meaning.
    fn shadowed(&self, entry: &Entry, command: Command) -> Option<&Binding> {
        let below = under(std::slice::from_ref(&entry.scope)).skip(1);
        let mut bindings = below.flat_map(|scope| self.bindings.iter().filter(move |b| b.scope == scope));
        bindings.find(|b| b.command != command && (b.keys.starts_with(&entry.keys) || entry.keys.starts_with(&b.keys)))
    }
}

/// The scopes a key is looked up in, in order.
fn under(scopes: &[Scope]) -> impl Iterator<Item = Scope> {
    let global = !scopes.contains(&Scope::Global) && !scopes.iter().any(|scope| scope.is_modal());
    let always = !scopes.contains(&Scope::Always);
    let below = [(global, Scope::Global), (always, Scope::Always)];
    scopes.iter().copied().chain(below.into_iter().filter(|(on, _)| *on).map(|(_, scope)| scope))
}
