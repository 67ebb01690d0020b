//! Rules of composite alarms: `ALARM(a) AND NOT (OK(b) OR INSUFFICIENT_DATA("c d"))`.

use super::Level;

/// Deepest nesting.
const DEPTH: usize = 16;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    Is(Level, String),
    Constant(bool),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

impl Rule {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser { rest: text, depth: 0 };
        let rule = parser.or()?;
        parser.rest.trim().is_empty().then_some(rule)
    }

    /// True when the rule holds; an alarm that does not exist has no state.
    pub(super) fn holds(&self, level: &dyn Fn(&str) -> Option<Level>) -> bool {
        match self {
            Self::Is(wanted, name) => level(name) == Some(*wanted),
            Self::Constant(value) => *value,
            Self::Not(inner) => !inner.holds(level),
            Self::And(a, b) => a.holds(level) && b.holds(level),
            Self::Or(a, b) => a.holds(level) || b.holds(level),
        }
    }

    /// Names of the alarms it reads.
    pub(super) fn children<'r>(&'r self, into: &mut Vec<&'r str>) {
        match self {
            Self::Is(_, name) => into.push(name),
            Self::Constant(_) => {}
            Self::Not(inner) => inner.children(into),
            Self::And(a, b) | Self::Or(a, b) => {
                a.children(into);
                b.children(into);
            }
        }
    }
}

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Parser<'t> {
    /// Takes `word` when it is next (case-sensitive, as CloudWatch writes it).
    fn take(&mut self, word: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(word) {
            Some(rest) if !word.ends_with(char::is_alphabetic) || !rest.starts_with(char::is_alphanumeric) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn or(&mut self) -> Option<Rule> {
        let mut left = self.and()?;
        while self.take("OR") {
            left = Rule::Or(Box::new(left), Box::new(self.and()?));
        }
        Some(left)
    }

    fn and(&mut self) -> Option<Rule> {
        let mut left = self.unit()?;
        while self.take("AND") {
            left = Rule::And(Box::new(left), Box::new(self.unit()?));
        }
        Some(left)
    }

    fn unit(&mut self) -> Option<Rule> {
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let rule = if self.take("NOT") {
            Rule::Not(Box::new(self.unit()?))
        } else if self.take("(") {
            let inner = self.or()?;
            self.take(")").then_some(inner)?
        } else if self.take("TRUE") {
            Rule::Constant(true)
        } else if self.take("FALSE") {
            Rule::Constant(false)
        } else {
            let level = [Level::Ok, Level::Alarm, Level::InsufficientData]
                .into_iter()
                .find(|level| self.take(level.as_str()))?;
            Rule::Is(level, self.name()?.to_owned())
        };
        self.depth -= 1;
        Some(rule)
    }

    /// `(name)`, `("a name")`; an ARN stands for its name.
    fn name(&mut self) -> Option<&'t str> {
        self.take("(").then_some(())?;
        let (name, rest) = self.rest.split_once(')')?;
        self.rest = rest;
        let name = name.trim().trim_matches('"');
        let name = name.rsplit_once(":alarm:").map_or(name, |(_, name)| name);
        (!name.is_empty()).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_hold_over_the_states_of_their_children() {
        let level = |name: &str| match name {
            "a" | "b c" => Some(Level::Alarm),
            "d" => Some(Level::Ok),
            _ => None,
        };
        let cases = [
            ("ALARM(a)", Some(true)),
            ("ALARM(\"b c\") AND OK(d)", Some(true)),
            ("NOT ALARM(a) OR FALSE", Some(false)),
            ("ALARM(d) OR (OK(d) AND NOT OK(a))", Some(true)),
            ("ALARM(arn:aws:cloudwatch:eu-west-1:447100000921:alarm:a)", Some(true)),
            ("ALARM(gone)", Some(false)),
            ("ALARM(a) AND", None),
            ("ALARM a", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Rule::parse(text).map(|rule| rule.holds(&level)), expected, "{text}");
        }
        assert_eq!(Rule::parse(&"(".repeat(50_000)), None);
    }
}
