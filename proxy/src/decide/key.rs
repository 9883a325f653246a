//! The sticky key of a request: one way to find it per kind of [`Sticky`].

use std::borrow::Cow;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

use super::RequestHead;
use crate::route::Sticky;

/// The cookie that the proxy sets where a stage's key is its own cookie. One
/// for all stages: their names are hashed with it.
pub const OWN_COOKIE: &str = "cutline_client";

/// The key, or None where the request has none.
pub(super) fn of<'a>(sticky: &Sticky, head: &RequestHead<'a>) -> Option<Cow<'a, [u8]>> {
    let key = match sticky {
        Sticky::Header(name) => Cow::Borrowed(head.headers.get(name)?.as_bytes()),
        Sticky::Cookie(name) => Cow::Borrowed(cookie(head.headers, name)?),
        Sticky::OwnCookie => Cow::Borrowed(cookie(head.headers, OWN_COOKIE)?),
        Sticky::Query(name) => query(head.query?, name)?,
        Sticky::JwtClaim(claim) => Cow::Owned(jwt_claim(head.headers, claim)?),
        Sticky::JsonField(pointer) => Cow::Owned(json_field(head.body?, pointer)?),
        Sticky::ClientAddress => Cow::Owned(address(head.client)),
        Sticky::Request => return None,
    };
    (!key.is_empty()).then_some(key)
}

/// The value of the proxy's own cookie for a client first seen with that id.
pub(crate) fn cookie_value(id: u128) -> String {
    format!("{id:032x}")
}

/// The value of a cookie (RFC 6265 §5.4), without its quotes.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let fields = headers.get_all(COOKIE).into_iter();
    let mut pairs = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b';'));
    pairs.find_map(|pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes())?;
        let value = value.strip_prefix(b"=")?.trim_ascii();
        let quoted = value
            .strip_prefix(b"\"")
            .and_then(|value| value.strip_suffix(b"\""));
        Some(quoted.unwrap_or(value))
    })
}

/// The first value of a query parameter, `+` and `%XX` decoded.
fn query<'a>(query: &'a str, name: &str) -> Option<Cow<'a, [u8]>> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let value = pairs.find_map(|(found, value)| (found == name).then_some(value))?;
    Some(match value {
        Cow::Borrowed(value) => Cow::Borrowed(value.as_bytes()),
        Cow::Owned(value) => Cow::Owned(value.into_bytes()),
    })
}

/// A claim of the bearer token (RFC 7519). The signature is not looked at: the
/// claim only chooses a side, both of which check the token themselves.
fn jwt_claim(headers: &HeaderMap, claim: &str) -> Option<Vec<u8>> {
    let field = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = field.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let payload = token.trim().split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    scalar(claims.get(claim)?)
}

fn json_field(body: &[u8], pointer: &str) -> Option<Vec<u8>> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    scalar(body.pointer(pointer)?)
}

/// The text of a JSON scalar: `"7"` and `7` are the same key.
fn scalar(value: &serde_json::Value) -> Option<Vec<u8>> {
    match value {
        serde_json::Value::String(text) => Some(text.clone().into_bytes()),
        serde_json::Value::Number(_) | serde_json::Value::Bool(_) => {
            Some(value.to_string().into_bytes())
        }
        _ => None,
    }
}

/// An IPv4 address is the same key when it comes in an IPv6 one.
fn address(client: IpAddr) -> Vec<u8> {
    match client.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
