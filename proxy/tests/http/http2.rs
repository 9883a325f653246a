//! HTTP/2 from clients and to upstreams, and what only it can do wrong.

use std::convert::Infallible;
use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper::ext::Protocol;
use hyper::{HeaderMap, Method, Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::counted;
use crate::support::{Upstream, eventually, proxy, respond};

pub(crate) type Body = BoxBody<Bytes, Infallible>;
pub(crate) const NOBODY: &str = "http://127.0.0.1:1";

pub(crate) fn run<F: Future>(future: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().unwrap();
    runtime.block_on(future)
}

pub(crate) async fn client(to: SocketAddr) -> SendRequest<Body> {
    over(tokio::net::TcpStream::connect(to).await.unwrap()).await
}

pub(crate) async fn over<S>(socket: S) -> SendRequest<Body>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (sender, connection) = builder.handshake(TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    sender
}

pub(crate) fn request(method: Method, path: &str) -> http::request::Builder {
    let uri = format!("http://a.example{path}");
    Request::builder().method(method).uri(uri)
}

pub(crate) fn empty() -> Body {
    Empty::new().boxed()
}

/// An HTTP/2 upstream that answers with the request's body and trailers.
pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<HeaderMap>>>,
}

pub(crate) async fn echoed(
    seen: Arc<Mutex<Vec<HeaderMap>>>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    assert_eq!(request.version(), Version::HTTP_2);
    let (parts, body) = request.into_parts();
    seen.lock().unwrap().push(parts.headers);
    let body = body.collect().await.unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    if let Some(sent) = body.trailers().and_then(|trailers| trailers.get("x-sum")) {
        trailers.insert("x-sum", sent.clone());
    }
    let frames = [Frame::data(body.to_bytes()), Frame::trailers(trailers)];
    let body = StreamBody::new(tokio_stream(frames));
    let response = Response::builder().header("content-type", "application/grpc");
    Ok(response.body(body.boxed()).unwrap())
}

fn tokio_stream(
    frames: [Frame<Bytes>; 2],
) -> impl futures_core::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + Sync {
    Frames(frames.map(Some), 0)
}

struct Frames([Option<Frame<Bytes>>; 2], usize);

impl futures_core::Stream for Frames {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let at = self.1;
        self.1 += 1;
        let frame = self.0.get_mut(at).and_then(Option::take);
        std::task::Poll::Ready(frame.map(Ok))
    }
}

impl Echo {
    fn new() -> Echo {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        thread::spawn(move || {
            run(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((socket, _)) = listener.accept().await {
                    let record = Arc::clone(&record);
                    let service = hyper::service::service_fn(move |request| {
                        echoed(Arc::clone(&record), request)
                    });
                    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    tokio::spawn(builder.serve_connection(TokioIo::new(socket), service));
                }
            });
        });
        Echo { address, seen }
    }
}

#[test]
fn http2_without_tls_reaches_an_http1_upstream() {
    let upstream = Upstream::new(|seen, socket| {
        let body = String::from_utf8_lossy(&seen.body).into_owned();
        respond(socket, "200 OK", "connection: close\r\n", &body)
    });
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    run(async {
        let mut client = client(proxy.addresses()[0]).await;
        let body = Full::new(Bytes::from("hello")).boxed();
        let asked = request(Method::POST, "/a?b").body(body).unwrap();
        let response = client.send_request(asked).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.version()),
            (200, Version::HTTP_2)
        );
        assert_eq!(response.headers()["via"], "1.1 cutline");
        assert!(response.headers().get("connection").is_none());
        assert!(response.headers().contains_key("date"));
        let body = response.into_body().collect().await.unwrap();
        assert_eq!(body.to_bytes(), "hello");
    });
    let seen = &upstream.seen()[0];
    assert_eq!(seen.line(), "POST /a?b HTTP/1.1");
    assert_eq!(seen.field("host"), Some("a.example"));
    assert_eq!(seen.field("via"), Some("2 cutline"));
    proxy.stop();
}

#[test]
fn grpc_passes_with_its_trailers_both_ways() {
    let echo = Echo::new();
    let stage = "mode = \"candidate\"\nhttp2 = true";
    let candidate = format!("http://{}", echo.address);
    let proxy = proxy(NOBODY, &candidate, stage, "");
    run(async {
        let mut client = client(proxy.addresses()[0]).await;
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "6".parse().unwrap());
        let frames = [
            Frame::data(Bytes::from("\0\0\0\0\u{1}x")),
            Frame::trailers(trailers),
        ];
        let asked = request(Method::POST, "/predict")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(StreamBody::new(tokio_stream(frames)).boxed())
            .unwrap();
        let response = client.send_request(asked).await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/grpc");
        let body = response.into_body().collect().await.unwrap();
        assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
        assert_eq!(body.trailers().unwrap()["x-sum"], "6");
        assert_eq!(body.to_bytes(), "\0\0\0\0\u{1}x");
    });
    assert_eq!(echo.seen.lock().unwrap()[0]["te"], "trailers");
    proxy.stop();
}

fn websocket_upstream(status: &'static str) -> Upstream {
    Upstream::new(move |seen, socket| {
        let Some(key) = seen.field("sec-websocket-key") else {
            return respond(socket, "400 Bad Request", "", "");
        };
        let digest = Sha1::new().chain_update(key.as_bytes());
        let digest = digest.chain_update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        let accept = base64::engine::general_purpose::STANDARD.encode(digest.finalize());
        let accept = if status == "forged" {
            "x".to_owned()
        } else {
            accept
        };
        let status = if status == "forged" {
            "101 Switching Protocols"
        } else {
            status
        };
        if !status.starts_with("101") {
            return respond(socket, status, "", "no");
        }
        let head = format!(
            "HTTP/1.1 {status}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: {accept}\r\nsec-websocket-protocol: chat\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).unwrap();
        let mut piece = [0; 1024];
        while let Ok(n @ 1..) = socket.read(&mut piece) {
            socket.write_all(&piece[..n]).unwrap();
        }
        false
    })
}

fn websocket(protocol: &'static str) -> Request<Body> {
    let mut asked = request(Method::CONNECT, "/ws")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "chat")
        .body(empty())
        .unwrap();
    let protocol = Protocol::from_static(protocol);
    asked.extensions_mut().insert(protocol);
    asked
}

#[test]
fn a_websocket_over_http2_is_an_upgrade_upstream() {
    let upstream = websocket_upstream("101 Switching Protocols");
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    run(async {
        let mut client = client(proxy.addresses()[0]).await;
        // The setting that allows it comes with the first answer.
        let first = request(Method::GET, "/first").body(empty()).unwrap();
        assert_eq!(client.send_request(first).await.unwrap().status(), 400);
        let mut response = client.send_request(websocket("websocket")).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
        assert!(!response.headers().contains_key("sec-websocket-accept"));
        let upgraded = hyper::upgrade::on(&mut response).await.unwrap();
        let mut upgraded = TokioIo::new(upgraded);
        upgraded.write_all(b"hello").await.unwrap();
        let mut read = [0; 5];
        upgraded.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"hello");
        upgraded.shutdown().await.unwrap();
    });
    let seen = &upstream.seen()[1];
    assert_eq!(seen.line(), "GET /ws HTTP/1.1");
    assert_eq!(seen.field("upgrade"), Some("websocket"));
    assert_eq!(seen.field("sec-websocket-version"), Some("13"));
    proxy.stop();
}

#[test]
fn a_websocket_over_http2_that_is_not_opened_is_told() {
    for (status, expected) in [("403 Forbidden", 403), ("200 OK", 502), ("forged", 502)] {
        let upstream = websocket_upstream(status);
        let proxy = proxy(&upstream.url(), NOBODY, "", "");
        run(async {
            let mut client = client(proxy.addresses()[0]).await;
            let first = request(Method::GET, "/first").body(empty()).unwrap();
            client.send_request(first).await.unwrap();
            let response = client.send_request(websocket("websocket")).await.unwrap();
            assert_eq!(response.status(), expected, "{status}");
        });
        proxy.stop();
    }
}

#[test]
fn connect_is_refused_but_for_websockets() {
    let upstream = Upstream::named("a");
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    run(async {
        let mut client = client(proxy.addresses()[0]).await;
        let first = request(Method::GET, "/first").body(empty()).unwrap();
        client.send_request(first).await.unwrap();
        let response = client.send_request(websocket("connect-udp")).await.unwrap();
        assert_eq!(response.status(), 501);
        let plain = Request::builder()
            .method(Method::CONNECT)
            .uri("a.example:80");
        let response = client.send_request(plain.body(empty()).unwrap()).await;
        assert_eq!(response.unwrap().status(), 405);
    });
    assert_eq!(upstream.seen().len(), 1);
    proxy.stop();
}

#[test]
fn an_authority_and_a_host_must_agree() {
    let upstream = Upstream::named("a");
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    run(async {
        let mut client = client(proxy.addresses()[0]).await;
        for (host, status) in [("b.example", 400), ("A.example", 200)] {
            let asked = request(Method::GET, "/").header("host", host);
            let response = client.send_request(asked.body(empty()).unwrap()).await;
            assert_eq!(response.unwrap().status(), status, "{host}");
        }
        let trace = request(Method::TRACE, "/").body(empty()).unwrap();
        assert_eq!(client.send_request(trace).await.unwrap().status(), 405);
    });
    assert_eq!(upstream.seen().len(), 1);
    proxy.stop();
}

#[test]
fn pieces_of_a_cookie_are_one_field_for_an_http1_upstream() {
    let upstream = Upstream::named("a");
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    run(async {
        let mut client = client(proxy.addresses()[0]).await;
        let asked = request(Method::GET, "/");
        let asked = asked.header("cookie", "a=b").header("cookie", "c=d");
        let response = client.send_request(asked.body(empty()).unwrap()).await;
        assert_eq!(response.unwrap().status(), 200);
    });
    assert_eq!(upstream.seen()[0].field("cookie"), Some("a=b; c=d"));
    proxy.stop();
}

#[test]
fn space_around_a_value_over_http2_is_refused() {
    let upstream = Upstream::named("a");
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    run(async {
        let mut client = client(proxy.addresses()[0]).await;
        for value in [" y", "y ", "\ty"] {
            let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
            let asked = request(Method::GET, "/").header("x", value);
            let response = client.send_request(asked.body(empty()).unwrap()).await;
            assert_eq!(response.unwrap().status(), 400);
        }
    });
    assert_eq!(upstream.seen().len(), 0);
    proxy.stop();
}

#[test]
fn a_large_head_over_http2_is_answered_431() {
    let upstream = Upstream::named("a");
    let limits = "[limits]\nheader_bytes = \"8KiB\"";
    let proxy = proxy(&upstream.url(), NOBODY, "", limits);
    run(async {
        let mut client = client(proxy.addresses()[0]).await;
        let first = request(Method::GET, "/first").body(empty()).unwrap();
        client.send_request(first).await.unwrap();
        let large = "x".repeat(9_000);
        let asked = request(Method::GET, "/").header("x", large).body(empty());
        let response = client.send_request(asked.unwrap()).await;
        // A client that heeds the setting does not even send it.
        assert!(response.is_err() || response.is_ok_and(|response| response.status() == 431));
    });
    assert_eq!(upstream.seen().len(), 1);
    proxy.stop();
}

#[test]
fn what_is_in_flight_over_http2_ends_before_the_proxy_does() {
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let receive = Mutex::new(receive);
    let upstream = Upstream::new(move |_, socket| {
        let _ = receive.lock().unwrap().recv();
        respond(socket, "200 OK", "", "done")
    });
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    let address = proxy.addresses()[0];
    let asking = thread::spawn(move || {
        run(async {
            let mut client = client(address).await;
            let asked = request(Method::GET, "/slow").body(empty()).unwrap();
            let response = client.send_request(asked).await.unwrap();
            response.into_body().collect().await.unwrap().to_bytes()
        })
    });
    upstream.asked(1);
    let stopping = thread::spawn(move || proxy.stop());
    eventually("nothing more is accepted", || {
        TcpStream::connect(address).is_err()
    });
    send.send(()).unwrap();
    assert_eq!(asking.join().unwrap(), "done");
    stopping.join().unwrap();
}

// ---- Frames as no library would send them ----------------------------------

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// GET http / of authority a, from HPACK's static table.
const GET: &[u8] = b"\x82\x86\x84\x41\x01a";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// `name: value`, not indexed.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0, u8::try_from(name.len()).unwrap()];
    bytes.extend_from_slice(name.as_bytes());
    bytes.push(u8::try_from(value.len()).unwrap());
    bytes.extend_from_slice(value.as_bytes());
    bytes
}

/// Frames until one of `kinds` comes or the connection ends: its kind and its
/// error code.
fn until(socket: &mut TcpStream, kinds: &[u8]) -> Option<(u8, u32)> {
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        socket.read_exact(&mut payload).ok()?;
        if kinds.contains(&head[3]) {
            let code = payload.len().checked_sub(4);
            let code = match head[3] {
                GOAWAY => payload.get(4..8),
                _ => code.and_then(|at| payload.get(at..)),
            };
            let code = code.and_then(|code| code.try_into().ok());
            return Some((head[3], code.map_or(0, u32::from_be_bytes)));
        }
    }
}

fn spoken(to: SocketAddr, frames: &[Vec<u8>]) -> TcpStream {
    let mut socket = TcpStream::connect(to).unwrap();
    let patience = Some(Duration::from_secs(30));
    socket.set_read_timeout(patience).unwrap();
    let mut bytes = PREFACE.to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, b""));
    bytes.extend(frames.concat());
    let _ = socket.write_all(&bytes);
    socket
}

#[test]
fn malformed_requests_over_http2_are_reset_and_never_seen() {
    let upstream = Upstream::named("a");
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    for (what, fields) in [
        (
            "a field of the connection",
            [GET, &*literal("connection", "close")].concat(),
        ),
        (
            "a coding",
            [GET, &*literal("transfer-encoding", "chunked")].concat(),
        ),
        (
            "an upgrade",
            [GET, &*literal("upgrade", "websocket")].concat(),
        ),
        ("capitals in a name", [GET, &*literal("X-A", "b")].concat()),
        (
            "TE for more than trailers",
            [GET, &*literal("te", "gzip")].concat(),
        ),
        (
            "a pseudo-field behind a field",
            [&*literal("x", "y"), GET].concat(),
        ),
        (
            "a pseudo-field nobody knows",
            [GET, &*literal(":x", "y")].concat(),
        ),
        ("a pseudo-field twice", [GET, b"\x84"].concat()),
        ("no path", b"\x82\x86\x41\x01a".to_vec()),
        (
            "an empty path",
            [b"\x82\x86\x41\x01a".to_vec(), literal(":path", "")].concat(),
        ),
        ("a CR in a value", [GET, &*literal("x", "a\rb")].concat()),
        (
            "an LF in a value",
            [GET, &*literal("x", "a\nb: c")].concat(),
        ),
        ("a NUL in a value", [GET, &*literal("x", "a\0b")].concat()),
        ("a colon in a name", [GET, &*literal("a:b", "c")].concat()),
        ("a space in a name", [GET, &*literal("a b", "c")].concat()),
    ] {
        let asked = frame(HEADERS, END_STREAM | END_HEADERS, 1, &fields);
        let mut socket = spoken(proxy.addresses()[0], &[asked]);
        let answer = until(&mut socket, &[HEADERS, RST_STREAM, GOAWAY]);
        let refused = answer.is_none_or(|(kind, _)| kind != HEADERS);
        assert!(refused, "{what}: {answer:?}");
    }
    assert_eq!(upstream.seen().len(), 0);
    proxy.stop();
}

#[test]
fn a_fragment_in_a_path_over_http2_goes_no_further() {
    let upstream = Upstream::named("a");
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    let fields = [b"\x82\x86\x41\x01a".to_vec(), literal(":path", "/a?b#c")].concat();
    let asked = frame(HEADERS, END_STREAM | END_HEADERS, 1, &fields);
    let mut socket = spoken(proxy.addresses()[0], &[asked]);
    assert!(until(&mut socket, &[HEADERS]).is_some());
    assert_eq!(upstream.seen()[0].line(), "GET /a?b HTTP/1.1");
    // It would not answer the ping that comes with GOAWAY.
    drop(socket);
    proxy.stop();
}

#[test]
fn a_length_over_http2_that_is_not_the_bodys_is_refused() {
    let upstream = Upstream::named("a");
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    for length in ["3", "9"] {
        let fields = [
            b"\x83\x86\x84\x41\x01a",
            &*literal("content-length", length),
        ]
        .concat();
        let asked = [
            frame(HEADERS, END_HEADERS, 1, &fields),
            frame(0, END_STREAM, 1, b"abcdef"),
        ];
        let mut socket = spoken(proxy.addresses()[0], &asked);
        let answer = until(&mut socket, &[RST_STREAM, GOAWAY]);
        assert!(answer.is_some(), "{length}");
    }
    assert_eq!(upstream.seen().len(), 0);
    proxy.stop();
}

#[test]
fn streams_that_are_reset_at_once_end_the_connection() {
    let upstream = Upstream::named("a");
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    let mut frames = Vec::new();
    for stream in (1..4_000).step_by(2) {
        frames.push(frame(HEADERS, END_STREAM | END_HEADERS, stream, GET));
        frames.push(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    let mut socket = spoken(proxy.addresses()[0], &frames);
    let answer = until(&mut socket, &[GOAWAY]);
    assert_eq!(answer, Some((GOAWAY, 11)), "ENHANCE_YOUR_CALM");
    assert!(upstream.seen().len() < 500, "{}", upstream.seen().len());
    eventually("all of it has ended", || {
        proxy.metrics().contains("cutline_requests_in_flight 0")
    });
    proxy.stop();
}

#[test]
fn a_head_without_end_ends_the_connection() {
    let upstream = Upstream::named("a");
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    let mut frames = vec![frame(HEADERS, END_STREAM, 1, GET)];
    let field = literal("x", &"y".repeat(120));
    frames.extend((0..20_000).map(|_| frame(CONTINUATION, 0, 1, &field)));
    let mut socket = spoken(proxy.addresses()[0], &frames);
    let answer = until(&mut socket, &[GOAWAY]);
    assert!(answer.is_none_or(|(_, code)| code != 0), "{answer:?}");
    assert_eq!(upstream.seen().len(), 0);
    proxy.stop();
}

#[test]
fn more_streams_than_there_may_be_are_refused() {
    let upstream = Upstream::new(|_, socket| socket.read(&mut [0]).is_ok_and(|n| n > 0));
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    let streams = (1..400).step_by(2);
    let frames: Vec<_> = streams
        .map(|stream| frame(HEADERS, END_STREAM | END_HEADERS, stream, GET))
        .collect();
    let mut socket = spoken(proxy.addresses()[0], &frames);
    let answer = until(&mut socket, &[RST_STREAM, GOAWAY]);
    assert_eq!(answer, Some((RST_STREAM, 7)), "REFUSED_STREAM");
    drop(socket);
    eventually("all of it has ended", || {
        proxy.metrics().contains("cutline_requests_in_flight 0")
    });
    let metrics = proxy.metrics();
    assert!(
        counted(&metrics, "cutline_requests_total", "") <= 128,
        "{metrics}"
    );
    proxy.stop();
}
