//! What of a macro's tokens can be read, of a macro nobody knows.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::parse::Parser;
use syn::{Block, Expr, Stmt};

use super::super::super::facts::ExprId;
use super::super::builder::Lowering;
use super::super::control::Sink;

impl Lowering {
    /// What runs in `tokens`: their statements where they are such, or the
    /// expressions among them.
    pub(super) fn salvaged(&mut self, tokens: &TokenStream) -> Vec<ExprId> {
        let stmts = Block::parse_within.parse2(tokens.clone());
        match stmts {
            Ok(stmts) if stmts.iter().any(|stmt| matches!(stmt, Stmt::Local(_))) => {
                self.statements(&stmts, &Sink::Drop);
                Vec::new()
            }
            _ => self.salvage(tokens),
        }
    }

    /// The expressions in `tokens`, between the usual separators; a stretch
    /// that does not parse is searched inside its groups.
    pub(in super::super) fn salvage(&mut self, tokens: &TokenStream) -> Vec<ExprId> {
        let mut found = Vec::new();
        for stretch in stretches(tokens) {
            if let Ok(value) = syn::parse2::<Expr>(stretch.clone()) {
                found.push(self.value(&value));
                continue;
            }
            for piece in pieces(stretch) {
                match piece {
                    Piece::Block(inner) => found.extend(self.salvage(&inner)),
                    Piece::Tokens(tokens) => found.extend(self.salvage_piece(tokens)),
                }
            }
        }
        found
    }

    /// A call or the like, or what is in its groups.
    fn salvage_piece(&mut self, tokens: Vec<TokenTree>) -> Vec<ExprId> {
        let groups = tokens.iter().filter_map(|token| match token {
            TokenTree::Group(group) => Some(group.stream()),
            _ => None,
        });
        let groups: Vec<TokenStream> = groups.collect();
        if !groups.is_empty()
            && let Ok(value) = syn::parse2::<Expr>(tokens.into_iter().collect())
        {
            return vec![self.value(&value)];
        }
        let mut found = Vec::new();
        for group in groups {
            found.extend(self.salvage(&group));
        }
        found
    }
}

/// A part of a stretch that does not parse as a whole.
enum Piece {
    /// What is in braces.
    Block(TokenStream),
    /// What stands between braces and keywords.
    Tokens(Vec<TokenTree>),
}

fn pieces(stretch: TokenStream) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut tokens = Vec::new();
    for token in stretch {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                pieces.push(Piece::Tokens(std::mem::take(&mut tokens)));
                pieces.push(Piece::Block(group.stream()));
            }
            TokenTree::Ident(word) if is_keyword(&word.to_string()) => {
                pieces.push(Piece::Tokens(std::mem::take(&mut tokens)));
            }
            token => tokens.push(token),
        }
    }
    pieces.push(Piece::Tokens(tokens));
    pieces
}

/// Words of control flow, which a language inside of a macro has, too.
fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "else" | "for" | "if" | "in" | "let" | "match" | "return" | "while"
    )
}

/// What stands between separators: `,`, `;`, `=`, `=>`, `->`, `:` and signs
/// that begin no expression.
fn stretches(tokens: &TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![Vec::new()];
    let mut opens_arrow = false;
    let mut path = false;
    let mut tokens = tokens.clone().into_iter().peekable();
    while let Some(token) = tokens.next() {
        let (symbol, spacing) = match &token {
            TokenTree::Punct(punct) => (punct.as_char(), punct.spacing()),
            _ => (' ', Spacing::Alone),
        };
        let next = match tokens.peek() {
            Some(TokenTree::Punct(next)) if spacing == Spacing::Joint => next.as_char(),
            _ => ' ',
        };
        let in_path = symbol == ':' && (path || next == ':');
        let is_separator = match symbol {
            ',' | ';' | '=' | '@' | '%' | '#' => true,
            ':' => !in_path,
            '-' => next == '>',
            '>' => opens_arrow,
            _ => false,
        };
        opens_arrow = matches!(symbol, '=' | '-') && next == '>';
        path = in_path && !path;
        match parts.last_mut() {
            Some(part) if !is_separator => part.push(token),
            _ => parts.push(Vec::new()),
        }
    }
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.map(|part| part.into_iter().collect()).collect()
}
