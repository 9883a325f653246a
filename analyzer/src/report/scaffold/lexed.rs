//! What of a Python text is neither code nor text of the code's: comments, bytes.

use std::ops::Range;

/// A comment, from its `#` on, or what stands between the quotes of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) at: Range<usize>,
    pub(super) is_comment: bool,
}

/// All of `text`, in order.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'#' => {
                let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
                found.push(Piece {
                    at: at..end,
                    is_comment: true,
                });
                at = end;
            }
            b'"' | b'\'' => {
                let (inside, end) = literal(text, at);
                if prefix(text, at).contains(['b', 'B']) {
                    found.push(Piece {
                        at: inside,
                        is_comment: false,
                    });
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    found
}

/// What stands in the quotes that open at `from`, and where they are closed.
fn literal(text: &str, from: usize) -> (Range<usize>, usize) {
    let rest = &text[from..];
    let is_long = rest.starts_with("\"\"\"") || rest.starts_with("'''");
    let mark = if is_long { &rest[..3] } else { &rest[..1] };
    let start = from + mark.len();
    let bytes = text.as_bytes();
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'\n' if !is_long => return (start..at, at),
            _ if bytes[at..].starts_with(mark.as_bytes()) => {
                return (start..at, at + mark.len());
            }
            _ => at += 1,
        }
    }
    (start..text.len(), text.len())
}

/// The letters before a quote that say what the literal is.
fn prefix(text: &str, quote: usize) -> &str {
    let before = text[..quote].trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
    let letters = &text[before.len()..quote];
    if letters.len() <= 2 { letters } else { "" }
}

/// The text with its coding cookie saying UTF-8, as which it is written.
pub(super) fn in_utf8(text: &str) -> String {
    let mut start = 0;
    for line in text.split_inclusive('\n').take(2) {
        if let Some(named) = cookie(line) {
            let at = start + named.start..start + named.end;
            return format!("{}utf-8{}", &text[..at.start], &text[at.end..]);
        }
        start += line.len();
    }
    text.to_owned()
}

/// Where in a line the encoding is named, as PEP 263 has it.
fn cookie(line: &str) -> Option<Range<usize>> {
    if !line.trim_start().starts_with('#') {
        return None;
    }
    let mut says = line
        .match_indices("coding")
        .map(|(at, word)| at + word.len());
    says.find_map(|at| {
        let behind = line[at..].strip_prefix([':', '='])?;
        let named = behind.trim_start_matches([' ', '\t']);
        let start = line.len() - named.len();
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let end = named.find(|c: char| !is_name(c)).unwrap_or(named.len());
        (end > 0).then_some(start..start + end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_bytes_are_found_and_no_texts() {
        let text = "a = '#no' # one\nb = b\"x#\\\"y\"\nc = '''\n# no\n'''  # two\nd = Rb'z'";
        let found: Vec<&str> = pieces(text)
            .into_iter()
            .map(|piece| &text[piece.at])
            .collect();
        assert_eq!(found, ["# one", "x#\\\"y", "# two", "z"]);
        assert!(pieces("'never ends").is_empty());
        assert!(pieces("'\\").is_empty());
    }

    #[test]
    fn a_copy_says_the_encoding_that_it_has() {
        let text = "#!/usr/bin/python\n# -*- coding: latin-1 -*-\nx = 1\n";
        assert!(in_utf8(text).starts_with("#!/usr/bin/python\n# -*- coding: utf-8 -*-\nx"));
        assert_eq!(
            in_utf8("# vim: fileencoding=cp1252"),
            "# vim: fileencoding=utf-8"
        );
        for same in ["x = 'coding: latin-1'\n", "\n\n# coding: latin-1\n", ""] {
            assert_eq!(in_utf8(same), same);
        }
    }
}
