//! WebSocket and other upgrades: two connections joined.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{Method, Request, StatusCode, response};
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tokio::io::copy_bidirectional;
use tokio::sync::oneshot;

use crate::service::Exchange;

const WEBSOCKET: &str = "websocket";
/// RFC 6455 §1.3.
const ACCEPTING: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Joins the client's and the upstream's connection until both have ended.
/// `open` is let go then.
pub(crate) async fn join(
    client: OnUpgrade,
    upstream: OnUpgrade,
    exchange: Exchange,
    open: oneshot::Sender<()>,
) {
    // Whichever end leaves first, the other is told by its connection's end.
    if let (Ok(client), Ok(upstream)) = tokio::join!(client, upstream) {
        let mut client = TokioIo::new(client);
        let mut upstream = TokioIo::new(upstream);
        if copy_bidirectional(&mut client, &mut upstream).await.is_ok() {
            exchange.finish();
        }
    }
    drop(open);
}

/// Whether an upgrade may be asked for on a client's behalf. Not HTTP/2: behind
/// such an upgrade requests would pass that nobody here has seen.
pub(crate) fn is_passed_on(protocol: &HeaderValue) -> bool {
    let protocols = protocol.as_bytes().split(|byte| *byte == b',');
    let names = protocols.map(|protocol| protocol.trim_ascii());
    !names.into_iter().any(|name| {
        let name = name.split(|byte| *byte == b'/').next().unwrap_or(name);
        [&b"h2c"[..], b"h2", b"http", b"tls"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    })
}

/// Whether `switched` is one of the protocols that were `asked` for (RFC 9110
/// §7.8).
pub(crate) fn is_asked_for(switched: &HeaderValue, asked: &HeaderValue) -> bool {
    let switched = switched.as_bytes().trim_ascii();
    let mut asked = asked.as_bytes().split(|byte| *byte == b',');
    asked.any(|asked| asked.trim_ascii().eq_ignore_ascii_case(switched))
}

/// A WebSocket that a client opened by extended CONNECT (RFC 8441) and that is
/// an HTTP/1.1 upgrade to the upstream.
pub(crate) struct Tunnel {
    accept: String,
}

/// Whether a request is one that [`Tunnel::begin`] can translate.
pub(crate) fn is_websocket(protocol: &Protocol) -> bool {
    protocol.as_str().eq_ignore_ascii_case(WEBSOCKET)
}

impl Tunnel {
    /// Makes an extended CONNECT the upgrade that it is in HTTP/1.1. `key` is
    /// random.
    pub(crate) fn begin<B>(request: &mut Request<B>, key: impl FnOnce() -> u128) -> Option<Tunnel> {
        if *request.method() != Method::CONNECT || !is_extended(request) {
            return None;
        }
        *request.method_mut() = Method::GET;
        let key = STANDARD.encode(key().to_be_bytes());
        let value = HeaderValue::from_str(&key).ok()?;
        let headers = request.headers_mut();
        headers.insert(SEC_WEBSOCKET_KEY, value);
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
        let digest = Sha1::new().chain_update(key.as_bytes());
        let digest = digest.chain_update(ACCEPTING).finalize();
        Some(Tunnel {
            accept: STANDARD.encode(digest),
        })
    }

    /// Makes the upstream's 101 the 200 that it is in HTTP/2; false where the
    /// upstream has not shown that it speaks WebSocket.
    pub(crate) fn opened(&self, head: &mut response::Parts) -> bool {
        let accept = head.headers.remove(SEC_WEBSOCKET_ACCEPT);
        head.status = StatusCode::OK;
        head.headers.remove(CONNECTION);
        head.headers.remove(UPGRADE);
        accept.is_some_and(|accept| accept.as_bytes() == self.accept.as_bytes())
    }
}

fn is_extended<B>(request: &Request<B>) -> bool {
    let protocol = request.extensions().get::<Protocol>();
    protocol.is_some_and(is_websocket)
}

#[cfg(test)]
mod tests {
    use http::header::{SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL};

    use super::*;

    const END_TO_END: [http::HeaderName; 2] = [SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL];

    fn connect() -> Request<()> {
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .uri("http://a/ws")
            .body(())
            .unwrap();
        let protocol = Protocol::from_static(WEBSOCKET);
        request.extensions_mut().insert(protocol);
        for name in END_TO_END {
            let value = HeaderValue::from_static("x");
            request.headers_mut().insert(name, value);
        }
        request
    }

    #[test]
    fn an_extended_connect_is_an_upgrade() {
        let mut request = connect();
        // The example of RFC 6455 §1.3.
        let key = u128::from_be_bytes(*b"the sample nonce");
        let tunnel = Tunnel::begin(&mut request, || key).unwrap();
        assert_eq!(request.method(), Method::GET);
        assert_eq!(
            request.headers()[SEC_WEBSOCKET_KEY],
            "dGhlIHNhbXBsZSBub25jZQ=="
        );
        assert!(END_TO_END.iter().all(|name| request.headers()[name] == "x"));
        assert_eq!(tunnel.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn only_who_speaks_websocket_opens_it() {
        let mut request = connect();
        let tunnel = Tunnel::begin(&mut request, || 7).unwrap();
        let head = |accept: &str| {
            let response = http::Response::builder()
                .status(101)
                .header(UPGRADE, WEBSOCKET)
                .header(SEC_WEBSOCKET_ACCEPT, accept)
                .body(())
                .unwrap();
            response.into_parts().0
        };
        let mut good = head(&tunnel.accept);
        assert!(tunnel.opened(&mut good));
        assert_eq!((good.status, good.headers.len()), (StatusCode::OK, 0));
        assert!(!tunnel.opened(&mut head("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
    }

    #[test]
    fn only_what_was_asked_for_is_switched_to() {
        let value = HeaderValue::from_static;
        assert!(is_asked_for(&value("WebSocket"), &value("echo, websocket")));
        assert!(!is_asked_for(&value("echo"), &value("websocket")));
        assert!(!is_asked_for(
            &value("websocket, echo"),
            &value("websocket")
        ));
    }

    #[test]
    fn http2_is_no_upgrade_to_pass_on() {
        let passed = |value| is_passed_on(&HeaderValue::from_static(value));
        assert!(passed("websocket") && passed("echo, Other/1"));
        for value in ["h2c", "H2C", "websocket, h2c", "HTTP/2.0", "TLS/1.2"] {
            assert!(!passed(value), "{value}");
        }
    }
}
