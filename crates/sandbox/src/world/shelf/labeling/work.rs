//! One labeling job at work.
//!
//! Objects are sent to people in the order of the manifest, as many at once as the job allows; each wants answers of so many
//! different people. What is not answered in time is given up. So the objects are settled in their order too, and what
//! became of them is a list of runs.

use std::collections::VecDeque;

use bytes::Bytes;
use mldeck_core::time::{MINUTE, SECOND, Timestamp};
use serde_json::{Map, Value, json};

use super::{MOST, at, manifest::Manifest, number_at, task::Task, workteam};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Human,
    Machine,
    Expired,
}

/// Objects up to (and without) the `to`th were settled alike, from where the run before ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) at: Timestamp,
    pub(super) to: u32,
    pub(super) how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Completed,
    Stopped,
    Failed,
}

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    pub(super) team: String,
    /// Different people for one object.
    pub(super) workers: u32,
    pub(super) seconds: f64,
    limit: i64,
    lifetime: i64,
    at_once: u32,
    most_human: Option<u32>,
    most_percent: Option<u32>,
    is_automated: bool,
    is_streamed: bool,
}

/// Objects that machines learn from first: a share of all. Then each time they label a share of the rest.
const LEARNED: u32 = 10;
const TAKEN: u32 = 3;
/// Training and labeling take a machine so long.
const TRAINING: i64 = 45 * MINUTE;
/// A streaming job without objects ends after ten days.
const IDLE: i64 = 10 * super::DAY;

#[derive(Debug, Default)]
pub(in crate::world::shelf) struct Job {
    pub(super) terms: Terms,
    pub(super) manifest: Bytes,
    /// Lines that are to be labeled; the others have a label already.
    pub(super) todo: Vec<u32>,
    before: (u32, u32),
    pub(super) classes: Vec<String>,
    pub(super) runs: Vec<Run>,
    /// When objects were sent, and the first that was not.
    sent: VecDeque<(Timestamp, u32)>,
    /// Answers to objects that want more of them.
    answers: f64,
    pub(super) human: u32,
    pub(super) machine: u32,
    pub(super) expired: u32,
    /// Automated: people label up to here, then machines learn until then.
    until: u32,
    learning: Option<Timestamp>,
    begun: Timestamp,
    /// Until when it has worked.
    pub(super) lived: Timestamp,
    pub(super) failure: Option<String>,
    pub(super) closed: bool,
    /// Runs whose answers lie in S3, and whether the manifest does.
    pub(super) written: usize,
    pub(super) has_output: bool,
}

impl Job {
    pub(super) fn new(body: &Map<String, Value>, manifest: Manifest, at_time: Timestamp) -> Self {
        let config = |member: &str| number_at(body, &["HumanTaskConfig", member]);
        let stop = |member: &str| u32::try_from(number_at(body, &["StoppingConditions", member])?).ok();
        let limit = config("TaskTimeLimitInSeconds").unwrap_or(3_600);
        let terms = Terms {
            team: workteam(body).to_owned(),
            workers: config("NumberOfHumanWorkersPerDataObject").unwrap_or(1).max(1) as u32,
            seconds: Task::of(body).seconds,
            limit,
            // AWS: ten days for private teams and vendors where nothing is said.
            lifetime: config("TaskAvailabilityLifetimeInSeconds").unwrap_or(864_000).saturating_mul(SECOND),
            at_once: config("MaxConcurrentTaskCount").unwrap_or(1_000) as u32,
            most_human: stop("MaxHumanLabeledObjectCount"),
            most_percent: stop("MaxPercentageOfInputDatasetLabeled"),
            is_automated: body.contains_key("LabelingJobAlgorithmsConfig"),
            is_streamed: at(body, &["InputConfig", "DataSource", "SnsDataSource"]).is_some(),
        };
        let todo = manifest.todo;
        let count = todo.len() as u32;
        let until = if terms.is_automated { (count / LEARNED).max(1) } else { count };
        Self {
            terms,
            manifest: manifest.lines,
            todo,
            before: manifest.before,
            classes: manifest.classes,
            until,
            begun: at_time,
            lived: at_time,
            ..Self::default()
        }
    }

    /// One that never began.
    pub(super) fn failed(why: String) -> Self {
        Self { failure: Some(why), ..Self::default() }
    }

    const fn settled(&self) -> u32 {
        self.human + self.machine + self.expired
    }

    const fn labeled(&self) -> u32 {
        self.human + self.machine + self.before.0 + self.before.1
    }

    pub(super) fn total(&self) -> u32 {
        self.todo.len() as u32 + self.before.0 + self.before.1
    }

    fn open(&self) -> u32 {
        self.sent.back().map_or(0, |(_, to)| to - self.settled())
    }

    pub(super) fn counters(&self) -> Value {
        json!({
            "TotalLabeled": self.labeled(),
            "HumanLabeled": self.human + self.before.0,
            "MachineLabeled": self.machine + self.before.1,
            "FailedNonRetryableError": self.expired,
            "Unlabeled": self.todo.len() as u32 - self.settled(),
        })
    }

    pub(super) fn counters_of_team(&self) -> Value {
        let pending = self.todo.len() as u32 - self.settled();
        json!({"HumanLabeled": self.human, "PendingHuman": pending, "Total": self.todo.len()})
    }

    fn settle(&mut self, at: Timestamp, count: u32, how: How) {
        if count == 0 {
            return;
        }
        *match how {
            How::Human => &mut self.human,
            How::Machine => &mut self.machine,
            How::Expired => &mut self.expired,
        } += count;
        let to = self.settled();
        self.runs.push(Run { at, to, how });
        while self.sent.front().is_some_and(|(_, last)| *last <= to) {
            self.sent.pop_front();
        }
    }

    /// The stretch of time that ends at `now`, with so many `hands` of a team of so many people. How many tasks were
    /// submitted, and whether the job is over.
    pub(super) fn minute(&mut self, now: Timestamp, span: i64, hands: f64, members: u32) -> (f64, Option<End>) {
        self.lived = now;
        self.expire(now);
        self.learn(now);
        self.send(now);
        let submitted = self.answer(now, span, hands, members);
        (submitted, self.end(now))
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some((_, to)) = self.sent.front().copied().filter(|(at, _)| now.since(*at) >= self.terms.lifetime) {
            let (open, lost) = (self.open(), to - self.settled());
            self.answers -= self.answers * f64::from(lost) / f64::from(open.max(1));
            self.settle(now, lost, How::Expired);
        }
    }

    /// Automated jobs: when people have labeled their share machines learn from it, label some, and leave the next share.
    fn learn(&mut self, now: Timestamp) {
        let count = self.todo.len() as u32;
        if !self.terms.is_automated || self.settled() < self.until || self.settled() >= count {
            return;
        }
        match self.learning {
            None => self.learning = Some(now.plus(TRAINING)),
            Some(then) if now >= then => {
                self.learning = None;
                self.settle(now, (count - self.settled()) / TAKEN, How::Machine);
                self.until = (self.settled() + (count / LEARNED).max(1)).min(count);
            }
            Some(_) => {}
        }
    }

    fn send(&mut self, now: Timestamp) {
        let first = self.sent.back().map_or(self.settled(), |(_, to)| *to);
        let room = self.terms.at_once.saturating_sub(self.open());
        let to = first.saturating_add(room).min(self.until);
        if to > first {
            self.sent.push_back((now, to));
        }
    }

    fn answer(&mut self, now: Timestamp, span: i64, hands: f64, members: u32) -> f64 {
        let (open, workers) = (f64::from(self.open()), f64::from(self.terms.workers));
        // Who needs longer than a task may take gives it back; nobody answers one object twice.
        if open == 0.0 || self.terms.seconds > self.terms.limit as f64 {
            return 0.0;
        }
        let room = (f64::from(members).min(workers) * open - self.answers).max(0.0);
        let able = hands.min(open * workers) * (span / SECOND) as f64 / self.terms.seconds;
        let submitted = able.min(room);
        self.answers += submitted;
        if members >= self.terms.workers {
            let most = self.terms.most_human.map_or(u32::MAX, |most| most.saturating_sub(self.human));
            let done = ((self.answers / workers + 1e-9) as u32).min(self.open()).min(most);
            self.answers = (self.answers - f64::from(done) * workers).max(0.0);
            self.settle(now, done, How::Human);
        }
        submitted
    }

    /// `[?]`: that a job whose condition to stop is met is Stopped, and not Completed.
    fn end(&mut self, now: Timestamp) -> Option<End> {
        let labeled = u64::from(self.labeled()) * 100;
        let percent = |most: u32| labeled >= u64::from(most) * u64::from(self.total());
        if self.terms.is_streamed {
            return (now.since(self.begun) >= IDLE).then_some(End::Stopped);
        }
        if self.settled() == self.todo.len() as u32 {
            if self.labeled() > 0 {
                return Some(End::Completed);
            }
            self.failure = Some(
                "ClientError: No object of the dataset could be labeled: all annotation tasks expired.".to_owned(),
            );
            return Some(End::Failed);
        }
        if self.terms.most_human.is_some_and(|most| self.human >= most) || self.terms.most_percent.is_some_and(percent)
        {
            return Some(End::Stopped);
        }
        if now.since(self.begun) >= MOST {
            self.failure = Some("ClientError: The labeling job was not completed within 30 days.".to_owned());
            return Some(End::Failed);
        }
        None
    }
}
