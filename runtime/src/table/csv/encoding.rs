//! [`decoded`]: a text in any encoding, as UTF-8.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

/// No byte of UTF-8: stands for what could not be decoded, so that the row and
/// column that it lies in are named later.
const NO_TEXT: u8 = 0xff;

const CHUNK: usize = 1 << 16;

/// `input`, in `declared` unless its first bytes (a byte order mark) say
/// otherwise, as UTF-8 without the mark; and what it was encoded in.
pub(super) fn decoded(
    mut input: Box<dyn Read + Send>,
    declared: &'static Encoding,
) -> io::Result<(Box<dyn Read + Send>, &'static Encoding)> {
    let mut start = Vec::with_capacity(3);
    (&mut input).take(3).read_to_end(&mut start)?;
    let (encoding, mark) = Encoding::for_bom(&start).unwrap_or((declared, 0));
    let all = io::Cursor::new(start.split_off(mark)).chain(input);
    if encoding == UTF_8 {
        return Ok((Box::new(all), encoding));
    }
    let decoding = Decoding {
        input: all,
        decoder: encoding.new_decoder_without_bom_handling(),
        raw: Vec::new(),
        text: Vec::new(),
        given: 0,
        ended: false,
    };
    Ok((Box::new(decoding), encoding))
}

struct Decoding<R> {
    input: R,
    decoder: Decoder,
    raw: Vec<u8>,
    text: Vec<u8>,
    given: usize,
    ended: bool,
}

impl<R: Read> Decoding<R> {
    fn refill(&mut self) -> io::Result<()> {
        self.raw.clear();
        self.text.clear();
        self.given = 0;
        (&mut self.input)
            .take(CHUNK as u64)
            .read_to_end(&mut self.raw)?;
        self.ended = self.raw.len() < CHUNK;
        let mut from = 0;
        loop {
            let at = self.text.len();
            self.text.resize(at + 3 * CHUNK, 0);
            let raw = &self.raw[from..];
            let (result, n_read, n_written) = self.decoder.decode_to_utf8_without_replacement(
                raw,
                &mut self.text[at..],
                self.ended,
            );
            from += n_read;
            self.text.truncate(at + n_written);
            match result {
                DecoderResult::InputEmpty => return Ok(()),
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => self.text.push(NO_TEXT),
            }
        }
    }
}

impl<R: Read> Read for Decoding<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() && !self.ended {
            self.refill()?;
        }
        let n_given = (&self.text[self.given..]).read(buffer)?;
        self.given += n_given;
        Ok(n_given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], declared: &'static Encoding) -> Vec<u8> {
        let input = Box::new(io::Cursor::new(bytes.to_vec()));
        let mut text = Vec::new();
        decoded(input, declared)
            .unwrap()
            .0
            .read_to_end(&mut text)
            .unwrap();
        text
    }

    #[test]
    fn a_declared_encoding_is_read_and_a_mark_beats_it() {
        let latin = encoding_rs::WINDOWS_1252;
        assert_eq!(read(b"M\xfcller", latin), "Müller".as_bytes());
        assert_eq!(read(b"\xef\xbb\xbfM\xc3\xbc", latin), "Mü".as_bytes());
        assert_eq!(read(b"\xff\xfea\0\xfc\0", UTF_8), "aü".as_bytes());
        assert_eq!(read(b"a", UTF_8), b"a");
        assert_eq!(read(b"", latin), b"");
    }

    #[test]
    fn what_cannot_be_decoded_is_no_text() {
        let text = read(b"a\x81\xffb", encoding_rs::SHIFT_JIS);
        assert!(std::str::from_utf8(&text).is_err());
    }

    #[test]
    fn long_texts_are_whole() {
        let text = "中文x".repeat(100_000);
        let (bytes, ..) = encoding_rs::GBK.encode(&text);
        assert!(read(&bytes, encoding_rs::GBK) == text.as_bytes());
    }
}
