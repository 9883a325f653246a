//! [`Template`]: how an answer is laid out, place by place.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::error::MappingError;
use super::pointer::{Pointer, Step, child};
use super::written::{SourceTable, SourceWritten};

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
    from: Source,
    finish: Finish,
}

#[derive(Clone, Debug)]
enum Source {
    Document(Pointer),
    /// The same everywhere; at a `*` as often as there are rows.
    Constant(Value),
}

/// What becomes of a value on the way.
#[derive(Clone, Debug, Default)]
struct Finish {
    round: Option<usize>,
    at_least: Option<f64>,
    names: IndexMap<String, Value>,
}

static NULL: Value = Value::Null;

/// More decimals than a double has.
const MOST_DECIMALS: usize = 30;

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
        self.entries.iter().any(|entry| match &entry.from {
            Source::Document(from) => from.0.first() == Some(&Step::Name(root.to_owned())),
            Source::Constant(_) => false,
        })
    }

    /// The answer, from a document; what it does not have is null.
    pub(super) fn fill(&self, document: &Value) -> Value {
        let n_rows = document.get("count").and_then(Value::as_u64);
        let n_rows = n_rows
            .and_then(|n_rows| usize::try_from(n_rows).ok())
            .unwrap_or(0);
        let mut answer = Value::Null;
        for entry in &self.entries {
            let from = match &entry.from {
                Source::Document(from) if from.n_stars() < entry.to.n_stars() => {
                    let value = From::Place(Some(document), &from.0).value();
                    From::Constant(value.unwrap_or(&NULL), n_rows)
                }
                Source::Document(from) => From::Place(Some(document), &from.0),
                Source::Constant(value) => From::Constant(value, n_rows),
            };
            put(&mut answer, &entry.to.0, from, &entry.finish);
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
        let table = match source {
            SourceWritten::Pointer(from) => &SourceTable {
                from: Some(from.clone()),
                ..SourceTable::default()
            },
            SourceWritten::Table(table) => table,
        };
        let from = source_of(table, roots)?;
        let stars = (to.n_stars(), from.n_stars());
        // What is one stands once, or once per row.
        let is_repeated = stars == (1, 0) && roots.contains(&"count") && !from.has_rows();
        if stars.0 != stars.1 && !is_repeated {
            return Err(match from {
                Source::Document(_) => {
                    format!("it has {} `*`, and what it comes from {}", stars.0, stars.1)
                }
                Source::Constant(_) => "a constant stands once, or once per row".to_owned(),
            });
        }
        if table.round.is_some_and(|round| round > MOST_DECIMALS) {
            return Err(format!("round is more than {MOST_DECIMALS}"));
        }
        if table.at_least.is_some_and(f64::is_nan) {
            return Err("at_least is not a number".to_owned());
        }
        let finish = Finish {
            round: table.round,
            at_least: table.at_least,
            names: table.names.clone(),
        };
        Ok(Entry { to, from, finish })
    }
}

fn source_of(table: &SourceTable, roots: &[&str]) -> Result<Source, String> {
    let from = match (&table.from, &table.value) {
        (Some(from), None) => from,
        (None, Some(value)) => return Ok(Source::Constant(value.clone())),
        (Some(_), Some(_)) | (None, None) => return Err("it has either from or value".to_owned()),
    };
    let pointer = Pointer::parse(from).map_err(|error| format!("{from:?}: {error}"))?;
    match pointer.0.first() {
        Some(Step::Name(root)) if roots.contains(&&**root) => Ok(Source::Document(pointer)),
        _ => Err(format!(
            "{from:?} starts with none of /{}",
            roots.join(", /")
        )),
    }
}

/// What of a document has an entry per row: without a `*` it is a slip.
const BY_ROW: [&str; 4] = ["labels", "probabilities", "rows", "scores"];

impl Source {
    fn has_rows(&self) -> bool {
        match self {
            Source::Document(from) => {
                matches!(from.0.first(), Some(Step::Name(root)) if BY_ROW.contains(&&**root))
            }
            Source::Constant(_) => false,
        }
    }

    fn n_stars(&self) -> usize {
        match self {
            Source::Document(from) => from.n_stars(),
            Source::Constant(_) => 0,
        }
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

impl Finish {
    fn of(&self, value: &Value) -> Value {
        let mut value = value.clone();
        if let (Some(decimals), Some(number)) =
            (self.round, value.as_f64().filter(|_| value.is_f64()))
        {
            value = Value::from(rounded(number, decimals));
        }
        if let (Some(least), Some(number)) = (self.at_least, value.as_f64()) {
            value = Value::from(number >= least);
        }
        let name = match &value {
            Value::String(text) => self.names.get(text),
            other => self.names.get(&other.to_string()),
        };
        name.cloned().unwrap_or(value)
    }
}

/// As Python's `round`: the nearest decimal to the double itself, ties to even.
fn rounded(number: f64, decimals: usize) -> f64 {
    format!("{number:.decimals$}").parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const ROOTS: [&str; 3] = ["a", "b", "count"];

    fn template(written: Value) -> Result<Template, MappingError> {
        let written = serde_json::from_value(written).unwrap();
        Template::new("GET /", "response", &written, &ROOTS)
    }

    fn filled(written: Value) -> String {
        let document = json!({
            "a": [[0.1, 0.9], [0.75, 0.25]], "b": {"c": ["x", "y"], "d": 2.675}, "count": 2,
        });
        template(written).unwrap().fill(&document).to_string()
    }

    #[test]
    fn stars_stand_for_rows() {
        let said = filled(json!({
            "/rows/*/second": "/a/*/1", "/rows/*/name": "/b/c/*", "/rows/*/all": "/a/*",
            "/rows/*/source": {"value": "model"}, "/rows/*/d": "/b/d", "/first": "/a/0/0", "plain": "/b/d",
        }));
        assert_eq!(
            said,
            r#"{"rows":[{"second":0.9,"name":"x","all":[0.1,0.9],"source":"model","d":2.675},{"second":0.25,"name":"y","all":[0.75,0.25],"source":"model","d":2.675}],"first":0.1,"plain":2.675}"#
        );
        assert_eq!(filled(json!({"/*/*": "/a/*/*"})), "[[0.1,0.9],[0.75,0.25]]");
        assert_eq!(filled(json!({"": "/b/c"})), r#"["x","y"]"#);
        assert_eq!(
            filled(json!({"/x/*/y": "/b/d/*", "/z": "/b/none"})),
            r#"{"x":[],"z":null}"#
        );
    }

    #[test]
    fn values_are_rounded_judged_and_named() {
        // Python: round(2.675, 2) is 2.67, round(0.125, 2) is 0.12.
        assert_eq!(
            filled(json!({"/x": {"from": "/b/d", "round": 2}})),
            r#"{"x":2.67}"#
        );
        assert_eq!(rounded(0.125, 2), 0.12);
        assert_eq!(rounded(0.5, 0), 0.0);
        let said = filled(
            json!({"/*": {"from": "/a/*/1", "at_least": 0.5, "names": {"true": 1, "false": "no"}}}),
        );
        assert_eq!(said, r#"[1,"no"]"#);
    }

    #[test]
    fn what_cannot_be_laid_out_is_said() {
        let wrong = [
            json!({"/x": "/a/*"}),
            json!({"/x/*": "/c/*"}),
            json!({"/x": "a"}),
            json!({"/x": "/a", "/x/y": "/b"}),
            json!({"/x/*": "/a/*", "/x/y": "/b"}),
            json!({"/x": {"from": "/a", "value": 1}}),
            json!({"/x": {}}),
            json!({"/x/*/*": {"value": 1}}),
            json!({"/x": {"from": "/a", "round": 99}}),
            json!({"/~": "/a"}),
        ];
        let said = wrong.map(|written| template(written).unwrap_err().to_string());
        insta::assert_snapshot!(said.join("\n"), @r#"
        http route "GET /": response."/x": it has 0 `*`, and what it comes from 1
        http route "GET /": response."/x/*": "/c/*" starts with none of /a, /b, /count
        http route "GET /": response."/x": "a": a pointer starts with `/`
        http route "GET /": response."/x/y": it cannot stand beside "/x"
        http route "GET /": response."/x/y": it cannot stand beside "/x/*"
        http route "GET /": response."/x": it has either from or value
        http route "GET /": response."/x": it has either from or value
        http route "GET /": response."/x/*/*": a constant stands once, or once per row
        http route "GET /": response."/x": round is more than 30
        http route "GET /": response."/~": in a pointer `~` is written ~0 and `/` is written ~1
        "#);
    }

    proptest! {
        /// Whatever is declared: it is refused, or it makes an answer of JSON.
        #[test]
        fn any_template_is_refused_or_fills(
            entries in prop::collection::vec(("(/[xy*0]){0,3}", "/(a|b|count)(/[c*01]){0,3}", prop::option::of(0_usize..40)), 0..5),
            n_rows in 0_usize..4,
        ) {
            let written = entries.into_iter().map(|(to, from, round)| {
                let table = SourceTable { from: Some(from), round, ..SourceTable::default() };
                (to, SourceWritten::Table(table))
            });
            if let Ok(template) = Template::new("GET /", "response", &written.collect(), &ROOTS) {
                let document = json!({"a": vec![vec![0.5; 2]; n_rows], "b": {"c": vec!["x"; n_rows]}, "count": n_rows});
                let text = template.fill(&document).to_string();
                prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
            }
        }
    }
}
