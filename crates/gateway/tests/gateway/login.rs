//! Roles behind an MFA device, SSO sign-ins and helpers, on the sandbox. What the files of a user decide is tested in a
//! process of its own.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use aws_smithy_async::time::SharedTimeSource;
use mldeck_core::{
    ask::{Answer, Ask, Sent, Write},
    fault::{Fault, FaultKind, Login},
    login::{Code, Step},
    ops::call,
    scope::Identity,
    text::Text,
    time::{HOUR, MINUTE, SECOND},
};
use mldeck_gateway::{Connect, Gateway, Grant};

use crate::support::{ENDPOINTS, Sandbox, over, sandbox};

const FILE: &str = "\
[profile anna]
aws_access_key_id = AKIDANNA
aws_secret_access_key = s
[profile oncall]
role_arn = arn:aws:iam::447100000921:role/OnCall
source_profile = anna
mfa_serial = arn:aws:iam::447100000921:mfa/anna
external_id = x-1
duration_seconds = 1800
[profile auditor]
role_arn = arn:aws:iam::447100000921:role/Auditor
source_profile = oncall
role_session_name = night
[profile plain]
role_arn = arn:aws:iam::447100000921:role/Release
source_profile = anna
role_session_name = stan
[sso-session acme]
sso_start_url = https://acme.awsapps.com/start
sso_region = eu-west-1
[profile sso]
sso_session = acme
sso_account_id = 447100000921
sso_role_name = Data
[profile old-sso]
sso_start_url = https://acme.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 447100000921
sso_role_name = Data
[profile helper]
credential_process = HELPER
[profile helped]
role_arn = arn:aws:iam::447100000921:role/Helped
source_profile = helper
";

const HELPER: &str = r#"echo '{"Version": 1, "AccessKeyId": "AKIDHELPER", "SecretAccessKey": "s"}'"#;

/// Runs one of the ignored tests below as a user with these files, in a home of its own.
fn as_user(test: &str, file: &str) {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("login-{test}"));
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(home.join(".aws")).expect("a home");
    std::fs::write(home.join(".aws/config"), file).expect("a file");
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    child.args(["--ignored", "--exact", &format!("login::{test}")]).env_clear();
    child.env("HOME", &home).env("USER", "anna b").env("PATH", "/usr/bin:/bin").env("AWS_REGION", "eu-west-1");
    let output = child.env("AWS_EC2_METADATA_DISABLED", "true").output().expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

async fn gateway(sandbox: &Sandbox, profile: &str) -> Gateway {
    let now = Some(SharedTimeSource::new(sandbox.clone()));
    let connect = Connect { profile: Some(profile.to_owned()), now, ..over(&sandbox.peer) };
    Gateway::connect(connect).await.expect("connects")
}

async fn who(gateway: &Gateway) -> Result<Identity, Fault> {
    match gateway.ask(&Ask::Identity).await? {
        Answer::Identity(identity) => Ok(identity),
        other => panic!("{other:?}"),
    }
}

fn told(_: Step) {
    panic!("no browser is needed");
}

fn pass(sandbox: &Sandbox, millis: i64) {
    let mut world = sandbox.world.lock().unwrap();
    let to = world.now().plus(millis);
    world.advance_to(to);
}

fn body(sandbox: &Sandbox, operation: &str) -> Option<String> {
    let seen = sandbox.peer.seen().into_iter().rev().find(|seen| seen.what.operation == operation)?;
    Some(String::from_utf8(seen.body).expect("a form"))
}

#[test]
fn a_role_that_the_sdk_assumes_signs_all_with_one_session() {
    as_user("plain", FILE);
}

#[tokio::test]
#[ignore = "started by another test, with its environment"]
async fn plain() {
    let sandbox = sandbox("quiet-night");
    let gateway = gateway(&sandbox, "plain").await;
    let identity = who(&gateway).await.expect("signed in");
    assert_eq!((identity.role(), identity.who()), ("Release", "stan"));
    let call = call::put_abort_alarm(&Text::new("fraud-prod"));
    let write = Write { call, plan: Text::new("abcd1234") };
    let until = gateway.now().plus(HOUR);
    let grant = Grant::for_plan(identity.scope.clone(), write.plan.clone(), [&write.call], until).held_by(identity);
    let sent = gateway.send(&write, &grant).await;
    assert!(matches!(sent, Sent::Applied { .. }), "{sent:?}");
    let assumed = |sandbox: &Sandbox| sandbox.peer.operations().iter().filter(|name| *name == "AssumeRole").count();
    assert_eq!(assumed(&sandbox), 1, "one session for what the SDK signs and what we sign");
    // It ends, and another begins.
    pass(&sandbox, 61 * MINUTE);
    gateway.ask(&ENDPOINTS).await.expect("a new session");
    assert_eq!(assumed(&sandbox), 2);
}

#[test]
fn a_role_behind_a_device_is_assumed_with_a_code_and_asked_for_again_when_it_ends() {
    as_user("device", FILE);
}

#[tokio::test]
#[ignore = "started by another test, with its environment"]
async fn device() {
    let sandbox = sandbox("quiet-night");
    let gateway = gateway(&sandbox, "oncall").await;
    let code = Code::parse("246810").unwrap();
    let fault = who(&gateway).await.expect_err("no code yet");
    assert_eq!(fault.kind, FaultKind::Login(Login::Code));
    assert!(fault.message.as_str().contains("mfa/anna") && fault.exit_code() == 7, "{fault}");
    let fault = gateway.ask(&ENDPOINTS).await.expect_err("no code yet");
    assert_eq!(fault.kind, FaultKind::Login(Login::Code), "whatever is asked says the same");
    assert_eq!(sandbox.peer.operations(), [""; 0], "nothing is sent for it");

    let Ok(Step::Code { device, role }) = gateway.sign_in(None, false, &told).await else { panic!("a code is wanted") };
    assert_eq!(
        (device.as_str(), role.as_str()),
        ("arn:aws:iam::447100000921:mfa/anna", "arn:aws:iam::447100000921:role/OnCall")
    );
    let wrong = gateway.sign_in(Code::parse("000000").as_ref(), false, &told).await.expect_err("a wrong code");
    assert_eq!(wrong.kind, FaultKind::Login(Login::Code));
    assert!(wrong.message.as_str().contains("invalid MFA one time pass code"), "{wrong}");
    assert_eq!(sandbox.peer.operations(), ["AssumeRole"], "a code is sent once");
    assert!(!format!("{wrong:?}").contains("000000"), "{wrong:?}");

    assert_eq!(gateway.sign_in(Some(&code), false, &told).await, Ok(Step::Done));
    let form = body(&sandbox, "AssumeRole").expect("sent");
    for part in ["RoleSessionName=mldeck-annab&", "ExternalId=x-1", "DurationSeconds=1800", "TokenCode=246810"] {
        assert!(form.contains(part), "{form}");
    }
    let identity = who(&gateway).await.expect("signed in");
    assert_eq!((identity.role(), identity.who()), ("OnCall", "mldeck-annab"));
    let start = sandbox.world.lock().unwrap().now();
    assert_eq!(identity.expires.map(|end| end.since(start)), Some(30 * MINUTE));
    assert_eq!(identity.source.as_str(), "profile oncall");
    gateway.ask(&ENDPOINTS).await.expect("signed in");
    assert!(gateway.calls().iter().all(|call| !format!("{call:?}").contains("246810")));

    // Before its end, on request; and after it.
    assert!(matches!(gateway.sign_in(None, true, &told).await, Ok(Step::Code { .. })));
    pass(&sandbox, 29 * MINUTE);
    assert_eq!(gateway.sign_in(Some(&code), false, &told).await, Ok(Step::Done));
    pass(&sandbox, 29 * MINUTE);
    who(&gateway).await.expect("the new session is good");
    pass(&sandbox, MINUTE);
    let fault = gateway.ask(&ENDPOINTS).await.expect_err("it has ended");
    assert_eq!(fault.kind, FaultKind::Login(Login::Code));
    assert!(gateway.needs_identity());
    assert_eq!(gateway.sign_in(Some(&code), false, &told).await, Ok(Step::Done));
    gateway.ask(&ENDPOINTS).await.expect("renewed in place");
}

#[test]
fn roles_before_and_behind_the_device_are_assumed_as_well() {
    as_user("chained", FILE);
}

#[tokio::test]
#[ignore = "started by another test, with its environment"]
async fn chained() {
    let sandbox = sandbox("quiet-night");
    let gateway = gateway(&sandbox, "auditor").await;
    assert_eq!(who(&gateway).await.expect_err("no code yet").kind, FaultKind::Login(Login::Code));
    assert_eq!(gateway.sign_in(Code::parse("246810").as_ref(), false, &told).await, Ok(Step::Done));
    let identity = who(&gateway).await.expect("signed in");
    assert_eq!((identity.role(), identity.who()), ("Auditor", "night"));
}

#[test]
fn an_sso_sign_in_is_approved_in_a_browser_and_shared_with_the_aws_cli() {
    as_user("browser", FILE);
}

#[expect(clippy::disallowed_methods, reason = "the environment of this process is the test")]
fn kept(key: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("HOME").unwrap()).join(".aws/sso/cache").join(key)
}

/// Opens the address in the sandbox's browser.
fn approve(sandbox: &Sandbox, step: &Step) {
    let Step::Browser { address, code, .. } = step else { panic!("{step:?}") };
    assert!(address.as_str().contains(code.as_str()), "{step:?}");
    let page = http::Request::get(address.raw()).body(bytes::Bytes::new()).unwrap();
    assert_eq!(sandbox.world.lock().unwrap().handle(&page).status(), 200);
}

#[tokio::test(start_paused = true)]
#[ignore = "started by another test, with its environment"]
async fn browser() {
    for profile in ["sso", "old-sso"] {
        let sandbox = sandbox("quiet-night");
        let gateway = gateway(&sandbox, profile).await;
        assert_eq!(
            who(&gateway).await.expect_err("no sign-in yet").kind,
            FaultKind::Login(Login::Browser),
            "{profile}"
        );
        let steps = Mutex::new(Vec::new());
        let told = |step: Step| {
            approve(&sandbox, &step);
            steps.lock().unwrap().push(step);
        };
        assert_eq!(gateway.sign_in(None, false, &told).await, Ok(Step::Done), "{profile}");
        assert_eq!(steps.lock().unwrap().len(), 1);
        let identity = who(&gateway).await.expect("signed in");
        assert_eq!((identity.role(), identity.expires), ("Data", None), "it renews itself");
        gateway.ask(&ENDPOINTS).await.expect("signed in");
        // Another deck, or the AWS CLI, finds it.
        let other = self::gateway(&sandbox, profile).await;
        assert_eq!(who(&other).await.expect("shared").role(), "Data");
    }
    let files: Vec<_> = std::fs::read_dir(kept("")).unwrap().flatten().map(|file| file.path()).collect();
    assert_eq!(files.len(), 2, "one by the session's name, one by the address: {files:?}");
}

#[test]
fn a_sign_in_that_nobody_approves_ends_and_one_that_was_refused_says_so() {
    as_user("unapproved", FILE);
}

#[tokio::test(start_paused = true)]
#[ignore = "started by another test, with its environment"]
async fn unapproved() {
    let sandbox = sandbox("quiet-night");
    let gateway = gateway(&sandbox, "sso").await;
    let fault = gateway.sign_in(None, false, &|_| ()).await.expect_err("nobody is there");
    assert!(fault.message.as_str().contains("nobody approved it"), "{fault}");
    let polls = sandbox.peer.operations().iter().filter(|operation| *operation == "CreateToken").count();
    assert!((500..=600).contains(&polls), "once a second, as the service wants it: {polls}");
    let refuse = |step: Step| {
        let Step::Browser { address, .. } = step else { panic!("a browser") };
        let page = http::Request::get(format!("{}&deny=true", address.raw())).body(bytes::Bytes::new()).unwrap();
        sandbox.world.lock().unwrap().handle(&page);
    };
    let fault = gateway.sign_in(None, false, &refuse).await.expect_err("refused");
    assert!(fault.message.as_str().contains("refused in the browser"), "{fault}");
    assert!(!kept("").exists(), "nothing is kept");
}

#[test]
fn a_helper_gives_credentials_to_a_profile_and_to_a_role_behind_it() {
    as_user("helper", &FILE.replace("HELPER", &format!("{HELPER}; echo run >> $HOME/runs")));
}

#[expect(clippy::disallowed_methods, reason = "the environment of this process is the test")]
fn runs() -> usize {
    let file = PathBuf::from(std::env::var_os("HOME").unwrap()).join("runs");
    std::fs::read_to_string(file).unwrap_or_default().lines().count()
}

#[tokio::test]
#[ignore = "started by another test, with its environment"]
async fn helper() {
    let sandbox = sandbox("quiet-night");
    let one = gateway(&sandbox, "helper").await;
    let (a, b, c) = tokio::join!(who(&one), one.ask(&ENDPOINTS), one.ask(&Ask::Monitors));
    assert!(a.is_ok() && b.is_ok() && c.is_ok(), "{a:?} {b:?} {c:?}");
    assert_eq!(runs(), 1, "once for all who ask");
    let signed = sandbox.peer.seen();
    assert!(signed.iter().all(|seen| seen.header("authorization").is_some_and(|with| with.contains("AKIDHELPER"))));
    let behind = gateway(&sandbox, "helped").await;
    assert_eq!(who(&behind).await.expect("assumed").role(), "Helped");
    let fault = one.sign_in(None, false, &told).await;
    assert_eq!(fault, Ok(Step::Done), "it asks for nobody");
    pass(&sandbox, 2 * HOUR + SECOND);
    assert_eq!(who(&behind).await.expect("assumed again, without a person").role(), "Helped");
}
