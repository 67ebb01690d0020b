//! What jobs that callers made leave behind as time passes: lines in their log, and a model.

use std::collections::BTreeSet;

use bytes::Bytes;
use mldeck_core::{
    id::arn_tail,
    time::{SECOND, Timestamp},
};
use serde_json::Value;

use super::{Item, World, kind::text};
use crate::world::{estate, noise, run::Point, s3};

/// What one job leaves behind in one step of the clock.
#[derive(Default)]
struct Left {
    group: &'static str,
    stream: String,
    lines: Vec<(Timestamp, String)>,
    model: Option<(String, Timestamp)>,
    /// What a processing job puts where its outputs say.
    outputs: Vec<(String, String, Timestamp)>,
}

/// Nouns, and where their logs are.
const JOBS: [(&str, &str); 2] =
    [("TrainingJob", "/aws/sagemaker/TrainingJobs"), ("ProcessingJob", "/aws/sagemaker/ProcessingJobs")];

/// One job may read what another wrote a moment before: each looks for its input and leaves what it made in the order of
/// those moments, however far time goes at once.
pub(super) fn advance(world: &mut World, to: Timestamp) {
    let seed = world.seed;
    let mut moments = BTreeSet::new();
    for (noun, group) in JOBS {
        for key in world.shelf.busy(noun) {
            match world.shelf.item(noun, &key).filter(|job| !job.work.is_over) {
                Some(job) => {
                    moments.insert((job.moment(seed).min(to), (noun, group), key));
                }
                None => world.shelf.rest(noun, key),
            }
        }
    }
    while let Some((at, (noun, group), key)) = moments.pop_first() {
        let Some(job) = world.shelf.item_mut(noun, &key) else { continue };
        let plan = job.plan(seed);
        if !job.work.is_checked && plan.downloading <= at {
            job.work.is_checked = true;
            job.work.missing = missing(&world.s3, job);
        }
        let mut left = live(job, seed, at, group);
        if noun == "ProcessingJob" && job.work.is_over && job.work.stopped.is_none() && job.work.missing.is_none() {
            left.outputs = outputs(&world.s3, job, job.end(&plan));
        }
        if !job.work.is_over && at < to {
            // Always onward: a moment that has passed must not come again.
            let next = Some(job.moment(seed).min(to)).filter(|next| *next > at).unwrap_or(to);
            moments.insert((next, (noun, group), key));
        }
        keep(world, left);
    }
}

impl Item {
    /// When it does next what others can see: it looks for its input, or ends.
    fn moment(&self, seed: u64) -> Timestamp {
        let plan = self.plan(seed);
        let end = self.end(&plan);
        if self.work.is_checked { end } else { plan.downloading.min(end) }
    }
}

fn keep(world: &mut World, left: Left) {
    for (at, line) in left.lines {
        world.logs.put(left.group, &left.stream, at, line);
    }
    for (uri, content, at) in left.outputs {
        world.s3.put_at(&uri, content, at);
    }
    let Some((uri, at)) = left.model else { return };
    if let Some((bucket, key)) = s3::place(&uri) {
        let size = 1_000_000 + noise::name(key) % 40_000_000;
        world.s3.put_sized(bucket, key, Bytes::new(), size, at);
    }
}

/// Whether nothing lies under a prefix. The account's own buckets count as full: what their families read is not kept as
/// objects.
pub(super) fn is_empty(store: &s3::Store, uri: &str) -> bool {
    let Some((bucket, key)) = s3::prefix(uri) else { return false };
    ![estate::DATA_BUCKET, estate::MODEL_BUCKET].contains(&bucket) && store.list(bucket, key).next().is_none()
}

/// The first input prefix under which nothing lies.
fn missing(store: &s3::Store, job: &Item) -> Option<String> {
    let inputs = |member: &str, place: &'static str| {
        let all = job.body.get(member).and_then(Value::as_array).into_iter().flatten();
        all.filter_map(move |input| input.pointer(place)?.as_str())
    };
    let channels = inputs("InputDataConfig", "/DataSource/S3DataSource/S3Uri");
    let mut uris = channels.chain(inputs("ProcessingInputs", "/S3Input/S3Uri"));
    uris.find(|uri| is_empty(store, uri)).map(str::to_owned)
}

/// An object for each output: what a script writes is its own affair, so each has its share of the lines that were read.
fn outputs(store: &s3::Store, job: &Item, at: Timestamp) -> Vec<(String, String, Timestamp)> {
    let all = |member: &str| job.body.get(member).and_then(Value::as_array).into_iter().flatten();
    let homes = job.body.get("ProcessingOutputConfig").and_then(|config| config.get("Outputs")?.as_array());
    let homes: Vec<&str> =
        homes.into_iter().flatten().filter_map(|output| output.pointer("/S3Output/S3Uri")?.as_str()).collect();
    let inputs = all("ProcessingInputs").filter_map(|input| input.pointer("/S3Input/S3Uri")?.as_str());
    let objects = inputs.filter_map(|uri| {
        let (bucket, key) = s3::place(uri)?;
        Some(store.list(bucket, key).map(|(_, object)| String::from_utf8_lossy(&object.body)))
    });
    let text: Vec<_> = objects.flatten().collect();
    let lines: Vec<&str> = text.iter().flat_map(|body| body.lines()).collect();
    let share =
        |n: usize| lines.iter().skip(n).step_by(homes.len()).map(|line| format!("{line}\n")).collect::<String>();
    let key = |home: &str| format!("{}/part-00000.csv", home.trim_end_matches('/'));
    homes.iter().enumerate().map(|(n, home)| (key(home), share(n), at)).collect()
}

/// Moves its log on to `to`.
fn live(job: &mut Item, seed: u64, to: Timestamp, group: &'static str) -> Left {
    let plan = job.plan(seed);
    let name = ["TrainingJobName", "ProcessingJobName"].map(|member| text(&job.body, member)).concat();
    let stream = format!("{name}/algo-1-{}", plan.training.secs());
    let mut left = Left { group, stream, ..Left::default() };
    let standing = job.standing(seed, to);
    let done = job.steps(seed, to);
    if job.work.logged == 0 && done > 0 {
        left.lines.push((plan.training, "INFO the container starts".to_owned()));
    }
    let forms: Vec<_> = job.metrics().map(|(name, regex)| (regex, job.form(seed, name))).collect();
    for step in job.work.logged..done {
        let values = forms.iter().map(|(regex, form)| spoken(regex, form.at(step)));
        let line = values.fold(format!("INFO step {step}"), |line, value| line + " " + &value);
        left.lines.push((job.step_at(&plan, step), line));
    }
    let logged = job.work.logged.max(done);
    if let Some(ended) = standing.ended {
        let last = ended.plus(-2 * SECOND);
        if done > 0 {
            left.lines.push((last, format!("INFO the container ends: {}", standing.secondary)));
        }
        // A job that is stopped, or ran too long, keeps what it had.
        let has_model = group.ends_with("TrainingJobs") && done > 0;
        left.model = has_model.then(|| (job.artifact(), last));
        job.work.is_over = true;
    }
    job.work.logged = logged;
    left
}

/// A text that a metric's expression finds, as far as it is a plain one: what it captures is the value.
fn spoken(regex: &str, value: f64) -> String {
    let (before, rest) = regex.split_once('(').unwrap_or((regex, ""));
    // Groups may stand in the one that captures.
    let mut depth = 1;
    let end = rest.find(|letter| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        depth == 0
    });
    let after = end.and_then(|end| rest.get(end + 1..)).unwrap_or_default();
    let plain = |part: &str| {
        let part =
            part.replace("\\s*", " ").replace("\\s", " ").replace(".*?", " ").replace(".*", " ").replace("[0-9]+", "0");
        part.replace(['\\', '^', '$'], "")
    };
    format!("{}{value:.5}{}", plain(before), plain(after))
}

/// The curve of an own job or of its component; `None` when there is neither.
pub(crate) fn curve(world: &World, arn: &str, metric: &str) -> Option<Vec<Point>> {
    let name = arn_tail(arn).to_lowercase();
    let name = if arn.contains(":training-job/") { name.as_str() } else { name.strip_suffix("-aws-training-job")? };
    let job = world.shelf.item("TrainingJob", name)?;
    Some(job.points(world.seed, metric, world.now))
}
