//! PostgreSQL, through tokio-postgres: async, so each query and each upsert has
//! a thread and a runtime of its own, and callers may be on any thread.
//!
//! The connection is not encrypted; a URL with `sslmode=require` is refused.

use std::future::Future;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use bytes::BytesMut;
use futures_util::future::try_join_all;
use futures_util::{StreamExt, pin_mut};
use indexmap::IndexMap;
use serde_json::{Map, Value};
use tokio::runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Format as ToSqlFormat, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Row, Transaction};

use super::lookup::{no_value, numbered, too_many};
use super::statement::{self, MAKE_LEDGER, TAKE_ENTRY, quoted};
use super::{Rows, Upsert, Upserted};
use crate::table::conform::Conform;
use crate::table::error::Refusal;
use crate::table::types::{Column, ColumnType, schema};
use crate::table::{Batches, Columns, Table, TableError};

/// How many rows a batch that is read has.
const BATCH: usize = 4_096;

/// How many rows are on their way to the server at once.
const PIPELINED: usize = 256;

/// Whoever looks something up waits for an answer.
const LOOKUP_PATIENCE: &str = "SET LOCAL statement_timeout = '30s'";

/// Two that make the same table at the same time wait for each other.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtext('cutline_ledger'))";

type Parameter = Box<dyn ToSql + Sync + Send>;

/// The table that `query` answers; its types are the database's. Numbers of any
/// kind but whole ones are `float64`; what is neither number nor truth value is
/// text, as PostgreSQL writes it.
pub(super) fn query(
    shown: &str,
    url: &str,
    query: &str,
    declared: &Columns,
) -> Result<Table, TableError> {
    let asked = Asked {
        table: shown.to_owned(),
        url: url.to_owned(),
        query: query.to_owned(),
    };
    let columns = on_own_thread(&asked.table, asked.columns())?;
    let (names, types): (Vec<String>, Vec<ColumnType>) = columns.into_iter().unzip();
    let columns: Vec<Column> = types.iter().copied().map(Column::new).collect();
    let schema = schema(&names, &columns);
    let conform = Conform::new(shown, &schema, declared)?;
    let conformed = conform.schema();
    let read = move || {
        let (asked, schema, types) = (asked.clone(), schema.clone(), types.clone());
        let (sender, batches) = sync_channel(2);
        thread::spawn(move || {
            let sent = on_this_thread(&asked.table, asked.send(&schema, &types, &sender));
            if let Err(error) = sent {
                // Nobody listens any more, or this is the last they hear.
                let _ = sender.send(Err(error));
            }
        });
        Ok(Box::new(conform.clone().all(batches.into_iter())) as Batches)
    };
    Ok(Table::new(shown, conformed, read))
}

/// Puts rows into a table, with the ledger's entry, in one transaction.
pub(super) fn upsert(
    shown: &str,
    url: &str,
    into: &Upsert,
    ledger_key: &str,
    schema: &SchemaRef,
    rows: Rows<'_>,
) -> Result<Upserted, TableError> {
    on_own_thread(shown, async {
        let refused = |doing| TableError::database(shown, doing);
        let mut client = connect(shown, url).await?;
        let began = client.transaction().await;
        let transaction = began.map_err(refused("no transaction"))?;
        let takes = takes_entry(&transaction, ledger_key).await;
        if !takes.map_err(refused("the ledger"))? {
            return Ok(Upserted::Before);
        }
        let n_rows = put(shown, &transaction, into, schema, rows).await?;
        let committed = transaction.commit().await;
        committed.map_err(refused("the transaction cannot be committed"))?;
        Ok(Upserted::Rows(n_rows))
    })
}

/// The rows of a query with parameters, `most` at most: as PostgreSQL itself
/// makes JSON of them, in a transaction that can change nothing.
pub(super) fn lookup(
    shown: &str,
    url: &str,
    query: &str,
    values: &IndexMap<String, String>,
    most: usize,
) -> Result<Vec<Map<String, Value>>, TableError> {
    let (query, names) = numbered(query);
    let values = names.iter().map(|name| {
        let value = values.get(name).ok_or_else(|| no_value(shown, name))?;
        Ok(Written(value.clone()))
    });
    let values = values.collect::<Result<Vec<Written>, TableError>>()?;
    let rows = on_own_thread(shown, async {
        let mut client = connect(shown, url).await?;
        let began = client.build_transaction().read_only(true).start().await;
        let transaction = began.map_err(TableError::database(shown, "no transaction"))?;
        let patience = transaction.batch_execute(LOOKUP_PATIENCE).await;
        patience.map_err(TableError::database(shown, "no transaction"))?;
        let query = query.trim_end().trim_end_matches(';');
        let query = format!(
            "SELECT row_to_json(asked)::TEXT FROM ({query}\n) AS asked LIMIT {}",
            most.saturating_add(1)
        );
        let values = values.iter().map(|value| value as &(dyn ToSql + Sync));
        let values: Vec<_> = values.collect();
        let rows = transaction.query(&query, &values).await;
        rows.map_err(|error| match error.as_db_error() {
            // Class 22, data: what the request says is no number, no date.
            Some(said) if said.code().code().starts_with("22") => TableError::Value {
                table: shown.to_owned(),
                problem: said.message().to_owned(),
            },
            _ => TableError::database(shown, "the query is refused")(error),
        })
    })?;
    if rows.len() > most {
        return Err(too_many(shown, most));
    }
    let wrong = TableError::database(shown, "the query's rows cannot be read");
    let rows = rows.iter().map(|row| {
        let text: &str = row.try_get(0).map_err(&wrong)?;
        serde_json::from_str(text).map_err(|error| TableError::Declaration {
            place: shown.to_owned(),
            problem: format!("answers what is no JSON: {error}"),
        })
    });
    rows.collect()
}

/// A value as PostgreSQL reads it, whatever type it has to be.
#[derive(Debug)]
struct Written(String);

impl ToSql for Written {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> ToSqlFormat {
        ToSqlFormat::Text
    }

    to_sql_checked!();
}

/// A query to be run.
#[derive(Clone)]
struct Asked {
    table: String,
    url: String,
    query: String,
}

impl Asked {
    /// The columns that the query answers.
    async fn columns(&self) -> Result<Vec<(String, ColumnType)>, TableError> {
        let client = connect(&self.table, &self.url).await?;
        let prepared = client.prepare(&self.query).await;
        let prepared =
            prepared.map_err(TableError::database(&self.table, "the query is refused"))?;
        let columns = prepared.columns().iter();
        Ok(columns
            .map(|column| (column.name().to_owned(), column_type(column.type_())))
            .collect())
    }

    /// The query, in which every column is one of our types.
    fn converted(&self, schema: &Schema, types: &[ColumnType]) -> String {
        let columns = schema.fields().iter().zip(types);
        let columns: Vec<String> = columns
            .map(|(field, ty)| {
                format!(
                    "{}::{}",
                    quoted(field.name()),
                    statement::type_name(&ty.data_type())
                )
            })
            .collect();
        let query = self.query.trim_end().trim_end_matches(';');
        format!("SELECT {} FROM ({query}\n) AS asked", columns.join(", "))
    }

    async fn send(
        &self,
        schema: &SchemaRef,
        types: &[ColumnType],
        sender: &SyncSender<Result<RecordBatch, TableError>>,
    ) -> Result<(), TableError> {
        let refused = TableError::database(&self.table, "the query is refused");
        let client = connect(&self.table, &self.url).await?;
        let query = self.converted(schema, types);
        let nothing: [&str; 0] = [];
        let rows = client.query_raw(&query, nothing).await.map_err(&refused)?;
        let chunks = rows.chunks(BATCH);
        pin_mut!(chunks);
        while let Some(chunk) = chunks.next().await {
            let rows = chunk
                .into_iter()
                .collect::<Result<Vec<Row>, _>>()
                .map_err(&refused)?;
            let arrays = types.iter().enumerate();
            let arrays = arrays.map(|(place, ty)| array(&rows, place, *ty));
            let arrays = arrays.collect::<Result<_, _>>().map_err(&refused)?;
            let batch = RecordBatch::try_new(schema.clone(), arrays);
            let batch = batch.map_err(TableError::arrow(&self.table))?;
            if sender.send(Ok(batch)).is_err() {
                break;
            }
        }
        Ok(())
    }
}

fn column_type(ty: &Type) -> ColumnType {
    match *ty {
        Type::BOOL => ColumnType::Bool,
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => ColumnType::Int64,
        Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC => ColumnType::Float64,
        _ => ColumnType::String,
    }
}

/// A column of rows.
fn array(rows: &[Row], place: usize, ty: ColumnType) -> Result<ArrayRef, tokio_postgres::Error> {
    macro_rules! build {
        ($builder:expr, $ty:ty) => {{
            let mut builder = $builder;
            for row in rows {
                builder.append_option(row.try_get::<_, Option<$ty>>(place)?);
            }
            Ok(ArrayBuilder::finish(&mut builder))
        }};
    }
    match ty {
        ColumnType::Bool => build!(BooleanBuilder::new(), bool),
        ColumnType::Int64 => build!(Int64Builder::new(), i64),
        ColumnType::Float64 => build!(Float64Builder::new(), f64),
        _ => build!(StringBuilder::new(), &str),
    }
}

/// The classes of PostgreSQL's codes that no repeat can mend: what is not
/// supported, no such cardinality, data, constraints, who may come in, no such
/// database or schema, a wrong statement (no such table or column, a wrong
/// type, a missing right), a view's check.
const LASTING: [&str; 9] = ["0A", "21", "22", "23", "28", "3D", "3F", "42", "44"];

impl Refusal for tokio_postgres::Error {
    fn may_pass(&self) -> bool {
        let code = self.code().map(SqlState::code);
        !code.is_some_and(|code| LASTING.iter().any(|class| code.starts_with(class)))
    }
}

async fn connect(shown: &str, url: &str) -> Result<Client, TableError> {
    let config: Config = url.parse().map_err(|error| TableError::Url {
        url: shown.to_owned(),
        problem: format!("is no URL of PostgreSQL: {error}; write postgres://USER@HOST/NAME"),
    })?;
    let connected = config.connect(NoTls).await;
    let refused = TableError::database(shown, "cannot be connected to");
    let (client, connection) = connected.map_err(refused)?;
    // It ends with the client; what goes wrong is told to who waits for it.
    tokio::spawn(connection);
    Ok(client)
}

async fn takes_entry(
    transaction: &Transaction<'_>,
    key: &str,
) -> Result<bool, tokio_postgres::Error> {
    transaction.batch_execute(LOCK).await?;
    transaction.batch_execute(MAKE_LEDGER).await?;
    Ok(transaction.execute(TAKE_ENTRY, &[&key]).await? == 1)
}

async fn put(
    shown: &str,
    transaction: &Transaction<'_>,
    into: &Upsert,
    schema: &Schema,
    rows: Rows<'_>,
) -> Result<u64, TableError> {
    let refused = TableError::database(shown, "the table cannot be made");
    let made = transaction
        .batch_execute(&statement::create(into, schema))
        .await;
    made.map_err(refused)?;
    let refused = TableError::database(shown, "the rows are refused");
    let sql = statement::upsert(into, schema, parameter);
    let prepared = transaction.prepare(&sql).await.map_err(&refused)?;
    let mut n_rows = 0;
    for batch in rows {
        let batch = batch?;
        let parameters = parameters(&batch).map_err(TableError::arrow(shown))?;
        let mut parameters = parameters.into_iter().peekable();
        while parameters.peek().is_some() {
            let some = parameters.by_ref().take(PIPELINED);
            let put = some.map(|row| transaction.execute_raw(&prepared, row));
            try_join_all(put).await.map_err(&refused)?;
        }
        n_rows += batch.num_rows() as u64;
    }
    Ok(n_rows)
}

/// A parameter, whose type does not depend on the column that it is for: dates
/// are sent as text.
fn parameter(place: usize, ty: &DataType) -> String {
    match statement::type_name(ty) {
        name @ ("DATE" | "TIMESTAMP" | "NUMERIC") => format!("${place}::TEXT::{name}"),
        name => format!("${place}::{name}"),
    }
}

/// The parameters of each row.
fn parameters(batch: &RecordBatch) -> Result<Vec<Vec<Parameter>>, ArrowError> {
    let columns = batch.columns().iter().map(values);
    let mut columns: Vec<_> = columns.collect::<Result<_, _>>()?;
    let mut columns = move || columns.iter_mut().filter_map(Iterator::next).collect();
    Ok((0..batch.num_rows()).map(|_| columns()).collect())
}

fn values(array: &ArrayRef) -> Result<Box<dyn Iterator<Item = Parameter>>, ArrowError> {
    macro_rules! all {
        ($array:expr, $of:expr) => {{
            let array = $array;
            let n_rows = array.len();
            let value = move |row| (!array.is_null(row)).then(|| $of(&array, row));
            Box::new((0..n_rows).map(move |row| Box::new(value(row)) as Parameter))
        }};
    }
    let array = match statement::type_name(array.data_type()) {
        "BOOLEAN" => array.clone(),
        "BIGINT" => cast(array, &DataType::Int64)?,
        "DOUBLE PRECISION" => cast(array, &DataType::Float64)?,
        _ => cast(array, &DataType::Utf8)?,
    };
    Ok(match array.data_type() {
        DataType::Boolean => all!(array, |array: &ArrayRef, row| array.as_boolean().value(row)),
        DataType::Int64 => all!(array, |array: &ArrayRef, row| {
            array.as_primitive::<Int64Type>().value(row)
        }),
        DataType::Float64 => all!(array, |array: &ArrayRef, row| {
            array.as_primitive::<Float64Type>().value(row)
        }),
        _ => all!(array, |array: &ArrayRef, row| array
            .as_string::<i32>()
            .value(row)
            .to_owned()),
    })
}

/// What the future comes to, on a thread of its own: the caller's may already
/// drive another runtime.
fn on_own_thread<T: Send>(
    shown: &str,
    future: impl Future<Output = Result<T, TableError>> + Send,
) -> Result<T, TableError> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| on_this_thread(shown, future));
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn on_this_thread<T>(
    shown: &str,
    future: impl Future<Output = Result<T, TableError>>,
) -> Result<T, TableError> {
    let built = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = built.map_err(TableError::read(shown))?;
    runtime.block_on(future)
}
