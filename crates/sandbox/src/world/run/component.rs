//! Experiments, trials and trial components: the classic API.

use std::collections::BTreeMap;

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{Run, Series, job};
use crate::world::{
    ApiError, Reply, Request, World,
    chance::Chance,
    epoch,
    estate::{self, FAMILIES, Family},
    lists::{self, Window, choice, without_nulls},
    pipeline,
};

/// The trial a run is in: its pipeline execution, or its author's.
pub(crate) fn trial(world: &World, run: &Run) -> String {
    match run.series {
        Series::Regular | Series::Branch => pipeline::trial(world, run),
        Series::Sweep => format!("{}-{}-sweep", run.family().name, run.by()),
        Series::Notebook => format!("{}-{}-notebook", run.family().name, run.by()),
    }
}

/// `TrialComponent` as Search and, but for `SourceDetail` and `Parents`, DescribeTrialComponent show it.
pub(crate) fn record(world: &World, run: &Run, at: Timestamp) -> Value {
    let mut body = describe_body(world, run, at);
    body["Parents"] = json!([{"ExperimentName": run.family().experiment, "TrialName": trial(world, run)}]);
    if run.has_job() {
        body["SourceDetail"] = json!({"SourceArn": run.job_arn(), "TrainingJob": job::record(world, run, at)});
    }
    body
}

fn summary(world: &World, run: &Run, at: Timestamp) -> Value {
    let standing = run.standing(world.seed, at);
    let message = if standing.status == "Failed" { run.failure() } else { None };
    without_nulls(json!({
        "TrialComponentName": run.component(),
        "TrialComponentArn": run.component_arn(),
        "DisplayName": run.name(),
        "TrialComponentSource": run.has_job().then(|| json!({"SourceArn": run.job_arn(), "SourceType": "SageMakerTrainingJob"})),
        "Status": without_nulls(json!({"PrimaryStatus": standing.status, "Message": message})),
        "StartTime": standing.training_start.map(epoch),
        "EndTime": standing.ended.map(epoch),
        "CreationTime": epoch(run.created),
        "CreatedBy": lists::user(run.by()),
        "LastModifiedTime": epoch(standing.modified),
        "LastModifiedBy": lists::user(run.by()),
    }))
}

fn describe_body(world: &World, run: &Run, at: Timestamp) -> Value {
    let mut body = summary(world, run, at);
    if let Value::Object(members) = &mut body
        && let Some(source) = members.remove("TrialComponentSource")
    {
        members.insert("Source".to_owned(), source);
    }
    body["Parameters"] = Value::Object(parameters(run));
    let artifact = |uri: String| json!({"MediaType": "text/csv", "Value": uri});
    body["InputArtifacts"] =
        json!({"train": artifact(run.channel("train")), "validation": artifact(run.channel("validation"))});
    if run.has_job() {
        body["OutputArtifacts"] =
            json!({"SageMaker.ModelArtifact": {"MediaType": "application/x-tar", "Value": run.artifact()}});
    }
    let commit = Chance::new(world.seed).named(run.family().name).of(u64::from(run.image)).commit();
    body["MetadataProperties"] = json!({
        "CommitId": commit,
        "Repository": format!("https://git.acme.example/ml/{}", run.family().name),
        "GeneratedBy": run.by(),
    });
    let metrics = run.recipe().metrics.iter().filter_map(|metric| {
        let summary = run.summary(world.seed, metric.name, at)?;
        Some(json!({
            "MetricName": metric.name,
            "SourceArn": if run.has_job() { run.job_arn() } else { run.component_arn() },
            "TimeStamp": epoch(summary.at),
            "Min": summary.min, "Max": summary.max, "Last": summary.last,
            "Avg": summary.mean, "StdDev": summary.deviation, "Count": summary.count,
        }))
    });
    body["Metrics"] = Value::Array(metrics.collect());
    body
}

/// Numbers as numbers, the rest as text; what SageMaker adds of its own begins with `SageMaker.`.
fn parameters(run: &Run) -> Map<String, Value> {
    let mut all: Map<String, Value> = job::hyperparameters(run)
        .into_iter()
        .map(|(name, text)| {
            let value =
                text.parse::<f64>().map_or_else(|_| json!({"StringValue": text}), |n| json!({"NumberValue": n}));
            (name.to_owned(), value)
        })
        .collect();
    if run.has_job() {
        all.insert("SageMaker.ImageUri".to_owned(), json!({"StringValue": run.image()}));
        all.insert("SageMaker.InstanceType".to_owned(), json!({"StringValue": run.instance()}));
        all.insert("SageMaker.InstanceCount".to_owned(), json!({"NumberValue": 1.0}));
        all.insert("SageMaker.VolumeSizeInGB".to_owned(), json!({"NumberValue": 50.0}));
    }
    all
}

/// A component of the past, or a summary of one that callers made.
enum Listed<'w> {
    Run(&'w Run),
    Own(Timestamp, Value),
}

impl Listed<'_> {
    fn name(&self) -> String {
        match self {
            Self::Run(run) => run.component(),
            Self::Own(_, value) => value["TrialComponentName"].as_str().unwrap_or_default().to_owned(),
        }
    }

    const fn order(&self) -> (Timestamp, u8, Series, u32) {
        match self {
            Self::Run(run) => (run.created, run.family, run.series, run.number),
            Self::Own(created, _) => (*created, u8::MAX, Series::Notebook, 0),
        }
    }
}

pub(super) fn list(world: &mut World, request: &Request<'_>) -> Reply {
    let sort = choice(request, "SortBy", &["Name", "CreationTime"])?.unwrap_or("CreationTime");
    let window = Window::new(request, "CreatedAfter", "CreatedBefore");
    let now = world.now();
    let runs = world
        .runs
        .at(now)
        .filter(|run| window.holds(run.created))
        .filter(|run| request.opt_text("ExperimentName").is_none_or(|name| run.family().experiment == name))
        .filter(|run| request.opt_text("TrialName").is_none_or(|name| trial(world, run) == name))
        .filter(|run| {
            let source = request.opt_text("SourceArn");
            source.is_none_or(|arn| run.has_job() && run.job_arn().eq_ignore_ascii_case(arn))
        })
        .map(Listed::Run);
    let own = world.components_asked(request).into_iter().filter(|(created, _)| window.holds(*created));
    let mut found: Vec<Listed<'_>> = runs.chain(own.map(|(created, value)| Listed::Own(created, value))).collect();
    match sort {
        "Name" => found.sort_by_cached_key(Listed::name),
        _ => found.sort_by_key(Listed::order),
    }
    if !lists::is_ascending(request)? {
        found.reverse();
    }
    let (page, next) = lists::page(&found, request)?;
    let told = |listed: &Listed<'_>| match listed {
        Listed::Run(run) => summary(world, run, now),
        Listed::Own(_, value) => value.clone(),
    };
    let summaries = page.iter().map(told).collect();
    Ok(lists::reply("TrialComponentSummaries", summaries, next))
}

pub(super) fn describe(world: &mut World, request: &Request<'_>) -> Reply {
    let given = request.text("TrialComponentName")?;
    let name = given.rsplit('/').next().unwrap_or(given);
    let now = world.now();
    if let Some(own) = world.own_component(name) {
        return Ok(own);
    }
    let run = world.runs.component(name, now).ok_or_else(|| missing("trial component", name))?;
    Ok(describe_body(world, run, now))
}

fn missing(what: &str, name: &str) -> ApiError {
    ApiError::new(400, "ResourceNotFound", format!("Requested {what} '{name}' does not exist."))
}

/// Experiments are as old as their families.
fn born(world: &World, family: &Family) -> Timestamp {
    family.registered(1, world.start).plus(-mldeck_core::time::DAY)
}

pub(crate) fn experiment(world: &World, family: &Family, at: Timestamp) -> Value {
    let newest = world.runs.at(at).filter(|run| run.family().name == family.name).map(|run| run.created).max();
    json!({
        "ExperimentName": family.experiment,
        "ExperimentArn": estate::arn("sagemaker", &format!("experiment/{}", family.experiment)),
        "DisplayName": family.experiment,
        "CreationTime": epoch(born(world, family)),
        "LastModifiedTime": epoch(newest.unwrap_or_else(|| born(world, family))),
    })
}

pub(super) fn list_experiments(world: &mut World, request: &Request<'_>) -> Reply {
    let sort = choice(request, "SortBy", &["Name", "CreationTime"])?.unwrap_or("CreationTime");
    let window = Window::new(request, "CreatedAfter", "CreatedBefore");
    let mut found: Vec<&Family> = FAMILIES.iter().filter(|family| window.holds(born(world, family))).collect();
    match sort {
        "Name" => found.sort_by_key(|family| family.experiment),
        _ => found.sort_by_key(|family| (born(world, family), family.experiment)),
    }
    if !lists::is_ascending(request)? {
        found.reverse();
    }
    let (page, next) = lists::page(&found, request)?;
    let now = world.now();
    let summaries = page.iter().map(|family| experiment(world, family, now)).collect();
    Ok(lists::reply("ExperimentSummaries", summaries, next))
}

pub(super) fn describe_experiment(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("ExperimentName")?;
    let family = FAMILIES.iter().find(|family| family.experiment == name).ok_or_else(|| missing("experiment", name))?;
    Ok(experiment(world, family, world.now()))
}

/// Trials by name: experiment, first and last run.
pub(crate) fn trials(world: &World, at: Timestamp) -> BTreeMap<String, (&'static str, Timestamp, Timestamp)> {
    let mut all = BTreeMap::new();
    for run in world.runs.at(at) {
        let entry = all.entry(trial(world, run)).or_insert((run.family().experiment, run.created, run.created));
        entry.1 = entry.1.min(run.created);
        entry.2 = entry.2.max(run.created);
    }
    all
}

pub(super) fn list_trials(world: &mut World, request: &Request<'_>) -> Reply {
    let sort = choice(request, "SortBy", &["Name", "CreationTime"])?.unwrap_or("CreationTime");
    let window = Window::new(request, "CreatedAfter", "CreatedBefore");
    let now = world.now();
    if let Some(name) = request.opt_text("ExperimentName")
        && !FAMILIES.iter().any(|family| family.experiment == name)
    {
        return Err(missing("experiment", name));
    }
    let of_component = match request.opt_text("TrialComponentName") {
        None => None,
        Some(name) => {
            let run = world.runs.component(name, now).ok_or_else(|| missing("trial component", name))?;
            Some(trial(world, run))
        }
    };
    let mut found: Vec<(String, (&str, Timestamp, Timestamp))> = trials(world, now)
        .into_iter()
        .filter(|(name, (experiment, created, _))| {
            window.holds(*created)
                && request.opt_text("ExperimentName").is_none_or(|wanted| *experiment == wanted)
                && of_component.as_ref().is_none_or(|wanted| wanted == name)
        })
        .collect();
    if sort == "CreationTime" {
        found.sort_by(|a, b| (a.1.1, &a.0).cmp(&(b.1.1, &b.0)));
    }
    if !lists::is_ascending(request)? {
        found.reverse();
    }
    let (page, next) = lists::page(&found, request)?;
    let entry = |(name, (_, created, modified)): &(String, (&str, Timestamp, Timestamp))| {
        json!({
            "TrialName": name,
            "TrialArn": estate::arn("sagemaker", &format!("experiment-trial/{name}")),
            "DisplayName": name,
            "CreationTime": epoch(*created),
            "LastModifiedTime": epoch(*modified),
        })
    };
    Ok(lists::reply("TrialSummaries", page.iter().map(entry).collect(), next))
}

/// What `Evaluate` writes about a regular run: its metrics at the end.
pub(crate) fn evaluation(world: &World, family: u8, number: u32) -> Value {
    let Some(run) = world.runs.get(family, Series::Regular, number) else {
        return json!({"metrics": {}});
    };
    let all: Map<String, Value> = run
        .recipe()
        .metrics
        .iter()
        .map(|metric| (metric.name.to_owned(), json!({"value": run.final_value(world.seed, metric)})))
        .collect();
    let objective = run.final_value(world.seed, &run.recipe().metrics[0]);
    json!({"metrics": {"objective": {"name": run.family().metric, "value": objective}, "all": all}})
}
