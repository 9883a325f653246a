//! [`Comparator`]: what a body means, one file for each way to write one.
//!
//! A comparator reads; what it reads is compared the same way for all of them,
//! so that two sides that say the same in two formats are the same.

mod bytes;
mod json;

use std::borrow::Cow;
use std::cell::OnceCell;

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
pub(super) static ALL: &[&dyn Comparator] = &[&bytes::Bytes, &json::Json];

/// The one of that name.
pub(super) fn named(name: &str) -> Option<&'static dyn Comparator> {
    ALL.iter().find(|own| own.name() == name).copied()
}

/// The one that reads a media type.
pub(super) fn of(essence: Option<&str>) -> &'static dyn Comparator {
    let reads = |essence: &str| ALL.iter().find(|own| own.reads(essence));
    match essence.and_then(reads) {
        Some(own) => *own,
        None => &bytes::Bytes,
    }
}

/// A body, decompressed, with what its headers say of it.
pub(super) struct Document<'b> {
    pub(super) bytes: &'b [u8],
    /// Its media type, in lower case, without parameters.
    pub(super) essence: Option<String>,
    /// Of its text, as Content-Type names it.
    pub(super) charset: Option<String>,
    text: OnceCell<Option<Cow<'b, str>>>,
}

/// What a body means.
#[derive(Debug)]
pub(super) enum Reading<'a> {
    Node(Node<'a>),
    Bytes(&'a [u8]),
}

/// A body that is not what its headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It breaks the format's rules.
    Broken,
    /// It is nested deeper than what is compared.
    TooDeep,
}

impl Reading<'_> {
    /// As a difference shows it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Reading::Node(_) => "a document",
            Reading::Bytes(_) => "bytes",
        }
    }
}

impl<'b> Document<'b> {
    pub(super) fn new(bytes: &'b [u8], content_type: Option<&str>) -> Document<'b> {
        let mut parts = content_type.unwrap_or_default().split(';');
        let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let charset = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = value.trim().trim_matches('"').to_ascii_lowercase();
            name.trim().eq_ignore_ascii_case("charset").then_some(value)
        });
        Document {
            bytes,
            essence: (!essence.is_empty()).then_some(essence),
            charset,
            text: OnceCell::new(),
        }
    }

    /// Its text; where bytes stand for no character it has none.
    pub(super) fn text(&self) -> Result<&str, Unreadable> {
        let text = self.text.get_or_init(|| {
            let text = std::str::from_utf8(self.bytes).ok()?;
            Some(Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text)))
        });
        text.as_deref().ok_or(Unreadable::Broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for essence in [
            "application/json",
            "application/problem+json",
            "text/html",
            "image/png",
        ] {
            let reading = ALL.iter().filter(|own| own.reads(essence)).count();
            assert!(reading <= 1, "{essence}");
        }
        assert_eq!(of(Some("application/geo+json")).name(), "json");
        assert_eq!(of(Some("application/x-unheard-of")).name(), "bytes");
    }

    #[test]
    fn what_content_type_says() {
        let document = Document::new(b"", Some("Text/HTML ; Charset=\"UTF-8\""));
        assert_eq!(document.essence.as_deref(), Some("text/html"));
        assert_eq!(document.charset.as_deref(), Some("utf-8"));
        assert_eq!(Document::new(b"", Some("")).essence, None);
    }
}
