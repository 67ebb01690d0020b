//! Who needs what is to be deleted: endpoints that use it now, and configs that somebody may go back to.

use aws_sdk_sagemaker::types::{self, Filter, Operator, ResourceType, SearchExpression, SearchRecord};
use mldeck_core::{
    fault::{Fault, FaultKind},
    id::arn_tail,
    ops::{
        Snapshot,
        snapshot::{Kept, Needed},
        target::{Kind, Target},
        verb::delete::WINDOW,
    },
    text::Text,
    time::{HOUR, Timestamp},
};

use super::{PAGE, doing};
use crate::{Gateway, lanes, pace::Service, sdk_time, text};

const PREVIOUS: &str = "mldeck:previous-config";
/// Configs that are read to see which models they name; where there are more, it is not known.
const MOST_CONFIGS: usize = 200;
const PAGES: usize = 10;
/// How far the index of Search may lag, as a rule far less: what changed since is described.
const LAG: i64 = HOUR;
/// Endpoints that are described because the index may not have them yet.
const MOST_CHANGED: usize = 40;

/// An endpoint and what may be gone back to on it.
struct Known {
    endpoint: Text,
    config: Text,
    previous: Option<Text>,
}

impl Gateway {
    pub(crate) async fn needed(&self, target: &Target, around: Option<&Snapshot>) -> Result<Needed, Fault> {
        match target.kind {
            Kind::Endpoint => Ok(Needed { invocations: self.recent_calls(around).await, ..Needed::default() }),
            Kind::EndpointConfig => self.needed_config(&target.id).await,
            _ => self.needed_model(&target.id).await,
        }
    }

    /// Invocations of all variants within the last hour; `None` where they could not be read.
    async fn recent_calls(&self, around: Option<&Snapshot>) -> Option<f64> {
        let endpoint = &around?.endpoint;
        let variants = &endpoint.details.as_ref()?.variants;
        let names: Vec<Text> = variants.iter().map(|variant| variant.name.clone()).collect();
        self.invocations(&endpoint.name, &names, self.now().plus(-HOUR)).await.ok()
    }

    async fn needed_config(&self, name: &Text) -> Result<Needed, Fault> {
        let known = self.endpoints_known().await?;
        let used_by = known.iter().filter(|one| one.config == *name).map(|one| one.endpoint.clone()).collect();
        let mut kept = self.kept(&known).await?;
        kept.retain(|kept| kept.config == *name);
        Ok(Needed { invocations: None, used_by, kept })
    }

    async fn needed_model(&self, name: &Text) -> Result<Needed, Fault> {
        let known = self.endpoints_known().await?;
        let mut kept = self.kept(&known).await?;
        let mut live: Vec<Text> = Vec::new();
        for one in &known {
            if !live.contains(&one.config) {
                live.push(one.config.clone());
            }
        }
        if live.len() + kept.len() > MOST_CONFIGS {
            let message = format!("{} configs would have to be read", live.len() + kept.len());
            return Err(Fault::new(FaultKind::Refused, "reading which configs name a model", &message));
        }
        let (of_live, of_kept) = (
            lanes::four(&live, |index| self.models_named(&live[index])).await,
            lanes::four(&kept, |index| self.models_named(&kept[index].config)).await,
        );
        let mut used_by = Vec::new();
        for (config, models) in live.iter().zip(of_live) {
            if models?.contains(name) {
                used_by.extend(known.iter().filter(|one| one.config == *config).map(|one| one.endpoint.clone()));
            }
        }
        for (kept, models) in kept.iter_mut().zip(of_kept) {
            kept.models = models;
        }
        Ok(Needed { invocations: None, used_by, kept })
    }

    /// Models of a config; none of one that is gone, to which nobody can go back.
    async fn models_named(&self, config: &Text) -> Result<Vec<Text>, Fault> {
        match self.endpoint_config(config).await {
            Ok(config) => {
                let variants = config.variants.into_iter().chain(config.shadow_variants);
                Ok(variants.filter_map(|variant| variant.model).collect())
            }
            Err(fault) if fault.kind == FaultKind::Missing => Ok(Vec::new()),
            Err(fault) => Err(fault),
        }
    }

    /// Configs that an endpoint had within the window: by CloudTrail, and by our tag.
    async fn kept(&self, known: &[Known]) -> Result<Vec<Kept>, Fault> {
        let mut out: Vec<Kept> = Vec::new();
        let mut keep = |config: &Text, endpoint: &Text, witness: String| {
            if !out.iter().any(|kept| kept.config == *config) {
                let (config, endpoint) = (config.clone(), endpoint.clone());
                out.push(Kept { config, endpoint, witness, models: Ok(Vec::new()) });
            }
        };
        for event in self.changes(self.now().plus(-WINDOW)).await? {
            if let (None, Some(config)) = (&event.error, &event.config) {
                keep(config, &event.endpoint, format!("CloudTrail {}", event.at.date()));
            }
        }
        for one in known {
            if let Some(previous) = &one.previous {
                keep(previous, &one.endpoint, format!("tag {PREVIOUS}"));
            }
        }
        Ok(out)
    }

    /// Every endpoint with its config: by the index, and described where that may be behind.
    async fn endpoints_known(&self) -> Result<Vec<Known>, Fault> {
        let mut out = Vec::new();
        let mut token = None;
        for _ in 0..PAGES {
            let call = self
                .clients()
                .sagemaker
                .search()
                .resource(ResourceType::Endpoint)
                .search_expression(everything())
                .max_results(PAGE)
                .set_next_token(token);
            let page = self.read(Service::SageMaker, doing("Search", "finding what uses it"), call.send()).await?;
            out.extend(page.results().iter().filter_map(SearchRecord::endpoint).map(known));
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        if token.is_some() {
            let message = "there are more endpoints than are read for this";
            return Err(Fault::new(FaultKind::Refused, "finding what uses it", message));
        }
        let changed = self.changed_since(self.now().plus(-LAG)).await?;
        for described in lanes::four(&changed, |index| self.describe_endpoint(&changed[index])).await {
            let described = described?;
            let endpoint = text(described.endpoint_name());
            let mut configs = vec![text(described.endpoint_config_name())];
            configs.extend(described.pending_deployment_summary().map(|pending| text(pending.endpoint_config_name())));
            out.extend(configs.into_iter().map(|config| Known { endpoint: endpoint.clone(), config, previous: None }));
        }
        Ok(out)
    }

    async fn changed_since(&self, since: Timestamp) -> Result<Vec<Text>, Fault> {
        let (mut out, mut token) = (Vec::new(), None);
        loop {
            let call = self
                .clients()
                .sagemaker
                .list_endpoints()
                .last_modified_time_after(sdk_time(since))
                .max_results(PAGE)
                .set_next_token(token);
            let what = doing("ListEndpoints", "finding what uses it");
            let page = self.read(Service::SageMaker, what, call.send()).await?;
            out.extend(page.endpoints().iter().filter_map(|row| row.endpoint_name()).map(Text::new));
            if out.len() > MOST_CHANGED {
                let message = format!("more than {MOST_CHANGED} endpoints changed within the last hour");
                return Err(Fault::new(FaultKind::Refused, "finding what uses it", &message));
            }
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(out);
            }
        }
    }
}

/// An expression that every endpoint matches: Search wants one.
fn everything() -> SearchExpression {
    let filter = Filter::builder().name("EndpointName").operator(Operator::Exists).build();
    SearchExpression::builder().filters(filter).build()
}

fn known(record: &types::Endpoint) -> Known {
    let tag = |tag: &&types::Tag| tag.key() == Some(PREVIOUS);
    Known {
        endpoint: text(record.endpoint_name().or_else(|| record.endpoint_arn().map(arn_tail))),
        config: text(record.endpoint_config_name()),
        previous: record.tags().iter().find(tag).map(|tag| text(tag.value())),
    }
}
