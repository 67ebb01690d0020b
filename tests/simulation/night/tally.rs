//! Many nights: how they ended, what they cost, and what was wrong.

use std::{collections::BTreeMap, fmt};

use super::Night;

/// Of what was begun, this much may end with a person: the bad luck here is many times that of a real night.
const MOST_NEEDS_HUMAN: f64 = 0.05;
/// From so many nights on every end must have been seen.
const ENOUGH: u64 = 2_000;

/// Violations that are kept in full.
const SHOWN: usize = 20;

#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub nights: u64,
    pub ends: BTreeMap<&'static str, u64>,
    pub calls: u64,
    pub records: u64,
    pub accepted: u64,
    pub violations: u64,
    /// The first ones.
    pub shown: Vec<(u64, String)>,
}

impl Tally {
    pub fn count(&mut self, seed: u64, night: &Night) {
        self.nights += 1;
        self.calls += night.calls;
        self.records += night.records;
        self.accepted += night.accepted as u64;
        for end in &night.ends {
            *self.ends.entry(end.word()).or_default() += 1;
        }
        self.violations += night.violations.len() as u64;
        if let Some(first) = night.violations.first()
            && self.shown.len() < SHOWN
        {
            self.shown.push((seed, first.clone()));
        }
    }

    pub fn and(&mut self, other: Self) {
        self.nights += other.nights;
        self.calls += other.calls;
        self.records += other.records;
        self.accepted += other.accepted;
        self.violations += other.violations;
        for (word, count) in other.ends {
            *self.ends.entry(word).or_default() += count;
        }
        self.shown.extend(other.shown);
        self.shown.sort();
        self.shown.truncate(SHOWN);
    }

    pub fn of(&self, word: &str) -> u64 {
        self.ends.get(word).copied().unwrap_or(0)
    }

    /// What the nights together must show; the first thing that they do not.
    pub fn verdict(&self) -> Result<(), String> {
        if self.violations > 0 {
            return Err(format!("{} violations", self.violations));
        }
        if self.nights < ENOUGH {
            return Ok(());
        }
        if self.needs_human() > MOST_NEEDS_HUMAN {
            return Err(format!("more than {:.0} % need a person", MOST_NEEDS_HUMAN * 100.0));
        }
        // A simulator that only sees good nights proves nothing.
        let ends = ["done", "rolled back", "superseded", "refused", "needs you"];
        match ends.iter().find(|end| self.of(end) == 0) {
            Some(end) => Err(format!("no run ends as `{end}`")),
            None => Ok(()),
        }
    }

    /// Of all operations that were begun, how many a person must look at.
    pub fn needs_human(&self) -> f64 {
        let begun: u64 = self.ends.iter().filter(|(word, _)| **word != "no plan").map(|(_, count)| count).sum();
        self.of("needs you") as f64 / begun.max(1) as f64
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nights = self.nights.max(1) as f64;
        let ends: Vec<String> = self.ends.iter().map(|(word, count)| format!("{word} {count}")).collect();
        writeln!(f, "ends: {}", ends.join(", "))?;
        writeln!(
            f,
            "a seed: {:.1} calls, {:.1} records, {:.2} changes taken",
            self.calls as f64 / nights,
            self.records as f64 / nights,
            self.accepted as f64 / nights
        )?;
        writeln!(f, "needs a person: {:.2} % of what was begun", self.needs_human() * 100.0)?;
        write!(f, "violations: {}", self.violations)?;
        for (seed, text) in &self.shown {
            write!(f, "\n  {text}\n    {}", replay(*seed))?;
        }
        Ok(())
    }
}

/// The line that plays it again.
pub fn replay(seed: u64) -> String {
    format!("cargo run --release --example simulate -- --seeds 1 --first-seed {seed}")
}
