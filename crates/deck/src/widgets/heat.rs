//! Drift, feature by time.

use mldeck_core::{
    column::Tone,
    heat::{Cursor, Mark, Rank, Slices},
    resource::monitor::DriftDetail,
    time::{self, Timestamp},
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{Look, Symbol, pen, pen::Row};
use crate::theme::Role;

#[derive(Clone, Copy, Debug)]
pub struct Heat<'a> {
    pub detail: &'a DriftDetail,
    /// The rows in order: [`mldeck_core::heat::ranks`].
    pub ranks: &'a [Rank],
    /// First row shown; see [`super::follow`] with [`height`].
    pub top: usize,
    pub cursor: Option<Cursor>,
    pub from: Timestamp,
    /// End of the map; `now` when it is the present.
    pub to: Timestamp,
    pub now: Timestamp,
}

/// A longer name is cut.
const NAME: usize = 28;
const GUTTER: usize = 3;
const DISTANCE: usize = 8;
const SINCE: usize = 7;
/// The map is at least this wide; names and numbers give way.
const LEAST: usize = 10;

/// Rows that fit below the head.
pub const fn height(area: Rect) -> usize {
    area.height.saturating_sub(1) as usize
}

/// Columns of the parts; a part without room has none.
struct Parts {
    name: usize,
    map: usize,
    distance: usize,
    since: usize,
}

impl Heat<'_> {
    fn parts(&self, width: usize, look: Look<'_>, rows: usize) -> Parts {
        let visible = self.ranks.iter().skip(self.top).take(rows);
        let names = visible.filter_map(|rank| self.detail.features.get(rank.feature));
        let name = names.map(|f| pen::width(&pen::shown(look, f.name.as_str()))).max().unwrap_or(0).min(NAME);
        let room = width.saturating_sub(GUTTER);
        let name = name.min(room.saturating_sub(LEAST + 2));
        let rest = room.saturating_sub(name + 2);
        let distance = if rest >= LEAST + DISTANCE + 2 { DISTANCE + 2 } else { 0 };
        let since = if rest >= LEAST + distance + SINCE { SINCE } else { 0 };
        Parts { name, map: rest.saturating_sub(distance + since), distance, since }
    }

    pub fn paint(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let area = area.intersection(buf.area);
        let rows = height(area);
        let parts = self.parts(usize::from(area.width), look, rows);
        let slices = Slices::new(self.detail, self.from, self.to, parts.map);
        let column = self.cursor.and_then(|cursor| slices.columns_of(cursor.time(self.detail)?));
        self.head(&parts, column.as_ref(), area, buf, look);
        for (line, (index, rank)) in (1u16..).zip(self.ranks.iter().enumerate().skip(self.top).take(rows)) {
            if let Some(mut row) = Row::new(buf, area, line) {
                let at_cursor = self.cursor.is_some_and(|cursor| cursor.row == index);
                self.row(rank, at_cursor.then_some(column.as_ref()), &parts, &slices, &mut row, look);
            }
        }
    }

    fn head(
        &self,
        parts: &Parts,
        column: Option<&std::ops::Range<usize>>,
        area: Rect,
        buf: &mut Buffer,
        look: Look<'_>,
    ) {
        let Some(mut row) = Row::new(buf, area, 0) else { return };
        let style = look.style(Role::Head);
        row.skip(GUTTER + parts.name + 2);
        let start = row.x();
        let left = format!("-{}", length(self.to.since(self.from)));
        let right = if self.now.since(self.to).abs() < time::HOUR { "now".to_owned() } else { self.to.hm() };
        if parts.map >= left.len() + right.len() + 2 {
            row.put_left(look, &left, left.len(), style);
            row.put_right(look, &right, parts.map - left.len(), style);
        } else {
            row.skip(parts.map);
        }
        if parts.distance > 0 {
            row.put_right(look, "DISTANCE", parts.distance, style);
        }
        if parts.since > 0 {
            row.put_right(look, "SINCE", parts.since, style);
        }
        if let Some(column) = column {
            let x = start.saturating_add(column.start as u16);
            pen::dot(buf, area, x, area.y, look.symbol(Symbol::Descending), look.style(Role::Accent));
        }
    }

    /// `cursor`: present on the cursor's row, with the columns it is on.
    fn row(
        &self,
        rank: &Rank,
        cursor: Option<Option<&std::ops::Range<usize>>>,
        parts: &Parts,
        slices: &Slices,
        row: &mut Row<'_>,
        look: Look<'_>,
    ) {
        use mldeck_core::health::Health;
        let Some(feature) = self.detail.features.get(rank.feature) else { return };
        let mark = if cursor.is_some() { look.symbol(Symbol::Cursor) } else { "" };
        row.put_left(look, mark, 1, look.style(Role::Accent));
        let health = if rank.since.is_some() { look.health(Health::Warn) } else { "" };
        row.put_left(look, health, 2, look.tone(Tone::Warn));
        let name = look.style(if cursor.is_some() { Role::Strong } else { Role::Text });
        row.put_left(look, feature.name.as_str(), parts.name, name);
        row.skip(2);
        for (column, mark) in slices.cells(self.detail, feature).into_iter().enumerate() {
            let here = cursor.flatten().is_some_and(|range| range.contains(&column));
            let style = if here { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
            cell(mark, style, row, look);
        }
        if parts.distance > 0 {
            let distance = rank.latest.map_or_else(|| "–".to_owned(), distance);
            let tone = if rank.since.is_some() { Tone::Warn } else { Tone::Plain };
            row.put_right(look, &distance, parts.distance, look.tone(tone));
        }
        if let Some(since) = rank.since.filter(|_| parts.since > 0) {
            row.put_right(look, &time::age(self.now.since(since)), parts.since, look.style(Role::Dim));
        }
    }
}

fn cell(mark: Mark, over: Style, row: &mut Row<'_>, look: Look<'_>) {
    let (symbol, role) = match mark.level() {
        None => (" ", Role::Text),
        Some(0) => (look.symbol(Symbol::Heat0), Role::Dim),
        Some(1) => (look.symbol(Symbol::Heat1), Role::Heat0),
        Some(2) => (look.symbol(Symbol::Heat2), Role::Heat1),
        Some(3) => (look.symbol(Symbol::Heat3), Role::Heat2),
        Some(_) => (look.symbol(Symbol::Heat4), Role::Heat3),
    };
    row.repeat(symbol, 1, look.style(role).patch(over));
}

fn distance(value: f64) -> String {
    if value.is_finite() { format!("{value:.2}") } else { mldeck_core::series::short(value) }
}

/// `24h`, `7d`.
fn length(millis: i64) -> String {
    match millis {
        ..time::HOUR => format!("{}m", millis / time::MINUTE),
        time::HOUR..172_800_000 => format!("{}h", millis / time::HOUR),
        _ => format!("{}d", millis / time::DAY),
    }
}

#[cfg(test)]
mod tests {
    use mldeck_core::{
        heat::{Sort, ranks},
        resource::monitor::{FeatureDrift, MonitorRun},
        text::Text,
        time::HOUR,
    };
    use ratatui::style::Color;

    use super::*;
    use crate::widgets::testing::{ASCII, UNICODE, everywhere, lines, painted};

    fn hour(n: i64) -> Timestamp {
        Timestamp::from_millis(n * HOUR)
    }

    fn detail() -> DriftDetail {
        let run = |n| MonitorRun {
            scheduled: hour(n),
            modified: hour(n),
            status: Text::new("CompletedWithViolations"),
            failure: None,
            job_arn: None,
        };
        let feature = |name: &str, of: fn(i64) -> f64| FeatureDrift {
            name: Text::new(name),
            distances: (0..24).filter(|n| *n != 5).map(|n| (hour(n), of(n))).collect(),
            ..FeatureDrift::default()
        };
        DriftDetail {
            runs: (0..24).filter(|n| *n != 5).map(run).collect(),
            features: vec![
                feature("hour_of_day", |_| 0.04),
                feature("merchant_category", |n| n as f64 * 0.0178),
                feature("device_age", |n| if n < 18 { 0.01 } else { 0.14 }),
            ],
            limit: Some(0.1),
            ..DriftDetail::default()
        }
    }

    #[test]
    fn the_map_shows_what_drifted_since_when() {
        let detail = detail();
        let ranks = ranks(&detail, Sort::Distance);
        let cursor = Some(Cursor { row: 1, back: 2 });
        let heat = Heat { detail: &detail, ranks: &ranks, top: 0, cursor, from: hour(0), to: hour(24), now: hour(24) };
        let drawn = |caps| lines(&painted(91, 4, caps, |area, buf, look| heat.paint(area, buf, look)));
        assert_eq!(
            drawn(UNICODE),
            [
                "                      -24h                                         ▾   now  DISTANCE  SINCE",
                " ▲ merchant_category  ······░░░░   ▓▓▓▓▓▓▓▓▓▓▓▓▓██████████████████████████      0.41   18 h",
                "▸▲ device_age         ··········   ··························▓▓▓▓▓▓▓▓▓▓▓▓▓      0.14    6 h",
                "   hour_of_day        ··········   ·······································      0.04",
            ]
        );
        let ascii = " ! merchant_category  ......----   xxxxxxxxxxxxx##########################      0.41   18 h";
        assert_eq!(drawn(ASCII)[1], ascii);
        let buf = painted(91, 4, UNICODE, |area, buf, look| heat.paint(area, buf, look));
        assert_eq!(buf[(1, 1)].fg, Color::Yellow);
        let reversed = (0..91).filter(|x| buf[(*x, 2)].modifier.contains(Modifier::REVERSED)).count();
        assert_eq!(reversed, 2, "one execution of 24 in 52 columns");
    }

    #[test]
    fn works_in_any_rectangle() {
        let detail = detail();
        let ranks = ranks(&detail, Sort::Name);
        let heat = Heat {
            detail: &detail,
            ranks: &ranks,
            top: 0,
            cursor: Some(Cursor::default()),
            from: hour(0),
            to: hour(24),
            now: hour(99),
        };
        everywhere(|area, buf, look| heat.paint(area, buf, look));
        let empty = DriftDetail::default();
        everywhere(|area, buf, look| Heat { detail: &empty, ranks: &[], ..heat }.paint(area, buf, look));
    }
}
