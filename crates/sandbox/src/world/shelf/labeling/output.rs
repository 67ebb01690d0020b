//! What a job leaves in S3: the answers of its workers as they come, the output manifest when it is over. Both are a function
//! of what the job did, so they are written when somebody looks. Pictures of masks are named and not painted.

use mldeck_core::time::{SECOND, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    Job,
    task::Task,
    text, text_at,
    work::{How, Run},
    worker,
};
use crate::world::{World, noise, s3};

/// `s3://bucket/path/job/`.
fn home(body: &Map<String, Value>) -> String {
    let path = text_at(body, &["OutputConfig", "S3OutputPath"]).trim_end_matches('/');
    format!("{path}/{}/", text(body, "LabelingJobName"))
}

/// Where the output manifest lies.
pub(super) fn dataset(body: &Map<String, Value>) -> String {
    format!("{}manifests/output/output.manifest", home(body))
}

/// Writes what the jobs have left under a prefix by now.
pub(crate) fn materialize(world: &mut World, bucket: &str, prefix: &str) {
    let mut due = Vec::new();
    for item in world.shelf.of(super::NOUN) {
        let Some(job) = world.shelf.labeling.jobs.get(&item.arn) else { continue };
        let is_over = matches!(item.state, "Completed" | "Stopped") || (item.state == "Failed" && !job.runs.is_empty());
        let is_new = job.written < job.runs.len() || (is_over && !job.has_output);
        let home = home(&item.body);
        let fits = s3::place(&home)
            .is_some_and(|(at, key)| at == bucket && (key.starts_with(prefix) || prefix.starts_with(key)));
        if is_new && fits {
            due.push((item.arn.clone(), item.body.clone(), is_over, item.modified));
        }
    }
    for (arn, body, is_over, at) in due {
        let Some(mut job) = world.shelf.labeling.jobs.remove(&arn) else { continue };
        write(world, &arn, &body, &mut job, is_over.then_some(at));
        world.shelf.labeling.jobs.insert(arn, job);
    }
}

struct Writer<'j> {
    arn: &'j str,
    body: &'j Map<String, Value>,
    job: &'j Job,
    task: Task,
    home: String,
}

fn write(world: &mut World, arn: &str, body: &Map<String, Value>, job: &mut Job, over: Option<Timestamp>) {
    let writer = Writer { arn, body, job, task: Task::of(body), home: home(body) };
    let mut files = Vec::new();
    let mut from = job.written.checked_sub(1).and_then(|last| job.runs.get(last)).map_or(0, |run| run.to);
    for run in job.runs.get(job.written..).unwrap_or_default() {
        if run.how == How::Human {
            files.extend((from..run.to).filter_map(|n| Some((writer.answers(n, run)?, run.at))));
        }
        from = run.to;
    }
    if let Some(at) = over {
        files.push(((dataset(body), writer.manifest()), at));
    }
    for ((uri, content), at) in files {
        world.s3.put_at(&uri, content, at);
    }
    job.written = job.runs.len();
    job.has_output = over.is_some();
}

impl Writer<'_> {
    /// What two things of an object are drawn from: what it is, and who looks at it.
    fn draw(&self, line: u32, person: u32) -> u64 {
        let truth = noise::hash(&[noise::name(self.arn), u64::from(line)]);
        // Most people see what is there.
        let eye = noise::hash(&[truth, u64::from(person)]);
        if person == 0 || !eye.is_multiple_of(8) { truth >> 8 } else { eye >> 8 }
    }

    /// The file of the answers to one object.
    fn answers(&self, n: u32, run: &Run) -> Option<(String, String)> {
        let line = *self.job.todo.get(n as usize)?;
        let people = self.job.terms.workers;
        let answers = (0..people).map(|person| {
            let spent = self.job.terms.seconds * (0.6 + 0.8 * noise::unit(&[self.draw(line, person), 3]));
            let early = i64::from(people - 1 - person) * 40 * SECOND;
            json!({
                "answerContent": self.task.answer(&self.job.classes, self.draw(line, person)),
                "submissionTime": run.at.plus(-early).iso(),
                "timeSpentInSeconds": (spent * 1_000.0).round() / 1_000.0,
                "workerId": worker(&self.job.terms.team, (line + person) % people.max(4)),
                "workerMetadata": {"identityData": {"identityProviderType": "Cognito"}},
            })
        });
        let answers: Vec<Value> = answers.collect();
        let at = run.at.iso().replace('T', "_").replace('Z', "");
        let uri = format!("{}annotations/worker-response/iteration-1/{line}/{at}.json", self.home);
        Some((uri, json!({"answers": answers}).to_string()))
    }

    /// Every line that was settled, as it came in and with its label; lines that had one already as they came.
    fn manifest(&self) -> String {
        let mut out = String::new();
        let (mut n, mut runs) = (0, self.job.runs.iter().peekable());
        let lines = std::str::from_utf8(&self.job.manifest).unwrap_or_default();
        for (index, line) in lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            if self.job.todo.get(n as usize) != Some(&(index as u32)) {
                out.push_str(line);
                out.push('\n');
                continue;
            }
            while runs.peek().is_some_and(|run| run.to <= n) {
                runs.next();
            }
            n += 1;
            // A job that was stopped leaves the rest as it came, so that another can go on from here.
            let labeled = runs.peek().and_then(|run| self.labeled(line, index as u32, run));
            out.push_str(labeled.as_deref().unwrap_or(line));
            out.push('\n');
        }
        out
    }

    fn labeled(&self, line: &str, index: u32, run: &Run) -> Option<String> {
        let mut object: Map<String, Value> = serde_json::from_str(line).ok()?;
        let attribute = text(self.body, "LabelAttributeName");
        let metadata = format!("{attribute}-metadata");
        let job = format!("labeling-job/{}", text(self.body, "LabelingJobName").to_lowercase());
        let mut said = if run.how == How::Expired {
            let why = "ClientError: Annotation tasks expired. The data object was not annotated within TaskAvailabilityLifetimeInSeconds.";
            let said = json!({"retry-count": 1, "failure-reason": why, "human-annotated": "true"});
            said.as_object().cloned()?
        } else {
            let picture =
                format!("{}annotations/consolidated-annotation/output/{index}_{}.png", self.home, run.at.iso());
            let (label, mut said) = self.task.label(&self.job.classes, self.draw(index, 0), &picture);
            object.insert(attribute.to_owned(), label);
            said.insert("human-annotated".to_owned(), if run.how == How::Human { "yes" } else { "no" }.into());
            said.insert("type".to_owned(), self.task.kind.into());
            said
        };
        said.insert("job-name".to_owned(), job.into());
        said.insert("creation-date".to_owned(), run.at.iso().trim_end_matches('Z').into());
        object.insert(metadata, said.into());
        Some(Value::Object(object).to_string())
    }
}
