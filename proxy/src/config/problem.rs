//! [`Problem`]: what is wrong with a file, where, and what to write instead.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;

/// The first thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What: names stage and field.
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
    pub(super) fn at(span: Range<usize>, message: impl Into<String>) -> Problem {
        Problem {
            message: message.into(),
            span: Some(span),
            label: String::new(),
            line: 0,
            column: 0,
        }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Problem {
        self.label = label.into();
        self
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

    /// Of the field at `path`, from the outermost table inwards, or of the
    /// innermost table on that way that `text` has.
    pub(crate) fn of_field(text: &str, path: &[String], message: impl Into<String>) -> Problem {
        let mut span = 0..0;
        let root = DeTable::parse(text).map(Spanned::into_inner);
        let mut table = root.as_ref().ok();
        for name in path {
            let Some(found) = table.and_then(|table| table.get(&**name)) else {
                break;
            };
            span = found.span();
            table = found.get_ref().as_table();
        }
        Problem::at(span, message).located(text)
    }

    pub(super) fn of_syntax(error: &toml::de::Error) -> Problem {
        Problem {
            message: error.message().to_owned(),
            span: error.span(),
            label: String::new(),
            line: 0,
            column: 0,
        }
    }
}

/// `14:13: stage inference: … (write …)`
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
