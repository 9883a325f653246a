//! Asks the admin interface of a running proxy.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use cutline_proxy::control::{AdminAddress, FolderError, StateFolder, token};
use serde::Deserialize;
use serde_json::Value;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use crate::error::{CommandError, Kind};
use crate::trust::{system_tls, tls};

/// Where the running proxy is.
#[derive(Args)]
pub(crate) struct AdminArgs {
    /// State folder of the proxy, which says where it is and holds its token.
    #[arg(long, value_name = "DIR", default_value = ".cutline")]
    state: PathBuf,
    /// Its admin interface [default: the one in the state folder].
    #[arg(long, value_name = "URL")]
    admin: Option<String>,
    /// File with its token [default: the one in the state folder].
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Certificates by which an https interface is known [default: those the
    /// state folder names; with --admin the system's].
    #[arg(long, value_name = "FILE")]
    admin_ca: Option<PathBuf>,
}

/// Knows where the interface is, and what it wants to see.
pub(crate) struct Client {
    agent: Agent,
    url: String,
    token: String,
}

#[derive(Deserialize)]
struct Refusal {
    stage: Option<String>,
    cause: String,
    mend: String,
}

impl AdminArgs {
    /// Of the proxy with this state folder.
    #[cfg(feature = "runtime")]
    pub(crate) fn of(state: PathBuf) -> AdminArgs {
        AdminArgs {
            state,
            admin: None,
            token_file: None,
            admin_ca: None,
        }
    }

    /// Finds the interface and its token.
    pub(crate) fn client(&self) -> Result<Client, CommandError> {
        let folder = StateFolder::at(&self.state);
        let address = match &self.admin {
            Some(url) => AdminAddress {
                url: url.trim_end_matches('/').to_owned(),
                secure: None,
            },
            None => folder.address().map_err(|error| self.no_proxy(error))?,
        };
        let url = address.url;
        let tls = match is_secret(&url)? {
            true => {
                let known = address.secure.as_ref().map(|secure| &*secure.trusted);
                Some(trusting(self.admin_ca.as_deref().or(known))?)
            }
            false => None,
        };
        let file = self.token_file.clone();
        let token = token(&file.unwrap_or_else(|| folder.token_file()))
            .map_err(|error| CommandError::new(Kind::Configuration, error))?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(30)))
            .tls_config(tls.unwrap_or_default())
            .build();
        let at = Connect(address.secure.map(|secure| secure.connect));
        Ok(Client {
            agent: Agent::with_parts(config, DefaultConnector::new(), at),
            url,
            token,
        })
    }

    fn no_proxy(&self, error: FolderError) -> CommandError {
        let shown = self.state.display();
        let context = format!("no proxy runs with the state folder {shown}");
        let error = anyhow::Error::new(error).context(context);
        CommandError::from(error).hint(
            "--state names the folder beside the proxy's routes.toml, --admin the interface itself",
        )
    }
}

/// Whether TLS is spoken; an error where the token would cross the network in
/// the clear.
fn is_secret(url: &str) -> Result<bool, CommandError> {
    let wrong = |what: &str| {
        let error = CommandError::message(Kind::Usage, format!("{url} {what}"));
        error.hint("write http://127.0.0.1:9901; from elsewhere, forward that port through ssh, or give the interface a certificate (admin_tls) and write https://")
    };
    let uri: Uri = url.parse().map_err(|_| wrong("is not a URL"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Ok(true),
        _ => return Err(wrong("is neither an http nor an https URL")),
    }
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    match loopback || host == "localhost" {
        true => Ok(false),
        false => Err(wrong("is not on this machine's loopback")),
    }
}

/// Believes whom the certificates in a file vouch for, or those of the system.
fn trusting(file: Option<&Path>) -> Result<TlsConfig, CommandError> {
    let certificates = match file {
        Some(file) => certificates(file)
            .map_err(|error| CommandError::new(Kind::Configuration, error).hint(KNOWN_BY))?,
        None => return Ok(system_tls()),
    };
    Ok(tls(certificates, None))
}

const KNOWN_BY: &str = "--admin-ca names a file, in PEM, with the interface's own certificate or that of the authority that signed it";

pub(crate) fn certificates(file: &Path) -> anyhow::Result<Vec<Certificate<'static>>> {
    let shown = file.display();
    let text = fs::read(file).with_context(|| format!("cannot read {shown}"))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&text) {
        let item = item.with_context(|| format!("{shown} is no PEM"))?;
        if let PemItem::Certificate(certificate) = item {
            certificates.push(certificate);
        }
    }
    anyhow::ensure!(
        !certificates.is_empty(),
        "{shown} holds no certificate in PEM"
    );
    Ok(certificates)
}

/// Where to connect to, if that is known, whatever name is in the URL: a name
/// of the certificate need not lead to this machine.
#[derive(Debug)]
pub(crate) struct Connect(pub(crate) Option<SocketAddr>);

impl Resolver for Connect {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let Some(address) = self.0 else {
            return DefaultResolver::default().resolve(uri, config, timeout);
        };
        let mut addresses = self.empty();
        addresses.push(address);
        Ok(addresses)
    }
}

/// Whether an error is about whom one talks to.
fn is_of_certificate(error: &ureq::Error) -> bool {
    let of = |error: &rustls::Error| matches!(error, rustls::Error::InvalidCertificate(_));
    match error {
        ureq::Error::Rustls(error) => of(error),
        ureq::Error::Io(error) => {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
            inner.is_some_and(of)
        }
        _ => false,
    }
}

impl Client {
    /// Where the interface is.
    #[cfg(all(feature = "demo", unix))]
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What is at `path`.
    pub(crate) fn get(&self, path: &str) -> Result<Value, CommandError> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let response = request.header("authorization", self.bearer()).call();
        self.answer(response)
    }

    /// What comes of sending `document` to `path`.
    pub(crate) fn post(&self, path: &str, document: &Value) -> Result<Value, CommandError> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let response = request
            .header("authorization", self.bearer())
            .header("content-type", "application/json")
            .send(document.to_string());
        self.answer(response)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    fn answer(
        &self,
        response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, CommandError> {
        let mut response = response.map_err(|error| {
            let (what, hint) = match is_of_certificate(&error) {
                true => ("it is not certain who answers at", KNOWN_BY),
                false => (
                    "no proxy answers at",
                    "is it running? cutline proxy --config routes.toml",
                ),
            };
            let error = anyhow::Error::new(error).context(format!("{what} {}", self.url));
            CommandError::from(error).hint(hint)
        })?;
        let text = response
            .body_mut()
            .read_to_string()
            .with_context(|| format!("the answer of {} broke off", self.url))?;
        let status = response.status();
        if status.is_success() {
            let answer = serde_json::from_str(&text);
            return Ok(answer.with_context(|| format!("{} answers no JSON", self.url))?);
        }
        let refusal: Refusal = serde_json::from_str(&text)
            .with_context(|| format!("{} answers {status}: is it a cutline proxy?", self.url))?;
        let message = match &refusal.stage {
            Some(stage) => format!("stage {stage}: {}", refusal.cause),
            None => refusal.cause,
        };
        let kind = match status.as_u16() {
            401 | 403 => Kind::Configuration,
            400..500 => Kind::Usage,
            _ => Kind::Internal,
        };
        Err(CommandError::message(kind, message).hint(refusal.mend))
    }
}
