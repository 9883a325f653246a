//! Rust source to [`FileFacts`], through syn.
//!
//! One file at a time: `macro_rules!` of the tree are expanded where they are
//! called, other macros are read by what is known of them, `cfg`s other than
//! `test` are taken to hold, and test-only items are left out. What Rust has
//! and the form has not:
//! - a type and its own `impl`s beside it are one class; an `impl` of a trait,
//!   or of a type defined elsewhere, is an extension; a trait is an interface;
//! - a type parameter is what its bounds say, `impl[Bound]`;
//! - `<T as Trait>::f` is `T[Trait]::f`;
//! - an inline `mod m` is a class `m`, so that `m::f` is an attribute;
//! - `?` and `.await` are both [`Await`](super::facts::ExprKind::Await); an
//!   `async` block is an async lambda, called;
//! - `crate` at the head of a path stays a name of that spelling; so does
//!   `super` where it leaves the file;
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
mod written;

#[cfg(test)]
mod dump;
#[cfg(test)]
mod tests;

use proc_macro2::{Span, TokenStream};

use super::SyntaxError;
use super::facts::{FileFacts, ImportRule, Rules, ScopeId};
use builder::Lowering;
use expand::Expander;
pub use expand::{FileMacros, Macros};

/// How names are looked up in Rust.
const RULES: Rules = Rules {
    separator: "::",
    nested: "::",
    imports: ImportRule::Crates,
    root: Some("core.any"),
    prelude: &[
        ("AsMut", "std.convert.AsMut"),
        ("AsRef", "std.convert.AsRef"),
        ("Box", "std.boxed.Box"),
        ("Clone", "std.clone.Clone"),
        ("Default", "std.default.Default"),
        ("Drop", "std.ops.Drop"),
        ("Err", "std.result.Result.Err"),
        ("Fn", "std.ops.Fn"),
        ("FnMut", "std.ops.FnMut"),
        ("FnOnce", "std.ops.FnOnce"),
        ("From", "std.convert.From"),
        ("FromIterator", "std.iter.FromIterator"),
        ("Into", "std.convert.Into"),
        ("IntoIterator", "std.iter.IntoIterator"),
        ("Iterator", "std.iter.Iterator"),
        ("None", "std.option.Option.None"),
        ("Ok", "std.result.Result.Ok"),
        ("Option", "std.option.Option"),
        ("Result", "std.result.Result"),
        ("Some", "std.option.Option.Some"),
        ("String", "std.string.String"),
        ("ToOwned", "std.borrow.ToOwned"),
        ("ToString", "std.string.ToString"),
        ("TryFrom", "std.convert.TryFrom"),
        ("TryInto", "std.convert.TryInto"),
        ("Vec", "std.vec.Vec"),
        ("drop", "std.mem.drop"),
    ],
    protocols: &[
        ("__add__", "add"),
        ("__and__", "bitand"),
        ("__eq__", "eq"),
        ("__ge__", "partial_cmp"),
        ("__getitem__", "index"),
        ("__gt__", "partial_cmp"),
        ("__iadd__", "add_assign"),
        ("__iand__", "bitand_assign"),
        ("__ilshift__", "shl_assign"),
        ("__imod__", "rem_assign"),
        ("__imul__", "mul_assign"),
        ("__invert__", "not"),
        ("__ior__", "bitor_assign"),
        ("__irshift__", "shr_assign"),
        ("__isub__", "sub_assign"),
        ("__iter__", "into_iter"),
        ("__itruediv__", "div_assign"),
        ("__ixor__", "bitxor_assign"),
        ("__le__", "partial_cmp"),
        ("__lshift__", "shl"),
        ("__lt__", "partial_cmp"),
        ("__mod__", "rem"),
        ("__mul__", "mul"),
        ("__ne__", "eq"),
        ("__neg__", "neg"),
        ("__next__", "next"),
        ("__or__", "bitor"),
        ("__rshift__", "shr"),
        ("__setitem__", "index_mut"),
        ("__str__", "fmt"),
        ("__sub__", "sub"),
        ("__truediv__", "div"),
        ("__xor__", "bitxor"),
    ],
    mapping_gives_pairs: true,
    fields_are_apart: true,
    lambdas_are_parts: true,
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
    let mut facts = FileFacts::new(path, scopes, exprs, RULES, n_lines);
    facts.tries = lowering.tries;
    facts.field_decorators = lowering.field_decorators;
    Ok(facts)
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
