//! What SageMaker's List operations have in common: order, time windows, pages, and enum members that are checked.
//!
//! Most have a trap ([`answer`]): the page is cut first and filtered after, so a page may be empty and still have a successor.

use mldeck_core::time::Timestamp;
use serde_json::Value;

use super::{ApiError, Reply, Request, page, request::camel};

/// Without `MaxResults` SageMaker gives ten, but for these.
const DEFAULT: usize = 10;
const SIZES: &[(&str, usize)] = &[("ListMonitoringAlertHistory", 100), ("ListOptimizationJobs", 50)];
const MOST: usize = 100;

/// An optional member that must be one of `allowed`.
pub(crate) fn choice<'r>(
    request: &'r Request<'_>,
    member: &str,
    allowed: &[&str],
) -> Result<Option<&'r str>, ApiError> {
    match request.opt_text(member) {
        Some(value) if !allowed.contains(&value) => Err(ApiError::validation(format!(
            "1 validation error detected: Value '{value}' at '{}' failed to satisfy constraint: Member must satisfy enum \
             value set: [{}]",
            camel(member),
            allowed.join(", ")
        ))),
        value => Ok(value),
    }
}

/// Lists that come the oldest first where nothing is said; all others come the newest first.
const ASCENDING: &[&str] = &[
    "ListApps",
    "ListCodeRepositories",
    "ListCompilationJobs",
    "ListLabelingJobs",
    "ListLabelingJobsForWorkteam",
    "ListModelPackageGroups",
    "ListModelPackages",
    "ListOptimizationJobs",
    "ListProcessingJobs",
    "ListSpaces",
    "ListTrainingJobs",
    "ListUserProfiles",
    "ListWorkteams",
];

/// Lists that are sorted by name where nothing is said.
const BY_NAME: &[&str] = &["ListCodeRepositories", "ListNotebookInstances"];

/// Images have the words in upper case.
pub(crate) fn is_ascending(request: &Request<'_>) -> Result<bool, ApiError> {
    let said = choice(request, "SortOrder", &["Ascending", "Descending", "ASCENDING", "DESCENDING"])?;
    Ok(said.map_or_else(|| ASCENDING.contains(&request.operation), |said| said.eq_ignore_ascii_case("Ascending")))
}

/// What a list is sorted by.
pub(crate) fn sort_by<'r>(request: &'r Request<'_>) -> &'r str {
    let usual = if BY_NAME.contains(&request.operation) { "Name" } else { "CreationTime" };
    request.opt_text("SortBy").unwrap_or(usual)
}

/// What most List operations sort and filter by.
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
    let by = choice(request, "SortBy", sort)?.unwrap_or("CreationTime");
    let status = request.opt_text("StatusEquals");
    let part = request.opt_text("NameContains").map(str::to_lowercase);
    let created = Window::new(request, "CreationTimeAfter", "CreationTimeBefore");
    let modified = Window::new(request, "LastModifiedTimeAfter", "LastModifiedTimeBefore");
    // The creation bounds do narrow the walk; every other filter only thins the page.
    let mut rows: Vec<Row<'w, T>> = rows.filter(|row| created.holds(row.created)).collect();
    rows.sort_by(|a, b| match by {
        "Name" => a.name.cmp(b.name),
        "Status" => a.status.cmp(&b.status).then_with(|| a.name.cmp(b.name)),
        _ => a.created.cmp(&b.created).then_with(|| a.name.cmp(b.name)),
    });
    if !is_ascending(request)? {
        rows.reverse();
    }
    let (cut, next) = page(&rows, request)?;
    let kept = cut.iter().filter(|row| {
        part.as_ref().is_none_or(|part| row.name.to_lowercase().contains(part))
            && status.is_none_or(|status| row.status == Some(status))
            && modified.holds(row.modified.unwrap_or(row.created))
    });
    Ok(reply(member, kept.map(summary).collect(), next))
}

/// A stretch of time from two optional members; both bounds belong to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    after: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl Window {
    pub(crate) fn new(request: &Request<'_>, after: &str, before: &str) -> Self {
        Self { after: request.opt_time(after), before: request.opt_time(before) }
    }

    pub(crate) fn holds(&self, at: Timestamp) -> bool {
        self.after.is_none_or(|after| at >= after) && self.before.is_none_or(|before| at <= before)
    }
}

/// The page the request asks for: its items and the token of the next one.
pub(crate) fn page<'i, T>(items: &'i [T], request: &Request<'_>) -> Result<(&'i [T], Option<String>), ApiError> {
    let usual = SIZES.iter().find(|(list, _)| *list == request.operation).map_or(DEFAULT, |(_, size)| *size);
    let size = request.max("MaxResults", usual, MOST)?;
    page::cut(items, request, ("NextToken", "MaxResults"), size, page::sagemaker_invalid)
}

/// `{member: items, "NextToken": …}`.
pub(crate) fn reply(member: &str, items: Vec<Value>, next: Option<String>) -> Value {
    let mut body = serde_json::Map::new();
    body.insert(member.to_owned(), Value::Array(items));
    page::reply(Value::Object(body), "NextToken", next)
}

/// Takes members without a value out of a response: AWS leaves them away.
pub(crate) fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, member| !member.is_null());
    }
    value
}

/// `CreatedBy` and `LastModifiedBy`.
pub(crate) fn user(session: &str) -> Value {
    let arn = super::estate::caller_arn(session);
    serde_json::json!({"IamIdentity": {"Arn": arn, "PrincipalId": format!("AROAUQ4X7MLOPSEXAMPLE:{}", super::estate::session_name(session))}})
}
