//! A feature group as its records see it: which features of which types, which stores.

use mldeck_core::time::Timestamp;
use serde_json::Value;

use super::{invalid, ttl};
use crate::world::{
    ApiError, Request, World,
    shelf::{features::definitions, kind::text},
};

pub(super) struct Group {
    /// In lower case, as everything is kept under.
    pub(super) name: String,
    /// The features that identify a record and tell its time.
    pub(super) id: String,
    pub(super) time: String,
    pub(super) ttl: Option<i64>,
    is_online: bool,
    is_offline: bool,
    /// Name, type, and whether it holds several.
    features: Vec<(String, String, bool)>,
}

impl Group {
    /// A group by its name or ARN that takes and gives records.
    pub(super) fn named(world: &World, given: &str) -> Result<Self, ApiError> {
        let missing = || ApiError::new(404, "ResourceNotFound", format!("Feature group {given} does not exist."));
        let item = world.shelved("FeatureGroup", given).ok_or_else(missing)?;
        if item.state != "Created" {
            return Err(invalid(format!("Feature group {given} is {}.", item.state)));
        }
        let online = item.body.get("OnlineStoreConfig");
        let word =
            |feature: &Value, member: &str| feature.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        let features = definitions(&item.body).iter().map(|feature| {
            (word(feature, "FeatureName"), word(feature, "FeatureType"), feature.get("CollectionType").is_some())
        });
        Ok(Self {
            name: text(&item.body, "FeatureGroupName").to_lowercase(),
            id: text(&item.body, "RecordIdentifierFeatureName").to_owned(),
            time: text(&item.body, "EventTimeFeatureName").to_owned(),
            ttl: online.and_then(|online| ttl(online.get("TtlDuration")?)),
            is_online: online.and_then(|online| online.get("EnableOnlineStore")) == Some(&Value::Bool(true)),
            is_offline: item.body.contains_key("OfflineStoreConfig"),
            features: features.collect(),
        })
    }

    pub(super) fn must_be_online(&self) -> Result<(), ApiError> {
        if self.is_online { Ok(()) } else { Err(invalid(format!("The online store of {} is not enabled.", self.name))) }
    }

    /// Refuses names that are none of its features.
    pub(super) fn must_have(&self, names: &[&str]) -> Result<(), ApiError> {
        match names.iter().find(|name| !self.features.iter().any(|(feature, ..)| feature == *name)) {
            None => Ok(()),
            Some(name) => Err(invalid(format!("Feature {name} does not exist in feature group {}.", self.name))),
        }
    }

    /// Online, offline: the stores a write goes to, all there are where none are named.
    pub(super) fn stores(&self, request: &Request<'_>) -> Result<(bool, bool), ApiError> {
        let named = request.texts("TargetStores");
        if named.is_empty() {
            return Ok((self.is_online, self.is_offline));
        }
        let (online, offline) = (named.contains(&"OnlineStore"), named.contains(&"OfflineStore"));
        if (online && !self.is_online) || (offline && !self.is_offline) {
            return Err(invalid(format!("Feature group {} does not have all of the TargetStores.", self.name)));
        }
        Ok((online, offline))
    }

    /// The identifier and the time of a record whose values fit.
    pub(super) fn read(&self, record: &[Value]) -> Result<(String, Timestamp), ApiError> {
        let mut seen: Vec<&str> = Vec::new();
        for value in record {
            let name = value.get("FeatureName").and_then(Value::as_str).unwrap_or_default();
            self.must_have(&[name])?;
            if seen.contains(&name) {
                return Err(invalid(format!("Feature {name} is in the record twice.")));
            }
            seen.push(name);
            self.check(name, value)?;
        }
        let own = |feature: &str| {
            let value = record.iter().find(|value| value.get("FeatureName").and_then(Value::as_str) == Some(feature));
            let text = value.and_then(|value| value.get("ValueAsString")?.as_str()).filter(|text| !text.is_empty());
            text.map(str::to_owned).ok_or_else(|| invalid(format!("The record has no value of feature {feature}.")))
        };
        let (id, time) = (own(&self.id)?, own(&self.time)?);
        let at = self.moment(&time)?;
        Ok((id, at))
    }

    fn check(&self, name: &str, value: &Value) -> Result<(), ApiError> {
        let Some((_, kind, several)) = self.features.iter().find(|(feature, ..)| feature == name) else {
            return Ok(());
        };
        let one = value.get("ValueAsString").and_then(Value::as_str);
        let many = value.get("ValueAsStringList").and_then(Value::as_array);
        let fits = |text: &str| match kind.as_str() {
            "Integral" => text.parse::<i64>().is_ok(),
            "Fractional" => text.parse::<f64>().is_ok_and(f64::is_finite),
            _ => true,
        };
        let fits = match (one, many, several) {
            (Some(text), None, false) => fits(text),
            (None, Some(texts), true) => texts.iter().filter_map(Value::as_str).all(fits),
            _ => {
                let wanted = if *several { "ValueAsStringList" } else { "ValueAsString" };
                return Err(invalid(format!("Feature {name} must be given as {wanted}.")));
            }
        };
        if fits { Ok(()) } else { Err(invalid(format!("The value of feature {name} is not of type {kind}."))) }
    }

    /// Seconds since 1970, or `2026-11-23T02:24:10Z` with or without milliseconds: what the type of the feature says.
    pub(super) fn moment(&self, time: &str) -> Result<Timestamp, ApiError> {
        let kind = self.features.iter().find(|(feature, ..)| *feature == self.time).map(|(_, kind, _)| kind.as_str());
        let at = match kind {
            Some("Fractional") => {
                time.parse().ok().filter(|secs: &f64| secs.abs() < 1e11).map(Timestamp::from_secs_f64)
            }
            _ => Timestamp::parse(time).filter(|_| time.contains('T') && time.ends_with('Z')),
        };
        at.ok_or_else(|| invalid(format!("The event time {time} cannot be read: ISO-8601 in UTC is wanted of a String, Unix seconds of a Fractional.")))
    }
}
