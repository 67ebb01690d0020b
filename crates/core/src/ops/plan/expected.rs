//! The facts a plan stands on, and what differs when somebody else was faster.

use serde::{Deserialize, Serialize};

use crate::{
    ops::target::{Seen, Sight},
    resource::{
        Endpoint,
        endpoint::{Details, EndpointStatus},
    },
    text::Text,
    time::Timestamp,
};

/// Weights arrive as 32-bit fractions.
pub(in crate::ops) const SAME_WEIGHT: f64 = 1e-5;

/// The facts that a plan stands on, of whatever it changes: read again and compared right before the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Basis {
    Endpoint(Expected),
    /// Members of the description, by JSON pointer.
    Thing(Vec<(Text, Text)>),
    /// Nothing has the name yet of what is to be made. `latest` is what was made last under such a name: another one after
    /// it is another plan.
    Absent {
        latest: Text,
    },
}

impl Basis {
    /// These members of what was seen.
    pub(in crate::ops) fn of(sight: &Sight, pointers: &[&str]) -> Self {
        Self::Thing(pointers.iter().map(|pointer| (Text::new(pointer), sight.fact(pointer))).collect())
    }

    pub const fn endpoint(&self) -> Option<&Expected> {
        match self {
            Self::Endpoint(expected) => Some(expected),
            Self::Thing(_) | Self::Absent { .. } => None,
        }
    }

    /// What is different now and matters; empty when the plan still holds. `yours` is what the plan makes of it.
    pub fn differences(&self, seen: &Seen, yours: &Text) -> Vec<Difference> {
        let gone = |what: &str| Difference {
            field: what.to_owned(),
            planned: "there".to_owned(),
            now: "gone".to_owned(),
            yours: yours.to_string(),
        };
        match (self, seen) {
            (Self::Endpoint(expected), Seen::Endpoint(endpoint)) => match &endpoint.details {
                Some(details) => expected.differences(&Expected::of(endpoint, details), yours),
                None => vec![gone("details")],
            },
            (Self::Thing(facts), Seen::Thing(sight)) => facts
                .iter()
                .filter_map(|(pointer, planned)| {
                    let now = sight.fact(&pointer.raw());
                    (now != *planned).then(|| Difference {
                        field: pointer.as_str().trim_start_matches('/').to_owned(),
                        planned: planned.to_string(),
                        now: now.to_string(),
                        yours: yours.to_string(),
                    })
                })
                .collect(),
            (Self::Absent { .. }, Seen::Gone) => Vec::new(),
            (Self::Absent { .. }, _) => vec![Difference {
                field: "its name".to_owned(),
                planned: "free".to_owned(),
                now: "taken".to_owned(),
                yours: yours.to_string(),
            }],
            _ => vec![gone("it")],
        }
    }

    /// What moved and does not matter: it is said, and the change goes on.
    pub fn flaps(&self, seen: &Seen) -> Vec<Difference> {
        match (self, seen) {
            (Self::Endpoint(expected), Seen::Endpoint(endpoint)) => endpoint
                .details
                .as_ref()
                .map(|details| expected.flaps(&Expected::of(endpoint, details)))
                .unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// For the digest: what flaps is no part of it, and the time of the last change only where it is asked for.
    pub(super) fn substance(&self, with_time: bool) -> Self {
        let mut out = self.clone();
        if let Self::Endpoint(expected) = &mut out {
            if !with_time {
                expected.modified = Timestamp::default();
            }
            for variant in &mut expected.variants {
                variant.current_weight = None;
                if !expected.counts_matter {
                    (variant.current_count, variant.desired_count) = (None, None);
                }
            }
        }
        out
    }
}

/// The state of the endpoint that a plan was made on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    pub config: Text,
    pub status: EndpointStatus,
    pub modified: Timestamp,
    pub failure: Option<Text>,
    /// The config that was being deployed.
    pub pending: Option<Text>,
    pub variants: Vec<ExpectedVariant>,
    /// The plan sets counts: a count that moved meanwhile is autoscaling's newer word.
    pub counts_matter: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpectedVariant {
    pub name: Text,
    pub current_count: Option<i64>,
    pub desired_count: Option<i64>,
    pub current_weight: Option<f64>,
    pub desired_weight: Option<f64>,
}

/// One line of the three columns: planned, now, yours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub field: String,
    pub planned: String,
    pub now: String,
    /// What this plan would have made of it.
    pub yours: String,
}

impl Expected {
    pub fn of(endpoint: &Endpoint, details: &Details) -> Self {
        let variants = details
            .variants
            .iter()
            .map(|v| ExpectedVariant {
                name: v.name.clone(),
                current_count: v.current_count,
                desired_count: v.desired_count,
                current_weight: v.current_weight,
                desired_weight: v.desired_weight,
            })
            .collect();
        Self {
            config: details.config.clone(),
            status: endpoint.status.clone(),
            modified: endpoint.modified,
            failure: details.failure.clone(),
            pending: details.pending.as_ref().map(|pending| pending.config.clone()),
            variants,
            counts_matter: false,
        }
    }

    #[must_use]
    pub(in crate::ops) const fn with_counts(mut self) -> Self {
        self.counts_matter = true;
        self
    }

    /// What is different now and matters; empty when the plan still holds. `requested` is the config the plan asks for.
    pub fn differences(&self, now: &Self, requested: &Text) -> Vec<Difference> {
        let mut out = Vec::new();
        let mut differ = |field: String, planned: String, now: String, yours: String| {
            out.push(Difference { field, planned, now, yours });
        };
        let kept = || "kept".to_owned();
        if self.config != now.config {
            differ("endpoint config".into(), self.config.to_string(), now.config.to_string(), requested.to_string());
        }
        if self.status != now.status {
            let (planned, seen) = (self.status.as_str().to_owned(), now.status.as_str().to_owned());
            differ("status".into(), planned, seen, "InService".into());
        }
        if self.pending != now.pending {
            let word = |pending: &Option<Text>| pending.as_ref().map_or_else(|| "none".to_owned(), Text::to_string);
            differ("deployment".into(), word(&self.pending), word(&now.pending), requested.to_string());
        }
        for old in &self.variants {
            let Some(new) = now.variants.iter().find(|v| v.name == old.name) else {
                differ(format!("variant {}", old.name), "there".into(), "gone".into(), kept());
                continue;
            };
            if self.counts_matter && old.desired_count != new.desired_count {
                differ(format!("instances of {}", old.name), count(old), count(new), "set by you".into());
            }
            if !same(old.desired_weight, new.desired_weight) {
                differ(format!("weight of {}", old.name), weight(old), weight(new), kept());
            }
        }
        for new in now.variants.iter().filter(|new| !self.variants.iter().any(|old| old.name == new.name)) {
            differ(format!("variant {}", new.name), "not there".into(), "there".into(), kept());
        }
        if self.failure != now.failure {
            let word = |failure: &Option<Text>| failure.as_ref().map_or_else(|| "none".to_owned(), Text::to_string);
            differ("failure".into(), word(&self.failure), word(&now.failure), "–".into());
        }
        out
    }

    /// What moved by itself: counts that autoscaling sets, and with them the time of the last change.
    pub fn flaps(&self, now: &Self) -> Vec<Difference> {
        let both =
            self.variants.iter().filter_map(|old| Some((old, now.variants.iter().find(|v| v.name == old.name)?)));
        both.filter(|(old, new)| !self.counts_matter && old.desired_count != new.desired_count)
            .map(|(old, new)| Difference {
                field: format!("instances of {}", old.name),
                planned: count(old),
                now: count(new),
                yours: "as they are".to_owned(),
            })
            .collect()
    }
}

fn same(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= SAME_WEIGHT,
        (None, None) => true,
        _ => false,
    }
}

fn count(variant: &ExpectedVariant) -> String {
    let n = |n: Option<i64>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
    format!("{} (wanted {})", n(variant.current_count), n(variant.desired_count))
}

fn weight(variant: &ExpectedVariant) -> String {
    let w = |w: Option<f64>| w.map_or_else(|| "?".to_owned(), |w| w.to_string());
    format!("{} (wanted {})", w(variant.current_weight), w(variant.desired_weight))
}
