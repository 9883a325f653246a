//! TLS from clients and to upstreams, and certificates that change.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use cutline_proxy::Proxy;
use hyper::{Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::http2::{self, NOBODY, run};
use crate::support::{Upstream, config, eventually};

/// An authority with certificates for names, in files.
struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Authority {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Authority {
            folder,
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    /// The files of a certificate for `name` and its key.
    fn issue(&self, name: &str) -> (PathBuf, PathBuf) {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (chain, secret) = (
            self.file(&format!("{name}.pem")),
            self.file(&format!("{name}.key")),
        );
        std::fs::write(&chain, certificate.pem()).unwrap();
        std::fs::write(&secret, key.serialize_pem()).unwrap();
        (chain, secret)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        roots
    }

    fn connector(&self, protocol: &[u8]) -> TlsConnector {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        TlsConnector::from(Arc::new(config))
    }
}

type Stream = tokio_rustls::client::TlsStream<tokio::net::TcpStream>;

async fn connected(
    authority: &Authority,
    to: SocketAddr,
    protocol: &[u8],
) -> std::io::Result<Stream> {
    let socket = tokio::net::TcpStream::connect(to).await?;
    let name = ServerName::try_from("proxy.example").unwrap();
    authority.connector(protocol).connect(name, socket).await
}

fn listening(
    monolith: &str,
    files: &(PathBuf, PathBuf),
) -> std::io::Result<cutline_proxy::Running> {
    let mut config = config(monolith, NOBODY, "", "");
    config.settings.tls = Some(files.clone());
    Proxy::bind(config)?.start(1)
}

#[test]
fn a_client_over_tls_chooses_its_version() {
    let authority = Authority::new();
    let upstream = Upstream::named("a");
    let files = authority.issue("proxy.example");
    let proxy = listening(&upstream.url(), &files).unwrap();
    let to = proxy.addresses()[0];
    run(async {
        let socket = connected(&authority, to, b"h2").await.unwrap();
        assert_eq!(socket.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let mut client = http2::over(socket).await;
        let asked = http2::request(Method::GET, "/")
            .body(http2::empty())
            .unwrap();
        assert_eq!(client.send_request(asked).await.unwrap().status(), 200);

        let mut socket = connected(&authority, to, b"http/1.1").await.unwrap();
        let text = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        socket.write_all(text).await.unwrap();
        let mut read = String::new();
        socket.read_to_string(&mut read).await.unwrap();
        assert!(
            read.starts_with("HTTP/1.1 200") && read.ends_with("\r\n\r\na"),
            "{read}"
        );

        let mut socket = connected(&authority, to, b"http/1.1").await.unwrap();
        let text = b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n";
        socket.write_all(text).await.unwrap();
        let mut read = String::new();
        socket.read_to_string(&mut read).await.unwrap();
        assert!(read.starts_with("HTTP/1.1 400"), "{read}");
    });
    let seen = upstream.seen();
    assert_eq!(seen.len(), 2);
    assert!(
        seen.iter()
            .all(|seen| seen.field("x-forwarded-proto") == Some("https"))
    );
    proxy.stop();
}

#[test]
fn a_protocol_nobody_speaks_is_no_connection() {
    let authority = Authority::new();
    let files = authority.issue("proxy.example");
    let proxy = listening(NOBODY, &files).unwrap();
    let to = proxy.addresses()[0];
    let refused = run(connected(&authority, to, b"spdy/3")).is_err();
    assert!(refused);
    proxy.stop();
}

#[test]
fn a_new_certificate_holds_for_the_next_connection() {
    let authority = Authority::new();
    let upstream = Upstream::named("a");
    let files = authority.issue("proxy.example");
    let proxy = listening(&upstream.url(), &files).unwrap();
    let to = proxy.addresses()[0];
    let serial = |socket: &Stream| socket.get_ref().1.peer_certificates().unwrap()[0].clone();
    run(async {
        let mut old = connected(&authority, to, b"http/1.1").await.unwrap();
        authority.issue("proxy.example");
        assert!(proxy.reload_certificate().unwrap());
        let new = connected(&authority, to, b"http/1.1").await.unwrap();
        assert_ne!(serial(&old), serial(&new));
        old.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        let mut read = [0; 12];
        old.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"HTTP/1.1 200");

        std::fs::write(&files.1, "no key").unwrap();
        let error = proxy.reload_certificate().unwrap_err().to_string();
        assert!(error.contains("proxy.example.key"), "{error}");
        let still = connected(&authority, to, b"http/1.1").await.unwrap();
        assert_eq!(serial(&still), serial(&new));
    });
    proxy.stop();
}

#[test]
fn files_that_were_written_anew_are_read_without_a_word() {
    let authority = Authority::new();
    let files = authority.issue("proxy.example");
    let proxy = listening(NOBODY, &files).unwrap();
    let to = proxy.addresses()[0];
    let serial = || {
        run(async {
            let socket = connected(&authority, to, b"http/1.1").await.unwrap();
            socket.get_ref().1.peer_certificates().unwrap()[0].clone()
        })
    };
    let before = serial();
    authority.issue("proxy.example");
    eventually("the new one is shown", || serial() != before);
    proxy.stop();
}

#[test]
fn a_file_that_cannot_be_used_is_named_at_the_start() {
    let authority = Authority::new();
    let (chain, key) = authority.issue("proxy.example");
    let other = authority.issue("other.example");
    let empty = authority.file("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for (files, named) in [
        ((authority.file("none.pem"), key.clone()), "none.pem"),
        ((empty, key.clone()), "empty.pem"),
        ((chain.clone(), chain.clone()), "proxy.example.pem"),
        ((chain, other.1), "other.example.key"),
    ] {
        let error = listening(NOBODY, &files).err().unwrap().to_string();
        assert!(error.contains(named), "{error}");
    }
    let missing = authority.file("missing.pem");
    let stage = format!("tls = {{ authority = {missing:?} }}");
    let config = config("http://127.0.0.1:1", "https://127.0.0.1:1", &stage, "");
    let error = Proxy::bind(config).err().unwrap().to_string();
    assert!(error.contains("missing.pem"), "{error}");
}

/// An upstream over TLS that wants a certificate of who asks, and counts what
/// it was asked.
fn upstream(
    authority: &Authority,
    name: &str,
    http2: bool,
) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let (chain, key) = authority.issue(name);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(authority.roots());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(chain).unwrap().collect();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain.unwrap(), PrivateKeyDer::from_pem_file(key).unwrap())
        .unwrap();
    let protocol: &[u8] = if http2 { b"h2" } else { b"http/1.1" };
    config.alpn_protocols = vec![protocol.to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    thread::spawn(move || {
        run(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(config));
            while let Ok((socket, _)) = listener.accept().await {
                let Ok(socket) = acceptor.accept(socket).await else {
                    continue;
                };
                let record = Arc::clone(&record);
                let service = hyper::service::service_fn(move |request: Request<_>| {
                    record
                        .lock()
                        .unwrap()
                        .push(format!("{:?}", request.version()));
                    drop(request);
                    async {
                        Ok::<_, std::convert::Infallible>(hyper::Response::new(http2::empty()))
                    }
                });
                let io = TokioIo::new(socket);
                tokio::spawn(async move {
                    let _ = match http2 {
                        true => {
                            hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                                .serve_connection(io, service)
                                .await
                        }
                        false => {
                            hyper::server::conn::http1::Builder::new()
                                .serve_connection(io, service)
                                .await
                        }
                    };
                });
            }
        });
    });
    (address, seen)
}

fn asked(proxy: &cutline_proxy::Running) -> u16 {
    let to = proxy.addresses()[0];
    crate::support::ask(to, "POST /train", &[], "{}").status
}

fn in_front(to: SocketAddr, tls: &str, http2: bool) -> cutline_proxy::Running {
    let stage = format!("mode = \"candidate\"\nhttp2 = {http2}\ntls = {{ {tls} }}");
    let config = config(NOBODY, &format!("https://{to}"), &stage, "");
    Proxy::bind(config).unwrap().start(1).unwrap()
}

fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}

#[test]
fn an_upstream_over_tls_is_who_it_says_and_so_are_we() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue("cutline.example");
    let trusted = format!("authority = {}", quoted(&authority.file("ca.pem")));
    let identity = format!(
        "certificate = {}, key = {}",
        quoted(&certificate),
        quoted(&key)
    );
    for http2 in [false, true] {
        let (to, seen) = upstream(&authority, "up.example", http2);
        let named = "server_name = \"up.example\"";
        let good = in_front(to, &format!("{trusted}, {identity}, {named}"), http2);
        assert_eq!((asked(&good), asked(&good)), (200, 200));
        let version = if http2 { "HTTP/2.0" } else { "HTTP/1.1" };
        assert_eq!(*seen.lock().unwrap(), [version, version]);
        good.stop();
        for (what, tls) in [
            (
                "another name",
                format!("{trusted}, {identity}, server_name = \"x.example\""),
            ),
            ("the address is not in it", format!("{trusted}, {identity}")),
        ] {
            let bad = in_front(to, &tls, http2);
            assert_eq!(asked(&bad), 503, "{what}");
            bad.stop();
        }
        // TLS 1.3 tells of a missing certificate after the handshake.
        let anonymous = in_front(to, &format!("{trusted}, {named}"), http2);
        assert!([502, 503].contains(&asked(&anonymous)));
        anonymous.stop();
        assert_eq!(seen.lock().unwrap().len(), 2);
    }
}

#[test]
fn an_upstream_of_another_authority_is_not_believed() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (certificate, key) = authority.issue("cutline.example");
    let (to, seen) = upstream(&authority, "up.example", false);
    let tls = format!(
        "authority = {}, certificate = {}, key = {}, server_name = \"up.example\"",
        quoted(&other.file("ca.pem")),
        quoted(&certificate),
        quoted(&key)
    );
    let proxy = in_front(to, &tls, false);
    assert_eq!(asked(&proxy), 503);
    assert!(seen.lock().unwrap().is_empty());
    proxy.stop();
}

#[test]
fn who_does_not_finish_the_handshake_is_left() {
    let authority = Authority::new();
    let mut config = config(NOBODY, NOBODY, "", "[limits]\nheader_time = \"200ms\"");
    config.settings.tls = Some(authority.issue("proxy.example"));
    let proxy = Proxy::bind(config).unwrap().start(1).unwrap();
    let mut socket = std::net::TcpStream::connect(proxy.addresses()[0]).unwrap();
    std::io::Write::write_all(&mut socket, b"\x16\x03\x01").unwrap();
    let read = std::io::Read::read(&mut socket, &mut [0; 16]);
    assert_eq!(read.unwrap_or(0), 0);
    eventually("the connection is forgotten", || {
        proxy.metrics().contains("cutline_connections 0")
    });
    proxy.stop();
}
