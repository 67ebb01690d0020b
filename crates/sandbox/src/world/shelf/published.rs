//! What jobs of callers publish to CloudWatch: the values that their metric definitions find, and how busy their instances
//! are. Nothing of it is kept; it is derived when somebody looks.

use mldeck_core::time::{DAY, MINUTE, Timestamp};
use serde_json::Value;

use super::{Item, World, kind::text, transform};
use crate::world::{chance::Chance, component, metric::Key};

/// One kind of job that publishes.
struct Publisher {
    noun: &'static str,
    namespace: &'static str,
    /// The member that has its name.
    name: &'static str,
    /// Where it tells its instances.
    resources: &'static [&'static str],
}

const TRAINING: &str = "TrainingJob";
/// The dimensions of values that definitions find, and of instances.
const JOB: &str = "TrainingJobName";
const HOST: &str = "Host";

const PUBLISHERS: &[Publisher] = &[
    Publisher { noun: TRAINING, namespace: "/aws/sagemaker/TrainingJobs", name: JOB, resources: &["ResourceConfig"] },
    Publisher {
        noun: "ProcessingJob",
        namespace: "/aws/sagemaker/ProcessingJobs",
        name: "ProcessingJobName",
        resources: &["ProcessingResources", "ClusterConfig"],
    },
    Publisher {
        noun: transform::NOUN,
        namespace: "/aws/sagemaker/TransformJobs",
        name: "TransformJobName",
        resources: &["TransformResources"],
    },
];

/// What a percentage is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// Each processor and each GPU of an instance adds its own hundred.
    Processors,
    Gpus,
    Instance,
}

/// How busy an instance is, in percent, before its work begins and in it.
const BUSY: &[(&str, Of, f64, f64)] = &[
    ("CPUUtilization", Of::Processors, 4.0, 78.0),
    ("MemoryUtilization", Of::Instance, 9.0, 47.0),
    ("DiskUtilization", Of::Instance, 6.0, 13.0),
    ("GPUUtilization", Of::Gpus, 0.0, 84.0),
    ("GPUMemoryUtilization", Of::Gpus, 1.0, 58.0),
];

/// Instances of one job that publish here.
const MOST_HOSTS: usize = 100;
/// How long CloudWatch lists a metric that nobody reports any more.
const LISTED: i64 = 14 * DAY;

/// One instance of a job.
struct Host {
    name: String,
    processors: f64,
    gpus: i64,
}

/// When the instances of a job are there.
struct Span {
    from: Timestamp,
    /// When their work begins.
    busy: Timestamp,
    to: Timestamp,
}

impl Of {
    /// How many hundreds there are; none where the instance has no such thing.
    fn units(self, host: &Host) -> f64 {
        match self {
            Self::Processors => host.processors,
            Self::Gpus => host.gpus as f64,
            Self::Instance => 1.0,
        }
    }
}

impl Publisher {
    fn hosts(&self, seed: u64, job: &Item) -> Vec<Host> {
        let mut path = self.resources.iter();
        let first = path.next().and_then(|member| job.body.get(*member));
        let Some(resources) = path.fold(first, |body, member| body?.get(*member)) else { return Vec::new() };
        let groups = match resources.get("InstanceGroups").and_then(Value::as_array) {
            Some(groups) if !groups.is_empty() => groups,
            _ => std::slice::from_ref(resources),
        };
        let types = groups.iter().flat_map(|group| {
            let count = group.get("InstanceCount").and_then(Value::as_u64).unwrap_or(1);
            let kind = group.get("InstanceType").and_then(Value::as_str).unwrap_or_default();
            std::iter::repeat_n(kind, usize::try_from(count).unwrap_or(MOST_HOSTS).min(MOST_HOSTS))
        });
        let name = text(&job.body, self.name);
        let host = |(n, kind): (usize, &str)| {
            let (processors, gpus) = component::processors(kind);
            let name = if self.noun == transform::NOUN {
                transform::host(seed, job, n)
            } else {
                format!("{name}/algo-{}", n + 1)
            };
            Host { name, processors, gpus }
        };
        types.take(MOST_HOSTS).enumerate().map(host).collect()
    }

    /// `None` where no instance was there yet.
    fn span(&self, world: &World, job: &Item) -> Option<Span> {
        let (from, busy, to) = if self.noun == transform::NOUN {
            let (began, ended) = transform::span(job)?;
            (began, began, ended.unwrap_or(world.now))
        } else {
            let plan = job.plan(world.seed);
            (plan.downloading, plan.training, job.end(&plan))
        };
        (from.plus(MINUTE) <= world.now && from < to).then_some(Span { from, busy, to })
    }

    fn keys(&self, world: &World, job: &Item, since: Timestamp) -> Vec<Key> {
        let Some(_) = self.span(world, job).filter(|span| span.to >= since) else { return Vec::new() };
        let mut keys = Vec::new();
        if self.noun == TRAINING && job.steps(world.seed, world.now) > 0 {
            let name = text(&job.body, self.name);
            keys.extend(job.metrics().map(|(metric, _)| Key::new(self.namespace, metric, &[(JOB, name)])));
        }
        for host in self.hosts(world.seed, job) {
            let has = BUSY.iter().filter(|(_, of, ..)| of.units(&host) > 0.0);
            keys.extend(has.map(|(metric, ..)| Key::new(self.namespace, metric, &[(HOST, &host.name)])));
        }
        keys
    }
}

/// Every metric that the jobs of callers published since then; without a time, all that CloudWatch would list.
pub(crate) fn keys(world: &World, since: Option<Timestamp>) -> impl Iterator<Item = Key> {
    let since = since.unwrap_or_else(|| world.now.plus(-LISTED));
    PUBLISHERS.iter().flat_map(move |publisher| {
        world.shelf.of(publisher.noun).flat_map(move |job| publisher.keys(world, job, since))
    })
}

/// What one metric was in `from..to`, oldest first; `None` for one that no job publishes.
pub(crate) fn points(world: &World, key: &Key, from: Timestamp, to: Timestamp) -> Option<Vec<(Timestamp, f64)>> {
    let publisher = PUBLISHERS.iter().find(|publisher| publisher.namespace == key.namespace)?;
    let [(dimension, value)] = &key.dimensions[..] else { return None };
    let name = value.split('/').next().unwrap_or_default();
    let job = world.shelf.item(publisher.noun, &name.to_lowercase())?;
    if text(&job.body, publisher.name) != name {
        return None;
    }
    match dimension.as_str() {
        JOB if publisher.noun == TRAINING && value == name => found(world, job, &key.name, from, to),
        HOST => busy(world, publisher, job, key, from..to),
        _ => None,
    }
}

/// What a metric definition found in the log: a value a step.
fn found(world: &World, job: &Item, metric: &str, from: Timestamp, to: Timestamp) -> Option<Vec<(Timestamp, f64)>> {
    job.metrics().find(|(name, _)| *name == metric)?;
    let (plan, form) = (job.plan(world.seed), job.form(world.seed, metric));
    let steps = (0..job.steps(world.seed, world.now)).map(|step| (step, job.step_at(&plan, step)));
    let wanted = steps.filter(|(_, at)| (from..to).contains(at));
    Some(wanted.map(|(step, at)| (at, form.at(step))).collect())
}

/// How busy an instance was: a value a minute, when the minute is over.
fn busy(
    world: &World,
    publisher: &Publisher,
    job: &Item,
    key: &Key,
    window: std::ops::Range<Timestamp>,
) -> Option<Vec<(Timestamp, f64)>> {
    let (_, of, idle, full) = BUSY.iter().find(|(name, ..)| *name == key.name)?;
    let [(_, wanted)] = &key.dimensions[..] else { return None };
    let host = publisher.hosts(world.seed, job).into_iter().find(|host| host.name == *wanted)?;
    let units = Some(of.units(&host)).filter(|units| *units > 0.0)?;
    let span = publisher.span(world, job)?;
    let chance = Chance::new(world.seed).named(&host.name).named(&key.name);
    let first = span.from.floor(MINUTE).max(window.start.plus(MINUTE - 1).floor(MINUTE));
    let last = span.to.min(window.end).min(world.now.plus(-MINUTE + 1));
    let count = (last.since(first).max(0) + MINUTE - 1) / MINUTE;
    let point = |n: i64| {
        let at = first.plus(n * MINUTE);
        let level = if at.plus(MINUTE) > span.busy { *full } else { *idle };
        let shake = chance.of(at.millis().unsigned_abs()).normal() * level * 0.05;
        (at, (level + shake).clamp(0.0, 100.0) * units)
    };
    Some((0..count).map(point).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testkit::{call, ok, pass, world};

    const ROLE: &str = "arn:aws:iam::447100000921:role/SageMakerExecution";

    fn training(name: &str, instance: &str, count: i64) -> Value {
        json!({
            "TrainingJobName": name, "RoleArn": ROLE,
            "AlgorithmSpecification": {
                "TrainingImage": "447100000921.dkr.ecr.eu-west-1.amazonaws.com/own:1", "TrainingInputMode": "File",
                "MetricDefinitions": [
                    {"Name": "val/auc", "Regex": "auc=([0-9.]+)"}, {"Name": "loss", "Regex": "loss: ([0-9.]+);"},
                ],
            },
            "OutputDataConfig": {"S3OutputPath": "s3://acme-ml-models/own/"},
            "ResourceConfig": {"InstanceType": instance, "InstanceCount": count, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        })
    }

    /// `metric dimension=value` of all that is listed.
    fn listed(world: &mut World, namespace: &str, more: Value) -> Vec<String> {
        let mut input = more;
        input["Namespace"] = namespace.into();
        let (status, body) = call(world, "monitoring", "ListMetrics", &input);
        assert_eq!(status, 200, "{body}");
        let told = |metric: &Value| {
            let dimension = &metric["Dimensions"][0];
            format!(
                "{} {}={}",
                metric["MetricName"].as_str().unwrap(),
                dimension["Name"].as_str().unwrap(),
                dimension["Value"].as_str().unwrap()
            )
        };
        body["Metrics"].as_array().unwrap().iter().map(told).collect()
    }

    fn statistics(world: &mut World, key: &Key, period: i64, from: f64, to: f64) -> Vec<(f64, f64)> {
        let input = json!({
            "Namespace": key.namespace, "MetricName": key.name, "Dimensions": key.dimensions_body(), "Period": period,
            "StartTime": from, "EndTime": to, "Statistics": ["Average"],
        });
        let (status, body) = call(world, "monitoring", "GetMetricStatistics", &input);
        assert_eq!(status, 200, "{body}");
        let point = |point: &Value| (point["Timestamp"].as_f64().unwrap(), point["Average"].as_f64().unwrap());
        body["Datapoints"].as_array().unwrap().iter().map(point).collect()
    }

    #[test]
    fn a_training_job_publishes_what_its_definitions_find() {
        let space = "/aws/sagemaker/TrainingJobs";
        let mut world = world("quiet-night");
        let before = listed(&mut world, space, json!({}));
        ok(&mut world, "CreateTrainingJob", &training("Own-1", "ml.m5.large", 1));
        assert_eq!(listed(&mut world, space, json!({})), before, "nothing runs yet");
        pass(&mut world, 20 * MINUTE);
        let job = ok(&mut world, "DescribeTrainingJob", &json!({"TrainingJobName": "Own-1"}));
        let own = json!({"Dimensions": [{"Name": JOB, "Value": "Own-1"}], "RecentlyActive": "PT3H"});
        assert_eq!(
            listed(&mut world, space, own.clone()),
            ["loss TrainingJobName=Own-1", "val/auc TrainingJobName=Own-1"]
        );
        let time = |member: &str| job[member].as_f64().unwrap();
        let (began, ended) = (time("TrainingStartTime"), time("TrainingEndTime"));
        for told in job["FinalMetricDataList"].as_array().unwrap() {
            let key = Key::new(space, told["MetricName"].as_str().unwrap(), &[(JOB, "Own-1")]);
            let points = statistics(&mut world, &key, 1, began, ended);
            assert_eq!(points.len(), 100, "a point a step");
            let (at, value) = points[99];
            assert!((value - told["Value"].as_f64().unwrap()).abs() < 1e-6, "{value} {told}");
            assert!((0.0..1.0).contains(&(told["Timestamp"].as_f64().unwrap() - at)), "{at} {told}");
            // As the SageMaker SDK asks.
            let minutes = statistics(&mut world, &key, 60, began, ended);
            assert!((4..=11).contains(&minutes.len()), "{minutes:?}");
        }
        for wrong in [Key::new(space, "loss", &[(JOB, "own-1")]), Key::new(space, "other", &[(JOB, "Own-1")])] {
            assert_eq!(statistics(&mut world, &wrong, 60, began, ended), []);
        }
        pass(&mut world, 4 * 60 * MINUTE);
        assert!(listed(&mut world, space, own).is_empty(), "no longer active");
        pass(&mut world, LISTED);
        assert_eq!(listed(&mut world, space, json!({})), before);
    }

    #[test]
    fn instances_tell_how_busy_they_are() {
        let space = "/aws/sagemaker/TrainingJobs";
        let mut world = world("quiet-night");
        ok(&mut world, "CreateTrainingJob", &training("many", "ml.g5.12xlarge", 2));
        pass(&mut world, 20 * MINUTE);
        let host = |n: i64| json!({"Dimensions": [{"Name": HOST, "Value": format!("many/algo-{n}")}]});
        assert_eq!(listed(&mut world, space, host(2)).len(), BUSY.len());
        assert!(listed(&mut world, space, host(3)).is_empty());
        let now = world.now().secs_f64();
        let read = |world: &mut World, metric: &str, n: i64| {
            let key = Key::new(space, metric, &[(HOST, &format!("many/algo-{n}"))]);
            statistics(world, &key, 60, now - 1_200.0, now)
        };
        let (one, two) = (read(&mut world, "CPUUtilization", 1), read(&mut world, "CPUUtilization", 2));
        assert!(one.len() >= 5 && one.len() == two.len() && one != two, "{one:?} {two:?}");
        let most = |points: &[(f64, f64)]| points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
        assert!((3_000.0..=4_800.0).contains(&most(&one)), "forty-eight processors: {one:?}");
        assert!((250.0..=400.0).contains(&most(&read(&mut world, "GPUUtilization", 1))), "four GPUs");
        assert!(read(&mut world, "CPUUtilization", 3).is_empty());
    }

    #[test]
    fn jobs_that_process_and_transform_publish_too() {
        let mut world = world("quiet-night");
        let at = world.now();
        world.s3.put("own", "in/a.csv", "1,2,3\n".to_owned(), at);
        let processing = json!({
            "ProcessingJobName": "clean", "RoleArn": ROLE,
            "AppSpecification": {"ImageUri": "447100000921.dkr.ecr.eu-west-1.amazonaws.com/own:1"},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            },
        });
        let transform = json!({
            "TransformJobName": "batch", "ModelName": "fraud-v17",
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://own/in/"}}, "ContentType": "text/csv",
            },
            "TransformOutput": {"S3OutputPath": "s3://own/out/"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        });
        ok(&mut world, "CreateProcessingJob", &processing);
        ok(&mut world, "CreateTransformJob", &transform);
        pass(&mut world, 20 * MINUTE);
        let now = world.now();
        for (space, job) in [("/aws/sagemaker/ProcessingJobs", "clean/"), ("/aws/sagemaker/TransformJobs", "batch/i-")]
        {
            let all = listed(&mut world, space, json!({}));
            let own: Vec<&String> = all.iter().filter(|row| row.contains(&format!("{HOST}={job}"))).collect();
            assert_eq!(own.len(), 3, "no GPU: {all:?}");
            let name = own[0].split_once('=').unwrap().1;
            let key = Key::new(space, "MemoryUtilization", &[(HOST, name)]);
            let points = statistics(&mut world, &key, 60, now.plus(-20 * MINUTE).secs_f64(), now.secs_f64());
            assert!(points.len() >= 5 && points.iter().all(|(_, value)| (5.0..60.0).contains(value)), "{points:?}");
        }
        let streams = json!({"logGroupName": "/aws/sagemaker/TransformJobs", "logStreamNamePrefix": "batch/"});
        let streams = call(&mut world, "logs", "DescribeLogStreams", &streams).1;
        let host = streams["logStreams"][0]["logStreamName"].as_str().unwrap();
        let hosts = listed(&mut world, "/aws/sagemaker/TransformJobs", json!({}));
        assert!(hosts.contains(&format!("CPUUtilization {HOST}={host}")), "{host} {hosts:?}");
    }

    #[test]
    fn a_cluster_of_groups_has_the_instances_of_all() {
        let body = json!({"TrainingJobName": "mixed", "ResourceConfig": {"InstanceGroups": [
            {"InstanceType": "ml.g5.2xlarge", "InstanceCount": 2, "InstanceGroupName": "a"},
            {"InstanceType": "ml.c5.xlarge", "InstanceCount": 9_999_999_999_u64, "InstanceGroupName": "b"},
        ]}});
        let mut world = world("quiet-night");
        let Value::Object(body) = body else { return };
        world.shelve(
            (TRAINING, "mixed".to_owned(), "arn:aws:sagemaker:::training-job/mixed".to_owned()),
            "anna",
            body,
            &[],
        );
        let job = world.shelf.item(TRAINING, "mixed").unwrap();
        let hosts = PUBLISHERS[0].hosts(world.seed, job);
        let told = |n: usize| (hosts[n].name.as_str(), hosts[n].processors, hosts[n].gpus);
        assert_eq!(hosts.len(), MOST_HOSTS);
        assert_eq!((told(1), told(2)), (("mixed/algo-2", 8.0, 1), ("mixed/algo-3", 4.0, 0)));
        assert!(
            points(&world, &Key::new("/aws/sagemaker/TrainingJobs", "x", &[]), Timestamp::default(), world.now)
                .is_none()
        );
    }
}
