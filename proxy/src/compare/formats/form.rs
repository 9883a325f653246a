//! Form-encoded data: members by name, whose order does not count; those of one
//! name are an array.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Comparator, Document, Reading, Unreadable};
use crate::compare::node::Node;
use crate::compare::rules::Rules;

pub(super) struct Form;

impl Comparator for Form {
    fn name(&self) -> &'static str {
        "form"
    }

    fn reads(&self, essence: &str) -> bool {
        essence == "application/x-www-form-urlencoded"
    }

    fn read<'a>(&self, document: &'a Document<'_>, _: &Rules) -> Result<Reading<'a>, Unreadable> {
        let mut members: Vec<(Cow<'a, str>, Vec<Node<'a>>)> = Vec::new();
        let mut known: HashMap<Cow<'a, str>, usize> = HashMap::new();
        for (name, value) in form_urlencoded::parse(document.bytes) {
            let at = *known.entry(name.clone()).or_insert_with(|| {
                members.push((name, Vec::new()));
                members.len() - 1
            });
            members[at].1.push(Node::Text(value));
        }
        let alone = |mut values: Vec<Node<'a>>| match values.len() {
            1 => values.remove(0),
            _ => Node::Array(values),
        };
        let members = members
            .into_iter()
            .map(|(name, values)| (name, alone(values)));
        Ok(Reading::Node(Node::Object(members.collect())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::node;

    #[test]
    fn members_of_one_name_are_an_array() {
        let read = node("form", b"a=1&b=x+%C3%A9&a=2&c").unwrap();
        assert_eq!(read, r#"{"a": ["1", "2"], "b": "x é", "c": ""}"#);
        assert_eq!(node("form", b"").unwrap(), "{}");
    }
}
