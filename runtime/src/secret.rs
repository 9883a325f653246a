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

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use futures_util::future::BoxFuture;
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
    pub from: SecretFrom,
    /// What is wrong there, and what to do.
    pub why: String,
    /// Why.
    pub source: Option<Box<dyn Error + Send + Sync>>,
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

/// What stands for a secret or is the text itself.
pub(crate) async fn opened(
    secrets: Option<&dyn Secrets>,
    text: &str,
) -> Result<String, SecretError> {
    let wrong = |from: SecretFrom, why: &str| SecretError {
        from,
        why: why.to_owned(),
        source: None,
    };
    match SecretFrom::parse(text) {
        None => Ok(text.to_owned()),
        Some(Ok(from)) => match secrets {
            Some(secrets) => Ok(secrets.text(&from).await?.to_string()),
            None => Err(wrong(
                from,
                "this program was given nobody who knows secrets",
            )),
        },
        // A checked file has none; one's own program may.
        Some(Err(why)) => Err(wrong(SecretFrom::Env(String::new()), &why.to_string())),
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
                    false => Err(SecretError {
                        from: from.clone(),
                        why: "it is gone".to_owned(),
                        source: None,
                    }),
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
        assert_eq!(plain, "sqlite:a.db");
        let found = opened(Some(&told), "secret:env:DB").await.unwrap();
        assert_eq!(found, "postgres://me:s3cret@db/a");
        let gone = opened(Some(&told), "secret:env:OTHER").await.unwrap_err();
        assert_eq!(gone.to_string(), "secret:env:OTHER: it is gone");
        let nobody = opened(None, "secret:env:DB").await.unwrap_err();
        assert!(nobody.to_string().contains("nobody"), "{nobody}");
    }
}
