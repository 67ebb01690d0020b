//! Files of Model Monitor on S3, and definitions of pipelines.

use std::collections::BTreeSet;

use mldeck_core::{
    drift::{self, Inputs, Report},
    graph::{Direction, Sizes, definition::graph, layout::layout},
    ops::{
        target::Sight,
        verb::pipeline::{objection, parameters},
    },
    resource::monitor::DriftDetail,
    text::Text,
    time::Timestamp,
};
use serde_json::json;

use super::{assert_visible, files, lossy};

/// More nodes than are walked from each to its neighbours.
const WALKED: usize = 64;

/// Statistics of the baseline, constraints, violations and statistics of now, as four files: whatever they say, distances
/// are numbers, shares are shares, and the cache can hold it.
pub(super) fn report(data: &[u8]) {
    let files = files(data);
    for file in &files {
        let _ = (drift::parse_statistics(file), drift::parse_constraints(file), drift::parse_violations(file));
    }
    let file = |at: usize| files.get(at).copied().unwrap_or_default();
    let statistics = drift::parse_statistics(file(3)).ok();
    for feature in statistics.iter().flat_map(|statistics| &statistics.features) {
        let found = statistics.as_ref().and_then(|statistics| statistics.feature(feature.name.as_str()));
        assert_eq!(found, Some(feature), "found by its name");
    }
    let violations = drift::parse_violations(file(2)).unwrap_or_default();
    let inputs = Inputs {
        baseline: drift::parse_statistics(file(0)).ok(),
        constraints: drift::parse_constraints(file(1)).ok(),
        reports: vec![Report { at: Timestamp::from_millis(1), statistics, violations }],
        ..Inputs::default()
    };
    let detail = drift::detail(inputs);
    let names: BTreeSet<&Text> = detail.features.iter().map(|feature| &feature.name).collect();
    assert_eq!(names.len(), detail.features.len(), "a feature is there twice");
    for feature in &detail.features {
        assert!(feature.distances.iter().all(|(_, distance)| distance.is_finite()), "{feature:?}");
        for bucket in &feature.buckets {
            let share = |value: f64| (-1e-9..=1.0 + 1e-9).contains(&value);
            assert!(share(bucket.baseline) && share(bucket.now), "{} of {feature:?}", bucket.label);
        }
        if let Some(again) = feature.recomputed {
            assert!((0.0..=1.0 + 1e-9).contains(&again.raw), "{feature:?}");
            assert!((0.0..=again.raw).contains(&again.corrected), "{feature:?}");
        }
    }
    let kept = serde_json::to_string(&detail).expect("a detail has a JSON form");
    let again: DriftDetail = serde_json::from_str(&kept).expect("what was kept can be read");
    assert_eq!(again.features.len(), detail.features.len());
}

/// The graph has no circle and no end outside it, each step lies somewhere, and a cursor finds its way; parameters are
/// judged.
pub(super) fn definition(data: &[u8]) {
    let text = lossy(data);
    let dag = graph(&text);
    let names: BTreeSet<&Text> = dag.nodes.iter().map(|node| &node.name).collect();
    assert_eq!(names.len(), dag.nodes.len(), "a step is there twice");
    let mut waits = vec![0_usize; dag.nodes.len()];
    dag.edges.iter().for_each(|(_, to)| waits[*to] += 1);
    let mut ready: Vec<usize> = (0..waits.len()).filter(|node| waits[*node] == 0).collect();
    let mut placed = 0;
    while let Some(node) = ready.pop() {
        placed += 1;
        for (_, to) in dag.edges.iter().filter(|(from, _)| *from == node) {
            waits[*to] -= 1;
            ready.extend((waits[*to] == 0).then_some(*to));
        }
    }
    assert_eq!(placed, dag.nodes.len(), "a circle");
    if let Some(chain) = dag.chain() {
        assert_eq!(chain.len(), dag.nodes.len());
    }
    let widths = dag.nodes.iter().map(|node| node.name.width()).collect();
    let drawn = layout(&dag, &Sizes { widths, height: 1, gap: 1 });
    assert_eq!(drawn.first().is_some(), !dag.nodes.is_empty());
    for node in 0..dag.nodes.len().min(WALKED) {
        for direction in [Direction::Up, Direction::Down, Direction::Left, Direction::Right] {
            assert!(drawn.neighbour(node, direction).is_none_or(|next| next < dag.nodes.len()));
        }
    }
    let body = json!({"PipelineDefinition": text});
    for parameter in parameters(&Sight { body, ..Sight::default() }) {
        let default = parameter.default.clone().unwrap_or_default();
        for value in [default.raw(), String::new(), "1e999".to_owned(), "x".repeat(1_025)] {
            assert_visible(&objection(&parameter, &value).unwrap_or_default());
        }
        assert!(objection(&parameter, &"x".repeat(1_025)).is_some(), "longer than any value may be");
    }
}
