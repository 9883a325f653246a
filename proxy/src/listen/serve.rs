//! One worker: accepts connections and serves them to their end.

use std::net::TcpListener as StdListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::spawn_local;

use super::connection::Connection;
use super::drain::Drain;
use super::open::Open;
use crate::state::Worker;

/// Serves until told to stop, then until the last request in flight has ended
/// or `limits.drain` is over.
pub(super) async fn worker(
    worker: Worker,
    listeners: Vec<StdListener>,
    stopped: watch::Receiver<bool>,
) {
    let worker = Rc::new(worker);
    let open = Open::new(&worker);
    let drain = Drain::new(&worker, stopped);
    for listener in listeners {
        match TcpListener::from_std(listener) {
            Ok(listener) => {
                spawn_local(accept(listener, drain.clone(), Rc::clone(&open)));
            }
            Err(error) => tracing::error!(%error, "a listener cannot be used"),
        }
    }
    spawn_local(Rc::clone(&open).watch());
    spawn_local(sweep(Rc::clone(&worker)));
    drain.begun().await;
    open.leave(drain.grace());
    let drained = tokio::time::timeout(worker.shared.limits.drain, open.none()).await;
    if drained.is_err() {
        tracing::warn!(connections = open.count(), "closed before they had ended");
    }
}

async fn accept(listener: TcpListener, drain: Drain, open: Rc<Open>) {
    let worker = open.worker();
    let places = Arc::clone(&worker.shared.places);
    let serve = |(socket, peer), place| {
        let connection = Connection::new(&open, peer, place);
        match &worker.shared.certificate {
            None => spawn_local(connection.plain(socket)),
            Some(_) => spawn_local(connection.over_tls(socket)),
        };
    };
    loop {
        // Beyond the limit, connections wait in the listener's queue.
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = drain.begun() => break,
        };
        let Ok(place) = place else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = drain.begun() => break,
        };
        match accepted {
            Ok(accepted) => serve(accepted, place),
            // Out of descriptors, or the client is gone already: the listener
            // itself goes on.
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    // Whoever has connected is served; unless another process does it.
    while !drain.is_handed_over() {
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            return;
        };
        let queued = tokio::select! {
            biased;
            queued = listener.accept() => queued,
            () = std::future::ready(()) => return,
        };
        match queued {
            Ok(accepted) => serve(accepted, place),
            Err(_) => return,
        }
    }
}

/// Closes connections to upstreams that have not been used for long.
async fn sweep(worker: Rc<Worker>) {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tick.tick().await;
        worker.pools.sweep(Instant::now());
    }
}
