//! Short texts and what they lower to.

mod dump;
mod expressions;
mod limits;
mod mangled;
mod scopes;
mod statements;

use self::dump::dump;
use super::lower;

/// What `text` lowers to, or why it does not.
fn check(text: &str) -> String {
    match lower("a.py", text) {
        Ok(facts) => dump(&facts),
        Err(error) => error.to_string(),
    }
}

#[test]
fn line_ends_and_marks() {
    insta::assert_snapshot!(check("\u{feff}x = '''a\r\nb'''\r\nif x:\r\n    y\rz"), @r#"
    x = "a\nb"
    if x
      y
    z
    "#);
}

#[test]
fn errors_say_where() {
    insta::assert_snapshot!(check("x = 1\ndef f(:\n    pass\n"), @"does not parse at 2:7");
    insta::assert_snapshot!(check("é = (1 +\n"), @"does not parse at 1:1");
    insta::assert_snapshot!(check("x = 'a\n"), @"does not parse at 1:5");
}

#[test]
fn places_count_characters() {
    let facts = lower("a.py", "'é', x.y\n# c\nif a:\n\té = b\n").expect("it parses");
    let places = facts.exprs.iter().map(|expr| (expr.line, expr.column));
    let places: Vec<_> = places.collect();
    let expected = [(1, 1), (1, 6), (1, 6), (1, 1), (3, 4), (4, 2), (4, 6)];
    assert_eq!(places, expected);
    assert_eq!(facts.lines, 4);
}
