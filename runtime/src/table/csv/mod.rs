//! CSV as RFC 4180 has it, and as it is found.
//!
//! Rows end with a line feed, with or without a carriage return; fields may be
//! quoted and then hold delimiters, line breaks and doubled quotes; a quote
//! within a field that is not quoted is a letter; an empty line is no row. The
//! input is cut into blocks at ends of rows, and blocks are read, taken apart
//! and parsed in parallel, a bounded number of them at a time, in order.

mod column;
mod encoding;
mod fields;
mod header;
mod shape;

use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use encoding_rs::Encoding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use fields::Fields;

use self::fields::Rules;
use self::header::Header;
use self::shape::{Shape, infer};
use super::blocks::{Block, Blocks, Rows, first_row_end};
use super::types::{Column, all_there, schema};
use super::waves::Waves;
use super::{Batches, Reading, Sink, Source, Table, TableError};

/// How a CSV is written.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Csv {
    /// What stands between fields: one ASCII character, not a quote.
    pub delimiter: char,
    /// A label of the WHATWG Encoding standard: `utf-8`, `windows-1252`,
    /// `utf-16le`, … A byte order mark beats it.
    pub encoding: String,
    /// The names of the columns, if the first row does not name them.
    pub names: Option<Vec<String>>,
    /// What becomes of a row with more or fewer fields than the header.
    pub ragged: Ragged,
}

/// What becomes of a row with more or fewer fields than the header.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ragged {
    /// It is rejected, and the rest goes on.
    #[default]
    Reject,
    /// What a short row lacks is missing, as in pandas; a long row is rejected.
    Fill,
    /// The whole table is refused, and the line is named.
    Fail,
}

impl Default for Csv {
    fn default() -> Csv {
        Csv {
            delimiter: ',',
            encoding: "utf-8".to_owned(),
            names: None,
            ragged: Ragged::default(),
        }
    }
}

/// The table; types of columns that are not declared are inferred
/// by reading the whole of `source` once before.
pub(super) fn open(source: &Source, reading: &Reading) -> Result<Table, TableError> {
    let csv = &reading.csv;
    let Start {
        names,
        first,
        blocks,
        encoding,
    } = start(source, csv)?;
    all_there(source.name(), &names, &reading.columns)?;
    let rules = Rules {
        delimiter: csv.delimiter()?,
        n_columns: names.len(),
        ragged: csv.ragged,
        encoding: encoding.name(),
    };
    let declared = names.iter().map(|name| reading.columns.get(name).cloned());
    let declared: Vec<Option<Column>> = declared.collect();
    let columns = match declared.iter().any(Option::is_none) {
        true => infer(first, blocks, &rules, &declared, &reading.missing)?,
        false => declared.into_iter().flatten().collect(),
    };
    let schema = schema(&names, &columns);
    let shape = Arc::new(Shape {
        table: source.name().to_owned(),
        rules,
        names,
        columns,
        missing: reading.missing.clone(),
        schema: schema.clone(),
    });
    let (own, csv) = (source.clone(), csv.clone());
    let read = move || {
        let Start { first, blocks, .. } = start(&own, &csv)?;
        Ok(Box::new(Waves::new(shape.clone(), first, blocks)) as Batches)
    };
    Ok(Table::new(source.name(), schema, read))
}

/// A CSV whose header is read.
struct Start {
    names: Vec<String>,
    /// The first block, behind the header.
    first: Option<Block>,
    blocks: Blocks,
    encoding: &'static Encoding,
}

fn start(source: &Source, csv: &Csv) -> Result<Start, TableError> {
    let table = source.name();
    let delimiter = csv.delimiter()?;
    let read = TableError::read(table);
    let (input, encoding) = encoding::decoded(source.open()?, csv.encoding()?).map_err(read)?;
    let mut blocks = Blocks::new(table, input, Rows::Quoted { delimiter });
    let first = blocks.next()?;
    if let Some(names) = &csv.names {
        return Ok(Start {
            names: names.clone(),
            first,
            blocks,
            encoding,
        });
    }
    let header = Header {
        table,
        delimiter,
        encoding: encoding.name(),
    };
    let mut block = first.ok_or_else(|| no_header(table))?;
    skip_empty_lines(&mut block);
    if block.bytes.is_empty() {
        return Err(no_header(table));
    }
    let end = first_row_end(&block.bytes, delimiter);
    let names = header.names(&block.bytes[..end])?;
    cut(&mut block, end);
    Ok(Start {
        names,
        first: Some(block),
        blocks,
        encoding,
    })
}

fn no_header(table: &str) -> TableError {
    TableError::NoHeader {
        table: table.to_owned(),
    }
}

fn skip_empty_lines(block: &mut Block) {
    let is_break = |byte: &&u8| matches!(byte, b'\r' | b'\n');
    let n_breaks = block.bytes.iter().take_while(is_break).count();
    cut(block, n_breaks);
}

/// The block without its first bytes.
fn cut(block: &mut Block, n_bytes: usize) {
    let lines = memchr::memchr_iter(b'\n', &block.bytes[..n_bytes]);
    block.line += lines.count() as u64;
    block.bytes.drain(..n_bytes);
}

impl Csv {
    fn delimiter(&self) -> Result<u8, TableError> {
        match u8::try_from(self.delimiter) {
            Ok(byte) if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n' | 0) => Ok(byte),
            _ => Err(TableError::Declaration {
                place: "csv.delimiter".to_owned(),
                problem: format!(
                    "{:?} cannot stand between fields; write one ASCII character, such as \";\"",
                    self.delimiter
                ),
            }),
        }
    }

    fn encoding(&self) -> Result<&'static Encoding, TableError> {
        Encoding::for_label(self.encoding.as_bytes()).ok_or_else(|| TableError::Declaration {
            place: "csv.encoding".to_owned(),
            problem: format!(
                "{:?} is no encoding; write utf-8, windows-1252 or another label of the \
                 WHATWG Encoding standard",
                self.encoding
            ),
        })
    }
}

/// Writes CSV: a header, line feeds, quotes where they are needed, nothing for a
/// missing value, and numbers so that they are read as the same numbers.
pub struct CsvWriter<W: Write> {
    table: String,
    out: arrow_csv::Writer<W>,
}

impl<W: Write> CsvWriter<W> {
    /// Writes to `out`, which messages call `table`.
    pub fn new(table: impl Into<String>, schema: &SchemaRef, out: W) -> Result<Self, TableError> {
        let mut writer = CsvWriter {
            table: table.into(),
            out: arrow_csv::WriterBuilder::new().with_header(true).build(out),
        };
        // The header, even if no row follows.
        writer.write(&RecordBatch::new_empty(schema.clone()))?;
        Ok(writer)
    }
}

impl<W: Write> Sink for CsvWriter<W> {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), TableError> {
        self.out.write(rows).map_err(TableError::arrow(&self.table))
    }
}

#[cfg(test)]
mod tests;
