//! Forms whose fields are known before anything is read.

use mldeck_core::{
    ops::{call::ShadowTest, intent::Change},
    text::Text,
};

use super::Entry;
use crate::app::field::Field;

/// Share of the calls that a shadow gets copies of where nobody says otherwise, per cent: as on the command line.
pub const SHARE: u8 = 10;

/// What is to be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blank {
    /// A model gets copies of the calls of this endpoint.
    Shadow { endpoint: Text },
    /// People are asked by this flow definition.
    Review { flow: Text },
}

impl Blank {
    pub(super) fn title(&self) -> String {
        match self {
            Self::Shadow { endpoint } => format!("A shadow test on {endpoint}"),
            Self::Review { flow } => format!("Ask people by {flow}"),
        }
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        let entry = |label: &str, value: &str, hint: &str| Entry {
            label: label.to_owned(),
            field: Field::new(value),
            hint: hint.to_owned(),
        };
        match self {
            Self::Shadow { .. } => vec![
                entry("model", "", "name of a model, or ARN of an Approved version; it answers nobody"),
                entry("share", &SHARE.to_string(), "per cent of the calls that it gets copies of"),
                entry("instance type", "", "empty: as the variant that answers has"),
                entry("instances", "", "empty: as many as answer now"),
                entry("role", "", "ARN; empty: the model's own"),
            ],
            Self::Review { .. } => vec![entry("question", "", "JSON, as the page of the flow wants it")],
        }
    }

    /// The change that these fields ask for, or what is wrong with one of them.
    pub(super) fn intent(&self, typed: &[&str]) -> Result<Change, String> {
        let field = |at: usize| typed.get(at).copied().unwrap_or_default().trim();
        let given = |at: usize| (!field(at).is_empty()).then(|| Text::new(field(at)));
        match self {
            Self::Shadow { endpoint } => {
                let share: u8 = field(1).trim_end_matches('%').trim().parse().unwrap_or(0);
                if !(1..=100).contains(&share) {
                    return Err("The share is a whole number of per cent, 1 to 100.".to_owned());
                }
                let count = match field(3) {
                    "" => None,
                    text => Some(text.parse().map_err(|_| "instances is no whole number.".to_owned())?),
                };
                Ok(Change::TestShadow(ShadowTest {
                    endpoint: endpoint.clone(),
                    model: given(0).ok_or("Which model is to get the copies?")?,
                    share,
                    instance_type: given(2),
                    instance_count: count,
                    role: given(4),
                }))
            }
            Self::Review { flow } => {
                let input = given(0).ok_or("What are they to be asked about? A JSON document is missing.")?;
                Ok(Change::StartReview { flow: flow.clone(), input })
            }
        }
    }
}
