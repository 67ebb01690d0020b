//! `/…/`: a regular expression, without case.

/// Compiled size, in bytes: a pattern typed at a prompt needs far less.
const SIZE_MAX: usize = 1 << 20;

#[derive(Clone, Debug)]
pub(super) struct Pattern {
    source: String,
    compiled: regex_lite::Regex,
}

impl Pattern {
    /// The error says what is wrong with `source`.
    pub(super) fn new(source: String) -> Result<Self, String> {
        let mut builder = regex_lite::RegexBuilder::new(&source);
        match builder.case_insensitive(true).size_limit(SIZE_MAX).build() {
            Ok(compiled) => Ok(Self { source, compiled }),
            Err(error) => Err(format!("not a pattern: {error}")),
        }
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// In time linear in `text`, whatever the pattern.
    pub(super) fn is_match(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}
