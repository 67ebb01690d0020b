//! The way back of an inference component, against the account.

use mldeck_core::{
    ask::{Answer, Ask},
    ops::intent::{Choice, Intent},
    resource::operation::OperationState,
    text::Text,
};
use serde_json::json;

use crate::promote::{call, carried_out, describe, judged, world, written};

const SUPPORT: &str = "/Specification/Container/ArtifactUrl";

#[tokio::test]
async fn an_adapter_goes_back_to_what_cloudtrail_says_it_was() {
    let (sandbox, gateway) = world("bad-adapter").await;
    let intent = Intent::back_out(Text::new("assistant"), Choice::default());
    let ask = |deep| Ask::Facts { intent: Box::new(intent.clone()), deep };
    let Ok(Answer::Facts(quick)) = gateway.ask(&ask(false)).await else { panic!("no facts") };
    let refusals = judged(&intent, &quick, gateway.now()).expect_err("CloudTrail was not asked");
    assert!(refusals[0].text.contains("is being looked for in CloudTrail"), "{refusals:#?}");
    let Ok(Answer::Facts(deep)) = gateway.ask(&ask(true)).await else { panic!("no facts") };
    let plan = judged(&intent, &quick.and(*deep), gateway.now()).expect("a plan");
    assert_eq!(plan.title(), "Roll back assistant-support: support/v7 → support/v6");
    sandbox.peer.forget();
    let (state, said) = carried_out(&sandbox, &gateway, plan).await;
    assert_eq!(
        (state, written(&sandbox)),
        (OperationState::Done, vec!["UpdateInferenceComponent".to_owned()]),
        "{said:#?}"
    );
    let seen = describe(&sandbox, "DescribeInferenceComponent", "InferenceComponentName", "assistant-support");
    let artifact = seen.pointer(SUPPORT).and_then(|url| url.as_str());
    assert_eq!(artifact, Some("s3://acme-assistant/adapters/support/v6/adapter.tar.gz"));
}

#[tokio::test]
async fn a_change_by_somebody_else_meanwhile_stops_it() {
    let (sandbox, gateway) = world("bad-adapter").await;
    let intent = Intent::back_out(Text::new("assistant"), Choice::default());
    let ask = Ask::Facts { intent: Box::new(intent.clone()), deep: true };
    let Ok(Answer::Facts(facts)) = gateway.ask(&ask).await else { panic!("no facts") };
    let plan = judged(&intent, &facts, gateway.now()).expect("a plan");
    let theirs = json!({"InferenceComponentName": "assistant-support", "Specification": {
        "BaseInferenceComponentName": "assistant-base",
        "Container": {"ArtifactUrl": "s3://acme-assistant/adapters/support/v5/adapter.tar.gz"},
    }});
    call(&mut sandbox.world.lock().unwrap(), "sagemaker", "SageMaker.UpdateInferenceComponent", &theirs);
    sandbox.peer.forget();
    let (state, said) = carried_out(&sandbox, &gateway, plan).await;
    assert_eq!((state, written(&sandbox)), (OperationState::Refused, Vec::new()), "{said:#?}");
}
