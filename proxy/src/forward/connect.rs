//! Connections to upstreams.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::outbound::Outbound;
use super::pool::Connection;
use super::repeat::{Heard, Listened};
use super::upstream::Upstream;
use crate::outcome::Failure;

/// Runs futures on this worker's thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// Bytes of a response's head; a larger one is no answer.
const HEAD: usize = 64 << 10;

/// A new HTTP/1 connection.
pub(crate) async fn http1(upstream: &Upstream) -> Result<Connection, Failure> {
    let socket = Arc::new(tcp(upstream).await?);
    let shared = Shared(Arc::clone(&socket));
    let heard = Heard::default();
    let listened = heard.clone();
    let sender = match upstream.address.tls {
        false => handshake1(Listened::new(shared, listened)).await?,
        true => handshake1(Listened::new(over_tls(upstream, shared).await?, listened)).await?,
    };
    Ok(Connection {
        sender,
        socket,
        heard,
        alarm: None,
        used: false,
    })
}

async fn handshake1<S>(socket: S) -> Result<http1::SendRequest<Outbound>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    let handshake = builder.max_buf_size(HEAD).handshake(TokioIo::new(socket));
    let (sender, connection) = handshake.await.map_err(|_| Failure::Connect)?;
    // What goes wrong is told to whoever waits for the response.
    tokio::task::spawn_local(connection.with_upgrades());
    Ok(sender)
}

/// A new HTTP/2 connection. Without TLS nobody asks whether it is spoken there.
pub(crate) async fn http2(upstream: &Upstream) -> Result<http2::SendRequest<Outbound>, Failure> {
    let socket = tcp(upstream).await?;
    if !upstream.address.tls {
        return handshake2(socket).await;
    }
    let socket = over_tls(upstream, socket).await?;
    match socket.get_ref().1.alpn_protocol() {
        Some(b"h2") => handshake2(socket).await,
        _ => Err(Failure::NotHttp),
    }
}

async fn handshake2<S>(socket: S) -> Result<http2::SendRequest<Outbound>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, connection) = http2::Builder::new(LocalExecutor)
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(HEAD).unwrap_or(u32::MAX))
        .handshake(TokioIo::new(socket))
        .await
        .map_err(|_| Failure::Connect)?;
    tokio::task::spawn_local(connection);
    Ok(sender)
}

/// Says hello, and makes sure of who answers.
async fn over_tls<S>(upstream: &Upstream, socket: S) -> Result<TlsStream<S>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let connector = upstream.connector().ok_or(Failure::Connect)?;
    let config = Arc::clone(&connector.config);
    let hello = TlsConnector::from(config).connect(connector.name.clone(), socket);
    timeout(upstream.settings.timeouts.connect, hello)
        .await
        .map_err(|_| Failure::ConnectTimeout)?
        .map_err(|error| {
            let address = &upstream.address;
            tracing::warn!(host = %address.host, port = address.port, %error, "no TLS");
            Failure::Connect
        })
}

/// A socket connected to the upstream.
pub(crate) async fn tcp(upstream: &Upstream) -> Result<TcpStream, Failure> {
    let address = &upstream.address;
    let connecting = async {
        match address.host.parse::<std::net::IpAddr>() {
            Ok(host) => TcpStream::connect((host, address.port)).await,
            Err(_) => TcpStream::connect((&*address.host, address.port)).await,
        }
    };
    let socket = timeout(upstream.settings.timeouts.connect, connecting)
        .await
        .map_err(|_| Failure::ConnectTimeout)?
        .map_err(|_| Failure::Connect)?;
    // Only latency is lost without it.
    let _ = socket.set_nodelay(true);
    Ok(socket)
}

/// A socket that can be asked about while hyper owns it.
struct Shared(Arc<TcpStream>);

impl Shared {
    /// A read that does not fill its buffer has taken all there was: tokio is
    /// told, as its own streams tell it, so that nobody asks again before more
    /// has come.
    fn drained(&self) {
        let blocked = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _ = self.0.try_io(Interest::READABLE, blocked);
    }
}

impl AsyncRead for Shared {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(cx))?;
            match self.0.try_read_buf(buffer) {
                Ok(read) => {
                    if read > 0 && buffer.remaining() > 0 {
                        self.drained();
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Shared {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            match self.0.try_write_vectored(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(socket2::SockRef::from(&*self.0).shutdown(std::net::Shutdown::Write))
    }
}
