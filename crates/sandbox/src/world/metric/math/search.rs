//! What `SEARCH` looks for: `{Namespace,Dimension} MetricName="X" AND (a OR NOT b)`.

use std::collections::BTreeSet;

use super::Outcome;
use crate::world::metric::Key;

/// Characters of a search, as CloudWatch limits them.
const LONGEST: usize = 1_024;
/// Deepest nesting of parentheses and `NOT`.
const DEPTH: usize = 16;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Search {
    schema: Option<Schema>,
    term: Option<Term>,
}

/// `{Namespace,Dimension,…}`: metrics of a namespace, and where dimensions are named those that have exactly these.
#[derive(Clone, Debug, PartialEq)]
struct Schema {
    namespace: String,
    dimensions: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
    Word(Word),
}

#[derive(Clone, Debug, PartialEq)]
struct Word {
    /// `MetricName`, `Namespace` or a dimension; any part of a metric where there is none.
    property: Option<String>,
    text: Text,
}

#[derive(Clone, Debug, PartialEq)]
enum Text {
    /// In double quotes: the whole.
    Exact(String),
    /// A part, by its tokens.
    Part(Tokens),
}

impl Search {
    pub(super) fn parse(text: &str) -> Outcome<Self> {
        if text.chars().count() > LONGEST {
            return Err(format!("SEARCH is longer than {LONGEST} characters"));
        }
        let mut parser = Parser { rest: text, depth: 0 };
        let schema = if parser.take('{') { Some(parser.schema()?) } else { None };
        parser.take(',');
        let term = if parser.peek().is_some() { Some(parser.any()?) } else { None };
        match parser.peek() {
            Some(found) => Err(format!("Unexpected character '{found}' in SEARCH")),
            None if schema.is_none() && term.is_none() => {
                Err("SEARCH needs a metric schema or a search term".to_owned())
            }
            None => Ok(Self { schema, term }),
        }
    }

    pub(crate) fn finds(&self, key: &Key) -> bool {
        self.schema.as_ref().is_none_or(|schema| schema.holds(key))
            && self.term.as_ref().is_none_or(|term| term.holds(key))
    }
}

impl Schema {
    fn holds(&self, key: &Key) -> bool {
        let fits = self.dimensions.len() == key.dimensions.len()
            && key.dimensions.iter().all(|(name, _)| self.dimensions.contains(name));
        self.namespace == key.namespace && (self.dimensions.is_empty() || fits)
    }
}

impl Term {
    fn holds(&self, key: &Key) -> bool {
        match self {
            Self::Not(inner) => !inner.holds(key),
            Self::All(terms) => terms.iter().all(|term| term.holds(key)),
            Self::Any(terms) => terms.iter().any(|term| term.holds(key)),
            Self::Word(word) => word.holds(key),
        }
    }
}

impl Word {
    fn holds(&self, key: &Key) -> bool {
        let own = [("MetricName", &key.name), ("Namespace", &key.namespace)];
        let dimensions = key.dimensions.iter().map(|(name, value)| (name.as_str(), value));
        let mut values = own.into_iter().chain(dimensions);
        match &self.property {
            Some(property) => values.any(|(name, value)| name == property && self.text.is_in(value)),
            None => {
                values.any(|(_, value)| self.text.is_in(value))
                    || key.dimensions.iter().any(|(name, _)| self.text.is_in(name))
            }
        }
    }
}

impl Text {
    fn is_in(&self, value: &str) -> bool {
        match self {
            Self::Exact(text) => text == value,
            Self::Part(tokens) => tokens.are_in(&Tokens::of(value)),
        }
    }
}

/// A text as CloudWatch cuts it: at what is no letter and no digit, between letters and digits, and before a new word in
/// camel case.
#[derive(Clone, Debug, PartialEq)]
struct Tokens {
    /// With whether it stands alone: then its case does not matter.
    all: Vec<(String, bool)>,
    /// All in one, in lower case.
    whole: String,
}

impl Tokens {
    fn of(text: &str) -> Self {
        let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
        let mut all = Vec::new();
        for part in parts {
            let words = words(part);
            let is_alone = words.len() == 1;
            all.extend(words.into_iter().map(|word| (word, is_alone)));
        }
        let whole = all.iter().map(|(word, _)| word.to_lowercase()).collect();
        Self { all, whole }
    }

    fn are_in(&self, other: &Self) -> bool {
        let alike = |(mine, is_alone): &(String, bool), (theirs, _): &(String, bool)| {
            if *is_alone { mine.to_lowercase() == theirs.to_lowercase() } else { mine == theirs }
        };
        if self.all.is_empty() || self.whole == other.whole {
            return !self.all.is_empty();
        }
        other.all.windows(self.all.len()).any(|run| self.all.iter().zip(run).all(|(mine, theirs)| alike(mine, theirs)))
    }
}

/// `SDBFailure1` → `SDB`, `Failure`, `1`.
fn words(part: &str) -> Vec<String> {
    let chars: Vec<char> = part.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (index, c) in chars.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|at| chars.get(at));
        let is_new = before.is_none_or(|before| {
            let is_next_lower = chars.get(index + 1).is_some_and(|next| next.is_lowercase());
            before.is_numeric() != c.is_numeric()
                || c.is_uppercase() && (before.is_lowercase() || before.is_uppercase() && is_next_lower)
        });
        match words.last_mut() {
            Some(word) if !is_new => word.push(*c),
            _ => words.push(c.to_string()),
        }
    }
    words
}

/// Whether a word ended here.
fn is_after_word(rest: &str) -> bool {
    rest.chars().next().is_none_or(|c| c.is_whitespace() || c == '(')
}

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn take(&mut self, sign: char) -> bool {
        let found = self.peek() == Some(sign);
        if found {
            self.rest = &self.rest[sign.len_utf8()..];
        }
        found
    }

    /// Takes `word` where it stands alone.
    fn takes(&mut self, word: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(word) {
            Some(rest) if is_after_word(rest) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn schema(&mut self) -> Outcome<Schema> {
        let mut names = Vec::new();
        loop {
            names.push(if self.peek() == Some('"') { self.quoted()? } else { self.bare(",}").to_owned() });
            if self.take('}') {
                break;
            }
            if !self.take(',') {
                return Err("the metric schema of SEARCH is not closed".to_owned());
            }
        }
        if names.iter().any(String::is_empty) {
            return Err("the metric schema of SEARCH has an empty name".to_owned());
        }
        let mut names = names.into_iter();
        Ok(Schema { namespace: names.next().unwrap_or_default(), dimensions: names.collect() })
    }

    fn any(&mut self) -> Outcome<Term> {
        let mut terms = vec![self.all()?];
        while self.takes("OR") {
            terms.push(self.all()?);
        }
        Ok(Term::Any(terms))
    }

    /// Terms side by side hold together, with `AND` or without.
    fn all(&mut self) -> Outcome<Term> {
        let mut terms = vec![self.term()?];
        loop {
            let is_joined = self.takes("AND");
            let ends = self.peek().is_none_or(|c| c == ')') || self.is_or();
            if ends && !is_joined {
                return Ok(Term::All(terms));
            }
            terms.push(self.term()?);
        }
    }

    fn is_or(&self) -> bool {
        self.rest.strip_prefix("OR").is_some_and(is_after_word)
    }

    fn term(&mut self) -> Outcome<Term> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(format!("SEARCH is nested deeper than {DEPTH} levels"));
        }
        let term = if self.takes("NOT") {
            Term::Not(Box::new(self.term()?))
        } else if self.take('(') {
            let inner = self.any()?;
            if !self.take(')') {
                return Err("a parenthesis of SEARCH is not closed".to_owned());
            }
            inner
        } else {
            Term::Word(self.word()?)
        };
        self.depth -= 1;
        Ok(term)
    }

    fn word(&mut self) -> Outcome<Word> {
        let text = self.text()?;
        if !self.take('=') {
            return Ok(Word { property: None, text: text.1 });
        }
        Ok(Word { property: Some(text.0), text: self.text()?.1 })
    }

    /// A text as it was written, and as what it is looked for.
    fn text(&mut self) -> Outcome<(String, Text)> {
        if self.peek() == Some('"') {
            let text = self.quoted()?;
            return Ok((text.clone(), Text::Exact(text)));
        }
        let text = self.bare("=()\"").to_owned();
        if ["AND", "OR", "NOT"].contains(&text.as_str()) {
            return Err(format!("SEARCH lacks a term at {text}"));
        }
        let tokens = Tokens::of(&text);
        if tokens.all.is_empty() {
            return Err(if text.is_empty() {
                "SEARCH lacks a term".to_owned()
            } else {
                format!("SEARCH finds nothing by '{text}'")
            });
        }
        Ok((text, Text::Part(tokens)))
    }

    /// Up to a space or one of `ends`.
    fn bare(&mut self, ends: &str) -> &str {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c: char| c.is_whitespace() || ends.contains(c)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text
    }

    /// In double quotes; a backslash keeps what follows it.
    fn quoted(&mut self) -> Outcome<String> {
        let mut out = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(out);
                }
                '\\' => out.extend(chars.next().map(|(_, kept)| kept)),
                _ => out.push(c),
            }
        }
        Err("a quotation mark of SEARCH is not closed".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_into_tokens() {
        let cases: &[(&str, &[&str])] = &[
            ("CustomCount1", &["Custom", "Count", "1"]),
            ("SDBFailure", &["SDB", "Failure"]),
            ("Project2-trial333", &["Project", "2", "trial", "333"]),
            ("Network-Errors_2", &["Network", "Errors", "2"]),
            ("--", &[]),
        ];
        for (text, expected) in cases {
            let tokens = Tokens::of(text);
            assert_eq!(tokens.all.iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>(), *expected, "{text}");
        }
    }

    #[test]
    fn searches_find_what_cloudwatch_would() {
        let count = Key::new("My/Space", "CustomCount1", &[("Host", "Network-Errors-2")]);
        let cpu = Key::new("AWS/EC2", "CPUUtilization", &[("InstanceId", "i-12"), ("Zone", "eu west")]);
        // Whether the first is found, and the second.
        let cases = [
            ("count", true, false),
            ("COUNT", true, false),
            ("couNT", false, false),
            ("CustomCount", true, false),
            ("Count1", true, false),
            ("customcount1", true, false),
            ("customcount", false, false),
            ("count1", false, false),
            ("network/errors", true, false),
            ("\"Network-Errors-2\"", true, false),
            ("\"Network_Errors_2\"", false, false),
            ("{My/Space}, \"CustomCount1\"", true, false),
            ("{My/Space} \"Custom\"", false, false),
            ("{My/Space,Host}", true, false),
            ("{AWS/EC2,InstanceId}", false, false),
            ("{\"AWS/EC2\", Zone, \"InstanceId\"}", false, true),
            ("MetricName=\"CPUUtilization\" Namespace=AWS", false, true),
            ("Zone=west", false, true),
            ("InstanceId=west", false, false),
            ("NOT Namespace=AWS", true, false),
            ("(custom OR cpu) AND NOT west", true, false),
            ("custom OR west", true, true),
            ("custom west", false, false),
            ("zone", false, true),
        ];
        for (text, first, second) in cases {
            let search = Search::parse(text);
            let found = search.as_ref().map(|search| (search.finds(&count), search.finds(&cpu)));
            assert_eq!(found, Ok((first, second)), "{text}: {search:?}");
        }
    }

    #[test]
    fn searches_that_are_not_understood() {
        let deep = format!("{}a", "(".repeat(2_000));
        let nested = format!("{}a", "NOT ".repeat(200));
        for text in
            ["", "  ", "{}", "{a", "{a,}", "(a", "a)", "a=", "\"a", "a OR ", "a AND", "--", &deep, &nested, "a AND AND"]
        {
            assert!(Search::parse(text).is_err(), "{text}");
        }
    }
}
