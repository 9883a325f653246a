//! [`Template`]: a path with places for a message's fields.

use std::fmt;

/// `raw/{name}/calls.csv`: text, and names in braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(String),
}

impl Template {
    /// # Errors
    /// What is wrong with it: a brace without its other one, a field without a
    /// name, or a path that leaves its folder.
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, after) = rest.split_at(open);
            let Some((field, behind)) = after[1..].split_once('}') else {
                return Err("a brace is open to the end".to_owned());
            };
            if field.is_empty() || !field.chars().all(|c| c.is_alphanumeric() || c == '_') {
                return Err(format!("{{{field}}} names no field"));
            }
            parts.extend(Part::text(before));
            parts.push(Part::Field(field.to_owned()));
            rest = behind;
        }
        parts.extend(Part::text(rest));
        if text.contains('}') && !text.contains('{') {
            return Err("a brace is closed that was never open".to_owned());
        }
        is_inside(text)?;
        Ok(Template(parts))
    }

    /// The fields that a message needs.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Field(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The fields that a path says, if it is one of these: each is a part of it
    /// without `/`, and the same wherever it stands.
    pub fn read(&self, path: &str) -> Option<Vec<(String, String)>> {
        let mut pattern = "^".to_owned();
        let mut names = Vec::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => pattern.push_str(&regex::escape(text)),
                Part::Field(name) => {
                    pattern.push_str("([^/]+)");
                    names.push(name);
                }
            }
        }
        pattern.push('$');
        let found = regex::Regex::new(&pattern).ok()?.captures(path)?;
        let mut fields: Vec<(String, String)> = Vec::new();
        for (name, value) in names.into_iter().zip(found.iter().skip(1)) {
            let value = value?.as_str();
            match fields.iter().find(|(known, _)| known == name) {
                Some((_, known)) if known != value => return None,
                Some(_) => {}
                None => fields.push((name.clone(), value.to_owned())),
            }
        }
        Some(fields)
    }

    /// With what every path begins, and ends.
    pub fn around(&self) -> (&str, &str) {
        fn text(part: Option<&Part>) -> &str {
            match part {
                Some(Part::Text(text)) => text,
                Some(Part::Field(_)) | None => "",
            }
        }
        (text(self.0.first()), text(self.0.last()))
    }

    /// The path for a message whose fields `field` gives.
    ///
    /// # Errors
    /// The name of a field that the message lacks, or a value that would leave
    /// the folder.
    pub fn fill(&self, field: impl Fn(&str) -> Option<String>) -> Result<String, String> {
        let mut filled = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Field(name) => {
                    let value = field(name).ok_or_else(|| {
                        format!("the message has no field {name}, and {self} needs it")
                    })?;
                    filled.push_str(&value);
                }
            }
        }
        is_inside(&filled)?;
        Ok(filled)
    }
}

impl Part {
    fn text(text: &str) -> Option<Part> {
        (!text.is_empty()).then(|| Part::Text(text.to_owned()))
    }
}

fn is_inside(path: &str) -> Result<(), String> {
    let bad = |part: &str| matches!(part, "" | "." | "..") || part.contains(['\\', '\0']);
    match path.split('/').any(bad) {
        true => Err(format!("{path:?} is not a path inside the store")),
        false => Ok(()),
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Field(name) => write!(f, "{{{name}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_the_fields() {
        let read = |template: &str, path: &str| {
            let fields = Template::parse(template).unwrap().read(path)?;
            let fields = fields.iter().map(|(name, value)| format!("{name}={value}"));
            Some(fields.collect::<Vec<_>>().join(" "))
        };
        let read = |template, path| read(template, path).unwrap_or_else(|| "-".to_owned());
        assert_eq!(read("raw/{name}.csv", "raw/may.csv"), "name=may");
        assert_eq!(read("{a}/{b}.csv", "x/y.z.csv"), "a=x b=y.z");
        assert_eq!(read("{a}/{a}.csv", "x/x.csv"), "a=x");
        assert_eq!(read("{a}/{a}.csv", "x/y.csv"), "-");
        assert_eq!(read("raw/{name}.csv", "raw/deep/may.csv"), "-");
        assert_eq!(read("raw/{name}.csv", "raw/mayXcsv"), "-");
        assert_eq!(read("rows.csv", "rows.csv"), "");
    }

    fn filled(template: &str, value: &str) -> Result<String, String> {
        let template = Template::parse(template)?;
        template.fill(|field| (field == "name").then(|| value.to_owned()))
    }

    #[test]
    fn fields_stand_in_braces() {
        assert_eq!(
            filled("raw/{name}/calls.csv", "may").as_deref(),
            Ok("raw/may/calls.csv")
        );
        assert_eq!(filled("{name}", "a/b").as_deref(), Ok("a/b"));
        assert!(filled("raw/{day}.csv", "may").is_err_and(|why| why.contains("no field day")));
    }

    #[test]
    fn nothing_leaves_the_store() {
        for template in [
            "/etc/passwd",
            "raw/../x",
            "raw//x",
            "{name",
            "name}",
            "{}",
            "",
        ] {
            assert!(Template::parse(template).is_err(), "{template}");
        }
        for value in ["../x", "", "/x", "a/../../x", "a\\b"] {
            assert!(filled("raw/{name}.csv/{name}", value).is_err(), "{value}");
        }
    }
}
