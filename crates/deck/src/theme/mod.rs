//! Themes are roles. A widget asks for a role, never for a colour; a theme is degraded to the terminal once.
//!
//! `dark` and `light` leave foreground and background of the screen to the terminal, on purpose: the operator's own
//! background shows, and the colours are checked against the backgrounds the file names in `made-for`. The other themes
//! paint their own.

mod adapt;
mod load;
pub mod roles;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use ratatui::style::Style;
pub use roles::Role;

use crate::{config::Diagnostic, term::Depth};

/// The theme when none is named, and when the named one is broken.
pub const DEFAULT: &str = "dark";

const BUILTIN: &[(&str, &str)] = &[
    ("dark", include_str!("../../../../themes/dark.toml")),
    ("light", include_str!("../../../../themes/light.toml")),
    ("high-contrast", include_str!("../../../../themes/high-contrast.toml")),
    ("colour-blind", include_str!("../../../../themes/colour-blind.toml")),
    ("mono", include_str!("../../../../themes/mono.toml")),
];

/// A theme file of the operator, already read; its name is the file's name without `.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThemeFile {
    pub path: PathBuf,
    pub source: String,
}

impl ThemeFile {
    pub fn name(&self) -> &str {
        self.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
    }
}

/// One style per role, already in the colours that this terminal has.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    pub name: String,
    styles: [Style; Role::COUNT],
}

impl Theme {
    pub fn get(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// The theme of this name, from the operator's files or built in, degraded to `depth`.
    ///
    /// # Errors
    /// The first thing that is wrong in the file or in one it inherits; the caller goes on with [`Theme::fallback`].
    pub fn load(name: &str, depth: Depth, user: &[ThemeFile]) -> Result<Self, Diagnostic> {
        let styles = load::styles(name, user)?;
        let modifiers = load::styles("mono", &[])?;
        let adapted = std::array::from_fn(|at| adapt::style(styles[at], modifiers[at], depth));
        Ok(Self { name: name.to_owned(), styles: adapted })
    }

    /// The default theme; always there.
    pub fn fallback(depth: Depth) -> Self {
        Self::load(DEFAULT, depth, &[]).unwrap_or_else(|_| Self::from_styles("plain", |_| Style::new()))
    }

    pub fn from_styles(name: &str, style: impl Fn(Role) -> Style) -> Self {
        let mut styles = [Style::new(); Role::COUNT];
        for &role in Role::ALL {
            styles[role as usize] = style(role);
        }
        Self { name: name.to_owned(), styles }
    }

    /// Built-in names first, then the operator's, each once: the order the theme key walks in.
    pub fn names(user: &[ThemeFile]) -> Vec<String> {
        let mut names: Vec<String> = BUILTIN.iter().map(|(name, _)| (*name).to_owned()).collect();
        for file in user {
            if !names.iter().any(|name| name == file.name()) {
                names.push(file.name().to_owned());
            }
        }
        names
    }

    /// Everything that is wrong in one theme file, for `mldeck config check`.
    pub fn check(path: &Path, source: &str, user: &[ThemeFile]) -> Vec<Diagnostic> {
        load::check(path, source, user)
    }

    /// The text of a built-in theme: what a file of one's own starts from.
    pub fn source(name: &str) -> Option<&'static str> {
        BUILTIN.iter().find(|(known, _)| *known == name).map(|(_, source)| *source)
    }
}

impl Default for Theme {
    fn default() -> Self {
        Self::fallback(Depth::True)
    }
}
