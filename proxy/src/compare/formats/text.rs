//! Text, and markup as text: an array of its lines.
//!
//! Frameworks call JSON `text/html` where a view returns it as a string: what
//! begins as an object or an array does and is JSON throughout is read as such.

use super::{Comparator, Document, Reading, Unreadable, json};
use crate::compare::node::Node;
use crate::compare::rules::{Rules, Whitespace};

pub(super) struct Text;

impl Comparator for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn reads(&self, essence: &str) -> bool {
        let own = ["text/csv", "text/json", "text/tab-separated-values"];
        (essence.starts_with("text/") && !own.contains(&essence))
            || essence.ends_with("+xml")
            || matches!(
                essence,
                "application/xml"
                    | "application/javascript"
                    | "application/yaml"
                    | "application/x-yaml"
                    | "application/toml"
                    | "application/graphql"
                    | "application/sql"
            )
    }

    fn read<'a>(
        &self,
        document: &'a Document<'_>,
        rules: &Rules,
    ) -> Result<Reading<'a>, Unreadable> {
        let text = document.text()?;
        let asked = rules.comparator == Some(self.name());
        if !asked
            && text.trim_start().starts_with(['{', '['])
            && let Ok(node) = json::parse(text)
        {
            return Ok(Reading::Node(node));
        }
        let lines = text.lines();
        let lines = match rules.whitespace {
            Whitespace::Keep => lines.map(|line| Node::Text(line.into())).collect(),
            Whitespace::Trim => kept(lines.map(|line| line.trim().to_owned())),
            Whitespace::Collapse => kept(lines.map(collapsed)),
        };
        Ok(Reading::Node(Node::Array(lines)))
    }
}

fn kept<'a>(lines: impl Iterator<Item = String>) -> Vec<Node<'a>> {
    let lines = lines.filter(|line| !line.is_empty());
    lines.map(|line| Node::Text(line.into())).collect()
}

fn collapsed(line: &str) -> String {
    let words: Vec<_> = line.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, node_by};
    use super::*;

    #[test]
    fn a_line_is_an_item() {
        assert_eq!(
            node("text", b"a b\r\n\n c").unwrap(),
            r#"["a b", "", " c"]"#
        );
        assert_eq!(node("text", b"caf\xe9"), None);
    }

    #[test]
    fn white_space() {
        let of = |whitespace| {
            let rules = Rules {
                whitespace,
                ..Rules::default()
            };
            node_by("text", b" a  b \n\n<p>\tc", None, &rules).unwrap()
        };
        assert_eq!(of(Whitespace::Trim), r#"["a  b", "<p>\tc"]"#);
        assert_eq!(of(Whitespace::Collapse), r#"["a b", "<p> c"]"#);
    }

    #[test]
    fn json_that_is_called_text() {
        assert_eq!(node("text", b"\n{\"a\":1}").unwrap(), r#"{"a": 1}"#);
        assert_eq!(node("text", b"{a}").unwrap(), r#"["{a}"]"#);
        assert_eq!(node("text", b"12").unwrap(), r#"["12"]"#);
        let rules = Rules {
            comparator: Some("text"),
            ..Rules::default()
        };
        assert_eq!(node_by("text", b"{}", None, &rules).unwrap(), r#"["{}"]"#);
    }
}
