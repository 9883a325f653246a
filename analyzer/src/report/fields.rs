//! The fields of a request or an answer as a JSON Schema (draft 2020-12).
//!
//! What the code does not say stays open: a type that nobody knows takes any
//! value, and no object forbids further fields.

use serde_json::{Map, Value, json};

use super::document::ContractItem;

/// The schema of what these fields make up; `None` if there are none.
pub(super) fn schema<'i>(items: impl IntoIterator<Item = &'i ContractItem>) -> Option<Value> {
    let mut whole = Node::default();
    let mut any = false;
    for item in items.into_iter().filter(|item| item.name != "*") {
        any = true;
        whole.add(item);
    }
    any.then(|| {
        let mut schema = whole.schema();
        schema.insert(
            "$schema".into(),
            "https://json-schema.org/draft/2020-12/schema".into(),
        );
        Value::Object(schema)
    })
}

/// Names and types are taken apart this deep; what is deeper is left open.
const MAX_DEPTH: usize = 16;

/// What stands at one place of the document.
#[derive(Default)]
struct Node {
    ty: Option<String>,
    optional: bool,
    fields: Vec<(String, Node)>,
    element: Option<Box<Node>>,
}

impl Node {
    /// Adds `rows[].amount`, `[].amount` or `amount`.
    fn add(&mut self, item: &ContractItem) {
        let mut at = self;
        for part in item.name.splitn(MAX_DEPTH, '.') {
            let name = part.trim_end_matches("[]");
            if !name.is_empty() {
                at = at.field(name);
            }
            for _ in 0..((part.len() - name.len()) / 2).min(MAX_DEPTH) {
                at = at.element.get_or_insert_default();
            }
        }
        at.ty = Some(item.value.clone()).filter(|ty| ty != "unknown");
        at.optional = item.optional;
    }

    fn field(&mut self, name: &str) -> &mut Node {
        let known = self.fields.iter().position(|(known, _)| known == name);
        let idx = known.unwrap_or_else(|| {
            self.fields.push((name.to_owned(), Node::default()));
            self.fields.len() - 1
        });
        &mut self.fields[idx].1
    }

    fn schema(&self) -> Map<String, Value> {
        let (mut schema, nullable) = match &self.ty {
            Some(ty) => of_type(ty, 0),
            None => (Map::new(), false),
        };
        if let Some(element) = &self.element {
            schema = Map::new();
            schema.insert("type".into(), "array".into());
            schema.insert("items".into(), Value::Object(element.schema()));
        }
        if !self.fields.is_empty() {
            schema = Map::new();
            schema.insert("type".into(), "object".into());
            let fields = self.fields.iter();
            let of_each = fields.map(|(name, node)| (name.clone(), Value::Object(node.schema())));
            schema.insert("properties".into(), Value::Object(of_each.collect()));
            let required = self.fields.iter().filter(|(_, node)| !node.optional);
            let required: Vec<Value> = required.map(|(name, _)| name.as_str().into()).collect();
            if !required.is_empty() {
                schema.insert("required".into(), Value::Array(required));
            }
        }
        if nullable && let Some(ty) = schema.get_mut("type") {
            *ty = json!([ty.take(), "null"]);
        }
        schema
    }
}

/// The schema of a type as Python or Rust writes it, and whether it may be
/// null.
fn of_type(ty: &str, depth: usize) -> (Map<String, Value>, bool) {
    if depth > MAX_DEPTH {
        return (Map::new(), false);
    }
    let inner = |ty: &str| of_type(ty, depth + 1);
    let ty = ty.trim();
    if let Some((left, right)) = split_union(ty) {
        return match (left, right) {
            ("None", some) | (some, "None") => (inner(some).0, true),
            _ => (Map::new(), false),
        };
    }
    let (head, args) = match ty.split_once('[') {
        Some((head, args)) => (head, args.strip_suffix(']').unwrap_or(args)),
        None => (ty, ""),
    };
    let head = head.rsplit(['.', ':']).next().unwrap_or(head);
    let simple = |ty: &str| Map::from_iter([("type".to_owned(), Value::from(ty))]);
    let text = |format: &str| {
        let mut schema = simple("string");
        schema.insert("format".into(), format.into());
        schema
    };
    let schema = match head.trim_start_matches('&') {
        "Option" | "Optional" => return (inner(args).0, true),
        "Annotated" => return inner(split_args(args)[0]),
        "Box" | "Arc" | "Rc" | "Cow" | "Json" => {
            return inner(split_args(args).last().copied().unwrap_or(args));
        }
        "bool" => simple("boolean"),
        "int" | "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => simple("integer"),
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => {
            let mut schema = simple("integer");
            schema.insert("minimum".into(), 0.into());
            schema
        }
        "float" | "f32" | "f64" => simple("number"),
        "str" | "String" | "char" | "SmolStr" | "PathBuf" => simple("string"),
        "datetime" | "DateTime" => text("date-time"),
        "date" | "NaiveDate" => text("date"),
        "UUID" | "Uuid" => text("uuid"),
        "list" | "List" | "Vec" | "VecDeque" | "Sequence" | "set" | "HashSet" | "BTreeSet" => {
            let mut schema = simple("array");
            if !args.is_empty() {
                schema.insert("items".into(), Value::Object(inner(args).0));
            }
            schema
        }
        "tuple" | "Tuple" => simple("array"),
        "dict" | "Dict" | "Mapping" | "HashMap" | "BTreeMap" | "IndexMap" => {
            let mut schema = simple("object");
            if let [_, value] = split_args(args).as_slice() {
                let value = Value::Object(inner(value).0);
                schema.insert("additionalProperties".into(), value);
            }
            schema
        }
        _ => Map::new(),
    };
    (schema, false)
}

/// `A | B` outside of brackets.
fn split_union(ty: &str) -> Option<(&str, &str)> {
    let at = outside(ty, '|').next()?;
    Some((ty[..at].trim(), ty[at + 1..].trim()))
}

/// `K, V` outside of brackets.
fn split_args(args: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut from = 0;
    for at in outside(args, ',') {
        parts.push(args[from..at].trim());
        from = at + 1;
    }
    parts.push(args[from..].trim());
    parts
}

/// Where `wanted` stands outside of brackets.
fn outside(text: &str, wanted: char) -> impl Iterator<Item = usize> {
    let mut depth = 0_usize;
    text.char_indices().filter_map(move |(at, c)| {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (c == wanted && depth == 0).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cut::EntryKind;
    use crate::report::document::Place;
    use proptest::prelude::*;

    fn item(name: &str, value: &str) -> ContractItem {
        let optional = name.ends_with('?');
        ContractItem {
            kind: EntryKind::RequestField,
            name: name.trim_end_matches('?').to_owned(),
            value: value.to_owned(),
            optional,
            made: None,
            place: Place {
                file: "a.rs".to_owned(),
                line: 1,
                cell: None,
                code: String::new(),
            },
        }
    }

    fn validator(items: &[ContractItem]) -> jsonschema::Validator {
        let schema = schema(items).expect("there are fields");
        jsonschema::draft202012::new(&schema).expect("it is a schema")
    }

    #[test]
    fn what_the_fields_say_is_what_is_valid() {
        let validator = validator(&[
            item("card", "String"),
            item("amount", "f64"),
            item("note?", "Option[String]"),
            item("lines", "Vec[Line]"),
            item("lines[].n", "u32"),
            item("tags?", "HashMap[String, i64]"),
            item("at", "datetime | None"),
            item("any", "unknown"),
        ]);
        let good = json!({"card": "a", "amount": 1.5, "lines": [{"n": 3}], "at": null, "any": [1]});
        assert!(validator.is_valid(&good));
        let with = |name: &str, value: Value| {
            let mut changed = good.clone();
            changed[name] = value;
            validator.is_valid(&changed)
        };
        assert!(with("note", Value::Null) && with("note", json!("x")) && with("more", json!(1)));
        assert!(with("tags", json!({"a": 1})) && !with("tags", json!({"a": "b"})));
        assert!(!with("amount", json!("1.5")) && !with("lines", json!([{"n": -1}])));
        assert!(
            !with("lines", json!([{}])) && !with("note", json!(1)) && !with("card", json!(null))
        );
        let mut less = good.clone();
        less.as_object_mut()
            .expect("it is an object")
            .remove("card");
        assert!(!validator.is_valid(&less));
    }

    #[test]
    fn a_list_at_the_top_is_a_list() {
        let validator = validator(&[item("[].score", "float"), item("[].name?", "str | None")]);
        assert!(validator.is_valid(&json!([{"score": 0.5}, {"score": 1, "name": null}])));
        assert!(!validator.is_valid(&json!({"score": 0.5})));
        assert!(!validator.is_valid(&json!([{"name": "a"}])));
    }

    #[test]
    fn what_is_not_known_says_nothing() {
        assert_eq!(schema(&[item("*", "unknown")]), None);
        assert_eq!(schema(&[]), None);
    }

    #[test]
    fn deep_names_and_types_come_to_an_end() {
        let name = "a.".repeat(100_000) + &"[]".repeat(100_000);
        let ty = "list[".repeat(100_000);
        validator(&[
            item(&name, "int"),
            item("b", &ty),
            item("c", &"int | ".repeat(100_000)),
        ]);
    }

    proptest! {
        #[test]
        fn any_names_and_types_make_a_schema(
            fields in prop::collection::vec((".{0,20}", ".{0,20}"), 1..8)
        ) {
            let items: Vec<_> = fields.iter().map(|(name, ty)| item(name, ty)).collect();
            if let Some(schema) = schema(&items) {
                prop_assert!(jsonschema::draft202012::new(&schema).is_ok());
            }
        }
    }
}
