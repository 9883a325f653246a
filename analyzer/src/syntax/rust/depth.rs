//! Refuses text that nests so deep that syn would exhaust the stack.
//!
//! syn's parser, its drop and our lowering recurse; proc_macro2's lexer and
//! its token streams do not, so the tokens are walked first, on a heap stack.
//! Two things nest: groups, and runs of tokens inside a group (`!!!!x`,
//! `a + b + c`, `x.f().g()`, `Vec<Vec<…`, `else if`). A run is counted by the
//! tokens that can open a level and starts anew where nothing can still be
//! open: after `;`, `=>`, an item's or statement's braces, and at `,` back to
//! the level at which the list began.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree, token_stream};

use super::super::SyntaxError;

/// Most levels that may be open at once. Code that is not written to be deep stays
/// below it.
pub(super) const LIMIT: u32 = 450;

/// What one group counts: the parser spends several frames on it.
const GROUP: u32 = 6;

/// What an open `<` counts, likewise.
const ANGLE: u32 = 4;

/// What an operator in front of its operand counts beside itself.
const PREFIX: u32 = 1;

/// Fails when `tokens` open more than [`LIMIT`] levels.
pub(super) fn check(tokens: TokenStream) -> Result<(), SyntaxError> {
    deepest(tokens).map(drop)
}

/// Levels that a macro's tokens open where its call stands; `None` when they
/// are more than [`LIMIT`].
pub(super) fn levels(tokens: TokenStream) -> Option<u32> {
    deepest(tokens).ok().map(|levels| levels + GROUP)
}

fn deepest(tokens: TokenStream) -> Result<u32, SyntaxError> {
    let mut deepest = 0;
    let mut stack = vec![Frame::new(tokens, 0)];
    while let Some(frame) = stack.last_mut() {
        let Some(token) = frame.tokens.next() else {
            stack.pop();
            continue;
        };
        frame.step(&token);
        let depth = frame.outside + frame.run;
        deepest = deepest.max(depth);
        if depth > LIMIT {
            return Err(SyntaxError::TooDeep {
                limit: LIMIT,
                line: token.span().start().line as u32,
            });
        }
        if let TokenTree::Group(group) = token {
            stack.push(Frame::new(group.stream(), depth + GROUP));
        }
    }
    Ok(deepest)
}

/// What came before the token at hand.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    /// Start of the group, an operator or a keyword: an operand must follow.
    Open,
    /// A name.
    Word,
    /// A literal or a group other than braces.
    Operand,
    /// Braces.
    Braces,
    /// `#`, or `#!`.
    Pound,
    /// Punctuation, and whether it is glued to what follows.
    Punct(char, Spacing),
}

/// One open group.
struct Frame {
    tokens: token_stream::IntoIter,
    /// Levels open around the group.
    outside: u32,
    /// Levels that may be open inside it.
    run: u32,
    /// The run at each open `<`.
    angles: Vec<u32>,
    /// Between the bars of a closure.
    in_params: bool,
    before: Before,
}

impl Frame {
    fn new(tokens: TokenStream, outside: u32) -> Self {
        Frame {
            tokens: tokens.into_iter(),
            outside,
            run: 0,
            angles: Vec::new(),
            in_params: false,
            before: Before::Open,
        }
    }

    fn step(&mut self, token: &TokenTree) {
        self.before = match token {
            TokenTree::Group(group) => self.group(group.delimiter()),
            TokenTree::Ident(ident) => self.word(&ident.to_string()),
            TokenTree::Literal(_) => {
                self.restart_after_braces();
                Before::Operand
            }
            TokenTree::Punct(punct) => self.punct(punct.as_char(), punct.spacing()),
        };
    }

    fn group(&mut self, delimiter: Delimiter) -> Before {
        if self.before == Before::Pound {
            return Before::Open;
        }
        self.run += 1;
        match delimiter {
            Delimiter::Brace => Before::Braces,
            _ => Before::Operand,
        }
    }

    fn word(&mut self, word: &str) -> Before {
        if !matches!(word, "else" | "as") {
            self.restart_after_braces();
        }
        if is_prefix(word) {
            self.run += 1;
            return Before::Open;
        }
        Before::Word
    }

    fn punct(&mut self, symbol: char, spacing: Spacing) -> Before {
        let before = self.before;
        match symbol {
            '#' => {
                self.restart_after_braces();
                return Before::Pound;
            }
            '!' if before == Before::Pound => return Before::Pound,
            ';' => self.restart(),
            ',' if !self.in_params => self.run = self.angles.last().copied().unwrap_or(0),
            '>' if before == Before::Punct('=', Spacing::Joint) => self.restart(),
            '>' if before != Before::Punct('-', Spacing::Joint) => {
                self.angles.pop();
            }
            '<' if self.opens_generics() => {
                self.run += ANGLE;
                self.angles.push(self.run);
            }
            '|' => self.in_params = !self.in_params && !self.after_operand(),
            '\'' => self.restart_after_braces(),
            _ => {}
        }
        if matches!(symbol, '&' | '*' | '!' | '-') && !self.after_operand() {
            self.run += PREFIX;
        }
        let second_colon = symbol == ':' && before == Before::Punct(':', Spacing::Joint);
        if !second_colon && !matches!(symbol, ';' | ',' | '\'') {
            self.run += 1;
        }
        Before::Punct(symbol, spacing)
    }

    fn opens_generics(&self) -> bool {
        match self.before {
            Before::Word | Before::Punct(':', _) => true,
            Before::Punct('<', _) => !self.angles.is_empty(),
            _ => false,
        }
    }

    fn after_operand(&self) -> bool {
        matches!(
            self.before,
            Before::Word | Before::Operand | Before::Braces | Before::Punct('?' | '>' | '\'', _)
        )
    }

    fn restart_after_braces(&mut self) {
        if self.before == Before::Braces {
            self.restart();
        }
    }

    fn restart(&mut self) {
        self.run = 0;
        self.angles.clear();
        self.in_params = false;
    }
}

/// Words after which an operand, type or pattern follows.
fn is_prefix(word: &str) -> bool {
    matches!(
        word,
        "as" | "async"
            | "await"
            | "become"
            | "box"
            | "break"
            | "const"
            | "dyn"
            | "else"
            | "extern"
            | "fn"
            | "for"
            | "if"
            | "impl"
            | "in"
            | "let"
            | "loop"
            | "match"
            | "move"
            | "mut"
            | "raw"
            | "ref"
            | "return"
            | "static"
            | "try"
            | "unsafe"
            | "while"
            | "yield"
    )
}

#[cfg(test)]
mod tests {
    use super::super::lower;
    use super::SyntaxError;

    /// Each way in which Rust nests: in front, in the middle, behind.
    const NESTINGS: &[(&str, &str, &str)] = &[
        ("(", "0", ")"),
        ("[", "1", "]"),
        ("{", "1", "}"),
        ("f(", "1", ")"),
        ("m!(", "x", ")"),
        ("S { a: ", "1", "}"),
        ("match x { _ => ", "x", "}"),
        ("!", "x", ""),
        ("&", "x", ""),
        ("- ", "x", ""),
        ("1 + ", "1", ""),
        ("S {} + ", "1", ""),
        ("a && ", "b", ""),
        ("x = ", "1", ""),
        ("..", "x", ""),
        ("return ", "x", ""),
        ("let x = ", "x", ""),
        ("|a, b| ", "x", ""),
        ("move || ", "x", ""),
        ("if a {} else ", "{}", ""),
        ("", "x", ".f()"),
        ("", "x", ".y"),
        ("", "x", "?"),
        ("", "x", "()"),
        ("", "x", "[0]"),
        ("", "x", " as u8"),
        ("", "x", "::y"),
        ("x as A<", "u8", ">"),
        ("x as A<u8, ", "u8", ">"),
        ("x::<A<u8, ", "u8", ">"),
        ("<", "u8 as T>::X", " as T>::X"),
        ("x as &", "u8", ""),
        ("x as fn() -> ", "u8", ""),
    ];

    /// Where an expression, pattern, type or path may nest.
    const PLACES: &[(&str, &str)] = &[
        ("fn f() { ", "; }"),
        ("fn f() { let ", " = 1; }"),
        ("const X: u8 = ", ";"),
        ("type A = ", ";"),
        ("use ", ";"),
        ("m! { ", " }"),
    ];

    fn nested(levels: usize) -> impl Iterator<Item = String> {
        let nestings = NESTINGS
            .iter()
            .flat_map(|nesting| PLACES.iter().map(move |place| (nesting, place)));
        nestings.map(move |((before, middle, after), (open, close))| {
            let (before, after) = (before.repeat(levels), after.repeat(levels));
            format!("{open}{before}{middle}{after}{close}")
        })
    }

    /// Runs `test` on a thread with `stack` MiB.
    fn on_stack(stack: usize, test: impl FnOnce() + Send + 'static) {
        let thread = std::thread::Builder::new().stack_size(stack << 20);
        thread
            .spawn(test)
            .expect("a thread starts")
            .join()
            .expect("the test passes");
    }

    #[test]
    fn deep_nesting_of_any_kind_is_refused() {
        on_stack(16, || {
            for text in nested(100_000) {
                let result = lower("a.rs", &text).map(|facts| facts.exprs.len());
                let refused = matches!(result, Err(SyntaxError::TooDeep { line: 1, .. }));
                assert!(refused, "{}: {result:?}", &text[..60]);
            }
        });
    }

    #[test]
    fn what_is_not_refused_fits_a_small_stack() {
        on_stack(2, || {
            for levels in [8, 16, 32, 64, 128, 256, 448] {
                for text in nested(levels) {
                    lower("a.rs", &text).ok();
                }
            }
        });
    }

    #[test]
    fn long_flat_files_are_not_deep() {
        let n = 5_000;
        for text in [
            "fn f() {} struct S {} ".repeat(n),
            "/// A line.\n".repeat(n) + "fn f() {}",
            format!("const X: [u8; 9] = [{}];", "1 << 2, ".repeat(n)),
            format!("fn f() {{ {} }}", "if a {} (b)(); ".repeat(n)),
            format!("fn f() {{ match x {{ {} }} }}", "(a, b) => {} ".repeat(n)),
        ] {
            assert!(lower("a.rs", &text).is_ok(), "{}", &text[..40]);
        }
    }
}
