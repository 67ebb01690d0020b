//! Work teams as people: how many, when they work.

use mldeck_core::time::{DAY, HOUR, Timestamp};
use serde_json::Value;

use crate::world::{World, noise, shelf::kind::text};

/// The people behind a work team's ARN. Nobody, by default.
#[derive(Clone, Debug, Default)]
pub(in crate::world::shelf) struct Crew {
    /// The last part of the ARN.
    pub(in crate::world::shelf) name: String,
    pub(in crate::world::shelf) force: String,
    pub(in crate::world::shelf) arn: String,
    sort: Sort,
    members: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sort {
    #[default]
    Private,
    Vendor,
    Public,
}

/// People of a vendor's team, and those of Mechanical Turk who look at a task.
const VENDOR: u32 = 12;
const PUBLIC: u32 = 60;

impl Crew {
    /// `None`: a private team that is not there.
    pub(in crate::world::shelf) fn of(world: &World, arn: &str) -> Option<Self> {
        let name = arn.rsplit('/').next()?.to_owned();
        let (sort, force, members) = match arn.rsplit('/').nth(1)? {
            "public-crowd" => (Sort::Public, "public-crowd".to_owned(), PUBLIC),
            "vendor-crowd" => (Sort::Vendor, "vendor-crowd".to_owned(), VENDOR),
            _ => {
                let team = world.shelved("Workteam", arn).filter(|team| team.arn.eq_ignore_ascii_case(arn))?;
                let force = match text(&team.body, "WorkforceName") {
                    "" => "default",
                    force => force,
                };
                let definitions = team.body.get("MemberDefinitions").and_then(Value::as_array);
                let members = definitions.into_iter().flatten().flat_map(groups).map(|group| headcount(world, &group));
                (Sort::Private, force.to_owned(), members.sum())
            }
        };
        Some(Self { name, force, arn: arn.to_owned(), sort, members })
    }

    pub(in crate::world::shelf) const fn members(&self) -> u32 {
        self.members
    }

    pub(super) fn is_public(&self) -> bool {
        self.sort == Sort::Public
    }

    /// `job_type` in the log of what workers do.
    pub(super) const fn kind(&self) -> &'static str {
        match self.sort {
            Sort::Private => "Private",
            Sort::Vendor => "Vendor",
            Sort::Public => "Public",
        }
    }

    /// How much of the time somebody is at it: our own people an hour or two of a working day, vendors in two shifts, the
    /// public always.
    fn share(&self, at: Timestamp) -> f64 {
        let hour = at.millis().rem_euclid(DAY) / HOUR;
        // The first of January 1970 was a Thursday.
        let weekend = matches!((at.millis().div_euclid(DAY) + 4).rem_euclid(7), 0 | 6);
        match (self.sort, hour) {
            (Sort::Private, _) if weekend => 0.0,
            (Sort::Private, 11) => 0.05,
            (Sort::Private, 7..=16) => 0.15,
            (Sort::Vendor, 5..=20) => 0.85,
            (Sort::Public, 13..=23 | 0..=3) => 0.45,
            (Sort::Public, _) => 0.25,
            _ => 0.0,
        }
    }

    /// How many are at work: each comes and goes by the half hour.
    pub(in crate::world::shelf) fn at_work(&self, at: Timestamp) -> u32 {
        let share = self.share(at);
        if share == 0.0 {
            return 0;
        }
        let (name, half) = (noise::name(&self.arn), at.floor(HOUR / 2).millis() as u64);
        let here = |person: &u32| noise::unit(&[name, u64::from(*person), half]) < share;
        (0..self.members).filter(here).count() as u32
    }
}

/// Groups of people that a definition of members names.
fn groups(definition: &Value) -> Vec<String> {
    let cognito = definition.pointer("/CognitoMemberDefinition/UserGroup");
    let oidc = definition.pointer("/OidcMemberDefinition/Groups").and_then(Value::as_array);
    cognito.into_iter().chain(oidc.into_iter().flatten()).filter_map(|group| Some(group.as_str()?.to_owned())).collect()
}

/// People of a group: some, by its name, unless the scenario's `[people.groups]` says how many.
fn headcount(world: &World, group: &str) -> u32 {
    let said = world.scenario.more.get("people").and_then(|people| people.get("groups")?.get(group)?.as_integer());
    said.and_then(|said| u32::try_from(said).ok()).unwrap_or_else(|| 4 + (noise::name(group) % 5) as u32)
}
