//! Bytes to text, as the languages define it.

use super::SkipReason;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Text of a file that must be UTF-8.
pub(super) fn utf8(mut bytes: Vec<u8>) -> Result<String, SkipReason> {
    if bytes.contains(&0) {
        return Err(SkipReason::Binary);
    }
    if bytes.starts_with(BOM) {
        bytes.drain(..BOM.len());
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..good]);
        let last_line = before.rsplit('\n').next().unwrap_or_default();
        SkipReason::NotUtf8 {
            line: before.matches('\n').count() as u32 + 1,
            column: last_line.chars().count() as u32 + 1,
        }
    })
}

/// Text of a Python file: UTF-8 unless a coding cookie (PEP 263) says
/// otherwise.
pub(super) fn python(bytes: Vec<u8>) -> Result<String, SkipReason> {
    if bytes.contains(&0) {
        return Err(SkipReason::Binary);
    }
    let Some(cookie) = cookie(&bytes) else {
        return utf8(bytes);
    };
    match cookie.to_ascii_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" | "utf-8-sig" | "u8" | "ascii" | "us-ascii" => utf8(bytes),
        "latin-1" | "latin1" | "latin" | "l1" | "iso-8859-1" | "iso8859-1" | "iso-latin-1" => {
            Ok(bytes.into_iter().map(char::from).collect())
        }
        "cp1252" | "windows-1252" | "1252" => Ok(bytes.into_iter().map(cp1252).collect()),
        // An ASCII file is the same text in any encoding a cookie can name.
        _ if bytes.is_ascii() => utf8(bytes),
        _ => Err(SkipReason::UnknownEncoding {
            encoding: cookie.into(),
        }),
    }
}

/// The encoding named in a comment on one of the first two lines.
fn cookie(bytes: &[u8]) -> Option<String> {
    let mut lines = bytes
        .strip_prefix(BOM)
        .unwrap_or(bytes)
        .split(|&byte| byte == b'\n');
    for line in lines.by_ref().take(2) {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if line[0] != b'#' {
            return None;
        }
        if let Some(name) = named_encoding(&String::from_utf8_lossy(line)) {
            return Some(name);
        }
    }
    None
}

/// `coding[:=]\s*([-\w.]+)`
fn named_encoding(comment: &str) -> Option<String> {
    comment.match_indices("coding").find_map(|(at, word)| {
        let rest = comment[at + word.len()..].strip_prefix([':', '='])?;
        let name: String = rest
            .trim_start_matches([' ', '\t'])
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
            .collect();
        (!name.is_empty()).then_some(name)
    })
}

fn cp1252(byte: u8) -> char {
    /// 0x80 to 0x9f; the five bytes without a meaning stay what they are.
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expect: &str) {
        let text = python(bytes.to_vec()).unwrap_or_else(|reason| reason.to_string());
        assert_eq!(text, expect);
    }

    #[test]
    fn a_coding_cookie_is_honoured() {
        check(b"# coding: latin-1\nx='\xe9'", "# coding: latin-1\nx='é'");
        check(
            b"#!/usr/bin/python\n# -*- coding: ISO_8859-1 -*-\n#\xe9",
            "#!/usr/bin/python\n# -*- coding: ISO_8859-1 -*-\n#é",
        );
        check(
            b"# vim: set fileencoding=cp1252 :\n#\x80",
            "# vim: set fileencoding=cp1252 :\n#€",
        );
        check(b"# coding: koi8-r\nx = 1", "# coding: koi8-r\nx = 1");
    }

    #[test]
    fn what_is_no_cookie_is_not_honoured() {
        let reason = "is not UTF-8 at 2:2, and no coding comment says what it is";
        check(b"x = 'coding: latin-1'\n#\xe9", reason);
        check(b"# encoding latin-1\n#\xe9", reason);
        check(
            b"\n\n# coding: latin-1\n#\xe9",
            "is not UTF-8 at 4:2, and no coding comment says what it is",
        );
    }

    #[test]
    fn other_bytes_are_refused() {
        check(b"x\0y", "is binary");
        check(
            b"# coding: koi8-r\n#\xe9",
            "is in koi8-r, which is not read here; save it as UTF-8",
        );
    }

    #[test]
    fn a_byte_order_mark_is_dropped() {
        check(b"\xef\xbb\xbfx = 1", "x = 1");
    }
}
