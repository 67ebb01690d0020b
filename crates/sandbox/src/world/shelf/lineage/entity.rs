//! What lineage is made of: entities, and what leads from one to another.

use std::borrow::Cow;

use mldeck_core::{id::arn_tail, time::Timestamp};
use serde_json::{Map, Value, json};

use crate::world::{epoch, estate, lists, noise, shelf::kind::Kind};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    TrialComponent,
    Artifact,
    Context,
    Action,
}

impl Class {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::TrialComponent => "TrialComponent",
            Self::Artifact => "Artifact",
            Self::Context => "Context",
            Self::Action => "Action",
        }
    }

    /// The class that an ARN names.
    pub(super) fn of(arn: &str) -> Option<Self> {
        let path = arn.split(':').nth(5)?.split('/').next()?;
        let all = [Self::TrialComponent, Self::Artifact, Self::Context, Self::Action];
        all.into_iter().find(|class| class.path() == path)
    }

    const fn path(self) -> &'static str {
        match self {
            Self::TrialComponent => "experiment-trial-component",
            Self::Artifact => "artifact",
            Self::Context => "context",
            Self::Action => "action",
        }
    }
}

/// One entity, in what its lists and QueryLineage tell.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    pub(super) class: Class,
    /// `DataSet`, `Model`, `Endpoint`, …
    pub(super) kind: Cow<'static, str>,
    pub(super) arn: String,
    /// Empty where it has none.
    pub(super) name: String,
    /// `SourceUri`.
    pub(super) source: String,
    pub(super) created: Timestamp,
    pub(super) modified: Timestamp,
    pub(super) properties: Map<String, Value>,
}

/// What the artifact of a URI is found by: there is one for each URI.
pub(super) fn artifact_key(uri: &str) -> u64 {
    noise::hash(&[noise::name(uri)])
}

fn artifact_id(uri: &str) -> String {
    let high = artifact_key(uri);
    format!("{high:016x}{:016x}", noise::hash(&[high, uri.len() as u64]))
}

/// What an entity of any other class is found by.
pub(super) fn name_key(class: Class, name: &str) -> u64 {
    noise::hash(&[class as u64, noise::name(&name.to_lowercase())])
}

/// What entities are found by, quicker than by their ARN.
pub(super) fn key(arn: &str) -> u64 {
    let tail = arn_tail(arn);
    match Class::of(arn) {
        Some(Class::Artifact) | None => {
            tail.get(..16).and_then(|id| u64::from_str_radix(id, 16).ok()).unwrap_or_default()
        }
        Some(class) => name_key(class, tail),
    }
}

impl Entity {
    pub(super) fn new(class: Class, kind: &'static str, (name, source): (&str, String), created: Timestamp) -> Self {
        let (name, source) = (name.to_owned(), source);
        let tail = if class == Class::Artifact { artifact_id(&source) } else { name.to_lowercase() };
        let arn = estate::arn("sagemaker", &format!("{}/{tail}", class.path()));
        Self { class, kind: kind.into(), arn, name, source, created, modified: created, properties: Map::new() }
    }

    /// The artifact of a URI.
    pub(super) fn artifact(kind: &'static str, uri: &str, created: Timestamp) -> Self {
        Self::new(Class::Artifact, kind, ("", uri.to_owned()), created)
    }

    /// What the service made of its own, as a record of that kind. Who made it is the service.
    pub(super) fn record(&self, kind: &Kind) -> Map<String, Value> {
        let noun = kind.noun;
        let mut source = json!({"SourceUri": self.source});
        if self.class != Class::Artifact {
            source["SourceType"] = "ARN".into();
        }
        let mut record = Map::from_iter([
            (kind.arn.to_owned(), self.arn.as_str().into()),
            (format!("{noun}Type"), self.kind.as_ref().into()),
            ("Source".to_owned(), source),
            ("Properties".to_owned(), Value::Object(self.properties.clone())),
            ("CreationTime".to_owned(), epoch(self.created)),
            ("LastModifiedTime".to_owned(), epoch(self.modified)),
            ("CreatedBy".to_owned(), json!({})),
            ("LastModifiedBy".to_owned(), json!({})),
        ]);
        if !self.name.is_empty() {
            record.insert(format!("{noun}Name"), self.name.as_str().into());
        }
        if self.class == Class::Action {
            record.insert("Status".to_owned(), "Completed".into());
        }
        record
    }

    /// How associations call its type: trial components by their source.
    pub(super) fn associated_kind(&self) -> String {
        match self.class {
            Class::TrialComponent if !self.kind.is_empty() => format!("SageMaker{}", self.kind),
            _ => self.kind.clone().into_owned(),
        }
    }
}

/// One association.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) source: Entity,
    pub(super) destination: Entity,
    pub(super) kind: Option<Cow<'static, str>>,
    pub(super) created: Timestamp,
    /// Who added it; the service where nobody did.
    pub(super) by: Option<String>,
}

impl Edge {
    pub(super) fn summary(&self) -> Value {
        let named = |entity: &Entity| Some(entity.name.clone()).filter(|name| !name.is_empty());
        let kind = |entity: &Entity| Some(entity.associated_kind()).filter(|kind| !kind.is_empty());
        lists::without_nulls(json!({
            "SourceArn": self.source.arn,
            "DestinationArn": self.destination.arn,
            "SourceType": kind(&self.source),
            "DestinationType": kind(&self.destination),
            "AssociationType": self.kind,
            "SourceName": named(&self.source),
            "DestinationName": named(&self.destination),
            "CreationTime": epoch(self.created),
            "CreatedBy": self.by.as_deref().map_or_else(|| json!({}), lists::user),
        }))
    }
}
