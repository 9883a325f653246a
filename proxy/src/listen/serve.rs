//! One worker: accepts connections and serves them to their end.

use std::cell::Cell;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::time::{Duration, Instant};

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::spawn_local;

use crate::forward::connect::LocalExecutor;
use crate::forward::headers::Client;
use crate::service;
use crate::state::Worker;

/// Serves until told to stop, then until the last request in flight has ended
/// or `limits.drain` is over.
pub(super) async fn worker(
    worker: Worker,
    listeners: Vec<StdListener>,
    mut stopped: watch::Receiver<bool>,
) {
    let worker = Rc::new(worker);
    let open = Rc::new(Open::default());
    for listener in listeners {
        match TcpListener::from_std(listener) {
            Ok(listener) => {
                let accepting = accept(Rc::clone(&worker), listener, stopped.clone(), open.clone());
                spawn_local(accepting);
            }
            Err(error) => tracing::error!(%error, "a listener cannot be used"),
        }
    }
    spawn_local(sweep(Rc::clone(&worker)));
    let _ = stopped.wait_for(|stopped| *stopped).await;
    let drained = tokio::time::timeout(worker.shared.limits.drain, open.none()).await;
    if drained.is_err() {
        tracing::warn!(
            connections = open.count.get(),
            "closed before they had ended"
        );
    }
}

/// Connections that are open on this worker.
#[derive(Default)]
struct Open {
    count: Cell<usize>,
    closed: Notify,
}

impl Open {
    async fn none(&self) {
        while self.count.get() > 0 {
            self.closed.notified().await;
        }
    }
}

/// One open connection.
struct Counted {
    open: Rc<Open>,
    worker: Rc<Worker>,
}

impl Counted {
    fn new(open: &Rc<Open>, worker: &Rc<Worker>) -> Counted {
        open.count.set(open.count.get() + 1);
        worker.shared.metrics.connections.increment(1);
        Counted {
            open: Rc::clone(open),
            worker: Rc::clone(worker),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.open.count.set(self.open.count.get() - 1);
        self.worker.shared.metrics.connections.decrement(1);
        self.open.closed.notify_one();
    }
}

async fn accept(
    worker: Rc<Worker>,
    listener: TcpListener,
    mut stopped: watch::Receiver<bool>,
    open: Rc<Open>,
) {
    let places = std::sync::Arc::clone(&worker.shared.places);
    loop {
        // Beyond the limit, connections wait in the listener's queue.
        let Ok(place) = std::sync::Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        match accepted {
            Ok((socket, peer)) => {
                let counted = Counted::new(&open, &worker);
                let serving = connection(Rc::clone(&worker), socket, peer, stopped.clone());
                spawn_local(async move {
                    serving.await;
                    drop((counted, place));
                });
            }
            // Out of descriptors, or the client is gone already: the listener
            // itself goes on.
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

async fn connection(
    worker: Rc<Worker>,
    socket: TcpStream,
    peer: SocketAddr,
    mut stopped: watch::Receiver<bool>,
) {
    // Only latency is lost without it.
    let _ = socket.set_nodelay(true);
    let trusted = &worker.shared.live().settings.trusted;
    let ip = peer.ip().to_canonical();
    let trusted = trusted.iter().any(|network| network.contains(&ip));
    let client = Rc::new(Client::new(ip, trusted, false));
    let builder = builder(&worker);
    let service =
        service_fn(move |request| service::answer(Rc::clone(&worker), Rc::clone(&client), request));
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(socket), service);
    tokio::pin!(serving);
    let result = tokio::select! {
        result = serving.as_mut() => result,
        _ = stopped.wait_for(|stopped| *stopped) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%peer, error, "a connection ended badly");
    }
}

fn builder(worker: &Worker) -> auto::Builder<LocalExecutor> {
    let limits = &worker.shared.limits;
    let mut builder = auto::Builder::new(LocalExecutor);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_headers(limits.headers)
        // A head that does not fit the buffer is answered 431.
        .max_buf_size(limits.header_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_secs(20));
    builder
}

/// Closes connections to upstreams that have not been used for long.
async fn sweep(worker: Rc<Worker>) {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tick.tick().await;
        worker.pools.sweep(Instant::now());
    }
}
