//! Text that stays text in Markdown.

/// Prose, also for a table's cell: nothing in it is markup.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '|' | '[' | ']' | '~' | '#' | '!' => {
                out.extend(['\\', character])
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A zero-width space: names in a card call nobody.
            '@' => out.push_str("@\u{200b}"),
            character if character.is_control() => out.push(' '),
            character => out.push(character),
        }
    }
    out
}

/// A table of cells that are Markdown already; the first column to the left,
/// the others to the right.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|title| escaped(title)).collect();
    let rule = |column| if column == 0 { "---" } else { "---:" }.to_string();
    let rules: Vec<String> = (0..head.len()).map(rule).collect();
    let rows: String = rows.iter().map(|row| line(row)).collect();
    line(&head) + &line(&rules) + &rows + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        assert_eq!(escaped("a|b*c\n<i>@x"), "a\\|b\\*c &lt;i&gt;@\u{200b}x");
    }
}
