//! [`SecretFrom`]: where a secret is; and [`Secrets`], who finds it there.
//!
//! A file of configuration says where its secrets are, and never what they are:
//!
//! ```text
//! secret:env:CHURN_DB            a variable of the environment
//! secret:file:db.secret          a file, relative to functions.toml
//! secret:vault:churn-db          a secret of the file's Key Vault, as it is now
//! secret:vault:churn-db/4387…    this version of it, for good
//! ```

use std::fmt;
use std::str::FromStr;

use futures_util::future::BoxFuture;
use url::Url;
use zeroize::Zeroizing;

/// What a reference to a secret begins with.
pub const SCHEME: &str = "secret:";

/// Where a secret is. It can be shown: what is there is not in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(try_from = "String")]
pub enum SecretFrom {
    /// In this variable of the environment.
    Env(String),
    /// In this file, relative to `functions.toml`.
    File(String),
    /// In the Key Vault that `functions.toml` names.
    Vault(VaultSecret),
}

/// A secret of a Key Vault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VaultSecret {
    /// Letters, digits and `-`, at most 127.
    pub name: String,
    /// One version; without, the one that is current.
    pub version: Option<String>,
}

/// A text that says nowhere where a secret is. What it says instead is not
/// repeated: it may be the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSecretFrom {
    /// It is no reference.
    #[error("it is none of secret:env:VARIABLE, secret:file:PATH and secret:vault:NAME")]
    Form,
    /// Key Vault has no such names.
    #[error(
        "a secret of a Key Vault has a name of letters, digits and dashes, at most 127, and perhaps a version behind a slash: secret:vault:NAME/VERSION"
    )]
    Vault,
}

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("{from}: {why}")]
pub struct SecretError {
    /// Where it should be.
    pub from: String,
    /// What is wrong there, and what to do.
    pub why: String,
    /// Whether it may be had a little later.
    pub may_pass: bool,
}

impl SecretError {
    /// It will not be had by asking again.
    pub fn lasting(from: &SecretFrom, why: impl Into<String>) -> SecretError {
        SecretError {
            from: from.to_string(),
            why: why.into(),
            may_pass: false,
        }
    }
}

/// Who knows secrets. Asked again, it may say another: secrets change.
pub trait Secrets: fmt::Debug + Send + Sync {
    /// What is there now.
    fn text<'a>(
        &'a self,
        from: &'a SecretFrom,
    ) -> BoxFuture<'a, Result<Zeroizing<String>, SecretError>>;
}

impl SecretFrom {
    /// A text that is a reference; `None` where it is none, and does not say so.
    ///
    /// # Errors
    /// When it says that it is one.
    pub fn parse(text: &str) -> Option<Result<SecretFrom, NoSecretFrom>> {
        text.starts_with(SCHEME).then(|| text.parse())
    }
}

impl VaultSecret {
    /// `NAME` or `NAME/VERSION`.
    ///
    /// # Errors
    /// When Key Vault has no such names.
    pub fn parse(text: &str) -> Result<VaultSecret, NoSecretFrom> {
        const LONGEST: usize = 127;
        let (name, version) = match text.split_once('/') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        let is_name = |text: &str| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            (1..=LONGEST).contains(&text.len()) && text.bytes().all(known)
        };
        if !is_name(name) || !version.is_none_or(is_name) {
            return Err(NoSecretFrom::Vault);
        }
        Ok(VaultSecret {
            name: name.to_owned(),
            version: version.map(ToOwned::to_owned),
        })
    }
}

impl FromStr for SecretFrom {
    type Err = NoSecretFrom;

    fn from_str(text: &str) -> Result<SecretFrom, NoSecretFrom> {
        let place = text
            .strip_prefix(SCHEME)
            .and_then(|rest| rest.split_once(':'));
        match place {
            Some(("env", name)) if !name.is_empty() && !name.contains(['=', '\0']) => {
                Ok(SecretFrom::Env(name.to_owned()))
            }
            Some(("file", path)) if !path.is_empty() => Ok(SecretFrom::File(path.to_owned())),
            Some(("vault", secret)) => VaultSecret::parse(secret).map(SecretFrom::Vault),
            _ => Err(NoSecretFrom::Form),
        }
    }
}

impl TryFrom<String> for SecretFrom {
    type Error = NoSecretFrom;

    fn try_from(text: String) -> Result<SecretFrom, NoSecretFrom> {
        text.parse()
    }
}

impl fmt::Display for SecretFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretFrom::Env(name) => write!(f, "{SCHEME}env:{name}"),
            SecretFrom::File(path) => write!(f, "{SCHEME}file:{path}"),
            SecretFrom::Vault(secret) => write!(f, "{SCHEME}vault:{secret}"),
        }
    }
}

impl fmt::Display for VaultSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.version {
            Some(version) => write!(f, "/{version}"),
            None => Ok(()),
        }
    }
}

/// A database's URL as it may be shown: what is no such URL may be anything, but
/// for what says where a secret is.
pub(crate) fn without_password(url: &str) -> String {
    let Some(scheme @ ("postgres" | "postgresql")) =
        url.split_once("://").map(|(scheme, _)| scheme)
    else {
        return match url.strip_prefix("sqlite:") {
            Some(path) => format!("sqlite:{path}"),
            None if SecretFrom::parse(url).is_some_and(|from| from.is_ok()) => url.to_owned(),
            None => "what is given".to_owned(),
        };
    };
    // A slash in a password makes a host of what is before it.
    let parsed = Url::parse(url).ok().filter(|url| !url.path().contains('@'));
    let Some(parsed) = parsed else {
        return format!("{scheme}://…");
    };
    let user = match parsed.username() {
        "" => String::new(),
        user => format!("{user}@"),
    };
    let host = parsed.host_str().unwrap_or_default();
    let port = parsed
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    format!("{scheme}://{user}{host}{port}{}", parsed.path())
}

/// What a text stands for, where it says that it stands for a secret.
pub(crate) async fn opened(
    secrets: Option<&dyn Secrets>,
    text: &str,
) -> Result<Option<Zeroizing<String>>, SecretError> {
    let from = match SecretFrom::parse(text) {
        None => return Ok(None),
        Some(Ok(from)) => from,
        // A checked file has none; one's own program may.
        Some(Err(why)) => {
            return Err(SecretError {
                from: SCHEME.to_owned() + "…",
                why: why.to_string(),
                may_pass: false,
            });
        }
    };
    match secrets {
        Some(secrets) => secrets.text(&from).await.map(Some),
        None => {
            let why = "this program was given nobody who knows secrets: see `Opened::knowing`";
            Err(SecretError::lasting(&from, why))
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Knows what stands at one place.
    #[derive(Debug)]
    pub(crate) struct Told(pub(crate) &'static str, pub(crate) &'static str);

    impl Secrets for Told {
        fn text<'a>(
            &'a self,
            from: &'a SecretFrom,
        ) -> BoxFuture<'a, Result<Zeroizing<String>, SecretError>> {
            let is_here = from.to_string() == self.0;
            Box::pin(async move {
                match is_here {
                    true => Ok(Zeroizing::new(self.1.to_owned())),
                    false => Err(SecretError::lasting(from, "it is gone")),
                }
            })
        }
    }

    #[test]
    fn a_reference_says_where_and_is_written_as_it_is_read() {
        let vault = |name: &str, version: Option<&str>| {
            SecretFrom::Vault(VaultSecret {
                name: name.to_owned(),
                version: version.map(ToOwned::to_owned),
            })
        };
        for (text, from) in [
            (
                "secret:env:CHURN_DB",
                SecretFrom::Env("CHURN_DB".to_owned()),
            ),
            (
                "secret:file:/run/a:b",
                SecretFrom::File("/run/a:b".to_owned()),
            ),
            ("secret:vault:churn-db", vault("churn-db", None)),
            (
                "secret:vault:churn-db/43f7",
                vault("churn-db", Some("43f7")),
            ),
        ] {
            assert_eq!(text.parse(), Ok(from.clone()), "{text}");
            assert_eq!(from.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_and_not_repeated() {
        for text in [
            "s3cret",
            "secret:s3cret",
            "secret:env:",
            "secret:env:A=s3cret",
            "secret:file:",
            "secret:vault:",
            "secret:vault:s3cret/",
            "secret:vault:s3cret/1/2",
            "secret:vault:s3_cret",
            "secret:https://s3cret",
        ] {
            let refused = text.parse::<SecretFrom>().unwrap_err().to_string();
            assert!(!refused.contains("s3"), "{refused}");
        }
        let long = format!("secret:vault:{}", "a".repeat(128));
        assert_eq!(long.parse::<SecretFrom>(), Err(NoSecretFrom::Vault));
        assert_eq!(SecretFrom::parse("postgres://db/a"), None);
    }

    #[tokio::test]
    async fn a_reference_is_opened_and_other_text_stays() {
        let told = Told("secret:env:DB", "postgres://me:s3cret@db/a");
        let plain = opened(Some(&told), "sqlite:a.db").await.unwrap();
        assert_eq!(plain, None);
        let found = opened(Some(&told), "secret:env:DB").await.unwrap();
        assert_eq!(found.unwrap().as_str(), "postgres://me:s3cret@db/a");
        let gone = opened(Some(&told), "secret:env:OTHER").await.unwrap_err();
        assert_eq!(gone.to_string(), "secret:env:OTHER: it is gone");
        let nobody = opened(None, "secret:env:DB").await.unwrap_err();
        assert!(nobody.to_string().contains("nobody"), "{nobody}");
    }

    #[test]
    fn a_url_is_shown_without_what_may_be_a_secret() {
        for (url, shown) in [
            ("sqlite:var/a.db", "sqlite:var/a.db"),
            ("postgres://db/shop", "postgres://db/shop"),
            (
                "postgres://me:s3cret@db:5432/shop",
                "postgres://me@db:5432/shop",
            ),
            (
                "postgres://me:s3@cret@db/shop?password=s3",
                "postgres://me@db/shop",
            ),
            (
                "postgresql://db/shop?user=me&password=s3cret",
                "postgresql://db/shop",
            ),
            ("postgres://me:12/s3cret@db/shop", "postgres://…"),
            ("postgres://me:s3/cret@db/shop", "postgres://…"),
            ("host=db user=me password=s3cret", "what is given"),
            ("mysql://me:s3cret@db/shop", "what is given"),
            ("s3cret", "what is given"),
            ("secret:env:CHURN_DB", "secret:env:CHURN_DB"),
            ("secret:s3cret", "what is given"),
        ] {
            assert_eq!(without_password(url), shown, "{url}");
        }
    }
}
