use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::{is_mask, is_secret_name, json as mask_json, line, name, scrub, value};

/// Seeded, so that a miss is found again.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    fn string(&mut self, alphabet: &str, len: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..len).map(|_| letters[self.below(letters.len())]).collect()
    }
}

const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const HEX: &str = "0123456789abcdef";
const BASE62: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const WORDS: &[&str] =
    &["hunter", "Summer", "correct", "horse", "battery", "winter", "dragon", "admin", "fraud", "Passw0rd"];

/// A secret that only its name gives away.
fn weak_looking(dice: &mut Dice) -> String {
    match dice.below(4) {
        0 => format!("{}{}", dice.pick(WORDS), dice.below(10_000)),
        1 => format!("{}-{}-{}!", dice.pick(WORDS), dice.pick(WORDS), dice.below(100)),
        2 => dice.string(HEX, 32),
        _ => dice.string(BASE62, 12),
    }
}

/// A secret that gives itself away wherever it stands.
fn telling(dice: &mut Dice) -> String {
    match dice.below(10) {
        0 => format!("{}{}", dice.pick(&["AKIA", "ASIA"]), dice.string("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
        1 => dice.string(BASE64, 40),
        2 => format!("IQoJb3JpZ2luX2Vj{}", dice.string(BASE64, 300)),
        3 => format!("eyJ{}.eyJ{}.{}", dice.string(URL64, 33), dice.string(URL64, 80), dice.string(URL64, 43)),
        4 => format!("ghp_{}", dice.string(BASE62, 36)),
        5 => format!("hf_{}", dice.string(BASE62, 34)),
        6 => format!("xoxb-{}-{}", dice.string("0123456789", 12), dice.string(BASE62, 24)),
        7 => dice.string(URL64, 43),
        8 => format!("sk-{}", dice.string(BASE62, 48)),
        _ => format!("{}==", dice.string(BASE64, 86)),
    }
}

fn secret_name(dice: &mut Dice) -> String {
    let stem = dice.pick(&[
        "password",
        "secret",
        "api_key",
        "access_token",
        "passwd",
        "client_secret",
        "db_password",
        "secret_key",
        "private_key",
        "auth_token",
        "aws_secret_access_key",
        "hf_token",
        "session_token",
        "mysql_pwd",
        "credentials",
        "encryption_key",
        "wandb_api_key",
        "passphrase",
        "redis_password",
        "jwt",
    ]);
    match dice.below(4) {
        0 => stem.to_uppercase(),
        1 => stem.replace('_', "-"),
        2 => stem.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect(),
        _ => stem.to_owned(),
    }
}

/// Carriers by name and by form: the text, and the secret in it.
fn carried(dice: &mut Dice) -> (String, String) {
    let name = secret_name(dice);
    let named = if dice.below(2) == 0 { weak_looking(dice) } else { telling(dice) };
    let alone = telling(dice);
    let letters = dice.string(LOWER, 6);
    match dice.below(18) {
        0 => (format!("export {name}={named}"), named),
        1 => (format!("{{\"{name}\": \"{named}\", \"epochs\": \"12\"}}"), named),
        2 => (format!("{{'region': 'eu-west-1', '{name}': '{named}'}}"), named),
        3 => (format!("{name}: {named}"), named),
        4 => (format!("train.py --epochs 3 --{} {named} --lr 0.1", name.replace('_', "-")), named),
        5 => (
            format!("https://api.example.com/v1/{letters}?{name}={}&page=2", named.replace('+', "-")),
            named.replace('+', "-"),
        ),
        6 => (
            format!("postgresql://svc:{}@db.internal:5432/{letters}", named.replace('/', "_")),
            named.replace('/', "_"),
        ),
        7 => (format!("Server=tcp:db;Database=ml;User=svc;{name}={named};Timeout=30"), named),
        8 => (format!("body {{\\\"{name}\\\":\\\"{named}\\\",\\\"a\\\":1}}"), named),
        9 => (format!("q=1%26{name}%3D{named}%26z=2"), named),
        10 => (format!("[02:11:58] Authorization: Bearer {alone}"), alone),
        11 => (format!("curl -H 'X-Auth: {alone}' failed with 403"), alone),
        12 => (format!("Traceback: invalid token {alone} (expired)"), alone),
        13 => (format!("{{\"Key\": \"{name}\", \"Value\": \"{named}\"}}"), named),
        14 => {
            let signature = dice.string(HEX, 64);
            let date = dice.string("0123456789", 8);
            (
                format!(
                    "https://b.s3.amazonaws.com/m.tgz?X-Amz-Date={date}&X-Amz-Signature={signature}&X-Amz-Expires=60"
                ),
                signature,
            )
        }
        15 => {
            let body = dice.string(BASE64, 200);
            (format!("-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\n"), body)
        }
        16 => (
            format!("git clone https://{}@github.com/acme/{letters}.git", alone.replace('/', "_")),
            alone.replace('/', "_"),
        ),
        _ => (format!("DEBUG env {letters}=1 {name}={named} other=2"), named),
    }
}

#[test]
fn recall_on_seeded_secrets_in_free_text() {
    let mut dice = Dice(0x5eed);
    let total = 6_000;
    let missed: Vec<String> = (0..total)
        .filter_map(|_| {
            let (text, secret) = carried(&mut dice);
            scrub(&text).contains(&secret).then_some(text)
        })
        .collect();
    assert!(missed.len() * 1_000 <= total * 5, "{} of {total} missed: {missed:#?}", missed.len());
}

#[test]
fn recall_on_seeded_secrets_under_their_names() {
    let mut dice = Dice(77);
    for _ in 0..3_000 {
        let (name, secret) = (secret_name(&mut dice), weak_looking(&mut dice));
        assert!(!value(&name, &secret).as_str().contains(&secret), "{name}={secret}");
    }
}

/// What operators read all day, with random ids where AWS puts them.
fn benign(dice: &mut Dice) -> (&'static str, String) {
    let id = dice.string("abcdefghijklmnopqrstuvwxyz0123456789", 12);
    let (hex40, hex64) = (dice.string(HEX, 40), dice.string(HEX, 64));
    let uuid = [8, 4, 4, 4, 12].map(|len| dice.string(HEX, len)).join("-");
    let (upper, mixed) = (dice.string(UPPER, 16), dice.string(BASE62, 10));
    match dice.below(36) {
        0 => ("Image", format!("447100000921.dkr.ecr.eu-west-1.amazonaws.com/fraud-train@sha256:{hex64}")),
        1 => {
            ("ModelDataUrl", format!("s3://acme-ml-prod-models/fraud/pipelines-{id}-Train-{mixed}/output/model.tar.gz"))
        }
        2 => (
            "RoleArn",
            "arn:aws:iam::447100000921:role/service-role/AmazonSageMaker-ExecutionRole-20261123T021100".into(),
        ),
        3 => ("TrainingJobName", format!("pipelines-{id}-TrainModel-{mixed}")),
        4 => ("EndpointArn", "arn:aws:sagemaker:eu-west-1:447100000921:endpoint/fraud-prod".into()),
        5 => ("VolumeKmsKeyId", uuid),
        6 => ("KmsKeyId", format!("arn:aws:kms:eu-west-1:447100000921:key/{uuid}")),
        7 => ("max_tokens", "4096".into()),
        8 => ("pad_token", "<|endoftext|>".into()),
        9 => ("tokenizer", "bert-base-uncased".into()),
        10 => ("Key", "cost-center".into()),
        11 => ("sagemaker_program", "train_distributed_multi_gpu.py".into()),
        12 => ("_tuning_objective_metric", "validation:auc".into()),
        13 => ("git_commit", hex40),
        14 => ("author", "Anna Muster".into()),
        15 => ("primary_key", "transaction_id".into()),
        16 => ("monkey", "capuchin-monkey-classifier-v2".into()),
        17 => ("learning_rate", format!("0.0{}", dice.below(9_999))),
        18 => ("SecretArn", "arn:aws:secretsmanager:eu-west-1:447100000921:secret:prod/db-AbC123".into()),
        19 => ("DB_SECRET_NAME", "prod/fraud/database".into()),
        20 => ("log", format!("AllTraffic/i-0{}", &hex64[..16])),
        21 => ("log", format!("RequestId: {uuid} latency=212ms status=200 path=/invocations")),
        22 => ("log", "2026-11-23T02:11:58Z INFO epoch=12 train-auc:0.93124 validation-auc:0.91872".into()),
        23 => ("log", "File \"/opt/ml/code/evaluate.py\", line 88, in main KeyError: 'merchant_category'".into()),
        24 => ("log", "Loaded checkpoint s3://acme/ckpt/ResNet50ImageClassificationV2/epoch=12-step=4000.ckpt".into()),
        25 => ("log", "authentication mode: IAM, connections=12, token count: 512, key: merchant_category".into()),
        26 => (
            "log",
            format!("https://eu-west-1.console.aws.amazon.com/sagemaker/home?region=eu-west-1#/endpoints/fraud-{id}"),
        ),
        27 => ("log", "ClientError: Unable to assume role arn:aws:iam::447100000921:role/OnCall".into()),
        28 => ("ModelPackageArn", format!("arn:aws:sagemaker:eu-west-1:447100000921:model-package/fraud-{id}/18")),
        29 => ("HyperParameterTuningJobName", "xgboost-tuning-2026-11-23-02-11-05-123-0012ab34".into()),
        30 => ("log", format!("User: arn:aws:sts::447100000921:assumed-role/OnCall/anna is not authorized ({upper})")),
        31 => ("feature", "DaysSinceLastTransactionOverAmountThreshold30d".into()),
        32 => ("AUTH_MODE", "IAM".into()),
        33 => ("S3_OBJECT_KEY", format!("raw/year=2026/month=11/day=23/part-00017-{}.snappy.parquet", &hex64[..32])),
        34 => (
            "sagemaker_submit_directory",
            format!("s3://sagemaker-eu-west-1-447100000921/{id}/source/sourcedir.tar.gz"),
        ),
        _ => ("ClientRequestToken", format!("create-{id}")),
    }
}

#[test]
fn what_operators_need_is_left_alone() {
    let mut dice = Dice(0xbe9);
    let total = 6_000;
    let mut masked = BTreeSet::new();
    let mut count = 0;
    for _ in 0..total {
        let (name, text) = benign(&mut dice);
        let shown = value(name, &text);
        if shown != text.as_str() {
            count += 1;
            masked.insert(format!("{name}: {text} -> {shown}"));
        }
    }
    assert!(count * 100 <= total * 2, "{count} of {total} masked: {masked:#?}");
}

#[test]
fn names() {
    for (names, secret) in [
        (
            "password DB_PASSWORD dbPassword db-pwd PGPASSWORD apiKey API_KEY x-api-key AWS_SECRET_ACCESS_KEY authToken HF_TOKEN \
             hftoken clientSecret DATABASE_DSN credentials creds Authorization conn_string SECRET_KEY_BASE fernet_key salt jwt",
            true,
        ),
        (
            "KmsKeyId Key monkey keyboard tokenizer max_tokens pad_token_id next_token author authority passes SecretArn \
             secret_name AUTH_TYPE connection_timeout max_connections primary_key S3Key TokenCount password_min_length \
             eos_token bypass compass num_attention_heads ClientRequestToken key_file keys author_name",
            false,
        ),
    ] {
        for name in names.split_whitespace() {
            assert_eq!(is_secret_name(name), secret, "{name}");
        }
    }
    assert_eq!(name::words("KMSKeyId_v2.dbPassword"), ["kms", "key", "id", "v2", "db", "password"]);
}

#[test]
fn masks_tell_length_and_sameness_but_not_the_value() {
    let first = value("password", "hunter2");
    assert!(is_mask(first.as_str()), "{first}");
    assert!(first.as_str().starts_with("‹masked 7 #"));
    assert_eq!(first, value("DB_PASSWORD", "hunter2"));
    assert_ne!(first, value("password", "hunter3"));
    assert_eq!(value("password", first.as_str()), first);
    assert_eq!(value("password", ""), "");
    assert_eq!(value("password", "123456").as_str(), value("pwd", "123456").as_str());
    assert!(is_mask(value("password", "123456").as_str()));
    assert_eq!(value("auth", "iam"), "iam");
}

#[test]
fn only_the_secret_part_is_hidden() {
    for (text, kept) in [
        ("postgres://svc:s3cr3t@db:5432/ml", ["postgres://svc:‹", "›@db:5432/ml"]),
        (
            "GET /m?X-Amz-Expires=60&X-Amz-Signature=abcdef0123&x=1",
            ["GET /m?X-Amz-Expires=60&X-Amz-Signature=‹", "›&x=1"],
        ),
        ("{\"a\":1,\"password\":\"x \\\" y\",\"b\":2}", ["{\"a\":1,\"password\":\"‹", "›\",\"b\":2}"]),
        ("run --password hunter2 --lr 1", ["run --password ‹", "› --lr 1"]),
        (
            "POST https://hooks.example.com/services/T01/XXXXaaXXXX1XXXXbXXXXXXXX failed",
            ["POST https://hooks.example.com/services/T01/‹", "› failed"],
        ),
        ("X_TOKEN=eyJhbGciOi retry", ["X_TOKEN=‹", "› retry"]),
        ("Cookie: a=b; session=c\nnext", ["Cookie: ‹", "›\nnext"]),
    ] {
        let shown = scrub(text);
        assert!(shown.starts_with(kept[0]) && shown.ends_with(kept[1]), "{shown}");
    }
    let public = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
    assert_eq!(scrub(public), public);
    assert_eq!(line("a\x1b[2Jb").as_str(), r"a\u{1b}[2Jb");
}

#[test]
fn a_value_that_is_shown_hides_no_secret_behind_it() {
    for (text, secret) in [
        ("pi_key\": \"ab: postgres://h\nDB_PASSWORD=Summer-horse7\npostgres://h", "Summer-horse7"),
        ("token: 'arn:aws:x\nDB_PASSWORD=Summer-horse7\n", "Summer-horse7"),
        ("pi_key: \"://\ntoken: '://\nDB_PASSWORD=Summer-horse7\n", "Summer-horse7"),
        ("password: \"‹masked 7 #3f2a›\nDB_PASSWORD=Summer-horse7\n", "Summer-horse7"),
        ("{\"conn\": \"https://h/q?password=Summer-horse7&x=1\"}", "Summer-horse7"),
        ("token=/a?password=Summer-horse7", "Summer-horse7"),
    ] {
        let once = scrub(text).into_owned();
        assert!(!once.contains(secret), "{once}");
        assert_eq!(scrub(&once), once, "masked twice");
    }
}

#[test]
fn describe_bodies() {
    let mut body = json!({
        "TrainingJobName": "fraud-train",
        "HyperParameters": {"max_depth": "8", "api_key": "abc-def-ghi", "sagemaker_program": "train.py"},
        "Environment": {"DB_PASSWORD": "hunter2", "REGION": "eu-west-1", "DATABASE_URL": "mysql://u:p4ss@h/d"},
        "Tags": [{"Key": "team", "Value": "ml"}, {"Key": "db_secret", "Value": "swordfish"}],
        "ContainerArguments": ["--token", "tok-12345678", "--epochs", "3"],
        "password": 12_345,
        "Image": "447100000921.dkr.ecr.eu-west-1.amazonaws.com/x:1",
    });
    let before = body.clone();
    mask_json(&mut body);
    for open in ["TrainingJobName", "Image"] {
        assert_eq!(body[open], before[open]);
    }
    assert_eq!(body["HyperParameters"]["max_depth"], "8");
    assert_eq!(body["Tags"][0], before["Tags"][0]);
    assert_eq!(body["ContainerArguments"][3], "3");
    let shown = body.to_string();
    for secret in ["abc-def-ghi", "hunter2", "p4ss", "swordfish", "tok-12345678", "12345"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    let once = body.clone();
    mask_json(&mut body);
    assert_eq!(body, once);
}

#[test]
fn hostile_sizes_end_soon() {
    for unit in [
        "password=",
        "a:",
        "name=value=",
        "-----BEGIN ",
        "://@",
        "\"token\":\"",
        "--secret ",
        "Bearer ",
        "=",
        "%3D",
        "A1b",
        "cookie: ${ ",
        "token=${",
        "token: '://\n",
        "token=\"/ key=\\\"/\n",
        "token: %22/ a: '/ key=\\\"/ token=",
    ] {
        let text = unit.repeat(1_000_000 / unit.len());
        assert!(!scrub(&text).is_empty());
    }
    let mut deep = json!("password=x");
    for _ in 0..1_000 {
        deep = json!([deep]);
    }
    mask_json(&mut deep);
    assert!(!deep.to_string().contains("password=x"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_is_masked_once(text in "[a-zA-Z0-9=:&%?\"'\\\\ /@._‹›#é-]{0,60}(password|token)?(=|: ?|\": ?\")?[a-zA-Z0-9 \"'‹›é%]{0,20}") {
        let once = scrub(&text).into_owned();
        prop_assert_eq!(scrub(&once).into_owned(), once);
    }

    #[test]
    fn a_secret_on_a_line_of_its_own_is_hidden_whatever_stands_around(parts in proptest::collection::vec(0..PARTS.len(), 0..24)) {
        let around: String = parts.into_iter().map(|part| PARTS[part]).collect();
        let once = scrub(&format!("{around}\nDB_PASSWORD=Summer-horse7\n{around}")).into_owned();
        prop_assert!(!once.contains("Summer-horse7"), "{}", once);
    }
}

/// What hostile text is made of: names, quotes that stay open, and values that may be shown.
const PARTS: &[&str] = &[
    "pi_key",
    "token",
    "password",
    "Key",
    "Value",
    "\": \"",
    "=",
    ": ",
    "\"",
    "'",
    "\\\"",
    "\\",
    "%22",
    "%27",
    "%3D",
    " ",
    "\n",
    "ab:",
    "postgres://U:p@h?",
    "arn:aws:s3",
    "${",
    "/x",
    "Cookie: ",
    "Authorization: ",
    "--secret ",
    "‹masked 7 #3f2a›",
    "x7",
    "&",
    "{",
    "true",
];
