//! Whom programs that are asked over TLS are believed to be.

#![cfg_attr(
    not(feature = "proxy"),
    allow(dead_code, reason = "the proxy has more to ask")
)]

use std::sync::Arc;

use ureq::tls::{Certificate, ClientCert, RootCerts, TlsConfig};

/// Believes whom the system's authorities vouch for.
pub(crate) fn system_tls() -> TlsConfig {
    tls(system_certificates(), None)
}

pub(crate) fn system_certificates() -> Vec<Certificate<'static>> {
    let found = rustls_native_certs::load_native_certs().certs;
    let found = found.iter();
    found
        .map(|der| Certificate::from_der(der).to_owned())
        .collect()
}

/// Believes whom these vouch for; shows `own` to who asks for it.
pub(crate) fn tls(certificates: Vec<Certificate<'static>>, own: Option<ClientCert>) -> TlsConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    TlsConfig::builder()
        .root_certs(RootCerts::from(certificates))
        .client_cert(own)
        .unversioned_rustls_crypto_provider(provider)
        .build()
}
