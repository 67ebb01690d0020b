//! The Model Registry: all versions of all groups.

use aws_sdk_sagemaker::types::{
    ModelPackage as Package, ModelPackageSortBy, ModelPackageSummary, ResourceType, SortOrder,
};
use mldeck_core::{
    fault::{Fault, FaultKind},
    id::arn_tail,
    resource::ModelPackage,
    text::Text,
};

use super::{PAGE, Query, doing, person};
use crate::{Gateway, maybe, pace::Service, text, time};

const PAGES: usize = 20;
/// Pages per group, where Search is not offered.
const PAGES_OF_A_GROUP: usize = 3;

impl Gateway {
    pub(crate) async fn packages(&self) -> Result<Vec<ModelPackage>, Fault> {
        let query = Query {
            resource: ResourceType::ModelPackage,
            by: "LastModifiedTime",
            since: None,
            words: "finding model versions",
        };
        match self.search(&query, PAGES).await {
            Ok(records) => Ok(records.iter().filter_map(|record| record.model_package()).map(from_search).collect()),
            Err(fault) if matches!(fault.kind, FaultKind::NotOffered { .. }) => self.packages_by_group().await,
            Err(fault) => Err(fault),
        }
    }

    /// Lists say less than Search: no author and no time of the last change.
    async fn packages_by_group(&self) -> Result<Vec<ModelPackage>, Fault> {
        let mut groups: Vec<String> = Vec::new();
        let mut token = None;
        for _ in 0..PAGES {
            let call = self.clients().sagemaker.list_model_package_groups().max_results(PAGE).set_next_token(token);
            let what = doing("ListModelPackageGroups", "listing model groups");
            let page = self.read(Service::SageMaker, what, call.send()).await?;
            groups.extend(
                page.model_package_group_summary_list()
                    .iter()
                    .filter_map(|group| group.model_package_group_name())
                    .map(str::to_owned),
            );
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        let mut rows = Vec::new();
        for group in groups {
            rows.extend(self.packages_of(&group).await?);
        }
        Ok(rows)
    }

    async fn packages_of(&self, group: &str) -> Result<Vec<ModelPackage>, Fault> {
        let (mut rows, mut token) = (Vec::new(), None);
        for _ in 0..PAGES_OF_A_GROUP {
            let call = self
                .clients()
                .sagemaker
                .list_model_packages()
                .model_package_group_name(group)
                .sort_by(ModelPackageSortBy::CreationTime)
                .sort_order(SortOrder::Descending)
                .max_results(PAGE)
                .set_next_token(token);
            let what = doing("ListModelPackages", "listing model versions");
            let page = self.read(Service::SageMaker, what, call.send()).await?;
            rows.extend(page.model_package_summary_list().iter().map(from_list));
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        Ok(rows)
    }
}

/// `group/version`; versions have no name of their own.
fn name(group: &str, version: Option<i64>, arn: &str) -> Text {
    match version {
        Some(version) if !group.is_empty() => Text::new(&format!("{group}/{version}")),
        _ => Text::new(arn_tail(arn)),
    }
}

fn from_search(package: &Package) -> ModelPackage {
    let arn = package.model_package_arn().unwrap_or_default();
    let group = package.model_package_group_name().unwrap_or_default();
    let version = package.model_package_version().map(i64::from);
    ModelPackage {
        name: name(group, version, arn),
        arn: Text::new(arn),
        group: Text::new(group),
        version,
        status: Text::new(package.model_package_status().map_or("", |status| status.as_str())),
        approval: Text::new(package.model_approval_status().map_or("", |status| status.as_str())),
        description: maybe(package.approval_description()).or_else(|| maybe(package.model_package_description())),
        created: time(package.creation_time()),
        modified: time(package.last_modified_time().or_else(|| package.creation_time())),
        by: person(package.last_modified_by()).or_else(|| person(package.created_by())),
        live_on: Vec::new(),
        stage: package.model_life_cycle().and_then(|cycle| maybe(Some(cycle.stage().unwrap_or_default()))),
    }
}

fn from_list(package: &ModelPackageSummary) -> ModelPackage {
    let arn = package.model_package_arn().unwrap_or_default();
    let group = package.model_package_group_name().unwrap_or_default();
    let version = package.model_package_version().map(i64::from);
    ModelPackage {
        name: name(group, version, arn),
        arn: Text::new(arn),
        group: text(package.model_package_group_name()),
        version,
        status: Text::new(package.model_package_status().map_or("", |status| status.as_str())),
        approval: Text::new(package.model_approval_status().map_or("", |status| status.as_str())),
        description: maybe(package.model_package_description()),
        created: time(package.creation_time()),
        modified: time(package.creation_time()),
        by: None,
        live_on: Vec::new(),
        stage: package.model_life_cycle().and_then(|cycle| maybe(Some(cycle.stage().unwrap_or_default()))),
    }
}
