//! [`Typed`]: rows of a format whose values have types of their own, value by
//! value, in columns of one type each.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;

use super::batch::{Batch, Origin, Reason, Rejected, Rule, shown};
use super::types::{Column, ColumnType, schema};
use super::{TableError, moment};

/// A value as its format has it. It is what it says it is: the text `7` is no
/// number.
pub(super) trait Cell {
    /// There is no value.
    fn is_missing(&self) -> bool;
    /// The truth value that it is.
    fn bool(&self) -> Option<bool>;
    /// The whole number of 64 bits that it is.
    fn int(&self) -> Option<i64>;
    /// The number that it is.
    fn float(&self) -> Option<f64>;
    /// The text that it is.
    fn str(&self) -> Option<&str>;
    /// As text, whatever it is; `None` for what cannot be text.
    fn text(&self) -> Option<Cow<'_, str>>;
    /// As a person is shown it.
    fn shown(&self) -> String;
}

/// A row of them.
pub(super) trait Row {
    type Cell: Cell;

    /// What stands in a column; `None` where the row has no such column.
    fn cell(&self, place: usize, name: &str) -> Option<&Self::Cell>;
}

/// The columns that rows are put into.
pub(super) struct Typed {
    table: String,
    names: Vec<String>,
    columns: Vec<Column>,
    schema: SchemaRef,
}

/// Rows that fit and rows that do not.
pub(super) struct Sorting<'a, R> {
    typed: &'a Typed,
    rows: Vec<R>,
    numbers: Vec<u64>,
    rejected: Vec<Rejected>,
}

impl Typed {
    pub(super) fn new(table: &str, names: Vec<String>, columns: Vec<Column>) -> Typed {
        Typed {
            table: table.to_owned(),
            schema: schema(&names, &columns),
            names,
            columns,
        }
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// A batch to be.
    pub(super) fn sorting<R: Row>(&self) -> Sorting<'_, R> {
        Sorting {
            typed: self,
            rows: Vec::new(),
            numbers: Vec::new(),
            rejected: Vec::new(),
        }
    }

    fn named(&self) -> impl Iterator<Item = (usize, &String, &Column)> {
        let named = self.names.iter().zip(&self.columns).enumerate();
        named.map(|(place, (name, column))| (place, name, column))
    }

    /// What is wrong with the values of a row.
    fn wrong(&self, row: &impl Row) -> Vec<Reason> {
        let wrong = self.named().filter_map(|(place, name, column)| {
            let (rule, text) = match there(row, place, name) {
                None if column.nullable => return None,
                None => (Rule::Required, "has no value".to_owned()),
                Some(cell) if fits(cell, column) => return None,
                Some(cell) => {
                    let value = shown(&cell.shown());
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

    fn array<R: Row>(
        &self,
        rows: &[R],
        (place, name, column): (usize, &String, &Column),
    ) -> ArrayRef {
        macro_rules! build {
            ($builder:expr, $value:expr) => {{
                let mut builder = $builder;
                for row in rows {
                    builder.append_option(there(row, place, name).and_then($value));
                }
                ArrayBuilder::finish(&mut builder)
            }};
        }
        match column.ty {
            ColumnType::Bool => build!(BooleanBuilder::new(), Cell::bool),
            ColumnType::Int64 => build!(Int64Builder::new(), Cell::int),
            ColumnType::Float64 => build!(Float64Builder::new(), Cell::float),
            ColumnType::String => build!(StringBuilder::new(), Cell::text),
            ColumnType::Date => build!(Date32Builder::new(), |cell| date(cell, column)),
            ColumnType::Timestamp => build!(TimestampMicrosecondBuilder::new(), |cell| {
                timestamp(cell, column)
            }),
        }
    }
}

impl<R: Row> Sorting<'_, R> {
    pub(super) fn n_rows(&self) -> usize {
        self.rows.len() + self.rejected.len()
    }

    /// Takes the row `number`, which begins at that line if there are lines.
    pub(super) fn take(&mut self, row: R, number: u64, line: Option<u64>) {
        let reasons = self.typed.wrong(&row);
        if reasons.is_empty() {
            self.rows.push(row);
            self.numbers.push(number);
            return;
        }
        let field =
            |(place, name, _): (usize, &String, &Column)| there(&row, place, name).map(Cell::shown);
        self.rejected.push(Rejected {
            row: number,
            line,
            reasons,
            fields: self.typed.named().map(field).collect(),
            record: None,
        });
    }

    /// Takes what is no row.
    pub(super) fn reject(&mut self, rejected: Rejected) {
        self.rejected.push(rejected);
    }

    pub(super) fn batch(self) -> Result<Batch, TableError> {
        let typed = self.typed;
        let arrays = typed.named().map(|column| typed.array(&self.rows, column));
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows.len()));
        let rows = RecordBatch::try_new_with_options(
            Arc::clone(&typed.schema),
            arrays.collect(),
            &options,
        );
        Ok(Batch {
            rows: rows.map_err(TableError::arrow(&typed.table))?,
            numbers: self.numbers,
            rejected: self.rejected,
            origin: Origin::Values,
        })
    }
}

fn there<'a, R: Row>(row: &'a R, place: usize, name: &str) -> Option<&'a R::Cell> {
    row.cell(place, name).filter(|cell| !cell.is_missing())
}

fn fits(cell: &impl Cell, column: &Column) -> bool {
    match column.ty {
        ColumnType::Bool => cell.bool().is_some(),
        ColumnType::Int64 => cell.int().is_some(),
        ColumnType::Float64 => cell.float().is_some(),
        ColumnType::String => cell.text().is_some(),
        ColumnType::Date => date(cell, column).is_some(),
        ColumnType::Timestamp => timestamp(cell, column).is_some(),
    }
}

fn date(cell: &impl Cell, column: &Column) -> Option<i32> {
    moment::date(cell.str()?.as_bytes(), column.format.as_deref())
}

fn timestamp(cell: &impl Cell, column: &Column) -> Option<i64> {
    moment::timestamp(cell.str()?.as_bytes(), column.format.as_deref())
}
