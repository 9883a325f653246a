//! Sends a recorded request once more to one side.

use std::io::Read;
use std::net::ToSocketAddrs;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use cutline_proxy::Outcome;
use cutline_proxy::outcome::{Captured, Failure, Reply};
use cutline_proxy::route::{Side, UpstreamTls, Upstreams};
use ureq::http::header::{HeaderMap, HeaderName, HeaderValue};
use ureq::http::{Method, Request, Uri};
use ureq::tls::{ClientCert, PemItem, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Timeout};

use crate::client::{Connect, certificates};
use crate::error::{CommandError, Kind};
use crate::trust::{system_certificates, tls};

/// What concerned the connection it came over, or is said anew.
const NOT_AGAIN: [&str; 13] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-cutline-shadow",
];

/// A request as it was recorded.
pub(crate) struct Recorded {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// One side, to be asked again.
pub(crate) struct Asker {
    side: Side,
    agent: Agent,
    /// Scheme, host and port.
    base: String,
    /// Sent in place of what the client said.
    host: Option<HeaderValue>,
}

impl Asker {
    /// The first process of a side, reached as routes.toml says.
    pub(crate) fn new(side: Side, upstreams: &Upstreams) -> Result<Asker, CommandError> {
        let wrong = |error: anyhow::Error| {
            let error = error.context(format!("the {} cannot be asked", side.name()));
            CommandError::new(Kind::Configuration, error)
        };
        let no_address = || wrong(anyhow::anyhow!("it names no upstream"));
        let address = upstreams.addresses.first().ok_or_else(no_address)?;
        if upstreams.http2 {
            let what = "it speaks HTTP/2 alone (http2 = true), which replay does not";
            return Err(wrong(anyhow::anyhow!(what)));
        }
        let named = upstreams.tls.as_ref().filter(|_| address.tls);
        let named = named.and_then(|tls| tls.server_name.as_deref());
        // The name in the certificate stands in the URL; it leads elsewhere.
        let (base, connect) = match named {
            Some(name) => {
                let found = (&*address.host, address.port).to_socket_addrs();
                let found = found.with_context(|| address.to_string()).map_err(wrong)?;
                let base = format!("https://{name}:{}", address.port);
                (base, found.into_iter().next())
            }
            None => (address.to_string(), None),
        };
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(0)
            .allow_non_standard_methods(true)
            .proxy(None)
            .user_agent("")
            .accept("")
            .accept_encoding("")
            .timeout_connect(Some(upstreams.timeouts.connect))
            .timeout_recv_response(Some(upstreams.timeouts.first_byte))
            .timeout_per_read(Some(upstreams.timeouts.idle))
            .timeout_global(upstreams.timeouts.total);
        if address.tls {
            config = config.tls_config(secure(upstreams.tls.as_ref()).map_err(wrong)?);
        }
        Ok(Asker {
            side,
            agent: Agent::with_parts(config.build(), DefaultConnector::new(), Connect(connect)),
            base,
            host: upstreams.host.clone(),
        })
    }

    /// What it answers now; of the body, no more than `most` bytes are kept.
    /// None where the request cannot be sent as it was.
    pub(crate) fn ask(&self, recorded: &Recorded, most: usize) -> Option<Outcome> {
        let uri: Uri = format!("{}{}", self.base, recorded.target).parse().ok()?;
        let mut request = Request::new(&recorded.body[..]);
        *request.method_mut() = recorded.method.clone();
        *request.uri_mut() = uri;
        let headers = recorded.headers.iter();
        let kept = headers.filter(|(name, _)| !NOT_AGAIN.contains(&name.as_str()));
        for (name, value) in kept {
            request.headers_mut().append(name, value.clone());
        }
        let shadow = HeaderName::from_static("x-cutline-shadow");
        let headers = request.headers_mut();
        headers.insert(shadow, HeaderValue::from_static("1"));
        if let Some(host) = &self.host {
            headers.insert("host", host.clone());
        }
        let began = Instant::now();
        let answer = match recorded.body.is_empty() {
            true => self.agent.run(request.map(|_| ())),
            false => self.agent.run(request),
        };
        let to_head = began.elapsed();
        let result = answer.map_err(|error| failure(&error)).map(|answer| {
            let (parts, body) = answer.into_parts();
            Reply {
                status: parts.status,
                headers: parts.headers,
                body: captured(body.into_reader(), most),
            }
        });
        Some(Outcome {
            side: self.side,
            to_head,
            result,
        })
    }
}

fn captured(body: impl Read, most: usize) -> Captured {
    let mut read = Vec::new();
    match body.take(most as u64 + 1).read_to_end(&mut read) {
        Err(_) => Captured::Broken,
        Ok(_) if read.len() > most => Captured::TooLong,
        Ok(_) => Captured::Whole(vec![read.into()]),
    }
}

/// As the proxy would call it.
fn failure(error: &ureq::Error) -> Failure {
    use std::io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    match error {
        ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => Failure::ConnectTimeout,
        ureq::Error::Timeout(Timeout::RecvResponse) => Failure::FirstByteTimeout,
        ureq::Error::Timeout(Timeout::Global | Timeout::PerCall) => Failure::TotalTimeout,
        ureq::Error::Timeout(_) => Failure::IdleTimeout,
        ureq::Error::Io(error) => match error.kind() {
            ConnectionRefused | HostUnreachable | NetworkUnreachable => Failure::Connect,
            // What rustls says comes wrapped in one.
            std::io::ErrorKind::InvalidData => Failure::Connect,
            _ => Failure::Closed,
        },
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Rustls(_)
        | ureq::Error::Tls(_) => Failure::Connect,
        ureq::Error::Protocol(_) => Failure::NotHttp,
        _ => Failure::Closed,
    }
}

/// Whom to believe, and who we are.
fn secure(said: Option<&UpstreamTls>) -> anyhow::Result<TlsConfig> {
    let trusted = match said.and_then(|tls| tls.authority.as_ref()) {
        Some(file) => certificates(file)?,
        None => system_certificates(),
    };
    let own = said.and_then(|tls| tls.identity.as_ref());
    let own = own.map(|(chain, key)| identity(chain, key)).transpose()?;
    Ok(tls(trusted, own))
}

fn identity(chain: &Path, key: &Path) -> anyhow::Result<ClientCert> {
    let chain = certificates(chain)?;
    let shown = key.display();
    let text = std::fs::read(key).with_context(|| format!("cannot read {shown}"))?;
    let mut items = parse_pem(&text).filter_map(|item| match item {
        Ok(PemItem::PrivateKey(key)) => Some(key),
        _ => None,
    });
    let key = items
        .next()
        .with_context(|| format!("{shown} holds no private key in PEM"))?;
    Ok(ClientCert::new_with_certs(&chain, key))
}
