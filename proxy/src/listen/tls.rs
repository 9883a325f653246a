//! The listeners' certificate: one at a time, and another without a restart.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::tls;

/// The certificate that new connections get.
pub(crate) struct Certificate {
    files: (PathBuf, PathBuf),
    config: ArcSwap<ServerConfig>,
}

impl Certificate {
    /// Reads both files.
    pub(crate) fn read(files: &(PathBuf, PathBuf)) -> io::Result<Certificate> {
        Ok(Certificate {
            config: ArcSwap::from_pointee(tls::server(&files.0, &files.1)?),
            files: files.clone(),
        })
    }

    /// Reads both files again. Where that fails, the one before stays; open
    /// connections keep theirs in any case.
    pub(crate) fn reload(&self) -> io::Result<()> {
        let config = tls::server(&self.files.0, &self.files.1)?;
        self.config.store(Arc::new(config));
        Ok(())
    }

    /// Says hello.
    pub(super) async fn accept(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.config.load_full())
            .accept(socket)
            .await
    }
}

/// Whether the client chose HTTP/2; without a choice it speaks HTTP/1.1
/// (RFC 9113 §3.3).
pub(super) fn is_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}
