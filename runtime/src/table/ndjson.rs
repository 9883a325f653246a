//! NDJSON: a JSON object a line, its members the columns.
//!
//! Columns are all names that any row has, in the order they first appear; a
//! member that is absent or `null` is missing. Types are inferred by the rules
//! for CSV, except that a text stays text whatever it says, and an array or
//! object is its JSON as text.

use std::borrow::Cow;
use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_json::LineDelimitedWriter;
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::batch::{Reason, Rejected, Rule};
use super::blocks::{Block, Blocks, Rows};
use super::text::Seen;
use super::typed::{Cell, Row, Typed};
use super::types::{Column, all_there};
use super::waves::{self, Parse, Parsed, Waves};
use super::{Batch, Batches, Reading, Sink, Source, Table, TableError};

type Object = Map<String, Value>;

/// The table; its columns, and the types of those that are not declared, are
/// found by reading the whole of `source` once before.
pub(super) fn open(source: &Source, reading: &Reading) -> Result<Table, TableError> {
    let (names, columns) = infer(source, reading)?;
    all_there(source.name(), &names, &reading.columns)?;
    let typed = Typed::new(source.name(), names, columns);
    let schema = typed.schema().clone();
    let shape = Arc::new(Shape(typed));
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
struct Shape(Typed);

impl Parse for Shape {
    fn parse(&self, block: Block) -> Result<Parsed, TableError> {
        let mut sorting = self.0.sorting();
        let mut n_records = 0;
        for (place, line) in lines(&block.bytes) {
            let (row, at) = (u64::from(n_records), block.line + place);
            n_records += 1;
            match object(line) {
                Ok(object) => sorting.take(object, row, Some(at)),
                Err(problem) => sorting.reject(broken(row, at, line, problem)),
            }
        }
        Ok(Parsed {
            batch: sorting.batch()?,
            n_records,
        })
    }

    fn accept(&self, _: &Batch) -> Result<(), TableError> {
        Ok(())
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

impl Row for Object {
    type Cell = Value;

    fn cell(&self, _: usize, name: &str) -> Option<&Value> {
        self.get(name)
    }
}

impl Cell for Value {
    fn is_missing(&self) -> bool {
        self.is_null()
    }

    fn bool(&self) -> Option<bool> {
        self.as_bool()
    }

    fn int(&self) -> Option<i64> {
        self.as_i64()
    }

    fn float(&self) -> Option<f64> {
        self.as_f64()
    }

    fn str(&self) -> Option<&str> {
        self.as_str()
    }

    /// A text itself, or the JSON of what is none.
    fn text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Value::String(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_string()),
        })
    }

    fn shown(&self) -> String {
        self.text().unwrap_or_default().into_owned()
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
