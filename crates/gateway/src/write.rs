//! Writes: each needs leave, goes out at most once, and ends as applied, refused or unknown.

use std::{error::Error, future::Future};

use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, MetricDatum, StateValue, Statistic};
use aws_sdk_sagemaker::types::{
    Alarm, AutoRollbackConfig, BlueGreenUpdatePolicy, CapacitySize, CapacitySizeType, DeploymentConfig,
    DesiredWeightAndCapacity, RollingUpdatePolicy, Tag, TrafficRoutingConfig, TrafficRoutingConfigType,
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut},
        },
        orchestrator::HttpResponse,
        result::SdkError,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{config_bag::ConfigBag, error::metadata::ProvideErrorMetadata, retry::RetryConfig};
use mldeck_core::{
    ask::{Sent, Write},
    fault::{Fault, FaultKind},
    ops::call::{ABORT_METRIC, ABORT_NAMESPACE, Call, UpdateEndpoint, VariantChange},
    resource::endpoint::{Deployment, Policy, Routing, Size},
    text::Text,
};

use crate::{
    Gateway, Grant, Pending,
    fault::{self, Doing},
    gate::Permit,
    pace::Service,
    wire,
};

/// Carries the permit to the gate, the plan's id to CloudTrail (by the user agent), and the request id back.
#[derive(Clone, Debug)]
struct Escort {
    permit: Permit,
    plan: Text,
    request_id: std::sync::Arc<std::sync::OnceLock<Text>>,
}

impl Intercept for Escort {
    fn name(&self) -> &'static str {
        "mldeck permit"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let plan: String = self.plan.as_str().chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        if let Some(agent) = request.headers().get("user-agent").map(str::to_owned) {
            request.headers_mut().insert("user-agent", format!("{agent} md/mldeck-plan#{plan}"));
        }
        request.add_extension(self.permit.clone());
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(id) = wire::request_id(context.response()) {
            let _ = self.request_id.set(id);
        }
        Ok(())
    }
}

/// Sends `$call` of service `$crate_name` with an escort and without retries.
macro_rules! escorted {
    ($client:ident, $call:expr, $escort:expr) => {
        $call
            .customize()
            .config_override($client::config::Config::builder().retry_config(RetryConfig::disabled()))
            .interceptor($escort.clone())
            .send()
    };
}

impl Gateway {
    /// Makes one write, once. Without a `grant` that covers it nothing leaves the process.
    pub fn send<'a>(&'a self, write: &'a Write, grant: &'a Grant) -> Pending<'a, Sent> {
        Box::pin(self.send_once(write, grant))
    }

    async fn send_once(&self, write: &Write, grant: &Grant) -> Sent {
        let doing = doing(&write.call);
        let refused = |message: &str| Sent::Refused(Fault::new(FaultKind::Refused, doing.words, message));
        let mut verified = match self.verified().await {
            Ok(verified) => verified,
            Err(fault) => return Sent::Refused(fault),
        };
        // Twice, because credentials may have been renewed since they were verified: then nothing was sent.
        for _ in 0..2 {
            if let Some(why) = grant.objection(write, &verified.identity.scope, self.now()) {
                return refused(&why);
            }
            let permit = Permit::new(grant, write, &verified.key);
            let sent = Box::pin(self.attempt(write, &permit, doing)).await;
            if !permit.other_key() {
                return sent;
            }
            verified = match self.verify().await {
                Ok(verified) => verified,
                Err(fault) => return Sent::Refused(fault),
            };
        }
        refused("the credentials keep changing")
    }

    async fn attempt(&self, write: &Write, permit: &Permit, doing: Doing) -> Sent {
        let escort = Escort { permit: permit.clone(), plan: write.plan.clone(), request_id: std::sync::Arc::default() };
        let clients = self.clients();
        let (sagemaker, cloudwatch) = (&clients.sagemaker, &clients.cloudwatch);
        match &write.call {
            Call::UpdateEndpoint(update) => {
                let call = update_endpoint(sagemaker, update);
                self.outcome(Service::SageMaker, doing, &escort, escorted!(aws_sdk_sagemaker, call, escort)).await
            }
            Call::UpdateWeights { endpoint, variants } => {
                let call = sagemaker
                    .update_endpoint_weights_and_capacities()
                    .endpoint_name(endpoint.raw())
                    .set_desired_weights_and_capacities(Some(variants.iter().map(desired).collect()));
                self.outcome(Service::SageMaker, doing, &escort, escorted!(aws_sdk_sagemaker, call, escort)).await
            }
            Call::AddTags { arn, tags } => {
                let tag = |(key, value): &(Text, Text)| Tag::builder().key(key.raw()).value(value.raw()).build();
                let call = sagemaker.add_tags().resource_arn(arn.raw()).set_tags(Some(tags.iter().map(tag).collect()));
                let sent = self.outcome(Service::SageMaker, doing, &escort, escorted!(aws_sdk_sagemaker, call, escort));
                let sent = sent.await;
                self.memory.tags.forget(arn.as_str());
                sent
            }
            Call::PutAbortAlarm { alarm, endpoint } => {
                let call = abort_alarm(cloudwatch, alarm, endpoint);
                self.outcome(Service::CloudWatch, doing, &escort, escorted!(aws_sdk_cloudwatch, call, escort)).await
            }
            Call::PutAbortMetric { endpoint } => {
                let datum = MetricDatum::builder()
                    .metric_name(ABORT_METRIC)
                    .dimensions(Dimension::builder().name("EndpointName").value(endpoint.raw()).build())
                    .value(1.0)
                    .build();
                let call = cloudwatch.put_metric_data().namespace(ABORT_NAMESPACE).metric_data(datum);
                self.outcome(Service::CloudWatch, doing, &escort, escorted!(aws_sdk_cloudwatch, call, escort)).await
            }
            Call::TripAlarm { alarm, reason } => {
                let call = cloudwatch
                    .set_alarm_state()
                    .alarm_name(alarm.raw())
                    .state_value(StateValue::Alarm)
                    .state_reason(reason.raw());
                self.outcome(Service::CloudWatch, doing, &escort, escorted!(aws_sdk_cloudwatch, call, escort)).await
            }
        }
    }

    async fn outcome<T, E>(
        &self,
        service: Service,
        doing: Doing,
        escort: &Escort,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Sent
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        self.pace.write(service);
        let Err(error) = Box::pin(call).await else {
            self.pace.faster(service);
            return Sent::Applied { request_id: escort.request_id.get().cloned() };
        };
        let fault = fault::from_sdk(&error, doing);
        self.learn_from_write(service, &fault);
        let answered = match &error {
            SdkError::ServiceError(service) => Some(service.raw().status().as_u16()),
            SdkError::ResponseError(response) => Some(response.raw().status().as_u16()),
            _ => None,
        };
        match answered {
            // A success that could not be read is a success or not: only the state tells.
            Some(400..=499) => Sent::Refused(fault),
            Some(_) => Sent::Unknown(fault),
            None if escort.permit.sent() => Sent::Unknown(fault),
            None => Sent::Refused(fault),
        }
    }
}

const fn doing(call: &Call) -> Doing {
    let (prefix, words) = match call {
        Call::UpdateEndpoint(_) => ("sagemaker", "updating the endpoint"),
        Call::UpdateWeights { .. } => ("sagemaker", "changing traffic and capacity"),
        Call::AddTags { .. } => ("sagemaker", "writing tags"),
        Call::PutAbortAlarm { .. } => ("cloudwatch", "creating the abort alarm"),
        Call::PutAbortMetric { .. } => ("cloudwatch", "writing the abort metric"),
        Call::TripAlarm { .. } => ("cloudwatch", "tripping the abort alarm"),
    };
    Doing { prefix, operation: call.operation(), words }
}

fn update_endpoint(
    client: &aws_sdk_sagemaker::Client,
    update: &UpdateEndpoint,
) -> aws_sdk_sagemaker::operation::update_endpoint::builders::UpdateEndpointFluentBuilder {
    client
        .update_endpoint()
        .endpoint_name(update.endpoint.raw())
        .endpoint_config_name(update.config.raw())
        .retain_all_variant_properties(update.retain_all)
        .set_deployment_config(update.deployment.as_ref().map(deployment))
}

fn deployment(deployment: &Deployment) -> DeploymentConfig {
    let config = DeploymentConfig::builder();
    let config = match &deployment.policy {
        Policy::Default => config,
        Policy::BlueGreen(policy) => {
            let traffic = TrafficRoutingConfig::builder().wait_interval_in_seconds(seconds(policy.wait_secs));
            let traffic = match policy.routing {
                Routing::AllAtOnce => traffic.r#type(TrafficRoutingConfigType::AllAtOnce),
                Routing::Canary(part) => traffic.r#type(TrafficRoutingConfigType::Canary).canary_size(size(part)),
                Routing::Linear(part) => traffic.r#type(TrafficRoutingConfigType::Linear).linear_step_size(size(part)),
            };
            config.blue_green_update_policy(
                BlueGreenUpdatePolicy::builder()
                    .traffic_routing_configuration(traffic.build())
                    .termination_wait_in_seconds(seconds(policy.termination_wait_secs))
                    .set_maximum_execution_timeout_in_seconds(policy.max_execution_secs.map(seconds))
                    .build(),
            )
        }
        Policy::Rolling(policy) => config.rolling_update_policy(
            RollingUpdatePolicy::builder()
                .maximum_batch_size(size(policy.batch))
                .wait_interval_in_seconds(seconds(policy.wait_secs))
                .set_rollback_maximum_batch_size(policy.rollback_batch.map(size))
                .set_maximum_execution_timeout_in_seconds(policy.max_execution_secs.map(seconds))
                .build(),
        ),
    };
    let alarms: Vec<Alarm> =
        deployment.alarms.iter().map(|name| Alarm::builder().alarm_name(name.raw()).build()).collect();
    let rollback = (!alarms.is_empty()).then(|| AutoRollbackConfig::builder().set_alarms(Some(alarms)).build());
    config.set_auto_rollback_configuration(rollback).build()
}

fn size(size: Size) -> CapacitySize {
    let (kind, value) = match size {
        Size::Instances(value) => (CapacitySizeType::InstanceCount, value),
        Size::Percent(value) => (CapacitySizeType::CapacityPercent, value),
    };
    CapacitySize::builder().r#type(kind).value(seconds(value)).build()
}

/// What is outside `i32` is outside what AWS takes: it says no to the bound as it would to the value.
fn seconds(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}

fn desired(change: &VariantChange) -> DesiredWeightAndCapacity {
    DesiredWeightAndCapacity::builder()
        .variant_name(change.variant.raw())
        .set_desired_weight(change.weight.map(|weight| weight as f32))
        .set_desired_instance_count(change.count.map(seconds))
        .build()
}

/// Quiet: no actions, and missing data is no breach.
fn abort_alarm(
    client: &aws_sdk_cloudwatch::Client,
    alarm: &Text,
    endpoint: &Text,
) -> aws_sdk_cloudwatch::operation::put_metric_alarm::builders::PutMetricAlarmFluentBuilder {
    client
        .put_metric_alarm()
        .alarm_name(alarm.raw())
        .namespace(ABORT_NAMESPACE)
        .metric_name(ABORT_METRIC)
        .dimensions(Dimension::builder().name("EndpointName").value(endpoint.raw()).build())
        .statistic(Statistic::Sum)
        .period(60)
        .evaluation_periods(1)
        .threshold(1.0)
        .comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold)
        .treat_missing_data("notBreaching")
        .actions_enabled(false)
}
