//! Curves: points, reduction to columns, axes, number formats.

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// One curve. `x` is epoch milliseconds, or a step number when `steps` is true. Sorted by `x`; a `NaN` value is a gap.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub name: Text,
    pub unit: Unit,
    pub steps: bool,
    pub points: Vec<(f64, f64)>,
    /// The regular distance between points in `x`, when there is one: a larger distance is a gap, not a line.
    pub spacing: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    #[default]
    None,
    Count,
    PerMinute,
    Milliseconds,
    Percent,
}

/// `1 840`: thousands apart, no decimals above 10, one below.
pub fn grouped(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value.abs() < 10.0 && value.fract().abs() > 1e-9 {
        return format!("{value:.1}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    if value < 0.0 {
        out.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// A metric at four significant digits: `0.9371`, `12.50`, `1.2e-7`.
pub fn short(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "NaN".to_owned()
        } else if value > 0.0 {
            "∞".to_owned()
        } else {
            "-∞".to_owned()
        };
    }
    let size = value.abs();
    match size {
        0.0 => "0".to_owned(),
        s if !(1e-4..1e7).contains(&s) => format!("{value:.2e}"),
        s if s >= 1_000.0 => grouped(value),
        s if s >= 100.0 => format!("{value:.1}"),
        s if s >= 10.0 => format!("{value:.2}"),
        s if s >= 1.0 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}
