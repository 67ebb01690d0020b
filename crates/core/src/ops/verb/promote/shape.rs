//! What an endpoint must be like for one version to take it over.

use super::{Ground, gates::Gate};
use crate::{
    id,
    ops::{
        guard::{Check, Finding},
        intent::Rollout,
        plan::Refusal,
        snapshot::Snapshot,
    },
    resource::endpoint::{Details, EndpointStatus},
    text::Text,
};

/// The one model that all variants serve.
pub(super) fn served(snapshot: &Snapshot, details: &Details) -> Result<Text, Vec<Refusal>> {
    let no = |check, text: String, remedy: &str| {
        Err(vec![Refusal { check, text, remedy: Some(remedy.to_owned()), cli: None }])
    };
    let status = &snapshot.endpoint.status;
    if *status != EndpointStatus::InService {
        let text = format!("it is {}: a version takes over only what is InService", status.as_str());
        return no(Check::Status, text, "Wait until it is InService, or bring it back first (B).");
    }
    let mut models: Vec<&Text> = Vec::new();
    for variant in &details.variants {
        let Some(model) = &variant.model else {
            let text =
                format!("variant {} serves inference components: their models are updated one by one", variant.name);
            return no(Check::Components, text, "aws sagemaker update-inference-component changes one of them.");
        };
        if !models.contains(&model) {
            models.push(model);
        }
    }
    match models.as_slice() {
        [model] => Ok((*model).clone()),
        [] => no(Check::Model, "the endpoint names no variant".to_owned(), "F5 reads it again."),
        _ => {
            let each = |variant: &crate::resource::endpoint::Variant| {
                format!("{} serves {}", variant.name, variant.model.as_ref().map_or("?", Text::as_str))
            };
            let all = details.variants.iter().map(each).collect::<Vec<_>>().join(", ");
            let text = format!("its variants serve different models: {all}");
            no(Check::VariantNames, text, "Give one of them all traffic first, or make a config by hand.")
        }
    }
}

/// What stands against it, whatever the version is.
pub(super) fn findings(ground: &Ground<'_>) -> Vec<Finding> {
    let mut out = vec![Finding::ok(Check::Status, "InService")];
    let variants = &ground.details.variants;
    let live = ground.live().map(|config| config.shadow_variants.as_slice()).unwrap_or_default();
    if let Some(shadow) =
        live.iter().map(|v| &v.name).chain(ground.details.shadow_variants.iter().map(|v| &v.name)).next()
    {
        let text = format!("shadow variant {shadow} gets copies of the traffic: a test runs, and this would end it");
        out.push(Finding::block(Check::VariantNames, text).remedy("End the shadow test first."));
    }
    let serverless = variants.iter().filter(|variant| variant.serverless).count();
    if serverless > 0 && serverless < variants.len() {
        let text = "some variants are serverless and some run on instances: no guardrail covers both";
        out.push(Finding::block(Check::InstanceType, text).remedy("Change them by hand, one after the other."));
    }
    if ground.rollout == Rollout::Rolling {
        let whole = variants.len() == 1 && variants.iter().all(|variant| variant.desired_count > Some(1));
        if !whole {
            let text = "rolling wants one variant with two instances or more";
            out.push(Finding::block(Check::Guardrails, text).remedy("Choose canary."));
        }
    }
    let is_live = ground.snapshot.models.iter().any(|(name, model)| {
        let package = model.as_ref().ok().and_then(|model| model.package.as_ref());
        variants.iter().any(|variant| variant.model.as_ref() == Some(name))
            && package.is_some_and(|arn| id::same_arn(arn.as_str(), ground.package.as_str()))
    });
    if is_live {
        out.push(Finding::block(Check::Model, format!("{} is what is live already", ground.label())));
    }
    if ground.live_model.fact("/ExecutionRoleArn").is_empty() {
        out.push(Finding::block(Check::Model, "the live model's execution role could not be read"));
    }
    out.extend(containers(ground));
    out
}

/// What the live model adds to its version and the new one will not have.
fn containers(ground: &Ground<'_>) -> Option<Finding> {
    let body = &ground.live_model.body;
    let several = body.get("Containers").and_then(serde_json::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if several.len() > 1 {
        let text = format!(
            "the live model is made of {} containers of its own: one version does not replace it",
            several.len()
        );
        return Some(Finding::block(Check::Interface, text).remedy("Make the model by hand."));
    }
    let container = body.get("PrimaryContainer").or_else(|| several.first())?;
    let names: Vec<String> =
        container.get("Environment")?.as_object()?.keys().map(|key| Text::new(key).to_string()).collect();
    let text = format!(
        "the live model's container has in its environment: {}; the new one has what its version says",
        names.join(", ")
    );
    (!names.is_empty()).then(|| Finding::warn(Check::Interface, text))
}

/// Words that name no gate, and a reason that is missing.
pub(super) fn accepted(ground: &Ground<'_>, goes_without: bool, reason: Option<&Text>) -> Vec<Finding> {
    let mut out: Vec<Finding> = ground
        .accept
        .iter()
        .filter(|word| Gate::parse(word.as_str()).is_none())
        .map(|word| {
            let all = Gate::ALL.map(Gate::word).join(", ");
            Finding::block(Check::Reason, format!("there is no gate {word}")).remedy(format!("There are {all}."))
        })
        .collect();
    if goes_without && reason.is_none_or(|reason| reason.as_str().trim().is_empty()) {
        let text = "who goes on without a gate says why: the ledger keeps it";
        out.push(Finding::block(Check::Reason, text).remedy("Type a reason (shift-tab), or --reason TEXT."));
    }
    out
}
