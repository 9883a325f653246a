//! Rows into a table of SQLite.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_schema::{DataType, Schema, SchemaRef};
use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, TransactionBehavior, params_from_iter};

use super::super::statement::{self, MAKE_LEDGER, TAKE_ENTRY};
use super::super::{Rows, Upsert, Upserted};
use super::PATIENCE;
use crate::table::TableError;

/// Puts rows into a table, with the ledger's entry, in one transaction.
pub(in super::super) fn upsert(
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
