//! Settings that change while the deck runs: a theme that is chosen, and files that are read again.

use super::{model::Model, msg::Effect};
use crate::{
    config::{Setup, Severity, diagnose},
    theme::Theme,
};

/// The preference that holds the theme chosen last.
pub const THEME: &str = "theme";

/// The operator chooses a theme: it is shown, and shown again at the next start unless a file names another.
pub(super) fn choose_theme(model: &mut Model, name: String, out: &mut Vec<Effect>) {
    model.say(format!("theme {name}"));
    model.theme_chosen = true;
    out.push(Effect::Remember { key: THEME.to_owned(), value: name.as_str().into() });
    out.push(Effect::Theme { name });
}

pub(super) fn next_theme(model: &mut Model, out: &mut Vec<Effect>) {
    let at = model.themes.iter().position(|name| *name == model.theme).map_or(0, |i| i + 1);
    if let Some(name) = model.themes.get(at % model.themes.len().max(1)).cloned() {
        choose_theme(model, name, out);
    }
}

/// The theme of the last session, which is known later than the first frame.
pub(super) fn theme_recalled(model: &Model, name: String, out: &mut Vec<Effect>) {
    if !model.theme_chosen && model.themes.contains(&name) {
        out.push(Effect::Theme { name });
    }
}

/// The files were read again. With an error in one of them everything stays as it was, except that a deck becomes
/// read-only as soon as a file says so, or may have said so; and stays that until it ends.
pub(super) fn reloaded(model: &mut Model, setup: Setup, out: &mut Vec<Effect>) {
    let Setup { config, keymap, themes, diagnostics, .. } = setup;
    let wrong = diagnose::summary(&diagnostics);
    // The line may be cut: what matters most stands first.
    let mut said = Vec::new();
    if config.read_only && !model.session.read_only {
        model.session.read_only = true;
        model.session.armed = None;
        said.push("The deck is read-only until it ends.".to_owned());
    }
    if diagnostics.iter().any(|it| it.severity == Severity::Error) {
        said.push("The settings of before stay:".to_owned());
    } else {
        said.push("Settings, keys and themes were read again.".to_owned());
        if config.endpoint_url != model.session.endpoint_url {
            said.push("endpoint-url holds from the next start on.".to_owned());
        }
        model.keymap = keymap;
        model.pending.clear();
        model.clipboard = config.clipboard;
        model.session.classes = config.classes();
        model.session.bulk_in_production = config.bulk_in_production;
        model.themes = Theme::names(&themes);
        model.theme_chosen |= config.names_theme;
        let theme = if config.names_theme { config.theme } else { model.theme.clone() };
        out.push(Effect::Restyle { theme, themes, notifications: config.notifications });
    }
    let is_bad = wrong.is_some();
    said.extend(wrong);
    if is_bad {
        model.complain(said.join(" "));
    } else {
        model.say(said.join(" "));
    }
}
