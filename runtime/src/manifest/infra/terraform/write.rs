//! HCL as `terraform fmt` has it: text is quoted by the crate hcl-edit, which
//! writes what is built with it on one line and aligns nothing.

use hcl_edit::expr::Expression;

/// A value.
pub(super) enum Hcl {
    Text(String),
    Number(u32),
    Bool(bool),
    /// An expression, as it is.
    Code(String),
    List(Vec<Hcl>),
    /// Keys as they are: quoted where they are no identifiers.
    Map(Vec<(String, Hcl)>),
}

impl Hcl {
    pub(super) fn text(text: &str) -> Hcl {
        Hcl::Text(text.to_owned())
    }

    /// Each once.
    pub(super) fn set<'t>(texts: impl IntoIterator<Item = &'t str>) -> Hcl {
        Hcl::Code(format!("toset({})", Hcl::list(texts).at(0)))
    }

    pub(super) fn list<'t>(texts: impl IntoIterator<Item = &'t str>) -> Hcl {
        Hcl::List(texts.into_iter().map(Hcl::text).collect())
    }

    /// On lines behind so much of a margin.
    fn at(&self, margin: usize) -> String {
        match self {
            Hcl::Text(text) => quoted(text),
            Hcl::Number(number) => number.to_string(),
            Hcl::Bool(is) => is.to_string(),
            Hcl::Code(code) => code.clone(),
            Hcl::List(values) => {
                let values: Vec<String> = values.iter().map(|value| value.at(margin)).collect();
                format!("[{}]", values.join(", "))
            }
            Hcl::Map(entries) if entries.is_empty() => "{}".to_owned(),
            Hcl::Map(entries) => {
                format!("{{\n{}{}}}", body(entries, margin + 2), " ".repeat(margin))
            }
        }
    }
}

/// `key = value` on lines behind so much of a margin. Those of one line that
/// follow each other have their signs below each other.
pub(super) fn body(entries: &[(String, Hcl)], margin: usize) -> String {
    let written: Vec<(&str, String)> = entries
        .iter()
        .map(|(key, value)| (key.as_str(), value.at(margin)))
        .collect();
    let is_one_line = |entry: &(&str, String)| !entry.1.contains('\n');
    let mut body = String::new();
    for run in written.chunk_by(|one, other| is_one_line(one) && is_one_line(other)) {
        let widest = run.iter().map(|(key, _)| key.chars().count()).max();
        let widest = widest.unwrap_or_default();
        for (key, value) in run {
            let margin = " ".repeat(margin);
            body.push_str(&format!("{margin}{key:widest$} = {value}\n"));
        }
    }
    body
}

/// A text in its quotes; nothing in it is read as anything else.
pub(super) fn quoted(text: &str) -> String {
    Expression::from(text).to_string()
}
