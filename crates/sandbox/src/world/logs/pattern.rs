//! Filter patterns over plain text: terms, phrases, `?optional` and `-excluded`.

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pattern {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
}

impl Pattern {
    /// JSON and field patterns are refused rather than half understood.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pattern = Self::default();
        let mut rest = text.trim();
        if rest.starts_with(['{', '[', '%']) {
            return Err(format!("Filter pattern {text} is not understood here: use terms."));
        }
        while let Some(first) = rest.chars().next() {
            let list = match first {
                '?' => &mut pattern.any,
                '-' => &mut pattern.none,
                _ => &mut pattern.all,
            };
            let body = rest.strip_prefix(['?', '-']).unwrap_or(rest);
            let (term, after) = match body.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or("A quote is not closed.")?,
                None => body.split_at(body.find(char::is_whitespace).unwrap_or(body.len())),
            };
            if !term.is_empty() {
                list.push(term.to_owned());
            }
            rest = after.trim_start();
        }
        Ok(pattern)
    }

    pub(super) fn matches(&self, line: &str) -> bool {
        self.all.iter().all(|term| line.contains(term.as_str()))
            && (self.any.is_empty() || self.any.iter().any(|term| line.contains(term.as_str())))
            && !self.none.iter().any(|term| line.contains(term.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_phrases_options_and_exclusions() {
        let cases = [
            ("", "anything", true),
            ("ERROR", "an ERROR here", true),
            ("ERROR", "an error here", false),
            ("ERROR -timeout", "ERROR timeout", false),
            ("?ERROR ?WARN", "WARN x", true),
            ("?ERROR ?WARN", "INFO x", false),
            ("\"two words\" x", "x has two words", true),
            ("\"two words\"", "two  words", false),
        ];
        for (pattern, line, expected) in cases {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(line), expected, "{pattern} on {line}");
        }
        assert!(Pattern::parse("{ $.x > 1 }").is_err());
        assert!(Pattern::parse("\"open").is_err());
    }
}
