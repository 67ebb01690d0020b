//! The file in which the AWS CLI and every SDK keep an SSO sign-in: theirs is ours, and the other way round.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use mldeck_core::time::Timestamp;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use super::profile::Session;

/// A sign-in that was approved. Its `Debug` hides it.
pub(super) struct Token {
    pub(super) access: String,
    pub(super) expires: Timestamp,
    pub(super) refresh: Option<String>,
    pub(super) client: String,
    pub(super) secret: String,
    /// Until when this program is registered.
    pub(super) registered: Timestamp,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// Its file below `home`: named by the session, or by the address where there is no session.
pub(super) fn path(home: &Path, session: &Session) -> PathBuf {
    let key = session.name.as_deref().unwrap_or(&session.start_url);
    let digest: String = Sha1::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    home.join(".aws/sso/cache").join(format!("{digest}.json"))
}

/// As the AWS CLI writes it.
fn document(session: &Session, token: &Token) -> Value {
    let mut document = json!({
        "startUrl": session.start_url,
        "region": session.region,
        "accessToken": token.access,
        "expiresAt": token.expires.iso(),
        "clientId": token.client,
        "clientSecret": token.secret,
        "registrationExpiresAt": token.registered.iso(),
    });
    if let Some(refresh) = &token.refresh {
        document["refreshToken"] = json!(refresh);
    }
    document
}

/// Writes it for this user alone, whole or not at all.
pub(super) fn store(home: &Path, session: &Session, token: &Token) -> io::Result<()> {
    let path = path(home, session);
    let folder = path.parent().unwrap_or(home);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    // What a killed process of this number left behind would be in the way.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(document(session, token).to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &path)?;
        File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

/// When the sign-in in the file ends; `None` where there is none, or where it renews itself.
pub(super) fn ends(home: &Path, session: &Session, now: Timestamp) -> Option<Timestamp> {
    let document: Value = serde_json::from_slice(&fs::read(path(home, session)).ok()?).ok()?;
    let time = |name: &str| document.get(name).and_then(Value::as_str).and_then(Timestamp::parse);
    let renews = document.get("refreshToken").is_some() && time("registrationExpiresAt").is_some_and(|end| end > now);
    time("expiresAt").filter(|_| !renews)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn token(refresh: Option<&str>) -> Token {
        let at = |text: &str| Timestamp::parse(text).expect("a time");
        Token {
            access: "aoa-new".to_owned(),
            expires: at("2026-11-27T18:36:00.7Z"),
            refresh: refresh.map(str::to_owned),
            client: "client".to_owned(),
            secret: "client-secret".to_owned(),
            registered: at("2027-02-25T00:00:00Z"),
        }
    }

    #[test]
    fn the_file_is_where_and_what_the_aws_cli_reads() {
        let old = Session { start_url: "https://d-92671207e4.awsapps.com/start".to_owned(), ..Session::default() };
        let named = Session { name: Some("admin".to_owned()), region: "eu-west-1".to_owned(), ..old.clone() };
        let file = |session: &Session| path(Path::new("/home/anna"), session).display().to_string();
        // Those names are what `printf %s admin | sha1sum` says.
        assert_eq!(file(&named), "/home/anna/.aws/sso/cache/d033e22ae348aeb5660fc2140aec35850c4da997.json");
        assert_eq!(file(&old), "/home/anna/.aws/sso/cache/13f9d35043871d073ab260e020f0ffde092cb14b.json");
        let told = document(&named, &token(Some("aor")));
        assert_eq!(
            told,
            json!({
                "startUrl": "https://d-92671207e4.awsapps.com/start", "region": "eu-west-1", "accessToken": "aoa-new",
                "expiresAt": "2026-11-27T18:36:00Z", "clientId": "client", "clientSecret": "client-secret",
                "registrationExpiresAt": "2027-02-25T00:00:00Z", "refreshToken": "aor",
            })
        );
        assert_eq!(document(&old, &token(None)).get("refreshToken"), None);
    }

    #[test]
    fn it_is_for_its_owner_alone_and_replaced_as_a_whole() {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../target/tmp/token-{}", std::process::id()));
        let session = Session { name: Some("admin".to_owned()), ..Session::default() };
        let file = path(&home, &session);
        store(&home, &session, &token(None)).expect("stored");
        // Somebody's umask, or an older program, left it open to others.
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("permissions");
        fs::write(file.with_extension(format!("{}.new", std::process::id())), "half").expect("a draft");
        store(&home, &session, &token(Some("aor"))).expect("stored again");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().expect("a folder"))), (0o600, 0o700));
        assert!(fs::read_to_string(&file).expect("read").contains("aor"));
        let now = Timestamp::parse("2026-11-27T18:00:00Z").expect("a time");
        assert_eq!(ends(&home, &session, now), None, "it renews itself");
        assert_eq!(ends(&home, &session, token(None).registered), Timestamp::parse("2026-11-27T18:36:00Z"));
        let left = fs::read_dir(file.parent().expect("a folder")).expect("a folder").count();
        fs::remove_dir_all(&home).expect("removed");
        assert_eq!(left, 1, "no draft is left");
    }
}
