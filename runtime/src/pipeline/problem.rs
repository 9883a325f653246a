//! [`Problem`]: what is wrong with `functions.toml`, where, and what to write.

use std::fmt;
use std::ops::Range;

/// The first thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What: names the function and the key.
    pub message: String,
    /// Where, in bytes of the text.
    pub span: Option<Range<usize>>,
    /// What to do, to stand under the place; may be empty.
    pub label: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
}

impl Problem {
    /// At a place of the text.
    #[must_use]
    pub fn at(span: Range<usize>, message: impl Into<String>) -> Problem {
        Problem {
            message: message.into(),
            span: Some(span),
            label: String::new(),
            line: 1,
            column: 1,
        }
    }

    /// With what to do about it.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Problem {
        self.label = label.into();
        self
    }

    pub(super) fn of_syntax(error: &toml::de::Error) -> Problem {
        Problem {
            span: error.span(),
            ..Problem::at(0..0, error.message().trim_end().replace('\n', ", "))
        }
    }

    /// Says in which line of `text` it is.
    pub(super) fn located(mut self, text: &str) -> Problem {
        let at = self.span.as_ref().map_or(0, |span| span.start);
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        self.line = before.matches('\n').count() + 1;
        self.column = before[line_start..].chars().count() + 1;
        self
    }
}

/// `14:13: function training: … (write …)`
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        match self.label.is_empty() {
            true => Ok(()),
            false => write!(f, " ({})", self.label),
        }
    }
}

impl std::error::Error for Problem {}
