//! Faces over TLS: [`Certificate`], what they show, and [`Secured`], a listener
//! whose connections have shaken hands.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A chain of certificates and its key, which may be replaced while clients are
/// answered. Clones are the same one.
#[derive(Clone)]
pub struct Certificate(Arc<Shown>);

struct Shown(ArcSwap<CertifiedKey>);

/// Why a certificate cannot be shown. What it was read from is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum NoCertificate {
    /// The chain is none.
    #[error("the certificate is no chain in PEM, the leaf first")]
    Chain,
    /// The key is none.
    #[error("the key is no private key in PEM")]
    Key,
    /// They do not belong together, or cannot be used.
    #[error("the certificate and its key cannot be used together: {0}")]
    Together(rustls::Error),
}

/// Takes connections, and gives out those that have shaken hands. Those that are
/// slow at it keep no others waiting, as long as they are fewer than may be at it
/// at once.
pub struct Secured {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
    taking: AbortHandle,
}

/// How long a client may take to shake hands.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many may do so at once; others wait before.
const AT_ONCE: usize = 512;
/// What a listener that has no more file descriptors waits.
const PAUSE: Duration = Duration::from_millis(100);

impl Certificate {
    /// Of a chain and its key, in PEM.
    ///
    /// # Errors
    /// When they are none, or not each other's.
    pub fn parse(chain: &[u8], key: &[u8]) -> Result<Certificate, NoCertificate> {
        let certified = certified(chain, key)?;
        Ok(Certificate(Arc::new(Shown(ArcSwap::from_pointee(
            certified,
        )))))
    }

    /// Shows another from now on; what is wrong changes nothing.
    ///
    /// # Errors
    /// As of [`Certificate::parse`].
    pub fn replace(&self, chain: &[u8], key: &[u8]) -> Result<(), NoCertificate> {
        self.0.0.store(Arc::new(certified(chain, key)?));
        Ok(())
    }

    fn acceptor(&self) -> Result<TlsAcceptor, rustls::Error> {
        let shown: Arc<dyn ResolvesServerCert> = Arc::clone(&self.0) as _;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(shown);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn certified(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, NoCertificate> {
    let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or(NoCertificate::Chain)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| NoCertificate::Key)?;
    CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(NoCertificate::Together)
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

impl Secured {
    /// At this listener. Called on a tokio runtime.
    ///
    /// # Errors
    /// When the listener has no address, or TLS cannot be set up.
    pub fn over(listener: TcpListener, certificate: &Certificate) -> io::Result<Secured> {
        let address = listener.local_addr()?;
        let acceptor = certificate.acceptor().map_err(io::Error::other)?;
        let (give, ready) = mpsc::channel(AT_ONCE);
        let taking = tokio::spawn(take(listener, acceptor, give)).abort_handle();
        Ok(Secured {
            ready,
            address,
            taking,
        })
    }
}

async fn take(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    give: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        // It is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be taken");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (acceptor, give) = (acceptor.clone(), give.clone());
        tokio::spawn(async move {
            // Held until somebody takes it.
            let _place = place;
            let shaken = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await;
            match shaken {
                // Whoever would answer may be gone.
                Ok(Ok(stream)) => drop(give.send((stream, from)).await),
                Ok(Err(error)) => tracing::debug!(%from, %error, "a client shook no hands"),
                Err(_) => tracing::debug!(%from, "a client was too slow to shake hands"),
            }
        });
    }
}

impl Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TlsStream<TcpStream>, SocketAddr) {
        match self.ready.recv().await {
            Some(ready) => ready,
            // Nobody takes connections any more: there is no next one.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        self.taking.abort();
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use rcgen::{CertifiedKey as Made, generate_simple_self_signed};
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::TlsConnector;

    use super::*;

    fn made() -> (String, String) {
        let Made { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    async fn asks(to: SocketAddr, authority: &str) -> io::Result<String> {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(authority.as_bytes()).unwrap();
        roots.add(authority).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(to).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await?;
        let request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await?;
        let mut answer = String::new();
        // Some say no goodbye.
        let _ = stream.read_to_string(&mut answer).await;
        Ok(answer)
    }

    #[tokio::test]
    async fn clients_are_answered_over_tls_while_others_are_slow() {
        let (chain, key) = made();
        let certificate = Certificate::parse(chain.as_bytes(), key.as_bytes()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let secured = Secured::over(listener, &certificate).unwrap();
        let router = Router::new().route("/", get(async || "here"));
        tokio::spawn(async move { axum::serve(secured, router).await });
        let _silent = TcpStream::connect(address).await.unwrap();
        let mut plain = TcpStream::connect(address).await.unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let answer = asks(address, &chain).await.unwrap();
        assert!(answer.ends_with("here"), "{answer}");
        // Another is shown to who comes then.
        let (next, next_key) = made();
        certificate
            .replace(next.as_bytes(), next_key.as_bytes())
            .unwrap();
        let answer = asks(address, &next).await.unwrap();
        assert!(answer.ends_with("here"), "{answer}");
        assert!(asks(address, &chain).await.is_err());
    }

    #[test]
    fn what_is_no_certificate_is_said_and_not_repeated() {
        let ((chain, key), (_, other)) = (made(), made());
        for (chain, key, says) in [
            ("s3cret", key.as_str(), "no chain in PEM"),
            (chain.as_str(), "s3cret", "no private key"),
            (chain.as_str(), other.as_str(), "cannot be used together"),
        ] {
            let refused = Certificate::parse(chain.as_bytes(), key.as_bytes());
            let refused = refused.map(|_| ()).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
            assert!(!refused.contains("s3cret"), "{refused}");
        }
    }
}
