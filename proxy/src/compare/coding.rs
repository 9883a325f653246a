//! Bodies decompressed, for comparison only and within a bound.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// More codings on top of one another than any service uses.
const MOST_CODINGS: usize = 4;

/// What a decoder may keep to look back at: the most that a sender may count on
/// in HTTP (RFC 9659).
const ZSTD_WINDOW: u64 = 8 << 20;

/// Why a body cannot be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undecoded {
    /// One of its codings is not known.
    Unknown,
    /// It is longer than the bound.
    TooLong,
    /// It is not what Content-Encoding says.
    Broken,
}

/// The codings of a body, in the order in which they were put on it; without
/// those that do nothing.
pub(super) fn codings(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(CONTENT_ENCODING).iter();
    let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let mut codings = Vec::new();
    for value in values {
        let names = value
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase());
        codings.extend(names.filter(|name| !name.is_empty() && name != "identity"));
    }
    codings
}

/// A body without its codings (RFC 9110 §8.4.1: gzip, deflate; RFC 7932: br;
/// RFC 8878: zstd), `most` bytes long at most after each of them.
pub(super) fn decoded<'b>(
    body: &'b [u8],
    codings: &[String],
    most: usize,
) -> Result<Cow<'b, [u8]>, Undecoded> {
    if codings.len() > MOST_CODINGS {
        return Err(Undecoded::Unknown);
    }
    let mut body = Cow::Borrowed(body);
    // A response without a body, as one to HEAD, has no coding either.
    if body.is_empty() {
        return Ok(body);
    }
    for coding in codings.iter().rev() {
        body = Cow::Owned(without(coding, &body, most)?);
    }
    Ok(body)
}

pub(super) fn without(coding: &str, body: &[u8], most: usize) -> Result<Vec<u8>, Undecoded> {
    match coding {
        "gzip" | "x-gzip" => all(MultiGzDecoder::new(body), most),
        // The name means zlib's format; some send deflate's own.
        "deflate" => match all(ZlibDecoder::new(body), most) {
            Err(Undecoded::Broken) => all(DeflateDecoder::new(body), most),
            decoded => decoded,
        },
        "br" => all(brotli_decompressor::Decompressor::new(body, 4096), most),
        "zstd" => zstd(body, most),
        _ => Err(Undecoded::Unknown),
    }
}

fn all(decoder: impl Read, most: usize) -> Result<Vec<u8>, Undecoded> {
    let mut decoded = Vec::new();
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    decoder
        .take(bound)
        .read_to_end(&mut decoded)
        .map_err(|_| Undecoded::Broken)?;
    match decoded.len() > most {
        true => Err(Undecoded::TooLong),
        false => Ok(decoded),
    }
}

/// Of zstd there may be several frames, some of which are to be skipped.
fn zstd(mut body: &[u8], most: usize) -> Result<Vec<u8>, Undecoded> {
    let mut decoded = Vec::new();
    while !body.is_empty() {
        if let [magic, 0x2a, 0x4d, 0x18, a, b, c, d, rest @ ..] = body
            && magic & 0xf0 == 0x50
        {
            let skip = usize::try_from(u32::from_le_bytes([*a, *b, *c, *d]));
            body = skip
                .ok()
                .and_then(|skip| rest.get(skip..))
                .ok_or(Undecoded::Broken)?;
            continue;
        }
        let decoder =
            ruzstd::decoding::StreamingDecoder::new_with_max_window_size(&mut body, ZSTD_WINDOW)
                .map_err(|_| Undecoded::Broken)?;
        decoded.extend(all(decoder, most - decoded.len())?);
    }
    Ok(decoded)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    pub(in crate::compare) fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(body: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(body: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn zstandard(body: &[u8]) -> Vec<u8> {
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        ruzstd::encoding::compress_to_vec(body, level)
    }

    fn decode(codings: &[&str], body: &[u8]) -> Result<Vec<u8>, Undecoded> {
        let codings: Vec<_> = codings.iter().map(|coding| (*coding).to_owned()).collect();
        decoded(body, &codings, 1 << 16).map(Cow::into_owned)
    }

    /// `{"score": 0.5}` as the reference encoder of RFC 7932 writes it.
    const BROTLI: &[u8] = b"\x8b\x06\x80{\"score\": 0.5}\x03";

    #[test]
    fn every_coding_is_undone() {
        let text = b"{\"score\": 0.5}".repeat(100);
        assert_eq!(decode(&["gzip"], &gzip(&text)).unwrap(), text);
        assert_eq!(
            decode(&["x-gzip"], &[gzip(&text), gzip(b"!")].concat())
                .unwrap()
                .len(),
            1_501 - 100
        );
        assert_eq!(decode(&["deflate"], &zlib(&text)).unwrap(), text);
        assert_eq!(decode(&["deflate"], &deflate(&text)).unwrap(), text);
        assert_eq!(decode(&["zstd"], &zstandard(&text)).unwrap(), text);
        let skipped = [
            b"\x50\x2a\x4d\x18\x02\0\0\0ab".as_slice(),
            &zstandard(&text),
        ]
        .concat();
        assert_eq!(decode(&["zstd"], &skipped).unwrap(), text);
        assert_eq!(decode(&["br"], BROTLI).unwrap(), b"{\"score\": 0.5}");
        assert_eq!(
            decode(&["deflate", "gzip"], &gzip(&zlib(&text))).unwrap(),
            text
        );
        assert_eq!(decode(&["gzip"], b"").unwrap(), b"");
        assert_eq!(decode(&[], b"x").unwrap(), b"x");
    }

    #[test]
    fn what_cannot_be_undone() {
        assert_eq!(decode(&["compress"], b"x"), Err(Undecoded::Unknown));
        assert_eq!(decode(&["gzip"; 9], b"x"), Err(Undecoded::Unknown));
        for coding in ["gzip", "deflate", "br", "zstd"] {
            assert_eq!(
                decode(&[coding], b"{\"score\": 0.5}"),
                Err(Undecoded::Broken),
                "{coding}"
            );
        }
        let cut = gzip(b"{\"score\": 0.5}");
        assert_eq!(
            decode(&["gzip"], &cut[..cut.len() - 4]),
            Err(Undecoded::Broken)
        );
    }

    #[test]
    fn a_small_body_that_becomes_a_large_one_is_left() {
        let zeros = vec![0; 64 << 20];
        for (coding, body) in [
            ("gzip", gzip(&zeros)),
            ("deflate", zlib(&zeros)),
            ("zstd", zstandard(&zeros)),
        ] {
            assert_eq!(
                decode(&[coding], &body),
                Err(Undecoded::TooLong),
                "{coding}"
            );
        }
        let twice = gzip(&gzip(&zeros));
        assert_eq!(decode(&["gzip", "gzip"], &twice), Err(Undecoded::TooLong));
        // A window of 2 GiB.
        let window = b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00";
        assert_eq!(decode(&["zstd"], window), Err(Undecoded::Broken));
    }

    #[test]
    fn codings_are_read_from_all_lines() {
        let mut headers = HeaderMap::new();
        headers.append(CONTENT_ENCODING, HeaderValue::from_static("GZIP, identity"));
        headers.append(CONTENT_ENCODING, HeaderValue::from_static(" br,"));
        assert_eq!(codings(&headers), ["gzip", "br"]);
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(bytes in prop::collection::vec(any::<u8>(), 0..200), coding in prop::sample::select(vec!["gzip", "deflate", "br", "zstd"])) {
            if let Ok(decoded) = decode(&[coding], &bytes) {
                prop_assert!(decoded.len() <= 1 << 16);
            }
        }
    }
}
