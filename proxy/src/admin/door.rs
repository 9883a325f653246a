//! [`Door`]: where connections to the admin interface come in.
//!
//! While another process is taking over, the door is held shut: who knocks
//! waits in the listener's queue, and is let in by the new process, or by this
//! one where that has failed. So nobody who asks is turned away, and nobody
//! asks two processes at once for a change.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Told;
use crate::listen::tls::Certificate;

/// Handshakes at once, and for how long each; who comes then waits.
const HANDSHAKES: usize = 64;
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Door {
    listener: TcpListener,
    hears: watch::Receiver<Told>,
    certificate: Option<Arc<Certificate>>,
    handshakes: JoinSet<Option<(Box<dyn Stream>, SocketAddr)>>,
}

/// A connection, with TLS or without.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Door {
    pub(super) fn new(
        listener: std::net::TcpListener,
        hears: watch::Receiver<Told>,
        certificate: Option<Arc<Certificate>>,
    ) -> io::Result<Door> {
        Ok(Door {
            listener: TcpListener::from_std(listener)?,
            hears,
            certificate,
            handshakes: JoinSet::new(),
        })
    }
}

impl Listener for Door {
    type Io = Box<dyn Stream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Box<dyn Stream>, SocketAddr) {
        loop {
            let held = self.hears.borrow_and_update().held;
            let opens = !held && self.handshakes.len() < HANDSHAKES;
            tokio::select! {
                accepted = self.listener.accept(), if opens => match accepted {
                    Ok((socket, peer)) => match &self.certificate {
                        None => return (Box::new(socket), peer),
                        Some(certificate) => {
                            let certificate = Arc::clone(certificate);
                            self.handshakes.spawn(greeted(certificate, socket, peer));
                        }
                    },
                    // Out of descriptors, or the client is gone already.
                    Err(error) => {
                        tracing::warn!(%error, "a connection to the admin interface was not accepted");
                        sleep(Duration::from_millis(10)).await;
                    }
                },
                Some(greeted) = self.handshakes.join_next() => {
                    if let Ok(Some(greeted)) = greeted {
                        return greeted;
                    }
                }
                changed = self.hears.changed() => if changed.is_err() {
                    // Whoever could tell is gone, and the interface ends.
                    pending::<()>().await;
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

async fn greeted(
    certificate: Arc<Certificate>,
    socket: TcpStream,
    peer: SocketAddr,
) -> Option<(Box<dyn Stream>, SocketAddr)> {
    match timeout(PATIENCE, certificate.accept(socket)).await {
        Ok(Ok(stream)) => Some((Box::new(stream), peer)),
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "a connection to the admin interface ended badly");
            None
        }
        Err(_) => None,
    }
}
