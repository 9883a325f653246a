//! Bodies that are long, slow, or end with trailers.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use crate::http2::NOBODY;
use crate::next_answer;
use crate::support::{Upstream, eventually, proxy, respond, say};

/// More than sockets keep on two loopback connections, and far less than what
/// is sent.
const KEPT: usize = 32 << 20;

fn connected(to: SocketAddr, text: &str) -> TcpStream {
    let mut socket = TcpStream::connect(to).unwrap();
    let patience = Some(Duration::from_secs(30));
    socket.set_read_timeout(patience).unwrap();
    socket.write_all(text.as_bytes()).unwrap();
    socket
}

/// Writes until the other end takes no more for a while: how much it took.
fn filled(socket: &mut TcpStream) -> usize {
    let patience = Some(Duration::from_millis(500));
    socket.set_write_timeout(patience).unwrap();
    let (piece, mut taken) = (vec![b'x'; 64 << 10], 0);
    while taken < 4 * KEPT {
        match socket.write(&piece) {
            Ok(n) => taken += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    taken
}

#[test]
fn a_client_that_does_not_read_holds_up_its_upstream() {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let upstream = Upstream::new(move |_, socket| {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n";
        socket.write_all(head.as_bytes()).unwrap();
        count.store(filled(socket), Ordering::Relaxed);
        false
    });
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    let text = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let socket = connected(proxy.addresses()[0], text);
    eventually("the upstream can send no more", || {
        taken.load(Ordering::Relaxed) > 0
    });
    let taken = taken.load(Ordering::Relaxed);
    assert!(taken < KEPT, "{taken} bytes were taken");
    drop(socket);
    proxy.stop();
}

#[test]
fn an_upstream_that_does_not_read_holds_up_its_client() {
    let (send, receive) = mpsc::channel::<()>();
    let receive = Mutex::new(receive);
    // Its support reads whole requests: the head is all of this one.
    let upstream = Upstream::new(move |_, socket| {
        let _ = receive.lock().unwrap().recv();
        respond(socket, "200 OK", "", "")
    });
    for stage in ["", "mode = \"shadow\""] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let deaf = format!("http://{}", listener.local_addr().unwrap());
        let proxy = proxy(&deaf, &upstream.url(), stage, "");
        let text = "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000\r\n\r\n";
        let mut socket = connected(proxy.addresses()[0], text);
        let taken = filled(&mut socket);
        assert!(taken < KEPT, "{taken} bytes were taken");
        drop(socket);
        drop(listener);
        proxy.stop();
    }
    drop(send);
}

#[test]
fn clients_that_stop_sending_have_no_upstream_left_out() {
    let upstream = Upstream::named("candidate");
    let stage = "mode = \"candidate\"\ntimeouts = { first_byte = \"200ms\" }";
    let proxy = proxy(NOBODY, &upstream.url(), stage, "");
    let text = "POST /train HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab";
    let mut sockets: Vec<_> = (0..8)
        .map(|_| connected(proxy.addresses()[0], text))
        .collect();
    for socket in &mut sockets {
        assert_eq!(next_answer(socket, false).unwrap().status, 400);
    }
    let asked = crate::support::ask(proxy.addresses()[0], "POST /train", &[], "{}");
    assert_eq!((asked.status, &*asked.body), (200, "candidate"));
    proxy.stop();
}

#[test]
fn a_body_that_decides_has_as_long_as_a_head() {
    let upstream = Upstream::named("a");
    let stage = "mode = \"split\"\npercent = 50\nsticky = { json = \"/id\" }";
    let limits = "[limits]\nheader_time = \"200ms\"";
    let proxy = proxy(&upstream.url(), &upstream.url(), stage, limits);
    let text = "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 50\r\n\r\n{\"id\": ";
    let mut socket = connected(proxy.addresses()[0], text);
    assert_eq!(next_answer(&mut socket, false).unwrap().status, 400);
    assert_eq!(upstream.seen().len(), 0);
    proxy.stop();
}

#[test]
fn a_large_upload_arrives_whole() {
    const LENGTH: usize = 48 << 20;
    let upstream = Upstream::new(|seen, socket| {
        let sum: u64 = seen.body.iter().map(|byte| u64::from(*byte)).sum();
        respond(socket, "200 OK", "", &format!("{} {sum}", seen.body.len()))
    });
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    let text = format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {LENGTH}\r\n\r\n");
    let mut socket = connected(proxy.addresses()[0], &text);
    let piece: Vec<u8> = (0..1 << 16).map(|n| (n % 251) as u8).collect();
    for _ in 0..LENGTH / piece.len() {
        socket.write_all(&piece).unwrap();
    }
    let sum: u64 = piece.iter().map(|byte| u64::from(*byte)).sum();
    let sum = sum * (LENGTH / piece.len()) as u64;
    let answer = next_answer(&mut socket, false).unwrap();
    assert_eq!(answer.text(), format!("{LENGTH} {sum}"));
    proxy.stop();
}

#[test]
fn events_are_passed_on_as_they_come() {
    let (send, receive) = mpsc::channel::<()>();
    let receive = Mutex::new(receive);
    let upstream = Upstream::new(move |_, socket| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                    transfer-encoding: chunked\r\n\r\n";
        socket.write_all(head.as_bytes()).unwrap();
        for n in 0..3 {
            let event = format!("9\r\ndata: {n}\n\n\r\n");
            socket.write_all(event.as_bytes()).unwrap();
            // The next one only once the client has had this one.
            receive.lock().unwrap().recv().unwrap();
        }
        socket.write_all(b"0\r\n\r\n").is_ok()
    });
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    let text = "GET /events HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut socket = connected(proxy.addresses()[0], text);
    let mut read = Vec::new();
    for n in 0..3 {
        let event = format!("data: {n}\n\n");
        while !String::from_utf8_lossy(&read).contains(&event) {
            let mut piece = [0; 1_024];
            let n = socket.read(&mut piece).unwrap();
            assert!(n > 0);
            read.extend_from_slice(&piece[..n]);
        }
        send.send(()).unwrap();
    }
    proxy.stop();
}

#[test]
fn trailers_pass_both_ways_over_http1() {
    let raw = Raw::new(
        "HTTP/1.1 200 OK\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n\
         3\r\nabc\r\n0\r\nx-sum: 6\r\n\r\n",
        b"0\r\nx-up: 1\r\n\r\n",
    );
    let proxy = proxy(&raw.url, NOBODY, "", "");
    let text = "POST / HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: te, close\r\n\
                trailer: x-up\r\ntransfer-encoding: chunked\r\n\r\n\
                1\r\nx\r\n0\r\nx-up: 1\r\n\r\n";
    let read = say(proxy.addresses()[0], text);
    assert!(raw.got.recv().unwrap().contains("\r\n0\r\nx-up: 1\r\n\r\n"));
    assert!(read.ends_with("abc\r\n0\r\nx-sum: 6\r\n\r\n"), "{read}");
    proxy.stop();
}

/// An upstream that answers once what it has read ends in `end`, and gives what
/// it read.
struct Raw {
    url: String,
    got: mpsc::Receiver<String>,
}

impl Raw {
    fn new(answer: &'static str, end: &'static [u8]) -> Raw {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (send, got) = mpsc::channel();
        thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let (mut read, mut byte) = (Vec::new(), [0]);
            while !read.ends_with(end) && socket.read_exact(&mut byte).is_ok() {
                read.push(byte[0]);
            }
            let _ = send.send(String::from_utf8_lossy(&read).into_owned());
            let _ = socket.write_all(answer.as_bytes());
        });
        Raw { url, got }
    }
}

#[test]
fn a_client_that_waits_is_told_to_go_on() {
    let upstream = Upstream::new(|seen, socket| {
        let body = String::from_utf8_lossy(&seen.body).into_owned();
        respond(socket, "200 OK", "", &body)
    });
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    let text = "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    let mut socket = connected(proxy.addresses()[0], text);
    let mut interim = [0; 25];
    socket.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    socket.write_all(b"hello").unwrap();
    assert_eq!(next_answer(&mut socket, false).unwrap().text(), "hello");
    proxy.stop();
}

#[test]
fn an_old_client_is_never_told_to_go_on() {
    let upstream = Upstream::new(|_, socket| respond(socket, "200 OK", "", "ok"));
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    let text = "POST / HTTP/1.0\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n{}";
    let read = say(proxy.addresses()[0], text);
    assert!(
        read.starts_with("HTTP/1.") && read.contains(" 200 OK\r\n"),
        "{read}"
    );
    assert!(!read.contains(" 100 "), "{read}");
    proxy.stop();
}

#[test]
fn an_upgrade_to_something_else_is_no_answer() {
    let raw = Raw::new(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n",
        b"\r\n\r\n",
    );
    let proxy = proxy(&raw.url, NOBODY, "", "");
    let text = "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    let mut socket = connected(proxy.addresses()[0], text);
    assert_eq!(next_answer(&mut socket, false).unwrap().status, 502);
    proxy.stop();
}

#[test]
fn a_refused_request_is_not_told_to_go_on() {
    let proxy = proxy(NOBODY, NOBODY, "", "");
    let text = "TRACE / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    let mut socket = connected(proxy.addresses()[0], text);
    let mut first = [0; 12];
    socket.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 405");
    proxy.stop();
}

#[test]
fn an_old_client_gets_a_body_that_ends_with_its_connection() {
    let raw = Raw::new(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"\r\n\r\n",
    );
    let proxy = proxy(&raw.url, NOBODY, "", "");
    let read = say(proxy.addresses()[0], "GET / HTTP/1.0\r\nhost: a\r\n\r\n");
    let (head, body) = read.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "abc");
    assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
    let got = raw.got.recv().unwrap();
    assert!(got.starts_with("GET / HTTP/1.1\r\n") && got.contains("via: 1.0 cutline"));
    proxy.stop();
}

#[test]
fn head_is_answered_as_the_upstream_does() {
    let raw = Raw::new(
        "HTTP/1.1 200 OK\r\ncontent-length: 7\r\nx: y\r\n\r\n",
        b"\r\n\r\n",
    );
    let proxy = proxy(&raw.url, NOBODY, "", "");
    let text = "HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let read = say(proxy.addresses()[0], text);
    assert!(
        read.contains("content-length: 7\r\n") && read.ends_with("\r\n\r\n"),
        "{read}"
    );
    proxy.stop();
}

#[test]
fn a_client_that_leaves_ends_its_request() {
    let (send, receive) = mpsc::channel::<()>();
    let receive = Mutex::new(receive);
    let upstream = Upstream::new(move |_, _| {
        let _ = receive.lock().unwrap().recv();
        false
    });
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    let text = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let socket = connected(proxy.addresses()[0], text);
    eventually("it is in flight", || upstream.seen().len() == 1);
    drop(socket);
    eventually("it is counted as aborted", || {
        proxy.metrics().contains(r#"route="*",end="aborted"} 1"#)
    });
    send.send(()).unwrap();
    proxy.stop();
}

#[test]
fn a_joined_connection_is_waited_for() {
    let upstream = Upstream::new(|_, socket| {
        let head =
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
        socket.write_all(head.as_bytes()).unwrap();
        let mut piece = [0; 64];
        while let Ok(n @ 1..) = socket.read(&mut piece) {
            socket.write_all(&piece[..n]).unwrap();
        }
        false
    });
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    let address = proxy.addresses()[0];
    let text = "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    let mut socket = connected(address, text);
    assert_eq!(next_answer(&mut socket, false).unwrap().status, 101);
    let stopping = thread::spawn(move || proxy.stop());
    eventually("nothing more is accepted", || {
        TcpStream::connect(address).is_err()
    });
    socket.write_all(b"still here").unwrap();
    let mut read = [0; 10];
    socket.read_exact(&mut read).unwrap();
    assert_eq!(&read, b"still here");
    drop(socket);
    stopping.join().unwrap();
}

#[test]
fn the_last_answer_before_the_end_says_so() {
    let (send, receive) = mpsc::channel::<()>();
    let receive = Mutex::new(receive);
    let upstream = Upstream::new(move |_, socket| {
        let _ = receive.lock().unwrap().recv();
        respond(socket, "200 OK", "", "last")
    });
    let proxy = proxy(&upstream.url(), NOBODY, "", "");
    let address = proxy.addresses()[0];
    let text = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut socket = connected(address, text);
    eventually("it is in flight", || upstream.seen().len() == 1);
    let stopping = thread::spawn(move || proxy.stop());
    eventually("nothing more is accepted", || {
        TcpStream::connect(address).is_err()
    });
    send.send(()).unwrap();
    let answer = next_answer(&mut socket, false).unwrap();
    assert_eq!(
        (answer.field("connection"), &*answer.text()),
        (Some("close"), "last")
    );
    stopping.join().unwrap();
}

/// A client that sends a body behind its head may be answered before it has
/// sent it; what it asks next on that connection would be lost.
#[test]
fn an_answer_that_does_not_wait_for_the_body_is_the_connections_last_and_says_so() {
    let proxy = proxy(NOBODY, NOBODY, "mode = \"candidate\"", "");
    for head in [
        "POST /elsewhere HTTP/1.1\r\nhost: a\r\n",
        "POST /predict HTTP/1.1\r\nhost: a\r\n",
        "POST /train HTTP/1.1\r\nhost: a\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\nexpect: miracles\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: a\r\nmax-forwards: 0\r\n",
    ] {
        let head = format!("{head}content-length: 2\r\n\r\n");
        let mut socket = connected(proxy.addresses()[0], &head);
        let answer = next_answer(&mut socket, false).unwrap();
        assert_eq!(answer.field("x-cutline-answer"), Some("cutline"), "{head}");
        assert_eq!(answer.field("connection"), Some("close"), "{head}");
        socket.write_all(b"{}").unwrap();
        assert!(next_answer(&mut socket, false).is_none());

        // What has come is read, and the connection goes on.
        let whole = head + "{}";
        let mut socket = connected(proxy.addresses()[0], &whole);
        for _ in 0..3 {
            let answer = next_answer(&mut socket, false).unwrap();
            assert_eq!(answer.field("connection"), None, "{whole}");
            socket.write_all(whole.as_bytes()).unwrap();
        }
    }
    proxy.stop();
}

/// An upstream that answers from the head alone, as one does that asks for a
/// login, while the client is still sending.
#[test]
fn an_upstreams_answer_before_the_bodys_end_is_the_connections_last_and_says_so() {
    for stage in ["mode = \"monolith\"", "mode = \"candidate\""] {
        let early = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", early.local_addr().unwrap());
        thread::spawn(move || {
            for socket in early.incoming() {
                let mut socket = socket.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    match socket.read(&mut byte) {
                        Ok(1) => head.push(byte[0]),
                        _ => break,
                    }
                }
                respond(
                    &mut socket,
                    "401 Unauthorized",
                    "connection: close\r\n",
                    "no",
                );
            }
        });
        let proxy = proxy(&url, &url, stage, "");
        let head = "POST /train HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n";
        let mut socket = connected(proxy.addresses()[0], head);
        let answer = next_answer(&mut socket, false).unwrap();
        assert_eq!((answer.status, &*answer.text()), (401, "no"));
        assert_eq!(answer.field("connection"), Some("close"), "{stage}");
        proxy.stop();
    }
}

#[test]
fn an_answer_after_the_bodys_end_keeps_the_connection() {
    let upstream = Upstream::named("a");
    for stage in [
        "mode = \"monolith\"",
        "mode = \"candidate\"",
        "mode = \"shadow\"",
    ] {
        // The middle one is kept as a whole, the last is more than is kept.
        let proxy = proxy(
            &upstream.url(),
            &upstream.url(),
            stage,
            "[limits]\nheld_body = \"1KiB\"",
        );
        for length in [0, 10, 100_000] {
            let body = "x".repeat(length);
            let sized = format!("content-length: {length}\r\n\r\n{body}");
            let chunked = match length {
                0 => "transfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
                _ => format!("transfer-encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"),
            };
            for framed in [sized, chunked] {
                let text = format!("POST /predict HTTP/1.1\r\nhost: a\r\n{framed}");
                let mut socket = connected(proxy.addresses()[0], &text);
                for _ in 0..2 {
                    let answer = next_answer(&mut socket, false).unwrap();
                    let said = (answer.status, answer.field("connection"));
                    assert_eq!(said, (200, None), "{stage}, {length} bytes");
                    socket.write_all(text.as_bytes()).unwrap();
                }
            }
        }
        proxy.stop();
    }
}
