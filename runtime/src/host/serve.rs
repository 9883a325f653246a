//! [`serve`]: a router at a listener, as axum serves it, but for clients that
//! begin a request and do not end it: they have so much time for its head, and
//! for the next one to come.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

/// How long the head of a request, or the next one on a connection that is kept,
/// is waited for. Whoever keeps connections for a minute, such as the proxy, ends
/// them first.
pub(super) const HEAD: Duration = Duration::from_secs(75);

/// Answers until `ends` says so; then takes nobody in any more, and ends what has
/// begun. `head` is how long the head of a request is waited for.
pub(super) async fn serve<L: Listener>(
    mut listener: L,
    router: Router,
    head: Duration,
    mut ends: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = over(&mut ends) => break,
            (io, _) = listener.accept() => {
                connections.spawn(connection(io, router.clone(), head, ends.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection<Io>(io: Io, router: Router, head: Duration, mut ends: watch::Receiver<bool>)
where
    Io: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = router.map_request(|request: Request<Incoming>| request.map(Body::new));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .serve_connection(TokioIo::new(io), TowerToHyperService::new(service));
    let mut serving = std::pin::pin!(serving.with_upgrades());
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = over(&mut ends) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client's connection broke off");
    }
}

async fn over(ends: &mut watch::Receiver<bool>) {
    // Whoever would say so is gone: it is over too.
    let _ = ends.wait_for(|over| *over).await;
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::{Arc, Mutex};

    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::oneshot;

    use super::*;

    async fn served(router: Router, head: Duration) -> (SocketAddr, watch::Sender<bool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (over, ends) = watch::channel(false);
        tokio::spawn(serve(listener, router, head, ends));
        (address, over)
    }

    async fn says(to: SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// What comes until the other side ends it.
    async fn heard(mut stream: TcpStream) -> String {
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    const SOON: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn who_does_not_end_a_head_is_left() {
        let (address, _over) = served(Router::new(), SOON).await;
        // Each ends, or the test would not.
        for begun in ["", "G", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
            let answer = heard(says(address, begun).await).await;
            assert!(!answer.contains("200"), "{answer}");
        }
        // An answered one is not kept for ever either.
        let kept = says(address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(heard(kept).await.starts_with("HTTP/1.1 404"));
    }

    #[tokio::test]
    async fn a_body_and_an_answer_take_their_time() {
        let (go, gone) = oneshot::channel::<()>();
        let gone = Arc::new(Mutex::new(Some(gone)));
        let slow = move |body: String| {
            let gone = gone.lock().unwrap().take().unwrap();
            async move {
                let _ = gone.await;
                body
            }
        };
        let router = Router::new().route("/", post(slow));
        let (address, _over) = served(router, SOON).await;
        let head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\n";
        let mut stream = says(address, head).await;
        // A head that is over its time meanwhile.
        assert_eq!(heard(says(address, "G").await).await, "");
        stream.write_all(b"slow").await.unwrap();
        assert_eq!(heard(says(address, "G").await).await, "");
        go.send(()).unwrap();
        let answer = heard(stream).await;
        assert!(answer.ends_with("slow"), "{answer}");
    }

    #[tokio::test]
    async fn what_has_begun_is_ended_and_nobody_is_taken_in() {
        let (began, begun) = oneshot::channel::<()>();
        let (go, gone) = oneshot::channel::<()>();
        let both = Arc::new(Mutex::new(Some((began, gone))));
        let slow = move || {
            let (began, gone) = both.lock().unwrap().take().unwrap();
            async move {
                let _ = began.send(());
                let _ = gone.await;
                "done"
            }
        };
        let (address, over) = served(Router::new().route("/", get(slow)), HEAD).await;
        let asked = says(address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let silent = says(address, "").await;
        begun.await.unwrap();
        over.send(true).unwrap();
        assert_eq!(heard(silent).await, "");
        go.send(()).unwrap();
        let answer = heard(asked).await;
        assert!(answer.ends_with("done"), "{answer}");
        assert!(TcpStream::connect(address).await.is_err());
    }
}
