//! Macro calls: expanded where the tree defines the macro, by what everybody
//! knows of it where it is a standard one; what is in any other is salvaged.

mod arguments;
mod checks;
mod collections;
mod format;
mod joined;
mod json;
mod salvage;
mod select;
mod statics;
mod text;

#[cfg(test)]
mod tests;

use proc_macro2::{Span, TokenStream};
use smol_str::{SmolStr, format_smolstr};
use syn::{Item, Macro};

use super::super::facts::{ExprId, ExprKind, StmtKind};
use super::builder::{Lowering, positional};
use super::control::Sink;
use super::types::path_words;
pub(super) use statics::held_items;

/// Macros that never give a value.
const DIVERGING: &[&str] = &["bail", "panic", "todo", "unimplemented", "unreachable"];

/// Macros that are known here, and not taken from other files of the tree:
/// where a file imports one, nothing tells it from one of the same name.
/// Names that are too short to say so much are left out.
const STANDARD: &[&str] = &[
    "anyhow",
    "assert",
    "assert_eq",
    "assert_ne",
    "bail",
    "btreemap",
    "btreeset",
    "cfg",
    "cfg_if",
    "column",
    "compile_error",
    "concat",
    "dbg",
    "debug",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "debug_span",
    "ensure",
    "env",
    "eprint",
    "eprintln",
    "error",
    "error_span",
    "event",
    "eyre",
    "file",
    "format",
    "format_args",
    "hashmap",
    "hashset",
    "include",
    "include_bytes",
    "include_str",
    "indexmap",
    "indexset",
    "info",
    "info_span",
    "join",
    "json",
    "lazy_static",
    "line",
    "log",
    "macro_rules",
    "matches",
    "module_path",
    "option_env",
    "panic",
    "pin",
    "print",
    "println",
    "query",
    "query_as",
    "query_file",
    "query_file_as",
    "query_scalar",
    "select",
    "select_biased",
    "smallvec",
    "span",
    "stringify",
    "thread_local",
    "todo",
    "trace",
    "trace_span",
    "try_join",
    "unimplemented",
    "unreachable",
    "vec",
    "warn",
    "warn_span",
    "write",
    "writeln",
];

/// `name` is known here.
pub(super) fn is_standard(name: &str) -> bool {
    STANDARD.binary_search(&name).is_ok()
}

impl Lowering {
    /// A macro call as a statement or last expression.
    pub(super) fn macro_into(&mut self, mac: &Macro, sink: &Sink) {
        let expanded = self.expanded(mac, |s, tokens| s.made_statements(tokens, sink));
        if expanded.is_some() {
            return;
        }
        let span = mac.bang_token.span;
        let name = path_words(&mac.path).pop().unwrap_or_default();
        if self.statement_macro(&name, mac, sink).is_some() {
            return;
        }
        let value = self.unexpanded(mac);
        if DIVERGING.contains(&name.as_str()) {
            return self.stmt(StmtKind::Raise(Some(value)), span);
        }
        self.send(value, sink, span);
    }

    /// A macro that is statements rather than a value.
    fn statement_macro(&mut self, name: &str, mac: &Macro, sink: &Sink) -> Option<()> {
        let span = mac.bang_token.span;
        match name {
            "assert" | "debug_assert" => self.assertion(&mac.tokens, span),
            "assert_eq" | "debug_assert_eq" => self.equality(&mac.tokens, true, span),
            "assert_ne" | "debug_assert_ne" => self.equality(&mac.tokens, false, span),
            "ensure" => self.ensured(mac, span),
            "select" | "select_biased" => self.select(&mac.tokens, sink, span),
            "cfg_if" => self.configured(&mac.tokens, sink, span),
            "thread_local" | "lazy_static" => {
                self.items(held_items(mac)?.iter());
                Some(())
            }
            _ => None,
        }
    }

    /// A macro call as a value.
    pub(super) fn macro_value(&mut self, mac: &Macro) -> ExprId {
        let span = first_span(mac);
        let expanded = self.expanded(mac, |s, tokens| s.made_value(tokens, span));
        expanded.unwrap_or_else(|| self.unexpanded(mac))
    }

    fn unexpanded(&mut self, mac: &Macro) -> ExprId {
        let mut words = path_words(&mac.path);
        let span = first_span(mac);
        let name = words.pop().unwrap_or_default();
        if let Some(value) = self.value_macro(&name, mac, span) {
            return value;
        }
        words.push(format_smolstr!("{name}!"));
        let callee = self.path_of(&words, span);
        let args = match name.as_str() {
            "json" => vec![positional(self.json(mac.tokens.clone(), span))],
            _ => self.macro_args(&name, &mac.tokens),
        };
        self.call(callee, args, span)
    }

    /// A macro whose value the form can express.
    fn value_macro(&mut self, name: &str, mac: &Macro, span: Span) -> Option<ExprId> {
        let tokens = &mac.tokens;
        match name {
            "format" | "format_args" => self.format_call(tokens),
            "concat" => self.concatenation(tokens, span),
            "stringify" => {
                let text = SmolStr::from(tokens.to_string());
                Some(self.expr(ExprKind::Str(text), span))
            }
            "vec" | "smallvec" => Some(self.vector(tokens, span)),
            "hashset" | "btreeset" | "indexset" => self.set_of(tokens, span),
            "hashmap" | "btreemap" | "indexmap" => self.map_of(tokens, span),
            "s" => self.slices(tokens, span),
            "matches" => self.matching(tokens, span),
            "dbg" => self.debugged(tokens, span),
            "join" | "try_join" => self.joined(tokens, span),
            "select" | "select_biased" | "cfg_if" => self.through_temporary(name, mac, span),
            _ => None,
        }
    }

    /// The value of statements, through a temporary.
    fn through_temporary(&mut self, name: &str, mac: &Macro, span: Span) -> Option<ExprId> {
        let result = self.temporary();
        self.statement_macro(name, mac, &Sink::Into(result.clone()))?;
        Some(self.name(result, span))
    }

    /// A macro among items, of which none could be made: its value.
    pub(super) fn item_macro(&mut self, mac: &Macro) {
        if !mac.path.is_ident("macro_rules") {
            let value = self.unexpanded(mac);
            self.stmt(StmtKind::Expr(value), mac.bang_token.span);
        }
    }

    /// A macro in an `impl` or trait: the items that it makes or holds.
    pub(super) fn member_macro(&mut self, mac: &Macro) {
        let item = Item::Macro(syn::ItemMacro {
            attrs: Vec::new(),
            ident: None,
            mac: mac.clone(),
            semi_token: None,
        });
        self.items(std::iter::once(&item));
    }
}

fn first_span(mac: &Macro) -> Span {
    let first = mac.path.segments.first();
    first.map_or(mac.bang_token.span, |first| first.ident.span())
}

/// Where `tokens` start.
fn start_of(tokens: &TokenStream) -> Span {
    let first = tokens.clone().into_iter().next();
    first.map_or_else(Span::call_site, |token| token.span())
}
