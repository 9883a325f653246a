//! [`Post`]: whoever gets spans, over a client that blocks: its thread has
//! nothing else to do.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use ureq::Agent;
use ureq::http::Uri;
use ureq::http::header::{AUTHORIZATION, HeaderValue};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use zeroize::Zeroizing;

use crate::error::{CommandError, Kind};

/// What of an answer is read, in bytes.
const ANSWER: u64 = 64 << 10;

/// Who gives tokens. May block.
pub(super) trait Bearer: Send + Sync {
    /// One that is good now, or why there is none.
    fn token(&self) -> Result<Zeroizing<String>, String>;
}

/// Whoever gets spans.
pub(super) struct Post {
    whom: &'static str,
    agent: Agent,
    bearer: Option<Box<dyn Bearer>>,
    failing: AtomicBool,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Post").field(&self.whom).finish()
    }
}

impl Post {
    /// To whoever that is in the log.
    pub(super) fn to(
        whom: &'static str,
        endpoint: &Uri,
        timeout: Duration,
    ) -> Result<Post, CommandError> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // It would be told the headers, which may hold a secret.
            .max_redirects(0)
            .timeout_global(Some(timeout));
        if endpoint.scheme_str() == Some("https") {
            config = config.tls_config(tls(whom)?);
        }
        Ok(Post {
            whom,
            agent: config.build().into(),
            bearer: None,
            failing: AtomicBool::new(false),
        })
    }

    /// The same, shown a token with each request.
    #[cfg(feature = "azure")]
    pub(super) fn showing(self, bearer: impl Bearer + 'static) -> Post {
        Post {
            bearer: Some(Box::new(bearer)),
            ..self
        }
    }

    fn post(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (mut parts, body) = request.into_parts();
        if let Some(bearer) = &self.bearer {
            let shown = Zeroizing::new(format!("Bearer {}", *bearer.token()?));
            let mut shown = HeaderValue::from_str(&shown)?;
            shown.set_sensitive(true);
            parts.headers.insert(AUTHORIZATION, shown);
        }
        let answer = self.agent.run(Request::from_parts(parts, &body[..]))?;
        let (parts, mut body) = answer.into_parts();
        let body = body.with_config().limit(ANSWER).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }

    /// Says when it begins to fail and when it has ceased to.
    fn told(&self, failed: Option<String>) {
        let before = self.failing.swap(failed.is_some(), Ordering::Relaxed);
        let whom = self.whom;
        match failed {
            Some(why) if !before => tracing::warn!(
                why,
                "{whom} takes no spans; they are lost and counted, requests go on"
            ),
            None if before => tracing::info!("{whom} takes spans again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Post {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.post(request);
        self.told(match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status())),
            Err(error) => Some(error.to_string()),
        });
        answer
    }
}

/// The proxy's own TLS, and the system's authorities.
fn tls(whom: &str) -> Result<TlsConfig, CommandError> {
    let found = rustls_native_certs::load_native_certs();
    let roots: Vec<_> = found
        .certs
        .iter()
        .map(|root| Certificate::from_der(root).to_owned())
        .collect();
    if roots.is_empty() {
        let wrong = format!(
            "no certificate authority of this system can be read, and {whom} is asked over https"
        );
        let error = CommandError::message(Kind::Configuration, wrong);
        return Err(error.hint("SSL_CERT_FILE names a file with some"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(provider)
        .build())
}
