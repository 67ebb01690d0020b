//! Reading expressions.

use std::collections::BTreeSet;

use super::{DEPTH, Expression, LONGEST, Node, Op, Outcome, RANKS, Search, Searched, functions};
use crate::world::metric::{
    query::{DEFAULT_PERIOD, is_period},
    stat::Stat,
};

/// Rank of `^`, which binds closer than a sign.
const POWER: usize = 5;

impl Expression {
    pub(crate) fn parse(text: &str) -> Outcome<Self> {
        if text.chars().count() > LONGEST {
            return Err(format!("it is longer than {LONGEST} characters"));
        }
        // An id may be called so, too; then an operator follows.
        let insights =
            text.trim_start().split_once(char::is_whitespace).filter(|(word, _)| word.eq_ignore_ascii_case("SELECT"));
        if insights.is_some_and(|(_, rest)| rest.trim_start().starts_with(char::is_alphabetic)) {
            return Err("Metrics Insights queries are not supported in this account".to_owned());
        }
        let mut parser =
            Parser { rest: text, depth: 0, reads: BTreeSet::new(), reads_metrics: false, searches: Vec::new() };
        let root = parser.chain(0)?;
        if let Some(found) = parser.peek() {
            return Err(format!("Unexpected character '{found}'"));
        }
        Ok(Self { root, reads: parser.reads, reads_metrics: parser.reads_metrics, searches: parser.searches })
    }

    pub(super) const fn root(&self) -> &Node {
        &self.root
    }
}

struct Parser<'e> {
    rest: &'e str,
    depth: usize,
    reads: BTreeSet<String>,
    reads_metrics: bool,
    searches: Vec<Searched>,
}

impl<'e> Parser<'e> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn take(&mut self, sign: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(sign) {
            // `AND` is not the beginning of another word.
            Some(rest) if !(sign.ends_with(char::is_alphabetic) && rest.starts_with(is_of_word)) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn wants(&mut self, sign: char) -> Outcome<()> {
        match self.peek() {
            Some(found) if found == sign => {
                self.rest = &self.rest[sign.len_utf8()..];
                Ok(())
            }
            Some(found) => Err(format!("Unexpected character '{found}', '{sign}' is missing")),
            None => Err(format!("Unexpected end of expression, '{sign}' is missing")),
        }
    }

    fn operator(&mut self, rank: &[(&'static str, Op)]) -> Option<Op> {
        rank.iter().find(|(sign, _)| self.take(sign)).map(|(_, op)| *op)
    }

    /// Operands between operators of this rank.
    fn chain(&mut self, rank: usize) -> Outcome<Node> {
        let Some(operators) = RANKS.get(rank) else { return self.operand() };
        let first = self.chain(rank + 1)?;
        let mut rest = Vec::new();
        while let Some(op) = self.operator(operators) {
            rest.push((op, self.chain(rank + 1)?));
        }
        Ok(if rest.is_empty() { first } else { Node::Chain(Box::new(first), rest) })
    }

    fn operand(&mut self) -> Outcome<Node> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(format!("it is nested deeper than {DEPTH} levels"));
        }
        let node = if self.take("-") {
            Node::Negated(Box::new(self.chain(POWER)?))
        } else if self.take("(") {
            let inner = self.chain(0)?;
            self.wants(')')?;
            inner
        } else if self.take("[") {
            Node::List(self.listed(']')?)
        } else {
            self.word()?
        };
        self.depth -= 1;
        Ok(node)
    }

    /// Expressions between commas, up to `end`.
    fn listed(&mut self, end: char) -> Outcome<Vec<Node>> {
        let mut nodes = Vec::new();
        if self.peek() == Some(end) {
            self.wants(end)?;
            return Ok(nodes);
        }
        loop {
            nodes.push(self.chain(0)?);
            if !self.take(",") {
                self.wants(end)?;
                return Ok(nodes);
            }
        }
    }

    fn run(&mut self, belongs: fn(char) -> bool) -> &'e str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        run
    }

    fn word(&mut self) -> Outcome<Node> {
        let Some(first) = self.peek() else { return Err("Unexpected end of expression".to_owned()) };
        if first.is_ascii_digit() || first == '.' {
            let number = self.run(|c| c.is_ascii_digit() || c == '.');
            return number.parse().map(Node::Number).map_err(|_| format!("'{number}' is not a number"));
        }
        let word = self.run(is_of_word);
        if word.is_empty() {
            return Err(format!("Unexpected character '{first}'"));
        }
        if first.is_ascii_lowercase() {
            self.reads.insert(word.to_owned());
            return Ok(Node::Id(word.to_owned()));
        }
        if self.peek() != Some('(') {
            return Ok(Node::Word(word.to_owned()));
        }
        self.wants('(')?;
        self.call(word)
    }

    /// A function, behind its parenthesis.
    fn call(&mut self, name: &str) -> Outcome<Node> {
        match name {
            "METRICS" => {
                let part = if self.peek() == Some(')') { None } else { Some(self.text()?.to_owned()) };
                self.wants(')')?;
                self.reads_metrics = true;
                Ok(Node::Metrics(part))
            }
            "PERIOD" => {
                self.peek();
                let id = self.run(is_of_word).to_owned();
                self.wants(')')?;
                self.reads.insert(id.clone());
                Ok(Node::Period(id))
            }
            "SEARCH" => self.search(),
            _ => {
                let function = functions::find(name)?;
                let arguments = self.listed(')')?;
                Ok(Node::Call(function, arguments))
            }
        }
    }

    fn search(&mut self) -> Outcome<Node> {
        let search = Search::parse(self.text()?)?;
        self.wants(',')?;
        let stat = self.text()?;
        let stat = Stat::parse(stat).ok_or_else(|| format!("'{stat}' is not a statistic"))?;
        let period = if self.take(",") {
            self.peek();
            let number = self.run(|c| c.is_ascii_digit());
            let period = number.parse().ok().filter(|period| is_period(*period));
            Some(period.ok_or_else(|| format!("'{number}' is not a period; take one as {DEFAULT_PERIOD}"))?)
        } else {
            None
        };
        self.wants(')')?;
        self.searches.push(Searched { search, stat, period });
        Ok(Node::Found(self.searches.len() - 1))
    }

    /// A text in single or double quotes.
    fn text(&mut self) -> Outcome<&'e str> {
        let quote = self.peek().filter(|c| matches!(c, '\'' | '"')).ok_or("a text in quotes is wanted")?;
        let (text, rest) =
            self.rest[1..].split_once(quote).ok_or_else(|| "a quotation mark is not closed".to_owned())?;
        self.rest = rest;
        Ok(text)
    }
}

const fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
