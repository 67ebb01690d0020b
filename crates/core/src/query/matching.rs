//! Does a row match?

use super::{Fields, Node, Op, Operand, fold};
use crate::{column::Value, health::Health, time::Timestamp};

pub(super) fn matches(node: &Node, row: &impl Fields) -> bool {
    match node {
        Node::All(terms) => terms.iter().all(|term| matches(term, row)),
        Node::Any(sides) => sides.iter().any(|side| matches(side, row)),
        Node::Not(inner) => !matches(inner, row),
        Node::Word(word) => any_text(row, |text| fold::contains(text, word)),
        Node::Fuzzy(letters) => any_text(row, |text| fold::has_letters(text, letters)),
        Node::Pattern(pattern) => any_text(row, |text| pattern.is_match(text)),
        Node::Test { name, op, operand } if name.eq_ignore_ascii_case("health") => {
            of_health(row.health(), *op, operand)
        }
        Node::Test { name, op, operand } => test(&row.value(name), *op, operand, row.now()),
    }
}

fn any_text(row: &impl Fields, holds: impl Fn(&str) -> bool) -> bool {
    let mut found = false;
    row.text(&mut |text| found = found || holds(text));
    found
}

fn of_health(health: Health, op: Op, operand: &Operand) -> bool {
    let is = match operand.text.as_str() {
        "problem" | "problems" => health.is_problem(),
        "busy" => health == Health::Busy,
        word => !word.is_empty() && health.word().starts_with(word),
    };
    is != (op == Op::IsNot)
}

fn test(value: &Value<'_>, op: Op, operand: &Operand, now: Timestamp) -> bool {
    match value {
        // `col=` finds rows without a value, `col!=x` has them too.
        Value::Missing => (op == Op::Is && operand.text.is_empty()) || (op == Op::IsNot && !operand.text.is_empty()),
        Value::Number(number) => of_number(*number, op, operand),
        Value::Time(moment) => of_time(*moment, op, operand, now),
        Value::Flag(flag) => {
            let word = if *flag { ["true", "yes", "1", "on"] } else { ["false", "no", "0", "off"] };
            word.contains(&operand.text.as_str()) != (op == Op::IsNot) && !op.is_order()
        }
        Value::Text(text) => match op {
            Op::Has => fold::contains(text, &operand.text),
            Op::Is => fold::equals(text, &operand.text),
            Op::IsNot => !fold::equals(text, &operand.text),
            _ => text.trim().parse().is_ok_and(|number| of_number(number, op, operand)),
        },
    }
}

fn of_number(number: f64, op: Op, operand: &Operand) -> bool {
    let seconds = operand.span.map(|millis| millis as f64 / 1_000.0);
    let Some(wanted) = operand.number.or(seconds) else { return op == Op::IsNot };
    let is = (number - wanted).abs() <= 1e-9 * wanted.abs().max(1.0);
    match op {
        Op::Has | Op::Is => is,
        Op::IsNot => !is,
        Op::Less => number < wanted,
        Op::LessOrIs => number <= wanted,
        Op::More => number > wanted,
        Op::MoreOrIs => number >= wanted,
    }
}

/// Against a span the *age* is compared (`changed<2d`: within the last two days), against a date the moment.
fn of_time(moment: Timestamp, op: Op, operand: &Operand, now: Timestamp) -> bool {
    let iso = || fold::contains(&moment.iso(), &operand.text);
    let (left, right) = match (operand.span, operand.moment) {
        (Some(span), _) if op.is_order() => (now.since(moment), span),
        (_, Some(wanted)) if op.is_order() => (moment.millis(), wanted.millis()),
        _ => return (op == Op::IsNot) != iso(),
    };
    match op {
        Op::Less => left < right,
        Op::LessOrIs => left <= right,
        Op::More => left > right,
        Op::MoreOrIs => left >= right,
        Op::Has | Op::Is | Op::IsNot => false,
    }
}
