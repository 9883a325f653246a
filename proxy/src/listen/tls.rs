//! The listeners' certificate: one at a time, and another without a restart.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use std::{fs, io};

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
    /// Of the files, as they were read.
    stamp: Mutex<Stamp>,
}

/// When two files were written, as far as that can be told.
type Stamp = [Option<SystemTime>; 2];

impl Certificate {
    /// Reads both files.
    pub(crate) fn read(files: &(PathBuf, PathBuf)) -> io::Result<Certificate> {
        Ok(Certificate {
            stamp: Mutex::new(stamp(files)),
            config: ArcSwap::from_pointee(tls::server(&files.0, &files.1)?),
            files: files.clone(),
        })
    }

    /// Reads both files again. Where that fails, the one before stays; open
    /// connections keep theirs in any case.
    pub(crate) fn reload(&self) -> io::Result<()> {
        let now = stamp(&self.files);
        let config = tls::server(&self.files.0, &self.files.1)?;
        self.config.store(Arc::new(config));
        *self.stamp.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(())
    }

    /// Reads both files again if one was written since.
    pub(super) fn follow(&self) {
        let read = *self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        if stamp(&self.files) == read {
            return;
        }
        match self.reload() {
            Ok(()) => tracing::info!("the listeners have another certificate"),
            // One file may be there before the other: it is tried again.
            Err(error) => tracing::warn!(%error, "the listeners keep their certificate"),
        }
    }

    /// Says hello.
    pub(super) async fn accept(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.config.load_full())
            .accept(socket)
            .await
    }
}

fn stamp(files: &(PathBuf, PathBuf)) -> Stamp {
    [&files.0, &files.1].map(|file| fs::metadata(file).and_then(|file| file.modified()).ok())
}

/// Whether the client chose HTTP/2; without a choice it speaks HTTP/1.1
/// (RFC 9113 §3.3).
pub(super) fn is_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}
