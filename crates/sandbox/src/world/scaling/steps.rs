//! Step scaling: how far an alarm is beyond its threshold decides by how much the count changes.

use serde_json::Value;

use crate::world::{
    ApiError,
    request::{float, int},
};

/// Step adjustments of one policy, as Application Auto Scaling limits them.
const MOST: usize = 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Adjustment {
    Change,
    Percent,
    Exact,
}

pub(super) struct Steps {
    adjustment: Adjustment,
    /// Bounds of the distance from the threshold, and what is adjusted there.
    steps: Vec<(f64, f64, i64)>,
    /// The least change in instances, for percentages.
    least: i64,
    pub(super) cooldown: i64,
}

impl Steps {
    pub(super) fn read(config: &Value) -> Result<Self, ApiError> {
        let text = |member: &str| config.get(member).and_then(Value::as_str).unwrap_or_default();
        let adjustment = match text("AdjustmentType") {
            "ChangeInCapacity" => Adjustment::Change,
            "PercentChangeInCapacity" => Adjustment::Percent,
            "ExactCapacity" => Adjustment::Exact,
            "" => return Err(ApiError::missing("AdjustmentType")),
            other => return Err(ApiError::validation(format!("AdjustmentType {other} is not known."))),
        };
        let number = |member: &str| config.get(member).and_then(int);
        let least = number("MinAdjustmentMagnitude").unwrap_or(0);
        if least != 0 && adjustment != Adjustment::Percent {
            return Err(ApiError::validation("MinAdjustmentMagnitude is only supported for PercentChangeInCapacity"));
        }
        let adjustments = config.get("StepAdjustments").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if adjustments.len() > MOST {
            let message = format!("A step scaling policy can have at most {MOST} step adjustments.");
            return Err(ApiError::new(400, "LimitExceededException", message));
        }
        let mut steps = adjustments.iter().map(step).collect::<Option<Vec<_>>>().unwrap_or_default();
        if steps.is_empty() {
            return Err(ApiError::validation("At least one StepAdjustment must be provided"));
        }
        steps.sort_by(|a, b| a.0.total_cmp(&b.0));
        if steps.iter().any(|(low, high, _)| low >= high) {
            return Err(ApiError::validation("MetricIntervalLowerBound must be less than MetricIntervalUpperBound"));
        }
        let mut pairs = steps.iter().zip(steps.iter().skip(1));
        if pairs.clone().any(|(one, next)| one.1 > next.0) {
            return Err(ApiError::validation("StepAdjustment intervals can't overlap"));
        }
        if pairs.any(|(one, next)| one.1 < next.0) {
            return Err(ApiError::validation("There can't be a gap between StepAdjustment intervals"));
        }
        Ok(Self { adjustment, steps, least, cooldown: number("Cooldown").unwrap_or(300) })
    }

    /// The count that is asked for so far beyond the threshold; `None` where no step reaches.
    pub(super) fn wanted(&self, count: i64, beyond: f64) -> Option<i64> {
        // Above the threshold a lower bound belongs to its step, below it an upper one.
        let holds = |(low, high, _): &&(f64, f64, i64)| {
            if beyond >= 0.0 { *low <= beyond && beyond < *high } else { *low < beyond && beyond <= *high }
        };
        let (.., adjustment) = self.steps.iter().find(holds)?;
        Some(match self.adjustment {
            Adjustment::Exact => *adjustment,
            Adjustment::Change => count.saturating_add(*adjustment),
            Adjustment::Percent => {
                let exact = count as f64 * *adjustment as f64 / 100.0;
                // Rounded towards none, but never to none.
                let whole = if exact.abs() < 1.0 && exact != 0.0 { exact.signum() } else { exact.trunc() } as i64;
                count.saturating_add(whole.signum().saturating_mul(whole.saturating_abs().max(self.least)))
            }
        })
    }
}

fn step(step: &Value) -> Option<(f64, f64, i64)> {
    let bound = |member: &str| step.get(member).and_then(float);
    let low = bound("MetricIntervalLowerBound").unwrap_or(f64::NEG_INFINITY);
    let high = bound("MetricIntervalUpperBound").unwrap_or(f64::INFINITY);
    Some((low, high, step.get("ScalingAdjustment").and_then(int)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_distance_decides() {
        let read = |kind: &str, least: i64| {
            Steps::read(&json!({"AdjustmentType": kind, "MinAdjustmentMagnitude": least, "StepAdjustments": [
                {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 10},
                {"MetricIntervalLowerBound": 10, "ScalingAdjustment": 50},
                {"MetricIntervalUpperBound": 0, "ScalingAdjustment": -30},
            ]}))
        };
        let percent = read("PercentChangeInCapacity", 0).unwrap();
        let cases = [(0.0, 5), (9.9, 5), (10.0, 6), (900.0, 6), (-1.0, 3)];
        for (beyond, wanted) in cases {
            assert_eq!(percent.wanted(4, beyond), Some(wanted), "{beyond}");
        }
        assert_eq!(read("PercentChangeInCapacity", 3).unwrap().wanted(4, 0.0), Some(7));
        assert_eq!(read("ChangeInCapacity", 0).unwrap().wanted(4, 10.0), Some(54));
        assert_eq!(read("ExactCapacity", 0).unwrap().wanted(4, 10.0), Some(50));
        assert!(read("ExactCapacity", 2).is_err());
    }
}
