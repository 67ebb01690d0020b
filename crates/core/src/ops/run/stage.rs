//! Where a deployment is, as the variants' statuses tell it.

use serde::{Deserialize, Serialize};

use crate::{
    resource::{
        Endpoint,
        endpoint::{Details, EndpointStatus, Variant},
    },
    text::Text,
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// AWS took the call; nothing shows yet.
    Accepted,
    /// New instances are starting.
    Creating,
    /// Traffic moves to the new fleet.
    ActivatingTraffic,
    /// Both fleets stand; alarms decide.
    Baking,
    /// The old fleet is being terminated: nothing can be stopped any more.
    Deleting,
    /// A change without stages, or one between two.
    Updating,
    /// AWS takes it back.
    RollingBack,
    Other(Text),
}

impl Stage {
    pub fn sentence(&self) -> String {
        match self {
            Self::Accepted => "accepted; waiting for AWS to begin".to_owned(),
            Self::Creating => "new instances are starting".to_owned(),
            Self::ActivatingTraffic => "traffic moves to the new fleet".to_owned(),
            Self::Baking => "baking: both fleets stand, alarms decide".to_owned(),
            Self::Deleting => "a fleet is being terminated".to_owned(),
            Self::Updating => "updating".to_owned(),
            Self::RollingBack => "AWS takes it back".to_owned(),
            Self::Other(word) => format!("stage {word}"),
        }
    }

    /// Whether an alarm that trips now, or holds until the bake, still takes the deployment back.
    pub const fn is_stoppable(&self) -> bool {
        matches!(self, Self::Accepted | Self::Creating | Self::ActivatingTraffic | Self::Baking | Self::Updating)
    }

    fn parse(word: &Text) -> Self {
        match word.as_str() {
            "Creating" => Self::Creating,
            "ActivatingTraffic" => Self::ActivatingTraffic,
            "Baking" => Self::Baking,
            "Deleting" => Self::Deleting,
            "Updating" => Self::Updating,
            "RollingBack" => Self::RollingBack,
            _ => Self::Other(word.clone()),
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Accepted => 0,
            Self::Updating | Self::Other(_) => 1,
            Self::Creating => 2,
            Self::ActivatingTraffic => 3,
            Self::Baking => 4,
            Self::Deleting => 5,
            Self::RollingBack => 6,
        }
    }
}

/// The stage of a deployment in flight; `None` when nothing is in flight. Of several variants the one that is furthest.
pub fn stage_of(endpoint: &Endpoint, details: &Details) -> Option<Stage> {
    match endpoint.status {
        EndpointStatus::RollingBack => return Some(Stage::RollingBack),
        EndpointStatus::Updating => {}
        _ => return None,
    }
    let furthest = |variants: &[Variant]| {
        variants.iter().flat_map(|v| &v.stages).map(|stage| Stage::parse(&stage.status)).max_by_key(Stage::rank)
    };
    let pending = details.pending.as_ref().and_then(|pending| furthest(&pending.variants));
    Some(pending.or_else(|| furthest(&details.variants)).unwrap_or(Stage::Updating))
}
