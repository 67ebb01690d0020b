//! Reading, writing and forcing alarms.

use serde_json::{Map, Value, json};

use super::{Alarm, Comparison, Condition, Gap, Item, Kind, Level, rule::Rule};
use crate::world::{
    ApiError, Reply, Request, World, epoch, estate,
    metric::{self, Queries},
    page,
    request::{float, int},
};

pub(crate) fn arn(name: &str) -> String {
    estate::arn("cloudwatch", &format!("alarm:{name}"))
}

pub(super) fn describe_alarms(world: &mut World, request: &Request<'_>) -> Reply {
    let size = request.max("MaxRecords", 50, 100)?;
    let names = request.texts("AlarmNames");
    let types = request.texts("AlarmTypes");
    let state = request.opt_text("StateValue");
    // Without a choice of types CloudWatch gives metric alarms, and composites too only when they are asked for.
    let wants = |composite: bool| {
        if types.is_empty() {
            !composite || !names.is_empty()
        } else {
            types.contains(&if composite { "CompositeAlarm" } else { "MetricAlarm" })
        }
    };
    let rows: Vec<(&String, &Alarm)> = world
        .alarms
        .alarms
        .iter()
        .filter(|(name, alarm)| {
            wants(matches!(alarm.kind, Kind::Composite(_)))
                && (names.is_empty() || names.contains(&name.as_str()))
                && request.opt_text("AlarmNamePrefix").is_none_or(|prefix| name.starts_with(prefix))
                && state.is_none_or(|state| alarm.level.as_str() == state)
        })
        .collect();
    let (cut, next) = page::cut(&rows, request, ("NextToken", "MaxRecords"), size, metric::invalid_token)?;
    let (composite, simple): (Vec<_>, Vec<_>) =
        cut.iter().partition(|(_, alarm)| matches!(alarm.kind, Kind::Composite(_)));
    let bodies = |rows: Vec<&(&String, &Alarm)>| -> Vec<Value> { rows.iter().map(|(name, a)| body(name, a)).collect() };
    let reply = json!({"MetricAlarms": bodies(simple), "CompositeAlarms": bodies(composite)});
    Ok(page::reply(reply, "NextToken", next))
}

fn body(name: &str, alarm: &Alarm) -> Value {
    let mut out = alarm.body.clone();
    let mut put = |member: &str, value: Value| out.insert(member.to_owned(), value);
    put("AlarmName", name.into());
    put("AlarmArn", arn(name).into());
    put("AlarmConfigurationUpdatedTimestamp", epoch(alarm.configured));
    put("StateValue", alarm.level.as_str().into());
    put("StateReason", alarm.reason.clone().into());
    put("StateUpdatedTimestamp", epoch(alarm.updated));
    put("StateTransitionedTimestamp", epoch(alarm.transitioned));
    Value::Object(out)
}

pub(super) fn describe_history(world: &mut World, request: &Request<'_>) -> Reply {
    let size = request.max("MaxRecords", 100, 100)?;
    let types = request.texts("AlarmTypes");
    let mut items: Vec<&Item> = world
        .alarms
        .history
        .iter()
        .filter(|item| {
            request.opt_text("AlarmName").is_none_or(|name| item.alarm == name)
                && request.opt_text("HistoryItemType").is_none_or(|kind| item.kind == kind)
                && request.opt_time("StartDate").is_none_or(|from| item.at >= from)
                && request.opt_time("EndDate").is_none_or(|to| item.at <= to)
                && (types.is_empty() && !item.composite
                    || types.contains(&if item.composite { "CompositeAlarm" } else { "MetricAlarm" })
                    || request.opt_text("AlarmName").is_some() && types.is_empty())
        })
        .collect();
    if request.opt_text("ScanBy") != Some("TimestampAscending") {
        items.reverse();
    }
    let (cut, next) = page::cut(&items, request, ("NextToken", "MaxRecords"), size, metric::invalid_token)?;
    let bodies: Vec<Value> = cut
        .iter()
        .map(|item| {
            json!({
                "AlarmName": item.alarm,
                "AlarmType": if item.composite { "CompositeAlarm" } else { "MetricAlarm" },
                "Timestamp": epoch(item.at),
                "HistoryItemType": item.kind,
                "HistorySummary": item.summary,
                "HistoryData": item.data,
            })
        })
        .collect();
    Ok(page::reply(json!({"AlarmHistoryItems": bodies}), "NextToken", next))
}

/// Alarms an account may have here.
const MOST: usize = 5_000;

pub(super) fn put_metric_alarm(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("AlarmName")?.to_owned();
    let condition = condition(request)?;
    put(world, name, request, Kind::Metric(Box::new(condition)))
}

pub(super) fn put_composite_alarm(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("AlarmName")?.to_owned();
    let rule = Rule::parse(request.text("AlarmRule")?)
        .ok_or_else(|| ApiError::validation("AlarmRule must be a valid expression over alarm states."))?;
    put(world, name, request, Kind::Composite(rule))
}

/// A new alarm starts without data; one that is written again keeps its state.
fn put(world: &mut World, name: String, request: &Request<'_>, kind: Kind) -> Reply {
    if world.alarms.alarms.len() >= MOST && !world.alarms.exists(&name) {
        return Err(ApiError::new(400, "LimitExceeded", "The quota for alarms for this customer has been reached."));
    }
    let now = world.now;
    let composite = matches!(kind, Kind::Composite(_));
    let before = world.alarms.alarms.remove(&name);
    let created = before.is_none();
    let (level, reason, transitioned, updated) = before.map_or_else(
        || (Level::InsufficientData, "Unchecked: Initial alarm creation".to_owned(), now, now),
        |alarm| (alarm.level, alarm.reason, alarm.transitioned, alarm.updated),
    );
    let body = stored(request.input, composite);
    let alarm = Alarm { level, reason, transitioned, updated, configured: now, body, kind };
    world.alarms.alarms.insert(name.clone(), alarm);
    world.tags.set_from(&arn(&name), request.list("Tags"));
    let summary = format!("Alarm \"{name}\" {}", if created { "created" } else { "updated" });
    let data = json!({"version": "1.0", "type": if created { "Create" } else { "Update" }}).to_string();
    world.alarms.note(Item { at: now, alarm: name, composite, kind: "ConfigurationUpdate", summary, data });
    Ok(json!({}))
}

/// The request with numbers as numbers (Query sends text) and the defaults CloudWatch fills in.
fn stored(input: &Value, composite: bool) -> Map<String, Value> {
    let mut body = input.as_object().cloned().unwrap_or_default();
    body.remove("Tags");
    for member in ["Period", "EvaluationPeriods", "DatapointsToAlarm"] {
        if let Some(n) = body.get(member).and_then(int) {
            body.insert(member.to_owned(), n.into());
        }
    }
    if let Some(threshold) = body.get("Threshold").and_then(float) {
        body.insert("Threshold".to_owned(), json!(threshold));
    }
    let enabled = body.get("ActionsEnabled").is_none_or(|flag| flag != &Value::Bool(false) && flag != "false");
    body.insert("ActionsEnabled".to_owned(), enabled.into());
    for member in ["OKActions", "AlarmActions", "InsufficientDataActions"] {
        body.entry(member).or_insert_with(|| json!([]));
    }
    if !composite && !body.contains_key("Metrics") {
        body.entry("Dimensions").or_insert_with(|| json!([]));
    }
    body
}

fn condition(request: &Request<'_>) -> Result<Condition, ApiError> {
    let (queries, watched) = queries(request.input)?;
    let periods = request.opt_int("EvaluationPeriods").ok_or_else(|| ApiError::missing("EvaluationPeriods"))?;
    let datapoints = request.opt_int("DatapointsToAlarm").unwrap_or(periods);
    if !(1..=100).contains(&periods) || !(1..=periods).contains(&datapoints) {
        return Err(ApiError::validation("DatapointsToAlarm must be between 1 and EvaluationPeriods (at most 100)."));
    }
    let comparison = match request.text("ComparisonOperator")? {
        "GreaterThanOrEqualToThreshold" => Comparison::GreaterOrEqual,
        "GreaterThanThreshold" => Comparison::Greater,
        "LessThanThreshold" => Comparison::Less,
        "LessThanOrEqualToThreshold" => Comparison::LessOrEqual,
        other => return Err(ApiError::validation(format!("ComparisonOperator {other} is not understood here."))),
    };
    let missing = match request.opt_text("TreatMissingData").unwrap_or("missing") {
        "missing" => Gap::Missing,
        "breaching" => Gap::Breaching,
        "notBreaching" => Gap::NotBreaching,
        "ignore" => Gap::Ignore,
        other => return Err(ApiError::validation(format!("TreatMissingData {other} is not known."))),
    };
    let threshold = request.input.get("Threshold").and_then(float).ok_or_else(|| ApiError::missing("Threshold"))?;
    let evaluated = mldeck_core::time::Timestamp::default();
    Ok(Condition { queries, watched, comparison, threshold, periods, datapoints, missing, evaluated })
}

/// What the metric of an alarm is made of, and which of it is watched.
pub(crate) fn queries(input: &Value) -> Result<(Queries, usize), ApiError> {
    match input.get("Metrics").and_then(Value::as_array) {
        Some(queries) if !queries.is_empty() => math(queries),
        _ => simple(input),
    }
}

fn simple(input: &Value) -> Result<(Queries, usize), ApiError> {
    let text = |member: &str| input.get(member).and_then(Value::as_str).filter(|text| !text.is_empty());
    let stat = text("ExtendedStatistic").or_else(|| text("Statistic")).ok_or_else(|| ApiError::missing("Statistic"))?;
    let body = json!({
        "Id": "m",
        "MetricStat": {
            "Metric": {
                "Namespace": text("Namespace").ok_or_else(|| ApiError::missing("Namespace"))?,
                "MetricName": text("MetricName").ok_or_else(|| ApiError::missing("MetricName"))?,
                "Dimensions": input.get("Dimensions").unwrap_or(&Value::Null),
            },
            "Period": input.get("Period").and_then(int).unwrap_or(60),
            "Stat": stat,
        },
    });
    Ok((Queries::read(&[body])?, 0))
}

/// Metrics an alarm may watch through its expressions.
const MOST_METRICS: usize = 10;

/// Exactly one query returns data: that is what the alarm watches. It must be one time series, of metrics that are named.
fn math(bodies: &[Value]) -> Result<(Queries, usize), ApiError> {
    let queries = Queries::read(bodies)?;
    let returned: Vec<usize> =
        queries.iter().enumerate().filter(|(_, query)| query.returned).map(|(index, _)| index).collect();
    let [watched] = returned[..] else {
        return Err(ApiError::validation("Exactly one element of the metrics list should return data."));
    };
    if queries.metrics() > MOST_METRICS {
        return Err(metric::refused(format!(
            "Alarms on math expressions cannot contain more than {MOST_METRICS} individual metrics."
        )));
    }
    if queries.has_search() {
        return Err(metric::refused("SEARCH is not supported on Metric Alarms."));
    }
    if queries.gives_many(watched) {
        return Err(metric::refused(
            "Metrics expression that return multi time series are only allowed for MetricsInsights expression with an \
             ORDER BY clause",
        ));
    }
    Ok((queries, watched))
}

pub(super) fn set_alarm_state(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("AlarmName")?;
    let raw = request.text("StateValue")?;
    let reason = request.text("StateReason")?;
    let level = Level::parse(raw).ok_or_else(|| ApiError::validation(format!("StateValue {raw} is not known.")))?;
    if !world.alarms.exists(name) {
        return Err(ApiError::new(404, "ResourceNotFound", format!("Unknown alarm: {name}")));
    }
    let now = world.now;
    world.alarms.set(name, level, reason, now);
    super::evaluate::compose(world);
    Ok(json!({}))
}

pub(super) fn enable_actions(world: &mut World, request: &Request<'_>) -> Reply {
    switch(world, request, true)
}

pub(super) fn disable_actions(world: &mut World, request: &Request<'_>) -> Reply {
    switch(world, request, false)
}

/// Names of alarms that do not exist are passed over, as CloudWatch does.
fn switch(world: &mut World, request: &Request<'_>, on: bool) -> Reply {
    let now = world.now;
    for name in request.texts("AlarmNames") {
        let Some(alarm) = world.alarms.alarms.get_mut(name) else { continue };
        if alarm.body.insert("ActionsEnabled".to_owned(), on.into()) == Some(on.into()) {
            continue;
        }
        alarm.configured = now;
        let composite = matches!(alarm.kind, Kind::Composite(_));
        let summary = format!("Alarm \"{name}\" updated");
        let data = json!({"version": "1.0", "type": "Update"}).to_string();
        let alarm = name.to_owned();
        world.alarms.note(Item { at: now, alarm, composite, kind: "ConfigurationUpdate", summary, data });
    }
    Ok(json!({}))
}

/// Alarms that watch exactly this metric; those over expressions watch none.
pub(super) fn describe_for_metric(world: &mut World, request: &Request<'_>) -> Reply {
    request.text("MetricName")?;
    request.text("Namespace")?;
    let wanted = metric::Key::read(request.input);
    let fits = |alarm: &Alarm| {
        let body = Value::Object(alarm.body.clone());
        let same = |member: &str| request.opt_text(member).is_none_or(|text| body[member] == text);
        metric::Key::read(&body) == wanted
            && ["Statistic", "ExtendedStatistic", "Unit"].into_iter().all(same)
            && request.opt_int("Period").is_none_or(|period| body["Period"] == period)
    };
    let rows = world.alarms.alarms.iter().filter(|(_, alarm)| fits(alarm));
    let rows: Vec<Value> = rows.map(|(name, alarm)| body(name, alarm)).collect();
    Ok(json!({"MetricAlarms": rows}))
}

pub(super) fn delete_alarms(world: &mut World, request: &Request<'_>) -> Reply {
    let names = request.texts("AlarmNames");
    if let Some(gone) = names.iter().find(|name| !world.alarms.exists(name)) {
        return Err(ApiError::new(404, "ResourceNotFound", format!("Unknown alarm: {gone}")));
    }
    for name in names {
        world.alarms.alarms.remove(name);
        world.tags.forget(&arn(name));
    }
    Ok(json!({}))
}
