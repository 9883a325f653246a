//! How deep a text may nest, and what must not count as nesting.

use crate::syntax::SyntaxError;
use crate::syntax::facts::{ExprKind, FileFacts};
use crate::syntax::python::{MAX_DEPTH, lower};

/// Lowers on a stack of the size that `MAX_DEPTH` promises is enough.
fn lowered(text: String) -> Result<FileFacts, SyntaxError> {
    std::thread::Builder::new()
        .stack_size(16 << 20)
        .spawn(move || lower("a.py", &text))
        .expect("a thread can be started")
        .join()
        .expect("the stack is enough")
}

#[test]
fn what_nests_too_deep_is_refused() {
    let n = 20_000;
    for text in [
        format!("x\n{}{}", "[".repeat(n), "]".repeat(n)),
        format!("x\n{}y", "not ".repeat(n)),
        format!("x\ny{}", ".z()".repeat(n)),
        format!("x\n{}y", "lambda: ".repeat(n)),
        format!("x\ny{}", " if a else b".repeat(n)),
        format!("x\nif x: y\n{}", "elif x: y\n".repeat(n)),
        format!("x\n[x {}]", "for x in y ".repeat(n)),
        format!("x\nmatch x:\n{}", "  case 1: y\n".repeat(n)),
        format!(
            "x\nmatch x:\n  case {}1{}: y\n",
            "[".repeat(n),
            "]".repeat(n)
        ),
        format!("x\nx: {}int{}\n", "a[".repeat(n), "]".repeat(n)),
    ] {
        let error = lowered(text.clone()).map(|facts| facts.lines);
        let is_refused = matches!(
            error,
            Err(SyntaxError::TooDeep {
                limit: MAX_DEPTH,
                ..
            })
        );
        assert!(is_refused, "{error:?} for {}", &text[..40]);
    }
}

#[test]
fn blocks_nested_too_deep_are_refused() {
    let ifs = (0..2_000).map(|depth| format!("{:depth$}if x:\n", ""));
    let text = ifs.collect::<String>() + &format!("{:2000}x\n", "");
    // The parser gives up before the limit is reached.
    assert_eq!(
        lowered(text).err(),
        Some(SyntaxError::Parse { line: 1, column: 1 })
    );
}

#[test]
fn what_nests_almost_too_deep_fits_the_stack() {
    let n = MAX_DEPTH as usize - 10;
    for text in [
        format!("{}{}", "[".repeat(n), "]".repeat(n)),
        format!("{}y", "not ".repeat(n)),
        format!("y{}", ".z()".repeat(n / 2)),
        format!("{}y", "lambda: ".repeat(n)),
        format!("{}1{}", "f(a=".repeat(n), ")".repeat(n)),
        format!("{}1{}", "{a: ".repeat(n), "}".repeat(n)),
        format!("{}1{}", "[x for x in ".repeat(n), "]".repeat(n)),
        format!("x{}", " if a else b".repeat(n)),
        format!("if x: y\n{}", "elif x: y\n".repeat(n)),
        format!(
            "match x:\n  case {}1{}: y\n",
            "[".repeat(n / 2),
            "]".repeat(n / 2)
        ),
    ] {
        let error = lowered(text.clone()).err();
        assert_eq!(error, None, "{}", &text[..40]);
    }
}

#[test]
fn long_chains_stay_shallow() {
    let n = 5_000;
    for text in [
        format!("x = 'a'{}", " + \\\n 'b'".repeat(n)),
        format!("x = 'a'{}", " * b".repeat(n)),
        format!("x = ('a'{})", "\n 'b'".repeat(n)),
        format!("x = a{}", " or b and c".repeat(n)),
        format!("x = a{}", " < b".repeat(n)),
        format!("x = {}1", "a = ".repeat(n)),
        format!("x = {}1{}", "(".repeat(n), ")".repeat(n)),
    ] {
        let facts = lowered(text.clone()).expect("it does not nest");
        for expr in &facts.exprs {
            if let ExprKind::Binary { .. } = expr.kind {
                assert!(height(&facts, &expr.kind) < 20);
            }
        }
    }
}

fn height(facts: &FileFacts, kind: &ExprKind) -> usize {
    let mut highest = 0;
    kind.parts(|part| highest = highest.max(height(facts, &facts.expr(part).kind)));
    highest + 1
}
