//! One painter per shape: a shape that a view lends becomes cells through the widgets.

use mldeck_core::{
    column::Tone,
    health::Health,
    heat,
    series::{Series, Window, smoothed},
    time,
};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{Paint, pen};
use crate::{
    app::look::{Chart, Grid, Heat, Line, Look, NodeState, Notice, Share, StepLine},
    theme::Role,
    widgets::{self, bars, dag, doc, frame, kv, log, series, steps, table},
};

/// Paints a shape; returns where the real cursor belongs (the focused row), for screen readers and braille lines.
pub fn paint(look: &Look<'_>, paint: &Paint<'_>, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let style = paint.look();
    match look {
        Look::Grid(grid) => return paint_grid(*grid, paint, area, buffer),
        Look::Facts { sections, scroll } => {
            let top = (*scroll).min(kv::rows(sections, area.width).saturating_sub(usize::from(area.height)));
            kv::Facts { sections, top }.paint(area, buffer, style);
        }
        Look::Doc { lines, scroll } => paint_doc(lines, *scroll, paint, area, buffer),
        Look::Log { lines, scroll, wrap, search } => {
            let streams = area.width >= 100;
            let tail = log::tail(lines, area, *wrap, streams);
            let top = scroll.map_or(tail, |top| top.min(tail));
            log::Log { lines, top, cursor: *scroll, wrap: *wrap, shift: 0, find: search, streams }
                .paint(area, buffer, style);
        }
        Look::Chart(chart) => paint_chart(chart, paint, area, buffer),
        Look::Graph { dag, states, cursor } => paint_graph(dag, states, *cursor, paint, area, buffer),
        Look::Heat(heat) => paint_heat(heat, paint, area, buffer),
        Look::Bars { buckets } => bars::Bars { buckets }.paint(area, buffer, style),
        Look::Steps(lines) => paint_steps(lines, paint, area, buffer),
        Look::Notice(notice) => paint_notice(notice, paint, area, buffer),
        Look::Rows(parts) => {
            let mut at = None;
            for ((_, look), area) in parts.iter().zip(split(parts, area, true)) {
                at = at.or(self::paint(look, paint, area, buffer));
            }
            return at;
        }
        Look::Columns(parts) => {
            let mut at = None;
            for ((_, look), area) in parts.iter().zip(split(parts, area, false)) {
                at = at.or(self::paint(look, paint, area, buffer));
            }
            return at;
        }
        Look::Titled { title, focused, look } => {
            let inside = frame::Frame { title, note: "", focused: *focused }.paint(area, buffer, style);
            return self::paint(look, paint, inside, buffer);
        }
    }
    None
}

/// Room for each part, in integers; columns have one cell between them.
fn split(parts: &[(Share, Look<'_>)], area: Rect, rows: bool) -> Vec<Rect> {
    let gap = u16::from(!rows);
    let whole = if rows { area.height } else { area.width };
    let gaps = gap * u16::try_from(parts.len().saturating_sub(1)).unwrap_or(0);
    let fixed: u16 = parts.iter().map(|(share, _)| if let Share::Fixed(n) = share { *n } else { 0 }).sum();
    let weights: u32 = parts.iter().map(|(share, _)| if let Share::Part(n) = share { u32::from(*n) } else { 0 }).sum();
    let free = u32::from(whole.saturating_sub(fixed + gaps));
    let (mut at, mut given, mut weight_seen) = (0, 0, 0);
    parts
        .iter()
        .map(|(share, _)| {
            let size = match share {
                Share::Fixed(n) => *n,
                Share::Part(n) => {
                    weight_seen += u32::from(*n);
                    let until = free * weight_seen / weights.max(1);
                    let size = until - given;
                    given = until;
                    u16::try_from(size).unwrap_or(u16::MAX)
                }
            };
            let size = size.min(whole.saturating_sub(at));
            let part = if rows {
                Rect { y: area.y + at, height: size, ..area }
            } else {
                Rect { x: area.x + at, width: size, ..area }
            };
            at += size + gap;
            part
        })
        .collect()
}

fn paint_grid(grid: &dyn Grid, paint: &Paint<'_>, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let heads = grid.heads(area.width);
    let painted: Vec<table::Head<'_>> =
        heads.iter().map(|head| table::Head { text: &head.head, width: head.width, align: head.align }).collect();
    let sort = heads.iter().enumerate().find_map(|(i, head)| head.sorted.map(|descending| (i, descending)));
    let height = usize::from(area.height.saturating_sub(1));
    let (top, cursor) = grid.window(height);
    let widget = table::Table { heads: &painted, rows: grid.len(), top, cursor, sort, focused: true };
    let row = |i: usize| table::Row {
        health: Some(grid.health(i)),
        marked: grid.is_marked(i),
        stale: false,
        cells: grid.cells(i, area.width, paint.now),
    };
    widget.paint(row, area, buffer, paint.look());
    if let Some(notice) = grid.notice() {
        let below = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
        paint_notice(&notice, paint, below, buffer);
        return None;
    }
    let row = u16::try_from(cursor?.checked_sub(top)?).ok()?;
    (row + 1 < area.height).then_some(Position { x: area.x, y: area.y + 1 + row })
}

fn paint_doc(lines: &[Line], scroll: usize, paint: &Paint<'_>, area: Rect, buffer: &mut Buffer) {
    // Wrapped lines hang under where their text begins.
    let hang = |line: &Line| match line.first() {
        Some((first, _)) if line.len() > 1 => widgets::pen::width(first).min(24),
        Some((first, _)) => first.len() - first.trim_start().len(),
        None => 0,
    };
    let lines: Vec<doc::Line> = lines.iter().map(|line| doc::Line { spans: line.clone(), hang: hang(line) }).collect();
    let rows = doc::rows(&lines, area.width);
    let height = usize::from(area.height);
    let top = scroll.min(rows.saturating_sub(height));
    doc::Doc { lines: &lines, top }.paint(area, buffer, paint.look());
    let below = rows.saturating_sub(top + height);
    if below > 0 && height > 2 {
        // What cannot be seen must be known to be there: a plan is confirmed by what it says.
        let last = Rect { y: area.bottom() - 1, height: 1, ..area };
        let more = if paint.caps.unicode { "▾" } else { "v" };
        pen::right(buffer, last, &format!(" {more} {below} more lines "), paint.theme.get(Role::Accent));
    }
}

fn paint_chart(chart: &Chart<'_>, paint: &Paint<'_>, area: Rect, buffer: &mut Buffer) {
    let smooth: Vec<Series> = if chart.smoothing > 0.0 {
        chart.curves.iter().map(|series| smoothed(series, chart.smoothing)).collect()
    } else {
        Vec::new()
    };
    let shown: Vec<&Series> = if smooth.is_empty() { chart.curves.clone() } else { smooth.iter().collect() };
    if shown.iter().all(|series| series.points.is_empty()) {
        let inside = frame::Frame { title: &chart.title, note: "", focused: false }.paint(area, buffer, paint.look());
        paint_notice(&Notice::new(Tone::Dim, chart.empty.clone()), paint, inside, buffer);
        return;
    }
    let curves: Vec<series::Curve<'_>> =
        shown.iter().map(|series| series::Curve { series, blocks: None, label: series.name.as_str() }).collect();
    let steps = shown.first().is_some_and(|series| series.steps);
    let events: Vec<series::Event<'_>> = chart
        .events
        .iter()
        .map(|(at, label)| series::Event { at: at.millis() as f64, label, tone: Tone::Accent })
        .collect();
    let threshold = chart.threshold.as_ref().map(|(value, label)| series::Threshold { value: *value, label });
    let window = chart.range.map(|(from, to)| Window { from, to, steps });
    let now = (!steps).then(|| paint.now.0.millis() as f64);
    let widget = series::Chart {
        title: &chart.title,
        curves: &curves,
        threshold,
        events: &events,
        window,
        range: None,
        log: chart.log,
        crosshair: chart.crosshair,
        now,
        focused: false,
    };
    widget.paint(area, buffer, paint.look());
}

fn paint_graph(
    graph: &mldeck_core::graph::Dag,
    states: &[NodeState],
    cursor: usize,
    paint: &Paint<'_>,
    area: Rect,
    buffer: &mut Buffer,
) {
    let states: Vec<dag::State<'_>> = states
        .iter()
        .map(|state| dag::State { health: state.health.unwrap_or(Health::Off), note: &state.note })
        .collect();
    dag::Graph { dag: graph, states: &states, cursor: Some(cursor) }.paint(area, buffer, paint.look());
}

fn paint_heat(shape: &Heat<'_>, paint: &Paint<'_>, area: Rect, buffer: &mut Buffer) {
    let ranks = heat::ranks(shape.detail, heat::Sort::Distance);
    let height = widgets::heat::height(area);
    let top = widgets::follow(0, shape.cursor.row, ranks.len(), height);
    let widget = widgets::heat::Heat {
        detail: shape.detail,
        ranks: &ranks,
        top,
        cursor: Some(shape.cursor),
        from: shape.from,
        to: shape.to,
        now: paint.now.0,
    };
    widget.paint(area, buffer, paint.look());
}

fn paint_steps(lines: &[StepLine], paint: &Paint<'_>, area: Rect, buffer: &mut Buffer) {
    let now = paint.now.0;
    let times: Vec<String> = lines
        .iter()
        .map(|line| match line.at {
            Some(at) if now.since(at) < time::DAY => at.hms(),
            Some(at) => format!("{} {}", at.date(), at.hm()),
            None => String::new(),
        })
        .collect();
    let items: Vec<steps::Step<'_>> = lines
        .iter()
        .zip(&times)
        .map(|(line, time)| steps::Step { health: line.health, name: &line.title, time, note: &line.note })
        .collect();
    steps::Steps { items: &items, top: 0, cursor: None }.paint(area, buffer, paint.look());
}

fn paint_notice(notice: &Notice, paint: &Paint<'_>, area: Rect, buffer: &mut Buffer) {
    let mut lines: Vec<Line> = vec![vec![(format!("  {}", notice.title), notice.tone)]];
    lines.extend(notice.lines.iter().map(|line| vec![(format!("  {line}"), Tone::Dim)]));
    paint_doc(&lines, 0, paint, area, buffer);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_fill_the_room_exactly() {
        let notice = || Look::Notice(Notice::new(Tone::Plain, ""));
        let parts = vec![(Share::Part(3), notice()), (Share::Fixed(2), notice()), (Share::Part(2), notice())];
        for height in 0..60 {
            let rows = split(&parts, Rect::new(0, 0, 80, height), true);
            assert_eq!(rows.iter().map(|row| row.height).sum::<u16>(), height);
            assert!(rows.windows(2).all(|pair| pair[0].bottom() == pair[1].top()));
        }
        let columns = split(&parts[..1], Rect::new(0, 0, 80, 10), false);
        assert_eq!(columns, [Rect::new(0, 0, 80, 10)]);
    }
}
