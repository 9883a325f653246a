//! [`ExpressionError`]: what is wrong, and where.

use thiserror::Error;

/// An expression that cannot be read, or not be evaluated on these columns.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expression `{text}`, character {at}: {problem}")]
pub struct ExpressionError {
    /// The whole expression.
    pub text: String,
    /// The place, in characters, counted from 1.
    pub at: usize,
    /// What is wrong there.
    pub problem: String,
}

impl ExpressionError {
    /// `at` counts bytes from 0.
    pub(super) fn new(text: &str, at: usize, problem: impl Into<String>) -> ExpressionError {
        let before = text
            .char_indices()
            .take_while(|(byte, _)| *byte < at)
            .count();
        ExpressionError {
            text: text.to_owned(),
            at: before + 1,
            problem: problem.into(),
        }
    }
}
