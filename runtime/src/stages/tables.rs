//! Tables as artifacts: Parquet, in and out of a function's bindings.

use std::fs::File;
use std::io::{Seek, SeekFrom};

use arrow_array::RecordBatch;

use crate::function::{StageContext, StageError};
use crate::pipeline::{Alias, Input};
use crate::store::artifact::{Artifact, Description};
use crate::store::registry::Registered;
use crate::table::{
    self, Columns, Database, Format, ParquetWriter, Reading, Sink, Source, Table, TableError,
};
use crate::transform::Frame;

/// Work for a thread of its own: what computes, or reads files.
pub(super) async fn apart<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> Result<T, StageError> + Send + 'static,
) -> Result<T, StageError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(StageError::passing(format!("{what} broke off"), error)),
    }
}

/// What is wrong with a table: another try may help only where it was the disk
/// or the database.
pub(super) fn failed(message: String, error: TableError) -> StageError {
    match error.may_pass() {
        true => StageError::passing(message, error),
        false => StageError::of(message, error),
    }
}

/// A whole table, from an artifact, a blob or a query; or, of a version of a
/// model, the rows it was trained on.
///
/// # Errors
/// When the function declares no such input, or it is no table.
pub async fn frame(ctx: &StageContext, input: &str) -> Result<Frame, StageError> {
    let (name, bound) = (input.to_owned(), ctx.input(input)?.clone());
    let opened = match bound {
        Input::Sql { url, query } => {
            let url = ctx.database(&url).await?;
            apart("a query", move || {
                let database = Database::at(&url);
                let table = database.and_then(|database| database.query(&query, &Columns::new()));
                table.map_err(|error| failed(format!("the query of {name} failed"), error))
            })
            .await?
        }
        bound => {
            let format = format_of(ctx, input)?;
            let source = match &bound {
                Input::Model(alias) => trained_on(ctx, input, alias).await?,
                _ => source(ctx, input).await?,
            };
            apart("reading a table", move || {
                let opened = table::open(&source, format, &Reading::default());
                opened.map_err(|error| failed(format!("the table {name} cannot be read"), error))
            })
            .await?
        }
    };
    apart("reading a table", move || whole(&opened)).await
}

fn whole(table: &Table) -> Result<Frame, StageError> {
    let name = table.name();
    let wrong = |error| failed(format!("the table {name} cannot be read"), error);
    let mut batches = Vec::new();
    for batch in table.batches().map_err(wrong)? {
        let batch = batch.map_err(wrong)?;
        if let Some(reason) = batch.rejected.first().and_then(|row| row.reasons.first()) {
            let (row, text) = (batch.rejected[0].row, &reason.text);
            return Err(StageError::data(format!(
                "the table {name} cannot be used: row {row}: {text}; let ingestion take it in first"
            )));
        }
        batches.push(batch.rows);
    }
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(table.schema().clone()));
    }
    Frame::from_batches(&batches)
        .map_err(|error| StageError::of(format!("the table {name} cannot be used"), error))
}

/// The version behind the alias that an input is.
pub(super) async fn registered(
    ctx: &StageContext,
    input: &str,
    alias: &Alias,
) -> Result<Registered, StageError> {
    let registered = ctx.model(input).await?;
    registered.ok_or_else(|| {
        StageError::passing(
            format!("no version is {alias} yet"),
            "the alias points nowhere",
        )
    })
}

async fn trained_on(ctx: &StageContext, input: &str, alias: &Alias) -> Result<Source, StageError> {
    let registered = registered(ctx, input, alias).await?;
    if registered.version.data == registered.version.model {
        return Err(StageError::data(format!(
            "{input}: {} of {} was imported, and nobody knows the rows it was trained on; \
             bind a table of such rows in its place",
            registered.number, alias.model
        )));
    }
    let content = ctx.content(&registered.version.data).await?;
    Ok(Source::memory(input, content))
}

/// The bytes of an input, to be read more than once; named as its file is.
pub(super) async fn source(ctx: &StageContext, input: &str) -> Result<Source, StageError> {
    let file = ctx.open(input).await?;
    let (name, path) = (input.to_owned(), ctx.path(input)?);
    apart("reading a table", move || {
        Source::spool(path.as_deref().unwrap_or(&name), file)
            .map_err(|error| failed(format!("the table {name} cannot be read"), error))
    })
    .await
}

/// Which format the path of an input says it is; what is no blob is Parquet.
pub(super) fn format_of(ctx: &StageContext, input: &str) -> Result<Format, StageError> {
    let Some(path) = ctx.path(input)? else {
        return Ok(Format::Parquet);
    };
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv") => Ok(Format::Csv),
        Some("ndjson" | "jsonl") => Ok(Format::Ndjson),
        Some("parquet") => Ok(Format::Parquet),
        _ => Err(StageError::data(format!(
            "{path:?} does not say which format it is: end it in .csv, .ndjson or .parquet, or write format = \"…\""
        ))),
    }
}

/// Keeps a table as Parquet, as what the stage calls `port`: `""` where it makes
/// one thing.
///
/// # Errors
/// When the function declares no artifact for it, or it cannot be kept.
pub async fn keep(ctx: &StageContext, port: &str, frame: Frame) -> Result<Artifact, StageError> {
    let rows = frame.n_rows() as u64;
    let (file, schema) = apart("writing a table", move || {
        let wrong = |error| StageError::of("a table cannot be written", error);
        let batch = frame.to_batch().map_err(wrong)?;
        let mut file = temporary()?;
        write(&mut file, &batch)?;
        Ok((rewound(file)?, fingerprint(&batch.schema())))
    })
    .await?;
    let description = Description {
        kind: "table".to_owned(),
        rows: Some(rows),
        schema: Some(schema),
        ..Description::default()
    };
    ctx.put(port, description, file).await
}

fn write(file: &mut File, batch: &RecordBatch) -> Result<(), StageError> {
    let wrong = |error| failed("a table cannot be written".to_owned(), error);
    let clone = file
        .try_clone()
        .map_err(|error| StageError::passing("a temporary file", error))?;
    let mut writer = ParquetWriter::new("table", &batch.schema(), clone).map_err(wrong)?;
    writer.write(batch).map_err(wrong)?;
    writer.finish().map_err(wrong)?;
    Ok(())
}

pub(super) fn temporary() -> Result<File, StageError> {
    tempfile::tempfile().map_err(|error| {
        StageError::passing("a temporary file cannot be made: is the disk full?", error)
    })
}

pub(super) fn rewound(mut file: File) -> Result<File, StageError> {
    file.seek(SeekFrom::Start(0))
        .map_err(|error| StageError::passing("a temporary file cannot be read", error))?;
    Ok(file)
}

/// Names and types, as one text: the same for tables that fit each other.
pub(super) fn fingerprint(schema: &arrow_schema::Schema) -> String {
    let columns = schema.fields().iter().map(|field| {
        let null = if field.is_nullable() { "?" } else { "" };
        format!("{} {}{null}", field.name(), field.data_type())
    });
    columns.collect::<Vec<_>>().join(", ")
}
