//! What an endpoint is: its list row, what Describe adds, how it feels, who changed it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Alarm, Kind, Resource, Section};
use crate::{
    column::{Align, Cell, Column, Now, Tier, Tone, Value, Width},
    health::Health,
    text::Text,
    time::{self, Timestamp},
};

/// `EndpointStatus` of SageMaker; what we do not know is kept as it came and means "do not touch".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndpointStatus {
    OutOfService,
    Creating,
    Updating,
    SystemUpdating,
    RollingBack,
    InService,
    Deleting,
    Failed,
    UpdateRollbackFailed,
    Other(Text),
}

impl EndpointStatus {
    pub fn parse(raw: &str) -> Self {
        match raw {
            "OutOfService" => Self::OutOfService,
            "Creating" => Self::Creating,
            "Updating" => Self::Updating,
            "SystemUpdating" => Self::SystemUpdating,
            "RollingBack" => Self::RollingBack,
            "InService" => Self::InService,
            "Deleting" => Self::Deleting,
            "Failed" => Self::Failed,
            "UpdateRollbackFailed" => Self::UpdateRollbackFailed,
            other => Self::Other(Text::new(other)),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::OutOfService => "OutOfService",
            Self::Creating => "Creating",
            Self::Updating => "Updating",
            Self::SystemUpdating => "SystemUpdating",
            Self::RollingBack => "RollingBack",
            Self::InService => "InService",
            Self::Deleting => "Deleting",
            Self::Failed => "Failed",
            Self::UpdateRollbackFailed => "UpdateRollbackFailed",
            Self::Other(text) => text.as_str(),
        }
    }

    /// True while AWS is changing it: these are polled as "in flight".
    pub const fn is_in_flight(&self) -> bool {
        matches!(self, Self::Creating | Self::Updating | Self::SystemUpdating | Self::RollingBack | Self::Deleting)
    }

    /// True where nothing goes on and nothing is mixed: such a row is told whole by an index.
    pub const fn is_at_rest(&self) -> bool {
        matches!(self, Self::InService | Self::OutOfService | Self::Failed)
    }

    pub const fn health(&self) -> Health {
        match self {
            Self::InService => Health::Ok,
            Self::Creating | Self::Updating | Self::SystemUpdating | Self::RollingBack | Self::Deleting => Health::Busy,
            Self::Failed | Self::UpdateRollbackFailed => Health::Bad,
            Self::OutOfService => Health::Warn,
            Self::Other(_) => Health::Unknown,
        }
    }
}

/// One row of the endpoints table. Each part arrives by its own call and is absent until it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    pub name: Text,
    pub arn: Text,
    pub status: EndpointStatus,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub details: Option<Details>,
    pub vitals: Option<Vitals>,
    /// Alarms whose dimensions name this endpoint.
    pub alarms: Vec<Alarm>,
    pub change: Option<Change>,
}

/// What DescribeEndpoint, the endpoint config and its models add.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Details {
    /// As Describe said it: newer than the list's. `None` only in rows made before it was asked.
    pub status: Option<EndpointStatus>,
    /// `LastModifiedTime` of this reading; the epoch in rows from before it was kept.
    #[serde(default)]
    pub modified: Timestamp,
    /// Told by Search, which knows neither `last_deployment` nor `is_async`: these were not read.
    #[serde(default)]
    pub indexed: bool,
    pub config: Text,
    pub failure: Option<Text>,
    pub variants: Vec<Variant>,
    pub shadow_variants: Vec<Variant>,
    /// Present while a *new config* is being deployed; Updating without it is a change of weights or capacity.
    pub pending: Option<Pending>,
    /// The policy and alarms of the last or running deployment: where the abort alarm is found.
    pub last_deployment: Option<Deployment>,
    pub capture: Option<Capture>,
    pub is_async: bool,
    /// Why the config or its models could not be read: what they add is missing above.
    #[serde(default)]
    pub unread: Option<Text>,
    /// Tags of the endpoint, by ListTags; masked.
    pub tags: Vec<(Text, Text)>,
}

impl Details {
    /// What this reading did not ask for and an earlier one of the same state has.
    pub fn complete_from(&mut self, known: &Self) {
        if self.tags.is_empty() && !self.indexed {
            self.tags.clone_from(&known.tags);
        }
        if self.indexed && !known.indexed && known.modified == self.modified {
            self.last_deployment.clone_from(&known.last_deployment);
            self.is_async = known.is_async;
            self.indexed = false;
        }
        if self.config == known.config {
            let all = self.variants.iter_mut().chain(&mut self.shadow_variants);
            for variant in all {
                let mut same = known.variants.iter().chain(&known.shadow_variants);
                if let Some(known) = same.find(|known| known.name == variant.name) {
                    variant.complete_from(known);
                }
            }
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    pub name: Text,
    pub model: Option<Text>,
    /// What the model's container says it is: `fraud v18` for a registered version, else the model's name.
    pub label: Option<Text>,
    pub instance_type: Option<Text>,
    pub current_count: Option<i64>,
    pub desired_count: Option<i64>,
    pub current_weight: Option<f64>,
    pub desired_weight: Option<f64>,
    pub images: Vec<Image>,
    pub stages: Vec<Stage>,
    pub serverless: bool,
}

impl Variant {
    /// What the config and the model say, which never change under their names; `known` is of the same config.
    fn complete_from(&mut self, known: &Self) {
        self.serverless |= known.serverless;
        self.instance_type = self.instance_type.take().or_else(|| known.instance_type.clone());
        self.model = self.model.take().or_else(|| known.model.clone());
        if self.label.is_none() && self.model == known.model {
            self.label.clone_from(&known.label);
        }
    }

    /// What it runs on; the type is told by the config alone, which a list may not have read.
    pub fn runs_on(&self) -> &str {
        match &self.instance_type {
            Some(kind) => kind.as_str(),
            None if self.serverless => "serverless",
            None => "?",
        }
    }

    /// Its share of the traffic of all `variants`, 0..=1; `None` when no weight is known or all are zero.
    pub fn share(&self, variants: &[Self]) -> Option<f64> {
        let total: f64 = variants.iter().filter_map(|variant| variant.current_weight).sum();
        (total > 0.0).then(|| self.current_weight.unwrap_or(0.0) / total)
    }

    /// Of a shadow: of the calls of the `production` variants, the part it gets copies of, 0..=1. Its weight is measured by theirs.
    pub fn copies(&self, production: &[Self]) -> Option<f64> {
        self.share(production).map(|share| share.min(1.0))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub specified: Text,
    pub resolved: Option<Text>,
}

/// `VariantStatus`: where a deployment is (Creating, ActivatingTraffic, Baking, Updating, Deleting).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    pub status: Text,
    pub message: Option<Text>,
    pub since: Option<Timestamp>,
}

/// `PendingDeploymentSummary`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    pub config: Text,
    pub started: Option<Timestamp>,
    pub variants: Vec<Variant>,
}

/// `DeploymentConfig`: how traffic moves and which alarms may stop it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    pub policy: Policy,
    pub alarms: Vec<Text>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Policy {
    /// No policy given: all at once, no bake.
    #[default]
    Default,
    BlueGreen(BlueGreen),
    Rolling(Rolling),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlueGreen {
    pub routing: Routing,
    /// Bake after each shift, seconds 0..=3600.
    pub wait_secs: i64,
    /// Extra bake with the old fleet kept, seconds 0..=3600.
    pub termination_wait_secs: i64,
    /// Seconds 600..=28800.
    pub max_execution_secs: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Routing {
    AllAtOnce,
    Canary(Size),
    Linear(Size),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Size {
    Instances(i64),
    Percent(i64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rolling {
    pub batch: Size,
    pub wait_secs: i64,
    pub rollback_batch: Option<Size>,
    pub max_execution_secs: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    pub enabled: bool,
    /// `Started` or `Stopped`; capture stops by itself under disk pressure.
    pub status: Text,
    pub sampling_percent: i64,
    pub destination: Text,
}

/// How it feels: from CloudWatch, for visible rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Vitals {
    /// End of the last full minute that was asked for.
    pub at: Timestamp,
    pub invocations_per_min: Option<f64>,
    /// Share of invocations answered 5xx, 0..=1.
    pub error_share: Option<f64>,
    pub p99_ms: Option<f64>,
    /// Invocations per minute in the same hour a week ago: a green dot needs traffic.
    pub week_ago_per_min: Option<f64>,
    /// P99 over the last three hours, oldest first; `NaN` is a gap.
    pub p99_spark: Vec<f32>,
}

/// The last accepted change, from CloudTrail, the ledger or a tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub at: Timestamp,
    pub by: Text,
    pub config: Option<Text>,
}

/// Below this share of last week's traffic (with at least [`TRAFFIC_FLOOR`] expected a minute) an endpoint is not healthy
/// at 0.0 % errors: its callers are gone.
const TRAFFIC_FELL: f64 = 0.2;
const TRAFFIC_FLOOR: f64 = 5.0;
/// From this share of 5xx on a row warns, and from the second on it is bad.
const ERRORS_WARN: f64 = 0.005;
const ERRORS_BAD: f64 = 0.02;
/// Fewer errors a minute than this are too few to judge by: one in twenty calls is no rate.
const ERRORS_FLOOR: f64 = 0.5;

impl Endpoint {
    /// Callers disappeared against the same hour a week ago.
    pub fn lost_traffic(&self) -> bool {
        self.vitals.as_ref().is_some_and(|v| {
            matches!((v.week_ago_per_min, v.invocations_per_min.or(Some(0.0))),
                (Some(before), Some(now)) if before >= TRAFFIC_FLOOR && now < before * TRAFFIC_FELL)
        })
    }

    /// Share of invocations answered 5xx, where there are enough errors to call it a rate.
    fn error_rate(&self) -> Option<f64> {
        let vitals = self.vitals.as_ref()?;
        let share = vitals.error_share?;
        let enough = vitals.invocations_per_min.is_none_or(|calls| calls * share >= ERRORS_FLOOR);
        enough.then_some(share)
    }

    /// Its alarms that tell of trouble.
    pub fn burning(&self) -> impl Iterator<Item = &Alarm> {
        self.alarms.iter().filter(|alarm| alarm.burns())
    }

    fn model_live(&self) -> Option<Cow<'_, str>> {
        fn label(variant: &Variant) -> Option<&str> {
            variant.label.as_ref().or(variant.model.as_ref()).map(Text::as_str)
        }
        fn labels(variants: &[Variant]) -> Cow<'_, str> {
            if let [only] = variants {
                return label(only).unwrap_or_default().into();
            }
            let mut labels: Vec<&str> = variants.iter().filter_map(label).collect();
            labels.dedup();
            labels.join(" + ").into()
        }
        let details = self.details.as_ref()?;
        let now = labels(&details.variants);
        Some(match &details.pending {
            Some(pending) if !pending.variants.is_empty() => format!("{now} → {}", labels(&pending.variants)).into(),
            _ => now,
        })
    }

    fn traffic(&self) -> Option<String> {
        let details = self.details.as_ref()?;
        if let Some(pending) = &details.pending {
            let stage = pending.variants.iter().flat_map(|v| &v.stages).next_back();
            let policy = details.last_deployment.as_ref().map(|d| &d.policy);
            let how = match policy {
                Some(Policy::BlueGreen(BlueGreen { routing: Routing::Canary(Size::Percent(p)), .. })) => {
                    format!("canary {p} %")
                }
                Some(Policy::BlueGreen(BlueGreen { routing: Routing::Canary(Size::Instances(n)), .. })) => {
                    format!("canary {n}")
                }
                Some(Policy::BlueGreen(BlueGreen { routing: Routing::Linear(Size::Percent(p)), .. })) => {
                    format!("linear {p} %")
                }
                Some(Policy::Rolling(_)) => "rolling".to_owned(),
                _ => "all at once".to_owned(),
            };
            return Some(stage.map_or(how.clone(), |stage| format!("{how} {}", stage.status)));
        }
        match details.variants.as_slice() {
            [] => None,
            [one] => Some(format!("{} 100 %", one.name)),
            many => Some(
                many.iter()
                    .map(|v| {
                        v.share(many).map_or_else(|| v.name.to_string(), |s| format!("{} {:.0}", v.name, s * 100.0))
                    })
                    .collect::<Vec<_>>()
                    .join(" "),
            ),
        }
    }
}

impl Resource for Endpoint {
    const KIND: Kind = Kind::Endpoint;

    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            head: "NAME",
            name: "name",
            tier: Tier::Always,
            width: Width::Fit { min: 12, max: 40 },
            align: Align::Left,
            cell: |row, _| Cell::from(&row.name),
            value: |row| (&row.name).into(),
        },
        Column {
            head: "STATUS",
            name: "status",
            tier: Tier::Always,
            width: Width::Fit { min: 9, max: 20 },
            align: Align::Left,
            cell: |row, _| Cell::new(row.status.as_str()).tone(row.status.health().tone()),
            value: |row| Value::text(row.status.as_str()),
        },
        Column {
            head: "MODEL LIVE",
            name: "model",
            tier: Tier::Always,
            width: Width::Fit { min: 10, max: 28 },
            align: Align::Left,
            cell: |row, _| row.model_live().map_or_else(Cell::missing, Cell::new),
            value: |row| row.model_live().map_or(Value::Missing, Value::Text),
        },
        Column {
            head: "TRAFFIC",
            name: "traffic",
            tier: Tier::Wide,
            width: Width::Fit { min: 10, max: 24 },
            align: Align::Left,
            cell: |row, _| row.traffic().map_or_else(Cell::missing, Cell::new),
            value: |row| row.traffic().map_or(Value::Missing, |text| Value::Text(Cow::Owned(text))),
        },
        Column {
            head: "5XX",
            name: "5xx",
            tier: Tier::Always,
            width: Width::Fixed(7),
            align: Align::Right,
            cell: |row, _| match row.vitals.as_ref().and_then(|v| v.error_share) {
                None => Cell::missing(),
                Some(share) => Cell::new(format!("{:.1} %", share * 100.0)).tone(match row.error_rate() {
                    Some(s) if s >= ERRORS_BAD => Tone::Bad,
                    Some(s) if s >= ERRORS_WARN => Tone::Warn,
                    _ => Tone::Plain,
                }),
            },
            value: |row| Value::number(row.vitals.as_ref().and_then(|v| v.error_share).map(|s| s * 100.0)),
        },
        Column {
            head: "P99 ms",
            name: "p99",
            tier: Tier::Always,
            width: Width::Fixed(15),
            align: Align::Right,
            cell: |row, _| match row.vitals.as_ref() {
                Some(v) => {
                    v.p99_ms.map_or_else(Cell::missing, |ms| Cell::new(crate::series::grouped(ms))).spark(&v.p99_spark)
                }
                None => Cell::missing(),
            },
            value: |row| Value::number(row.vitals.as_ref().and_then(|v| v.p99_ms)),
        },
        Column {
            head: "INV/min",
            name: "inv",
            tier: Tier::Always,
            width: Width::Fixed(8),
            align: Align::Right,
            cell: |row, _| match row.vitals.as_ref().and_then(|v| v.invocations_per_min) {
                None => Cell::missing(),
                Some(n) => {
                    let cell = Cell::new(crate::series::grouped(n));
                    if row.lost_traffic() { cell.tone(Tone::Bad) } else { cell }
                }
            },
            value: |row| Value::number(row.vitals.as_ref().and_then(|v| v.invocations_per_min)),
        },
        Column {
            head: "CHANGED",
            name: "changed",
            tier: Tier::Always,
            width: Width::Fixed(9),
            align: Align::Right,
            cell: |row, now| {
                let at = row.change.as_ref().map_or(row.modified, |change| change.at);
                Cell::new(time::age(now.0.since(at)))
            },
            value: |row| Value::Time(row.change.as_ref().map_or(row.modified, |change| change.at)),
        },
        Column {
            head: "BY",
            name: "by",
            tier: Tier::Wide,
            width: Width::Fit { min: 4, max: 20 },
            align: Align::Left,
            cell: |row, _| Cell::from(row.change.as_ref().map(|change| &change.by)),
            value: |row| row.change.as_ref().map(|change| &change.by).into(),
        },
        Column {
            head: "CONFIG",
            name: "config",
            tier: Tier::Full,
            width: Width::Rest { min: 12 },
            align: Align::Left,
            cell: |row, _| Cell::from(row.details.as_ref().map(|d| &d.config)),
            value: |row| row.details.as_ref().map(|d| &d.config).into(),
        },
        Column {
            head: "CREATED",
            name: "created",
            tier: Tier::Full,
            width: Width::Fixed(8),
            align: Align::Right,
            cell: |row, now| Cell::new(time::age(now.0.since(row.created))),
            value: |row| Value::Time(row.created),
        },
    ];

    fn name(&self) -> &Text {
        &self.name
    }

    fn health(&self) -> Health {
        let by_status = self.status.health();
        let errors = match self.error_rate() {
            Some(share) if share >= ERRORS_BAD => Health::Bad,
            Some(share) if share >= ERRORS_WARN => Health::Warn,
            _ => Health::Ok,
        };
        let alarms = if self.burning().next().is_some() { Health::Bad } else { Health::Ok };
        let traffic = if self.lost_traffic() { Health::Bad } else { Health::Ok };
        by_status.min(errors).min(alarms).min(traffic)
    }

    fn facts(&self, now: Now) -> Vec<Section> {
        let mut out = vec![
            Section::new("Endpoint")
                .with("name", &self.name)
                .with("status", Cell::new(self.status.as_str().to_owned()).tone(self.status.health().tone()))
                .with("arn", &self.arn)
                .with("created", self.created.full())
                .with("modified", format!("{} ({})", self.modified.full(), time::age(now.0.since(self.modified)))),
        ];
        if let Some(change) = &self.change {
            out[0] = std::mem::take(&mut out[0]).with("changed by", &change.by);
        }
        let Some(details) = &self.details else { return out };
        let mut section = Section::new("Deployment").with("endpoint config", &details.config);
        if let Some(failure) = &details.failure {
            section = section.with("failure reason", Cell::from(failure).tone(Tone::Bad));
        }
        if let Some(why) = &details.unread {
            section = section.with("not read", Cell::from(why).tone(Tone::Warn));
        }
        if let Some(pending) = &details.pending {
            section = section.with("deploying", Cell::from(&pending.config).tone(Tone::Busy));
        }
        if let Some(deployment) = &details.last_deployment {
            section = section.with("guardrails", deployment.describe());
        } else if details.indexed {
            section = section.with("guardrails", Cell::new("not read yet".to_owned()).tone(Tone::Dim));
        }
        if let Some(capture) = &details.capture {
            let on = format!("{} {} % to {}", capture.status, capture.sampling_percent, capture.destination);
            let stopped = capture.enabled && capture.status != "Started";
            section = section.with("data capture", Cell::new(on).tone(if stopped { Tone::Warn } else { Tone::Plain }));
        }
        out.push(section);
        for variant in &details.variants {
            out.push(variant.section("Variant", "traffic", variant.share(&details.variants)));
        }
        for shadow in &details.shadow_variants {
            out.push(shadow.section("Shadow variant", "copies of", shadow.copies(&details.variants)));
        }
        if !details.tags.is_empty() {
            let mut section = Section::new("Tags");
            for (key, value) in &details.tags {
                section = section.with(key.as_str(), value);
            }
            out.push(section);
        }
        out
    }

    fn field(&self, name: &str) -> Value<'_> {
        let tag = |wanted: &str| {
            let tags = self.details.as_ref().map(|d| d.tags.as_slice()).unwrap_or_default();
            tags.iter().find(|(key, _)| key == wanted).map(|(_, value)| value).into()
        };
        match name {
            "arn" => (&self.arn).into(),
            "alarm" => self.burning().next().map(|alarm| &alarm.name).into(),
            "instance" => {
                self.details.as_ref().and_then(|d| d.variants.first()).and_then(|v| v.instance_type.as_ref()).into()
            }
            other => other.strip_prefix("tag.").map_or(Value::Missing, tag),
        }
    }

    fn field_names(&self) -> Vec<&str> {
        vec!["alarm", "arn", "instance"]
    }
}

impl Variant {
    /// `part` of the calls of its endpoint is what it takes, or gets copies of: `of` says which.
    fn section(&self, title: &str, of: &str, part: Option<f64>) -> Section {
        let count = match (self.current_count, self.desired_count) {
            (Some(current), Some(desired)) if current != desired => format!("{current} (wanted {desired})"),
            (Some(current), _) => current.to_string(),
            (None, Some(desired)) => format!("wanted {desired}"),
            (None, None) => "–".to_owned(),
        };
        let mut section = Section::new(format!("{title} {}", self.name))
            .with("model", self.label.as_ref().or(self.model.as_ref()))
            .with("instances", format!("{} × {count}", self.runs_on()))
            .with(of, part.map_or_else(|| "–".to_owned(), |part| format!("{:.0} %", part * 100.0)));
        for image in &self.images {
            section = section.with("image", image.resolved.as_ref().unwrap_or(&image.specified));
        }
        for stage in &self.stages {
            section = section.with("stage", Cell::from(&stage.status).tone(Tone::Busy));
        }
        section
    }
}

impl Deployment {
    /// One line: `canary 10 %, bake 5 m, old fleet kept 10 m, alarms fraud-5xx`.
    pub fn describe(&self) -> String {
        let span = |secs: i64| time::span(secs * time::SECOND);
        let mut out = match &self.policy {
            Policy::Default => "all at once, no bake".to_owned(),
            Policy::BlueGreen(b) => {
                let routing = match b.routing {
                    Routing::AllAtOnce => "all at once".to_owned(),
                    Routing::Canary(size) => format!("canary {size}"),
                    Routing::Linear(size) => format!("linear {size}"),
                };
                format!("{routing}, bake {}, old fleet kept {}", span(b.wait_secs), span(b.termination_wait_secs))
            }
            Policy::Rolling(r) => format!("rolling {}, bake {}", r.batch, span(r.wait_secs)),
        };
        if self.alarms.is_empty() {
            out.push_str(", no alarms");
        } else {
            out.push_str(", alarms ");
            out.push_str(&self.alarms.iter().map(Text::as_str).collect::<Vec<_>>().join(" "));
        }
        out
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Instances(1) => write!(f, "1 instance"),
            Self::Instances(n) => write!(f, "{n} instances"),
            Self::Percent(p) => write!(f, "{p} %"),
        }
    }
}
