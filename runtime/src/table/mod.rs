//! Tables in batches: one file per format, and what is expected of their rows.
//!
//! ```text
//! Source -> open() -> Table: schema, batches -> check() -> accepted Sink, quarantine Sink, Summary
//! ```
//!
//! Everything streams: no table is ever held in memory as a whole, and what
//! needs to see all of it (types, uniqueness) reads it twice or works on disk.
//! A bad row never stops a table: it goes to the quarantine with what is wrong
//! with it and with what was written. Work is spread over rayon's current pool,
//! and the result does not depend on how many threads that has.

mod batch;
mod blocks;
mod conform;
mod csv;
mod error;
mod expect;
mod missing;
mod moment;
mod ndjson;
mod parquet;
mod sort;
mod source;
mod sql;
mod text;
mod typed;
mod types;
mod waves;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use batch::{Batch, Reason, Rejected, Rule};
pub use csv::{Csv, CsvWriter, Ragged};
pub use error::TableError;
pub use expect::{Expect, Expectations, Keep, Scalar, Summary, Unique, check, quarantine_schema};
pub use missing::{Missing, PANDAS_WORDS};
pub use ndjson::NdjsonWriter;
pub use parquet::ParquetWriter;
pub use source::Source;
pub use sql::{Database, Rows, Sum, Upsert, Upserted, parameters};
pub use types::{Column, ColumnType, Columns};

/// The formats that a [`Source`] can be in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Comma-separated values, RFC 4180.
    Csv,
    /// A JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

/// How a table is read, as it is declared.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reading {
    /// Columns whose types are declared; those of the others are inferred.
    #[schemars(with = "std::collections::BTreeMap<String, Column>")]
    pub columns: Columns,
    /// The words for a missing value, in a format that is text.
    pub missing: Missing,
    /// How CSV is written.
    pub csv: Csv,
}

/// Opens a table: its schema is known, its rows are yet to be read.
pub fn open(source: &Source, format: Format, reading: &Reading) -> Result<Table, TableError> {
    match format {
        Format::Csv => csv::open(source, reading),
        Format::Ndjson => ndjson::open(source, reading),
        Format::Parquet => parquet::open(source, reading),
    }
}

/// A table that is open. It can be read from the start any number of times.
pub struct Table {
    name: String,
    schema: SchemaRef,
    read: Box<dyn Fn() -> Result<Batches, TableError> + Send + Sync>,
}

/// The rows of a table in order. After an error comes nothing.
pub type Batches = Box<dyn Iterator<Item = Result<Batch, TableError>> + Send>;

/// Where rows go.
pub trait Sink {
    /// Takes these rows, behind those before.
    fn write(&mut self, rows: &RecordBatch) -> Result<(), TableError>;
}

impl Table {
    fn new(
        name: &str,
        schema: SchemaRef,
        read: impl Fn() -> Result<Batches, TableError> + Send + Sync + 'static,
    ) -> Table {
        Table {
            name: name.to_owned(),
            schema,
            read: Box::new(read),
        }
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The columns of every batch.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows, from the start.
    pub fn batches(&self) -> Result<Batches, TableError> {
        (self.read)()
    }
}
