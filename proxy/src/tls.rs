//! Certificates and keys: read from their files, and what is wrong with them.
//!
//! Only rustls is spoken, TLS 1.2 and 1.3, with its own choice of ciphers.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ServerConfig;
use rustls::{ConfigBuilder, RootCertStore};

use crate::config::Config;
use crate::route::{Address, UpstreamTls, Upstreams};

const HTTP2: &[u8] = b"h2";
const HTTP11: &[u8] = b"http/1.1";

/// How an upstream's certificate is checked, and under which name.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

impl Config {
    /// Opens every certificate and key the file names, and says which one
    /// cannot be used and why. To be called before a file is put in place.
    pub fn check_files(&self) -> io::Result<()> {
        for (certificate, key) in [&self.settings.tls, &self.settings.admin_tls]
            .into_iter()
            .flatten()
        {
            server(certificate, key)?;
        }
        let candidates = self.table.stages.iter();
        let candidates = candidates.filter_map(|stage| stage.candidate.as_ref());
        for side in candidates.chain([&self.table.monolith]) {
            for address in side.addresses.iter().filter(|address| address.tls) {
                connector(side, address)?;
            }
        }
        Ok(())
    }
}

/// What a listener needs to speak HTTP/2 and HTTP/1.1 over TLS.
pub(crate) fn server(certificate: &Path, key: &Path) -> io::Result<ServerConfig> {
    let chain = certificates(certificate)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(certificate, &error))?
        .with_no_client_auth();
    let mut config = builder
        .with_single_cert(chain, private_key(key)?)
        .map_err(|error| wrong(key, &error))?;
    config.alpn_protocols = vec![HTTP2.to_vec(), HTTP11.to_vec()];
    Ok(config)
}

/// What a connection to `address` needs.
pub(crate) fn connector(side: &Upstreams, address: &Address) -> io::Result<Connector> {
    let tls = side.tls.as_ref();
    let name = tls.and_then(|tls| tls.server_name.as_ref());
    let name = name.unwrap_or(&address.host);
    let server_name = ServerName::try_from(name.clone()).map_err(|error| {
        let text = format!("{name} is no name of a server: {error}");
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| io::Error::other(error.to_string()))?
        .with_root_certificates(authorities(tls)?);
    let mut config = identified(builder, tls)?;
    config.alpn_protocols = match side.http2 {
        true => vec![HTTP2.to_vec()],
        false => vec![HTTP11.to_vec()],
    };
    config.resumption = Resumption::in_memory_sessions(32);
    Ok(Connector {
        config: Arc::new(config),
        name: server_name,
    })
}

fn identified(
    builder: ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>,
    tls: Option<&UpstreamTls>,
) -> io::Result<ClientConfig> {
    match tls.and_then(|tls| tls.identity.as_ref()) {
        None => Ok(builder.with_no_client_auth()),
        Some((certificate, key)) => builder
            .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
            .map_err(|error| wrong(key, &error)),
    }
}

/// The given authorities, and only those, or the system's.
fn authorities(tls: Option<&UpstreamTls>) -> io::Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    let Some(file) = tls.and_then(|tls| tls.authority.as_ref()) else {
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = store.add_parsable_certificates(found.certs);
        return match added {
            0 => Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the system has no certificates of authorities; name a file in tls.authority",
            )),
            _ => Ok(store),
        };
    };
    for certificate in certificates(file)? {
        store
            .add(certificate)
            .map_err(|error| wrong(file, &error))?;
    }
    Ok(store)
}

fn certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).map_err(|error| wrong(file, &error))?;
    let all: Result<Vec<_>, _> = read.collect();
    match all {
        Ok(all) if all.is_empty() => Err(wrong(file, &"it holds no certificate in PEM")),
        Ok(all) => Ok(all),
        Err(error) => Err(wrong(file, &error)),
    }
}

fn private_key(file: &Path) -> io::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| wrong(file, &error))
}

fn wrong(file: &Path, what: &dyn std::fmt::Display) -> io::Error {
    let text = format!("{}: {what}", file.display());
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
