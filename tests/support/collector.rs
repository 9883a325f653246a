//! A collector that takes what it gets over a real socket, in both formats:
//! OpenTelemetry's protobuf, and the envelopes of Application Insights.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use super::eventually;

/// Sends at once, rather than every five seconds.
pub(crate) const SOON: (&str, &str) = ("OTEL_BSP_SCHEDULE_DELAY", "20");

/// The head of a request of Application Insights, and what it tells.
pub(crate) type Tracked = (String, Vec<Value>);

/// A collector. Clones are the same.
#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    /// The heads of requests, and what they held.
    pub(crate) got: Arc<Mutex<Vec<(String, ExportTraceServiceRequest)>>>,
    /// The same, of Application Insights: an envelope for each span.
    pub(crate) tracked: Arc<Mutex<Vec<Tracked>>>,
    refuses: Arc<AtomicBool>,
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
        let collector = Collector {
            address,
            got: Arc::default(),
            tracked: Arc::default(),
            refuses: Arc::default(),
        };
        let (open, taking) = (Arc::new(open), collector.clone());
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (open, taking) = (Arc::clone(&open), taking.clone());
                thread::spawn(move || {
                    let mut socket = BufReader::new(open(socket));
                    while let Some((head, body)) = receive(&mut socket) {
                        taking.take(head, &body);
                        let status = match taking.refuses.load(Ordering::Relaxed) {
                            true => "400 Bad Request",
                            false => "200 OK",
                        };
                        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                        if socket.get_mut().write_all(answer.as_bytes()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        collector
    }

    /// Over TLS; a file in `folder` says whom to believe.
    pub(crate) fn over_tls(folder: &Path) -> (Collector, PathBuf) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let file = folder.join("collector.pem");
        fs::write(&file, made.cert.pem()).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::from(key))
            .unwrap();
        let config = Arc::new(config);
        let collector = Collector::over(move |socket| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            StreamOwned::new(connection, socket)
        });
        (collector, file)
    }

    /// From now on, all that is sent.
    pub(crate) fn refuse(&self) {
        self.refuses.store(true, Ordering::Relaxed);
    }

    /// By the path that it was sent to.
    fn take(&self, head: String, body: &[u8]) {
        match head.starts_with("post /v2/track ") {
            true => {
                let envelopes = serde_json::from_reader(GzDecoder::new(body)).unwrap();
                self.tracked.lock().unwrap().push((head, envelopes));
            }
            false => {
                let got = ExportTraceServiceRequest::decode(body).unwrap();
                self.got.lock().unwrap().push((head, got));
            }
        }
    }

    /// What Application Insights got.
    pub(crate) fn envelopes(&self) -> Vec<Value> {
        let tracked = self.tracked.lock().unwrap();
        tracked.iter().flat_map(|(_, own)| own.clone()).collect()
    }

    /// Under that name it has a certificate.
    pub(crate) fn tls_url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// As Azure names a resource; its key is a test's.
    pub(crate) fn connection_string(&self) -> String {
        format!(
            "InstrumentationKey=00000000-0000-0000-0000-0000deadbeef;IngestionEndpoint={}/",
            self.tls_url()
        )
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
fn receive(socket: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
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
    Some((head, body))
}

/// What an attribute says.
pub(crate) fn value(span: &Span, key: &str) -> Option<String> {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let found = span.attributes.iter().find(|known| known.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        Value::BoolValue(truth) => Some(truth.to_string()),
        Value::DoubleValue(number) => Some(number.to_string()),
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
