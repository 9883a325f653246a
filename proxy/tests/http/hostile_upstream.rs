//! `responses.toml`: what a hostile upstream says, and that nothing of it
//! reaches the next client.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde::Deserialize;

use crate::support::{Upstream, proxy, respond};
use crate::{Answer, bytes, next_answer};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    answer: String,
    #[serde(default)]
    head: bool,
    #[serde(default)]
    closes: bool,
    status: u16,
    body: Option<String>,
    #[serde(default)]
    broken: bool,
    #[serde(default)]
    fields: Vec<String>,
    #[serde(default)]
    absent: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Cases {
    case: Vec<Case>,
}

fn connected(to: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(to).unwrap();
    let patience = Some(Duration::from_secs(30));
    socket.set_read_timeout(patience).unwrap();
    socket
}

fn asked(socket: &mut TcpStream, line: &str) -> Option<Answer> {
    let text = format!("{line} HTTP/1.1\r\nhost: a\r\n\r\n");
    socket.write_all(text.as_bytes()).ok()?;
    next_answer(socket, line.starts_with("HEAD"))
}

fn wrong(case: &Case, answer: &Answer) -> Option<String> {
    if answer.status != case.status || answer.whole == case.broken {
        return Some(format!("{answer:?}"));
    }
    if case
        .body
        .as_ref()
        .is_some_and(|body| *body != answer.text())
    {
        return Some(format!("{answer:?}"));
    }
    for field in &case.fields {
        let (name, value) = field.split_once(": ").unwrap();
        if answer.field(name) != Some(value) {
            return Some(format!("no {field}: {answer:?}"));
        }
    }
    let there = case
        .absent
        .iter()
        .find(|name| answer.field(name).is_some())?;
    Some(format!("{there} in {answer:?}"))
}

#[test]
fn every_case_gets_what_its_file_says_and_the_next_request_its_own() {
    let cases: Cases = toml::from_str(include_str!("responses.toml")).unwrap();
    let mut failures = Vec::new();
    for case in &cases.case {
        let (answer, closes) = (bytes(&case.answer), case.closes);
        let upstream = Upstream::new(move |seen, socket| {
            if seen.line().contains("/good") {
                return respond(socket, "200 OK", "", "good");
            }
            socket.write_all(&answer).is_ok() && !closes
        });
        let proxy = proxy(&upstream.url(), "http://127.0.0.1:1", "", "");
        let line = if case.head { "HEAD /bad" } else { "GET /bad" };
        // Often, since what is left on a connection is a matter of moments.
        for _ in 0..10 {
            let mut socket = connected(proxy.addresses()[0]);
            // One that is kept and good, so that there is one to be spoiled.
            asked(&mut socket, "GET /good").unwrap();
            match asked(&mut socket, line) {
                None => failures.push(format!("{}: no answer", case.name)),
                Some(answer) => {
                    let what = wrong(case, &answer);
                    failures.extend(what.map(|what| format!("{}: {what}", case.name)));
                }
            }
            let again = asked(&mut socket, "GET /good");
            let again = again.or_else(|| asked(&mut connected(proxy.addresses()[0]), "GET /good"));
            let own = again.is_some_and(|again| again.status == 200 && again.text() == "good");
            if !own {
                failures.push(format!("{}: the next request was spoiled", case.name));
            }
        }
        proxy.stop();
    }
    failures.dedup();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn interim_answers_without_end_are_left_in_time() {
    let upstream = Upstream::new(|_, socket| {
        while socket.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").is_ok() {}
        false
    });
    let stage = "mode = \"candidate\"\ntimeouts = { first_byte = \"300ms\" }";
    let (dead, more) = ("http://127.0.0.1:1", "");
    let proxy = proxy(dead, &upstream.url(), stage, more);
    let answer = asked(&mut connected(proxy.addresses()[0]), "POST /train").unwrap();
    assert_eq!(answer.status, 504);
    proxy.stop();
}
