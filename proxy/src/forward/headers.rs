//! What of a message's fields goes on, and what stays on its connection.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{
    CONNECTION, COOKIE, FORWARDED, HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::{HeaderMap, Version};

use super::upgrade;
use crate::listen::guard::Wire;
use crate::refuse::Refusal;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// What a WSGI or CGI server takes for the fields above.
const TWINS: [HeaderName; 4] = [
    HeaderName::from_static("x_forwarded_for"),
    HeaderName::from_static("x_forwarded_host"),
    HeaderName::from_static("x_forwarded_proto"),
    HeaderName::from_static("x_cutline_shadow"),
];
/// Marks a request as a copy, so that its effects can be left out.
pub(crate) const SHADOW: HeaderName = HeaderName::from_static("x-cutline-shadow");

/// What is said of the client to the upstream, made once per connection.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// Its address.
    pub(crate) address: IpAddr,
    /// The address as a field's value.
    pub(crate) shown: HeaderValue,
    /// Its own word on who it acts for is believed.
    pub(crate) trusted: bool,
    /// It came over TLS.
    pub(crate) tls: bool,
    /// What its socket knows of what it sent.
    pub(crate) wire: Arc<Wire>,
}

impl Client {
    pub(crate) fn new(address: IpAddr, trusted: bool, tls: bool) -> Client {
        let address = address.to_canonical();
        let shown = HeaderValue::from_str(&address.to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        Client {
            address,
            shown,
            trusted,
            tls,
            wire: Arc::default(),
        }
    }

    /// What is wrong with the framing of what it sent, if it is.
    pub(crate) fn refused(&self) -> Option<Refusal> {
        self.wire.refused()
    }

    /// Whom the request is from: the connection's other end, or whom a trusted
    /// one names last.
    pub(crate) fn origin(&self, headers: &HeaderMap) -> IpAddr {
        if !self.trusted {
            return self.address;
        }
        let fields = headers.get_all(FORWARDED_FOR);
        let last = fields
            .iter()
            .next_back()
            .and_then(|field| field.to_str().ok());
        let last = last.and_then(|field| field.rsplit(',').next());
        last.and_then(|address| address.trim().parse().ok())
            .unwrap_or(self.address)
    }
}

/// Whether a message has a field for which something must be done. Most have
/// none: one look at the names is less than a search for each.
pub(crate) fn has(headers: &HeaderMap, wanted: impl Fn(&str) -> bool) -> bool {
    headers.keys().any(|name| wanted(name.as_str()))
}

/// Takes out what concerns one connection only (RFC 9110 §7.6.1), and returns
/// the protocol of an upgrade that was asked for.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) -> Option<HeaderValue> {
    let of_connection = |name: &str| {
        matches!(
            name,
            "connection"
                | "upgrade"
                | "keep-alive"
                | "proxy-connection"
                | "transfer-encoding"
                | "proxy-authenticate"
                | "proxy-authorization"
        )
    };
    if !has(headers, of_connection) {
        return None;
    }
    let upgrade = match headers.contains_key(CONNECTION) {
        true => remove_named(headers),
        false => None,
    };
    headers.remove(UPGRADE);
    headers.remove(KEEP_ALIVE);
    headers.remove(PROXY_CONNECTION);
    headers.remove(TRANSFER_ENCODING);
    headers.remove(PROXY_AUTHENTICATE);
    headers.remove(PROXY_AUTHORIZATION);
    upgrade
}

/// Takes out Connection and the fields it names.
fn remove_named(headers: &mut HeaderMap) -> Option<HeaderValue> {
    let mut upgrades = false;
    let mut named = Vec::new();
    for field in headers.get_all(CONNECTION) {
        for option in field.as_bytes().split(|byte| *byte == b',') {
            let option = option.trim_ascii();
            upgrades |= option.eq_ignore_ascii_case(b"upgrade");
            let plain = [&b"close"[..], b"keep-alive", b"upgrade"]
                .iter()
                .any(|plain| option.eq_ignore_ascii_case(plain));
            match HeaderName::from_bytes(option) {
                // Taking these away on a client's word would change where or
                // how the message ends.
                // TE is named there wherever it is (RFC 9110 §10.1.4); what of it
                // goes on is decided by itself.
                Ok(HOST | http::header::CONTENT_LENGTH | TE) => {}
                Ok(name) if !plain => named.push(name),
                _ => {}
            }
        }
    }
    let upgrade = upgrades.then(|| headers.get(UPGRADE).cloned()).flatten();
    let upgrade = upgrade.filter(upgrade::is_passed_on);
    headers.remove(CONNECTION);
    for name in named {
        headers.remove(name);
    }
    upgrade
}

/// Makes the pieces that HTTP/2 cuts cookies into one field again, as everyone
/// else knows them (RFC 9113 §8.2.3).
pub(crate) fn join_cookies(headers: &mut HeaderMap) {
    let mut pieces = headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (pieces.next(), pieces.next()) else {
        return;
    };
    let mut whole = first.as_bytes().to_vec();
    for piece in std::iter::once(second).chain(pieces) {
        whole.extend_from_slice(b"; ");
        whole.extend_from_slice(piece.as_bytes());
    }
    if let Ok(whole) = HeaderValue::from_bytes(&whole) {
        headers.insert(COOKIE, whole);
    }
}

/// Makes the fields of a request those that an upstream gets.
pub(crate) fn for_upstream(headers: &mut HeaderMap, version: Version, client: &Client) {
    // Of TE, only `trailers` says anything to the next hop but one.
    if has(headers, |name| name == "te") {
        let trailers = headers
            .get_all(TE)
            .iter()
            .any(|field| field.as_bytes().eq_ignore_ascii_case(b"trailers"));
        if !trailers {
            headers.remove(TE);
        }
    }
    headers.append(VIA, via(version));
    let proto = match client.tls {
        true => HeaderValue::from_static("https"),
        false => HeaderValue::from_static("http"),
    };
    let host = headers.get(HOST).cloned();
    if client.trusted {
        forwarded_for(headers, client);
        forwarded(headers, client);
        headers.entry(FORWARDED_PROTO).or_insert(proto);
        if let Some(host) = host {
            headers.entry(FORWARDED_HOST).or_insert(host);
        }
    } else {
        if has(headers, is_ours) {
            headers.remove(FORWARDED);
            headers.remove(SHADOW);
            for twin in &TWINS {
                headers.remove(twin);
            }
        }
        headers.insert(FORWARDED_FOR, client.shown.clone());
        headers.insert(FORWARDED_PROTO, proto);
        match host {
            Some(host) => headers.insert(FORWARDED_HOST, host),
            None => headers.remove(FORWARDED_HOST),
        };
    }
}

/// Whether a field may be one that only proxies say, apart from those that are
/// said anew.
fn is_ours(name: &str) -> bool {
    matches!(name, "forwarded" | "x-cutline-shadow") || name.starts_with("x_")
}

/// A list in one field: upstreams that read only the first would miss the rest.
fn forwarded_for(headers: &mut HeaderMap, client: &Client) {
    let mut list = Vec::new();
    for field in headers.get_all(FORWARDED_FOR) {
        list.extend_from_slice(field.as_bytes());
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(client.shown.as_bytes());
    let list = HeaderValue::from_bytes(&list).unwrap_or_else(|_| client.shown.clone());
    headers.insert(FORWARDED_FOR, list);
}

/// Adds this hop to `Forwarded`, where there is one (RFC 7239).
fn forwarded(headers: &mut HeaderMap, client: &Client) {
    if !headers.contains_key(FORWARDED) {
        return;
    }
    let node = match client.address {
        IpAddr::V4(address) => format!("for={address}"),
        IpAddr::V6(address) => format!("for=\"[{address}]\""),
    };
    if let Ok(node) = HeaderValue::from_str(&node) {
        headers.append(FORWARDED, node);
    }
}

/// Makes the fields of a response those that the client gets.
pub(crate) fn for_client(headers: &mut HeaderMap, version: Version) -> Option<HeaderValue> {
    let upgrade = remove_hop_by_hop(headers);
    // Without a chunked body there is nowhere for trailers to stand.
    if version < Version::HTTP_11 {
        headers.remove(TRAILER);
    }
    headers.append(VIA, via(version));
    upgrade
}

/// The version in which the message was received (RFC 9110 §7.6.3).
fn via(version: Version) -> HeaderValue {
    match version {
        Version::HTTP_2 => HeaderValue::from_static("2 cutline"),
        Version::HTTP_10 => HeaderValue::from_static("1.0 cutline"),
        _ => HeaderValue::from_static("1.1 cutline"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    fn shown(headers: &HeaderMap) -> String {
        let mut lines: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        lines.join("\n")
    }

    fn client(trusted: bool) -> Client {
        Client::new(IpAddr::from([10, 0, 0, 9]), trusted, false)
    }

    #[test]
    fn fields_of_the_connection_stay_on_it() {
        let mut headers = fields(&[
            ("connection", "close, X-Trace"),
            ("connection", "keep-alive"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("x-trace", "1"),
            ("x-other", "2"),
        ]);
        assert_eq!(remove_hop_by_hop(&mut headers), None);
        assert_eq!(shown(&headers), "x-other: 2");
    }

    #[test]
    fn an_upgrade_needs_both_fields() {
        let mut asked = fields(&[("connection", "Upgrade"), ("upgrade", "websocket")]);
        assert_eq!(remove_hop_by_hop(&mut asked).unwrap(), "websocket");
        let mut half = fields(&[("upgrade", "websocket")]);
        assert_eq!(remove_hop_by_hop(&mut half), None);
        assert!(half.is_empty());
    }

    #[test]
    fn pieces_of_cookies_are_one_field_again() {
        let mut headers = fields(&[("cookie", "a=b"), ("x", "y"), ("cookie", "c=d; e=f")]);
        join_cookies(&mut headers);
        assert_eq!(shown(&headers), "cookie: a=b; c=d; e=f\nx: y");
        join_cookies(&mut headers);
        assert_eq!(shown(&headers), "cookie: a=b; c=d; e=f\nx: y");
    }

    #[test]
    fn connection_cannot_take_away_host_or_length() {
        let mut headers = fields(&[
            ("connection", "host, content-length"),
            ("content-length", "3"),
            ("host", "a"),
        ]);
        remove_hop_by_hop(&mut headers);
        assert_eq!(shown(&headers), "content-length: 3\nhost: a");
    }

    #[test]
    fn a_strangers_word_on_its_address_is_replaced() {
        let mut headers = fields(&[
            ("host", "a"),
            ("forwarded", "for=1.2.3.4"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "https"),
            ("x_forwarded_for", "1.2.3.4"),
            ("x-cutline-shadow", "1"),
            ("te", "gzip"),
        ]);
        for_upstream(&mut headers, Version::HTTP_11, &client(false));
        insta::assert_snapshot!(shown(&headers), @r"
        host: a
        via: 1.1 cutline
        x-forwarded-for: 10.0.0.9
        x-forwarded-host: a
        x-forwarded-proto: http
        ");
    }

    #[test]
    fn a_trusted_proxys_word_is_extended() {
        let mut headers = fields(&[
            ("host", "a"),
            ("te", "trailers"),
            ("forwarded", "for=1.2.3.4"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-for", "10.0.0.7"),
            ("x-forwarded-proto", "https"),
        ]);
        assert_eq!(client(true).origin(&headers), IpAddr::from([10, 0, 0, 7]));
        for_upstream(&mut headers, Version::HTTP_2, &client(true));
        insta::assert_snapshot!(shown(&headers), @r"
        forwarded: for=1.2.3.4
        forwarded: for=10.0.0.9
        host: a
        te: trailers
        via: 2 cutline
        x-forwarded-for: 1.2.3.4, 10.0.0.7, 10.0.0.9
        x-forwarded-host: a
        x-forwarded-proto: https
        ");
    }
}
