//! Arrow's record batches to frames and back.

use std::sync::Arc;

use arrow_array::{Array, Float64Array, RecordBatch, cast::AsArray, types};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use arrow_select::{concat::concat_batches, nullif::nullif};

use super::column::{Column, Type};
use super::fault::Fault;
use super::frame::Frame;

impl Frame {
    /// All rows of `batches`, which have one schema; no columns where there
    /// are no batches. Integers become int64, floats and decimals float64,
    /// dates and timestamps microseconds in UTC, dictionaries their text.
    pub fn from_batches(batches: &[RecordBatch]) -> Result<Frame, Fault> {
        let Some(first) = batches.first() else {
            return Ok(Frame::default());
        };
        let joined = concat_batches(&first.schema(), batches).map_err(|source| Fault::Arrow {
            column: "*".to_owned(),
            source,
        })?;
        Frame::try_from(&joined)
    }

    /// One batch of all rows. Missing floats are written as nulls.
    pub fn to_batch(&self) -> Result<RecordBatch, Fault> {
        let columns = self.columns();
        let fields: Vec<Field> = columns
            .map(|(name, column)| field(name, column.ty()))
            .collect();
        let arrays = self.columns().map(|(_, column)| match column {
            Column::Float(values) => nulls_for_nan(values),
            other => other.to_array(),
        });
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(self.n_rows()));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays.collect(), &options)
            .map_err(|source| Fault::Arrow {
                column: "*".to_owned(),
                source,
            })
    }
}

impl TryFrom<&RecordBatch> for Frame {
    type Error = Fault;

    fn try_from(batch: &RecordBatch) -> Result<Frame, Fault> {
        let mut frame = Frame::new(batch.num_rows());
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let name: Arc<str> = field.name().as_str().into();
            frame.add(&name, column(&name, array)?)?;
        }
        Ok(frame)
    }
}

fn field(name: &str, ty: Type) -> Field {
    let ty = match ty {
        Type::Bool => DataType::Boolean,
        Type::Int64 => DataType::Int64,
        Type::Float64 => DataType::Float64,
        Type::String => DataType::Utf8,
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
    };
    Field::new(name, ty, true)
}

fn column(name: &str, array: &dyn Array) -> Result<Column, Fault> {
    use DataType::*;
    let to = match array.data_type() {
        Boolean => Boolean,
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 => Int64,
        Null | Float16 | Float32 | Float64 | Decimal32(..) | Decimal64(..) | Decimal128(..)
        | Decimal256(..) => Float64,
        Utf8 | LargeUtf8 | Utf8View => Utf8,
        Dictionary(_, values) if matches!(**values, Utf8 | LargeUtf8 | Utf8View) => Utf8,
        Date32 | Date64 | Timestamp(..) => Timestamp(TimeUnit::Microsecond, None),
        other => {
            return Err(Fault::Unsupported {
                column: name.to_owned(),
                found: other.to_string(),
            });
        }
    };
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let array = cast_with_options(array, &to, &options).map_err(|source| Fault::Arrow {
        column: name.to_owned(),
        source,
    })?;
    Ok(match to {
        Boolean => Column::Bool(array.as_boolean().clone()),
        Int64 => Column::Int(array.as_primitive::<types::Int64Type>().clone()),
        Float64 => Column::Float(nan_for_nulls(array.as_primitive())),
        Utf8 => Column::Text(array.as_string::<i32>().clone()),
        _ => Column::Time(
            array
                .as_primitive::<types::TimestampMicrosecondType>()
                .clone(),
        ),
    })
}

fn nan_for_nulls(values: &Float64Array) -> Float64Array {
    if values.null_count() == 0 {
        return values.clone();
    }
    Float64Array::from_iter_values(values.iter().map(|value| value.unwrap_or(f64::NAN)))
}

fn nulls_for_nan(values: &Float64Array) -> arrow_array::ArrayRef {
    let missing = values
        .values()
        .iter()
        .map(|value| Some(value.is_nan()))
        .collect();
    nullif(values, &missing).unwrap_or_else(|_| Arc::new(values.clone()))
}

#[cfg(test)]
mod tests {
    use arrow_array::{Float32Array, Int8Array};

    use super::*;

    #[test]
    fn narrow_types_widen_and_nulls_of_floats_are_nan() {
        let batch = RecordBatch::try_from_iter([
            ("n", Arc::new(Int8Array::from(vec![Some(1), None])) as _),
            (
                "x",
                Arc::new(Float32Array::from(vec![Some(0.5), None])) as _,
            ),
        ])
        .unwrap();
        let frame = Frame::try_from(&batch).unwrap();
        assert_eq!(*frame.column("n").unwrap(), Column::ints([Some(1), None]));
        assert_eq!(
            *frame.column("x").unwrap(),
            Column::floats(vec![0.5, f64::NAN])
        );
        let back = frame.to_batch().unwrap();
        assert_eq!(back.column(1).null_count(), 1);
        assert_eq!(Frame::try_from(&back).unwrap(), frame);
    }
}
