//! TOML, a line after the other.

use serde_json::Value;

use super::super::document::Place;

/// A list that is longer has a line for each few of its values.
const MOST_COLUMNS: usize = 96;

/// A value of `functions.toml` that the code does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenValue {
    /// The key that is open.
    pub key: String,
    /// Where to look, `file:line`, or why nothing says it.
    pub look: String,
}

/// Lines of a file.
#[derive(Default)]
pub(super) struct Lines {
    text: String,
    open: Vec<OpenValue>,
}

impl Lines {
    /// Adds lines; a line holds no control characters.
    pub(super) fn put(&mut self, lines: &str) {
        for line in lines.split('\n') {
            self.text
                .extend(line.chars().map(|c| if c.is_control() { ' ' } else { c }));
            self.text.push('\n');
        }
    }

    /// Adds `key = "TODO"` with the place to look at.
    pub(super) fn todo(&mut self, key: &str, place: Option<&Place>) {
        let look = place.map_or("nothing in the code says it".to_owned(), at);
        self.open(&format!("{key} = \"TODO\""), key, &look);
    }

    /// Adds a line in which the value of `key` is open; an empty one is a
    /// comment.
    pub(super) fn open(&mut self, line: &str, key: &str, look: &str) {
        self.put(format!("{line} # TODO {look}").trim_start());
        self.open.push(OpenValue {
            key: key.trim().to_owned(),
            look: look.to_owned(),
        });
    }

    /// Adds what `write` says of a stage; as a comment, in which nothing is
    /// open, where the code has none.
    pub(super) fn stage(&mut self, is_there: bool, write: impl FnOnce(&mut Lines)) {
        if is_there {
            return write(self);
        }
        let mut apart = Lines::default();
        write(&mut apart);
        for line in apart.text.lines() {
            match line.is_empty() {
                true => self.blank(),
                // Nothing in it is to be done.
                false => self.put(&format!("# {}", line.replace("# TODO ", "# "))),
            }
        }
    }

    /// What is open, in the order of the lines.
    pub(super) fn into_open(self) -> Vec<OpenValue> {
        self.open
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    pub(super) fn text(self) -> String {
        self.text
    }
}

/// A JSON string is a TOML basic string.
pub(super) fn quoted(text: &str) -> String {
    // JSON writes all other control characters as TOML does.
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// A key, in quotes where it needs them.
pub(super) fn named(key: &str) -> String {
    let bare = !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    match bare {
        true => key.to_owned(),
        false => quoted(key),
    }
}

pub(super) fn at(place: &Place) -> String {
    format!("{}:{}", place.file, place.line)
}

pub(super) fn array<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let texts: Vec<String> = texts.into_iter().map(quoted).collect();
    wrapped(&texts)
}

fn wrapped(parts: &[String]) -> String {
    let line = parts.join(", ");
    if line.len() <= MOST_COLUMNS {
        return format!("[{line}]");
    }
    let mut text = String::from("[\n");
    let mut width = 0;
    for part in parts {
        if width > 0 && width + part.len() > MOST_COLUMNS {
            text.push('\n');
            width = 0;
        }
        text.push_str(if width == 0 { "    " } else { " " });
        text.push_str(part);
        text.push(',');
        width += part.len() + 2;
    }
    text.push_str("\n]");
    text
}

/// A value; `inf` and `-inf` among numbers are numbers. TOML has no null.
pub(super) fn value(given: &Value) -> Option<String> {
    Some(match given {
        Value::Null => return None,
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(parts) => {
            let numbers = parts.iter().any(Value::is_number);
            let part = |part: &Value| match part.as_str() {
                Some(text @ ("inf" | "-inf")) if numbers => Some(text.to_owned()),
                _ => value(part),
            };
            let parts: Option<Vec<String>> = parts.iter().map(part).collect();
            wrapped(&parts?)
        }
        Value::Object(entries) => {
            let entry = |(key, inner): (&String, &Value)| {
                Some(format!("{} = {}", named(key), value(inner)?))
            };
            let entries: Option<Vec<String>> = entries.iter().map(entry).collect();
            format!("{{ {} }}", entries?.join(", "))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_toml() {
        for (given, expected) in [
            (json!([0, 25.5, "inf"]), "[0, 25.5, inf]"),
            (json!({"a b": "x\"y"}), r#"{ "a b" = "x\"y" }"#),
            (json!({"quantile": 0.995}), "{ quantile = 0.995 }"),
            (json!(["inf"]), r#"["inf"]"#),
        ] {
            assert_eq!(value(&given).as_deref(), Some(expected));
        }
        assert_eq!(value(&json!(null)), None);
    }
}
