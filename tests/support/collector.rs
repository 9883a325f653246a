//! An OpenTelemetry collector that takes what it gets: protobuf over a real
//! socket.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::eventually;

/// Sends at once, rather than every five seconds.
pub(crate) const SOON: (&str, &str) = ("OTEL_BSP_SCHEDULE_DELAY", "20");

/// A collector.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    /// The heads of requests, and what they held.
    pub(crate) got: Arc<Mutex<Vec<(String, ExportTraceServiceRequest)>>>,
}

impl Collector {
    pub(crate) fn new() -> Collector {
        Collector::over(|socket| socket)
    }

    /// Over whatever protocol lies on its sockets.
    pub(crate) fn over<S: Read + Write>(
        open: impl Fn(TcpStream) -> S + Send + Sync + 'static,
    ) -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let got: Arc<Mutex<Vec<_>>> = Arc::default();
        let (open, taken) = (Arc::new(open), Arc::clone(&got));
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (open, taken) = (Arc::clone(&open), Arc::clone(&taken));
                thread::spawn(move || {
                    let mut socket = BufReader::new(open(socket));
                    while let Some(got) = receive(&mut socket) {
                        taken.lock().unwrap().push(got);
                        let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                        if socket.get_mut().write_all(ok).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Collector { address, got }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        let got = self.got.lock().unwrap();
        let resources = got.iter().flat_map(|(_, got)| &got.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// The spans once there are `n`, and no more than that.
    pub(crate) fn once(&self, n: usize) -> Vec<Span> {
        eventually("that many spans", || self.spans().len() >= n);
        let spans = self.spans();
        assert_eq!(spans.len(), n, "{spans:#?}");
        spans
    }
}

/// A request's head, and what it holds.
fn receive(socket: &mut impl BufRead) -> Option<(String, ExportTraceServiceRequest)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if socket.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length?.parse().unwrap()];
    socket.read_exact(&mut body).ok()?;
    Some((head, ExportTraceServiceRequest::decode(&body[..]).unwrap()))
}

/// What an attribute says.
pub(crate) fn value(span: &Span, key: &str) -> Option<String> {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let found = span.attributes.iter().find(|known| known.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        Value::ArrayValue(array) => {
            let texts = array.values.iter().filter_map(|text| text.value.as_ref());
            let texts = texts.map(|text| match text {
                Value::StringValue(text) => text.as_str(),
                other => panic!("{key}: {other:?}"),
            });
            Some(texts.collect::<Vec<_>>().join(" "))
        }
        other => panic!("{key}: {other:?}"),
    }
}

/// An id as it is written.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
