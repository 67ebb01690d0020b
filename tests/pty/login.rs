//! Signing in, by the program itself in a real terminal, on the sandbox behind a port.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use tempfile::TempDir;

use crate::support::{
    peers::{Peers, Served},
    pty::{Pty, SOON},
};

const FILE: &str = "\
[profile anna]
aws_access_key_id = AKIDANNA
aws_secret_access_key = s
[profile oncall]
role_arn = arn:aws:iam::447100000921:role/OnCall
source_profile = anna
mfa_serial = arn:aws:iam::447100000921:mfa/anna
[sso-session acme]
sso_start_url = https://acme.awsapps.com/start
sso_region = eu-west-1
[profile sso]
sso_session = acme
sso_account_id = 447100000921
sso_role_name = Data
[profile helper]
credential_process = HELPER
";

/// `Ctrl-O`.
const LOGIN: &str = "\x0f";

struct User {
    home: TempDir,
    server: Served,
}

impl User {
    fn new(helper: &str) -> Self {
        let home = TempDir::new().expect("a home");
        fs::create_dir_all(home.path().join(".aws")).expect("a folder");
        fs::write(home.path().join(".aws/config"), FILE.replace("HELPER", helper)).expect("a file");
        Self { home, server: Served::sandbox("quiet-night", 1) }
    }

    fn starts(&self, args: &[&str], size: (u16, u16)) -> Pty {
        let home = self.home.path().to_str().expect("a path");
        let kept = self.home.path().join("mldeck");
        let env = [
            ("HOME", home),
            ("MLDECK_HOME", kept.to_str().expect("a path")),
            ("USER", "anna"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_ENDPOINT_URL", self.server.address.as_str()),
        ];
        Pty::start(env!("CARGO_BIN_EXE_mldeck"), args, &env, size)
    }

    /// Opens an address of the sandbox, as a browser would.
    fn opens(&self, address: &str) {
        let (host, path) = address.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an address");
        let mut stream = TcpStream::connect(host).expect("it listens");
        write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
            .expect("it takes a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert!(answer.contains("was approved"), "{answer}");
    }
}

/// Everything that was written below a folder.
fn written(folder: &Path, out: &mut Vec<u8>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            written(&path, out);
        } else {
            out.extend(fs::read(&path).unwrap_or_default());
        }
    }
}

/// The address on the screen.
fn address(pty: &Pty) -> String {
    pty.wait_for("/device?user_code=", SOON);
    let screen = pty.screen();
    let at = screen.find("http://127.0.0.1:").expect("an address");
    screen[at..].split([' ', '\n', '\r']).next().expect("an address").to_owned()
}

#[test]
fn a_code_is_typed_into_the_deck_and_kept_nowhere() {
    for size in [(200, 50), (80, 24)] {
        let user = User::new("");
        let mut pty = user.starts(&["--profile", "oncall"], size);
        pty.wait_for("the code of the MFA device", SOON);
        pty.wait_for("mfa/anna", SOON);
        pty.send("jB135791\r");
        pty.wait_for("invalid MFA one time pass code", SOON);
        pty.send("\x1b[200~246 810\n\x1b[201~");
        pty.wait_for("246810", SOON);
        pty.send("\r");
        pty.wait_for("role OnCall", SOON);
        pty.wait_for("address-prod", SOON);
        pty.send("q");
        pty.wait_for("Leave mldeck?", SOON);
        pty.send("\r");
        assert_eq!(pty.exit_code(SOON), 0);
        let mut kept = Vec::new();
        written(user.home.path(), &mut kept);
        let has = |text: &str| kept.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(has("address-prod") && !has("246810") && !has("135791"));
    }
}

#[test]
fn escape_goes_on_without_and_the_key_comes_back_to_it() {
    let user = User::new("");
    let mut pty = user.starts(&["--profile", "oncall"], (120, 40));
    pty.wait_for("the code of the MFA device", SOON);
    pty.send("\x1b");
    pty.wait_for("ctrl-o asks again", SOON);
    pty.send(LOGIN);
    pty.wait_for("the code of the MFA device", SOON);
    pty.wait_for("mfa/anna", SOON);
    pty.send("246810\r");
    pty.wait_for("address-prod", SOON);
}

#[test]
fn a_sign_in_is_approved_in_a_browser_while_the_deck_waits() {
    for size in [(200, 50), (80, 24)] {
        let user = User::new("");
        let mut pty = user.starts(&["--profile", "sso"], size);
        pty.wait_for("ctrl-o signs in", SOON);
        pty.send(LOGIN);
        user.opens(&address(&pty));
        pty.wait_for("role Data", SOON);
        pty.wait_for("address-prod", SOON);
    }
}

#[test]
fn botocore_goes_by_the_sign_in_that_mldeck_kept() {
    let user = User::new("");
    let pty = user.starts(&["login", "--profile", "sso"], (160, 40));
    user.opens(&address(&pty));
    pty.wait_for("signed in: Data in account 447100000921", SOON);
    assert_eq!(pty.exit_code(SOON), 0);
    // `printf %s acme | sha1sum`
    assert!(user.home.path().join(".aws/sso/cache/293abb6b76d7791c0732cc517d38c4b5c734b87f.json").exists());
    let Some(peers) = Peers::find() else { return };
    let read = peers.script_of(user.home.path(), "signed_in.py", &user.server.address);
    let keys = "accessToken clientId clientSecret expiresAt refreshToken region registrationExpiresAt startUrl";
    assert_eq!(read["keys"], serde_json::json!(keys.split(' ').collect::<Vec<_>>()));
    assert_eq!((&read["same"], &read["key"]), (&true.into(), &"ASIA".into()));
}

#[test]
fn commands_ask_at_the_terminal() {
    let user = User::new("");
    let mut pty = user.starts(&["get", "endpoints", "--profile", "oncall"], (160, 60));
    pty.wait_for("Code of arn:aws:iam::447100000921:mfa/anna", SOON);
    pty.send("000000\n");
    pty.wait_for("invalid MFA one time pass code", SOON);
    pty.until(SOON, "second question", || pty.screen().matches("Code of").count() == 2);
    pty.send("246810\n");
    pty.wait_for("address-prod", SOON);
    assert_eq!(pty.exit_code(SOON), 0);

    let pty = user.starts(&["login", "--profile", "sso"], (160, 40));
    user.opens(&address(&pty));
    pty.wait_for("signed in: Data in account 447100000921", SOON);
    assert_eq!(pty.exit_code(SOON), 0);
    let pty = user.starts(&["get", "endpoints", "--profile", "sso"], (160, 60));
    pty.wait_for("address-prod", SOON);
}

/// The number of the helper, once it runs.
fn started(user: &User, pty: &Pty) -> String {
    let note = user.home.path().join("helper");
    let mut pid = String::new();
    pty.until(SOON, "helper", || {
        pid = fs::read_to_string(&note).unwrap_or_default();
        pid.ends_with('\n')
    });
    pid.trim().to_owned()
}

fn is_alive(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_helper_does_not_outlive_the_deck() {
    let user = User::new("echo $$ > $HOME/helper; sleep 1000; true");
    let mut pty = user.starts(&["--profile", "helper"], (120, 40));
    let pid = started(&user, &pty);
    assert!(is_alive(&pid));
    pty.send("q");
    pty.wait_for("Leave mldeck?", SOON);
    pty.send("\r");
    assert_eq!(pty.exit_code(SOON), 0);
    pty.until(SOON, "end of the helper", || !is_alive(&pid));
}

#[test]
fn a_helper_that_prompts_gets_no_key_and_is_killed_at_its_deadline() {
    let helper =
        "echo $$ > $HOME/helper; printf 'PIN for the token: ' > /dev/tty; read pin < /dev/tty; cat; sleep 1000";
    let user = User::new(helper);
    let mut pty = user.starts(&["--profile", "helper"], (120, 40));
    pty.wait_for("signing in", SOON);
    let pid = started(&user, &pty);
    let alive = || is_alive(&pid);
    for word in ["the quick brown fox", "jumps over", "the lazy dog"] {
        pty.send(format!(":{word}"));
        pty.wait_for(word, SOON);
        pty.send("\x1b");
        pty.until(SOON, "closed palette", || !pty.screen().contains(word));
    }
    assert!(alive(), "it was there all the time");
    assert!(!pty.screen().contains("PIN for"), "and did not write into the screen");
    pty.until(Duration::from_secs(60), "end of the helper", || !alive());
    pty.wait_for("not signed in", SOON);
    pty.send("?");
    pty.wait_for("keys and commands that work here", SOON);
}
