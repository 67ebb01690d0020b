//! The kinds of things mldeck knows. A kind is one file here, its name in `resources!`, one mapping in the gateway and
//! one handler in the sandbox; the compiler asks for each of them.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    column::{Cell, Column, Now, Value},
    health::Health,
    text::Text,
};

pub mod alarm;
pub mod endpoint;
pub mod execution;
pub mod job;
pub mod model_package;
pub mod monitor;
pub mod operation;
pub mod run;

pub use alarm::Alarm;
pub use endpoint::Endpoint;
pub use execution::Execution;
pub use job::Job;
pub use model_package::ModelPackage;
pub use monitor::Monitor;
pub use operation::Operation;
pub use run::Run;

/// A row of a table: it describes itself, the pane supplies all behaviour.
pub trait Resource: Clone + PartialEq + std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    const KIND: Kind;
    const COLUMNS: &'static [Column<Self>];

    /// Unique within scope and kind, and stable over refreshes.
    fn name(&self) -> &Text;

    fn health(&self) -> Health;

    /// Label and value pairs for the describe view, in sections.
    fn facts(&self, now: Now) -> Vec<Section>;

    /// A field that is no column: a metric, a parameter, a tag. `Missing` when there is none of that name.
    fn field(&self, _name: &str) -> Value<'_> {
        Value::Missing
    }

    /// Names of fields that may be shown as additional columns (metrics of runs).
    fn field_names(&self) -> Vec<&str> {
        Vec::new()
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    pub title: String,
    pub facts: Vec<Fact>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    pub label: String,
    pub value: Cell<'static>,
}

impl Section {
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), facts: Vec::new() }
    }

    #[must_use]
    pub fn with<'a>(mut self, label: impl Into<String>, value: impl Into<Cell<'a>>) -> Self {
        self.facts.push(Fact { label: label.into(), value: value.into().into_owned() });
        self
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

macro_rules! resources {
    ($($kind:ident: $singular:literal, $plural:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Kind { $($kind,)* }

        impl Kind {
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// `endpoint`
            pub const fn singular(self) -> &'static str {
                match self { $(Self::$kind => $singular,)* }
            }

            /// `endpoints`: as `mldeck get` and `:` take it.
            pub const fn plural(self) -> &'static str {
                match self { $(Self::$kind => $plural,)* }
            }

            /// Singular, plural, any case.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| {
                    word.eq_ignore_ascii_case(kind.singular()) || word.eq_ignore_ascii_case(kind.plural())
                })
            }
        }

        /// Rows of one kind.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum Rows { $($kind(Vec<$kind>),)* }

        impl Rows {
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)* }
            }

            pub fn len(&self) -> usize {
                match self { $(Self::$kind(rows) => rows.len(),)* }
            }

            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Puts what is in trouble first; rows of equal health keep their order.
            pub fn sort_by_health(&mut self) {
                match self { $(Self::$kind(rows) => rows.sort_by_cached_key(Resource::health),)* }
            }
        }

        $(impl From<Vec<$kind>> for Rows {
            fn from(rows: Vec<$kind>) -> Self {
                Self::$kind(rows)
            }
        })*
    };
}

resources! {
    Endpoint: "endpoint", "endpoints";
    Execution: "execution", "executions";
    Run: "run", "runs";
    ModelPackage: "version", "versions";
    Monitor: "monitor", "monitors";
    Job: "job", "jobs";
    Alarm: "alarm", "alarms";
    Operation: "operation", "operations";
}

/// Runs `$body` with `$rows` bound to the rows of whichever kind it is: how code over all kinds stays one line.
#[macro_export]
macro_rules! each_rows {
    ($value:expr, $rows:ident => $body:expr) => {
        match $value {
            $crate::resource::Rows::Endpoint($rows) => $body,
            $crate::resource::Rows::Execution($rows) => $body,
            $crate::resource::Rows::Run($rows) => $body,
            $crate::resource::Rows::ModelPackage($rows) => $body,
            $crate::resource::Rows::Monitor($rows) => $body,
            $crate::resource::Rows::Job($rows) => $body,
            $crate::resource::Rows::Alarm($rows) => $body,
            $crate::resource::Rows::Operation($rows) => $body,
        }
    };
}
