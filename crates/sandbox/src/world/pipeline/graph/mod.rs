//! Pipelines as their definition says: steps that wait for each other, choose, fail, are tried again and leave something.
//!
//! | file | subject |
//! |---|---|
//! | `mod` | a definition as a graph, and what is refused of it |
//! | `resolve` | references, functions and conditions |
//! | `live` | an execution as it goes on |
//! | `job` | what a step makes |
//! | `experiment` | where jobs are tracked |
//! | `check` | quality checks and property files: what steps find |
//! | `part` | selected steps, and what is left after a failure |
//! | `show` | steps on the wire |

mod check;
mod experiment;
mod job;
mod live;
mod part;
mod resolve;
mod show;

use serde_json::Value;

pub(super) use experiment::{config as experiment, enroll};
pub(super) use live::{Live, Slot, advance, settle_stop, tell};
pub(super) use show::{processing_job, started};

/// Types of steps, and whether a step of that type may be answered from the cache.
const TYPES: &[(&str, bool)] = &[
    ("AutoML", true),
    ("BedrockCustomModel", false),
    ("BedrockCustomModelDeployment", false),
    ("BedrockModelImport", false),
    ("BedrockProvisionedModelThroughput", false),
    ("Callback", false),
    ("ClarifyCheck", true),
    ("Condition", false),
    ("EMR", true),
    ("EMRServerless", true),
    ("Endpoint", false),
    ("EndpointConfig", false),
    ("Fail", false),
    ("InferenceComponent", false),
    ("Job", false),
    ("Lambda", false),
    ("Lineage", false),
    ("Model", false),
    ("Processing", true),
    ("QualityCheck", true),
    ("RegisterModel", false),
    ("Training", true),
    ("Transform", true),
    ("Tuning", true),
];

/// One step, also one inside a condition.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) kind: &'static str,
    can_be_cached: bool,
    /// The step as it was written.
    body: Value,
    /// Steps it waits for.
    needs: Vec<usize>,
    /// The condition it stands in, and in which branch.
    under: Option<(usize, bool)>,
}

#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    kind: String,
    default: Option<String>,
    allowed: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) parameters: Vec<Parameter>,
    /// Every step after what it waits for.
    order: Vec<usize>,
}

fn list<'v>(value: &'v Value, member: &str) -> &'v [Value] {
    value.get(member).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// As a parameter's value is carried: all text.
fn spelled(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Graph {
    /// Reads a definition; the error is what is wrong with it.
    pub(super) fn read(definition: &str) -> Result<Self, String> {
        let parsed: Value =
            serde_json::from_str(definition).map_err(|_| "Unable to parse pipeline definition.".to_owned())?;
        let wrong = |what: String| Err(format!("Invalid pipeline definition: {what}"));
        if text(&parsed, "Version") != "2020-12-01" {
            return wrong("Version must be 2020-12-01.".to_owned());
        }
        let mut graph = Self { nodes: Vec::new(), parameters: Vec::new(), order: Vec::new() };
        for parameter in list(&parsed, "Parameters") {
            graph.parameters.push(Parameter::read(parameter)?);
        }
        graph.steps(list(&parsed, "Steps"), None)?;
        if graph.nodes.is_empty() {
            return wrong("it must have at least one step.".to_owned());
        }
        for at in 0..graph.nodes.len() {
            let needs = graph.needs(at).map_err(|what| format!("Invalid pipeline definition: {what}"))?;
            if let Some(node) = graph.nodes.get_mut(at) {
                node.needs = needs;
            }
        }
        graph.order = graph.ordered();
        if graph.order.len() < graph.nodes.len() {
            return wrong("the dependencies of its steps form a cycle.".to_owned());
        }
        Ok(graph)
    }

    fn steps(&mut self, steps: &[Value], under: Option<(usize, bool)>) -> Result<(), String> {
        for step in steps {
            let (name, kind) = (text(step, "Name"), text(step, "Type"));
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
                return Err(format!("Invalid pipeline definition: step name [{name}] is not valid."));
            }
            if self.at(name).is_some() {
                return Err(format!("Invalid pipeline definition: step names must be unique, [{name}] is not."));
            }
            let Some((kind, can_be_cached)) = TYPES.iter().find(|(known, _)| *known == kind) else {
                return Err(format!("Invalid pipeline definition: step [{name}] is of unknown type [{kind}]."));
            };
            let at = self.nodes.len();
            self.nodes.push(Node {
                name: name.to_owned(),
                kind,
                can_be_cached: *can_be_cached,
                body: step.clone(),
                needs: Vec::new(),
                under,
            });
            if let Some(arguments) = step.get("Arguments").filter(|_| *kind == "Condition") {
                self.steps(list(arguments, "IfSteps"), Some((at, true)))?;
                self.steps(list(arguments, "ElseSteps"), Some((at, false)))?;
            }
        }
        Ok(())
    }

    pub(super) fn at(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.name == name)
    }

    /// What the step waits for: the condition around it, what it depends on by word, and what it refers to.
    fn needs(&self, at: usize) -> Result<Vec<usize>, String> {
        let Some(node) = self.nodes.get(at) else { return Ok(Vec::new()) };
        let mut needs: Vec<usize> = node.under.iter().map(|(condition, _)| *condition).collect();
        for name in list(&node.body, "DependsOn").iter().filter_map(Value::as_str) {
            needs.push(
                self.at(name)
                    .ok_or_else(|| format!("step [{}] depends on [{name}], which is not there.", node.name))?,
            );
        }
        let mut refers = Vec::new();
        resolve::references(&node.own(), &mut refers);
        for path in refers {
            let mut parts = path.splitn(3, '.');
            let found = match (parts.next(), parts.next()) {
                (Some("Parameters"), Some(name)) => self.parameters.iter().any(|known| known.name == name),
                (Some("Steps"), Some(name)) => self.at(name).is_some_and(|step| {
                    needs.push(step);
                    step != at
                }),
                (Some("Execution"), Some(_)) => true,
                _ => false,
            };
            if !found {
                return Err(format!("step [{}] refers to [{path}], which is not there.", node.name));
            }
        }
        needs.sort_unstable();
        needs.dedup();
        Ok(needs)
    }

    /// The steps, each after what it waits for; those of a cycle, and what waits for them, are left out.
    fn ordered(&self) -> Vec<usize> {
        let mut users = vec![Vec::new(); self.nodes.len()];
        let mut waits = vec![0_usize; self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate() {
            // Who waits for a condition from outside waits for its branches.
            let outside = node.needs.iter().filter(|need| !self.is_within(at, **need));
            let inner = outside.flat_map(|need| self.within(*need));
            for need in node.needs.iter().copied().chain(inner) {
                users[need].push(at);
                waits[at] += 1;
            }
        }
        let mut order: Vec<usize> = (0..waits.len()).filter(|at| waits[*at] == 0).collect();
        let mut next = 0;
        while let Some(done) = order.get(next).copied() {
            next += 1;
            for user in &users[done] {
                waits[*user] -= 1;
                if waits[*user] == 0 {
                    order.push(*user);
                }
            }
        }
        order
    }

    /// The steps in the branches of a condition, however deep: they are read right after it.
    fn within(&self, condition: usize) -> impl Iterator<Item = usize> + '_ {
        (condition + 1..self.nodes.len()).take_while(move |at| self.is_within(*at, condition))
    }

    fn is_within(&self, mut at: usize, condition: usize) -> bool {
        while let Some((around, _)) = self.nodes.get(at).and_then(|node| node.under) {
            if around == condition {
                return true;
            }
            at = around;
        }
        false
    }

    /// What was given, checked, and the defaults of the rest.
    pub(super) fn merged(&self, given: &[(String, String)]) -> Result<Vec<(String, String)>, String> {
        let mut all = Vec::new();
        let mut missing = Vec::new();
        for parameter in &self.parameters {
            let value = given.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| value.clone());
            match value.or_else(|| parameter.default.clone()) {
                Some(value) => {
                    parameter.check(&value)?;
                    all.push((parameter.name.clone(), value));
                }
                None => missing.push(parameter.name.as_str()),
            }
        }
        if missing.is_empty() { Ok(all) } else { Err(format!("Missing parameters: [{}]", missing.join(", "))) }
    }
}

impl Node {
    /// The step without the steps in it.
    fn own(&self) -> Value {
        let mut body = self.body.clone();
        if self.kind == "Condition"
            && let Some(arguments) = body.get_mut("Arguments").and_then(Value::as_object_mut)
        {
            arguments.remove("IfSteps");
            arguments.remove("ElseSteps");
        }
        body
    }
}

impl Parameter {
    fn read(value: &Value) -> Result<Self, String> {
        let (name, kind) = (text(value, "Name").to_owned(), text(value, "Type").to_owned());
        if name.is_empty() || !["String", "Integer", "Float", "Boolean"].contains(&kind.as_str()) {
            return Err(format!("Invalid pipeline definition: parameter [{name}] has no valid type."));
        }
        let allowed = list(value, "EnumValues").iter().map(spelled).collect();
        let parameter = Self { name, kind, default: value.get("DefaultValue").map(spelled), allowed };
        parameter.default.as_ref().map_or(Ok(()), |default| parameter.check(default))?;
        Ok(parameter)
    }

    fn check(&self, value: &str) -> Result<(), String> {
        let fits = match self.kind.as_str() {
            "Integer" => value.parse::<f64>().is_ok_and(|number| number.fract() == 0.0),
            "Float" => value.parse::<f64>().is_ok_and(f64::is_finite),
            "Boolean" => ["true", "false"].contains(&value.to_lowercase().as_str()),
            _ => true,
        };
        if !fits {
            return Err(format!(
                "Cannot assign property of type String to parameter [{}]: a value of type {} is required.",
                self.name, self.kind
            ));
        }
        if !self.allowed.is_empty() && !self.allowed.iter().any(|allowed| allowed == value) {
            return Err(format!("Parameter [{}] value [{value}] is not in its enum values.", self.name));
        }
        Ok(())
    }

    /// The value as jobs are given it.
    fn typed(&self, value: &str) -> Value {
        match self.kind.as_str() {
            "Integer" | "Float" => serde_json::from_str(value).unwrap_or_else(|_| value.into()),
            "Boolean" => Value::Bool(value.eq_ignore_ascii_case("true")),
            _ => value.into(),
        }
    }
}

#[cfg(test)]
mod tests;
