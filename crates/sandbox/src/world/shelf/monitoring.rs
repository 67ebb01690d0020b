//! Job definitions of Model Monitor, of the four types.

use serde_json::{Map, Value};

use super::{Item, World, kind::Kind, life::STILL};

pub(super) const KINDS: &[Kind] = &[
    definition("DataQualityJobDefinition", "ListDataQualityJobDefinitions", "data-quality-job-definition"),
    definition("ModelQualityJobDefinition", "ListModelQualityJobDefinitions", "model-quality-job-definition"),
    definition("ModelBiasJobDefinition", "ListModelBiasJobDefinitions", "model-bias-job-definition"),
    definition(
        "ModelExplainabilityJobDefinition",
        "ListModelExplainabilityJobDefinitions",
        "model-explainability-job-definition",
    ),
];

const fn definition(noun: &'static str, list: &'static str, path: &'static str) -> Kind {
    Kind { told: definition_told, ..Kind::new(noun, list, path, &["JobDefinitionName"], "JobDefinitionArn", STILL) }
}

/// Lists call it by other names, and by the endpoint it looks at.
fn definition_told(_: &World, _: &Item, record: &mut Map<String, Value>) {
    for (from, to) in
        [("JobDefinitionName", "MonitoringJobDefinitionName"), ("JobDefinitionArn", "MonitoringJobDefinitionArn")]
    {
        if let Some(value) = record.get(from).cloned() {
            record.insert(to.to_owned(), value);
        }
    }
    let input = record.iter().find(|(member, _)| member.ends_with("JobInput")).map(|(_, input)| input);
    let endpoint = input.and_then(|input| input.get("EndpointInput")?.get("EndpointName")).cloned();
    // Where a transform job is looked at, the member is there and empty: the model wants it.
    record.insert("EndpointName".to_owned(), endpoint.unwrap_or_else(|| "".into()));
}
