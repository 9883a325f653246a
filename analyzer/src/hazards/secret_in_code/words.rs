//! Which names mean secrets, and which texts look like one.

use super::variable_name;

/// True if a thing of this name is a secret, not something about one
/// (`token_url`) and not a word of a text (`pad_token`).
pub(super) fn means_secret(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "password",
        "passwd",
        "pwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "api_key",
        "access_key",
        "secret_key",
        "private_key",
        "account_key",
        "encryption_key",
        "signing_key",
        "auth_key",
        "subscription_key",
        "credentials",
        "connection_string",
        "conn_str",
        "access_key_id",
    ];
    const OF_TEXTS: &[&str] = &[
        "pad",
        "eos",
        "bos",
        "unk",
        "sep",
        "mask",
        "cls",
        "start",
        "end",
        "stop",
        "oov",
        "special",
        "next",
        "sos",
        "image",
        "sentence",
        "word",
        "first",
        "last",
        "page",
        "continuation",
        "csrf",
        "bot",
        "eot",
        "prompt",
        "additional_special",
        "extra",
        "blank",
        "space",
    ];
    let name = variable_name(name).to_lowercase();
    let Some(word) = WORDS.iter().find(|word| {
        let rest = name.strip_suffix(**word);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
    }) else {
        return false;
    };
    let before = name[..name.len() - word.len()].trim_end_matches('_');
    let of_text = |part: &str| before == part || before.ends_with(&format!("_{part}"));
    !(*word == "token" && OF_TEXTS.iter().any(|part| of_text(part)))
}

/// True if `text` can be the secret itself.
pub(super) fn is_secret(name: &str, text: &str) -> bool {
    const PLACEHOLDERS: &[&str] = &[
        "changeme",
        "change-me",
        "change_me",
        "placeholder",
        "example",
        "dummy",
        "fake",
        "todo",
        "your",
        "insert",
        "replace",
        "redacted",
        "xxx",
        "***",
        "...",
        "none",
        "null",
        "test",
        "undefined",
        "foobar",
        "n/a",
        "unset",
        "default",
    ];
    let lower = text.to_lowercase();
    let letters = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let about_itself = letters(text) == letters(name)
        || means_secret(text)
        || lower.ends_with("password")
        || lower.ends_with("token");
    let is_variable = text.len() > 3
        && text.contains('_')
        && text
            .chars()
            .all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit());
    let has_hole = text.starts_with(['{', '<', '$', '[', '/', '.', '%', ':']);
    let is_file = [
        ".pem", ".json", ".txt", ".key", ".yaml", ".yml", ".toml", ".env",
    ]
    .iter()
    .any(|extension| lower.ends_with(extension));
    // `REQUIRE_API_KEY=false` says whether, not what.
    let is_switch = matches!(
        lower.as_str(),
        "true" | "false" | "on" | "off" | "yes" | "no" | "enabled" | "disabled"
    );
    text.len() >= 4
        && !is_switch
        && !text.contains(char::is_whitespace)
        && !has_hole
        && !text.contains("://")
        && !is_file
        && !is_variable
        && !about_itself
        && !PLACEHOLDERS.iter().any(|word| lower.contains(word))
        && text.chars().any(|c| c.is_alphanumeric())
}

/// What `text` is by its look, and what its variable could be called.
pub(super) fn shape(text: &str) -> Option<(&'static str, &'static str)> {
    const PREFIXES: &[(&str, usize, &str, &str)] = &[
        ("AKIA", 20, "an AWS access key", "AWS_ACCESS_KEY_ID"),
        ("ASIA", 20, "an AWS access key", "AWS_ACCESS_KEY_ID"),
        ("ghp_", 36, "a GitHub token", "GITHUB_TOKEN"),
        ("gho_", 36, "a GitHub token", "GITHUB_TOKEN"),
        ("ghs_", 36, "a GitHub token", "GITHUB_TOKEN"),
        ("github_pat_", 40, "a GitHub token", "GITHUB_TOKEN"),
        ("glpat-", 20, "a GitLab token", "GITLAB_TOKEN"),
        ("sk-", 32, "an API key", "API_KEY"),
        ("sk_live_", 24, "a Stripe key", "STRIPE_API_KEY"),
        ("xoxb-", 24, "a Slack token", "SLACK_TOKEN"),
        ("xoxp-", 24, "a Slack token", "SLACK_TOKEN"),
        ("AIza", 35, "a Google API key", "GOOGLE_API_KEY"),
        ("hf_", 34, "a Hugging Face token", "HF_TOKEN"),
        ("dapi", 36, "a Databricks token", "DATABRICKS_TOKEN"),
    ];
    if text.trim_start().starts_with("-----BEGIN") && text.contains("PRIVATE KEY") {
        return Some(("a private key", "PRIVATE_KEY"));
    }
    let azure = text.contains("AccountKey=") || text.contains("SharedAccessKey=");
    if azure && !text.contains(['{', '<']) {
        return Some((
            "a connection string with its key",
            "AZURE_STORAGE_CONNECTION_STRING",
        ));
    }
    let whole = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let known = PREFIXES.iter().find(|(prefix, length, ..)| {
        text.starts_with(prefix)
            && text.len() >= *length
            && text.chars().all(whole)
            && text.chars().any(|c| c.is_ascii_digit())
            && !text.to_lowercase().contains("xxxx")
    });
    if let Some((_, _, what, variable)) = known {
        return Some((what, variable));
    }
    let (_, rest) = text.split_once("://")?;
    let host = rest.split(['/', '?', ' ']).next()?;
    let (user, _) = host.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    let is_real = !password.is_empty()
        && !password.starts_with(['{', '<', '$', '%', '*'])
        && is_secret("", password);
    is_real.then_some(("a URL with a password", "DATABASE_URL"))
}
