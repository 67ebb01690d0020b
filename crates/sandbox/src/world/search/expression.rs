//! The grammar of `SearchExpression`, checked against the kind's properties.

use mldeck_core::time::Timestamp;
use serde_json::Value;

use super::schema::{self, Type};
use crate::world::ApiError;

/// Most entries of one list, and most conditions of the whole tree.
const LIST: usize = 20;
const CONDITIONS: usize = 50;
const VALUE: usize = 1_024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equals,
    NotEquals,
    GreaterThan,
    GreaterThanOrEqualTo,
    LessThan,
    LessThanOrEqualTo,
    Contains,
    Exists,
    NotExists,
    In,
}

const OPERATORS: &[(&str, Operator)] = &[
    ("Equals", Operator::Equals),
    ("NotEquals", Operator::NotEquals),
    ("GreaterThan", Operator::GreaterThan),
    ("GreaterThanOrEqualTo", Operator::GreaterThanOrEqualTo),
    ("LessThan", Operator::LessThan),
    ("LessThanOrEqualTo", Operator::LessThanOrEqualTo),
    ("Contains", Operator::Contains),
    ("Exists", Operator::Exists),
    ("NotExists", Operator::NotExists),
    ("In", Operator::In),
];

/// The right side of a condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Nothing,
    Text(String),
    Number(f64),
    Time(Timestamp),
    Flag(bool),
    Texts(Vec<String>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    pub(super) name: String,
    pub(super) kind: Type,
    pub(super) operator: Operator,
    pub(super) operand: Operand,
}

/// Conditions that must hold on the same element of a list.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Nested {
    pub(super) list: String,
    /// Names relative to the element.
    pub(super) conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Expression {
    /// One must hold, not all.
    pub(super) any: bool,
    pub(super) conditions: Vec<Condition>,
    pub(super) nested: Vec<Nested>,
    pub(super) inner: Vec<Expression>,
}

fn refuse<T>(text: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::validation(text))
}

/// Reads a whole `SearchExpression` of a request.
pub(super) fn parse(resource: &str, value: &Value) -> Result<Expression, ApiError> {
    let mut reader = Reader { resource, conditions: 0, contains: 0 };
    reader.expression(value)
}

struct Reader<'r> {
    resource: &'r str,
    /// Counted over the whole tree.
    conditions: usize,
    contains: usize,
}

impl Reader<'_> {
    fn expression(&mut self, value: &Value) -> Result<Expression, ApiError> {
        let any = match value.get("Operator").and_then(Value::as_str) {
            None | Some("And") => false,
            Some("Or") => true,
            Some(other) => {
                return refuse(format!(
                    "1 validation error detected: Value '{other}' at 'searchExpression.operator' failed to satisfy \
                     constraint: Member must satisfy enum value set: [And, Or]"
                ));
            }
        };
        let mut expression = Expression { any, ..Expression::default() };
        for filter in list(value, "Filters")? {
            expression.conditions.push(self.condition(filter, None)?);
        }
        for nested in list(value, "NestedFilters")? {
            expression.nested.push(self.nested(nested)?);
        }
        for inner in list(value, "SubExpressions")? {
            expression.inner.push(self.expression(inner)?);
        }
        if expression.conditions.is_empty() && expression.nested.is_empty() && expression.inner.is_empty() {
            return refuse("SearchExpression must contain at least one of Filters, NestedFilters, SubExpressions.");
        }
        Ok(expression)
    }

    fn nested(&mut self, value: &Value) -> Result<Nested, ApiError> {
        let Some(name) = value.get("NestedPropertyName").and_then(Value::as_str) else {
            return Err(ApiError::missing("searchExpression.nestedFilters.1.member.nestedPropertyName"));
        };
        if !schema::is_list(name) {
            return refuse(format!("Property {name} is not a nested property of resource type {}.", self.resource));
        }
        let filters = list(value, "Filters")?;
        if filters.is_empty() {
            return Err(ApiError::missing("searchExpression.nestedFilters.1.member.filters"));
        }
        let conditions = filters.iter().map(|filter| self.condition(filter, Some(name))).collect::<Result<_, _>>()?;
        Ok(Nested { list: name.to_owned(), conditions })
    }

    fn condition(&mut self, filter: &Value, list: Option<&str>) -> Result<Condition, ApiError> {
        self.conditions += 1;
        if self.conditions > CONDITIONS {
            return refuse(format!("The search expression exceeds the limit of {CONDITIONS} conditions."));
        }
        let Some(name) = filter.get("Name").and_then(Value::as_str).filter(|name| !name.is_empty()) else {
            return Err(ApiError::missing("searchExpression.filters.1.member.name"));
        };
        let Some(kind) = schema::kind(self.resource, name) else {
            return refuse(format!("Unknown property name: {name} for resource type {}.", self.resource));
        };
        let operator = self.operator(filter, name, kind)?;
        let operand = operand(filter, name, kind, operator)?;
        let name = match list {
            None => name,
            Some(list) => match name.strip_prefix(list).and_then(|rest| rest.strip_prefix('.')) {
                Some(rest) => rest,
                None => return refuse(format!("Filter name {name} must begin with the nested property name {list}.")),
            },
        };
        Ok(Condition { name: name.to_owned(), kind, operator, operand })
    }

    fn operator(&mut self, filter: &Value, name: &str, kind: Type) -> Result<Operator, ApiError> {
        let given = filter.get("Operator").and_then(Value::as_str).unwrap_or("Equals");
        let Some((_, operator)) = OPERATORS.iter().find(|(known, _)| *known == given) else {
            return refuse(format!(
                "1 validation error detected: Value '{given}' at 'searchExpression.filters.1.member.operator' failed to \
                 satisfy constraint: Member must satisfy enum value set: [{}]",
                OPERATORS.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ")
            ));
        };
        let is_order = matches!(
            operator,
            Operator::GreaterThan | Operator::GreaterThanOrEqualTo | Operator::LessThan | Operator::LessThanOrEqualTo
        );
        let is_allowed = match operator {
            Operator::Contains | Operator::In => matches!(kind, Type::Text | Type::Loose),
            _ if is_order => matches!(kind, Type::Number | Type::Time | Type::Loose),
            _ => true,
        };
        if !is_allowed {
            return refuse(format!("Operator {given} is not supported for property {name}."));
        }
        if *operator == Operator::Contains && !schema::contains_freely(name) {
            self.contains += 1;
            if self.contains > 1 {
                return refuse("'CONTAINS' operator usage limit of 1 exceeded");
            }
        }
        Ok(*operator)
    }
}

fn list<'v>(value: &'v Value, member: &str) -> Result<&'v [Value], ApiError> {
    match value.get(member) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) if (1..=LIST).contains(&items.len()) => Ok(items),
        Some(_) => refuse(format!(
            "1 validation error detected: Value at 'searchExpression.{}' failed to satisfy constraint: Member must have \
             length between 1 and {LIST}",
            crate::world::request::camel(member)
        )),
    }
}

fn operand(filter: &Value, name: &str, kind: Type, operator: Operator) -> Result<Operand, ApiError> {
    let value = filter.get("Value").and_then(Value::as_str);
    if matches!(operator, Operator::Exists | Operator::NotExists) {
        return match value {
            None => Ok(Operand::Nothing),
            Some(_) => {
                refuse(format!("Value must not be specified for operator Exists or NotExists on property {name}."))
            }
        };
    }
    let Some(text) = value.filter(|text| !text.is_empty()) else {
        return refuse(format!("Value is required for property {name}."));
    };
    if text.chars().count() > VALUE {
        return refuse(format!("Value of property {name} must have length less than or equal to {VALUE}."));
    }
    let wrong =
        |what: &str| ApiError::validation(format!("Invalid value '{text}' for property {name}: {what} expected."));
    let number = || text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let is_order = !matches!(operator, Operator::Equals | Operator::NotEquals | Operator::Contains | Operator::In);
    Ok(match (operator, kind) {
        (Operator::In, _) => Operand::Texts(text.split(',').map(|part| part.trim().to_owned()).collect()),
        (Operator::Contains, _) | (_, Type::Text) => Operand::Text(text.to_owned()),
        (_, Type::Number) => Operand::Number(number().ok_or_else(|| wrong("a number"))?),
        (_, Type::Time) => {
            Operand::Time(Timestamp::parse(text).ok_or_else(|| wrong("a time as YYYY-MM-DDTHH:MM:SSZ"))?)
        }
        (_, Type::Flag) => Operand::Flag(text.parse().map_err(|_| wrong("true or false"))?),
        (_, Type::Loose) if is_order => Operand::Number(number().ok_or_else(|| wrong("a number"))?),
        (_, Type::Loose) => number().map_or_else(|| Operand::Text(text.to_owned()), Operand::Number),
    })
}
