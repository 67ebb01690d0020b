//! The lineage group of the account. Others would be shared by other accounts, of which there are none.

use mldeck_core::time::{DAY, Timestamp};
use serde_json::{Value, json};

use crate::world::{
    ApiError, Reply, Request, World, epoch,
    estate::{self, FAMILIES},
    lists::{self, Window},
};

const NAME: &str = "sagemaker-default-lineage-group";

pub(super) fn arn() -> String {
    estate::arn("sagemaker", &format!("lineage-group/{NAME}"))
}

/// It is as old as what it is about.
fn born(world: &World) -> Timestamp {
    let oldest = FAMILIES.iter().map(|family| family.registered(1, world.start)).min();
    oldest.unwrap_or(world.start).plus(-DAY)
}

fn record(world: &World) -> Value {
    json!({
        "LineageGroupName": NAME, "LineageGroupArn": arn(), "DisplayName": NAME, "CreationTime": epoch(born(world)),
        "LastModifiedTime": epoch(born(world)),
    })
}

/// Refuses any other group.
fn check(request: &Request<'_>) -> Result<(), ApiError> {
    let given = request.text("LineageGroupName")?;
    if given == NAME || given == arn() {
        return Ok(());
    }
    Err(ApiError::new(400, "ResourceNotFound", format!("Lineage group {given} does not exist.")))
}

pub(super) fn list(world: &mut World, request: &Request<'_>) -> Reply {
    let window = Window::new(request, "CreatedAfter", "CreatedBefore");
    let all: Vec<Value> = window.holds(born(world)).then(|| record(world)).into_iter().collect();
    let (page, next) = lists::page(&all, request)?;
    Ok(lists::reply("LineageGroupSummaries", page.to_vec(), next))
}

pub(super) fn describe(world: &mut World, request: &Request<'_>) -> Reply {
    check(request)?;
    let mut record = record(world);
    record["CreatedBy"] = json!({});
    record["LastModifiedBy"] = json!({});
    Ok(record)
}

/// Nobody shares it: it has no policy. `[?]`: what AWS answers then.
pub(super) fn policy(_: &mut World, request: &Request<'_>) -> Reply {
    check(request)?;
    Ok(json!({"LineageGroupArn": arn()}))
}
