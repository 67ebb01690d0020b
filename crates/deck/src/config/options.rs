//! The settings themselves: one struct, one row of the table per setting. The defaults, the schema, the environment
//! names and what a diagnostic allows are read from here.

use mldeck_core::{ops::intent::Class, text::Text};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Value, json};

/// How the end of a watched operation is announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notifications {
    #[default]
    Off,
    /// The floor that every terminal has.
    Bell,
    /// One line of text; the widest support.
    Osc9,
    /// A title and a line.
    Osc777,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Account {
    #[serde(deserialize_with = "digits")]
    pub id: Text,
    #[serde(deserialize_with = "class")]
    pub class: Class,
    /// For the header; the account's digits when it is empty.
    #[serde(default)]
    pub name: Text,
}

/// The table by which several hosts that operate one account share a lock and a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Team {
    /// Its name, in the account and region that are operated.
    #[serde(deserialize_with = "table")]
    pub table: Text,
    /// What this host is called there; its own name where it is left out.
    #[serde(default)]
    pub host: Option<Text>,
}

/// As DynamoDB names tables; anything else is refused here, where the file and line can be said.
fn table<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
    let name = String::deserialize(deserializer)?;
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if plain && (3..=255).contains(&name.len()) {
        Ok(Text::new(&name))
    } else {
        Err(de::Error::custom("a table has 3 to 255 letters, digits, '-', '_' and '.'"))
    }
}

/// 12 digits; a number would lose leading zeros.
fn digits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
    let id = String::deserialize(deserializer)?;
    if id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()) {
        Ok(Text::new(&id))
    } else {
        Err(de::Error::custom("an account id has 12 digits, in quotes"))
    }
}

/// The journal spells classes in its own way, so a file's are read here.
fn class<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Class, D::Error> {
    let word = String::deserialize(deserializer)?;
    let found = Class::ALL.into_iter().find(|class| class.word() == word);
    found.ok_or_else(|| de::Error::custom(format!("no such class: {word:?}")))
}

/// What one source sets: a file, the environment, the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Overrides {
    pub theme: Option<String>,
    pub keys: Option<String>,
    pub read_only: Option<bool>,
    pub clipboard: Option<bool>,
    pub notifications: Option<Notifications>,
    pub endpoint_url: Option<String>,
    pub accounts: Option<Vec<Account>>,
    pub team: Option<Team>,
    pub bulk_in_production: Option<usize>,
}

impl Overrides {
    /// What `other` sets wins.
    pub(super) fn lay(&mut self, other: Self) {
        fn take<T>(place: &mut Option<T>, value: Option<T>) {
            if value.is_some() {
                *place = value;
            }
        }
        take(&mut self.theme, other.theme);
        take(&mut self.keys, other.keys);
        take(&mut self.clipboard, other.clipboard);
        take(&mut self.notifications, other.notifications);
        take(&mut self.endpoint_url, other.endpoint_url);
        take(&mut self.accounts, other.accounts);
        take(&mut self.team, other.team);
        take(&mut self.bulk_in_production, other.bulk_in_production);
        // Once read-only, always: no later source may loosen it.
        self.read_only = match (self.read_only, other.read_only) {
            (Some(a), Some(b)) => Some(a || b),
            (a, b) => a.or(b),
        };
    }
}

/// One setting, for the schema, the environment and diagnostics.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    pub(super) shape: Shape,
}

#[derive(Clone, Copy)]
pub(super) enum Shape {
    Text,
    Flag,
    OneOf(&'static [&'static str]),
    /// A whole number from 0 on.
    Count,
    Accounts,
    Team,
}

pub(super) const SETTINGS: &[Setting] = &[
    Setting { name: "theme", doc: "Colours: a built-in theme or a file in themes/", shape: Shape::Text },
    Setting { name: "keys", doc: "Preset of keys below keys.toml", shape: Shape::OneOf(&["default", "k9s"]) },
    Setting { name: "read-only", doc: "Nothing can be changed; no source can take it back", shape: Shape::Flag },
    Setting { name: "clipboard", doc: "Copying to the terminal's clipboard (OSC 52)", shape: Shape::Flag },
    Setting {
        name: "notifications",
        doc: "How the end of a watched operation is announced",
        shape: Shape::OneOf(&["off", "bell", "osc9", "osc777"]),
    },
    Setting {
        name: "bulk-in-production",
        doc: "How many things one confirmation may change in production",
        shape: Shape::Count,
    },
    Setting { name: "endpoint-url", doc: "Another address for every AWS call", shape: Shape::Text },
    Setting {
        name: "accounts",
        doc: "What an account is for; one that is not named is production",
        shape: Shape::Accounts,
    },
    Setting {
        name: "team",
        doc: "A DynamoDB table by which several hosts share a lock and a ledger",
        shape: Shape::Team,
    },
];

impl Setting {
    /// `MLDECK_READ_ONLY`; accounts and the team are set in a file only.
    pub(super) fn variable(&self) -> Option<String> {
        (!matches!(self.shape, Shape::Accounts | Shape::Team))
            .then(|| format!("MLDECK_{}", self.name.to_ascii_uppercase().replace('-', "_")))
    }

    fn schema(&self) -> Value {
        let mut schema = match self.shape {
            Shape::Text => json!({"type": "string"}),
            Shape::Flag => json!({"type": "boolean"}),
            Shape::Count => json!({"type": "integer", "minimum": 0}),
            Shape::OneOf(names) => json!({"enum": names}),
            Shape::Accounts => json!({"type": "array", "items": {
                "type": "object",
                "required": ["id", "class"],
                "additionalProperties": false,
                "properties": {
                    "id": {"type": "string", "pattern": "^[0-9]{12}$"},
                    "class": {"enum": Class::ALL.map(Class::word)},
                    "name": {"type": "string"},
                },
            }}),
            Shape::Team => json!({
                "type": "object",
                "required": ["table"],
                "additionalProperties": false,
                "properties": {
                    "table": {"type": "string", "pattern": "^[a-zA-Z0-9_.-]{3,255}$"},
                    "host": {"type": "string"},
                },
            }),
        };
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".to_owned(), self.doc.into());
        }
        schema
    }
}

/// JSON Schema of `config.toml`, for editors.
pub fn schema() -> Value {
    let properties: serde_json::Map<String, Value> =
        SETTINGS.iter().map(|setting| (setting.name.to_owned(), setting.schema())).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mldeck config.toml",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}
