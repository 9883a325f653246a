//! Whether a response says in one way only where it ends.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Version};

/// Whether an HTTP/1 response may be believed (RFC 9112 §6.3). One that may not
/// is no answer, and its connection is not used again: what it left there would
/// be the next client's.
///
/// Stricter than the RFC asks: the same length twice is refused too.
pub(crate) fn is_sound(version: Version, headers: &HeaderMap) -> bool {
    if version >= Version::HTTP_2 {
        return true;
    }
    let (mut length, mut coding) = (None, None);
    for (name, value) in headers {
        let known = match *name {
            CONTENT_LENGTH => &mut length,
            TRANSFER_ENCODING => &mut coding,
            _ => continue,
        };
        if known.replace(value).is_some() {
            return false;
        }
    }
    let digits =
        |value: &HeaderValue| !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit);
    match (length, coding) {
        (None, None) => true,
        (Some(length), None) => digits(length),
        (None, Some(coding)) => {
            coding.as_bytes().eq_ignore_ascii_case(b"chunked") && version == Version::HTTP_11
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
            headers.append(name, HeaderValue::from_static(value));
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
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        assert!(!is_sound(Version::HTTP_10, &headers));
    }
}
