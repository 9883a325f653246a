//! [`Values`]: what of a request a message says, and [`Place`]: where in a
//! request a text is.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::super::predictor::{Refusal, Refused};
use super::error::MappingError;
use super::pointer::Pointer;
use super::written::{ValueTable, ValueWritten};

/// Body, path or query, and a place in it.
#[derive(Clone, Debug)]
pub struct Place(Pointer);

/// What a message says.
#[derive(Clone, Debug)]
pub(super) enum Values {
    /// All texts, numbers and truth values of the request.
    Every,
    /// By name, what is at a place, or else this.
    Declared(Vec<(String, Option<Place>, Option<String>)>),
}

impl Place {
    /// Reads a pointer; an error names the route and the key.
    pub(super) fn new(route: &str, key: &str, text: &str) -> Result<Place, MappingError> {
        let problem = |why: &str| MappingError::key(route, key, format!("{text:?}: {why}"));
        let pointer = Pointer::parse(text).map_err(|error| problem(&error.to_string()))?;
        let root = text.split('/').nth(1).unwrap_or_default();
        match ["body", "path", "query"].contains(&root) && pointer.n_stars() == 0 {
            true => Ok(Place(pointer)),
            false => Err(problem(
                "it starts with /body, /path or /query and has no `*`",
            )),
        }
    }

    /// The text, number or truth value there.
    pub fn text(&self, request: &Value) -> Option<String> {
        self.value(request).and_then(text)
    }

    /// Whether it is true there, or says so.
    pub fn is_true(&self, request: &Value) -> bool {
        self.text(request).as_deref() == Some("true")
    }

    fn value<'v>(&self, request: &'v Value) -> Option<&'v Value> {
        self.0.all(request).first().copied().flatten()
    }
}

impl Values {
    /// Whether a value of this name is declared.
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Values::Every => false,
            Values::Declared(declared) => declared.iter().any(|(known, ..)| known == name),
        }
    }

    pub(super) fn new(
        route: &str,
        written: Option<&IndexMap<String, ValueWritten>>,
    ) -> Result<Values, MappingError> {
        let Some(written) = written else {
            return Ok(Values::Every);
        };
        let read = |(name, value): (&String, &ValueWritten)| {
            let key = format!("request.values.{name}");
            let (from, otherwise) = match value {
                ValueWritten::Pointer(from) => (Some(from), None),
                ValueWritten::Table(ValueTable { from, value }) => (from.as_ref(), Some(value)),
            };
            let place = from.map(|from| Place::new(route, &key, from)).transpose()?;
            Ok((name.clone(), place, otherwise.cloned()))
        };
        let declared = written.iter().map(read).collect::<Result<_, _>>();
        declared.map(Values::Declared)
    }

    /// What a message says; `known` is what is known of it already.
    pub(super) fn of(
        &self,
        request: &Value,
        known: Option<(&str, &str)>,
    ) -> Result<IndexMap<String, String>, Refusal> {
        let Values::Declared(declared) = self else {
            let mut values = every(request);
            values.extend(known.map(|(name, value)| (name.to_owned(), value.to_owned())));
            return Ok(values);
        };
        let is_known = |name: &str| known.is_some_and(|(known, _)| known == name);
        let declared = declared.iter().filter(|(name, ..)| !is_known(name));
        let each = declared.map(|(name, place, otherwise)| {
            let found = place.as_ref().and_then(|place| place.text(request));
            let value = found.or_else(|| otherwise.clone()).ok_or_else(|| {
                let what = "there is no text, number or truth value where it is to be found";
                Refusal::new(Refused::BadRequest, format!("{name}: {what}"))
            })?;
            Ok((name.clone(), value))
        });
        let known = known.map(|(name, value)| Ok((name.to_owned(), value.to_owned())));
        each.chain(known).collect()
    }
}

/// What a message can say of a value.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What of a request a message can say: of the same name the path's counts
/// before the query's, and that before the body's.
fn every(request: &Value) -> IndexMap<String, String> {
    let mut values = IndexMap::new();
    for part in ["body", "query", "path"] {
        let members = request[part].as_object().into_iter().flat_map(Map::iter);
        values.extend(members.filter_map(|(name, value)| Some((name.clone(), text(value)?))));
    }
    values
}
