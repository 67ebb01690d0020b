//! Metric math, as much of it as works on one datapoint: `+ - * /`, parentheses, numbers, ids and functions of one value.

/// Deepest nesting of parentheses, signs and functions.
const DEPTH: usize = 32;

/// The value of `expression` where `id` gives the value of an id; `Err` when it is not understood, `Ok(None)` when a value is
/// missing or a division has no result.
pub(crate) fn evaluate(expression: &str, id: &dyn Fn(&str) -> Option<Option<f64>>) -> Result<Option<f64>, String> {
    let mut parser = Parser { rest: expression, depth: 0, id };
    let value = parser.sum()?;
    match parser.peek() {
        None => Ok(value.filter(|value| value.is_finite())),
        Some(c) => Err(format!("unexpected '{c}'")),
    }
}

struct Parser<'e> {
    rest: &'e str,
    depth: usize,
    id: &'e dyn Fn(&str) -> Option<Option<f64>>,
}

type Parsed = Result<Option<f64>, String>;

impl Parser<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.rest = &self.rest[wanted.len_utf8()..];
        }
        found
    }

    fn sum(&mut self) -> Parsed {
        let mut left = self.product()?;
        loop {
            let sign = if self.take('+') {
                1.0
            } else if self.take('-') {
                -1.0
            } else {
                return Ok(left);
            };
            left = both(left, self.product()?, |a, b| a + sign * b);
        }
    }

    fn product(&mut self) -> Parsed {
        let mut left = self.factor()?;
        loop {
            if self.take('*') {
                left = both(left, self.factor()?, |a, b| a * b);
            } else if self.take('/') {
                left = both(left, self.factor()?, |a, b| a / b).filter(|value| value.is_finite());
            } else {
                return Ok(left);
            }
        }
    }

    fn factor(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("nested too deeply".to_owned());
        }
        let value = if self.take('-') {
            self.factor()?.map(|value| -value)
        } else if self.take('(') {
            let inner = self.sum()?;
            if !self.take(')') {
                return Err("a parenthesis is not closed".to_owned());
            }
            inner
        } else {
            self.word()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn word(&mut self) -> Parsed {
        self.peek();
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || "._".contains(c))).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if word.is_empty() {
            return Err("an operand is missing".to_owned());
        }
        if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return word.parse().map(Some).map_err(|_| format!("'{word}' is not a number"));
        }
        if let Some(function) = function(word)
            && self.take('(')
        {
            let inner = self.sum()?;
            if !self.take(')') {
                return Err(format!("a parenthesis of {word} is not closed"));
            }
            return Ok(inner.map(function).filter(|value| value.is_finite()));
        }
        (self.id)(word).ok_or_else(|| format!("the id or function '{word}' is not known here"))
    }
}

/// The functions that CloudWatch applies to each datapoint alone.
fn function(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "ABS" => f64::abs,
        "CEIL" => f64::ceil,
        "FLOOR" => f64::floor,
        "LOG" => f64::ln,
        "LOG10" => f64::log10,
        _ => return None,
    })
}

fn both(left: Option<f64>, right: Option<f64>, f: impl Fn(f64, f64) -> f64) -> Option<f64> {
    left.zip(right).map(|(left, right)| f(left, right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_over_ids() {
        let ids = |id: &str| match id {
            "m1" => Some(Some(4.0)),
            "m2" => Some(Some(200.0)),
            "gap" => Some(None),
            "zero" => Some(Some(0.0)),
            _ => None,
        };
        let cases: &[(&str, Parsed)] = &[
            ("m1 / m2 * 100", Ok(Some(2.0))),
            ("(m1 + m2) * -1", Ok(Some(-204.0))),
            ("2 - 3 - 4", Ok(Some(-5.0))),
            ("m1 / zero", Ok(None)),
            ("m1 + gap", Ok(None)),
            ("ABS(m1 - m2) + 1", Ok(Some(197.0))),
            ("CEIL(m1 / 3) * 10 + FLOOR(m1 / 3)", Ok(Some(21.0))),
            ("LOG10(m2 / 2) - LOG(1)", Ok(Some(2.0))),
            ("1 + LOG(zero)", Ok(None)),
            ("ABS(gap)", Ok(None)),
            ("ABS(m1", Err("a parenthesis of ABS is not closed".to_owned())),
            ("ABS()", Err("an operand is missing".to_owned())),
            ("ABS", Err("the id or function 'ABS' is not known here".to_owned())),
            ("m1 m2", Err("unexpected 'm'".to_owned())),
            ("m1 +", Err("an operand is missing".to_owned())),
            ("SEARCH(1)", Err("the id or function 'SEARCH' is not known here".to_owned())),
        ];
        for (expression, expected) in cases {
            assert_eq!(&evaluate(expression, &ids), expected, "{expression}");
        }
        assert!(evaluate(&"(".repeat(100_000), &ids).is_err());
        assert!(evaluate(&"ABS(".repeat(100_000), &ids).is_err());
    }
}
