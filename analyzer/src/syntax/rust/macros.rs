//! Macro calls, by the names everybody knows; what is in any other is salvaged.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use smol_str::{SmolStr, format_smolstr};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, Lit, Macro, Token};

use super::super::facts::{ExprId, ExprKind, StmtKind};
use super::builder::{Lowering, positional};
use super::control::Sink;
use super::types::path_words;

/// Macros that never give a value.
const DIVERGING: &[&str] = &["panic", "todo", "unimplemented", "unreachable"];

/// Macros whose first text argument is a format string.
const FORMATTING: &[&str] = &[
    "anyhow",
    "assert",
    "assert_eq",
    "assert_ne",
    "bail",
    "debug",
    "debug_assert",
    "ensure",
    "eprint",
    "eprintln",
    "error",
    "expect",
    "format",
    "format_args",
    "info",
    "panic",
    "print",
    "println",
    "todo",
    "trace",
    "unimplemented",
    "unreachable",
    "warn",
    "write",
    "writeln",
];

impl Lowering {
    /// A macro call as a statement or last expression.
    pub(super) fn macro_into(&mut self, mac: &Macro, sink: &Sink) {
        let span = mac.bang_token.span;
        let name = path_words(&mac.path).pop().unwrap_or_default();
        if matches!(name.as_str(), "assert" | "debug_assert")
            && let Some(test) = arguments(&mac.tokens)
                .as_ref()
                .and_then(|args| args.first())
        {
            let test = self.value(test);
            return self.stmt(StmtKind::Assert(test), span);
        }
        if matches!(name.as_str(), "thread_local" | "lazy_static") {
            return self.item_macro(mac);
        }
        let value = self.macro_value(mac);
        if DIVERGING.contains(&name.as_str()) {
            return self.stmt(StmtKind::Raise(Some(value)), span);
        }
        self.send(value, sink, span);
    }

    /// A macro call as a value.
    pub(super) fn macro_value(&mut self, mac: &Macro) -> ExprId {
        let mut words = path_words(&mac.path);
        let span = mac.path.segments[0].ident.span();
        let name = words.pop().unwrap_or_default();
        match name.as_str() {
            "format" | "format_args" => {
                if let Some(format) = self.format_call(&mac.tokens) {
                    return format;
                }
            }
            "vec" => return self.vector(&mac.tokens, span),
            _ => {}
        }
        words.push(format_smolstr!("{name}!"));
        let callee = self.path_of(&words, span);
        let args = match name.as_str() {
            "json" => vec![self.json(mac.tokens.clone(), span)],
            _ => self.macro_args(&name, &mac.tokens),
        };
        self.call(callee, args.into_iter().map(positional).collect(), span)
    }

    fn macro_args(&mut self, name: &str, tokens: &TokenStream) -> Vec<ExprId> {
        let Some(args) = arguments(tokens) else {
            let parts = self.salvage(tokens);
            let span = first_span(tokens);
            return vec![self.opaque(parts, span)];
        };
        let text = args.iter().position(|arg| text_of(arg).is_some());
        match text {
            Some(at) if FORMATTING.contains(&name) => {
                let mut lowered: Vec<ExprId> =
                    args[..at].iter().map(|arg| self.value(arg)).collect();
                lowered.push(self.format(&args[at..]));
                lowered
            }
            _ => args.iter().map(|arg| self.argument(arg).value).collect(),
        }
    }

    fn format_call(&mut self, tokens: &TokenStream) -> Option<ExprId> {
        let args = arguments(tokens)?;
        text_of(args.first()?)?;
        Some(self.format(&args))
    }

    /// A format string and its arguments. An argument the string does not
    /// name is a hole at the end.
    fn format(&mut self, args: &[Expr]) -> ExprId {
        let (span, text) = match args.first().and_then(text_of) {
            Some(literal) => (literal.span(), literal.value()),
            None => (Span::call_site(), String::new()),
        };
        let mut given: Vec<(Option<SmolStr>, Option<ExprId>)> = Vec::new();
        for arg in &args[1..] {
            let arg = self.argument(arg);
            given.push((arg.name, Some(arg.value)));
        }
        let mut parts = Vec::new();
        let mut next = 0;
        for piece in pieces(&text) {
            let part = match piece {
                Piece::Text(text) => Some(self.expr(ExprKind::Str(text.into()), span)),
                Piece::Hole("") => {
                    next += 1;
                    given.get_mut(next - 1).and_then(|arg| arg.1.take())
                }
                Piece::Hole(hole) => self.hole(hole, &mut given, span),
            };
            parts.extend(part);
        }
        parts.extend(given.into_iter().filter_map(|(_, value)| value));
        self.expr(ExprKind::Format(parts.into()), span)
    }

    fn hole(
        &mut self,
        hole: &str,
        given: &mut [(Option<SmolStr>, Option<ExprId>)],
        span: Span,
    ) -> Option<ExprId> {
        let arg = match hole.parse::<usize>() {
            Ok(idx) => given.get_mut(idx),
            Err(_) => given
                .iter_mut()
                .find(|(name, _)| name.as_deref() == Some(hole)),
        };
        match arg {
            Some((_, value)) => value.take(),
            None => Some(self.name(hole, span)),
        }
    }

    fn vector(&mut self, tokens: &TokenStream, span: Span) -> ExprId {
        if let Some(args) = arguments(tokens) {
            let elems = args.iter().map(|arg| self.value(arg)).collect();
            return self.expr(ExprKind::List(elems), span);
        }
        let parts = self.salvage(tokens);
        match parts.split_first() {
            Some((elem, len)) => {
                let list = self.expr(ExprKind::List([*elem].into()), span);
                self.opaque(
                    [list].into_iter().chain(len.iter().copied()).collect(),
                    span,
                )
            }
            None => self.expr(ExprKind::List([].into()), span),
        }
    }

    /// `json!`'s argument: objects as `Dict`, arrays as `List`.
    fn json(&mut self, tokens: TokenStream, span: Span) -> ExprId {
        let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
        match trees.as_slice() {
            [TokenTree::Group(group)] if group.delimiter() == Delimiter::Brace => {
                let entries = split(group.stream(), ',');
                let entries = entries
                    .into_iter()
                    .map(|entry| self.json_entry(entry, span));
                let entries: Vec<_> = entries.collect();
                self.expr(ExprKind::Dict(entries.into()), group.span())
            }
            [TokenTree::Group(group)] if group.delimiter() == Delimiter::Bracket => {
                let elems = split(group.stream(), ',').into_iter();
                let elems = elems.map(|elem| self.json(elem, span)).collect();
                self.expr(ExprKind::List(elems), group.span())
            }
            [TokenTree::Ident(null)] if *null == "null" => self.expr(ExprKind::None, null.span()),
            _ => self.tokens(tokens),
        }
    }

    fn json_entry(&mut self, entry: TokenStream, span: Span) -> (Option<ExprId>, ExprId) {
        let mut parts = split(entry, ':').into_iter();
        let key = parts.next().unwrap_or_default();
        let rest: Vec<TokenStream> = parts.collect();
        let key = self.tokens(key);
        match <[TokenStream; 1]>::try_from(rest) {
            Ok([value]) => (Some(key), self.json(value, span)),
            Err(rest) => {
                let parts = rest.into_iter().map(|part| self.tokens(part)).collect();
                (Some(key), self.opaque(parts, span))
            }
        }
    }

    /// `tokens` as an expression, or what of them parses.
    fn tokens(&mut self, tokens: TokenStream) -> ExprId {
        match syn::parse2::<Expr>(tokens.clone()) {
            Ok(value) => self.value(&value),
            Err(_) => {
                let span = first_span(&tokens);
                let parts = self.salvage(&tokens);
                self.opaque(parts, span)
            }
        }
    }

    /// The expressions in `tokens`, between the usual separators; a stretch
    /// that does not parse is searched inside its groups.
    pub(super) fn salvage(&mut self, tokens: &TokenStream) -> Vec<ExprId> {
        let mut found = Vec::new();
        for stretch in stretches(tokens) {
            if let Ok(value) = syn::parse2::<Expr>(stretch.clone()) {
                found.push(self.value(&value));
                continue;
            }
            for token in stretch {
                if let TokenTree::Group(group) = token {
                    found.extend(self.salvage(&group.stream()));
                }
            }
        }
        found
    }

    /// A macro among items: the items or expressions it holds.
    pub(super) fn item_macro(&mut self, mac: &Macro) {
        if mac.path.is_ident("macro_rules") {
            return;
        }
        if let Some(file) = held_items(&mac.tokens) {
            return self.items(file.items.iter());
        }
        let value = self.macro_value(mac);
        self.stmt(StmtKind::Expr(value), mac.bang_token.span);
    }
}

/// The items that a macro like `thread_local!` or `lazy_static!` holds.
fn held_items(tokens: &TokenStream) -> Option<syn::File> {
    let is_ref = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if *word == "ref");
    let plain = || tokens.clone().into_iter().filter(|token| !is_ref(token));
    let semicolon = TokenTree::Punct(proc_macro2::Punct::new(';', proc_macro2::Spacing::Alone));
    let file = syn::parse2::<syn::File>(plain().collect());
    let file = file.or_else(|_| syn::parse2(plain().chain([semicolon]).collect()));
    file.ok().filter(|file| !file.items.is_empty())
}

fn arguments(tokens: &TokenStream) -> Option<Vec<Expr>> {
    let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
    let args = parser.parse2(tokens.clone()).ok()?;
    Some(args.into_iter().collect())
}

fn text_of(arg: &Expr) -> Option<&syn::LitStr> {
    match arg {
        Expr::Lit(syn::ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text),
        _ => None,
    }
}

fn first_span(tokens: &TokenStream) -> Span {
    let first = tokens.clone().into_iter().next();
    first.map_or_else(Span::call_site, |token| token.span())
}

fn split(tokens: TokenStream, separator: char) -> Vec<TokenStream> {
    let mut parts: Vec<Vec<TokenTree>> = vec![Vec::new()];
    let mut glued = false;
    for token in tokens {
        let (is_separator, joint) = match &token {
            TokenTree::Punct(punct) => {
                let joint = punct.spacing() == proc_macro2::Spacing::Joint;
                (punct.as_char() == separator && !glued && !joint, joint)
            }
            _ => (false, false),
        };
        glued = joint;
        if is_separator {
            parts.push(Vec::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(token);
        }
    }
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.map(|part| part.into_iter().collect()).collect()
}

fn stretches(tokens: &TokenStream) -> Vec<TokenStream> {
    let is_separator = |token: &TokenTree| match token {
        TokenTree::Punct(punct) => {
            matches!(punct.as_char(), ',' | ';' | '=' | ':' | '@' | '%' | '#')
        }
        _ => false,
    };
    let all: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let parts = all.split(is_separator).filter(|part| !part.is_empty());
    let whole = parts.map(|part| part.iter().cloned().collect());
    whole.collect()
}

/// A piece of a format string.
enum Piece<'a> {
    Text(String),
    /// What stands before the colon in braces.
    Hole(&'a str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            plain.push_str(brace);
            rest = after;
        } else if brace == "{"
            && let Some((hole, after)) = rest.split_once('}')
        {
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            let name = hole.split_once(':').map_or(hole, |(name, _)| name);
            pieces.push(Piece::Hole(name.trim()));
            rest = after;
        }
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    pieces
}
