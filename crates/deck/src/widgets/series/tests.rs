use mldeck_core::{series::Unit, text::Text, time::Timestamp};
use ratatui::style::Color;

use super::*;
use crate::widgets::testing::{ASCII, UNICODE, everywhere, lines, painted};

fn millis(text: &str) -> f64 {
    Timestamp::parse(text).unwrap().millis() as f64
}

/// Two hours of 5xx by the minute: quiet, then a climb from 01:30 on.
fn errors() -> Series {
    let start = millis("2026-11-23T00:00:00Z");
    let value = |minute: i32| if minute < 100 { 0.1 } else { 0.1 + f64::from(minute - 100) * 0.1 };
    Series {
        name: Text::new("5xx"),
        unit: Unit::Percent,
        steps: false,
        points: (0..145).map(|m| (start + f64::from(m) * 60_000.0, value(m))).collect(),
        spacing: Some(60_000.0),
    }
}

fn run(steps: i32, of: fn(f64) -> f64) -> Series {
    Series { steps: true, points: (0..steps).map(|i| (f64::from(i), of(f64::from(i)))).collect(), ..Series::default() }
}

fn draw(width: u16, height: u16, caps: crate::term::Caps, chart: &Chart<'_>) -> Vec<String> {
    lines(&painted(width, height, caps, |area, buf, look| chart.paint(area, buf, look)))
}

fn curve(series: &Series) -> Curve<'_> {
    Curve { series, blocks: None, label: "run" }
}

#[test]
fn time_threshold_event_and_now_are_shown() {
    let series = errors();
    let curves = [curve(&series)];
    let events = [Event { at: millis("2026-11-23T01:29:00Z"), label: "v18", tone: Tone::Accent }];
    let chart = Chart {
        title: "5xx",
        curves: &curves,
        events: &events,
        threshold: Some(Threshold { value: 2.0, label: "limit 2 %" }),
        now: Some(millis("2026-11-23T02:24:00Z")),
        ..Chart::default()
    };
    assert_eq!(
        draw(60, 9, UNICODE, &chart),
        [
            "       ┌ 5xx % ───────────────────────────────────── 4.5 % ┐",
            "       │                               ┊ v18              ⣠│",
            "   4 % ┤                               ┊               ⢀⡠⠚ │",
            "       │                               ┊             ⣀⠔⠁   │",
            "       │                               ┊          ⢀⡰⠊      │",
            "   2 % ┤┄limit 2 %┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┊┄┄┄┄┄┄┄┄⣀⠖⠉┄┄┄┄┄┄┄┄│",
            "       │                               ┊     ⢀⠴⠊⠁          │",
            "   0 % ┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⡠⠖⠉             │",
            "       └ Nov 23 ────────── 01:00 ───────────────────── now ┘",
        ]
    );
    let ascii = draw(60, 9, ASCII, &chart);
    assert_eq!(ascii[0], "       + 5xx % ------------------------------------- 4.5 % +");
    assert!(ascii[4].starts_with("   2 % +=limit 2 %=====================:=========.-'="), "{ascii:#?}");
    assert!(ascii[6].starts_with("   0 % +.............................."), "{ascii:#?}");
}

#[test]
fn several_curves_carry_letters_and_a_legend() {
    let (a, b) = (run(400, |x| 0.95 - 0.5 / (1.0 + x / 20.0)), run(400, |x| 0.97 - 0.5 / (1.0 + x / 40.0)));
    let curves = [Curve { label: "0417", ..curve(&a) }, Curve { label: "0533", ..curve(&b) }];
    let chart = Chart { title: "val/auc", curves: &curves, crosshair: Some(200.0), ..Chart::default() };
    assert_eq!(
        draw(80, 10, UNICODE, &chart),
        [
            "       ┌ val/auc ──────────────────────────────────────────────────────────────┐",
            "   1.0 ┤                                   ╎          ⣀⣀a⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀a│",
            "       │           ⣀⣀⣀⡤⠤⠤⠤⣤⣖⣒⣒⡲⠶a⠶⠶⠾⠭⠛⠛⠛⠛⠛⠛a⠛⠛⠛⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉b⠉⠉b              │",
            "       │     ⣀⠤⠖⢚⣉⡭⠥⠖⠒⠚⠉⠉⠉                 ╎                                   │",
            "       │  ⢀⠴⣋b⠖⠋⠉                          ╎                                   │",
            "       │ ⣰⡥⠊⠁                              ╎                                   │",
            "   0.5 ┤⣰⠋                                 ╎                                   │",
            "       │⠃                                  ╎                                   │",
            "       └ 0 ──────────── 100 ────────── step 200 ─────────── 300 ───────────────┘",
            "  step 200   a 0417 0.9045   b 0533 0.8867",
        ]
    );
}

#[test]
fn a_spike_of_one_step_and_what_was_done_are_visible() {
    let mut series = run(100_000, |_| 0.5);
    series.points[71_204].1 = 9.0;
    let curves = [curve(&series)];
    let drawn = draw(60, 8, UNICODE, &Chart { title: "loss", curves: &curves, ..Chart::default() });
    let column = 8 + 71_204 * 51 / 100_000;
    assert!(drawn[1..6].iter().all(|row| row.chars().nth(column) != Some(' ')), "{drawn:#?}");
    assert!(drawn[7].ends_with("100 k points, 102 columns, min/max kept"), "{drawn:#?}");
}

#[test]
fn gaps_are_not_bridged_and_bad_values_are_counted() {
    let mut series = errors();
    series.points.drain(30..60);
    series.points[90].1 = f64::NAN;
    series.points[100].1 = f64::INFINITY;
    let curves = [curve(&series)];
    let drawn = draw(80, 8, UNICODE, &Chart { title: "5xx", curves: &curves, ..Chart::default() });
    assert!(drawn[7].ends_with("1 NaN, 1 ∞"), "{drawn:#?}");
    // 00:30 to 01:00 is empty in every row.
    let hole = 8 + 71 * 32 / 144..8 + 71 * 58 / 144;
    for row in &drawn[1..6] {
        let middle: String = row.chars().skip(hole.start).take(hole.len()).collect();
        assert_eq!(middle.trim(), "", "{drawn:#?}");
    }
    assert!(drawn[1].contains('↑'), "{drawn:#?}");
}

#[test]
fn a_far_threshold_is_named_at_the_edge_and_does_not_flatten_the_curve() {
    let series = errors();
    let curves = [curve(&series)];
    let threshold = Some(Threshold { value: 50.0, label: "limit 50 %" });
    let drawn = draw(60, 8, UNICODE, &Chart { title: "5xx %", curves: &curves, threshold, ..Chart::default() });
    assert!(drawn[1].contains("limit 50 % ↑"), "{drawn:#?}");
    assert!(drawn[0].contains(" 5xx % ") && !drawn[0].contains("% %"), "{drawn:#?}");
}

#[test]
fn curves_take_their_colours_and_the_crosshair_reads_them() {
    let series = errors();
    let curves = [curve(&series)];
    let at = millis("2026-11-23T02:00:00Z");
    let chart = Chart { title: "5xx", curves: &curves, crosshair: Some(at), ..Chart::default() };
    let buf = painted(60, 8, UNICODE, |area, buf, look| chart.paint(area, buf, look));
    let drawn = lines(&buf);
    assert!(drawn[0].contains("2.1 %"), "{drawn:#?}");
    assert!(drawn[6].contains(" 02:00:00 "), "{drawn:#?}");
    assert!(drawn.iter().any(|row| row.contains('◆')), "{drawn:#?}");
    assert!((8..59).any(|x| buf[(x, 5)].fg == Color::Cyan));
}

#[test]
fn without_points_it_says_so_and_without_room_it_says_the_value() {
    let empty = Series::default();
    let curves = [curve(&empty)];
    let chart = Chart { title: "p99 ms", curves: &curves, ..Chart::default() };
    assert!(draw(40, 7, UNICODE, &chart)[3].contains("no data"));
    let series = errors();
    let curves = [curve(&series)];
    assert_eq!(draw(20, 1, UNICODE, &Chart { title: "5xx", curves: &curves, ..Chart::default() }), ["5xx 4.5 %"]);
}

#[test]
fn works_in_any_rectangle() {
    let (a, b) = (errors(), run(5, |x| if x < 2.0 { f64::NAN } else { -x }));
    let curves = [curve(&a), curve(&b), curve(&b)];
    let events = [Event { at: a.points[50].0, label: "a label that is long", tone: Tone::Bad }];
    for log in [false, true] {
        for range in [None, Some((0.5, 0.6))] {
            let chart = Chart {
                title: "a rather long title",
                curves: &curves,
                events: &events,
                threshold: Some(Threshold { value: 1.0, label: "limit" }),
                crosshair: Some(a.points[70].0),
                now: Some(a.points[144].0),
                focused: true,
                log,
                range,
                ..Chart::default()
            };
            everywhere(|area, buf, look| chart.paint(area, buf, look));
        }
    }
    everywhere(|area, buf, look| Chart::default().paint(area, buf, look));
}
