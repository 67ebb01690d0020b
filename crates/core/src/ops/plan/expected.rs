//! The facts a plan stands on, and what differs when somebody else was faster.

use serde::{Deserialize, Serialize};

use crate::{
    resource::{
        Endpoint,
        endpoint::{Details, EndpointStatus},
    },
    text::Text,
    time::Timestamp,
};

/// Weights arrive as 32-bit fractions.
pub(in crate::ops) const SAME_WEIGHT: f64 = 1e-5;

/// The state of the endpoint that a plan was made on: compared as a whole right before the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    pub config: Text,
    pub status: EndpointStatus,
    pub modified: Timestamp,
    pub failure: Option<Text>,
    pub variants: Vec<ExpectedVariant>,
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
            variants,
        }
    }

    /// What is different now; empty when the plan still holds. `requested` is the config the plan asks for.
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
        for old in &self.variants {
            let Some(new) = now.variants.iter().find(|v| v.name == old.name) else {
                differ(format!("variant {}", old.name), "there".into(), "gone".into(), kept());
                continue;
            };
            let counts = (old.current_count, old.desired_count) == (new.current_count, new.desired_count);
            if !counts {
                differ(format!("instances of {}", old.name), count(old), count(new), kept());
            }
            let weights = same(old.current_weight, new.current_weight) && same(old.desired_weight, new.desired_weight);
            if !weights {
                differ(format!("weight of {}", old.name), weight(old), weight(new), kept());
            }
        }
        for new in now.variants.iter().filter(|new| !self.variants.iter().any(|old| old.name == new.name)) {
            differ(format!("variant {}", new.name), "not there".into(), "there".into(), kept());
        }
        // Last: any change moves it, and the lines above say more.
        if self.modified != now.modified {
            differ("last modified".into(), self.modified.full(), now.modified.full(), "–".into());
        }
        out
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
