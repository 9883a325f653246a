//! Whether a response says in one way only where it ends.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Version};

/// Whether an HTTP/1 response may be believed (RFC 9112 §6.3). One that may not
/// is no answer, and its connection is not used again: what it left there would
/// be the next client's.
///
/// Stricter than the RFC asks: the same length twice is refused too.
pub(crate) fn is_sound(version: Version, headers: &HeaderMap) -> bool {
    if version >= Version::HTTP_2 {
        return true;
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let (length, more) = (lengths.next(), lengths.next());
    let digits = |value: &http::HeaderValue| {
        !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit)
    };
    if more.is_some() || !length.is_none_or(digits) {
        return false;
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => {
            let chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
            chunked && length.is_none() && version == Version::HTTP_11
        }
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn sound(fields: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_static(name);
            headers.append(name, http::HeaderValue::from_static(value));
        }
        is_sound(Version::HTTP_11, &headers)
    }

    #[test]
    fn one_length_or_one_chunked_or_neither() {
        let (length, coding) = ("content-length", "transfer-encoding");
        assert!(sound(&[]));
        assert!(sound(&[(length, "3")]));
        assert!(sound(&[(coding, "Chunked")]));
        for fields in [
            &[(length, "3"), (coding, "chunked")][..],
            &[(length, "3"), (length, "3")],
            &[(length, "3, 3")],
            &[(length, "+3")],
            &[(length, "")],
            &[(coding, "gzip, chunked")],
            &[(coding, "identity")],
            &[(coding, "chunked"), (coding, "chunked")],
        ] {
            assert!(!sound(fields), "{fields:?}");
        }
    }

    #[test]
    fn an_old_response_is_not_chunked() {
        let mut headers = HeaderMap::new();
        headers.insert(TRANSFER_ENCODING, http::HeaderValue::from_static("chunked"));
        assert!(!is_sound(Version::HTTP_10, &headers));
    }
}
