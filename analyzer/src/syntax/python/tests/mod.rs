//! Short texts and what they lower to.

mod dump;
mod expressions;
mod limits;
mod mangled;
mod scopes;
mod statements;

use self::dump::dump;
use super::lower;
use crate::syntax::facts::ExprKind;

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

/// A comprehension's element stands before its clauses and is lowered after
/// them, so places go back over lines.
#[test]
fn columns_are_right_when_lowering_goes_back_over_lines() {
    let text = "é = [\n  g(\"éééé\",\n  y)\n  for y in \"éé\" + f(\n  z)\n]\n";
    let facts = super::lower("m.py", text).expect("it parses");
    let place = |wanted: &str| {
        let mut exprs = facts.exprs.iter();
        let expr = exprs.find(|expr| matches!(&expr.kind, ExprKind::Name(name) if name == wanted));
        expr.map(|expr| (expr.line, expr.column))
    };
    assert_eq!(place("g"), Some((2, 3)));
    assert_eq!(place("f"), Some((4, 19)));
    assert_eq!(place("z"), Some((5, 3)));
}
