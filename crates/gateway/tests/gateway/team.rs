//! The table that hosts share, on the wire: what is written, under which leave, and what a lost answer means. DynamoDB's own
//! conditions are judged in `tests/peers/team.rs`, by a server.

use std::sync::{Arc, Mutex};

use mldeck_core::{
    ask::{Answer, Ask},
    fault::FaultKind,
    ops::{
        intent::{Choice, Intent},
        target::{Kind, Target},
        team::{LEASE, Lock, Owner, RowAction, Shared, Table, Verdict, Want},
    },
    scope::Scope,
    text::Text,
    time::Timestamp,
};
use mldeck_gateway::{Class, Gateway, TeamLeave};
use serde_json::{Value, json};

use crate::{
    support::{End, Peer, error, in_team, json as reply, sandbox, scope},
    writes::identity,
};

fn text(raw: &str) -> Text {
    Text::new(raw)
}

fn wanted(who: &str, at: Timestamp) -> Lock {
    Lock {
        scope: scope(),
        target: Target::new(Kind::Endpoint, text("fraud-prod")),
        owner: Owner { who: text(who), host: text("web-1"), pid: 7 },
        plan: text("1a2b3c4d"),
        what: text("Roll back fraud-prod"),
        since: at,
        expires: at.plus(LEASE),
        epoch: 0,
        reason: None,
        freed: None,
    }
}

fn leave() -> TeamLeave {
    TeamLeave::rows(scope(), text("mldeck-team"))
}

/// The row of a lock, as DynamoDB gives it.
fn row(lock: &Lock) -> Value {
    json!({
        "scope": {"S": "aws:447100000921:eu-west-1"}, "row": {"S": "lock#endpoint#fraud-prod"},
        "who": {"S": lock.owner.who.raw()}, "host": {"S": lock.owner.host.raw()}, "pid": {"N": lock.owner.pid.to_string()},
        "plan": {"S": lock.plan.raw()}, "what": {"S": lock.what.raw()}, "epoch": {"N": lock.epoch.to_string()},
        "since": {"N": lock.since.millis().to_string()}, "expires": {"N": lock.expires.millis().to_string()},
    })
}

/// What happens to the next write of a row.
#[derive(Clone)]
enum Fate {
    Lands,
    /// Somebody was faster: this is the row now.
    Fails(Value),
    /// It lands, and its answer does not come: this is the row now.
    Lost(Value),
    Denied,
}

/// A table with at most one row.
async fn table(row: Option<Value>, fates: Vec<Fate>) -> (Gateway, Peer) {
    let state = Arc::new(Mutex::new((row, fates)));
    in_team(move |seen| {
        let mut state = state.lock().unwrap();
        match seen.what.operation.as_str() {
            "GetCallerIdentity" => identity(),
            "GetItem" => reply(200, &state.0.as_ref().map_or(json!({}), |row| json!({ "Item": row }))),
            "UpdateItem" | "PutItem" | "CreateTable" => match state.1.remove(0) {
                Fate::Lands => reply(200, &json!({})),
                Fate::Fails(now) => {
                    state.0 = Some(now);
                    error(
                        400,
                        "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
                        "The conditional request failed",
                    )
                }
                Fate::Lost(now) => {
                    state.0 = Some(now);
                    End::Broken
                }
                Fate::Denied => error(
                    400,
                    "com.amazon.coral.service#AccessDeniedException",
                    "User: anna is not authorized to perform: dynamodb:UpdateItem on resource: mldeck-team",
                ),
            },
            other => panic!("{other} is not for this"),
        }
    })
    .await
}

fn written(peer: &Peer) -> Vec<String> {
    let seen = peer.seen().into_iter();
    seen.filter(|seen| seen.what.class == Class::Write).map(|seen| seen.what.operation).collect()
}

#[tokio::test]
async fn a_free_lock_is_taken_by_one_write_on_a_condition() {
    let (gateway, peer) = table(None, vec![Fate::Lands]).await;
    let lock = wanted("anna", gateway.now());
    let Verdict::Held(held) = gateway.lock(&Want::Take(lock.clone()), &leave()).await else { panic!("held") };
    assert_eq!(held, Lock { epoch: 1, ..lock });
    assert_eq!(written(&peer), ["UpdateItem"]);
    let sent = peer.seen().pop().unwrap();
    assert_eq!(sent.header("x-amz-target"), Some("DynamoDB_20120810.UpdateItem"));
    assert_eq!(sent.header("content-type"), Some("application/x-amz-json-1.0"));
    assert!(sent.uri.starts_with("https://dynamodb.eu-west-1.amazonaws.com/"), "{}", sent.uri);
    assert!(sent.header("authorization").unwrap().contains("/eu-west-1/dynamodb/aws4_request"));
    let body = sent.json();
    assert_eq!(
        (&body["TableName"], &body["ConditionExpression"]),
        (&json!("mldeck-team"), &json!("attribute_not_exists(#epoch)"))
    );
    let read = peer.seen().into_iter().find(|seen| seen.what.operation == "GetItem").unwrap().json();
    assert_eq!(read["ConsistentRead"], true);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_read() {
    let (gateway, peer) = table(None, Vec::new()).await;
    let lock = wanted("anna", gateway.now());
    drop((gateway, peer));
    let (gateway, peer) = table(None, vec![Fate::Lost(row(&Lock { epoch: 1, ..lock.clone() }))]).await;
    let Verdict::Held(held) = gateway.lock(&Want::Take(lock), &leave()).await else { panic!("held") };
    assert_eq!((held.epoch, written(&peer).len()), (1, 1), "it is not written twice");
}

#[tokio::test]
async fn somebody_was_faster_or_has_it() {
    let (gateway, _) = table(None, Vec::new()).await;
    let now = gateway.now();
    let bo = Lock { epoch: 3, ..wanted("bo", now.plus(-1_000)) };
    let (gateway, peer) = table(None, vec![Fate::Fails(row(&bo))]).await;
    assert_eq!(gateway.lock(&Want::Take(wanted("anna", now)), &leave()).await, Verdict::Other(bo.clone()));
    assert_eq!(written(&peer).len(), 1);
    let (gateway, peer) = table(Some(row(&bo)), Vec::new()).await;
    assert_eq!(gateway.lock(&Want::Take(wanted("anna", now)), &leave()).await, Verdict::Other(bo.clone()));
    assert_eq!(written(&peer), [] as [&str; 0], "what is held is not written to");
    // Expired, or forced: on the condition of the very epoch that was read.
    let old = Lock { expires: now.plus(-10_000), ..bo.clone() };
    for (row_now, want) in [(row(&old), Want::Take(wanted("anna", now))), (row(&bo), Want::Force(wanted("anna", now)))]
    {
        let (gateway, peer) = table(Some(row_now), vec![Fate::Lands]).await;
        let Verdict::Held(held) = gateway.lock(&want, &leave()).await else { panic!("held") };
        assert_eq!(held.epoch, 4);
        let body = peer.seen().pop().unwrap().json();
        assert_eq!(
            (&body["ConditionExpression"], &body["ExpressionAttributeValues"][":read"]),
            (&json!("#epoch = :read"), &json!({"N": "3"}))
        );
    }
}

#[tokio::test]
async fn renewed_lost_and_given_back() {
    let (gateway, _) = table(None, Vec::new()).await;
    let mine = Lock { epoch: 2, ..wanted("anna", gateway.now()) };
    let bo = Lock { epoch: 3, ..wanted("bo", gateway.now()) };
    let (gateway, _) =
        table(Some(row(&mine)), vec![Fate::Lands, Fate::Fails(row(&bo)), Fate::Fails(row(&bo)), Fate::Denied]).await;
    assert!(matches!(gateway.lock(&Want::Renew(mine.clone()), &leave()).await, Verdict::Held(_)));
    assert_eq!(gateway.lock(&Want::Renew(mine.clone()), &leave()).await, Verdict::Other(bo));
    assert_eq!(gateway.lock(&Want::Free(mine.clone()), &leave()).await, Verdict::Free, "it was not ours any more");
    let Verdict::Unreachable(fault) = gateway.lock(&Want::Renew(mine), &leave()).await else { panic!("denied") };
    assert_eq!(fault.kind, FaultKind::Denied { action: text("dynamodb:UpdateItem") });
}

#[tokio::test]
async fn a_row_that_is_none_of_ours_is_no_free_lock() {
    let (gateway, peer) = table(Some(json!({"scope": {"S": "x"}, "row": {"S": "y"}})), Vec::new()).await;
    let verdict = gateway.lock(&Want::Force(wanted("anna", gateway.now())), &leave()).await;
    assert!(matches!(&verdict, Verdict::Unreachable(fault) if fault.kind == FaultKind::Unreadable), "{verdict:?}");
    assert_eq!(written(&peer), [] as [&str; 0]);
}

#[tokio::test]
async fn no_row_leaves_without_leave_for_that_table_in_that_place() {
    let (gateway, peer) = table(None, Vec::new()).await;
    let lock = wanted("anna", gateway.now());
    let elsewhere = Scope::new("aws", "447100000921", "us-east-1");
    for leave in
        [TeamLeave::rows(elsewhere.clone(), text("mldeck-team")), TeamLeave::creation(scope(), text("mldeck-team"))]
    {
        let Verdict::Unreachable(fault) = gateway.lock(&Want::Take(lock.clone()), &leave).await else {
            panic!("{leave:?}")
        };
        assert_eq!(fault.kind, FaultKind::Refused);
    }
    let of_another = Lock { scope: elsewhere, ..lock };
    assert!(matches!(gateway.lock(&Want::Take(of_another), &leave()).await, Verdict::Unreachable(_)));
    assert_eq!(gateway.create_team_table(&leave()).await.unwrap_err().kind, FaultKind::Refused);
    assert_eq!(written(&peer), [] as [&str; 0]);
}

#[tokio::test]
async fn a_record_that_is_there_already_is_shared() {
    let record = Shared {
        host: text("web-1"),
        seq: 5,
        hash: text("abcdef"),
        at: Timestamp::from_millis(1_795_400_000_000),
        op: text("1a2b3c4d"),
        body: "{}".to_owned(),
    };
    let (gateway, peer) = table(None, vec![Fate::Lands, Fate::Fails(json!({})), Fate::Denied]).await;
    for _ in 0..2 {
        gateway.share(&scope(), &record, &leave()).await.expect("shared");
    }
    assert!(gateway.share(&scope(), &record, &leave()).await.is_err());
    let bodies: Vec<Value> =
        peer.seen().iter().filter(|seen| seen.what.operation == "PutItem").map(|seen| seen.json()).collect();
    assert_eq!(bodies[0], bodies[1], "under the same key");
    assert_eq!(bodies[0]["Item"]["row"]["S"], "record#01795400000000#1a2b3c4d#000005#abcdef");
    assert_eq!(bodies[0]["ConditionExpression"], "attribute_not_exists(#row)");
}

#[tokio::test]
async fn the_table_is_known_by_its_keys() {
    let described = |first: &str, status: &str| {
        json!({"Table": {"TableStatus": status, "KeySchema": [
            {"AttributeName": first, "KeyType": "HASH"}, {"AttributeName": "row", "KeyType": "RANGE"},
        ]}})
    };
    let cases = [
        (reply(200, &described("scope", "ACTIVE")), Table::Ready),
        (reply(200, &described("scope", "CREATING")), Table::Making(text("CREATING"))),
        (reply(200, &described("id", "ACTIVE")), Table::Other("id HASH, row RANGE".to_owned())),
        (error(400, "ResourceNotFoundException", "Requested resource not found"), Table::Missing),
    ];
    for (end, wanted) in cases {
        let end = Arc::new(Mutex::new(Some(end)));
        let (gateway, _) = in_team(move |seen| match seen.what.operation.as_str() {
            "GetCallerIdentity" => identity(),
            _ => end.lock().unwrap().take().expect("one question"),
        })
        .await;
        assert_eq!(gateway.ask(&Ask::TeamTable).await, Ok(Answer::TeamTable(wanted)));
    }
}

#[test]
fn the_policy_of_the_documentation_names_what_is_asked_and_nothing_else() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/iam/team.json");
    let policy: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let statements = policy["Statement"].as_array().unwrap().iter();
    let mut named: Vec<&str> =
        statements.flat_map(|one| one["Action"].as_array().unwrap()).map(|action| action.as_str().unwrap()).collect();
    let mut asked: Vec<String> = ["DescribeTable", "GetItem", "Query"].map(ToOwned::to_owned).into();
    asked.extend(RowAction::ALL.map(|action| action.name().to_owned()));
    let mut asked: Vec<String> = asked.iter().map(|name| format!("dynamodb:{name}")).collect();
    named.sort_unstable();
    asked.sort_unstable();
    assert_eq!(named, asked);
}

#[tokio::test]
async fn without_a_team_no_table_is_asked() {
    let sandbox = sandbox("quiet-night");
    let gateway = sandbox.gateway().await;
    let intent = Box::new(Intent::back_out(text("fraud-prod"), Choice::default()));
    let Ok(Answer::Facts(facts)) = gateway.ask(&Ask::Facts { intent, deep: false }).await else { panic!("facts") };
    assert_eq!(facts.lock, None);
    assert!(sandbox.peer.seen().iter().all(|seen| seen.what.service != "dynamodb"));
    assert_eq!(gateway.ask(&Ask::TeamLocks).await.unwrap_err().kind, FaultKind::Setup);
}
