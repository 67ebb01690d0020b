//! What can be asked for on the command line, as arguments.

use clap::{Args, Subcommand, ValueEnum};
use mldeck_core::{
    ops::{
        call::{Approval, VariantChange},
        intent::{Change, Choice, Intent, Mode, Rollout, Route},
        target::{Kind, Target},
    },
    text::Text,
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
    Provision { endpoint: String },
    /// Deletes an endpoint, an endpoint config or a model that nothing serves and nobody may want back.
    Delete {
        #[arg(value_enum)]
        kind: Deletable,
        name: String,
    },
    /// Approves a registered version.
    Approve { arn: String },
    /// Rejects a registered version.
    Reject { arn: String },
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
    /// Goes on with a pipeline execution that failed or was stopped.
    Retry { execution: String },
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
        #[arg(long = "output", value_parser = pair)]
        outputs: Vec<(Text, Text)>,
    },
    /// Stops a job or a pipeline execution.
    Stop {
        #[arg(value_enum)]
        kind: Stoppable,
        name: String,
    },
    /// Starts or stops a monitoring schedule.
    Monitor {
        #[arg(value_enum)]
        switch: Switch,
        name: String,
    },
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
}

impl Promotion {
    pub fn change(&self) -> Change {
        Change::Promote {
            package: Text::new(&self.arn),
            endpoint: Text::new(&self.onto),
            rollout: self.rollout,
            accept: self.accept.iter().map(|gate| Text::new(gate)).collect(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Deletable {
    Endpoint,
    Config,
    Model,
}

fn rollout(text: &str) -> Result<Rollout, String> {
    let words = || Rollout::ALL.map(Rollout::word).join(", ");
    Rollout::parse(text).ok_or_else(|| format!("one of {}", words()))
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    Start,
    Stop,
}

fn pair(text: &str) -> Result<(Text, Text), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is wanted")?;
    Ok((Text::new(name), Text::new(value)))
}

fn weight(text: &str) -> Result<VariantChange, String> {
    let (name, value) = text.split_once('=').ok_or("VARIANT=WEIGHT is wanted")?;
    let weight = value.parse().map_err(|_| format!("{value:?} is no number"))?;
    Ok(VariantChange { variant: Text::new(name), weight: Some(weight), count: None })
}

fn count(text: &str) -> Result<VariantChange, String> {
    let (name, value) = text.split_once('=').ok_or("VARIANT=COUNT is wanted")?;
    let count = value.parse().map_err(|_| format!("{value:?} is no whole number"))?;
    Ok(VariantChange { variant: Text::new(name), weight: None, count: Some(count) })
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
            ..Choice::default()
        };
        Change::RollBack { endpoint: Text::new(&self.endpoint), choice }
    }
}

impl Asked {
    pub fn change(&self) -> Change {
        let text = |raw: &String| Text::new(raw);
        match self {
            Self::Rollback(back) => back.change(),
            Self::Shift { endpoint, weights } => {
                Change::Traffic { endpoint: text(endpoint), variants: weights.clone() }
            }
            Self::Scale { endpoint, count } => {
                Change::Traffic { endpoint: text(endpoint), variants: vec![count.clone()] }
            }
            Self::Promote(promote) => promote.change(),
            Self::Provision { endpoint } => Change::Provision { endpoint: text(endpoint) },
            Self::Delete { kind, name } => {
                let kind = match kind {
                    Deletable::Endpoint => Kind::Endpoint,
                    Deletable::Config => Kind::EndpointConfig,
                    Deletable::Model => Kind::Model,
                };
                Change::Delete { target: Target::new(kind, text(name)) }
            }
            Self::Approve { arn } => Change::Approve { package: text(arn), approval: Approval::Approved },
            Self::Reject { arn } => Change::Approve { package: text(arn), approval: Approval::Rejected },
            Self::Start { pipeline, parameters, name } => {
                Change::StartPipeline { pipeline: text(pipeline), name: text(name), parameters: parameters.clone() }
            }
            Self::Answer { execution, step, failure, outputs } => Change::Callback {
                execution: text(execution),
                step: step.as_ref().map(text),
                failure: failure.as_ref().map(text),
                outputs: outputs.clone(),
            },
            Self::Retry { execution } => Change::Retry { execution: text(execution) },
            Self::Stop { kind, name } => Change::Stop { target: Target::new(kind.kind(), text(name)) },
            Self::Monitor { switch, name } => Change::Schedule { name: text(name), start: *switch == Switch::Start },
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
        }
    }
}
