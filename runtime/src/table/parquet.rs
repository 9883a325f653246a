//! Parquet, read and written row group by row group.

use std::fs::File;
use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::ChunkReader;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;

use super::conform::Conform;
use super::source::Kept;
use super::{Batches, Reading, Sink, Source, Table, TableError};

/// How many rows a batch that is read has.
const BATCH: usize = 8_192;

/// How many rows a row group has, unless their bytes end it earlier.
const GROUP_ROWS: usize = 1 << 17;

/// How many encoded bytes a row group may hold in memory.
const GROUP_BYTES: usize = 16 << 20;

/// The table. The types are those of the file; a column that is declared is
/// converted, and a row that cannot be is rejected.
pub(super) fn open(source: &Source, reading: &Reading) -> Result<Table, TableError> {
    let (found, _) = read(source)?;
    let conform = Conform::new(source.name(), &found, &reading.columns)?;
    let (own, schema) = (source.clone(), conform.schema());
    let read = move || {
        let (_, batches) = read(&own)?;
        let name = own.name().to_owned();
        let batches = batches.map(move |batch| batch.map_err(TableError::arrow(&name)));
        Ok(Box::new(conform.clone().all(batches)) as Batches)
    };
    Ok(Table::new(source.name(), schema, read))
}

fn read(source: &Source) -> Result<(SchemaRef, ParquetRecordBatchReader), TableError> {
    let read = match source.kept() {
        Kept::Memory(bytes) => reader(bytes.clone()),
        Kept::File(_) | Kept::Spooled(_) => reader(source.open_file()?),
    };
    read.map_err(TableError::parquet(source.name()))
}

fn reader(
    input: impl ChunkReader + 'static,
) -> Result<(SchemaRef, ParquetRecordBatchReader), ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(input)?;
    let schema = builder.schema().clone();
    Ok((schema, builder.with_batch_size(BATCH).build()?))
}

/// Writes Parquet, compressed with Snappy. The columns of a batch are encoded
/// in parallel; at most one row group is held in memory, encoded.
///
/// [`finish`](ParquetWriter::finish) makes the file whole. One that was not
/// finished cannot be read.
pub struct ParquetWriter<W: Write + Send> {
    table: String,
    schema: SchemaRef,
    file: SerializedFileWriter<W>,
    groups: ArrowRowGroupWriterFactory,
    n_groups: usize,
    group: Option<Group>,
}

/// The row group that is being encoded.
struct Group {
    columns: Vec<ArrowColumnWriter>,
    n_rows: usize,
}

impl ParquetWriter<File> {
    /// Writes to a new file, or over an old one.
    pub fn create(path: &std::path::Path, schema: &SchemaRef) -> Result<Self, TableError> {
        let table = path.display().to_string();
        let file = File::create(path).map_err(TableError::write(&table))?;
        ParquetWriter::new(table, schema, file)
    }
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Writes to `out`, which messages call `table`.
    pub fn new(table: impl Into<String>, schema: &SchemaRef, out: W) -> Result<Self, TableError> {
        let table = table.into();
        let broken = TableError::parquet(&table);
        let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties(schema)));
        let (file, groups) = writer
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(broken)?;
        Ok(ParquetWriter {
            table,
            schema: schema.clone(),
            file,
            groups,
            n_groups: 0,
            group: None,
        })
    }

    /// Writes what is left and the footer; returns what was written to.
    pub fn finish(mut self) -> Result<W, TableError> {
        self.end_group()?;
        self.file
            .into_inner()
            .map_err(TableError::parquet(&self.table))
    }

    fn group(&mut self) -> Result<&mut Group, TableError> {
        match &mut self.group {
            Some(group) => Ok(group),
            none => {
                let columns = self.groups.create_column_writers(self.n_groups);
                let columns = columns.map_err(TableError::parquet(&self.table))?;
                Ok(none.insert(Group { columns, n_rows: 0 }))
            }
        }
    }

    fn end_group(&mut self) -> Result<(), TableError> {
        let Some(group) = self.group.take() else {
            return Ok(());
        };
        self.n_groups += 1;
        let broken = TableError::parquet(&self.table);
        let chunks = group.finish().map_err(&broken)?;
        let mut out = self.file.next_row_group().map_err(&broken)?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut out).map_err(&broken)?;
        }
        out.close().map_err(&broken)?;
        Ok(())
    }
}

impl<W: Write + Send> Sink for ParquetWriter<W> {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), TableError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let (table, schema) = (self.table.clone(), self.schema.clone());
        let group = self.group()?;
        group
            .write(&schema, rows)
            .map_err(TableError::parquet(&table))?;
        match group.is_full() {
            true => self.end_group(),
            false => Ok(()),
        }
    }
}

impl Group {
    fn write(&mut self, schema: &SchemaRef, rows: &RecordBatch) -> Result<(), ParquetError> {
        self.n_rows += rows.num_rows();
        let fields = schema.fields().iter().zip(rows.columns());
        let leaves = fields.map(|(field, array)| compute_leaves(field, array));
        let leaves: Vec<_> = leaves.collect::<Result<Vec<_>, _>>()?;
        self.columns
            .par_iter_mut()
            .zip(leaves.into_iter().flatten().collect::<Vec<_>>())
            .try_for_each(|(column, leaf)| column.write(&leaf))
    }

    fn is_full(&self) -> bool {
        let bytes: usize = self
            .columns
            .iter()
            .map(ArrowColumnWriter::memory_size)
            .sum();
        self.n_rows >= GROUP_ROWS || bytes >= GROUP_BYTES
    }

    fn finish(self) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
        let columns = self.columns.into_par_iter();
        columns.map(ArrowColumnWriter::close).collect()
    }
}

/// Snappy, as pyarrow writes by default; dictionaries only where values repeat:
/// numbers of double precision seldom do.
fn properties(schema: &SchemaRef) -> WriterProperties {
    let mut properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    for field in schema.fields() {
        if matches!(field.data_type(), DataType::Float64 | DataType::Float32) {
            let path = ColumnPath::new(vec![field.name().clone()]);
            properties = properties.set_column_dictionary_enabled(path, false);
        }
    }
    properties.build()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Array, Float64Array, StringArray};
    use arrow_schema::{Field, Schema};

    use super::*;
    use crate::table::{Format, open};

    fn rows(n_rows: usize) -> RecordBatch {
        let schema = Schema::new(vec![
            Field::new("x", DataType::Float64, true),
            Field::new("plan", DataType::Utf8, true),
        ]);
        let x = (0..n_rows).map(|row| (row % 7 != 0).then_some(row as f64 / 3.0));
        let plan = (0..n_rows).map(|row| (row % 5 != 0).then(|| format!("plan {}", row % 11)));
        let columns: Vec<Arc<dyn Array>> = vec![
            Arc::new(Float64Array::from_iter(x)),
            Arc::new(StringArray::from_iter(plan)),
        ];
        RecordBatch::try_new(Arc::new(schema), columns).unwrap()
    }

    fn written(rows: &RecordBatch, step: usize) -> Vec<u8> {
        let mut writer = ParquetWriter::new("x.parquet", &rows.schema(), Vec::new()).unwrap();
        for from in (0..rows.num_rows()).step_by(step) {
            let part = rows.slice(from, step.min(rows.num_rows() - from));
            writer.write(&part).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (n_rows, step) in [(0, 1), (1, 1), (10_000, 777), (300_000, 50_000)] {
            let rows = rows(n_rows);
            let source = Source::memory("x.parquet", written(&rows, step));
            let table = open(&source, Format::Parquet, &Reading::default()).unwrap();
            let schema = table.schema().clone();
            let batches = table.batches().unwrap();
            let batches: Vec<_> = batches.map(|batch| batch.unwrap().rows).collect();
            let read = arrow_select::concat::concat_batches(&schema, &batches).unwrap();
            assert_eq!(read, rows);
        }
    }

    #[test]
    fn a_truncated_file_is_named() {
        let mut bytes = written(&rows(100), 100);
        bytes.truncate(bytes.len() / 2);
        let source = Source::memory("x.parquet", bytes);
        let error = open(&source, Format::Parquet, &Reading::default())
            .err()
            .unwrap();
        assert!(
            error
                .to_string()
                .starts_with("x.parquet: is no whole Parquet file"),
            "{error}"
        );
    }
}
