//! The least that can be called a proxy, to measure ours beside: hyper's
//! HTTP/1 server in, hyper-util's pooled client out, one client for all.
//! Hop-by-hop fields are removed and bodies passed on as they come. No
//! metrics, no limits, no TLS, no time-outs. Not tuned, and not to be.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt, Either, Empty, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::http::uri::PathAndQuery;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

/// A minimal proxy on hyper-util.
#[derive(Parser)]
struct Args {
    /// Where clients connect.
    #[arg(long)]
    listen: SocketAddr,
    /// Threads of the runtime.
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Who answers.
    #[arg(long)]
    monolith: SocketAddr,
    /// Who else answers.
    #[arg(long)]
    candidate: Option<SocketAddr>,
    /// Percent of `x-customer-id` values that the candidate answers.
    #[arg(long, default_value_t = 0)]
    percent: u64,
    /// Every request goes to the candidate too, and its answer is dropped.
    #[arg(long)]
    mirror: bool,
}

type Sent = Either<Incoming, Full<Bytes>>;
type Answered = Either<Incoming, Empty<Bytes>>;

struct Proxy {
    args: Args,
    client: Client<HttpConnector, Sent>,
}

const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(args.workers)
        .enable_all()
        .build()?;
    runtime.block_on(serve(args))
}

async fn serve(args: Args) -> anyhow::Result<()> {
    let listener = TcpListener::bind(args.listen).await?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let proxy = Arc::new(Proxy { args, client });
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let proxy = Arc::clone(&proxy);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&proxy, request));
            // A client that leaves is no news.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

async fn answer(
    proxy: &Proxy,
    request: Request<Incoming>,
) -> Result<Response<Answered>, Infallible> {
    let answered = match (proxy.args.mirror, proxy.args.candidate) {
        (true, Some(candidate)) => mirrored(proxy, candidate, request).await,
        _ => {
            let to = side(&proxy.args, request.headers());
            send(proxy, to, request.map(Either::Left)).await
        }
    };
    Ok(answered.unwrap_or_else(|_| {
        let mut response = Response::new(Either::Right(Empty::new()));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    }))
}

fn side(args: &Args, headers: &HeaderMap) -> SocketAddr {
    let Some(candidate) = args.candidate else {
        return args.monolith;
    };
    let mut hasher = DefaultHasher::new();
    headers.get("x-customer-id").hash(&mut hasher);
    match hasher.finish() % 100 < args.percent {
        true => candidate,
        false => args.monolith,
    }
}

async fn mirrored(
    proxy: &Proxy,
    candidate: SocketAddr,
    request: Request<Incoming>,
) -> anyhow::Result<Response<Answered>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let whole = || Either::Right(Full::new(body.clone()));
    let copy = prepared(candidate, Request::from_parts(head.clone(), whole()))?;
    let sending = proxy.client.request(copy);
    tokio::spawn(async move {
        if let Ok(response) = sending.await {
            // Read to its end, so that the connection can be used again.
            let _ = response.into_body().collect().await;
        }
    });
    send(
        proxy,
        proxy.args.monolith,
        Request::from_parts(head, whole()),
    )
    .await
}

async fn send(
    proxy: &Proxy,
    to: SocketAddr,
    request: Request<Sent>,
) -> anyhow::Result<Response<Answered>> {
    let mut response = proxy.client.request(prepared(to, request)?).await?;
    remove_hop_by_hop(response.headers_mut());
    Ok(response.map(Either::Left))
}

fn prepared(to: SocketAddr, mut request: Request<Sent>) -> anyhow::Result<Request<Sent>> {
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", PathAndQuery::as_str);
    *request.uri_mut() = Uri::builder()
        .scheme("http")
        .authority(to.to_string())
        .path_and_query(target)
        .build()?;
    remove_hop_by_hop(request.headers_mut());
    Ok(request)
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}
