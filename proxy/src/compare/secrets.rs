//! What is secret by its name, or by what it looks like.
//!
//! A guard against what nobody thought of naming, and no more: it knows the
//! forms of tokens and keys that are in wide use.

use super::redact::BLACKENED;

/// Headers that carry credentials.
pub(super) fn is_header(name: &str) -> bool {
    matches!(
        name,
        "authorization"
            | "proxy-authorization"
            | "authentication-info"
            | "cookie"
            | "set-cookie"
            | "x-api-key"
            | "api-key"
            | "apikey"
            | "x-auth-token"
            | "x-access-token"
            | "x-csrf-token"
            | "x-xsrf-token"
            | "x-amz-security-token"
            | "x-goog-api-key"
            | "x-functions-key"
            | "x-vault-token"
            | "ocp-apim-subscription-key"
            | "x-amzn-oidc-data"
            | "x-forwarded-access-token"
            | "private-token"
    )
}

/// Endings of names, without `-` and `_`, in lower case.
const NAMES: [&str; 14] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "subscriptionkey",
    "credentials",
    "authorization",
    "connectionstring",
    "creditcard",
];

/// Of `NAMES`.
const LONGEST_NAME: usize = 16;

/// A word of a text is called a token too: one that lets somebody in is longer.
const SHORTEST_TOKEN: usize = 16;

/// Whether a member or parameter of this name and value is secret. Where the
/// value is not known to be a text, only the name tells.
pub(super) fn is_named(name: &str, value: Option<&str>) -> bool {
    // Only the end tells; what is asked for each name of a document is asked
    // without taking memory.
    let mut end = [0; LONGEST_NAME + 1];
    let mut from = end.len();
    let letters = name
        .bytes()
        .rev()
        .filter(|b| !matches!(b, b'-' | b'_' | b'.'));
    for letter in letters.take(end.len()) {
        from -= 1;
        end[from] = letter.to_ascii_lowercase();
    }
    let end = &end[from..];
    if NAMES.iter().any(|secret| end.ends_with(secret.as_bytes())) || end == b"sig" {
        return true;
    }
    let long = |value: &str| value.len() >= SHORTEST_TOKEN && !value.contains(char::is_whitespace);
    end.ends_with(b"token") && value.is_some_and(long)
}

/// How tokens and keys begin, and the fewest characters that follow.
const PREFIXES: [(&str, usize); 24] = [
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("ya29.", 20),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghu_", 30),
    ("ghs_", 30),
    ("ghr_", 30),
    ("github_pat_", 30),
    ("glpat-", 16),
    ("hf_", 30),
    ("npm_", 30),
    ("pypi-", 30),
    ("dapi", 32),
    ("sk-", 20),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("rk_live_", 16),
    ("xoxb-", 10),
    ("xoxa-", 10),
    ("xoxp-", 10),
    ("xoxr-", 10),
    ("SG.", 30),
];

/// The text without what looks like a secret; None where there is none.
pub(super) fn blackened(text: &str) -> Option<String> {
    let mut black = String::new();
    let mut left = text;
    let mut found = false;
    let mut after_scheme = false;
    while !left.is_empty() {
        if left.starts_with("-----BEGIN ")
            && let Some(end) = end_of_key(left)
        {
            black.push_str(BLACKENED);
            left = &left[end..];
            found = true;
            continue;
        }
        let word_len = left.find(|c| !is_word(c)).unwrap_or(left.len());
        if word_len == 0 {
            let step = left.chars().next().map_or(1, char::len_utf8);
            if let Some((userinfo, at)) = userinfo(left) {
                black.push_str("://");
                black.push_str(BLACKENED);
                left = &left[at..];
                found |= !userinfo.is_empty();
                continue;
            }
            // Only blanks may stand between `Bearer` and what it bears.
            after_scheme &= left.starts_with(' ');
            black.push_str(&left[..step]);
            left = &left[step..];
            continue;
        }
        let word = &left[..word_len];
        if (after_scheme && word.len() >= 8) || is_token(word) {
            black.push_str(BLACKENED);
            found = true;
        } else {
            black.push_str(word);
        }
        let schemes = ["bearer", "basic", "apikey"];
        after_scheme = schemes
            .iter()
            .any(|scheme| word.eq_ignore_ascii_case(scheme));
        left = &left[word_len..];
    }
    found.then_some(black)
}

/// What tokens are made of.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '/' | '~')
}

fn is_token(word: &str) -> bool {
    let known = PREFIXES.iter().any(|(prefix, least)| {
        let rest = word.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.len() >= *least && !rest.contains('/'))
    });
    known || is_jwt(word)
}

/// Three parts in Base64, the first an object (RFC 7519).
fn is_jwt(word: &str) -> bool {
    let parts = word.split('.');
    word.starts_with("eyJ") && word.len() >= 30 && parts.clone().count() == 3
}

/// Behind a private key in PEM (RFC 7468), whole or cut off.
fn end_of_key(text: &str) -> Option<usize> {
    let (label, _) = text
        .split_once("-----\n")
        .or_else(|| text.split_once("-----\\n"))
        .or_else(|| text.split_once("-----\r"))?;
    if !label.ends_with("PRIVATE KEY") || label.len() > 60 {
        return None;
    }
    let end = text.find("-----END ").map(|at| at + "-----END ".len());
    let end = end.and_then(|at| text[at..].find("-----").map(|len| at + len + 5));
    Some(end.unwrap_or(text.len()))
}

/// Of `://user:password@host`: who, and where the `@` stands.
fn userinfo(text: &str) -> Option<(&str, usize)> {
    let rest = text.strip_prefix("://")?;
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '<' | '>' | '?'));
    let authority = &rest[..end.unwrap_or(rest.len())];
    let (userinfo, _) = authority.rsplit_once('@')?;
    userinfo
        .contains(':')
        .then_some((userinfo, 3 + userinfo.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_and_keys_are_found_where_they_stand() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
        for (text, black) in [
            ("Bearer abcdefgh12", "Bearer [redacted]"),
            (
                "got 'basic dXNlcjpwYXNz' here",
                "got 'basic [redacted]' here",
            ),
            (jwt, "[redacted]"),
            ("key=AKIAIOSFODNN7EXAMPLE;", "key=[redacted];"),
            ("postgres://eve:hunter2@db/x", "postgres://[redacted]@db/x"),
            (
                "a -----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nb",
                "a [redacted]\nb",
            ),
            ("-----BEGIN PRIVATE KEY-----\nabc", "[redacted]"),
        ] {
            assert_eq!(blackened(text).as_deref(), Some(black), "{text}");
        }
        for text in [
            "the bearer of news",
            "sk-learn",
            "basic (linear) model",
            "https://host/a@b",
            "eyJ.a.b",
            "",
            "-----BEGIN CERTIFICATE-----\nabc",
        ] {
            assert_eq!(blackened(text), None, "{text}");
        }
    }

    #[test]
    fn names() {
        for name in [
            "password",
            "DB_PASSWORD",
            "client_secret",
            "X-Api-Key",
            "secretAccessKey",
            "sig",
        ] {
            assert!(is_named(name, None), "{name}");
        }
        for name in [
            "secretary",
            "passing",
            "key",
            "monkey",
            "token",
            "max_tokens",
            "signal",
        ] {
            assert!(!is_named(name, Some("short")), "{name}");
        }
        assert!(NAMES.iter().all(|name| name.len() <= LONGEST_NAME));
        assert!(is_named("the_connection_string", None));
        assert!(is_named("access_token", Some("0123456789abcdef")));
        assert!(!is_named("token", Some("a word of a text")));
    }

    proptest! {
        #[test]
        fn nothing_breaks_it_and_nothing_else_changes(text in "(\\PC|Bearer |://|@|-----BEGIN |PRIVATE KEY-----\n|eyJ){0,12}") {
            if let Some(black) = blackened(&text) {
                prop_assert!(black.contains(BLACKENED));
            }
        }
    }
}
