//! What the program may want to know from the outside, and the answers: plain data on both sides.
//!
//! One [`Ask`] may take several calls in the gateway; the gateway decides which, by the polling rules (cheapest call,
//! immutable things once). Every answer is in domain types, escaped and masked.

use serde::{Deserialize, Serialize};

use crate::{
    fault::Fault,
    ops::{
        Facts,
        call::Call,
        intent::Intent,
        measure::{Around, Measured},
        target::{Seen, Target},
        team::{Lock, Shared, Table},
    },
    resource::{
        Alarm, Endpoint, Execution, Job, ModelPackage, Monitor, Run,
        endpoint::{Change, Details, Vitals},
        execution::ExecutionDetail,
        monitor::DriftDetail,
    },
    scope::Identity,
    series::Series,
    text::Text,
    time::Timestamp,
};

/// A read. Nothing here changes anything in AWS.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// `sts:GetCallerIdentity`.
    Identity,
    /// One page of the endpoints of the scope, the last created first: ListEndpoints. Rows come without details. `more`
    /// continues an earlier answer.
    Endpoints { more: Option<Text> },
    /// DescribeEndpoint + its config, models and tags, for one that is opened.
    Details(Text),
    /// What the rows of a list show, in as few calls as Search allows. Answers at least one row, at first those that
    /// are told at once; what the answer leaves out is to be asked again. `instances` also reads each config, which
    /// alone names the instance type.
    Rows { rows: Vec<RowOf>, instances: bool },
    /// One batched GetMetricData for the rows on screen.
    Vitals(Vec<VitalsOf>),
    /// DescribeAlarms, all pages.
    Alarms,
    /// Who changed endpoints when: CloudTrail UpdateEndpoint and CreateEndpoint since then.
    Changes { since: Timestamp },
    /// One thing, read freshly: Describe, nothing cached but what is immutable. The executor's eye.
    Target(Target),
    /// What an endpoint's calls were before and after a change, and how its alarms are: two GetMetricData, one DescribeAlarms.
    Measure(Around),
    /// Everything that one intent is judged by, read freshly. `deep` adds CloudTrail, slow: 2 calls a second; without it the answer comes from Describe, tags
    /// and lists.
    Facts { intent: Box<Intent>, deep: bool },
    /// Metric curves of one endpoint: invocations, 4xx, 5xx, p50, p99, overhead, CPU, memory.
    EndpointSeries { endpoint: Text, variants: Vec<Text>, from: Timestamp, to: Timestamp },
    /// Log lines of one log group, all streams merged, oldest first.
    Logs(LogsOf),
    /// Search(PipelineExecution) modified since then; where Search is not offered, the lists.
    Executions { since: Timestamp },
    /// Steps, definition graph and parameters of one execution. `settled` when it ended: ask once.
    Execution { arn: Text, settled: bool },
    /// One page of runs modified since then, the last modified first. `more` continues an earlier answer, from its `since`.
    Runs { since: Timestamp, more: Option<Text> },
    /// Metric curves of runs, for comparing: run name, trial component ARN, training job ARN.
    RunSeries(Vec<RunRef>),
    /// All groups' versions: what may be live.
    Packages,
    /// Monitoring schedules with their newest executions and alerts.
    Monitors,
    /// Processing, transform and labeling jobs, shadow tests and human loops created since then: the lists, the newest first.
    Jobs { since: Timestamp },
    /// One monitor's features over time.
    Drift { monitor: Text, endpoint: Option<Text>, from: Timestamp, to: Timestamp },
    /// The body of a Describe as AWS sent it, masked, pretty-printed.
    Raw { kind: crate::resource::Kind, name: Text },
    /// Whether the table that hosts share is there: DescribeTable.
    TeamTable,
    /// Locks that are held in this account and region: Query.
    TeamLocks,
    /// Records of all hosts since then, oldest first: Query.
    TeamRecords { since: Timestamp },
}

/// One row of a list of endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowOf {
    pub endpoint: Text,
    /// When it last changed, if it is at rest: an index that is as new will do. `None`: it has to be described.
    pub at_rest: Option<Timestamp>,
}

impl RowOf {
    pub fn of(row: &Endpoint) -> Self {
        let known = row.details.as_ref().map_or(row.modified, |details| details.modified.max(row.modified));
        Self { endpoint: row.name.clone(), at_rest: row.status.is_at_rest().then_some(known) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VitalsOf {
    pub endpoint: Text,
    pub variants: Vec<Text>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRef {
    pub name: Text,
    pub arn: Text,
    pub component_arn: Option<Text>,
    pub metrics: Vec<Text>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogsOf {
    pub group: Text,
    pub stream_prefix: Option<Text>,
    pub from: Timestamp,
    pub to: Option<Timestamp>,
    /// FilterLogEvents pattern; empty for all lines.
    pub pattern: Option<Text>,
    /// At most this many lines.
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Identity(Identity),
    Endpoints {
        rows: Vec<Endpoint>,
        more: Option<Text>,
    },
    /// Per endpoint, because one may be denied or gone while the others answer.
    Details(Vec<(Text, Result<Details, Fault>)>),
    Vitals(Vec<(Text, Vitals)>),
    Seen(Seen),
    Measured(Box<Measured>),
    Facts(Box<Facts>),
    Alarms(Vec<Alarm>),
    Changes(Vec<TrailEvent>),
    Series(Vec<Series>),
    Logs(Vec<LogLine>),
    Executions(Vec<Execution>),
    Execution(Box<ExecutionDetail>),
    Runs {
        rows: Vec<Run>,
        more: Option<Text>,
    },
    RunSeries(Vec<(Text, Vec<Series>)>),
    Packages(Vec<ModelPackage>),
    Monitors(Vec<Monitor>),
    /// What could be read; and why some of it could not.
    Jobs {
        rows: Vec<Job>,
        gaps: Vec<Fault>,
    },
    Drift(Box<DriftDetail>),
    Raw(Text),
    TeamTable(Table),
    TeamLocks(Vec<Lock>),
    TeamRecords(Vec<Shared>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    pub at: Timestamp,
    /// Variant and instance, or host of a job.
    pub stream: Text,
    pub text: Text,
}

/// One management event from CloudTrail about an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailEvent {
    pub at: Timestamp,
    /// `UpdateEndpoint`, `CreateEndpoint`, `UpdateEndpointWeightsAndCapacities`.
    pub name: Text,
    pub endpoint: Text,
    pub config: Option<Text>,
    /// Session or user name of the caller.
    pub by: Text,
    /// Set when AWS refused the call: such an event changed nothing.
    pub error: Option<Text>,
    pub event_id: Text,
}

impl TrailEvent {
    /// The change it made; `None` for one that was refused.
    pub fn change(&self) -> Option<Change> {
        self.error.is_none().then(|| Change { at: self.at, by: self.by.clone(), config: self.config.clone() })
    }
}

/// How one write ended, as far as we know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Sent {
    Applied {
        request_id: Option<Text>,
        /// ARN of what it made, where the answer names one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        made: Option<Text>,
    },
    /// AWS said no; nothing changed.
    Refused(Fault),
    /// The answer was lost: it may have landed. Never shown as "failed".
    Unknown(Fault),
}

impl Sent {
    /// Applied, as the state shows: no answer came.
    pub const fn applied() -> Self {
        Self::Applied { request_id: None, made: None }
    }
}

/// One line of the `@` view: a call that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct CallMade {
    pub at: Timestamp,
    pub service: &'static str,
    pub operation: Text,
    pub status: Option<u16>,
    pub request_id: Option<Text>,
    pub took_ms: u64,
    pub write: bool,
}

/// A write together with what allows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    pub call: Call,
    /// Short id of the confirmed plan, for the grant and the user agent.
    pub plan: Text,
}
