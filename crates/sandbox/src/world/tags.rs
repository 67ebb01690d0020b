//! Tags of everything in SageMaker, by ARN (compared without case, as ARNs are lower-cased in places).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ApiError, Handler, Reply, Request, World, page};

/// Most tags one resource may carry, and resources that may carry tags.
const MOST: usize = 50;
const RESOURCES: usize = 50_000;

#[derive(Default)]
pub(crate) struct State {
    by_arn: BTreeMap<String, BTreeMap<String, String>>,
}

impl State {
    pub(crate) fn get(&self, arn: &str) -> impl Iterator<Item = (&str, &str)> {
        self.by_arn.get(&arn.to_lowercase()).into_iter().flatten().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    pub(crate) fn set(&mut self, arn: &str, key: &str, value: &str) {
        let arn = arn.to_lowercase();
        if self.by_arn.len() < RESOURCES || self.by_arn.contains_key(&arn) {
            self.by_arn.entry(arn).or_default().insert(key.to_owned(), value.to_owned());
        }
    }

    pub(crate) fn unset(&mut self, arn: &str, key: &str) {
        if let Some(tags) = self.by_arn.get_mut(&arn.to_lowercase()) {
            tags.remove(key);
        }
    }

    /// Adds the `Tags` member of a Create request.
    pub(crate) fn set_from(&mut self, arn: &str, tags: &[Value]) {
        for (key, value) in tags.iter().filter_map(pair) {
            self.set(arn, key, value);
        }
    }

    /// The `Tags` member of a response.
    pub(crate) fn list(&self, arn: &str) -> Vec<Value> {
        self.get(arn).map(|(key, value)| json!({"Key": key, "Value": value})).collect()
    }

    pub(crate) fn forget(&mut self, arn: &str) {
        self.by_arn.remove(&arn.to_lowercase());
    }
}

fn pair(tag: &Value) -> Option<(&str, &str)> {
    Some((tag.get("Key")?.as_str()?, tag.get("Value")?.as_str()?))
}

pub(crate) const OPERATIONS: &[(&str, Handler)] =
    &[("AddTags", add_tags), ("ListTags", list_tags), ("DeleteTags", delete_tags)];

fn add_tags(world: &mut World, request: &Request<'_>) -> Reply {
    let arn = sagemaker_arn(request)?;
    let tags = request.list("Tags");
    if tags.is_empty() || tags.iter().any(|tag| pair(tag).is_none()) {
        return Err(ApiError::missing("Tags"));
    }
    let new =
        tags.iter().filter_map(pair).filter(|(key, _)| !world.tags.get(arn).any(|(have, _)| have == *key)).count();
    if world.tags.get(arn).count() + new > MOST {
        return Err(ApiError::new(400, "ResourceLimitExceeded", format!("A resource can have at most {MOST} tags.")));
    }
    world.tags.set_from(arn, tags);
    Ok(json!({"Tags": world.tags.list(arn)}))
}

fn list_tags(world: &mut World, request: &Request<'_>) -> Reply {
    let arn = sagemaker_arn(request)?;
    let tags = world.tags.list(arn);
    let size = request.opt_int("MaxResults").map_or(MOST, |n| n.clamp(1, 1_000) as usize);
    let (tags, next) = page::cut(&tags, request, ("NextToken", "MaxResults"), size, page::sagemaker_invalid)?;
    Ok(page::reply(json!({"Tags": tags}), "NextToken", next))
}

fn delete_tags(world: &mut World, request: &Request<'_>) -> Reply {
    let arn = sagemaker_arn(request)?;
    for key in request.texts("TagKeys") {
        world.tags.unset(arn, key);
    }
    Ok(json!({}))
}

fn sagemaker_arn<'r>(request: &'r Request<'_>) -> Result<&'r str, ApiError> {
    let arn = request.text("ResourceArn")?;
    if arn.starts_with("arn:aws:sagemaker:") {
        Ok(arn)
    } else {
        Err(ApiError::validation(format!("Invalid ARN: {arn}")))
    }
}
