//! One client's connection, from its first bytes to its end.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::framing::Bounds;
use super::guard::Guarded;
use super::open::{Open, Seat, Word};
use super::replay::Replayed;
use super::tls;
use super::turn::in_turn;
use crate::forward::connect::LocalExecutor;
use crate::forward::headers::Client;
use crate::service;

/// Of one HTTP/2 connection: streams at once, streams that were reset and not
/// yet forgotten, and bytes on their way in either direction.
const STREAMS: u32 = 128;
const RESETS: usize = 32;
const RESETS_FOR_ERRORS: usize = 128;
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
const SEND_BUFFER: usize = 256 << 10;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SLOW: &str = "the client was slow with its first bytes or a request's head";

type Served = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// A connection that was accepted. Its futures live as long as it does, and
/// most connections are idle: they hold little more than pointers.
pub(super) struct Connection {
    seat: Rc<Seat>,
    client: Rc<Client>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    pub(super) fn new(
        open: &Rc<Open>,
        peer: SocketAddr,
        place: OwnedSemaphorePermit,
    ) -> Box<Connection> {
        let shared = &open.worker().shared;
        let live = shared.live();
        let ip = peer.ip().to_canonical();
        let mut trusted = live.settings.trusted.iter();
        let trusted = trusted.any(|network| network.contains(&ip));
        let tls = shared.certificate.is_some();
        Box::new(Connection {
            seat: Seat::new(open),
            client: Rc::new(Client::new(ip, trusted, tls)),
            _place: place,
        })
    }

    /// Serves it where it begins with HTTP.
    pub(super) async fn plain(self: Box<Connection>, socket: TcpStream) {
        // Only latency is lost without it.
        let _ = socket.set_nodelay(true);
        let served = match self.seat.resting(first_bytes(&socket)).await {
            Ok(Ok((first, false))) => http1(&self, self.guarded(socket, &first)).await,
            Ok(Ok((first, true))) => Box::pin(http2(&self, Replayed::new(socket, first))).await,
            Ok(Err(error)) => Err(error.into()),
            Err(Word::Late) => Err(SLOW.into()),
            Err(Word::Leave | Word::Rest) => Ok(()),
        };
        self.ended(served);
    }

    /// Serves it where it begins with TLS.
    pub(super) async fn over_tls(self: Box<Connection>, socket: TcpStream) {
        let _ = socket.set_nodelay(true);
        let shared = Arc::clone(&self.seat.worker().shared);
        let Some(certificate) = &shared.certificate else {
            return;
        };
        self.seat.busy();
        let hello = Box::pin(certificate.accept(socket));
        let served = match timeout(shared.limits.header_time, hello).await {
            Ok(Ok(socket)) if tls::is_http2(&socket) => Box::pin(http2(&self, socket)).await,
            Ok(Ok(socket)) => {
                self.seat.waits();
                http1(&self, self.guarded(socket, &[])).await
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(SLOW.into()),
        };
        self.ended(served);
    }

    fn guarded<S>(&self, socket: S, first: &[u8]) -> Box<Guarded<S>> {
        let limits = &self.seat.worker().shared.limits;
        let bounds = Bounds {
            head_bytes: limits.header_bytes,
            fields: limits.headers,
        };
        let wire = Arc::clone(&self.client.wire);
        Box::new(Guarded::new(socket, first, bounds, wire))
    }

    fn ended(&self, served: Served) {
        if let Err(error) = served {
            let client = self.client.address;
            tracing::debug!(%client, error, "a connection ended badly");
        }
    }
}

/// The first bytes of a client, and whether they are HTTP/2's preface.
async fn first_bytes(socket: &TcpStream) -> io::Result<(Vec<u8>, bool)> {
    let mut first = [0; PREFACE.len()];
    let mut n = 0;
    poll_fn(|cx| {
        loop {
            ready!(socket.poll_read_ready(cx))?;
            match socket.try_read(&mut first[n..]) {
                Ok(0) => return Poll::Ready(Ok((first[..n].to_vec(), false))),
                Ok(more) => n += more,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Poll::Ready(Err(error)),
            }
            let is_preface = first[..n] == PREFACE[..n];
            if n == PREFACE.len() || !is_preface {
                return Poll::Ready(Ok((first[..n].to_vec(), is_preface)));
            }
        }
    })
    .await
}

/// Serves HTTP/1 to the end of the connection. The library is there only while
/// the connection is used: it keeps two buffers of 8 KiB, and a connection at
/// rest needs its socket and the state of its framing.
async fn http1<S>(connection: &Connection, mut socket: Box<Guarded<S>>) -> Served
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Connection { seat, client, .. } = connection;
    loop {
        match seat.resting(socket.more()).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) | Err(Word::Leave | Word::Rest) => return Ok(()),
            Ok(Err(error)) => return Err(error.into()),
            Err(Word::Late) => return Err(SLOW.into()),
        }
        let limits = &seat.worker().shared.limits;
        let mut builder = http1::Builder::new();
        builder
            // The seat sees to it.
            .header_read_timeout(None)
            .max_headers(limits.headers)
            .max_buf_size(limits.header_bytes);
        let service = service_fn(|request: Request<Incoming>| {
            in_turn(Rc::clone(seat), Rc::clone(client), request)
        });
        let serving = builder.serve_connection(TokioIo::new(socket), service);
        let mut serving = Box::pin(serving.with_upgrades());
        loop {
            match seat.unless_told(serving.as_mut()).await {
                Err(Word::Rest) if seat.is_waiting() && client.wire.is_between() => break,
                Err(Word::Rest) => continue,
                Err(Word::Late) => return Err(SLOW.into()),
                Err(Word::Leave) => {
                    serving.as_mut().graceful_shutdown();
                    serving.await?;
                }
                Ok(served) => served?,
            }
            // After an upgrade the connection is still open, in another's hands,
            // and waits for no head.
            seat.busy();
            client.wire.parted().await;
            return Ok(());
        }
        match Pin::into_inner(serving).into_parts() {
            Some(parts) if parts.read_buf.is_empty() => socket = parts.io.into_inner(),
            _ => return Ok(()),
        }
    }
}

async fn http2<S>(connection: &Connection, socket: S) -> Served
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let Connection { seat, client, .. } = connection;
    seat.hasten();
    let worker = seat.worker();
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
    let (worker, client) = (Rc::clone(worker), Rc::clone(client));
    let service =
        service_fn(move |request| service::answer(Rc::clone(&worker), Rc::clone(&client), request));
    let serving = builder.serve_connection(TokioIo::new(socket), service);
    tokio::pin!(serving);
    loop {
        match seat.unless_told(serving.as_mut()).await {
            Ok(served) => return Ok(served?),
            // A client that is told goes on elsewhere and loses nothing.
            Err(Word::Leave) => serving.as_mut().graceful_shutdown(),
            Err(Word::Late | Word::Rest) => {}
        }
    }
}

#[cfg(test)]
mod tests;
