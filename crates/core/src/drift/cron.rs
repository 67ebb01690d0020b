//! How often a monitoring schedule runs.

use crate::time::{DAY, HOUR, MINUTE};

/// Milliseconds between two executions of a schedule expression; the longest such distance when they are uneven. `None` for
/// `NOW` (it runs once) and for what Model Monitor does not offer (days of the week or month).
///
/// `cron(0 * ? * * *)` is hourly, `cron(0 17 ? * * *)` daily, `cron(0 17/6 ? * * *)` every six hours.
pub fn interval(expression: &str) -> Option<i64> {
    let expression = expression.trim();
    if let Some(rate) = inside(expression, "rate(") {
        return of_rate(rate);
    }
    let fields: Vec<&str> = inside(expression, "cron(")?.split_whitespace().collect();
    let [_minute, hours, day, month, weekday, rest @ ..] = fields.as_slice() else { return None };
    let any = |field: &&str| matches!(*field, "*" | "?");
    if ![day, month, weekday].into_iter().all(any) || !rest.iter().all(any) {
        return None;
    }
    of_hours(hours)
}

fn inside<'a>(expression: &'a str, start: &str) -> Option<&'a str> {
    let head = expression.get(..start.len())?;
    head.eq_ignore_ascii_case(start).then(|| expression[start.len()..].strip_suffix(')')).flatten()
}

fn of_rate(rate: &str) -> Option<i64> {
    let (count, unit) = rate.trim().split_once(' ')?;
    let unit = match unit.trim().trim_end_matches('s') {
        "minute" => MINUTE,
        "hour" => HOUR,
        "day" => DAY,
        _ => return None,
    };
    let count: u16 = count.parse().ok()?;
    (count > 0).then(|| i64::from(count) * unit)
}

fn of_hours(field: &str) -> Option<i64> {
    if field == "*" {
        return Some(HOUR);
    }
    if let Some((_, step)) = field.split_once('/') {
        let step: u8 = step.parse().ok()?;
        return (1..=24).contains(&step).then(|| i64::from(step) * HOUR);
    }
    let mut hours = Vec::new();
    for part in field.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to): (u8, u8) = (from.parse().ok()?, to.parse().ok()?);
        if from > to || to > 23 {
            return None;
        }
        hours.extend(from..=to);
    }
    hours.sort_unstable();
    hours.dedup();
    let wrap = i64::from(*hours.first()?) + 24 - i64::from(*hours.last()?);
    let widest = hours.windows(2).map(|pair| i64::from(pair[1] - pair[0])).max().unwrap_or(0).max(wrap);
    Some(widest * HOUR)
}
