//! Endpoint configs and models: immutable, so each is read once.

use aws_sdk_sagemaker::{
    operation::{describe_endpoint_config::DescribeEndpointConfigOutput, describe_model::DescribeModelOutput},
    types::{self, ContainerDefinition, DataCaptureConfig, ProductionVariant},
};
use mldeck_core::{
    fault::Fault,
    mask,
    ops::snapshot::{Config, ConfigVariant, Model},
    resource::endpoint::{Capture, Image},
    text::Text,
    time::Timestamp,
};

use super::doing;
use crate::{Gateway, maybe, pace::Service, text, tidy, time};

impl Gateway {
    pub(crate) async fn endpoint_config(&self, name: &Text) -> Result<Config, Fault> {
        if let Some(config) = self.memory.configs.get(name.as_str()) {
            return Ok(config);
        }
        let call = self.clients().sagemaker.describe_endpoint_config().endpoint_config_name(name.raw());
        let said = self
            .read(Service::SageMaker, doing("DescribeEndpointConfig", "reading an endpoint config"), call.send())
            .await?;
        let config = config(&said);
        self.memory.configs.put(name.as_str(), config.clone());
        Ok(config)
    }

    /// Not from memory: whether it is still there is what a plan asks.
    pub(crate) async fn endpoint_config_anew(&self, name: &Text) -> Result<Config, Fault> {
        self.memory.configs.forget(name.as_str());
        self.endpoint_config(name).await
    }

    /// Not from memory: whether it is still there is what a plan asks.
    pub(crate) async fn model_anew(&self, name: &Text) -> Result<Model, Fault> {
        self.memory.models.forget(name.as_str());
        self.model(name).await
    }

    /// What a model is called in a row, if that is known without asking.
    pub(crate) fn known_label(&self, name: &Text) -> Option<Text> {
        let described = || self.memory.models.get(name.as_str()).map(|model| Text::new(&model.label()));
        described().or_else(|| self.memory.labels.get(name.as_str()))
    }

    pub(crate) async fn model(&self, name: &Text) -> Result<Model, Fault> {
        if let Some(model) = self.memory.models.get(name.as_str()) {
            return Ok(model);
        }
        let call = self.clients().sagemaker.describe_model().model_name(name.raw());
        let said = self.read(Service::SageMaker, doing("DescribeModel", "reading a model"), call.send()).await?;
        let model = model(&said);
        self.memory.models.put(name.as_str(), model.clone());
        Ok(model)
    }
}

fn config(said: &DescribeEndpointConfigOutput) -> Config {
    Config {
        name: text(said.endpoint_config_name()),
        arn: text(said.endpoint_config_arn()),
        created: time(said.creation_time()),
        variants: said.production_variants().iter().map(variant).collect(),
        shadow_variants: said.shadow_production_variants().iter().map(variant).collect(),
        capture: said.data_capture_config().and_then(capture),
        kms_key: maybe(said.kms_key_id()),
        is_async: said.async_inference_config().is_some(),
        has_explainer: said.explainer_config().is_some(),
        vpc_subnets: said
            .vpc_config()
            .map(|vpc| vpc.subnets())
            .unwrap_or_default()
            .iter()
            .map(|s| Text::new(s))
            .collect(),
        network_isolation: said.enable_network_isolation().unwrap_or_default(),
    }
}

/// `None` for the empty object that some fakes send.
fn capture(capture: &DataCaptureConfig) -> Option<Capture> {
    Some(Capture {
        enabled: capture.enable_capture().unwrap_or_default(),
        status: Text::default(),
        sampling_percent: capture.initial_sampling_percentage().map_or(0, i64::from),
        destination: maybe(capture.destination_s3_uri())?,
    })
}

fn variant(variant: &ProductionVariant) -> ConfigVariant {
    ConfigVariant {
        name: text(variant.variant_name()),
        model: maybe(variant.model_name()),
        instance_type: variant.instance_type().map(|kind| Text::new(kind.as_str())),
        initial_count: variant.initial_instance_count().map(i64::from),
        // AWS's default.
        initial_weight: variant.initial_variant_weight().map_or(1.0, tidy),
        serverless: variant.serverless_config().is_some(),
    }
}

fn model(said: &DescribeModelOutput) -> Model {
    Model {
        name: text(said.model_name()),
        arn: text(said.model_arn()),
        created: time(said.creation_time()),
        ..of_containers(&said.primary_container().into_iter().chain(said.containers()).collect::<Vec<_>>())
    }
}

/// As Search tells it: good for a label, and never remembered as the model itself, which a plan compares.
pub(crate) fn indexed(said: &types::Model) -> Model {
    Model {
        name: text(said.model_name()),
        arn: text(said.model_arn()),
        created: time(said.creation_time()),
        ..of_containers(&said.primary_container().into_iter().chain(said.containers()).collect::<Vec<_>>())
    }
}

fn of_containers(containers: &[&ContainerDefinition]) -> Model {
    let image = |container: &&ContainerDefinition| {
        container.image().map(|image| Image { specified: Text::new(image), resolved: None })
    };
    let mut environment: Vec<(Text, Text)> = containers
        .iter()
        .filter_map(|container| container.environment())
        .flatten()
        .map(|(key, value)| (Text::new(key), mask::value(key, value)))
        .collect();
    environment.sort();
    Model {
        name: Text::default(),
        arn: Text::default(),
        created: Timestamp::default(),
        images: containers.iter().filter_map(image).collect(),
        data: containers.iter().filter_map(|container| data(container)).collect(),
        package: containers.iter().find_map(|container| maybe(container.model_package_name())),
        environment,
        data_exists: None,
    }
}

fn data(container: &ContainerDefinition) -> Option<Text> {
    let source = || container.model_data_source()?.s3_data_source()?.s3_uri();
    maybe(container.model_data_url().or_else(source))
}
