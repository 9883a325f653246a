//! One problem of a file, its place, its mend.

use std::ops::Range;

/// What is wrong with a text.
#[derive(Debug)]
pub(crate) struct Problem {
    /// What.
    pub(crate) message: String,
    /// Where, in bytes; None where the text as a whole is wrong.
    pub(crate) span: Option<Range<usize>>,
    /// What to do, to stand under the place; may be empty.
    pub(crate) label: String,
}

impl Problem {
    /// The message, where in `file` it is, and the line of `text` with the
    /// place marked.
    pub(crate) fn shown(&self, file: &str, text: &str) -> String {
        let message = self.message.trim_end().replace('\n', ", ");
        let Some(span) = &self.span else {
            return format!("{message}\n  --> {file}");
        };
        let start = text.floor_char_boundary(span.start.min(text.len()));
        let end = text.floor_char_boundary(span.end.clamp(start, text.len()));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[line_start..].lines().next().unwrap_or_default();
        let number = text[..line_start].matches('\n').count() + 1;
        let column = text[line_start..start].chars().count() + 1;
        let marked = text[start..end].lines().next().unwrap_or_default();
        let marks = "^".repeat(marked.chars().count().max(1));
        // A tab before the marks is as wide as the one above it.
        let before: String = text[line_start..start]
            .chars()
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let margin = " ".repeat(number.to_string().len());
        let shown = format!(
            "{message}\n{margin}--> {file}:{number}:{column}\n{margin} |\n{number} | {line}\n{margin} | {before}{marks} {}",
            self.label
        );
        shown.trim_end().to_owned()
    }
}
