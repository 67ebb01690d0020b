//! A served account, the home of one operator, and what anybody sees of the account by AWS's own operations.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::Command,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use mldeck::run::clock;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::peers::{Done, PATIENCE, Served, finish, mldeck};

/// The endpoint that all of these tests bring back, and between which configs.
pub(crate) const ENDPOINT: &str = "fraud-prod";
pub(crate) const BAD: &str = "fraud-v18-c";
pub(crate) const GOOD: &str = "fraud-v17-a";

/// Between two looks at an account while a process runs.
const LOOK: Duration = Duration::from_millis(100);
/// Longer than a deployment of the endpoint takes, and than CloudTrail lags, in seconds of the account.
const LONG: f64 = 3.0 * 3_600.0;

pub(crate) struct Account {
    served: Served,
    pub(crate) home: TempDir,
    /// When the account was first looked at, in epoch seconds.
    began: f64,
}

/// What ends a command that deploys as soon as that is in service.
fn until(args: &[&str]) -> Option<&'static str> {
    let deploys = args.contains(&"--write") && matches!(args.first(), Some(&("rollback" | "apply" | "promote")));
    (deploys || args.first() == Some(&"watch")).then_some("--no-verify")
}

impl Account {
    /// The scenario whose endpoint fails since its last deployment.
    pub(crate) fn start() -> Self {
        Self::at_speed(1)
    }

    /// … in so many seconds of the account in one of ours.
    pub(crate) fn at_speed(speed: u32) -> Self {
        Self::of(Served::sandbox("fraud-burns", speed))
    }

    pub(crate) fn of(served: Served) -> Self {
        let mut account = Self { served, home: TempDir::new().expect("a directory"), began: 0.0 };
        account.began = account.ask("GET", "/_sandbox/clock", &[], "")["now"].as_f64().expect("a time");
        account
    }

    /// Where the account answers.
    pub(crate) fn address(&self) -> &str {
        &self.served.address
    }

    /// Another operator on the same account, whose table is behind the other address.
    pub(crate) fn operator(&self, home: &std::path::Path, table: &str, args: &[&str]) -> Command {
        let mut command = mldeck(home);
        command
            .args(args)
            .args(until(args))
            .env("AWS_ENDPOINT_URL", &self.served.address)
            .env("AWS_ENDPOINT_URL_DYNAMODB", table);
        command
    }

    /// mldeck on this account, of this operator.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = mldeck(self.home.path());
        command.args(args).args(until(args)).args(["--endpoint-url", &self.served.address]);
        command
    }

    /// … that looks at what the calls say once it is in service: minutes, by the clock on the wall.
    pub(crate) fn verifying(&self, args: &[&str]) -> Command {
        let mut command = mldeck(self.home.path());
        command.args(args).args(["--endpoint-url", &self.served.address]);
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Done {
        finish(&mut self.command(args), PATIENCE)
    }

    /// Runs a command that may deploy; as soon as the endpoint is updating, the account's time passes until it is not.
    pub(crate) fn run_through(&self, command: Command) -> Done {
        let ended = begin(command);
        let mut passed = false;
        loop {
            match ended.recv_timeout(LOOK) {
                Ok(done) => return done,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("it did not end"),
            }
            if !passed && self.serving().1 == "Updating" {
                self.pass(LONG);
                passed = true;
            }
        }
    }

    /// A file in the operator's home.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Plans the way back into a file; the plan's id.
    #[track_caller]
    pub(crate) fn plan(&self, file: &str) -> String {
        let file = self.file(file);
        let done = self.run(&["plan", "rollback", ENDPOINT, "--save", file.to_str().unwrap()]);
        assert_eq!(done.code, Some(0), "{done:#?}");
        id(&done)
    }

    /// Config that serves, and status.
    pub(crate) fn serving(&self) -> (String, String) {
        let body = self.call("sagemaker", "DescribeEndpoint", &json!({ "EndpointName": ENDPOINT }));
        let text = |member: &str| body[member].as_str().unwrap_or_default().to_owned();
        (text("EndpointConfigName"), text("EndpointStatus"))
    }

    /// Lets time of the account pass at once.
    pub(crate) fn pass(&self, seconds: f64) {
        self.ask("POST", "/_sandbox/clock", &[], &json!({ "step": seconds }).to_string());
    }

    /// Lets whatever is under way end, and CloudTrail tell it; from then on time passes fast.
    pub(crate) fn settle(&self) {
        self.ask("POST", "/_sandbox/clock", &[], &json!({ "step": LONG, "speed": 600 }).to_string());
    }

    /// Looks at the account until `condition` holds.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let start = clock::instant();
        while !condition() {
            assert!(clock::instant().saturating_duration_since(start) < PATIENCE, "{what} never came");
        }
    }

    /// Holds the operator to an IAM policy.
    pub(crate) fn hold_to(&self, policy: &Value) {
        self.ask("PUT", "/_sandbox/policy", &[], &policy.to_string());
    }

    /// How many calls of this operation about the endpoint AWS accepted since the beginning; time must have passed.
    pub(crate) fn accepted(&self, operation: &str) -> usize {
        let now = self.ask("GET", "/_sandbox/clock", &[], "")["now"].as_f64().expect("a time");
        let mut count = 0;
        let mut token = Value::Null;
        loop {
            let mut input = json!({
                "StartTime": self.began, "EndTime": now, "MaxResults": 50,
                "LookupAttributes": [{ "AttributeKey": "EventName", "AttributeValue": operation }],
            });
            if !token.is_null() {
                input["NextToken"] = token;
            }
            let page = self.call("cloudtrail", "LookupEvents", &input);
            count += page["Events"].as_array().expect("events").iter().filter(|event| is_about(event)).count();
            token = page["NextToken"].clone();
            if token.is_null() {
                return count;
            }
        }
    }

    /// A call of AWS's by somebody else.
    #[track_caller]
    pub(crate) fn call(&self, service: &str, operation: &str, input: &Value) -> Value {
        self.call_by("AKIDSOMEBODY", service, operation, input)
    }

    /// The same, signed with this key.
    #[track_caller]
    pub(crate) fn call_by(&self, key: &str, service: &str, operation: &str, input: &Value) -> Value {
        let prefix = match service {
            "sagemaker" => "SageMaker",
            "monitoring" => "GraniteServiceVersion20100801",
            "cloudtrail" => "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
            other => panic!("no target prefix for {other}"),
        };
        let target = format!("{prefix}.{operation}");
        let signature = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20261123/eu-west-1/{service}/aws4_request, SignedHeaders=host, \
             Signature=0"
        );
        let headers = [
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amz-Target", target.as_str()),
            ("Authorization", signature.as_str()),
        ];
        self.ask("POST", "/", &headers, &input.to_string())
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Value {
        let host = self.served.address.strip_prefix("http://").expect("an address");
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let mut stream = TcpStream::connect(host).expect("the account listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
        if body.is_empty() { Value::Null } else { serde_json::from_str(body).expect("JSON") }
    }
}

/// Starts a process whose end is told.
pub(crate) fn begin(mut command: Command) -> Receiver<Done> {
    let (told, ended) = channel();
    thread::spawn(move || told.send(finish(&mut command, PATIENCE)));
    ended
}

/// The id in the last line of a plan.
#[track_caller]
pub(crate) fn id(done: &Done) -> String {
    let line = done.output.lines().rev().find(|line| line.starts_with("plan ")).unwrap_or_else(|| panic!("{done:#?}"));
    line.split_whitespace().nth(1).expect("an id").to_owned()
}

/// It ended with this code and said all of that, on whichever output.
#[track_caller]
pub(crate) fn ended(done: &Done, code: i32, words: &[&str]) {
    assert_eq!(done.code, Some(code), "{done:#?}");
    for word in words {
        assert!(done.said().contains(word), "{word:?} in {done:#?}");
    }
    assert!(!done.said().contains("panicked"), "{done:#?}");
}

/// Changes a saved plan.
pub(crate) fn edit(file: &std::path::Path, change: impl FnOnce(&mut Value)) {
    let mut plan: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    change(&mut plan);
    fs::write(file, plan.to_string()).unwrap();
}

fn is_about(event: &Value) -> bool {
    let record: Value = serde_json::from_str(event["CloudTrailEvent"].as_str().expect("a record")).expect("JSON");
    record["requestParameters"]["endpointName"] == ENDPOINT && record["errorCode"].is_null()
}
