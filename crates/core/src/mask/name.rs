//! Which names stand over secrets.

/// How sure the name alone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Open,
    /// Often a secret, sometimes a setting: `auth`, `hf_token`.
    Weak,
    /// Whatever stands under it is hidden, a number too: `password`.
    Strong,
}

/// Found in the name with its separators taken out.
const STRONG_PARTS: &[&str] = &[
    "passw",
    "passphrase",
    "passcode",
    "secret",
    "credential",
    "privatekey",
    "apikey",
    "accesskey",
    "secretkey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "accountkey",
    "sharedkey",
    "storagekey",
    "licensekey",
    "sshkey",
    "deploykey",
    "authkey",
    "hmackey",
    "authtoken",
    "accesstoken",
    "apitoken",
    "sessiontoken",
    "securitytoken",
    "refreshtoken",
    "bearertoken",
    "idtoken",
    "usertoken",
    "connectionstring",
    "connstr",
    "authheader",
];

const STRONG_WORDS: &[&str] =
    &["pwd", "pass", "cred", "creds", "dsn", "jwt", "otp", "totp", "bearer", "cookie", "authorization", "pgpass"];

const WEAK_WORDS: &[&str] =
    &["token", "tok", "key", "auth", "conn", "connection", "pat", "salt", "license", "sig", "signature", "sas"];

/// As the last word these say something *about* a secret; the value is judged by its form alone.
const ABOUT: &[&str] = &[
    "id",
    "ids",
    "arn",
    "arns",
    "name",
    "names",
    "path",
    "file",
    "filename",
    "dir",
    "type",
    "mode",
    "method",
    "methods",
    "count",
    "length",
    "len",
    "size",
    "max",
    "min",
    "limit",
    "ttl",
    "timeout",
    "expiry",
    "expires",
    "expiration",
    "age",
    "rotation",
    "provider",
    "enabled",
    "disabled",
    "required",
    "version",
    "url",
    "uri",
    "endpoint",
    "host",
    "port",
    "policy",
    "format",
    "prefix",
    "suffix",
    "manager",
    "store",
    "vault",
    "algorithm",
    "alg",
    "scheme",
    "status",
    "state",
    "date",
    "at",
    "time",
    "updated",
    "created",
    "used",
    "field",
    "column",
    "ref",
    "reference",
    "alias",
    "region",
    "hint",
    "template",
    "class",
    "user",
    "username",
    "server",
    "domain",
    "retries",
    "pool",
    "ratio",
    "rate",
    "weight",
    "dim",
    "budget",
    "bytes",
    "label",
    "index",
    "idx",
    "checking",
    "error",
    "exception",
    "failure",
    "check",
];

/// Beside `key` these make it the name of a thing, not a secret.
const KEY_KINDS: &[&str] = &[
    "kms",
    "object",
    "s3",
    "primary",
    "partition",
    "sort",
    "foreign",
    "public",
    "feature",
    "index",
    "row",
    "col",
    "column",
    "tag",
    "label",
    "hash",
    "range",
    "lookup",
    "group",
    "join",
    "routing",
    "cache",
    "map",
    "dict",
    "sample",
    "record",
    "data",
    "target",
    "item",
    "config",
    "metric",
    "event",
    "image",
    "source",
    "destination",
    "query",
    "prediction",
    "probability",
    "value",
    "values",
    "input",
    "output",
    "attention",
    "attn",
    "dim",
    "head",
    "padding",
];

/// Beside `token` these belong to text models, paging and idempotency.
const TOKEN_KINDS: &[&str] = &[
    "pad",
    "eos",
    "bos",
    "unk",
    "sep",
    "cls",
    "mask",
    "special",
    "max",
    "min",
    "num",
    "n",
    "next",
    "total",
    "input",
    "output",
    "prompt",
    "completion",
    "per",
    "client",
    "request",
    "start",
    "end",
    "stop",
    "image",
    "continuation",
    "cost",
    "first",
    "last",
    "new",
    "decoder",
    "encoder",
    "additional",
    "idempotency",
    "forward",
    "backward",
];

const CONNECTION_KINDS: &[&str] = &["max", "min", "num", "open", "idle", "active", "keep", "http", "s3"];

pub(super) fn judge(key: &str) -> Name {
    if key.len() > 256 {
        return Name::Strong;
    }
    let words = words(key);
    let Some(last) = words.last() else { return Name::Open };
    if ABOUT.contains(&last.as_str()) {
        return Name::Open;
    }
    let joined = words.concat();
    if STRONG_PARTS.iter().any(|part| joined.contains(part))
        || words.iter().any(|word| STRONG_WORDS.contains(&word.as_str()) || word.ends_with("pwd"))
    {
        return Name::Strong;
    }
    let beside = |kinds: &[&str]| words.iter().any(|word| kinds.contains(&word.as_str()));
    let weak = words.iter().any(|word| match word.as_str() {
        // The field `Key` of a tag, an S3 object, a table: it holds a name.
        "key" => words.len() > 1 && !beside(KEY_KINDS),
        "conn" | "connection" => !beside(CONNECTION_KINDS),
        "token" | "tok" => !beside(TOKEN_KINDS),
        other => WEAK_WORDS.contains(&other) || (other.ends_with("token") && other != "subtoken"),
    });
    if weak { Name::Weak } else { Name::Open }
}

/// Lower-case words of `dbPassword`, `DB_PASSWORD`, `db-password`, `KMSKeyId`.
pub(super) fn words(key: &str) -> Vec<String> {
    let chars: Vec<char> = key.chars().collect();
    let mut words = vec![String::new()];
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(i + 1);
        let begins = c.is_uppercase()
            && (before.is_some_and(|b| b.is_lowercase() || b.is_ascii_digit())
                || (before.is_some_and(char::is_uppercase) && after.is_some_and(|a| a.is_lowercase())));
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
