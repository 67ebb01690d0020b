//! What the operator set: defaults < file < environment < flags.
//!
//! Three files in one folder: `config.toml`, `keys.toml`, `themes/*.toml`. Nothing wrong in them stops the deck; it is
//! reported with file, line and key, and `mldeck config check` fails on it.

pub mod diagnose;
pub mod environment;
mod load;
mod log;
mod options;
#[cfg(test)]
mod tests;

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use mldeck_core::{
    ops::{bulk, intent::Class},
    text::Text,
};

pub use diagnose::{Diagnostic, Severity};
pub use environment::Environment;
pub use log::LogFilter;
pub use options::{Account, Notifications, Overrides, Team, schema};

use crate::{
    keys::Keymap,
    theme::{self, Theme, ThemeFile},
};

/// What `mldeck config default` prints.
pub const DEFAULT: &str = include_str!("default.toml");

/// A settings file is a page of text; anything longer is something else.
const LONGEST: u64 = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub theme: String,
    /// A file, the environment or a flag says which; else it is the default.
    pub names_theme: bool,
    /// Name of the preset.
    pub keys: String,
    pub read_only: bool,
    pub clipboard: bool,
    pub notifications: Notifications,
    pub endpoint_url: Option<String>,
    pub accounts: Vec<Account>,
    /// `None`: locks and ledger are this host's alone.
    pub team: Option<Team>,
    /// How many things one confirmation may change in production.
    pub bulk_in_production: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self::load(None, &Environment::default(), Overrides::default()).0
    }
}

impl Config {
    /// The defaults under a file (its path and text), under the environment, under the flags. What is wrong is
    /// reported and left out.
    pub fn load(file: Option<(&Path, &str)>, env: &Environment, flags: Overrides) -> (Self, Vec<Diagnostic>) {
        let (mut all, mut said) = load::file(Path::new("defaults"), DEFAULT);
        let file = file.map(|(path, source)| load::file(path, source));
        let mut names_theme = false;
        for (layer, wrong) in file.into_iter().chain([load::environment(env), (flags, Vec::new())]) {
            names_theme |= layer.theme.is_some();
            all.lay(layer);
            said.extend(wrong);
        }
        (Self { names_theme, ..Self::of(all) }, said)
    }

    /// `default.toml` sets everything that has a default; what it leaves open is off.
    fn of(all: Overrides) -> Self {
        Self {
            theme: all.theme.unwrap_or_else(|| theme::DEFAULT.to_owned()),
            names_theme: false,
            keys: all.keys.unwrap_or_else(|| "default".to_owned()),
            read_only: all.read_only.unwrap_or_default(),
            clipboard: all.clipboard.unwrap_or_default(),
            notifications: all.notifications.unwrap_or_default(),
            endpoint_url: all.endpoint_url,
            accounts: all.accounts.unwrap_or_default(),
            team: all.team,
            bulk_in_production: all.bulk_in_production.unwrap_or(bulk::AT_MOST),
        }
    }

    /// What an account is for. One that no entry names is production.
    pub fn class_of(&self, account: &str) -> Class {
        self.account(account).map_or(Class::Prod, |entry| entry.class)
    }

    /// The operator's name for an account.
    pub fn name_of(&self, account: &str) -> Option<&Text> {
        self.account(account).map(|entry| &entry.name).filter(|name| !name.is_empty())
    }

    fn account(&self, account: &str) -> Option<&Account> {
        let mut entries = self.accounts.iter().filter(|entry| entry.id == account);
        // Two entries may disagree: then the more careful one counts.
        let first = entries.next()?;
        Some(entries.fold(first, |best, entry| if entry.class < best.class { entry } else { best }))
    }

    /// Id, class and name of each account that an entry names.
    pub fn classes(&self) -> Vec<(String, Class, String)> {
        let entry = |account: &Account| {
            let id = account.id.to_string();
            let class = self.class_of(&id);
            (id, class, account.name.to_string())
        };
        self.accounts.iter().map(entry).collect()
    }
}

/// The operator's files as they are on disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Files {
    pub config: Option<(PathBuf, String)>,
    pub keys: Option<(PathBuf, String)>,
    pub themes: Vec<ThemeFile>,
    /// What is there and could not be read.
    pub diagnostics: Vec<Diagnostic>,
}

impl Files {
    /// Reads `folder`; `config` is what `--config` or `MLDECK_CONFIG` names in place of its `config.toml`, and must be
    /// there.
    pub fn read(folder: &Path, config: Option<&Path>) -> Self {
        let mut files = Self::default();
        files.config = match config {
            Some(path) => files.text(path, true),
            None => files.text(&folder.join("config.toml"), false),
        };
        files.keys = files.text(&folder.join("keys.toml"), false);
        let themes = std::fs::read_dir(folder.join("themes")).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = themes.map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "toml")) {
            if let Some((path, source)) = files.text(&path, true) {
                files.themes.push(ThemeFile { path, source });
            }
        }
        files
    }

    fn text(&mut self, path: &Path, wanted: bool) -> Option<(PathBuf, String)> {
        let mut source = String::new();
        let read = std::fs::File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut source));
        let why = match read {
            Ok(len) if len as u64 <= LONGEST => return Some((path.to_owned(), source)),
            Ok(_) => "is longer than a settings file".to_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !wanted => return None,
            Err(error) => error.to_string(),
        };
        self.diagnostics.push(Diagnostic::new(Severity::Error, path, &why));
        None
    }
}

/// Where the settings come from, to read them again while the deck runs.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `None` without a home directory.
    pub folder: Option<PathBuf>,
    /// What stands in place of the folder's `config.toml`.
    pub file: Option<PathBuf>,
    pub environment: Environment,
    pub flags: Overrides,
}

impl Sources {
    /// Reads the files as they are now.
    pub fn read(&self) -> Setup {
        load(self.files(), &self.environment, self.flags.clone())
    }

    pub fn files(&self) -> Files {
        self.folder.as_ref().map(|folder| Files::read(folder, self.file.as_deref())).unwrap_or_default()
    }
}

/// Everything the operator set, ready to use.
#[derive(Clone, Debug)]
pub struct Setup {
    pub config: Config,
    pub keymap: Keymap,
    pub themes: Vec<ThemeFile>,
    /// From the environment only: it has to hold before a file is read.
    pub log: LogFilter,
    /// Worst first.
    pub diagnostics: Vec<Diagnostic>,
}

/// Settings, keys and theme from the files, the environment and the flags. A settings file that is there and cannot be
/// read makes the deck read-only.
pub fn load(files: Files, env: &Environment, flags: Overrides) -> Setup {
    let mut setup = settings(files, env, flags);
    if let Some(file) = setup.themes.iter().find(|file| file.name() == setup.config.theme) {
        setup.diagnostics.extend(Theme::check(&file.path, &file.source, &setup.themes));
    }
    setup.diagnostics.sort_by_key(|it| std::cmp::Reverse(it.severity));
    setup
}

/// All but the look into theme files.
fn settings(files: Files, env: &Environment, mut flags: Overrides) -> Setup {
    let mut diagnostics = files.diagnostics;
    if files.config.is_none() && !diagnostics.is_empty() {
        flags.read_only = Some(true);
    }
    let file = files.config.as_ref().map(|(path, source)| (path.as_path(), source.as_str()));
    let (config, said) = Config::load(file, env, flags);
    diagnostics.extend(said);
    let keys = files.keys.as_ref().map(|(path, source)| (path.as_path(), source.as_str()));
    let (keymap, said) = Keymap::with_preset(Some(&config.keys), keys);
    diagnostics.extend(said);
    let (log, said) = LogFilter::parse(env.get("MLDECK_LOG").unwrap_or_default());
    diagnostics.extend(said);
    let names = Theme::names(&files.themes);
    if !names.contains(&config.theme) {
        let it =
            Diagnostic::new(Severity::Warning, Path::new("theme"), &format!("no theme is called {:?}", config.theme));
        diagnostics.push(it.allowed(names.iter().map(String::as_str)));
    }
    Setup { config, keymap, themes: files.themes, log, diagnostics }
}

/// For `mldeck config check`: everything that is wrong in any file, worst first.
pub fn check(files: &Files, env: &Environment) -> Vec<Diagnostic> {
    let mut diagnostics = settings(files.clone(), env, Overrides::default()).diagnostics;
    for file in &files.themes {
        diagnostics.extend(Theme::check(&file.path, &file.source, &files.themes));
    }
    diagnostics.sort_by_key(|it| std::cmp::Reverse(it.severity));
    diagnostics
}

/// For `mldeck config default [config|keys|theme NAME]`.
pub fn default_source(what: &str) -> Option<&'static str> {
    match what {
        "config" => Some(DEFAULT),
        "keys" => Some(Keymap::DEFAULT),
        name => Theme::source(name),
    }
}
