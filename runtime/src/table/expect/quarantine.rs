//! [`quarantine_schema`]: rejected rows as a table of text.

use std::sync::Arc;

use arrow_array::builder::{StringBuilder, UInt64Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use crate::table::batch::Rejected;

/// The columns of a quarantine: `row` (its place in the table, from 1),
/// `reason` (all that is wrong with it), `record` (the whole row, if it could
/// not be taken apart), and what was written in each column of the table, as
/// text. Where the table has a column of such a name, ours gets an underscore.
pub fn quarantine_schema(table: &Schema) -> SchemaRef {
    let own = |name: &str| {
        let mut name = name.to_owned();
        while table.index_of(&name).is_ok() {
            name.push('_');
        }
        name
    };
    let mut fields = vec![
        Field::new(own("row"), DataType::UInt64, false),
        Field::new(own("reason"), DataType::Utf8, false),
        Field::new(own("record"), DataType::Utf8, true),
    ];
    let columns = table.fields().iter();
    fields.extend(columns.map(|field| Field::new(field.name(), DataType::Utf8, true)));
    Arc::new(Schema::new(fields))
}

/// Rejected rows as rows of a quarantine.
pub(super) fn rows(schema: &SchemaRef, rejected: &[Rejected]) -> Result<RecordBatch, ArrowError> {
    let mut numbers = UInt64Builder::new();
    let mut reasons = StringBuilder::new();
    let mut records = StringBuilder::new();
    for row in rejected {
        numbers.append_value(row.row);
        reasons.append_value(row.reason());
        records.append_option(row.record.as_deref());
    }
    let mut arrays: Vec<ArrayRef> = vec![
        Arc::new(numbers.finish()),
        Arc::new(reasons.finish()),
        Arc::new(records.finish()),
    ];
    for column in 0..schema.fields().len() - arrays.len() {
        let mut texts = StringBuilder::new();
        for row in rejected {
            texts.append_option(row.fields.get(column).and_then(Option::as_deref));
        }
        arrays.push(Arc::new(texts.finish()));
    }
    RecordBatch::try_new(schema.clone(), arrays)
}
