//! Source text as CPython's tokenizer sees it, and places in it.

use std::borrow::Cow;

use tree_sitter::Node;

/// `text` without a byte order mark and with `\n` as the only line end.
pub(super) fn normalised(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Lines and columns of nodes, in characters from 1.
pub(super) struct Places<'t> {
    text: &'t str,
    ascii: bool,
    /// Byte offset and column of the last answer: in a long line the next one
    /// is counted from here, forwards or backwards.
    last: (usize, u32),
    last_line: u32,
}

impl<'t> Places<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Places {
            text,
            ascii: text.is_ascii(),
            last: (0, 1),
            last_line: 1,
        }
    }

    /// Line and column of the start of `node`.
    pub(super) fn of(&mut self, node: Node<'_>) -> (u32, u32) {
        let start = node.start_position();
        let line = start.row as u32 + 1;
        if self.ascii {
            return (line, start.column as u32 + 1);
        }
        let byte = node.start_byte();
        let line_start = byte - start.column;
        let chars = |from, to| self.text.get(from..to).unwrap_or_default().chars().count() as u32;
        let column = match self.last {
            (last, column) if self.last_line == line && last >= byte => column - chars(byte, last),
            (last, column) if self.last_line == line => column + chars(last, byte),
            // Another line: what is known of the last one says nothing.
            _ => 1 + chars(line_start, byte),
        };
        self.last = (byte, column);
        self.last_line = line;
        (line, column)
    }
}

/// A docstring without its indentation, as `inspect.cleandoc` gives it.
pub(super) fn cleaned(doc: &str) -> String {
    let doc = expanded_tabs(doc);
    let mut lines = doc.split('\n');
    let first = lines.next().unwrap_or_default().trim_start();
    let rest: Vec<&str> = lines.collect();
    let indent = |line: &&str| line.chars().take_while(|c| c.is_whitespace()).count();
    let is_blank = |line: &&str| line.trim_start().is_empty();
    let margin = rest.iter().filter(|line| !is_blank(line)).map(indent).min();
    let dedented = rest.iter().map(|line| {
        let mut chars = line.chars();
        chars.by_ref().take(margin.unwrap_or(0)).for_each(drop);
        chars.as_str()
    });
    let cleaned: Vec<&str> = std::iter::once(first).chain(dedented).collect();
    let start = cleaned.iter().position(|line| !line.is_empty());
    let end = cleaned.iter().rposition(|line| !line.is_empty());
    match (start, end) {
        (Some(start), Some(end)) => cleaned[start..=end].join("\n"),
        _ => String::new(),
    }
}

/// `text` with each tab as spaces up to the next multiple of eight columns.
fn expanded_tabs(text: &str) -> Cow<'_, str> {
    if !text.contains('\t') {
        return Cow::Borrowed(text);
    }
    let mut expanded = String::with_capacity(text.len());
    let mut column = 0;
    for c in text.chars() {
        let width = if c == '\t' { 8 - column % 8 } else { 1 };
        match c {
            '\t' => expanded.extend(std::iter::repeat_n(' ', width)),
            _ => expanded.push(c),
        }
        column = if c == '\n' { 0 } else { column + width };
    }
    Cow::Owned(expanded)
}

/// The value of the contents of a string literal that is not raw.
///
/// `\N{…}` stays as written: the names would be a larger table than the rest
/// of this crate.
pub(super) fn unescaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        value.push_str(&rest[..at]);
        rest = escape(&rest[at + 1..], &mut value);
    }
    value.push_str(rest);
    value
}

/// Decodes the escape whose backslash stood before `rest`; gives what follows.
fn escape<'r>(rest: &'r str, value: &mut String) -> &'r str {
    let Some(first) = rest.chars().next() else {
        value.push('\\');
        return rest;
    };
    let after = &rest[first.len_utf8()..];
    let digits = match first {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        '0'..='7' => return octal(rest, value),
        '\n' => return after,
        _ => {
            match simple_escape(first) {
                Some(decoded) => value.push(decoded),
                None => value.extend(['\\', first]),
            }
            return after;
        }
    };
    let code = after
        .get(..digits)
        .map(|code| u32::from_str_radix(code, 16));
    match code {
        Some(Ok(code)) => {
            value.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            &after[digits..]
        }
        _ => {
            value.extend(['\\', first]);
            after
        }
    }
}

fn octal<'r>(rest: &'r str, value: &mut String) -> &'r str {
    let n_digits = rest
        .bytes()
        .take(3)
        .take_while(|digit| matches!(digit, b'0'..=b'7'))
        .count();
    let (digits, after) = rest.split_at(n_digits);
    let code = u32::from_str_radix(digits, 8).ok().and_then(char::from_u32);
    value.extend(code);
    after
}

fn simple_escape(name: char) -> Option<char> {
    Some(match name {
        '\\' | '\'' | '"' => name,
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        _ => return None,
    })
}
