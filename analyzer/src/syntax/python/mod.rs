//! Python 3.8 to 3.14 (and what of Python 2 the grammar reads) to
//! [`FileFacts`], by way of tree-sitter.
//!
//! One pass over the tree, one method per construct: `statements` and
//! `compound` hold the statements, `matching` the `match` statement, `scopes`
//! what opens a scope, `expressions` and `literals` the rest.
//!
//! Choices that the form leaves open:
//! - `assert test, message` is an `Assert` and then an `Expr` of the message;
//!   `raise error from cause` an `Expr` of the cause and then a `Raise`;
//! - `pass`, `break` and `continue` leave no statement; a docstring is also the
//!   first statement;
//! - what a comprehension iterates first is evaluated outside of it, as in
//!   CPython: scopes in there have the scope around for their parent;
//! - type parameters (`def f[T]`) are not kept;
//! - `print x` of Python 2 is a call to `print`, `print >> f, x` one with
//!   `file=f`; a tuple as a parameter is unpacked from `$1` in the body.

mod build;
mod compound;
mod expressions;
mod imports;
mod kinds;
mod literals;
mod matching;
mod scopes;
mod statements;
#[cfg(test)]
mod tests;
mod text;

use std::cell::RefCell;

use tree_sitter::{Node, Parser, Tree};

use self::build::Lower;
use self::kinds::{Kind, kind};
use super::SyntaxError;
use super::facts::{FileFacts, ImportRule, Rules};

/// How deep expressions, blocks and patterns may nest in one another, `elif`
/// and `case` counted as the nesting they lower to. Every recursion of the
/// lowering passes a counter against it, and so a thread with 16 MiB of stack
/// is enough for any text, without optimisation too. CPython itself stops at
/// 100 levels of indentation and 200 of brackets.
const MAX_DEPTH: u32 = 1_000;

const RULES: Rules = Rules {
    separator: ".",
    nested: ".<locals>.",
    imports: ImportRule::Packages,
    root: None,
    prelude: &[],
    protocols: &[],
    mapping_gives_pairs: false,
    fields_are_apart: false,
    lambdas_are_parts: false,
};

thread_local! {
    static PARSER: RefCell<Parser> = RefCell::new(new_parser());
}

/// Lowers the Python file `path` with the contents `text`.
///
/// Fails for the file as a whole when it has a syntax error or nests too deep.
pub fn lower(path: &str, text: &str) -> Result<FileFacts, SyntaxError> {
    let text = text::normalised(text);
    let tree = parse(&text).ok_or(SyntaxError::Parse { line: 1, column: 1 })?;
    let root = tree.root_node();
    if let Some(node) = error_in(root) {
        let (line, column) = text::Places::new(&text).of(node);
        return Err(SyntaxError::Parse { line, column });
    }
    Lower::new(&text, root).file(path, root)
}

/// Only a parser without a language, or a cancelled one, gives no tree.
fn parse(text: &str) -> Option<Tree> {
    PARSER.with_borrow_mut(|parser| parser.parse(text, None))
}

fn new_parser() -> Parser {
    let mut parser = Parser::new();
    parser
        .set_language(&kinds::language())
        .expect("the grammar is built for this version of tree-sitter");
    parser
}

/// The first error in `root` that is CPython's too, as exactly as the parser
/// knows it.
///
/// In type parameters and in the holes of f-strings the grammar knows less
/// than CPython (`[T = int]`, `{x:=^9}`), and the parser's recovery does not
/// reach beyond them, so that an error there is none.
fn error_in(root: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = root.walk();
    let mut found: Option<Node<'_>> = None;
    loop {
        let node = cursor.node();
        if found.is_some_and(|found| node.start_byte() >= found.end_byte()) {
            return found;
        }
        if node.is_error() || node.is_missing() {
            found = Some(node);
        }
        let is_lenient = matches!(kind(node), Kind::TypeParameter | Kind::Interpolation);
        if node.has_error() && !is_lenient && cursor.goto_first_child() {
            continue;
        }
        if found == Some(node) {
            return found;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return found;
            }
        }
    }
}
