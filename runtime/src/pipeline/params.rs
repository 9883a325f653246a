//! [`Params`]: a table of the file that its reader gives a meaning.

use std::sync::Arc;

use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;

/// What a function's table says beyond the keys that all functions share, or
/// an `[[http]]` table; with the places of all values.
#[derive(Clone, Debug)]
pub struct Params {
    /// Whose: begins every message, as `function training`.
    owner: String,
    /// The file, and where in it the table is.
    text: Arc<str>,
    path: Vec<Step>,
    /// Keys that belong to somebody else.
    without: &'static [&'static str],
}

/// A step on the way to a table.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl Params {
    pub(super) fn new(
        owner: String,
        text: &Arc<str>,
        path: Vec<Step>,
        without: &'static [&'static str],
    ) -> Params {
        Params {
            owner,
            text: Arc::clone(text),
            path,
            without,
        }
    }

    /// As if `text` were the table.
    #[must_use]
    pub fn of(owner: &str, text: &str) -> Params {
        Params::new(owner.to_owned(), &text.into(), Vec::new(), &[])
    }

    /// The table, without what belongs to somebody else.
    fn table(&self) -> Result<Spanned<DeTable<'_>>, Problem> {
        let mut table = DeTable::parse(&self.text).map_err(|error| Problem::of_syntax(&error))?;
        let mut steps = self.path.iter().peekable();
        while let Some(Step::Key(key)) = steps.next() {
            let Some(mut value) = table.get_mut().remove(key.as_str()) else {
                break;
            };
            if let Some(Step::Index(index)) = steps.peek() {
                value = item(value, *index);
                steps.next();
            }
            let span = value.span();
            if let DeValue::Table(inner) = value.into_inner() {
                table = Spanned::new(span, inner);
            }
        }
        for key in self.without {
            table.get_mut().remove(*key);
        }
        Ok(table)
    }

    /// As `T`, which should refuse keys that it does not know.
    ///
    /// # Errors
    /// With the owner and the place of what does not fit.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let table = self.table()?;
        let span = table.span();
        let value = Spanned::new(span.clone(), DeValue::Table(table.into_inner()));
        T::deserialize(value.into_deserializer()).map_err(|error| {
            let problem = Problem::of_syntax(&error);
            Problem {
                message: format!("{}: {}", self.owner, problem.message),
                span: problem.span.or(Some(span)),
                ..problem
            }
            .located(&self.text)
        })
    }

    /// A problem with the value at `key`, or with the table where it has none.
    #[must_use]
    pub fn problem(&self, key: &str, message: &str) -> Problem {
        self.located(key, format!("{}: {key}: {message}", self.owner))
    }

    /// A problem that says by itself whose it is, at the same place.
    pub(crate) fn located(&self, key: &str, message: String) -> Problem {
        let whole = self.table().ok();
        let mut span = whole.as_ref().map_or(0..0, Spanned::span);
        let mut table = whole.as_ref().map(Spanned::get_ref);
        for part in parts(key) {
            let Some(found) = table.and_then(|table| table.get(&*part)) else {
                break;
            };
            span = found.span();
            table = found.get_ref().as_table();
        }
        Problem::at(span, message).located(&self.text)
    }

    /// The same text for the same parameters, in whatever order and form they
    /// were written.
    #[must_use]
    pub fn canonical(&self) -> String {
        let table = self.table().ok();
        let sorted = table.map(|table| sorted(table.get_ref()));
        serde_json::Value::from(sorted.unwrap_or_default()).to_string()
    }
}

/// The names in `error.body."/a.b"`.
fn parts(key: &str) -> Vec<String> {
    let mut is_quoted = false;
    let each = key.split(|c| {
        is_quoted ^= c == '"';
        c == '.' && !is_quoted
    });
    each.map(|part| part.trim_matches('"').to_owned()).collect()
}

/// The item of a list, or what is no list.
fn item(value: Spanned<DeValue<'_>>, index: usize) -> Spanned<DeValue<'_>> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Array(values) => {
            let found = values.into_iter().nth(index);
            found.unwrap_or_else(|| Spanned::new(span, DeValue::Boolean(false)))
        }
        other => Spanned::new(span, other),
    }
}

fn sorted(table: &DeTable<'_>) -> serde_json::Map<String, serde_json::Value> {
    let mut pairs: Vec<_> = table
        .iter()
        .map(|(key, value)| (key.get_ref().to_string(), plain(value.get_ref())))
        .collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs.into_iter().collect()
}

fn plain(value: &DeValue<'_>) -> serde_json::Value {
    match value {
        DeValue::String(text) => text.to_string().into(),
        DeValue::Integer(number) => {
            let digits = number.as_str();
            match i64::from_str_radix(digits, number.radix()) {
                Ok(number) => number.into(),
                Err(_) => digits.into(),
            }
        }
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => number.into(),
            _ => number.as_str().into(),
        },
        DeValue::Boolean(truth) => (*truth).into(),
        DeValue::Datetime(time) => time.to_string().into(),
        DeValue::Array(values) => values.iter().map(|value| plain(value.get_ref())).collect(),
        DeValue::Table(table) => sorted(table).into(),
    }
}
