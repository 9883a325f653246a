//! [`Node`]: a document by its meaning, whatever it was written in.

use std::borrow::Cow;

/// As deep as a document may be nested: so far walking it takes a bounded
/// stack.
pub(super) const MOST_DEEP: usize = 128;

/// A document, or a part of one.
///
/// At most [`MOST_DEEP`] deep, which those that make one see to. No object has
/// two members of one name.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    /// As it was written: digits, point and exponent as in JSON, or `NaN`,
    /// `Infinity`, `-Infinity`.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    Array(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl Node<'_> {
    /// The item that `names` lead to.
    pub(super) fn find<'n>(&'n self, names: &[Box<str>]) -> Option<&'n Self> {
        let Some((first, rest)) = names.split_first() else {
            return Some(self);
        };
        let child = match self {
            Node::Object(members) => {
                let mut members = members.iter();
                members
                    .find(|(name, _)| **name == **first)
                    .map(|(_, node)| node)
            }
            Node::Array(items) => first.parse().ok().and_then(|index: usize| items.get(index)),
            _ => None,
        };
        child.and_then(|child| child.find(rest))
    }

    /// As JSON, cut off behind about `most` bytes.
    pub(super) fn shown(&self, most: usize) -> String {
        let mut text = String::new();
        if !self.write(&mut text, most) {
            text.push('…');
        }
        text
    }

    /// As JSON, whole; bytes as Base64.
    pub(super) fn to_json(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, usize::MAX);
        text
    }

    /// False where it was cut off.
    fn write(&self, text: &mut String, most: usize) -> bool {
        if text.len() >= most {
            return false;
        }
        match self {
            Node::Null => text.push_str("null"),
            Node::Bool(true) => text.push_str("true"),
            Node::Bool(false) => text.push_str("false"),
            Node::Number(number) => return write_cut(text, number, most),
            Node::Text(own) => return write_text(text, own, most),
            Node::Bytes(bytes) => {
                use base64::Engine;
                let take = bytes.len().min(most - text.len());
                let shown = base64::engine::general_purpose::STANDARD.encode(&bytes[..take]);
                return write_text(text, &shown, most) && take == bytes.len();
            }
            Node::Array(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        text.push_str(", ");
                    }
                    if !item.write(text, most) {
                        return false;
                    }
                }
                text.push(']');
            }
            Node::Object(members) => {
                text.push('{');
                for (index, (name, node)) in members.iter().enumerate() {
                    if index > 0 {
                        text.push_str(", ");
                    }
                    if !write_text(text, name, most) {
                        return false;
                    }
                    text.push_str(": ");
                    if !node.write(text, most) {
                        return false;
                    }
                }
                text.push('}');
            }
        }
        true
    }
}

fn write_cut(text: &mut String, own: &str, most: usize) -> bool {
    let left = most.saturating_sub(text.len());
    if own.len() <= left {
        text.push_str(own);
        return true;
    }
    text.push_str(&own[..own.floor_char_boundary(left)]);
    false
}

fn write_text(text: &mut String, own: &str, most: usize) -> bool {
    text.push('"');
    for c in own.chars() {
        if text.len() >= most {
            return false;
        }
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c.is_control() => {
                use std::fmt::Write;
                // Writing to a String cannot fail.
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_one_is_cut_at_a_character() {
        let node = Node::Array(vec![
            Node::Text("ää".into()),
            Node::Bytes(b"abc"[..].into()),
        ]);
        assert_eq!(node.shown(100), r#"["ää", "YWJj"]"#);
        for most in 0..14 {
            assert!(node.shown(most).ends_with('…'), "{most}");
        }
        assert_eq!(
            Node::Text("a\n\u{1}\"".into()).to_json(),
            r#""a\n\u0001\"""#
        );
    }
}
