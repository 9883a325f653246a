//! Certificates and keys: read from their files, and what is wrong with them.
//!
//! Only rustls is spoken, TLS 1.2 and 1.3, with its own choice of ciphers.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ServerConfig;
use rustls::{ConfigBuilder, RootCertStore};
use webpki::{EndEntityCert, KeyUsage};

use crate::config::{AdminTls, Config};
use crate::route::{Address, UpstreamTls, Upstreams};

const HTTP2: &[u8] = b"h2";
pub(crate) const HTTP11: &[u8] = b"http/1.1";
/// What the listeners speak.
pub(crate) const BOTH: &[&[u8]] = &[HTTP2, HTTP11];

/// How an upstream's certificate is checked, and under which name.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

/// A file, or a name, that TLS cannot be spoken with.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {cause}")]
pub(crate) struct Unusable {
    /// The field that names it.
    field: Field,
    /// The file or the name itself.
    what: String,
    cause: String,
}

/// Fields of `tls` and `admin_tls`, and the side's own URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Certificate,
    Key,
    Authority,
    ServerName,
    Url,
}

/// What of a checked file cannot be used, and where the file says it.
#[derive(Debug)]
pub(crate) struct Misnamed {
    /// From the outermost table inwards.
    pub(crate) path: Vec<String>,
    /// What it is said of, and what is wrong.
    pub(crate) message: String,
    /// What to do.
    pub(crate) mend: &'static str,
}

impl Config {
    /// Opens every certificate and key the file names, and says which one
    /// cannot be used and why.
    pub fn check_files(&self) -> io::Result<()> {
        self.misnamed().map_or(Ok(()), |misnamed| {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                misnamed.message,
            ))
        })
    }

    /// The first file that cannot be used.
    pub(crate) fn misnamed(&self) -> Option<Misnamed> {
        let settings = &self.settings;
        let admin = settings.admin_tls.as_ref();
        let files = [
            ("tls", settings.tls.as_ref()),
            ("admin_tls", admin.map(|tls| &tls.files)),
        ];
        for (name, files) in files {
            if let Some(files) = files
                && let Err(unusable) = server(files, BOTH)
            {
                return Some(unusable.at(name, &[], ""));
            }
        }
        if let Some(Err(unusable)) = admin.map(known) {
            return Some(unusable.at("admin_tls", &[], ""));
        }
        let monolith = unreachable(&self.table.monolith)
            .map(|unusable| unusable.at("monolith: tls", &["monolith"], "upstream"));
        monolith.or_else(|| {
            self.table.stages.iter().find_map(|stage| {
                let unusable = unreachable(stage.candidate.as_ref()?)?;
                let of = format!("stage {}: candidate: tls", stage.name);
                Some(unusable.at(&of, &["stage", &stage.name], "candidate"))
            })
        })
    }
}

/// Why some process of a side cannot be spoken to.
fn unreachable(side: &Upstreams) -> Option<Unusable> {
    let mut addresses = side.addresses.iter().filter(|address| address.tls);
    addresses.find_map(|address| connector(side, address).err())
}

impl Unusable {
    /// `table` is where the side's own fields stand, `url` the one of them that
    /// holds its addresses.
    fn at(self, of: &str, table: &[&str], url: &str) -> Misnamed {
        let (name, mend) = match self.field {
            Field::Certificate => (
                "certificate",
                "a chain of certificates in PEM, the leaf first; its path is relative to this file",
            ),
            Field::Key => (
                "key",
                "the certificate's private key in PEM; its path is relative to this file",
            ),
            Field::Authority => (
                "authority",
                "certificates of authorities in PEM; its path is relative to this file",
            ),
            Field::ServerName => (
                "server_name",
                "write the name in the upstream's certificate",
            ),
            Field::Url => (
                "",
                "write the name in its certificate in tls.server_name, or the file of its authority in tls.authority",
            ),
        };
        let message = match self.field {
            Field::Url => format!("{of}: {self}"),
            _ => format!("{of}: {name} {self}"),
        };
        let own = match self.field {
            Field::Url => vec![url],
            _ if table.is_empty() => vec![of, name],
            _ => vec!["tls", name],
        };
        let path = table.iter().copied().chain(own).map(str::to_owned);
        Misnamed {
            path: path.collect(),
            message,
            mend,
        }
    }
}

impl From<Unusable> for io::Error {
    fn from(unusable: Unusable) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidInput, unusable.to_string())
    }
}

/// What a listener needs to speak one of `protocols` over TLS.
pub(crate) fn server(
    (certificate, key): &(PathBuf, PathBuf),
    protocols: &[&[u8]],
) -> Result<ServerConfig, Unusable> {
    let wrong = |error: rustls::Error| Unusable::pair(certificate, key, &error);
    let chain = certificates(Field::Certificate, certificate)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(wrong)?
        .with_no_client_auth()
        .with_single_cert(chain, private_key(key)?)
        .map_err(wrong)?;
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}

/// What a connection to `address` needs.
pub(crate) fn connector(side: &Upstreams, address: &Address) -> Result<Connector, Unusable> {
    let tls = side.tls.as_ref();
    let named = tls.and_then(|tls| tls.server_name.as_ref());
    let (field, name) = match named {
        Some(name) => (Field::ServerName, name),
        None => (Field::Url, &address.host),
    };
    let unusable = |what: &str, cause: String| Unusable {
        field,
        what: what.to_owned(),
        cause,
    };
    let server_name = ServerName::try_from(name.clone())
        .map_err(|error| unusable(name, format!("is no name of a server: {error}")))?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(name, error.to_string()))?
        .with_root_certificates(authorities(tls, address)?);
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
) -> Result<ClientConfig, Unusable> {
    match tls.and_then(|tls| tls.identity.as_ref()) {
        None => Ok(builder.with_no_client_auth()),
        Some((certificate, key)) => {
            let chain = certificates(Field::Certificate, certificate)?;
            builder
                .with_client_auth_cert(chain, private_key(key)?)
                .map_err(|error| Unusable::pair(certificate, key, &error))
        }
    }
}

/// The given authorities, and only those, or the system's.
fn authorities(tls: Option<&UpstreamTls>, address: &Address) -> Result<RootCertStore, Unusable> {
    let mut store = RootCertStore::empty();
    let Some(file) = tls.and_then(|tls| tls.authority.as_ref()) else {
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = store.add_parsable_certificates(found.certs);
        return match added {
            0 => Err(Unusable {
                field: Field::Url,
                what: address.to_string(),
                cause: "the system has no certificates of authorities".to_owned(),
            }),
            _ => Ok(store),
        };
    };
    for certificate in certificates(Field::Authority, file)? {
        store
            .add(certificate)
            .map_err(|error| Unusable::file(Field::Authority, file, error.to_string()))?;
    }
    Ok(store)
}

/// The certificate at the head of a chain.
pub(crate) fn leaf(chain: &Path) -> Result<CertificateDer<'static>, Unusable> {
    Ok(certificates(Field::Certificate, chain)?.swap_remove(0))
}

/// Whether somebody who trusts what `tls` says is to be trusted would know the
/// admin interface. For how long the certificates are good is not asked: a
/// proxy must not stay away because of that.
fn known(tls: &AdminTls) -> Result<(), Unusable> {
    let file = &tls.files.0;
    let chain = certificates(Field::Certificate, file)?;
    let trusted = match &tls.authority {
        Some(authority) => certificates(Field::Authority, authority)?,
        None => chain.clone(),
    };
    let wrong = |cause: &str| Err(Unusable::file(Field::Certificate, file, cause.to_owned()));
    let anchors = trusted.iter().map(webpki::anchor_from_trusted_cert);
    let anchors: Vec<_> = anchors.filter_map(Result::ok).collect();
    let leaf = match EndEntityCert::try_from(&chain[0]) {
        Ok(leaf) => leaf,
        Err(error) => return wrong(&error.to_string()),
    };
    let verified = leaf.verify_for_usage(
        provider().signature_verification_algorithms.all,
        &anchors,
        &chain[1..],
        UnixTime::now(),
        KeyUsage::server_auth(),
        None,
        None,
    );
    match verified.err() {
        Some(webpki::Error::CaUsedAsEndEntity) => {
            wrong("is an authority's own, which its clients refuse: make one with CA:FALSE")
        }
        // The second, where the authority is called like the leaf itself.
        Some(webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey) => wrong(
            "is signed by an authority that is not known: add its certificate behind it, or name it as authority",
        ),
        _ => Ok(()),
    }
}

fn certificates(field: Field, file: &Path) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let wrong = |error: pem::Error| Unusable::file(field, file, said(error, "certificate"));
    let read = CertificateDer::pem_file_iter(file).map_err(wrong)?;
    let all: Vec<_> = read.collect::<Result<_, _>>().map_err(wrong)?;
    match all.is_empty() {
        true => Err(wrong(pem::Error::NoItemsFound)),
        false => Ok(all),
    }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, Unusable> {
    PrivateKeyDer::from_pem_file(file)
        .map_err(|error| Unusable::file(Field::Key, file, said(error, "private key")))
}

fn said(error: pem::Error, what: &str) -> String {
    match error {
        pem::Error::Io(error) => format!("cannot be read: {error}"),
        pem::Error::NoItemsFound => format!("holds no {what} in PEM"),
        error => error.to_string(),
    }
}

impl Unusable {
    fn file(field: Field, file: &Path, cause: String) -> Unusable {
        Unusable {
            field,
            what: file.display().to_string(),
            cause,
        }
    }

    /// Of two files that were read and do not fit.
    fn pair(certificate: &Path, key: &Path, error: &rustls::Error) -> Unusable {
        let cause = match error {
            rustls::Error::InconsistentKeys(_) => {
                format!("is not the key of {}", certificate.display())
            }
            error => error.to_string(),
        };
        Unusable::file(Field::Key, key, cause)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
