//! Column expressions: `frame["a"] / np.maximum(frame["b"], 1)` as
//! `a / max(b, 1)`, in the runtime's language. What it cannot say is not
//! claimed.

use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};

use super::super::code::At;
use super::super::transforms::{Bound, Env, Forms};
use super::value::value;
use super::{MAX_DEPTH, is_series_maker, may_be_frame, names};
use crate::syntax::facts::{Arg, BinaryOp, CompareOp, ExprId, ExprKind, UnaryOp};

/// How tightly a text is bound, loosest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bond {
    Or,
    And,
    Not,
    Compare,
    Add,
    Multiply,
    Power,
    Whole,
}

/// A text and how tightly it is bound.
struct Said(String, Bond);

impl Said {
    fn whole(text: impl Into<String>) -> Option<Said> {
        Some(Said(text.into(), Bond::Whole))
    }

    /// In brackets where it binds less than `least`.
    fn at_least(self, least: Bond) -> String {
        match self.1 < least {
            true => format!("({})", self.0),
            false => self.0,
        }
    }
}

pub(super) fn expression(forms: &Forms<'_, '_>, at: At, env: &Env) -> Option<String> {
    Translation { forms }.said(at, env, 0).map(|said| said.0)
}

/// `column op= by`, as what the column is then.
pub(super) fn changed(
    forms: &Forms<'_, '_>,
    name: &str,
    op: BinaryOp,
    by: At,
    env: &Env,
) -> Option<String> {
    let by = Translation { forms }.said(by, env, 0)?;
    let (sign, bond) = sign(op)?;
    let own = Said(column(name), Bond::Whole);
    binary(own, sign, by, bond).map(|said| said.0)
}

fn sign(op: BinaryOp) -> Option<(&'static str, Bond)> {
    Some(match op {
        BinaryOp::Add => ("+", Bond::Add),
        BinaryOp::Sub => ("-", Bond::Add),
        BinaryOp::Mul => ("*", Bond::Multiply),
        BinaryOp::Div => ("/", Bond::Multiply),
        BinaryOp::FloorDiv => ("//", Bond::Multiply),
        BinaryOp::Mod => ("%", Bond::Multiply),
        BinaryOp::Pow => ("**", Bond::Power),
        BinaryOp::BitAnd => ("and", Bond::And),
        BinaryOp::BitOr => ("or", Bond::Or),
        _ => return None,
    })
}

/// A column in an expression.
pub(super) fn column(name: &str) -> String {
    let mut chars = name.chars();
    let plain = chars
        .next()
        .is_some_and(|first| first == '_' || first.is_alphabetic())
        && chars.all(|c| c == '_' || c.is_alphanumeric())
        && !matches!(
            name,
            "and" | "or" | "not" | "in" | "true" | "false" | "missing"
        );
    match plain {
        true => name.to_owned(),
        false => format!("`{}`", name.replace('`', "``")),
    }
}

/// A text in an expression.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

pub(super) fn literal(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => "missing".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(_) | Value::Object(_) => return None,
    })
}

struct Translation<'f, 'c, 'a> {
    forms: &'f Forms<'c, 'a>,
}

impl Translation<'_, '_, '_> {
    fn said(&self, at: At, env: &Env, depth: u32) -> Option<Said> {
        if depth > MAX_DEPTH {
            return None;
        }
        let sub = |expr: ExprId| self.said(at.part(expr), env, depth + 1);
        match self.forms.code.kind(at) {
            ExprKind::Item { base, index } => {
                if let Some(known) = value(self.forms, at, env) {
                    return Said::whole(literal(&known)?);
                }
                let base = at.part(*base);
                let is_row = matches!(self.forms.code.kind(base), ExprKind::Item { .. });
                if is_row || !may_be_frame(self.forms.code, base) {
                    return None;
                }
                // `frame["x"].mode()[0]` is no column.
                if matches!(self.forms.code.kind(base), ExprKind::Call { .. }) {
                    return None;
                }
                match names(self.forms, at.part(*index), env).as_slice() {
                    [only] => Said::whole(column(only)),
                    _ => None,
                }
            }
            ExprKind::Name(name) => match env.get(name) {
                Some(Bound::Text(text)) => Said::whole(quoted(text)),
                Some(Bound::Expr(at, env)) => self.said(*at, &env.clone(), depth + 1),
                None => self.said(self.forms.last_value(at)?, env, depth + 1),
            },
            ExprKind::Attr { base, name } => self.attribute(at, *base, name, env, depth),
            ExprKind::Str(_) | ExprKind::Number(_) | ExprKind::Bool(_) => {
                Said::whole(literal(&value(self.forms, at, env)?)?)
            }
            ExprKind::Unary { op, operand } => {
                let inner = sub(*operand)?;
                match op {
                    UnaryOp::Neg => Some(Said(
                        format!("-{}", inner.at_least(Bond::Power)),
                        Bond::Multiply,
                    )),
                    UnaryOp::Not | UnaryOp::Invert => Some(Said(
                        format!("not {}", inner.at_least(Bond::Whole)),
                        Bond::Not,
                    )),
                    UnaryOp::Pos => Some(inner),
                }
            }
            ExprKind::Binary { op, left, right } => {
                let (sign, bond) = sign(*op)?;
                binary(sub(*left)?, sign, sub(*right)?, bond)
            }
            ExprKind::Compare { operands, ops } => {
                let mut parts = Vec::new();
                for (pair, op) in operands.windows(2).zip(ops) {
                    let sign = match op {
                        CompareOp::Eq => "==",
                        CompareOp::Ne => "!=",
                        CompareOp::Lt => "<",
                        CompareOp::Le => "<=",
                        CompareOp::Gt => ">",
                        CompareOp::Ge => ">=",
                        _ => return None,
                    };
                    let (left, right) = (sub(pair[0])?, sub(pair[1])?);
                    parts.push(binary(left, sign, right, Bond::Compare)?.0);
                }
                let bond = match parts.len() {
                    1 => Bond::Compare,
                    _ => Bond::And,
                };
                Some(Said(parts.join(" and "), bond))
            }
            ExprKind::Conditional { test, then, other } => {
                call("where", &[sub(*test)?, sub(*then)?, sub(*other)?])
            }
            ExprKind::Call { callee, args } => {
                let callee = at.part(*callee);
                let code = self.forms.code;
                if let Some((func, bound)) = self.forms.callee_of(at, callee, args, env) {
                    return self.said(code.only_return(func)?, &bound, depth + 1);
                }
                self.called(at, callee, args, env, depth)
            }
            _ => None,
        }
    }

    /// `frame.age`, `column.dt.month`, `column.values`, `config.LIMIT`.
    fn attribute(&self, at: At, base: ExprId, name: &str, env: &Env, depth: u32) -> Option<Said> {
        let base = at.part(base);
        if let ExprKind::Attr {
            base: inner,
            name: accessor,
        } = self.forms.code.kind(base)
            && accessor == "dt"
        {
            let part = match name {
                "year" | "month" | "day" | "hour" | "minute" => name,
                "dayofweek" | "weekday" | "day_of_week" => "weekday",
                _ => return None,
            };
            let inner = self.said(at.part(*inner), env, depth + 1)?;
            return call(part, &[inner]);
        }
        if matches!(name, "values" | "str" | "dt") {
            return self.said(base, env, depth + 1);
        }
        if let Some(value) = value(self.forms, at, env) {
            return Said::whole(literal(&value)?);
        }
        let of_table = matches!(
            name,
            "T" | "cat"
                | "codes"
                | "columns"
                | "dtypes"
                | "empty"
                | "iloc"
                | "index"
                | "loc"
                | "name"
                | "ndim"
                | "shape"
                | "size"
        );
        let is_column = super::is_frame(self.forms.code, base) && !of_table;
        is_column.then(|| Said::whole(column(name))).flatten()
    }

    /// Methods of columns, and functions of NumPy and pandas.
    fn called(&self, at: At, callee: At, args: &[Arg], env: &Env, depth: u32) -> Option<Said> {
        let code = self.forms.code;
        let (base, name) = match code.kind(callee) {
            ExprKind::Attr { base, name } => (Some(*base), name.as_str()),
            ExprKind::Name(name) => (None, name.as_str()),
            _ => return None,
        };
        let on_module = code.external(callee).is_some() || base.is_none();
        let mut operands: Vec<At> = Vec::new();
        if let Some(expr) = base.filter(|_| !on_module) {
            operands.push(at.part(expr));
        }
        operands.extend(
            args.iter()
                .filter(|arg| arg.name.is_none())
                .map(|arg| at.part(arg.value)),
        );
        let named = |name: &str| {
            let expr = code.arg(args, name, None)?;
            self.said(at.part(expr), env, depth + 1)
        };
        let said = |place: usize| self.said(*operands.get(place)?, env, depth + 1);
        let on_text = base.is_some_and(
            |base| matches!(code.kind(at.part(base)), ExprKind::Attr { name, .. } if name == "str"),
        );
        let plain = |n: usize| args.len() == n;
        match name {
            "isna" | "isnull" => call("is_missing", &[said(0)?]),
            "notna" | "notnull" => Some(Said(
                format!("not {}", call("is_missing", &[said(0)?])?.0),
                Bond::Not,
            )),
            "between" if plain(2) => call("between", &[said(0)?, said(1)?, said(2)?]),
            "isin" => {
                let Value::Array(values) = value(self.forms, *operands.get(1)?, env)? else {
                    return None;
                };
                let values: Option<Vec<String>> = values.iter().map(literal).collect();
                Some(Said(
                    format!(
                        "{} in [{}]",
                        said(0)?.at_least(Bond::Add),
                        values?.join(", ")
                    ),
                    Bond::Compare,
                ))
            }
            "fillna" => call("coalesce", &[said(0)?, said(1).or_else(|| named("value"))?]),
            "where" if on_module => call("where", &[said(0)?, said(1)?, said(2)?]),
            "clip" => {
                let lower = said(1).or_else(|| named("lower").or_else(|| named("a_min")));
                let upper = said(2).or_else(|| named("upper").or_else(|| named("a_max")));
                let mut text = said(0)?;
                if let Some(lower) = lower.filter(|said| said.0 != "missing") {
                    text = call("max", &[text, lower])?;
                }
                if let Some(upper) = upper.filter(|said| said.0 != "missing") {
                    text = call("min", &[text, upper])?;
                }
                (text.1 == Bond::Whole).then_some(text)
            }
            "maximum" | "fmax" => call("max", &[said(0)?, said(1)?]),
            "minimum" | "fmin" => call("min", &[said(0)?, said(1)?]),
            "abs" | "absolute" | "fabs" => call("abs", &[said(0)?]),
            "log" | "log1p" | "exp" | "sqrt" | "floor" | "ceil" => call(name, &[said(0)?]),
            "square" => binary(said(0)?, "**", Said("2".into(), Bond::Whole), Bond::Power),
            "pow" | "power" => binary(said(0)?, "**", said(1)?, Bond::Power),
            "add" => binary(said(0)?, "+", said(1)?, Bond::Add),
            "sub" | "subtract" => binary(said(0)?, "-", said(1)?, Bond::Add),
            "mul" | "multiply" => binary(said(0)?, "*", said(1)?, Bond::Multiply),
            "div" | "divide" | "truediv" => binary(said(0)?, "/", said(1)?, Bond::Multiply),
            "eq" => binary(said(0)?, "==", said(1)?, Bond::Compare),
            "ne" => binary(said(0)?, "!=", said(1)?, Bond::Compare),
            "gt" => binary(said(0)?, ">", said(1)?, Bond::Compare),
            "ge" => binary(said(0)?, ">=", said(1)?, Bond::Compare),
            "lt" => binary(said(0)?, "<", said(1)?, Bond::Compare),
            "le" => binary(said(0)?, "<=", said(1)?, Bond::Compare),
            "round" => match said(1) {
                Some(digits) => call("round", &[said(0)?, digits]),
                None => call("round", &[said(0)?]),
            },
            "lower" | "upper" if on_text => call(name, &[said(0)?]),
            "strip" if on_text && plain(0) => call("trim", &[said(0)?]),
            "len" if on_text => call("length", &[said(0)?]),
            // A pattern is more than its text.
            "contains" if on_text && plain(1) && is_literal(&said(1)?.0) => {
                call("contains", &[said(0)?, said(1)?])
            }
            "startswith" if on_text => call("starts_with", &[said(0)?, said(1)?]),
            "endswith" if on_text => call("ends_with", &[said(0)?, said(1)?]),
            "map" => self.mapped(said(0)?, *operands.get(1)?, env, "missing"),
            "replace" if on_text && plain(2) && is_literal(&said(1)?.0) => {
                call("replace", &[said(0)?, said(1)?, said(2)?])
            }
            "replace" if on_text => None,
            "replace" => {
                let otherwise = said(0)?.at_least(Bond::Whole);
                self.mapped(said(0)?, *operands.get(1)?, env, &otherwise)
            }
            "astype" => match self.type_name(*operands.get(1)?)?.as_str() {
                "int" | "int64" | "int32" => call("int", &[said(0)?]),
                "float" | "float64" | "float32" => call("float", &[said(0)?]),
                "str" | "string" => call("text", &[said(0)?]),
                _ => None,
            },
            "to_datetime" => call("date", &[said(0)?]),
            "to_numeric" | "asarray" | "array" | "copy" | "reset_index" | "to_numpy" | "ravel"
            | "pop" => match name {
                "pop" => match names(self.forms, *operands.get(1)?, env).as_slice() {
                    [only] => Said::whole(column(only)),
                    _ => None,
                },
                _ => said(0),
            },
            name if is_series_maker(name) => said(0),
            _ => None,
        }
    }

    /// `column.map({"a": 1})` as nested conditions.
    fn mapped(&self, of: Said, table: At, env: &Env, otherwise: &str) -> Option<Said> {
        let Value::Object(entries) = value(self.forms, table, env)? else {
            return None;
        };
        let of = of.at_least(Bond::Add);
        let mut text = otherwise.to_owned();
        for (key, value) in entries.iter().rev() {
            let key = match key.parse::<f64>() {
                Ok(number) if number.is_finite() => key.clone(),
                _ => quoted(key),
            };
            text = format!("where({of} == {key}, {}, {text})", literal(value)?);
        }
        Said::whole(text)
    }

    fn type_name(&self, at: At) -> Option<SmolStr> {
        match self.forms.code.kind(at) {
            ExprKind::Str(name) | ExprKind::Name(name) | ExprKind::Attr { name, .. } => {
                Some(name.clone())
            }
            _ => None,
        }
    }
}

/// A text that means the same as a regular expression.
fn is_literal(text: &str) -> bool {
    !text.contains([
        '.', '^', '$', '*', '+', '?', '(', ')', '[', ']', '{', '}', '|', '\\',
    ])
}

fn call(name: &str, parts: &[Said]) -> Option<Said> {
    let parts: Vec<&str> = parts.iter().map(|part| part.0.as_str()).collect();
    Said::whole(format_smolstr!("{name}({})", parts.join(", ")))
}

/// Both sides of one strength are read from the left.
fn binary(left: Said, sign: &str, right: Said, bond: Bond) -> Option<Said> {
    let tighter = match bond {
        Bond::Or => Bond::And,
        Bond::And => Bond::Not,
        Bond::Compare => Bond::Add,
        Bond::Add => Bond::Multiply,
        Bond::Multiply => Bond::Power,
        _ => Bond::Whole,
    };
    let left = match bond {
        Bond::Compare | Bond::Power => left.at_least(tighter),
        _ => left.at_least(bond),
    };
    Some(Said(
        format!("{left} {sign} {}", right.at_least(tighter)),
        bond,
    ))
}
