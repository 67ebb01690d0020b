//! References, functions and conditions of a definition.

use serde_json::{Map, Value, json};

use super::{Live, list, spelled, text};
use crate::world::{World, pipeline::Execution, request::float};

/// Every `Get` in a value.
pub(super) fn references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => match members.get("Get") {
            Some(Value::String(path)) if members.len() == 1 => into.push(path.clone()),
            _ => members.values().for_each(|member| references(member, into)),
        },
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        _ => {}
    }
}

/// Where a reference is looked up.
pub(super) struct Scope<'w> {
    pub(super) world: &'w World,
    pub(super) execution: &'w Execution,
    pub(super) live: &'w Live,
}

impl Scope<'_> {
    /// The value with everything put in that it refers to.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value, String> {
        let members = match value {
            Value::Object(members) => members,
            Value::Array(items) => {
                return items.iter().map(|item| self.resolve(item)).collect::<Result<_, _>>().map(Value::Array);
            }
            other => return Ok(other.clone()),
        };
        match members.iter().next().filter(|_| members.len() == 1) {
            Some((name, Value::String(path))) if name == "Get" => self.get(path),
            Some((name, of)) if name == "Std:Join" => {
                let parts = list(of, "Values").iter().map(|part| self.resolve(part).map(|part| spelled(&part)));
                Ok(parts.collect::<Result<Vec<_>, _>>()?.join(text(of, "On")).into())
            }
            Some((name, of)) if name == "Std:JsonGet" => self.json_get(of),
            _ => {
                let pairs = members.iter().map(|(name, member)| Ok((name.clone(), self.resolve(member)?)));
                pairs.collect::<Result<Map<_, _>, String>>().map(Value::Object)
            }
        }
    }

    fn get(&self, path: &str) -> Result<Value, String> {
        let (space, rest) = path.split_once('.').unwrap_or((path, ""));
        let found = match space {
            "Parameters" => {
                let value = self.execution.named_parameters().into_iter().find(|(name, _)| name == rest);
                let parameter = self.live.graph.parameters.iter().find(|parameter| parameter.name == rest);
                value.zip(parameter).map(|((_, value), parameter)| parameter.typed(&value))
            }
            "Execution" => self.of_execution(rest),
            "Steps" => {
                let (step, property) = rest.split_once('.').unwrap_or((rest, ""));
                let slot = self.live.graph.at(step).and_then(|at| self.live.slots.get(&at));
                slot.and_then(|slot| walk(&slot.body, property)).cloned()
            }
            _ => None,
        };
        found.ok_or_else(|| format!("Unable to resolve property reference [{path}]."))
    }

    fn of_execution(&self, what: &str) -> Option<Value> {
        let seed = self.world.seed;
        Some(match what {
            "StartDateTime" => self.execution.started.iso().into(),
            "CurrentDateTime" => self.live.clock.iso().into(),
            "PipelineName" => self.execution.pipeline().into(),
            "PipelineArn" => super::super::pipeline_arn(self.execution.pipeline()).into(),
            "PipelineExecutionId" => self.execution.id(seed).into(),
            "PipelineExecutionArn" => self.execution.arn(seed).into(),
            _ => return None,
        })
    }

    /// A value out of a file that an earlier step left on S3.
    fn json_get(&self, of: &Value) -> Result<Value, String> {
        let path = text(of, "Path");
        let uri = match of.pointer("/PropertyFile/Get").and_then(Value::as_str) {
            Some(file) => {
                let mut parts = file.split('.').skip(1);
                let (step, name) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
                self.property_file(step, name).ok_or_else(|| format!("Unable to resolve property file [{file}]."))?
            }
            None => {
                of.get("S3Uri").map(|uri| self.resolve(uri)).transpose()?.map(|uri| spelled(&uri)).unwrap_or_default()
            }
        };
        let content: Option<Value> =
            self.world.s3.at(&uri).and_then(|object| serde_json::from_slice(&object.body).ok());
        let content = content.ok_or_else(|| format!("Unable to read property file at {uri}."))?;
        walk(&content, path).cloned().ok_or_else(|| format!("Path [{path}] does not exist in property file {uri}."))
    }

    /// Where a property file of a step lies.
    pub(super) fn property_file(&self, step: &str, name: &str) -> Option<String> {
        let at = self.live.graph.at(step)?;
        let node = self.live.graph.nodes.get(at)?;
        let file = list(&node.body, "PropertyFiles").iter().find(|file| text(file, "PropertyFileName") == name)?;
        let output = format!("ProcessingOutputConfig.Outputs['{}'].S3Output.S3Uri", text(file, "OutputName"));
        let uri = walk(&self.live.slots.get(&at)?.body, &output)?.as_str()?;
        Some(format!("{}/{}", uri.trim_end_matches('/'), text(file, "FilePath")))
    }

    /// All of them must hold.
    pub(super) fn holds(&self, conditions: &[Value]) -> Result<bool, String> {
        conditions.iter().try_fold(true, |all, condition| Ok(all & self.one(condition)?))
    }

    fn one(&self, condition: &Value) -> Result<bool, String> {
        let value = |member: &str| self.resolve(condition.get(member).unwrap_or(&Value::Null));
        let order = || -> Result<Option<std::cmp::Ordering>, String> {
            let (left, right) = (value("LeftValue")?, value("RightValue")?);
            Ok(match (float(&left), float(&right)) {
                (Some(left), Some(right)) => left.partial_cmp(&right),
                _ => Some(spelled(&left).cmp(&spelled(&right))),
            })
        };
        let kind = text(condition, "Type");
        Ok(match kind {
            "Equals" => order()?.is_some_and(std::cmp::Ordering::is_eq),
            "NotEquals" => order()?.is_some_and(std::cmp::Ordering::is_ne),
            "GreaterThan" => order()?.is_some_and(std::cmp::Ordering::is_gt),
            "GreaterThanOrEqualTo" => order()?.is_some_and(std::cmp::Ordering::is_ge),
            "LessThan" => order()?.is_some_and(std::cmp::Ordering::is_lt),
            "LessThanOrEqualTo" => order()?.is_some_and(std::cmp::Ordering::is_le),
            "In" | "NotIn" => {
                let query = spelled(&value("QueryValue")?);
                let among = list(condition, "Values").iter().map(|one| self.resolve(one).map(|one| spelled(&one)));
                among.collect::<Result<Vec<_>, _>>()?.contains(&query) == (kind == "In")
            }
            "Not" => !self.one(condition.get("Expression").unwrap_or(&Value::Null))?,
            "Or" => {
                let each = list(condition, "Conditions").iter().map(|one| self.one(one));
                each.collect::<Result<Vec<_>, _>>()?.contains(&true)
            }
            _ => return Err(format!("Condition type [{kind}] is not supported.")),
        })
    }
}

/// `A.B['c'].D`: through members, and through lists by the name of an element or its number.
pub(super) fn walk<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let path = path.replace("['", ".").replace("[\"", ".").replace(['[', ']', '\'', '"'], ".");
    path.split('.').filter(|part| !part.is_empty()).try_fold(value, |at, part| match at {
        Value::Array(items) => {
            let is_named = |item: &&Value| {
                let members = item.as_object().into_iter().flatten();
                members.filter(|(name, _)| name.ends_with("Name")).any(|(_, name)| name == part)
            };
            items.iter().find(is_named).or_else(|| items.get(part.parse::<usize>().ok()?))
        }
        other => other.get(part),
    })
}

/// `OutputParameters` of a step, for references and for the wire.
pub(super) fn outputs(all: &[(String, String)]) -> (Value, Value) {
    let named = all.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>();
    let listed = all.iter().map(|(name, value)| json!({"Name": name, "Value": value})).collect();
    (Value::Object(named), listed)
}

/// Numbers and flags as text, in maps that know nothing else.
pub(super) fn as_texts(arguments: &mut Value) {
    for map in ["HyperParameters", "Environment", "StaticHyperParameters"] {
        for value in arguments.get_mut(map).and_then(Value::as_object_mut).into_iter().flatten().map(|(_, value)| value)
        {
            *value = spelled(value).into();
        }
    }
}
