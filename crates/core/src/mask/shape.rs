//! Which values are secrets, or are not, by their form.

/// Points to a secret or is none: nothing, an ARN, a placeholder, `true`.
pub(super) fn is_reference(value: &str) -> bool {
    let value = value.trim();
    value.is_empty()
        || ["arn:aws", "s3://", "{{resolve:", "${", "$("].iter().any(|start| value.starts_with(start))
        || ["true", "false", "none", "null", "yes", "no", "nil", "undefined", "***", "****", "********"]
            .iter()
            .any(|word| value.eq_ignore_ascii_case(word))
}

/// A setting rather than a secret, under a name that may hold either: a number, a path, a word of a short list.
pub(super) fn is_setting(value: &str) -> bool {
    const WORDS: &[&str] = &[
        "iam",
        "sso",
        "basic",
        "bearer",
        "oauth",
        "oauth2",
        "oidc",
        "saml",
        "kerberos",
        "plain",
        "tls",
        "ssl",
        "mtls",
        "auto",
        "default",
        "keep-alive",
        "close",
        "upgrade",
        "aws4-hmac-sha256",
        "required",
        "optional",
        "enabled",
        "disabled",
        "negotiate",
    ];
    let value = value.trim();
    value.parse::<f64>().is_ok()
        || value.starts_with('/')
        || is_uuid(value)
        || is_url(value)
        || WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// Text with a URL somewhere in it is none.
fn is_url(value: &str) -> bool {
    let scheme = value.strip_prefix("jdbc:").unwrap_or(value).split_once("://").map_or("", |(scheme, _)| scheme);
    !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(
            |(i, b)| {
                if matches!(i, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() }
            },
        )
}

/// Beginnings by which issuers mark their keys, and how long what follows is at least.
const PREFIXES: &[(&str, usize)] = &[
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("xoxa-", 16),
    ("xapp-", 16),
    ("sk-", 20),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("rk_live_", 16),
    ("hf_", 20),
    ("AIza", 30),
    ("ya29.", 20),
    ("dapi", 30),
    ("npm_", 20),
    ("pypi-", 20),
    ("SG.", 30),
    ("shpat_", 20),
    ("dckr_pat_", 16),
    ("FwoGZXIvYXdz", 20),
    ("IQoJb3JpZ2lu", 20),
    ("whsec_", 16),
    ("lsv2_", 20),
    ("r8_", 30),
    ("gsk_", 20),
];

/// True for one run of letters, digits and `+/=_.-` that gives itself away.
pub(super) fn is_secret(token: &str) -> bool {
    token.len() >= 16 && (is_access_key_id(token) || has_prefix(token) || is_jwt(token) || is_random(token))
}

fn is_access_key_id(token: &str) -> bool {
    token.split(['/', '.', '-', '_', '+', '=']).any(|part| {
        part.len() == 20
            && (part.starts_with("AKIA") || part.starts_with("ASIA"))
            && part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    })
}

fn has_prefix(token: &str) -> bool {
    PREFIXES.iter().any(|(prefix, more)| {
        token.strip_prefix(prefix).is_some_and(|rest| {
            rest.len() >= *more && rest.bytes().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        })
    })
}

fn is_jwt(token: &str) -> bool {
    token.starts_with("eyJ") && token.len() >= 30 && token.split('.').filter(|part| part.len() >= 8).count() >= 2
}

/// Long, of mixed classes, and with few pieces that read like words, dates or hex.
fn is_random(token: &str) -> bool {
    let whole = token.trim_matches(['/', '.', '-']);
    if whole.len() >= 32 && !whole.contains('.') && looks_random(whole, 0.3) {
        return true;
    }
    whole
        .split(['/', '.', '-', '_'])
        .any(|piece| (piece.len() >= 20 && looks_random(piece, 0.5)) || (piece.len() >= 32 && is_opaque(piece)))
}

fn looks_random(text: &str, wordy_max: f64) -> bool {
    let has = |class: fn(&u8) -> bool| text.as_bytes().iter().any(class);
    has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && wordy_share(text) <= wordy_max
}

/// One case and digits, not hex: keys in base 32 and base 36.
fn is_opaque(piece: &str) -> bool {
    let digits = piece.bytes().filter(u8::is_ascii_digit).count();
    piece.bytes().all(|b| b.is_ascii_alphanumeric())
        && !piece.bytes().all(|b| b.is_ascii_hexdigit())
        && digits * 12 >= piece.len()
        && wordy_share(piece) <= 0.3
}

/// The share of letters and digits that lie in words, numbers of four digits or more, and hex ids.
fn wordy_share(text: &str) -> f64 {
    let (mut covered, mut total) = (0, 0);
    for piece in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|piece| !piece.is_empty()) {
        total += piece.len();
        let hex = piece.len() >= 8 && piece.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        covered += if hex { piece.len() } else { wordy_len(piece.as_bytes()) };
    }
    if total == 0 { 1.0 } else { f64::from(covered as u32) / f64::from(total as u32) }
}

fn wordy_len(piece: &[u8]) -> usize {
    let mut covered = 0;
    let mut at = 0;
    while at < piece.len() {
        let run = |class: fn(&u8) -> bool, from: usize| piece[from..].iter().take_while(|b| class(b)).count();
        let digits = run(u8::is_ascii_digit, at);
        if digits > 0 {
            covered += if digits >= 4 { digits } else { 0 };
            at += digits;
            continue;
        }
        let capital = usize::from(piece[at].is_ascii_uppercase());
        let lower = run(u8::is_ascii_lowercase, at + capital);
        let word = &piece[at..at + capital + lower];
        covered += if is_word(word) { word.len() } else { 0 };
        at += word.len().max(1);
    }
    covered
}

/// Four letters or more that can be spoken.
fn is_word(letters: &[u8]) -> bool {
    let vowel = |b: &u8| matches!(b.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u' | b'y');
    letters.len() >= 4 && letters.iter().any(vowel) && letters.split(vowel).all(|consonants| consonants.len() <= 4)
}
