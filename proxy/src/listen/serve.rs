//! One worker: accepts connections and serves them to their end.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::drain::Drain;
use super::framing::Bounds;
use super::guard::{Guarded, REFUSED};
use super::replay::Replayed;
use super::tls;
use crate::forward::connect::LocalExecutor;
use crate::forward::headers::Client;
use crate::forward::reply::ReplyBody;
use crate::service;
use crate::state::Worker;

/// Of one HTTP/2 connection: streams at once, streams that were reset and not
/// yet forgotten, and bytes on their way in either direction.
const STREAMS: u32 = 128;
const RESETS: usize = 32;
const RESETS_FOR_ERRORS: usize = 128;
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
const SEND_BUFFER: usize = 256 << 10;

/// Serves until told to stop, then until the last request in flight has ended
/// or `limits.drain` is over.
pub(super) async fn worker(
    worker: Worker,
    listeners: Vec<StdListener>,
    stopped: watch::Receiver<bool>,
) {
    let worker = Rc::new(worker);
    let open = Rc::new(Open::default());
    let drain = Drain::new(&worker, stopped);
    for listener in listeners {
        match TcpListener::from_std(listener) {
            Ok(listener) => {
                let accepting = accept(Rc::clone(&worker), listener, drain.clone(), open.clone());
                spawn_local(accepting);
            }
            Err(error) => tracing::error!(%error, "a listener cannot be used"),
        }
    }
    spawn_local(sweep(Rc::clone(&worker)));
    drain.begun().await;
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

async fn accept(worker: Rc<Worker>, listener: TcpListener, drain: Drain, open: Rc<Open>) {
    let places = Arc::clone(&worker.shared.places);
    let serve = |(socket, peer), place| {
        let counted = Counted::new(&open, &worker);
        // Boxed, since a future that is awaited lies twice in the one around it.
        let serving = Box::pin(connection(Rc::clone(&worker), socket, peer, drain.clone()));
        spawn_local(async move {
            serving.await;
            drop((counted, place));
        });
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

async fn connection(worker: Rc<Worker>, socket: TcpStream, peer: SocketAddr, drain: Drain) {
    // Only latency is lost without it.
    let _ = socket.set_nodelay(true);
    let live = worker.shared.live();
    let ip = peer.ip().to_canonical();
    let mut trusted = live.settings.trusted.iter();
    let trusted = trusted.any(|network| network.contains(&ip));
    drop(live);
    let patience = worker.shared.limits.header_time;
    let client = |tls| Rc::new(Client::new(ip, trusted, tls));
    let result = match &worker.shared.certificate {
        None => match timeout(patience, first_bytes(&socket)).await {
            Ok(Ok((first, true))) => {
                let socket = Replayed::new(socket, first);
                Box::pin(http2(worker, socket, client(false), drain)).await
            }
            Ok(Ok((first, false))) => http1(worker, socket, &first, client(false), drain).await,
            Ok(Err(error)) => Err(error.into()),
            Err(slow) => Err(slow.into()),
        },
        Some(certificate) => match Box::pin(timeout(patience, certificate.accept(socket))).await {
            Ok(Ok(socket)) if tls::is_http2(&socket) => {
                Box::pin(http2(worker, socket, client(true), drain)).await
            }
            Ok(Ok(socket)) => Box::pin(http1(worker, socket, &[], client(true), drain)).await,
            Ok(Err(error)) => Err(error.into()),
            Err(slow) => Err(slow.into()),
        },
    };
    if let Err(error) = result {
        tracing::debug!(%peer, error, "a connection ended badly");
    }
}

type Served = Result<(), Box<dyn std::error::Error + Send + Sync>>;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The first bytes of a client, and whether they are HTTP/2's preface.
async fn first_bytes(socket: &TcpStream) -> io::Result<(Vec<u8>, bool)> {
    let mut first = [0; PREFACE.len()];
    let mut n = 0;
    loop {
        socket.readable().await?;
        match socket.try_read(&mut first[n..]) {
            Ok(0) => return Ok((first[..n].to_vec(), false)),
            Ok(more) => n += more,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        let is_preface = first[..n] == PREFACE[..n];
        if n == PREFACE.len() || !is_preface {
            return Ok((first[..n].to_vec(), is_preface));
        }
    }
}

async fn http1<S>(
    worker: Rc<Worker>,
    socket: S,
    first: &[u8],
    client: Rc<Client>,
    drain: Drain,
) -> Served
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &worker.shared.limits;
    let bounds = Bounds {
        head_bytes: limits.header_bytes,
        fields: limits.headers,
    };
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_headers(limits.headers)
        .max_buf_size(limits.header_bytes);
    let wire = Arc::clone(&client.wire);
    let socket = Guarded::new(socket, first, bounds, Arc::clone(&wire));
    let draining = drain.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (worker, client, draining) = (Rc::clone(&worker), Rc::clone(&client), draining.clone());
        // In a box of its own: hyper keeps a request's place for as long as its
        // connection is open, and most connections are idle.
        Box::pin(
            async move { Ok::<_, Infallible>(in_turn(worker, client, request, &draining).await) },
        )
    });
    let serving = builder.serve_connection(TokioIo::new(socket), service);
    let mut serving = Box::pin(serving.with_upgrades());
    let result = tokio::select! {
        result = serving.as_mut() => result,
        () = drain.idle_closed() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    // After an upgrade the connection is still open, in another's hands.
    wire.parted().await;
    Ok(result?)
}

/// A request, or what stands for one that was refused.
async fn in_turn(
    worker: Rc<Worker>,
    client: Rc<Client>,
    request: Request<Incoming>,
    drain: &Drain,
) -> Response<ReplyBody> {
    if let Some(refusal) = client.refused()
        && request.method().as_str() == REFUSED
    {
        return service::refuse(&worker, refusal);
    }
    let asks = request.version() == Version::HTTP_11 && request.headers().contains_key(UPGRADE);
    let wire = Arc::clone(&client.wire);
    let Ok(mut response) = service::answer(worker, client, request).await;
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if asks {
        wire.answered(switched);
    }
    if drain.has_begun() && !switched {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

async fn http2<S>(worker: Rc<Worker>, socket: S, client: Rc<Client>, drain: Drain) -> Served
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let limits = &worker.shared.limits;
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS)
        // Streams that the client reset before anyone looked at them, and those
        // that were reset for its errors (CVE-2023-44487, CVE-2025-8671).
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(RESETS_FOR_ERRORS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(Duration::from_secs(20));
    let service =
        service_fn(move |request| service::answer(Rc::clone(&worker), Rc::clone(&client), request));
    let serving = builder.serve_connection(TokioIo::new(socket), service);
    tokio::pin!(serving);
    tokio::select! {
        result = serving.as_mut() => return Ok(result?),
        // A client that is told goes on elsewhere and loses nothing.
        () = drain.begun() => serving.as_mut().graceful_shutdown(),
    }
    Ok(serving.await?)
}

/// Closes connections to upstreams that have not been used for long.
async fn sweep(worker: Rc<Worker>) {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tick.tick().await;
        worker.pools.sweep(Instant::now());
    }
}
