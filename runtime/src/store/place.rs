//! [`AzurePlace`]: a container of a storage account on Azure, as `store.url`
//! names it.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::queue::QueueName;

/// A container, and the queues of the same account.
#[derive(Clone, PartialEq, Eq)]
pub struct AzurePlace {
    /// What the account is called.
    pub account: String,
    /// Its blob service, without a container.
    pub blobs: Url,
    /// The container that artifacts and cells are in.
    pub container: String,
    /// Its queue service.
    pub queues: Url,
}

/// Why a text names no container.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAzurePlace {
    /// It is no URL of one.
    #[error(
        "{text:?} names no container: write azure:https://ACCOUNT.blob.core.windows.net/CONTAINER"
    )]
    Url {
        /// As written.
        text: String,
    },
    /// It is no URL of a queue service.
    #[error("{text:?} names no queue service: write https://ACCOUNT.queue.core.windows.net")]
    Service {
        /// As written.
        text: String,
    },
    /// A secret stands in it. It is not repeated.
    #[error(
        "there is a secret in it: say where the SAS is with sas = {{ env = \"VARIABLE\" }} beside it"
    )]
    Secret,
    /// What goes there can be read on the way.
    #[error(
        "{host} is not on this machine, and what goes there over http can be read on the way: write https"
    )]
    Plain {
        /// Where it leads.
        host: String,
    },
    /// No container may be called so.
    #[error(
        "{name:?} names no container: use 3 to 63 lowercase letters, digits and single dashes between them"
    )]
    Container {
        /// As written.
        name: String,
    },
    /// Its queues are elsewhere.
    #[error(
        "where the queues of {host} are cannot be told from it: name their service with queues = \"https://…\""
    )]
    Queues {
        /// The blob service.
        host: String,
    },
}

/// With what `store.url` begins.
pub const SCHEME: &str = "azure:";

impl AzurePlace {
    /// Reads `azure:https://ACCOUNT.blob.core.windows.net/CONTAINER`, or, of an
    /// emulator, `azure:http://127.0.0.1:10000/ACCOUNT/CONTAINER`. Where the
    /// account's queues are can be told from the first, unless `queues` says it.
    ///
    /// # Errors
    /// When it is no such URL, holds a secret, or leads off this machine over
    /// http.
    pub fn parse(text: &str, queues: Option<&str>) -> Result<AzurePlace, NoAzurePlace> {
        let no = || NoAzurePlace::Url {
            text: text.to_owned(),
        };
        let mut blobs = service(text.strip_prefix(SCHEME).ok_or_else(no)?, &no)?;
        let segments: Vec<String> = blobs
            .path_segments()
            .into_iter()
            .flatten()
            .filter(|segment| !segment.is_empty())
            .map(str::to_owned)
            .collect();
        let host = blobs.host_str().unwrap_or_default().to_owned();
        let is_styled_by_path = is_styled_by_path(&blobs);
        let (account, container) = match (&segments[..], host.split_once('.')) {
            ([account, container], _) if is_styled_by_path => (account, container),
            ([container], Some((account, _))) if !is_styled_by_path => {
                (&account.to_owned(), container)
            }
            _ => return Err(no()),
        };
        blobs.set_path(if is_styled_by_path { account } else { "" });
        let mut queues = match queues {
            Some(queues) => service(queues.strip_prefix(SCHEME).unwrap_or(queues), &|| {
                NoAzurePlace::Service {
                    text: queues.to_owned(),
                }
            })?,
            None => beside(&blobs, &host)?,
        };
        // Names of queues are put behind it.
        let path = queues.path().trim_end_matches('/').to_owned();
        queues.set_path(&path);
        Ok(AzurePlace {
            account: account.clone(),
            container: container_name(container)?,
            blobs,
            queues,
        })
    }

    /// Another container of the same account.
    ///
    /// # Errors
    /// When no container may be called so.
    pub fn beside(&self, container: &str) -> Result<AzurePlace, NoAzurePlace> {
        Ok(AzurePlace {
            container: container_name(container)?,
            ..self.clone()
        })
    }

    /// Whether it is on this machine: an emulator.
    pub fn is_emulator(&self) -> bool {
        is_loopback(&self.blobs) && is_loopback(&self.queues)
    }
}

impl fmt::Display for AzurePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blobs = self.blobs.as_str().trim_end_matches('/');
        write!(f, "{SCHEME}{blobs}/{}", self.container)
    }
}

impl fmt::Debug for AzurePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} with queues at {}", self.queues)
    }
}

fn service(text: &str, no: &dyn Fn() -> NoAzurePlace) -> Result<Url, NoAzurePlace> {
    // Before anything repeats the text.
    if text.contains("sig=") || text.contains("AccountKey=") {
        return Err(NoAzurePlace::Secret);
    }
    let url = Url::parse(text).map_err(|_| no())?;
    if url.query().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(NoAzurePlace::Secret);
    }
    match url.scheme() {
        "https" if url.has_host() => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" if url.has_host() => Err(NoAzurePlace::Plain {
            host: url.host_str().unwrap_or_default().to_owned(),
        }),
        _ => Err(no()),
    }
}

/// `https://ACCOUNT.queue.…` beside `https://ACCOUNT.blob.…`.
fn beside(blobs: &Url, host: &str) -> Result<Url, NoAzurePlace> {
    let mut queues = blobs.clone();
    let known = host.contains(".blob.");
    let changed = known
        && queues
            .set_host(Some(&host.replacen(".blob.", ".queue.", 1)))
            .is_ok();
    match changed {
        true => Ok(queues),
        false => Err(NoAzurePlace::Queues {
            host: host.to_owned(),
        }),
    }
}

/// Whether the account is in the path, as emulators have it, and not in the name
/// of the host.
pub(crate) fn is_styled_by_path(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        _ => true,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        None => false,
    }
}

/// By Azure's rules, which are those of queues.
fn container_name(name: &str) -> Result<String, NoAzurePlace> {
    match name.parse::<QueueName>() {
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(_) => Err(NoAzurePlace::Container {
            name: name.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str, queues: Option<&str>) -> String {
        match AzurePlace::parse(text, queues) {
            Ok(place) => format!("{} {place:?}", place.account),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn a_url_names_a_container_and_tells_where_the_queues_are() {
        assert_eq!(
            shown("azure:https://churn.blob.core.windows.net/kept", None),
            "churn azure:https://churn.blob.core.windows.net/kept with queues at https://churn.queue.core.windows.net/"
        );
        assert_eq!(
            shown(
                "azure:http://127.0.0.1:10000/dev/kept",
                Some("http://[::1]:10001/dev")
            ),
            "dev azure:http://127.0.0.1:10000/dev/kept with queues at http://[::1]:10001/dev"
        );
        let emulated = "azure:http://localhost:1/dev/kept";
        let place = AzurePlace::parse(emulated, Some("azure:http://localhost:2/dev")).unwrap();
        assert!(place.is_emulator());
        assert_eq!(place.to_string(), emulated);
        let beside = place.beside("incoming").unwrap();
        assert_eq!(beside.to_string(), "azure:http://localhost:1/dev/incoming");
    }

    #[test]
    fn what_names_none_is_refused_and_a_secret_not_repeated() {
        for (text, expected) in [
            ("azure:churn/kept", "names no container: write azure:https"),
            (
                "azure:https://churn.blob.core.windows.net",
                "names no container",
            ),
            (
                "azure:https://churn.blob.core.windows.net/a/b",
                "names no container",
            ),
            (
                "azure:https://churn.blob.core.windows.net/Kept",
                "use 3 to 63",
            ),
            (
                "azure:http://churn.blob.core.windows.net/kept",
                "write https",
            ),
            (
                "azure:https://files.example.com/kept",
                "name their service with queues",
            ),
            (
                "https://churn.blob.core.windows.net/kept",
                "names no container",
            ),
        ] {
            let told = shown(text, None);
            assert!(told.contains(expected), "{text}: {told}");
        }
        for secret in [
            "azure:https://churn.blob.core.windows.net/kept?sv=1&sig=abcd",
            "azure:https://me:abcd@churn.blob.core.windows.net/kept",
            "azure:AccountName=x;AccountKey=abcd",
        ] {
            let told = shown(secret, None);
            assert!(told.contains("there is a secret in it"), "{told}");
            assert!(!told.contains("abcd"), "{told}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_it_is_told_apart(text in "azure:(https?://)?[a-z.:/@?=0-9-]{0,30}") {
            if let Ok(place) = AzurePlace::parse(&text, Some("http://127.0.0.1:1/dev")) {
                let again = AzurePlace::parse(&place.to_string(), Some(place.queues.as_str()));
                prop_assert_eq!(again, Ok(place));
            }
        }
    }
}
