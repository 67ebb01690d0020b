//! List, the same for all kinds: which members filter and what a row carries is in the model.

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value};

use super::{Item, Kind, Reply, Request, World};
use crate::{
    shape::{Operation, Shape, restrict},
    world::{lists, request::moment},
};

/// A row before it is written: that is done for those on the page, and where a filter asks for more.
struct Row<'w> {
    world: &'w World,
    kind: &'static Kind,
    item: &'w Item,
}

impl<'w> Row<'w> {
    fn name(&self) -> &'w str {
        self.kind.own_name(&self.item.body).unwrap_or_default()
    }

    fn record(&self) -> Map<String, Value> {
        self.world.told(self.kind, self.item)
    }
}

/// What a member of a List request asks of a row.
enum Filter<'r> {
    NameContains(String),
    Contains(&'r str, String),
    Equals(&'r str, &'r Value),
    Created { after: bool, bound: Timestamp },
    Modified { after: bool, bound: Timestamp },
}

impl<'r> Filter<'r> {
    fn of(member: &'r str, value: &'r Value, kind: &Kind) -> Option<Self> {
        if matches!(member, "NextToken" | "MaxResults" | "SortBy" | "SortOrder") {
            return None;
        }
        for (suffix, after) in [("After", true), ("Before", false)] {
            let Some(stem) = member.strip_suffix(suffix) else { continue };
            let bound = moment(value)?;
            return Some(match stem {
                "LastModifiedTime" | "ModifiedTime" => Self::Modified { after, bound },
                _ => Self::Created { after, bound },
            });
        }
        if let Some(stem) = member.strip_suffix("Contains") {
            let part = value.as_str()?.to_lowercase();
            return Some(if stem == "Name" { Self::NameContains(part) } else { Self::Contains(stem, part) });
        }
        let stem = member.strip_suffix("Equals").unwrap_or(member);
        Some(Self::Equals(if stem == "Status" { kind.life.member } else { stem }, value))
    }

    /// Texts, states and changes are looked at after the page was cut, as SageMaker's lists do.
    const fn is_late(&self) -> bool {
        matches!(self, Self::NameContains(_) | Self::Contains(..) | Self::Modified { .. })
    }

    fn passes(&self, row: &Row<'_>) -> bool {
        let within = |at: Timestamp, after: bool, bound: Timestamp| if after { at >= bound } else { at <= bound };
        match self {
            Self::NameContains(part) => row.name().to_lowercase().contains(part),
            Self::Contains(member, part) => {
                let record = row.record();
                record.get(*member).and_then(Value::as_str).is_some_and(|text| text.to_lowercase().contains(part))
            }
            Self::Equals("SourceUri", uri) => {
                row.item.body.get("Source").and_then(|source| source.get("SourceUri")) == Some(uri)
            }
            Self::Equals(member, value) => row.record().get(*member) == Some(value),
            Self::Created { after, bound } => within(row.item.created, *after, *bound),
            Self::Modified { after, bound } => within(row.item.modified, *after, *bound),
        }
    }
}

pub(super) fn list(world: &mut World, request: &Request<'_>, kind: &'static Kind) -> Reply {
    let world = &*world;
    let (member, row_shape) = rows_of(request.operation);
    let members = Operation::named(request.operation).map(|operation| operation.input.members());
    let is_known = |member: &str| members.is_some_and(|members| members.get(member).is_some());
    let given = request.input.as_object().into_iter().flatten();
    let given = given.filter(|(member, _)| is_known(member));
    let filters: Vec<Filter<'_>> = given.filter_map(|(member, value)| Filter::of(member, value, kind)).collect();
    let (late, early): (Vec<&Filter<'_>>, Vec<&Filter<'_>>) = filters.iter().partition(|filter| filter.is_late());
    let rows = world.shelf.of(kind.noun).map(|item| Row { world, kind, item });
    let mut rows: Vec<Row<'_>> = rows.filter(|row| early.iter().all(|filter| filter.passes(row))).collect();
    sort(&mut rows, request.opt_text("SortBy").unwrap_or("CreationTime"));
    if request.opt_text("SortOrder").unwrap_or("Descending").eq_ignore_ascii_case("descending") {
        rows.reverse();
    }
    let (page, next) = lists::page(&rows, request)?;
    let kept = page.iter().filter(|row| late.iter().all(|filter| filter.passes(row)));
    let members = Shape::named(row_shape).members();
    let rows = kept.map(|row| Value::Object(restrict(&row.record(), members))).collect();
    Ok(lists::reply(member, rows, next))
}

/// The list in the answer, and the shape of its rows.
fn rows_of(operation: &str) -> (&'static str, &'static str) {
    let members = Operation::named(operation).map(|operation| operation.output.members());
    let lists = members.into_iter().flat_map(|members| members.iter());
    let mut found = lists.filter_map(|member| match Shape::named(member.shape) {
        Shape::List { of, .. } => Some((member.name, of)),
        _ => None,
    });
    found.next().unwrap_or_default()
}

fn sort(rows: &mut [Row<'_>], by: &str) {
    let by = by.replace('_', "").to_lowercase();
    rows.sort_by(|a, b| {
        let order = match by.as_str() {
            "name" | "imagename" => a.name().cmp(b.name()),
            "status" => a.item.state.cmp(b.item.state),
            "lastmodifiedtime" => a.item.modified.cmp(&b.item.modified),
            _ => a.item.created.cmp(&b.item.created),
        };
        order.then_with(|| a.item.arn.cmp(&b.item.arn))
    });
}
