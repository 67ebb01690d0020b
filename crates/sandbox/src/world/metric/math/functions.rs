//! The functions of metric math.

use mldeck_core::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};

use super::{Grid, Node, Outcome, Scope, Series, Value};

/// A function by its name.
#[derive(Debug)]
pub(super) struct Function {
    name: &'static str,
    does: Does,
}

#[derive(Debug)]
enum Does {
    /// To each datapoint alone.
    Point(fn(f64) -> f64),
    /// To each series alone: its points, on their grid.
    Series(fn(Grid, &[Option<f64>]) -> Points),
    /// Of one series a scalar; of an array a series, each of its points of those that lie at one time.
    Fold(Fold),
    /// Of the time of each period.
    Time(fn(Timestamp) -> i64),
    /// What has arguments of its own.
    Own(fn(&Scope<'_>, &[Node]) -> Outcome<Value>),
    /// CloudWatch has it; this account does not.
    Lacking,
}

/// One value or none for each period.
type Points = Vec<Option<f64>>;

/// Of the values there are, and of how many places for them.
type Fold = fn(&[f64], usize) -> Option<f64>;

const FUNCTIONS: &[Function] = &[
    Function { name: "ABS", does: Does::Point(f64::abs) },
    Function { name: "CEIL", does: Does::Point(f64::ceil) },
    Function { name: "FLOOR", does: Does::Point(f64::floor) },
    Function { name: "LOG", does: Does::Point(f64::ln) },
    Function { name: "LOG10", does: Does::Point(f64::log10) },
    Function { name: "DIFF", does: Does::Series(|grid, points| steps(grid, points, |rise, _| rise)) },
    Function { name: "DIFF_TIME", does: Does::Series(|grid, points| steps(grid, points, |_, seconds| seconds)) },
    Function { name: "RATE", does: Does::Series(|grid, points| steps(grid, points, |rise, seconds| rise / seconds)) },
    Function { name: "RUNNING_SUM", does: Does::Series(running_sum) },
    Function { name: "AVG", does: Does::Fold(average) },
    Function { name: "SUM", does: Does::Fold(sum) },
    Function { name: "MIN", does: Does::Fold(least) },
    Function { name: "MAX", does: Does::Fold(greatest) },
    Function { name: "STDDEV", does: Does::Fold(deviation) },
    Function { name: "DATAPOINT_COUNT", does: Does::Fold(|values, _| Some(values.len() as f64)) },
    Function { name: "EPOCH", does: Does::Time(Timestamp::secs) },
    Function { name: "MINUTE", does: Does::Time(|at| at.millis().rem_euclid(HOUR) / MINUTE) },
    Function { name: "HOUR", does: Does::Time(|at| at.millis().rem_euclid(DAY) / HOUR) },
    // Monday is 1, and the epoch began on a Thursday.
    Function { name: "DAY", does: Does::Time(|at| (at.millis().div_euclid(DAY) + 3).rem_euclid(7) + 1) },
    Function { name: "DATE", does: Does::Time(|at| calendar(at, 8..10)) },
    Function { name: "MONTH", does: Does::Time(|at| calendar(at, 5..7)) },
    Function { name: "YEAR", does: Does::Time(|at| calendar(at, 0..4)) },
    Function { name: "FILL", does: Does::Own(fill) },
    Function { name: "FIRST", does: Does::Own(|scope, nodes| one_of(scope, nodes, "FIRST", |all| all.first())) },
    Function { name: "LAST", does: Does::Own(|scope, nodes| one_of(scope, nodes, "LAST", |all| all.last())) },
    Function { name: "IF", does: Does::Own(choice) },
    Function { name: "METRIC_COUNT", does: Does::Own(metric_count) },
    Function { name: "REMOVE_EMPTY", does: Does::Own(remove_empty) },
    Function { name: "SLICE", does: Does::Own(slice) },
    Function { name: "SORT", does: Does::Own(sort) },
    Function { name: "TIME_SERIES", does: Does::Own(time_series) },
    Function { name: "ANOMALY_DETECTION_BAND", does: Does::Lacking },
    Function { name: "DB_PERF_INSIGHTS", does: Does::Lacking },
    Function { name: "INSIGHT_RULE_METRIC", does: Does::Lacking },
    Function { name: "LAMBDA", does: Does::Lacking },
    Function { name: "SERVICE_QUOTA", does: Does::Lacking },
];

pub(super) fn find(name: &str) -> Outcome<&'static Function> {
    let function = FUNCTIONS.iter().find(|function| function.name == name);
    match function.ok_or_else(|| format!("Function '{name}' not found"))? {
        Function { does: Does::Lacking, .. } => Err(format!("Function '{name}' is not supported in this account")),
        function => Ok(function),
    }
}

pub(super) fn call(function: &Function, scope: &Scope<'_>, nodes: &[Node]) -> Outcome<Value> {
    let does = &function.does;
    if let Does::Own(own) = does {
        return own(scope, nodes);
    }
    let [node] = nodes else {
        return Err(format!("Function '{}' takes one argument, not {}", function.name, nodes.len()));
    };
    let value = scope.value(node)?;
    match (does, value) {
        (_, Value::Scalar(_)) => Err(unsupported(function.name, "Scalar")),
        (Does::Point(f), value) => value.each(|series| series.with(points(&series.points, f))),
        (Does::Series(f), value) => value.each(|series| series.with(f(scope.grid, &series.points))),
        (Does::Fold(f), Value::Series(series)) => {
            let values: Vec<f64> = series.values().collect();
            Ok(Value::Scalar(f(&values, series.points.len())))
        }
        (Does::Fold(f), Value::Array(all)) => Ok(Value::Series(Series::unnamed(folded(scope.grid, &all, *f)))),
        (Does::Time(f), Value::Series(series)) => {
            let times = (0..scope.grid.count).map(|index| Some(f(scope.grid.starts(index)) as f64));
            Ok(Value::Series(series.with(times.collect())))
        }
        (_, value) => Err(unsupported(function.name, value.kind())),
    }
}

fn unsupported(name: &str, kind: &str) -> String {
    format!("Unsupported argument type(s) for {name}: '[{kind}]'")
}

fn points(points: &[Option<f64>], f: &fn(f64) -> f64) -> Points {
    points.iter().map(|point| point.map(f).filter(|value| value.is_finite())).collect()
}

/// One point of all that lie at the same time; where none does, there is none.
fn folded(grid: Grid, all: &[Series], f: Fold) -> Points {
    let at = |index: usize| {
        let values: Vec<f64> = all.iter().filter_map(|series| series.points.get(index).copied().flatten()).collect();
        (!values.is_empty()).then(|| f(&values, all.len())).flatten()
    };
    (0..grid.count).map(at).collect()
}

/// `f` of the rise from one datapoint to the next and of the seconds between them.
fn steps(grid: Grid, points: &[Option<f64>], f: fn(f64, f64) -> f64) -> Points {
    let mut before: Option<(usize, f64)> = None;
    let step = |(index, point): (usize, &Option<f64>)| {
        let value = (*point)?;
        let (from, last) = before.replace((index, value))?;
        let seconds = grid.starts(index).since(grid.starts(from)) as f64 / SECOND as f64;
        Some(f(value - last, seconds))
    };
    points.iter().enumerate().map(step).collect()
}

fn running_sum(_: Grid, points: &[Option<f64>]) -> Points {
    let add = |sum: &mut f64, point: &Option<f64>| {
        *sum += point.unwrap_or_default();
        Some(point.map(|_| *sum))
    };
    points.iter().scan(0.0, add).collect()
}

/// Missing values count as zero, as CloudWatch says of this function alone.
fn average(values: &[f64], places: usize) -> Option<f64> {
    Some(sum(values, places)? / places as f64)
}

fn sum(values: &[f64], _: usize) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum())
}

fn least(values: &[f64], _: usize) -> Option<f64> {
    values.iter().copied().reduce(f64::min)
}

fn greatest(values: &[f64], _: usize) -> Option<f64> {
    values.iter().copied().reduce(f64::max)
}

/// Of all values there are, not of a sample of them.
fn deviation(values: &[f64], places: usize) -> Option<f64> {
    let count = values.len() as f64;
    let mean = sum(values, places)? / count;
    Some((values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt())
}

/// A part of `YYYY-MM-DD`.
fn calendar(at: Timestamp, part: std::ops::Range<usize>) -> i64 {
    at.iso().get(part).and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

fn array(scope: &Scope<'_>, node: &Node, name: &str) -> Outcome<Vec<Series>> {
    match scope.value(node)? {
        Value::Array(all) => Ok(all),
        value => Err(unsupported(name, value.kind())),
    }
}

fn scalar(scope: &Scope<'_>, node: &Node, name: &str) -> Outcome<Option<f64>> {
    match scope.value(node)? {
        Value::Scalar(value) => Ok(value),
        value => Err(unsupported(name, value.kind())),
    }
}

fn wrong(name: &str, wanted: &str) -> String {
    format!("Function '{name}' takes ({wanted})")
}

/// How a gap is filled.
enum Filler {
    Repeat,
    Linear,
    With(Option<f64>),
    By(Series),
}

fn fill(scope: &Scope<'_>, nodes: &[Node]) -> Outcome<Value> {
    let [of, with] = nodes else { return Err(wrong("FILL", "time series, value | REPEAT | LINEAR")) };
    let of = scope.value(of)?;
    let filler = match with {
        Node::Word(word) if word == "REPEAT" => Filler::Repeat,
        Node::Word(word) if word == "LINEAR" => Filler::Linear,
        other => match scope.value(other)? {
            Value::Scalar(value) => Filler::With(value),
            Value::Series(series) => Filler::By(series),
            Value::Array(_) => return Err(unsupported("FILL", "TimeSeries, Array[TimeSeries]")),
        },
    };
    of.each(|series| {
        let own = &series.points;
        series.with(match &filler {
            Filler::Repeat => repeated(own),
            Filler::Linear => straight(own),
            Filler::With(value) => own.iter().map(|point| point.or(*value)).collect(),
            Filler::By(other) => own.iter().zip(&other.points).map(|(point, other)| point.or(*other)).collect(),
        })
    })
    .map_err(|_| unsupported("FILL", "Scalar"))
}

fn repeated(points: &[Option<f64>]) -> Points {
    let keep = |last: &mut Option<f64>, point: &Option<f64>| {
        *last = point.or(*last);
        Some(*last)
    };
    points.iter().scan(None, keep).collect()
}

/// Gaps between two values become a straight line; those at the ends stay.
fn straight(points: &[Option<f64>]) -> Points {
    let mut out = points.to_vec();
    let mut before: Option<(usize, f64)> = None;
    for (index, point) in points.iter().enumerate() {
        let Some(value) = *point else { continue };
        if let Some((from, first)) = before {
            let slope = (value - first) / (index - from) as f64;
            for (gap, place) in out.iter_mut().enumerate().take(index).skip(from + 1) {
                *place = Some(first + slope * (gap - from) as f64);
            }
        }
        before = Some((index, value));
    }
    out
}

fn one_of(scope: &Scope<'_>, nodes: &[Node], name: &str, pick: fn(&[Series]) -> Option<&Series>) -> Outcome<Value> {
    let [node] = nodes else { return Err(wrong(name, "array of time series")) };
    let all = array(scope, node, name)?;
    Ok(Value::Series(pick(&all).cloned().unwrap_or_else(|| Series::unnamed(vec![None; scope.grid.count]))))
}

/// `IF(condition, value[, other])`. What is zero is false.
fn choice(scope: &Scope<'_>, nodes: &[Node]) -> Outcome<Value> {
    let (condition, chosen, other) = match nodes {
        [condition, chosen] => (condition, chosen, None),
        [condition, chosen, other] => (condition, chosen, Some(other)),
        _ => return Err(wrong("IF", "condition, value, value")),
    };
    let (condition, chosen) = (scope.value(condition)?, scope.value(chosen)?);
    let other = other.map(|node| scope.value(node)).transpose()?;
    let parts = [Some(&condition), Some(&chosen), other.as_ref()];
    if parts.iter().flatten().any(|part| matches!(part, Value::Array(_))) {
        return Err(unsupported("IF", "Array[TimeSeries]"));
    }
    let Some(template) = parts.iter().flatten().flat_map(|part| part.series()).next() else {
        return Err(unsupported("IF", "Scalar, Scalar, Scalar"));
    };
    let at = |value: &Value, index: usize| match value {
        Value::Scalar(value) => *value,
        value => value.series().first().and_then(|series| series.points.get(index).copied().flatten()),
    };
    let is_series = matches!(condition, Value::Series(_));
    let point = |index: usize| {
        if at(&condition, index)? == 0.0 {
            return at(other.as_ref()?, index);
        }
        // Of a condition over time, a value that is missing is zero; one for all times takes a series as it is.
        at(&chosen, index).or_else(|| is_series.then_some(0.0))
    };
    Ok(Value::Series(template.with((0..scope.grid.count).map(point).collect())))
}

fn metric_count(scope: &Scope<'_>, nodes: &[Node]) -> Outcome<Value> {
    let [node] = nodes else { return Err(wrong("METRIC_COUNT", "array of time series")) };
    Ok(Value::Scalar(Some(array(scope, node, "METRIC_COUNT")?.len() as f64)))
}

fn remove_empty(scope: &Scope<'_>, nodes: &[Node]) -> Outcome<Value> {
    let [node] = nodes else { return Err(wrong("REMOVE_EMPTY", "array of time series")) };
    let mut all = array(scope, node, "REMOVE_EMPTY")?;
    all.retain(|series| series.values().next().is_some());
    Ok(Value::Array(all))
}

fn slice(scope: &Scope<'_>, nodes: &[Node]) -> Outcome<Value> {
    let (node, from, to) = match nodes {
        [node, from] => (node, from, None),
        [node, from, to] => (node, from, Some(to)),
        _ => return Err(wrong("SLICE", "array of time series, start, end")),
    };
    let all = array(scope, node, "SLICE")?;
    let from = scalar(scope, from, "SLICE")?.unwrap_or_default();
    let to = to.map(|to| scalar(scope, to, "SLICE")).transpose()?.flatten().unwrap_or(f64::INFINITY);
    // Casts from floats keep within the bounds of what they make.
    let taken = all.into_iter().take(to as usize).skip(from as usize);
    Ok(Value::Array(taken.collect()))
}

fn sort(scope: &Scope<'_>, nodes: &[Node]) -> Outcome<Value> {
    let (node, by, order, limit) = match nodes {
        [node, Node::Word(by), Node::Word(order)] => (node, by, order, None),
        [node, Node::Word(by), Node::Word(order), limit] => (node, by, order, Some(limit)),
        _ => return Err(wrong("SORT", "array of time series, AVG | MIN | MAX | SUM, ASC | DESC, limit")),
    };
    let fold: Fold = match by.as_str() {
        "AVG" => average,
        "MIN" => least,
        "MAX" => greatest,
        "SUM" => sum,
        _ => return Err(format!("SORT goes by AVG, MIN, MAX or SUM, not by {by}")),
    };
    let is_descending = match order.as_str() {
        "ASC" => false,
        "DESC" => true,
        _ => return Err(format!("the order of a SORT is ASC or DESC, not {order}")),
    };
    let limit = limit.map(|limit| scalar(scope, limit, "SORT")).transpose()?.flatten().unwrap_or(f64::INFINITY);
    let rank = |series: Series| {
        let values: Vec<f64> = series.values().collect();
        (fold(&values, series.points.len()), series)
    };
    let mut all: Vec<(Option<f64>, Series)> = array(scope, node, "SORT")?.into_iter().map(rank).collect();
    // Series without a value come last either way.
    all.sort_by(|(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) if is_descending => b.total_cmp(a),
        (Some(a), Some(b)) => a.total_cmp(b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    Ok(Value::Array(all.into_iter().map(|(_, series)| series).take(limit as usize).collect()))
}

fn time_series(scope: &Scope<'_>, nodes: &[Node]) -> Outcome<Value> {
    let [node] = nodes else { return Err(wrong("TIME_SERIES", "scalar")) };
    let value = scalar(scope, node, "TIME_SERIES")?;
    Ok(Value::Series(Series::unnamed(vec![value; scope.grid.count])))
}
