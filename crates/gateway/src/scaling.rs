//! Application Auto Scaling on an endpoint's variants.

use aws_sdk_applicationautoscaling::types::{ScalableTarget, ServiceNamespace};
use mldeck_core::{fault::Fault, ops::snapshot::ScalingTarget, text::Text};

use crate::{Gateway, fault::Doing, pace::Service};

/// Resource ids that one call takes.
const IDS: usize = 50;
const DOING: Doing =
    Doing { prefix: "application-autoscaling", operation: "DescribeScalableTargets", words: "reading autoscaling" };

impl Gateway {
    pub(crate) async fn scaling(&self, endpoint: &Text, variants: &[Text]) -> Result<Vec<ScalingTarget>, Fault> {
        let mut out = Vec::new();
        for chunk in variants.chunks(IDS) {
            let ids = chunk.iter().map(|variant| format!("endpoint/{}/variant/{}", endpoint.raw(), variant.raw()));
            let call = self
                .clients()
                .scaling
                .describe_scalable_targets()
                .service_namespace(ServiceNamespace::Sagemaker)
                .set_resource_ids(Some(ids.collect()));
            let page = self.read(Service::Scaling, DOING, call.send()).await?;
            out.extend(page.scalable_targets().iter().map(target));
        }
        Ok(out)
    }
}

fn target(target: &ScalableTarget) -> ScalingTarget {
    let suspended = target.suspended_state().is_some_and(|state| {
        [
            state.dynamic_scaling_in_suspended(),
            state.dynamic_scaling_out_suspended(),
            state.scheduled_scaling_suspended(),
        ]
        .contains(&Some(true))
    });
    ScalingTarget {
        variant: Text::new(target.resource_id().rsplit('/').next().unwrap_or_default()),
        min: i64::from(target.min_capacity()),
        max: i64::from(target.max_capacity()),
        suspended,
    }
}
