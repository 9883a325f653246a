//! Upstreams that do as they are told, and a client that says exactly what it
//! is given and never repeats itself.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cutline_proxy::{Config, Proxy, RoutesFile, Running};

/// A request as an upstream got it: its head as text, and its body.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// The value of a field, by its lower-case name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }

    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }
}

/// What an upstream does with a connection once it has read a request: writes
/// what it likes; true keeps the connection.
pub(crate) type Answer = dyn Fn(&Seen, &mut TcpStream) -> bool + Send + Sync;

/// A process that answers over real sockets.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    /// Told of every request.
    asked: Arc<Condvar>,
    stop: Arc<Mutex<Vec<TcpStream>>>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Answers every request with 200 and its own name.
    pub(crate) fn named(name: &'static str) -> Upstream {
        Upstream::new(move |_, socket| respond(socket, "200 OK", "", name))
    }

    pub(crate) fn new(
        answer: impl Fn(&Seen, &mut TcpStream) -> bool + Send + Sync + 'static,
    ) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Upstream::on(listener, answer)
    }

    pub(crate) fn on(
        listener: TcpListener,
        answer: impl Fn(&Seen, &mut TcpStream) -> bool + Send + Sync + 'static,
    ) -> Upstream {
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(Mutex::new(Vec::new()));
        let answer: Arc<Answer> = Arc::new(answer);
        let asked = Arc::new(Condvar::new());
        let (record, open) = (Arc::clone(&seen), Arc::clone(&stop));
        let tell = Arc::clone(&asked);
        let thread = thread::spawn(move || {
            for socket in listener.incoming() {
                let Ok(socket) = socket else { return };
                let peer = socket.try_clone().unwrap();
                // The end of the upstream: it connected to itself.
                if peer.peer_addr().ok() == Some(address) || open.lock().unwrap().len() > 100_000 {
                    return;
                }
                open.lock().unwrap().push(peer);
                let (answer, record) = (Arc::clone(&answer), Arc::clone(&record));
                let tell = Arc::clone(&tell);
                thread::spawn(move || serve(socket, &*answer, &record, &tell));
            }
        });
        Upstream {
            address,
            seen,
            asked,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until it was asked `n` times; fails when it was not within half a
    /// minute.
    pub(crate) fn asked(&self, n: usize) {
        let (seen, patience) = (self.seen.lock().unwrap(), Duration::from_secs(30));
        let waited = self
            .asked
            .wait_timeout_while(seen, patience, |seen| seen.len() < n);
        assert_eq!(waited.unwrap().0.len(), n, "requests");
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        for socket in self.stop.lock().unwrap().drain(..) {
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
        // The accepting thread owns the listener: it ends with the test.
        drop(self.thread.take());
    }
}

fn serve(mut socket: TcpStream, answer: &Answer, record: &Mutex<Vec<Seen>>, tell: &Condvar) {
    while let Some(seen) = read_request(&mut socket) {
        record.lock().unwrap().push(seen.clone());
        tell.notify_all();
        if !answer(&seen, &mut socket) {
            let _ = socket.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

fn read_request(socket: &mut TcpStream) -> Option<Seen> {
    let head = read_head(socket)?;
    let length = field(&head, "content-length").and_then(|length| length.parse().ok());
    let body = match (length, field(&head, "transfer-encoding")) {
        (Some(length), _) => {
            let mut body = vec![0; length];
            socket.read_exact(&mut body).ok()?;
            body
        }
        (None, Some(_)) => read_chunks(socket)?,
        (None, None) => Vec::new(),
    };
    Some(Seen { head, body })
}

fn read_head(socket: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

fn read_line(socket: &mut TcpStream) -> Option<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\r\n") {
        socket.read_exact(&mut byte).ok()?;
        line.push(byte[0]);
    }
    Some(String::from_utf8_lossy(&line[..line.len() - 2]).into_owned())
}

fn read_chunks(socket: &mut TcpStream) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = read_line(socket)?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            while !read_line(socket)?.is_empty() {}
            return Some(body);
        }
        let mut chunk = vec![0; size + 2];
        socket.read_exact(&mut chunk).ok()?;
        body.extend_from_slice(&chunk[..size]);
    }
}

pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Writes a whole response; true, so that the connection is kept.
pub(crate) fn respond(socket: &mut TcpStream, status: &str, fields: &str, body: &str) -> bool {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{fields}\r\n{body}");
    socket.write_all(text.as_bytes()).is_ok()
}

/// What a client read until the connection's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }
}

/// Sends exactly `text` and reads to the end of the connection.
pub(crate) fn say(to: SocketAddr, text: &str) -> String {
    let mut socket = TcpStream::connect(to).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let _ = socket.write_all(text.as_bytes());
    let mut read = Vec::new();
    let _ = socket.read_to_end(&mut read);
    String::from_utf8_lossy(&read).into_owned()
}

/// Asks once over a new connection.
pub(crate) fn ask(to: SocketAddr, line: &str, fields: &[&str], body: &str) -> Response {
    let mut text = format!("{line} HTTP/1.1\r\nhost: churn.example\r\nconnection: close\r\n");
    for field in fields {
        text.push_str(field);
        text.push_str("\r\n");
    }
    if !body.is_empty() {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    let read = say(to, &format!("{text}\r\n{body}"));
    let (head, body) = read.split_once("\r\n\r\n").unwrap_or((&read, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Response {
        status: status.unwrap_or(0),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// A proxy in front of a monolith and a candidate of the stage `inference`,
/// which owns `POST /predict` and `GET /drift` without effects and `POST
/// /train` with.
pub(crate) fn proxy(monolith: &str, candidate: &str, stage: &str, more: &str) -> Running {
    let running = Proxy::bind(config(monolith, candidate, stage, more)).unwrap();
    running.start(1).unwrap()
}

pub(crate) fn config(monolith: &str, candidate: &str, stage: &str, more: &str) -> Config {
    let text = format!(
        r#"
listen = "127.0.0.1:0"

[monolith]
upstream = "{monolith}"

[stage.inference]
routes = [
    {{ route = "POST /predict", side_effects = {{ monolith = "none", candidate = "none" }} }},
    "GET /drift",
    "POST /train",
]
candidate = "{candidate}"
{stage}
{more}
"#
    );
    RoutesFile::check(&text, |_| Ok(vec![b'k'; 32])).unwrap_or_else(|problem| panic!("{problem}"))
}

/// Asks again and again until `holds`; fails when it does not within half a
/// minute. Only for what the proxy tells nobody of its own accord and can only
/// be looked up: its metrics, its status, whether it still accepts. What a test
/// does itself it waits for by a channel, and for requests by
/// [`Upstream::asked`].
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("never: {what}");
}
