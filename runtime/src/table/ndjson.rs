//! NDJSON: a JSON object a line, its members the columns.
//!
//! Columns are all names that any row has, in the order they first appear; a
//! member that is absent or `null` is missing. Types are inferred by the rules
//! for CSV, except that a text stays text whatever it says, and an array or
//! object is its JSON as text.

use std::io::Write;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_json::LineDelimitedWriter;
use arrow_schema::SchemaRef;
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::batch::{Origin, Reason, Rejected, Rule, shown};
use super::blocks::{Block, Blocks, Rows};
use super::text::Seen;
use super::types::{Column, ColumnType, all_there, schema};
use super::waves::{self, Parse, Parsed, Waves};
use super::{Batch, Batches, Reading, Sink, Source, Table, TableError, moment};

type Object = Map<String, Value>;

/// The table; its columns, and the types of those that are not declared, are
/// found by reading the whole of `source` once before.
pub(super) fn open(source: &Source, reading: &Reading) -> Result<Table, TableError> {
    let (names, columns) = infer(source, reading)?;
    all_there(source.name(), &names, &reading.columns)?;
    let schema = schema(&names, &columns);
    let shape = Arc::new(Shape {
        table: source.name().to_owned(),
        names,
        columns,
        schema: schema.clone(),
    });
    let own = source.clone();
    let read = move || {
        let blocks = blocks(&own)?;
        Ok(Box::new(Waves::new(shape.clone(), blocks.0, blocks.1)) as Batches)
    };
    Ok(Table::new(source.name(), schema, read))
}

/// The first block and the others. The first is read at once, so that what
/// cannot be read is told at once.
fn blocks(source: &Source) -> Result<(Option<Block>, Blocks), TableError> {
    let mut blocks = Blocks::new(source.name(), source.open()?, Rows::Lines);
    Ok((blocks.next()?, blocks))
}

/// What is known of the columns of some rows.
#[derive(Default)]
struct Found {
    /// What each is, and in how many rows.
    columns: IndexMap<String, (Seen, u64)>,
    n_rows: u64,
}

fn infer(source: &Source, reading: &Reading) -> Result<(Vec<String>, Vec<Column>), TableError> {
    let mut found = Found::default();
    let (first, rest) = blocks(source)?;
    waves::look(first, rest, Found::of, |more| found.add(more))?;
    let n_rows = found.n_rows;
    let columns = found
        .columns
        .into_iter()
        .map(|(name, (mut seen, n_there))| {
            if n_there < n_rows {
                seen.add(Seen::MISSING);
            }
            let declared = reading.columns.get(&name).cloned();
            (name, declared.unwrap_or_else(|| Column::new(seen.ty())))
        });
    Ok(columns.unzip())
}

impl Found {
    fn of(block: Block) -> Found {
        let mut found = Found::default();
        for object in lines(&block.bytes).filter_map(|(_, line)| object(line).ok()) {
            found.n_rows += 1;
            for (name, value) in object {
                let column = found.columns.entry(name).or_default();
                column.0.add(kind(&value));
                column.1 += 1;
            }
        }
        found
    }

    fn add(&mut self, more: Found) {
        self.n_rows += more.n_rows;
        for (name, (seen, n_there)) in more.columns {
            let column = self.columns.entry(name).or_default();
            column.0.add(seen);
            column.1 += n_there;
        }
    }
}

fn kind(value: &Value) -> Seen {
    match value {
        Value::Null => Seen::MISSING,
        Value::Bool(_) => Seen::BOOL,
        Value::Number(number) if number.is_i64() => Seen::INT,
        Value::Number(_) => Seen::FLOAT,
        Value::String(_) | Value::Array(_) | Value::Object(_) => Seen::TEXT,
    }
}

/// The lines that are not empty, each with its place from 0.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.map(|(place, line)| (place as u64, line.trim_ascii()));
    lines.filter(|(_, line)| !line.is_empty())
}

fn object(line: &[u8]) -> Result<Object, String> {
    serde_json::from_slice(line).map_err(|error| {
        // It counts lines of what it was given, which is one.
        let text = error.to_string();
        text.replacen("line 1 column", "column", 1)
    })
}

/// What blocks are parsed into.
struct Shape {
    table: String,
    names: Vec<String>,
    columns: Vec<Column>,
    schema: SchemaRef,
}

impl Parse for Shape {
    fn parse(&self, block: Block) -> Result<Parsed, TableError> {
        let mut objects = Vec::new();
        let mut numbers = Vec::new();
        let mut rejected = Vec::new();
        let mut n_records = 0;
        for (place, line) in lines(&block.bytes) {
            let (row, at) = (u64::from(n_records), block.line + place);
            n_records += 1;
            match object(line) {
                Ok(object) => match self.wrong(&object) {
                    reasons if reasons.is_empty() => {
                        objects.push(object);
                        numbers.push(row);
                    }
                    reasons => rejected.push(self.reject(row, at, &object, reasons)),
                },
                Err(problem) => rejected.push(broken(row, at, line, problem)),
            }
        }
        let columns = self.names.iter().zip(&self.columns);
        let arrays = columns
            .map(|(name, column)| array(&objects, name, column))
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(objects.len()));
        let rows = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options);
        let batch = Batch {
            rows: rows.map_err(TableError::arrow(&self.table))?,
            numbers,
            rejected,
            origin: Origin::Values,
        };
        Ok(Parsed { batch, n_records })
    }

    fn accept(&self, _: &Batch) -> Result<(), TableError> {
        Ok(())
    }
}

impl Shape {
    /// What is wrong with the values of a row.
    fn wrong(&self, object: &Object) -> Vec<Reason> {
        let columns = self.names.iter().zip(&self.columns);
        let wrong = columns.filter_map(|(name, column)| {
            let (rule, text) = match object.get(name) {
                None | Some(Value::Null) if column.nullable => return None,
                None | Some(Value::Null) => (Rule::Required, "has no value".to_owned()),
                Some(value) if fits(value, column) => return None,
                Some(value) => {
                    let value = shown(&text(value));
                    (Rule::Type, format!("{value} is no {}", column.ty))
                }
            };
            Some(Reason {
                column: Some(name.clone()),
                rule,
                text,
            })
        });
        wrong.collect()
    }

    fn reject(&self, row: u64, line: u64, object: &Object, reasons: Vec<Reason>) -> Rejected {
        let field = |name| object.get(name).filter(|value| !value.is_null()).map(text);
        Rejected {
            row,
            line: Some(line),
            reasons,
            fields: self.names.iter().map(field).collect(),
            record: None,
        }
    }
}

fn broken(row: u64, line: u64, text: &[u8], problem: String) -> Rejected {
    Rejected {
        row,
        line: Some(line),
        reasons: vec![Reason {
            column: None,
            rule: Rule::Syntax,
            text: format!("is no JSON object: {problem}"),
        }],
        fields: Vec::new(),
        record: Some(String::from_utf8_lossy(text).into_owned()),
    }
}

/// A text itself, or the JSON of what is none.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn date(value: &Value, column: &Column) -> Option<i32> {
    moment::date(value.as_str()?.as_bytes(), column.format.as_deref())
}

fn timestamp(value: &Value, column: &Column) -> Option<i64> {
    moment::timestamp(value.as_str()?.as_bytes(), column.format.as_deref())
}

fn fits(value: &Value, column: &Column) -> bool {
    match column.ty {
        ColumnType::Bool => value.is_boolean(),
        ColumnType::Int64 => value.is_i64(),
        ColumnType::Float64 => value.is_number(),
        ColumnType::String => true,
        ColumnType::Date => date(value, column).is_some(),
        ColumnType::Timestamp => timestamp(value, column).is_some(),
    }
}

/// A column of objects whose values fit.
fn array(objects: &[Object], name: &str, column: &Column) -> ArrayRef {
    macro_rules! build {
        ($builder:expr, $value:expr) => {{
            let mut builder = $builder;
            for object in objects {
                let value = object.get(name).filter(|value| !value.is_null());
                builder.append_option(value.and_then($value));
            }
            ArrayBuilder::finish(&mut builder)
        }};
    }
    match column.ty {
        ColumnType::Bool => build!(BooleanBuilder::new(), Value::as_bool),
        ColumnType::Int64 => build!(Int64Builder::new(), Value::as_i64),
        ColumnType::Float64 => build!(Float64Builder::new(), Value::as_f64),
        ColumnType::String => build!(StringBuilder::new(), |value| Some(text(value))),
        ColumnType::Date => build!(Date32Builder::new(), |value| date(value, column)),
        ColumnType::Timestamp => {
            build!(TimestampMicrosecondBuilder::new(), |value| timestamp(
                value, column
            ))
        }
    }
}

/// Writes NDJSON; a missing value is absent.
pub struct NdjsonWriter<W: Write> {
    table: String,
    out: LineDelimitedWriter<W>,
}

impl<W: Write> NdjsonWriter<W> {
    /// Writes to `out`, which messages call `table`.
    pub fn new(table: impl Into<String>, out: W) -> NdjsonWriter<W> {
        NdjsonWriter {
            table: table.into(),
            out: LineDelimitedWriter::new(out),
        }
    }

    /// Returns what was written to.
    pub fn finish(mut self) -> Result<W, TableError> {
        self.out.finish().map_err(TableError::arrow(&self.table))?;
        Ok(self.out.into_inner())
    }
}

impl<W: Write> Sink for NdjsonWriter<W> {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), TableError> {
        self.out.write(rows).map_err(TableError::arrow(&self.table))
    }
}

#[cfg(test)]
mod tests {
    use arrow_select::concat::concat_batches;
    use proptest::prelude::*;

    use super::*;
    use crate::table::Format;

    fn read(text: &[u8], declared: &str) -> Result<(RecordBatch, Vec<Rejected>), TableError> {
        let source = Source::memory("x.ndjson", text.to_vec());
        let reading: Reading = toml::from_str(declared).unwrap();
        let table = super::super::open(&source, Format::Ndjson, &reading)?;
        let (mut rows, mut rejected) = (Vec::new(), Vec::new());
        for batch in table.batches()? {
            let batch = batch?;
            rows.push(batch.rows);
            rejected.extend(batch.rejected);
        }
        Ok((concat_batches(table.schema(), &rows).unwrap(), rejected))
    }

    fn written(rows: &RecordBatch) -> String {
        let mut writer = NdjsonWriter::new("x", Vec::new());
        writer.write(rows).unwrap();
        String::from_utf8(writer.finish().unwrap()).unwrap()
    }

    #[test]
    fn columns_are_all_names_and_types_are_those_of_all_values() {
        let text = br#"{"id": 1, "x": 2, "ok": true}
{"id": 2, "x": 2.5, "tags": ["a"]}

{"id": 3, "x": null, "name": "7"}
"#;
        let (rows, rejected) = read(text, "").unwrap();
        assert_eq!(rejected, []);
        let types: Vec<_> = rows
            .schema()
            .fields()
            .iter()
            .map(|field| format!("{} {}", field.name(), field.data_type()))
            .collect();
        assert_eq!(
            types,
            [
                "id Int64",
                "x Float64",
                "ok Boolean",
                "tags Utf8",
                "name Utf8"
            ]
        );
        assert_eq!(
            written(&rows).lines().nth(1).unwrap(),
            r#"{"id":2,"x":2.5,"tags":"[\"a\"]"}"#
        );
    }

    #[test]
    fn a_line_that_is_no_object_or_does_not_fit_is_rejected() {
        let text = b"{\"age\": 3}\n[1]\n\n{\"age\": \"old\"}\n{\"age\": \n{}\n";
        let (rows, rejected) = read(text, "columns.age = \"int64\"").unwrap();
        assert_eq!(rows.num_rows(), 2);
        let told: Vec<_> = rejected
            .iter()
            .map(|row| (row.row, row.line.unwrap(), row.reasons[0].rule))
            .collect();
        assert_eq!(
            told,
            [
                (2, 2, Rule::Syntax),
                (3, 4, Rule::Type),
                (4, 5, Rule::Syntax)
            ]
        );
        assert_eq!(rejected[1].reason(), "age: \"old\" is no int64");
        assert_eq!(rejected[2].record.as_deref(), Some("{\"age\":"));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = read(&bytes, "");
        }

        #[test]
        fn what_is_written_is_read_again(ids: Vec<i64>, name in "[a-z\"\n ]{1,5}") {
            let lines = ids.iter().map(|id| format!("{}\n", serde_json::json!({"id": id, "name": name})));
            let (rows, _) = read(lines.collect::<String>().as_bytes(), "").unwrap();
            let (again, _) = read(written(&rows).as_bytes(), "").unwrap();
            prop_assert_eq!(again, rows);
        }
    }
}
