//! A call's tokens against a rule's matcher.
//!
//! A repetition takes as many rounds as it can, and is not gone back on: where
//! the language lets two ways match, it refuses the macro, so what compiles
//! has one. Each round either moves on or ends the repetition.

use std::collections::HashMap;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use smol_str::SmolStr;
use syn::buffer::Cursor;
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseBuffer, ParseStream, Parser};
use syn::{Ident, Pat, Token};

use super::budget::Budget;
use super::rules::{Count, Definition, Kind, Part, Repeat, Rule, goes_on};

/// What the fragments of a matcher stand for, by name.
pub(super) type Bindings = HashMap<SmolStr, Binding>;

/// What a name stands for.
#[derive(Clone)]
pub(super) enum Binding {
    One(Fragment),
    /// One for each round of a repetition.
    Many(Vec<Binding>),
}

/// The tokens of a fragment, and how many there are at any depth.
#[derive(Clone)]
pub(super) struct Fragment {
    pub(super) tokens: TokenStream,
    pub(super) n_tokens: usize,
}

/// The first rule that `tokens` match, and what its fragments stand for.
pub(super) fn find<'d>(
    definition: &'d Definition,
    tokens: TokenStream,
    budget: &mut Budget,
) -> Option<(&'d Rule, Bindings)> {
    budget.steps(count(tokens.clone()))?;
    let parser = |input: ParseStream| {
        let mut found = None;
        for rule in &definition.rules {
            let ahead = input.fork();
            let mut bindings = Bindings::new();
            let mut matching = Matching {
                budget: &mut *budget,
            };
            if matching
                .parts(&rule.matcher, &ahead, &mut bindings)
                .is_some()
                && ahead.is_empty()
            {
                found = Some((rule, bindings));
                break;
            }
        }
        input.parse::<TokenStream>()?;
        Ok(found)
    };
    parser.parse2(tokens).ok()?
}

struct Matching<'b> {
    budget: &'b mut Budget,
}

impl Matching<'_> {
    fn parts(&mut self, parts: &[Part], input: ParseStream, found: &mut Bindings) -> Option<()> {
        parts
            .iter()
            .try_for_each(|part| self.part(part, input, found))
    }

    fn part(&mut self, part: &Part, input: ParseStream, found: &mut Bindings) -> Option<()> {
        self.budget.steps(1)?;
        match part {
            Part::Group(delimiter, parts) => {
                let inner = inside(*delimiter, input).ok()?;
                self.parts(parts, &inner, found)?;
                inner.is_empty().then_some(())
            }
            Part::Fragment(name, kind) => {
                let fragment = self.fragment(*kind, input)?;
                found.insert(name.clone(), Binding::One(fragment));
                Some(())
            }
            Part::Repeat(repeat) => self.repeat(repeat, input, found),
            _ => token(part, input),
        }
    }

    fn repeat(&mut self, repeat: &Repeat, input: ParseStream, found: &mut Bindings) -> Option<()> {
        let mut rounds: Vec<Bindings> = Vec::new();
        while repeat.count != Count::Optional || rounds.is_empty() {
            self.budget.steps(1)?;
            let ahead = input.fork();
            if !rounds.is_empty()
                && let Some(separator) = &repeat.separator
                && token(separator, &ahead).is_none()
            {
                break;
            }
            let start = ahead.cursor();
            let mut round = Bindings::new();
            let fits = self.parts(&repeat.parts, &ahead, &mut round).is_some();
            if !fits || ahead.cursor() == start {
                break;
            }
            input.advance_to(&ahead);
            rounds.push(round);
        }
        if self.budget.is_spent() || (repeat.count == Count::Some && rounds.is_empty()) {
            return None;
        }
        for name in &repeat.names {
            let rounds = rounds.iter_mut().filter_map(|round| round.remove(name));
            found.insert(name.clone(), Binding::Many(rounds.collect()));
        }
        Some(())
    }

    fn fragment(&mut self, kind: Kind, input: ParseStream) -> Option<Fragment> {
        let start = input.cursor();
        let read = read(kind, input);
        let tokens = between(start, input.cursor())?;
        let n_tokens = count(tokens.iter().cloned().collect());
        self.budget.steps(n_tokens)?;
        read.ok()?;
        Some(Fragment {
            tokens: whole(kind, tokens),
            n_tokens,
        })
    }
}

/// Takes one token that is as the matcher says.
fn token(part: &Part, input: ParseStream) -> Option<()> {
    let taken = input.step(|cursor| match token_at(part, *cursor) {
        Some(rest) => Ok(((), rest)),
        None => Err(cursor.error("another token")),
    });
    taken.ok()
}

fn token_at<'c>(part: &Part, cursor: Cursor<'c>) -> Option<Cursor<'c>> {
    let (fits, rest) = match part {
        Part::Word(word) => {
            let (found, rest) = cursor.ident()?;
            (found == word.as_str(), rest)
        }
        Part::Crate => {
            let (found, rest) = cursor.ident()?;
            (found == "crate", rest)
        }
        Part::Literal(text) => {
            let (found, rest) = cursor.literal()?;
            (found.to_string() == *text, rest)
        }
        Part::Lifetime(name) => {
            let (found, rest) = cursor.lifetime()?;
            (found.ident == name.as_str(), rest)
        }
        Part::Op(text) => {
            let (found, rest) = operator(cursor)?;
            (found == *text, rest)
        }
        _ => return None,
    };
    fits.then_some(rest)
}

/// The operator at `cursor`, as long as it is one token.
fn operator(cursor: Cursor<'_>) -> Option<(String, Cursor<'_>)> {
    let (first, mut rest) = cursor.punct()?;
    let mut text = String::from(first.as_char());
    let mut spacing = first.spacing();
    while spacing == Spacing::Joint
        && let Some((next, after)) = rest.punct()
        && goes_on(&text, next.as_char())
    {
        text.push(next.as_char());
        spacing = next.spacing();
        rest = after;
    }
    Some((text, rest))
}

/// What is between the delimiters that come next.
fn inside<'a>(delimiter: Delimiter, input: ParseStream<'a>) -> syn::Result<ParseBuffer<'a>> {
    let inner;
    match delimiter {
        Delimiter::Parenthesis => {
            syn::parenthesized!(inner in input);
        }
        Delimiter::Bracket => {
            syn::bracketed!(inner in input);
        }
        Delimiter::Brace => {
            syn::braced!(inner in input);
        }
        Delimiter::None => return Err(input.error("no delimiter")),
    }
    Ok(inner)
}

/// Reads past one fragment.
fn read(kind: Kind, input: ParseStream) -> syn::Result<()> {
    match kind {
        Kind::Block => input.parse::<syn::Block>().map(drop),
        Kind::Expr => input.parse::<syn::Expr>().map(drop),
        Kind::Ident => match input.call(Ident::parse_any)? {
            name if name == "_" => Err(input.error("no name")),
            _ => Ok(()),
        },
        Kind::Item => input.parse::<syn::Item>().map(drop),
        Kind::Lifetime => input.parse::<syn::Lifetime>().map(drop),
        Kind::Literal => {
            input.parse::<Option<Token![-]>>()?;
            input.parse::<syn::Lit>().map(drop)
        }
        Kind::Meta => input.parse::<syn::Meta>().map(drop),
        Kind::Pat => Pat::parse_multi_with_leading_vert(input).map(drop),
        Kind::PatParam => Pat::parse_single(input).map(drop),
        Kind::Path => input.parse::<syn::Path>().map(drop),
        Kind::Stmt => statement(input),
        Kind::Tt => input.step(|cursor| {
            let lifetime = cursor.lifetime().map(|(_, rest)| rest);
            let operator = || operator(*cursor).map(|(_, rest)| rest);
            let tree = || cursor.token_tree().map(|(_, rest)| rest);
            match lifetime.or_else(operator).or_else(tree) {
                Some(rest) => Ok(((), rest)),
                None => Err(cursor.error("no token")),
            }
        }),
        Kind::Ty => input.parse::<syn::Type>().map(drop),
        Kind::Vis => input.parse::<syn::Visibility>().map(drop),
    }
}

/// A statement without its semicolon.
fn statement(input: ParseStream) -> syn::Result<()> {
    if input.parse::<Option<Token![let]>>()?.is_some() {
        Pat::parse_single(input)?;
        if input.parse::<Option<Token![:]>>()?.is_some() {
            input.parse::<syn::Type>()?;
        }
        if input.parse::<Option<Token![=]>>()?.is_some() {
            input.parse::<syn::Expr>()?;
        }
        return Ok(());
    }
    let ahead = input.fork();
    match ahead.parse::<syn::Item>() {
        Ok(item) if !matches!(item, syn::Item::Macro(_) | syn::Item::Verbatim(_)) => {
            input.advance_to(&ahead);
            Ok(())
        }
        _ => input.parse::<syn::Expr>().map(drop),
    }
}

/// The tokens from one place to a later one of the same group.
fn between(mut from: Cursor<'_>, to: Cursor<'_>) -> Option<Vec<TokenTree>> {
    let mut tokens = Vec::new();
    while from != to {
        let (token, rest) = from.token_tree()?;
        tokens.push(token);
        from = rest;
    }
    Some(tokens)
}

/// An expression of several tokens stays one whatever stands around it.
fn whole(kind: Kind, tokens: Vec<TokenTree>) -> TokenStream {
    if kind != Kind::Expr || tokens.len() < 2 {
        return tokens.into_iter().collect();
    }
    let span = tokens[0].span();
    let mut group = Group::new(Delimiter::None, tokens.into_iter().collect());
    group.set_span(span);
    TokenTree::Group(group).into()
}

/// How many tokens there are, at any depth.
pub(super) fn count(tokens: TokenStream) -> usize {
    let mut n_tokens = 0;
    let mut waiting = vec![tokens];
    while let Some(stream) = waiting.pop() {
        for token in stream {
            n_tokens += 1;
            if let TokenTree::Group(group) = token {
                waiting.push(group.stream());
            }
        }
    }
    n_tokens
}
