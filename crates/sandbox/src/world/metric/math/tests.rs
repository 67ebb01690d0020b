use std::cell::Cell;

use super::*;
use mldeck_core::time::Timestamp;

/// A Saturday, 2026-02-28 23:58 UTC.
const START: &str = "2026-02-28T23:58:00Z";

fn some(points: &[f64]) -> Vec<Option<f64>> {
    points.iter().map(|value| (!value.is_nan()).then_some(*value)).collect()
}

/// `-` of CloudWatch's tables: no value.
const NO: f64 = f64::NAN;

/// In billionths, because sums depend on their order.
fn rounded(points: &[Option<f64>]) -> Vec<Option<f64>> {
    points.iter().map(|point| point.map(|value| (value * 1e9).round())).collect()
}

fn series(label: &str, points: &[f64]) -> Series {
    Series { label: label.to_owned(), metric: None, points: some(points) }
}

/// Over four minutes, with the metrics a, b, gappy, empty and the array all, which is an expression.
fn evaluated(text: &str) -> Outcome<Value> {
    budgeted(text, 1_000_000)
}

fn budgeted(text: &str, budget: usize) -> Outcome<Value> {
    let expression = Expression::parse(text)?;
    let metrics = [
        ("a", series("a", &[30.0, 20.0, 0.0, 0.0])),
        ("b", series("b", &[20.0, NO, 20.0, NO])),
        ("gappy", series("gappy", &[NO, 4.0, NO, 10.0])),
        ("empty", series("empty", &[NO; 4])),
    ];
    let budget = Cell::new(budget);
    let mut scope = Scope {
        grid: Grid::new(Timestamp::parse(START).unwrap_or_default(), 60, 4),
        named: std::collections::BTreeMap::new(),
        metrics: metrics.iter().map(|(id, _)| *id).collect(),
        found: vec![vec![series("found", &[1.0; 4]), series("more", &[2.0; 4])]],
        budget: &budget,
    };
    let all = metrics[..2].iter().map(|(_, series)| series.clone()).collect();
    scope.named.insert("all", Named { value: Value::Array(all), period: None });
    for (id, series) in metrics {
        scope.named.insert(id, Named { value: Value::Series(series), period: Some(60) });
    }
    expression.value(&scope)
}

#[test]
fn expressions_that_give_one_series() {
    let cases: &[(&str, [f64; 4])] = &[
        ("a + 1", [31.0, 21.0, 1.0, 1.0]),
        ("a + b", [50.0, 20.0, 20.0, 0.0]),
        ("a - b - 1 * 2 + gappy", [8.0, 22.0, -22.0, 8.0]),
        ("10 - a / 10 - 2", [5.0, 6.0, 8.0, 8.0]),
        ("-a ^ 2", [-900.0, -400.0, 0.0, 0.0]),
        ("2 ^ -(a / 10)", [0.125, 0.25, 1.0, 1.0]),
        ("b / a", [20.0 / 30.0, 0.0, NO, NO]),
        ("a / 0", [NO; 4]),
        ("a < b", [0.0, 0.0, 1.0, 0.0]),
        ("a >= 30", [1.0, 0.0, 0.0, 0.0]),
        ("a > 15 AND b > 15", [1.0, 0.0, 0.0, 0.0]),
        ("a > 25 || gappy == 10", [1.0, 0.0, 0.0, 1.0]),
        ("(a != 0) && (1 < 2)", [1.0, 1.0, 0.0, 0.0]),
        ("a OR b", [1.0, 1.0, 1.0, 0.0]),
        ("a <= 20", [0.0, 1.0, 1.0, 1.0]),
        ("ABS(0 - a)", [30.0, 20.0, 0.0, 0.0]),
        ("CEIL(a / 7) * 100 + FLOOR(a / 7)", [504.0, 302.0, 0.0, 0.0]),
        ("LOG10(a * 0 + 100) - LOG(a * 0 + 1)", [2.0; 4]),
        ("LOG(a * 0)", [NO; 4]),
        ("a - MAX(a)", [0.0, -10.0, -30.0, -30.0]),
        ("a * 0 + AVG(b)", [10.0; 4]),
        ("a * 0 + SUM(b) / DATAPOINT_COUNT(b)", [20.0; 4]),
        ("a * 0 + MIN(gappy)", [4.0; 4]),
        ("a + AVG(empty)", [NO; 4]),
        ("a * 0 + STDDEV(gappy)", [3.0; 4]),
        ("SUM([a, b])", [50.0, 20.0, 20.0, 0.0]),
        ("AVG([a, b, gappy])", [50.0 / 3.0, 8.0, 20.0 / 3.0, 10.0 / 3.0]),
        ("MAX([b, gappy])", [20.0, 4.0, 20.0, 10.0]),
        ("MIN([a, gappy])", [30.0, 4.0, 0.0, 0.0]),
        ("STDDEV([a, b])", [5.0, 0.0, 10.0, 0.0]),
        ("DATAPOINT_COUNT([b, gappy, empty])", [1.0; 4]),
        ("SUM(METRICS())", [50.0, 24.0, 20.0, 10.0]),
        ("SUM(METRICS(\"gap\"))", [NO, 4.0, NO, 10.0]),
        ("SUM([METRICS('gap'), b])", [20.0, 4.0, 20.0, 10.0]),
        ("a / METRIC_COUNT(METRICS())", [7.5, 5.0, 0.0, 0.0]),
        ("SUM(100 / [a, b])", [100.0 / 30.0 + 5.0, 5.0, 5.0, NO]),
        ("SUM(-all)", [-50.0, -20.0, -20.0, 0.0]),
        ("AVG(all / a)", [5.0 / 6.0, 0.5, NO, NO]),
        ("FILL(gappy, 7)", [7.0, 4.0, 7.0, 10.0]),
        ("FILL(gappy, MIN(gappy))", [4.0, 4.0, 4.0, 10.0]),
        ("FILL(gappy, a)", [30.0, 4.0, 0.0, 10.0]),
        ("FILL(gappy, REPEAT)", [NO, 4.0, 4.0, 10.0]),
        ("FILL(gappy, LINEAR)", [NO, 4.0, 7.0, 10.0]),
        ("FILL(empty, LINEAR)", [NO; 4]),
        ("DIFF(gappy)", [NO, NO, NO, 6.0]),
        ("DIFF_TIME(gappy)", [NO, NO, NO, 120.0]),
        ("RATE(gappy)", [NO, NO, NO, 0.05]),
        ("RUNNING_SUM(b)", [20.0, NO, 40.0, NO]),
        ("PERIOD(a) / 60 * a", [30.0, 20.0, 0.0, 0.0]),
        ("TIME_SERIES(5 * MAX(a))", [150.0; 4]),
        ("IF(a > 15, a)", [30.0, 20.0, NO, NO]),
        ("IF(a, b, gappy)", [20.0, 0.0, NO, 10.0]),
        ("IF(b, 5, a)", [5.0, NO, 5.0, NO]),
        ("IF(a < 15, 1, 0)", [0.0, 0.0, 1.0, 1.0]),
        ("IF(MAX(a) > 20, gappy, a)", [NO, 4.0, NO, 10.0]),
        ("IF(MAX(a) < 20, gappy)", [NO; 4]),
        ("FIRST(SORT([a, b, gappy], SUM, ASC))", [NO, 4.0, NO, 10.0]),
        ("LAST(SLICE([a, b, gappy], 0, 2))", [20.0, NO, 20.0, NO]),
        ("MINUTE(gappy)", [58.0, 59.0, 0.0, 1.0]),
        ("HOUR(empty)", [23.0, 23.0, 0.0, 0.0]),
        ("DAY(a)", [6.0, 6.0, 7.0, 7.0]),
        ("DATE(a)", [28.0, 28.0, 1.0, 1.0]),
        ("MONTH(a)", [2.0, 2.0, 3.0, 3.0]),
        ("YEAR(a)", [2026.0; 4]),
        ("DIFF(EPOCH(a))", [NO, 60.0, 60.0, 60.0]),
        ("SUM(SEARCH('{My/Space,Host} load', 'Average', 60))", [3.0; 4]),
    ];
    for (text, expected) in cases {
        match evaluated(text) {
            Ok(Value::Series(got)) => assert_eq!(rounded(&got.points), rounded(&some(expected)), "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn expressions_that_give_many_series() {
    let cases: &[(&str, &[&str])] = &[
        ("[a, b]", &["a", "b"]),
        ("METRICS() * 100", &["a", "b", "gappy", "empty"]),
        ("METRICS('a')", &["a", "gappy"]),
        ("a - all", &["a", "b"]),
        ("REMOVE_EMPTY(METRICS())", &["a", "b", "gappy"]),
        ("SORT(METRICS(), AVG, DESC)", &["a", "b", "gappy", "empty"]),
        ("SORT(METRICS(), MAX, ASC, 2)", &["gappy", "b"]),
        ("SLICE(METRICS(), 1, 3)", &["b", "gappy"]),
        ("SLICE(METRICS(), 2)", &["gappy", "empty"]),
        ("SLICE(METRICS(), 9, 1)", &[]),
        ("FILL(METRICS(), 0)", &["a", "b", "gappy", "empty"]),
        ("SEARCH('load', 'p99')", &["found", "more"]),
    ];
    for (text, expected) in cases {
        match evaluated(text) {
            Ok(Value::Array(all)) => {
                assert_eq!(all.iter().map(|series| series.label.as_str()).collect::<Vec<_>>(), *expected, "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn expressions_that_are_refused() {
    let sum = "1 +".repeat(600) + "a";
    let long = "1 +".repeat(700) + "a";
    let cases = [
        ("", "Unexpected end of expression"),
        ("a +", "Unexpected end of expression"),
        ("a b", "Unexpected character 'b'"),
        ("(a", "')' is missing"),
        ("[a, b", "']' is missing"),
        ("[]", "[] needs a time series"),
        ("[1, a]", "Unsupported element type for []: 'Scalar'"),
        ("a ! b", "Unexpected character '!'"),
        ("é", "Unexpected character 'é'"),
        ("1.2.3 * a", "'1.2.3' is not a number"),
        ("gone * 2", "Undefined variable 'gone'"),
        ("selected * 2", "Undefined variable 'selected'"),
        ("select * 2", "Undefined variable 'select'"),
        ("NOPE(a)", "Function 'NOPE' not found"),
        ("abs(a)", "Unexpected character '('"),
        ("ABS", "Unexpected word 'ABS'"),
        ("ABS()", "takes one argument, not 0"),
        ("ABS(a, b)", "takes one argument, not 2"),
        ("ABS(1)", "Unsupported argument type(s) for ABS: '[Scalar]'"),
        ("MINUTE(all)", "Unsupported argument type(s) for MINUTE: '[Array[TimeSeries]]'"),
        ("all + [a, b]", "Unsupported operand type(s) for +: '[Array[TimeSeries], Array[TimeSeries]]'"),
        ("5", "The final result must be a time series"),
        ("AVG(a)", "The final result must be a time series"),
        ("METRIC_COUNT(a)", "Unsupported argument type(s) for METRIC_COUNT"),
        ("PERIOD(all)", "PERIOD takes a metric, and 'all' is an expression"),
        ("PERIOD(a + b)", "')' is missing"),
        ("TIME_SERIES(a)", "Unsupported argument type(s) for TIME_SERIES"),
        ("IF(1, 2, 3)", "Unsupported argument type(s) for IF"),
        ("IF(all > 3, a)", "Unsupported argument type(s) for IF"),
        ("FILL(a, NEAREST)", "Unexpected word 'NEAREST'"),
        ("FILL(3, 3)", "Unsupported argument type(s) for FILL"),
        ("SORT(all, MEDIAN, ASC)", "SORT goes by"),
        ("SORT(all, AVG, UP)", "the order of a SORT"),
        ("METRICS(a)", "a text in quotes is wanted"),
        ("METRICS('a)", "a quotation mark is not closed"),
        ("SEARCH('load', 'Nope', 60)", "'Nope' is not a statistic"),
        ("SEARCH('load', 'Sum', 7)", "'7' is not a period"),
        ("SEARCH('', 'Sum', 60)", "SEARCH needs"),
        ("ANOMALY_DETECTION_BAND(a, 2)", "Function 'ANOMALY_DETECTION_BAND' is not supported in this account"),
        ("INSIGHT_RULE_METRIC('r', 'Sum')", "Function 'INSIGHT_RULE_METRIC' is not supported in this account"),
        ("select AVG(CPUUtilization) FROM \"AWS/EC2\"", "Metrics Insights queries are not supported"),
        (&long, "longer than 2048 characters"),
        (&"(".repeat(2_000), "nested deeper than 32 levels"),
        (&"ABS(".repeat(500), "nested deeper than 32 levels"),
        (&"-".repeat(2_000), "nested deeper than 32 levels"),
    ];
    for (text, why) in cases {
        match evaluated(text) {
            Err(said) => assert!(said.contains(why), "{text}: {said}"),
            Ok(value) => panic!("{text}: {value:?}"),
        }
    }
    assert!(evaluated(&sum).is_ok(), "a long sum is not a deep one");
    assert_eq!(budgeted("[a, a, a] * 2", 100), Err("the request makes too many datapoints".to_owned()));
}

#[test]
fn series_of_other_periods_meet_where_they_start_together() {
    let start = Timestamp::parse(START).unwrap_or_default();
    let (minutes, pairs) = (Grid::new(start, 60, 4), Grid::new(start, 60, 4).cut(120));
    let fine = Value::Series(series("m", &[1.0, 2.0, 3.0, 4.0]));
    let coarse = Value::Series(series("m", &[1.0, 3.0]));
    assert_eq!(fine.on(minutes, pairs), coarse);
    assert_eq!(coarse.on(pairs, minutes), Value::Series(series("m", &[1.0, NO, 3.0, NO])));
    // An alarm over one minute of what is there every five.
    assert_eq!(Grid::new(start, 60, 1).cut(300).count, 1);
}
