//! [`Comparator`]: what a body means, one file for each way to write one.
//!
//! A comparator reads; what it reads is compared the same way for all of them,
//! so that two sides that say the same in two formats are the same.

mod bytes;
mod csv;
mod form;
mod image;
mod json;
mod ndjson;
mod npy;
mod protobuf;
mod text;

use std::borrow::Cow;
use std::cell::OnceCell;

use encoding_rs::{Encoding, UTF_8};
use http::HeaderMap;
use http::header::CONTENT_TYPE;

pub(super) use image::Picture;

use super::node::Node;
use super::rules::Rules;

/// Knows one format: what a body in it means.
pub(super) trait Comparator: Sync {
    /// As `as = "…"` names it; the file's name.
    fn name(&self) -> &'static str;

    /// Whether bodies of this media type (RFC 9110 §8.3.1, in lower case,
    /// without parameters) are read by it.
    fn reads(&self, essence: &str) -> bool;

    /// What a body means.
    fn read<'a>(
        &self,
        document: &'a Document<'_>,
        rules: &Rules,
    ) -> Result<Reading<'a>, Unreadable>;
}

/// All of them, by name. No media type is read by two.
pub(super) static ALL: &[&dyn Comparator] = &[
    &bytes::Bytes,
    &csv::Csv,
    &form::Form,
    &image::Image,
    &json::Json,
    &ndjson::NdJson,
    &npy::Npy,
    &protobuf::Protobuf,
    &text::Text,
];

/// The one of that name.
pub(super) fn named(name: &str) -> Option<&'static dyn Comparator> {
    ALL.iter().find(|own| own.name() == name).copied()
}

/// The one that reads a body of this media type. One that says nothing of
/// itself is text, if it can be.
pub(super) fn of(document: &Document<'_>) -> &'static dyn Comparator {
    let Some(essence) = document.essence.as_deref() else {
        return match document.text() {
            Ok(_) => &text::Text,
            Err(_) => &bytes::Bytes,
        };
    };
    let reads = ALL.iter().find(|own| own.reads(essence));
    reads.copied().unwrap_or(&bytes::Bytes)
}

/// A body, decompressed, with what its headers say of it.
pub(super) struct Document<'b> {
    pub(super) bytes: &'b [u8],
    /// Its media type, in lower case, without parameters.
    pub(super) essence: Option<String>,
    /// How messages of gRPC in it are compressed.
    pub(super) grpc_encoding: Option<String>,
    charset: Option<String>,
    text: OnceCell<Option<Text<'b>>>,
}

/// A text, and what it was encoded in.
struct Text<'b> {
    text: Cow<'b, str>,
    encoding: &'static Encoding,
}

/// What a body means.
#[derive(Debug)]
pub(super) enum Reading<'a> {
    Node(Node<'a>),
    Picture(Picture),
    Bytes(&'a [u8]),
}

/// A body that is not what its headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It breaks the format's rules.
    Broken,
    /// It is nested deeper than what is compared.
    TooDeep,
    /// What it stands for is larger than what is compared.
    TooLarge,
}

impl Reading<'_> {
    /// As a difference shows it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Reading::Node(_) => "a document",
            Reading::Picture(_) => "a picture",
            Reading::Bytes(_) => "bytes",
        }
    }
}

impl<'b> Document<'b> {
    pub(super) fn new(bytes: &'b [u8], headers: &HeaderMap) -> Document<'b> {
        let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let content_type = value(CONTENT_TYPE.as_str());
        let mut parts = content_type.unwrap_or_default().split(';');
        let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let charset = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = value.trim().trim_matches('"').to_owned();
            name.trim().eq_ignore_ascii_case("charset").then_some(value)
        });
        Document {
            bytes,
            essence: (!essence.is_empty()).then_some(essence),
            grpc_encoding: value("grpc-encoding").map(str::to_ascii_lowercase),
            charset,
            text: OnceCell::new(),
        }
    }

    /// Its text, decoded as its first bytes (a byte order mark) or its
    /// Content-Type say, and else as UTF-8. Where bytes stand for no character
    /// it has none.
    pub(super) fn text(&self) -> Result<&str, Unreadable> {
        let text = self.text.get_or_init(|| {
            let (encoding, mark) = match Encoding::for_bom(self.bytes) {
                Some((encoding, mark)) => (encoding, mark),
                None => match &self.charset {
                    Some(charset) => (Encoding::for_label(charset.as_bytes())?, 0),
                    None => (UTF_8, 0),
                },
            };
            let bytes = &self.bytes[mark..];
            let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
            Some(Text { text, encoding })
        });
        match text {
            Some(text) => Ok(&text.text),
            None => Err(Unreadable::Broken),
        }
    }

    /// What its text was encoded in, once it was read.
    pub(super) fn encoding(&self) -> Option<&'static str> {
        Some(self.text.get()?.as_ref()?.encoding.name())
    }
}

#[cfg(test)]
pub(in crate::compare) mod tests {
    use http::HeaderValue;

    use super::*;

    pub(super) fn document<'b>(bytes: &'b [u8], content_type: Option<&str>) -> Document<'b> {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
        }
        Document::new(bytes, &headers)
    }

    /// A picture of one grey point.
    pub(in crate::compare) fn png_of(level: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        let encoder = png::Encoder::new(&mut bytes, 1, 1);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[level]).unwrap();
        writer.finish().unwrap();
        bytes
    }

    /// What a comparator reads, as JSON; None where it reads nothing.
    pub(super) fn node(name: &str, bytes: &[u8]) -> Option<String> {
        node_by(name, bytes, None, &Rules::default())
    }

    pub(super) fn node_by(
        name: &str,
        bytes: &[u8],
        content_type: Option<&str>,
        rules: &Rules,
    ) -> Option<String> {
        let document = document(bytes, content_type);
        match named(name).unwrap().read(&document, rules) {
            Ok(Reading::Node(node)) => Some(node.to_json()),
            Ok(other) => panic!("{other:?}"),
            Err(_) => None,
        }
    }

    #[test]
    fn every_file_of_the_room_is_in_the_list() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/compare/formats");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .filter(|stem| stem != "mod")
            .collect();
        files.sort();
        let names: Vec<_> = ALL.iter().map(|own| own.name()).collect();
        assert_eq!(files, names);
    }

    #[test]
    fn a_media_type_is_read_by_one() {
        for (essence, name) in [
            ("application/json", "json"),
            ("application/problem+json", "json"),
            ("text/json", "json"),
            ("text/html", "text"),
            ("text/event-stream", "text"),
            ("image/svg+xml", "text"),
            ("text/csv", "csv"),
            ("text/tab-separated-values", "csv"),
            ("image/png", "image"),
            ("application/x-ndjson", "ndjson"),
            ("application/x-www-form-urlencoded", "form"),
            ("application/grpc", "protobuf"),
            ("application/x-npy", "npy"),
            ("multipart/form-data", "bytes"),
            ("application/octet-stream", "bytes"),
        ] {
            let reading = ALL.iter().filter(|own| own.reads(essence)).count();
            assert!(reading <= 1, "{essence}");
            assert_eq!(of(&document(b"", Some(essence))).name(), name, "{essence}");
        }
        assert_eq!(of(&document(b"x", None)).name(), "text");
        assert_eq!(of(&document(b"\xff", None)).name(), "bytes");
    }

    #[test]
    fn what_content_type_says() {
        let html = document(b"caf\xe9", Some("Text/HTML ; Charset=\"Latin1\""));
        assert_eq!(html.essence.as_deref(), Some("text/html"));
        assert_eq!(html.text().unwrap(), "café");
        assert_eq!(html.encoding(), Some("windows-1252"));
        assert_eq!(document(b"", Some("")).essence, None);
        assert_eq!(document(b"\xff\xfea\0", None).text().unwrap(), "a");
        assert_eq!(document(b"\xef\xbb\xbf{}", None).text().unwrap(), "{}");
        assert!(document(b"caf\xe9", None).text().is_err());
        assert!(
            document(b"x", Some("text/plain; charset=klingon"))
                .text()
                .is_err()
        );
    }
}
