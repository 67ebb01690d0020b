//! What lies over the view: prompt, palette, help, menus. A stack; keys go to the top one.

use mldeck_core::{ops::intent::Change, resource::Kind, text::Text};

use super::{
    command::{Command, Scope},
    field::Field,
    model::Model,
    pane::{Pane, Subject, bulk::Marked, form::Blank},
    sign_in::SignIn,
};
use crate::keys::Keymap;

pub enum Layer {
    Prompt(Prompt),
    Palette(Palette),
    Help(Help),
    Menu(Menu),
    SignIn(SignIn),
}

/// `/`: the filter of the list below, or the search of a log.
pub struct Prompt {
    pub field: Field,
    /// Text before it was opened: `Esc` brings it back.
    pub before: String,
    pub label: &'static str,
}

/// `:`: one line, with what it could mean below.
pub struct Palette {
    pub field: Field,
    pub cursor: usize,
}

pub struct Help {
    pub scopes: Vec<Scope>,
    pub query: Field,
    pub searching: bool,
    pub cursor: usize,
}

pub struct Menu {
    pub title: String,
    pub items: Vec<Item>,
    pub cursor: usize,
}

pub struct Item {
    pub key: String,
    pub label: String,
    /// What it does; or why it cannot be done now.
    pub act: Result<Act, String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Run(Command),
    Copy(Text),
    Plan(Box<Change>),
    /// A form has to be filled in first.
    Fill(Blank),
    /// The same verb on several marked rows of a kind.
    Several(Kind, Vec<Marked>),
    /// An operation of ours is left alone.
    Abandon(Text),
    Leave,
}

impl Layer {
    pub fn scopes(&self) -> Vec<Scope> {
        match self {
            Self::Prompt(_) => vec![Scope::Text],
            Self::Palette(_) => vec![Scope::Palette, Scope::Text],
            Self::Help(help) if help.searching => vec![Scope::Text],
            Self::Help(_) => vec![Scope::Help],
            Self::Menu(_) => vec![Scope::Menu],
            Self::SignIn(sign_in) => vec![sign_in.scope()],
        }
    }

    /// The field that typed characters go to.
    pub fn field(&mut self) -> Option<&mut Field> {
        match self {
            Self::Prompt(prompt) => Some(&mut prompt.field),
            Self::Palette(palette) => Some(&mut palette.field),
            Self::Help(help) if help.searching => Some(&mut help.query),
            Self::SignIn(sign_in) => sign_in.field(),
            Self::Help(_) | Self::Menu(_) => None,
        }
    }
}

/// One line of help: keys, name, what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpEntry {
    pub keys: String,
    pub command: Command,
}

impl Help {
    pub fn new(scopes: &[Scope]) -> Self {
        Self { scopes: scopes.to_vec(), query: Field::default(), searching: false, cursor: 0 }
    }

    /// What works here, first the keys of this place, then the global ones; then commands without a key.
    pub fn entries(&self, keymap: &Keymap) -> Vec<HelpEntry> {
        let needle = self.query.text().to_lowercase();
        let mut out: Vec<HelpEntry> = Vec::new();
        for hint in keymap.reachable(&self.scopes) {
            match out.iter_mut().find(|entry| entry.command == hint.command) {
                Some(entry) => {
                    entry.keys.push(' ');
                    entry.keys.push_str(&hint.keys);
                }
                None => out.push(HelpEntry { keys: hint.keys, command: hint.command }),
            }
        }
        let matches = |entry: &HelpEntry| {
            let spec = entry.command.spec();
            needle.is_empty()
                || spec.name.contains(&needle)
                || spec.doc.to_lowercase().contains(&needle)
                || entry.keys.contains(self.query.text())
        };
        out.retain(matches);
        out
    }
}

/// What a line in the palette may mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// As it completes.
    pub text: String,
    pub doc: String,
    pub means: Means,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Means {
    Run(Command),
    Go(Pane),
    Open(Subject),
    Theme(String),
    Quit,
}

/// Everything that the typed words could mean, best first.
pub fn suggestions(model: &Model, typed: &str) -> Vec<Suggestion> {
    let mut all: Vec<Suggestion> =
        vec![Suggestion { text: "quit".into(), doc: "Leave the deck".into(), means: Means::Quit }];
    for pane in Pane::ALL {
        if let Some(kind) = pane.kind() {
            all.push(Suggestion {
                text: kind.plural().to_owned(),
                doc: format!("Pane {} {}", pane.number(), pane.title()),
                means: Means::Go(pane),
            });
        }
    }
    for theme in &model.themes {
        let means = Means::Theme(theme.clone());
        all.push(Suggestion { text: format!("theme {theme}"), doc: "Change the colours".into(), means });
    }
    for &command in Command::ALL {
        let spec = command.spec();
        if spec.scopes.contains(&Scope::Global) || spec.scopes.contains(&Scope::Table) {
            all.push(Suggestion { text: spec.name.to_owned(), doc: spec.doc.to_owned(), means: Means::Run(command) });
        }
    }
    let needle = typed.trim().to_lowercase();
    if needle.is_empty() {
        return all;
    }
    for kind in [Kind::Endpoint, Kind::Execution, Kind::Run, Kind::Monitor, Kind::Job] {
        for name in super::pane::list::names(model, kind) {
            if name.as_str().to_lowercase().contains(&needle) {
                all.push(Suggestion {
                    text: name.to_string(),
                    doc: kind.singular().to_owned(),
                    means: Means::Open(Subject { kind, name, arn: None }),
                });
            }
        }
    }
    let rank = |s: &Suggestion| {
        let text = s.text.to_lowercase();
        if text == needle {
            0
        } else if text.starts_with(&needle) {
            1
        } else if text.contains(&needle) {
            2
        } else {
            3
        }
    };
    let mut kept: Vec<(u8, Suggestion)> =
        all.into_iter().map(|s| (rank(&s), s)).filter(|(rank, _)| *rank < 3).collect();
    kept.sort_by_key(|(rank, s)| (*rank, s.text.len()));
    kept.into_iter().map(|(_, s)| s).take(200).collect()
}
