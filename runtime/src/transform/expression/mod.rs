//! Column expressions: `total_charges / max(tenure_months, 1)`.
//!
//! An [`Expression`] is read once, when its document is, and evaluated over a
//! whole frame. What it may say, loosest first:
//!
//! ```text
//! a or b        a and b        not a
//! a == b  != < <= > >=         a in ['x', 'y']     a not in [1, 2]
//! a + b   a - b                a * b   a / b   a // b   a % b
//! -a            a ** b         f(a, b)   (a)
//! age   `a name with spaces`   1   2.5   1e3   'text'   true   false   missing
//! ```
//!
//! Numbers follow NumPy: `/` always gives floats, division by zero is IEEE's,
//! whole numbers wrap; a missing operand gives a missing result. `//` and `%`
//! round down as Python's do; of whole numbers by zero they are missing.
//! Comparisons follow pandas: with a missing side they are false, `!=` true.
//! `and`, `or` and `not` follow Kleene: what is unknown stays missing unless
//! the other side decides. `max` and `min` of a missing value are missing, as
//! `numpy.maximum`; text is joined by `+`; moments differ in days.

mod date;
mod error;
mod eval;
mod functions;
mod lane;
mod lex;
mod math;
mod operators;
mod parse;
mod text;
mod tree;
mod value;

pub use error::ExpressionError;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::column::Column;
use super::fault::Fault;
use super::frame::Frame;
use super::scalar::Scalar;
use tree::Node;

/// A checked expression over the columns of a frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expression {
    text: String,
    root: Node,
}

impl Expression {
    /// Reads an expression. The error says where it stops making sense.
    pub fn parse(text: &str) -> Result<Expression, ExpressionError> {
        Ok(Expression {
            root: parse::parse(text)?,
            text: text.to_owned(),
        })
    }

    /// The columns it reads, each once, in order of appearance.
    pub fn reads(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.root.columns(&mut names);
        names
    }

    /// Its value for every row of `frame`.
    pub(super) fn column(&self, frame: &Frame) -> Result<Column, Fault> {
        Ok(self.value(frame)?.into_column(frame.n_rows()))
    }

    /// For each row whether it holds; what is missing does not. Fails where it
    /// is no condition.
    pub(super) fn holds(&self, frame: &Frame) -> Result<Vec<bool>, Fault> {
        let value::Value::Bool(holds) = self.value(frame)? else {
            return Err(ExpressionError::new(
                &self.text,
                0,
                "is no condition: compare it with something",
            )
            .into());
        };
        Ok((0..frame.n_rows())
            .map(|row| holds.get(row) == Some(true))
            .collect())
    }

    /// Its value for a single row that is in no frame, from what its names
    /// stand for there; None is missing, and so is what is not said.
    ///
    /// # Errors
    /// When values are of types that do not go together.
    pub fn of_row(&self, values: &[(&str, Option<Scalar>)]) -> Result<Option<Scalar>, Fault> {
        let row = eval::Row(values);
        let column = self.value(&row)?.into_column(1);
        Ok(column.scalars().next().flatten())
    }

    fn value<'a, N: eval::Names>(&'a self, names: &'a N) -> Result<value::Value<'a>, Fault> {
        eval::eval(&self.root, names).map_err(|stop| match stop {
            eval::Stop::Fault(fault) => fault,
            eval::Stop::At(at, problem) => ExpressionError::new(&self.text, at, problem).into(),
        })
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Expression) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Expression {
    type Error = ExpressionError;

    fn try_from(text: String) -> Result<Expression, ExpressionError> {
        Expression::parse(&text)
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> String {
        expression.text
    }
}

#[cfg(test)]
mod tests;
