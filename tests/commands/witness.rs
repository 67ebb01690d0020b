//! The AWS CLI as witness: what mldeck says that it did is what anybody can read of the account.

use serde_json::Value;

use crate::{
    account::{Account, ENDPOINT, GOOD, ended, id},
    support::peers::Peers,
};

#[test]
fn the_aws_cli_reads_what_the_ledger_tells() {
    let Some(peers) = Peers::find() else { return };
    let account = Account::start();
    let id = id(&account.run(&["rollback", ENDPOINT]));
    let done = account.run_through(account.command(&["rollback", ENDPOINT, "--write", "--confirm", &id]));
    ended(&done, 0, &["done"]);
    account.settle();
    let aws = |args: &[&str]| -> Value {
        let done = peers.aws(account.address(), args);
        assert_eq!(done.code, Some(0), "{done:?}");
        done.json()
    };
    let records = account.run(&["ledger", "-o", "json"]).json();
    let entries: Vec<&Value> = records.as_array().unwrap().iter().map(|record| &record["entry"]).collect();
    let plan = entries.iter().find_map(|entry| entry.pointer("/planned/plan")).unwrap();

    let endpoint = aws(&["sagemaker", "describe-endpoint", "--endpoint-name", ENDPOINT]);
    assert_eq!(
        (&endpoint["EndpointConfigName"], &endpoint["EndpointStatus"]),
        (&plan["to"]["config"], &"InService".into())
    );
    assert_eq!(plan["to"]["config"], GOOD);

    let arn = endpoint["EndpointArn"].as_str().unwrap();
    let tags = aws(&["sagemaker", "list-tags", "--resource-arn", arn]);
    let tag = |key: &str| {
        let tags = tags["Tags"].as_array().unwrap();
        tags.iter().find(|tag| tag["Key"] == key).map(|tag| tag["Value"].as_str().unwrap().to_owned())
    };
    assert_eq!(tag("mldeck:plan").as_deref(), Some(id.as_str()), "{tags}");
    assert_eq!(tag("mldeck:previous-config").as_deref(), plan["from"]["config"].as_str(), "{tags}");

    // Each call that the ledger says was accepted is in CloudTrail with its request id, and names the plan.
    let mut found = 0;
    for intent in entries.iter().filter_map(|entry| entry.get("intent")) {
        let operation = intent["operation"].as_str().unwrap();
        let outcome =
            entries.iter().filter_map(|entry| entry.get("outcome")).find(|out| out["step"] == intent["step"]).unwrap();
        let request =
            outcome.pointer("/sent/Applied/request_id").or_else(|| outcome.pointer("/sent/applied/request_id"));
        let request = request.and_then(Value::as_str).unwrap_or_else(|| panic!("{outcome}"));
        let attribute = format!("AttributeKey=EventName,AttributeValue={operation}");
        let events = aws(&["cloudtrail", "lookup-events", "--lookup-attributes", &attribute]);
        let told: Vec<Value> = events["Events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap())
            .collect();
        let event = told.iter().find(|event| event["requestID"] == request);
        let event = event.unwrap_or_else(|| panic!("{operation} {request} is not in CloudTrail: {told:#?}"));
        let agent = event["userAgent"].as_str().unwrap();
        assert!(agent.contains(&format!("md/mldeck-plan#{id}")), "{agent}");
        found += 1;
    }
    assert!(found >= 3, "{records:#}");
}
