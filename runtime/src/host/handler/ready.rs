//! [`Early`]: a listener that says that it is ready before it is: the host of
//! Azure Functions starts a handler anew whenever one is needed, and waits for
//! it, while the store behind it may take a second to show itself.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A listener, and the connections that came before anybody could answer.
#[derive(Debug)]
pub struct Early {
    waiting: VecDeque<(TcpStream, SocketAddr)>,
    listener: TcpListener,
}

/// How long a request that has begun is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

const READY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

impl Early {
    /// Does `work`, and meanwhile answers `GET /` at `listener`. Whatever else
    /// is asked there waits.
    pub async fn during<T>(listener: TcpListener, work: impl Future<Output = T>) -> (T, Early) {
        let mut work = pin!(work);
        let (over, is_over) = watch::channel(false);
        let (mut asked, mut waiting) = (JoinSet::new(), VecDeque::new());
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                Ok((stream, from)) = listener.accept() => {
                    asked.spawn(answered(stream, from, is_over.clone()));
                }
                Some(Ok(left)) = asked.join_next() => waiting.extend(left),
            }
        };
        // Those that have said nothing yet say it to whoever answers then.
        let _ = over.send(true);
        let rest = async {
            while let Some(left) = asked.join_next().await {
                waiting.extend(left.ok().flatten());
            }
        };
        // Who has begun and does not end is left.
        let _ = tokio::time::timeout(PATIENCE, rest).await;
        (done, Early { waiting, listener })
    }
}

impl Early {
    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl From<TcpListener> for Early {
    fn from(listener: TcpListener) -> Early {
        Early {
            waiting: VecDeque::new(),
            listener,
        }
    }
}

impl Listener for Early {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        match self.waiting.pop_front() {
            Some(waiting) => waiting,
            None => Listener::accept(&mut self.listener).await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Answers a sign of life; gives back what asks for something else, or has said
/// too little to tell.
async fn answered(
    mut stream: TcpStream,
    from: SocketAddr,
    mut over: watch::Receiver<bool>,
) -> Option<(TcpStream, SocketAddr)> {
    const ASKED: &[u8] = b"GET / HTTP/1.";
    const MOST: usize = 8 * 1024;
    let mut seen = [0; ASKED.len()];
    let seen_by_now = tokio::select! {
        biased;
        _ = over.wait_for(|over| *over) => 0,
        seen_by_now = stream.peek(&mut seen) => seen_by_now.ok()?,
    };
    if seen[..seen_by_now] != *ASKED {
        return Some((stream, from));
    }
    // The request is read to its end, lest the connection be reset.
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut text).await.ok()? == 0 || text.len() > MOST {
            return None;
        }
    }
    stream.write_all(READY).await.ok()?;
    None
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::sync::oneshot;

    use super::*;

    async fn asks(to: SocketAddr, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn heard(mut stream: TcpStream) -> String {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn it_is_ready_at_once_and_what_else_is_asked_waits() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (opened, opening) = oneshot::channel::<()>();
        let early = tokio::spawn(Early::during(listener, opening));
        let request =
            |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        for _ in 0..2 {
            let answer = heard(asks(address, &request("/")).await).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        let waits = asks(address, &request("/later")).await;
        let silent = TcpStream::connect(address).await.unwrap();
        opened.send(()).unwrap();
        let (done, early) = early.await.unwrap();
        done.unwrap();
        let router = Router::new().route("/later", get(async || "later"));
        tokio::spawn(async move { axum::serve(early, router).await });
        let answer = heard(waits).await;
        assert!(answer.ends_with("later"), "{answer}");
        let answer = heard(asks(address, &request("/later")).await).await;
        assert!(answer.ends_with("later"), "{answer}");
        let mut silent = silent;
        silent
            .write_all(request("/later").as_bytes())
            .await
            .unwrap();
        let answer = heard(silent).await;
        assert!(answer.ends_with("later"), "{answer}");
    }
}
