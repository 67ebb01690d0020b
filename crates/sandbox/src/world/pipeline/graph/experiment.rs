//! Where the jobs of an execution are tracked: `PipelineExperimentConfig`.

use serde_json::{Value, json};

use super::{live::live, resolve, text};
use crate::world::{World, pipeline::Execution, shelf::experiments};

/// Experiment and trial as the definition says; where it says nothing, the pipeline's name and the execution's id, and `null`
/// means nowhere.
pub(crate) fn config(world: &World, execution: &Execution) -> Option<(String, String)> {
    let live = execution.live.as_deref()?;
    let definition: Value = serde_json::from_str(&live.definition).ok()?;
    let given = definition.get("PipelineExperimentConfig").cloned().unwrap_or_else(|| json!({}));
    if given.is_null() {
        return None;
    }
    let given = resolve::Scope { world, execution, live }.resolve(&given).ok()?;
    let said =
        |member: &str, or: String| Some(text(&given, member).to_owned()).filter(|name| !name.is_empty()).unwrap_or(or);
    let experiment = said("ExperimentName", execution.pipeline().to_owned());
    Some((experiment, said("TrialName", execution.id(world.seed))))
}

/// Makes the experiment and the trial of an execution that begins.
pub(crate) fn enroll(world: &mut World, index: u32) {
    let Some(execution) = world.pipelines.get(index) else { return };
    if let Some((experiment, trial)) = config(world, execution) {
        let by = execution.by().to_owned();
        experiments::pipeline_trial(world, &experiment, &trial, &by);
    }
}

/// Puts `ExperimentConfig` into what a job is asked for; the trial is there then.
pub(super) fn tell(world: &mut World, index: u32, kind: &str, input: &mut Value) {
    let is_tracked = ["Training", "Processing", "Transform"].contains(&kind) && input.get("ExperimentConfig").is_none();
    let found = live(world, index).filter(|_| is_tracked).and_then(|(execution, _)| config(world, execution));
    if let Some((experiment, trial)) = found {
        enroll(world, index);
        input["ExperimentConfig"] = json!({"ExperimentName": experiment, "TrialName": trial});
    }
}
