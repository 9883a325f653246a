//! `requests.toml`, sent as it stands over real sockets.

use std::collections::HashSet;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde::Deserialize;

use crate::support::{Seen, Upstream, eventually, proxy, respond};
use crate::{bytes, counted, next_answer};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    send: String,
    #[serde(default)]
    status: Vec<u16>,
    #[serde(default)]
    end: bool,
    #[serde(default)]
    seen: Vec<String>,
    body: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
    #[serde(default)]
    absent: Vec<String>,
    #[serde(default)]
    hasty: bool,
    #[serde(default)]
    alone: bool,
}

#[derive(Debug, Deserialize)]
struct Cases {
    case: Vec<Case>,
}

const END: &[u8] = b"GET /end HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
const LIMITS: &str = "[limits]\nheaders = 20\nheader_bytes = \"8KiB\"";

fn cases() -> Vec<Case> {
    let cases: Cases = toml::from_str(include_str!("requests.toml")).unwrap();
    cases.case
}

/// The statuses that came before the connection's end.
fn said(to: SocketAddr, sent: &[u8]) -> Vec<u16> {
    let mut socket = TcpStream::connect(to).unwrap();
    let patience = Some(Duration::from_secs(30));
    socket.set_read_timeout(patience).unwrap();
    // The proxy may close before it has read everything.
    let _ = socket.write_all(sent);
    let mut statuses = Vec::new();
    while let Some(answer) = next_answer(&mut socket, false) {
        assert!(answer.whole, "{answer:?}");
        statuses.push(answer.status);
    }
    statuses
}

fn upstream() -> Upstream {
    Upstream::new(|_, socket| respond(socket, "200 OK", "", "ok"))
}

/// What is wrong with what came of a case.
fn wrong(case: &Case, to: SocketAddr, upstream: &Upstream) -> Option<String> {
    upstream.seen.lock().unwrap().clear();
    let mut sent = bytes(&case.send);
    if !case.hasty && !case.alone {
        sent.extend_from_slice(END);
    }
    let mut expected = case.status.clone();
    if case.end {
        expected.push(200);
    }
    let statuses = said(to, &sent);
    if statuses != expected {
        return Some(format!("answered {statuses:?}"));
    }
    let seen = upstream.seen();
    let (end, seen): (Vec<_>, Vec<_>) = seen.iter().partition(|seen| is_end(seen));
    if end.len() != usize::from(case.end) {
        return Some(format!("{} requests for /end", end.len()));
    }
    let lines: Vec<_> = seen.iter().map(|seen| seen.line()).collect();
    if lines != case.seen {
        return Some(format!("the upstream saw {lines:?}"));
    }
    let last = seen.last()?;
    if let Some(body) = &case.body
        && last.body != body.as_bytes()
    {
        return Some(format!("the body was {:?}", last.body));
    }
    for field in &case.fields {
        let (name, value) = field.split_once(": ").unwrap();
        if !seen.iter().any(|seen| seen.field(name) == Some(value)) {
            return Some(format!("no {field} in {}", last.head));
        }
    }
    let absent = |name: &&String| seen.iter().any(|seen| seen.field(name).is_some());
    let there = case.absent.iter().find(absent)?;
    Some(format!("{there} in {}", last.head))
}

fn is_end(seen: &Seen) -> bool {
    seen.line() == "GET /end HTTP/1.1"
}

#[test]
fn every_case_gets_what_its_file_says() {
    let upstream = upstream();
    let proxy = proxy(&upstream.url(), "http://127.0.0.1:1", "", LIMITS);
    let cases = cases();
    assert!(cases.len() >= 80, "{} cases", cases.len());
    let names: HashSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len(), "a name is there twice");
    let mut answers = 0;
    let mut failures = Vec::new();
    for case in cases.iter().filter(|case| !case.hasty) {
        answers += case.status.len() + usize::from(case.end);
        if let Some(what) = wrong(case, proxy.addresses()[0], &upstream) {
            failures.push(format!("{}: {what}", case.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let metrics = proxy.metrics();
    let requests = counted(&metrics, "cutline_requests_total", "");
    assert_eq!(requests, answers as u64, "every answer is counted once");
    let refused = counted(&metrics, "cutline_requests_total", "end=\"refused\"");
    let reasons = counted(&metrics, "cutline_refused_total", "");
    assert_eq!(refused, reasons, "every refusal has its reason: {metrics}");
    proxy.stop();
}

#[test]
fn who_is_slow_with_a_head_is_left() {
    let upstream = upstream();
    let hasty = format!("{LIMITS}\nheader_time = \"200ms\"");
    let proxy = proxy(&upstream.url(), "http://127.0.0.1:1", "", &hasty);
    for case in cases().iter().filter(|case| case.hasty) {
        let what = wrong(case, proxy.addresses()[0], &upstream);
        assert_eq!(what, None, "{}", case.name);
    }
    proxy.stop();
}

#[test]
fn a_case_in_single_bytes_gets_the_same() {
    let upstream = upstream();
    let proxy = proxy(&upstream.url(), "http://127.0.0.1:1", "", LIMITS);
    let cases = cases();
    let short = |case: &&Case| !case.hasty && case.send.len() < 160 && !case.send.contains("*");
    for case in cases.iter().filter(short) {
        let mut socket = TcpStream::connect(proxy.addresses()[0]).unwrap();
        socket.set_nodelay(true).unwrap();
        let patience = Some(Duration::from_secs(30));
        socket.set_read_timeout(patience).unwrap();
        let mut sent = bytes(&case.send);
        sent.extend_from_slice(END);
        for byte in sent {
            if socket.write_all(&[byte]).is_err() {
                break;
            }
        }
        let mut statuses = Vec::new();
        while let Some(answer) = next_answer(&mut socket, false) {
            statuses.push(answer.status);
        }
        let end = case.end.then_some(200);
        let expected: Vec<_> = case.status.iter().copied().chain(end).collect();
        assert_eq!(statuses, expected, "{}", case.name);
    }
    proxy.stop();
}

#[test]
fn an_answer_reaches_a_client_that_is_still_sending() {
    let upstream = upstream();
    let proxy = proxy(&upstream.url(), "http://127.0.0.1:1", "", LIMITS);
    let head = b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 1\r\n\r\n";
    let sent = [&head[..], &vec![b'x'; 100_000]].concat();
    for _ in 0..50 {
        assert_eq!(said(proxy.addresses()[0], &sent), [400]);
    }
    proxy.stop();
}

#[test]
fn a_refusal_says_why_and_is_counted_by_reason() {
    let upstream = upstream();
    let proxy = proxy(&upstream.url(), "http://127.0.0.1:1", "", LIMITS);
    let mut socket = TcpStream::connect(proxy.addresses()[0]).unwrap();
    let bad =
        b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n";
    socket.write_all(bad).unwrap();
    let answer = next_answer(&mut socket, false).unwrap();
    assert_eq!(
        answer.text(),
        "cutline: Content-Length and Transfer-Encoding exclude each other\n"
    );
    assert_eq!(answer.field("x-cutline-answer"), Some("cutline"));
    assert_eq!(answer.field("connection"), Some("close"));
    assert!(answer.field("date").is_some());
    eventually("it is counted", || {
        let metrics = proxy.metrics();
        counted(&metrics, "cutline_refused_total", "reason=\"two-lengths\"") == 1
    });
    proxy.stop();
}

#[test]
fn lines_of_one_name_keep_their_order() {
    let upstream = upstream();
    let proxy = proxy(&upstream.url(), "http://127.0.0.1:1", "", LIMITS);
    let sent =
        b"GET /a HTTP/1.1\r\nhost: a\r\nx: 3\r\ny: 0\r\nX: 1\r\nx: 2\r\nconnection: close\r\n\r\n";
    assert_eq!(said(proxy.addresses()[0], sent), [200]);
    let head = &upstream.seen()[0].head;
    let values: Vec<_> = head
        .lines()
        .filter_map(|line| line.strip_prefix("x: "))
        .collect();
    assert_eq!(values, ["3", "1", "2"]);
    proxy.stop();
}

#[test]
fn a_proxy_that_asks_itself_stops() {
    // Its own address is known only once it is bound.
    let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    let own = format!("http://{address}");
    let mut config = crate::support::config(&own, "http://127.0.0.1:1", "", LIMITS);
    config.settings.listen = vec![address];
    let running = cutline_proxy::Proxy::bind(config)
        .unwrap()
        .start(1)
        .unwrap();
    let sent = b"GET /a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(said(address, sent), [508]);
    running.stop();
}
