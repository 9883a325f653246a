//! HCL as hcl-edit reads it.

use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::{Block, Body};

use super::Files;

/// All blocks of all files; each file is written again as it was read.
pub(super) fn blocks(files: &Files) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".tf")) {
        let body: Body = text
            .parse()
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(body.to_string(), *text, "{path}");
        blocks.extend(body.into_blocks());
    }
    blocks
}

/// `resource "azurerm_…" "NAME"`, each with its type and name.
pub(super) fn resources(files: &Files) -> Vec<(String, String, Body)> {
    let blocks = blocks(files).into_iter();
    let resources = blocks.filter(|block| block.has_ident("resource"));
    let resources = resources.map(|block| {
        let label = |index: usize| block.labels[index].as_str().to_owned();
        (label(0), label(1), block.body)
    });
    resources.collect()
}

/// What `local.NAME` is.
pub(super) fn local(files: &Files, name: &str) -> Expression {
    let blocks = blocks(files).into_iter();
    let mut locals = blocks.filter(|block| block.has_ident("locals"));
    let found = locals.find_map(|block| Some(block.body.get_attribute(name)?.value.clone()));
    found.unwrap_or_else(|| panic!("no local.{name}"))
}

/// Entries of an object, keys without their quotes.
pub(super) fn entries(object: &Expression) -> Vec<(String, Expression)> {
    let Expression::Object(object) = object else {
        panic!("no object: {object}");
    };
    let entries = object.iter().map(|(key, value)| {
        let key = match key {
            ObjectKey::Ident(ident) => ident.to_string(),
            ObjectKey::Expression(expression) => text(expression),
        };
        (key, value.expr().clone())
    });
    entries.collect()
}

/// A text as it is, or what is written.
pub(super) fn text(expression: &Expression) -> String {
    match expression {
        Expression::String(text) => text.as_str().to_owned(),
        other => other.to_string().trim().to_owned(),
    }
}

/// The texts of `[…]` or `toset([…])`.
pub(super) fn texts(expression: &Expression) -> Vec<String> {
    match expression {
        Expression::Array(values) => values.iter().map(text).collect(),
        Expression::FuncCall(call) => texts(call.args.iter().next().unwrap()),
        other => panic!("no list: {other}"),
    }
}

/// What is at `blob_properties.delete_retention_policy.days` of a block, through
/// blocks and objects.
pub(super) fn at(body: &Body, path: &str) -> Option<String> {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    match (body.get_attribute(first), rest) {
        (Some(attribute), None) => Some(text(&attribute.value)),
        (Some(attribute), Some(rest)) => inside(&attribute.value, rest),
        (None, Some(rest)) => at(&body.get_blocks(first).next()?.body, rest),
        (None, None) => None,
    }
}

fn inside(object: &Expression, path: &str) -> Option<String> {
    let found = path.split('.').try_fold(object.clone(), |object, key| {
        let mut entries = entries(&object).into_iter();
        entries
            .find(|(known, _)| known == key)
            .map(|(_, value)| value)
    });
    Some(text(&found?))
}
