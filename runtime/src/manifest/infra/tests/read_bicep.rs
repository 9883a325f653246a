//! Bicep as its grammar for tree-sitter reads it.

use tree_sitter::{Node, Parser};

use super::Files;

/// A resource as it is declared.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) symbol: String,
    /// Without the version.
    pub(super) kind: String,
    pub(super) is_there: bool,
    pub(super) body: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A text without an expression in it.
    Text(String),
    Object(Vec<(String, Value)>),
    List(Vec<Value>),
    /// Anything else, as it is written.
    Code(String),
}

impl Value {
    /// What is at `properties.encryption.keySource`.
    pub(super) fn at(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(self, |value, key| match value {
            Value::Object(entries) => {
                let mut entries = entries.iter();
                entries
                    .find(|(known, _)| known == key)
                    .map(|(_, value)| value)
            }
            _ => None,
        })
    }

    pub(super) fn as_text(&self) -> &str {
        match self {
            Value::Text(text) | Value::Code(text) => text,
            other => panic!("no text: {other:?}"),
        }
    }

    pub(super) fn texts(&self) -> Vec<&str> {
        match self {
            Value::List(values) => values.iter().map(Value::as_text).collect(),
            other => panic!("no list: {other:?}"),
        }
    }
}

/// All declarations of all files, none of which has an error.
pub(super) fn resources(files: &Files) -> Vec<Resource> {
    let mut resources = Vec::new();
    each(files, "resource_declaration", |node, text| {
        let kind = child(node, "string").map(|kind| literal(kind, text));
        let (kind, symbol) = (kind.unwrap(), child(node, "identifier").unwrap());
        resources.push(Resource {
            symbol: source(symbol, text).to_owned(),
            kind: kind.split('@').next().unwrap().to_owned(),
            is_there: child(node, "existing").is_some(),
            body: value(body(node), text),
        });
    });
    resources
}

/// What `var NAME` says.
pub(super) fn variable(files: &Files, name: &str) -> Value {
    let mut found = None;
    each(files, "variable_declaration", |node, text| {
        let named = child(node, "identifier").unwrap();
        if source(named, text) == name {
            let last = node.named_child(node.named_child_count() - 1);
            found = Some(value(last.unwrap(), text));
        }
    });
    found.unwrap_or_else(|| panic!("no variable {name}"))
}

/// What modules are given, by their symbols.
pub(super) fn modules(files: &Files) -> Vec<(String, Value)> {
    let mut modules = Vec::new();
    each(files, "module_declaration", |node, text| {
        let symbol = child(node, "identifier").unwrap();
        modules.push((source(symbol, text).to_owned(), value(body(node), text)));
    });
    modules
}

/// Parameters that a text is the default of.
pub(super) fn parameters(files: &Files) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    each(files, "parameter_declaration", |node, text| {
        if let Some(default) = child(node, "string") {
            let named = child(node, "identifier").unwrap();
            parameters.push((source(named, text).to_owned(), literal(default, text)));
        }
    });
    parameters
}

fn each(files: &Files, kind: &str, mut then: impl FnMut(Node, &str)) {
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".bicep")) {
        let mut parser = Parser::new();
        parser
            .set_language(&tree_sitter_bicep::LANGUAGE.into())
            .unwrap();
        let tree = parser.parse(text, None).unwrap();
        walk(tree.root_node(), &mut |node| {
            let place = node.start_position();
            let what = source(node, text);
            assert!(
                !node.is_error() && !node.is_missing(),
                "{path}:{}: {what}",
                place.row + 1
            );
            if node.kind() == kind {
                then(node, text);
            }
        });
    }
}

fn walk<'t>(node: Node<'t>, then: &mut impl FnMut(Node<'t>)) {
    then(node);
    for child in node.children(&mut node.walk()) {
        walk(child, then);
    }
}

/// What is declared: of a loop, of each; under a condition, when it holds.
fn body(node: Node) -> Node {
    let mut found = None;
    walk(node, &mut |inside| {
        if inside.kind() == "object" && found.is_none() {
            found = Some(inside);
        }
    });
    found.unwrap()
}

fn value(node: Node, text: &str) -> Value {
    match node.kind() {
        "string" if child(node, "interpolation").is_none() => Value::Text(literal(node, text)),
        "array" => {
            let mut walk = node.walk();
            let values = node.named_children(&mut walk);
            let values = values.filter(|node| node.kind() != "comment");
            Value::List(values.map(|node| value(node, text)).collect())
        }
        "object" => {
            let mut entries = Vec::new();
            for property in node.named_children(&mut node.walk()) {
                if property.kind() == "object_property" {
                    let key = property.named_child(0).unwrap();
                    let last = property.named_child(property.named_child_count() - 1);
                    let key = match key.kind() {
                        "string" => literal(key, text),
                        _ => source(key, text).to_owned(),
                    };
                    entries.push((key, value(last.unwrap(), text)));
                }
            }
            Value::Object(entries)
        }
        _ => Value::Code(source(node, text).to_owned()),
    }
}

/// What a text is, read by the language's own rules, apart from what wrote it.
fn literal(node: Node, text: &str) -> String {
    let quoted = source(node, text);
    let inside = &quoted[1..quoted.len() - 1];
    let mut read = String::new();
    let mut rest = inside.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            read.push(c);
            continue;
        }
        match rest.next().unwrap() {
            'n' => read.push('\n'),
            'r' => read.push('\r'),
            't' => read.push('\t'),
            'u' => {
                let code: String = rest.by_ref().skip(1).take_while(|c| *c != '}').collect();
                let code = u32::from_str_radix(&code, 16).unwrap();
                read.push(char::from_u32(code).unwrap());
            }
            other => read.push(other),
        }
    }
    read
}

fn child<'t>(node: Node<'t>, kind: &str) -> Option<Node<'t>> {
    node.children(&mut node.walk())
        .find(|child| child.kind() == kind)
}

fn source<'t>(node: Node, text: &'t str) -> &'t str {
    &text[node.byte_range()]
}
