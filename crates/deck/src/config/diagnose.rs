//! What is wrong in a file that a person wrote: where, what, and what would be right.

use std::{fmt, ops::Range, path::Path};

use mldeck_core::text::Text;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Taken as written; worth knowing.
    Note,
    /// The entry was left out, everything else holds.
    Warning,
    /// Nothing of the file could be used.
    Error,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Where it was read: a path, or `MLDECK_THEME`, `--theme`.
    pub file: Text,
    /// From 1.
    pub line: Option<usize>,
    /// `table."g g"`; empty when it is about the whole file.
    pub key: Text,
    pub message: Text,
    /// What may stand there; empty when that is no list.
    pub allowed: Vec<Text>,
}

impl Diagnostic {
    pub fn new(severity: Severity, file: &Path, message: &str) -> Self {
        Self {
            severity,
            file: Text::new(&file.display().to_string()),
            line: None,
            key: Text::default(),
            message: Text::new(message),
            allowed: Vec::new(),
        }
    }

    /// At this byte of `source`.
    #[must_use]
    pub fn at(mut self, source: &str, span: Option<Range<usize>>) -> Self {
        self.line = span.map(|span| line_of(source, span.start));
        self
    }

    #[must_use]
    pub fn key(mut self, path: &str) -> Self {
        self.key = Text::new(path);
        self
    }

    #[must_use]
    pub fn allowed<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.allowed = names.into_iter().map(Text::new).collect();
        self
    }

    /// TOML that could not be read at all.
    pub fn unreadable(file: &Path, source: &str, error: &toml::de::Error) -> Self {
        Self::new(Severity::Error, file, error.message().trim_end()).at(source, error.span())
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)?;
        if !self.allowed.is_empty() {
            let names: Vec<_> = self.allowed.iter().map(Text::as_str).collect();
            write!(f, "; allowed: {}", names.join(", "))?;
        }
        Ok(())
    }
}

/// For one line on screen: the worst, its file by name alone, and how many more. They come worst first.
pub fn summary(diagnostics: &[Diagnostic]) -> Option<String> {
    let (first, rest) = diagnostics.split_first()?;
    let path = first.file.raw();
    let file = Text::new(path.rsplit('/').next().unwrap_or_default());
    let first = Diagnostic { file, ..first.clone() };
    Some(match rest.len() {
        0 => first.to_string(),
        more => format!("{first} (and {more} more: `mldeck config check`)"),
    })
}

/// The line, from 1, that byte `offset` of `source` is in.
pub fn line_of(source: &str, offset: usize) -> usize {
    source.bytes().take(offset).filter(|&b| b == b'\n').count() + 1
}

/// The names nearest to a misspelt one, best first, at most three: `rol-back` → `roll-back`.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    let mut found: Vec<_> = names
        .into_iter()
        .filter_map(|name| {
            let distance = distance(word, name);
            (distance <= limit).then_some((distance, name))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Levenshtein, without case.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let up = *cell;
            left = (diagonal + usize::from(x != *y)).min(up + 1).min(left + 1);
            diagonal = up;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_reads_like_a_compiler_message() {
        let source = "[table]\n\"x\" = \"foo\"\n";
        let it = Diagnostic::new(Severity::Warning, Path::new("keys.toml"), "unknown command \"foo\"")
            .at(source, Some(8..11))
            .key("table.x")
            .allowed(["sort", "mark"]);
        assert_eq!(it.to_string(), "keys.toml:2: table.x: unknown command \"foo\"; allowed: sort, mark");
    }

    #[test]
    fn what_a_file_says_is_escaped() {
        let it = Diagnostic::new(Severity::Error, Path::new("a\u{1b}[2J"), "x\u{7}");
        assert!(!it.to_string().contains(['\u{1b}', '\u{7}']), "{it}");
    }

    #[test]
    fn a_summary_fits_one_line_of_a_screen() {
        let it =
            |line| Diagnostic { line: Some(line), ..Diagnostic::new(Severity::Error, Path::new("/a/b/c.toml"), "no") };
        assert_eq!(summary(&[]), None);
        assert_eq!(summary(&[it(1)]).unwrap(), "c.toml:1: no");
        assert_eq!(summary(&[it(2), it(1)]).unwrap(), "c.toml:2: no (and 1 more: `mldeck config check`)");
    }

    #[test]
    fn nearest_names() {
        let names = ["roll-back", "refresh", "redraw", "raw"];
        assert_eq!(nearest("rol-back", names), ["roll-back"]);
        assert_eq!(nearest("Raw", names), ["raw"]);
        assert_eq!(nearest("zzz", names), [""; 0]);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
    }
}
