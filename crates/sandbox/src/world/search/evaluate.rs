//! Whether a record meets an expression.

use std::cmp::Ordering;

use mldeck_core::time::Timestamp;
use serde_json::Value;

use super::{
    expression::{Condition, Expression, Operand, Operator},
    schema::Type,
};

/// A property's value, typed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Field {
    Text(String),
    Number(f64),
    Time(Timestamp),
    Flag(bool),
}

impl Field {
    /// Reads a member as its property's type says.
    pub(super) fn read(value: &Value, kind: Type) -> Option<Self> {
        match (value, kind) {
            (Value::Number(number), Type::Time) => Some(Self::Time(Timestamp::from_secs_f64(number.as_f64()?))),
            (Value::Number(number), _) => Some(Self::Number(number.as_f64()?)),
            (Value::String(text), Type::Loose) => {
                Some(text.parse::<f64>().map_or_else(|_| Self::Text(text.clone()), Self::Number))
            }
            (Value::String(text), _) => Some(Self::Text(text.clone())),
            (Value::Bool(flag), _) => Some(Self::Flag(*flag)),
            _ => None,
        }
    }

    /// Order of values of one type; numbers come before text where a property mixes them.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let rank = |field: &Self| match field {
            Self::Number(_) => 0,
            Self::Time(_) => 1,
            Self::Flag(_) => 2,
            Self::Text(_) => 3,
        };
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Flag(a), Self::Flag(b)) => a.cmp(b),
            _ => rank(self).cmp(&rank(other)),
        }
    }
}

/// What an expression is evaluated on.
pub(super) trait Fields {
    /// Every value of a property: none when the record lacks it, several when it lies in a list.
    fn fields(&self, name: &str, kind: Type) -> Vec<Field>;
    /// The elements of a list property.
    fn elements(&self, list: &str) -> Vec<Value>;
}

pub(super) fn holds(expression: &Expression, record: &impl Fields) -> bool {
    let mut parts = expression
        .conditions
        .iter()
        .map(|condition| condition_holds(condition, &record.fields(&condition.name, condition.kind)))
        .chain(expression.nested.iter().map(|nested| {
            record
                .elements(&nested.list)
                .iter()
                .any(|element| nested.conditions.iter().all(|c| condition_holds(c, &walk(element, &c.name, c.kind))))
        }))
        .chain(expression.inner.iter().map(|inner| holds(inner, record)));
    if expression.any { parts.any(|part| part) } else { parts.all(|part| part) }
}

/// `NotEquals` holds on a record without the property; every other comparison needs one value that meets it.
fn condition_holds(condition: &Condition, fields: &[Field]) -> bool {
    match condition.operator {
        Operator::Exists => !fields.is_empty(),
        Operator::NotExists => fields.is_empty(),
        Operator::NotEquals => !fields.iter().any(|field| equals(field, &condition.operand)),
        operator => fields.iter().any(|field| meets(field, operator, &condition.operand)),
    }
}

fn meets(field: &Field, operator: Operator, operand: &Operand) -> bool {
    let is = |wanted: &[Ordering]| order(field, operand).is_some_and(|order| wanted.contains(&order));
    match operator {
        Operator::GreaterThan => is(&[Ordering::Greater]),
        Operator::GreaterThanOrEqualTo => is(&[Ordering::Greater, Ordering::Equal]),
        Operator::LessThan => is(&[Ordering::Less]),
        Operator::LessThanOrEqualTo => is(&[Ordering::Less, Ordering::Equal]),
        Operator::Contains => {
            matches!((field, operand), (Field::Text(text), Operand::Text(part)) if text.contains(part.as_str()))
        }
        Operator::In => match operand {
            Operand::Texts(all) => all.iter().any(|one| spelled(field) == *one),
            _ => false,
        },
        Operator::Equals | Operator::NotEquals => equals(field, operand),
        Operator::Exists | Operator::NotExists => false,
    }
}

fn spelled(field: &Field) -> String {
    match field {
        Field::Text(text) => text.clone(),
        Field::Number(number) => number.to_string(),
        Field::Time(at) => at.iso(),
        Field::Flag(flag) => flag.to_string(),
    }
}

fn equals(field: &Field, operand: &Operand) -> bool {
    order(field, operand) == Some(Ordering::Equal)
}

/// `None` when the two are of different types. Times are compared by the second, as filters are written.
fn order(field: &Field, operand: &Operand) -> Option<Ordering> {
    match (field, operand) {
        (Field::Text(a), Operand::Text(b)) => Some(a.cmp(b)),
        (Field::Number(a), Operand::Number(b)) => a.partial_cmp(b),
        (Field::Time(a), Operand::Time(b)) => Some(a.secs().cmp(&b.secs())),
        (Field::Flag(a), Operand::Flag(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Follows a dotted path through members and lists.
pub(super) fn walk(value: &Value, path: &str, kind: Type) -> Vec<Field> {
    let mut at = vec![value];
    for part in path.split('.') {
        at = at.into_iter().flat_map(flat).filter_map(|value| value.get(part)).collect();
    }
    at.into_iter().flat_map(flat).filter_map(|value| Field::read(value, kind)).collect()
}

fn flat(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        other => vec![other],
    }
}

/// The elements of a list at a dotted path.
pub(super) fn elements(value: &Value, path: &str) -> Vec<Value> {
    let mut at = vec![value];
    for part in path.split('.') {
        at = at.into_iter().flat_map(flat).filter_map(|value| value.get(part)).collect();
    }
    at.into_iter().flat_map(flat).cloned().collect()
}
