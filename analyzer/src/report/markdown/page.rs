//! Markdown as it grows, and text that stays text in it.

use std::fmt::{Arguments, Write};

use crate::report::words;

/// A table longer than this is folded.
const OPEN_ROWS: usize = 6;
/// Rows of one table; `report.json` has them all.
const MAX_ROWS: usize = 60;

/// The text so far.
#[derive(Default)]
pub(super) struct Page {
    /// Markdown.
    pub(super) text: String,
}

impl Page {
    /// Adds a line.
    pub(super) fn put(&mut self, line: Arguments<'_>) {
        writeln!(self.text, "{line}").expect("a String takes all");
    }

    /// A table, and `title` to unfold it by where it is long.
    pub(super) fn folded(&mut self, title: &str, head: &[&str], rows: Vec<Vec<String>>) {
        if rows.is_empty() {
            return;
        }
        let long = rows.len() > OPEN_ROWS;
        if long {
            self.put(format_args!("<details><summary>{title}</summary>\n"));
        }
        self.table(head, rows);
        if long {
            self.put(format_args!("</details>\n"));
        }
    }

    /// As [`Page::folded`], with its title above it where it is short.
    pub(super) fn titled(&mut self, title: &str, head: &[&str], rows: Vec<Vec<String>>) {
        if rows.len() > OPEN_ROWS {
            return self.folded(&html(title), head, rows);
        }
        self.put(format_args!("**{}**\n", text(title)));
        self.table(head, rows);
    }

    /// A table of cells that are Markdown already.
    pub(super) fn table(&mut self, head: &[&str], rows: Vec<Vec<String>>) {
        self.put(format_args!("| {} |", head.join(" | ")));
        self.put(format_args!("|{}", " --- |".repeat(head.len())));
        for row in rows.iter().take(MAX_ROWS) {
            self.put(format_args!("| {} |", row.join(" | ")));
        }
        self.put(format_args!(""));
        if rows.len() > MAX_ROWS {
            let rest = words::grouped(rows.len() - MAX_ROWS);
            self.put(format_args!("… and {rest} more in `report.json`.\n"));
        }
    }
}

/// A code span for a table's cell, whatever it holds.
pub(super) fn code(text: &str) -> String {
    let text = one_line(text).replace('|', "\\|");
    if text.trim().is_empty() {
        return String::new();
    }
    let longest = text.split(|character| character != '`').map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or(0) + 1);
    if fence.len() > 1 {
        return format!("{fence} {text} {fence}");
    }
    format!("`{text}`")
}

/// Prose for a table's cell: nothing in it is markup.
pub(super) fn text(text: &str) -> String {
    let characters: Vec<char> = one_line(text).chars().collect();
    let mut out = String::with_capacity(characters.len());
    for (idx, &character) in characters.iter().enumerate() {
        let word = |at: Option<usize>| {
            at.and_then(|at| characters.get(at))
                .is_some_and(|c| c.is_alphanumeric())
        };
        let inside = word(idx.checked_sub(1)) && word(Some(idx + 1));
        match character {
            '\\' | '`' | '*' | '|' | '[' | ']' | '~' => out.extend(['\\', character]),
            '_' if !inside => out.extend(['\\', '_']),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A zero-width space: names in a report call nobody.
            '@' => out.push_str("@\u{200b}"),
            character => out.push(character),
        }
    }
    out
}

/// Text inside an HTML element.
fn html(text: &str) -> String {
    let text = one_line(text);
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn one_line(text: &str) -> String {
    let clean = |character: char| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    };
    text.chars().map(clean).collect()
}
