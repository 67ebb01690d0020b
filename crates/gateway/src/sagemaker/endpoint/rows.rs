//! Rows of many endpoints in few calls: Search tells a page of them at once, where Describe, config and model are three
//! calls each.
//!
//! The index lags and knows less, so it is believed only where it is sure: for a row at rest, by a record as new as the
//! list's, and for a model only if no other could be meant. Everything else is described.

use std::collections::HashMap;

use aws_sdk_sagemaker::types::{self, BooleanOperator, Filter, Operator, ResourceType, SearchExpression, SearchRecord};
use mldeck_core::{
    ask::RowOf,
    fault::{Fault, FaultKind},
    resource::endpoint::{Details, EndpointStatus},
    text::Text,
    time::Timestamp,
};

use super::{Tags, capture, configure, pairs, variant};
use crate::{
    Gateway, lanes, maybe,
    pace::Service,
    sagemaker::{PAGE, doing, model},
    text, time,
};

/// Fewer rows than this are described: two searches are no gain.
const FEW: usize = 3;
/// Filters that a list of them takes, and that an expression takes with those of its parts (50, in whole lists).
const FILTERS: usize = 20;
const FILTERED: usize = 40;
/// More rows than a terminal is high: who asks for so many asks for most of the account, and reads its index whole.
const SCREEN: usize = 200;
/// Rows of one answer that take calls of their own: a table fills as it is read, and no question outlasts its caller.
const SLOW: usize = 8;
const MOST_SLOW: usize = 100;

/// A model that the index names as serving an endpoint.
struct Serving {
    model: Text,
    /// The containers' own images; none where a model package brings them.
    images: Vec<Text>,
    /// State of the endpoint that this was true of.
    modified: Timestamp,
}

type Served = HashMap<Text, Vec<Serving>>;

impl Gateway {
    /// What the index tells for sure, and the first of those rows that take calls of their own.
    pub(crate) async fn rows(&self, wanted: &[RowOf], instances: bool) -> Vec<(Text, Result<Details, Fault>)> {
        // A screen is asked for by name, in parts that an expression holds.
        let wanted = if wanted.len() <= SCREEN { &wanted[..wanted.len().min(FILTERED)] } else { wanted };
        let records = self.records(wanted).await;
        let served = if instances { Served::default() } else { self.served(&records, wanted.len()).await };
        let (mut out, mut slow) = (Vec::new(), Vec::new());
        for row in wanted {
            let record = records.get(&row.endpoint);
            match record.and_then(|record| self.told(record, &served, instances)) {
                Some(details) => out.push((row.endpoint.clone(), Ok(details))),
                None => slow.push((&row.endpoint, record)),
            }
        }
        slow.truncate((wanted.len() / 5).clamp(SLOW, MOST_SLOW));
        let read = lanes::four(&slow, |index| {
            let (name, record) = slow[index];
            async move {
                // Only its config or a model is missing, or all of it.
                match record {
                    Some(record) => Ok(self.with_models(details(record)).await),
                    None => {
                        let described = self.describe_endpoint(name).await?;
                        Ok(self.complete(&described, Tags::None).await)
                    }
                }
            }
        })
        .await;
        out.extend(slow.iter().map(|(name, _)| (*name).clone()).zip(read));
        out
    }

    /// The index's records of rows at rest, without those that are older than the list. Where Search is not offered,
    /// denied or fails, none.
    async fn records(&self, wanted: &[RowOf]) -> HashMap<Text, types::Endpoint> {
        let listed: HashMap<&Text, Timestamp> =
            wanted.iter().filter_map(|row| Some((&row.endpoint, row.at_rest?))).collect();
        if listed.len() < FEW {
            return HashMap::new();
        }
        let only = expression("EndpointName", listed.keys().copied());
        let found = self.found(&ResourceType::Endpoint, only.as_ref(), listed.len()).await;
        let (records, _) = found.unwrap_or_default();
        records
            .into_iter()
            .filter_map(|record| record.endpoint)
            .map(|record| (text(record.endpoint_name()), record))
            .filter(|(name, record)| listed.get(name).is_some_and(|listed| is_sure(record, *listed)))
            .collect()
    }

    /// Which models serve those endpoints whose config was not read. Their labels are kept.
    async fn served(&self, records: &HashMap<Text, types::Endpoint>, wanted: usize) -> Served {
        let unknown = || records.iter().filter(|(_, record)| !self.is_known(record)).map(|(name, _)| name);
        if unknown().next().is_none() {
            return Served::default();
        }
        let only = expression("Endpoints.EndpointName", unknown());
        let mut found = self.found(&ResourceType::Model, only.as_ref(), wanted).await;
        // That this property can be filtered by is written nowhere.
        if only.is_some() && matches!(&found, Err(fault) if fault.kind == FaultKind::Invalid) {
            found = self.found(&ResourceType::Model, None, wanted).await;
        }
        let Ok((records, is_whole)) = found else { return Served::default() };
        let mut served = Served::default();
        for dashboard in records.iter().filter_map(SearchRecord::model) {
            let Some(model) = dashboard.model().map(model::indexed) else { continue };
            self.memory.labels.put(model.name.as_str(), Text::new(&model.label()));
            for endpoint in dashboard.endpoints() {
                served.entry(text(endpoint.endpoint_name())).or_default().push(Serving {
                    model: model.name.clone(),
                    images: model.images.iter().map(|image| image.specified.clone()).collect(),
                    modified: time(endpoint.last_modified_time()),
                });
            }
        }
        // In a part of them "the only one" means nothing.
        if is_whole { served } else { Served::default() }
    }

    /// True if a row can be told without its models being searched for.
    fn is_known(&self, record: &types::Endpoint) -> bool {
        self.told(record, &Served::default(), false).is_some()
    }

    /// The row, if nothing more has to be asked.
    fn told(&self, record: &types::Endpoint, served: &Served, instances: bool) -> Option<Details> {
        let mut details = details(record);
        if let Some(config) = self.memory.configs.get(details.config.as_str()) {
            details.is_async = config.is_async;
            for variant in details.variants.iter_mut().chain(&mut details.shadow_variants) {
                configure(variant, &config);
                if let Some(name) = &variant.model {
                    variant.label = Some(self.known_label(name)?);
                }
            }
            return Some(details);
        }
        match (details.variants.as_mut_slice(), details.shadow_variants.is_empty()) {
            // Failed before it had any.
            ([], true) => Some(details),
            ([only], true) if !instances => {
                let known = self.memory.only_models.get(details.config.as_str());
                let model = known.or_else(|| only_model(record, served))?;
                only.label = Some(self.known_label(&model)?);
                self.memory.only_models.put(details.config.as_str(), model.clone());
                only.model = Some(model);
                Some(details)
            }
            _ => None,
        }
    }

    /// Records of a kind, and whether these are all of them.
    async fn found(
        &self,
        resource: &ResourceType,
        only: Option<&SearchExpression>,
        wanted: usize,
    ) -> Result<(Vec<SearchRecord>, bool), Fault> {
        // A screen does not wait for an account's whole history; who wants thousands of rows waits anyway.
        let pages = if wanted > FILTERED { 100 } else { 10 };
        let (mut out, mut token) = (Vec::new(), None);
        for _ in 0..pages {
            // In the default order: models have no time of a last change to sort by.
            let call = self
                .clients()
                .sagemaker
                .search()
                .resource(resource.clone())
                .set_search_expression(only.cloned())
                .max_results(PAGE)
                .set_next_token(token);
            let page = self.read(Service::SageMaker, doing("Search", "reading rows of endpoints"), call.send()).await?;
            out.extend(page.results.unwrap_or_default());
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok((out, true));
            }
        }
        Ok((out, false))
    }
}

/// `property` is one of `names`; `None` where these are more than an expression holds.
fn expression<'a>(property: &str, names: impl Iterator<Item = &'a Text>) -> Option<SearchExpression> {
    let filter = |name: &Text| Filter::builder().name(property).operator(Operator::Equals).value(name.raw()).build();
    let mut filters: Vec<Filter> = names.map(filter).collect();
    // The same question for the same rows, whatever their order in a map.
    filters.sort_by(|a, b| a.value().cmp(&b.value()));
    let any = || SearchExpression::builder().operator(BooleanOperator::Or);
    let of = |part: &[Filter]| any().set_filters(Some(part.to_vec())).build();
    if filters.is_empty() || filters.len() > FILTERED {
        return None;
    }
    if filters.len() <= FILTERS {
        return Some(of(&filters));
    }
    Some(any().set_sub_expressions(Some(filters.chunks(FILTERS).map(of).collect())).build())
}

/// True if the record is as new as the list's row, at rest, and has what a row shows. By the second: nothing says that the
/// index keeps the fraction, and nothing changes twice in one.
fn is_sure(record: &types::Endpoint, listed: Timestamp) -> bool {
    let status = record.endpoint_status().map(|status| EndpointStatus::parse(status.as_str()));
    let has_variants = !record.production_variants().is_empty() || status == Some(EndpointStatus::Failed);
    status.is_some_and(|status| status.is_at_rest())
        && has_variants
        && record.endpoint_config_name().is_some_and(|config| !config.is_empty())
        && time(record.last_modified_time()).secs() >= listed.secs()
}

/// The model of an endpoint's only variant, if exactly one names this state of the endpoint, and brings the images that are
/// deployed. (A variant of inference components has none, and no model.)
fn only_model(record: &types::Endpoint, served: &Served) -> Option<Text> {
    let [serving] = served.get(&text(record.endpoint_name()))?.as_slice() else { return None };
    let deployed = record.production_variants().first()?.deployed_images();
    let is_deployed = |image: &Text| deployed.iter().any(|other| text(other.specified_image()) == *image);
    let is_same = serving.modified.secs() == time(record.last_modified_time()).secs();
    (is_same && !deployed.is_empty() && serving.images.iter().all(is_deployed)).then(|| serving.model.clone())
}

fn details(record: &types::Endpoint) -> Details {
    Details {
        status: record.endpoint_status().map(|status| EndpointStatus::parse(status.as_str())),
        modified: time(record.last_modified_time()),
        indexed: true,
        config: text(record.endpoint_config_name()),
        failure: maybe(record.failure_reason()),
        variants: record.production_variants().iter().map(variant).collect(),
        shadow_variants: record.shadow_production_variants().iter().map(variant).collect(),
        pending: None,
        last_deployment: None,
        capture: record.data_capture_config().and_then(capture),
        is_async: false,
        unread: None,
        tags: pairs(record.tags()),
    }
}
