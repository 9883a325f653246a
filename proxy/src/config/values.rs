//! Values as a person writes them: `250ms`, `64KiB`, `POST /predict`.

use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use http::{Method, Uri};
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, SeqAccess};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::route::Address;

/// A length of time: `250ms`, `2s`, `1m 30s`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) Duration);

/// A number of bytes: `64KiB`, `1MB`, 4096.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes(pub(super) usize);

/// One text or a list of them, each of the list with its place.
#[derive(Clone, Debug)]
pub(super) struct Texts(pub(super) Vec<(Option<Range<usize>>, String)>);

/// A text, or a table of which the text is the most important part.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(super) enum TextOr<T> {
    Text(String),
    Table(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TextOr<T>, D::Error> {
        struct Visitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Visitor<T> {
            type Value = TextOr<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a table")
            }

            fn visit_str<E>(self, text: &str) -> Result<TextOr<T>, E> {
                Ok(TextOr::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TextOr<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(TextOr::Table)
            }
        }
        deserializer.deserialize_any(Visitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts(vec![(None, text.to_owned())]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element::<Spanned<String>>()? {
                    texts.push((Some(text.span()), text.into_inner()));
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = humantime::parse_duration(&text).map_err(|_| {
            D::Error::custom(format!("`{text}` is no time; write 250ms, 2s or 1m 30s"))
        })?;
        match time.is_zero() {
            true => Err(D::Error::custom("a time of 0 never suffices; leave it out")),
            false => Ok(Time(time)),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes, such as 4096 or \"64KiB\"")
            }

            fn visit_i64<E: serde::de::Error>(self, bytes: i64) -> Result<Bytes, E> {
                let bytes = usize::try_from(bytes);
                bytes
                    .map(Bytes)
                    .map_err(|_| E::custom("a size is not negative"))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bytes, E> {
                let wrong = || E::custom(format!("`{text}` is no size; write 64KiB or 1MB"));
                size(text).map(Bytes).ok_or_else(wrong)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

fn size(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text[digits.len()..].trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(unit)
}

/// `POST /predict`, or `/predict` for any method.
pub(super) fn route(text: &str) -> Result<(Option<Method>, &str), String> {
    let Some((method, path)) = text.split_once(' ') else {
        return Ok((None, text));
    };
    let token = method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    match Method::from_bytes(method.as_bytes()) {
        Ok(method) if token => Ok((Some(method), path.trim_start())),
        _ => Err(format!("`{method}` is no method")),
    }
}

/// What is wrong with an upstream's URL, and what to write.
pub(super) fn upstream(text: &str) -> Result<Address, (String, String)> {
    let wrong = |what: &str, label: String| (format!("\"{text}\" {what}"), label);
    let spelling = || format!("write http://{text}, or https:// with a certificate");
    if !text.contains("://") {
        return Err(wrong("is not a URL", spelling()));
    }
    let uri: Uri = text
        .parse()
        .map_err(|_| wrong("is not a URL", "write http://host:port".to_owned()))?;
    let tls = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(wrong("is neither http nor https", String::new())),
    };
    if uri.path() != "/" || uri.query().is_some() {
        let label = "leave the path out: requests keep their own".to_owned();
        return Err(wrong("has a path", label));
    }
    let authority = uri.authority().map(|authority| authority.as_str());
    if authority.is_some_and(|authority| authority.contains('@')) {
        let label = "leave user and password out".to_owned();
        return Err((("an upstream's URL holds a password").to_owned(), label));
    }
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(wrong("names no host", String::new()));
    }
    Ok(Address {
        tls,
        host: host.to_owned(),
        port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
    })
}

/// An address to listen on.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("\"{text}\" is not an address to listen on"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("64KiB"), Some(65_536));
        assert_eq!(size("1 MB"), Some(1_000_000));
        assert_eq!(size("12"), Some(12));
        assert_eq!(size("x"), None);
        assert_eq!(size("99999999999GiB"), None);
    }

    #[test]
    fn an_upstream_is_a_scheme_a_host_and_a_port() {
        let shown = |text: &str| upstream(text).map(|a| (a.tls, a.host, a.port));
        assert_eq!(shown("http://a:1"), Ok((false, "a".to_owned(), 1)));
        assert_eq!(shown("https://a"), Ok((true, "a".to_owned(), 443)));
        assert_eq!(shown("http://[::1]:80"), Ok((false, "::1".to_owned(), 80)));
        for wrong in [
            "localhost:7070",
            "ftp://a",
            "http://a/b",
            "http://u:p@a",
            "http://",
        ] {
            assert!(upstream(wrong).is_err(), "{wrong}");
        }
        let (message, _) = upstream("http://user:hunter2@a").unwrap_err();
        assert!(!message.contains("hunter2"));
    }
}
