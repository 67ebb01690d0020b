//! What differs: between runs side by side, and between before and after.

use std::{collections::HashMap, hash::Hash, ops::Range};

use unicode_segmentation::UnicodeSegmentation;

use crate::{
    column::Cell,
    resource::{Fact, Section},
    series,
    text::Text,
};

/// Values of several runs, aligned by name; only what differs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    pub rows: Vec<Differing>,
    /// How many names there were in all.
    pub total: usize,
}

/// One name whose value is not the same everywhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Differing {
    pub name: Text,
    /// One per run; `None` where the run has no such name.
    pub values: Vec<Option<Text>>,
    /// One per run: its number less the baseline's. `None` for the baseline itself and where either is no number.
    pub deltas: Vec<Option<f64>>,
}

impl Comparison {
    /// `4 of 63`
    pub fn headline(&self) -> String {
        format!("{} of {}", self.rows.len(), self.total)
    }
}

/// Aligns the pairs of `runs` by name (the first of a name counts) and keeps the names whose values differ, in the order of
/// the first run with the others' additions in their places. Deltas are against `runs[baseline]`.
pub fn compare<P: AsRef<[(Text, Text)]>>(runs: &[P], baseline: usize) -> Comparison {
    let names = aligned(runs.iter().map(|run| run.as_ref().iter().map(|(name, _)| name)));
    let by_name: Vec<HashMap<&Text, &Text>> =
        runs.iter().map(|run| run.as_ref().iter().rev().map(|(name, value)| (name, value)).collect()).collect();
    let rows = names.iter().filter_map(|name| {
        let values: Vec<Option<&Text>> = by_name.iter().map(|run| run.get(*name).copied()).collect();
        let first = values.first()?;
        if values.iter().all(|value| is_same(*first, *value)) {
            return None;
        }
        let base = values.get(baseline).copied().flatten().and_then(number);
        let delta = |(i, value): (usize, &Option<&Text>)| {
            let value = value.and_then(number)?;
            (i != baseline).then(|| base.map(|base| value - base)).flatten()
        };
        let deltas = values.iter().enumerate().map(delta).collect();
        Some(Differing {
            name: (*name).clone(),
            values: values.into_iter().map(Option::<&Text>::cloned).collect(),
            deltas,
        })
    });
    Comparison { rows: rows.collect(), total: names.len() }
}

fn number(text: &Text) -> Option<f64> {
    text.as_str().trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// Equal as text, or as numbers (`0.1` and `0.10`) where these are short enough to be exact: two long ids that round to the
/// same number are two ids.
fn is_same(a: Option<&Text>, b: Option<&Text>) -> bool {
    let exact = |text: &&Text| text.as_str().len() <= 15;
    match (a, b) {
        (Some(a), Some(b)) if a != b && exact(&a) && exact(&b) => number(a).is_some_and(|x| number(b) == Some(x)),
        _ => a == b,
    }
}

/// `+0.0059`, `-12.50`, `±0`.
pub fn signed(delta: f64) -> String {
    if delta == 0.0 {
        return "±0".to_owned();
    }
    let sign = if delta > 0.0 { "+" } else { "" };
    format!("{sign}{}", series::short(delta))
}

/// One fact that is not the same before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    pub section: String,
    pub label: String,
    /// `None`: it is new.
    pub before: Option<Cell<'static>>,
    /// `None`: it is gone.
    pub after: Option<Cell<'static>>,
}

/// The facts that differ, by section and label (repeated labels by their order), each in its place. Only the text of a fact
/// counts, not its tone.
pub fn facts(before: &[Section], after: &[Section]) -> Vec<Changed> {
    let (before, after) = (labelled(before), labelled(after));
    let keys = aligned([&before, &after].map(|list| list.iter().map(|(key, _)| *key)));
    let (before, after): (HashMap<_, _>, HashMap<_, _>) = (before.into_iter().collect(), after.into_iter().collect());
    keys.into_iter()
        .filter_map(|key| {
            let (b, a) = (before.get(&key).copied(), after.get(&key).copied());
            let same = b.map(|fact| &fact.value.text) == a.map(|fact| &fact.value.text);
            let cell = |fact: Option<&Fact>| fact.map(|fact| fact.value.clone());
            let (section, label, _) = key;
            (!same).then(|| Changed { section: section.into(), label: label.into(), before: cell(b), after: cell(a) })
        })
        .collect()
}

type Key<'a> = (&'a str, &'a str, usize);

fn labelled(sections: &[Section]) -> Vec<(Key<'_>, &Fact)> {
    let mut seen: HashMap<(&str, &str), usize> = HashMap::new();
    let all = sections.iter().flat_map(|section| section.facts.iter().map(move |fact| (section.title.as_str(), fact)));
    all.map(|(title, fact)| {
        let nth = seen.entry((title, &fact.label)).or_default();
        *nth += 1;
        ((title, fact.label.as_str(), *nth), fact)
    })
    .collect()
}

/// Every key once: those of the first list in their order, further ones behind the key they follow in their own list.
fn aligned<K: Copy + Eq + Hash>(lists: impl IntoIterator<Item = impl Iterator<Item = K>>) -> Vec<K> {
    // A linked list by index; 0 is the head and holds no key.
    let mut keys: Vec<Option<K>> = vec![None];
    let mut next: Vec<usize> = vec![0];
    let mut places: HashMap<K, usize> = HashMap::new();
    for list in lists {
        let mut last = 0;
        for key in list {
            last = *places.entry(key).or_insert_with(|| {
                let place = keys.len();
                keys.push(Some(key));
                next.push(next[last]);
                next[last] = place;
                place
            });
        }
    }
    let mut out = Vec::with_capacity(places.len());
    let mut at = next[0];
    while at != 0 {
        out.extend(keys[at]);
        at = next[at];
    }
    out
}

/// The part of each that differs, between what both begin and end with, in whole grapheme clusters: what a confirmation marks
/// in `fraud-v12` → `fraud-vl2`. Byte ranges, empty where nothing differs.
pub fn differing(before: &str, after: &str) -> (Range<usize>, Range<usize>) {
    let same = |pairs: &mut dyn Iterator<Item = (&str, &str)>| -> usize {
        pairs.take_while(|(a, b)| a == b).map(|(a, _)| a.len()).sum()
    };
    let head = same(&mut before.graphemes(true).zip(after.graphemes(true)));
    let (b, a) = (&before[head..], &after[head..]);
    let tail = same(&mut b.graphemes(true).rev().zip(a.graphemes(true).rev()));
    (head..before.len() - tail, head..after.len() - tail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::column::Tone;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(Text, Text)> {
        pairs.iter().map(|(name, value)| (Text::new(name), Text::new(value))).collect()
    }

    #[test]
    fn only_what_differs_is_kept_and_aligned() {
        let runs = [
            pairs(&[("eta", "0.10"), ("max_depth", "6"), ("seed", "1"), ("id", "12345678901234567")]),
            pairs(&[("eta", "0.1"), ("gamma", "2"), ("max_depth", "8"), ("seed", "1"), ("id", "12345678901234568")]),
            pairs(&[("max_depth", "auto"), ("eta", "1e-1"), ("seed", "1"), ("seed", "9"), ("id", "12345678901234567")]),
        ];
        let comparison = compare(&runs, 0);
        assert_eq!(comparison.headline(), "3 of 5");
        let some = |text: &str| Some(Text::new(text));
        let [gamma, depth, id] = comparison.rows.as_slice() else { panic!("{comparison:?}") };
        assert_eq!((gamma.name.as_str(), depth.name.as_str(), id.name.as_str()), ("gamma", "max_depth", "id"));
        assert_eq!(gamma.values, [None, some("2"), None]);
        assert_eq!(gamma.deltas, [None, None, None]);
        assert_eq!(depth.values, [some("6"), some("8"), some("auto")]);
        assert_eq!(depth.deltas, [None, Some(2.0), None]);
        assert_eq!(compare(&runs, 1).rows[1].deltas, [Some(-2.0), None, None]);
        assert_eq!(compare::<Vec<(Text, Text)>>(&[], 0), Comparison::default());
        assert_eq!(compare(&runs[..1], 7).headline(), "0 of 4");
    }

    #[test]
    fn deltas_carry_their_sign() {
        assert_eq!([0.0059, -12.5, 0.0, -0.0].map(signed), ["+0.0059", "-12.50", "±0", "±0"]);
    }

    #[test]
    fn before_and_after_by_section_and_label() {
        let before = [
            Section::new("Config")
                .with("name", Cell::new("v18"))
                .with("variant", Cell::new("blue"))
                .with("variant", Cell::new("green")),
            Section::new("Gone").with("x", Cell::new("1")),
        ];
        let after = [Section::new("Config")
            .with("name", Cell::new("v17"))
            .with("weight", Cell::new("1.0"))
            .with("variant", Cell::new("blue").tone(Tone::Bad))
            .with("variant", Cell::new("red"))];
        let changes = facts(&before, &after);
        let shown: Vec<_> = changes
            .iter()
            .map(|c| {
                let text = |cell: &Option<Cell<'_>>| cell.as_ref().map_or("-".to_owned(), |cell| cell.text.to_string());
                format!("{}/{}: {} {}", c.section, c.label, text(&c.before), text(&c.after))
            })
            .collect();
        assert_eq!(shown, ["Config/name: v18 v17", "Config/weight: - 1.0", "Config/variant: green red", "Gone/x: 1 -"]);
        assert!(facts(&before, &before).is_empty());
    }

    #[test]
    fn the_differing_part_of_two_names() {
        for (before, after, wanted) in [
            ("fraud-v12", "fraud-vl2", ("1", "l")),
            ("aaa", "aa", ("a", "")),
            ("same", "same", ("", "")),
            ("", "x", ("", "x")),
            ("e\u{301}x", "ex", ("e\u{301}", "e")),
        ] {
            let (b, a) = differing(before, after);
            assert_eq!((&before[b], &after[a]), wanted, "{before} {after}");
        }
    }

    proptest! {
        #[test]
        fn what_is_around_the_difference_is_the_same(before in "[ab\u{301}é]{0,8}", after in "[ab\u{301}é]{0,8}") {
            let (b, a) = differing(&before, &after);
            prop_assert_eq!(&before[..b.start], &after[..a.start]);
            prop_assert_eq!(&before[b.end..], &after[a.end..]);
            prop_assert_eq!(before == after, b.is_empty() && a.is_empty());
        }

        #[test]
        fn every_name_is_counted_once_and_equal_runs_do_not_differ(
            a in prop::collection::vec(("[a-d]", "[0-2]"), 0..8),
            b in prop::collection::vec(("[a-d]", "[0-2]"), 0..8),
        ) {
            let texts = |pairs: &[(String, String)]| -> Vec<(Text, Text)> {
                pairs.iter().map(|(n, v)| (Text::new(n), Text::new(v))).collect()
            };
            let runs = [texts(&a), texts(&b)];
            let names: std::collections::BTreeSet<&String> = a.iter().chain(&b).map(|(name, _)| name).collect();
            let comparison = compare(&runs, 0);
            prop_assert_eq!(comparison.total, names.len());
            let first = |run: &[(String, String)], name: &String| run.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
            let differ = names.iter().filter(|name| first(&a, name) != first(&b, name)).count();
            prop_assert_eq!(comparison.rows.len(), differ);
            prop_assert!(compare(&[&runs[0], &runs[0]], 0).rows.is_empty());
        }
    }
}
