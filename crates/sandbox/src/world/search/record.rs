//! The records Search looks through. The large kinds answer for their common properties without being written out.

use std::cell::OnceCell;

use mldeck_core::time::Timestamp;
use serde_json::Value;

use super::{
    evaluate::{Field, Fields, elements, walk},
    schema::Type,
};
use crate::world::{
    World, monitor, pipeline, registry,
    run::{self, Depth, Run},
    shelf::experiments,
};

pub(super) enum Item<'w> {
    Job(&'w Run),
    Component(&'w Run),
    /// The component of a run that callers changed: it must be written out.
    Changed(&'w Run),
    Execution(&'w pipeline::Execution),
    /// Small kinds are written out at once.
    Whole(Value),
}

pub(super) struct Record<'w> {
    world: &'w World,
    /// The state it is seen in: now, or earlier when the index lags.
    at: Timestamp,
    item: Item<'w>,
    written: OnceCell<Value>,
    /// The same without metrics, and without the job that a component is of.
    outlined: OnceCell<Value>,
}

/// Where a component tells of the job that it is of.
const JOB: &str = "SourceDetail.TrainingJob.";

impl<'w> Record<'w> {
    const fn new(world: &'w World, at: Timestamp, item: Item<'w>) -> Self {
        Self { world, at, item, written: OnceCell::new(), outlined: OnceCell::new() }
    }

    pub(super) fn value(&self) -> &Value {
        self.written.get_or_init(|| self.write(Depth::Whole))
    }

    fn write(&self, depth: Depth) -> Value {
        let mut value = match &self.item {
            Item::Job(run) => run::job_record(self.world, run, self.at, depth),
            Item::Component(run) | Item::Changed(run) => experiments::of_run(self.world, run, self.at, depth),
            Item::Execution(execution) => pipeline::record(self.world, execution, self.at),
            Item::Whole(value) => return value.clone(),
        };
        if let Some(arn) = self.arn() {
            add_tags(self.world, &arn, &mut value);
        }
        value
    }

    /// As much of it as a property needs.
    fn told(&self, name: &str) -> &Value {
        match &self.item {
            Item::Job(_) | Item::Component(_) if !name.contains("Metric") => {
                self.outlined.get_or_init(|| self.write(Depth::Outline))
            }
            Item::Whole(value) => value,
            _ => self.value(),
        }
    }

    /// Lets go of what was written: of a hundred thousand records only those of a page are wanted again.
    pub(super) fn forget(&mut self) {
        (self.written, self.outlined) = (OnceCell::new(), OnceCell::new());
    }

    fn arn(&self) -> Option<String> {
        match &self.item {
            Item::Job(run) => Some(run.job_arn()),
            Item::Component(run) | Item::Changed(run) => Some(run.component_arn()),
            Item::Execution(execution) => Some(execution.arn(self.world.seed)),
            Item::Whole(_) => None,
        }
    }

    /// What is asked for most, without writing the record out. `None`: look into the record.
    fn shortcut(&self, name: &str, kind: Type) -> Option<Vec<Field>> {
        let (seed, at) = (self.world.seed, self.at);
        let text = |text: &str| Some(vec![Field::Text(text.to_owned())]);
        let time = |time: Timestamp| Some(vec![Field::Time(time)]);
        match (&self.item, name) {
            (Item::Job(run) | Item::Component(run), "CreationTime") => time(run.created),
            (Item::Job(run) | Item::Component(run), "LastModifiedTime") => time(run.standing(seed, at).modified),
            (Item::Job(run), "TrainingJobName") => text(&run.name()),
            (Item::Job(run), "TrainingJobStatus") => text(run.standing(seed, at).status),
            (Item::Job(run), "SecondaryStatus") => text(run.standing(seed, at).secondary),
            (Item::Job(run), "FailureReason") => {
                let is_failed = run.standing(seed, at).status == "Failed";
                Some(run.failure().filter(|_| is_failed).map(Field::Text).into_iter().collect())
            }
            (Item::Job(run), "ResourceConfig.InstanceType") => text(run.instance()),
            (Item::Job(run), "AlgorithmSpecification.TrainingImage") => text(&run.image()),
            (Item::Job(run), "ExperimentConfig.ExperimentName") => text(run.family().experiment),
            (Item::Job(run), _) if name.starts_with("Metrics.") => {
                let value = run.last_value(seed, &name["Metrics.".len()..], at);
                Some(value.map(Field::Number).into_iter().collect())
            }
            (Item::Job(run), _) if name.starts_with("HyperParameters.") => {
                Some(varied(run, &name["HyperParameters.".len()..])?.into_iter().collect())
            }
            (Item::Component(run), "TrialComponentName") => text(&run.component()),
            (Item::Component(run), "TrialComponentArn") => text(&run.component_arn()),
            (Item::Component(run), "Source.SourceArn" | "SourceDetail.SourceArn") => {
                Some(run.has_job().then(|| Field::Text(run.job_arn())).into_iter().collect())
            }
            (Item::Component(run), "Source.SourceType") => {
                Some(run.has_job().then(|| Field::Text("SageMakerTrainingJob".to_owned())).into_iter().collect())
            }
            (Item::Component(run), _) if name.starts_with(JOB) => {
                let (name, has_metrics) = (&name[JOB.len()..], name.contains("Metric"));
                let depth = if has_metrics { Depth::Whole } else { Depth::Outline };
                let job = run.has_job().then(|| run::job_record(self.world, run, at, depth));
                Some(job.map(|job| look(&job, name, kind)).unwrap_or_default())
            }
            (Item::Component(run), "Parents.TrialName") => text(&run::trial(self.world, run)),
            (Item::Component(run), "DisplayName") => text(&run.name()),
            (Item::Component(run), "Status.PrimaryStatus") => text(run.standing(seed, at).status),
            (Item::Component(run), "Parents.ExperimentName") => text(run.family().experiment),
            (Item::Component(run), _) if name.starts_with("Metrics.") => {
                metric(run, seed, at, &name["Metrics.".len()..])
            }
            (Item::Component(run), _) if name.starts_with("Parameters.") => {
                let key = name["Parameters.".len()..].trim_end_matches(".NumberValue");
                Some(varied(run, key)?.into_iter().collect())
            }
            (Item::Execution(execution), "CreationTime") => time(execution.started),
            (Item::Execution(execution), "LastModifiedTime") => time(execution.modified(self.world, at)),
            (Item::Execution(execution), "PipelineExecutionStatus") => text(execution.status(self.world, at)),
            (Item::Execution(execution), "PipelineArn") => text(&pipeline::pipeline_arn(execution.pipeline())),
            (Item::Execution(execution), "PipelineParameters.Value") => {
                Some(execution.named_parameters().into_iter().map(|(_, value)| Field::Text(value)).collect())
            }
            (Item::Execution(execution), "PipelineExecutionDisplayName") => text(&execution.display()),
            _ => None,
        }
    }
}

/// A varied hyperparameter as the number it reads as; `None` for the fixed ones.
fn varied(run: &Run, name: &str) -> Option<Option<Field>> {
    let at = run.recipe().knobs.iter().position(|knob| knob.name == name)?;
    Some(run::recipe::spell(run.knobs[at]).parse().ok().map(Field::Number))
}

/// `val/auc` and `val/auc.Last` are the newest value; other statistics need the curve.
fn metric(run: &Run, seed: u64, at: Timestamp, path: &str) -> Option<Vec<Field>> {
    let (name, stat) = path.rsplit_once('.').unwrap_or((path, "Last"));
    let value = match stat {
        "Last" => run.last_value(seed, name, at),
        "Min" => run.summary(seed, name, at).map(|summary| summary.min),
        "Max" => run.summary(seed, name, at).map(|summary| summary.max),
        "Avg" => run.summary(seed, name, at).map(|summary| summary.mean),
        "StdDev" => run.summary(seed, name, at).map(|summary| summary.deviation),
        "Count" => run.summary(seed, name, at).map(|summary| f64::from(summary.count)),
        _ => None,
    };
    Some(value.map(Field::Number).into_iter().collect())
}

impl Fields for Record<'_> {
    fn fields(&self, name: &str, kind: Type) -> Vec<Field> {
        self.shortcut(name, kind).unwrap_or_else(|| look(self.told(name), name, kind))
    }

    fn elements(&self, list: &str) -> Vec<Value> {
        elements(self.told(list), list)
    }
}

/// Looks a property up in a written record. Keys of maps may have dots in them.
fn look(value: &Value, name: &str, kind: Type) -> Vec<Field> {
    let (head, rest) = name.split_once('.').unwrap_or((name, ""));
    let read = |value: &Value| Field::read(value, kind);
    let keyed = |key: &str, member: &str, wanted: &str| {
        let entries = value.get(head).and_then(Value::as_array).into_iter().flatten();
        entries.filter(|entry| entry[key] == wanted).filter_map(|entry| read(&entry[member])).collect()
    };
    match head {
        "Tags" => keyed("Key", "Value", rest),
        "Metrics" if value.get("FinalMetricDataList").is_some() => {
            let entries = value["FinalMetricDataList"].as_array().into_iter().flatten();
            entries.filter(|entry| entry["MetricName"] == rest).filter_map(|entry| read(&entry["Value"])).collect()
        }
        "Metrics" => {
            let (name, stat) = rest.rsplit_once('.').unwrap_or((rest, "Last"));
            keyed("MetricName", stat, name)
        }
        "HyperParameters" | "CustomerMetadataProperties" | "Environment" => {
            value.get(head).and_then(|map| map.get(rest)).and_then(read).into_iter().collect()
        }
        "Parameters" => {
            let (key, member) = ["NumberValue", "StringValue"]
                .iter()
                .find_map(|member| Some((rest.strip_suffix(member)?.strip_suffix('.')?, Some(*member))))
                .unwrap_or((rest, None));
            let Some(entry) = value.get(head).and_then(|map| map.get(key)).and_then(Value::as_object) else {
                return Vec::new();
            };
            entry
                .iter()
                .filter(|(name, _)| member.is_none_or(|member| *name == member))
                .filter_map(|(_, v)| read(v))
                .collect()
        }
        "InputArtifacts" | "OutputArtifacts" => {
            let (key, member) = rest.rsplit_once('.').unwrap_or((rest, "Value"));
            value.get(head).and_then(|map| map.get(key)).and_then(|entry| read(&entry[member])).into_iter().collect()
        }
        "ModelName" | "ModelArn" | "ExecutionRoleArn" | "PrimaryContainer" | "Containers"
            if value.get("Model").is_some() =>
        {
            walk(&value["Model"], name, kind)
        }
        "CreationTime" | "LastModifiedTime" if value.get("Model").is_some() => {
            walk(&value["Model"], "CreationTime", kind)
        }
        "LastModifiedTime" if value.get(head).is_none() => walk(value, "CreationTime", kind),
        _ => walk(value, name, kind),
    }
}

fn add_tags(world: &World, arn: &str, value: &mut Value) {
    let tags = world.tags.list(arn);
    if !tags.is_empty() {
        value["Tags"] = Value::Array(tags);
    }
}

/// All records of a kind as the index sees them at `at`, one arm per kind; `serving` are endpoints and models, which live in their own area.
pub(super) fn all<'w>(world: &'w World, resource: &str, at: Timestamp, serving: Vec<Value>) -> Vec<Record<'w>> {
    let record = |item: Item<'w>| Record::new(world, at, item);
    let whole = |arn: &str, mut value: Value| {
        add_tags(world, value[arn].as_str().unwrap_or_default().to_owned().as_str(), &mut value);
        record(Item::Whole(value))
    };
    match resource {
        "TrainingJob" => world
            .runs
            .at(at)
            .filter(|run| run.has_job())
            .map(|run| record(Item::Job(run)))
            .chain(world.searched("TrainingJob", at).map(|value| whole("TrainingJobArn", value)))
            .collect(),
        "ExperimentTrialComponent" => world
            .runs
            .at(at)
            .filter_map(|run| {
                let item = if experiments::short_cut_holds(world, run)? { Item::Component } else { Item::Changed };
                Some(record(item(run)))
            })
            .chain(experiments::others(world, at).into_iter().map(|value| whole("TrialComponentArn", value)))
            .collect(),
        "HyperParameterTuningJob" => world
            .searched("HyperParameterTuningJob", at)
            .map(|value| whole("HyperParameterTuningJobArn", value))
            .collect(),
        "PipelineExecution" => world.pipelines.at(at).map(|execution| record(Item::Execution(execution))).collect(),
        "Pipeline" => world
            .pipelines
            .names()
            .filter_map(|name| pipeline::pipeline_record(world, name, at))
            .map(|value| whole("PipelineArn", value))
            .collect(),
        "Experiment" => world.searched("Experiment", at).map(|value| whole("ExperimentArn", value)).collect(),
        "ExperimentTrial" => {
            experiments::trial_records(world, at).into_iter().map(|value| whole("TrialArn", value)).collect()
        }
        "ModelPackage" => world
            .registry
            .groups
            .values()
            .flat_map(|group| &group.packages)
            .filter_map(|package| registry::record(world, package, at))
            .map(|value| whole("ModelPackageArn", value))
            .collect(),
        "ModelPackageGroup" => world
            .registry
            .groups
            .iter()
            .filter(|(_, group)| group.created <= at)
            .map(|(name, group)| whole("ModelPackageGroupArn", registry::group_record(name, group)))
            .collect(),
        "Endpoint" => serving
            .into_iter()
            .map(|mut value| {
                let name = value["EndpointName"].as_str().unwrap_or_default().to_owned();
                let schedules = monitor::inline(world, &name, at);
                if !schedules.is_empty() {
                    value["MonitoringSchedules"] = Value::Array(schedules);
                }
                whole("EndpointArn", value)
            })
            .collect(),
        "Model" => serving
            .into_iter()
            .map(|mut value| {
                let arn = value["Model"]["ModelArn"].as_str().unwrap_or_default().to_owned();
                add_tags(world, &arn, &mut value["Model"]);
                let names: Vec<String> = value["Endpoints"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|endpoint| Some(endpoint["EndpointName"].as_str()?.to_owned()))
                    .collect();
                let schedules: Vec<Value> = names.iter().flat_map(|name| monitor::dashboard(world, name, at)).collect();
                value["MonitoringSchedules"] = Value::Array(schedules);
                record(Item::Whole(value))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether the short way gives what the record says.
#[cfg(test)]
pub(super) fn shortcut_agrees(record: &Record<'_>, name: &str, kind: Type) -> bool {
    record.fields(name, kind) == look(record.value(), name, kind)
}
