//! Filter patterns over lines of JSON: `{ ($.level = "ERR*" || $.code >= 500) && $.user IS NULL }`.

use regex_lite::Regex;
use serde_json::Value;

/// Deepest nesting of parentheses.
const DEPTH: usize = 16;

#[derive(Clone, Debug)]
pub(super) enum Rule {
    Is(Vec<Part>, Test),
    All(Vec<Rule>),
    Any(Vec<Rule>),
}

/// A step into a value: a member, an element, or all of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Member(String),
    Element(usize),
    Each,
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    /// Of less, equal and greater, which are true.
    Number([bool; 3], f64),
    /// `*` is any text.
    Text(String, bool),
    Matches(Regex, bool),
    Is(Value),
    Missing,
}

const COMPARISONS: [(&str, [bool; 3]); 6] = [
    ("!=", [true, false, true]),
    ("<=", [true, true, false]),
    (">=", [false, true, true]),
    ("=", [false, true, false]),
    ("<", [true, false, false]),
    (">", [false, false, true]),
];

impl Rule {
    /// The whole pattern, with its braces.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let inner = text.strip_prefix('{')?.strip_suffix('}')?;
        let mut parser = Parser { rest: inner, depth: 0 };
        let rule = parser.any()?;
        parser.rest.trim().is_empty().then_some(rule)
    }

    pub(super) fn holds(&self, line: &Value) -> bool {
        match self {
            Self::All(rules) => rules.iter().all(|rule| rule.holds(line)),
            Self::Any(rules) => rules.iter().any(|rule| rule.holds(line)),
            Self::Is(path, test) => {
                let mut found = vec![line];
                for part in path {
                    found = found.into_iter().flat_map(|value| part.of(value)).collect();
                }
                match test {
                    Test::Missing => found.is_empty(),
                    test => found.into_iter().any(|value| test.holds(value)),
                }
            }
        }
    }
}

impl Part {
    fn of<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        match (self, value) {
            (Self::Member(name), Value::Object(members)) => members.get(name).into_iter().collect(),
            (Self::Element(at), Value::Array(items)) => items.get(*at).into_iter().collect(),
            (Self::Each, Value::Array(items)) => items.iter().collect(),
            (Self::Each, Value::Object(members)) => members.values().collect(),
            _ => Vec::new(),
        }
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Number(signs, wanted) => value
                .as_f64()
                .and_then(|number| number.partial_cmp(wanted))
                .is_some_and(|order| signs[(order as i8 + 1) as usize]),
            Self::Text(pattern, equal) => told(value).is_some_and(|text| like(pattern, &text) == *equal),
            Self::Matches(regex, equal) => told(value).is_some_and(|text| regex.is_match(&text) == *equal),
            Self::Is(wanted) => value == wanted,
            Self::Missing => false,
        }
    }
}

fn told(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `*` is any text.
fn like(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = text.split_once(part) else { return false };
        text = after;
    }
    text.ends_with(last)
}

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn take(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        let found = self.rest.get(..token.len()).is_some_and(|next| next.eq_ignore_ascii_case(token));
        if found {
            self.rest = &self.rest[token.len()..];
        }
        found
    }

    fn any(&mut self) -> Option<Rule> {
        let mut rules = vec![self.all()?];
        while self.take("||") {
            rules.push(self.all()?);
        }
        Some(Rule::Any(rules))
    }

    fn all(&mut self) -> Option<Rule> {
        let mut rules = vec![self.unit()?];
        while self.take("&&") {
            rules.push(self.unit()?);
        }
        Some(Rule::All(rules))
    }

    fn unit(&mut self) -> Option<Rule> {
        if self.take("(") {
            self.depth += 1;
            let rule = (self.depth <= DEPTH).then(|| self.any())??;
            self.depth -= 1;
            return self.take(")").then_some(rule);
        }
        let path = self.path()?;
        if self.take("NOT EXISTS") {
            return Some(Rule::Is(path, Test::Missing));
        }
        if self.take("IS") {
            let words = [("NULL", Value::Null), ("TRUE", true.into()), ("FALSE", false.into())];
            let (_, value) = words.into_iter().find(|(word, _)| self.take(word))?;
            return Some(Rule::Is(path, Test::Is(value)));
        }
        let (sign, signs) = COMPARISONS.into_iter().find(|(sign, _)| self.take(sign))?;
        Some(Rule::Is(path, self.test(sign, signs)?))
    }

    /// `$.a.b[0]["c d"].*`.
    fn path(&mut self) -> Option<Vec<Part>> {
        self.take("$").then_some(())?;
        let mut path = Vec::new();
        while self.rest.starts_with(['.', '[']) {
            if self.take(".") {
                let end =
                    self.rest.find(|c: char| !(c.is_alphanumeric() || "_-*".contains(c))).unwrap_or(self.rest.len());
                let (name, rest) = self.rest.split_at(end);
                self.rest = rest;
                path.push(match name {
                    "" => return None,
                    "*" => Part::Each,
                    name => Part::Member(name.to_owned()),
                });
                continue;
            }
            let (inner, rest) = self.rest.strip_prefix('[')?.split_once(']')?;
            self.rest = rest;
            let quoted = inner.strip_prefix(['"', '\'']).and_then(|name| name.strip_suffix(['"', '\'']));
            path.push(match (quoted, inner) {
                (Some(name), _) => Part::Member(name.to_owned()),
                (None, "*") => Part::Each,
                (None, number) => Part::Element(number.parse().ok()?),
            });
        }
        (!path.is_empty()).then_some(path)
    }

    /// What is compared with: a number, a text, or a regular expression between `%`.
    fn test(&mut self, sign: &str, signs: [bool; 3]) -> Option<Test> {
        self.rest = self.rest.trim_start();
        let equal = sign == "=";
        let is_text = equal || sign == "!=";
        if let Some(quoted) = self.rest.strip_prefix('"') {
            let (text, rest) = quoted.split_once('"')?;
            self.rest = rest;
            return is_text.then(|| Test::Text(text.to_owned(), equal));
        }
        if let Some(regex) = self.rest.strip_prefix('%') {
            let (regex, rest) = regex.split_once('%')?;
            self.rest = rest;
            return is_text.then(|| Some(Test::Matches(Regex::new(regex).ok()?, equal)))?;
        }
        let end = self.rest.find(|c: char| c.is_whitespace() || ")&|".contains(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word.parse::<f64>() {
            Ok(number) => Some(Test::Number(signs, number)),
            Err(_) => (is_text && !word.is_empty()).then(|| Test::Text(word.to_owned(), equal)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_over_a_line() {
        let line: Value = serde_json::from_str(
            r#"{"level": "ERROR", "code": 503, "user": null, "took": 1.5, "ok": false, "tags": ["a", "b"], "in": {"x y": "4-2"}}"#,
        )
        .unwrap();
        let cases = [
            (r#"{ $.level = "ERROR" }"#, true),
            ("{ $.level = ERR* }", true),
            ("{ $.level != \"*ROR\" }", false),
            ("{ $.code = 503 }", true),
            ("{ $.code >= 500 && $.took < 1.5 }", false),
            ("{ ($.code >= 500 && $.took <= 1.5) || $.nothing = 1 }", true),
            ("{ $.user IS NULL }", true),
            ("{ $.ok is false }", true),
            ("{ $.gone NOT EXISTS }", true),
            ("{ $.level NOT EXISTS }", false),
            ("{ $.tags[1] = b }", true),
            ("{ $.tags[*] = \"c\" }", false),
            (r#"{ $.in["x y"] = %^\d-\d$% }"#, true),
            ("{ $.gone != 4 }", false),
        ];
        for (pattern, holds) in cases {
            assert_eq!(Rule::parse(pattern).unwrap().holds(&line), holds, "{pattern}");
        }
        for wrong in ["{ level = 1 }", "{ $.a }", "{ $.a < \"x\" }", "{ $.a = 1", "{ ($.a = 1 }", "{}"] {
            assert!(Rule::parse(wrong).is_none(), "{wrong}");
        }
    }
}
