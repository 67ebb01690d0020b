//! Endpoints: the list, and what Describe, the config, its models and the tags add.

use aws_sdk_sagemaker::{
    operation::describe_endpoint::DescribeEndpointOutput,
    types::{
        CapacitySize, CapacitySizeType, DataCaptureConfigSummary, DeployedImage, DeploymentConfig, EndpointSortKey,
        EndpointSummary, OrderKey, PendingDeploymentSummary, PendingProductionVariantSummary, ProductionVariantStatus,
        ProductionVariantSummary, Tag, TrafficRoutingConfig, TrafficRoutingConfigType,
    },
};
use mldeck_core::{
    fault::Fault,
    mask,
    ops::snapshot::Config,
    resource::{
        Endpoint,
        endpoint::{
            BlueGreen, Capture, Deployment, Details, EndpointStatus, Image, Pending, Policy, Rolling, Routing, Size,
            Stage, Variant,
        },
    },
    text::Text,
    time::MINUTE,
};

mod rows;

use super::{PAGE, doing};
use crate::{Gateway, maybe, maybe_time, memory::Pairs, pace::Service, text, tidy, time};

/// 10 000 endpoints: a guard against tokens that never end, not a limit of ours.
const PAGES: usize = 100;
/// How old tags may be in a row. A plan reads them freshly.
const TAGS_AGE: i64 = 5 * MINUTE;
/// Prefix of the tags that mldeck writes.
const OURS: &str = "mldeck:";

/// Which tags an endpoint is completed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tags {
    /// A list shows none; one call less each.
    None,
    Remembered,
    Fresh,
}

impl Gateway {
    /// One page of the walk: the cheapest call, and the only one that shows deletions.
    pub(crate) async fn endpoints(&self, more: Option<&Text>) -> Result<(Vec<Endpoint>, Option<Text>), Fault> {
        // Which page it asks for stands before the token.
        let raw = more.map(Text::raw).unwrap_or_default();
        let (number, token) =
            raw.split_once(' ').map_or((1, None), |(n, token)| (n.parse().unwrap_or(PAGES), Some(token)));
        let call = self
            .clients()
            .sagemaker
            .list_endpoints()
            .sort_by(EndpointSortKey::CreationTime)
            .sort_order(OrderKey::Descending)
            .max_results(PAGE)
            .set_next_token(token.map(ToOwned::to_owned));
        let page = self.read(Service::SageMaker, doing("ListEndpoints", "listing endpoints"), call.send()).await?;
        let rows = page.endpoints().iter().map(row).collect();
        let next = page.next_token.filter(|next| !next.is_empty() && number < PAGES);
        Ok((rows, next.map(|next| Text::new(&format!("{} {next}", number + 1)))))
    }

    pub(crate) async fn details(&self, name: &Text) -> Result<Details, Fault> {
        let described = self.describe_endpoint(name).await?;
        Ok(self.complete(&described, Tags::Remembered).await)
    }

    /// One endpoint as it is now, with details.
    pub(crate) async fn endpoint_now(&self, name: &Text) -> Result<Endpoint, Fault> {
        let described = self.describe_endpoint(name).await?;
        let mut row = described_row(&described);
        row.details = Some(self.complete(&described, Tags::Remembered).await);
        Ok(row)
    }

    pub(crate) async fn describe_endpoint(&self, name: &Text) -> Result<DescribeEndpointOutput, Fault> {
        let call = self.clients().sagemaker.describe_endpoint().endpoint_name(name.raw());
        self.read(Service::SageMaker, doing("DescribeEndpoint", "reading an endpoint"), call.send()).await
    }

    /// Describe's answer with names of models and tags. What of those cannot be read stays empty, and of the configs and
    /// their models it is said why.
    pub(crate) async fn complete(&self, described: &DescribeEndpointOutput, tags: Tags) -> Details {
        let mut details = self.with_models(details(described)).await;
        if let Some(pending) = &mut details.pending {
            let unread = match self.endpoint_config(&pending.config).await {
                Ok(config) => {
                    self.name_models(&mut pending.variants, &config).await.err().map(|fault| unread("a model", &fault))
                }
                Err(fault) => Some(unread("the config that is coming", &fault)),
            };
            details.unread = details.unread.or(unread);
        }
        if let Some(arn) = described.endpoint_arn().filter(|_| tags != Tags::None) {
            details.tags = self.tags(arn, tags == Tags::Fresh).await.unwrap_or_default();
        }
        details
    }

    /// What the config in force and its models add.
    async fn with_models(&self, mut details: Details) -> Details {
        details.unread = match self.endpoint_config(&details.config).await {
            Ok(config) => {
                let variants = self.name_models(&mut details.variants, &config).await;
                let read = variants.and(self.name_models(&mut details.shadow_variants, &config).await);
                read.err().map(|fault| unread("a model", &fault))
            }
            Err(fault) => Some(unread("its config", &fault)),
        };
        details
    }

    /// # Errors
    /// The last model that could not be read; the others have their names.
    async fn name_models(&self, variants: &mut [Variant], config: &Config) -> Result<(), Fault> {
        let mut read = Ok(());
        for variant in variants {
            configure(variant, config);
            if let Some(name) = &variant.model {
                variant.label = match self.known_label(name) {
                    Some(label) => Some(label),
                    None => match self.model(name).await {
                        Ok(model) => Some(Text::new(&model.label())),
                        Err(fault) => {
                            read = Err(fault);
                            None
                        }
                    },
                };
            }
        }
        read
    }

    pub(crate) async fn tags(&self, arn: &str, fresh: bool) -> Result<Pairs, Fault> {
        let now = self.now();
        if let Some((at, tags)) = self.memory.tags.get(arn).filter(|(at, _)| !fresh && now.since(*at) < TAGS_AGE) {
            tracing::trace!(age = now.since(at), "tags from memory");
            return Ok(tags);
        }
        let call = self.clients().sagemaker.list_tags().resource_arn(arn).max_results(PAGE);
        let page = self.read(Service::SageMaker, doing("ListTags", "reading tags"), call.send()).await?;
        let tags = pairs(page.tags());
        self.memory.tags.put(arn, (now, tags.clone()));
        Ok(tags)
    }
}

fn unread(what: &str, fault: &Fault) -> Text {
    Text::new(&format!("{what}: {}", fault.kind.brief()))
}

fn pairs(tags: &[Tag]) -> Pairs {
    let pair = |tag: &Tag| {
        let key = tag.key().unwrap_or_default();
        let value = tag.value().unwrap_or_default();
        // Ours hold names of configs and ids of plans, which may look random and must come back as they are.
        let value = if key.starts_with(OURS) { Text::new(value) } else { mask::value(key, value) };
        (Text::new(key), value)
    };
    tags.iter().map(pair).collect()
}

/// What only the config says of a variant.
fn configure(variant: &mut Variant, config: &Config) {
    let in_config = config.variants.iter().chain(&config.shadow_variants).find(|other| other.name == variant.name);
    let Some(in_config) = in_config else { return };
    variant.instance_type = variant.instance_type.take().or_else(|| in_config.instance_type.clone());
    variant.serverless |= in_config.serverless;
    variant.model.clone_from(&in_config.model);
}

fn row(summary: &EndpointSummary) -> Endpoint {
    Endpoint {
        name: text(summary.endpoint_name()),
        arn: text(summary.endpoint_arn()),
        status: EndpointStatus::parse(summary.endpoint_status().map_or("", |status| status.as_str())),
        created: time(summary.creation_time()),
        modified: time(summary.last_modified_time()),
        details: None,
        vitals: None,
        alarms: Vec::new(),
        change: None,
    }
}

/// The row that Describe makes by itself.
pub(crate) fn described_row(described: &DescribeEndpointOutput) -> Endpoint {
    Endpoint {
        name: text(described.endpoint_name()),
        arn: text(described.endpoint_arn()),
        status: EndpointStatus::parse(described.endpoint_status().map_or("", |status| status.as_str())),
        created: time(described.creation_time()),
        modified: time(described.last_modified_time()),
        details: None,
        vitals: None,
        alarms: Vec::new(),
        change: None,
    }
}

fn details(described: &DescribeEndpointOutput) -> Details {
    Details {
        status: described.endpoint_status().map(|status| EndpointStatus::parse(status.as_str())),
        modified: time(described.last_modified_time()),
        indexed: false,
        config: text(described.endpoint_config_name()),
        failure: maybe(described.failure_reason()),
        variants: described.production_variants().iter().map(variant).collect(),
        shadow_variants: described.shadow_production_variants().iter().map(variant).collect(),
        pending: described.pending_deployment_summary().map(pending),
        last_deployment: described.last_deployment_config().map(deployment),
        capture: described.data_capture_config().and_then(capture),
        is_async: described.async_inference_config().is_some(),
        unread: None,
        tags: Vec::new(),
    }
}

fn variant(summary: &ProductionVariantSummary) -> Variant {
    Variant {
        name: text(summary.variant_name()),
        model: None,
        label: None,
        instance_type: None,
        current_count: summary.current_instance_count().map(i64::from),
        desired_count: summary.desired_instance_count().map(i64::from),
        current_weight: summary.current_weight().map(tidy),
        desired_weight: summary.desired_weight().map(tidy),
        images: summary.deployed_images().iter().map(image).collect(),
        stages: summary.variant_status().iter().map(stage).collect(),
        serverless: summary.current_serverless_config().is_some() || summary.desired_serverless_config().is_some(),
    }
}

fn pending_variant(summary: &PendingProductionVariantSummary) -> Variant {
    Variant {
        name: text(summary.variant_name()),
        model: None,
        label: None,
        instance_type: summary.instance_type().map(|kind| Text::new(kind.as_str())),
        current_count: summary.current_instance_count().map(i64::from),
        desired_count: summary.desired_instance_count().map(i64::from),
        current_weight: summary.current_weight().map(tidy),
        desired_weight: summary.desired_weight().map(tidy),
        images: summary.deployed_images().iter().map(image).collect(),
        stages: summary.variant_status().iter().map(stage).collect(),
        serverless: summary.current_serverless_config().is_some() || summary.desired_serverless_config().is_some(),
    }
}

fn image(image: &DeployedImage) -> Image {
    Image { specified: text(image.specified_image()), resolved: maybe(image.resolved_image()) }
}

fn stage(status: &ProductionVariantStatus) -> Stage {
    Stage {
        status: Text::new(status.status().map_or("", |status| status.as_str())),
        message: maybe(status.status_message()),
        since: maybe_time(status.start_time()),
    }
}

fn pending(summary: &PendingDeploymentSummary) -> Pending {
    Pending {
        config: text(summary.endpoint_config_name()),
        started: maybe_time(summary.start_time()),
        variants: summary.production_variants().iter().map(pending_variant).collect(),
    }
}

/// `None` for the empty object that some fakes send.
fn capture(capture: &DataCaptureConfigSummary) -> Option<Capture> {
    let destination = text(capture.destination_s3_uri());
    (!destination.is_empty()).then(|| Capture {
        enabled: capture.enable_capture().unwrap_or_default(),
        status: Text::new(capture.capture_status().map_or("", |status| status.as_str())),
        sampling_percent: capture.current_sampling_percentage().map_or(0, i64::from),
        destination,
    })
}

pub(crate) fn deployment(config: &DeploymentConfig) -> Deployment {
    let seconds = |value: Option<i32>| value.map_or(0, i64::from);
    let policy = if let Some(policy) = config.blue_green_update_policy() {
        let traffic = policy.traffic_routing_configuration();
        Policy::BlueGreen(BlueGreen {
            routing: traffic.map_or(Routing::AllAtOnce, routing),
            wait_secs: seconds(traffic.and_then(TrafficRoutingConfig::wait_interval_in_seconds)),
            termination_wait_secs: seconds(policy.termination_wait_in_seconds()),
            max_execution_secs: policy.maximum_execution_timeout_in_seconds().map(i64::from),
        })
    } else if let Some(policy) = config.rolling_update_policy() {
        Policy::Rolling(Rolling {
            batch: policy.maximum_batch_size().map_or(Size::Percent(0), size),
            wait_secs: seconds(policy.wait_interval_in_seconds()),
            rollback_batch: policy.rollback_maximum_batch_size().map(size),
            max_execution_secs: policy.maximum_execution_timeout_in_seconds().map(i64::from),
        })
    } else {
        Policy::Default
    };
    let alarms = config.auto_rollback_configuration().map(|auto| auto.alarms()).unwrap_or_default();
    Deployment { policy, alarms: alarms.iter().filter_map(|alarm| maybe(alarm.alarm_name())).collect() }
}

fn routing(traffic: &TrafficRoutingConfig) -> Routing {
    match traffic.r#type() {
        Some(TrafficRoutingConfigType::Canary) => Routing::Canary(traffic.canary_size().map_or(Size::Percent(0), size)),
        Some(TrafficRoutingConfigType::Linear) => {
            Routing::Linear(traffic.linear_step_size().map_or(Size::Percent(0), size))
        }
        _ => Routing::AllAtOnce,
    }
}

fn size(size: &CapacitySize) -> Size {
    let value = size.value().map_or(0, i64::from);
    match size.r#type() {
        Some(CapacitySizeType::InstanceCount) => Size::Instances(value),
        _ => Size::Percent(value),
    }
}
