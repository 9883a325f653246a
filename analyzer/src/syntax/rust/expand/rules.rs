//! `macro_rules!` definitions as plain data, which knows no thread or file.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree, token_stream};
use smol_str::SmolStr;

use super::locals;

/// What one `macro_rules!` says.
#[derive(Debug)]
pub(super) struct Definition {
    /// In order: the first that matches is taken.
    pub(super) rules: Vec<Rule>,
}

/// `(matcher) => { body }`
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) matcher: Vec<Part>,
    pub(super) body: Vec<Part>,
}

/// A piece of a matcher or body.
#[derive(Debug)]
pub(super) enum Part {
    /// An identifier or keyword.
    Word(SmolStr),
    Literal(SmolStr),
    /// Punctuation, as long as it is one token.
    Op(SmolStr),
    Lifetime(SmolStr),
    Group(Delimiter, Vec<Part>),
    /// `$name:kind` of a matcher.
    Fragment(SmolStr, Kind),
    /// `$name` of a body.
    Variable(SmolStr),
    /// A variable that the body itself binds.
    Local(SmolStr),
    /// `$crate`
    Crate,
    Repeat(Repeat),
}

/// `$( … ) separator count`
#[derive(Debug)]
pub(super) struct Repeat {
    pub(super) parts: Vec<Part>,
    pub(super) separator: Option<Box<Part>>,
    pub(super) count: Count,
    /// Names of the fragments or variables inside, at any depth.
    pub(super) names: Vec<SmolStr>,
}

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Any,
    Some,
    Optional,
}

/// Kinds of fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Block,
    Expr,
    Ident,
    Item,
    Lifetime,
    Literal,
    Meta,
    Pat,
    PatParam,
    Path,
    Stmt,
    Tt,
    Ty,
    Vis,
}

impl Kind {
    fn named(name: &str) -> Option<Kind> {
        Some(match name {
            "block" => Kind::Block,
            "expr" | "expr_2021" => Kind::Expr,
            "ident" => Kind::Ident,
            "item" => Kind::Item,
            "lifetime" => Kind::Lifetime,
            "literal" => Kind::Literal,
            "meta" => Kind::Meta,
            "pat" => Kind::Pat,
            "pat_param" => Kind::PatParam,
            "path" => Kind::Path,
            "stmt" => Kind::Stmt,
            "tt" => Kind::Tt,
            "ty" => Kind::Ty,
            "vis" => Kind::Vis,
            _ => return None,
        })
    }
}

/// Every `macro_rules! name { … }` in `tokens`, at any depth, with its line;
/// what is no definition is left out.
pub(super) fn definitions(tokens: TokenStream) -> Vec<(SmolStr, u32, Definition)> {
    let mut found = Vec::new();
    let mut waiting = vec![tokens];
    while let Some(stream) = waiting.pop() {
        let mut before = Before::Other;
        for token in stream {
            before = match (before, token) {
                (_, TokenTree::Ident(word)) if word == "macro_rules" => Before::Word,
                (Before::Word, TokenTree::Punct(bang)) if bang.as_char() == '!' => Before::Bang,
                (Before::Bang, TokenTree::Ident(name)) => {
                    let line = name.span().start().line as u32;
                    Before::Name(bare(&name.to_string()), line)
                }
                (Before::Name(name, line), TokenTree::Group(rules)) => {
                    let definition = Definition::read(rules.stream());
                    found.extend(definition.map(|definition| (name, line, definition)));
                    Before::Other
                }
                (_, TokenTree::Group(group)) => {
                    waiting.push(group.stream());
                    Before::Other
                }
                _ => Before::Other,
            };
        }
    }
    found.sort_by_key(|(_, line, _)| *line);
    found
}

/// How far a definition's head was read.
enum Before {
    Other,
    Word,
    Bang,
    Name(SmolStr, u32),
}

/// The name without `r#`.
fn bare(name: &str) -> SmolStr {
    name.strip_prefix("r#").unwrap_or(name).into()
}

impl Definition {
    /// The rules between the braces of a definition; `None` if they are none.
    pub(super) fn read(tokens: TokenStream) -> Option<Definition> {
        let mut tokens = Tokens::new(tokens);
        let mut rules = Vec::new();
        while let Some(TokenTree::Group(matcher)) = tokens.next() {
            if tokens.operator()? != "=>" {
                return None;
            }
            let Some(TokenTree::Group(body)) = tokens.next() else {
                return None;
            };
            let matcher = parts(matcher.stream(), true)?;
            let mut body = parts(body.stream(), false)?;
            locals::mark(&mut body);
            rules.push(Rule { matcher, body });
            match tokens.operator() {
                Some(end) if end != ";" => return None,
                _ => {}
            }
        }
        (tokens.next().is_none() && !rules.is_empty()).then_some(Definition { rules })
    }
}

fn parts(stream: TokenStream, is_matcher: bool) -> Option<Vec<Part>> {
    let mut tokens = Tokens::new(stream);
    let mut found = Vec::new();
    while let Some(operator) = tokens.operator_or_token() {
        found.push(match operator {
            Ok(operator) if operator == "$" => variable(&mut tokens, is_matcher)?,
            Ok(operator) if operator == "'" => match tokens.next() {
                Some(TokenTree::Ident(name)) => Part::Lifetime(name.to_string().into()),
                _ => return None,
            },
            Ok(operator) => Part::Op(operator),
            Err(TokenTree::Group(group)) => {
                Part::Group(group.delimiter(), parts(group.stream(), is_matcher)?)
            }
            Err(token) => leaf(&token),
        });
    }
    Some(found)
}

fn leaf(token: &TokenTree) -> Part {
    let text = token.to_string().into();
    match token {
        TokenTree::Ident(_) => Part::Word(text),
        TokenTree::Literal(_) => Part::Literal(text),
        _ => Part::Op(text),
    }
}

/// What follows a `$`.
fn variable(tokens: &mut Tokens, is_matcher: bool) -> Option<Part> {
    match tokens.next() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
            repeat(group.stream(), tokens, is_matcher)
        }
        Some(TokenTree::Ident(word)) if word == "crate" => Some(Part::Crate),
        Some(TokenTree::Ident(name)) if is_matcher => {
            if tokens.operator()? != ":" {
                return None;
            }
            let Some(TokenTree::Ident(kind)) = tokens.next() else {
                return None;
            };
            let name = name.to_string().into();
            Some(Part::Fragment(name, Kind::named(&kind.to_string())?))
        }
        Some(TokenTree::Ident(name)) => Some(Part::Variable(name.to_string().into())),
        _ => None,
    }
}

fn repeat(stream: TokenStream, tokens: &mut Tokens, is_matcher: bool) -> Option<Part> {
    let parts = parts(stream, is_matcher)?;
    let mut separator = None;
    let count = match tokens.count() {
        Some(count) => count,
        None => {
            separator = Some(Box::new(match tokens.operator_or_token()? {
                Ok(operator) => Part::Op(operator),
                Err(TokenTree::Group(_)) => return None,
                Err(token) => leaf(&token),
            }));
            tokens.count()?
        }
    };
    let mut names = Vec::new();
    add_names(&parts, &mut names);
    Some(Part::Repeat(Repeat {
        parts,
        separator,
        count,
        names,
    }))
}

fn add_names(parts: &[Part], names: &mut Vec<SmolStr>) {
    for part in parts {
        match part {
            Part::Fragment(name, _) | Part::Variable(name) => names.push(name.clone()),
            Part::Group(_, parts) => add_names(parts, names),
            Part::Repeat(repeat) => names.extend(repeat.names.iter().cloned()),
            _ => {}
        }
    }
}

/// Tokens, of which those that make one operator can be taken together.
struct Tokens {
    rest: std::iter::Peekable<token_stream::IntoIter>,
}

impl Tokens {
    fn new(stream: TokenStream) -> Self {
        Tokens {
            rest: stream.into_iter().peekable(),
        }
    }

    fn next(&mut self) -> Option<TokenTree> {
        self.rest.next()
    }

    /// The operator that comes next, or the token where none does.
    fn operator_or_token(&mut self) -> Option<Result<SmolStr, TokenTree>> {
        match self.operator() {
            Some(operator) => Some(Ok(operator)),
            None => self.next().map(Err),
        }
    }

    fn operator(&mut self) -> Option<SmolStr> {
        let mut text = String::new();
        while let Some(TokenTree::Punct(punct)) = self.rest.peek() {
            let (symbol, spacing) = (punct.as_char(), punct.spacing());
            if !text.is_empty() && !goes_on(&text, symbol) {
                break;
            }
            text.push(symbol);
            self.rest.next();
            if spacing == Spacing::Alone {
                break;
            }
        }
        (!text.is_empty()).then(|| text.into())
    }

    /// `*`, `+` or `?`.
    fn count(&mut self) -> Option<Count> {
        let Some(TokenTree::Punct(punct)) = self.rest.peek() else {
            return None;
        };
        let count = match punct.as_char() {
            '*' => Count::Any,
            '+' => Count::Some,
            '?' => Count::Optional,
            _ => return None,
        };
        self.rest.next();
        Some(count)
    }
}

/// Operators of more than one character.
const OPERATORS: &[&str] = &[
    "!=", "%=", "&&", "&=", "*=", "+=", "-=", "->", "..", "...", "..=", "/=", "::", "<<", "<<=",
    "<=", "==", "=>", ">=", ">>", ">>=", "^=", "|=", "||",
];

/// `text` and `symbol` together are an operator.
pub(super) fn goes_on(text: &str, symbol: char) -> bool {
    OPERATORS
        .iter()
        .any(|operator| operator.strip_prefix(text) == Some(symbol.encode_utf8(&mut [0; 4])))
}
