use mldeck_core::time::{HOUR, MINUTE};
use serde_json::{Value, json};

use crate::{
    testkit::{call, ok, rest, world},
    world::World,
};

fn later(world: &mut World, millis: i64) {
    let to = world.now().plus(millis);
    world.advance_to(to);
}

fn group(world: &mut World) {
    let feature = |name: &str, kind: &str| json!({"FeatureName": name, "FeatureType": kind});
    let features = [("id", "String"), ("at", "Fractional"), ("n", "Integral"), ("note", "String")];
    let input = json!({
        "FeatureGroupName": "Cards", "RecordIdentifierFeatureName": "id", "EventTimeFeatureName": "at",
        "FeatureDefinitions": features.map(|(name, kind)| feature(name, kind)), "OnlineStoreConfig": {"EnableOnlineStore": true},
        "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://own/features/"}}, "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
    });
    ok(world, "CreateFeatureGroup", &input);
}

fn record(at: i64, values: &[(&str, &str)]) -> Vec<Value> {
    let value = |name: &str, text: &str| json!({"FeatureName": name, "ValueAsString": text});
    let mut record = vec![value("id", "c1"), value("at", &at.to_string())];
    record.extend(values.iter().map(|(name, text)| value(name, text)));
    record
}

fn put(world: &mut World, record: &[Value], more: Value) -> (u16, Value) {
    let mut input = more;
    input["Record"] = record.into();
    rest(world, "PUT", "/FeatureGroup/Cards", &input)
}

fn get(world: &mut World, query: &str) -> Value {
    rest(world, "GET", &format!("/FeatureGroup/Cards?RecordIdentifierValueAsString=c1{query}"), &Value::Null).1
}

fn value(record: &Value, feature: &str) -> Value {
    let values = record["Record"].as_array().cloned().unwrap_or_default();
    values
        .iter()
        .find(|value| value["FeatureName"] == feature)
        .map_or(Value::Null, |value| value["ValueAsString"].clone())
}

#[test]
fn the_newest_by_its_own_time_stays_and_everything_goes_offline() {
    let mut world = world("quiet-night");
    group(&mut world);
    assert!(put(&mut world, &record(1, &[]), json!({})).1["message"].as_str().unwrap().contains("is Creating"));
    later(&mut world, MINUTE);
    let now = world.now().secs();
    assert_eq!(get(&mut world, ""), json!({}), "what is not there is no error");
    for (at, n) in [(now, "7"), (now - 60, "6"), (now + 5, "8")] {
        assert_eq!(put(&mut world, &record(at, &[("n", n)]), json!({})).0, 200, "{n}");
        let shown = if n == "6" { "7" } else { n };
        assert_eq!(value(&get(&mut world, ""), "n"), shown, "an older write does not replace a newer one");
    }
    let one = get(&mut world, "&FeatureName=n&FeatureName=id");
    assert_eq!(one["Record"].as_array().unwrap().len(), 2);
    later(&mut world, 15 * MINUTE);
    let home = ok(&mut world, "DescribeFeatureGroup", &json!({"FeatureGroupName": "Cards"}));
    assert!(home["OnlineStoreTotalSizeBytes"].as_u64().unwrap() > 0);
    let home = home["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"].as_str().unwrap().to_owned();
    let files: Vec<_> = world.s3.list("own", home.strip_prefix("s3://own/").unwrap()).collect();
    let lines: Vec<Value> =
        std::str::from_utf8(&files[0].1.body).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(
        (files.len(), lines.iter().map(|line| line["n"].as_i64().unwrap()).collect::<Vec<_>>()),
        (1, vec![7, 6, 8])
    );
    let about = json!({"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "PutRecord"}]});
    assert_eq!(
        call(&mut world, "cloudtrail", "LookupEvents", &about).1["Events"],
        json!([]),
        "data events are not kept"
    );
}

#[test]
fn what_does_not_fit_the_features_is_refused() {
    let mut world = world("quiet-night");
    group(&mut world);
    later(&mut world, MINUTE);
    let now = world.now().secs();
    let twice = [record(now, &[]), record(now, &[])].concat();
    for (record, more, words) in [
        (record(now, &[("n", "1.5")]), json!({}), "not of type Integral"),
        (record(now, &[("colour", "red")]), json!({}), "does not exist in feature group"),
        (twice, json!({}), "is in the record twice"),
        (record(now, &[])[1..].to_vec(), json!({}), "no value of feature id"),
        (
            vec![record(now, &[])[0].clone(), json!({"FeatureName": "at", "ValueAsString": "2026-11-23T00:00:00Z"})],
            json!({}),
            "not of type Fractional",
        ),
        (
            record(now, &[]),
            json!({"TargetStores": ["OfflineStore"], "TtlDuration": {"Unit": "Days", "Value": 1}}),
            "OnlineStore only",
        ),
    ] {
        let (status, said) = put(&mut world, &record, more);
        assert_eq!((status, &said["__type"]), (400, &json!("ValidationError")));
        assert!(said["message"].as_str().unwrap().contains(words), "{words}: {said}");
    }
    let (status, said) = rest(&mut world, "GET", "/FeatureGroup/none?RecordIdentifierValueAsString=x", &Value::Null);
    assert_eq!((status, &said["__type"]), (404, &json!("ResourceNotFound")));
    assert_eq!(get(&mut world, "&FeatureName=colour")["__type"], "ValidationError");
}

#[test]
fn records_expire_and_are_deleted_softly_or_hard() {
    let mut world = world("quiet-night");
    group(&mut world);
    later(&mut world, MINUTE);
    let now = world.now().secs();
    put(&mut world, &record(now, &[("n", "1")]), json!({"TtlDuration": {"Unit": "Hours", "Value": 1}}));
    assert_eq!(
        get(&mut world, "&ExpirationTimeResponse=Enabled")["ExpiresAt"],
        world.now().plus(HOUR).floor(1_000).iso()
    );
    later(&mut world, HOUR + MINUTE);
    assert_eq!(get(&mut world, ""), json!({}));

    let delete = |world: &mut World, at: i64, mode: &str| {
        let path = format!("/FeatureGroup/Cards?RecordIdentifierValueAsString=c1&EventTime={at}&DeletionMode={mode}");
        assert_eq!(rest(world, "DELETE", &path, &Value::Null).0, 200);
    };
    let now = world.now().secs();
    put(&mut world, &record(now, &[("n", "2")]), json!({}));
    delete(&mut world, now + 10, "SoftDelete");
    assert_eq!(get(&mut world, ""), json!({}));
    put(&mut world, &record(now + 5, &[("n", "3")]), json!({}));
    assert_eq!(get(&mut world, ""), json!({}), "older than the deletion");
    put(&mut world, &record(now + 20, &[("n", "4")]), json!({}));
    assert_eq!(value(&get(&mut world, ""), "n"), "4");
    delete(&mut world, now + 30, "HardDelete");
    put(&mut world, &record(now, &[("n", "5")]), json!({}));
    assert_eq!(value(&get(&mut world, ""), "n"), "5", "nothing is remembered of it");

    let wanted = json!({"Identifiers": [
        {"FeatureGroupName": "Cards", "RecordIdentifiersValueAsString": ["c1", "c2"], "FeatureNames": ["n"]},
        {"FeatureGroupName": "none", "RecordIdentifiersValueAsString": ["x"]},
        {"FeatureGroupName": "fraud-cards", "RecordIdentifiersValueAsString": ["card_id-1003"]},
    ]});
    let (_, batch) = rest(&mut world, "POST", "/BatchGetRecord", &wanted);
    assert_eq!(batch["Records"].as_array().unwrap().len(), 2, "{batch}");
    assert_eq!(batch["Records"][0]["Record"], json!([{"FeatureName": "n", "ValueAsString": "5"}]));
    assert_eq!(batch["Errors"][0]["ErrorCode"], "ResourceNotFound");
}

#[test]
fn what_has_the_name_of_a_group_and_is_none_takes_no_records_along() {
    let mut world = world("quiet-night");
    group(&mut world);
    later(&mut world, MINUTE);
    let now = world.now().secs();
    assert_eq!(put(&mut world, &record(now, &[("n", "7")]), json!({})).0, 200);
    let context = json!({"ContextName": "cards", "ContextType": "t", "Source": {"SourceUri": "s3://own/c"}});
    ok(&mut world, "CreateContext", &context);
    ok(&mut world, "DeleteContext", &json!({"ContextName": "cards"}));
    assert_eq!(value(&get(&mut world, ""), "n"), "7");
}

#[test]
fn a_record_that_has_expired_is_gone_for_good() {
    let mut world = world("quiet-night");
    group(&mut world);
    later(&mut world, MINUTE);
    let now = world.now().secs();
    let short = json!({"TtlDuration": {"Unit": "Minutes", "Value": 2}});
    assert_eq!(put(&mut world, &record(now, &[("n", "7")]), short).0, 200);
    later(&mut world, HOUR);
    // Older than what was there: that has been deleted meanwhile.
    assert_eq!(put(&mut world, &record(now - 60, &[("n", "6")]), json!({})).0, 200);
    assert_eq!(value(&get(&mut world, ""), "n"), "6");
}

#[test]
fn expired_records_take_no_room_from_others() {
    let mut world = world("quiet-night");
    group(&mut world);
    later(&mut world, MINUTE);
    let held = world.shelf.records.held;
    let now = world.now().secs();
    let short = json!({"TtlDuration": {"Unit": "Minutes", "Value": 2}});
    for n in 0..20 {
        let mut one = record(now, &[]);
        one[0]["ValueAsString"] = json!(format!("c{n}"));
        assert_eq!(put(&mut world, &one, short.clone()).0, 200);
    }
    assert_eq!(world.shelf.records.held, held + 20);
    later(&mut world, HOUR);
    assert_eq!(world.shelf.records.held, held);
}
