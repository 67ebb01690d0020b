//! The body of a Describe as AWS sent it: masked, pretty, and read as leniently as JSON allows.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::AfterDeserializationInterceptorContextRef},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use bytes::Bytes;
use mldeck_core::{
    fault::{Fault, FaultKind},
    mask,
    resource::{Job, Kind},
    text::Text,
};
use serde_json::Value;

use crate::{Gateway, fault::Doing, pace::Service};

/// Deeper CBOR is not shown.
const DEEPEST: usize = 64;

/// Keeps the body of the answer it rides on.
#[derive(Clone, Debug, Default)]
struct Body(Arc<Mutex<Option<Bytes>>>);

impl Intercept for Body {
    fn name(&self) -> &'static str {
        "mldeck raw body"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().map(Bytes::copy_from_slice);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = body;
        Ok(())
    }
}

impl Body {
    fn take(&self) -> Bytes {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

/// Sends `$call` with a [`Body`] and gives what it kept.
macro_rules! body_of {
    ($gateway:expr, $service:expr, $doing:expr, $call:expr) => {{
        let body = Body::default();
        let call = $call.customize().interceptor(body.clone());
        $gateway.read($service, $doing, call.send()).await?;
        body.take()
    }};
}

impl Gateway {
    /// By the name of its row: `transform/nightly-scores`.
    async fn raw_job(&self, row: &str) -> Result<Text, Fault> {
        let target = Job::target(row)
            .ok_or_else(|| Fault::new(FaultKind::Invalid, "reading the raw description", "it is no job"))?;
        let mut body = self.described(&target).await?;
        mask::json(&mut body);
        Ok(pretty(&body))
    }

    /// `name` is the row's name; for executions and versions their ARN.
    pub(crate) async fn raw(&self, kind: Kind, name: &Text) -> Result<Text, Fault> {
        let clients = self.clients();
        let (sagemaker, name) = (&clients.sagemaker, name.raw());
        let doing = |operation| Doing { prefix: "sagemaker", operation, words: "reading the raw description" };
        let of = Service::SageMaker;
        let body = match kind {
            Kind::Endpoint => {
                body_of!(self, of, doing("DescribeEndpoint"), sagemaker.describe_endpoint().endpoint_name(name))
            }
            Kind::Execution => {
                let call = sagemaker.describe_pipeline_execution().pipeline_execution_arn(name);
                body_of!(self, of, doing("DescribePipelineExecution"), call)
            }
            Kind::Run if name.contains(":experiment-trial-component/") => {
                let name = mldeck_core::id::arn_tail(&name);
                let call = sagemaker.describe_trial_component().trial_component_name(name);
                body_of!(self, of, doing("DescribeTrialComponent"), call)
            }
            Kind::Run => {
                let name = mldeck_core::id::arn_tail(&name);
                body_of!(
                    self,
                    of,
                    doing("DescribeTrainingJob"),
                    sagemaker.describe_training_job().training_job_name(name)
                )
            }
            Kind::ModelPackage => {
                let call = sagemaker.describe_model_package().model_package_name(name);
                body_of!(self, of, doing("DescribeModelPackage"), call)
            }
            Kind::Monitor => {
                let call = sagemaker.describe_monitoring_schedule().monitoring_schedule_name(name);
                body_of!(self, of, doing("DescribeMonitoringSchedule"), call)
            }
            Kind::Job => return self.raw_job(&name).await,
            Kind::Alarm => {
                let call = clients.cloudwatch.describe_alarms().alarm_names(name);
                let doing = Doing { prefix: "cloudwatch", ..doing("DescribeAlarms") };
                body_of!(self, Service::CloudWatch, doing, call)
            }
            Kind::Operation => {
                return Err(Fault::new(FaultKind::Invalid, "reading the raw description", "it is no thing of AWS"));
            }
        };
        let mut value = decoded(&body)
            .ok_or_else(|| Fault::new(FaultKind::Unreadable, "reading the raw description", "neither JSON nor CBOR"))?;
        mask::json(&mut value);
        Ok(pretty(&value))
    }
}

/// JSON, or CBOR as CloudWatch sends it.
fn decoded(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body)
        .ok()
        .or_else(|| ciborium::from_reader::<ciborium::Value, _>(body).ok().map(|value| json(value, 0)))
}

fn json(value: ciborium::Value, depth: usize) -> Value {
    use ciborium::Value as Cbor;
    if depth > DEEPEST {
        return Value::Null;
    }
    match value {
        Cbor::Integer(number) => i64::try_from(number).map_or(Value::Null, Value::from),
        Cbor::Float(number) => Value::from(number),
        Cbor::Text(text) => Value::String(text),
        Cbor::Bool(flag) => Value::Bool(flag),
        Cbor::Array(values) => values.into_iter().map(|value| json(value, depth + 1)).collect(),
        Cbor::Map(pairs) => {
            let pair = |(key, value): (Cbor, Cbor)| {
                let key = key.into_text().unwrap_or_else(|key| format!("{key:?}"));
                (key, json(value, depth + 1))
            };
            Value::Object(pairs.into_iter().map(pair).collect())
        }
        // Tag 1 is a time in epoch seconds.
        Cbor::Tag(_, value) => json(*value, depth + 1),
        Cbor::Bytes(bytes) => Value::from(format!("{} bytes", bytes.len())),
        _ => Value::Null,
    }
}

/// One text of many lines: [`Text::lines`] of its raw form gives them back.
fn pretty(value: &Value) -> Text {
    Text::new(&serde_json::to_string_pretty(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cbor_becomes_json() {
        use ciborium::Value as Cbor;
        let mut bytes = Vec::new();
        let value = Cbor::Map(vec![
            (Cbor::Text("AlarmName".into()), Cbor::Text("fraud-5xx".into())),
            (Cbor::Text("At".into()), Cbor::Tag(1, Box::new(Cbor::Float(1.5)))),
        ]);
        ciborium::into_writer(&value, &mut bytes).expect("written");
        assert_eq!(decoded(&bytes), Some(json!({"AlarmName": "fraud-5xx", "At": 1.5})));
        assert_eq!(decoded(b"<html>"), None);
    }
}
