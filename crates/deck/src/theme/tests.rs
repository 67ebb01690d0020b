use std::path::PathBuf;

use proptest::prelude::*;
use ratatui::style::{Color, Modifier};

use super::*;

fn file(name: &str, source: &str) -> ThemeFile {
    ThemeFile { path: PathBuf::from(format!("/home/a/{name}.toml")), source: source.to_owned() }
}

fn luminance(color: Color) -> f64 {
    let Color::Rgb(r, g, b) = color else { panic!("{color:?} has no known luminance") };
    let linear = |v: u8| {
        let v = f64::from(v) / 255.0;
        if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// As WCAG defines it.
fn contrast(a: Color, b: Color) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Lines, curves and blocks need less than letters.
fn is_graphic(role: Role) -> bool {
    let name = role.name();
    name.starts_with("chart") || name.starts_with("heat") || name.starts_with("edge")
}

#[test]
fn text_can_be_read_on_every_background_a_theme_is_made_for() {
    assert!((contrast(Color::Rgb(255, 255, 255), Color::Rgb(0, 0, 0)) - 21.0).abs() < 0.01);
    for (name, _) in BUILTIN.iter().filter(|(name, _)| *name != "mono") {
        let theme = Theme::load(name, Depth::True, &[]).unwrap();
        let screens = load::made_for(name);
        assert!(!screens.is_empty(), "{name}");
        let cursor = theme.get(Role::Cursor).bg;
        for &role in Role::ALL {
            let style = theme.get(role);
            let Some(fg) = style.fg.filter(|fg| *fg != Color::Reset) else { continue };
            let least = if is_graphic(role) { 3.0 } else { 4.5 };
            let own = style.bg.filter(|bg| *bg != Color::Reset);
            let below = own.map_or_else(|| screens.iter().copied().chain(cursor).collect(), |bg| vec![bg]);
            for bg in below.into_iter().filter(|bg| !is_graphic(role) || Some(*bg) != cursor) {
                let seen = contrast(fg, bg);
                assert!(seen >= least, "{name}: {} has {seen:.2}:1 on {bg:?}", role.name());
            }
        }
    }
}

#[test]
fn a_theme_that_leaves_the_background_to_the_terminal_does_so_on_purpose() {
    for (name, own) in [("dark", false), ("light", false), ("high-contrast", true), ("colour-blind", true)] {
        let screen = Theme::load(name, Depth::True, &[]).unwrap().get(Role::Screen);
        assert_eq!(screen.bg != Some(Color::Reset), own, "{name}");
    }
}

#[test]
fn states_look_different_at_every_depth() {
    let states = [Role::Ok, Role::Busy, Role::Warn, Role::Bad, Role::Unknown, Role::Off];
    for (name, _) in BUILTIN {
        for depth in [Depth::True, Depth::Ansi256, Depth::Ansi16, Depth::Mono] {
            let theme = Theme::load(name, depth, &[]).unwrap();
            for (at, a) in states.iter().enumerate() {
                for b in &states[at + 1..] {
                    assert_ne!(theme.get(*a), theme.get(*b), "{name} {depth:?}: {} and {}", a.name(), b.name());
                }
            }
            assert_ne!(theme.get(Role::Cursor), theme.get(Role::Text), "{name} {depth:?}");
            assert_ne!(theme.get(Role::HeaderProd), theme.get(Role::Header), "{name} {depth:?}");
            assert_ne!(theme.get(Role::HeaderArmed), theme.get(Role::HeaderProd), "{name} {depth:?}");
        }
    }
}

#[test]
fn a_depth_shows_only_its_own_colours() {
    let fits = |color: Option<Color>, depth| match (color, depth) {
        (None, _) => true,
        (Some(_), Depth::Mono) => false,
        (Some(Color::Rgb(..)), depth) => depth == Depth::True,
        (Some(Color::Indexed(n)), depth) => depth >= Depth::Ansi256 || n < 16,
        _ => true,
    };
    for (name, _) in BUILTIN {
        for depth in [Depth::True, Depth::Ansi256, Depth::Ansi16, Depth::Mono] {
            let theme = Theme::load(name, depth, &[]).unwrap();
            for &role in Role::ALL {
                let style = theme.get(role);
                assert!(fits(style.fg, depth) && fits(style.bg, depth), "{name} {depth:?} {}: {style:?}", role.name());
            }
        }
    }
}

#[test]
fn a_theme_of_ones_own_changes_what_it_names() {
    let user = [file(
        "mine",
        "inherits = \"dark\"\n[palette]\nred = \"#f00\"\n[roles]\nok = 42\nwarn = { fg = \"bright-cyan\", italic = true }\n",
    )];
    let theme = Theme::load("mine", Depth::True, &user).unwrap();
    let dark = Theme::default();
    assert_eq!(theme.get(Role::Bad).fg, Some(Color::Rgb(255, 0, 0)), "the parent's style takes the own palette");
    assert_eq!(theme.get(Role::Ok).fg, Some(Color::Indexed(42)));
    assert_eq!(theme.get(Role::Warn), Style::new().fg(Color::LightCyan).add_modifier(Modifier::ITALIC));
    assert_eq!(theme.get(Role::Accent), dark.get(Role::Accent));
    assert_eq!(Theme::names(&user), ["dark", "light", "high-contrast", "colour-blind", "mono", "mine"]);
}

#[test]
fn a_role_that_is_not_named_takes_its_fallback() {
    let user = [file("tiny", "[roles]\nwarn = \"yellow\"\n\"text.strong\" = { bold = true }\n")];
    let theme = Theme::load("tiny", Depth::True, &user).unwrap();
    assert_eq!(theme.get(Role::Bad).fg, Some(Color::Yellow));
    assert_eq!(theme.get(Role::HeaderProd).fg, Some(Color::Yellow));
    assert_eq!(theme.get(Role::TabActive).add_modifier, Modifier::BOLD);
    assert_eq!(theme.get(Role::Edge), Style::new());
}

#[test]
fn a_file_may_lie_over_the_built_in_theme_of_its_name() {
    let user = [file("dark", "inherits = \"dark\"\n[roles]\nok = \"#123456\"\n")];
    let theme = Theme::load("dark", Depth::True, &user).unwrap();
    assert_eq!(theme.get(Role::Ok).fg, Some(Color::Rgb(0x12, 0x34, 0x56)));
    assert_eq!(theme.get(Role::Bad), Theme::default().get(Role::Bad));
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_what_is_allowed() {
    for (source, said) in [
        ("[roles]\nokk = \"red\"\n", "/home/a/t.toml:2: roles.\"okk\": no such role; allowed: ok"),
        ("[roles]\nok = \"grene\"\n", "/home/a/t.toml:2: roles.\"ok\": no colour is called \"grene\"; allowed: "),
        (
            "[roles]\n\nok = { fgg = \"red\" }\n",
            "/home/a/t.toml:3: roles.\"ok\".fgg: means nothing in a style; allowed: fg, bg, bold, dim, italic, underline, reverse",
        ),
        (
            "[roles]\nok = { bold = 1 }\n",
            "/home/a/t.toml:2: roles.\"ok\".bold: takes true or false; allowed: true, false",
        ),
        (
            "[palette]\na = \"#12345\"\n",
            "/home/a/t.toml:2: palette.a: is no colour; allowed: #rrggbb, 0 … 255, default, ",
        ),
        ("[roles]\nok = 256\n", "/home/a/t.toml:2: roles.\"ok\": is no colour; allowed: "),
        ("inherits = \"drak\"\n", "/home/a/t.toml:1: inherits: no theme is called \"drak\"; allowed: dark, light, "),
        ("inherits = 1\n", "/home/a/t.toml:1: inherits: has another shape; allowed: inherits, "),
        ("[role]\n", "/home/a/t.toml:1: role: means nothing in a theme; allowed: inherits, made-for, palette, roles"),
        ("[roles\n", "/home/a/t.toml:1: "),
    ] {
        let user = [file("t", source)];
        let error = Theme::load("t", Depth::True, &user).unwrap_err().to_string();
        assert!(error.starts_with(said), "{source:?} said {error}");
        let checked = Theme::check(&user[0].path, source, &user);
        assert_eq!(checked.first().map(ToString::to_string), Some(error));
    }
    let unknown = Theme::load("solar", Depth::True, &[]).unwrap_err().to_string();
    assert_eq!(unknown, "theme: no theme is called \"solar\"; allowed: dark, light, high-contrast, colour-blind, mono");
}

#[test]
fn a_circle_of_inheritance_ends() {
    let user = [file("a", "inherits = \"b\"\n"), file("b", "inherits = \"a\"\n")];
    let error = Theme::load("a", Depth::True, &user).unwrap_err().to_string();
    assert_eq!(error, "/home/a/b.toml:1: inherits: \"a\" inherits this theme: a circle");
}

proptest! {
    #[test]
    fn no_file_breaks_the_reader(source in "(\\[(palette|roles|x)\\]\n)?([a-z\".]{1,9} = (\"#?[0-9a-z]{0,7}\"|\\{ fg = \"[a-z]{3}\" \\}|[0-9]{1,4}|true)\n){0,4}") {
        let user = [file("t", &source)];
        let _ = Theme::load("t", Depth::Ansi16, &user);
        let _ = Theme::check(&user[0].path, &source, &user);
    }
}
