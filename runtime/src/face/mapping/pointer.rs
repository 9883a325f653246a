//! [`Pointer`]: places of a document, by RFC 6901, in which `*` is every entry
//! of a list.

use serde_json::Value;

/// A pointer, read.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Pointer(pub(super) Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A member of an object, or an entry of a list by its index.
    Name(String),
    /// Every entry of a list.
    Any,
}

/// What is wrong with a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoPointer {
    #[error("a pointer starts with `/`")]
    NoSlash,
    #[error("in a pointer `~` is written ~0 and `/` is written ~1")]
    Tilde,
    #[error("the pointer has more than {MOST_STEPS} steps")]
    TooLong,
}

const MOST_STEPS: usize = 32;

impl Pointer {
    pub(super) fn parse(text: &str) -> Result<Pointer, NoPointer> {
        if text.is_empty() {
            return Ok(Pointer::default());
        }
        let rest = text.strip_prefix('/').ok_or(NoPointer::NoSlash)?;
        if rest.split('/').count() > MOST_STEPS {
            return Err(NoPointer::TooLong);
        }
        rest.split('/')
            .map(step)
            .collect::<Result<_, _>>()
            .map(Pointer)
    }

    pub(super) fn n_stars(&self) -> usize {
        self.0.iter().filter(|step| **step == Step::Any).count()
    }

    /// The list whose entries the first `*` stands for.
    pub(super) fn list(&self) -> Option<&[Step]> {
        let at = self.0.iter().position(|step| *step == Step::Any)?;
        Some(&self.0[..at])
    }

    /// Every place that the pointer names, in order; fewer where lists are
    /// shorter or members absent. At a `*`, what is no list has no entries.
    pub(super) fn all<'v>(&self, value: &'v Value) -> Vec<Option<&'v Value>> {
        let mut places = vec![Some(value)];
        for step in &self.0 {
            places = match step {
                Step::Name(name) => places
                    .into_iter()
                    .map(|place| child(place?, name))
                    .collect(),
                Step::Any => {
                    let lists = places.into_iter().flatten().filter_map(Value::as_array);
                    lists.flatten().map(Some).collect()
                }
            };
        }
        places
    }
}

/// The member, or the entry by its index.
pub(super) fn child<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => members.get(name),
        Value::Array(list) => list.get(name.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn step(text: &str) -> Result<Step, NoPointer> {
    if text == "*" {
        return Ok(Step::Any);
    }
    let mut parts = text.split('~');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (c, rest) = match (part.strip_prefix('0'), part.strip_prefix('1')) {
            (Some(rest), _) => ('~', rest),
            (None, Some(rest)) => ('/', rest),
            (None, None) => return Err(NoPointer::Tilde),
        };
        name.push(c);
        name.push_str(rest);
    }
    Ok(Step::Name(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn all(pointer: &str) -> String {
        let document = json!({"a": [{"b": 1}, {"c": 2}, {"b": [3]}], "d/e~": 4, "*": 5});
        let places = Pointer::parse(pointer).unwrap().all(&document);
        let said = places
            .iter()
            .map(|place| place.map_or("-".to_owned(), Value::to_string));
        said.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_indices_and_stars() {
        assert_eq!(all("/a/*/b"), "1 - [3]");
        assert_eq!(all("/a/2/b/0"), "3");
        assert_eq!(all("/d~1e~0"), "4");
        assert_eq!(all("/x/y"), "-");
        assert_eq!(all("/d~1e~0/*"), "");
    }

    #[test]
    fn what_is_no_pointer_is_said() {
        assert_eq!(Pointer::parse("a"), Err(NoPointer::NoSlash));
        assert_eq!(Pointer::parse("/~2"), Err(NoPointer::Tilde));
        assert_eq!(Pointer::parse(&"/a".repeat(33)), Err(NoPointer::TooLong));
    }
}
