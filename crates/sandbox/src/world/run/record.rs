//! One run in a few words of memory; its phases, metrics and texts are derived when somebody looks.

use mldeck_core::time::{DAY, MINUTE, SECOND, Timestamp};

use super::recipe::{KNOBS, Recipe, recipe};
use crate::world::{
    chance::Chance,
    estate::{self, FAMILIES, Family},
};

/// Who starts runs and executions by hand.
pub(crate) const PEOPLE: &[&str] = &["anna", "marc", "lena", "jonas", "priya"];
/// The session name of scheduled work.
pub(crate) const SCHEDULER: &str = "pipeline";

/// What a run's name counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Series {
    /// `fraud-train-0412`: the pipeline's regular runs, of which some became versions.
    Regular,
    /// `fraud-train-x00031`: the pipeline on a branch, never registered.
    Branch,
    /// `fraud-xgb-0533`: a training job somebody started.
    Sweep,
    /// `fraud-notebook-0007`: logged from a notebook; a trial component without a job.
    Notebook,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Completes,
    Fails(Cause),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The script meets data without a column it needs.
    KeyError,
    /// Nothing under the input prefix.
    NoData,
    OutOfMemory,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) family: u8,
    pub(crate) series: Series,
    pub(crate) number: u32,
    pub(crate) created: Timestamp,
    pub(crate) fate: Fate,
    /// When somebody asked it to stop.
    pub(crate) stopped: Option<Timestamp>,
    /// Session name: an index into [`PEOPLE`], or the scheduler beyond its end.
    pub(crate) by: u8,
    pub(crate) knobs: [f32; KNOBS],
    /// Day of its data, in days since the Unix epoch.
    pub(crate) day: u16,
    pub(crate) image: u8,
    pub(crate) instance: u8,
    /// How many metrics it logs, where that is more than its recipe has.
    pub(crate) width: u8,
}

/// The stretches of a training job's life, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Phases {
    pub(crate) starting: i64,
    pub(crate) downloading: i64,
    pub(crate) training: i64,
    pub(crate) uploading: i64,
    /// Share of the Training phase it reaches: below 1 for one that fails.
    pub(crate) reach: f64,
}

/// A stretch of [`SecondaryStatus`](https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_SecondaryStatusTransition.html).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Transition {
    pub(crate) status: &'static str,
    pub(crate) from: Timestamp,
    pub(crate) to: Option<Timestamp>,
    pub(crate) message: &'static str,
}

/// A job as it stands at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) status: &'static str,
    pub(crate) secondary: &'static str,
    pub(crate) transitions: Vec<Transition>,
    pub(crate) modified: Timestamp,
    pub(crate) training_start: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
}

/// SIGTERM, a grace of up to 120 s, then the end.
pub(crate) const STOPPING: i64 = 75 * SECOND;

impl Run {
    pub(crate) fn family(&self) -> &'static Family {
        &FAMILIES[usize::from(self.family) % FAMILIES.len()]
    }

    pub(crate) fn recipe(&self) -> &'static Recipe {
        recipe(self.family())
    }

    pub(crate) fn chance(&self, seed: u64) -> Chance {
        Chance::new(seed).named(self.family().name).of(self.series as u64).of(u64::from(self.number))
    }

    pub(crate) const fn has_job(&self) -> bool {
        !matches!(self.series, Series::Notebook)
    }

    pub(crate) fn name(&self) -> String {
        let family = self.family();
        match self.series {
            Series::Regular => format!("{}-{:04}", family.pipeline, self.number),
            Series::Branch => format!("{}-x{:05}", family.pipeline, self.number),
            Series::Sweep => format!("{}-{}-{:04}", family.name, self.recipe().prefix, self.number),
            Series::Notebook => format!("{}-notebook-{:04}", family.name, self.number),
        }
    }

    pub(crate) fn job_arn(&self) -> String {
        estate::arn("sagemaker", &format!("training-job/{}", self.name()))
    }

    /// SageMaker names the component of a job after it.
    pub(crate) fn component(&self) -> String {
        if self.has_job() { format!("{}-aws-training-job", self.name()) } else { self.name() }
    }

    pub(crate) fn component_arn(&self) -> String {
        estate::arn("sagemaker", &format!("experiment-trial-component/{}", self.component()))
    }

    pub(crate) fn by(&self) -> &'static str {
        PEOPLE.get(usize::from(self.by)).copied().unwrap_or(SCHEDULER)
    }

    pub(crate) fn data_date(&self) -> String {
        Timestamp::from_millis(i64::from(self.day) * DAY).date()
    }

    /// `s3://acme-ml-data/fraud/train/2026-11-20/`.
    pub(crate) fn channel(&self, channel: &str) -> String {
        format!("s3://{}/{}/{channel}/{}/", estate::DATA_BUCKET, self.family().name, self.data_date())
    }

    /// Training image by digest; three builds are in use.
    pub(crate) fn image(&self) -> String {
        let name = self.family().name;
        let digest = crate::world::noise::digest(&[crate::world::noise::name(name), 77, u64::from(self.image)]);
        format!("{}.dkr.ecr.{}.amazonaws.com/{name}-train@sha256:{digest}", estate::ACCOUNT, estate::REGION)
    }

    pub(crate) fn instance(&self) -> &'static str {
        let all = self.recipe().instances;
        all[usize::from(self.instance) % all.len()]
    }

    pub(crate) fn artifact(&self) -> String {
        format!("s3://{}/{}/runs/{}/output/model.tar.gz", estate::MODEL_BUCKET, self.family().name, self.name())
    }

    pub(crate) fn phases(&self, seed: u64) -> Phases {
        let chance = self.chance(seed).named("phases");
        let (least, most) = self.recipe().minutes;
        let reach = match self.fate {
            Fate::Completes => 1.0,
            Fate::Fails(Cause::NoData) => 0.0,
            Fate::Fails(Cause::KeyError) => 0.02,
            Fate::Fails(Cause::OutOfMemory) => chance.of(9).between(0.2, 0.8),
        };
        let seconds = |tag: u64, least: f64, most: f64| (chance.of(tag).between(least, most) as i64) * SECOND;
        Phases {
            starting: seconds(0, 55.0, 140.0),
            downloading: seconds(1, 40.0, 160.0),
            training: (chance.of(2).between(least, most) * MINUTE as f64) as i64 / SECOND * SECOND,
            uploading: seconds(3, 12.0, 45.0),
            reach,
        }
    }

    /// When the work begins, and when it ends by itself.
    pub(crate) fn training_span(&self, seed: u64) -> (Timestamp, Timestamp) {
        let phases = self.phases(seed);
        let start = if self.has_job() { self.created.plus(phases.starting + phases.downloading) } else { self.created };
        (start, start.plus((phases.training as f64 * phases.reach) as i64))
    }

    /// When it is over if nobody stops it.
    pub(crate) fn natural_end(&self, seed: u64) -> Timestamp {
        let (_, end) = self.training_span(seed);
        match self.fate {
            Fate::Completes if self.has_job() => end.plus(self.phases(seed).uploading),
            _ => end,
        }
    }

    /// When it is over; a stop that came in time ends it earlier.
    pub(crate) fn end(&self, seed: u64) -> Timestamp {
        let natural = self.natural_end(seed);
        match self.stopped.filter(|stop| *stop < natural) {
            Some(stop) => stop.plus(STOPPING),
            None => natural,
        }
    }

    pub(crate) fn standing(&self, seed: u64, at: Timestamp) -> Standing {
        let natural = self.natural_end(seed);
        let stop = self.stopped.filter(|stop| *stop < natural);
        let (began, trained) = self.training_span(seed);
        let phases = self.phases(seed);
        let planned = [
            ("Starting", self.created, "Preparing the instances for training"),
            ("Downloading", self.created.plus(phases.starting), "Downloading input data"),
            ("Training", began, "Training image download completed. Training in progress."),
            ("Uploading", trained, "Uploading generated training model"),
        ];
        let uploads = self.fate == Fate::Completes;
        let last = stop.unwrap_or(natural);
        let mut transitions: Vec<Transition> = Vec::with_capacity(6);
        for (status, from, message) in planned {
            let skipped = from >= last
                || from > at
                || (status == "Uploading" && !uploads)
                || (status != "Training" && !self.has_job());
            if !skipped {
                close(&mut transitions, from);
                transitions.push(Transition { status, from, to: None, message });
            }
        }
        let (end_status, end_message) = match (stop, self.fate) {
            (Some(_), _) => ("Stopped", "Training job stopped"),
            (None, Fate::Completes) => ("Completed", "Training job completed"),
            (None, Fate::Fails(_)) => ("Failed", "Training job failed"),
        };
        if let Some(stop) = stop.filter(|stop| *stop <= at) {
            close(&mut transitions, stop);
            let message = "Stopping the training job";
            transitions.push(Transition { status: "Stopping", from: stop, to: None, message });
        }
        let end = self.end(seed);
        if end <= at {
            close(&mut transitions, end);
            transitions.push(Transition { status: end_status, from: end, to: Some(end), message: end_message });
        }
        let secondary = transitions.last().map_or("Pending", |transition| transition.status);
        let status = match secondary {
            "Stopping" | "Stopped" | "Failed" | "Completed" => secondary,
            _ => "InProgress",
        };
        Standing {
            status,
            secondary,
            modified: transitions.last().map_or(self.created, |transition| transition.from),
            training_start: transitions.iter().find(|t| t.status == "Training").map(|t| t.from),
            ended: (end <= at).then_some(end),
            transitions,
        }
    }

    /// `FailureReason` of the job.
    pub(crate) fn failure(&self) -> Option<String> {
        match self.fate {
            Fate::Completes => None,
            Fate::Fails(cause) => Some(cause.training_text(self)),
        }
    }
}

impl Cause {
    fn training_text(self, run: &Run) -> String {
        match self {
            Self::KeyError => format!(
                "AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage \"{}\"\nCommand \"/usr/bin/python3 \
                 train.py\", exit code: 1",
                traceback("train.py", 131, run.recipe().column)
            ),
            Self::NoData => no_data(&run.channel("train")),
            Self::OutOfMemory => {
                "AlgorithmError: ExecuteUserScriptError:\nExitCode 137\nErrorMessage \"\"\nCommand \"/usr/bin/python3 \
                 train.py\", exit code: 137. The primary container ran out of memory."
                    .to_owned()
            }
        }
    }
}

/// What pandas prints when a column is not there.
pub(crate) fn traceback(script: &str, line: u32, column: &str) -> String {
    format!(
        "Traceback (most recent call last):\n  File \"/opt/ml/code/{script}\", line {line}, in <module>\n    main()\n  File \
         \"/opt/ml/code/{script}\", line 88, in main\n    frame[\"{column}\"] = \
         frame[\"{column}\"].astype(\"category\")\n  File \"/usr/local/lib/python3.10/site-packages/pandas/core/frame.py\", \
         line 3807, in __getitem__\n    indexer = self.columns.get_loc(key)\nKeyError: '{column}'"
    )
}

/// What SageMaker says about an empty input prefix.
pub(crate) fn no_data(uri: &str) -> String {
    format!(
        "ClientError: Data download failed: No S3 objects found under S3 URL \"{uri}\" given in input data source. Please \
         ensure that the bucket exists in the selected region ({}), that objects exist under that S3 prefix, and that the role \
         \"{}\" has \"s3:ListBucket\" permissions on bucket \"{}\".",
        estate::REGION,
        estate::EXECUTION_ROLE,
        estate::DATA_BUCKET,
    )
}

pub(crate) fn close(transitions: &mut [Transition], at: Timestamp) {
    if let Some(open) = transitions.last_mut() {
        open.to = Some(at);
    }
}
