//! Comma- and tab-separated values (RFC 4180): an array of rows, with numbers
//! as numbers.
//!
//! Where the first row holds no number and names each column once, rows are
//! objects by those names, so that columns may stand in any order; otherwise
//! rows are arrays.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{Comparator, Document, Reading, Unreadable};
use crate::compare::node::Node;
use crate::compare::rules::Rules;

pub(super) struct Csv;

impl Comparator for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn reads(&self, essence: &str) -> bool {
        matches!(
            essence,
            "text/csv" | "application/csv" | "text/tab-separated-values"
        )
    }

    fn read<'a>(&self, document: &'a Document<'_>, _: &Rules) -> Result<Reading<'a>, Unreadable> {
        let tabs = document.essence.as_deref() == Some("text/tab-separated-values");
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(if tabs { b'\t' } else { b',' })
            .from_reader(document.text()?.as_bytes());
        let mut rows = Vec::new();
        for row in reader.records() {
            let row = row.map_err(|_| Unreadable::Broken)?;
            rows.push(row.iter().map(str::to_owned).collect::<Vec<_>>());
        }
        let named = rows.first().is_some_and(|first| names(first));
        let names = if named { rows.remove(0) } else { Vec::new() };
        let rows = rows.into_iter().map(|row| match row.len() == names.len() {
            true => {
                let names = names.iter().map(|name| Cow::Owned(name.clone()));
                Node::Object(names.zip(row.into_iter().map(cell)).collect())
            }
            false => Node::Array(row.into_iter().map(cell).collect()),
        });
        Ok(Reading::Node(Node::Array(rows.collect())))
    }
}

fn names(row: &[String]) -> bool {
    let mut seen = HashSet::new();
    row.iter()
        .all(|name| !name.is_empty() && !is_number(name) && seen.insert(name))
}

fn cell<'a>(text: String) -> Node<'a> {
    match is_number(&text) {
        true => Node::Number(text.into()),
        false => Node::Text(text.into()),
    }
}

/// As JSON writes one.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let decimal = text.starts_with(|c: char| c.is_ascii_digit()) && text.parse::<f64>().is_ok();
    // A number does not begin with needless zeros: those are part of a code.
    decimal && !(text.len() > 1 && text.starts_with('0') && text.as_bytes()[1].is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, node_by};
    use super::*;

    #[test]
    fn rows_by_the_names_of_their_columns_or_without() {
        let read = node("csv", b"id,score\r\n7,0.5\r\n\"a,b\",1e-3\r\n").unwrap();
        assert_eq!(
            read,
            r#"[{"id": 7, "score": 0.5}, {"id": "a,b", "score": 1e-3}]"#
        );
        assert_eq!(node("csv", b"1,2\n3\n").unwrap(), "[[1, 2], [3]]");
        assert_eq!(node("csv", b"a,a\n1,2").unwrap(), r#"[["a", "a"], [1, 2]]"#);
        assert_eq!(
            node("csv", b"id\n007\n-inf\n").unwrap(),
            r#"[{"id": "007"}, {"id": "-inf"}]"#
        );
        assert_eq!(node("csv", b"").unwrap(), "[]");
        let tabs = Some("text/tab-separated-values");
        assert_eq!(
            node_by("csv", b"a\tb\n1\t2", tabs, &Rules::default()).unwrap(),
            r#"[{"a": 1, "b": 2}]"#
        );
    }
}
