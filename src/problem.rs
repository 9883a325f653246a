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
        let line = without_secrets(line);
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

/// Keys whose values are secrets, or may hold one.
const SECRET: [&str; 9] = [
    "key", "monolith", "own", "password", "sas", "secret", "sql", "token", "webhook",
];

/// A line of a file with its secrets blackened, as wide as it was. What only says
/// where a secret is stays.
fn without_secrets(line: &str) -> String {
    let mut shown = String::new();
    let mut rest = line;
    while let Some(quote) = rest.find(['"', '\'']) {
        let mark = &rest[quote..=quote];
        let inside = &rest[quote + 1..];
        let end = inside.find(mark).unwrap_or(inside.len());
        shown.push_str(&rest[..=quote]);
        shown.push_str(&blackened(&shown, &inside[..end]));
        rest = &inside[end..];
        if let Some(behind) = rest.strip_prefix(mark) {
            shown.push_str(mark);
            rest = behind;
        }
    }
    shown + rest
}

/// `before` is what stands before the text, its quote included.
fn blackened(before: &str, text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let key = before.trim_end_matches(|c: char| !is_word(c));
    let key = key.rsplit(|c: char| !is_word(c)).next().unwrap_or_default();
    let says_where = ["secret:env:", "secret:file:", "secret:vault:", "sqlite:"];
    let is_plain = says_where.iter().any(|begins| text.starts_with(begins));
    let has_password = text.contains("://") && text.contains(['@', '?']);
    match !is_plain && (has_password || SECRET.contains(&key)) {
        true => "*".repeat(text.chars().count()),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shown_without_its_secrets() {
        for (line, shown) in [
            ("token = \"s3cret\"", "token = \"******\""),
            ("token = { env = \"TOKEN\" }", "token = { env = \"TOKEN\" }"),
            ("token = 's3cret' # mine", "token = '******' # mine"),
            ("sas = \"s3cret", "sas = \"******"),
            ("sas = \"secret:env:SAS\"", "sas = \"secret:env:SAS\""),
            ("sas = \"secret:s3\"", "sas = \"*********\""),
            (
                "input = { sql = \"postgres://me:s3@db/x\", query = \"SELECT 1\" }",
                "input = { sql = \"*********************\", query = \"SELECT 1\" }",
            ),
            ("upstream = [\"http://a:5\"]", "upstream = [\"http://a:5\"]"),
            (
                "upstream = [\"http://u:p@a\"]",
                "upstream = [\"************\"]",
            ),
            ("listen = \"0.0.0.0:1\"", "listen = \"0.0.0.0:1\""),
        ] {
            assert_eq!(without_secrets(line), shown);
        }
    }

    #[test]
    fn a_problem_shows_its_place_and_no_secret() {
        let text = "[serve]\ntoken = \"s3cret\"\n";
        let problem = Problem {
            message: "serve: token: it says where the secret is, once".to_owned(),
            span: Some(16..24),
            label: "write { env = \"VARIABLE\" }".to_owned(),
        };
        let shown = problem.shown("functions.toml", text);
        assert!(shown.contains("2 | token = \"******\""), "{shown}");
        assert!(shown.contains("|         ^^^^^^^^ write"), "{shown}");
    }
}
