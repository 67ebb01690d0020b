//! Files that the operator writes.

use std::path::{Path, PathBuf};

use mldeck_core::ops::intent::Class;
use mldeck_deck::{
    config::{Config, Diagnostic, Environment, Overrides},
    keys::{
        Keymap, Resolution,
        key::{sequence, spell},
    },
    term::Depth,
    theme::{Role, Theme, ThemeFile},
};
use ratatui::style::Color;
use toml::de::{DeTable, DeValue};

use super::{assert_visible, files, lossy};

/// Every complaint can be printed and points into the file.
fn complaints(said: &[Diagnostic], sources: &[&str]) {
    let lines = sources.iter().map(|source| source.matches('\n').count() + 1).max().unwrap_or(1);
    for it in said {
        assert_visible(&it.to_string());
        assert!(it.line.is_none_or(|line| (1..=lines).contains(&line)), "{it}");
    }
}

/// What cannot be read may have said `read-only`, and what says so is heeded; no entry makes an account less careful than
/// another entry of the same account.
pub(super) fn config(data: &[u8]) {
    let source = lossy(data);
    let read = |flags| Config::load(Some((Path::new("config.toml"), &source)), &Environment::default(), flags);
    let (config, said) = read(Overrides::default());
    complaints(&said, &[&source]);
    match DeTable::parse(&source) {
        Err(_) => assert!(config.read_only && !said.is_empty(), "unreadable, and yet it may write"),
        Ok(table) => match table.get_ref().get("read-only").map(|value| value.get_ref()) {
            None | Some(DeValue::Boolean(false)) => {}
            Some(other) => assert!(config.read_only, "read-only = {other:?}"),
        },
    }
    for account in &config.accounts {
        assert!(config.class_of(&account.id.raw()) <= account.class, "{account:?}");
    }
    assert_eq!(config.class_of("no account"), Class::Prod);
    let (bound, _) = read(Overrides { read_only: Some(true), ..Overrides::default() });
    assert!(bound.read_only, "a file loosened a flag");
}

/// The map works whatever the file says: each key does what the map says, no key of a scope hides another one, and what leads
/// to a change in AWS lies on one key that a slip does not make.
pub(super) fn keymap(data: &[u8]) {
    let source = lossy(data);
    let (map, said) = Keymap::load(Some((Path::new("keys.toml"), &source)));
    complaints(&said, &[&source, Keymap::DEFAULT]);
    for (at, binding) in map.bindings().iter().enumerate() {
        let spelled = spell(&binding.keys);
        assert_visible(&spelled);
        assert_eq!(sequence(&spelled), Ok(binding.keys.clone()), "{spelled}");
        let (last, before) = binding.keys.split_last().expect("a binding has a key");
        assert_eq!(
            map.resolve(&[binding.scope], before, *last),
            Resolution::Command(binding.command),
            "{spelled} in {:?}",
            binding.scope
        );
        if binding.command.spec().mutates {
            assert!(before.is_empty() && last.may_mutate(), "{spelled} leads to a change");
        }
        for other in &map.bindings()[at + 1..] {
            let hides = other.keys.starts_with(&binding.keys) || binding.keys.starts_with(&other.keys);
            assert!(other.scope != binding.scope || !hides, "{spelled} and {}", spell(&other.keys));
        }
    }
}

/// A theme that passes the check can be loaded, and none has colours where the terminal has not. A second file is the theme
/// `other`, which the first one may inherit.
pub(super) fn theme(data: &[u8]) {
    let user: Vec<ThemeFile> = files(data)
        .into_iter()
        .zip(["mine", "other"])
        .map(|(source, name)| ThemeFile {
            path: PathBuf::from(format!("{name}.toml")),
            source: lossy(source).into_owned(),
        })
        .collect();
    let sources: Vec<&str> = user.iter().map(|file| file.source.as_str()).collect();
    for file in &user {
        let said = Theme::check(&file.path, &file.source, &user);
        complaints(&said, &sources);
        for depth in [Depth::Mono, Depth::Ansi16, Depth::Ansi256, Depth::True] {
            let loaded = Theme::load(file.name(), depth, &user);
            assert_eq!(loaded.is_ok(), said.is_empty(), "{said:?}");
            let Ok(theme) = loaded else { continue };
            for style in Role::ALL.iter().map(|role| theme.get(*role)) {
                let fits = |color: Color| match depth {
                    Depth::Mono => color == Color::Reset,
                    Depth::Ansi16 => !matches!(color, Color::Rgb(..) | Color::Indexed(_)),
                    Depth::Ansi256 => !matches!(color, Color::Rgb(..)),
                    Depth::True => true,
                };
                assert!([style.fg, style.bg].into_iter().flatten().all(fits), "{style:?} on {depth:?}");
            }
        }
    }
}
