//! Bicep as text.

/// A text in its quotes; nothing in it is read as anything else.
pub(super) fn text(text: &str) -> String {
    let mut quoted = String::from("'");
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => quoted.push_str("\\\\"),
            '\'' => quoted.push_str("\\'"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '$' if rest.peek() == Some(&'{') => quoted.push_str("\\$"),
            c if c.is_control() => quoted.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// One a line, indented by so much.
pub(super) fn list<'t>(texts: impl IntoIterator<Item = &'t str>, indent: usize) -> String {
    let lines = texts.into_iter().map(text).collect::<Vec<_>>();
    lined('[', &lines, ']', indent)
}

/// Keys and values as code, one a line, indented by so much.
pub(super) fn object(entries: impl IntoIterator<Item = (String, String)>, indent: usize) -> String {
    let lines = entries.into_iter();
    let lines: Vec<String> = lines
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    lined('{', &lines, '}', indent)
}

fn lined(open: char, lines: &[String], close: char, indent: usize) -> String {
    if lines.is_empty() {
        return format!("{open}{close}");
    }
    let margin = " ".repeat(indent);
    let lines = lines.iter().map(|line| format!("{margin}  {line}\n"));
    format!("{open}\n{}{margin}{close}", lines.collect::<String>())
}

/// A name of letters, digits and signs, which no other one becomes.
pub(super) fn told_apart(name: &str) -> String {
    let each = name.chars().map(|c| match c.is_ascii_alphanumeric() {
        true => c.to_string(),
        false => format!("_{:x}_", u32::from(c)),
    });
    each.collect()
}

/// What a key of an app is called where dashes may not be. Keys have no
/// underscores, so two remain two.
pub(super) fn symbol(key: &str) -> String {
    key.replace('-', "_")
}
