//! [`Door`]: where connections to the admin interface come in.
//!
//! While another process is taking over, the door is held shut: who knocks
//! waits in the listener's queue, and is let in by the new process, or by this
//! one where that has failed. So nobody who asks is turned away, and nobody
//! asks two processes at once for a change.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Told;

pub(super) struct Door {
    listener: TcpListener,
    hears: watch::Receiver<Told>,
}

impl Door {
    pub(super) fn new(
        listener: std::net::TcpListener,
        hears: watch::Receiver<Told>,
    ) -> io::Result<Door> {
        let listener = TcpListener::from_std(listener)?;
        Ok(Door { listener, hears })
    }
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            until(&mut self.hears, false).await;
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = until(&mut self.hears, true) => continue,
            };
            match accepted {
                Ok(accepted) => return accepted,
                // Out of descriptors, or the client is gone already.
                Err(error) => {
                    tracing::warn!(%error, "a connection to the admin interface was not accepted");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

async fn until(hears: &mut watch::Receiver<Told>, held: bool) {
    if hears.wait_for(|told| told.held == held).await.is_err() {
        // Whoever could tell is gone, and the interface ends.
        pending::<()>().await;
    }
}
