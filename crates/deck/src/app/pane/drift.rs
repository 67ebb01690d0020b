//! One monitor: feature × time, worst first; the chosen feature's distribution against its baseline.

use mldeck_core::{
    ask::{Answer, Ask},
    column::Tone,
    fault::Fault,
    heat,
    resource::{
        Kind, Monitor,
        monitor::{DriftDetail, FeatureDrift},
    },
    series,
    text::Text,
    time::{self, DAY, Timestamp},
};

use super::{Opened, Subject, table::fault_notice};
use crate::app::{
    command::{Command, Scope},
    look::{Heat, Line, Look, Notice, Share},
    model::Model,
    msg::{Effect, Slot},
    polls::Want,
};

pub struct DriftView {
    monitor: Text,
    endpoint: Option<Text>,
    detail: Option<DriftDetail>,
    fault: Option<Fault>,
    cursor: heat::Cursor,
    window: i64,
}

impl DriftView {
    pub fn new(row: &Monitor) -> Self {
        // A day of hourly runs fills a map; slower schedules need a longer look back.
        let window = row.interval.map_or(DAY, |interval| (interval * 30).clamp(DAY, 60 * DAY));
        Self {
            monitor: row.name.clone(),
            endpoint: row.endpoint.clone(),
            detail: None,
            fault: None,
            cursor: heat::Cursor::default(),
            window,
        }
    }

    fn limit(&self) -> f64 {
        self.detail.as_ref().map_or(heat::DEFAULT_LIMIT, heat::limit)
    }

    fn latest(feature: &FeatureDrift) -> Option<f64> {
        feature.distances.last().map(|(_, distance)| *distance)
    }

    fn feature(&self) -> Option<&FeatureDrift> {
        self.detail.as_ref()?.features.get(self.cursor.row)
    }

    /// What is known of the chosen feature, in words.
    fn verdict(&self, now: Timestamp) -> Vec<Line> {
        let Some(feature) = self.feature() else { return Vec::new() };
        let mut lines = Vec::new();
        let limit = self.limit();
        let mut line = vec![(feature.name.to_string(), Tone::Strong)];
        if let Some(distance) = Self::latest(feature) {
            let tone = if distance > limit { Tone::Bad } else { Tone::Ok };
            line.push((format!("  distance {} (limit {})", series::short(distance), series::short(limit)), tone));
        }
        // Since when it has been over the limit without a break.
        let since = feature.distances.iter().rev().take_while(|(_, distance)| *distance > limit).last();
        if let Some((at, _)) = since {
            line.push((format!("  over it for {}", time::age(now.since(*at))), Tone::Warn));
        }
        lines.push(line);
        if let Some(r) = feature.recomputed {
            lines.push(vec![(
                format!(
                    "raw {}, corrected {} for small samples, n {} / baseline {}",
                    series::short(r.raw),
                    series::short(r.corrected),
                    series::grouped(r.now),
                    series::grouped(r.baseline)
                ),
                Tone::Dim,
            )]);
        }
        let violations = self.detail.iter().flat_map(|detail| &detail.violations).filter(|v| v.feature == feature.name);
        for violation in violations.take(3) {
            lines.push(vec![
                (format!("{}  ", violation.check), Tone::Warn),
                (violation.description.to_string(), Tone::Plain),
            ]);
        }
        lines
    }
}

impl Opened for DriftView {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Heat, Scope::Detail]
    }

    fn title(&self, model: &Model) -> Line {
        let name = self.endpoint.as_ref().unwrap_or(&self.monitor);
        let mut line = vec![(name.to_string(), Tone::Strong)];
        if let Some(row) = model.monitors.get(&self.monitor) {
            line.push((format!("  {}", row.kind.as_str()), Tone::Dim));
            if let Some(last) = &row.last {
                let age = time::age(model.now().since(last.scheduled));
                let (note, tone) = if row.is_late(model.now()) { ("late", Tone::Warn) } else { ("on time", Tone::Dim) };
                line.push((format!("  last run {age} ago ({note})"), tone));
            }
        }
        if let Some(detail) = &self.detail {
            let limit = self.limit();
            let over = detail.features.iter().filter(|f| Self::latest(f).is_some_and(|d| d > limit)).count();
            let tone = if over > 0 { Tone::Bad } else { Tone::Ok };
            line.push((format!("  {over} of {} features drifted", detail.features.len()), tone));
            line.push((format!("  limit {}  from {}", series::short(limit), detail.source), Tone::Dim));
        }
        line
    }

    fn look<'a>(&'a self, model: &'a Model) -> Look<'a> {
        let Some(detail) = &self.detail else {
            return Look::Notice(match &self.fault {
                Some(fault) => fault_notice(fault, Tone::Bad),
                None => Notice::new(Tone::Dim, "Loading drift …"),
            });
        };
        if detail.features.is_empty() {
            let mut notice = Notice::new(Tone::Dim, "No feature distances in this window.")
                .line("The monitor may be new, may have had no traffic, or publishes no metrics (emit_metrics).");
            for gap in &detail.gaps {
                notice = notice.line(gap.to_string());
            }
            return Look::Notice(notice);
        }
        let to = detail.runs.last().map_or_else(|| model.now(), |run| run.scheduled);
        let heat = Look::Heat(Heat { detail, from: to.plus(-self.window), to, cursor: self.cursor });
        let mut below = vec![(Share::Part(1), Look::Doc { lines: self.verdict(model.now()), scroll: 0 })];
        if let Some(feature) = self.feature().filter(|feature| !feature.buckets.is_empty()) {
            let bars = Look::Bars { buckets: &feature.buckets };
            let title = format!("{}   baseline ░ now █", feature.name);
            below.insert(0, (Share::Part(2), Look::Titled { title, focused: false, look: Box::new(bars) }));
        }
        let mut rows = vec![(Share::Part(3), heat)];
        rows.push((Share::Part(2), if model.size.0 >= 100 { Look::Columns(below) } else { Look::Rows(below) }));
        if !detail.gaps.is_empty() {
            let lines = detail.gaps.iter().map(|gap| vec![(gap.to_string(), Tone::Warn)]).collect();
            rows.push((Share::Fixed(1), Look::Doc { lines, scroll: 0 }));
        }
        Look::Rows(rows)
    }

    fn on(&mut self, model: &mut Model, command: Command, _out: &mut Vec<Effect>) -> bool {
        let page = self.page(model);
        let (rows, newer) = match command {
            Command::Next => (1, 0),
            Command::Previous => (-1, 0),
            Command::PageDown | Command::HalfDown => (page / 2, 0),
            Command::PageUp | Command::HalfUp => (-(page / 2), 0),
            Command::First => (isize::MIN, 0),
            Command::Last => (isize::MAX, 0),
            Command::Left | Command::CrosshairLeft => (0, -1),
            Command::Right | Command::CrosshairRight => (0, 1),
            _ => return false,
        };
        if let Some(detail) = &self.detail {
            self.cursor = self.cursor.moved(rows, newer, detail);
        }
        true
    }

    fn wants(&self, model: &Model) -> Vec<Want> {
        let to = model.now();
        let ask = Ask::Drift {
            monitor: self.monitor.clone(),
            endpoint: self.endpoint.clone(),
            from: to.plus(-self.window),
            to,
        };
        vec![Want::every(Slot::Drift, ask, 120)]
    }

    fn reply(&mut self, _model: &mut Model, slot: Slot, result: &Result<Answer, Fault>) -> bool {
        if slot != Slot::Drift {
            return false;
        }
        match result {
            Ok(Answer::Drift(detail)) => {
                self.detail = Some((**detail).clone());
                self.fault = None;
            }
            Ok(_) => return false,
            Err(fault) => self.fault = Some(fault.clone()),
        }
        true
    }

    fn subject(&self) -> Option<Subject> {
        Some(Subject { kind: Kind::Monitor, name: self.monitor.clone(), arn: None })
    }
}
