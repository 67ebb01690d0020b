use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::config::Severity;

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn user(source: &str) -> (Keymap, Vec<String>) {
    let (map, said) = Keymap::load(Some((Path::new("keys.toml"), source)));
    (map, said.iter().map(ToString::to_string).collect())
}

/// What the key means under these scopes, by name; `…` while more keys are needed.
fn means(map: &Keymap, scopes: &[Scope], text: &str) -> &'static str {
    match map.resolve(scopes, &[], key(text)) {
        Resolution::Command(command) => command.name(),
        Resolution::Pending(_) => "…",
        Resolution::None => "",
    }
}

#[test]
fn the_shipped_files_have_nothing_wrong_with_them() {
    for preset in Keymap::presets() {
        let (_, said) = Keymap::with_preset(Some(preset), None);
        let wrong: Vec<_> = said.iter().filter(|it| it.severity > Severity::Note).collect();
        assert_eq!(wrong, [] as [&crate::config::Diagnostic; 0], "{preset}");
    }
    assert_eq!(Keymap::load(None).1, []);
}

#[test]
fn no_lowercase_letter_and_no_ctrl_chord_leads_to_a_change() {
    for preset in Keymap::presets() {
        let (map, _) = Keymap::with_preset(Some(preset), None);
        for binding in map.bindings().iter().filter(|b| b.command.spec().mutates) {
            let [only] = binding.keys.as_slice() else { panic!("{binding:?} is a sequence") };
            assert!(!only.ctrl && !only.alt, "{binding:?}");
            match only.code {
                Code::Char(c) => assert!(c.is_uppercase() && binding.scope == Scope::Global, "{binding:?}"),
                code => assert!(code == Code::Enter && binding.command == Command::Confirm, "{binding:?}"),
            }
        }
    }
}

#[test]
fn a_scope_gives_no_global_key_another_meaning() {
    for preset in Keymap::presets() {
        let (map, _) = Keymap::with_preset(Some(preset), None);
        let of = |scope| map.bindings().iter().filter(move |b| b.scope == scope);
        for &scope in Scope::ALL {
            let below: &[Scope] = if scope.is_modal() { &[Scope::Always] } else { &[Scope::Always, Scope::Global] };
            for (binding, other) in of(scope).flat_map(|b| below.iter().flat_map(move |s| of(*s).map(move |o| (b, o))))
            {
                let apart = !binding.keys.starts_with(&other.keys) && !other.keys.starts_with(&binding.keys);
                assert!(apart || binding.command == other.command, "{binding:?} against {other:?} ({preset})");
            }
        }
    }
}

#[test]
fn every_binding_lies_where_its_command_works() {
    for binding in Keymap::default().bindings() {
        assert!(binding.command.works_in(binding.scope), "{binding:?}");
    }
}

#[test]
fn the_keys_of_the_product_mean_what_they_say() {
    let map = Keymap::default();
    let table = [Scope::Table];
    for (text, name) in [
        ("j", "next"),
        ("up", "previous"),
        ("g", "first"),
        ("G", "last"),
        ("ctrl-f", "page-down"),
        ("ctrl-u", "half-page-up"),
        ("enter", "open"),
        ("esc", "back"),
        ("q", "quit"),
        ("ctrl-c", "cancel"),
        ("?", "help"),
        (":", "palette"),
        ("/", "filter"),
        ("2", "pane-endpoints"),
        ("0", "pane-all"),
        ("[", "history-back"),
        ("-", "last-view"),
        ("tab", "focus-next"),
        ("space", "mark"),
        ("v", "mark-range"),
        ("u", "unmark"),
        ("s", "sort"),
        ("i", "invert-sort"),
        ("w", "wide"),
        ("!", "problems-only"),
        ("d", "describe"),
        ("y", "raw"),
        ("l", "logs"),
        ("m", "metrics"),
        ("h", "timeline"),
        ("x", "lineage"),
        ("=", "compare"),
        ("c", "copy"),
        ("b", "console-link"),
        ("f", "freeze"),
        ("r", "refresh"),
        ("ctrl-t", "theme"),
        ("ctrl-l", "redraw"),
        ("ctrl-z", "suspend"),
        ("a", "actions"),
        ("W", "arm"),
        ("P", "promote"),
        ("B", "roll-back"),
        ("U", "update"),
        ("S", "stop"),
        ("T", "trigger"),
        ("L", "label"),
        ("A", "approve"),
        ("D", "delete"),
        ("z", "reversal"),
        ("@", "calls"),
        ("J", ""),
        ("K", ""),
    ] {
        assert_eq!(means(&map, &table, text), name, "{text}");
    }
    for (text, name) in [
        ("h", "left"),
        ("l", "right"),
        ("j", "next"),
        ("t", "view"),
        ("n", "next-metric"),
        ("N", "previous-metric"),
        (",", "crosshair-left"),
        (".", "crosshair-right"),
        ("o", "x-axis"),
        ("e", "baseline"),
        ("\\", "log-scale"),
        ("{", "smooth-less"),
        ("}", "smooth-more"),
        ("P", "promote"),
    ] {
        assert_eq!(means(&map, &[Scope::Chart], text), name, "{text}");
    }
    for scope in [Scope::Graph, Scope::Heat] {
        assert_eq!(means(&map, &[scope], "h"), "left");
        assert_eq!(means(&map, &[scope], "k"), "previous");
    }
}

#[test]
fn what_is_typed_stays_text_and_no_key_reaches_below_an_overlay() {
    let map = Keymap::default();
    for text in ["q", "B", "j", "/", "2", "space", "?"] {
        assert_eq!(means(&map, &[Scope::Text], text), "", "{text} in a field");
        assert_eq!(means(&map, &[Scope::Confirm, Scope::Text], text), "", "{text} in a plan");
    }
    assert_eq!(means(&map, &[Scope::Confirm, Scope::Text], "enter"), "confirm");
    assert_eq!(means(&map, &[Scope::Confirm, Scope::Text], "backspace"), "erase-left");
    assert_eq!(means(&map, &[Scope::Palette, Scope::Text], "down"), "next");
    assert_eq!(means(&map, &[Scope::Help], "B"), "");
    for scopes in
        [&[Scope::Text][..], &[Scope::Confirm], &[Scope::Help], &[Scope::Menu], &[Scope::Palette, Scope::Text]]
    {
        assert_eq!(means(&map, scopes, "ctrl-c"), "cancel");
        assert_eq!(means(&map, scopes, "esc"), "back");
    }
}

#[test]
fn alt_with_a_capital_is_inert() {
    let (map, said) = user("[global]\n\"alt-B\" = \"refresh\"\n");
    assert_eq!(means(&map, &[Scope::Table], "alt-B"), "");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("keys.toml:2: global.\"alt-B\": Alt with a capital"), "{said:?}");
}

#[test]
fn caps_lock_is_noticed() {
    let map = Keymap::default();
    assert!(map.is_caps_lock(&[Scope::Table], key("J")));
    assert!(!map.is_caps_lock(&[Scope::Table], key("G")));
    let (map, _) = user("[table]\n\"J\" = \"mark\"\n");
    assert!(!map.is_caps_lock(&[Scope::Table], key("J")));
}

#[test]
fn a_file_binds_rebinds_and_unbinds() {
    let (map, said) = user("[global]\n\"f7\" = \"next\"\n\"j\" = false\n\"ctrl-e\" = \"refresh\"\n\"D\" = false\n");
    assert_eq!(said, [] as [&str; 0]);
    assert_eq!(means(&map, &[Scope::Table], "f7"), "next");
    assert_eq!(means(&map, &[Scope::Table], "j"), "");
    assert_eq!(means(&map, &[Scope::Table], "D"), "");
    assert_eq!(map.keys_of(Command::Refresh, Scope::Table), ["r", "f5", "ctrl-e"]);
    assert_eq!(map.keys_of(Command::Delete, Scope::Table), [""; 0]);
}

#[test]
fn sequences_wait_and_say_what_would_complete_them() {
    let (map, said) = user("[global]\n\"g g\" = \"first\"\n\"g e\" = \"last\"\n[table]\n\"g m\" = \"mark\"\n");
    assert_eq!(said, ["keys.toml:2: global.\"g g\": takes the place of \"g\", which meant \"first\""]);
    let Resolution::Pending(hints) = map.resolve(&[Scope::Table], &[], key("g")) else { panic!("g must wait") };
    let shown: Vec<_> = hints.iter().map(|hint| (hint.keys.as_str(), hint.command.name())).collect();
    assert_eq!(shown, [("m", "mark"), ("g", "first"), ("e", "last")]);
    let after = |text| map.resolve(&[Scope::Table], &[key("g")], key(text));
    assert_eq!(after("g"), Resolution::Command(Command::First));
    assert_eq!(after("j"), Resolution::None);
}

#[test]
fn what_is_wrong_is_named_and_the_rest_holds() {
    let (map, said) = user(
        r#"
[global]
"ctrl-x" = "rol-back"
"b b" = "describe"
"B B" = "roll-back"
"e" = "roll-back"
"ctrl-e" = "arm"
"E" = "crosshair-right"
"enterr" = "open"
"f2" = 7
"f3" = "next"
"F3" = "previous"
"f4" = "page-down"
"f4 f4" = "page-up"
"unused" = false
"~" = false
[table]
"B" = "mark"
[tabel]
"x" = "mark"
[confirm]
"Y" = "confirm"
"#,
    );
    for expected in [
        "keys.toml:3: global.\"ctrl-x\": unknown command \"rol-back\"; allowed: roll-back",
        "keys.toml:4: global.\"b b\": takes the place of \"b\", which meant \"console-link\"",
        "keys.toml:5: global.\"B B\": \"roll-back\" leads to a change in AWS: it takes one capital or named key, without Ctrl and Alt",
        "keys.toml:6: global.\"e\": \"roll-back\" leads to a change in AWS: it takes one capital or named key, without Ctrl and Alt",
        "keys.toml:7: global.\"ctrl-e\": \"arm\" leads to a change in AWS: it takes one capital or named key, without Ctrl and Alt",
        "keys.toml:8: global.\"E\": \"crosshair-right\" means nothing in [global]; allowed: chart, heat",
        "keys.toml:10: global.\"f2\": takes the name of a command, or false to unbind",
        "keys.toml:12: global.\"f3\": means \"next\" and \"previous\"; the first holds",
        "keys.toml:14: global.\"f4 f4\": \"f4 f4\" (\"page-up\") and \"f4\" (\"page-down\") exclude each other; the latter holds",
        "keys.toml:16: global.\"~\": is not bound anyway",
        "keys.toml:18: table.\"B\": means \"roll-back\" in [global] and cannot mean \"mark\" here: a scope adds keys, it gives none another meaning",
        "keys.toml:22: confirm.\"Y\": \"confirm\" leads to a change in AWS: it takes one capital or named key, without Ctrl and Alt",
    ] {
        assert!(said.iter().any(|line| line == expected), "missing: {expected}\n{said:#?}");
    }
    assert!(
        said.iter().any(|line| line.starts_with("keys.toml:9: global.\"enterr\": `enterr` is no key")),
        "{said:#?}"
    );
    assert!(said.iter().any(|line| line.starts_with("keys.toml:19: tabel: no such section of keys")), "{said:#?}");
    assert_eq!(means(&map, &[Scope::Table], "B"), "roll-back");
    assert_eq!(means(&map, &[Scope::Table], "f3"), "next");
    assert_eq!(means(&map, &[Scope::Table], "e"), "");
}

#[test]
fn a_command_that_lost_its_last_key_is_named() {
    let (_, said) = user("[global]\n\"z\" = \"refresh\"\n\"h\" = \"describe\"\n");
    assert_eq!(
        said,
        [
            "keys.toml:3: global.\"h\": still means \"timeline\" in [table]",
            "keys.toml:3: global.\"h\": still means \"timeline\" in [detail]",
            "keys.toml:3: global.\"h\": still means \"left\" in [chart]",
            "keys.toml:3: global.\"h\": still means \"left\" in [graph]",
            "keys.toml:3: global.\"h\": still means \"left\" in [heat]",
            "keys.toml:2: global.\"z\": \"reversal\" has no key left",
        ]
    );
}

#[test]
fn a_file_that_is_no_toml_leaves_the_defaults() {
    let (map, said) = user("[global\n");
    assert_eq!(map, Keymap::default());
    assert!(said[0].starts_with("keys.toml:1: "), "{said:?}");
}

#[test]
fn the_k9s_preset_sorts_with_capitals_and_keeps_the_way_back() {
    let (map, said) = user("preset = \"k9s\"\n[global]\n\"X\" = \"stop\"\n");
    assert_eq!(said.iter().filter(|line| !line.contains("no key left")).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(means(&map, &[Scope::Table], "A"), "sort-by-age");
    assert_eq!(means(&map, &[Scope::Table], "B"), "roll-back");
    assert_eq!(means(&map, &[Scope::Table], "X"), "stop");
    let (_, said) = user("preset = \"k8s\"\n");
    assert_eq!(said, ["keys.toml: preset: no such preset of keys: \"k8s\"; allowed: default, k9s"]);
}

#[test]
fn hints_follow_the_wish_and_show_the_first_key() {
    let map = Keymap::default();
    let hints = map
        .hints(&[Scope::Table], &[Command::Filter, Command::Open, Command::PageDown, Command::View, Command::RollBack]);
    let shown: Vec<_> = hints.iter().map(|hint| format!("{} {}", hint.keys, hint.command.label())).collect();
    assert_eq!(shown, ["/ filter", "enter open", "page-down page down", "B roll back"]);
}

proptest! {
    /// Whatever a file says: no crash, no change under a harmless key, and Ctrl-C cancels unless it was unbound.
    #[test]
    fn no_file_breaks_the_rule(lines in prop::collection::vec((
        prop::sample::select(Scope::ALL), "(ctrl-|alt-|shift-)?([a-zA-Z@!]|enter|f5|tab)( [a-zA-Z])?", prop::sample::select(Command::ALL),
    ), 0..12)) {
        let mut source = String::new();
        for &scope in Scope::ALL {
            source.push_str(&format!("[{}]\n", scope.name()));
            let mut seen = Vec::new();
            for (_, keys, command) in lines.iter().filter(|(s, _, _)| *s == scope) {
                if !seen.contains(&keys) {
                    seen.push(keys);
                    source.push_str(&format!("{keys:?} = {:?}\n", command.name()));
                }
            }
        }
        let (map, _) = user(&source);
        for binding in map.bindings().iter().filter(|b| b.command.spec().mutates) {
            let [only] = binding.keys.as_slice() else { panic!("{binding:?} is a sequence") };
            let small = matches!(only.code, Code::Char(c) if !c.is_uppercase());
            prop_assert!(!only.ctrl && !only.alt && !small, "{:?}", binding);
        }
        for &scope in Scope::ALL {
            prop_assert_ne!(map.resolve(&[scope], &[], key("ctrl-c")), Resolution::None);
        }
    }
}
