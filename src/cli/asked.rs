//! What can be asked for on the command line, as arguments.

use clap::{Args, Subcommand, ValueEnum};
use mldeck_core::{
    ops::{
        call::{Approval, Edits, Ending, ShadowTest, VariantChange},
        intent::{Bypass, Change, Choice, Intent, Mode, Rollout, Route},
        origin::Way,
        target::{Kind, Target},
    },
    text::Text,
};

use super::{
    abroad::Wanted,
    words::{bypass, count, pair, rollout, way, weight},
};

#[derive(Clone, Debug, Default, Args)]
pub struct Why {
    /// Why, or a ticket: kept in the ledger.
    #[arg(long, global = true, value_name = "TEXT")]
    pub reason: Option<String>,
}

impl Why {
    /// The intent to do this, for this reason.
    pub fn intent(&self, change: Change) -> Intent {
        Intent::from(change).because(self.reason.as_deref().map(Text::new))
    }
}

#[derive(Debug, Subcommand)]
pub enum Asked {
    /// The fastest safe way out of whatever state an endpoint is in.
    Rollback(RollBack),
    /// Traffic between live variants, as weights.
    Shift {
        endpoint: String,
        /// `VARIANT=WEIGHT`, one or more.
        #[arg(required = true, value_parser = weight)]
        weights: Vec<VariantChange>,
    },
    /// The number of instances of one live variant.
    Scale {
        endpoint: String,
        /// `VARIANT=COUNT`.
        #[arg(value_parser = count)]
        count: VariantChange,
    },
    /// A registered version or a training job onto an endpoint: registration, approval, model, endpoint config, guarded deployment.
    Promote(Promotion),
    /// Makes the quiet abort alarm of an endpoint, by which a deployment can be stopped.
    Provision {
        #[arg(required = true, value_name = "ENDPOINT")]
        endpoints: Vec<String>,
    },
    /// Deletes an endpoint, or endpoint configs or models, that nothing serves and nobody may want back.
    Delete {
        #[arg(value_enum)]
        kind: Deletable,
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Approves registered versions.
    Approve {
        #[arg(required = true, value_name = "ARN")]
        arns: Vec<String>,
    },
    /// Rejects registered versions.
    Reject {
        #[arg(required = true, value_name = "ARN")]
        arns: Vec<String>,
    },
    /// Starts a pipeline.
    Start {
        pipeline: String,
        /// `NAME=VALUE`; what is not named takes the default of the definition.
        #[arg(short, long = "parameter", value_parser = pair)]
        parameters: Vec<(Text, Text)>,
        /// How the run is called.
        #[arg(long, default_value = "")]
        name: String,
    },
    /// Goes on with pipeline executions that failed or were stopped.
    Retry {
        #[arg(required = true, value_name = "EXECUTION")]
        executions: Vec<String>,
    },
    /// Answers a callback step that waits, in a pipeline execution.
    Answer {
        /// ARN of the execution.
        execution: String,
        /// The step, where several wait.
        #[arg(long, value_name = "NAME")]
        step: Option<String>,
        /// It failed, and why; without this it is answered with success.
        #[arg(long, value_name = "REASON", conflicts_with = "outputs")]
        failure: Option<String>,
        /// `NAME=VALUE`, what the step gives to the steps after it.
        #[arg(long = "result", value_parser = pair)]
        outputs: Vec<(Text, Text)>,
    },
    /// Stops jobs or pipeline executions.
    Stop {
        #[arg(value_enum)]
        kind: Stoppable,
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Starts or stops monitoring schedules, or runs the jobs of one once, now.
    Monitor {
        #[arg(value_enum)]
        switch: Switch,
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// How far back a run looks, 1 to 24; else as far as the schedule does.
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..=24))]
        hours: Option<u8>,
    },
    /// A job like one that was, under a new name.
    Clone(CloneJob),
    /// A job as a template spells it out.
    Create {
        #[arg(value_enum)]
        kind: Clonable,
        /// JSON with the members of its Create operation, as `aws sagemaker create-…-job --cli-input-json` takes it.
        #[arg(value_name = "FILE", value_parser = content)]
        template: Text,
    },
    /// Shadow tests: a model gets copies of an endpoint's calls, and answers nobody.
    #[command(subcommand)]
    Shadow(Shadow),
    /// Asks people, by a flow definition of Augmented AI.
    Ask {
        flow: String,
        /// What they are asked about: JSON, as the flow's page wants it.
        #[arg(value_name = "FILE", value_parser = content)]
        input: Text,
    },
}

#[derive(Debug, Args)]
pub struct CloneJob {
    #[arg(value_enum)]
    pub kind: Clonable,
    pub name: String,
    #[arg(long, value_name = "TYPE")]
    pub instance_type: Option<String>,
    #[arg(long, value_name = "COUNT")]
    pub instances: Option<i64>,
    /// Seconds after which AWS stops it.
    #[arg(long, value_name = "SECONDS")]
    pub longest: Option<i64>,
    /// `NAME=VALUE`, of a training job.
    #[arg(short = 'p', long = "hyperparameter", value_parser = pair)]
    pub hyperparameters: Vec<(Text, Text)>,
    /// S3 URI of what a labeling job is to label.
    #[arg(long, value_name = "URI")]
    pub manifest: Option<String>,
}

impl CloneJob {
    fn change(&self) -> Change {
        let edits = Edits {
            instance_type: self.instance_type.as_deref().map(Text::new),
            instance_count: self.instances,
            longest: self.longest,
            hyperparameters: self.hyperparameters.clone(),
            manifest: self.manifest.as_deref().map(Text::new),
        };
        Change::CloneJob { source: Target::new(self.kind.kind(), Text::new(&self.name)), edits }
    }
}

#[derive(Debug, Subcommand)]
pub enum Shadow {
    /// Makes one and starts it.
    Test {
        endpoint: String,
        /// The model that gets copies, by name; or the ARN of a registered version, of which one is made first.
        #[arg(long, value_name = "NAME|ARN")]
        model: String,
        /// Share of the calls that is copied, per cent.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=100))]
        share: u8,
        /// Of the shadow; else as the production variant has.
        #[arg(long, value_name = "TYPE")]
        instance_type: Option<String>,
        #[arg(long, value_name = "COUNT")]
        instances: Option<i64>,
        /// ARN of the role in which the test changes the endpoint; else the model's own.
        #[arg(long, value_name = "ARN")]
        role: Option<String>,
    },
    /// Starts one that was made and waits.
    Start { test: String },
    /// Ends one; the endpoint is again as it was before.
    Stop { test: String },
    /// Ends one; the shadow takes the place of the production variant.
    Promote { test: String },
}

impl Shadow {
    fn change(&self) -> Change {
        match self {
            Self::Test { endpoint, model, share, instance_type, instances, role } => Change::TestShadow(ShadowTest {
                endpoint: Text::new(endpoint),
                model: Text::new(model),
                share: *share,
                instance_type: instance_type.as_deref().map(Text::new),
                instance_count: *instances,
                role: role.as_deref().map(Text::new),
            }),
            Self::Start { test } => Change::StartShadow { test: Text::new(test) },
            Self::Stop { test } => Change::EndShadow { test: Text::new(test), ending: Ending::Remove },
            Self::Promote { test } => Change::EndShadow { test: Text::new(test), ending: Ending::Promote },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Clonable {
    Training,
    Processing,
    Transform,
    Labeling,
}

impl Clonable {
    const fn kind(self) -> Kind {
        match self {
            Self::Training => Kind::TrainingJob,
            Self::Processing => Kind::ProcessingJob,
            Self::Transform => Kind::TransformJob,
            Self::Labeling => Kind::LabelingJob,
        }
    }
}

/// The largest file that is read, bytes: what a human loop takes at the most, and something for its escapes.
const LARGEST_FILE: u64 = 8 * 1024 * 1024;

fn content(path: &str) -> Result<Text, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > LARGEST_FILE {
        return Err(format!("it is larger than {} MiB", LARGEST_FILE >> 20));
    }
    std::fs::read_to_string(path).map(|text| Text::new(&text)).map_err(|error| error.to_string())
}

#[derive(Clone, Debug, Args)]
pub struct RollBack {
    pub endpoint: String,
    /// The endpoint config to go back to, instead of the one that is found.
    #[arg(long, value_name = "CONFIG")]
    pub to: Option<String>,
    /// The inference component to take back, instead of the one that changed last.
    #[arg(long, value_name = "NAME")]
    pub component: Option<String>,
    #[arg(long, value_enum)]
    pub mode: Option<ModeWord>,
    #[arg(long, value_enum)]
    pub route: Option<RouteWord>,
    /// Goes on without this, which stands against it; needs a reason.
    #[arg(long, value_name = "GUARD", value_parser = bypass)]
    pub bypass: Vec<Bypass>,
}

#[derive(Clone, Debug, Args)]
pub struct Promotion {
    /// ARN of the registered version, or of the training job that is registered first.
    pub arn: String,
    /// The endpoint that is to serve it.
    #[arg(long, value_name = "ENDPOINT")]
    pub onto: String,
    /// How the traffic moves.
    #[arg(long, default_value = "canary", value_parser = rollout)]
    pub rollout: Rollout,
    /// Goes on without an answer to this gate; needs a reason.
    #[arg(long, value_name = "GATE")]
    pub accept: Vec<String>,
    /// AWS profile of the account that the version is of, where that is not the endpoint's.
    #[arg(long, value_name = "NAME")]
    pub from_profile: Option<String>,
    /// How a version of another account comes: it stays in its registry, or is registered here once more.
    #[arg(long, value_name = "registry|copy", value_parser = way, requires = "from_profile")]
    pub by: Option<Way>,
}

impl Promotion {
    pub fn change(&self) -> Change {
        Change::Promote {
            package: Text::new(&self.arn),
            endpoint: Text::new(&self.onto),
            rollout: self.rollout,
            accept: self.accept.iter().map(|gate| Text::new(gate)).collect(),
            // Who we are there is known once AWS said so.
            origin: None,
        }
    }

    /// The other account that is to be reached for it.
    pub fn wanted(&self) -> Option<Wanted> {
        let profile = self.from_profile.clone()?;
        Some(Wanted { profile, way: self.by })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Deletable {
    Endpoint,
    Config,
    Model,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeWord {
    Guarded,
    Emergency,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RouteWord {
    Abort,
    Weights,
    Component,
    Config,
    Rolling,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stoppable {
    Execution,
    Training,
    Processing,
    Transform,
    Tuning,
    Automl,
    Compilation,
    Labeling,
    /// A human loop.
    Loop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    Start,
    Stop,
    /// Once, now.
    Run,
}

impl RollBack {
    pub fn change(&self) -> Change {
        let mode = |mode| match mode {
            ModeWord::Guarded => Mode::Guarded,
            ModeWord::Emergency => Mode::Emergency,
        };
        let route = |route| match route {
            RouteWord::Abort => Route::Abort,
            RouteWord::Weights => Route::Weights,
            RouteWord::Component => Route::Component,
            RouteWord::Config => Route::Config,
            RouteWord::Rolling => Route::Rolling,
        };
        let choice = Choice {
            candidate: self.to.as_deref().map(Text::new),
            component: self.component.as_deref().map(Text::new),
            mode: self.mode.map(mode),
            route: self.route.map(route),
            bypass: self.bypass.clone(),
            ..Choice::default()
        };
        Change::RollBack { endpoint: Text::new(&self.endpoint), choice }
    }
}

impl Asked {
    /// The other account that is to be reached for it.
    pub fn wanted(&self) -> Option<Wanted> {
        match self {
            Self::Promote(promote) => promote.wanted(),
            _ => None,
        }
    }

    /// What is asked for: one change for each thing that is named.
    pub fn changes(&self) -> Vec<Change> {
        let each = |names: &[String], change: &dyn Fn(Text) -> Change| -> Vec<Change> {
            names.iter().map(|name| change(Text::new(name))).collect()
        };
        match self {
            Self::Provision { endpoints } => each(endpoints, &|endpoint| Change::Provision { endpoint }),
            Self::Delete { kind, names } => {
                each(names, &|name| Change::Delete { target: Target::new(kind.kind(), name) })
            }
            Self::Approve { arns } => each(arns, &|package| Change::Approve { package, approval: Approval::Approved }),
            Self::Reject { arns } => each(arns, &|package| Change::Approve { package, approval: Approval::Rejected }),
            Self::Retry { executions } => each(executions, &|execution| Change::Retry { execution }),
            Self::Stop { kind, names } => each(names, &|name| Change::Stop { target: Target::new(kind.kind(), name) }),
            Self::Monitor { switch, names, hours } => each(names, &|name| match switch {
                Switch::Run => Change::RunMonitor { schedule: name, hours: *hours },
                Switch::Start | Switch::Stop => Change::Schedule { name, start: *switch == Switch::Start },
            }),
            one => one.change().into_iter().collect(),
        }
    }

    /// Of a verb that is about one thing.
    fn change(&self) -> Option<Change> {
        let text = |raw: &String| Text::new(raw);
        Some(match self {
            Self::Rollback(back) => back.change(),
            Self::Shift { endpoint, weights } => {
                Change::Traffic { endpoint: text(endpoint), variants: weights.clone() }
            }
            Self::Scale { endpoint, count } => {
                Change::Traffic { endpoint: text(endpoint), variants: vec![count.clone()] }
            }
            Self::Promote(promote) => promote.change(),
            Self::Start { pipeline, parameters, name } => {
                Change::StartPipeline { pipeline: text(pipeline), name: text(name), parameters: parameters.clone() }
            }
            Self::Answer { execution, step, failure, outputs } => Change::Callback {
                execution: text(execution),
                step: step.as_ref().map(text),
                failure: failure.as_ref().map(text),
                outputs: outputs.clone(),
            },
            Self::Clone(clone) => clone.change(),
            Self::Create { kind, template } => Change::StartJob { kind: kind.kind(), template: template.clone() },
            Self::Shadow(shadow) => shadow.change(),
            Self::Ask { flow, input } => Change::StartReview { flow: text(flow), input: input.clone() },
            Self::Provision { .. }
            | Self::Delete { .. }
            | Self::Approve { .. }
            | Self::Reject { .. }
            | Self::Retry { .. }
            | Self::Stop { .. }
            | Self::Monitor { .. } => return None,
        })
    }
}

impl Deletable {
    const fn kind(self) -> Kind {
        match self {
            Self::Endpoint => Kind::Endpoint,
            Self::Config => Kind::EndpointConfig,
            Self::Model => Kind::Model,
        }
    }
}

impl Stoppable {
    const fn kind(self) -> Kind {
        match self {
            Self::Execution => Kind::Execution,
            Self::Training => Kind::TrainingJob,
            Self::Processing => Kind::ProcessingJob,
            Self::Transform => Kind::TransformJob,
            Self::Tuning => Kind::TuningJob,
            Self::Automl => Kind::AutoMlJob,
            Self::Compilation => Kind::CompilationJob,
            Self::Labeling => Kind::LabelingJob,
            Self::Loop => Kind::HumanLoop,
        }
    }
}
