//! From what was typed to a query, and the quoting that leads back.

use super::{Node, Op, Operand, Query, QueryError, fold, pattern::Pattern};
use crate::time::{self, Timestamp};

/// Longest query, in bytes.
pub const INPUT_MAX: usize = 4_096;
/// Deepest nesting of parentheses and `!`.
pub const DEPTH_MAX: usize = 32;

pub(super) fn parse(input: &str) -> Result<Query, QueryError> {
    if input.len() > INPUT_MAX {
        return Err(QueryError { at: INPUT_MAX, message: format!("longer than {INPUT_MAX} bytes") });
    }
    let mut parser = Parser { input, at: 0, depth: 0, groups: 0, names: Vec::new() };
    let root = parser.any()?;
    match parser.rest().chars().next() {
        None => Ok(Query { root, names: parser.names }),
        Some(_) => parser.fail("`)` closes nothing"),
    }
}

/// `word` as it has to be typed to be taken for itself.
pub(super) fn quoted(word: &str) -> String {
    let special = |c: char| c.is_whitespace() || "\"()<>=:!\\".contains(c);
    let is_plain = !word.is_empty()
        && !word.contains(special)
        && !word.starts_with(['~', '\'', '/'])
        && !word.eq_ignore_ascii_case("or")
        && !word.eq_ignore_ascii_case("and");
    if is_plain { word.to_owned() } else { format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")) }
}

struct Parser<'a> {
    input: &'a str,
    at: usize,
    depth: usize,
    /// Parentheses that are open: only then does `)` end a word.
    groups: usize,
    names: Vec<(usize, String)>,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.input[self.at..]
    }

    fn fail<T>(&self, message: &str) -> Result<T, QueryError> {
        Err(QueryError { at: self.at, message: message.to_owned() })
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, start: &str) -> bool {
        let found = self.rest().starts_with(start);
        self.at += if found { start.len() } else { 0 };
        found
    }

    /// A word of the language, when it stands alone.
    fn eat_keyword(&mut self, keyword: &str) -> bool {
        let rest = self.rest();
        let found = rest.get(..keyword.len()).is_some_and(|head| head.eq_ignore_ascii_case(keyword))
            && rest[keyword.len()..].chars().next().is_none_or(|c| c.is_whitespace() || c == '(' || c == ')');
        self.at += if found { keyword.len() } else { 0 };
        found
    }

    fn any(&mut self) -> Result<Node, QueryError> {
        let mut sides = vec![self.all()?];
        while self.eat_keyword("or") {
            let at = self.at;
            sides.push(self.all()?);
            if sides.iter().any(|side| *side == Node::default()) {
                self.at = at;
                return self.fail("`or` stands between two terms; put it in quotes to look for it");
            }
        }
        Ok(if sides.len() == 1 { sides.remove(0) } else { Node::Any(sides) })
    }

    fn all(&mut self) -> Result<Node, QueryError> {
        let mut terms = Vec::new();
        loop {
            self.skip_blanks();
            if self.eat_keyword("and") {
                continue;
            }
            let here = self.at;
            if self.rest().is_empty() || self.rest().starts_with(')') || self.eat_keyword("or") {
                self.at = here;
                break;
            }
            terms.push(self.term()?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Node::All(terms) })
    }

    fn term(&mut self) -> Result<Node, QueryError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.fail("nested too deep");
        }
        let start = self.at;
        let node = if self.eat("!") {
            if self.rest().chars().next().is_none_or(|c| c.is_whitespace() || c == ')') {
                return self.fail("what should the rows be without?");
            }
            Node::Not(Box::new(self.term()?))
        } else if self.eat("(") {
            self.groups += 1;
            let inner = self.any()?;
            if !self.eat(")") {
                self.at = start;
                return self.fail("`(` is not closed");
            }
            self.groups -= 1;
            if inner == Node::default() {
                self.at = start;
                return self.fail("nothing in the parentheses");
            }
            inner
        } else if self.eat("/") {
            self.pattern(start)?
        } else if self.eat("~") || self.eat("'") {
            let letters = self.text(&[])?;
            if letters.is_empty() {
                return self.fail("letters are wanted here");
            }
            Node::Fuzzy(fold::lower(&letters))
        } else {
            self.word_or_test()?
        };
        self.depth -= 1;
        Ok(node)
    }

    /// The rest of `/…/`, where `\/` is a slash.
    fn pattern(&mut self, start: usize) -> Result<Node, QueryError> {
        let mut source = String::new();
        let mut chars = self.rest().char_indices();
        let end = loop {
            match chars.next() {
                None => {
                    self.at = start;
                    return self.fail("the pattern is not closed by `/`; put the text in quotes to look for a slash");
                }
                Some((i, '/')) => break i + 1,
                Some((_, '\\')) => match chars.next() {
                    Some((_, '/')) => source.push('/'),
                    Some((_, c)) => source.extend(['\\', c]),
                    None => source.push('\\'),
                },
                Some((_, c)) => source.push(c),
            }
        };
        self.at += end;
        Pattern::new(source).map(Node::Pattern).map_err(|message| QueryError { at: start, message })
    }

    fn word_or_test(&mut self) -> Result<Node, QueryError> {
        let start = self.at;
        let ends = self.operator_signs();
        let name = self.text(ends)?;
        let Some((sign, op)) =
            Op::ALL.into_iter().find(|(sign, _)| ends.contains(sign) && self.rest().starts_with(sign))
        else {
            return if self.at == start {
                self.fail("a word is wanted here")
            } else {
                Ok(Node::Word(fold::lower(&name)))
            };
        };
        if name.is_empty() {
            return self.fail(&format!("the name of a column is wanted before `{sign}`"));
        }
        self.at += sign.len();
        let at = self.at;
        let operand = operand(&self.text(&[])?);
        if op.is_order() && operand.number.is_none() && operand.span.is_none() && operand.moment.is_none() {
            self.at = at;
            return self.fail(&format!("a number, an age (90s, 2h, 3d) or a date is wanted after `{sign}`"));
        }
        if operand.text.is_empty() && op == Op::Has {
            return self.fail(&format!("a value is wanted after `{sign}`"));
        }
        self.names.push((start, name.clone()));
        Ok(Node::Test { name, op, operand })
    }

    /// Which operators end the name that begins here. A name may hold a colon (`validation:auc`): then an order sign later in
    /// the word decides.
    fn operator_signs(&self) -> &'static [&'static str] {
        let word = self.rest().split(|c: char| c.is_whitespace() || c == '"').next().unwrap_or_default();
        let ordered = word.find(['<', '>']).is_some_and(|i| {
            word[..i].chars().all(|c| c.is_alphanumeric() || "_.:/-".contains(c)) && !word[..i].contains("://")
        });
        if ordered { &["<=", ">=", "<", ">"] } else { &["!=", "<=", ">=", "<", ">", ":", "="] }
    }

    /// Quoted text, or all up to a blank, a closing parenthesis of ours, or one of `signs`.
    fn text(&mut self, signs: &[&str]) -> Result<String, QueryError> {
        if self.rest().starts_with('"') {
            return self.quoted_text();
        }
        let in_group = self.groups > 0;
        let rest = self.rest();
        let ends = |(i, c): &(usize, char)| {
            c.is_whitespace() || (*c == ')' && in_group) || signs.iter().any(|sign| rest[*i..].starts_with(sign))
        };
        let len = rest.char_indices().find(ends).map_or(rest.len(), |(i, _)| i);
        let text = rest[..len].to_owned();
        self.at += len;
        Ok(text)
    }

    fn quoted_text(&mut self) -> Result<String, QueryError> {
        let mut out = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        let end = loop {
            match chars.next() {
                None => return self.fail("the quote is not closed"),
                Some((i, '"')) => break i + 1,
                Some((_, '\\')) => out.extend(chars.next().map(|(_, c)| c)),
                Some((_, c)) => out.push(c),
            }
        };
        self.at += end;
        Ok(out)
    }
}

fn operand(text: &str) -> Operand {
    let text = fold::lower(text);
    let number = text.trim_end_matches('%').trim().parse().ok().filter(|number: &f64| number.is_finite());
    let day = || Timestamp::parse(&format!("{text}t00:00:00z"));
    Operand {
        number,
        span: time::parse_span(&text),
        moment: if number.is_some() { None } else { Timestamp::parse(&text).or_else(day) },
        text,
    }
}
