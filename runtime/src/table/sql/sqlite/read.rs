//! What a query of SQLite answers. Its columns have no type of their own: each
//! value has one.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::mpsc::{IntoIter, SyncSender, sync_channel};
use std::thread;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OpenFlags};

use super::PATIENCE;
use crate::table::text::Seen;
use crate::table::typed::{Cell, Row, Typed};
use crate::table::types::{Column, all_there};
use crate::table::{Batch, Batches, Columns, Table, TableError};

/// How many rows a batch that is read has.
const BATCH: usize = 4_096;

/// The table that `query` answers. It is run once before, for the types of what
/// is not declared: those of all values, by the rules for CSV; but of a column
/// that the database declares a number, those of its numbers, so that a row
/// with something else there is rejected. So is one that came since and fits
/// no more.
pub(in super::super) fn query(
    shown: &str,
    path: &str,
    query: &str,
    declared: &Columns,
) -> Result<Table, TableError> {
    let asked = Asked {
        table: shown.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
    };
    let (names, columns) = asked.infer(declared)?;
    all_there(shown, &names, declared)?;
    let typed = Arc::new(Typed::new(shown, names, columns));
    let schema = typed.schema().clone();
    let read = move || Ok(Box::new(asked.clone().read(Arc::clone(&typed))) as Batches);
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

    /// The columns by name, as declared, or as their values are.
    fn infer(&self, declared: &Columns) -> Result<(Vec<String>, Vec<Column>), TableError> {
        let connection = self.open()?;
        let refused = TableError::database(&self.table, "the query is refused");
        let mut statement = connection.prepare(&self.query).map_err(&refused)?;
        let mut found: Vec<(String, bool, Seen)> = statement
            .columns()
            .map(|column| {
                let is_number = column.decl_type().is_some_and(is_number);
                (column.name().to_owned(), is_number, Seen::default())
            })
            .collect();
        let mut rows = statement.query([]).map_err(&refused)?;
        while let Some(row) = rows.next().map_err(&refused)? {
            for (place, (_, _, seen)) in found.iter_mut().enumerate() {
                seen.add(kind(row.get_ref(place).map_err(&refused)?));
            }
        }
        let columns = found.into_iter().map(|(name, is_number, seen)| {
            let seen = match is_number {
                true => seen.as_number(),
                false => seen,
            };
            let declared = declared.get(&name).cloned();
            (name, declared.unwrap_or_else(|| Column::new(seen.ty())))
        });
        Ok(columns.unzip())
    }

    /// The rows, read by a thread of their own, a few batches ahead.
    fn read(self, typed: Arc<Typed>) -> Incoming {
        let (sender, batches) = sync_channel(2);
        thread::spawn(move || {
            if let Err(error) = self.send(&typed, &sender) {
                // Nobody listens any more, or this is the last they hear.
                let _ = sender.send(Err(error));
            }
        });
        batches.into_iter()
    }

    fn send(
        &self,
        typed: &Typed,
        sender: &SyncSender<Result<Batch, TableError>>,
    ) -> Result<(), TableError> {
        let connection = self.open()?;
        let refused = TableError::database(&self.table, "the query is refused");
        let mut statement = connection.prepare(&self.query).map_err(&refused)?;
        let n_columns = statement.column_count();
        let mut rows = statement.query([]).map_err(&refused)?;
        let mut number = 0;
        loop {
            let mut sorting = typed.sorting();
            while sorting.n_rows() < BATCH
                && let Some(row) = rows.next().map_err(&refused)?
            {
                number += 1;
                let record = Record::of(row, n_columns).map_err(&refused)?;
                sorting.take(record, number, None);
            }
            let is_over = sorting.n_rows() == 0;
            if is_over || sender.send(Ok(sorting.batch()?)).is_err() {
                return Ok(());
            }
        }
    }
}

type Incoming = IntoIter<Result<Batch, TableError>>;

/// Whether a type that the database declares means numbers and nothing else:
/// SQLite's own rule would have dates be numbers, too.
fn is_number(declared: &str) -> bool {
    let declared = declared.to_ascii_uppercase();
    ["INT", "REAL", "FLOA", "DOUB", "NUMERIC", "DECIMAL"]
        .iter()
        .any(|word| declared.contains(word))
}

fn kind(value: ValueRef<'_>) -> Seen {
    match value {
        ValueRef::Null => Seen::MISSING,
        ValueRef::Integer(_) => Seen::INT,
        ValueRef::Real(_) => Seen::FLOAT,
        ValueRef::Text(_) | ValueRef::Blob(_) => Seen::TEXT,
    }
}

/// The values of a row. A text that is not UTF-8 is bytes.
struct Record(Vec<Value>);

impl Record {
    fn of(row: &rusqlite::Row<'_>, n_columns: usize) -> rusqlite::Result<Record> {
        let values = (0..n_columns).map(|place| {
            Ok(match row.get_ref(place)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Integer(number),
                ValueRef::Real(number) => Value::Real(number),
                ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
                ValueRef::Text(text) => match str::from_utf8(text) {
                    Ok(text) => Value::Text(text.to_owned()),
                    Err(_) => Value::Blob(text.to_vec()),
                },
            })
        });
        values.collect::<rusqlite::Result<_>>().map(Record)
    }
}

impl Row for Record {
    type Cell = Value;

    fn cell(&self, place: usize, _: &str) -> Option<&Value> {
        self.0.get(place)
    }
}

impl Cell for Value {
    fn is_missing(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// SQLite has no truth values but 0 and 1.
    fn bool(&self) -> Option<bool> {
        match self {
            Value::Integer(0) => Some(false),
            Value::Integer(1) => Some(true),
            _ => None,
        }
    }

    fn int(&self) -> Option<i64> {
        match self {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    fn float(&self) -> Option<f64> {
        match self {
            Value::Integer(number) => Some(*number as f64),
            Value::Real(number) => Some(*number),
            _ => None,
        }
    }

    fn str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Value::Null => None,
            Value::Integer(number) => Some(number.to_string().into()),
            // With its point: 3.0, as SQLite writes it.
            Value::Real(number) => Some(format!("{number:?}").into()),
            Value::Text(text) => Some(text.into()),
            Value::Blob(bytes) => str::from_utf8(bytes).ok().map(Cow::Borrowed),
        }
    }

    fn shown(&self) -> String {
        match self {
            Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => other.text().unwrap_or_default().into_owned(),
        }
    }
}
