//! Writes: none without leave, none twice, and a lost answer is unknown.

use mldeck_core::{
    ask::{Sent, Write},
    fault::FaultKind,
    ops::call::{self, Call, UpdateEndpoint, VariantChange, abort_alarm},
    resource::endpoint::{BlueGreen, Deployment, Policy, Routing, Size},
    scope::Scope,
    text::Text,
    time::HOUR,
};
use mldeck_gateway::{Class, Gateway, Grant};
use mldeck_sandbox::faults::{Kind, Rule};
use serde_json::json;

use crate::support::{Sandbox, answer, error, json as reply, sandbox, scope, scripted};

fn text(raw: &str) -> Text {
    Text::new(raw)
}

fn calls() -> Vec<Call> {
    let endpoint = text("fraud-prod");
    let blue_green = BlueGreen {
        routing: Routing::Canary(Size::Percent(10)),
        wait_secs: 300,
        termination_wait_secs: 120,
        max_execution_secs: Some(3_600),
    };
    let deployment =
        Deployment { policy: Policy::BlueGreen(blue_green), alarms: vec![text("mldeck-abort-fraud-prod")] };
    let update = UpdateEndpoint {
        endpoint: endpoint.clone(),
        config: text("fraud-prod-v17"),
        retain_all: true,
        deployment: Some(deployment),
    };
    let arn = text("arn:aws:sagemaker:eu-west-1:447100000921:endpoint/fraud-prod");
    vec![
        call::put_abort_alarm(&endpoint),
        call::add_tags(&arn, &[(text("mldeck:plan"), text("abcd1234"))]),
        call::update_weights(&endpoint, &[VariantChange { variant: text("blue"), weight: Some(1.0), count: None }]),
        update.call(),
        call::put_abort_metric(&endpoint),
        call::trip_alarm(&abort_alarm(&endpoint), "stop it"),
    ]
}

fn write(call: Call) -> Write {
    Write { call, plan: text("abcd1234") }
}

async fn world() -> (Sandbox, Gateway) {
    let sandbox = sandbox("quiet-night");
    let gateway = sandbox.gateway().await;
    (sandbox, gateway)
}

fn written(sandbox: &Sandbox) -> Vec<String> {
    let seen = sandbox.peer.seen().into_iter();
    seen.filter(|seen| seen.what.class == Class::Write).map(|seen| seen.what.operation).collect()
}

#[tokio::test]
async fn without_leave_no_write_leaves() {
    let (sandbox, gateway) = world().await;
    let now = gateway.now();
    let elsewhere = Scope::new("aws", "447100000921", "us-east-1");
    let somebody = Scope::new("aws", "000000000000", "eu-west-1");
    for call in calls() {
        let write = write(call);
        let others: Vec<Call> = calls().into_iter().filter(|c| c.operation() != write.call.operation()).collect();
        let grants = [
            Grant::armed(elsewhere.clone(), now),
            Grant::armed(somebody.clone(), now),
            Grant::armed(scope(), now.plus(-HOUR)),
            Grant::for_plan(scope(), text("ffff0000"), [&write.call], now.plus(HOUR)),
            Grant::for_plan(scope(), write.plan.clone(), &others, now.plus(HOUR)),
        ];
        for grant in grants {
            let Sent::Refused(fault) = gateway.send(&write, &grant).await else { panic!("{grant:?} let it pass") };
            assert_eq!(fault.kind, FaultKind::Refused, "{fault}");
        }
    }
    assert_eq!(written(&sandbox), Vec::<String>::new());
}

#[tokio::test]
async fn with_leave_every_call_is_one_write_on_the_wire() {
    let (sandbox, gateway) = world().await;
    for call in calls() {
        sandbox.peer.forget();
        let write = write(call);
        let grant = Grant::for_plan(scope(), write.plan.clone(), [&write.call], gateway.now().plus(HOUR));
        let sent = gateway.send(&write, &grant).await;
        // The world may say no to one of them; each reached it, once, as the operation it is.
        assert!(!matches!(sent, Sent::Unknown(_)), "{sent:?}");
        assert_eq!(written(&sandbox), [write.call.operation()], "{sent:?}");
        let last = gateway.calls().pop().expect("a call");
        assert!(last.write && last.operation == write.call.operation());
    }
}

#[tokio::test]
async fn the_body_is_what_the_call_says() {
    let (gateway, peer) = scripted(|seen| match seen.what.operation.as_str() {
        "GetCallerIdentity" => identity(),
        _ => reply(200, &json!({"EndpointArn": "arn"})),
    })
    .await;
    for call in calls() {
        peer.forget();
        let write = write(call);
        let sent = gateway.send(&write, &Grant::armed(scope(), gateway.now())).await;
        assert_eq!(sent, Sent::Applied { request_id: Some(text("req-1")), made: Some(text("arn")) });
        let seen = peer.seen().pop().expect("a request");
        assert_eq!(seen.json(), write.call.body, "what the plan shows");
        assert!(seen.header("user-agent").is_some_and(|agent| agent.contains("mldeck-plan#abcd1234")), "{seen:?}");
    }
}

pub(crate) fn identity() -> crate::support::End {
    let body = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                <Arn>arn:aws:sts::447100000921:assumed-role/OnCall/anna</Arn><UserId>A:anna</UserId>\
                <Account>447100000921</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    answer(200, "text/xml", body)
}

#[tokio::test]
async fn a_write_is_never_repeated_and_a_lost_answer_is_unknown() {
    let cases = [
        (Kind::LostResponse, true),
        (Kind::Stall, true),
        (Kind::ServerError, true),
        (Kind::HtmlError, true),
        (Kind::Throttle, false),
        (Kind::AccessDenied, false),
        (Kind::ExpiredToken, false),
    ];
    for (kind, unknown) in cases {
        let (sandbox, gateway) = world().await;
        let write = write(calls().remove(2));
        sandbox.world.lock().unwrap().faults().add(Rule::once(write.call.operation(), kind.clone()));
        let sent = gateway.send(&write, &Grant::armed(scope(), gateway.now())).await;
        assert_eq!(matches!(sent, Sent::Unknown(_)), unknown, "{kind:?}: {sent:?}");
        assert_eq!(matches!(sent, Sent::Refused(_)), !unknown, "{kind:?}: {sent:?}");
        assert_eq!(written(&sandbox).len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_page_of_html_after_a_write_is_unknown_and_its_text_goes_no_further() {
    for status in [200, 404, 500, 502] {
        let (gateway, peer) = scripted(move |seen| match seen.what.operation.as_str() {
            "GetCallerIdentity" => identity(),
            _ => answer(status, "text/html", "<html>secret page</html>"),
        })
        .await;
        let sent = gateway.send(&write(calls().remove(3)), &Grant::armed(scope(), gateway.now())).await;
        let said = format!("{sent:?}");
        assert!(!said.contains("secret page"), "{said}");
        assert!(matches!(sent, Sent::Unknown(_)), "{status}: {said}");
        assert_eq!(peer.operations(), ["GetCallerIdentity", "UpdateEndpoint"]);
    }
}

#[tokio::test]
async fn nothing_is_sent_when_nobody_knows_who_we_are() {
    let (gateway, peer) = scripted(|_| error(403, "ExpiredTokenException", "expired")).await;
    let sent = gateway.send(&write(calls().remove(3)), &Grant::armed(scope(), gateway.now())).await;
    assert!(matches!(sent, Sent::Refused(_)), "{sent:?}");
    assert!(peer.seen().iter().all(|seen| seen.what.class != Class::Write));
}
