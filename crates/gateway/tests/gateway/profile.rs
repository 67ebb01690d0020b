//! Whose credentials sign: what the environment of a process decides is tested in a process of its own.

use std::process::Command;

use mldeck_core::{
    ask::{Answer, Ask},
    fault::FaultKind,
    text::Text,
};
use mldeck_gateway::{Connect, Gateway};

use crate::support::{Peer, answer, over};

const FILE: &str = "[profile prod]\nregion = eu-central-1\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = s\n\
                    [profile bare]\nregion = eu-west-3\n";

/// Key and region that sign, and what the identity says it comes from.
async fn signs(profile: Option<&str>) -> Option<(String, Text)> {
    let peer = Peer::new(|_, _| {
        answer(
            200,
            "text/xml",
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Arn>arn:aws:iam::447100000921:user/anna</Arn><UserId>AIDA</UserId><Account>447100000921</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>",
        )
    });
    let connect = Connect { profile: profile.map(str::to_owned), ..over(&peer) };
    let gateway = Gateway::connect(connect).await.ok()?;
    let Answer::Identity(identity) = gateway.ask(&Ask::Identity).await.ok()? else { return None };
    let seen = peer.seen();
    let scope = seen.iter().find_map(|seen| seen.header("authorization"))?.split_once("Credential=")?.1.to_owned();
    let mut parts = scope.split('/');
    let (key, region) = (parts.next()?, parts.nth(1)?);
    Some((format!("{key} {region}"), identity.source))
}

/// Runs one of the ignored tests below with this environment and no other.
fn with(test: &str, environment: &[(&str, &str)]) {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.config"));
    std::fs::write(&file, FILE).expect("a file");
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    child.args(["--ignored", "--exact", &format!("profile::{test}")]).env_clear();
    child.env("AWS_CONFIG_FILE", &file).env("AWS_SHARED_CREDENTIALS_FILE", file.with_extension("none"));
    child.env("AWS_EC2_METADATA_DISABLED", "true").envs(environment.iter().copied());
    let output = child.output().expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

const KEYS: &[(&str, &str)] = &[("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT"), ("AWS_SECRET_ACCESS_KEY", "s")];

#[test]
fn a_named_profile_means_that_profile_whatever_keys_the_environment_has() {
    with("named_beside_keys", KEYS);
    with("named_alone", &[]);
}

#[tokio::test]
#[ignore = "started by another test, with its environment"]
async fn named_beside_keys() {
    assert_eq!(signs(Some("prod")).await, Some(("AKIDPROFILE eu-central-1".to_owned(), Text::new("profile prod"))));
    assert_eq!(signs(Some("bare")).await, None, "it has no credentials: nobody else's are taken");
    assert_eq!(
        refused(Some("none")).await,
        "--profile names `none`, which the AWS config and credentials files do not; there are: bare, prod"
    );
}

/// What connecting says when it does not.
async fn refused(profile: Option<&str>) -> String {
    let connect =
        Connect { profile: profile.map(str::to_owned), region: Some("eu-west-1".to_owned()), ..Connect::default() };
    let Err(fault) = Gateway::connect(connect).await else { panic!("connected") };
    assert_eq!(fault.kind, FaultKind::Setup);
    fault.message.to_string()
}

#[test]
fn a_profile_that_the_environment_names_must_exist_as_well() {
    with("named_by_environment", &[("AWS_PROFILE", "prdo")]);
    // Keys come before it, as in every SDK.
    with("unnamed_beside_a_wrong_name", &[KEYS[0], KEYS[1], ("AWS_REGION", "us-east-2"), ("AWS_PROFILE", "prdo")]);
}

#[tokio::test]
#[ignore = "started by another test, with its environment"]
async fn named_by_environment() {
    assert!(refused(None).await.starts_with("AWS_PROFILE names `prdo`, which "));
}

#[tokio::test]
#[ignore = "started by another test, with its environment"]
async fn unnamed_beside_a_wrong_name() {
    assert_eq!(signs(None).await, Some(("AKIDENVIRONMENT us-east-2".to_owned(), Text::new("environment"))));
}

#[tokio::test]
#[ignore = "started by another test, with its environment"]
async fn named_alone() {
    assert_eq!(signs(Some("prod")).await, Some(("AKIDPROFILE eu-central-1".to_owned(), Text::new("profile prod"))));
    assert_eq!(signs(None).await, None);
}

#[test]
fn without_a_name_the_environment_comes_first() {
    let region = ("AWS_REGION", "us-east-2");
    with("unnamed", &[KEYS[0], KEYS[1], region, ("AWS_PROFILE", "prod")]);
}

#[tokio::test]
#[ignore = "started by another test, with its environment"]
async fn unnamed() {
    assert_eq!(signs(None).await, Some(("AKIDENVIRONMENT us-east-2".to_owned(), Text::new("environment"))));
    // As in the AWS CLI, the region of the environment comes before the profile's.
    assert_eq!(signs(Some("prod")).await, Some(("AKIDPROFILE us-east-2".to_owned(), Text::new("profile prod"))));
}
