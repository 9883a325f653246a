//! The certificate of who listens: one at a time, and another without a
//! restart.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use std::{fs, io};

use arc_swap::ArcSwap;
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::{ParsedCertificate, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use webpki::EndEntityCert;

use crate::tls;

/// The certificate that new connections get.
pub(crate) struct Certificate {
    /// Whose it is, for the log.
    of: &'static str,
    files: (PathBuf, PathBuf),
    protocols: &'static [&'static [u8]],
    read: ArcSwap<Read>,
    /// Of the files, as they were looked at last.
    stamp: Mutex<Stamp>,
}

struct Read {
    config: Arc<ServerConfig>,
    leaf: CertificateDer<'static>,
}

/// When two files were written, as far as that can be told.
type Stamp = [Option<SystemTime>; 2];

impl Certificate {
    /// Reads both files. `of` says whose it is: `the listeners`.
    pub(crate) fn read(
        of: &'static str,
        files: &(PathBuf, PathBuf),
        protocols: &'static [&'static [u8]],
    ) -> io::Result<Certificate> {
        Ok(Certificate {
            of,
            stamp: Mutex::new(stamp(files)),
            read: ArcSwap::from_pointee(read(files, protocols)?),
            files: files.clone(),
            protocols,
        })
    }

    /// Reads both files again. Where that fails, the one before stays; open
    /// connections keep theirs in any case.
    pub(crate) fn reload(&self) -> io::Result<()> {
        *self.stamp.lock().unwrap_or_else(PoisonError::into_inner) = stamp(&self.files);
        self.read
            .store(Arc::new(read(&self.files, self.protocols)?));
        Ok(())
    }

    /// Reads both files again, and says in the log what came of it.
    pub(crate) fn read_again(&self) {
        let of = self.of;
        match self.reload() {
            Ok(()) => tracing::info!("the certificate of {of} was read again"),
            Err(error) => tracing::error!(%error, "the certificate of {of} stays as it was"),
        }
    }

    /// Reads both files again if one was written since they were looked at: of
    /// two that are written one after the other, the second brings it about.
    pub(crate) fn follow(&self) {
        let looked = *self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        if stamp(&self.files) == looked {
            return;
        }
        self.read_again();
    }

    /// Whether it is a certificate of `host`, a name or an address.
    pub(crate) fn is_of(&self, host: &str) -> bool {
        let read = self.read.load();
        let Ok(name) = ServerName::try_from(host) else {
            return false;
        };
        ParsedCertificate::try_from(&read.leaf)
            .is_ok_and(|leaf| verify_server_name(&leaf, &name).is_ok())
    }

    /// A host's name that it is of, the first that is no pattern.
    pub(crate) fn name(&self) -> Option<String> {
        let read = self.read.load();
        let leaf = EndEntityCert::try_from(&read.leaf).ok()?;
        let mut names = leaf.valid_dns_names();
        let name = names.find(|name| !name.starts_with('*'))?;
        Some(name.to_owned())
    }

    /// Says hello.
    pub(crate) async fn accept(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(Arc::clone(&self.read.load().config))
            .accept(socket)
            .await
    }
}

fn read(files: &(PathBuf, PathBuf), protocols: &[&[u8]]) -> io::Result<Read> {
    Ok(Read {
        config: Arc::new(tls::server(files, protocols)?),
        leaf: tls::leaf(&files.0)?,
    })
}

fn stamp(files: &(PathBuf, PathBuf)) -> Stamp {
    [&files.0, &files.1].map(|file| fs::metadata(file).and_then(|file| file.modified()).ok())
}

/// Whether the client chose HTTP/2; without a choice it speaks HTTP/1.1
/// (RFC 9113 §3.3).
pub(super) fn is_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}
