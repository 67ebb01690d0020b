//! SageMaker's List operations, with their trap: the page is cut first and filtered after, so a page may be empty and still
//! have a successor.

use mldeck_core::time::Timestamp;
use serde_json::{Value, json};

use super::{ApiError, Reply, Request, page};

/// What List operations sort and filter by.
pub(crate) struct Row<'w, T> {
    pub(crate) name: &'w str,
    pub(crate) created: Timestamp,
    pub(crate) modified: Option<Timestamp>,
    pub(crate) status: Option<&'static str>,
    pub(crate) item: &'w T,
}

/// Answers a List request: `member` is the list's name in the response, `summary` writes one row of a page.
pub(crate) fn answer<'w, T: 'w>(
    rows: impl Iterator<Item = Row<'w, T>>,
    request: &Request<'_>,
    member: &str,
    sort: &[&str],
    summary: impl Fn(&Row<'w, T>) -> Value,
) -> Reply {
    let size = request.max("MaxResults", 10, 100)?;
    let by = request.opt_text("SortBy").unwrap_or("CreationTime");
    if !sort.contains(&by) {
        return Err(ApiError::validation(format!(
            "1 validation error detected: Value '{by}' at 'sortBy' failed to satisfy constraint: Member must satisfy \
             enum value set: [{}]",
            sort.join(", ")
        )));
    }
    // The creation bounds do narrow the walk; every other filter only thins the page.
    let mut rows: Vec<Row<'w, T>> = rows.filter(|row| created_within(row, request)).collect();
    rows.sort_by(|a, b| match by {
        "Name" => a.name.cmp(b.name),
        "Status" => a.status.cmp(&b.status).then_with(|| a.name.cmp(b.name)),
        _ => a.created.cmp(&b.created).then_with(|| a.name.cmp(b.name)),
    });
    match request.opt_text("SortOrder").unwrap_or("Descending") {
        "Descending" => rows.reverse(),
        "Ascending" => {}
        other => {
            return Err(ApiError::validation(format!("Value '{other}' at 'sortOrder' failed to satisfy constraint")));
        }
    }
    let (cut, next) = page::cut(&rows, request, ("NextToken", "MaxResults"), size, page::sagemaker_invalid)?;
    let kept: Vec<Value> = cut.iter().filter(|row| passes(row, request)).map(summary).collect();
    Ok(page::reply(json!({ member: kept }), "NextToken", next))
}

fn created_within<T>(row: &Row<'_, T>, request: &Request<'_>) -> bool {
    request.opt_time("CreationTimeAfter").is_none_or(|after| row.created >= after)
        && request.opt_time("CreationTimeBefore").is_none_or(|before| row.created <= before)
}

fn passes<T>(row: &Row<'_, T>, request: &Request<'_>) -> bool {
    let modified = row.modified.unwrap_or(row.created);
    request.opt_text("NameContains").is_none_or(|part| row.name.to_lowercase().contains(&part.to_lowercase()))
        && request.opt_text("StatusEquals").is_none_or(|status| row.status == Some(status))
        && request.opt_time("LastModifiedTimeAfter").is_none_or(|after| modified >= after)
        && request.opt_time("LastModifiedTimeBefore").is_none_or(|before| modified <= before)
}
