//! The graph in a pipeline's definition. Definitions are written by people and tools of all ages: what is not
//! understood is left out, never an error.

use std::collections::HashMap;

use serde_json::Value;

use super::{Dag, Node};
use crate::text::Text;

/// Steps beyond these are not drawn; AWS's own quota is far below.
const MOST_STEPS: usize = 2_000;
/// Conditions within conditions; deeper ones are not looked at.
const DEEPEST: usize = 32;

/// Nodes in the order of the definition (a condition before its branches), edges sorted and without doubles.
///
/// An edge comes from `DependsOn`, from every `Get` of another step's properties anywhere in a step, and from
/// a condition to the steps of its branches.
pub fn graph(definition: &str) -> Dag {
    let Ok(root) = serde_json::from_str::<Value>(definition) else { return Dag::default() };
    let mut found = Vec::new();
    collect(root.get("Steps"), None, 0, &mut found);
    let mut index = HashMap::new();
    let mut nodes = Vec::new();
    for step in &found {
        index.entry(step.name).or_insert_with(|| {
            nodes.push(Node { name: Text::new(step.name), kind: Text::new(step.kind) });
            nodes.len() - 1
        });
    }
    let mut edges = Vec::new();
    for step in &found {
        let Some(&to) = index.get(step.name) else { continue };
        let mut sources: Vec<&str> = step.within.into_iter().collect();
        sources.extend(
            step.value.get("DependsOn").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str),
        );
        references(step.value, &mut sources);
        edges.extend(
            sources.iter().filter_map(|name| index.get(name)).filter(|from| **from != to).map(|from| (*from, to)),
        );
    }
    edges.sort_unstable();
    edges.dedup();
    Dag { nodes, edges: acyclic(edges, &index) }
}

struct Found<'a> {
    name: &'a str,
    kind: &'a str,
    value: &'a Value,
    /// The condition whose branch it is in.
    within: Option<&'a str>,
}

fn collect<'a>(steps: Option<&'a Value>, within: Option<&'a str>, depth: usize, out: &mut Vec<Found<'a>>) {
    if depth > DEEPEST {
        return;
    }
    for value in steps.and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = value.get("Name").and_then(Value::as_str) else { continue };
        if out.len() >= MOST_STEPS {
            return;
        }
        let kind = value.get("Type").and_then(Value::as_str).unwrap_or_default();
        out.push(Found { name, kind, value, within });
        let arguments = value.get("Arguments");
        for branch in ["IfSteps", "ElseSteps"] {
            let steps = arguments.and_then(|arguments| arguments.get(branch)).or_else(|| value.get(branch));
            collect(steps, Some(name), depth + 1, out);
        }
    }
}

/// Names in `{"Get": "Steps.<name>.…"}` and `{"Get": "Steps.<name>['…']"}`. Branches are steps of their own and are
/// looked at there.
fn references<'a>(value: &'a Value, out: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("Get", Value::String(path)) => out.extend(step_of(path)),
                    ("IfSteps" | "ElseSteps", _) => {}
                    _ => references(value, out),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, out)),
        _ => {}
    }
}

fn step_of(path: &str) -> Option<&str> {
    path.strip_prefix("Steps.")?.split(['.', '[']).next().filter(|name| !name.is_empty())
}

/// Drops edges that close a circle: a hostile definition must not hang a layout.
fn acyclic(edges: Vec<(usize, usize)>, index: &HashMap<&str, usize>) -> Vec<(usize, usize)> {
    let count = index.len();
    let mut waits = vec![0_usize; count];
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); count];
    for &(from, to) in &edges {
        waits[to] += 1;
        next[from].push(to);
    }
    let mut rank = vec![usize::MAX; count];
    let mut ready: Vec<usize> = (0..count).rev().filter(|node| waits[*node] == 0).collect();
    let mut placed = 0;
    while let Some(node) = ready.pop() {
        rank[node] = placed;
        placed += 1;
        for &to in &next[node] {
            waits[to] -= 1;
            if waits[to] == 0 {
                ready.push(to);
            }
        }
    }
    // What stayed is in a circle or behind one: keep the order of the definition there.
    for (node, rank) in rank.iter_mut().enumerate().filter(|(_, rank)| **rank == usize::MAX) {
        *rank = placed + node;
    }
    edges.into_iter().filter(|(from, to)| rank[*from] < rank[*to]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn drawn(definition: &Value) -> (Vec<String>, Vec<(String, String)>) {
        let dag = graph(&definition.to_string());
        let name = |node: usize| dag.nodes[node].name.to_string();
        let nodes = dag.nodes.iter().map(|node| format!("{}:{}", node.name, node.kind)).collect();
        (nodes, dag.edges.iter().map(|(from, to)| (name(*from), name(*to))).collect())
    }

    #[test]
    fn edges_come_from_depends_on_references_and_conditions() {
        let (nodes, edges) = drawn(&json!({"Version": "2020-12-01", "Steps": [
            {"Name": "Load", "Type": "Processing", "Arguments": {"x": {"Get": "Parameters.Input"}}},
            {"Name": "Train", "Type": "Training", "Arguments": {"InputDataConfig": [{"S3Uri":
                {"Std:Join": {"On": "/", "Values": [{"Get": "Steps.Load.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"}]}}}]}},
            {"Name": "Check", "Type": "Condition", "Arguments": {
                "Conditions": [{"Type": "GreaterThan", "LeftValue": {"Std:JsonGet": {"PropertyFile":
                    {"Get": "Steps.Eval.PropertyFiles.report"}, "Path": "auc"}}, "RightValue": 0.9}],
                "IfSteps": [{"Name": "Register", "Type": "RegisterModel", "Arguments": {"m": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}}}],
                "ElseSteps": [{"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "low"}}]}},
            {"Name": "Eval", "Type": "Processing", "DependsOn": ["Train", "Nowhere"], "Arguments": {}}
        ]}));
        assert_eq!(
            nodes,
            [
                "Load:Processing",
                "Train:Training",
                "Check:Condition",
                "Register:RegisterModel",
                "Stop:Fail",
                "Eval:Processing"
            ]
        );
        let edge = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(
            edges,
            [
                edge("Load", "Train"),
                edge("Train", "Register"),
                edge("Train", "Eval"),
                edge("Check", "Register"),
                edge("Check", "Stop"),
                edge("Eval", "Check"),
            ]
        );
    }

    #[test]
    fn hostile_definitions_are_harmless() {
        for text in [
            "",
            "null",
            "[]",
            "{\"Steps\": 7}",
            "{\"Steps\": [1, {\"Name\": 3}, {}]}",
            "{\"Steps\": [{\"Name\": \"a\"}",
        ] {
            assert_eq!(graph(text), Dag::default(), "{text}");
        }
        let (nodes, edges) = drawn(&json!({"Steps": [
            {"Name": "a", "DependsOn": ["b", "a"]}, {"Name": "b", "DependsOn": ["a"]}, {"Name": "a", "Type": "Twice"},
            {"Name": "c", "DependsOn": "b"}, {"Name": "d", "Arguments": {"Get": "Steps.", "x": {"Get": 5}}}
        ]}));
        assert_eq!(nodes, ["a:", "b:", "c:", "d:"]);
        assert_eq!(edges, [("a".to_owned(), "b".to_owned())], "one direction of the circle is kept");
        let mut nested = json!({"Name": "deepest"});
        for depth in 0..100 {
            nested = json!({"Name": format!("c{depth}"), "Arguments": {"IfSteps": [nested]}});
        }
        // Beyond its own depth limit the JSON reader gives up on the whole; within ours, deeper branches are cut.
        assert!(graph(&json!({"Steps": [nested]}).to_string()).nodes.len() <= DEEPEST + 1);
    }

    #[test]
    fn a_huge_definition_is_cut_and_quick() {
        let steps: Vec<Value> = (0..10_000)
            .map(|n: usize| json!({"Name": format!("s{n}"), "DependsOn": [format!("s{}", n.saturating_sub(1))]}))
            .collect();
        let dag = graph(&json!({"Steps": steps}).to_string());
        assert_eq!((dag.nodes.len(), dag.edges.len()), (MOST_STEPS, MOST_STEPS - 1));
    }
}
