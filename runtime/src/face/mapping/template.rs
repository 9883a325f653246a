//! [`Template`]: how an answer is laid out, place by place.

mod derive;
mod finish;
mod source;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::error::MappingError;
use super::pointer::{Pointer, Step, child};
use super::written::SourceWritten;
use finish::Finish;
use source::{Choice, Source};

pub(super) use derive::{Derived, ROOT as DERIVED};

/// Places of an answer with where they come from, checked: no place is in
/// another, and every `*` of a place is one of where it comes from, or what
/// comes from there is the same in every row.
#[derive(Clone, Debug)]
pub(super) struct Template {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    to: Pointer,
    /// The first that is right for the document.
    choices: Vec<Choice>,
}

static NULL: Value = Value::Null;

impl Template {
    /// Checks a table of places, whose sources start with one of `roots`.
    pub(super) fn new(
        route: &str,
        table: &str,
        written: &IndexMap<String, SourceWritten>,
        roots: &[&str],
    ) -> Result<Template, MappingError> {
        let mut entries: Vec<(&str, Entry)> = Vec::new();
        for (place, source) in written {
            let key = format!("{table}.{place:?}");
            let problem = |problem: String| MappingError::key(route, &key, problem);
            let entry = Entry::new(place, source, roots).map_err(problem)?;
            if let Some((other, _)) = entries
                .iter()
                .find(|(_, other)| clash(&other.to, &entry.to))
            {
                return Err(problem(format!("it cannot stand beside {other:?}")));
            }
            entries.push((place, entry));
        }
        Ok(Template {
            entries: entries.into_iter().map(|(_, entry)| entry).collect(),
        })
    }

    /// Whether something comes from `root`.
    pub(super) fn names(&self, root: &str) -> bool {
        let mut choices = self.entries.iter().flat_map(|entry| &entry.choices);
        choices.any(|choice| choice.names(root))
    }

    /// Whether the answer tells of the first row alone, and of no number of
    /// rows.
    pub(super) fn is_of_one(&self) -> bool {
        let choices = self.entries.iter().flat_map(|entry| &entry.choices);
        let mut told = choices.flat_map(Choice::of_rows).peekable();
        told.peek().is_some() && told.all(|is_first| is_first)
    }

    /// What is made of each row before the answer is laid out; the document has
    /// what comes of it under [`DERIVED`].
    pub(super) fn derived(&self) -> impl Iterator<Item = &Derived> {
        let choices = self.entries.iter().flat_map(|entry| &entry.choices);
        choices.filter_map(|choice| choice.derived.as_ref())
    }

    /// The answer, from a document; what it does not have is null.
    pub(super) fn fill(&self, document: &Value) -> Value {
        let n_rows = document.get("count").and_then(Value::as_u64);
        let n_rows = n_rows
            .and_then(|n_rows| usize::try_from(n_rows).ok())
            .unwrap_or(0);
        let mut answer = Value::Null;
        for Entry { to, choices } in &self.entries {
            let mut choices = choices.iter();
            let Some(Choice { from, finish, .. }) = choices.find(|choice| choice.holds(document))
            else {
                put(
                    &mut answer,
                    &to.0,
                    From::Constant(&NULL, n_rows),
                    Finish::NONE,
                );
                continue;
            };
            let gathered;
            let (from, finish) = match from {
                Source::Document(from) if from.n_stars() < to.n_stars() => {
                    let value = From::Place(Some(document), &from.0).value();
                    (From::Constant(value.unwrap_or(&NULL), n_rows), finish)
                }
                Source::Document(from) => (From::Place(Some(document), &from.0), finish),
                Source::Constant(value) => (From::Constant(value, n_rows), finish),
                Source::Gathered(gather) => {
                    gathered = gather.of(document, finish);
                    (From::Constant(&gathered, n_rows), Finish::NONE)
                }
            };
            put(&mut answer, &to.0, from, finish);
        }
        answer
    }
}

impl Entry {
    fn new(place: &str, source: &SourceWritten, roots: &[&str]) -> Result<Entry, String> {
        // A plain name is a member.
        let to = match place.starts_with('/') || place.is_empty() {
            true => Pointer::parse(place).map_err(|error| error.to_string())?,
            false => Pointer(vec![Step::Name(place.to_owned())]),
        };
        let choices = Choice::each(source, to.n_stars(), roots)?;
        Ok(Entry { to, choices })
    }
}

/// Whether two places are one, one is in the other, or one wants an object where
/// the other wants a list.
fn clash(one: &Pointer, other: &Pointer) -> bool {
    let apart = one.0.iter().zip(&other.0).find(|(one, other)| one != other);
    match apart {
        None => true,
        Some((Step::Name(_), Step::Name(_))) => false,
        Some(_) => true,
    }
}

/// Where a value comes from, part of the way gone.
#[derive(Clone, Copy)]
enum From<'v> {
    Place(Option<&'v Value>, &'v [Step]),
    Constant(&'v Value, usize),
}

impl<'v> From<'v> {
    /// Follows names to the next `*`, or to the end.
    fn named(self) -> From<'v> {
        let From::Place(mut place, mut steps) = self else {
            return self;
        };
        while let Some((Step::Name(name), rest)) = steps.split_first() {
            place = place.and_then(|place| child(place, name));
            steps = rest;
        }
        From::Place(place, steps)
    }

    /// At a `*`, where each entry comes from.
    fn entries(self) -> Vec<From<'v>> {
        match self.named() {
            From::Constant(value, n_rows) => vec![From::Constant(value, 0); n_rows],
            From::Place(Some(Value::Array(list)), [Step::Any, rest @ ..]) => list
                .iter()
                .map(|entry| From::Place(Some(entry), rest))
                .collect(),
            From::Place(..) => Vec::new(),
        }
    }

    fn value(self) -> Option<&'v Value> {
        match self.named() {
            From::Constant(value, _) => Some(value),
            From::Place(place, _) => place,
        }
    }
}

fn put(answer: &mut Value, to: &[Step], from: From<'_>, finish: &Finish) {
    match to.split_first() {
        None => *answer = from.value().map_or(Value::Null, |value| finish.of(value)),
        Some((Step::Name(name), rest)) => {
            if !answer.is_object() {
                *answer = Value::Object(Map::new());
            }
            if let Value::Object(members) = answer {
                put(
                    members.entry(name.as_str()).or_insert(Value::Null),
                    rest,
                    from,
                    finish,
                );
            }
        }
        Some((Step::Any, rest)) => {
            if !answer.is_array() {
                *answer = Value::Array(Vec::new());
            }
            let Value::Array(list) = answer else { return };
            for (index, from) in from.entries().into_iter().enumerate() {
                if list.len() == index {
                    list.push(Value::Null);
                }
                put(&mut list[index], rest, from, finish);
            }
        }
    }
}

#[cfg(test)]
mod tests;
