//! The language of `/` and `--filter`.
//!
//! ```text
//! fraud prod             both words, anywhere in the row's texts
//! 'frdprd   ~frdprd      these letters in this order
//! /v1[78]$/              a pattern
//! !Deleting              rows without it
//! status:roll            a column holds it; status=Failed is it, status!=Failed is not it
//! p99>500  metric>=0.9   numbers; a percent sign is ignored; 90s, 2h and 1d are seconds
//! age<2d   changed>1w    how long ago; changed<2026-11-20 is the moment itself
//! team=ml                a tag, when no column has that name
//! health:bad             the state at the left of the row; health:problem is what `!` keeps
//! "two words"            quoted, nothing inside is special
//! (a or b) c             either of two; `and` is implied
//! ```
//!
//! Case never matters. Fuzzy words accept what any fuzzy matcher accepts; they do not rank, as a table keeps its order.

use std::fmt;

use crate::{
    column::{Now, Value},
    health::Health,
    resource::Resource,
    time::Timestamp,
};

mod fold;
mod matching;
mod parse;
mod pattern;
#[cfg(test)]
mod tests;

pub use parse::{DEPTH_MAX, INPUT_MAX};
use pattern::Pattern;

/// What a query needs to know of a row.
pub trait Fields {
    /// By the name of a column or of a further field; `Missing` when there is none.
    fn value(&self, name: &str) -> Value<'_>;
    /// Hands every text to `with` that plain words are looked for in.
    fn text(&self, with: &mut dyn FnMut(&str));
    fn health(&self) -> Health;
    fn now(&self) -> Timestamp;
}

/// A row of a table at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a, R>(pub &'a R, pub Now);

impl<R: Resource> Fields for Row<'_, R> {
    fn value(&self, name: &str) -> Value<'_> {
        let column = |name: &str| R::COLUMNS.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        if let Some(column) = column(name) {
            return (column.value)(self.0);
        }
        if name.eq_ignore_ascii_case("age") {
            let created = column("created").map_or(Value::Missing, |column| (column.value)(self.0));
            return match created {
                Value::Time(_) => created,
                _ => R::COLUMNS
                    .iter()
                    .map(|column| (column.value)(self.0))
                    .find(|value| matches!(value, Value::Time(_)))
                    .unwrap_or(Value::Missing),
            };
        }
        match self.0.field(name) {
            // `team=ml` is short for `tag.team=ml`.
            Value::Missing => self.0.field(&format!("tag.{name}")),
            value => value,
        }
    }

    fn text(&self, with: &mut dyn FnMut(&str)) {
        for column in R::COLUMNS {
            if let Value::Text(text) = (column.value)(self.0) {
                with(&text);
            }
        }
    }

    fn health(&self) -> Health {
        self.0.health()
    }

    fn now(&self) -> Timestamp {
        self.1.0
    }
}

/// Why a query cannot be used. A pane shows it, and no rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    /// Byte offset in the query.
    pub at: usize,
    pub message: String,
}

/// A parsed query; the empty one matches every row.
#[derive(Clone, Debug, Default)]
pub struct Query {
    root: Node,
    /// Column names it uses, and where.
    names: Vec<(usize, String)>,
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Word(String),
    Fuzzy(String),
    Pattern(Pattern),
    Test { name: String, op: Op, operand: Operand },
}

impl Default for Node {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Has,
    Is,
    IsNot,
    Less,
    LessOrIs,
    More,
    MoreOrIs,
}

impl Op {
    /// Longest first, as they are looked for.
    const ALL: [(&'static str, Self); 7] = [
        ("!=", Self::IsNot),
        ("<=", Self::LessOrIs),
        (">=", Self::MoreOrIs),
        ("<", Self::Less),
        (">", Self::More),
        (":", Self::Has),
        ("=", Self::Is),
    ];

    const fn is_order(self) -> bool {
        matches!(self, Self::Less | Self::LessOrIs | Self::More | Self::MoreOrIs)
    }

    fn sign(self) -> &'static str {
        Self::ALL.iter().find(|(_, op)| *op == self).map_or("", |(sign, _)| sign)
    }
}

/// The right side of a test, in each form it can be read in.
#[derive(Clone, Debug, PartialEq)]
struct Operand {
    /// As typed, lower case.
    text: String,
    number: Option<f64>,
    /// Milliseconds.
    span: Option<i64>,
    moment: Option<Timestamp>,
}

impl Query {
    pub fn parse(input: &str) -> Result<Self, QueryError> {
        parse::parse(input)
    }

    pub fn is_empty(&self) -> bool {
        self.root == Node::default()
    }

    /// Refuses column names that are not among `names`. `health`, `age` and names with a prefix (`metric.`, `param.`,
    /// `tag.`) always pass.
    pub fn check(&self, names: &[&str]) -> Result<(), QueryError> {
        for (at, name) in &self.names {
            let prefixed = ["metric.", "param.", "tag."].iter().any(|prefix| name.starts_with(prefix));
            let known = |known: &&str| known.eq_ignore_ascii_case(name);
            if prefixed || ["health", "age"].iter().any(known) || names.iter().any(known) {
                continue;
            }
            let near = fold::nearest(name, names);
            let hint = if near.is_empty() { String::new() } else { format!("; there are {}", near.join(", ")) };
            let message = format!("no column {name}{hint}. To look for the text, put it in quotes.");
            return Err(QueryError { at: *at, message });
        }
        Ok(())
    }

    pub fn matches(&self, row: &impl Fields) -> bool {
        matching::matches(&self.root, row)
    }
}

/// Names that the last, unfinished word of `input` may become: those it begins first, then those that hold its letters in
/// order. Empty when the word has its operator already.
pub fn completions<'a>(input: &str, names: &[&'a str]) -> Vec<&'a str> {
    let word = input.rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '!')).next().unwrap_or_default();
    if word.contains([':', '=', '<', '>', '"', '/', '~', '\'']) {
        return Vec::new();
    }
    let folded = fold::lower(word);
    let begins = |name: &&&str| fold::lower(name).starts_with(&folded);
    let holds = |name: &&&str| !begins(name) && fold::has_letters(name, &folded);
    names.iter().filter(begins).chain(names.iter().filter(holds)).copied().collect()
}

/// Prints what parses back to the same query.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.root {
            Node::All(terms) => print_terms(f, terms),
            Node::Any(sides) => print_sides(f, sides),
            term => print_term(f, term),
        }
    }
}

fn print_terms(f: &mut fmt::Formatter<'_>, terms: &[Node]) -> fmt::Result {
    for (i, term) in terms.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { " " })?;
        print_term(f, term)?;
    }
    Ok(())
}

fn print_sides(f: &mut fmt::Formatter<'_>, sides: &[Node]) -> fmt::Result {
    for (i, side) in sides.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { " or " })?;
        match side {
            Node::All(terms) => print_terms(f, terms)?,
            term => print_term(f, term)?,
        }
    }
    Ok(())
}

fn print_term(f: &mut fmt::Formatter<'_>, term: &Node) -> fmt::Result {
    match term {
        Node::All(terms) => {
            f.write_str("(")?;
            print_terms(f, terms)?;
            f.write_str(")")
        }
        Node::Any(sides) => {
            f.write_str("(")?;
            print_sides(f, sides)?;
            f.write_str(")")
        }
        Node::Not(inner) => {
            f.write_str("!")?;
            print_term(f, inner)
        }
        Node::Word(word) => f.write_str(&parse::quoted(word)),
        Node::Fuzzy(word) => write!(f, "'{}", parse::quoted(word)),
        Node::Pattern(pattern) => write!(f, "/{}/", pattern.source().replace('/', "\\/")),
        Node::Test { name, op, operand } => {
            write!(f, "{}{}{}", parse::quoted(name), op.sign(), parse::quoted(&operand.text))
        }
    }
}
