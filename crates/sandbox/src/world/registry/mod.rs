//! Model package groups and versions.

mod lent;
mod operations;
mod package;
mod policy;

use std::collections::BTreeMap;

use bytes::Bytes;
use mldeck_core::time::{DAY, MINUTE, Timestamp};
use serde_json::{Value, json};

pub(crate) use lent::{Lent, is_foreign, lend, usable};
pub(crate) use operations::{OPERATIONS, told};
pub(crate) use package::{Change, Package, group_record, record};

use super::{
    World,
    estate::{FAMILIES, Family, MODEL_BUCKET, OPERATOR},
    run::Series,
};

#[derive(Default)]
pub(crate) struct State {
    pub(crate) groups: BTreeMap<String, Group>,
    /// Versions of another account, by ARN, as that showed them last.
    pub(crate) lent: BTreeMap<String, Lent>,
}

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) created: Timestamp,
    pub(crate) by: String,
    pub(crate) description: String,
    /// By version, ascending.
    pub(crate) packages: Vec<Package>,
    /// The highest version it ever had: a number is not given twice.
    pub(crate) newest: u32,
    /// Its resource policy, as it was put.
    pub(crate) policy: Option<String>,
}

impl Group {
    /// The number of the next version.
    fn next(&mut self) -> u32 {
        self.newest = self.packages.last().map_or(self.newest, |package| package.version.max(self.newest)) + 1;
        self.newest
    }
}

impl State {
    pub(crate) fn package(&self, group: &str, version: u32) -> Option<&Package> {
        self.groups.get(group)?.packages.iter().find(|package| package.version == version)
    }

    fn package_mut(&mut self, group: &str, version: u32) -> Option<&mut Package> {
        self.groups.get_mut(group)?.packages.iter_mut().find(|package| package.version == version)
    }
}

pub(crate) fn generate(world: &mut World) {
    for (index, family) in FAMILIES.iter().enumerate() {
        let packages = (1..=family.latest).map(|version| settled(world, index as u8, family, version)).collect();
        let group = Group {
            created: family.registered(1, world.start).plus(-DAY),
            by: OPERATOR.to_owned(),
            description: format!("Versions of the {} model", family.name),
            packages,
            newest: family.latest,
            policy: None,
        };
        world.registry.groups.insert(family.name.to_owned(), group);
        for version in 1..=family.latest {
            evaluate(world, index as u8, family.run_number(version), version, family.registered(version, world.start));
        }
    }
}

/// A version of the past with its approval history.
fn settled(world: &World, index: u8, family: &'static Family, version: u32) -> Package {
    let created = family.registered(version, world.start);
    let first = Change::new(created, "pipeline", "PendingManualApproval");
    let mut package = Package {
        group: family.name.to_owned(),
        version,
        source: Some((index, family.run_number(version))),
        given: Value::Null,
        changes: vec![first],
    };
    let approve = |at: Timestamp, text: &str| {
        let mut change = Change::new(at, OPERATOR, "Approved");
        change.description = Some(text.to_owned());
        change.stage = Some(("Production".to_owned(), "Approved".to_owned()));
        change
    };
    if let Some(live) = family.went_live(version, world.start) {
        package.changes.push(approve(live.plus(-35 * MINUTE), "Evaluation and fairness report reviewed"));
    } else if version > family.live {
        if let Some(at) = deployed(world, family, version) {
            package.changes.push(approve(at.plus(-20 * MINUTE).max(created.plus(MINUTE)), "Better on every segment"));
        }
    } else if version.is_multiple_of(5) {
        let mut change = Change::new(created.plus(3 * 60 * MINUTE), "marc", "Rejected");
        change.description = Some("Recall on new customers fell".to_owned());
        package.changes.push(change);
    } else {
        package.changes.push(approve(created.plus(100 * MINUTE), "Reviewed"));
    }
    package
}

/// When the scenario deploys a version, if it does.
fn deployed(world: &World, family: &Family, version: u32) -> Option<Timestamp> {
    let config = family.config(version);
    let named = |input: &Value| input.get("EndpointConfigName").and_then(Value::as_str) == Some(config.as_str());
    let action =
        world.scenario.actions.iter().find(|action| action.operation == "UpdateEndpoint" && named(&action.input))?;
    Some(world.start.plus(action.at))
}

/// Writes the evaluation report that the package points at.
fn evaluate(world: &mut World, family: u8, number: u32, version: u32, at: Timestamp) {
    let report = super::run::evaluation(world, family, number);
    let name = FAMILIES[usize::from(family) % FAMILIES.len()].name;
    world.s3.put(MODEL_BUCKET, &format!("{name}/v{version}/evaluation.json"), Bytes::from(report.to_string()), at);
}

/// A pipeline's `Register` step: the next version of the family's group.
pub(crate) fn register(world: &mut World, family: u8, number: u32, at: Timestamp, by: &str, approval: &str) -> u32 {
    let table = &FAMILIES[usize::from(family) % FAMILIES.len()];
    let Some(group) = world.registry.groups.get_mut(table.name) else { return 0 };
    let version = group.next();
    group.packages.push(Package {
        group: table.name.to_owned(),
        version,
        source: Some((family, number)),
        given: json!({}),
        changes: vec![Change::new(at, by, approval)],
    });
    evaluate(world, family, number, version, at);
    world.s3.put_sized(MODEL_BUCKET, &table.artifact_key(version), Bytes::new(), 48 << 20, at);
    version
}

/// Versions change by calls and by pipelines only.
pub(crate) const fn advance(_world: &mut World, _to: Timestamp) {}

/// The series whose runs become versions.
pub(crate) const SOURCE: Series = Series::Regular;
