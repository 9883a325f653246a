//! *ingestion* takes raw tables in: typed, checked row by row, as Parquet.
//!
//! Each input becomes an artifact of its name (the only one, the function's
//! main artifact), and its bad rows another with `-quarantine` behind it, each
//! with its reasons and what was written. Where a set as a whole fails its
//! expectations, nothing goes on. Where a table is declared, the good rows are
//! put there, too. An input that need not be there and is not named is left out.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Seek;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::json;

use super::tables::{apart, failed, fingerprint, format_of, rewound, source};
use crate::function::{Facts, Invocation, Invoked, Kind, StageContext, StageError, StageFn};
use crate::pipeline::{self, Input, Params, Problem};
use crate::store::artifact::Description;
use crate::table::{
    self, Columns, Csv, Database, Expect, Expectations, Format, Missing, ParquetWriter, Reading,
    Source, Summary, TableError, Unique, Upsert, Upserted,
};

pub(super) const KIND: Kind = Kind {
    name: "ingestion",
    configure,
};

/// How a table is read, and what is expected of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Intake {
    /// Unless the path says so.
    format: Option<Format>,
    columns: Columns,
    missing: Missing,
    csv: Csv,
    expect: IndexMap<String, Expect>,
    unique: Vec<Unique>,
    /// The largest share of rows that may fail.
    failed_share: Option<f64>,
    /// Of each input, where there are several.
    tables: IndexMap<String, Intake>,
}

struct Ingestion(Intake);

fn configure(params: &Params) -> Result<Arc<dyn StageFn>, Problem> {
    let intake: Intake = params.read()?;
    if let Some(share) = intake
        .failed_share
        .filter(|share| !(0.0..=1.0).contains(share))
    {
        return Err(params.problem("failed_share", &format!("{share} is no share from 0 to 1")));
    }
    Ok(Arc::new(Ingestion(intake)))
}

impl StageFn for Ingestion {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn invoke<'a>(&'a self, ctx: &'a StageContext, _: Invocation) -> Invoked<'a> {
        Box::pin(self.ingest(ctx))
    }
}

impl Ingestion {
    async fn ingest(&self, ctx: &StageContext) -> Result<Facts, StageError> {
        let mut facts = Facts::new();
        let asked: Vec<&str> = ctx
            .inputs()
            .filter(|input| !ctx.is_left_out(input))
            .collect();
        if asked.is_empty() {
            let all: Vec<&str> = ctx.inputs().collect();
            let message = format!("the message names none of {}", all.join(", "));
            return Err(StageError::data(message));
        }
        for input in asked {
            let intake = self.0.tables.get(input).unwrap_or(&self.0);
            let (port, quarantine) = match input {
                "input" => (String::new(), "quarantine".to_owned()),
                named => (named.to_owned(), format!("{named}-quarantine")),
            };
            let taken = take_in(ctx, input, intake).await?;
            let summary = taken.summary;
            let rejected = kept(ctx, &quarantine, taken.quarantine, summary.quarantined).await?;
            if let Some(failure) = summary.failures.first() {
                return Err(StageError::data(format!(
                    "the table {input} is not as expected: {failure}; its bad rows are in the artifact {rejected}"
                )));
            }
            let again = another(&taken.accepted.0)?;
            kept(ctx, &port, taken.accepted, summary.accepted).await?;
            written(ctx, input, again).await?;
            let told = json!({
                "rows": summary.rows,
                "accepted": summary.accepted,
                "quarantined": summary.quarantined,
                "reasons": summary.reasons,
            });
            facts.insert(input.to_owned(), told);
        }
        Ok(facts)
    }
}

/// A table once it is checked.
struct Taken {
    accepted: (File, String),
    quarantine: (File, String),
    summary: Summary,
}

async fn take_in(ctx: &StageContext, input: &str, intake: &Intake) -> Result<Taken, StageError> {
    let expectations = Expectations {
        columns: intake.expect.clone(),
        unique: intake.unique.clone(),
        failed_share: intake.failed_share,
    };
    let name = input.to_owned();
    if let Input::Sql { url, query } = ctx.input(input)?.clone() {
        let url = ctx.database(&url).await?;
        let columns = intake.columns.clone();
        return apart("ingestion", move || {
            let database = Database::at(&url);
            let table = database.and_then(|database| database.query(&query, &columns));
            table
                .and_then(|table| checked(&table, &expectations))
                .map_err(|error| failed(format!("the query of {name} cannot be taken in"), error))
        })
        .await;
    }
    let format = match intake.format {
        Some(format) => format,
        None => format_of(ctx, input)?,
    };
    let source = source(ctx, input).await?;
    let reading = Reading {
        columns: intake.columns.clone(),
        missing: intake.missing.clone(),
        csv: intake.csv.clone(),
    };
    apart("ingestion", move || {
        table::open(&source, format, &reading)
            .and_then(|table| checked(&table, &expectations))
            .map_err(|error| failed(format!("the table {name} cannot be taken in"), error))
    })
    .await
}

/// The same file, to be read once more after it was kept.
fn another(file: &File) -> Result<File, StageError> {
    file.try_clone()
        .map_err(|error| StageError::passing("a temporary file cannot be read", error))
}

/// Puts the accepted rows into the function's table, if it declares one. Its
/// database notes in the same transaction that this message's rows are there,
/// so that a repeat, whatever died before it, writes nothing twice.
async fn written(ctx: &StageContext, input: &str, accepted: File) -> Result<(), StageError> {
    let Some((into, ledger_key, held)) = ctx.table(input).await? else {
        return Ok(());
    };
    let into = into.clone();
    let accepted = rewound(accepted)?;
    apart("writing to a table", move || {
        let name = into.name.clone();
        put_rows(into, &held.url, &ledger_key, accepted)
            .map_err(|error| failed(format!("the table {name} cannot be written to"), error))
    })
    .await
}

fn put_rows(
    into: pipeline::Table,
    url: &str,
    ledger_key: &str,
    accepted: File,
) -> Result<(), TableError> {
    let source = Source::spool(into.name.as_str(), accepted)?;
    let table = table::open(&source, Format::Parquet, &Reading::default())?;
    let mut rows = table.batches()?.map(|batch| batch.map(|batch| batch.rows));
    let upsert = Upsert {
        table: into.name,
        key: into.key,
    };
    let database = Database::at(url)?;
    let put = database.upsert(&upsert, ledger_key, table.schema(), &mut rows)?;
    match put {
        Upserted::Rows(rows) => tracing::info!(table = upsert.table, rows, "written"),
        Upserted::Before => tracing::info!(table = upsert.table, "written before"),
    }
    Ok(())
}

fn checked(table: &table::Table, expectations: &Expectations) -> Result<Taken, TableError> {
    let bad = table::quarantine_schema(table.schema());
    let (mut good_file, mut bad_file) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let writer = |file: &File, schema| -> Result<ParquetWriter<File>, TableError> {
        ParquetWriter::new(table.name(), schema, file.try_clone()?)
    };
    let mut accepted = writer(&good_file, table.schema())?;
    let mut quarantine = writer(&bad_file, &bad)?;
    let summary = table::check(table, expectations, &mut accepted, &mut quarantine)?;
    accepted.finish()?;
    quarantine.finish()?;
    good_file.rewind()?;
    bad_file.rewind()?;
    Ok(Taken {
        accepted: (good_file, fingerprint(table.schema())),
        quarantine: (bad_file, fingerprint(&bad)),
        summary,
    })
}

async fn kept(
    ctx: &StageContext,
    port: &str,
    (file, schema): (File, String),
    rows: u64,
) -> Result<String, StageError> {
    let description = Description {
        kind: "table".to_owned(),
        rows: Some(rows),
        schema: Some(schema),
        ..Description::default()
    };
    let artifact = ctx.put(port, description, file).await?;
    Ok(artifact.id.to_string())
}
