//! The rows of a body, each with all its members.

use serde_json::{Map, Value};

use super::super::super::json::{read, type_of};
use super::super::super::predictor::{Metadata, Refusal};
use super::super::written::BodyKind;
use super::{Asked, Request, bad};

/// The body; `field` says what a form's field holds.
pub(super) fn body(
    body: BodyKind,
    asked: &Asked<'_>,
    field: &dyn Fn(&str, &str) -> Value,
) -> Result<Value, Refusal> {
    match body {
        BodyKind::File | BodyKind::None => Ok(Value::Object(Map::new())),
        BodyKind::Json => read(asked.body),
        BodyKind::Form if asked.media_type == "application/x-www-form-urlencoded" => {
            let fields = form_urlencoded::parse(asked.body);
            let fields = fields.map(|(name, text)| {
                let value = field(&name, &text);
                (name.into_owned(), value)
            });
            Ok(Value::Object(fields.collect()))
        }
        BodyKind::Form => Err(bad("the body is not application/x-www-form-urlencoded")),
    }
}

impl Request {
    pub(super) fn body(&self, asked: &Asked<'_>, metadata: &Metadata) -> Result<Value, Refusal> {
        body(self.body, asked, &|name, text| {
            self.of_text(name, text, metadata)
        })
    }

    pub(super) fn records(&self, body: &Value) -> Result<Vec<Map<String, Value>>, Refusal> {
        let starred = self.columns.iter().find(|(_, from)| from.n_stars() == 1);
        let place = match (&self.rows, starred) {
            (Some(rows), _) => rows.all(body).into_iter().next().flatten(),
            (None, Some((_, from))) => {
                let n_rows = from.all(body).len();
                return match self.takes_one && n_rows != 1 {
                    true => Err(bad(format!("there are {n_rows} rows: one is expected"))),
                    false => Ok(vec![Map::new(); n_rows]),
                };
            }
            (None, None) if !self.columns.is_empty() => return Ok(vec![Map::new()]),
            (None, None) => Some(body),
        };
        match place {
            Some(Value::Object(one)) => Ok(vec![one.clone()]),
            Some(Value::Array(list)) if self.is_one_row(list) => Ok(vec![self.named(list, 0)?]),
            Some(Value::Array(_)) if self.takes_one => Err(bad(format!(
                "{} is a list: one object is expected",
                self.place()
            ))),
            Some(Value::Array(list)) => list
                .iter()
                .enumerate()
                .map(|(row, value)| self.record(value, row))
                .collect(),
            Some(other) => Err(bad(format!(
                "{} is {}, not rows",
                self.place(),
                type_of(other)
            ))),
            None => Err(bad(format!("{} is missing", self.place()))),
        }
    }

    fn place(&self) -> &str {
        if self.rows_at.is_empty() {
            "the body"
        } else {
            &self.rows_at
        }
    }

    /// A flat list is one row where columns are named.
    fn is_one_row(&self, list: &[Value]) -> bool {
        let scalar = |value: &Value| !value.is_array() && !value.is_object();
        !self.names.is_empty() && !list.is_empty() && list.iter().all(scalar)
    }

    fn record(&self, value: &Value, row: usize) -> Result<Map<String, Value>, Refusal> {
        match value {
            Value::Object(record) => Ok(record.clone()),
            Value::Array(list) if !self.names.is_empty() => self.named(list, row),
            other => Err(Refusal::row(
                row,
                format!("it is {}, not a row", type_of(other)),
            )),
        }
    }

    fn named(&self, list: &[Value], row: usize) -> Result<Map<String, Value>, Refusal> {
        if list.len() != self.names.len() {
            let (found, wanted) = (list.len(), self.names.len());
            let message = format!("it has {found} values where there are {wanted} columns");
            return Err(Refusal::row(row, message));
        }
        Ok(self
            .names
            .iter()
            .cloned()
            .zip(list.iter().cloned())
            .collect())
    }
}
