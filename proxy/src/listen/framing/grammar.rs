//! The lines of an HTTP/1 message, as RFC 9112 spells them and not looser.

use http::Uri;

use crate::refuse::Refusal;

type Checked<T> = Result<T, Refusal>;

/// A hexadecimal number of more digits is absurd as a size.
const MOST_SIZE_DIGITS: usize = 15;
/// Fields that say where a message ends or whom it is for: a recipient that
/// merges trailers into the head would be told twice (RFC 9110 §6.5.1).
const NOT_IN_TRAILERS: [&[u8]; 10] = [
    b"authorization",
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"cookie",
    b"host",
    b"te",
    b"trailer",
    b"transfer-encoding",
];

/// What a request line says of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http10,
    Http11,
}

/// What a field says of its message's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Length(u64),
    Chunked,
    Upgrade,
    Other,
}

/// `method SP request-target SP HTTP-version`
pub(super) fn request_line(line: &[u8]) -> Checked<Version> {
    let Some((method, (target, version))) =
        word(line).and_then(|(method, rest)| Some((method, word(rest)?)))
    else {
        return Err(Refusal::RequestLine);
    };
    if !is_token(method) {
        return Err(Refusal::RequestLine);
    }
    let version = match version {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            return Err(Refusal::Version);
        }
        _ => return Err(Refusal::RequestLine),
    };
    match method {
        // The bytes after an answer to it would be no HTTP.
        b"CONNECT" => return Err(Refusal::Connect),
        _ if !is_target(target) => return Err(Refusal::Target),
        _ => {}
    }
    Ok(version)
}

/// What stands before the first space, and behind it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (word, rest) = text.split_at(memchr::memchr(b' ', text)?);
    Some((word, &rest[1..]))
}

fn is_target(target: &[u8]) -> bool {
    match target {
        [b'/', ..] => {
            let query = memchr::memchr(b'?', target).unwrap_or(target.len());
            let (path, query) = target.split_at(query);
            path.iter().all(|byte| PATH[usize::from(*byte)])
                && query.iter().all(|byte| QUERY[usize::from(*byte)])
        }
        b"*" => true,
        // The URI library would drop it.
        _ if memchr::memchr(b'#', target).is_some() => false,
        _ => Uri::try_from(target)
            .is_ok_and(|uri| uri.scheme().is_some() && uri.authority().is_some()),
    }
}

/// `field-name ":" OWS field-value OWS`
pub(super) fn field(line: &[u8], version: Version) -> Checked<Field> {
    let (name, value) = name_and_value(line)?;
    Ok(match name.len() {
        7 if name.eq_ignore_ascii_case(b"upgrade") => Field::Upgrade,
        14 if name.eq_ignore_ascii_case(b"content-length") => Field::Length(length(value)?),
        17 if name.eq_ignore_ascii_case(b"transfer-encoding") => coding(value, version)?,
        _ => Field::Other,
    })
}

/// A field after a chunked body.
pub(super) fn trailer(line: &[u8]) -> Checked<()> {
    let (name, _) = name_and_value(line)?;
    let is = |known: &&[u8]| name.eq_ignore_ascii_case(known);
    match NOT_IN_TRAILERS.iter().any(is) {
        true => Err(Refusal::Trailer),
        false => Ok(()),
    }
}

fn name_and_value(line: &[u8]) -> Checked<(&[u8], &[u8])> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(Refusal::Folded);
    }
    let is_in_name = |byte: &u8| TOKEN[usize::from(*byte)];
    let end = line.iter().position(|byte| !is_in_name(byte));
    let Some((name, [b':', value @ ..])) = end.map(|end| line.split_at(end)) else {
        return Err(Refusal::FieldName);
    };
    if name.is_empty() {
        return Err(Refusal::FieldName);
    }
    // No early end: that is what makes it fast.
    let fits = value
        .iter()
        .fold(true, |fits, byte| fits & is_in_value(*byte));
    match fits {
        true => Ok((name, trimmed(value))),
        false => Err(Refusal::FieldValue),
    }
}

fn length(value: &[u8]) -> Checked<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| digits);
    let number = text.and_then(|text| text.parse::<i64>().ok());
    number.map(i64::unsigned_abs).ok_or(Refusal::Length)
}

fn coding(value: &[u8], version: Version) -> Checked<Field> {
    if version == Version::Http10 {
        return Err(Refusal::OldCoding);
    }
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(Field::Chunked);
    }
    let mut codings = value.rsplit(|byte| *byte == b',').map(trimmed);
    let ends_chunked = codings
        .next()
        .is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"));
    let more = |coding: &[u8]| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"chunked");
    match ends_chunked && codings.all(more) {
        // Well said, and not known here.
        true => Err(Refusal::TransferCoding),
        // Where such a message ends is anyone's guess.
        false => Err(Refusal::Unending),
    }
}

/// `chunk-size [ chunk-ext ]`: the size.
pub(super) fn chunk_size(line: &[u8]) -> Checked<u64> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit());
    let digits = digits.count();
    if digits == 0 || digits > MOST_SIZE_DIGITS || !is_extension(&line[digits..]) {
        return Err(Refusal::Chunk);
    }
    let text = std::str::from_utf8(&line[..digits]).map_err(|_| Refusal::Chunk)?;
    u64::from_str_radix(text, 16).map_err(|_| Refusal::Chunk)
}

/// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`
fn is_extension(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        let Some(after) = trimmed_start(rest).strip_prefix(b";") else {
            return false;
        };
        let Some(after) = after_token(trimmed_start(after)) else {
            return false;
        };
        rest = match trimmed_start(after).strip_prefix(b"=") {
            None => after,
            Some(value) => {
                let value = trimmed_start(value);
                match value.strip_prefix(b"\"").map(after_quoted) {
                    Some(Some(after)) => after,
                    Some(None) => return false,
                    None => match after_token(value) {
                        Some(after) => after,
                        None => return false,
                    },
                }
            }
        };
    }
    true
}

fn after_token(bytes: &[u8]) -> Option<&[u8]> {
    let n = bytes
        .iter()
        .take_while(|byte| TOKEN[usize::from(**byte)])
        .count();
    (n > 0).then(|| &bytes[n..])
}

/// What follows the closing quote.
fn after_quoted(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(&bytes[at + 1..]),
            b'\\' if is_in_value(*bytes.get(at + 1)?) => at += 2,
            byte if is_in_value(*byte) && *byte != b'\\' => at += 1,
            _ => return None,
        }
    }
}

fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| TOKEN[usize::from(*byte)])
}

fn is_in_value(byte: u8) -> bool {
    (byte >= 0x20 || byte == b'\t') && byte != 0x7f
}

fn trimmed(mut bytes: &[u8]) -> &[u8] {
    bytes = trimmed_start(bytes);
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

fn trimmed_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// `tchar` (RFC 9110 §5.6.2).
const TOKEN: [bool; 256] = table(b"!#$%&'*+-.^_`|~");
/// What may stand in a request's target: what the URI library takes, which is
/// more than RFC 3986 has, and no `#`.
const PATH: [bool; 256] = table(b"!\"$%&'()*+,-./:;=@[\\]^_{|}~");
const QUERY: [bool; 256] = table(b"!$%&'()*+,-./:;=?@[\\]^_`{|}~");

const fn table(marks: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = true;
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_line_has_three_parts_and_two_spaces() {
        let line = |text: &str| request_line(text.as_bytes());
        assert_eq!(line("GET / HTTP/1.1"), Ok(Version::Http11));
        assert_eq!(line("GET /a?b=%20 HTTP/1.0"), Ok(Version::Http10));
        assert_eq!(line("OPTIONS * HTTP/1.1"), Ok(Version::Http11));
        assert_eq!(line("GET http://a/b HTTP/1.1"), Ok(Version::Http11));
        for text in [
            "",
            "GET /",
            "GET  / HTTP/1.1",
            "GET / HTTP/1.1 ",
            "G(T / HTTP/1.1",
        ] {
            assert_eq!(line(text), Err(Refusal::RequestLine), "{text}");
        }
        for text in ["GET / http/1.1", "GET / HTTP/1.10", "GET /\tHTTP/1.1 x"] {
            assert_eq!(line(text), Err(Refusal::RequestLine), "{text}");
        }
        for text in ["GET / HTTP/2.0", "GET / HTTP/1.2", "GET / HTTP/0.9"] {
            assert_eq!(line(text), Err(Refusal::Version), "{text}");
        }
        for text in ["GET a HTTP/1.1", "GET /#a HTTP/1.1", "GET /\u{e9} HTTP/1.1"] {
            assert_eq!(line(text), Err(Refusal::Target), "{text}");
        }
        assert_eq!(line("CONNECT a:1 HTTP/1.1"), Err(Refusal::Connect));
    }

    #[test]
    fn a_target_is_what_the_uri_library_takes() {
        for byte in (0..=255_u8).filter(|byte| *byte != b'#') {
            for before in [&b"/a"[..], b"/a?b", b"http://a/b?c"] {
                let target = [before, &[byte], b"z"].concat();
                let expected = byte.is_ascii() && Uri::try_from(&*target).is_ok();
                assert_eq!(
                    is_target(&target) && byte.is_ascii(),
                    expected,
                    "{target:?}"
                );
            }
        }
    }

    #[test]
    fn a_length_is_digits() {
        let length = |value: &str| {
            field(
                format!("Content-Length:{value}").as_bytes(),
                Version::Http11,
            )
        };
        assert_eq!(length(" 12 "), Ok(Field::Length(12)));
        assert_eq!(length("\t0"), Ok(Field::Length(0)));
        for value in [
            "",
            " ",
            "+1",
            "-1",
            "1, 1",
            "0x1",
            "1 1",
            "9223372036854775808",
        ] {
            assert_eq!(length(value), Err(Refusal::Length), "{value}");
        }
    }

    #[test]
    fn the_only_coding_is_one_chunked() {
        let coding =
            |value: &str, version| field(format!("Transfer-Encoding: {value}").as_bytes(), version);
        let of = |value| coding(value, Version::Http11);
        assert_eq!(of("Chunked"), Ok(Field::Chunked));
        assert_eq!(of("gzip, chunked"), Err(Refusal::TransferCoding));
        for value in [
            "",
            "identity",
            "chunked, chunked",
            "chunked, gzip",
            "xchunked",
            "chunked;a",
        ] {
            assert_eq!(of(value), Err(Refusal::Unending), "{value}");
        }
        assert_eq!(coding("chunked", Version::Http10), Err(Refusal::OldCoding));
    }

    #[test]
    fn a_name_is_a_token_right_before_its_colon() {
        let of = |line: &[u8]| field(line, Version::Http11);
        assert_eq!(of(b"a:"), Ok(Field::Other));
        assert_eq!(of(b"a: \xff\t\"x\""), Ok(Field::Other));
        assert_eq!(of(b" a: b"), Err(Refusal::Folded));
        for line in [
            &b"a : b"[..],
            b"a",
            b": b",
            b"a b: c",
            b"\xc3: x",
            b"a\0: b",
        ] {
            assert_eq!(of(line), Err(Refusal::FieldName), "{line:?}");
        }
        for line in [&b"a: \0"[..], b"a: b\x7f", b"a: \x01"] {
            assert_eq!(of(line), Err(Refusal::FieldValue), "{line:?}");
        }
    }

    #[test]
    fn a_chunk_has_a_size_and_extensions_that_are_ones() {
        let size = |line: &str| chunk_size(line.as_bytes()).ok();
        for (line, n) in [
            ("5", 5),
            ("0000a", 10),
            ("FF;a", 255),
            ("1;a=b;c=\"d;\\\" e\"", 1),
            ("1 ; a = b", 1),
        ] {
            assert_eq!(size(line), Some(n), "{line}");
        }
        for line in [
            "",
            " 5",
            "5 ",
            "-1",
            "+1",
            "0x5",
            "5g",
            "5;",
            "5;;",
            "5;a=",
            "5;a=\"",
            "5;a=\"b\"c",
            "5 a",
            "5,5",
            "1234567890123456",
            "5;a=\"\u{1}\"",
        ] {
            assert_eq!(size(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_trailer_says_nothing_of_framing() {
        assert_eq!(trailer(b"grpc-status: 0"), Ok(()));
        assert_eq!(trailer(b"Content-Length: 0"), Err(Refusal::Trailer));
        assert_eq!(trailer(b"HOST: a"), Err(Refusal::Trailer));
    }
}
