//! Files that are read again while the deck runs, and the theme of the last session.

use mldeck::app::Effect;

use crate::deck::{Deck, Options, seconds};

#[test]
fn keys_settings_and_themes_are_read_again() {
    let mut deck = Deck::start("fraud-burns");
    deck.writes("keys.toml", "[global]\n\"f9\" = \"calls\"\n").keys("<f9>").lacks("Calls to AWS");
    deck.writes("config.toml", "theme = \"mine\"\nclipboard = false\n");
    deck.writes("themes/mine.toml", "inherits = \"light\"\n");
    deck.keys("<ctrl-r>").sees("Settings, keys and themes were read again.");
    assert_eq!((deck.model.theme.as_str(), deck.theme.name.as_str()), ("mine", "mine"));
    assert!(deck.model.themes.contains(&"mine".to_owned()));
    deck.keys("<f9>").sees("Calls to AWS").keys("<esc>c<enter>").sees("The clipboard is off in the config");
    // The command line knows it as well.
    deck.writes("keys.toml", "").keys(":reload<enter>").sees("were read again").keys("<f9>").lacks("Calls to AWS");
}

#[test]
fn an_edited_theme_is_painted_anew_and_a_chosen_one_stays() {
    let mut deck = Deck::start("fraud-burns");
    deck.writes("themes/mine.toml", "inherits = \"dark\"\n[roles]\n\"text.dim\" = { fg = \"#010203\" }\n")
        .keys("<ctrl-r>");
    deck.keys(":theme<space>mine<enter>").sees("theme mine");
    let before = deck.theme.clone();
    deck.writes("themes/mine.toml", "inherits = \"dark\"\n[roles]\n\"text.dim\" = { fg = \"#040506\" }\n")
        .keys("<ctrl-r>");
    assert_eq!(deck.model.theme, "mine", "no file names another");
    assert_ne!(deck.theme, before);
}

#[test]
fn with_an_error_in_a_file_everything_stays_and_the_line_is_named() {
    let mut deck = Deck::start("fraud-burns");
    deck.writes("keys.toml", "[global]\n\"f9\" = \"calls\"\n").keys("<ctrl-r>").sees("were read again");
    deck.writes("keys.toml", "").writes("config.toml", "theme = \"light\"\nclipboard = 7\n").keys("<ctrl-r>");
    deck.sees("The settings of before stay: ").sees("config.toml:2: clipboard: invalid type");
    assert_eq!((deck.model.theme.as_str(), deck.model.clipboard), ("dark", true));
    assert!(!deck.model.session.read_only, "another setting's error is no reason");
    deck.keys("<f9>").sees("Calls to AWS").keys("<esc>");
    deck.writes("config.toml", "theme = \"mine\"\n").writes("themes/mine.toml", "[roles]\nokk = \"red\"\n");
    deck.keys("<ctrl-r>").sees("The settings of before stay: ").sees("mine.toml:2: roles.\"okk\": no such role");
    assert_eq!(deck.theme.name, "dark");
}

#[test]
fn read_only_comes_with_a_file_and_does_not_go_with_it() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("W").sees("Write mode for");
    deck.writes("config.toml", "read-only = true\n").keys("<ctrl-r>").sees("The deck is read-only until it ends.");
    assert_eq!(deck.model.session.armed, None);
    deck.writes("config.toml", "read-only = false\n").keys("<ctrl-r>").sees("were read again");
    deck.keys("W").sees("cannot be armed");
    deck.keys("/fraud-prod<enter> B").sees("read-only deck").advance(seconds(1)).keys("v17<enter>");
    deck.sees("nothing is sent");
    assert_eq!(deck.sends(), Vec::<&str>::new());
}

#[test]
fn a_file_that_can_no_longer_be_read_may_have_said_read_only() {
    let mut deck = Deck::start("fraud-burns");
    deck.writes("config.toml", "read-only = tru\n").keys("<ctrl-r>").sees("is read-only until it ends.");
    deck.sees("config.toml:1: invalid boolean");
}

#[test]
fn the_theme_chosen_last_is_shown_again_unless_a_file_names_one() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("<ctrl-t>").sees("theme light");
    let mut deck = deck.killed_and_started_again();
    assert_eq!(deck.theme.name, "dark", "the first frame waits for no disk");
    deck.until("the theme of the last session", |deck| deck.theme.name == "light");
    assert_eq!(deck.model.theme, "light");
    deck.quiet();
    deck.writes("config.toml", "theme = \"mono\"\n");
    let mut deck = deck.killed_and_started_again();
    deck.until("the answer of the cache", |deck| deck.model.session.scope().is_some());
    deck.quiet();
    assert_eq!(deck.theme.name, "mono");
    let retheme = |effect: &Effect| matches!(effect, Effect::Theme { .. });
    assert!(!deck.effects().iter().any(retheme));
}

#[test]
fn a_theme_chosen_meanwhile_is_not_taken_back() {
    let mut deck = Options::of("fraud-burns").start();
    deck.press(mldeck::keys::Key { ctrl: true, ..mldeck::keys::Key::char('t') });
    deck.effects();
    deck.send(mldeck::app::Msg::ThemeRecalled("mono".to_owned()));
    assert!(!deck.effects().iter().any(|effect| matches!(effect, Effect::Theme { .. })));
    assert_eq!(deck.theme.name, "light");
}
