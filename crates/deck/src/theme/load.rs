//! Theme files: a palette, styles by role, and a theme to inherit both from.

use std::{collections::BTreeMap, ops::Range, path::Path};

use ratatui::style::{Color, Modifier, Style};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{BUILTIN, Role, Theme, ThemeFile};
use crate::config::diagnose::{Diagnostic, Severity, nearest};

const ANSI: &[(&str, Color)] = &[
    ("default", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("white", Color::Gray),
    ("bright-black", Color::DarkGray),
    ("bright-red", Color::LightRed),
    ("bright-green", Color::LightGreen),
    ("bright-yellow", Color::LightYellow),
    ("bright-blue", Color::LightBlue),
    ("bright-magenta", Color::LightMagenta),
    ("bright-cyan", Color::LightCyan),
    ("bright-white", Color::White),
];

const MODIFIERS: &[(&str, Modifier)] = &[
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
];

/// A colour as written, and where.
#[derive(Clone, Debug)]
struct Wish {
    color: Written,
    span: Range<usize>,
}

#[derive(Clone, Debug)]
enum Written {
    Exact(Color),
    /// In the palette, or one of the 16.
    Named(String),
}

#[derive(Clone, Debug, Default)]
struct Raw {
    fg: Option<Wish>,
    bg: Option<Wish>,
    modifiers: Modifier,
}

/// One file, read but not yet resolved.
struct Sheet<'a> {
    file: &'a Path,
    source: &'a str,
    inherits: Option<(String, Range<usize>)>,
    made_for: Vec<Color>,
    palette: BTreeMap<String, Color>,
    roles: BTreeMap<&'static str, Raw>,
    wrong: Vec<Diagnostic>,
}

pub(super) fn styles(name: &str, user: &[ThemeFile]) -> Result<[Style; Role::COUNT], Diagnostic> {
    let sheets = chain(find(name, user, false).ok_or_else(|| unknown(name, user))?, user)?;
    resolve(&sheets)
}

/// Backgrounds of the terminal that a built-in theme is checked against.
#[cfg(test)]
pub(super) fn made_for(name: &str) -> Vec<Color> {
    find(name, &[], false).map(|sheet| sheet.made_for).unwrap_or_default()
}

pub(super) fn check(path: &Path, source: &str, user: &[ThemeFile]) -> Vec<Diagnostic> {
    let sheet = Sheet::read(path, source);
    if !sheet.wrong.is_empty() {
        return sheet.wrong;
    }
    match chain(sheet, user).and_then(|sheets| resolve(&sheets)) {
        Ok(_) => Vec::new(),
        Err(it) => vec![it],
    }
}

/// By name; the operator's file wins, unless it asks for the built-in one of its own name.
fn find<'a>(name: &str, user: &'a [ThemeFile], builtin_only: bool) -> Option<Sheet<'a>> {
    let own = user.iter().find(|file| !builtin_only && file.name() == name);
    own.map(|file| Sheet::read(&file.path, &file.source)).or_else(|| {
        let (name, source) = BUILTIN.iter().find(|(known, _)| *known == name)?;
        Some(Sheet::read(Path::new(name), source))
    })
}

fn unknown(name: &str, user: &[ThemeFile]) -> Diagnostic {
    let names = Theme::names(user);
    Diagnostic::new(Severity::Error, Path::new("theme"), &format!("no theme is called {name:?}"))
        .allowed(names.iter().map(String::as_str))
}

/// The sheet, what it inherits, what that inherits, …
fn chain<'a>(first: Sheet<'a>, user: &'a [ThemeFile]) -> Result<Vec<Sheet<'a>>, Diagnostic> {
    let mut sheets = vec![first];
    while let Some(last) = sheets.last() {
        if let Some(wrong) = last.wrong.first() {
            return Err(wrong.clone());
        }
        let Some((parent, span)) = &last.inherits else { break };
        let own_name = last.file.file_stem().is_some_and(|stem| stem == parent.as_str());
        let at = |it: Diagnostic| {
            Diagnostic { file: last_file(last), ..it }.at(last.source, Some(span.clone())).key("inherits")
        };
        let next = find(parent, user, own_name).ok_or_else(|| at(unknown(parent, user)))?;
        if sheets.iter().any(|sheet| sheet.file == next.file) {
            return Err(at(Diagnostic::new(
                Severity::Error,
                last.file,
                &format!("{parent:?} inherits this theme: a circle"),
            )));
        }
        sheets.push(next);
    }
    Ok(sheets)
}

fn last_file(sheet: &Sheet<'_>) -> mldeck_core::text::Text {
    mldeck_core::text::Text::new(&sheet.file.display().to_string())
}

/// Colours of nearer sheets win, for the styles of farther ones, too: a theme may change its parent's palette only.
fn resolve(sheets: &[Sheet<'_>]) -> Result<[Style; Role::COUNT], Diagnostic> {
    let mut palette: BTreeMap<&str, Color> = ANSI.iter().copied().collect();
    for sheet in sheets.iter().rev() {
        palette.extend(sheet.palette.iter().map(|(name, color)| (name.as_str(), *color)));
    }
    let mut named: [Option<Style>; Role::COUNT] = [None; Role::COUNT];
    for &role in Role::ALL {
        let found = sheets.iter().find_map(|sheet| sheet.roles.get(role.name()).map(|raw| (sheet, raw)));
        let Some((sheet, raw)) = found else { continue };
        let color = |wish: &Option<Wish>| {
            wish.as_ref().map(|wish| match &wish.color {
                Written::Exact(color) => Ok(*color),
                Written::Named(name) => palette.get(name.as_str()).copied().ok_or_else(|| {
                    let near = nearest(name, palette.keys().copied());
                    let names = if near.is_empty() { palette.keys().copied().collect() } else { near };
                    Diagnostic::new(Severity::Error, sheet.file, &format!("no colour is called {name:?}"))
                        .at(sheet.source, Some(wish.span.clone()))
                        .key(&format!("roles.{:?}", role.name()))
                        .allowed(names.into_iter().chain(["#rrggbb", "0 … 255"]))
                }),
            })
        };
        let (fg, bg) = (color(&raw.fg).transpose()?, color(&raw.bg).transpose()?);
        named[role as usize] = Some(Style { fg, bg, ..Style::new() }.add_modifier(raw.modifiers));
    }
    Ok(std::array::from_fn(|at| {
        let mut role = Role::ALL.get(at).copied();
        while let Some(here) = role {
            if let Some(style) = named[here as usize] {
                return style;
            }
            role = here.fallback();
        }
        Style::new()
    }))
}

impl<'a> Sheet<'a> {
    fn read(file: &'a Path, source: &'a str) -> Self {
        let mut sheet = Self {
            file,
            source,
            inherits: None,
            made_for: Vec::new(),
            palette: BTreeMap::new(),
            roles: BTreeMap::new(),
            wrong: Vec::new(),
        };
        match DeTable::parse(source) {
            Ok(table) => sheet.root(table.get_ref()),
            Err(error) => sheet.wrong.push(Diagnostic::unreadable(file, source, &error)),
        }
        sheet
    }

    fn root(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("inherits", DeValue::String(name)) => self.inherits = Some((name.clone().into_owned(), value.span())),
                ("made-for", DeValue::Array(list)) => {
                    for one in list {
                        if let Some(color) = self.exact("made-for", one) {
                            self.made_for.push(color);
                        }
                    }
                }
                ("palette", DeValue::Table(colors)) => {
                    for (name, value) in colors {
                        if let Some(color) = self.exact(&format!("palette.{}", name.get_ref()), value) {
                            self.palette.insert(name.get_ref().clone().into_owned(), color);
                        }
                    }
                }
                ("roles", DeValue::Table(roles)) => {
                    for (name, value) in roles {
                        self.role(name, value);
                    }
                }
                (name, _) => {
                    let names = ["inherits", "made-for", "palette", "roles"];
                    let message = if names.contains(&name) { "has another shape" } else { "means nothing in a theme" };
                    self.say(key.span(), name, message, &names);
                }
            }
        }
    }

    fn role(&mut self, name: &Spanned<toml::de::DeString<'_>>, value: &Spanned<DeValue<'_>>) {
        let path = format!("roles.{:?}", name.get_ref());
        let Some(role) = Role::parse(name.get_ref()) else {
            let all: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
            let near = nearest(name.get_ref(), all.iter().copied());
            self.say(name.span(), &path, "no such role", if near.is_empty() { &all } else { &near });
            return;
        };
        let mut raw = Raw::default();
        if let DeValue::Table(attributes) = value.get_ref() {
            for (key, value) in attributes {
                let path = format!("{path}.{}", key.get_ref());
                let modifier = MODIFIERS.iter().find(|(known, _)| key.get_ref() == known);
                match (key.get_ref().as_ref(), modifier, value.get_ref()) {
                    ("fg", ..) => raw.fg = self.wish(&path, value),
                    ("bg", ..) => raw.bg = self.wish(&path, value),
                    (_, Some((_, modifier)), DeValue::Boolean(on)) => raw.modifiers.set(*modifier, *on),
                    (_, Some(_), _) => self.say(value.span(), &path, "takes true or false", &["true", "false"]),
                    _ => {
                        let names: Vec<&str> =
                            ["fg", "bg"].into_iter().chain(MODIFIERS.iter().map(|(name, _)| *name)).collect();
                        self.say(key.span(), &path, "means nothing in a style", &names);
                    }
                }
            }
        } else {
            raw.fg = self.wish(&path, value);
        }
        self.roles.insert(role.name(), raw);
    }

    fn wish(&mut self, path: &str, value: &Spanned<DeValue<'_>>) -> Option<Wish> {
        let color = match value.get_ref() {
            DeValue::String(name) if !name.starts_with('#') => Written::Named(name.clone().into_owned()),
            _ => Written::Exact(self.exact(path, value)?),
        };
        Some(Wish { color, span: value.span() })
    }

    /// A colour that needs no palette.
    fn exact(&mut self, path: &str, value: &Spanned<DeValue<'_>>) -> Option<Color> {
        let color = match value.get_ref() {
            DeValue::String(text) if text.starts_with('#') => hex(text),
            DeValue::String(text) => ANSI.iter().find(|(name, _)| text == name).map(|(_, color)| *color),
            DeValue::Integer(number) => u8::from_str_radix(number.as_str(), number.radix()).ok().map(Color::Indexed),
            _ => None,
        };
        if color.is_none() {
            let names: Vec<&str> =
                ["#rrggbb", "0 … 255"].into_iter().chain(ANSI.iter().map(|(name, _)| *name)).collect();
            self.say(value.span(), path, "is no colour", &names);
        }
        color
    }

    fn say(&mut self, span: Range<usize>, path: &str, message: &str, allowed: &[&str]) {
        let it = Diagnostic::new(Severity::Error, self.file, message).at(self.source, Some(span)).key(path);
        self.wrong.push(it.allowed(allowed.iter().copied()));
    }
}

/// `#rrggbb` or `#rgb`.
fn hex(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#')?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let value = u32::from_str_radix(digits, 16).ok()?;
    match digits.len() {
        6 => Some(Color::from_u32(value)),
        3 => {
            let wide = |shift: u32| ((value >> shift & 0xf) * 17) as u8;
            Some(Color::Rgb(wide(8), wide(4), wide(0)))
        }
        _ => None,
    }
}
