//! Text to tokens, each with the byte at which it begins.

use super::error::ExpressionError;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A column, a function or a word of the language.
    Name(String),
    /// A column's name in backticks.
    Quoted(String),
    Text(String),
    Int(i64),
    Float(f64),
    Sign(&'static str),
    End,
}

/// Longer ones first.
const SIGNS: [&str; 20] = [
    "**", "//", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "(", ")", "[", "]", ",",
    "=", "!",
];

/// All tokens; the last one is [`Token::End`].
pub(super) fn lex(text: &str) -> Result<Vec<(usize, Token)>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let (token, len) = token(text, at)?;
        let is_end = token == Token::End;
        tokens.push((at, token));
        at += len;
        if is_end {
            return Ok(tokens);
        }
    }
}

fn token(text: &str, at: usize) -> Result<(Token, usize), ExpressionError> {
    let rest = &text[at..];
    let Some(first) = rest.chars().next() else {
        return Ok((Token::End, 0));
    };
    match first {
        '\'' | '"' => quoted(text, at, first).map(|(inner, len)| (Token::Text(inner), len)),
        '`' => quoted(text, at, first).map(|(inner, len)| (Token::Quoted(inner), len)),
        '0'..='9' | '.' => number(text, at),
        _ if first == '_' || first.is_alphabetic() => {
            let name: String = rest
                .chars()
                .take_while(|c| *c == '_' || c.is_alphanumeric())
                .collect();
            let len = name.len();
            Ok((Token::Name(name), len))
        }
        _ => match SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            Some(sign) => Ok((Token::Sign(sign), sign.len())),
            None => Err(ExpressionError::new(
                text,
                at,
                format!("`{first}` means nothing here"),
            )),
        },
    }
}

/// What stands between two `quote`s; a doubled one stands for itself.
fn quoted(text: &str, at: usize, quote: char) -> Result<(String, usize), ExpressionError> {
    let mut inner = String::new();
    let mut rest = text[at + 1..].char_indices().peekable();
    while let Some((offset, c)) = rest.next() {
        let doubled = c == quote && rest.next_if(|(_, next)| *next == quote).is_some();
        if c == quote && !doubled {
            return Ok((inner, offset + 2));
        }
        inner.push(c);
    }
    Err(ExpressionError::new(
        text,
        at,
        format!("this {quote} is never closed"),
    ))
}

fn number(text: &str, at: usize) -> Result<(Token, usize), ExpressionError> {
    let rest = &text[at..];
    let mut len = 0;
    let mut previous = ' ';
    for c in rest.chars() {
        let signed = matches!(c, '+' | '-') && matches!(previous, 'e' | 'E');
        if !(c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E') || signed) {
            break;
        }
        len += 1;
        previous = c;
    }
    let written = &rest[..len];
    if let Ok(value) = written.parse() {
        return Ok((Token::Int(value), len));
    }
    match written.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((Token::Float(value), len)),
        _ => Err(ExpressionError::new(
            text,
            at,
            format!("`{written}` is not a number"),
        )),
    }
}
