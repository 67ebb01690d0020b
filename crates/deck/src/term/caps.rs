//! What this terminal can show. Decided once, before input is read; the terminal is never queried.

/// How many colours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Depth {
    /// No colour: modifiers only.
    Mono,
    #[default]
    Ansi16,
    Ansi256,
    True,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    pub depth: Depth,
    /// False: every symbol has an ASCII form.
    pub unicode: bool,
    /// The link is slow: no full-row background, charts on demand.
    pub lean: bool,
}

/// Looks up one environment variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Caps {
    /// Reads the environment only. A wrong guess is corrected by setting one of the variables named here.
    pub fn detect(env: Environment<'_>) -> Self {
        Self { depth: depth(env), unicode: unicode(env), lean: false }
    }
}

/// `NO_COLOR` wins over everything, then `FORCE_COLOR` (0 to 3, the meaning Node programs gave it) and
/// `CLICOLOR_FORCE`, then what the terminal says of itself.
fn depth(env: Environment<'_>) -> Depth {
    if set(env, "NO_COLOR").is_some() {
        return Depth::Mono;
    }
    let native = native_depth(env);
    match set(env, "FORCE_COLOR").as_deref() {
        Some("0" | "false") => return Depth::Mono,
        Some("1") => return Depth::Ansi16,
        Some("2") => return Depth::Ansi256,
        Some("3") => return Depth::True,
        Some(_) => return native.max(Depth::Ansi16),
        None => {}
    }
    match set(env, "CLICOLOR_FORCE").as_deref() {
        None | Some("0") => native,
        Some(_) => native.max(Depth::Ansi16),
    }
}

fn native_depth(env: Environment<'_>) -> Depth {
    let Some(term) = set(env, "TERM") else { return Depth::Mono };
    if term == "dumb" || term.starts_with("vt1") || term.starts_with("vt2") || term.ends_with("-m") {
        return Depth::Mono;
    }
    // The kernel console maps every colour to its sixteen, badly; GNU screen passes no direct colour whatever the
    // terminal outside of it exported.
    let screen = term.starts_with("screen") && set(env, "TMUX").is_none();
    if term == "linux" || term == "ansi" || term == "cygwin" {
        return Depth::Ansi16;
    }
    let direct = matches!(set(env, "COLORTERM").as_deref(), Some("truecolor" | "24bit"));
    if (direct && !screen) || term.ends_with("-direct") || DIRECT.contains(&term.as_str()) {
        return Depth::True;
    }
    if term.contains("256") || term.starts_with("tmux") { Depth::Ansi256 } else { Depth::Ansi16 }
}

/// Terminals whose own name promises direct colour; `COLORTERM` does not travel over SSH, `TERM` does.
const DIRECT: &[&str] = &["xterm-kitty", "xterm-ghostty", "alacritty", "wezterm", "foot", "contour", "rio"];

/// The locale decides, in the order the C library reads it. The kernel console has 512 glyphs, braille not among them.
fn unicode(env: Environment<'_>) -> bool {
    let known = set(env, "TERM").is_some_and(|term| term != "linux" && term != "dumb" && !term.starts_with("vt"));
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| set(env, name));
    let utf8 = locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    known && utf8
}

/// Set and not empty: an empty `NO_COLOR` or `LC_ALL` counts as unset, by both specifications.
fn set(env: Environment<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(vars: &[(&str, &str)]) -> Caps {
        Caps::detect(&|name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn depth_by_environment() {
        use Depth::{Ansi16, Ansi256, Mono, True};
        let cases: &[(&[(&str, &str)], Depth)] = &[
            (&[], Mono),
            (&[("TERM", "dumb")], Mono),
            (&[("TERM", "dumb"), ("COLORTERM", "truecolor")], Mono),
            (&[("TERM", "vt100")], Mono),
            (&[("TERM", "linux")], Ansi16),
            (&[("TERM", "linux"), ("COLORTERM", "truecolor")], Ansi16),
            (&[("TERM", "xterm")], Ansi16),
            (&[("TERM", "xterm-256color")], Ansi256),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], True),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "24bit")], True),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "yes")], Ansi256),
            (&[("TERM", "xterm-direct")], True),
            (&[("TERM", "xterm-kitty")], True),
            (&[("TERM", "alacritty")], True),
            (&[("TERM", "screen")], Ansi16),
            (&[("TERM", "screen-256color"), ("COLORTERM", "truecolor")], Ansi256),
            (&[("TERM", "screen-256color"), ("COLORTERM", "truecolor"), ("TMUX", "/tmp/t")], True),
            (&[("TERM", "tmux")], Ansi256),
            (&[("TERM", "tmux-256color"), ("COLORTERM", "truecolor")], True),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], Mono),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], Ansi256),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1"), ("FORCE_COLOR", "3")], Mono),
            (&[("TERM", "dumb"), ("FORCE_COLOR", "3")], True),
            (&[("TERM", "xterm-256color"), ("FORCE_COLOR", "0")], Mono),
            (&[("TERM", "xterm-direct"), ("FORCE_COLOR", "1")], Ansi16),
            (&[("TERM", "xterm-256color"), ("FORCE_COLOR", "true")], Ansi256),
            (&[("CLICOLOR_FORCE", "1")], Ansi16),
            (&[("CLICOLOR_FORCE", "0"), ("TERM", "dumb")], Mono),
            (&[("CLICOLOR_FORCE", "1"), ("TERM", "xterm-256color")], Ansi256),
        ];
        for (vars, want) in cases {
            assert_eq!(detect(vars).depth, *want, "{vars:?}");
        }
    }

    #[test]
    fn unicode_by_locale() {
        let cases: &[(&[(&str, &str)], bool)] = &[
            (&[("TERM", "xterm")], false),
            (&[("TERM", "xterm"), ("LANG", "C")], false),
            (&[("TERM", "xterm"), ("LANG", "en_GB.UTF-8")], true),
            (&[("TERM", "xterm"), ("LANG", "C.utf8")], true),
            (&[("TERM", "xterm"), ("LANG", "de_DE.ISO-8859-1")], false),
            (&[("TERM", "xterm"), ("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")], false),
            (&[("TERM", "xterm"), ("LC_ALL", ""), ("LANG", "en_GB.UTF-8")], true),
            (&[("TERM", "xterm"), ("LC_CTYPE", "UTF-8"), ("LANG", "C")], true),
            (&[("TERM", "linux"), ("LANG", "en_GB.UTF-8")], false),
            (&[("TERM", "dumb"), ("LANG", "en_GB.UTF-8")], false),
            (&[("LANG", "en_GB.UTF-8")], false),
        ];
        for (vars, want) in cases {
            assert_eq!(detect(vars).unicode, *want, "{vars:?}");
        }
    }
}
