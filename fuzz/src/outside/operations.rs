//! Documents that mldeck wrote, and somebody may have written over.

use mldeck_core::ops::{
    journal::{self, Record, Unreadable},
    plan::{Inverse, Plan},
};

use super::{assert_visible, lossy};

/// All that is shown of a plan is safe to show, and it is the same plan after a trip through a file and without its secrets.
pub(super) fn plan(data: &[u8]) {
    let Ok(plan) = serde_json::from_slice::<Plan>(data) else { return };
    told(&plan);
    let written = serde_json::to_vec(&plan).expect("a plan has a JSON form");
    let again: Plan = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!((&again.digest, again.is_intact()), (&plan.digest, plan.is_intact()));
    assert!(again.is_like(&plan), "it means something else after a trip through a file");
    let kept = plan.without_secrets();
    assert_eq!(kept.is_intact(), plan.is_intact(), "its digest does not hold without secrets");
    assert_eq!(kept.without_secrets(), kept, "what is kept has secrets left");
    for (kept, true_one) in kept.steps.iter().zip(&plan.steps) {
        let sendable = kept.call.masked.is_none();
        assert!(!plan.is_intact() || !sendable || kept.call == true_one.call, "a call was changed and can be sent");
    }
}

fn told(plan: &Plan) {
    let lists = plan.cli().into_iter().chain(plan.gaps.clone()).chain(plan.naive.clone());
    let single = [&plan.found_by, &plan.stop, &plan.undo, &plan.vanish, &plan.from.label, &plan.to.label];
    for text in lists.chain(single.map(Clone::clone)).chain([plan.title(), plan.summary()]) {
        assert_visible(&text);
    }
    for row in &plan.rows {
        [&row.name, &row.before, &row.after, &row.note].into_iter().for_each(|text| assert_visible(text));
    }
    for finding in &plan.findings {
        assert_visible(&finding.text);
        assert_visible(finding.remedy.as_deref().unwrap_or_default());
    }
    for candidate in &plan.candidates {
        assert_visible(&candidate.label);

        candidate.sources.iter().for_each(|source| assert_visible(&source.note));
    }
    for step in &plan.steps {
        if let Inverse::None(why) = &step.inverse {
            assert_visible(why);
        }
    }
}

/// A line is a record or a fault, a record is the same after another trip, and the ledger has one row for each operation.
pub(super) fn journal(data: &[u8]) {
    let text = lossy(data);
    let mut records = Vec::new();
    for line in text.lines() {
        match Record::read(line) {
            Ok(record) => {
                assert!(record.v <= journal::VERSION);
                assert_visible(&journal::sentence(&record.entry));
                let again = Record::read(&record.write().expect("a record has a JSON form")).expect("what was written");
                assert_eq!((&again.op, again.seq, again.at), (&record.op, record.seq, record.at));
                assert_eq!(journal::sentence(&again.entry), journal::sentence(&record.entry));
                records.push(record);
            }
            Err(Unreadable::Newer(version)) => assert!(version > journal::VERSION),
            Err(damaged @ Unreadable::Damaged(_)) => assert!(!damaged.to_string().is_empty()),
        }
    }
    let groups = journal::operations(&records);
    let rows = journal::ledger(&records);
    assert_eq!(rows.len(), groups.len());
    for (at, row) in rows.iter().enumerate() {
        assert!(rows[at + 1..].iter().all(|other| other.id != row.id), "{} is there twice", row.id);
    }
    for (row, group) in rows.iter().zip(&groups) {
        let page = journal::markdown(group);
        page.lines().for_each(assert_visible);
        let moments = page.lines().filter(|line| line.starts_with("| ")).count();
        assert_eq!(moments, group.len() + 1, "a heading and one line for each record");
        if group.iter().all(|record| record.op == row.id) {
            assert!(journal::planned(&records, &row.id).is_some(), "{} has no plan", row.id);
        }
    }
    let past = journal::history(&records);
    assert!(past.moves.len() <= rows.len());
}
