//! [`Conform`]: batches of a format that has types, converted to those declared.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, RecordBatch, RecordBatchOptions,
    TimestampMicrosecondArray,
};
use arrow_cast::cast::{CastOptions, can_cast_types, cast_with_options};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};

use super::batch::{Batch, Origin, Reason, Rule, shown};
use super::types::{Column, ColumnType, Columns, all_there};
use super::{TableError, moment};

/// Converts batches, and rejects the rows that cannot be.
#[derive(Clone)]
pub(super) struct Conform {
    table: String,
    schema: SchemaRef,
    declared: Columns,
    n_rows: u64,
}

impl Conform {
    /// From `found` to what is declared. Fails when a column is not there, or
    /// when its type can never become the one declared.
    pub(super) fn new(
        table: &str,
        found: &SchemaRef,
        declared: &Columns,
    ) -> Result<Conform, TableError> {
        let names: Vec<String> = found
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        all_there(table, &names, declared)?;
        let mut fields = Vec::new();
        for field in found.fields() {
            let Some(column) = declared.get(field.name()) else {
                fields.push(field.clone());
                continue;
            };
            let wanted = column.ty.data_type();
            if !can_cast_types(field.data_type(), &wanted) {
                return Err(TableError::Declaration {
                    place: format!("{table}: column {:?}", field.name()),
                    problem: format!(
                        "is {}, which cannot become {}",
                        field.data_type(),
                        column.ty
                    ),
                });
            }
            fields.push(Arc::new(Field::new(field.name(), wanted, true)));
        }
        Ok(Conform {
            table: table.to_owned(),
            schema: Arc::new(Schema::new(fields)),
            declared: declared.clone(),
            n_rows: 0,
        })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Each of the batches, converted. After an error comes nothing.
    pub(super) fn all(
        mut self,
        batches: impl Iterator<Item = Result<RecordBatch, TableError>> + Send + 'static,
    ) -> impl Iterator<Item = Result<Batch, TableError>> + Send + 'static {
        let mut failed = false;
        batches.map_while(move |batch| {
            if failed {
                return None;
            }
            let batch = batch.and_then(|rows| {
                let batch = self.batch(rows);
                batch.map_err(TableError::arrow(&self.table))
            });
            failed = batch.is_err();
            Some(batch)
        })
    }

    fn batch(&mut self, rows: RecordBatch) -> Result<Batch, ArrowError> {
        let first = self.n_rows + 1;
        let n_rows = rows.num_rows();
        self.n_rows += n_rows as u64;
        let mut bad: BTreeMap<usize, Vec<Reason>> = BTreeMap::new();
        let mut columns = Vec::with_capacity(rows.num_columns());
        for (field, array) in self.schema.fields().iter().zip(rows.columns()) {
            columns.push(self.column(field, array, &mut bad)?);
        }
        let numbers: Vec<u64> = (first..).take(n_rows).collect();
        let raw = Batch {
            rows,
            numbers: numbers.clone(),
            rejected: Vec::new(),
            origin: Origin::Values,
        };
        let good = (0..n_rows).map(|row| Some(!bad.contains_key(&row)));
        let good = BooleanArray::from_iter(good);
        let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
        let mut batch = Batch {
            rows: RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?,
            numbers,
            rejected: bad
                .into_iter()
                .map(|(row, reasons)| raw.reject(row, reasons))
                .collect(),
            origin: Origin::Values,
        };
        batch.keep(&good)?;
        Ok(batch)
    }

    /// A column converted, with the rows where that fails.
    fn column(
        &self,
        field: &Field,
        array: &ArrayRef,
        bad: &mut BTreeMap<usize, Vec<Reason>>,
    ) -> Result<ArrayRef, ArrowError> {
        let Some(column) = self.declared.get(field.name()) else {
            return Ok(array.clone());
        };
        let converted = converted(array, column)?;
        for row in (0..array.len()).filter(|row| converted.is_null(*row)) {
            let (rule, text) = match array.is_null(row) {
                true if column.nullable => continue,
                true => (Rule::Required, "has no value".to_owned()),
                false => (
                    Rule::Type,
                    format!("{} is no {}", value(array, row), column.ty),
                ),
            };
            bad.entry(row).or_default().push(Reason {
                column: Some(field.name().clone()),
                rule,
                text,
            });
        }
        Ok(converted)
    }
}

/// What cannot be converted is missing.
fn converted(array: &ArrayRef, column: &Column) -> Result<ArrayRef, ArrowError> {
    let texts = array.as_string_opt::<i32>();
    match (column.ty, texts, column.format.as_deref()) {
        (ColumnType::Date, Some(texts), format @ Some(_)) => {
            let days = texts.iter();
            let days = days.map(|text| moment::date(text?.as_bytes(), format));
            Ok(Arc::new(days.collect::<Date32Array>()))
        }
        (ColumnType::Timestamp, Some(texts), format @ Some(_)) => {
            let micros = texts.iter();
            let micros = micros.map(|text| moment::timestamp(text?.as_bytes(), format));
            Ok(Arc::new(micros.collect::<TimestampMicrosecondArray>()))
        }
        (ty, _, _) => cast_with_options(array, &ty.data_type(), &CastOptions::default()),
    }
}

fn value(array: &ArrayRef, row: usize) -> String {
    let text = arrow_cast::display::array_value_to_string(array, row);
    shown(&text.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int64Array, StringArray};
    use arrow_schema::DataType;

    use super::*;

    #[test]
    fn what_cannot_be_converted_is_rejected_with_its_value() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, true),
            Field::new("age", DataType::Utf8, true),
        ]));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![1, 2, 3])),
            Arc::new(StringArray::from(vec![Some("31"), Some("old"), None])),
        ];
        let rows = RecordBatch::try_new(schema.clone(), columns).unwrap();
        let declared: Columns =
            serde_json::from_str(r#"{"age": {"type": "int64", "nullable": false}}"#).unwrap();
        let conform = Conform::new("t", &schema, &declared).unwrap();
        let batch = conform.all([Ok(rows)].into_iter()).next().unwrap().unwrap();
        assert_eq!(batch.numbers, [1]);
        let reasons: Vec<_> = batch
            .rejected
            .iter()
            .map(|row| (row.row, row.reason()))
            .collect();
        let old = (2, "age: \"old\" is no int64".to_owned());
        assert_eq!(reasons, [old, (3, "age: has no value".to_owned())]);
        assert_eq!(batch.rejected[0].fields[1].as_deref(), Some("old"));
    }
}
