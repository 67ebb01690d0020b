//! CloudTrail as a witness: late, unordered, limited to 90 days, and full of calls that were refused.

use super::walk::{Set, Walk};
use crate::{
    ask::TrailEvent,
    resource::{Endpoint, endpoint::Details},
    text::Text,
    time::MINUTE,
};

/// The clocks of CloudTrail and of DescribeEndpoint may differ by this much around a creation.
const CREATION_SLACK: i64 = 10 * MINUTE;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reading {
    /// The newest accepted change set what is live.
    Explained { walk: Walk },
    /// Something else is live than the trail leads to: it is late, or the change was made another way.
    Incomplete {
        why: String,
        /// What the trail knows as the newest.
        hint: Option<Text>,
        walk: Walk,
    },
    /// Not one accepted change of this endpoint.
    Silent,
}

/// Reads the events of one endpoint; those of others, refused ones and duplicates change nothing.
pub(super) fn read_trail(events: &[TrailEvent], endpoint: &Endpoint, details: &Details) -> Reading {
    let mut seen: Vec<&Text> = Vec::new();
    let mut accepted: Vec<(&TrailEvent, &Text)> = Vec::new();
    // Newest first as delivered: reversed, so that a stable sort keeps that order within one second.
    for event in events.iter().rev() {
        let sets = matches!(event.name.as_str(), "UpdateEndpoint" | "CreateEndpoint");
        let here = event.endpoint == endpoint.name && event.at.plus(CREATION_SLACK) >= endpoint.created;
        let (true, true, None, Some(config)) = (sets, here, &event.error, &event.config) else { continue };
        if !event.event_id.is_empty() {
            if seen.contains(&&event.event_id) {
                continue;
            }
            seen.push(&event.event_id);
        }
        accepted.push((event, config));
    }
    accepted.sort_by_key(|(event, _)| event.at);
    explain(&accepted, details)
}

fn walked(accepted: &[(&TrailEvent, &Text)]) -> Walk {
    let mut walk = Walk::default();
    for (event, config) in accepted {
        if event.name == "CreateEndpoint" {
            walk.restart();
        }
        walk.set(Set { at: event.at, config: (*config).clone(), by: event.by.clone() });
    }
    walk
}

fn explain(accepted: &[(&TrailEvent, &Text)], details: &Details) -> Reading {
    let Some((newest, newest_config)) = accepted.last() else { return Reading::Silent };
    let sets_live = |config: &Text| *config == details.config;
    if sets_live(newest_config) {
        return Reading::Explained { walk: walked(accepted) };
    }
    let deploying = details.pending.as_ref().is_some_and(|pending| pending.config == **newest_config);
    if let [settled @ .., _] = accepted
        && deploying
        && settled.last().is_some_and(|(_, config)| sets_live(config))
    {
        return Reading::Explained { walk: walked(settled) };
    }
    // A deployment that AWS took back leaves a FailureReason and the config from before.
    if details.failure.is_some()
        && !deploying
        && let Some(last_good) = accepted.iter().rposition(|(_, config)| sets_live(config))
    {
        let mut walk = walked(&accepted[..=last_good]);
        for (event, config) in &accepted[last_good + 1..] {
            walk.took_back((*config).clone(), event.at);
        }
        return Reading::Explained { walk };
    }
    let why = format!(
        "the newest change CloudTrail shows set {newest_config} at {} ({}), but {} is live; it may be up to 15 min late",
        newest.at.full(),
        newest.by,
        details.config
    );
    Reading::Incomplete { why, hint: Some((*newest_config).clone()), walk: walked(accepted) }
}
