//! Attributes: decorators, doc comments, and what is only there for tests.

use smol_str::SmolStr;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Lit, Meta, Token};

use super::super::facts::{Arg, ExprId};
use super::builder::{Lowering, positional};
use super::types::path_words;

/// Attributes that say nothing about what the code does.
const SILENT: &[&str] = &[
    "allow",
    "cfg",
    "cfg_attr",
    "cold",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "forbid",
    "inline",
    "must_use",
    "rustfmt",
    "warn",
];

impl Lowering {
    /// Attributes as decorators: `#[get("/x")]` is the call `get("/x")`.
    pub(super) fn decorators(&mut self, attrs: &[Attribute]) -> Vec<ExprId> {
        attrs
            .iter()
            .filter(|attr| !is_silent(attr))
            .map(|attr| self.decorator(&attr.meta))
            .collect()
    }

    fn decorator(&mut self, meta: &Meta) -> ExprId {
        let callee = self.value_path(None, meta.path());
        let span = meta.path().segments[0].ident.span();
        match meta {
            Meta::Path(_) => callee,
            Meta::List(list) => {
                let args = self.arguments(&list.tokens);
                self.call(callee, args, span)
            }
            Meta::NameValue(pair) => {
                let value = self.value(&pair.value);
                self.call(callee, vec![positional(value)], span)
            }
        }
    }

    /// Comma-separated arguments; `name = value` is by name.
    fn arguments(&mut self, tokens: &proc_macro2::TokenStream) -> Vec<Arg> {
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        match parser.parse2(tokens.clone()) {
            Ok(args) => args.iter().map(|arg| self.argument(arg)).collect(),
            Err(_) => self.salvage(tokens).into_iter().map(positional).collect(),
        }
    }
}

fn is_silent(attr: &Attribute) -> bool {
    let path = attr.path();
    let first = path.segments.first();
    first.is_none_or(|first| SILENT.iter().any(|silent| first.ident == silent))
}

/// The doc comment that `attrs` spell.
pub(super) fn doc(attrs: &[Attribute]) -> Option<SmolStr> {
    let lines: Vec<String> = attrs.iter().filter_map(doc_line).collect();
    (!lines.is_empty()).then(|| lines.join("\n").into())
}

fn doc_line(attr: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attr.meta else {
        return None;
    };
    let Expr::Lit(literal) = &pair.value else {
        return None;
    };
    let Lit::Str(text) = &literal.lit else {
        return None;
    };
    let text = text.value();
    let line = text.strip_prefix(' ').unwrap_or(&text).trim_end();
    pair.path.is_ident("doc").then(|| line.to_owned())
}

/// Compiled for tests only.
pub(super) fn for_tests(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        if attr.path().is_ident("cfg") {
            return attr
                .parse_args::<Meta>()
                .is_ok_and(|meta| needs_test(&meta));
        }
        let last = path_words(attr.path()).pop();
        last.is_some_and(|last| last == "test" || last == "bench" || last == "rstest")
    })
}

/// `predicate` cannot hold outside tests.
fn needs_test(predicate: &Meta) -> bool {
    let Meta::List(list) = predicate else {
        return predicate.path().is_ident("test");
    };
    let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
    let Ok(inner) = parser.parse2(list.tokens.clone()) else {
        return false;
    };
    if list.path.is_ident("all") {
        return inner.iter().any(needs_test);
    }
    list.path.is_ident("any") && !inner.is_empty() && inner.iter().all(needs_test)
}
