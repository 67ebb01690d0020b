//! Everything the planner judges about one endpoint, read freshly.

use mldeck_core::{
    ask::TrailEvent,
    fault::{Fault, FaultKind},
    ops::{
        Snapshot,
        call::abort_alarm,
        snapshot::{Config, Model},
    },
    resource::{Alarm, Endpoint, endpoint::Details},
    text::Text,
    time::{DAY, Timestamp},
};

use aws_sdk_sagemaker::{
    operation::describe_endpoint::DescribeEndpointOutput,
    types::{EndpointConfigSortKey, OrderKey},
};

use super::{doing, endpoint};
use crate::{Gateway, lanes, pace::Service};

/// Candidates among configs of a similar name.
const CANDIDATES: usize = 20;
const TRAIL: i64 = 90 * DAY;
/// An endpoint that changes while it is read is read again, this often at most.
const ROUNDS: usize = 3;
const PREVIOUS: &str = "mldeck:previous-config";

type Trail = Result<Vec<TrailEvent>, Fault>;

impl Gateway {
    /// The slowest first, the endpoint itself last: CloudTrail may take minutes, and a plan on old facts is refused.
    pub(crate) async fn snapshot(&self, name: &Text, deep: bool, also: Option<&Text>) -> Result<Snapshot, Fault> {
        let trail = self.trail(name, deep).await;
        let mut described = self.describe_endpoint(name).await?;
        for _ in 0..ROUNDS {
            let mut snapshot = Box::pin(self.around(&described, trail.clone(), also)).await;
            let again = self.describe_endpoint(name).await?;
            snapshot.at = self.now();
            let mut details = self.complete(&again, endpoint::Tags::None).await;
            if let Some(before) = snapshot.endpoint.details.take().filter(|before| same_ground(before, &details)) {
                details.tags = before.tags;
                let alarms = std::mem::take(&mut snapshot.endpoint.alarms);
                let change = snapshot.endpoint.change.take();
                snapshot.endpoint =
                    Endpoint { details: Some(details), alarms, change, ..endpoint::described_row(&again) };
                return Ok(snapshot);
            }
            described = again;
        }
        let message = "it changes faster than it can be read";
        Err(Fault::new(FaultKind::Conflict, "reading an endpoint with its surroundings", message))
    }

    /// What surrounds an endpoint that was described.
    async fn around(&self, described: &DescribeEndpointOutput, trail: Option<Trail>, also: Option<&Text>) -> Snapshot {
        let mut endpoint = endpoint::described_row(described);
        let details = self.complete(described, endpoint::Tags::Fresh).await;
        let similar = self.similar_configs(&endpoint.name, &details.config).await;
        let names = candidates(&details, also, trail.as_ref(), similar.unwrap_or_default());
        let read = lanes::four(&names, |index| self.endpoint_config_anew(&names[index])).await;
        let configs: Vec<(Text, Result<Config, Fault>)> = names.iter().cloned().zip(read).collect();
        let models = self.models_of(&configs).await;
        let variants: Vec<Text> = details.variants.iter().map(|variant| variant.name.clone()).collect();
        let (alarms, scaling) =
            tokio::join!(self.alarms_of(&endpoint.name, &details), self.scaling(&endpoint.name, &variants));
        let abort = abort_alarm(&endpoint.name);
        let abort_alarm = alarms.as_ref().ok().and_then(|all| all.iter().find(|alarm| alarm.name == abort)).cloned();
        if let Ok(alarms) = &alarms {
            endpoint.alarms = alarms.iter().filter(|alarm| alarm.endpoint() == Some(&endpoint.name)).cloned().collect();
        }
        let newest = trail.as_ref().and_then(|trail| trail.as_ref().ok());
        endpoint.change = newest.and_then(|events| events.iter().find_map(TrailEvent::change));
        endpoint.details = Some(details);
        Snapshot { at: self.now(), endpoint, configs, models, alarms, scaling, trail, abort_alarm }
    }

    /// Alarms on the endpoint's own metrics, those of its last deployment, and its abort alarm.
    async fn alarms_of(&self, name: &Text, details: &Details) -> Result<Vec<Alarm>, Fault> {
        let deployment = details.last_deployment.as_ref().map(|last| last.alarms.as_slice()).unwrap_or_default();
        let abort = abort_alarm(name);
        let all = self.alarms().await?;
        let ours =
            |alarm: &Alarm| alarm.endpoint() == Some(name) || deployment.contains(&alarm.name) || alarm.name == abort;
        let mut found: Vec<Alarm> = all.into_iter().filter(ours).collect();
        // The walk is capped; what a guard depends on is asked for by name.
        let missing: Vec<Text> =
            deployment.iter().chain([&abort]).filter(|name| !found.iter().any(|a| a.name == **name)).cloned().collect();
        if !missing.is_empty() {
            found.extend(self.alarms_named(&missing).await?);
        }
        Ok(found)
    }

    async fn trail(&self, name: &Text, deep: bool) -> Option<Trail> {
        if !deep {
            return None;
        }
        let since: Timestamp = self.now().plus(-TRAIL);
        let events = self.changes(since).await;
        Some(events.map(|events| events.into_iter().filter(|event| event.endpoint == *name).collect()))
    }

    /// Configs whose name shares the stem, newest first; one page, because the filter works after the page is cut.
    async fn similar_configs(&self, endpoint: &Text, config: &Text) -> Result<Vec<Text>, Fault> {
        let call = self
            .clients()
            .sagemaker
            .list_endpoint_configs()
            .name_contains(stem(config.as_str(), endpoint.as_str()))
            .sort_by(EndpointConfigSortKey::CreationTime)
            .sort_order(OrderKey::Descending)
            .max_results(super::PAGE);
        let what = doing("ListEndpointConfigs", "listing endpoint configs");
        let page = self.read(Service::SageMaker, what, call.send()).await?;
        let names = page.endpoint_configs().iter().filter_map(|config| config.endpoint_config_name());
        Ok(names.take(CANDIDATES).map(Text::new).collect())
    }

    /// Every model those configs name, with whether its artifacts are there.
    async fn models_of(&self, configs: &[(Text, Result<Config, Fault>)]) -> Vec<(Text, Result<Model, Fault>)> {
        let mut names: Vec<Text> = Vec::new();
        for config in configs.iter().filter_map(|(_, config)| config.as_ref().ok()) {
            for name in config.variants.iter().chain(&config.shadow_variants).filter_map(|v| v.model.as_ref()) {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
        let models = lanes::four(&names, |index| {
            let name = &names[index];
            async move {
                let mut model = self.model_anew(name).await?;
                model.data_exists = self.all_exist(&model.data).await;
                Ok(model)
            }
        })
        .await;
        names.into_iter().zip(models).collect()
    }

    /// `Some(false)` only when S3 said so: what could not be checked is not missing.
    async fn all_exist(&self, uris: &[Text]) -> Option<bool> {
        let mut sure = !uris.is_empty();
        for uri in uris {
            match self.object_exists(&uri.raw()).await {
                Ok(true) => {}
                Ok(false) => return Some(false),
                Err(_) => sure = false,
            }
        }
        sure.then_some(true)
    }
}

/// The live config first, then what was asked for, then in order of trust: our tag, the trail, names alike.
fn candidates(details: &Details, also: Option<&Text>, trail: Option<&Trail>, similar: Vec<Text>) -> Vec<Text> {
    let pending = details.pending.as_ref().map(|pending| pending.config.clone());
    let tag = details.tags.iter().find(|(key, _)| key == PREVIOUS).map(|(_, value)| value.clone());
    let trail = trail.and_then(|trail| trail.as_ref().ok()).into_iter().flatten();
    let trail = trail.filter(|event| event.error.is_none()).filter_map(|event| event.config.clone());
    let mut names: Vec<Text> = Vec::new();
    for name in [details.config.clone()]
        .into_iter()
        .chain(pending)
        .chain(also.cloned())
        .chain(tag)
        .chain(trail.take(CANDIDATES))
        .chain(similar)
    {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Whether what was read around `before` still belongs to `now`.
fn same_ground(before: &Details, now: &Details) -> bool {
    let pending = |details: &Details| details.pending.as_ref().map(|pending| pending.config.clone());
    let alarms = |details: &Details| details.last_deployment.as_ref().map(|last| last.alarms.clone());
    let variants = |details: &Details| details.variants.iter().map(|variant| variant.name.clone()).collect::<Vec<_>>();
    before.config == now.config
        && pending(before) == pending(now)
        && alarms(before) == alarms(now)
        && variants(before) == variants(now)
}

/// What versions of a config's name have in common: without the tail that counts, dates or hashes.
fn stem<'a>(config: &'a str, endpoint: &'a str) -> &'a str {
    let counts = |part: &str| {
        let digits = part.trim_start_matches(['v', 'V', 'r']);
        !digits.is_empty()
            && digits.chars().all(|c| c.is_ascii_hexdigit())
            && digits.chars().any(|c| c.is_ascii_digit())
    };
    // `fraud-v18-c`: what comes before the first part that counts; letters behind it tell attempts apart.
    let mut end = 0;
    for part in config.split_inclusive(['-', '.']) {
        if end > 0 && counts(part.trim_end_matches(['-', '.'])) {
            return config[..end].trim_end_matches(['-', '.']);
        }
        end += part.len();
    }
    if config.is_empty() { endpoint } else { config }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stem_is_what_does_not_count() {
        let cases = [
            ("fraud-prod-v18", "fraud-prod"),
            ("fraud-v18-c", "fraud"),
            ("fraud-prod-2026-11-23-021100", "fraud-prod"),
            ("fraud-prod-9f3ab2", "fraud-prod"),
            ("fraud-prod", "fraud-prod"),
            ("churn", "churn"),
            ("v18", "v18"),
            ("", "endpoint"),
        ];
        for (config, expected) in cases {
            assert_eq!(stem(config, "endpoint"), expected, "{config}");
        }
    }

    #[test]
    fn candidates_come_in_order_of_trust_and_once() {
        let event = |config: &str, error: Option<&str>| TrailEvent {
            at: Timestamp::default(),
            name: Text::new("UpdateEndpoint"),
            endpoint: Text::new("fraud"),
            config: Some(Text::new(config)),
            by: Text::default(),
            error: error.map(Text::new),
            event_id: Text::default(),
        };
        let details = Details {
            config: Text::new("v18"),
            tags: vec![(Text::new(PREVIOUS), Text::new("v17"))],
            ..Details::default()
        };
        let trail = Ok(vec![event("v18", None), event("v99", Some("denied")), event("v16", None)]);
        let names =
            candidates(&details, Some(&Text::new("v3")), Some(&trail), vec![Text::new("v17"), Text::new("v15")]);
        assert_eq!(names, ["v18", "v3", "v17", "v16", "v15"].map(Text::new));
    }
}
