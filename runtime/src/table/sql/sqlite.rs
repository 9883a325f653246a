//! SQLite, through rusqlite.

use std::sync::mpsc::{IntoIter, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use arrow_array::builder::{ArrayBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{DataType, Schema, SchemaRef};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, params_from_iter,
};

use super::statement::{self, MAKE_LEDGER, TAKE_ENTRY};
use super::{Rows, Upsert, Upserted};
use crate::table::error::Refusal;
use crate::table::text::Seen;
use crate::table::types::{Column, ColumnType, schema};
use crate::table::{Batch, Batches, Table, TableError};

/// How many rows a batch that is read has.
const BATCH: usize = 4_096;

/// How long a lock that another process holds is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The table that `query` answers. It is run once before, for the types.
pub(super) fn query(shown: &str, path: &str, query: &str) -> Result<Table, TableError> {
    let asked = Asked {
        table: shown.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
    };
    let (names, types) = asked.infer()?;
    let columns: Vec<Column> = types.iter().copied().map(Column::new).collect();
    let schema = schema(&names, &columns);
    let own = schema.clone();
    let read = move || Ok(Box::new(asked.clone().read(own.clone(), types.clone())) as Batches);
    Ok(Table::new(shown, schema, read))
}

/// A query to be run.
#[derive(Clone)]
struct Asked {
    table: String,
    path: String,
    query: String,
}

impl Asked {
    fn open(&self) -> Result<Connection, TableError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags);
        let connection =
            connection.map_err(TableError::database(&self.table, "cannot be opened"))?;
        let refused = TableError::database(&self.table, "cannot be waited for");
        connection.busy_timeout(PATIENCE).map_err(refused)?;
        Ok(connection)
    }

    /// The columns' names, and their types by all their values.
    fn infer(&self) -> Result<(Vec<String>, Vec<ColumnType>), TableError> {
        let connection = self.open()?;
        let refused = TableError::database(&self.table, "the query is refused");
        let mut statement = connection.prepare(&self.query).map_err(&refused)?;
        let names = statement.column_names().map(str::to_owned);
        let names: Vec<String> = names.collect();
        let mut seen = vec![Seen::default(); names.len()];
        let mut rows = statement.query([]).map_err(&refused)?;
        while let Some(row) = rows.next().map_err(&refused)? {
            for (place, seen) in seen.iter_mut().enumerate() {
                seen.add(kind(row.get_ref(place).map_err(&refused)?));
            }
        }
        Ok((names, seen.into_iter().map(Seen::ty).collect()))
    }

    /// The rows, read by a thread of their own, a few batches ahead.
    fn read(self, schema: SchemaRef, types: Vec<ColumnType>) -> Incoming {
        let (sender, batches) = sync_channel(2);
        thread::spawn(move || {
            if let Err(error) = self.send(&schema, &types, &sender) {
                // Nobody listens any more, or this is the last they hear.
                let _ = sender.send(Err(error));
            }
        });
        batches.into_iter()
    }

    fn send(
        &self,
        schema: &SchemaRef,
        types: &[ColumnType],
        sender: &SyncSender<Result<Batch, TableError>>,
    ) -> Result<(), TableError> {
        let connection = self.open()?;
        let refused = TableError::database(&self.table, "the query is refused");
        let mut statement = connection.prepare(&self.query).map_err(&refused)?;
        let mut rows = statement.query([]).map_err(&refused)?;
        let mut n_before = 0;
        loop {
            let mut columns: Vec<Builder> = types.iter().copied().map(Builder::new).collect();
            let mut n_rows = 0;
            while n_rows < BATCH
                && let Some(row) = rows.next().map_err(&refused)?
            {
                for (place, column) in columns.iter_mut().enumerate() {
                    column.push(row.get_ref(place).map_err(&refused)?);
                }
                n_rows += 1;
            }
            let arrays = columns.into_iter().map(Builder::finish).collect();
            let rows = RecordBatch::try_new(schema.clone(), arrays);
            let rows = rows.map_err(TableError::arrow(&self.table))?;
            let batch = Batch::of_values(rows, n_before);
            n_before += n_rows as u64;
            if n_rows == 0 || sender.send(Ok(batch)).is_err() {
                return Ok(());
            }
        }
    }
}

type Incoming = IntoIter<Result<Batch, TableError>>;

fn kind(value: ValueRef<'_>) -> Seen {
    match value {
        ValueRef::Null => Seen::MISSING,
        ValueRef::Integer(_) => Seen::INT,
        ValueRef::Real(_) => Seen::FLOAT,
        ValueRef::Text(_) | ValueRef::Blob(_) => Seen::TEXT,
    }
}

/// A column of a batch.
enum Builder {
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
}

impl Builder {
    fn new(ty: ColumnType) -> Builder {
        match ty {
            ColumnType::Int64 => Builder::Int(Int64Builder::new()),
            ColumnType::Float64 => Builder::Float(Float64Builder::new()),
            _ => Builder::Text(StringBuilder::new()),
        }
    }

    /// A value that came since the types were looked at and is of another is
    /// missing.
    fn push(&mut self, value: ValueRef<'_>) {
        match (self, value) {
            (Builder::Int(column), ValueRef::Integer(value)) => column.append_value(value),
            (Builder::Float(column), ValueRef::Integer(value)) => column.append_value(value as f64),
            (Builder::Float(column), ValueRef::Real(value)) => column.append_value(value),
            (Builder::Text(column), ValueRef::Integer(value)) => {
                column.append_value(value.to_string());
            }
            (Builder::Text(column), ValueRef::Real(value)) => {
                column.append_value(value.to_string())
            }
            (Builder::Text(column), ValueRef::Text(text) | ValueRef::Blob(text)) => {
                column.append_value(String::from_utf8_lossy(text));
            }
            (Builder::Int(column), _) => column.append_null(),
            (Builder::Float(column), _) => column.append_null(),
            (Builder::Text(column), ValueRef::Null) => column.append_null(),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Builder::Int(mut column) => ArrayBuilder::finish(&mut column),
            Builder::Float(mut column) => ArrayBuilder::finish(&mut column),
            Builder::Text(mut column) => ArrayBuilder::finish(&mut column),
        }
    }
}

impl Refusal for rusqlite::Error {
    fn may_pass(&self) -> bool {
        let lasting = [
            ErrorCode::AuthorizationForStatementDenied,
            ErrorCode::ConstraintViolation,
            ErrorCode::DatabaseCorrupt,
            ErrorCode::NotADatabase,
            ErrorCode::ReadOnly,
            ErrorCode::TooBig,
            ErrorCode::TypeMismatch,
            // What has no code of its own: a wrong statement, no such table.
            ErrorCode::Unknown,
        ];
        self.sqlite_error_code()
            .is_some_and(|code| !lasting.contains(&code))
    }
}

/// Puts rows into a table, with the ledger's entry, in one transaction.
pub(super) fn upsert(
    shown: &str,
    path: &str,
    into: &Upsert,
    ledger_key: &str,
    schema: &SchemaRef,
    rows: Rows<'_>,
) -> Result<Upserted, TableError> {
    let refused = |doing| TableError::database(shown, doing);
    let opened = Connection::open(path);
    let mut connection = opened.map_err(refused("cannot be opened"))?;
    connection
        .busy_timeout(PATIENCE)
        .map_err(refused("cannot be waited for"))?;
    let began = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = began.map_err(refused("no transaction"))?;
    if !takes_entry(&transaction, ledger_key).map_err(refused("the ledger"))? {
        return Ok(Upserted::Before);
    }
    let n_rows = put(shown, &transaction, into, schema, rows)?;
    transaction
        .commit()
        .map_err(refused("the transaction cannot be committed"))?;
    Ok(Upserted::Rows(n_rows))
}

fn takes_entry(transaction: &Transaction<'_>, key: &str) -> rusqlite::Result<bool> {
    transaction.execute(MAKE_LEDGER, [])?;
    Ok(transaction.execute(TAKE_ENTRY, [key])? == 1)
}

fn put(
    shown: &str,
    transaction: &Transaction<'_>,
    into: &Upsert,
    schema: &Schema,
    rows: Rows<'_>,
) -> Result<u64, TableError> {
    let refused = TableError::database(shown, "the table cannot be made");
    let made = transaction.execute(&statement::create(into, schema), []);
    made.map_err(refused)?;
    let refused = TableError::database(shown, "the rows are refused");
    let sql = statement::upsert(into, schema, |place, _| format!("?{place}"));
    let mut statement = transaction.prepare(&sql).map_err(&refused)?;
    let mut n_rows = 0;
    for batch in rows {
        let batch = batch?;
        let columns = batch.columns().iter().map(values);
        let columns = columns.collect::<Result<Vec<_>, _>>();
        let columns = columns.map_err(TableError::arrow(shown))?;
        for row in 0..batch.num_rows() {
            let parameters = columns.iter().map(|column| column[row].clone());
            statement
                .execute(params_from_iter(parameters))
                .map_err(&refused)?;
        }
        n_rows += batch.num_rows() as u64;
    }
    Ok(n_rows)
}

/// A column as SQLite stores it; dates are text.
fn values(array: &ArrayRef) -> Result<Vec<Value>, arrow_schema::ArrowError> {
    let all = |value: &dyn Fn(usize) -> Value| {
        let value = |row| match array.is_null(row) {
            true => Value::Null,
            false => value(row),
        };
        (0..array.len()).map(value).collect()
    };
    Ok(match array.data_type() {
        DataType::Boolean => {
            let bools = array.as_boolean();
            all(&|row| Value::Integer(bools.value(row).into()))
        }
        ty if ty.is_integer() => {
            let ints = cast(array, &DataType::Int64)?;
            let ints = ints.as_primitive::<Int64Type>();
            all(&|row| Value::Integer(ints.value(row)))
        }
        ty if ty.is_numeric() => {
            let floats = cast(array, &DataType::Float64)?;
            let floats = floats.as_primitive::<Float64Type>();
            all(&|row| Value::Real(floats.value(row)))
        }
        _ => {
            let texts = cast(array, &DataType::Utf8)?;
            let texts = texts.as_string::<i32>();
            all(&|row| Value::Text(texts.value(row).to_owned()))
        }
    })
}

#[cfg(test)]
mod tests {
    use arrow_select::concat::concat_batches;
    use rusqlite::ffi;

    use super::super::Database;
    use super::*;
    use crate::table::{Format, Reading, Source, open};

    fn csv(text: &str) -> Table {
        let source = Source::memory("x.csv", text.to_owned().into_bytes());
        open(&source, Format::Csv, &Reading::default()).unwrap()
    }

    fn put(database: &Database, key: &str, text: &str) -> Result<Upserted, TableError> {
        let table = csv(text);
        let into = Upsert {
            table: "custo\"mers".to_owned(),
            key: vec!["id".to_owned()],
        };
        let mut rows = table.batches()?.map(|batch| batch.map(|batch| batch.rows));
        database.upsert(&into, key, table.schema(), &mut rows)
    }

    fn all(database: &Database) -> RecordBatch {
        let table = database
            .query("SELECT * FROM \"custo\"\"mers\" ORDER BY id")
            .unwrap();
        let batches = table.batches().unwrap().map(|batch| batch.unwrap().rows);
        concat_batches(table.schema(), &batches.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn rows_are_put_by_key_and_once_for_each_entry() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("x.db").display());
        let database = Database::at(&url).unwrap();
        let first = put(&database, "a", "id,age,plan\n1,30,free\n2,31.5,pro\n").unwrap();
        assert_eq!(first, Upserted::Rows(2));
        assert_eq!(
            put(&database, "a", "id,age,plan\n1,99,x\n").unwrap(),
            Upserted::Before
        );
        let second = put(&database, "b", "id,age,plan\n2,40,\n3,50,pro\n").unwrap();
        assert_eq!(second, Upserted::Rows(2));
        let rows = all(&database);
        assert_eq!(
            rows.column(0).as_primitive::<Int64Type>().values(),
            &[1, 2, 3]
        );
        assert_eq!(
            rows.column(1).as_primitive::<Float64Type>().values(),
            &[30.0, 40.0, 50.0]
        );
        let plans: Vec<_> = rows.column(2).as_string::<i32>().iter().collect();
        assert_eq!(plans, [Some("free"), None, Some("pro")]);
    }

    #[test]
    fn after_a_failure_nothing_has_happened() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("x.db").display());
        let database = Database::at(&url).unwrap();
        put(&database, "a", "id,age,plan\n1,30,free\n").unwrap();
        let table = csv("id,age,plan\n1,99,x\n");
        let into = Upsert {
            table: "custo\"mers".to_owned(),
            key: vec!["id".to_owned()],
        };
        let broken = std::iter::once(Err(TableError::NoHeader {
            table: "x".to_owned(),
        }));
        let mut rows = table
            .batches()
            .unwrap()
            .map(|batch| batch.map(|batch| batch.rows))
            .chain(broken);
        assert!(
            database
                .upsert(&into, "b", table.schema(), &mut rows)
                .is_err()
        );
        assert_eq!(
            all(&database)
                .column(1)
                .as_primitive::<Int64Type>()
                .values(),
            &[30]
        );
        assert_eq!(
            put(&database, "b", "id,age,plan\n1,31,y\n").unwrap(),
            Upserted::Rows(1)
        );
    }

    #[test]
    fn only_what_is_wrong_with_the_rows_or_the_statement_stays() {
        let may_pass =
            |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).may_pass();
        for code in [
            ffi::SQLITE_BUSY,
            ffi::SQLITE_FULL,
            ffi::SQLITE_IOERR,
            ffi::SQLITE_CANTOPEN,
        ] {
            assert!(may_pass(code), "{code}");
        }
        for code in [
            ffi::SQLITE_CONSTRAINT,
            ffi::SQLITE_MISMATCH,
            ffi::SQLITE_ERROR,
            ffi::SQLITE_NOTADB,
        ] {
            assert!(!may_pass(code), "{code}");
        }
    }

    #[test]
    fn what_the_database_refuses_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("x.db").display());
        let database = Database::at(&url).unwrap();
        let error = database.query("SELECT 1").err().unwrap().to_string();
        assert!(error.contains("cannot be opened"), "{error}");
        put(&database, "a", "id,age\n1,30\n").unwrap();
        let error = database.query("SELEC 1").err().unwrap().to_string();
        assert!(error.contains("the query is refused"), "{error}");
    }
}
