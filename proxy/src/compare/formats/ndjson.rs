//! Newline-delimited JSON: one document in each line, as an array of them.

use super::{Comparator, Document, Reading, Unreadable, json};
use crate::compare::node::Node;
use crate::compare::rules::Rules;

pub(super) struct NdJson;

impl Comparator for NdJson {
    fn name(&self) -> &'static str {
        "ndjson"
    }

    fn reads(&self, essence: &str) -> bool {
        matches!(
            essence,
            "application/x-ndjson"
                | "application/ndjson"
                | "application/jsonl"
                | "application/x-jsonl"
                | "application/jsonlines"
                | "application/x-jsonlines"
                | "application/json-seq"
        )
    }

    fn read<'a>(&self, document: &'a Document<'_>, _: &Rules) -> Result<Reading<'a>, Unreadable> {
        // Behind the separator of RFC 7464 comes the line of an item.
        let lines = document
            .text()?
            .split('\n')
            .map(|line| line.trim_start_matches('\u{1e}'));
        let items = lines
            .filter(|line| !line.trim().is_empty())
            .map(json::parse);
        let items: Vec<_> = items.collect::<Result<_, _>>()?;
        Ok(Reading::Node(Node::Array(items)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::node;

    #[test]
    fn a_line_is_an_item() {
        assert_eq!(
            node("ndjson", b"{\"a\": 1}\r\n\n[2]\n").unwrap(),
            r#"[{"a": 1}, [2]]"#
        );
        assert_eq!(node("ndjson", b"\x1e1\n\x1e2\n").unwrap(), "[1, 2]");
        assert_eq!(node("ndjson", b"").unwrap(), "[]");
        assert_eq!(node("ndjson", b"1\n2 3\n"), None);
    }
}
