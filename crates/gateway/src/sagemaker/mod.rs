//! SageMaker's answers in domain types. One file per subject; each holds its calls and its mapping.

use aws_sdk_sagemaker::types::{
    Filter, Operator, ResourceType, SearchExpression, SearchRecord, SearchSortOrder, UserContext,
};
use mldeck_core::{fault::Fault, text::Text, time::Timestamp};

use crate::{Gateway, fault::Doing, pace::Service};

mod component;
pub(crate) mod drift;
pub(crate) mod endpoint;
mod job;
mod made;
pub(crate) mod model;
pub(crate) mod monitor;
mod needed;
mod origin;
pub(crate) mod pipeline;
pub(crate) mod registry;
pub(crate) mod run;
mod sight;
pub(crate) mod snapshot;
mod thing;

pub(crate) use sight::Sight;

/// The most that a page holds, nearly everywhere.
const PAGE: i32 = 100;

const fn doing(operation: &'static str, words: &'static str) -> Doing {
    Doing { prefix: "sagemaker", operation, words }
}

/// One Search: everything of a kind, newest first by `by`, later than `since`.
struct Query {
    resource: ResourceType,
    by: &'static str,
    since: Option<Timestamp>,
    words: &'static str,
}

impl Gateway {
    async fn search_page(
        &self,
        query: &Query,
        token: Option<String>,
    ) -> Result<(Vec<SearchRecord>, Option<String>), Fault> {
        let newer = query.since.map(|since| {
            let filter = Filter::builder().name(query.by).operator(Operator::GreaterThan).value(since.iso()).build();
            SearchExpression::builder().filters(filter).build()
        });
        let call = self
            .clients()
            .sagemaker
            .search()
            .resource(query.resource.clone())
            .set_search_expression(newer)
            .sort_by(query.by)
            .sort_order(SearchSortOrder::Descending)
            .max_results(PAGE)
            .set_next_token(token);
        let page = self.read(Service::SageMaker, doing("Search", query.words), call.send()).await?;
        Ok((page.results.unwrap_or_default(), page.next_token.filter(|token| !token.is_empty())))
    }

    /// Pages until the end or `pages`, whichever comes first.
    async fn search(&self, query: &Query, pages: usize) -> Result<Vec<SearchRecord>, Fault> {
        let (mut out, mut token) = (Vec::new(), None);
        for _ in 0..pages {
            let (records, next) = self.search_page(query, token).await?;
            out.extend(records);
            token = next;
            if token.is_none() {
                return Ok(out);
            }
        }
        tracing::warn!(what = query.words, rows = out.len(), "there is more than we read");
        Ok(out)
    }
}

/// Name of the Studio profile, or of the IAM session.
fn person(by: Option<&UserContext>) -> Option<Text> {
    let by = by?;
    let tail = |arn: &str| Text::new(mldeck_core::id::arn_tail(arn));
    crate::maybe(by.user_profile_name())
        .or_else(|| by.iam_identity().and_then(|identity| identity.arn()).map(tail))
        .or_else(|| by.user_profile_arn().map(tail))
}
