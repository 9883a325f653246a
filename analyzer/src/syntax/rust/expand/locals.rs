//! Variables that a macro's own `let`s bind: no others of that name.

use proc_macro2::Delimiter;
use smol_str::SmolStr;

use super::rules::Part;

/// Marks in a rule's body the variables of its `let`s as [`Part::Local`],
/// wherever they are used. Bodies of functions keep theirs: they have a scope
/// of their own.
pub(super) fn mark(body: &mut [Part]) {
    let mut names = Vec::new();
    add_bound(body, &mut names);
    if !names.is_empty() {
        replace(body, &names);
    }
}

/// Adds the names that `let`s bind.
fn add_bound(parts: &[Part], names: &mut Vec<SmolStr>) {
    let mut in_pattern = false;
    for (idx, part) in parts.iter().enumerate() {
        match part {
            Part::Word(word) if word == "let" => in_pattern = true,
            Part::Op(op) if matches!(op.as_str(), "=" | ":" | ";") => in_pattern = false,
            Part::Group(Delimiter::Brace, _) if in_pattern || is_function(&parts[..idx]) => {}
            Part::Group(_, inner) if in_pattern => add_pattern(inner, names),
            _ if in_pattern => add_pattern(&parts[idx..=idx], names),
            Part::Group(_, inner) => add_bound(inner, names),
            Part::Repeat(repeat) => add_bound(&repeat.parts, names),
            _ => {}
        }
    }
}

/// Adds the names that a pattern binds.
fn add_pattern(parts: &[Part], names: &mut Vec<SmolStr>) {
    for part in parts {
        match part {
            Part::Word(word) if is_variable(word) => names.push(word.clone()),
            Part::Group(Delimiter::Brace, _) => {}
            Part::Group(_, inner) => add_pattern(inner, names),
            Part::Repeat(repeat) => add_pattern(&repeat.parts, names),
            _ => {}
        }
    }
}

fn is_variable(word: &str) -> bool {
    let is_keyword = matches!(word, "mut" | "ref" | "_" | "self" | "crate" | "super");
    !is_keyword && word.starts_with(|first: char| first.is_lowercase() || first == '_')
}

/// What stands in front of braces makes them a function's body.
fn is_function(before: &[Part]) -> bool {
    let mut before = before.iter().rev();
    let head = before.find_map(|part| match part {
        Part::Word(word) if word == "fn" => Some(true),
        Part::Group(Delimiter::Brace, _) => Some(false),
        Part::Op(op) if op == ";" => Some(false),
        _ => None,
    });
    head.unwrap_or(false)
}

fn replace(parts: &mut [Part], names: &[SmolStr]) {
    for idx in 0..parts.len() {
        let (before, rest) = parts.split_at_mut(idx);
        let Some((part, after)) = rest.split_first_mut() else {
            return;
        };
        match part {
            Part::Word(word) if names.contains(word) && is_use(before, after) => {
                *part = Part::Local(std::mem::take(word));
            }
            Part::Group(Delimiter::Brace, _) if is_function(before) => {}
            Part::Group(_, inner) => replace(inner, names),
            Part::Repeat(repeat) => replace(&mut repeat.parts, names),
            _ => {}
        }
    }
}

/// A name between these is a variable's: no field, path or macro.
fn is_use(before: &[Part], after: &[Part]) -> bool {
    let is_op = |part: Option<&Part>, ops: &[&str]| matches!(part, Some(Part::Op(op)) if ops.contains(&op.as_str()));
    let is_bound = match before.last() {
        Some(Part::Word(word)) => matches!(word.as_str(), "let" | "mut"),
        before => is_op(before, &["|"]),
    };
    let is_macro = is_op(after.first(), &["!"]) && matches!(after.get(1), Some(Part::Group(..)));
    !is_op(before.last(), &[".", "::"])
        && !is_op(after.first(), &["::"])
        && (is_bound || !is_op(after.first(), &[":"]))
        && !is_macro
}
