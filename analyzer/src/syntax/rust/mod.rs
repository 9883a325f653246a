//! Rust source to [`FileFacts`], through syn.
//!
//! One file at a time: `macro_rules!` of the tree are expanded where they are
//! called, other macros are read by what is known of them, `cfg`s other than
//! `test` are taken to hold, and test-only items are left out. What Rust has
//! and the form has not:
//! - a type and its `impl`s are one class; traits are its bases;
//! - an inline `mod m` is a class `m`, so that `m::f` is an attribute;
//! - `?` and `.await` are both [`Await`](super::facts::ExprKind::Await); an
//!   `async` block is an async lambda, called;
//! - `crate`, `super` and `self` at the head of a path in an expression stay
//!   names of that spelling;
//! - a block's items come before its statements.

mod attributes;
mod builder;
mod control;
mod depth;
mod expand;
mod imports;
mod items;
mod macros;
mod patterns;
mod types;
mod values;

#[cfg(test)]
mod dump;
#[cfg(test)]
mod tests;

use proc_macro2::{Span, TokenStream};

use super::SyntaxError;
use super::facts::{FileFacts, Rules, ScopeId};
use builder::Lowering;
use expand::Expander;
pub use expand::{FileMacros, Macros};

/// How names are looked up in Rust.
const RULES: Rules = Rules {
    separator: "::",
    nested: "::",
    class_scope_visible: false,
};

/// What the Rust file `text` at `path` says by itself: [`lower_in`] a tree
/// that defines no macros.
pub fn lower(path: &str, text: &str) -> Result<FileFacts, SyntaxError> {
    lower_in(path, text, &Macros::default())
}

/// What the Rust file `text` at `path` says, in a tree that defines `macros`.
/// Those of the file itself need not be among them, and win.
///
/// Fails when the text is not Rust, or nests too deep to be read; never
/// panics. proc_macro2 keeps positions per thread: those of this thread are
/// forgotten at the end, so spans made elsewhere must not live across a call.
pub fn lower_in(path: &str, text: &str, macros: &Macros) -> Result<FileFacts, SyntaxError> {
    let facts = read(path, text, macros);
    proc_macro2::extra::invalidate_current_thread_spans();
    facts
}

fn read(path: &str, text: &str, macros: &Macros) -> Result<FileFacts, SyntaxError> {
    let tokens: TokenStream = program(text)
        .parse()
        .map_err(|error: proc_macro2::LexError| parse_error(error.span()))?;
    depth::check(tokens.clone())?;
    let expander = Expander::new(path, tokens.clone(), macros);
    let file: syn::File = syn::parse2(tokens).map_err(|error| parse_error(error.span()))?;
    let n_lines = text.lines().count() as u32;
    let mut lowering = Lowering::new(n_lines.max(1));
    lowering.expander = expander;
    if !attributes::for_tests(&file.attrs) {
        lowering.within(ScopeId::MODULE, |s| s.items(file.items.iter()));
    }
    lowering.scopes[0].doc = attributes::doc(&file.attrs);
    let (scopes, exprs) = (lowering.scopes, lowering.exprs);
    Ok(FileFacts::new(path, scopes, exprs, RULES, n_lines))
}

/// `text` without its byte order mark and `#!` line; lines keep their numbers.
fn program(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.strip_prefix("#!") {
        Some(rest) if !rest.trim_start().starts_with('[') => {
            text.find('\n').map_or("", |end| &text[end..])
        }
        _ => text,
    }
}

fn parse_error(span: Span) -> SyntaxError {
    let start = span.start();
    SyntaxError::Parse {
        line: start.line as u32,
        column: start.column as u32 + 1,
    }
}
