//! What no proxy may pass on, refused with a reason.
//!
//! What is wrong with a message's framing is found before it is parsed
//! (`listen::framing`); what is wrong with what it asks for, here.

use std::net::Ipv6Addr;

use http::header::{EXPECT, HOST, HeaderName, HeaderValue, MAX_FORWARDS, TRANSFER_ENCODING, VIA};
use http::{HeaderMap, Method, Request, StatusCode, Version};
use hyper::ext::Protocol;

use crate::forward::{headers, upgrade};

/// More proxies of this kind in a row are one that asks itself.
const MOST_TIMES_HERE: usize = 8;

/// Why a request is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// `limits.requests` are in the proxy already.
    #[error("too many requests at once")]
    Busy,
    /// TRACE would show a client fields that proxies added (RFC 9110 §9.3.8).
    #[error("TRACE is not passed on")]
    Trace,
    /// It is no forward proxy.
    #[error("CONNECT is not passed on")]
    Connect,
    /// None, several, or one that is no host (RFC 9112 §3.2).
    #[error("exactly one valid Host is needed")]
    Host,
    /// What the target names is not what Host names.
    #[error("the target's authority and Host differ")]
    Authority,
    /// Neither a path, an absolute URI, nor `*` with OPTIONS (RFC 9112 §3.2).
    #[error("the request's target is not one for its method")]
    Target,
    /// Codings other than one `chunked` (RFC 9112 §6.1).
    #[error("the only transfer coding known is chunked")]
    TransferCoding,
    /// Of Expect, only `100-continue` is known (RFC 9110 §10.1.1).
    #[error("the only expectation known is 100-continue")]
    Expectation,
    /// Max-Forwards is used up (RFC 9110 §7.6.2).
    #[error("Max-Forwards is used up")]
    LastHop,
    /// Of extended CONNECT, only `websocket` is known (RFC 8441).
    #[error("the only protocol known for CONNECT is websocket")]
    Protocol,
    /// It has been here too often: an upstream is this proxy (RFC 9110 §7.6).
    #[error("the request goes round in a circle")]
    Loop,
    /// No method, target and version with one space between them (RFC 9112 §3).
    #[error("the request line is malformed")]
    RequestLine,
    /// A version other than 1.0 and 1.1 in an HTTP/1 message (RFC 9112 §2.3).
    #[error("the only versions known are HTTP/1.0, HTTP/1.1 and HTTP/2")]
    Version,
    /// The request line does not fit `limits.header_bytes`.
    #[error("the request line is too long")]
    LongLine,
    /// The head does not fit `limits.header_bytes`.
    #[error("the request's head is too large")]
    LargeHead,
    /// More fields than `limits.headers`.
    #[error("the request has too many fields")]
    ManyFields,
    /// A line that does not end in CR LF, or a CR inside one (RFC 9112 §2.2).
    #[error("every line must end in CR LF and hold no other CR")]
    LineEnd,
    /// A field that goes on in a second line (RFC 9112 §5.2).
    #[error("a field must not be folded")]
    Folded,
    /// No token right before the colon (RFC 9112 §5.1).
    #[error("a field's name is malformed")]
    FieldName,
    /// A control character (RFC 9110 §5.5).
    #[error("a field's value holds a control character")]
    FieldValue,
    /// Content-Length that is no number, or several (RFC 9112 §6.3).
    #[error("exactly one Content-Length that is a number is allowed")]
    Length,
    /// Both lengths (RFC 9112 §6.1).
    #[error("Content-Length and Transfer-Encoding exclude each other")]
    TwoLengths,
    /// Transfer-Encoding in HTTP/1.0 (RFC 9112 §6.1).
    #[error("HTTP/1.0 has no Transfer-Encoding")]
    OldCoding,
    /// A transfer coding after which nobody knows the end (RFC 9112 §6.3).
    #[error("the last transfer coding must be one chunked")]
    Unending,
    /// A chunk's size, extension or end (RFC 9112 §7.1).
    #[error("a chunk is malformed")]
    Chunk,
    /// A trailer that would say something of the framing (RFC 9110 §6.5.1).
    #[error("a trailer must not be of the framing or routing")]
    Trailer,
    /// Trailers beyond their limits.
    #[error("the trailers are too large")]
    LargeTrailers,
}

impl Refusal {
    /// All of them.
    pub(crate) const ALL: [Refusal; 27] = [
        Refusal::Busy,
        Refusal::Trace,
        Refusal::Connect,
        Refusal::Host,
        Refusal::Authority,
        Refusal::Target,
        Refusal::TransferCoding,
        Refusal::Expectation,
        Refusal::LastHop,
        Refusal::Protocol,
        Refusal::Loop,
        Refusal::RequestLine,
        Refusal::Version,
        Refusal::LongLine,
        Refusal::LargeHead,
        Refusal::ManyFields,
        Refusal::LineEnd,
        Refusal::Folded,
        Refusal::FieldName,
        Refusal::FieldValue,
        Refusal::Length,
        Refusal::TwoLengths,
        Refusal::OldCoding,
        Refusal::Unending,
        Refusal::Chunk,
        Refusal::Trailer,
        Refusal::LargeTrailers,
    ];

    /// As it is counted.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Refusal::Busy => "busy",
            Refusal::Trace => "trace",
            Refusal::Connect => "connect",
            Refusal::Host => "host",
            Refusal::Authority => "authority",
            Refusal::Target => "target",
            Refusal::TransferCoding => "transfer-coding",
            Refusal::Expectation => "expectation",
            Refusal::LastHop => "last-hop",
            Refusal::Protocol => "protocol",
            Refusal::Loop => "loop",
            Refusal::RequestLine => "request-line",
            Refusal::Version => "version",
            Refusal::LongLine => "long-line",
            Refusal::LargeHead => "large-head",
            Refusal::ManyFields => "many-fields",
            Refusal::LineEnd => "line-end",
            Refusal::Folded => "folded",
            Refusal::FieldName => "field-name",
            Refusal::FieldValue => "field-value",
            Refusal::Length => "length",
            Refusal::TwoLengths => "two-lengths",
            Refusal::OldCoding => "old-coding",
            Refusal::Unending => "unending",
            Refusal::Chunk => "chunk",
            Refusal::Trailer => "trailer",
            Refusal::LargeTrailers => "large-trailers",
        }
    }

    /// The status of the answer.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Trace | Refusal::Connect => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::Host | Refusal::Authority | Refusal::Target => StatusCode::BAD_REQUEST,
            Refusal::TransferCoding | Refusal::Protocol => StatusCode::NOT_IMPLEMENTED,
            Refusal::Loop => StatusCode::LOOP_DETECTED,
            Refusal::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Refusal::LongLine => StatusCode::URI_TOO_LONG,
            Refusal::LargeHead | Refusal::ManyFields | Refusal::LargeTrailers => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Refusal::RequestLine
            | Refusal::LineEnd
            | Refusal::Folded
            | Refusal::FieldName
            | Refusal::FieldValue
            | Refusal::Length
            | Refusal::TwoLengths
            | Refusal::OldCoding
            | Refusal::Unending
            | Refusal::Chunk
            | Refusal::Trailer => StatusCode::BAD_REQUEST,
            Refusal::Expectation => StatusCode::EXPECTATION_FAILED,
            Refusal::LastHop => StatusCode::OK,
        }
    }

    /// A field the answer needs.
    pub(crate) fn field(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Refusal::Busy => Some((http::header::RETRY_AFTER, HeaderValue::from_static("1"))),
            Refusal::Trace | Refusal::Connect => {
                let known = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
                Some((http::header::ALLOW, HeaderValue::from_static(known)))
            }
            _ => None,
        }
    }
}

/// Refuses what no proxy may pass on, and leaves one Host that says where the
/// request is for, whichever way the client said it.
pub(crate) fn check<B>(request: &mut Request<B>) -> Result<(), Refusal> {
    match *request.method() {
        Method::TRACE => return Err(Refusal::Trace),
        Method::CONNECT => match request.extensions().get::<Protocol>() {
            None => return Err(Refusal::Connect),
            Some(protocol) if !upgrade::is_websocket(protocol) => return Err(Refusal::Protocol),
            Some(_) => {}
        },
        _ => {}
    }
    host(request)?;
    let headers = request.headers();
    let telling = |name: &str| matches!(name, "transfer-encoding" | "expect" | "via");
    if headers::has(headers, telling) {
        transfer(headers)?;
    }
    if request.version() == Version::HTTP_2 {
        // What is trimmed from a line is a part of the value there (RFC 9113
        // §8.2.1).
        let spaced = |value: &HeaderValue| value.as_bytes().trim_ascii() != value.as_bytes();
        if headers.values().any(spaced) {
            return Err(Refusal::FieldValue);
        }
        headers::join_cookies(request.headers_mut());
    }
    match *request.method() {
        Method::OPTIONS => forward_once_more(request.headers_mut()),
        _ => Ok(()),
    }
}

/// What is asked of this hop.
fn transfer(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.contains_key(TRANSFER_ENCODING) && !is_chunked(headers) {
        return Err(Refusal::TransferCoding);
    }
    let expects = headers.get(EXPECT);
    if expects.is_some_and(|expects| !expects.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(Refusal::Expectation);
    }
    if headers.contains_key(VIA) && times_here(headers) >= MOST_TIMES_HERE {
        return Err(Refusal::Loop);
    }
    Ok(())
}

fn host<B>(request: &mut Request<B>) -> Result<(), Refusal> {
    let options = *request.method() == Method::OPTIONS;
    let uri = request.uri();
    if uri.path() == "*" && !options {
        return Err(Refusal::Target);
    }
    if !uri.path().starts_with('/') && uri.path() != "*" {
        return Err(Refusal::Target);
    }
    let authority = uri.authority().map(|authority| authority.as_str());
    let mut hosts = request.headers().get_all(HOST).iter();
    let (host, more) = (hosts.next(), hosts.next());
    if more.is_some() || host.is_some_and(|host| !is_host(host.as_bytes())) {
        return Err(Refusal::Host);
    }
    match (authority, host) {
        (Some(authority), _) if !is_host(authority.as_bytes()) => return Err(Refusal::Host),
        // In HTTP/2 both stand for the same (RFC 9113 §8.3.1).
        (Some(authority), Some(host)) if request.version() >= Version::HTTP_2 => {
            if !host.as_bytes().eq_ignore_ascii_case(authority.as_bytes()) {
                return Err(Refusal::Authority);
            }
        }
        // An absolute-form target counts, and Host does not (RFC 9112 §3.2.2).
        (Some(authority), _) => {
            let host = HeaderValue::from_str(authority).map_err(|_| Refusal::Host)?;
            request.headers_mut().insert(HOST, host);
        }
        (None, None) if request.version() == Version::HTTP_10 => {}
        (None, None) => return Err(Refusal::Host),
        (None, Some(_)) => {}
    }
    Ok(())
}

/// `uri-host [":" port]` (RFC 9110 §7.2); empty where a target has none.
fn is_host(text: &[u8]) -> bool {
    let in_name = |byte: &&u8| IN_NAME[usize::from(**byte)];
    let (name, rest) = text.split_at(text.iter().take_while(in_name).count());
    let port = match rest {
        [b'[', literal @ ..] if name.is_empty() => {
            let mut parts = literal.splitn(2, |byte| *byte == b']');
            let address = parts.next().and_then(|text| std::str::from_utf8(text).ok());
            match (address.map(str::parse::<Ipv6Addr>), parts.next()) {
                (Some(Ok(_)), Some(port)) => port,
                _ => return false,
            }
        }
        _ => rest,
    };
    match port {
        [] | [b':'] => true,
        [b':', digits @ ..] => {
            let text = std::str::from_utf8(digits).ok();
            let text = text.filter(|_| digits.iter().all(u8::is_ascii_digit));
            text.is_some_and(|text| text.parse::<u16>().is_ok())
        }
        _ => false,
    }
}

/// `unreserved`, `pct-encoded` and `sub-delims` (RFC 3986 §3.2.2).
const IN_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b"-._~!$&'()*+,;=%";
    let mut at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = true;
        at += 1;
    }
    table
};

/// How often the request has passed a proxy like this one.
fn times_here(headers: &HeaderMap) -> usize {
    let hops = headers.get_all(VIA).iter();
    let hops = hops.flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
    hops.filter(|hop| hop.trim_ascii().ends_with(b" cutline"))
        .count()
}

fn is_chunked(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let only = codings.next().map(HeaderValue::as_bytes);
    codings.next().is_none() && only.is_some_and(|only| only.eq_ignore_ascii_case(b"chunked"))
}

fn forward_once_more(headers: &mut HeaderMap) -> Result<(), Refusal> {
    let left = headers
        .get(MAX_FORWARDS)
        .and_then(|left| left.to_str().ok());
    match left.and_then(|left| left.parse::<u32>().ok()) {
        None => Ok(()),
        Some(0) => Err(Refusal::LastHop),
        Some(left) => {
            headers.insert(MAX_FORWARDS, HeaderValue::from(left - 1));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    fn check(method: &str, target: &str, fields: &[(&str, &str)]) -> Result<String, Refusal> {
        let mut request = request(method, target, fields);
        super::check(&mut request)?;
        let host = request.headers().get(HOST);
        Ok(host.map_or("", |host| host.to_str().unwrap()).to_owned())
    }

    #[test]
    fn a_request_has_one_host() {
        let ok = |host: &str| check("GET", "/", &[("host", host)]);
        for host in ["a", "a.example:80", "[::1]:80", "127.0.0.1", "", "a:"] {
            assert_eq!(ok(host), Ok(host.to_owned()));
        }
        for host in [
            "a b", "a/b", "u@a", "a:b", "[::1", "[zz]", "a,b@c", "a:99999", "a:+1",
        ] {
            assert_eq!(ok(host), Err(Refusal::Host), "{host}");
        }
        assert_eq!(check("GET", "/", &[]), Err(Refusal::Host));
        assert_eq!(
            check("GET", "/", &[("host", "a"), ("host", "a")]),
            Err(Refusal::Host)
        );
    }

    #[test]
    fn an_absolute_target_counts_before_host() {
        let host = check("GET", "http://a.example/x", &[("host", "b.example")]);
        assert_eq!(host, Ok("a.example".to_owned()));
    }

    #[test]
    fn what_is_not_passed_on_says_why() {
        let a = ("host", "a");
        assert_eq!(check("TRACE", "/", &[a]), Err(Refusal::Trace));
        assert_eq!(check("CONNECT", "a:1", &[a]), Err(Refusal::Connect));
        assert_eq!(check("GET", "*", &[a]), Err(Refusal::Target));
        let coding = |value| check("POST", "/", &[a, ("transfer-encoding", value)]);
        assert!(coding("chunked").is_ok());
        assert_eq!(coding("gzip, chunked"), Err(Refusal::TransferCoding));
        assert_eq!(coding("chunked, chunked"), Err(Refusal::TransferCoding));
        let expect = |value| check("POST", "/", &[a, ("expect", value)]);
        assert!(expect("100-Continue").is_ok());
        assert_eq!(expect("200-ok"), Err(Refusal::Expectation));
    }

    #[test]
    fn max_forwards_counts_down_for_options_alone() {
        let mut asked = request("OPTIONS", "*", &[("host", "a"), ("max-forwards", "2")]);
        assert_eq!(super::check(&mut asked), Ok(()));
        assert_eq!(asked.headers()[MAX_FORWARDS], "1");
        let last = [("host", "a"), ("max-forwards", "0")];
        assert_eq!(check("OPTIONS", "*", &last), Err(Refusal::LastHop));
        assert!(check("GET", "/", &last).is_ok());
    }
}
