//! [`Request`]: where in a request the rows are.

mod expect;
mod records;

use std::borrow::Cow;

use axum::extract::RawPathParams;
use axum::http::HeaderMap;
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::super::json::{media_type, type_of};
use super::super::predictor::{Kind, Metadata, Refusal, Refused};
use super::super::rows::{Cell, Rows};
use super::error::MappingError;
use super::lookup::{Found, Lookup, Lookups, none};
use super::pointer::Pointer;
use super::route::Route;
use super::values::Values;
use super::written::{BodyKind, RequestWritten, TypeWritten, Unknown, Unusable};
use expect::Expected;

/// A `request` table, checked.
#[derive(Clone, Debug)]
pub(super) struct Request {
    body: BodyKind,
    rows: Option<Pointer>,
    rows_at: String,
    names: Vec<String>,
    columns: Vec<(String, Pointer)>,
    query: IndexMap<String, String>,
    path: IndexMap<String, String>,
    constants: IndexMap<String, Value>,
    optional: Vec<String>,
    expect: Vec<Expected>,
    pass: Vec<String>,
    /// The answer has room for one row alone.
    takes_one: bool,
    lookup: Option<(Lookup, Values)>,
    unknown: Unknown,
    unusable: Unusable,
}

/// A request, as it came.
pub(super) struct Asked<'a> {
    path: Vec<(&'a str, &'a str)>,
    query: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    media_type: String,
    body: &'a [u8],
}

/// A request, read.
pub(super) struct Read {
    pub(super) rows: Rows,
    /// Each row with all its members, the model's or not.
    pub(super) records: Vec<Map<String, Value>>,
    /// Body, path and query.
    pub(super) request: Value,
}

impl<'a> Asked<'a> {
    pub(super) fn new(
        params: &'a RawPathParams,
        query: Option<&'a str>,
        headers: &HeaderMap,
        body: &'a [u8],
    ) -> Asked<'a> {
        let query = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Asked {
            path: params.iter().collect(),
            query: query.collect(),
            media_type: media_type(headers),
            body,
        }
    }

    /// Body, path and query as one document.
    pub(super) fn document(&self, body: Value) -> Value {
        let object = |pairs: Vec<(String, Value)>| Value::Object(pairs.into_iter().collect());
        let path = self
            .path
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).into()));
        let query = self
            .query
            .iter()
            .map(|(name, value)| (name.to_string(), (&**value).into()));
        let (path, query) = (object(path.collect()), object(query.collect()));
        json!({"body": body, "path": path, "query": query})
    }
}

/// The body of a request whose fields no model knows: those of a form are
/// texts.
pub(super) fn body_of(kind: BodyKind, asked: &Asked<'_>) -> Result<Value, Refusal> {
    records::body(kind, asked, &|_, text| of_text(text, Some(Kind::Text)))
}

impl Request {
    pub(super) fn new(
        written: &RequestWritten,
        route: &Route,
        text: &str,
    ) -> Result<Request, MappingError> {
        let problem = |key: &str, problem: String| MappingError::key(text, key, problem);
        if written.values.is_some() && written.lookup.is_none() {
            let why = "the function takes rows and no message: values are for a lookup";
            return Err(problem("request.values", why.to_owned()));
        }
        let lookup = written.lookup.as_ref().map(|lookup| {
            let lookup = Lookup::new(text, "request.lookup", lookup)?;
            Ok((lookup, Values::new(text, written.values.as_ref())?))
        });
        if lookup.is_some() && (written.rows.is_some() || !written.names.is_empty()) {
            let why = "the rows are looked up: none are to be found in the body";
            return Err(problem("request.rows", why.to_owned()));
        }
        if written.file.is_some() || written.body == BodyKind::File {
            let why = "the function takes rows and no file: a file is for ingestion";
            return Err(problem("request.file", why.to_owned()));
        }
        let pointer = |key: &str, pointer: &str| {
            let read = Pointer::parse(pointer);
            read.map_err(|error| problem(key, format!("{pointer:?}: {error}")))
        };
        let rows = written
            .rows
            .as_deref()
            .map(|rows| pointer("request.rows", rows))
            .transpose()?;
        if rows.as_ref().is_some_and(|rows| rows.n_stars() > 0) {
            return Err(problem(
                "request.rows",
                "it points at the list itself, without `*`".to_owned(),
            ));
        }
        let mut columns = Vec::new();
        for (column, from) in &written.columns {
            let key = format!("request.columns.{column}");
            let from = pointer(&key, from)?;
            if from.n_stars() > 1 {
                return Err(problem(&key, "it has more than one `*`".to_owned()));
            }
            columns.push((column.clone(), from));
        }
        if let Some((column, param)) = written
            .path
            .iter()
            .find(|(_, param)| !route.has_param(param))
        {
            let key = format!("request.path.{column}");
            return Err(problem(&key, format!("the route has no {{{param}}}")));
        }
        if written.body == BodyKind::None && (rows.is_some() || !columns.is_empty()) {
            return Err(problem(
                "request.body",
                "it is none, but columns are to be found there".to_owned(),
            ));
        }
        Ok(Request {
            body: written.body,
            rows,
            rows_at: written.rows.clone().unwrap_or_default(),
            names: written.names.clone(),
            columns,
            query: written.query.clone(),
            path: written.path.clone(),
            constants: written.constants.clone(),
            optional: written.optional.clone(),
            expect: Expected::each(text, &written.expect)?,
            pass: written.pass.clone(),
            takes_one: false,
            lookup: lookup.transpose()?,
            unknown: match written.lookup {
                // A query may well answer more.
                Some(_) => Unknown::Ignore,
                None => written.unknown,
            },
            unusable: written.unusable,
        })
    }

    /// The same, of requests that bring one row and no list of them.
    pub(super) fn of_one(self) -> Request {
        Request {
            takes_one: true,
            ..self
        }
    }

    /// The rows that a request names, where they are looked up.
    pub(super) async fn find(
        &self,
        lookups: &dyn Lookups,
        asked: &Asked<'_>,
    ) -> Result<Option<Found>, Refusal> {
        let Some((lookup, values)) = &self.lookup else {
            return Ok(None);
        };
        let body = match asked.body.is_empty() {
            true => json!({}),
            false => body_of(self.body, asked)?,
        };
        let values = values.of(&asked.document(body), None)?;
        let found = lookup.counted(lookups.find(lookup, values).await?)?;
        match found.is_empty() {
            true => Err(none()),
            false => Ok(Some(found)),
        }
    }

    /// Whether rows may have that beside the model's columns.
    pub(super) fn passes(&self, name: &str) -> bool {
        self.pass.iter().any(|known| known == name)
    }

    /// Whether rows that the model's preparation does not take are left out.
    pub(super) fn leaves_out(&self) -> bool {
        self.unusable == Unusable::LeaveOut
    }

    /// The rows of a request, in the model's columns: those of its body, or
    /// those that were found for it.
    pub(super) fn read(
        &self,
        asked: &Asked<'_>,
        metadata: &Metadata,
        found: Option<Found>,
    ) -> Result<Read, Refusal> {
        let (body, mut records) = match found {
            Some(found) => (Value::Null, found),
            None => {
                let body = self.body(asked, metadata)?;
                let records = self.records(&body)?;
                (body, records)
            }
        };
        self.add_columns(&body, &mut records)?;
        self.add_params(asked, metadata, &mut records);
        for (row, record) in records.iter().enumerate() {
            self.check(record, metadata)
                .map_err(|refusal| refusal.in_row(row))?;
        }
        let rows = self.rows(&records, metadata)?;
        Ok(Read {
            rows,
            records,
            request: asked.document(body),
        })
    }

    fn add_columns(&self, body: &Value, records: &mut [Map<String, Value>]) -> Result<(), Refusal> {
        for (column, from) in &self.columns {
            let values = from.all(body);
            if from.n_stars() == 1 && values.len() != records.len() {
                let (found, wanted) = (values.len(), records.len());
                let message = format!("it has {found} values where there are {wanted} rows");
                return Err(Refusal::column(column, message));
            }
            for (row, record) in records.iter_mut().enumerate() {
                let value = if from.n_stars() == 1 {
                    values[row]
                } else {
                    values.first().copied().flatten()
                };
                if let Some(value) = value {
                    record.insert(column.clone(), value.clone());
                }
            }
        }
        Ok(())
    }

    /// What is the same in every row.
    fn add_params(
        &self,
        asked: &Asked<'_>,
        metadata: &Metadata,
        records: &mut [Map<String, Value>],
    ) {
        let text = |column: &str, text: &str| self.of_text(column, text, metadata);
        for (column, param) in &self.path {
            let found = asked.path.iter().find(|(name, _)| name == param);
            insert(
                records,
                column,
                found.map(|(_, value)| text(column, value)).as_ref(),
            );
        }
        for (column, param) in &self.query {
            let found = asked.query.iter().find(|(name, _)| name == param);
            insert(
                records,
                column,
                found.map(|(_, value)| text(column, value)).as_ref(),
            );
        }
        for (column, value) in &self.constants {
            insert(records, column, Some(value));
        }
    }

    /// Nobody has to know all members, and those that are expected are so.
    fn check(&self, record: &Map<String, Value>, metadata: &Metadata) -> Result<(), Refusal> {
        let known = |name: &String| metadata.input(name).is_some() || self.pass.contains(name);
        let unknown = record
            .keys()
            .find(|name| self.unknown == Unknown::Refuse && !known(name));
        if let Some(unknown) = unknown {
            return Err(Refusal::column(unknown, "it is not known"));
        }
        let mut expected = self.expect.iter();
        expected.try_for_each(|expected| expected.check(record))
    }

    /// A text of a form, a path or a query as the value that it stands for in a
    /// column.
    fn of_text(&self, column: &str, text: &str, metadata: &Metadata) -> Value {
        let mut expected = self.expect.iter();
        let ty = expected.find(|expected| expected.is_of(column));
        let ty = ty.and_then(|expected| expected.ty);
        match (ty, text.trim()) {
            (Some(TypeWritten::Bool), "true" | "True") => Value::Bool(true),
            (Some(TypeWritten::Bool), "false" | "False") => Value::Bool(false),
            (Some(ty), _) => of_text(text, Some(ty.kind())),
            (None, _) => of_text(text, kind(metadata, column)),
        }
    }

    fn rows(&self, records: &[Map<String, Value>], metadata: &Metadata) -> Result<Rows, Refusal> {
        let inputs = &metadata.inputs;
        let mut rows = Rows::new(metadata.columns.clone());
        for (row, record) in records.iter().enumerate() {
            let cells = inputs.iter().map(|input| {
                let of_column = |message: &str| Refusal::column(&input.name, message).in_row(row);
                match record.get(&input.name) {
                    Some(value) => Cell::of_json(value).ok_or_else(|| {
                        of_column(&format!("it is {}, not a value", type_of(value)))
                    }),
                    None if !input.required || self.optional.contains(&input.name) => {
                        Ok(Cell::Missing)
                    }
                    None => Err(of_column("it is missing")),
                }
            });
            rows.push(cells.collect::<Result<Vec<_>, _>>()?)?;
        }
        Ok(rows)
    }
}

fn insert(records: &mut [Map<String, Value>], column: &str, value: Option<&Value>) {
    let Some(value) = value else { return };
    records.iter_mut().for_each(|record| {
        record.insert(column.to_owned(), value.clone());
    });
}

fn kind(metadata: &Metadata, column: &str) -> Option<Kind> {
    // What the model does not know is repeated as it came.
    Some(
        metadata
            .input(column)
            .map_or(Kind::Text, |input| input.kind),
    )
}

/// A text of a form, a path or a query as the value that it stands for.
fn of_text(text: &str, kind: Option<Kind>) -> Value {
    match Cell::of_text(text, kind) {
        Cell::Missing => Value::Null,
        Cell::Text(text) => Value::String(text.into()),
        Cell::Number(number) => text
            .trim()
            .parse::<i64>()
            .map_or(Value::from(number), Value::from),
    }
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(Refused::BadRequest, message)
}
