//! Filter patterns: terms, phrases, `?optional`, `-excluded` and `%regular expressions%` over plain text, rules over JSON.

use regex_lite::Regex;

use super::json::Rule;

#[derive(Clone, Debug, Default)]
pub(super) struct Pattern {
    all: Vec<Term>,
    any: Vec<Term>,
    none: Vec<Term>,
    /// A pattern over JSON instead.
    rule: Option<Rule>,
}

#[derive(Clone, Debug)]
enum Term {
    Text(String),
    Matches(Regex),
}

impl Term {
    fn is_in(&self, line: &str) -> bool {
        match self {
            Self::Text(text) => line.contains(text.as_str()),
            Self::Matches(regex) => regex.is_match(line),
        }
    }
}

impl Pattern {
    /// Patterns over fields between spaces are refused rather than half understood.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pattern = Self::default();
        let mut rest = text.trim();
        if rest.starts_with('{') {
            pattern.rule = Some(Rule::parse(rest).ok_or("Invalid filter pattern")?);
            return Ok(pattern);
        }
        if rest.starts_with('[') {
            return Err(format!("Filter pattern {text} is not understood here: use terms or JSON."));
        }
        while let Some(first) = rest.chars().next() {
            let list = match first {
                '?' => &mut pattern.any,
                '-' => &mut pattern.none,
                _ => &mut pattern.all,
            };
            let body = rest.strip_prefix(['?', '-']).unwrap_or(rest);
            let (term, after) = if let Some(quoted) = body.strip_prefix('"') {
                let (phrase, after) = phrase(quoted).ok_or("A quote is not closed.")?;
                (Term::Text(phrase), after)
            } else if let Some(regex) = body.strip_prefix('%') {
                let (regex, after) = regex.split_once('%').ok_or("A regular expression is not closed.")?;
                (Term::Matches(Regex::new(regex).map_err(|_| "Invalid filter pattern")?), after)
            } else {
                let (word, after) = body.split_at(body.find(char::is_whitespace).unwrap_or(body.len()));
                (Term::Text(word.to_owned()), after)
            };
            if !matches!(&term, Term::Text(text) if text.is_empty()) {
                list.push(term);
            }
            rest = after.trim_start();
        }
        Ok(pattern)
    }

    pub(super) fn matches(&self, line: &str) -> bool {
        if let Some(rule) = &self.rule {
            return serde_json::from_str(line).is_ok_and(|line| rule.holds(&line));
        }
        self.all.iter().all(|term| term.is_in(line))
            && (self.any.is_empty() || self.any.iter().any(|term| term.is_in(line)))
            && !self.none.iter().any(|term| term.is_in(line))
    }
}

/// What stands before the closing quote, and what after; a backslash takes its meaning from the next character.
fn phrase(text: &str) -> Option<(String, &str)> {
    let mut phrase = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((phrase, text.get(at + 1..)?)),
            '\\' => phrase.push(chars.next()?.1),
            c => phrase.push(c),
        }
    }
    None
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
            (r#""say \"hi\"" -no"#, r#"they say "hi""#, true),
            ("%4\\d\\d% -%POST%", "GET 404", true),
            ("%4\\d\\d% -%POST%", "POST 404", false),
            ("{ $.x > 1 }", r#"{"x": 2}"#, true),
            ("{ $.x > 1 }", "x: 2", false),
        ];
        for (pattern, line, expected) in cases {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(line), expected, "{pattern} on {line}");
        }
        assert!(Pattern::parse("{ x > 1 }").is_err());
        assert!(Pattern::parse("[ip, user]").is_err());
        assert!(Pattern::parse("\"open").is_err());
    }
}
