use serde_json::{Value, json};

use super::*;
use crate::{fault::FaultKind, ops::target::Kind};

const NOW: Timestamp = Timestamp::from_millis(1_795_400_000_000);

fn owner(who: &str, host: &str) -> Owner {
    Owner { who: Text::new(who), host: Text::new(host), pid: 7 }
}

fn lock(owner: Owner, epoch: u64) -> Lock {
    Lock {
        scope: Scope::new("aws", "447100000921", "eu-west-1"),
        target: Target::new(Kind::Endpoint, Text::new("fraud-prod")),
        owner,
        plan: Text::new("1a2b3c4d"),
        what: Text::new("Roll back fraud-prod: v18 → v17"),
        since: NOW,
        expires: NOW.plus(LEASE),
        epoch,
        reason: None,
        freed: None,
    }
}

/// The row that this request leaves, where its condition holds: DynamoDB's expressions as far as ours go.
fn written(row: Option<&Value>, request: &Request) -> Option<Value> {
    let body = &request.body;
    let name = |alias: &str| body["ExpressionAttributeNames"][alias].as_str().expect("a name").to_owned();
    let value = |alias: &str| body["ExpressionAttributeValues"][alias].clone();
    let met = body["ConditionExpression"].as_str().expect("a condition").split(" AND ").all(|part| {
        if let Some(alias) = part.strip_prefix("attribute_not_exists(").and_then(|rest| rest.strip_suffix(')')) {
            return row.is_none_or(|row| row.get(name(alias)).is_none());
        }
        let (alias, wanted) = part.split_once(" = ").expect("a comparison");
        row.is_some_and(|row| row[name(alias)] == value(wanted))
    });
    if !met {
        return None;
    }
    let mut out = row.cloned().unwrap_or_else(|| body["Key"].clone());
    let expression = body["UpdateExpression"].as_str().expect("an update").strip_prefix("SET ").expect("it sets");
    let (set, remove) = expression.split_once(" REMOVE ").unwrap_or((expression, ""));
    for part in set.split(", ") {
        let (alias, new) = part.split_once(" = ").expect("an assignment");
        out[name(alias)] = value(new);
    }
    for alias in remove.split(", ").filter(|alias| !alias.is_empty()) {
        out.as_object_mut().expect("a row").remove(&name(alias));
    }
    Some(out)
}

fn table() -> Text {
    Text::new("mldeck-team")
}

#[test]
fn a_lock_comes_back_from_its_row() {
    let mut mine = lock(owner("anna", "web-1"), 0);
    mine.reason = Some(Text::new("INC-42"));
    let row = written(None, &take(&table(), &mine, 0)).expect("nobody has it");
    assert_eq!(lock_of(&row), Some(Lock { epoch: 1, ..mine }));
    assert_eq!(row[RANGE_KEY]["S"], "lock#endpoint#fraud-prod");
    assert_eq!(lock_of(&json!({"scope": {"S": "x"}})), None);
}

#[test]
fn every_alias_is_used_and_every_write_has_a_condition() {
    let lock = lock(owner("anna", "web-1"), 3);
    let record = Shared {
        host: Text::new("web-1"),
        seq: 5,
        hash: Text::new("ab"),
        at: NOW,
        op: Text::new("1a2b3c4d"),
        body: "{}".to_owned(),
    };
    let requests = [
        take(&table(), &lock, 0),
        take(&table(), &lock, 2),
        renew(&table(), &lock, NOW),
        give_back(&table(), &lock, NOW),
        upload(&table(), &lock.scope, &record),
    ];
    for request in requests {
        let body = &request.body;
        let said = format!("{} {}", body["UpdateExpression"], body["ConditionExpression"]);
        assert!(!body["ConditionExpression"].is_null(), "{body}");
        for names in ["ExpressionAttributeNames", "ExpressionAttributeValues"] {
            for alias in body[names].as_object().into_iter().flatten().map(|(alias, _)| alias) {
                assert!(said.contains(alias.as_str()), "{alias} is not used in {said}");
            }
        }
    }
}

#[test]
fn of_two_who_read_the_same_row_one_gets_the_lock() {
    let (anna, bo) = (lock(owner("anna", "web-1"), 0), lock(owner("bo", "web-2"), 0));
    let row = written(None, &take(&table(), &anna, 0)).expect("the first one");
    assert_eq!(written(Some(&row), &take(&table(), &bo, 0)), None);
    let held = lock_of(&row).expect("a lock");
    assert_eq!(judge(Some(&held), &anna, false, NOW), Judged::Ours(held.clone()));
    assert_eq!(judge(Some(&held), &bo, false, NOW.plus(LEASE)), Judged::Other(held.clone()));
    // It ran out: both see that, and again one gets it. The other one's epoch is not there any more.
    let late = NOW.plus(LEASE + DOUBT);
    let cy = lock(owner("cy", "web-3"), 0);
    for who in [&bo, &cy] {
        assert_eq!(judge(Some(&held), who, false, late), Judged::Take { epoch: 1 });
    }
    let row = written(Some(&row), &take(&table(), &bo, 1)).expect("bo was faster");
    assert_eq!(written(Some(&row), &take(&table(), &cy, 1)), None);
    assert_eq!(written(Some(&row), &renew(&table(), &held, late)), None, "anna has lost it");
    assert_eq!(written(Some(&row), &give_back(&table(), &held, late)), None, "and cannot give it back");
    assert_eq!(lock_of(&row).map(|lock| lock.epoch), Some(2));
}

#[test]
fn renewed_and_given_back_any_number_of_times() {
    let mine = lock(owner("anna", "web-1"), 1);
    let row = written(None, &take(&table(), &mine, 0)).expect("free");
    let until = NOW.plus(2 * LEASE);
    let once = written(Some(&row), &renew(&table(), &mine, until)).expect("ours");
    assert_eq!(written(Some(&once), &renew(&table(), &mine, until)), Some(once.clone()));
    assert_eq!(lock_of(&once).map(|lock| lock.expires), Some(until));
    let freed = written(Some(&once), &give_back(&table(), &mine, NOW)).expect("ours");
    let told = lock_of(&freed).expect("a lock");
    assert!(!told.stands(NOW) && told.freed == Some(NOW));
    assert_eq!(written(Some(&freed), &renew(&table(), &mine, until)), None, "what was given back is not renewed");
    // The next one's epoch goes on from there: an answer that is late never names it.
    let bo = lock(owner("bo", "web-2"), 0);
    assert_eq!(judge(Some(&told), &bo, false, NOW), Judged::Take { epoch: 1 });
    let next = written(Some(&freed), &take(&table(), &bo, 1)).expect("free");
    assert_eq!(lock_of(&next).map(|lock| (lock.epoch, lock.freed)), Some((2, None)));
}

#[test]
fn the_way_back_is_forced_and_its_reason_stands_in_the_row() {
    let held = lock(owner("anna", "web-1"), 4);
    let mut bo = lock(owner("bo", "web-2"), 0);
    bo.reason = Some(Text::new("INC-42"));
    assert_eq!(judge(Some(&held), &bo, true, NOW), Judged::Take { epoch: 4 });
    assert_eq!(judge(Some(&held), &bo, false, NOW), Judged::Other(held.clone()));
    assert!(held.told().contains("anna on web-1 (process 7), plan 1a2b3c4d"), "{}", held.told());
    let line = held.cli_to_free(&table());
    assert!(line.starts_with("aws dynamodb update-item --table-name mldeck-team"), "{line}");
    assert!(line.contains("lock#endpoint#fraud-prod") && line.ends_with("--region eu-west-1"), "{line}");
}

#[test]
fn a_table_is_made_by_a_line_that_can_be_copied() {
    let line = create(&table()).cli("eu-west-1");
    assert_eq!(
        line,
        "aws dynamodb create-table --table-name mldeck-team --attribute-definitions \
         AttributeName=scope,AttributeType=S AttributeName=row,AttributeType=S --billing-mode PAY_PER_REQUEST \
         --key-schema AttributeName=scope,KeyType=HASH AttributeName=row,KeyType=RANGE --region eu-west-1"
    );
}

#[test]
fn what_is_wrong_with_the_table_is_said_in_a_few_words() {
    let denied = FaultKind::Denied { action: Text::new("dynamodb:UpdateItem") };
    assert_eq!(brief(&Fault::new(denied, "writing the team lock", "")), "no permission (dynamodb:UpdateItem)");
}
