//! `select!`: one of several futures, with what is done about it.
//!
//! Each branch is an alternative: its future awaited, what it gives bound to
//! the pattern, the handler run. Which one it is nobody knows; a condition
//! stands where the branch has one.

use proc_macro2::{Span, TokenStream};
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Ident, Pat, Token, token};

use super::super::super::facts::{ExprId, ExprKind, Stmt, StmtKind};
use super::super::builder::Lowering;
use super::super::control::Sink;
use super::super::patterns::Place;
use super::super::values::start;

/// Most branches that are read; they stand one inside the other.
const BRANCHES: usize = 64;

/// One branch.
struct Branch {
    /// `None` for `else`, `default` and `complete`.
    waits: Option<Waits>,
    handler: Expr,
}

/// What a branch waits for.
struct Waits {
    pat: Pat,
    future: Expr,
    condition: Option<Expr>,
    /// A channel's operation (`recv(r) -> x`) or a timeout, which is no future.
    is_operation: bool,
}

impl Lowering {
    /// A `select!` as a statement; what the handler gives goes to `sink`.
    pub(super) fn select(&mut self, tokens: &TokenStream, sink: &Sink, span: Span) -> Option<()> {
        let branches = branches.parse2(tokens.clone()).ok()?;
        if branches.is_empty() || branches.len() > BRANCHES {
            return None;
        }
        let mut other: Vec<Stmt> = Vec::new();
        for (idx, branch) in branches.iter().enumerate().rev() {
            let is_last = idx + 1 == branches.len();
            let (stmts, ()) = self.block(|s| {
                let test = s.branch_test(branch, span);
                let (then, ()) = s.block(|s| s.branch_body(branch, sink));
                if is_last {
                    s.body.extend(then);
                } else {
                    let other = std::mem::take(&mut other);
                    s.stmt(StmtKind::If { test, then, other }, span);
                }
            });
            other = stmts;
        }
        self.body.extend(other);
        Some(())
    }

    fn branch_test(&mut self, branch: &Branch, span: Span) -> ExprId {
        let waits = branch.waits.as_ref();
        match waits.and_then(|waits| waits.condition.as_ref()) {
            Some(condition) => self.value(condition),
            None => self.opaque(Vec::new(), span),
        }
    }

    fn branch_body(&mut self, branch: &Branch, sink: &Sink) {
        if let Some(waits) = &branch.waits {
            let span = start(&waits.future);
            let mut value = self.value(&waits.future);
            if !waits.is_operation {
                value = self.expr(ExprKind::Await(value), span);
            }
            let name = self.temporary();
            let target = self.name(name.clone(), span);
            self.assign(target, value, span);
            self.bind_pattern(&waits.pat, &Place(vec![name]));
        }
        self.value_into(&branch.handler, sink);
    }
}

fn branches(input: ParseStream) -> syn::Result<Vec<Branch>> {
    biased(input)?;
    let mut found = Vec::new();
    while !input.is_empty() {
        input.call(syn::Attribute::parse_outer)?;
        let waits = waits(input)?;
        input.parse::<Token![=>]>()?;
        let ends = input.peek(token::Brace);
        let handler = match ends {
            // A block ends its branch, unless something goes on with it.
            true if !goes_on(input) => Expr::Block(syn::ExprBlock {
                attrs: Vec::new(),
                label: None,
                block: input.parse()?,
            }),
            _ => input.parse()?,
        };
        found.push(Branch { waits, handler });
        let comma = input.parse::<Option<Token![,]>>()?;
        if comma.is_none() && !ends && !input.is_empty() {
            return Err(input.error("no comma"));
        }
    }
    Ok(found)
}

/// Behind the braces that come next stands `.` or `?`.
fn goes_on(input: ParseStream) -> bool {
    input.peek2(Token![.]) || input.peek2(Token![?])
}

fn waits(input: ParseStream) -> syn::Result<Option<Waits>> {
    if input.peek(Token![else]) {
        input.parse::<Token![else]>()?;
        return Ok(None);
    }
    let ahead = input.fork();
    if let Ok(word) = ahead.parse::<Ident>()
        && (word == "default" || word == "complete")
        && ahead.peek(Token![=>])
    {
        input.advance_to(&ahead);
        return Ok(None);
    }
    let ahead = input.fork();
    if let Ok(pat) = Pat::parse_multi_with_leading_vert(&ahead)
        && ahead.peek(Token![=])
        && !ahead.peek(Token![=>])
    {
        ahead.parse::<Token![=]>()?;
        let future = ahead.parse()?;
        let condition = match ahead.parse::<Option<Token![,]>>()? {
            Some(_) => {
                ahead.parse::<Token![if]>()?;
                Some(ahead.parse()?)
            }
            None => None,
        };
        input.advance_to(&ahead);
        let is_operation = false;
        return Ok(Some(Waits {
            pat,
            future,
            condition,
            is_operation,
        }));
    }
    let future = input.parse()?;
    let pat = match input.parse::<Option<Token![->]>>()? {
        Some(_) => Pat::parse_single(input)?,
        None => Pat::Wild(syn::PatWild {
            attrs: Vec::new(),
            underscore_token: Token![_](input.span()),
        }),
    };
    Ok(Some(Waits {
        pat,
        future,
        condition: None,
        is_operation: true,
    }))
}

/// Takes `biased;`.
pub(super) fn biased(input: ParseStream) -> syn::Result<()> {
    let ahead = input.fork();
    if let Ok(word) = ahead.parse::<Ident>()
        && word == "biased"
        && ahead.parse::<Token![;]>().is_ok()
    {
        input.advance_to(&ahead);
    }
    Ok(())
}
