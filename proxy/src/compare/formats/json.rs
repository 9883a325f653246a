//! JSON by its meaning (RFC 8259), as services really write it.
//!
//! Beside what the RFC allows, `NaN`, `Infinity` and `-Infinity` are read, which
//! Python's `json.dumps` writes for such floats. Of several members of one
//! name the last counts, as for Python, JavaScript and serde. Numbers are kept
//! as they are written, whatever their size.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{Comparator, Document, Reading, Unreadable};
use crate::compare::node::{MOST_DEEP, Node};
use crate::compare::rules::Rules;

pub(super) struct Json;

impl Comparator for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn reads(&self, essence: &str) -> bool {
        matches!(
            essence,
            "application/json" | "text/json" | "application/x-json"
        ) || essence.ends_with("+json")
    }

    fn read<'a>(&self, document: &'a Document<'_>, _: &Rules) -> Result<Reading<'a>, Unreadable> {
        parse(document.text()?).map(Reading::Node)
    }
}

/// Reads one document.
pub(crate) fn parse(text: &str) -> Result<Node<'_>, Unreadable> {
    let mut parser = Parser { text, at: 0 };
    let node = parser.value(0)?;
    parser.blank();
    match parser.at == text.len() {
        true => Ok(node),
        false => Err(Unreadable::Broken),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

/// More members are looked up in a set.
const FEW: usize = 16;

impl<'a> Parser<'a> {
    fn blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over `b`, if it is next behind white space.
    fn took(&mut self, b: u8) -> bool {
        self.blank();
        let is = self.peek() == Some(b);
        self.at += usize::from(is);
        is
    }

    fn word(&mut self, word: &str, node: Node<'a>) -> Result<Node<'a>, Unreadable> {
        match self.text[self.at..].starts_with(word) {
            true => {
                self.at += word.len();
                Ok(node)
            }
            false => Err(Unreadable::Broken),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, Unreadable> {
        self.blank();
        match self.peek().ok_or(Unreadable::Broken)? {
            b'{' => self.object(depth + 1),
            b'[' => self.array(depth + 1),
            b'"' => self.string().map(Node::Text),
            b'n' => self.word("null", Node::Null),
            b't' => self.word("true", Node::Bool(true)),
            b'f' => self.word("false", Node::Bool(false)),
            b'N' => self.word("NaN", Node::Number("NaN".into())),
            b'I' => self.word("Infinity", Node::Number("Infinity".into())),
            b'-' if self.text[self.at..].starts_with("-I") => {
                self.word("-Infinity", Node::Number("-Infinity".into()))
            }
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(Unreadable::Broken),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Node<'a>, Unreadable> {
        deep(depth)?;
        self.at += 1;
        let mut items = Vec::new();
        if self.took(b']') {
            return Ok(Node::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.took(b']') {
                return Ok(Node::Array(items));
            }
            if !self.took(b',') {
                return Err(Unreadable::Broken);
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node<'a>, Unreadable> {
        deep(depth)?;
        self.at += 1;
        let mut members = Vec::new();
        if self.took(b'}') {
            return Ok(Node::Object(members));
        }
        loop {
            self.blank();
            if self.peek() != Some(b'"') {
                return Err(Unreadable::Broken);
            }
            let name = self.string()?;
            if !self.took(b':') {
                return Err(Unreadable::Broken);
            }
            members.push((name, self.value(depth)?));
            if self.took(b'}') {
                return Ok(Node::Object(last_of_each(members)));
            }
            if !self.took(b',') {
                return Err(Unreadable::Broken);
            }
        }
    }

    fn number(&mut self) -> Result<Node<'a>, Unreadable> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Node::Number(Cow::Borrowed(&self.text[start..self.at])))
    }

    fn digits(&mut self) -> Result<(), Unreadable> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        match self.at > start {
            true => Ok(()),
            false => Err(Unreadable::Broken),
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Unreadable> {
        self.at += 1;
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let special = |b: &u8| matches!(*b, b'"' | b'\\' | 0..=0x1f);
        let end = start + rest.iter().position(special).ok_or(Unreadable::Broken)?;
        self.at = end;
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(&self.text[start..end]));
        }
        let mut string = self.text[start..end].to_owned();
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let until = rest.iter().position(special).ok_or(Unreadable::Broken)?;
            string.push_str(&self.text[self.at..self.at + until]);
            self.at += until + 1;
            match rest[until] {
                b'"' => return Ok(Cow::Owned(string)),
                b'\\' => self.escape(&mut string)?,
                _ => return Err(Unreadable::Broken),
            }
        }
    }

    fn escape(&mut self, string: &mut String) -> Result<(), Unreadable> {
        let escaped = self.peek().ok_or(Unreadable::Broken)?;
        self.at += 1;
        string.push(match escaped {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(string),
            _ => return Err(Unreadable::Broken),
        });
        Ok(())
    }

    fn unicode(&mut self, string: &mut String) -> Result<(), Unreadable> {
        let unit = self.hex()?;
        let low = |parser: &mut Parser<'a>| {
            let before = parser.at;
            if parser.text[parser.at..].starts_with("\\u") {
                parser.at += 2;
                if let Ok(low @ 0xdc00..=0xdfff) = parser.hex() {
                    return Some(low);
                }
            }
            parser.at = before;
            None
        };
        if let 0xd800..=0xdbff = unit
            && let Some(low) = low(self)
        {
            let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            string.extend(char::from_u32(code));
            return Ok(());
        }
        match char::from_u32(unit) {
            Some(c) => string.push(c),
            // Half a pair is no character, but Python writes it: it stays
            // apart from every other one.
            None => {
                string.push('\u{fffd}');
                string.push_str(&format!("\\u{unit:04x}"));
            }
        }
        Ok(())
    }

    fn hex(&mut self) -> Result<u32, Unreadable> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .ok_or(Unreadable::Broken)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Unreadable::Broken);
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| Unreadable::Broken)
    }
}

pub(super) fn deep(depth: usize) -> Result<(), Unreadable> {
    match depth > MOST_DEEP {
        true => Err(Unreadable::TooDeep),
        false => Ok(()),
    }
}

/// Of several members of one name, only the last.
pub(super) fn last_of_each<'a>(
    mut members: Vec<(Cow<'a, str>, Node<'a>)>,
) -> Vec<(Cow<'a, str>, Node<'a>)> {
    let twice = match members.len() {
        0..=FEW => (1..members.len())
            .any(|at| members[..at].iter().any(|(name, _)| *name == members[at].0)),
        _ => {
            let mut names = HashSet::new();
            !members.iter().all(|(name, _)| names.insert(&**name))
        }
    };
    if twice {
        let mut names = HashSet::new();
        let mut last: Vec<_> = members
            .drain(..)
            .rev()
            .filter(|(name, _)| names.insert(name.clone()))
            .collect();
        last.reverse();
        members = last;
    }
    members
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        parse(text).ok().map(|node| node.to_json())
    }

    #[test]
    fn what_services_write_is_read() {
        for (text, read_as) in [
            (" [1, 2.50 ,-0e+1]\n", "[1, 2.50, -0e+1]"),
            (
                r#"{"a":NaN,"b":[Infinity,-Infinity]}"#,
                r#"{"a": NaN, "b": [Infinity, -Infinity]}"#,
            ),
            (r#"{"a":1,"b":2,"a":3}"#, r#"{"b": 2, "a": 3}"#),
            (r#""\u00e9\ud83d\ude00\/""#, "\"é😀/\""),
            (r#""\ud83d""#, "\"\u{fffd}\\\\ud83d\""),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
        ] {
            assert_eq!(read(text).as_deref(), Some(read_as));
        }
    }

    #[test]
    fn what_is_no_json_is_not() {
        for text in [
            "",
            "nul",
            "[1,]",
            "{\"a\"}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "+1",
            "'a'",
            "\"a",
            "\"\\x\"",
            "\"\n\"",
            "[1] 2",
            "-",
            "1e",
            "\"\\u12g4\"",
            "\"\\u+123\"",
            "Nan",
            "\u{feff}1",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn deep_documents_are_refused_and_break_no_stack() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(&nested(MOST_DEEP)).is_ok());
        assert_eq!(
            parse(&nested(MOST_DEEP + 1)).unwrap_err(),
            Unreadable::TooDeep
        );
        assert_eq!(
            parse(&"[{\"a\":".repeat(1_000_000)).unwrap_err(),
            Unreadable::TooDeep
        );
    }

    proptest! {
        /// What serde_json takes we take, and the same of it; what it refuses
        /// we refuse, but for numbers that are none and halves of pairs.
        #[test]
        fn as_serde_json_reads(text in r#"[\[\]{}:,"\\ntfa01.eE+\- u\x01é]{0,24}"#) {
            let ours = parse(&text).map(|node| node.to_json());
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            match (&ours, &theirs) {
                (Ok(ours), Ok(theirs)) => {
                    let again: serde_json::Value = serde_json::from_str(ours).unwrap();
                    prop_assert_eq!(&again, theirs);
                }
                (Ok(_), Err(error)) => {
                    let error = error.to_string();
                    let known = error.contains("out of range") || error.contains("surrogate")
                        || error.contains("hex escape");
                    prop_assert!(known, "{} {}", text, error);
                }
                (Err(_), Ok(_)) => prop_assert!(false, "{}", text),
                (Err(_), Err(_)) => {}
            }
        }
    }
}
