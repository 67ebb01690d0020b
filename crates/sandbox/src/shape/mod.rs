//! What SageMaker's operations take and give, as the service's own model tells: `model/sagemaker.txt`, one line for an
//! operation or a shape. `tests/peers/model.py` writes that file out of botocore's model and says how a line reads.
//!
//! [`check()`] holds a request against it, as SageMaker does before it looks at anything else; [`restrict`] leaves of a record
//! what an answer may carry.

mod check;

use std::{collections::HashMap, sync::OnceLock};

use serde_json::{Map, Value};

pub(crate) use check::check;

/// As `build.rs` packs them.
const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/facts"));

/// The facts, unpacked when first asked for: a deck on AWS never does.
fn facts() -> &'static str {
    static FACTS: OnceLock<String> = OnceLock::new();
    // What was packed here is unpacked; without facts every request would fit, and the tests of this module fail.
    let unpacked = || miniz_oxide::inflate::decompress_to_vec(PACKED).unwrap_or_default();
    FACTS.get_or_init(|| String::from_utf8(unpacked()).unwrap_or_default())
}

/// What an operation takes and gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Operation {
    pub(crate) input: Shape,
    pub(crate) output: Shape,
    errors: &'static str,
}

impl Operation {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut fields = index().operations.get(name)?.split('\t');
        let mut shape = || Shape::named(fields.next().unwrap_or_default());
        let (input, output) = (shape(), shape());
        Some(Self { input, output, errors: fields.next().unwrap_or_default() })
    }

    /// True when the service names this error for the operation.
    pub(crate) fn may_fail_with(self, code: &str) -> bool {
        self.errors.split(',').any(|error| error == code)
    }
}

/// The shape of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    Struct(Members),
    List {
        of: &'static str,
        size: Bounds,
    },
    Map {
        key: &'static str,
        value: &'static str,
        size: Bounds,
    },
    /// The words between bars.
    Enum(&'static str),
    Text {
        size: Bounds,
        pattern: &'static str,
    },
    /// An `integer` of the model: 32 bits, more is not read.
    Whole(Bounds),
    Long(Bounds),
    Float(Bounds),
    Moment,
    Flag,
    Blob,
    /// Nothing is sent, or nothing is known: everything fits.
    Any,
}

/// Least and most, where there is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    least: Option<f64>,
    most: Option<f64>,
}

/// The members of a structure, as they are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Members(&'static str);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) shape: &'static str,
    pub(crate) is_required: bool,
}

impl Members {
    pub(crate) fn iter(self) -> impl Iterator<Item = Member> {
        self.0.split('\t').filter_map(|field| {
            let (name, shape) = field.split_once(':')?;
            let is_required = name.ends_with('!');
            Some(Member { name: name.trim_end_matches('!'), shape, is_required })
        })
    }

    pub(crate) fn get(self, name: &str) -> Option<Member> {
        self.iter().find(|member| member.name == name)
    }
}

impl Shape {
    pub(crate) fn named(name: &str) -> Self {
        let Some(line) = index().shapes.get(name) else { return Self::Any };
        let (kind, rest) = line.split_once('\t').unwrap_or((line, ""));
        let mut fields = rest.split('\t');
        let mut next = || fields.next().unwrap_or_default();
        match kind {
            "struct" => Self::Struct(Members(rest)),
            "list" => Self::List { of: next(), size: bounds(next()) },
            "map" => Self::Map { key: next(), value: next(), size: bounds(next()) },
            "enum" => Self::Enum(next()),
            "string" => Self::Text { size: bounds(next()), pattern: next() },
            "integer" => Self::Whole(bounds(next())),
            "long" => Self::Long(bounds(next())),
            "float" | "double" => Self::Float(bounds(next())),
            "timestamp" => Self::Moment,
            "boolean" => Self::Flag,
            "blob" => Self::Blob,
            _ => Self::Any,
        }
    }

    /// The members of a structure; none of anything else.
    pub(crate) fn members(self) -> Members {
        match self {
            Self::Struct(members) => members,
            _ => Members(""),
        }
    }
}

fn bounds(text: &str) -> Bounds {
    let (least, most) = text.split_once("..").unwrap_or(("", ""));
    Bounds { least: least.parse().ok(), most: most.parse().ok() }
}

/// The members of `record` that `members` knows.
pub(crate) fn restrict(record: &Map<String, Value>, members: Members) -> Map<String, Value> {
    let known = members.iter().filter_map(|member| {
        let value = record.get(member.name).filter(|value| !value.is_null())?;
        Some((member.name.to_owned(), value.clone()))
    });
    known.collect()
}

struct Index {
    operations: HashMap<&'static str, &'static str>,
    shapes: HashMap<&'static str, &'static str>,
}

fn index() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| {
        let mut index = Index { operations: HashMap::new(), shapes: HashMap::new() };
        for (name, rest) in facts().lines().filter_map(|line| line.split_once('\t')) {
            match name.strip_prefix('@') {
                Some(operation) => index.operations.insert(operation, rest),
                None => index.shapes.insert(name, rest),
            };
        }
        index
    })
}

#[cfg(test)]
mod tests;
