//! Samples, their budgets, the table and the archive.

use std::path::PathBuf;

use serde_json::{Value, json};

/// How much of a round was not ours.
#[derive(Clone, Copy, Debug)]
struct Noise {
    /// Milliseconds that the processors were given to others.
    stolen: u64,
    /// Milliseconds from a key to its echo by `cat`, p99.
    echo: f64,
}

impl Noise {
    /// A machine that has nothing else to do; the kernel counts in steps of 10 ms.
    const QUIET: Self = Self { stolen: 20, echo: 0.4 };

    fn is_quiet(self) -> bool {
        self.stolen <= Self::QUIET.stolen && self.echo <= Self::QUIET.echo
    }

    fn is_less_than(self, other: Self) -> bool {
        let share = |noise: Self| noise.stolen as f64 / Self::QUIET.stolen as f64 + noise.echo / Self::QUIET.echo;
        share(self) < share(other)
    }
}

/// The most that one statistic may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Budget {
    Median(f64),
    P99(f64),
    Max(f64),
    /// For information.
    None,
}

pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    /// Ascending.
    samples: Vec<f64>,
    pub(crate) budget: Budget,
    /// Median and p99 of what the harness measures when there is nothing to measure: how quiet the machine was.
    pub(crate) baseline: Option<(f64, f64)>,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, mut samples: Vec<f64>, budget: Budget) -> Self {
        assert!(!samples.is_empty(), "something was measured");
        samples.sort_by(f64::total_cmp);
        Self { name: name.into(), unit, samples, budget, baseline: None }
    }

    pub(crate) fn against(mut self, nothing: &[f64]) -> Self {
        let nothing = Self::new("", "", nothing.to_vec(), Budget::None);
        self.baseline = Some((nothing.median(), nothing.p99()));
        self
    }

    /// The smallest sample that this share of all is not above.
    fn at(&self, share: f64) -> f64 {
        let rank = (share * self.samples.len() as f64).ceil() as usize;
        self.samples[rank.clamp(1, self.samples.len()) - 1]
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(0.5)
    }

    fn p99(&self) -> f64 {
        self.at(0.99)
    }

    fn max(&self) -> f64 {
        self.at(1.0)
    }

    fn is_over(&self) -> bool {
        match self.budget {
            Budget::Median(most) => self.median() > most,
            Budget::P99(most) => self.p99() > most,
            Budget::Max(most) => self.max() > most,
            Budget::None => false,
        }
    }

    fn budget_words(&self) -> String {
        match self.budget {
            Budget::Median(most) => format!("median ≤ {}", number(most)),
            Budget::P99(most) => format!("p99 ≤ {}", number(most)),
            Budget::Max(most) => format!("max ≤ {}", number(most)),
            Budget::None => String::new(),
        }
    }
}

/// Milliseconds that the processors of a virtual machine were given to others, since it started; 0 where nobody counts.
fn stolen() -> u64 {
    // The kernel's fixed unit for user space is a hundredth of a second.
    const TICK: u64 = 10;
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks = stat.lines().next().and_then(|line| line.split_whitespace().nth(8)?.parse::<u64>().ok());
    ticks.unwrap_or_default() * TICK
}

pub(crate) struct Report {
    figures: Vec<Figure>,
    shortened: bool,
}

impl Report {
    pub(crate) const fn new(shortened: bool) -> Self {
        Self { figures: Vec::new(), shortened }
    }

    pub(crate) fn add(&mut self, figure: Figure) {
        println!("  {:<58} median {} {}", figure.name, number(figure.median()), figure.unit);
        self.figures.push(figure);
    }

    /// Measures until the harness alone was quick and no processor was taken away, and keeps the quietest round: on a machine
    /// that others use as well, a round may measure them. The choice is by the harness and the kernel, never by what is
    /// judged.
    pub(crate) fn quietest(&mut self, rounds: usize, mut round: impl FnMut() -> Vec<Figure>) {
        let mut kept: Option<(Noise, Vec<Figure>)> = None;
        for n in 1..=rounds {
            let before = stolen();
            let figures = round();
            let echo = figures.iter().filter_map(|figure| figure.baseline).map(|(_, p99)| p99).fold(0.0, f64::max);
            let noise = Noise { stolen: stolen().saturating_sub(before), echo };
            println!("  round {n}: the harness's p99 {} ms, {} ms taken by others", number(echo), noise.stolen);
            if kept.as_ref().is_none_or(|(least, _)| noise.is_less_than(*least)) {
                kept = Some((noise, figures));
            }
            if noise.is_quiet() {
                break;
            }
        }
        for figure in kept.into_iter().flat_map(|(_, figures)| figures) {
            self.add(figure);
        }
    }

    pub(crate) fn missed(&self) -> Vec<String> {
        self.figures.iter().filter(|figure| figure.is_over()).map(|figure| figure.name.clone()).collect()
    }

    /// As Markdown, so that it can be pasted into `docs/performance.md`.
    pub(crate) fn table(&self) -> String {
        let head =
            ["figure", "unit", "n", "median", "p99", "max", "harness: median", "p99", "budget", ""].map(str::to_owned);
        let rows = self.figures.iter().map(|figure| {
            let verdict = match (figure.budget, figure.is_over()) {
                (Budget::None, _) => "",
                (_, false) => "kept",
                (Budget::P99(most), true) if figure.baseline.is_some_and(|(_, p99)| p99 > most) => {
                    "MISSED, and by nothing"
                }
                (_, true) => "MISSED",
            };
            [
                figure.name.clone(),
                figure.unit.to_owned(),
                figure.samples.len().to_string(),
                number(figure.median()),
                number(figure.p99()),
                number(figure.max()),
                figure.baseline.map(|(median, _)| number(median)).unwrap_or_default(),
                figure.baseline.map(|(_, p99)| number(p99)).unwrap_or_default(),
                figure.budget_words(),
                verdict.to_owned(),
            ]
        });
        let rows: Vec<[String; 10]> = std::iter::once(head).chain(rows).collect();
        let widths: [usize; 10] =
            std::array::from_fn(|i| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0));
        let mut out = String::from("\n");
        for (at, row) in rows.iter().enumerate() {
            for (i, (cell, width)) in row.iter().zip(widths).enumerate() {
                let fill = " ".repeat(width - cell.chars().count());
                let right = (2..=7).contains(&i);
                out += &if right { format!("| {fill}{cell} ") } else { format!("| {cell}{fill} ") };
            }
            out += "|\n";
            if at == 0 {
                for (i, width) in widths.iter().enumerate() {
                    let right = (2..=7).contains(&i);
                    out += &format!("|{}{}", "-".repeat(width + 1), if right { ':' } else { '-' });
                }
                out += "|\n";
            }
        }
        out
    }

    /// Writes all figures into the target folder, where the next run replaces them.
    pub(crate) fn archive(&self) -> std::io::Result<PathBuf> {
        let exe = std::env::current_exe()?;
        let target = exe.ancestors().nth(3).map(PathBuf::from).unwrap_or_default();
        let folder = target.join("bench");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join("deck.json");
        let figures: Vec<Value> = self
            .figures
            .iter()
            .map(|figure| {
                json!({
                    "name": figure.name, "unit": figure.unit, "n": figure.samples.len(), "median": figure.median(),
                    "p99": figure.p99(), "max": figure.max(), "harness": figure.baseline.map(|(median, _)| median),
                    "harness_p99": figure.baseline.map(|(_, p99)| p99),
                    "budget": figure.budget_words(), "over": figure.is_over(),
                })
            })
            .collect();
        let whole = json!({
            "at": mldeck::run::clock::timestamp().iso(),
            "version": env!("CARGO_PKG_VERSION"),
            "optimized": !cfg!(debug_assertions),
            "shortened": self.shortened,
            "processors": std::thread::available_parallelism().map_or(0, usize::from),
            "load": std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
            "figures": figures,
        });
        std::fs::write(&path, format!("{whole:#}\n"))?;
        Ok(path)
    }
}

/// Three significant digits, whole numbers whole.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 || (value.fract() == 0.0 && value.abs() < 1e9) {
        return format!("{value:.0}");
    }
    let digits = (2 - value.abs().log10().floor() as i32).clamp(0, 6);
    format!("{value:.0$}", digits as usize)
}
