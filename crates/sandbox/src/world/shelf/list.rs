//! List, the same for all kinds: which members filter and what a row carries is in the model.

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value};

use super::{Item, Kind, Reply, Request, World, kind::text};
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

    /// What a person calls it: an ARN is no name.
    fn said_name(&self) -> String {
        let name = self.name();
        if name.starts_with("arn:") { text(&self.item.body, "Name").to_owned() } else { name.to_owned() }
    }

    fn at(&self, place: &str) -> Option<String> {
        Some(Value::Object(self.record()).pointer(place)?.as_str()?.to_owned())
    }

    /// Whether what stands at a place of the record, or one of a list there, is so.
    fn any(&self, place: &str, is_so: impl Fn(&Value) -> bool) -> bool {
        match Value::Object(self.record()).pointer(place) {
            None => false,
            Some(Value::Array(values)) => values.iter().any(is_so),
            Some(value) => is_so(value),
        }
    }
}

/// Members of List requests that are not called as what they look at: where it is in the record.
const PLACES: &[(&str, &str)] = &[
    ("SourceUri", "/Source/SourceUri"),
    ("OfflineStoreStatusEquals", "/OfflineStoreStatus/Status"),
    ("AppTypeEquals", "/StudioLifecycleConfigAppType"),
    ("OptimizationContains", "/OptimizationTypes"),
    ("AdditionalCodeRepositoryEquals", "/AdditionalCodeRepositories"),
    ("DefaultForDomainId", "/DefaultDomainIdList"),
];

/// What a member of a List request asks of a row.
enum Filter<'r> {
    NameContains(String),
    /// At this place of the record, in lower case.
    Contains(String, String),
    /// At this place of the record; of a list, one of its members.
    Equals(String, &'r Value),
    State(&'r Value),
    Created {
        after: bool,
        bound: Timestamp,
    },
    Modified {
        after: bool,
        bound: Timestamp,
    },
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
        let place = |stem: &str| {
            let known = PLACES.iter().find(|(name, _)| *name == member);
            known.map_or_else(|| format!("/{stem}"), |(_, place)| (*place).to_owned())
        };
        if let Some(stem) = member.strip_suffix("Contains") {
            let part = value.as_str()?.to_lowercase();
            return Some(if stem == "Name" { Self::NameContains(part) } else { Self::Contains(place(stem), part) });
        }
        let stem = member.strip_suffix("Equals").unwrap_or(member);
        Some(if stem == "Status" || stem == kind.life.member {
            Self::State(value)
        } else {
            Self::Equals(place(stem), value)
        })
    }

    /// Texts, states and changes are looked at after the page was cut, as SageMaker's lists do.
    const fn is_late(&self) -> bool {
        !matches!(self, Self::Equals(..) | Self::Created { .. })
    }

    fn passes(&self, row: &Row<'_>) -> bool {
        let within = |at: Timestamp, after: bool, bound: Timestamp| if after { at >= bound } else { at <= bound };
        match self {
            Self::NameContains(part) => row.name().to_lowercase().contains(part),
            Self::Contains(place, part) => {
                row.any(place, |value| value.as_str().is_some_and(|text| text.to_lowercase().contains(part)))
            }
            Self::Equals(place, wanted) => row.any(place, |value| value == *wanted),
            Self::State(state) => state.as_str() == Some(row.item.state),
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
    sort(&mut rows, lists::sort_by(request));
    if !lists::is_ascending(request)? {
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
    let own = rows.first().map(|row| row.kind.life.member).unwrap_or_default();
    rows.sort_by(|a, b| {
        let order = match by {
            "Name" | "IMAGE_NAME" => a.said_name().cmp(&b.said_name()),
            "OfflineStoreStatus" => a.at("/OfflineStoreStatus/Status").cmp(&b.at("/OfflineStoreStatus/Status")),
            "LastModifiedTime" | "LAST_MODIFIED_TIME" => a.item.modified.cmp(&b.item.modified),
            by if by == "Status" || by == own => a.item.state.cmp(b.item.state),
            _ => a.item.created.cmp(&b.item.created),
        };
        order.then_with(|| a.item.arn.cmp(&b.item.arn))
    });
}
