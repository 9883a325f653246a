//! Arguments of macros: expressions between commas, with what macros put in
//! front of them: `name = value`, `target: value`, `?value`, `"key" => value`.

use proc_macro2::TokenStream;
use smol_str::SmolStr;
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Ident, LitStr, Member, Token, token};

use super::super::super::facts::{Arg, ExprId, ExprKind};
use super::super::builder::{Lowering, named, positional};
use super::super::patterns::member_name;
use super::start_of;
use super::text::text_of;

/// Macros whose first text argument is a format string.
const FORMATTING: &[&str] = &[
    "anyhow",
    "bail",
    "debug",
    "ensure",
    "eprint",
    "eprintln",
    "error",
    "event",
    "expect",
    "eyre",
    "info",
    "log",
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

/// One argument as written.
pub(super) struct Given {
    /// `name` of `name = value`; dotted in the macros of tracing.
    pub(super) name: Option<SmolStr>,
    /// `key` of `key => value`.
    pub(super) key: Option<Expr>,
    pub(super) value: Expr,
}

/// The arguments that `tokens` are; `None` if anything in them is none.
pub(super) fn arguments(tokens: &TokenStream) -> Option<Vec<Given>> {
    let parser = |input: ParseStream| {
        let mut found = Vec::new();
        while !input.is_empty() {
            one_or_braces(input, &mut found)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(found)
    };
    parser.parse2(tokens.clone()).ok()
}

/// The arguments that `tokens` are, where all are plain expressions.
pub(super) fn expressions(tokens: &TokenStream) -> Option<Vec<Expr>> {
    let parser = syn::punctuated::Punctuated::<Expr, Token![,]>::parse_terminated;
    let args = parser.parse2(tokens.clone()).ok()?;
    Some(args.into_iter().collect())
}

/// An argument; tracing takes fields in braces in front of the text.
fn one_or_braces(input: ParseStream, found: &mut Vec<Given>) -> syn::Result<()> {
    let ahead = input.fork();
    if input.peek(token::Brace)
        && let Ok(fields) = in_braces(&ahead)
        && fields.iter().all(|field| field.name.is_some())
        && (ahead.is_empty() || ahead.peek(Token![,]))
    {
        input.advance_to(&ahead);
        found.extend(fields);
        return Ok(());
    }
    found.push(one(input)?);
    Ok(())
}

fn in_braces(input: ParseStream) -> syn::Result<Vec<Given>> {
    let inner;
    syn::braced!(inner in input);
    let fields = inner.parse_terminated(one, Token![,])?;
    Ok(fields.into_iter().collect())
}

fn one(input: ParseStream) -> syn::Result<Given> {
    let mut name = name(input);
    let is_marked = marked(input)?;
    let value: Expr = input.parse()?;
    if is_marked && name.is_none() {
        name = dotted(&value);
    }
    if input.parse::<Option<Token![=>]>>()?.is_none() {
        let key = None;
        return Ok(Given { name, key, value });
    }
    Ok(Given {
        name,
        key: Some(value),
        value: input.parse()?,
    })
}

/// `a.b =`, `"a b" =` or `a:`, if that comes next.
fn name(input: ParseStream) -> Option<SmolStr> {
    let ahead = input.fork();
    let name = match ahead.parse::<LitStr>() {
        Ok(text) => text.value(),
        Err(_) => {
            let mut name = ahead.call(Ident::parse_any).ok()?.unraw().to_string();
            while ahead.parse::<Option<Token![.]>>().ok()?.is_some() {
                name.push('.');
                let part = ahead.call(Ident::parse_any).ok()?;
                name.push_str(&part.unraw().to_string());
            }
            name
        }
    };
    if ahead.peek(Token![=]) && !ahead.peek(Token![==]) && !ahead.peek(Token![=>]) {
        ahead.parse::<Token![=]>().ok()?;
    } else if ahead.peek(Token![:]) && !ahead.peek(Token![::]) {
        ahead.parse::<Token![:]>().ok()?;
    } else {
        return None;
    }
    input.advance_to(&ahead);
    Some(name.into())
}

/// `?` or `%` in front of a value: how tracing is to show it.
fn marked(input: ParseStream) -> syn::Result<bool> {
    let is_debug = input.parse::<Option<Token![?]>>()?.is_some();
    Ok(is_debug || input.parse::<Option<Token![%]>>()?.is_some())
}

/// The path of fields that `value` is.
fn dotted(value: &Expr) -> Option<SmolStr> {
    match value {
        Expr::Path(path) => Some(path.path.get_ident()?.unraw().to_string().into()),
        Expr::Field(field) => {
            let base = dotted(&field.base)?;
            let member: &Member = &field.member;
            Some(format!("{base}.{}", member_name(member)).into())
        }
        _ => None,
    }
}

impl Lowering {
    /// The arguments of a macro that is a call of `name!`.
    pub(super) fn macro_args(&mut self, name: &str, tokens: &TokenStream) -> Vec<Arg> {
        let Some(given) = arguments(tokens) else {
            let parts = self.salvaged(tokens);
            return vec![positional(self.opaque(parts, start_of(tokens)))];
        };
        if !given.is_empty() && given.iter().all(|arg| arg.key.is_some()) {
            let entries = self.entries(&given);
            let span = start_of(tokens);
            return vec![positional(self.expr(ExprKind::Dict(entries.into()), span))];
        }
        let is_text = |arg: &Given| arg.name.is_none() && text_of(&arg.value).is_some();
        let text = given.iter().position(is_text);
        let text = text.filter(|_| FORMATTING.contains(&name));
        let (before, text) = given.split_at(text.unwrap_or(given.len()));
        let mut args: Vec<Arg> = before.iter().flat_map(|arg| self.given(arg)).collect();
        if !text.is_empty() {
            args.push(positional(self.format(text)));
        }
        args
    }

    /// An argument, its key in front of it.
    fn given(&mut self, arg: &Given) -> Vec<Arg> {
        let key = arg.key.as_ref().map(|key| positional(self.value(key)));
        let value = self.value(&arg.value);
        let value = match &arg.name {
            Some(name) => named(name.clone(), value),
            None => positional(value),
        };
        key.into_iter().chain([value]).collect()
    }

    /// `key => value` as entries of a `Dict`.
    pub(super) fn entries(&mut self, given: &[Given]) -> Vec<(Option<ExprId>, ExprId)> {
        let entry = |arg: &Given| {
            let key = arg.key.as_ref().map(|key| self.value(key));
            (key, self.value(&arg.value))
        };
        given.iter().map(entry).collect()
    }
}
