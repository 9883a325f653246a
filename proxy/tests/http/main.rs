//! HTTP as it is spoken to clients and upstreams: framing, versions, TLS,
//! streams, and what `docs/http.md` says of them.

#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod hostile_client;
mod hostile_upstream;
mod http2;
mod streaming;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod takeover;
mod tls;

use std::io::Read;

/// The bytes that a case's text stands for: `<<x*600>>` is 600 times x, `<<ff>>`
/// that byte.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut parts = text.split("<<");
    bytes.extend_from_slice(parts.next().unwrap().as_bytes());
    for part in parts {
        let (short, rest) = part.split_once(">>").expect("<< has its >>");
        match short.rsplit_once('*') {
            Some((what, times)) => {
                let times = times.trim().parse().expect("a number of times");
                bytes.extend_from_slice(what.repeat(times).as_bytes());
            }
            None => bytes.push(u8::from_str_radix(short, 16).expect("a byte")),
        }
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}

/// An answer as a client reads it off its socket.
#[derive(Clone, Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
    /// Its end was there.
    whole: bool,
}

impl Answer {
    fn field(&self, name: &str) -> Option<&str> {
        support::field(&self.head, name)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The next final answer, or None where the connection ends before its head
/// does. `head` says that HEAD was asked.
fn next_answer(socket: &mut impl Read, head: bool) -> Option<Answer> {
    loop {
        let text = until(socket, b"\r\n\r\n")?;
        let status: u16 = text.split(' ').nth(1)?.get(..3)?.parse().ok()?;
        if (100..200).contains(&status) && status != 101 {
            continue;
        }
        let mut answer = Answer {
            status,
            head: text,
            body: Vec::new(),
            whole: true,
        };
        if head || status == 204 || status == 304 || status == 101 {
            return Some(answer);
        }
        if answer.field("transfer-encoding").is_some() {
            answer.whole = chunks(socket, &mut answer.body).is_some();
        } else if let Some(length) = answer.field("content-length") {
            let length: u64 = length.parse().expect("one length");
            let read = Read::take(&mut *socket, length).read_to_end(&mut answer.body);
            answer.whole = read.is_ok_and(|read| read as u64 == length);
        } else {
            answer.whole = socket.read_to_end(&mut answer.body).is_ok();
        }
        return Some(answer);
    }
}

fn until(socket: &mut impl Read, end: &[u8]) -> Option<String> {
    let (mut text, mut byte) = (Vec::new(), [0]);
    while !text.ends_with(end) {
        socket.read_exact(&mut byte).ok()?;
        text.push(byte[0]);
    }
    Some(String::from_utf8_lossy(&text).into_owned())
}

fn chunks(socket: &mut impl Read, body: &mut Vec<u8>) -> Option<()> {
    loop {
        let line = until(socket, b"\r\n")?;
        let size = usize::from_str_radix(line.trim_end(), 16).ok()?;
        if size == 0 {
            while until(socket, b"\r\n")? != "\r\n" {}
            return Some(());
        }
        let mut chunk = vec![0; size + 2];
        socket.read_exact(&mut chunk).ok()?;
        body.extend_from_slice(&chunk[..size]);
    }
}

/// The sum of a counter's series whose labels contain `labels`.
fn counted(metrics: &str, name: &str, labels: &str) -> u64 {
    let lines = metrics.lines().filter(|line| line.starts_with(name));
    let lines = lines.filter(|line| line.contains(labels));
    let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    values.sum()
}
