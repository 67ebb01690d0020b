//! Two accounts, two sessions: each has its own leave, and what is of the one is asked of no other.

use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use mldeck_core::{
    ask::{Answer, Ask, Sent, Write},
    fault::FaultKind,
    ops::{
        Facts,
        call::{self, Approval, Call},
        intent::{Change, Intent, Rollout},
        origin::Origin,
        target::{Kind, Target},
    },
    scope::{Identity, Scope},
    text::Text,
    time::HOUR,
};
use mldeck_gateway::{Class, Connect, Gateway, Grant};
use mldeck_sandbox::{
    Options, Scenario, World,
    accounts::{self, Second},
};

use crate::{
    promote::{call as called, text},
    support::{Peer, ended, scope},
};

const OTHER: &str = "112233445566";

fn there() -> Scope {
    Scope::new("aws", OTHER, "eu-west-1")
}

/// Both sessions, and what each of them sent.
struct Both {
    here: (Gateway, Peer),
    there: (Gateway, Peer),
}

impl Both {
    async fn start() -> Self {
        let scenario = || Scenario::named("quiet-night").expect("a scenario");
        let world = |seed| World::new(Options { seed, scenario: scenario(), start: scenario().start });
        let mut second = Second::new(world(448), OTHER).expect("a number");
        let policy = serde_json::json!({"Statement": []}).to_string();
        let put = serde_json::json!({"ModelPackageGroupName": "fraud", "ResourcePolicy": policy});
        called(second.world(), "sagemaker", "SageMaker.PutModelPackageGroupPolicy", &put);
        let both = Arc::new(Mutex::new((world(447), second)));
        let session = async |key: &str| {
            let both = Arc::clone(&both);
            let peer = Peer::new(move |_, request| {
                let mut both = both.lock().unwrap();
                let (first, second) = &mut *both;
                ended(accounts::deliver(first, second, request))
            });
            let connect = Connect {
                speed: 10_000.0,
                credentials: Some(Credentials::new(key, "s", None, None, "test")),
                now: Some(mldeck_gateway::time_source(move || scenario().start)),
                ..mldeck_loopback::connect(peer.clone())
            };
            (Gateway::connect(connect).await.expect("connects"), peer)
        };
        Self { here: session("AKIA1").await, there: session(OTHER).await }
    }
}

async fn who(gateway: &Gateway) -> Identity {
    match gateway.ask(&Ask::Identity).await {
        Ok(Answer::Identity(identity)) => identity,
        other => panic!("{other:?}"),
    }
}

fn version(account: &str) -> Text {
    text(&format!("arn:aws:sagemaker:eu-west-1:{account}:model-package/fraud/18"))
}

fn approve(account: &str) -> Call {
    let mut call = call::approve(&version(account), Approval::Approved, "OPS-7");
    call.body["ClientToken"] = "mldeck-abcd1234-approved".into();
    call
}

fn writes(peer: &Peer) -> usize {
    peer.seen().iter().filter(|seen| seen.what.class == Class::Write).count()
}

#[tokio::test]
async fn a_call_of_the_one_with_leave_of_the_other_never_leaves() {
    let both = Both::start().await;
    let (here, there_is) = (who(&both.here.0).await, who(&both.there.0).await);
    assert_eq!((&here.scope, &there_is.scope), (&scope(), &there()));
    let plan = text("abcd1234");
    let of = |call: Call| Write { call, plan: plan.clone() };
    let until = both.here.0.now().plus(HOUR);
    let (ours, theirs) = (of(approve("447100000921")), of(approve(OTHER)));
    let leave = |at: &Identity, write: &Write| {
        Grant::for_plan(at.scope.clone(), plan.clone(), [&write.call], until).held_by(at.clone())
    };
    let (leave_here, leave_there) = (leave(&here, &ours), leave(&there_is, &theirs));
    // Leave of the other scope; leave of this scope for a call of the other; leave of somebody else who is signed in here.
    let auditor = Identity { arn: text("arn:aws:sts::112233445566:assumed-role/Auditor/eve"), ..there_is.clone() };
    let wrong = [
        (&both.there, &theirs, leave_here.clone()),
        (&both.here, &ours, leave_there.clone()),
        (&both.there, &ours, leave_there.clone()),
        (&both.here, &theirs, leave_here.clone()),
        (&both.there, &theirs, leave(&there_is, &theirs).held_by(auditor)),
    ];
    for ((gateway, peer), write, grant) in wrong {
        let Sent::Refused(fault) = gateway.send(write, &grant).await else { panic!("{grant:?} let it pass") };
        assert_eq!((fault.kind, writes(peer)), (FaultKind::Refused, 0), "{grant:?}");
    }
    for ((gateway, peer), write, grant) in [(&both.there, &theirs, leave_there), (&both.here, &ours, leave_here)] {
        let sent = gateway.send(write, &grant).await;
        assert!(matches!(sent, Sent::Applied { .. }), "{sent:?}");
        assert_eq!(writes(peer), 1);
    }
}

#[tokio::test]
async fn each_is_asked_for_what_is_its_own() {
    let both = Both::start().await;
    let origin = Origin { scope: there(), by: text("stan"), profile: text("staging"), way: None };
    let intent = Intent::from(Change::Promote {
        package: version(OTHER),
        endpoint: text("fraud-prod"),
        rollout: Rollout::Canary,
        accept: Vec::new(),
        origin: Some(origin),
    });
    let facts: Facts = both.here.0.facts_across(&both.there.0, &intent, false).await.expect("facts");
    let told = facts.origin.as_ref().expect("what the other account says");
    assert_eq!(told.policy, Ok(Some(text(r#"{"Statement":[]}"#))));
    assert_eq!(told.rules, Ok(Vec::new()));
    let artifact = text("s3://acme-st-models/fraud/v18/model.tar.gz");
    assert_eq!(told.exists, [(artifact.clone(), Ok(true))]);
    assert_eq!(facts.exists, [(artifact, Ok(true))], "and as it is seen from here");
    let seen = |account| facts.thing(&Target::new(Kind::ModelPackage, version(account)));
    assert!(matches!(seen(OTHER), Some(Ok(Some(_)))), "the version itself");
    let registered = facts.registered.as_ref().and_then(|read| read.as_ref().ok()).expect("the group here");
    assert_eq!((registered.latest, &registered.version), (18, &None));
    // Nothing of an endpoint is asked there, and nothing of the version here.
    let there: Vec<String> = both.there.1.operations();
    assert!(there.iter().all(|name| !name.contains("Endpoint")), "{there:?}");
    assert!(there.iter().any(|name| name == "GetModelPackageGroupPolicy"), "{there:?}");
    let here = both.here.1.seen();
    let named = |seen: &&crate::support::Seen| {
        seen.what.operation == "DescribeModelPackage" && String::from_utf8_lossy(&seen.body).contains(OTHER)
    };
    assert_eq!(here.iter().filter(named).count(), 0);
}
