//! Conditions of SQL in the runtime's words.
//!
//! Of a row that lacks a value SQL often knows neither that a condition holds
//! nor that it does not, and leaves the row out. So `NOT` is taken to where the
//! values are compared, and asks there that they are not missing.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value, visit_expressions};

use super::expression::{column, quoted};

/// The condition; nothing where the runtime has no words for a part of it.
pub(super) fn condition(expr: &Expr) -> Option<String> {
    said(expr, true)
}

/// A request, or another run, says what it is compared with.
pub(super) fn is_bound(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |part| match part {
        Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// That the condition holds, or that it does not.
fn said(expr: &Expr, holds: bool) -> Option<String> {
    match expr {
        Expr::Nested(inner) => Some(format!("({})", said(inner, holds)?)),
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr,
        } => said(expr, !holds),
        Expr::IsNull(inner) => missing(inner, holds),
        Expr::IsNotNull(inner) => missing(inner, !holds),
        Expr::BinaryOp { left, op, right } => match op {
            BinaryOperator::And | BinaryOperator::Or => {
                let word = match (op, holds) {
                    (BinaryOperator::And, true) | (BinaryOperator::Or, false) => "and",
                    _ => "or",
                };
                let side = |side: &Expr| {
                    let text = said(side, holds)?;
                    let bracketed = word == "and" && is_either(side, holds);
                    Some(if bracketed { format!("({text})") } else { text })
                };
                Some(format!("{} {word} {}", side(left)?, side(right)?))
            }
            _ => compared(left, op, right, holds),
        },
        Expr::Between {
            expr,
            negated,
            low,
            high,
        } => {
            let (of, low, high) = (name(expr)?, literal(low)?, literal(high)?);
            let text = format!("between({of}, {low}, {high})");
            Some(there(&text, holds != *negated, &[of]))
        }
        Expr::InList {
            expr,
            list,
            negated,
        } => {
            let of = name(expr)?;
            let list: Option<Vec<String>> = list.iter().map(literal).collect();
            let text = format!("{of} in [{}]", list?.join(", "));
            Some(match holds != *negated {
                true => text,
                false => there(&format!("({text})"), false, &[of]),
            })
        }
        Expr::Like {
            negated,
            any: false,
            expr,
            pattern,
            escape_char: None,
        } => like(&name(expr)?, pattern, holds != *negated),
        _ => None,
    }
}

/// Its words are joined by `or`, which binds less than `and`.
fn is_either(expr: &Expr, holds: bool) -> bool {
    match expr {
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr,
        } => is_either(expr, !holds),
        Expr::BinaryOp { op, .. } => match holds {
            true => *op == BinaryOperator::Or,
            false => *op == BinaryOperator::And,
        },
        _ => false,
    }
}

fn missing(expr: &Expr, holds: bool) -> Option<String> {
    let text = format!("is_missing({})", name(expr)?);
    Some(there(&text, holds, &[]))
}

fn compared(left: &Expr, op: &BinaryOperator, right: &Expr, holds: bool) -> Option<String> {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    let sign = match (op, holds) {
        (Eq, true) | (NotEq, false) => "==",
        (NotEq, true) | (Eq, false) => "!=",
        (Lt, true) | (GtEq, false) => "<",
        (LtEq, true) | (Gt, false) => "<=",
        (Gt, true) | (LtEq, false) => ">",
        (GtEq, true) | (Lt, false) => ">=",
        _ => return None,
    };
    let side = |expr: &Expr| name(expr).or_else(|| literal(expr));
    let text = format!("{} {sign} {}", side(left)?, side(right)?);
    // Only to be another is true of a missing value.
    let columns: Vec<String> = [left, right].into_iter().filter_map(name).collect();
    Some(match sign {
        "!=" => with_values(text, &columns),
        _ => text,
    })
}

/// `LIKE 'begins%'`, `'%ends'`, `'%holds%'`; the standard's, which knows lower
/// from upper case. Other patterns the runtime has no words for.
fn like(of: &str, pattern: &Expr, holds: bool) -> Option<String> {
    let Expr::Value(pattern) = pattern else {
        return None;
    };
    let Value::SingleQuotedString(pattern) = &pattern.value else {
        return None;
    };
    let begins = pattern.strip_prefix('%');
    let inner = begins.unwrap_or(pattern);
    let ends = inner.strip_suffix('%');
    let inner = ends.unwrap_or(inner);
    if inner.is_empty() || inner.contains(['%', '_', '\\']) {
        return None;
    }
    let part = quoted(inner);
    let function = match (begins.is_some(), ends.is_some()) {
        (true, true) => "contains",
        (true, false) => "ends_with",
        (false, true) => "starts_with",
        (false, false) => {
            let sign = if holds { "==" } else { "!=" };
            let text = format!("{of} {sign} {part}");
            return Some(match holds {
                true => text,
                false => with_values(text, &[of.to_owned()]),
            });
        }
    };
    Some(there(
        &format!("{function}({of}, {part})"),
        holds,
        &[of.to_owned()],
    ))
}

/// A test of values that are there, or its opposite.
fn there(text: &str, holds: bool, columns: &[String]) -> String {
    match holds {
        true => text.to_owned(),
        false => with_values(format!("not {text}"), columns),
    }
}

fn with_values(text: String, columns: &[String]) -> String {
    let mut text = text;
    for column in columns {
        text.push_str(&format!(" and not is_missing({column})"));
    }
    text
}

fn name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) => Some(column(&name.value)),
        Expr::CompoundIdentifier(parts) => Some(column(&parts.last()?.value)),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => Some(number.clone()),
            // What Python fills in.
            Value::SingleQuotedString(text) if text == "%s" => None,
            Value::SingleQuotedString(text) => Some(quoted(text)),
            Value::Boolean(truth) => Some(truth.to_string()),
            _ => None,
        },
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => match expr.as_ref() {
            Expr::Value(value) => match &value.value {
                Value::Number(number, _) => Some(format!("-{number}")),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::transforms::select;
    use super::*;

    fn of(rules: &str) -> Expr {
        let text = format!("SELECT a FROM people WHERE {rules}");
        select(&text).unwrap().selection.unwrap()
    }

    #[track_caller]
    fn check(rules: &str, expected: &str) {
        let found = condition(&of(rules));
        assert_eq!(found.as_deref().unwrap_or("?"), expected, "{rules}");
    }

    #[test]
    fn conditions_are_expressions() {
        check(
            "age >= 18 AND p.plan = 'it''s'",
            "age >= 18 and plan == 'it''s'",
        );
        check(
            "plan IN ('a', 'b') OR n IN (-1, 2)",
            "plan in ['a', 'b'] or n in [-1, 2]",
        );
        check("age BETWEEN 18 AND 99.5", "between(age, 18, 99.5)");
        check("email IS NULL", "is_missing(email)");
        check("plan LIKE 'pro%'", "starts_with(plan, 'pro')");
        check("plan LIKE '%pro'", "ends_with(plan, 'pro')");
        check("plan LIKE '%sales%'", "contains(plan, 'sales')");
        check("plan LIKE 'pro'", "plan == 'pro'");
        check("is_open = TRUE", "is_open == true");
    }

    #[test]
    fn what_is_not_so_is_so_of_values_that_are_there() {
        check("a <> 1", "a != 1 and not is_missing(a)");
        check("NOT a = 1", "a != 1 and not is_missing(a)");
        check("NOT a < 1", "a >= 1");
        check("NOT email IS NULL", "not is_missing(email)");
        check("a NOT IN (1, 2)", "not (a in [1, 2]) and not is_missing(a)");
        check(
            "a NOT BETWEEN 1 AND 2",
            "not between(a, 1, 2) and not is_missing(a)",
        );
        check(
            "a NOT LIKE 'x%'",
            "not starts_with(a, 'x') and not is_missing(a)",
        );
        check(
            "NOT (a = 1 OR NOT b > 2)",
            "(a != 1 and not is_missing(a) and b > 2)",
        );
        check(
            "NOT (a < 1 AND b > 2) AND c = 3",
            "(a >= 1 or b <= 2) and c == 3",
        );
        check(
            "NOT (a < 1 AND b > 2 OR c < 3)",
            "((a >= 1 or b <= 2) and c >= 3)",
        );
        check(
            "NOT (a < 1 AND b > 2 AND c < 3)",
            "(a >= 1 or b <= 2 or c >= 3)",
        );
    }

    #[test]
    fn what_the_runtime_has_no_words_for_is_not_claimed() {
        for rules in [
            "plan LIKE 'p_o'",
            "plan LIKE 'p%o'",
            "plan LIKE '%'",
            "plan LIKE '50\\%%' ESCAPE '\\'",
            "a = NULL",
            "a NOT IN (1, NULL)",
            "a IN (SELECT b FROM c)",
            "a + 1 > 2",
            "a = '%s'",
        ] {
            check(rules, "?");
        }
    }

    #[test]
    fn parameters_are_found_wherever_they_stand() {
        for rules in [
            "a = ?",
            "a = :id",
            "a = $1",
            "a = %s",
            "a = %(id)s",
            "NOT (b = 1 AND a IN (1, ?))",
        ] {
            assert!(is_bound(&of(rules)), "{rules}");
        }
        for rules in ["a = 'who?'", "a = ' :id'", "a LIKE '%s%'"] {
            assert!(!is_bound(&of(rules)), "{rules}");
        }
    }
}
